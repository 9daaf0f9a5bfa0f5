/* SPDX-License-Identifier: Apache-2.0 */
/** The Darknet layers that choose, repeat and rearrange the pixels of one map. */
#include "darknet_layers.h"

#include "oc_ops.h"

/* ---- pools, resizing, cropping ---------------------------------------------------------------- */

/*
 * `padding` (size - 1) pixels in all, half of them, rounded down, before the picture. What lies
 * outside never wins.
 */
static oc_status convert_maxpool(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t size, stride, padding;
    oc_id x;
    oc_node *node;
    OC_TRY(oc_dk_int(s, "stride", 1, 1, OC_DK_SIDE_MAX, &stride));
    OC_TRY(oc_dk_int(s, "size", stride, 1, OC_DK_SIDE_MAX, &size));
    OC_TRY(oc_dk_int(s, "padding", size - 1, 0, OC_DK_SIDE_MAX, &padding));
    const int32_t before = padding / 2, after = padding - before;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_maxpool2d, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "kernel", (int32_t[]){size, size}, 2));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){stride, stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){before, before, after, after}, 4));
    OC_TRY(oc_imp_end(at, node, at->out, &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

static oc_status convert_avgpool(oc_dk_call *call)
{
    oc_id x;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_reduce(&call->at, "mean", x, (int32_t[]){1, 2}, 2, true, &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

static oc_status convert_upsample(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    const int32_t n = call->net->n;
    int32_t stride;
    float scale;
    oc_id x;
    const char *name;
    oc_node *node;
    OC_TRY(oc_dk_int(call->section, "stride", 2, 1, 1024, &stride));
    OC_TRY(oc_dk_float(call->section, "scale", 1.0f, &scale));
    if ((int64_t)in->h * stride > INT32_MAX || (int64_t)in->w * stride > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "line %u: [upsample] stride: %d is too large for %d x %d",
                       call->section->line, stride, in->h, in->w);
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_sub(at, "pixels", &name));
    OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){6, {n, in->h, 1, in->w, 1, in->c}}, &x));
    OC_TRY(oc_imp_sub(at, "repeated", &name));
    OC_TRY(oc_imp_begin(at, name, &oc_op_tile, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "repeats", (int32_t[]){1, 1, stride, 1, stride, 1}, 6));
    OC_TRY(oc_imp_end(at, node, name, &x));
    OC_TRY(oc_imp_reshape(at, NULL, x, &(oc_shape){4, {n, in->h * stride, in->w * stride, in->c}},
                          &x));
    if (scale != 1.0f)
        OC_TRY(oc_dk_by_number(at, "scale", "mul", x, scale, &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* The middle of the picture; samples 0 to 1 become -1 to 1 unless "noadjust" says otherwise. */
static oc_status convert_crop(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    int32_t h, w;
    bool is_kept;
    oc_id x;
    const char *name;
    OC_TRY(oc_dk_int(call->section, "crop_height", 1, 1, in->h, &h));
    OC_TRY(oc_dk_int(call->section, "crop_width", 1, 1, in->w, &w));
    OC_TRY(oc_dk_flag(call->section, "noadjust", false, &is_kept));
    const int32_t top = (in->h - h) / 2, left = (in->w - w) / 2;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_sub(at, "rows", &name));
    OC_TRY(oc_dk_slice(at, name, x, 1, top, top + h, 1, &x));
    OC_TRY(oc_dk_slice(at, NULL, x, 2, left, left + w, 1, &x));
    if (!is_kept) {
        OC_TRY(oc_dk_by_number(at, "scale", "mul", x, 2.0f, &x));
        OC_TRY(oc_dk_by_number(at, "shift", "add", x, -1.0f, &x));
    }
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* ---- reorg ------------------------------------------------------------------------------------- */

/* reshape, transpose, reshape: `value` of rank 6 in between. */
static oc_status rearrange(const oc_imp *at, const oc_shape *view, const int32_t *perm,
                           const oc_shape *to, oc_id *x)
{
    const char *name;
    OC_TRY(oc_imp_sub(at, "view", &name));
    OC_TRY(oc_imp_reshape(at, name, *x, view, x));
    OC_TRY(oc_imp_sub(at, "turned", &name));
    OC_TRY(oc_imp_transpose(at, name, *x, perm, x));
    return oc_imp_reshape(at, NULL, *x, to, x);
}

/*
 * Darknet's reorg takes its index from the wrong side: what has C channels of H x W is read as if it
 * were C / s^2 channels of sH x sW, spread into blocks of s x s, and the numbers, now in the order
 * [C,H,W] again, are called [C s^2, H/s, W/s]. Networks were trained so. With reverse=1 blocks
 * become pixels as one would expect.
 */
static oc_status convert_reorg(oc_dk_call *call)
{
    static const int32_t to_blocks[] = {0, 3, 5, 1, 2, 4}, to_pixels[] = {0, 3, 4, 1, 5, 2};
    const oc_dk_section *sec = call->section;
    const oc_dk_map *in = &call->in;
    const int32_t n = call->net->n;
    int32_t s;
    bool is_reverse;
    oc_id x;
    OC_TRY(oc_dk_int(sec, "stride", 1, 1, 1024, &s));
    OC_TRY(oc_dk_flag(sec, "reverse", false, &is_reverse));
    OC_TRY(oc_dk_only(sec, "flatten", 0));
    OC_TRY(oc_dk_only(sec, "extra", 0));
    if (in->c % (s * s) != 0 || (!is_reverse && (in->h % s != 0 || in->w % s != 0)))
        return oc_fail(
            OC_E_SHAPE,
            "line %u: [reorg] stride: expected a number whose square divides %d channels "
            "and which divides %d x %d pixels, found %d",
            sec->line, in->c, in->h, in->w, s);
    const int64_t grown = is_reverse ? (int64_t)OC_MAX(in->h, in->w) * s : (int64_t)in->c * s * s;
    if (grown > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "line %u: [reorg] stride: %d is too large for %d x %d x %d",
                       sec->line, s, in->c, in->h, in->w);
    const int32_t c = in->c / (s * s), h = in->h, w = in->w;
    OC_TRY(oc_dk_in(call, OC_DK_NCHW, &x));
    if (is_reverse) {
        OC_TRY(rearrange(&call->at, &(oc_shape){6, {n, s, s, c, h, w}}, to_pixels,
                         &(oc_shape){4, {n, c, h * s, w * s}}, &x));
        call->out = (oc_dk_map){x, OC_DK_NCHW, c, h * s, w * s};
    } else {
        OC_TRY(rearrange(&call->at, &(oc_shape){6, {n, c, h, s, w, s}}, to_blocks,
                         &(oc_shape){4, {n, in->c * s * s, h / s, w / s}}, &x));
        call->out = (oc_dk_map){x, OC_DK_NCHW, in->c * s * s, h / s, w / s};
    }
    return OC_OK;
}

/* ---- the rows ---------------------------------------------------------------------------------- */

const oc_dk_row oc_dk_pixel_rows[] = {
    {"maxpool", "size stride padding", OC_DK_ONLY_IN_TRAINING, false, convert_maxpool},
    {"avgpool", "", OC_DK_ONLY_IN_TRAINING, false, convert_avgpool},
    {"upsample", "stride scale", OC_DK_ONLY_IN_TRAINING, false, convert_upsample},
    {"crop", "crop_height crop_width noadjust", "flip angle saturation exposure shift", false,
     convert_crop},
    {"reorg", "stride reverse flatten extra", OC_DK_ONLY_IN_TRAINING, false, convert_reorg},
};
const size_t oc_dk_n_pixel_rows = OC_COUNT(oc_dk_pixel_rows);
