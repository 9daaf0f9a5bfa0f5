/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stretching a picture. One axis from `in` to `out` samples:
 *
 *     scale = in / out,  reach = max(scale, 1),  center(o) = (o + 0.5) * scale
 *     weight(o, i) = max(0, 1 - |i + 0.5 - center(o)| / reach),  divided by their sum over i
 *     out(o) = sum over i of weight(o, i) * in(i)
 *
 * That is OC_IMAGE_FILTERED. With OC_IMAGE_LINEAR the reach is always 1, so that at most two samples
 * count; with OC_IMAGE_NEAREST the one sample counts in which center(o) lies.
 *
 * A picture that grows is interpolated linearly (reach 1); in one that shrinks each sample counts, so that
 * thin lines do not vanish. Weights are held in units of 2^-22 and sums are integers: the bits are the
 * same everywhere. Pillow does so too, and users prepare their training data with it: the rounding and
 * the order, x first, follow Pillow up to version 12, so that a model sees here what it has learned from.
 */
#include "oc_image.h"

#include <math.h>

#define WEIGHT_BITS 22

/* The filter of one axis: `span` weights per output sample, of which `n` are used, from input sample
 * `first` on. */
typedef struct tap {
    int32_t first, n;
} tap;

typedef struct axis {
    tap *taps;        /* [out] */
    int32_t *weights; /* [out, span] */
    size_t span;
} axis;

static void axis_fini(axis *a, const oc_allocator *alloc)
{
    oc_free(alloc, a->taps);
    oc_free(alloc, a->weights);
}

static double reach_of(int32_t in, int32_t out, oc_image_filter filter)
{
    return filter == OC_IMAGE_FILTERED ? OC_MAX((double)in / out, 1.0) : 1.0;
}

/* The weights of output sample `o`; `raw` has room for span doubles. */
static void fill_tap(axis *a, int32_t in, int32_t out, int32_t o, double reach, double *raw)
{
    const double center = (o + 0.5) * ((double)in / out);
    const int32_t first = (int32_t)OC_MAX(center - reach + 0.5, 0.0);
    const int32_t end = (int32_t)OC_MIN(center + reach + 0.5, (double)in);
    int32_t *weights = a->weights + (size_t)o * a->span;
    double sum = 0;
    for (int32_t i = 0; i < end - first; i++) {
        raw[i] = OC_MAX(0.0, 1.0 - fabs((i + first - center + 0.5) * (1.0 / reach)));
        sum += raw[i];
    }
    for (int32_t i = 0; i < end - first; i++) {
        if (sum != 0.0)
            raw[i] /= sum;
        weights[i] = (int32_t)(0.5 + raw[i] * (1 << WEIGHT_BITS));
    }
    a->taps[o] = (tap){.first = first, .n = end - first};
}

static void fill_nearest(axis *a, int32_t in, int32_t out, int32_t o)
{
    const int64_t at = (2 * (int64_t)o + 1) * in / (2 * (int64_t)out);
    a->weights[(size_t)o * a->span] = 1 << WEIGHT_BITS;
    a->taps[o] = (tap){.first = (int32_t)at, .n = 1};
}

static oc_status axis_init(axis *a, int32_t in, int32_t out, oc_image_filter filter,
                           const oc_allocator *alloc)
{
    const double reach = reach_of(in, out, filter);
    size_t count;
    double *raw = NULL;
    oc_status status;
    *a = (axis){.span = (size_t)ceil(reach) * 2 + 1};
    OC_TRY(oc_mul_size((size_t)out, a->span, &count));
    OC_TRY_OUT(OC_ALLOC(alloc, (size_t)out, a->taps));
    OC_TRY_OUT(OC_ALLOC(alloc, count, a->weights));
    OC_TRY_OUT(OC_ALLOC(alloc, a->span, raw));
    for (int32_t o = 0; o < out; o++) {
        if (filter == OC_IMAGE_NEAREST)
            fill_nearest(a, in, out, o);
        else
            fill_tap(a, in, out, o, reach, raw);
    }
out:
    oc_free(alloc, raw);
    return status;
}

/* One sample: `n` weights over samples that lie `step` apart. */
static uint8_t filter(const uint8_t *from, size_t step, const int32_t *weights, int32_t n)
{
    int64_t sum = 1 << (WEIGHT_BITS - 1);
    for (int32_t i = 0; i < n; i++)
        sum += (int64_t)from[(size_t)i * step] * weights[i];
    sum >>= WEIGHT_BITS;
    return (uint8_t)OC_MIN(sum, 255); /* rounded weights may add up to a little more than 1 */
}

/*
 * Filter the middle axis of `from` [outer, in, inner] into `to` [outer, out, inner]: along x with outer
 * = height and inner = channels, along y with outer = 1 and inner = width * channels.
 */
static void filter_axis(const axis *a, const uint8_t *from, size_t outer, size_t in, size_t inner,
                        size_t out, uint8_t *to)
{
    for (size_t u = 0; u < outer; u++) {
        for (size_t o = 0; o < out; o++) {
            const tap t = a->taps[o];
            const int32_t *weights = a->weights + o * a->span;
            const uint8_t *start = from + (u * in + (size_t)t.first) * inner;
            for (size_t k = 0; k < inner; k++)
                *to++ = filter(start + k, inner, weights, t.n);
        }
    }
}

oc_status oc_image_resize(const oc_image *in, int32_t width, int32_t height,
                          oc_image_filter filter, const oc_allocator *alloc, oc_image *out)
{
    OC_TRY(oc_image_check(in));
    if (width < 1 || height < 1)
        return oc_fail(OC_E_ARG, "picture: expected at least 1 x 1 pixels, found %d x %d",
                       (int)width, (int)height);
    const size_t c = (size_t)in->channels;
    axis x = {0}, y = {0};
    oc_image wide = {0}, both = {0};
    oc_status status;
    OC_TRY_OUT(axis_init(&x, in->width, width, filter, alloc));
    OC_TRY_OUT(axis_init(&y, in->height, height, filter, alloc));
    OC_TRY_OUT(oc_image_alloc(width, in->height, in->channels, UINT64_MAX, alloc, &wide));
    OC_TRY_OUT(oc_image_alloc(width, height, in->channels, UINT64_MAX, alloc, &both));
    filter_axis(&x, in->pixels, (size_t)in->height, (size_t)in->width, c, (size_t)width,
                wide.pixels);
    filter_axis(&y, wide.pixels, 1, (size_t)in->height, (size_t)width * c, (size_t)height,
                both.pixels);
    *out = both;
    both = (oc_image){0};
out:
    oc_image_free(&both, alloc);
    oc_image_free(&wide, alloc);
    axis_fini(&y, alloc);
    axis_fini(&x, alloc);
    return status;
}
