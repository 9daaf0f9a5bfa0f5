/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs run by lanes against the plain evaluation of their references, bit for bit: whole, in
 * chunks of one node, cut at every place, several lanes at once; on the reference device and on
 * PoCL with all threads and with one.
 */
#include "oc_test.h"

#include "graph_eval.h"
#include "graph_gen.h"
#include "oc_exec.h"
#include "oc_ops.h"

#include <stdio.h>
#include <sys/stat.h>

enum { INPUTS_MAX = 2, OUTPUTS_MAX = 64, THREADS = 4, RUNS = 3 };

/* ---- what runs where ----------------------------------------------------------------------- */

static const struct {
    const char *selector;
    uint32_t threads;
    uint64_t seeds; /* PoCL compiles for a second or more per network */
} targets[] = {{"reference", 0, 40}, {"pocl", 0, 2}, {"pocl", 1, 2}};

static oc_dev *open_target(size_t i)
{
    oc_dev *dev;
    oc_assert_ok(oc_dev_open(targets[i].selector, &(oc_dev_options){.threads = targets[i].threads},
                             NULL, &dev));
    return dev;
}

/* A graph with an input for it and what comes out of it. */
typedef struct sample {
    const oc_graph *g;
    oc_tensor inputs[INPUTS_MAX], expected[OUTPUTS_MAX];
} sample;

static void sample_make(sample *s, const oc_graph *g, uint64_t seed)
{
    assert_true(g->n_inputs <= INPUTS_MAX && g->n_outputs <= OUTPUTS_MAX);
    s->g = g;
    oc_assert_ok(graph_gen_inputs(g, seed, s->inputs));
    oc_assert_ok(graph_eval(g, s->inputs, s->expected));
}

static void sample_fini(sample *s)
{
    for (size_t i = 0; i < s->g->n_inputs; i++)
        oc_tensor_free(&s->inputs[i], NULL);
    for (size_t i = 0; i < s->g->n_outputs; i++)
        oc_tensor_free(&s->expected[i], NULL);
}

static size_t bytes_of(const oc_graph *g, oc_id value)
{
    size_t bytes = 0;
    return oc_desc_bytes(&g->values[value].desc, &bytes) == OC_OK ? bytes : 0;
}

/* An input that nothing needs has no place in a lane. */
static bool is_needed(const oc_graph *g, oc_id value)
{
    return oc_graph_use_count(g, value) > 0;
}

static oc_status write_inputs(const sample *s, oc_lane *lane)
{
    for (size_t i = 0; i < s->g->n_inputs; i++)
        if (is_needed(s->g, s->g->inputs[i]))
            OC_TRY(oc_lane_write(lane, s->g->inputs[i], s->inputs[i].data,
                                 bytes_of(s->g, s->g->inputs[i])));
    return OC_OK;
}

static oc_status read_outputs(const oc_graph *g, oc_lane *lane, oc_tensor *found)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        OC_TRY(oc_lane_read(lane, g->outputs[i], found[i].data, bytes_of(g, g->outputs[i])));
    return OC_OK;
}

static oc_status alloc_outputs(const oc_graph *g, oc_tensor *found)
{
    memset(found, 0, OUTPUTS_MAX * sizeof(*found));
    for (size_t i = 0; i < g->n_outputs; i++)
        OC_TRY(oc_tensor_alloc(&g->values[g->outputs[i]].desc, NULL, &found[i]));
    return OC_OK;
}

static void free_outputs(const oc_graph *g, oc_tensor *found)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        oc_tensor_free(&found[i], NULL);
}

/* The index of the first output that differs, or n_outputs. */
static size_t first_difference(const sample *s, const oc_tensor *found)
{
    for (size_t i = 0; i < s->g->n_outputs; i++)
        if (memcmp(found[i].data, s->expected[i].data, bytes_of(s->g, s->g->outputs[i])) != 0)
            return i;
    return s->g->n_outputs;
}

static void check_outputs(const sample *s, const oc_tensor *found, const char *what, size_t where)
{
    const size_t i = first_difference(s, found);
    if (i < s->g->n_outputs)
        fail_msg("%s %zu: output %s differs", what, where, s->g->values[s->g->outputs[i]].name);
}

/* All nodes of a graph, in order. */
static oc_status whole_order(const oc_graph *g, oc_id **order)
{
    OC_TRY(OC_ALLOC(NULL, g->n_nodes, *order));
    for (size_t n = 0; n < g->n_nodes; n++)
        (*order)[n] = (oc_id)n;
    return OC_OK;
}

static oc_status whole_lane(oc_exec *exec, const oc_id *pinned, size_t n_pinned,
                            const oc_allocator *alloc, oc_lane **lane)
{
    const oc_graph *g = oc_exec_graph(exec);
    oc_id *order;
    OC_TRY(whole_order(g, &order));
    const oc_status status = oc_lane_create(exec, order, g->n_nodes, pinned, n_pinned, alloc, lane);
    oc_free(NULL, order);
    return status;
}

/* ---- a graph of oddities ------------------------------------------------------------------- */

static oc_id add(oc_graph *g, const oc_op *op, const char *fn, oc_id a, oc_id b)
{
    oc_node *node;
    oc_id out;
    const oc_id in[2] = {a, b};
    oc_assert_ok(oc_graph_begin_node(g, op, NULL, in, b == OC_NONE ? 1 : 2, &node));
    if (fn != NULL)
        oc_assert_ok(oc_node_set_enum(node, "fn", fn));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
    return out;
}

static oc_id add_reshape(oc_graph *g, oc_id x, int32_t rank, const int32_t *dims)
{
    oc_node *node;
    oc_id out;
    oc_assert_ok(oc_graph_begin_node(g, &oc_op_reshape, NULL, &x, 1, &node));
    oc_assert_ok(oc_node_set_ints(node, "shape", dims, (size_t)rank));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
    return out;
}

/*
 * Outputs that are an input, a view of an input, a constant, a view of a constant; a node that
 * needs a view of a constant; a value used twice by one node; a chain of views.
 */
static oc_graph *odd_graph(void)
{
    const oc_desc desc = {OC_DTYPE_float32, {.rank = 2, .dim = {3, 8}}};
    oc_graph *g;
    oc_id x, c;
    float constant[24];
    oc_rng rng = oc_rng_make(17);
    oc_rng_fill_floats(&rng, constant, 24, -1, 1);
    oc_assert_ok(oc_graph_create("odd", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &desc, &x));
    oc_assert_ok(oc_graph_add_bytes(g, "c", &desc, constant, &c));
    const oc_id a = add(g, &oc_op_unary, "tanh", x, OC_NONE);
    const oc_id v = add_reshape(g, a, 1, (int32_t[]){24});
    const oc_id u = add_reshape(g, v, 2, (int32_t[]){3, 8});
    const oc_id b = add(g, &oc_op_binary, "add", u, c);
    const oc_id d = add(g, &oc_op_binary, "mul", b, b);
    const oc_id cv = add_reshape(g, c, 2, (int32_t[]){8, 3});
    const oc_id e = add(g, &oc_op_unary, "abs", cv, OC_NONE);
    const oc_id xv = add_reshape(g, x, 3, (int32_t[]){2, 3, 4});
    const oc_id f = add(g, &oc_op_unary, "neg", d, OC_NONE);
    const oc_id outputs[] = {f, v, e, x, xv, c, cv};
    for (size_t i = 0; i < OC_COUNT(outputs); i++)
        oc_assert_ok(oc_graph_add_output(g, outputs[i]));
    oc_assert_ok(oc_graph_freeze(g, 0));
    return g;
}

static oc_graph *random_graph(uint64_t seed)
{
    oc_graph *g;
    oc_assert_ok(graph_gen(seed, NULL, &g));
    oc_assert_ok(oc_graph_freeze(g, 0));
    return g;
}

/* ---- whole, and node by node --------------------------------------------------------------- */

/* Three runs one behind the other, waited for once: a run must not overtake the reads of the last. */
static void check_runs(const oc_graph *g, oc_exec *exec, size_t chunk)
{
    sample samples[RUNS];
    oc_tensor found[RUNS][OUTPUTS_MAX];
    oc_lane *lane;
    oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
    for (size_t r = 0; r < RUNS; r++) {
        sample_make(&samples[r], g, r);
        oc_assert_ok(alloc_outputs(g, found[r]));
    }
    for (size_t r = 0; r < RUNS; r++) {
        oc_assert_ok(write_inputs(&samples[r], lane));
        for (size_t n = 0; n < g->n_nodes; n += chunk)
            oc_assert_ok(oc_lane_submit(lane, n, OC_MIN(chunk, g->n_nodes - n)));
        oc_assert_ok(read_outputs(g, lane, found[r]));
    }
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    for (size_t r = 0; r < RUNS; r++) {
        check_outputs(&samples[r], found[r], "run", r);
        free_outputs(g, found[r]);
        sample_fini(&samples[r]);
    }
    oc_lane_destroy(lane);
}

/* ---- cut at every place -------------------------------------------------------------------- */

/* Values that cross a cut, in the host's memory. */
typedef struct crossing {
    oc_cut cut;
    oc_tensor *values;
} crossing;

static void crossing_make(crossing *c, const oc_graph *g, size_t index)
{
    oc_assert_ok(oc_cut_at(g, index, NULL, &c->cut));
    oc_assert_ok(OC_ALLOC(NULL, c->cut.n_values, c->values));
    for (size_t i = 0; i < c->cut.n_values; i++)
        oc_assert_ok(oc_tensor_alloc(&g->values[c->cut.values[i]].desc, NULL, &c->values[i]));
}

static void crossing_fini(crossing *c)
{
    for (size_t i = 0; i < c->cut.n_values; i++)
        oc_tensor_free(&c->values[i], NULL);
    oc_free(NULL, c->values);
    oc_cut_fini(&c->cut);
}

static oc_status read_crossing(const oc_graph *g, oc_lane *lane, const crossing *c)
{
    for (size_t i = 0; i < c->cut.n_values; i++)
        OC_TRY(
            oc_lane_read(lane, c->cut.values[i], c->values[i].data, bytes_of(g, c->cut.values[i])));
    return OC_OK;
}

static oc_status write_crossing(const oc_graph *g, oc_lane *lane, const crossing *c)
{
    for (size_t i = 0; i < c->cut.n_values; i++)
        OC_TRY(oc_lane_write(lane, c->cut.values[i], c->values[i].data,
                             bytes_of(g, c->cut.values[i])));
    return OC_OK;
}

/* The outputs that the tail makes or that cross; the others the head has given already. */
static size_t tail_outputs(const oc_graph *g, const crossing *c, oc_id *outputs)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_outputs; i++) {
        const oc_id producer = g->values[g->outputs[i]].producer;
        if (producer != OC_NONE && !c->cut.is_head[producer])
            outputs[n++] = g->outputs[i];
    }
    return n;
}

/*
 * One lane runs everything with the cut's values pinned; they are read on the transfer queue right
 * after the head was submitted, while the tail already runs.
 */
static void run_pinned(const sample *s, oc_exec *exec, crossing *c, oc_tensor *found)
{
    const oc_graph *g = s->g;
    oc_id *pinned;
    oc_lane *lane;
    const size_t n = g->n_outputs + c->cut.n_values;
    oc_assert_ok(OC_ALLOC(NULL, n, pinned));
    memcpy(pinned, g->outputs, g->n_outputs * sizeof(*pinned));
    if (c->cut.n_values > 0)
        memcpy(pinned + g->n_outputs, c->cut.values, c->cut.n_values * sizeof(*pinned));
    oc_assert_ok(whole_lane(exec, pinned, n, NULL, &lane));
    oc_assert_ok(write_inputs(s, lane));
    oc_assert_ok(oc_lane_submit(lane, 0, c->cut.n_head));
    oc_assert_ok(read_crossing(g, lane, c));
    for (size_t i = c->cut.n_head; i < g->n_nodes; i++)
        oc_assert_ok(oc_lane_submit(lane, i, 1));
    oc_assert_ok(read_outputs(g, lane, found));
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    check_outputs(s, found, "pinned at", c->cut.n_head);
    /* Later nodes have run: what is pinned can still be read, and is the same. */
    crossing again;
    crossing_make(&again, g, c->cut.index);
    oc_assert_ok(read_crossing(g, lane, &again));
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    for (size_t i = 0; i < c->cut.n_values; i++)
        assert_memory_equal(again.values[i].data, c->values[i].data, bytes_of(g, c->cut.values[i]));
    crossing_fini(&again);
    /* The lane of all nodes also starts in the middle, from values that somebody else computed. */
    oc_assert_ok(write_crossing(g, lane, c));
    oc_assert_ok(oc_lane_submit(lane, c->cut.n_head, g->n_nodes - c->cut.n_head));
    oc_assert_ok(read_outputs(g, lane, found));
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    check_outputs(s, found, "resumed at", c->cut.n_head);
    oc_lane_destroy(lane);
    oc_free(NULL, pinned);
}

/* Another site: a lane of the tail alone, from the cut's values. */
static void run_tail(const sample *s, oc_exec *exec, const crossing *c, oc_tensor *found)
{
    const oc_graph *g = s->g;
    oc_id outputs[OUTPUTS_MAX], *order;
    oc_lane *lane;
    const size_t n_outputs = tail_outputs(g, c, outputs), n_tail = g->n_nodes - c->cut.n_head;
    oc_assert_ok(whole_order(g, &order));
    oc_assert_ok(
        oc_lane_create(exec, order + c->cut.n_head, n_tail, outputs, n_outputs, NULL, &lane));
    oc_assert_ok(write_crossing(g, lane, c));
    oc_assert_ok(oc_lane_submit(lane, 0, n_tail));
    for (size_t i = 0, k = 0; i < g->n_outputs; i++) {
        if (k == n_outputs || g->outputs[i] != outputs[k])
            continue;
        memset(found[i].data, 0, bytes_of(g, outputs[k]));
        oc_assert_ok(oc_lane_read(lane, outputs[k], found[i].data, bytes_of(g, outputs[k])));
        k++;
    }
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    check_outputs(s, found, "tail from", c->cut.n_head);
    oc_lane_destroy(lane);
    oc_free(NULL, order);
}

static void check_cuts(const oc_graph *g, oc_exec *exec)
{
    sample s;
    oc_tensor found[OUTPUTS_MAX];
    sample_make(&s, g, 77);
    oc_assert_ok(alloc_outputs(g, found));
    for (size_t index = 0; index <= g->n_nodes; index++) {
        crossing c;
        crossing_make(&c, g, index);
        run_pinned(&s, exec, &c, found);
        run_tail(&s, exec, &c, found);
        crossing_fini(&c);
    }
    free_outputs(g, found);
    sample_fini(&s);
}

static void check_graph(const oc_graph *g, oc_dev *dev)
{
    oc_exec *exec;
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    check_runs(g, exec, g->n_nodes);
    check_runs(g, exec, 1);
    check_cuts(g, exec);
    oc_exec_destroy(exec);
}

static void odd_graphs_run(void **state)
{
    (void)state;
    for (size_t t = 0; t < OC_COUNT(targets); t++) {
        oc_dev *dev = open_target(t);
        oc_graph *g = odd_graph();
        check_graph(g, dev);
        oc_graph_destroy(g);
        oc_dev_close(dev);
    }
}

static void random_graphs_run(void **state)
{
    (void)state;
    for (size_t t = 0; t < OC_COUNT(targets); t++) {
        oc_dev *dev = open_target(t);
        for (uint64_t seed = 1; seed <= targets[t].seeds; seed++) {
            oc_graph *g = random_graph(seed);
            check_graph(g, dev);
            oc_graph_destroy(g);
        }
        oc_dev_close(dev);
    }
}

/* ---- several lanes at once ----------------------------------------------------------------- */

typedef struct job {
    oc_exec *exec;
    sample s;
    oc_status status;
    bool is_equal;
} job;

static oc_status run_job_on(job *j, oc_lane *lane, oc_tensor *found)
{
    const oc_graph *g = j->s.g;
    j->is_equal = true;
    for (size_t i = 0; i < 30; i++) {
        OC_TRY(write_inputs(&j->s, lane));
        OC_TRY(oc_lane_submit(lane, 0, g->n_nodes / 2));
        OC_TRY(oc_lane_submit(lane, g->n_nodes / 2, g->n_nodes - g->n_nodes / 2));
        OC_TRY(read_outputs(g, lane, found));
        OC_TRY(oc_lane_wait(lane, OC_NEVER_NS));
        j->is_equal = j->is_equal && first_difference(&j->s, found) == g->n_outputs;
    }
    return OC_OK;
}

static void *run_job(void *arg)
{
    job *j = arg;
    const oc_graph *g = j->s.g;
    oc_lane *lane = NULL;
    oc_tensor found[OUTPUTS_MAX];
    j->status = alloc_outputs(g, found);
    if (j->status == OC_OK)
        j->status = whole_lane(j->exec, g->outputs, g->n_outputs, NULL, &lane);
    if (j->status == OC_OK)
        j->status = run_job_on(j, lane, found);
    oc_lane_destroy(lane);
    free_outputs(g, found);
    return NULL;
}

static void check_threads(oc_dev *dev, const oc_graph *g)
{
    oc_exec *exec;
    job jobs[THREADS];
    pthread_t threads[THREADS];
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job){.exec = exec};
        sample_make(&jobs[i].s, g, i);
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].status, OC_OK);
        assert_true(jobs[i].is_equal);
        sample_fini(&jobs[i].s);
    }
    oc_exec_destroy(exec);
}

static void lanes_run_on_threads(void **state)
{
    (void)state;
    for (size_t t = 0; t < OC_COUNT(targets); t++) {
        oc_dev *dev = open_target(t);
        oc_graph *g = odd_graph();
        check_threads(dev, g);
        oc_graph_destroy(g);
        oc_dev_close(dev);
    }
}

/* ---- memory -------------------------------------------------------------------------------- */

static oc_status live_once(const oc_allocator *alloc, void *ctx)
{
    const sample *s = ctx;
    const oc_test_allocator *counter = (const oc_test_allocator *)alloc;
    oc_dev *dev = NULL;
    oc_exec *exec = NULL;
    oc_lane *lane = NULL;
    oc_tensor found[OUTPUTS_MAX];
    oc_status status;
    OC_TRY(alloc_outputs(s->g, found));
    OC_TRY_OUT(oc_dev_open("reference", NULL, alloc, &dev));
    OC_TRY_OUT(oc_exec_create(s->g, dev, NULL, NULL, NULL, alloc, &exec));
    OC_TRY_OUT(whole_lane(exec, s->g->outputs, s->g->n_outputs, alloc, &lane));
    const size_t before = atomic_load(&counter->calls);
    OC_TRY_OUT(write_inputs(s, lane));
    OC_TRY_OUT(oc_lane_submit(lane, 0, s->g->n_nodes));
    OC_TRY_OUT(read_outputs(s->g, lane, found));
    OC_TRY_OUT(oc_lane_wait(lane, OC_NEVER_NS));
    assert_int_equal(atomic_load(&counter->calls), before); /* running allocates nothing */
    check_outputs(s, found, "sweep", before);
out:
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_dev_close(dev);
    free_outputs(s->g, found);
    return status;
}

static void making_runs_out_of_memory(void **state)
{
    (void)state;
    oc_graph *g = odd_graph();
    sample s;
    sample_make(&s, g, 3);
    oc_test_oom_sweep(live_once, &s);
    sample_fini(&s);
    oc_graph_destroy(g);
}

static void the_arena_is_what_was_planned(void **state)
{
    (void)state;
    oc_dev *dev = open_target(1);
    oc_graph *g = odd_graph();
    oc_exec *exec;
    oc_lane *lane;
    oc_arena_plan plan;
    oc_id *order;
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
    oc_assert_ok(whole_order(g, &order));
    oc_assert_ok(oc_arena_plan_make(g, order, g->n_nodes, g->outputs, g->n_outputs, OC_ARENA_ALIGN,
                                    NULL, &plan));
    assert_int_equal(oc_lane_arena_bytes(lane), plan.bytes);
    assert_int_equal(oc_lane_arena_lower_bound(lane), plan.lower_bound);
    assert_ptr_equal(oc_exec_graph(exec), g);
    assert_ptr_equal(oc_exec_dev(exec), dev);
    oc_arena_plan_fini(&plan);
    oc_free(NULL, order);
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

/* ---- a part only --------------------------------------------------------------------------- */

static void count_progress(void *ctx, size_t done, size_t total, const char *node)
{
    size_t *seen = ctx;
    assert_int_equal(done, seen[0] + 1);
    assert_non_null(node);
    seen[0] = done;
    seen[1] = total;
}

static void a_part_loads_no_other_weights(void **state)
{
    (void)state;
    oc_dev *dev = open_target(0);
    oc_graph *g = odd_graph();
    oc_exec *exec;
    oc_lane *lane = NULL;
    bool only[64] = {false};
    size_t seen[2] = {0, 0};
    const oc_id first = 0;
    only[0] = true; /* tanh: it has no constant */
    oc_assert_ok(oc_exec_create(g, dev, only, count_progress, seen, NULL, &exec));
    assert_int_equal(oc_exec_weight_bytes(exec), 0);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 1);
    oc_assert_ok(oc_lane_create(exec, &first, 1, g->nodes[0].out, 1, NULL, &lane));
    oc_lane_destroy(lane);
    lane = NULL;
    oc_assert_fails(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane), OC_E_ARG,
                    "not among those that were prepared");
    assert_null(lane);
    oc_exec_destroy(exec);

    seen[0] = 0;
    oc_assert_ok(oc_exec_create(g, dev, NULL, count_progress, seen, NULL, &exec));
    assert_int_equal(seen[0], g->n_nodes);
    assert_int_equal(oc_exec_weight_bytes(exec),
                     24 * sizeof(float)); /* of `add`; a view has none */
    oc_exec_destroy(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void bad_calls_are_explained(void **state)
{
    (void)state;
    oc_dev *dev = open_target(0);
    oc_graph *g = odd_graph();
    oc_exec *exec;
    oc_lane *lane;
    float data[24] = {0};
    const oc_id x = g->inputs[0], c = oc_graph_find_value(g, "c");
    const oc_id a = g->nodes[0].out[0], last = g->nodes[g->n_nodes - 1].out[0];
    const oc_id first = 0;
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    oc_assert_ok(oc_lane_create(exec, &first, 1, NULL, 0, NULL, &lane));
    oc_assert_fails(oc_lane_write(lane, x, data, 4), OC_E_ARG, "x: expected 96 bytes, found 4");
    oc_assert_fails(oc_lane_write(lane, last, data, 96), OC_E_ARG, "no node of this lane uses it");
    oc_assert_fails(oc_lane_write(lane, 12345, data, 96), OC_E_ARG, "12345");
    oc_assert_fails(oc_lane_read(lane, a, data, 96), OC_E_ARG, "not pinned");
    oc_assert_fails(oc_lane_submit(lane, 0, 2), OC_E_ARG, "the lane has 1");
    oc_assert_fails(oc_lane_submit(lane, 2, SIZE_MAX), OC_E_ARG, "the lane has 1");
    oc_lane_destroy(lane);
    oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
    oc_assert_fails(oc_lane_write(lane, c, data, 96), OC_E_ARG, "c: it is constant");
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

static void a_graph_has_to_be_frozen(void **state)
{
    (void)state;
    oc_dev *dev = open_target(0);
    oc_graph *g;
    oc_exec *exec = NULL;
    oc_assert_ok(graph_gen(1, NULL, &g));
    oc_assert_fails(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec), OC_E_ARG, "frozen");
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

/* ---- scratch memory, and an operator that fails -------------------------------------------- */

/* y[i] = (x[i] + 1) * (x[n - 1 - i] + 1), by way of a scratch buffer. */
static const char mirror_cl[] =
    "#pragma OPENCL FP_CONTRACT OFF\n"
    "__kernel void one(__global const float *x, __global float *s)\n"
    "{ size_t i = get_global_id(0); s[i] = x[i] + 1.0f; }\n"
    "__kernel void two(__global const float *s, __global float *y)\n"
    "{ size_t i = get_global_id(0); y[i] = s[i] * s[get_global_size(0) - 1 - i]; }\n";

static oc_status same_shape(const oc_op_call *call, oc_desc *out)
{
    *out = *call->in[0];
    return OC_OK;
}

static oc_status mirror_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const float *x = in[0];
    float *y = out[0];
    const size_t n = (size_t)call->in[0]->shape.dim[0];
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] + 1.0f) * (x[n - 1 - i] + 1.0f);
    return OC_OK;
}

static oc_status mirror_launch(const oc_op_call *call, const oc_traits *traits,
                               oc_launch_list *list)
{
    const size_t n = (size_t)call->in[0]->shape.dim[0];
    const oc_launch_arg scratch = {.kind = OC_ARG_SCRATCH, .bytes = n * sizeof(float)};
    oc_launch *launch;
    (void)traits;
    OC_TRY(oc_launch_add(list, "mirror", "one", &launch));
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(launch, scratch);
    oc_launch_range(launch, n, 1, 1);
    OC_TRY(oc_launch_add(list, "mirror", "two", &launch));
    oc_launch_arg_add(launch, scratch);
    oc_launch_arg_add(launch, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(launch, n, 1, 1);
    return OC_OK;
}

static oc_status no_launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    (void)traits;
    (void)list;
    return oc_fail(OC_E_UNSUPPORTED, "no kernel for %d elements", (int)call->in[0]->shape.dim[0]);
}

static oc_status failing_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    (void)in;
    (void)out;
    return oc_fail(OC_E_NOMEM, "%s needs more", call->name);
}

static const oc_op mirror = {.name = "mirror",
                             .in_min = 1,
                             .in_max = 1,
                             .n_out = 1,
                             .numerics = "",
                             .shape = same_shape,
                             .reference = mirror_reference,
                             .launch = mirror_launch};
static const oc_op refusing = {.name = "refusing",
                               .in_min = 1,
                               .in_max = 1,
                               .n_out = 1,
                               .numerics = "",
                               .shape = same_shape,
                               .reference = failing_reference,
                               .launch = no_launch};

/* x [n] and z [m] each through `op` twice. */
static oc_graph *pair_graph(const oc_op *op)
{
    oc_graph *g;
    oc_assert_ok(oc_graph_create("pair", NULL, NULL, &g));
    for (int32_t i = 0; i < 2; i++) {
        const oc_desc desc = {OC_DTYPE_float32, {.rank = 1, .dim = {i ? 5000 : 37}}};
        oc_id x;
        oc_assert_ok(oc_graph_add_input(g, i ? "z" : "x", &desc, &x));
        for (int k = 0; k < 2; k++)
            x = add(g, op, NULL, x, OC_NONE);
        oc_assert_ok(oc_graph_add_output(g, x));
    }
    oc_assert_ok(oc_graph_freeze(g, 0));
    return g;
}

static void write_kernel(void)
{
    mkdir("kernels", 0777);
    FILE *out = fopen("kernels/mirror.cl", "w");
    assert_non_null(out);
    assert_true(fputs(mirror_cl, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void nodes_share_scratch_memory(void **state)
{
    (void)state;
    oc_dev *dev;
    oc_exec *exec;
    oc_lane *lane;
    oc_graph *g = pair_graph(&mirror);
    write_kernel();
    oc_assert_ok(oc_dev_open("pocl", &(oc_dev_options){.kernel_dir = "kernels"}, NULL, &dev));
    check_graph(g, dev);
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
    assert_int_equal(oc_lane_scratch_bytes(lane),
                     oc_align_up(5000 * sizeof(float), dev->mem_align));
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

static void what_a_device_cannot_run_is_named(void **state)
{
    (void)state;
    oc_dev *dev = open_target(1);
    oc_graph *g = pair_graph(&refusing);
    oc_exec *exec = NULL;
    oc_assert_fails(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec), OC_E_UNSUPPORTED,
                    "node refusing (refusing): no kernel for 37 elements");
    assert_null(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

typedef struct answer {
    atomic_int calls;
    atomic_int status;
} answer;

static void keep_answer(void *ctx, oc_status status)
{
    answer *a = ctx;
    atomic_store(&a->status, (int)status);
    atomic_fetch_add(&a->calls, 1);
}

/* Both queues tell of the failure, and the lane stays failed. */
static void a_failure_reaches_both_queues(void **state)
{
    (void)state;
    oc_dev *dev = open_target(0);
    oc_graph *g = pair_graph(&refusing);
    oc_exec *exec;
    oc_lane *lane;
    answer compute, transfer;
    float data[37] = {0};
    atomic_init(&compute.calls, 0);
    atomic_init(&transfer.calls, 0);
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
    oc_assert_ok(oc_lane_submit(lane, 0, 1));
    oc_assert_ok(oc_lane_notify_compute(lane, keep_answer, &compute));
    (void)!oc_lane_read(lane, g->outputs[0], data, sizeof(data)); /* refused or failing later */
    oc_assert_ok(oc_lane_notify_transfer(lane, keep_answer, &transfer));
    oc_assert_fails(oc_lane_wait(lane, OC_NEVER_NS), OC_E_NOMEM, "failed");
    assert_int_equal(atomic_load(&compute.calls), 1);
    assert_int_equal(atomic_load(&compute.status), OC_E_NOMEM);
    assert_int_equal(atomic_load(&transfer.calls), 1);
    oc_assert_fails(oc_lane_submit(lane, 1, 1), OC_E_NOMEM, "earlier");
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

static void both_queues_tell_when_they_are_done(void **state)
{
    (void)state;
    for (size_t t = 0; t < OC_COUNT(targets); t++) {
        oc_dev *dev = open_target(t);
        oc_graph *g = odd_graph();
        oc_exec *exec;
        oc_lane *lane;
        sample s;
        oc_tensor found[OUTPUTS_MAX];
        answer compute, transfer;
        atomic_init(&compute.calls, 0);
        atomic_init(&transfer.calls, 0);
        sample_make(&s, g, 9);
        oc_assert_ok(alloc_outputs(g, found));
        oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
        oc_assert_ok(whole_lane(exec, g->outputs, g->n_outputs, NULL, &lane));
        oc_assert_ok(write_inputs(&s, lane));
        oc_assert_ok(oc_lane_submit(lane, 0, g->n_nodes));
        oc_assert_ok(oc_lane_notify_compute(lane, keep_answer, &compute));
        oc_assert_ok(read_outputs(g, lane, found));
        oc_assert_ok(oc_lane_notify_transfer(lane, keep_answer, &transfer));
        oc_lane_destroy(lane); /* waits for both */
        assert_int_equal(atomic_load(&compute.calls), 1);
        assert_int_equal(atomic_load(&transfer.calls), 1);
        assert_int_equal(atomic_load(&transfer.status), OC_OK);
        check_outputs(&s, found, "notified", t);
        oc_exec_destroy(exec);
        free_outputs(g, found);
        sample_fini(&s);
        oc_graph_destroy(g);
        oc_dev_close(dev);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_graphs_run),
        cmocka_unit_test(random_graphs_run),
        cmocka_unit_test(lanes_run_on_threads),
        cmocka_unit_test(making_runs_out_of_memory),
        cmocka_unit_test(the_arena_is_what_was_planned),
        cmocka_unit_test(a_part_loads_no_other_weights),
        cmocka_unit_test(bad_calls_are_explained),
        cmocka_unit_test(a_graph_has_to_be_frozen),
        cmocka_unit_test(nodes_share_scratch_memory),
        cmocka_unit_test(what_a_device_cannot_run_is_named),
        cmocka_unit_test(a_failure_reaches_both_queues),
        cmocka_unit_test(both_queues_tell_when_they_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
