/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sessions over random networks, every cut, and a worker that fails in every way it can: the answer is
 * always the local one. The worker is a second local site, behind one that misbehaves on purpose.
 */
#include "oc_session.h"
#include "oc_test.h"
#include "tally_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a site that misbehaves ------------------------------------------------------------------- */

typedef enum fault {
    FAULT_NONE,
    FAULT_NEVER_READY,  /* the connection neither comes nor fails */
    FAULT_REFUSED,      /* another model: known before anything starts */
    FAULT_START,        /* start fails */
    FAULT_PUT,          /* the second half of the values is refused */
    FAULT_SILENT,       /* takes everything, answers nothing */
    FAULT_LOST,         /* dies after the work was sent */
    FAULT_COUNT
} fault;

typedef struct flaky_site {
    oc_site base;
    oc_site *inner;
    fault mode;
} flaky_site;

typedef struct flaky_part {
    oc_site_part base;
    oc_site_part *inner;
    bool is_submitted, is_cancelled;
} flaky_part;

static fault mode_of(oc_site_part *part)
{
    return ((flaky_site *)part->site)->mode;
}

static oc_site_part *inner_of(oc_site_part *part)
{
    return ((flaky_part *)part)->inner;
}

static const oc_site_type *inner_type(oc_site_part *part)
{
    return inner_of(part)->site->type;
}

static void flaky_close(oc_site *site)
{
    flaky_site *s = (flaky_site *)site;
    s->inner->type->close(s->inner);
    oc_free(site->alloc, s);
}

static oc_status flaky_part_open(oc_site *site, const oc_part *part, const oc_id *pinned, size_t n_pinned, oc_waker *waker,
                                 oc_site_part **out)
{
    flaky_site *s = (flaky_site *)site;
    flaky_part *p = NULL;
    OC_TRY(OC_ALLOC(site->alloc, 1, p));
    p->base.site = site;
    oc_status status = s->inner->type->part_open(s->inner, part, pinned, n_pinned, waker, &p->inner);
    if (status != OC_OK) {
        oc_free(site->alloc, p);
        return status;
    }
    *out = &p->base;
    return OC_OK;
}

static void flaky_part_close(oc_site_part *part)
{
    inner_type(part)->part_close(inner_of(part));
    oc_free(part->site->alloc, part);
}

static oc_status flaky_start(oc_site_part *part, const oc_site_run *run)
{
    flaky_part *p = (flaky_part *)part;
    p->is_submitted = p->is_cancelled = false;
    if (mode_of(part) == FAULT_START)
        return oc_fail(OC_E_LOST, "worker flaky: it would not start");
    return inner_type(part)->start(p->inner, run);
}

static oc_status flaky_put(oc_site_part *part, oc_id value, const oc_tensor *tensor)
{
    if (mode_of(part) == FAULT_PUT)
        return oc_fail(OC_E_LOST, "worker flaky: it took no value");
    return inner_type(part)->put(inner_of(part), value, tensor);
}

static oc_status flaky_submit(oc_site_part *part, size_t first, size_t count)
{
    ((flaky_part *)part)->is_submitted = true;
    if (mode_of(part) == FAULT_SILENT || mode_of(part) == FAULT_LOST)
        return OC_OK;
    return inner_type(part)->submit(inner_of(part), first, count);
}

static oc_status flaky_get(oc_site_part *part, oc_id value, oc_tensor *tensor)
{
    if (mode_of(part) == FAULT_SILENT || mode_of(part) == FAULT_LOST)
        return OC_OK;
    return inner_type(part)->get(inner_of(part), value, tensor);
}

static void flaky_poll(oc_site_part *part, oc_site_progress *progress)
{
    flaky_part *p = (flaky_part *)part;
    inner_type(part)->poll(p->inner, progress);
    if (mode_of(part) == FAULT_NEVER_READY || mode_of(part) == FAULT_REFUSED)
        progress->is_ready = false;
    if (mode_of(part) == FAULT_REFUSED) {
        progress->status = OC_E_MISMATCH;
        strcpy(progress->text, "worker flaky: another model");
    }
    if (p->is_submitted && !p->is_cancelled && mode_of(part) == FAULT_SILENT)
        progress->is_idle = false;
    if (p->is_submitted && mode_of(part) == FAULT_LOST) {
        progress->status = OC_E_LOST;
        strcpy(progress->text, "worker flaky: gone");
    }
}

static void flaky_cancel(oc_site_part *part)
{
    ((flaky_part *)part)->is_cancelled = true;
    inner_type(part)->cancel(inner_of(part));
}

static void flaky_health(oc_site *site, oc_site_health *health)
{
    health->worker.is_up = ((flaky_site *)site)->mode == FAULT_NONE;
    strcpy(health->worker.text, "flaky");
}

static const oc_site_type flaky_type = {
    .name = "flaky", .close = flaky_close, .part_open = flaky_part_open, .part_close = flaky_part_close,
    .start = flaky_start, .put = flaky_put, .submit = flaky_submit, .get = flaky_get, .poll = flaky_poll,
    .cancel = flaky_cancel, .health = flaky_health,
};

static oc_status open_flaky(oc_exec *exec, const oc_allocator *alloc, flaky_site **site)
{
    flaky_site *s = NULL;
    OC_TRY(OC_ALLOC(alloc, 1, s));
    s->base = (oc_site){.type = &flaky_type, .alloc = alloc, .graph = oc_exec_graph(exec)};
    oc_status status = oc_local_site_open(exec, alloc, &s->inner);
    if (status != OC_OK) {
        oc_free(alloc, s);
        return status;
    }
    *site = s;
    return OC_OK;
}

/* ---- what a test stands on ---------------------------------------------------------------------- */

typedef struct fixture {
    oc_graph *graph;
    oc_dev *dev;
    oc_exec *exec;
    /* Two sessions: one that waits as long as it takes, and one for the faults that only a time limit ends. */
    flaky_site *worker, *hopeless_worker;
    oc_session *session, *impatient_session;
    oc_tensor *inputs, *outputs;
} fixture;

static const oc_session_options patient = {.workers = (const char *const[]){"flaky"}, .n_workers = 1, .connect_timeout_ms = 60000, .worker_timeout_ms = 60000};
static const oc_session_options impatient = {.workers = (const char *const[]){"flaky"}, .n_workers = 1, .connect_timeout_ms = 5, .worker_timeout_ms = 10};

static bool needs_time_limit(fault mode)
{
    return mode == FAULT_NEVER_READY || mode == FAULT_SILENT;
}

/* Owns the graph, which is frozen. */
static void fixture_init_graph(fixture *f, oc_graph *graph, uint64_t seed)
{
    oc_rng rng = oc_rng_make(seed);
    *f = (fixture){.graph = graph};
    oc_assert_ok(oc_dev_open("reference", NULL, NULL, &f->dev));
    oc_assert_ok(oc_exec_create(f->graph, f->dev, NULL, NULL, NULL, NULL, &f->exec));
    oc_assert_ok(open_flaky(f->exec, oc_allocator_or_default(NULL), &f->worker));
    oc_assert_ok(oc_session_make(f->exec, (oc_site *[]){&f->worker->base}, &patient, NULL, &f->session));
    oc_assert_ok(open_flaky(f->exec, oc_allocator_or_default(NULL), &f->hopeless_worker));
    oc_assert_ok(oc_session_make(f->exec, (oc_site *[]){&f->hopeless_worker->base}, &impatient, NULL, &f->impatient_session));
    f->inputs = calloc(f->graph->n_inputs, sizeof(oc_tensor));
    f->outputs = calloc(f->graph->n_outputs, sizeof(oc_tensor));
    for (size_t i = 0; i < f->graph->n_inputs; i++) {
        oc_assert_ok(oc_tensor_alloc(&f->graph->values[f->graph->inputs[i]].desc, NULL, &f->inputs[i]));
        oc_rng_fill_floats(&rng, f->inputs[i].data, 2, -1, 1);
    }
    for (size_t i = 0; i < f->graph->n_outputs; i++)
        oc_assert_ok(oc_tensor_alloc(&f->graph->values[f->graph->outputs[i]].desc, NULL, &f->outputs[i]));
}

static void fixture_init(fixture *f, uint64_t seed)
{
    oc_status status;
    oc_graph *graph = tally_random_graph(seed, NULL, &status);
    oc_assert_ok(status);
    fixture_init_graph(f, graph, seed);
}

static void fixture_fini(fixture *f)
{
    oc_session_destroy(f->session);
    oc_session_destroy(f->impatient_session);
    for (size_t i = 0; i < f->graph->n_inputs; i++)
        oc_tensor_free(&f->inputs[i], NULL);
    for (size_t i = 0; i < f->graph->n_outputs; i++)
        oc_tensor_free(&f->outputs[i], NULL);
    free(f->inputs);
    free(f->outputs);
    oc_exec_destroy(f->exec);
    oc_dev_close(f->dev);
    oc_graph_destroy(f->graph);
}

static oc_plan *set_cut(fixture *f, size_t index)
{
    oc_cut cut;
    oc_plan *plan = NULL;
    oc_assert_ok(oc_cut_at(f->graph, index, NULL, &cut));
    oc_assert_ok(oc_plan_make_cut(f->graph, &cut, NULL, &plan));
    oc_cut_fini(&cut);
    oc_assert_ok(oc_session_set_plan(f->session, plan));
    oc_assert_ok(oc_session_set_plan(f->impatient_session, plan));
    return plan;
}

static oc_status run_once(fixture *f, fault mode, oc_report *report)
{
    bool is_hopeless = needs_time_limit(mode);
    (is_hopeless ? f->hopeless_worker : f->worker)->mode = mode;
    memset(f->outputs[0].data, 0xEE, 8);
    return oc_session_run(is_hopeless ? f->impatient_session : f->session, f->inputs, f->graph->n_inputs, f->outputs,
                          f->graph->n_outputs, report);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void every_cut_and_every_fault_gives_the_local_answer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        fixture f;
        float expected[2];
        oc_report report;
        fixture_init(&f, seed);
        oc_assert_ok(run_once(&f, FAULT_NONE, &report));
        memcpy(expected, f.outputs[0].data, sizeof(expected));
        assert_false(report.used_worker || report.fell_back);
        for (size_t index = 0; index <= f.graph->n_nodes; index++) {
            oc_plan *plan = set_cut(&f, index);
            bool has_tail = index < f.graph->n_nodes;
            for (int mode = 0; mode < FAULT_COUNT; mode++) {
                oc_assert_ok(run_once(&f, (fault)mode, &report));
                oc_assert_bits_equal(f.outputs[0].data, expected, 2);
                assert_int_equal(report.used_worker, has_tail && mode == FAULT_NONE);
                assert_int_equal(report.fell_back, has_tail && mode != FAULT_NONE);
                assert_int_equal(report.reason[0] != '\0', report.fell_back);
                assert_int_equal(report.total_ns, report.edge_ns + report.encode_ns + report.send_ns + report.queue_ns +
                                                      report.cloud_ns + report.receive_ns + report.connect_ns + report.lost_ns);
                /* And it recovers by itself. */
                oc_assert_ok(run_once(&f, FAULT_NONE, &report));
                oc_assert_bits_equal(f.outputs[0].data, expected, 2);
                assert_int_equal(report.used_worker, has_tail);
            }
            /* Back to all-local, so that the plan is no longer used. */
            oc_assert_ok(oc_session_set_plan(f.session, NULL));
            oc_assert_ok(oc_session_set_plan(f.impatient_session, NULL));
            oc_plan_destroy(plan);
            oc_assert_ok(run_once(&f, FAULT_NONE, &report));
            oc_assert_bits_equal(f.outputs[0].data, expected, 2);
            assert_false(report.used_worker);
        }
        fixture_fini(&f);
    }
}

/* Its values are not even fetched from the device then. */
static void a_worker_left_alone_is_named(void **state)
{
    (void)state;
    fixture f;
    oc_report report;
    fixture_init(&f, 1);
    oc_plan *plan = set_cut(&f, 1);
    for (int i = 0; i < 5; i++) {
        oc_assert_ok(run_once(&f, FAULT_LOST, &report));
        assert_true(report.fell_back);
        assert_non_null(strstr(report.reason, "flaky"));
    }
    oc_assert_ok(oc_session_set_plan(f.session, NULL));
    oc_assert_ok(oc_session_set_plan(f.impatient_session, NULL));
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

static oc_id add_tally(oc_graph *g, oc_id in)
{
    oc_node *node = NULL;
    oc_id out = OC_NONE;
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, &in, 1, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
    return out;
}

/* `width` chains of `length` nodes on one input, each with an output. */
static oc_graph *comb_graph(size_t width, size_t length)
{
    oc_graph *g = NULL;
    oc_id x;
    oc_assert_ok(oc_graph_create("comb", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    for (size_t i = 0; i < width; i++) {
        oc_id v = x;
        for (size_t n = 0; n < length; n++)
            v = add_tally(g, v);
        oc_assert_ok(oc_graph_add_output(g, v));
    }
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

/* More outputs, and more values in a cut, than a device's queue has notifications. */
static void a_thousand_outputs_arrive(void **state)
{
    (void)state;
    enum { WIDTH = 1500 };
    fixture f;
    oc_report report;
    fixture_init_graph(&f, comb_graph(WIDTH, 2), 1);
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        oc_plan *plan = is_cut ? set_cut(&f, WIDTH) : NULL;
        oc_assert_ok(run_once(&f, FAULT_NONE, &report));
        assert_int_equal(report.used_worker, is_cut);
        for (size_t i = 0; i < WIDTH; i++) {
            float expected[2];
            for (int k = 0; k < 2; k++)
                expected[k] = 1.0f + (1.0f + ((const float *)f.inputs[0].data)[k]);
            oc_assert_bits_equal(f.outputs[i].data, expected, 2);
            memset(f.outputs[i].data, 0xEE, sizeof(expected));
        }
        oc_assert_ok(oc_session_set_plan(f.session, NULL));
        oc_assert_ok(oc_session_set_plan(f.impatient_session, NULL));
        oc_plan_destroy(plan);
    }
    fixture_fini(&f);
}

/* The worker runs two steps in turn; what goes from one to the other is never moved by a step. */
static void a_worker_may_run_several_steps(void **state)
{
    (void)state;
    fixture f;
    oc_plan *plan = NULL;
    oc_report report;
    char digest[OC_DIGEST_TEXT], text[1024];
    float expected[2];
    fixture_init_graph(&f, comb_graph(1, 4), 2);
    const oc_graph *g = f.graph;
    oc_assert_ok(run_once(&f, FAULT_NONE, &report));
    memcpy(expected, f.outputs[0].data, sizeof(expected));
    snprintf(text, sizeof(text),
             "offcut_plan: 1\nname: two steps\nmodel: {name: comb, digest: %s}\nfallback: true\nsites:\n"
             "- {name: edge, role: edge}\n- {name: cloud, role: worker}\nsteps:\n"
             "- run: {site: edge, takes: [x], gives: [%s]}\n- move: {from: edge, to: cloud, values: [%s]}\n"
             "- run: {site: cloud, takes: [%s], gives: [%s]}\n- run: {site: cloud, takes: [%s], gives: [%s]}\n"
             "- move: {from: cloud, to: edge, values: [%s]}\n",
             oc_digest_print(&g->digest, digest), g->values[g->nodes[0].out[0]].name, g->values[g->nodes[0].out[0]].name,
             g->values[g->nodes[0].out[0]].name, g->values[g->nodes[2].out[0]].name, g->values[g->nodes[2].out[0]].name,
             g->values[g->outputs[0]].name, g->values[g->outputs[0]].name);
    oc_assert_ok(oc_plan_parse(g, (oc_bytes){(const uint8_t *)text, strlen(text)}, "two.yaml", NULL, &plan));
    oc_assert_ok(oc_session_set_plan(f.session, plan));
    oc_assert_ok(oc_session_set_plan(f.impatient_session, plan));
    for (int mode = 0; mode < FAULT_COUNT; mode++) {
        oc_assert_ok(run_once(&f, (fault)mode, &report));
        oc_assert_bits_equal(f.outputs[0].data, expected, 2);
        assert_int_equal(report.used_worker, mode == FAULT_NONE);
    }
    oc_assert_ok(oc_session_set_plan(f.session, NULL));
    oc_assert_ok(oc_session_set_plan(f.impatient_session, NULL));
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

/* What a plan foretells of the edge's arena is what the device then holds. */
static void the_arena_is_as_planned(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fixture f;
        oc_report report;
        fixture_init(&f, seed);
        oc_plan *plan = set_cut(&f, f.graph->n_nodes / 2);
        const oc_plan_site_info *edge = oc_plan_site_get(plan, 0);
        oc_assert_ok(run_once(&f, FAULT_NONE, &report));
        assert_int_equal(report.arena_bytes, edge->arena_bytes);
        assert_int_equal(report.arena_lower_bound, edge->arena_lower_bound);
        oc_assert_ok(oc_session_set_plan(f.session, NULL));
        oc_assert_ok(oc_session_set_plan(f.impatient_session, NULL));
        oc_plan_destroy(plan);
        fixture_fini(&f);
    }
}

/* tally, until the flag says that it fails: a device whose kernel breaks once. */
static atomic_bool is_broken;

static oc_status breakable_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    if (atomic_load(&is_broken))
        return oc_fail(OC_E_NOMEM, "node \"%s\": broken on purpose", call->name);
    return tally_op.reference(call, in, out);
}

/* The run fails with an error, nothing hangs, and the next run is well: the lane is made anew. */
static void a_device_that_failed_once_goes_on(void **state)
{
    (void)state;
    fixture f;
    float expected[2];
    oc_op breakable = tally_op;
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_id x, a, b;
    breakable.reference = breakable_reference;
    oc_assert_ok(oc_graph_create("breakable", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    oc_assert_ok(oc_graph_begin_node(g, &breakable, "a", &x, 1, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &a));
    b = add_tally(g, a);
    oc_assert_ok(oc_graph_add_output(g, b));
    oc_assert_ok(oc_graph_freeze(g, 1));
    fixture_init_graph(&f, g, 9);
    oc_assert_ok(run_once(&f, FAULT_NONE, NULL));
    memcpy(expected, f.outputs[0].data, sizeof(expected));
    for (int i = 0; i < 3; i++) {
        atomic_store(&is_broken, true);
        assert_int_not_equal(run_once(&f, FAULT_NONE, NULL), OC_OK);
        atomic_store(&is_broken, false);
        oc_assert_ok(run_once(&f, FAULT_NONE, NULL));
        oc_assert_bits_equal(f.outputs[0].data, expected, 2);
    }
    /* There is no memory for a new lane: that run fails too, and the one after it is well; so is closing in between. */
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        oc_test_allocator memory;
        oc_session *session = NULL;
        oc_test_allocator_init(&memory, 0);
        oc_assert_ok(oc_session_make(f.exec, NULL, NULL, &memory.allocator, &session));
        atomic_store(&is_broken, true);
        assert_int_not_equal(oc_session_run(session, f.inputs, 1, f.outputs, 1, NULL), OC_OK);
        atomic_store(&is_broken, false);
        memory.fail_at = atomic_load(&memory.calls) + 1;
        oc_assert_fails(oc_session_run(session, f.inputs, 1, f.outputs, 1, NULL), OC_E_NOMEM, NULL);
        if (!is_closed) {
            oc_assert_ok(oc_session_run(session, f.inputs, 1, f.outputs, 1, NULL));
            oc_assert_bits_equal(f.outputs[0].data, expected, 2);
        }
        oc_session_destroy(session);
        assert_int_equal(atomic_load(&memory.live), 0);
    }
    fixture_fini(&f);
}

static void a_required_worker_that_fails_is_an_error(void **state)
{
    (void)state;
    fixture f;
    oc_session *strict = NULL;
    flaky_site *worker = NULL;
    oc_session_options options = impatient;
    oc_cut cut;
    oc_plan *plan = NULL;
    fixture_init(&f, 2);
    options.is_worker_required = true;
    oc_assert_ok(open_flaky(f.exec, oc_allocator_or_default(NULL), &worker));
    oc_assert_ok(oc_session_make(f.exec, (oc_site *[]){&worker->base}, &options, NULL, &strict));
    oc_assert_ok(oc_cut_at(f.graph, 1, NULL, &cut));
    oc_assert_ok(oc_plan_make_cut(f.graph, &cut, NULL, &plan));
    oc_cut_fini(&cut);
    oc_assert_ok(oc_session_set_plan(strict, plan));
    worker->mode = FAULT_REFUSED;
    oc_assert_fails(oc_session_run(strict, f.inputs, f.graph->n_inputs, f.outputs, 1, NULL), OC_E_MISMATCH, "another model");
    worker->mode = FAULT_SILENT;
    oc_assert_fails(oc_session_run(strict, f.inputs, f.graph->n_inputs, f.outputs, 1, NULL), OC_E_DEADLINE, "no answer within 10 ms");
    oc_session_destroy(strict);
    oc_plan_destroy(plan);
    fixture_fini(&f);
}

static void wrong_tensors_are_refused(void **state)
{
    (void)state;
    fixture f;
    oc_tensor odd;
    fixture_init(&f, 3);
    oc_assert_fails(oc_session_run(f.session, f.inputs, 0, f.outputs, 1, NULL), OC_E_ARG, "found 0");
    odd = f.outputs[0];
    odd.desc.shape.dim[0] = 3;
    oc_assert_fails(oc_session_run(f.session, f.inputs, f.graph->n_inputs, &odd, 1, NULL), OC_E_SHAPE, "expected 2, found 3");
    odd = f.outputs[0];
    odd.desc.dtype = OC_DTYPE_int32;
    oc_assert_fails(oc_session_run(f.session, f.inputs, f.graph->n_inputs, &odd, 1, NULL), OC_E_DTYPE, "int32");
    fixture_fini(&f);
}

static oc_status make_and_run(const oc_allocator *alloc, void *ctx)
{
    fixture *f = ctx;
    oc_session *session = NULL;
    flaky_site *worker = NULL;
    oc_cut cut = {0};
    oc_plan *plan = NULL;
    OC_TRY(open_flaky(f->exec, alloc, &worker));
    OC_TRY(oc_session_make(f->exec, (oc_site *[]){&worker->base}, &impatient, alloc, &session));
    oc_status status = oc_cut_at(f->graph, 1, alloc, &cut);
    if (status == OC_OK)
        status = oc_plan_make_cut(f->graph, &cut, alloc, &plan);
    if (cut.alloc)
        oc_cut_fini(&cut);
    if (status == OC_OK)
        status = oc_session_set_plan(session, plan);
    if (status == OC_OK)
        status = oc_session_run(session, f->inputs, f->graph->n_inputs, f->outputs, 1, NULL);
    oc_session_destroy(session);
    oc_plan_destroy(plan);
    return status;
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 4);
    oc_test_oom_sweep(make_and_run, &f);
    fixture_fini(&f);
}

/* Once a plan is set, a run takes no memory of ours. */
static void a_run_allocates_nothing(void **state)
{
    (void)state;
    fixture f;
    oc_test_allocator counting;
    oc_session *session = NULL;
    flaky_site *worker = NULL;
    fixture_init(&f, 5);
    oc_test_allocator_init(&counting, 0);
    oc_assert_ok(open_flaky(f.exec, &counting.allocator, &worker));
    oc_assert_ok(oc_session_make(f.exec, (oc_site *[]){&worker->base}, &impatient, &counting.allocator, &session));
    size_t before = atomic_load(&counting.calls);
    for (int i = 0; i < 3; i++)
        oc_assert_ok(oc_session_run(session, f.inputs, f.graph->n_inputs, f.outputs, 1, NULL));
    assert_int_equal(atomic_load(&counting.calls), before);
    oc_session_destroy(session);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_and_every_fault_gives_the_local_answer),
        cmocka_unit_test(a_worker_left_alone_is_named),
        cmocka_unit_test(a_thousand_outputs_arrive),
        cmocka_unit_test(a_worker_may_run_several_steps),
        cmocka_unit_test(the_arena_is_as_planned),
        cmocka_unit_test(a_device_that_failed_once_goes_on),
        cmocka_unit_test(a_required_worker_that_fails_is_an_error),
        cmocka_unit_test(wrong_tensors_are_refused),
        cmocka_unit_test(no_memory_is_a_status),
        cmocka_unit_test(a_run_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
