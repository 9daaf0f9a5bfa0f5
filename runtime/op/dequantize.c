/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dequantize: x int8, uint8 or int32, scale, zero (optional; op_scale.h) -> y float32,
 *
 *     y = (x - zero) * scale
 *
 * The difference is an int32 and wraps around; it is rounded to float32, and so is the product.
 *
 * Numerics "elementwise".
 */
#include "op_scale.h"

typedef struct attrs {
    oc_op_scale scale;
} attrs;

static const oc_attr rows[] = {OP_ATTR_SCALE(attrs)};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_scale_map map;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_scale_check(call, &a->scale, call->in[OP_SCALE_X]->dtype, &map));
    out[0] = (oc_desc){OC_DTYPE_float32, call->in[OP_SCALE_X]->shape};
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    return oc_op_scale_permute(call, perm, rank, &((attrs *)to)->scale);
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    (void)n;
    (void)attrs_out;
    return oc_op_scale_batch(call, &a->scale, in, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    return oc_op_scale_halo(call, &a->scale, out, in);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const float *scale = in[OP_SCALE_SCALE];
    oc_dtype from = call->in[OP_SCALE_X]->dtype;
    float *y = out[0];
    oc_op_scale_map map;
    OC_TRY(oc_op_scale_check(call, &a->scale, from, &map));
    for (size_t r = 0, i = 0; r < map.rows; r++)
        for (size_t j = 0; j < map.row; j++, i++) {
            size_t at = oc_op_scale_at(&map, r, j);
            int64_t zero =
                oc_op_has(call, OP_SCALE_ZERO) ? oc_op_int_get(from, in[OP_SCALE_ZERO], at) : 0;
            int32_t steps;
            oc_op_int_set(OC_DTYPE_int32, &steps, 0, oc_op_int_get(from, in[0], i) - zero);
            y[i] = (float)steps * scale[at];
        }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_dtype from = call->in[OP_SCALE_X]->dtype;
    oc_op_scale_map map;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_scale_check(call, &a->scale, from, &map));
    OC_TRY(oc_op_scale_launch(call, traits, "dequantize", &map, list, &l));
    return oc_op_define_type(l, from);
}

/* clang-format off */
#define I8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
#define I32(...) OP_DESC(int32, __VA_ARGS__)
#define AXIS(axis_) OP_SET("axis", axis_)
#define BLOCK(size_) OP_SET("block_size", size_)

static const oc_op_case cases[] = {
    {.name = "tensor", .in = {I8(1, 7, 9, 5), OP_SCALAR(float32), OP_SCALAR(int8)}, .n_in = 3},
    {.name = "tensor_uint8", .in = {U8(2, 4100), OP_F32(1), U8(1)}, .n_in = 3, .const_mask = 6},
    {.name = "tensor_int32", .in = {I32(5, 77), OP_SCALAR(float32), OP_SCALAR(int32)}, .n_in = 3},
    {.name = "no_zero", .in = {I8(33), OP_SCALAR(float32)}, .n_in = 2},
    {.name = "absent_zero", .in = {U8(33), OP_SCALAR(float32), OP_SCALAR(uint8)}, .n_in = 3,
     .absent_mask = 4},
    {.name = "channels_last", .in = {I8(2, 3, 5, 19), OP_F32(19), I8(19)}, .n_in = 3,
     .sets = {AXIS(3)}},
    {.name = "channels_first", .in = {U8(2, 3, 5, 19), OP_F32(3), U8(3)}, .n_in = 3,
     .sets = {AXIS(1)}},
    {.name = "weights", .in = {I8(12, 3, 3, 8), OP_F32(12)}, .n_in = 2, .const_mask = 3},
    {.name = "bias", .in = {I32(700), OP_F32(700)}, .n_in = 2, .const_mask = 3},
    {.name = "blocks", .in = {I8(3, 8, 5), OP_F32(3, 2, 5), I8(3, 2, 5)}, .n_in = 3,
     .sets = {AXIS(1), BLOCK(4)}},
    {.name = "blocks_with_a_rest", .in = {U8(3, 7, 5), OP_F32(3, 3, 5), U8(3, 3, 5)}, .n_in = 3,
     .sets = {AXIS(1), BLOCK(3)}},
    {.name = "blocks_last", .in = {I32(3, 64), OP_F32(3, 2), I32(3, 2)}, .n_in = 3,
     .sets = {AXIS(1), BLOCK(32)}},
    {.name = "scalar", .in = {OP_SCALAR(int8), OP_SCALAR(float32), OP_SCALAR(int8)}, .n_in = 3},
};

const oc_op oc_op_dequantize = {
    .name = "dequantize",
    .help = "x int8, uint8 or int32, scale, zero (optional) -> (x - zero) * scale as float32",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = 3, .n_out = 1,
    .types = OC_TYPES_8BIT | OC_TYPE(int32),
    .numerics = "elementwise",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .permute = permute, .cost = oc_op_scale_cost, .reference = reference,
    .launch = launch, .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
