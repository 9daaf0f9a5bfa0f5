/* SPDX-License-Identifier: Apache-2.0 */
/** The operators: the rows of ops.def, each from the .c file of its name. */
#ifndef OC_OPS_H
#define OC_OPS_H

#include "oc_op.h"

#define OC_OP(name_) extern const oc_op oc_op_##name_;
#include "ops.def"
#undef OC_OP

/** All rows, in the order of ops.def. */
const oc_op *const *oc_ops(size_t *count);
/** The row of that name, or NULL. */
const oc_op *oc_op_find(const char *name);

#endif
