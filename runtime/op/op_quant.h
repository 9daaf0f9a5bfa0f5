/* SPDX-License-Identifier: Apache-2.0 */
/** What the operators on 8-bit numbers share: the limits of an output and elements of both types. */
#ifndef OP_QUANT_H
#define OP_QUANT_H

#include "op_common.h"

#include "quant.h"

/** The rows of members `lo` and `hi` of `type_`, or of those of a member of it. */
/* clang-format off */
#define OP_ATTR_LIMITS_OF(type_, lo_, hi_)                                                     \
    {.name = "lo", .type = OC_ATTR_INT, .offset = offsetof(type_, lo_), .initial = -128,       \
     .min = -128, .max = 255, .help = "least value of the output"},                            \
    {.name = "hi", .type = OC_ATTR_INT, .offset = offsetof(type_, hi_), .initial = 127,        \
     .min = -128, .max = 255, .help = "greatest value of the output"}
#define OP_ATTR_LIMITS(type_) OP_ATTR_LIMITS_OF(type_, lo, hi)
/* A zero point. */
#define OP_ATTR_ZERO(type_, name_, help_)                                                      \
    {.name = #name_, .type = OC_ATTR_INT, .offset = offsetof(type_, name_), .min = -128,       \
     .max = 255, .help = help_}
/* clang-format on */

/** lo <= hi, and both are numbers of `dtype`, int8 or uint8. Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_op_check_limits(const oc_op_call *call, oc_dtype dtype, int32_t lo,
                                         int32_t hi);

/** The element types of an output, in the order of `oc_op_8bit_names`; NULL-terminated. */
extern const char *const oc_op_8bit_names[];
static inline oc_dtype oc_op_8bit_dtype(int32_t to)
{
    return to == 0 ? OC_DTYPE_int8 : OC_DTYPE_uint8;
}

/** What requantize multiplies with, for each of `count` channels or for all (1). */
typedef struct oc_op_factors {
    const int32_t *multiplier, *shift;
    const int32_t *low; /* NULL: rounding "twice" */
    size_t count;
} oc_op_factors;

/** An element of requantize: x of that channel (or of that element: channels are counted in a ring). */
static inline int32_t oc_op_requant_eval(const oc_op_factors *f, size_t channel, int32_t x,
                                       int32_t zero, int32_t lo, int32_t hi)
{
    const size_t i = channel % f->count;
    int32_t y = f->low ? oc_quant_scale_double(x, f->multiplier[i], f->low[i], f->shift[i])
                       : oc_quant_scale(x, f->multiplier[i], f->shift[i]);
    y = oc_quant_add(y, zero);
    return OC_MIN(OC_MAX(y, lo), hi);
}

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
