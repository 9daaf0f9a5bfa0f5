/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that runs requests on the device, in the order they came. */
#include "oc_serve.h"

#include <stdio.h>

/* A device that has not finished a part by then is stuck: the reference device needs a minute for
 * the largest networks. */
#define RUN_LIMIT_NS (UINT64_C(600) * 1000000000)
#define REPEATS 3 /* of each node that is measured */

/*
 * What the device says about the commands of one request. It may say so late, after it was given up
 * and the executor has gone: the last of both frees this.
 */
struct oc_serve_watch {
    oc_cond cond;
    const oc_allocator *alloc;
    unsigned refs;       /* the executor's, and one for each queue that is not done */
    oc_status status;    /* the first failure of a command */
    uint64_t give_up_ns; /* set when the worker stops */
};

static oc_status watch_create(const oc_allocator *alloc, oc_serve_watch **watch)
{
    OC_TRY(OC_ALLOC(alloc, 1, *watch));
    (*watch)->alloc = alloc;
    (*watch)->refs = 1;
    (*watch)->give_up_ns = OC_NEVER_NS;
    oc_status status = oc_cond_init(&(*watch)->cond);
    if (status != OC_OK)
        oc_free(alloc, *watch);
    return status;
}

static void watch_unref(oc_serve_watch *w)
{
    oc_cond_lock(&w->cond);
    bool is_last = --w->refs == 0;
    oc_cond_wake(&w->cond);
    oc_cond_unlock(&w->cond);
    if (!is_last)
        return;
    oc_cond_fini(&w->cond);
    oc_free(w->alloc, w);
}

static void on_queue_done(void *ctx, oc_status status)
{
    oc_serve_watch *w = ctx;
    oc_cond_lock(&w->cond);
    if (w->status == OC_OK)
        w->status = status;
    oc_cond_unlock(&w->cond);
    watch_unref(w);
}

typedef oc_status (*notify_queue)(oc_lane *lane, oc_dev_done done, void *ctx);

static oc_status watch_queue(oc_serve_watch *w, oc_lane *lane, notify_queue notify)
{
    oc_cond_lock(&w->cond);
    w->refs++;
    oc_cond_unlock(&w->cond);
    oc_status status = notify(lane, on_queue_done, w);
    if (status != OC_OK)
        watch_unref(w);
    return status;
}

/* Whether both queues were done in time. */
static bool watch_wait(oc_serve_watch *w, uint64_t deadline_ns, oc_status *status)
{
    oc_cond_lock(&w->cond);
    while (w->refs > 1 && oc_cond_wait(&w->cond, OC_MIN(deadline_ns, w->give_up_ns)))
        continue;
    bool is_done = w->refs == 1;
    *status = w->status;
    if (is_done)
        w->status = OC_OK; /* the next request starts afresh, on a new lane if this one failed */
    oc_cond_unlock(&w->cond);
    return is_done;
}

/* Both queues use the request's memory. What cannot be waited for may go on using it. */
static oc_status wait_lane(oc_serve_executor *executor, oc_serve_request *r)
{
    oc_dev *dev = executor->dev;
    oc_serve_watch *w = executor->watch;
    oc_status status;
    oc_status compute = watch_queue(w, r->part->lane, oc_lane_notify_compute);
    oc_status transfer = watch_queue(w, r->part->lane, oc_lane_notify_transfer);
    bool is_done = watch_wait(w, oc_now_ns() + RUN_LIMIT_NS, &status);
    r->is_stuck = !is_done || compute != OC_OK || transfer != OC_OK || status == OC_E_LOST;
    if (!is_done) {
        atomic_store_explicit(&dev->is_lost, true, memory_order_release);
        return oc_fail(OC_E_LOST, "device %s (%s): it did not finish the part in time: given up",
                       dev->info.id, dev->info.name);
    }
    if (compute != OC_OK || transfer != OC_OK)
        return compute != OC_OK ? compute : transfer;
    if (status != OC_OK)
        return oc_fail(status, "device %s (%s): a command on its queue failed: %s", dev->info.id,
                       dev->info.name, oc_status_text(status));
    return OC_OK;
}

static oc_status enqueue(oc_serve_request *r)
{
    oc_lane *lane = r->part->lane;
    for (size_t i = 0; i < r->n_takes; i++)
        OC_TRY(oc_lane_write(lane, r->takes[i].id, r->takes[i].data, r->takes[i].bytes));
    OC_TRY(oc_lane_submit(lane, 0, r->part->part.n_nodes));
    for (size_t i = 0; i < r->n_gives; i++)
        OC_TRY(oc_lane_read(lane, r->gives[i].id, r->gives[i].data, r->gives[i].bytes));
    return OC_OK;
}

/* Commands that were queued are waited for, also after a failure: the first one is what counts. */
static oc_status run_lane(oc_serve_executor *executor, oc_serve_request *r)
{
    oc_status status = enqueue(r);
    if (status == OC_OK)
        return wait_lane(executor, r);
    snprintf(r->text, sizeof(r->text), "%s", oc_error_text());
    (void)wait_lane(executor, r);
    return oc_fail(status, "%s", r->text);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* Whether a measurement may go on: it takes seconds, so it is asked between nodes. */
static oc_status check_wanted(oc_serve_executor *executor, const oc_serve_request *r)
{
    oc_cond_lock(&executor->cond);
    bool is_stopping = executor->is_stopping;
    oc_cond_unlock(&executor->cond);
    if (is_stopping)
        return oc_fail(OC_E_LOST, "the worker is stopping: the part was not measured");
    if (atomic_load(&r->is_unwanted))
        return oc_fail(OC_E_CANCELLED, "the client is gone: the part was not measured");
    if (oc_now_ns() >= r->deadline_ns)
        return oc_fail(OC_E_DEADLINE, "the deadline passed while the part was measured");
    return OC_OK;
}

/* A lane of its own for each node, so that a measurement can end between any two of them. */
static oc_status measure_node(oc_serve_executor *executor, const oc_serve_part *part, oc_id node,
                              double *node_ns)
{
    oc_lane *lane = NULL;
    OC_TRY(oc_lane_create(part->model->exec, &node, 1, NULL, 0, executor->alloc, &lane));
    oc_status status = oc_lane_profile(lane, REPEATS, NULL, NULL, node_ns);
    oc_lane_destroy(lane);
    return status;
}

static oc_status measure_part(oc_serve_executor *executor, oc_serve_request *r)
{
    for (size_t i = 0; i < r->part->part.n_nodes; i++) {
        OC_TRY(check_wanted(executor, r));
        OC_TRY(measure_node(executor, r->part, r->part->part.nodes[i], &r->node_ns[i]));
    }
    return OC_OK;
}

/* ---- requests -------------------------------------------------------------------------------- */

static oc_status run_request(oc_serve_executor *executor, oc_serve_request *r)
{
    oc_serve_part *part = r->part;
    if (oc_now_ns() >= r->deadline_ns)
        return oc_fail(OC_E_DEADLINE,
                       "the deadline passed before the part could begin: it was not run");
    OC_TRY(oc_dev_check(executor->dev));
    if (r->node_ns)
        return measure_part(executor, r);
    if (!part->lane)
        OC_TRY(oc_lane_create(part->model->exec, part->part.nodes, part->part.n_nodes,
                              part->part.gives, part->part.n_gives, executor->alloc, &part->lane));
    uint64_t begin_ns = oc_now_ns();
    r->queue_ns = begin_ns - r->queued_ns;
    oc_status status = run_lane(executor, r);
    r->compute_ns = oc_now_ns() - begin_ns;
    if (status != OC_OK) {
        oc_lane_destroy(part->lane); /* a lane that failed stays failed */
        part->lane = NULL;
        /* Destroying it waited for its queues, unless the device is lost. */
        r->is_stuck = r->is_stuck && atomic_load(&executor->dev->is_lost);
    }
    return status;
}

/* All that was written to the request lies before the lock, and so before what take sees. */
static void finish(oc_serve_executor *executor, oc_serve_request *r, oc_status status)
{
    r->status = status;
    snprintf(r->text, sizeof(r->text), "%s", status == OC_OK ? "" : oc_error_text());
    oc_cond_lock(&executor->cond);
    r->state = OC_SERVE_DONE;
    if (executor->running == r)
        executor->running = NULL;
    void (*done)(void *owner) = r->done;
    void *owner = r->owner;
    oc_cond_unlock(&executor->cond);
    done(owner);
}

/* The first request, or NULL once it is time to end. */
static oc_serve_request *next_request(oc_serve_executor *executor)
{
    oc_cond_lock(&executor->cond);
    while (!executor->first && !executor->is_stopping)
        oc_cond_wait(&executor->cond, OC_NEVER_NS);
    oc_serve_request *r = executor->is_stopping ? NULL : executor->first;
    if (r) {
        executor->first = r->next;
        if (!executor->first)
            executor->last = &executor->first;
        r->state = OC_SERVE_RUNNING;
        executor->running = r;
        executor->running_ns = oc_now_ns();
    }
    oc_cond_unlock(&executor->cond);
    return r;
}

static void *run_executor(void *ctx)
{
    oc_serve_executor *executor = ctx;
    oc_rpc_log_thread(executor->log);
    for (;;) {
        oc_serve_request *r = next_request(executor);
        if (!r)
            return NULL;
        finish(executor, r, run_request(executor, r));
    }
}

oc_status oc_serve_executor_init(oc_serve_executor *executor, oc_dev *dev,
                                 const oc_allocator *alloc, const oc_log_sink *log)
{
    *executor = (oc_serve_executor){.dev = dev, .alloc = alloc, .log = log};
    executor->last = &executor->first;
    OC_TRY(watch_create(alloc, &executor->watch));
    oc_status status = oc_cond_init(&executor->cond);
    if (status != OC_OK)
        watch_unref(executor->watch);
    return status;
}

oc_status oc_serve_executor_start(oc_serve_executor *executor)
{
    oc_status status = oc_rpc_thread_start(run_executor, executor, &executor->thread);
    executor->is_running = status == OC_OK;
    return status;
}

static void give_up_at(oc_serve_watch *w, uint64_t at_ns)
{
    oc_cond_lock(&w->cond);
    w->give_up_ns = at_ns;
    oc_cond_wake(&w->cond);
    oc_cond_unlock(&w->cond);
}

void oc_serve_executor_stop(oc_serve_executor *executor, uint64_t grace_ns)
{
    give_up_at(executor->watch, oc_now_ns() + grace_ns);
    oc_cond_lock(&executor->cond);
    executor->is_stopping = true;
    oc_serve_request *waiting = executor->first;
    executor->first = NULL;
    executor->last = &executor->first;
    for (oc_serve_request *r = waiting; r; r = r->next)
        r->state = OC_SERVE_RUNNING; /* out of the queue: it cannot be dropped any more */
    oc_cond_wake(&executor->cond);
    oc_cond_unlock(&executor->cond);
    while (waiting) {
        oc_serve_request *r = waiting;
        waiting = r->next;
        finish(executor, r, oc_fail(OC_E_LOST, "the worker is stopping: the part was not run"));
    }
    if (executor->is_running)
        pthread_join(executor->thread, NULL);
    executor->is_running = false;
}

void oc_serve_executor_fini(oc_serve_executor *executor)
{
    oc_cond_fini(&executor->cond);
    watch_unref(executor->watch);
}

void oc_serve_executor_put(oc_serve_executor *executor, oc_serve_request *request)
{
    request->next = NULL;
    request->queued_ns = oc_now_ns();
    request->queue_ns = request->compute_ns = 0;
    oc_cond_lock(&executor->cond);
    bool is_taken = !executor->is_stopping;
    request->state = is_taken ? OC_SERVE_QUEUED : OC_SERVE_RUNNING;
    if (is_taken) {
        *executor->last = request;
        executor->last = &request->next;
        oc_cond_wake(&executor->cond);
    }
    oc_cond_unlock(&executor->cond);
    if (!is_taken)
        finish(executor, request,
               oc_fail(OC_E_LOST, "the worker is stopping: the part was not run"));
}

void oc_serve_executor_take(oc_serve_executor *executor, oc_serve_request *request)
{
    oc_cond_lock(&executor->cond);
    request->state = OC_SERVE_FILLING;
    oc_cond_unlock(&executor->cond);
}

bool oc_serve_executor_drop(oc_serve_executor *executor, oc_serve_request *request)
{
    oc_cond_lock(&executor->cond);
    bool is_waiting = request->state == OC_SERVE_QUEUED;
    if (is_waiting) {
        oc_serve_request **at = &executor->first;
        while (*at != request)
            at = &(*at)->next;
        *at = request->next;
        if (!*at)
            executor->last = at;
        request->state = OC_SERVE_FILLING;
    }
    oc_cond_unlock(&executor->cond);
    return is_waiting;
}

/* ---- load ------------------------------------------------------------------------------------ */

void oc_serve_times_add(oc_serve_times *times, uint64_t ns)
{
    uint64_t sorted[OC_SERVE_RUNS];
    size_t count = 0;
    times->last_ns[times->n_runs++ % OC_SERVE_RUNS] = ns;
    size_t n = (size_t)OC_MIN(times->n_runs, (uint64_t)OC_SERVE_RUNS);
    for (size_t i = 0; i < n; i++) {
        size_t at = count++;
        for (; at > 0 && sorted[at - 1] > times->last_ns[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = times->last_ns[i];
    }
    times->typical_ns = sorted[n / 2];
}

static uint64_t expected_ns(const oc_serve_request *r, uint64_t mean_ns)
{
    uint64_t typical = r->node_ns ? 0 : r->part->times.typical_ns;
    return typical > 0 ? typical : mean_ns;
}

/* A run that is over its time is expected to take as long again as it is over. */
static uint64_t left_ns(uint64_t expected, uint64_t elapsed)
{
    return elapsed < expected ? expected - elapsed : elapsed - expected;
}

void oc_serve_executor_load(oc_serve_executor *executor, uint64_t mean_ns, uint64_t now_ns,
                            oc_serve_load *load)
{
    *load = (oc_serve_load){0};
    oc_cond_lock(&executor->cond);
    for (const oc_serve_request *r = executor->first; r; r = r->next) {
        load->n_waiting++;
        load->queue_ns += expected_ns(r, mean_ns);
    }
    if (executor->running) {
        uint64_t since = executor->running_ns;
        load->n_running = 1;
        load->queue_ns +=
            left_ns(expected_ns(executor->running, mean_ns), now_ns > since ? now_ns - since : 0);
    }
    oc_cond_unlock(&executor->cond);
}
