/* SPDX-License-Identifier: Apache-2.0 */
/** How a net gets its cuts. Only the plan room uses it. */
#ifndef OC_NET_BUILD_H
#define OC_NET_BUILD_H

#include "oc_net.h"

/** Heads that become cuts: closed sets of nodes, each once. */
typedef struct oc_heads {
    oc_arena *arena;
    size_t n_nodes;
    const bool **is_head; /* [count] of n_nodes flags */
    uint32_t *n_head;
    size_t count, capacity;
} oc_heads;

/** Add a copy of the head unless it is there. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_heads_add(oc_heads *heads, const bool *is_head);
/** The worthwhile heads of a net, those of the edge's nodes `can_run` (closed: with all that they need) among them. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_net_find_heads(const oc_net *net, const bool *can_run, oc_heads *heads);
/** Make net->cuts of the heads, sorted. Cuts that `old` (NULL) has too take its memory. Errors: OC_E_NOMEM, OC_E_LIMIT. */
OC_MUST_USE oc_status oc_net_set_cuts(oc_net *net, const oc_graph *graph, const oc_heads *heads, const oc_net *old);
/** Leave out cuts until what the edge holds fits, as oc_net_make says. Errors: OC_E_NOMEM, OC_E_LIMIT. */
OC_MUST_USE oc_status oc_net_fit_cuts(oc_net *net, const oc_graph *graph, const oc_cut *const *extra, size_t n_extra, uint64_t memory_bytes);
/** Find each cut's base. */
void oc_net_set_bases(oc_net *net);

#endif
