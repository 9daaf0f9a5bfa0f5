/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes that come from outside: products and sums that cannot wrap, and the limits. */
#include "oc_base.h"

oc_status oc_mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return oc_fail(OC_E_LIMIT, "size: %zu times %zu passes %zu", a, b, (size_t)SIZE_MAX);
    *out = a * b;
    return OC_OK;
}

oc_status oc_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return oc_fail(OC_E_LIMIT, "size: %zu plus %zu passes %zu", a, b, (size_t)SIZE_MAX);
    *out = a + b;
    return OC_OK;
}

oc_limits oc_limits_or_default(const oc_limits *limits)
{
    oc_limits full = limits != NULL ? *limits : (oc_limits){0};
    if (full.model_bytes == 0)
        full.model_bytes = UINT64_C(4) << 30;
    if (full.memory_bytes == 0)
        full.memory_bytes = UINT64_C(16) << 30;
    if (full.depth == 0)
        full.depth = 32;
    if (full.nodes == 0)
        full.nodes = 16384;
    return full;
}
