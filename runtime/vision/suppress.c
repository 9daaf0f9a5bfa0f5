/* SPDX-License-Identifier: Apache-2.0 */
/* Greedy non-maximum suppression within each class. */
#include "oc_vision.h"

static float area(float left, float top, float right, float bottom)
{
    return right > left && bottom > top ? (right - left) * (bottom - top) : 0;
}

float oc_detection_overlap(const oc_detection *a, const oc_detection *b)
{
    const float both = area(OC_MAX(a->left, b->left), OC_MAX(a->top, b->top),
                            OC_MIN(a->right, b->right), OC_MIN(a->bottom, b->bottom));
    const float any = area(a->left, a->top, a->right, a->bottom) +
                      area(b->left, b->top, b->right, b->bottom) - both;
    return any > 0 ? both / any : 0;
}

size_t oc_detections_suppress(oc_detection *items, size_t count, float overlap)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_best = true;
        for (size_t k = 0; k < kept && is_best; k++)
            is_best = items[k].class_index != items[i].class_index ||
                      !(oc_detection_overlap(&items[k], &items[i]) > overlap);
        if (is_best)
            items[kept++] = items[i];
    }
    return kept;
}
