/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sessions that decide by a policy: whatever the workers do the answer is the local one, by the deadline; and
 * what is seen on the way (a worker that comes up, one that is late, one that lies) changes what is done.
 */
#include "fake_worker.h"
#include "oc_profile.h"
#include "oc_session.h"
#include "oc_test.h"
#include "session.h"
#include "tally_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes that take their time ------------------------------------------------------------------- */

static atomic_uint n_ran, sleep_ms;
static atomic_uint sleep_from; /* the first so many nodes do not sleep */
static atomic_uint n_to_fail;  /* so many nodes fail from now on */
static atomic_uint fail_from;  /* but the first so many do not */

static oc_status slow_cost(const oc_op_call *call, oc_cost *cost)
{
    (void)call;
    *cost = (oc_cost){.macs = 4000000}; /* milliseconds, on any device's roofline */
    return OC_OK;
}

static oc_status slow_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const struct timespec pause = {.tv_nsec = (long)atomic_load(&sleep_ms) * 1000000L};
    unsigned before = atomic_load(&n_ran);
    if (before >= atomic_load(&sleep_from))
        nanosleep(&pause, NULL);
    if (before >= atomic_load(&fail_from) && atomic_load(&n_to_fail) > 0) {
        atomic_fetch_sub(&n_to_fail, 1);
        return oc_fail(OC_E_NOMEM, "node \"%s\": broken on purpose", call->name);
    }
    atomic_fetch_add(&n_ran, 1);
    return tally_op.reference(call, in, out);
}

static oc_op slow_op;

/* A chain of `length` slow nodes. */
static oc_graph *chain(size_t length)
{
    oc_graph *g = NULL;
    oc_id v;
    slow_op = tally_op;
    slow_op.cost = slow_cost;
    slow_op.reference = slow_reference;
    oc_assert_ok(oc_graph_create("chain", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &v));
    for (size_t i = 0; i < length; i++) {
        oc_node *node = NULL;
        oc_assert_ok(oc_graph_begin_node(g, &slow_op, NULL, &v, 1, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &v));
    }
    oc_assert_ok(oc_graph_add_output(g, v));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

/* ---- what a test stands on ---------------------------------------------------------------------------- */

static const char *const names[] = {"one:1", "two:2", "three:3"};

typedef struct fixture {
    oc_graph *graph;
    oc_dev *dev, *worker_dev;
    oc_exec *exec, *worker_exec;
    fake_worker *workers[3];
    oc_session *session;
    oc_tensor *inputs, *outputs;
    float expected[2];
} fixture;

/* `n_edge`: so many nodes are prepared here, of all. */
static void fixture_init(fixture *f, oc_graph *graph, size_t n_edge, uint64_t seed)
{
    oc_rng rng = oc_rng_make(seed);
    bool *only = calloc(graph->n_nodes, sizeof(*only));
    oc_session *local = NULL;
    *f = (fixture){.graph = graph};
    atomic_store(&sleep_ms, 0);
    atomic_store(&sleep_from, 0);
    atomic_store(&fail_from, 0);
    atomic_store(&n_to_fail, 0);
    for (size_t i = 0; i < graph->n_nodes; i++)
        only[i] = i < n_edge;
    oc_assert_ok(oc_dev_open("reference", NULL, NULL, &f->dev));
    oc_assert_ok(oc_exec_create(graph, f->dev, only, NULL, NULL, NULL, &f->exec));
    oc_assert_ok(oc_dev_open("reference", NULL, NULL, &f->worker_dev));
    oc_assert_ok(oc_exec_create(graph, f->worker_dev, NULL, NULL, NULL, NULL, &f->worker_exec));
    free(only);
    f->inputs = calloc(graph->n_inputs, sizeof(oc_tensor));
    f->outputs = calloc(graph->n_outputs, sizeof(oc_tensor));
    for (size_t i = 0; i < graph->n_inputs; i++) {
        oc_assert_ok(oc_tensor_alloc(&graph->values[graph->inputs[i]].desc, NULL, &f->inputs[i]));
        oc_rng_fill_floats(&rng, f->inputs[i].data, 2, -1, 1);
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        oc_assert_ok(oc_tensor_alloc(&graph->values[graph->outputs[i]].desc, NULL, &f->outputs[i]));
    oc_assert_ok(oc_session_make(f->worker_exec, NULL, NULL, NULL, &local));
    oc_assert_ok(
        oc_session_run(local, f->inputs, graph->n_inputs, f->outputs, graph->n_outputs, NULL));
    memcpy(f->expected, f->outputs[0].data, sizeof(f->expected));
    oc_session_destroy(local);
}

static oc_status open_session(fixture *f, oc_session_options options, size_t n_workers,
                              const oc_allocator *alloc)
{
    oc_site *sites[3] = {NULL};
    options.workers = names;
    options.n_workers = n_workers;
    for (size_t i = 0; i < n_workers; i++) {
        oc_status status = fake_worker_open(f->worker_exec, names[i], alloc, &f->workers[i]);
        while (status != OC_OK && i-- > 0)
            sites[i]->type->close(sites[i]);
        OC_TRY(status);
        sites[i] = &f->workers[i]->base;
    }
    return oc_session_make(f->exec, sites, &options, alloc, &f->session);
}

static void fixture_open(fixture *f, oc_session_options options, size_t n_workers)
{
    oc_assert_ok(open_session(f, options, n_workers, NULL));
}

static void fixture_close(fixture *f)
{
    oc_session_destroy(f->session);
    f->session = NULL;
}

static void fixture_fini(fixture *f)
{
    fixture_close(f);
    for (size_t i = 0; i < f->graph->n_inputs; i++)
        oc_tensor_free(&f->inputs[i], NULL);
    for (size_t i = 0; i < f->graph->n_outputs; i++)
        oc_tensor_free(&f->outputs[i], NULL);
    free(f->inputs);
    free(f->outputs);
    oc_exec_destroy(f->exec);
    oc_exec_destroy(f->worker_exec);
    oc_dev_close(f->dev);
    oc_dev_close(f->worker_dev);
    oc_graph_destroy(f->graph);
}

static oc_status run_once(fixture *f, oc_report *report)
{
    memset(f->outputs[0].data, 0xEE, sizeof(f->expected));
    return oc_session_run(f->session, f->inputs, f->graph->n_inputs, f->outputs,
                          f->graph->n_outputs, report);
}

/* The run succeeds, with the bits that a run here gives. */
static oc_report run_right(fixture *f)
{
    oc_report report = {0};
    oc_assert_ok(run_once(f, &report));
    oc_assert_bits_equal(f->outputs[0].data, f->expected, 2);
    assert_int_equal(report.total_ns, report.edge_ns + report.encode_ns + report.send_ns +
                                          report.queue_ns + report.cloud_ns + report.receive_ns +
                                          report.connect_ns + report.lost_ns);
    assert_int_not_equal(report.choice[0], '\0');
    return report;
}

static void fixture_init_random(fixture *f, uint64_t seed)
{
    oc_status status;
    oc_graph *graph = tally_random_graph(seed, NULL, &status);
    oc_assert_ok(status);
    fixture_init(f, graph, graph->n_nodes, seed);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void whatever_a_worker_does_the_answer_is_right(void **state)
{
    static const char *const policies[] = {"latency", "local", "remote", "fixed:1",
                                           "deadline:20000"};
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        for (size_t i = 0; i < OC_COUNT(policies); i++) {
            fixture f;
            fixture_init_random(&f, seed);
            fixture_open(&f,
                         (oc_session_options){.policy = policies[i],
                                              .worker_timeout_ms = 10,
                                              .is_hedged = seed % 2,
                                              .audit = 1},
                         2);
            for (int mode = 0; mode < FAKE_MODES; mode++)
                for (int other = 0; other < 2; other++) {
                    f.workers[0]->mode = (fake_mode)mode;
                    f.workers[1]->mode = other ? FAKE_GOOD : (fake_mode)mode;
                    oc_report report = run_right(&f);
                    assert_true(report.n_decisions > 0);
                    assert_int_equal(report.fell_back,
                                     report.reason[0] != '\0' && report.fell_back);
                }
            fixture_fini(&f);
        }
}

static void policies_go_where_they_say(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    size_t count;
    fixture_init(&f, chain(8), 8, 1);
    fixture_open(&f, (oc_session_options){.policy = "local"}, 1);
    report = run_right(&f);
    assert_false(report.used_worker);
    assert_int_equal(report.edge_nodes, 8);
    assert_true(f.workers[0]->skipped_bytes > 0);
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "remote"}, 1);
    report = run_right(&f);
    assert_true(report.used_worker);
    assert_int_equal(report.edge_nodes, 0);
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "fixed:5"}, 1);
    report = run_right(&f);
    assert_true(report.used_worker);
    assert_int_equal(report.edge_nodes, 5);
    const oc_option_info *options = oc_session_options_seen(f.session, &count);
    size_t n_chosen = 0;
    for (size_t i = 0; i < count; i++)
        n_chosen += options[i].is_chosen;
    assert_int_equal(n_chosen, 1);
    const oc_decision_info *decisions = oc_session_decisions(f.session, &count);
    assert_int_equal(count, report.n_decisions);
    assert_string_equal(decisions[0].at, options[0].cut);
    fixture_fini(&f);
}

/* Two chains of `length` slow nodes on one input, and their sum. */
static oc_graph *fork_graph(size_t length)
{
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_id x, ends[2], sum;
    slow_op = tally_op;
    slow_op.cost = slow_cost;
    slow_op.reference = slow_reference;
    oc_assert_ok(oc_graph_create("fork", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    for (size_t k = 0; k < 2; k++) {
        ends[k] = x;
        for (size_t i = 0; i < length; i++) {
            char name[32];
            snprintf(name, sizeof(name), "%c%zu", k ? 'b' : 'a', i + 1);
            oc_assert_ok(oc_graph_begin_node(g, &slow_op, name, &ends[k], 1, &node));
            oc_assert_ok(oc_graph_end_node(g, node, NULL, &ends[k]));
        }
    }
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, "sum", ends, 2, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &sum));
    oc_assert_ok(oc_graph_add_output(g, sum));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

/* The second chain runs here while the first does not: behind such a head the rest is run from an earlier cut. */
static void a_head_may_be_no_prefix(void **state)
{
    static const char *const policies[] = {"fixed:x+b2", "fixed:a1+b3", "fixed:a3+b2", "latency"};
    static const size_t heads[] = {2, 4, 5, SIZE_MAX};
    (void)state;
    fixture f;
    fixture_init(&f, fork_graph(4), 9, 13);
    for (size_t i = 0; i < OC_COUNT(policies); i++)
        for (int is_hedged = 0; is_hedged < 2; is_hedged++) {
            fixture_open(&f,
                         (oc_session_options){.policy = policies[i],
                                              .worker_timeout_ms = 100,
                                              .is_hedged = is_hedged,
                                              .audit = 1},
                         2);
            for (int mode = 0; mode < FAKE_MODES; mode++) {
                f.workers[0]->mode = (fake_mode)mode;
                oc_report report = run_right(&f);
                if (mode == FAKE_GOOD && !is_hedged && heads[i] != SIZE_MAX) {
                    assert_true(report.used_worker && report.is_audited);
                    assert_int_equal(report.edge_nodes, heads[i]);
                }
                f.workers[1]->mode = (fake_mode)mode;
                run_right(&f);
                f.workers[1]->mode = FAKE_GOOD;
            }
            fixture_close(&f);
        }
    fixture_fini(&f);
}

/* A profile by which the edge is good at chain b, the worker at chain a and the sum. */
static void write_profile(const fixture *f, const char *path)
{
    oc_net *net = NULL;
    oc_buf yaml;
    double node_ns[2][16];
    oc_profile profile = {.alloc = oc_allocator_or_default(NULL), .n_sites = 2};
    oc_assert_ok(oc_net_make(f->graph, NULL, NULL, 0, 0, NULL, &net));
    profile.net = net;
    for (size_t n = 0; n < net->n_nodes; n++) {
        bool is_b = net->node_names[n][0] == 'b';
        node_ns[0][n] = is_b ? 1e3 : 1e8;
        node_ns[1][n] = is_b ? 1e8 : 1e3;
    }
    for (size_t i = 0; i < 2; i++) {
        oc_profile_site *site = &profile.sites[i];
        snprintf(site->role, sizeof(site->role), "%s", i ? "worker" : "edge");
        snprintf(site->device, sizeof(site->device), "%s", f->dev->info.name);
        snprintf(site->driver, sizeof(site->driver), "%s", f->dev->info.driver);
        site->node_ns = node_ns[i];
    }
    oc_buf_init(&yaml, NULL);
    oc_assert_ok(oc_profile_print(&profile, &yaml));
    oc_assert_ok(oc_file_replace(path, yaml.data, yaml.size));
    oc_buf_fini(&yaml);
    oc_net_destroy(net);
}

/* The least cut is none of the net's: it is adopted, and kept for the runs that follow. */
static void a_cut_is_adopted(void **state)
{
    (void)state;
    fixture f;
    oc_test_allocator counting;
    fixture_init(&f, fork_graph(4), 9, 14);
    write_profile(&f, "fork.yaml");
    oc_test_allocator_init(&counting, 0);
    oc_assert_ok(open_session(&f,
                              (oc_session_options){.policy = "latency",
                                                   .profile = "fork.yaml",
                                                   .log_path = "adopted.jsonl"},
                              1, &counting.allocator));
    f.workers[0]->device = f.dev->info.name;
    f.workers[0]->driver = f.dev->info.driver;
    oc_report report = run_right(&f);
    assert_true(report.used_worker);
    assert_int_equal(report.edge_nodes, 4);
    assert_non_null(strstr(report.choice, "b4"));
    size_t before = atomic_load(&counting.calls);
    report = run_right(&f);
    assert_int_equal(report.edge_nodes, 4);
    f.workers[0]->mode = FAKE_DIES;
    report = run_right(&f);
    assert_true(report.fell_back);
    assert_int_equal(atomic_load(&counting.calls), before);
    fixture_close(&f);
    assert_int_equal(atomic_load(&counting.live), 0);
    fixture_fini(&f);
}

/* Nobody is there when the run begins; a worker comes while the head runs, and gets what is left. */
static void a_run_is_forwarded_in_its_middle(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    fixture_init(&f, chain(32), 32, 2);
    fixture_open(&f, (oc_session_options){.policy = "latency", .trace_spans = 100}, 1);
    atomic_store(&f.workers[0]->is_up, false);
    atomic_store(&sleep_ms, 3);
    report = run_right(&f);
    assert_false(report.used_worker);
    f.workers[0]->ran = &n_ran;
    atomic_store(&n_ran, 0);
    atomic_store(&f.workers[0]->up_after, 6);
    report = run_right(&f);
    assert_true(report.used_worker);
    assert_true(report.edge_nodes >= 4 && report.edge_nodes < 32);
    assert_true(report.n_decisions > 1);
    oc_assert_ok(oc_session_trace_write(f.session, "trace.json"));
    fixture_fini(&f);
}

static void the_second_worker_takes_over(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 3);
    fixture_open(&f, (oc_session_options){.policy = "remote"}, 2);
    /* Said to be so far away that the first is preferred, however slow a busy machine made it. */
    f.workers[1]->ns_per_byte = 1e9;
    oc_report report = run_right(&f);
    assert_true(report.used_worker && report.worker == 0 && !report.fell_back);
    f.workers[0]->mode = FAKE_DIES;
    report = run_right(&f);
    assert_true(report.used_worker && report.worker == 1 && report.fell_back);
    assert_non_null(strstr(report.reason, "worker one:1: gone"));
    fixture_close(&f);
    /* A plan does the same. */
    oc_cut cut;
    oc_plan *plan = NULL;
    fixture_open(&f, (oc_session_options){.n_workers = 0}, 2);
    oc_assert_ok(oc_cut_at(f.graph, 2, NULL, &cut));
    oc_assert_ok(oc_plan_make_cut(f.graph, &cut, NULL, &plan));
    oc_cut_fini(&cut);
    oc_assert_ok(oc_session_set_plan(f.session, plan));
    f.workers[0]->mode = FAKE_DIES;
    report = run_right(&f);
    assert_true(report.used_worker && report.worker == 1 && report.fell_back);
    assert_int_equal(report.edge_nodes, 2);
    fixture_close(&f);
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

static void a_worker_that_fails_is_left_alone_and_tried_again(void **state)
{
    (void)state;
    fixture f;
    const struct timespec pause = {.tv_nsec = 400000000};
    fixture_init(&f, chain(6), 6, 4);
    fixture_open(&f, (oc_session_options){.policy = "remote"}, 1);
    f.workers[0]->mode = FAKE_DIES;
    for (int i = 0; i < 2; i++)
        assert_true(run_right(&f).fell_back);
    unsigned before = f.workers[0]->n_starts;
    assert_false(run_right(&f).used_worker);
    assert_int_equal(f.workers[0]->n_starts, before);
    f.workers[0]->mode = FAKE_GOOD;
    nanosleep(&pause, NULL);
    assert_true(run_right(&f).used_worker);
    assert_true(run_right(&f).used_worker);
    fixture_fini(&f);
}

static void a_silent_worker_costs_no_deadline(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 5);
    fixture_open(
        &f,
        (oc_session_options){.policy = "remote", .deadline_ms = 400, .worker_timeout_ms = 60000},
        2);
    f.workers[0]->mode = f.workers[1]->mode = FAKE_STUCK;
    oc_report report = run_right(&f);
    assert_false(report.used_worker);
    assert_true(report.fell_back && report.is_hedged);
    assert_true(report.total_ns < 10000000000u);
    fixture_fini(&f);
}

/* The edge cannot run the tail: the run ends by its deadline, and says what it waited for. */
static void without_a_fallback_a_run_ends_at_its_deadline(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    fixture_init(&f, chain(6), 3, 6);
    fixture_open(
        &f,
        (oc_session_options){.policy = "latency", .deadline_ms = 60, .worker_timeout_ms = 60000},
        1);
    report = run_right(&f);
    assert_true(report.used_worker && report.edge_nodes <= 3);
    f.workers[0]->mode = FAKE_STUCK;
    oc_assert_fails(run_once(&f, &report), OC_E_DEADLINE, "no worker had answered");
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "latency"}, 1);
    f.workers[0]->mode = FAKE_DIES;
    oc_assert_fails(run_once(&f, &report), OC_E_LOST, "worker one:1: gone");
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "latency"}, 1);
    atomic_store(&f.workers[0]->is_up, false);
    oc_assert_fails(run_once(&f, &report), OC_E_LOST, NULL);
    fixture_fini(&f);
}

static void a_required_worker_that_fails_is_an_error(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 7);
    fixture_open(&f, (oc_session_options){.policy = "remote", .is_worker_required = true}, 1);
    run_right(&f);
    f.workers[0]->mode = FAKE_OTHER;
    oc_assert_fails(run_once(&f, NULL), OC_E_MISMATCH, "another model");
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "remote", .is_worker_required = true}, 1);
    atomic_store(&f.workers[0]->is_up, false);
    oc_assert_fails(run_once(&f, NULL), OC_E_LOST, "nobody is there");
    fixture_fini(&f);
}

/* Kernels that are late: the run ends, the caller's memory is its own again, and later runs are well. */
static void a_late_device_ends_a_run_too(void **state)
{
    (void)state;
    fixture f;
    const struct timespec pause = {.tv_sec = 1};
    uint8_t untouched[sizeof(f.expected)];
    memset(untouched, 0xEE, sizeof(untouched));
    fixture_init(&f, chain(6), 6, 8);
    for (int is_plan = 0; is_plan < 2; is_plan++) {
        fixture_open(
            &f, (oc_session_options){.policy = is_plan ? NULL : "local", .deadline_ms = 120}, 0);
        atomic_store(&sleep_ms, 140);
        oc_assert_fails(run_once(&f, NULL), OC_E_DEADLINE, "still running");
        atomic_store(&sleep_ms, 0);
        nanosleep(&pause, NULL);
        assert_memory_equal(f.outputs[0].data, untouched, sizeof(untouched));
        run_right(&f);
        /* Closing waits for what still runs. */
        atomic_store(&sleep_ms, 140);
        assert_int_equal(run_once(&f, NULL), OC_E_DEADLINE);
        atomic_store(&sleep_ms, 0);
        fixture_close(&f);
    }
    fixture_fini(&f);
}

/* From when the edge begins too, its kernels are slow; the worker's are done by then. */
static void slow_down(void *ctx, const char *event)
{
    (void)ctx;
    if (strcmp(event, "hedge") == 0)
        atomic_store(&sleep_ms, 40);
}

static void a_late_answer_is_hedged(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    fixture_init(&f, chain(8), 8, 9);
    fixture_open(&f, (oc_session_options){.policy = "remote", .is_hedged = true}, 1);
    f.workers[0]->mode = FAKE_STUCK;
    report = run_right(&f);
    assert_true(report.is_hedged && !report.used_worker && report.fell_back);
    assert_int_equal(f.workers[0]->n_cancels, 1);
    fixture_close(&f);
    /* The worker answers late, but before the edge is done; that it is late too hides no lie. */
    for (int lies = 0; lies < 2; lies++) {
        fixture_open(&f,
                     (oc_session_options){
                         .policy = "remote", .is_hedged = true, .audit = 1, .on_event = slow_down},
                     1);
        f.workers[0]->delay_ms = 100;
        f.workers[0]->mode = lies ? FAKE_LIES : FAKE_GOOD;
        report = run_right(&f);
        assert_true(report.is_hedged && report.is_audited && report.used_worker == !lies);
        atomic_store(&sleep_ms, 0);
        /* The next run is well. */
        f.workers[0]->delay_ms = 0;
        run_right(&f);
        fixture_close(&f);
    }
    fixture_fini(&f);
}

static void an_audit_finds_a_lie(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    fixture_init(&f, chain(6), 6, 10);
    for (int is_plan = 0; is_plan < 2; is_plan++) {
        oc_plan *plan = NULL;
        oc_cut cut;
        fixture_open(&f, (oc_session_options){.policy = "remote", .audit = 1}, 1);
        if (is_plan) {
            oc_assert_ok(oc_cut_at(f.graph, 2, NULL, &cut));
            oc_assert_ok(oc_plan_make_cut(f.graph, &cut, NULL, &plan));
            oc_cut_fini(&cut);
            oc_assert_ok(oc_session_set_plan(f.session, plan));
        }
        report = run_right(&f);
        assert_true(report.used_worker && report.is_audited && !report.fell_back);
        f.workers[0]->mode = FAKE_LIES;
        report = run_right(&f);
        assert_true(!report.used_worker && report.is_audited && report.fell_back);
        assert_non_null(strstr(report.reason, "not what was computed here"));
        f.workers[0]->mode = FAKE_GOOD;
        unsigned before = f.workers[0]->n_starts;
        assert_false(run_right(&f).used_worker);
        assert_int_equal(f.workers[0]->n_starts, before);
        fixture_close(&f);
        oc_plan_destroy(plan);
    }
    fixture_fini(&f);
}

static void a_run_allocates_nothing(void **state)
{
    static const char *const policies[] = {"latency", "local", "remote", "fixed:3"};
    (void)state;
    fixture f;
    fixture_init(&f, chain(16), 16, 11);
    for (size_t i = 0; i < OC_COUNT(policies); i++) {
        oc_test_allocator counting;
        oc_test_allocator_init(&counting, 0);
        oc_assert_ok(open_session(&f,
                                  (oc_session_options){.policy = policies[i],
                                                       .deadline_ms = 20000,
                                                       .audit = 0.5,
                                                       .trace_spans = 50,
                                                       .log_path = "decisions.jsonl"},
                                  2, &counting.allocator));
        run_right(&f);
        size_t before = atomic_load(&counting.calls);
        for (int k = 0; k < 5; k++)
            run_right(&f);
        f.workers[0]->mode = FAKE_DIES;
        run_right(&f);
        assert_int_equal(atomic_load(&counting.calls), before);
        fixture_close(&f);
        assert_int_equal(atomic_load(&counting.live), 0);
    }
    fixture_fini(&f);
}

static oc_status make_and_run(const oc_allocator *alloc, void *ctx)
{
    fixture *f = ctx;
    OC_TRY(open_session(f, (oc_session_options){.policy = "latency", .trace_spans = 5, .audit = 1},
                        1, alloc));
    oc_status status =
        oc_session_run(f->session, f->inputs, f->graph->n_inputs, f->outputs, 1, NULL);
    fixture_close(f);
    return status;
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    fixture f;
    fixture_init_random(&f, 3);
    oc_test_oom_sweep(make_and_run, &f);
    fixture_fini(&f);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(3), 3, 12);
    oc_assert_fails(open_session(&f, (oc_session_options){.policy = "fastest"}, 0, NULL), OC_E_ARG,
                    "fastest");
    oc_assert_fails(
        open_session(&f, (oc_session_options){.policy = "latency", .audit = 2}, 0, NULL), OC_E_ARG,
        "audit");
    oc_assert_fails(
        open_session(&f, (oc_session_options){.policy = "latency", .audit = NAN}, 0, NULL),
        OC_E_ARG, "audit");
    oc_assert_fails(open_session(&f, (oc_session_options){.policy = "fixed:77"}, 1, NULL), OC_E_ARG,
                    "77");
    oc_assert_fails(
        open_session(&f, (oc_session_options){.policy = "latency", .profile = "absent.yaml"}, 1,
                     NULL),
        OC_E_IO, "absent.yaml");
    oc_assert_ok(open_session(&f, (oc_session_options){.policy = NULL}, 0, NULL));
    oc_assert_fails(oc_session_trace_write(f.session, "t.json"), OC_E_ARG, "no spans");
    assert_true(isnan(oc_session_prediction_error(f.session)));
    fixture_fini(&f);
}

/* ---- an edge that is busy, late, failed or lost ------------------------------------------------------------ */

/* What an earlier run left keeps the edge busy: that must not keep a worker's answer from being seen. */
static void an_answer_counts_while_the_edge_is_busy(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 20);
    fixture_open(
        &f, (oc_session_options){.policy = "remote", .deadline_ms = 500, .is_hedged = true}, 1);
    f.workers[0]->mode = FAKE_STUCK;
    atomic_store(&sleep_ms, 990);
    oc_assert_fails(run_once(&f, NULL), OC_E_DEADLINE, "still running");
    atomic_store(&sleep_ms, 0);
    f.workers[0]->mode = FAKE_GOOD;
    f.workers[0]->delay_ms = 80;
    oc_report report = run_right(&f);
    assert_true(report.used_worker && report.is_hedged);
    assert_true(report.total_ns < 400000000u); /* the edge is busy for longer, the worker for 80 ms */
    fixture_fini(&f);
}

static void set_plan_at(fixture *f, size_t index, oc_plan **plan)
{
    oc_cut cut;
    oc_assert_ok(oc_cut_at(f->graph, index, NULL, &cut));
    oc_assert_ok(oc_plan_make_cut(f->graph, &cut, NULL, plan));
    oc_cut_fini(&cut);
    oc_assert_ok(oc_session_set_plan(f->session, *plan));
}

/* An audit that is late, or whose device fails, takes nothing from the answer that is there. */
static void an_audit_that_does_not_end_costs_no_answer(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 21);
    for (int is_plan = 0; is_plan < 2; is_plan++)
        for (int fails = 0; fails < 2; fails++) {
            oc_plan *plan = NULL;
            fixture_open(&f,
                         (oc_session_options){.policy = is_plan ? NULL : "fixed:2",
                                              .deadline_ms = 500,
                                              .audit = 1},
                         1);
            if (is_plan)
                set_plan_at(&f, 2, &plan);
            /* Two nodes here and four there make the answer, the seventh is the audit's. */
            atomic_store(&n_ran, 0);
            atomic_store(fails ? &fail_from : &sleep_from, 6);
            atomic_store(fails ? &n_to_fail : &sleep_ms, fails ? 1 : 400);
            oc_report report = run_right(&f);
            assert_true(report.used_worker && !report.is_audited && !report.fell_back);
            assert_int_equal(report.edge_nodes, 2);
            atomic_store(&sleep_ms, 0);
            atomic_store(&n_to_fail, 0);
            run_right(&f);
            fixture_close(&f);
            oc_plan_destroy(plan);
        }
    fixture_fini(&f);
}

/* Without its device the edge forwards everything, whatever the policy wants to run here. */
static void a_lost_edge_leaves_the_workers(void **state)
{
    static const char *const policies[] = {"latency", "remote", "fixed:3", NULL};
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 22);
    for (size_t i = 0; i < OC_COUNT(policies); i++)
        for (int is_late = 0; is_late < 2; is_late++) {
            oc_plan *plan = NULL;
            fixture_open(
                &f,
                (oc_session_options){.policy = policies[i], .deadline_ms = is_late ? 1000 : 0}, 1);
            if (!policies[i])
                set_plan_at(&f, 0, &plan);
            run_right(&f);
            atomic_store(&f.dev->is_lost, true);
            oc_report report = run_right(&f);
            assert_true(report.used_worker);
            assert_int_equal(report.edge_nodes, 0);
            f.workers[0]->mode = FAKE_DIES;
            oc_status status = run_once(&f, NULL);
            assert_int_equal(status, policies[i] && is_late ? OC_E_DEADLINE : OC_E_LOST);
            atomic_store(&f.dev->is_lost, false); /* what a lost device holds is not freed */
            fixture_close(&f);
            oc_plan_destroy(plan);
        }
    /* Where nothing may leave, or nobody is there, it is the device that is told of. */
    for (size_t n_workers = 0; n_workers < 2; n_workers++) {
        fixture_open(&f, (oc_session_options){.policy = "local"}, n_workers);
        atomic_store(&f.dev->is_lost, true);
        oc_assert_fails(run_once(&f, NULL), OC_E_LOST, "its device is lost");
        atomic_store(&f.dev->is_lost, false);
        fixture_close(&f);
    }
    fixture_fini(&f);
}

static void an_edge_that_fails_leaves_the_workers(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, chain(6), 6, 23);
    for (int has_deadline = 0; has_deadline < 2; has_deadline++) {
        fixture_open(&f,
                     (oc_session_options){.policy = "fixed:3",
                                          .deadline_ms = has_deadline ? 20000 : 0},
                     1);
        atomic_store(&n_to_fail, 1);
        oc_report report = run_right(&f);
        assert_true(report.used_worker && report.fell_back);
        assert_int_equal(report.edge_nodes, 0);
        assert_non_null(strstr(report.reason, "the edge failed"));
        report = run_right(&f);
        assert_true(report.used_worker && !report.fell_back);
        assert_int_equal(report.edge_nodes, 3);
        fixture_close(&f);
    }
    fixture_open(&f, (oc_session_options){.policy = "local"}, 0);
    atomic_store(&n_to_fail, 1);
    assert_int_not_equal(run_once(&f, NULL), OC_OK);
    run_right(&f);
    fixture_fini(&f);
}

/* ---- plans ------------------------------------------------------------------------------------------------- */

/* The worker may be asked again as soon as its first step was given up. */
static void forgive(void *ctx, oc_log_level level, const char *text)
{
    fixture *f = ctx;
    (void)level;
    if (strstr(text, "its part runs here"))
        f->session->breakers[0] = (oc_breaker){.state = OC_BREAKER_CLOSED};
}

/* A worker comes back between two of its steps: what the second takes is not at the host. */
static void a_step_whose_values_are_only_here_runs_here(void **state)
{
    (void)state;
    fixture f;
    oc_plan *plan = NULL;
    char digest[OC_DIGEST_TEXT], text[1024];
    fixture_init(&f, chain(4), 4, 24);
    const oc_graph *g = f.graph;
    const oc_log_sink sink = {.write = forgive, .ctx = &f, .level = OC_LOG_WARN};
    const char *one = g->values[g->nodes[0].out[0]].name,
               *three = g->values[g->nodes[2].out[0]].name,
               *last = g->values[g->outputs[0]].name;
    snprintf(text, sizeof(text),
             "offcut_plan: 1\nname: two steps\nmodel: {name: chain, digest: %s}\nfallback: true\n"
             "sites:\n- {name: edge, role: edge}\n- {name: cloud, role: worker}\nsteps:\n"
             "- run: {site: edge, takes: [x], gives: [%s]}\n"
             "- move: {from: edge, to: cloud, values: [%s]}\n"
             "- run: {site: cloud, takes: [%s], gives: [%s]}\n"
             "- run: {site: cloud, takes: [%s], gives: [%s]}\n"
             "- move: {from: cloud, to: edge, values: [%s]}\n",
             oc_digest_print(&g->digest, digest), one, one, one, three, three, last, last);
    oc_assert_ok(oc_plan_parse(g, (oc_bytes){(const uint8_t *)text, strlen(text)}, "two.yaml", NULL,
                               &plan));
    fixture_open(&f, (oc_session_options){.log = &sink}, 1);
    oc_assert_ok(oc_session_set_plan(f.session, plan));
    assert_true(run_right(&f).used_worker);
    f.session->breakers[0] =
        (oc_breaker){.state = OC_BREAKER_OPEN, .n_failures = 9, .until_ns = oc_now_ns() + 20000000000u};
    oc_report report = run_right(&f);
    assert_true(!report.used_worker && report.fell_back);
    assert_int_equal(f.session->breakers[0].state, OC_BREAKER_CLOSED);
    assert_int_equal(report.edge_nodes, 4);
    assert_true(run_right(&f).used_worker);
    fixture_close(&f);
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

/* Silent workers share half of the time, and are not blamed for a deadline that was too short for them. */
static void a_short_deadline_is_no_workers_fault(void **state)
{
    (void)state;
    fixture f;
    oc_plan *plan = NULL;
    fixture_init(&f, chain(4), 4, 25);
    fixture_open(&f, (oc_session_options){.deadline_ms = 200}, 3);
    set_plan_at(&f, 2, &plan);
    for (size_t i = 0; i < 3; i++)
        f.workers[i]->mode = FAKE_STUCK;
    for (unsigned i = 1; i <= 3; i++) {
        oc_report report = run_right(&f);
        assert_true(report.fell_back && !report.used_worker);
        assert_int_equal(f.workers[0]->n_starts, i);
        assert_int_equal(f.workers[1]->n_starts + f.workers[2]->n_starts, 0);
    }
    f.workers[0]->mode = FAKE_GOOD;
    oc_report report = run_right(&f);
    assert_true(report.used_worker && report.worker == 0);
    fixture_close(&f);
    oc_plan_destroy(plan);
    /* The same silence with all the time that a worker is given is its fault. */
    fixture_open(&f, (oc_session_options){.worker_timeout_ms = 10}, 1);
    set_plan_at(&f, 2, &plan);
    f.workers[0]->mode = FAKE_STUCK;
    for (int i = 0; i < 3; i++)
        run_right(&f);
    assert_int_equal(f.workers[0]->n_starts, 2);
    fixture_close(&f);
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

/* ---- waiting, for workers and for chances ------------------------------------------------------------------ */

static void a_silent_worker_does_not_hold_the_first_run(void **state)
{
    (void)state;
    fixture f;
    oc_session_options options = {.policy = "remote", .connect_timeout_ms = 60000};
    fixture_init(&f, chain(4), 4, 26);
    fixture_open(&f, options, 2);
    f.workers[0]->is_unsettled = true;
    oc_report report = run_right(&f);
    assert_true(report.used_worker && report.worker == 1);
    assert_true(report.total_ns < 30000000000u);
    fixture_close(&f);
    options.policy = "local";
    fixture_open(&f, options, 1);
    f.workers[0]->is_unsettled = true;
    report = run_right(&f);
    assert_true(report.total_ns < 30000000000u);
    fixture_close(&f);
    options.policy = "latency";
    options.deadline_ms = 400;
    fixture_open(&f, options, 1);
    f.workers[0]->is_unsettled = true;
    report = run_right(&f);
    assert_true(!report.used_worker);
    assert_in_range(report.connect_ns, 50000000u, 250000000u);
    fixture_fini(&f);
}

/* A worker is there and nothing may leave: that is found once, and not again a hundred times a second. */
static void what_cannot_change_is_not_decided_again(void **state)
{
    (void)state;
    fixture f;
    oc_report report = {0};
    size_t count;
    fixture_init(&f, fork_graph(4), 9, 27);
    fixture_open(&f, (oc_session_options){.policy = "latency,privacy:sum", .deadline_ms = 350}, 1);
    atomic_store(&f.dev->is_lost, true);
    assert_int_equal(run_once(&f, &report), OC_E_DEADLINE);
    assert_in_range(report.n_decisions, 1, 6);
    oc_session_decisions(f.session, &count);
    assert_int_equal(count, 1);
    atomic_store(&f.dev->is_lost, false);
    fixture_close(&f);
    fixture_open(&f, (oc_session_options){.policy = "latency", .deadline_ms = 60000}, 0);
    atomic_store(&f.dev->is_lost, true);
    assert_int_equal(run_once(&f, NULL), OC_E_LOST);
    atomic_store(&f.dev->is_lost, false);
    fixture_fini(&f);
}

/* ---- chunks ------------------------------------------------------------------------------------------------ */

static const oc_site_type *plain_type;
static size_t n_given, most_ahead;

static oc_status counting_start(oc_site_part *part, const oc_site_run *of)
{
    n_given = 0;
    return plain_type->start(part, of);
}

static oc_status counting_submit(oc_site_part *part, size_t first, size_t count)
{
    oc_site_progress now;
    plain_type->poll(part, &now);
    n_given++;
    most_ahead = OC_MAX(most_ahead, n_given - now.submits_done);
    return plain_type->submit(part, first, count);
}

static unsigned n_ran_when_sent;

static void note_sent(void *ctx, const char *event)
{
    (void)ctx;
    if (strcmp(event, "sent") != 0)
        return;
    n_ran_when_sent = atomic_load(&n_ran);
    atomic_store(&sleep_ms, 0);
}

/*
 * One chunk runs and one is queued behind it, never more; and what is forwarded from the middle is read
 * while the chunk ahead still runs.
 */
static void one_chunk_is_ahead(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    oc_site_type counting;
    fixture_init(&f, chain(16), 16, 28);
    fixture_open(&f, (oc_session_options){.policy = "latency", .on_event = note_sent}, 1);
    plain_type = f.session->local->type;
    counting = *plain_type;
    counting.start = counting_start;
    counting.submit = counting_submit;
    f.session->local->type = &counting;
    atomic_store(&f.workers[0]->is_up, false);
    atomic_store(&sleep_ms, 2);
    most_ahead = 0;
    run_right(&f);
    assert_int_equal(most_ahead, 2);
    assert_true(n_given > 4);
    f.workers[0]->ran = &n_ran;
    atomic_store(&n_ran, 0);
    atomic_store(&sleep_ms, 300);
    atomic_store(&f.workers[0]->up_after, 3);
    report = run_right(&f);
    assert_true(report.used_worker);
    assert_true(report.edge_nodes >= 3 && report.edge_nodes < 16);
    assert_int_equal(most_ahead, 2);
    assert_int_equal(n_ran_when_sent, report.edge_nodes);
    fixture_close(&f);
    fixture_fini(&f);
}

/* ---- what a session tells ---------------------------------------------------------------------------------- */

static size_t count_lines(const char *path)
{
    oc_bytes text;
    size_t count = 0;
    oc_assert_ok(oc_file_slurp(path, 1 << 24, NULL, &text));
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    assert_true(text.size == 0 || text.data[text.size - 1] == '\n');
    oc_free(NULL, (void *)(uintptr_t)text.data);
    return count;
}

/* What a run logs goes to the file when the next one begins; and what does not fit is left out whole. */
static void a_log_is_written_between_runs(void **state)
{
    (void)state;
    fixture f;
    oc_log_reader *reader = NULL;
    oc_log_entry entry = {.line = OC_LOG_SCENE};
    size_t n_outcomes = 0;
    fixture_init(&f, chain(4), 4, 29);
    fixture_open(&f, (oc_session_options){.policy = "local", .log_path = "between.jsonl"}, 0);
    run_right(&f);
    assert_int_equal(count_lines("between.jsonl"), 1);
    run_right(&f);
    assert_in_range(count_lines("between.jsonl"), 3, 20);
    oc_decision_log *log = f.session->adapt->log;
    oc_outcome outcome = {.run = 1, .reason = "so often"};
    for (int i = 0; i < 5000; i++)
        oc_decision_log_outcome(log, &outcome);
    oc_decision_log_scene(log, f.session->adapt->scene->costs, "local", f.session->adapt->names);
    oc_assert_fails(oc_decision_log_flush(log), OC_E_LIMIT, "left out");
    oc_assert_ok(oc_decision_log_flush(log));
    run_right(&f);
    fixture_close(&f);
    oc_assert_ok(oc_log_reader_open("between.jsonl", NULL, NULL, &reader));
    size_t n_scenes = 0;
    while (entry.line != OC_LOG_END) {
        oc_assert_ok(oc_log_reader_next(reader, &entry));
        n_outcomes += entry.line == OC_LOG_OUTCOME;
        n_scenes += entry.line == OC_LOG_SCENE;
    }
    oc_log_reader_close(reader);
    assert_int_equal(n_scenes, 2);
    assert_in_range(n_outcomes, 300, 4999);
    fixture_fini(&f);
}

static unsigned n_profile_warnings;

static void count_warnings(void *ctx, oc_log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    n_profile_warnings += strstr(text, "profile, worker") != NULL;
}

/* A worker without a profile is looked up once, and again when it comes back as something else. */
static void a_worker_is_looked_up_once(void **state)
{
    (void)state;
    fixture f;
    const oc_log_sink sink = {.write = count_warnings, .level = OC_LOG_WARN};
    fixture_init(&f, fork_graph(4), 9, 30);
    write_profile(&f, "once.yaml");
    fixture_open(&f, (oc_session_options){.policy = "latency", .profile = "once.yaml", .log = &sink},
                 1);
    f.workers[0]->device = "an unknown one";
    n_profile_warnings = 0;
    for (int i = 0; i < 3; i++)
        run_right(&f);
    assert_int_equal(n_profile_warnings, 1);
    assert_false(f.session->adapt->is_known[1]);
    f.workers[0]->device = f.dev->info.name;
    f.workers[0]->driver = f.dev->info.driver;
    run_right(&f);
    assert_true(f.session->adapt->is_known[1]);
    assert_ptr_not_equal(f.session->adapt->measured[1], NULL);
    f.workers[0]->device = "another";
    run_right(&f);
    assert_false(f.session->adapt->is_known[1]);
    assert_ptr_equal(f.session->adapt->measured[1], NULL);
    assert_int_equal(n_profile_warnings, 2);
    fixture_fini(&f);
}

static bool file_has(const char *path, const char *what)
{
    oc_buf text;
    oc_bytes bytes;
    oc_buf_init(&text, NULL);
    oc_assert_ok(oc_file_slurp(path, 1 << 24, NULL, &bytes));
    oc_assert_ok(oc_buf_put(&text, bytes.data, bytes.size));
    bool has = strstr(text.data, what) != NULL;
    oc_buf_fini(&text);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
    return has;
}

static void a_session_tells_what_it_knows(void **state)
{
    (void)state;
    fixture f;
    oc_plan *plan = NULL;
    oc_snapshot snapshot;
    size_t n_queues = 0;
    fixture_init(&f, chain(6), 6, 31);
    fixture_open(&f,
                 (oc_session_options){.policy = "remote", .is_hedged = true, .trace_spans = 100}, 1);
    assert_true(isnan(oc_session_prediction_error(f.session)));
    for (int i = 0; i < 4 || (i < 100 && isnan(oc_session_prediction_error(f.session))); i++)
        run_right(&f); /* on a busy machine a hedge may win */
    assert_true(oc_session_prediction_error(f.session) >= 0);
    oc_session_snapshot(f.session, &snapshot);
    for (size_t i = 0; i < snapshot.n_readings; i++)
        n_queues += snapshot.readings[i].quantity == OC_QUANTITY_DEVICE_QUEUE;
    assert_int_equal(n_queues, 1);
    assert_int_equal(snapshot.n_workers, 1);
    assert_string_equal(snapshot.workers[0].address, "one:1");
    assert_true(snapshot.workers[0].is_up);
    oc_assert_ok(oc_session_trace_write(f.session, "answered.json"));
    assert_true(file_has("answered.json", "\"compute\""));
    f.workers[0]->mode = FAKE_STUCK;
    bool is_hedged = false;
    for (int i = 0; i < 100 && !is_hedged; i++) { /* one that was late before may not be asked at once */
        is_hedged = run_right(&f).is_hedged;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_true(is_hedged);
    oc_assert_ok(oc_session_trace_write(f.session, "dropped.json"));
    assert_true(file_has("dropped.json", "\"dropped\""));
    fixture_close(&f);
    /* A plan's runs have spans of the edge too. */
    fixture_open(&f, (oc_session_options){.trace_spans = 100}, 1);
    set_plan_at(&f, 3, &plan);
    run_right(&f);
    oc_assert_ok(oc_session_trace_write(f.session, "plan.json"));
    assert_true(file_has("plan.json", " .. "));
    fixture_close(&f);
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_worker_does_the_answer_is_right),
        cmocka_unit_test(policies_go_where_they_say),
        cmocka_unit_test(a_head_may_be_no_prefix),
        cmocka_unit_test(a_cut_is_adopted),
        cmocka_unit_test(a_run_is_forwarded_in_its_middle),
        cmocka_unit_test(the_second_worker_takes_over),
        cmocka_unit_test(a_worker_that_fails_is_left_alone_and_tried_again),
        cmocka_unit_test(a_silent_worker_costs_no_deadline),
        cmocka_unit_test(without_a_fallback_a_run_ends_at_its_deadline),
        cmocka_unit_test(a_required_worker_that_fails_is_an_error),
        cmocka_unit_test(a_late_device_ends_a_run_too),
        cmocka_unit_test(a_late_answer_is_hedged),
        cmocka_unit_test(an_audit_finds_a_lie),
        cmocka_unit_test(a_run_allocates_nothing),
        cmocka_unit_test(no_memory_is_a_status),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(an_answer_counts_while_the_edge_is_busy),
        cmocka_unit_test(an_audit_that_does_not_end_costs_no_answer),
        cmocka_unit_test(a_lost_edge_leaves_the_workers),
        cmocka_unit_test(an_edge_that_fails_leaves_the_workers),
        cmocka_unit_test(a_step_whose_values_are_only_here_runs_here),
        cmocka_unit_test(a_short_deadline_is_no_workers_fault),
        cmocka_unit_test(a_silent_worker_does_not_hold_the_first_run),
        cmocka_unit_test(what_cannot_change_is_not_decided_again),
        cmocka_unit_test(one_chunk_is_ahead),
        cmocka_unit_test(a_log_is_written_between_runs),
        cmocka_unit_test(a_worker_is_looked_up_once),
        cmocka_unit_test(a_session_tells_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
