/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured times of nodes: that every node has one and they make sense together (not how long they
 * are), what fits into memory, and what a device says of its work under way.
 */
#include "oc_test.h"

#include "graph_gen.h"
#include "oc_exec.h"
#include "tally_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 12 };

static oc_graph *make_graph(uint64_t seed)
{
    oc_graph *g;
    oc_assert_ok(graph_gen(seed, NULL, &g));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

static oc_dev *open_dev(const char *selector)
{
    oc_dev *dev;
    oc_assert_ok(oc_dev_open(selector, NULL, NULL, &dev));
    return dev;
}

/* Flags of the first `count` nodes. */
static bool *prefix_flags(const oc_graph *g, size_t count)
{
    bool *only = calloc(g->n_nodes + 1, sizeof(*only));
    for (size_t n = 0; n < count; n++)
        only[n] = true;
    return only;
}

/* ---- times ----------------------------------------------------------------------------------- */

typedef struct seen {
    size_t calls, total;
    char last[128];
    bool is_in_turn;
} seen;

static void on_progress(void *ctx, size_t done, size_t total, const char *node)
{
    seen *s = ctx;
    s->calls++;
    s->is_in_turn = s->is_in_turn && done == s->calls && (s->calls == 1 || total == s->total);
    s->total = total;
    snprintf(s->last, sizeof(s->last), "%s", node);
}

static void check_times(const oc_graph *g, const double *node_ns, size_t count)
{
    for (size_t n = 0; n < g->n_nodes; n++) {
        if (n >= count)
            assert_true(isnan(node_ns[n]));
        else if (g->nodes[n].op->is_view)
            assert_true(node_ns[n] == 0);
        else
            assert_true(isfinite(node_ns[n]) && node_ns[n] >= 0);
    }
}

/* Of all nodes and of half of them, on every device. */
static void what_is_prepared_is_measured(void **state)
{
    (void)state;
    static const char *const selectors[] = {"reference", "pocl"};
    for (size_t i = 0; i < OC_COUNT(selectors); i++) {
        oc_dev *dev = open_dev(selectors[i]);
        oc_graph *g = make_graph(1 + i);
        double *node_ns = calloc(g->n_nodes + 1, sizeof(*node_ns));
        for (size_t half = 0; half < 2; half++) {
            const size_t count = half ? g->n_nodes / 2 : g->n_nodes;
            bool *only = prefix_flags(g, count);
            seen s = {.is_in_turn = true};
            oc_exec *exec;
            oc_assert_ok(oc_exec_create(g, dev, only, NULL, NULL, NULL, &exec));
            for (size_t n = 0; n < g->n_nodes; n++)
                assert_int_equal(oc_exec_is_ready(exec, (oc_id)n), only[n]);
            oc_assert_ok(oc_exec_profile(exec, 3, on_progress, &s, node_ns));
            check_times(g, node_ns, count);
            assert_true(s.is_in_turn && s.calls == 3 && s.total == 3);
            assert_string_equal(s.last, "");
            oc_exec_destroy(exec);
            free(only);
        }
        free(node_ns);
        oc_graph_destroy(g);
        oc_dev_close(dev);
    }
}

static void nothing_prepared_is_nothing_measured(void **state)
{
    (void)state;
    oc_dev *dev = open_dev("reference");
    oc_graph *g = make_graph(3);
    bool *only = prefix_flags(g, 0);
    double *node_ns = calloc(g->n_nodes + 1, sizeof(*node_ns));
    oc_exec *exec;
    oc_assert_ok(oc_exec_create(g, dev, only, NULL, NULL, NULL, &exec));
    oc_assert_ok(oc_exec_profile(exec, 3, NULL, NULL, node_ns));
    check_times(g, node_ns, 0);
    oc_exec_destroy(exec);
    free(node_ns);
    free(only);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

/* A lane's steps: as many times as it has nodes, no more and no less, whatever their number. */
static void every_step_of_a_lane_is_measured(void **state)
{
    (void)state;
    oc_dev *dev = open_dev("reference");
    oc_graph *g = make_graph(4);
    oc_id *order = calloc(g->n_nodes + 1, sizeof(*order));
    double *node_ns = calloc(g->n_nodes + 2, sizeof(*node_ns));
    oc_exec *exec;
    oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
    for (size_t count = 0; count <= g->n_nodes; count++) {
        oc_lane *lane;
        seen s = {.is_in_turn = true};
        for (size_t n = 0; n <= g->n_nodes; n++)
            node_ns[n] = -1;
        for (size_t n = 0; n < count; n++)
            order[n] = (oc_id)n;
        oc_assert_ok(oc_lane_create(exec, order, count, NULL, 0, NULL, &lane));
        oc_assert_ok(oc_lane_profile(lane, 1, on_progress, &s, node_ns));
        for (size_t n = 0; n <= g->n_nodes; n++)
            assert_true(n < count ? node_ns[n] >= 0 : node_ns[n] == -1);
        assert_int_equal(s.calls, count > 0);
        assert_true(s.is_in_turn);
        oc_lane_destroy(lane);
    }
    oc_exec_destroy(exec);
    free(node_ns);
    free(order);
    oc_graph_destroy(g);
    oc_dev_close(dev);
}

/*
 * Kernels come in the order of the steps, every step that runs something has one, and a run lasts at
 * least as long as the longest of them at its best.
 */
static void check_kernels(const oc_graph *g, const oc_lane_times *times)
{
    size_t step = 0;
    double longest_ns = 0;
    for (size_t k = 0; k < times->n_kernels; k++) {
        const oc_lane_kernel *kernel = &times->kernels[k];
        for (; step < kernel->step; step++)
            if (k == 0 || step > times->kernels[k - 1].step)
                assert_true(g->nodes[step].op->is_view);
        assert_int_equal(kernel->step, step);
        assert_true(kernel->info.name[0] != '\0' && kernel->info.options != NULL);
        assert_true(kernel->best_ns >= 0 && kernel->best_ns <= kernel->ns);
        longest_ns = OC_MAX(longest_ns, kernel->best_ns);
    }
    assert_true(isfinite(times->run_ns) && times->run_ns >= longest_ns);
}

static void every_kernel_of_a_run_is_measured(void **state)
{
    (void)state;
    static const char *const selectors[] = {"reference", "pocl"};
    for (size_t i = 0; i < OC_COUNT(selectors); i++) {
        oc_dev *dev = open_dev(selectors[i]);
        oc_graph *g = make_graph(1);
        seen s = {.is_in_turn = true};
        oc_exec *exec;
        oc_lane *lane;
        oc_lane_times times;
        oc_assert_ok(oc_exec_create(g, dev, NULL, NULL, NULL, NULL, &exec));
        oc_assert_ok(oc_lane_create_whole(exec, NULL, &lane));
        oc_assert_ok(oc_lane_clear(lane));
        oc_assert_ok(oc_lane_measure(lane, 2, on_progress, &s, &times));
        assert_true(times.n_kernels > 0 && s.is_in_turn && s.calls == 2);
        check_kernels(g, &times);
        oc_lane_times_fini(&times);
        oc_lane_destroy(lane);
        oc_exec_destroy(exec);
        oc_graph_destroy(g);
        oc_dev_close(dev);
    }
}

static oc_status profile_once(const oc_allocator *alloc, void *ctx)
{
    const oc_graph *g = ctx;
    oc_dev *dev = NULL;
    oc_exec *exec = NULL;
    double *node_ns = calloc(g->n_nodes + 1, sizeof(*node_ns));
    oc_status status;
    OC_TRY_OUT(oc_dev_open("reference", NULL, alloc, &dev));
    OC_TRY_OUT(oc_exec_create(g, dev, NULL, NULL, NULL, alloc, &exec));
    OC_TRY_OUT(oc_exec_profile(exec, 1, NULL, NULL, node_ns));
out:
    oc_exec_destroy(exec);
    oc_dev_close(dev);
    free(node_ns);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    oc_graph *g = make_graph(5);
    oc_test_oom_sweep(profile_once, g);
    oc_graph_destroy(g);
}

/* ---- what fits ------------------------------------------------------------------------------- */

/*
 * The definition: constants of the prefix, each once, and what a lane of it plans that keeps the
 * inputs, what crosses behind it, and the outputs that it makes.
 */
static uint64_t expected_bytes(const oc_graph *g, size_t count, oc_dev *dev)
{
    bool *is_seen = calloc(g->n_values, sizeof(*is_seen)), *only = prefix_flags(g, count);
    oc_id *order = calloc(count + 1, sizeof(*order));
    oc_id *pinned = calloc(g->n_inputs + g->n_values + g->n_outputs, sizeof(*pinned));
    size_t n_pinned = 0, bytes;
    uint64_t sum = 0;
    oc_exec *exec;
    oc_lane *lane;
    oc_cut cut;
    for (size_t n = 0; n < count; n++) {
        order[n] = (oc_id)n;
        for (uint32_t i = 0; i < g->nodes[n].n_in; i++) {
            const oc_id v = g->nodes[n].in[i];
            if (v == OC_NONE || g->values[v].constant == NULL || is_seen[v])
                continue;
            is_seen[v] = true;
            oc_assert_ok(oc_desc_bytes(&g->values[v].desc, &bytes));
            sum += bytes;
        }
    }
    oc_assert_ok(oc_cut_at(g, count, NULL, &cut));
    for (size_t i = 0; i < cut.n_values; i++)
        pinned[n_pinned++] = cut.values[i];
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->use_begin[g->inputs[i]] < g->use_begin[g->inputs[i] + 1])
            pinned[n_pinned++] = g->inputs[i];
    for (size_t i = 0; i < g->n_outputs; i++) {
        const oc_id producer = g->values[g->outputs[i]].producer;
        if (producer != OC_NONE && producer < count)
            pinned[n_pinned++] = g->outputs[i];
    }
    oc_assert_ok(oc_exec_create(g, dev, only, NULL, NULL, NULL, &exec));
    oc_assert_ok(oc_lane_create(exec, order, count, pinned, n_pinned, NULL, &lane));
    sum += oc_lane_arena_bytes(lane);
    oc_lane_destroy(lane);
    oc_exec_destroy(exec);
    oc_cut_fini(&cut);
    free(pinned);
    free(order);
    free(only);
    free(is_seen);
    return sum;
}

/* At each prefix's own need, and one byte less: the longest that fits, by trying all. */
static void check_fit(const oc_graph *g, const uint64_t *need, uint64_t bytes)
{
    size_t longest = 0, found = SIZE_MAX;
    for (size_t n = 1; n <= g->n_nodes; n++)
        if (need[n] <= bytes)
            longest = n;
    oc_assert_ok(oc_exec_prefix_fit(g, bytes, NULL, &found));
    assert_int_equal(found, longest);
}

static void the_longest_prefix_that_fits_is_found(void **state)
{
    (void)state;
    oc_dev *dev = open_dev("reference");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_graph *g = make_graph(seed);
        uint64_t *need = calloc(g->n_nodes + 1, sizeof(*need));
        for (size_t n = 0; n <= g->n_nodes; n++) {
            oc_assert_ok(oc_exec_prefix_bytes(g, n, NULL, &need[n]));
            assert_int_equal(need[n], expected_bytes(g, n, dev));
        }
        for (size_t n = 0; n <= g->n_nodes; n++) {
            check_fit(g, need, need[n]);
            check_fit(g, need, need[n] - (need[n] > 0));
        }
        check_fit(g, need, 0);
        check_fit(g, need, UINT64_MAX);
        oc_assert_fails(oc_exec_prefix_bytes(g, g->n_nodes + 1, NULL, &need[0]), OC_E_ARG, "nodes");
        free(need);
        oc_graph_destroy(g);
    }
    oc_dev_close(dev);
}

/*
 * Every node of the first half is kept until its mate of the second half adds it up: the need rises
 * by a value a node, and falls again.
 */
static oc_graph *folded_graph(size_t half)
{
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_id input, *made = calloc(half, sizeof(*made)), in[2];
    oc_assert_ok(oc_graph_create("folded", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "in", &tally_desc, &input));
    for (size_t i = 0; i < half; i++) {
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, &input, 1, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &made[i]));
    }
    in[0] = made[half - 1];
    for (size_t i = half - 1; i-- > 0;) {
        in[1] = made[i];
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, in, 2, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &in[0]));
    }
    oc_assert_ok(oc_graph_add_output(g, in[0]));
    oc_assert_ok(oc_graph_freeze(g, 1));
    free(made);
    return g;
}

/* Of a thousand prefixes that might fit few are planned: what is alive says enough of the others. */
static void few_prefixes_are_planned(void **state)
{
    (void)state;
    enum { HALF = 500 };
    oc_graph *g = folded_graph(HALF);
    oc_test_allocator one, all;
    uint64_t need = 0;
    size_t count = 0;
    oc_test_allocator_init(&one, 0);
    oc_test_allocator_init(&all, 0);
    oc_assert_ok(oc_exec_prefix_bytes(g, HALF / 2, &one.allocator, &need));
    assert_int_equal(need, (HALF / 2 + 1) * OC_ARENA_ALIGN); /* and the input */
    oc_assert_ok(oc_exec_prefix_fit(g, need, &all.allocator, &count));
    assert_int_equal(count, HALF / 2);
    assert_true(all.calls <= 2 * one.calls);
    oc_graph_destroy(g);
}

static oc_status fit_once(const oc_allocator *alloc, void *ctx)
{
    const oc_graph *g = ctx;
    uint64_t bytes = 0;
    size_t count = 0;
    OC_TRY(oc_exec_prefix_bytes(g, g->n_nodes / 2, alloc, &bytes));
    return oc_exec_prefix_fit(g, bytes, alloc, &count);
}

static void memory_may_run_out_while_fitting(void **state)
{
    (void)state;
    oc_graph *g = make_graph(6);
    oc_test_oom_sweep(fit_once, g);
    oc_graph_destroy(g);
}

/* ---- what a device says ---------------------------------------------------------------------- */

static void every_device_has_a_roofline(void **state)
{
    (void)state;
    size_t count;
    oc_dev_info *list;
    oc_assert_ok(oc_dev_list(NULL, &list, &count));
    for (size_t i = 0; i < count; i++) {
        oc_dev *dev;
        if (!list[i].is_available)
            continue;
        oc_assert_ok(oc_dev_open(list[i].id, NULL, NULL, &dev));
        oc_dev_roofline r = oc_dev_roofline_of(dev);
        assert_true(isfinite(r.flops) && r.flops > 0 && isfinite(r.bytes_per_s) &&
                    r.bytes_per_s > 0 && isfinite(r.start_ns) && r.start_ns > 0);
        if (dev->type->is_reference)
            assert_int_equal(dev->info.clock_mhz, 0);
        /* Twice the units do twice the work; where the driver is silent there are defaults. */
        dev->traits.compute_units *= 2;
        assert_true(fabs(oc_dev_roofline_of(dev).flops - 2 * r.flops) < 1e-6 * r.flops);
        dev->info.clock_mhz = 0;
        dev->traits.compute_units = 0;
        dev->traits.vector_floats = 0;
        r = oc_dev_roofline_of(dev);
        assert_true(r.flops > 0 && r.bytes_per_s > 0 && r.start_ns > 0);
        oc_dev_close(dev);
    }
    oc_free(NULL, list);
}

/* A device whose caches hold 100 bytes: what is between two sizes lies between their rates. */
static void the_least_time_is_the_roofline_s(void **state)
{
    (void)state;
    const oc_dev_peak peak = {.flops = 2e9,
                              .int_ops = 4e9,
                              .n_sizes = 2,
                              .memory = {{100, 10e9, 8e9}, {10000, 1e9, 0.5e9}}};
    bool is_memory = true;
    oc_dev_work work = {.flops = 200};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 100) < 1e-9 && !is_memory);
    work.int_ops = 400; /* both take the same unit */
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 200) < 1e-9 && !is_memory);
    work = (oc_dev_work){.flops = 200, .const_bytes = 50, .all_const_bytes = 50};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 100) < 1e-9 && !is_memory);
    /* The same constants in a network that does not fit; half way in the logarithm. */
    work = (oc_dev_work){.const_bytes = 5000, .all_const_bytes = 20000};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 5000) < 1e-6 && is_memory);
    work.all_const_bytes = 1000;
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 5000 / 5.5) < 1e-6 && is_memory);
    /* Values are copied; what is only read or only written beside that is added. */
    work = (oc_dev_work){.in_bytes = 40, .out_bytes = 40};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - 10) < 1e-9 && is_memory);
    work = (oc_dev_work){.in_bytes = 60, .out_bytes = 20};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - (5 + 4)) < 1e-9);
    work = (oc_dev_work){.in_bytes = 20, .out_bytes = 60};
    assert_true(fabs(oc_dev_peak_ns(&peak, &work, &is_memory) - (5 + 5)) < 1e-9);
    work = (oc_dev_work){0};
    assert_true(oc_dev_peak_ns(&peak, &work, &is_memory) == 0);
}

/* How large they are is the machine's business. */
static void every_device_has_a_peak_or_none(void **state)
{
    (void)state;
    size_t count;
    oc_dev_info *list;
    oc_assert_ok(oc_dev_list(NULL, &list, &count));
    for (size_t i = 0; i < count; i++) {
        oc_dev_peak peak = {0};
        oc_dev *dev;
        if (!list[i].is_available)
            continue;
        oc_assert_ok(oc_dev_open(list[i].id, NULL, NULL, &dev));
        if (dev->type->measure_peak != NULL) {
            oc_assert_ok(dev->type->measure_peak(dev, 1000000, &peak));
            assert_true(isfinite(peak.flops) && peak.flops > 0);
            assert_true(isfinite(peak.int_ops) && peak.int_ops > 0);
            assert_true(isfinite(peak.start_ns) && peak.start_ns > 0);
            assert_true(peak.n_sizes > 0 && peak.n_sizes <= OC_PEAK_SIZES);
            assert_true(peak.memory[peak.n_sizes - 1].bytes >= 1000000);
        } else {
            assert_true(dev->type->is_reference);
        }
        for (size_t k = 0; k < peak.n_sizes; k++) {
            assert_true(isfinite(peak.memory[k].read_per_s) && peak.memory[k].read_per_s > 0);
            assert_true(isfinite(peak.memory[k].copy_per_s) && peak.memory[k].copy_per_s > 0);
            assert_true(k == 0 || peak.memory[k].bytes > peak.memory[k - 1].bytes);
        }
        oc_dev_close(dev);
    }
    oc_free(NULL, list);
}

typedef struct pending {
    const oc_dev *dev;
    atomic_uint inside, calls;
    uint32_t total;
} pending;

static void on_done(void *ctx, oc_status status)
{
    pending *p = ctx;
    (void)status;
    /* This one has come: at most the others are under way. */
    if (atomic_load(&p->dev->n_pending) > p->total - 1 - atomic_load(&p->calls))
        atomic_fetch_add(&p->inside, 1u);
    atomic_fetch_add(&p->calls, 1u);
}

static void notifications_under_way_are_counted(void **state)
{
    (void)state;
    static const char *const selectors[] = {"reference", "pocl"};
    for (size_t i = 0; i < OC_COUNT(selectors); i++) {
        oc_dev *dev = open_dev(selectors[i]);
        pending p = {.dev = dev, .total = 16};
        oc_dev_queue *queue;
        oc_assert_ok(dev->type->queue_create(dev, &queue));
        assert_int_equal(atomic_load(&dev->n_pending), 0);
        for (uint32_t n = 0; n < p.total; n++)
            oc_assert_ok(dev->type->notify(queue, on_done, &p));
        dev->type->queue_destroy(dev, queue);
        assert_int_equal(atomic_load(&p.calls), p.total);
        assert_int_equal(atomic_load(&p.inside), 0);
        assert_int_equal(atomic_load(&dev->n_pending), 0);
        oc_dev_close(dev);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_prepared_is_measured),
        cmocka_unit_test(nothing_prepared_is_nothing_measured),
        cmocka_unit_test(every_step_of_a_lane_is_measured),
        cmocka_unit_test(every_kernel_of_a_run_is_measured),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(the_longest_prefix_that_fits_is_found),
        cmocka_unit_test(few_prefixes_are_planned),
        cmocka_unit_test(memory_may_run_out_while_fitting),
        cmocka_unit_test(every_device_has_a_roofline),
        cmocka_unit_test(the_least_time_is_the_roofline_s),
        cmocka_unit_test(every_device_has_a_peak_or_none),
        cmocka_unit_test(notifications_under_way_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
