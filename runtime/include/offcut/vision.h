/* SPDX-License-Identifier: Apache-2.0 */
/** What people see in a picture model's answer: names of classes, boxes around things, a class for every pixel. */
#ifndef OFFCUT_VISION_H
#define OFFCUT_VISION_H

#include <offcut/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Names of classes: names[i] is that of class i. */
typedef struct oc_labels {
    const char *const *names;
    size_t count;
} oc_labels;

/** How a grid of cells says where things are. Source: Redmon et al., YOLO (2015), YOLO9000 (2016) and YOLOv3 (2018). */
typedef enum oc_detector_kind {
    OC_DETECTOR_CELLS,  /* YOLO: boxes without anchors, and the classes of a cell for all of its boxes */
    OC_DETECTOR_REGION, /* YOLOv2: anchors in cells; one softmax over the classes */
    OC_DETECTOR_YOLO    /* YOLOv3 and later: anchors in pixels of the network's input; each class for itself */
} oc_detector_kind;

/**
 * What the numbers of one output mean that holds detections.
 *
 * Region, yolo: [N, A * (5 + classes), H, W], for each of A anchors x, y, w, h, objectness and the classes, all but w and h
 * activated already. Cells: [N, S * S * (classes + A * 5)], S = cells: for each cell (rows from the top) its classes; for each
 * cell the objectness of its A boxes; for each cell and box x, y, w, h, all activated already.
 */
typedef struct oc_detector {
    oc_detector_kind kind;
    int32_t n_anchors, n_classes;
    const float *anchors;          /* n_anchors pairs: width, height; cells: NULL */
    int32_t input_w, input_h;      /* pixels of the network's input */
    float scale_xy;                /* yolo: stretches x and y about the cell's middle; 1: not */
    int32_t cells;                 /* cells: so many a side */
    bool is_squared;               /* cells: w and h are square roots */
} oc_detector;

/* ---- detections ----------------------------------------------------------------------------------------------- */

/** A thing that was found. Edges in pixels of the picture, from its left top corner; they may lie outside it. */
typedef struct oc_detection {
    int32_t class_index;
    float score;                    /* objectness times the class's probability */
    float left, top, right, bottom;
} oc_detection;

/** The best score first; of equal ones the lower class, then the one that comes first in the outputs. */
typedef struct oc_detections {
    oc_detection *items;
    size_t count;
    size_t n_left_out; /* boxes above the threshold that were not looked at: all but the best OC_DETECTIONS_MAX */
} oc_detections;

#define OC_DETECTIONS_MAX 4096 /* boxes that are compared with each other: the best ones */

typedef struct oc_detect_options {
    float threshold;                /* only scores above it */
    float overlap;                  /* of two boxes of a class that overlap by more (intersection over union) the weaker one goes */
    int32_t width, height;          /* of the picture */
    const oc_image_place *place;    /* where it lies in the network's input; NULL: it fills it */
    int32_t index;                  /* of the picture in the batch */
} oc_detect_options;

/**
 * What the outputs of a detector say: boxes decoded, filtered by score and by greedy non-maximum suppression within each
 * class (the best box stays, those that overlap it too much go, and so on with the next best that is left).
 *
 * `detectors[i]` says what `outputs[i]` means. Owns: free `*found` with oc_detections_free and the same allocator.
 * Errors: OC_E_ARG (options), OC_E_SHAPE, OC_E_DTYPE (float32 is expected), OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_detect(const oc_detector *const *detectors, const oc_tensor *outputs, size_t n_outputs, const oc_detect_options *options, const oc_allocator *alloc, oc_detections *found);
OC_API void oc_detections_free(oc_detections *detections, const oc_allocator *alloc);

/**
 * The picture in colour with every box and, above it, the label (or the class's number) and the score, in the class's colour.
 * Lines and letters grow with the picture. Owns: the caller frees `*drawn` with oc_image_free. Errors: OC_E_ARG, OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_detections_draw(const oc_image *picture, const oc_detections *detections, const oc_labels *labels, const oc_allocator *alloc, oc_image *drawn);

/**
 * The colour of a class, so that neighbours in number are far apart and the first 256 are all different: of the hue 587 *
 * index modulo 1536 on a circle of six sides of 256 steps each (red, yellow, green, cyan, blue, magenta); of every 24 classes
 * the first eight are fully saturated, the next mixed with as much white, the last 5/8 as bright.
 */
OC_API void oc_class_colour(int32_t class_index, uint8_t rgb[3]);

/* ---- masks ---------------------------------------------------------------------------------------------------- */

/** A class for every pixel of a segmenter's output. */
typedef struct oc_mask {
    int32_t width, height, n_classes;
    int32_t *classes;               /* [height, width] */
    uint64_t *pixels;               /* of each class */
} oc_mask;

/**
 * The class of the largest score at every pixel, of equal ones the first; a NaN counts as the smallest.
 *
 * `scores`  float32, int8 or uint8 of shape [1,H,W,C] or [1,C,H,W] as `layout` says, C at least 2.
 * Owns: free `*mask` with oc_mask_free and the same allocator. Errors: OC_E_SHAPE, OC_E_DTYPE, OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_mask_make(const oc_tensor *scores, oc_image_layout layout, const oc_allocator *alloc, oc_mask *mask);
OC_API void oc_mask_free(oc_mask *mask, const oc_allocator *alloc);
/** The classes in their colours (oc_class_colour), `width` x `height` pixels, each that of the nearest. Owns: free `*drawn` with oc_image_free. Errors: OC_E_ARG, OC_E_LIMIT, OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_mask_draw(const oc_mask *mask, int32_t width, int32_t height, const oc_allocator *alloc, oc_image *drawn);

#ifdef __cplusplus
}
#endif
#endif
