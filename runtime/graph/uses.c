/* SPDX-License-Identifier: Apache-2.0 */
#include "uses.h"

size_t oc_uses_count(const oc_graph *graph)
{
    size_t count = 0;
    for (size_t n = 0; n < graph->n_nodes; n++)
        count += graph->nodes[n].n_in;
    return count;
}

void oc_uses_list(const oc_graph *graph, const bool *live, uint32_t *begin, oc_id *uses)
{
    uint32_t total = 0;
    for (size_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; (!live || live[n]) && i < graph->nodes[n].n_in; i++)
            if (graph->nodes[n].in[i] != OC_NONE)
                begin[graph->nodes[n].in[i]]++;
    /* From counts to ends; the backward fill below then turns ends into starts. */
    for (size_t v = 0; v < graph->n_values; v++) {
        total += begin[v];
        begin[v] = total;
    }
    begin[graph->n_values] = total;
    for (size_t n = graph->n_nodes; n-- > 0;)
        for (uint32_t i = 0; (!live || live[n]) && i < graph->nodes[n].n_in; i++)
            if (graph->nodes[n].in[i] != OC_NONE)
                uses[--begin[graph->nodes[n].in[i]]] = (oc_id)n;
}
