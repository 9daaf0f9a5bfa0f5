/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The integer arithmetic of LiteRT's reference kernels (ai-edge-litert 2.3.0, resolver BUILTIN_REF),
 * as far as it is needed while a model is imported: real factors as 32-bit fixed point, the bounds
 * that a fused activation sets, and the 256 answers of every 8-bit function of one input. It is
 * computed in the very types that LiteRT computes it in (float here, double there), since results
 * shall agree to the bit.
 */
#ifndef TFLITE_QUANT_H
#define TFLITE_QUANT_H

#include "oc_base.h"

#include <offcut/tensor.h>

/** real = scale * (element - zero) */
typedef struct oc_tflite_quant {
    float scale;
    int32_t zero;
} oc_tflite_quant;

/**
 * A real factor as multiplier * 2^(shift - 31), the multiplier in [2^30, 2^31) or 0; with all bits
 * of a double as (multiplier + low / 2^22) * 2^(shift - 31).
 */
typedef struct oc_tflite_scale {
    int32_t multiplier, shift, low;
} oc_tflite_scale;

typedef struct oc_tflite_range {
    int32_t lo, hi;
} oc_tflite_range;

/** QuantizeMultiplier of internal/quantization_util.cc. `real` is finite. */
oc_tflite_scale oc_tflite_scale_make(double real);
/** All bits of `real`: what requantize takes with rounding "double". */
oc_tflite_scale oc_tflite_scale_double(double real);
/** MultiplyByQuantizedMultiplier of internal/common.h, with two roundings. */
int32_t oc_tflite_scale_apply(int32_t x, oc_tflite_scale scale);

/** All elements of an 8-bit type. */
oc_tflite_range oc_tflite_range_of(oc_dtype dtype);
/**
 * The elements that a fused activation ("none", "relu", "relu6", "relu_n1_to_1") leaves:
 * CalculateActivationRangeQuantized of kernel_util.cc.
 */
oc_tflite_range oc_tflite_act_range(const char *act, oc_dtype dtype, oc_tflite_quant out);

/* ---- functions of one 8-bit input: 256 answers, by the input's byte (int8: plus 128) ------------ */

/** One such function; `a` is its parameter, if any. Errors: OC_E_UNSUPPORTED, as LiteRT's Prepare. */
typedef struct oc_tflite_function {
    oc_dtype dtype; /* int8 or uint8, of input and output */
    oc_tflite_quant in, out;
    float a;
} oc_tflite_function;

/** PopulateLookupTable of activations.cc: LOGISTIC, TANH, ELU; `fn` is our name of the function. */
OC_MUST_USE oc_status oc_tflite_table_float(const oc_tflite_function *f, const char *fn,
                                            uint8_t table[256]);
/** QuantizedReluX of activations.cc; `act` as above. */
void oc_tflite_table_relu(const oc_tflite_function *f, const char *act, uint8_t table[256]);
/** QuantizeLeakyRelu of reference/leaky_relu.h. */
void oc_tflite_table_leaky_relu(const oc_tflite_function *f, uint8_t table[256]);
/** HardSwish of reference/hard_swish.h. */
OC_MUST_USE oc_status oc_tflite_table_hard_swish(const oc_tflite_function *f, uint8_t table[256]);
/** Requantize of reference/requantize.h; the output may be of another 8-bit type, `to`. */
void oc_tflite_table_requantize(const oc_tflite_function *f, oc_dtype to, uint8_t table[256]);
/** What ConcatenationWithScaling of reference/concatenation.h does to an input. */
void oc_tflite_table_concatenation(const oc_tflite_function *f, uint8_t table[256]);
/**
 * The two sides of zero of reference/prelu.h: `up` is the answer to elements that are not negative,
 * less the output's zero point (modulo 256), 0 for others; `below` is element - zero of those, 0 for
 * the rest.
 */
void oc_tflite_table_prelu(const oc_tflite_function *f, uint8_t up[256], int32_t below[256]);
/** Only the elements in `range` are left: a fused activation of MAX_POOL_2D. */
void oc_tflite_table_clamp(const oc_tflite_function *f, oc_tflite_range range, uint8_t table[256]);
/** element - zero, as int32. */
void oc_tflite_table_centred(const oc_tflite_function *f, int32_t table[256]);

#endif
