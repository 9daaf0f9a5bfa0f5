/* SPDX-License-Identifier: Apache-2.0 */
/** From a graph that may change to one that everybody may read: verify, list uses, digest. */
#include "oc_graph.h"

#include "names.h"
#include "uses.h"

/* ---- verification -------------------------------------------------------------------------- */

static oc_status verify_value(const oc_graph *g, oc_id id)
{
    const oc_value *value = &g->values[id];
    if (oc_names_find(&g->value_names, value->name) != id)
        return oc_fail(OC_E_INTERNAL, "graph %s: the value name \"%s\" stands twice", g->name,
                       value->name);
    if (value->producer != OC_NONE && (value->producer >= g->n_nodes || value->constant))
        return oc_fail(OC_E_INTERNAL, "value \"%s\": bad producer %u", value->name, value->producer);
    if (value->producer != OC_NONE || value->constant)
        return OC_OK;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == id)
            return OC_OK;
    return oc_fail(OC_E_FORMAT, "value \"%s\": nothing makes it and it is no input", value->name);
}

static bool same_desc(const oc_desc *a, const oc_desc *b)
{
    return a->dtype == b->dtype && a->shape.rank == b->shape.rank &&
           memcmp(a->shape.dim, b->shape.dim, sizeof(int32_t) * (size_t)a->shape.rank) == 0;
}

static oc_status verify_node(const oc_graph *g, oc_id id)
{
    const oc_node *node = &g->nodes[id];
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_desc shapes[OC_NODE_IO_MAX];
    if (oc_names_find(&g->node_names, node->name) != id)
        return oc_fail(OC_E_INTERNAL, "graph %s: the node name \"%s\" stands twice", g->name,
                       node->name);
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == OC_NONE)
            continue;
        oc_id producer = node->in[i] < g->n_values ? g->values[node->in[i]].producer : id;
        if (producer != OC_NONE && producer >= id)
            return oc_fail(OC_E_INTERNAL, "node \"%s\": input %u comes after it", node->name, i);
    }
    oc_op_call call = oc_node_call(g, node, in, out, is_const);
    OC_TRY(node->op->shape(&call, shapes));
    for (uint32_t i = 0; i < node->n_out; i++)
        if (!same_desc(&shapes[i], out[i]) || g->values[node->out[i]].producer != id)
            return oc_fail(OC_E_INTERNAL, "node \"%s\": output %u is not what %s makes", node->name,
                           i, node->op->name);
    return OC_OK;
}

oc_status oc_graph_verify(const oc_graph *graph)
{
    for (size_t v = 0; v < graph->n_values; v++)
        OC_TRY(verify_value(graph, (oc_id)v));
    for (size_t n = 0; n < graph->n_nodes; n++)
        OC_TRY(verify_node(graph, (oc_id)n));
    if (graph->n_outputs == 0)
        return oc_fail(OC_E_FORMAT, "graph %s: it gives nothing, expected an output", graph->name);
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] >= graph->n_values)
            return oc_fail(OC_E_INTERNAL, "graph %s: output %zu is no value", graph->name, i);
    return OC_OK;
}

/* ---- digest -------------------------------------------------------------------------------- */

static oc_status print_value(const oc_graph *g, oc_id id, oc_buf *text)
{
    char shape[OC_SHAPE_TEXT];
    if (id == OC_NONE)
        return oc_buf_printf(text, " -");
    const oc_value *value = &g->values[id];
    return oc_buf_printf(text, " %s:%s:%s", value->name, oc_dtype_name(value->desc.dtype),
                         oc_shape_print(&value->desc.shape, shape, sizeof(shape)));
}

static oc_status print_node(const oc_graph *g, const oc_node *node, const char *kind, oc_buf *text)
{
    OC_TRY(oc_buf_printf(text, "%s %s %s %s (", kind, node->name, node->op->name, node->numerics));
    OC_TRY(oc_attrs_print(node->op, node->attrs, text));
    OC_TRY(oc_buf_printf(text, ")"));
    for (uint32_t i = 0; i < node->n_in; i++)
        OC_TRY(print_value(g, node->in[i], text));
    OC_TRY(oc_buf_printf(text, " ->"));
    for (uint32_t i = 0; i < node->n_out; i++)
        OC_TRY(print_value(g, node->out[i], text));
    return oc_buf_printf(text, "\n");
}

static oc_status print_graph(const oc_graph *g, uint32_t transform_version, oc_buf *text)
{
    char source[OC_DIGEST_TEXT];
    OC_TRY(oc_buf_printf(text, "offcut graph 1\nsource %s\ntransforms %u\ninputs",
                         oc_digest_print(&g->source, source), transform_version));
    for (size_t i = 0; i < g->n_inputs; i++)
        OC_TRY(print_value(g, g->inputs[i], text));
    OC_TRY(oc_buf_printf(text, "\n"));
    for (size_t n = 0; n < g->n_const_nodes; n++)
        OC_TRY(print_node(g, &g->const_nodes[n], "const", text));
    for (size_t n = 0; n < g->n_nodes; n++)
        OC_TRY(print_node(g, &g->nodes[n], "node", text));
    OC_TRY(oc_buf_printf(text, "outputs"));
    for (size_t i = 0; i < g->n_outputs; i++)
        OC_TRY(print_value(g, g->outputs[i], text));
    return oc_buf_printf(text, "\n");
}

static oc_status hash_graph(oc_graph *g, uint32_t transform_version)
{
    oc_buf text;
    oc_hash *hash = NULL;
    oc_status status;
    oc_buf_init(&text, g->alloc);
    OC_TRY_OUT(print_graph(g, transform_version, &text));
    OC_TRY_OUT(oc_hash_create(g->alloc, &hash));
    OC_TRY_OUT(oc_hash_put(hash, text.data, text.size));
    OC_TRY_OUT(oc_hash_end(hash, &g->digest));
out:
    oc_hash_destroy(hash);
    oc_buf_fini(&text);
    return status;
}

oc_status oc_graph_freeze(oc_graph *graph, uint32_t transform_version)
{
    OC_TRY(oc_graph_compact(graph));
    OC_TRY(oc_graph_verify(graph));
    OC_TRY(OC_ALLOC(graph->alloc, oc_uses_count(graph) + 1, graph->uses));
    OC_TRY(OC_ALLOC(graph->alloc, graph->n_values + 1, graph->use_begin));
    oc_uses_list(graph, NULL, graph->use_begin, graph->uses);
    OC_TRY(hash_graph(graph, transform_version));
    graph->is_frozen = true;
    return OC_OK;
}
