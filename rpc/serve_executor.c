/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that runs requests on the device, in the order they came. */
#include "oc_serve.h"

#include <stdio.h>

/* A device that has not finished a part by then is stuck: the reference device needs a minute for
 * the largest networks. */
#define RUN_LIMIT_NS (UINT64_C(600) * 1000000000)

/* Commands that were queued read and write the request's memory: they are waited for, also after a
 * failure. */
static oc_status run_lane(oc_serve_request *r)
{
    oc_lane *lane = r->part->lane;
    oc_status status = OC_OK;
    for (size_t i = 0; i < r->n_takes && status == OC_OK; i++)
        status = oc_lane_write(lane, r->takes[i].id, r->takes[i].data, r->takes[i].bytes);
    if (status == OC_OK)
        status = oc_lane_submit(lane, 0, r->part->part.n_nodes);
    for (size_t i = 0; i < r->n_gives && status == OC_OK; i++)
        status = oc_lane_read(lane, r->gives[i].id, r->gives[i].data, r->gives[i].bytes);
    oc_status waited = oc_lane_wait(lane, oc_now_ns() + RUN_LIMIT_NS);
    r->is_stuck = waited == OC_E_DEADLINE || waited == OC_E_LOST;
    if (status == OC_OK && waited == OC_E_DEADLINE)
        return oc_fail(OC_E_LOST, "the device did not finish the part");
    return status != OC_OK ? status : waited;
}

static oc_status run_request(oc_serve_executor *executor, oc_serve_request *r)
{
    oc_serve_part *part = r->part;
    if (oc_now_ns() >= r->deadline_ns)
        return oc_fail(OC_E_DEADLINE,
                       "the deadline passed before the part could begin: it was not run");
    if (!part->lane)
        OC_TRY(oc_lane_create(part->model->exec, part->part.nodes, part->part.n_nodes,
                              part->part.gives, part->part.n_gives, executor->alloc, &part->lane));
    uint64_t begin_ns = oc_now_ns();
    r->queue_ns = begin_ns - r->queued_ns;
    oc_status status = run_lane(r);
    r->compute_ns = oc_now_ns() - begin_ns;
    if (status != OC_OK) {
        oc_lane_destroy(part->lane); /* a lane that failed stays failed */
        part->lane = NULL;
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

oc_status oc_serve_executor_start(oc_serve_executor *executor, const oc_allocator *alloc,
                                  const oc_log_sink *log)
{
    *executor = (oc_serve_executor){.alloc = alloc, .log = log};
    executor->last = &executor->first;
    OC_TRY(oc_cond_init(&executor->cond));
    oc_status status = oc_rpc_thread_start(run_executor, executor, &executor->thread);
    if (status != OC_OK)
        oc_cond_fini(&executor->cond);
    executor->is_running = status == OC_OK;
    return status;
}

void oc_serve_executor_stop(oc_serve_executor *executor)
{
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
