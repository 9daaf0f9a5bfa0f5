/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCL programs: found among the embedded sources or in a folder, built with the options of a
 * launch unless their binary was kept by an earlier start, held until the device is closed. Nodes of
 * one shape share a program.
 */
#include "oc_dev_opencl.h"

#include "oc_kernel_sources.h"

#include <stdio.h>

#define SOURCE_BYTES_MAX ((uint64_t)16 << 20)

struct oc_cl_program {
    oc_cl_program *next;
    char *stem, *options; /* the key */
    cl_program program;
    bool is_new;      /* built from source here: kept when the device is closed */
    bool is_wanted;   /* not only by trials */
    oc_digest binary; /* what it is kept under */
};

/* ---- source -------------------------------------------------------------------------------- */

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

/* ---- building ------------------------------------------------------------------------------ */

/* The compiler's words, NUL-terminated; empty when it says nothing. Owns: oc_free. */
static oc_status read_build_log(oc_cl_dev *dev, cl_program program, char **text)
{
    size_t size = 0;
    if (clGetProgramBuildInfo(program, dev->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) !=
        CL_SUCCESS)
        size = 0;
    OC_TRY(oc_alloc(dev->head.alloc, size + 1, 1, text));
    if (size > 0 && clGetProgramBuildInfo(program, dev->device, CL_PROGRAM_BUILD_LOG, size, *text,
                                          NULL) != CL_SUCCESS)
        (*text)[0] = '\0';
    return OC_OK;
}

static void log_lines(oc_cl_dev *dev, oc_log_level level, const char *stem, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\r\n");
        if (length > 0)
            oc_log(dev->head.log, level, "%s.cl: %.*s", stem, (int)OC_MIN(length, (size_t)800),
                   text);
        text += length;
        text += strspn(text, "\r\n");
    }
}

/* The error text has room for the first lines; the log has all of them. */
static oc_status fail_build(oc_cl_dev *dev, cl_int error, const char *stem, const char *options,
                            char *text)
{
    log_lines(dev, OC_LOG_ERROR, stem, text);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = '|';
    oc_status status = oc_cl_status(dev, error);
    return oc_fail(status, "device %s (%s): kernels-cl/%s.cl does not build: %s (%d): %.500s [%s]",
                   dev->head.info.id, dev->head.info.name, stem, oc_cl_error_name(error), error,
                   text, options);
}

/* `options`: all of them. Owns: clReleaseProgram. */
static oc_status build(oc_cl_dev *dev, const char *stem, oc_bytes source, const char *options,
                       cl_program *program)
{
    cl_int error;
    char *log = NULL;
    oc_status status;
    cl_program made = clCreateProgramWithSource(
        dev->context, 1, (const char *[]){(const char *)source.data}, &source.size, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateProgramWithSource"));
    const uint64_t begin_ns = oc_now_ns();
    error = clBuildProgram(made, 1, &dev->device, options, NULL, NULL);
    dev->build_ns += oc_now_ns() - begin_ns;
    OC_TRY_OUT(read_build_log(dev, made, &log));
    if (error != CL_SUCCESS) {
        status = fail_build(dev, error, stem, options, log);
    } else {
        log_lines(dev, OC_LOG_DEBUG, stem, log);
        *program = made;
        made = NULL;
    }
out:
    if (made != NULL)
        clReleaseProgram(made);
    oc_free(dev->head.alloc, log);
    return status;
}

/* The text of kernels-cl/<stem>.cl: of the folder, in `folder`, or the embedded one. */
static oc_status find_source(oc_cl_dev *dev, const char *stem, oc_buf *folder, oc_bytes *source)
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
    oc_status status = find_source(dev, stem, &folder, &source);
    if (status == OC_OK)
        status = oc_hash_put(hash, source.data, source.size);
    oc_buf_fini(&folder);
    return status;
}

/* From what was kept of it, or else from source. */
static oc_status make_program(oc_cl_dev *dev, oc_cl_program *entry)
{
    oc_buf folder, all;
    oc_bytes source;
    oc_status status;
    oc_buf_init(&folder, dev->head.alloc);
    oc_buf_init(&all, dev->head.alloc);
    OC_TRY_OUT(find_source(dev, entry->stem, &folder, &source));
    OC_TRY_OUT(oc_buf_printf(&all, "%s %s", dev->build_options, entry->options));
    if (dev->cache != NULL) {
        OC_TRY_OUT(oc_cl_binary_key(dev, source, all.data, &entry->binary));
        entry->program = oc_cl_binary_load(dev, entry->stem, all.data, &entry->binary);
    }
    if (entry->program == NULL) {
        OC_TRY_OUT(build(dev, entry->stem, source, all.data, &entry->program));
        entry->is_new = true;
    }
out:
    oc_buf_fini(&all);
    oc_buf_fini(&folder);
    return status;
}

/* ---- programs ------------------------------------------------------------------------------ */

static void destroy_entry(oc_cl_dev *dev, oc_cl_program *entry)
{
    if (entry->program != NULL)
        clReleaseProgram(entry->program);
    oc_free(dev->head.alloc, entry->stem);
    oc_free(dev->head.alloc, entry->options);
    oc_free(dev->head.alloc, entry);
}

static oc_status copy_text(oc_cl_dev *dev, const char *text, char **copy)
{
    const size_t size = strlen(text) + 1;
    OC_TRY(oc_alloc(dev->head.alloc, size, 1, copy));
    memcpy(*copy, text, size);
    return OC_OK;
}

static oc_status make_entry(oc_cl_dev *dev, const char *stem, const char *options,
                            oc_cl_program **entry)
{
    oc_cl_program *made = NULL;
    oc_status status;
    OC_TRY(OC_ALLOC(dev->head.alloc, 1, made));
    OC_TRY_OUT(copy_text(dev, stem, &made->stem));
    OC_TRY_OUT(copy_text(dev, options, &made->options));
    OC_TRY_OUT(make_program(dev, made));
    *entry = made;
    return OC_OK;
out:
    destroy_entry(dev, made);
    return status;
}

oc_status oc_cl_program_get(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial,
                            cl_program *program, const char **kept)
{
    oc_status status = OC_OK;
    /* Held while building too: who needs the same program waits for it instead of building it twice. */
    pthread_mutex_lock(&dev->mutex);
    oc_cl_program *entry = dev->programs;
    while (entry != NULL &&
           (strcmp(entry->stem, stem) != 0 || strcmp(entry->options, options) != 0))
        entry = entry->next;
    if (entry == NULL) {
        status = make_entry(dev, stem, options, &entry);
        if (status == OC_OK) {
            entry->next = dev->programs;
            dev->programs = entry;
        }
    }
    if (status == OC_OK) {
        entry->is_wanted = entry->is_wanted || !is_trial;
        *program = entry->program;
    }
    if (status == OC_OK && kept != NULL)
        *kept = entry->options;
    pthread_mutex_unlock(&dev->mutex);
    return status;
}

/*
 * What is new is kept, but for no longer than building took: the first start then takes twice as
 * long at most, and those that follow keep what it did not come to.
 */
void oc_cl_programs_release(oc_cl_dev *dev)
{
    const uint64_t until_ns = oc_now_ns() + dev->build_ns;
    while (dev->programs != NULL) {
        oc_cl_program *entry = dev->programs;
        dev->programs = entry->next;
        if (dev->cache != NULL && entry->is_new && entry->is_wanted && oc_now_ns() < until_ns)
            oc_cl_binary_keep(dev, entry->program, &entry->binary);
        destroy_entry(dev, entry);
    }
}
