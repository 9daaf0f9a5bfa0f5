/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Regions: connected nodes that work in any order of axes (oc_op.permute) and stand below
 * transposes y = transpose(x, perm). Such a region can work on x instead of y; then the transposes
 * at its upper end are not needed any more, and others come or go at its lower end.
 *
 *     oc_region_begin(&r, graph, &scratch);
 *     for each transpose: oc_region_grow(&r, its perm, its output);
 *                         if (oc_region_wants_to_move(&r)) oc_region_move(&r);
 *     oc_graph_compact(graph);
 *
 * Only move_transposes uses it.
 */
#ifndef OC_REGION_H
#define OC_REGION_H

#include "rewrite.h"

typedef struct oc_region {
    oc_graph *g;
    /* The graph as it was at the beginning. */
    oc_consumers uses;
    size_t n_nodes;
    /* `inverse` turns what the nodes see now into what they would see. */
    oc_ints perm, inverse;
    /* The set: node ids, in topological order once it is grown. */
    oc_id *nodes;
    size_t count;
    uint32_t *node_stamp;  /* per node: == stamp when in the set */
    uint32_t *value_stamp; /* per value: == stamp when weighed */
    uint32_t stamp;
    bool *is_taken;  /* per node: it belongs to a region that moved, or borders on one */
    bool is_blocked; /* the set cannot move now: a taken node is in its way */
    oc_id *heirs;    /* what becomes of the nodes of the set */
    oc_id *moved;    /* per value that the set makes: the same in the other order */
    void *attrs;     /* room for the attributes of any node */
    size_t visits;   /* how many nodes were looked at so far */
} oc_region;

/** Look at a compacted graph. Memory comes from `scratch`. Until the next compaction only oc_region_move may change the graph. */
OC_MUST_USE oc_status oc_region_begin(oc_region *region, oc_graph *graph, oc_arena *scratch);

/** The set becomes all that hangs together with the consumers of `value`, a result of transpose(x, perm). */
void oc_region_grow(oc_region *region, const oc_ints *perm, oc_id value);
/** The set becomes one node, for the perm of the last growth. */
void oc_region_pick(oc_region *region, oc_id node);

/** Is `value` the result of a transpose by the set's perm? */
bool oc_region_is_entry(const oc_region *region, oc_id value);

/**
 * Would the transposes weigh less if the set moved; or the same, with some moving down towards the outputs, where
 * they no longer stand between an operator and its activation? False where a region that has
 * moved before is in the way.
 */
bool oc_region_wants_to_move(oc_region *region);
/** Move the set: new nodes take the slots and names of the old ones. Nothing is computed twice; constants are transposed as constants. */
OC_MUST_USE oc_status oc_region_move(oc_region *region);

#endif
