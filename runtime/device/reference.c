/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference device: every operator's own definition in plain C. It is there on every machine,
 * it is what all other devices are compared with, and it is the device type to read first.
 *
 * Memory is memory, a prepared node is its constants, a queue is one thread with a ring of commands.
 */
#include "oc_device.h"

#include <signal.h>
#include <stdio.h>

#define MEM_ALIGN 64 /* a cache line */

/* Commands that wait in a queue. A caller that is further ahead waits for a place. */
#define RING (2 * OC_DEV_NOTES)

struct oc_dev_mem {
    uint8_t *data;
    size_t bytes;
    bool is_view;
};

struct oc_dev_node {
    const oc_op_call *call;
    void **constants; /* n_in; NULL where the input is not constant */
};

struct oc_dev_bound {
    const oc_op_call *call;
    const void **in;
    void **out;
};

/* ---- probe, open --------------------------------------------------------------------------- */

static oc_status reference_probe(oc_dev_info *list, size_t cap, size_t *count)
{
    if (cap > 0) {
        list[0] = (oc_dev_info){.type = &oc_dev_type_reference,
                                .is_available = true,
                                .is_cpu = true,
                                .compute_units = 1};
        snprintf(list[0].id, sizeof(list[0].id), "reference");
        snprintf(list[0].name, sizeof(list[0].name), "plain C, the definition of every operator");
        snprintf(list[0].vendor, sizeof(list[0].vendor), "offcut");
        snprintf(list[0].driver, sizeof(list[0].driver), "offcut %s", oc_version());
    }
    *count = 1;
    return OC_OK;
}

static oc_status reference_open(const oc_dev_info *info, const oc_dev_options *options,
                                const oc_allocator *alloc, oc_dev **dev)
{
    oc_dev *made;
    OC_TRY(OC_ALLOC(alloc, 1, made));
    made->type = &oc_dev_type_reference;
    made->alloc = alloc;
    made->info = *info;
    made->traits =
        (oc_traits){.is_cpu = true, .compute_units = 1, .vector_floats = 1, .work_group_max = 1};
    made->mem_align = MEM_ALIGN;
    made->log = options->log;
    atomic_init(&made->n_pending, 0);
    atomic_init(&made->is_lost, false);
    *dev = made;
    return OC_OK;
}

static void reference_close(oc_dev *dev)
{
    oc_free(dev->alloc, dev);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static oc_status reference_can_run(oc_dev *dev, const oc_op_call *call)
{
    (void)dev;
    if (call->op->reference == NULL)
        return oc_fail(OC_E_UNSUPPORTED, "operator %s has no reference function", call->op->name);
    return OC_OK;
}

static void reference_unprepare(oc_dev *dev, oc_dev_node *node)
{
    if (node == NULL)
        return;
    for (uint32_t i = 0; node->constants != NULL && i < node->call->n_in; i++)
        oc_free(dev->alloc, node->constants[i]);
    oc_free(dev->alloc, node->constants);
    oc_free(dev->alloc, node);
}

static oc_status read_constants(oc_dev *dev, const oc_dev_task *task, oc_dev_node *node,
                                size_t *total)
{
    const oc_op_call *call = task->call;
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (call->in[i] == NULL || !call->is_const[i])
            continue;
        size_t bytes;
        OC_TRY(oc_desc_bytes(call->in[i], &bytes));
        OC_TRY(oc_alloc(dev->alloc, bytes, 1, &node->constants[i]));
        OC_TRY(task->const_read(task->ctx, i, node->constants[i], bytes));
        OC_TRY(oc_add_size(*total, bytes, total));
    }
    return OC_OK;
}

static oc_status reference_prepare(oc_dev *dev, const oc_dev_task *task, oc_dev_node **node,
                                   size_t *const_bytes)
{
    oc_dev_node *made = NULL;
    size_t total = 0;
    oc_status status;
    OC_TRY(reference_can_run(dev, task->call));
    OC_TRY(OC_ALLOC(dev->alloc, 1, made));
    made->call = task->call;
    OC_TRY_OUT(OC_ALLOC(dev->alloc, task->call->n_in, made->constants));
    OC_TRY_OUT(read_constants(dev, task, made, &total));
    *node = made;
    *const_bytes = total;
    return OC_OK;
out:
    reference_unprepare(dev, made);
    return status;
}

static size_t reference_scratch_bytes(oc_dev *dev, const oc_dev_node *node)
{
    (void)dev;
    (void)node;
    return 0;
}

/* The definition is all there is. */
static bool reference_kernel(const oc_dev_node *node, size_t index, oc_dev_kernel *kernel)
{
    if (index > 0 || oc_op_is_empty(node->call))
        return false;
    *kernel = (oc_dev_kernel){.name = node->call->op->name, .options = ""};
    return true;
}

static void reference_unbind(oc_dev *dev, oc_dev_bound *bound)
{
    if (bound == NULL)
        return;
    oc_free(dev->alloc, bound->in);
    oc_free(dev->alloc, bound->out);
    oc_free(dev->alloc, bound);
}

static oc_status reference_bind(oc_dev *dev, const oc_dev_node *node, oc_dev_mem *const *in,
                                oc_dev_mem *const *out, oc_dev_mem *scratch, oc_dev_bound **bound)
{
    const oc_op_call *call = node->call;
    oc_dev_bound *made = NULL;
    oc_status status;
    (void)scratch;
    OC_TRY(OC_ALLOC(dev->alloc, 1, made));
    made->call = call;
    OC_TRY_OUT(OC_ALLOC(dev->alloc, call->n_in, made->in));
    OC_TRY_OUT(OC_ALLOC(dev->alloc, call->n_out, made->out));
    for (uint32_t i = 0; i < call->n_in; i++)
        made->in[i] = in[i] != NULL ? in[i]->data : node->constants[i];
    for (uint32_t i = 0; i < call->n_out; i++)
        made->out[i] = out[i]->data;
    *bound = made;
    return OC_OK;
out:
    reference_unbind(dev, made);
    return status;
}

/* ---- memory -------------------------------------------------------------------------------- */

static void reference_mem_destroy(oc_dev *dev, oc_dev_mem *mem)
{
    if (mem == NULL)
        return;
    if (!mem->is_view)
        oc_free(dev->alloc, mem->data);
    oc_free(dev->alloc, mem);
}

static oc_status reference_mem_create(oc_dev *dev, size_t bytes, oc_dev_mem **mem)
{
    oc_dev_mem *made = NULL;
    OC_TRY(OC_ALLOC(dev->alloc, 1, made));
    made->bytes = bytes;
    oc_status status = oc_alloc(dev->alloc, bytes, 1, &made->data);
    if (status != OC_OK) {
        reference_mem_destroy(dev, made);
        return status;
    }
    *mem = made;
    return OC_OK;
}

static oc_status reference_mem_view(oc_dev *dev, oc_dev_mem *parent, size_t offset, size_t bytes,
                                    oc_dev_mem **view)
{
    oc_dev_mem *made;
    if (offset % MEM_ALIGN != 0 || offset > parent->bytes || bytes > parent->bytes - offset)
        return oc_fail(OC_E_INTERNAL, "view: %zu bytes at %zu of a buffer of %zu, aligned to %d",
                       bytes, offset, parent->bytes, MEM_ALIGN);
    OC_TRY(OC_ALLOC(dev->alloc, 1, made));
    *made = (oc_dev_mem){.data = parent->data + offset, .bytes = bytes, .is_view = true};
    *view = made;
    return OC_OK;
}

/* ---- queues -------------------------------------------------------------------------------- */

typedef enum command_kind { RUN, COPY, AFTER, NOTIFY } command_kind;

typedef struct queue queue;

typedef struct command {
    command_kind kind;
    union {
        const oc_dev_bound *bound;
        struct {
            void *dst;
            const void *src;
            size_t bytes;
        } copy;
        struct {
            queue *other;     /* a reference */
            uint64_t entered; /* how many of its commands have to be done */
        } after;
        struct {
            oc_dev_done done;
            void *ctx;
        } notify;
    } u;
} command;

struct queue {
    oc_dev_queue head;
    const oc_allocator *alloc;
    pthread_t thread;
    oc_cond cond;  /* guards all below */
    uint32_t refs; /* the owner, and each `after` of another queue */
    bool is_closing;
    oc_status failed; /* the first failure; it stays */
    uint64_t entered; /* commands put in so far; the ring holds the last entered - ended */
    uint64_t ended;
    uint32_t n_notes;
    oc_dev_span *spans;                 /* of a timed queue: when each node ran */
    size_t n_spans, max_spans, n_asked; /* nodes put in since they were last taken */
    command ring[RING];
};

static void queue_unref(queue *q)
{
    oc_cond_lock(&q->cond);
    const bool is_last = --q->refs == 0;
    oc_cond_unlock(&q->cond);
    if (is_last) {
        oc_cond_fini(&q->cond);
        oc_free(q->alloc, q->spans);
        oc_free(q->alloc, q);
    }
}

/* Wait until `other` has ended its first `entered` commands; its failure becomes ours. */
static oc_status wait_for(queue *other, uint64_t entered)
{
    oc_cond_lock(&other->cond);
    while (other->ended < entered)
        oc_cond_wait(&other->cond, OC_NEVER_NS);
    const oc_status status = other->failed;
    oc_cond_unlock(&other->cond);
    queue_unref(other);
    return status;
}

static oc_status run_node(const queue *q, const oc_dev_bound *bound)
{
    const oc_op_call *call = bound->call;
    if (oc_op_is_empty(call))
        return OC_OK;
    const oc_status status = call->op->reference(call, bound->in, bound->out);
    if (status != OC_OK) /* the text belongs to this thread: the log is all that can see it */
        oc_log(q->head.dev->log, OC_LOG_ERROR, "node %s (%s): %s", call->name, call->op->name,
               oc_error_text());
    return status;
}

/* Carry out one command of a queue whose earlier commands gave `failed`. */
static oc_status execute(const queue *q, const command *c, oc_status failed)
{
    oc_status status = failed;
    if (status == OC_OK && atomic_load_explicit(&q->head.dev->is_lost, memory_order_acquire))
        status = OC_E_LOST;
    switch (c->kind) {
    case RUN:
        return status == OC_OK ? run_node(q, c->u.bound) : status;
    case COPY:
        if (status == OC_OK && c->u.copy.bytes > 0)
            memcpy(c->u.copy.dst, c->u.copy.src, c->u.copy.bytes);
        return status;
    case AFTER: {
        const oc_status theirs = wait_for(c->u.after.other, c->u.after.entered);
        return status == OC_OK ? theirs : status;
    }
    case NOTIFY:
        atomic_fetch_sub(&q->head.dev->n_pending, 1u);
        c->u.notify.done(c->u.notify.ctx, status);
        return status;
    }
    return OC_E_INTERNAL;
}

static void *queue_thread(void *arg)
{
    queue *q = arg;
    oc_cond_lock(&q->cond);
    for (;;) {
        while (q->entered == q->ended && !q->is_closing)
            oc_cond_wait(&q->cond, OC_NEVER_NS);
        if (q->entered == q->ended)
            break;
        /* The command keeps its place in the ring until it has ended, so nobody overwrites it. */
        const command *c = &q->ring[q->ended % RING];
        const oc_status failed = q->failed;
        oc_cond_unlock(&q->cond);
        const uint64_t begin_ns = oc_now_ns();
        const oc_status status = execute(q, c, failed);
        const uint64_t end_ns = oc_now_ns();
        oc_cond_lock(&q->cond);
        if (c->kind == RUN && q->spans != NULL && !oc_op_is_empty(c->u.bound->call))
            q->spans[q->n_spans++] = (oc_dev_span){begin_ns, end_ns};
        if (q->failed == OC_OK)
            q->failed = status;
        q->n_notes -= c->kind == NOTIFY;
        q->ended++;
        oc_cond_wake(&q->cond);
    }
    oc_cond_unlock(&q->cond);
    return NULL;
}

/* Start the thread with all signals blocked: they belong to the program's own threads. */
static oc_status start_thread(queue *q)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&q->thread, NULL, queue_thread, q);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return oc_fail(OC_E_NOMEM, "device reference: no thread for a queue: %s", strerror(error));
    return OC_OK;
}

static oc_status reference_queue_create(oc_dev *dev, oc_dev_queue **out)
{
    queue *q = NULL;
    OC_TRY(OC_ALLOC(dev->alloc, 1, q));
    q->alloc = dev->alloc;
    q->refs = 1;
    oc_status status = oc_cond_init(&q->cond);
    if (status != OC_OK) {
        oc_free(dev->alloc, q);
        return status;
    }
    OC_TRY_OUT(oc_dev_queue_init(&q->head, dev));
    OC_TRY_OUT(start_thread(q));
    *out = &q->head;
    return OC_OK;
out:
    oc_dev_queue_fini(&q->head);
    queue_unref(q);
    return status;
}

static oc_status reference_queue_create_timed(oc_dev *dev, size_t kernels, oc_dev_queue **out)
{
    oc_dev_span *spans;
    oc_dev_queue *made;
    OC_TRY(OC_ALLOC(dev->alloc, kernels + 1, spans));
    const oc_status status = reference_queue_create(dev, &made);
    if (status != OC_OK) {
        oc_free(dev->alloc, spans);
        return status;
    }
    queue *q = (queue *)made;
    q->spans = spans; /* nothing is on it yet */
    q->max_spans = kernels;
    *out = made;
    return OC_OK;
}

static oc_status reference_spans(oc_dev_queue *head, oc_dev_span *spans, size_t *count)
{
    queue *q = (queue *)head;
    oc_cond_lock(&q->cond);
    memcpy(spans, q->spans, q->n_spans * sizeof(*spans));
    *count = q->n_spans;
    q->n_spans = q->n_asked = 0;
    oc_cond_unlock(&q->cond);
    return OC_OK;
}

static void reference_queue_destroy(oc_dev *dev, oc_dev_queue *head)
{
    queue *q = (queue *)head;
    (void)dev;
    if (q == NULL)
        return;
    oc_cond_lock(&q->cond);
    q->is_closing = true;
    oc_cond_wake(&q->cond);
    oc_cond_unlock(&q->cond);
    /* What is queued on a lost device is skipped, so only the operator that runs is waited for. */
    pthread_join(q->thread, NULL);
    oc_dev_queue_fini(&q->head);
    queue_unref(q);
}

/* Put `c` into the ring, locked; waits while the ring is full. */
static void put_locked(queue *q, command c)
{
    while (q->entered - q->ended == RING)
        oc_cond_wait(&q->cond, OC_NEVER_NS);
    q->ring[q->entered++ % RING] = c;
    oc_cond_wake(&q->cond);
}

static oc_status put(queue *q, command c)
{
    OC_TRY(oc_dev_check(q->head.dev));
    oc_cond_lock(&q->cond);
    const oc_status failed = q->failed;
    if (failed == OC_OK)
        put_locked(q, c);
    oc_cond_unlock(&q->cond);
    if (failed != OC_OK)
        return oc_fail(failed, "device reference: the queue failed earlier: %s",
                       oc_status_text(failed));
    return OC_OK;
}

/* Room for the times of `count` more nodes, on a timed queue. */
static oc_status ask_spans(queue *q, size_t count)
{
    oc_cond_lock(&q->cond);
    const bool is_full = q->spans != NULL && count > q->max_spans - q->n_asked;
    q->n_asked += is_full ? 0 : count;
    oc_cond_unlock(&q->cond);
    if (is_full)
        return oc_fail(OC_E_LIMIT,
                       "device reference: the queue keeps the times of %zu nodes, no more",
                       q->max_spans);
    return OC_OK;
}

static oc_status reference_run(oc_dev_queue *head, oc_dev_bound *const *bound, size_t count)
{
    OC_TRY(ask_spans((queue *)head, count));
    for (size_t i = 0; i < count; i++)
        OC_TRY(put((queue *)head, (command){.kind = RUN, .u.bound = bound[i]}));
    return OC_OK;
}

static oc_status check_size(const oc_dev_mem *mem, size_t bytes)
{
    if (bytes > mem->bytes)
        return oc_fail(OC_E_INTERNAL, "copy: %zu bytes, the buffer has %zu", bytes, mem->bytes);
    return OC_OK;
}

static oc_status reference_write(oc_dev_queue *head, oc_dev_mem *mem, const void *src, size_t bytes)
{
    const command c = {.kind = COPY, .u.copy = {.dst = mem->data, .src = src, .bytes = bytes}};
    OC_TRY(check_size(mem, bytes));
    return put((queue *)head, c);
}

static oc_status reference_read(oc_dev_queue *head, oc_dev_mem *mem, void *dst, size_t bytes)
{
    const command c = {.kind = COPY, .u.copy = {.dst = dst, .src = mem->data, .bytes = bytes}};
    OC_TRY(check_size(mem, bytes));
    return put((queue *)head, c);
}

static oc_status reference_after(oc_dev_queue *head, oc_dev_queue *other_head)
{
    queue *other = (queue *)other_head;
    oc_cond_lock(&other->cond);
    const command c = {.kind = AFTER, .u.after = {.other = other, .entered = other->entered}};
    other->refs++;
    oc_cond_unlock(&other->cond);
    const oc_status status = put((queue *)head, c);
    if (status != OC_OK)
        queue_unref(other);
    return status;
}

static oc_status reference_notify(oc_dev_queue *head, oc_dev_done done, void *ctx)
{
    queue *q = (queue *)head;
    const command c = {.kind = NOTIFY, .u.notify = {.done = done, .ctx = ctx}};
    OC_TRY(oc_dev_check(head->dev));
    oc_cond_lock(&q->cond);
    const bool is_full = q->n_notes == OC_DEV_NOTES;
    /* A failed queue takes a notification as well: its status is how a waiter learns of it. */
    if (!is_full) {
        q->n_notes++;
        atomic_fetch_add(&head->dev->n_pending, 1u);
        put_locked(q, c);
    }
    oc_cond_unlock(&q->cond);
    if (is_full)
        return oc_fail(OC_E_BUSY, "device reference: %d notifications are under way on one queue",
                       OC_DEV_NOTES);
    return OC_OK;
}

const oc_dev_type oc_dev_type_reference = {
    .name = "reference",
    .help = "plain C, one thread for each queue: the definition that other devices are held to",
    .is_reference = true,
    .probe = reference_probe,
    .open = reference_open,
    .close = reference_close,
    .can_run = reference_can_run,
    .prepare = reference_prepare,
    .unprepare = reference_unprepare,
    .scratch_bytes = reference_scratch_bytes,
    .kernel = reference_kernel,
    .mem_create = reference_mem_create,
    .mem_view = reference_mem_view,
    .mem_destroy = reference_mem_destroy,
    .bind = reference_bind,
    .unbind = reference_unbind,
    .queue_create = reference_queue_create,
    .queue_create_timed = reference_queue_create_timed,
    .queue_destroy = reference_queue_destroy,
    .run = reference_run,
    .write = reference_write,
    .read = reference_read,
    .after = reference_after,
    .notify = reference_notify,
    .spans = reference_spans,
};
