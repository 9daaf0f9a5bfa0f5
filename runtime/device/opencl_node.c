/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node on OpenCL: its launches made into kernels and arguments.
 *
 * Prepared: programs, constants in device memory, the size of its scratch buffers; read-only, for
 * all lanes. Bound: kernel objects of its own with every argument set (arguments belong to the
 * kernel object, so two threads cannot share one); running is then nothing but enqueuing.
 */
#include "oc_dev_opencl.h"

#define SCRATCH_MAX 8 /* scratch buffers of one node */

typedef struct cl_arg {
    oc_arg_kind kind;
    uint32_t index;
    cl_mem constant; /* for an input that is constant, packed or not; borrowed */
} cl_arg;

typedef struct cl_launch {
    const oc_cl_program *program;
    const char *kernel;
    uint32_t dims, n_args;
    size_t offset[3], global[3], local[3];
    bool has_local;
    bool is_empty; /* no work-items: OpenCL 1.2 does not take such a range */
    cl_arg args[OC_LAUNCH_ARGS];
} cl_launch;

/* One constant in device memory, as one of the packings laid it out (NULL: dense), or a table. */
typedef struct cl_constant {
    oc_arg_kind kind;
    uint32_t index;
    oc_status (*pack)(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes);
    size_t bytes;
    cl_mem mem;
} cl_constant;

struct oc_dev_node {
    const oc_op_call *call;
    cl_launch *launches;
    size_t n_launches;
    cl_constant *constants;
    size_t n_constants;
    size_t scratch_offset[SCRATCH_MAX], scratch_size[SCRATCH_MAX];
    uint32_t n_scratch;
    size_t scratch_bytes;
};

struct oc_dev_bound {
    const oc_dev_node *node;
    cl_kernel *kernels; /* one per launch */
    cl_mem scratch[SCRATCH_MAX];
};

/* ---- can_run ------------------------------------------------------------------------------- */

static bool is_8bit(const oc_op_call *call)
{
    return call->n_in > 0 && call->in[0] != NULL && (OC_TYPES_8BIT >> call->in[0]->dtype & 1u) != 0;
}

oc_status oc_cl_launches(oc_dev *dev, const oc_op_call *call, const char *wanted,
                         oc_launch_list *list)
{
    *list = (oc_launch_list){.alloc = dev->alloc, .wanted = wanted};
    if (call->op->launch == NULL)
        return oc_fail(OC_E_UNSUPPORTED, "operator %s has no kernel", call->op->name);
    if (oc_op_is_empty(call))
        return OC_OK;
    oc_traits traits = dev->traits;
    if (traits.dot8 == OC_DOT8_OPEN)
        traits.dot8 = is_8bit(call) ? oc_cl_dot8((oc_cl_dev *)dev) : OC_DOT8_NONE;
    return call->op->launch(call, &traits, list);
}

oc_status oc_cl_can_run(oc_dev *dev, const oc_op_call *call)
{
    oc_launch_list list;
    const oc_status status = oc_cl_launches(dev, call, NULL, &list);
    oc_free(list.alloc, list.items);
    return status;
}

static oc_status launches_of(oc_dev *dev, const oc_dev_task *task, oc_launch_list *list)
{
    return task->choices != NULL ? oc_cl_launches(dev, task->call, task->choices, list)
                                 : oc_cl_launches_kept(dev, task->call, list);
}

/* Errors stay here: who prepares the node meets them again. */
static oc_status want_programs(oc_dev *dev, const oc_dev_task *task)
{
    oc_launch_list list;
    oc_status status = launches_of(dev, task, &list);
    for (size_t i = 0; status == OC_OK && i < list.count; i++)
        status = oc_cl_program_want((oc_cl_dev *)dev, list.items[i].stem, list.items[i].options,
                                    task->is_trial);
    oc_free(list.alloc, list.items);
    return status == OC_E_NOMEM ? status : OC_OK;
}

oc_status oc_cl_expect(oc_dev *dev, const oc_dev_task *tasks, size_t count)
{
    OC_TRY(oc_dev_check(dev));
    for (size_t i = 0; i < count; i++)
        OC_TRY(want_programs(dev, &tasks[i]));
    oc_cl_programs_join((oc_cl_dev *)dev);
    return OC_OK;
}

/* ---- constants ----------------------------------------------------------------------------- */

/*
 * Evaluate the constant into `dst`, through a dense copy where it has to be packed. A table has no
 * source.
 */
static oc_status fill_constant(oc_cl_dev *dev, const oc_dev_task *task, const cl_constant *constant,
                               void *dst)
{
    size_t dense_bytes;
    void *dense = NULL;
    if (constant->kind == OC_ARG_TABLE)
        return constant->pack(task->call, NULL, dst, constant->bytes);
    if (constant->pack == NULL)
        return task->const_read(task->ctx, constant->index, dst, constant->bytes);
    OC_TRY(oc_desc_bytes(task->call->in[constant->index], &dense_bytes));
    OC_TRY(oc_alloc(dev->head.alloc, dense_bytes, 1, &dense));
    oc_status status = task->const_read(task->ctx, constant->index, dense, dense_bytes);
    if (status == OC_OK)
        status = constant->pack(task->call, dense, dst, constant->bytes);
    oc_free(dev->head.alloc, dense);
    return status;
}

/* The buffer is mapped, so that on a CPU the bytes go where they stay. */
static oc_status load_constant(oc_cl_dev *dev, const oc_dev_task *task, const cl_constant *constant)
{
    cl_int error;
    if (constant->bytes == 0)
        return OC_OK;
    void *dst =
        clEnqueueMapBuffer(dev->loader, constant->mem, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0,
                           constant->bytes, 0, NULL, NULL, &error);
    OC_TRY(oc_cl_check(dev, error, "clEnqueueMapBuffer"));
    const oc_status status = fill_constant(dev, task, constant, dst);
    error = clEnqueueUnmapMemObject(dev->loader, constant->mem, dst, 0, NULL, NULL);
    return status != OC_OK ? status : oc_cl_check(dev, error, "clEnqueueUnmapMemObject");
}

/* The constant that `arg` wants, loaded once however many launches use it. */
static oc_status get_constant(oc_cl_dev *dev, const oc_dev_task *task, oc_dev_node *node,
                              const oc_launch_arg *arg, cl_mem *mem)
{
    cl_constant want = {.kind = arg->kind, .index = arg->index};
    want.pack = arg->kind == OC_ARG_IN ? NULL : arg->pack;
    want.bytes = arg->bytes;
    if (want.pack == NULL)
        OC_TRY(oc_desc_bytes(task->call->in[arg->index], &want.bytes));
    for (size_t i = 0; i < node->n_constants; i++) {
        const cl_constant *have = &node->constants[i];
        if (have->kind == want.kind && have->index == want.index && have->pack == want.pack &&
            have->bytes == want.bytes) {
            *mem = have->mem;
            return OC_OK;
        }
    }
    OC_TRY(oc_cl_buffer(dev, CL_MEM_READ_ONLY, want.bytes, &want.mem));
    node->constants[node->n_constants++] = want;
    *mem = want.mem;
    return load_constant(dev, task, &want);
}

/* ---- prepare ------------------------------------------------------------------------------- */

static oc_status bad_launch(const oc_launch *launch, const char *what, size_t value)
{
    return oc_fail(OC_E_INTERNAL, "kernel %s in %s.cl: %s: %zu", launch->kernel, launch->stem, what,
                   value);
}

static oc_status take_scratch(oc_dev_node *node, const oc_launch *launch, const oc_launch_arg *arg)
{
    if (arg->index >= SCRATCH_MAX)
        return bad_launch(launch, "no scratch buffer has that number", arg->index);
    node->scratch_size[arg->index] = OC_MAX(node->scratch_size[arg->index], arg->bytes);
    node->n_scratch = OC_MAX(node->n_scratch, arg->index + 1);
    return OC_OK;
}

static oc_status take_arg(oc_cl_dev *dev, const oc_dev_task *task, const oc_launch *launch,
                          const oc_launch_arg *arg, oc_dev_node *node, cl_arg *made)
{
    const oc_op_call *call = task->call;
    *made = (cl_arg){.kind = arg->kind, .index = arg->index};
    if (arg->kind == OC_ARG_SCRATCH)
        return take_scratch(node, launch, arg);
    if (arg->kind == OC_ARG_OUT)
        return arg->index < call->n_out ? OC_OK : bad_launch(launch, "no such output", arg->index);
    if (arg->kind == OC_ARG_TABLE)
        return get_constant(dev, task, node, arg, &made->constant);
    if (arg->index >= call->n_in || call->in[arg->index] == NULL)
        return bad_launch(launch, "no such input", arg->index);
    if (call->is_const[arg->index])
        return get_constant(dev, task, node, arg, &made->constant);
    return arg->kind == OC_ARG_IN ? OC_OK
                                  : bad_launch(launch, "packed but not constant", arg->index);
}

/* What the driver would only say when it is too late: is it a kernel, do arguments and range fit it. */
static oc_status check_kernel(oc_cl_dev *dev, const oc_launch *from, const cl_launch *launch)
{
    cl_int error;
    cl_uint n_args = 0;
    size_t group = 0;
    cl_kernel kernel = oc_cl_program_kernel(launch->program, launch->kernel, &error);
    if (error != CL_SUCCESS)
        return oc_fail(OC_E_INTERNAL, "kernel %s in %s.cl: clCreateKernel: %s (%d)", from->kernel,
                       from->stem, oc_cl_error_name(error), error);
    clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof(n_args), &n_args, NULL);
    clGetKernelWorkGroupInfo(kernel, dev->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof(group), &group,
                             NULL);
    clReleaseKernel(kernel);
    if (n_args != launch->n_args)
        return bad_launch(from, "another number of arguments", n_args);
    size_t local = 1;
    for (uint32_t d = 0; launch->has_local && d < launch->dims; d++) {
        if (launch->local[d] == 0 || launch->global[d] % launch->local[d] != 0)
            return bad_launch(from, "range is no multiple of the work-group", launch->global[d]);
        local *= launch->local[d];
    }
    if (launch->has_local && local > group)
        return oc_fail(OC_E_UNSUPPORTED, "kernel %s in %s.cl: work-group of %zu, at most %zu fit",
                       from->kernel, from->stem, local, group);
    return OC_OK;
}

static oc_status take_launch(oc_cl_dev *dev, const oc_dev_task *task, const oc_launch *from,
                             oc_dev_node *node, cl_launch *made)
{
    if (from->dims < 1 || from->dims > 3)
        return bad_launch(from, "number of dimensions", from->dims);
    made->kernel = from->kernel;
    made->dims = from->dims;
    made->n_args = from->n_args;
    for (uint32_t d = 0; d < from->dims; d++) {
        made->global[d] = from->global[d];
        made->local[d] = from->local[d];
        made->offset[d] = from->offset[d];
        made->has_local = made->has_local || from->local[d] != 0;
        made->is_empty = made->is_empty || from->global[d] == 0;
    }
    OC_TRY(oc_cl_program_get(dev, from->stem, from->options, task->is_trial, &made->program));
    OC_TRY(check_kernel(dev, from, made));
    for (uint32_t i = 0; i < from->n_args; i++)
        OC_TRY(take_arg(dev, task, from, &from->args[i], node, &made->args[i]));
    return OC_OK;
}

/* The scratch buffers side by side in one. */
static oc_status place_scratch(oc_cl_dev *dev, oc_dev_node *node)
{
    size_t end = 0;
    for (uint32_t i = 0; i < node->n_scratch; i++) {
        size_t padded;
        node->scratch_offset[i] = end;
        OC_TRY(oc_add_size(node->scratch_size[i], dev->head.mem_align - 1, &padded));
        OC_TRY(oc_add_size(end, padded / dev->head.mem_align * dev->head.mem_align, &end));
    }
    node->scratch_bytes = end;
    return OC_OK;
}

static oc_status take_launches(oc_cl_dev *dev, const oc_dev_task *task, const oc_launch_list *list,
                               oc_dev_node *node)
{
    size_t n_args = 0;
    for (size_t i = 0; i < list->count; i++)
        n_args += list->items[i].n_args;
    OC_TRY(OC_ALLOC(dev->head.alloc, list->count, node->launches));
    node->n_launches = list->count;
    OC_TRY(OC_ALLOC(dev->head.alloc, n_args, node->constants));
    for (size_t i = 0; i < list->count; i++)
        OC_TRY(take_launch(dev, task, &list->items[i], node, &node->launches[i]));
    OC_TRY(place_scratch(dev, node));
    /* Until the unmapping is done the constants may not be read. */
    return oc_cl_check(dev, clFinish(dev->loader), "clFinish");
}

void oc_cl_unprepare(oc_dev *dev, oc_dev_node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->n_constants; i++)
        oc_cl_buffer_release((oc_cl_dev *)dev, node->constants[i].mem, node->constants[i].bytes);
    oc_free(dev->alloc, node->constants);
    oc_free(dev->alloc, node->launches);
    oc_free(dev->alloc, node);
}

oc_status oc_cl_prepare(oc_dev *dev, const oc_dev_task *task, oc_dev_node **node,
                        size_t *const_bytes)
{
    oc_launch_list list = {.alloc = dev->alloc};
    oc_dev_node *made = NULL;
    oc_status status;
    OC_TRY(oc_dev_check(dev));
    OC_TRY_OUT(launches_of(dev, task, &list));
    OC_TRY_OUT(OC_ALLOC(dev->alloc, 1, made));
    made->call = task->call;
    OC_TRY_OUT(take_launches((oc_cl_dev *)dev, task, &list, made));
    size_t total = 0;
    for (size_t i = 0; i < made->n_constants; i++)
        OC_TRY_OUT(oc_add_size(total, made->constants[i].bytes, &total));
    *const_bytes = total;
    *node = made;
    made = NULL;
out:
    oc_cl_unprepare(dev, made);
    oc_free(list.alloc, list.items);
    return status;
}

size_t oc_cl_scratch_bytes(oc_dev *dev, const oc_dev_node *node)
{
    (void)dev;
    return node->scratch_bytes;
}

bool oc_cl_kernel(const oc_dev_node *node, size_t index, oc_dev_kernel *kernel)
{
    for (size_t i = 0; i < node->n_launches; i++) {
        const cl_launch *launch = &node->launches[i];
        if (launch->is_empty || index-- > 0)
            continue;
        *kernel = (oc_dev_kernel){.name = launch->kernel, .options = launch->program->options};
        for (uint32_t d = 0; d < launch->dims; d++) {
            kernel->global[d] = launch->global[d];
            kernel->local[d] = launch->local[d];
        }
        return true;
    }
    return false;
}

/* ---- bind ---------------------------------------------------------------------------------- */

void oc_cl_unbind(oc_dev *dev, oc_dev_bound *bound)
{
    if (bound == NULL)
        return;
    for (size_t i = 0; bound->kernels != NULL && i < bound->node->n_launches; i++)
        if (bound->kernels[i] != NULL)
            clReleaseKernel(bound->kernels[i]);
    for (size_t i = 0; i < SCRATCH_MAX; i++)
        if (bound->scratch[i] != NULL)
            clReleaseMemObject(bound->scratch[i]);
    oc_free(dev->alloc, bound->kernels);
    oc_free(dev->alloc, bound);
}

static oc_status bind_scratch(oc_cl_dev *dev, const oc_dev_node *node, oc_dev_mem *scratch,
                              oc_dev_bound *bound)
{
    if (node->scratch_bytes == 0)
        return OC_OK;
    if (scratch == NULL || scratch->bytes < node->scratch_bytes)
        return oc_fail(OC_E_INTERNAL, "node %s: %zu bytes of scratch memory needed, found %zu",
                       node->call->name, node->scratch_bytes, scratch != NULL ? scratch->bytes : 0);
    for (uint32_t i = 0; i < node->n_scratch; i++)
        OC_TRY(oc_cl_sub_buffer(dev, scratch->root, scratch->offset + node->scratch_offset[i],
                                node->scratch_size[i], &bound->scratch[i]));
    return OC_OK;
}

/* The buffer of an argument, or NULL when the caller gave none. */
static cl_mem arg_mem(const cl_arg *arg, oc_dev_mem *const *in, oc_dev_mem *const *out,
                      const oc_dev_bound *bound)
{
    if (arg->constant != NULL)
        return arg->constant;
    switch (arg->kind) {
    case OC_ARG_TABLE:
        return NULL; /* it is a constant */
    case OC_ARG_IN:
    case OC_ARG_PACKED:
        return in[arg->index] != NULL ? in[arg->index]->mem : NULL;
    case OC_ARG_OUT:
        return out[arg->index] != NULL ? out[arg->index]->mem : NULL;
    case OC_ARG_SCRATCH:
        return bound->scratch[arg->index];
    }
    return NULL;
}

static oc_status bind_launch(oc_cl_dev *dev, const oc_dev_node *node, size_t number,
                             oc_dev_mem *const *in, oc_dev_mem *const *out, oc_dev_bound *bound)
{
    const cl_launch *launch = &node->launches[number];
    cl_int error;
    cl_kernel kernel = oc_cl_program_kernel(launch->program, launch->kernel, &error);
    OC_TRY(oc_cl_check(dev, error, "clCreateKernel"));
    bound->kernels[number] = kernel;
    for (uint32_t i = 0; i < launch->n_args; i++) {
        const cl_mem mem = arg_mem(&launch->args[i], in, out, bound);
        if (mem == NULL && !launch->is_empty)
            return oc_fail(OC_E_INTERNAL, "node %s: no buffer for argument %u of kernel %s",
                           node->call->name, i, launch->kernel);
        OC_TRY(oc_cl_check(dev, clSetKernelArg(kernel, i, sizeof(mem), &mem), "clSetKernelArg"));
    }
    return OC_OK;
}

oc_status oc_cl_bind(oc_dev *head, const oc_dev_node *node, oc_dev_mem *const *in,
                     oc_dev_mem *const *out, oc_dev_mem *scratch, oc_dev_bound **bound)
{
    oc_cl_dev *dev = (oc_cl_dev *)head;
    oc_dev_bound *made = NULL;
    oc_status status;
    OC_TRY(oc_dev_check(head));
    OC_TRY(OC_ALLOC(head->alloc, 1, made));
    made->node = node;
    OC_TRY_OUT(OC_ALLOC(head->alloc, node->n_launches, made->kernels));
    OC_TRY_OUT(bind_scratch(dev, node, scratch, made));
    for (size_t i = 0; i < node->n_launches; i++)
        OC_TRY_OUT(bind_launch(dev, node, i, in, out, made));
    *bound = made;
    return OC_OK;
out:
    oc_cl_unbind(head, made);
    return status;
}

oc_status oc_cl_enqueue(oc_cl_dev *dev, cl_command_queue queue, const oc_dev_bound *bound,
                        oc_cl_events *events)
{
    if (events != NULL && events->max - events->count < bound->node->n_launches)
        return oc_fail(OC_E_LIMIT,
                       "node %s (%s): the queue keeps the times of %zu kernels, no more",
                       bound->node->call->name, bound->node->call->op->name, events->max);
    for (size_t i = 0; i < bound->node->n_launches; i++) {
        const cl_launch *launch = &bound->node->launches[i];
        if (launch->is_empty)
            continue;
        const cl_int error =
            clEnqueueNDRangeKernel(queue, bound->kernels[i], launch->dims, launch->offset,
                                   launch->global, launch->has_local ? launch->local : NULL, 0,
                                   NULL, events != NULL ? &events->items[events->count] : NULL);
        if (error != CL_SUCCESS) {
            const oc_status status = oc_cl_check(dev, error, "clEnqueueNDRangeKernel");
            return oc_fail_in(status, "node %s (%s), kernel %s", bound->node->call->name,
                              bound->node->call->op->name, launch->kernel);
        }
        if (events != NULL)
            events->count++;
    }
    return OC_OK;
}
