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
    .shape = shape,
    .cost = oc_op_cost_io,
    .reference = reference,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
