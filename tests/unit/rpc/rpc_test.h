/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the tests of room rpc share: models, a worker in this process, the values that a plain run
 * of the graph has (what every answer is compared with), runs on a site, and a client that speaks
 * bytes.
 */
#ifndef RPC_TEST_H
#define RPC_TEST_H

#include "oc_exec.h"
#include "oc_flow.h"
#include "oc_load.h"
#include "oc_remote.h"
#include "oc_rpc.h"
#include "oc_serve.h"
#include "oc_test.h"
#include "offcut_v1.pb-c.h"
#include "onnx_writer.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <offcut/worker.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define PATIENCE_NS (20 * SECOND_NS) /* nothing here takes so long, unless it hangs */

/* ---- models ---------------------------------------------------------------------------------- */

static inline void write_model(onnx_writer *w, const char *path)
{
    oc_buf bytes;
    oc_assert_ok(onnx_writer_end(w, &bytes));
    oc_assert_ok(oc_file_replace(path, bytes.data, bytes.size));
    oc_buf_fini(&bytes);
}

/** y = x * 2 + bias, 1xWIDTH; the bias tells one from another. */
static inline void write_wide(const char *path, int64_t width, float bias)
{
    const int64_t shape[] = {1, width}, one[] = {1, 1};
    const float two = 2;
    onnx_writer w;
    onnx_writer_init(&w, "tiny");
    onnx_writer_input(&w, "x", 2, shape);
    onnx_writer_floats(&w, "two", 2, one, &two);
    onnx_writer_floats(&w, "bias", 2, one, &bias);
    onnx_writer_node(&w, "Mul", "mul", (const char *[]){"x", "two", NULL}, "m", NULL);
    onnx_writer_node(&w, "Add", "add", (const char *[]){"m", "bias", NULL}, "y", NULL);
    onnx_writer_output(&w, "y", 2, shape);
    write_model(&w, path);
}

static inline void write_tiny(const char *path, float bias)
{
    write_wide(path, 4, bias);
}

/** `depth` convolutions of 3x3 over 1x32xSIZExSIZE: as slow as a test wants. */
static inline void write_slow(const char *path, int depth, int64_t size)
{
    const int64_t shape[] = {1, 32, size, size}, filter[] = {32, 32, 3, 3};
    float *weights = calloc(32 * 32 * 9, sizeof(float));
    onnx_writer w;
    oc_rng rng = oc_rng_make(7);
    oc_rng_fill_floats(&rng, weights, 32 * 32 * 9, -0.05f, 0.05f);
    onnx_writer_init(&w, "slow");
    onnx_writer_input(&w, "x", 4, shape);
    onnx_writer_floats(&w, "w", 4, filter, weights);
    for (int i = 0; i < depth; i++) {
        char name[32], from[32], to[32];
        const onnx_attr attrs[] = {
            {.name = "pads", .kind = ONNX_INTS, .ints = {1, 1, 1, 1}, .n_ints = 4}, {0}};
        snprintf(name, sizeof(name), "conv%d", i);
        snprintf(from, sizeof(from), i ? "v%d" : "x", i);
        snprintf(to, sizeof(to), i + 1 == depth ? "y" : "v%d", i + 1);
        onnx_writer_node(&w, "Conv", name, (const char *[]){from, "w", NULL}, to, attrs);
    }
    onnx_writer_output(&w, "y", 4, shape);
    write_model(&w, path);
    free(weights);
}

/* ---- truth ----------------------------------------------------------------------------------- */

/** A graph, and every value that is no constant, from one run of all nodes on the reference device.
 * */
typedef struct truth {
    oc_graph *graph;
    oc_dev *dev;
    oc_exec *exec;
    oc_tensor *values;
} truth;

static inline void truth_run(truth *t)
{
    const oc_graph *g = t->graph;
    oc_id *order = calloc(g->n_nodes + 1, sizeof(*order)),
          *pinned = calloc(g->n_values, sizeof(*pinned));
    size_t n_pinned = 0, bytes;
    oc_lane *lane = NULL;
    for (size_t n = 0; n < g->n_nodes; n++)
        order[n] = (oc_id)n;
    for (size_t v = 0; v < g->n_values; v++)
        if (!g->values[v].constant)
            pinned[n_pinned++] = (oc_id)v;
    oc_assert_ok(oc_lane_create(t->exec, order, g->n_nodes, pinned, n_pinned, NULL, &lane));
    oc_rng rng = oc_rng_make(1);
    for (size_t i = 0; i < g->n_inputs; i++) {
        oc_tensor *x = &t->values[g->inputs[i]];
        oc_assert_ok(oc_desc_bytes(&x->desc, &bytes));
        oc_rng_fill_floats(&rng, x->data, bytes / sizeof(float), -1, 1);
        oc_assert_ok(oc_lane_write(lane, g->inputs[i], x->data, bytes));
    }
    oc_assert_ok(oc_lane_submit(lane, 0, g->n_nodes));
    for (size_t i = 0; i < n_pinned; i++) {
        oc_assert_ok(oc_desc_bytes(&t->values[pinned[i]].desc, &bytes));
        oc_assert_ok(oc_lane_read(lane, pinned[i], t->values[pinned[i]].data, bytes));
    }
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    oc_lane_destroy(lane);
    free(order);
    free(pinned);
}

static inline truth truth_make(const char *path)
{
    truth t = {0};
    const oc_dev_options options = {.threads = 1};
    oc_assert_ok(oc_graph_load(path, NULL, NULL, &t.graph));
    oc_assert_ok(oc_dev_open("reference", &options, NULL, &t.dev));
    oc_assert_ok(oc_exec_create(t.graph, t.dev, NULL, NULL, NULL, NULL, &t.exec));
    t.values = calloc(t.graph->n_values, sizeof(*t.values));
    for (size_t v = 0; v < t.graph->n_values; v++)
        if (!t.graph->values[v].constant)
            oc_assert_ok(oc_tensor_alloc(&t.graph->values[v].desc, NULL, &t.values[v]));
    truth_run(&t);
    return t;
}

static inline void truth_free(truth *t)
{
    for (size_t v = 0; v < t->graph->n_values; v++)
        oc_tensor_free(&t->values[v], NULL);
    free(t->values);
    oc_exec_destroy(t->exec);
    oc_dev_close(t->dev);
    oc_graph_destroy(t->graph);
}

/** A model whose run takes about `run_ns` here, whatever the machine and the build. */
static inline truth truth_make_slow(const char *path, uint64_t run_ns)
{
    write_slow(path, 1, 64);
    truth t = truth_make(path);
    uint64_t begin_ns = oc_now_ns();
    truth_run(&t);
    uint64_t layer_ns = oc_now_ns() - begin_ns + 1;
    truth_free(&t);
    uint64_t depth = run_ns / layer_ns + 1;
    write_slow(path, (int)OC_MIN(depth, (uint64_t)1000), 64);
    return truth_make(path);
}

/* ---- a worker -------------------------------------------------------------------------------- */

typedef struct served {
    oc_worker *worker;
    pthread_t thread;
    char address[64];
} served;

static inline void *served_run(void *worker)
{
    /* The status is checked by whoever joins. */
    return (void *)(intptr_t)oc_worker_run(worker);
}

static inline oc_worker_options served_options(const char *listen, const oc_worker_model *models,
                                               size_t count)
{
    return (oc_worker_options){
        .listen = listen, .models = models, .n_models = count, .prepare = {.device = "reference"}};
}

static inline void served_begin(served *s, const oc_worker_options *options)
{
    oc_assert_ok(oc_worker_create(options, NULL, &s->worker));
    snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", oc_worker_port(s->worker));
    assert_int_equal(pthread_create(&s->thread, NULL, served_run, s->worker), 0);
}

static inline void served_end(served *s)
{
    void *status;
    oc_worker_stop(s->worker);
    pthread_join(s->thread, &status);
    assert_int_equal((intptr_t)status, OC_OK);
    oc_worker_destroy(s->worker);
    s->worker = NULL;
}

/** Until the worker runs a request, and so many wait for it. */
static inline void served_wait(served *s, uint32_t n_waiting)
{
    oc_serve_load load = {0};
    for (uint64_t end = oc_now_ns() + PATIENCE_NS; oc_now_ns() < end; usleep(1000)) {
        oc_serve_executor_load(&s->worker->executor, 0, oc_now_ns(), &load);
        if (load.n_running == 1 && load.n_waiting == n_waiting)
            return;
    }
    fail_msg("%u run and %u wait, expected 1 and %u", load.n_running, load.n_waiting, n_waiting);
}

/** One model on a port that the system chooses. */
static inline served serve_model(const char *name, const char *path)
{
    const oc_worker_model model = {.name = name, .path = path};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    served s = {0};
    served_begin(&s, &options);
    return s;
}

/* ---- runs on a site -------------------------------------------------------------------------- */

/** A part of a site, with a waker of its own. */
typedef struct remote_run {
    oc_site *site;
    oc_site_part *part;
    oc_part nodes;
    oc_waker waker;
    oc_tensor *gives;
    oc_site_progress last;
} remote_run;

static inline remote_run remote_run_open(oc_site *site, const oc_graph *g, const oc_id *takes,
                                         size_t n_takes, const oc_id *gives, size_t n_gives)
{
    remote_run r = {.site = site};
    oc_assert_ok(oc_part_between(g, takes, n_takes, gives, n_gives, NULL, &r.nodes));
    r.gives = calloc(n_gives + 1, sizeof(*r.gives));
    for (size_t i = 0; i < n_gives; i++)
        oc_assert_ok(oc_tensor_alloc(&g->values[gives[i]].desc, NULL, &r.gives[i]));
    return r;
}

/** Behind remote_run_open, where the struct has its place for good. */
static inline void remote_run_begin(remote_run *r)
{
    oc_assert_ok(oc_waker_init(&r->waker));
    oc_assert_ok(r->site->type->part_open(r->site, &r->nodes, NULL, 0, &r->waker, &r->part));
}

static inline void remote_run_close(remote_run *r)
{
    r->site->type->part_close(r->part);
    oc_waker_fini(&r->waker);
    for (size_t i = 0; i < r->nodes.n_gives; i++)
        oc_tensor_free(&r->gives[i], NULL);
    free(r->gives);
    oc_part_fini(&r->nodes);
}

/** Poll until `until` says so; false where that takes too long. `r->last` has what was polled. */
static inline bool remote_wait(remote_run *r, bool (*until)(const oc_site_progress *p),
                               uint64_t within_ns)
{
    uint64_t deadline = oc_now_ns() + within_ns;
    for (;;) {
        uint64_t seen = oc_waker_events(&r->waker);
        r->site->type->poll(r->part, &r->last);
        if (until(&r->last))
            return true;
        if (oc_now_ns() >= deadline)
            return false;
        oc_waker_wait(&r->waker, seen, deadline);
    }
}

static inline bool is_ready(const oc_site_progress *p)
{
    return p->is_ready && p->is_idle;
}

static inline bool is_settled(const oc_site_progress *p)
{
    return p->is_ready || p->status != OC_OK;
}

static inline bool is_idle(const oc_site_progress *p)
{
    return p->is_idle;
}

static inline bool is_refused(const oc_site_progress *p)
{
    return !p->is_ready;
}

static inline void remote_put_all(remote_run *r, const truth *t)
{
    for (size_t i = 0; i < r->nodes.n_takes; i++)
        oc_assert_ok(r->site->type->put(r->part, r->nodes.takes[i], &t->values[r->nodes.takes[i]]));
}

/** start, put, submit, get; nothing is waited for. */
static inline void remote_send_as(remote_run *r, const truth *t, uint64_t session, uint64_t id,
                                  uint64_t deadline_ns)
{
    const oc_site_run run = {.id = id, .session = session, .deadline_ns = deadline_ns};
    oc_assert_ok(r->site->type->start(r->part, &run));
    remote_put_all(r, t);
    oc_assert_ok(r->site->type->submit(r->part, 0, r->nodes.n_nodes));
    for (size_t i = 0; i < r->nodes.n_gives; i++)
        oc_assert_ok(r->site->type->get(r->part, r->nodes.gives[i], &r->gives[i]));
}

/** Of no session: never taken for another try. */
static inline void remote_send(remote_run *r, const truth *t, uint64_t deadline_ns)
{
    remote_send_as(r, t, 0, 1, deadline_ns);
}

/** A whole run from ready to idle; returns its status. */
static inline oc_status remote_do(remote_run *r, const truth *t, uint64_t deadline_ns)
{
    if (!remote_wait(r, is_ready, PATIENCE_NS))
        fail_msg("not ready: %s", r->last.text);
    remote_send(r, t, deadline_ns);
    assert_true(remote_wait(r, is_idle, PATIENCE_NS));
    return r->last.status;
}

static inline void remote_check(const remote_run *r, const truth *t)
{
    for (size_t i = 0; i < r->nodes.n_gives; i++) {
        size_t bytes;
        oc_assert_ok(oc_desc_bytes(&r->gives[i].desc, &bytes));
        assert_memory_equal(r->gives[i].data, t->values[r->nodes.gives[i]].data, bytes);
    }
}

/* ---- a client that speaks bytes -------------------------------------------------------------- */

typedef struct raw_client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
} raw_client;

typedef struct raw_call {
    raw_client *client;
    grpc_call *call;
    bool is_greeted, is_headed;
    grpc_metadata_array head, tail;
    grpc_status_code code;
    grpc_slice details;
} raw_call;

static inline raw_client raw_open(const char *address)
{
    raw_client c;
    char target[80];
    oc_rpc_begin();
    snprintf(target, sizeof(target), "ipv4:%s", address);
    grpc_arg args[] = {{.type = GRPC_ARG_INTEGER,
                        .key = (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
                        .value.integer = 1},
                       {.type = GRPC_ARG_INTEGER,
                        .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                        .value.integer = -1}};
    const grpc_channel_args all = {OC_COUNT(args), args};
    grpc_channel_credentials *open = grpc_insecure_credentials_create();
    c.channel = grpc_channel_create(target, open, &all);
    grpc_channel_credentials_release(open);
    c.queue = grpc_completion_queue_create_for_pluck(NULL);
    return c;
}

static inline void raw_close(raw_client *c)
{
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    grpc_completion_queue_destroy(c->queue);
    oc_rpc_end();
}

static inline bool raw_batch(raw_call *c, const grpc_op *ops, size_t count)
{
    assert_int_equal(grpc_call_start_batch(c->call, ops, count, c, NULL), GRPC_CALL_OK);
    grpc_event event = grpc_completion_queue_pluck(
        c->client->queue, c, oc_rpc_deadline(oc_now_ns() + PATIENCE_NS), NULL);
    assert_int_equal(event.type, GRPC_OP_COMPLETE);
    return event.success;
}

static inline raw_call raw_begin(raw_client *client, const char *path, uint64_t within_ns)
{
    raw_call c = {.client = client, .details = grpc_empty_slice()};
    grpc_slice method = grpc_slice_from_copied_string(path);
    c.call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
                                      method, NULL, oc_rpc_deadline(oc_now_ns() + within_ns), NULL);
    grpc_slice_unref(method);
    grpc_metadata_array_init(&c.head);
    grpc_metadata_array_init(&c.tail);
    return c;
}

/** Send a message (taken; NULL: none), and perhaps that it was the last. */
static inline bool raw_send(raw_call *c, grpc_byte_buffer *message, bool is_last)
{
    grpc_op ops[3];
    size_t count = 0;
    memset(ops, 0, sizeof(ops));
    if (!c->is_greeted)
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    c->is_greeted = true;
    if (message) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = message;
    }
    if (is_last)
        ops[count++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    bool ok = raw_batch(c, ops, count);
    grpc_byte_buffer_destroy(message);
    return ok;
}

/* gRPC gives neither message nor status before it was asked for the initial metadata. */
static inline size_t raw_head(raw_call *c, grpc_op *op)
{
    if (c->is_headed)
        return 0;
    c->is_headed = true;
    op->op = GRPC_OP_RECV_INITIAL_METADATA;
    op->data.recv_initial_metadata.recv_initial_metadata = &c->head;
    return 1;
}

/** The next message, or NULL at the end. Owns: grpc_byte_buffer_destroy. */
static inline grpc_byte_buffer *raw_receive(raw_call *c)
{
    grpc_byte_buffer *message = NULL;
    grpc_op ops[2];
    memset(ops, 0, sizeof(ops));
    size_t count = raw_head(c, ops);
    ops[count].op = GRPC_OP_RECV_MESSAGE;
    ops[count++].data.recv_message.recv_message = &message;
    raw_batch(c, ops, count);
    return message;
}

/** Wait for the status; the call is over, but its texts can be read until raw_end. */
static inline grpc_status_code raw_status(raw_call *c)
{
    grpc_op ops[2];
    memset(ops, 0, sizeof(ops));
    size_t count = raw_head(c, ops);
    ops[count].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[count].data.recv_status_on_client.trailing_metadata = &c->tail;
    ops[count].data.recv_status_on_client.status = &c->code;
    ops[count++].data.recv_status_on_client.status_details = &c->details;
    raw_batch(c, ops, count);
    return c->code;
}

static inline void raw_end(raw_call *c)
{
    grpc_metadata_array_destroy(&c->head);
    grpc_metadata_array_destroy(&c->tail);
    grpc_slice_unref(c->details);
    grpc_call_unref(c->call);
}

/** The call ends with `code`, and its message contains `text`. */
static inline void raw_expect(raw_call *c, grpc_status_code code, const char *text)
{
    grpc_status_code found = raw_status(c);
    char *details = grpc_slice_to_c_string(c->details);
    if (found != code || (text && !strstr(details, text)))
        fail_msg("expected status %d with \"%s\", found %d with \"%s\"", (int)code,
                 text ? text : "", (int)found, details);
    gpr_free(details);
    raw_end(c);
}

static inline grpc_byte_buffer *raw_message(const void *data, size_t size)
{
    uint8_t *at;
    grpc_byte_buffer *message = oc_rpc_buffer(size, &at);
    if (size > 0)
        memcpy(at, data, size);
    return message;
}

/** One message each way. `answer` (NULL: not wanted) owns the bytes: oc_buf_fini. */
static inline grpc_status_code raw_unary(raw_client *client, const char *path, const void *data,
                                         size_t size, oc_buf *answer, char text[512])
{
    raw_call c = raw_begin(client, path, PATIENCE_NS);
    raw_send(&c, raw_message(data, size), true);
    grpc_byte_buffer *message = raw_receive(&c);
    grpc_status_code code = raw_status(&c);
    char *details = grpc_slice_to_c_string(c.details);
    if (text)
        snprintf(text, 512, "%s", details);
    gpr_free(details);
    if (answer && message) {
        grpc_slice slice;
        oc_bytes bytes;
        oc_assert_ok(oc_rpc_bytes(message, SIZE_MAX, &slice, &bytes));
        oc_assert_ok(oc_buf_put(answer, bytes.data, bytes.size));
        grpc_slice_unref(slice);
    }
    grpc_byte_buffer_destroy(message);
    raw_end(&c);
    return code;
}

/* ---- messages of RunPart --------------------------------------------------------------------- */

static inline grpc_byte_buffer *pack_open(Offcut__V1__Open *open)
{
    Offcut__V1__RunPartRequest request = OFFCUT__V1__RUN_PART_REQUEST__INIT;
    request.message_case = OFFCUT__V1__RUN_PART_REQUEST__MESSAGE_OPEN;
    request.open = open;
    return oc_rpc_pack(&request.base);
}

static inline grpc_byte_buffer *pack_chunk(Offcut__V1__TensorChunk *chunk)
{
    Offcut__V1__RunPartRequest request = OFFCUT__V1__RUN_PART_REQUEST__INIT;
    request.message_case = OFFCUT__V1__RUN_PART_REQUEST__MESSAGE_TENSOR;
    request.tensor = chunk;
    return oc_rpc_pack(&request.base);
}

#endif
