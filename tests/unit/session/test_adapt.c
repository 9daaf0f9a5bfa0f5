/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sessions that decide by a policy: whatever the workers do the answer is the local one, by the deadline; and
 * what is seen on the way (a worker that comes up, one that is late, one that lies) changes what is done.
 */
#include "fake_worker.h"
#include "oc_profile.h"
#include "oc_session.h"
#include "oc_test.h"
#include "tally_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes that take their time ------------------------------------------------------------------- */

static atomic_uint n_ran, sleep_ms;

static oc_status slow_cost(const oc_op_call *call, oc_cost *cost)
{
    (void)call;
    *cost = (oc_cost){.macs = 4000000}; /* milliseconds, on any device's roofline */
    return OC_OK;
}

static oc_status slow_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const struct timespec pause = {.tv_nsec = (long)atomic_load(&sleep_ms) * 1000000L};
    nanosleep(&pause, NULL);
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
    oc_dev *dev;
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
    for (size_t i = 0; i < graph->n_nodes; i++)
        only[i] = i < n_edge;
    oc_assert_ok(oc_dev_open("reference", NULL, NULL, &f->dev));
    oc_assert_ok(oc_exec_create(graph, f->dev, only, NULL, NULL, NULL, &f->exec));
    oc_assert_ok(oc_exec_create(graph, f->dev, NULL, NULL, NULL, NULL, &f->worker_exec));
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
                                              .worker_timeout_ms = 20,
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
    oc_assert_ok(oc_net_make(f->graph, NULL, NULL, 0, NULL, &net));
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
    const struct timespec pause = {.tv_nsec = 300000000};
    uint8_t untouched[sizeof(f.expected)];
    memset(untouched, 0xEE, sizeof(untouched));
    fixture_init(&f, chain(6), 6, 8);
    for (int is_plan = 0; is_plan < 2; is_plan++) {
        fixture_open(
            &f, (oc_session_options){.policy = is_plan ? NULL : "local", .deadline_ms = 30}, 0);
        atomic_store(&sleep_ms, 40);
        oc_assert_fails(run_once(&f, NULL), OC_E_DEADLINE, "still running");
        atomic_store(&sleep_ms, 0);
        nanosleep(&pause, NULL);
        assert_memory_equal(f.outputs[0].data, untouched, sizeof(untouched));
        run_right(&f);
        /* Closing waits for what still runs. */
        atomic_store(&sleep_ms, 40);
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
        atomic_store(&sleep_ms, 60);
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
    /* The worker answers late, but before the edge is done. */
    fixture_open(&f,
                 (oc_session_options){
                     .policy = "remote", .is_hedged = true, .audit = 1, .on_event = slow_down},
                 1);
    f.workers[0]->delay_ms = 100;
    report = run_right(&f);
    assert_true(report.is_hedged && report.used_worker && !report.is_audited);
    atomic_store(&sleep_ms, 0);
    /* What was begun here is dropped, and the next run is well. */
    f.workers[0]->delay_ms = 0;
    run_right(&f);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
