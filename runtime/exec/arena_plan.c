/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each value of a list of nodes lies in one block of memory.
 *
 * A value is alive over an interval of steps; values that are never alive together may share bytes.
 * The largest are placed first, each into the smallest gap that the values placed before it and
 * alive with it leave (Pisarchyk and Lee, 2020, section 4.3). While that is larger than the lower
 * bound, the value that reaches highest is placed before all others and everything is placed anew:
 * plain chains of layers, where greedy by size may lose a third, so come down to the bound.
 * Views are not placed: they are their root, alive as long as any of them.
 */
#include "oc_exec.h"

#include <stdlib.h>

/* Placings tried, and the steps of best_offset that all of them together may take (well under a second). */
#define ROUNDS 32
#define STEPS_MAX 200000000

/* A root value: bytes rounded up to the alignment, and the steps first .. last that it is alive in. */
typedef struct item {
    oc_id value;
    size_t bytes;
    size_t first, last;
    size_t offset;
} item;

typedef struct planner {
    const oc_graph *graph;
    const oc_id *order;
    size_t n_order;
    size_t align;
    const oc_allocator *alloc;
    size_t *step_of; /* per node: its step, SIZE_MAX when it is not in `order` */
    size_t *item_of; /* per value: its root's item, SIZE_MAX when there is none */
    item *items;
    size_t n_items, cap_items;
    oc_arena_plan *plan;
} planner;

/* ---- what is alive when -------------------------------------------------------------------- */

static oc_status number_steps(planner *p)
{
    const oc_graph *g = p->graph;
    for (size_t n = 0; n < g->n_nodes; n++)
        p->step_of[n] = SIZE_MAX;
    for (size_t s = 0; s < p->n_order; s++) {
        if (p->order[s] >= g->n_nodes)
            return oc_fail(OC_E_ARG, "step %zu: expected a node below %zu, found %u", s, g->n_nodes,
                           p->order[s]);
        const oc_node *node = &g->nodes[p->order[s]];
        if (p->step_of[p->order[s]] != SIZE_MAX)
            return oc_fail(OC_E_ARG, "node %s: listed twice", node->name);
        for (uint32_t i = 0; i < node->n_out; i++)
            if (p->item_of[node->out[i]] != SIZE_MAX)
                return oc_fail(OC_E_ARG, "node %s: listed after a node that needs it", node->name);
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != OC_NONE)
                p->item_of[node->in[i]] = 0; /* only a mark here: somebody has used it */
        p->step_of[p->order[s]] = s;
    }
    return OC_OK;
}

/* The value that `v` is a view of, one view back; OC_NONE when the list makes no view of it. */
static oc_id viewed(const planner *p, oc_id v)
{
    const oc_id producer = p->graph->values[v].producer;
    if (producer == OC_NONE || p->step_of[producer] == SIZE_MAX)
        return OC_NONE;
    const oc_node *node = &p->graph->nodes[producer];
    return node->op->is_view && node->out[0] == v ? node->in[0] : OC_NONE;
}

/* Steps are in order, so the root of a view's input is known when the view is met. */
static void find_roots(planner *p)
{
    for (size_t v = 0; v < p->graph->n_values; v++)
        p->plan->root[v] = (oc_id)v;
    for (size_t s = 0; s < p->n_order; s++) {
        const oc_node *node = &p->graph->nodes[p->order[s]];
        for (uint32_t i = 0; i < node->n_out; i++) {
            const oc_id of = viewed(p, node->out[i]);
            if (of != OC_NONE)
                p->plan->root[node->out[i]] = p->plan->root[of];
        }
    }
}

/* The root of `v` takes space and is alive in step `step`. */
static oc_status touch(planner *p, oc_id v, size_t step)
{
    const oc_id root = p->plan->root[v];
    const oc_value *value = &p->graph->values[root];
    if (p->item_of[root] == SIZE_MAX) {
        const bool is_made = value->producer != OC_NONE && p->step_of[value->producer] != SIZE_MAX;
        item made = {.value = root, .first = is_made ? p->step_of[value->producer] : 0};
        size_t bytes;
        OC_TRY(oc_desc_bytes(&value->desc, &bytes));
        OC_TRY(oc_add_size(bytes, p->align - 1, &made.bytes));
        made.bytes = made.bytes / p->align * p->align;
        /* A constant is filled in once, when the lane is made: nothing may ever lie over it. */
        made.last = value->constant != NULL ? p->n_order : made.first;
        OC_TRY(oc_grow(p->alloc, &p->items, p->n_items, &p->cap_items, sizeof(*p->items)));
        p->item_of[root] = p->n_items;
        p->items[p->n_items++] = made;
    }
    item *it = &p->items[p->item_of[root]];
    it->last = OC_MAX(it->last, step);
    return OC_OK;
}

/* An input that is a constant lies with the prepared node, unless the node only gives it another shape. */
static bool is_elsewhere(const planner *p, const oc_node *node, uint32_t i)
{
    const bool is_viewed = node->op->is_view && i == 0;
    return p->graph->values[node->in[i]].constant != NULL && !is_viewed;
}

static oc_status find_lives(planner *p, const oc_id *pinned, size_t n_pinned)
{
    for (size_t s = 0; s < p->n_order; s++) {
        const oc_node *node = &p->graph->nodes[p->order[s]];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] != OC_NONE && !is_elsewhere(p, node, i))
                OC_TRY(touch(p, node->in[i], s));
        for (uint32_t i = 0; i < node->n_out; i++)
            OC_TRY(touch(p, node->out[i], s));
    }
    for (size_t i = 0; i < n_pinned; i++) {
        if (pinned[i] >= p->graph->n_values)
            return oc_fail(OC_E_ARG, "pinned value %zu: expected one below %zu, found %u", i,
                           p->graph->n_values, pinned[i]);
        OC_TRY(touch(p, pinned[i], p->n_order));
    }
    return OC_OK;
}

/* ---- placing ------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* The smallest gap for `it` among placed[0 .. n), which are sorted by offset; else behind them. */
static size_t best_offset(item *const *placed, size_t n, const item *it)
{
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        const item *other = placed[i];
        if (other->last < it->first || it->last < other->first)
            continue;
        if (other->offset > end && other->offset - end >= it->bytes &&
            other->offset - end < best_gap) {
            best_gap = other->offset - end;
            best = end;
        }
        end = OC_MAX(end, other->offset + other->bytes);
    }
    return best != SIZE_MAX ? best : end;
}

/* Place all items in the order of `turn`. `*bytes`: what they take; `*highest`: whose turn reaches that far. */
static oc_status place(size_t n, item *const *turn, item **placed, size_t *bytes, size_t *highest)
{
    *bytes = *highest = 0;
    for (size_t i = 0; i < n; i++) {
        item *it = turn[i];
        size_t end, at = i;
        it->offset = best_offset(placed, i, it);
        OC_TRY(oc_add_size(it->offset, it->bytes, &end));
        if (end > *bytes) {
            *bytes = end;
            *highest = i;
        }
        for (; at > 0 && placed[at - 1]->offset > it->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = it;
    }
    return OC_OK;
}

/* Place until the lower bound or the last round is reached; keep the best offset of each item. */
static oc_status place_well(planner *p, item **turn, item **placed, size_t *best)
{
    const size_t n = p->n_items;
    const size_t rounds = n > 0 ? OC_MIN(ROUNDS, 1 + STEPS_MAX / n / n) : 1;
    p->plan->bytes = SIZE_MAX;
    for (size_t round = 0; round < rounds && p->plan->bytes > p->plan->lower_bound; round++) {
        size_t bytes, highest;
        OC_TRY(place(n, turn, placed, &bytes, &highest));
        if (bytes < p->plan->bytes) {
            p->plan->bytes = bytes;
            for (size_t i = 0; i < n; i++)
                best[i] = p->items[i].offset;
        }
        if (n == 0)
            break;
        item *first = turn[highest];
        memmove(turn + 1, turn, highest * sizeof(*turn));
        turn[0] = first;
    }
    for (size_t i = 0; i < n; i++)
        p->items[i].offset = best[i];
    return OC_OK;
}

static oc_status place_items(planner *p)
{
    item **turn = NULL, **placed = NULL;
    size_t *best = NULL;
    oc_status status;
    if (p->n_items > 0)
        qsort(p->items, p->n_items, sizeof(*p->items), by_size);
    OC_TRY_OUT(OC_ALLOC(p->alloc, p->n_items, turn));
    OC_TRY_OUT(OC_ALLOC(p->alloc, p->n_items, placed));
    OC_TRY_OUT(OC_ALLOC(p->alloc, p->n_items, best));
    for (size_t i = 0; i < p->n_items; i++)
        turn[i] = &p->items[i];
    OC_TRY_OUT(place_well(p, turn, placed, best));
out:
    oc_free(p->alloc, turn);
    oc_free(p->alloc, placed);
    oc_free(p->alloc, best);
    return status;
}

/*
 * The largest sum of bytes alive in one step: what comes into life and what leaves it, step by
 * step. `sums` (NULL: nobody asks): the sum of each.
 */
static oc_status find_lower_bound(planner *p, size_t *sums)
{
    size_t *born, *gone, alive = 0;
    OC_TRY(OC_ALLOC(p->alloc, 2 * (p->n_order + 2), born));
    gone = born + p->n_order + 2;
    oc_status status = OC_OK;
    for (size_t i = 0; i < p->n_items; i++) {
        const item *it = &p->items[i];
        OC_TRY_OUT(oc_add_size(born[it->first], it->bytes, &born[it->first]));
        OC_TRY_OUT(oc_add_size(gone[it->last + 1], it->bytes, &gone[it->last + 1]));
    }
    for (size_t s = 0; s <= p->n_order; s++) {
        alive -= gone[s];
        OC_TRY_OUT(oc_add_size(alive, born[s], &alive));
        p->plan->lower_bound = OC_MAX(p->plan->lower_bound, alive);
        if (sums)
            sums[s] = alive;
    }
out:
    oc_free(p->alloc, born);
    return status;
}

/* Every value of the list lies where its root does. */
static void give_offsets(planner *p)
{
    for (size_t v = 0; v < p->graph->n_values; v++) {
        const size_t at = p->item_of[p->plan->root[v]];
        p->plan->offset[v] = SIZE_MAX;
        if (at != SIZE_MAX)
            p->plan->offset[v] = p->items[at].offset;
    }
}

/* All but the placing. */
static oc_status survey(planner *p, const oc_id *pinned, size_t n_pinned, size_t *sums)
{
    const oc_graph *g = p->graph;
    OC_TRY(OC_ALLOC(p->alloc, g->n_values, p->plan->root));
    OC_TRY(OC_ALLOC(p->alloc, g->n_nodes, p->step_of));
    OC_TRY(OC_ALLOC(p->alloc, g->n_values, p->item_of));
    for (size_t v = 0; v < g->n_values; v++)
        p->item_of[v] = SIZE_MAX;
    OC_TRY(number_steps(p));
    for (size_t v = 0; v < g->n_values; v++)
        p->item_of[v] = SIZE_MAX;
    find_roots(p);
    OC_TRY(find_lives(p, pinned, n_pinned));
    return find_lower_bound(p, sums);
}

static oc_status place_all(planner *p)
{
    OC_TRY(OC_ALLOC(p->alloc, p->graph->n_values, p->plan->offset));
    OC_TRY(place_items(p));
    for (size_t i = 0; i < p->n_items; i++)
        p->item_of[p->items[i].value] = i;
    give_offsets(p);
    return OC_OK;
}

static void planner_fini(planner *p)
{
    oc_free(p->alloc, p->step_of);
    oc_free(p->alloc, p->item_of);
    oc_free(p->alloc, p->items);
}

oc_status oc_arena_plan_make(const oc_graph *graph, const oc_id *order, size_t n_order,
                             const oc_id *pinned, size_t n_pinned, size_t align,
                             const oc_allocator *alloc, oc_arena_plan *plan)
{
    oc_arena_plan made = {.alloc = alloc};
    planner p = {.graph = graph,
                 .order = order,
                 .n_order = n_order,
                 .align = align,
                 .alloc = alloc,
                 .plan = &made};
    oc_status status = survey(&p, pinned, n_pinned, NULL);
    if (status == OC_OK)
        status = place_all(&p);
    planner_fini(&p);
    if (status != OC_OK)
        oc_arena_plan_fini(&made);
    else
        *plan = made;
    return status;
}

oc_status oc_arena_plan_bound(const oc_graph *graph, const oc_id *order, size_t n_order,
                              const oc_id *pinned, size_t n_pinned, size_t align,
                              const oc_allocator *alloc, size_t *sums, size_t *bytes)
{
    oc_arena_plan made = {.alloc = alloc};
    planner p = {.graph = graph,
                 .order = order,
                 .n_order = n_order,
                 .align = align,
                 .alloc = alloc,
                 .plan = &made};
    const oc_status status = survey(&p, pinned, n_pinned, sums);
    if (status == OC_OK)
        *bytes = made.lower_bound;
    planner_fini(&p);
    oc_arena_plan_fini(&made);
    return status;
}

void oc_arena_plan_fini(oc_arena_plan *plan)
{
    oc_free(plan->alloc, plan->offset);
    oc_free(plan->alloc, plan->root);
    *plan = (oc_arena_plan){0};
}
