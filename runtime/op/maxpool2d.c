/* SPDX-License-Identifier: Apache-2.0 */
/**
 * maxpool2d: x [N,H,W,C] -> [N,OH,OW,C], the largest element under each window.
 *
 * Taps in the padding are skipped, so padding never wins; a window without any tap inside gives
 * -infinity. A NaN under the window makes the result a NaN. Of +0 and -0 the one that comes first
 * wins. Global pooling is a window of the whole input.
 *
 * Numerics "sequential": m = -infinity; for kh, kw ascending: m = x > m or x is NaN ? x : m; then
 * the activation.
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints kernel;
    oc_op_window window;
    int32_t ceil_mode;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_KERNEL(attrs),
    OP_ATTR_STRIDES(attrs),
    OP_ATTR_DILATIONS(attrs),
    OP_ATTR_PADS(attrs),
    OP_ATTR_CEIL_MODE(attrs),
    OP_ATTR_ACT(attrs),
};

static oc_status geometry_set(const oc_op_call *call, oc_op_geometry *g)
{
    const attrs *a = call->attrs;
    return oc_op_geometry_pool(call, &a->kernel, &a->window, a->ceil_mode, g);
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    oc_op_geometry g;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(geometry_set(call, &g));
    out[0] = (oc_desc){OC_DTYPE_float32, {4, {g.n, g.oh, g.ow, g.c}}};
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    oc_op_geometry g;
    OC_TRY(geometry_set(call, &g));
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = (uint64_t)oc_op_elems(&call->out[0]->shape) * (uint64_t)g.kh * (uint64_t)g.kw;
    return OC_OK;
}

/* The maximum of the window at (oh, ow) of one image `x` and channel. */
static float window_max(const oc_op_geometry *g, const float *x, int32_t oh, int32_t ow)
{
    float m = -OC_INF;
    for (int32_t kh = 0; kh < g->kh; kh++) {
        int32_t h = oh * g->sh + kh * g->dh - g->pt;
        if (h < 0 || h >= g->h)
            continue;
        for (int32_t kw = 0; kw < g->kw; kw++) {
            int32_t w = ow * g->sw + kw * g->dw - g->pl;
            if (w < 0 || w >= g->w)
                continue;
            float tap = x[((size_t)h * (size_t)g->w + (size_t)w) * (size_t)g->c];
            m = tap > m || tap != tap ? tap : m;
        }
    }
    return m;
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
                    *y++ = oc_op_act_eval(&a->act, window_max(&g, x + c, oh, ow));
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_geometry g;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(geometry_set(call, &g));
    uint32_t lanes = oc_op_lanes(traits, (size_t)g.c);
    OC_TRY(oc_launch_add(list, "maxpool2d", "maxpool2d", &l));
    OC_TRY(oc_op_define_geometry(l, &g));
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
