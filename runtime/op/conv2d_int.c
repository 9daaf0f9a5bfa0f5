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
    uint32_t *y = out[0]; /* int32 modulo 2^32 */
    for (int32_t n = 0; n < s->g.n; n++)
        for (int32_t oh = 0; oh < s->g.oh; oh++)
            for (int32_t ow = 0; ow < s->g.ow; ow++)
                for (int32_t o = 0; o < s->o; o++) {
                    int32_t w_zero = oc_op_zero(call, in, OP_W_ZERO, (size_t)o);
                    *y++ = element(s, x, x_zero, w, w_zero, n, oh, ow, o) + (bias ? bias[o] : 0);
                }
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status launch_plain(const oc_op_call *call, const oc_op_conv *s, oc_launch_list *list)
{
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "conv2d_int", "conv2d_int_plain", &l));
    OC_TRY(oc_op_define_geometry(l, &s->g));
    OC_TRY(oc_op_define_int(call, l));
    OC_TRY(oc_launch_define(l, "-DCONV2D_INT_PLAIN -DO=%d -DG=%d", s->o, s->groups));
    oc_op_launch_args_int(call, l);
    oc_launch_range(l, (size_t)s->o, (size_t)s->g.ow, (size_t)s->g.n * (size_t)s->g.oh);
    return OC_OK;
}

oc_status oc_op_conv2d_int_launch(const oc_op_call *call, const oc_op_conv *s,
                                  const oc_traits *traits, oc_launch_list *list)
{
    (void)traits;
    return launch_plain(call, s, list);
}
