/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX operators that are understood: one row each, in onnx_ops.c. Adding one is a function
 * and a row.
 */
#ifndef ONNX_OPS_H
#define ONNX_OPS_H

#include "import_common.h"
#include "onnx_proto.h"

#define OC_ONNX_OPSET_MIN 7
#define OC_ONNX_OPSET_MAX 21

/** A model while it is read. */
typedef struct oc_onnx {
    oc_graph *graph;
    oc_arena *scratch;
    oc_bytes bytes; /* the file's contents */
    oc_file *file;
    int64_t opset;
    oc_id *last; /* per value: the same value with its channels last, or OC_NONE */
    size_t n_last, cap_last;
} oc_onnx;

/** One node while it is converted. */
typedef struct oc_onnx_call {
    oc_imp at;
    oc_onnx *model;
    const oc_onnx_node *node;
    const struct oc_onnx_row *row;
    oc_id in[OC_NODE_IO_MAX]; /* OC_NONE: not given */
    uint32_t n_in;            /* without those at the end that are not given */
    oc_id out;                /* set by `convert`: output 0 */
} oc_onnx_call;

typedef struct oc_onnx_row {
    const char *op;
    int since, until; /* opsets that the row is right for */
    uint32_t in_min, in_max;
    const char *attrs; /* those it knows, separated by spaces; any other is refused. NULL: none */
    oc_status (*convert)(oc_onnx_call *call);
    const char *fn; /* what our operator calls it, for rows that share a function */
} oc_onnx_row;

/** The row for an operator of the default domain, or NULL. */
const oc_onnx_row *oc_onnx_find_row(oc_bytes op_type);

/** The name of row `index`, or NULL past the last. */
const char *oc_onnx_op_name(size_t index);

/** A TensorProto as a constant of the graph. */
OC_MUST_USE oc_status oc_onnx_constant(oc_onnx *model, const oc_onnx_tensor *tensor,
                                       const char *name, oc_id *value);

#endif
