/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the tests of importers share: a model in memory through a file into a graph, and its
 * results.
 */
#ifndef IMPORT_TEST_H
#define IMPORT_TEST_H

#include "graph_eval.h"
#include "oc_import.h"
#include "oc_test.h"

#include <stdio.h>
#include <unistd.h>

/** Import `bytes` as a file called "model.EXTENSION" in the test's own folder. */
static inline oc_status import_options(const void *data, size_t size, const char *extension,
                                       const oc_model_options *options, oc_graph **graph)
{
    char path[64];
    snprintf(path, sizeof(path), "model-%ld.%s", (long)getpid(), extension);
    oc_assert_ok(oc_file_replace(path, data, size));
    oc_status status = oc_import(path, options, NULL, graph);
    /* Importers leave folded nodes and unused twins behind; what is needed shows after compaction. */
    if (status == OC_OK)
        status = oc_graph_compact(*graph);
    unlink(path); /* the graph holds the file open */
    return status;
}

/** The same with nothing but limits (NULL: the defaults). */
static inline oc_status import_bytes(const void *data, size_t size, const char *extension,
                                     const oc_limits *limits, oc_graph **graph)
{
    const oc_model_options options = {.limits = limits ? *limits : (oc_limits){0}};
    return import_options(data, size, extension, &options, graph);
}

/**
 * The only output of a graph of one input, for given elements. Owns: free `*out` with
 * oc_tensor_free.
 */
static inline void eval(const oc_graph *g, const float *in, oc_tensor *out)
{
    assert_int_equal(g->n_inputs, 1);
    assert_int_equal(g->n_outputs, 1);
    oc_assert_ok(oc_graph_verify(g));
    oc_tensor input = {g->values[g->inputs[0]].desc, (void *)(uintptr_t)in};
    oc_assert_ok(graph_eval(g, &input, out));
}

static inline void assert_shape(const oc_shape *shape, const char *expected)
{
    char text[OC_SHAPE_TEXT];
    assert_string_equal(oc_shape_print(shape, text, sizeof(text)), expected);
}

/** The graph gives `expected` (of shape `shape`) for `in`, within a few last bits. */
static inline void assert_eval(const oc_graph *g, const float *in, const char *shape,
                               const float *expected)
{
    oc_tensor out;
    size_t elems;
    eval(g, in, &out);
    assert_shape(&out.desc.shape, shape);
    oc_assert_ok(oc_shape_elems(&out.desc.shape, &elems));
    for (size_t i = 0; i < elems; i++) {
        float found = ((const float *)out.data)[i];
        float allowed = 2e-6f * (expected[i] < 0 ? 1 - expected[i] : 1 + expected[i]);
        if (!(found - expected[i] <= allowed && expected[i] - found <= allowed))
            fail_msg("element %zu: expected %.9g, found %.9g", i, (double)expected[i],
                     (double)found);
    }
    oc_tensor_free(&out, NULL);
}

/** How many nodes of that operator. */
static inline size_t count_nodes(const oc_graph *g, const char *op)
{
    size_t count = 0;
    for (size_t n = 0; n < g->n_nodes; n++)
        count += strcmp(g->nodes[n].op->name, op) == 0;
    return count;
}

/** The only node of that operator. */
static inline const oc_node *find_op(const oc_graph *g, const char *op)
{
    const oc_node *found = NULL;
    assert_int_equal(count_nodes(g, op), 1);
    for (size_t n = 0; n < g->n_nodes; n++)
        if (strcmp(g->nodes[n].op->name, op) == 0)
            found = &g->nodes[n];
    return found;
}

#endif
