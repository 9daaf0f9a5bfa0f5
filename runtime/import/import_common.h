/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What importers share: emitting nodes, constants, and the arithmetic of shapes and paddings.
 *
 * Every function that takes an oc_imp emits for, or speaks of, one node of the model file: error
 * texts begin with that node's name. Not thread-safe: one import is one thread's.
 */
#ifndef IMPORT_COMMON_H
#define IMPORT_COMMON_H

#include "oc_graph.h"

/** The node of the file that is being converted. The texts are borrowed. */
typedef struct oc_imp {
    oc_graph *graph;
    oc_arena *scratch; /* dies with the import; for names and tables */
    const char *node;  /* its name, also that of the main node it becomes */
    const char *out;   /* the name of its first output */
} oc_imp;

/* ---- names and constants --------------------------------------------------------------------- */

/**
 * Longest name taken from a file, so that a file in which many names share their bytes stays
 * harmless.
 */
#define OC_IMP_NAME_MAX 1000

/** A copy of a name in the scratch arena: printable, of one line, cut at OC_IMP_NAME_MAX. */
OC_MUST_USE oc_status oc_imp_text(oc_arena *scratch, oc_bytes name, const char **text);

/** "base/what" in the scratch arena: a name for what exists only here. */
OC_MUST_USE oc_status oc_imp_join(oc_arena *scratch, const char *base, const char *what,
                                  const char **name);
/** The same of the node's name. */
OC_MUST_USE oc_status oc_imp_sub(const oc_imp *at, const char *what, const char **name);

/**
 * A constant whose dense little-endian bytes are `data`, a view into `bytes`, the contents of
 * `file`. Small ones are copied, others read from the file when they are needed.
 * Errors: OC_E_FORMAT when the view's size is not that of the desc.
 */
OC_MUST_USE oc_status oc_imp_constant(oc_graph *graph, const char *name, const oc_desc *desc,
                                      oc_bytes data, oc_bytes bytes, oc_file *file, oc_id *value);

/** A float32 scalar. */
OC_MUST_USE oc_status oc_imp_scalar(const oc_imp *at, const char *what, float number, oc_id *value);

bool oc_imp_is_const(const oc_graph *graph, oc_id value);

/**
 * The graph gives `value` under `name`. A constant, or what it gives already, is given as a copy (an
 * identity), so that every output but an input itself has a node that makes it: plans, cuts and
 * workers need no case for the others.
 */
OC_MUST_USE oc_status oc_imp_add_output(oc_graph *graph, const char *name, oc_id value);

/**
 * The elements of a constant of int32 or int64: a shape, axes, paddings.
 * Errors: OC_E_UNSUPPORTED when it is not constant, OC_E_FORMAT (type, more than `max`).
 */
OC_MUST_USE oc_status oc_imp_ints(const oc_imp *at, oc_id value, const char *what, int64_t *out,
                                  size_t max, size_t *count);
/** The elements of a constant of float32. Errors as above. */
OC_MUST_USE oc_status oc_imp_floats(const oc_imp *at, oc_id value, const char *what, float *out,
                                    size_t max, size_t *count);
/** The only element of a float32 constant. Errors as above. */
OC_MUST_USE oc_status oc_imp_float(const oc_imp *at, oc_id value, const char *what, float *out);

/* ---- what is not supported ------------------------------------------------------------------- */

/**
 * Operators that a model needs and that are not understood, each with the first node that has it.
 */
#define OC_IMP_MISSING_NAMED 12 /* more would not fit into an error text */
typedef struct oc_imp_missing {
    const char *op[OC_IMP_MISSING_NAMED], *node[OC_IMP_MISSING_NAMED]; /* borrowed */
    size_t count;
} oc_imp_missing;

void oc_imp_missing_note(oc_imp_missing *missing, const char *op, const char *node);
/** OC_E_UNSUPPORTED, naming them all in one line; OC_OK for none. */
OC_MUST_USE oc_status oc_imp_missing_fail(const oc_imp_missing *missing, const oc_allocator *alloc);

/* ---- nodes ----------------------------------------------------------------------------------- */

/** Begin a node of that name; NULL: the node's own. */
OC_MUST_USE oc_status oc_imp_begin(const oc_imp *at, const char *name, const oc_op *op,
                                   const oc_id *in, size_t n_in, oc_node **node);
/**
 * End a node of one output, called `out_name` (NULL: as the node). A node whose inputs are all
 * constant is folded at once, so that what is known while importing is seen to be known.
 */
OC_MUST_USE oc_status oc_imp_end(const oc_imp *at, oc_node *node, const char *out_name, oc_id *out);

/* One node each; node and value are called `name`, or, where NULL, as the file calls them. */
OC_MUST_USE oc_status oc_imp_identity(const oc_imp *at, const char *name, oc_id x, oc_id *out);
OC_MUST_USE oc_status oc_imp_transpose(const oc_imp *at, const char *name, oc_id x,
                                       const int32_t *perm, oc_id *out);
OC_MUST_USE oc_status oc_imp_reshape(const oc_imp *at, const char *name, oc_id x,
                                     const oc_shape *shape, oc_id *out);
OC_MUST_USE oc_status oc_imp_unary(const oc_imp *at, const char *name, const char *fn, float a,
                                   float b, oc_id x, oc_id *out);
OC_MUST_USE oc_status oc_imp_binary(const oc_imp *at, const char *name, const char *fn, oc_id p,
                                    oc_id q, oc_id *out);
/** x as `dtype`; as it is where it has that type. */
OC_MUST_USE oc_status oc_imp_cast(const oc_imp *at, const char *name, oc_id x, oc_dtype dtype,
                                  oc_id *out);
OC_MUST_USE oc_status oc_imp_reduce(const oc_imp *at, const char *fn, oc_id x, const int32_t *axes,
                                    size_t n_axes, bool keep_dims, oc_id *out);
OC_MUST_USE oc_status oc_imp_pad(const oc_imp *at, oc_id x, const int64_t *begins,
                                 const int64_t *ends, float value, oc_id *out);

/* ---- shapes and attributes ------------------------------------------------------------------- */

const oc_shape *oc_imp_shape(const oc_imp *at, oc_id value);

/** 64-bit integers of a file as 32-bit ones. Errors: OC_E_FORMAT (what, value). */
OC_MUST_USE oc_status oc_imp_narrow(const oc_imp *at, const char *what, const int64_t *in,
                                    size_t count, int32_t *out);

/** An axis of -rank .. rank-1 as 0 .. rank-1. Errors: OC_E_FORMAT. */
OC_MUST_USE oc_status oc_imp_axis(const oc_imp *at, int64_t axis, int32_t rank, int32_t *out);
/** Several of them, each at most once, in ascending order; at most OC_RANK_MAX. */
OC_MUST_USE oc_status oc_imp_axes(const oc_imp *at, const int64_t *axes, size_t count, int32_t rank,
                                  int32_t *out);

/**
 * The shape that `dims` asks for, of an `in` shape: one -1 is what is left over; where
 * `zero_copies`, 0 is the input's dimension of the same axis. Errors: OC_E_FORMAT, OC_E_SHAPE.
 */
OC_MUST_USE oc_status oc_imp_resolve(const oc_imp *at, const oc_shape *in, const int64_t *dims,
                                     size_t count, bool zero_copies, oc_shape *out);

/**
 * The input shape without `axes` (ascending, each of size 1), or, for none, without every axis of
 * size 1.
 */
OC_MUST_USE oc_status oc_imp_squeezed(const oc_imp *at, const oc_shape *in, const int32_t *axes,
                                      size_t n_axes, oc_shape *out);

/**
 * The padding of one axis that makes the output ceil(in / stride) long; an odd rest goes to the
 * end, or, where `is_lower`, to the beginning. Errors: OC_E_FORMAT for a kernel, stride or dilation
 * below 1.
 */
OC_MUST_USE oc_status oc_imp_pad_same(const oc_imp *at, int32_t in, int32_t kernel, int32_t stride,
                                      int32_t dilation, bool is_lower, int32_t *begin,
                                      int32_t *end);

#endif
