/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_ops.h"

static const oc_op *const rows[] = {
#define OC_OP(name_) &oc_op_##name_,
#include "ops.def"
#undef OC_OP
};

const oc_op *const *oc_ops(size_t *count)
{
    *count = OC_COUNT(rows);
    return rows;
}

const oc_op *oc_op_find(const char *name)
{
    for (size_t i = 0; i < OC_COUNT(rows); i++) {
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    }
    return NULL;
}
