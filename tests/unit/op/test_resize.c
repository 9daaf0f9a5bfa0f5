/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What resize means: numbers of the ONNX specification's examples, bytes that LiteRT gave, results
 * worked out by hand, and what it refuses.
 */
#include "oc_graph.h"
#include "op_case.h"

#include <math.h>

/* clang-format off */
#define INTS(...) {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}
#define FLOATS(...) {(int32_t)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), {__VA_ARGS__}}
#define F32(...) {OC_DTYPE_float32, INTS(__VA_ARGS__)}
#define SIZES(...) {.attr = "sizes", .ints = INTS(__VA_ARGS__)}
#define SCALES(...) {.attr = "scales", .floats = FLOATS(__VA_ARGS__)}
#define ROI(...) {.attr = "roi", .floats = FLOATS(__VA_ARGS__)}
#define ENUM(attr_, name_) {.attr = attr_, .name = name_}
#define SET(attr_, number_) {.attr = attr_, .number = (number_)}
/* clang-format on */

static const float image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void compute(const oc_op_case *c, const void *x, void *y)
{
    op_run run;
    op_run_init(&run, oc_op_find("resize"), c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(run.call.op->reference(&run.call, &x, &y));
    op_run_fini(&run);
}

static void expect_near(const oc_op_case *c, const float *x, const float *expected, size_t count)
{
    float y[64];
    assert_true(count <= OC_COUNT(y));
    compute(c, x, y);
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(y[i] - expected[i]) <= 2e-6f * fabsf(expected[i]) + 1e-6f))
            fail_msg("%s: element %zu is %.9g, expected %.9g", c->name, i, (double)y[i],
                     (double)expected[i]);
}

/* The examples of the ONNX specification, operator Resize (version 19). */
static void examples_of_onnx(void **state)
{
    static const struct {
        oc_op_case c;
        size_t count;
        float y[16];
    } table[] = {
        {{.name = "downsample_scales_linear",
          .in = {F32(1, 1, 2, 4)},
          .sets = {SIZES(1, 1, 1, 2), SCALES(1, 1, 0.6f, 0.6f), ENUM("mode", "linear")}},
         2,
         {2.6666665f, 4.3333331f}},
        {{.name = "downsample_scales_linear_align_corners",
          .in = {F32(1, 1, 2, 4)},
          .sets = {SIZES(1, 1, 1, 2), SCALES(1, 1, 0.6f, 0.6f), ENUM("mode", "linear"),
                   ENUM("coordinates", "align_corners")}},
         2,
         {1.0f, 3.142857f}},
        {{.name = "downsample_scales_linear_antialias",
          .in = {F32(1, 1, 4, 4)},
          .sets = {SIZES(1, 1, 2, 2), SCALES(1, 1, 0.6f, 0.6f), ENUM("mode", "linear"),
                   SET("antialias", 1)}},
         4,
         {2.875f, 4.5f, 9.375f, 11.0f}},
        {{.name = "downsample_scales_cubic",
          .in = {F32(1, 1, 4, 4)},
          .sets = {SIZES(1, 1, 3, 3), SCALES(1, 1, 0.8f, 0.8f), ENUM("mode", "cubic")}},
         9,
         {1.47119141f, 2.78125f, 4.08251953f, 6.71142578f, 8.02148438f, 9.32275391f, 11.91650391f,
          13.2265625f, 14.52783203f}},
        {{.name = "downsample_scales_cubic_A_n0p5_exclude_outside",
          .in = {F32(1, 1, 4, 4)},
          .sets = {SIZES(1, 1, 3, 3), SCALES(1, 1, 0.8f, 0.8f), ENUM("mode", "cubic"),
                   SET("cubic_a", -0.5), SET("exclude_outside", 1)}},
         9,
         {1.36812675f, 2.6695014f, 4.0133367f, 6.57362535f, 7.875f, 9.2188353f, 11.94896657f,
          13.25034122f, 14.59417652f}},
        {{.name = "tf_crop_and_resize",
          .in = {F32(1, 1, 4, 4)},
          .sets = {SIZES(1, 1, 3, 3), SCALES(1, 1, 0.75f, 0.75f), ENUM("mode", "linear"),
                   ENUM("coordinates", "tf_crop_and_resize"),
                   ROI(0, 0, 0.4f, 0.6f, 1, 1, 0.6f, 0.8f)}},
         9,
         {7.6f, 7.9f, 8.2f, 8.8f, 9.1f, 9.4f, 10.0f, 10.3f, 10.6f}},
        {{.name = "tf_crop_and_resize_extrapolation_value",
          .in = {F32(1, 1, 4, 4)},
          .sets = {SIZES(1, 1, 3, 3), SCALES(1, 1, 0.75f, 0.75f), ENUM("mode", "linear"),
                   ENUM("coordinates", "tf_crop_and_resize"),
                   ROI(0, 0, 0.4f, 0.6f, 1, 1, 1.2f, 1.7f), SET("extrapolation", 10)}},
         9,
         {7.6f, 10.0f, 10.0f, 12.4f, 10.0f, 10.0f, 10.0f, 10.0f, 10.0f}},
        {{.name = "downsample_scales_linear_half_pixel_symmetric",
          .in = {F32(1, 1, 1, 4)},
          .sets = {SIZES(1, 1, 1, 2), SCALES(1, 1, 1, 0.6f), ENUM("mode", "linear"),
                   ENUM("coordinates", "half_pixel_symmetric")}},
         2,
         {1.6666667f, 3.3333333f}},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(table); i++) {
        oc_op_case c = table[i].c;
        c.n_in = 1;
        expect_near(&c, image, table[i].y, table[i].count);
    }
}

/* A row of 1 2 3 4 to six elements, which coordinates 0, 2/3, ... stand for. */
static void nearest_modes(void **state)
{
    static const struct {
        const char *mode;
        float y[6];
    } table[] = {
        {"floor", {1, 1, 2, 3, 3, 4}},
        {"ceil", {1, 2, 3, 3, 4, 4}},
        {"round_prefer_floor", {1, 2, 2, 3, 4, 4}},
        {"round_prefer_ceil", {1, 2, 2, 3, 4, 4}},
    };
    const float halves[] = {1, 1, 2, 2, 3, 3, 4, 4}; /* 0, 1/2, 1, ... rounded down */
    (void)state;
    for (size_t i = 0; i < OC_COUNT(table); i++) {
        const oc_op_case c = {.name = table[i].mode,
                              .in = {F32(4)},
                              .n_in = 1,
                              .sets = {SIZES(6), SCALES(1.5f), ENUM("coordinates", "asymmetric"),
                                       ENUM("nearest_mode", table[i].mode)}};
        expect_near(&c, image, table[i].y, 6);
    }
    const oc_op_case c = {.name = "halves",
                          .in = {F32(4)},
                          .n_in = 1,
                          .sets = {SIZES(8), ENUM("coordinates", "asymmetric")}};
    expect_near(&c, image, halves, 8);
}

/*
 * LiteRT 2.3.0 (ai-edge-litert of PyPI), reference kernels (BUILTIN_REF), on a RESIZE_BILINEAR and a
 * RESIZE_NEAREST_NEIGHBOR of 1x3x4x1 bytes made for this.
 */
static void bytes_of_litert(void **state)
{
    static const uint8_t x[] = {34, 32, 204, 127, 151, 153, 182, 7, 124, 37, 102, 237};
    static const struct {
        const char *coordinates;
        uint8_t y[28];
        int8_t z[28];
    } linear[] = {
        {"asymmetric",
         {34,  33,  57,  155, 182, 138, 127, 122, 122, 132, 169, 144, 58,  37,
          138, 113, 102, 129, 136, 125, 122, 124, 74,  46,  83,  141, 218, 237},
         {34, 33,  20,  -28, -1, 101, 127, -70, -70, -69, -69, -38, 22, 37,
          10, -15, -26, 1,   8,  -3,  -6,  124, 74,  46,  83,  67,  -2, -19}},
        {"align_corners",
         {34,  33,  32,  118, 204, 166, 127, 112, 112, 113, 151, 189, 118, 47,
          142, 128, 114, 135, 155, 120, 84,  124, 81,  37,  70,  102, 170, 237},
         {34,  33,  32,  -10, -52, 38, 127, -59, -58, -58, -62, -67, -10, 47,
          -29, -42, -56, -36, -15, -8, -2,  124, 81,  37,  70,  102, 42,  -19}},
        {"half_pixel",
         {34,  33,  32,  118, 198, 155, 127, 107, 107, 108, 149, 180, 101, 52,
          141, 130, 112, 131, 148, 114, 93,  124, 93,  43,  70,  112, 189, 237},
         {34,  33,  32,  -10, -39, 63, 127, -53, -53, -52, -59, -57, 10, 52,
          -19, -30, -48, -29, -8,  -5, -3,  124, 93,  43,  69,  93,  24, -19}},
    };
    static const uint8_t halves[] = {34, 204, 127, 34,  204, 127, 151, 182,
                                     7,  124, 102, 237, 124, 102, 237};
    static const uint8_t corners[] = {34, 204, 127, 151, 182, 7,   151, 182,
                                      7,  124, 102, 237, 124, 102, 237};
    uint8_t y[28];
    (void)state;
    for (size_t i = 0; i < OC_COUNT(linear); i++) {
        oc_op_case c = {.name = linear[i].coordinates,
                        .in = {{OC_DTYPE_uint8, INTS(1, 3, 4, 1)}},
                        .n_in = 1,
                        .sets = {SIZES(1, 4, 7, 1), ENUM("mode", "linear"),
                                 ENUM("coordinates", linear[i].coordinates)}};
        compute(&c, x, y);
        assert_memory_equal(y, linear[i].y, sizeof(y));
        c.in[0].dtype = OC_DTYPE_int8;
        compute(&c, x, y);
        assert_memory_equal(y, linear[i].z, sizeof(y));
    }
    oc_op_case c = {.name = "nearest",
                    .in = {{OC_DTYPE_uint8, INTS(1, 3, 4, 1)}},
                    .n_in = 1,
                    .sets = {SIZES(1, 5, 3, 1), ENUM("coordinates", "tf_half_pixel_for_nn"),
                             ENUM("nearest_mode", "floor")}};
    compute(&c, x, y);
    assert_memory_equal(y, halves, sizeof(halves));
    c.sets[1].name = "align_corners";
    c.sets[2].name = "round_prefer_ceil";
    compute(&c, x, y);
    assert_memory_equal(y, corners, sizeof(corners));
}

/* However wide the filter and wherever it lies, a constant picture stays itself. */
static void weights_add_up_to_one(void **state)
{
    float x[40], y[90];
    (void)state;
    for (size_t i = 0; i < OC_COUNT(x); i++)
        x[i] = 3;
    for (int32_t n = 1; n <= 90; n += 7)
        for (int k = 0; k < 8; k++) {
            const oc_op_case c = {
                .name = "constant",
                .in = {F32(40)},
                .n_in = 1,
                .sets = {SIZES(n), SCALES((float)n / 40), ENUM("mode", k & 1 ? "cubic" : "linear"),
                         SET("antialias", k >> 1 & 1), SET("exclude_outside", k >> 2)}};
            compute(&c, x, y);
            for (int32_t i = 0; i < n; i++)
                assert_float_equal(y[i], 3, 4e-6);
        }
}

static void refusals(void **state)
{
    static const struct {
        oc_op_case c;
        oc_status status;
        const char *text;
    } table[] = {
        {{.in = {F32(4)}, .sets = {SIZES(2, 2)}},
         OC_E_ARG,
         "sizes of resize has 2 elements, expected 1"},
        {{.in = {F32(4)}, .sets = {SIZES(0)}}, OC_E_SHAPE, "makes 0 elements of 4 along axis 0, expected none of none"},
        {{.in = {F32(4)}, .sets = {SIZES(2), SCALES(1, 1)}},
         OC_E_ARG,
         "scales of resize has 2 elements, expected 1 or none"},
        {{.in = {F32(4)}, .sets = {SIZES(2), SCALES(-1)}},
         OC_E_ARG,
         "element 0 of scales of resize is -1, expected more than 0"},
        {{.in = {F32(4)}, .sets = {SIZES(2), SCALES(0)}}, OC_E_ARG, "expected more than 0"},
        {{.in = {F32(4)}, .sets = {SIZES(2), ENUM("mode", "cubic")}},
         OC_E_ARG,
         "scales of resize is not given, expected one per axis for cubic"},
        {{.in = {F32(4)}, .sets = {SIZES(2), ENUM("coordinates", "pytorch_half_pixel")}},
         OC_E_ARG,
         "one per axis for these coordinates"},
        {{.in = {F32(4)},
          .sets = {SIZES(2), SCALES(0.5f), ENUM("coordinates", "tf_crop_and_resize"), ROI(0)}},
         OC_E_ARG,
         "roi of resize has 1 elements, expected 2 with tf_crop_and_resize"},
        {{.in = {F32(4)}, .sets = {SIZES(2), ROI(0, 1)}}, OC_E_ARG, "expected 0 with half_pixel"},
        {{.in = {{OC_DTYPE_int8, INTS(4)}},
          .sets = {SIZES(2), SCALES(0.5f), ENUM("mode", "linear")}},
         OC_E_DTYPE,
         "is int8, expected float32 for linear, half_pixel with scales"},
        {{.in = {{OC_DTYPE_int32, INTS(4)}}, .sets = {SIZES(2), ENUM("mode", "linear")}},
         OC_E_DTYPE,
         "is int32"},
        {{.in = {F32(2, 2, 2, 2)}, .sets = {SIZES(3, 3, 3, 3)}},
         OC_E_UNSUPPORTED,
         "changes 4 axes, expected at most 3"},
        {{.in = {{OC_DTYPE_int8, INTS(2, 2, 2)}}, .sets = {SIZES(3, 3, 3), ENUM("mode", "linear")}},
         OC_E_UNSUPPORTED,
         "int8 changes 3 axes, expected at most 2"},
        {{.in = {F32(4)},
          .sets = {SIZES(2), SCALES(1e-30f), ENUM("mode", "linear"), SET("antialias", 1)}},
         OC_E_LIMIT,
         "the filter of resize along axis 0 (2 elements from 4, scale 1e-30) is too wide"},
        {{.in = {F32(4)}, .sets = {SIZES(INT32_MAX)}}, OC_E_LIMIT, "is too wide"},
        {{.in = {F32(INT32_MAX)}, .sets = {SIZES(2)}},
         OC_E_LIMIT,
         "changes an axis of 2147483647 elements, expected at most 1073741823"},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(table); i++) {
        oc_op_case c = table[i].c;
        op_run run;
        c.name = "refused";
        c.n_in = 1;
        op_run_init(&run, oc_op_find("resize"), &c);
        oc_assert_fails(op_run_shape(&run), table[i].status, table[i].text);
        op_run_fini(&run);
    }
}

/* Axes that are resized keep their order: the sum goes over them in it. */
static void permutations(void **state)
{
    oc_op_case c = {.name = "permuted",
                    .in = {F32(2, 3, 4, 5)},
                    .n_in = 1,
                    .sets = {SIZES(2, 3, 8, 10), SCALES(1, 1, 2, 2), ENUM("mode", "linear")}};
    const int32_t to_last[] = {0, 2, 3, 1}, swap[] = {0, 1, 3, 2};
    op_run run, permuted;
    (void)state;
    op_run_init(&run, oc_op_find("resize"), &c);
    op_run_init(&permuted, oc_op_find("resize"), &c);
    const oc_node node = {.name = "node", .op = run.call.op, .attrs = permuted.attrs};
    oc_assert_ok(run.call.op->permute(&run.call, to_last, 4, permuted.attrs));
    assert_int_equal(oc_node_ints(&node, "sizes")->v[1], 8);
    assert_int_equal(oc_node_ints(&node, "sizes")->v[3], 3);
    assert_true(oc_node_floats(&node, "scales")->v[2] == 2);
    oc_assert_fails(run.call.op->permute(&run.call, swap, 4, permuted.attrs), OC_E_UNSUPPORTED,
                    "the axes of resize change their order");
    op_run_fini(&permuted);
    op_run_fini(&run);
}

/* Lists of numbers as attributes: set, read back, printed so that they read back the same. */
static void lists_of_numbers(void **state)
{
    const oc_op_case c = {.name = "list", .in = {F32(4)}, .n_in = 1};
    const float scales[17] = {0.1f, 3};
    oc_buf text;
    op_run run;
    (void)state;
    op_run_init(&run, oc_op_find("resize"), &c);
    oc_node node = {.name = "node", .op = run.call.op, .attrs = run.attrs};
    assert_int_equal(oc_node_floats(&node, "scales")->count, 0);
    oc_assert_ok(oc_node_set_floats(&node, "scales", scales, 2));
    assert_int_equal(oc_node_floats(&node, "scales")->count, 2);
    oc_assert_bits_equal(oc_node_floats(&node, "scales")->v, scales, 2);
    oc_assert_fails(oc_node_set_floats(&node, "scales", scales, 17), OC_E_ARG,
                    "attribute scales has 17 values, at most 16 fit");
    oc_assert_fails(oc_node_set_floats(&node, "sizes", scales, 2), OC_E_ARG, "sizes");
    oc_buf_init(&text, NULL);
    oc_assert_ok(oc_attrs_print(run.call.op, run.attrs, &text));
    assert_non_null(strstr(text.data, "scales=[0.100000001,3]"));
    assert_non_null(strstr(text.data, "roi=[]"));
    oc_buf_fini(&text);
    op_run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_onnx), cmocka_unit_test(nearest_modes),
        cmocka_unit_test(bytes_of_litert),  cmocka_unit_test(weights_add_up_to_one),
        cmocka_unit_test(refusals),         cmocka_unit_test(permutations),
        cmocka_unit_test(lists_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
