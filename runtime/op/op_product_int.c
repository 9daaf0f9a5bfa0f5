/* SPDX-License-Identifier: Apache-2.0 */
#include "op_product_int.h"

/* Input `index`, where it is given, is of `dtype`. */
static oc_status check_dtype(const oc_op_call *call, uint32_t index, oc_dtype dtype)
{
    if (!oc_op_has(call, index) || call->in[index]->dtype == dtype)
        return OC_OK;
    return oc_fail(OC_E_DTYPE, "%s: input %u of %s is %s, expected %s", call->name, index,
                   call->op->name, oc_dtype_name(call->in[index]->dtype), oc_dtype_name(dtype));
}

oc_status oc_op_check_product(const oc_op_call *call, const oc_op_act *act)
{
    oc_dtype w = call->in[OP_W]->dtype;
    if (!oc_op_is_int(call)) {
        for (uint32_t i = OP_X_ZERO; i <= OP_W_ZERO; i++)
            if (oc_op_has(call, i))
                return oc_fail(OC_E_ARG, "%s: %s of float32 has a zero point, expected none",
                               call->name, call->op->name);
        return oc_op_check_float(call);
    }
    if (act->fn != OC_UNARY_none)
        return oc_fail(OC_E_ARG, "%s: %s of integers has the activation %s, expected none",
                       call->name, call->op->name, oc_op_unary_names[act->fn]);
    if (!(OC_TYPES_8BIT >> w & 1u))
        return oc_fail(OC_E_DTYPE, "%s: input 1 of %s is %s, expected int8 or uint8", call->name,
                       call->op->name, oc_dtype_name(w));
    OC_TRY(check_dtype(call, OP_BIAS, OC_DTYPE_int32));
    OC_TRY(check_dtype(call, OP_X_ZERO, call->in[OP_X]->dtype));
    return check_dtype(call, OP_W_ZERO, w);
}

static oc_status check_zero(const oc_op_call *call, uint32_t index, int32_t count)
{
    if (!oc_op_has(call, index))
        return OC_OK;
    size_t elems = oc_op_elems(&call->in[index]->shape);
    if (elems == 1 || elems == (size_t)count)
        return OC_OK;
    return oc_fail(OC_E_SHAPE, "%s: input %u of %s has %zu zero points, expected 1 or %d",
                   call->name, index, call->op->name, elems, count);
}

oc_status oc_op_check_zeros(const oc_op_call *call, int32_t x_count, int32_t w_count)
{
    OC_TRY(check_zero(call, OP_X_ZERO, x_count));
    return check_zero(call, OP_W_ZERO, w_count);
}

/* ---- reference ------------------------------------------------------------------------------ */

int32_t oc_op_zero(const oc_op_call *call, const void *const *in, uint32_t index, size_t i)
{
    if (!oc_op_has(call, index))
        return 0;
    bool is_one = oc_op_elems(&call->in[index]->shape) == 1;
    return oc_op_load_8bit(call->in[index]->dtype, in[index], is_one ? 0 : i);
}

uint32_t oc_op_dot_int(oc_op_bytes x, size_t x_at, int32_t x_zero, oc_op_bytes w, size_t w_at,
                       size_t next, int32_t w_zero, size_t n)
{
    const uint8_t *p = x.data + x_at, *q = w.data + w_at;
    int32_t p_zero = x_zero + x.flip, q_zero = w_zero + w.flip;
    uint32_t sum = 0;
    if (next == 1) /* a known step makes vector code */
        for (size_t i = 0; i < n; i++)
            sum += (uint32_t)(((p[i] ^ x.flip) - p_zero) * ((q[i] ^ w.flip) - q_zero));
    else
        for (size_t i = 0; i < n; i++)
            sum += (uint32_t)(((p[i] ^ x.flip) - p_zero) * ((q[i * next] ^ w.flip) - q_zero));
    return sum;
}

/* ---- launch --------------------------------------------------------------------------------- */

/* How far apart the zero points of input `index` lie: 0 where there is one for all. */
static int zero_step(const oc_op_call *call, uint32_t index)
{
    return oc_op_has(call, index) && oc_op_elems(&call->in[index]->shape) != 1;
}

oc_status oc_op_define_int(const oc_op_call *call, oc_launch *launch)
{
    OC_TRY(oc_launch_define(launch, "-DPRODUCT_INT -DTX=%s -DTW=%s -DHAS_BIAS=%d",
                            oc_op_cl_type(call->in[OP_X]->dtype),
                            oc_op_cl_type(call->in[OP_W]->dtype), oc_op_has(call, OP_BIAS)));
    return oc_launch_define(launch,
                            "-DHAS_X_ZERO=%d -DX_ZERO_STEP=%d -DHAS_W_ZERO=%d -DW_ZERO_STEP=%d",
                            oc_op_has(call, OP_X_ZERO), zero_step(call, OP_X_ZERO),
                            oc_op_has(call, OP_W_ZERO), zero_step(call, OP_W_ZERO));
}

void oc_op_launch_args_int(const oc_op_call *call, oc_launch *launch)
{
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i))
            oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT});
}
