/* SPDX-License-Identifier: Apache-2.0 */
/** The Status stream of a real worker, what a site learns from it, retries, measured parts, and links that fail. */
#include "oc_serve.h"
#include "rpc_test.h"

#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* ---- a client that speaks bytes -------------------------------------------------------------- */

static grpc_byte_buffer *pack_request(uint64_t id, uint32_t interval_ms, size_t padding)
{
    Offcut__V1__StatusRequest request = OFFCUT__V1__STATUS_REQUEST__INIT;
    request.id = id;
    request.interval_ms = interval_ms;
    request.padding.len = padding;
    request.padding.data = calloc(1, padding + 1);
    grpc_byte_buffer *message = oc_rpc_pack(&request.base);
    free(request.padding.data);
    return message;
}

/* Owns: oc_rpc_unpacked_free. NULL: the stream has ended. */
static Offcut__V1__StatusResponse *receive_status(raw_call *call)
{
    Offcut__V1__StatusResponse *response = NULL;
    grpc_slice slice;
    oc_bytes bytes;
    grpc_byte_buffer *message = raw_receive(call);
    if (!message)
        return NULL;
    oc_assert_ok(oc_rpc_bytes(message, SIZE_MAX, &slice, &bytes));
    oc_assert_ok(oc_rpc_unpack(&offcut__v1__status_response__descriptor, bytes, NULL, &response));
    grpc_slice_unref(slice);
    grpc_byte_buffer_destroy(message);
    return response;
}

/* Skips what nobody asked for. */
static Offcut__V1__StatusResponse *ask_status(raw_call *call, uint64_t id, uint32_t interval_ms,
                                              size_t padding)
{
    assert_true(raw_send(call, pack_request(id, interval_ms, padding), false));
    for (;;) {
        Offcut__V1__StatusResponse *response = receive_status(call);
        assert_non_null(response);
        if (response->id == id)
            return response;
        assert_int_equal(response->id, 0);
        oc_rpc_unpacked_free(response, NULL);
    }
}

static void test_answers(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    served s = serve_model(NULL, "tiny.onnx");
    raw_client client = raw_open(s.address);
    raw_call call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    uint64_t before = oc_now_ns();
    for (uint64_t id = 1; id < 20; id++) {
        Offcut__V1__StatusResponse *r = ask_status(&call, id, 0, id % 3 ? 0 : 200000);
        /* The worker is in this process: its clock is ours. */
        assert_in_range(r->received_at_ns, before, oc_now_ns());
        assert_in_range(r->sent_at_ns, r->received_at_ns, oc_now_ns());
        assert_int_equal(r->n_waiting + r->n_running, 0);
        assert_int_equal(r->queue_ns, 0);
        assert_true(r->cpu_load >= 0 && r->cpu_load <= 1);
        oc_rpc_unpacked_free(r, NULL);
    }
    raw_send(&call, NULL, true);
    raw_expect(&call, GRPC_STATUS_OK, NULL);

    call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    raw_send(&call, pack_request(0, 0, 0), false);
    raw_expect(&call, GRPC_STATUS_INVALID_ARGUMENT, "id");
    call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    raw_send(&call, raw_message("\x08\xff", 2), false);
    raw_expect(&call, GRPC_STATUS_INVALID_ARGUMENT, NULL);
    call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    raw_send(&call, NULL, true);
    raw_expect(&call, GRPC_STATUS_INVALID_ARGUMENT, "StatusRequest");
    raw_close(&client);
    served_end(&s);
}

/* 1 ms is 20: else one client would keep the worker busy. */
static void test_intervals(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    served s = serve_model(NULL, "tiny.onnx");
    raw_client client = raw_open(s.address);
    raw_call call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    oc_rpc_unpacked_free(ask_status(&call, 1, 1, 0), NULL);
    uint64_t begin_ns = oc_now_ns();
    for (int i = 0; i < 10; i++) {
        Offcut__V1__StatusResponse *r = receive_status(&call);
        assert_non_null(r);
        assert_int_equal(r->id, 0);
        oc_rpc_unpacked_free(r, NULL);
    }
    assert_true(oc_now_ns() - begin_ns >=
                9 * OC_RPC_STATUS_MIN_MS * UINT64_C(1000000) - SECOND_NS / 20);
    /* 0: only answers from now on. */
    oc_rpc_unpacked_free(ask_status(&call, 2, 0, 0), NULL);
    usleep(100000);
    assert_true(raw_send(&call, pack_request(3, 0, 0), false));
    Offcut__V1__StatusResponse *r = receive_status(&call);
    assert_int_equal(r->id, 3);
    oc_rpc_unpacked_free(r, NULL);
    grpc_call_cancel(call.call, NULL);
    raw_end(&call);
    raw_close(&client);
    served_end(&s);
}

/* Streams have places of their own, and no stream holds up the worker's end. */
static void test_streams(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    const oc_worker_model model = {.path = "tiny.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    served s = {0};
    options.requests_max = 200; /* so that one connection may have all the streams */
    served_begin(&s, &options);
    raw_client client = raw_open(s.address);
    raw_call calls[OC_SERVE_STATUSES], more;
    for (int i = 0; i < OC_SERVE_STATUSES; i++) {
        calls[i] = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
        oc_rpc_unpacked_free(ask_status(&calls[i], 1, 60000, 0), NULL);
    }
    more = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    raw_send(&more, pack_request(1, 0, 0), false);
    raw_expect(&more, GRPC_STATUS_RESOURCE_EXHAUSTED, "16 Status streams");
    for (int i = 0; i < OC_SERVE_STATUSES; i++)
        oc_rpc_unpacked_free(ask_status(&calls[i], 2, 0, 0), NULL);
    /* A place that was given back is taken again. */
    raw_send(&calls[0], NULL, true);
    raw_expect(&calls[0], GRPC_STATUS_OK, NULL);
    calls[0] = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    oc_rpc_unpacked_free(ask_status(&calls[0], 1, 20, 0), NULL);
    uint64_t begin_ns = oc_now_ns();
    served_end(&s);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    for (int i = 0; i < OC_SERVE_STATUSES; i++) {
        assert_int_not_equal(raw_status(&calls[i]), GRPC_STATUS_OK);
        raw_end(&calls[i]);
    }
    raw_close(&client);
    truth_free(&t);
}

/* ---- sites ----------------------------------------------------------------------------------- */

static oc_site *open_site(const char *address, const oc_graph *g)
{
    oc_site *site = NULL;
    oc_assert_ok(oc_remote_site_open(address, g, NULL, NULL, &site));
    return site;
}

static remote_run open_whole(oc_site *site, const oc_graph *g)
{
    return remote_run_open(site, g, g->inputs, g->n_inputs, g->outputs, g->n_outputs);
}

typedef bool (*health_is)(const oc_site_health *h);

/* `h` has what was read last. */
static bool await_health(oc_site *site, health_is is, oc_site_health *h)
{
    uint64_t deadline = oc_now_ns() + PATIENCE_NS;
    for (;;) {
        site->type->health(site, h);
        if (is(h))
            return true;
        if (oc_now_ns() > deadline)
            return false;
        usleep(5000);
    }
}

static bool health_is_settled(const oc_site_health *h)
{
    return h->is_settled;
}

static bool health_is_fresh(const oc_site_health *h)
{
    return h->worker.is_up && h->worker.load.flags == 0;
}

static bool health_is_stale(const oc_site_health *h)
{
    return h->worker.load.at_ns > 0 && h->worker.load.flags == OC_LINK_STALE;
}

static bool health_is_down(const oc_site_health *h)
{
    return !h->worker.is_up;
}

static bool health_is_busy(const oc_site_health *h)
{
    return h->worker.load.n_running == 1 && h->worker.load.n_waiting == 1;
}

static void test_health(void **state)
{
    (void)state;
    write_wide("wide.onnx", 50000, 1);
    truth t = truth_make("wide.onnx");
    served s = serve_model(NULL, "wide.onnx");
    oc_site *site = open_site(s.address, t.graph);
    oc_site_health h;
    assert_true(await_health(site, health_is_settled, &h));
    const oc_worker_status *w = &h.worker;
    assert_true(w->is_up);
    assert_string_equal(w->address, s.address);
    assert_string_equal(h.device, s.worker->dev->info.name);
    assert_string_equal(h.driver, s.worker->dev->info.driver);
    assert_true(w->load.peak_flops > 0 && w->load.peak_bytes_per_s > 0);
    /* One clock, two names: the offset is 0 within what is said of it. */
    assert_true(fabs(w->clock_offset_ns) <= w->clock_error_ns + 1);
    assert_true(w->clock_error_ns < 1e9);
    assert_true(w->link.rtt_ns > 0);
    assert_true(w->bytes_sent >= w->probe_bytes && w->bytes_sent > 0 && w->bytes_received > 0);
    assert_true(await_health(site, health_is_fresh, &h));
    assert_int_equal(w->lost, 0);
    assert_int_equal(w->n_services, 0);

    remote_run r = open_whole(site, t.graph);
    remote_run_begin(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
        const oc_site_times *at = &r.last.times;
        assert_true(at->begin_ns > 0 && at->begin_ns <= at->there_ns);
        assert_true(at->there_ns <= at->started_ns && at->started_ns <= at->computed_ns);
        assert_true(at->computed_ns <= at->end_ns);
        assert_int_equal(at->end_ns - at->begin_ns, at->total_ns);
    }
    uint64_t before = w->bytes_sent;
    site->type->health(site, &h);
    assert_true(w->bytes_sent > before + 3 * 200000);
    assert_true(w->link.n_samples > 0);
    assert_int_equal(w->link.flags & OC_LINK_ASSUMED, 0);
    site->type->skipped(site, 1000000);
    remote_run_close(&r);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

static void test_nobody(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    served s = serve_model(NULL, "tiny.onnx");
    char address[64];
    snprintf(address, sizeof(address), "%s", s.address);
    served_end(&s); /* a port that is free */
    oc_site *site = open_site(address, t.graph);
    oc_site_health h;
    assert_true(await_health(site, health_is_settled, &h));
    assert_false(h.worker.is_up);
    assert_int_equal(h.worker.load.flags, OC_LINK_STALE);
    assert_true(isnan(h.worker.clock_offset_ns) && isnan(h.worker.load.temperature));
    site->type->close(site);
    truth_free(&t);
}

/* Without a graph a worker is watched, whatever it serves. */
static void test_watched(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    served s = serve_model(NULL, "tiny.onnx");
    oc_site *site = open_site(s.address, NULL);
    oc_site_health h;
    assert_true(await_health(site, health_is_fresh, &h));
    assert_non_null(strstr(h.worker.text, "1 models"));
    oc_waker waker;
    oc_part part;
    oc_site_part *opened = NULL;
    oc_assert_ok(oc_waker_init(&waker));
    oc_assert_ok(oc_part_between(t.graph, t.graph->inputs, 1, t.graph->outputs, 1, NULL, &part));
    oc_assert_fails(site->type->part_open(site, &part, NULL, 0, &waker, &opened), OC_E_ARG,
                    "watched");
    double node_ns[8];
    oc_assert_fails(site->type->profile(site, node_ns, NULL, NULL), OC_E_ARG, "watched");
    oc_part_fini(&part);
    oc_waker_fini(&waker);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

/* ---- load and retries ------------------------------------------------------------------------ */

static bool health_knows_service(const oc_site_health *h)
{
    return h->worker.n_services == 1 && h->worker.services[0].n_runs >= 3;
}

static void test_load_and_retries(void **state)
{
    (void)state;
    truth t = truth_make_slow("slow.onnx", SECOND_NS * 3 / 5);
    served s = serve_model(NULL, "slow.onnx");
    oc_site *site = open_site(s.address, t.graph);
    remote_run runs[3];
    for (int i = 0; i < 3; i++)
        runs[i] = open_whole(site, t.graph);
    for (int i = 0; i < 3; i++)
        remote_run_begin(&runs[i]);
    assert_int_equal(remote_do(&runs[0], &t, OC_NEVER_NS), OC_OK);

    /* One runs and one waits: a third would wait for both. */
    oc_site_health h;
    remote_send_as(&runs[0], &t, 5, 1, OC_NEVER_NS);
    usleep(50000);
    remote_send_as(&runs[1], &t, 5, 2, OC_NEVER_NS);
    assert_true(await_health(site, health_is_busy, &h));
    assert_true(h.worker.load.queue_ns > 0.3 * (double)runs[0].last.times.compute_ns);
    assert_true(h.worker.load.queue_ns < 60e9);

    /* Another try of what waits: the older one is dropped, what runs stays. */
    remote_send_as(&runs[2], &t, 5, 2, OC_NEVER_NS);
    assert_true(remote_wait(&runs[1], is_idle, PATIENCE_NS));
    assert_int_not_equal(runs[1].last.status, OC_OK);
    assert_true(remote_wait(&runs[0], is_idle, PATIENCE_NS));
    assert_int_equal(runs[0].last.status, OC_OK);
    remote_check(&runs[0], &t);

    /* And of what runs by now: only the newest answers. Another session's 2 is another request. */
    usleep(50000);
    remote_send_as(&runs[0], &t, 6, 2, OC_NEVER_NS);
    remote_send_as(&runs[1], &t, 5, 2, OC_NEVER_NS);
    assert_true(remote_wait(&runs[2], is_idle, PATIENCE_NS));
    assert_int_not_equal(runs[2].last.status, OC_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(remote_wait(&runs[i], is_idle, PATIENCE_NS));
        assert_int_equal(runs[i].last.status, OC_OK);
        remote_check(&runs[i], &t);
    }

    /* What was measured is told: one part. The site hears of it unasked. */
    assert_true(await_health(site, health_knows_service, &h));
    const oc_worker_service *service = &h.worker.services[0];
    assert_string_equal(service->model, "slow");
    assert_string_equal(service->takes, "x");
    assert_string_equal(service->gives, "y");
    assert_in_range(service->compute_ns, 1, 60 * SECOND_NS);
    raw_client client = raw_open(s.address);
    raw_call call = raw_begin(&client, OC_RPC_PATH_STATUS, PATIENCE_NS);
    Offcut__V1__StatusResponse *r = ask_status(&call, 1, 0, 0);
    assert_int_equal(r->n_services, 1);
    assert_string_equal(r->services[0]->model, "slow");
    assert_string_equal(r->services[0]->takes, "x");
    assert_string_equal(r->services[0]->gives, "y");
    assert_true(r->services[0]->compute_ns > 0);
    assert_true(r->services[0]->n_runs >= 3);
    oc_rpc_unpacked_free(r, NULL);
    grpc_call_cancel(call.call, NULL);
    raw_end(&call);
    raw_close(&client);
    for (int i = 0; i < 3; i++)
        remote_run_close(&runs[i]);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

static void test_times(void **state)
{
    (void)state;
    oc_serve_times times = {0};
    for (uint64_t i = 1; i <= 100; i++)
        oc_serve_times_add(&times, i % 10 == 0 ? 1000000 : i);
    assert_int_equal(times.n_runs, 100);
    assert_in_range(times.typical_ns, 90, 99); /* of the last 15, without the two that stand out */
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void count_progress(void *ctx, size_t done, size_t total, const char *node)
{
    size_t *last = ctx;
    (void)node;
    assert_true(done <= total);
    *last = done;
}

static void test_profile(void **state)
{
    (void)state;
    oc_test_path path = oc_test_source("tests/models/lenet5.tflite");
    truth t = truth_make(path.text);
    served s = serve_model("lenet", path.text);
    oc_site *site = open_site(s.address, t.graph);
    double *node_ns = calloc(t.graph->n_nodes, sizeof(*node_ns));
    size_t done = 0;
    oc_assert_ok(site->type->profile(site, node_ns, count_progress, &done));
    assert_int_equal(done, t.graph->n_nodes);
    for (size_t i = 0; i < t.graph->n_nodes; i++)
        assert_true(node_ns[i] >= 0 && node_ns[i] < 10e9);
    remote_run r = open_whole(site, t.graph);
    remote_run_begin(&r);
    assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
    remote_check(&r, &t);
    remote_run_close(&r);
    site->type->close(site);
    served_end(&s);
    free(node_ns);
    truth_free(&t);
}

typedef struct measuring {
    oc_site *site;
    double node_ns[1024];
    oc_status status;
} measuring;

static void *run_measuring(void *ctx)
{
    measuring *m = ctx;
    m->status = m->site->type->profile(m->site, m->node_ns, NULL, NULL);
    return NULL;
}

/* A measurement takes seconds: the worker's end does not wait for all of it. */
static void test_profile_stopped(void **state)
{
    (void)state;
    truth t = truth_make_slow("slow.onnx", SECOND_NS);
    served s = serve_model(NULL, "slow.onnx");
    measuring m = {.site = open_site(s.address, t.graph)};
    pthread_t thread;
    oc_site_health h;
    assert_true(t.graph->n_nodes <= OC_COUNT(m.node_ns));
    assert_true(await_health(m.site, health_is_settled, &h));
    assert_int_equal(pthread_create(&thread, NULL, run_measuring, &m), 0);
    usleep(100000);
    served_end(&s);
    pthread_join(thread, NULL);
    assert_int_equal(m.status, OC_E_LOST);
    m.site->type->close(m.site);
    truth_free(&t);
}

/* ---- links that fail ------------------------------------------------------------------------- */

/* Between a site and a worker: forwards, or takes nothing any more, or loses the worker silently. */
typedef struct relay {
    int listener, client, worker, port, target;
    atomic_bool is_ending, is_black, is_half;
    pthread_t thread;
} relay;

static void relay_bytes(int from, int to, bool *is_over)
{
    char bytes[65536];
    ssize_t n = read(from, bytes, sizeof(bytes));
    *is_over = *is_over || n <= 0;
    for (ssize_t at = 0; at < n;) {
        ssize_t put = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
        *is_over = *is_over || put <= 0;
        at = put <= 0 ? n : at + put;
    }
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void relay_connect(relay *r)
{
    const struct sockaddr_in to = loopback(r->target);
    r->client = accept(r->listener, NULL, NULL);
    r->worker = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(r->worker, (const struct sockaddr *)&to, sizeof(to)) != 0)
        atomic_store(&r->is_half, true);
}

static void *run_relay(void *ctx)
{
    relay *r = ctx;
    while (!atomic_load(&r->is_ending)) {
        bool is_dead = atomic_load(&r->is_black) || atomic_load(&r->is_half);
        if (atomic_load(&r->is_half) &&
            r->worker >= 0) { /* the worker is gone, the site is not told */
            close(r->worker);
            r->worker = -1;
        }
        struct pollfd fds[] = {{.fd = r->client < 0 ? r->listener : -1, .events = POLLIN},
                               {.fd = is_dead ? -1 : r->client, .events = POLLIN},
                               {.fd = is_dead ? -1 : r->worker, .events = POLLIN}};
        bool is_over = false;
        if (poll(fds, 3, 10) <= 0)
            continue;
        if (fds[0].revents)
            relay_connect(r);
        if (fds[1].revents)
            relay_bytes(r->client, r->worker, &is_over);
        if (fds[2].revents)
            relay_bytes(r->worker, r->client, &is_over);
        if (is_over)
            atomic_store(&r->is_black, true);
    }
    return NULL;
}

static void relay_begin(relay *r, const char *address)
{
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof(at);
    r->client = r->worker = -1;
    r->target = atoi(strrchr(address, ':') + 1);
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(r->listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(r->listener, 4), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&at, &size), 0);
    r->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&r->thread, NULL, run_relay, r), 0);
}

static void relay_end(relay *r)
{
    atomic_store(&r->is_ending, true);
    pthread_join(r->thread, NULL);
    const int fds[] = {r->listener, r->client, r->worker};
    for (size_t i = 0; i < OC_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void check_dead_link(bool is_half)
{
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    served s = serve_model(NULL, "tiny.onnx");
    const oc_remote_options options = {.keepalive_ms = 1000, .keepalive_timeout_ms = 1000};
    relay r = {0};
    oc_site *site = NULL;
    oc_site_health h;
    char address[64];
    relay_begin(&r, s.address);
    snprintf(address, sizeof(address), "127.0.0.1:%d", r.port);
    oc_assert_ok(oc_remote_site_open(address, t.graph, &options, NULL, &site));
    remote_run run = open_whole(site, t.graph);
    remote_run_begin(&run);
    assert_int_equal(remote_do(&run, &t, OC_NEVER_NS), OC_OK);
    assert_true(await_health(site, health_is_fresh, &h));
    atomic_store(is_half ? &r.is_half : &r.is_black, true);
    /* The silence is noticed first, and then by keepalive that nobody is there. */
    assert_true(await_health(site, health_is_stale, &h));
    assert_true(h.worker.is_up);
    assert_true(await_health(site, health_is_down, &h));
    assert_true(h.is_settled);
    assert_int_equal(h.worker.lost, 1);
    remote_run_close(&run);
    site->type->close(site);
    relay_end(&r);
    served_end(&s);
    truth_free(&t);
}

static void test_black_hole(void **state)
{
    (void)state;
    check_dead_link(false);
}

static void test_half_open(void **state)
{
    (void)state;
    check_dead_link(true);
}

/* ---- a worker that is stopped ---------------------------------------------------------------- */

/* In a process of its own, forked before anything else had threads. It serves the model once it was written. */
typedef struct stopped_worker {
    pid_t pid;
    int go, port;
} stopped_worker;

static stopped_worker other;

static void serve_for_ever(int go, int port)
{
    const oc_worker_model model = {.path = "stopped.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    oc_worker *worker = NULL;
    char byte;
    if (read(go, &byte, 1) != 1 || oc_worker_create(&options, NULL, &worker) != OC_OK)
        _exit(1);
    int number = oc_worker_port(worker);
    if (write(port, &number, sizeof(number)) != sizeof(number))
        _exit(1);
    _exit(oc_worker_run(worker) != OC_OK);
}

static void fork_worker(void)
{
    int go[2], port[2];
    if (pipe(go) != 0 || pipe(port) != 0)
        abort();
    other.pid = fork();
    if (other.pid == 0) {
        close(go[1]); /* so that it ends with us */
        serve_for_ever(go[0], port[1]);
    }
    close(go[0]);
    close(port[1]);
    other.go = go[1];
    other.port = port[0];
}

static void test_stopped(void **state)
{
    (void)state;
    write_tiny("stopped.onnx", 1);
    truth t = truth_make("stopped.onnx");
    char address[64];
    int port = 0;
    assert_int_equal(write(other.go, "g", 1), 1);
    assert_int_equal(read(other.port, &port, sizeof(port)), sizeof(port));
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    oc_site *site = open_site(address, t.graph);
    oc_site_health h;
    remote_run r = open_whole(site, t.graph);
    remote_run_begin(&r);
    assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
    assert_true(await_health(site, health_is_fresh, &h));
    kill(other.pid, SIGSTOP);
    assert_true(await_health(site, health_is_stale, &h));
    assert_int_equal(remote_do(&r, &t, oc_now_ns() + SECOND_NS / 5), OC_E_DEADLINE);
    kill(other.pid, SIGCONT);
    assert_true(await_health(site, health_is_fresh, &h));
    assert_int_equal(h.worker.lost, 1);
    assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
    remote_check(&r, &t);
    remote_run_close(&r);
    site->type->close(site);
    truth_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),          cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_streams),          cmocka_unit_test(test_health),
        cmocka_unit_test(test_nobody),           cmocka_unit_test(test_watched),
        cmocka_unit_test(test_load_and_retries), cmocka_unit_test(test_times),
        cmocka_unit_test(test_profile),          cmocka_unit_test(test_profile_stopped),
        cmocka_unit_test(test_black_hole),       cmocka_unit_test(test_half_open),
        cmocka_unit_test(test_stopped),
    };
    fork_worker();
    int failed = cmocka_run_group_tests_name("rpc status", tests, NULL, NULL);
    kill(other.pid, SIGKILL);
    waitpid(other.pid, NULL, 0);
    return failed;
}
