/* SPDX-License-Identifier: Apache-2.0 */
/** latency: the least expected time to the answer. */
#include "oc_policy.h"

extern const oc_policy_type oc_policy_latency_type;

static double score(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                    const oc_option *option)
{
    (void)arg, (void)net, (void)situation;
    return option->predicted.total_ns;
}

const oc_policy_type oc_policy_latency_type = {
    .name = "latency",
    .help = "the least expected time to the answer, queues included",
    .score = score,
    .is_total = true,
};
