/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_quant.h"

#include "oc_base.h"

#include <math.h>

void oc_quant_multiplier(double real, int32_t *multiplier, int32_t *shift)
{
    int exponent = 0;
    double fraction = isfinite(real) ? frexp(real, &exponent) : 0.0;
    int64_t mantissa = (int64_t)round(fraction * 0x1p31);
    if (mantissa == INT64_C(1) << 31) { /* rounded up to 1 */
        mantissa /= 2;
        exponent++;
    }
    bool is_zero = mantissa == 0 || exponent < -31;
    *multiplier = is_zero ? 0 : (int32_t)mantissa;
    *shift = is_zero ? 0 : exponent;
}

void oc_quant_multiplier_double(double real, int32_t *multiplier, int32_t *low, int32_t *shift)
{
    int exponent = 0;
    double fraction = isfinite(real) && real > 0 ? frexp(real, &exponent) : 0.0;
    int64_t mantissa = (int64_t)ldexp(fraction, 53);
    *multiplier = (int32_t)(mantissa >> 22);
    *low = (int32_t)(mantissa & ((1 << 22) - 1));
    *shift = exponent;
}

void oc_quant_softmax(double beta, double scale, int32_t *multiplier, int32_t *shift,
                      int32_t *diff_min)
{
    const int bits = 5;
    oc_quant_multiplier(fmin(beta * scale * ldexp(1.0, 31 - bits), 0x1p31 - 1.0), multiplier,
                        shift);
    /* The largest difference that the left shift brings to less than 2^bits. */
    double limit = ldexp(ldexp(1.0, bits) - 1.0, 31 - bits - *shift);
    *diff_min = -(int32_t)floor(fmin(limit, 0x1p31 - 1.0));
}
