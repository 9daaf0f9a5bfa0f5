/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of an OpenCL device. A notification is a marker with a callback; what the callback needs
 * lies in a block of slots made with the queue, since nothing may be allocated while running.
 */
#include "oc_dev_opencl.h"

typedef struct note note;
typedef struct notes notes;

struct note {
    note *next; /* in the free list */
    notes *of;
    oc_dev_done done;
    void *ctx;
};

/*
 * Owned by the queue and by each callback that is still to come: on a lost device the callbacks may
 * come when the queue is long gone.
 */
struct notes {
    const oc_allocator *alloc;
    oc_cl_dev *dev;
    oc_cond cond; /* guards all below */
    uint32_t refs;
    oc_status failed; /* the first failure; it stays */
    note *free;
    note slots[OC_DEV_NOTES];
};

typedef struct cl_queue {
    oc_dev_queue head;
    cl_command_queue queue;
    notes *notes;
    oc_cl_events events; /* of a timed queue: `items` is not NULL */
} cl_queue;

/* ---- slots --------------------------------------------------------------------------------- */

static oc_status notes_create(oc_cl_dev *dev, notes **out)
{
    notes *n;
    OC_TRY(OC_ALLOC(dev->head.alloc, 1, n));
    const oc_status status = oc_cond_init(&n->cond);
    if (status != OC_OK) {
        oc_free(dev->head.alloc, n);
        return status;
    }
    n->alloc = dev->head.alloc;
    n->dev = dev;
    n->refs = 1;
    for (size_t i = 0; i < OC_DEV_NOTES; i++) {
        n->slots[i] = (note){.next = n->free, .of = n};
        n->free = &n->slots[i];
    }
    *out = n;
    return OC_OK;
}

/* Called locked; unlocks. */
static void notes_unref(notes *n)
{
    const bool is_last = --n->refs == 0;
    oc_cond_wake(&n->cond);
    oc_cond_unlock(&n->cond);
    if (is_last) {
        oc_cond_fini(&n->cond);
        oc_free(n->alloc, n);
    }
}

/* A free slot, which holds a reference; NULL when all are under way. */
static note *take_note(notes *n, oc_dev_done done, void *ctx)
{
    oc_cond_lock(&n->cond);
    note *slot = n->free;
    if (slot != NULL) {
        n->free = slot->next;
        n->refs++;
        slot->done = done;
        slot->ctx = ctx;
    }
    oc_cond_unlock(&n->cond);
    return slot;
}

static void give_note(note *slot)
{
    notes *n = slot->of;
    oc_cond_lock(&n->cond);
    slot->next = n->free;
    n->free = slot;
    notes_unref(n);
}

/* Remember the queue's first failure; gives the one that counts. */
static oc_status keep_failure(notes *n, oc_status status)
{
    oc_cond_lock(&n->cond);
    if (n->failed == OC_OK)
        n->failed = status;
    status = n->failed;
    oc_cond_unlock(&n->cond);
    return status;
}

/* ---- create, destroy ----------------------------------------------------------------------- */

static void release_events(oc_cl_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        clReleaseEvent(events->items[i]);
    events->count = 0;
}

static oc_status create(oc_dev *head, size_t kernels, cl_command_queue_properties properties,
                        oc_dev_queue **queue)
{
    oc_cl_dev *dev = (oc_cl_dev *)head;
    cl_queue *made = NULL;
    cl_int error;
    oc_status status;
    OC_TRY(oc_dev_check(head));
    OC_TRY(OC_ALLOC(head->alloc, 1, made));
    OC_TRY_OUT(oc_dev_queue_init(&made->head, head));
    OC_TRY_OUT(notes_create(dev, &made->notes));
    if (properties != 0)
        OC_TRY_OUT(OC_ALLOC(head->alloc, kernels + 1, made->events.items));
    made->events.max = kernels;
    made->queue = clCreateCommandQueue(dev->context, dev->device, properties, &error);
    OC_TRY_OUT(oc_cl_check(dev, error, "clCreateCommandQueue"));
    *queue = &made->head;
    return OC_OK;
out:
    if (made->notes != NULL) {
        oc_cond_lock(&made->notes->cond);
        notes_unref(made->notes);
    }
    oc_dev_queue_fini(&made->head);
    oc_free(head->alloc, made->events.items);
    oc_free(head->alloc, made);
    return status;
}

oc_status oc_cl_queue_create(oc_dev *head, oc_dev_queue **queue)
{
    return create(head, 0, 0, queue);
}

oc_status oc_cl_queue_create_timed(oc_dev *head, size_t kernels, oc_dev_queue **queue)
{
    return create(head, kernels, CL_QUEUE_PROFILING_ENABLE, queue);
}

void oc_cl_queue_destroy(oc_dev *head, oc_dev_queue *queue)
{
    cl_queue *q = (cl_queue *)queue;
    if (q == NULL)
        return;
    const bool is_lost = atomic_load_explicit(&head->is_lost, memory_order_acquire);
    if (!is_lost)
        clFinish(q->queue);
    oc_cond_lock(&q->notes->cond);
    /* clFinish may return before the last callback does. */
    while (!is_lost && q->notes->refs > 1)
        oc_cond_wait(&q->notes->cond, OC_NEVER_NS);
    notes_unref(q->notes);
    release_events(&q->events);
    clReleaseCommandQueue(q->queue);
    oc_dev_queue_fini(&q->head);
    oc_free(head->alloc, q->events.items);
    oc_free(head->alloc, q);
}

/* ---- enqueuing ----------------------------------------------------------------------------- */

static oc_status check_queue(const cl_queue *q)
{
    OC_TRY(oc_dev_check(q->head.dev));
    const oc_status failed = keep_failure(q->notes, OC_OK);
    if (failed != OC_OK)
        return oc_fail(failed, "device %s (%s): the queue failed earlier: %s", q->head.dev->info.id,
                       q->head.dev->info.name, oc_status_text(failed));
    return OC_OK;
}

/* A command that was refused leaves a hole in what was asked for, so the queue has failed. */
static oc_status entered(cl_queue *q, cl_int error, const char *call)
{
    const oc_status status = oc_cl_check(q->notes->dev, error, call);
    if (status != OC_OK)
        keep_failure(q->notes, status);
    return status;
}

oc_status oc_cl_run(oc_dev_queue *queue, oc_dev_bound *const *bound, size_t count)
{
    cl_queue *q = (cl_queue *)queue;
    oc_cl_events *events = q->events.items != NULL ? &q->events : NULL;
    OC_TRY(check_queue(q));
    for (size_t i = 0; i < count; i++) {
        const oc_status status = oc_cl_enqueue(q->notes->dev, q->queue, bound[i], events);
        if (status != OC_OK) {
            keep_failure(q->notes, status);
            return status;
        }
    }
    return OC_OK;
}

oc_status oc_cl_spans(oc_dev_queue *queue, oc_dev_span *spans, size_t *count)
{
    cl_queue *q = (cl_queue *)queue;
    cl_int error = CL_SUCCESS;
    OC_TRY(check_queue(q));
    for (size_t i = 0; i < q->events.count && error == CL_SUCCESS; i++) {
        cl_ulong begin = 0, end = 0;
        error = clGetEventProfilingInfo(q->events.items[i], CL_PROFILING_COMMAND_START,
                                        sizeof(begin), &begin, NULL);
        if (error == CL_SUCCESS)
            error = clGetEventProfilingInfo(q->events.items[i], CL_PROFILING_COMMAND_END,
                                            sizeof(end), &end, NULL);
        spans[i] = (oc_dev_span){.begin_ns = begin, .end_ns = end};
    }
    OC_TRY(oc_cl_check(q->notes->dev, error, "clGetEventProfilingInfo"));
    *count = q->events.count;
    release_events(&q->events);
    return OC_OK;
}

static oc_status check_size(const oc_dev_mem *mem, size_t bytes)
{
    if (bytes > mem->bytes)
        return oc_fail(OC_E_INTERNAL, "copy: %zu bytes, the buffer has %zu", bytes, mem->bytes);
    return OC_OK;
}

oc_status oc_cl_write(oc_dev_queue *queue, oc_dev_mem *mem, const void *src, size_t bytes)
{
    cl_queue *q = (cl_queue *)queue;
    OC_TRY(check_queue(q));
    OC_TRY(check_size(mem, bytes));
    if (bytes == 0)
        return OC_OK;
    return entered(q,
                   clEnqueueWriteBuffer(q->queue, mem->mem, CL_FALSE, 0, bytes, src, 0, NULL, NULL),
                   "clEnqueueWriteBuffer");
}

oc_status oc_cl_read(oc_dev_queue *queue, oc_dev_mem *mem, void *dst, size_t bytes)
{
    cl_queue *q = (cl_queue *)queue;
    OC_TRY(check_queue(q));
    OC_TRY(check_size(mem, bytes));
    if (bytes == 0)
        return OC_OK;
    return entered(q,
                   clEnqueueReadBuffer(q->queue, mem->mem, CL_FALSE, 0, bytes, dst, 0, NULL, NULL),
                   "clEnqueueReadBuffer");
}

/* A marker of all that is on the queue, handed to the device: an event that is not, may wait forever. */
static oc_status put_marker(cl_queue *q, cl_event *event)
{
    OC_TRY(entered(q, clEnqueueMarkerWithWaitList(q->queue, 0, NULL, event),
                   "clEnqueueMarkerWithWaitList"));
    const oc_status status = entered(q, clFlush(q->queue), "clFlush");
    if (status != OC_OK)
        clReleaseEvent(*event);
    return status;
}

oc_status oc_cl_after(oc_dev_queue *queue, oc_dev_queue *other)
{
    cl_queue *q = (cl_queue *)queue;
    cl_event event;
    OC_TRY(check_queue(q));
    OC_TRY(check_queue((cl_queue *)other));
    OC_TRY(put_marker((cl_queue *)other, &event));
    const cl_int error = clEnqueueBarrierWithWaitList(q->queue, 1, &event, NULL);
    clReleaseEvent(event);
    return entered(q, error, "clEnqueueBarrierWithWaitList");
}

/* ---- notification -------------------------------------------------------------------------- */

/* On a thread of the driver. */
static void CL_CALLBACK on_complete(cl_event event, cl_int state, void *ctx)
{
    note *slot = ctx;
    notes *n = slot->of;
    const cl_int error = state == CL_COMPLETE ? CL_SUCCESS : state;
    if (error != CL_SUCCESS)
        oc_log(n->dev->head.log, OC_LOG_ERROR, "device %s (%s): a command failed: %s (%d)",
               n->dev->head.info.id, n->dev->head.info.name, oc_cl_error_name(error), error);
    atomic_fetch_sub(&n->dev->head.n_pending, 1u);
    slot->done(slot->ctx, keep_failure(n, oc_cl_status(n->dev, error)));
    clReleaseEvent(event);
    give_note(slot);
}

oc_status oc_cl_notify(oc_dev_queue *queue, oc_dev_done done, void *ctx)
{
    cl_queue *q = (cl_queue *)queue;
    cl_event event;
    OC_TRY(oc_dev_check(q->head.dev));
    note *slot = take_note(q->notes, done, ctx);
    if (slot == NULL)
        return oc_fail(OC_E_BUSY, "device %s (%s): %d notifications are under way on one queue",
                       q->head.dev->info.id, q->head.dev->info.name, OC_DEV_NOTES);
    atomic_fetch_add(&q->head.dev->n_pending, 1u); /* before the callback can come */
    oc_status status = put_marker(q, &event);
    if (status == OC_OK) {
        status = entered(q, clSetEventCallback(event, CL_COMPLETE, on_complete, slot),
                         "clSetEventCallback");
        if (status != OC_OK)
            clReleaseEvent(event);
    }
    if (status != OC_OK) {
        atomic_fetch_sub(&q->head.dev->n_pending, 1u);
        give_note(slot);
    }
    return status;
}
