/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rewrite alone, and all together, on random networks: the operators' references compute the
 * same before and after. Bit for bit where the row says so, else within float rounding.
 */
#include "graph_eval.h"
#include "graph_gen.h"
#include "oc_ops.h"
#include "oc_tensor.h"
#include "oc_test.h"
#include "oc_transform.h"

#include <math.h>

enum { SEEDS = 600, OUTPUTS_MAX = 64, INPUTS_MAX = 2, PASSES_MAX = 32 };

/* Rounding errors of a rewrite that is not exact, as a share of the largest output. */
static const float tolerance = 1e-5f;

/* Apply one row until it changes nothing, which has to come. Returns how much it changed. */
static size_t apply_row(const oc_transform *row, oc_graph *graph, uint64_t seed)
{
    size_t changes = 0;
    for (int pass = 0;; pass++) {
        size_t before = changes;
        if (pass == PASSES_MAX)
            fail_msg("seed %llu: %s finds no end", (unsigned long long)seed, row->name);
        oc_assert_ok(oc_transform_apply(row, graph, &changes));
        if (changes == before)
            return changes;
    }
}

/* The network of the seed, rewritten by the first `n_rows` rows. */
static oc_graph *prepare(uint64_t seed, size_t n_rows)
{
    size_t count;
    const oc_transform *const *rows = oc_transforms(&count);
    oc_graph *graph = NULL;
    oc_assert_ok(graph_gen(seed, NULL, &graph));
    oc_assert_ok(oc_graph_compact(graph));
    graph->numerics = "winograd2"; /* they are too small to choose it */
    for (size_t i = 0; i < n_rows; i++)
        apply_row(rows[i], graph, seed);
    return graph;
}

static float largest(const oc_tensor *tensor, size_t elems)
{
    const float *data = tensor->data;
    float most = 0;
    for (size_t i = 0; i < elems; i++)
        most = fmaxf(most, fabsf(data[i]));
    return most;
}

static void compare(const oc_tensor *found, const oc_tensor *expected, bool is_exact, uint64_t seed,
                    const char *what)
{
    size_t elems;
    assert_true(oc_desc_equal(&found->desc, &expected->desc));
    oc_assert_ok(oc_shape_elems(&expected->desc.shape, &elems));
    const float *f = found->data, *e = expected->data;
    float limit = is_exact ? 0 : tolerance * largest(expected, elems);
    for (size_t i = 0; i < elems; i++) {
        if (!isfinite(e[i]))
            fail_msg("seed %llu: the generator made %g", (unsigned long long)seed, (double)e[i]);
        bool is_same =
            is_exact ? memcmp(&f[i], &e[i], sizeof(*f)) == 0 : fabsf(f[i] - e[i]) <= limit;
        if (!is_same)
            fail_msg("seed %llu, %s: element %zu is %.9g, expected %.9g within %g",
                     (unsigned long long)seed, what, i, (double)f[i], (double)e[i], (double)limit);
    }
}

static void check_outputs(const oc_graph *found, const oc_graph *expected, bool is_exact,
                          uint64_t seed, const char *what)
{
    oc_tensor inputs[INPUTS_MAX], a[OUTPUTS_MAX], b[OUTPUTS_MAX];
    assert_true(expected->n_inputs <= INPUTS_MAX && expected->n_outputs <= OUTPUTS_MAX);
    assert_int_equal(found->n_inputs, expected->n_inputs);
    assert_int_equal(found->n_outputs, expected->n_outputs);
    oc_assert_ok(graph_gen_inputs(expected, seed, inputs));
    oc_assert_ok(graph_eval(found, inputs, a));
    oc_assert_ok(graph_eval(expected, inputs, b));
    for (size_t i = 0; i < expected->n_outputs; i++) {
        assert_string_equal(found->values[found->outputs[i]].name,
                            expected->values[expected->outputs[i]].name);
        compare(&a[i], &b[i], is_exact, seed, what);
        oc_tensor_free(&a[i], NULL);
        oc_tensor_free(&b[i], NULL);
    }
    for (size_t i = 0; i < expected->n_inputs; i++)
        oc_tensor_free(&inputs[i], NULL);
}

static size_t count_transposes(const oc_graph *graph)
{
    size_t count = 0;
    for (size_t n = 0; n < graph->n_nodes; n++)
        count += graph->nodes[n].op == &oc_op_transpose;
    return count;
}

/* Compare two graphs of a seed that are not frozen yet, and destroy them. */
static void check_pair(oc_graph *after, oc_graph *before, bool is_exact, uint64_t seed,
                       const char *what)
{
    oc_assert_ok(oc_graph_freeze(before, 0));
    if (!after->is_frozen)
        oc_assert_ok(oc_graph_freeze(after, 0));
    check_outputs(after, before, is_exact, seed, what);
    if (count_transposes(after) > count_transposes(before))
        fail_msg("seed %llu, %s: %zu transposes became %zu", (unsigned long long)seed, what,
                 count_transposes(before), count_transposes(after));
    oc_graph_destroy(before);
    oc_graph_destroy(after);
}

/* Each row alone: on networks as they are imported, and as the rows before it leave them. */
static void each_row_keeps_what_is_computed(void **state)
{
    (void)state;
    size_t n_rows;
    const oc_transform *const *rows = oc_transforms(&n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        size_t n_changed = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            oc_graph *imported = prepare(seed, 0), *ready = prepare(seed, i);
            apply_row(rows[i], imported, seed);
            n_changed += apply_row(rows[i], ready, seed) > 0;
            check_pair(imported, prepare(seed, 0), rows[i]->is_exact, seed, rows[i]->name);
            check_pair(ready, prepare(seed, i), rows[i]->is_exact, seed, rows[i]->name);
        }
        print_message("%s: rewrote %zu of %d networks\n", rows[i]->name, n_changed, SEEDS);
        /* Where a rewrite hardly ever applies, the comparison says nothing. */
        assert_true(n_changed >= SEEDS / 10);
    }
}

static void all_rows_keep_what_is_computed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_graph *after = prepare(seed, 0);
        oc_assert_ok(oc_transform_all(after));
        check_pair(after, prepare(seed, 0), false, seed, "all");
    }
}

/* The exact rows, round after round until nothing changes: they are exact together, too. */
static void exact_rows_together_keep_the_bits(void **state)
{
    (void)state;
    size_t n_rows;
    const oc_transform *const *rows = oc_transforms(&n_rows);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_graph *after = prepare(seed, 0);
        for (size_t changes = 1, round = 0; changes > 0; round++) {
            changes = 0;
            assert_true(round < PASSES_MAX);
            for (size_t i = 0; i < n_rows; i++)
                if (rows[i]->is_exact)
                    changes += apply_row(rows[i], after, seed);
        }
        check_pair(after, prepare(seed, 0), true, seed, "all exact rows");
    }
}

/* ---- digests ----------------------------------------------------------------------------------- */

typedef void (*change)(oc_graph *graph);

static oc_digest digest_of(uint64_t seed, change before_transforms)
{
    oc_graph *graph = NULL;
    oc_assert_ok(graph_gen(seed, NULL, &graph));
    if (before_transforms)
        before_transforms(graph);
    oc_assert_ok(oc_transform_all(graph));
    oc_digest digest = graph->digest;
    oc_graph_destroy(graph);
    return digest;
}

static void change_source(oc_graph *graph)
{
    graph->source.bytes[OC_DIGEST_BYTES - 1] ^= 1;
}

/* The node that makes the first output is in the graph to the end. */
static oc_node *last_node(oc_graph *graph)
{
    return &graph->nodes[graph->values[graph->outputs[0]].producer];
}

static void change_numerics(oc_graph *graph)
{
    last_node(graph)->numerics = "another";
}

static void add_softmax(oc_graph *graph, int32_t axis)
{
    oc_node *node;
    oc_id out;
    oc_assert_ok(oc_graph_begin_node(graph, &oc_op_softmax, "last", &graph->outputs[0], 1, &node));
    oc_assert_ok(oc_node_set_int(node, "axis", axis));
    oc_assert_ok(oc_graph_end_node(graph, node, NULL, &out));
    graph->outputs[0] = out;
}

static void add_softmax_0(oc_graph *graph)
{
    add_softmax(graph, 0);
}

static void add_softmax_1(oc_graph *graph)
{
    add_softmax(graph, 1);
}

static void add_softmax_0_numerics(oc_graph *graph)
{
    add_softmax(graph, 0);
    change_numerics(graph);
}

static void a_digest_says_what_is_computed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        oc_digest plain = digest_of(seed, NULL), again = digest_of(seed, NULL);
        oc_digest source = digest_of(seed, change_source);
        oc_digest axis_0 = digest_of(seed, add_softmax_0), axis_1 = digest_of(seed, add_softmax_1);
        oc_digest numerics = digest_of(seed, add_softmax_0_numerics);
        assert_true(oc_digest_equal(&plain, &again));
        assert_false(oc_digest_equal(&plain, &source));
        assert_false(oc_digest_equal(&plain, &axis_0));
        assert_false(oc_digest_equal(&axis_0, &axis_1));
        assert_false(oc_digest_equal(&axis_0, &numerics));
    }
}

/* ---- out of memory ----------------------------------------------------------------------------- */

static oc_status generate_and_transform(const oc_allocator *alloc, void *seed)
{
    oc_graph *graph = NULL;
    OC_TRY(graph_gen(*(uint64_t *)seed, alloc, &graph));
    oc_status status = oc_transform_all(graph);
    oc_graph_destroy(graph);
    return status;
}

static void running_out_of_memory_is_clean(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        oc_test_oom_sweep(generate_and_transform, &seed);
}

/* Properties are only as good as the networks they are tried on. */
static void networks_have_every_operator(void **state)
{
    static const char *const never[] = {"deform_conv2d", "matmul", "maxpool2d_index", "ql2norm", "qsoftmax"};
    size_t count, seen[64] = {0};
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    assert_true(count <= OC_COUNT(seen));
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_graph *graph = prepare(seed, 0);
        for (size_t n = 0; n < graph->n_nodes; n++)
            for (size_t i = 0; i < count; i++)
                seen[i] += graph->nodes[n].op == ops[i];
        oc_graph_destroy(graph);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_expected = true;
        for (size_t k = 0; k < OC_COUNT(never); k++)
            is_expected = is_expected && strcmp(ops[i]->name, never[k]) != 0;
        if (is_expected != (seen[i] > 0))
            fail_msg("%s: %zu nodes in %d networks", ops[i]->name, seen[i], SEEDS);
        print_message("%s %zu\n", ops[i]->name, seen[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_every_operator),
        cmocka_unit_test(each_row_keeps_what_is_computed),
        cmocka_unit_test(all_rows_keep_what_is_computed),
        cmocka_unit_test(exact_rows_together_keep_the_bits),
        cmocka_unit_test(a_digest_says_what_is_computed),
        cmocka_unit_test(running_out_of_memory_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
