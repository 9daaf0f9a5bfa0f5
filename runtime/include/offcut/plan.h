/* SPDX-License-Identifier: Apache-2.0 */
/** Plans: where each part of a network runs, and what moves in between. */
#ifndef OFFCUT_PLAN_H
#define OFFCUT_PLAN_H

#include <offcut/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_plan oc_plan;

typedef enum oc_step_kind { OC_STEP_RUN, OC_STEP_MOVE } oc_step_kind;
typedef enum oc_site_role { OC_SITE_EDGE, OC_SITE_WORKER } oc_site_role;

/** One step as it can be shown. Strings and lists belong to the plan. */
typedef struct oc_plan_step_info {
    oc_step_kind kind;
    const char *site;           /* RUN: where; MOVE: from */
    const char *to;             /* MOVE: where to; RUN: NULL */
    const char *const *takes;   /* names of the values that go in, or move */
    size_t n_takes;
    const char *const *gives;   /* RUN: names of the values that come out */
    size_t n_gives;
    size_t n_nodes;             /* RUN */
    const char *first_node, *last_node; /* RUN with nodes; else NULL */
    uint64_t macs;              /* RUN */
    uint64_t move_bytes;        /* MOVE: exact payload (without message headers) */
} oc_plan_step_info;

/** What a site must hold to do its share; the edge's covers the fallback, so that it can take over. Strings belong to the plan. */
typedef struct oc_plan_site_info {
    const char *name;
    oc_site_role role;
    size_t n_nodes;             /* that the plan runs there */
    uint64_t macs;
    uint64_t weight_bytes;      /* constants in the model's own layout */
    uint64_t arena_bytes;       /* planned for intermediate values */
    uint64_t arena_lower_bound; /* the largest sum of values alive at once */
} oc_plan_site_info;

/**
 * Make a plan for a model. `cut`: "all-local" or NULL, "INDEX" (0 .. number of nodes), or "VALUE,VALUE,...".
 * Owns: the caller destroys `*plan`; the model outlives it. Errors: OC_E_ARG, OC_E_NOTFOUND (text names the value or the range), OC_E_NOMEM.
 * Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_plan_make(const oc_model *model, const char *cut, const oc_allocator *alloc, oc_plan **plan);

/** Read a plan from YAML and verify it against the model. Errors: OC_E_IO, OC_E_FORMAT (line, key), OC_E_MISMATCH (made for another model: both digests), OC_E_ARG, OC_E_NOTFOUND. */
OC_API OC_MUST_USE oc_status oc_plan_read(const char *path, const oc_model *model, const oc_allocator *alloc, oc_plan **plan);

/** Write a plan as YAML, whole or not at all. Errors: OC_E_IO, OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_plan_write(const oc_plan *plan, const char *path);

OC_API void oc_plan_destroy(oc_plan *plan);

/** One line for people: "all-local", "forward after cut 7 (conv2)". Belongs to the plan. */
OC_API const char *oc_plan_name(const oc_plan *plan);
OC_API size_t oc_plan_step_count(const oc_plan *plan);
/** Step `index` < count. Belongs to the plan. */
OC_API const oc_plan_step_info *oc_plan_step(const oc_plan *plan, size_t index);
OC_API size_t oc_plan_site_count(const oc_plan *plan);
OC_API const oc_plan_site_info *oc_plan_site_get(const oc_plan *plan, size_t index);
/** Whether a step that fails on the worker is run on the edge instead. */
OC_API bool oc_plan_has_fallback(const oc_plan *plan);
/** Whether any step runs on a worker. */
OC_API bool oc_plan_needs_worker(const oc_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
