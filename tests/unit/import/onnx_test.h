/* SPDX-License-Identifier: Apache-2.0 */
/** What the tests of the ONNX importer share: models in memory, and what they are expected to give. */
#ifndef ONNX_TEST_H
#define ONNX_TEST_H

#include "import_test.h"
#include "onnx_writer.h"

#define DIMS(...)                                                         \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) \
    {                                                                     \
        __VA_ARGS__                                                       \
    }
#define NAMES(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define ATTRS(...)       \
    (const onnx_attr[])  \
    {                    \
        __VA_ARGS__,     \
        {                \
            .name = NULL \
        }                \
    }
#define INT(name_, i_)                               \
    {                                                \
        .name = (name_), .kind = ONNX_INT, .i = (i_) \
    }
#define FLOAT(name_, f_)                               \
    {                                                  \
        .name = (name_), .kind = ONNX_FLOAT, .f = (f_) \
    }
#define TEXT(name_, s_)                                 \
    {                                                   \
        .name = (name_), .kind = ONNX_STRING, .s = (s_) \
    }
#define INTS(name_, ...)                                             \
    {                                                                \
        .name = (name_), .kind = ONNX_INTS, .ints = {__VA_ARGS__},   \
        .n_ints = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t) \
    }

/* Import what the writer holds, as of `opset`. Ends the writer. */
static inline oc_status import_with(onnx_writer *w, int64_t opset, const oc_model_options *options,
                                    oc_graph **g)
{
    oc_buf model, version;
    oc_buf_init(&model, NULL);
    oc_buf_init(&version, NULL);
    oc_assert_ok(w->status);
    oc_assert_ok(oc_buf_wire_varint(&version, 2, (uint64_t)opset));
    oc_assert_ok(oc_buf_wire_varint(&model, 1, 7));
    oc_assert_ok(oc_buf_wire_bytes(&model, 8, version.data, version.size));
    oc_assert_ok(oc_buf_wire_bytes(&model, 7, w->graph.data, w->graph.size));
    oc_status status = import_options(model.data, model.size, "onnx", options, g);
    oc_buf_fini(&model);
    oc_buf_fini(&version);
    oc_buf_fini(&w->graph);
    return status;
}

static inline oc_status import(onnx_writer *w, int64_t opset, oc_graph **g)
{
    return import_with(w, opset, &(oc_model_options){0}, g);
}

static inline oc_graph *import_ok(onnx_writer *w, int64_t opset)
{
    oc_graph *g = NULL;
    oc_assert_ok(import(w, opset, &g));
    assert_string_equal(g->format, "onnx");
    return g;
}

static inline void refuse(onnx_writer *w, int64_t opset, oc_status status, const char *text)
{
    oc_graph *g = NULL;
    oc_assert_fails(import(w, opset, &g), status, text);
    assert_null(g);
}

/* A model with input "x" of the given shape and output "y"; the writer's other parts follow. */
static inline onnx_writer begin(size_t rank, const int64_t *dims)
{
    onnx_writer w;
    onnx_writer_init(&w, "test");
    onnx_writer_input(&w, "x", rank, dims);
    onnx_writer_output(&w, "y", 0, NULL);
    return w;
}

/* Import, compare, destroy. */
static inline void check(onnx_writer *w, int64_t opset, const float *in, const char *shape,
                         const float *expected)
{
    oc_graph *g = import_ok(w, opset);
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_eval(g, in, shape, expected);
    oc_graph_destroy(g);
}

static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

#endif
