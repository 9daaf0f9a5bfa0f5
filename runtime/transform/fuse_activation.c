/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_transform.h"

#include "rewrite.h"

#include "oc_tensor.h"

/*
 * The producer that can take the function over, or NULL. A producer takes one only, so that the list of
 * uses, which is not kept up to date, is asked for values that nothing has changed yet; that is why "none",
 * which would leave it as plain as before, is left to remove_noops.
 */
static oc_node *find_host(oc_graph *graph, const oc_consumers *uses, const oc_node *unary)
{
    const char *fn = oc_node_enum(unary, unary->op->unary_attr);
    oc_id in = unary->in[0];
    oc_id producer = in == OC_NONE ? OC_NONE : graph->values[in].producer;
    if (producer == OC_NONE || !oc_consumers_is_single(uses, in))
        return NULL;
    oc_node *host = &graph->nodes[producer];
    bool can = host->n_out == 1 && strcmp(fn, "none") != 0 &&
               oc_rewrite_takes_activation(host, fn) &&
               oc_desc_equal(&graph->values[in].desc, &graph->values[unary->out[0]].desc);
    return can ? host : NULL;
}

static oc_status fuse(oc_graph *graph, oc_node *host, const oc_node *unary)
{
    OC_TRY(oc_rewrite_set_activation(host, oc_node_enum(unary, unary->op->unary_attr),
                                     oc_node_float(unary, "a"), oc_node_float(unary, "b")));
    return oc_rewrite_supersede(graph, unary->out[0], host->out[0]);
}

static oc_status fuse_all(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    oc_consumers uses;
    OC_TRY(oc_consumers_list(graph, scratch, &uses));
    for (size_t n = 0; n < graph->n_nodes; n++) {
        const oc_node *unary = &graph->nodes[n];
        oc_node *host = unary->op->unary_attr ? find_host(graph, &uses, unary) : NULL;
        if (!host)
            continue;
        OC_TRY(fuse(graph, host, unary));
        ++*changes;
    }
    return OC_OK;
}

const oc_transform oc_transform_fuse_activation = {
    .name = "fuse_activation",
    .help = "an elementwise function becomes the activation of the only node that feeds it",
    .is_exact = true,
    .apply = fuse_all,
};
