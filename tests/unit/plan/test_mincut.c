/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The minimum cut against all heads there are, on random networks with ties, zeros and infinities.
 */
#include "oc_policy.h"
#include "oc_test.h"

#include <math.h>
#include <stdlib.h>

enum { NODES_MAX = 11, VALUES_MAX = 3 + 2 * NODES_MAX, NETWORKS = 3000, CHAIN = 3000 };

/* A network made by hand; only what the minimum cut looks at is filled. */
typedef struct world {
    oc_net net;
    oc_rng rng;
    oc_id producer[VALUES_MAX], inputs[3], outputs[6], in[3 * NODES_MAX], out[2 * NODES_MAX],
        use[3 * NODES_MAX];
    bool is_output[VALUES_MAX];
    uint32_t in_begin[NODES_MAX + 1], out_begin[NODES_MAX + 1], use_begin[VALUES_MAX + 1];
    double edge_ns[NODES_MAX], cloud_ns[NODES_MAX], up_ns[VALUES_MAX], down_ns[6];
} world;

static uint32_t below(world *w, uint32_t n)
{
    return oc_rng_below(&w->rng, n);
}

static void add_node(world *w, uint32_t n)
{
    oc_net *net = &w->net;
    uint32_t n_in = 1 + below(w, 3), n_out = 1 + (below(w, 4) == 0), begin = w->in_begin[n],
             end = begin;
    for (uint32_t i = 0; i < n_in; i++) {
        oc_id value = below(w, 3)
                          ? (oc_id)net->n_values - 1 - below(w, OC_MIN((uint32_t)net->n_values, 4u))
                          : below(w, (uint32_t)net->n_values);
        bool is_new = true;
        for (uint32_t j = begin; j < end; j++)
            is_new &= w->in[j] != value;
        if (is_new)
            w->in[end++] = value;
    }
    w->in_begin[n + 1] = end;
    w->out_begin[n + 1] = w->out_begin[n] + n_out;
    for (uint32_t o = w->out_begin[n]; o < w->out_begin[n + 1]; o++) {
        w->out[o] = (oc_id)net->n_values;
        w->producer[net->n_values++] = n;
    }
}

static void make_uses(world *w)
{
    uint32_t count = 0;
    for (uint32_t v = 0; v < w->net.n_values; v++) {
        w->use_begin[v] = count;
        for (uint32_t n = 0; n < w->net.n_nodes; n++)
            for (uint32_t i = w->in_begin[n]; i < w->in_begin[n + 1]; i++)
                if (w->in[i] == v)
                    w->use[count++] = n;
    }
    w->use_begin[w->net.n_values] = count;
}

static void make_world(world *w, uint64_t seed)
{
    *w = (world){.rng = oc_rng_make(seed)};
    oc_net *net = &w->net;
    net->name = "random";
    net->n_inputs = 1 + below(w, 3);
    for (uint32_t i = 0; i < net->n_inputs; i++) {
        w->inputs[i] = i;
        w->producer[net->n_values++] = OC_NONE;
    }
    net->n_nodes = 1 + below(w, NODES_MAX);
    for (uint32_t n = 0; n < net->n_nodes; n++)
        add_node(w, n);
    make_uses(w);
    net->n_outputs = 1 + below(w, 4);
    for (uint32_t i = 0; i < net->n_outputs;
         i++) { /* the last value, then any, also inputs and values used again */
        w->outputs[i] = i ? below(w, (uint32_t)net->n_values) : (oc_id)net->n_values - 1;
        w->is_output[w->outputs[i]] = true;
    }
    net->producer = w->producer;
    net->inputs = w->inputs;
    net->outputs = w->outputs;
    net->is_output = w->is_output;
    net->in = w->in;
    net->out = w->out;
    net->use = w->use;
    net->in_begin = w->in_begin;
    net->out_begin = w->out_begin;
    net->use_begin = w->use_begin;
}

/*
 * Whole numbers up to `most`, so that sums are exact and ties are many; `infinite` of a hundred are
 * INFINITY.
 */
static double cost(world *w, uint32_t most, uint32_t infinite)
{
    return below(w, 100) < infinite ? INFINITY : below(w, most + 1);
}

static void make_costs(world *w, uint32_t most, uint32_t infinite)
{
    for (uint32_t n = 0; n < w->net.n_nodes; n++) {
        w->edge_ns[n] = cost(w, most, infinite / 2);
        w->cloud_ns[n] = cost(w, most, infinite / 4);
    }
    for (uint32_t v = 0; v < w->net.n_values; v++)
        w->up_ns[v] = cost(w, most, infinite);
    for (uint32_t i = 0; i < w->net.n_outputs; i++)
        w->down_ns[i] = cost(w, most, 0);
}

/* INFINITY also where `mask` is no head. */
static double cost_of(const world *w, uint32_t mask)
{
    const oc_net *net = &w->net;
    double sum = 0;
    for (uint32_t n = 0; n < net->n_nodes; n++) {
        sum += mask >> n & 1 ? w->edge_ns[n] : w->cloud_ns[n];
        for (uint32_t i = net->in_begin[n]; mask >> n & 1 && i < net->in_begin[n + 1]; i++)
            if (net->producer[net->in[i]] != OC_NONE && !(mask >> net->producer[net->in[i]] & 1))
                return INFINITY;
    }
    for (uint32_t v = 0; v < net->n_values; v++) {
        bool is_there = net->producer[v] == OC_NONE || mask >> net->producer[v] & 1,
             is_wanted = false;
        for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1]; u++)
            is_wanted |= !(mask >> net->use[u] & 1);
        sum += is_there && is_wanted ? w->up_ns[v] : 0;
    }
    for (uint32_t i = 0; i < net->n_outputs; i++)
        if (net->producer[net->outputs[i]] != OC_NONE &&
            !(mask >> net->producer[net->outputs[i]] & 1))
            sum += w->down_ns[i];
    return sum;
}

/* The best of all heads; of several the union, which is one of them. */
static double search_all(const world *w, uint32_t *best)
{
    double least = INFINITY;
    for (uint32_t mask = 0; mask < 1u << w->net.n_nodes; mask++) {
        double sum = cost_of(w, mask);
        *best = sum < least ? mask : sum == least && isfinite(sum) ? *best | mask : *best;
        least = OC_MIN(least, sum);
    }
    return least;
}

static uint32_t mask_of(const world *w, const bool *is_head)
{
    uint32_t mask = 0;
    for (uint32_t n = 0; n < w->net.n_nodes; n++)
        mask |= (uint32_t)is_head[n] << n;
    return mask;
}

static double solve(world *w, bool *is_head)
{
    oc_mincut *mincut = NULL;
    oc_test_allocator alloc;
    oc_test_allocator_init(&alloc, 0);
    oc_assert_ok(oc_mincut_create(&w->net, &alloc.allocator, &mincut));
    size_t calls = alloc.calls;
    double first = oc_mincut_solve(mincut, w->edge_ns, w->cloud_ns, w->up_ns, w->down_ns, is_head);
    double second = oc_mincut_solve(mincut, w->edge_ns, w->cloud_ns, w->up_ns, w->down_ns, is_head);
    assert_true(first == second);
    assert_int_equal(alloc.calls, calls);
    oc_mincut_destroy(mincut);
    assert_int_equal(alloc.live, 0);
    return second;
}

static void check_exact(uint32_t most, uint32_t infinite, size_t *n_impossible, size_t *n_between)
{
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        world w;
        bool is_head[NODES_MAX] = {false};
        uint32_t best = 0;
        make_world(&w, seed * 1000 + most);
        make_costs(&w, most, infinite);
        double least = search_all(&w, &best), found = solve(&w, is_head);
        if (found != least || (isfinite(least) && mask_of(&w, is_head) != best))
            fail_msg("seed %llu: expected %g with head %x, found %g with head %x",
                     (unsigned long long)seed, least, best, found, mask_of(&w, is_head));
        *n_impossible += isinf(least);
        *n_between += isfinite(least) && best && best != (1u << w.net.n_nodes) - 1;
    }
}

static void the_best_head_is_found_with_many_ties(void **state)
{
    size_t n_impossible = 0, n_between = 0;
    (void)state;
    check_exact(3, 0, &n_impossible, &n_between);
    assert_int_equal(n_impossible, 0);
    assert_true(n_between > NETWORKS / 10);
}

static void the_best_head_is_found_with_large_costs(void **state)
{
    size_t n_impossible = 0, n_between = 0;
    (void)state;
    check_exact(1000000000, 0, &n_impossible, &n_between);
    assert_true(n_between > NETWORKS / 10);
}

static void what_must_not_be_is_not(void **state)
{
    size_t n_impossible = 0, n_between = 0;
    (void)state;
    check_exact(20, 25, &n_impossible, &n_between);
    assert_true(n_impossible > NETWORKS / 20);
    assert_true(n_between > NETWORKS / 20);
}

static void free_networks_stay_at_the_edge(void **state)
{
    world w;
    bool is_head[NODES_MAX];
    (void)state;
    make_world(&w, 7);
    assert_true(solve(&w, is_head) == 0);
    assert_int_equal(mask_of(&w, is_head), (1u << w.net.n_nodes) - 1);
}

/* Figures of nine orders of magnitude: as exact as their sum in doubles. */
static void costs_that_are_no_integers_are_exact_too(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        world w;
        bool is_head[NODES_MAX];
        uint32_t best = 0;
        make_world(&w, seed);
        for (uint32_t i = 0; i < w.net.n_nodes; i++) {
            w.edge_ns[i] = pow(10, oc_rng_float(&w.rng, 0, 9));
            w.cloud_ns[i] = pow(10, oc_rng_float(&w.rng, 0, 9));
        }
        for (uint32_t v = 0; v < w.net.n_values; v++)
            w.up_ns[v] = pow(10, oc_rng_float(&w.rng, 0, 9));
        double least = search_all(&w, &best), found = solve(&w, is_head);
        if (fabs(found - least) > 1e-13 * least)
            fail_msg("seed %llu: expected %.17g, found %.17g", (unsigned long long)seed, least,
                     found);
    }
}

/* The heads of a chain are its prefixes. Deep ones are where augmenting paths are slow. */
static void a_deep_chain_is_cut_at_its_best_prefix(void **state)
{
    static oc_id producer[CHAIN + 1], use[CHAIN], in[CHAIN], out[CHAIN], input = 0, output = CHAIN;
    static uint32_t in_begin[CHAIN + 1], use_begin[CHAIN + 2];
    static bool is_output[CHAIN + 1], is_head[CHAIN];
    static double edge_ns[CHAIN], cloud_ns[CHAIN], up_ns[CHAIN + 1];
    double down_ns = 5, least = INFINITY, edge = 0, cloud = 0;
    oc_net net = {.name = "chain",
                  .n_nodes = CHAIN,
                  .n_values = CHAIN + 1,
                  .producer = producer,
                  .inputs = &input,
                  .n_inputs = 1,
                  .outputs = &output,
                  .n_outputs = 1,
                  .is_output = is_output,
                  .in_begin = in_begin,
                  .out_begin = in_begin,
                  .use_begin = use_begin,
                  .in = in,
                  .out = out,
                  .use = use};
    oc_rng rng = oc_rng_make(3);
    oc_mincut *mincut = NULL;
    (void)state;
    producer[0] = OC_NONE;
    for (uint32_t n = 0; n < CHAIN; n++) {
        in[n] = n;
        out[n] = n + 1;
        use[n] = n;
        producer[n + 1] = n;
        in_begin[n + 1] = use_begin[n + 1] = n + 1;
        edge_ns[n] = 10 + oc_rng_below(&rng, 20);
        cloud_ns[n] = oc_rng_below(&rng, 30);
        up_ns[n] = 100 + oc_rng_below(&rng, 2000);
        cloud += cloud_ns[n];
    }
    use_begin[CHAIN + 1] = CHAIN;
    for (uint32_t k = 0; k <= CHAIN; k++) {
        least = OC_MIN(least, edge + cloud + (k < CHAIN ? up_ns[k] + down_ns : 0));
        edge += k < CHAIN ? edge_ns[k] : 0;
        cloud -= k < CHAIN ? cloud_ns[k] : 0;
    }
    oc_assert_ok(oc_mincut_create(&net, NULL, &mincut));
    assert_true(oc_mincut_solve(mincut, edge_ns, cloud_ns, up_ns, &down_ns, is_head) == least);
    oc_mincut_destroy(mincut);
}

static oc_status create_and_destroy(const oc_allocator *alloc, void *ctx)
{
    oc_mincut *mincut = NULL;
    OC_TRY(oc_mincut_create(&((world *)ctx)->net, alloc, &mincut));
    oc_mincut_destroy(mincut);
    return OC_OK;
}

static void memory_may_run_out(void **state)
{
    world w;
    (void)state;
    make_world(&w, 5);
    oc_test_oom_sweep(create_and_destroy, &w);
    oc_mincut_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_head_is_found_with_many_ties),
        cmocka_unit_test(the_best_head_is_found_with_large_costs),
        cmocka_unit_test(what_must_not_be_is_not),
        cmocka_unit_test(free_networks_stay_at_the_edge),
        cmocka_unit_test(costs_that_are_no_integers_are_exact_too),
        cmocka_unit_test(a_deep_chain_is_cut_at_its_best_prefix),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
