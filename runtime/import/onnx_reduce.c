/* SPDX-License-Identifier: Apache-2.0 */
/** Reductions, and the normalisations that are made of them or have an operator here. */
#include "onnx_ops.h"

#include "oc_ops.h"

oc_status oc_onnx_reduce(oc_onnx_call *c)
{
    int32_t rank = oc_onnx_shape(c, 0)->rank, axes[OC_RANK_MAX];
    int64_t asked[OC_RANK_MAX], keep_dims, is_noop;
    size_t count;
    bool found;
    OC_TRY(oc_onnx_ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    OC_TRY(oc_onnx_get_int(c, "keepdims", 1, &keep_dims));
    OC_TRY(oc_onnx_get_int(c, "noop_with_empty_axes", 0, &is_noop));
    /* Over no axes each element is reduced by itself: what is not the reduction stays to be done. */
    if (count == 0 && !is_noop)
        for (; count < (size_t)rank; count++)
            asked[count] = (int64_t)count;
    OC_TRY(oc_imp_axes(&c->at, asked, count, rank, axes));
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], axes, count, keep_dims != 0, &c->out[0]);
}

/* ArgMax and ArgMin. */
oc_status oc_onnx_arg_extreme(oc_onnx_call *c)
{
    int64_t keep_dims, takes_last;
    int32_t axis;
    oc_node *node;
    OC_TRY(oc_onnx_get_axis(c, 0, oc_onnx_shape(c, 0)->rank, &axis));
    OC_TRY(oc_onnx_get_int(c, "keepdims", 1, &keep_dims));
    OC_TRY(oc_onnx_get_int(c, "select_last_index", 0, &takes_last));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_argmax, c->in, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", c->row->fn));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    OC_TRY(oc_node_set_int(node, "keep_dims", keep_dims != 0));
    OC_TRY(oc_node_set_int(node, "select_last", takes_last != 0));
    OC_TRY(oc_node_set_enum(node, "to", "int64"));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* ---- softmax --------------------------------------------------------------------------------- */

static oc_status softmax_node(oc_onnx_call *c, const oc_imp *at, oc_id x, int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    OC_TRY(oc_node_set_int(node, "log", strcmp(c->row->op, "LogSoftmax") == 0));
    return oc_imp_end(at, node, at->out, out);
}

/*
 * Before opset 13 the input is seen as a matrix whose rows are the axes before `axis`; from then on
 * one axis is normalised. The two are the same where the axes after `axis` have size 1.
 */
oc_status oc_onnx_softmax(oc_onnx_call *c)
{
    const oc_shape full = *oc_onnx_shape(c, 0);
    oc_shape matrix;
    int32_t axis;
    oc_imp rows, normed;
    oc_id x;
    bool is_matrix = c->model->opset < 13, has_tail = false;
    OC_TRY(oc_onnx_get_axis(c, is_matrix ? 1 : -1, full.rank, &axis));
    for (int32_t i = axis + 1; i < full.rank; i++)
        has_tail = has_tail || full.dim[i] != 1;
    if (!is_matrix || !has_tail)
        return softmax_node(c, &c->at, c->in[0], axis, &c->out[0]);
    OC_TRY(oc_onnx_flattened(c, &full, axis, &matrix));
    OC_TRY(oc_onnx_step(c, "rows", &rows));
    OC_TRY(oc_onnx_step(c, "normed", &normed));
    OC_TRY(oc_imp_reshape(&rows, NULL, c->in[0], &matrix, &x));
    OC_TRY(softmax_node(c, &normed, x, 1, &x));
    return oc_imp_reshape(&c->at, NULL, x, &full, &c->out[0]);
}

/* ---- normalisations -------------------------------------------------------------------------- */

oc_status oc_onnx_batch_normalization(oc_onnx_call *c)
{
    float epsilon;
    oc_id in[5];
    oc_node *node;
    OC_TRY(oc_onnx_expect_int(c, "spatial", 1));
    OC_TRY(oc_onnx_expect_int(c, "training_mode", 0));
    OC_TRY(oc_onnx_get_float(c, "epsilon", 1e-5f, &epsilon));
    memcpy(in, c->in, sizeof(in));
    OC_TRY(oc_onnx_to_last(c, c->in[0], &in[0]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_batchnorm, in, 5, &node));
    OC_TRY(oc_node_set_float(node, "epsilon", epsilon));
    return oc_onnx_end_last(c, node);
}

oc_status oc_onnx_lrn(oc_onnx_call *c)
{
    float alpha, beta, bias;
    int64_t size;
    oc_id in;
    oc_node *node;
    OC_TRY(oc_onnx_get_float(c, "alpha", 1e-4f, &alpha));
    OC_TRY(oc_onnx_get_float(c, "beta", 0.75f, &beta));
    OC_TRY(oc_onnx_get_float(c, "bias", 1.0f, &bias));
    OC_TRY(oc_onnx_get_int(c, "size", 0, &size));
    if (size < 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": attribute size: expected at least 1, found %lld",
                       c->at.node, (long long)size);
    OC_TRY(oc_onnx_to_last(c, c->in[0], &in));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_lrn, &in, 1, &node));
    OC_TRY(oc_node_set_int(node, "size", size));
    OC_TRY(oc_node_set_float(node, "alpha", alpha / (float)size)); /* ours is not divided by size */
    OC_TRY(oc_node_set_float(node, "beta", beta));
    OC_TRY(oc_node_set_float(node, "bias", bias));
    return oc_onnx_end_last(c, node);
}

/* [C] as [C,1,...], which broadcasts over [N,C,...]. */
static oc_status by_channel(oc_onnx_call *c, const char *what, uint32_t input, oc_id *out)
{
    oc_shape shape = {.rank = oc_onnx_shape(c, 0)->rank - 1};
    oc_imp at;
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = i == 0 ? oc_onnx_shape(c, 0)->dim[1] : 1;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_reshape(&at, NULL, c->in[input], &shape, out);
}

/* The mean over all but N and C, as a value called node/what. */
static oc_status spatial_mean(oc_onnx_call *c, const char *what, oc_id x, oc_id *out)
{
    int32_t axes[OC_RANK_MAX], n = 0, rank = oc_imp_shape(&c->at, x)->rank;
    oc_imp at;
    for (int32_t axis = 2; axis < rank; axis++)
        axes[n++] = axis;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_reduce(&at, "mean", x, axes, (size_t)n, true, out);
}

static oc_status pair(oc_onnx_call *c, const char *what, const char *fn, oc_id p, oc_id q, oc_id *y)
{
    oc_imp at;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_binary(&at, NULL, fn, p, q, y);
}

/*
 * y = (x - mean) * (scale / sqrt(mean of (x - mean)^2 + epsilon)) + bias, for each image and
 * channel.
 */
oc_status oc_onnx_instance_normalization(oc_onnx_call *c)
{
    oc_id mean, centred, y, epsilon_value, scale, bias;
    float epsilon;
    oc_imp at;
    if (oc_onnx_shape(c, 0)->rank < 3)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input of rank 3 or more, found %d",
                       c->at.node, oc_onnx_shape(c, 0)->rank);
    OC_TRY(oc_onnx_get_float(c, "epsilon", 1e-5f, &epsilon));
    OC_TRY(oc_imp_scalar(&c->at, "epsilon", epsilon, &epsilon_value));
    OC_TRY(by_channel(c, "scale", 1, &scale));
    OC_TRY(by_channel(c, "bias", 2, &bias));
    OC_TRY(spatial_mean(c, "mean", c->in[0], &mean));
    OC_TRY(pair(c, "centred", "sub", c->in[0], mean, &centred));
    OC_TRY(pair(c, "squares", "mul", centred, centred, &y));
    OC_TRY(spatial_mean(c, "variance", y, &y));
    OC_TRY(pair(c, "above_zero", "add", y, epsilon_value, &y));
    OC_TRY(oc_onnx_step(c, "deviation", &at));
    OC_TRY(oc_imp_unary(&at, NULL, "sqrt", 0.0f, 0.0f, y, &y));
    OC_TRY(pair(c, "factor", "div", scale, y, &y));
    OC_TRY(pair(c, "scaled", "mul", centred, y, &y));
    return oc_imp_binary(&c->at, NULL, "add", y, bias, &c->out[0]);
}
