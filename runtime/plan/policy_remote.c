/* SPDX-License-Identifier: Apache-2.0 */
/** remote: the whole network on a worker. */
#include "oc_policy.h"

extern const oc_policy_type oc_policy_remote_type;

static bool allows(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                   const oc_option *option)
{
    (void)arg, (void)net, (void)situation;
    return option->site > 0 && option->cut == 0;
}

const oc_policy_type oc_policy_remote_type = {
    .name = "remote",
    .help = "everything on the quickest worker",
    .allows = allows,
};
