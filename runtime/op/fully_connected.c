/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fully_connected: x [...,K], w [O,K], bias [O] (optional), for integers x_zero [1] and w_zero [1]
 * or [O] (optional) and the factors that requantise, multiplier, shift and low [1] or [O] (optional)
 * -> [...,O].
 *
 * Numerics "direct": acc = +0; for k ascending: acc = fma(x, w, acc); y = acc + bias (acc itself
 * without a bias); then the activation. The integer form (op_product_int.h) is exact.
 */
#include "op_conv.h"

typedef struct attrs {
    oc_op_act act;
    oc_op_requant requant;
} attrs;

static const oc_attr rows[] = {OP_ATTR_ACT(attrs), OP_ATTR_REQUANT(attrs)};

/* x is seen as [m,k]. */
typedef struct sizes {
    size_t m, k, o;
    bool has_bias;
} sizes;

static sizes sizes_of(const oc_op_call *call)
{
    const oc_shape *x = &call->in[0]->shape;
    sizes s = {.k = (size_t)x->dim[x->rank - 1], .has_bias = oc_op_has(call, 2)};
    s.m = oc_op_elems(x) / s.k;
    s.o = (size_t)call->in[1]->shape.dim[0];
    return s;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_product(call, &a->act));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    OC_TRY(oc_op_check_rank(call, 1, 2, 2));
    oc_desc y = *call->in[0];
    int32_t *last = &y.shape.dim[y.shape.rank - 1];
    OC_TRY(oc_op_check_dim(call, 1, 1, *last, "the last axis of input 0"));
    OC_TRY(oc_op_check_filled(call, 1));
    *last = call->in[1]->shape.dim[0];
    if (oc_op_has(call, 2)) {
        OC_TRY(oc_op_check_rank(call, 2, 1, 1));
        OC_TRY(oc_op_check_dim(call, 2, 0, *last, "rows of the weights"));
    }
    OC_TRY(oc_op_check_zeros(call, 1, *last));
    OC_TRY(oc_op_check_requant(call, &a->requant, *last));
    y.dtype = oc_op_requant_dtype(call, &a->requant);
    out[0] = y;
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    int32_t last = call->in[OP_X]->shape.rank - 1;
    oc_op_halo_along(call, out, UINT32_C(1) << last, in);
    oc_op_halo_set(&call->in[OP_W]->shape, 0, out->from[last], out->to[last], &in[OP_W]);
    for (uint32_t i = OP_BIAS; i < call->n_in; i++)
        if (oc_op_has(call, i))
            oc_op_halo_vector(call, i, out->from[last], out->to[last], in);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    sizes s = sizes_of(call);
    OC_TRY(oc_op_cost_io(call, cost));
    cost->macs = (uint64_t)s.m * s.o * s.k;
    cost->ops = (uint64_t)s.m * s.o *
                ((s.has_bias ? 1u : 0u) + (a->act.fn != OC_UNARY_none ? 1u : 0u) +
                 oc_op_requant_ops(&a->requant));
    return OC_OK;
}

static void reference_int(const oc_op_call *call, const sizes *s, const void *const *in,
                          void *const *out)
{
    oc_op_bytes x = oc_op_bytes_of(call, in, OP_X), w = oc_op_bytes_of(call, in, OP_W);
    int32_t x_zero = oc_op_zero(call, in, OP_X_ZERO, 0);
    const uint32_t *bias = s->has_bias ? in[OP_BIAS] : NULL;
    const attrs *a = call->attrs;
    const oc_op_sums sums = oc_op_sums_of(call, &a->requant, in, out[0]);
    for (size_t m = 0; m < s->m; m++)
        for (size_t o = 0; o < s->o; o++) {
            uint32_t sum = oc_op_dot_int(x, m * s->k, x_zero, w, o * s->k, 1,
                                         oc_op_zero(call, in, OP_W_ZERO, o), s->k);
            oc_op_sums_put(&sums, m * s->o + o, o, sum + (bias ? bias[o] : 0));
        }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const float *x = in[0], *w = in[1];
    sizes s = sizes_of(call);
    if (oc_op_is_int(call)) {
        reference_int(call, &s, in, out);
        return OC_OK;
    }
    const float *bias = s.has_bias ? in[2] : NULL;
    float *y = out[0];
    for (size_t m = 0; m < s.m; m++)
        for (size_t o = 0; o < s.o; o += OP_DOT_MAX) {
            size_t count = OC_MIN(OP_DOT_MAX, s.o - o);
            float acc[OP_DOT_MAX] = {0};
            oc_op_dot(x + m * s.k, s.k, w + o * s.k, s.k, 1, (int32_t)count, acc);
            for (size_t j = 0; j < count; j++)
                *y++ = oc_op_act_eval(&a->act, bias ? acc[j] + bias[o + j] : acc[j]);
        }
    return OC_OK;
}

/* w [O,K] -> [packs][K][OP_PACK], missing outputs zero */
static oc_status pack_weights(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s = sizes_of(call);
    (void)dst_bytes;
    oc_op_pack(src, s.o, s.k, s.k, 1, OP_PACK, dst);
    return OC_OK;
}

/* bias [O] -> [packs][OP_PACK] */
static oc_status pack_bias(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    (void)dst_bytes;
    oc_op_pack(src, sizes_of(call).o, 1, 1, 1, OP_PACK, dst);
    return OC_OK;
}

static oc_status launch_plain(const oc_op_call *call, const sizes *s, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "fully_connected", "fully_connected_plain", &l));
    OC_TRY(oc_launch_define(l, "-DFULLY_CONNECTED_PLAIN -DM=%zu -DK=%zu -DO=%zu -DHAS_BIAS=%d",
                            s->m, s->k, s->o, s->has_bias));
    OC_TRY(oc_op_define_act(l, &a->act));
    for (uint32_t i = 0; i < (s->has_bias ? 3u : 2u); i++)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, s->o, s->m, 1);
    return OC_OK;
}

static oc_status pack_int(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s = sizes_of(call);
    oc_op_conv conv = oc_op_conv_of_product(call, s.m, s.k, s.o);
    (void)dst_bytes;
    oc_op_pack_int(&conv, src, s.k, 1, dst);
    return OC_OK;
}

static oc_status pack_dot(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s = sizes_of(call);
    oc_op_conv conv = oc_op_conv_of_product(call, s.m, s.k, s.o);
    (void)dst_bytes;
    return oc_op_pack_dot(call, &conv, src, s.k, 1, dst);
}

static oc_status launch_int(const oc_op_call *call, const sizes *s, const oc_traits *traits,
                            oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_launch *l;
    if (call->is_const[OP_W]) {
        oc_op_conv conv = oc_op_conv_of_product(call, s->m, s->k, s->o);
        return oc_op_launch_int(call, &conv, &a->requant, &(oc_op_packers){pack_int, pack_dot},
                                traits, list);
    }
    OC_TRY(oc_launch_add(list, "fully_connected_int", "fully_connected_int", &l));
    OC_TRY(oc_launch_define(l, "-DM=%zu -DK=%zu -DO=%zu", s->m, s->k, s->o));
    OC_TRY(oc_op_define_int(call, l));
    OC_TRY(oc_op_define_requant(call, &a->requant, l));
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, s->o, s->m, 1);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    sizes s = sizes_of(call);
    OC_TRY(oc_op_check_launch(call));
    if (oc_op_is_int(call))
        return launch_int(call, &s, traits, list);
    if (!call->is_const[1] || (s.has_bias && !call->is_const[2]))
        return launch_plain(call, &s, list);
    oc_op_product product = {
        .m = s.m,
        .k = s.k,
        .n = s.o,
        .act = &a->act,
        .w_index = 1,
        .pack_w = pack_weights,
        .bias_index = s.has_bias ? 2 : 0,
        .pack_bias = pack_bias,
    };
    return oc_op_launch_product(&product, traits, list);
}

/* clang-format off */
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
#define S32(...) OP_DESC(int32, __VA_ARGS__)
#define TWICE OP_SET_ENUM("requant", "twice")
#define DOUBLE OP_SET_ENUM("requant", "double")
/* Biases, multipliers and shifts as networks have them. */
#define FACTORS .in_lo = {0, 0, -2000, 0, 0, 0x1p30f, -9, 0}, \
                .in_hi = {0, 0, 2000, 0, 0, 0x1.fffffp30f, -4, 0}

static const oc_op_case cases[] = {
    {.name = "vector", .in = {OP_F32(1, 64), OP_F32(10, 64), OP_F32(10)}, .n_in = 3,
     .const_mask = 6},
    {.name = "no_bias", .in = {OP_F32(1, 33), OP_F32(65, 33)}, .n_in = 2, .const_mask = 2},
    {.name = "batch_relu", .in = {OP_F32(5, 100), OP_F32(32, 100), OP_F32(32)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "relu")}},
    {.name = "leading_axes", .in = {OP_F32(2, 3, 4, 7), OP_F32(31, 7), OP_F32(31)}, .n_in = 3,
     .const_mask = 6},
    {.name = "rank_1", .in = {OP_F32(17), OP_F32(3, 17), OP_F32(3)}, .n_in = 3, .const_mask = 6},
    {.name = "one_output", .in = {OP_F32(3, 257), OP_F32(1, 257), OP_F32(1)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "sigmoid")}},
    {.name = "one_input", .in = {OP_F32(19, 1), OP_F32(40, 1), OP_F32(40)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "tanh")}},
    {.name = "many_rows", .in = {OP_F32(50, 24), OP_F32(48, 24), OP_F32(48)}, .n_in = 3,
     .const_mask = 6},
    {.name = "computed_weights", .in = {OP_F32(3, 20), OP_F32(9, 20), OP_F32(9)}, .n_in = 3,
     .const_mask = 4},
    {.name = "computed_bias", .in = {OP_F32(2, 12), OP_F32(6, 12), OP_F32(6)}, .n_in = 3,
     .const_mask = 2, .sets = {OP_SET_ENUM("act", "relu6")}, .lo = -3, .hi = 3},
    {.name = "computed_no_bias", .in = {OP_F32(2, 12), OP_F32(6, 12)}, .n_in = 2},
    {.name = "int8_vector", .in = {S8(1, 64), S8(10, 64), S32(10), S8(1)}, .n_in = 4,
     .const_mask = 14},
    {.name = "int8_no_bias", .in = {S8(1, 33), S8(65, 33)}, .n_in = 2, .const_mask = 2},
    {.name = "uint8_batch", .in = {U8(5, 1000), U8(33, 1000), S32(33), U8(1), U8(1)}, .n_in = 5,
     .const_mask = 30},
    {.name = "int8_leading_axes", .in = {S8(2, 3, 4, 7), S8(31, 7), {0}, S8(1), S8(31)}, .n_in = 5,
     .const_mask = 26, .absent_mask = 4},
    {.name = "uint8_extremes", .in = {U8(2, 600), U8(20, 600), {0}, U8(1), U8(1)}, .n_in = 5,
     .const_mask = 26, .absent_mask = 4, .in_lo = {255, 0, 0, 0, 255}, .in_hi = {255, 0.5, 0, 0.5, 255}},
    {.name = "int8_long_rows", .in = {S8(1, 270000), S8(2, 270000), S32(2), S8(1)}, .n_in = 4,
     .const_mask = 14},
    {.name = "mixed_types", .in = {U8(17), S8(3, 17), S32(3), OP_SCALAR(uint8)}, .n_in = 4,
     .const_mask = 6},
    {.name = "int8_many_rows", .in = {S8(50, 24), S8(48, 24), S32(48)}, .n_in = 3,
     .const_mask = 6},
    {.name = "computed_uint8_weights", .in = {U8(3, 20), U8(9, 20), S32(9), U8(1), U8(9)},
     .n_in = 5, .const_mask = 4},
    {.name = "computed_int8_zeros", .in = {S8(3, 290), S8(9, 290), S32(9), S8(1), S8(9)},
     .n_in = 5, .const_mask = 2},
    {.name = "requant", .in = {S8(3, 100), S8(37, 100), S32(37), S8(1), {0}, S32(37), S32(37)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, FACTORS, .sets = {TWICE, OP_SET("zero", 11)}},
    {.name = "requant_double", .in = {S8(2, 300), S8(45, 300), S32(45), S8(1), {0}, S32(45), S32(45), S32(45)},
     .n_in = 8, .const_mask = 238, .absent_mask = 16, FACTORS, .sets = {DOUBLE}},
    {.name = "requant_double_uint8", .in = {U8(19), U8(5, 19), {0}, U8(1), U8(1), S32(1), S32(1), S32(1)},
     .n_in = 8, .const_mask = 250, .absent_mask = 4, FACTORS,
     .sets = {DOUBLE, OP_SET_ENUM("to", "uint8"), OP_SET("zero", 130), OP_SET("lo", 130), OP_SET("hi", 200)}},
    {.name = "requant_computed", .in = {S8(3, 20), U8(9, 20), S32(9), S8(1), U8(9), S32(9), S32(9)},
     .n_in = 7, FACTORS, .sets = {TWICE}},
    {.name = "requant_computed_double", .in = {S8(3, 20), S8(9, 20), {0}, {0}, {0}, S32(1), S32(1), S32(1)},
     .n_in = 8, .absent_mask = 28, FACTORS, .sets = {DOUBLE}},
};

const oc_op oc_op_fully_connected = {
    .name = "fully_connected",
    .help = "x [...,K], w [O,K], bias [O], x_zero, w_zero, multiplier, shift, low (optional) -> [...,O]",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = OP_REQUANT_IN_MAX, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_8BIT,
    .numerics = "direct",
    .act_attr = "act",
    .batch_axis = oc_op_batch_lines,
    .halo = halo,
    .shape = shape, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
