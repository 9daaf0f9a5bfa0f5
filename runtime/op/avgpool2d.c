/* SPDX-License-Identifier: Apache-2.0 */
/**
 * avgpool2d: x [N,H,W,C] -> [N,OH,OW,C], the mean of the elements under each window.
 *
 * Taps in the padding are skipped. They do not count either, unless count_include_pad is set; what
 * lies beyond the padding (ceil_mode) never counts. A window without anything to count gives 0.
 * Global pooling is a window of the whole input.
 *
 * Numerics "sequential": sum = +0; for kh, kw ascending: sum = sum + x; y = sum / count; then the
 * activation.
 *
 * int8 and uint8: the sum is exact, the quotient is rounded to the nearest, halves away from zero:
 * (sum + count / 2) / count, below zero (sum - count / 2) / count, where divisions truncate.
 * That is the mean of quantised numbers with one scale and zero point, as TensorFlow Lite computes
 * it; their activation is clip.
 */
#include "op_pool.h"

typedef struct attrs {
    oc_op_pool pool;
    int32_t count_include_pad;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_POOL(attrs),
    {.name = "count_include_pad",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, count_include_pad),
     .max = 1,
     .help = "1: taps in the padding count as zeros, 0: they do not count"},
    OP_ATTR_ACT(attrs),
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_pool_check_act(call, &a->act));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    /* The sum of so many 8-bit numbers and half their count fit 32 bits. */
    int64_t taps_max =
        call->in[0]->dtype == OC_DTYPE_float32 ? INT32_MAX : INT32_MAX / (UINT8_MAX + 1);
    if ((int64_t)g.kh * g.kw > taps_max)
        return oc_fail(OC_E_LIMIT, "%s: kernel of %s is %d x %d, expected at most %lld taps",
                       call->name, call->op->name, g.kh, g.kw, (long long)taps_max);
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
    cost->ops = (uint64_t)oc_op_elems(&call->out[0]->shape) * ((uint64_t)g.kh * (uint64_t)g.kw + 1);
    return OC_OK;
}

/* How many of `taps` taps from `first` on, `dilation` apart, are in [begin, end). */
static int32_t taps_in(int32_t first, int32_t taps, int32_t dilation, int32_t begin, int32_t end)
{
    int32_t count = 0;
    for (int32_t k = 0; k < taps; k++)
        count += first + k * dilation >= begin && first + k * dilation < end;
    return count;
}

/* What the sum under the window at (oh, ow) is divided by. */
static int32_t window_count(const oc_op_geometry *g, const attrs *a, int32_t oh, int32_t ow)
{
    int32_t h_0 = oh * g->sh - g->pt, w_0 = ow * g->sw - g->pl;
    const int32_t *pad = a->pool.window.pads.v;
    bool all = a->count_include_pad;
    int32_t rows_in = taps_in(h_0, g->kh, g->dh, all ? -pad[0] : 0, all ? g->h + pad[2] : g->h);
    int32_t cols_in = taps_in(w_0, g->kw, g->dw, all ? -pad[1] : 0, all ? g->w + pad[3] : g->w);
    return OC_MAX(rows_in * cols_in, 1);
}

/* The sum under the window at (oh, ow) of one image `x` and channel. */
static float window_sum(const oc_op_geometry *g, const float *x, int32_t oh, int32_t ow)
{
    float sum = 0.0f;
    oc_op_taps taps = oc_op_taps_begin(g, oh, ow);
    for (size_t at; oc_op_taps_next(&taps, &at);)
        sum += x[at * (size_t)g->c];
    return sum;
}

/* The same of integers; the image and channel begin at element `from`. */
static int64_t window_sum_int(const oc_op_geometry *g, oc_dtype dtype, const void *x, size_t from,
                              int32_t oh, int32_t ow)
{
    int64_t sum = 0;
    oc_op_taps taps = oc_op_taps_begin(g, oh, ow);
    for (size_t at; oc_op_taps_next(&taps, &at);)
        sum += oc_op_int_get(dtype, x, from + at * (size_t)g->c);
    return sum;
}

static int64_t divide_rounded(int64_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

/* Element `to` of y: the window at (oh, ow) of the image and channel from element `from` on. */
static void pool_window(const oc_op_call *call, const oc_op_geometry *g, const void *x, size_t from,
                        int32_t oh, int32_t ow, void *y, size_t to)
{
    const attrs *a = call->attrs;
    const oc_dtype dtype = call->in[0]->dtype;
    int32_t count = window_count(g, a, oh, ow);
    if (dtype == OC_DTYPE_float32) {
        float sum = window_sum(g, (const float *)x + from, oh, ow);
        ((float *)y)[to] = oc_op_act_eval(&a->act, sum / (float)count);
    } else {
        int64_t mean = divide_rounded(window_sum_int(g, dtype, x, from, oh, ow), count);
        oc_op_int_set(dtype, y, to, oc_op_pool_act_int(dtype, &a->act, mean));
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
    const int32_t *pad = a->pool.window.pads.v;
    oc_op_geometry g;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_pool_geometry(call, &a->pool, &g));
    OC_TRY(oc_op_pool_launch(list, "avgpool2d", &g, oc_op_lanes(traits, (size_t)g.c), &l));
    OC_TRY(oc_launch_define(l, "-DPB=%d -DPR=%d -DPAD_COUNTS=%d", pad[2], pad[3],
                            a->count_include_pad));
    OC_TRY(
        oc_launch_define(l, "-DSUM=%s", call->in[0]->dtype == OC_DTYPE_float32 ? "float" : "int"));
    return oc_op_pool_define(l, call->in[0]->dtype, &a->act);
}

static const oc_op_case cases[] = {
    {.name = "2x2",
     .in = {OP_F32(1, 8, 8, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("strides", 2, 2)}},
    {.name = "defaults", .in = {OP_F32(1, 3, 2, 5)}, .n_in = 1},
    {.name = "same_padding_relu6",
     .in = {OP_F32(2, 9, 7, 3)},
     .n_in = 1,
     .lo = -20,
     .hi = 20,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2),
              OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET_ENUM("act", "relu6")}},
    {.name = "padding_counts",
     .in = {OP_F32(1, 9, 7, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2),
              OP_SET_INTS("pads", 1, 0, 2, 1), OP_SET("count_include_pad", 1)}},
    {.name = "ceil",
     .in = {OP_F32(1, 6, 7, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2), OP_SET("ceil_mode", 1)}},
    {.name = "ceil_padding_counts",
     .in = {OP_F32(1, 6, 8, 8)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 4, 3), OP_SET_INTS("strides", 3, 2),
              OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET("ceil_mode", 1),
              OP_SET("count_include_pad", 1)}},
    {.name = "dilated_padding_counts",
     .in = {OP_F32(1, 11, 9, 12)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 3), OP_SET_INTS("dilations", 3, 2),
              OP_SET_INTS("pads", 1, 2, 0, 1), OP_SET("count_include_pad", 1)}},
    {.name = "dilated_ceil",
     .in = {OP_F32(1, 10, 10, 2)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 3),
              OP_SET_INTS("dilations", 2, 2), OP_SET("ceil_mode", 1)}},
    {.name = "window_in_padding_only",
     .in = {OP_F32(1, 2, 2, 1)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
    {.name = "global",
     .in = {OP_F32(2, 7, 7, 33)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 7, 7)}},
    {.name = "int8_global",
     .in = {OP_DESC(int8, 2, 7, 7, 33)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 7, 7)}},
    {.name = "int8_same_padding_clip",
     .in = {OP_DESC(int8, 2, 9, 7, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 2), OP_SET_INTS("strides", 2, 2),
              OP_SET_INTS("pads", 1, 0, 1, 1), OP_SET_ENUM("act", "clip"), OP_SET("act_a", -20),
              OP_SET("act_b", 31)}},
    {.name = "int8_padding_counts",
     .in = {OP_DESC(int8, 1, 5, 6, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 1, 1, 1, 1),
              OP_SET("count_include_pad", 1)}},
    {.name = "uint8",
     .in = {OP_DESC(uint8, 1, 8, 9, 24)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 3), OP_SET_INTS("strides", 2, 1)}},
    {.name = "uint8_ceil_clip",
     .in = {OP_DESC(uint8, 1, 8, 8, 5)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 3, 3), OP_SET_INTS("strides", 2, 2), OP_SET("ceil_mode", 1),
              OP_SET_ENUM("act", "clip"), OP_SET("act_a", 100), OP_SET("act_b", 140)}},
    {.name = "uint8_window_in_padding_only",
     .in = {OP_DESC(uint8, 1, 2, 2, 2)},
     .n_in = 1,
     .sets = {OP_SET_INTS("kernel", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
};

const oc_op oc_op_avgpool2d = {
    .name = "avgpool2d",
    .help = "x [N,H,W,C] -> [N,OH,OW,C], the mean of the elements under each window",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_8BIT,
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
