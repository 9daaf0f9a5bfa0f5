/* SPDX-License-Identifier: Apache-2.0 */
/* A picture with its proportions kept, in the middle of one of another shape. */
#include "oc_image.h"

#define GREY 128

oc_image_place oc_image_letterbox_place(int32_t from_width, int32_t from_height, int32_t width,
                                        int32_t height)
{
    oc_image_place place = {.width = width, .height = height};
    /* width / from_width against height / from_height */
    if ((int64_t)width * from_height < (int64_t)height * from_width)
        place.height = (int32_t)OC_MAX((int64_t)from_height * width / from_width, 1);
    else
        place.width = (int32_t)OC_MAX((int64_t)from_width * height / from_height, 1);
    place.left = (width - place.width) / 2;
    place.top = (height - place.height) / 2;
    return place;
}

oc_status oc_image_letterbox(const oc_image *image, int32_t width, int32_t height,
                             oc_image_filter filter, const oc_allocator *alloc, oc_image *boxed)
{
    oc_image sized = {0}, made = {0};
    oc_status status;
    OC_TRY(oc_image_check(image));
    if (width < 1 || height < 1)
        return oc_fail(OC_E_ARG, "picture: expected at least 1 x 1 pixels, found %d x %d",
                       (int)width, (int)height);
    const oc_image_place p = oc_image_letterbox_place(image->width, image->height, width, height);
    OC_TRY_OUT(oc_image_resize(image, p.width, p.height, filter, alloc, &sized));
    OC_TRY_OUT(oc_image_alloc(width, height, image->channels,
                              oc_limits_or_default(NULL).memory_bytes, alloc, &made));
    const size_t c = (size_t)image->channels, stride = (size_t)width * c, row = (size_t)p.width * c;
    memset(made.pixels, GREY, stride * (size_t)height);
    for (size_t y = 0; y < (size_t)p.height; y++)
        memcpy(made.pixels + ((size_t)p.top + y) * stride + (size_t)p.left * c,
               sized.pixels + y * row, row);
    *boxed = made;
out:
    oc_image_free(&sized, alloc);
    return status;
}
