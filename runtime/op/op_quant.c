/* SPDX-License-Identifier: Apache-2.0 */
#include "op_quant.h"

const char *const oc_op_8bit_names[] = {"int8", "uint8", NULL};

oc_status oc_op_check_limits(const oc_op_call *call, oc_dtype dtype, int32_t lo, int32_t hi)
{
    int32_t least = dtype == OC_DTYPE_int8 ? INT8_MIN : 0;
    int32_t most = dtype == OC_DTYPE_int8 ? INT8_MAX : UINT8_MAX;
    if (least <= lo && lo <= hi && hi <= most)
        return OC_OK;
    return oc_fail(OC_E_ARG, "%s: limits of %s are %d to %d, expected them within %d to %d (%s)",
                   call->name, call->op->name, lo, hi, least, most, oc_dtype_name(dtype));
}

oc_status oc_op_shape_lines(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    out[0] = *call->in[0];
    return OC_OK;
}
