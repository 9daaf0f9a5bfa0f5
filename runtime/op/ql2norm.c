/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ql2norm: x int8 or uint8 [...,C] -> y of the same type and shape: x, from its zero point, divided
 * by its length along the last axis, in 128ths (a uint8 of 128 stands for 0).
 *
 * The fixed-point arithmetic of TensorFlow Lite's reference kernels, which LiteRT 2.3.0 runs under
 * BUILTIN_REF. With d = x - zero, s = sum of d^2 (it wraps around), m = oc_quant_root(s) and
 * n = oc_quant_root_shift(s):
 *
 *     int8    y = oc_quant_scale(d, m, n + 7)               (reference_integer_ops::L2Normalization)
 *     uint8   y = oc_quant_scale(128 d, m, n) + 128         (reference_ops::L2Normalization)
 *
 * saturated. The two differ where n + 7 is negative: what is shifted back in the one was rounded
 * before. A length of 0 counts as 1, so that nothing becomes 0.
 *
 * Numerics "integer": exact.
 */
#include "op_quant.h"

typedef struct attrs {
    int32_t zero;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_ZERO(attrs, zero, "zero point of x"),
};

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = 8 * (uint64_t)oc_op_elems(&call->out[0]->shape);
    return OC_OK;
}

/* One length: elements [at, at + n). */
static void divide_line(int32_t zero, oc_dtype dtype, const void *x, size_t at, size_t n, void *y)
{
    const bool is_int8 = dtype == OC_DTYPE_int8;
    int32_t sum = 0;
    for (size_t i = at; i < at + n; i++) {
        int32_t d = oc_op_load_8bit(dtype, x, i) - zero;
        sum = oc_quant_add(sum, d * d);
    }
    const int32_t root = oc_quant_root(sum), shift = oc_quant_root_shift(sum);
    for (size_t i = at; i < at + n; i++) {
        int32_t d = oc_op_load_8bit(dtype, x, i) - zero;
        int32_t v = is_int8 ? oc_quant_scale(d, root, shift + 7)
                            : oc_quant_scale(128 * d, root, shift) + 128;
        oc_op_store_8bit(dtype, y, i, is_int8 ? OC_MIN(OC_MAX(v, INT8_MIN), INT8_MAX)
                                              : OC_MIN(OC_MAX(v, 0), UINT8_MAX));
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    size_t n = (size_t)x->dim[x->rank - 1], elems = oc_op_elems(x);
    for (size_t at = 0; at < elems; at += n)
        divide_line(a->zero, call->in[0]->dtype, in[0], at, n, out[0]);
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
    OC_TRY(oc_launch_add(list, "ql2norm", "ql2norm", &l));
    OC_TRY(oc_launch_define(l, "-DT=%s -DCOUNT=%zu -DZERO=%d -DIS_INT8=%d",
                            oc_op_cl_type(call->in[0]->dtype), n, a->zero,
                            call->in[0]->dtype == OC_DTYPE_int8));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, oc_op_elems(x) / n, 1, 1);
    return OC_OK;
}

/* clang-format off */
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)

static const oc_op_case cases[] = {
    {.name = "embedding", .in = {S8(1, 128)}, .n_in = 1, .sets = {OP_SET("zero", -7)}},
    {.name = "embedding_uint8", .in = {U8(1, 128)}, .n_in = 1, .sets = {OP_SET("zero", 121)}},
    {.name = "pixels", .in = {S8(2, 6, 5, 3)}, .n_in = 1},
    {.name = "pixels_uint8", .in = {U8(2, 6, 5, 3)}, .n_in = 1, .sets = {OP_SET("zero", 255)}},
    {.name = "near_zero", .in = {S8(300, 2)}, .n_in = 1, .in_lo = {-1}, .in_hi = {2}},
    {.name = "near_zero_uint8", .in = {U8(300, 3)}, .n_in = 1, .in_lo = {127}, .in_hi = {129.5},
     .sets = {OP_SET("zero", 128)}},
    {.name = "one_element", .in = {U8(40, 1)}, .n_in = 1, .sets = {OP_SET("zero", 9)}},
    {.name = "vector", .in = {S8(7)}, .n_in = 1},
    /* Sums beyond 2^21, whose quotients are shifted back, and beyond 2^29. */
    {.name = "long", .in = {S8(3, 1501)}, .n_in = 1, .sets = {OP_SET("zero", 127)}},
    {.name = "long_uint8", .in = {U8(3, 1501)}, .n_in = 1},
    {.name = "longest", .in = {S8(1, 30000)}, .n_in = 1, .in_lo = {-128}, .in_hi = {-100},
     .sets = {OP_SET("zero", 127)}},
    {.name = "wraps_around", .in = {S8(1, 40000)}, .n_in = 1, .in_lo = {-128}, .in_hi = {-120},
     .sets = {OP_SET("zero", 127)}},
};

const oc_op oc_op_ql2norm = {
    .name = "ql2norm",
    .help = "x int8 or uint8 [...,C] -> x divided by its length along the last axis, in 128ths",
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
