/* SPDX-License-Identifier: Apache-2.0 */
/**
 * batchnorm: x [...,C], scale, bias, mean, var [C] -> [...,C], normalisation with given statistics.
 *
 * Numerics "elementwise": y = ((x - mean) * (scale * (1 / sqrt(var + epsilon)))) + bias, each
 * operation rounded, none fused; then the activation. A constant var becomes the reciprocal root on
 * the host, when a device is prepared.
 */
#include "op_common.h"

typedef struct attrs {
    float epsilon;
    oc_op_act act;
} attrs;

enum { IN_X, IN_SCALE, IN_BIAS, IN_MEAN, IN_VAR, IN_COUNT };

static const oc_attr rows[] = {
    {.name = "epsilon",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, epsilon),
     .initial = 1e-5,
     .help = "added to the variance"},
    OP_ATTR_ACT(attrs),
};

static size_t channels(const oc_op_call *call)
{
    const oc_shape *x = &call->in[IN_X]->shape;
    return (size_t)x->dim[x->rank - 1];
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(oc_op_check_rank(call, IN_X, 1, OC_RANK_MAX));
    for (uint32_t i = IN_SCALE; i < IN_COUNT; i++) {
        OC_TRY(oc_op_check_rank(call, i, 1, 1));
        OC_TRY(oc_op_check_dim(call, i, 0, (int32_t)channels(call), "the channels of input 0"));
    }
    out[0] = *call->in[IN_X];
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    int32_t last = call->in[IN_X]->shape.rank - 1;
    oc_op_halo_along(call, out, 0, in);
    for (uint32_t i = IN_SCALE; i < IN_COUNT; i++)
        oc_op_halo_vector(call, i, out->from[last], out->to[last], in);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = 3 * (uint64_t)oc_op_elems(&call->out[0]->shape);
    return OC_OK;
}

static float reciprocal_root(const attrs *a, float var)
{
    return 1.0f / OC_SQRT(var + a->epsilon);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const float *x = in[IN_X], *scale = in[IN_SCALE], *bias = in[IN_BIAS];
    const float *mean = in[IN_MEAN], *var = in[IN_VAR];
    float *y = out[0];
    size_t n_c = channels(call), pixels = oc_op_elems(&call->in[IN_X]->shape) / n_c;
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < n_c; c++) {
            float factor = scale[c] * reciprocal_root(a, var[c]);
            float centred = x[p * n_c + c] - mean[c];
            y[p * n_c + c] = oc_op_act_eval(&a->act, centred * factor + bias[c]);
        }
    }
    return OC_OK;
}

static oc_status pack_var(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    const float *var = src;
    float *rstd = dst;
    for (size_t c = 0; c < dst_bytes / sizeof(float); c++)
        rstd[c] = reciprocal_root(call->attrs, var[c]);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    size_t n_c = channels(call);
    uint32_t lanes = oc_op_lanes(traits, n_c);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "batchnorm", "batchnorm", &l));
    OC_TRY(oc_launch_define(l, "-DC=%zu -DLANES=%u", n_c, lanes));
    OC_TRY(oc_op_define_act(l, &a->act));
    for (uint32_t i = IN_X; i < IN_VAR; i++)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    if (call->is_const[IN_VAR]) {
        OC_TRY(oc_launch_define(l, "-DRSTD_GIVEN"));
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = IN_VAR,
                                             .bytes = n_c * sizeof(float),
                                             .pack = pack_var});
    } else {
        OC_TRY(oc_launch_define_float(l, "EPSILON", a->epsilon));
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = IN_VAR});
    }
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, n_c / lanes, oc_op_elems(&call->in[IN_X]->shape) / n_c, 1);
    return OC_OK;
}

#define STATISTICS(c_) OP_F32(c_), OP_F32(c_), OP_F32(c_), OP_F32(c_)

/* The range keeps the variance positive. */
static const oc_op_case cases[] = {
    {.name = "constant",
     .in = {OP_F32(1, 5, 4, 8), STATISTICS(8)},
     .n_in = 5,
     .const_mask = 0x1e,
     .lo = 0.0625,
     .hi = 3},
    {.name = "computed_statistics",
     .in = {OP_F32(2, 3, 3, 16), STATISTICS(16)},
     .n_in = 5,
     .lo = 0.0625,
     .hi = 3},
    {.name = "odd_channels_relu6",
     .in = {OP_F32(2, 3, 5, 7), STATISTICS(7)},
     .n_in = 5,
     .const_mask = 0x1e,
     .lo = 0.03125,
     .hi = 9,
     .sets = {OP_SET("epsilon", 0.001), OP_SET_ENUM("act", "relu6")}},
    {.name = "vector_sigmoid",
     .in = {OP_F32(6), STATISTICS(6)},
     .n_in = 5,
     .const_mask = 0x1e,
     .lo = 0.0625,
     .hi = 1,
     .sets = {OP_SET("epsilon", 0), OP_SET_ENUM("act", "sigmoid")}},
    {.name = "rank_8",
     .in = {OP_F32(1, 2, 1, 2, 3, 1, 2, 4), STATISTICS(4)},
     .n_in = 5,
     .const_mask = 0x12,
     .lo = 0.0625,
     .hi = 2,
     .sets = {OP_SET_ENUM("act", "leaky_relu"), OP_SET("act_a", 0.125)}},
};

const oc_op oc_op_batchnorm = {
    .name = "batchnorm",
    .help = "x [...,C], scale, bias, mean, var [C] -> [...,C], normalised with given statistics",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = IN_COUNT,
    .in_max = IN_COUNT,
    .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "elementwise",
    .act_attr = "act",
    .batch_axis = oc_op_batch_lines,
    .halo = halo,
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
