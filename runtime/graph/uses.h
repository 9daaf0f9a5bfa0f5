/* SPDX-License-Identifier: Apache-2.0 */
/** Who consumes a value. Only the graph room uses it. */
#ifndef OC_USES_H
#define OC_USES_H

#include "oc_graph.h"

/** Input slots of all nodes: the length that `uses` needs. */
size_t oc_uses_count(const oc_graph *graph);

/**
 * List the consumers by value: those of v are uses[begin[v] .. begin[v+1]), ascending, one entry per
 * input slot. `begin` has n_values + 1 entries, all 0 before. `live`: nodes to look at; NULL: all.
 */
void oc_uses_list(const oc_graph *graph, const bool *live, uint32_t *begin, oc_id *uses);

#endif
