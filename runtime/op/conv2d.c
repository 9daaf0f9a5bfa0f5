/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conv2d: x [N,H,W,C], w [O,KH,KW,C/G], bias [O] (optional), for integers x_zero and w_zero [1] or
 * [O] (optional) and the factors that requantise, multiplier, shift and low [1] or [O] (optional)
 * -> [N,OH,OW,O].
 *
 * Group g makes output channels g O/G ... from input channels g C/G ...; groups = C is a depthwise
 * convolution. OH = floor((H + top + bottom - ((KH-1) dh + 1)) / sh) + 1, likewise OW.
 *
 * Numerics "direct": acc = +0; for kh, kw, ci ascending: acc = fma(x, w, acc), where x = 0 outside
 * the input; y = acc + bias (acc itself without a bias); then the activation.
 * "winograd2" and "winograd4": conv2d_winograd.c.
 * The integer form (op_product_int.h) is exact; a tap outside the input adds nothing.
 */
#include "op_conv.h"

static const oc_attr rows[] = {
    OP_ATTR_STRIDES(oc_op_conv_attrs), OP_ATTR_DILATIONS(oc_op_conv_attrs),
    OP_ATTR_PADS(oc_op_conv_attrs),    OP_ATTR_GROUPS(oc_op_conv_attrs),
    OP_ATTR_ACT(oc_op_conv_attrs),     OP_ATTR_REQUANT(oc_op_conv_attrs),
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const oc_op_conv_attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_product(call, &a->act));
    OC_TRY(oc_op_conv2d_set(call, &s));
    OC_TRY(oc_op_check_weights(call, s.cg, s.o));
    OC_TRY(oc_op_check_zeros(call, 1, s.o));
    OC_TRY(oc_op_check_requant(call, &a->requant, s.o));
    out[0] = (oc_desc){oc_op_requant_dtype(call, &a->requant), {4, {s.g.n, s.g.oh, s.g.ow, s.o}}};
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, ~UINT32_C(1), out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    oc_op_conv s;
    oc_box whole = *out;
    OC_TRY(oc_op_conv2d_set(call, &s));
    if (oc_op_is_winograd(call))
        oc_op_winograd_halo(call, &whole);
    oc_op_conv_halo(call, &s, &whole, in);
    oc_op_geometry_halo(call, &s.g, &whole, &in[OP_X]);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const oc_op_conv_attrs *a = call->attrs;
    oc_op_conv s;
    OC_TRY(oc_op_conv2d_set(call, &s));
    OC_TRY(oc_op_cost_io(call, cost));
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    cost->macs = elems * (uint64_t)s.g.kh * (uint64_t)s.g.kw * (uint64_t)s.cg;
    cost->ops = elems * ((s.has_bias ? 1u : 0u) + (a->act.fn != OC_UNARY_none ? 1u : 0u) +
                         oc_op_requant_ops(&a->requant));
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------ */

/* The output channels [o, o + count) of one output pixel, all of one group. */
static void pixel(const oc_op_conv *s, const float *x, const float *w, int32_t n, int32_t oh,
                  int32_t ow, int32_t o, int32_t count, float *acc)
{
    const oc_op_geometry *g = &s->g;
    size_t cg = (size_t)s->cg, taps = (size_t)g->kh * (size_t)g->kw * cg;
    w += (size_t)o * taps;
    for (int32_t j = 0; j < count; j++)
        acc[j] = 0.0f;
    for (int32_t kh = 0; kh < g->kh; kh++) {
        int32_t h = oh * g->sh + kh * g->dh - g->pt;
        for (int32_t kw = 0; kw < g->kw; kw++, w += cg) {
            int32_t wi = ow * g->sw + kw * g->dw - g->pl;
            bool is_inside = h >= 0 && h < g->h && wi >= 0 && wi < g->w;
            size_t at = ((size_t)n * (size_t)g->h + (size_t)h) * (size_t)g->w + (size_t)wi;
            const float *tap = is_inside ? x + at * (size_t)g->c + (size_t)(o / s->og) * cg : NULL;
            oc_op_dot(tap, cg, w, taps, 1, count, acc);
        }
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const oc_op_conv_attrs *a = call->attrs;
    const float *bias = oc_op_has(call, 2) ? in[2] : NULL;
    float *y = out[0];
    oc_op_conv s;
    OC_TRY(oc_op_conv2d_set(call, &s));
    if (oc_op_is_int(call)) {
        oc_op_conv2d_int_reference(call, &s, in, out);
        return OC_OK;
    }
    if (oc_op_is_winograd(call)) {
        oc_op_winograd_reference(call, &s, in, out);
        return OC_OK;
    }
    for (int32_t n = 0; n < s.g.n; n++)
        for (int32_t oh = 0; oh < s.g.oh; oh++)
            for (int32_t ow = 0; ow < s.g.ow; ow++)
                for (int32_t o = 0, count; o < s.o; o += count) {
                    float acc[OP_DOT_MAX];
                    count = OC_MIN(OP_DOT_MAX, s.og - o % s.og);
                    pixel(&s, in[0], in[1], n, oh, ow, o, count, acc);
                    for (int32_t j = 0; j < count; j++)
                        *y++ = oc_op_act_eval(&a->act, bias ? acc[j] + bias[o + j] : acc[j]);
                }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status pack_tile(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(oc_op_conv2d_set(call, &s));
    oc_op_conv_pack(&s, src, dst);
    return OC_OK;
}

/* w [C,KH,KW,1] -> [KH*KW][C] */
static oc_status pack_depthwise(const oc_op_call *call, const void *src, void *dst,
                                size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(oc_op_conv2d_set(call, &s));
    size_t taps = (size_t)s.g.kh * (size_t)s.g.kw, c = (size_t)s.g.c;
    for (size_t k = 0; k < taps; k++)
        for (size_t i = 0; i < c; i++)
            ((float *)dst)[k * c + i] = ((const float *)src)[i * taps + k];
    return OC_OK;
}

/* What all three kernels need. */
static oc_status begin(const oc_op_call *call, const oc_op_conv *s, oc_launch_list *list,
                       const char *kernel, const char *define, oc_launch **launch)
{
    const oc_op_conv_attrs *a = call->attrs;
    OC_TRY(oc_launch_add(list, "conv2d", kernel, launch));
    OC_TRY(oc_op_define_geometry(*launch, &s->g));
    OC_TRY(oc_op_define_act(*launch, &a->act));
    return oc_launch_define(*launch, "-D%s -DO=%d -DG=%d -DHAS_BIAS=%d", define, s->o, s->groups,
                            s->has_bias);
}

/*
 * Blocks of channels and pixels of a row that one work-item makes, and how many floats of the next
 * block's weights it asks for in each step.
 */
typedef struct tile_items {
    int32_t share, span, ahead;
} tile_items;

/*
 * On a CPU starting a work-item costs as much as about 150 steps over K: it is worth 512. Blocks
 * come first: side by side they write whole runs of memory, and read the same input again.
 */
static tile_items tile_items_choose(const oc_traits *traits, const oc_op_conv *s,
                                    const oc_op_tile *tile, int32_t blocks)
{
    int64_t k = (int64_t)s->g.kh * s->g.kw * s->cg, worth = traits->is_cpu ? 512 : 0;
    int32_t share = oc_op_conv_run(blocks, (int32_t)OC_MAX(worth / k, 1));
    int32_t tiles = oc_op_ceil_div(s->g.ow, tile->rows);
    tiles = oc_op_conv_run(tiles, (int32_t)OC_MAX(worth / (k * share), 1));
    tile_items items = {.share = share, .span = tiles * tile->rows};
    int64_t sharing = (int64_t)s->g.n * s->g.oh * oc_op_ceil_div(s->g.ow, items.span);
    if (traits->is_cpu && share == 1 && tiles == 1 && sharing <= 32)
        items.ahead = oc_op_ceil_div(oc_op_pack_width(s), (int32_t)sharing);
    return items;
}

static oc_status launch_tile(const oc_op_call *call, const oc_traits *traits, oc_op_conv s,
                             oc_launch_list *list)
{
    oc_op_packing p;
    oc_launch *l;
    OC_TRY(oc_op_packing_set(&s, &p));
    oc_op_conv_flatten(&s.g);
    oc_op_tile tile = oc_op_tile_choose(list, traits, s.g.ow, p.width);
    int32_t blocks = oc_op_ceil_div(s.og, tile.lanes * tile.vectors);
    tile_items items = tile_items_choose(traits, &s, &tile, blocks);
    int32_t shares = oc_op_ceil_div(blocks, items.share);

    OC_TRY(begin(call, &s, list, "conv2d_tile", "CONV2D_TILE", &l));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DPACKS=%d -DBLOCKS=%d", p.width, p.packs, blocks));
    OC_TRY(oc_launch_define(l, "-DSHARE=%d -DSHARES=%d -DSPAN=%d -DAHEAD=%d", items.share, shares,
                            items.span, items.ahead));
    OC_TRY(oc_launch_define(l, "-DLANES=%d -DVECTORS=%d -DTILE=%d -DIS_INSIDE=%d", tile.lanes,
                            tile.vectors, tile.rows, oc_op_conv_is_inside(&s.g, tile.rows)));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = 1,
                                         .bytes = p.w_elems * sizeof(float),
                                         .pack = pack_tile});
    if (s.has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = 2,
                                             .bytes = p.bias_elems * sizeof(float),
                                             .pack = oc_op_conv2d_pack_bias});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)oc_op_ceil_div(s.g.ow, items.span), (size_t)s.g.n * (size_t)s.g.oh,
                    (size_t)s.groups * (size_t)shares);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* How the output of a depthwise convolution falls into work-items. */
typedef struct depthwise_items {
    oc_op_chunks chunks;
    int32_t tile, span, rows; /* pixels side by side in registers; a work-item's columns, rows */
} depthwise_items;

static depthwise_items depthwise_items_choose(oc_launch_list *list, const oc_traits *traits,
                                              const oc_op_conv *s)
{
    depthwise_items d = {.rows = 1};
    /* The rows of a window stay in the nearest cache from one row of the output to the next. */
    const int32_t near = 24 * 1024 / (int32_t)sizeof(float) / OC_MAX(s->g.w, 1) / OC_MAX(s->g.kh, 1);
    d.chunks = oc_op_channels_choose(list, traits, (size_t)s->g.c,
                                     oc_op_ceil_div(near, (int32_t)traits->vector_floats));
    d.tile = d.span = oc_op_conv_run_choose(list, traits, s->g.ow);
    if (!traits->is_cpu)
        return d;
    d.span = oc_op_ceil_div(s->g.ow, d.tile) * d.tile;
    /* 512 vectors of the output are worth starting a work-item. */
    size_t vectors = OC_MIN(d.chunks.chunk, d.chunks.elems) / d.chunks.lanes * (size_t)d.span;
    d.rows = oc_op_conv_run(s->g.n * s->g.oh, (int32_t)(512 / vectors) + 1);
    return d;
}

static oc_status launch_depthwise(const oc_op_call *call, const oc_traits *traits,
                                  const oc_op_conv *s, oc_launch_list *list)
{
    oc_launch *l;
    const depthwise_items d = depthwise_items_choose(list, traits, s);

    OC_TRY(begin(call, s, list, "conv2d_depthwise", "CONV2D_DEPTHWISE", &l));
    OC_TRY(oc_op_define_chunks(l, &d.chunks));
    OC_TRY(oc_launch_define(l, "-DTILE=%d -DSPAN=%d -DROWS=%d", d.tile, d.span, d.rows));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = 1,
                                         .bytes = oc_op_elems(&call->in[1]->shape) * sizeof(float),
                                         .pack = pack_depthwise});
    if (s->has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 2});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, d.chunks.chunks, (size_t)oc_op_ceil_div(s->g.ow, d.span),
                    (size_t)oc_op_ceil_div(s->g.n * s->g.oh, d.rows));
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_plain(const oc_op_call *call, const oc_op_conv *s, oc_launch_list *list)
{
    oc_launch *l;
    OC_TRY(begin(call, s, list, "conv2d_plain", "CONV2D_PLAIN", &l));
    for (uint32_t i = 0; i < (s->has_bias ? 3u : 2u); i++)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)s->o, (size_t)s->g.ow, (size_t)s->g.n * (size_t)s->g.oh);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    oc_op_conv s;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_op_conv2d_set(call, &s));
    if (oc_op_is_int(call))
        return oc_op_conv2d_int_launch(call, &s, traits, list);
    if (oc_op_is_winograd(call))
        return oc_op_winograd_launch(call, &s, traits, list);
    if (!call->is_const[1] || (s.has_bias && !call->is_const[2]))
        return launch_plain(call, &s, list);
    if (s.cg == 1 && s.og == 1)
        return launch_depthwise(call, traits, &s, list);
    return launch_tile(call, traits, s, list);
}

/* clang-format off */
#define X(...) OP_F32(__VA_ARGS__)
#define S8(...) OP_DESC(int8, __VA_ARGS__)
#define U8(...) OP_DESC(uint8, __VA_ARGS__)
#define S32(...) OP_DESC(int32, __VA_ARGS__)
#define TWICE OP_SET_ENUM("requant", "twice")
#define DOUBLE OP_SET_ENUM("requant", "double")
/* Biases, multipliers and shifts as networks have them. */
#define FACTORS .in_lo = {0, 0, -2000, 0, 0, 0x1p30f, -11, 0}, \
                .in_hi = {0, 0, 2000, 0, 0, 0x1.fffffp30f, -6, 0}

static const oc_op_case cases[] = {
    {.name = "valid", .in = {X(1, 5, 5, 3), X(4, 3, 3, 3), X(4)}, .n_in = 3, .const_mask = 6},
    {.name = "same", .in = {X(1, 14, 14, 8), X(32, 3, 3, 8), X(32)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET_ENUM("act", "relu")}},
    {.name = "batch_odd_sizes", .in = {X(3, 17, 19, 5), X(37, 3, 5, 5), X(37)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("pads", 1, 2, 1, 2)}},
    {.name = "first_layer", .in = {X(1, 41, 43, 3), X(64, 7, 7, 3), X(64)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3),
                               OP_SET_ENUM("act", "relu6")}},
    {.name = "uneven_padding", .in = {X(1, 12, 13, 6), X(20, 3, 3, 6), X(20)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 0, 0, 1, 1)}},
    {.name = "uneven_strides", .in = {X(1, 13, 22, 4), X(9, 3, 2, 4), X(9)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 3, 1), OP_SET_INTS("pads", 2, 0, 0, 1)}},
    {.name = "stride_over_kernel", .in = {X(1, 11, 11, 7), X(12, 1, 1, 7), X(12)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("strides", 3, 2)}},
    {.name = "dilated", .in = {X(1, 15, 16, 5), X(18, 3, 3, 5), X(18)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("dilations", 2, 3), OP_SET_INTS("pads", 2, 3, 2, 3)}},
    {.name = "padding_over_kernel", .in = {X(1, 3, 4, 3), X(8, 2, 2, 3), X(8)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("pads", 4, 5, 3, 2)}},
    {.name = "kernel_of_the_input", .in = {X(2, 6, 6, 16), X(40, 6, 6, 16), X(40)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "tanh")}},
    {.name = "1x1", .in = {X(1, 7, 9, 24), X(48, 1, 1, 24), X(48)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_ENUM("act", "sigmoid")}},
    {.name = "1x1_batch_no_bias", .in = {X(4, 3, 3, 33), X(65, 1, 1, 33)}, .n_in = 2,
     .const_mask = 2},
    {.name = "1x1_padded", .in = {X(1, 4, 5, 6), X(7, 1, 1, 6), X(7)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 1, 1, 0, 2)}},
    {.name = "1x1_left_over", .in = {X(1, 9, 11, 19), X(61, 1, 1, 19), X(61)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "relu_n1_to_1")}},
    {.name = "1x1_long", .in = {X(1, 7, 7, 520), X(70, 1, 1, 520), X(70)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_ENUM("act", "relu")}},
    {.name = "long_padded", .in = {X(1, 7, 6, 64), X(66, 3, 3, 64), X(66)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "1x1_pixel", .in = {X(1, 1, 1, 40), X(1, 1, 1, 40), X(1)}, .n_in = 3,
     .const_mask = 6},
    {.name = "winograd2", .numerics = OP_WINOGRAD_2, .in = {X(1, 6, 8, 16), X(32, 3, 3, 16), X(32)},
     .n_in = 3, .const_mask = 6, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "winograd2_odd", .numerics = OP_WINOGRAD_2,
     .in = {X(2, 9, 7, 19), X(37, 3, 3, 19), X(37)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 0, 1, 2, 0), OP_SET_ENUM("act", "relu")}},
    {.name = "winograd4", .numerics = OP_WINOGRAD_4,
     .in = {X(1, 14, 14, 32), X(64, 3, 3, 32), X(64)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET_ENUM("act", "relu6")}},
    {.name = "winograd4_odd_batch_no_bias", .numerics = OP_WINOGRAD_4,
     .in = {X(3, 11, 17, 21), X(41, 3, 3, 21)}, .n_in = 2, .const_mask = 2,
     .sets = {OP_SET_INTS("pads", 2, 0, 1, 1)}},
    {.name = "winograd4_little", .numerics = OP_WINOGRAD_4,
     .in = {X(1, 3, 3, 5), X(3, 3, 3, 5), X(3)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_ENUM("act", "tanh")}},
    {.name = "winograd4_strips", .numerics = OP_WINOGRAD_4,
     .in = {X(1, 94, 90, 80), X(80, 3, 3, 80), X(80)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "groups", .in = {X(1, 9, 9, 12), X(40, 3, 3, 6), X(40)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "small_groups_no_bias", .in = {X(1, 8, 7, 20), X(30, 3, 3, 2)}, .n_in = 2,
     .const_mask = 2, .sets = {OP_SET("groups", 10), OP_SET_INTS("pads", 1, 0, 1, 1)}},
    {.name = "groups_1x1", .in = {X(2, 5, 5, 48), X(66, 1, 1, 16), X(66)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 3), OP_SET_ENUM("act", "leaky_relu"),
                               OP_SET("act_a", 0.125)}},
    {.name = "depthwise", .in = {X(1, 14, 14, 32), X(32, 3, 3, 1), X(32)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 32), OP_SET_INTS("pads", 1, 1, 1, 1),
                               OP_SET_ENUM("act", "relu6")}},
    {.name = "depthwise_strided", .in = {X(2, 15, 17, 19), X(19, 3, 3, 1), X(19)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 19), OP_SET_INTS("strides", 2, 2),
                               OP_SET_INTS("pads", 0, 1, 1, 0)}},
    {.name = "depthwise_few_channels", .in = {X(1, 9, 10, 3), X(3, 5, 3, 1)}, .n_in = 2,
     .const_mask = 2, .sets = {OP_SET("groups", 3), OP_SET_INTS("pads", 2, 1, 2, 1)}},
    {.name = "depthwise_dilated", .in = {X(1, 12, 12, 8), X(8, 3, 3, 1), X(8)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 8), OP_SET_INTS("dilations", 3, 2),
                               OP_SET_INTS("pads", 3, 2, 3, 2)}},
    {.name = "depthwise_many_channels", .in = {X(1, 4, 4, 330), X(330, 3, 3, 1), X(330)},
     .n_in = 3, .const_mask = 6,
     .sets = {OP_SET("groups", 330), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "depthwise_many_rows", .in = {X(2, 19, 9, 16), X(16, 3, 3, 1), X(16)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 16), OP_SET_INTS("pads", 2, 3, 2, 3),
                               OP_SET_ENUM("act", "leaky_relu")}},
    {.name = "depthwise_wide_window", .in = {X(1, 5, 43, 6), X(6, 2, 29, 1), X(6)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 6), OP_SET_INTS("pads", 1, 14, 0, 13)}},
    {.name = "depthwise_far_strides", .in = {X(1, 20, 47, 5), X(5, 3, 2, 1), X(5)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 5), OP_SET_INTS("strides", 4, 7),
                               OP_SET_INTS("dilations", 1, 3), OP_SET_INTS("pads", 0, 2, 2, 1)}},
    {.name = "depthwise_multiplier", .in = {X(1, 8, 8, 6), X(12, 3, 3, 1), X(12)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET("groups", 6), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "one_channel", .in = {X(1, 28, 28, 1), X(6, 5, 5, 1), X(6)}, .n_in = 3,
     .const_mask = 6, .sets = {OP_SET_INTS("pads", 2, 2, 2, 2)}},
    {.name = "clip", .in = {X(1, 6, 6, 4), X(8, 3, 3, 4), X(8)}, .n_in = 3, .const_mask = 6,
     .sets = {OP_SET_ENUM("act", "clip"), OP_SET("act_a", -0.5), OP_SET("act_b", 0.75)}},
    {.name = "computed_weights", .in = {X(1, 7, 6, 4), X(10, 3, 3, 2), X(10)}, .n_in = 3,
     .sets = {OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 0, 1), OP_SET_ENUM("act", "relu")}},
    {.name = "computed_weights_no_bias", .in = {X(2, 5, 5, 3), X(4, 2, 2, 3)}, .n_in = 2},
    {.name = "computed_bias", .in = {X(1, 5, 5, 3), X(4, 2, 2, 3), X(4)}, .n_in = 3,
     .const_mask = 2},
    {.name = "int8", .in = {S8(1, 14, 14, 8), S8(32, 3, 3, 8), S32(32), S8(1)}, .n_in = 4,
     .const_mask = 14, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "uint8_batch", .in = {U8(3, 17, 19, 5), U8(37, 3, 5, 5), S32(37), U8(1), U8(1)},
     .n_in = 5, .const_mask = 30, .sets = {OP_SET_INTS("pads", 1, 2, 1, 2)}},
    {.name = "int8_first_layer", .in = {S8(1, 41, 43, 3), S8(64, 7, 7, 3), S32(64), S8(1)},
     .n_in = 4, .const_mask = 14,
     .sets = {OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 3, 3, 3, 3)}},
    {.name = "int8_uneven", .in = {S8(2, 12, 13, 6), S8(20, 3, 2, 6)}, .n_in = 2, .const_mask = 2,
     .sets = {OP_SET_INTS("strides", 3, 1), OP_SET_INTS("dilations", 1, 2),
              OP_SET_INTS("pads", 2, 0, 0, 1)}},
    {.name = "uint8_1x1", .in = {U8(1, 7, 9, 300), U8(48, 1, 1, 300), S32(48), U8(1), U8(1)},
     .n_in = 5, .const_mask = 30},
    {.name = "int8_1x1_batch_no_bias", .in = {S8(4, 3, 3, 33), S8(65, 1, 1, 33)}, .n_in = 2,
     .const_mask = 2},
    {.name = "int8_deep", .in = {S8(1, 4, 5, 130), S8(9, 3, 3, 130), S32(9), S8(1), S8(9)},
     .n_in = 5, .const_mask = 30, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "int8_extremes", .in = {S8(1, 5, 6, 60), S8(40, 3, 3, 60), S32(40), S8(1), S8(1)},
     .n_in = 5, .const_mask = 30, .sets = {OP_SET_INTS("pads", 1, 0, 0, 1)},
     .in_lo = {-128, -128, 0, 127, 127}, .in_hi = {-128, -128, 0, 127, 127}},
    {.name = "mixed_types", .in = {U8(1, 6, 6, 4), S8(8, 3, 3, 4), S32(8), U8(1), S8(8)}, .n_in = 5,
     .const_mask = 30, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "uint8_groups", .in = {U8(1, 9, 9, 12), U8(40, 3, 3, 6), S32(40), U8(1), U8(40)},
     .n_in = 5, .const_mask = 30,
     .sets = {OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "int8_depthwise", .in = {S8(1, 14, 14, 32), S8(32, 3, 3, 1), S32(32), S8(1)},
     .n_in = 4, .const_mask = 14,
     .sets = {OP_SET("groups", 32), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "uint8_depthwise_strided",
     .in = {U8(2, 15, 17, 19), U8(19, 3, 3, 1), S32(19), U8(1), U8(1)}, .n_in = 5,
     .const_mask = 30, .sets = {OP_SET("groups", 19), OP_SET_INTS("strides", 2, 2),
                                OP_SET_INTS("pads", 0, 1, 1, 0)}},
    {.name = "uint8_depthwise_zeros",
     .in = {U8(1, 12, 12, 37), S8(37, 3, 3, 1), {0}, U8(1), S8(37)}, .n_in = 5, .const_mask = 26,
     .absent_mask = 4, .sets = {OP_SET("groups", 37), OP_SET_INTS("dilations", 3, 2),
                                OP_SET_INTS("pads", 3, 2, 3, 2)}},
    {.name = "int8_depthwise_multiplier", .in = {S8(1, 8, 8, 6), S8(12, 3, 3, 1), S32(12), S8(1)},
     .n_in = 4, .const_mask = 14,
     .sets = {OP_SET("groups", 6), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "int8_depthwise_wide", .in = {S8(1, 13, 14, 5), S8(5, 12, 11, 1), S32(5), S8(1)},
     .n_in = 4, .const_mask = 14,
     .sets = {OP_SET("groups", 5), OP_SET_INTS("pads", 5, 6, 4, 3)}},
    {.name = "computed_zeros", .in = {U8(1, 7, 9, 40), U8(33, 3, 3, 40), S32(33), U8(1), U8(33)},
     .n_in = 5, .const_mask = 2, .sets = {OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "computed_depthwise_zeros", .in = {U8(1, 7, 9, 40), U8(40, 3, 3, 1), {0}, U8(1), U8(1)},
     .n_in = 5, .const_mask = 2, .absent_mask = 4, .sets = {OP_SET("groups", 40)}},
    {.name = "computed_int8_weights", .in = {S8(1, 7, 6, 4), U8(10, 3, 3, 2), S32(10), S8(1), U8(10)},
     .n_in = 5, .sets = {OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 0, 1)}},
    {.name = "computed_int8_no_bias", .in = {S8(2, 5, 5, 3), S8(4, 2, 2, 3)}, .n_in = 2},
    {.name = "requant", .in = {S8(1, 14, 15, 8), S8(37, 3, 3, 8), S32(37), S8(1), {0}, S32(37), S32(37)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, FACTORS,
     .sets = {TWICE, OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET("zero", -7)}},
    {.name = "requant_uint8", .in = {U8(2, 6, 6, 20), U8(70, 1, 1, 20), S32(70), U8(1), U8(1), S32(1), S32(1)},
     .n_in = 7, .const_mask = 126, FACTORS,
     .sets = {TWICE, OP_SET_ENUM("to", "uint8"), OP_SET("zero", 120), OP_SET("lo", 120), OP_SET("hi", 255)}},
    {.name = "requant_three_vectors", .in = {S8(2, 11, 9, 18), S8(130, 1, 1, 18), S32(130), S8(1), {0}, S32(130), S32(130)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, FACTORS, .sets = {TWICE, OP_SET("lo", -7)}},
    {.name = "requant_groups", .in = {U8(1, 9, 9, 12), S8(42, 3, 3, 6), {0}, U8(1), S8(42), S32(42), S32(42)},
     .n_in = 7, .const_mask = 122, .absent_mask = 4, FACTORS,
     .sets = {TWICE, OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 1, 1)}},
    {.name = "requant_any", .in = {S8(1, 5, 7, 9), S8(33, 2, 2, 9), S32(33), S8(1), {0}, S32(33), S32(33)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, .sets = {TWICE}},
    {.name = "requant_down", .in = {S8(1, 9, 7, 12), S8(40, 3, 3, 12), S32(40), S8(1), {0}, S32(40), S32(40)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, .sets = {TWICE, OP_SET("zero", 90)},
     .in_lo = {0, 0, 0, 0, 0, 1, -31, 0}, .in_hi = {0, 0, 0, 0, 0, 0x1.fffffp30f, -1, 0}},
    {.name = "requant_double",
     .in = {S8(1, 6, 5, 40), S8(35, 3, 3, 40), S32(35), S8(1), {0}, S32(35), S32(35), S32(35)},
     .n_in = 8, .const_mask = 238, .absent_mask = 16, FACTORS,
     .sets = {DOUBLE, OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET("zero", 3)}},
    {.name = "requant_depthwise", .in = {S8(1, 14, 13, 32), S8(32, 3, 3, 1), S32(32), S8(1), {0}, S32(32), S32(32)},
     .n_in = 7, .const_mask = 110, .absent_mask = 16, FACTORS,
     .sets = {TWICE, OP_SET("groups", 32), OP_SET_INTS("pads", 1, 1, 1, 1), OP_SET("lo", -60), OP_SET("hi", 80)}},
    {.name = "requant_depthwise_uint8",
     .in = {U8(2, 15, 17, 19), U8(19, 3, 3, 1), S32(19), U8(1), U8(1), S32(1), S32(1), S32(1)}, .n_in = 8,
     .const_mask = 254, FACTORS,
     .sets = {DOUBLE, OP_SET("groups", 19), OP_SET_INTS("strides", 2, 2), OP_SET_INTS("pads", 0, 1, 1, 0),
              OP_SET_ENUM("to", "uint8"), OP_SET("zero", 99), OP_SET("lo", 0), OP_SET("hi", 255)}},
    {.name = "requant_depthwise_few", .in = {S8(1, 9, 10, 3), S8(3, 5, 3, 1), {0}, {0}, {0}, S32(3), S32(3)},
     .n_in = 7, .const_mask = 98, .absent_mask = 28, FACTORS,
     .sets = {TWICE, OP_SET("groups", 3), OP_SET_INTS("pads", 2, 1, 2, 1)}},
    {.name = "requant_computed", .in = {S8(1, 7, 6, 4), S8(10, 3, 3, 2), S32(10), S8(1), S8(10), S32(10), S32(10)},
     .n_in = 7, FACTORS, .sets = {TWICE, OP_SET("groups", 2), OP_SET_INTS("pads", 1, 1, 0, 1)}},
    {.name = "requant_computed_factors",
     .in = {S8(1, 4, 4, 6), S8(18, 3, 3, 6), S32(18), S8(1), {0}, S32(18), S32(18), S32(18)}, .n_in = 8,
     .const_mask = 2, .absent_mask = 16, FACTORS, .sets = {DOUBLE}},
};

static const char *const more_numerics[] = {OP_WINOGRAD_2, OP_WINOGRAD_4, NULL};

const oc_op oc_op_conv2d = {
    .name = "conv2d",
    .help = "x [N,H,W,C], w [O,KH,KW,C/G], bias [O], x_zero, w_zero, multiplier, shift, low (optional) -> [N,OH,OW,O]",
    .attrs_size = sizeof(oc_op_conv_attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 2,
    .in_max = OP_REQUANT_IN_MAX,
    .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_8BIT,
    .numerics = "direct",
    .more_numerics = more_numerics,
    .choose_numerics = oc_op_conv2d_numerics,
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
/* clang-format on */
