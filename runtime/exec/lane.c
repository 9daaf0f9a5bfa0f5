/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: one arena, one window into it per value, the nodes bound to the windows, two queues.
 *
 * Views are not bound: their output has the window of their input. Constants that somebody wants to
 * read (a graph output that is constant, a view of a constant) are evaluated into the arena once.
 */
#include "exec.h"

/* ---- making -------------------------------------------------------------------------------- */

static oc_status check_ready(const oc_exec *exec, const oc_id *order, size_t n_order)
{
    for (size_t s = 0; s < n_order; s++) {
        const oc_node *node = &exec->graph->nodes[order[s]];
        if (!exec->is_ready[order[s]])
            return oc_fail(OC_E_ARG, "node %s: not among those that were prepared", node->name);
    }
    return OC_OK;
}

static oc_status make_windows(oc_lane *lane)
{
    oc_dev *dev = lane->exec->dev;
    const oc_graph *graph = lane->exec->graph;
    OC_TRY(dev->type->mem_create(dev, lane->plan.bytes, &lane->arena));
    for (size_t v = 0; v < graph->n_values; v++) {
        if (lane->plan.root[v] != v || lane->plan.offset[v] == SIZE_MAX)
            continue;
        size_t bytes;
        OC_TRY(oc_desc_bytes(&graph->values[v].desc, &bytes));
        OC_TRY(
            dev->type->mem_view(dev, lane->arena, lane->plan.offset[v], bytes, &lane->window[v]));
    }
    return OC_OK;
}

/* Nodes run one after the other, so one scratch buffer of the largest size serves all. */
static oc_status make_scratch(oc_lane *lane, const oc_id *order)
{
    oc_dev *dev = lane->exec->dev;
    for (size_t s = 0; s < lane->n_order; s++) {
        const oc_dev_node *node = lane->exec->nodes[order[s]];
        if (node != NULL)
            lane->scratch_bytes = OC_MAX(lane->scratch_bytes, dev->type->scratch_bytes(dev, node));
    }
    if (lane->scratch_bytes == 0)
        return OC_OK;
    return dev->type->mem_create(dev, lane->scratch_bytes, &lane->scratch);
}

static oc_dev_mem *window_of(const oc_lane *lane, oc_id value)
{
    return lane->window[lane->plan.root[value]];
}

static oc_status bind_node(oc_lane *lane, oc_id id)
{
    oc_dev *dev = lane->exec->dev;
    const oc_graph *graph = lane->exec->graph;
    const oc_node *node = &graph->nodes[id];
    const oc_dev_node *prepared = lane->exec->nodes[id];
    oc_dev_mem *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    for (uint32_t i = 0; i < node->n_in; i++) {
        const bool is_elsewhere =
            node->in[i] == OC_NONE || graph->values[node->in[i]].constant != NULL;
        in[i] = is_elsewhere ? NULL : window_of(lane, node->in[i]);
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = window_of(lane, node->out[i]);
    const bool has_scratch = dev->type->scratch_bytes(dev, prepared) > 0;
    const oc_status status = dev->type->bind(
        dev, prepared, in, out, has_scratch ? lane->scratch : NULL, &lane->bound[lane->n_bound]);
    if (status != OC_OK)
        return oc_fail_in(status, "node %s (%s)", node->name, node->op->name);
    lane->n_bound++;
    return OC_OK;
}

static oc_status bind_nodes(oc_lane *lane, const oc_id *order)
{
    for (size_t s = 0; s < lane->n_order; s++) {
        lane->first_bound[s] = lane->n_bound;
        if (lane->exec->nodes[order[s]] != NULL)
            OC_TRY(bind_node(lane, order[s]));
    }
    lane->first_bound[lane->n_order] = lane->n_bound;
    return OC_OK;
}

static oc_status fill_constant(oc_lane *lane, oc_id value)
{
    const oc_exec *exec = lane->exec;
    size_t bytes;
    void *host;
    OC_TRY(oc_desc_bytes(&exec->graph->values[value].desc, &bytes));
    OC_TRY(oc_alloc(lane->alloc, bytes, 1, &host));
    oc_status status = oc_graph_const_read(exec->graph, value, host, bytes);
    if (status == OC_OK)
        status = exec->dev->type->write(lane->compute, lane->window[value], host, bytes);
    if (status == OC_OK)
        status = oc_dev_queue_wait(exec->dev, lane->compute, OC_NEVER_NS);
    oc_free(lane->alloc, host);
    return status;
}

static oc_status fill_constants(oc_lane *lane)
{
    const oc_graph *graph = lane->exec->graph;
    for (size_t v = 0; v < graph->n_values; v++)
        if (lane->window[v] != NULL && graph->values[v].constant != NULL)
            OC_TRY(fill_constant(lane, (oc_id)v));
    return OC_OK;
}

static oc_status fill_lane(oc_lane *lane, const oc_id *order, const oc_id *pinned, size_t n_pinned)
{
    oc_dev *dev = lane->exec->dev;
    const oc_graph *graph = lane->exec->graph;
    const oc_allocator *alloc = lane->alloc;
    OC_TRY(oc_arena_plan_make(graph, order, lane->n_order, pinned, n_pinned,
                              OC_MAX(dev->mem_align, (size_t)OC_ARENA_ALIGN), alloc, &lane->plan));
    OC_TRY(check_ready(lane->exec, order, lane->n_order));
    OC_TRY(OC_ALLOC(alloc, lane->n_order + 1, lane->order));
    if (lane->n_order > 0)
        memcpy(lane->order, order, lane->n_order * sizeof(*order));
    OC_TRY(OC_ALLOC(alloc, graph->n_values, lane->is_pinned));
    OC_TRY(OC_ALLOC(alloc, graph->n_values, lane->window));
    OC_TRY(OC_ALLOC(alloc, lane->n_order, lane->bound));
    OC_TRY(OC_ALLOC(alloc, lane->n_order + 1, lane->first_bound));
    for (size_t i = 0; i < n_pinned; i++)
        lane->is_pinned[lane->plan.root[pinned[i]]] = true;
    OC_TRY(make_windows(lane));
    OC_TRY(make_scratch(lane, order));
    OC_TRY(bind_nodes(lane, order));
    OC_TRY(dev->type->queue_create(dev, &lane->compute));
    OC_TRY(dev->type->queue_create(dev, &lane->transfer));
    return fill_constants(lane);
}

oc_status oc_lane_create(oc_exec *exec, const oc_id *order, size_t n_order, const oc_id *pinned,
                         size_t n_pinned, const oc_allocator *alloc, oc_lane **lane)
{
    oc_lane *made;
    OC_TRY(OC_ALLOC(alloc, 1, made));
    made->exec = exec;
    made->alloc = alloc;
    made->n_order = n_order;
    const oc_status status = fill_lane(made, order, pinned, n_pinned);
    if (status != OC_OK)
        oc_lane_destroy(made);
    else
        *lane = made;
    return status;
}

void oc_lane_destroy(oc_lane *lane)
{
    if (lane == NULL)
        return;
    oc_dev *dev = lane->exec->dev;
    /* The transfer queue may wait for the compute queue, so it goes first. */
    dev->type->queue_destroy(dev, lane->transfer);
    dev->type->queue_destroy(dev, lane->compute);
    for (size_t i = 0; i < lane->n_bound; i++)
        dev->type->unbind(dev, lane->bound[i]);
    for (size_t v = 0; lane->window != NULL && v < lane->exec->graph->n_values; v++)
        dev->type->mem_destroy(dev, lane->window[v]);
    dev->type->mem_destroy(dev, lane->scratch);
    dev->type->mem_destroy(dev, lane->arena);
    oc_free(lane->alloc, lane->first_bound);
    oc_free(lane->alloc, lane->bound);
    oc_free(lane->alloc, lane->window);
    oc_free(lane->alloc, lane->is_pinned);
    oc_free(lane->alloc, lane->order);
    oc_arena_plan_fini(&lane->plan);
    oc_free(lane->alloc, lane);
}

size_t oc_lane_arena_bytes(const oc_lane *lane)
{
    return lane->plan.bytes;
}

size_t oc_lane_arena_lower_bound(const oc_lane *lane)
{
    return lane->plan.lower_bound;
}

size_t oc_lane_scratch_bytes(const oc_lane *lane)
{
    return lane->scratch_bytes;
}

/* ---- running ------------------------------------------------------------------------------- */

oc_status oc_lane_clear(oc_lane *lane)
{
    oc_dev *dev = lane->exec->dev;
    void *zeros;
    OC_TRY(oc_alloc(lane->alloc, lane->plan.bytes, 1, &zeros));
    oc_status status = dev->type->write(lane->compute, lane->arena, zeros, lane->plan.bytes);
    if (status == OC_OK)
        status = oc_dev_queue_wait(dev, lane->compute, OC_NEVER_NS);
    oc_free(lane->alloc, zeros);
    return status;
}

/* The window of a value that the lane touches, if `bytes` is its size. */
static oc_status find_window(const oc_lane *lane, oc_id value, size_t bytes, oc_dev_mem **window)
{
    const oc_graph *graph = lane->exec->graph;
    size_t expected;
    if (value >= graph->n_values)
        return oc_fail(OC_E_ARG, "value: expected one below %zu, found %u", graph->n_values, value);
    *window = window_of(lane, value);
    if (*window == NULL)
        return oc_fail(OC_E_ARG, "value %s: no node of this lane uses it",
                       graph->values[value].name);
    OC_TRY(oc_desc_bytes(&graph->values[value].desc, &expected));
    if (bytes != expected)
        return oc_fail(OC_E_ARG, "value %s: expected %zu bytes, found %zu",
                       graph->values[value].name, expected, bytes);
    return OC_OK;
}

oc_status oc_lane_write(oc_lane *lane, oc_id value, const void *src, size_t bytes)
{
    const oc_dev_type *type = lane->exec->dev->type;
    oc_dev_mem *window;
    OC_TRY(find_window(lane, value, bytes, &window));
    const oc_value *values = lane->exec->graph->values;
    if (values[value].constant != NULL)
        return oc_fail(OC_E_ARG, "value %s: it is constant", values[value].name);
    if (values[lane->plan.root[value]].constant != NULL)
        return OC_OK; /* a view of a constant may cross a cut, but the lane has it for all its runs */
    if (lane->is_transfer_ahead)
        OC_TRY(type->after(lane->compute, lane->transfer));
    lane->is_transfer_ahead = false;
    lane->is_compute_ahead = true;
    return type->write(lane->compute, window, src, bytes);
}

oc_status oc_lane_submit(oc_lane *lane, size_t first, size_t count)
{
    if (first > lane->n_order || count > lane->n_order - first)
        return oc_fail(OC_E_ARG, "steps %zu to %zu: the lane has %zu", first, first + count,
                       lane->n_order);
    const size_t begin = lane->first_bound[first], end = lane->first_bound[first + count];
    lane->is_compute_ahead = true;
    return lane->exec->dev->type->run(lane->compute, lane->bound + begin, end - begin);
}

static oc_status read_pinned(oc_lane *lane, oc_id value, void *dst, size_t bytes, bool is_complete)
{
    const oc_dev_type *type = lane->exec->dev->type;
    oc_dev_mem *window;
    OC_TRY(find_window(lane, value, bytes, &window));
    if (!lane->is_pinned[lane->plan.root[value]])
        return oc_fail(OC_E_ARG, "value %s: it is not pinned, later nodes may have overwritten it",
                       lane->exec->graph->values[value].name);
    if (lane->is_compute_ahead && !is_complete) {
        OC_TRY(type->after(lane->transfer, lane->compute));
        lane->is_compute_ahead = false;
    }
    lane->is_transfer_ahead = true;
    return type->read(lane->transfer, window, dst, bytes);
}

oc_status oc_lane_read(oc_lane *lane, oc_id value, void *dst, size_t bytes)
{
    return read_pinned(lane, value, dst, bytes, false);
}

oc_status oc_lane_read_complete(oc_lane *lane, oc_id value, void *dst, size_t bytes)
{
    return read_pinned(lane, value, dst, bytes, true);
}

oc_status oc_lane_notify_compute(oc_lane *lane, oc_dev_done done, void *ctx)
{
    return lane->exec->dev->type->notify(lane->compute, done, ctx);
}

oc_status oc_lane_notify_transfer(oc_lane *lane, oc_dev_done done, void *ctx)
{
    return lane->exec->dev->type->notify(lane->transfer, done, ctx);
}

oc_status oc_lane_wait(oc_lane *lane, uint64_t deadline_ns)
{
    oc_dev *dev = lane->exec->dev;
    const oc_status compute = oc_dev_queue_wait(dev, lane->compute, deadline_ns);
    if (compute == OC_E_DEADLINE || compute == OC_E_LOST)
        return compute;
    /* The transfer queue is waited for in any case: it writes to the caller's memory. */
    const oc_status transfer = oc_dev_queue_wait(dev, lane->transfer, deadline_ns);
    return transfer != OC_OK ? transfer : compute;
}
