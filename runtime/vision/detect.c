/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a detector's numbers to boxes. Sources: Redmon et al., You Only Look Once (2015), section 2;
 * Redmon and Farhadi, YOLO9000 (2016), section 2 ("Direct location prediction") and YOLOv3 (2018),
 * section 2.1.
 */
#include "oc_vision.h"

#include <math.h>
#include <stdlib.h>

/* A box and where it was found, which decides between equal scores. */
typedef struct candidate {
    oc_detection box;
    size_t order;
} candidate;

typedef struct finder {
    const oc_detect_options *options;
    const oc_allocator *alloc;
    oc_image_place place;
    candidate *items;
    size_t count, capacity;
} finder;

/* ---- candidates -------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->box.score != b->box.score)
        return a->box.score < b->box.score ? 1 : -1;
    if (a->box.class_index != b->box.class_index)
        return a->box.class_index < b->box.class_index ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/*
 * A box by its middle and size, all in parts of the network's input, with one class. Scores of NaN
 * and boxes of no finite size are none.
 */
static oc_status add(finder *f, const oc_detector *d, const float box[4], int32_t class_index,
                     float score)
{
    const oc_detect_options *o = f->options;
    if (!(score > o->threshold))
        return OC_OK;
    const double x_scale = (double)o->width / f->place.width;
    const double y_scale = (double)o->height / f->place.height;
    const double x = ((double)box[0] * d->input_w - f->place.left) * x_scale;
    const double y = ((double)box[1] * d->input_h - f->place.top) * y_scale;
    const double w = (double)box[2] * d->input_w * x_scale / 2;
    const double h = (double)box[3] * d->input_h * y_scale / 2;
    const oc_detection found = {class_index,    score,          (float)(x - w),
                                (float)(y - h), (float)(x + w), (float)(y + h)};
    if (!isfinite(found.left) || !isfinite(found.top) || !isfinite(found.right) ||
        !isfinite(found.bottom) || !isfinite(score))
        return OC_OK;
    OC_TRY(oc_grow(f->alloc, &f->items, f->count, &f->capacity, sizeof(*f->items)));
    f->items[f->count] = (candidate){found, f->count};
    f->count++;
    return OC_OK;
}

/* ---- kinds of detectors -------------------------------------------------------------------------- */

/* Planes of one anchor: x, y, w, h, objectness, classes; `plane` numbers each. */
static oc_status decode_anchor(finder *f, const oc_detector *d, const float *at, size_t plane,
                               int32_t cells_h, int32_t cells_w, const float anchor[2])
{
    const bool is_yolo = d->kind == OC_DETECTOR_YOLO;
    const float stretch = d->scale_xy, shift = (d->scale_xy - 1) / 2;
    /* YOLOv2's anchors are in cells, later ones in pixels of the input. */
    const float in_w = (float)(is_yolo ? d->input_w : cells_w);
    const float in_h = (float)(is_yolo ? d->input_h : cells_h);
    for (size_t i = 0; i < plane; i++) {
        const float objectness = at[4 * plane + i];
        if (!(objectness > f->options->threshold)) /* no product with a probability is larger */
            continue;
        const float column = (float)(i % (size_t)cells_w), row = (float)(i / (size_t)cells_w);
        const float box[4] = {
            (column + at[i] * stretch - shift) / (float)cells_w,
            (row + at[plane + i] * stretch - shift) / (float)cells_h,
            expf(at[2 * plane + i]) * anchor[0] / in_w,
            expf(at[3 * plane + i]) * anchor[1] / in_h,
        };
        for (int32_t c = 0; c < d->n_classes; c++)
            OC_TRY(add(f, d, box, c, objectness * at[(5 + (size_t)c) * plane + i]));
    }
    return OC_OK;
}

static oc_status fail_shape(const oc_tensor *output, const char *expected)
{
    char text[OC_SHAPE_TEXT];
    return oc_fail(OC_E_SHAPE, "output of a detector: expected %s, found %s", expected,
                   oc_shape_print(&output->desc.shape, text, sizeof(text)));
}

static oc_status decode_anchors(finder *f, const oc_detector *d, const oc_tensor *output)
{
    const int32_t *dim = output->desc.shape.dim;
    const int64_t channels = (int64_t)d->n_anchors * (5 + (int64_t)d->n_classes);
    if (output->desc.shape.rank != 4 || dim[1] != channels || dim[0] <= f->options->index)
        return fail_shape(output, "[N, anchors * (5 + classes), H, W]");
    const size_t plane = (size_t)dim[2] * (size_t)dim[3];
    const float *at =
        (const float *)output->data + (size_t)f->options->index * (size_t)channels * plane;
    for (int32_t a = 0; a < d->n_anchors; a++, at += (5 + (size_t)d->n_classes) * plane)
        OC_TRY(decode_anchor(f, d, at, plane, dim[2], dim[3], d->anchors + 2 * a));
    return OC_OK;
}

static oc_status decode_cells(finder *f, const oc_detector *d, const oc_tensor *output)
{
    const int32_t *dim = output->desc.shape.dim;
    const size_t side = (size_t)d->cells, cells = side * side, boxes = (size_t)d->n_anchors;
    const size_t classes = (size_t)d->n_classes, count = cells * (classes + 5 * boxes);
    if (output->desc.shape.rank != 2 || (size_t)dim[1] != count || dim[0] <= f->options->index)
        return fail_shape(output, "[N, cells^2 * (classes + 5 * boxes)]");
    const float *probabilities = (const float *)output->data + (size_t)f->options->index * count;
    const float *objectness = probabilities + cells * classes;
    const float *at = objectness + cells * boxes;
    for (size_t i = 0; i < cells * boxes; i++, at += 4) {
        const size_t cell = i / boxes;
        const float box[4] = {(at[0] + (float)(cell % side)) / (float)side,
                              (at[1] + (float)(cell / side)) / (float)side,
                              d->is_squared ? at[2] * at[2] : at[2],
                              d->is_squared ? at[3] * at[3] : at[3]};
        for (size_t c = 0; c < classes; c++)
            OC_TRY(add(f, d, box, (int32_t)c, objectness[i] * probabilities[cell * classes + c]));
    }
    return OC_OK;
}

static oc_status decode(finder *f, const oc_detector *d, const oc_tensor *output)
{
    const oc_detect_options *o = f->options;
    if (output->desc.dtype != OC_DTYPE_float32)
        return oc_fail(OC_E_DTYPE, "output of a detector: expected float32, found %s",
                       oc_dtype_name(output->desc.dtype));
    f->place = o->place ? *o->place : (oc_image_place){0, 0, d->input_w, d->input_h};
    return d->kind == OC_DETECTOR_CELLS ? decode_cells(f, d, output) : decode_anchors(f, d, output);
}

/* ---- all of them --------------------------------------------------------------------------------- */

static oc_status check_options(const oc_detect_options *o)
{
    if (!(o->threshold >= 0) || !(o->threshold <= 1) || !(o->overlap >= 0) || !(o->overlap <= 1))
        return oc_fail(OC_E_ARG, "threshold and overlap: expected 0 to 1, found %g and %g",
                       (double)o->threshold, (double)o->overlap);
    if (o->width < 1 || o->height < 1 || o->index < 0 ||
        (o->place && (o->place->width < 1 || o->place->height < 1)))
        return oc_fail(OC_E_ARG, "picture: expected a size of at least 1 x 1, found %d x %d",
                       (int)o->width, (int)o->height);
    return OC_OK;
}

oc_status oc_detect(const oc_detector *const *detectors, const oc_tensor *outputs, size_t n_outputs,
                    const oc_detect_options *options, const oc_allocator *alloc,
                    oc_detections *found)
{
    finder f = {.options = options, .alloc = oc_allocator_or_default(alloc)};
    oc_status status;
    oc_detections fresh = {0};
    OC_TRY(check_options(options));
    for (size_t i = 0; i < n_outputs; i++)
        OC_TRY_OUT(decode(&f, detectors[i], &outputs[i]));
    if (f.count > 0)
        qsort(f.items, f.count, sizeof(*f.items), compare);
    fresh.count = OC_MIN(f.count, (size_t)OC_DETECTIONS_MAX);
    fresh.n_left_out = f.count - fresh.count;
    OC_TRY_OUT(OC_ALLOC(f.alloc, fresh.count, fresh.items));
    for (size_t i = 0; i < fresh.count; i++)
        fresh.items[i] = f.items[i].box;
    fresh.count = oc_detections_suppress(fresh.items, fresh.count, options->overlap);
    *found = fresh;
out:
    oc_free(f.alloc, f.items);
    return status;
}

void oc_detections_free(oc_detections *detections, const oc_allocator *alloc)
{
    oc_free(oc_allocator_or_default(alloc), detections->items);
    *detections = (oc_detections){0};
}
