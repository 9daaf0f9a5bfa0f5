/* SPDX-License-Identifier: Apache-2.0 */
/**
 * maxpool2d: x [N,H,W,C] -> [N,OH,OW,C], the largest element under each window.
 *
 * Taps in the padding are skipped, so padding never wins; a window without any tap inside gives
 * -infinity, of integers the least one. A NaN under the window makes the result a NaN. Of +0 and -0
 * the one that comes first wins. Global pooling is a window of the whole input.
 *
 * Numerics "sequential": m = -infinity; for kh, kw ascending: m = x > m or x is NaN ? x : m; then
 * the activation. Integers are exact; of 8 bits they may have the activation clip.
 */
#include "op_pool.h"

typedef struct attrs {
    oc_op_pool pool;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_POOL(attrs),
    OP_ATTR_ACT(attrs),
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_pool_check_act(call, &a->act));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    out[0] = (oc_desc){call->in[0]->dtype, {4, {g.n, g.oh, g.ow, g.c}}};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, OP_POOL_WINDOW_AXES, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    return oc_op_pool_halo(call, &a->pool, out, in);
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

/* The maximum of the window at (oh, ow) of one image `x` and channel. */
static float window_max(const oc_op_geometry *g, const float *x, int32_t oh, int32_t ow)
{
    float m = -OC_INF;
    oc_op_taps taps = oc_op_taps_begin(g, oh, ow);
    for (size_t at; oc_op_taps_next(&taps, &at);) {
        float tap = x[at * (size_t)g->c];
        m = tap > m || tap != tap ? tap : m;
    }
    return m;
}

/* The same of integers; the image and channel begin at element `from`. */
static int64_t window_max_int(const oc_op_geometry *g, oc_dtype dtype, const void *x, size_t from,
                              int32_t oh, int32_t ow)
{
    int64_t m = oc_op_int_lowest(dtype);
    oc_op_taps taps = oc_op_taps_begin(g, oh, ow);
    for (size_t at; oc_op_taps_next(&taps, &at);)
        m = OC_MAX(m, oc_op_int_get(dtype, x, from + at * (size_t)g->c));
    return m;
}

/* Element `to` of y: the window at (oh, ow) of the image and channel from element `from` on. */
static void pool_window(const oc_op_call *call, const oc_op_geometry *g, const void *x, size_t from,
                        int32_t oh, int32_t ow, void *y, size_t to)
{
    const attrs *a = call->attrs;
    const oc_dtype dtype = call->in[0]->dtype;
    if (dtype == OC_DTYPE_float32) {
        float m = window_max(g, (const float *)x + from, oh, ow);
        ((float *)y)[to] = oc_op_act_eval(&a->act, m);
    } else {
        int64_t m = window_max_int(g, dtype, x, from, oh, ow);
        oc_op_int_set(dtype, y, to, oc_op_pool_act_int(dtype, &a->act, m));
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    size_t n_c = (size_t)g.c, image = (size_t)g.h * (size_t)g.w * n_c, y = 0;
    for (int32_t n = 0; n < g.n; n++)
        for (int32_t oh = 0; oh < g.oh; oh++)
            for (int32_t ow = 0; ow < g.ow; ow++)
                for (size_t c = 0; c < n_c; c++, y++)
                    pool_window(call, &g, in[0], (size_t)n * image + c, oh, ow, out[0], y);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    OC_TRY(oc_op_pool_launch(list, "maxpool2d", &g, oc_op_lanes(traits, (size_t)g.c), &l));
    return oc_op_pool_define(l, call->in[0]->dtype, &a->act);
}

static const oc_op_case cases[] = {
    {.name = "2x2",
     .in = {OP_F32(1, 8, 8, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("strides", 2, 2)}},
    {.name = "defaults", .in = {OP_F32(1, 3, 2, 5)}, .n_in = 1},
    {.name = "overlap_padded_tanh",
     .in = {OP_F32(2, 9, 7, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2),
              OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET_ENUM("act", "tanh")}},
    {.name = "oblong_pads_one_side",
     .in = {OP_F32(1, 10, 13, 6)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 2), OP_SET_INTS("strides", 1, 3),
              OP_SET_INTS("pads", 0, 0, 2, 1)}},
    {.name = "ceil",
     .in = {OP_F32(1, 6, 7, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2), OP_SET("ceil_mode", 1)}},
    {.name = "ceil_drops_window_in_padding",
     .in = {OP_F32(1, 5, 5, 8)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("strides", 3, 3),
              OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET("ceil_mode", 1)}},
    {.name = "dilated",
     .in = {OP_F32(1, 11, 9, 12)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 3), OP_SET_INTS("dilations", 3, 2),
              OP_SET_INTS("pads", 1, 2, 0, 1)}},
    {.name = "dilated_ceil",
     .in = {OP_F32(1, 10, 10, 2)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 3),
              OP_SET_INTS("dilations", 2, 2), OP_SET("ceil_mode", 1)}},
    {.name = "window_in_padding_only",
     .in = {OP_F32(1, 2, 2, 1)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
    {.name = "negative_input_global",
     .in = {OP_F32(1, 7, 7, 33)},
     .n_in = 1,
     .lo = -9,
     .hi = -1,
     .sets = {OP_SET_INTS("kernel", 7, 7)}},
    {.name = "int8",
     .in = {OP_DESC(int8, 2, 9, 7, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 2), OP_SET_INTS("strides", 2, 2)}},
    {.name = "int8_clip",
     .in = {OP_DESC(int8, 1, 9, 7, 5)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_ENUM("act", "clip"), OP_SET("act_a", -20),
              OP_SET("act_b", 100)}},
    {.name = "int8_window_in_padding_only",
     .in = {OP_DESC(int8, 1, 2, 2, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
    {.name = "uint8",
     .in = {OP_DESC(uint8, 1, 8, 8, 24)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("pads", 1, 1, 1, 1),
              OP_SET_INTS("dilations", 2, 1)}},
    {.name = "uint8_clip",
     .in = {OP_DESC(uint8, 1, 5, 5, 32)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_ENUM("act", "clip"), OP_SET("act_a", 100),
              OP_SET("act_b", 300)}},
    {.name = "int32",
     .in = {OP_DESC(int32, 1, 6, 6, 8)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("strides", 2, 2)}},
    {.name = "int64",
     .in = {OP_DESC(int64, 1, 5, 6, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 3), OP_SET("ceil_mode", 1)}},
};

const oc_op oc_op_maxpool2d = {
    .name = "maxpool2d",
    .help = "x [N,H,W,C] -> [N,OH,OW,C], the largest element under each window",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_INT,
    .numerics = "sequential",
    .act_attr = "act",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
