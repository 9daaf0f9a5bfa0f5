/* SPDX-License-Identifier: Apache-2.0 */
/** What exec.c, lane.c and profile.c share. */
#ifndef EXEC_H
#define EXEC_H

#include "oc_exec.h"

struct oc_exec {
    const oc_graph *graph;
    oc_dev *dev;
    const oc_allocator *alloc;
    oc_arena arena;      /* the nodes' calls, which prepared nodes point to */
    oc_dev_node **nodes; /* per node; NULL for views and for nodes left out */
    bool *is_ready;      /* per node: prepared, or a view that was asked for */
    size_t weight_bytes;
};

struct oc_lane {
    oc_exec *exec;
    const oc_allocator *alloc;
    oc_arena_plan plan;
    oc_id *order; /* the nodes: a copy */
    size_t n_order;
    bool *is_pinned; /* per root value */
    oc_dev_mem *arena, *scratch;
    size_t scratch_bytes;
    oc_dev_mem **window;  /* per root value; NULL where the lane does not touch it */
    oc_dev_bound **bound; /* those of the steps that run something, in order */
    size_t n_bound;
    size_t *first_bound; /* per step and one more: how many are bound before it */
    oc_dev_queue *compute, *transfer;
    bool is_compute_ahead; /* compute got commands that transfer does not wait for yet */
    bool is_transfer_ahead;
};

/** What a graph is prepared as, beside what oc_exec_create says. */
typedef struct exec_setup {
    const bool *only;
    const char *const *choices; /* per node, as oc_dev_task.choices; NULL: NULL for all */
    bool is_trial;
    oc_exec_progress progress;
    void *ctx;
} exec_setup;

OC_MUST_USE oc_status oc_exec_create_as(const oc_graph *graph, oc_dev *dev, const exec_setup *setup,
                                        const oc_allocator *alloc, oc_exec **exec);

#endif
