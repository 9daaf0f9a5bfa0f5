/* SPDX-License-Identifier: Apache-2.0 */
/** A map from names to ids; the names are borrowed. For the graph room and those that build on its names. */
#ifndef OC_NAMES_H
#define OC_NAMES_H

#include "oc_graph.h"

OC_MUST_USE oc_status oc_names_put(oc_names *names, const oc_allocator *alloc, const char *name, oc_id id);
oc_id oc_names_find(const oc_names *names, const char *name);
void oc_names_clear(oc_names *names); /* keeps its memory */
void oc_names_fini(oc_names *names, const oc_allocator *alloc);

#endif
