/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conv_transpose2d: x [N,H,W,C], w [O,KH,KW,C/G], bias [O] (optional), for integers x_zero [1] and
 * w_zero [1] or [O] (optional) -> [N,OH,OW,O]: what a convolution does backwards.
 *
 * Tap (kh, kw) brings pixel (h, w) of the input to pixel (h sh + kh dh - top, w sw + kw dw - left)
 * of the output; what falls outside is cropped. Group g makes output channels g O/G ... from input
 * channels g C/G .... OH = (H-1) sh + (KH-1) dh + 1 - top - bottom + output_pads[0], likewise OW.
 *
 * Numerics "direct": acc = +0; for kh, kw ascending where oh + top - kh dh is a multiple of sh and
 * ow + left - kw dw one of sw, for ci ascending: acc = fma(x, w, acc), where x = 0 outside the
 * input; y = acc + bias (acc itself without a bias); then the activation.
 * The integer form (op_product_int.h) is exact; what is outside the input adds nothing.
 */
#include "op_conv.h"

typedef struct attrs {
    oc_op_window window;
    oc_ints output_pads;
    int32_t groups;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_STRIDES(attrs),
    OP_ATTR_DILATIONS(attrs),
    OP_ATTR_PADS(attrs),
    {.name = "output_pads",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, output_pads),
     .max = INT32_MAX,
     .initial_ints = {2, {0, 0}},
     .help = "rows and columns added to the output [bottom,right]"},
    OP_ATTR_GROUPS(attrs),
    OP_ATTR_ACT(attrs),
};

/* Elements of the output along one axis. */
static oc_status places(const oc_op_call *call, const char *axis, int32_t size, int64_t crop,
                        int32_t kernel, int32_t stride, int32_t dilation, int32_t add, int32_t *out)
{
    double reach = ((double)size - 1) * stride + ((double)kernel - 1) * dilation + 1 + add;
    if (size < 1 || reach - (double)crop < 1)
        return oc_fail(OC_E_SHAPE,
                       "%s: %s makes %.0f elements along %s of %d and crops %lld, expected 1 or "
                       "more to be left",
                       call->name, call->op->name, size < 1 ? 0.0 : reach, axis, size,
                       (long long)crop);
    /* So that kernels compute coordinates in 32 bits. */
    if (reach > INT32_MAX / 2)
        return oc_fail(OC_E_LIMIT, "%s: %s makes %.0f elements along %s, expected at most %d",
                       call->name, call->op->name, reach, axis, INT32_MAX / 2);
    *out = (int32_t)((int64_t)reach - crop);
    return OC_OK;
}

static oc_status sizes_set(const oc_op_call *call, oc_op_conv *conv)
{
    const attrs *a = call->attrs;
    const int32_t *pad = a->window.pads.v;
    OC_TRY(oc_op_check_rank(call, 0, 4, 4));
    OC_TRY(oc_op_check_rank(call, 1, 4, 4));
    OC_TRY(oc_op_check_ints(call, "strides", &a->window.strides, 2, 1));
    OC_TRY(oc_op_check_ints(call, "dilations", &a->window.dilations, 2, 1));
    OC_TRY(oc_op_check_ints(call, "pads", &a->window.pads, 4, 0));
    OC_TRY(oc_op_check_ints(call, "output_pads", &a->output_pads, 2, 0));
    const int32_t *x = call->in[0]->shape.dim, *w = call->in[1]->shape.dim;
    oc_op_conv s = {.groups = a->groups, .o = w[0], .has_bias = oc_op_has(call, OP_BIAS)};
    oc_op_geometry g = {.n = x[0],
                        .h = x[1],
                        .w = x[2],
                        .c = x[3],
                        .kh = w[1],
                        .kw = w[2],
                        /* A greater step would lead outside just so. */
                        .sh = OC_MIN(a->window.strides.v[0], INT32_MAX / 2),
                        .sw = OC_MIN(a->window.strides.v[1], INT32_MAX / 2),
                        .dh = a->window.dilations.v[0],
                        .dw = a->window.dilations.v[1],
                        .pt = pad[0],
                        .pl = pad[1]};
    OC_TRY(oc_op_check_groups(call, s.groups, g.c, s.o));
    s.cg = g.c / s.groups;
    s.og = s.o / s.groups;
    OC_TRY(places(call, "h", g.h, (int64_t)pad[0] + pad[2], g.kh, g.sh, g.dh, a->output_pads.v[0],
                  &g.oh));
    OC_TRY(places(call, "w", g.w, (int64_t)pad[1] + pad[3], g.kw, g.sw, g.dw, a->output_pads.v[1],
                  &g.ow));
    s.g = g;
    *conv = s;
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_product(call, &a->act));
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_check_weights(call, s.cg, s.o));
    OC_TRY(oc_op_check_zeros(call, 1, s.o));
    out[0] = (oc_desc){oc_op_product_dtype(call), {4, {s.g.n, s.g.oh, s.g.ow, s.o}}};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, ~UINT32_C(1), out);
}

/* Axis `axis` of x: pixels of which a tap comes to one of `out`. */
static void halo_axis(const oc_op_call *call, const oc_box *out, int32_t axis, int64_t reach,
                      int32_t stride, int32_t crop, oc_box *x)
{
    int64_t from = (int64_t)out->from[axis] + crop - (reach - 1);
    int64_t last = (int64_t)out->to[axis] - 1 + crop;
    from = from > 0 ? (from + stride - 1) / stride : 0;
    oc_op_halo_set(&call->in[OP_X]->shape, axis, from, last / stride + 1, x);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_conv s;
    OC_TRY(sizes_set(call, &s));
    const oc_op_geometry *g = &s.g;
    oc_op_conv_halo(call, &s, out, in);
    halo_axis(call, out, 1, (int64_t)(g->kh - 1) * g->dh + 1, g->sh, g->pt, &in[OP_X]);
    halo_axis(call, out, 2, (int64_t)(g->kw - 1) * g->dw + 1, g->sw, g->pl, &in[OP_X]);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_cost_io(call, cost));
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    cost->macs = (uint64_t)oc_op_elems(&call->in[0]->shape) * (uint64_t)s.g.kh * (uint64_t)s.g.kw *
                 (uint64_t)s.og;
    cost->ops = elems * ((s.has_bias ? 1u : 0u) + (a->act.fn != OC_UNARY_none ? 1u : 0u));
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

/* One tap of one output pixel: does it stand on the input's grid, and where there. */
typedef struct tap {
    bool is_on_grid, is_inside;
    size_t at; /* of the pixel's first channel, where it is inside */
} tap;

static tap tap_at(const oc_op_geometry *g, int32_t n, int32_t oh, int32_t ow, int32_t kh,
                  int32_t kw)
{
    int32_t h = oh + g->pt - kh * g->dh, w = ow + g->pl - kw * g->dw;
    tap t = {.is_on_grid = h % g->sh == 0 && w % g->sw == 0};
    h /= g->sh;
    w /= g->sw;
    t.is_inside = t.is_on_grid && h >= 0 && h < g->h && w >= 0 && w < g->w;
    if (t.is_inside)
        t.at = (((size_t)n * (size_t)g->h + (size_t)h) * (size_t)g->w + (size_t)w) * (size_t)g->c;
    return t;
}

/* The output channels [o, o + count) of one output pixel, all of one group. */
static void pixel(const oc_op_conv *s, const float *x, const float *w, int32_t n, int32_t oh,
                  int32_t ow, int32_t o, int32_t count, float *acc)
{
    size_t cg = (size_t)s->cg, taps = (size_t)s->g.kh * (size_t)s->g.kw * cg;
    w += (size_t)o * taps;
    for (int32_t j = 0; j < count; j++)
        acc[j] = 0.0f;
    for (int32_t kh = 0; kh < s->g.kh; kh++)
        for (int32_t kw = 0; kw < s->g.kw; kw++, w += cg) {
            tap t = tap_at(&s->g, n, oh, ow, kh, kw);
            if (t.is_on_grid)
                oc_op_dot(t.is_inside ? x + t.at + (size_t)(o / s->og) * cg : NULL, cg, w, taps, 1,
                          count, acc);
        }
}

/* Output channel o of one output pixel in integers. */
static uint32_t element(const oc_op_call *call, const oc_op_conv *s, const void *const *in,
                        int32_t n, int32_t oh, int32_t ow, int32_t o)
{
    oc_op_bytes x = oc_op_bytes_of(call, in, OP_X), w = oc_op_bytes_of(call, in, OP_W);
    int32_t x_zero = oc_op_zero(call, in, OP_X_ZERO, 0);
    int32_t w_zero = oc_op_zero(call, in, OP_W_ZERO, (size_t)o);
    size_t cg = (size_t)s->cg, w_at = (size_t)o * (size_t)s->g.kh * (size_t)s->g.kw * cg;
    uint32_t sum = s->has_bias ? ((const uint32_t *)in[OP_BIAS])[o] : 0;
    for (int32_t kh = 0; kh < s->g.kh; kh++)
        for (int32_t kw = 0; kw < s->g.kw; kw++, w_at += cg) {
            tap t = tap_at(&s->g, n, oh, ow, kh, kw);
            if (t.is_inside)
                sum += oc_op_dot_int(x, t.at + (size_t)(o / s->og) * cg, x_zero, w, w_at, 1, w_zero,
                                     cg);
        }
    return sum;
}

/* All channels of one output pixel, which begins at y. */
static void channels(const oc_op_call *call, const oc_op_conv *s, const void *const *in, int32_t n,
                     int32_t oh, int32_t ow, void *y)
{
    const attrs *a = call->attrs;
    const float *bias = s->has_bias ? in[OP_BIAS] : NULL;
    if (oc_op_is_int(call)) {
        for (int32_t o = 0; o < s->o; o++)
            ((uint32_t *)y)[o] = element(call, s, in, n, oh, ow, o);
        return;
    }
    for (int32_t o = 0, count; o < s->o; o += count) {
        float acc[OP_DOT_MAX];
        count = OC_MIN(OP_DOT_MAX, s->og - o % s->og);
        pixel(s, in[0], in[1], n, oh, ow, o, count, acc);
        for (int32_t j = 0; j < count; j++)
            ((float *)y)[o + j] = oc_op_act_eval(&a->act, bias ? acc[j] + bias[o + j] : acc[j]);
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    oc_op_conv s;
    uint32_t *y = out[0]; /* elements of either form have four bytes */
    OC_TRY(sizes_set(call, &s));
    for (int32_t n = 0; n < s.g.n; n++)
        for (int32_t oh = 0; oh < s.g.oh; oh++)
            for (int32_t ow = 0; ow < s.g.ow; ow++, y += s.o)
                channels(call, &s, in, n, oh, ow, y);
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status pack_tile(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    oc_op_conv_pack(&s, src, dst);
    return OC_OK;
}

static oc_status pack_bias(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    oc_op_conv_pack_bias(&s, src, dst);
    return OC_OK;
}

/* What all kernels need. */
static oc_status begin(const oc_op_conv *s, oc_launch_list *list, const char *kernel,
                       const char *define, oc_launch **launch)
{
    OC_TRY(oc_launch_add(list, "conv_transpose2d", kernel, launch));
    OC_TRY(oc_op_define_geometry(*launch, &s->g));
    return oc_launch_define(*launch, "-D%s -DO=%d -DG=%d", define, s->o, s->groups);
}

static oc_status launch_tile(const oc_op_call *call, const oc_traits *traits, const oc_op_conv *s,
                             oc_launch_list *list)
{
    const attrs *a = call->attrs;
    /* The pixels of a tile are a stride apart: then they have the same taps. */
    int32_t phases = OC_MIN(s->g.sw, s->g.ow), columns = oc_op_ceil_div(s->g.ow, s->g.sw);
    oc_op_packing p;
    oc_launch *l;
    OC_TRY(oc_op_packing_set(s, &p));
    oc_op_tile tile = oc_op_tile_choose(list, traits, columns, p.width);
    int32_t blocks = oc_op_ceil_div(s->og, tile.lanes * tile.vectors);
    int32_t tiles = oc_op_ceil_div(columns, tile.rows);
    OC_TRY(begin(s, list, "conv_transpose2d_tile", "CONV_TRANSPOSE2D_TILE", &l));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DPACKS=%d -DBLOCKS=%d -DTILES=%d -DHAS_BIAS=%d", p.width,
                            p.packs, blocks, tiles, s->has_bias));
    OC_TRY(oc_launch_define(l, "-DLANES=%d -DVECTORS=%d -DTILE=%d", tile.lanes, tile.vectors,
                            tile.rows));
    OC_TRY(oc_op_define_act(l, &a->act));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_X});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = OP_W,
                                         .bytes = p.w_elems * sizeof(float),
                                         .pack = pack_tile});
    if (s->has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = OP_BIAS,
                                             .bytes = p.bias_elems * sizeof(float),
                                             .pack = pack_bias});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)phases * (size_t)tiles, (size_t)s->g.n * (size_t)s->g.oh,
                    (size_t)s->groups * (size_t)blocks);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* One work-item an element, weights as they are. */
static oc_status launch_plain(const oc_op_call *call, const oc_op_conv *s, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    bool is_int = oc_op_is_int(call);
    oc_launch *l;
    OC_TRY(begin(s, list, is_int ? "conv_transpose2d_int" : "conv_transpose2d_plain",
                 is_int ? "CONV_TRANSPOSE2D_INT" : "CONV_TRANSPOSE2D_PLAIN", &l));
    if (is_int) {
        OC_TRY(oc_op_define_int(call, l));
    } else {
        OC_TRY(oc_launch_define(l, "-DHAS_BIAS=%d", s->has_bias));
        OC_TRY(oc_op_define_act(l, &a->act));
    }
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, (size_t)s->o, (size_t)s->g.ow, (size_t)s->g.n * (size_t)s->g.oh);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    oc_op_conv s;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(sizes_set(call, &s));
    if (oc_op_is_int(call) || !call->is_const[OP_W] || (s.has_bias && !call->is_const[OP_BIAS]))
        return launch_plain(call, &s, list);
    return launch_tile(call, traits, &s, list);
}

/* clang-format off */
#define X(...) OP_F32(__VA_ARGS__)
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
#define S32(...) OP_DESC(int32, __VA_ARGS__)

static const oc_op_case cases[] = {
    {.name = "upsampling", .in = {X(1, 7, 9, 8), X(16, 2, 2, 8), X(16)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_ENUM("act", "relu")}},
    {.name = "overlapping", .in = {X(2, 5, 6, 5), X(37, 3, 3, 5), X(37)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 1, 1, 0, 0)}},
    {.name = "stride_1", .in = {X(1, 8, 17, 3), X(4, 3, 3, 3), X(4)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "output_pads", .in = {X(1, 3, 4, 6), X(9, 3, 3, 6), X(9)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("strides", 3, 2), OP_SET_INTS("output_pads", 2, 1)}},
    {.name = "dilated", .in = {X(1, 4, 5, 7), X(12, 3, 2, 7)}, .n_in = 2, .const_mask = 2,
     .sets = {OP_SET_INTS("strides", 2, 3), OP_SET_INTS("dilations", 2, 4),
              OP_SET_INTS("pads", 2, 1, 0, 3)}},
    {.name = "stride_over_kernel", .in = {X(1, 4, 4, 4), X(8, 1, 2, 4), X(8)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 3, 5), OP_SET_ENUM("act", "sigmoid")}},
    {.name = "groups", .in = {X(1, 6, 5, 12), X(40, 4, 4, 6), X(40)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET("groups", 2), OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "depthwise", .in = {X(1, 6, 5, 10), X(10, 4, 4, 1), X(10)}, .n_in = 3,
     .const_mask = 6,
     .sets = {OP_SET("groups", 10), OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "one_pixel", .in = {X(3, 1, 1, 20), X(33, 4, 4, 20), X(33)}, .n_in = 3,
     .const_mask = 6},
    {.name = "much_cropped", .in = {X(1, 6, 6, 2), X(3, 3, 3, 2), X(3)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 5, 4, 3, 6)}},
    {.name = "computed_weights", .in = {X(1, 4, 5, 4), X(6, 3, 3, 2), X(6)}, .n_in = 3,
     .sets = {OP_SET("groups", 2), OP_SET_INTS("strides", 2, 1), OP_SET_ENUM("act", "relu6")}},
    {.name = "computed_weights_no_bias", .in = {X(2, 3, 3, 3), X(4, 2, 2, 3)}, .n_in = 2,
     .sets = {OP_SET_INTS("strides", 2, 2)}},
    {.name = "int8", .in = {S8(1, 5, 6, 8), S8(16, 3, 3, 8), S32(16), S8(1)}, .n_in = 4,
     .const_mask = 14, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 1, 1, 0, 0)}},
    {.name = "uint8", .in = {U8(2, 5, 6, 5), U8(7, 2, 3, 5), S32(7), U8(1), U8(1)}, .n_in = 5,
     .const_mask = 30, .sets = {OP_SET_INTS("strides", 2, 1), OP_SET_INTS("output_pads", 1, 0)}},
    {.name = "int8_groups_computed", .in = {S8(1, 4, 4, 6), S8(9, 3, 3, 2), {0}, S8(1), S8(9)},
     .n_in = 5, .absent_mask = 4,
     .sets = {OP_SET("groups", 3), OP_SET_INTS("dilations", 2, 2), OP_SET_INTS("strides", 2, 2)}},
};

const oc_op oc_op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .help = "x [N,H,W,C], w [O,KH,KW,C/G], bias [O], x_zero, w_zero (optional) -> [N,OH,OW,O]",
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
