/* SPDX-License-Identifier: Apache-2.0 */
/** Products of 8-bit integers on devices that multiply bytes four at a time (conv2d_dot.cl). */
#include "op_conv.h"

#define LANES 16
#define SEEN_BYTES \
    (24 << 10) /* of x that a work-item copies: the part of a cache that it may take */
#define SEEN_BYTES_MAX (256 << 10) /* more is no work for this kernel */

/* The weights' layout. */
typedef struct layout {
    int32_t vectors, packs; /* of 16 channels; of `vectors` in a group */
    int32_t runs, run;      /* taps that lie side by side in x: so many, of so many bytes */
    size_t steps;           /* fours of a pack's taps */
    size_t bytes;
} layout;

/* The fewest vectors that hold no channel; three where two would leave one over. */
static int32_t choose_vectors(int32_t og)
{
    const int32_t all = oc_op_ceil_div(og, LANES);
    return all % 3 == 0 && all % 2 == 1 ? 3 : OC_MIN(all, 2);
}

static oc_status layout_set(const oc_op_conv *s, layout *made)
{
    const bool is_row = s->g.dw == 1 && s->groups == 1;
    layout l = {.vectors = choose_vectors(s->og)};
    size_t words, sums;
    l.packs = oc_op_ceil_div(s->og, l.vectors * LANES);
    l.run = is_row ? s->g.kw * s->cg : s->cg;
    l.runs = s->g.kh * (is_row ? 1 : s->g.kw);
    l.steps = (size_t)l.runs * (size_t)oc_op_ceil_div(l.run, 4);
    sums = (size_t)s->groups * (size_t)l.packs * (size_t)(l.vectors * LANES);
    OC_TRY(oc_mul_size(sums, l.steps, &words));
    OC_TRY(oc_add_size(words, sums + l.steps, &words));
    OC_TRY(oc_mul_size(words, 4, &l.bytes));
    *made = l;
    return OC_OK;
}

/* Bytes of x that a work-item of `tile` pixels keeps (ROW of the kernel, KH times). */
static int64_t seen_bytes(const oc_op_conv *s, int32_t tile)
{
    const oc_op_geometry *g = &s->g;
    const int64_t span = (int64_t)(tile - 1) * g->sw + (int64_t)(g->kw - 1) * g->dw + 1;
    return (span * s->cg + 3 + 63) / 64 * 64 * g->kh;
}

bool oc_op_dot_fits(const oc_op_conv *s, const oc_traits *traits)
{
    layout l;
    return traits->dot8 != OC_DOT8_NONE && seen_bytes(s, 1) <= SEEN_BYTES_MAX &&
           layout_set(s, &l) == OC_OK && l.bytes <= OC_OP_LAUNCH_ELEMS;
}

/* What makes an element of the weights signed: it is added to bytes that are not, modulo 2^8. */
static uint8_t w_flip(const oc_op_call *call)
{
    return call->in[OP_W]->dtype == OC_DTYPE_uint8 ? 128 : 0;
}

/* ---- packing -------------------------------------------------------------------------------- */

/* Element (channel j, tap i) of a group is data[j * next_j + i * next_i] ^ flip. */
typedef struct weights {
    const uint8_t *data;
    size_t next_j, next_i;
    uint8_t flip;
} weights;

/* One pack: the channels from `first` on of a group. */
static void pack_one(const oc_op_conv *s, const layout *l, const weights *w, int32_t first,
                     int8_t *dst, int32_t *sums)
{
    const int32_t width = l->vectors * LANES, fours = oc_op_ceil_div(l->run, 4);
    const int32_t count = OC_MIN(width, s->og - first);
    memset(sums, 0, (size_t)width * sizeof(*sums));
    memset(dst, 0, l->steps * (size_t)width * 4);
    for (int32_t i = 0; i < l->runs * l->run; i++) {
        const size_t step = (size_t)(i / l->run) * (size_t)fours + (size_t)(i % l->run / 4);
        int8_t *at = dst + step * (size_t)width * 4 + i % l->run % 4;
        for (int32_t j = 0; j < count; j++) {
            const size_t from = (size_t)(first + j) * w->next_j + (size_t)i * w->next_i;
            const int8_t value = (int8_t)(w->data[from] ^ w->flip);
            at[j * 4] = value;
            sums[j] += value;
        }
    }
}

oc_status oc_op_pack_dot(const oc_op_call *call, const oc_op_conv *s, const uint8_t *data,
                         size_t next_j, size_t next_i, void *dst)
{
    weights w = {data, next_j, next_i, w_flip(call)};
    layout l;
    OC_TRY(layout_set(s, &l));
    const size_t width = (size_t)(l.vectors * LANES), packs = (size_t)s->groups * (size_t)l.packs;
    int8_t *bytes = dst;
    int32_t *sums = (int32_t *)dst + packs * l.steps * width;
    uint8_t *ones = (uint8_t *)(sums + packs * width);
    for (int32_t g = 0; g < s->groups; g++, w.data += (size_t)s->og * w.next_j)
        for (int32_t p = 0; p < l.packs; p++) {
            pack_one(s, &l, &w, p * (int32_t)width, bytes, sums);
            bytes += l.steps * width * 4;
            sums += width;
        }
    for (int32_t r = 0; r < l.runs; r++, ones += oc_op_ceil_div(l.run, 4) * 4)
        for (int32_t i = 0; i < oc_op_ceil_div(l.run, 4) * 4; i++)
            ones[i] = i < l.run;
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

/* As many pixels as registers hold, and as the copy has room for. */
static int32_t choose_tile(const oc_op_conv *s, int32_t vectors)
{
    static const int32_t most[] = {0, 24, 14, 8}; /* by vectors */
    int32_t tile = oc_op_conv_run(s->g.ow, most[vectors]);
    while (tile > 1 && seen_bytes(s, tile) > SEEN_BYTES)
        tile = oc_op_conv_run(s->g.ow, tile - 1);
    return tile;
}

/* What both kernels need. */
static oc_status begin(const oc_op_call *call, const oc_op_conv *s, const oc_op_requant *requant,
                       const oc_traits *traits, const char *kernel, const char *define,
                       oc_launch_list *list, oc_launch **launch)
{
    OC_TRY(oc_launch_add(list, "conv2d_dot", kernel, launch));
    OC_TRY(oc_op_define_geometry(*launch, &s->g));
    OC_TRY(oc_op_define_int(call, *launch));
    OC_TRY(oc_op_define_requant(call, requant, *launch));
    return oc_launch_define(*launch, "-D%s -DO=%d -DG=%d -DDOT8=%d -DW_FLIP=%d", define, s->o,
                            s->groups, (int)traits->dot8, w_flip(call));
}

oc_status oc_op_launch_dot(const oc_op_call *call, const oc_op_conv *conv,
                           const oc_op_requant *requant, oc_op_packer *pack,
                           const oc_traits *traits, oc_launch_list *list)
{
    oc_op_conv s = *conv;
    layout p;
    oc_launch *l;
    OC_TRY(layout_set(&s, &p));
    oc_op_conv_flatten(&s.g);
    const int32_t tile = choose_tile(&s, p.vectors), tiles = oc_op_ceil_div(s.g.ow, tile);
    const int64_t items = (int64_t)tiles * s.g.n * s.g.oh * s.groups;
    /* Packs share what was copied, unless there is too little else for the device's threads. */
    const int32_t chunk = items >= 4 * (int64_t)traits->compute_units ? p.packs : 1;
    const int32_t chunks = oc_op_ceil_div(p.packs, chunk);

    OC_TRY(begin(call, &s, requant, traits, "conv2d_dot_tile", "CONV2D_DOT_TILE", list, &l));
    OC_TRY(oc_launch_define(l,
                            "-DLANES=%d -DVECTORS=%d -DPACKS=%d -DTILE=%d -DCHUNK=%d -DCHUNKS=%d",
                            LANES, p.vectors, p.packs, tile, chunk, chunks));
    oc_op_launch_args_int(call, l);
    l->args[1] =
        (oc_launch_arg){.kind = OC_ARG_PACKED, .index = OP_W, .bytes = p.bytes, .pack = pack};
    oc_launch_range(l, (size_t)tiles, (size_t)s.g.n * (size_t)s.g.oh,
                    (size_t)s.groups * (size_t)chunks);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* ---- depthwise ------------------------------------------------------------------------------ */

#define KW_MAX 8 /* columns of a window whose weights stay in registers */

bool oc_op_dot_fits_depthwise(const oc_op_call *call, const oc_op_conv *s, const oc_traits *traits)
{
    return traits->dot8 != OC_DOT8_NONE && s->g.c >= LANES && s->g.kw <= KW_MAX &&
           w_flip(call) == 0 && !oc_op_has(call, OP_W_ZERO);
}

/* w [C,KH,KW,1] -> [fours of KH][KW][C][4], then the sums of channels. */
static oc_status pack_depthwise(const oc_op_call *call, const void *src, void *dst,
                                size_t dst_bytes)
{
    oc_op_conv s;
    OC_TRY(oc_op_conv2d_set(call, &s));
    const int8_t *w = src;
    const size_t kh = (size_t)s.g.kh, kw = (size_t)s.g.kw, c = (size_t)s.g.c;
    int8_t *bytes = dst;
    int32_t *sums = (int32_t *)dst + (kh + 3) / 4 * kw * c;
    memset(dst, 0, dst_bytes);
    for (size_t j = 0; j < c; j++)
        for (size_t h = 0; h < kh; h++)
            for (size_t i = 0; i < kw; i++, w++) {
                bytes[((h / 4 * kw + i) * c + j) * 4 + h % 4] = *w;
                sums[j] += *w;
            }
    return OC_OK;
}

oc_status oc_op_launch_dot_depthwise(const oc_op_call *call, const oc_op_conv *s,
                                     const oc_op_requant *requant, const oc_traits *traits,
                                     oc_launch_list *list)
{
    const oc_op_chunks c = oc_op_chunks_choose(traits, (size_t)s->g.c, 8 * LANES);
    const int32_t tile = oc_op_conv_run(s->g.ow, 7);
    const size_t words = ((size_t)s->g.kh + 3) / 4 * (size_t)s->g.kw + 1;
    oc_launch *l;
    OC_TRY(
        begin(call, s, requant, traits, "conv2d_dot_depthwise", "CONV2D_DOT_DEPTHWISE", list, &l));
    OC_TRY(oc_op_define_chunks(l, &c));
    OC_TRY(oc_launch_define(l, "-DTILE=%d", tile));
    oc_op_launch_args_int(call, l);
    l->args[1] = (oc_launch_arg){.kind = OC_ARG_PACKED,
                                 .index = OP_W,
                                 .bytes = words * (size_t)s->g.c * 4,
                                 .pack = pack_depthwise};
    oc_launch_range(l, c.chunks, (size_t)oc_op_ceil_div(s->g.ow, tile),
                    (size_t)s->g.n * (size_t)s->g.oh);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}
