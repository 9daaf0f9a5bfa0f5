/* SPDX-License-Identifier: Apache-2.0 */
/** What policies there are, and what their texts say before there is a session. */
#include "oc_api.h"

#include "oc_policy.h"

bool oc_policy_get(size_t index, oc_policy_info *info)
{
    size_t count;
    const oc_policy_type *const *types = oc_policy_types(&count);
    if (index >= count)
        return false;
    *info = (oc_policy_info){.name = types[index]->name,
                             .argument = types[index]->argument,
                             .help = types[index]->help};
    return true;
}

oc_status oc_policy_memory_bytes(const char *policy, uint64_t *bytes)
{
    return oc_policy_memory(policy, bytes);
}
