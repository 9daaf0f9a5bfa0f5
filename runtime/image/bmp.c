/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BMP, uncompressed. Source: Microsoft, "Bitmap Storage". A file header of 14 bytes, an information
 * header whose first field is its size, a palette of 4-byte entries (blue, green, red, unused) for 8
 * bits a pixel, and rows padded to 4 bytes, the bottom row first unless the height is negative.
 */
#include "oc_image.h"

#define FILE_HEADER 14
#define INFO_HEADER 40 /* later versions are longer and begin alike */

typedef struct header {
    int32_t width, height; /* height as in the file: negative for top-down */
    uint16_t bits;
    size_t palette;     /* offset */
    uint32_t n_colours; /* entries of the palette */
    size_t stride;
    oc_bytes rows;
} header;

static bool probe(oc_bytes bytes)
{
    return bytes.size >= 2 && memcmp(bytes.data, "BM", 2) == 0;
}

/* What of the headers says which kind of picture it is. */
static oc_status read_kind(oc_bytes bytes, header *h)
{
    uint32_t size, compression, width, height;
    uint16_t planes;
    OC_TRY(oc_bytes_u32(bytes, FILE_HEADER, &size));
    if (size < INFO_HEADER)
        return oc_fail(OC_E_UNSUPPORTED, "an information header of %u bytes (expected 40 or more)",
                       size);
    OC_TRY(oc_bytes_u32(bytes, FILE_HEADER + 4, &width));
    OC_TRY(oc_bytes_u32(bytes, FILE_HEADER + 8, &height));
    OC_TRY(oc_bytes_u16(bytes, FILE_HEADER + 12, &planes));
    OC_TRY(oc_bytes_u16(bytes, FILE_HEADER + 14, &h->bits));
    OC_TRY(oc_bytes_u32(bytes, FILE_HEADER + 16, &compression));
    OC_TRY(oc_bytes_u32(bytes, FILE_HEADER + 32, &h->n_colours));
    if (planes != 1)
        return oc_fail(OC_E_FORMAT, "offset 26: expected 1 plane, found %u", planes);
    if (compression != 0 || (h->bits != 8 && h->bits != 24 && h->bits != 32))
        return oc_fail(OC_E_UNSUPPORTED,
                       "%u bits a pixel, compression %u (expected 8, 24 or 32 bits, "
                       "compression 0)",
                       h->bits, compression);
    /* The range of int32_t without INT32_MIN, which cannot be negated. */
    if (width == 0 || width > INT32_MAX || height == 0 || height == UINT32_C(0x80000000))
        return oc_fail(OC_E_FORMAT, "offset 18: expected a width and a height, found %u and %u",
                       width, height);
    h->width = (int32_t)width;
    h->height = (int32_t)height;
    if (size > bytes.size - FILE_HEADER)
        return oc_fail(OC_E_FORMAT, "offset 14: expected at most %zu bytes of header, found %u",
                       bytes.size - FILE_HEADER, size);
    h->palette = (size_t)FILE_HEADER + size;
    return OC_OK;
}

static oc_status read_header(oc_bytes bytes, header *h)
{
    uint32_t offset;
    size_t row_bits, size;
    OC_TRY(read_kind(bytes, h));
    OC_TRY(oc_bytes_u32(bytes, 10, &offset));
    if (h->n_colours == 0 && h->bits == 8)
        h->n_colours = 256;
    if (h->bits == 8 && h->n_colours > 256)
        return oc_fail(OC_E_FORMAT, "offset 46: expected at most 256 colours, found %u",
                       h->n_colours);
    OC_TRY(oc_mul_size((size_t)h->width, h->bits, &row_bits));
    OC_TRY(oc_add_size(row_bits, 31, &row_bits));
    h->stride = row_bits / 32 * 4;
    OC_TRY(oc_mul_size(h->stride, (size_t)(h->height < 0 ? -h->height : h->height), &size));
    return oc_bytes_sub(bytes, offset, size, &h->rows);
}

/* One row of pixels as red, green, blue. */
static oc_status read_row(const header *h, oc_bytes palette, const uint8_t *from, uint8_t *to)
{
    const size_t step = h->bits / 8;
    for (int32_t x = 0; x < h->width; x++, from += step, to += 3) {
        const uint8_t *bgr = from;
        if (h->bits == 8) {
            if (*from >= h->n_colours)
                return oc_fail(OC_E_FORMAT, "expected colours 0 to %u, found %u", h->n_colours - 1,
                               *from);
            bgr = palette.data + 4 * (size_t)*from;
        }
        to[0] = bgr[2];
        to[1] = bgr[1];
        to[2] = bgr[0];
    }
    return OC_OK;
}

static oc_status decode(oc_bytes bytes, uint64_t memory_bytes, const oc_allocator *alloc,
                        oc_image *image)
{
    header h;
    oc_bytes palette = {0};
    oc_status status = OC_OK;
    OC_TRY(read_header(bytes, &h));
    if (h.bits == 8)
        OC_TRY(oc_bytes_sub(bytes, h.palette, (size_t)h.n_colours * 4, &palette));
    const int32_t height = h.height < 0 ? -h.height : h.height;
    OC_TRY(oc_image_alloc(h.width, height, 3, memory_bytes, alloc, image));
    for (int32_t y = 0; y < height && status == OC_OK; y++) {
        int32_t row = h.height < 0 ? y : height - 1 - y;
        status = read_row(&h, palette, h.rows.data + (size_t)row * h.stride,
                          image->pixels + (size_t)y * (size_t)h.width * 3);
    }
    if (status != OC_OK)
        oc_image_free(image, alloc);
    return status;
}

const oc_image_format oc_image_bmp = {.name = "BMP", .probe = probe, .decode = decode};
