/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"

#include "oc_ops.h"
#include "perm.h"

#include <stdlib.h>

static bool in_region(const oc_region *r, oc_id node)
{
    return node != OC_NONE && node < r->n_nodes && r->node_stamp[node] == r->stamp;
}

/* The transpose by r->perm that makes the value, or NULL. */
static const oc_node *entry_transpose(const oc_region *r, oc_id value)
{
    const oc_node *node = oc_rewrite_producer(r->g, value, &oc_op_transpose);
    return node && oc_perm_equal(oc_node_ints(node, "perm"), &r->perm) ? node : NULL;
}

bool oc_region_is_entry(const oc_region *region, oc_id value)
{
    return entry_transpose(region, value) != NULL;
}

oc_status oc_region_begin(oc_region *region, oc_graph *graph, oc_arena *scratch)
{
    oc_region r = {.g = graph, .n_nodes = graph->n_nodes};
    size_t attrs_size = 1;
    for (size_t n = 0; n < graph->n_nodes; n++)
        attrs_size = OC_MAX(attrs_size, graph->nodes[n].op->attrs_size);
    OC_TRY(oc_consumers_list(graph, scratch, &r.uses));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_nodes + 1, r.nodes));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_nodes + 1, r.heirs));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_nodes + 1, r.node_stamp));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_nodes + 1, r.is_taken));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_values + 1, r.value_stamp));
    OC_TRY(OC_ARENA_ALLOC(scratch, graph->n_values + 1, r.moved));
    OC_TRY(oc_arena_alloc(scratch, attrs_size, 1, &r.attrs));
    *region = r;
    return OC_OK;
}

/* ---- what belongs to it ---------------------------------------------------------------------- */

/* The shape with leading axes of 1, up to the rank that is permuted. */
static oc_desc full_rank(const oc_desc *desc, int32_t rank)
{
    oc_desc full = {.dtype = desc->dtype, .shape = {.rank = rank}};
    int32_t lead = rank - desc->shape.rank;
    for (int32_t i = 0; i < rank; i++)
        full.shape.dim[i] = i < lead ? 1 : desc->shape.dim[i - lead];
    return full;
}

/* An elementwise operator of two inputs aligns a shorter shape at the last axis: that can be written out. */
static bool may_be_lower_rank(const oc_region *r, const oc_node *node, oc_id value)
{
    return node->op == &oc_op_binary && r->g->values[value].constant &&
           r->g->values[value].desc.shape.rank < r->perm.count;
}

/* Can the node work in the other order? Leaves its attributes for that in r->attrs. */
static bool try_permute(const oc_region *r, const oc_node *node)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    oc_desc full[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    if (!node->op->permute)
        return false;
    oc_op_call call = oc_node_call(r->g, node, in, out, is_const);
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == OC_NONE)
            continue;
        if (may_be_lower_rank(r, node, node->in[i])) {
            full[i] = full_rank(in[i], r->perm.count);
            in[i] = &full[i];
        }
        if (in[i]->shape.rank != r->perm.count)
            return false;
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        if (out[i]->shape.rank != r->perm.count)
            return false;
    memcpy(r->attrs, node->attrs, node->op->attrs_size);
    return node->op->permute(&call, r->inverse.v, r->inverse.count, r->attrs) == OC_OK;
}

/* Put the node into the set if it can be there. A node that has moved is not looked at: its slot holds another. */
static void add_node(oc_region *r, oc_id id)
{
    r->visits++;
    r->is_blocked = r->is_blocked || r->is_taken[id];
    if (r->is_taken[id] || in_region(r, id) || !try_permute(r, &r->g->nodes[id]))
        return;
    r->node_stamp[id] = r->stamp;
    r->nodes[r->count++] = id;
}

static void add_consumers(oc_region *r, oc_id value)
{
    for (uint32_t u = r->uses.begin[value]; u < r->uses.begin[value + 1]; u++)
        add_node(r, r->uses.nodes[u]);
}

static int compare_ids(const void *a, const void *b)
{
    oc_id x = *(const oc_id *)a, y = *(const oc_id *)b;
    return (x > y) - (x < y);
}

static void start(oc_region *r)
{
    r->stamp++;
    r->count = 0;
    r->is_blocked = false;
}

void oc_region_pick(oc_region *region, oc_id node)
{
    start(region);
    add_node(region, node);
}

/* Through the node's inputs and outputs to what hangs together with it. */
static void add_neighbours(oc_region *r, const oc_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        oc_id value = node->in[i];
        if (value == OC_NONE || r->g->values[value].producer == OC_NONE)
            continue;
        if (entry_transpose(r, value))
            add_consumers(r, value);
        else
            add_node(r, r->g->values[value].producer);
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        add_consumers(r, node->out[o]);
}

void oc_region_grow(oc_region *region, const oc_ints *perm, oc_id value)
{
    region->perm = *perm;
    region->inverse = oc_perm_inverse(perm);
    start(region);
    add_consumers(region, value);
    for (size_t at = 0; at < region->count; at++)
        add_neighbours(region, &region->g->nodes[region->nodes[at]]);
    qsort(region->nodes, region->count, sizeof(*region->nodes), compare_ids);
}

/* ---- what lies around it ---------------------------------------------------------------------- */

/* One node in the set or around it: find out whether it is taken, or take it. */
static void touch(oc_region *r, oc_id node, bool take)
{
    if (take)
        r->is_taken[node] = true;
    else
        r->is_blocked = r->is_blocked || r->is_taken[node];
}

static void touch_consumers(oc_region *r, oc_id value, bool take)
{
    for (uint32_t u = r->uses.begin[value]; u < r->uses.begin[value + 1]; u++)
        touch(r, r->uses.nodes[u], take);
}

/*
 * The set, what feeds it, what else that feeds, and what it feeds: all whose inputs or uses a move changes, or
 * on which its gain depends.
 */
static void touch_all(oc_region *r, bool take)
{
    for (size_t at = 0; at < r->count && !(r->is_blocked && !take); at++) {
        const oc_node *node = &r->g->nodes[r->nodes[at]];
        touch(r, r->nodes[at], take);
        for (uint32_t i = 0; i < node->n_in; i++) {
            if (node->in[i] == OC_NONE || r->g->values[node->in[i]].constant)
                continue;
            if (r->g->values[node->in[i]].producer != OC_NONE)
                touch(r, r->g->values[node->in[i]].producer, take);
            touch_consumers(r, node->in[i], take);
        }
        for (uint32_t o = 0; o < node->n_out; o++)
            touch_consumers(r, node->out[o], take);
    }
}

/* ---- what moving a region would gain --------------------------------------------------------- */

typedef struct balance {
    int64_t gain;       /* weight of transposes that go, less that of those that come */
    bool has_new_entry; /* a transpose comes at the upper end */
    bool frees_entry;   /* one goes there */
} balance;

static bool only_for_region(const oc_region *r, oc_id value)
{
    if (r->uses.is_output[value])
        return false;
    for (uint32_t u = r->uses.begin[value]; u < r->uses.begin[value + 1]; u++)
        if (!in_region(r, r->uses.nodes[u]))
            return false;
    return true;
}

static void weigh_input(oc_region *r, oc_id value, balance *b)
{
    const oc_value *v = &r->g->values[value];
    if (v->constant || in_region(r, v->producer) || r->value_stamp[value] == r->stamp)
        return;
    r->value_stamp[value] = r->stamp;
    const oc_node *before = oc_rewrite_producer(r->g, value, &oc_op_transpose);
    oc_ints needed = r->inverse;
    const oc_shape *source = &v->desc.shape;
    if (before) {
        source = &r->g->values[before->in[0]].desc.shape;
        needed = oc_perm_chain(oc_node_ints(before, "perm"), &r->inverse);
        int64_t weight = oc_perm_weight(oc_node_ints(before, "perm"), source);
        if (only_for_region(r, value)) {
            b->gain += weight;
            b->frees_entry = b->frees_entry || weight > 0;
        }
    }
    int64_t cost = oc_perm_weight(&needed, source);
    b->gain -= cost;
    b->has_new_entry = b->has_new_entry || cost > 0;
}

static void weigh_output(oc_region *r, oc_id value, balance *b)
{
    const oc_shape *shape = &r->g->values[value].desc.shape;
    const oc_shape moved = oc_perm_apply(&r->inverse, shape);
    bool is_needed = r->uses.is_output[value];
    for (uint32_t u = r->uses.begin[value]; u < r->uses.begin[value + 1]; u++) {
        const oc_node *user = &r->g->nodes[r->uses.nodes[u]];
        if (in_region(r, r->uses.nodes[u]))
            continue;
        if (user->op == &oc_op_transpose) {
            oc_ints both = oc_perm_chain(&r->perm, oc_node_ints(user, "perm"));
            b->gain +=
                oc_perm_weight(oc_node_ints(user, "perm"), shape) - oc_perm_weight(&both, &moved);
        } else {
            is_needed = true;
        }
    }
    if (is_needed)
        b->gain -= oc_perm_weight(&r->perm, &moved);
}

bool oc_region_wants_to_move(oc_region *region)
{
    balance b = {0};
    touch_all(region, false);
    if (region->is_blocked)
        return false;
    for (size_t at = 0; at < region->count; at++) {
        const oc_node *node = &region->g->nodes[region->nodes[at]];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != OC_NONE)
                weigh_input(region, node->in[i], &b);
        for (uint32_t o = 0; o < node->n_out; o++)
            weigh_output(region, node->out[o], &b);
    }
    return b.gain > 0 || (b.gain == 0 && b.frees_entry && !b.has_new_entry);
}

/* ---- moving it ------------------------------------------------------------------------------- */

/* "base/transposed" in the graph's arena. */
static oc_status transposed_name(oc_graph *g, const char *base, char **name)
{
    static const char suffix[] = "/transposed";
    size_t length = strlen(base);
    OC_TRY(OC_ARENA_ALLOC(&g->arena, length + sizeof(suffix), *name));
    memcpy(*name, base, length);
    memcpy(*name + length, suffix, sizeof(suffix));
    return OC_OK;
}

/* A new transpose of `value`, named after `base`. */
static oc_status add_transpose(oc_graph *g, oc_id value, const oc_ints *perm, const char *base,
                               oc_id *result)
{
    char *name = NULL;
    oc_node *node;
    OC_TRY(transposed_name(g, base, &name));
    OC_TRY(oc_graph_begin_node(g, &oc_op_transpose, name, &value, 1, &node));
    OC_TRY(oc_node_set_ints(node, "perm", perm->v, (size_t)perm->count));
    return oc_graph_end_node(g, node, NULL, result);
}

static oc_status move_constant(const oc_region *r, oc_id value, oc_id *moved)
{
    if (r->g->values[value].desc.shape.rank < r->perm.count) {
        oc_desc full = full_rank(&r->g->values[value].desc, r->perm.count);
        OC_TRY(oc_rewrite_const_reshape(r->g, value, &full.shape, &value));
    }
    return oc_rewrite_const_transpose(r->g, value, &r->inverse, moved);
}

static oc_status move_input(const oc_region *r, oc_id value, oc_id *moved)
{
    *moved = OC_NONE;
    if (value == OC_NONE)
        return OC_OK;
    if (r->g->values[value].constant)
        return move_constant(r, value, moved);
    if (in_region(r, r->g->values[value].producer)) {
        *moved = r->moved[value];
        return OC_OK;
    }
    const oc_node *entry = entry_transpose(r, value);
    if (!entry)
        return add_transpose(r->g, value, &r->inverse, r->g->values[value].name, moved);
    *moved = entry->in[0];
    return OC_OK;
}

/* A node like the one at `id`, working in the other order. */
static oc_status move_node(const oc_region *r, oc_id id, oc_id *heir)
{
    oc_graph *g = r->g;
    oc_id in[OC_NODE_IO_MAX], out[OC_NODE_IO_MAX];
    const uint32_t n_in = g->nodes[id].n_in;
    const char *names[OC_NODE_IO_MAX];
    oc_node *made;
    for (uint32_t i = 0; i < n_in; i++)
        OC_TRY(move_input(r, g->nodes[id].in[i], &in[i]));
    OC_TRY(oc_graph_begin_node(g, g->nodes[id].op, g->nodes[id].name, in, n_in, &made));
    const oc_node *old = &g->nodes[id];
    if (!try_permute(r, old))
        return oc_fail(OC_E_INTERNAL, "node \"%s\": its axes could be permuted and now cannot",
                       old->name);
    memcpy(made->attrs, r->attrs, old->op->attrs_size);
    made->numerics = old->numerics;
    *heir = (oc_id)(made - g->nodes);
    for (uint32_t o = 0; o < old->n_out; o++) {
        char *name = NULL;
        OC_TRY(transposed_name(g, g->values[old->out[o]].name, &name));
        names[o] = name;
    }
    OC_TRY(oc_graph_end_node(g, made, names, out));
    for (uint32_t o = 0; o < old->n_out; o++)
        r->moved[old->out[o]] = out[o];
    return OC_OK;
}

/*
 * Others get the value transposed back, under its name; until nobody wants it like that any more,
 * the name of what the region computes is made up.
 */
static oc_status leave_region(const oc_region *r, oc_id value)
{
    oc_graph *g = r->g;
    const char *name = g->values[value].name;
    oc_id back;
    if (only_for_region(r, value)) {
        oc_rewrite_swap_names(g, value, r->moved[value]);
        return OC_OK;
    }
    OC_TRY(add_transpose(g, r->moved[value], &r->perm, name, &back));
    return oc_rewrite_supersede(g, value, back);
}

oc_status oc_region_move(oc_region *region)
{
    oc_graph *g = region->g;
    touch_all(region, true);
    for (size_t at = 0; at < region->count; at++)
        OC_TRY(move_node(region, region->nodes[at], &region->heirs[at]));
    for (size_t at = 0; at < region->count; at++)
        for (uint32_t o = 0; o < g->nodes[region->nodes[at]].n_out; o++)
            OC_TRY(leave_region(region, g->nodes[region->nodes[at]].out[o]));
    for (size_t at = 0; at < region->count; at++)
        oc_rewrite_take_slot(g, region->nodes[at], region->heirs[at]);
    return OC_OK;
}
