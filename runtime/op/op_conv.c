/* SPDX-License-Identifier: Apache-2.0 */
#include "op_conv.h"

oc_status oc_op_check_groups(const oc_op_call *call, int32_t groups, int32_t c, int32_t o)
{
    if (groups >= 1 && c % groups == 0 && o % groups == 0)
        return OC_OK;
    return oc_fail(OC_E_SHAPE,
                   "%s: expected groups of %s to divide %d input and %d output channels, "
                   "found %d groups",
                   call->name, call->op->name, c, o, groups);
}

oc_status oc_op_conv_set(const oc_op_call *call, const oc_op_window *window, int32_t groups,
                         oc_op_conv *conv)
{
    const oc_shape *w = &call->in[1]->shape;
    oc_op_conv s = {.groups = groups};
    OC_TRY(oc_op_check_rank(call, 1, 4, 4));
    OC_TRY(oc_op_geometry_set(call, window, w->dim[1], w->dim[2], &s.g));
    s.o = w->dim[0];
    OC_TRY(oc_op_check_groups(call, groups, s.g.c, s.o));
    s.cg = s.g.c / groups;
    s.og = s.o / groups;
    s.has_bias = oc_op_has(call, 2);
    *conv = s;
    return OC_OK;
}

oc_status oc_op_conv2d_set(const oc_op_call *call, oc_op_conv *conv)
{
    const oc_op_conv_attrs *a = call->attrs;
    return oc_op_conv_set(call, &a->window, a->groups, conv);
}

oc_status oc_op_check_weights(const oc_op_call *call, int32_t cg, int32_t o)
{
    OC_TRY(oc_op_check_dim(call, 1, 3, cg, "input channels per group"));
    OC_TRY(oc_op_check_filled(call, 1));
    if (!oc_op_has(call, OP_BIAS))
        return OC_OK;
    OC_TRY(oc_op_check_rank(call, OP_BIAS, 1, 1));
    return oc_op_check_dim(call, OP_BIAS, 0, o, "output channels");
}

void oc_op_conv_halo(const oc_op_call *call, const oc_op_conv *s, const oc_box *out, oc_box *in)
{
    const oc_shape *x = &call->in[OP_X]->shape;
    int64_t first = out->from[3] / s->og, last = (out->to[3] - 1) / s->og; /* groups */
    for (uint32_t i = 0; i < call->n_in; i++)
        if (oc_op_has(call, i))
            in[i] = oc_op_halo_whole(&call->in[i]->shape);
    oc_op_halo_set(x, 0, out->from[0], out->to[0], &in[OP_X]);
    oc_op_halo_set(x, 3, first * s->cg, (last + 1) * s->cg, &in[OP_X]);
    oc_op_halo_set(&call->in[OP_W]->shape, 0, out->from[3], out->to[3], &in[OP_W]);
    for (uint32_t i = OP_W + 1; i < call->n_in; i++)
        if (oc_op_has(call, i) && call->in[i]->shape.rank <= 1)
            oc_op_halo_vector(call, i, out->from[3], out->to[3], in);
}

/* ---- shapes of launches ------------------------------------------------------------------------ */

void oc_op_conv_flatten(oc_op_geometry *g)
{
    int64_t pixels = (int64_t)g->n * g->h * g->w;
    if (g->kh != 1 || g->kw != 1 || g->oh != g->h || g->ow != g->w || g->sh != 1 || g->sw != 1 ||
        g->pt != 0 || g->pl != 0 || pixels > INT32_MAX / 2)
        return;
    g->w = g->ow = (int32_t)pixels;
    g->n = g->h = g->oh = 1;
}

bool oc_op_conv_is_inside(const oc_op_geometry *g, int32_t tile)
{
    int64_t last_h = (int64_t)(g->oh - 1) * g->sh + (int64_t)(g->kh - 1) * g->dh - g->pt;
    int64_t tiles_w = (int64_t)oc_op_ceil_div(g->ow, tile) * tile;
    int64_t last_w = (tiles_w - 1) * g->sw + (int64_t)(g->kw - 1) * g->dw - g->pl;
    return g->pt == 0 && g->pl == 0 && last_h < g->h && last_w < g->w;
}

int32_t oc_op_conv_run(int32_t ow, int32_t most)
{
    return oc_op_ceil_div(ow, oc_op_ceil_div(ow, most));
}

int32_t oc_op_conv_run_choose(oc_launch_list *list, const oc_traits *traits, int32_t ow)
{
    const int32_t others[] = {oc_op_conv_run(ow, 14), oc_op_conv_run(ow, 7), oc_op_conv_run(ow, 4),
                              oc_op_conv_run(ow, 2)};
    return oc_launch_choose(list, "rows", oc_op_conv_run(ow, traits->is_cpu ? 7 : 2), others,
                            OC_COUNT(others));
}

oc_op_chunks oc_op_channels_choose(oc_launch_list *list, const oc_traits *traits, size_t channels,
                                   int32_t rule)
{
    static const int32_t vectors[] = {8, 2, 4, 32};
    int32_t others[OC_COUNT(vectors)];
    const size_t lanes = traits->vector_floats;
    rule = OC_MAX(rule, 1);
    const size_t chunks = oc_op_chunks_choose(traits, channels, (size_t)rule * lanes).chunks;
    size_t n = 0;
    for (size_t i = 0; i < OC_COUNT(vectors); i++)
        /* Where there are few channels, many sizes are one. */
        if (oc_op_chunks_choose(traits, channels, (size_t)vectors[i] * lanes).chunks != chunks)
            others[n++] = vectors[i];
    const int32_t taken = oc_launch_choose(list, "chunk", rule, others, n);
    return oc_op_chunks_choose(traits, channels, (size_t)taken * lanes);
}

/* ---- packed weights --------------------------------------------------------------------------- */

int32_t oc_op_ceil_div(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a + b - 1) / b);
}

int32_t oc_op_pack_width(const oc_op_conv *s)
{
    return s->og <= 8 ? 8 : s->og <= 16 ? 16 : 32;
}

oc_status oc_op_packing_set(const oc_op_conv *s, oc_op_packing *packing)
{
    oc_op_packing p = {.width = oc_op_pack_width(s)};
    size_t taps = (size_t)s->g.kh * (size_t)s->g.kw * (size_t)s->cg;
    p.packs = oc_op_ceil_div(s->og, p.width);
    OC_TRY(oc_mul_size((size_t)s->groups * (size_t)p.packs, (size_t)p.width, &p.bias_elems));
    OC_TRY(oc_mul_size(p.bias_elems, taps, &p.w_elems));
    OC_TRY(oc_add_size(p.w_elems, (size_t)s->cg, &p.w_elems));
    if (p.w_elems > OC_OP_LAUNCH_ELEMS)
        return oc_fail(OC_E_UNSUPPORTED,
                       "weights of %d outputs in %d groups and %zu taps: kernels take at most %d "
                       "elements, found %zu in packs of %d outputs",
                       s->o, s->groups, taps, OC_OP_LAUNCH_ELEMS, p.w_elems, p.width);
    *packing = p;
    return OC_OK;
}

/* Columns of one group after another: w as oc_op_pack does, `k` rows each. */
static float *pack_groups(const oc_op_conv *s, const float *src, size_t k, float *dst)
{
    size_t width = (size_t)oc_op_pack_width(s), og = (size_t)s->og;
    for (int32_t g = 0; g < s->groups; g++, src += og * k, dst += oc_align_up(og, width) * k)
        oc_op_pack(src, og, k, k, 1, width, dst);
    return dst;
}

void oc_op_conv_pack(const oc_op_conv *s, const float *w, float *dst)
{
    size_t taps = (size_t)s->g.kh * (size_t)s->g.kw * (size_t)s->cg;
    float *zeros = pack_groups(s, w, taps, dst);
    memset(zeros, 0, (size_t)s->cg * sizeof(*zeros));
}

void oc_op_conv_pack_bias(const oc_op_conv *s, const float *bias, float *dst)
{
    pack_groups(s, bias, 1, dst);
}

oc_status oc_op_conv2d_pack_bias(const oc_op_call *call, const void *src, void *dst,
                                 size_t dst_bytes)
{
    oc_op_conv s;
    (void)dst_bytes;
    OC_TRY(oc_op_conv2d_set(call, &s));
    oc_op_conv_pack_bias(&s, src, dst);
    return OC_OK;
}
