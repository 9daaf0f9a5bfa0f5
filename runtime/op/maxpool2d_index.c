/* SPDX-License-Identifier: Apache-2.0 */
/**
 * maxpool2d_index: x [N,H,W,C] -> int64 [N,OH,OW,C], where the largest element under each window
 * lies: the one that maxpool2d with the same attributes gives. Places are numbered as ONNX's
 * MaxPool does for its second output: through [N,C,H,W] row by row, with storage_order 1 column by
 * column in each [H,W] plane.
 *
 * Of equal elements the first counts, of NaNs the last. A window without any tap inside gives -1.
 *
 * Numerics "sequential": for kh, kw ascending: taken if it is the first, larger or a NaN.
 */
#include "op_pool.h"

typedef struct attrs {
    oc_op_pool pool;
    int32_t storage_order;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_POOL(attrs),
    {.name = "storage_order",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, storage_order),
     .max = 1,
     .help = "numbers go on 0: along rows, 1: along columns"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    out[0] = (oc_desc){OC_DTYPE_int64, {4, {g.n, g.oh, g.ow, g.c}}};
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = (uint64_t)oc_op_elems(&call->out[0]->shape) * (uint64_t)g.kh * (uint64_t)g.kw;
    return OC_OK;
}

/* Is element i of x larger than element j, or a NaN? */
static bool is_larger(oc_dtype dtype, const void *x, size_t i, size_t j)
{
    const float *f = x;
    if (dtype != OC_DTYPE_float32)
        return oc_op_int_get(dtype, x, i) > oc_op_int_get(dtype, x, j);
    return f[i] > f[j] || f[i] != f[i];
}

/* The pixel h * W + w of the maximum, or -1; the image and channel begin at element `from`. */
static int64_t window_pixel(const oc_op_geometry *g, oc_dtype dtype, const void *x, size_t from,
                            int32_t oh, int32_t ow)
{
    int64_t best = -1;
    size_t n_c = (size_t)g->c;
    oc_op_taps taps = oc_op_taps_begin(g, oh, ow);
    for (size_t at; oc_op_taps_next(&taps, &at);)
        if (best < 0 || is_larger(dtype, x, from + at * n_c, from + (size_t)best * n_c))
            best = (int64_t)at;
    return best;
}

/* Pixel p of plane n * C + c under its number. */
static int64_t number(const oc_op_geometry *g, const attrs *a, size_t plane, int64_t p)
{
    if (p < 0)
        return -1;
    if (a->storage_order)
        p = p % g->w * g->h + p / g->w;
    return (int64_t)plane * g->h * g->w + p;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    int64_t *y = out[0];
    size_t n_c = (size_t)g.c, pixels = (size_t)g.h * (size_t)g.w;
    for (size_t n = 0; n < (size_t)g.n; n++)
        for (int32_t oh = 0; oh < g.oh; oh++)
            for (int32_t ow = 0; ow < g.ow; ow++)
                for (size_t c = 0; c < n_c; c++)
                    *y++ = number(
                        &g, a, n * n_c + c,
                        window_pixel(&g, call->in[0]->dtype, in[0], n * pixels * n_c + c, oh, ow));
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    oc_launch *l;
    (void)traits;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    OC_TRY(oc_op_pool_launch(list, "maxpool2d_index", &g, 1, &l));
    OC_TRY(oc_op_define_type(l, call->in[0]->dtype));
    return oc_launch_define(l, "-DBY_COLUMN=%d", a->storage_order);
}

/* clang-format off */
static const oc_op_case cases[] = {
    {.name = "2x2", .in = {OP_F32(1, 8, 8, 16)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("strides", 2, 2)}},
    {.name = "padded_columns", .in = {OP_F32(2, 9, 7, 3)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 2), OP_SET_INTS("strides", 2, 1),
              OP_SET_INTS("pads", 1, 1, 1, 0), OP_SET("storage_order", 1)}},
    {.name = "dilated_ceil", .in = {OP_F32(1, 10, 9, 2)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 3),
              OP_SET_INTS("dilations", 2, 2), OP_SET("ceil_mode", 1)}},
    {.name = "window_in_padding_only", .in = {OP_F32(2, 2, 2, 2)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
    {.name = "int8_equals", .in = {OP_DESC(int8, 1, 20, 20, 3)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 20, 20)}},
    {.name = "uint8_columns", .in = {OP_DESC(uint8, 2, 6, 5, 4)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 3), OP_SET("storage_order", 1)}},
    {.name = "int32", .in = {OP_DESC(int32, 1, 6, 5, 2)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3)}},
    {.name = "int64", .in = {OP_DESC(int64, 1, 5, 6, 2)}, .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2)}},
};

const oc_op oc_op_maxpool2d_index = {
    .name = "maxpool2d_index",
    .help = "x [N,H,W,C] -> int64 [N,OH,OW,C], where in [N,C,H,W] the largest element lies",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_INT,
    .numerics = "sequential",
    .shape = shape, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
