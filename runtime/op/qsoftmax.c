/* SPDX-License-Identifier: Apache-2.0 */
/**
 * qsoftmax: x int8 or uint8 [...,C] -> y of the same type and shape: e^x divided by its sum along
 * the last axis, in 256ths (an int8 of -128 stands for 0).
 *
 * The fixed-point arithmetic of TensorFlow Lite's reference kernel (reference_ops::Softmax), which
 * LiteRT 2.3.0 runs under BUILTIN_REF (its other kernels take e^x from a table of floats). With
 * d = x - max and E(d) = oc_quant_exp(oc_quant_scale(d, multiplier, shift), 5 integer bits):
 *
 *     s = sum of E(d) / 2^12, rounded, over all d >= diff_min (12 integer bits; it wraps around)
 *     z = leading zeros of s | 1; u = s 2^z is 1 + f with 0 <= f < 1
 *     y = (oc_quant_reciprocal(f) E(d)) / 2^(12 - z + 31 - 8), rounded, saturated; 0 where
 *         d < diff_min
 *
 * multiplier, shift and diff_min come from oc_quant_softmax. LiteRT ends the process where the
 * last divisor is above 2^31 (a sum above 2^9 times the largest term); here the result is 0.
 *
 * Numerics "integer": exact.
 */
#include "op_quant.h"

typedef struct attrs {
    int32_t multiplier, shift, diff_min;
} attrs;

static const oc_attr rows[] = {
    {.name = "multiplier",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, multiplier),
     .initial = 1 << 30,
     .help = "scale of x: multiplier * 2^(shift - 31) to 5 integer bits"},
    {.name = "shift",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, shift),
     .initial = 22,
     .min = -31,
     .max = 31,
     .help = "scale of x: multiplier * 2^(shift - 31) to 5 integer bits"},
    {.name = "diff_min",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, diff_min),
     .initial = -255,
     .min = INT32_MIN,
     .help = "elements further below the largest count as 0"},
};

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = 100 * (uint64_t)oc_op_elems(&call->out[0]->shape);
    return OC_OK;
}

/* E(d), or 0 below diff_min. */
static int32_t power(const attrs *a, int32_t d)
{
    return d < a->diff_min ? 0 : oc_quant_exp(oc_quant_scale(d, a->multiplier, a->shift), 5);
}

/* One sum: elements [at, at + n). */
static void softmax_line(const attrs *a, oc_dtype dtype, const void *x, size_t at, size_t n,
                         void *y)
{
    const int32_t least = dtype == OC_DTYPE_int8 ? INT8_MIN : 0;
    int32_t max = INT32_MIN, sum = 0;
    for (size_t i = at; i < at + n; i++)
        max = OC_MAX(max, oc_op_load_8bit(dtype, x, i));
    for (size_t i = at; i < at + n; i++)
        sum = oc_quant_add(sum,
                           oc_quant_shift_down(power(a, oc_op_load_8bit(dtype, x, i) - max), 12));
    int32_t zeros = OC_Q_LEADING_ZEROS((uint32_t)sum | 1u), down = 12 - zeros + 31 - 8;
    int32_t reciprocal = oc_quant_reciprocal(oc_quant_sub(oc_quant_shift_up(sum, zeros), OC_Q_MIN));
    for (size_t i = at; i < at + n; i++) {
        int32_t e = power(a, oc_op_load_8bit(dtype, x, i) - max);
        int32_t v = down > 31 ? 0 : oc_quant_shift_down(oc_quant_mul(reciprocal, e), down);
        oc_op_store_8bit(dtype, y, i, OC_MIN(OC_MAX(v, 0), 255) + least);
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const oc_shape *x = &call->in[0]->shape;
    size_t n = (size_t)x->dim[x->rank - 1], elems = oc_op_elems(x);
    for (size_t at = 0; at < elems; at += n)
        softmax_line(call->attrs, call->in[0]->dtype, in[0], at, n, out[0]);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    size_t n = (size_t)x->dim[x->rank - 1];
    oc_launch *l;
    (void)traits;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "qsoftmax", "qsoftmax", &l));
    OC_TRY(oc_launch_define(l, "-DT=%s -DCOUNT=%zu -DLEAST=%d", oc_op_cl_type(call->in[0]->dtype),
                            n, call->in[0]->dtype == OC_DTYPE_int8 ? INT8_MIN : 0));
    OC_TRY(oc_launch_define(l, "-DMULTIPLIER=%d -DSHIFT=%d -DDIFF_MIN=%d", a->multiplier, a->shift,
                            a->diff_min));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, oc_op_elems(x) / n, 1, 1);
    return OC_OK;
}

/* clang-format off */
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
/* oc_quant_softmax of 0.1 and of 0.02 */
#define COARSE OP_SET("multiplier", 1717986918), OP_SET("shift", 23), OP_SET("diff_min", -248)
#define FINE OP_SET("multiplier", 1374389535), OP_SET("shift", 21), OP_SET("diff_min", -992)

static const oc_op_case cases[] = {
    {.name = "classes", .in = {S8(1, 10)}, .n_in = 1, .sets = {COARSE}},
    {.name = "classes_uint8", .in = {U8(1, 10)}, .n_in = 1, .sets = {COARSE}},
    {.name = "many_classes", .in = {U8(3, 1001)}, .n_in = 1, .sets = {FINE}},
    {.name = "pixels", .in = {S8(2, 6, 5, 3)}, .n_in = 1, .sets = {FINE}},
    {.name = "close", .in = {S8(200, 4)}, .n_in = 1, .in_lo = {-9}, .in_hi = {9}, .sets = {COARSE}},
    {.name = "one_class", .in = {U8(4, 1)}, .n_in = 1, .sets = {COARSE}},
    {.name = "vector", .in = {S8(7)}, .n_in = 1},
    {.name = "only_the_largest", .in = {U8(9, 17)}, .n_in = 1, .sets = {COARSE, OP_SET("diff_min", 0)}},
    {.name = "almost_equal", .in = {S8(2, 700)}, .n_in = 1, .in_lo = {0}, .in_hi = {1.5}, .sets = {FINE}},
};

const oc_op oc_op_qsoftmax = {
    .name = "qsoftmax",
    .help = "x int8 or uint8 [...,C] -> e^x divided by its sum along the last axis, in 256ths",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPES_8BIT,
    .numerics = "integer",
    .batch_axis = oc_op_batch_lines,
    .halo = oc_op_halo_lines,
    .shape = oc_op_shape_lines, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
