/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a network fits into memory. The need of a prefix does not rise with its length alone
 * (a later cut may have fewer values to keep), so the longest that fits is searched from above.
 * What is alive in a step is so in every prefix that has the step: who needs it later is the next
 * node here, and the cut behind the prefix there. So one pass over the whole network says of each
 * prefix what no arena for it can be smaller than, and few have to be planned.
 */
#include "oc_exec.h"

/* ---- what each prefix needs at least -------------------------------------------------------- */

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

/* What the node's constants add. */
static oc_status add_constants(const oc_graph *graph, const oc_node *node, bool *is_seen,
                               uint64_t *const_bytes)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const oc_id value = node->in[i];
        size_t bytes;
        if (value == OC_NONE || graph->values[value].constant == NULL || is_seen[value])
            continue;
        OC_TRY(oc_desc_bytes(&graph->values[value].desc, &bytes));
        *const_bytes += bytes;
        is_seen[value] = true;
    }
    return OC_OK;
}

/*
 * A constant of which there is a view is in the arena all the time, but not of prefixes without the
 * view: at least so much of what is alive counts only sometimes.
 */
static oc_status count_viewed(const oc_graph *graph, uint64_t *total)
{
    *total = 0;
    for (size_t n = 0; n < graph->n_nodes; n++) {
        const oc_node *node = &graph->nodes[n];
        size_t bytes;
        if (!node->op->is_view || graph->values[node->in[0]].constant == NULL)
            continue;
        OC_TRY(oc_desc_bytes(&graph->values[node->in[0]].desc, &bytes));
        *total += oc_align_up(bytes, OC_ARENA_ALIGN);
    }
    return OC_OK;
}

static oc_status fill_sums(const oc_graph *graph, const size_t *alive, bool *is_seen,
                           prefix_sums *sums)
{
    uint64_t largest = 0, viewed;
    OC_TRY(count_viewed(graph, &viewed));
    for (size_t n = 0; n < graph->n_nodes; n++) {
        sums->const_bytes[n + 1] = sums->const_bytes[n];
        OC_TRY(add_constants(graph, &graph->nodes[n], is_seen, &sums->const_bytes[n + 1]));
        largest = OC_MAX(largest, alive[n]);
        sums->least_bytes[n + 1] =
            sums->const_bytes[n + 1] + (largest > viewed ? largest - viewed : 0);
    }
    return OC_OK;
}

/* ---- the arena ------------------------------------------------------------------------------ */

/* The first nodes of the fixed order, and what is kept of them. */
typedef struct kept {
    const oc_allocator *alloc;
    oc_id *order, *pinned;
    size_t n_order, n_pinned;
} kept;

static void kept_fini(kept *k)
{
    oc_free(k->alloc, k->pinned);
    oc_free(k->alloc, k->order);
}

static void pin(kept *k, oc_id value)
{
    for (size_t i = 0; i < k->n_pinned; i++)
        if (k->pinned[i] == value)
            return;
    k->pinned[k->n_pinned++] = value;
}

/* What a session keeps that may forward before the first node or behind the last one: oc_net_make. */
static oc_status list_kept(const oc_graph *graph, const oc_cut *first, const oc_cut *last, kept *k)
{
    OC_TRY(OC_ALLOC(k->alloc, graph->n_nodes, k->order));
    OC_TRY(OC_ALLOC(k->alloc, first->n_values + last->n_values + graph->n_outputs, k->pinned));
    for (; k->n_order < last->n_head; k->n_order++)
        k->order[k->n_order] = (oc_id)k->n_order;
    for (size_t i = 0; i < first->n_values; i++)
        pin(k, first->values[i]);
    for (size_t i = 0; i < last->n_values; i++)
        pin(k, last->values[i]);
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const oc_id producer = graph->values[graph->outputs[i]].producer;
        if (producer != OC_NONE && last->is_head[producer])
            pin(k, graph->outputs[i]);
    }
    return OC_OK;
}

static oc_status kept_make(const oc_graph *graph, size_t count, const oc_allocator *alloc, kept *k)
{
    oc_cut first = {.alloc = NULL}, last = {.alloc = NULL};
    oc_status status;
    *k = (kept){.alloc = alloc};
    OC_TRY_OUT(oc_cut_at(graph, 0, alloc, &first));
    OC_TRY_OUT(oc_cut_at(graph, count, alloc, &last));
    OC_TRY_OUT(list_kept(graph, &first, &last, k));
out:
    oc_cut_fini(&first);
    oc_cut_fini(&last);
    if (status != OC_OK)
        kept_fini(k);
    return status;
}

/* What is alive in each step of the whole network. */
static oc_status fill_alive(const oc_graph *graph, const oc_allocator *alloc, size_t *alive)
{
    kept k;
    size_t least;
    OC_TRY(kept_make(graph, graph->n_nodes, alloc, &k));
    const oc_status status = oc_arena_plan_bound(graph, k.order, k.n_order, k.pinned, k.n_pinned,
                                                 OC_ARENA_ALIGN, alloc, alive, &least);
    kept_fini(&k);
    return status;
}

static oc_status sums_make(const oc_graph *graph, const oc_allocator *alloc, prefix_sums *sums)
{
    bool *is_seen = NULL;
    size_t *alive = NULL;
    oc_status status;
    *sums = (prefix_sums){.alloc = alloc};
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes + 1, sums->const_bytes));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes + 1, sums->least_bytes));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_values, is_seen));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes + 1, alive));
    OC_TRY_OUT(fill_alive(graph, alloc, alive));
    OC_TRY_OUT(fill_sums(graph, alive, is_seen, sums));
out:
    oc_free(alloc, alive);
    oc_free(alloc, is_seen);
    if (status != OC_OK)
        sums_fini(sums);
    return status;
}

static oc_status prefix_bytes(const oc_graph *graph, const prefix_sums *sums, size_t count,
                              const oc_allocator *alloc, uint64_t *bytes)
{
    kept k;
    oc_arena_plan plan;
    OC_TRY(kept_make(graph, count, alloc, &k));
    const oc_status status = oc_arena_plan_make(graph, k.order, k.n_order, k.pinned, k.n_pinned,
                                                OC_ARENA_ALIGN, alloc, &plan);
    kept_fini(&k);
    if (status != OC_OK)
        return status;
    *bytes = sums->const_bytes[count] + plan.bytes;
    oc_arena_plan_fini(&plan);
    return OC_OK;
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
