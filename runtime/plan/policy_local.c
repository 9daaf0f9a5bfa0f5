/* SPDX-License-Identifier: Apache-2.0 */
/** local: everything on the edge. */
#include "oc_policy.h"

extern const oc_policy_type oc_policy_local_type;

static bool allows(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                   const oc_option *option)
{
    (void)arg, (void)net, (void)situation;
    return option->site == 0;
}

/* Where the edge cannot finish, nothing else is done either. */
static bool may_cross(const oc_policy_arg *arg, const oc_net *net, oc_id value)
{
    (void)arg, (void)net, (void)value;
    return false;
}

const oc_policy_type oc_policy_local_type = {
    .name = "local",
    .help = "everything here",
    .allows = allows,
    .may_cross = may_cross,
};
