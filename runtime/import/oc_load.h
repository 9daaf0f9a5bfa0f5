/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OC_LOAD_H
#define OC_LOAD_H

#include "oc_graph.h"

#include <offcut/model.h>

/** Import a model file, transform the graph and freeze it. Owns: the caller destroys `*graph`. Errors: those of oc_import and oc_transform_all, with the path in front. */
OC_MUST_USE oc_status oc_graph_load(const char *path, const oc_model_options *options, const oc_allocator *alloc, oc_graph **graph);

#endif
