/* SPDX-License-Identifier: Apache-2.0 */
/** ONNX operators that take, repeat, add and turn elements, and the types that elements have. */
#include "onnx_test.h"

#include <limits.h>

/*
 * ---- taking ------------------------------------------------------------------------------------
 */

static void check_slice(const int64_t *starts, const int64_t *ends, const int64_t *steps,
                        const char *shape, const float *expected)
{
    static const int64_t axes[] = {-1, 0};
    onnx_writer w = begin(DIMS(3, 3));
    onnx_writer_int64s(&w, "starts", DIMS(2), starts);
    onnx_writer_int64s(&w, "ends", DIMS(2), ends);
    onnx_writer_int64s(&w, "axes", DIMS(2), axes);
    onnx_writer_int64s(&w, "steps", DIMS(2), steps);
    onnx_writer_node(&w, "Slice", "s", NAMES("x", "starts", "ends", "axes", "steps"), "y", NULL);
    check(&w, 13, nine, shape, expected);
}

static void slices_of_either_direction(void **state)
{
    (void)state;
    check_slice((int64_t[]){1, 0}, (int64_t[]){3, 2}, (int64_t[]){1, 1}, "2x2",
                (float[]){2, 3, 5, 6});
    check_slice((int64_t[]){-1, -2}, (int64_t[]){INT64_MIN, INT64_MAX}, (int64_t[]){-2, 1}, "2x2",
                (float[]){6, 4, 9, 7});
    check_slice((int64_t[]){-100, 100}, (int64_t[]){100, -100}, (int64_t[]){INT64_MAX, -2}, "2x1",
                (float[]){7, 1});
    /* Backwards from before the first element: from the first one, where NumPy takes none. */
    check_slice((int64_t[]){-100, 0}, (int64_t[]){INT64_MIN, 3}, (int64_t[]){-1, 1}, "3x1",
                (float[]){1, 4, 7});
    /* Before opset 10 they are attributes. */
    onnx_writer w = begin(DIMS(3, 3));
    onnx_writer_node(&w, "Slice", "s", NAMES("x"), "y",
                     ATTRS(INTS("starts", 1), INTS("ends", -1), INTS("axes", 1)));
    check(&w, 9, nine, "3x1", (float[]){2, 5, 8});
    w = begin(DIMS(3, 3));
    onnx_writer_node(&w, "Slice", "s", NAMES("x"), "y",
                     ATTRS(INTS("starts", 1), INTS("ends", -1, 2)));
    refuse(&w, 9, OC_E_FORMAT, "node \"s\": 1 starts, 2 ends");
}

/* Parts in another order show what each of them is. */
static onnx_writer split_and_join(const char *const *in, const onnx_attr *attrs)
{
    static const int64_t parts[] = {1, 2, 4};
    onnx_writer w = begin(DIMS(1, 7));
    onnx_writer_int64s(&w, "parts", DIMS(3), parts);
    onnx_writer_node_of(&w, "Split", "s", in, NAMES("a", "b", "c"), attrs);
    onnx_writer_node(&w, "Concat", "j", NAMES("c", "a", "b"), "y", ATTRS(INT("axis", 1)));
    return w;
}

static void splits_of_each_opset(void **state)
{
    (void)state;
    onnx_writer w = split_and_join(NAMES("x", "parts"), ATTRS(INT("axis", 1)));
    check(&w, 13, nine, "1x7", (float[]){4, 5, 6, 7, 1, 2, 3});
    w = split_and_join(NAMES("x"), ATTRS(INT("axis", 1), INT("num_outputs", 3)));
    check(&w, 18, nine, "1x7", (float[]){7, 1, 2, 3, 4, 5, 6});
    w = split_and_join(NAMES("x"), ATTRS(INT("axis", 1), INTS("split", 3, 3, 1)));
    check(&w, 11, nine, "1x7", (float[]){7, 1, 2, 3, 4, 5, 6});
    w = split_and_join(NAMES("x"), ATTRS(INT("axis", 1), INTS("split", 3, 3, 2)));
    refuse(&w, 11, OC_E_SHAPE, "node \"s\": part 2 of 2 leaves axis 1 of size 7");
    w = split_and_join(NAMES("x"), ATTRS(INT("axis", 1), INTS("split", 3, 3)));
    refuse(&w, 11, OC_E_FORMAT, "node \"s\": 2 parts for 3 results");
}

static void gathers_by_known_and_computed_indices(void **state)
{
    (void)state;
    static const int64_t indices[] = {2, -3};
    onnx_writer w = begin(DIMS(3, 3));
    onnx_writer_int64s(&w, "i", DIMS(2), indices);
    onnx_writer_node(&w, "Gather", "g", NAMES("x", "i"), "y", ATTRS(INT("axis", 1)));
    check(&w, 13, nine, "3x2", (float[]){3, 1, 6, 4, 9, 7});
    w = begin(DIMS(1, 3));
    onnx_writer_node(&w, "ArgMax", "a", NAMES("x"), "i", ATTRS(INT("axis", 1), INT("keepdims", 0)));
    onnx_writer_node(&w, "Gather", "g", NAMES("x", "i"), "y", ATTRS(INT("axis", 1)));
    check(&w, 13, (float[]){2, 7, 1}, "1x1", (float[]){7});
}

/*
 * ---- adding ------------------------------------------------------------------------------------
 */

static void repeats_and_broadcasts(void **state)
{
    (void)state;
    static const int64_t repeats[] = {2, 3}, shape[] = {2, 1, 2};
    onnx_writer w = begin(DIMS(1, 2));
    onnx_writer_int64s(&w, "r", DIMS(2), repeats);
    onnx_writer_node(&w, "Tile", "t", NAMES("x", "r"), "y", NULL);
    check(&w, 13, nine, "2x6", (float[]){1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2});
    w = begin(DIMS(2, 1));
    onnx_writer_int64s(&w, "s", DIMS(3), shape);
    onnx_writer_node(&w, "Expand", "e", NAMES("x", "s"), "y", NULL);
    check(&w, 13, nine, "2x2x2", (float[]){1, 1, 2, 2, 1, 1, 2, 2});
    w = begin(DIMS(3, 1));
    onnx_writer_int64s(&w, "s", DIMS(3), (int64_t[]){1, 2, 1});
    onnx_writer_node(&w, "Expand", "e", NAMES("x", "s"), "y", NULL);
    refuse(&w, 13, OC_E_SHAPE, "node \"e\": axis 1 of size 3 cannot become 2");
}

static void check_pad(const char *mode, const int64_t *pads, const float *expected)
{
    onnx_writer w = begin(DIMS(1, 3));
    onnx_writer_int64s(&w, "pads", DIMS(4), pads);
    onnx_writer_node(&w, "Pad", "p", NAMES("x", "pads"), "y", ATTRS(TEXT("mode", mode)));
    check(&w, 19, nine, "1x5", expected);
}

static void pads_of_each_mode(void **state)
{
    (void)state;
    static const int64_t pads[] = {0, 2, 0, 0}, shifted[] = {0, 3, 0, -1};
    check_pad("constant", pads, (float[]){0, 0, 1, 2, 3});
    check_pad("reflect", pads, (float[]){3, 2, 1, 2, 3});
    check_pad("edge", pads, (float[]){1, 1, 1, 2, 3});
    check_pad("wrap", pads, (float[]){2, 3, 1, 2, 3});
    /* Negative padding cuts, and before anything is added. */
    check_pad("constant", shifted, (float[]){0, 0, 0, 1, 2});
    check_pad("edge", shifted, (float[]){1, 1, 1, 1, 2});
    onnx_writer w = begin(DIMS(1, 3));
    onnx_writer_node(&w, "Pad", "p", NAMES("x"), "y", ATTRS(INTS("pads", 0, -2, 0, -2)));
    refuse(&w, 7, OC_E_SHAPE, "node \"p\": paddings -2, -2 of axis 1 of size 3");
}

/*
 * ---- turning -----------------------------------------------------------------------------------
 */

static void blocks_and_channels(void **state)
{
    (void)state;
    static const float in[] = {0, 1, 2, 3, 4, 5, 6, 7};
    onnx_writer w = begin(DIMS(1, 8, 1, 1));
    onnx_writer_node(&w, "DepthToSpace", "d", NAMES("x"), "y", ATTRS(INT("blocksize", 2)));
    check(&w, 13, in, "1x2x2x2", (float[]){0, 2, 4, 6, 1, 3, 5, 7});
    w = begin(DIMS(1, 8, 1, 1));
    onnx_writer_node(&w, "DepthToSpace", "d", NAMES("x"), "y",
                     ATTRS(INT("blocksize", 2), TEXT("mode", "CRD")));
    check(&w, 13, in, "1x2x2x2", in);
    w = begin(DIMS(1, 1, 2, 4));
    onnx_writer_node(&w, "SpaceToDepth", "s", NAMES("x"), "y", ATTRS(INT("blocksize", 2)));
    check(&w, 13, in, "1x4x1x2", (float[]){0, 2, 1, 3, 4, 6, 5, 7});
    w = begin(DIMS(1, 1, 2, 4));
    onnx_writer_node(&w, "SpaceToDepth", "s", NAMES("x"), "y", ATTRS(INT("blocksize", 3)));
    refuse(&w, 13, OC_E_SHAPE, "1 channels of 2 x 4 are not in blocks of 3");
}

/*
 * ---- types -------------------------------------------------------------------------------------
 */

/* float16 computes as float32 and is rounded after each operator, and only there. */
static void halves_are_cast_around_what_computes(void **state)
{
    (void)state;
    static const uint16_t one_eighth = 0x3000, two = 0x4000;
    onnx_writer w = begin(DIMS(1, 2));
    onnx_writer_tensor(&w, "eighth", ONNX_TYPE_FLOAT16, 2, 0, NULL, &one_eighth);
    onnx_writer_tensor(&w, "two", ONNX_TYPE_FLOAT16, 2, 0, NULL, &two);
    onnx_writer_node(&w, "Cast", "in", NAMES("x"), "h", ATTRS(INT("to", 10)));
    onnx_writer_node(&w, "Add", "add", NAMES("h", "eighth"), "a", NULL);
    onnx_writer_node(&w, "Transpose", "turn", NAMES("a"), "t", NULL);
    onnx_writer_node(&w, "Mul", "mul", NAMES("t", "two"), "m", NULL);
    onnx_writer_node(&w, "Cast", "out", NAMES("m"), "y", ATTRS(INT("to", 1)));
    oc_graph *g = import_ok(&w, 13);
    assert_int_equal(g->values[oc_graph_find_value(g, "a")].desc.dtype, OC_DTYPE_float16);
    assert_int_equal(g->values[oc_graph_find_value(g, "t")].desc.dtype, OC_DTYPE_float16);
    /* 1 + 1/8 is a float16, 1024 + 1/8 is not; half of its last place (1) rounds down. */
    assert_eval(g, (float[]){1, 1024}, "2x1", (float[]){2.25f, 2048});
    oc_graph_destroy(g);
}

static void powers_have_the_type_of_their_base(void **state)
{
    (void)state;
    static const int64_t three = 3;
    onnx_writer w = begin(DIMS(2));
    onnx_writer_tensor(&w, "three", ONNX_TYPE_INT64, 8, 0, NULL, &three);
    onnx_writer_node(&w, "Pow", "p", NAMES("x", "three"), "f", NULL);
    onnx_writer_node(&w, "Cast", "i", NAMES("x"), "n", ATTRS(INT("to", 6)));
    onnx_writer_node(&w, "Pow", "q", NAMES("n", "x"), "g", NULL);
    onnx_writer_node(&w, "Cast", "o", NAMES("g"), "h", ATTRS(INT("to", 1)));
    onnx_writer_node(&w, "Sub", "s", NAMES("f", "h"), "y", NULL);
    oc_graph *g = import_ok(&w, 13);
    assert_int_equal(g->values[oc_graph_find_value(g, "g")].desc.dtype, OC_DTYPE_int32);
    /* 2.5^3 - trunc(2^2.5), 1 - 1 */
    assert_eval(g, (float[]){2.5f, 1}, "2", (float[]){15.625f - 5, 0});
    oc_graph_destroy(g);
}

static void check_dequantized(int64_t output_dtype, oc_dtype expected)
{
    static const uint16_t scale = 0x3555; /* the float16 next to 1/3 */
    onnx_writer w = begin(DIMS(2));
    onnx_writer_tensor(&w, "scale", ONNX_TYPE_FLOAT16, 2, 0, NULL, &scale);
    onnx_writer_node(&w, "Cast", "i", NAMES("x"), "n", ATTRS(INT("to", 3)));
    onnx_writer_node(&w, "DequantizeLinear", "d", NAMES("n", "scale"), "f",
                     output_dtype ? ATTRS(INT("output_dtype", output_dtype)) : NULL);
    onnx_writer_node(&w, "Cast", "o", NAMES("f"), "y", ATTRS(INT("to", 1)));
    oc_graph *g = import_ok(&w, 23);
    const oc_id f = oc_graph_find_value(g, "f");
    assert_true(f != OC_NONE);
    assert_int_equal(g->values[f].desc.dtype, expected);
    /* 11 bits of the product 7 * 1365 / 4096 are fewer than it has. */
    const float product = 9555.0f / 4096, half = 9552.0f / 4096;
    assert_eval(g, (float[]){1, 7}, "2",
                (float[]){1365.0f / 4096, expected == OC_DTYPE_float16 ? half : product});
    oc_graph_destroy(g);
}

/* With float16 scales: the result is float16, unless output_dtype says another type. */
static void dequantised_as_the_attribute_says(void **state)
{
    (void)state;
    check_dequantized(0, OC_DTYPE_float16);
    check_dequantized(1, OC_DTYPE_float32);
    check_dequantized(10, OC_DTYPE_float16);
    static const float one = 1;
    static const int8_t zero = 0;
    onnx_writer w = begin(DIMS(2));
    onnx_writer_floats(&w, "scale", 0, NULL, &one);
    onnx_writer_tensor(&w, "zero", ONNX_TYPE_INT8, 1, 0, NULL, &zero);
    onnx_writer_node(&w, "QuantizeLinear", "q", NAMES("x", "scale", "zero"), "y",
                     ATTRS(INT("output_dtype", 2)));
    refuse(&w, 23, OC_E_FORMAT, "zero points of int8: expected output_dtype to be that too, found uint8");
    w = begin(DIMS(2));
    onnx_writer_floats(&w, "scale", 0, NULL, &one);
    onnx_writer_node(&w, "Cast", "i", NAMES("x"), "n", ATTRS(INT("to", 3)));
    onnx_writer_node(&w, "DequantizeLinear", "d", NAMES("n", "scale"), "y",
                     ATTRS(INT("output_dtype", 6)));
    refuse(&w, 23, OC_E_FORMAT, "expected output_dtype to be float32 or float16, found int32");
}

/* 7^9 has more bits than a float32 holds. */
static void powers_of_integers_are_exact(void **state)
{
    (void)state;
    static const int64_t nine_times = 9;
    static const int32_t power = 40353607;
    onnx_writer w = begin(DIMS(1));
    onnx_writer_tensor(&w, "nine", ONNX_TYPE_INT64, 8, 0, NULL, &nine_times);
    onnx_writer_tensor(&w, "power", ONNX_TYPE_INT32, 4, 0, NULL, &power);
    onnx_writer_node(&w, "Cast", "i", NAMES("x"), "n", ATTRS(INT("to", 6)));
    onnx_writer_node(&w, "Pow", "p", NAMES("n", "nine"), "q", NULL);
    onnx_writer_node(&w, "Sub", "s", NAMES("q", "power"), "d", NULL);
    onnx_writer_node(&w, "Cast", "o", NAMES("d"), "y", ATTRS(INT("to", 1)));
    check(&w, 13, (float[]){7}, "1", (float[]){0});
}

/* Bases and powers of more bits than a float32 holds, by exponents that are only known when it runs. */
static void powers_of_integers_by_floats(void **state)
{
    (void)state;
    static const int32_t narrow[] = {16777217, -16777217, 3, -7, 16, 5, 2};
    static const int64_t wide[] = {9007199254740993, -3037000499, 3, 7, 16, 5, 2};
    static const int32_t narrow_powers[] = {16777217, 1, 1162261467, -40353607, 64, 0, 1};
    static const int64_t wide_powers[] = {9007199254740993, 1, 1162261467, 40353607, 64, 0, 1};
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        const onnx_type type = is_wide ? ONNX_TYPE_INT64 : ONNX_TYPE_INT32;
        const size_t elem = is_wide ? 8 : 4;
        onnx_writer w = begin(DIMS(7));
        onnx_writer_tensor(&w, "base", type, elem, DIMS(7), is_wide ? (const void *)wide : narrow);
        onnx_writer_tensor(&w, "powers", type, elem, DIMS(7),
                           is_wide ? (const void *)wide_powers : narrow_powers);
        onnx_writer_node(&w, "Pow", "p", NAMES("base", "x"), "q", NULL);
        onnx_writer_node(&w, "Sub", "s", NAMES("q", "powers"), "d", NULL);
        onnx_writer_node(&w, "Cast", "o", NAMES("d"), "y", ATTRS(INT("to", 1)));
        check(&w, 13, (float[]){1, 0, 19, 9, 1.5f, -2, 0.5f}, "7", (float[7]){0});
    }
}

/* Exponents that are no float32, known or not: odd ones stay odd. */
static void powers_of_floats_by_large_integers(void **state)
{
    (void)state;
    static const int32_t narrow[] = {1, 2, -1, 0, 1, 0};
    static const int64_t wide[] = {1, 2, -1, 0, INT64_C(1) << 53 | 1, INT64_C(1) << 62};
    static const float bases[] = {-1, -1, -0.99999994f, -2, -1, -0.5f};
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        onnx_writer w = begin(DIMS(6));
        onnx_writer_floats(&w, "base", DIMS(6), bases);
        onnx_writer_tensor(&w, "more", is_wide ? ONNX_TYPE_INT64 : ONNX_TYPE_INT32, is_wide ? 8 : 4,
                           DIMS(6), is_wide ? (const void *)wide : narrow);
        onnx_writer_node(&w, "Cast", "i", NAMES("x"), "n", ATTRS(INT("to", is_wide ? 7 : 6)));
        onnx_writer_node(&w, "Add", "a", NAMES("n", "more"), "q", NULL);
        onnx_writer_node(&w, "Pow", "p", NAMES("base", "q"), "y", NULL);
        /* 1 - 2^-24 to the power of -(2^24 + 1) is e, but for 1 in 10^7. */
        check(&w, 13, (float[]){16777216, 16777216, -16777216, 3, 1073741824, -8}, "6",
              (float[]){-1, 1, -2.7182821f, -8, -1, is_wide ? 0 : 256});
    }
    static const int32_t known[] = {16777217, -16777217, 3};
    onnx_writer w = begin(DIMS(3));
    onnx_writer_tensor(&w, "q", ONNX_TYPE_INT32, 4, DIMS(3), known);
    onnx_writer_node(&w, "Pow", "p", NAMES("x", "q"), "y", NULL);
    check(&w, 13, (float[]){-1, -1, -2}, "3", (float[]){-1, -1, -8});
    static const int32_t even[] = {16777216, -16777216, 3}; /* float32 all of them: one node does */
    w = begin(DIMS(3));
    onnx_writer_tensor(&w, "q", ONNX_TYPE_INT32, 4, DIMS(3), even);
    onnx_writer_node(&w, "Pow", "p", NAMES("x", "q"), "y", NULL);
    oc_graph *g = import_ok(&w, 13);
    assert_int_equal(count_nodes(g, "binary"), 1);
    assert_eval(g, (float[]){-1, -1, -2}, "3", (float[]){1, 1, -8});
    oc_graph_destroy(g);
}

static void types_that_are_not_known_are_named(void **state)
{
    (void)state;
    onnx_writer w;
    onnx_writer_init(&w, "test");
    onnx_writer_input_of(&w, "x", ONNX_TYPE_DOUBLE, DIMS(2));
    onnx_writer_output(&w, "y", DIMS(2));
    onnx_writer_node(&w, "Relu", "r", NAMES("x"), "y", NULL);
    refuse(&w, 13, OC_E_UNSUPPORTED,
           "node \"r\": Relu: input \"x\": elements of type DOUBLE are not supported");
    w = begin(DIMS(2));
    onnx_writer_node(&w, "Cast", "c", NAMES("x"), "y", ATTRS(INT("to", 11)));
    refuse(&w, 13, OC_E_UNSUPPORTED, "node \"c\": Cast: elements of type DOUBLE");
    onnx_writer_init(&w, "test");
    onnx_writer_input_of(&w, "x", ONNX_TYPE_BOOL, DIMS(2));
    onnx_writer_output(&w, "y", DIMS(2));
    onnx_writer_node(&w, "Sigmoid", "s", NAMES("x"), "y", NULL);
    refuse(&w, 13, OC_E_DTYPE, "node \"s\": Sigmoid: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_of_either_direction),
        cmocka_unit_test(splits_of_each_opset),
        cmocka_unit_test(gathers_by_known_and_computed_indices),
        cmocka_unit_test(repeats_and_broadcasts),
        cmocka_unit_test(pads_of_each_mode),
        cmocka_unit_test(blocks_and_channels),
        cmocka_unit_test(halves_are_cast_around_what_computes),
        cmocka_unit_test(powers_have_the_type_of_their_base),
        cmocka_unit_test(dequantised_as_the_attribute_says),
        cmocka_unit_test(powers_of_integers_are_exact),
        cmocka_unit_test(powers_of_integers_by_floats),
        cmocka_unit_test(powers_of_floats_by_large_integers),
        cmocka_unit_test(types_that_are_not_known_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
