/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions: run inferences by a plan, here and on a worker, and survive the worker's failures. */
#ifndef OFFCUT_SESSION_H
#define OFFCUT_SESSION_H

#include <offcut/device.h>
#include <offcut/plan.h>
#include <offcut/telemetry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_session oc_session;

typedef struct oc_session_options {
    const char *const *workers;   /* "HOST:PORT" of each worker, at most OC_WORKERS_MAX; a plan uses the first that is there */
    size_t n_workers;
    uint32_t connect_timeout_ms;  /* how long the first run waits for workers that neither answer nor refuse; 0: 2000 */
    uint32_t worker_timeout_ms;   /* how long a run waits for a worker's answer before the tail runs elsewhere; 0: 10000 */
    bool is_worker_required;      /* fail instead of running the tail here */
    /**
     * Who decides where the network runs, at the start of every run and again at its decision points: rows of oc_policy_get joined by commas
     * ("latency", "deadline:50,privacy:conv1"). NULL: the plan that oc_session_set_plan sets, all-local at first.
     */
    const char *policy;
    const char *profile;          /* file with measured times (oc_profile_write); NULL: rooflines, corrected while running */
    uint32_t deadline_ms;         /* every run ends by then: with its answer, or with OC_E_DEADLINE; 0: as the policy says, or never */
    bool is_hedged;               /* when a worker's answer is late, start here too: the first answer wins */
    double audit;                 /* share of the worker's answers that is computed here again and compared bit for bit: 0 to 1 */
    const char *telemetry_root;   /* prefix of /sys and /proc; NULL: this machine's own */
    const char *log_path;         /* decision log (JSON lines) to write; NULL: none */
    uint32_t trace_spans;         /* how many spans to keep for oc_session_trace_write; 0: none */
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
    uint64_t connect_ns;    /* waiting until workers were connected and agreed to the model */
    uint64_t lost_ns;       /* spent on workers that did not answer */
    uint64_t decide_ns;     /* spent deciding, the longest decision, and how many there were: 0 without a policy */
    uint64_t decide_max_ns;
    uint32_t n_decisions;
    uint64_t predicted_ns;  /* the total that the first decision foretold; 0 without a policy */
    uint64_t bytes_sent, bytes_received;
    size_t edge_nodes;      /* that ran here for the answer */
    bool used_worker;       /* a worker's answer is in the outputs */
    uint32_t worker;        /* which: index into oc_session_options.workers */
    bool fell_back;         /* a worker was wanted and did not answer: the tail ran here, or on another worker */
    bool is_hedged;         /* the tail was begun here too */
    bool is_audited;        /* the worker's answer was computed here again and compared */
    char choice[96];        /* "forward after cut 7 (conv2) to 10.0.0.2:50051", "all-local": what was done */
    char reason[320];       /* why it fell back: one line; else empty */
    /* Of the local device: packed constants, values, the planned minimum, and what single kernels need beside them. */
    uint64_t weight_bytes, arena_bytes, arena_lower_bound, scratch_bytes;
} oc_report;

/** One place to forward, or staying here, as the first decision of the last run saw it (nanoseconds). Texts belong to the session, until the next run. */
typedef struct oc_option_info {
    const char *cut;        /* "7 (conv2)", "all-local" */
    const char *worker;     /* "HOST:PORT"; NULL: none */
    uint64_t edge_ns, encode_ns, send_ns, queue_ns, cloud_ns, receive_ns, total_ns;
    uint64_t bytes;         /* to send */
    uint64_t memory_bytes;  /* of the edge, for the head alone: constants in the model's layout and values */
    bool is_chosen;
    char verdict[96];       /* "chosen", "slower", "not allowed by privacy", "the worker is down: ..." */
} oc_option_info;

/** A decision in short. Texts belong to the session, until the next run. */
typedef struct oc_decision_info {
    const char *at;         /* the cut at which it was taken */
    uint64_t at_ns;         /* since the run began */
    const char *choice;     /* "forward now to ...", "stay", "forward after cut ..." */
    uint64_t predicted_ns;  /* of the whole run, what has passed included */
    double gap;             /* how far above the least possible, relative; NAN: not computed */
    const char *why;
} oc_decision_info;

/** A row of the policies; its texts are static. */
typedef struct oc_policy_info {
    const char *name, *argument, *help; /* argument NULL: none */
} oc_policy_info;
/** Row `index` into `*info`; false where there is none. */
OC_API bool oc_policy_get(size_t index, oc_policy_info *info);
/** What `memory:BYTES` in a policy allows, for oc_prepare_options.memory_bytes: a session only chooses among what was prepared. 0 where it says nothing. Errors: OC_E_ARG. */
OC_API OC_MUST_USE oc_status oc_policy_memory_bytes(const char *policy, uint64_t *bytes);

/**
 * A session on a prepared model. Runs all-local until oc_session_set_plan is called. With workers, connections are begun. With a policy it decides by itself.
 * Owns: the caller destroys `*session`; `prepared` outlives it. `options` NULL: defaults. Errors: OC_E_NOMEM, OC_E_DEVICE, OC_E_ARG (worker address, policy, audit), OC_E_NOTFOUND (a cut or node of the policy), those of reading a profile, OC_E_IO (log).
 * Threads: one session, one thread; several sessions may share `prepared`.
 */
OC_API OC_MUST_USE oc_status oc_session_create(oc_prepared *prepared, const oc_session_options *options, const oc_allocator *alloc, oc_session **session);
OC_API void oc_session_destroy(oc_session *session);

/** Follow `plan` from the next run on; NULL: all-local, or the policy where the session has one. The plan is borrowed until another one is set or the session is destroyed. Errors: OC_E_ARG (needs a worker and the session has none), OC_E_NOMEM, OC_E_DEVICE. */
OC_API OC_MUST_USE oc_status oc_session_set_plan(oc_session *session, const oc_plan *plan);

/**
 * One inference. `inputs` and `outputs`: as many tensors as the model has, with its descs, in its order; the caller owns their data. Blocks
 * until the outputs are complete. Nothing of ours is allocated. On failure outputs are undefined. `report` may be NULL.
 * Errors: OC_E_SHAPE, OC_E_DTYPE (tensor, expected, found), OC_E_DEVICE, OC_E_LOST (no worker answered and the edge cannot or must not run the tail, and why), OC_E_DEADLINE
 * (the run did not end by its deadline, and what it waited for).
 */
OC_API OC_MUST_USE oc_status oc_session_run(oc_session *session, const oc_tensor *inputs, size_t n_inputs, oc_tensor *outputs, size_t n_outputs, oc_report *report);

/** What the first decision of the last run chose from; empty without a policy. Belongs to the session, until the next run. */
OC_API const oc_option_info *oc_session_options_seen(const oc_session *session, size_t *count);
/** The decisions of the last run, in turn; empty without a policy. Belongs to the session, until the next run. */
OC_API const oc_decision_info *oc_session_decisions(const oc_session *session, size_t *count);
/** Median relative error of the predicted totals of the last runs; NAN while there are none. */
OC_API double oc_session_prediction_error(const oc_session *session);
/** What is measured now, workers included. */
OC_API void oc_session_snapshot(oc_session *session, oc_snapshot *snapshot);
/** The spans kept so far (the newest options->trace_spans) as Chrome trace JSON, whole or not at all. Errors: OC_E_IO, OC_E_ARG (none are kept), OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_session_trace_write(const oc_session *session, const char *path);

/** What was measured at one site. Texts and times belong to the call that shows it. */
typedef struct oc_profile_info {
    const char *role;        /* "edge", "worker" */
    const char *device, *driver;
    uint32_t threads;        /* of the device that were allowed; 0: all, or not known */
    const double *node_ns;   /* per node of the model; NAN: not measured */
} oc_profile_info;

typedef struct oc_profile_options {
    const char *worker;      /* "HOST:PORT": measure the nodes there too; NULL */
    uint32_t repeats;        /* runs that are measured here, or rows of short ones; the median counts (a worker has its own number); 0: 5 */
    const oc_log_sink *log;  /* borrowed for the call; NULL */
    /** Long work shows progress: `done` of `total` repeats here, with no node's name, or nodes of the worker; NULL. */
    void (*progress)(void *ctx, size_t done, size_t total, const char *node);
    void *progress_ctx;
    void (*on_site)(void *ctx, const oc_profile_info *site); /* each site once it is measured, the edge first; NULL */
    void *site_ctx;
} oc_profile_options;

/**
 * Measure every node here (`prepared`) and, where options->worker says so, there too, and write it to `path` as YAML, whole or not at all (NULL: nowhere).
 * Blocks, for seconds; a worker may take 10 s until it can be used. `options` NULL: defaults.
 * Errors: OC_E_IO, OC_E_ARG (worker address), OC_E_LOST (the worker cannot be used, and why), OC_E_UNSUPPORTED (it is too old), OC_E_DEVICE, OC_E_DEADLINE, OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_profile_write(oc_prepared *prepared, const oc_profile_options *options, const char *path);

/** One decision of a log, as it was and as another policy would have it. Texts belong to the replay, until the next call. */
typedef struct oc_replay oc_replay;
typedef struct oc_replay_info {
    uint64_t run;
    const char *at;                 /* the cut at which it was taken */
    const char *was, *would_be;     /* choices */
    uint64_t was_ns, would_be_ns;   /* predicted from then on, in the same situation */
    bool is_same;                   /* the same choice, bit for bit the same prediction */
    bool has_actual;                /* the run's last decision: the log has what it cost */
    uint64_t actual_ns;             /* of the run */
} oc_replay_info;
/** `policy` NULL: the log's own. Owns: the caller closes. Errors: OC_E_IO, OC_E_FORMAT (file, line, key), OC_E_ARG, OC_E_NOTFOUND (policy), OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_replay_open(const char *path, const char *policy, const oc_allocator *alloc, oc_replay **replay);
/** `*more` false: the log has ended. Errors: as oc_replay_open. */
OC_API OC_MUST_USE oc_status oc_replay_next(oc_replay *replay, oc_replay_info *info, bool *more);
/** The policy that is replayed, and the model's name; belong to the replay. Known after the first oc_replay_next. */
OC_API const char *oc_replay_policy(const oc_replay *replay);
OC_API const char *oc_replay_model(const oc_replay *replay);
OC_API void oc_replay_close(oc_replay *replay);

#ifdef __cplusplus
}
#endif
#endif
