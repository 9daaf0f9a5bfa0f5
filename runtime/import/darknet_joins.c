/* SPDX-License-Identifier: Apache-2.0 */
/** The Darknet layers that take the results of several. */
#include "darknet_layers.h"

#include "oc_ops.h"

/* Adds `name` to what failed in a map that ought to be as large as another. */
static oc_status fail_size(const oc_dk_call *call, const char *what, const oc_dk_map *expected,
                           const oc_dk_map *found)
{
    return oc_fail(OC_E_SHAPE,
                   "line %u: [%s]: %s: expected %d x %d pixels (height x width), found %d x %d",
                   call->section->line, call->section->type, what, expected->h, expected->w,
                   found->h, found->w);
}

/* The part `group_id` of `groups` of each layer's channels, side by side. */
static oc_status convert_route(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t layers[OC_NODE_IO_MAX], groups, group;
    oc_id parts[OC_NODE_IO_MAX], x;
    const oc_dk_map *first = NULL, *map;
    const char *name;
    size_t count;
    OC_TRY(oc_dk_ints(s, "layers", layers, OC_COUNT(layers), &count));
    OC_TRY(oc_dk_int(s, "groups", 1, 1, OC_DK_CHANNELS_MAX, &groups));
    OC_TRY(oc_dk_int(s, "group_id", 0, 0, groups - 1, &group));
    if (count == 0)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [route] layers: expected numbers of layers, found none", s->line);
    OC_TRY(oc_imp_sub(at, "part", &name));
    for (size_t i = 0; i < count; i++) {
        OC_TRY(oc_dk_layer(call, "layers", layers[i], &map));
        first = first ? first : map;
        if (map->h != first->h || map->w != first->w)
            return fail_size(call, "layers", first, map);
        if (map->c % groups != 0)
            return oc_fail(OC_E_FORMAT,
                           "line %u: [route] groups: expected a divisor of %d channels, found %d",
                           s->line, map->c, groups);
        OC_TRY(oc_dk_as(at, call->net->n, map, OC_DK_NHWC, name, &parts[i]));
        const int32_t c = map->c / groups;
        if (groups > 1)
            OC_TRY(oc_dk_slice(at, name, parts[i], 3, group * c, (group + 1) * c, 1, &parts[i]));
    }
    if (count == 1)
        OC_TRY(oc_imp_identity(at, NULL, parts[0], &x));
    else
        OC_TRY(oc_dk_concat(at, NULL, parts, count, 3, &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* [N,H,W,C] with zeros added to end at `to`, if any. */
static oc_status pad_to(const oc_imp *at, const char *what, const int32_t to[4], oc_id *x)
{
    const int64_t begins[4] = {0};
    const int32_t *dim = oc_imp_shape(at, *x)->dim;
    int64_t ends[4];
    bool is_needed = false;
    oc_imp sub = *at;
    for (size_t i = 0; i < 4; i++) {
        ends[i] = (int64_t)to[i] - dim[i];
        is_needed = is_needed || ends[i] > 0;
    }
    if (!is_needed)
        return OC_OK;
    OC_TRY(oc_imp_sub(at, what, &sub.node));
    sub.out = sub.node;
    return oc_imp_pad(&sub, *x, begins, ends, 0, x);
}

/* Pixel (i, j) goes to (i * step, j * step), with zeros between. */
static oc_status spread(const oc_imp *at, int32_t step, oc_id *x)
{
    const int32_t *dim = oc_imp_shape(at, *x)->dim;
    const oc_shape apart = {6, {dim[0], dim[1], 1, dim[2], 1, dim[3]}};
    const oc_shape joined = {4, {dim[0], dim[1] * step, dim[2] * step, dim[3]}};
    const int64_t begins[6] = {0}, ends[6] = {0, 0, step - 1, 0, step - 1, 0};
    const char *name;
    oc_imp sub = *at;
    OC_TRY(oc_imp_sub(at, "apart", &name));
    OC_TRY(oc_imp_reshape(at, name, *x, &apart, x));
    OC_TRY(oc_imp_sub(at, "spread", &sub.node));
    sub.out = sub.node;
    OC_TRY(oc_imp_pad(&sub, *x, begins, ends, 0, x));
    OC_TRY(oc_imp_sub(at, "joined", &name));
    return oc_imp_reshape(at, name, *x, &joined, x);
}

/*
 * What the layer `from` adds to a map of other sizes: the channels that both have; of a larger map
 * every so many-th pixel, of a smaller one each pixel at every so many-th place. Nothing, written
 * as zeros, where it does not reach.
 */
static oc_status fit_shortcut(oc_dk_call *call, const oc_dk_map *from, oc_id *x)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    const int32_t step = OC_MAX(from->w / in->w, 1), sample = OC_MAX(in->w / from->w, 1);
    const int32_t h = OC_MIN(from->h, in->h), w = OC_MIN(from->w, in->w);
    const char *name;
    if (from->h / in->h != from->w / in->w || in->h / from->h != in->w / from->w)
        return fail_size(call, "from (in proportion)", in, from);
    OC_TRY(oc_imp_sub(at, "part", &name));
    if (from->c > in->c)
        OC_TRY(oc_dk_slice(at, name, *x, 3, 0, in->c, 1, x));
    if (from->h != h || step > 1)
        OC_TRY(oc_dk_slice(at, name, *x, 1, 0, (h - 1) * step + 1, step, x));
    if (from->w != w || step > 1)
        OC_TRY(oc_dk_slice(at, name, *x, 2, 0, (w - 1) * step + 1, step, x));
    if (sample > 1)
        OC_TRY(spread(at, sample, x));
    return pad_to(at, "padded", (int32_t[]){call->net->n, in->h, in->w, in->c}, x);
}

static oc_status convert_shortcut(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t number;
    float alpha, beta;
    oc_id x, y;
    const oc_dk_map *from;
    const char *name;
    if (!oc_dk_has(s, "from"))
        return oc_fail(OC_E_FORMAT, "line %u: [shortcut] from: expected a layer, found none",
                       s->line);
    OC_TRY(oc_dk_int(s, "from", 0, INT32_MIN, INT32_MAX, &number));
    OC_TRY(oc_dk_float(s, "alpha", 1.0f, &alpha));
    OC_TRY(oc_dk_float(s, "beta", 1.0f, &beta));
    OC_TRY(oc_dk_layer(call, "from", number, &from));
    OC_TRY(oc_imp_sub(at, "from", &name));
    OC_TRY(oc_dk_as(at, call->net->n, from, OC_DK_NHWC, name, &y));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    const bool is_alike = from->h == call->in.h && from->w == call->in.w && from->c == call->in.c;
    if (!is_alike && alpha != 1.0f)
        return oc_fail(
            OC_E_UNSUPPORTED,
            "line %u: [shortcut] alpha: expected 1 between maps of different sizes, found %g",
            s->line, (double)alpha);
    if (!is_alike)
        OC_TRY(fit_shortcut(call, from, &y));
    if (alpha != 1.0f)
        OC_TRY(oc_dk_by_number(at, "alpha", "mul", x, alpha, &x));
    if (beta != 1.0f)
        OC_TRY(oc_dk_by_number(at, "beta", "mul", y, beta, &y));
    OC_TRY(oc_imp_binary(at, NULL, "add", x, y, &x));
    OC_TRY(oc_dk_activate(call, "linear", &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* The layer `from`, each channel (scale_wh: each pixel) times the number that the input has for it. */
static oc_status convert_scale_channels(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in, *from;
    int32_t number;
    bool is_pixels;
    oc_id x, y;
    const char *name;
    OC_TRY(oc_dk_int(s, "from", -1, INT32_MIN, INT32_MAX, &number));
    OC_TRY(oc_dk_flag(s, "scale_wh", false, &is_pixels));
    OC_TRY(oc_dk_layer(call, "from", number, &from));
    if (is_pixels ? in->c != 1 || in->h != from->h || in->w != from->w
                  : in->c != from->c || in->h != 1 || in->w != 1)
        return oc_fail(
            OC_E_SHAPE,
            "line %u: [scale_channels]: expected %d x %d x %d factors (channels, height, "
            "width), found %d x %d x %d",
            s->line, is_pixels ? 1 : from->c, is_pixels ? from->h : 1, is_pixels ? from->w : 1,
            in->c, in->h, in->w);
    OC_TRY(oc_imp_sub(at, "from", &name));
    OC_TRY(oc_dk_as(at, call->net->n, from, OC_DK_NHWC, name, &y));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_binary(at, NULL, "mul", x, y, &x));
    OC_TRY(oc_dk_activate(call, "linear", &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* ---- the rows ---------------------------------------------------------------------------------- */

const oc_dk_row oc_dk_join_rows[] = {
    {"route", "layers groups group_id", OC_DK_ONLY_IN_TRAINING, false, convert_route},
    {"shortcut", "from alpha beta activation", OC_DK_ONLY_IN_TRAINING, false, convert_shortcut},
    {"scale_channels", "from scale_wh activation", OC_DK_ONLY_IN_TRAINING, false, convert_scale_channels},
};
const size_t oc_dk_n_join_rows = OC_COUNT(oc_dk_join_rows);
