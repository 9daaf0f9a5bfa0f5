/* SPDX-License-Identifier: Apache-2.0 */
/**
 * identity: x of any shape and type -> the same. What an importer makes of dropout and its kin; a
 * transform removes it.
 *
 * Numerics "copy": the same bytes.
 */
#include "op_common.h"

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    out[0] = *call->in[0];
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    (void)perm;
    (void)to;
    return oc_op_check_rank(call, 0, rank, rank);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const oc_desc *x = call->in[0];
    memcpy(out[0], in[0], oc_op_elems(&x->shape) * oc_dtype_size(x->dtype));
    return OC_OK;
}

/* clang-format off */
static const oc_op_case cases[] = {
    {.name = "image", .in = {OP_F32(1, 3, 4, 5)}, .n_in = 1},
    {.name = "scalar", .in = {OP_SCALAR(float32)}, .n_in = 1},
    {.name = "float16", .in = {OP_DESC(float16, 3, 5)}, .n_in = 1},
    {.name = "int8", .in = {OP_DESC(int8, 7)}, .n_in = 1},
    {.name = "uint8", .in = {OP_DESC(uint8, 2, 9)}, .n_in = 1},
    {.name = "int32", .in = {OP_DESC(int32, 4)}, .n_in = 1},
    {.name = "int64", .in = {OP_SCALAR(int64)}, .n_in = 1},
    {.name = "bool", .in = {OP_DESC(bool, 3, 3)}, .n_in = 1},
};

const oc_op oc_op_identity = {
    .name = "identity",
    .help = "x of any shape and type -> the same",
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .is_view = true,
    .batch_axis = oc_op_batch_elementwise,
    .halo = oc_op_halo_elementwise,
    .shape = shape, .permute = permute, .cost = oc_op_cost_io, .reference = reference,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
