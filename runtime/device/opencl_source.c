/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a kernel: embedded in the library, or read from a folder with what it includes. */
#include "oc_dev_opencl.h"

#include "oc_kernel_sources.h"

#include <stdio.h>

#define SOURCE_BYTES_MAX ((uint64_t)16 << 20)

static const oc_kernel_source *embedded_source(const char *stem)
{
    for (const oc_kernel_source *s = oc_kernel_source_table; s->stem != NULL; s++)
        if (strcmp(s->stem, stem) == 0)
            return s;
    return NULL;
}

/* The bytes of <kernel_dir>/<file>. Owns: oc_free. */
static oc_status slurp(oc_cl_dev *dev, const char *file, oc_bytes *bytes)
{
    oc_buf path;
    oc_status status;
    oc_buf_init(&path, dev->head.alloc);
    OC_TRY_OUT(oc_buf_printf(&path, "%s/%s", dev->kernel_dir, file));
    OC_TRY_OUT(oc_file_slurp(path.data, SOURCE_BYTES_MAX, dev->head.alloc, bytes));
out:
    oc_buf_fini(&path);
    return status;
}

/* Append a shared header, if `line` asks for one; #line lets a message name what one can edit. */
static oc_status put_include(oc_cl_dev *dev, oc_bytes line, const char *file, size_t number,
                             oc_buf *text, bool *is_include)
{
    static const char start[] = "#include \"";
    const size_t skip = sizeof(start) - 1;
    char name[64];
    size_t length = 0;
    oc_bytes bytes;
    *is_include = line.size > skip && memcmp(line.data, start, skip) == 0;
    if (!*is_include)
        return OC_OK;
    while (skip + length < line.size && line.data[skip + length] != '"')
        length++;
    if (length >= sizeof(name) || memchr(line.data + skip, '/', length) != NULL)
        return oc_fail(OC_E_FORMAT, "%s/%s line %zu: an included file lies in the same folder",
                       dev->kernel_dir, file, number);
    snprintf(name, sizeof(name), "%.*s", (int)length, (const char *)line.data + skip);
    OC_TRY(slurp(dev, name, &bytes));
    oc_status status = oc_buf_printf(text, "#line 1 \"%s\"\n", name);
    if (status == OC_OK)
        status = oc_buf_put(text, bytes.data, bytes.size);
    if (status == OC_OK)
        status = oc_buf_printf(text, "\n#line %zu \"%s\"\n", number + 1, file);
    oc_free(dev->head.alloc, (void *)bytes.data);
    return status;
}

static oc_status put_lines(oc_cl_dev *dev, oc_bytes bytes, const char *file, oc_buf *text)
{
    OC_TRY(oc_buf_printf(text, "#line 1 \"%s\"\n", file));
    for (size_t at = 0, number = 1; at < bytes.size; number++) {
        const uint8_t *newline = memchr(bytes.data + at, '\n', bytes.size - at);
        const size_t end = newline != NULL ? (size_t)(newline - bytes.data) + 1 : bytes.size;
        const oc_bytes line = {bytes.data + at, end - at};
        bool is_include;
        OC_TRY(put_include(dev, line, file, number, text, &is_include));
        if (!is_include)
            OC_TRY(oc_buf_put(text, line.data, line.size));
        at = end;
    }
    return OC_OK;
}

/*
 * A kernel of the folder with the shared headers that it includes put in their place: no include
 * path has to go through the driver's option parser, which knows no quotes.
 */
static oc_status read_folder(oc_cl_dev *dev, const char *stem, oc_buf *text)
{
    char file[128];
    oc_bytes bytes;
    if ((size_t)snprintf(file, sizeof(file), "%s.cl", stem) >= sizeof(file))
        return oc_fail(OC_E_INTERNAL, "kernel stem '%s' is too long", stem);
    OC_TRY(slurp(dev, file, &bytes));
    const oc_status status = put_lines(dev, bytes, file, text);
    oc_free(dev->head.alloc, (void *)bytes.data);
    return status;
}

oc_status oc_cl_source_find(oc_cl_dev *dev, const char *stem, oc_buf *folder, oc_bytes *source)
{
    if (dev->kernel_dir != NULL) {
        OC_TRY(read_folder(dev, stem, folder));
        *source = (oc_bytes){.data = (const uint8_t *)folder->data, .size = folder->size};
        return OC_OK;
    }
    const oc_kernel_source *embedded = embedded_source(stem);
    if (embedded == NULL)
        return oc_fail(OC_E_INTERNAL, "kernels-cl/%s.cl is not embedded", stem);
    *source = (oc_bytes){.data = (const uint8_t *)embedded->text, .size = embedded->size};
    return OC_OK;
}

oc_status oc_cl_hash_source(oc_cl_dev *dev, const char *stem, oc_hash *hash)
{
    oc_buf folder;
    oc_bytes source;
    oc_buf_init(&folder, dev->head.alloc);
    oc_status status = oc_cl_source_find(dev, stem, &folder, &source);
    if (status == OC_OK)
        status = oc_hash_put(hash, source.data, source.size);
    oc_buf_fini(&folder);
    return status;
}
