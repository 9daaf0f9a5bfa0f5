/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The messages of an ONNX file, as views into its bytes: nothing is allocated and nothing copied.
 * Source: onnx.proto of the ONNX project (field numbers), IR specification.
 *
 * oc_onnx_check comes first: it walks the whole file once, so that the other functions only meet
 * fields of the wire type that the schema says.
 */
#ifndef ONNX_PROTO_H
#define ONNX_PROTO_H

#include "oc_graph.h"

/**
 * Every field's wire type, and that messages nest at most `depth` deep. Errors: OC_E_FORMAT
 * (message, offset, field), OC_E_LIMIT.
 */
OC_MUST_USE oc_status oc_onnx_check(oc_bytes model, uint32_t depth);

/**
 * A message, field by field; wire errors end the walk and stay in `status`.
 *
 *     oc_onnx_walk w = oc_onnx_walk_begin(message);
 *     while (oc_onnx_walk_next(&w)) { ... w.f.number, w.f.bytes ... }
 *     OC_TRY(w.status);
 */
typedef struct oc_onnx_walk {
    oc_wire wire;
    oc_wire_field f;
    oc_status status;
} oc_onnx_walk;
oc_onnx_walk oc_onnx_walk_begin(oc_bytes message);
bool oc_onnx_walk_next(oc_onnx_walk *walk);

/** What is read of a ModelProto. */
typedef struct oc_onnx_model {
    int64_t opset; /* of the default domain; 0 when none is named */
    oc_bytes graph;
    bool has_graph;
} oc_onnx_model;
OC_MUST_USE oc_status oc_onnx_read_model(oc_bytes message, oc_onnx_model *model);

/** Field numbers of a GraphProto, to walk over with oc_wire. */
enum {
    OC_ONNX_GRAPH_NODE = 1,
    OC_ONNX_GRAPH_INITIALIZER = 5,
    OC_ONNX_GRAPH_INPUT = 11,
    OC_ONNX_GRAPH_OUTPUT = 12,
    OC_ONNX_GRAPH_SPARSE = 15
};
/** Of a NodeProto. */
enum { OC_ONNX_NODE_ATTRIBUTE = 5 };

/** A NodeProto. An input of no name is an optional one that is not given. */
typedef struct oc_onnx_node {
    oc_bytes message, name, op_type, domain;
    oc_bytes in[OC_NODE_IO_MAX], out[OC_NODE_IO_MAX];
    uint32_t n_in, n_out;
} oc_onnx_node;
/** Errors: OC_E_LIMIT for more than OC_NODE_IO_MAX inputs or outputs. */
OC_MUST_USE oc_status oc_onnx_read_node(oc_bytes message, oc_onnx_node *node);

/** Numbers of AttributeProto.AttributeType. */
typedef enum oc_onnx_attr_type {
    OC_ONNX_FLOAT = 1,
    OC_ONNX_INT = 2,
    OC_ONNX_STRING = 3,
    OC_ONNX_TENSOR = 4,
    OC_ONNX_FLOATS = 6,
    OC_ONNX_INTS = 7
} oc_onnx_attr_type;

/** An AttributeProto. */
typedef struct oc_onnx_attr {
    oc_bytes message, name;
    uint64_t type; /* 0 where the file leaves it out */
    float f;
    int64_t i;
    oc_bytes s, t;
} oc_onnx_attr;
OC_MUST_USE oc_status oc_onnx_read_attr(oc_bytes message, oc_onnx_attr *attr);
/** The attribute of that name; `*found` says whether there is one. */
OC_MUST_USE oc_status oc_onnx_find_attr(const oc_onnx_node *node, const char *name,
                                        oc_onnx_attr *attr, bool *found);
/** The lists of an attribute. Errors: OC_E_LIMIT for more than `max`. */
OC_MUST_USE oc_status oc_onnx_attr_ints(const oc_onnx_attr *attr, int64_t *out, size_t max,
                                        size_t *count);
OC_MUST_USE oc_status oc_onnx_attr_floats(const oc_onnx_attr *attr, float *out, size_t max,
                                          size_t *count);

/** TensorProto.DataType by number. Errors: OC_E_FORMAT, OC_E_UNSUPPORTED (names the type). */
OC_MUST_USE oc_status oc_onnx_dtype(uint64_t number, oc_dtype *dtype);

/** Where data lie that are not in the model's file. */
typedef struct oc_onnx_external {
    oc_bytes location;
    uint64_t offset, length;
    bool has_length;
} oc_onnx_external;

/** A TensorProto, or what is read of it. */
typedef struct oc_onnx_tensor {
    oc_bytes message, name;
    oc_desc desc;
    oc_bytes raw;
    bool has_raw, is_external;
    oc_onnx_external external;
} oc_onnx_tensor;
/**
 * Errors: OC_E_FORMAT, OC_E_UNSUPPORTED (element type, segments), OC_E_LIMIT (rank); each names the
 * tensor.
 */
OC_MUST_USE oc_status oc_onnx_read_tensor(oc_bytes message, oc_onnx_tensor *tensor);
/**
 * The tensor's elements as dense little-endian bytes: a view into the file where they lie there so,
 * else made in `scratch`. `*is_in_file` says which. Errors: OC_E_FORMAT when there are fewer or
 * more than the shape says; OC_E_UNSUPPORTED for external data.
 */
OC_MUST_USE oc_status oc_onnx_tensor_bytes(const oc_onnx_tensor *tensor, oc_arena *scratch,
                                           oc_bytes *bytes, bool *is_in_file);

/** A ValueInfoProto: an input or output of the graph. */
typedef struct oc_onnx_value {
    oc_bytes name, type;
} oc_onnx_value;
OC_MUST_USE oc_status oc_onnx_read_value(oc_bytes message, oc_onnx_value *value);
/** The type of a tensor; a dimension that is unknown or only has a name is OC_ONNX_OPEN. */
#define OC_ONNX_OPEN (-1)
typedef struct oc_onnx_type {
    oc_desc desc;
    bool has_shape;
} oc_onnx_type;
/** Errors: OC_E_UNSUPPORTED (no tensor, element type), OC_E_LIMIT (rank, a dimension). */
OC_MUST_USE oc_status oc_onnx_value_type(const oc_onnx_value *value, oc_onnx_type *type);

#endif
