/* SPDX-License-Identifier: Apache-2.0 */
#include "op_region.h"

#include "op_common.h"

/* ---- batch_axis ----------------------------------------------------------------------------- */

oc_status oc_op_batch_refuse(const oc_op_call *call, uint32_t index, int32_t axis)
{
    char text[OC_SHAPE_TEXT];
    if (axis == OC_BATCH_SHARED || !oc_op_has(call, index))
        return oc_fail(OC_E_UNSUPPORTED,
                       "%s: calls of %s are joined, expected input %u to be joined too, found one "
                       "for all",
                       call->name, call->op->name, index);
    return oc_fail(OC_E_UNSUPPORTED, "%s: input %u of %s, %s, cannot be joined along axis %d",
                   call->name, index, call->op->name,
                   oc_shape_print(&call->in[index]->shape, text, sizeof(text)), axis);
}

oc_status oc_op_batch_along(const oc_op_call *call, const int32_t *in, uint32_t fixed, int32_t *out)
{
    if (in[0] == OC_BATCH_SHARED || fixed >> in[0] & 1)
        return oc_op_batch_refuse(call, 0, in[0]);
    for (uint32_t i = 1; i < call->n_in; i++)
        if (in[i] != OC_BATCH_SHARED)
            return oc_op_batch_refuse(call, i, in[i]);
    *out = in[0];
    return OC_OK;
}

oc_status oc_op_batch_lines(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs)
{
    (void)n;
    (void)attrs;
    return oc_op_batch_along(call, in, UINT32_C(1) << (call->in[0]->shape.rank - 1), out);
}

oc_status oc_op_batch_broadcast(const oc_op_call *call, const int32_t *in, uint32_t count,
                                int32_t *out)
{
    const oc_shape *y = &call->out[0]->shape;
    int32_t axis = OC_BATCH_SHARED;
    for (uint32_t i = 0; i < count; i++)
        if (in[i] != OC_BATCH_SHARED)
            axis = in[i] + y->rank - call->in[i]->shape.rank;
    if (axis == OC_BATCH_SHARED)
        return oc_op_batch_refuse(call, 0, axis);
    for (uint32_t i = 0; i < count; i++) {
        const oc_shape *x = &call->in[i]->shape;
        int32_t own = axis - (y->rank - x->rank); /* below 0: x has no such axis */
        bool stretches = own < 0 || x->dim[own] == 1;
        if (in[i] == OC_BATCH_SHARED ? !stretches : in[i] != own || x->dim[own] != y->dim[axis])
            return oc_op_batch_refuse(call, i, in[i]);
    }
    *out = axis;
    return OC_OK;
}

oc_status oc_op_batch_elementwise(const oc_op_call *call, const int32_t *in, int32_t n,
                                  int32_t *out, void *attrs)
{
    (void)n;
    (void)attrs;
    return oc_op_batch_broadcast(call, in, call->n_in, out);
}

oc_status oc_op_batch_stretch(const oc_op_call *call, int32_t n, int32_t *value)
{
    int64_t stretched = (int64_t)*value * n;
    if (stretched > INT32_MAX)
        return oc_fail(OC_E_UNSUPPORTED,
                       "%s: %d joined calls of %s have %lld elements along an axis, expected at "
                       "most %d",
                       call->name, n, call->op->name, (long long)stretched, INT32_MAX);
    *value = (int32_t)stretched;
    return OC_OK;
}

/* ---- halo ------------------------------------------------------------------------------------ */

oc_box oc_op_halo_whole(const oc_shape *shape)
{
    oc_box box = {0};
    for (int32_t i = 0; i < shape->rank; i++)
        box.to[i] = shape->dim[i];
    return box;
}

void oc_op_halo_set(const oc_shape *shape, int32_t axis, int64_t from, int64_t to, oc_box *box)
{
    int64_t dim = shape->dim[axis];
    from = OC_MIN(OC_MAX(from, 0), dim);
    to = OC_MIN(OC_MAX(to, from), dim);
    box->from[axis] = (int32_t)from;
    box->to[axis] = (int32_t)to;
}

void oc_op_halo_vector(const oc_op_call *call, uint32_t index, int64_t from, int64_t to, oc_box *in)
{
    const oc_shape *x = &call->in[index]->shape;
    size_t elems = oc_op_elems(x);
    in[index] = oc_op_halo_whole(x);
    for (int32_t d = 0; d < x->rank && elems != 1; d++)
        if ((size_t)x->dim[d] == elems)
            oc_op_halo_set(x, d, from, to, &in[index]);
}

void oc_op_halo_broadcast(const oc_op_call *call, const oc_box *out, uint32_t count, oc_box *in)
{
    for (uint32_t i = 0; i < count; i++) {
        const oc_shape *x = &call->in[i]->shape;
        int32_t more = call->out[0]->shape.rank - x->rank;
        in[i] = oc_op_halo_whole(x);
        for (int32_t d = 0; d < x->rank; d++)
            if (x->dim[d] != 1)
                oc_op_halo_set(x, d, out->from[more + d], out->to[more + d], &in[i]);
    }
}

oc_status oc_op_halo_elementwise(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_halo_broadcast(call, out, call->n_in, in);
    return OC_OK;
}

void oc_op_halo_along(const oc_op_call *call, const oc_box *out, uint32_t whole, oc_box *in)
{
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i))
            in[i] = oc_op_halo_whole(&call->in[i]->shape);
    const oc_shape *x = &call->in[0]->shape;
    for (int32_t d = 0; d < x->rank; d++)
        if (!(whole >> d & 1))
            oc_op_halo_set(x, d, out->from[d], out->to[d], &in[0]);
}

oc_status oc_op_halo_lines(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_halo_along(call, out, UINT32_C(1) << (call->in[0]->shape.rank - 1), in);
    return OC_OK;
}
