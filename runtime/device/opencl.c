/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCL 1.2 devices: what there is, opening one, its memory.
 *
 * A loader may know several platforms, each with drivers of its own quality: what one of them fails
 * at becomes a row that says so, never a failed probe. An id is "platform:device" by position.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define PLATFORMS_MAX 32
#define DEVICES_MAX 32 /* per platform */

/* ---- errors -------------------------------------------------------------------------------- */

typedef struct error_name {
    cl_int error;
    const char *name;
} error_name;

/* clang-format off */
#define NAMED(error_) {error_, #error_}
/* clang-format on */
static const error_name error_names[] = {
    NAMED(CL_SUCCESS),
    NAMED(CL_DEVICE_NOT_FOUND),
    NAMED(CL_DEVICE_NOT_AVAILABLE),
    NAMED(CL_COMPILER_NOT_AVAILABLE),
    NAMED(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    NAMED(CL_OUT_OF_RESOURCES),
    NAMED(CL_OUT_OF_HOST_MEMORY),
    NAMED(CL_MAP_FAILURE),
    NAMED(CL_BUILD_PROGRAM_FAILURE),
    NAMED(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    NAMED(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    NAMED(CL_DEVICE_PARTITION_FAILED),
    NAMED(CL_INVALID_VALUE),
    NAMED(CL_INVALID_DEVICE),
    NAMED(CL_INVALID_CONTEXT),
    NAMED(CL_INVALID_COMMAND_QUEUE),
    NAMED(CL_INVALID_MEM_OBJECT),
    NAMED(CL_INVALID_BINARY),
    NAMED(CL_INVALID_BUILD_OPTIONS),
    NAMED(CL_INVALID_PROGRAM_EXECUTABLE),
    NAMED(CL_INVALID_KERNEL_NAME),
    NAMED(CL_INVALID_KERNEL_DEFINITION),
    NAMED(CL_INVALID_KERNEL),
    NAMED(CL_INVALID_ARG_INDEX),
    NAMED(CL_INVALID_ARG_VALUE),
    NAMED(CL_INVALID_ARG_SIZE),
    NAMED(CL_INVALID_KERNEL_ARGS),
    NAMED(CL_INVALID_WORK_DIMENSION),
    NAMED(CL_INVALID_WORK_GROUP_SIZE),
    NAMED(CL_INVALID_WORK_ITEM_SIZE),
    NAMED(CL_INVALID_GLOBAL_WORK_SIZE),
    NAMED(CL_INVALID_EVENT),
    NAMED(CL_INVALID_OPERATION),
    NAMED(CL_INVALID_BUFFER_SIZE),
    NAMED(CL_INVALID_DEVICE_PARTITION_COUNT),
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
};

const char *oc_cl_error_name(cl_int error)
{
    for (size_t i = 0; i < OC_COUNT(error_names); i++)
        if (error_names[i].error == error)
            return error_names[i].name;
    return "an OpenCL error";
}

oc_status oc_cl_status(oc_cl_dev *dev, cl_int error)
{
    switch (error) {
    case CL_SUCCESS:
        return OC_OK;
    case CL_OUT_OF_HOST_MEMORY:
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return OC_E_NOMEM;
    case CL_DEVICE_NOT_AVAILABLE:
        atomic_store_explicit(&dev->head.is_lost, true, memory_order_release);
        return OC_E_LOST;
    default:
        return OC_E_DEVICE;
    }
}

oc_status oc_cl_check(oc_cl_dev *dev, cl_int error, const char *call)
{
    if (error == CL_SUCCESS)
        return OC_OK;
    return oc_fail(oc_cl_status(dev, error), "device %s (%s): %s: %s (%d)", dev->head.info.id,
                   dev->head.info.name, call, oc_cl_error_name(error), error);
}

/* ---- probe --------------------------------------------------------------------------------- */

/* A text property, empty when the driver fails; without blanks at its ends; cut to `size`. */
static void device_text(cl_device_id device, cl_device_info what, char *dst, size_t size)
{
    char text[1024] = "";
    if (clGetDeviceInfo(device, what, sizeof(text), text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[sizeof(text) - 1] = '\0';
    size_t first = strspn(text, " "), last = strlen(text);
    while (last > first && text[last - 1] == ' ')
        last--;
    snprintf(dst, size, "%.*s", (int)(last - first), text + first);
}

static void platform_text(cl_platform_id platform, cl_platform_info what, char *dst, size_t size)
{
    char text[1024] = "";
    if (clGetPlatformInfo(platform, what, sizeof(text), text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[sizeof(text) - 1] = '\0';
    snprintf(dst, size, "%.*s", (int)size - 1, text);
}

static cl_uint device_uint(cl_device_id device, cl_device_info what)
{
    cl_uint number = 0;
    return clGetDeviceInfo(device, what, sizeof(number), &number, NULL) == CL_SUCCESS ? number : 0;
}

static size_t device_size(cl_device_id device, cl_device_info what)
{
    size_t number = 0;
    return clGetDeviceInfo(device, what, sizeof(number), &number, NULL) == CL_SUCCESS ? number : 0;
}

static uint64_t device_ulong(cl_device_id device, cl_device_info what)
{
    cl_ulong number = 0;
    return clGetDeviceInfo(device, what, sizeof(number), &number, NULL) == CL_SUCCESS ? number : 0;
}

/* Why the device cannot be used, or "". */
static void print_why(cl_device_id device, char *why, size_t size)
{
    char version[64];
    unsigned major = 0, minor = 0;
    device_text(device, CL_DEVICE_VERSION, version, sizeof(version));
    why[0] = '\0';
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) != 2 || major * 10 + minor < 12)
        snprintf(why, size, "OpenCL 1.2 is needed, the driver offers '%s'", version);
    else if (!device_uint(device, CL_DEVICE_AVAILABLE))
        snprintf(why, size, "the driver says that the device is not available");
    else if (!device_uint(device, CL_DEVICE_COMPILER_AVAILABLE))
        snprintf(why, size, "the driver has no compiler for OpenCL C");
    else if (!device_uint(device, CL_DEVICE_ENDIAN_LITTLE))
        snprintf(why, size, "the device is big-endian, tensors are little-endian");
}

/* Driver and platform versions, as "3.1+debian (PoCL 3.1+debian ... LLVM 15.0.6 ...)". */
static void print_driver(cl_platform_id platform, cl_device_id device, char *dst, size_t size)
{
    char driver[64], version[128];
    int skip = 0;
    device_text(device, CL_DRIVER_VERSION, driver, sizeof(driver));
    platform_text(platform, CL_PLATFORM_VERSION, version, sizeof(version));
    if (sscanf(version, "OpenCL %*u.%*u %n", &skip) < 0)
        skip = 0;
    const size_t room = size - strlen(driver) - sizeof(" ()");
    snprintf(dst, size, "%s (%.*s)", driver, (int)room, version + skip);
}

static oc_dev_info describe(cl_platform_id platform, cl_device_id device, cl_uint p, cl_uint d)
{
    oc_dev_info info = {.type = &oc_dev_type_opencl};
    cl_device_type kind = 0;
    snprintf(info.id, sizeof(info.id), "%u:%u", p, d);
    device_text(device, CL_DEVICE_NAME, info.name, sizeof(info.name));
    device_text(device, CL_DEVICE_VENDOR, info.vendor, sizeof(info.vendor));
    print_driver(platform, device, info.driver, sizeof(info.driver));
    if (clGetDeviceInfo(device, CL_DEVICE_TYPE, sizeof(kind), &kind, NULL) == CL_SUCCESS) {
        info.is_gpu = (kind & CL_DEVICE_TYPE_GPU) != 0;
        info.is_cpu = (kind & CL_DEVICE_TYPE_CPU) != 0;
    }
    info.memory_bytes = device_ulong(device, CL_DEVICE_GLOBAL_MEM_SIZE);
    info.compute_units = device_uint(device, CL_DEVICE_MAX_COMPUTE_UNITS);
    info.clock_mhz = device_uint(device, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    print_why(device, info.why, sizeof(info.why));
    info.is_available = info.why[0] == '\0';
    return info;
}

static oc_dev_info absent(const char *id, const char *name, const char *why, cl_int error)
{
    oc_dev_info info = {.type = &oc_dev_type_opencl};
    snprintf(info.id, sizeof(info.id), "%s", id);
    snprintf(info.name, sizeof(info.name), "%s", name);
    snprintf(info.why, sizeof(info.why), "%s (%s, %d)", why, oc_cl_error_name(error), error);
    return info;
}

/* Counts every entry, keeps those that fit. */
typedef struct row_list {
    oc_dev_info *list;
    size_t cap, count;
} row_list;

static void put_row(row_list *rows, oc_dev_info info)
{
    if (rows->count < rows->cap)
        rows->list[rows->count] = info;
    rows->count++;
}

static void probe_platform(cl_platform_id platform, cl_uint p, row_list *rows)
{
    cl_device_id devices[DEVICES_MAX];
    cl_uint count = 0;
    const cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices, &count);
    if (error != CL_SUCCESS || count == 0) {
        char id[32], name[128];
        snprintf(id, sizeof(id), "%u:-", p);
        platform_text(platform, CL_PLATFORM_NAME, name, sizeof(name));
        put_row(rows, absent(id, name, "the platform lists no device", error));
        return;
    }
    for (cl_uint d = 0; d < OC_MIN(count, DEVICES_MAX); d++)
        put_row(rows, describe(platform, devices[d], p, d));
}

static oc_status opencl_probe(oc_dev_info *list, size_t cap, size_t *count)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint n = 0;
    row_list rows = {.list = list, .cap = cap};
    const cl_int error = clGetPlatformIDs(PLATFORMS_MAX, platforms, &n);
    if (error != CL_SUCCESS || n == 0)
        put_row(&rows, absent("opencl", "OpenCL",
                              "the loader finds no platform: install a driver, for example "
                              "pocl-opencl-icd",
                              error));
    else
        for (cl_uint p = 0; p < OC_MIN(n, PLATFORMS_MAX); p++)
            probe_platform(platforms[p], p, &rows);
    *count = rows.count;
    return OC_OK;
}

/* ---- open ---------------------------------------------------------------------------------- */

/* The device that `info` was made from. */
static oc_status find_device(oc_cl_dev *dev, const oc_dev_info *info)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_device_id devices[DEVICES_MAX];
    char name[sizeof(info->name)];
    cl_uint n = 0, p, d;
    if (sscanf(info->id, "%u:%u", &p, &d) != 2)
        return oc_fail(OC_E_NOTFOUND, "device %s (%s): %s", info->id, info->name, info->why);
    OC_TRY(oc_cl_check(dev, clGetPlatformIDs(PLATFORMS_MAX, platforms, &n), "clGetPlatformIDs"));
    if (p < OC_MIN(n, PLATFORMS_MAX) &&
        clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices, &n) == CL_SUCCESS &&
        d < OC_MIN(n, DEVICES_MAX)) {
        device_text(devices[d], CL_DEVICE_NAME, name, sizeof(name));
        if (strcmp(name, info->name) == 0) {
            dev->device = devices[d];
            return OC_OK;
        }
    }
    return oc_fail(OC_E_NOTFOUND, "device %s: expected '%s', which is no longer there", info->id,
                   info->name);
}

/*
 * Only so many of a CPU's threads: a device of its own, made of that many compute units. It is never
 * released: PoCL 3.1's threads look at it after clFinish has returned and its context is gone. That
 * costs some hundred bytes for each time a device is opened with a limit.
 */
static oc_status limit_threads(oc_cl_dev *dev, uint32_t threads)
{
    oc_dev_info *info = &dev->head.info;
    if (threads == 0 || !info->is_cpu || threads >= info->compute_units)
        return OC_OK;
    const cl_device_partition_property by_counts[] = {CL_DEVICE_PARTITION_BY_COUNTS,
                                                      (cl_device_partition_property)threads,
                                                      CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part = NULL;
    const cl_int error = clCreateSubDevices(dev->device, by_counts, 1, &part, NULL);
    if (error != CL_SUCCESS)
        return oc_fail(OC_E_UNSUPPORTED,
                       "device %s (%s): %u of its %u threads were asked for, but its driver cannot "
                       "be limited: %s (%d)",
                       info->id, info->name, threads, info->compute_units, oc_cl_error_name(error),
                       error);
    dev->device = part;
    info->compute_units = threads;
    return OC_OK;
}

static void opencl_close(oc_dev *head)
{
    oc_cl_dev *dev = (oc_cl_dev *)head;
    if (atomic_load_explicit(&head->is_lost, memory_order_acquire)) {
        /* Its driver may yet call back for what never ended: the memory has to stay. */
        oc_log(head->log, OC_LOG_WARN, "device %s (%s): lost, so what it holds is not given back",
               head->info.id, head->info.name);
        return;
    }
    oc_cl_programs_release(dev);
    if (dev->loader != NULL)
        clReleaseCommandQueue(dev->loader);
    if (dev->context != NULL)
        clReleaseContext(dev->context);
    pthread_mutex_destroy(&dev->mutex);
    pthread_mutex_destroy(&dev->dot8_mutex);
    oc_cache_destroy(dev->cache);
    oc_free(dev->head.alloc, dev);
}

/* The driver's own messages about the context, which come from threads of its own. */
static void CL_CALLBACK on_context_error(const char *text, const void *data, size_t size, void *ctx)
{
    (void)data;
    (void)size;
    const oc_cl_dev *dev = ctx;
    oc_log(dev->head.log, OC_LOG_WARN, "device %s (%s): %s", dev->head.info.id, dev->head.info.name,
           text);
}

/* Bits are the same on all devices that follow IEEE 754 here; one that does not is worth a word. */
static void check_float(oc_cl_dev *dev)
{
    cl_device_fp_config have = 0;
    const cl_device_fp_config want = CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST;
    clGetDeviceInfo(dev->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(have), &have, NULL);
    const bool is_rounded = (have & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    snprintf(dev->build_options, sizeof(dev->build_options), "-cl-std=CL1.2%s%s",
             is_rounded ? " -cl-fp32-correctly-rounded-divide-sqrt" : "",
             /* PoCL's compiler counts warnings on stderr; only somebody who edits kernels wants them. */
             dev->kernel_dir ? "" : " -w");
    if ((have & want) != want || !is_rounded)
        oc_log(dev->head.log, OC_LOG_WARN,
               "device %s (%s): not all float32 arithmetic is IEEE 754's (denormals %s, infinities "
               "%s, division and square root %s): its last bits may differ from other devices'",
               dev->head.info.id, dev->head.info.name, have & CL_FP_DENORM ? "kept" : "flushed",
               have & CL_FP_INF_NAN ? "kept" : "missing", is_rounded ? "exact" : "approximate");
}

static void read_traits(oc_cl_dev *dev)
{
    const cl_device_id device = dev->device;
    dev->head.traits = (oc_traits){
        .is_cpu = dev->head.info.is_cpu,
        .dot8 = OC_DOT8_OPEN,
        .compute_units = OC_MAX(device_uint(device, CL_DEVICE_MAX_COMPUTE_UNITS), 1u),
        .vector_floats = OC_MAX(device_uint(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT), 1u),
        .work_group_max = OC_MAX(device_size(device, CL_DEVICE_MAX_WORK_GROUP_SIZE), (size_t)1),
        .local_mem_bytes = (size_t)device_ulong(device, CL_DEVICE_LOCAL_MEM_SIZE),
    };
    /* Sub-buffers start at multiples of this, which OpenCL gives in bits. */
    dev->head.mem_align = OC_MAX(device_uint(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8, 64u);
    dev->mem_max =
        (size_t)OC_MIN(device_ulong(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE), (uint64_t)SIZE_MAX);
}

static oc_status open_context(oc_cl_dev *dev)
{
    cl_int error;
    dev->context = clCreateContext(NULL, 1, &dev->device, on_context_error, dev, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateContext"));
    dev->loader = clCreateCommandQueue(dev->context, dev->device, 0, &error);
    return oc_cl_check(dev, error, "clCreateCommandQueue");
}

static oc_status opencl_open(const oc_dev_info *info, const oc_dev_options *options,
                             const oc_allocator *alloc, oc_dev **out)
{
    oc_cl_dev *dev;
    oc_status status;
    OC_TRY(OC_ALLOC(alloc, 1, dev));
    dev->head.type = &oc_dev_type_opencl;
    dev->head.alloc = alloc;
    dev->head.info = *info;
    dev->head.log = options->log;
    dev->kernel_dir = options->kernel_dir;
    atomic_init(&dev->head.n_pending, 0);
    atomic_init(&dev->head.is_lost, false);
    pthread_mutex_init(&dev->mutex, NULL);
    pthread_mutex_init(&dev->dot8_mutex, NULL);
    dev->dot8 = OC_DOT8_OPEN;
    if (options->cache_dir != NULL)
        OC_TRY_OUT(oc_cache_create(options->cache_dir, options->log, alloc, &dev->cache));
    OC_TRY_OUT(find_device(dev, info));
    OC_TRY_OUT(limit_threads(dev, options->threads));
    read_traits(dev);
    check_float(dev);
    OC_TRY_OUT(open_context(dev));
    *out = &dev->head;
    return OC_OK;
out:
    opencl_close(&dev->head);
    return status;
}

/* ---- memory -------------------------------------------------------------------------------- */

/* No buffer is empty. */
static size_t held_bytes(size_t bytes)
{
    return OC_MAX(bytes, (size_t)1);
}

oc_status oc_cl_buffer(oc_cl_dev *dev, cl_mem_flags flags, size_t bytes, cl_mem *mem)
{
    cl_int error;
    if (bytes > dev->mem_max)
        return oc_fail(OC_E_LIMIT,
                       "device %s (%s): a buffer of %zu bytes is needed, its driver gives at most "
                       "%zu",
                       dev->head.info.id, dev->head.info.name, bytes, dev->mem_max);
    OC_TRY(oc_charge(dev->head.alloc, held_bytes(bytes)));
    cl_mem made = clCreateBuffer(dev->context, flags, held_bytes(bytes), NULL, &error);
    if (error != CL_SUCCESS) {
        oc_discharge(dev->head.alloc, held_bytes(bytes));
        return oc_cl_check(dev, error, "clCreateBuffer");
    }
    *mem = made;
    return OC_OK;
}

void oc_cl_buffer_release(oc_cl_dev *dev, cl_mem mem, size_t bytes)
{
    clReleaseMemObject(mem);
    oc_discharge(dev->head.alloc, held_bytes(bytes));
}

oc_status oc_cl_sub_buffer(oc_cl_dev *dev, cl_mem root, size_t offset, size_t bytes, cl_mem *mem)
{
    cl_int error;
    const cl_buffer_region region = {.origin = offset, .size = bytes};
    if (bytes == 0) {
        OC_TRY(oc_cl_check(dev, clRetainMemObject(root), "clRetainMemObject"));
        *mem = root;
        return OC_OK;
    }
    cl_mem made =
        clCreateSubBuffer(root, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateSubBuffer"));
    *mem = made;
    return OC_OK;
}

static oc_status opencl_mem_create(oc_dev *head, size_t bytes, oc_dev_mem **mem)
{
    oc_dev_mem *made;
    OC_TRY(OC_ALLOC(head->alloc, 1, made));
    const oc_status status = oc_cl_buffer((oc_cl_dev *)head, CL_MEM_READ_WRITE, bytes, &made->mem);
    if (status != OC_OK) {
        oc_free(head->alloc, made);
        return status;
    }
    made->root = made->mem;
    made->bytes = bytes;
    *mem = made;
    return OC_OK;
}

static oc_status opencl_mem_view(oc_dev *head, oc_dev_mem *parent, size_t offset, size_t bytes,
                                 oc_dev_mem **view)
{
    oc_dev_mem *made;
    if (offset % head->mem_align != 0 || offset > parent->bytes || bytes > parent->bytes - offset)
        return oc_fail(OC_E_INTERNAL, "view: %zu bytes at %zu of a buffer of %zu, aligned to %zu",
                       bytes, offset, parent->bytes, head->mem_align);
    OC_TRY(OC_ALLOC(head->alloc, 1, made));
    *made = (oc_dev_mem){.root = parent->root,
                         .offset = parent->offset + offset,
                         .bytes = bytes,
                         .is_view = true};
    const oc_status status =
        oc_cl_sub_buffer((oc_cl_dev *)head, made->root, made->offset, bytes, &made->mem);
    if (status != OC_OK) {
        oc_free(head->alloc, made);
        return status;
    }
    *view = made;
    return OC_OK;
}

static void opencl_mem_destroy(oc_dev *head, oc_dev_mem *mem)
{
    if (mem == NULL)
        return;
    if (mem->is_view)
        clReleaseMemObject(mem->mem);
    else
        oc_cl_buffer_release((oc_cl_dev *)head, mem->mem, mem->bytes);
    oc_free(head->alloc, mem);
}

const oc_dev_type oc_dev_type_opencl = {
    .name = "opencl",
    .help = "every device that an installed OpenCL 1.2 driver offers: CPUs (PoCL), GPUs",
    .finishes_on_first_run = true,
    .probe = opencl_probe,
    .open = opencl_open,
    .close = opencl_close,
    .can_run = oc_cl_can_run,
    .expect = oc_cl_expect,
    .prepare = oc_cl_prepare,
    .unprepare = oc_cl_unprepare,
    .scratch_bytes = oc_cl_scratch_bytes,
    .kernel = oc_cl_kernel,
    .mem_create = opencl_mem_create,
    .mem_view = opencl_mem_view,
    .mem_destroy = opencl_mem_destroy,
    .bind = oc_cl_bind,
    .unbind = oc_cl_unbind,
    .queue_create = oc_cl_queue_create,
    .queue_create_timed = oc_cl_queue_create_timed,
    .queue_destroy = oc_cl_queue_destroy,
    .run = oc_cl_run,
    .write = oc_cl_write,
    .read = oc_cl_read,
    .after = oc_cl_after,
    .notify = oc_cl_notify,
    .spans = oc_cl_spans,
    .tuner = &oc_cl_tuner,
    .measure_peak = oc_cl_measure_peak,
};
