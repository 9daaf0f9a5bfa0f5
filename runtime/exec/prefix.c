/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a network fits into memory. The need of a prefix does not rise with its length alone
 * (a later cut may have fewer values to keep), so the longest that fits is searched from above;
 * what rises (constants, the largest node) says cheaply where to begin.
 */
#include "oc_exec.h"

/* ---- constants ------------------------------------------------------------------------------ */

typedef struct prefix_sums {
    const oc_allocator *alloc;
    uint64_t *const_bytes; /* [n_nodes + 1]: of the nodes before, a shared one at its first user */
    uint64_t *least_bytes; /* [n_nodes + 1]: no prefix of that length needs less */
} prefix_sums;

static void sums_fini(prefix_sums *sums)
{
    oc_free(sums->alloc, sums->const_bytes);
    oc_free(sums->alloc, sums->least_bytes);
}

/*
 * What the node's constants add, and in *least what its values take at least: what it makes and its
 * largest input (others may be views of that one).
 */
static oc_status add_node(const oc_graph *graph, const oc_node *node, bool *is_seen,
                          uint64_t *const_bytes, uint64_t *least)
{
    size_t bytes, input = 0;
    *least = 0;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const oc_id value = node->in[i];
        if (value == OC_NONE)
            continue;
        OC_TRY(oc_desc_bytes(&graph->values[value].desc, &bytes));
        if (graph->values[value].constant == NULL)
            input = OC_MAX(input, bytes);
        else if (!is_seen[value])
            *const_bytes += bytes;
        is_seen[value] = true;
    }
    for (uint32_t i = 0; i < node->n_out && !node->op->is_view; i++) {
        OC_TRY(oc_desc_bytes(&graph->values[node->out[i]].desc, &bytes));
        *least += bytes;
    }
    *least += input;
    return OC_OK;
}

static oc_status fill_sums(const oc_graph *graph, bool *is_seen, prefix_sums *sums)
{
    uint64_t largest = 0;
    for (size_t n = 0; n < graph->n_nodes; n++) {
        uint64_t least;
        sums->const_bytes[n + 1] = sums->const_bytes[n];
        OC_TRY(add_node(graph, &graph->nodes[n], is_seen, &sums->const_bytes[n + 1], &least));
        largest = OC_MAX(largest, least);
        sums->least_bytes[n + 1] = sums->const_bytes[n + 1] + largest;
    }
    return OC_OK;
}

static oc_status sums_make(const oc_graph *graph, const oc_allocator *alloc, prefix_sums *sums)
{
    bool *is_seen = NULL;
    oc_status status;
    *sums = (prefix_sums){.alloc = alloc};
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes + 1, sums->const_bytes));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes + 1, sums->least_bytes));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_values, is_seen));
    OC_TRY_OUT(fill_sums(graph, is_seen, sums));
out:
    oc_free(alloc, is_seen);
    if (status != OC_OK)
        sums_fini(sums);
    return status;
}

/* ---- the arena ------------------------------------------------------------------------------ */

/* The values of the cut, and outputs that are there and no later node needs. */
static size_t list_pinned(const oc_graph *graph, const oc_cut *cut, oc_id *pinned)
{
    size_t count = 0;
    for (; count < cut->n_values; count++)
        pinned[count] = cut->values[count];
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const oc_id producer = graph->values[graph->outputs[i]].producer;
        bool is_new = producer == OC_NONE || cut->is_head[producer];
        for (size_t j = 0; j < count && is_new; j++)
            is_new = pinned[j] != graph->outputs[i];
        if (is_new)
            pinned[count++] = graph->outputs[i];
    }
    return count;
}

static oc_status plan_arena(const oc_graph *graph, const oc_cut *cut, const oc_allocator *alloc,
                            uint64_t *bytes)
{
    oc_id *order = NULL, *pinned = NULL;
    oc_arena_plan plan;
    oc_status status;
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes, order));
    OC_TRY_OUT(OC_ALLOC(alloc, cut->n_values + graph->n_outputs, pinned));
    for (size_t n = 0; n < cut->n_head; n++)
        order[n] = (oc_id)n;
    const size_t n_pinned = list_pinned(graph, cut, pinned);
    OC_TRY_OUT(oc_arena_plan_make(graph, order, cut->n_head, pinned, n_pinned, OC_ARENA_ALIGN,
                                  alloc, &plan));
    *bytes = plan.bytes;
    oc_arena_plan_fini(&plan);
out:
    oc_free(alloc, pinned);
    oc_free(alloc, order);
    return status;
}

static oc_status prefix_bytes(const oc_graph *graph, const prefix_sums *sums, size_t count,
                              const oc_allocator *alloc, uint64_t *bytes)
{
    oc_cut cut;
    uint64_t arena = 0;
    OC_TRY(oc_cut_at(graph, count, alloc, &cut));
    const oc_status status = plan_arena(graph, &cut, alloc, &arena);
    oc_cut_fini(&cut);
    *bytes = sums->const_bytes[count] + arena;
    return status;
}

oc_status oc_exec_prefix_bytes(const oc_graph *graph, size_t count, const oc_allocator *alloc,
                               uint64_t *bytes)
{
    prefix_sums sums;
    uint64_t found = 0;
    if (count > graph->n_nodes)
        return oc_fail(OC_E_ARG, "graph %s: expected at most %zu nodes, found %zu", graph->name,
                       graph->n_nodes, count);
    OC_TRY(sums_make(graph, alloc, &sums));
    const oc_status status = prefix_bytes(graph, &sums, count, alloc, &found);
    sums_fini(&sums);
    if (status == OC_OK)
        *bytes = found;
    return status;
}

oc_status oc_exec_prefix_fit(const oc_graph *graph, uint64_t bytes, const oc_allocator *alloc,
                             size_t *count)
{
    prefix_sums sums;
    uint64_t needed = 0;
    oc_status status = OC_OK;
    OC_TRY(sums_make(graph, alloc, &sums));
    size_t n = graph->n_nodes;
    for (; n > 0; n--) {
        if (sums.least_bytes[n] > bytes)
            continue;
        OC_TRY_OUT(prefix_bytes(graph, &sums, n, alloc, &needed));
        if (needed <= bytes)
            break;
    }
    *count = n;
out:
    sums_fini(&sums);
    return status;
}
