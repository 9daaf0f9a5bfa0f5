/* SPDX-License-Identifier: Apache-2.0 */
/* A class for every pixel, and a picture of them. */
#include "oc_vision.h"

#include "oc_tensor.h"

#include <math.h>

/* How the scores lie. */
typedef struct view {
    int32_t h, w, c;
    size_t step_pixel, step_class;
} view;

static oc_status read_view(const oc_desc *desc, oc_image_layout layout, view *v)
{
    const bool is_nchw = layout == OC_IMAGE_NCHW;
    const int32_t *dim = desc->shape.dim;
    char text[OC_DESC_TEXT];
    oc_desc_print(desc, text, sizeof(text));
    if (desc->dtype != OC_DTYPE_float32 && desc->dtype != OC_DTYPE_int8 &&
        desc->dtype != OC_DTYPE_uint8)
        return oc_fail(OC_E_DTYPE, "mask: expected scores of float32, int8 or uint8, found %s",
                       text);
    *v = (view){.h = dim[is_nchw ? 2 : 1], .w = dim[is_nchw ? 3 : 2], .c = dim[is_nchw ? 1 : 3]};
    if (desc->shape.rank != 4 || dim[0] != 1 || v->h < 1 || v->w < 1 || v->c < 2)
        return oc_fail(OC_E_SHAPE,
                       "mask: expected scores of shape %s with 2 classes at least, found %s",
                       is_nchw ? "1xCxHxW" : "1xHxWxC", text);
    v->step_pixel = is_nchw ? 1 : (size_t)v->c;
    v->step_class = is_nchw ? (size_t)v->h * (size_t)v->w : 1;
    return OC_OK;
}

static float score_at(const oc_tensor *scores, size_t i)
{
    if (scores->desc.dtype == OC_DTYPE_int8)
        return ((const int8_t *)scores->data)[i];
    if (scores->desc.dtype == OC_DTYPE_uint8)
        return ((const uint8_t *)scores->data)[i];
    return ((const float *)scores->data)[i];
}

static int32_t best_class(const oc_tensor *scores, const view *v, size_t pixel)
{
    int32_t best = 0;
    float top = -INFINITY;
    for (int32_t c = 0; c < v->c; c++) {
        const float score = score_at(scores, pixel * v->step_pixel + (size_t)c * v->step_class);
        if (score > top) {
            best = c;
            top = score;
        }
    }
    return best;
}

oc_status oc_mask_make(const oc_tensor *scores, oc_image_layout layout, const oc_allocator *alloc,
                       oc_mask *mask)
{
    view v = {0};
    oc_status status;
    oc_mask made = {0};
    OC_TRY(read_view(&scores->desc, layout, &v));
    alloc = oc_allocator_or_default(alloc);
    made.width = v.w;
    made.height = v.h;
    made.n_classes = v.c;
    const size_t pixels = (size_t)v.h * (size_t)v.w;
    OC_TRY_OUT(OC_ALLOC(alloc, pixels, made.classes));
    OC_TRY_OUT(OC_ALLOC(alloc, (size_t)v.c, made.pixels));
    for (size_t i = 0; i < pixels; i++) {
        made.classes[i] = best_class(scores, &v, i);
        made.pixels[made.classes[i]]++;
    }
    *mask = made;
out:
    if (status != OC_OK)
        oc_mask_free(&made, alloc);
    return status;
}

void oc_mask_free(oc_mask *mask, const oc_allocator *alloc)
{
    alloc = oc_allocator_or_default(alloc);
    oc_free(alloc, mask->classes);
    oc_free(alloc, mask->pixels);
    *mask = (oc_mask){0};
}

oc_status oc_mask_draw(const oc_mask *mask, int32_t width, int32_t height,
                       const oc_allocator *alloc, oc_image *drawn)
{
    oc_image image = {0};
    if (width < 1 || height < 1)
        return oc_fail(OC_E_ARG, "mask: expected a picture of at least 1 x 1, found %d x %d",
                       (int)width, (int)height);
    OC_TRY(oc_image_alloc(width, height, 3, oc_limits_or_default(NULL).memory_bytes,
                          oc_allocator_or_default(alloc), &image));
    uint8_t *to = image.pixels;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++, to += 3) {
            /* The middle of the pixel lies in this one of the mask. */
            const int64_t from_y = (2 * y + 1) * mask->height / (2 * (int64_t)height);
            const int64_t from_x = (2 * x + 1) * mask->width / (2 * (int64_t)width);
            oc_class_colour(mask->classes[from_y * mask->width + from_x], to);
        }
    *drawn = image;
    return OC_OK;
}
