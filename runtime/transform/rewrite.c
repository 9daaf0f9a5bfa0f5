/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"

#include "oc_ops.h"
#include "perm.h"

/* ---- who uses a value ---------------------------------------------------------------------- */

oc_status oc_consumers_list(const oc_graph *graph, oc_arena *arena, oc_consumers *consumers)
{
    oc_consumers c = {.n_values = graph->n_values};
    size_t total = 0;
    OC_TRY(OC_ARENA_ALLOC(arena, graph->n_values + 2, c.begin));
    OC_TRY(OC_ARENA_ALLOC(arena, graph->n_values + 1, c.is_output));
    for (size_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; graph->nodes[n].n_out > 0 && i < graph->nodes[n].n_in; i++)
            if (graph->nodes[n].in[i] != OC_NONE) {
                c.begin[graph->nodes[n].in[i] + 2]++;
                total++;
            }
    OC_TRY(OC_ARENA_ALLOC(arena, total + 1, c.nodes));
    /* begin[v+1] starts where value v starts and is moved to its end, where v+1 starts. */
    for (size_t v = 0; v < graph->n_values; v++)
        c.begin[v + 2] += c.begin[v + 1];
    for (size_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; graph->nodes[n].n_out > 0 && i < graph->nodes[n].n_in; i++)
            if (graph->nodes[n].in[i] != OC_NONE)
                c.nodes[c.begin[graph->nodes[n].in[i] + 1]++] = (oc_id)n;
    for (size_t i = 0; i < graph->n_outputs; i++)
        c.is_output[graph->outputs[i]] = true;
    *consumers = c;
    return OC_OK;
}

bool oc_consumers_is_single(const oc_consumers *consumers, oc_id value)
{
    return !consumers->is_output[value] &&
           consumers->begin[value + 1] - consumers->begin[value] == 1;
}

/* ---- questions ------------------------------------------------------------------------------ */

const oc_node *oc_rewrite_producer(const oc_graph *graph, oc_id value, const oc_op *op)
{
    if (value == OC_NONE || graph->values[value].producer == OC_NONE)
        return NULL;
    const oc_node *node = &graph->nodes[graph->values[value].producer];
    return node->op == op ? node : NULL;
}

bool oc_rewrite_is_plain(const oc_node *node)
{
    return !node->op->act_attr || strcmp(oc_node_enum(node, node->op->act_attr), "none") == 0;
}

bool oc_rewrite_takes_activation(const oc_node *node, const char *fn)
{
    const oc_attr *row = node->op->act_attr ? oc_attr_find(node->op, node->op->act_attr) : NULL;
    for (size_t i = 0; row && oc_rewrite_is_plain(node) && row->names[i]; i++)
        if (strcmp(row->names[i], fn) == 0)
            return true;
    return false;
}

bool oc_rewrite_can_replace(const oc_graph *graph, oc_id from, oc_id to)
{
    if (!oc_graph_is_output(graph, from))
        return true;
    return graph->values[to].producer != OC_NONE && !oc_graph_is_output(graph, to);
}

/* ---- changes -------------------------------------------------------------------------------- */

oc_status oc_rewrite_set_activation(oc_node *node, const char *fn, float a, float b)
{
    OC_TRY(oc_node_set_enum(node, node->op->act_attr, fn));
    OC_TRY(oc_node_set_float(node, "act_a", a));
    return oc_node_set_float(node, "act_b", b);
}

void oc_rewrite_swap_names(oc_graph *graph, oc_id a, oc_id b)
{
    const char *name = graph->values[a].name;
    graph->values[a].name = graph->values[b].name;
    graph->values[b].name = name;
}

oc_status oc_rewrite_supersede(oc_graph *graph, oc_id from, oc_id to)
{
    const char *name = graph->values[from].name;
    OC_TRY(oc_graph_replace_uses(graph, from, to));
    if (graph->values[to].name != name)
        oc_rewrite_swap_names(graph, from, to);
    return OC_OK;
}

bool oc_rewrite_is_inner(const oc_graph *graph, oc_id value)
{
    return graph->values[value].producer != OC_NONE && !oc_graph_is_output(graph, value);
}

oc_status oc_rewrite_pass_names(oc_graph *graph, oc_arena *scratch)
{
    oc_consumers uses;
    OC_TRY(oc_consumers_list(graph, scratch, &uses));
    for (size_t n = 0; n < graph->n_nodes; n++) {
        const oc_node *node = &graph->nodes[n];
        if (node->op != &oc_op_transpose || node->n_in == 0)
            continue;
        oc_id in = node->in[0], out = node->out[0];
        bool is_dead = !uses.is_output[out] && uses.begin[out] == uses.begin[out + 1];
        /* The dead transpose is itself one of the uses. */
        bool is_used = uses.begin[in + 1] - uses.begin[in] > 1;
        bool is_copy = oc_perm_is_identity(oc_node_ints(node, "perm"));
        if (is_dead && is_used && !is_copy && oc_rewrite_is_inner(graph, in))
            oc_rewrite_swap_names(graph, in, out);
    }
    return OC_OK;
}

static void claim_outputs(oc_graph *graph, oc_id node)
{
    for (uint32_t i = 0; i < graph->nodes[node].n_out; i++)
        graph->values[graph->nodes[node].out[i]].producer = node;
}

void oc_rewrite_take_slot(oc_graph *graph, oc_id node, oc_id heir)
{
    oc_node *a = &graph->nodes[node], *b = &graph->nodes[heir];
    const char *name = a->name;
    a->name = b->name;
    b->name = name;
    oc_node moved = *a;
    *a = *b;
    *b = moved;
    claim_outputs(graph, node);
    claim_outputs(graph, heir);
    b->n_in = 0; /* so that it is no consumer any more; the next compaction drops it */
}

/* ---- constants made of constants ------------------------------------------------------------ */

/* End the node and make its output a constant. */
static oc_status end_const(oc_graph *graph, oc_node *node, oc_id *result)
{
    oc_id id = (oc_id)(node - graph->nodes);
    OC_TRY(oc_graph_end_node(graph, node, NULL, result));
    return oc_graph_fold_node(graph, id);
}

oc_status oc_rewrite_const_reshape(oc_graph *graph, oc_id value, const oc_shape *shape,
                                   oc_id *result)
{
    oc_node *node;
    OC_TRY(oc_graph_begin_node(graph, &oc_op_reshape, graph->values[value].name, &value, 1, &node));
    OC_TRY(oc_node_set_ints(node, "shape", shape->dim, (size_t)shape->rank));
    return end_const(graph, node, result);
}

oc_status oc_rewrite_const_transpose(oc_graph *graph, oc_id value, const oc_ints *perm,
                                     oc_id *result)
{
    oc_node *node;
    OC_TRY(
        oc_graph_begin_node(graph, &oc_op_transpose, graph->values[value].name, &value, 1, &node));
    OC_TRY(oc_node_set_ints(node, "perm", perm->v, (size_t)perm->count));
    return end_const(graph, node, result);
}

oc_status oc_rewrite_const_multiply(oc_graph *graph, oc_id a, oc_id b, oc_id *result)
{
    oc_node *node;
    OC_TRY(oc_graph_begin_node(graph, &oc_op_binary, graph->values[a].name, (oc_id[]){a, b}, 2,
                               &node));
    OC_TRY(oc_node_set_enum(node, "fn", "mul"));
    return end_const(graph, node, result);
}
