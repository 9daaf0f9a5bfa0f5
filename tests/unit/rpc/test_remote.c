/* SPDX-License-Identifier: Apache-2.0 */
/** The remote site with a real worker: every cut, cancelling, workers that come and go, many users */
#include "rpc_test.h"

static void open_site(const char *address, const oc_graph *g, oc_site **site)
{
    oc_assert_ok(oc_remote_site_open(address, g, NULL, NULL, site));
}

static remote_run open_whole(oc_site *site, const oc_graph *g)
{
    return remote_run_open(site, g, g->inputs, g->n_inputs, g->outputs, g->n_outputs);
}

/* Where the outputs that the head made already are no business of the tail. */
static size_t tail_outputs(const oc_graph *g, const oc_cut *cut, oc_id *gives)
{
    size_t count = 0;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->values[g->outputs[i]].producer != OC_NONE &&
            !cut->is_head[g->values[g->outputs[i]].producer])
            gives[count++] = g->outputs[i];
    return count;
}

static void check_times(const oc_site_progress *p, const oc_part *part, const truth *t)
{
    const oc_site_times *s = &p->times;
    size_t sent = 0, bytes;
    assert_true(s->total_ns > 0);
    assert_true(s->encode_ns > 0);
    assert_true(s->compute_ns > 0);
    assert_int_equal(s->encode_ns + s->send_ns + s->queue_ns + s->compute_ns + s->receive_ns,
                     s->total_ns);
    for (size_t i = 0; i < part->n_takes; i++) {
        oc_assert_ok(oc_desc_bytes(&t->values[part->takes[i]].desc, &bytes));
        sent += bytes;
    }
    assert_in_range(s->bytes_sent, sent, sent + 2000);
    assert_int_equal(p->submits_done, 1);
}

static void test_every_cut(void **state)
{
    (void)state;
    oc_test_path path = oc_test_source("tests/models/lenet5.tflite");
    truth t = truth_make(path.text);
    const oc_graph *g = t.graph;
    served s = serve_model("lenet", path.text);
    oc_site *site = NULL;
    oc_id *gives = calloc(g->n_outputs, sizeof(*gives));
    open_site(s.address, g, &site);
    for (size_t index = 0; index < g->n_nodes; index++) {
        oc_cut cut;
        oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
        remote_run r =
            remote_run_open(site, g, cut.values, cut.n_values, gives, tail_outputs(g, &cut, gives));
        remote_run_begin(&r);
        for (int twice = 0; twice < 2; twice++) {
            if (remote_do(&r, &t, oc_now_ns() + PATIENCE_NS) != OC_OK)
                fail_msg("cut %zu: %s", index, r.last.text);
            assert_int_equal(r.last.gets_done, r.nodes.n_gives);
            remote_check(&r, &t);
            check_times(&r.last, &r.nodes, &t);
        }
        remote_run_close(&r);
        oc_cut_fini(&cut);
    }
    oc_site_health health;
    site->type->health(site, &health);
    assert_true(health.worker.is_up);
    assert_non_null(strstr(health.worker.text, s.address));
    site->type->close(site);
    served_end(&s);
    free(gives);
    truth_free(&t);
}

/* Values of more than one chunk, several values in one cut, and a value passed through. */
static void test_large_values(void **state)
{
    (void)state;
    write_wide("large.onnx", 700001, 0.5f); /* 2.7 MiB a value */
    truth t = truth_make("large.onnx");
    const oc_graph *g = t.graph;
    served s = serve_model(NULL, "large.onnx");
    oc_site *site = NULL;
    open_site(s.address, g, &site);
    oc_id x = g->inputs[0], y = g->outputs[0];
    remote_run whole = remote_run_open(site, g, &x, 1, &y, 1);
    remote_run both = remote_run_open(site, g, &x, 1, (oc_id[]){y, x}, 2);
    remote_run_begin(&whole);
    remote_run_begin(&both);
    assert_int_equal(remote_do(&whole, &t, OC_NEVER_NS), OC_OK);
    remote_check(&whole, &t);
    check_times(&whole.last, &whole.nodes, &t);
    if (remote_do(&both, &t, OC_NEVER_NS) != OC_OK)
        fail_msg("%s", both.last.text);
    remote_check(&both, &t);
    remote_run_close(&whole);
    remote_run_close(&both);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

/* The seam's calls in another order: values before the gets, gets one by one after the answer came.
 * */
static void test_late_gets(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    const oc_graph *g = t.graph;
    served s = serve_model(NULL, "tiny.onnx");
    oc_site *site = NULL;
    open_site(s.address, g, &site);
    oc_id x = g->inputs[0], m = oc_graph_find_value(g, "m"), y = g->outputs[0];
    remote_run r = remote_run_open(site, g, &x, 1, (oc_id[]){y, m}, 2);
    remote_run_begin(&r);
    assert_true(remote_wait(&r, is_ready, PATIENCE_NS));
    const oc_site_run run = {.id = 9, .deadline_ns = OC_NEVER_NS};
    const oc_site_type *type = site->type;
    oc_assert_ok(type->start(r.part, &run));
    oc_assert_fails(type->start(r.part, &run), OC_E_BUSY, "not idle");
    oc_assert_ok(type->put(r.part, x, &t.values[x]));
    oc_assert_fails(type->put(r.part, x, &t.values[x]), OC_E_ARG, "twice");
    oc_assert_fails(type->put(r.part, y, &t.values[y]), OC_E_ARG, "none of this part's");
    oc_assert_fails(type->submit(r.part, 1, 1), OC_E_ARG, "whole");
    oc_assert_ok(type->submit(r.part, 0, r.nodes.n_nodes));
    oc_tensor wrong = {.desc = {.dtype = OC_DTYPE_float32, .shape = {1, {7}}}};
    oc_assert_fails(type->get(r.part, y, &wrong), OC_E_SHAPE, "float32 7");
    assert_false(remote_wait(&r, is_idle, SECOND_NS / 5));
    assert_int_equal(r.last.status, OC_OK);
    oc_assert_ok(type->get(r.part, m, &r.gives[1]));
    oc_assert_ok(type->get(r.part, y, &r.gives[0]));
    assert_true(remote_wait(&r, is_idle, PATIENCE_NS));
    assert_int_equal(r.last.status, OC_OK);
    remote_check(&r, &t);
    remote_run_close(&r);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

static void test_other_model(void **state)
{
    (void)state;
    char digest[OC_DIGEST_TEXT], other[OC_DIGEST_TEXT];
    write_tiny("ours.onnx", 1);
    write_tiny("theirs.onnx", 2);
    truth ours = truth_make("ours.onnx"), theirs = truth_make("theirs.onnx");
    served s = serve_model("ours", "theirs.onnx");
    oc_site *site = NULL;
    open_site(s.address, ours.graph, &site);
    remote_run r = open_whole(site, ours.graph);
    remote_run_begin(&r);
    assert_true(remote_wait(&r, is_settled, PATIENCE_NS));
    assert_false(r.last.is_ready);
    assert_int_equal(r.last.status, OC_E_MISMATCH);
    oc_digest_print(&ours.graph->digest, digest);
    oc_digest_print(&theirs.graph->digest, other);
    assert_non_null(strstr(r.last.text, digest));
    assert_non_null(strstr(r.last.text, other));
    const oc_site_run run = {.id = 1, .deadline_ns = OC_NEVER_NS};
    oc_assert_fails(site->type->start(r.part, &run), OC_E_MISMATCH, digest);

    /* The right worker takes over the port: the site finds out by itself. */
    char address[64];
    snprintf(address, sizeof(address), "%s", s.address);
    served_end(&s);
    const oc_worker_model model = {.path = "ours.onnx"};
    oc_worker_options options = served_options(address, &model, 1);
    served_begin(&s, &options);
    assert_int_equal(remote_do(&r, &ours, OC_NEVER_NS), OC_OK);
    remote_check(&r, &ours);
    remote_run_close(&r);
    site->type->close(site);
    served_end(&s);
    truth_free(&ours);
    truth_free(&theirs);
}

static void test_nobody_there(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    served s = serve_model(NULL, "tiny.onnx");
    char address[64];
    snprintf(address, sizeof(address), "%s", s.address);
    served_end(&s); /* a port that is free */

    oc_site *site = NULL;
    open_site(address, t.graph, &site);
    remote_run r = open_whole(site, t.graph);
    remote_run_begin(&r);
    assert_true(remote_wait(&r, is_settled, PATIENCE_NS));
    assert_int_equal(r.last.status, OC_E_LOST);
    assert_non_null(strstr(r.last.text, address));
    assert_non_null(strstr(r.last.text, "refused"));
    const oc_worker_model model = {.path = "tiny.onnx"};
    oc_worker_options options = served_options(address, &model, 1);
    served_begin(&s, &options);
    assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
    remote_check(&r, &t);
    remote_run_close(&r);
    site->type->close(site);
    served_end(&s);
    truth_free(&t);

    oc_assert_fails(oc_remote_site_open("nowhere", NULL, NULL, NULL, &site), OC_E_ARG, "HOST:PORT");
}

/* Two at once on a slow part: one runs, one waits. */
typedef struct slow_pair {
    truth t;
    served s;
    oc_site *site;
    remote_run a, b;
} slow_pair;

static void slow_begin(slow_pair *p, uint64_t run_ns)
{
    p->t = truth_make_slow("slow.onnx", run_ns);
    p->s = serve_model(NULL, "slow.onnx");
    open_site(p->s.address, p->t.graph, &p->site);
    p->a = open_whole(p->site, p->t.graph);
    p->b = open_whole(p->site, p->t.graph);
    remote_run_begin(&p->a);
    remote_run_begin(&p->b);
    assert_true(remote_wait(&p->a, is_ready, PATIENCE_NS));
}

static void slow_end(slow_pair *p)
{
    remote_run_close(&p->a);
    remote_run_close(&p->b);
    p->site->type->close(p->site);
    if (p->s.worker)
        served_end(&p->s);
    truth_free(&p->t);
}

static void test_cancel(void **state)
{
    (void)state;
    slow_pair p = {0};
    size_t bytes;
    slow_begin(&p, SECOND_NS / 4);
    oc_tensor *out = &p.b.gives[0];
    oc_assert_ok(oc_desc_bytes(&out->desc, &bytes));
    remote_send(&p.a, &p.t, OC_NEVER_NS);
    remote_send(&p.b, &p.t, OC_NEVER_NS);
    usleep(20000);
    uint64_t begin_ns = oc_now_ns();
    p.site->type->cancel(p.b.part);
    memset(out->data, 0x55, bytes); /* ours again as soon as cancel has returned */
    assert_true(remote_wait(&p.b, is_idle, PATIENCE_NS));
    assert_int_equal(p.b.last.status, OC_E_CANCELLED);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    assert_true(remote_wait(&p.a, is_idle, PATIENCE_NS));
    assert_int_equal(p.a.last.status, OC_OK);
    remote_check(&p.a, &p.t);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(((uint8_t *)out->data)[i], 0x55);
    /* Cancelled before anything was put, in the middle of the upload, and at the end of a run. */
    const oc_site_run run = {.id = 3, .deadline_ns = OC_NEVER_NS};
    oc_assert_ok(p.site->type->start(p.b.part, &run));
    p.site->type->cancel(p.b.part);
    assert_true(remote_wait(&p.b, is_idle, PATIENCE_NS));
    assert_int_equal(p.b.last.status, OC_E_CANCELLED);
    oc_assert_ok(p.site->type->start(p.b.part, &run));
    remote_put_all(&p.b, &p.t);
    p.site->type->cancel(p.b.part);
    assert_true(remote_wait(&p.b, is_idle, PATIENCE_NS));
    assert_int_equal(p.b.last.status, OC_E_CANCELLED);
    assert_int_equal(remote_do(&p.b, &p.t, OC_NEVER_NS), OC_OK);
    p.site->type->cancel(p.b.part);
    p.site->type->poll(p.b.part, &p.b.last);
    assert_int_equal(p.b.last.status, OC_OK);
    remote_check(&p.b, &p.t);
    /* Closing cancels. */
    remote_send(&p.a, &p.t, OC_NEVER_NS);
    slow_end(&p);
}

static void test_deadline(void **state)
{
    (void)state;
    slow_pair p = {0};
    slow_begin(&p, SECOND_NS / 4);
    assert_int_equal(remote_do(&p.a, &p.t, oc_now_ns() + 10000000), OC_E_DEADLINE);
    assert_non_null(strstr(p.a.last.text, p.s.address));
    assert_int_equal(remote_do(&p.a, &p.t, oc_now_ns() + PATIENCE_NS), OC_OK);
    remote_check(&p.a, &p.t);
    slow_end(&p);
}

/* The worker finishes what runs and refuses what waits; afterwards there is none, and then there is
 * again. */
static void test_worker_stops(void **state)
{
    (void)state;
    slow_pair p = {0};
    char address[64];
    slow_begin(&p, SECOND_NS * 3 / 5);
    assert_int_equal(remote_do(&p.a, &p.t, OC_NEVER_NS), OC_OK);
    snprintf(address, sizeof(address), "%s", p.s.address);
    remote_send(&p.a, &p.t, OC_NEVER_NS);
    served_wait(&p.s, 0);
    remote_send(&p.b, &p.t, OC_NEVER_NS);
    served_wait(&p.s, 1);
    served_end(&p.s);
    assert_true(remote_wait(&p.a, is_idle, PATIENCE_NS));
    assert_true(remote_wait(&p.b, is_idle, PATIENCE_NS));
    assert_int_equal(p.a.last.status, OC_OK);
    remote_check(&p.a, &p.t);
    assert_int_equal(p.b.last.status, OC_E_LOST);
    assert_non_null(strstr(p.b.last.text, "stopping"));
    /* The run that went well is told first, then that nobody is there. */
    assert_true(remote_wait(&p.a, is_refused, PATIENCE_NS));
    p.site->type->poll(p.a.part, &p.a.last);
    assert_int_equal(p.a.last.status, OC_E_LOST);

    const oc_worker_model model = {.path = "slow.onnx"};
    oc_worker_options options = served_options(address, &model, 1);
    served_begin(&p.s, &options);
    assert_int_equal(remote_do(&p.b, &p.t, OC_NEVER_NS), OC_OK);
    remote_check(&p.b, &p.t);
    slow_end(&p);
}

/* What became of a run that was cancelled long ago does not hide why there is no worker now. */
static void test_cancelled_and_down(void **state)
{
    (void)state;
    slow_pair p = {0};
    const oc_site_run run = {.id = 5, .deadline_ns = OC_NEVER_NS};
    remote_run *runs[] = {&p.a, &p.b};
    slow_begin(&p, SECOND_NS / 100);
    for (size_t i = 0; i < OC_COUNT(runs); i++) {
        oc_assert_ok(p.site->type->start(runs[i]->part, &run));
        p.site->type->cancel(runs[i]->part);
    }
    /* One is asked how it ended, the other not before the worker is gone. */
    assert_true(remote_wait(&p.a, is_idle, PATIENCE_NS));
    assert_int_equal(p.a.last.status, OC_E_CANCELLED);
    served_end(&p.s);
    assert_true(remote_wait(&p.a, is_refused, PATIENCE_NS));
    assert_true(remote_wait(&p.b, is_idle, PATIENCE_NS));
    for (size_t i = 0; i < OC_COUNT(runs); i++) {
        p.site->type->poll(runs[i]->part, &runs[i]->last);
        assert_false(runs[i]->last.is_ready);
        assert_int_equal(runs[i]->last.status, OC_E_LOST);
        assert_non_null(strstr(runs[i]->last.text, p.s.address));
        assert_null(strstr(runs[i]->last.text, "cancelled"));
    }
    slow_end(&p);
}

/* An upload that is under way when the worker stops. */
static void test_worker_stops_upload(void **state)
{
    (void)state;
    slow_pair p = {0};
    const oc_site_run run = {.id = 4, .deadline_ns = OC_NEVER_NS};
    slow_begin(&p, SECOND_NS / 4);
    const oc_graph *g = p.t.graph;
    oc_id x = g->inputs[0], y = g->outputs[0];
    remote_run both = remote_run_open(p.site, g, (oc_id[]){x}, 1, (oc_id[]){y}, 1);
    remote_run_begin(&both);
    oc_assert_ok(p.site->type->start(both.part, &run));
    oc_assert_ok(
        p.site->type->submit(both.part, 0, both.nodes.n_nodes)); /* Open goes, the value never */
    usleep(50000);
    uint64_t begin_ns = oc_now_ns();
    served_end(&p.s);
    assert_true(remote_wait(&both, is_idle, PATIENCE_NS));
    assert_int_equal(both.last.status, OC_E_LOST);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    remote_run_close(&both);
    slow_end(&p);
}

/* ---- many at once ---------------------------------------------------------------------------- */

typedef struct user {
    const truth *t;
    const char *address;
    oc_site *site; /* NULL: its own */
    size_t cut;
    pthread_t thread;
    size_t wrong;
} user;

/* Assertions jump, which only the main thread may do: others count. */
static void use(user *u, oc_site *site)
{
    const oc_graph *g = u->t->graph;
    oc_cut cut;
    if (oc_cut_at(g, u->cut, NULL, &cut) != OC_OK) {
        u->wrong++;
        return;
    }
    remote_run r = remote_run_open(site, g, cut.values, cut.n_values, g->outputs, g->n_outputs);
    remote_run_begin(&r);
    for (int i = 0; i < 25; i++) {
        size_t bytes = 0;
        if (remote_do(&r, u->t, OC_NEVER_NS) != OC_OK ||
            oc_desc_bytes(&r.gives[0].desc, &bytes) != OC_OK ||
            memcmp(r.gives[0].data, u->t->values[g->outputs[0]].data, bytes) != 0)
            u->wrong++;
        memset(r.gives[0].data, 0, bytes);
    }
    remote_run_close(&r);
    oc_cut_fini(&cut);
}

static void *run_user(void *ctx)
{
    user *u = ctx;
    oc_site *site = u->site;
    if (!site && oc_remote_site_open(u->address, u->t->graph, NULL, NULL, &site) != OC_OK) {
        u->wrong++;
        return NULL;
    }
    use(u, site);
    if (!u->site)
        site->type->close(site);
    return NULL;
}

static void test_many_users(void **state)
{
    (void)state;
    oc_test_path path = oc_test_source("tests/models/lenet5.tflite");
    truth t = truth_make(path.text);
    served s = serve_model("lenet", path.text);
    user users[8];
    oc_site *shared = NULL;
    open_site(s.address, t.graph, &shared);
    for (size_t i = 0; i < OC_COUNT(users); i++) {
        users[i] = (user){.t = &t,
                          .address = s.address,
                          .site = i % 2 ? shared : NULL,
                          .cut = i % t.graph->n_nodes};
        assert_int_equal(pthread_create(&users[i].thread, NULL, run_user, &users[i]), 0);
    }
    for (size_t i = 0; i < OC_COUNT(users); i++)
        pthread_join(users[i].thread, NULL);
    for (size_t i = 0; i < OC_COUNT(users); i++)
        assert_int_equal(users[i].wrong, 0);
    shared->type->close(shared);
    served_end(&s);
    truth_free(&t);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static oc_status open_and_close(const oc_allocator *alloc, void *ctx)
{
    const truth *t = ctx;
    const oc_graph *g = t->graph;
    oc_site *site = NULL;
    oc_site_part *part = NULL;
    oc_waker waker;
    oc_part nodes;
    OC_TRY(oc_part_between(g, g->inputs, g->n_inputs, g->outputs, g->n_outputs, NULL, &nodes));
    oc_status status = oc_waker_init(&waker);
    if (status == OC_OK)
        status = oc_remote_site_open("127.0.0.1:1", g, NULL, alloc, &site);
    if (status == OC_OK) {
        status = site->type->part_open(site, &nodes, NULL, 0, &waker, &part);
        if (status == OC_OK)
            site->type->part_close(part);
        site->type->close(site);
    }
    oc_waker_fini(&waker);
    oc_part_fini(&nodes);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    truth t = truth_make("tiny.onnx");
    oc_test_oom_sweep(open_and_close, &t);
    truth_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),          cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_late_gets),          cmocka_unit_test(test_other_model),
        cmocka_unit_test(test_nobody_there),       cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deadline),           cmocka_unit_test(test_worker_stops),
        cmocka_unit_test(test_cancelled_and_down), cmocka_unit_test(test_worker_stops_upload),
        cmocka_unit_test(test_many_users),         cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("rpc remote", tests, NULL, NULL);
}
