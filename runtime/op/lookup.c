/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lookup: x int8 or uint8 of any shape, table [256] of any type -> the same shape, the table's type,
 *
 *     y = table[x]         x uint8
 *     y = table[x + 128]   x int8
 *
 * Any function of one 8-bit tensor: activations and changes of scale of quantised networks.
 *
 * Numerics "copy".
 */
#include "op_common.h"

enum { IN_X, IN_TABLE };

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_rank(call, IN_TABLE, 1, 1));
    OC_TRY(oc_op_check_dim(call, IN_TABLE, 0, 256, "one for each value of 8 bits"));
    out[0] = (oc_desc){call->in[IN_TABLE]->dtype, call->in[IN_X]->shape};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, 0, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_halo_along(call, out, 0, in);
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    size_t elems = oc_op_elems(&call->in[IN_X]->shape), size = oc_dtype_size(call->out[0]->dtype);
    int64_t bias = call->in[IN_X]->dtype == OC_DTYPE_int8 ? 128 : 0;
    for (size_t i = 0; i < elems; i++) {
        size_t at = (size_t)(oc_op_int_get(call->in[IN_X]->dtype, in[IN_X], i) + bias);
        memcpy((char *)out[0] + i * size, (const char *)in[IN_TABLE] + at * size, size);
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    oc_dtype from = call->in[IN_X]->dtype;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    oc_op_chunks c = oc_op_chunks_scalar(traits, oc_op_elems(&call->in[IN_X]->shape), 4096);
    OC_TRY(oc_launch_add(list, "lookup", "lookup", &l));
    OC_TRY(oc_launch_define(l, "-DFROM=%s -DBIAS=%d", oc_op_cl_type(from),
                            from == OC_DTYPE_int8 ? 128 : 0));
    OC_TRY(oc_op_define_unit(l, oc_dtype_size(call->out[0]->dtype)));
    OC_TRY(oc_op_define_chunks(l, &c));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = IN_X});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = IN_TABLE});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, 1, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define CASE(from_, to_, ...)                                                                  \
    {.name = #from_ "_to_" #to_, .n_in = 2, .const_mask = 2,                                   \
     .in = {{OC_DTYPE_##from_, OP_INTS(__VA_ARGS__)}, {OC_DTYPE_##to_, OP_INTS(256)}}}

static const oc_op_case cases[] = {
    CASE(int8, int8, 1, 7, 9, 5),
    CASE(uint8, uint8, 2, 4099),
    CASE(int8, uint8, 33),
    CASE(uint8, int8, 33),
    CASE(int8, float32, 3, 301),
    CASE(uint8, float32, 2, 2, 2, 2, 2, 2, 2, 3),
    CASE(uint8, float16, 65),
    CASE(int8, int32, 65),
    CASE(uint8, int64, 1),
    CASE(int8, bool, 65),
    {.name = "runtime_table", .in = {OP_DESC(int8, 5, 77), OP_DESC(int8, 256)}, .n_in = 2},
    {.name = "scalar", .in = {OP_SCALAR(uint8), OP_DESC(float32, 256)}, .n_in = 2},
};

const oc_op oc_op_lookup = {
    .name = "lookup",
    .help = "x int8 or uint8, table [256] of any type -> table[x], x int8 counting from -128",
    .in_min = 2, .in_max = 2, .n_out = 1,
    .types = OC_TYPES_8BIT,
    .numerics = "copy",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .cost = oc_op_cost_io, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
