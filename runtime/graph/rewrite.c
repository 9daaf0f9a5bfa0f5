/* SPDX-License-Identifier: Apache-2.0 */
/** Rewriting a graph that is not frozen: replace, fold, and bring it back into order. */
#include "oc_graph.h"

#include "names.h"
#include "uses.h"

bool oc_graph_is_output(const oc_graph *graph, oc_id value)
{
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

size_t oc_graph_use_count(const oc_graph *graph, oc_id value)
{
    size_t count = 0;
    for (size_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; i < graph->nodes[n].n_in; i++)
            count += graph->nodes[n].in[i] == value;
    for (size_t i = 0; i < graph->n_outputs; i++)
        count += graph->outputs[i] == value;
    return count;
}

oc_status oc_graph_swap_names(oc_graph *g, oc_id a, oc_id b)
{
    const char *name = g->values[a].name;
    g->values[a].name = g->values[b].name;
    g->values[b].name = name;
    OC_TRY(oc_names_put(&g->value_names, g->alloc, g->values[a].name, a));
    return oc_names_put(&g->value_names, g->alloc, g->values[b].name, b);
}

/* What an output means stays true of the value that takes its place. */
static void keep_meaning(const oc_value *from, oc_value *to)
{
    if (!to->labels)
        to->labels = from->labels;
    if (!to->detector)
        to->detector = from->detector;
    if (!to->quant)
        to->quant = from->quant;
}

oc_status oc_graph_replace_uses(oc_graph *graph, oc_id from, oc_id to)
{
    if (graph->is_frozen)
        return oc_fail(OC_E_INTERNAL, "graph %s: frozen, it cannot be changed", graph->name);
    /* An output keeps its name whoever computes it, unless that would rename something given. */
    bool is_made = graph->values[to].producer != OC_NONE;
    if (is_made && oc_graph_is_output(graph, from) && !oc_graph_is_output(graph, to))
        OC_TRY(oc_graph_swap_names(graph, from, to));
    if (oc_graph_is_output(graph, from))
        keep_meaning(&graph->values[from], &graph->values[to]);
    for (size_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; i < graph->nodes[n].n_in; i++)
            if (graph->nodes[n].in[i] == from)
                graph->nodes[n].in[i] = to;
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == from)
            graph->outputs[i] = to;
    return OC_OK;
}

/* A folded or removed node keeps its slot until the next compaction: no outputs mark it. */
static bool is_removed(const oc_node *node)
{
    return node->n_out == 0;
}

oc_status oc_graph_fold_node(oc_graph *graph, oc_id node)
{
    oc_node *n = &graph->nodes[node];
    oc_const *constant = NULL;
    if (n->n_out != 1)
        return oc_fail(OC_E_INTERNAL, "node \"%s\": only a node with one output can be folded",
                       n->name);
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, constant));
    OC_TRY(oc_grow(graph->alloc, &graph->const_nodes, graph->n_const_nodes, &graph->cap_const_nodes,
                   sizeof(*graph->const_nodes)));
    *constant = (oc_const){.kind = OC_CONST_NODE, .node = (oc_id)graph->n_const_nodes};
    graph->const_nodes[graph->n_const_nodes++] = *n;
    graph->values[n->out[0]].producer = OC_NONE;
    graph->values[n->out[0]].constant = constant;
    n->n_out = 0;
    return OC_OK;
}

/* ---- compaction ---------------------------------------------------------------------------- */

typedef struct compaction {
    oc_graph *g;
    bool *node_live, *const_live, *value_live;
    oc_id *stack;              /* values to look at */
    size_t depth;
    oc_id *value_map, *const_map;
    oc_id *order, *heap;       /* nodes */
    uint32_t *waits;           /* per node: inputs not made yet */
    oc_id *use_list;           /* consumers, grouped by value */
    uint32_t *use_begin;
} compaction;

static void mark_value(compaction *c, oc_id value)
{
    if (value != OC_NONE && !c->value_live[value]) {
        c->value_live[value] = true;
        c->stack[c->depth++] = value;
    }
}

static void mark_node(compaction *c, const oc_node *node, bool *live)
{
    if (*live)
        return;
    *live = true;
    for (uint32_t i = 0; i < node->n_in; i++)
        mark_value(c, node->in[i]);
    for (uint32_t i = 0; i < node->n_out; i++)
        mark_value(c, node->out[i]);
}

static void mark_live(compaction *c)
{
    const oc_graph *g = c->g;
    for (size_t i = 0; i < g->n_outputs; i++)
        mark_value(c, g->outputs[i]);
    for (size_t i = 0; i < g->n_inputs; i++)
        mark_value(c, g->inputs[i]);
    while (c->depth > 0) {
        const oc_value *value = &g->values[c->stack[--c->depth]];
        if (value->constant && value->constant->kind == OC_CONST_NODE)
            mark_node(c, &g->const_nodes[value->constant->node],
                      &c->const_live[value->constant->node]);
        if (value->producer != OC_NONE)
            mark_node(c, &g->nodes[value->producer], &c->node_live[value->producer]);
    }
}

/* A binary heap of node ids, the lowest on top: it makes the topological order stable. */
static void heap_push(oc_id *heap, size_t *count, oc_id id)
{
    size_t at = (*count)++;
    while (at > 0 && heap[(at - 1) / 2] > id) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = id;
}

static oc_id heap_pop(oc_id *heap, size_t *count)
{
    oc_id top = heap[0], last = heap[--*count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= *count)
            break;
        if (child + 1 < *count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* Kahn's algorithm (Communications of the ACM 5(11), 1962) over the live nodes. */
static oc_status sort_nodes(compaction *c, size_t *count)
{
    const oc_graph *g = c->g;
    size_t n_heap = 0, n_live = 0;
    oc_uses_list(g, c->node_live, c->use_begin, c->use_list);
    for (size_t n = 0; n < g->n_nodes; n++) {
        if (!c->node_live[n])
            continue;
        n_live++;
        for (uint32_t i = 0; i < g->nodes[n].n_in; i++)
            c->waits[n] += g->nodes[n].in[i] != OC_NONE &&
                           g->values[g->nodes[n].in[i]].producer != OC_NONE;
        if (c->waits[n] == 0)
            heap_push(c->heap, &n_heap, (oc_id)n);
    }
    *count = 0;
    while (n_heap > 0) {
        oc_id n = heap_pop(c->heap, &n_heap);
        c->order[(*count)++] = n;
        for (uint32_t o = 0; o < g->nodes[n].n_out; o++) {
            oc_id v = g->nodes[n].out[o];
            for (size_t u = c->use_begin[v]; u < c->use_begin[v + 1]; u++)
                if (--c->waits[c->use_list[u]] == 0)
                    heap_push(c->heap, &n_heap, c->use_list[u]);
        }
    }
    if (*count != n_live)
        return oc_fail(OC_E_FORMAT, "graph %s: its nodes form a cycle", g->name);
    return OC_OK;
}

static void map_ids(const oc_id *map, oc_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] != OC_NONE)
            ids[i] = map[ids[i]];
}

static oc_status renumber_values(compaction *c)
{
    oc_graph *g = c->g;
    size_t kept = 0;
    for (size_t v = 0; v < g->n_values; v++) {
        if (!c->value_live[v])
            continue;
        oc_value value = g->values[v];
        if (value.constant && value.constant->kind == OC_CONST_NODE) {
            oc_const *constant = NULL;
            OC_TRY(OC_ARENA_ALLOC(&g->arena, 1, constant));
            *constant = *value.constant;
            constant->node = c->const_map[constant->node];
            value.constant = constant;
        }
        c->value_map[v] = (oc_id)kept;
        g->values[kept++] = value;
    }
    g->n_values = kept;
    return OC_OK;
}

static void keep_const_nodes(compaction *c)
{
    oc_graph *g = c->g;
    size_t kept = 0;
    for (size_t n = 0; n < g->n_const_nodes; n++) {
        if (!c->const_live[n])
            continue;
        c->const_map[n] = (oc_id)kept;
        g->const_nodes[kept++] = g->const_nodes[n];
    }
    g->n_const_nodes = kept;
}

static oc_status renumber_nodes(compaction *c, size_t count)
{
    oc_graph *g = c->g;
    oc_node *sorted = NULL;
    OC_TRY(OC_ALLOC(g->alloc, OC_MAX(count, (size_t)1), sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = g->nodes[c->order[i]];
    oc_free(g->alloc, g->nodes);
    g->nodes = sorted;
    g->n_nodes = count;
    g->cap_nodes = OC_MAX(count, (size_t)1);
    for (size_t v = 0; v < g->n_values; v++)
        g->values[v].producer = OC_NONE;
    for (size_t n = 0; n < count; n++) {
        map_ids(c->value_map, g->nodes[n].in, g->nodes[n].n_in);
        map_ids(c->value_map, g->nodes[n].out, g->nodes[n].n_out);
        for (uint32_t o = 0; o < g->nodes[n].n_out; o++)
            g->values[g->nodes[n].out[o]].producer = (oc_id)n;
    }
    for (size_t n = 0; n < g->n_const_nodes; n++) {
        map_ids(c->value_map, g->const_nodes[n].in, g->const_nodes[n].n_in);
        map_ids(c->value_map, g->const_nodes[n].out, g->const_nodes[n].n_out);
    }
    return OC_OK;
}

static oc_status rename_all(oc_graph *g)
{
    oc_names_clear(&g->value_names);
    oc_names_clear(&g->node_names);
    for (size_t v = 0; v < g->n_values; v++)
        OC_TRY(oc_names_put(&g->value_names, g->alloc, g->values[v].name, (oc_id)v));
    for (size_t n = 0; n < g->n_nodes; n++)
        OC_TRY(oc_names_put(&g->node_names, g->alloc, g->nodes[n].name, (oc_id)n));
    return OC_OK;
}

static oc_status compact_alloc(compaction *c, oc_arena *scratch)
{
    const oc_graph *g = c->g;
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_nodes + 1, c->node_live));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_const_nodes + 1, c->const_live));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, c->value_live));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, c->stack));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, c->value_map));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_const_nodes + 1, c->const_map));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_nodes + 1, c->order));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_nodes + 1, c->heap));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_nodes + 1, c->waits));
    OC_TRY(OC_ARENA_ALLOC(scratch, oc_uses_count(g) + 1, c->use_list));
    return OC_ARENA_ALLOC(scratch, g->n_values + 1, c->use_begin);
}

oc_status oc_graph_compact(oc_graph *graph)
{
    compaction c = {.g = graph};
    oc_arena scratch;
    size_t count = 0;
    oc_status status;
    if (graph->is_frozen)
        return oc_fail(OC_E_INTERNAL, "graph %s: frozen, it cannot be changed", graph->name);
    oc_arena_init(&scratch, graph->alloc);
    OC_TRY_OUT(compact_alloc(&c, &scratch));
    mark_live(&c);
    for (size_t n = 0; n < graph->n_nodes; n++)
        c.node_live[n] = c.node_live[n] && !is_removed(&graph->nodes[n]);
    OC_TRY_OUT(sort_nodes(&c, &count));
    keep_const_nodes(&c);
    OC_TRY_OUT(renumber_values(&c));
    OC_TRY_OUT(renumber_nodes(&c, count));
    map_ids(c.value_map, graph->inputs, graph->n_inputs);
    map_ids(c.value_map, graph->outputs, graph->n_outputs);
    OC_TRY_OUT(rename_all(graph));
out:
    oc_arena_fini(&scratch);
    return status;
}
