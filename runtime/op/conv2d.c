/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conv2d: x [N,H,W,C], w [O,KH,KW,C/G], bias [O] (optional) -> [N,OH,OW,O].
 *
 * Group g makes output channels g O/G ... from input channels g C/G ...; groups = C is a depthwise
 * convolution. OH = floor((H + top + bottom - ((KH-1) dh + 1)) / sh) + 1, likewise OW.
 *
 * Numerics "direct": acc = +0; for kh, kw, ci ascending: acc = fma(x, w, acc), where x = 0 outside
 * the input; y = acc + bias (acc itself without a bias); then the activation.
 */
#include "op_common.h"

typedef struct attrs {
    oc_op_window window;
    int32_t groups;
    oc_op_act act;
} attrs;

static const oc_attr rows[] = {
    OP_ATTR_STRIDES(attrs),
    OP_ATTR_DILATIONS(attrs),
    OP_ATTR_PADS(attrs),
    {.name = "groups",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, groups),
     .initial = 1,
     .min = 1,
     .max = INT32_MAX,
     .help = "input and output channels fall into so many independent groups"},
    OP_ATTR_ACT(attrs),
};

/* All numbers of the loop nest. */
typedef struct sizes {
    oc_op_geometry g;
    int32_t groups, o; /* output channels */
    int32_t cg, og;    /* input and output channels of a group */
    bool has_bias;
} sizes;

static oc_status sizes_set(const oc_op_call *call, sizes *s)
{
    const attrs *a = call->attrs;
    const oc_shape *w = &call->in[1]->shape;
    OC_TRY(oc_op_check_rank(call, 1, 4, 4));
    OC_TRY(oc_op_geometry_set(call, &a->window, w->dim[1], w->dim[2], &s->g));
    s->o = w->dim[0];
    s->groups = a->groups;
    s->has_bias = oc_op_has(call, 2);
    if (s->groups < 1 || s->g.c % s->groups != 0 || s->o % s->groups != 0)
        return oc_fail(OC_E_SHAPE,
                       "%s: expected groups of conv2d to divide %d input and %d output channels, "
                       "found %d groups",
                       call->name, s->g.c, s->o, s->groups);
    s->cg = s->g.c / s->groups;
    s->og = s->o / s->groups;
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    sizes s;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_check_dim(call, 1, 3, s.cg, "input channels per group"));
    if (s.has_bias) {
        OC_TRY(oc_op_check_rank(call, 2, 1, 1));
        OC_TRY(oc_op_check_dim(call, 2, 0, s.o, "output channels"));
    }
    out[0] = (oc_desc){OC_DTYPE_float32, {4, {s.g.n, s.g.oh, s.g.ow, s.o}}};
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    const attrs *a = call->attrs;
    sizes s;
    OC_TRY(sizes_set(call, &s));
    OC_TRY(oc_op_cost_io(call, cost));
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    cost->macs = elems * (uint64_t)s.g.kh * (uint64_t)s.g.kw * (uint64_t)s.cg;
    cost->ops = elems * ((s.has_bias ? 1u : 0u) + (a->act.fn != OC_UNARY_none ? 1u : 0u));
    return OC_OK;
}

/* ---- reference --------------------------------------------------------------------------------- */

/* The output channels [o, o + count) of one output pixel, all of one group. */
static void pixel(const sizes *s, const float *x, const float *w, int32_t n, int32_t oh, int32_t ow,
                  int32_t o, int32_t count, float *acc)
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
            const float *tap = x + at * (size_t)g->c + (size_t)(o / s->og) * cg;
            oc_op_dot(is_inside ? tap : NULL, cg, w, taps, 1, count, acc);
        }
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const float *bias = oc_op_has(call, 2) ? in[2] : NULL;
    float *y = out[0];
    sizes s;
    OC_TRY(sizes_set(call, &s));
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

/* ---- launch ------------------------------------------------------------------------------------ */

/* How many output channels of a group lie side by side in the packed weights: no more than 32, and not far more than there are. */
static int32_t pack_width(const sizes *s)
{
    return s->og <= 8 ? 8 : s->og <= 16 ? 16 : 32;
}

static int32_t ceil_div(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a + b - 1) / b);
}

/* w [O,KH,KW,CG] -> [G][packs][KH*KW*CG][pack], missing channels zero, then CG zeros. */
static oc_status pack_tile(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    OC_TRY(sizes_set(call, &s));
    size_t taps = (size_t)s.g.kh * (size_t)s.g.kw * (size_t)s.cg;
    int32_t pack = pack_width(&s);
    float *to = dst;
    memset(dst, 0, dst_bytes);
    for (int32_t g = 0; g < s.groups; g++)
        for (int32_t o = 0; o < s.og; o += pack) {
            const float *from = (const float *)src + (size_t)(g * s.og + o) * taps;
            int32_t count = OC_MIN(pack, s.og - o);
            for (size_t k = 0; k < taps; k++, to += pack)
                for (int32_t j = 0; j < count; j++)
                    to[j] = from[(size_t)j * taps + k];
        }
    return OC_OK;
}

/* bias [O] -> [G][packs][pack] */
static oc_status pack_bias(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    OC_TRY(sizes_set(call, &s));
    int32_t pack = pack_width(&s);
    float *to = dst;
    memset(dst, 0, dst_bytes);
    for (int32_t g = 0; g < s.groups; g++)
        for (int32_t o = 0; o < s.og; o += pack, to += pack)
            memcpy(to, (const float *)src + (size_t)g * (size_t)s.og + (size_t)o,
                   (size_t)OC_MIN(pack, s.og - o) * sizeof(float));
    return OC_OK;
}

/* w [C,KH,KW,1] -> [KH*KW][C] */
static oc_status pack_depthwise(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    sizes s;
    (void)dst_bytes;
    OC_TRY(sizes_set(call, &s));
    size_t taps = (size_t)s.g.kh * (size_t)s.g.kw, c = (size_t)s.g.c;
    for (size_t k = 0; k < taps; k++)
        for (size_t i = 0; i < c; i++)
            ((float *)dst)[k * c + i] = ((const float *)src)[i * taps + k];
    return OC_OK;
}

/* A 1x1 window that visits every pixel once sees no rows: one long row makes full tiles. */
static void flatten(oc_op_geometry *g)
{
    int64_t pixels = (int64_t)g->n * g->h * g->w;
    if (g->kh != 1 || g->kw != 1 || g->oh != g->h || g->ow != g->w || g->sh != 1 || g->sw != 1 ||
        g->pt != 0 || g->pl != 0 || pixels > INT32_MAX / 2)
        return;
    g->w = g->ow = (int32_t)pixels;
    g->n = g->h = g->oh = 1;
}

/* Pixels per tile, of at most `max`: the least work for a row, where a tile costs one pixel more than it has, and at least four for the latency of fma. */
static int32_t choose_tile(int32_t ow, int32_t max)
{
    int32_t best = 1;
    int64_t best_cost = INT64_MAX;
    for (int32_t tile = 1; tile <= max; tile++) {
        int64_t cost = (int64_t)ceil_div(ow, tile) * (OC_MAX(tile, 4) + 1);
        if (cost <= best_cost) {
            best = tile;
            best_cost = cost;
        }
    }
    return best;
}

/* No tap of a tile reaches outside the input, not even those of a tile that is wider than the rest of its row. */
static bool is_all_inside(const oc_op_geometry *g, int32_t tile)
{
    int64_t last_h = (int64_t)(g->oh - 1) * g->sh + (int64_t)(g->kh - 1) * g->dh - g->pt;
    int64_t tiles_w = (int64_t)ceil_div(g->ow, tile) * tile;
    int64_t last_w = (tiles_w - 1) * g->sw + (int64_t)(g->kw - 1) * g->dw - g->pl;
    return g->pt == 0 && g->pl == 0 && last_h < g->h && last_w < g->w;
}

/* What all three kernels need. */
static oc_status begin(const oc_op_call *call, const sizes *s, oc_launch_list *list,
                       const char *kernel, const char *define, oc_launch **launch)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_launch_add(list, "conv2d", kernel, launch));
    OC_TRY(oc_op_define_geometry(*launch, &s->g));
    OC_TRY(oc_op_define_act(*launch, &a->act));
    return oc_launch_define(*launch, "-D%s -DO=%d -DG=%d -DHAS_BIAS=%d", define, s->o, s->groups,
                            s->has_bias);
}

static oc_status launch_tile(const oc_op_call *call, const oc_traits *traits, sizes s,
                             oc_launch_list *list)
{
    size_t w_elems, w_bytes;
    oc_launch *l;
    int32_t pack = pack_width(&s), packs = ceil_div(s.og, pack);
    /* Vectors of a block and pixels of a tile, so that a CPU's registers hold all accumulators
     * (32 of 16 lanes, 16 of fewer). */
    int32_t lanes = traits->vector_floats >= 16 ? 16 : traits->vector_floats >= 8 ? 8 : 4;
    lanes = OC_MIN(lanes, pack);
    int32_t vectors = traits->is_cpu ? OC_MIN(2, pack / lanes) : 1;
    int32_t blocks = ceil_div(s.og, lanes * vectors);
    flatten(&s.g);
    int32_t tile = choose_tile(s.g.ow, !traits->is_cpu ? 4 : lanes == 16 ? 14 : 6);

    OC_TRY(begin(call, &s, list, "conv2d_tile", "CONV2D_TILE", &l));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DPACKS=%d -DLANES=%d -DVECTORS=%d -DBLOCKS=%d", pack,
                            packs, lanes, vectors, blocks));
    OC_TRY(oc_launch_define(l, "-DTILE=%d -DIS_INSIDE=%d", tile, is_all_inside(&s.g, tile)));
    OC_TRY(oc_mul_size((size_t)s.groups * (size_t)packs, (size_t)pack, &w_elems));
    OC_TRY(oc_mul_size(w_elems * sizeof(float), (size_t)s.g.kh * (size_t)s.g.kw * (size_t)s.cg,
                       &w_bytes));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = 1,
                                         .bytes = w_bytes + (size_t)s.cg * sizeof(float),
                                         .pack = pack_tile});
    if (s.has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = 2,
                                             .bytes = w_elems * sizeof(float),
                                             .pack = pack_bias});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)ceil_div(s.g.ow, tile), (size_t)s.g.n * (size_t)s.g.oh,
                    (size_t)s.groups * (size_t)blocks);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_depthwise(const oc_op_call *call, const oc_traits *traits, const sizes *s,
                                  oc_launch_list *list)
{
    oc_launch *l;
    int32_t lanes = 1, max = (int32_t)OC_MIN(traits->vector_floats, 16u);
    while (lanes * 2 <= OC_MIN(max, s->g.c))
        lanes *= 2;
    /* A CPU's work-item walks over enough channels to be worth starting; its rows make the parallelism. */
    int32_t chunk = traits->is_cpu ? 8 * lanes : lanes;
    int32_t chunks = OC_MAX(s->g.c / chunk, 1);
    int32_t tile = choose_tile(s->g.ow, traits->is_cpu ? 7 : 2);

    OC_TRY(begin(call, s, list, "conv2d_depthwise", "CONV2D_DEPTHWISE", &l));
    OC_TRY(oc_launch_define(l, "-DLANES=%d -DTILE=%d -DCHUNK=%d -DCHUNKS=%d", lanes, tile, chunk,
                            chunks));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = 1,
                                         .bytes = oc_op_elems(&call->in[1]->shape) * sizeof(float),
                                         .pack = pack_depthwise});
    if (s->has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 2});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)chunks, (size_t)ceil_div(s->g.ow, tile),
                    (size_t)s->g.n * (size_t)s->g.oh);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_plain(const oc_op_call *call, const sizes *s, oc_launch_list *list)
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
    sizes s;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(sizes_set(call, &s));
    if (!call->is_const[1] || (s.has_bias && !call->is_const[2]))
        return launch_plain(call, &s, list);
    if (s.cg == 1 && s.og == 1)
        return launch_depthwise(call, traits, &s, list);
    return launch_tile(call, traits, s, list);
}

static const oc_op_case cases[] = {
    {.name = "basic", .in = {OP_F32(1, 5, 5, 3), OP_F32(4, 3, 3, 3), OP_F32(4)}, .n_in = 3, .const_mask = 6},
};

const oc_op oc_op_conv2d = {
    .name = "conv2d",
    .help = "x [N,H,W,C], w [O,KH,KW,C/G], bias [O] (optional) -> [N,OH,OW,O]",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 2,
    .in_max = 3,
    .n_out = 1,
    .numerics = "direct",
    .act_attr = "act",
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
