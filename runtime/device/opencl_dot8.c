/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the device sum products of bytes four at a time (kernels-cl/dot8.h)? It is asked once, and
 * only where 8-bit integers are computed: an instruction that the processor has is tried on bytes of
 * all kinds, and used if every sum is right. See docs/adr/0013-dot8.md.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define LANES 16
#define ROUNDS 256
#define SUMS ((size_t)LANES * ROUNDS)

/* The test's numbers: kernels-cl/dot8_test.cl. */
typedef struct numbers {
    int32_t sum[SUMS], x[ROUNDS], w[SUMS], y[SUMS];
} numbers;

/*
 * An instruction that a processor does not have would end the process, so the answer is the
 * processor's own: that of the devices of PoCL which are this process's threads.
 */
static bool may_try(const oc_cl_dev *dev)
{
#if defined(__x86_64__)
    static const char *const kinds[] = {"pthread", "basic", "cpu"};
    const oc_dev_info *info = &dev->head.info;
    bool is_here = false;
    for (size_t i = 0; i < OC_COUNT(kinds); i++)
        is_here = is_here || strncmp(info->name, kinds[i], strlen(kinds[i])) == 0;
    return is_here && info->is_cpu && strstr(info->driver, "PoCL") != NULL &&
           dev->head.traits.vector_floats >= LANES && __builtin_cpu_supports("avx512vnni");
#else
    (void)dev;
    return false;
#endif
}

/* Bytes of all values; in the first rounds only the extremes, and sums that wrap around. */
static void make_numbers(numbers *n)
{
    static const uint32_t extremes[] = {0, 0xffffffff, 0x80808080, 0x7f7f7f7f, 0x7f80ff00};
    uint32_t seed = 1;
    for (size_t i = 0; i < SUMS; i++) {
        const size_t round = i / LANES, kinds = OC_COUNT(extremes);
        const bool is_extreme = round < kinds * kinds;
        const uint32_t random_x = seed = seed * 1664525u + 1013904223u;
        const uint32_t random_w = seed = seed * 1664525u + 1013904223u;
        seed = seed * 1664525u + 1013904223u;
        /* The higher bits of such a number are the better ones. */
        const uint32_t w = random_w >> 16 | seed << 16;
        n->x[round] = (int32_t)(is_extreme ? extremes[round % kinds] : random_x ^ random_x >> 16);
        n->w[i] = (int32_t)(is_extreme ? extremes[round / kinds] : w);
        n->sum[i] = (int32_t)(i % 2 != 0 ? 0x7fffffffu - i : seed);
    }
}

static int32_t expected(int32_t sum, int32_t x, int32_t w)
{
    uint32_t s = (uint32_t)sum;
    for (int i = 0; i < 32; i += 8)
        s += (uint32_t)((int32_t)((uint32_t)x >> i & 0xff) * (int8_t)((uint32_t)w >> i & 0xff));
    return (int32_t)s;
}

static bool is_right(const numbers *n)
{
    for (size_t i = 0; i < SUMS; i++)
        if (n->y[i] != expected(n->sum[i], n->x[i / LANES], n->w[i]))
            return false;
    return true;
}

/* The kernel on `n`, all of which lies in `mem`. */
static oc_status run_test(oc_cl_dev *dev, const oc_cl_program *program, cl_mem mem, numbers *n)
{
    static const size_t offsets[] = {offsetof(numbers, sum), offsetof(numbers, x),
                                     offsetof(numbers, w), offsetof(numbers, y)};
    const size_t one = 1;
    cl_mem parts[OC_COUNT(offsets)] = {NULL};
    cl_int error;
    oc_status status;
    cl_kernel kernel = oc_cl_program_kernel(program, "dot8_test", &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateKernel"));
    for (cl_uint i = 0; i < OC_COUNT(parts); i++) {
        const size_t end = i + 1 < OC_COUNT(parts) ? offsets[i + 1] : sizeof(*n);
        OC_TRY_OUT(oc_cl_sub_buffer(dev, mem, offsets[i], end - offsets[i], &parts[i]));
        OC_TRY_OUT(oc_cl_check(dev, clSetKernelArg(kernel, i, sizeof(parts[i]), &parts[i]),
                               "clSetKernelArg"));
    }
    OC_TRY_OUT(oc_cl_check(
        dev, clEnqueueWriteBuffer(dev->loader, mem, CL_TRUE, 0, sizeof(*n), n, 0, NULL, NULL),
        "clEnqueueWriteBuffer"));
    OC_TRY_OUT(oc_cl_check(
        dev, clEnqueueNDRangeKernel(dev->loader, kernel, 1, NULL, &one, &one, 0, NULL, NULL),
        "clEnqueueNDRangeKernel"));
    OC_TRY_OUT(oc_cl_check(
        dev, clEnqueueReadBuffer(dev->loader, mem, CL_TRUE, 0, sizeof(*n), n, 0, NULL, NULL),
        "clEnqueueReadBuffer"));
out:
    for (size_t i = 0; i < OC_COUNT(parts); i++)
        if (parts[i] != NULL)
            clReleaseMemObject(parts[i]);
    clReleaseKernel(kernel);
    return status;
}

static oc_status try_kind(oc_cl_dev *dev, oc_dot8_kind kind, bool *works)
{
    numbers *n = NULL;
    cl_mem mem = NULL;
    const oc_cl_program *program;
    char options[64];
    oc_status status;
    snprintf(options, sizeof(options), "-DDOT8=%d -DLANES=%d -DROUNDS=%d", (int)kind, LANES,
             ROUNDS);
    OC_TRY(OC_ALLOC(dev->head.alloc, 1, n));
    OC_TRY_OUT(oc_cl_program_get(dev, "dot8_test", options, false, &program));
    OC_TRY_OUT(oc_cl_buffer(dev, CL_MEM_READ_WRITE, sizeof(*n), &mem));
    make_numbers(n);
    OC_TRY_OUT(run_test(dev, program, mem, n));
    *works = is_right(n);
out:
    if (mem != NULL)
        oc_cl_buffer_release(dev, mem, sizeof(*n));
    oc_free(dev->head.alloc, n);
    return status;
}

/* Whatever goes wrong, it is not used, and the kernels that do without it are. */
static oc_dot8_kind choose(oc_cl_dev *dev)
{
    bool works = false;
    if (!may_try(dev))
        return OC_DOT8_NONE;
    const char *why = "it gives wrong sums";
    if (try_kind(dev, OC_DOT8_VNNI, &works) != OC_OK)
        why = oc_error_text();
    if (works)
        oc_log(dev->head.log, OC_LOG_DEBUG, "device %s (%s): 8-bit products by VPDPBUSD",
               dev->head.info.id, dev->head.info.name);
    else
        oc_log(dev->head.log, OC_LOG_INFO, "device %s (%s): 8-bit products without VPDPBUSD: %s",
               dev->head.info.id, dev->head.info.name, why);
    return works ? OC_DOT8_VNNI : OC_DOT8_NONE;
}

oc_dot8_kind oc_cl_dot8(oc_cl_dev *dev)
{
    pthread_mutex_lock(&dev->dot8_mutex);
    if (dev->dot8 == OC_DOT8_OPEN)
        dev->dot8 = choose(dev);
    const oc_dot8_kind kind = dev->dot8;
    pthread_mutex_unlock(&dev->dot8_mutex);
    return kind;
}
