/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions: run inferences by a plan, here and on a worker, and survive the worker's failures. */
#ifndef OFFCUT_SESSION_H
#define OFFCUT_SESSION_H

#include <offcut/device.h>
#include <offcut/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_session oc_session;

typedef struct oc_session_options {
    const char *worker;           /* "HOST:PORT" of a worker for the plan's worker site; NULL: none */
    uint32_t connect_timeout_ms;  /* how long the first run waits for a worker that neither answers nor refuses; 0: 2000 */
    uint32_t worker_timeout_ms;   /* how long a run waits for the worker's answer before it runs the tail here; 0: 10000 */
    bool is_worker_required;      /* fail instead of running the tail here */
    const oc_log_sink *log;       /* borrowed for the session's life; NULL */
    /** Called during a run when something happened a person may want to see ("sent", "waiting"...): `event` is static text; NULL. */
    void (*on_event)(void *ctx, const char *event);
    void *event_ctx;
} oc_session_options;

/** What one run did and where its time went (nanoseconds). */
typedef struct oc_report {
    uint64_t total_ns;
    uint64_t edge_ns;       /* kernels and copies here, the fallback included */
    uint64_t encode_ns, send_ns, queue_ns, cloud_ns, receive_ns; /* of the worker's part, 0 without one */
    uint64_t connect_ns;    /* waiting until the worker was connected and agreed to the model */
    uint64_t lost_ns;       /* spent on a worker that did not answer */
    uint64_t bytes_sent, bytes_received;
    bool used_worker;       /* the worker's answer is in the outputs */
    bool fell_back;         /* the plan wanted a worker, the tail ran here */
    char reason[320];       /* why it fell back: one line; else empty */
    /* Of the local device: packed constants, values, the planned minimum, and what single kernels need beside them. */
    uint64_t weight_bytes, arena_bytes, arena_lower_bound, scratch_bytes;
} oc_report;

/**
 * A session on a prepared model. Runs all-local until oc_session_set_plan is called. With options->worker a connection is begun.
 * Owns: the caller destroys `*session`; `prepared` outlives it. `options` NULL: defaults. Errors: OC_E_NOMEM, OC_E_DEVICE, OC_E_ARG (worker address).
 * Threads: one session, one thread; several sessions may share `prepared`.
 */
OC_API OC_MUST_USE oc_status oc_session_create(oc_prepared *prepared, const oc_session_options *options, const oc_allocator *alloc, oc_session **session);
OC_API void oc_session_destroy(oc_session *session);

/** Follow `plan` from the next run on; NULL: all-local. The plan is borrowed until another one is set or the session is destroyed. Errors: OC_E_ARG (needs a worker and the session has none), OC_E_NOMEM, OC_E_DEVICE. */
OC_API OC_MUST_USE oc_status oc_session_set_plan(oc_session *session, const oc_plan *plan);

/**
 * One inference. `inputs` and `outputs`: as many tensors as the model has, with its descs, in its order; the caller owns their data. Blocks
 * until the outputs are complete. Nothing of ours is allocated. On failure outputs are undefined. `report` may be NULL.
 * Errors: OC_E_SHAPE, OC_E_DTYPE (tensor, expected, found), OC_E_DEVICE, OC_E_LOST and OC_E_DEADLINE (worker required, and why).
 */
OC_API OC_MUST_USE oc_status oc_session_run(oc_session *session, const oc_tensor *inputs, size_t n_inputs, oc_tensor *outputs, size_t n_outputs, oc_report *report);

#ifdef __cplusplus
}
#endif
#endif
