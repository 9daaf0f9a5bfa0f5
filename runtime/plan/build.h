/* SPDX-License-Identifier: Apache-2.0 */
/** How a plan is put together, for makers and the YAML reader. Only the plan room uses it. */
#ifndef OC_PLAN_BUILD_H
#define OC_PLAN_BUILD_H

#include "oc_plan.h"

/** An empty plan with a fallback; `name` is copied. */
OC_MUST_USE oc_status oc_plan_begin(const oc_graph *graph, const char *name, const oc_allocator *alloc, oc_plan **plan);
/** Room for that many sites and steps, to be filled and counted by the caller. */
OC_MUST_USE oc_status oc_plan_reserve(oc_plan *plan, size_t n_sites, size_t n_steps);
OC_MUST_USE oc_status oc_plan_copy_ids(oc_plan *plan, const oc_id *ids, size_t count, oc_id **copy);

#endif
