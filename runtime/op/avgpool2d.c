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
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints kernel;
    oc_op_window window;
    int32_t ceil_mode, count_include_pad;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_KERNEL(attrs),
    OP_ATTR_STRIDES(attrs),
    OP_ATTR_DILATIONS(attrs),
    OP_ATTR_PADS(attrs),
    OP_ATTR_CEIL_MODE(attrs),
    {.name = "count_include_pad",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, count_include_pad),
     .max = 1,
     .help = "1: taps in the padding count as zeros, 0: they do not count"},
    OP_ATTR_ACT(attrs),
};

static oc_status geometry_set(const oc_op_call *call, oc_op_geometry *g)
{
    const attrs *a = call->attrs;
    return oc_op_geometry_pool(call, &a->kernel, &a->window, a->ceil_mode, g);
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(geometry_set(call, &g));
    if ((int64_t)g.kh * g.kw > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "%s: kernel of %s is %d x %d, expected at most %d taps",
                       call->name, call->op->name, a->kernel.v[0], a->kernel.v[1], INT32_MAX);
    out[0] = (oc_desc){OC_DTYPE_float32, {4, {g.n, g.oh, g.ow, g.c}}};
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    oc_op_geometry g;
    OC_TRY(geometry_set(call, &g));
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

/* The mean under the window at (oh, ow) of one image `x` and channel. */
static float window_mean(const oc_op_geometry *g, const attrs *a, const float *x, int32_t oh,
                         int32_t ow)
{
    int32_t h_0 = oh * g->sh - g->pt, w_0 = ow * g->sw - g->pl;
    float sum = 0.0f;
    for (int32_t kh = 0; kh < g->kh; kh++) {
        int32_t h = h_0 + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int32_t kw = 0; kw < g->kw; kw++) {
            int32_t w = w_0 + kw * g->dw;
            if (w >= 0 && w < g->w)
                sum += x[((size_t)h * (size_t)g->w + (size_t)w) * (size_t)g->c];
        }
    }
    const int32_t *pad = a->window.pads.v;
    bool all = a->count_include_pad;
    int32_t rows_in = taps_in(h_0, g->kh, g->dh, all ? -pad[0] : 0, all ? g->h + pad[2] : g->h);
    int32_t cols_in = taps_in(w_0, g->kw, g->dw, all ? -pad[1] : 0, all ? g->w + pad[3] : g->w);
    return sum / (float)OC_MAX(rows_in * cols_in, 1);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    OC_TRY(geometry_set(call, &g));
    size_t image = (size_t)g.h * (size_t)g.w * (size_t)g.c;
    float *y = out[0];
    for (int32_t n = 0; n < g.n; n++) {
        const float *x = (const float *)in[0] + (size_t)n * image;
        for (int32_t oh = 0; oh < g.oh; oh++)
            for (int32_t ow = 0; ow < g.ow; ow++)
                for (int32_t c = 0; c < g.c; c++)
                    *y++ = oc_op_act_eval(&a->act, window_mean(&g, a, x + c, oh, ow));
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const int32_t *pad = a->window.pads.v;
    oc_op_geometry g;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(geometry_set(call, &g));
    uint32_t lanes = oc_op_lanes(traits, (size_t)g.c);
    OC_TRY(oc_launch_add(list, "avgpool2d", "avgpool2d", &l));
    OC_TRY(oc_op_define_geometry(l, &g));
    OC_TRY(oc_launch_define(l, "-DPB=%d -DPR=%d -DPAD_COUNTS=%d", pad[2], pad[3],
                            a->count_include_pad));
    OC_TRY(oc_launch_define(l, "-DLANES=%u", lanes));
    OC_TRY(oc_op_define_act(l, &a->act));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)g.c / lanes, (size_t)g.ow, (size_t)g.n * (size_t)g.oh);
    return OC_OK;
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
    .types = OC_TYPE(float32),
    .numerics = "sequential",
    .act_attr = "act",
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
