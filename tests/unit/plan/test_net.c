/* SPDX-License-Identifier: Apache-2.0 */
/** Nets made from graphs: topology, cuts, memory, domination; costs and predictions on them. */
#include "graph_gen.h"
#include "oc_exec.h"
#include "oc_plan.h"
#include "oc_policy.h"
#include "oc_situation.h"
#include "oc_test.h"
#include "tally_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NETWORKS = 60 };

/* Small DAGs of one operator, and networks of all. */
static oc_graph *graph_of(uint64_t seed)
{
    oc_status status;
    oc_graph *g = NULL;
    if (seed % 2)
        g = tally_random_graph(seed, NULL, &status);
    else {
        status = graph_gen(seed, NULL, &g);
        if (status == OC_OK)
            status = oc_graph_freeze(g, 1);
    }
    oc_assert_ok(status);
    return g;
}

static oc_net *net_of(const oc_graph *g, const bool *can_run)
{
    oc_net *net = NULL;
    oc_assert_ok(oc_net_make(g, can_run, NULL, 0, 0, NULL, &net));
    return net;
}

/*
 * ---- topology
 * --------------------------------------------------------------------------------------
 */

static bool has(const oc_id *ids, uint32_t begin, uint32_t end, oc_id id)
{
    size_t count = 0;
    for (uint32_t i = begin; i < end; i++)
        count += ids[i] == id;
    assert_true(count <= 1);
    return count;
}

static void check_node(const oc_graph *g, const oc_net *net, oc_id n)
{
    uint32_t n_consumed = 0;
    for (uint32_t i = 0; i < g->nodes[n].n_in; i++) {
        oc_id v = g->nodes[n].in[i];
        if (v == OC_NONE || g->values[v].constant)
            continue;
        assert_true(has(net->in, net->in_begin[n], net->in_begin[n + 1], v));
        assert_true(has(net->use, net->use_begin[v], net->use_begin[v + 1], n));
    }
    for (oc_id v = 0; v < net->n_values; v++)
        n_consumed += has(net->use, net->use_begin[v], net->use_begin[v + 1], n);
    assert_int_equal(n_consumed, net->in_begin[n + 1] - net->in_begin[n]);
    assert_int_equal(net->out_begin[n + 1] - net->out_begin[n], g->nodes[n].n_out);
    for (uint32_t o = 0; o < g->nodes[n].n_out; o++)
        assert_int_equal(net->producer[net->out[net->out_begin[n] + o]], n);
    assert_string_equal(net->node_names[n], g->nodes[n].name);
    assert_true(strncmp(net->kind_names[net->kind[n]], g->nodes[n].op->name,
                        strlen(g->nodes[n].op->name)) == 0);
}

static void a_net_is_the_graph_without_its_constants(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        uint64_t weights = 0, constants = 0;
        assert_int_equal(net->n_nodes, g->n_nodes);
        assert_true(net->n_kinds >= 1 && net->n_kinds <= OC_KINDS_MAX);
        for (oc_id n = 0; n < net->n_nodes; n++) {
            check_node(g, net, n);
            weights += net->weight_bytes[n];
        }
        for (size_t v = 0; v < g->n_values; v++) {
            size_t bytes;
            oc_assert_ok(oc_desc_bytes(&g->values[v].desc, &bytes));
            assert_int_equal(net->bytes[v], g->values[v].constant ? 0 : bytes);
            constants += g->values[v].constant && g->use_begin[v] < g->use_begin[v + 1] ? bytes : 0;
        }
        assert_int_equal(weights, constants);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
}

/*
 * ---- cuts
 * -------------------------------------------------------------------------------------------
 */

static void check_prefix(const oc_graph *g, const oc_net_cut *cut)
{
    oc_cut expected;
    oc_assert_ok(oc_cut_at(g, cut->index, NULL, &expected));
    assert_int_equal(cut->n_head, cut->index);
    assert_int_equal(cut->up_bytes, expected.bytes);
    assert_int_equal(cut->n_values, expected.n_values);
    assert_memory_equal(cut->values, expected.values, expected.n_values * sizeof(oc_id));
    assert_memory_equal(cut->is_head, expected.is_head, g->n_nodes * sizeof(bool));
    oc_cut_fini(&expected);
}

/* Where the edge goes on behind the cut: the largest prefix among those that it holds. */
static void check_base(const oc_net *net, size_t c)
{
    size_t expected = 0;
    for (size_t b = 0; b < net->n_cuts; b++) {
        bool is_inside = net->cuts[b].index != OC_NONE;
        for (size_t n = 0; n < net->n_nodes; n++)
            is_inside = is_inside && (!net->cuts[b].is_head[n] || net->cuts[c].is_head[n]);
        expected = is_inside ? b : expected;
    }
    assert_int_equal(net->cuts[c].base, expected);
}

/* Heads are closed, sizes rise, outputs are given by one side only. */
static void check_cuts(const oc_graph *g, const oc_net *net)
{
    for (size_t c = 0; c < net->n_cuts; c++) {
        const oc_net_cut *cut = &net->cuts[c];
        uint32_t n_given = 0;
        assert_true(c == 0 || net->cuts[c - 1].n_head <= cut->n_head);
        assert_int_equal(oc_net_find_cut(net, cut->is_head), c);
        for (uint32_t n = 0; n < net->n_nodes; n++)
            for (uint32_t i = net->in_begin[n]; cut->is_head[n] && i < net->in_begin[n + 1]; i++)
                assert_true(net->producer[net->in[i]] == OC_NONE ||
                            cut->is_head[net->producer[net->in[i]]]);
        for (size_t i = 0; i < net->n_outputs; i++) {
            oc_id producer = net->producer[net->outputs[i]];
            if (producer != OC_NONE && !cut->is_head[producer])
                assert_int_equal(cut->gives[n_given++], net->outputs[i]);
        }
        assert_int_equal(n_given, cut->n_gives);
        if (cut->index != OC_NONE)
            check_prefix(g, cut);
        check_base(net, c);
        assert_true(strlen(cut->name) > 0);
    }
}

/* Every prefix that was left out is matched by a shorter one in both directions. */
static void check_dominated(const oc_graph *g, const oc_net *net)
{
    for (size_t k = 0; k < g->n_nodes; k++) {
        oc_cut cut;
        uint64_t down = 0;
        bool is_matched = false;
        oc_assert_ok(oc_cut_at(g, k, NULL, &cut));
        for (size_t i = 0; i < net->n_outputs; i++)
            down += net->producer[net->outputs[i]] != OC_NONE && net->producer[net->outputs[i]] >= k
                        ? net->bytes[net->outputs[i]]
                        : 0;
        for (size_t c = 0; c < net->n_cuts; c++)
            is_matched |= net->cuts[c].index <= k && net->cuts[c].up_bytes <= cut.bytes &&
                          net->cuts[c].down_bytes <= down;
        assert_true(is_matched);
        oc_cut_fini(&cut);
    }
}

static void cuts_are_worthwhile_and_described_exactly(void **state)
{
    size_t n_general = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        check_cuts(g, net);
        check_dominated(g, net);
        assert_int_equal(net->cuts[0].n_head, 0);
        assert_int_equal(net->cuts[net->n_cuts - 1].n_head, g->n_nodes);
        assert_string_equal(net->cuts[net->n_cuts - 1].name, "all-local");
        for (size_t c = 0; c < net->n_cuts; c++)
            n_general += net->cuts[c].index == OC_NONE;
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
    assert_true(n_general > 0); /* the sweep found some that are no prefixes */
}

static void memory_of_the_whole_network_is_the_plans(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        oc_plan *plan = NULL;
        oc_assert_ok(oc_plan_make_local(g, NULL, &plan));
        const oc_plan_site_info *site = oc_plan_site_get(plan, 0);
        assert_int_equal(net->cuts[net->n_cuts - 1].memory_bytes,
                         site->weight_bytes + site->arena_bytes);
        assert_true(net->cuts[0].memory_bytes >= net->cuts[0].up_bytes);
        oc_plan_destroy(plan);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
}

static void nodes_that_the_edge_cannot_run_are_in_no_head(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_rng rng = oc_rng_make(seed);
        bool can_run[256];
        oc_id bad = oc_rng_below(&rng, (uint32_t)g->n_nodes);
        oc_net *net = NULL;
        oc_cut whole;
        assert_true(g->n_nodes <= OC_COUNT(can_run));
        for (size_t n = 0; n < g->n_nodes; n++)
            can_run[n] = n != bad;
        net = net_of(g, can_run);
        check_cuts(g, net);
        for (size_t c = 0; c < net->n_cuts; c++)
            assert_false(net->cuts[c].is_head[bad]);
        const oc_net_cut *last = &net->cuts[net->n_cuts - 1];
        for (size_t c = 0; c < net->n_cuts; c++)
            for (size_t n = 0; n < g->n_nodes; n++)
                assert_true(!net->cuts[c].is_head[n] || last->is_head[n]);
        oc_assert_ok(oc_cut_at(g, g->n_nodes, NULL, &whole));
        oc_net *more = NULL;
        uint32_t index;
        oc_assert_fails(oc_net_with_cut(net, g, whole.is_head, &more, &index), OC_E_ARG,
                        g->nodes[bad].name);
        oc_net_destroy(net);
        const oc_cut *extra[] = {&whole};
        oc_assert_fails(oc_net_make(g, can_run, extra, 1, 0, NULL, &net), OC_E_UNSUPPORTED,
                        g->nodes[bad].name);
        oc_cut_fini(&whole);
        oc_graph_destroy(g);
    }
}

static void cuts_can_be_asked_for_and_added(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_rng rng = oc_rng_make(seed);
        oc_net *plain = net_of(g, NULL), *asked = NULL, *added = NULL;
        oc_cut cut;
        uint32_t index;
        oc_assert_ok(oc_cut_at(g, oc_rng_below(&rng, (uint32_t)g->n_nodes), NULL, &cut));
        const oc_cut *extra[] = {&cut, &cut};
        oc_assert_ok(oc_net_make(g, NULL, extra, 2, 0, NULL, &asked));
        oc_assert_ok(oc_net_with_cut(plain, g, cut.is_head, &added, &index));
        check_cuts(g, asked);
        check_cuts(g, added);
        assert_int_equal(added->cuts[index].index, cut.index);
        assert_true(oc_net_find_cut(asked, cut.is_head) != OC_NONE);
        assert_int_equal(asked->cuts[oc_net_find_cut(asked, cut.is_head)].memory_bytes,
                         added->cuts[index].memory_bytes);
        assert_true(added->n_cuts - plain->n_cuts ==
                    (oc_net_find_cut(plain, cut.is_head) == OC_NONE));
        oc_cut_fini(&cut);
        oc_net_destroy(added);
        oc_net_destroy(asked);
        oc_net_destroy(plain);
        oc_graph_destroy(g);
    }
}

static void a_head_that_needs_the_tail_is_refused(void **state)
{
    oc_graph *g = graph_of(1);
    oc_net *net = net_of(g, NULL), *made = NULL;
    bool is_head[64] = {false};
    uint32_t cut;
    (void)state;
    is_head[g->n_nodes - 1] = true; /* the last one needs all others */
    oc_assert_fails(oc_net_with_cut(net, g, is_head, &made, &cut), OC_E_ARG,
                    net->node_names[g->n_nodes - 1]);
    assert_null(made);
    oc_net_destroy(net);
    oc_graph_destroy(g);
}

/*
 * ---- what the edge holds
 * ----------------------------------------------------------------------------------
 */

/* What a session's edge holds for the net: constants, and an arena that keeps what every cut may send. */
static uint64_t held_bytes(const oc_graph *g, const oc_net *net)
{
    const oc_net_cut *last = &net->cuts[net->n_cuts - 1];
    oc_id *order = calloc(net->n_nodes + 1, sizeof(*order));
    oc_id *pinned = calloc(net->n_values + 1, sizeof(*pinned));
    bool *is_pinned = calloc(net->n_values + 1, sizeof(*is_pinned));
    size_t n_order = 0, n_pinned = 0;
    uint64_t sum = 0;
    oc_arena_plan plan;
    for (size_t n = 0; n < net->n_nodes; n++)
        if (last->is_head[n]) {
            order[n_order++] = (oc_id)n;
            sum += net->weight_bytes[n];
        }
    for (size_t c = 0; c < net->n_cuts; c++)
        for (uint32_t i = 0; i < net->cuts[c].n_values; i++)
            is_pinned[net->cuts[c].values[i]] = true;
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id producer = net->producer[net->outputs[i]];
        is_pinned[net->outputs[i]] |= producer != OC_NONE && last->is_head[producer];
    }
    for (size_t v = 0; v < net->n_values; v++)
        if (is_pinned[v])
            pinned[n_pinned++] = (oc_id)v;
    oc_assert_ok(oc_arena_plan_make(g, order, n_order, pinned, n_pinned, OC_ARENA_ALIGN, NULL,
                                    &plan));
    sum += plan.bytes;
    oc_arena_plan_fini(&plan);
    free(is_pinned);
    free(pinned);
    free(order);
    return sum;
}

/* What was left out sends no less than what could have been, and was not. Returns how many. */
static size_t check_left_out(const oc_net *net, const oc_net *whole)
{
    size_t count = 0;
    uint64_t most_in = 0, least_out = UINT64_MAX;
    for (size_t c = 0; c < whole->n_cuts; c++) {
        uint32_t in = oc_net_find_cut(net, whole->cuts[c].is_head);
        bool is_end = c == 0 || c + 1 == whole->n_cuts;
        assert_true(!is_end || in != OC_NONE);
        if (in == OC_NONE) {
            count++;
            least_out = OC_MIN(least_out, whole->cuts[c].up_bytes);
        } else if (!is_end) {
            most_in = OC_MAX(most_in, whole->cuts[c].up_bytes);
        }
    }
    assert_true(count == 0 || least_out >= most_in);
    assert_int_equal(net->n_cuts + count, whole->n_cuts);
    return count;
}

static void a_memory_limit_holds_for_all_cuts_together(void **state)
{
    size_t n_some = 0, n_all = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        bool can_run[256] = {false};
        assert_true(g->n_nodes <= OC_COUNT(can_run));
        for (size_t k = 1; k <= g->n_nodes; k += 1 + g->n_nodes / 4) {
            uint64_t least;
            memset(can_run, 0, sizeof(can_run));
            memset(can_run, true, k * sizeof(*can_run));
            oc_net *whole = net_of(g, can_run), *net = NULL;
            uint64_t most = held_bytes(g, whole);
            oc_assert_ok(oc_exec_prefix_bytes(g, k, NULL, &least));
            for (int quarter = 0; quarter <= 4; quarter++) {
                uint64_t limit = least + (most > least ? most - least : 0) * quarter / 4;
                oc_assert_ok(oc_net_make(g, can_run, NULL, 0, limit, NULL, &net));
                check_cuts(g, net);
                assert_true(held_bytes(g, net) <= limit);
                size_t n_out = check_left_out(net, whole);
                n_some += n_out > 0 && net->n_cuts > 2;
                n_all += n_out > 0 && net->n_cuts == 2;
                oc_net_destroy(net);
            }
            /* What cannot run within the limit is not made to by leaving out cuts. */
            oc_assert_ok(oc_net_make(g, can_run, NULL, 0, least - 1, NULL, &net));
            assert_int_equal(net->n_cuts, whole->n_cuts);
            oc_net_destroy(net);
            oc_net_destroy(whole);
        }
        oc_graph_destroy(g);
    }
    assert_true(n_some > NETWORKS && n_all > NETWORKS);
}

/* A cut that is asked for stays, or is too much. */
static void an_extra_cut_stays_within_a_memory_limit(void **state)
{
    size_t n_refused = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = NULL;
        uint64_t least;
        oc_cut cut;
        oc_assert_ok(oc_exec_prefix_bytes(g, g->n_nodes, NULL, &least));
        oc_assert_ok(oc_cut_at(g, g->n_nodes / 2, NULL, &cut));
        const oc_cut *extra[] = {&cut};
        oc_status status = oc_net_make(g, NULL, extra, 1, least, NULL, &net);
        if (status == OC_E_LIMIT) {
            assert_non_null(strstr(oc_error_text(), "the cut that is asked for"));
            n_refused++;
            status = oc_net_make(g, NULL, extra, 1, least + 2 * cut.bytes + 64 * OC_ARENA_ALIGN,
                                 NULL, &net);
        }
        oc_assert_ok(status);
        assert_true(oc_net_find_cut(net, cut.is_head) != OC_NONE);
        oc_net_destroy(net);
        oc_cut_fini(&cut);
        oc_graph_destroy(g);
    }
    assert_true(n_refused > 0 && n_refused < NETWORKS);
}

/* Threads of nodes, begun and ended by one. */
static oc_graph *braid_graph(size_t n_nodes)
{
    enum { THREADS = 5 };
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_id thread[THREADS], value;
    oc_assert_ok(oc_graph_create("braid", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "in", &tally_desc, &value));
    for (size_t t = 0; t < THREADS; t++)
        thread[t] = value;
    for (size_t n = 0; n + 1 < n_nodes; n++) {
        oc_id in[2] = {thread[n % THREADS], thread[(n + n / THREADS) % THREADS]};
        size_t n_in = in[0] == in[1] ? 1 : 2;
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, in, n_in, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &thread[n % THREADS]));
    }
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, thread, THREADS, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &value));
    oc_assert_ok(oc_graph_add_output(g, value));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

static void check_arena(const oc_graph *g, const oc_net *net, const oc_net_cut *cut, bool is_bound)
{
    oc_id *order = calloc(net->n_nodes + 1, sizeof(*order));
    size_t n_order = 0;
    oc_arena_plan plan;
    for (size_t n = 0; n < net->n_nodes; n++)
        if (cut->is_head[n])
            order[n_order++] = (oc_id)n;
    const bool is_all = cut->n_head == net->n_nodes;
    oc_assert_ok(oc_arena_plan_make(g, order, n_order, is_all ? net->outputs : cut->values,
                                    is_all ? net->n_outputs : cut->n_values, OC_ARENA_ALIGN, NULL,
                                    &plan));
    assert_int_equal(cut->memory_bytes, is_bound ? plan.lower_bound : plan.bytes);
    oc_arena_plan_fini(&plan);
    free(order);
}

/* Of a small network every cut's memory is planned; of a large one that of the whole. */
static void memory_of_large_networks_is_bounded(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        oc_graph *g = braid_graph(OC_NET_PLANNED + more);
        oc_net *net = net_of(g, NULL);
        for (size_t c = 0; c < net->n_cuts; c++)
            check_arena(g, net, &net->cuts[c], more && c + 1 < net->n_cuts);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
}

/*
 * ---- the sweep
 * ----------------------------------------------------------------------------------
 */

/* The best head as oc_net_make sweeps: tally nodes take as long as they have operations. */
static void best_head(const oc_net *net, oc_mincut *mincut, double faster, double moving,
                      bool *is_head)
{
    double edge[256], cloud[256], up[256], down[256], work = 0, bytes = 0;
    assert_true(net->n_values < OC_COUNT(up));
    for (size_t n = 0; n < net->n_nodes; n++) {
        edge[n] = net->ops[n];
        cloud[n] = net->ops[n] / faster;
        work += net->ops[n];
    }
    for (size_t i = 0; i < net->n_inputs; i++)
        bytes += (double)net->bytes[net->inputs[i]];
    for (size_t v = 0; v < net->n_values; v++)
        up[v] = moving * work / bytes * (double)net->bytes[v];
    for (size_t i = 0; i < net->n_outputs; i++)
        down[i] = moving * work / bytes * (double)net->bytes[net->outputs[i]];
    oc_mincut_solve(mincut, edge, cloud, up, down, is_head);
}

/*
 * Branches from an input to an output each, of 1 to 1024 operations a byte in no order: every speed
 * of link and worker has a best head of its own.
 */
static oc_graph *rake_graph(void)
{
    enum { BRANCHES = 61, WIDEST = 64 };
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_assert_ok(oc_graph_create("rake", NULL, NULL, &g));
    for (int b = 0; b < BRANCHES; b++) {
        double work = exp2(b * 7 % BRANCHES / 6.0);
        char name[16];
        oc_id value;
        snprintf(name, sizeof(name), "in%d", b);
        oc_assert_ok(oc_graph_add_input(g, name, &tally_desc, &value));
        for (; work >= 1; work -= WIDEST) {
            oc_id in[WIDEST];
            for (int i = 0; i < WIDEST; i++)
                in[i] = value;
            oc_assert_ok(
                oc_graph_begin_node(g, &tally_op, NULL, in, OC_MIN((size_t)work, WIDEST), &node));
            oc_assert_ok(oc_graph_end_node(g, node, NULL, &value));
        }
        oc_assert_ok(oc_graph_add_output(g, value));
    }
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

/* No speed of worker takes the room of another: the net has all cuts of each, or four of them. */
static void every_speed_of_worker_has_its_cuts(void **state)
{
    static const double faster[] = {16, 4, 1.5, 0.67};
    oc_graph *g = rake_graph();
    oc_net *net = net_of(g, NULL);
    oc_mincut *mincut = NULL;
    bool is_head[256];
    size_t n_left_out = 0;
    (void)state;
    oc_assert_ok(oc_mincut_create(net, NULL, &mincut));
    for (size_t f = 0; f < OC_COUNT(faster); f++) {
        bool is_seen[256] = {false};
        size_t n_in = 0, n_out = 0;
        for (int i = 0; i < 14; i++) {
            best_head(net, mincut, faster[f], ldexp(1.0, 2 - i), is_head);
            uint32_t cut = oc_net_find_cut(net, is_head);
            n_out += cut == OC_NONE;
            n_in += cut != OC_NONE && !is_seen[cut];
            if (cut != OC_NONE)
                is_seen[cut] = true;
        }
        assert_true(n_out == 0 || n_in >= 4);
        n_left_out += n_out;
    }
    assert_true(n_left_out > 8);
    oc_mincut_destroy(mincut);
    oc_net_destroy(net);
    oc_graph_destroy(g);
}

/*
 * ---- domination
 * ---------------------------------------------------------------------------------------
 */

/* By the definition: whether a walk from the value back to an input avoids the node. */
static bool comes_past(const oc_net *net, oc_id node, oc_id value)
{
    oc_id producer = net->producer[value];
    bool does = producer == OC_NONE;
    for (uint32_t i = 0;
         !does && producer != node && i < net->in_begin[producer + 1] - net->in_begin[producer];
         i++)
        does = comes_past(net, node, net->in[net->in_begin[producer] + i]);
    return does;
}

static void a_node_dominates_what_no_input_reaches_past_it(void **state)
{
    size_t n_dominated = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed += 2) { /* the small ones */
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        bool is_dominated[64];
        for (oc_id node = 0; node < net->n_nodes; node++) {
            oc_net_dominated(net, node, is_dominated);
            for (oc_id v = 0; v < net->n_values; v++) {
                assert_int_equal(is_dominated[v], !comes_past(net, node, v));
                n_dominated += is_dominated[v];
            }
        }
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
    assert_true(n_dominated > NETWORKS);
}

/*
 * ---- costs and predictions
 * ------------------------------------------------------------------------------
 */

static void fill_site(oc_rng *rng, oc_site_state *site)
{
    *site = (oc_site_state){.is_up = true,
                            .start_ns = oc_rng_below(rng, 1000),
                            .queue_ns = oc_rng_below(rng, 1000),
                            .encode_ns_per_byte = oc_rng_float(rng, 0, 1),
                            .decode_ns_per_byte = oc_rng_float(rng, 0, 1)};
    site->link = (oc_link_estimate){.up_latency_ns = oc_rng_below(rng, 1000),
                                    .up_ns_per_byte = oc_rng_float(rng, 0, 9),
                                    .down_latency_ns = oc_rng_below(rng, 1000),
                                    .down_ns_per_byte = oc_rng_float(rng, 0, 9)};
    for (int k = 0; k < OC_KINDS_MAX; k++)
        site->factor[k] = oc_rng_float(rng, 0.5f, 2);
}

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-12 * fabs(expected) + 1e-9)
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static void check_prediction(const oc_costs *costs, const oc_situation *s, uint32_t cut)
{
    const oc_net *net = costs->net;
    const oc_net_cut *c = &net->cuts[cut];
    const oc_site_state *w = &s->sites[1];
    double edge = s->n_submitted == 0 && c->n_head > 0 ? s->sites[0].start_ns : 0, head = 0,
           cloud = 0;
    oc_prediction p;
    oc_predict(costs, s, cut, 1, &p);
    for (size_t n = 0; n < net->n_nodes; n++) {
        double ns = s->sites[0].factor[net->kind[n]] * costs->node_ns[0][n];
        edge += c->is_head[n] && !net->cuts[s->at_cut].is_head[n] ? ns : 0;
        head += c->is_head[n] ? ns : 0;
        cloud += c->is_head[n] ? 0 : w->factor[net->kind[n]] * costs->node_ns[1][n];
    }
    assert_near(p.edge_ns, edge);
    assert_near(p.encode_ns, (double)c->up_bytes * w->encode_ns_per_byte);
    assert_near(p.send_ns, w->link.up_latency_ns + (double)c->up_bytes * w->link.up_ns_per_byte);
    assert_near(p.queue_ns, w->queue_ns);
    assert_near(p.cloud_ns, w->start_ns + cloud);
    assert_near(p.receive_ns,
                w->link.down_latency_ns +
                    (double)c->down_bytes * (w->link.down_ns_per_byte + w->decode_ns_per_byte));
    assert_near(p.total_ns,
                p.edge_ns + p.encode_ns + p.send_ns + p.queue_ns + p.cloud_ns + p.receive_ns);
    assert_near(oc_costs_head_ns(costs, &s->sites[0], 0, cut), head);
    assert_near(oc_costs_tail_ns(costs, w, 1, cut), cloud);
}

static void predictions_are_what_the_nodes_add_up_to(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        oc_rng rng = oc_rng_make(seed);
        oc_costs *costs = NULL;
        const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e9, 50}};
        oc_situation s = {.n_sites = 2};
        oc_assert_ok(oc_costs_make(net, rooflines, 2, NULL, &costs));
        fill_site(&rng, &s.sites[0]);
        fill_site(&rng, &s.sites[1]);
        for (uint32_t at = 0; at < net->n_cuts; at++)
            for (uint32_t more = 0; net->cuts[at].index != OC_NONE && more < 3; more++) {
                s.at_cut = at;
                s.n_submitted = OC_MIN(net->cuts[at].index + more, (uint32_t)net->n_nodes);
                for (uint32_t cut = 0; cut < net->n_cuts; cut++) {
                    bool is_ahead = true;
                    oc_prediction p;
                    for (uint32_t n = 0; n < s.n_submitted; n++)
                        is_ahead &= net->cuts[cut].is_head[n];
                    oc_predict(costs, &s, cut, 1, &p);
                    assert_true(p.edge_ns >= 0); /* also for cuts that the run has passed */
                    if (is_ahead)
                        check_prediction(costs, &s, cut);
                }
            }
        oc_costs_destroy(costs);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
}

/* Behind a cut that is no prefix the edge goes on from the last prefix inside. */
static void predictions_go_on_from_the_base(void **state)
{
    size_t n_more = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 4 * NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        oc_costs *costs = NULL;
        const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e9, 50}};
        oc_situation s = {.n_sites = 2};
        const uint32_t last = (uint32_t)net->n_cuts - 1;
        oc_assert_ok(oc_costs_make(net, rooflines, 2, NULL, &costs));
        for (int k = 0; k < OC_KINDS_MAX; k++)
            s.sites[0].factor[k] = s.sites[1].factor[k] = 1;
        for (uint32_t at = 0; at < net->n_cuts; at++) {
            const oc_net_cut *cut = &net->cuts[at];
            double again = 0;
            oc_prediction p;
            if (cut->index != OC_NONE)
                continue;
            s.at_cut = at;
            s.n_submitted = cut->n_head;
            for (size_t n = net->cuts[cut->base].n_head; n < net->n_nodes; n++)
                again += costs->node_ns[0][n];
            oc_predict(costs, &s, last, 0, &p);
            assert_near(p.edge_ns, again);
            n_more += again > oc_costs_tail_ns(costs, &s.sites[0], 0, at) + 1;
            oc_predict(costs, &s, at, 1, &p); /* forwarded where it stands: nothing is run again */
            assert_true(p.edge_ns == 0);
        }
        oc_costs_destroy(costs);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
    assert_true(n_more > 5);
}

static void measured_times_replace_rooflines(void **state)
{
    oc_graph *g = graph_of(3);
    oc_net *net = net_of(g, NULL);
    oc_costs *costs = NULL;
    oc_site_state site = {0};
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}}, wrong = {0, 1e9, 100};
    double ns[64];
    (void)state;
    for (int k = 0; k < OC_KINDS_MAX; k++)
        site.factor[k] = 1;
    oc_assert_ok(oc_costs_make(net, rooflines, 1, NULL, &costs));
    assert_int_equal(costs->source[0], OC_COST_ROOFLINE);
    double kept = costs->node_ns[0][1];
    for (size_t n = 0; n < net->n_nodes; n++)
        ns[n] = n == 1 ? NAN : 1000;
    oc_costs_set(costs, 0, ns);
    assert_int_equal(costs->source[0], OC_COST_PROFILE);
    assert_near(oc_costs_head_ns(costs, &site, 0, (uint32_t)net->n_cuts - 1),
                kept + 1000.0 * (double)(net->n_nodes - 1));
    oc_costs_destroy(costs);
    costs = NULL;
    oc_assert_fails(oc_costs_make(net, &wrong, 1, NULL, &costs), OC_E_ARG, "0 flop/s");
    oc_assert_fails(oc_costs_make(net, rooflines, OC_SITES_MAX + 1, NULL, &costs), OC_E_ARG,
                    "sites");
    assert_null(costs);
    oc_net_destroy(net);
    oc_graph_destroy(g);
}

/* A profile rounds to nothing what is too short to measure; multiplying is not. */
static void no_time_is_none_for_a_node_that_multiplies(void **state)
{
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}};
    size_t n_kept = 0;
    (void)state;
    for (uint64_t seed = 2; seed <= 20; seed += 2) {
        oc_graph *g = graph_of(seed);
        oc_net *net = net_of(g, NULL);
        oc_costs *costs = NULL;
        double *ns = calloc(net->n_nodes, sizeof(*ns));
        oc_assert_ok(oc_costs_make(net, rooflines, 1, NULL, &costs));
        oc_costs_set(costs, 0, ns);
        for (size_t n = 0; n < net->n_nodes; n++)
            assert_true((costs->node_ns[0][n] > 0) == (net->macs[n] > 0));
        for (size_t n = 0; n < net->n_nodes; n++)
            n_kept += net->macs[n] > 0;
        free(ns);
        oc_costs_destroy(costs);
        oc_net_destroy(net);
        oc_graph_destroy(g);
    }
    assert_true(n_kept > 0);
}

/*
 * ---- memory that runs out
 * --------------------------------------------------------------------------------
 */

static oc_status make_all(const oc_allocator *alloc, void *ctx)
{
    const oc_graph *g = ctx;
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e9, 50}};
    oc_net *net = NULL, *more = NULL;
    oc_costs *costs = NULL;
    oc_cut cut = {0};
    uint32_t index;
    oc_status status;
    uint64_t least;
    OC_TRY(oc_exec_prefix_bytes(g, g->n_nodes, alloc, &least));
    OC_TRY(oc_net_make(g, NULL, NULL, 0, least, alloc, &net));
    OC_TRY_OUT(oc_cut_at(g, 1, alloc, &cut));
    OC_TRY_OUT(oc_net_with_cut(net, g, cut.is_head, &more, &index));
    OC_TRY_OUT(oc_costs_make(more, rooflines, 2, alloc, &costs));
out:
    oc_costs_destroy(costs);
    oc_cut_fini(&cut);
    oc_net_destroy(more);
    oc_net_destroy(net);
    return status;
}

static void memory_may_run_out(void **state)
{
    oc_graph *g = graph_of(9);
    (void)state;
    oc_test_oom_sweep(make_all, g);
    oc_graph_destroy(g);
    oc_net_destroy(NULL);
    oc_costs_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_net_is_the_graph_without_its_constants),
        cmocka_unit_test(cuts_are_worthwhile_and_described_exactly),
        cmocka_unit_test(memory_of_the_whole_network_is_the_plans),
        cmocka_unit_test(nodes_that_the_edge_cannot_run_are_in_no_head),
        cmocka_unit_test(cuts_can_be_asked_for_and_added),
        cmocka_unit_test(a_head_that_needs_the_tail_is_refused),
        cmocka_unit_test(a_memory_limit_holds_for_all_cuts_together),
        cmocka_unit_test(an_extra_cut_stays_within_a_memory_limit),
        cmocka_unit_test(memory_of_large_networks_is_bounded),
        cmocka_unit_test(every_speed_of_worker_has_its_cuts),
        cmocka_unit_test(a_node_dominates_what_no_input_reaches_past_it),
        cmocka_unit_test(predictions_are_what_the_nodes_add_up_to),
        cmocka_unit_test(predictions_go_on_from_the_base),
        cmocka_unit_test(measured_times_replace_rooflines),
        cmocka_unit_test(no_time_is_none_for_a_node_that_multiplies),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
