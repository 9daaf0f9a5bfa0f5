/* SPDX-License-Identifier: Apache-2.0 */
/**
 * binary: p, q -> y = activation(fn(p, q)), with NumPy's broadcasting. The functions are those of
 * OC_BINARY_LIST in numerics.h.
 *
 * float32, int32 and int64. Integers wrap around on overflow, division truncates towards zero and
 * gives 0 for a divisor of 0; they have no activation, and only the reference computes them, for
 * shape arithmetic that is folded before anything runs.
 *
 * Numerics "elementwise": each element by the functions of those names in numerics.h.
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

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    oc_dtype dtype = call->in[0]->dtype;
    if (dtype != OC_DTYPE_int32 && dtype != OC_DTYPE_int64)
        OC_TRY(oc_op_check_float(call));
    else if (a->act.fn != OC_UNARY_none)
        return oc_fail(OC_E_DTYPE, "%s: binary of %s has the activation %s, expected none",
                       call->name, oc_dtype_name(dtype), oc_op_unary_names[a->act.fn]);
    OC_TRY(oc_op_check_same_dtype(call));
    oc_desc y = {.dtype = dtype};
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
    if (dtype == OC_DTYPE_int32)
        ((int32_t *)y)[i] = (int32_t)eval_int(fn, ((const int32_t *)p)[j], ((const int32_t *)q)[k]);
    else if (dtype == OC_DTYPE_int64)
        ((int64_t *)y)[i] = eval_int(fn, ((const int64_t *)p)[j], ((const int64_t *)q)[k]);
    else
        ((float *)y)[i] = oc_op_act_eval(
            &a->act, oc_binary_eval(fn, ((const float *)p)[j], ((const float *)q)[k]));
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

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
    size_t step_p[OC_RANK_MAX], step_q[OC_RANK_MAX];
    oc_launch *l;
    if (call->in[0]->dtype != OC_DTYPE_float32)
        return oc_fail(OC_E_UNSUPPORTED, "%s: binary of %s runs on the reference device only",
                       call->name, oc_dtype_name(call->in[0]->dtype));
    OC_TRY(oc_op_check_launch(call));
    oc_op_broadcast_strides(&call->in[0]->shape, y, step_p);
    oc_op_broadcast_strides(&call->in[1]->shape, y, step_q);
    oc_op_axes axes = oc_op_axes_merge(y, step_p, step_q);
    int32_t outer = OC_MAX(axes.count - 1, 0);
    bool has_row = axes.count > 0;
    size_t row = has_row ? axes.dim[outer] : 1, n_rows = oc_op_elems(y) / row;
    oc_op_chunks c = oc_op_chunks_choose(traits, row, 4096);
    size_t group = traits->is_cpu ? OC_MAX(4096 / row, (size_t)1) : 1;

    OC_TRY(oc_launch_add(list, "binary", "binary", &l));
    OC_TRY(oc_launch_define(l, "-DFN=oc_binary_%s -DROWS=%zu -DGROUP=%zu -DSTEP_P=%zu -DSTEP_Q=%zu",
                            oc_op_binary_names[a->fn], n_rows, group, has_row ? axes.p[outer] : 0,
                            has_row ? axes.q[outer] : 0));
    OC_TRY(oc_op_define_outer(l, &axes, outer));
    OC_TRY(oc_op_define_chunks(l, &c));
    OC_TRY(oc_op_define_act(l, &a->act));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, (n_rows + group - 1) / group, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define FN(name_) OP_SET_ENUM("fn", name_)

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
};

const oc_op oc_op_binary = {
    .name = "binary",
    .help = "p, q -> activation(fn(p, q)) for each element, with NumPy's broadcasting",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = 2, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPE(int32) | OC_TYPE(int64),
    .numerics = "elementwise",
    .act_attr = "act",
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
