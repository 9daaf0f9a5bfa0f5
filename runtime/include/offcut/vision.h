/* SPDX-License-Identifier: Apache-2.0 */
/** What people see in a picture model's answer: names of classes, and boxes around things. */
#ifndef OFFCUT_VISION_H
#define OFFCUT_VISION_H

#include <offcut/tensor.h>

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

#ifdef __cplusplus
}
#endif
#endif
