/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What pools, norms, reductions and movement mean, against results that were worked out by hand or
 * follow from another formula. (That kernels equal these references is the conform tests' matter.)
 */
#include "oc_graph.h"
#include "oc_op_split.h"
#include "oc_ops.h"
#include "oc_test.h"

#include <math.h>

#define INTS(...)                                                      \
    {                                                                  \
        (int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), \
        {                                                              \
            __VA_ARGS__                                                \
        }                                                              \
    }
#define F32(...)                            \
    {                                       \
        OC_DTYPE_float32, INTS(__VA_ARGS__) \
    }

/* One node in a graph of its own, and what it gave. */
typedef struct node_run {
    oc_graph *graph;
    oc_desc desc;
    oc_tensor out;
} node_run;

/* Builds the node of `c`; the errors are those of its attributes and of its shape. */
static oc_status build(const oc_op *op, const oc_op_case *c, oc_graph *graph, oc_desc *desc)
{
    oc_id in[OC_CASE_IN], out;
    oc_node *node;
    for (uint32_t i = 0; i < c->n_in; i++)
        OC_TRY(oc_graph_add_input(graph, "in", &c->in[i], &in[i]));
    OC_TRY(oc_graph_begin_node(graph, op, "node", in, c->n_in, &node));
    OC_TRY(oc_op_case_attrs(node, c));
    OC_TRY(oc_graph_end_node(graph, node, NULL, &out));
    *desc = graph->values[out].desc;
    return OC_OK;
}

static node_run run(const oc_op *op, const oc_op_case *c, const void *const *in)
{
    node_run r;
    const oc_desc *in_desc[OC_NODE_IO_MAX], *out_desc[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_assert_ok(oc_graph_create("test", NULL, NULL, &r.graph));
    oc_assert_ok(build(op, c, r.graph, &r.desc));
    oc_assert_ok(oc_tensor_alloc(&r.desc, NULL, &r.out));
    oc_op_call call = oc_node_call(r.graph, &r.graph->nodes[0], in_desc, out_desc, is_const);
    void *out[1] = {r.out.data};
    oc_assert_ok(op->reference(&call, in, out));
    return r;
}

static void run_fini(node_run *r)
{
    oc_tensor_free(&r->out, NULL);
    oc_graph_destroy(r->graph);
}

static void expect(const oc_op *op, oc_op_case c, const void *in, const oc_shape *shape,
                   const void *expected)
{
    size_t bytes;
    node_run r = run(op, &c, &in);
    assert_memory_equal(&r.desc.shape, shape, sizeof(*shape));
    oc_assert_ok(oc_desc_bytes(&r.desc, &bytes));
    if (r.desc.dtype == OC_DTYPE_float32)
        oc_assert_bits_equal(r.out.data, expected, bytes / sizeof(float));
    assert_memory_equal(r.out.data, expected, bytes);
    run_fini(&r);
}

static void refuse(const oc_op *op, oc_op_case c, oc_status status, const char *text)
{
    oc_graph *graph;
    oc_desc desc;
    oc_assert_ok(oc_graph_create("test", NULL, NULL, &graph));
    oc_assert_fails(build(op, &c, graph, &desc), status, text);
    oc_graph_destroy(graph);
}

/* ---- pools --------------------------------------------------------------------------------- */

#define IMAGE_4X4                                             \
    {                                                         \
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 \
    }
#define WINDOW_3_STRIDE_2                     \
    {.attr = "kernel", .ints = INTS(3, 3)},   \
    {                                         \
        .attr = "strides", .ints = INTS(2, 2) \
    }
#define PADS(...)                                 \
    {                                             \
        .attr = "pads", .ints = INTS(__VA_ARGS__) \
    }

static void test_pool_sizes(void **state)
{
    (void)state;
    const float x[] = IMAGE_4X4, floor_max[] = {11}, ceil_max[] = {11, 12, 15, 16};
    /* The second window reaches past the input: only 2 of its 3 columns and rows are there. */
    const float ceil_mean[] = {6, 7.5f, 12, 13.5f};
    oc_op_case c = {.in = {F32(1, 4, 4, 1)}, .n_in = 1, .sets = {WINDOW_3_STRIDE_2}};
    expect(&oc_op_maxpool2d, c, x, &(oc_shape)INTS(1, 1, 1, 1), floor_max);
    c.sets[2] = (oc_case_set){.attr = "ceil_mode", .number = 1};
    expect(&oc_op_maxpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), ceil_max);
    expect(&oc_op_avgpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), ceil_mean);
    /* What lies beyond the padding does not count as padding either. */
    c.sets[3] = (oc_case_set){.attr = "count_include_pad", .number = 1};
    expect(&oc_op_avgpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), ceil_mean);
}

static void test_pool_drops_windows_in_padding(void **state)
{
    (void)state;
    /* Places 0, 3 and, with ceil, 6: that one begins in the right padding and is dropped. */
    const float x[] = IMAGE_4X4, max[] = {1, 4, 13, 16};
    oc_op_case c = {.in = {F32(1, 4, 4, 1)},
                    .n_in = 1,
                    .sets = {{.attr = "kernel", .ints = INTS(2, 2)},
                             {.attr = "strides", .ints = INTS(4, 4)},
                             PADS(1, 1, 2, 2),
                             {.attr = "ceil_mode", .number = 1}}};
    expect(&oc_op_maxpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), max);
    c.sets[1].ints = (oc_ints)INTS(5, 5);
    expect(&oc_op_maxpool2d, c, x, &(oc_shape)INTS(1, 1, 1, 1), max);
}

static void test_avgpool_padding(void **state)
{
    (void)state;
    const float x[] = {4, 8, 12, 16};
    const float skipped[] = {4, 8, 12, 16}, counted[] = {1, 2, 3, 4};
    oc_op_case c = {.in = {F32(1, 2, 2, 1)},
                    .n_in = 1,
                    .sets = {{.attr = "kernel", .ints = INTS(2, 2)},
                             {.attr = "strides", .ints = INTS(2, 2)},
                             PADS(1, 1, 1, 1)}};
    expect(&oc_op_avgpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), skipped);
    c.sets[3] = (oc_case_set){.attr = "count_include_pad", .number = 1};
    expect(&oc_op_avgpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), counted);
}

static void test_pool_dilation(void **state)
{
    (void)state;
    const float x[] = IMAGE_4X4, max[] = {11, 12, 15, 16}, mean[] = {6, 7, 10, 11};
    oc_op_case c = {.in = {F32(1, 4, 4, 1)},
                    .n_in = 1,
                    .sets = {{.attr = "kernel", .ints = INTS(2, 2)},
                             {.attr = "dilations", .ints = INTS(2, 2)}}};
    expect(&oc_op_maxpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), max);
    expect(&oc_op_avgpool2d, c, x, &(oc_shape)INTS(1, 2, 2, 1), mean);
}

static void test_maxpool_nan_and_padding(void **state)
{
    (void)state;
    /* Padding never wins over negative numbers, a NaN always does. */
    const float x[] = {-3, NAN, -2, -1};
    const oc_op_case c = {.in = {F32(1, 1, 4, 1)},
                          .n_in = 1,
                          .sets = {{.attr = "kernel", .ints = INTS(1, 2)}, PADS(0, 2, 0, 2)}};
    const void *in = x;
    node_run r = run(&oc_op_maxpool2d, &c, &in);
    const float *y = r.out.data;
    assert_int_equal(r.desc.shape.dim[2], 7);
    assert_true(isinf(y[0]) && y[0] < 0 && isinf(y[6]) && y[6] < 0);
    assert_true(y[1] == -3 && isnan(y[2]) && isnan(y[3]) && y[4] == -1 && y[5] == -1);
    run_fini(&r);
}

static void test_pool_refusals(void **state)
{
    (void)state;
    const oc_op *op = &oc_op_maxpool2d;
    oc_op_case c = {.in = {F32(1, 4, 4, 1)}, .n_in = 1, .sets = {WINDOW_3_STRIDE_2}};
    c.in[0].shape.dim[1] = 2;
    refuse(op, c, OC_E_SHAPE, "expected at most 2 (input 2, padding 0)");
    c.in[0].shape.rank = 3;
    refuse(op, c, OC_E_SHAPE, "expected rank 4");
    c.in[0] = (oc_desc){OC_DTYPE_bool, INTS(1, 4, 4, 1)};
    refuse(op, c, OC_E_DTYPE, "is bool, expected float32 or int8");
    c.in[0].dtype = OC_DTYPE_float32;
    c.sets[0].ints = (oc_ints)INTS(3);
    refuse(op, c, OC_E_ARG, "kernel of maxpool2d has 1 elements, expected 2");
    c.sets[0].ints = (oc_ints)INTS(INT32_MAX, 1);
    c.sets[2] = (oc_case_set)PADS(INT32_MAX, 0, INT32_MAX, 0);
    refuse(op, c, OC_E_LIMIT, "with the padding");
    c.sets[0].ints = (oc_ints)INTS(1 << 20, 1 << 20);
    c.sets[2].ints = (oc_ints)INTS(1 << 20, 1 << 20, 0, 0);
    refuse(&oc_op_avgpool2d, c, OC_E_LIMIT, "expected at most 2147483647 taps");
}

/* ---- norms --------------------------------------------------------------------------------- */

static void test_lrn(void **state)
{
    (void)state;
    /* size 4: one channel before, two after. */
    const float x[] = {1, 2, 3, 4, 5};
    const double sums[] = {1 + 4 + 9, 1 + 4 + 9 + 16, 4 + 9 + 16 + 25, 9 + 16 + 25, 16 + 25};
    oc_op_case c = {.in = {F32(5)},
                    .n_in = 1,
                    .sets = {{.attr = "size", .number = 4},
                             {.attr = "alpha", .number = 0.5},
                             {.attr = "beta", .number = 0.75},
                             {.attr = "bias", .number = 2}}};
    const void *in = x;
    node_run r = run(&oc_op_lrn, &c, &in);
    for (int i = 0; i < 5; i++)
        assert_float_equal(((float *)r.out.data)[i], x[i] / pow(2 + 0.5 * sums[i], 0.75), 1e-6);
    run_fini(&r);
    c.sets[0].number = 0;
    refuse(&oc_op_lrn, c, OC_E_ARG, "size");
}

static void test_batchnorm(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4}, scale[] = {2, -1}, bias[] = {0.5f, 1}, mean[] = {1, 3};
    const float var[] = {3, 15}; /* with epsilon 1: roots 2 and 4 */
    const float y[] = {0.5f, 1.25f, 2.5f, 0.75f};
    const void *in[] = {x, scale, bias, mean, var};
    oc_op_case c = {.in = {F32(2, 2), F32(2), F32(2), F32(2), F32(2)},
                    .n_in = 5,
                    .sets = {{.attr = "epsilon", .number = 1}}};
    node_run r = run(&oc_op_batchnorm, &c, in);
    oc_assert_bits_equal(r.out.data, y, 4);
    run_fini(&r);
    c.in[3] = (oc_desc)F32(3);
    refuse(&oc_op_batchnorm, c, OC_E_SHAPE, "expected 2 along axis 0 (the channels of input 0)");
}

/* ---- reductions ---------------------------------------------------------------------------- */

static void test_reduce(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* [2,3,2] */
    const float sum[] = {36, 42}, mean[] = {3, 4, 9, 10}, min[] = {1}, max[] = {2, 4, 6, 8, 10, 12};
    oc_op_case c = {.in = {F32(2, 3, 2)}, .n_in = 1};
    c.sets[0] = (oc_case_set){.attr = "axes", .ints = INTS(1, 0)};
    c.sets[1] = (oc_case_set){.attr = "fn", .name = "sum"};
    expect(&oc_op_reduce, c, x, &(oc_shape)INTS(2), sum);
    c.sets[2] = (oc_case_set){.attr = "keepdims", .number = 1};
    expect(&oc_op_reduce, c, x, &(oc_shape)INTS(1, 1, 2), sum);
    c.sets[0].ints = (oc_ints)INTS(1);
    c.sets[1].name = "mean";
    expect(&oc_op_reduce, c, x, &(oc_shape)INTS(2, 1, 2), mean);
    c.sets[0].ints = (oc_ints)INTS(0, 1, 2);
    c.sets[1].name = "min";
    expect(&oc_op_reduce, c, x, &(oc_shape)INTS(1, 1, 1), min);
    c.sets[0].ints = (oc_ints)INTS(2);
    c.sets[1].name = "max";
    c.sets[2].number = 0;
    expect(&oc_op_reduce, c, x, &(oc_shape)INTS(2, 3), max);
    c.sets[0].ints = (oc_ints)INTS(2, 2);
    refuse(&oc_op_reduce, c, OC_E_ARG, "axis 2 twice");
    c.sets[0].ints = (oc_ints)INTS(3);
    refuse(&oc_op_reduce, c, OC_E_ARG, "axes of reduce is 3, expected 0 to 2");
}

static void test_reduce_order_and_nan(void **state)
{
    (void)state;
    /* One after the other from the front: each 1 is lost in 2^24, the last one is not. */
    const float x[] = {0x1p24f, 1, 1, -0x1p24f, 1}, sum[] = {1};
    const float with_nan[] = {NAN, 5, -1};
    oc_op_case c = {.in = {F32(5)}, .n_in = 1};
    c.sets[0] = (oc_case_set){.attr = "axes", .ints = INTS(0)};
    c.sets[1] = (oc_case_set){.attr = "fn", .name = "sum"};
    expect(&oc_op_reduce, c, x, &(oc_shape){0}, sum);
    c.in[0].shape.dim[0] = 3;
    const char *const names[] = {"max", "min", "mean"};
    for (size_t i = 0; i < OC_COUNT(names); i++) {
        const void *in = with_nan;
        c.sets[1].name = names[i];
        node_run r = run(&oc_op_reduce, &c, &in);
        assert_true(isnan(*(float *)r.out.data));
        run_fini(&r);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    /* Along the first axis; far outside the range of e^x. */
    const float x[] = {1000, -1000, 1000, -1001}, half = 0.5f;
    const oc_op_case c = {.in = {F32(2, 2)}, .n_in = 1};
    const void *in = x;
    node_run r = run(&oc_op_softmax, &c, &in);
    const float *y = r.out.data;
    assert_true(y[0] == half && y[2] == half);
    assert_float_equal(y[1], 1 / (1 + exp(-1)), 1e-7);
    assert_float_equal(y[3], 1 - 1 / (1 + exp(-1)), 1e-7);
    run_fini(&r);
}

/* ---- movement ------------------------------------------------------------------------------ */

static void test_concat(void **state)
{
    (void)state;
    const int8_t a[] = {1, 2, 3, 4}, b[] = {5, 6}, y[] = {1, 2, 5, 3, 4, 6};
    const void *in[] = {a, b};
    oc_op_case c = {.in = {{OC_DTYPE_int8, INTS(2, 2)}, {OC_DTYPE_int8, INTS(2, 1)}},
                    .n_in = 2,
                    .sets = {{.attr = "axis", .number = 1}}};
    node_run r = run(&oc_op_concat, &c, in);
    assert_int_equal(r.desc.shape.dim[1], 3);
    assert_memory_equal(r.out.data, y, sizeof(y));
    run_fini(&r);
    c.sets[0].number = 0;
    refuse(&oc_op_concat, c, OC_E_SHAPE, "expected 2 along axis 1 (as input 0), found 1");
    c.sets[0].number = 2;
    refuse(&oc_op_concat, c, OC_E_ARG, "axis of concat is 2, expected 0 to 1");
    c.in[1].dtype = OC_DTYPE_uint8;
    refuse(&oc_op_concat, c, OC_E_DTYPE, "uint8, expected int8");
}

/* Every dtype has an element for the value, or the node is refused. */
static void test_pad_value(void **state)
{
    (void)state;
    static const struct {
        oc_dtype dtype;
        float value;
        uint64_t bits;
        bool is_refused;
    } table[] = {
        {OC_DTYPE_float32, -2.5f, 0xc0200000u, false},
        {OC_DTYPE_float16, -2.5f, 0xc100u, false},
        {OC_DTYPE_float16, 65519.0f, 0x7bffu, false},
        {OC_DTYPE_float16, 65520.0f, 0x7c00u, false},
        {OC_DTYPE_float16, 0x1.8p-24f, 0x0002u, false},
        {OC_DTYPE_float16, 0x1.002p+0f, 0x3c00u, false}, /* halfway: to even */
        {OC_DTYPE_float16, 0x1.006p+0f, 0x3c02u, false},
        {OC_DTYPE_float16, -INFINITY, 0xfc00u, false},
        {OC_DTYPE_int8, -128, 0x80u, false},
        {OC_DTYPE_int8, 128, 0, true},
        {OC_DTYPE_uint8, 255, 0xffu, false},
        {OC_DTYPE_uint8, -1, 0, true},
        {OC_DTYPE_int32, -5, 0xfffffffbu, false},
        {OC_DTYPE_int32, 0x1p31f, 0, true},
        {OC_DTYPE_int32, 0.5f, 0, true},
        {OC_DTYPE_int64, -0x1p63f, UINT64_C(1) << 63, false},
        {OC_DTYPE_int64, 0x1p63f, 0, true},
        {OC_DTYPE_bool, 1, 1, false},
        {OC_DTYPE_bool, 2, 0, true},
    };
    for (size_t i = 0; i < OC_COUNT(table); i++) {
        const size_t elem = oc_dtype_size(table[i].dtype);
        const oc_op_case c = {.in = {{table[i].dtype, INTS(1)}},
                              .n_in = 1,
                              .sets = {{.attr = "pads_begin", .ints = INTS(1)},
                                       {.attr = "pads_end", .ints = INTS(2)},
                                       {.attr = "value", .number = table[i].value}}};
        uint8_t expected[4 * 8] = {0}, x[8] = {1};
        if (table[i].is_refused) {
            refuse(&oc_op_pad, c, OC_E_ARG, "expected an element of");
            continue;
        }
        for (size_t e = 0; e < 4; e++)
            memcpy(expected + e * elem, e == 1 ? (const void *)x : &table[i].bits, elem);
        expect(&oc_op_pad, c, x, &(oc_shape)INTS(4), expected);
    }
}

static void test_pad_places(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4}, y[] = {0, 0, 0, 0, 1, 2, 0, 3, 4, 0, 0, 0};
    oc_op_case c = {.in = {F32(2, 2)},
                    .n_in = 1,
                    .sets = {{.attr = "pads_begin", .ints = INTS(1, 1)},
                             {.attr = "pads_end", .ints = INTS(1, 0)}}};
    expect(&oc_op_pad, c, x, &(oc_shape)INTS(4, 3), y);
    c.sets[1].ints = (oc_ints)INTS(1);
    refuse(&oc_op_pad, c, OC_E_ARG, "pads_end of pad has 1 elements, expected 2");
    c.sets[1].ints = (oc_ints)INTS(INT32_MAX, 0);
    refuse(&oc_op_pad, c, OC_E_LIMIT, "2147483650 elements along axis 0");
}

static void test_transpose(void **state)
{
    (void)state;
    /* x[i][j][k] = 100 i + 10 j + k, so that y tells where each came from. */
    int64_t x[2 * 3 * 4];
    const oc_op_case c = {.in = {{OC_DTYPE_int64, INTS(2, 3, 4)}},
                          .n_in = 1,
                          .sets = {{.attr = "perm", .ints = INTS(2, 0, 1)}}};
    for (int e = 0; e < 24; e++)
        x[e] = 100 * (e / 12) + 10 * (e / 4 % 3) + e % 4;
    const void *in = x;
    node_run r = run(&oc_op_transpose, &c, &in);
    assert_memory_equal(&r.desc.shape, (&(oc_shape)INTS(4, 2, 3)), sizeof(oc_shape));
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                assert_int_equal(((int64_t *)r.out.data)[k * 6 + i * 3 + j], 100 * i + 10 * j + k);
    run_fini(&r);
    oc_op_case bad = c;
    bad.sets[0].ints = (oc_ints)INTS(0, 1, 1);
    refuse(&oc_op_transpose, bad, OC_E_ARG, "names axis 1 twice");
    bad.sets[0].ints = (oc_ints)INTS(0, 1);
    refuse(&oc_op_transpose, bad, OC_E_ARG, "2 elements, expected 3");
}

static void test_reshape(void **state)
{
    (void)state;
    const uint8_t x[] = {1, 2, 3, 4, 5, 6};
    oc_op_case c = {.in = {{OC_DTYPE_uint8, INTS(2, 3)}},
                    .n_in = 1,
                    .sets = {{.attr = "shape", .ints = INTS(1, 6, 1)}}};
    expect(&oc_op_reshape, c, x, &(oc_shape)INTS(1, 6, 1), x);
    c.sets[0].ints = (oc_ints)INTS(7);
    refuse(&oc_op_reshape, c, OC_E_SHAPE, "expected 6 elements as the input has, found 7");
    c.sets[0].ints = (oc_ints)INTS(6, 1, 1, 1, 1, 1, 1, 1, 1);
    refuse(&oc_op_reshape, c, OC_E_ARG, "9 elements, expected at most 8");
    c.sets[0].ints = (oc_ints)INTS(INT32_MAX, INT32_MAX, INT32_MAX);
    refuse(&oc_op_reshape, c, OC_E_LIMIT, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_sizes),
        cmocka_unit_test(test_pool_drops_windows_in_padding),
        cmocka_unit_test(test_avgpool_padding),
        cmocka_unit_test(test_pool_dilation),
        cmocka_unit_test(test_maxpool_nan_and_padding),
        cmocka_unit_test(test_pool_refusals),
        cmocka_unit_test(test_lrn),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_reduce_order_and_nan),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_pad_value),
        cmocka_unit_test(test_pad_places),
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_reshape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
