/* SPDX-License-Identifier: Apache-2.0 */
/**
 * requantize: x int32 [...,C], multiplier int32 [C] or [1], shift int32 as many, and with rounding
 * "double" low int32 as many -> int8 or uint8 of x's shape: what follows an integer product.
 *
 * y = min(max(oc_quant_scale(x, multiplier, shift) + zero, lo), hi). That is the arithmetic of
 * TensorFlow Lite's reference kernels as LiteRT 2.3.0 builds them, with two roundings: x is shifted
 * left where the shift is positive, multiplied and rounded (gemmlowp's
 * SaturatingRoundingDoublingHighMul), then divided by 2^-shift where it is negative and rounded
 * again, halves away from 0. The left shift and the sum with zero wrap around; a shift outside
 * -31..31 counts as the nearest of these.
 *
 * With rounding "double" it is oc_quant_scale_double(x, multiplier, low, shift) instead: round(x * s)
 * in IEEE doubles, computed in integers. LiteRT 2.3.0's FULLY_CONNECTED does so, unlike all its other
 * kernels.
 *
 * Numerics "integer": exact.
 */
#include "op_quant.h"

typedef struct attrs {
    int32_t to, rounding, zero, lo, hi;
} attrs;

enum { TWICE, DOUBLE };
static const char *const roundings[] = {"twice", "double", NULL};

static const oc_attr rows[] = {
    {.name = "to",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, to),
     .max = 1,
     .names = oc_op_8bit_names,
     .help = "element type of the output"},
    {.name = "rounding",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, rounding),
     .max = DOUBLE,
     .names = roundings,
     .help = "of the product and of the quotient, or as doubles are"},
    OP_ATTR_ZERO(attrs, zero, "zero point of the output"),
    OP_ATTR_LIMITS(attrs),
};

static oc_dtype dtype_of(const attrs *a)
{
    return oc_op_8bit_dtype(a->to);
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_same_dtype(call));
    OC_TRY(oc_op_check_rank(call, 1, 1, 1));
    OC_TRY(oc_op_check_rank(call, 2, 1, 1));
    const oc_shape *x = &call->in[0]->shape;
    int32_t count = call->in[1]->shape.dim[0];
    if (count != 1)
        OC_TRY(oc_op_check_dim(call, 1, 0, x->rank == 0 ? 1 : x->dim[x->rank - 1],
                               "the last axis of input 0"));
    OC_TRY(oc_op_check_dim(call, 2, 0, count, "as many as multipliers"));
    if (call->n_in != (a->rounding == DOUBLE ? 4 : 3))
        return oc_fail(OC_E_ARG, "requantize with rounding \"%s\": expected %d inputs, found %u",
                       roundings[a->rounding], a->rounding == DOUBLE ? 4 : 3, call->n_in);
    if (a->rounding == DOUBLE) {
        OC_TRY(oc_op_check_rank(call, 3, 1, 1));
        OC_TRY(oc_op_check_dim(call, 3, 0, count, "as many as multipliers"));
    }
    OC_TRY(oc_op_check_limits(call, dtype_of(a), a->lo, a->hi));
    out[0] = (oc_desc){dtype_of(a), *x};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    uint32_t last = UINT32_C(1) << OC_MAX(call->in[0]->shape.rank - 1, 0);
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, call->in[1]->shape.dim[0] == 1 ? 0 : last, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    int32_t last = OC_MAX(call->in[0]->shape.rank - 1, 0);
    oc_op_halo_along(call, out, 0, in);
    for (uint32_t i = 1; i < call->n_in; i++)
        oc_op_halo_vector(call, i, out->from[last], out->to[last], in);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = 5 * (uint64_t)oc_op_elems(&call->out[0]->shape);
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const int32_t *x = in[0];
    const oc_op_factors factors = {.multiplier = in[1],
                                   .shift = in[2],
                                   .low = a->rounding == DOUBLE ? in[3] : NULL,
                                   .count = oc_op_elems(&call->in[1]->shape)};
    size_t elems = oc_op_elems(&call->in[0]->shape);
    for (size_t i = 0; i < elems; i++)
        oc_op_store_8bit(dtype_of(a), out[0], i,
                         oc_op_requant_eval(&factors, i, x[i], a->zero, a->lo, a->hi));
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    size_t elems = oc_op_elems(&call->in[0]->shape), count = oc_op_elems(&call->in[1]->shape);
    size_t row = count == 1 ? elems : count, n_rows = elems / row;
    size_t group = traits->is_cpu ? OC_MAX(4096 / row, (size_t)1) : 1;
    oc_op_chunks c = oc_op_chunks_choose(traits, row, 4096);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "requantize", "requantize", &l));
    OC_TRY(oc_launch_define(l, "-DT=%s -DZERO=%d -DLO=%d -DHI=%d -DROWS=%zu -DGROUP=%zu -DSTEP=%d "
                            "-DIS_DOUBLE=%d",
                            oc_op_cl_type(dtype_of(a)), a->zero, a->lo, a->hi, n_rows, group,
                            count != 1, a->rounding == DOUBLE));
    OC_TRY(oc_op_define_chunks(l, &c));
    for (uint32_t i = 0; i < call->n_in; i++)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, (n_rows + group - 1) / group, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define X(...) OP_DESC(int32, __VA_ARGS__)
/* Multipliers as QuantizeMultiplier makes them. */
#define SCALES .in_lo = {0, 0x1p30f, -9}, .in_hi = {0, 0x1.fffffp30f, 3}
#define SMALL .in_lo = {-3000, 0x1p30f, -6}, .in_hi = {3000, 0x1.fffffp30f, -1}
#define UINT8(zero_) \
    .sets = {OP_SET_ENUM("to", "uint8"), OP_SET("zero", zero_), OP_SET("lo", 0), OP_SET("hi", 255)}

#define DOUBLES .sets = {OP_SET_ENUM("rounding", "double"), OP_SET("zero", -5)}

static const oc_op_case cases[] = {
    {.name = "per_tensor", .in = {X(1, 9, 7, 16), X(1), X(1)}, .n_in = 3, .const_mask = 6, SMALL,
     .sets = {OP_SET("zero", -7)}},
    {.name = "per_channel", .in = {X(2, 5, 6, 37), X(37), X(37)}, .n_in = 3, .const_mask = 6,
     SMALL},
    {.name = "uint8", .in = {X(3, 40), X(40), X(40)}, .n_in = 3, .const_mask = 6, SMALL,
     UINT8(120)},
    {.name = "uint8_per_tensor", .in = {X(1, 33), X(1), X(1)}, .n_in = 3, .const_mask = 6, SMALL,
     UINT8(3)},
    {.name = "any_x", .in = {X(4, 100), X(100), X(100)}, .n_in = 3, SCALES},
    {.name = "any_multiplier_and_shift", .in = {X(8, 65), X(65), X(65)}, .n_in = 3},
    {.name = "shifts", .in = {X(7, 64), X(64), X(64)}, .n_in = 3, .in_lo = {0, 0, -40},
     .in_hi = {0, 0, 40}, UINT8(128)},
    {.name = "least_times_least", .in = {X(5), X(1), X(1)}, .n_in = 3,
     .in_lo = {-0x1p31f, -0x1p31f, -26}, .in_hi = {-0x1p31f, -0x1p31f, -26}},
    {.name = "double", .in = {X(5, 64), X(64), X(64), X(64)}, .n_in = 4, .const_mask = 14,
     .in_lo = {-3000, 0x1p30f, -6}, .in_hi = {3000, 0x1.fffffp30f, -1}, DOUBLES},
    {.name = "double_per_tensor", .in = {X(7, 33), X(1), X(1), X(1)}, .n_in = 4, SMALL, DOUBLES},
    {.name = "double_any_x", .in = {X(4, 100), X(100), X(100), X(100)}, .n_in = 4,
     .in_lo = {0, 0x1p30f, -32}, .in_hi = {0, 0x1.fffffp30f, -20}, DOUBLES},
    {.name = "double_any", .in = {X(9, 65), X(65), X(65), X(65)}, .n_in = 4, .in_lo = {0, 0, -40},
     .in_hi = {0, 0, 40}, DOUBLES},
    {.name = "narrow_limits", .in = {X(50, 3), X(3), X(3)}, .n_in = 3, SMALL,
     .sets = {OP_SET("zero", 5), OP_SET("lo", 5), OP_SET("hi", 77)}},
    {.name = "one_channel", .in = {X(9, 11, 1), X(1), X(1)}, .n_in = 3, SMALL},
    {.name = "long_row", .in = {X(9001), X(1), X(1)}, .n_in = 3, SMALL},
    {.name = "many_channels", .in = {X(2, 5000), X(5000), X(5000)}, .n_in = 3, SMALL},
    {.name = "scalar", .in = {OP_SCALAR(int32), X(1), X(1)}, .n_in = 3, SMALL},
};

const oc_op oc_op_requantize = {
    .name = "requantize",
    .help = "x int32 [...,C], multiplier, shift and perhaps low int32 [C] or [1] -> int8 or uint8 of x's shape",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 3, .in_max = 4, .n_out = 1,
    .types = OC_TYPE(int32),
    .numerics = "integer",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
