/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The inside of the remote site: the connection (remote_site.c), its Status stream and what is learnt of link, clock and
 * load (remote_status.c), its parts (remote_part.c), measuring a network there (remote_profile.c).
 */
#ifndef REMOTE_H
#define REMOTE_H

#include "oc_flow.h"
#include "oc_link.h"
#include "oc_remote.h"
#include "oc_rpc.h"

#define REMOTE_TEXT 256
#define REMOTE_NAME_TEXT (OC_RPC_HOST_TEXT + 16)

#define REMOTE_OFFSETS 16
#define REMOTE_INTERVAL_MS 200 /* between messages of a Status stream that nobody asked for */
#define REMOTE_TICK_NS (UINT64_C(100) * 1000000)
#define REMOTE_DEVICE_TEXT 128

typedef struct remote_part remote_part;

/** The worker's clock minus ours, of the last round trips; the shortest is right within half of itself. */
typedef struct remote_clock {
    struct {
        int64_t offset_ns;
        uint64_t rtt_ns;
    } samples[REMOTE_OFFSETS]; /* a ring */
    uint64_t n_samples;
} remote_clock;

/** What was learnt of a worker. */
typedef struct remote_status {
    /* The innermost lock. Guarded by it: what runs feed, and health reads. */
    oc_cond lock;
    oc_link link;
    remote_clock clock;
    oc_worker_load load;
    size_t n_services;
    oc_worker_service services[OC_SERVICES_MAX];
    uint64_t bytes_sent, bytes_received, probe_bytes, lost;
    unsigned n_runs;         /* under way */
    bool was_busy;           /* a run was under way when the last request went, or its answer stood behind a pause */
    bool is_absent;          /* the worker has no Status */
    bool is_in_touch;        /* it was heard, and has not been silent for too long since */
    bool has_pinged, has_probed; /* on this connection; probed: or none was wanted */
    uint64_t up_ns;          /* since when there is a connection */

    /* The loop's; `call` is also guarded by the site's lock, for close. */
    grpc_call *call;         /* NULL: no stream */
    unsigned pending;        /* tags of it under way */
    oc_rpc_tag on_sent, on_message, on_end;
    grpc_byte_buffer *sending, *received;
    bool is_greeted;
    uint64_t begin_ns, heard_ns, retry_ns, pause_ns;
    uint64_t unasked_ns;     /* when the last message came that nobody had asked for; 0: none yet */
    bool is_paused;          /* the worker sends too much: the next message is read at the next tick */
    uint64_t last_id;
    uint64_t asked_id, asked_ns; /* the request whose answer is awaited; 0: none */
    size_t asked_bytes;          /* of its padding */
    uint64_t pinged_ns;      /* when the last ping went */
    grpc_metadata_array head, tail;
    grpc_status_code code;
    grpc_slice details;
} remote_status;

typedef struct remote_site {
    oc_site base;
    oc_rpc_loop loop;
    grpc_channel *channel;
    char name[REMOTE_NAME_TEXT]; /* "worker HOST:PORT" */
    const char *address;         /* in it */
    uint64_t hello_timeout_ns;
    oc_rpc_tag on_hello, on_change;

    /* Guarded by `cond`, which is woken when `pending` falls to 0. A site's lock is taken before a part's. */
    oc_cond cond;
    unsigned pending;        /* tags under way */
    bool is_closing;
    bool is_up;              /* a worker with our digest answered, and the connection stands */
    oc_status status;        /* not OC_OK: why it is not up */
    char text[REMOTE_TEXT];  /* why, or who is there */
    bool is_settled;         /* the peer answered: only a new connection can change what it said */
    char device[REMOTE_DEVICE_TEXT], driver[REMOTE_DEVICE_TEXT]; /* as it says */
    double peak_flops, peak_bytes_per_s;
    char model[OC_RPC_NAME_TEXT]; /* what that worker calls our graph */
    remote_part *parts;
    remote_status status_stream;

    /* The Hello under way; the loop's, but for its `call`, which close cancels. */
    oc_rpc_unary hello;
    bool is_first_hello;
} remote_site;

struct remote_part {
    oc_site_part base;
    remote_part *next; /* of the site */
    oc_waker *waker;
    size_t n_nodes;
    oc_flow_value *takes, *gives; /* data: the caller's memory, during a run */
    size_t n_takes, n_gives;
    char **take_names, **give_names; /* borrowed from the values, as Open wants them */
    oc_flow_value **order;           /* of the takes: as they were put */
    oc_rpc_tag on_sent, on_message, on_status;

    /* Guarded by `cond`, which is woken when the run becomes idle. */
    oc_cond cond;
    grpc_call *call;         /* of the run under way; NULL: idle */
    unsigned pending;        /* tags under way */
    char model[OC_RPC_NAME_TEXT]; /* the worker's name of the graph, in this run */
    uint64_t id, session, deadline_ns;
    uint64_t begin_ns;       /* first put or submit; 0: none yet */
    uint64_t first_ns, last_ns; /* the first message was handed to the link, the last value was here */
    bool has_paused;         /* the link waited for a put */
    bool has_parked;         /* a value waited for its get */
    uint64_t encode_ns, late_encode_ns; /* all of it, and that after the first byte went */
    size_t n_put, n_sent;    /* of `order`: put, and completely handed to the link */
    size_t gets_done;
    bool is_submitted, is_open_sent, is_closed;
    bool is_done;            /* the worker said Done */
    bool is_cancelled;       /* the caller's memory is left alone */
    bool is_told;            /* poll has said how the run ended, or nobody wants to know: it was cancelled */
    grpc_byte_buffer *sending, *received; /* received: also a chunk that waits for its get */
    bool is_sending;
    bool is_parked;          /* `received` waits for its get */
    oc_status status;        /* of the run; set early where an answer is wrong */
    char text[REMOTE_TEXT];
    oc_site_times times;
    uint64_t receive_ns, queue_ns, compute_ns, open_at_ns; /* as the worker reported them */
    grpc_metadata_array head, tail;
    grpc_status_code code;
    grpc_slice details;
};

static inline remote_site *remote_site_of(oc_site *site)
{
    return (remote_site *)site;
}

static inline remote_part *remote_part_of(oc_site_part *part)
{
    return (remote_part *)part;
}

/** Set `text` to one line about the site: its name, then what `fmt` says. */
void remote_say(const remote_site *site, char text[REMOTE_TEXT], const char *fmt, ...) OC_PRINTF(3, 4);
/** The status and the details of a call that failed, as one of ours with a line for people. */
oc_status remote_explain(const remote_site *site, grpc_status_code code, const grpc_metadata_array *tail, grpc_slice details, char text[REMOTE_TEXT]);

/** Locked: every part hears that something changed. */
void remote_wake(remote_site *site);

OC_MUST_USE oc_status remote_status_init(remote_site *site);
void remote_status_fini(remote_site *site);
/** Locked: a worker answered Hello on a new connection; the connection broke. */
void remote_status_up(remote_site *site);
void remote_status_down(remote_site *site);
/** Locked: end the stream for good. */
void remote_status_close(remote_site *site);
/** The loop's tick: begin the stream, ask, notice silence. */
void remote_status_tick(void *site);
/** Locked: all of `health` but is_up and text; whether it has measured what it can. */
bool remote_status_read(remote_site *site, oc_site_health *health);
/** A run begins. */
void remote_status_run_began(remote_site *site);
/**
 * A run ended: fills the moments in `p->times` (begin and end are there) and, where it went well, learns from its transfers.
 * The part is locked.
 */
void remote_status_run_ended(remote_site *site, remote_part *p);
void remote_skipped(oc_site *site, uint64_t bytes);
oc_status remote_profile(oc_site *site, double *node_ns, void (*progress)(void *ctx, size_t done, size_t total, const char *node), void *ctx);

oc_status remote_part_open(oc_site *site, const oc_part *part, const oc_id *pinned, size_t n_pinned, oc_waker *waker, oc_site_part **out);
void remote_part_close(oc_site_part *part);
oc_status remote_start(oc_site_part *part, const oc_site_run *run);
oc_status remote_put(oc_site_part *part, oc_id value, const oc_tensor *tensor);
oc_status remote_submit(oc_site_part *part, size_t first, size_t count);
oc_status remote_get(oc_site_part *part, oc_id value, oc_tensor *tensor);
void remote_poll(oc_site_part *part, oc_site_progress *progress);
void remote_cancel(oc_site_part *part);

#endif
