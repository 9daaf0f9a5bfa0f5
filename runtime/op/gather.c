/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gather: x of any dtype and indices int32 or int64 of any shape -> x with its axis `axis` replaced
 * by the axes of indices: y[a.., i.., b..] = x[a.., index(i..), b..]. An index below 0 counts from
 * the end; what lies outside even so is taken as the nearest that does not.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t axis;
} attrs;

static const oc_attr rows[] = {
    {.name = "axis",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, axis),
     .max = OC_RANK_MAX - 1,
     .help = "the axis of x that the indices count"},
};

static oc_status check_indices(const oc_op_call *call)
{
    oc_dtype dtype = call->in[1]->dtype;
    if (dtype != OC_DTYPE_int32 && dtype != OC_DTYPE_int64)
        return oc_fail(OC_E_DTYPE, "%s: input 1 of %s is %s, expected int32 or int64", call->name,
                       call->op->name, oc_dtype_name(dtype));
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    const oc_shape *x = &call->in[0]->shape, *index = &call->in[1]->shape;
    OC_TRY(oc_op_check_axis(call, "axis", a->axis, x->rank));
    OC_TRY(check_indices(call));
    oc_desc y = {.dtype = call->in[0]->dtype, .shape = {.rank = x->rank - 1 + index->rank}};
    if (y.shape.rank > OC_RANK_MAX)
        return oc_fail(OC_E_SHAPE, "%s: %s gives rank %d, expected at most %d", call->name,
                       call->op->name, y.shape.rank, OC_RANK_MAX);
    if (x->dim[a->axis] == 0 && oc_op_elems(index) > 0)
        return oc_fail(OC_E_SHAPE, "%s: axis %d of input 0 of %s is empty, expected an element",
                       call->name, a->axis, call->op->name);
    int32_t to = 0;
    for (int32_t i = 0; i < x->rank; i++) {
        if (i != a->axis)
            y.shape.dim[to++] = x->dim[i];
        for (int32_t k = 0; i == a->axis && k < index->rank; k++)
            y.shape.dim[to++] = index->dim[k];
    }
    out[0] = y;
    return OC_OK;
}

/* The i-th index, made one that is there. */
static size_t pick(const oc_op_call *call, const void *indices, size_t i, size_t count)
{
    int64_t index = call->in[1]->dtype == OC_DTYPE_int64 ? ((const int64_t *)indices)[i]
                                                         : ((const int32_t *)indices)[i];
    if (index < 0)
        index += (int64_t)count;
    return (size_t)OC_MIN(OC_MAX(index, 0), (int64_t)count - 1);
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    (void)n;
    (void)attrs_out;
    if (in[0] == OC_BATCH_SHARED) {
        out[0] = a->axis + in[1]; /* other indices into one table */
        return OC_OK;
    }
    OC_TRY(oc_op_batch_along(call, in, UINT32_C(1) << a->axis, out));
    if (*out > a->axis)
        *out += call->in[1]->shape.rank - 1;
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape, *index = &call->in[1]->shape;
    in[0] = oc_op_halo_whole(x); /* an index may name any element of the axis */
    in[1] = oc_op_halo_whole(index);
    for (int32_t d = 0; d < index->rank; d++)
        oc_op_halo_set(index, d, out->from[a->axis + d], out->to[a->axis + d], &in[1]);
    for (int32_t d = 0; d < x->rank; d++) {
        int32_t to = d < a->axis ? d : d - 1 + index->rank;
        if (d != a->axis)
            oc_op_halo_set(x, d, out->from[to], out->to[to], &in[0]);
    }
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_op_lines x = oc_op_lines_of(&call->in[0]->shape, a->axis);
    const size_t picks = oc_op_elems(&call->in[1]->shape);
    size_t row = x.inner * oc_dtype_size(call->in[0]->dtype);
    char *y = out[0];
    for (size_t o = 0; o < x.outer; o++)
        for (size_t i = 0; i < picks; i++, y += row) {
            size_t from = o * x.n + pick(call, in[1], i, x.n);
            memcpy(y, (const char *)in[0] + from * row, row);
        }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const oc_op_lines x = oc_op_lines_of(&call->in[0]->shape, a->axis);
    const size_t picks = oc_op_elems(&call->in[1]->shape);
    size_t bytes = x.inner * oc_dtype_size(call->in[0]->dtype), unit = oc_op_unit(bytes);
    size_t row = bytes / unit, chunk = oc_op_chunk(traits, row);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "gather", "gather", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DI=%s -DN=%zu -DPICKS=%zu -DROW=%zu -DCHUNK=%zu",
                            call->in[1]->dtype == OC_DTYPE_int64 ? "long" : "int", x.n, picks, row,
                            chunk));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row + chunk - 1) / chunk, picks, x.outer);
    return OC_OK;
}

#define AXIS(axis_) .n_in = 2, .sets = {OP_SET("axis", axis_)}
static const oc_op_case cases[] = {
    {.name = "rows", .in = {OP_F32(9, 16), OP_DESC(int64, 5)}, .lo = -9, .hi = 9, AXIS(0)},
    {.name = "columns", .in = {OP_F32(4, 9), OP_DESC(int32, 6)}, .lo = -9, .hi = 9, AXIS(1)},
    {.name = "channels", .in = {OP_F32(2, 3, 4, 7), OP_DESC(int64, 7)}, .lo = -7, .hi = 7, AXIS(3)},
    {.name = "middle",
     .in = {OP_F32(2, 6, 5, 4), OP_DESC(int32, 2, 3)},
     .lo = -6,
     .hi = 6,
     AXIS(1)},
    {.name = "outside", .in = {OP_F32(3, 5), OP_DESC(int64, 40)}, AXIS(0)},
    {.name = "outside_32_bits", .in = {OP_F32(3, 5), OP_DESC(int32, 40)}, AXIS(1)},
    {.name = "scalar_index", .in = {OP_F32(3, 8), OP_SCALAR(int64)}, .lo = -3, .hi = 3, AXIS(0)},
    {.name = "vector_by_scalar", .in = {OP_F32(5), OP_SCALAR(int32)}, .lo = 0, .hi = 5, AXIS(0)},
    {.name = "table_constant",
     .in = {OP_F32(50, 12), OP_DESC(int64, 2, 7)},
     .lo = 0,
     .hi = 50,
     .const_mask = 1,
     AXIS(0)},
    {.name = "indices_constant",
     .in = {OP_F32(2, 8, 3), OP_DESC(int32, 4)},
     .lo = 0,
     .hi = 8,
     .const_mask = 2,
     AXIS(1)},
    {.name = "long_rows", .in = {OP_F32(4, 3001), OP_DESC(int64, 3)}, .lo = 0, .hi = 4, AXIS(0)},
    {.name = "nothing", .in = {OP_F32(0, 5), OP_DESC(int64, 0)}, AXIS(0)},
    {.name = "rank_8",
     .in = {OP_F32(2, 1, 3, 2, 4), OP_DESC(int64, 2, 1, 2, 3)},
     .lo = 0,
     .hi = 3,
     AXIS(2)},
    {.name = "int64", .in = {OP_DESC(int64, 6), OP_DESC(int64, 4)}, .lo = -6, .hi = 6, AXIS(0)},
    {.name = "int32", .in = {OP_DESC(int32, 6, 3), OP_DESC(int32, 4)}, .lo = 0, .hi = 6, AXIS(0)},
    {.name = "float16",
     .in = {OP_DESC(float16, 5, 3), OP_DESC(int64, 4)},
     .lo = 0,
     .hi = 5,
     AXIS(0)},
    {.name = "int8", .in = {OP_DESC(int8, 5, 4), OP_DESC(int64, 9)}, .lo = 0, .hi = 4, AXIS(1)},
    {.name = "uint8", .in = {OP_DESC(uint8, 5, 6), OP_DESC(int32, 9)}, .lo = 0, .hi = 5, AXIS(0)},
    {.name = "bool", .in = {OP_DESC(bool, 7), OP_DESC(int32, 9)}, .lo = -7, .hi = 7, AXIS(0)},
};

const oc_op oc_op_gather = {
    .name = "gather",
    .help = "x, indices -> x with an axis replaced by its elements at the indices",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 2,
    .in_max = 2,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .cost = oc_op_cost_io,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
