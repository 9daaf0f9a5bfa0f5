/* SPDX-License-Identifier: Apache-2.0 */
/** Image: decoders, one file per format, and what they share. */
#ifndef OC_IMAGE_H
#define OC_IMAGE_H

#include "oc_tensor.h"

#include <offcut/image.h>

/** A picture format; a row is const and lives in the format's own file. */
typedef struct oc_image_format {
    const char *name;
    /** Whether a file that begins so is of this format. */
    bool (*probe)(oc_bytes bytes);
    /** Decode a whole file. `image` is zeroed and left so on failure. Errors: those of oc_image_read but OC_E_IO. */
    oc_status (*decode)(oc_bytes bytes, uint64_t memory_bytes, const oc_allocator *alloc, oc_image *image);
} oc_image_format;

extern const oc_image_format oc_image_png, oc_image_jpeg, oc_image_bmp;

/** Decode a whole file that lies in memory. As oc_image_read. */
OC_MUST_USE oc_status oc_image_decode(oc_bytes bytes, const oc_limits *limits, const oc_allocator *alloc, oc_image *image);

/** Pixels of 1 or 3 channels, at least 1 x 1. Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_image_check(const oc_image *image);

/** Zeroed samples for a picture, or OC_E_LIMIT before anything is allocated. Errors: OC_E_LIMIT, OC_E_NOMEM. */
OC_MUST_USE oc_status oc_image_alloc(int64_t width, int64_t height, int32_t channels, uint64_t memory_bytes, const oc_allocator *alloc, oc_image *image);

#endif
