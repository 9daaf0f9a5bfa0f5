/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The TensorFlow Lite operators that are understood: one row each, in tflite_ops.c. Adding one is a
 * function and a row.
 */
#ifndef TFLITE_OPS_H
#define TFLITE_OPS_H

#include "flatbuffer.h"
#include "import_common.h"

/** One operator of the file while it is converted. */
typedef struct oc_tflite_call {
    oc_imp at;
    const struct oc_tflite_row *row;
    oc_flat_table options;    /* of the type that the row says, or absent */
    oc_id in[OC_NODE_IO_MAX]; /* OC_NONE: not given */
    uint32_t n_in;            /* without those at the end that are not given */
    oc_id out;                /* set by `convert`: output 0 */
} oc_tflite_call;

typedef struct oc_tflite_row {
    const char *op;  /* its name in BuiltinOperator */
    int32_t version; /* the newest that is known */
    uint8_t options; /* the number of its table in BuiltinOptions; 0: none */
    uint32_t in_min, in_max;
    oc_status (*convert)(oc_tflite_call *call);
    const char *fn; /* what our operator calls it, for rows that share a function */
} oc_tflite_row;

/** The row of a builtin operator, or NULL. */
const oc_tflite_row *oc_tflite_find_row(int32_t code);
/** The name of row `index`, or NULL past the last. */
const char *oc_tflite_op_name(size_t index);
/** The name of a builtin operator, or NULL for codes that are newer than the list. */
const char *oc_tflite_builtin_name(int32_t code);

#endif
