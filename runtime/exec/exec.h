/* SPDX-License-Identifier: Apache-2.0 */
/** What exec.c and lane.c share. */
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

#endif
