/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slice: x of any dtype -> every steps[i]-th element from begins[i] up to, but without, ends[i]
 * along axis i. A negative step goes down; then ends[i] = -1 lies before element 0. Numbers are
 * resolved: nothing counts from the end, and no element taken lies outside.
 * y[o] = x[begins + o * steps], ceil((end - begin) / step) elements along an axis, 0 if negative.
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints begins, ends, steps;
} attrs;

static const oc_attr rows[] = {
    {.name = "begins",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, begins),
     .help = "first element taken, per axis"},
    {.name = "ends",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, ends),
     .help = "where to stop, per axis: the element behind (negative step: before) the last"},
    {.name = "steps",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, steps),
     .help = "distance of the elements taken, per axis, not 0; negative: from the end"},
};

/* Elements of axis `i` that are taken. */
static oc_status count_taken(const oc_op_call *call, int32_t i, int32_t *count)
{
    const attrs *a = call->attrs;
    int64_t begin = a->begins.v[i], end = a->ends.v[i], step = a->steps.v[i];
    int64_t dim = call->in[0]->shape.dim[i];
    if (step == 0)
        return oc_fail(OC_E_ARG, "%s: step of %s along axis %d is 0, expected another number",
                       call->name, call->op->name, i);
    int64_t span = step > 0 ? end - begin : begin - end, stride = step > 0 ? step : -step;
    int64_t taken = span > 0 ? (span + stride - 1) / stride : 0;
    int64_t last = begin + (taken - 1) * step;
    if (taken > 0 && (begin < 0 || begin >= dim || last < 0 || last >= dim))
        return oc_fail(
            OC_E_ARG, "%s: %s takes elements %lld to %lld of axis %d, expected 0 to %lld",
            call->name, call->op->name, (long long)begin, (long long)last, i, (long long)dim - 1);
    *count = (int32_t)taken;
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "begins", &a->begins, y.shape.rank, INT32_MIN));
    OC_TRY(oc_op_check_ints(call, "ends", &a->ends, y.shape.rank, INT32_MIN));
    OC_TRY(oc_op_check_ints(call, "steps", &a->steps, y.shape.rank, INT32_MIN));
    for (int32_t i = 0; i < y.shape.rank; i++)
        OC_TRY(count_taken(call, i, &y.shape.dim[i]));
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    for (int32_t i = 0; i < rank; i++) {
        b->begins.v[i] = a->begins.v[perm[i]];
        b->ends.v[i] = a->ends.v[perm[i]];
        b->steps.v[i] = a->steps.v[perm[i]];
    }
    return OC_OK;
}

/* An axis of the output: its length, and how far a step along it goes in the input. */
typedef struct axis {
    int64_t n, step;
} axis;

/*
 * The axes of more than one element, the innermost first, in elements; at least one. Neighbours
 * that one step walks through merge. `*first` is the place of the output's first element.
 */
static size_t merge_axes(const oc_op_call *call, axis axes[OC_RANK_MAX], int64_t *first)
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
    size_t count = 0, strides[OC_RANK_MAX];
    oc_op_strides(&call->in[0]->shape, strides);
    *first = 0;
    for (int32_t i = y->rank - 1; i >= 0; i--) {
        int64_t stride = (int64_t)strides[i], step = stride * a->steps.v[i];
        *first += stride * a->begins.v[i];
        axis *inner = count > 0 ? &axes[count - 1] : NULL;
        if (y->dim[i] == 1)
            continue;
        if (inner != NULL && step == inner->n * inner->step)
            inner->n *= y->dim[i];
        else
            axes[count++] = (axis){y->dim[i], step};
    }
    if (count == 0)
        axes[count++] = (axis){1, 1};
    return count;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    uint32_t fixed = 0;
    for (int32_t i = 0; i < call->in[0]->shape.rank; i++)
        if (a->begins.v[i] != 0 || a->steps.v[i] != 1 || a->ends.v[i] != call->in[0]->shape.dim[i])
            fixed |= UINT32_C(1) << i;
    OC_TRY(oc_op_batch_along(call, in, fixed, out));
    return oc_op_batch_stretch(call, n, &((attrs *)attrs_out)->ends.v[in[0]]);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    in[0] = oc_op_halo_whole(x);
    for (int32_t d = 0; d < x->rank; d++) {
        int64_t first = a->begins.v[d] + (int64_t)out->from[d] * a->steps.v[d];
        int64_t last = a->begins.v[d] + (int64_t)(out->to[d] - 1) * a->steps.v[d];
        oc_op_halo_set(x, d, OC_MIN(first, last), OC_MAX(first, last) + 1, &in[0]);
    }
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *y = &call->out[0]->shape;
    size_t elem = oc_dtype_size(call->in[0]->dtype), strides[OC_RANK_MAX];
    int32_t at[OC_RANK_MAX] = {0};
    oc_op_strides(&call->in[0]->shape, strides);
    for (size_t e = 0; e < oc_op_elems(y); e++) {
        int64_t from = 0;
        for (int32_t i = 0; i < y->rank; i++)
            from +=
                ((int64_t)a->begins.v[i] + (int64_t)at[i] * a->steps.v[i]) * (int64_t)strides[i];
        memcpy((char *)out[0] + e * elem, (const char *)in[0] + (size_t)from * elem, elem);
        oc_op_next(y, at);
    }
    return OC_OK;
}

/* The axes around the row, R of them S apart in the input; `*total` is the number of rows. */
static oc_status define_rows(oc_launch *l, const axis *axes, size_t count, size_t *total)
{
    *total = 1;
    for (size_t i = 0; i < OC_RANK_MAX - 1; i++) {
        axis outer = i < count ? axes[i] : (axis){1, 0};
        *total *= (size_t)outer.n;
        OC_TRY(oc_launch_define(l, "-DR%zu=%lld -DS%zu=%lld", i, (long long)outer.n, i,
                                (long long)outer.step));
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    axis axes[OC_RANK_MAX];
    int64_t first;
    size_t total, unit = oc_dtype_size(call->in[0]->dtype);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    size_t count = merge_axes(call, axes, &first);
    if (axes[0].step == 1) {
        /* Rows stay whole: in units as wide as their places allow. */
        size_t mask = (size_t)axes[0].n | (size_t)first;
        for (size_t i = 1; i < count; i++)
            mask |= (size_t)axes[i].step;
        const size_t elem = unit;
        unit = oc_op_unit(mask * elem);
        const int64_t per = (int64_t)(unit / elem);
        axes[0].n /= per;
        first /= per;
        for (size_t i = 1; i < count; i++)
            axes[i].step /= per;
    }
    size_t row = (size_t)axes[0].n, chunk = oc_op_chunk(traits, row);
    OC_TRY(oc_launch_add(list, "slice", "slice", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DFIRST=%lld -DSTEP=%lld -DNO=%zu -DCHUNK=%zu", (long long)first,
                            (long long)axes[0].step, row, chunk));
    OC_TRY(define_rows(l, axes + 1, count - 1, &total));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row + chunk - 1) / chunk, total, 1);
    return OC_OK;
}

#define TAKE(begins_, ends_, steps_)                      \
    .sets = {{.attr = "begins", .ints = OP_INTS begins_}, \
             {.attr = "ends", .ints = OP_INTS ends_},     \
             {.attr = "steps", .ints = OP_INTS steps_}}
static const oc_op_case cases[] = {
    {.name = "middle",
     .in = {OP_F32(1, 8, 9, 16)},
     .n_in = 1,
     TAKE((0, 2, 3, 0), (1, 7, 9, 16), (1, 1, 1, 1))},
    {.name = "channels",
     .in = {OP_F32(2, 4, 5, 24)},
     .n_in = 1,
     TAKE((0, 0, 0, 8), (2, 4, 5, 16), (1, 1, 1, 1))},
    {.name = "odd_channels",
     .in = {OP_F32(2, 4, 5, 7)},
     .n_in = 1,
     TAKE((0, 0, 0, 1), (2, 4, 5, 4), (1, 1, 1, 1))},
    {.name = "every_other_pixel",
     .in = {OP_F32(2, 9, 8, 4)},
     .n_in = 1,
     TAKE((0, 1, 0, 0), (2, 9, 8, 4), (1, 2, 2, 1))},
    {.name = "shuffled_channels",
     .in = {OP_F32(1, 3, 3, 20)},
     .n_in = 1,
     TAKE((0, 0, 0, 1), (1, 3, 3, 20), (1, 1, 1, 3))},
    {.name = "mirrored",
     .in = {OP_F32(2, 5, 6, 3)},
     .n_in = 1,
     TAKE((0, 4, 5, 0), (2, -1, -1, 3), (1, -1, -1, 1))},
    {.name = "all_reversed",
     .in = {OP_F32(3, 4, 5)},
     .n_in = 1,
     TAKE((2, 3, 4), (-1, -1, -1), (-1, -1, -1))},
    {.name = "down_by_three", .in = {OP_F32(20)}, .n_in = 1, TAKE((18), (1), (-3))},
    {.name = "all", .in = {OP_F32(3, 5)}, .n_in = 1, TAKE((0, 0), (3, 5), (1, 1))},
    {.name = "one_element", .in = {OP_F32(3, 5)}, .n_in = 1, TAKE((2, 4), (3, 5), (1, 1))},
    {.name = "far_step", .in = {OP_F32(7)}, .n_in = 1, TAKE((3), (7), (2147483647))},
    {.name = "long_rows", .in = {OP_F32(3, 5001)}, .n_in = 1, TAKE((0, 17), (3, 4000), (2, 1))},
    {.name = "scalar",
     .in = {OP_SCALAR(float32)},
     .n_in = 1,
     .sets = {{.attr = "begins"}, {.attr = "ends"}, {.attr = "steps"}}},
    {.name = "nothing", .in = {OP_F32(3, 5)}, .n_in = 1, TAKE((0, 4), (3, 2), (1, 1))},
    {.name = "rank_8",
     .in = {OP_F32(2, 3, 2, 3, 3, 4, 2, 3)},
     .n_in = 1,
     TAKE((0, 2, 1, 0, 1, 3, 0, 2), (2, 0, 2, 3, 3, -1, 2, -1), (1, -1, 1, 2, 1, -2, 1, -1))},
    {.name = "int64", .in = {OP_DESC(int64, 6, 5)}, .n_in = 1, TAKE((1, 0), (6, 5), (2, 1))},
    {.name = "int32", .in = {OP_DESC(int32, 4, 9)}, .n_in = 1, TAKE((0, 8), (4, -1), (1, -1))},
    {.name = "float16", .in = {OP_DESC(float16, 4, 9)}, .n_in = 1, TAKE((1, 2), (3, 8), (1, 1))},
    {.name = "int8",
     .in = {OP_DESC(int8, 2, 5, 32)},
     .n_in = 1,
     TAKE((0, 0, 16), (2, 5, 32), (1, 2, 1))},
    {.name = "uint8",
     .in = {OP_DESC(uint8, 3, 7, 3)},
     .n_in = 1,
     TAKE((0, 6, 0), (3, 0, 3), (1, -2, 1))},
    {.name = "bool", .in = {OP_DESC(bool, 33)}, .n_in = 1, TAKE((3), (30), (2))},
};

const oc_op oc_op_slice = {
    .name = "slice",
    .help = "x -> a part of it: elements a step apart along each axis",
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
