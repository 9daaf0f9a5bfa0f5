/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_transform.h"

static bool is_foldable(const oc_graph *graph, const oc_node *node)
{
    /* An output of the graph stays something that is computed: no device has a place for a constant one. */
    if (node->n_out != 1 || node->n_in == 0 || oc_graph_is_output(graph, node->out[0]))
        return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != OC_NONE && !graph->values[node->in[i]].constant)
            return false;
    return true;
}

/* One pass in topological order folds whole chains: a folded node's output is constant for the next. */
static oc_status apply(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    (void)scratch;
    for (size_t n = 0; n < graph->n_nodes; n++) {
        if (!is_foldable(graph, &graph->nodes[n]))
            continue;
        OC_TRY(oc_graph_fold_node(graph, (oc_id)n));
        ++*changes;
    }
    return OC_OK;
}

const oc_transform oc_transform_fold_constants = {
    .name = "fold_constants",
    .help = "a node whose inputs are all constant becomes a constant, evaluated when a device is "
            "prepared",
    .is_exact = true,
    .apply = apply,
};
