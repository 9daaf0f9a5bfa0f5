/* SPDX-License-Identifier: Apache-2.0 */
/**
 * matmul: p [...,M,K], q [...,K,N] -> [...,M,N], leading axes broadcast as NumPy does. For integers
 * also bias [N], p_zero of 1 or M elements and q_zero of 1 or N elements (each optional).
 *
 * Numerics "direct": acc = +0; for k ascending: acc = fma(p, q, acc); then the activation. The
 * integer form (op_product_int.h) is exact.
 */
#include "op_conv.h"

typedef struct attrs {
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {OP_ATTR_ACT(attrs)};

/* Pairs of matrices [m,k] and [k,n], one for each index of `lead`, and where they lie. */
typedef struct sizes {
    size_t m, k, n;
    oc_shape lead;
    size_t step_p[OC_RANK_MAX], step_q[OC_RANK_MAX];
} sizes;

static oc_status sizes_set(const oc_op_call *call, sizes *s)
{
    oc_shape p = call->in[0]->shape, q = call->in[1]->shape;
    OC_TRY(oc_op_check_rank(call, 0, 2, OC_RANK_MAX));
    OC_TRY(oc_op_check_rank(call, 1, 2, OC_RANK_MAX));
    OC_TRY(oc_op_check_dim(call, 1, q.rank - 2, p.dim[p.rank - 1], "the last axis of input 0"));
    s->m = (size_t)p.dim[p.rank - 2];
    s->k = (size_t)p.dim[p.rank - 1];
    s->n = (size_t)q.dim[q.rank - 1];
    p.rank -= 2;
    q.rank -= 2;
    OC_TRY(oc_op_broadcast(call, &p, &q, &s->lead));
    oc_op_broadcast_strides(&p, &s->lead, s->step_p);
    oc_op_broadcast_strides(&q, &s->lead, s->step_q);
    for (int32_t d = 0; d < s->lead.rank; d++) {
        s->step_p[d] *= s->m * s->k;
        s->step_q[d] *= s->k * s->n;
    }
    return OC_OK;
}

static oc_status check_bias(const oc_op_call *call, const sizes *s)
{
    if (!oc_op_has(call, OP_BIAS))
        return OC_OK;
    if (!oc_op_is_int(call))
        return oc_fail(OC_E_ARG, "%s: matmul of float32 has a bias, expected none", call->name);
    OC_TRY(oc_op_check_rank(call, OP_BIAS, 1, 1));
    return oc_op_check_dim(call, OP_BIAS, 0, (int32_t)s->n, "columns of input 1");
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    sizes s;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_product(call, &a->act));
    OC_TRY(sizes_set(call, &s));
    if (s.k == 0)
        return oc_fail(OC_E_SHAPE, "%s: %s adds up along an axis of 0, expected at least 1",
                       call->name, call->op->name);
    OC_TRY(check_bias(call, &s));
    OC_TRY(oc_op_check_zeros(call, (int32_t)s.m, (int32_t)s.n));
    oc_desc y = {oc_op_product_dtype(call), s.lead};
    y.shape.dim[y.shape.rank++] = (int32_t)s.m;
    y.shape.dim[y.shape.rank++] = (int32_t)s.n;
    out[0] = y;
    return OC_OK;
}

/* Rows of input 0, with their zero points where each has its own. */
static oc_status batch_rows(const oc_op_call *call, const int32_t *in)
{
    if (in[OP_W] != OC_BATCH_SHARED)
        return oc_op_batch_refuse(call, OP_W, in[OP_W]);
    if (!oc_op_has(call, OP_X_ZERO))
        return OC_OK;
    const oc_shape *p = &call->in[OP_X]->shape, *zero = &call->in[OP_X_ZERO]->shape;
    int32_t axis = in[OP_X_ZERO], one_per_row = p->dim[p->rank - 2];
    if (axis == OC_BATCH_SHARED ? oc_op_elems(zero) != 1 : zero->dim[axis] != one_per_row)
        return oc_op_batch_refuse(call, OP_X_ZERO, axis);
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    int32_t rank = call->out[0]->shape.rank;
    (void)n;
    (void)attrs_out;
    for (uint32_t i = OP_BIAS; i < call->n_in; i++)
        if (i != OP_X_ZERO && in[i] != OC_BATCH_SHARED)
            return oc_op_batch_refuse(call, i, in[i]);
    if (in[OP_X] != OC_BATCH_SHARED && in[OP_X] == call->in[OP_X]->shape.rank - 2) {
        OC_TRY(batch_rows(call, in));
        out[0] = rank - 2;
        return OC_OK;
    }
    if (call->n_in > OP_X_ZERO && in[OP_X_ZERO] != OC_BATCH_SHARED)
        return oc_op_batch_refuse(call, OP_X_ZERO, in[OP_X_ZERO]);
    int32_t axis;
    OC_TRY(oc_op_batch_broadcast(call, in, 2, &axis));
    if (axis >= rank - 2)
        return oc_op_batch_refuse(call, OP_W, axis);
    out[0] = axis;
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const oc_shape *p = &call->in[OP_X]->shape, *q = &call->in[OP_W]->shape;
    int32_t col = call->out[0]->shape.rank - 1, row = col - 1;
    oc_op_halo_broadcast(call, out, 2, in);
    oc_op_halo_set(p, p->rank - 2, out->from[row], out->to[row], &in[OP_X]);
    oc_op_halo_set(p, p->rank - 1, 0, INT32_MAX, &in[OP_X]);
    oc_op_halo_set(q, q->rank - 2, 0, INT32_MAX, &in[OP_W]);
    oc_op_halo_set(q, q->rank - 1, out->from[col], out->to[col], &in[OP_W]);
    for (uint32_t i = OP_BIAS; i < call->n_in; i++) {
        int32_t axis = i == OP_X_ZERO ? row : col;
        if (oc_op_has(call, i))
            oc_op_halo_vector(call, i, out->from[axis], out->to[axis], in);
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    sizes s;
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_cost_io(call, cost));
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    cost->macs = elems * s.k;
    cost->ops = a->act.fn != OC_UNARY_none ? elems : 0;
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

static void product(const sizes *s, const attrs *a, const float *p, const float *q, float *y)
{
    for (size_t m = 0; m < s->m; m++)
        for (size_t n = 0; n < s->n; n += OP_DOT_MAX) {
            size_t count = OC_MIN(OP_DOT_MAX, s->n - n);
            float acc[OP_DOT_MAX] = {0};
            oc_op_dot(p + m * s->k, s->k, q + n, 1, s->n, (int32_t)count, acc);
            for (size_t j = 0; j < count; j++)
                *y++ = oc_op_act_eval(&a->act, acc[j]);
        }
}

/* The product of the matrices at elements p_at and q_at; y holds int32 modulo 2^32. */
static void product_int(const oc_op_call *call, const sizes *s, const void *const *in, size_t p_at,
                        size_t q_at, uint32_t *y)
{
    oc_op_bytes p = oc_op_bytes_of(call, in, OP_X), q = oc_op_bytes_of(call, in, OP_W);
    const uint32_t *bias = oc_op_has(call, OP_BIAS) ? in[OP_BIAS] : NULL;
    for (size_t m = 0; m < s->m; m++)
        for (size_t n = 0; n < s->n; n++)
            *y++ = oc_op_dot_int(p, p_at + m * s->k, oc_op_zero(call, in, OP_X_ZERO, m), q,
                                 q_at + n, s->n, oc_op_zero(call, in, OP_W_ZERO, n), s->k) +
                   (bias ? bias[n] : 0);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    sizes s;
    OC_TRY(sizes_set(call, &s));
    size_t pairs = oc_op_elems(&s.lead);
    int32_t at[OC_RANK_MAX] = {0};
    for (size_t i = 0; i < pairs; i++, oc_op_next(&s.lead, at)) {
        size_t p = 0, q = 0, y = i * s.m * s.n;
        for (int32_t d = 0; d < s.lead.rank; d++) {
            p += (size_t)at[d] * s.step_p[d];
            q += (size_t)at[d] * s.step_q[d];
        }
        if (oc_op_is_int(call))
            product_int(call, &s, in, p, q, (uint32_t *)out[0] + y);
        else
            product(&s, call->attrs, (const float *)in[0] + p, (const float *)in[1] + q,
                    (float *)out[0] + y);
    }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

/* q [K,N] -> [N / OP_PACK, rounded up][K][OP_PACK] */
static oc_status pack_constant(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    oc_op_pack(src, s.n, s.k, 1, s.n, OP_PACK, dst);
    return OC_OK;
}

static oc_status launch_pairs(const oc_op_call *call, const oc_traits *traits, const sizes *s,
                              oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_axes axes = oc_op_axes_merge(&s->lead, s->step_p, s->step_q);
    oc_op_chunks c = oc_op_chunks_choose(traits, s->n, 1);
    size_t width = traits->is_cpu && s->n >= 2 * c.lanes ? 2 * c.lanes : c.lanes;
    oc_op_tile tile = oc_op_tile_choose(list, traits, (int32_t)s->m, (int32_t)width);
    size_t m = (size_t)tile.rows, vectors = (size_t)tile.vectors, block = vectors * c.lanes;
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "matmul", "matmul", &l));
    OC_TRY(oc_launch_define(l, "-DM=%zu -DK=%zu -DCOLUMNS=%zu", s->m, s->k, s->n));
    OC_TRY(oc_launch_define(l, "-DLANES=%zu -DVECTORS=%zu -DTILE=%zu", c.lanes, vectors, m));
    OC_TRY(oc_op_define_outer(l, &axes, axes.count));
    OC_TRY(oc_op_define_act(l, &a->act));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (s->n + block - 1) / block, (s->m + m - 1) / m, oc_op_elems(&s->lead));
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* One constant matrix for all of p: its rows are those of one product. */
static bool is_one_constant(const oc_op_call *call, const sizes *s)
{
    return call->is_const[1] && oc_op_elems(&call->in[1]->shape) == s->k * s->n;
}

static oc_status pack_int(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    oc_op_conv conv = oc_op_conv_of_product(call, s.m, s.k, s.n);
    oc_op_pack_int(&conv, src, 1, s.n, dst);
    return OC_OK;
}

static oc_status pack_dot(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    oc_op_conv conv = oc_op_conv_of_product(call, s.m, s.k, s.n);
    return oc_op_pack_dot(call, &conv, src, 1, s.n, dst);
}

static oc_status launch_int(const oc_op_call *call, const sizes *s, const oc_traits *traits,
                            oc_launch_list *list)
{
    if (is_one_constant(call, s) && oc_op_has_one_zero(call)) {
        oc_op_conv conv =
            oc_op_conv_of_product(call, oc_op_elems(&call->in[0]->shape) / s->k, s->k, s->n);
        return oc_op_launch_int(call, &conv, NULL, &(oc_op_packers){pack_int, pack_dot}, traits,
                                list);
    }
    oc_op_axes axes = oc_op_axes_merge(&s->lead, s->step_p, s->step_q);
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "matmul_int", "matmul_int", &l));
    OC_TRY(oc_launch_define(l, "-DM=%zu -DK=%zu -DCOLUMNS=%zu", s->m, s->k, s->n));
    OC_TRY(oc_op_define_outer(l, &axes, axes.count));
    OC_TRY(oc_op_define_int(call, l));
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, s->n, s->m, oc_op_elems(&s->lead));
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    sizes s;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(sizes_set(call, &s));
    if (oc_op_is_int(call))
        return launch_int(call, &s, traits, list);
    if (!is_one_constant(call, &s))
        return launch_pairs(call, traits, &s, list);
    oc_op_product one = {.m = oc_op_elems(&call->in[0]->shape) / s.k,
                         .k = s.k,
                         .n = s.n,
                         .act = &a->act,
                         .w_index = 1,
                         .pack_w = pack_constant};
    return oc_op_launch_product(&one, traits, list);
}

/* clang-format off */
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
#define S32(...) OP_DESC(int32, __VA_ARGS__)

static const oc_op_case cases[] = {
    {.name = "square", .in = {OP_F32(16, 16), OP_F32(16, 16)}, .n_in = 2},
    {.name = "odd", .in = {OP_F32(7, 5), OP_F32(5, 37)}, .n_in = 2,
     .sets = {OP_SET_ENUM("act", "relu")}},
    {.name = "constant", .in = {OP_F32(3, 29), OP_F32(29, 35)}, .n_in = 2, .const_mask = 2},
    {.name = "constant_leading_axes", .in = {OP_F32(2, 3, 5, 11), OP_F32(1, 11, 40)}, .n_in = 2,
     .const_mask = 2, .sets = {OP_SET_ENUM("act", "sigmoid")}},
    {.name = "constant_first", .in = {OP_F32(4, 6), OP_F32(6, 18)}, .n_in = 2, .const_mask = 1},
    {.name = "constant_pairs", .in = {OP_F32(2, 4, 6), OP_F32(2, 6, 9)}, .n_in = 2,
     .const_mask = 2},
    {.name = "pairs", .in = {OP_F32(2, 3, 9, 8), OP_F32(2, 3, 8, 33)}, .n_in = 2},
    {.name = "broadcast", .in = {OP_F32(2, 1, 4, 6), OP_F32(3, 6, 5)}, .n_in = 2},
    {.name = "broadcast_both", .in = {OP_F32(2, 1, 3, 15, 4), OP_F32(5, 1, 4, 7)}, .n_in = 2},
    {.name = "row", .in = {OP_F32(1, 50), OP_F32(50, 3)}, .n_in = 2},
    {.name = "column", .in = {OP_F32(30, 2), OP_F32(2, 1)}, .n_in = 2},
    {.name = "outer", .in = {OP_F32(6, 1), OP_F32(1, 20)}, .n_in = 2},
    {.name = "int8", .in = {S8(7, 5), S8(5, 37)}, .n_in = 2},
    {.name = "uint8_zeros", .in = {U8(9, 300), U8(300, 33), {0}, U8(1), U8(1)}, .n_in = 5,
     .absent_mask = 4},
    {.name = "uint8_constant", .in = {U8(3, 29), U8(29, 35), S32(35), U8(1), U8(1)}, .n_in = 5,
     .const_mask = 30},
    {.name = "int8_constant_deep", .in = {U8(2, 3, 5, 530), S8(530, 40), {0}, U8(1), S8(40)},
     .n_in = 5, .const_mask = 18, .absent_mask = 4},
    {.name = "zeros_of_rows", .in = {U8(4, 6), S8(6, 18), {0}, U8(4), S8(18)}, .n_in = 5,
     .absent_mask = 4},
    {.name = "zeros_of_rows_constant", .in = {S8(3, 16), S8(16, 21), {0}, S8(3, 1), S8(1, 21)},
     .n_in = 5, .const_mask = 26, .absent_mask = 4},
    {.name = "int8_pairs", .in = {S8(2, 1, 4, 6), U8(3, 6, 17), S32(17), S8(4), U8(17)},
     .n_in = 5},
    {.name = "int8_constant_pairs", .in = {S8(2, 4, 6), S8(2, 6, 9)}, .n_in = 2, .const_mask = 2},
};

const oc_op oc_op_matmul = {
    .name = "matmul",
    .help = "p [...,M,K], q [...,K,N], bias, p_zero, q_zero (optional) -> [...,M,N], leading axes "
            "broadcast",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 2, .in_max = OP_PRODUCT_IN_MAX, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_8BIT,
    .numerics = "direct",
    .act_attr = "act",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
