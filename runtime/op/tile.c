/* SPDX-License-Identifier: Apache-2.0 */
/**
 * tile: x of any dtype -> x repeats[i] times side by side along axis i:
 * y[o..] = x[o modulo the dimensions of x].
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints repeats;
} attrs;

static const oc_attr rows[] = {
    {.name = "repeats",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, repeats),
     .max = INT32_MAX,
     .help = "how often x is there, per axis"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "repeats", &a->repeats, y.shape.rank, 0));
    for (int32_t i = 0; i < y.shape.rank; i++) {
        int64_t dim = (int64_t)y.shape.dim[i] * a->repeats.v[i];
        if (dim > INT32_MAX)
            return oc_fail(OC_E_LIMIT,
                           "%s: %s gives %lld elements along axis %d, expected at most %d",
                           call->name, call->op->name, (long long)dim, i, INT32_MAX);
        y.shape.dim[i] = (int32_t)dim;
    }
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    for (int32_t i = 0; i < rank; i++)
        b->repeats.v[i] = a->repeats.v[perm[i]];
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    uint32_t fixed = 0;
    (void)n;
    (void)attrs_out;
    for (int32_t i = 0; i < call->in[0]->shape.rank; i++)
        if (a->repeats.v[i] != 1)
            fixed |= UINT32_C(1) << i;
    return oc_op_batch_along(call, in, fixed, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const oc_shape *x = &call->in[0]->shape;
    in[0] = oc_op_halo_whole(x);
    for (int32_t d = 0; d < x->rank; d++) {
        int32_t dim = x->dim[d], first = out->from[d] % dim, last = (out->to[d] - 1) % dim;
        if (out->to[d] - out->from[d] < dim && first <= last) /* else it goes over an end */
            oc_op_halo_set(x, d, first, last + 1, &in[0]);
    }
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const oc_shape *x = &call->in[0]->shape, *y = &call->out[0]->shape;
    size_t elem = oc_dtype_size(call->in[0]->dtype), strides[OC_RANK_MAX];
    int32_t at[OC_RANK_MAX] = {0};
    oc_op_strides(x, strides);
    for (size_t e = 0; e < oc_op_elems(y); e++) {
        size_t from = 0;
        for (int32_t i = 0; i < y->rank; i++)
            from += (size_t)(at[i] % x->dim[i]) * strides[i];
        memcpy((char *)out[0] + e * elem, (const char *)in[0] + from * elem, elem);
        oc_op_next(y, at);
    }
    return OC_OK;
}

/* An axis of `n` elements that are there `repeats` times. */
typedef struct axis {
    size_t n, repeats;
} axis;

/* The innermost first, in elements; at least one. An axis that is there once has joined the one before it. */
static size_t merge_axes(const oc_op_call *call, axis axes[OC_RANK_MAX])
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    size_t count = 0, plain = 1;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        plain *= (size_t)x->dim[i];
        if (a->repeats.v[i] == 1)
            continue;
        axes[count++] = (axis){plain, (size_t)a->repeats.v[i]};
        plain = 1;
    }
    if (plain > 1 || count == 0)
        axes[count++] = (axis){plain, 1};
    return count;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    axis axes[OC_RANK_MAX];
    size_t elem = oc_dtype_size(call->in[0]->dtype), rows_out = 1;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    size_t count = merge_axes(call, axes);
    size_t unit = oc_op_unit(axes[0].n * elem);
    size_t row = axes[0].n * elem / unit, row_out = row * axes[0].repeats;
    size_t chunk = oc_op_chunk(traits, row_out);
    OC_TRY(oc_launch_add(list, "tile", "tile", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DNI=%zu -DNO=%zu -DCHUNK=%zu", row, row_out, chunk));
    for (size_t i = 0; i < OC_RANK_MAX - 1; i++) {
        axis outer = i + 1 < count ? axes[i + 1] : (axis){1, 1};
        rows_out *= outer.n * outer.repeats;
        OC_TRY(
            oc_launch_define(l, "-DI%zu=%zu -DO%zu=%zu", i, outer.n, i, outer.n * outer.repeats));
    }
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row_out + chunk - 1) / OC_MAX(chunk, (size_t)1), rows_out, 1);
    return OC_OK;
}

#define REPEATS(...) .n_in = 1, .sets = {OP_SET_INTS("repeats", __VA_ARGS__)}
static const oc_op_case cases[] = {
    {.name = "spatial", .in = {OP_F32(1, 5, 4, 16)}, REPEATS(1, 2, 3, 1)},
    {.name = "channels", .in = {OP_F32(2, 3, 3, 5)}, REPEATS(1, 1, 1, 4)},
    {.name = "batch", .in = {OP_F32(2, 3, 3, 5)}, REPEATS(3, 1, 1, 1)},
    {.name = "all_axes", .in = {OP_F32(2, 1, 3, 4)}, REPEATS(2, 3, 2, 2)},
    {.name = "once", .in = {OP_F32(3, 5)}, REPEATS(1, 1)},
    {.name = "stretch", .in = {OP_F32(1, 7, 1)}, REPEATS(4, 1, 9)},
    {.name = "scalar", .in = {OP_SCALAR(float32)}, .n_in = 1, .sets = {{.attr = "repeats"}}},
    {.name = "long_rows", .in = {OP_F32(2, 1501)}, REPEATS(1, 3)},
    {.name = "nothing", .in = {OP_F32(3, 5)}, REPEATS(2, 0)},
    {.name = "rank_8", .in = {OP_F32(2, 1, 2, 3, 1, 2, 1, 2)}, REPEATS(1, 2, 2, 1, 3, 1, 2, 2)},
    {.name = "int64", .in = {OP_DESC(int64, 3, 4)}, REPEATS(2, 2)},
    {.name = "int32", .in = {OP_DESC(int32, 3, 4)}, REPEATS(1, 3)},
    {.name = "float16", .in = {OP_DESC(float16, 3, 5)}, REPEATS(2, 1)},
    {.name = "int8", .in = {OP_DESC(int8, 2, 3, 16)}, REPEATS(1, 2, 2)},
    {.name = "uint8", .in = {OP_DESC(uint8, 7)}, REPEATS(5)},
    {.name = "bool", .in = {OP_DESC(bool, 3, 3)}, REPEATS(2, 3)},
};

const oc_op oc_op_tile = {
    .name = "tile",
    .help = "x -> x several times side by side along its axes",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
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
