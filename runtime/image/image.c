/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a picture's format and decoding it. */
#include "oc_image.h"

#include <stdio.h>

static const oc_image_format *const formats[] = {&oc_image_png, &oc_image_jpeg, &oc_image_bmp};

oc_status oc_image_alloc(int64_t width, int64_t height, int32_t channels, uint64_t memory_bytes,
                         const oc_allocator *alloc, oc_image *image)
{
    size_t bytes;
    uint8_t *pixels;
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return oc_fail(OC_E_FORMAT,
                       "expected a picture of 1 to %d pixels a side, found %lld x %lld", INT32_MAX,
                       (long long)width, (long long)height);
    OC_TRY(oc_mul_size((size_t)width, (size_t)height, &bytes));
    OC_TRY(oc_mul_size(bytes, (size_t)channels, &bytes));
    if (bytes > memory_bytes)
        return oc_fail(
            OC_E_LIMIT, "expected a picture of at most %llu bytes, found %lld x %lld x %d",
            (unsigned long long)memory_bytes, (long long)width, (long long)height, (int)channels);
    OC_TRY(oc_alloc(alloc, bytes, 1, &pixels));
    *image = (oc_image){
        .width = (int32_t)width, .height = (int32_t)height, .channels = channels, .pixels = pixels};
    return OC_OK;
}

oc_status oc_image_check(const oc_image *image)
{
    if (image->pixels == NULL || image->width < 1 || image->height < 1 ||
        (image->channels != 1 && image->channels != 3))
        return oc_fail(OC_E_ARG, "picture: expected pixels of 1 or 3 channels, found %d x %d x %d",
                       (int)image->width, (int)image->height, (int)image->channels);
    return OC_OK;
}

void oc_image_free(oc_image *image, const oc_allocator *alloc)
{
    oc_free(alloc, image->pixels);
    *image = (oc_image){0};
}

oc_status oc_image_decode(oc_bytes bytes, const oc_limits *limits, const oc_allocator *alloc,
                          oc_image *image)
{
    const uint64_t memory_bytes = oc_limits_or_default(limits).memory_bytes;
    char first[3 * 4 + 1] = "";
    for (size_t i = 0; i < OC_COUNT(formats); i++) {
        oc_image decoded = {0};
        if (!formats[i]->probe(bytes))
            continue;
        oc_status status = formats[i]->decode(bytes, memory_bytes, alloc, &decoded);
        if (status != OC_OK)
            return oc_fail_in(status, "%s", formats[i]->name);
        *image = decoded;
        return OC_OK;
    }
    for (size_t i = 0; i < bytes.size && i < 4; i++)
        snprintf(first + 3 * i, sizeof(first) - 3 * i, " %02x", bytes.data[i]);
    return oc_fail(OC_E_FORMAT, "expected a PNG, JPEG or BMP picture, found %s%s",
                   bytes.size > 0 ? "a file that begins with" : "an empty file", first);
}

oc_status oc_image_read(const char *path, const oc_limits *limits, const oc_allocator *alloc,
                        oc_image *image)
{
    oc_bytes bytes;
    OC_TRY(oc_file_slurp(path, oc_limits_or_default(limits).memory_bytes, alloc, &bytes));
    oc_status status = oc_image_decode(bytes, limits, alloc, image);
    oc_free(alloc, (void *)bytes.data);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", path);
}
