/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conv2d by Winograd's method (kernels-cl/winograd.h): windows of 3x3 at stride 1, one group, constant
 * float weights.
 *
 * Numerics "winogradM", M = 2 or 4: the output is cut into tiles of M x M, the first at its first
 * row and column. Of each tile and channel, with N = M + 2:
 *   v = B^T d B of the N x N inputs below it (0 outside the input): first along each row, then
 *   along each column; u = G w G^T in double, first along columns, each sum from its first term to
 *   its last, rounded to float once; for each of the N x N: s = +0, for ci ascending s = fma(v, u,
 *   s); y = A^T s A: first along each column, then along each row; then bias and activation.
 * A tile's bits depend on nothing but its own N x N inputs.
 */
#include "op_conv.h"
#include "winograd.h"

#define SIDE_MAX OC_WINOGRAD_SIDE_MAX
#define WINDOW 3

/* All numbers of the three steps. */
typedef struct plan {
    int32_t m, side;
    int32_t th, tw; /* tiles along the axes of an image */
    int32_t tiles;  /* of all images */
} plan;

static int32_t tile_side(const oc_op_call *call)
{
    return strcmp(call->numerics, OP_WINOGRAD_2) == 0   ? 2
           : strcmp(call->numerics, OP_WINOGRAD_4) == 0 ? 4
                                                        : 0;
}

bool oc_op_is_winograd(const oc_op_call *call)
{
    return tile_side(call) != 0;
}

static plan plan_of(const oc_op_call *call, const oc_op_conv *s)
{
    plan p = {.m = tile_side(call)};
    p.side = OC_WINOGRAD_SIDE(p.m);
    p.th = oc_op_ceil_div(s->g.oh, p.m);
    p.tw = oc_op_ceil_div(s->g.ow, p.m);
    p.tiles = s->g.n * p.th * p.tw;
    return p;
}

void oc_op_winograd_halo(const oc_op_call *call, oc_box *out)
{
    int32_t m = tile_side(call);
    for (int d = 1; d <= 2; d++) {
        out->from[d] = out->from[d] / m * m;
        out->to[d] = OC_MIN(oc_op_ceil_div(out->to[d], m) * m, call->out[0]->shape.dim[d]);
    }
}

/* ---- which class ----------------------------------------------------------------------------- */

static bool is_possible(const oc_op_call *call, const oc_op_conv *s)
{
    const oc_op_geometry *g = &s->g;
    /* Of the larger class, so that both are possible or none; the scratch buffers are no larger. */
    double weights = (double)SIDE_MAX * SIDE_MAX * g->c * (s->o + oc_op_pack_width(s));
    return !oc_op_is_int(call) && weights <= OC_OP_LAUNCH_ELEMS && call->is_const[OP_W] &&
           (!s->has_bias || call->is_const[OP_BIAS]) && s->groups == 1 && g->kh == WINDOW &&
           g->kw == WINDOW && g->sh == 1 && g->sw == 1 && g->dh == 1 && g->dw == 1;
}

/*
 * What one image costs, in multiply-adds: those of the products; a float of weights, which is
 * fetched once an image and from memory, as WEIGHT of them; an element of a tile on its way through
 * the first or the last step as MOVE. Fitted to what was measured (docs/performance.md).
 */
static double expense(const oc_op_conv *s, int32_t m)
{
    enum { WEIGHT = 32, MOVE = 24 };
    double c = s->g.c, o = s->o;
    if (m == 0)
        return (double)s->g.oh * s->g.ow * WINDOW * WINDOW * c * o + WEIGHT * 9.0 * c * o;
    double side = OC_WINOGRAD_SIDE(m);
    double tiles = (double)oc_op_ceil_div(s->g.oh, m) * oc_op_ceil_div(s->g.ow, m);
    return side * side * (tiles * (c * o + MOVE * (c + o)) + WEIGHT * c * o);
}

const char *oc_op_conv2d_numerics(const oc_op_call *call, const char *wanted)
{
    oc_op_conv s;
    if (oc_op_conv2d_set(call, &s) != OC_OK || !is_possible(call, &s))
        return call->op->numerics;
    if (wanted)
        return wanted;
    double direct = expense(&s, 0), two = expense(&s, 2), four = expense(&s, 4);
    if (direct <= OC_MIN(two, four))
        return call->op->numerics;
    return two <= four ? OP_WINOGRAD_2 : OP_WINOGRAD_4;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* u = G w G^T of output channel `o` and input channel `c`. */
static void transform_weights(const oc_op_conv *s, int32_t m, const float *w, size_t o, size_t c,
                              float *u)
{
    static const double two[][WINDOW] = {{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    static const double four[][WINDOW] = {{1, 0, 0},
                                          {1.0 / 3, 1.0 / 3, 1.0 / 3},
                                          {-1.0 / 3, 1.0 / 3, -1.0 / 3},
                                          {-16.0 / 15, -8.0 / 15, -4.0 / 15},
                                          {1.0 / 15, -2.0 / 15, 4.0 / 15},
                                          {0, 0, 1}};
    const double(*g)[WINDOW] = m == 2 ? two : four;
    size_t side = (size_t)OC_WINOGRAD_SIDE(m), next = (size_t)s->cg;
    double half[SIDE_MAX][WINDOW];
    w += o * WINDOW * WINDOW * next + c;
    for (size_t i = 0; i < side; i++)
        for (size_t k = 0; k < WINDOW; k++)
            half[i][k] = (g[i][0] * (double)w[k * next] + g[i][1] * (double)w[(3 + k) * next]) +
                         g[i][2] * (double)w[(6 + k) * next];
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++)
            u[i * side + j] =
                (float)((half[i][0] * g[j][0] + half[i][1] * g[j][1]) + half[i][2] * g[j][2]);
}

/* w [O,3,3,C] -> [N*N][packs][C][width] */
static oc_status pack_weights(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    OC_TRY(oc_op_conv2d_set(call, &s));
    const int32_t m = tile_side(call);
    size_t width = (size_t)oc_op_pack_width(&s), c_end = (size_t)s.cg, o_end = (size_t)s.o;
    size_t frequencies = (size_t)(OC_WINOGRAD_SIDE(m) * OC_WINOGRAD_SIDE(m));
    size_t next = oc_align_up(o_end, width) * c_end;
    if (o_end % width != 0)
        memset(dst, 0, dst_bytes);
    for (size_t o = 0; o < o_end; o++)
        for (size_t c = 0; c < c_end; c++) {
            float u[SIDE_MAX * SIDE_MAX];
            float *to = (float *)dst + (o / width * c_end + c) * width + o % width;
            transform_weights(&s, m, src, o, c, u);
            for (size_t f = 0; f < frequencies; f++)
                to[f * next] = u[f];
        }
    return OC_OK;
}

/* ---- reference ------------------------------------------------------------------------------- */

enum { TILES = 8, OUTPUTS = 8 }; /* computed together, so that a transform serves several products */

static void to_input(int32_t m, const float *d, float *t)
{
    if (m == 2)
        oc_winograd2_input(d, t);
    else
        oc_winograd4_input(d, t);
}

static void to_output(int32_t m, const float *s, float *y)
{
    if (m == 2)
        oc_winograd2_output(s, y);
    else
        oc_winograd4_output(s, y);
}

static void transform_input(const oc_op_conv *s, const plan *p, const float *x, int32_t tile,
                            int32_t c, float *v)
{
    float half[SIDE_MAX][SIDE_MAX], d[SIDE_MAX], t[SIDE_MAX];
    int32_t n = tile / (p->tw * p->th);
    int32_t h_0 = tile / p->tw % p->th * p->m - s->g.pt, w_0 = tile % p->tw * p->m - s->g.pl;
    for (int32_t i = 0; i < p->side; i++) {
        for (int32_t j = 0; j < p->side; j++) {
            int32_t h = h_0 + i, w = w_0 + j;
            bool is_tap = h >= 0 && h < s->g.h && w >= 0 && w < s->g.w;
            size_t at = ((size_t)n * (size_t)s->g.h + (size_t)h) * (size_t)s->g.w + (size_t)w;
            d[j] = is_tap ? x[at * (size_t)s->g.c + (size_t)c] : 0.0f;
        }
        to_input(p->m, d, half[i]);
    }
    for (int32_t j = 0; j < p->side; j++) {
        for (int32_t i = 0; i < p->side; i++)
            d[i] = half[i][j];
        to_input(p->m, d, t);
        for (int32_t i = 0; i < p->side; i++)
            v[i * p->side + j] = t[i];
    }
}

static void transform_output(const oc_op_conv *s, const plan *p, const oc_op_act *act,
                             const float *sums, const float *bias, int32_t tile, int32_t o,
                             float *y)
{
    float half[SIDE_MAX][SIDE_MAX], d[SIDE_MAX], t[SIDE_MAX];
    int32_t row = tile / p->tw, h_0 = row % p->th * p->m, w_0 = tile % p->tw * p->m;
    for (int32_t j = 0; j < p->side; j++) {
        for (int32_t i = 0; i < p->side; i++)
            d[i] = sums[i * p->side + j];
        to_output(p->m, d, t);
        for (int32_t i = 0; i < p->m; i++)
            half[i][j] = t[i];
    }
    for (int32_t i = 0; i < p->m && h_0 + i < s->g.oh; i++) {
        to_output(p->m, half[i], t);
        size_t at = ((size_t)(row / p->th) * (size_t)s->g.oh + (size_t)(h_0 + i)) * (size_t)s->g.ow;
        for (int32_t j = 0; j < p->m && w_0 + j < s->g.ow; j++)
            y[(at + (size_t)(w_0 + j)) * (size_t)s->o + (size_t)o] =
                oc_op_act_eval(act, bias ? t[j] + bias[o] : t[j]);
    }
}

/* The products of `n_tiles` tiles from `tile` on with `n_outputs` channels from `o` on. */
static void multiply(const oc_op_conv *s, const plan *p, const float *x, const float *w,
                     int32_t tile, int32_t n_tiles, int32_t o, int32_t n_outputs,
                     float sums[TILES][OUTPUTS][SIDE_MAX * SIDE_MAX])
{
    float v[TILES][SIDE_MAX * SIDE_MAX], u[SIDE_MAX * SIDE_MAX];
    memset(sums, 0, sizeof(*sums) * TILES);
    for (int32_t c = 0; c < s->g.c; c++) {
        for (int32_t i = 0; i < n_tiles; i++)
            transform_input(s, p, x, tile + i, c, v[i]);
        for (int32_t j = 0; j < n_outputs; j++) {
            transform_weights(s, p->m, w, (size_t)(o + j), (size_t)c, u);
            for (int32_t i = 0; i < n_tiles; i++)
                for (int32_t f = 0; f < p->side * p->side; f++)
                    sums[i][j][f] = fmaf(v[i][f], u[f], sums[i][j][f]);
        }
    }
}

void oc_op_winograd_reference(const oc_op_call *call, const oc_op_conv *s, const void *const *in,
                              void *const *out)
{
    const oc_op_conv_attrs *a = call->attrs;
    const float *bias = s->has_bias ? in[OP_BIAS] : NULL;
    const plan p = plan_of(call, s);
    for (int32_t tile = 0; tile < p.tiles; tile += TILES)
        for (int32_t o = 0; o < s->o; o += OUTPUTS) {
            float sums[TILES][OUTPUTS][SIDE_MAX * SIDE_MAX];
            int32_t n_tiles = OC_MIN(TILES, p.tiles - tile), n_outputs = OC_MIN(OUTPUTS, s->o - o);
            multiply(s, &p, in[OP_X], in[OP_W], tile, n_tiles, o, n_outputs, sums);
            for (int32_t i = 0; i < n_tiles; i++)
                for (int32_t j = 0; j < n_outputs; j++)
                    transform_output(s, &p, &a->act, sums[i][j], bias, tile + i, o + j, out[0]);
        }
}

/* ---- launch ---------------------------------------------------------------------------------- */

/* The buffers between the steps, and what the product takes at once. */
typedef struct strip {
    int32_t tiles; /* a multiple of tile.rows */
    oc_op_tile tile;
    oc_op_chunks channels; /* of a work-item of the first step */
    oc_op_packing packing;
    oc_launch_arg v, sums, weights;
} strip;

static oc_status buffer_set(size_t floats_a, size_t floats_b, size_t floats_c, size_t *bytes)
{
    OC_TRY(oc_mul_size(floats_a, floats_b, bytes));
    OC_TRY(oc_mul_size(*bytes, floats_c, bytes));
    return oc_mul_size(*bytes, sizeof(float), bytes);
}

/* Tiles of a strip whose two buffers take at most `room` floats: all strips about as large. */
static int32_t strip_tiles(const plan *p, size_t floats_of_tile, size_t room)
{
    size_t most = OC_MAX(room / floats_of_tile, (size_t)1);
    int32_t tiles = (int32_t)OC_MIN(most, (size_t)p->tiles);
    return oc_op_ceil_div(p->tiles, oc_op_ceil_div(p->tiles, tiles));
}

/*
 * As many tiles as keep both buffers about as large as the weights, which every strip reads anew, or
 * as what a core's cache holds. Choice: strip.
 */
static int32_t strip_choose(oc_launch_list *list, const plan *p, size_t c, size_t packed)
{
    enum { CACHE = 1 << 20 }; /* floats */
    size_t frequencies = (size_t)(p->side * p->side), of_tile = frequencies * (c + packed);
    size_t room = OC_MAX((size_t)CACHE, frequencies * c * packed);
    const int32_t others[] = {
        strip_tiles(p, of_tile, room / 4), strip_tiles(p, of_tile, room / 2),
        strip_tiles(p, of_tile, OC_MIN(2 * room, (size_t)OC_OP_LAUNCH_ELEMS))};
    return oc_launch_choose(list, "strip", strip_tiles(p, of_tile, room), others,
                            OC_COUNT(others));
}

static oc_status strip_set(const oc_op_conv *s, const plan *p, const oc_traits *traits,
                           oc_launch_list *list, strip *made)
{
    size_t frequencies = (size_t)(p->side * p->side), c = (size_t)s->g.c, packed;
    strip r = {.v = {.kind = OC_ARG_SCRATCH, .index = 0},
               .sums = {.kind = OC_ARG_SCRATCH, .index = 1},
               .weights = {.kind = OC_ARG_PACKED, .index = OP_W, .pack = pack_weights}};
    OC_TRY(oc_op_packing_set(s, &r.packing));
    packed = (size_t)r.packing.packs * (size_t)r.packing.width;
    int32_t tiles = strip_choose(list, p, c, packed);
    r.tile = oc_op_tile_choose(list, traits, tiles, r.packing.width);
    r.channels = oc_op_channels_choose(list, traits, c, OC_OP_CHUNK);
    r.tiles = oc_op_ceil_div(tiles, r.tile.rows) * r.tile.rows;
    OC_TRY(buffer_set(frequencies, (size_t)r.tiles, c, &r.v.bytes));
    OC_TRY(buffer_set(frequencies, (size_t)r.tiles, packed, &r.sums.bytes));
    OC_TRY(buffer_set(frequencies, c, packed, &r.weights.bytes));
    *made = r;
    return OC_OK;
}

/* What all three kernels need. */
static oc_status begin(const oc_op_conv *s, const plan *p, const strip *r, oc_launch_list *list,
                       const char *kernel, const char *define, oc_launch **launch)
{
    OC_TRY(oc_launch_add(list, "conv2d_winograd", kernel, launch));
    return oc_launch_define(*launch, "-D%s -DC=%d -DO=%d -DM=%d -DSTRIP=%d -DTH=%d -DTW=%d", define,
                            s->g.c, s->o, p->m, r->tiles, p->th, p->tw);
}

static oc_status launch_input(const oc_op_conv *s, const plan *p, const strip *r, int32_t first,
                              int32_t count, const oc_traits *traits, oc_launch_list *list)
{
    oc_launch *l;
    OC_TRY(begin(s, p, r, list, "winograd_input", "WINOGRAD_INPUT", &l));
    OC_TRY(oc_launch_define(l, "-DH=%d -DW=%d -DPT=%d -DPL=%d", s->g.h, s->g.w, s->g.pt, s->g.pl));
    OC_TRY(oc_op_define_chunks(l, &r->channels));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_X});
    oc_launch_arg_add(l, r->v);
    oc_launch_range(l, r->channels.chunks, (size_t)count, 1);
    l->offset[1] = (size_t)first;
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_product(const oc_op_conv *s, const plan *p, const strip *r, int32_t count,
                                const oc_traits *traits, oc_launch_list *list)
{
    oc_launch *l;
    size_t packed = (size_t)r->packing.packs * (size_t)r->packing.width;
    OC_TRY(begin(s, p, r, list, "winograd_product", "WINOGRAD_PRODUCT", &l));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DPACKS=%d -DLANES=%d -DVECTORS=%d -DTILE=%d",
                            r->packing.width, r->packing.packs, r->tile.lanes, r->tile.vectors,
                            r->tile.rows));
    oc_launch_arg_add(l, r->v);
    oc_launch_arg_add(l, r->weights);
    oc_launch_arg_add(l, r->sums);
    oc_launch_range(l, (size_t)oc_op_ceil_div(count, r->tile.rows),
                    packed / (size_t)(r->tile.lanes * r->tile.vectors),
                    (size_t)(p->side * p->side));
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_output(const oc_op_call *call, const oc_op_conv *s, const plan *p,
                               const strip *r, int32_t first, int32_t count,
                               const oc_traits *traits, oc_launch_list *list)
{
    const oc_op_conv_attrs *a = call->attrs;
    oc_launch *l;
    OC_TRY(begin(s, p, r, list, "winograd_output", "WINOGRAD_OUTPUT", &l));
    OC_TRY(oc_launch_define(l, "-DOH=%d -DOW=%d -DLANES=%d -DPACKED=%d -DHAS_BIAS=%d", s->g.oh,
                            s->g.ow, r->tile.lanes, r->packing.packs * r->packing.width,
                            s->has_bias));
    OC_TRY(oc_op_define_act(l, &a->act));
    oc_launch_arg_add(l, r->sums);
    if (s->has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = OP_BIAS,
                                             .bytes = r->packing.bias_elems * sizeof(float),
                                             .pack = oc_op_conv2d_pack_bias});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)oc_op_ceil_div(s->o, r->tile.lanes), (size_t)count, 1);
    l->offset[1] = (size_t)first;
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

oc_status oc_op_winograd_launch(const oc_op_call *call, const oc_op_conv *s,
                                const oc_traits *traits, oc_launch_list *list)
{
    const plan p = plan_of(call, s);
    strip r;
    OC_TRY(strip_set(s, &p, traits, list, &r));
    for (int32_t first = 0; first < p.tiles; first += r.tiles) {
        int32_t count = OC_MIN(r.tiles, p.tiles - first);
        OC_TRY(launch_input(s, &p, &r, first, count, traits, list));
        OC_TRY(launch_product(s, &p, &r, count, traits, list));
        OC_TRY(launch_output(call, s, &p, &r, first, count, traits, list));
    }
    return OC_OK;
}
