/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Networks written as ONNX and read again by our own importer: every operator's case, and both sides
 * of every cut of random networks, compute what the graph computes. Where the importer makes the same
 * operators of it again, that is bit for bit; else within 1e-6 of the largest output.
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

/* Counts outputs whose bits are the same. */
static void compare(const char *name, const oc_tensor *found, const oc_desc *desc,
                    const void *expected, size_t *same)
{
    size_t bytes, elems;
    oc_assert_ok(oc_desc_bytes(desc, &bytes));
    oc_assert_ok(oc_shape_elems(&desc->shape, &elems));
    assert_memory_equal(&found->desc, desc, sizeof(desc->dtype) + sizeof(desc->shape.rank));
    assert_memory_equal(found->desc.shape.dim, desc->shape.dim,
                        (size_t)desc->shape.rank * sizeof(int32_t));
    if (memcmp(found->data, expected, bytes) == 0) {
        ++*same;
        return;
    }
    if (desc->dtype != OC_DTYPE_float32 || !is_float_close(found->data, expected, elems))
        fail_msg("%s: what was written and read again computes something else", name);
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

/* An input without elements: ONNX files say such shapes, our importer reads them as open ones. */
static bool has_empty_input(const oc_graph *g)
{
    for (size_t i = 0; i < g->n_inputs; i++) {
        size_t elems;
        oc_assert_ok(oc_shape_elems(&g->values[g->inputs[i]].desc.shape, &elems));
        if (elems == 0)
            return true;
    }
    return false;
}

/* Returns whether the case has an ONNX form: an operator may have one for some types only. */
static bool check_case(const oc_op *op, const oc_op_case *c, size_t *same, size_t *outputs)
{
    op_run run;
    oc_graph *g = NULL, *again = NULL;
    oc_tensor in[OC_CASE_IN], out[OC_CASE_IN];
    oc_id nodes[1] = {0};
    oc_assert_ok(case_graph(op, c, &run, &g));
    const oc_part part = {.nodes = nodes, .n_nodes = 1, .takes = g->inputs, .n_takes = g->n_inputs,
                          .gives = g->outputs, .n_gives = g->n_outputs};
    oc_status status = write_part(g, &part, "case.onnx", NULL);
    bool is_written = status == OC_OK;
    if (is_written && has_empty_input(g))
        status = OC_E_UNSUPPORTED;
    else if (is_written)
        status = oc_graph_load("case.onnx", NULL, NULL, &again);
    if (status == OC_E_UNSUPPORTED || status == OC_E_FORMAT)
        print_message("%s: %s\n", run.name, is_written ? "not read again" : oc_error_text());
    else if (status != OC_OK)
        fail_msg("%s: %s", run.name, oc_error_text());
    if (status == OC_OK) {
        case_graph_inputs(&run, g, in);
        oc_assert_ok(graph_eval(again, in, out));
        for (size_t i = 0; i < g->n_outputs; i++, ++*outputs) {
            compare(run.name, &out[i], run.out[i], run.expected[i], same);
            oc_tensor_free(&out[i], NULL);
        }
    }
    oc_graph_destroy(again);
    oc_graph_destroy(g);
    op_run_fini(&run);
    return is_written;
}

static void every_case_comes_back(void **state)
{
    size_t count, same = 0, outputs = 0;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t written = 0;
        for (size_t k = 0; k < ops[i]->n_cases; k++)
            written += check_case(ops[i], &ops[i]->cases[k], &same, &outputs);
        print_message("%s: %zu of %zu cases written\n", ops[i]->name, written, ops[i]->n_cases);
    }
    unlink("case.onnx");
    print_message("%zu of %zu outputs bit for bit\n", same, outputs);
    assert_true(same * 10 >= outputs * 9);
}

/* ---- both sides of cuts ----------------------------------------------------------------------- */

/* The tensor of that name among a graph's inputs or outputs; fails the test where there is none. */
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
    oc_status status = oc_graph_load(path, NULL, NULL, &side);
    if (status == OC_E_UNSUPPORTED || status == OC_E_FORMAT)
        return NULL;
    oc_assert_ok(status);
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

static bool check_cut(const oc_graph *g, size_t index, const oc_tensor *in,
                      const oc_tensor *expected, size_t *same)
{
    oc_cut cut;
    char text[24];
    oc_tensor between[OC_NODE_IO_MAX], out[OC_NODE_IO_MAX];
    snprintf(text, sizeof(text), "%zu", index);
    oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
    oc_assert_ok(oc_export_split(g, &cut, text, "head.onnx", "tail.onnx", NULL));
    oc_cut_fini(&cut);
    oc_graph *head = run_file("head.onnx", g, in, NULL, NULL, between);
    if (!head)
        return false;
    oc_graph *tail = run_file("tail.onnx", g, in, head, between, out);
    for (size_t i = 0; tail && i < g->n_outputs; i++) {
        const char *name = g->values[g->outputs[i]].name;
        const oc_tensor *t = find(tail, tail->outputs, tail->n_outputs, out, name);
        if (!t)
            t = find(head, head->outputs, head->n_outputs, between, name);
        if (!t)
            fail_msg("cut %zu: no side gives output \"%s\"", index, name);
        compare(name, t, &expected[i].desc, expected[i].data, same);
    }
    free_all(between, head->n_outputs);
    free_all(out, tail ? tail->n_outputs : 0);
    bool is_done = tail != NULL;
    oc_graph_destroy(tail);
    oc_graph_destroy(head);
    return is_done;
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
        for (size_t index = 1; index < g->n_nodes; index++)
            outputs += check_cut(g, index, in, expected, &same) ? g->n_outputs : 0;
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
