/* SPDX-License-Identifier: Apache-2.0 */
#include "op_pool.h"

static int32_t ceil_places(int32_t size, int32_t pad_begin, int32_t pad_end, int32_t kernel,
                           int32_t stride, int32_t dilation)
{
    int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    int64_t room = (int64_t)size + pad_begin + pad_end - reach;
    int64_t fit = (room + stride - 1) / stride + 1;
    int64_t begin = ((int64_t)size + pad_begin + stride - 1) / stride;
    return (int32_t)OC_MIN(fit, begin);
}

oc_status oc_op_pool_geometry(const oc_op_call *call, const oc_op_pool *pool, oc_op_geometry *g)
{
    const int32_t *kernel = pool->kernel.v, *pad = pool->window.pads.v;
    OC_TRY(oc_op_check_ints(call, "kernel", &pool->kernel, 2, 1));
    OC_TRY(oc_op_geometry_set(call, &pool->window, kernel[0], kernel[1], g));
    if (!pool->ceil_mode)
        return OC_OK;
    g->oh = ceil_places(g->h, pad[0], pad[2], g->kh, g->sh, g->dh);
    g->ow = ceil_places(g->w, pad[1], pad[3], g->kw, g->sw, g->dw);
    return OC_OK;
}

static bool is_8bit(oc_dtype dtype)
{
    return OC_TYPES_8BIT >> dtype & 1u;
}

oc_status oc_op_pool_halo(const oc_op_call *call, const oc_op_pool *pool, const oc_box *out,
                          oc_box *in)
{
    oc_op_geometry g;
    OC_TRY(oc_op_pool_geometry(call, pool, &g));
    oc_op_halo_along(call, out, OP_POOL_WINDOW_AXES, in);
    oc_op_geometry_halo(call, &g, out, &in[0]);
    return OC_OK;
}

oc_status oc_op_pool_check_act(const oc_op_call *call, const oc_op_act *act)
{
    const oc_dtype dtype = call->in[0]->dtype;
    if (dtype == OC_DTYPE_float32 || act->fn == OC_UNARY_none ||
        (is_8bit(dtype) && act->fn == OC_UNARY_clip))
        return OC_OK;
    return oc_fail(OC_E_DTYPE, "%s: %s of %s has the activation %s, expected none%s", call->name,
                   call->op->name, oc_dtype_name(dtype), oc_op_unary_names[act->fn],
                   is_8bit(dtype) ? " or clip" : "");
}

/* Bounds of 8-bit integers; what is no number bounds nothing. */
static void bounds(oc_dtype dtype, const oc_op_act *act, int32_t *lo, int32_t *hi)
{
    int32_t lowest = (int32_t)oc_op_int_lowest(dtype), highest = (int32_t)oc_op_int_highest(dtype);
    *lo = lowest;
    *hi = highest;
    if (act->fn != OC_UNARY_clip)
        return;
    if (act->a > (float)lowest)
        *lo = act->a < (float)highest ? (int32_t)act->a : highest;
    if (act->b < (float)highest)
        *hi = act->b > (float)*lo ? (int32_t)act->b : *lo;
}

int64_t oc_op_pool_act_int(oc_dtype dtype, const oc_op_act *act, int64_t x)
{
    int32_t lo, hi;
    if (!is_8bit(dtype))
        return x;
    bounds(dtype, act, &lo, &hi);
    return OC_MIN(OC_MAX(x, lo), hi);
}

oc_status oc_op_pool_define(oc_launch *launch, oc_dtype dtype, const oc_op_act *act)
{
    int32_t lo, hi;
    OC_TRY(oc_op_define_type(launch, dtype));
    if (dtype == OC_DTYPE_float32)
        return oc_op_define_act(launch, act);
    if (!is_8bit(dtype))
        return OC_OK;
    bounds(dtype, act, &lo, &hi);
    return oc_launch_define(launch, "-DCLIP_LO=%d -DCLIP_HI=%d", lo, hi);
}

oc_status oc_op_pool_launch(oc_launch_list *list, const char *stem, const oc_op_geometry *g,
                            uint32_t lanes, oc_launch **launch)
{
    OC_TRY(oc_launch_add(list, stem, stem, launch));
    OC_TRY(oc_op_define_geometry(*launch, g));
    OC_TRY(oc_launch_define(*launch, "-DLANES=%u", lanes));
    oc_launch_arg_add(*launch, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(*launch, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(*launch, (size_t)g->c / lanes, (size_t)g->ow, (size_t)g->n * (size_t)g->oh);
    return OC_OK;
}
