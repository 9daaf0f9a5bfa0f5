/* SPDX-License-Identifier: Apache-2.0 */
/** The integer form of conv2d (op_product_int.h): its reference and its kernels. */
#include "op_conv.h"

/* ---- reference ------------------------------------------------------------------------------ */

/* Output channel o of one output pixel; taps outside the input add nothing. */
static uint32_t element(const oc_op_conv *s, oc_op_bytes x, int32_t x_zero, oc_op_bytes w,
                        int32_t w_zero, int32_t n, int32_t oh, int32_t ow, int32_t o)
{
    const oc_op_geometry *g = &s->g;
    size_t cg = (size_t)s->cg, w_at = (size_t)o * (size_t)g->kh * (size_t)g->kw * cg;
    uint32_t sum = 0;
    for (int32_t kh = 0; kh < g->kh; kh++) {
        int32_t h = oh * g->sh + kh * g->dh - g->pt;
        for (int32_t kw = 0; kw < g->kw; kw++, w_at += cg) {
            int32_t wi = ow * g->sw + kw * g->dw - g->pl;
            if (h < 0 || h >= g->h || wi < 0 || wi >= g->w)
                continue;
            size_t at = ((size_t)n * (size_t)g->h + (size_t)h) * (size_t)g->w + (size_t)wi;
            size_t x_at = at * (size_t)g->c + (size_t)(o / s->og) * cg;
            sum += oc_op_dot_int(x, x_at, x_zero, w, w_at, 1, w_zero, cg);
        }
    }
    return sum;
}

void oc_op_conv2d_int_reference(const oc_op_call *call, const oc_op_conv *s, const void *const *in,
                                void *const *out)
{
    oc_op_bytes x = oc_op_bytes_of(call, in, OP_X), w = oc_op_bytes_of(call, in, OP_W);
    int32_t x_zero = oc_op_zero(call, in, OP_X_ZERO, 0);
    const uint32_t *bias = s->has_bias ? in[OP_BIAS] : NULL;
    const oc_op_conv_attrs *a = call->attrs;
    const oc_op_sums sums = oc_op_sums_of(call, &a->requant, in, out[0]);
    size_t i = 0;
    for (int32_t n = 0; n < s->g.n; n++)
        for (int32_t oh = 0; oh < s->g.oh; oh++)
            for (int32_t ow = 0; ow < s->g.ow; ow++)
                for (int32_t o = 0; o < s->o; o++) {
                    int32_t w_zero = oc_op_zero(call, in, OP_W_ZERO, (size_t)o);
                    uint32_t sum = element(s, x, x_zero, w, w_zero, n, oh, ow, o);
                    oc_op_sums_put(&sums, i++, (size_t)o, sum + (bias ? bias[o] : 0));
                }
}

/* ---- launch --------------------------------------------------------------------------------- */

/* What all three kernels need. */
static oc_status begin(const oc_op_call *call, const oc_op_conv *s, const oc_op_requant *requant,
                       oc_launch_list *list, const char *kernel, const char *define,
                       oc_launch **launch)
{
    OC_TRY(oc_launch_add(list, "conv2d_int", kernel, launch));
    OC_TRY(oc_op_define_geometry(*launch, &s->g));
    OC_TRY(oc_op_define_int(call, *launch));
    OC_TRY(oc_op_define_requant(call, requant, *launch));
    return oc_launch_define(*launch, "-D%s -DO=%d -DG=%d", define, s->o, s->groups);
}

/* x as floats into scratch buffer 0, with `zeros` zeros behind it. */
static oc_status launch_widen(const oc_op_call *call, const oc_traits *traits, int32_t zeros,
                              oc_launch_arg scratch, oc_launch_list *list)
{
    const size_t elems = oc_op_elems(&call->in[OP_X]->shape);
    oc_op_chunks c = oc_op_chunks_choose(traits, elems, 4096);
    oc_launch *l;
    if (elems + (size_t)zeros > OC_OP_LAUNCH_ELEMS)
        return oc_fail(OC_E_UNSUPPORTED,
                       "%s: kernels take at most %d elements, found %zu of input 0 and %d zeros",
                       call->name, OC_OP_LAUNCH_ELEMS, elems, zeros);
    OC_TRY(oc_launch_add(list, "widen", "widen", &l));
    OC_TRY(oc_op_define_int(call, l));
    OC_TRY(oc_launch_define(l, "-DZEROS=%d", zeros));
    OC_TRY(oc_op_define_chunks(l, &c));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_X});
    if (oc_op_has(call, OP_X_ZERO))
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_X_ZERO});
    oc_launch_arg_add(l, scratch);
    oc_launch_range(l, c.chunks, 1, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

bool oc_op_has_one_zero(const oc_op_call *call)
{
    return !oc_op_has(call, OP_X_ZERO) || oc_op_elems(&call->in[OP_X_ZERO]->shape) == 1;
}

oc_op_conv oc_op_conv_of_product(const oc_op_call *call, size_t m, size_t k, size_t n)
{
    int32_t rows = (int32_t)m, taps = (int32_t)k, columns = (int32_t)n;
    return (oc_op_conv){.g = {.n = 1,
                              .h = 1,
                              .w = rows,
                              .c = taps,
                              .kh = 1,
                              .kw = 1,
                              .sh = 1,
                              .sw = 1,
                              .dh = 1,
                              .dw = 1,
                              .oh = 1,
                              .ow = rows},
                        .groups = 1,
                        .o = columns,
                        .cg = taps,
                        .og = columns,
                        .has_bias = oc_op_has(call, OP_BIAS)};
}

void oc_op_pack_int(const oc_op_conv *s, const uint8_t *w, size_t next_j, size_t next_i,
                    uint8_t *dst)
{
    size_t taps = (size_t)s->g.kh * (size_t)s->g.kw * (size_t)s->cg, og = (size_t)s->og;
    size_t width = (size_t)oc_op_pack_width(s);
    for (int32_t g = 0; g < s->groups; g++, w += og * next_j)
        for (size_t j = 0; j < og; j += width)
            for (size_t i = 0; i < taps; i++)
                for (size_t c = j; c < j + width; c++)
                    *dst++ = c < og ? w[c * next_j + i * next_i] : 0;
}

static oc_status launch_tile(const oc_op_call *call, const oc_op_conv *conv,
                             const oc_op_requant *requant, oc_op_packer *pack,
                             const oc_traits *traits, oc_launch_list *list)
{
    oc_op_conv s = *conv;
    oc_launch_arg scratch = {.kind = OC_ARG_SCRATCH};
    oc_op_packing p;
    oc_launch *l;
    OC_TRY(oc_op_packing_set(&s, &p));
    OC_TRY(oc_add_size(oc_op_elems(&call->in[OP_X]->shape), (size_t)s.cg, &scratch.bytes));
    OC_TRY(oc_mul_size(scratch.bytes, sizeof(float), &scratch.bytes));
    OC_TRY(launch_widen(call, traits, s.cg, scratch, list));

    oc_op_conv_flatten(&s.g);
    oc_op_tile tile = oc_op_tile_choose(list, traits, s.g.ow, p.width);
    int32_t blocks = oc_op_ceil_div(s.og, tile.lanes * tile.vectors);
    OC_TRY(begin(call, &s, requant, list, "conv2d_int_tile", "CONV2D_INT_TILE", &l));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DPACKS=%d -DBLOCKS=%d", p.width, p.packs, blocks));
    OC_TRY(oc_launch_define(l, "-DLANES=%d -DVECTORS=%d -DTILE=%d -DIS_INSIDE=%d", tile.lanes,
                            tile.vectors, tile.rows, oc_op_conv_is_inside(&s.g, tile.rows)));
    oc_launch_arg_add(l, scratch);
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = OP_W,
                                         .bytes = p.w_elems - (size_t)s.cg,
                                         .pack = pack});
    if (s.has_bias)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = OP_BIAS});
    for (uint32_t i = OP_W_ZERO; i < call->n_in; i++)
        if (oc_op_has(call, i))
            oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = i});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (size_t)oc_op_ceil_div(s.g.ow, tile.rows), (size_t)s.g.n * (size_t)s.g.oh,
                    (size_t)s.groups * (size_t)blocks);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

oc_status oc_op_launch_int(const oc_op_call *call, const oc_op_conv *conv,
                           const oc_op_requant *requant, const oc_op_packers *packers,
                           const oc_traits *traits, oc_launch_list *list)
{
    if (oc_op_dot_fits(conv, traits))
        return oc_op_launch_dot(call, conv, requant, packers->dot, traits, list);
    return launch_tile(call, conv, requant, packers->tile, traits, list);
}

static oc_status pack_tile(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(oc_op_conv2d_set(call, &s));
    oc_op_pack_int(&s, src, (size_t)s.g.kh * (size_t)s.g.kw * (size_t)s.cg, 1, dst);
    return OC_OK;
}

static oc_status pack_dot(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(oc_op_conv2d_set(call, &s));
    size_t taps = (size_t)s.g.kh * (size_t)s.g.kw * (size_t)s.cg;
    return oc_op_pack_dot(call, &s, src, taps, 1, dst);
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
            ((uint8_t *)dst)[k * c + i] = ((const uint8_t *)src)[i * taps + k];
    return OC_OK;
}

static oc_status launch_depthwise(const oc_op_call *call, const oc_op_conv *s,
                                  const oc_traits *traits, oc_launch_list *list)
{
    oc_op_chunks c = oc_op_channels_choose(list, traits, (size_t)s->g.c, OC_OP_CHUNK);
    int32_t tile = oc_op_conv_run_choose(list, traits, s->g.ow);
    const oc_op_conv_attrs *a = call->attrs;
    oc_launch *l;
    OC_TRY(begin(call, s, &a->requant, list, "conv2d_int_depthwise", "CONV2D_INT_DEPTHWISE", &l));
    OC_TRY(oc_op_define_chunks(l, &c));
    OC_TRY(oc_launch_define(l, "-DTILE=%d", tile));
    oc_op_launch_args_int(call, l);
    l->args[1] = (oc_launch_arg){.kind = OC_ARG_PACKED,
                                 .index = OP_W,
                                 .bytes = oc_op_elems(&call->in[OP_W]->shape),
                                 .pack = pack_depthwise};
    oc_launch_range(l, c.chunks, (size_t)oc_op_ceil_div(s->g.ow, tile),
                    (size_t)s->g.n * (size_t)s->g.oh);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

static oc_status launch_plain(const oc_op_call *call, const oc_op_conv *s, oc_launch_list *list)
{
    const oc_op_conv_attrs *a = call->attrs;
    oc_launch *l;
    OC_TRY(begin(call, s, &a->requant, list, "conv2d_int_plain", "CONV2D_INT_PLAIN", &l));
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, (size_t)s->o, (size_t)s->g.ow, (size_t)s->g.n * (size_t)s->g.oh);
    return OC_OK;
}

oc_status oc_op_conv2d_int_launch(const oc_op_call *call, const oc_op_conv *s,
                                  const oc_traits *traits, oc_launch_list *list)
{
    const oc_op_conv_attrs *a = call->attrs;
    if (!call->is_const[OP_W])
        return launch_plain(call, s, list);
    if (s->cg == 1 && s->og == 1)
        return oc_op_dot_fits_depthwise(call, s, traits)
                   ? oc_op_launch_dot_depthwise(call, s, &a->requant, traits, list)
                   : launch_depthwise(call, s, traits, list);
    return oc_op_launch_int(call, s, &a->requant, &(oc_op_packers){pack_tile, pack_dot}, traits,
                            list);
}
