/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng. libpng reports errors by a jump out of its call. What has to survive the jump lies
 * in a `reader`, not in local variables, whose values a jump may lose.
 */
#include "oc_image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>

/* Deflate cannot compress better than this (zlib's "maximum compression factor"). */
#define DEFLATE_RATIO 1032

typedef struct reader {
    oc_bytes bytes;
    size_t at;
    uint64_t memory_bytes;
    const oc_allocator *alloc;
    oc_image image;
    png_structp png;
    png_infop info;
    jmp_buf jump;
    bool is_out_of_memory;
    char message[128];
} reader;

static bool probe(oc_bytes bytes)
{
    return bytes.size >= 8 && png_sig_cmp(bytes.data, 0, 8) == 0;
}

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->message, sizeof(r->message), "%s", text);
    longjmp(r->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text; /* of chunks that do not change the pixels */
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    reader *r = png_get_mem_ptr(png);
    const oc_allocator *alloc = oc_allocator_or_default(r->alloc);
    void *ptr = alloc->alloc(alloc->ctx, size);
    if (ptr == NULL)
        r->is_out_of_memory = oc_fail_memory(alloc, " for libpng", size) != OC_OK;
    return ptr;
}

static void on_free(png_structp png, png_voidp ptr)
{
    reader *r = png_get_mem_ptr(png);
    oc_free(r->alloc, ptr);
}

static void on_read(png_structp png, png_bytep to, size_t size)
{
    reader *r = png_get_io_ptr(png);
    if (size > r->bytes.size - r->at)
        png_error(png, "the file's end");
    memcpy(to, r->bytes.data + r->at, size);
    r->at += size;
}

/* Any PNG as 8-bit grey, grey and alpha, RGB or RGBA. Returns how often the rows come. */
static int set_transforms(reader *r)
{
    png_set_expand(r->png);
    png_set_scale_16(r->png);
    return png_set_interlace_handling(r->png);
}

static oc_status check_ratio(const reader *r, png_uint_32 height)
{
    const uint64_t packed = (uint64_t)png_get_rowbytes(r->png, r->info) * height;
    if (packed / DEFLATE_RATIO > r->bytes.size)
        return oc_fail(OC_E_FORMAT,
                       "expected at least %llu bytes for the pixels, found a file of %zu",
                       (unsigned long long)(packed / DEFLATE_RATIO), r->bytes.size);
    return OC_OK;
}

static oc_status read_pixels(reader *r)
{
    const png_uint_32 width = png_get_image_width(r->png, r->info);
    const png_uint_32 height = png_get_image_height(r->png, r->info);
    OC_TRY(check_ratio(r, height));
    const int passes = set_transforms(r);
    png_read_update_info(r->png, r->info);
    const int32_t channels = png_get_channels(r->png, r->info);
    OC_TRY(oc_image_alloc(width, height, channels, r->memory_bytes, r->alloc, &r->image));
    const size_t stride = (size_t)width * (size_t)channels;
    if (png_get_rowbytes(r->png, r->info) != stride)
        return oc_fail(OC_E_INTERNAL, "expected rows of %zu bytes from libpng, found %zu", stride,
                       png_get_rowbytes(r->png, r->info));
    for (int pass = 0; pass < passes; pass++)
        for (png_uint_32 y = 0; y < height; y++)
            png_read_row(r->png, r->image.pixels + y * stride, NULL);
    png_read_end(r->png, NULL);
    return OC_OK;
}

/* The whole of libpng's work, with the jump's landing place. */
static oc_status read_guarded(reader *r)
{
    if (setjmp(r->jump) != 0) {
        if (r->is_out_of_memory)
            return OC_E_NOMEM; /* on_alloc said which */
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a PNG's data, found: %s", r->at,
                       r->message);
    }
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, on_alloc,
                                      on_free);
    if (r->png != NULL)
        r->info = png_create_info_struct(r->png);
    if (r->info == NULL)
        return oc_fail(OC_E_NOMEM, "memory: libpng cannot start");
    png_set_read_fn(r->png, r, on_read);
    /* Our own limit, in bytes, comes before anything is allocated for pixels. */
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(r->png, r->info);
    return read_pixels(r);
}

/* Drop the alpha channel: each sample times alpha, which is the picture over black. The pixels move
 * to the front of the same memory. */
static void compose_over_black(oc_image *image)
{
    const int32_t colours = image->channels - 1;
    const size_t pixels = (size_t)image->width * (size_t)image->height;
    const uint8_t *from = image->pixels;
    uint8_t *to = image->pixels;
    for (size_t i = 0; i < pixels; i++, from += colours + 1) {
        const uint32_t alpha = from[colours];
        for (int32_t c = 0; c < colours; c++)
            *to++ = (uint8_t)((from[c] * alpha + 127) / 255);
    }
    image->channels = colours;
}

static oc_status decode(oc_bytes bytes, uint64_t memory_bytes, const oc_allocator *alloc,
                        oc_image *image)
{
    reader r = {.bytes = bytes, .memory_bytes = memory_bytes, .alloc = alloc};
    oc_status status = read_guarded(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (status != OC_OK) {
        oc_image_free(&r.image, alloc);
        return status;
    }
    if (r.image.channels == 2 || r.image.channels == 4)
        compose_over_black(&r.image);
    *image = r.image;
    return OC_OK;
}

const oc_image_format oc_image_png = {.name = "PNG", .probe = probe, .decode = decode};
