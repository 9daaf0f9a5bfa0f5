/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A small ONNX serialiser for tests: it writes models that the project made itself, so that the
 * importer and everything behind it run on networks whose every byte is known.
 *
 * Calls may come in any order of inputs, outputs, initialisers and nodes, but nodes must come in
 * topological order, as ONNX asks. The first failure is kept and reported by onnx_writer_end; calls
 * after it do nothing.
 *
 *     onnx_writer w;
 *     onnx_writer_init(&w, "tiny");
 *     onnx_writer_input(&w, "x", 4, (int64_t[]){1, 3, 8, 8});
 *     onnx_writer_floats(&w, "scale", 1, (int64_t[]){1}, &two);
 *     onnx_writer_node(&w, "Mul", "mul", (const char *[]){"x", "scale", NULL}, "y", NULL);
 *     onnx_writer_output(&w, "y", 4, (int64_t[]){1, 3, 8, 8});
 *     status = onnx_writer_end(&w, &bytes);   // oc_buf_fini(&bytes) by the caller
 */
#ifndef ONNX_WRITER_H
#define ONNX_WRITER_H

#include "oc_base.h"

typedef struct onnx_writer {
    oc_buf graph; /* the body of a GraphProto */
    oc_status status;
} onnx_writer;

/** TensorProto.DataType of the types that models are written with. */
typedef enum onnx_type {
    ONNX_TYPE_FLOAT = 1,
    ONNX_TYPE_UINT8 = 2,
    ONNX_TYPE_INT8 = 3,
    ONNX_TYPE_INT32 = 6,
    ONNX_TYPE_INT64 = 7,
    ONNX_TYPE_BOOL = 9,
    ONNX_TYPE_FLOAT16 = 10,
    ONNX_TYPE_DOUBLE = 11
} onnx_type;

typedef enum onnx_attr_kind { ONNX_INT, ONNX_FLOAT, ONNX_INTS, ONNX_STRING } onnx_attr_kind;

/** An attribute of a node; a list of them ends with a NULL name. */
typedef struct onnx_attr {
    const char *name;
    onnx_attr_kind kind;
    int64_t i;
    float f;
    int64_t ints[8];
    size_t n_ints;
    const char *s;
} onnx_attr;

void onnx_writer_init(onnx_writer *writer, const char *graph_name);
/** A float32 input or output of the model. */
void onnx_writer_input(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims);
void onnx_writer_output(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims);
/** An input of any type. */
void onnx_writer_input_of(onnx_writer *writer, const char *name, onnx_type type, size_t rank,
                          const int64_t *dims);
/** An initialiser as raw_data, dense, row-major. */
void onnx_writer_floats(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims,
                        const float *data);
void onnx_writer_int64s(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims,
                        const int64_t *data);
/** The same of any type, of `elem` bytes an element. */
void onnx_writer_tensor(onnx_writer *writer, const char *name, onnx_type type, size_t elem,
                        size_t rank, const int64_t *dims, const void *data);
/**
 * An initialiser whose data lie in another file, as external_data; `offset`, `length` as text, NULL:
 * left out.
 */
void onnx_writer_external(onnx_writer *writer, const char *name, onnx_type type, size_t rank,
                          const int64_t *dims, const char *location, const char *offset,
                          const char *length);
/** A node with any number of outputs; the lists end with NULL. */
void onnx_writer_node_of(onnx_writer *writer, const char *op_type, const char *name,
                         const char *const *inputs, const char *const *outputs,
                         const onnx_attr *attrs);
/**
 * A node with one output. `inputs` ends with NULL; "" stands for an optional input that is not
 * given. `attrs` NULL: none.
 */
void onnx_writer_node(onnx_writer *writer, const char *op_type, const char *name,
                      const char *const *inputs, const char *output, const onnx_attr *attrs);
/**
 * The whole ModelProto (IR version 7, opset 13) into `model`, which is initialised here.
 * The writer is finished in any case. Owns: the caller ends `model` with oc_buf_fini, also after a failure.
 */
OC_MUST_USE oc_status onnx_writer_end(onnx_writer *writer, oc_buf *model);

#endif
