/* SPDX-License-Identifier: Apache-2.0 */
/** Plans: made, written, read back, refused. */
#include "oc_exec.h"
#include "oc_plan.h"
#include "oc_test.h"
#include "tally_op.h"

#include <stdio.h>
#include <stdlib.h>

enum { NETWORKS = 40 };

static oc_graph *graph_of(uint64_t seed)
{
    oc_status status;
    oc_graph *g = tally_random_graph(seed, NULL, &status);
    oc_assert_ok(status);
    return g;
}

static oc_plan *plan_at(const oc_graph *g, size_t index)
{
    oc_cut cut;
    oc_plan *plan = NULL;
    oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
    oc_assert_ok(oc_plan_make_cut(g, &cut, NULL, &plan));
    oc_cut_fini(&cut);
    return plan;
}

static char *yaml_of(const oc_plan *plan)
{
    oc_buf buf;
    oc_buf_init(&buf, NULL);
    oc_assert_ok(oc_plan_print(plan, &buf));
    return buf.data;
}

static oc_status parse(const oc_graph *g, const char *text, oc_plan **plan)
{
    return oc_plan_parse(g, (oc_bytes){(const uint8_t *)text, strlen(text)}, "test.yaml", NULL, plan);
}

static void check_sums(const oc_graph *g, const oc_plan *plan, size_t index)
{
    size_t n_nodes = 0;
    for (size_t i = 0; i < oc_plan_step_count(plan); i++) {
        const oc_plan_step_info *step = oc_plan_step(plan, i);
        n_nodes += step->n_nodes;
        if (step->kind == OC_STEP_MOVE)
            assert_int_equal(step->move_bytes, 8 * step->n_takes);
    }
    assert_int_equal(n_nodes, g->n_nodes);
    assert_int_equal(oc_plan_site_get(plan, 0)->n_nodes, index);
    for (size_t i = 0; i < oc_plan_site_count(plan); i++)
        assert_true(oc_plan_site_get(plan, i)->arena_bytes >= oc_plan_site_get(plan, i)->arena_lower_bound);
    assert_null(oc_plan_step(plan, oc_plan_step_count(plan)));
}

static void every_cut_makes_a_plan_that_survives_yaml(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        for (size_t index = 0; index <= g->n_nodes; index++) {
            oc_plan *plan = plan_at(g, index), *again = NULL;
            assert_int_equal(oc_plan_needs_worker(plan), index < g->n_nodes);
            check_sums(g, plan, index);
            char *text = yaml_of(plan);
            oc_assert_ok(parse(g, text, &again));
            char *text_again = yaml_of(again);
            assert_string_equal(text, text_again);
            check_sums(g, again, index);
            free(text_again);
            free(text);
            oc_plan_destroy(again);
            oc_plan_destroy(plan);
        }
        oc_graph_destroy(g);
    }
}

/* The edge's part holds all nodes, each once, in an order in which they can run. */
static void the_edge_can_take_over(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_graph *g = graph_of(seed);
        oc_plan *plan = plan_at(g, g->n_nodes / 2);
        oc_part part;
        oc_id *pinned = calloc(g->n_values + 1, sizeof(*pinned));
        size_t *first = calloc(plan->n_steps + 1, sizeof(*first)), n_pinned;
        bool *has_run = calloc(g->n_nodes + 1, sizeof(*has_run));
        oc_assert_ok(oc_plan_edge_part(plan, &part, pinned, &n_pinned, first));
        assert_int_equal(part.n_nodes, g->n_nodes);
        for (size_t n = 0; n < part.n_nodes; n++) {
            const oc_node *node = &g->nodes[part.nodes[n]];
            for (uint32_t i = 0; i < node->n_in; i++)
                assert_true(g->values[node->in[i]].producer == OC_NONE || has_run[g->values[node->in[i]].producer]);
            assert_false(has_run[part.nodes[n]]);
            has_run[part.nodes[n]] = true;
        }
        oc_part_fini(&part);
        free(has_run);
        free(first);
        free(pinned);
        oc_plan_destroy(plan);
        oc_graph_destroy(g);
    }
}

/* a -> b -> sum(a, b), so that a plan can be written by hand. */
static oc_graph *small_graph(void)
{
    oc_graph *g = NULL;
    oc_node *node = NULL;
    oc_id ids[3];
    oc_assert_ok(oc_graph_create("small", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &ids[0]));
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, "a", ids, 1, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &ids[1]));
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, "b", &ids[1], 1, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &ids[2]));
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, "sum", &ids[1], 2, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &ids[0]));
    oc_assert_ok(oc_graph_add_output(g, ids[0]));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

typedef struct bad_plan {
    const char *steps; /* what stands after "steps:" */
    oc_status status;
    const char *text;
} bad_plan;

static const bad_plan bad_plans[] = {
    {" []", OC_E_ARG, "node \"a\" never runs"},
    {"\n- run: {site: edge, takes: [x], gives: [a]}", OC_E_ARG, "node \"b\" never runs"},
    {"\n- run: {site: cloud, takes: [x], gives: [sum]}", OC_E_ARG, "value \"x\" is not on site cloud"},
    {"\n- move: {from: edge, to: cloud, values: [x]}\n- run: {site: cloud, takes: [x], gives: [sum]}", OC_E_ARG,
     "output \"sum\" does not end on the edge"},
    {"\n- run: {site: edge, takes: [x], gives: [a]}\n- run: {site: edge, takes: [x], gives: [sum]}", OC_E_ARG,
     "node \"a\" has run"},
    {"\n- run: {site: edge, takes: [x], gives: [nobody]}", OC_E_NOTFOUND, "\"nobody\""},
    {"\n- run: {site: mars, takes: [x], gives: [sum]}", OC_E_NOTFOUND, "no site \"mars\""},
    {"\n- run: {site: edge, takes: [x, x], gives: [sum]}", OC_E_FORMAT, "twice"},
    {"\n- join: {site: edge}", OC_E_FORMAT, "test.yaml:"},
    {"\n- run: {site: edge, gives: [sum]}", OC_E_FORMAT, "test.yaml:"},
    {"\n- {}", OC_E_FORMAT, "found none"},
    {" 7", OC_E_FORMAT, "test.yaml:"},
};

#define PLAN_TEXT                                                                        \
    "offcut_plan: %d\nname: t\nmodel: {name: small, digest: %s}\nfallback: true\nsites:\n" \
    "- {name: edge, role: edge}\n- {name: cloud, role: worker}\nsteps:%s\n"

static void bad_plans_are_refused_by_name(void **state)
{
    (void)state;
    oc_graph *g = small_graph();
    char digest[OC_DIGEST_TEXT], text[1024];
    oc_plan *plan = NULL;
    oc_digest_print(&g->digest, digest);
    for (size_t i = 0; i < OC_COUNT(bad_plans); i++) {
        snprintf(text, sizeof(text), PLAN_TEXT, 1, digest, bad_plans[i].steps);
        oc_assert_fails(parse(g, text, &plan), bad_plans[i].status, bad_plans[i].text);
    }
    snprintf(text, sizeof(text), PLAN_TEXT, 2, digest, " []");
    oc_assert_fails(parse(g, text, &plan), OC_E_FORMAT, "expected version 1, found 2");
    digest[0] = digest[0] == '0' ? '1' : '0';
    snprintf(text, sizeof(text), PLAN_TEXT, 1, digest, " []");
    oc_assert_fails(parse(g, text, &plan), OC_E_MISMATCH, digest);
    snprintf(text, sizeof(text), PLAN_TEXT, 1, "nonsense", " []");
    oc_assert_fails(parse(g, text, &plan), OC_E_FORMAT, NULL);
    oc_graph_destroy(g);
}

/* The first n bytes of a plan, for every n, are refused or mean the same. */
static void a_truncated_plan_never_crashes(void **state)
{
    (void)state;
    oc_graph *g = small_graph();
    oc_plan *plan = plan_at(g, 1), *again = NULL;
    char *text = yaml_of(plan);
    for (size_t size = 0; size < strlen(text); size++)
        if (oc_plan_parse(g, (oc_bytes){(const uint8_t *)text, size}, "short.yaml", NULL, &again) == OC_OK) {
            assert_int_equal(oc_plan_step_count(again), oc_plan_step_count(plan));
            oc_plan_destroy(again);
        }
    free(text);
    oc_plan_destroy(plan);
    oc_graph_destroy(g);
}

static oc_status make_plan(const oc_allocator *alloc, void *ctx)
{
    const oc_graph *g = ctx;
    oc_cut cut;
    oc_plan *plan = NULL;
    OC_TRY(oc_cut_at(g, g->n_nodes / 2, alloc, &cut));
    oc_status status = oc_plan_make_cut(g, &cut, alloc, &plan);
    oc_cut_fini(&cut);
    oc_plan_destroy(plan);
    return status;
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    oc_graph *g = graph_of(3);
    oc_test_oom_sweep(make_plan, g);
    oc_graph_destroy(g);
}

/* A plan is named by the values that move, as far as there is room and never in part. */
static void a_long_name_ends_with_a_whole_character(void **state)
{
    (void)state;
    for (size_t ascii = 0; ascii < 4; ascii++) {
        oc_graph *g = NULL;
        oc_node *node = NULL;
        oc_id value;
        char name[400] = "";
        memset(name, 'n', ascii);
        for (size_t i = 0; i < 120; i++)
            strcat(name, "\xe2\x82\xac");
        oc_assert_ok(oc_graph_create("long", NULL, NULL, &g));
        oc_assert_ok(oc_graph_add_input(g, name, &tally_desc, &value));
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, NULL, &value, 1, &node));
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &value));
        oc_assert_ok(oc_graph_add_output(g, value));
        oc_assert_ok(oc_graph_freeze(g, 1));
        oc_plan *plan = plan_at(g, 0);
        const char *at = oc_plan_name(plan);
        char piece[OC_JSON_ESCAPE];
        assert_true(strlen(at) > 150);
        for (size_t n; (n = oc_json_escape(&at, at + strlen(at), piece)) > 0;)
            assert_true(piece[0] != '?');
        oc_plan_destroy(plan);
        oc_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_makes_a_plan_that_survives_yaml),
        cmocka_unit_test(the_edge_can_take_over),
        cmocka_unit_test(bad_plans_are_refused_by_name),
        cmocka_unit_test(a_truncated_plan_never_crashes),
        cmocka_unit_test(a_long_name_ends_with_a_whole_character),
        cmocka_unit_test(no_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
