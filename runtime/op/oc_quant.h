/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The constants of integer operators, from the scales in a file: what an importer computes in
 * double and writes into requantize, qbinary and qsoftmax. The arithmetic that uses them is
 * kernels-cl/quant.h.
 */
#ifndef OC_QUANT_CONSTANTS_H
#define OC_QUANT_CONSTANTS_H

#include <stdint.h>

/**
 * `real` as multiplier * 2^(shift - 31) with 2^30 <= multiplier < 2^31, to the nearest; 0 and 0
 * where it is not finite or below 2^-32 in size, as TensorFlow Lite's QuantizeMultiplier. A
 * positive shift is one to the left.
 */
void oc_quant_multiplier(double real, int32_t *multiplier, int32_t *shift);

/**
 * `real` as (multiplier 2^22 + low) 2^(shift - 53), exactly, with 2^30 <= multiplier < 2^31 and
 * 0 <= low < 2^22, for requantize's rounding "double"; all 0 where it is not finite or not positive.
 */
void oc_quant_multiplier_double(double real, int32_t *multiplier, int32_t *low, int32_t *shift);

/**
 * The attributes of qsoftmax for e^(beta * scale * (x - max)): the difference is scaled to a
 * fixed-point number of 5 integer bits, and below diff_min e is 0. beta * scale is positive.
 */
void oc_quant_softmax(double beta, double scale, int32_t *multiplier, int32_t *shift,
                      int32_t *diff_min);

#endif
