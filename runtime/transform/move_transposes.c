/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transposes go, where they can; the others move down.
 *
 * Importers put a transpose before and behind every operator that wants [N,H,W,C] in a model that
 * has [N,C,H,W]. Two that meet are merged, and inverse ones vanish. Those that do not meet stand at
 * both ends of a region: connected nodes which work in any order of axes (oc_op.permute). Moving a
 * whole region into the other order at once, instead of node after node, also gets rid of
 * transposes where a value forks and joins (x * sigmoid(x), residual blocks), where moving past one
 * node alone would first need more of them.
 *
 * A region moves if that makes the transposes weigh less; or the same if they only move down, towards the
 * outputs, where they no longer stand between an operator and its activation. So it comes to an
 * end: the weight cannot fall below 0, and a transpose cannot move down for ever.
 * No node is ever computed twice, and constants are transposed as constants.
 */
#include "oc_ops.h"
#include "oc_transform.h"
#include "perm.h"
#include "region.h"

/* How often a node may be looked at on average: a bound for models made to have no end. */
enum { VISITS_PER_NODE = 256 };

/* ---- transposes that meet ------------------------------------------------------------------- */

static const oc_ints *transpose_perm(const oc_node *node)
{
    return oc_node_ints(node, "perm");
}

/*
 * The node starts from what the transpose before it got, with both permutations as one; unless
 * that other one has to stay and the node, now a mere view of its result, would have to move data.
 */
static oc_status merge_pair(oc_graph *g, const oc_consumers *uses, oc_node *node, size_t *changes)
{
    const oc_node *before = oc_rewrite_producer(g, node->in[0], &oc_op_transpose);
    if (!before)
        return OC_OK;
    oc_ints both = oc_perm_chain(transpose_perm(before), transpose_perm(node));
    oc_id from = node->out[0], to = before->in[0];
    int64_t now = oc_perm_weight(transpose_perm(node), &g->values[before->out[0]].desc.shape);
    if (oc_perm_weight(&both, &g->values[to].desc.shape) > now &&
        !oc_consumers_is_single(uses, before->out[0]))
        return OC_OK;
    ++*changes;
    node->in[0] = to;
    OC_TRY(oc_node_set_ints(node, "perm", both.v, (size_t)both.count));
    if (oc_perm_is_identity(&both) && oc_rewrite_can_replace(g, from, to))
        return oc_graph_replace_uses(g, from, to);
    return OC_OK;
}

/* The value is transposed alike by an earlier node: one is enough. */
static oc_status merge_twin(oc_graph *g, const oc_consumers *uses, oc_id id, size_t *changes)
{
    const oc_node *node = &g->nodes[id];
    oc_id value = node->in[0];
    for (uint32_t u = uses->begin[value]; u < uses->begin[value + 1] && uses->nodes[u] < id; u++) {
        const oc_node *twin = &g->nodes[uses->nodes[u]];
        if (twin->op != &oc_op_transpose || twin->in[0] != value ||
            !oc_perm_equal(transpose_perm(twin), transpose_perm(node)) ||
            !oc_rewrite_can_replace(g, node->out[0], twin->out[0]))
            continue;
        ++*changes;
        return oc_graph_replace_uses(g, node->out[0], twin->out[0]);
    }
    return OC_OK;
}

static oc_status merge_all(oc_graph *g, oc_arena *scratch, size_t *changes)
{
    oc_consumers uses;
    OC_TRY(oc_consumers_list(g, scratch, &uses));
    for (size_t n = 0; n < g->n_nodes; n++)
        if (g->nodes[n].op == &oc_op_transpose)
            OC_TRY(merge_pair(g, &uses, &g->nodes[n], changes));
    OC_TRY(oc_rewrite_pass_names(g, scratch));
    OC_TRY(oc_graph_compact(g));
    OC_TRY(oc_consumers_list(g, scratch, &uses));
    for (size_t n = 0; n < g->n_nodes; n++)
        if (g->nodes[n].op == &oc_op_transpose)
            OC_TRY(merge_twin(g, &uses, (oc_id)n, changes));
    return oc_graph_compact(g);
}

/*
 * A reduction that drops its axes gives a shape of another rank, behind which no transpose can go.
 * Where one comes in, the axes are kept, and a reshape, which is free, drops them.
 */
static oc_status keep_axes(oc_graph *g, oc_id id)
{
    const oc_shape shape = g->values[g->nodes[id].out[0]].desc.shape;
    oc_id in = g->nodes[id].in[0], kept, flat;
    oc_node *node;
    OC_TRY(oc_graph_begin_node(g, &oc_op_reduce, g->nodes[id].name, &in, 1, &node));
    oc_id heir = (oc_id)(node - g->nodes);
    memcpy(node->attrs, g->nodes[id].attrs, node->op->attrs_size);
    OC_TRY(oc_node_set_int(node, "keepdims", 1));
    OC_TRY(oc_graph_end_node(g, node, NULL, &kept));
    OC_TRY(oc_graph_begin_node(g, &oc_op_reshape, g->nodes[id].name, &kept, 1, &node));
    OC_TRY(oc_node_set_ints(node, "shape", shape.dim, (size_t)shape.rank));
    OC_TRY(oc_graph_end_node(g, node, NULL, &flat));
    OC_TRY(oc_rewrite_supersede(g, g->nodes[id].out[0], flat));
    oc_rewrite_take_slot(g, id, heir);
    return OC_OK;
}

static oc_status keep_all_axes(oc_graph *g, size_t *changes)
{
    const size_t n_nodes = g->n_nodes;
    for (size_t n = 0; n < n_nodes; n++) {
        const oc_node *node = &g->nodes[n];
        if (node->op != &oc_op_reduce || oc_node_int(node, "keepdims") == 1 ||
            !oc_rewrite_producer(g, node->in[0], &oc_op_transpose))
            continue;
        OC_TRY(keep_axes(g, (oc_id)n));
        ++*changes;
    }
    return oc_graph_compact(g);
}

/* ---- regions -------------------------------------------------------------------------------- */

/* Move one of the nodes, taken alone. */
static oc_status move_single(oc_region *r, const oc_id *nodes, size_t count, size_t *changes)
{
    for (size_t at = 0; at < count; at++) {
        oc_region_pick(r, nodes[at]);
        if (!oc_region_wants_to_move(r))
            continue;
        ++*changes;
        return oc_region_move(r);
    }
    return OC_OK;
}

/* The set was looked at: no need to come to it again from its other entries. */
static void mark_entries(const oc_region *r, bool *is_seen)
{
    for (size_t at = 0; at < r->count; at++) {
        const oc_node *node = &r->g->nodes[r->nodes[at]];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != OC_NONE && oc_region_is_entry(r, node->in[i]))
                is_seen[r->g->values[node->in[i]].producer] = true;
    }
}

/* Move the region below the transpose if it wants to; if not, a single node of it that does. */
static oc_status move_below(oc_region *r, const oc_node *entry, bool *is_seen, oc_arena *scratch,
                            size_t *changes)
{
    oc_id *all = NULL;
    oc_region_grow(r, transpose_perm(entry), entry->out[0]);
    if (r->count == 0)
        return OC_OK;
    mark_entries(r, is_seen);
    if (oc_region_wants_to_move(r)) {
        ++*changes;
        return oc_region_move(r);
    }
    if (r->is_blocked)
        return OC_OK;
    const size_t count = r->count;
    OC_TRY(OC_ARENA_ALLOC(scratch, count, all));
    memcpy(all, r->nodes, count * sizeof(*all));
    return move_single(r, all, count, changes);
}

/* Move all regions that want to and are not in each other's way. */
static oc_status move_regions(oc_graph *g, oc_arena *scratch, size_t *visits, size_t *changes)
{
    oc_region r;
    bool *is_seen = NULL;
    OC_TRY(oc_region_begin(&r, g, scratch));
    OC_TRY(OC_ARENA_ALLOC(scratch, r.n_nodes + 1, is_seen));
    for (size_t n = 0; n < r.n_nodes; n++)
        if (g->nodes[n].op == &oc_op_transpose && !is_seen[n] && !r.is_taken[n] &&
            (*visits + r.visits) / VISITS_PER_NODE <= r.n_nodes)
            OC_TRY(move_below(&r, &g->nodes[n], is_seen, scratch, changes));
    *visits += r.visits;
    return oc_rewrite_pass_names(g, scratch);
}

/* ---- all of it -------------------------------------------------------------------------------- */

/* Merge what meets, then move regions, which may let others meet. */
static oc_status step(oc_graph *g, size_t *visits, size_t *changes, size_t *moves)
{
    oc_arena scratch;
    oc_status status;
    oc_arena_init(&scratch, g->alloc);
    *moves = 0;
    OC_TRY_OUT(keep_all_axes(g, changes));
    OC_TRY_OUT(merge_all(g, &scratch, changes));
    OC_TRY_OUT(move_regions(g, &scratch, visits, moves));
    OC_TRY_OUT(oc_graph_compact(g));
    *changes += *moves;
out:
    oc_arena_fini(&scratch);
    return status;
}

/* Last, since a reshape cannot meet an inverse: what moves no data becomes a view. */
static oc_status make_views(oc_graph *g, size_t *changes)
{
    for (size_t n = 0; n < g->n_nodes; n++) {
        oc_node *node = &g->nodes[n];
        if (node->op != &oc_op_transpose ||
            !oc_perm_is_view(transpose_perm(node), &g->values[node->in[0]].desc.shape))
            continue;
        const oc_shape *shape = &g->values[node->out[0]].desc.shape;
        /* The bytes are the same: the model's name goes where they are computed. */
        if (oc_rewrite_is_inner(g, node->in[0]) && oc_rewrite_is_inner(g, node->out[0]))
            oc_rewrite_swap_names(g, node->in[0], node->out[0]);
        node->op = &oc_op_reshape;
        node->numerics = node->op->numerics;
        OC_TRY(oc_arena_alloc(&g->arena, OC_MAX(node->op->attrs_size, (size_t)1), 1, &node->attrs));
        oc_attrs_default(node->op, node->attrs);
        OC_TRY(oc_node_set_ints(node, "shape", shape->dim, (size_t)shape->rank));
        ++*changes;
    }
    return OC_OK;
}

static oc_status apply(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    (void)scratch;
    size_t visits = 0, moves = 1;
    while (moves > 0)
        OC_TRY(step(graph, &visits, changes, &moves));
    return make_views(graph, changes);
}

const oc_transform oc_transform_move_transposes = {
    .name = "move_transposes",
    .help = "inverse transposes cancel, others move behind what works in any order of axes, those "
            "that move no data become reshapes",
    .is_exact = true,
    .apply = apply,
};
