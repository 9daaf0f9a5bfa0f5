/* SPDX-License-Identifier: Apache-2.0 */
/**
 * concat: any number of inputs of one dtype, equal but along `axis` -> joined along `axis` in the
 * order given.
 */
#include "op_common.h"

#include "oc_graph.h"

typedef struct attrs {
    int32_t axis;
} attrs;

static const oc_attr rows[] = {
    {.name = "axis",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, axis),
     .max = OC_RANK_MAX - 1,
     .help = "the axis along which the inputs follow each other"},
};

static oc_status check_fits(const oc_op_call *call, uint32_t index)
{
    const attrs *a = call->attrs;
    const oc_shape *first = &call->in[0]->shape;
    if (call->in[index] == NULL)
        return oc_fail(OC_E_ARG, "%s: input %u of %s is not given", call->name, index,
                       call->op->name);
    OC_TRY(oc_op_check_rank(call, index, first->rank, first->rank));
    for (int32_t i = 0; i < first->rank; i++)
        if (i != a->axis)
            OC_TRY(oc_op_check_dim(call, index, i, first->dim[i], "as input 0"));
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    int64_t sum = 0;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_same_dtype(call));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    OC_TRY(oc_op_check_axis(call, "axis", a->axis, call->in[0]->shape.rank));
    for (uint32_t i = 0; i < call->n_in; i++) {
        OC_TRY(check_fits(call, i));
        sum += call->in[i]->shape.dim[a->axis];
    }
    if (sum > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "%s: %s gives %lld elements along axis %d, expected at most %d",
                       call->name, call->op->name, (long long)sum, a->axis, INT32_MAX);
    out[0] = *call->in[0];
    out[0].shape.dim[a->axis] = (int32_t)sum;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    for (int32_t i = 0; i < rank; i++)
        if (perm[i] == a->axis)
            b->axis = i;
    return OC_OK;
}

/* Everything from the axis inwards: what stays side by side. */
static size_t row_bytes(const oc_op_call *call, const oc_desc *desc)
{
    const attrs *a = call->attrs;
    size_t bytes = oc_dtype_size(desc->dtype);
    for (int32_t i = a->axis; i < desc->shape.rank; i++)
        bytes *= (size_t)desc->shape.dim[i];
    return bytes;
}

static size_t row_count(const oc_op_call *call)
{
    const oc_desc *out = call->out[0];
    return oc_op_elems(&out->shape) * oc_dtype_size(out->dtype) / row_bytes(call, out);
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    (void)n;
    (void)attrs_out;
    for (uint32_t i = 0; i < call->n_in; i++)
        if (in[i] == OC_BATCH_SHARED || in[i] != in[0] || in[i] == a->axis)
            return oc_op_batch_refuse(call, i, in[i]);
    out[0] = in[0];
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    int64_t begin = 0;
    for (uint32_t i = 0; i < call->n_in; i++) {
        const oc_shape *x = &call->in[i]->shape;
        for (int32_t d = 0; d < x->rank; d++)
            oc_op_halo_set(x, d, out->from[d], out->to[d], &in[i]);
        oc_op_halo_set(x, a->axis, out->from[a->axis] - begin, out->to[a->axis] - begin, &in[i]);
        begin += x->dim[a->axis];
    }
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    size_t row_out = row_bytes(call, call->out[0]), rows_all = row_count(call), at = 0;
    for (uint32_t i = 0; i < call->n_in; i++) {
        size_t row_in = row_bytes(call, call->in[i]);
        for (size_t r = 0; r < rows_all; r++)
            memcpy((char *)out[0] + r * row_out + at, (const char *)in[i] + r * row_in, row_in);
        at += row_in;
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    size_t row_out = row_bytes(call, call->out[0]), at = 0;
    OC_TRY(oc_op_check_launch(call));
    for (uint32_t i = 0; i < call->n_in; i++) {
        size_t row_in = row_bytes(call, call->in[i]);
        if (row_in == 0)
            continue; /* an empty input has nothing to copy */
        size_t unit = oc_op_unit(row_in | row_out | at);
        size_t chunk = oc_op_chunk(traits, row_in / unit);
        oc_launch *l;
        OC_TRY(oc_launch_add(list, "concat", "concat", &l));
        OC_TRY(oc_op_define_unit(l, unit));
        OC_TRY(oc_launch_define(l, "-DNI=%zu -DNO=%zu -DAT=%zu -DCHUNK=%zu", row_in / unit,
                                row_out / unit, at / unit, chunk));
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
        oc_launch_range(l, (row_in / unit + chunk - 1) / chunk, row_count(call), 1);
        at += row_in;
    }
    return OC_OK;
}

static const oc_op_case cases[] = {
    {.name = "channels",
     .in = {OP_F32(1, 5, 4, 16), OP_F32(1, 5, 4, 8), OP_F32(1, 5, 4, 32)},
     .n_in = 3,
     .sets = {OP_SET("axis", 3)}},
    {.name = "odd_channels",
     .in = {OP_F32(2, 3, 4, 3), OP_F32(2, 3, 4, 1), OP_F32(2, 3, 4, 7)},
     .n_in = 3,
     .sets = {OP_SET("axis", 3)}},
    {.name = "one_input", .in = {OP_F32(3, 5)}, .n_in = 1},
    {.name = "first_axis_constant", .in = {OP_F32(3, 5), OP_F32(1, 5)}, .n_in = 2, .const_mask = 2},
    {.name = "long_rows",
     .in = {OP_F32(2, 3001), OP_F32(2, 4097)},
     .n_in = 2,
     .sets = {OP_SET("axis", 1)}},
    {.name = "eight",
     .n_in = 8,
     .sets = {OP_SET("axis", 1)},
     .in = {OP_F32(2, 1, 3), OP_F32(2, 2, 3), OP_F32(2, 3, 3), OP_F32(2, 1, 3), OP_F32(2, 1, 3),
            OP_F32(2, 5, 3), OP_F32(2, 1, 3), OP_F32(2, 2, 3)}},
    {.name = "rank_8",
     .in = {OP_F32(2, 1, 3, 2, 1, 5, 2, 2), OP_F32(2, 1, 3, 2, 1, 2, 2, 2)},
     .n_in = 2,
     .sets = {OP_SET("axis", 5)}},
    {.name = "vectors_int64", .in = {OP_DESC(int64, 4), OP_DESC(int64, 3)}, .n_in = 2},
    {.name = "int32",
     .in = {OP_DESC(int32, 3, 4), OP_DESC(int32, 3, 1)},
     .n_in = 2,
     .sets = {OP_SET("axis", 1)}},
    {.name = "float16",
     .in = {OP_DESC(float16, 3, 4), OP_DESC(float16, 3, 2)},
     .n_in = 2,
     .sets = {OP_SET("axis", 1)}},
    {.name = "int8",
     .in = {OP_DESC(int8, 3, 4), OP_DESC(int8, 3, 3)},
     .n_in = 2,
     .sets = {OP_SET("axis", 1)}},
    {.name = "uint8",
     .in = {OP_DESC(uint8, 2, 3, 4), OP_DESC(uint8, 2, 2, 4)},
     .n_in = 2,
     .sets = {OP_SET("axis", 1)}},
    {.name = "bool", .in = {OP_DESC(bool, 5), OP_DESC(bool, 11)}, .n_in = 2},
};

const oc_op oc_op_concat = {
    .name = "concat",
    .help = "inputs equal but along an axis -> joined along it",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = OC_NODE_IO_MAX,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .permute = permute,
    .cost = oc_op_cost_io,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
