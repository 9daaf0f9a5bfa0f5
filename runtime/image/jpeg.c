/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG by libjpeg-turbo. As in png.c, errors jump, and what survives the jump lies in a `reader`.
 * libjpeg takes broken data for a warning and fills up with grey; a model would give a confident
 * answer to that, so such warnings are errors here.
 */
#include "oc_image.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h> /* its numbers depend on what jpeglib.h defines */

/*
 * The most samples that a byte of a Huffman-coded file can stand for: each block of 64 samples takes
 * a bit at least, and a colour pixel has 3 samples of which one may be coded. Above it is no encoder's work.
 */
#define RATIO (8 * 64 * 3)
/* A progressive file may have any number of scans, each as costly as the whole picture; encoders make about ten. */
#define SCANS 100

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    oc_status status; /* why the jump was taken */
    char message[JMSG_LENGTH_MAX];
    oc_bytes bytes;
    uint64_t memory_bytes;
    size_t charged; /* for what libjpeg holds by itself */
    const oc_allocator *alloc;
    oc_image image;
} reader;

static bool probe(oc_bytes bytes)
{
    return bytes.size >= 3 && memcmp(bytes.data, "\xff\xd8\xff", 3) == 0;
}

static void on_error(j_common_ptr common)
{
    reader *r = common->client_data;
    common->err->format_message(common, r->message);
    r->status = common->err->msg_code == JERR_OUT_OF_MEMORY ? OC_E_NOMEM : OC_E_FORMAT;
    longjmp(r->jump, 1);
}

static void on_message(j_common_ptr common, int level)
{
    if (level >= 0)
        return; /* a trace */
    switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
#ifdef D_ARITH_CODING_SUPPORTED
    case JWRN_ARITH_BAD_CODE:
#endif
    case JWRN_MUST_RESYNC:
        on_error(common);
        break;
    default: /* of things that do not change the pixels */
        break;
    }
}

static void on_output(j_common_ptr common)
{
    (void)common;
}

static void on_progress(j_common_ptr common)
{
    reader *r = common->client_data;
    if (r->jpeg.input_scan_number <= SCANS)
        return;
    snprintf(r->message, sizeof(r->message), "more than %d scans", SCANS);
    r->status = OC_E_LIMIT;
    longjmp(r->jump, 1);
}

static void set_up(reader *r)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    r->progress.progress_monitor = on_progress;
    r->jpeg.client_data = r;
}

static oc_status check_header(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const uint64_t samples =
        (uint64_t)jpeg->image_width * jpeg->image_height * (uint64_t)jpeg->num_components;
    if (jpeg->jpeg_color_space != JCS_GRAYSCALE && jpeg->jpeg_color_space != JCS_YCbCr &&
        jpeg->jpeg_color_space != JCS_RGB)
        return oc_fail(OC_E_UNSUPPORTED, "a picture of %d components (expected grey or colour)",
                       jpeg->num_components);
    if (samples / RATIO > r->bytes.size)
        return oc_fail(OC_E_FORMAT,
                       "expected at least %llu bytes for %u x %u pixels, found a file of %zu",
                       (unsigned long long)(samples / RATIO), jpeg->image_width, jpeg->image_height,
                       r->bytes.size);
    /* A file of several scans is held as 16-bit coefficients beside the pixels. */
    if (jpeg_has_multiple_scans(jpeg) && samples > r->memory_bytes / 3)
        return oc_fail(OC_E_LIMIT, "expected at most %llu bytes, found a picture that needs %llu",
                       (unsigned long long)r->memory_bytes, (unsigned long long)(samples * 3));
    if (jpeg_has_multiple_scans(jpeg)) {
        OC_TRY(oc_charge(r->alloc, (size_t)samples * 2));
        r->charged = (size_t)samples * 2;
    }
    return OC_OK;
}

static oc_status read_pixels(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_read_header(jpeg, TRUE);
    OC_TRY(check_header(r));
    /* The exact integer transform: its bits are the same with and without SIMD. */
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    const int32_t channels = jpeg->jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    OC_TRY(oc_image_alloc(jpeg->image_width, jpeg->image_height, channels, r->memory_bytes,
                          r->alloc, &r->image));
    jpeg_start_decompress(jpeg);
    const size_t stride = (size_t)jpeg->image_width * (size_t)channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->image.pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return OC_OK;
}

/* The whole of libjpeg's work, with the jump's landing place. */
static oc_status read_guarded(reader *r)
{
    if (setjmp(r->jump) != 0)
        return oc_fail(r->status, "expected a JPEG's data, found: %s", r->message);
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, r->bytes.data, (unsigned long)r->bytes.size);
    return read_pixels(r);
}

static oc_status decode(oc_bytes bytes, uint64_t memory_bytes, const oc_allocator *alloc,
                        oc_image *image)
{
    reader *r;
    OC_TRY(oc_alloc(alloc, 1, sizeof(*r), &r));
    r->bytes = bytes;
    r->memory_bytes = memory_bytes;
    r->alloc = alloc;
    set_up(r);
    oc_status status = read_guarded(r);
    jpeg_destroy_decompress(&r->jpeg);
    oc_discharge(alloc, r->charged);
    if (status == OC_OK)
        *image = r->image;
    else
        oc_image_free(&r->image, alloc);
    oc_free(alloc, r);
    return status;
}

const oc_image_format oc_image_jpeg = {.name = "JPEG", .probe = probe, .decode = decode};
