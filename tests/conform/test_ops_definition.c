/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What convolutions, products and elementwise functions mean, against the formula written out once
 * more for a single element, and results worked out by hand. (That kernels equal the references is
 * the matter of test_ops_device.c.)
 */
#include "op_case.h"

#include "numerics.h"
#include "oc_graph.h"

#include <math.h>
#include <stdlib.h>

/* Element [a][b][c][d] of a dense tensor; 0 outside. */
static float at(const oc_desc *desc, const float *data, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int32_t *dim = desc->shape.dim;
    if (a < 0 || b < 0 || c < 0 || d < 0 || a >= dim[0] || b >= dim[1] || c >= dim[2] ||
        d >= dim[3])
        return 0.0f;
    return data[((a * dim[1] + b) * dim[2] + c) * dim[3] + d];
}

static int32_t ints_at(const oc_node *node, const char *attr, int i)
{
    return oc_node_ints(node, attr)->v[i];
}

/* One output element of conv2d. */
static float conv_element(const op_run *run, const oc_node *node, int32_t n, int32_t oh, int32_t ow,
                          int32_t o)
{
    const oc_desc *x = run->in[0], *w = run->in[1];
    int32_t cg = w->shape.dim[3], og = w->shape.dim[0] / oc_node_int(node, "groups");
    float acc = 0.0f;
    for (int32_t i = 0; i < w->shape.dim[1]; i++)
        for (int32_t j = 0; j < w->shape.dim[2]; j++)
            for (int32_t c = 0; c < cg; c++) {
                int64_t h = (int64_t)oh * ints_at(node, "strides", 0) +
                            (int64_t)i * ints_at(node, "dilations", 0) - ints_at(node, "pads", 0);
                int64_t v = (int64_t)ow * ints_at(node, "strides", 1) +
                            (int64_t)j * ints_at(node, "dilations", 1) - ints_at(node, "pads", 1);
                acc = fmaf(at(x, run->data[0], n, h, v, o / og * cg + c),
                           at(w, run->data[1], o, i, j, c), acc);
            }
    if (run->call.n_in > 2)
        acc += ((const float *)run->data[2])[o];
    const oc_attr *act = oc_attr_find(run->call.op, "act");
    int32_t fn = 0;
    while (strcmp(act->names[fn], oc_node_enum(node, "act")) != 0)
        fn++;
    return oc_unary_eval((oc_unary_fn)fn, acc, oc_node_float(node, "act_a"),
                         oc_node_float(node, "act_b"));
}

/* Element i of an 8-bit input, of a zero point's one or many elements; 0 where it is absent. */
static int64_t byte_at(const op_run *run, uint32_t in, size_t i)
{
    if (in >= run->call.n_in || run->in[in] == NULL)
        return 0;
    size_t elems;
    oc_assert_ok(oc_shape_elems(&run->in[in]->shape, &elems));
    i = elems == 1 ? 0 : i;
    return run->in[in]->dtype == OC_DTYPE_int8 ? ((const int8_t *)run->data[in])[i]
                                               : ((const uint8_t *)run->data[in])[i];
}

/* The same of integers, in 64 bits: only taps inside the input count. */
static int64_t conv_element_int(const op_run *run, const oc_node *node, int32_t n, int32_t oh,
                                int32_t ow, int32_t o)
{
    const int32_t *x = run->in[0]->shape.dim, *w = run->in[1]->shape.dim;
    int32_t og = w[0] / oc_node_int(node, "groups");
    int64_t sum = run->call.n_in > 2 && run->in[2] ? ((const int32_t *)run->data[2])[o] : 0;
    for (int32_t i = 0; i < w[1]; i++)
        for (int32_t j = 0; j < w[2]; j++)
            for (int32_t c = 0; c < w[3]; c++) {
                int64_t h = (int64_t)oh * ints_at(node, "strides", 0) +
                            (int64_t)i * ints_at(node, "dilations", 0) - ints_at(node, "pads", 0);
                int64_t v = (int64_t)ow * ints_at(node, "strides", 1) +
                            (int64_t)j * ints_at(node, "dilations", 1) - ints_at(node, "pads", 1);
                if (h < 0 || h >= x[1] || v < 0 || v >= x[2])
                    continue;
                size_t at = (size_t)(((n * x[1] + h) * x[2] + v) * x[3] + o / og * w[3] + c);
                size_t w_at = (size_t)(((o * w[1] + i) * w[2] + j) * w[3] + c);
                sum += (byte_at(run, 0, at) - byte_at(run, 3, 0)) *
                       (byte_at(run, 1, w_at) - byte_at(run, 4, (size_t)o));
            }
    return sum;
}

static void check_conv_element(const op_run *run, const oc_node *node, int32_t pixel, int32_t o)
{
    const int32_t *dim = run->out[0]->shape.dim;
    int32_t n = pixel / dim[2] / dim[1], oh = pixel / dim[2] % dim[1], ow = pixel % dim[2];
    size_t e = (size_t)pixel * (size_t)dim[3] + (size_t)o;
    if (run->in[0]->dtype != OC_DTYPE_float32) {
        uint32_t want = (uint32_t)conv_element_int(run, node, n, oh, ow, o);
        uint32_t found = ((const uint32_t *)run->expected[0])[e];
        if (want != found)
            fail_msg("%s: element %zu is %#x, expected %#x", run->name, e, found, want);
        return;
    }
    float want = conv_element(run, node, n, oh, ow, o);
    float found = ((const float *)run->expected[0])[e];
    bool is_exact = strcmp(run->call.numerics, "direct") == 0;
    float taps = (float)(run->in[1]->shape.dim[3] * 9);
    if (is_exact ? oc_bits(want) != oc_bits(found) : !(fabsf(want - found) <= 2e-7f * (1 + taps)))
        fail_msg("%s: element %zu is %a, expected %a", run->name, e, (double)found, (double)want);
}

static bool is_requantised(const oc_node *node)
{
    return strcmp(oc_node_enum(node, "requant"), "none") != 0;
}

/* Of sums; those that are requantised see below. */
static void conv2d_is_its_formula(void **state)
{
    const oc_op *op = oc_op_find("conv2d");
    (void)state;
    for (size_t k = 0; k < op->n_cases; k++) {
        op_run run;
        op_run_init(&run, op, &op->cases[k]);
        oc_assert_ok(op_run_shape(&run));
        op_run_fill(&run, &op->cases[k], OP_FILL_RANGE);
        oc_assert_ok(op_run_reference(&run));
        const oc_node node = {.name = run.name, .op = op, .attrs = run.attrs};
        const int32_t *dim = run.out[0]->shape.dim;
        const int32_t pixels = is_requantised(&node) ? 0 : dim[0] * dim[1] * dim[2];
        for (int32_t i = 0; i < pixels; i++)
            for (int32_t o = 0; o < dim[3]; o++)
                check_conv_element(&run, &node, i, o);
        op_run_fini(&run);
    }
}

/* Computes `op` with the given inputs and attributes; `y` receives run.out's elements. */
static void compute(const char *op, const oc_op_case *c, const void *const *in, void *y)
{
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(run.call.op->reference(&run.call, in, &y));
    op_run_fini(&run);
}

/* clang-format off */
#define F32_1(a_) {OC_DTYPE_float32, {1, {a_}}}
#define F32_2(a_, b_) {OC_DTYPE_float32, {2, {a_, b_}}}
#define F32_3(a_, b_, c_) {OC_DTYPE_float32, {3, {a_, b_, c_}}}
#define I64_1(a_) {OC_DTYPE_int64, {1, {a_}}}
/* clang-format on */

static void fully_connected_by_hand(void **state)
{
    const oc_op_case c = {.in = {F32_2(2, 3), F32_2(2, 3), F32_1(2)},
                          .n_in = 3,
                          .name = "",
                          .sets = {{.attr = "act", .name = "relu"}}};
    const float x[] = {1, 2, 3, -1, 0, 1}, w[] = {1, 0, -1, 2, 2, 2}, b[] = {3, -7};
    const float expected[] = {1, 5, 1, 0};
    float y[4];
    (void)state;
    compute("fully_connected", &c, (const void *[]){x, w, b}, y);
    oc_assert_bits_equal(y, expected, 4);
}

static void matmul_by_hand(void **state)
{
    const oc_op_case c = {.in = {F32_3(2, 1, 2), F32_2(2, 3)}, .n_in = 2, .name = ""};
    const float p[] = {1, 2, 3, 4}, q[] = {1, 0, 2, -1, 5, 10};
    const float expected[] = {-1, 10, 22, -1, 20, 46};
    float y[6];
    (void)state;
    compute("matmul", &c, (const void *[]){p, q}, y);
    oc_assert_bits_equal(y, expected, 6);
}

/* Where the factors begin among the inputs of a layer that requantises. */
enum { MULTIPLIER = 5 };

#define INT(dtype_, ...)                      \
    {                                         \
        OC_DTYPE_##dtype_,                    \
        {                                     \
            OC_COUNT(((int[]){__VA_ARGS__})), \
            {                                 \
                __VA_ARGS__                   \
            }                                 \
        }                                     \
    }

static void integer_products_by_hand(void **state)
{
    const oc_op_case c = {
        .in = {INT(uint8, 2, 3), INT(int8, 2, 3), INT(int32, 2), INT(uint8, 1), INT(int8, 2)},
        .n_in = 5,
        .name = ""};
    const uint8_t x[] = {1, 2, 3, 255, 0, 128}, x_zero[] = {2};
    const int8_t w[] = {1, 0, -1, 127, -128, 5}, w_zero[] = {0, -1};
    const int32_t bias[] = {100, INT32_MAX};
    /* x - 2: -1 0 1, 253 -2 126; w - zero: 1 0 -1, 128 -127 6; the second bias wraps around. */
    const int32_t expected[] = {98, INT32_MAX - 122, 227, INT32_MIN + 33393};
    int32_t y[4];
    (void)state;
    compute("fully_connected", &c, (const void *[]){x, w, bias, x_zero, w_zero}, y);
    assert_memory_equal(y, expected, sizeof(y));
    const oc_op_case m = {
        .in = {INT(uint8, 2, 2), INT(int8, 2, 1), {0}, INT(uint8, 2), INT(int8, 1)},
        .n_in = 5,
        .absent_mask = 4,
        .name = ""};
    const uint8_t p[] = {5, 6, 7, 8}, p_zero[] = {5, 9};
    const int8_t q[] = {-3, 4}, q_zero[] = {1};
    const int32_t product[] = {3, 5}; /* 0 1, -2 -1 times -4 3 */
    compute("matmul", &m, (const void *[]){p, q, NULL, p_zero, q_zero}, y);
    assert_memory_equal(y, product, sizeof(product));
}

/* An exact product that float rounds away shows that the multiply-add is fused. */
static void products_are_fused(void **state)
{
    const oc_op_case c = {.in = {F32_2(1, 2), F32_2(2, 1)}, .n_in = 2, .name = ""};
    const float p[] = {1.0f, 1.0f + 0x1p-12f}, q[] = {-1.0f - 0x1p-11f, 1.0f + 0x1p-12f};
    const float expected = 0x1p-24f;
    float y;
    (void)state;
    compute("matmul", &c, (const void *[]){p, q}, &y);
    oc_assert_bits_equal(&y, &expected, 1);
}

/* The layer's sums, without what requantises them. Owns: the caller's op_run_fini. */
static void init_sums(op_run *sums, const op_run *run, const oc_op_case *c)
{
    const oc_op_case plain = {.name = c->name,
                              .n_in = OC_MIN(c->n_in, (uint32_t)MULTIPLIER),
                              .absent_mask = c->absent_mask};
    op_run_init(sums, run->call.op, &plain);
    memcpy(sums->in_desc, c->in, sizeof(sums->in_desc));
    memcpy(sums->attrs, run->attrs, run->call.op->attrs_size);
    oc_node node = {.name = sums->name, .op = run->call.op, .attrs = sums->attrs};
    oc_assert_ok(oc_node_set_enum(&node, "requant", "none"));
    oc_assert_ok(op_run_shape(sums));
    for (uint32_t i = 0; i < plain.n_in; i++)
        sums->data[i] = run->data[i];
    oc_assert_ok(op_run_reference(sums));
    memset(sums->data, 0, sizeof(sums->data)); /* they are the run's */
}

static void check_requantised(const oc_op *op, const oc_op_case *c)
{
    op_run run, sums;
    size_t bytes;
    op_run_init(&run, op, c);
    oc_assert_ok(op_run_shape(&run));
    op_run_fill(&run, c, OP_FILL_RANGE);
    oc_assert_ok(op_run_reference(&run));
    const oc_node node = {.name = run.name, .op = op, .attrs = run.attrs};
    init_sums(&sums, &run, c);
    oc_op_case pair = {.name = c->name,
                       .n_in = 1 + c->n_in - MULTIPLIER,
                       .in = {*sums.out[0]},
                       .sets = {{.attr = "rounding", .name = oc_node_enum(&node, "requant")},
                                {.attr = "to", .name = oc_node_enum(&node, "to")},
                                {.attr = "zero", .number = oc_node_int(&node, "zero")},
                                {.attr = "lo", .number = oc_node_int(&node, "lo")},
                                {.attr = "hi", .number = oc_node_int(&node, "hi")}}};
    const void *in[4] = {sums.expected[0]};
    for (uint32_t i = 1; i < pair.n_in; i++) {
        pair.in[i] = c->in[MULTIPLIER + i - 1];
        in[i] = run.data[MULTIPLIER + i - 1];
    }
    oc_assert_ok(oc_desc_bytes(run.out[0], &bytes));
    uint8_t *y = malloc(bytes);
    assert_non_null(y);
    compute("requantize", &pair, in, y);
    if (memcmp(y, run.expected[0], bytes) != 0)
        fail_msg("%s: not its sums, requantised", run.name);
    free(y);
    op_run_fini(&sums);
    op_run_fini(&run);
}

static void requantised_sums_are_those_of_requantize(void **state)
{
    static const char *const layers[] = {"conv2d", "fully_connected"};
    size_t n_checked = 0;
    (void)state;
    for (size_t i = 0; i < OC_COUNT(layers); i++) {
        const oc_op *op = oc_op_find(layers[i]);
        for (size_t k = 0; k < op->n_cases; k++)
            if (op->cases[k].n_in > MULTIPLIER) {
                check_requantised(op, &op->cases[k]);
                n_checked++;
            }
    }
    assert_true(n_checked > 0);
}

static void binary_broadcasts(void **state)
{
    const oc_op_case c = {.in = {F32_2(2, 1), F32_1(3)},
                          .n_in = 2,
                          .name = "",
                          .sets = {{.attr = "fn", .name = "sub"}}};
    const float p[] = {10, 20}, q[] = {1, 2, 3}, expected[] = {9, 8, 7, 19, 18, 17};
    float y[6];
    (void)state;
    compute("binary", &c, (const void *[]){p, q}, y);
    oc_assert_bits_equal(y, expected, 6);
}

static void binary_of_each_function(void **state)
{
    static const char *const names[] = {
        "add", "sub", "mul", "div", "max", "min", "pow", "squared_difference", "prelu"};
    const float p = -6, q = 4, expected[] = {-2, -10, -24, -1.5f, 4, -6, 1296, 100, -24};
    const int64_t i = -6, j = 4, expected_int[] = {-2, -10, -24, -1, 4, -6, 1296, 100};
    (void)state;
    assert_int_equal(OC_COUNT(names), OC_BINARY_COUNT);
    for (size_t k = 0; k < OC_COUNT(names); k++) {
        oc_op_case c = {.in = {F32_1(1), F32_1(1)},
                        .n_in = 2,
                        .name = names[k],
                        .sets = {{.attr = "fn", .name = names[k]}}};
        float y;
        int64_t z;
        compute("binary", &c, (const void *[]){&p, &q}, &y);
        oc_assert_bits_equal(&y, &expected[k], 1);
        if (k == OC_BINARY_prelu) /* floats only */
            continue;
        c.in[0] = c.in[1] = (oc_desc)I64_1(1);
        compute("binary", &c, (const void *[]){&i, &j}, &z);
        assert_int_equal(z, expected_int[k]);
    }
}

static void unary_and_identity(void **state)
{
    const oc_op_case leaky = {
        .in = {F32_1(3)},
        .n_in = 1,
        .name = "",
        .sets = {{.attr = "fn", .name = "leaky_relu"}, {.attr = "a", .number = 0.5}}};
    const oc_op_case copy = {.in = {I64_1(2)}, .n_in = 1, .name = ""};
    const float x[] = {-4, 0, 3}, expected[] = {-2, 0, 3};
    const int64_t i[] = {INT64_MIN, 7};
    int64_t j[2];
    float y[3];
    (void)state;
    compute("unary", &leaky, (const void *[]){x}, y);
    oc_assert_bits_equal(y, expected, 3);
    compute("identity", &copy, (const void *[]){i}, j);
    assert_memory_equal(i, j, sizeof(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_is_its_formula),
        cmocka_unit_test(fully_connected_by_hand),
        cmocka_unit_test(matmul_by_hand),
        cmocka_unit_test(integer_products_by_hand),
        cmocka_unit_test(requantised_sums_are_those_of_requantize),
        cmocka_unit_test(products_are_fused),
        cmocka_unit_test(binary_broadcasts),
        cmocka_unit_test(binary_of_each_function),
        cmocka_unit_test(unary_and_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
