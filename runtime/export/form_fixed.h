/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The fixed-point arithmetic of quant.h written in ONNX operators on int64, where nothing overflows:
 * each function here gives what the one of quant.h with that name gives, for every argument.
 *
 * No number below -2^31 is ever compared: ONNX Runtime 1.31.1 takes many of them, such as -2^31 - 1,
 * for positive ones (Sign, Min, Max and Clip of int64).
 */
#ifndef OC_FORM_FIXED_H
#define OC_FORM_FIXED_H

#include "forms.h"

/** Tensors of int64 with 32-bit numbers in them. */
oc_tensor_id oc_fixed_number(oc_form_call *c, int64_t value);
oc_tensor_id oc_fixed_add(oc_form_call *c, oc_tensor_id p, oc_tensor_id q);
oc_tensor_id oc_fixed_sub(oc_form_call *c, oc_tensor_id p, oc_tensor_id q);
oc_tensor_id oc_fixed_mul(oc_form_call *c, oc_tensor_id p, oc_tensor_id q);
/** x is at least -2^31. */
oc_tensor_id oc_fixed_clip(oc_form_call *c, oc_tensor_id x, int64_t lo, int64_t hi);
/** x modulo 2^32 as a number of 32 bits: what is left of one that wraps around. */
oc_tensor_id oc_fixed_wrap(oc_form_call *c, oc_tensor_id x);
/** x / power, rounded, halves away from 0; `half` is power / 2, which is 0 for 1. */
oc_tensor_id oc_fixed_shift_down(oc_form_call *c, oc_tensor_id x, oc_tensor_id half,
                                 oc_tensor_id power);
/** Leading zeros of 32-bit numbers [...,1] above 0. */
oc_tensor_id oc_fixed_leading_zeros(oc_form_call *c, oc_tensor_id x);
/** oc_quant_root of numbers [...,1] above 1, whose oc_quant_quads are `quads`. */
oc_tensor_id oc_fixed_root(oc_form_call *c, oc_tensor_id x, oc_tensor_id quads);
/** 1 / (1 + x) of fixed-point numbers. */
oc_tensor_id oc_fixed_reciprocal(oc_form_call *c, oc_tensor_id x);

/** What oc_quant_scale multiplies with, as tensors; OC_NONE: a shift that does nothing. */
typedef struct oc_fixed_factor {
    oc_tensor_id up, mult, half, power;
} oc_fixed_factor;
/** `count` factors of that shape. */
oc_fixed_factor oc_fixed_factors(oc_form_call *c, const int32_t *mult, const int32_t *shift,
                                 size_t count, const oc_shape *shape);
oc_tensor_id oc_fixed_scale(oc_form_call *c, oc_tensor_id x, const oc_fixed_factor *factor);
/** 2^i for i of 0 to 32, or their halves: tables to look powers up in. */
oc_tensor_id oc_fixed_powers(oc_form_call *c, bool are_halves);

#endif
