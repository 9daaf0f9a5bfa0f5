/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_eval.h"

/* The bytes of `value`, evaluated if it is a constant that was not needed before. */
static oc_status get_value(const oc_graph *g, oc_tensor *values, oc_id value, const void **data)
{
    *data = NULL;
    if (value == OC_NONE)
        return OC_OK;
    oc_tensor *tensor = &values[value];
    if (!tensor->data) {
        size_t size;
        OC_TRY(oc_tensor_alloc(&g->values[value].desc, NULL, tensor));
        OC_TRY(oc_desc_bytes(&tensor->desc, &size));
        if (!g->values[value].constant)
            return oc_fail(OC_E_INTERNAL, "value \"%s\" is used before it is made",
                           g->values[value].name);
        OC_TRY(oc_graph_const_read(g, value, tensor->data, size));
    }
    *data = tensor->data;
    return OC_OK;
}

static oc_status run_node(const oc_graph *g, oc_tensor *values, const oc_node *node)
{
    const oc_desc *in_desc[OC_NODE_IO_MAX], *out_desc[OC_NODE_IO_MAX];
    const void *in[OC_NODE_IO_MAX];
    void *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_op_call call = oc_node_call(g, node, in_desc, out_desc, is_const);
    for (uint32_t i = 0; i < node->n_in; i++)
        OC_TRY(get_value(g, values, node->in[i], &in[i]));
    for (uint32_t i = 0; i < node->n_out; i++) {
        OC_TRY(oc_tensor_alloc(out_desc[i], NULL, &values[node->out[i]]));
        out[i] = values[node->out[i]].data;
    }
    return oc_op_is_empty(&call) ? OC_OK : node->op->reference(&call, in, out);
}

static oc_status copy_tensor(const oc_desc *desc, const void *data, oc_tensor *copy)
{
    size_t size;
    OC_TRY(oc_desc_bytes(desc, &size));
    OC_TRY(oc_tensor_alloc(desc, NULL, copy));
    memcpy(copy->data, data, size);
    return OC_OK;
}

static oc_status give_outputs(const oc_graph *g, oc_tensor *values, oc_tensor *outputs)
{
    for (size_t i = 0; i < g->n_outputs; i++) {
        const void *data;
        OC_TRY(get_value(g, values, g->outputs[i], &data));
        OC_TRY(copy_tensor(&g->values[g->outputs[i]].desc, data, &outputs[i]));
    }
    return OC_OK;
}

oc_status graph_eval(const oc_graph *graph, const oc_tensor *inputs, oc_tensor *outputs)
{
    oc_tensor *values = NULL;
    oc_status status;
    memset(outputs, 0, graph->n_outputs * sizeof(*outputs));
    OC_TRY(OC_ALLOC(NULL, graph->n_values + 1, values));
    for (size_t i = 0; i < graph->n_inputs; i++)
        OC_TRY_OUT(copy_tensor(&graph->values[graph->inputs[i]].desc, inputs[i].data,
                               &values[graph->inputs[i]]));
    for (size_t n = 0; n < graph->n_nodes; n++)
        OC_TRY_OUT(run_node(graph, values, &graph->nodes[n]));
    status = give_outputs(graph, values, outputs);
out:
    for (size_t v = 0; v < graph->n_values; v++)
        oc_tensor_free(&values[v], NULL);
    oc_free(NULL, values);
    for (size_t i = 0; status != OC_OK && i < graph->n_outputs; i++)
        oc_tensor_free(&outputs[i], NULL);
    return status;
}
