/* SPDX-License-Identifier: Apache-2.0 */
/** Graphs, constants, cuts and parts, over an operator of the test's own and random networks. */
#include "oc_graph.h"
#include "oc_test.h"
#include "tally_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static oc_id add_tally(oc_graph *g, const char *name, const oc_id *in, size_t n_in)
{
    oc_node *node = NULL;
    oc_id out = OC_NONE;
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, name, in, n_in, &node));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
    return out;
}

/* ---- building and names -------------------------------------------------------------------- */

static void names_are_unique_and_clean(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id a, b, c, d;
    oc_assert_ok(oc_graph_create("names", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &a));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &b));
    oc_assert_ok(oc_graph_add_input(g, "a,b\n\xff\xc3\xa9", &tally_desc, &c));
    oc_assert_ok(oc_graph_add_input(g, "", &tally_desc, &d));
    assert_string_equal(g->values[a].name, "x");
    assert_string_not_equal(g->values[b].name, "x");
    assert_int_equal(oc_graph_find_value(g, g->values[b].name), b);
    assert_string_equal(g->values[c].name, "a_b__\xc3\xa9");
    assert_true(strlen(g->values[d].name) > 0);
    assert_int_equal(oc_graph_find_value(g, "nobody"), OC_NONE);
    oc_graph_destroy(g);
}

static void limits_hold(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id in, out;
    oc_node *node;
    oc_limits limits = {.memory_bytes = 1024, .nodes = 2};
    oc_desc big = {OC_DTYPE_float32, {1, {257}}};
    oc_desc negative = {OC_DTYPE_float32, {2, {2, -1}}};
    oc_assert_ok(oc_graph_create("limits", &limits, NULL, &g));
    oc_assert_fails(oc_graph_add_input(g, "big", &big, &in), OC_E_LIMIT, "1028 bytes");
    oc_assert_fails(oc_graph_add_input(g, "odd", &negative, &in), OC_E_SHAPE, "odd");
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &in));
    in = add_tally(g, "one", &in, 1);
    in = add_tally(g, "two", &in, 1);
    oc_assert_fails(oc_graph_begin_node(g, &tally_op, "three", &in, 1, &node), OC_E_LIMIT, "2 nodes");
    oc_assert_fails(oc_graph_begin_node(g, &tally_op, "none", NULL, 0, &node), OC_E_ARG, "none");
    out = in;
    oc_assert_ok(oc_graph_add_output(g, out));
    oc_graph_destroy(g);
}

static void attributes_are_checked(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id in;
    oc_node *node = NULL;
    int32_t ints[3] = {1, 2, 99};
    oc_assert_ok(oc_graph_create("attrs", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &in));
    oc_assert_ok(oc_graph_begin_node(g, &tally_op, "n", &in, 1, &node));
    assert_int_equal(oc_node_int(node, "bonus"), 1);
    oc_assert_ok(oc_node_set_int(node, "bonus", 9));
    assert_int_equal(oc_node_int(node, "bonus"), 9);
    oc_assert_fails(oc_node_set_int(node, "bonus", 11), OC_E_ARG, "0 to 10");
    oc_assert_fails(oc_node_set_int(node, "bonus", (int64_t)1 << 40), OC_E_ARG, "32 bits");
    oc_assert_fails(oc_node_set_int(node, "nothing", 1), OC_E_ARG, "nothing");
    oc_assert_fails(oc_node_set_float(node, "bonus", 1), OC_E_ARG, "bonus");
    oc_assert_ok(oc_node_set_enum(node, "mood", "calm"));
    assert_string_equal(oc_node_enum(node, "mood"), "calm");
    oc_assert_fails(oc_node_set_enum(node, "mood", "angry"), OC_E_ARG, "angry");
    oc_assert_ok(oc_node_set_ints(node, "list", ints, 2));
    assert_int_equal(oc_node_ints(node, "list")->count, 2);
    oc_assert_fails(oc_node_set_ints(node, "list", ints, 3), OC_E_ARG, "99");
    oc_assert_fails(oc_node_set_float(node, "scale", 0.0f / 0.0f), OC_E_ARG, "scale");
    oc_buf text;
    oc_buf_init(&text, NULL);
    oc_assert_ok(oc_attrs_print(node->op, node->attrs, &text));
    assert_string_equal(text.data, "bonus=9 scale=1 mood=calm list=[1,2]");
    oc_buf_fini(&text);
    oc_graph_destroy(g);
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static void compact_drops_sorts_and_renumbers(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id in, a, b, dead;
    oc_assert_ok(oc_graph_create("compact", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &in));
    a = add_tally(g, "a", &in, 1);
    b = add_tally(g, "b", &a, 1);
    dead = add_tally(g, "dead", &a, 1);
    (void)dead;
    /* A late node takes a's place: b must now follow it. */
    oc_id late = add_tally(g, "late", &in, 1);
    oc_assert_ok(oc_graph_replace_uses(g, a, late));
    oc_assert_ok(oc_graph_add_output(g, b));
    assert_int_equal(oc_graph_use_count(g, late), 2);
    oc_assert_ok(oc_graph_freeze(g, 1));
    assert_int_equal(g->n_nodes, 2);
    assert_string_equal(g->nodes[0].name, "late");
    assert_string_equal(g->nodes[1].name, "b");
    assert_int_equal(oc_graph_find_node(g, "dead"), OC_NONE);
    oc_assert_fails(oc_graph_compact(g), OC_E_INTERNAL, "frozen");
    oc_graph_destroy(g);
}

static void a_cycle_is_refused(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id in, a, b;
    oc_assert_ok(oc_graph_create("cycle", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &in));
    a = add_tally(g, "a", &in, 1);
    b = add_tally(g, "b", &a, 1);
    g->nodes[0].in[0] = b;
    oc_assert_ok(oc_graph_add_output(g, b));
    oc_assert_fails(oc_graph_freeze(g, 1), OC_E_FORMAT, "cycle");
    oc_graph_destroy(g);
}

static void outputs_keep_their_names(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_id in, a, b;
    oc_assert_ok(oc_graph_create("outputs", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &in));
    a = add_tally(g, "a", &in, 1);
    b = add_tally(g, "result", &a, 1);
    oc_assert_ok(oc_graph_add_output(g, b));
    oc_assert_ok(oc_graph_replace_uses(g, b, a));
    oc_assert_ok(oc_graph_freeze(g, 1));
    assert_int_equal(g->n_nodes, 1);
    assert_string_equal(g->values[g->outputs[0]].name, "result");
    oc_graph_destroy(g);
}

/* ---- constants --------------------------------------------------------------------------------- */

static void constants_of_every_kind(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_file *file = NULL;
    oc_id bytes, filled, from_file, x;
    const float element = 3.0f, pair[2] = {1.0f, 2.0f};
    float found[2];
    char path[] = "/tmp/offcut-constant-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "####", 4) == 4 && write(fd, pair, sizeof(pair)) == sizeof(pair));
    close(fd);
    oc_assert_ok(oc_graph_create("constants", NULL, NULL, &g));
    oc_assert_ok(oc_file_open(path, NULL, &file));
    oc_assert_ok(oc_graph_add_bytes(g, "bytes", &tally_desc, pair, &bytes));
    oc_assert_ok(oc_graph_add_fill(g, "filled", &tally_desc, &element, &filled));
    oc_assert_ok(oc_graph_add_file(g, "file", &tally_desc, file, 4, &from_file));
    oc_assert_fails(oc_graph_add_file(g, "short", &tally_desc, file, 5, &x), OC_E_FORMAT, "short");
    oc_file_unref(file);
    /* tally: the sum of its inputs plus 1. */
    oc_id ids[3] = {bytes, filled, from_file};
    oc_id sum = add_tally(g, "sum", ids, 3);
    oc_id twice[2] = {sum, sum};
    oc_id top = add_tally(g, "top", twice, 2);
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    oc_id last[2] = {x, top};
    oc_assert_ok(oc_graph_add_output(g, add_tally(g, "last", last, 2)));
    oc_assert_ok(oc_graph_fold_node(g, oc_graph_find_node(g, "sum")));
    oc_assert_ok(oc_graph_fold_node(g, oc_graph_find_node(g, "top")));
    oc_assert_ok(oc_graph_freeze(g, 1));
    assert_int_equal(g->n_nodes, 1);
    assert_int_equal(g->n_const_nodes, 2);
    oc_assert_ok(oc_graph_const_read(g, oc_graph_find_value(g, "top"), found, sizeof(found)));
    assert_true(found[0] == 2 * (1 + 3 + 1 + 1) + 1 && found[1] == 2 * (2 + 3 + 2 + 1) + 1);
    oc_assert_fails(oc_graph_const_read(g, oc_graph_find_value(g, "top"), found, 4), OC_E_INTERNAL, "top");
    /* The file becomes shorter: an error, not a crash. */
    assert_int_equal(truncate(path, 6), 0);
    oc_assert_fails(oc_graph_const_read(g, oc_graph_find_value(g, "top"), found, sizeof(found)), OC_E_IO, NULL);
    unlink(path);
    oc_graph_destroy(g);
}

static void a_long_chain_of_constants_needs_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 12000 };
    oc_graph *g = NULL;
    oc_id x, value;
    const float zero = 0;
    float found[2];
    oc_assert_ok(oc_graph_create("chain", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_fill(g, "zero", &tally_desc, &zero, &value));
    for (int i = 0; i < DEPTH; i++) {
        value = add_tally(g, "link", &value, 1);
        oc_assert_ok(oc_graph_fold_node(g, g->values[value].producer));
    }
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    oc_id ids[2] = {x, value};
    oc_assert_ok(oc_graph_add_output(g, add_tally(g, "last", ids, 2)));
    oc_assert_ok(oc_graph_freeze(g, 1));
    oc_assert_ok(oc_graph_const_read(g, g->nodes[0].in[1], found, sizeof(found)));
    assert_true(found[0] == DEPTH);
    oc_graph_destroy(g);
}

/* ---- random networks ----------------------------------------------------------------------------- */

enum { NETWORKS = 60 };

/* By the definition: made or given before, consumed after. */
static bool crosses_by_definition(const oc_graph *g, const oc_cut *cut, oc_id v)
{
    bool is_before = g->values[v].producer == OC_NONE || cut->is_head[g->values[v].producer];
    bool is_after = false;
    for (size_t n = 0; n < g->n_nodes; n++)
        for (uint32_t i = 0; i < g->nodes[n].n_in; i++)
            is_after |= g->nodes[n].in[i] == v && !cut->is_head[n];
    return is_before && is_after && !g->values[v].constant;
}

static void check_cut(const oc_graph *g, const oc_cut *cut)
{
    size_t found = 0;
    for (oc_id v = 0; v < g->n_values; v++) {
        bool is_listed = found < cut->n_values && cut->values[found] == v;
        assert_int_equal(is_listed, crosses_by_definition(g, cut, v));
        found += is_listed;
    }
    assert_int_equal(found, cut->n_values);
    assert_int_equal(cut->bytes, found * 8);
}

/* Naming a cut's values finds the same cut again, and the tail is the part behind it. */
static void check_named_cut(const oc_graph *g, const oc_cut *cut, uint64_t seed)
{
    char text[4096] = "";
    oc_cut again;
    oc_part tail;
    for (size_t i = 0; i < cut->n_values; i++) {
        strcat(text, i ? ",value:" : "value:");
        strcat(text, g->values[cut->values[i]].name);
    }
    oc_assert_ok(oc_cut_parse(g, text, NULL, &again));
    if (memcmp(again.is_head, cut->is_head, g->n_nodes) != 0)
        fail_msg("seed %llu: cut %s has another head", (unsigned long long)seed, text);
    assert_int_equal(again.index, cut->index);
    oc_cut_fini(&again);
    oc_assert_ok(oc_part_between(g, cut->values, cut->n_values, g->outputs, 1, NULL, &tail));
    assert_int_equal(tail.n_nodes, g->n_nodes - cut->n_head);
    for (size_t i = 0; i < tail.n_nodes; i++)
        assert_false(cut->is_head[tail.nodes[i]]);
    oc_part_fini(&tail);
}

static void every_prefix_is_a_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        oc_status status;
        oc_graph *g = tally_random_graph(seed, NULL, &status);
        oc_cut cut;
        oc_assert_ok(status);
        for (size_t index = 0; index <= g->n_nodes; index++) {
            oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
            assert_int_equal(cut.index, index);
            check_cut(g, &cut);
            if (index < g->n_nodes)
                check_named_cut(g, &cut, seed);
            else
                assert_int_equal(cut.n_values, 0);
            oc_cut_fini(&cut);
        }
        oc_assert_fails(oc_cut_at(g, g->n_nodes + 1, NULL, &cut), OC_E_ARG, "cuts 0 to");
        oc_graph_destroy(g);
    }
}

static void cuts_that_do_not_separate_are_refused(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_cut cut;
    oc_part part;
    oc_id x, a, b;
    oc_assert_ok(oc_graph_create("skip", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
    a = add_tally(g, "a", &x, 1);
    b = add_tally(g, "b", &a, 1);
    oc_id both[2] = {a, b};
    oc_assert_ok(oc_graph_add_output(g, add_tally(g, "sum", both, 2)));
    oc_assert_ok(oc_graph_freeze(g, 1));
    oc_assert_fails(oc_cut_parse(g, "b", NULL, &cut), OC_E_ARG, "\"x\"");
    oc_assert_fails(oc_cut_parse(g, "x,b", NULL, &cut), OC_E_ARG, "\"a\" is needed on both sides");
    oc_assert_fails(oc_cut_parse(g, "nobody", NULL, &cut), OC_E_NOTFOUND, "nobody");
    oc_assert_fails(oc_cut_parse(g, "", NULL, &cut), OC_E_NOTFOUND, "expected all-local, a number from 0 to 3");
    oc_assert_fails(oc_cut_parse(g, "a,b,a", NULL, &cut), OC_E_ARG, "twice");
    oc_assert_fails(oc_cut_parse(g, "a,b,sum", NULL, &cut), OC_E_ARG, NULL);
    oc_assert_fails(oc_cut_parse(g, "4", NULL, &cut), OC_E_ARG, "0 to 3");
    oc_assert_fails(oc_cut_parse(g, "99999999999", NULL, &cut), OC_E_ARG, "0 to 3");
    oc_assert_ok(oc_cut_parse(g, "a,b", NULL, &cut));
    assert_int_equal(cut.index, 2);
    oc_cut_fini(&cut);
    x = oc_graph_find_value(g, "x");
    oc_id ab[2] = {oc_graph_find_value(g, "a"), oc_graph_find_value(g, "b")};
    oc_assert_fails(oc_part_between(g, &ab[1], 1, g->outputs, 1, NULL, &part), OC_E_ARG, "\"x\" is needed");
    oc_assert_fails(oc_part_between(g, &ab[1], 1, &ab[0], 1, NULL, &part), OC_E_ARG, NULL);
    oc_assert_ok(oc_part_between(g, &x, 1, ab, 2, NULL, &part));
    assert_int_equal(part.n_nodes, 2);
    oc_part_fini(&part);
    oc_graph_destroy(g);
}

/* ---- digest, memory ---------------------------------------------------------------------------------- */

static void the_digest_tells_graphs_apart(void **state)
{
    (void)state;
    oc_digest digests[5];
    for (int i = 0; i < 5; i++) {
        oc_graph *g = NULL;
        oc_id x, out;
        oc_node *node = NULL;
        oc_assert_ok(oc_graph_create("digest", NULL, NULL, &g));
        oc_assert_ok(oc_graph_add_input(g, "x", &tally_desc, &x));
        oc_assert_ok(oc_graph_begin_node(g, &tally_op, "n", &x, 1, &node));
        if (i == 1)
            oc_assert_ok(oc_node_set_int(node, "bonus", 2));
        if (i == 2)
            node->numerics = "another";
        if (i == 3)
            g->source.bytes[0] = 1;
        oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
        oc_assert_ok(oc_graph_add_output(g, out));
        oc_assert_ok(oc_graph_freeze(g, 1));
        digests[i] = g->digest;
        oc_graph_destroy(g);
    }
    for (int i = 1; i < 4; i++)
        assert_false(oc_digest_equal(&digests[0], &digests[i]));
    assert_true(oc_digest_equal(&digests[0], &digests[4]));
}

static oc_status build_and_cut(const oc_allocator *alloc, void *ctx)
{
    (void)ctx;
    oc_status status;
    oc_graph *g = tally_random_graph(7, alloc, &status);
    oc_cut cut = {0};
    oc_part part = {0};
    if (status == OC_OK)
        status = oc_cut_at(g, g->n_nodes / 2, alloc, &cut);
    if (status == OC_OK)
        status = oc_part_between(g, cut.values, cut.n_values, g->outputs, 1, alloc, &part);
    if (status == OC_OK)
        oc_part_fini(&part);
    if (cut.alloc)
        oc_cut_fini(&cut);
    oc_graph_destroy(g);
    return status;
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    oc_test_oom_sweep(build_and_cut, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_clean),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(attributes_are_checked),
        cmocka_unit_test(compact_drops_sorts_and_renumbers),
        cmocka_unit_test(a_cycle_is_refused),
        cmocka_unit_test(outputs_keep_their_names),
        cmocka_unit_test(constants_of_every_kind),
        cmocka_unit_test(a_long_chain_of_constants_needs_no_stack),
        cmocka_unit_test(every_prefix_is_a_cut),
        cmocka_unit_test(cuts_that_do_not_separate_are_refused),
        cmocka_unit_test(the_digest_tells_graphs_apart),
        cmocka_unit_test(no_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
