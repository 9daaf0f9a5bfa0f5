/* SPDX-License-Identifier: Apache-2.0 */
#include "case_graph.h"

#include <stdio.h>

/* A graph needs an input: where a case has constants only, they are inputs. */
static bool has_input(const op_run *run)
{
    for (uint32_t i = 0; i < run->call.n_in; i++)
        if (run->in[i] && !run->is_const[i])
            return true;
    return false;
}

static oc_status build(const op_run *run, oc_graph *g)
{
    const oc_op *op = run->call.op;
    oc_id in[OC_CASE_IN], out[OC_CASE_IN];
    oc_node *node = NULL;
    bool are_consts = has_input(run);
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        char name[16];
        snprintf(name, sizeof(name), "in%u", i);
        in[i] = OC_NONE;
        if (!run->in[i])
            continue;
        if (are_consts && run->is_const[i])
            OC_TRY(oc_graph_add_bytes(g, name, run->in[i], run->data[i], &in[i]));
        else
            OC_TRY(oc_graph_add_input(g, name, run->in[i], &in[i]));
    }
    OC_TRY(oc_graph_begin_node(g, op, run->name, in, run->call.n_in, &node));
    memcpy(node->attrs, run->attrs, op->attrs_size);
    OC_TRY(oc_graph_end_node(g, node, NULL, out));
    for (uint32_t i = 0; i < op->n_out; i++)
        OC_TRY(oc_graph_add_output(g, out[i]));
    return oc_graph_freeze(g, 1);
}

oc_status case_graph(const oc_op *op, const oc_op_case *c, op_run *run, oc_graph **graph)
{
    oc_graph *g = NULL;
    op_run_init(run, op, c);
    oc_assert_ok(op_run_shape(run));
    op_run_fill(run, c, OP_FILL_RANGE);
    oc_assert_ok(op_run_reference(run));
    OC_TRY(oc_graph_create(run->name, NULL, NULL, &g));
    oc_status status = build(run, g);
    if (status != OC_OK)
        oc_graph_destroy(g);
    else
        *graph = g;
    return status;
}

void case_graph_inputs(const op_run *run, const oc_graph *graph, oc_tensor *inputs)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const oc_value *v = &graph->values[graph->inputs[i]];
        size_t index = (size_t)(v->name[2] - '0');
        inputs[i] = (oc_tensor){v->desc, run->data[index]};
    }
}
