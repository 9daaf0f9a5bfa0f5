/* SPDX-License-Identifier: Apache-2.0 */
#include "op_common.h"

#include <stdio.h>

const char *const oc_op_unary_names[] = {
#define X(name_, formula_) #name_,
    OC_UNARY_LIST(X)
#undef X
        NULL,
};

const char *const oc_op_binary_names[] = {
#define X(name_, formula_) #name_,
    OC_BINARY_LIST(X)
#undef X
        NULL,
};

const char *const oc_op_dtype_names[] = {
#define X(name_, ctype_, size_, npy_, oip_) #name_,
    OC_DTYPE_LIST(X)
#undef X
        NULL,
};

const char *oc_op_cl_type(oc_dtype dtype)
{
    static const char *const names[OC_DTYPE_COUNT] = {
        [OC_DTYPE_float32] = "float", [OC_DTYPE_float16] = "half", [OC_DTYPE_int8] = "char",
        [OC_DTYPE_uint8] = "uchar",   [OC_DTYPE_int32] = "int",    [OC_DTYPE_int64] = "long",
        [OC_DTYPE_bool] = "uchar",
    };
    return names[dtype];
}

/* "node: conv2d takes float32 or int8, found bool" */
static oc_status fail_type(const oc_op_call *call)
{
    char text[16 * OC_DTYPE_COUNT] = "";
    size_t size = 0;
    for (int t = 0; t < OC_DTYPE_COUNT; t++)
        if (call->op->types >> t & 1u)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", size ? " or " : "",
                                     oc_dtype_name((oc_dtype)t));
    return oc_fail(OC_E_DTYPE, "%s: input 0 of %s is %s, expected %s", call->name, call->op->name,
                   oc_dtype_name(call->in[0]->dtype), text);
}

oc_status oc_op_check(const oc_op_call *call)
{
    const oc_op *op = call->op;
    if (call->n_in < op->in_min || call->n_in > op->in_max)
        return oc_fail(OC_E_ARG, "%s: %s takes %u to %u inputs, found %u", call->name, op->name,
                       op->in_min, op->in_max, call->n_in);
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (call->in[i] == NULL) {
            if (i < op->in_min)
                return oc_fail(OC_E_ARG, "%s: %s needs input %u, which is not given", call->name,
                               op->name, i);
            continue;
        }
        const oc_shape *shape = &call->in[i]->shape;
        for (int32_t d = 0; d < shape->rank; d++) {
            char text[OC_SHAPE_TEXT];
            if (shape->dim[d] < 0)
                return oc_fail(OC_E_SHAPE, "%s: input %u is %s: expected no dimension below 0",
                               call->name, i, oc_shape_print(shape, text, sizeof(text)));
        }
    }
    if (oc_op_has(call, 0) && !(op->types >> call->in[0]->dtype & 1u))
        return fail_type(call);
    return OC_OK;
}

oc_status oc_op_check_filled(const oc_op_call *call, uint32_t index)
{
    char text[OC_SHAPE_TEXT];
    const oc_shape *shape = &call->in[index]->shape;
    if (oc_op_elems(shape) > 0)
        return OC_OK;
    return oc_fail(OC_E_SHAPE, "%s: input %u of %s is %s, expected no dimension of 0", call->name,
                   index, call->op->name, oc_shape_print(shape, text, sizeof(text)));
}

oc_status oc_op_check_float(const oc_op_call *call)
{
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (oc_op_has(call, i) && call->in[i]->dtype != OC_DTYPE_float32)
            return oc_fail(OC_E_DTYPE, "%s: input %u of %s is %s, expected float32", call->name, i,
                           call->op->name, oc_dtype_name(call->in[i]->dtype));
    }
    return OC_OK;
}

oc_status oc_op_check_same_dtype(const oc_op_call *call)
{
    for (uint32_t i = 1; i < call->n_in; i++) {
        if (oc_op_has(call, i) && call->in[i]->dtype != call->in[0]->dtype)
            return oc_fail(OC_E_DTYPE, "%s: input %u of %s is %s, expected %s as input 0",
                           call->name, i, call->op->name, oc_dtype_name(call->in[i]->dtype),
                           oc_dtype_name(call->in[0]->dtype));
    }
    return OC_OK;
}

oc_status oc_op_check_rank(const oc_op_call *call, uint32_t index, int32_t min, int32_t max)
{
    const oc_shape *shape = &call->in[index]->shape;
    char text[OC_SHAPE_TEXT];
    if (shape->rank >= min && shape->rank <= max)
        return OC_OK;
    oc_shape_print(shape, text, sizeof(text));
    if (min == max)
        return oc_fail(OC_E_SHAPE, "%s: input %u of %s is %s (rank %d), expected rank %d",
                       call->name, index, call->op->name, text, shape->rank, min);
    return oc_fail(OC_E_SHAPE, "%s: input %u of %s is %s (rank %d), expected rank %d to %d",
                   call->name, index, call->op->name, text, shape->rank, min, max);
}

oc_status oc_op_check_dim(const oc_op_call *call, uint32_t index, int32_t axis, int32_t expected,
                          const char *why)
{
    const oc_shape *shape = &call->in[index]->shape;
    char text[OC_SHAPE_TEXT];
    if (shape->dim[axis] == expected)
        return OC_OK;
    return oc_fail(OC_E_SHAPE, "%s: input %u of %s is %s: expected %d along axis %d (%s), found %d",
                   call->name, index, call->op->name, oc_shape_print(shape, text, sizeof(text)),
                   expected, axis, why, shape->dim[axis]);
}

oc_status oc_op_check_axis(const oc_op_call *call, const char *attr, int32_t axis, int32_t rank)
{
    if (axis >= 0 && axis < rank)
        return OC_OK;
    return oc_fail(OC_E_ARG, "%s: %s of %s is %d, expected 0 to %d", call->name, attr,
                   call->op->name, axis, rank - 1);
}

oc_status oc_op_check_ints(const oc_op_call *call, const char *attr, const oc_ints *ints,
                           int32_t count, int32_t min)
{
    if (ints->count != count)
        return oc_fail(OC_E_ARG, "%s: %s of %s has %d elements, expected %d", call->name, attr,
                       call->op->name, ints->count, count);
    for (int32_t i = 0; i < count; i++) {
        if (ints->v[i] < min)
            return oc_fail(OC_E_ARG, "%s: element %d of %s of %s is %d, expected at least %d",
                           call->name, i, attr, call->op->name, ints->v[i], min);
    }
    return OC_OK;
}

size_t oc_op_elems(const oc_shape *shape)
{
    size_t elems = 1;
    for (int32_t d = 0; d < shape->rank; d++)
        elems *= (size_t)shape->dim[d];
    return elems;
}

oc_op_lines oc_op_lines_of(const oc_shape *shape, int32_t axis)
{
    oc_op_lines lines = {1, (size_t)shape->dim[axis], 1};
    for (int32_t i = 0; i < axis; i++)
        lines.outer *= (size_t)shape->dim[i];
    for (int32_t i = axis + 1; i < shape->rank; i++)
        lines.inner *= (size_t)shape->dim[i];
    return lines;
}

int64_t oc_op_int_get(oc_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case OC_DTYPE_int8:
        return ((const int8_t *)data)[i];
    case OC_DTYPE_int32:
        return ((const int32_t *)data)[i];
    case OC_DTYPE_int64:
        return ((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

void oc_op_int_set(oc_dtype dtype, void *data, size_t i, int64_t value)
{
    switch (dtype) {
    case OC_DTYPE_int32:
        ((uint32_t *)data)[i] = (uint32_t)value;
        break;
    case OC_DTYPE_int64:
        ((int64_t *)data)[i] = value;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)value;
    }
}

int64_t oc_op_int_lowest(oc_dtype dtype)
{
    return dtype == OC_DTYPE_int8    ? INT8_MIN
           : dtype == OC_DTYPE_int32 ? INT32_MIN
           : dtype == OC_DTYPE_int64 ? INT64_MIN
                                     : 0;
}

int64_t oc_op_int_highest(oc_dtype dtype)
{
    return dtype == OC_DTYPE_int8    ? INT8_MAX
           : dtype == OC_DTYPE_int32 ? INT32_MAX
           : dtype == OC_DTYPE_int64 ? INT64_MAX
           : dtype == OC_DTYPE_bool  ? 1
                                     : UINT8_MAX;
}

oc_status oc_op_define_type(oc_launch *launch, oc_dtype dtype)
{
    static const char *const defines[OC_DTYPE_COUNT] = {
        [OC_DTYPE_float32] = "-DT=float -DT_LOWEST=-OC_INF -DT_HIGHEST=OC_INF",
        [OC_DTYPE_int8] = "-DT=char -DT_LOWEST=CHAR_MIN -DT_HIGHEST=CHAR_MAX",
        [OC_DTYPE_uint8] = "-DT=uchar -DT_LOWEST=0 -DT_HIGHEST=UCHAR_MAX",
        [OC_DTYPE_int32] = "-DT=int -DT_LOWEST=INT_MIN -DT_HIGHEST=INT_MAX",
        [OC_DTYPE_int64] = "-DT=long -DT_LOWEST=LONG_MIN -DT_HIGHEST=LONG_MAX",
        [OC_DTYPE_bool] = "-DT=uchar -DT_LOWEST=0 -DT_HIGHEST=1",
    };
    if (defines[dtype] == NULL)
        return oc_fail(OC_E_INTERNAL, "kernel %s: %s is no type to compute with", launch->kernel,
                       oc_dtype_name(dtype));
    return oc_launch_define(launch, "%s", defines[dtype]);
}

static oc_status check_launch_desc(const oc_op_call *call, const oc_desc *desc)
{
    size_t elems;
    char text[OC_SHAPE_TEXT];
    OC_TRY(oc_shape_elems(&desc->shape, &elems));
    if (elems > OC_OP_LAUNCH_ELEMS)
        return oc_fail(OC_E_UNSUPPORTED,
                       "%s: a tensor of %s is %s: kernels take at most %d elements, found %zu",
                       call->name, call->op->name, oc_shape_print(&desc->shape, text, sizeof(text)),
                       OC_OP_LAUNCH_ELEMS, elems);
    return OC_OK;
}

oc_status oc_op_check_launch(const oc_op_call *call)
{
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (oc_op_has(call, i))
            OC_TRY(check_launch_desc(call, call->in[i]));
    }
    for (uint32_t i = 0; i < call->n_out; i++)
        OC_TRY(check_launch_desc(call, call->out[i]));
    return OC_OK;
}

oc_status oc_op_cost_io(const oc_op_call *call, oc_cost *cost)
{
    size_t bytes;
    *cost = (oc_cost){0};
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (!oc_op_has(call, i))
            continue;
        OC_TRY(oc_desc_bytes(call->in[i], &bytes));
        cost->bytes_read += bytes;
        if (call->is_const[i])
            cost->param_elems += bytes / oc_dtype_size(call->in[i]->dtype);
    }
    for (uint32_t i = 0; i < call->n_out; i++) {
        OC_TRY(oc_desc_bytes(call->out[i], &bytes));
        cost->bytes_written += bytes;
    }
    if (call->op->is_view) /* no kernel runs */
        cost->bytes_read = cost->bytes_written = 0;
    return OC_OK;
}

oc_status oc_op_define_act(oc_launch *launch, const oc_op_act *act)
{
    OC_TRY(oc_launch_define(launch, "-DACT=oc_unary_%s", oc_op_unary_names[act->fn]));
    OC_TRY(oc_launch_define_float(launch, "ACT_A", act->a));
    return oc_launch_define_float(launch, "ACT_B", act->b);
}

/* How often a window of `kernel` taps, `dilation` apart, fits an axis of `size` + `pad`. */
static oc_status window_places(const oc_op_call *call, const char *axis, int32_t size, int64_t pad,
                               int32_t kernel, int32_t stride, int32_t dilation, int32_t *places)
{
    int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    int64_t room = size + pad - reach;
    if (room < 0)
        return oc_fail(OC_E_SHAPE,
                       "%s: the window of %s reaches over %lld elements along %s, expected at most "
                       "%lld (input %d, padding %lld)",
                       call->name, call->op->name, (long long)reach, axis, (long long)(size + pad),
                       size, (long long)pad);
    /* So that kernels compute coordinates in 32 bits, also those of windows beyond the padding. */
    if (size + pad > INT32_MAX / 2)
        return oc_fail(OC_E_LIMIT,
                       "%s: %s sees %lld elements along %s with the padding, expected at most %d",
                       call->name, call->op->name, (long long)(size + pad), axis, INT32_MAX / 2);
    *places = (int32_t)(room / stride + 1);
    return OC_OK;
}

oc_status oc_op_geometry_set(const oc_op_call *call, const oc_op_window *window, int32_t kh,
                             int32_t kw, oc_op_geometry *geometry)
{
    OC_TRY(oc_op_check_rank(call, 0, 4, 4));
    OC_TRY(oc_op_check_ints(call, "strides", &window->strides, 2, 1));
    OC_TRY(oc_op_check_ints(call, "dilations", &window->dilations, 2, 1));
    OC_TRY(oc_op_check_ints(call, "pads", &window->pads, 4, 0));
    const int32_t *dim = call->in[0]->shape.dim;
    const int32_t *pad = window->pads.v;
    if (dim[1] < 1 || dim[2] < 1 || kh < 1 || kw < 1)
        return oc_fail(OC_E_SHAPE,
                       "%s: %s has a window of %d x %d on %d x %d pixels, expected at least 1 x 1",
                       call->name, call->op->name, kh, kw, dim[1], dim[2]);
    oc_op_geometry g = {
        .n = dim[0],
        .h = dim[1],
        .w = dim[2],
        .c = dim[3],
        .kh = kh,
        .kw = kw,
        .sh = window->strides.v[0],
        .sw = window->strides.v[1],
        .dh = window->dilations.v[0],
        .dw = window->dilations.v[1],
        .pt = pad[0],
        .pl = pad[1],
    };
    OC_TRY(window_places(call, "h", g.h, (int64_t)pad[0] + pad[2], kh, g.sh, g.dh, &g.oh));
    OC_TRY(window_places(call, "w", g.w, (int64_t)pad[1] + pad[3], kw, g.sw, g.dw, &g.ow));
    *geometry = g;
    return OC_OK;
}

void oc_op_geometry_halo(const oc_op_call *call, const oc_op_geometry *g, const oc_box *out,
                         oc_box *x)
{
    const oc_shape *shape = &call->in[0]->shape;
    int64_t reach_h = (int64_t)(g->kh - 1) * g->dh + 1, reach_w = (int64_t)(g->kw - 1) * g->dw + 1;
    oc_op_halo_set(shape, 1, (int64_t)out->from[1] * g->sh - g->pt,
                   (int64_t)(out->to[1] - 1) * g->sh - g->pt + reach_h, x);
    oc_op_halo_set(shape, 2, (int64_t)out->from[2] * g->sw - g->pl,
                   (int64_t)(out->to[2] - 1) * g->sw - g->pl + reach_w, x);
}

oc_status oc_op_define_geometry(oc_launch *launch, const oc_op_geometry *g)
{
    OC_TRY(oc_launch_define(launch, "-DN=%d -DH=%d -DW=%d -DC=%d", g->n, g->h, g->w, g->c));
    OC_TRY(oc_launch_define(launch, "-DKH=%d -DKW=%d -DSH=%d -DSW=%d", g->kh, g->kw, g->sh, g->sw));
    OC_TRY(oc_launch_define(launch, "-DDH=%d -DDW=%d -DPT=%d -DPL=%d", g->dh, g->dw, g->pt, g->pl));
    return oc_launch_define(launch, "-DOH=%d -DOW=%d", g->oh, g->ow);
}

oc_op_chunks oc_op_chunks_choose(const oc_traits *traits, size_t elems, size_t want)
{
    oc_op_chunks c = {.elems = elems, .lanes = 1};
    while (c.lanes * 2 <= OC_MIN(elems, OC_MIN(traits->vector_floats, 16u)))
        c.lanes *= 2;
    c.chunk = traits->is_cpu ? oc_align_up(want, c.lanes) : c.lanes;
    c.chunks = OC_MAX(elems / c.chunk, (size_t)1);
    return c;
}

oc_op_chunks oc_op_chunks_scalar(const oc_traits *traits, size_t elems, size_t want)
{
    oc_traits scalar = *traits;
    scalar.vector_floats = 1;
    return oc_op_chunks_choose(&scalar, elems, want);
}

oc_status oc_op_define_chunks(oc_launch *launch, const oc_op_chunks *c)
{
    return oc_launch_define(launch, "-DELEMS=%zu -DLANES=%zu -DCHUNK=%zu -DCHUNKS=%zu", c->elems,
                            c->lanes, c->chunk, c->chunks);
}

void oc_op_launch_alone(oc_launch *launch, const oc_traits *traits)
{
    for (uint32_t d = 0; traits->is_cpu && d < launch->dims; d++)
        launch->local[d] = 1;
}

uint32_t oc_op_lanes(const oc_traits *traits, size_t elems)
{
    uint32_t lanes = 1;
    while (lanes < 16 && lanes * 2 <= traits->vector_floats && elems % (lanes * 2) == 0)
        lanes *= 2;
    return lanes;
}

size_t oc_op_unit(size_t mask)
{
    size_t unit = 1;
    while (unit < 16 && mask % (unit * 2) == 0)
        unit *= 2;
    return unit;
}

oc_status oc_op_define_unit(oc_launch *launch, size_t unit)
{
    const char *type = unit == 1   ? "uchar"
                       : unit == 2 ? "ushort"
                       : unit == 4 ? "uint"
                       : unit == 8 ? "ulong"
                                   : "ulong2";
    return oc_launch_define(launch, "-DT=%s", type);
}

size_t oc_op_chunk(const oc_traits *traits, size_t units)
{
    return traits->is_cpu ? OC_MIN(OC_MAX(units, (size_t)1), 256) : 1;
}

void oc_op_strides(const oc_shape *shape, size_t strides[OC_RANK_MAX])
{
    size_t step = 1;
    for (int32_t i = shape->rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= (size_t)shape->dim[i];
    }
}

void oc_op_next(const oc_shape *shape, int32_t at[OC_RANK_MAX])
{
    for (int32_t i = shape->rank - 1; i >= 0; i--) {
        if (++at[i] < shape->dim[i])
            return;
        at[i] = 0;
    }
}

oc_status oc_op_broadcast(const oc_op_call *call, const oc_shape *p, const oc_shape *q,
                          oc_shape *out)
{
    oc_shape shape = {.rank = OC_MAX(p->rank, q->rank)};
    for (int32_t i = 1; i <= shape.rank; i++) {
        int32_t dim_p = i <= p->rank ? p->dim[p->rank - i] : 1;
        int32_t dim_q = i <= q->rank ? q->dim[q->rank - i] : 1;
        if (dim_p != dim_q && dim_p != 1 && dim_q != 1) {
            char text_p[OC_SHAPE_TEXT], text_q[OC_SHAPE_TEXT];
            return oc_fail(
                OC_E_SHAPE,
                "%s: %s and %s do not broadcast in %s: expected %d and %d to be equal or 1",
                call->name, oc_shape_print(p, text_p, sizeof(text_p)),
                oc_shape_print(q, text_q, sizeof(text_q)), call->op->name, dim_p, dim_q);
        }
        shape.dim[shape.rank - i] = dim_p == 1 ? dim_q : dim_p;
    }
    *out = shape;
    return OC_OK;
}

void oc_op_broadcast_strides(const oc_shape *in, const oc_shape *out, size_t strides[OC_RANK_MAX])
{
    size_t step = 1;
    for (int32_t i = 1; i <= out->rank; i++) {
        int32_t dim = i <= in->rank ? in->dim[in->rank - i] : 1;
        strides[out->rank - i] = dim == 1 ? 0 : step;
        step *= (size_t)dim;
    }
}

oc_op_axes oc_op_axes_merge(const oc_shape *out, const size_t *p, const size_t *q)
{
    oc_op_axes axes = {0};
    for (int32_t d = 0; d < out->rank; d++) {
        size_t dim = (size_t)out->dim[d];
        int32_t last = axes.count - 1;
        if (dim == 1)
            continue;
        if (last >= 0 && axes.p[last] == p[d] * dim && axes.q[last] == q[d] * dim) {
            axes.dim[last] *= dim;
        } else {
            last = axes.count++;
            axes.dim[last] = dim;
        }
        axes.p[last] = p[d];
        axes.q[last] = q[d];
    }
    return axes;
}

oc_status oc_op_define_outer(oc_launch *launch, const oc_op_axes *axes, int32_t count)
{
    OC_TRY(oc_launch_define(launch, "-DOUTER=%d", count));
    for (int32_t i = 0; i < count; i++) {
        int32_t d = count - 1 - i;
        OC_TRY(oc_launch_define(launch, "-DD%d=%zu -DP%d=%zu -DQ%d=%zu", i, axes->dim[d], i,
                                axes->p[d], i, axes->q[d]));
    }
    return OC_OK;
}
