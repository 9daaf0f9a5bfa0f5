/* SPDX-License-Identifier: Apache-2.0 */
/** Permutations of axes: axis i of the result is axis v[i] of the input. Only the transform room uses them. */
#ifndef OC_PERM_H
#define OC_PERM_H

#include "oc_op.h"

bool oc_perm_equal(const oc_ints *a, const oc_ints *b);
bool oc_perm_is_identity(const oc_ints *perm);
/** Axes longer than 1 keep their order: a tensor of that shape keeps its bytes. */
bool oc_perm_is_view(const oc_ints *perm, const oc_shape *shape);
oc_ints oc_perm_inverse(const oc_ints *perm);
/** First `first`, then `then`. */
oc_ints oc_perm_chain(const oc_ints *first, const oc_ints *then);
oc_shape oc_perm_apply(const oc_ints *perm, const oc_shape *shape);

/** What a transpose of a tensor of that shape costs: one that moves data more than all that only rename axes together. */
int64_t oc_perm_weight(const oc_ints *perm, const oc_shape *shape);

#endif
