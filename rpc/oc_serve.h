/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The inside of a worker.
 *
 *     loop thread                                     executor thread
 *     call: bytes in -> request filled -> queue  ---> lane: write, run, read
 *     call: messages out <- request <- tag       <--- done
 *
 * Calls, requests and the cache of parts belong to the loop's thread; only a request that is queued or
 * runs is the executor's. So nothing but the executor's queue has a lock.
 */
#ifndef OC_SERVE_H
#define OC_SERVE_H

#include "oc_exec.h"
#include "oc_flow.h"
#include "oc_graph.h"
#include "oc_rpc.h"
#include "oc_telemetry.h"

#include <offcut/worker.h>

#include <semaphore.h>
#include <stdatomic.h>

typedef struct oc_serve_model {
    char *name; /* as clients name it */
    char *path;
    oc_worker_model_info info; /* of the members around it */
    oc_graph *graph;
    oc_exec *exec;
    char digest[OC_DIGEST_TEXT];
} oc_serve_model;

/* ---- parts: served again without being planned again ----------------------------------------- */

#define OC_SERVE_PARTS 16   /* lanes kept; more only while all of them are in use */
#define OC_SERVE_SPARES 2   /* idle requests kept per part */
#define OC_SERVE_ERROR 512
#define OC_SERVE_VERSION "1" /* a worker has one version of each model */

#define OC_SERVE_RUNS 15    /* of a part: what its time is estimated from */

typedef struct oc_serve_request oc_serve_request;

/** How long something takes: the median of its last runs. */
typedef struct oc_serve_times {
    uint64_t last_ns[OC_SERVE_RUNS]; /* a ring */
    uint64_t n_runs;
    uint64_t typical_ns;             /* 0: it has never run */
} oc_serve_times;
void oc_serve_times_add(oc_serve_times *times, uint64_t ns);

typedef struct oc_serve_part {
    const oc_serve_model *model;
    oc_part part;
    bool is_whole;          /* from the model's inputs, as far as they are needed */
    oc_lane *lane;          /* the executor's: made at the first run, and again after a failure */
    size_t in_use;          /* requests given out */
    uint64_t used_at;       /* of oc_serve.clock */
    oc_serve_times times;   /* the loop's */
    oc_serve_request *spares;
    size_t n_spares;
    struct oc_serve_part *next;
} oc_serve_part;

typedef enum oc_serve_state { OC_SERVE_FILLING, OC_SERVE_QUEUED, OC_SERVE_RUNNING, OC_SERVE_DONE } oc_serve_state;

/** One run of a part: exactly the memory of its values, filled by a call, run by the executor. */
struct oc_serve_request {
    oc_serve_part *part;
    oc_serve_request *next; /* spare, or queued */
    uint8_t *memory;        /* of all values below */
    size_t bytes;           /* of it, as oc_worker.held_bytes counts it */
    oc_flow_value *takes, *gives;
    size_t n_takes, n_gives;
    uint64_t id, session;   /* the client's, for logs and to know another try of it */
    uint64_t deadline_ns;   /* the run must have begun by then */
    uint64_t queued_ns;
    uint64_t queue_ns, compute_ns; /* set when done */
    double *node_ns;        /* per node of the part: it is measured instead of run. NULL: it is run */
    atomic_bool is_unwanted; /* nobody waits for a measurement any more: it may end early */
    oc_serve_state state;   /* guarded by the executor's lock once queued */
    oc_status status;       /* set when done */
    char text[OC_SERVE_ERROR];
    bool is_stuck;          /* the device may still use `memory`: it is never freed */
    void (*done)(void *owner); /* on the executor's thread; the request is the call's again */
    void *owner;
};

/* ---- executor: one thread, one device, first come first served ------------------------------- */

typedef struct oc_serve_watch oc_serve_watch; /* of what the device was told to do */

typedef struct oc_serve_executor {
    oc_cond cond;
    pthread_t thread;
    bool is_running;
    bool is_stopping;
    oc_serve_request *first, **last;
    oc_serve_request *running; /* and since when */
    uint64_t running_ns;
    oc_serve_watch *watch;
    oc_dev *dev;
    const oc_allocator *alloc;
    const oc_log_sink *log;
} oc_serve_executor;

OC_MUST_USE oc_status oc_serve_executor_init(oc_serve_executor *executor, oc_dev *dev, const oc_allocator *alloc, const oc_log_sink *log);
OC_MUST_USE oc_status oc_serve_executor_start(oc_serve_executor *executor);
/**
 * Fail what waits (OC_E_LOST), finish what runs, end the thread. Requests put later fail likewise. A part that still
 * runs after `grace_ns` is lost, and the device with it: it is given up, and runs nothing any more.
 */
void oc_serve_executor_stop(oc_serve_executor *executor, uint64_t grace_ns);
void oc_serve_executor_fini(oc_serve_executor *executor);
void oc_serve_executor_put(oc_serve_executor *executor, oc_serve_request *request);
/** The request is the caller's again, after its `done`. */
void oc_serve_executor_take(oc_serve_executor *executor, oc_serve_request *request);
/** Take a waiting request back: true, and `done` will not be called. False: it runs or is done. */
bool oc_serve_executor_drop(oc_serve_executor *executor, oc_serve_request *request);

/** What a request that comes now would find. `mean_ns`: the time of a part that has never run. */
typedef struct oc_serve_load {
    uint64_t queue_ns;
    uint32_t n_waiting, n_running;
} oc_serve_load;
/** From the loop's thread, which the parts' times belong to. */
void oc_serve_executor_load(oc_serve_executor *executor, uint64_t mean_ns, uint64_t now_ns, oc_serve_load *load);

/* ---- calls ----------------------------------------------------------------------------------- */

#define OC_SERVE_CALLS_SPARE 32 /* calls beside those with a request: small questions and refusals */
#define OC_SERVE_STATUSES 16    /* Status streams, which live as long as their clients */
#define OC_SERVE_CONNECTIONS 4  /* a connection has at most one in so many of the calls */

typedef struct oc_serve_call oc_serve_call;

/** A method by its path. A question has `answer`; else the other three drive the call. */
typedef struct oc_serve_method {
    const char *path;
    size_t bytes_max;  /* of a message; 0: the worker's limit */
    /** Errors become the call's status. `*reply` is sent. */
    oc_status (*answer)(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
    /** A message came. Errors end the call. Ask for more with oc_serve_call_read. */
    oc_status (*message)(oc_serve_call *call, oc_bytes bytes);
    /** The request ran well. */
    oc_status (*ran)(oc_serve_call *call);
    /** What oc_serve_call_send sent is on its way; NULL where nothing is sent that way. */
    oc_status (*sent)(oc_serve_call *call);
    /** The client will send no more; NULL where that is an error. */
    oc_status (*finished)(oc_serve_call *call);
} oc_serve_method;

/** A Status stream: the state of its call. It sends and receives at once, and only the newest request waits. */
typedef struct oc_serve_status {
    bool is_open;             /* counted in oc_worker.n_statuses */
    bool is_asked;            /* `id` waits until what is being sent has gone */
    bool has_ended;           /* the client asks no more */
    uint64_t id, received_ns;
    uint64_t interval_ns, due_ns; /* of what nobody asked for; 0, OC_NEVER_NS: none */
    uint64_t services_ns, services_at; /* when services were sent, and which (oc_worker.n_measured) */
} oc_serve_status;

struct oc_serve_call {
    oc_worker *worker;
    const oc_serve_method *method;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *received, *sending;
    int is_cancelled;         /* gRPC's answer to RECV_CLOSE_ON_SERVER */
    oc_rpc_tag on_new, on_message, on_sent, on_closed, on_ran;
    unsigned pending;         /* of these tags, those under way */
    bool is_open; /* a client's call is in it: known on the loop's thread, unlike `call`, which gRPC sets before */
    bool is_greeted, is_ended;
    bool is_cut;              /* its place is being taken away */
    bool has_left;            /* its request still runs, but counts no more in oc_worker.n_requests */
    bool is_running;          /* on_ran is among the pending */
    bool is_answering;        /* it ran, its values are being sent */
    oc_serve_request *request;
    oc_buf id, head, tensor;  /* ModelInfer: what the client calls its request; the answer being built */
    uint64_t opened_ns, receive_ns;
    uint64_t heard_ns;        /* when the last message was here */
    oc_serve_status status;
    uint64_t moved_ns;        /* when a message was last asked for or sent */
    struct oc_serve_call *next; /* free */
};

/** Messages are read one at a time. */
void oc_serve_call_read(oc_serve_call *call);
/** Send a message (taken); the method's `sent` is called. */
void oc_serve_call_send(oc_serve_call *call, grpc_byte_buffer *message);
/** Send the last message (taken; NULL: none) and the status. Where another message is still being sent, the call is broken off with the status. */
void oc_serve_call_end(oc_serve_call *call, oc_status status, grpc_byte_buffer *message);
/** Hand the call's filled request to the executor; the method's `ran` is called, or the call ends with its error. */
void oc_serve_call_run(oc_serve_call *call);
/** Admit the call: give it a request (see oc_serve_request_open). Errors: also OC_E_BUSY (the worker is full), OC_E_LOST (it is stopping). */
OC_MUST_USE oc_status oc_serve_call_open(oc_serve_call *call, const oc_serve_model *model, const oc_id *takes, size_t n_takes, const oc_id *gives, size_t n_gives);

/** Before `call` is admitted: drop every other one that has a request of this session and id, an older try, whose answer nobody waits for. */
void oc_serve_call_supersede(const oc_serve_call *call, uint64_t session, uint64_t id);

/* ---- the worker ------------------------------------------------------------------------------ */

struct oc_worker {
    const oc_allocator *alloc;
    oc_log_sink log_copy;
    const oc_log_sink *log;    /* &log_copy or NULL */
    uint32_t message_bytes_max, requests_max;
    uint64_t memory_bytes; /* what all requests may hold together */
    uint64_t stall_ns; /* how long a client may neither send nor take */
    uint64_t first_ns; /* how long a client may take for a small first message; and what is idle where places are short */
    uint64_t grace_ns; /* how long answers may take to go out when the worker stops */
    oc_dev *dev;
    oc_serve_model *models;
    size_t n_models;
    grpc_server *server;
    oc_rpc_loop loop;
    int port;
    bool has_run;
    sem_t stop;                /* posted by oc_worker_stop */
    oc_serve_executor executor;
    bool has_executor;
    /* Guarded by `cond`: between the thread of oc_worker_run and the loop's. */
    oc_cond cond;
    bool is_stopping, is_shut;
    oc_rpc_tag on_shut;
    /* The loop's. */
    oc_serve_call *calls, *free_calls;
    size_t n_calls;
    bool is_listening;         /* a call is waiting to be new */
    bool is_closed;            /* no more calls come */
    size_t n_requests;
    size_t n_statuses;
    uint64_t n_measured;       /* runs that changed a part's times */
    oc_telemetry *telemetry;
    size_t held_bytes;         /* of all requests, spare ones and lost memory too */
    oc_serve_part *parts;
    size_t n_parts;
    uint64_t clock;
};

/** Whether the worker has begun to stop. Any thread. */
bool oc_serve_is_stopping(oc_worker *worker);
/** Errors: OC_E_NOTFOUND (what is served). */
OC_MUST_USE oc_status oc_serve_find_model(oc_worker *worker, oc_bytes name, const oc_serve_model **model);
const oc_serve_method *oc_serve_find_method(grpc_slice path);

/**
 * A request for the part that makes `gives` of `takes`, which ascend; for takes NULL: of whatever model inputs they need.
 * Errors: OC_E_ARG (the part), OC_E_LIMIT, OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_serve_request_open(oc_worker *worker, const oc_serve_model *model, const oc_id *takes, size_t n_takes, const oc_id *gives, size_t n_gives, oc_serve_request **request);
void oc_serve_request_close(oc_worker *worker, oc_serve_request *request);
/** All lanes and spare requests. Nothing is in use. */
void oc_serve_parts_fini(oc_worker *worker);

/** Make the calls; listen for the first; and once a second end those whose clients do not go on. */
OC_MUST_USE oc_status oc_serve_calls_init(oc_worker *worker);
void oc_serve_calls_begin(oc_worker *worker);
void oc_serve_calls_fini(oc_worker *worker);
#define OC_SERVE_TICK_NS UINT64_C(1000000000)
void oc_serve_on_tick(void *worker);

/* The methods, each in its file. */
oc_status oc_serve_hello(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_health(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_server_live(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_server_ready(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_model_ready(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_server_metadata(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_model_metadata(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply);
oc_status oc_serve_infer_message(oc_serve_call *call, oc_bytes bytes);
oc_status oc_serve_infer_ran(oc_serve_call *call);
oc_status oc_serve_part_message(oc_serve_call *call, oc_bytes bytes);
oc_status oc_serve_part_ran(oc_serve_call *call);
oc_status oc_serve_part_sent(oc_serve_call *call);
oc_status oc_serve_status_message(oc_serve_call *call, oc_bytes bytes);
oc_status oc_serve_status_sent(oc_serve_call *call);
oc_status oc_serve_status_finished(oc_serve_call *call);
/** Send what is due, and be called again in time for what is due next. */
void oc_serve_status_tick(oc_worker *worker, uint64_t now_ns);
/** Its call is released. */
void oc_serve_status_close(oc_serve_call *call);

#endif
