/* SPDX-License-Identifier: Apache-2.0 */
/** A prepared model's kernels, measured and held against the device's peak. */
#include "oc_api.h"

#include "oc_device.h"

#include <math.h>

#define REPEATS 20

struct oc_bench {
    const oc_allocator *alloc;
    oc_bench_info info;
    oc_bench_node *nodes;
    oc_bench_kernel *kernels;
};

_Static_assert(OC_BENCH_SIZES >= OC_PEAK_SIZES, "every size that a device measures has room");

/* ---- the peak ------------------------------------------------------------------------------ */

static oc_status measure_peak(oc_dev *dev, uint64_t bytes, oc_dev_peak *peak)
{
    *peak = (oc_dev_peak){0};
    return dev->type->measure_peak ? dev->type->measure_peak(dev, bytes, peak) : OC_OK;
}

/* What else the machine does only ever takes away. */
static void keep_better(oc_dev_peak *peak, const oc_dev_peak *other)
{
    peak->flops = OC_MAX(peak->flops, other->flops);
    peak->int_ops = OC_MAX(peak->int_ops, other->int_ops);
    peak->start_ns = OC_MIN(peak->start_ns, other->start_ns);
    for (size_t i = 0; i < OC_MIN(peak->n_sizes, other->n_sizes); i++) {
        peak->memory[i].read_per_s =
            OC_MAX(peak->memory[i].read_per_s, other->memory[i].read_per_s);
        peak->memory[i].copy_per_s =
            OC_MAX(peak->memory[i].copy_per_s, other->memory[i].copy_per_s);
    }
}

static void show_peak(const oc_dev_peak *from, oc_bench_peak *to)
{
    *to = (oc_bench_peak){.is_measured = from->flops > 0,
                          .flops = from->flops,
                          .int_ops = from->int_ops,
                          .start_ns = from->start_ns,
                          .n_sizes = from->n_sizes};
    for (size_t i = 0; i < from->n_sizes; i++) {
        to->memory[i].bytes = from->memory[i].bytes;
        to->memory[i].read_per_s = from->memory[i].read_per_s;
        to->memory[i].copy_per_s = from->memory[i].copy_per_s;
    }
}

/* ---- a node's work ------------------------------------------------------------------------- */

static oc_status const_bytes(const oc_op_call *call, uint64_t *sum)
{
    *sum = 0;
    for (uint32_t i = 0; i < call->n_in; i++) {
        size_t bytes = 0;
        if (call->in[i] && call->is_const[i])
            OC_TRY(oc_desc_bytes(call->in[i], &bytes));
        *sum += bytes;
    }
    return OC_OK;
}

static oc_status work_of(const oc_exec *exec, const oc_node *node, oc_dev_work *work)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_cost cost = {0};
    const oc_op_call call = oc_node_call(oc_exec_graph(exec), node, in, out, is_const);
    *work = (oc_dev_work){.all_const_bytes = oc_exec_weight_bytes(exec)};
    OC_TRY(node->op->cost(&call, &cost));
    OC_TRY(const_bytes(&call, &work->const_bytes));
    const bool is_float = !in[0] || (OC_TYPE(float32) | OC_TYPE(float16)) >> in[0]->dtype & 1u;
    *(is_float ? &work->flops : &work->int_ops) = 2.0 * (double)cost.macs + (double)cost.ops;
    work->const_bytes = OC_MIN(work->const_bytes, cost.bytes_read);
    work->in_bytes = cost.bytes_read - work->const_bytes;
    work->out_bytes = cost.bytes_written;
    return OC_OK;
}

/* The most that oc_dev_peak_ns asks the rate of. */
static oc_status most_bytes(const oc_exec *exec, uint64_t *bytes)
{
    const oc_graph *graph = oc_exec_graph(exec);
    *bytes = oc_exec_weight_bytes(exec);
    for (size_t n = 0; n < graph->n_nodes; n++) {
        oc_dev_work work;
        OC_TRY(work_of(exec, &graph->nodes[n], &work));
        *bytes = OC_MAX(*bytes, work.in_bytes + work.out_bytes);
    }
    return OC_OK;
}

static oc_status fill_node(const oc_exec *exec, oc_id id, const oc_dev_peak *peak,
                           oc_bench_node *node)
{
    oc_dev_work work;
    OC_TRY(work_of(exec, &oc_exec_graph(exec)->nodes[id], &work));
    node->ops = work.flops + work.int_ops;
    node->bytes = (double)(work.const_bytes + work.in_bytes + work.out_bytes);
    node->bound_ns = NAN;
    if (peak->flops > 0 && node->n_kernels > 0)
        node->bound_ns = oc_dev_peak_ns(peak, &work, &node->is_memory_bound);
    return OC_OK;
}

/* ---- measuring ----------------------------------------------------------------------------- */

static oc_status write_inputs(const oc_graph *graph, const oc_tensor *inputs, oc_lane *lane)
{
    OC_TRY(oc_lane_clear(lane)); /* new memory may hold denormal numbers */
    for (size_t i = 0; inputs && i < graph->n_inputs; i++) {
        const oc_id value = graph->inputs[i];
        size_t bytes;
        OC_TRY(oc_desc_bytes(&graph->values[value].desc, &bytes));
        OC_TRY(oc_lane_write(lane, value, inputs[i].data, bytes));
    }
    return OC_OK;
}

static oc_status measure_kernels(oc_exec *exec, const oc_bench_options *options,
                                 const oc_allocator *alloc, oc_lane_times *times)
{
    oc_lane *lane;
    OC_TRY(oc_lane_create_whole(exec, alloc, &lane));
    oc_status status = write_inputs(oc_exec_graph(exec), options->inputs, lane);
    if (status == OC_OK)
        status = oc_lane_measure(lane, options->repeats ? options->repeats : REPEATS,
                                 options->progress, options->progress_ctx, times);
    oc_lane_destroy(lane); /* waits for what was written from the caller's memory */
    return status;
}

/* A lane of all nodes has them in the graph's order: a step is a node. */
static oc_status fill(oc_bench *b, const oc_exec *exec, const oc_lane_times *times,
                      const oc_dev_peak *peak)
{
    const oc_graph *graph = oc_exec_graph(exec);
    oc_bench_info *info = &b->info;
    OC_TRY(OC_ALLOC(b->alloc, graph->n_nodes + 1, b->nodes));
    OC_TRY(OC_ALLOC(b->alloc, times->n_kernels + 1, b->kernels));
    info->nodes = b->nodes;
    info->n_nodes = graph->n_nodes;
    info->run_ns = times->run_ns;
    for (size_t k = 0; k < times->n_kernels; k++) {
        const oc_lane_kernel *from = &times->kernels[k];
        oc_bench_node *node = &b->nodes[from->step];
        b->kernels[k] = (oc_bench_kernel){.name = from->info.name,
                                          .options = from->info.options,
                                          .ns = from->ns,
                                          .best_ns = from->best_ns};
        memcpy(b->kernels[k].global, from->info.global, sizeof(from->info.global));
        memcpy(b->kernels[k].local, from->info.local, sizeof(from->info.local));
        if (node->n_kernels++ == 0)
            node->kernels = &b->kernels[k];
        node->ns += from->ns;
        node->best_ns += from->best_ns;
    }
    for (size_t n = 0; n < graph->n_nodes; n++) {
        oc_bench_node *node = &b->nodes[n];
        OC_TRY(fill_node(exec, (oc_id)n, peak, node));
        info->kernels_ns += node->ns;
        info->best_ns += node->best_ns;
        info->ops += node->ops;
        info->bytes += node->bytes;
        info->bound_ns += isnan(node->bound_ns) ? 0 : node->bound_ns;
    }
    show_peak(peak, &info->peak);
    return OC_OK;
}

static oc_status measure(oc_bench *b, oc_prepared *prepared, const oc_bench_options *options)
{
    oc_dev_peak peak, after;
    oc_lane_times times;
    uint64_t bytes;
    OC_TRY(most_bytes(prepared->exec, &bytes));
    OC_TRY(measure_peak(prepared->dev, bytes, &peak));
    OC_TRY(measure_kernels(prepared->exec, options, b->alloc, &times));
    oc_status status = measure_peak(prepared->dev, bytes, &after);
    if (status == OC_OK) {
        keep_better(&peak, &after);
        status = fill(b, prepared->exec, &times, &peak);
    }
    oc_lane_times_fini(&times);
    return status;
}

oc_status oc_bench_run(oc_prepared *prepared, const oc_bench_options *options,
                       const oc_allocator *alloc, oc_bench **bench)
{
    const oc_bench_options none = {0};
    const oc_graph *graph = prepared->model->graph;
    oc_bench *b = NULL;
    if (prepared->n_ready < graph->n_nodes)
        return oc_fail(OC_E_ARG, "%s: expected all of its %zu nodes prepared, found %zu",
                       graph->name, graph->n_nodes, prepared->n_ready);
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, b));
    b->alloc = alloc;
    const oc_status status = measure(b, prepared, options ? options : &none);
    if (status != OC_OK)
        oc_bench_destroy(b);
    else
        *bench = b;
    return status;
}

void oc_bench_destroy(oc_bench *bench)
{
    if (!bench)
        return;
    oc_free(bench->alloc, bench->kernels);
    oc_free(bench->alloc, bench->nodes);
    oc_free(bench->alloc, bench);
}

const oc_bench_info *oc_bench_get_info(const oc_bench *bench)
{
    return &bench->info;
}
