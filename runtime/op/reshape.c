/* SPDX-License-Identifier: Apache-2.0 */
/**
 * reshape: x of any shape and dtype -> the same elements in the same order under shape `shape`.
 * Importers resolve -1, 0 and the like: `shape` holds the final dimensions, none for a scalar.
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints shape;
} attrs;

static const oc_attr rows[] = {
    {.name = "shape",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, shape),
     .max = INT32_MAX,
     .help = "dimensions of the output"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_shape y = {.rank = a->shape.count};
    size_t elems_in, elems_out;
    OC_TRY(oc_op_check(call));
    if (y.rank > OC_RANK_MAX)
        return oc_fail(OC_E_ARG, "%s: shape of %s has %d elements, expected at most %d", call->name,
                       call->op->name, y.rank, OC_RANK_MAX);
    OC_TRY(oc_op_check_ints(call, "shape", &a->shape, y.rank, 0));
    memcpy(y.dim, a->shape.v, (size_t)y.rank * sizeof(y.dim[0]));
    OC_TRY(oc_shape_elems(&call->in[0]->shape, &elems_in));
    OC_TRY(oc_shape_elems(&y, &elems_out));
    if (elems_in != elems_out) {
        char from[OC_SHAPE_TEXT], to[OC_SHAPE_TEXT];
        return oc_fail(OC_E_SHAPE,
                       "%s: %s to %s: expected %zu elements as the input has, found %zu",
                       call->name, oc_shape_print(&call->in[0]->shape, from, sizeof(from)),
                       oc_shape_print(&y, to, sizeof(to)), elems_in, elems_out);
    }
    out[0] = (oc_desc){call->in[0]->dtype, y};
    return OC_OK;
}

/* Elements before one step along `axis` of `shape`. */
static size_t outer(const oc_shape *shape, int32_t axis)
{
    size_t count = 1;
    for (int32_t i = 0; i < axis; i++)
        count *= (size_t)shape->dim[i];
    return count;
}

/*
 * What is joined inside as many blocks as there were is in one piece in each of them. An axis of the
 * output has that number of blocks where the dimensions before it have the same product.
 */
static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const oc_shape *y = &call->out[0]->shape;
    OC_TRY(oc_op_batch_along(call, in, 0, out));
    size_t blocks = outer(&call->in[0]->shape, in[0]);
    int32_t axis = 0;
    if (in[0] < y->rank && outer(y, in[0]) == blocks)
        axis = in[0]; /* rather than another behind dimensions of 1 */
    while (axis < y->rank && outer(y, axis) != blocks)
        axis++;
    if (axis == y->rank || oc_op_elems(y) == 0)
        return oc_op_batch_refuse(call, 0, in[0]);
    out[0] = axis;
    return oc_op_batch_stretch(call, n, &((attrs *)attrs_out)->shape.v[axis]);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    size_t bytes = oc_op_elems(&call->in[0]->shape) * oc_dtype_size(call->in[0]->dtype);
    if (out[0] != in[0])
        memcpy(out[0], in[0], bytes);
    return OC_OK;
}

static const oc_op_case cases[] = {
    {.name = "flatten",
     .in = {OP_F32(2, 3, 4, 5)},
     .n_in = 1,
     .sets = {OP_SET_INTS("shape", 2, 60)}},
    {.name = "to_scalar", .in = {OP_F32(1, 1)}, .n_in = 1, .sets = {{.attr = "shape"}}},
    {.name = "from_scalar",
     .in = {OP_SCALAR(float32)},
     .n_in = 1,
     .sets = {OP_SET_INTS("shape", 1, 1, 1)}},
    {.name = "rank_8_int64",
     .in = {OP_DESC(int64, 30)},
     .n_in = 1,
     .sets = {OP_SET_INTS("shape", 1, 2, 1, 3, 1, 5, 1, 1)}},
    {.name = "float16",
     .in = {OP_DESC(float16, 4, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("shape", 2, 6)}},
    {.name = "int8", .in = {OP_DESC(int8, 4, 3)}, .n_in = 1, .sets = {OP_SET_INTS("shape", 12)}},
    {.name = "uint8", .in = {OP_DESC(uint8, 5)}, .n_in = 1, .sets = {OP_SET_INTS("shape", 1, 5)}},
    {.name = "int32", .in = {OP_DESC(int32, 2, 2)}, .n_in = 1, .sets = {OP_SET_INTS("shape", 4)}},
    {.name = "bool", .in = {OP_DESC(bool, 7, 3)}, .n_in = 1, .sets = {OP_SET_INTS("shape", 3, 7)}},
};

const oc_op oc_op_reshape = {
    .name = "reshape",
    .help = "x -> the same elements in the same order under another shape",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .is_view = true,
    .batch_axis = batch_axis,
    .shape = shape,
    .cost = oc_op_cost_io,
    .reference = reference,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
