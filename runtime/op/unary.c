/* SPDX-License-Identifier: Apache-2.0 */
/**
 * unary: x of any shape -> the same shape, y = fn(x; a, b). The functions are those of
 * OC_UNARY_LIST in numerics.h, where their formulas stand.
 *
 * Numerics "elementwise": each element by the function of that name in numerics.h.
 */
#include "op_common.h"

typedef struct attrs {
    oc_op_act fn;
} attrs;

static const oc_attr rows[] = {
    {.name = "fn",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, fn.fn),
     .max = OC_UNARY_COUNT - 1,
     .names = oc_op_unary_names,
     .help = "the function"},
    {.name = "a",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, fn.a),
     .help = "its parameter a"},
    {.name = "b",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, fn.b),
     .help = "its parameter b"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    out[0] = *call->in[0];
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    (void)perm;
    (void)to;
    return oc_op_check_rank(call, 0, rank, rank);
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[0]->shape);
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const float *x = in[0];
    float *y = out[0];
    size_t elems = oc_op_elems(&call->in[0]->shape);
    for (size_t i = 0; i < elems; i++)
        y[i] = oc_op_act_eval(&a->fn, x[i]);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    oc_op_chunks c = oc_op_chunks_choose(traits, oc_op_elems(&call->in[0]->shape), 4096);
    OC_TRY(oc_launch_add(list, "unary", "unary", &l));
    OC_TRY(oc_op_define_chunks(l, &c));
    OC_TRY(oc_op_define_act(l, &a->fn));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, 1, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define CASE(fn_, a_, b_, lo_, hi_, ...)                                                       \
    {.name = #fn_, .in = {OP_F32(__VA_ARGS__)}, .n_in = 1, .lo = lo_, .hi = hi_,               \
     .sets = {OP_SET_ENUM("fn", #fn_), OP_SET("a", a_), OP_SET("b", b_)}}

static const oc_op_case cases[] = {
    CASE(none, 0, 0, 0, 0, 3, 5),
    CASE(relu, 0, 0, 0, 0, 1, 7, 9, 16),
    CASE(relu6, 0, 0, -2, 9, 2, 3, 4, 5),
    CASE(relu_n1_to_1, 0, 0, -3, 3, 1, 1, 1, 1, 1, 1, 1, 17),
    CASE(leaky_relu, 0.1, 0, 0, 0, 33),
    CASE(clip, -0.25, 0.5, 0, 0, 5, 20),
    CASE(sigmoid, 0, 0, -100, 100, 4099),
    CASE(tanh, 0, 0, -10, 10, 13, 7),
    CASE(exp, 0, 0, -110, 90, 1000),
    CASE(log, 0, 0, -1, 1000, 1000),
    CASE(sqrt, 0, 0, -1, 1000, 999),
    CASE(neg, 0, 0, 0, 0, 2),
    CASE(abs, 0, 0, 0, 0, 1),
    CASE(elu, 1, 0, -20, 3, 4, 251),
    CASE(selu, 1.67326, 1.0507, -20, 3, 4, 251),
    CASE(hard_sigmoid, 0.2, 0.5, -4, 4, 2, 3, 33),
    CASE(hard_swish, 0, 0, -4, 4, 1, 5, 6, 19),
    CASE(swish, 1.5, 0, -90, 20, 999),
    CASE(softplus, 0, 0, -110, 20, 999),
    CASE(softsign, 0, 0, -9, 9, 65),
    CASE(mish, 0, 0, -110, 25, 999),
    CASE(erf, 0, 0, -5, 5, 3, 333),
    CASE(gelu, 0, 0, -15, 8, 7, 333),
    CASE(gelu_tanh, 0, 0, -12, 8, 7, 333),
    CASE(thresholded_relu, 0.5, 0, 0, 0, 4, 33),
    CASE(reciprocal, 0, 0, 0, 0, 127),
    CASE(rsqrt, 0, 0, -1, 1000, 127),
    CASE(square, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 5),
    CASE(sign, 0, 0, 0, 0, 31),
    CASE(floor, 0, 0, -9, 9, 200),
    CASE(ceil, 0, 0, -9, 9, 200),
    CASE(round, 0, 0, -9, 9, 200),
    CASE(round_away, 0, 0, -9, 9, 200),
    CASE(ramp, 0, 0, 0, 0, 49),
    CASE(loggy, 0, 0, -9, 9, 301),
    CASE(lhtan, 0, 0, -3, 3, 301),
    CASE(plse, 0, 0, -9, 9, 301),
    CASE(stair, 0, 0, -9, 9, 301),
    {.name = "scalar", .in = {OP_SCALAR(float32)}, .n_in = 1, .sets = {OP_SET_ENUM("fn", "exp")}},
    {.name = "several_chunks", .in = {OP_F32(3, 4097)}, .n_in = 1,
     .sets = {OP_SET_ENUM("fn", "relu")}},
};

const oc_op oc_op_unary = {
    .name = "unary",
    .help = "x of any shape -> the same shape, y = fn(x; a, b) for each element",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "elementwise",
    .unary_attr = "fn",
    .batch_axis = oc_op_batch_elementwise,
    .halo = oc_op_halo_elementwise,
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
