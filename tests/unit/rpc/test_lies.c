/* SPDX-License-Identifier: Apache-2.0 */
/** The remote site with a worker that lies: in Hello, in its answers, in its times, or that says
 * nothing. */
#include "rpc_test.h"

#include <math.h>

/* What the false worker does in a run. */
typedef enum lie {
    LIE_NONE,
    LIE_CHECKSUM, /* a bit of the result was turned */
    LIE_SHAPE,    /* 4x1 for 1x4 */
    LIE_DTYPE,
    LIE_SIZE, /* more bytes than the value has */
    LIE_OFFSET,
    LIE_NAME,    /* a value that was not asked for */
    LIE_SHORT,   /* half of the value, then Done */
    LIE_MISSING, /* Done alone */
    LIE_NO_DONE, /* the value alone */
    LIE_BEHIND,  /* another chunk behind Done */
    LIE_TWICE,   /* the value comes twice */
    LIE_GARBAGE, /* bytes that are no message */
    LIE_HUGE,    /* a message above every limit */
    LIE_TIMES,   /* it reports more time than there was */
    LIE_SILENT,  /* takes everything, answers nothing */
    LIE_DIES     /* the same, and then its connection breaks */
} lie;

/* What is wrong with Hello. */
typedef enum hello_lie {
    HELLO_GOOD,
    HELLO_VERSION,
    HELLO_DIGEST,
    HELLO_EMPTY,
    HELLO_GARBAGE,
    HELLO_NO_WORKER,
    HELLO_COUNT
} hello_lie;

/* What it does on a Status stream. */
typedef enum status_lie {
    STATUS_NONE, /* an older worker: it has no Status */
    STATUS_GOOD,
    STATUS_VALUES,  /* a load that cannot be */
    STATUS_TIMES,   /* sent before it was received */
    STATUS_LONG,    /* it had the request for longer than it was away */
    STATUS_GARBAGE, /* bytes that are no message */
    STATUS_TYPES,   /* a number where another is expected */
    STATUS_LATE,    /* takes its time, and does not say so */
    STATUS_JUMP,    /* its clock goes an hour ahead after the second answer */
    STATUS_SILENT,  /* takes everything, answers nothing */
    STATUS_FLOOD,   /* answers once, and then says what nobody asked for, as fast as it can */
    STATUS_SERVICE, /* a number where a service's model is expected */
    STATUS_NUMBER,  /* a number where a service is expected */
    STATUS_ENDS,    /* ends the stream at once */
    STATUS_COUNT
} status_lie;

#define CLOCK_OFFSET_NS (INT64_C(7000) * 1000000000)
#define CLOCK_JUMP_NS (INT64_C(3600) * 1000000000)

typedef struct false_worker {
    const oc_graph *graph;
    grpc_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    char address[64];
    hello_lie hello;
    status_lie status;
    atomic_int lie;
    atomic_int n_hellos, n_statuses;
    atomic_bool is_ending;
} false_worker;

/* ---- the false worker: one call after the other, blocking ------------------------------------ */

/* Waits for what bears the tag. The server's shutdown comes on the same queue, at any moment, and
 * bears none: taken for the end of a batch, it would leave gRPC writing to a place that is gone. */
static bool await_tag(false_worker *w, const void *tag)
{
    grpc_event event;
    do
        event = grpc_completion_queue_next(w->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    while (event.type == GRPC_OP_COMPLETE && event.tag != tag);
    return event.type == GRPC_OP_COMPLETE && event.success;
}

static bool batch(false_worker *w, grpc_call *call, const grpc_op *ops, size_t count)
{
    return grpc_call_start_batch(call, ops, count, call, NULL) == GRPC_CALL_OK &&
           await_tag(w, call);
}

static grpc_byte_buffer *receive(false_worker *w, grpc_call *call)
{
    grpc_byte_buffer *message = NULL;
    const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &message};
    batch(w, call, &op, 1);
    return message;
}

static bool send_message(false_worker *w, grpc_call *call, grpc_byte_buffer *message)
{
    const grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = message};
    bool ok = batch(w, call, &op, 1);
    grpc_byte_buffer_destroy(message);
    return ok;
}

static void end_call(false_worker *w, grpc_call *call, grpc_status_code code)
{
    int is_cancelled;
    grpc_op ops[2];
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[0].data.send_status_from_server.status = code;
    ops[1].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[1].data.recv_close_on_server.cancelled = &is_cancelled;
    batch(w, call, ops, 2);
}

static grpc_byte_buffer *make_hello(const false_worker *w)
{
    Offcut__V1__HelloResponse hello = OFFCUT__V1__HELLO_RESPONSE__INIT;
    Offcut__V1__Model model = OFFCUT__V1__MODEL__INIT, *models[] = {&model};
    char digest[OC_DIGEST_TEXT];
    oc_digest_print(&w->graph->digest, digest);
    hello.version_min = w->hello == HELLO_VERSION ? 7 : 1;
    hello.version_max = w->hello == HELLO_VERSION ? 9 : 1;
    if (w->hello == HELLO_DIGEST)
        memset(digest, 'b', OC_DIGEST_TEXT - 1);
    model.name = (char *)"tiny";
    model.digest = digest;
    hello.models = models;
    hello.n_models = w->hello != HELLO_EMPTY;
    return w->hello == HELLO_GARBAGE ? raw_message("\xff\xff\xff", 3) : oc_rpc_pack(&hello.base);
}

static grpc_byte_buffer *make_done(lie l)
{
    Offcut__V1__Done done = OFFCUT__V1__DONE__INIT;
    Offcut__V1__RunPartResponse response = OFFCUT__V1__RUN_PART_RESPONSE__INIT;
    done.receive_ns = l == LIE_TIMES ? UINT64_MAX : 1000;
    done.queue_ns = done.compute_ns = l == LIE_TIMES ? UINT64_MAX / 2 : 1;
    response.message_case = OFFCUT__V1__RUN_PART_RESPONSE__MESSAGE_DONE;
    response.done = &done;
    return oc_rpc_pack(&response.base);
}

/* y = 2 x + 1 for the x that came is known: the truth's input is always the same. */
static grpc_byte_buffer *make_chunk(lie l, const float y[4])
{
    Offcut__V1__TensorChunk c = OFFCUT__V1__TENSOR_CHUNK__INIT;
    int64_t shape[2] = {1, 4};
    uint8_t data[20] = {0};
    oc_rpc_sum sum;
    memcpy(data, y, 16);
    oc_rpc_sum_init(&sum);
    oc_rpc_sum_put(&sum, data, 16);
    c.name = (char *)(l == LIE_NAME ? "m" : "y");
    c.dtype = (char *)(l == LIE_DTYPE ? "int32" : "float32");
    c.codec = (char *)"raw";
    c.shape = shape;
    c.n_shape = 2;
    c.total_bytes = l == LIE_SIZE ? 20 : 16;
    c.offset = l == LIE_OFFSET ? 8 : 0;
    c.checksum = oc_rpc_sum_end(&sum);
    c.data = (ProtobufCBinaryData){l == LIE_SIZE ? 20 : l == LIE_SHORT ? 8 : 16, data};
    if (l == LIE_CHECKSUM)
        data[5] ^= 4;
    if (l == LIE_SHAPE) {
        shape[0] = 4;
        shape[1] = 1;
    }
    return pack_chunk(&c); /* the same field in both directions */
}

static void answer_run(false_worker *w, grpc_call *call, lie l)
{
    static const uint8_t garbage[] = {0x12, 0x7f, 0x01};
    float y[4] = {0};
    grpc_byte_buffer *message;
    while ((message = receive(w, call)) != NULL) { /* until the client has sent all */
        uint32_t kind;
        grpc_slice slice;
        oc_bytes bytes, inside;
        oc_flow_chunk chunk;
        if (oc_rpc_bytes(message, SIZE_MAX, &slice, &bytes) == OC_OK) {
            if (oc_flow_envelope_read(bytes, &kind, &inside) == OC_OK && kind == OC_FLOW_TENSOR &&
                oc_flow_chunk_read(inside, &chunk) == OC_OK && chunk.data.size == sizeof(y))
                memcpy(y, chunk.data.data, sizeof(y));
            grpc_slice_unref(slice);
        }
        grpc_byte_buffer_destroy(message);
    }
    for (int i = 0; i < 4; i++)
        y[i] = y[i] * 2 + 1;
    bool ok = true;
    if (l == LIE_GARBAGE)
        ok = send_message(w, call, raw_message(garbage, sizeof(garbage)));
    if (l == LIE_HUGE) {
        uint8_t *huge;
        grpc_byte_buffer *large = oc_rpc_buffer(8u << 20, &huge);
        memset(huge, 0, 8u << 20);
        ok = send_message(w, call, large);
    }
    if (l != LIE_MISSING)
        ok = ok && send_message(w, call, make_chunk(l, y));
    if (l == LIE_TWICE)
        ok = ok && send_message(w, call, make_chunk(l, y));
    if (l != LIE_NO_DONE)
        ok = ok && send_message(w, call, make_done(l));
    if (l == LIE_BEHIND)
        ok = ok && send_message(w, call, make_chunk(l, y));
    if (ok)
        end_call(w, call, GRPC_STATUS_OK);
}

static void be_silent(false_worker *w, grpc_call *call, lie l)
{
    grpc_byte_buffer_destroy(receive(w, call));
    if (l == LIE_DIES)
        return;
    for (int i = 0; i < 400 && !atomic_load(&w->is_ending); i++)
        usleep(10000);
    end_call(w, call, GRPC_STATUS_UNAVAILABLE);
}

static uint64_t id_of(grpc_byte_buffer *request)
{
    Offcut__V1__StatusRequest *status = NULL;
    grpc_slice slice;
    oc_bytes bytes;
    uint64_t id = 0;
    if (oc_rpc_bytes(request, SIZE_MAX, &slice, &bytes) == OC_OK) {
        if (oc_rpc_unpack(&offcut__v1__status_request__descriptor, bytes, NULL, &status) == OC_OK)
            id = status->id;
        oc_rpc_unpacked_free(status, NULL);
        grpc_slice_unref(slice);
    }
    return id;
}

/* More services than are taken, each with words that are too long and a time that cannot be. */
#define SERVICES 20
#define FLOOD_BYTES 64 /* of one message, at most */

static void add_services(Offcut__V1__StatusResponse *r, Offcut__V1__Service rows[SERVICES],
                         Offcut__V1__Service *list[SERVICES], char words[301])
{
    memset(words, 'm', 300);
    words[1] = '\n';
    words[300] = '\0';
    for (uint64_t i = 0; i < SERVICES; i++) {
        offcut__v1__service__init(&rows[i]);
        rows[i].model = rows[i].takes = rows[i].gives = words;
        rows[i].compute_ns = UINT64_MAX;
        rows[i].n_runs = i + 1;
        list[i] = &rows[i];
    }
    rows[0].n_runs = UINT64_MAX;
    r->services = list;
    r->n_services = SERVICES;
}

static grpc_byte_buffer *make_status(const false_worker *w, uint64_t id, int n_before)
{
    Offcut__V1__StatusResponse r = OFFCUT__V1__STATUS_RESPONSE__INIT;
    Offcut__V1__Service rows[SERVICES], *list[SERVICES];
    char words[301];
    int64_t jump = w->status == STATUS_JUMP && n_before >= 2 ? CLOCK_JUMP_NS : 0;
    if (w->status == STATUS_GARBAGE)
        return raw_message("\x0b\xff\xff", 3);
    if (w->status == STATUS_TYPES) /* the id as bytes */
        return raw_message("\x0a\x01\x01", 3);
    if (w->status == STATUS_SERVICE)
        return raw_message("\x62\x02\x08\x01", 4);
    if (w->status == STATUS_NUMBER)
        return raw_message("\x60\x01", 2);
    r.id = id;
    r.received_at_ns = r.sent_at_ns = oc_now_ns() + (uint64_t)(CLOCK_OFFSET_NS + jump);
    if (w->status == STATUS_TIMES)
        r.sent_at_ns -= 1000;
    if (w->status == STATUS_LONG)
        r.received_at_ns = 0;
    r.temperature = 42;
    r.has_temperature = true;
    r.cpu_load = 0.25;
    if (w->status == STATUS_VALUES) {
        r.queue_ns = UINT64_MAX;
        r.n_waiting = UINT32_MAX;
        r.cpu_load = (double)NAN;
        r.memory_available = -(double)INFINITY;
        r.temperature = 1e300;
        add_services(&r, rows, list, words);
    }
    return oc_rpc_pack(&r.base);
}

/* Until the client ends the stream. */
static void answer_status(false_worker *w, grpc_call *call)
{
    grpc_byte_buffer *request;
    int n_before = 0;
    atomic_fetch_add(&w->n_statuses, 1);
    while (w->status != STATUS_NONE && w->status != STATUS_ENDS &&
           (request = receive(w, call)) != NULL) {
        uint64_t id = id_of(request);
        grpc_byte_buffer_destroy(request);
        if (w->status == STATUS_SILENT)
            continue;
        if (w->status == STATUS_LATE)
            usleep(200000);
        bool ok = send_message(w, call, make_status(w, id, n_before++));
        while (ok && w->status == STATUS_FLOOD && !atomic_load(&w->is_ending))
            ok = send_message(w, call, make_status(w, 0, n_before++));
        if (!ok)
            break;
    }
    end_call(w, call, w->status == STATUS_NONE ? GRPC_STATUS_UNIMPLEMENTED : GRPC_STATUS_OK);
}

static void answer_hello(false_worker *w, grpc_call *call)
{
    grpc_byte_buffer *question = receive(w, call);
    grpc_byte_buffer_destroy(question);
    atomic_fetch_add(&w->n_hellos, 1);
    if (w->hello == HELLO_NO_WORKER) {
        end_call(w, call, GRPC_STATUS_UNIMPLEMENTED);
        return;
    }
    if (send_message(w, call, make_hello(w)))
        end_call(w, call, GRPC_STATUS_OK);
}

/* Until a request for a call fails: the server shuts down. */
static void *run_false_worker(void *ctx)
{
    false_worker *w = ctx;
    for (;;) {
        grpc_call *call = NULL;
        grpc_call_details details;
        grpc_metadata_array metadata;
        grpc_call_details_init(&details);
        grpc_metadata_array_init(&metadata);
        bool is_call = grpc_server_request_call(w->server, &call, &details, &metadata, w->queue,
                                                w->queue, w) == GRPC_CALL_OK &&
                       await_tag(w, w);
        if (is_call) {
            const grpc_op greet = {.op = GRPC_OP_SEND_INITIAL_METADATA};
            lie l = (lie)atomic_load(&w->lie);
            batch(w, call, &greet, 1);
            if (grpc_slice_str_cmp(details.method, OC_RPC_PATH_HELLO) == 0)
                answer_hello(w, call);
            else if (grpc_slice_str_cmp(details.method, OC_RPC_PATH_STATUS) == 0)
                answer_status(w, call);
            else if (l != LIE_SILENT && l != LIE_DIES)
                answer_run(w, call, l);
            else
                be_silent(w, call, l);
        }
        grpc_call_details_destroy(&details);
        grpc_metadata_array_destroy(&metadata);
        if (call)
            grpc_call_unref(call);
        if (!is_call)
            return NULL;
    }
}

static void false_begin(false_worker *w, const oc_graph *g, hello_lie hello)
{
    const grpc_channel_args none = {0};
    oc_rpc_address address;
    int port = 0;
    w->graph = g;
    w->hello = hello;
    oc_rpc_begin();
    w->queue = grpc_completion_queue_create_for_next(NULL);
    w->server = grpc_server_create(&none, NULL);
    grpc_server_register_completion_queue(w->server, w->queue, NULL);
    oc_assert_ok(oc_rpc_address_parse("127.0.0.1:0", &address));
    oc_assert_ok(oc_rpc_listen(w->server, &address, &port));
    snprintf(w->address, sizeof(w->address), "127.0.0.1:%d", port);
    grpc_server_start(w->server);
    assert_int_equal(pthread_create(&w->thread, NULL, run_false_worker, w), 0);
}

static void false_end(false_worker *w)
{
    grpc_completion_queue *queue = w->queue;
    atomic_store(&w->is_ending, true);
    grpc_server_shutdown_and_notify(w->server, queue, NULL);
    grpc_server_cancel_all_calls(w->server);
    pthread_join(w->thread, NULL);
    grpc_completion_queue_shutdown(queue);
    while (grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_server_destroy(w->server);
    grpc_completion_queue_destroy(queue);
    oc_rpc_end();
}

/* ---- lies in answers ------------------------------------------------------------------------- */

static const struct {
    oc_status status;
    const char *text;
} expected[LIE_SILENT] = {
    [LIE_NONE] = {OC_OK, NULL},
    [LIE_CHECKSUM] = {OC_E_FORMAT, "value \"y\": its bytes have the checksum"},
    [LIE_SHAPE] = {OC_E_SHAPE, "value \"y\": expected shape 1x4, found 4x1"},
    [LIE_DTYPE] = {OC_E_DTYPE, "value \"y\": expected float32, found \"int32\""},
    [LIE_SIZE] = {OC_E_FORMAT, "expected 16 bytes in all, found 20"},
    [LIE_OFFSET] = {OC_E_FORMAT, "offset 0, found 8"},
    [LIE_NAME] = {OC_E_FORMAT, "a value \"m\" that was not asked for"},
    [LIE_SHORT] = {OC_E_FORMAT, "ended without value \"y\""},
    [LIE_MISSING] = {OC_E_FORMAT, "ended without value \"y\""},
    [LIE_NO_DONE] = {OC_E_FORMAT, "ended without Done"},
    [LIE_BEHIND] = {OC_E_FORMAT, "behind Done"},
    [LIE_TWICE] = {OC_E_FORMAT, "twice"},
    [LIE_GARBAGE] = {OC_E_FORMAT, "offset"},
    [LIE_HUGE] = {OC_E_LIMIT, "larger than max"},
    [LIE_TIMES] = {OC_OK, NULL},
};

static void check_sum(const oc_site_times *t)
{
    assert_int_equal(t->encode_ns + t->send_ns + t->queue_ns + t->compute_ns + t->receive_ns,
                     t->total_ns);
}

static void test_answers(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    false_worker w = {0};
    oc_site *site = NULL;
    false_begin(&w, t.graph, HELLO_GOOD);
    oc_assert_ok(oc_remote_site_open(w.address, t.graph, NULL, NULL, &site));
    oc_id x = t.graph->inputs[0], y = t.graph->outputs[0];
    remote_run r = remote_run_open(site, t.graph, &x, 1, &y, 1);
    remote_run_begin(&r);
    for (int l = 0; l < LIE_SILENT; l++) {
        memset(r.gives[0].data, 0xaa, 16);
        atomic_store(&w.lie, l);
        oc_status status = remote_do(&r, &t, oc_now_ns() + PATIENCE_NS);
        if (status != expected[l].status ||
            (expected[l].text && !strstr(r.last.text, expected[l].text)))
            fail_msg("lie %d: expected %s \"%s\", found %s \"%s\"", l,
                     oc_status_name(expected[l].status), expected[l].text, oc_status_name(status),
                     r.last.text);
        if (status != OC_OK)
            assert_non_null(strstr(r.last.text, w.address));
        else
            remote_check(&r, &t);
        check_sum(&r.last.times);
        atomic_store(&w.lie, LIE_NONE); /* the part works again at once */
        assert_int_equal(remote_do(&r, &t, oc_now_ns() + PATIENCE_NS), OC_OK);
        remote_check(&r, &t);
    }
    remote_run_close(&r);
    site->type->close(site);
    false_end(&w);
    truth_free(&t);
}

/* A worker that hangs: the deadline ends the run, and cancelling and closing do not wait for it. */
static void test_silent(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    false_worker w = {0};
    oc_site *site = NULL;
    false_begin(&w, t.graph, HELLO_GOOD);
    oc_assert_ok(oc_remote_site_open(w.address, t.graph, NULL, NULL, &site));
    oc_id x = t.graph->inputs[0], y = t.graph->outputs[0];
    remote_run r = remote_run_open(site, t.graph, &x, 1, &y, 1);
    remote_run_begin(&r);
    atomic_store(&w.lie, LIE_SILENT);
    uint64_t begin_ns = oc_now_ns();
    assert_int_equal(remote_do(&r, &t, oc_now_ns() + SECOND_NS / 10), OC_E_DEADLINE);
    assert_in_range(oc_now_ns() - begin_ns, SECOND_NS / 10, PATIENCE_NS);
    begin_ns = oc_now_ns();
    remote_send(&r, &t, OC_NEVER_NS);
    site->type->cancel(r.part);
    assert_true(remote_wait(&r, is_idle, PATIENCE_NS));
    remote_send(&r, &t, OC_NEVER_NS);
    remote_run_close(&r);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    site->type->close(site);
    false_end(&w);
    truth_free(&t);
}

/* A worker whose connection breaks in the middle of a run. */
static void test_dies(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    false_worker w = {0};
    oc_site *site = NULL;
    false_begin(&w, t.graph, HELLO_GOOD);
    oc_assert_ok(oc_remote_site_open(w.address, t.graph, NULL, NULL, &site));
    oc_id x = t.graph->inputs[0], y = t.graph->outputs[0];
    remote_run r = remote_run_open(site, t.graph, &x, 1, &y, 1);
    remote_run_begin(&r);
    assert_true(remote_wait(&r, is_ready, PATIENCE_NS));
    atomic_store(&w.lie, LIE_DIES);
    remote_send(&r, &t, OC_NEVER_NS);
    usleep(50000);
    uint64_t begin_ns = oc_now_ns();
    false_end(&w);
    assert_true(remote_wait(&r, is_idle, PATIENCE_NS));
    assert_int_equal(r.last.status, OC_E_LOST);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    assert_true(remote_wait(&r, is_refused, PATIENCE_NS));
    remote_run_close(&r);
    site->type->close(site);
    truth_free(&t);
}

/* ---- lies in Hello --------------------------------------------------------------------------- */

static const struct {
    oc_status status;
    const char *text;
} expected_hello[HELLO_COUNT] = {
    [HELLO_VERSION] = {OC_E_MISMATCH, "versions 7 to 9, we speak 1 to 1"},
    [HELLO_DIGEST] = {OC_E_MISMATCH,
                      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
    [HELLO_EMPTY] = {OC_E_MISMATCH, "none"},
    [HELLO_GARBAGE] = {OC_E_FORMAT, "HelloResponse"},
    [HELLO_NO_WORKER] = {OC_E_UNSUPPORTED, "no offcut worker"},
};

static void test_hellos(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    for (int h = HELLO_VERSION; h < HELLO_COUNT; h++) {
        false_worker w = {0};
        oc_site *site = NULL;
        oc_site_health health;
        false_begin(&w, t.graph, (hello_lie)h);
        oc_assert_ok(oc_remote_site_open(w.address, t.graph, NULL, NULL, &site));
        oc_id x = t.graph->inputs[0], y = t.graph->outputs[0];
        remote_run r = remote_run_open(site, t.graph, &x, 1, &y, 1);
        remote_run_begin(&r);
        assert_true(remote_wait(&r, is_settled, PATIENCE_NS));
        assert_false(r.last.is_ready);
        assert_int_equal(r.last.status, expected_hello[h].status);
        if (!strstr(r.last.text, expected_hello[h].text) || !strstr(r.last.text, w.address))
            fail_msg("hello %d: %s", h, r.last.text);
        site->type->health(site, &health);
        assert_false(health.worker.is_up);
        assert_string_equal(health.worker.text, r.last.text);
        usleep(100000); /* what it said stays true: it is not asked again and again */
        assert_int_equal(atomic_load(&w.n_hellos), 1);
        remote_run_close(&r);
        site->type->close(site);
        false_end(&w);
    }
    truth_free(&t);
}

/* ---- lies in Status -------------------------------------------------------------------------- */

static bool await_offset(oc_site *site, double offset_ns, oc_site_health *h)
{
    uint64_t deadline = oc_now_ns() + PATIENCE_NS;
    do {
        site->type->health(site, h);
        if (fabs(h->worker.clock_offset_ns - offset_ns) <= h->worker.clock_error_ns + 1)
            return true;
        usleep(10000);
    } while (oc_now_ns() < deadline);
    return false;
}

static void await_settled(oc_site *site, oc_site_health *h)
{
    uint64_t deadline = oc_now_ns() + PATIENCE_NS;
    do {
        site->type->health(site, h);
        usleep(10000);
    } while (!h->is_settled && oc_now_ns() < deadline);
    assert_true(h->is_settled);
    assert_true(h->worker.is_up);
}

/* Whatever it says, what stands in health is possible. */
static void check_bounds(const oc_site_health *h)
{
    const oc_worker_load *load = &h->worker.load;
    const oc_link_estimate *link = &h->worker.link;
    assert_true(load->queue_ns >= 0 && load->queue_ns <= 60e9);
    assert_true(load->cpu_load >= 0 && load->cpu_load <= 1);
    assert_true(load->memory_available >= 0 && load->memory_available <= 1e16);
    assert_true(isnan(load->temperature) || fabs(load->temperature) <= 150);
    assert_true(link->up_latency_ns >= 0 && link->up_ns_per_byte >= 0 && link->rtt_ns >= 0);
    assert_true(link->rtt_ns < 60e9);
}

/* Of the first 16 the 8 that ran most often, within bounds. */
static void check_services(const oc_worker_status *w)
{
    assert_int_equal(w->n_services, OC_SERVICES_MAX);
    for (size_t i = 0; i < w->n_services; i++) {
        const oc_worker_service *s = &w->services[i];
        assert_true(s->n_runs == UINT32_MAX || (s->n_runs >= 10 && s->n_runs <= 16));
        assert_int_equal(s->compute_ns, 3600 * SECOND_NS);
        assert_int_equal(strlen(s->model), sizeof(s->model) - 1);
        assert_int_equal(strlen(s->gives), sizeof(s->gives) - 1);
        assert_int_equal(s->takes[1], '?');
    }
}

/* However fast it sends, two messages a tick of 100 ms are read. */
static void check_flood(oc_site *site)
{
    oc_site_health before, after;
    uint64_t begin_ns = oc_now_ns();
    site->type->health(site, &before);
    usleep(500000);
    site->type->health(site, &after);
    uint64_t ticks = (oc_now_ns() - begin_ns) / (SECOND_NS / 10) + 2;
    uint64_t bytes = after.worker.bytes_received - before.worker.bytes_received;
    assert_in_range(bytes, 1, 2 * ticks * FLOOD_BYTES);
    assert_true(after.worker.is_up);
    assert_int_equal(after.worker.load.flags, 0);
}

static void check_status(const false_worker *w, oc_site *site)
{
    oc_site_health h;
    const oc_worker_load *load = &h.worker.load;
    bool is_heard = w->status == STATUS_GOOD || w->status == STATUS_VALUES ||
                    w->status == STATUS_TIMES || w->status == STATUS_LONG ||
                    w->status == STATUS_LATE || w->status == STATUS_JUMP ||
                    w->status == STATUS_FLOOD;
    bool is_timed = is_heard && w->status != STATUS_TIMES && w->status != STATUS_LONG;
    await_settled(site, &h);
    check_bounds(&h);
    assert_int_equal(load->at_ns > 0, is_heard);
    assert_int_equal(!isnan(h.worker.clock_offset_ns), is_timed);
    if (!is_heard)
        assert_int_equal(load->flags, OC_LINK_STALE);
    if (w->status == STATUS_VALUES) {
        assert_true(load->queue_ns == 60e9);
        assert_int_equal(load->n_waiting, UINT32_MAX);
        assert_true(load->cpu_load == 0 && load->memory_available == 0);
        assert_true(load->temperature == 150);
        check_services(&h.worker);
    } else if (is_heard) {
        assert_true(load->cpu_load == 0.25 && load->temperature == 42);
    }
    if (w->status == STATUS_LATE)
        assert_true(h.worker.clock_error_ns >= 100e6);
    if (is_timed && w->status != STATUS_JUMP)
        assert_true(await_offset(site, (double)CLOCK_OFFSET_NS, &h));
}

static void test_statuses(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    false_worker w[STATUS_COUNT] = {0};
    oc_site *sites[STATUS_COUNT];
    oc_site_health h;
    for (int i = 0; i < STATUS_COUNT; i++) { /* all at once: some take seconds to be given up */
        w[i].status = (status_lie)i;
        false_begin(&w[i], t.graph, HELLO_GOOD);
        oc_assert_ok(oc_remote_site_open(w[i].address, t.graph, NULL, NULL, &sites[i]));
    }
    for (int i = 0; i < STATUS_COUNT; i++)
        check_status(&w[i], sites[i]);
    assert_true(await_offset(sites[STATUS_JUMP], (double)(CLOCK_OFFSET_NS + CLOCK_JUMP_NS), &h));
    check_flood(sites[STATUS_FLOOD]);
    /* An older worker is not asked again; one that ends its streams is, more and more rarely. */
    assert_int_equal(atomic_load(&w[STATUS_NONE].n_statuses), 1);
    assert_in_range(atomic_load(&w[STATUS_ENDS].n_statuses), 2, 12);
    assert_in_range(atomic_load(&w[STATUS_GARBAGE].n_statuses), 2, 12);
    assert_in_range(atomic_load(&w[STATUS_SERVICE].n_statuses), 2, 12);
    assert_in_range(atomic_load(&w[STATUS_NUMBER].n_statuses), 2, 12);
    /* And it runs parts, but cannot measure them. */
    oc_id x = t.graph->inputs[0], y = t.graph->outputs[0];
    remote_run r = remote_run_open(sites[STATUS_NONE], t.graph, &x, 1, &y, 1);
    remote_run_begin(&r);
    assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
    remote_check(&r, &t);
    check_sum(&r.last.times);
    assert_int_equal(r.last.times.there_ns, 0);
    double node_ns[8];
    oc_assert_fails(sites[STATUS_NONE]->type->profile(sites[STATUS_NONE], node_ns, NULL, NULL),
                    OC_E_UNSUPPORTED, "too old");
    remote_run_close(&r);
    for (int i = 0; i < STATUS_COUNT; i++) {
        sites[i]->type->close(sites[i]);
        false_end(&w[i]);
    }
    truth_free(&t);
}

/* ---- the log --------------------------------------------------------------------------------- */

/* A sink that asks for the health of the site it hears of. */
typedef struct curious {
    oc_site *_Atomic site;
    atomic_int n_infos, n_warnings, n_ends;
} curious;

static void hear(void *ctx, oc_log_level level, const char *text)
{
    curious *c = ctx;
    oc_site *site = atomic_load(&c->site);
    oc_site_health h;
    if (!site || strncmp(text, "grpc", 4) == 0)
        return;
    site->type->health(site, &h);
    atomic_fetch_add(&c->n_infos, level == OC_LOG_INFO);
    atomic_fetch_add(&c->n_warnings, level == OC_LOG_WARN);
    atomic_fetch_add(&c->n_ends, strstr(text, "Status stream ended") != NULL);
}

static bool await_count(atomic_int *count, int least)
{
    uint64_t deadline = oc_now_ns() + PATIENCE_NS;
    while (atomic_load(count) < least && oc_now_ns() < deadline)
        usleep(10000);
    return atomic_load(count) >= least;
}

/* Nothing is locked while a line is written. */
static void test_curious_log(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    false_worker w = {.status = STATUS_GARBAGE};
    curious c = {.site = NULL};
    const oc_log_sink sink = {.write = hear, .ctx = &c, .level = OC_LOG_DEBUG};
    const oc_remote_options options = {.log = &sink};
    oc_site *site = NULL;
    false_begin(&w, t.graph, HELLO_GOOD);
    oc_assert_ok(oc_remote_site_open(w.address, t.graph, &options, NULL, &site));
    atomic_store(&c.site, site);
    assert_true(await_count(&c.n_warnings, 2));
    assert_true(await_count(&c.n_ends, 2));
    atomic_store(&c.site, NULL);
    site->type->close(site);
    false_end(&w);

    /* A worker that comes is news too. */
    oc_site_health h;
    char address[64];
    served s = serve_model(NULL, "tiny.onnx");
    snprintf(address, sizeof(address), "%s", s.address);
    served_end(&s); /* a port that is free */
    oc_assert_ok(oc_remote_site_open(address, t.graph, &options, NULL, &site));
    do
        site->type->health(site, &h);
    while (!h.is_settled);
    atomic_store(&c.site, site);
    const oc_worker_model model = {.path = "tiny.onnx"};
    oc_worker_options serving = served_options(address, &model, 1);
    served_begin(&s, &serving);
    assert_true(await_count(&c.n_infos, 1));
    atomic_store(&c.site, NULL);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_silent),
        cmocka_unit_test(test_dies),     cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_curious_log),
    };
    return cmocka_run_group_tests_name("rpc lies", tests, NULL, NULL);
}
