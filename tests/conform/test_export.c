/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Networks written as ONNX and read again by our own importer: every operator's case, and both sides
 * of every cut of random networks, compute what the graph computes, integers exactly. Cases of floats
 * are bit for bit but for a few, which are named here as those that have no ONNX form are.
 */
#include "case_graph.h"
#include "graph_eval.h"
#include "graph_gen.h"
#include "oc_export.h"
#include "oc_load.h"
#include "oc_transform.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define TOLERANCE 1e-6 /* of the largest output */

/* ---- comparing -------------------------------------------------------------------------------- */

static bool is_float_close(const float *found, const float *expected, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(expected[i]))
            largest = fmax(largest, fabs((double)expected[i]));
    for (size_t i = 0; i < count; i++) {
        bool is_same = found[i] == expected[i] || (isnan(found[i]) && isnan(expected[i]));
        if (!is_same && !(fabs((double)found[i] - (double)expected[i]) <= TOLERANCE * largest))
            return false;
    }
    return true;
}

/* Whether the bits are the same; floats must be close. */
static bool compare(const char *name, const oc_tensor *found, const oc_desc *desc,
                    const void *expected)
{
    size_t bytes, elems;
    oc_assert_ok(oc_desc_bytes(desc, &bytes));
    oc_assert_ok(oc_shape_elems(&desc->shape, &elems));
    assert_int_equal(found->desc.dtype, desc->dtype);
    assert_int_equal(found->desc.shape.rank, desc->shape.rank);
    assert_memory_equal(found->desc.shape.dim, desc->shape.dim,
                        (size_t)desc->shape.rank * sizeof(int32_t));
    if (memcmp(found->data, expected, bytes) == 0)
        return true;
    if (desc->dtype != OC_DTYPE_float32 || !is_float_close(found->data, expected, elems))
        fail_msg("%s: what was written and read again computes something else", name);
    return false;
}

static oc_status write_part(const oc_graph *g, const oc_part *part, const char *path,
                            const oc_allocator *alloc)
{
    oc_export *made = NULL;
    oc_file_out *file = NULL;
    OC_TRY(oc_export_make(g, part, "part", "a part", alloc, &made));
    oc_status status = oc_file_out_create(path, alloc, &file);
    if (status == OC_OK)
        status = oc_export_put(made, file);
    if (status == OC_OK)
        status = oc_file_out_keep(file);
    oc_file_out_destroy(file);
    oc_export_destroy(made);
    return status;
}

/* ---- every operator's cases ------------------------------------------------------------------- */

typedef struct exception {
    const char *begin, *why; /* of cases whose names begin so */
} exception;

static const exception unwritten[] = {
    {"binary/pow_int", "runtimes take powers of integers as those of doubles"},
    {"binary/pow_uint8", "runtimes take powers of integers as those of doubles"},
    {"dequantize/blocks_last", "ONNX has no 32-bit zero points, and its formula no blocks"},
    {"maxpool2d/int32", "ONNX has no such pool"},
    {"maxpool2d/int64", "ONNX has no such pool"},
    {"maxpool2d_index/int32", "ONNX has no such pool"},
    {"maxpool2d_index/int64", "ONNX has no such pool"},
    {"maxpool2d_index/window_in_padding_only", "runtimes refuse padding as wide as the kernel"},
    {"resize/cubic_antialias", "a filter wider than the exporter unrolls"},
    {"resize/crop_", "regions of the input are cropped"},
};
static const exception inexact[] = {
    {"lrn/wide_window", "ONNX's alpha is ours times the size, and rounded"},
    {"unary/loggy", "2 sigmoid(x) - 1 is rounded once more than the formula in one"},
};

/* The exception for that case, or `count`. */
static size_t find_exception(const exception *list, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strncmp(name, list[i].begin, strlen(list[i].begin)) != 0)
        i++;
    return i;
}

/* Which exceptions there were: one that no case needs any more is to go. */
static bool was_unwritten[OC_COUNT(unwritten)], was_inexact[OC_COUNT(inexact)];

static void check_exception(const exception *list, size_t count, bool *was, const char *name,
                            const char *found)
{
    size_t i = find_exception(list, count, name);
    if (i == count)
        fail_msg("%s: %s", name, found);
    was[i] = true;
}

static void read_again(const op_run *run, const oc_graph *g)
{
    /* A file does not say by which of several methods a node was computed. */
    bool is_own = run->call.numerics == run->call.op->numerics;
    const oc_model_options options = {.numerics = is_own ? NULL : run->call.numerics};
    oc_graph *again = NULL;
    oc_tensor in[OC_CASE_IN], out[OC_CASE_IN];
    if (oc_graph_load("case.onnx", &options, NULL, &again) != OC_OK)
        fail_msg("%s: %s", run->name, oc_error_text());
    case_graph_inputs(run, g, in);
    oc_assert_ok(graph_eval(again, in, out));
    assert_int_equal(again->n_outputs, g->n_outputs);
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (!compare(run->name, &out[i], run->out[i], run->expected[i]))
            check_exception(inexact, OC_COUNT(inexact), was_inexact, run->name, "other bits");
        oc_tensor_free(&out[i], NULL);
    }
    oc_graph_destroy(again);
}

static void check_case(const oc_op *op, const oc_op_case *c)
{
    op_run run;
    oc_graph *g = NULL;
    oc_id nodes[1] = {0};
    oc_assert_ok(case_graph(op, c, &run, &g));
    const oc_part part = {.nodes = nodes, .n_nodes = 1, .takes = g->inputs, .n_takes = g->n_inputs,
                          .gives = g->outputs, .n_gives = g->n_outputs};
    oc_status status = write_part(g, &part, "case.onnx", NULL);
    if (status == OC_E_UNSUPPORTED)
        check_exception(unwritten, OC_COUNT(unwritten), was_unwritten, run.name, oc_error_text());
    else {
        oc_assert_ok(status);
        read_again(&run, g);
    }
    oc_graph_destroy(g);
    op_run_fini(&run);
}

static void every_case_comes_back(void **state)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ops[i]->n_cases; k++)
            check_case(ops[i], &ops[i]->cases[k]);
    unlink("case.onnx");
    for (size_t i = 0; i < OC_COUNT(unwritten); i++)
        if (!was_unwritten[i])
            fail_msg("%s: every case is written, so this exception is none", unwritten[i].begin);
    for (size_t i = 0; i < OC_COUNT(inexact); i++)
        if (!was_inexact[i])
            fail_msg("%s: every case is bit for bit, so this exception is none", inexact[i].begin);
}

/* ---- both sides of cuts ----------------------------------------------------------------------- */

/* The tensor of that name among a graph's inputs or outputs, or NULL. */
static const oc_tensor *find(const oc_graph *g, const oc_id *ids, size_t count,
                             const oc_tensor *tensors, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(g->values[ids[i]].name, name) == 0)
            return &tensors[i];
    return NULL;
}

/* Run a file on tensors of `g`'s inputs and of what `before` gave. */
static oc_graph *run_file(const char *path, const oc_graph *g, const oc_tensor *in,
                          const oc_graph *before, const oc_tensor *between, oc_tensor *out)
{
    oc_graph *side = NULL;
    oc_tensor given[OC_NODE_IO_MAX];
    oc_assert_ok(oc_graph_load(path, NULL, NULL, &side));
    for (size_t i = 0; i < side->n_inputs; i++) {
        const char *name = side->values[side->inputs[i]].name;
        const oc_tensor *t = find(g, g->inputs, g->n_inputs, in, name);
        if (!t && before)
            t = find(before, before->outputs, before->n_outputs, between, name);
        if (!t)
            fail_msg("%s: nobody gives its input \"%s\"", path, name);
        given[i] = *t;
    }
    oc_assert_ok(graph_eval(side, given, out));
    return side;
}

static void free_all(oc_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        oc_tensor_free(&tensors[i], NULL);
}

/* Returns how many outputs are bit for bit. */
static size_t check_cut(const oc_graph *g, size_t index, const oc_tensor *in,
                        const oc_tensor *expected)
{
    oc_cut cut;
    char text[24];
    size_t same = 0;
    oc_tensor between[OC_NODE_IO_MAX], out[OC_NODE_IO_MAX];
    snprintf(text, sizeof(text), "%zu", index);
    oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
    oc_assert_ok(oc_export_split(g, &cut, text, "head.onnx", "tail.onnx", NULL));
    oc_cut_fini(&cut);
    oc_graph *head = run_file("head.onnx", g, in, NULL, NULL, between);
    oc_graph *tail = run_file("tail.onnx", g, in, head, between, out);
    for (size_t i = 0; i < g->n_outputs; i++) {
        const char *name = g->values[g->outputs[i]].name;
        const oc_tensor *t = find(tail, tail->outputs, tail->n_outputs, out, name);
        if (!t)
            t = find(head, head->outputs, head->n_outputs, between, name);
        if (!t)
            fail_msg("cut %zu: no side gives output \"%s\"", index, name);
        same += compare(name, t, &expected[i].desc, expected[i].data);
    }
    free_all(between, head->n_outputs);
    free_all(out, tail->n_outputs);
    oc_graph_destroy(tail);
    oc_graph_destroy(head);
    return same;
}

static void every_cut_of_random_networks(void **state)
{
    size_t same = 0, outputs = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        oc_graph *g = NULL;
        oc_tensor in[OC_NODE_IO_MAX], expected[OC_NODE_IO_MAX];
        oc_assert_ok(graph_gen(seed, NULL, &g));
        oc_assert_ok(oc_transform_all(g));
        oc_assert_ok(graph_gen_inputs(g, seed, in));
        oc_assert_ok(graph_eval(g, in, expected));
        for (size_t index = 1; index < g->n_nodes; index++) {
            same += check_cut(g, index, in, expected);
            outputs += g->n_outputs;
        }
        free_all(in, g->n_inputs);
        free_all(expected, g->n_outputs);
        oc_graph_destroy(g);
    }
    unlink("head.onnx");
    unlink("tail.onnx");
    print_message("%zu of %zu outputs bit for bit\n", same, outputs);
    assert_true(outputs > 200 && same * 10 >= outputs * 8);
}

/* ---- what is refused, memory ------------------------------------------------------------------ */

static void refuses_what_is_no_split(void **state)
{
    oc_graph *g = NULL;
    oc_cut cut;
    (void)state;
    oc_assert_ok(graph_gen(3, NULL, &g));
    oc_assert_ok(oc_transform_all(g));
    oc_assert_ok(oc_cut_at(g, 0, NULL, &cut));
    oc_assert_fails(oc_export_split(g, &cut, "0", "h.onnx", "t.onnx", NULL), OC_E_ARG,
                    "cut 0: expected nodes on both sides, the head has none");
    oc_cut_fini(&cut);
    oc_assert_ok(oc_cut_at(g, g->n_nodes, NULL, &cut));
    oc_assert_fails(oc_export_split(g, &cut, "N", "h.onnx", "t.onnx", NULL), OC_E_ARG,
                    "the tail has none");
    oc_cut_fini(&cut);
    oc_assert_ok(oc_cut_at(g, 1, NULL, &cut));
    oc_assert_fails(oc_export_split(g, &cut, "1", "h.onnx", "h.onnx", NULL), OC_E_ARG,
                    "expected two files");
    oc_assert_fails(oc_export_split(g, &cut, "1", "h.onnx", "no/t.onnx", NULL), OC_E_IO, "no/t.onnx");
    oc_cut_fini(&cut);
    assert_int_equal(access("h.onnx", F_OK), -1); /* both or none */
    oc_graph_destroy(g);
}

static oc_status split_once(const oc_allocator *alloc, void *ctx)
{
    oc_graph *g = ctx;
    oc_cut cut;
    OC_TRY(oc_cut_at(g, g->n_nodes / 2, alloc, &cut));
    oc_status status = oc_export_split(g, &cut, "half", "oom_h.onnx", "oom_t.onnx", alloc);
    oc_cut_fini(&cut);
    return status;
}

static void survives_running_out_of_memory(void **state)
{
    oc_graph *g = NULL;
    (void)state;
    oc_assert_ok(graph_gen(5, NULL, &g));
    oc_assert_ok(oc_transform_all(g));
    oc_test_oom_sweep(split_once, g);
    oc_graph_destroy(g);
    unlink("oom_h.onnx");
    unlink("oom_t.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_comes_back),
        cmocka_unit_test(every_cut_of_random_networks),
        cmocka_unit_test(refuses_what_is_no_split),
        cmocka_unit_test(survives_running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
