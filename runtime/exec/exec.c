/* SPDX-License-Identifier: Apache-2.0 */
/* A graph prepared on a device: one prepared node per node, made once, then only read. */
#include "exec.h"

static oc_status prepare_error(oc_status status, const oc_node *node)
{
    return oc_fail_in(status, "node %s (%s)", node->name, node->op->name);
}

/* What a constant of a node is read through. */
typedef struct const_source {
    const oc_graph *graph;
    const oc_node *node;
} const_source;

static oc_status const_read(void *ctx, uint32_t in, void *dst, size_t bytes)
{
    const const_source *source = ctx;
    return oc_graph_const_read(source->graph, source->node->in[in], dst, bytes);
}

/* The node as its operator sees it, in memory that lives as long as the exec. */
static oc_status make_call(oc_exec *exec, const oc_node *node, oc_op_call **call)
{
    const oc_desc **in, **out;
    bool *is_const;
    oc_op_call *made;
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, 1, made));
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, OC_MAX(node->n_in, 1u), in));
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, OC_MAX(node->n_out, 1u), out));
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, OC_MAX(node->n_in, 1u), is_const));
    *made = oc_node_call(exec->graph, node, in, out, is_const);
    *call = made;
    return OC_OK;
}

/* What the list's nodes are prepared with, in order; a view's output is its input's bytes: no call. */
static oc_status make_tasks(oc_exec *exec, const exec_setup *setup, const oc_id *order,
                            size_t n_order, oc_dev_task **tasks, size_t *n_tasks)
{
    const_source *sources;
    oc_dev_task *made;
    size_t count = 0;
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, n_order + 1, sources));
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, n_order + 1, made));
    for (size_t i = 0; i < n_order; i++) {
        const oc_id id = order[i];
        const oc_node *node = &exec->graph->nodes[id];
        oc_op_call *call;
        if (node->op->is_view)
            continue;
        OC_TRY(make_call(exec, node, &call));
        sources[count] = (const_source){.graph = exec->graph, .node = node};
        made[count] = (oc_dev_task){.call = call,
                                    .ctx = &sources[count],
                                    .const_read = const_read,
                                    .choices = setup->choices != NULL ? setup->choices[id] : NULL,
                                    .is_trial = setup->is_trial};
        count++;
    }
    *tasks = made;
    *n_tasks = count;
    return OC_OK;
}

static oc_status prepare_node(oc_exec *exec, oc_id id, const oc_dev_task *task)
{
    size_t bytes = 0;
    OC_TRY(exec->dev->type->prepare(exec->dev, task, &exec->nodes[id], &bytes));
    return oc_add_size(exec->weight_bytes, bytes, &exec->weight_bytes);
}

/* Long work in steps: two for each node where the device finishes kernels on their first run. */
typedef struct steps {
    oc_exec_progress progress;
    void *ctx;
    size_t done, total;
} steps;

static void step_done(steps *s, const oc_node *node)
{
    s->done++;
    if (s->progress != NULL)
        s->progress(s->ctx, s->done, s->total, node->name);
}

static oc_status prepare_list(oc_exec *exec, const exec_setup *setup, const oc_id *order,
                              size_t n_order, steps *s)
{
    const oc_dev_type *type = exec->dev->type;
    oc_dev_task *tasks;
    size_t n_tasks;
    OC_TRY(make_tasks(exec, setup, order, n_order, &tasks, &n_tasks));
    if (type->expect != NULL)
        OC_TRY(type->expect(exec->dev, tasks, n_tasks));
    for (size_t i = 0; i < n_order; i++) {
        const oc_node *node = &exec->graph->nodes[order[i]];
        oc_status status = OC_OK;
        exec->is_ready[order[i]] = true;
        if (!node->op->is_view)
            status = prepare_node(exec, order[i], tasks++);
        if (status != OC_OK)
            return prepare_error(status, node);
        step_done(s, node);
    }
    return OC_OK;
}

/* Run every node once, on zeros, so that the first inference does not wait for a compiler. */
static oc_status first_run(oc_exec *exec, const oc_id *order, size_t n_order, steps *s)
{
    oc_lane *lane = NULL;
    oc_status status;
    OC_TRY(oc_lane_create(exec, order, n_order, NULL, 0, exec->alloc, &lane));
    OC_TRY_OUT(oc_lane_clear(lane));
    for (size_t i = 0; i < n_order; i++) {
        OC_TRY_OUT(oc_lane_submit(lane, i, 1));
        OC_TRY_OUT(oc_lane_wait(lane, OC_NEVER_NS));
        step_done(s, &exec->graph->nodes[order[i]]);
    }
out:
    oc_lane_destroy(lane);
    return status;
}

static oc_status prepare_all(oc_exec *exec, const exec_setup *setup)
{
    const oc_graph *graph = exec->graph;
    const bool is_twice = exec->dev->type->finishes_on_first_run;
    oc_id *order;
    size_t n_order = 0;
    OC_TRY(OC_ARENA_ALLOC(&exec->arena, graph->n_nodes + 1, order));
    for (size_t n = 0; n < graph->n_nodes; n++)
        if (setup->only == NULL || setup->only[n])
            order[n_order++] = (oc_id)n;
    steps s = {
        .progress = setup->progress, .ctx = setup->ctx, .total = is_twice ? 2 * n_order : n_order};
    OC_TRY(prepare_list(exec, setup, order, n_order, &s));
    return is_twice ? first_run(exec, order, n_order, &s) : OC_OK;
}

oc_status oc_exec_create(const oc_graph *graph, oc_dev *dev, const bool *only,
                         oc_exec_progress progress, void *ctx, const oc_allocator *alloc,
                         oc_exec **exec)
{
    const exec_setup setup = {.only = only, .progress = progress, .ctx = ctx};
    return oc_exec_create_as(graph, dev, &setup, alloc, exec);
}

oc_status oc_exec_create_as(const oc_graph *graph, oc_dev *dev, const exec_setup *setup,
                            const oc_allocator *alloc, oc_exec **exec)
{
    oc_exec *made = NULL;
    oc_status status;
    if (!graph->is_frozen)
        return oc_fail(OC_E_ARG, "graph %s: it has to be frozen before it is prepared",
                       graph->name);
    OC_TRY(OC_ALLOC(alloc, 1, made));
    made->graph = graph;
    made->dev = dev;
    made->alloc = alloc;
    oc_arena_init(&made->arena, alloc);
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes, made->nodes));
    OC_TRY_OUT(OC_ALLOC(alloc, graph->n_nodes, made->is_ready));
    OC_TRY_OUT(prepare_all(made, setup));
    *exec = made;
    return OC_OK;
out:
    oc_exec_destroy(made);
    return status;
}

void oc_exec_destroy(oc_exec *exec)
{
    if (exec == NULL)
        return;
    for (size_t n = 0; exec->nodes != NULL && n < exec->graph->n_nodes; n++)
        exec->dev->type->unprepare(exec->dev, exec->nodes[n]);
    oc_free(exec->alloc, exec->nodes);
    oc_free(exec->alloc, exec->is_ready);
    oc_arena_fini(&exec->arena);
    oc_free(exec->alloc, exec);
}

bool oc_exec_is_ready(const oc_exec *exec, oc_id node)
{
    return exec->is_ready[node];
}

const oc_graph *oc_exec_graph(const oc_exec *exec)
{
    return exec->graph;
}

oc_dev *oc_exec_dev(const oc_exec *exec)
{
    return exec->dev;
}

size_t oc_exec_weight_bytes(const oc_exec *exec)
{
    return exec->weight_bytes;
}
