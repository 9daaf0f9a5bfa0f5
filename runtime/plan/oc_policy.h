/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Policies and the planner: situation -> decision. Pure: no clock, no file, nothing allocated, the same situation gives the same
 * decision, so that a log replays.
 *
 * A policy is written as rows of policies.def joined by commas: "latency", "deadline:50,privacy:conv1,memory:64M". A row may
 * reject options (a constraint), order them (an objective), or both; without an objective it is `latency`'s.
 */
#ifndef OC_POLICY_H
#define OC_POLICY_H

#include "oc_situation.h"

/** Why an option was not taken. Its text for people: oc_verdict_text. */
typedef enum oc_verdict {
    OC_CHOSEN,
    OC_SLOWER,           /* allowed, but another one is better */
    OC_WITHIN_ERROR,     /* better than the one in force, by less than the model's own error: no flapping */
    OC_NOT_ALLOWED,      /* a constraint of the policy; oc_option.by names the row */
    OC_PASSED,           /* the edge has run past this cut */
    OC_WORKER_DOWN,
    OC_WORKER_EXCLUDED,
    OC_TOO_LATE,         /* the deadline would pass, or no time would be left to fall back */
    OC_CANNOT_RUN        /* the edge cannot run these nodes */
} oc_verdict;
const char *oc_verdict_text(oc_verdict verdict);

/** One place to stop and forward: a cut and a worker; or the last cut and site 0. */
typedef struct oc_option {
    uint32_t cut, site;
    oc_prediction predicted;
    double score;        /* the objective's, smaller is better */
    oc_verdict verdict;
    const char *by;      /* the policy row that rejected it; NULL */
} oc_option;

typedef struct oc_decision {
    uint32_t cut, site;      /* site 0: stay to the end */
    bool is_now;             /* forward at once: the cut is where the run stands */
    bool is_forced;          /* nothing was allowed; this is what can still be done (see `why`) */
    bool is_possible;        /* false: nothing can be done at all */
    oc_prediction predicted;
    /* The least total that any set of nodes could have, by minimum cut; NAN where it was not computed. gap: how far the choice lies above it, relative. */
    double bound_ns, gap;
    /* The minimum cut is none of the net's cuts: what it would be (n_nodes flags, the planner's); NULL. Only at the start of a run. */
    const bool *new_head;
    uint32_t new_site;
    const oc_option *options; /* all that were looked at; the planner's, until its next decision */
    size_t n_options;
    char why[160];           /* one line for people */
} oc_decision;

/* ---- the seam of one row ------------------------------------------------------------------------ */

typedef struct oc_policy_arg {
    double number;       /* MS, BYTES */
    uint32_t cut;        /* of the net */
    oc_id node;
    bool *is_open;       /* per value: whether it may cross */
} oc_policy_arg;

typedef struct oc_policy_type {
    const char *name;
    const char *argument; /* "MS"; NULL: it takes none */
    const char *help;
    /** `text` is what stands behind the colon. Errors: OC_E_ARG, OC_E_NOTFOUND. `arena` keeps what the argument needs. NULL with `argument`. */
    oc_status (*parse)(const char *text, const oc_net *net, oc_arena *arena, oc_policy_arg *arg);
    /** The cut that the argument `text` needs a net to have; NULL: none. Owns: fini `cut`. Errors: as oc_cut_parse. */
    oc_status (*cut)(const char *text, const oc_graph *graph, const oc_allocator *alloc, oc_cut *cut);
    /** Whether the option may be taken. NULL: it rejects nothing. `situation` NULL (and no prediction): whether it may in any situation at all, asked once when the policy is read. */
    bool (*allows)(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation, const oc_option *option);
    /** Smaller is better. NULL: no objective. */
    double (*score)(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation, const oc_option *option);
    /** Whether the value may cross, for the minimum cut, and also where a choice is forced; NULL: any may. A row with `allows` and without this is a constraint that a minimum cut cannot hold: then the gap is reported. */
    bool (*may_cross)(const oc_policy_arg *arg, const oc_net *net, oc_id value);
    /** The options are scored by their total, so the minimum cut is the exact answer. */
    bool is_total;
    /** A deadline that the row sets for every run, in nanoseconds; NULL: none. */
    double (*deadline_ns)(const oc_policy_arg *arg);
    /** What the edge may hold for the network; NULL: no limit. Such a row parses without a net (NULL). */
    double (*memory_bytes)(const oc_policy_arg *arg);
} oc_policy_type;

const oc_policy_type *const *oc_policy_types(size_t *count);

/* ---- policies and the planner ---------------------------------------------------------------------- */

typedef struct oc_policy oc_policy;
/** Errors: OC_E_ARG (which row, what is expected: all names where it is unknown; two objectives; one row twice; rows that no cut and site of the net can satisfy together), OC_E_NOTFOUND, OC_E_NOMEM. `net` outlives it. fixed:CUT takes "all-local", an index, or value names separated by "+"; a cut that is none of the net's is an error that names the nearest ones, see oc_policy_cut. */
OC_MUST_USE oc_status oc_policy_parse(const char *text, const oc_net *net, const oc_allocator *alloc, oc_policy **policy);
void oc_policy_destroy(oc_policy *policy);
const char *oc_policy_text(const oc_policy *policy);
/** The deadline the policy sets; INFINITY: none. */
double oc_policy_deadline_ns(const oc_policy *policy);
/**
 * The cut that `text` fixes, before a net exists, so that the net can be made with it: made as oc_cut_parse does from fixed's argument with '+' for ','.
 * `*has_cut` false: it fixes none. Owns: fini `cut`. Errors: as oc_cut_parse and oc_policy_parse.
 */
OC_MUST_USE oc_status oc_policy_cut(const char *text, const oc_graph *graph, const oc_allocator *alloc, oc_cut *cut, bool *has_cut);
/** What the edge may hold before a net exists: read from the text alone (0: no limit), so that a model can be prepared for it. Errors: as oc_policy_parse. */
OC_MUST_USE oc_status oc_policy_memory(const char *text, uint64_t *bytes);

/** Decides for one net, one table of costs, one policy (all outlive it). One thread at a time. */
typedef struct oc_planner oc_planner;
OC_MUST_USE oc_status oc_planner_create(const oc_costs *costs, const oc_policy *policy, const oc_allocator *alloc, oc_planner **planner);
void oc_planner_destroy(oc_planner *planner);
/**
 * Decide. At the start of a run (at_cut 0, nothing submitted) with the minimum cut, at a decision point among the net's cuts. Options behind what was submitted are
 * open, and so is at_cut itself (forward now). `policy` was parsed for costs->net; the situation's at_cut is one of its cuts. Fallback time: with a deadline and can_finish, a remote option is allowed only if what the edge would
 * need from the cut's base on still fits behind it; if none fits, the quickest possible is forced. Hysteresis: another option than the one in force must be better by more than max(total_error, 2 %), at most 25 %, of the
 * total of the one in force, which for `deadline` counts as in time while so much less would be. Ties: the lower total, cut, site. Nothing is allowed: the quickest of what is only too late; else finish here; else the quickest worker, unless a value must not cross.
 */
void oc_planner_decide(oc_planner *planner, const oc_situation *situation, oc_decision *decision);

/** The least total over all cuts of the DAG, exact, by minimum cut (see mincut.c for the construction and its source). */
typedef struct oc_mincut oc_mincut;
OC_MUST_USE oc_status oc_mincut_create(const oc_net *net, const oc_allocator *alloc, oc_mincut **mincut);
void oc_mincut_destroy(oc_mincut *mincut);
/**
 * edge_ns, cloud_ns: per node, finite, at least 0 (INFINITY for a node that a site cannot run). up_ns: per value that crosses (INFINITY: it must not); down_ns: per output that the worker makes.
 * down_ns has one entry for each of net->outputs. `is_head` (n_nodes) receives the best head; returns its sum, INFINITY (and no head) where there is none. A head of all nodes is all-local. Ties: the larger head. Nothing is allocated.
 */
double oc_mincut_solve(oc_mincut *mincut, const double *edge_ns, const double *cloud_ns, const double *up_ns, const double *down_ns, bool *is_head);

#endif
