/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders: pictures made here by libpng, libjpeg or by hand come back; cut, changed or random bytes
 * give an error or a picture, never more.
 */
#include "oc_image.h"
#include "oc_test.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#define PATH "test_image.bin"

static void put(oc_buf *buf, const void *data, size_t size)
{
    oc_assert_ok(oc_buf_put(buf, data, size));
}

static void put_le(oc_buf *buf, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(buf, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

static oc_bytes view(const oc_buf *buf)
{
    return (oc_bytes){.data = (const uint8_t *)buf->data, .size = buf->size};
}

/* ---- making PNG ---------------------------------------------------------------------------- */

static void png_put(png_structp png, png_bytep data, size_t size)
{
    put(png_get_io_ptr(png), data, size);
}

static void png_flushed(png_structp png)
{
    (void)png;
}

typedef struct png_kind {
    int type, bits, interlace;
    const uint8_t *palette_alpha; /* tRNS for a palette, [4] */
} png_kind;

/* A PNG of packed rows as the format wants them (16-bit: big-endian). The palette is fixed. */
static void make_png(oc_buf *buf, int32_t width, int32_t height, png_kind kind, const uint8_t *rows)
{
    static const png_color palette[4] = {{0, 0, 0}, {255, 0, 10}, {1, 2, 3}, {200, 100, 50}};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    oc_buf_init(buf, NULL);
    png_set_write_fn(png, buf, png_put, png_flushed);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kind.bits, kind.type,
                 kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind.type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    if (kind.palette_alpha != NULL)
        png_set_tRNS(png, info, kind.palette_alpha, 4, NULL);
    png_set_gAMA(png, info, 0.3); /* has to be ignored */
    png_write_info(png, info);
    const int passes = png_set_interlace_handling(png);
    const size_t stride = png_get_rowbytes(png, info);
    for (int pass = 0; pass < passes; pass++)
        for (int32_t y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

/* Decode and compare with the samples expected. */
static void check_picture(const oc_buf *file, int32_t width, int32_t height, int32_t channels,
                          const uint8_t *expected)
{
    oc_image image;
    oc_assert_ok(oc_image_decode(view(file), NULL, NULL, &image));
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.channels, channels);
    assert_memory_equal(image.pixels, expected, (size_t)(width * height * channels));
    oc_image_free(&image, NULL);
    assert_null(image.pixels);
}

static void png_plain(void **state)
{
    uint8_t samples[13 * 11 * 3];
    oc_rng rng = oc_rng_make(40);
    (void)state;
    oc_rng_fill_bytes(&rng, samples, sizeof(samples));
    for (int interlace = 0; interlace < 2; interlace++) {
        for (int channels = 1; channels <= 3; channels += 2) {
            const int type = channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
            oc_buf file;
            make_png(&file, 13, 11, (png_kind){.type = type, .bits = 8, .interlace = interlace},
                     samples);
            check_picture(&file, 13, 11, channels, samples);
            oc_buf_fini(&file);
        }
    }
}

static void png_alpha(void **state)
{
    static const uint8_t rgba[] = {255, 128, 1, 255, 255, 128, 1, 0,
                                   255, 100, 3, 128, 9,   9,   9, 254};
    static const uint8_t rgb[] = {255, 128, 1, 0, 0, 0, 128, 50, 2, 9, 9, 9};
    static const uint8_t grey_alpha[] = {200, 255, 200, 51}, grey[] = {200, 40};
    oc_buf file;
    (void)state;
    make_png(&file, 2, 2, (png_kind){.type = PNG_COLOR_TYPE_RGB_ALPHA, .bits = 8}, rgba);
    check_picture(&file, 2, 2, 3, rgb);
    oc_buf_fini(&file);
    make_png(&file, 2, 1, (png_kind){.type = PNG_COLOR_TYPE_GRAY_ALPHA, .bits = 8}, grey_alpha);
    check_picture(&file, 2, 1, 1, grey);
    oc_buf_fini(&file);
}

static void png_other_depths(void **state)
{
    static const uint8_t palette[] = {0x1b, 0xe4}; /* 0 1 2 3 and 3 2 1 0 */
    static const uint8_t palette_rgb[] = {0,   0,   0,  255, 0, 10, 1,   2, 3,  200, 100, 50,
                                          200, 100, 50, 1,   2, 3,  255, 0, 10, 0,   0,   0};
    static const uint8_t alpha[4] = {255, 255, 0, 51};
    static const uint8_t faded_rgb[] = {0,  0,  0,  255, 0, 10, 0,   0, 0,  40, 20, 10,
                                        40, 20, 10, 0,   0, 0,  255, 0, 10, 0,  0,  0};
    static const uint8_t bits[] = {0xa0}, bits_grey[] = {255, 0, 255};
    static const uint8_t wide[] = {0, 0, 0x80, 0x80, 0xff, 0xff, 0x12, 0x00, 0x00, 0x81};
    static const uint8_t wide_grey[] = {0, 0x80, 0xff, 0x12, 0x01};
    oc_buf file;
    (void)state;
    make_png(&file, 4, 2, (png_kind){.type = PNG_COLOR_TYPE_PALETTE, .bits = 2}, palette);
    check_picture(&file, 4, 2, 3, palette_rgb);
    oc_buf_fini(&file);
    make_png(&file, 4, 2,
             (png_kind){.type = PNG_COLOR_TYPE_PALETTE, .bits = 2, .palette_alpha = alpha},
             palette);
    check_picture(&file, 4, 2, 3, faded_rgb);
    oc_buf_fini(&file);
    make_png(&file, 3, 1, (png_kind){.type = PNG_COLOR_TYPE_GRAY, .bits = 1}, bits);
    check_picture(&file, 3, 1, 1, bits_grey);
    oc_buf_fini(&file);
    make_png(&file, 5, 1, (png_kind){.type = PNG_COLOR_TYPE_GRAY, .bits = 16}, wide);
    check_picture(&file, 5, 1, 1, wide_grey);
    oc_buf_fini(&file);
}

/* ---- making JPEG --------------------------------------------------------------------------- */

/* `samples` [height, width, components] in the colour space given, at quality 90. */
static void make_jpeg(oc_buf *buf, int32_t width, int32_t height, int components,
                      J_COLOR_SPACE space, bool is_progressive, uint8_t *samples)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = components;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    if (is_progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = samples + jpeg.next_scanline * (size_t)width * (size_t)components;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    oc_buf_init(buf, NULL);
    put(buf, data, size);
    free(data);
}

/* A smooth picture, which JPEG keeps well. */
static void fill_smooth(uint8_t *samples, int32_t width, int32_t height, int components)
{
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
            for (int c = 0; c < components; c++)
                *samples++ = (uint8_t)(40 + 4 * x + 3 * y + 20 * c);
}

static void jpeg_is_near(void **state)
{
    uint8_t samples[20 * 17 * 3];
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int components = i < 2 ? 1 : 3;
        const size_t size = (size_t)(20 * 17 * components);
        oc_buf file;
        oc_image image;
        fill_smooth(samples, 20, 17, components);
        make_jpeg(&file, 20, 17, components, components == 1 ? JCS_GRAYSCALE : JCS_RGB, i % 2,
                  samples);
        oc_assert_ok(oc_image_decode(view(&file), NULL, NULL, &image));
        assert_true(image.width == 20 && image.height == 17 && image.channels == components);
        for (size_t k = 0; k < size; k++)
            assert_in_range(abs(image.pixels[k] - samples[k]), 0, 8);
        oc_image_free(&image, NULL);
        oc_buf_fini(&file);
    }
}

static void jpeg_refuses_cmyk(void **state)
{
    uint8_t samples[8 * 8 * 4];
    oc_buf file;
    oc_image image = {0};
    (void)state;
    fill_smooth(samples, 8, 8, 4);
    make_jpeg(&file, 8, 8, 4, JCS_CMYK, false, samples);
    oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), OC_E_UNSUPPORTED,
                    "JPEG: a picture of 4 components");
    assert_null(image.pixels);
    oc_buf_fini(&file);
}

/* A scan costs as much as the picture, and may be empty: a small file could keep a decoder busy. */
static void jpeg_scans_are_limited(void **state)
{
    uint8_t samples[8 * 8];
    oc_buf file, many;
    oc_image image = {0};
    size_t sos = 0;
    (void)state;
    fill_smooth(samples, 8, 8, 1);
    make_jpeg(&file, 8, 8, 1, JCS_GRAYSCALE, true, samples);
    const oc_bytes bytes = view(&file);
    while (sos + 1 < bytes.size && !(bytes.data[sos] == 0xff && bytes.data[sos + 1] == 0xda))
        sos++;
    size_t end =
        sos + 2; /* the first scan with its Huffman table before it repeats well: it is DC */
    while (end + 1 < bytes.size && !(bytes.data[end] == 0xff && bytes.data[end + 1] != 0))
        end++;
    oc_buf_init(&many, NULL);
    put(&many, bytes.data, sos);
    for (int i = 0; i < 200; i++)
        put(&many, bytes.data + sos, end - sos);
    put(&many, bytes.data + end, bytes.size - end);
    oc_assert_fails(oc_image_decode(view(&many), NULL, NULL, &image), OC_E_LIMIT,
                    "more than 100 scans");
    oc_buf_fini(&many);
    oc_buf_fini(&file);
}

/* ---- making BMP ---------------------------------------------------------------------------- */

/* Headers of a BMP whose rows begin at `offset`; the caller puts palette and rows behind. */
static void make_bmp(oc_buf *buf, uint32_t width, int32_t height, uint32_t bits,
                     uint32_t compression, uint32_t n_colours, uint32_t offset)
{
    oc_buf_init(buf, NULL);
    put(buf, "BM", 2);
    put_le(buf, 0, 4); /* file size, often wrong in practice and not read */
    put_le(buf, 0, 4);
    put_le(buf, offset, 4);
    put_le(buf, 40, 4);
    put_le(buf, width, 4);
    put_le(buf, (uint32_t)height, 4);
    put_le(buf, 1, 2);
    put_le(buf, bits, 2);
    put_le(buf, compression, 4);
    for (int i = 0; i < 3; i++)
        put_le(buf, 0, 4);
    put_le(buf, n_colours, 4);
    put_le(buf, 0, 4);
    assert_int_equal(buf->size, 54);
}

static const uint8_t bmp_rgb[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};

/* bmp_rgb, 3 x 2, as a BMP. */
static void make_bmp_rgb(oc_buf *file, uint32_t bits, bool is_top_down)
{
    make_bmp(file, 3, is_top_down ? -2 : 2, bits, 0, 0, 54);
    for (int row = 0; row < 2; row++) {
        const uint8_t *rgb = bmp_rgb + 9 * (is_top_down ? row : 1 - row);
        for (int x = 0; x < 3; x++, rgb += 3) {
            put(file, (const uint8_t[]){rgb[2], rgb[1], rgb[0], 77}, bits / 8);
        }
        put(file, "pad", bits == 24 ? 3 : 0);
    }
}

static void bmp_colours(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        oc_buf file;
        make_bmp_rgb(&file, i % 2 ? 24 : 32, i / 2);
        check_picture(&file, 3, 2, 3, bmp_rgb);
        oc_buf_fini(&file);
    }
}

static void bmp_palette(void **state)
{
    static const uint8_t palette[] = {3, 2, 1, 0, 6, 5, 4, 0};
    static const uint8_t rgb[] = {4, 5, 6, 1, 2, 3, 4, 5, 6};
    oc_buf file;
    oc_image image;
    (void)state;
    make_bmp(&file, 3, 1, 8, 0, 2, 54 + 8);
    put(&file, palette, 8);
    put(&file, "\1\0\1\0", 4);
    check_picture(&file, 3, 1, 3, rgb);
    file.data[62] = 2;
    oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), OC_E_FORMAT,
                    "BMP: expected colours 0 to 1, found 2");
    oc_buf_fini(&file);
}

static void bmp_refuses(void **state)
{
    static const struct {
        uint32_t width;
        int32_t height;
        uint32_t bits, compression, n_colours, offset;
        oc_status status;
        const char *text;
    } cases[] = {
        {3, 2, 4, 0, 0, 54, OC_E_UNSUPPORTED, "4 bits a pixel, compression 0"},
        {3, 2, 16, 0, 0, 54, OC_E_UNSUPPORTED, "16 bits a pixel"},
        {3, 2, 8, 1, 0, 54, OC_E_UNSUPPORTED, "compression 1"},
        {3, 2, 32, 3, 0, 54, OC_E_UNSUPPORTED, "compression 3"},
        {0, 2, 24, 0, 0, 54, OC_E_FORMAT, "expected a width and a height, found 0 and 2"},
        {3, 0, 24, 0, 0, 54, OC_E_FORMAT, "expected a width and a height"},
        {3, INT32_MIN, 24, 0, 0, 54, OC_E_FORMAT, "expected a width and a height"},
        {0x80000000u, 1, 24, 0, 0, 54, OC_E_FORMAT, "expected a width and a height"},
        {3, 2, 8, 0, 257, 54, OC_E_FORMAT, "at most 256 colours, found 257"},
        {3, 2, 24, 0, 0, 60, OC_E_FORMAT, "offset 60: expected 24 bytes, found the end at 78"},
        {3, 2, 24, 0, 0, UINT32_MAX, OC_E_FORMAT, "expected 24 bytes"},
        {3, 2, 8, 0, 0, 54, OC_E_FORMAT, "offset 54: expected 1024 bytes"}, /* the palette */
        {0x7fffffff, 0x7fffffff, 32, 0, 0, 54, OC_E_FORMAT, "offset 54: expected"},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        oc_buf file;
        oc_image image = {0};
        make_bmp(&file, cases[i].width, cases[i].height, cases[i].bits, cases[i].compression,
                 cases[i].n_colours, cases[i].offset);
        put(&file, "012345678901234567890123", 24);
        oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), cases[i].status,
                        cases[i].text);
        assert_null(image.pixels);
        oc_buf_fini(&file);
    }
}

static void bmp_refuses_headers(void **state)
{
    oc_buf file;
    oc_image image;
    (void)state;
    make_bmp_rgb(&file, 24, false);
    file.data[14] = 12; /* OS/2 */
    oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), OC_E_UNSUPPORTED,
                    "of 12 bytes");
    file.data[14] = 100;
    oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), OC_E_FORMAT,
                    "bytes of header, found 100");
    file.data[14] = 40;
    file.data[26] = 2;
    oc_assert_fails(oc_image_decode(view(&file), NULL, NULL, &image), OC_E_FORMAT,
                    "1 plane, found 2");
    oc_buf_fini(&file);
}

/* ---- all formats --------------------------------------------------------------------------- */

/* One small file per format and kind. Returns false past the last. */
static bool make_any(size_t i, oc_buf *file)
{
    uint8_t samples[12 * 9 * 4];
    oc_rng rng = oc_rng_make(41);
    oc_rng_fill_bytes(&rng, samples, sizeof(samples));
    switch (i) {
    case 0:
        make_png(file, 12, 9, (png_kind){.type = PNG_COLOR_TYPE_RGB, .bits = 8}, samples);
        return true;
    case 1:
        make_png(file, 12, 9,
                 (png_kind){.type = PNG_COLOR_TYPE_RGB_ALPHA, .bits = 8, .interlace = 1}, samples);
        return true;
    case 2:
        make_png(file, 12, 9, (png_kind){.type = PNG_COLOR_TYPE_PALETTE, .bits = 2}, samples);
        return true;
    case 3:
        make_jpeg(file, 12, 9, 3, JCS_RGB, false, samples);
        return true;
    case 4:
        make_jpeg(file, 12, 9, 1, JCS_GRAYSCALE, true, samples);
        return true;
    case 5:
        make_bmp_rgb(file, 24, true);
        return true;
    case 6:
        make_bmp_rgb(file, 32, false);
        return true;
    default:
        return false;
    }
}

static void cut_anywhere(void **state)
{
    oc_buf file;
    (void)state;
    for (size_t i = 0; make_any(i, &file); i++) {
        for (size_t size = 0; size < file.size; size++) {
            oc_image image = {0};
            uint8_t *bytes =
                malloc(size > 0 ? size : 1); /* exactly: a sanitizer sees any step past it */
            assert_non_null(bytes);
            memcpy(bytes, file.data, size);
            oc_assert_fails(oc_image_decode((oc_bytes){bytes, size}, NULL, NULL, &image),
                            OC_E_FORMAT, NULL);
            assert_null(image.pixels);
            free(bytes);
        }
        oc_buf_fini(&file);
    }
}

/* Bytes changed at random: an error or a picture within the limit. */
static void random_changes(void **state)
{
    const oc_limits limits = {.memory_bytes = 1 << 20};
    oc_rng rng = oc_rng_make(42);
    oc_buf file;
    int decoded = 0, refused = 0;
    (void)state;
    for (size_t i = 0; make_any(i, &file); i++) {
        for (int round = 0; round < 1500; round++) {
            oc_image image = {0};
            uint8_t *bytes = malloc(file.size);
            assert_non_null(bytes);
            memcpy(bytes, file.data, file.size);
            for (uint32_t n = 1 + oc_rng_below(&rng, 4); n > 0; n--)
                bytes[oc_rng_below(&rng, (uint32_t)file.size)] = (uint8_t)oc_rng_below(&rng, 256);
            oc_status status = oc_image_decode((oc_bytes){bytes, file.size}, &limits, NULL, &image);
            if (status == OC_OK) {
                assert_in_range((uint64_t)image.width * (uint64_t)image.height *
                                    (uint64_t)image.channels,
                                1, 1 << 20);
                decoded++;
            } else {
                assert_true(status == OC_E_FORMAT || status == OC_E_LIMIT ||
                            status == OC_E_UNSUPPORTED);
                assert_null(image.pixels);
                refused++;
            }
            oc_image_free(&image, NULL);
            free(bytes);
        }
        oc_buf_fini(&file);
    }
    assert_true(decoded > 500 && refused > 500); /* both ways were taken */
}

static void random_bytes(void **state)
{
    static const char *const starts[] = {"", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe0", "BM"};
    oc_rng rng = oc_rng_make(43);
    (void)state;
    for (int round = 0; round < 4000; round++) {
        uint8_t bytes[300];
        oc_image image = {0};
        const char *start = starts[round % (int)OC_COUNT(starts)];
        oc_rng_fill_bytes(&rng, bytes, sizeof(bytes));
        memcpy(bytes, start, strlen(start));
        assert_int_not_equal(oc_image_decode((oc_bytes){bytes, sizeof(bytes)}, NULL, NULL, &image),
                             OC_OK);
        assert_null(image.pixels);
    }
}

static void other_files(void **state)
{
    oc_image image = {0};
    (void)state;
    oc_assert_ok(oc_file_replace(PATH, "GIF89a", 6));
    oc_assert_fails(
        oc_image_read(PATH, NULL, NULL, &image), OC_E_FORMAT,
        PATH ": expected a PNG, JPEG or BMP picture, found a file that begins with 47 49 46 38");
    oc_assert_ok(oc_file_replace(PATH, "", 0));
    oc_assert_fails(oc_image_read(PATH, NULL, NULL, &image), OC_E_FORMAT, "found an empty file");
    oc_assert_fails(oc_image_read("none.png", NULL, NULL, &image), OC_E_IO, "none.png");
    assert_null(image.pixels);
}

/* The CRC-32 of PNG's chunks. */
static uint32_t checksum(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

/* A header that promises much and a file that holds little: refused before memory is taken. */
static void bombs(void **state)
{
    uint8_t samples[8 * 8 * 3] = {0};
    oc_test_allocator alloc;
    oc_image image = {0};
    oc_buf file;
    (void)state;
    oc_test_allocator_init(&alloc, 0);
    make_jpeg(&file, 8, 8, 3, JCS_RGB, false, samples);
    for (size_t i = 0; i + 9 < file.size; i++)
        if ((uint8_t)file.data[i] == 0xff && (uint8_t)file.data[i + 1] == 0xc0)
            memcpy(file.data + i + 5, "\xff\xdc\xff\xdc", 4);
    oc_assert_fails(oc_image_decode(view(&file), NULL, &alloc.allocator, &image), OC_E_FORMAT,
                    "bytes for 65500 x 65500 pixels");
    oc_buf_fini(&file);
    /* The width and height of a PNG have a checksum of their own. */
    make_png(&file, 8, 8, (png_kind){.type = PNG_COLOR_TYPE_RGB, .bits = 8}, samples);
    memcpy(file.data + 16, "\0\1\0\0\0\1\0\0", 8);
    const uint32_t crc = checksum((const uint8_t *)file.data + 12, 17);
    for (int i = 0; i < 4; i++)
        file.data[29 + i] = (char)(crc >> (24 - 8 * i));
    oc_assert_fails(oc_image_decode(view(&file), NULL, &alloc.allocator, &image), OC_E_FORMAT,
                    "bytes for the pixels");
    oc_buf_fini(&file);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void limits_hold(void **state)
{
    const oc_limits limits = {.memory_bytes = 12 * 9};
    oc_buf file;
    (void)state;
    for (size_t i = 0; make_any(i, &file); i++) {
        oc_test_allocator alloc;
        oc_image image = {0};
        oc_test_allocator_init(&alloc, 0);
        oc_status status = oc_image_decode(view(&file), &limits, &alloc.allocator, &image);
        /* The BMP has 18 bytes of pixels. The grey JPEG has exactly the limit, but several scans. */
        assert_int_equal(status, i >= 5 ? OC_OK : OC_E_LIMIT);
        oc_image_free(&image, &alloc.allocator);
        assert_int_equal(atomic_load(&alloc.live), 0);
        oc_buf_fini(&file);
    }
    oc_image image = {0};
    const oc_limits tiny = {.memory_bytes = 5};
    oc_assert_ok(oc_file_replace(PATH, "BM0123", 6));
    oc_assert_fails(oc_image_read(PATH, &tiny, NULL, &image), OC_E_LIMIT,
                    "at most 5 bytes, found 6");
}

static oc_status read_body(const oc_allocator *alloc, void *ctx)
{
    oc_image image = {0};
    (void)ctx;
    oc_status status = oc_image_read(PATH, NULL, alloc, &image);
    assert_true((status == OC_OK) == (image.pixels != NULL));
    oc_image_free(&image, alloc);
    return status;
}

static void reads_without_memory(void **state)
{
    oc_buf file;
    (void)state;
    for (size_t i = 0; make_any(i, &file); i++) {
        oc_assert_ok(oc_file_replace(PATH, file.data, file.size));
        oc_test_oom_sweep(read_body, NULL);
        oc_buf_fini(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_plain),
        cmocka_unit_test(png_alpha),
        cmocka_unit_test(png_other_depths),
        cmocka_unit_test(jpeg_is_near),
        cmocka_unit_test(jpeg_refuses_cmyk),
        cmocka_unit_test(jpeg_scans_are_limited),
        cmocka_unit_test(bmp_colours),
        cmocka_unit_test(bmp_palette),
        cmocka_unit_test(bmp_refuses),
        cmocka_unit_test(bmp_refuses_headers),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(random_changes),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(other_files),
        cmocka_unit_test(bombs),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(reads_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
