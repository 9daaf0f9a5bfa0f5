/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The integer form of the products (conv2d, conv_transpose2d, fully_connected, matmul): inputs x, w
 * int8 or uint8, each of either type, and optional bias int32, x_zero of x's type, w_zero of w's
 * type -> int32, the sum of (x - x_zero) (w - w_zero) and bias, which wraps around. Any of the five
 * may be computed by other nodes. A zero point has one element, or one for each row of x (matmul)
 * or output column of w. A fused activation has no meaning there.
 */
#ifndef OP_PRODUCT_INT_H
#define OP_PRODUCT_INT_H

#include "op_product.h"
#include "op_quant.h"

enum { OP_X, OP_W, OP_BIAS, OP_X_ZERO, OP_W_ZERO, OP_PRODUCT_IN_MAX };

/** Which form? Input 0 has one of the row's types. */
static inline bool oc_op_is_int(const oc_op_call *call)
{
    return call->in[OP_X]->dtype != OC_DTYPE_float32;
}

/** Type of the output. */
static inline oc_dtype oc_op_product_dtype(const oc_op_call *call)
{
    return oc_op_is_int(call) ? OC_DTYPE_int32 : OC_DTYPE_float32;
}

/**
 * The types of both forms, for the form without zero points that there are none, for the integer
 * form that there is no activation. Errors: OC_E_DTYPE, OC_E_ARG.
 */
OC_MUST_USE oc_status oc_op_check_product(const oc_op_call *call, const oc_op_act *act);
/** Zero points have one element, or x_count and w_count. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_zeros(const oc_op_call *call, int32_t x_count, int32_t w_count);

/* ---- reference ------------------------------------------------------------------------------ */

/** Elements of int8 or uint8: element i is (data[i] ^ flip) - flip. */
typedef struct oc_op_bytes {
    const uint8_t *data;
    uint8_t flip; /* 0x80 for int8 */
} oc_op_bytes;

static inline oc_op_bytes oc_op_bytes_of(const oc_op_call *call, const void *const *in,
                                         uint32_t index)
{
    return (oc_op_bytes){in[index], call->in[index]->dtype == OC_DTYPE_int8 ? 0x80 : 0};
}

/** The i-th zero point of input `index`, 0 where that is not given. */
int32_t oc_op_zero(const oc_op_call *call, const void *const *in, uint32_t index, size_t i);

/**
 * Serial loop: for i < n: sum += (x[i] - x_zero) (w[i * next] - w_zero); modulo 2^32.
 */
uint32_t oc_op_dot_int(oc_op_bytes x, size_t x_at, int32_t x_zero, oc_op_bytes w, size_t w_at,
                       size_t next, int32_t w_zero, size_t n);

/* ---- launch --------------------------------------------------------------------------------- */

/** Defines of kernels-cl/product_int.h. */
OC_MUST_USE oc_status oc_op_define_int(const oc_op_call *call, oc_launch *launch);
/** Adds the given inputs in their order, then the output. */
void oc_op_launch_args_int(const oc_op_call *call, oc_launch *launch);

#endif
