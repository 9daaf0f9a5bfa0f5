/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Pictures: read a file, make a model's input tensor of it.
 */
#ifndef OFFCUT_IMAGE_H
#define OFFCUT_IMAGE_H

#include <offcut/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** 8-bit samples, dense, [height, width, channels]: 1 channel is grey, 3 are red, green, blue. The top row comes first. */
typedef struct oc_image {
    int32_t width, height, channels;
    uint8_t *pixels;
} oc_image;

/**
 * Read a PNG, JPEG or BMP file; the format is found from the first bytes, not from the name.
 *
 * PNG: all types; 16-bit samples are rounded to 8, alpha is composed over black, gamma and profiles are ignored.
 * JPEG: grey and colour, sequential and progressive; orientation tags (EXIF) are ignored.
 * BMP: uncompressed, 24 and 32 bits, 8 bits with a palette, bottom-up and top-down.
 *
 * `limits`: memory_bytes bounds the file and the decoded picture, before anything is allocated for it. NULL: the defaults.
 * Owns: the caller frees `*image` with oc_image_free and the same allocator.
 * Errors: OC_E_IO, OC_E_FORMAT (what was expected, what was found; also where the file ends early),
 * OC_E_UNSUPPORTED (CMYK, compressed BMP), OC_E_LIMIT, OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_image_read(const char *path, const oc_limits *limits, const oc_allocator *alloc, oc_image *image);

/** Frees `image->pixels` and clears the image. An all-zero image is fine. */
OC_API void oc_image_free(oc_image *image, const oc_allocator *alloc);

/**
 * What a pixel of a resized picture is made of. A model sees best what it has learned from.
 *
 * filtered  a triangle (bilinear), as wide as a target pixel when the picture shrinks, so that nothing is skipped: equals
 *           Image.resize((W, H), BILINEAR) in Pillow up to 12, with which torchvision's models were trained (from 13 on Pillow
 *           takes y first where the height shrinks much more, and a sample may differ by 1)
 * linear    interpolated between the four nearest pixels, however much the picture shrinks: tf.image.resize without antialias,
 *           with which TensorFlow's models were trained, rounded along x and along y
 * nearest   the pixel in whose square the target pixel's middle lies
 */
typedef enum oc_image_filter { OC_IMAGE_FILTERED, OC_IMAGE_LINEAR, OC_IMAGE_NEAREST } oc_image_filter;

/**
 * `in` stretched to `width` x `height`, first along x and then along y, each rounded to 8 bits.
 * Owns: the caller frees `*out` with oc_image_free and the same allocator. Errors: OC_E_ARG (no picture, sizes below 1),
 * OC_E_LIMIT, OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_image_resize(const oc_image *in, int32_t width, int32_t height, oc_image_filter filter, const oc_allocator *alloc, oc_image *out);

/** How a model's input tensor holds a picture. */
typedef enum oc_image_layout { OC_IMAGE_NHWC, OC_IMAGE_NCHW } oc_image_layout;

/** What is done to each sample 0 .. 255: (sample - mean) * scale. `n` is 1 (for all channels alike) or the number of channels. */
typedef struct oc_image_norm {
    int32_t n;
    float mean[3], scale[3];
} oc_image_norm;

/**
 * Make the input tensor of type and shape `desc` from a picture:
 *
 * 1. channels: grey from colour is (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601), colour from grey repeats it;
 * 2. size: as oc_image_resize does with OC_IMAGE_FILTERED. The whole picture is stretched to the target; crop beforehand to keep
 *    its proportions, and resize beforehand for another filter;
 * 3. values: (sample - mean) * scale in float32, two roundings; as uint8 or int8 that, rounded to the nearest (halves away from
 *    zero) and saturated.
 *
 * Serial loop of step 3: for h, w, c: out[0, h, w, c] (NHWC; NCHW: out[0, c, h, w]) = ((float)sample - mean[c]) * scale[c].
 *
 * `desc`   float32, uint8 or int8 of shape [1,H,W,C] or [1,C,H,W] as `layout` says, C 1 or 3, H and W at least 1.
 * `norm`   NULL: mean 0 (int8: 128), scale 1. Values must be finite.
 * Owns: the caller frees `*tensor` with oc_tensor_free and the same allocator.
 * Errors: OC_E_SHAPE, OC_E_DTYPE, OC_E_ARG (norm), OC_E_LIMIT, OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_image_to_tensor(const oc_image *image, const oc_desc *desc, oc_image_layout layout, const oc_image_norm *norm, const oc_allocator *alloc, oc_tensor *tensor);

/** Where a picture lies in a larger one, in pixels from the left top corner. */
typedef struct oc_image_place {
    int32_t left, top, width, height;
} oc_image_place;

/**
 * The place of a picture of `from_width` x `from_height` that is made as large as fits into `width` x `height` with its
 * proportions kept (the other side rounded down, at least 1), in the middle. All numbers at least 1.
 */
OC_API oc_image_place oc_image_letterbox_place(int32_t from_width, int32_t from_height, int32_t width, int32_t height);

/**
 * `image` at its oc_image_letterbox_place in `width` x `height` pixels, resized as oc_image_resize does (oc_image_to_tensor
 * then finds nothing to resize); all else is grey, 128. What Darknet's detectors are given.
 * Owns: the caller frees `*boxed`. Errors: OC_E_ARG, OC_E_LIMIT, OC_E_NOMEM. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_image_letterbox(const oc_image *image, int32_t width, int32_t height, oc_image_filter filter, const oc_allocator *alloc, oc_image *boxed);

/** Write a PNG file, whole or not at all. Errors: OC_E_ARG (no picture), OC_E_IO, OC_E_NOMEM. Threads: safe. */
OC_API OC_MUST_USE oc_status oc_image_write_png(const char *path, const oc_image *image, const oc_allocator *alloc);

#ifdef __cplusplus
}
#endif
#endif
