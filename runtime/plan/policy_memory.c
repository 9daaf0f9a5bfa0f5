/* SPDX-License-Identifier: Apache-2.0 */
/** memory:BYTES: what the edge may hold for its part of the network. */
#include "policy.h"

extern const oc_policy_type oc_policy_memory_type;

static oc_status parse(const char *text, const oc_net *net, oc_arena *arena, oc_policy_arg *arg)
{
    (void)net, (void)arena;
    OC_TRY(oc_policy_number(text, "memory", true, &arg->number));
    if (arg->number < 1 || arg->number > 1e18)
        return oc_fail(OC_E_ARG, "memory:%s: expected 1 to 1e18 bytes", text);
    return OC_OK;
}

static bool allows(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                   const oc_option *option)
{
    (void)situation;
    return (double)net->cuts[option->cut].memory_bytes <= arg->number;
}

static double memory_bytes(const oc_policy_arg *arg)
{
    return arg->number;
}

const oc_policy_type oc_policy_memory_type = {
    .name = "memory",
    .argument = "BYTES",
    .help = "at most BYTES (K, M, G) here for weights and values",
    .parse = parse,
    .allows = allows,
    .memory_bytes = memory_bytes,
};
