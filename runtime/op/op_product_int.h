/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The integer form of the products (conv2d, conv_transpose2d, fully_connected, matmul): inputs x, w
 * int8 or uint8, each of either type, and optional bias int32, x_zero of x's type, w_zero of w's
 * type -> int32, the sum of (x - x_zero) (w - w_zero) and bias, which wraps around. Any of the five
 * may be computed by other nodes. A zero point has one element, or one for each row of x (matmul)
 * or output column of w. A fused activation has no meaning there.
 *
 * conv2d and fully_connected may requantise their sums, as the operator requantize would do that
 * follows them (attributes OP_ATTR_REQUANT; inputs multiplier, shift and perhaps low, int32, one
 * element or one for each output channel): then they give int8 or uint8.
 */
#ifndef OP_PRODUCT_INT_H
#define OP_PRODUCT_INT_H

#include "op_product.h"
#include "op_quant.h"

enum { OP_X, OP_W, OP_BIAS, OP_X_ZERO, OP_W_ZERO, OP_PRODUCT_IN_MAX };
enum { OP_MULTIPLIER = OP_PRODUCT_IN_MAX, OP_SHIFT, OP_LOW, OP_REQUANT_IN_MAX };

/** How sums are requantised; the rest is as of the operator requantize. */
enum { OP_REQUANT_NONE, OP_REQUANT_TWICE, OP_REQUANT_DOUBLE };
typedef struct oc_op_requant {
    int32_t rounding, to, zero, lo, hi;
} oc_op_requant;

extern const char *const oc_op_requant_names[];

/** The rows of member `requant` of `type_`. */
/* clang-format off */
#define OP_ATTR_REQUANT(type_)                                                                 \
    {.name = "requant", .type = OC_ATTR_ENUM, .offset = offsetof(type_, requant.rounding),     \
     .max = OP_REQUANT_DOUBLE, .names = oc_op_requant_names,                                   \
     .help = "integer sums become 8-bit numbers, rounded as by requantize"},                   \
    {.name = "to", .type = OC_ATTR_ENUM, .offset = offsetof(type_, requant.to), .max = 1,      \
     .names = oc_op_8bit_names, .help = "their element type"},                                 \
    {.name = "zero", .type = OC_ATTR_INT, .offset = offsetof(type_, requant.zero),             \
     .min = -128, .max = 255, .help = "their zero point"},                                     \
    OP_ATTR_LIMITS_OF(type_, requant.lo, requant.hi)
/* clang-format on */

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

/** The same where sums may be requantised. */
static inline oc_dtype oc_op_requant_dtype(const oc_op_call *call, const oc_op_requant *requant)
{
    return requant->rounding == OP_REQUANT_NONE ? oc_op_product_dtype(call)
                                                : oc_op_8bit_dtype(requant->to);
}

/**
 * The types of both forms, for the form without zero points that there are none, for the integer
 * form that there is no activation. Errors: OC_E_DTYPE, OC_E_ARG.
 */
OC_MUST_USE oc_status oc_op_check_product(const oc_op_call *call, const oc_op_act *act);
/** Zero points have one element, or x_count and w_count. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_zeros(const oc_op_call *call, int32_t x_count, int32_t w_count);
/**
 * Only integers are requantised; the factors that the rounding takes are given, and no others, with
 * one element or `channels`. Errors: OC_E_ARG, OC_E_DTYPE, OC_E_SHAPE.
 */
OC_MUST_USE oc_status oc_op_check_requant(const oc_op_call *call, const oc_op_requant *requant,
                                          int32_t channels);
/** How many operations requantising an element costs. */
static inline uint64_t oc_op_requant_ops(const oc_op_requant *requant)
{
    return requant->rounding == OP_REQUANT_NONE ? 0 : 5;
}

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

/** Where a reference writes its sums. */
typedef struct oc_op_sums {
    void *y;
    const oc_op_requant *requant;
    oc_op_factors factors;
} oc_op_sums;

oc_op_sums oc_op_sums_of(const oc_op_call *call, const oc_op_requant *requant,
                         const void *const *in, void *y);
/** Element i, which is of that output channel: the sum itself, or requantised. */
void oc_op_sums_put(const oc_op_sums *sums, size_t i, size_t channel, uint32_t sum);

/* ---- launch --------------------------------------------------------------------------------- */

/** Defines of kernels-cl/product_int.h. */
OC_MUST_USE oc_status oc_op_define_int(const oc_op_call *call, oc_launch *launch);
/** Defines of kernels-cl/vector_requant.h; NULL: sums stay what they are. */
OC_MUST_USE oc_status oc_op_define_requant(const oc_op_call *call, const oc_op_requant *requant,
                                           oc_launch *launch);
/** Adds the given inputs in their order, then the output. */
void oc_op_launch_args_int(const oc_op_call *call, oc_launch *launch);

#endif
