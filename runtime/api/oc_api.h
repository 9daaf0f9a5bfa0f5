/* SPDX-License-Identifier: Apache-2.0 */
/** What stands behind the public handles. Only the api room includes it. */
#ifndef OC_API_INTERNAL_H
#define OC_API_INTERNAL_H

#include "oc_exec.h"

#include <offcut/offcut.h>

struct oc_model {
    const oc_allocator *alloc;
    oc_graph *graph;
    oc_arena arena;         /* what the infos point to */
    const char *path;       /* of the file it was read from */
    oc_model_info info;
    oc_value_info *values;  /* per value of the graph */
    oc_node_info *nodes;
};

struct oc_prepared {
    const oc_allocator *alloc;
    const oc_model *model;
    oc_dev *dev;
    oc_exec *exec;
    size_t n_ready;         /* the nodes that were prepared: a prefix of the fixed order */
    uint32_t threads;       /* as asked for; 0: all */
    oc_device_info device;
};

/** The device that the options name. */
OC_MUST_USE oc_status oc_open_device(const oc_prepare_options *options, const oc_allocator *alloc, oc_dev **dev);
void oc_show_device(const oc_dev_info *from, oc_device_info *to);

#endif
