/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OpenCL device can do at most, by the kernels of peak.cl. Each is run for some milliseconds
 * at a time, and the best time counts: whatever else the machine did can only have made it longer.
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

#define RUN_NS 4e6 /* of one run at least, so that waking threads does not count */
#define PATIENCE 8 /* runs without a better time after which the best is believed */
#define RUNS_MAX 40
#define BETTER 0.98 /* a time that counts as a better one */
#define TIMES_MAX (1 << 28)
#define STARTS 256

#define SIZE_MIN ((uint64_t)128 << 10) /* below, a network's kernels take no time worth a look */
#define SIZE_STEP 4
#define SIZE_MAX_BYTES ((uint64_t)512 << 20)
#define MEMORY_SHARE 8 /* of the device's memory no more than this part */

typedef struct meter {
    oc_cl_dev *dev;
    cl_command_queue queue;
    cl_mem mem, out;
    uint64_t first_bytes, mem_bytes; /* the least and the largest amount that is measured */
    size_t out_bytes;
    uint32_t lanes, chains;
    size_t items;  /* of a work-group */
    size_t groups; /* that fill the device */
} meter;

/* A kernel with its first arguments set; `n_args` - 1 is the number of times. */
typedef struct probe {
    const meter *meter;
    cl_kernel kernel;
    size_t groups, items;
    cl_uint n_args;
} probe;

/* ---- running ------------------------------------------------------------------------------- */

static oc_status probe_init(const meter *m, const char *name, const char *define, probe *p)
{
    const oc_cl_program *program;
    cl_int error;
    char options[96];
    snprintf(options, sizeof(options), "%s -DLANES=%u -DCHAINS=%u", define, m->lanes, m->chains);
    OC_TRY(oc_cl_program_get(m->dev, "peak", options, false, &program));
    cl_kernel kernel = oc_cl_program_kernel(program, name, &error);
    OC_TRY(oc_cl_check(m->dev, error, "clCreateKernel"));
    *p = (probe){.meter = m, .kernel = kernel, .groups = m->groups, .items = m->items};
    return OC_OK;
}

static oc_status add_arg(probe *p, size_t bytes, const void *value)
{
    return oc_cl_check(p->meter->dev, clSetKernelArg(p->kernel, p->n_args++, bytes, value),
                       "clSetKernelArg");
}

static oc_status enqueue(const probe *p, cl_event *event)
{
    const size_t global = p->groups * p->items;
    return oc_cl_check(p->meter->dev,
                       clEnqueueNDRangeKernel(p->meter->queue, p->kernel, 1, NULL, &global,
                                              &p->items, 0, NULL, event),
                       "clEnqueueNDRangeKernel");
}

/* How long a run with that many times takes. */
static oc_status time_once(const probe *p, cl_int times, double *ns)
{
    oc_cl_dev *dev = p->meter->dev;
    cl_ulong begin = 0, end = 0;
    cl_event event;
    OC_TRY(oc_cl_check(dev, clSetKernelArg(p->kernel, p->n_args, sizeof(times), &times),
                       "clSetKernelArg"));
    OC_TRY(enqueue(p, &event));
    cl_int error = clFinish(p->meter->queue);
    if (error == CL_SUCCESS)
        error =
            clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(begin), &begin, NULL);
    if (error == CL_SUCCESS)
        error = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL);
    clReleaseEvent(event);
    *ns = (double)(end - begin);
    return oc_cl_check(dev, error, "clGetEventProfilingInfo");
}

/* The least time of one of its times, nanoseconds. */
static oc_status time_best(const probe *p, double *ns)
{
    cl_int times = 1;
    double best, now;
    OC_TRY(time_once(p, times, &best));
    while (best < RUN_NS && times < TIMES_MAX) {
        times *= 2;
        OC_TRY(time_once(p, times, &best));
    }
    for (int i = 0, worse = 0; i < RUNS_MAX && worse < PATIENCE; i++) {
        OC_TRY(time_once(p, times, &now));
        worse = now < best * BETTER ? 0 : worse + 1;
        best = OC_MIN(best, now);
    }
    *ns = OC_MAX(best, 1.0) / times;
    return OC_OK;
}

/* ---- what is measured ---------------------------------------------------------------------- */

/* Operations per second, of which one time is `ops` for every lane and chain. */
static oc_status measure_arithmetic(const meter *m, const char *name, const char *define,
                                    double ops, double *per_s)
{
    probe p;
    double ns;
    oc_status status;
    OC_TRY(probe_init(m, name, define, &p));
    OC_TRY_OUT(add_arg(&p, sizeof(m->mem), &m->mem));
    OC_TRY_OUT(add_arg(&p, sizeof(m->out), &m->out));
    OC_TRY_OUT(time_best(&p, &ns));
    *per_s = ops * m->lanes * m->chains * (double)(m->groups * m->items) / ns * 1e9;
out:
    clReleaseKernel(p.kernel);
    return status;
}

/* By the instruction for products of bytes, where there is one that works. */
static oc_status measure_dot8(const meter *m, oc_dev_peak *peak)
{
    char define[48];
    double ops;
    const oc_dot8_kind kind = oc_cl_dot8(m->dev);
    if (kind == OC_DOT8_NONE)
        return OC_OK;
    snprintf(define, sizeof(define), "-DPEAK_DOT8 -DDOT8=%d", (int)kind);
    OC_TRY(measure_arithmetic(m, "peak_dot8", define, 8, &ops));
    peak->int_ops = OC_MAX(peak->int_ops, ops);
    return OC_OK;
}

/* Bytes per second, of `bytes` that are touched again and again. */
static oc_status measure_memory(const meter *m, const char *name, const char *define,
                                uint64_t bytes, bool is_copy, double *per_s)
{
    probe p;
    double ns;
    oc_status status;
    const uint64_t step = 8u * m->items, vector_bytes = m->lanes * sizeof(float);
    const uint64_t group_bytes = (is_copy ? bytes / 2 : bytes) / m->groups;
    const cl_int vectors = (cl_int)(OC_MAX(group_bytes / vector_bytes / step, (uint64_t)1) * step);
    const double moved = (is_copy ? 2.0 : 1.0) * (double)(m->groups * vector_bytes) * vectors;
    OC_TRY(probe_init(m, name, define, &p));
    OC_TRY_OUT(add_arg(&p, sizeof(m->mem), &m->mem));
    OC_TRY_OUT(add_arg(&p, sizeof(m->out), &m->out));
    OC_TRY_OUT(add_arg(&p, sizeof(vectors), &vectors));
    OC_TRY_OUT(time_best(&p, &ns));
    *per_s = moved / ns * 1e9;
out:
    clReleaseKernel(p.kernel);
    return status;
}

/* Kernels that do nothing, in a row. */
static oc_status measure_start(const meter *m, double *ns)
{
    probe p;
    oc_status status;
    OC_TRY(probe_init(m, "peak_start", "-DPEAK_START", &p));
    OC_TRY_OUT(add_arg(&p, sizeof(m->out), &m->out));
    for (int run = 0; run < PATIENCE; run++) {
        const uint64_t begin_ns = oc_now_ns();
        for (int i = 0; i < STARTS; i++)
            OC_TRY_OUT(enqueue(&p, NULL));
        OC_TRY_OUT(oc_cl_check(m->dev, clFinish(m->queue), "clFinish"));
        const double now = (double)(oc_now_ns() - begin_ns) / STARTS;
        *ns = run == 0 ? now : OC_MIN(*ns, now);
    }
out:
    clReleaseKernel(p.kernel);
    return status;
}

static oc_status measure(const meter *m, oc_dev_peak *peak)
{
    OC_TRY(measure_arithmetic(m, "peak_float", "-DPEAK_FLOAT", 2, &peak->flops));
    OC_TRY(measure_arithmetic(m, "peak_int", "-DPEAK_INT", 2, &peak->int_ops));
    /* Products of 8 bits are exact as floats too, and on many CPUs quicker. */
    peak->int_ops = OC_MAX(peak->int_ops, peak->flops);
    OC_TRY(measure_dot8(m, peak));
    OC_TRY(measure_start(m, &peak->start_ns));
    for (uint64_t bytes = m->first_bytes; bytes <= m->mem_bytes && peak->n_sizes < OC_PEAK_SIZES;
         bytes *= SIZE_STEP) {
        const size_t i = peak->n_sizes++;
        peak->memory[i].bytes = bytes;
        OC_TRY(measure_memory(m, "peak_read", "-DPEAK_READ", bytes, false,
                              &peak->memory[i].read_per_s));
        OC_TRY(measure_memory(m, "peak_copy", "-DPEAK_COPY", bytes, true,
                              &peak->memory[i].copy_per_s));
    }
    return OC_OK;
}

/* ---- the meter ----------------------------------------------------------------------------- */

/*
 * Memory from the first size that all work-items share, up to the first that holds `bytes`. A CPU runs a work-group on one thread; other
 * devices need many work-items to hide latencies.
 */
static void shape(oc_cl_dev *dev, uint64_t bytes, meter *m)
{
    const oc_traits *t = &dev->head.traits;
    m->lanes = 1;
    while (t->is_cpu && m->lanes < 16 && 2 * m->lanes <= t->vector_floats)
        m->lanes *= 2;
    m->chains = !t->is_cpu ? 8 : m->lanes == 16 ? 24 : 12;
    m->items = t->is_cpu ? 1 : OC_MIN(t->work_group_max, (size_t)256);
    m->groups = t->compute_units * (t->is_cpu ? 1u : 8u);
    const uint64_t most =
        OC_MIN(dev->head.info.memory_bytes / MEMORY_SHARE, (uint64_t)dev->mem_max);
    /* Each work-item copies eight vectors at least; a smaller size would not be what it says. */
    const uint64_t least = m->groups * m->items * 8u * m->lanes * sizeof(float) * 2u;
    m->first_bytes = SIZE_MIN;
    while (m->first_bytes < least)
        m->first_bytes *= SIZE_STEP;
    m->mem_bytes = m->first_bytes;
    while (m->mem_bytes < bytes && m->mem_bytes * SIZE_STEP <= OC_MIN(most, SIZE_MAX_BYTES))
        m->mem_bytes *= SIZE_STEP;
    m->out_bytes = m->groups * m->items * m->lanes * sizeof(float);
}

/* Numbers of everyday size: on denormal ones many processors are slow. */
static oc_status fill(const meter *m)
{
    const cl_float half = 0.5f;
    OC_TRY(oc_cl_check(m->dev,
                       clEnqueueFillBuffer(m->queue, m->mem, &half, sizeof(half), 0,
                                           (size_t)m->mem_bytes, 0, NULL, NULL),
                       "clEnqueueFillBuffer"));
    return oc_cl_check(m->dev, clFinish(m->queue), "clFinish");
}

oc_status oc_cl_measure_peak(oc_dev *head, uint64_t bytes, oc_dev_peak *peak)
{
    oc_cl_dev *dev = (oc_cl_dev *)head;
    meter m = {.dev = dev};
    oc_dev_peak found = {0};
    cl_int error;
    oc_status status;
    OC_TRY(oc_dev_check(head));
    shape(dev, bytes, &m);
    m.queue = clCreateCommandQueue(dev->context, dev->device, CL_QUEUE_PROFILING_ENABLE, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateCommandQueue"));
    OC_TRY_OUT(oc_cl_buffer(dev, CL_MEM_READ_WRITE, (size_t)m.mem_bytes, &m.mem));
    OC_TRY_OUT(oc_cl_buffer(dev, CL_MEM_READ_WRITE, m.out_bytes, &m.out));
    OC_TRY_OUT(fill(&m));
    OC_TRY_OUT(measure(&m, &found));
    *peak = found;
out:
    clFinish(m.queue);
    if (m.out != NULL)
        oc_cl_buffer_release(dev, m.out, m.out_bytes);
    if (m.mem != NULL)
        oc_cl_buffer_release(dev, m.mem, (size_t)m.mem_bytes);
    clReleaseCommandQueue(m.queue);
    return status;
}
