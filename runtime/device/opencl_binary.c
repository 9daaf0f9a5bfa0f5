/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Program binaries, kept in a folder from one start to the next (oc_cache).
 *
 * A binary is taken when the device is closed, not when the program was built: PoCL compiles a kernel
 * for good when it first runs with a size of work-group, and only then is that code part of the
 * binary. Asking PoCL for it makes it compile each kernel once more, for work-groups of any size,
 * which at that point nobody waits for to get an answer.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define FORMAT "offcut program binary 2"

/* A text with its NUL, so that no two lists of properties give one digest. */
static oc_status put_property(oc_cl_dev *dev, oc_hash *hash, cl_device_info what)
{
    char text[1024] = "";
    if (clGetDeviceInfo(dev->device, what, sizeof(text), text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[sizeof(text) - 1] = '\0';
    return oc_hash_put_text(hash, text);
}

static oc_status put_platform_version(oc_cl_dev *dev, oc_hash *hash)
{
    char text[1024] = "";
    cl_platform_id platform = NULL;
    if (clGetDeviceInfo(dev->device, CL_DEVICE_PLATFORM, sizeof(platform), &platform, NULL) !=
            CL_SUCCESS ||
        clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof(text), text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[sizeof(text) - 1] = '\0';
    return oc_hash_put_text(hash, text);
}

oc_status oc_cl_hash_device(oc_cl_dev *dev, oc_hash *hash)
{
    static const cl_device_info properties[] = {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION,
                                                CL_DRIVER_VERSION};
    OC_TRY(oc_hash_put_text(hash, oc_version()));
    for (size_t i = 0; i < OC_COUNT(properties); i++)
        OC_TRY(put_property(dev, hash, properties[i]));
    return put_platform_version(dev, hash);
}

oc_status oc_cl_binary_key(oc_cl_dev *dev, oc_hash *hash)
{
    OC_TRY(oc_hash_put_text(hash, FORMAT));
    OC_TRY(oc_cl_hash_device(dev, hash));
    return oc_hash_put_text(hash, dev->build_options);
}

cl_program oc_cl_binary_load(oc_cl_dev *dev, const char *stem, const char *options,
                             const oc_digest *key)
{
    oc_bytes binary;
    cl_int error, verdict = CL_SUCCESS;
    if (!oc_cache_get(dev->cache, key, &binary))
        return NULL;
    cl_program program = clCreateProgramWithBinary(dev->context, 1, &dev->device, &binary.size,
                                                   &binary.data, &verdict, &error);
    oc_free(dev->head.alloc, (void *)binary.data);
    if (error == CL_SUCCESS && verdict == CL_SUCCESS)
        error = clBuildProgram(program, 1, &dev->device, options, NULL, NULL);
    if (error == CL_SUCCESS && verdict == CL_SUCCESS)
        return program;
    char why[256];
    error = error == CL_SUCCESS ? verdict : error;
    snprintf(why, sizeof(why), "device %s: its driver refuses the kept binary of %s.cl: %s (%d)",
             dev->head.info.id, stem, oc_cl_error_name(error), error);
    oc_cache_warn(dev->cache, why);
    if (program != NULL)
        clReleaseProgram(program);
    return NULL;
}

/* The only binary: a context has one device. */
static oc_status take_binary(oc_cl_dev *dev, cl_program program, size_t size, uint8_t *binary)
{
    unsigned char *to[1] = {binary};
    if (size == 0)
        return oc_fail(OC_E_DEVICE, "device %s (%s): its driver gives no binary of a program",
                       dev->head.info.id, dev->head.info.name);
    return oc_cl_check(dev, clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(to), to, NULL),
                       "clGetProgramInfo: binaries");
}

void oc_cl_binary_keep(oc_cl_dev *dev, cl_program program, const oc_digest *key)
{
    size_t size = 0;
    uint8_t *binary = NULL;
    oc_status status = oc_cl_check(
        dev, clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL),
        "clGetProgramInfo: sizes");
    if (status == OC_OK)
        status = oc_alloc(dev->head.alloc, size, 1, &binary);
    if (status == OC_OK)
        status = take_binary(dev, program, size, binary);
    if (status == OC_OK)
        oc_cache_put(dev->cache, key, (oc_bytes){.data = binary, .size = size});
    else
        oc_cache_warn(dev->cache, oc_error_text());
    oc_free(dev->head.alloc, binary);
}
