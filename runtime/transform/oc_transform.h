/* SPDX-License-Identifier: Apache-2.0 */
/** The transform seam: graph rewrites, one const row and one file each (transforms.def, in the order they run). */
#ifndef OC_TRANSFORM_H
#define OC_TRANSFORM_H

#include "oc_graph.h"

typedef struct oc_transform {
    const char *name;
    const char *help;
    /** Rewrite what can be rewritten; `scratch` is for the time of the call; `*changes` counts the rewrites. The outputs' values stay the same: bit for bit where `is_exact`, else within float rounding. */
    bool is_exact;
    oc_status (*apply)(oc_graph *graph, oc_arena *scratch, size_t *changes);
} oc_transform;

/** Part of every graph's digest: raise it when a transform's result changes. */
#define OC_TRANSFORM_VERSION 2

const oc_transform *const *oc_transforms(size_t *count);

/** Run one row, then compact. */
OC_MUST_USE oc_status oc_transform_apply(const oc_transform *row, oc_graph *graph, size_t *changes);

/** Run all rows round after round until none changes anything (bounded), compact after each, then freeze the graph. Device-independent. */
OC_MUST_USE oc_status oc_transform_all(oc_graph *graph);

#endif
