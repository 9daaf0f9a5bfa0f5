/* SPDX-License-Identifier: Apache-2.0 */
#include "op_scale.h"

#include "oc_tensor.h"

/* The shape that scales in blocks have. */
static oc_status check_blocks(const oc_op_call *call, const oc_op_scale *a)
{
    const oc_shape *x = &call->in[OP_SCALE_X]->shape;
    OC_TRY(oc_op_check_rank(call, OP_SCALE_SCALE, x->rank, x->rank));
    for (int32_t i = 0; i < x->rank; i++) {
        int32_t dim = x->dim[i];
        if (i == a->axis)
            dim = dim / a->block_size + (dim % a->block_size != 0);
        OC_TRY(oc_op_check_dim(call, OP_SCALE_SCALE, i, dim, "blocks of input 0"));
    }
    return OC_OK;
}

static oc_status check_zero(const oc_op_call *call, oc_dtype dtype)
{
    const oc_desc *scale = call->in[OP_SCALE_SCALE];
    oc_desc want = {dtype, scale->shape};
    char found[OC_DESC_TEXT], expected[OC_DESC_TEXT];
    if (!oc_op_has(call, OP_SCALE_ZERO) || oc_desc_equal(call->in[OP_SCALE_ZERO], &want))
        return OC_OK;
    oc_desc_print(call->in[OP_SCALE_ZERO], found, sizeof(found));
    oc_desc_print(&want, expected, sizeof(expected));
    return oc_fail(call->in[OP_SCALE_ZERO]->dtype == dtype ? OC_E_SHAPE : OC_E_DTYPE,
                   "%s: the zero point of %s is %s, expected %s", call->name, call->op->name, found,
                   expected);
}

oc_status oc_op_scale_check(const oc_op_call *call, const oc_op_scale *a, oc_dtype zero,
                            oc_op_scale_map *map)
{
    const oc_shape *x = &call->in[OP_SCALE_X]->shape, *s = &call->in[OP_SCALE_SCALE]->shape;
    oc_op_scale_map m = {.rows = 1, .row = oc_op_elems(x), .inner = 1, .block = 1};
    if (call->in[OP_SCALE_SCALE]->dtype != OC_DTYPE_float32)
        return oc_fail(OC_E_DTYPE, "%s: input %d of %s is %s, expected float32", call->name,
                       OP_SCALE_SCALE, call->op->name,
                       oc_dtype_name(call->in[OP_SCALE_SCALE]->dtype));
    OC_TRY(check_zero(call, zero));
    if (a->block_size == 0 && (s->rank == 0 || (s->rank == 1 && s->dim[0] == 1))) {
        *map = m;
        return OC_OK;
    }
    OC_TRY(oc_op_check_axis(call, "axis", a->axis, x->rank));
    for (int32_t i = 0; i < a->axis; i++)
        m.rows *= (size_t)x->dim[i];
    for (int32_t i = a->axis + 1; i < x->rank; i++)
        m.inner *= (size_t)x->dim[i];
    m.row = m.inner * (size_t)x->dim[a->axis];
    if (a->block_size > 0) {
        OC_TRY(check_blocks(call, a));
        m.block = (size_t)a->block_size;
        m.step_axis = m.inner;
        m.step_row = m.inner * (size_t)s->dim[a->axis];
        m.step_inner = 1;
    } else {
        OC_TRY(oc_op_check_rank(call, OP_SCALE_SCALE, 1, 1));
        OC_TRY(oc_op_check_dim(call, OP_SCALE_SCALE, 0, x->dim[a->axis], "the axis of input 0"));
        m.step_axis = 1;
    }
    *map = m;
    return OC_OK;
}

oc_status oc_op_scale_launch(const oc_op_call *call, const oc_traits *traits, const char *stem,
                             const oc_op_scale_map *m, oc_launch_list *list, oc_launch **launch)
{
    oc_launch *l;
    oc_op_chunks c = oc_op_chunks_scalar(traits, m->row, 4096);
    OC_TRY(oc_launch_add(list, stem, stem, &l));
    OC_TRY(oc_op_define_chunks(l, &c));
    OC_TRY(oc_launch_define(
        l, "-DINNER=%zu -DBLOCK=%zu -DSTEP_ROW=%zu -DSTEP_AXIS=%zu -DSTEP_INNER=%zu", m->inner,
        m->block, m->step_row, m->step_axis, m->step_inner));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_SCALE_X});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_SCALE_SCALE});
    if (oc_op_has(call, OP_SCALE_ZERO)) {
        OC_TRY(oc_launch_define(l, "-DHAS_ZERO"));
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_SCALE_ZERO});
    }
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, m->rows, 1);
    oc_op_launch_alone(l, traits);
    *launch = l;
    return OC_OK;
}

oc_status oc_op_scale_permute(const oc_op_call *call, const int32_t *perm, int32_t rank,
                              oc_op_scale *scale)
{
    int32_t old = scale->axis;
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i))
            OC_TRY(oc_op_check_rank(call, i, rank, rank));
    for (int32_t i = 0; i < rank; i++)
        if (perm[i] == old)
            scale->axis = i;
    return OC_OK;
}

/* Scales in blocks: joined with x. */
static oc_status batch_blocks(const oc_op_call *call, const oc_op_scale *a, const int32_t *in,
                              int32_t *out)
{
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i) && (in[i] != in[0] || in[i] == a->axis))
            return oc_op_batch_refuse(call, i, in[i]);
    out[0] = in[0];
    return OC_OK;
}

oc_status oc_op_scale_batch(const oc_op_call *call, const oc_op_scale *a, const int32_t *in,
                            int32_t *out)
{
    if (a->block_size > 0)
        return batch_blocks(call, a, in, out);
    bool is_one = oc_op_elems(&call->in[OP_SCALE_SCALE]->shape) == 1;
    return oc_op_batch_along(call, in, is_one ? 0 : UINT32_C(1) << a->axis, out);
}

oc_status oc_op_scale_halo(const oc_op_call *call, const oc_op_scale *a, const oc_box *out,
                           oc_box *in)
{
    oc_op_halo_along(call, out, 0, in);
    for (uint32_t i = OP_SCALE_SCALE; i < call->n_in; i++) {
        if (!oc_op_has(call, i))
            continue;
        const oc_shape *s = &call->in[i]->shape;
        if (a->block_size == 0)
            oc_op_halo_vector(call, i, out->from[a->axis], out->to[a->axis], in);
        for (int32_t d = 0; a->block_size > 0 && d < s->rank; d++) {
            int32_t block = d == a->axis ? a->block_size : 1;
            oc_op_halo_set(s, d, out->from[d] / block, (out->to[d] - 1) / block + 1, &in[i]);
        }
    }
    return OC_OK;
}

oc_status oc_op_scale_cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[OP_SCALE_X]->shape);
    return OC_OK;
}
