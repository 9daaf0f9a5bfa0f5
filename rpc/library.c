/* SPDX-License-Identifier: Apache-2.0 */
/* The gRPC library in this process: its life, its messages, and threads that work for it. */
#include "oc_rpc.h"

#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <signal.h>
#include <time.h>

/* ---- log ------------------------------------------------------------------------------------- */

static _Thread_local const oc_log_sink *log_sink;

static void route_log(gpr_log_func_args *args)
{
    static const oc_log_level levels[] = {[GPR_LOG_SEVERITY_DEBUG] = OC_LOG_DEBUG,
                                          [GPR_LOG_SEVERITY_INFO] = OC_LOG_INFO,
                                          [GPR_LOG_SEVERITY_ERROR] = OC_LOG_INFO};
    /* What fails for us comes as a status too, which is told where it matters. */
    if ((size_t)args->severity < OC_COUNT(levels))
        oc_log(log_sink, levels[args->severity], "grpc: %s", args->message);
}

const oc_log_sink *oc_rpc_log_thread(const oc_log_sink *sink)
{
    const oc_log_sink *before = log_sink;
    log_sink = sink;
    return before;
}

void oc_rpc_begin(void)
{
    gpr_set_log_function(route_log);
    grpc_init();
}

void oc_rpc_end(void)
{
    grpc_shutdown();
}

/* ---- time ------------------------------------------------------------------------------------ */

gpr_timespec oc_rpc_deadline(uint64_t at_ns)
{
    uint64_t now = oc_now_ns();
    if (at_ns == OC_NEVER_NS)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    uint64_t left = at_ns > now ? OC_MIN(at_ns - now, (uint64_t)INT64_MAX / 2) : 0;
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos((int64_t)left, GPR_TIMESPAN));
}

uint64_t oc_rpc_deadline_ns(gpr_timespec deadline)
{
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0)
        return OC_NEVER_NS;
    gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
    uint64_t now = oc_now_ns();
    if (left.tv_sec < 0)
        return now;
    if ((uint64_t)left.tv_sec > (UINT64_MAX - now) / GPR_NS_PER_SEC - 2)
        return OC_NEVER_NS;
    return now + (uint64_t)left.tv_sec * GPR_NS_PER_SEC + (uint64_t)left.tv_nsec;
}

/* ---- threads --------------------------------------------------------------------------------- */

oc_status oc_rpc_thread_start(void *(*run)(void *ctx), void *ctx, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? OC_OK : oc_fail(OC_E_NOMEM, "thread: %s", strerror(error));
}

void oc_rpc_loop_init(oc_rpc_loop *loop, const oc_log_sink *log)
{
    *loop = (oc_rpc_loop){.queue = grpc_completion_queue_create_for_next(NULL), .log = log};
}

/* Serve tags until the queue was shut down and is empty. */
static void serve(oc_rpc_loop *loop)
{
    loop->due_ns = loop->tick ? oc_now_ns() + loop->tick_ns : OC_NEVER_NS;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(loop->queue, oc_rpc_deadline(loop->due_ns), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return;
        if (event.type == GRPC_OP_COMPLETE) {
            const oc_rpc_tag *tag = event.tag;
            tag->done(tag->owner, event.success != 0);
        }
        if (loop->tick && oc_now_ns() >= loop->due_ns) {
            loop->due_ns = oc_now_ns() + loop->tick_ns;
            loop->tick(loop->tick_ctx);
        }
    }
}

static void *run_loop(void *ctx)
{
    oc_rpc_loop *loop = ctx;
    oc_rpc_log_thread(loop->log);
    serve(loop);
    return NULL;
}

oc_status oc_rpc_loop_start(oc_rpc_loop *loop)
{
    OC_TRY(oc_rpc_thread_start(run_loop, loop, &loop->thread));
    loop->is_running = true;
    return OC_OK;
}

void oc_rpc_loop_fini(oc_rpc_loop *loop)
{
    grpc_completion_queue_shutdown(loop->queue);
    if (loop->is_running)
        pthread_join(loop->thread, NULL);
    else
        serve(loop);
    grpc_completion_queue_destroy(loop->queue);
    *loop = (oc_rpc_loop){0};
}
