/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What transposed and deformable convolutions mean: the first against its other formula, which
 * brings each element of the input to the outputs that it reaches, the second against the plain
 * convolution and by hand.
 */
#include "op_case.h"

#include "oc_graph.h"

#include <math.h>

static int32_t ints_at(const oc_node *node, const char *attr, int i)
{
    return oc_node_ints(node, attr)->v[i];
}

/* Element i of input `in` as a real number, less its zero point of channel o. */
static double value(const op_run *run, uint32_t in, size_t i, size_t o)
{
    const uint32_t zero = in + 3;
    double z = 0;
    if (run->in[in]->dtype == OC_DTYPE_float32)
        return (double)((const float *)run->data[in])[i];
    bool is_signed = run->in[in]->dtype == OC_DTYPE_int8;
    if (zero < run->call.n_in && run->in[zero] != NULL) {
        size_t elems;
        oc_assert_ok(oc_shape_elems(&run->in[zero]->shape, &elems));
        o = elems == 1 ? 0 : o;
        z = is_signed ? ((const int8_t *)run->data[zero])[o]
                      : ((const uint8_t *)run->data[zero])[o];
    }
    return (is_signed ? ((const int8_t *)run->data[in])[i] : ((const uint8_t *)run->data[in])[i]) -
           z;
}

/* Adds what element i of the input makes of every tap and output channel. */
static void scatter(const op_run *run, const oc_node *node, size_t i, double *sum)
{
    const int32_t *x = run->in[0]->shape.dim, *w = run->in[1]->shape.dim;
    const int32_t *y = run->out[0]->shape.dim;
    int32_t c = (int32_t)i % x[3], pixel = (int32_t)i / x[3], og = w[0] / (x[3] / w[3]);
    for (int32_t kh = 0; kh < w[1]; kh++)
        for (int32_t kw = 0; kw < w[2]; kw++) {
            int32_t h = pixel / x[2] % x[1] * ints_at(node, "strides", 0) +
                        kh * ints_at(node, "dilations", 0) - ints_at(node, "pads", 0);
            int32_t v = pixel % x[2] * ints_at(node, "strides", 1) +
                        kw * ints_at(node, "dilations", 1) - ints_at(node, "pads", 1);
            if (h < 0 || h >= y[1] || v < 0 || v >= y[2])
                continue;
            for (int32_t o = c / w[3] * og; o < (c / w[3] + 1) * og; o++) {
                size_t to = (size_t)(((pixel / x[2] / x[1] * y[1] + h) * y[2] + v) * y[3] + o);
                size_t from = (size_t)(((o * w[1] + kh) * w[2] + kw) * w[3] + c % w[3]);
                sum[to] += value(run, 0, i, 0) * value(run, 1, from, (size_t)o);
            }
        }
}

static void compare(const op_run *run, const double *sum, size_t elems)
{
    const size_t channels = (size_t)run->out[0]->shape.dim[3];
    for (size_t i = 0; i < elems; i++) {
        if (run->in[0]->dtype == OC_DTYPE_float32) {
            double bias = run->call.n_in > 2 ? value(run, 2, i % channels, 0) : 0;
            double found = (double)((const float *)run->expected[0])[i];
            if (fabs(found - (sum[i] + bias)) > 1e-5)
                fail_msg("%s: element %zu is %g, expected %g", run->name, i, found, sum[i] + bias);
            continue;
        }
        uint32_t bias = run->in[2] ? ((const uint32_t *)run->data[2])[i % channels] : 0;
        uint32_t found = ((const uint32_t *)run->expected[0])[i];
        if (found != (uint32_t)(int64_t)sum[i] + bias)
            fail_msg("%s: element %zu is %#x", run->name, i, found);
    }
}

static void conv_transpose2d_scatters(void **state)
{
    const oc_op *op = oc_op_find("conv_transpose2d");
    size_t compared = 0;
    (void)state;
    for (size_t k = 0; k < op->n_cases; k++) {
        op_run run;
        void *sum;
        size_t elems, inputs;
        op_run_init(&run, op, &op->cases[k]);
        const oc_node node = {.name = run.name, .op = op, .attrs = run.attrs};
        oc_assert_ok(op_run_shape(&run));
        op_run_fill(&run, &op->cases[k], OP_FILL_RANGE);
        oc_assert_ok(op_run_reference(&run));
        if (strcmp(oc_node_enum(&node, "act"), "none") == 0) {
            oc_assert_ok(oc_shape_elems(&run.out[0]->shape, &elems));
            oc_assert_ok(oc_shape_elems(&run.in[0]->shape, &inputs));
            oc_assert_ok(oc_alloc(NULL, elems, sizeof(double), &sum));
            memset(sum, 0, elems * sizeof(double));
            for (size_t i = 0; i < inputs; i++)
                scatter(&run, &node, i, sum);
            compare(&run, sum, elems);
            oc_free(NULL, sum);
            compared++;
        }
        op_run_fini(&run);
    }
    assert_true(compared >= 8);
}

static void conv_transpose2d_sizes(void **state)
{
    const oc_op *op = oc_op_find("conv_transpose2d");
    oc_op_case c = {
        .name = "sizes",
        .in = {{OC_DTYPE_float32, {4, {1, 5, 4, 1}}}, {OC_DTYPE_float32, {4, {2, 3, 2, 1}}}},
        .n_in = 2,
        .sets = {{.attr = "strides", .ints = {2, {2, 3}}},
                 {.attr = "pads", .ints = {4, {1, 0, 2, 1}}},
                 {.attr = "output_pads", .ints = {2, {1, 2}}}}};
    op_run run;
    (void)state;
    op_run_init(&run, op, &c);
    oc_assert_ok(op_run_shape(&run));
    /* (5-1) 2 + 3 - 3 + 1 and (4-1) 3 + 2 - 1 + 2 */
    assert_int_equal(run.out[0]->shape.dim[1], 9);
    assert_int_equal(run.out[0]->shape.dim[2], 12);
    op_run_fini(&run);
    c.sets[1].ints.v[0] = 20;
    op_run_init(&run, op, &c);
    oc_assert_fails(op_run_shape(&run), OC_E_SHAPE,
                    "makes 12 elements along h of 5 and crops 22, expected 1 or more to be left");
    op_run_fini(&run);
}

/* Computes `op` on `in`. */
static void compute(const char *op, const oc_op_case *c, const void *const *in, void *y)
{
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(run.call.op->reference(&run.call, in, &y));
    op_run_fini(&run);
}

/* Offsets of whole pixels move the picture: what is left is a plain convolution of it. */
static void deform_conv2d_of_whole_pixels_is_conv2d(void **state)
{
    enum { H = 5, W = 6, C = 3, O = 4, PIXELS = 4 * 5 };
    const oc_case_set pads = {.attr = "pads", .ints = {4, {0, 1, 1, 0}}};
    const oc_op_case plain = {.name = "plain",
                              .in = {{OC_DTYPE_float32, {4, {1, H, W, C}}},
                                     {OC_DTYPE_float32, {4, {O, 3, 3, C}}},
                                     {OC_DTYPE_float32, {1, {O}}}},
                              .n_in = 3,
                              .sets = {pads}};
    oc_op_case deformed = plain;
    float x[H * W * C], moved[H * W * C] = {0}, w[O * 9 * C], bias[O] = {1, 2, 3, 4};
    float offset[PIXELS * 18], y[PIXELS * O], expected[PIXELS * O];
    oc_rng rng = oc_rng_make(7);
    (void)state;
    for (size_t i = 0; i < OC_COUNT(x); i++)
        x[i] = oc_rng_float(&rng, -1, 1);
    for (size_t i = 0; i < OC_COUNT(w); i++)
        w[i] = oc_rng_float(&rng, -1, 1);
    for (size_t i = 0; i < OC_COUNT(offset); i++)
        offset[i] = i % 2 ? -2 : 1; /* one row down, two columns left */
    for (int h = 0; h + 1 < H; h++)
        for (int v = 2; v < W; v++)
            memcpy(moved + (h * W + v) * C, x + ((h + 1) * W + v - 2) * C, C * sizeof(float));
    deformed.in[2] = (oc_desc){OC_DTYPE_float32, {4, {1, 4, 5, 18}}};
    deformed.in[3] = plain.in[2];
    deformed.n_in = 4;
    compute("conv2d", &plain, (const void *[]){moved, w, bias}, expected);
    compute("deform_conv2d", &deformed, (const void *[]){x, w, offset, bias}, y);
    /* The border differs: beyond it the moved picture has zeros where x may go on. */
    for (int i = 0; i < 2 * 5; i++)
        for (int o = 0; i % 5 >= 2 && o < O; o++)
            assert_true(fabsf(y[i * O + o] - expected[i * O + o]) < 1e-5f);
}

static void deform_conv2d_by_hand(void **state)
{
    const oc_op_case c = {.name = "by_hand",
                          .in = {{OC_DTYPE_float32, {4, {1, 2, 2, 1}}},
                                 {OC_DTYPE_float32, {4, {1, 1, 1, 1}}},
                                 {OC_DTYPE_float32, {4, {1, 2, 2, 2}}},
                                 {OC_DTYPE_float32, {0, {0}}},
                                 {OC_DTYPE_float32, {4, {1, 2, 2, 1}}}},
                          .n_in = 5,
                          .absent_mask = 8};
    const float x[] = {1, 2, 3, 4}, w[] = {2}, mask[] = {1, 1, 0.5f, 3};
    /* Between all four; half outside; exactly on another pixel; far away. */
    const float offset[] = {0.5f, 0.5f, 0, 0.5f, -1, 1, INFINITY, 0};
    const float expected[] = {5, 2, 2, 0};
    float y[4];
    (void)state;
    compute("deform_conv2d", &c, (const void *[]){x, w, offset, NULL, mask}, y);
    oc_assert_bits_equal(y, expected, 4);
}

/* Two numbers for each of 2^30 taps and more are more than an axis holds, not as many as the taps. */
static void deform_conv2d_of_too_many_taps(void **state)
{
    const oc_op_case c = {.name = "taps",
                          .in = {{OC_DTYPE_float32, {4, {1, 32768, 40000, 1}}},
                                 {OC_DTYPE_float32, {4, {1, 32768, 40000, 1}}},
                                 {OC_DTYPE_float32, {4, {1, 1, 1, 32768 * 40000}}}},
                          .n_in = 3};
    op_run run;
    (void)state;
    op_run_init(&run, oc_op_find("deform_conv2d"), &c);
    oc_assert_fails(op_run_shape(&run), OC_E_LIMIT, "has 2621440000 numbers for a pixel");
    op_run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_transpose2d_scatters),
        cmocka_unit_test(conv_transpose2d_sizes),
        cmocka_unit_test(deform_conv2d_of_whole_pixels_is_conv2d),
        cmocka_unit_test(deform_conv2d_by_hand),
        cmocka_unit_test(deform_conv2d_of_too_many_taps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
