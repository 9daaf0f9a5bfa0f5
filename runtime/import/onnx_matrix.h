/* SPDX-License-Identifier: Apache-2.0 */
/** What the float and the quantised products of matrices share. */
#ifndef ONNX_MATRIX_H
#define ONNX_MATRIX_H

#include "onnx_ops.h"

typedef struct oc_onnx_product_args {
    oc_id a, b, a_zero, b_zero; /* zero points: OC_NONE where absent */
} oc_onnx_product_args;

/** a times b by NumPy's rule for any ranks; the last node and its value are called as `at` says. */
OC_MUST_USE oc_status oc_onnx_product(oc_onnx_call *call, const oc_imp *at,
                                      const oc_onnx_product_args *args, oc_id *y);

/**
 * Numbers [M] of the rows of a matrix as a column [M,1]; one number, or of another rank, as it is.
 */
OC_MUST_USE oc_status oc_onnx_by_row(oc_onnx_call *call, const char *what, oc_id x, oc_id *out);

#endif
