/* SPDX-License-Identifier: Apache-2.0 */
/** privacy:NODE: only what NODE made, or was made from that, leaves the edge. */
#include "oc_policy.h"

extern const oc_policy_type oc_policy_privacy_type;

static oc_status parse(const char *text, const oc_net *net, oc_arena *arena, oc_policy_arg *arg)
{
    arg->node = OC_NONE;
    for (size_t n = 0; n < net->n_nodes && arg->node == OC_NONE; n++)
        if (strcmp(net->node_names[n], text) == 0)
            arg->node = (oc_id)n;
    if (arg->node == OC_NONE)
        return oc_fail(OC_E_NOTFOUND, "privacy:%s: %s has no node of that name", text, net->name);
    OC_TRY(OC_ARENA_ALLOC(arena, net->n_values + 1, arg->is_open));
    oc_net_dominated(net, arg->node, arg->is_open);
    return OC_OK;
}

static bool allows(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                   const oc_option *option)
{
    const oc_net_cut *cut = &net->cuts[option->cut];
    (void)situation;
    for (uint32_t i = 0; i < cut->n_values; i++)
        if (!arg->is_open[cut->values[i]])
            return false;
    return true;
}

static bool may_cross(const oc_policy_arg *arg, const oc_net *net, oc_id value)
{
    (void)net;
    return arg->is_open[value];
}

const oc_policy_type oc_policy_privacy_type = {
    .name = "privacy",
    .argument = "NODE",
    .help = "no value leaves that an input reaches past NODE",
    .parse = parse,
    .allows = allows,
    .may_cross = may_cross,
};
