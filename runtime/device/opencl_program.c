/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCL programs: a kernel's text, built with the options of a launch unless its binary was kept by
 * an earlier start, held until the device is closed. Nodes of one shape share a program. What is
 * known to be needed together (a network) is built together, as one program for the driver.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define PARTS_MAX 128 /* of one program */

/* What the driver was given: the kernels of one or several of what nodes asked for. */
struct oc_cl_unit {
    oc_cl_unit *next;
    cl_program program;
    bool is_new;      /* built from source here: kept when the device is closed */
    bool is_trial;    /* of no use to later starts */
    oc_digest binary; /* what it is kept under */
};

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
                            oc_log_level level, char *text)
{
    log_lines(dev, level, stem, text);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = '|';
    oc_status status = oc_cl_status(dev, error);
    return oc_fail(status, "device %s (%s): kernels-cl/%s.cl does not build: %s (%d): %.500s [%s]",
                   dev->head.info.id, dev->head.info.name, stem, oc_cl_error_name(error), error,
                   text, options);
}

/* `options`: all of them. `level`: of what the compiler says if it fails. Owns: clReleaseProgram. */
static oc_status build(oc_cl_dev *dev, const char *stem, oc_bytes source, const char *options,
                       oc_log_level level, cl_program *program)
{
    cl_int error;
    char *log = NULL;
    oc_status status;
    cl_program made = clCreateProgramWithSource(
        dev->context, 1, (const char *[]){(const char *)source.data}, &source.size, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateProgramWithSource"));
    error = clBuildProgram(made, 1, &dev->device, options, NULL, NULL);
    OC_TRY_OUT(read_build_log(dev, made, &log));
    if (error != CL_SUCCESS) {
        status = fail_build(dev, error, stem, options, level, log);
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

/* What a unit is made from: the parts' options, and each text once. */
static oc_status put_parts(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count, oc_hash *hash)
{
    for (size_t i = 0; i < count; i++) {
        bool is_seen = false;
        for (size_t j = 0; j < i && !is_seen; j++)
            is_seen = strcmp(parts[j]->stem, parts[i]->stem) == 0;
        OC_TRY(oc_hash_put_text(hash, parts[i]->stem));
        OC_TRY(oc_hash_put_text(hash, parts[i]->options));
        if (!is_seen)
            OC_TRY(oc_cl_hash_source(dev, parts[i]->stem, hash));
    }
    return OC_OK;
}

static oc_status find_key(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count, oc_digest *key)
{
    oc_hash *hash = NULL;
    oc_status status;
    OC_TRY(oc_hash_create(dev->head.alloc, &hash));
    OC_TRY_OUT(oc_cl_binary_key(dev, hash));
    OC_TRY_OUT(put_parts(dev, parts, count, hash));
    OC_TRY_OUT(oc_hash_end(hash, key));
out:
    oc_hash_destroy(hash);
    return status;
}

/* All parts' texts behind each other; that of a single one is as it is. */
static oc_status put_sources(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count,
                             oc_buf *text)
{
    for (size_t i = 0; i < count; i++) {
        oc_buf folder;
        oc_bytes source;
        oc_buf_init(&folder, dev->head.alloc);
        oc_status status = oc_cl_source_find(dev, parts[i]->stem, &folder, &source);
        if (status == OC_OK && count == 1)
            status = oc_buf_put(text, source.data, source.size);
        else if (status == OC_OK)
            status = oc_cl_join_put(source, parts[i]->options, i, dev->head.alloc, text);
        oc_buf_fini(&folder);
        OC_TRY(status);
    }
    return OC_OK;
}

static oc_status build_parts(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count,
                             const char *options, cl_program *program)
{
    oc_buf text;
    oc_status status;
    oc_buf_init(&text, dev->head.alloc);
    OC_TRY_OUT(put_sources(dev, parts, count, &text));
    const oc_bytes source = {.data = (const uint8_t *)text.data, .size = text.size};
    OC_TRY_OUT(build(dev, parts[0]->stem, source, options, count == 1 ? OC_LOG_ERROR : OC_LOG_DEBUG,
                     program));
out:
    oc_buf_fini(&text);
    return status;
}

/* From what was kept of it, or else from source. */
static oc_status fill_unit(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count,
                           oc_cl_unit *unit)
{
    oc_buf options;
    oc_status status;
    const uint64_t begin_ns = oc_now_ns();
    oc_buf_init(&options, dev->head.alloc);
    OC_TRY_OUT(
        oc_buf_printf(&options, "%s %s", dev->build_options, count == 1 ? parts[0]->options : ""));
    if (dev->cache != NULL) {
        OC_TRY_OUT(find_key(dev, parts, count, &unit->binary));
        unit->program = oc_cl_binary_load(dev, parts[0]->stem, options.data, &unit->binary);
    }
    if (unit->program == NULL) {
        OC_TRY_OUT(build_parts(dev, parts, count, options.data, &unit->program));
        unit->is_new = true;
    }
    oc_log(dev->head.log, OC_LOG_DEBUG, "device %s (%s): a program of %zu parts was %s in %.1f ms",
           dev->head.info.id, dev->head.info.name, count, unit->is_new ? "built" : "loaded",
           (double)(oc_now_ns() - begin_ns) / 1e6);
out:
    oc_buf_fini(&options);
    return status;
}

static void destroy_unit(oc_cl_dev *dev, oc_cl_unit *unit)
{
    if (unit->program != NULL)
        clReleaseProgram(unit->program);
    oc_free(dev->head.alloc, unit);
}

static oc_status make_unit(oc_cl_dev *dev, oc_cl_program *const *parts, size_t count)
{
    oc_cl_unit *made;
    OC_TRY(OC_ALLOC(dev->head.alloc, 1, made));
    const oc_status status = fill_unit(dev, parts, count, made);
    if (status != OC_OK) {
        destroy_unit(dev, made);
        return status;
    }
    made->is_trial = parts[0]->is_trial;
    made->next = dev->units;
    dev->units = made;
    for (size_t i = 0; i < count; i++) {
        parts[i]->unit = made;
        if (count > 1)
            snprintf(parts[i]->suffix, sizeof(parts[i]->suffix), OC_CL_PART, i);
    }
    return OC_OK;
}

/* ---- programs ------------------------------------------------------------------------------ */

static void destroy_program(oc_cl_dev *dev, oc_cl_program *program)
{
    oc_free(dev->head.alloc, program->stem);
    oc_free(dev->head.alloc, program->options);
    oc_free(dev->head.alloc, program);
}

static oc_status copy_text(oc_cl_dev *dev, const char *text, char **copy)
{
    const size_t size = strlen(text) + 1;
    OC_TRY(oc_alloc(dev->head.alloc, size, 1, copy));
    memcpy(*copy, text, size);
    return OC_OK;
}

/* The program of that text and options, at first without its unit. */
static oc_status find_program(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial,
                              oc_cl_program **program)
{
    oc_cl_program *made, **at = &dev->programs;
    oc_status status;
    for (; *at != NULL; at = &(*at)->next)
        if ((is_trial || !(*at)->is_trial) && strcmp((*at)->stem, stem) == 0 &&
            strcmp((*at)->options, options) == 0) {
            *program = *at;
            return OC_OK;
        }
    OC_TRY(OC_ALLOC(dev->head.alloc, 1, made));
    OC_TRY_OUT(copy_text(dev, stem, &made->stem));
    OC_TRY_OUT(copy_text(dev, options, &made->options));
    made->is_trial = is_trial;
    *at = made;
    *program = made;
    return OC_OK;
out:
    destroy_program(dev, made);
    return status;
}

oc_status oc_cl_program_want(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial)
{
    oc_cl_program *wanted;
    pthread_mutex_lock(&dev->mutex);
    const oc_status status = find_program(dev, stem, options, is_trial, &wanted);
    pthread_mutex_unlock(&dev->mutex);
    return status;
}

/* Some that are without a unit and agree in what their texts share. */
static size_t list_parts(const oc_cl_dev *dev, oc_cl_program *parts[PARTS_MAX])
{
    size_t count = 0;
    uint32_t key = 0;
    bool is_trial = false;
    for (oc_cl_program *at = dev->programs; at != NULL && count < PARTS_MAX; at = at->next) {
        if (at->unit != NULL || at->is_apart)
            continue;
        const uint32_t own = oc_cl_join_key(at->options);
        is_trial = key == 0 ? at->is_trial : is_trial;
        key = key == 0 ? own : key;
        if (own == key && own != 0 && at->is_trial == is_trial)
            parts[count++] = at;
    }
    return count;
}

void oc_cl_programs_join(oc_cl_dev *dev)
{
    oc_cl_program *parts[PARTS_MAX];
    size_t count;
    pthread_mutex_lock(&dev->mutex);
    while ((count = list_parts(dev, parts)) > 0) {
        if (count > 1 && make_unit(dev, parts, count) == OC_OK)
            continue;
        if (count > 1)
            oc_log(dev->head.log, OC_LOG_DEBUG, "kernels are built one by one: %s",
                   oc_error_text());
        /* Each is built when it is asked for, which tells who is to blame. */
        for (size_t i = 0; i < count; i++)
            parts[i]->is_apart = true;
    }
    pthread_mutex_unlock(&dev->mutex);
}

oc_status oc_cl_program_get(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial,
                            const oc_cl_program **program)
{
    oc_cl_program *found = NULL;
    /* Held while building too: who needs the same program waits for it instead of building it twice. */
    pthread_mutex_lock(&dev->mutex);
    oc_status status = find_program(dev, stem, options, is_trial, &found);
    if (status == OC_OK && found->unit == NULL)
        status = make_unit(dev, &found, 1);
    pthread_mutex_unlock(&dev->mutex);
    if (status == OC_OK)
        *program = found;
    return status;
}

cl_kernel oc_cl_program_kernel(const oc_cl_program *program, const char *name, cl_int *error)
{
    char full[128];
    if ((size_t)snprintf(full, sizeof(full), "%s%s", name, program->suffix) >= sizeof(full)) {
        *error = CL_INVALID_KERNEL_NAME;
        return NULL;
    }
    cl_kernel kernel = clCreateKernel(program->unit->program, full, error);
    /* A name that was not seen to be declared is as it was written. */
    if (*error == CL_INVALID_KERNEL_NAME && program->suffix[0] != '\0')
        kernel = clCreateKernel(program->unit->program, name, error);
    return kernel;
}

void oc_cl_programs_release(oc_cl_dev *dev)
{
    while (dev->units != NULL) {
        oc_cl_unit *unit = dev->units;
        dev->units = unit->next;
        if (dev->cache != NULL && unit->is_new && !unit->is_trial)
            oc_cl_binary_keep(dev, unit->program, &unit->binary);
        destroy_unit(dev, unit);
    }
    while (dev->programs != NULL) {
        oc_cl_program *program = dev->programs;
        dev->programs = program->next;
        destroy_program(dev, program);
    }
}
