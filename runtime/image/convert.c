/* SPDX-License-Identifier: Apache-2.0 */
/* From a picture to a model's input tensor: channels, size, values. */
#include "oc_image.h"

#include <math.h>

/* What the tensor's shape asks for. */
typedef struct target {
    int32_t height, width, channels;
    size_t step_h, step_w, step_c; /* elements between neighbours */
} target;

static oc_status read_target(const oc_desc *desc, oc_image_layout layout, target *t)
{
    const bool is_nchw = layout == OC_IMAGE_NCHW;
    const int32_t *dim = desc->shape.dim;
    const char *expected = is_nchw ? "1xCxHxW" : "1xHxWxC";
    char text[OC_DESC_TEXT];
    oc_desc_print(desc, text, sizeof(text));
    if (desc->dtype != OC_DTYPE_float32 && desc->dtype != OC_DTYPE_uint8 &&
        desc->dtype != OC_DTYPE_int8)
        return oc_fail(OC_E_DTYPE,
                       "input: expected float32, uint8 or int8 %s for a picture, found %s", expected,
                       text);
    if (desc->shape.rank != 4 || dim[0] != 1)
        return oc_fail(OC_E_SHAPE, "input: expected %s for a picture, found %s", expected, text);
    *t = (target){.height = dim[is_nchw ? 2 : 1],
                  .width = dim[is_nchw ? 3 : 2],
                  .channels = dim[is_nchw ? 1 : 3]};
    if ((t->channels != 1 && t->channels != 3) || t->height < 1 || t->width < 1)
        return oc_fail(OC_E_SHAPE, "input: expected %s with C 1 or 3 for a picture, found %s",
                       expected, text);
    const size_t c = (size_t)t->channels, w = (size_t)t->width, h = (size_t)t->height;
    t->step_h = is_nchw ? w : w * c;
    t->step_w = is_nchw ? 1 : c;
    t->step_c = is_nchw ? h * w : 1;
    return OC_OK;
}

/* Mean and scale per channel. Without any, samples stay as they are, an int8 less 128. */
static oc_status read_norm(const oc_image_norm *norm, oc_dtype dtype, int32_t channels,
                           float mean[3], float scale[3])
{
    static const oc_image_norm none = {.n = 1, .mean = {0}, .scale = {1}},
                               centred = {.n = 1, .mean = {128}, .scale = {1}};
    if (norm == NULL)
        norm = dtype == OC_DTYPE_int8 ? &centred : &none;
    if (norm->n != 1 && norm->n != channels)
        return oc_fail(OC_E_ARG, "mean and scale: expected 1 or %d values, found %d", (int)channels,
                       (int)norm->n);
    for (int32_t c = 0; c < channels; c++) {
        mean[c] = norm->mean[norm->n == 1 ? 0 : c];
        scale[c] = norm->scale[norm->n == 1 ? 0 : c];
        if (!isfinite(mean[c]) || !isfinite(scale[c]))
            return oc_fail(OC_E_ARG, "mean and scale: expected finite values, found %g and %g",
                           (double)mean[c], (double)scale[c]);
    }
    return OC_OK;
}

static oc_status make_grey(const oc_image *in, const oc_allocator *alloc, oc_image *out)
{
    OC_TRY(oc_image_alloc(in->width, in->height, 1, UINT64_MAX, alloc, out));
    const size_t pixels = (size_t)in->width * (size_t)in->height;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *rgb = in->pixels + 3 * i;
        out->pixels[i] =
            (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
    }
    return OC_OK;
}

static void write_value(float value, oc_dtype dtype, size_t at, void *values)
{
    if (dtype == OC_DTYPE_float32)
        ((float *)values)[at] = value;
    else if (dtype == OC_DTYPE_int8)
        ((int8_t *)values)[at] = (int8_t)fminf(fmaxf(roundf(value), -128.0f), 127.0f);
    else
        ((uint8_t *)values)[at] = (uint8_t)fminf(fmaxf(roundf(value), 0.0f), 255.0f);
}

/* `image` has the target's size, and its channels or 1. */
static void write_values(const oc_image *image, const target *t, const float mean[3],
                         const float scale[3], const oc_tensor *tensor)
{
    const uint8_t *sample = image->pixels;
    const size_t channels = (size_t)image->channels;
    for (size_t h = 0; h < (size_t)t->height; h++) {
        for (size_t w = 0; w < (size_t)t->width; w++, sample += channels) {
            const size_t to = h * t->step_h + w * t->step_w;
            for (size_t c = 0; c < (size_t)t->channels; c++) {
                const float x = (float)sample[channels == 1 ? 0 : c];
                write_value((x - mean[c]) * scale[c], tensor->desc.dtype, to + c * t->step_c,
                            tensor->data);
            }
        }
    }
}

oc_status oc_image_to_tensor(const oc_image *image, const oc_desc *desc, oc_image_layout layout,
                             const oc_image_norm *norm, const oc_allocator *alloc,
                             oc_tensor *tensor)
{
    target t = {0};
    float mean[3] = {0}, scale[3] = {0};
    oc_image grey = {0}, sized = {0};
    oc_tensor fresh;
    oc_status status;
    OC_TRY(oc_image_check(image));
    OC_TRY(read_target(desc, layout, &t));
    OC_TRY(read_norm(norm, desc->dtype, t.channels, mean, scale));
    if (image->channels == 3 && t.channels == 1) {
        OC_TRY_OUT(make_grey(image, alloc, &grey));
        image = &grey;
    }
    if (image->width != t.width || image->height != t.height) {
        OC_TRY_OUT(oc_image_resize(image, t.width, t.height, OC_IMAGE_FILTERED, alloc, &sized));
        image = &sized;
    }
    OC_TRY_OUT(oc_tensor_alloc(desc, alloc, &fresh));
    write_values(image, &t, mean, scale, &fresh);
    *tensor = fresh;
out:
    oc_image_free(&sized, alloc);
    oc_image_free(&grey, alloc);
    return status;
}
