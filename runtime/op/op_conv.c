/* SPDX-License-Identifier: Apache-2.0 */
#include "op_conv.h"

oc_status oc_op_check_groups(const oc_op_call *call, int32_t groups, int32_t c, int32_t o)
{
    if (groups >= 1 && c % groups == 0 && o % groups == 0)
        return OC_OK;
    return oc_fail(OC_E_SHAPE,
                   "%s: expected groups of %s to divide %d input and %d output channels, "
                   "found %d groups",
                   call->name, call->op->name, c, o, groups);
}

oc_status oc_op_conv_set(const oc_op_call *call, const oc_op_window *window, int32_t groups,
                         oc_op_conv *conv)
{
    const oc_shape *w = &call->in[1]->shape;
    oc_op_conv s = {.groups = groups};
    OC_TRY(oc_op_check_rank(call, 1, 4, 4));
    OC_TRY(oc_op_geometry_set(call, window, w->dim[1], w->dim[2], &s.g));
    s.o = w->dim[0];
    OC_TRY(oc_op_check_groups(call, groups, s.g.c, s.o));
    s.cg = s.g.c / groups;
    s.og = s.o / groups;
    s.has_bias = oc_op_has(call, 2);
    *conv = s;
    return OC_OK;
}

oc_status oc_op_check_weights(const oc_op_call *call, int32_t cg, int32_t o)
{
    OC_TRY(oc_op_check_dim(call, 1, 3, cg, "input channels per group"));
    OC_TRY(oc_op_check_filled(call, 1));
    if (!oc_op_has(call, OP_BIAS))
        return OC_OK;
    OC_TRY(oc_op_check_rank(call, OP_BIAS, 1, 1));
    return oc_op_check_dim(call, OP_BIAS, 0, o, "output channels");
}
