/* SPDX-License-Identifier: Apache-2.0 */
#include "resize_taps.h"

/* ---- coordinates ---------------------------------------------------------------------------- */

/*
 * The length of the output before it was made an integer. A scale that was computed from the sizes
 * is meant to give the integer, but for its rounding.
 */
static float real_length(const oc_resize_axis *axis)
{
    float length = axis->scale * (float)axis->in, out = (float)axis->out;
    return fabsf(length - out) <= out * 0x1p-20f ? out : length;
}

/* ONNX's formulas. */
static float scaled_coordinate(const oc_resize_axis *axis, float o)
{
    float in = (float)axis->in, out = (float)axis->out, length = real_length(axis);
    float span = (axis->end - axis->begin) * (in - 1.0f);
    switch (axis->coordinates) {
    case OC_RESIZE_ALIGN_CORNERS:
        return length == 1.0f ? 0.0f : o * (in - 1.0f) / (length - 1.0f);
    case OC_RESIZE_ASYMMETRIC:
        return o / axis->scale;
    case OC_RESIZE_TF_HALF_PIXEL_FOR_NN:
        return (o + 0.5f) / axis->scale;
    case OC_RESIZE_PYTORCH_HALF_PIXEL:
        return axis->out > 1 ? (o + 0.5f) / axis->scale - 0.5f : 0.0f;
    case OC_RESIZE_HALF_PIXEL_SYMMETRIC:
        return in / 2.0f * (1.0f - out / length) + (o + 0.5f) / axis->scale - 0.5f;
    case OC_RESIZE_TF_CROP_AND_RESIZE:
        return length == 1.0f ? 0.5f * (axis->begin + axis->end) * (in - 1.0f)
                              : o * span / (length - 1.0f) + axis->begin * (in - 1.0f);
    case OC_RESIZE_HALF_PIXEL:
    case OC_RESIZE_COORDINATES_COUNT:
        break;
    }
    return (o + 0.5f) / axis->scale - 0.5f;
}

/* TensorFlow Lite's: multiplied by the ratio of the sizes, not divided by its inverse. */
static float sized_coordinate(const oc_resize_axis *axis, float o)
{
    bool has_corners = axis->coordinates == OC_RESIZE_ALIGN_CORNERS && axis->out > 1;
    float step = has_corners ? (float)(axis->in - 1) / (float)(axis->out - 1)
                             : (float)axis->in / (float)axis->out;
    if (axis->coordinates == OC_RESIZE_HALF_PIXEL)
        return (o + 0.5f) * step - 0.5f;
    return axis->coordinates == OC_RESIZE_TF_HALF_PIXEL_FOR_NN ? (o + 0.5f) * step : o * step;
}

/*
 * TensorFlow Lite's for int8 (ResizeBilinearInteger): coordinates are multiples of 1/1024, and so
 * is their step. Before element 0 the ratio is negative, and both taps are that element.
 */
static oc_resize_place find_fixed(const oc_resize_axis *axis, int32_t o)
{
    bool has_corners = axis->coordinates == OC_RESIZE_ALIGN_CORNERS && axis->out > 1;
    int64_t in = axis->in - has_corners, out = axis->out - has_corners;
    int64_t step = (in * 1024 + out / 2) / out, x = o * step;
    if (axis->coordinates == OC_RESIZE_HALF_PIXEL)
        x += step / 2 - 512;
    /* The step is rounded, so that the last coordinates of a very long output can get too far. */
    x = OC_MIN(x, (int64_t)axis->in * 1024 - 1);
    int64_t lower = OC_MAX(x / 1024, 0);
    return (oc_resize_place){
        .first = x < 0 ? -1 : (int32_t)lower, .ratio = (float)(x - lower * 1024), .total = 1};
}

/* ---- weights -------------------------------------------------------------------------------- */

/* A shrunk output has a filter that is wider by the same factor, if that is wanted. */
static double filter_scale(const oc_resize_axis *axis)
{
    return axis->is_antialiased && axis->scale < 1.0f ? (double)axis->scale : 1.0;
}

/* The first tap, counted from the lower neighbour, of a filter that reaches `reach` to each side. */
static int32_t first_tap(const oc_resize_axis *axis)
{
    double reach = axis->mode == OC_RESIZE_CUBIC ? 2.0 : 1.0;
    return axis->mode == OC_RESIZE_NEAREST ? 0 : (int32_t)floor(-reach / filter_scale(axis)) + 1;
}

bool oc_resize_count_taps(oc_resize_axis *axis)
{
    if (filter_scale(axis) < 8.0 / OC_RESIZE_TAPS_MAX)
        return false;
    axis->taps = axis->mode == OC_RESIZE_NEAREST ? 1 : 2 - 2 * first_tap(axis);
    return true;
}

/* R. G. Keys, "Cubic convolution interpolation for digital image processing" (1981), equation 4. */
static double cubic(double x, double a)
{
    if (x <= 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

/* The weight of tap `k` before it is divided by the total. */
static double filter_weight(const oc_resize_axis *axis, const oc_resize_place *place, int32_t k)
{
    int64_t at = (int64_t)place->first + k;
    double x = fabs((first_tap(axis) + k - (double)place->ratio) * filter_scale(axis));
    if (axis->excludes_outside && (at < 0 || at >= axis->in))
        return 0.0;
    return axis->mode == OC_RESIZE_CUBIC ? cubic(x, (double)axis->cubic_a)
                                         : (x < 1.0 ? 1.0 - x : 0.0);
}

oc_resize_tap oc_resize_weigh(const oc_resize_axis *axis, const oc_resize_place *place, int32_t k)
{
    int64_t at = OC_MIN(OC_MAX((int64_t)place->first + k, 0), (int64_t)axis->in - 1);
    oc_resize_tap tap = {(int32_t)at, 1.0f};
    if (axis->mode == OC_RESIZE_NEAREST)
        return tap;
    if (axis->scale == 0.0f) /* linear, in float as TensorFlow Lite has it */
        tap.weight = k == 1 ? place->ratio : (axis->is_fixed ? 1024.0f : 1.0f) - place->ratio;
    else if (place->total == 0.0) /* all are outside and excluded: the nearest that is not */
        tap.weight = k == 0 ? 1.0f : 0.0f;
    else
        tap.weight = (float)(filter_weight(axis, place, k) / place->total);
    return tap;
}

/* ---- places --------------------------------------------------------------------------------- */

static int32_t round_nearest(oc_resize_nearest nearest, float x)
{
    float low = floorf(x), rest = x - low;
    switch (nearest) {
    case OC_RESIZE_ROUND_PREFER_CEIL:
        return (int32_t)low + (rest >= 0.5f);
    case OC_RESIZE_FLOOR:
        return (int32_t)low;
    case OC_RESIZE_CEIL:
        return (int32_t)low + (rest > 0.0f);
    case OC_RESIZE_ROUND_PREFER_FLOOR:
    case OC_RESIZE_NEAREST_COUNT:
        break;
    }
    return (int32_t)low + (rest > 0.5f);
}

static double sum_weights(const oc_resize_axis *axis, const oc_resize_place *place)
{
    double total = 0.0;
    if (!axis->excludes_outside && filter_scale(axis) == 1.0)
        return 1.0; /* as they are, they add up to 1 */
    for (int32_t k = 0; k < axis->taps; k++)
        total += filter_weight(axis, place, k);
    return total;
}

oc_resize_place oc_resize_find(const oc_resize_axis *axis, int32_t o)
{
    if (axis->is_fixed)
        return find_fixed(axis, o);
    float in = (float)axis->in;
    float x =
        axis->scale == 0.0f ? sized_coordinate(axis, (float)o) : scaled_coordinate(axis, (float)o);
    oc_resize_place place = {.total = 1.0};
    if (axis->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE)
        place.is_outside = !(x >= 0.0f && x <= in - 1.0f);
    /* No coordinate that is meant lies farther outside; and integers hold this one. */
    x = x > -2.0f ? OC_MIN(x, in + 1.0f) : -2.0f;
    if (axis->mode == OC_RESIZE_NEAREST) {
        place.first = round_nearest(axis->nearest, x);
        return place;
    }
    float low = floorf(x);
    if (axis->scale == 0.0f) {
        place.first = (int32_t)low;
        place.ratio = x - OC_MAX(low, 0.0f); /* negative before element 0, twice which is meant */
        return place;
    }
    place.first = (int32_t)low + first_tap(axis);
    place.ratio = x - low;
    place.total = sum_weights(axis, &place);
    return place;
}
