/* SPDX-License-Identifier: Apache-2.0 */
/** What the operators on 8-bit numbers share: the limits of an output and elements of both types. */
#ifndef OP_QUANT_H
#define OP_QUANT_H

#include "op_common.h"

#include "quant.h"

/** The rows of members `lo` and `hi` of `type_`. */
/* clang-format off */
#define OP_ATTR_LIMITS(type_)                                                                  \
    {.name = "lo", .type = OC_ATTR_INT, .offset = offsetof(type_, lo), .initial = -128,        \
     .min = -128, .max = 255, .help = "least value of the output"},                            \
    {.name = "hi", .type = OC_ATTR_INT, .offset = offsetof(type_, hi), .initial = 127,         \
     .min = -128, .max = 255, .help = "greatest value of the output"}
/* A zero point. */
#define OP_ATTR_ZERO(type_, name_, help_)                                                      \
    {.name = #name_, .type = OC_ATTR_INT, .offset = offsetof(type_, name_), .min = -128,       \
     .max = 255, .help = help_}
/* clang-format on */

/** lo <= hi, and both are numbers of `dtype`, int8 or uint8. Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_op_check_limits(const oc_op_call *call, oc_dtype dtype, int32_t lo,
                                         int32_t hi);

/** Element i of int8 or uint8. */
static inline int32_t oc_op_load_8bit(oc_dtype dtype, const void *p, size_t i)
{
    return dtype == OC_DTYPE_int8 ? ((const int8_t *)p)[i] : ((const uint8_t *)p)[i];
}

/** y[i] = v, which is a number of `dtype`. */
static inline void oc_op_store_8bit(oc_dtype dtype, void *y, size_t i, int32_t v)
{
    if (dtype == OC_DTYPE_int8)
        ((int8_t *)y)[i] = (int8_t)v;
    else
        ((uint8_t *)y)[i] = (uint8_t)v;
}

/** A row's `shape`: that of input 0, which has an axis. */
OC_MUST_USE oc_status oc_op_shape_lines(const oc_op_call *call, oc_desc *out);

#endif
