/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX form of a part while it is made: tensors and nodes of the file-to-be, and what the rows
 * of forms.c write them with.
 *
 * A value has up to two tensors: one in its own axes, and, for values of rank 3 and more, one with
 * its last axis, the channels, second. ONNX's spatial operators want the latter, ours make the
 * former, and a Transpose is written only where somebody needs the one that does not exist yet.
 * Operators that do not care which axis is which (those that have `permute` in their row) are
 * written in whatever axes their inputs already have, so that none comes up between them.
 *
 * The first failure is kept in the form's `status`; calls after it do nothing and return tensor 0,
 * so that rows can be written as plain expressions.
 */
#ifndef OC_FORM_H
#define OC_FORM_H

#include "oc_graph.h"

/** A tensor of the file: an index into oc_form.tensors. */
typedef uint32_t oc_tensor_id;

typedef enum oc_form_kind {
    OC_FORM_MADE,  /* by a node */
    OC_FORM_GIVEN, /* an input of the file */
    OC_FORM_CONST, /* a constant of the graph, seen as `view` and then permuted */
    OC_FORM_BYTES  /* a small constant that exists only in the file */
} oc_form_kind;

typedef struct oc_form_tensor {
    oc_form_kind kind;
    const char *name;  /* NULL: named after `near`, when the file is complete */
    const char *near, *what;
    bool is_needed;    /* an output depends on it */
    oc_desc desc;      /* GIVEN, CONST, BYTES: as the file says it */
    oc_id value;       /* CONST, GIVEN */
    oc_shape view;     /* CONST: the constant's elements under this shape ... */
    oc_ints perm;      /* ... of which axis perm[i] becomes axis i; count 0: stays */
    const void *bytes; /* BYTES */
} oc_form_tensor;

typedef struct oc_form_node {
    const char *op_type, *near;
    oc_tensor_id *in; /* OC_NONE: not given */
    oc_tensor_id *out;
    uint32_t n_in, n_out;
    oc_buf attrs;     /* AttributeProto fields of a NodeProto */
} oc_form_node;

typedef struct oc_form {
    const oc_graph *graph;
    const oc_allocator *alloc;
    oc_status status;
    oc_arena arena;
    oc_form_tensor *tensors;
    size_t n_tensors, cap_tensors;
    oc_form_node *nodes;
    size_t n_nodes, cap_nodes;
    oc_tensor_id *plain, *first; /* per value: its tensors, or OC_NONE */
    oc_tensor_id *inputs, *outputs;
    size_t n_inputs, n_outputs;
} oc_form;

/** A node of the graph while its form is written. */
typedef struct oc_form_call {
    oc_form *form;
    oc_node node;   /* attributes as of the axes in use: read them with oc_node_int and its kin */
    const oc_desc *const *in;  /* as of the axes in use; NULL: not given */
    const oc_desc *const *out;
    bool is_first;  /* inputs and outputs have their channels second */
    bool is_spatial;/* input 0 and output 0 have; the descs are the node's own */
} oc_form_call;

/** How an operator is written. */
typedef struct oc_form_row {
    const char *op;  /* our operator's name */
    uint32_t types;  /* element types of input 0 that `write` is right for: OC_TYPE bits */
    const char *attrs; /* those that `write` knows, separated by spaces; any other must have its default. NULL: none */
    bool is_spatial; /* ONNX wants input 0 and gives output 0 with the channels second */
    bool stretches;  /* constant inputs of fewer axes are stretched over the others */
    void (*write)(oc_form_call *c);
} oc_form_row;

/** The row of that operator, or NULL. */
const oc_form_row *oc_form_find(const char *op);

/* ---- for rows ------------------------------------------------------------------------------- */

bool oc_form_has(const oc_form_call *c, uint32_t index);
/** Input `index` in the axes in use. */
oc_tensor_id oc_form_in(oc_form_call *c, uint32_t index);
/** Input `index` with other axes: axis perm[i] of it, seen as `view` (NULL: as it is), becomes axis i (NULL: as they are). */
oc_tensor_id oc_form_in_permuted(oc_form_call *c, uint32_t index, const oc_shape *view,
                                 const oc_ints *perm);
/** From here on input 0 and output 0 have their channels second, if input 0 has such a tensor already. */
void oc_form_prefer_first(oc_form_call *c);
/** Does a tensor of input `index` with its channels second exist already? Then this is it, else OC_NONE. */
oc_tensor_id oc_form_in_first(oc_form_call *c, uint32_t index);
/** The bytes of a constant input, in the form's memory; NULL where it is none, or on failure. */
const void *oc_form_in_bytes(oc_form_call *c, uint32_t index);
/** Output `index` is this tensor. */
void oc_form_out(oc_form_call *c, uint32_t index, oc_tensor_id tensor);
/** Output 0 is input 0 transposed, by a tensor that exists where there is one. */
void oc_form_transpose(oc_form_call *c, const oc_ints *perm);

/** Write a node with one output. `in[i]` may be OC_NONE: not given. */
oc_tensor_id oc_form_node_add(oc_form_call *c, const char *op_type, const oc_tensor_id *in,
                              size_t n_in);
/** A further output of the node written last. */
oc_tensor_id oc_form_more_out(oc_form_call *c);
/* Attributes of the node written last. */
void oc_form_set_int(oc_form_call *c, const char *name, int64_t value);
void oc_form_set_float(oc_form_call *c, const char *name, float value);
void oc_form_set_text(oc_form_call *c, const char *name, const char *value);
void oc_form_set_ints(oc_form_call *c, const char *name, const int32_t *values, int32_t count);

/** Nodes of one, two, three inputs. */
#define OC_FORM(c_, type_, ...)                                             \
    oc_form_node_add((c_), (type_), (const oc_tensor_id[]){__VA_ARGS__},    \
                     sizeof((oc_tensor_id[]){__VA_ARGS__}) / sizeof(oc_tensor_id))

/* Small constants. */
oc_tensor_id oc_form_bytes(oc_form_call *c, const oc_desc *desc, const void *bytes);
oc_tensor_id oc_form_int64s(oc_form_call *c, const int64_t *values, size_t count);
oc_tensor_id oc_form_ints(oc_form_call *c, const int32_t *values, int32_t count);
/** A scalar; `value` is exact in the type. */
oc_tensor_id oc_form_scalar(oc_form_call *c, oc_dtype dtype, double value);
/** Those of output 0's type. */
oc_tensor_id oc_form_same(oc_form_call *c, double value);
/** Cast to another element type (x itself where it has that: say so by `from`). */
oc_tensor_id oc_form_cast(oc_form_call *c, oc_tensor_id x, oc_dtype from, oc_dtype to);

/** The same elements under another shape. */
oc_tensor_id oc_form_reshape(oc_form_call *c, oc_tensor_id x, const oc_shape *to);

/** Refuse the node: "node X: operator Y cannot be written as ONNX: why". */
void oc_form_refuse(oc_form_call *c, const char *fmt, ...) OC_PRINTF(2, 3);

/* ---- for the file --------------------------------------------------------------------------- */

/** Number of ONNX's TensorProto.DataType. */
int oc_form_onnx_dtype(oc_dtype dtype);

/** The form of a part. Owns: oc_form_fini, also after a failure. */
OC_MUST_USE oc_status oc_form_make(const oc_graph *graph, const oc_part *part,
                                   const oc_allocator *alloc, oc_form *form);
void oc_form_fini(oc_form *form);

/** The elements of an OC_FORM_CONST as the file wants them. */
OC_MUST_USE oc_status oc_form_const_read(const oc_form *form, const oc_form_tensor *tensor,
                                         void *dst, size_t size);

#endif
