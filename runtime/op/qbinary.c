/* SPDX-License-Identifier: Apache-2.0 */
/**
 * qbinary: p, q int8 or uint8 -> y of the same type: the sum, difference or product of the real
 * numbers that they stand for, with NumPy's broadcasting. It is the arithmetic of TensorFlow Lite's
 * reference kernels ADD, SUB and MUL as LiteRT 2.3.0 builds them (both types alike, two roundings
 * in each scaling). With a = p - zero1, b = q - zero2:
 *
 *     add, sub  r = oc_quant_scale(a 2^left_shift, mult1, shift1)
 *                   +- oc_quant_scale(b 2^left_shift, mult2, shift2)
 *     mul       r = a b
 *     y = min(max(oc_quant_scale(r, mult_out, shift_out) + zero_out, lo), hi)
 *
 * There left_shift is 20, and of the scales s1, s2, s_out the multipliers are (oc_quant_multiplier)
 * s1 / t, s2 / t and t / (2^20 s_out) with t = 2 max(s1, s2) for a sum, s1 s2 / s_out for a product.
 * Sums and left shifts wrap around; a shift outside -31..31 counts as the nearest of these.
 *
 * Numerics "integer": exact.
 */
#include "op_quant.h"

typedef enum fn { FN_ADD, FN_SUB, FN_MUL } fn;

typedef struct attrs {
    int32_t fn, left_shift;
    int32_t zero1, mult1, shift1;
    int32_t zero2, mult2, shift2;
    int32_t zero_out, mult_out, shift_out;
    int32_t lo, hi;
} attrs;

static const char *const fn_names[] = {"add", "sub", "mul", NULL};

/* clang-format off */
#define MULT(name_) \
    {.name = #name_, .type = OC_ATTR_INT, .offset = offsetof(attrs, name_), \
     .help = "its scale: mult * 2^(shift - 31)"}
#define SHIFT(name_) \
    {.name = #name_, .type = OC_ATTR_INT, .offset = offsetof(attrs, name_), .min = -31, .max = 31, \
     .help = "its scale: mult * 2^(shift - 31)"}

static const oc_attr rows[] = {
    {.name = "fn", .type = OC_ATTR_ENUM, .offset = offsetof(attrs, fn), .max = FN_MUL,
     .names = fn_names, .help = "the function"},
    {.name = "left_shift", .type = OC_ATTR_INT, .offset = offsetof(attrs, left_shift),
     .initial = 20, .max = 22, .help = "bits that the inputs of a sum gain before they are scaled"},
    OP_ATTR_ZERO(attrs, zero1, "zero point of input 0"), MULT(mult1), SHIFT(shift1),
    OP_ATTR_ZERO(attrs, zero2, "zero point of input 1"), MULT(mult2), SHIFT(shift2),
    OP_ATTR_ZERO(attrs, zero_out, "zero point of the output"), MULT(mult_out), SHIFT(shift_out),
    OP_ATTR_LIMITS(attrs),
};
/* clang-format on */

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_same_dtype(call));
    oc_desc y = {.dtype = call->in[0]->dtype};
    OC_TRY(oc_op_check_limits(call, y.dtype, a->lo, a->hi));
    OC_TRY(oc_op_broadcast(call, &call->in[0]->shape, &call->in[1]->shape, &y.shape));
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    (void)perm;
    (void)to;
    OC_TRY(oc_op_check_rank(call, 0, rank, rank));
    return oc_op_check_rank(call, 1, rank, rank);
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = (uint64_t)oc_op_elems(&call->out[0]->shape) * (a->fn == FN_MUL ? 8u : 16u);
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

static int32_t eval(const attrs *t, int32_t p, int32_t q)
{
    int32_t a = p - t->zero1, b = q - t->zero2, r = a * b; /* below 2^18 in size */
    if (t->fn != FN_MUL) {
        a = oc_quant_scale(oc_quant_shift_up(a, t->left_shift), t->mult1, t->shift1);
        b = oc_quant_scale(oc_quant_shift_up(b, t->left_shift), t->mult2, t->shift2);
        r = t->fn == FN_ADD ? oc_quant_add(a, b) : oc_quant_sub(a, b);
    }
    int32_t y = oc_quant_add(oc_quant_scale(r, t->mult_out, t->shift_out), t->zero_out);
    return OC_MIN(OC_MAX(y, t->lo), t->hi);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const oc_shape *y = &call->out[0]->shape;
    oc_dtype dtype = call->out[0]->dtype;
    size_t step_p[OC_RANK_MAX], step_q[OC_RANK_MAX], elems = oc_op_elems(y);
    int32_t at[OC_RANK_MAX] = {0};
    oc_op_broadcast_strides(&call->in[0]->shape, y, step_p);
    oc_op_broadcast_strides(&call->in[1]->shape, y, step_q);
    for (size_t i = 0; i < elems; i++, oc_op_next(y, at)) {
        size_t j = 0, k = 0;
        for (int32_t d = 0; d < y->rank; d++) {
            j += (size_t)at[d] * step_p[d];
            k += (size_t)at[d] * step_q[d];
        }
        oc_op_store_8bit(
            dtype, out[0], i,
            eval(call->attrs, oc_op_load_8bit(dtype, in[0], j), oc_op_load_8bit(dtype, in[1], k)));
    }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status define(oc_launch *l, const attrs *a, oc_dtype dtype)
{
    OC_TRY(oc_launch_define(l, "-DT=%s -DFN=%d -DLEFT_SHIFT=%d -DLO=%d -DHI=%d",
                            oc_op_cl_type(dtype), a->fn, a->left_shift, a->lo, a->hi));
    OC_TRY(
        oc_launch_define(l, "-DZERO_1=%d -DMULT_1=%d -DSHIFT_1=%d", a->zero1, a->mult1, a->shift1));
    OC_TRY(
        oc_launch_define(l, "-DZERO_2=%d -DMULT_2=%d -DSHIFT_2=%d", a->zero2, a->mult2, a->shift2));
    return oc_launch_define(l, "-DZERO_OUT=%d -DMULT_OUT=%d -DSHIFT_OUT=%d", a->zero_out,
                            a->mult_out, a->shift_out);
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const oc_shape *y = &call->out[0]->shape;
    size_t step_p[OC_RANK_MAX], step_q[OC_RANK_MAX];
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    oc_op_broadcast_strides(&call->in[0]->shape, y, step_p);
    oc_op_broadcast_strides(&call->in[1]->shape, y, step_q);
    oc_op_axes axes = oc_op_axes_merge(y, step_p, step_q);
    int32_t outer = OC_MAX(axes.count - 1, 0);
    bool has_row = axes.count > 0;
    size_t row = has_row ? axes.dim[outer] : 1, n_rows = oc_op_elems(y) / row;
    oc_op_chunks c = oc_op_chunks_choose(traits, row, 4096);
    size_t group = traits->is_cpu ? OC_MAX(4096 / row, (size_t)1) : 1;

    OC_TRY(oc_launch_add(list, "qbinary", "qbinary", &l));
    OC_TRY(define(l, call->attrs, call->out[0]->dtype));
    OC_TRY(oc_launch_define(l, "-DROWS=%zu -DGROUP=%zu -DSTEP_P=%zu -DSTEP_Q=%zu", n_rows, group,
                            has_row ? axes.p[outer] : 0, has_row ? axes.q[outer] : 0));
    OC_TRY(oc_op_define_outer(l, &axes, outer));
    OC_TRY(oc_op_define_chunks(l, &c));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, (n_rows + group - 1) / group, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
/* Scales 0.05 and 0.03 to 0.06. */
#define SUM(fn_, zero1_, zero2_, zero_out_) \
    OP_SET_ENUM("fn", fn_), OP_SET("zero1", zero1_), OP_SET("mult1", 1 << 30), \
    OP_SET("zero2", zero2_), OP_SET("mult2", 1288490189), OP_SET("shift2", -1), \
    OP_SET("zero_out", zero_out_), OP_SET("mult_out", 1789569707), OP_SET("shift_out", -19)
#define MUL(zero1_, zero2_, zero_out_) \
    OP_SET_ENUM("fn", "mul"), OP_SET("zero1", zero1_), OP_SET("zero2", zero2_), \
    OP_SET("zero_out", zero_out_), OP_SET("mult_out", 1717986918), OP_SET("shift_out", -5)
#define UINT8 OP_SET("lo", 0), OP_SET("hi", 255)

static const oc_op_case cases[] = {
    {.name = "add", .in = {S8(1, 7, 9, 12), S8(1, 7, 9, 12)}, .n_in = 2,
     .sets = {SUM("add", -3, 20, 1)}},
    {.name = "add_uint8", .in = {U8(2, 5, 5, 33), U8(2, 5, 5, 33)}, .n_in = 2,
     .sets = {SUM("add", 128, 100, 140), UINT8}},
    {.name = "sub_channels", .in = {S8(1, 5, 6, 19), S8(1, 1, 1, 19)}, .n_in = 2,
     .sets = {SUM("sub", 0, 7, -60)}},
    {.name = "sub_uint8_scalar", .in = {U8(5, 21), OP_SCALAR(uint8)}, .n_in = 2,
     .sets = {SUM("sub", 3, 200, 31), UINT8}},
    {.name = "mul", .in = {S8(2, 4, 5, 24), S8(2, 4, 5, 24)}, .n_in = 2, .sets = {MUL(4, -9, 3)}},
    {.name = "mul_pixels", .in = {S8(2, 4, 5, 1), S8(2, 4, 5, 24)}, .n_in = 2,
     .sets = {MUL(-128, 127, -128)}},
    {.name = "mul_uint8_squeeze", .in = {U8(2, 4, 5, 24), U8(2, 1, 1, 24)}, .n_in = 2,
     .sets = {MUL(128, 0, 128), UINT8}},
    {.name = "add_limits", .in = {S8(1000), S8(1000)}, .n_in = 2, .const_mask = 2,
     .sets = {OP_SET("mult1", 1 << 30), OP_SET("mult2", 1 << 30), OP_SET("mult_out", 1 << 30),
              OP_SET("shift_out", -18), OP_SET("lo", -5), OP_SET("hi", 90)}},
    {.name = "add_wrapping", .in = {U8(33, 65), U8(33, 65)}, .n_in = 2,
     .sets = {OP_SET("left_shift", 22), OP_SET("shift1", 3), OP_SET("mult1", 2000000011),
              OP_SET("shift2", 31), OP_SET("mult2", -1999999999), OP_SET("mult_out", -2147483647),
              OP_SET("shift_out", 30), UINT8, OP_SET("zero2", -128)}},
    {.name = "mul_both_stretch", .in = {S8(4, 1, 6, 1), S8(1, 5, 1, 7)}, .n_in = 2,
     .sets = {MUL(0, 0, 0)}},
    {.name = "add_rank_8", .in = {S8(2, 1, 2, 3, 1, 2, 1, 3), S8(1, 2, 2, 1, 2, 2, 3, 1)},
     .n_in = 2, .sets = {SUM("add", 0, 0, 0)}},
    {.name = "add_long_rows", .in = {S8(2, 9001), S8(9001)}, .n_in = 2,
     .sets = {SUM("add", 2, 1, 0)}},
    {.name = "scalars", .in = {OP_SCALAR(int8), OP_SCALAR(int8)}, .n_in = 2,
     .sets = {SUM("sub", 0, 0, 0)}},
};

const oc_op oc_op_qbinary = {
    .name = "qbinary",
    .help = "p, q int8 or uint8 -> fn(p, q) of the numbers they stand for, with broadcasting",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = 2, .n_out = 1,
    .types = OC_TYPES_8BIT,
    .numerics = "integer",
    .batch_axis = oc_op_batch_elementwise,
    .halo = oc_op_halo_elementwise,
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
