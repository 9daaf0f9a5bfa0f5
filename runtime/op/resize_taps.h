/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which elements of an axis make an element of the resized axis, and with which weights. This is
 * the one place that knows: the definition of `resize` asks it element by element, and kernels get
 * what it says as a table. All arithmetic is IEEE float and double without library functions that
 * round, so the weights have the same bits on every machine.
 *
 * The formulas are those of ONNX (operator Resize, its text and reference implementation), in
 * float32 as ONNX Runtime computes coordinates; where no scales are given, those of TensorFlow
 * Lite's reference kernels (RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR).
 */
#ifndef RESIZE_TAPS_H
#define RESIZE_TAPS_H

#include "op_common.h"

typedef enum oc_resize_mode {
    OC_RESIZE_NEAREST,
    OC_RESIZE_LINEAR,
    OC_RESIZE_CUBIC,
    OC_RESIZE_MODE_COUNT
} oc_resize_mode;

/* X(NAME, name in models): how a place in the output becomes one in the input. */
#define OC_RESIZE_COORDINATES(X)                   \
    X(HALF_PIXEL, half_pixel)                      \
    X(HALF_PIXEL_SYMMETRIC, half_pixel_symmetric)  \
    X(PYTORCH_HALF_PIXEL, pytorch_half_pixel)      \
    X(TF_HALF_PIXEL_FOR_NN, tf_half_pixel_for_nn)  \
    X(ALIGN_CORNERS, align_corners)                \
    X(ASYMMETRIC, asymmetric)                      \
    X(TF_CROP_AND_RESIZE, tf_crop_and_resize)

typedef enum oc_resize_coordinates {
#define X(name_, text_) OC_RESIZE_##name_,
    OC_RESIZE_COORDINATES(X)
#undef X
        OC_RESIZE_COORDINATES_COUNT
} oc_resize_coordinates;

typedef enum oc_resize_nearest {
    OC_RESIZE_ROUND_PREFER_FLOOR,
    OC_RESIZE_ROUND_PREFER_CEIL,
    OC_RESIZE_FLOOR,
    OC_RESIZE_CEIL,
    OC_RESIZE_NEAREST_COUNT
} oc_resize_nearest;

/** One axis that is resized. */
typedef struct oc_resize_axis {
    oc_resize_mode mode;
    oc_resize_coordinates coordinates;
    oc_resize_nearest nearest;
    bool excludes_outside, is_antialiased;
    bool is_fixed;    /* linear in fixed point: weights are integers that add up to 1024 */
    float cubic_a;
    int32_t in, out;  /* elements */
    float scale;      /* out over in; 0: by the sizes, as TensorFlow Lite does */
    float begin, end; /* the region, as parts of the axis (tf_crop_and_resize) */
    int32_t taps;     /* set by oc_resize_count_taps */
} oc_resize_axis;

/** Where an element of the output lies in the input. */
typedef struct oc_resize_place {
    bool is_outside; /* beyond the input (tf_crop_and_resize only): no tap counts */
    int32_t first;   /* the element of tap 0, which may be outside; those after it follow */
    float ratio;     /* how far beyond its lower neighbour; of 1024 in fixed point */
    double total;    /* what the weights are divided by */
} oc_resize_place;

/** An element and its weight. `at` is inside. */
typedef struct oc_resize_tap {
    int32_t at;
    float weight;
} oc_resize_tap;

#define OC_RESIZE_TAPS_MAX 65536
/** Sets axis->taps; false where there are more than OC_RESIZE_TAPS_MAX. */
bool oc_resize_count_taps(oc_resize_axis *axis);

/** Of element `o` of the output. */
oc_resize_place oc_resize_find(const oc_resize_axis *axis, int32_t o);
/** 0 <= k < axis->taps. */
oc_resize_tap oc_resize_weigh(const oc_resize_axis *axis, const oc_resize_place *place, int32_t k);

#endif
