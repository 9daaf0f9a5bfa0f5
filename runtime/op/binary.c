/* SPDX-License-Identifier: Apache-2.0 */
/**
 * binary: p, q -> y = activation(fn(p, q)), with NumPy's broadcasting. The functions are those of
 * OC_BINARY_LIST in numerics.h.
 *
 * float32, int8, uint8, int32 and int64. Integers have no activation and no prelu, and wrap around:
 * a result is its low bits. Division truncates towards zero and gives 0 for a divisor of 0. A
 * negative power is 1 divided by the power of that size: 0, but for the powers of 1 and -1.
 *
 * Numerics "elementwise": each element by the functions of those names in numerics.h; of integers
 * exact.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t fn; /* oc_binary_fn */
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    {.name = "fn",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, fn),
     .max = OC_BINARY_COUNT - 1,
     .names = oc_op_binary_names,
     .help = "the function"},
    OP_ATTR_ACT(attrs),
};

static oc_status check_integers(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    const char *name = oc_dtype_name(call->in[0]->dtype);
    if (a->act.fn != OC_UNARY_none)
        return oc_fail(OC_E_DTYPE, "%s: binary of %s has the activation %s, expected none",
                       call->name, name, oc_op_unary_names[a->act.fn]);
    if (a->fn == OC_BINARY_prelu)
        return oc_fail(OC_E_DTYPE, "%s: input 0 of binary prelu is %s, expected float32",
                       call->name, name);
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_same_dtype(call));
    if (call->in[0]->dtype != OC_DTYPE_float32)
        OC_TRY(check_integers(call));
    oc_desc y = {.dtype = call->in[0]->dtype};
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
    cost->ops =
        (uint64_t)oc_op_elems(&call->out[0]->shape) * (a->act.fn != OC_UNARY_none ? 2u : 1u);
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

/* By squaring: bit after bit of q. */
static uint64_t power(int64_t p, int64_t q)
{
    uint64_t y = 1, square = (uint64_t)p;
    if (q < 0)
        return p == 1 || p == -1 ? power(p, q & 1) : 0;
    for (; q > 0; q >>= 1, square *= square)
        if (q & 1)
            y *= square;
    return y;
}

static int64_t eval_int(oc_binary_fn fn, int64_t p, int64_t q)
{
    uint64_t u = (uint64_t)p, v = (uint64_t)q; /* unsigned arithmetic wraps around */
    switch (fn) {
    case OC_BINARY_add:
        return (int64_t)(u + v);
    case OC_BINARY_sub:
        return (int64_t)(u - v);
    case OC_BINARY_mul:
        return (int64_t)(u * v);
    case OC_BINARY_div:
        return q == 0 ? 0 : q == -1 ? (int64_t)(0 - u) : p / q;
    case OC_BINARY_max:
        return OC_MAX(p, q);
    case OC_BINARY_min:
        return OC_MIN(p, q);
    case OC_BINARY_pow:
        return (int64_t)power(p, q);
    case OC_BINARY_squared_difference:
        return (int64_t)((u - v) * (u - v));
    case OC_BINARY_prelu:
    case OC_BINARY_COUNT:
        break;
    }
    return 0;
}

/* y[i] from p[j] and q[k] */
static void eval(oc_dtype dtype, const attrs *a, const void *p, size_t j, const void *q, size_t k,
                 void *y, size_t i)
{
    oc_binary_fn fn = (oc_binary_fn)a->fn;
    if (dtype == OC_DTYPE_float32)
        ((float *)y)[i] = oc_op_act_eval(
            &a->act, oc_binary_eval(fn, ((const float *)p)[j], ((const float *)q)[k]));
    else
        oc_op_int_set(dtype, y, i,
                      eval_int(fn, oc_op_int_get(dtype, p, j), oc_op_int_get(dtype, q, k)));
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
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
        eval(call->in[0]->dtype, a, in[0], j, in[1], k, out[0], i);
    }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

/* What differs between floats, in vectors made by hand, and integers. */
static oc_status define_function(oc_launch *l, const oc_op_call *call)
{
    const attrs *a = call->attrs;
    const char *fn = oc_op_binary_names[a->fn];
    oc_dtype dtype = call->in[0]->dtype;
    if (dtype != OC_DTYPE_float32)
        return oc_launch_define(l, "-DFN=oc_int_%s -DT=%s -DU=%s", fn, oc_op_cl_type(dtype),
                                dtype == OC_DTYPE_int64 ? "ulong" : "uint");
    OC_TRY(oc_launch_define(l, "-DFN=oc_binary_%s", fn));
    return oc_op_define_act(l, &a->act);
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const oc_shape *y = &call->out[0]->shape;
    bool is_float = call->in[0]->dtype == OC_DTYPE_float32;
    size_t step_p[OC_RANK_MAX], step_q[OC_RANK_MAX];
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    oc_op_broadcast_strides(&call->in[0]->shape, y, step_p);
    oc_op_broadcast_strides(&call->in[1]->shape, y, step_q);
    oc_op_axes axes = oc_op_axes_merge(y, step_p, step_q);
    int32_t outer = OC_MAX(axes.count - 1, 0);
    bool has_row = axes.count > 0;
    size_t row = has_row ? axes.dim[outer] : 1, n_rows = oc_op_elems(y) / row;
    oc_op_chunks c =
        is_float ? oc_op_chunks_choose(traits, row, 4096) : oc_op_chunks_scalar(traits, row, 4096);
    size_t group = traits->is_cpu ? OC_MAX(4096 / row, (size_t)1) : 1;

    OC_TRY(oc_launch_add(list, "binary", is_float ? "binary" : "binary_int", &l));
    OC_TRY(define_function(l, call));
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
#define FN(name_) OP_SET_ENUM("fn", name_)
#define INTEGERS(fn_, type_, p_, q_, lo_, hi_)                                                 \
    {.name = #fn_ "_" #type_, .in = {{OC_DTYPE_##type_, p_}, {OC_DTYPE_##type_, q_}},          \
     .n_in = 2, .in_lo = {lo_, lo_}, .in_hi = {hi_, hi_}, .sets = {FN(#fn_)}}

static const oc_op_case cases[] = {
    {.name = "add_same_shape", .in = {OP_F32(1, 7, 9, 12), OP_F32(1, 7, 9, 12)}, .n_in = 2,
     .sets = {FN("add")}},
    {.name = "add_relu", .in = {OP_F32(2, 5, 5, 33), OP_F32(2, 5, 5, 33)}, .n_in = 2,
     .sets = {FN("add"), OP_SET_ENUM("act", "relu")}},
    {.name = "sub_channels", .in = {OP_F32(1, 5, 6, 19), OP_F32(1, 1, 1, 19)}, .n_in = 2,
     .sets = {FN("sub")}},
    {.name = "mul_lower_rank", .in = {OP_F32(2, 3, 4, 20), OP_F32(20)}, .n_in = 2,
     .const_mask = 2, .sets = {FN("mul")}},
    {.name = "mul_first_lower_rank", .in = {OP_F32(3), OP_F32(6, 5, 3)}, .n_in = 2,
     .sets = {FN("mul"), OP_SET_ENUM("act", "leaky_relu"), OP_SET("act_a", 0.25)}},
    {.name = "mul_pixels", .in = {OP_F32(2, 4, 5, 1), OP_F32(2, 4, 5, 24)}, .n_in = 2,
     .sets = {FN("mul")}},
    {.name = "mul_squeeze", .in = {OP_F32(2, 4, 5, 24), OP_F32(2, 1, 1, 24)}, .n_in = 2,
     .sets = {FN("mul"), OP_SET_ENUM("act", "sigmoid")}},
    {.name = "div_scalar", .in = {OP_F32(5, 21), OP_SCALAR(float32)}, .n_in = 2,
     .sets = {FN("div")}},
    {.name = "scalar_div", .in = {OP_SCALAR(float32), OP_F32(5, 21)}, .n_in = 2,
     .sets = {FN("div")}},
    {.name = "scalars", .in = {OP_SCALAR(float32), OP_SCALAR(float32)}, .n_in = 2,
     .sets = {FN("sub")}},
    {.name = "ones", .in = {OP_F32(1, 1), OP_F32(1)}, .n_in = 2, .sets = {FN("div")}},
    {.name = "max_both_stretch", .in = {OP_F32(4, 1, 6, 1), OP_F32(1, 5, 1, 7)}, .n_in = 2,
     .sets = {FN("max")}},
    {.name = "min_rank_8",
     .in = {OP_F32(2, 1, 2, 3, 1, 2, 1, 3), OP_F32(1, 2, 2, 1, 2, 2, 3, 1)}, .n_in = 2,
     .sets = {FN("min")}},
    {.name = "add_long_rows", .in = {OP_F32(2, 9001), OP_F32(9001)}, .n_in = 2,
     .sets = {FN("add")}},
    {.name = "add_short_rows", .in = {OP_F32(999, 2), OP_F32(2)}, .n_in = 2, .sets = {FN("add")}},
    {.name = "pow", .in = {OP_F32(3, 5, 33), OP_F32(3, 5, 33)}, .n_in = 2, .lo = 0, .hi = 20,
     .sets = {FN("pow")}},
    {.name = "pow_signs", .in = {OP_F32(3, 400), OP_SCALAR(float32)}, .n_in = 2,
     .sets = {FN("pow")}},
    {.name = "squared_difference", .in = {OP_F32(2, 5, 7), OP_F32(2, 1, 7)}, .n_in = 2,
     .sets = {FN("squared_difference"), OP_SET_ENUM("act", "sqrt")}},
    {.name = "prelu_channels", .in = {OP_F32(2, 5, 6, 19), OP_F32(19)}, .n_in = 2,
     .const_mask = 2, .sets = {FN("prelu")}},
    {.name = "prelu_pixels", .in = {OP_F32(2, 5, 6, 19), OP_F32(5, 6, 1)}, .n_in = 2,
     .sets = {FN("prelu")}},
    {.name = "prelu_both_stretch", .in = {OP_F32(4, 1, 6), OP_F32(5, 1)}, .n_in = 2,
     .sets = {FN("prelu")}},
    INTEGERS(add, int8, OP_INTS(1, 7, 9, 12), OP_INTS(1, 7, 9, 12), 0, 0),
    INTEGERS(add, int64, OP_INTS(3, 1, 5), OP_INTS(4, 1), 0, 0),
    INTEGERS(sub, uint8, OP_INTS(2, 9001), OP_INTS(9001), 0, 0),
    INTEGERS(sub, int32, OP_INTS(6), OP_INTS(6), 0, 0),
    INTEGERS(mul, int8, OP_INTS(2, 4, 5, 24), OP_INTS(2, 1, 1, 24), 0, 0),
    INTEGERS(mul, uint8, OP_INTS(2, 4, 5, 1), OP_INTS(2, 4, 5, 24), 0, 0),
    INTEGERS(mul, int32, OP_INTS(999, 2), OP_INTS(2), 0, 0),
    INTEGERS(mul, int64, OP_INTS(7), OP_INTS(7), 0, 0),
    INTEGERS(div, int8, OP_INTS(5, 401), OP_INTS(5, 401), -9, 9),
    INTEGERS(div, uint8, OP_INTS(5, 401), OP_INTS(5, 401), 0, 0),
    INTEGERS(div, int32, OP_INTS(5, 41), OP_INTS(5, 41), -9, 9),
    INTEGERS(div, int64, OP_INTS(5, 41), OP_INTS(41), -9, 9),
    INTEGERS(max, int8, OP_INTS(4, 1, 6, 1), OP_INTS(1, 5, 1, 7), 0, 0),
    INTEGERS(max, int64, OP_INTS(77), OP_INTS(77), 0, 0),
    INTEGERS(min, uint8, OP_INTS(2, 1, 2, 3, 1, 2, 1, 3), OP_INTS(1, 2, 2, 1, 2, 2, 3, 1), 0, 0),
    INTEGERS(min, int32, OP_INTS(77), OP_INTS(1), 0, 0),
    INTEGERS(pow, int8, OP_INTS(300), OP_INTS(300), -5, 9),
    INTEGERS(pow, uint8, OP_INTS(300), OP_INTS(300), 0, 0),
    INTEGERS(pow, int32, OP_INTS(300), OP_INTS(300), -3, 30),
    INTEGERS(pow, int64, OP_INTS(300), OP_INTS(300), 0, 0),
    INTEGERS(squared_difference, int8, OP_INTS(300), OP_INTS(1), 0, 0),
    INTEGERS(squared_difference, int64, OP_INTS(300), OP_INTS(300), 0, 0),
};

const oc_op oc_op_binary = {
    .name = "binary",
    .help = "p, q -> activation(fn(p, q)) for each element, with NumPy's broadcasting",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = 2, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_INT,
    .numerics = "elementwise",
    .act_attr = "act",
    .batch_axis = oc_op_batch_elementwise,
    .halo = oc_op_halo_elementwise,
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
