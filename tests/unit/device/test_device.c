/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every device type promises, on a node made up for the purpose: constants dense and packed,
 * scratch buffers, two launches; views of views, order between queues, notifications, failure,
 * deadlines. The kernels are written into a folder, so replacing kernels is tested too.
 */
#include "oc_test.h"

#include "oc_device.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum { N = 5000, THREADS = 4 };

#define KERNELS "kernels"

/* ---- an operator of our own ---------------------------------------------------------------- */

/*
 * y[i] = (x[i] * 2 + w[i]) + w[n - 1 - i]. The first launch leaves x * 2 in scratch 0 and w in
 * scratch 1 (and so reads the constant densely), the second reads it packed: backwards.
 */
static const char weave_cl[] =
    "/* y = (2 x + w) + reversed w */\n"
    "#include \"factor.h\"\n"
    "__kernel void split(__global const float *x, __global const float *w,\n"
    "                    __global float *twice, __global float *copy)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    twice[i] = x[i] * FACTOR;\n"
    "    copy[i] = w[i];\n"
    "}\n"
    "__kernel void join(__global const float *twice, __global const float *copy,\n"
    "                   __global const float *back, __global float *y)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    y[i] = (twice[i] + copy[i]) + back[i];\n"
    "}\n";

static oc_status weave_pack(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    const float *w = src;
    float *back = dst;
    const size_t n = (size_t)call->in[1]->shape.dim[0];
    assert_int_equal(dst_bytes, n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        back[i] = w[n - 1 - i];
    return OC_OK;
}

static oc_status weave_launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const size_t n = (size_t)call->in[0]->shape.dim[0], bytes = n * sizeof(float);
    oc_launch *launch;
    assert_true(traits->vector_floats >= 1);
    OC_TRY(oc_launch_add(list, "weave", "split", &launch));
    OC_TRY(oc_launch_define_float(launch, "FACTOR", 2.0f));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_SCRATCH, .index = 0, .bytes = bytes});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_SCRATCH, .index = 1, .bytes = bytes});
    oc_launch_range(launch, n, 1, 1);
    OC_TRY(oc_launch_add(list, "weave", "join", &launch));
    OC_TRY(oc_launch_define_float(launch, "FACTOR", 2.0f));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_SCRATCH, .index = 0, .bytes = bytes});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_SCRATCH, .index = 1, .bytes = bytes});
    oc_launch_arg_add(
        launch,
        (oc_launch_arg){.kind = OC_ARG_PACKED, .index = 1, .bytes = bytes, .pack = weave_pack});
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT, .index = 0});
    oc_launch_range(launch, n, 1, 1);
    return OC_OK;
}

static oc_status weave_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const float *x = in[0], *w = in[1];
    float *y = out[0];
    const size_t n = (size_t)call->in[0]->shape.dim[0];
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] * 2.0f + w[i]) + w[n - 1 - i];
    return OC_OK;
}

static const oc_op weave = {.name = "weave",
                            .in_min = 2,
                            .in_max = 2,
                            .n_out = 1,
                            .reference = weave_reference,
                            .launch = weave_launch};

/* Launches that a device has to refuse. */
static oc_status broken_launch(const oc_op_call *call, const oc_traits *traits,
                               oc_launch_list *list)
{
    oc_launch *launch;
    (void)traits;
    OC_TRY(oc_launch_add(list, "broken", call->name, &launch));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_range(launch, 8, 1, 1);
    return OC_OK;
}

static oc_status few_args_launch(const oc_op_call *call, const oc_traits *traits,
                                 oc_launch_list *list)
{
    OC_TRY(weave_launch(call, traits, list));
    list->items[1].n_args--;
    return OC_OK;
}

static oc_status bad_name_launch(const oc_op_call *call, const oc_traits *traits,
                                 oc_launch_list *list)
{
    OC_TRY(weave_launch(call, traits, list));
    list->items[0].kernel = "no_such_kernel";
    return OC_OK;
}

static oc_status bad_stem_launch(const oc_op_call *call, const oc_traits *traits,
                                 oc_launch_list *list)
{
    OC_TRY(weave_launch(call, traits, list));
    list->items[0].stem = "no_such_stem";
    return OC_OK;
}

static oc_status bad_local_launch(const oc_op_call *call, const oc_traits *traits,
                                  oc_launch_list *list)
{
    OC_TRY(weave_launch(call, traits, list));
    list->items[0].local[0] = 3; /* 5000 is no multiple */
    return OC_OK;
}

/* ---- a node with its buffers --------------------------------------------------------------- */

typedef struct vector_call {
    oc_desc desc;
    const oc_desc *in[2], *out[1];
    bool is_const[2];
    oc_op_call call;
} vector_call;

static void make_call(vector_call *c, const oc_op *op, const char *name, int32_t n)
{
    c->desc = (oc_desc){OC_DTYPE_float32, {.rank = 1, .dim = {n}}};
    c->in[0] = c->in[1] = c->out[0] = &c->desc;
    c->is_const[0] = false;
    c->is_const[1] = true;
    c->call = (oc_op_call){.op = op, .numerics = op->numerics,
                           .name = name,
                           .n_in = 2,
                           .n_out = 1,
                           .in = c->in,
                           .out = c->out,
                           .is_const = c->is_const};
}

static oc_status read_w(void *ctx, uint32_t in, void *dst, size_t bytes)
{
    assert_int_equal(in, 1);
    memcpy(dst, ctx, bytes);
    return OC_OK;
}

static oc_status read_nothing(void *ctx, uint32_t in, void *dst, size_t bytes)
{
    (void)ctx;
    (void)in;
    (void)dst;
    (void)bytes;
    return oc_fail(OC_E_IO, "weights.bin: gone");
}

static float w[N];
static vector_call weave_call;

static oc_status prepare_weave(oc_dev *dev, oc_dev_node **node, size_t *bytes)
{
    const oc_dev_task task = {.call = &weave_call.call, .ctx = w, .const_read = read_w};
    return dev->type->prepare(dev, &task, node, bytes);
}

/* x and y are windows of one buffer, scratch has its own. */
typedef struct bench {
    oc_dev *dev;
    const oc_dev_node *node;
    oc_dev_mem *all, *x, *y, *scratch;
    oc_dev_bound *bound;
    oc_dev_queue *queue;
} bench;

static oc_status bench_fill(bench *b)
{
    oc_dev *dev = b->dev;
    const size_t bytes = N * sizeof(float), step = oc_align_up(bytes, dev->mem_align);
    const size_t scratch = dev->type->scratch_bytes(dev, b->node);
    OC_TRY(dev->type->mem_create(dev, 2 * step, &b->all));
    OC_TRY(dev->type->mem_view(dev, b->all, 0, bytes, &b->x));
    OC_TRY(dev->type->mem_view(dev, b->all, step, bytes, &b->y));
    if (scratch > 0)
        OC_TRY(dev->type->mem_create(dev, scratch, &b->scratch));
    oc_dev_mem *in[2] = {b->x, NULL};
    OC_TRY(dev->type->bind(dev, b->node, in, &b->y, b->scratch, &b->bound));
    return dev->type->queue_create(dev, &b->queue);
}

static void bench_fini(bench *b)
{
    const oc_dev_type *type = b->dev->type;
    type->queue_destroy(b->dev, b->queue);
    type->unbind(b->dev, b->bound);
    type->mem_destroy(b->dev, b->scratch);
    type->mem_destroy(b->dev, b->y);
    type->mem_destroy(b->dev, b->x);
    type->mem_destroy(b->dev, b->all);
}

static oc_status bench_run(bench *b, const float *x, float *y)
{
    const oc_dev_type *type = b->dev->type;
    OC_TRY(type->write(b->queue, b->x, x, N * sizeof(float)));
    OC_TRY(type->run(b->queue, &b->bound, 1));
    OC_TRY(type->read(b->queue, b->y, y, N * sizeof(float)));
    return oc_dev_queue_wait(b->dev, b->queue, OC_NEVER_NS);
}

static void expected_weave(const float *x, float *y)
{
    const void *in[2] = {x, w};
    oc_assert_ok(weave_reference(&weave_call.call, in, (void *[]){y}));
}

/* ---- the devices that every test runs on --------------------------------------------------- */

static const struct {
    const char *selector;
    uint32_t threads;
} targets[] = {{"reference", 0}, {"pocl", 0}, {"pocl", 1}};

static oc_dev *open_target(size_t i)
{
    oc_dev *dev;
    const oc_dev_options options = {.threads = targets[i].threads, .kernel_dir = KERNELS};
    oc_assert_ok(oc_dev_open(targets[i].selector, &options, NULL, &dev));
    return dev;
}

static void on_every_target(void (*body)(oc_dev *dev))
{
    for (size_t i = 0; i < OC_COUNT(targets); i++) {
        oc_dev *dev = open_target(i);
        body(dev);
        oc_dev_close(dev);
    }
}

static void on_every_open(oc_dev *dev, void (*body)(bench *b))
{
    bench b = {.dev = dev};
    oc_dev_node *node;
    size_t bytes;
    oc_assert_ok(prepare_weave(dev, &node, &bytes));
    b.node = node;
    oc_assert_ok(bench_fill(&b));
    body(&b);
    bench_fini(&b);
    dev->type->unprepare(dev, node);
}

/* ---- running ------------------------------------------------------------------------------- */

static void check_runs(bench *b)
{
    float x[N], y[N], expected[N];
    oc_rng rng = oc_rng_make(7);
    for (int round = 0; round < 3; round++) {
        oc_rng_fill_floats(&rng, x, N, -4, 4);
        expected_weave(x, expected);
        oc_assert_ok(bench_run(b, x, y));
        oc_assert_bits_equal(y, expected, N);
    }
}

static void runs_on(oc_dev *dev)
{
    oc_dev_node *node;
    size_t bytes = 0;
    oc_assert_ok(dev->type->can_run(dev, &weave_call.call));
    oc_assert_ok(prepare_weave(dev, &node, &bytes));
    /* The constant once, or densely and packed where a kernel wants both. */
    assert_true(bytes == N * sizeof(float) || bytes == 2 * N * sizeof(float));
    dev->type->unprepare(dev, node);
    on_every_open(dev, check_runs);
}

static void a_node_gives_its_reference_bits(void **state)
{
    (void)state;
    on_every_target(runs_on);
}

typedef struct job {
    bench b;
    uint64_t seed;
    oc_status status;
    bool is_equal;
} job;

static void *run_job(void *arg)
{
    job *j = arg;
    float x[N], y[N], expected[N];
    oc_rng rng = oc_rng_make(j->seed);
    const void *in[2] = {x, w};
    j->is_equal = true;
    j->status = bench_fill(&j->b);
    for (int round = 0; round < 20 && j->status == OC_OK; round++) {
        oc_rng_fill_floats(&rng, x, N, -4, 4);
        weave_reference(&weave_call.call, in, (void *[]){expected});
        j->status = bench_run(&j->b, x, y);
        j->is_equal = j->is_equal && memcmp(y, expected, sizeof(y)) == 0;
    }
    bench_fini(&j->b);
    return NULL;
}

static void shared_on(oc_dev *dev)
{
    oc_dev_node *node;
    size_t bytes;
    job jobs[THREADS];
    pthread_t threads[THREADS];
    oc_assert_ok(prepare_weave(dev, &node, &bytes));
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job){.b = {.dev = dev, .node = node}, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].status, OC_OK);
        assert_true(jobs[i].is_equal);
    }
    dev->type->unprepare(dev, node);
}

static void threads_share_a_prepared_node(void **state)
{
    (void)state;
    on_every_target(shared_on);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void views_on(oc_dev *dev)
{
    const oc_dev_type *type = dev->type;
    const size_t a = dev->mem_align;
    uint8_t all[6 * 4096], found[6 * 4096];
    oc_dev_mem *mem, *outer, *inner, *none, *view = NULL;
    oc_dev_queue *queue;
    oc_rng rng = oc_rng_make(3);
    assert_true(6 * a <= sizeof(all));
    oc_rng_fill_bytes(&rng, all, sizeof(all));
    oc_assert_ok(type->queue_create(dev, &queue));
    oc_assert_ok(type->mem_create(dev, 6 * a, &mem));
    oc_assert_ok(type->mem_view(dev, mem, a, 4 * a, &outer));
    oc_assert_ok(type->mem_view(dev, outer, 2 * a, a + 3, &inner));
    oc_assert_ok(type->mem_view(dev, mem, 6 * a, 0, &none));
    oc_assert_ok(type->write(queue, mem, all, 6 * a));
    oc_assert_ok(type->read(queue, inner, found, a + 3));
    oc_assert_ok(oc_dev_queue_wait(dev, queue, OC_NEVER_NS));
    assert_memory_equal(found, all + 3 * a, a + 3);

    oc_assert_ok(type->write(queue, inner, all, a));
    oc_assert_ok(type->write(queue, none, all, 0));
    oc_assert_ok(type->read(queue, none, found, 0));
    oc_assert_ok(type->read(queue, mem, found, 6 * a));
    oc_assert_ok(oc_dev_queue_wait(dev, queue, OC_NEVER_NS));
    memcpy(all + 3 * a, all, a);
    assert_memory_equal(found, all, 6 * a);

    oc_assert_fails(type->mem_view(dev, outer, 2 * a, 2 * a + 1, &view), OC_E_INTERNAL, "view");
    oc_assert_fails(type->mem_view(dev, outer, 1, 1, &view), OC_E_INTERNAL, "aligned");
    oc_assert_fails(type->write(queue, inner, all, a + 4), OC_E_INTERNAL, "buffer");
    oc_assert_fails(type->read(queue, inner, all, a + 4), OC_E_INTERNAL, "buffer");
    assert_null(view);
    type->mem_destroy(dev, none);
    type->mem_destroy(dev, inner);
    type->mem_destroy(dev, outer);
    type->mem_destroy(dev, mem);
    type->queue_destroy(dev, queue);
}

static void views_are_windows(void **state)
{
    (void)state;
    on_every_target(views_on);
}

static void a_buffer_that_is_too_large_is_refused(void **state)
{
    (void)state;
    oc_dev *dev;
    oc_dev_mem *mem = NULL;
    oc_assert_ok(oc_dev_open("pocl", NULL, NULL, &dev));
    oc_assert_fails(dev->type->mem_create(dev, SIZE_MAX / 2, &mem), OC_E_LIMIT,
                    "9223372036854775807 bytes is needed, its driver gives at most");
    assert_null(mem);
    oc_dev_close(dev);
}

/* No element: no kernel may run, nothing may fail. */
static void nothing_on(oc_dev *dev)
{
    vector_call c;
    oc_dev_node *node;
    oc_dev_mem *mem, *view;
    oc_dev_bound *bound;
    oc_dev_queue *queue;
    size_t bytes;
    make_call(&c, &weave, "nothing", 0);
    const oc_dev_task task = {.call = &c.call, .ctx = w, .const_read = read_w};
    oc_assert_ok(dev->type->prepare(dev, &task, &node, &bytes));
    assert_int_equal(bytes, 0);
    oc_assert_ok(dev->type->mem_create(dev, 0, &mem));
    oc_assert_ok(dev->type->mem_view(dev, mem, 0, 0, &view));
    oc_dev_mem *in[2] = {view, NULL};
    oc_assert_ok(dev->type->bind(dev, node, in, &mem, NULL, &bound));
    oc_assert_ok(dev->type->queue_create(dev, &queue));
    oc_assert_ok(dev->type->run(queue, &bound, 1));
    oc_assert_ok(oc_dev_queue_wait(dev, queue, OC_NEVER_NS));
    dev->type->queue_destroy(dev, queue);
    dev->type->unbind(dev, bound);
    dev->type->mem_destroy(dev, view);
    dev->type->mem_destroy(dev, mem);
    dev->type->unprepare(dev, node);
}

static void empty_tensors_run(void **state)
{
    (void)state;
    on_every_target(nothing_on);
}

/* ---- order and notification ---------------------------------------------------------------- */

/* The value travels through two queues by turns; any step too early would read what was there before. */
static void turns(bench *b)
{
    const oc_dev_type *type = b->dev->type;
    static float x[8][N];
    float y[8][N], expected[N];
    oc_dev_queue *other;
    oc_rng rng = oc_rng_make(11);
    oc_assert_ok(type->queue_create(b->dev, &other));
    for (size_t i = 0; i < 8; i++) {
        oc_rng_fill_floats(&rng, x[i], N, -1, 1);
        oc_assert_ok(type->after(b->queue, other));
        oc_assert_ok(type->write(b->queue, b->x, x[i], sizeof(x[i])));
        oc_assert_ok(type->run(b->queue, &b->bound, 1));
        oc_assert_ok(type->after(other, b->queue));
        oc_assert_ok(type->read(other, b->y, y[i], sizeof(y[i])));
    }
    oc_assert_ok(oc_dev_queue_wait(b->dev, other, OC_NEVER_NS));
    for (size_t i = 0; i < 8; i++) {
        expected_weave(x[i], expected);
        oc_assert_bits_equal(y[i], expected, N);
    }
    type->queue_destroy(b->dev, other);
}

static void turns_on(oc_dev *dev)
{
    on_every_open(dev, turns);
}

static void a_queue_waits_for_another(void **state)
{
    (void)state;
    on_every_target(turns_on);
}

static size_t count_kernels(const bench *b)
{
    size_t count = 0;
    oc_dev_kernel kernel;
    for (; b->dev->type->kernel(b->node, count, &kernel); count++)
        assert_true(kernel.name != NULL && kernel.name[0] != '\0' && kernel.options != NULL);
    return count;
}

/* Each kernel's time is kept, in turn, until it is taken; a queue keeps no more than it said. */
static void times_of(bench *b)
{
    enum { RUNS = 3 };
    const oc_dev_type *type = b->dev->type;
    const size_t n = count_kernels(b);
    oc_dev_span spans[RUNS * 8];
    oc_dev_queue *queue;
    size_t found = 99;
    assert_true(n > 0 && n <= 8);
    oc_assert_ok(type->queue_create_timed(b->dev, RUNS * n, &queue));
    oc_assert_ok(type->spans(queue, spans, &found));
    assert_int_equal(found, 0);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < RUNS; i++)
            oc_assert_ok(type->run(queue, &b->bound, 1));
        oc_assert_ok(oc_dev_queue_wait(b->dev, queue, OC_NEVER_NS));
        oc_assert_ok(type->spans(queue, spans, &found));
        assert_int_equal(found, RUNS * n);
        for (size_t k = 0; k < found; k++) {
            assert_true(spans[k].begin_ns <= spans[k].end_ns);
            assert_true(k == 0 || spans[k - 1].begin_ns <= spans[k].begin_ns);
        }
    }
    for (size_t i = 0; i < RUNS; i++)
        oc_assert_ok(type->run(queue, &b->bound, 1));
    oc_assert_fails(type->run(queue, &b->bound, 1), OC_E_LIMIT, "no more");
    type->queue_destroy(b->dev, queue); /* with times that nobody took */
}

static void times_on(oc_dev *dev)
{
    on_every_open(dev, times_of);
}

static void a_timed_queue_keeps_when_kernels_ran(void **state)
{
    (void)state;
    on_every_target(times_on);
}

static void count_done(void *ctx, oc_status status)
{
    if (status == OC_OK)
        atomic_fetch_add((atomic_uint *)ctx, 1);
}

static void notes_on(bench *b)
{
    atomic_uint done;
    atomic_init(&done, 0);
    for (int i = 0; i < 3 * OC_DEV_NOTES; i++) {
        oc_assert_ok(b->dev->type->run(b->queue, &b->bound, 1));
        oc_assert_ok(b->dev->type->notify(b->queue, count_done, &done));
        if (i % (OC_DEV_NOTES / 2) == 0)
            oc_assert_ok(oc_dev_queue_wait(b->dev, b->queue, OC_NEVER_NS));
    }
    oc_assert_ok(oc_dev_queue_wait(b->dev, b->queue, OC_NEVER_NS));
    /* In order: when the wait's own notification has come, so have all before it. */
    assert_int_equal(atomic_load(&done), 3 * OC_DEV_NOTES);
}

static void notifications_on(oc_dev *dev)
{
    on_every_open(dev, notes_on);
    /* Destroying a queue waits for what is under way. */
    oc_dev_queue *queue;
    atomic_uint done;
    atomic_init(&done, 0);
    oc_assert_ok(dev->type->queue_create(dev, &queue));
    for (int i = 0; i < OC_DEV_NOTES; i++)
        oc_assert_ok(dev->type->notify(queue, count_done, &done));
    dev->type->queue_destroy(dev, queue);
    assert_int_equal(atomic_load(&done), OC_DEV_NOTES);
}

static void every_notification_comes(void **state)
{
    (void)state;
    on_every_target(notifications_on);
}

/* ---- refusals of prepare ------------------------------------------------------------------- */

static void write_kernel(const char *file, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), KERNELS "/%s", file);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

typedef struct log_text {
    char text[4096];
    size_t size;
} log_text;

static void keep_line(void *ctx, oc_log_level level, const char *text)
{
    log_text *log = ctx;
    if (level == OC_LOG_ERROR && log->size < sizeof(log->text))
        log->size +=
            (size_t)snprintf(log->text + log->size, sizeof(log->text) - log->size, "%s\n", text);
}

static void fails_to_prepare(oc_dev *dev,
                             oc_status (*launch)(const oc_op_call *, const oc_traits *,
                                                 oc_launch_list *),
                             const char *name, oc_status status, const char *text)
{
    const oc_op op = {.name = "odd", .launch = launch};
    vector_call c;
    oc_dev_node *node = NULL;
    size_t bytes;
    make_call(&c, &op, name, N);
    const oc_dev_task task = {.call = &c.call, .ctx = w, .const_read = read_w};
    oc_assert_fails(dev->type->prepare(dev, &task, &node, &bytes), status, text);
    assert_null(node);
}

static void bad_launches_are_refused(void **state)
{
    (void)state;
    log_text log = {.size = 0};
    const oc_log_sink sink = {.ctx = &log, .level = OC_LOG_DEBUG, .write = keep_line};
    oc_dev *dev;
    oc_assert_ok(
        oc_dev_open("pocl", &(oc_dev_options){.kernel_dir = KERNELS, .log = &sink}, NULL, &dev));
    write_kernel("broken.cl",
                 "__kernel void f(__global float *x)\n{\n    x[0] = undeclared_thing;\n}\n");
    fails_to_prepare(dev, broken_launch, "f", OC_E_DEVICE, "undeclared_thing");
    assert_non_null(strstr(oc_error_text(), "broken.cl"));
    assert_non_null(strstr(log.text, "undeclared_thing"));
    write_kernel("broken.cl", "#include \"../secret.h\"\n");
    fails_to_prepare(dev, broken_launch, "f", OC_E_FORMAT, "broken.cl line 1");
    fails_to_prepare(dev, few_args_launch, "few", OC_E_INTERNAL, "number of arguments: 4");
    fails_to_prepare(dev, bad_name_launch, "odd", OC_E_INTERNAL, "no_such_kernel");
    fails_to_prepare(dev, bad_stem_launch, "odd", OC_E_IO, KERNELS "/no_such_stem.cl");
    fails_to_prepare(dev, bad_local_launch, "odd", OC_E_INTERNAL, "no multiple");
    fails_to_prepare(dev, NULL, "odd", OC_E_UNSUPPORTED, "no kernel");
    oc_dev_close(dev);
}

static void a_stem_that_is_not_embedded(void **state)
{
    (void)state;
    oc_dev *dev;
    oc_assert_ok(oc_dev_open("pocl", NULL, NULL, &dev));
    fails_to_prepare(dev, weave_launch, "odd", OC_E_INTERNAL, "weave.cl is not embedded");
    oc_dev_close(dev);
}

static void constants_fail_on(oc_dev *dev)
{
    oc_dev_node *node = NULL;
    size_t bytes;
    const oc_dev_task task = {.call = &weave_call.call, .const_read = read_nothing};
    oc_assert_fails(dev->type->prepare(dev, &task, &node, &bytes), OC_E_IO, "weights.bin: gone");
    assert_null(node);
}

static void unreadable_constants_fail(void **state)
{
    (void)state;
    on_every_target(constants_fail_on);
}

static oc_status whole_life(const oc_allocator *alloc, void *ctx)
{
    float x[N] = {0}, y[N];
    oc_dev *dev = NULL;
    oc_dev_node *node = NULL;
    size_t bytes;
    const oc_dev_options options = {.kernel_dir = KERNELS};
    OC_TRY(oc_dev_open(ctx, &options, alloc, &dev));
    oc_status status = prepare_weave(dev, &node, &bytes);
    if (status == OC_OK) {
        bench b = {.dev = dev, .node = node};
        status = bench_fill(&b);
        const size_t before = atomic_load(&((const oc_test_allocator *)alloc)->calls);
        if (status == OC_OK)
            status = bench_run(&b, x, y);
        /* The run path asks for no memory. */
        assert_int_equal(atomic_load(&((const oc_test_allocator *)alloc)->calls), before);
        bench_fini(&b);
    }
    dev->type->unprepare(dev, node);
    oc_dev_close(dev);
    return status;
}

static void every_call_may_run_out_of_memory(void **state)
{
    (void)state;
    char reference[] = "reference", pocl[] = "pocl";
    oc_test_oom_sweep(whole_life, reference);
    oc_test_oom_sweep(whole_life, pocl);
}

/* ---- failing and hanging ------------------------------------------------------------------- */

/* The slow operator runs until the gate is opened. */
static atomic_bool is_open;
static atomic_uint n_started, n_ended;

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static oc_status failing_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    (void)in;
    (void)out;
    while (!atomic_load(&is_open))
        nap();
    return oc_fail(OC_E_NOMEM, "%s needs more", call->name);
}

static oc_status slow_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    (void)call;
    (void)in;
    atomic_fetch_add(&n_started, 1);
    while (!atomic_load(&is_open))
        nap();
    memset(out[0], 0x55, N * sizeof(float));
    atomic_fetch_add(&n_ended, 1);
    return OC_OK;
}

static const oc_op failing = {.name = "failing", .reference = failing_reference};
static const oc_op slow = {.name = "slow", .reference = slow_reference};

/* A bench on the reference device whose node is `op`. */
static void open_odd(bench *b, const oc_op *op, vector_call *c, const oc_log_sink *log)
{
    oc_dev_node *node;
    size_t bytes;
    oc_dev *dev;
    atomic_store(&is_open, false);
    atomic_store(&n_started, 0);
    atomic_store(&n_ended, 0);
    make_call(c, op, "odd", N);
    const oc_dev_task task = {.call = &c->call, .ctx = w, .const_read = read_w};
    oc_assert_ok(oc_dev_open("reference", &(oc_dev_options){.log = log}, NULL, &dev));
    oc_assert_ok(dev->type->prepare(dev, &task, &node, &bytes));
    *b = (bench){.dev = dev, .node = node};
    oc_assert_ok(bench_fill(b));
}

static void close_odd(bench *b)
{
    bench_fini(b);
    b->dev->type->unprepare(b->dev, (oc_dev_node *)b->node);
    oc_dev_close(b->dev);
}

static void a_failed_queue_stays_failed(void **state)
{
    (void)state;
    bench b;
    vector_call c;
    float y[N];
    oc_dev_queue *other;
    log_text log = {.size = 0};
    const oc_log_sink sink = {.ctx = &log, .level = OC_LOG_ERROR, .write = keep_line};
    memset(y, 0, sizeof(y));
    open_odd(&b, &failing, &c, &sink);
    oc_assert_ok(b.dev->type->queue_create(b.dev, &other));
    oc_assert_ok(b.dev->type->run(b.queue, &b.bound, 1));
    oc_assert_ok(b.dev->type->after(other, b.queue));
    oc_assert_ok(b.dev->type->read(other, b.y, y, sizeof(y)));
    atomic_store(&is_open, true);
    /* Who waits for a queue that fails, fails as well. */
    oc_assert_fails(oc_dev_queue_wait(b.dev, other, OC_NEVER_NS), OC_E_NOMEM, "failed");
    oc_assert_fails(oc_dev_queue_wait(b.dev, b.queue, OC_NEVER_NS), OC_E_NOMEM, "failed");
    oc_assert_fails(b.dev->type->run(b.queue, &b.bound, 1), OC_E_NOMEM, "earlier");
    oc_assert_fails(b.dev->type->after(other, b.queue), OC_E_NOMEM, "earlier");
    assert_non_null(strstr(log.text, "odd needs more"));
    b.dev->type->queue_destroy(b.dev, other);
    close_odd(&b);
}

static void a_deadline_gives_the_device_up(void **state)
{
    (void)state;
    bench b;
    vector_call c;
    float y[N];
    memset(y, 0, sizeof(y));
    open_odd(&b, &slow, &c, NULL);
    oc_assert_ok(b.dev->type->run(b.queue, &b.bound, 1));
    oc_assert_ok(b.dev->type->run(b.queue, &b.bound, 1));
    oc_assert_ok(b.dev->type->read(b.queue, b.y, y, sizeof(y)));
    while (atomic_load(&n_started) == 0)
        nap();
    oc_assert_fails(oc_dev_queue_wait(b.dev, b.queue, oc_now_ns() + 10000000), OC_E_DEADLINE,
                    "by the deadline");
    oc_assert_fails(oc_dev_queue_wait(b.dev, b.queue, OC_NEVER_NS), OC_E_LOST, "lost");
    oc_assert_fails(b.dev->type->run(b.queue, &b.bound, 1), OC_E_LOST, "lost");
    atomic_store(&is_open, true);
    close_odd(&b);
    /* The node that ran was waited for; what came after it was dropped. */
    assert_int_equal(atomic_load(&n_ended), 1);
    assert_int_equal(atomic_load(&n_started), 1);
    assert_true(y[0] == 0 && y[N - 1] == 0);
}

static void notifications_have_a_limit(void **state)
{
    (void)state;
    bench b;
    vector_call c;
    atomic_uint done;
    atomic_init(&done, 0);
    open_odd(&b, &slow, &c, NULL);
    oc_assert_ok(b.dev->type->run(b.queue, &b.bound, 1));
    for (int i = 0; i < OC_DEV_NOTES; i++)
        oc_assert_ok(b.dev->type->notify(b.queue, count_done, &done));
    oc_assert_fails(b.dev->type->notify(b.queue, count_done, &done), OC_E_BUSY, "under way");
    assert_int_equal(atomic_load(&done), 0);
    atomic_store(&is_open, true);
    close_odd(&b);
    assert_int_equal(atomic_load(&done), OC_DEV_NOTES);
}

static void *open_gate_soon(void *arg)
{
    for (int i = 0; i < 30; i++)
        nap();
    atomic_store(&is_open, true);
    return arg;
}

/* A caller that is ahead of the reference device by more than its ring holds is made to wait. */
static void a_full_ring_holds_the_caller_up(void **state)
{
    (void)state;
    bench b;
    vector_call c;
    float y = 1;
    pthread_t opener;
    open_odd(&b, &slow, &c, NULL);
    assert_int_equal(pthread_create(&opener, NULL, open_gate_soon, NULL), 0);
    oc_assert_ok(b.dev->type->run(b.queue, &b.bound, 1));
    for (int i = 0; i < 5000; i++)
        oc_assert_ok(b.dev->type->read(b.queue, b.y, &y, sizeof(y)));
    oc_assert_ok(oc_dev_queue_wait(b.dev, b.queue, OC_NEVER_NS));
    uint32_t bits;
    memcpy(&bits, &y, sizeof(bits));
    assert_int_equal(bits, 0x55555555);
    pthread_join(opener, NULL);
    close_odd(&b);
}

/* A driver that calls back long after everybody has gone. */
static struct {
    oc_dev_done done;
    void *ctx;
} late;

static oc_status late_notify(oc_dev_queue *queue, oc_dev_done done, void *ctx)
{
    (void)queue;
    late.done = done;
    late.ctx = ctx;
    return OC_OK;
}

static void a_late_callback_finds_its_memory(void **state)
{
    (void)state;
    const oc_dev_type type = {.name = "late", .notify = late_notify};
    oc_test_allocator alloc;
    oc_test_allocator_init(&alloc, 0);
    oc_dev dev = {.type = &type, .alloc = &alloc.allocator, .info = {.id = "late", .name = "l"}};
    oc_dev_queue queue;
    oc_assert_ok(oc_dev_queue_init(&queue, &dev));
    oc_assert_fails(oc_dev_queue_wait(&dev, &queue, oc_now_ns() + 1000000), OC_E_DEADLINE, "late");
    assert_true(atomic_load(&dev.is_lost));
    oc_dev_queue_fini(&queue);
    assert_int_equal(atomic_load(&alloc.live), 1);
    late.done(late.ctx, OC_OK);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static int setup(void **state)
{
    (void)state;
    oc_rng rng = oc_rng_make(1);
    oc_rng_fill_floats(&rng, w, N, -2, 2);
    make_call(&weave_call, &weave, "woven", N);
    mkdir(KERNELS, 0777);
    write_kernel("factor.h", "#pragma OPENCL FP_CONTRACT OFF\n");
    write_kernel("weave.cl", weave_cl);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_gives_its_reference_bits),
        cmocka_unit_test(threads_share_a_prepared_node),
        cmocka_unit_test(views_are_windows),
        cmocka_unit_test(a_buffer_that_is_too_large_is_refused),
        cmocka_unit_test(empty_tensors_run),
        cmocka_unit_test(a_queue_waits_for_another),
        cmocka_unit_test(a_timed_queue_keeps_when_kernels_ran),
        cmocka_unit_test(every_notification_comes),
        cmocka_unit_test(bad_launches_are_refused),
        cmocka_unit_test(a_stem_that_is_not_embedded),
        cmocka_unit_test(unreadable_constants_fail),
        cmocka_unit_test(every_call_may_run_out_of_memory),
        cmocka_unit_test(a_failed_queue_stays_failed),
        cmocka_unit_test(a_deadline_gives_the_device_up),
        cmocka_unit_test(notifications_have_a_limit),
        cmocka_unit_test(a_full_ring_holds_the_caller_up),
        cmocka_unit_test(a_late_callback_finds_its_memory),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
