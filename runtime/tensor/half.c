/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float16 is IEEE 754's binary16: a sign, 5 bits of exponent (bias 15), 10 of fraction. float32's
 * (8 bits, bias 127; 23) lie so that both conversions are little more than a shift by 13.
 */
#include "oc_tensor.h"

#include <string.h>

float oc_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, size = half & 0x7fffu, bits;
    float x;
    if (size < 0x0400u) { /* 0 and the denormals: multiples of 2^-24, all normal as float32 */
        x = (float)size * 0x1p-24f;
        memcpy(&bits, &x, sizeof(bits));
    } else {
        /* The exponent's bias grows by 112; that of infinity and NaN (31) becomes 255. */
        bits = (size << 13) + ((size >= 0x7c00u ? 255u - 31u : 112u) << 23);
    }
    bits |= sign;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

uint16_t oc_half_from_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) /* a NaN stays one, whatever is cut off its fraction */
        return (uint16_t)(sign | 0x7e00u | (size >> 13 & 0x1ffu));
    if (size >= 0x477ff000u) /* 65520, halfway to the number after the largest */
        return (uint16_t)(sign | 0x7c00u);
    if (size < 0x38800000u) { /* below 2^-14, the smallest normal */
        /* From 1/2 on float32's last place is 2^-24, a denormal's unit: the addition rounds. */
        float sum = (x < 0 ? -x : x) + 0.5f;
        memcpy(&bits, &sum, sizeof(bits));
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    /* Just below half of what is kept, and one more for an odd number: ties go to even. */
    size += 0x0fffu + (size >> 13 & 1u);
    return (uint16_t)(sign | (size - (112u << 23)) >> 13);
}
