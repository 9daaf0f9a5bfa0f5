/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A convolution or fully connected layer is linear, so what follows it channel by channel goes into
 * its weights and its bias:
 *
 *     y = ((conv(x, w) + b) - minus) * factor + plus  =  conv(x, w * factor) + ((b - minus) * factor + plus)
 *
 * batch-norm: minus = mean, factor = scale * (1 / sqrt(var + epsilon)), plus = bias;
 * multiplying by a constant: factor; adding one: plus. The short vectors are computed here, in float32, in
 * the order written; the weights stay in the model's file and are scaled when a device is prepared.
 * A bias alone, written as an addition behind the layer, keeps its bits (but for the sign of a zero):
 * the layer adds its bias after the sum, too.
 */
#include "oc_ops.h"
#include "oc_transform.h"
#include "rewrite.h"

#include "oc_tensor.h"

#include <math.h>

enum { IN_X, IN_WEIGHTS, IN_BIAS };                             /* of conv2d and fully_connected */
enum { BN_X, BN_SCALE, BN_BIAS, BN_MEAN, BN_VAR, BN_IN_COUNT }; /* of batchnorm */

/* What a node does to each of `channels` channels; a NULL vector stands for nothing. */
typedef struct affine {
    size_t channels;
    float *minus, *factor, *plus;
} affine;

/* `channels` floats of a constant that has one for each channel, or one for all. */
static oc_status read_channels(const oc_graph *g, oc_id value, size_t channels, oc_arena *scratch,
                               float **out)
{
    size_t elems;
    OC_TRY(oc_shape_elems(&g->values[value].desc.shape, &elems));
    OC_TRY(OC_ARENA_ALLOC(scratch, channels, *out));
    OC_TRY(oc_graph_const_read(g, value, *out, elems * sizeof(**out)));
    for (size_t c = elems; c < channels; c++)
        (*out)[c] = (*out)[0];
    return OC_OK;
}

static bool is_const_float(const oc_graph *g, oc_id value)
{
    return value != OC_NONE && g->values[value].constant &&
           g->values[value].desc.dtype == OC_DTYPE_float32;
}

/* One element, or one for each of the channels in the last axis. */
static bool is_per_channel(const oc_desc *desc, size_t channels)
{
    int32_t last = desc->shape.rank - 1;
    for (int32_t i = 0; i < last; i++)
        if (desc->shape.dim[i] != 1)
            return false;
    return last < 0 || desc->shape.dim[last] == 1 || (size_t)desc->shape.dim[last] == channels;
}

static oc_status read_batchnorm(const oc_graph *g, const oc_node *node, oc_arena *scratch,
                                affine *a, bool *is_affine)
{
    float *var = NULL;
    for (uint32_t i = BN_SCALE; i < BN_IN_COUNT; i++)
        if (!is_const_float(g, node->in[i]))
            return OC_OK;
    OC_TRY(read_channels(g, node->in[BN_SCALE], a->channels, scratch, &a->factor));
    OC_TRY(read_channels(g, node->in[BN_BIAS], a->channels, scratch, &a->plus));
    OC_TRY(read_channels(g, node->in[BN_MEAN], a->channels, scratch, &a->minus));
    OC_TRY(read_channels(g, node->in[BN_VAR], a->channels, scratch, &var));
    for (size_t c = 0; c < a->channels; c++)
        a->factor[c] *= 1.0f / sqrtf(var[c] + oc_node_float(node, "epsilon"));
    *is_affine = true;
    return OC_OK;
}

static oc_status read_binary(const oc_graph *g, const oc_node *node, oc_arena *scratch, affine *a,
                             bool *is_affine)
{
    bool is_mul = strcmp(oc_node_enum(node, "fn"), "mul") == 0;
    uint32_t constant = is_const_float(g, node->in[0]) ? 0 : 1;
    if ((!is_mul && strcmp(oc_node_enum(node, "fn"), "add") != 0) ||
        !is_const_float(g, node->in[constant]) ||
        !is_per_channel(&g->values[node->in[constant]].desc, a->channels))
        return OC_OK;
    *is_affine = true;
    return read_channels(g, node->in[constant], a->channels, scratch,
                         is_mul ? &a->factor : &a->plus);
}

/* The value that the node changes channel by channel, or OC_NONE where it is no such node. */
static oc_id data_input(const oc_graph *g, const oc_node *node)
{
    if (node->op == &oc_op_batchnorm)
        return node->in[BN_X];
    if (node->op == &oc_op_binary)
        return node->in[is_const_float(g, node->in[0]) ? 1 : 0];
    return OC_NONE;
}

/* The layer before the node, if it can take over what the node does: nobody else sees its output. */
static oc_node *find_layer(oc_graph *g, const oc_consumers *uses, const oc_node *node, oc_id x)
{
    oc_id producer = x == OC_NONE ? OC_NONE : g->values[x].producer;
    if (producer == OC_NONE || !oc_consumers_is_single(uses, x) ||
        !oc_desc_equal(&g->values[x].desc, &g->values[node->out[0]].desc))
        return NULL;
    oc_node *layer = &g->nodes[producer];
    bool has_bias = layer->n_in > IN_BIAS && layer->in[IN_BIAS] != OC_NONE;
    bool can = (layer->op == &oc_op_conv2d || layer->op == &oc_op_fully_connected) &&
               oc_rewrite_is_plain(layer) && is_const_float(g, layer->in[IN_WEIGHTS]) &&
               (!has_bias || is_const_float(g, layer->in[IN_BIAS]));
    return can ? layer : NULL;
}

/* (b - minus) * factor + plus, each operation rounded. */
static void new_bias(const affine *a, float *b)
{
    for (size_t c = 0; c < a->channels; c++) {
        if (a->minus)
            b[c] = b[c] - a->minus[c];
        if (a->factor)
            b[c] = b[c] * a->factor[c];
        if (a->plus)
            b[c] = b[c] + a->plus[c];
    }
}

static oc_status set_bias(oc_graph *g, oc_id layer, const affine *a, oc_arena *scratch)
{
    oc_node *node = &g->nodes[layer];
    bool has_bias = node->n_in > IN_BIAS && node->in[IN_BIAS] != OC_NONE;
    oc_desc desc = {OC_DTYPE_float32, {1, {(int32_t)a->channels}}};
    float *bias = NULL;
    oc_id *in = NULL;
    if (!has_bias && !a->plus && !a->minus)
        return OC_OK;
    if (has_bias)
        OC_TRY(read_channels(g, node->in[IN_BIAS], a->channels, scratch, &bias));
    else
        OC_TRY(OC_ARENA_ALLOC(scratch, a->channels, bias));
    new_bias(a, bias);
    OC_TRY(OC_ARENA_ALLOC(&g->arena, IN_BIAS + 1, in));
    memcpy(in, node->in, sizeof(*in) * IN_BIAS);
    OC_TRY(oc_graph_add_bytes(g, node->name, &desc, bias, &in[IN_BIAS]));
    node->in = in;
    node->n_in = IN_BIAS + 1;
    return OC_OK;
}

static oc_status scale_weights(oc_graph *g, oc_id layer, const affine *a)
{
    oc_id weights = g->nodes[layer].in[IN_WEIGHTS], factor, scaled;
    oc_desc desc = {OC_DTYPE_float32, {g->values[weights].desc.shape.rank, {(int32_t)a->channels}}};
    for (int32_t i = 1; i < desc.shape.rank; i++)
        desc.shape.dim[i] = 1;
    OC_TRY(oc_graph_add_bytes(g, g->nodes[layer].name, &desc, a->factor, &factor));
    OC_TRY(oc_rewrite_const_multiply(g, weights, factor, &scaled));
    g->nodes[layer].in[IN_WEIGHTS] = scaled;
    return OC_OK;
}

/* Fold the node into the layer before it, if there is one that can. */
static oc_status fold(oc_graph *g, const oc_consumers *uses, oc_id id, oc_arena *scratch,
                      bool *is_changed, size_t *changes)
{
    const oc_node *node = &g->nodes[id];
    const oc_shape *shape = &g->values[node->out[0]].desc.shape;
    affine a = {.channels = shape->rank > 0 ? (size_t)shape->dim[shape->rank - 1] : 0};
    bool is_affine = false;
    if (a.channels == 0 || !oc_rewrite_is_plain(node))
        return OC_OK;
    oc_node *host = find_layer(g, uses, node, data_input(g, node));
    oc_id layer = host ? (oc_id)(host - g->nodes) : OC_NONE;
    /* The list of uses is old once a layer took something over: the next round goes on with it. */
    if (!host || is_changed[layer])
        return OC_OK;
    /* Constants are evaluated only now, when they will be used: doing so may be long work. */
    if (node->op == &oc_op_batchnorm)
        OC_TRY(read_batchnorm(g, node, scratch, &a, &is_affine));
    else
        OC_TRY(read_binary(g, node, scratch, &a, &is_affine));
    if (!is_affine)
        return OC_OK;
    is_changed[layer] = true;
    ++*changes;
    OC_TRY(set_bias(g, layer, &a, scratch));
    if (a.factor)
        OC_TRY(scale_weights(g, layer, &a));
    return oc_rewrite_supersede(g, g->nodes[id].out[0], g->nodes[layer].out[0]);
}

static oc_status fold_all(oc_graph *g, oc_arena *scratch, size_t *changes)
{
    oc_consumers uses;
    bool *is_changed = NULL;
    const size_t n_nodes = g->n_nodes;
    OC_TRY(oc_consumers_list(g, scratch, &uses));
    OC_TRY(OC_ARENA_ALLOC(scratch, n_nodes + 1, is_changed));
    for (size_t n = 0; n < n_nodes; n++)
        OC_TRY(fold(g, &uses, (oc_id)n, scratch, is_changed, changes));
    return OC_OK;
}

static oc_status apply(oc_graph *graph, size_t *changes)
{
    oc_arena scratch;
    oc_arena_init(&scratch, graph->alloc);
    oc_status status = fold_all(graph, &scratch, changes);
    oc_arena_fini(&scratch);
    return status;
}

const oc_transform oc_transform_fold_batchnorm = {
    .name = "fold_batchnorm",
    .help =
        "batch-norm, and a constant that is multiplied or added channel by channel, go into the "
        "weights and bias of the layer before",
    .is_exact = false,
    .apply = apply,
};
