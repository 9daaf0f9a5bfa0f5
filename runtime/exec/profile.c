/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each kernel costs, measured inside whole runs by the device's own clock: so each finds in the
 * caches what the kernels before it left there, as when it counts, and not what it left there itself.
 * Short networks run several times in a row, since waking a device that slept is no kernel's cost.
 */
#include "exec.h"

#include <math.h>
#include <stdlib.h>

/* So long that the clock and a late wake-up do not count; long runs are run no more than needed. */
#define ROW_NS 4e6
#define ROW_MAX 64

#define REPEATS_MAX 1001u /* more make no better median */

/* What takes longer is stuck: the reference device needs a minute for the largest networks. */
#define LIMIT_NS (UINT64_C(600) * 1000000000)

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

/* ---- a lane -------------------------------------------------------------------------------- */

typedef struct measuring {
    oc_lane *lane;
    oc_dev_queue *queue;
    size_t n_kernels;
    size_t row;         /* how many times the lane runs for one sample */
    oc_dev_span *spans; /* of one sample */
    size_t repeats;
    double *samples; /* per kernel, and for the whole, one per run that counts */
    size_t n_samples, max_samples;
    oc_lane_times *times;
} measuring;

/* The lane's kernels, as many as fit `cap`; how many there are. */
static size_t list_kernels(const oc_lane *lane, oc_lane_kernel *list, size_t cap)
{
    const oc_exec *exec = lane->exec;
    size_t count = 0;
    for (size_t s = 0; s < lane->n_order; s++) {
        const oc_dev_node *node = exec->nodes[lane->order[s]];
        oc_dev_kernel info;
        for (size_t i = 0; node != NULL && exec->dev->type->kernel(node, i, &info); i++, count++)
            if (count < cap)
                list[count] = (oc_lane_kernel){.step = s, .info = info};
    }
    return count;
}

/* The lane `row` times in a row; when each kernel ran is in `spans`. */
static oc_status run_row(measuring *m, size_t row)
{
    const oc_lane *lane = m->lane;
    oc_dev *dev = lane->exec->dev;
    size_t found = 0;
    for (size_t i = 0; i < row; i++)
        OC_TRY(dev->type->run(m->queue, lane->bound, lane->n_bound));
    OC_TRY(oc_dev_queue_wait(dev, m->queue, oc_now_ns() + LIMIT_NS));
    OC_TRY(dev->type->spans(m->queue, m->spans, &found));
    if (found != row * m->n_kernels)
        return oc_fail(OC_E_INTERNAL, "device %s (%s): %zu kernels were to run, %zu did",
                       dev->info.id, dev->info.name, row * m->n_kernels, found);
    return OC_OK;
}

static double span_ns(uint64_t begin_ns, uint64_t end_ns)
{
    return end_ns > begin_ns ? (double)(end_ns - begin_ns) : 0;
}

/* Of one run of the row, from the begin of its first kernel to the end of its last one. */
static double run_ns(const measuring *m, size_t run)
{
    const oc_dev_span *spans = &m->spans[run * m->n_kernels];
    return span_ns(spans[0].begin_ns, spans[m->n_kernels - 1].end_ns);
}

static oc_status choose_row(measuring *m)
{
    OC_TRY(run_row(m, 1)); /* it may wait for memory and caches */
    OC_TRY(run_row(m, 1));
    const double fits = ROW_NS / OC_MAX(run_ns(m, 0), 1.0);
    m->row = fits < 1 ? 1 : fits >= ROW_MAX ? ROW_MAX : (size_t)fits + 1;
    m->max_samples = m->repeats * (m->row > 1 ? m->row - 1 : 1);
    size_t count;
    OC_TRY(oc_mul_size(m->n_kernels + 1, m->max_samples, &count));
    return OC_ALLOC(m->times->alloc, count, m->samples);
}

/* One row, without its first run where there are others: that one woke the device. */
static oc_status measure_row(measuring *m)
{
    OC_TRY(run_row(m, m->row));
    for (size_t r = m->row > 1 ? 1 : 0; r < m->row; r++, m->n_samples++) {
        const oc_dev_span *spans = &m->spans[r * m->n_kernels];
        double *sample = m->samples + m->n_samples;
        for (size_t k = 0; k < m->n_kernels; k++, sample += m->max_samples)
            *sample = span_ns(spans[k].begin_ns, spans[k].end_ns);
        *sample = run_ns(m, r);
    }
    return OC_OK;
}

static oc_status measure_lane(measuring *m, oc_exec_progress progress, void *ctx)
{
    oc_lane_times *times = m->times;
    OC_TRY(choose_row(m));
    for (size_t i = 0; i < m->repeats; i++) {
        OC_TRY(measure_row(m));
        if (progress != NULL)
            progress(ctx, i + 1, m->repeats, "");
    }
    double *samples = m->samples;
    for (size_t k = 0; k < m->n_kernels; k++, samples += m->max_samples) {
        times->kernels[k].ns = median(samples, m->n_samples);
        times->kernels[k].best_ns = samples[0];
    }
    times->run_ns = median(samples, m->n_samples);
    return OC_OK;
}

static oc_status open_measuring(measuring *m)
{
    oc_lane_times *times = m->times;
    oc_dev *dev = m->lane->exec->dev;
    size_t n_spans;
    m->n_kernels = times->n_kernels = list_kernels(m->lane, NULL, 0);
    OC_TRY(oc_mul_size(m->n_kernels + 1, ROW_MAX, &n_spans));
    OC_TRY(OC_ALLOC(times->alloc, m->n_kernels + 1, times->kernels));
    OC_TRY(OC_ALLOC(times->alloc, n_spans, m->spans));
    list_kernels(m->lane, times->kernels, m->n_kernels);
    return dev->type->queue_create_timed(dev, n_spans, &m->queue);
}

oc_status oc_lane_measure(oc_lane *lane, uint32_t repeats, oc_exec_progress progress, void *ctx,
                          oc_lane_times *times)
{
    const oc_allocator *alloc = lane->alloc;
    oc_lane_times made = {.alloc = alloc};
    measuring m = {
        .lane = lane, .repeats = OC_MIN(OC_MAX(repeats, 1u), REPEATS_MAX), .times = &made};
    OC_TRY(oc_lane_wait(lane, oc_now_ns() + LIMIT_NS)); /* what was written is there */
    oc_status status = open_measuring(&m);
    if (status == OC_OK && m.n_kernels > 0)
        status = measure_lane(&m, progress, ctx);
    lane->exec->dev->type->queue_destroy(lane->exec->dev, m.queue);
    oc_free(alloc, m.spans);
    oc_free(alloc, m.samples);
    if (status != OC_OK)
        oc_lane_times_fini(&made);
    else
        *times = made;
    return status;
}

void oc_lane_times_fini(oc_lane_times *times)
{
    oc_free(times->alloc, times->kernels);
    times->kernels = NULL;
    times->n_kernels = 0;
}

/* What lies between kernels is spread over them: each has to be started. */
static void add_up(const oc_lane_times *times, size_t n_steps, double *step_ns)
{
    double sum = 0;
    for (size_t s = 0; s < n_steps; s++)
        step_ns[s] = 0;
    for (size_t k = 0; k < times->n_kernels; k++)
        sum += times->kernels[k].ns;
    const double between =
        OC_MAX(times->run_ns - sum, 0.0) / (double)OC_MAX(times->n_kernels, (size_t)1);
    for (size_t k = 0; k < times->n_kernels; k++)
        step_ns[times->kernels[k].step] += times->kernels[k].ns + between;
}

/* Lanes are cleared: new memory may hold denormal numbers, which some processors are slow with. */
oc_status oc_lane_profile(oc_lane *lane, uint32_t repeats, oc_exec_progress progress, void *ctx,
                          double *node_ns)
{
    oc_lane_times times;
    OC_TRY(oc_lane_clear(lane));
    OC_TRY(oc_lane_measure(lane, repeats, progress, ctx, &times));
    add_up(&times, lane->n_order, node_ns);
    oc_lane_times_fini(&times);
    return OC_OK;
}

/* ---- all that is prepared ------------------------------------------------------------------ */

/* The nodes that were prepared, and the values that stay: inputs, and the outputs that they make. */
typedef struct whole {
    oc_id *order, *kept;
    size_t n_order, n_kept;
} whole;

static oc_status list_whole(const oc_exec *exec, whole *w)
{
    const oc_graph *graph = exec->graph;
    OC_TRY(OC_ALLOC(exec->alloc, graph->n_nodes + 1, w->order));
    OC_TRY(OC_ALLOC(exec->alloc, graph->n_inputs + graph->n_outputs + 1, w->kept));
    for (size_t n = 0; n < graph->n_nodes; n++)
        if (exec->is_ready[n])
            w->order[w->n_order++] = (oc_id)n;
    for (size_t i = 0; i < graph->n_inputs; i++)
        w->kept[w->n_kept++] = graph->inputs[i];
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const oc_id producer = graph->values[graph->outputs[i]].producer;
        if (producer != OC_NONE && exec->is_ready[producer])
            w->kept[w->n_kept++] = graph->outputs[i];
    }
    return OC_OK;
}

oc_status oc_lane_create_whole(oc_exec *exec, const oc_allocator *alloc, oc_lane **lane)
{
    whole w = {0};
    oc_status status = list_whole(exec, &w);
    if (status == OC_OK)
        status = oc_lane_create(exec, w.order, w.n_order, w.kept, w.n_kept, alloc, lane);
    oc_free(exec->alloc, w.kept);
    oc_free(exec->alloc, w.order);
    return status;
}

oc_status oc_exec_profile(oc_exec *exec, uint32_t repeats, oc_exec_progress progress, void *ctx,
                          double *node_ns)
{
    oc_lane *lane = NULL;
    double *step_ns = NULL;
    oc_status status;
    OC_TRY_OUT(OC_ALLOC(exec->alloc, exec->graph->n_nodes + 1, step_ns));
    OC_TRY_OUT(oc_lane_create_whole(exec, exec->alloc, &lane));
    OC_TRY_OUT(oc_lane_profile(lane, repeats, progress, ctx, step_ns));
    for (size_t n = 0; n < exec->graph->n_nodes; n++)
        node_ns[n] = NAN;
    for (size_t s = 0; s < lane->n_order; s++)
        node_ns[lane->order[s]] = step_ns[s];
out:
    oc_lane_destroy(lane);
    oc_free(exec->alloc, step_ns);
    return status;
}
