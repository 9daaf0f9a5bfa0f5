/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_transform.h"

static oc_status apply(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    (void)scratch;
    for (size_t n = 0; n < graph->n_nodes; n++) {
        oc_node *node = &graph->nodes[n];
        const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
        bool is_const[OC_NODE_IO_MAX];
        if (!node->op->choose_numerics)
            continue;
        const oc_op_call call = oc_node_call(graph, node, in, out, is_const);
        const char *numerics = node->op->choose_numerics(&call, graph->numerics);
        *changes += strcmp(numerics, node->numerics) != 0;
        node->numerics = numerics;
    }
    return OC_OK;
}

const oc_transform oc_transform_choose_numerics = {
    .name = "choose_numerics",
    .help = "a node of an operator with several numerics classes gets the one that suits its shapes",
    .apply = apply,
};
