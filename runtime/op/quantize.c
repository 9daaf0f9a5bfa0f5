/* SPDX-License-Identifier: Apache-2.0 */
/**
 * quantize: x float32, scale, zero (optional; op_scale.h) -> y of type `to` (int8 or uint8),
 *
 *     y = saturate(round(x / scale) + zero)
 *
 * The quotient is rounded to float32 and then to an integer, ties to even (ONNX QuantizeLinear) or
 * away from zero (TensorFlow Lite QUANTIZE). saturate takes what is beyond the range of `to` to its
 * end. A quotient that is no number counts as 0.
 *
 * Numerics "elementwise": one division, then exact integers.
 */
#include "op_scale.h"

typedef struct attrs {
    oc_op_scale scale;
    int32_t to, rounding;
} attrs;

enum { EVEN, AWAY };
static const char *const type_names[] = {"int8", "uint8", NULL};
static const oc_dtype types[] = {OC_DTYPE_int8, OC_DTYPE_uint8};
static const char *const rounding_names[] = {"even", "away", NULL};

static const oc_attr rows[] = {
    OP_ATTR_SCALE(attrs),
    {.name = "to",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, to),
     .max = OC_COUNT(types) - 1,
     .names = type_names,
     .help = "element type of the result"},
    {.name = "rounding",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, rounding),
     .max = AWAY,
     .names = rounding_names,
     .help = "where a number halfway between two integers goes"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_scale_map map;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_scale_check(call, &a->scale, types[a->to], &map));
    out[0] = (oc_desc){types[a->to], call->in[OP_SCALE_X]->shape};
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    return oc_op_scale_permute(call, perm, rank, &((attrs *)to)->scale);
}

/* What is further away than this saturates with any zero point. */
#define FAR 1024.0f

static int64_t quantize(const attrs *a, float x, float scale, int64_t zero)
{
    int64_t low = oc_op_int_lowest(types[a->to]), high = oc_op_int_highest(types[a->to]);
    float v = x / scale;
    float r = a->rounding == EVEN ? oc_round_even(v) : oc_round_away(v);
    r = v != v ? 0.0f : r < -FAR ? -FAR : r > FAR ? FAR : r;
    int64_t y = (int64_t)r + zero;
    return y < low ? low : y > high ? high : y;
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
    const float *x = in[OP_SCALE_X], *scale = in[OP_SCALE_SCALE];
    oc_dtype to = types[a->to];
    oc_op_scale_map map;
    OC_TRY(oc_op_scale_check(call, &a->scale, to, &map));
    for (size_t r = 0, i = 0; r < map.rows; r++)
        for (size_t j = 0; j < map.row; j++, i++) {
            size_t at = oc_op_scale_at(&map, r, j);
            int64_t zero =
                oc_op_has(call, OP_SCALE_ZERO) ? oc_op_int_get(to, in[OP_SCALE_ZERO], at) : 0;
            oc_op_int_set(to, out[0], i, quantize(a, x[i], scale[at], zero));
        }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_dtype to = types[a->to];
    oc_op_scale_map map;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_scale_check(call, &a->scale, to, &map));
    OC_TRY(oc_op_scale_launch(call, traits, "quantize", &map, list, &l));
    OC_TRY(oc_op_define_type(l, to));
    OC_TRY(oc_launch_define(l, "-DROUND=oc_round_%s", rounding_names[a->rounding]));
    return oc_launch_define_float(l, "FAR", FAR);
}

/* clang-format off */
#define TO(name_) OP_SET_ENUM("to", name_)
#define AXIS(axis_) OP_SET("axis", axis_)
#define BLOCK(size_) OP_SET("block_size", size_)

static const oc_op_case cases[] = {
    {.name = "tensor", .in = {OP_F32(1, 7, 9, 5), OP_SCALAR(float32), OP_SCALAR(int8)}, .n_in = 3,
     .lo = -100, .hi = 100},
    {.name = "tensor_uint8", .in = {OP_F32(2, 4100), OP_F32(1), OP_DESC(uint8, 1)}, .n_in = 3,
     .const_mask = 6, .lo = -1, .hi = 100, .sets = {TO("uint8")}},
    {.name = "no_zero", .in = {OP_F32(33), OP_SCALAR(float32)}, .n_in = 2},
    {.name = "absent_zero_away", .in = {OP_F32(33), OP_SCALAR(float32), OP_SCALAR(int8)},
     .n_in = 3, .absent_mask = 4, .sets = {OP_SET_ENUM("rounding", "away")}},
    {.name = "channels_last", .in = {OP_F32(2, 3, 5, 19), OP_F32(19), OP_DESC(int8, 19)},
     .n_in = 3, .lo = 0.01, .hi = 1, .sets = {AXIS(3), OP_SET_ENUM("rounding", "away")}},
    {.name = "channels_first", .in = {OP_F32(2, 3, 5, 19), OP_F32(3), OP_DESC(uint8, 3)},
     .n_in = 3, .sets = {AXIS(1), TO("uint8")}},
    {.name = "first_axis", .in = {OP_F32(6, 700), OP_F32(6)}, .n_in = 2, .sets = {AXIS(0)}},
    {.name = "one_channel", .in = {OP_F32(4, 1), OP_F32(1), OP_DESC(int8, 1)}, .n_in = 3,
     .sets = {AXIS(1)}},
    {.name = "blocks", .in = {OP_F32(3, 8, 5), OP_F32(3, 2, 5), OP_DESC(int8, 3, 2, 5)},
     .n_in = 3, .sets = {AXIS(1), BLOCK(4)}},
    {.name = "blocks_with_a_rest", .in = {OP_F32(3, 7, 5), OP_F32(3, 3, 5)}, .n_in = 2,
     .sets = {AXIS(1), BLOCK(3)}},
    {.name = "blocks_last_uint8", .in = {OP_F32(3, 64), OP_F32(3, 2), OP_DESC(uint8, 3, 2)},
     .n_in = 3, .sets = {AXIS(1), BLOCK(32), TO("uint8")}},
    {.name = "block_beyond_the_axis", .in = {OP_F32(3, 4), OP_F32(3, 1)}, .n_in = 2,
     .sets = {AXIS(1), BLOCK(2147483647)}},
    {.name = "scalar", .in = {OP_SCALAR(float32), OP_SCALAR(float32), OP_SCALAR(int8)}, .n_in = 3},
};

const oc_op oc_op_quantize = {
    .name = "quantize",
    .help = "x, scale, zero (optional) -> saturate(round(x / scale) + zero) as int8 or uint8",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = 3, .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "elementwise",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .permute = permute, .cost = oc_op_scale_cost, .reference = reference,
    .launch = launch, .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
