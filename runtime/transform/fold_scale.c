/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer that is linear channel by channel takes over what the nodes behind it do to each channel.
 * With its factors w (weights, or the scale of a batch-norm) and its bias b, and f linear in w:
 *
 *     y = ((f(x, w) + b) - minus) * factor + plus  =  f(x, w * factor) + ((b - minus) * factor + plus)
 *
 * batch-norm: minus = mean, factor = scale * (1 / sqrt(var + epsilon)), plus = bias; and a constant,
 * one number or one a channel, that is multiplied (factor), divided by (1 / factor), added (plus) or
 * subtracted (minus). A whole chain of such nodes goes at once, so that weights are scaled once; an
 * activation ends it and becomes the layer's. The short vectors are computed here, in float32, in the
 * order written; the weights stay in the model's file and are scaled when a device is prepared.
 *
 * A bias alone, written as an addition behind a layer without one, keeps its bits (but for the sign of
 * a zero): the layer adds its bias after the sum, too. What a padded picture has around it does not
 * matter, for the nodes come behind the layer.
 */
#include "oc_ops.h"
#include "oc_transform.h"
#include "rewrite.h"

#include "oc_tensor.h"

#include <math.h>

enum { BN_X, BN_SCALE, BN_BIAS, BN_MEAN, BN_VAR, BN_IN_COUNT }; /* inputs of batchnorm */

/* Who takes over: which inputs have the factors, channels in axis 0, and the bias. */
typedef struct linear {
    const oc_op *op;
    uint32_t factors, bias;
} linear;

static const linear linears[] = {
    {&oc_op_conv2d, 1, 2},
    {&oc_op_fully_connected, 1, 2},
    {&oc_op_deform_conv2d, 1, 3},
    {&oc_op_conv_transpose2d, 1, 2},
    {&oc_op_batchnorm, BN_SCALE, BN_BIAS},
};

/* What one node does to each channel; a NULL vector stands for nothing. */
typedef struct affine {
    float *minus, *factor, *plus;
} affine;

/* A layer, and what was found behind it so far. */
typedef struct chain {
    oc_graph *g;
    const oc_consumers *uses;
    oc_arena *scratch;
    const linear *row;
    oc_id layer, last; /* nodes; at first both are the layer */
    bool *is_taken;    /* per node: a layer does its work; the list of uses is old behind it */
    size_t channels;
    float *factor, *bias; /* per channel, once there is a node to take over */
    bool is_scaled, is_biased;
} chain;

/* ---- constants ------------------------------------------------------------------------------- */

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

/* A float for each channel, of a constant that has one for each, or one for all. */
static oc_status read_channels(const chain *c, oc_id value, float **out)
{
    size_t elems;
    OC_TRY(oc_shape_elems(&c->g->values[value].desc.shape, &elems));
    OC_TRY(OC_ARENA_ALLOC(c->scratch, c->channels, *out));
    OC_TRY(oc_graph_const_read(c->g, value, *out, elems * sizeof(**out)));
    for (size_t i = elems; i < c->channels; i++)
        (*out)[i] = (*out)[0];
    return OC_OK;
}

/* ---- the nodes behind the layer ---------------------------------------------------------------- */

static bool is_affine_batchnorm(const chain *c, const oc_node *node, oc_id x)
{
    if (node->op != &oc_op_batchnorm || node->in[BN_X] != x)
        return false;
    for (uint32_t i = BN_SCALE; i < BN_IN_COUNT; i++)
        if (!is_const_float(c->g, node->in[i]))
            return false;
    return true;
}

static bool is_affine_binary(const chain *c, const oc_node *node, oc_id x)
{
    if (node->op != &oc_op_binary)
        return false;
    const char *fn = oc_node_enum(node, "fn");
    const bool is_first = node->in[0] == x;
    const oc_id other = node->in[is_first ? 1 : 0];
    bool commutes = strcmp(fn, "mul") == 0 || strcmp(fn, "add") == 0;
    bool is_known = commutes || (is_first && (strcmp(fn, "sub") == 0 || strcmp(fn, "div") == 0));
    return is_known && is_const_float(c->g, other) &&
           is_per_channel(&c->g->values[other].desc, c->channels);
}

static oc_status read_batchnorm(const chain *c, const oc_node *node, affine *a)
{
    float *var = NULL;
    OC_TRY(read_channels(c, node->in[BN_SCALE], &a->factor));
    OC_TRY(read_channels(c, node->in[BN_BIAS], &a->plus));
    OC_TRY(read_channels(c, node->in[BN_MEAN], &a->minus));
    OC_TRY(read_channels(c, node->in[BN_VAR], &var));
    for (size_t i = 0; i < c->channels; i++)
        a->factor[i] *= 1.0f / sqrtf(var[i] + oc_node_float(node, "epsilon"));
    return OC_OK;
}

static oc_status read_binary(const chain *c, const oc_node *node, oc_id x, affine *a)
{
    const char *fn = oc_node_enum(node, "fn");
    float *given = NULL;
    OC_TRY(read_channels(c, node->in[node->in[0] == x ? 1 : 0], &given));
    if (strcmp(fn, "div") == 0)
        for (size_t i = 0; i < c->channels; i++)
            given[i] = 1.0f / given[i];
    if (strcmp(fn, "add") == 0)
        a->plus = given;
    else if (strcmp(fn, "sub") == 0)
        a->minus = given;
    else
        a->factor = given;
    return OC_OK;
}

/* The node behind the last one that the layer can take over, or OC_NONE: nobody else sees the value between them. */
static oc_id next_node(const chain *c)
{
    const oc_graph *g = c->g;
    const oc_id x = g->nodes[c->last].out[0];
    /* An activation, of the layer or taken over, ends the chain. */
    if (!oc_rewrite_is_plain(&g->nodes[c->last]) || !oc_consumers_is_single(c->uses, x))
        return OC_NONE;
    const oc_id id = c->uses->nodes[c->uses->begin[x]];
    const oc_node *node = &g->nodes[id];
    if (c->is_taken[id] || (!is_affine_batchnorm(c, node, x) && !is_affine_binary(c, node, x)))
        return OC_NONE;
    bool can =
        oc_desc_equal(&g->values[x].desc, &g->values[node->out[0]].desc) &&
        oc_rewrite_takes_activation(&g->nodes[c->layer], oc_node_enum(node, node->op->act_attr));
    return can ? id : OC_NONE;
}

/* ---- taking over ------------------------------------------------------------------------------- */

static bool has_bias(const chain *c)
{
    const oc_node *layer = &c->g->nodes[c->layer];
    return layer->n_in > c->row->bias && layer->in[c->row->bias] != OC_NONE;
}

/* Constants are evaluated only where they will be used: doing so may be long work. */
static oc_status read_layer(chain *c)
{
    OC_TRY(OC_ARENA_ALLOC(c->scratch, c->channels, c->factor));
    for (size_t i = 0; i < c->channels; i++)
        c->factor[i] = 1;
    c->is_biased = has_bias(c);
    if (c->is_biased)
        return read_channels(c, c->g->nodes[c->layer].in[c->row->bias], &c->bias);
    return OC_ARENA_ALLOC(c->scratch, c->channels, c->bias);
}

/*
 * A factor that leaves weights and sums of everyday size far from overflow and from denormals, where
 * scaling the weights is no longer scaling the sums.
 */
static bool is_tame(float factor)
{
    const float size = fabsf(factor);
    return size == 0 || (size >= 0x1p-60f && size <= 0x1p60f);
}

/* Goes on with the chain, each operation rounded; not where a number gets out of range. */
static oc_status append(chain *c, const affine *a, bool *is_finite)
{
    float *factor = NULL, *bias = NULL;
    OC_TRY(OC_ARENA_ALLOC(c->scratch, c->channels, factor));
    OC_TRY(OC_ARENA_ALLOC(c->scratch, c->channels, bias));
    for (size_t i = 0; i < c->channels; i++) {
        factor[i] = c->factor[i] * (a->factor ? a->factor[i] : 1);
        bias[i] = c->bias[i];
        if (a->minus)
            bias[i] = bias[i] - a->minus[i];
        if (a->factor)
            bias[i] = bias[i] * a->factor[i];
        if (a->plus)
            bias[i] = bias[i] + a->plus[i];
        if (!is_tame(factor[i]) || !isfinite(bias[i]))
            return OC_OK;
    }
    c->factor = factor;
    c->bias = bias;
    c->is_scaled = c->is_scaled || a->factor;
    c->is_biased = c->is_biased || a->minus || a->plus;
    *is_finite = true;
    return OC_OK;
}

static oc_status set_bias(chain *c)
{
    oc_graph *g = c->g;
    oc_node *node = &g->nodes[c->layer];
    oc_desc desc = {OC_DTYPE_float32, {1, {(int32_t)c->channels}}};
    const uint32_t n_in = OC_MAX(node->n_in, c->row->bias + 1);
    oc_id *in = NULL;
    OC_TRY(OC_ARENA_ALLOC(&g->arena, n_in, in));
    memcpy(in, node->in, sizeof(*in) * node->n_in);
    OC_TRY(oc_graph_add_bytes(g, node->name, &desc, c->bias, &in[c->row->bias]));
    node->in = in;
    node->n_in = n_in;
    return OC_OK;
}

static oc_status scale_factors(chain *c)
{
    oc_graph *g = c->g;
    oc_id given = g->nodes[c->layer].in[c->row->factors], factor, scaled;
    oc_desc desc = {OC_DTYPE_float32, {g->values[given].desc.shape.rank, {(int32_t)c->channels}}};
    for (int32_t i = 1; i < desc.shape.rank; i++)
        desc.shape.dim[i] = 1;
    OC_TRY(oc_graph_add_bytes(g, g->nodes[c->layer].name, &desc, c->factor, &factor));
    OC_TRY(oc_rewrite_const_multiply(g, given, factor, &scaled));
    g->nodes[c->layer].in[c->row->factors] = scaled;
    return OC_OK;
}

/* Make the layer do what the chain does. */
static oc_status take_over(chain *c)
{
    oc_graph *g = c->g;
    if (c->is_biased)
        OC_TRY(set_bias(c));
    if (c->is_scaled)
        OC_TRY(scale_factors(c));
    const oc_node *last = &g->nodes[c->last];
    const char *act = last->op->act_attr;
    OC_TRY(oc_rewrite_set_activation(&g->nodes[c->layer], oc_node_enum(last, act),
                                     oc_node_float(last, "act_a"), oc_node_float(last, "act_b")));
    return oc_rewrite_supersede(g, last->out[0], g->nodes[c->layer].out[0]);
}

static oc_status fold(chain *c, size_t *changes)
{
    for (oc_id id = next_node(c); id != OC_NONE; id = next_node(c)) {
        const oc_node *node = &c->g->nodes[id];
        const oc_id x = c->g->nodes[c->last].out[0];
        affine a = {NULL, NULL, NULL};
        bool is_finite = false;
        if (c->last == c->layer)
            OC_TRY(read_layer(c));
        OC_TRY(node->op == &oc_op_batchnorm ? read_batchnorm(c, node, &a)
                                            : read_binary(c, node, x, &a));
        OC_TRY(append(c, &a, &is_finite));
        if (!is_finite)
            break;
        c->last = id;
        c->is_taken[id] = true;
        ++*changes;
    }
    return c->last == c->layer ? OC_OK : take_over(c);
}

/* The row of a layer that can take something over, or NULL. */
static const linear *find_linear(const oc_graph *g, const oc_node *node)
{
    for (size_t i = 0; node->n_in > 0 && i < OC_COUNT(linears); i++) {
        const linear *row = &linears[i];
        if (row->op != node->op)
            continue;
        oc_id bias = row->bias < node->n_in ? node->in[row->bias] : OC_NONE;
        bool can = is_const_float(g, node->in[row->factors]) &&
                   (bias == OC_NONE || is_const_float(g, bias));
        return can ? row : NULL;
    }
    return NULL;
}

static oc_status fold_all(oc_graph *g, oc_arena *scratch, size_t *changes)
{
    oc_consumers uses;
    bool *is_taken = NULL;
    const size_t n_nodes = g->n_nodes;
    OC_TRY(oc_consumers_list(g, scratch, &uses));
    OC_TRY(OC_ARENA_ALLOC(scratch, n_nodes + 1, is_taken));
    for (size_t n = 0; n < n_nodes; n++) {
        const linear *row = is_taken[n] ? NULL : find_linear(g, &g->nodes[n]);
        if (!row)
            continue;
        const oc_shape *shape = &g->values[g->nodes[n].out[0]].desc.shape;
        chain c = {.g = g,
                   .uses = &uses,
                   .scratch = scratch,
                   .is_taken = is_taken,
                   .row = row,
                   .layer = (oc_id)n,
                   .last = (oc_id)n,
                   .channels = (size_t)shape->dim[shape->rank - 1]};
        if (c.channels > 0)
            OC_TRY(fold(&c, changes));
    }
    return OC_OK;
}

const oc_transform oc_transform_fold_scale = {
    .name = "fold_scale",
    .help =
        "batch-norm, and constants that are multiplied, divided by, added or subtracted channel "
        "by channel, go into the weights and bias of the layer before, which may be a "
        "batch-norm, too",
    .is_exact = false,
    .apply = fold_all,
};
