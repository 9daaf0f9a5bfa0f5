/* SPDX-License-Identifier: Apache-2.0 */
/** Policies read from texts, and what the planner decides by them. */
#include "graph_gen.h"
#include "oc_policy.h"
#include "oc_test.h"
#include "tally_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NETWORKS = 60, BRUTE_NODES = 12 };

/*
 * ---- a network, costs, a situation
 * ------------------------------------------------------------------
 */

typedef struct world {
    oc_graph *g;
    oc_net *net;
    oc_costs *costs;
    oc_policy *policy;
    oc_planner *planner;
    oc_situation s;
    oc_decision d;
    oc_test_allocator alloc; /* the planner's */
} world;

/* An edge, a worker ten times as fast, one three times as fast; a microsecond's link. */
static void fill_situation(oc_situation *s)
{
    *s = (oc_situation){.run = 1,
                        .now_cut = OC_NONE,
                        .now_site = OC_NONE,
                        .deadline_ns = INFINITY,
                        .can_finish = true,
                        .memory_available = NAN,
                        .n_sites = 3};
    for (uint32_t i = 0; i < s->n_sites; i++) {
        oc_site_state *site = &s->sites[i];
        site->is_up = true;
        site->link = (oc_link_estimate){.up_latency_ns = 1000,
                                        .up_ns_per_byte = 10,
                                        .down_latency_ns = 1000,
                                        .down_ns_per_byte = 10};
        for (int k = 0; k < OC_KINDS_MAX; k++)
            site->factor[k] = 1;
    }
}

static void random_costs(world *w, uint64_t seed)
{
    oc_rng rng = oc_rng_make(seed);
    double ns[256];
    assert_true(w->net->n_nodes <= OC_COUNT(ns));
    for (size_t site = 0; site < w->costs->n_sites; site++) {
        for (size_t n = 0; n < w->net->n_nodes; n++)
            ns[n] = oc_rng_below(&rng, site ? 1000 : 3000);
        oc_costs_set(w->costs, site, ns);
    }
}

static void random_situation(world *w, uint64_t seed)
{
    oc_rng rng = oc_rng_make(seed);
    fill_situation(&w->s);
    for (uint32_t i = 0; i < w->s.n_sites; i++) {
        oc_site_state *site = &w->s.sites[i];
        site->start_ns = oc_rng_below(&rng, 200);
        site->queue_ns = oc_rng_below(&rng, 200);
        site->encode_ns_per_byte = oc_rng_float(&rng, 0, 1);
        site->link.up_latency_ns = oc_rng_below(&rng, 300);
        site->link.up_ns_per_byte = oc_rng_below(&rng, 150);
        site->link.down_ns_per_byte = oc_rng_below(&rng, 50);
        for (int k = 0; k < OC_KINDS_MAX; k++)
            site->factor[k] = oc_rng_float(&rng, 0.5f, 2);
    }
}

static void set_policy(world *w, const char *text)
{
    oc_planner_destroy(w->planner);
    oc_policy_destroy(w->policy);
    w->planner = NULL;
    w->policy = NULL;
    oc_assert_ok(oc_policy_parse(text, w->net, NULL, &w->policy));
    oc_assert_ok(oc_planner_create(w->costs, w->policy, &w->alloc.allocator, &w->planner));
}

static void use_graph(world *w, oc_graph *g)
{
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e10, 10}, {3e9, 3e9, 30}};
    *w = (world){.g = g};
    oc_test_allocator_init(&w->alloc, 0);
    oc_assert_ok(oc_net_make(g, NULL, NULL, 0, 0, NULL, &w->net));
    oc_assert_ok(oc_costs_make(w->net, rooflines, 3, NULL, &w->costs));
    fill_situation(&w->s);
    set_policy(w, "latency");
}

static void make_world(world *w, uint64_t seed)
{
    oc_status status;
    oc_graph *g = tally_random_graph(seed, NULL, &status);
    oc_assert_ok(status);
    use_graph(w, g);
}

/*
 * in -> n0 -> ... -> n5, each value 8 bytes. A node takes 1000 ns here, 100 on the one worker and
 * 300 on the other.
 */
enum { CHAIN = 6 };
static void make_chain(world *w)
{
    oc_graph *g = NULL;
    oc_id value;
    double edge[CHAIN], fast[CHAIN], slow[CHAIN];
    oc_assert_ok(oc_graph_create("chain", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "in", &tally_desc, &value));
    for (int n = 0; n < CHAIN; n++) {
        oc_node *node = NULL;
        char name[16];
        snprintf(name, sizeof(name), "n%d", n);
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, name, &value, 1, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &value));
        edge[n] = 1000;
        fast[n] = 100;
        slow[n] = 300;
    }
    oc_assert_ok(oc_graph_add_output(g, value));
    oc_assert_ok(oc_graph_freeze(g, 1));
    use_graph(w, g);
    oc_costs_set(w->costs, 0, edge);
    oc_costs_set(w->costs, 1, fast);
    oc_costs_set(w->costs, 2, slow);
}

static void end_world(world *w)
{
    oc_planner_destroy(w->planner);
    assert_int_equal(w->alloc.live, 0);
    oc_policy_destroy(w->policy);
    oc_costs_destroy(w->costs);
    oc_net_destroy(w->net);
    oc_graph_destroy(w->g);
}

/* Decides twice: the same both times, and nothing allocated. */
static const oc_decision *decide(world *w)
{
    oc_decision first;
    size_t calls = w->alloc.calls;
    oc_planner_decide(w->planner, &w->s, &first);
    oc_planner_decide(w->planner, &w->s, &w->d);
    assert_int_equal(w->alloc.calls, calls);
    assert_int_equal(first.cut, w->d.cut);
    assert_int_equal(first.site, w->d.site);
    assert_memory_equal(&first.predicted, &w->d.predicted, sizeof(first.predicted));
    assert_string_equal(first.why, w->d.why);
    assert_true(strlen(w->d.why) > 0);
    return &w->d;
}

static const oc_option *option_at(const oc_decision *d, uint32_t cut, uint32_t site)
{
    for (size_t i = 0; i < d->n_options; i++)
        if (d->options[i].cut == cut && d->options[i].site == site)
            return &d->options[i];
    fail_msg("cut %u at site %u is no option", cut, site);
    return NULL;
}

static uint32_t last_cut(const world *w)
{
    return (uint32_t)w->net->n_cuts - 1;
}

static uint32_t cut_at(const world *w, uint32_t index)
{
    for (uint32_t c = 0; c < w->net->n_cuts; c++)
        if (w->net->cuts[c].index == index)
            return c;
    fail_msg("the net has no cut %u", index);
    return OC_NONE;
}

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-9 * fabs(expected) + 1e-9)
        fail_msg("expected %.17g, found %.17g", expected, found);
}

/*
 * ---- texts
 * -----------------------------------------------------------------------------------------------
 */

static void rows_describe_themselves(void **state)
{
    size_t count;
    const oc_policy_type *const *types = oc_policy_types(&count);
    (void)state;
    assert_in_range(count, 7, 32);
    for (size_t i = 0; i < count; i++) {
        assert_true(types[i]->name && types[i]->help);
        assert_true(types[i]->allows || types[i]->score);
        assert_int_equal(types[i]->argument != NULL, types[i]->parse != NULL);
        assert_true(!types[i]->may_cross || types[i]->allows);
        assert_true(!types[i]->is_total || types[i]->score);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(types[i]->name, types[j]->name);
    }
    for (int v = OC_CHOSEN; v <= OC_CANNOT_RUN; v++)
        assert_string_not_equal(oc_verdict_text((oc_verdict)v), "unknown");
}

static void texts_are_read_or_refused_with_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        oc_status status;
        const char *says;
    } bad[] = {
        {"", OC_E_ARG, "latency"},
        {"fast", OC_E_ARG,
         "local, remote, fixed:CUT, latency, deadline:MS, memory:BYTES, privacy:NODE"},
        {"latency,", OC_E_ARG, "rows joined by commas"},
        {"latency:3", OC_E_ARG, "no argument"},
        {"deadline", OC_E_ARG, "deadline:MS"},
        {"deadline:", OC_E_ARG, "deadline:MS"},
        {"deadline:soon", OC_E_ARG, "expected a number"},
        {"deadline:0", OC_E_ARG, "more than 0"},
        {"deadline:-5", OC_E_ARG, "expected a number"},
        {"deadline:5K", OC_E_ARG, "expected a number"},
        {"deadline:nan", OC_E_ARG, "expected a number"},
        {"deadline:5,latency", OC_E_ARG, "one objective"},
        {"local,local", OC_E_ARG, "twice"},
        {"memory:64Q", OC_E_ARG, "K, M or G"},
        {"memory:0", OC_E_ARG, "1 to 1e18"},
        {"memory:1e400", OC_E_ARG, "expected a number"},
        {"privacy:nobody", OC_E_NOTFOUND, "no node"},
        {"fixed:99", OC_E_NOTFOUND, "all-local"},
        {"fixed:nobody", OC_E_NOTFOUND, "joined by '+'"},
        {"fixed:in+in", OC_E_NOTFOUND, "joined by '+'"},
        /* Nothing can ever be done as these say. */
        {"local,remote", OC_E_ARG, "local and remote never allow the same"},
        {"latency,remote,memory:1M,privacy:n0", OC_E_ARG, "remote and privacy never"},
        {"privacy:n1,fixed:0", OC_E_ARG, "privacy and fixed never"},
        {"fixed:all-local,remote", OC_E_ARG, "fixed and remote never"},
        {"latency,memory:1", OC_E_ARG, "memory allows none of the"},
    };
    world w;
    oc_policy *policy = NULL;
    (void)state;
    make_chain(&w);
    for (size_t i = 0; i < OC_COUNT(bad); i++)
        oc_assert_fails(oc_policy_parse(bad[i].text, w.net, NULL, &policy), bad[i].status,
                        bad[i].says);
    assert_null(policy);
    oc_assert_ok(oc_policy_parse("deadline:16.5,privacy:n1,memory:1.5M", w.net, NULL, &policy));
    assert_string_equal(oc_policy_text(policy), "deadline:16.5,privacy:n1,memory:1.5M");
    assert_true(oc_policy_deadline_ns(policy) == 16.5e6);
    oc_policy_destroy(policy);
    assert_true(isinf(oc_policy_deadline_ns(w.policy)));
    end_world(&w);
}

/* The last node is not for this machine: nothing is done here alone, nor kept here to its end. */
static void what_the_edge_cannot_finish_is_not_asked_of_it(void **state)
{
    static const char *const bad[] = {"local", "privacy:n5"};
    const bool can_run[CHAIN] = {true, true, true, true, true, false};
    world w;
    oc_net *net = NULL;
    oc_policy *policy = NULL;
    (void)state;
    make_chain(&w);
    oc_assert_ok(oc_net_make(w.g, can_run, NULL, 0, 0, NULL, &net));
    for (size_t i = 0; i < OC_COUNT(bad); i++)
        oc_assert_fails(oc_policy_parse(bad[i], net, NULL, &policy), OC_E_ARG, "allows none");
    assert_null(policy);
    oc_assert_ok(oc_policy_parse("privacy:n4", net, NULL, &policy));
    oc_policy_destroy(policy);
    oc_net_destroy(net);
    end_world(&w);
}

static void what_a_text_says_is_known_before_there_is_a_net(void **state)
{
    world w;
    oc_cut cut;
    bool has_cut;
    uint64_t bytes = 1;
    (void)state;
    make_chain(&w);
    oc_assert_ok(oc_policy_cut("privacy:n0,fixed:3", w.g, NULL, &cut, &has_cut));
    assert_true(has_cut);
    assert_int_equal(cut.index, 3);
    oc_cut_fini(&cut);
    oc_assert_ok(oc_policy_cut("fixed:all-local", w.g, NULL, &cut, &has_cut));
    assert_int_equal(cut.index, CHAIN);
    oc_cut_fini(&cut);
    oc_assert_ok(oc_policy_cut("fixed:value:in", w.g, NULL, &cut, &has_cut));
    assert_int_equal(cut.index, 0);
    oc_cut_fini(&cut);
    oc_assert_ok(oc_policy_cut("latency", w.g, NULL, &cut, &has_cut));
    assert_false(has_cut);
    oc_assert_fails(oc_policy_cut("fixed:9", w.g, NULL, &cut, &has_cut), OC_E_ARG, "cut 9");
    oc_assert_fails(oc_policy_cut("fixed:in+nobody", w.g, NULL, &cut, &has_cut), OC_E_NOTFOUND,
                    "nobody");
    oc_assert_fails(oc_policy_cut("quick", w.g, NULL, &cut, &has_cut), OC_E_ARG, "quick");
    oc_assert_ok(oc_policy_memory("latency", &bytes));
    assert_int_equal(bytes, 0);
    oc_assert_ok(oc_policy_memory("privacy:nobody,memory:3K", &bytes));
    assert_int_equal(bytes, 3072);
    oc_assert_ok(oc_policy_memory("memory:2G", &bytes));
    assert_int_equal(bytes, 2147483648u);
    oc_assert_fails(oc_policy_memory("memory:lots", &bytes), OC_E_ARG, "lots");
    end_world(&w);
}

/*
 * ---- constraints
 * -------------------------------------------------------------------------------------------
 */

static void local_remote_and_fixed_do_as_they_are_told(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_policy(&w, "local");
    assert_int_equal(decide(&w)->site, 0);
    assert_false(w.d.is_forced);
    assert_near(w.d.predicted.total_ns, 6000);
    assert_int_equal(option_at(&w.d, 0, 1)->verdict, OC_NOT_ALLOWED);
    assert_string_equal(option_at(&w.d, 0, 1)->by, "local");
    set_policy(&w, "remote");
    assert_int_equal(decide(&w)->cut, 0);
    assert_int_equal(w.d.site, 1);
    assert_true(w.d.is_now);
    w.s.sites[1].queue_ns = 1e6; /* the other worker is free */
    assert_int_equal(decide(&w)->site, 2);
    set_policy(&w, "fixed:all-local");
    assert_int_equal(decide(&w)->site, 0);
    end_world(&w);
}

static void a_fixed_cut_is_kept_until_its_worker_is_gone(void **state)
{
    world w;
    oc_cut cut;
    bool has_cut;
    (void)state;
    make_chain(&w);
    oc_assert_ok(oc_policy_cut("fixed:3", w.g, NULL, &cut, &has_cut));
    oc_net *net = NULL;
    oc_costs *costs = NULL;
    const oc_cut *extra[] = {&cut};
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e10, 10}, {3e9, 3e9, 30}};
    oc_assert_ok(oc_net_make(w.g, NULL, extra, 1, 0, NULL, &net));
    oc_cut_fini(&cut);
    oc_assert_ok(oc_costs_make(net, rooflines, 3, NULL, &costs));
    oc_net_destroy(w.net);
    oc_costs_destroy(w.costs);
    w.net = net;
    w.costs = costs;
    set_policy(&w, "fixed:3");
    uint32_t fixed = cut_at(&w, 3);
    assert_int_equal(decide(&w)->cut, fixed);
    assert_false(w.d.is_now);
    w.s.at_cut = fixed;
    w.s.n_submitted = 5; /* a chunk ahead does not close the cut where the run stands */
    assert_int_equal(decide(&w)->cut, fixed);
    assert_true(w.d.is_now);
    w.s.sites[1].is_excluded = w.s.sites[2].is_excluded = true;
    assert_int_equal(decide(&w)->site, 0);
    assert_true(w.d.is_forced);
    assert_int_equal(option_at(&w.d, fixed, 1)->verdict, OC_WORKER_EXCLUDED);
    assert_true(strstr(w.d.why, "fixed") != NULL);
    end_world(&w);
}

static void memory_limits_the_head(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        world w;
        char text[64];
        oc_graph *g = NULL;
        oc_assert_ok(graph_gen(seed, NULL, &g));
        oc_assert_ok(oc_graph_freeze(g, 1));
        use_graph(&w, g);
        random_costs(&w, seed);
        random_situation(&w, seed);
        uint64_t most = w.net->cuts[w.net->n_cuts / 2].memory_bytes;
        snprintf(text, sizeof(text), "memory:%llu", (unsigned long long)most);
        set_policy(&w, text);
        decide(&w);
        assert_true(w.d.is_forced || w.net->cuts[w.d.cut].memory_bytes <= most);
        for (size_t i = 0; i < w.d.n_options; i++) {
            const oc_option *o = &w.d.options[i];
            bool fits = w.net->cuts[o->cut].memory_bytes <= most;
            assert_true(fits == (o->verdict != OC_NOT_ALLOWED));
            assert_true(!fits || w.d.predicted.total_ns <= o->predicted.total_ns);
        }
        assert_null(w.d.new_head);
        assert_true(w.d.gap >= 0);
        end_world(&w);
    }
}

/*
 * ---- the least total, against all heads
 * --------------------------------------------------------------------
 */

/*
 * The total of forwarding a head to a worker, or of all nodes here; INFINITY where it must not be
 * or is no head.
 */
static double total_of(const world *w, uint32_t mask, uint32_t site, const bool *may_cross)
{
    const oc_net *net = w->net;
    const oc_site_state *edge = &w->s.sites[0], *worker = &w->s.sites[site];
    double sum = mask ? edge->start_ns : 0;
    for (uint32_t n = 0; n < net->n_nodes; n++) {
        bool is_head = mask >> n & 1;
        sum += is_head ? edge->factor[net->kind[n]] * w->costs->node_ns[0][n]
                       : worker->factor[net->kind[n]] * w->costs->node_ns[site][n];
        for (uint32_t i = net->in_begin[n]; is_head && i < net->in_begin[n + 1]; i++)
            if (net->producer[net->in[i]] != OC_NONE && !(mask >> net->producer[net->in[i]] & 1))
                return INFINITY;
    }
    if (mask == (1u << net->n_nodes) - 1)
        return sum;
    sum += worker->start_ns + worker->queue_ns + worker->link.up_latency_ns +
           worker->link.down_latency_ns;
    for (uint32_t v = 0; v < net->n_values; v++) {
        bool is_there = net->producer[v] == OC_NONE || mask >> net->producer[v] & 1,
             is_wanted = false;
        for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1]; u++)
            is_wanted |= !(mask >> net->use[u] & 1);
        if (is_there && is_wanted && may_cross && !may_cross[v])
            return INFINITY;
        if (is_there && is_wanted)
            sum +=
                (double)net->bytes[v] * (worker->link.up_ns_per_byte + worker->encode_ns_per_byte);
    }
    for (size_t i = 0; i < net->n_outputs; i++)
        if (!(mask >> net->producer[net->outputs[i]] & 1))
            sum += (double)net->bytes[net->outputs[i]] *
                   (worker->link.down_ns_per_byte + worker->decode_ns_per_byte);
    return sum;
}

static double least_of_all(const world *w, const bool *may_cross)
{
    double least = INFINITY;
    for (uint32_t site = 1; site < w->s.n_sites; site++)
        for (uint32_t mask = 0; mask < 1u << w->net->n_nodes; mask++)
            least = OC_MIN(least, total_of(w, mask, site, may_cross));
    return least;
}

static uint32_t mask_of(const world *w, const bool *is_head)
{
    uint32_t mask = 0;
    for (uint32_t n = 0; n < w->net->n_nodes; n++)
        mask |= (uint32_t)is_head[n] << n;
    return mask;
}

/*
 * Checks the bound, and that the choice or the head that is offered reaches it. True: a head was
 * offered.
 */
static bool check_least(world *w, const bool *may_cross)
{
    double least = least_of_all(w, may_cross);
    decide(w);
    assert_near(w->d.bound_ns, least);
    if (!w->d.new_head) {
        assert_near(w->d.predicted.total_ns, least);
        assert_true(w->d.gap < 2e-6);
        return false;
    }
    assert_near(total_of(w, mask_of(w, w->d.new_head), w->d.new_site, may_cross), least);
    assert_near(w->d.gap, w->d.predicted.total_ns / least - 1);
    return true;
}

/* The net with the head that was offered: then it is chosen. */
static void take_offer(world *w, const char *text)
{
    oc_net *net = NULL;
    uint32_t cut;
    double least = w->d.bound_ns;
    oc_assert_ok(oc_net_with_cut(w->net, w->g, w->d.new_head, &net, &cut));
    oc_costs *costs = NULL;
    const oc_roofline rooflines[] = {{1e9, 1e9, 100}, {1e10, 1e10, 10}, {3e9, 3e9, 30}};
    oc_assert_ok(oc_costs_make(net, rooflines, 3, NULL, &costs));
    for (size_t site = 0; site < 3; site++)
        oc_costs_set(costs, site, w->costs->node_ns[site]);
    oc_net_destroy(w->net);
    oc_costs_destroy(w->costs);
    w->net = net;
    w->costs = costs;
    set_policy(w, text);
    decide(w);
    assert_int_equal(w->d.cut, cut);
    assert_near(w->d.predicted.total_ns, least);
    assert_true(w->d.gap == 0 && !w->d.new_head);
}

static void latency_is_the_least_of_all_heads(void **state)
{
    size_t n_offered = 0, n_checked = 0, n_local = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 8 * NETWORKS; seed++) {
        world w;
        make_world(&w, seed);
        random_costs(&w, seed);
        random_situation(&w, seed);
        if (w.net->n_nodes <= BRUTE_NODES) {
            n_checked++;
            if (check_least(&w, NULL)) {
                n_offered++;
                take_offer(&w, "latency");
            }
            n_local += w.d.site == 0;
        }
        end_world(&w);
    }
    assert_true(n_checked > NETWORKS && n_offered > 5 && n_local > 5 && n_local < n_checked / 2);
}

/* in -> gate -> a random DAG of nodes, all of which the output needs. */
static oc_graph *gated_graph(uint64_t seed)
{
    enum { NODES = 9 };
    oc_rng rng = oc_rng_make(seed);
    oc_graph *g = NULL;
    oc_id ids[NODES + 2];
    bool is_used[NODES + 2] = {true};
    oc_assert_ok(oc_graph_create("gated", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "in", &tally_desc, &ids[0]));
    for (uint32_t n = 0; n <= NODES; n++) {
        oc_id loose[NODES + 2];
        oc_node *node = NULL;
        size_t n_in = 0;
        for (uint32_t i = 0; n < NODES && i < 2; i++) { /* the input is the gate's alone */
            uint32_t pick = n ? 1 + oc_rng_below(&rng, n) : 0;
            is_used[pick] = true;
            loose[n_in++] = ids[pick];
        }
        for (uint32_t i = 1; n == NODES && i <= NODES; i++)
            if (!is_used[i])
                loose[n_in++] = ids[i];
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, n ? NULL : "gate", loose, n_in, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &ids[n + 1]));
    }
    oc_assert_ok(oc_graph_add_output(g, ids[NODES + 1]));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

static void privacy_holds_for_the_minimum_cut_too(void **state)
{
    size_t n_offered = 0, n_remote = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 4 * NETWORKS; seed++) {
        world w;
        const char *text = "privacy:gate";
        bool may_cross[64];
        use_graph(&w, gated_graph(seed));
        random_costs(&w, seed);
        random_situation(&w, seed);
        oc_net_dominated(w.net, oc_graph_find_node(w.g, "gate"), may_cross);
        set_policy(&w, text);
        if (check_least(&w, may_cross)) {
            n_offered++;
            take_offer(&w, text);
        }
        decide(&w);
        for (uint32_t i = 0; i < w.net->cuts[w.d.cut].n_values; i++)
            assert_true(may_cross[w.net->cuts[w.d.cut].values[i]]);
        n_remote += w.d.site > 0;
        w.s.can_finish =
            false; /* then there is nothing that privacy would let pass, or it is let pass by it */
        w.s.sites[0].factor[0] = 1000;
        decide(&w);
        for (uint32_t i = 0; w.d.is_possible && i < w.net->cuts[w.d.cut].n_values; i++)
            assert_true(may_cross[w.net->cuts[w.d.cut].values[i]]);
        end_world(&w);
    }
    assert_true(n_offered > 5 && n_remote > 5);
}

/*
 * ---- decision points
 * --------------------------------------------------------------------------------------
 */

static void the_best_of_what_is_still_open_is_chosen(void **state)
{
    size_t n_now = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        world w;
        make_world(&w, seed);
        random_costs(&w, seed);
        random_situation(&w, seed);
        for (uint32_t at = 0; at < w.net->n_cuts - 1; at++) {
            if (w.net->cuts[at].index == OC_NONE)
                continue;
            w.s.at_cut = at;
            w.s.n_submitted = OC_MIN(w.net->cuts[at].index + 2, (uint32_t)w.net->n_nodes);
            decide(&w);
            n_now += w.d.is_now;
            assert_true(isnan(w.d.bound_ns) && isnan(w.d.gap) && !w.d.new_head);
            for (size_t i = 0; i < w.d.n_options; i++) {
                const oc_option *o = &w.d.options[i];
                bool is_ahead = true;
                oc_prediction p;
                for (uint32_t n = 0; n < w.s.n_submitted; n++)
                    is_ahead &= w.net->cuts[o->cut].is_head[n];
                oc_predict(w.costs, &w.s, o->cut, o->site, &p);
                assert_memory_equal(&p, &o->predicted, sizeof(p));
                assert_true((o->verdict == OC_PASSED) == (!is_ahead && o->cut != at));
                assert_true(o->verdict == OC_PASSED || w.d.predicted.total_ns <= p.total_ns);
                assert_true((o->verdict == OC_CHOSEN) ==
                            (o->cut == w.d.cut && o->site == w.d.site));
            }
        }
        end_world(&w);
    }
    assert_true(n_now > NETWORKS / 10);
}

static void ties_go_to_the_lower_cut_and_site(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    for (uint32_t i = 0; i < 3; i++)
        for (int k = 0; k < OC_KINDS_MAX; k++) {
            w.s.sites[i].factor[k] = 0;
            w.s.sites[i].link = (oc_link_estimate){0};
        }
    decide(&w);
    assert_int_equal(w.d.cut, 0);
    assert_int_equal(w.d.site, 1);
    end_world(&w);
}

/*
 * ---- hysteresis
 * --------------------------------------------------------------------------------------------
 */

/* Local takes 6000 ns; remote 600 and the link, which is set so that remote takes `remote_ns`. */
static void set_remote(world *w, double remote_ns)
{
    w->s.sites[1].link = (oc_link_estimate){.up_latency_ns = remote_ns - 600};
    w->s.sites[2].is_up = false;
}

static void a_choice_in_force_is_left_only_for_a_clearly_better_one(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_policy(&w, "latency");
    w.s.now_cut = last_cut(&w);
    w.s.now_site = 0;
    set_remote(&w, 5900); /* 1.7 % better */
    assert_int_equal(decide(&w)->site, 0);
    assert_int_equal(option_at(&w.d, 0, 1)->verdict, OC_WITHIN_ERROR);
    assert_null(w.d.new_head);
    set_remote(&w, 5800); /* 3.3 % */
    assert_int_equal(decide(&w)->site, 1);
    w.s.total_error = 0.1;
    assert_int_equal(decide(&w)->site, 0);
    set_remote(&w, 5300);
    assert_int_equal(decide(&w)->site, 1);
    w.s.total_error = 5; /* a model that knows nothing still may not hold on for ever */
    assert_int_equal(decide(&w)->site, 0);
    set_remote(&w, 4400);
    assert_int_equal(decide(&w)->site, 1);
    w.s.now_cut = OC_NONE; /* nothing in force: the best one */
    set_remote(&w, 5990);
    assert_int_equal(decide(&w)->site, 1);
    end_world(&w);
}

static void a_choice_in_force_that_is_gone_holds_nothing(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    w.s.now_cut = 0;
    w.s.now_site = 1;
    w.s.total_error = 0.25;
    assert_int_equal(decide(&w)->site, 1);
    w.s.sites[1].is_up = false;
    snprintf(w.s.sites[1].why, sizeof(w.s.sites[1].why), "connection refused");
    assert_int_equal(decide(&w)->site, 2);
    assert_false(w.d.is_forced);
    assert_int_equal(option_at(&w.d, 0, 1)->verdict, OC_WORKER_DOWN);
    end_world(&w);
}

/*
 * ---- deadlines
 * -----------------------------------------------------------------------------------------------
 */

static void a_deadline_leaves_time_to_fall_back(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_remote(&w, 2000);
    w.s.deadline_ns = 8001; /* 2000 to hear of it, 6000 to do it here */
    assert_int_equal(decide(&w)->site, 1);
    assert_false(w.d.is_forced);
    w.s.deadline_ns = 7999; /* forwarding later leaves less to do here */
    decide(&w);
    assert_int_equal(option_at(&w.d, 0, 1)->verdict, OC_TOO_LATE);
    assert_int_equal(w.d.site, 1);
    assert_true(w.d.cut > 0 && !w.d.is_forced);
    w.s.deadline_ns = 7400;
    decide(&w);
    assert_int_equal(w.d.site, 0);
    assert_false(w.d.is_forced);
    w.s.deadline_ns = 5000; /* neither: the quickest */
    assert_int_equal(decide(&w)->site, 1);
    assert_true(w.d.is_forced && w.d.is_possible);
    w.s.can_finish = false; /* there is no falling back: it only has to come */
    w.s.deadline_ns = 2001;
    assert_int_equal(decide(&w)->site, 1);
    assert_false(w.d.is_forced);
    end_world(&w);
}

static void deadline_wants_the_least_work_here_that_is_in_time(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_policy(&w, "deadline:0.0201");
    set_remote(&w, 14000); /* slower than here, but in time, with 6000 left to fall back */
    decide(&w);
    assert_int_equal(w.d.site, 1);
    assert_int_equal(w.d.cut, 0);
    w.s.total_error = 0.5; /* 14000 might be 21000 */
    assert_int_equal(decide(&w)->site, 0);
    w.s.total_error = 0;
    set_policy(&w, "deadline:0.0190");
    assert_int_equal(decide(&w)->site, 0);
    set_policy(&w, "deadline:0.0001"); /* nothing is: the quickest */
    assert_int_equal(decide(&w)->site, 0);
    assert_true(w.d.is_forced);
    end_world(&w);
}

/* The prefix among the net's cuts that the edge would go on from behind a head: what it would run. */
static double tail_behind(const world *w, const bool *is_head)
{
    const oc_site_state *edge = &w->s.sites[0];
    double tail = 0;
    size_t base = 0;
    for (size_t c = 0; c < w->net->n_cuts; c++) {
        bool is_inside = w->net->cuts[c].index != OC_NONE;
        for (size_t n = 0; n < w->net->cuts[c].n_head && is_inside; n++)
            is_inside = is_head[n];
        base = is_inside ? w->net->cuts[c].n_head : base;
    }
    for (size_t n = base; n < w->net->n_nodes; n++)
        tail += edge->factor[w->net->kind[n]] * w->costs->node_ns[0][n];
    return tail;
}

/* The net's cuts, and one that it should have: offered, and then taken in. */
static void falling_back_begins_at_the_last_prefix(void **state)
{
    size_t n_more = 0, n_offered = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 4 * NETWORKS; seed++) {
        world w;
        make_world(&w, seed);
        random_costs(&w, seed);
        random_situation(&w, seed);
        decide(&w);
        if (w.d.new_head) {
            double least = w.d.bound_ns, tail = tail_behind(&w, w.d.new_head);
            w.s.deadline_ns = least + tail - 1;
            assert_null(decide(&w)->new_head);
            w.s.deadline_ns = least + tail + 1;
            assert_non_null(decide(&w)->new_head);
            w.s.deadline_ns = INFINITY;
            decide(&w);
            take_offer(&w, "latency");
            n_offered++;
        }
        for (uint32_t c = 0; c < w.net->n_cuts; c++) {
            const oc_net_cut *cut = &w.net->cuts[c];
            oc_prediction p;
            if (cut->index != OC_NONE)
                continue;
            double tail = tail_behind(&w, cut->is_head);
            n_more += tail > oc_costs_tail_ns(w.costs, &w.s.sites[0], 0, c) + 1;
            oc_predict(w.costs, &w.s, c, 1, &p);
            w.s.deadline_ns = p.total_ns + tail + 1;
            decide(&w);
            assert_int_not_equal(option_at(&w.d, c, 1)->verdict, OC_TOO_LATE);
            w.s.deadline_ns = p.total_ns + tail - 1;
            if (decide(&w)->is_forced && w.d.cut == c && w.d.site == 1)
                continue; /* it is the quickest of what is too late */
            assert_int_equal(option_at(&w.d, c, 1)->verdict, OC_TOO_LATE);
        }
        end_world(&w);
    }
    assert_true(n_more > 5 && n_offered > 5);
}

/* Time in which the least work here is just done, or just not: the choice does not go to and fro. */
static void a_deadline_does_not_flap_at_its_edge(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    w.s.can_finish = false;
    w.s.sites[2].is_up = false;
    w.s.sites[1].link = (oc_link_estimate){0};
    for (int k = 0; k < OC_KINDS_MAX; k++)
        w.s.sites[1].factor[k] = 20; /* 12000 at the worker alone; each node here takes off 1000 */
    w.s.total_error = 0.02;
    set_policy(&w, "deadline:0.0123");
    assert_int_equal(decide(&w)->cut, 0); /* 12240 with the error */
    set_policy(&w, "deadline:0.0122");
    assert_true(decide(&w)->cut > 0);
    uint32_t later = w.d.cut;
    w.s.now_cut = 0;
    w.s.now_site = 1;
    assert_int_equal(decide(&w)->cut, 0);
    assert_false(w.d.is_forced);
    assert_int_equal(option_at(&w.d, later, 1)->verdict, OC_WITHIN_ERROR);
    w.s.total_error = 0.1; /* 13200 with the error, 11880 where as much is taken off again */
    assert_int_equal(decide(&w)->cut, 0);
    set_policy(&w, "deadline:0.0119"); /* not in time at all */
    assert_true(decide(&w)->cut > 0);
    w.s.now_cut = w.d.cut; /* and there it stays until the other one is clearly in time */
    set_policy(&w, "deadline:0.0131");
    assert_int_equal(decide(&w)->cut, w.s.now_cut);
    set_policy(&w, "deadline:0.0133");
    assert_int_equal(decide(&w)->cut, 0);
    end_world(&w);
}

/*
 * ---- when nothing is as it should be
 * ----------------------------------------------------------------------------
 */

static void what_can_still_be_done_is_done(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_policy(&w, "remote");
    w.s.sites[1].is_up = w.s.sites[2].is_up = false;
    decide(&w);
    assert_true(w.d.is_forced && w.d.is_possible);
    assert_int_equal(w.d.site, 0);
    w.s.can_finish = false;
    snprintf(w.s.sites[2].why, sizeof(w.s.sites[2].why), "connection refused");
    decide(&w);
    assert_false(w.d.is_possible);
    assert_true(strstr(w.d.why, "nothing can be done") != NULL);
    w.s.at_cut = cut_at(&w, 5); /* the start has passed: where the run stands will do */
    w.s.n_submitted = 5;
    w.s.sites[2].is_up = true;
    decide(&w);
    assert_true(w.d.is_forced && w.d.is_possible && w.d.is_now);
    assert_int_equal(w.d.site, 2);
    assert_int_equal(option_at(&w.d, last_cut(&w), 0)->verdict, OC_CANNOT_RUN);
    set_policy(&w, "local"); /* nothing leaves, whatever else there is to be done */
    decide(&w);
    assert_false(w.d.is_possible);
    end_world(&w);
}

static void what_must_not_leave_is_not_forced_out(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    set_policy(&w, "privacy:n5,fixed:all-local");
    w.s.can_finish = false;
    decide(&w);
    assert_false(w.d.is_possible);
    set_policy(&w, "privacy:n0,fixed:all-local");
    decide(&w);
    assert_true(w.d.is_possible && w.d.is_forced);
    assert_true(w.net->cuts[w.d.cut].is_head[0]);
    end_world(&w);
}

static void a_policy_of_another_net_is_refused(void **state)
{
    world a, b;
    oc_planner *planner = NULL;
    (void)state;
    make_chain(&a);
    make_chain(&b);
    oc_assert_fails(oc_planner_create(a.costs, b.policy, NULL, &planner), OC_E_ARG, "another net");
    end_world(&a);
    end_world(&b);
}

/*
 * ---- memory that runs out
 * ------------------------------------------------------------------------------------------
 */

static oc_status make_all(const oc_allocator *alloc, void *ctx)
{
    world *w = ctx;
    oc_policy *policy = NULL;
    oc_planner *planner = NULL;
    oc_cut cut = {0};
    bool has_cut;
    oc_status status;
    OC_TRY(oc_policy_parse("deadline:5,privacy:n1,memory:5M", w->net, alloc, &policy));
    OC_TRY_OUT(oc_planner_create(w->costs, policy, alloc, &planner));
    OC_TRY_OUT(oc_policy_cut("fixed:in", w->g, alloc, &cut, &has_cut));
    oc_cut_fini(&cut);
out:
    oc_planner_destroy(planner);
    oc_policy_destroy(policy);
    return status;
}

static void memory_may_run_out(void **state)
{
    world w;
    (void)state;
    make_chain(&w);
    oc_test_oom_sweep(make_all, &w);
    oc_planner_destroy(NULL);
    oc_policy_destroy(NULL);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_describe_themselves),
        cmocka_unit_test(texts_are_read_or_refused_with_what_is_wrong),
        cmocka_unit_test(what_the_edge_cannot_finish_is_not_asked_of_it),
        cmocka_unit_test(what_a_text_says_is_known_before_there_is_a_net),
        cmocka_unit_test(local_remote_and_fixed_do_as_they_are_told),
        cmocka_unit_test(a_fixed_cut_is_kept_until_its_worker_is_gone),
        cmocka_unit_test(memory_limits_the_head),
        cmocka_unit_test(latency_is_the_least_of_all_heads),
        cmocka_unit_test(privacy_holds_for_the_minimum_cut_too),
        cmocka_unit_test(the_best_of_what_is_still_open_is_chosen),
        cmocka_unit_test(ties_go_to_the_lower_cut_and_site),
        cmocka_unit_test(a_choice_in_force_is_left_only_for_a_clearly_better_one),
        cmocka_unit_test(a_choice_in_force_that_is_gone_holds_nothing),
        cmocka_unit_test(a_deadline_leaves_time_to_fall_back),
        cmocka_unit_test(deadline_wants_the_least_work_here_that_is_in_time),
        cmocka_unit_test(falling_back_begins_at_the_last_prefix),
        cmocka_unit_test(a_deadline_does_not_flap_at_its_edge),
        cmocka_unit_test(what_can_still_be_done_is_done),
        cmocka_unit_test(what_must_not_leave_is_not_forced_out),
        cmocka_unit_test(a_policy_of_another_net_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
