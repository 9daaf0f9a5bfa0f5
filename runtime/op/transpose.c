/* SPDX-License-Identifier: Apache-2.0 */
/**
 * transpose: x of any dtype -> y whose axis i is axis perm[i] of x.
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints perm;
} attrs;

static const oc_attr rows[] = {
    {.name = "perm",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, perm),
     .max = OC_RANK_MAX - 1,
     .help = "the input's axis that becomes axis 0, 1, ... of the output"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    bool is_used[OC_RANK_MAX] = {false};
    OC_TRY(oc_op_check(call));
    const oc_shape *x = &call->in[0]->shape;
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "perm", &a->perm, x->rank, 0));
    for (int32_t i = 0; i < x->rank; i++) {
        int32_t from = a->perm.v[i];
        OC_TRY(oc_op_check_axis(call, "perm", from, x->rank));
        if (is_used[from])
            return oc_fail(OC_E_ARG, "%s: perm of %s names axis %d twice, expected once",
                           call->name, call->op->name, from);
        is_used[from] = true;
        y.shape.dim[i] = x->dim[from];
    }
    out[0] = y;
    return OC_OK;
}

/* Elements `stride` apart to elements side by side. */
static void gather(char *dst, const char *src, size_t count, size_t stride, size_t elem)
{
    switch (elem) {
#define CASE(size_)                                                   \
    case size_:                                                       \
        for (size_t i = 0; i < count; i++)                            \
            memcpy(dst + i * size_, src + i * stride * size_, size_); \
        break;
        CASE(1)
        CASE(2)
        CASE(4)
        CASE(8)
#undef CASE
    }
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    (void)n;
    (void)attrs_out;
    OC_TRY(oc_op_batch_along(call, in, 0, out));
    for (int32_t i = 0; i < a->perm.count; i++)
        if (a->perm.v[i] == in[0])
            *out = i;
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    in[0] = oc_op_halo_whole(x);
    for (int32_t d = 0; d < x->rank; d++)
        oc_op_halo_set(x, a->perm.v[d], out->from[d], out->to[d], &in[0]);
    return OC_OK;
}

/* Row after row of the output, its last axis gathered from the input. */
static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
    size_t elem = oc_dtype_size(call->in[0]->dtype), strides[OC_RANK_MAX];
    size_t row = y->rank > 0 ? (size_t)y->dim[y->rank - 1] : 1;
    size_t row_stride = 1;
    int32_t at[OC_RANK_MAX] = {0};
    oc_shape lines = {.rank = OC_MAX(y->rank - 1, 0)};
    memcpy(lines.dim, y->dim, sizeof(lines.dim));
    oc_op_strides(&call->in[0]->shape, strides);
    if (y->rank > 0)
        row_stride = strides[a->perm.v[y->rank - 1]];
    for (size_t i = 0; i < oc_op_elems(&lines); i++) {
        size_t from = 0;
        for (int32_t d = 0; d < lines.rank; d++)
            from += (size_t)at[d] * strides[a->perm.v[d]];
        gather((char *)out[0] + i * row * elem, (const char *)in[0] + from * elem, row, row_stride,
               elem);
        oc_op_next(&lines, at);
    }
    return OC_OK;
}

/* An axis of the output, or several that are neighbours in the input too. */
typedef struct axis {
    size_t n, in, out; /* length, strides */
} axis;

/* The axes longer than 1, merged, in the output's order; in elements. */
static size_t merge_axes(const oc_op_call *call, axis axes[OC_RANK_MAX])
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
    size_t in[OC_RANK_MAX], out[OC_RANK_MAX], count = 0;
    oc_op_strides(&call->in[0]->shape, in);
    oc_op_strides(y, out);
    for (int32_t i = 0; i < y->rank; i++) {
        axis next = {(size_t)y->dim[i], in[a->perm.v[i]], out[i]};
        axis *last = count > 0 ? &axes[count - 1] : NULL;
        if (next.n == 1)
            continue;
        if (last != NULL && last->in == next.n * next.in)
            *last = (axis){last->n * next.n, next.in, next.out};
        else
            axes[count++] = next;
    }
    if (count == 0)
        axes[count++] = (axis){1, 1, 1};
    return count;
}

#define REST_MAX (OC_RANK_MAX - 1)

/* Takes `rest` axes, in the output's order; returns the number of their indices. */
static oc_status define_rest(oc_launch *l, const axis *rest, size_t count, size_t *total)
{
    *total = 1;
    for (size_t i = 0; i < REST_MAX; i++) {
        axis next = i < count ? rest[count - 1 - i] : (axis){1, 0, 0};
        *total *= next.n;
        OC_TRY(oc_launch_define(l, "-DR%zu=%zu -DI%zu=%zu -DO%zu=%zu", i, next.n, i, next.in, i,
                                next.out));
    }
    return OC_OK;
}

/* The last axis stays: copy rows, in units as wide as they allow. */
static oc_status launch_rows(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list,
                             axis *axes, size_t count)
{
    size_t elem = oc_dtype_size(call->in[0]->dtype), rest;
    axis *row = &axes[count - 1];
    size_t unit = oc_op_unit(row->n * elem);
    oc_launch *l;
    row->n = row->n * elem / unit;
    for (size_t i = 0; i + 1 < count; i++) {
        /* Whole rows apart, so whole units. */
        axes[i].in = axes[i].in * elem / unit;
        axes[i].out = axes[i].out * elem / unit;
    }
    size_t chunk = oc_op_chunk(traits, row->n);
    OC_TRY(oc_launch_add(list, "transpose", "transpose_rows", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DNA=%zu -DCHUNK=%zu", row->n, chunk));
    OC_TRY(define_rest(l, axes, count - 1, &rest));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row->n + chunk - 1) / chunk, 1, rest);
    return OC_OK;
}

/* The last axis moves: squares of it and of the output's last one. */
static oc_status launch_tiles(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list,
                              axis *axes, size_t count)
{
    size_t elem = oc_dtype_size(call->in[0]->dtype), rest, moved = 0;
    size_t tile = traits->is_cpu ? 64 / elem : 1; /* a cache line */
    axis a = axes[count - 1];
    oc_launch *l;
    while (axes[moved].in != 1)
        moved++;
    axis b = axes[moved];
    memmove(&axes[moved], &axes[moved + 1], (count - 1 - moved) * sizeof(*axes));
    OC_TRY(oc_launch_add(list, "transpose", "transpose_tile", &l));
    OC_TRY(oc_op_define_unit(l, elem));
    OC_TRY(oc_launch_define(l, "-DTILE=%zu -DNA=%zu -DIA=%zu -DNB=%zu -DOB=%zu", tile, a.n, a.in,
                            b.n, b.out));
    OC_TRY(define_rest(l, axes, count - 2, &rest));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (a.n + tile - 1) / tile, (b.n + tile - 1) / tile, rest);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    axis axes[OC_RANK_MAX];
    OC_TRY(oc_op_check_launch(call));
    size_t count = merge_axes(call, axes);
    if (axes[count - 1].in == 1)
        return launch_rows(call, traits, list, axes, count);
    return launch_tiles(call, traits, list, axes, count);
}

#define PERM(...) .sets = {OP_SET_INTS("perm", __VA_ARGS__)}
static const oc_op_case cases[] = {
    {.name = "nchw_to_nhwc", .in = {OP_F32(2, 20, 6, 7)}, .n_in = 1, PERM(0, 2, 3, 1)},
    {.name = "nhwc_to_nchw", .in = {OP_F32(2, 6, 7, 3)}, .n_in = 1, PERM(0, 3, 1, 2)},
    {.name = "oihw_to_ohwi", .in = {OP_F32(4, 3, 5, 5)}, .n_in = 1, PERM(0, 2, 3, 1)},
    {.name = "matrix", .in = {OP_F32(33, 50)}, .n_in = 1, PERM(1, 0)},
    {.name = "same", .in = {OP_F32(3, 4, 5)}, .n_in = 1, PERM(0, 1, 2)},
    {.name = "rows_stay", .in = {OP_F32(3, 4, 2, 5)}, .n_in = 1, PERM(2, 0, 1, 3)},
    {.name = "long_rows_stay", .in = {OP_F32(2, 3, 2100)}, .n_in = 1, PERM(1, 0, 2)},
    {.name = "ones_only_move", .in = {OP_F32(1, 6, 1, 5)}, .n_in = 1, PERM(2, 1, 3, 0)},
    {.name = "scalar", .in = {OP_SCALAR(float32)}, .n_in = 1, .sets = {{.attr = "perm"}}},
    {.name = "vector", .in = {OP_F32(9)}, .n_in = 1, PERM(0)},
    {.name = "reversed_rank_8",
     .in = {OP_F32(2, 3, 2, 2, 3, 2, 2, 3)},
     .n_in = 1,
     PERM(7, 6, 5, 4, 3, 2, 1, 0)},
    {.name = "rows_stay_rank_8",
     .in = {OP_F32(2, 3, 2, 2, 3, 2, 2, 3)},
     .n_in = 1,
     PERM(6, 5, 4, 3, 2, 1, 0, 7)},
    {.name = "mixed_rank_5", .in = {OP_F32(2, 3, 4, 5, 6)}, .n_in = 1, PERM(3, 4, 0, 2, 1)},
    {.name = "int64", .in = {OP_DESC(int64, 3, 9, 4)}, .n_in = 1, PERM(2, 0, 1)},
    {.name = "int32", .in = {OP_DESC(int32, 3, 4, 2)}, .n_in = 1, PERM(1, 0, 2)},
    {.name = "float16", .in = {OP_DESC(float16, 5, 37)}, .n_in = 1, PERM(1, 0)},
    {.name = "int8", .in = {OP_DESC(int8, 2, 3, 70)}, .n_in = 1, PERM(0, 2, 1)},
    {.name = "uint8", .in = {OP_DESC(uint8, 2, 3, 5, 3)}, .n_in = 1, PERM(0, 3, 1, 2)},
    {.name = "bool", .in = {OP_DESC(bool, 3, 4, 6)}, .n_in = 1, PERM(1, 0, 2)},
};

const oc_op oc_op_transpose = {
    .name = "transpose",
    .help = "x -> y whose axis i is axis perm[i] of x",
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
    .cost = oc_op_cost_io,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
