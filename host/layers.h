/* SPDX-License-Identifier: Apache-2.0 */
/** Where a network's time goes, kernel by kernel, against what the device can do at most. */
#ifndef HOST_LAYERS_H
#define HOST_LAYERS_H

#include "json.h"
#include "runner.h"

/** By the order of execution, or the slowest first. */
void host_layers_print(const oc_model *model, const oc_bench_info *info, bool by_time);
/** What runs took, and what of it no kernel did. `wall_ns`: a whole run as its caller sees it. */
void host_overhead_print(const oc_bench_info *info, double wall_ns);
json_t *host_layers_json(const oc_model *model, const oc_bench_info *info, double wall_ns,
                         bool by_time);

#endif
