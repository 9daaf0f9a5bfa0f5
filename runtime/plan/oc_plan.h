/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Plans: one language for where a network runs. A list of steps over sites, verified against a graph,
 * written to and read from YAML. This version has RUN and MOVE; a reader of a plan with other steps refuses it by name.
 */
#ifndef OC_PLAN_H
#define OC_PLAN_H

#include "oc_graph.h"

#include <offcut/plan.h>

/** RUN: the nodes between `takes` and `gives` on `site`. MOVE: `takes` (== gives) from `site` to `to`. Value ids of the plan's graph, ascending. */
typedef struct oc_step {
    oc_step_kind kind;
    uint32_t site, to;    /* indices into oc_plan.sites */
    oc_id *takes, *gives;
    size_t n_takes, n_gives;
    oc_part part;         /* RUN: filled by the verifier */
} oc_step;

typedef struct oc_plan_site {
    const char *name;     /* "edge", "cloud" */
    oc_site_role role;
} oc_plan_site;

struct oc_plan {
    const oc_allocator *alloc;
    const oc_graph *graph; /* outlives the plan */
    oc_arena arena;
    const char *name;      /* what it does, for people: "all-local", "forward after cut 7" */
    oc_plan_site *sites;
    size_t n_sites;
    oc_step *steps;
    size_t n_steps;
    bool has_fallback;     /* the edge can run every step of the worker, so a failed one is run there */
    oc_plan_step_info *step_infos; /* per step, and per site: made by the verifier */
    oc_plan_site_info *site_infos;
};

/** Everything on one edge site. */
OC_MUST_USE oc_status oc_plan_make_local(const oc_graph *graph, const oc_allocator *alloc, oc_plan **plan);
/** Head on the edge, MOVE of the cut, tail on the worker, MOVE of the outputs back. A cut that leaves no tail gives the all-local plan. */
OC_MUST_USE oc_status oc_plan_make_cut(const oc_graph *graph, const oc_cut *cut, const oc_allocator *alloc, oc_plan **plan);

/** YAML text to plan and back. Errors: OC_E_FORMAT (line, key), OC_E_MISMATCH (the plan's digest is of another model: both), OC_E_NOTFOUND (a value), and the verifier's. */
OC_MUST_USE oc_status oc_plan_parse(const oc_graph *graph, oc_bytes yaml, const char *name, const oc_allocator *alloc, oc_plan **plan);
OC_MUST_USE oc_status oc_plan_print(const oc_plan *plan, oc_buf *yaml);

/**
 * All that the edge may have to run, as one part in step order: its own steps and, with a fallback, the worker's too.
 * `pinned` gets the values that moves or outputs need later (n_values entries suffice). Step i's nodes are
 * part->nodes[first[i] .. first[i] + its part's n_nodes) (n_steps entries; SIZE_MAX for steps the edge cannot run).
 * Owns: fini the part. Errors: OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_plan_edge_part(const oc_plan *plan, oc_part *part, oc_id *pinned, size_t *n_pinned, size_t *first);

/**
 * Every node runs exactly once; every value is where it is used, when it is used; outputs end on the edge. Fills each RUN's
 * part and the infos (exact bytes and memory). Called by make and parse. Errors: OC_E_ARG naming step and value.
 */
OC_MUST_USE oc_status oc_plan_verify(oc_plan *plan);

#endif
