/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each node costs, measured. A node that is run alone takes its own time and that of starting
 * and waiting for the queue; run n times more in a row it takes n times its own time more. So the
 * difference of the two, by n, is the node without the waiting: what it adds to a longer part.
 */
#include "exec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* So long that the clock and a late wake-up do not count; slow nodes run no more than needed. */
#define ROW_NS 4e6
#define ROW_MIN 2
#define ROW_MAX 64

#define REPEATS_MAX 101u /* more make no better median */

/* What takes longer is stuck: the reference device needs a minute for the largest networks. */
#define LIMIT_NS (UINT64_C(600) * 1000000000)

/* ---- one node ------------------------------------------------------------------------------ */

/* The time of the steps [first, first+count), `times` times in a row, and of waiting for them. */
static oc_status time_run(oc_lane *lane, size_t first, size_t count, size_t times, double *ns)
{
    const uint64_t begin_ns = oc_now_ns();
    for (size_t i = 0; i < times; i++)
        OC_TRY(oc_lane_submit(lane, first, count));
    OC_TRY(oc_lane_wait(lane, begin_ns + LIMIT_NS));
    *ns = (double)(oc_now_ns() - begin_ns);
    return OC_OK;
}

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts `samples`. */
static double median(double *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), compare_times);
    return samples[count / 2];
}

static size_t clamp_repeats(uint32_t repeats)
{
    return OC_MIN(OC_MAX(repeats, 1u), REPEATS_MAX);
}

static oc_status measure_step(oc_lane *lane, size_t step, uint32_t repeats, double *ns)
{
    const size_t count = clamp_repeats(repeats);
    double samples[REPEATS_MAX], once, row;
    OC_TRY(
        time_run(lane, step, 1, 1, &once)); /* its first run here may wait for memory and caches */
    const double fits = ROW_NS / OC_MAX(once, 1.0);
    const size_t more = fits < ROW_MIN ? ROW_MIN : fits > ROW_MAX ? ROW_MAX : (size_t)fits;
    for (size_t i = 0; i < count; i++) {
        OC_TRY(time_run(lane, step, 1, 1, &once));
        OC_TRY(time_run(lane, step, 1, 1 + more, &row));
        samples[i] = OC_MAX(row - once, 0.0) / (double)more;
    }
    *ns = median(samples, count);
    return OC_OK;
}

/* ---- a lane -------------------------------------------------------------------------------- */

/* How many steps the lane has: behind its last one it takes no work. */
static oc_status count_steps(oc_lane *lane, size_t *count)
{
    size_t known = 0;
    OC_TRY(oc_lane_submit(lane, 0, 0));
    for (size_t jump = 1; jump > 0;) {
        const oc_status status = oc_lane_submit(lane, known + jump, 0);
        if (status != OC_OK && status != OC_E_ARG)
            return status;
        known += status == OC_OK ? jump : 0;
        jump = status == OC_OK ? 2 * jump : jump / 2;
    }
    *count = known;
    return OC_OK;
}

/* Lanes are cleared: new memory may hold denormal numbers, which some processors are slow with. */
oc_status oc_lane_profile(oc_lane *lane, uint32_t repeats, oc_exec_progress progress, void *ctx,
                          double *node_ns)
{
    size_t n_steps;
    char name[32];
    OC_TRY(count_steps(lane, &n_steps));
    OC_TRY(oc_lane_clear(lane));
    for (size_t i = 0; i < n_steps; i++) {
        OC_TRY(measure_step(lane, i, repeats, &node_ns[i]));
        snprintf(name, sizeof(name), "step %zu", i);
        if (progress != NULL)
            progress(ctx, i + 1, n_steps, name);
    }
    return OC_OK;
}

/* ---- all that is prepared ------------------------------------------------------------------ */

/*
 * A node run in a row finds its constants in the caches, which in a whole run the other nodes have
 * filled: ResNet-50 takes a fifth longer than its nodes' rows say. So whole runs are measured too,
 * and what is missing goes to the nodes by the bytes that they move.
 */
typedef struct exec_profile {
    oc_exec *exec;
    oc_lane *lane;
    oc_id *order;   /* of the lane: the nodes that were prepared */
    oc_id *outputs; /* of the graph that they make */
    size_t n_order, n_outputs;
    double *bytes; /* per step of the lane */
    double *step_ns;
} exec_profile;

static oc_status list_nodes(exec_profile *p)
{
    const oc_graph *graph = p->exec->graph;
    const oc_allocator *alloc = p->exec->alloc;
    OC_TRY(OC_ALLOC(alloc, graph->n_nodes, p->order));
    OC_TRY(OC_ALLOC(alloc, graph->n_nodes, p->bytes));
    OC_TRY(OC_ALLOC(alloc, graph->n_nodes, p->step_ns));
    OC_TRY(OC_ALLOC(alloc, graph->n_outputs, p->outputs));
    for (size_t n = 0; n < graph->n_nodes; n++)
        if (p->exec->is_ready[n])
            p->order[p->n_order++] = (oc_id)n;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const oc_id producer = graph->values[graph->outputs[i]].producer;
        if (producer != OC_NONE && p->exec->is_ready[producer])
            p->outputs[p->n_outputs++] = graph->outputs[i];
    }
    return OC_OK;
}

/* Views move nothing. */
static oc_status count_bytes(exec_profile *p)
{
    for (size_t i = 0; i < p->n_order; i++) {
        const oc_node *node = &p->exec->graph->nodes[p->order[i]];
        const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
        bool is_const[OC_NODE_IO_MAX];
        oc_cost cost = {0};
        const oc_op_call call = oc_node_call(p->exec->graph, node, in, out, is_const);
        if (!node->op->is_view)
            OC_TRY(node->op->cost(&call, &cost));
        p->bytes[i] = (double)cost.bytes_read + (double)cost.bytes_written;
    }
    return OC_OK;
}

static oc_status measure_nodes(exec_profile *p, uint32_t repeats, oc_exec_progress progress,
                               void *ctx)
{
    for (size_t i = 0; i < p->n_order; i++) {
        const oc_node *node = &p->exec->graph->nodes[p->order[i]];
        if (!node->op->is_view)
            OC_TRY(measure_step(p->lane, i, repeats, &p->step_ns[i]));
        if (progress != NULL)
            progress(ctx, i + 1, p->n_order, node->name);
    }
    return OC_OK;
}

/* All steps, without what waiting costs. */
static oc_status measure_whole(exec_profile *p, uint32_t repeats, double *ns)
{
    const size_t count = clamp_repeats(repeats);
    double samples[REPEATS_MAX], whole, nothing;
    for (size_t i = 0; i < count; i++) {
        OC_TRY(time_run(p->lane, 0, 0, 1, &nothing));
        OC_TRY(time_run(p->lane, 0, p->n_order, 1, &whole));
        samples[i] = OC_MAX(whole - nothing, 0.0);
    }
    *ns = median(samples, count);
    return OC_OK;
}

/* Make the nodes' times add up to the whole's. */
static void balance(exec_profile *p, double whole_ns)
{
    double sum_ns = 0, sum_bytes = 0;
    for (size_t i = 0; i < p->n_order; i++) {
        sum_ns += p->step_ns[i];
        sum_bytes += p->bytes[i];
    }
    for (size_t i = 0; i < p->n_order && sum_ns > 0; i++) {
        if (whole_ns < sum_ns)
            p->step_ns[i] *= whole_ns / sum_ns;
        else if (sum_bytes > 0)
            p->step_ns[i] += (whole_ns - sum_ns) * p->bytes[i] / sum_bytes;
    }
}

static oc_status measure_exec(exec_profile *p, uint32_t repeats, oc_exec_progress progress,
                              void *ctx)
{
    double whole_ns;
    OC_TRY(list_nodes(p));
    OC_TRY(count_bytes(p));
    OC_TRY(oc_lane_create(p->exec, p->order, p->n_order, p->outputs, p->n_outputs, p->exec->alloc,
                          &p->lane));
    OC_TRY(oc_lane_clear(p->lane));
    OC_TRY(measure_nodes(p, repeats, progress, ctx));
    OC_TRY(measure_whole(p, repeats, &whole_ns));
    balance(p, whole_ns);
    return OC_OK;
}

oc_status oc_exec_profile(oc_exec *exec, uint32_t repeats, oc_exec_progress progress, void *ctx,
                          double *node_ns)
{
    exec_profile p = {.exec = exec};
    const oc_status status = measure_exec(&p, repeats, progress, ctx);
    for (size_t n = 0; status == OC_OK && n < exec->graph->n_nodes; n++)
        node_ns[n] = NAN;
    for (size_t i = 0; status == OC_OK && i < p.n_order; i++)
        node_ns[p.order[i]] = p.step_ns[i];
    oc_lane_destroy(p.lane);
    oc_free(exec->alloc, p.outputs);
    oc_free(exec->alloc, p.step_ns);
    oc_free(exec->alloc, p.bytes);
    oc_free(exec->alloc, p.order);
    return status;
}
