/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A convolution or fully connected layer of 8-bit numbers whose sums are only requantised does both:
 * the sums, four times as large as what becomes of them, are never stored.
 */
#include "oc_ops.h"
#include "oc_transform.h"
#include "rewrite.h"

/* The factors among the inputs of requantize, and of a layer that requantises. */
enum { IN_X, IN_MULTIPLIER, OUT_MULTIPLIER = 5 };

/* The layer whose sums nobody but the node sees, and which can requantise them; or NULL. */
static const oc_node *find_layer(const oc_graph *g, const oc_consumers *uses, const oc_node *node)
{
    oc_id sums = node->n_in == 0 ? OC_NONE : node->in[IN_X]; /* folded: no inputs */
    if (node->op != &oc_op_requantize || sums == OC_NONE || !oc_consumers_is_single(uses, sums))
        return NULL;
    for (uint32_t i = IN_MULTIPLIER; i < node->n_in; i++)
        if (!g->values[node->in[i]].constant)
            return NULL;
    const oc_node *layer = oc_rewrite_producer(g, sums, &oc_op_conv2d);
    return layer ? layer : oc_rewrite_producer(g, sums, &oc_op_fully_connected);
}

static oc_status set_attrs(oc_node *node, const oc_node *layer, const oc_node *requantize)
{
    memcpy(node->attrs, layer->attrs, layer->op->attrs_size);
    OC_TRY(oc_node_set_enum(node, "requant", oc_node_enum(requantize, "rounding")));
    OC_TRY(oc_node_set_enum(node, "to", oc_node_enum(requantize, "to")));
    OC_TRY(oc_node_set_int(node, "zero", oc_node_int(requantize, "zero")));
    OC_TRY(oc_node_set_int(node, "lo", oc_node_int(requantize, "lo")));
    return oc_node_set_int(node, "hi", oc_node_int(requantize, "hi"));
}

/* The requantize becomes the layer: its name and that of its output are the model's. */
static oc_status fuse(oc_graph *g, oc_id id, oc_id layer_id)
{
    const oc_node old = g->nodes[id], layer = g->nodes[layer_id];
    oc_node made = layer;
    made.name = old.name;
    made.out = old.out;
    made.n_in = OUT_MULTIPLIER + old.n_in - IN_MULTIPLIER;
    OC_TRY(OC_ARENA_ALLOC(&g->arena, made.n_in, made.in));
    OC_TRY(oc_arena_alloc(&g->arena, 1, layer.op->attrs_size, &made.attrs));
    for (uint32_t i = 0; i < OUT_MULTIPLIER; i++)
        made.in[i] = i < layer.n_in ? layer.in[i] : OC_NONE;
    memcpy(made.in + OUT_MULTIPLIER, old.in + IN_MULTIPLIER,
           sizeof(*made.in) * (old.n_in - IN_MULTIPLIER));
    OC_TRY(set_attrs(&made, &layer, &old));
    g->nodes[id] = made;
    g->nodes[layer_id].n_in = 0; /* no consumer any more: the next compaction drops it */
    return OC_OK;
}

static oc_status fuse_all(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    oc_consumers uses;
    OC_TRY(oc_consumers_list(graph, scratch, &uses));
    for (size_t n = 0; n < graph->n_nodes; n++) {
        const oc_node *layer = find_layer(graph, &uses, &graph->nodes[n]);
        if (!layer)
            continue;
        OC_TRY(fuse(graph, (oc_id)n, (oc_id)(layer - graph->nodes)));
        ++*changes;
    }
    return OC_OK;
}

const oc_transform oc_transform_fuse_requantize = {
    .name = "fuse_requantize",
    .help = "the only requantize behind a layer of 8-bit numbers becomes part of it",
    .is_exact = true,
    .apply = fuse_all,
};
