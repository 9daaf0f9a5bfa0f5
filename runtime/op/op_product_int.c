/* SPDX-License-Identifier: Apache-2.0 */
#include "op_product_int.h"

const char *const oc_op_requant_names[] = {"none", "twice", "double", NULL};

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

/* Input `index` is a factor of requantising: one for each channel, or one for all. */
static oc_status check_factor(const oc_op_call *call, uint32_t index, int32_t channels)
{
    if (!oc_op_has(call, index))
        return oc_fail(OC_E_ARG, "%s: %s that requantises has no input %u, expected its factors",
                       call->name, call->op->name, index);
    OC_TRY(check_dtype(call, index, OC_DTYPE_int32));
    OC_TRY(oc_op_check_rank(call, index, 1, 1));
    if (index > OP_MULTIPLIER)
        return oc_op_check_dim(call, index, 0, call->in[OP_MULTIPLIER]->shape.dim[0],
                               "as many as multipliers");
    if (call->in[index]->shape.dim[0] == 1)
        return OC_OK;
    return oc_op_check_dim(call, index, 0, channels, "output channels");
}

oc_status oc_op_check_requant(const oc_op_call *call, const oc_op_requant *requant,
                              int32_t channels)
{
    static const uint32_t ends[] = {OP_MULTIPLIER, OP_LOW, OP_REQUANT_IN_MAX}; /* by rounding */
    const uint32_t end = ends[requant->rounding];
    if (requant->rounding != OP_REQUANT_NONE && !oc_op_is_int(call))
        return oc_fail(OC_E_ARG, "%s: %s of float32 requantises, expected requant \"none\"",
                       call->name, call->op->name);
    for (uint32_t i = OP_MULTIPLIER; i < end; i++)
        OC_TRY(check_factor(call, i, channels));
    if (call->n_in > end)
        return oc_fail(OC_E_ARG, "%s: %s with requant \"%s\" has %u inputs, expected at most %u",
                       call->name, call->op->name, oc_op_requant_names[requant->rounding],
                       call->n_in, end);
    if (requant->rounding == OP_REQUANT_NONE)
        return OC_OK;
    return oc_op_check_limits(call, oc_op_8bit_dtype(requant->to), requant->lo, requant->hi);
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

oc_op_sums oc_op_sums_of(const oc_op_call *call, const oc_op_requant *requant,
                         const void *const *in, void *y)
{
    oc_op_sums sums = {.y = y, .requant = requant};
    if (requant->rounding != OP_REQUANT_NONE)
        sums.factors = (oc_op_factors){
            .multiplier = in[OP_MULTIPLIER],
            .shift = in[OP_SHIFT],
            .low = requant->rounding == OP_REQUANT_DOUBLE ? in[OP_LOW] : NULL,
            .count = oc_op_elems(&call->in[OP_MULTIPLIER]->shape),
        };
    return sums;
}

void oc_op_sums_put(const oc_op_sums *sums, size_t i, size_t channel, uint32_t sum)
{
    const oc_op_requant *r = sums->requant;
    if (r->rounding == OP_REQUANT_NONE)
        ((uint32_t *)sums->y)[i] = sum; /* int32 modulo 2^32 */
    else
        oc_op_store_8bit(
            oc_op_8bit_dtype(r->to), sums->y, i,
            oc_op_requant_eval(&sums->factors, channel, (int32_t)sum, r->zero, r->lo, r->hi));
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

oc_status oc_op_define_requant(const oc_op_call *call, const oc_op_requant *requant,
                               oc_launch *launch)
{
    if (!requant || requant->rounding == OP_REQUANT_NONE)
        return oc_launch_define(launch, "-DREQUANT=0 -DTY=int");
    return oc_launch_define(launch,
                            "-DREQUANT=%d -DTY=%s -DFACTOR_STEP=%d -DZERO=%d -DLO=%d -DHI=%d",
                            requant->rounding, oc_op_cl_type(oc_op_8bit_dtype(requant->to)),
                            oc_op_elems(&call->in[OP_MULTIPLIER]->shape) != 1, requant->zero,
                            requant->lo, requant->hi);
}

void oc_op_launch_args_int(const oc_op_call *call, oc_launch *launch)
{
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i))
            oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT});
}
