/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The inside of a session, shared by its files:
 *   session.c  life, options, what the public may read
 *   edge.c     the edge's side of a run: its one lane, and which values are where
 *   attempt.c  one try of a part on a worker; nothing blocks
 *   walk.c     follows a plan that was set
 *   scene.c    what a policy decides on: net, costs, planner, and the parts that its cuts need
 *   decide.c   fills the situation, decides, remembers and logs it
 *   course.c   the edge runs towards a cut, in chunks, at most one ahead
 *   tail.c     the rest on a worker, here too where the worker is late, and compared where it is audited
 *   adapt.c    a run by policy, from the first decision to the outcome
 *   explain.c  decisions as people read them
 *   spans.c    what goes to the trace
 */
#ifndef SESSION_H
#define SESSION_H

#include "oc_breaker.h"
#include "oc_correct.h"
#include "oc_decision_log.h"
#include "oc_policy.h"
#include "oc_profile.h"
#include "oc_session.h"
#include "oc_telemetry.h"
#include "oc_tensor.h"
#include "oc_trace.h"

#define SESSION_NAME 128

/* ---- the edge ------------------------------------------------------------------------------------ */

/** One lane, and of the run under way: which values its arena has, and where the host has them. All made ahead. */
typedef struct edge {
    oc_arena arena;
    oc_part part;                 /* its nodes, in the order in which they are submitted */
    oc_site_part *site_part;
    oc_tensor *near, *far;        /* per value: host memory for what comes from the edge (and for copies of inputs), and from a worker */
    bool *on_edge;                /* per value */
    const oc_tensor **at_host;    /* per value: NULL while the host does not have it */
    size_t n_submits, n_gets;     /* asked of the part in this run */
    size_t n_wanted;              /* of the gets, up to the last that is still waited for: an audit may be given up */
    bool is_begun;                /* the part was started in this run, and has the inputs */
} edge;

typedef struct run run;

/** `e->part` is filled by the caller, and the edge's from then on. Opens the lane. */
OC_MUST_USE oc_status edge_open(oc_session *s, edge *e, const oc_id *pinned, size_t n_pinned);
OC_MUST_USE oc_status edge_init(oc_session *s, edge *e);
void edge_close(oc_session *s, edge *e);
OC_MUST_USE oc_status edge_stage(oc_session *s, oc_tensor *memory, oc_id value);
/** Memory for the outputs that are constant, and their bytes; with `is_all` for every input and output. */
OC_MUST_USE oc_status edge_stage_ends(oc_session *s, edge *e, bool is_all);

/** Forget the last run; what the host has is the inputs and constants. */
void edge_reset(run *r);
/** Start the part, once the device is done with the last run. Errors: OC_E_DEADLINE, the device's. */
OC_MUST_USE oc_status edge_begin(run *r);
OC_MUST_USE oc_status edge_put(run *r, oc_id value);
OC_MUST_USE oc_status edge_submit(run *r, size_t first, size_t count);
/** Whether it could begin, or go on, without waiting for what an earlier run left. */
bool edge_is_free(run *r);
/** Whether it can be used: the device is not lost, and did not fail in this run. */
bool edge_is_up(const run *r);
/** Ask for values that the host does not have yet; edge_wait_gets waits for them. */
OC_MUST_USE oc_status edge_ask(run *r, const oc_id *values, size_t count);
OC_MUST_USE oc_status edge_wait_gets(run *r);
void edge_poll(run *r, oc_site_progress *now);
/** Wait until the device uses no memory of the run any more. */
void edge_settle(run *r);

/* ---- a run ---------------------------------------------------------------------------------------- */

/** What runs in one go: between two cuts. It is done when so many calls of submit are. */
typedef struct chunk {
    uint32_t from, to;
    size_t n_submits;
    uint64_t begin_ns;
} chunk;

/** How far the edge is. */
typedef struct course {
    uint32_t done, given;         /* cuts: what has run, what was submitted */
    chunk chunks[2];
    size_t n_chunks;
    uint64_t free_ns;             /* when the device had finished what was before the chunks */
    bool has_asked;               /* for the outputs: nothing is decided any more */
    size_t n_finished;            /* chunks that have run */
    bool is_whole;                /* the first chunk was all there is: judged with the fetching of its outputs */
    chunk whole;
} course;

/** What a plan gave the edge since it last waited for it: one span of the trace. */
typedef struct pending_nodes {
    oc_id first, last;
    uint64_t begin_ns;            /* 0: nothing */
} pending_nodes;

struct run {
    oc_session *s;
    edge *edge;
    const oc_tensor *inputs;
    oc_tensor *outputs;
    oc_site_run site_run;
    uint64_t begin_ns, deadline_ns;
    uint64_t answer_ns;           /* when the answer was there: auditing comes behind it */
    bool is_staged;               /* devices get copies: the run may end before they are done */
    bool is_edge_gone;            /* its device failed in this run: what is left of it is a worker's */
    bool is_excluded[OC_WORKERS_MAX], is_asked[OC_WORKERS_MAX];
    uint32_t usable;              /* workers, as bits, that could be asked when it was last looked for a chance */
    oc_site_times tail_times;     /* of the worker's answer */
    uint64_t actual_ns;           /* what is compared with the prediction; 0: there was no answer */
    pending_nodes pending;
    char impossible[160];         /* why the last decision could do nothing; else empty */
    oc_status worker_status;      /* why no worker may be asked any more; the text is report.reason */
    course course;
    oc_report report;
};

void run_tell(const run *r, const char *event);
/** Sleep for a change, at most until `until_ns` or the run's deadline; now and then wakes without one, so that a device that never ends is given up. */
void run_wait(run *r, uint64_t seen, uint64_t until_ns);
bool run_is_late(const run *r);
/** OC_E_DEADLINE; `what` the run waited for. */
OC_MUST_USE oc_status run_fail_late(const run *r, const char *what);
void run_set_reason(run *r, const char *fmt, ...) OC_PRINTF(2, 3);
/** Copy what the host has to the caller's outputs. */
void run_deliver(run *r);
/** Whether this run's answer is computed here again. */
bool run_is_audited(const run *r);

/* ---- a try on a worker ------------------------------------------------------------------------------ */

typedef enum attempt_state { ATTEMPT_NONE, ATTEMPT_WAITING, ATTEMPT_SENT, ATTEMPT_ANSWERED, ATTEMPT_FAILED } attempt_state;

typedef struct attempt {
    uint32_t worker;
    oc_site_part *part;
    const oc_part *what;
    attempt_state state;
    bool is_started;              /* the breaker knows of it */
    uint64_t begin_ns;
    uint64_t answer_by_ns;        /* given up then */
    uint64_t blame_ns;            /* from then on its silence counts as a failure: it had its time, or about twice what was predicted */
    oc_prediction predicted;      /* its parts NAN where nothing was */
    oc_site_times times;
} attempt;

/**
 * The values that `what` takes must be at the host. Values that it gives come to edge->far. It is given up at `by_ns`, or when the
 * worker's time limit is over. `predicted` NULL: not known.
 */
void attempt_begin(run *r, attempt *a, uint32_t worker, oc_site_part *part, const oc_part *what, uint64_t by_ns, const oc_prediction *predicted);
/** Go on and see. ATTEMPT_FAILED: cancelled, the breaker was told, the worker is excluded from this run. ATTEMPT_ANSWERED: the times are in the report. */
attempt_state attempt_poll(run *r, attempt *a);
/** Cancel: what it would have said is not wanted any more. A worker that had its time counts as failed: else a silent one would be asked for ever. */
void attempt_drop(run *r, attempt *a);
/** Whether the worker may be asked in this run; else `why` (96 bytes) says why not. */
bool attempt_is_allowed(run *r, uint32_t worker, char why[96]);
/**
 * No worker could run the rest, and the edge cannot: wait, by the run's deadline, for one that may be asked. One that failed in
 * this run may be asked again, as its breaker allows. Returns when others may be asked than before, now and then also for the same
 * ones. False: the deadline came, or there is none, or no worker.
 */
bool attempt_wait_chance(run *r);
/** An answer turned out to be wrong. */
void attempt_distrust(run *r, uint32_t worker);
/** Of each of the values that both sides made: the first that differs, or OC_NONE. */
oc_id attempt_compare(const run *r, const oc_id *values, size_t count);

/* ---- plans ------------------------------------------------------------------------------------------ */

/** Everything a plan needs, made when the plan is set, so that a run allocates nothing. */
typedef struct program {
    const oc_plan *plan;
    bool has_fallback;
    edge edge;
    size_t *first;                /* per step: its first node in the edge's part, or SIZE_MAX */
    oc_site_part **workers;       /* per step and worker; NULL for the edge's steps */
} program;

OC_MUST_USE oc_status program_make(oc_session *s, const oc_plan *plan, program *p);
void program_fini(oc_session *s, program *p);
OC_MUST_USE oc_status walk_run(run *r);

/* ---- policies ----------------------------------------------------------------------------------------- */

typedef struct span_of_nodes {
    size_t first, count;          /* in the edge's part */
} span_of_nodes;

/** All that depends on the net's cuts. */
typedef struct scene {
    oc_arena arena;
    oc_net *net;
    oc_policy *policy;
    oc_costs *costs;
    oc_planner *planner;
    edge edge;
    /*
     * The rest of the network is run here from the cut's base (oc_net_cut.base): arena memory is planned for the fixed
     * order, and what a head that is no prefix has left out may lie where one of its values does.
     */
    span_of_nodes **rest;         /* per cut that is its own base: NULL; else what its head has beyond the base */
    size_t *n_rest;
    oc_id **extra;                /* per cut: outputs that its head made */
    size_t *n_extra;
    oc_part *tails;               /* per cut */
    oc_site_part **parts;         /* worker * n_cuts + cut */
    uint32_t last;                /* the cut at which the edge has run all it can */
    bool can_finish;              /* and that is everything */
} scene;

/* A worker that has not said what it can do is taken to be so many times as quick as the edge. */
#define WORKER_GUESS 4
#define ADOPTED_MAX 16
#define DECISIONS_KEPT 64
typedef struct kept_decision {
    uint32_t at, cut, site;
    uint64_t at_ns;
    double predicted_ns, gap;
    char why[160];
} kept_decision;

typedef struct adapt {
    scene *scene;
    oc_net *first_net;            /* the profile's; the scene's own until a cut was adopted */
    oc_profile *profile;
    oc_roofline rooflines[OC_SITES_MAX];
    bool is_known[OC_SITES_MAX];  /* the costs are the site's own, no guess */
    bool is_looked_up[OC_SITES_MAX]; /* in the profile, whatever was found */
    char devices[OC_SITES_MAX][128]; /* of workers, as they were looked up */
    const double *measured[OC_SITES_MAX]; /* the profile's times of it; NULL */
    oc_correct correct;
    oc_decision_log *log;
    const char *names[OC_SITES_MAX];
    uint32_t n_adopted;
    uint64_t scene_ns;            /* the longest that making a scene took */
    uint32_t now_cut, now_site;   /* the choice in force */
    /* The last run's, for people. */
    oc_situation first;
    oc_option *options;
    size_t n_options, options_room;
    kept_decision decisions[DECISIONS_KEPT];
    size_t n_decisions;
    /* Made when they are asked for. */
    oc_option_info *option_infos;
    oc_decision_info decision_infos[DECISIONS_KEPT];
    char choices[DECISIONS_KEPT][SESSION_NAME];
} adapt;

OC_MUST_USE oc_status adapt_create(oc_session *s);
void adapt_destroy(oc_session *s);
double adapt_deadline_ns(const oc_session *s);
/** Before a run: what the last one logged goes to the file, and during this one nothing does. */
void adapt_flush_log(oc_session *s);
OC_MUST_USE oc_status adapt_run(run *r);

OC_MUST_USE oc_status scene_make(oc_session *s, oc_net *net, scene **made);
void scene_destroy(oc_session *s, scene *sc);
/** Use figures that a worker has told since, or its profile. */
void scene_learn(oc_session *s);

/** Decide where the rest runs; what has run is cut `at`. */
void decide(run *r, uint32_t at, oc_decision *decision);
/** The same at the start of a run, where the best cut may be one that the scene does not have yet. */
void decide_first(run *r, oc_decision *decision);
void decide_situation(run *r, uint32_t at, oc_situation *situation);
/** What scheduling may cost beside: a part of the time that the run was given. */
double decide_slack_ns(const run *r);
/** Whether the edge can run all that is left. */
bool decide_can_finish(const run *r);
/** Whether the policy would ever let a worker be asked. */
bool decide_can_forward(run *r);
/** The edge as it is now; what is stale is as good as not known. */
void decide_machine(const oc_session *s, oc_machine_state *machine);
/** What the edge would need from now on to finish here, the model's error and a little more included. */
double decide_here_ns(run *r, const oc_situation *situation);

/** Submit towards `target` until one chunk is ahead. */
OC_MUST_USE oc_status course_feed(run *r, uint32_t target);
/** See what has finished; learns from it. Errors: the device's. */
OC_MUST_USE oc_status course_poll(run *r);
/** Go on to the end without deciding; `*is_done`: the outputs are at the host. */
OC_MUST_USE oc_status course_finish(run *r, bool *is_done);

typedef enum tail_end { TAIL_ANSWERED, TAIL_HERE, TAIL_FAILED } tail_end;
/** The rest behind `decision->cut` on a worker. TAIL_FAILED: no answer, and it does not run here either. */
OC_MUST_USE oc_status tail_run(run *r, const oc_decision *decision, tail_end *end);

void spans_chunk(run *r, const chunk *c, uint64_t begin_ns, uint64_t end_ns, double predicted_ns);
/** What a plan gave the edge is done; nothing is pending any more. */
void spans_pending(run *r);
void spans_decision(run *r, uint32_t at, const oc_decision *decision, uint64_t begin_ns, uint64_t end_ns);
void spans_worker(run *r, const attempt *a);
void spans_run(run *r);

/** "forward after cut 7 (conv2) to 10.0.0.2:50051", "all-local". */
void explain_choice(const oc_session *s, const scene *sc, uint32_t at, uint32_t cut, uint32_t site, bool is_stay, char *text, size_t size);

/* ---- the session ---------------------------------------------------------------------------------------- */

struct oc_session {
    const oc_allocator *alloc;
    oc_exec *exec;
    const oc_graph *graph;
    oc_session_options options;   /* its texts are not the session's: only numbers and callbacks are used after creation */
    char names[OC_WORKERS_MAX][SESSION_NAME];
    oc_site *local, *workers[OC_WORKERS_MAX];
    size_t n_workers;
    oc_breaker breakers[OC_WORKERS_MAX];
    oc_waker waker;
    oc_telemetry *telemetry;
    oc_trace *trace;
    bool is_whole;                /* the edge can run every node */
    oc_plan *all_local;           /* NULL where it cannot */
    program program;
    adapt *adapt;                 /* NULL without a policy */
    bool has_plan;                /* one was set: the policy rests */
    uint64_t id, n_runs, made_ns;
    uint64_t connect_until_ns;    /* 0 until the first run */
};

#endif
