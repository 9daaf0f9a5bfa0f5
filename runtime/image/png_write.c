/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing PNG by libpng, into memory and then into the file, so that a file is there whole or not
 * at all. libpng reports errors by a jump; what has to survive it lies in a `writer`.
 */
#include "oc_image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>

typedef struct writer {
    const oc_allocator *alloc;
    oc_buf bytes;
    png_structp png;
    png_infop info;
    jmp_buf jump;
    char message[128];
    bool is_out_of_memory; /* and the error text says for what */
} writer;

static void on_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    snprintf(w->message, sizeof(w->message), "%s", text);
    longjmp(w->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text; /* nothing that a plain picture could be warned of */
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    writer *w = png_get_mem_ptr(png);
    void *ptr = w->alloc->alloc(w->alloc->ctx, size);
    if (ptr == NULL)
        w->is_out_of_memory = oc_fail_memory(w->alloc, " for libpng", size) != OC_OK;
    return ptr;
}

static void on_free(png_structp png, png_voidp ptr)
{
    const writer *w = png_get_mem_ptr(png);
    oc_free(w->alloc, ptr);
}

static void on_write(png_structp png, png_bytep from, size_t size)
{
    writer *w = png_get_io_ptr(png);
    if (oc_buf_put(&w->bytes, from, size) == OC_OK)
        return;
    w->is_out_of_memory = true;
    png_error(png, "no memory for the file");
}

static void on_flush(png_structp png)
{
    (void)png; /* memory needs none */
}

/* What can fail is memory, and sides that are longer than libpng takes. */
static oc_status write_guarded(writer *w, const oc_image *image)
{
    if (setjmp(w->jump) != 0)
        return w->is_out_of_memory ? OC_E_NOMEM : oc_fail(OC_E_LIMIT, "PNG: %s", w->message);
    w->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, on_error, on_warning, w, on_alloc,
                                       on_free);
    if (w->png != NULL)
        w->info = png_create_info_struct(w->png);
    if (w->info == NULL)
        return oc_fail(OC_E_NOMEM, "memory: libpng cannot start");
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_user_limits(w->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    const size_t stride = (size_t)image->width * (size_t)image->channels;
    for (size_t y = 0; y < (size_t)image->height; y++)
        png_write_row(w->png, image->pixels + y * stride);
    png_write_end(w->png, w->info);
    return OC_OK;
}

oc_status oc_image_write_png(const char *path, const oc_image *image, const oc_allocator *alloc)
{
    writer w = {.alloc = oc_allocator_or_default(alloc)};
    OC_TRY(oc_image_check(image));
    oc_buf_init(&w.bytes, w.alloc);
    oc_status status = write_guarded(&w, image);
    png_destroy_write_struct(&w.png, &w.info);
    if (status == OC_OK)
        status = oc_file_replace(path, w.bytes.data, w.bytes.size);
    oc_buf_fini(&w.bytes);
    return status;
}
