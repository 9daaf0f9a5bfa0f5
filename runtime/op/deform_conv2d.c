/* SPDX-License-Identifier: Apache-2.0 */
/**
 * deform_conv2d: x [N,H,W,C], w [O,KH,KW,C/G], offset [N,OH,OW,D KH KW 2], bias [O] (optional),
 * mask [N,OH,OW,D KH KW] (optional) -> [N,OH,OW,O]: a convolution whose taps lie beside the grid,
 * each pixel's where `offset` says (Zhu et al., Deformable ConvNets v2, 2018; ONNX DeformConv).
 *
 * The input channels fall into D = offset_groups groups, each with offsets of its own: for tap (kh,
 * kw) of group d the pair (h, w) at 2 ((d KH + kh) KW + kw), its weight in `mask` at half of that.
 *
 * Numerics "direct": h = (oh sh - top + kh dh) + offset, likewise w; where -1 < h < H and -1 < w < W,
 * with h0 = floor h, a = h - h0, w0 = floor w, b = w - w0 and x = 0 outside the input
 *     v = ((1-a)(1-b)) x[h0,w0];  v = fma((1-a) b, x[h0,w0+1], v);
 *     v = fma(a (1-b), x[h0+1,w0], v);  v = fma(a b, x[h0+1,w0+1], v)
 * and v = 0 elsewhere; v = v mask. acc = +0; for kh, kw, ci ascending: acc = fma(v, w, acc); y = acc
 * + bias (acc itself without a bias); then the activation.
 */
#include "op_conv.h"

enum { OFFSET = 2, BIAS = 3, MASK = 4 };

typedef struct attrs {
    oc_op_window window;
    int32_t groups, offset_groups;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_STRIDES(attrs),
    OP_ATTR_DILATIONS(attrs),
    OP_ATTR_PADS(attrs),
    OP_ATTR_GROUPS(attrs),
    {.name = "offset_groups",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, offset_groups),
     .initial = 1,
     .min = 1,
     .max = INT32_MAX,
     .help = "input channels fall into so many groups with offsets of their own"},
    OP_ATTR_ACT(attrs),
};

static oc_status sizes_set(const oc_op_call *call, oc_op_conv *s)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_conv_set(call, &a->window, a->groups, s));
    s->has_bias = oc_op_has(call, BIAS);
    return OC_OK;
}

/* An input [N,OH,OW,...] whose last axis has `each` elements for each tap of each offset group. */
static oc_status check_field(const oc_op_call *call, uint32_t index, const oc_op_conv *s,
                             int32_t each)
{
    const attrs *a = call->attrs;
    const oc_op_geometry *g = &s->g;
    int64_t last = (int64_t)g->kh * g->kw; /* times the groups it may pass what an axis holds */
    OC_TRY(oc_op_check_rank(call, index, 4, 4));
    OC_TRY(oc_op_check_dim(call, index, 0, g->n, "batch"));
    OC_TRY(oc_op_check_dim(call, index, 1, g->oh, "output height"));
    OC_TRY(oc_op_check_dim(call, index, 2, g->ow, "output width"));
    if (last <= INT32_MAX)
        last *= (int64_t)a->offset_groups * each;
    if (last > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "%s: %s has %lld numbers for a pixel, expected at most %d",
                       call->name, call->op->name, (long long)last, INT32_MAX);
    return oc_op_check_dim(call, index, 3, (int32_t)last, "offset groups, taps");
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_check_dim(call, 1, 3, s.cg, "input channels per group"));
    OC_TRY(oc_op_check_filled(call, 1));
    if (a->offset_groups < 1 || s.g.c % a->offset_groups != 0)
        return oc_fail(OC_E_SHAPE,
                       "%s: expected offset_groups of deform_conv2d to divide %d input channels, "
                       "found %d",
                       call->name, s.g.c, a->offset_groups);
    OC_TRY(check_field(call, OFFSET, &s, 2));
    if (oc_op_has(call, MASK))
        OC_TRY(check_field(call, MASK, &s, 1));
    if (s.has_bias) {
        OC_TRY(oc_op_check_rank(call, BIAS, 1, 1));
        OC_TRY(oc_op_check_dim(call, BIAS, 0, s.o, "output channels"));
    }
    out[0] = (oc_desc){OC_DTYPE_float32, {4, {s.g.n, s.g.oh, s.g.ow, s.o}}};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    (void)n;
    (void)attrs_out;
    for (uint32_t i = 0; i < call->n_in; i++) {
        bool is_joined = oc_op_has(call, i) && (i == 0 || i == OFFSET || i == MASK);
        if (in[i] != (is_joined ? 0 : OC_BATCH_SHARED))
            return oc_op_batch_refuse(call, i, in[i]);
    }
    out[0] = 0;
    return OC_OK;
}

/* The offsets may lead to any pixel. */
static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_conv s;
    OC_TRY(sizes_set(call, &s));
    oc_op_conv_halo(call, &s, out, in);
    for (int32_t d = 0; d < 3; d++) {
        oc_op_halo_set(&call->in[OFFSET]->shape, d, out->from[d], out->to[d], &in[OFFSET]);
        if (oc_op_has(call, MASK))
            oc_op_halo_set(&call->in[MASK]->shape, d, out->from[d], out->to[d], &in[MASK]);
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_cost_io(call, cost));
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    uint64_t taps = (uint64_t)s.g.kh * (uint64_t)s.g.kw;
    cost->macs = elems * taps * (uint64_t)s.cg;
    /* Ten for each interpolation, once for all outputs of a pixel. */
    cost->ops = elems / (uint64_t)s.o * taps * (uint64_t)s.g.c * 10 +
                elems * ((s.has_bias ? 1u : 0u) + (a->act.fn != OC_UNARY_none ? 1u : 0u));
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

/* x [H,W,C] of one picture at pixel (h, w), 0 outside. */
static float at(const oc_op_geometry *g, const float *x, int32_t h, int32_t w, int32_t c)
{
    if (h < 0 || h >= g->h || w < 0 || w >= g->w)
        return 0.0f;
    return x[((size_t)h * (size_t)g->w + (size_t)w) * (size_t)g->c + (size_t)c];
}

static float interpolate(const oc_op_geometry *g, const float *x, float h, float w, int32_t c)
{
    if (!(h > -1.0f && h < (float)g->h && w > -1.0f && w < (float)g->w))
        return 0.0f;
    int32_t h0 = (int32_t)h - (h < 0.0f), w0 = (int32_t)w - (w < 0.0f); /* floor, in (-1, ...) */
    float a = h - (float)h0, b = w - (float)w0, v;
    v = ((1.0f - a) * (1.0f - b)) * at(g, x, h0, w0, c);
    v = OC_FMA((1.0f - a) * b, at(g, x, h0, w0 + 1, c), v);
    v = OC_FMA(a * (1.0f - b), at(g, x, h0 + 1, w0, c), v);
    return OC_FMA(a * b, at(g, x, h0 + 1, w0 + 1, c), v);
}

/* The sum of one output element; offset and mask are those of its pixel, mask NULL without one. */
static float element(const attrs *a, const oc_op_conv *s, const float *x, const float *w,
                     const float *offset, const float *mask, int32_t oh, int32_t ow, int32_t o)
{
    const oc_op_geometry *g = &s->g;
    int32_t taps = g->kh * g->kw, per_offset = g->c / a->offset_groups;
    float acc = 0.0f;
    w += (size_t)o * (size_t)taps * (size_t)s->cg;
    for (int32_t k = 0; k < taps; k++)
        for (int32_t ci = 0; ci < s->cg; ci++) {
            int32_t c = o / s->og * s->cg + ci, tap = c / per_offset * taps + k;
            float h = (float)(oh * g->sh - g->pt + k / g->kw * g->dh) + offset[2 * tap];
            float v = (float)(ow * g->sw - g->pl + k % g->kw * g->dw) + offset[2 * tap + 1];
            v = interpolate(g, x, h, v, c);
            acc = OC_FMA(mask ? v * mask[tap] : v, *w++, acc);
        }
    return acc;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(sizes_set(call, &s));
    const oc_op_geometry *g = &s.g;
    size_t picture = (size_t)g->h * (size_t)g->w * (size_t)g->c;
    size_t n_taps = (size_t)g->kh * (size_t)g->kw * (size_t)a->offset_groups;
    const float *bias = s.has_bias ? in[BIAS] : NULL;
    const float *offset = in[OFFSET], *mask = oc_op_has(call, MASK) ? in[MASK] : NULL;
    float *y = out[0];
    for (int32_t i = 0; i < g->n * g->oh; i++)
        for (int32_t ow = 0; ow < g->ow; ow++) {
            const float *x = (const float *)in[0] + (size_t)(i / g->oh) * picture;
            for (int32_t o = 0; o < s.o; o++) {
                float acc = element(a, &s, x, in[1], offset, mask, i % g->oh, ow, o);
                *y++ = oc_op_act_eval(&a->act, bias ? acc + bias[o] : acc);
            }
            offset += 2 * n_taps;
            mask = mask ? mask + n_taps : NULL;
        }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(sizes_set(call, &s));
    /* Outputs of one pixel share what was interpolated; elsewhere parallelism counts more. */
    int32_t block = OC_MIN(traits->is_cpu ? 16 : 4, s.og), blocks = oc_op_ceil_div(s.og, block);
    OC_TRY(oc_launch_add(list, "deform_conv2d", "deform_conv2d", &l));
    OC_TRY(oc_op_define_geometry(l, &s.g));
    OC_TRY(oc_op_define_act(l, &a->act));
    OC_TRY(oc_launch_define(l, "-DO=%d -DG=%d -DD=%d -DBLOCK=%d -DBLOCKS=%d", s.o, s.groups,
                            a->offset_groups, block, blocks));
    OC_TRY(oc_launch_define(l, "-DHAS_BIAS=%d -DHAS_MASK=%d", s.has_bias, oc_op_has(call, MASK)));
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, (size_t)s.groups * (size_t)blocks, (size_t)s.g.ow,
                    (size_t)s.g.n * (size_t)s.g.oh);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define X(...) OP_F32(__VA_ARGS__)
/* Offsets far enough to leave the grid and the picture. */
#define FAR .in_lo = {0, 0, -3}, .in_hi = {0, 0, 3}

static const oc_op_case cases[] = {
    {.name = "near", .in = {X(1, 6, 7, 3), X(4, 3, 3, 3), X(1, 4, 5, 18), X(4)}, .n_in = 4,
     .const_mask = 10},
    {.name = "far", .in = {X(2, 6, 7, 5), X(20, 3, 3, 5), X(2, 6, 7, 18), X(20)}, .n_in = 4,
     .const_mask = 10, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}, FAR},
    {.name = "mask", .in = {X(1, 5, 5, 4), X(3, 2, 2, 4), X(1, 4, 4, 8), X(3), X(1, 4, 4, 4)},
     .n_in = 5, .const_mask = 10, .sets = {OP_SET_ENUM("act", "relu")}, FAR},
    {.name = "mask_no_bias",
     .in = {X(1, 5, 5, 4), X(33, 2, 2, 4), X(1, 4, 4, 8), {0}, X(1, 4, 4, 4)}, .n_in = 5,
     .const_mask = 2, .absent_mask = 8, FAR},
    {.name = "groups", .in = {X(1, 7, 6, 8), X(6, 3, 2, 4), X(1, 4, 3, 48), X(6), X(1, 4, 3, 24)},
     .n_in = 5, .sets = {OP_SET("groups", 2), OP_SET("offset_groups", 4),
                         OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 1, 0, 1, 1)}, FAR},
    {.name = "dilated", .in = {X(1, 9, 8, 2), X(5, 3, 3, 2), X(1, 7, 6, 18)}, .n_in = 3,
     .sets = {OP_SET_INTS("dilations", 2, 3), OP_SET_INTS("pads", 1, 2, 1, 2)}, FAR},
};

const oc_op oc_op_deform_conv2d = {
    .name = "deform_conv2d",
    .help = "x [N,H,W,C], w [O,KH,KW,C/G], offset [N,OH,OW,2DK], bias [O], mask [N,OH,OW,DK] "
            "(optional) -> [N,OH,OW,O]",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 3, .in_max = 5, .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "direct",
    .act_attr = "act",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
