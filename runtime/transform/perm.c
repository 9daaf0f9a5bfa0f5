/* SPDX-License-Identifier: Apache-2.0 */
#include "perm.h"

enum { WEIGHT_VIEW = 1, WEIGHT_MOVE = 1 << 20 };

bool oc_perm_equal(const oc_ints *a, const oc_ints *b)
{
    return a->count == b->count && memcmp(a->v, b->v, sizeof(*a->v) * (size_t)a->count) == 0;
}

bool oc_perm_is_identity(const oc_ints *perm)
{
    for (int32_t i = 0; i < perm->count; i++)
        if (perm->v[i] != i)
            return false;
    return true;
}

bool oc_perm_is_view(const oc_ints *perm, const oc_shape *shape)
{
    int32_t last = -1;
    for (int32_t i = 0; i < perm->count; i++) {
        if (shape->dim[perm->v[i]] == 1)
            continue;
        if (perm->v[i] < last)
            return false;
        last = perm->v[i];
    }
    return true;
}

oc_ints oc_perm_inverse(const oc_ints *perm)
{
    oc_ints inverse = {.count = perm->count};
    for (int32_t i = 0; i < perm->count; i++)
        inverse.v[perm->v[i]] = i;
    return inverse;
}

oc_ints oc_perm_chain(const oc_ints *first, const oc_ints *then)
{
    oc_ints chain = {.count = first->count};
    for (int32_t i = 0; i < first->count; i++)
        chain.v[i] = first->v[then->v[i]];
    return chain;
}

oc_shape oc_perm_apply(const oc_ints *perm, const oc_shape *shape)
{
    oc_shape result = {.rank = perm->count};
    for (int32_t i = 0; i < perm->count; i++)
        result.dim[i] = shape->dim[perm->v[i]];
    return result;
}

int64_t oc_perm_weight(const oc_ints *perm, const oc_shape *shape)
{
    if (oc_perm_is_identity(perm))
        return 0;
    return oc_perm_is_view(perm, shape) ? WEIGHT_VIEW : WEIGHT_MOVE;
}
