/* SPDX-License-Identifier: Apache-2.0 */
/** Vision: what its files share. */
#ifndef OC_VISION_H
#define OC_VISION_H

#include "oc_image.h"

#include <offcut/vision.h>

/**
 * Keep of `items`, which are in their final order, those that no better one of their class overlaps
 * by more than `overlap`; returns how many, moved to the front. Serial loop: for each item in
 * order: it stays unless one that stayed has its class and overlaps it.
 */
size_t oc_detections_suppress(oc_detection *items, size_t count, float overlap);

/** Intersection over union; 0 where both are empty. */
float oc_detection_overlap(const oc_detection *a, const oc_detection *b);

/** Letters are 5 x 7 pixels, one apart. Bit 4 of a row is its left pixel. */
#define OC_FONT_WIDTH 5
#define OC_FONT_HEIGHT 7
/** The seven rows of a character; one that is not printable ASCII looks like '?'. */
const uint8_t *oc_font_rows(char c);

#endif
