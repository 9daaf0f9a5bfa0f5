/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ONNX models made in memory: what each operator becomes, in each opset, and what is refused and
 * how.
 */
#include "onnx_test.h"

#include <math.h>

/*
 * ---- spatial operators -------------------------------------------------------------------------
 */

static void convolution_of_each_padding(void **state)
{
    (void)state;
    static const float weights[] = {1, 0, 0, 1}, bias[] = {100};
    static const struct {
        const char *auto_pad;
        const char *shape;
        float expected[4];
    } cases[] = {
        {"VALID", "1x1x1x1", {106}},
        {"SAME_UPPER", "1x1x2x2", {106, 103, 107, 109}},
        {"SAME_LOWER", "1x1x2x2", {101, 103, 107, 114}},
    };
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        onnx_writer w = begin(DIMS(1, 1, 3, 3));
        onnx_writer_floats(&w, "w", DIMS(1, 1, 2, 2), weights);
        onnx_writer_floats(&w, "b", DIMS(1), bias);
        onnx_writer_node(&w, "Conv", "conv", NAMES("x", "w", "b"), "y",
                         ATTRS(INTS("strides", 2, 2), TEXT("auto_pad", cases[i].auto_pad)));
        check(&w, 13, nine, cases[i].shape, cases[i].expected);
    }
    onnx_writer w = begin(DIMS(1, 1, 3, 3));
    onnx_writer_floats(&w, "w", DIMS(1, 1, 2, 2), weights);
    onnx_writer_node(&w, "Conv", "conv", NAMES("x", "w"), "y",
                     ATTRS(INTS("pads", 0, 1, 0, 0), INTS("dilations", 2, 1), INT("group", 1),
                           INTS("kernel_shape", 2, 2)));
    check(&w, 7, nine, "1x1x1x3", (float[]){7, 1 + 8, 2 + 9});
}

static void layouts_are_turned_once(void **state)
{
    (void)state;
    static const float weights[] = {1, 2, 3, 4};
    onnx_writer w = begin(DIMS(1, 2, 3, 3));
    onnx_writer_floats(&w, "w", DIMS(2, 2, 1, 1), weights);
    onnx_writer_node(&w, "Conv", "one", NAMES("x", "w"), "a", NULL);
    onnx_writer_node(&w, "Conv", "two", NAMES("a", "w"), "b", NULL);
    onnx_writer_node(&w, "MaxPool", "three", NAMES("b"), "y", ATTRS(INTS("kernel_shape", 2, 2)));
    oc_graph *g = import_ok(&w, 13);
    /* Between spatial operators there is none, and the weights' own is a constant. */
    assert_int_equal(count_nodes(g, "transpose"), 2);
    assert_int_equal(g->n_const_nodes, 2);
    assert_true(oc_graph_find_node(g, "one") != OC_NONE);
    assert_shape(&g->values[g->outputs[0]].desc.shape, "1x2x2x2");
    oc_graph_destroy(g);
}

static void pools(void **state)
{
    (void)state;
    onnx_writer w = begin(DIMS(1, 1, 3, 3));
    onnx_writer_node(
        &w, "AveragePool", "p", NAMES("x"), "y",
        ATTRS(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2), INTS("pads", 1, 1, 0, 0)));
    check(&w, 7, nine, "1x1x2x2", (float[]){1, 2.5f, 5.5f, 7});
    w = begin(DIMS(1, 1, 3, 3));
    onnx_writer_node(&w, "AveragePool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2),
                           INTS("pads", 1, 1, 0, 0), INT("count_include_pad", 1)));
    check(&w, 11, nine, "1x1x2x2", (float[]){0.25f, 1.25f, 2.75f, 7});
    w = begin(DIMS(1, 1, 3, 3));
    onnx_writer_node(&w, "MaxPool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2), INT("ceil_mode", 1)));
    check(&w, 12, nine, "1x1x2x2", (float[]){5, 6, 8, 9});
    w = begin(DIMS(1, 2, 2, 2));
    onnx_writer_node(&w, "GlobalAveragePool", "p", NAMES("x"), "y", NULL);
    check(&w, 9, nine, "1x2x1x1", (float[]){2.5f, 6.5f});
    w = begin(DIMS(1, 2, 2, 2));
    onnx_writer_node(&w, "GlobalMaxPool", "p", NAMES("x"), "y", NULL);
    check(&w, 9, nine, "1x2x1x1", (float[]){4, 8});
}

static void normalisations_over_channels(void **state)
{
    (void)state;
    static const float two[] = {2, 10}, one[] = {1, 1}, zero[] = {0, 0}, three[] = {3, 3};
    onnx_writer w = begin(DIMS(1, 2, 1, 2));
    onnx_writer_floats(&w, "scale", DIMS(2), two);
    onnx_writer_floats(&w, "bias", DIMS(2), one);
    onnx_writer_floats(&w, "mean", DIMS(2), zero);
    onnx_writer_floats(&w, "var", DIMS(2), three);
    onnx_writer_node(&w, "BatchNormalization", "n", NAMES("x", "scale", "bias", "mean", "var"), "y",
                     ATTRS(FLOAT("epsilon", 1)));
    check(&w, 9, nine, "1x2x1x2", (float[]){2, 3, 16, 21});
    w = begin(DIMS(1, 3, 1, 1));
    onnx_writer_node(
        &w, "LRN", "n", NAMES("x"), "y",
        ATTRS(INT("size", 3), FLOAT("alpha", 1.5f), FLOAT("beta", 1), FLOAT("bias", 2)));
    /* alpha is divided by size: 2 + 0.5 * squares */
    check(&w, 13, nine, "1x3x1x1", (float[]){1 / 4.5f, 2 / 9.f, 3 / 8.5f});
}

/*
 * ---- products ----------------------------------------------------------------------------------
 */

static void gemm_with_all_of_it(void **state)
{
    (void)state;
    static const float b[] = {1, 10, 100, 1000}, c[] = {2, 4};
    onnx_writer w = begin(DIMS(2, 2));
    onnx_writer_floats(&w, "b", DIMS(2, 2), b);
    onnx_writer_floats(&w, "c", DIMS(2), c);
    onnx_writer_node(&w, "Gemm", "g", NAMES("x", "b", "c"), "y",
                     ATTRS(FLOAT("alpha", 2), FLOAT("beta", 0.5f), INT("transA", 1)));
    /* x' = 1 3 / 2 4; x' b = 301 3010 / 402 4020 */
    oc_graph *g = import_ok(&w, 13);
    assert_int_equal(count_nodes(g, "fully_connected"), 1);
    assert_int_equal(count_nodes(g, "binary"), 0); /* the factors and c are in the constants */
    assert_eval(g, nine, "2x2", (float[]){603, 6022, 805, 8042});
    oc_graph_destroy(g);
    w = begin(DIMS(2, 2));
    onnx_writer_floats(&w, "b", DIMS(2, 2), b);
    onnx_writer_floats(&w, "c", DIMS(2, 1), c);
    onnx_writer_node(&w, "Gemm", "g", NAMES("x", "b", "c"), "y", ATTRS(INT("transB", 1)));
    check(&w, 13, nine, "2x2", (float[]){21 + 2, 2100 + 2, 43 + 4, 4300 + 4});
    w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "Gemm", "g", NAMES("x", "x", "x"), "y",
                     ATTRS(FLOAT("alpha", 2), FLOAT("beta", -1)));
    check(&w, 13, nine, "2x2", (float[]){14 - 1, 20 - 2, 30 - 3, 44 - 4});
    /* With beta 0 the addend does not matter, whatever it holds. */
    static const float infinite[] = {HUGE_VALF};
    w = begin(DIMS(2, 2));
    onnx_writer_floats(&w, "c", DIMS(1), infinite);
    onnx_writer_node(&w, "Gemm", "g", NAMES("x", "x", "c"), "y", ATTRS(FLOAT("beta", 0)));
    check(&w, 13, nine, "2x2", (float[]){7, 10, 15, 22});
}

static void matmul_of_each_rank(void **state)
{
    (void)state;
    static const float b[] = {1, 10, 100, 1000}, v[] = {1, 10};
    onnx_writer w = begin(DIMS(2, 1, 2));
    onnx_writer_floats(&w, "b", DIMS(2, 2), b);
    onnx_writer_node(&w, "MatMul", "m", NAMES("x", "b"), "y", NULL);
    oc_graph *g = import_ok(&w, 13);
    assert_int_equal(count_nodes(g, "fully_connected"), 1);
    assert_eval(g, nine, "2x1x2", (float[]){201, 2010, 403, 4030});
    oc_graph_destroy(g);
    w = begin(DIMS(2, 2));
    onnx_writer_floats(&w, "v", DIMS(2), v);
    onnx_writer_node(&w, "MatMul", "m", NAMES("x", "v"), "y", NULL);
    check(&w, 13, nine, "2", (float[]){21, 43});
    w = begin(DIMS(2));
    onnx_writer_floats(&w, "b", DIMS(2, 2), b);
    onnx_writer_node(&w, "MatMul", "m", NAMES("x", "b"), "y", NULL);
    check(&w, 13, nine, "2", (float[]){201, 2010});
    w = begin(DIMS(2));
    onnx_writer_node(&w, "MatMul", "m", NAMES("x", "x"), "y", NULL);
    check(&w, 13, nine, "scalar", (float[]){5});
}

/*
 * ---- elementwise -------------------------------------------------------------------------------
 */

static void one_unary(const char *op, const onnx_attr *attrs, const float *in,
                      const float *expected)
{
    onnx_writer w = begin(DIMS(4));
    onnx_writer_node(&w, op, "u", NAMES("x"), "y", attrs);
    check(&w, 8, in, "4", expected);
}

static void functions_of_one_input(void **state)
{
    (void)state;
    static const float in[] = {-2, -0.5f, 0.5f, 7};
    one_unary("Relu", NULL, in, (float[]){0, 0, 0.5f, 7});
    one_unary("LeakyRelu", ATTRS(FLOAT("alpha", 0.5f)), in, (float[]){-1, -0.25f, 0.5f, 7});
    one_unary("LeakyRelu", NULL, in, (float[]){-0.02f, -0.005f, 0.5f, 7});
    one_unary("Sigmoid", NULL, (float[]){0, 0, 0, 0}, (float[]){0.5f, 0.5f, 0.5f, 0.5f});
    one_unary("Tanh", NULL, (float[]){0, 100, -100, 0}, (float[]){0, 1, -1, 0});
    one_unary("Clip", ATTRS(FLOAT("min", 0), FLOAT("max", 6)), in, (float[]){0, 0, 0.5f, 6});
    one_unary("Clip", ATTRS(FLOAT("min", -1)), in, (float[]){-1, -0.5f, 0.5f, 7});
    one_unary("Dropout", ATTRS(FLOAT("ratio", 0.5f)), in, in);
    one_unary("Identity", NULL, in, in);
}

static void every_opset_is_read(void **state)
{
    (void)state;
    for (int64_t opset = 7; opset <= 25; opset++) {
        onnx_writer w = begin(DIMS(4));
        onnx_writer_node(&w, "Relu", "relu", NAMES("x"), "y", NULL);
        check(&w, opset, (float[]){-2, -0.5f, 0.5f, 7}, "4", (float[]){0, 0, 0.5f, 7});
    }
}

static void clip_finds_the_functions_with_names(void **state)
{
    (void)state;
    static const float zero[] = {0}, six[] = {6};
    onnx_writer w = begin(DIMS(4));
    onnx_writer_floats(&w, "zero", 0, NULL, zero);
    onnx_writer_floats(&w, "six", 0, NULL, six);
    onnx_writer_node(&w, "Clip", "six", NAMES("x", "zero", "six"), "a", NULL);
    onnx_writer_node(&w, "Clip", "relu", NAMES("a", "zero", ""), "b", NULL);
    onnx_writer_node(&w, "Clip", "upper", NAMES("b", "", "six"), "c", NULL);
    onnx_writer_node(&w, "Clip", "all", NAMES("c"), "y", NULL);
    oc_graph *g = import_ok(&w, 13);
    assert_string_equal(oc_node_enum(&g->nodes[oc_graph_find_node(g, "six")], "fn"), "relu6");
    assert_string_equal(oc_node_enum(&g->nodes[oc_graph_find_node(g, "relu")], "fn"), "relu");
    assert_string_equal(oc_node_enum(&g->nodes[oc_graph_find_node(g, "upper")], "fn"), "clip");
    assert_string_equal(g->nodes[oc_graph_find_node(g, "all")].op->name, "identity");
    oc_graph_destroy(g);
    /* The lower bound comes first: where it is above the other, that one is all there is. */
    one_unary("Clip", ATTRS(FLOAT("min", 2), FLOAT("max", 1)), nine, (float[]){1, 1, 1, 1});
    /* Bounds that are not known beforehand. */
    w = begin(DIMS(1, 4));
    onnx_writer_node(&w, "ReduceMean", "m", NAMES("x"), "mean", NULL);
    onnx_writer_node(&w, "Clip", "c", NAMES("x", "mean"), "y", NULL);
    check(&w, 13, nine, "1x4", (float[]){2.5f, 2.5f, 3, 4});
}

static void functions_of_several_inputs(void **state)
{
    (void)state;
    static const float row[] = {1, -2}, half[] = {0.5f};
    static const struct {
        const char *op;
        float expected[4];
    } cases[] = {
        {"Add", {2, 0, 4, 2}},   {"Sub", {0, 4, 2, 6}}, {"Mul", {1, -4, 3, -8}},
        {"Div", {1, -1, 3, -2}}, {"Max", {1, 2, 3, 4}}, {"Min", {1, -2, 1, -2}},
    };
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        onnx_writer w = begin(DIMS(2, 2));
        onnx_writer_floats(&w, "row", DIMS(2), row);
        onnx_writer_node(&w, cases[i].op, "b", NAMES("x", "row"), "y", NULL);
        check(&w, 13, nine, "2x2", cases[i].expected);
    }
    onnx_writer w = begin(DIMS(2, 2));
    onnx_writer_floats(&w, "row", DIMS(2), row);
    onnx_writer_floats(&w, "half", DIMS(1), half);
    onnx_writer_node(&w, "Sum", "s", NAMES("x", "row", "half", "x"), "y", NULL);
    check(&w, 8, nine, "2x2", (float[]){3.5f, 2.5f, 7.5f, 6.5f});
}

/* y = float(op(integer x, integer q)); expected as the ONNX specification says it, after Python's %. */
static void check_integers(const char *op, onnx_type type, bool has_q, const onnx_attr *attrs,
                           const float *expected)
{
    static const float x[] = {7, -7, 7, -7, 6, -6, 0, 1}, q[] = {3, 3, -3, -3, 3, 3, -3, -128};
    onnx_writer w = begin(DIMS(8));
    const onnx_attr *to = ATTRS(INT("to", (int64_t)type));
    onnx_writer_floats(&w, "q", DIMS(8), q);
    onnx_writer_node(&w, "Cast", "cast_x", NAMES("x"), "xi", to);
    onnx_writer_node(&w, "Cast", "cast_q", NAMES("q"), "qi", to);
    onnx_writer_node(&w, op, "r", has_q ? NAMES("xi", "qi") : NAMES("xi"), "r", attrs);
    onnx_writer_node(&w, "Cast", "cast_r", NAMES("r"), "y", ATTRS(INT("to", ONNX_TYPE_FLOAT)));
    check(&w, 13, x, "8", expected);
}

static void rests_and_signs_of_integers(void **state)
{
    (void)state;
    static const onnx_type types[] = {ONNX_TYPE_INT8, ONNX_TYPE_INT32, ONNX_TYPE_INT64};
    for (size_t i = 0; i < OC_COUNT(types); i++) {
        check_integers("Mod", types[i], true, NULL, (float[]){1, 2, -2, -1, 0, 0, 0, -127});
        check_integers("Mod", types[i], true, ATTRS(INT("fmod", 1)),
                       (float[]){1, -1, 1, -1, 0, 0, 0, 1});
        check_integers("Sign", types[i], false, NULL, (float[]){1, -1, 1, -1, 1, -1, 0, 1});
    }
    onnx_writer w = begin(DIMS(2));
    onnx_writer_node(&w, "Mod", "m", NAMES("x", "x"), "y", ATTRS(INT("fmod", 1)));
    refuse(&w, 13, OC_E_UNSUPPORTED, "node \"m\": Mod of float32");
}

/*
 * ---- shapes ------------------------------------------------------------------------------------
 */

static void softmax_before_and_after_opset_13(void **state)
{
    (void)state;
    static const float zeros[8] = {0};
    static const float eighth[] = {0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f};
    static const float half[] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
    onnx_writer w = begin(DIMS(1, 2, 4));
    onnx_writer_node(&w, "Softmax", "s", NAMES("x"), "y", NULL); /* axis 1: rows of 2 x 4 */
    check(&w, 12, zeros, "1x2x4", eighth);
    w = begin(DIMS(1, 2, 4));
    onnx_writer_node(&w, "Softmax", "s", NAMES("x"), "y", ATTRS(INT("axis", 1)));
    check(&w, 13, zeros, "1x2x4", half);
    w = begin(DIMS(1, 8, 1, 1));
    onnx_writer_node(&w, "Softmax", "s", NAMES("x"), "y", NULL);
    oc_graph *g = import_ok(&w, 9);
    assert_int_equal(g->n_nodes, 1); /* nothing to flatten */
    assert_eval(g, zeros, "1x8x1x1", eighth);
    oc_graph_destroy(g);
}

static void reshape_copies_and_infers(void **state)
{
    (void)state;
    static const int64_t shape[] = {0, -1, 1}, empty[] = {0};
    onnx_writer w = begin(DIMS(2, 2, 2));
    onnx_writer_int64s(&w, "shape", DIMS(3), shape);
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "y", NULL);
    check(&w, 7, nine, "2x4x1", nine);
    w = begin(DIMS(1, 1));
    onnx_writer_int64s(&w, "shape", DIMS(0), empty);
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "y", NULL);
    check(&w, 7, nine, "scalar", nine);
    w = begin(DIMS(2, 2, 2));
    onnx_writer_node(&w, "Flatten", "f", NAMES("x"), "y", ATTRS(INT("axis", -1)));
    check(&w, 11, nine, "4x2", nine);
    w = begin(DIMS(2, 2, 2));
    onnx_writer_node(&w, "Flatten", "f", NAMES("x"), "y", ATTRS(INT("axis", 0)));
    check(&w, 9, nine, "1x8", nine);
}

/* The shape of a value is a constant, and so is what is computed from it. */
static void shapes_may_be_computed_from_shapes(void **state)
{
    (void)state;
    static const int64_t tail[] = {-1};
    onnx_writer w = begin(DIMS(2, 2, 2));
    onnx_writer_int64s(&w, "tail", DIMS(1), tail);
    onnx_writer_node(&w, "Shape", "s", NAMES("x"), "head", ATTRS(INT("end", 1)));
    onnx_writer_node(&w, "Concat", "c", NAMES("head", "tail"), "shape", ATTRS(INT("axis", 0)));
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "y", NULL);
    oc_graph *g = import_ok(&w, 15);
    assert_int_equal(g->n_nodes, 1);
    assert_int_equal(g->n_const_nodes, 0); /* computed while importing, once */
    assert_eval(g, nine, "2x4", nine);
    oc_graph_destroy(g);
}

static void axes_as_attribute_and_as_input(void **state)
{
    (void)state;
    static const int64_t axes[] = {0, -1};
    for (int64_t opset = 12; opset <= 13; opset++) {
        bool is_input = opset == 13;
        const onnx_attr *attrs = is_input ? NULL : ATTRS(INTS("axes", 0, -1));
        const char *const *in = is_input ? NAMES("a", "axes") : NAMES("a");
        const char *const *from = is_input ? NAMES("x", "axes") : NAMES("x");
        onnx_writer w = begin(DIMS(1, 3, 1));
        onnx_writer_int64s(&w, "axes", DIMS(2), axes);
        onnx_writer_node(&w, "Squeeze", "s", from, "a", attrs);
        onnx_writer_node(&w, "Unsqueeze", "u", in, "y", attrs);
        check(&w, opset, nine, "1x3x1", nine);
        w = begin(DIMS(2, 2, 2));
        onnx_writer_int64s(&w, "axes", DIMS(2), axes);
        onnx_writer_node(&w, "ReduceSum", "r", from, "y", attrs);
        check(&w, opset, nine, "1x2x1", (float[]){14, 22});
    }
    onnx_writer w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "ReduceMean", "r", NAMES("x"), "y", ATTRS(INT("keepdims", 0)));
    check(&w, 13, nine, "scalar", (float[]){2.5f});
    w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "ReduceMax", "r", NAMES("x"), "y", ATTRS(INT("noop_with_empty_axes", 1)));
    check(&w, 18, nine, "2x2", nine);
    w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "ReduceSumSquare", "r", NAMES("x"), "y",
                     ATTRS(INT("noop_with_empty_axes", 1)));
    check(&w, 18, nine, "2x2", (float[]){1, 4, 9, 16});
}

static void transposing_padding_joining(void **state)
{
    (void)state;
    static const int64_t pads[] = {0, 1, 0, 0};
    static const float minus[] = {-1};
    onnx_writer w = begin(DIMS(2, 3));
    onnx_writer_node(&w, "Transpose", "t", NAMES("x"), "y", NULL);
    check(&w, 13, nine, "3x2", (float[]){1, 4, 2, 5, 3, 6});
    w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "Pad", "p", NAMES("x"), "y",
                     ATTRS(INTS("pads", 0, 1, 0, 0), FLOAT("value", -1)));
    check(&w, 7, nine, "2x3", (float[]){-1, 1, 2, -1, 3, 4});
    w = begin(DIMS(2, 2));
    onnx_writer_int64s(&w, "pads", DIMS(4), pads);
    onnx_writer_floats(&w, "minus", 0, NULL, minus);
    onnx_writer_node(&w, "Pad", "p", NAMES("x", "pads", "minus"), "y", NULL);
    check(&w, 13, nine, "2x3", (float[]){-1, 1, 2, -1, 3, 4});
    w = begin(DIMS(2, 2));
    onnx_writer_node(&w, "Concat", "c", NAMES("x", "x"), "y", ATTRS(INT("axis", -1)));
    check(&w, 13, nine, "2x4", (float[]){1, 2, 1, 2, 3, 4, 3, 4});
}

/*
 * ---- constants ---------------------------------------------------------------------------------
 */

/* A TensorProto with the given typed data field, as an initializer of the graph. */
static void put_typed(onnx_writer *w, const char *name, int type, int64_t size, uint32_t field,
                      const oc_buf *data)
{
    oc_buf t;
    oc_buf_init(&t, NULL);
    oc_assert_ok(oc_buf_wire_varint(&t, 1, (uint64_t)size));
    oc_assert_ok(oc_buf_wire_varint(&t, 2, (uint64_t)type));
    oc_assert_ok(oc_buf_wire_bytes(&t, field, data->data, data->size));
    oc_assert_ok(oc_buf_wire_bytes(&t, 8, name, strlen(name)));
    oc_assert_ok(oc_buf_wire_bytes(&w->graph, 5, t.data, t.size));
    oc_buf_fini(&t);
}

static void typed_data_of_initializers(void **state)
{
    (void)state;
    static const float row[] = {10, 20, 30};
    oc_buf floats, ints;
    oc_buf_init(&floats, NULL);
    oc_buf_init(&ints, NULL);
    oc_assert_ok(oc_buf_put(&floats, row, sizeof(row)));
    oc_assert_ok(oc_buf_put(&ints, "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11)); /* 3, -1 */
    onnx_writer w = begin(DIMS(3, 1));
    put_typed(&w, "row", 1, 3, 4, &floats);
    put_typed(&w, "shape", 7, 2, 7, &ints);
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "a", NULL);
    onnx_writer_node(&w, "Add", "s", NAMES("a", "row"), "y", NULL);
    check(&w, 13, nine, "3x3", (float[]){11, 21, 31, 12, 22, 32, 13, 23, 33});
    w = begin(DIMS(3, 1));
    put_typed(&w, "row", 1, 4, 4, &floats);
    onnx_writer_node(&w, "Add", "s", NAMES("x", "row"), "y", NULL);
    refuse(&w, 13, OC_E_FORMAT, "tensor \"row\": expected 4 elements, found 3");
    w = begin(DIMS(3, 1));
    put_typed(&w, "row", 11, 3, 10, &floats);
    onnx_writer_node(&w, "Add", "s", NAMES("x", "row"), "y", NULL);
    refuse(&w, 13, OC_E_UNSUPPORTED,
           "node \"s\": Add: tensor \"row\": elements of type DOUBLE are not supported");
    oc_buf_fini(&floats);
    oc_buf_fini(&ints);
}

/* Whatever stands for true: in raw data, typed data, copied or read from the file, as one element. */
static void bools_are_0_or_1(void **state)
{
    (void)state;
    uint8_t bytes[100] = {0, 1, 2, 255, 0x80};
    float expected[100] = {0, 4, 4, 4, 4};
    oc_buf ints;
    oc_buf_init(&ints, NULL);
    oc_assert_ok(oc_buf_put(&ints, "\x80\x02", 2)); /* 256 */
    for (size_t n = 5; n <= OC_COUNT(bytes); n += 95) {
        onnx_writer w = begin(DIMS(1));
        onnx_writer_tensor(&w, "raw", ONNX_TYPE_BOOL, 1, DIMS((int64_t)n), bytes);
        put_typed(&w, "typed", ONNX_TYPE_BOOL, 1, 5, &ints);
        onnx_writer_node(&w, "Concat", "j", NAMES("raw", "typed"), "all", ATTRS(INT("axis", 0)));
        onnx_writer_node(&w, "Identity", "i", NAMES("all"), "bools", NULL);
        onnx_writer_node(&w, "Cast", "c", NAMES("bools"), "f", ATTRS(INT("to", 1)));
        onnx_writer_node(&w, "Mul", "m", NAMES("x", "f"), "y", NULL);
        onnx_writer_output(&w, "bools", 0, NULL);
        oc_graph *g = import_ok(&w, 13);
        oc_tensor out[2];
        oc_assert_ok(graph_eval(
            g, &(oc_tensor){{OC_DTYPE_float32, {1, {1}}}, (float[]){4}}, out));
        for (size_t i = 0; i <= n; i++) {
            float y = i < n ? expected[i] : 4;
            assert_true(((const float *)out[0].data)[i] == y);
            assert_int_equal(((const uint8_t *)out[1].data)[i], y > 0);
        }
        oc_tensor_free(&out[0], NULL);
        oc_tensor_free(&out[1], NULL);
        oc_graph_destroy(g);
    }
    oc_buf_fini(&ints);
}

/* Before IR version 4 initializers are inputs too. */
static void initializers_are_no_inputs(void **state)
{
    (void)state;
    static const float one[] = {1};
    onnx_writer w = begin(DIMS(2));
    onnx_writer_input(&w, "one", DIMS(1));
    onnx_writer_floats(&w, "one", DIMS(1), one);
    onnx_writer_node(&w, "Add", "s", NAMES("x", "one"), "y", NULL);
    check(&w, 8, nine, "2", (float[]){2, 3});
}

static void constant_of_shape_keeps_one_element(void **state)
{
    (void)state;
    static const int64_t shape[] = {1000, 1000, 2};
    onnx_writer w = begin(DIMS(2));
    onnx_writer_int64s(&w, "shape", DIMS(3), shape);
    onnx_writer_node(&w, "ConstantOfShape", "c", NAMES("shape"), "zeros", NULL);
    onnx_writer_node(&w, "Add", "s", NAMES("x", "zeros"), "y", NULL);
    oc_graph *g = import_ok(&w, 9);
    oc_id zeros = oc_graph_find_value(g, "zeros");
    assert_int_equal(g->values[zeros].constant->kind, OC_CONST_FILL);
    assert_shape(&g->values[g->outputs[0]].desc.shape, "1000x1000x2");
    oc_graph_destroy(g);
}

static void large_constants_stay_in_the_file(void **state)
{
    (void)state;
    float row[100];
    for (size_t i = 0; i < OC_COUNT(row); i++)
        row[i] = (float)i;
    onnx_writer w = begin(DIMS(1));
    onnx_writer_floats(&w, "row", DIMS(100), row);
    onnx_writer_node(&w, "Mul", "s", NAMES("x", "row"), "y", NULL);
    oc_graph *g = import_ok(&w, 9);
    oc_id id = oc_graph_find_value(g, "row");
    assert_int_equal(g->values[id].constant->kind, OC_CONST_FILE);
    assert_eval(g, (float[]){1}, "100", row);
    oc_graph_destroy(g);
}

/*
 * ---- what is refused ---------------------------------------------------------------------------
 */

static void one_refused(const char *op, const onnx_attr *attrs, int64_t opset, oc_status status,
                        const char *text)
{
    onnx_writer w = begin(DIMS(2, 2));
    onnx_writer_node(&w, op, "node", NAMES("x"), "y", attrs);
    refuse(&w, opset, status, text);
}

static void missing_operators_are_named_in_one_line(void **state)
{
    (void)state;
    one_refused("Foo", NULL, 13, OC_E_UNSUPPORTED,
                "node \"node\": operator Foo (ai.onnx, opset 13) is not supported");
    one_refused("ConstantOfShape", NULL, 8, OC_E_UNSUPPORTED, "ConstantOfShape (ai.onnx, opset 8)");
    onnx_writer w = begin(DIMS(2));
    onnx_writer_node(&w, "Foo", "a", NAMES("x"), "a", NULL);
    onnx_writer_node(&w, "Bar", "b", NAMES("a"), "b", NULL);
    onnx_writer_node(&w, "Foo", "c", NAMES("b"), "y", NULL);
    refuse(&w, 13, OC_E_UNSUPPORTED,
           "node \"a\": operator Foo (ai.onnx, opset 13); node \"b\": operator Bar (ai.onnx, opset "
           "13) are not supported");
    one_refused("Relu", NULL, 6, OC_E_UNSUPPORTED, "expected ONNX opset 7 to 25, found 6");
    one_refused("Relu", NULL, 26, OC_E_UNSUPPORTED, "expected ONNX opset 7 to 25, found 26");
}

static void attributes_that_are_not_understood_are_refused(void **state)
{
    (void)state;
    one_refused("Relu", ATTRS(INT("fast", 1)), 13, OC_E_UNSUPPORTED,
                "node \"node\": attribute \"fast\" of Relu");
    one_refused("Flatten", ATTRS(FLOAT("axis", 1)), 13, OC_E_FORMAT,
                "node \"node\": attribute axis: expected AttributeType 2, found 1");
    one_refused("Pad", ATTRS(TEXT("mode", "around"), INTS("pads", 0, 0, 0, 0)), 7,
                OC_E_UNSUPPORTED, "Pad with mode = \"around\" is not supported");
    one_refused("MaxPool", ATTRS(INTS("kernel_shape", 1, 1)), 13, OC_E_UNSUPPORTED,
                "node \"node\": MaxPool over 0 spatial axes (an input of rank 2)");
    one_refused("Softmax", ATTRS(INT("axis", 2)), 13, OC_E_FORMAT,
                "expected an axis of -2 to 1, found 2");
    one_refused("Add", NULL, 13, OC_E_FORMAT, "Add takes 2 to 2 inputs, found 1");
    one_refused("Transpose", ATTRS(INTS("perm", 0)), 13, OC_E_FORMAT, "perm of 2 axes, found 1");
    one_refused("Concat", NULL, 13, OC_E_FORMAT, "Concat needs the attribute axis");
}

static void definitions_and_order_are_checked(void **state)
{
    (void)state;
    static const int64_t shape[] = {-1, -1};
    onnx_writer w = begin(DIMS(2));
    onnx_writer_node(&w, "Relu", "late", NAMES("a"), "y", NULL);
    onnx_writer_node(&w, "Relu", "early", NAMES("x"), "a", NULL);
    refuse(&w, 13, OC_E_FORMAT, "node \"late\": its input \"a\" is not defined before it");
    w = begin(DIMS(2));
    onnx_writer_node(&w, "Relu", "one", NAMES("x"), "y", NULL);
    onnx_writer_node(&w, "Relu", "two", NAMES("x"), "y", NULL);
    refuse(&w, 13, OC_E_FORMAT, "\"y\" is defined twice");
    w = begin(DIMS(2));
    refuse(&w, 13, OC_E_FORMAT, "output \"y\" is not defined");
    w = begin(DIMS(2));
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "x"), "y", NULL);
    refuse(&w, 13, OC_E_UNSUPPORTED, "node \"r\": its shape \"x\" is not known while the model is read");
    w = begin(DIMS(2));
    onnx_writer_int64s(&w, "shape", DIMS(2), shape);
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "y", NULL);
    refuse(&w, 13, OC_E_FORMAT, "more than one -1");
}

/* The mask of a dropout may have a name, but nobody may use it. */
static void results_that_are_not_computed(void **state)
{
    (void)state;
    for (int uses_it = 0; uses_it <= 1; uses_it++) {
        onnx_writer w = begin(DIMS(2));
        oc_buf node;
        oc_buf_init(&node, NULL);
        oc_assert_ok(oc_buf_wire_bytes(&node, 1, "x", 1));
        oc_assert_ok(oc_buf_wire_bytes(&node, 2, "d", 1));
        oc_assert_ok(oc_buf_wire_bytes(&node, 2, "mask", 4));
        oc_assert_ok(oc_buf_wire_bytes(&node, 4, "Dropout", 7));
        oc_assert_ok(oc_buf_wire_bytes(&w.graph, 1, node.data, node.size));
        oc_buf_fini(&node);
        onnx_writer_node(&w, "Relu", "r", NAMES(uses_it ? "mask" : "d"), "y", NULL);
        if (uses_it)
            refuse(&w, 9, OC_E_UNSUPPORTED, "\"mask\" is a result that is not supported");
        else
            check(&w, 9, nine, "2", nine);
    }
}

/* ValueInfoProto of a float32 tensor whose dimensions are given as whole Dimension messages. */
static void put_input(onnx_writer *w, const char *const *dims)
{
    oc_buf shape, tensor, type, info;
    oc_buf_init(&shape, NULL);
    oc_buf_init(&tensor, NULL);
    oc_buf_init(&type, NULL);
    oc_buf_init(&info, NULL);
    for (; *dims; dims++)
        oc_assert_ok(oc_buf_wire_bytes(&shape, 1, *dims, strlen(*dims)));
    oc_assert_ok(oc_buf_wire_varint(&tensor, 1, 1));
    oc_assert_ok(oc_buf_wire_bytes(&tensor, 2, shape.data, shape.size));
    oc_assert_ok(oc_buf_wire_bytes(&type, 1, tensor.data, tensor.size));
    oc_assert_ok(oc_buf_wire_bytes(&info, 1, "x", 1));
    oc_assert_ok(oc_buf_wire_bytes(&info, 2, type.data, type.size));
    oc_assert_ok(oc_buf_wire_bytes(&w->graph, 11, info.data, info.size));
    oc_buf_fini(&shape);
    oc_buf_fini(&tensor);
    oc_buf_fini(&type);
    oc_buf_fini(&info);
}

static onnx_writer relu_of_input(const char *const *dims)
{
    onnx_writer w;
    onnx_writer_init(&w, "test");
    put_input(&w, dims);
    onnx_writer_output(&w, "y", 0, NULL);
    onnx_writer_node(&w, "Relu", "r", NAMES("x"), "y", NULL);
    return w;
}

static void only_the_batch_may_be_open(void **state)
{
    (void)state;
    static const char named[] = "\x12\x01N", three[] = "\x08\x03", open[] = "";
    onnx_writer w = relu_of_input(NAMES(named, three));
    check(&w, 13, nine, "1x3", nine);
    w = relu_of_input(NAMES(open, three));
    check(&w, 13, nine, "1x3", nine);
    w = relu_of_input(NAMES(three, named));
    refuse(&w, 13, OC_E_UNSUPPORTED,
           "node \"r\": Relu: input \"x\": the size of axis 1 is not known");
}

/*
 * ---- depth -------------------------------------------------------------------------------------
 */

/* `levels` graphs, each inside an attribute of a node of the one around it. */
static onnx_writer nested(int levels)
{
    oc_buf inner, outer;
    oc_buf_init(&inner, NULL);
    for (int i = 0; i < levels; i++) {
        oc_buf attr, node;
        oc_buf_init(&attr, NULL);
        oc_buf_init(&node, NULL);
        oc_buf_init(&outer, NULL);
        oc_assert_ok(oc_buf_wire_bytes(&attr, 6, inner.data, inner.size));
        oc_assert_ok(oc_buf_wire_bytes(&node, 4, "If", 2));
        oc_assert_ok(oc_buf_wire_bytes(&node, 5, attr.data, attr.size));
        oc_assert_ok(oc_buf_wire_bytes(&outer, 1, node.data, node.size));
        oc_buf_fini(&attr);
        oc_buf_fini(&node);
        oc_buf_fini(&inner);
        inner = outer;
    }
    return (onnx_writer){.graph = inner};
}

static void depth_is_limited(void **state)
{
    (void)state;
    onnx_writer w = nested(3);
    refuse(&w, 13, OC_E_UNSUPPORTED, "operator If");
    w = nested(20);
    refuse(&w, 13, OC_E_LIMIT, "nested deeper than the limit");
    w = nested(3000);
    refuse(&w, 13, OC_E_LIMIT, "nested deeper than the limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_of_each_padding),
        cmocka_unit_test(layouts_are_turned_once),
        cmocka_unit_test(pools),
        cmocka_unit_test(normalisations_over_channels),
        cmocka_unit_test(gemm_with_all_of_it),
        cmocka_unit_test(matmul_of_each_rank),
        cmocka_unit_test(functions_of_one_input),
        cmocka_unit_test(every_opset_is_read),
        cmocka_unit_test(clip_finds_the_functions_with_names),
        cmocka_unit_test(functions_of_several_inputs),
        cmocka_unit_test(rests_and_signs_of_integers),
        cmocka_unit_test(softmax_before_and_after_opset_13),
        cmocka_unit_test(reshape_copies_and_infers),
        cmocka_unit_test(shapes_may_be_computed_from_shapes),
        cmocka_unit_test(axes_as_attribute_and_as_input),
        cmocka_unit_test(transposing_padding_joining),
        cmocka_unit_test(typed_data_of_initializers),
        cmocka_unit_test(bools_are_0_or_1),
        cmocka_unit_test(initializers_are_no_inputs),
        cmocka_unit_test(constant_of_shape_keeps_one_element),
        cmocka_unit_test(large_constants_stay_in_the_file),
        cmocka_unit_test(missing_operators_are_named_in_one_line),
        cmocka_unit_test(attributes_that_are_not_understood_are_refused),
        cmocka_unit_test(definitions_and_order_are_checked),
        cmocka_unit_test(results_that_are_not_computed),
        cmocka_unit_test(only_the_batch_may_be_open),
        cmocka_unit_test(depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
