/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The site seam: a place that runs parts. The local machine and remote workers implement it alike.
 *
 * Nothing here blocks: a call starts something and returns; what has become of it is read by `poll`, and the
 * waker that the part was opened with is woken whenever poll would tell something new. One part belongs to one
 * session and one thread; different parts of one site may be used from different threads at once.
 *
 *     part_open -> ready -> { start -> put each take -> submit -> get each give -> poll ... done } -> part_close
 *
 * Memory given to put and get stays valid and untouched until poll says the run is idle, or cancel or part_close returned.
 */
#ifndef OC_SITE_H
#define OC_SITE_H

#include "oc_graph.h"

#include <offcut/telemetry.h>

typedef struct oc_site oc_site;
typedef struct oc_site_part oc_site_part;

/** Counts events; a session sleeps on it. Wake from any thread. */
typedef struct oc_waker {
    oc_cond cond;
    uint64_t events;
} oc_waker;

OC_MUST_USE oc_status oc_waker_init(oc_waker *waker);
void oc_waker_fini(oc_waker *waker);
void oc_waker_wake(oc_waker *waker);
/** The count now: read it before polling, then wait for it to change. */
uint64_t oc_waker_events(oc_waker *waker);
/** Sleep until the count differs from `seen` or the deadline passes. */
void oc_waker_wait(oc_waker *waker, uint64_t seen, uint64_t deadline_ns);

/**
 * Where the time of one run went, nanoseconds; what a site does not have stays 0. For a worker:
 *   encode   putting the values into messages, on this side
 *   send     from the first byte handed to the link until the worker has the last one (by the clocks' offset; where that is not known, the duration by its own clock)
 *   queue    waiting on the worker (it reports it)
 *   compute  kernels and copies on the worker (it reports it)
 *   receive  the rest of the time until the last wanted value was here
 * so that the five add up to `total`. For the local site only compute and total are set.
 */
typedef struct oc_site_times {
    uint64_t encode_ns, send_ns, queue_ns, compute_ns, receive_ns, total_ns;
    uint64_t bytes_sent, bytes_received; /* messages as they go to the transport */
    /* When, of oc_now_ns; 0 where it is not known. The worker's clock is converted by its estimated offset and kept between begin and end. */
    uint64_t begin_ns, end_ns;           /* first put or submit, idle */
    uint64_t there_ns, started_ns, computed_ns; /* worker: the last value was there, kernels began, kernels ended */
} oc_site_times;

typedef struct oc_site_progress {
    bool is_ready;        /* the part can be started: prepared, and the peer agreed to the digest */
    bool is_idle;         /* nothing of a run is under way: finished, failed, cancelled, or never started */
    size_t submits_done;  /* calls of submit whose nodes have run */
    size_t gets_done;     /* values of `get` that are in */
    oc_status status;     /* not OC_OK: the part or the run failed, and `text` says why */
    char text[256];
    oc_site_times times;  /* complete once idle */
    /* What the part holds on the site's device, where the site knows it (the local one). */
    uint64_t arena_bytes, arena_lower_bound, scratch_bytes;
} oc_site_progress;

typedef struct oc_site_run {
    uint64_t id;          /* names the run in logs and makes retries safe: a worker drops an older try of the same id and session; never 0 */
    uint64_t session;     /* random, of the session: ids of different clients differ by it */
    uint64_t deadline_ns; /* of oc_now_ns; OC_NEVER_NS: none */
} oc_site_run;

/** What can be said of a site without running anything. For the local site `worker` has only is_up and text. */
typedef struct oc_site_health {
    bool is_settled;      /* it is known whether it can be used, and something of its link was measured: waiting longer tells nothing more */
    oc_worker_status worker;
    char device[128], driver[128]; /* of a worker, as it says; empty while not known */
} oc_site_health;

typedef struct oc_site_type {
    const char *name;     /* "local", "remote" */
    void (*close)(oc_site *site); /* after its parts */
    /**
     * Prepare to run `part` (copied) again and again. `pinned`: values that stay readable in the site until the next start,
     * also after later nodes ran, and that `get` may ask for beside part->gives (a site that cannot hold values ignores it). Errors: OC_E_NOMEM, OC_E_DEVICE; all else comes by poll.
     * A site may have any number of parts open; one that is not started costs little.
     */
    oc_status (*part_open)(oc_site *site, const oc_part *part, const oc_id *pinned, size_t n_pinned, oc_waker *waker, oc_site_part **out);
    void (*part_close)(oc_site_part *part); /* cancels, waits until idle */

    oc_status (*start)(oc_site_part *part, const oc_site_run *run);
    /** A value of takes, whole; locally also one that the part would make itself and that another site made instead. */
    oc_status (*put)(oc_site_part *part, oc_id value, const oc_tensor *tensor);
    /** Nodes part->nodes[first .. first+count), in turn, after what was submitted before. A remote site takes the whole part only. */
    oc_status (*submit)(oc_site_part *part, size_t first, size_t count);
    /**
     * A value of gives (or pinned) into `tensor`, whose desc is the value's, when it is made. Locally: a value whose maker poll has counted as
     * done (submits_done) is read at once, on the transfer queue, not behind what was submitted since.
     */
    oc_status (*get)(oc_site_part *part, oc_id value, oc_tensor *tensor);
    void (*poll)(oc_site_part *part, oc_site_progress *progress);
    /**
     * Drop what has not begun; the run becomes idle soon, with status OC_E_CANCELLED unless it was done. Once this returns, memory
     * that was given to put and get is not touched any more: a site whose device is using it waits (the one call that may).
     */
    void (*cancel)(oc_site_part *part);
    void (*health)(oc_site *site, oc_site_health *health); /* cheap: read at every decision */
    /** A run did without this site, and forwarding it whole would have sent so many bytes: what probes are measured by. NULL: not a worker. */
    void (*skipped)(oc_site *site, uint64_t bytes);
    /**
     * Measure each node of the whole network at the site, `node_ns` per node of the graph (NAN: not measured); blocks, for seconds; `progress` as oc_exec_progress.
     * Errors: OC_E_LOST, OC_E_UNSUPPORTED (the worker is too old), OC_E_DEVICE, OC_E_CANCELLED. NULL: not a worker; an exec is measured by oc_exec_profile.
     */
    oc_status (*profile)(oc_site *site, double *node_ns, void (*progress)(void *ctx, size_t done, size_t total, const char *node), void *ctx);
} oc_site_type;

/** The common head of every site and part; a type embeds it as its first member. */
struct oc_site {
    const oc_site_type *type;
    const oc_allocator *alloc;
    const oc_graph *graph;
};
struct oc_site_part {
    oc_site *site;
};

/** This machine: runs parts by lanes of `exec`, which outlives the site. */
struct oc_exec;
OC_MUST_USE oc_status oc_local_site_open(struct oc_exec *exec, const oc_allocator *alloc, oc_site **site);

#endif
