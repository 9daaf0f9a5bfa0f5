/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The fixed-point arithmetic of 8-bit networks, one source for C and for OpenCL C 1.2: what the
 * reference kernels of TensorFlow Lite compute with (there: gemmlowp, fixedpoint/fixedpoint.h).
 *
 * LiteRT 2.3.0 rounds twice when it requantises, in convolutions (per tensor and per channel), ADD,
 * SUB and MUL, for int8 and uint8 alike: oc_quant_scale. Its FULLY_CONNECTED multiplies doubles:
 * oc_quant_scale_double, here in integers, since not every device has doubles. Every function is defined for all
 * arguments: sums, differences and left shifts wrap around.
 *
 * A fixed-point number with n integer bits is an int32 that stands for itself times 2^(n - 31).
 */
#ifndef OC_QUANT_H
#define OC_QUANT_H

#ifdef __OPENCL_VERSION__ /* a kernel includes numerics.h first */
/* In a kernel built with -DLANES=n n of them side by side, as oc_real. */
typedef OC_WIDE(int) oc_q32;
typedef OC_WIDE(long) oc_q64;
typedef OC_WIDE(ulong) oc_qu64;
#define OC_Q32(x_) OC_WIDE(convert_int)(x_)
#define OC_Q64(x_) OC_WIDE(convert_long)(x_)
#define OC_QU64(x_) OC_WIDE(convert_ulong)(x_)
#define OC_Q_BITS(x_) OC_WIDE(as_uint)(x_)
#define OC_Q_FROM_BITS(u_) OC_WIDE(as_int)(u_)
#define OC_Q_LEADING_ZEROS(u_) OC_Q_FROM_BITS(clz(u_))
#define OC_Q_LEADING_ZEROS_64(u_) OC_Q64(clz(u_))
/* Two of them as one of 64 bits, the first one lower: devices are little-endian. */
#if defined(LANES) && LANES >= 4
#if LANES == 16
typedef long8 oc_q_pairs;
#define OC_Q_PAIRS(x_) as_long8(x_)
#elif LANES == 8
typedef long4 oc_q_pairs;
#define OC_Q_PAIRS(x_) as_long4(x_)
#else
typedef long2 oc_q_pairs;
#define OC_Q_PAIRS(x_) as_long2(x_)
#endif
#define OC_Q_FROM_PAIRS(p_) OC_WIDE(as_int)(p_)
#endif
#else
#include "numerics.h"
typedef int32_t oc_q32;
typedef int64_t oc_q64;
typedef uint64_t oc_qu64;
#define OC_Q32(x_) ((int32_t)(x_))
#define OC_Q64(x_) ((int64_t)(x_))
#define OC_QU64(x_) ((uint64_t)(x_))
#define OC_Q_BITS(x_) ((uint32_t)(x_))
#define OC_Q_FROM_BITS(u_) ((int32_t)(u_))
#define OC_Q_LEADING_ZEROS(u_) ((u_) == 0 ? 32 : (int32_t)__builtin_clz(u_))
#define OC_Q_LEADING_ZEROS_64(u_) ((u_) == 0 ? 64 : (int64_t)__builtin_clzll(u_))
#endif

#define OC_Q_MAX 2147483647
#define OC_Q_MIN (-OC_Q_MAX - 1)

static inline oc_q32 oc_quant_add(oc_q32 a, oc_q32 b)
{
    return OC_Q_FROM_BITS(OC_Q_BITS(a) + OC_Q_BITS(b));
}

static inline oc_q32 oc_quant_sub(oc_q32 a, oc_q32 b)
{
    return OC_Q_FROM_BITS(OC_Q_BITS(a) - OC_Q_BITS(b));
}

/* x 2^n for 0 <= n <= 31, modulo 2^32. */
static inline oc_q32 oc_quant_shift_up(oc_q32 x, oc_q32 n)
{
    return OC_Q_FROM_BITS(OC_Q_BITS(x) << OC_Q_BITS(n));
}

/*
 * a b / 2^31, rounded to the nearest, halves up; for the one overflow, of the smallest number with
 * itself, the smallest number. a b + 2^30 is below 2^62 + 2^30 in size.
 */
static inline oc_q32 oc_quant_mul_wrap(oc_q32 a, oc_q32 b)
{
#ifdef OC_Q_PAIRS
    /*
     * Two lanes make one of twice the width, in which the lower halves are multiplied, then the
     * upper ones; bits 31 to 62 of the products come to lie where the factors lay.
     */
    oc_q_pairs p = OC_Q_PAIRS(a), q = OC_Q_PAIRS(b);
    oc_q_pairs low = ((p << 32) >> 32) * ((q << 32) >> 32) + (oc_q_pairs)(1 << 30);
    oc_q_pairs high = (p >> 32) * (q >> 32) + (oc_q_pairs)(1 << 30);
    return OC_Q_FROM_PAIRS(bitselect(low >> 31, high << 1, (oc_q_pairs)(-1l << 32)));
#else
    oc_q64 p = (OC_Q64(a) * OC_Q64(b) + (oc_q64)(1 << 30)) >> 31;
    return OC_Q32(p > (oc_q64)(OC_Q_MAX) ? (oc_q64)(OC_Q_MIN) : p);
#endif
}

/* The product of fixed-point numbers: -1 times -1 gives the largest number. */
static inline oc_q32 oc_quant_mul(oc_q32 a, oc_q32 b)
{
    oc_q32 p = oc_quant_mul_wrap(a, b);
    return p == (oc_q32)(OC_Q_MIN) ? (oc_q32)(OC_Q_MAX) : p;
}

/* x / 2^n for 0 <= n <= 31, rounded to the nearest, halves away from 0. */
static inline oc_q32 oc_quant_shift_down(oc_q32 x, oc_q32 n)
{
    oc_word middle = (OC_Q_BITS((oc_q32)(1)) << OC_Q_BITS(n)) >> 1; /* of 2^n; 0 for n = 0 */
    oc_word size = OC_Q_BITS(x < 0 ? oc_quant_sub((oc_q32)(0), x) : x);
    oc_q32 y = OC_Q_FROM_BITS((size + middle) >> OC_Q_BITS(n));
    return x < 0 ? oc_quant_sub((oc_q32)(0), y) : y;
}

/*
 * x times the real number multiplier * 2^(shift - 31); a shift outside -31..31 counts as the
 * nearest of these. Rounded twice: the product, then the quotient.
 */
static inline oc_q32 oc_quant_scale(oc_q32 x, oc_q32 multiplier, oc_q32 shift)
{
    oc_q32 up = shift > 0 ? (shift > 31 ? (oc_q32)(31) : shift) : (oc_q32)(0);
    oc_q32 down = shift < 0 ? (shift < -31 ? (oc_q32)(31) : -shift) : (oc_q32)(0);
    return oc_quant_shift_down(oc_quant_mul(oc_quant_shift_up(x, up), multiplier), down);
}

/*
 * oc_quant_scale(x, multiplier, shift) + zero in fewer steps, for a multiplier above 0, a shift of
 * -31 to -2 and a zero below 2^16 in size.
 *
 * The product p is above the smallest number, so that one more can be taken off where it is
 * negative: halves then go away from 0 by rounding them up. Dividing by half of 2^-shift first
 * leaves room for adding: ((p >> (n - 1)) + 1) >> 1 is (p + 2^(n - 1)) >> n.
 */
static inline oc_q32 oc_quant_scale_down(oc_q32 x, oc_q32 multiplier, oc_q32 shift, int zero)
{
    oc_q32 p = oc_quant_mul_wrap(x, multiplier);
    p += p >> 31;
    return ((p >> (-1 - shift)) + (1 + 2 * zero)) >> 1;
}

/*
 * What a double would be that holds x times m 2^(shift - 53), m the 53 bits of multiplier (31, above)
 * and low (22, below), rounded to an integer, halves away from 0; bits of the two beyond those are not
 * looked at, and a shift outside -33..31 counts as the nearest of these. A number that no int32 is
 * gives the smallest, as converting one does on the processors that LiteRT was asked on.
 *
 * So there are two roundings: of the product of up to 85 bits to 53, halves to even, and the integer's.
 */
static inline oc_q32 oc_quant_scale_double(oc_q32 x, oc_q32 multiplier, oc_q32 low, oc_q32 shift)
{
    const oc_qu64 zero = (oc_qu64)(0), one = (oc_qu64)(1), word = (oc_qu64)(0xffffffffu);
    oc_qu64 size = OC_QU64(OC_Q_BITS(x < 0 ? oc_quant_sub((oc_q32)(0), x) : x));
    oc_qu64 m = OC_QU64(multiplier & 0x7fffffff) << OC_QU64((oc_q32)(22));
    m |= OC_QU64(low & 0x3fffff);
    /* The product is high 2^32 + rest. Of it the lowest bits are dropped, so that 53 are left. */
    oc_qu64 rest = size * (m & word);
    oc_qu64 high = size * (m >> 32) + (rest >> 32);
    rest &= word;
    oc_q64 zeros = OC_Q_LEADING_ZEROS_64(high);
    oc_q64 drop = zeros < (oc_q64)(43) ? (oc_q64)(43) - zeros : (oc_q64)(0);
    oc_qu64 kept = (high << OC_QU64((oc_q64)(32) - drop)) | (rest >> OC_QU64(drop));
    rest &= (one << OC_QU64(drop)) - one;
    oc_qu64 nearly_half = (((one << OC_QU64(drop)) >> 1) - one) + (kept & one);
    kept += drop > (oc_q64)(0) ? (rest + nearly_half) >> OC_QU64(drop) : zero;
    /* Then kept / 2^down, or the other way. */
    oc_q64 n = OC_Q64(shift < -33 ? (oc_q32)(-33) : shift > 31 ? (oc_q32)(31) : shift);
    oc_q64 down = (oc_q64)(53) - n - drop;
    oc_qu64 up = OC_QU64(down < (oc_q64)(0) ? -down : (oc_q64)(0));
    down = down > (oc_q64)(62) ? (oc_q64)(62) : down < (oc_q64)(0) ? (oc_q64)(0) : down;
    kept = ((kept << up) + ((one << OC_QU64(down)) >> 1)) >> OC_QU64(down);
    oc_q32 y = OC_Q32(OC_Q64(kept & word));
    y = x < 0 ? oc_quant_sub((oc_q32)(0), y) : y;
    return OC_Q32(kept > (oc_qu64)(OC_Q_MAX) ? (oc_q64)(OC_Q_MIN) : OC_Q64(y));
}

/* x 2^n for -31 <= n <= 31, saturating or rounded: from one number of integer bits to another. */
static inline oc_q32 oc_quant_rescale(oc_q32 x, int n)
{
    if (n < 0)
        return oc_quant_shift_down(x, (oc_q32)(-n));
    oc_q32 limit = (oc_q32)(OC_Q_MAX >> n);
    oc_q32 y = oc_quant_shift_up(x, (oc_q32)(n));
    y = x > limit ? (oc_q32)(OC_Q_MAX) : y;
    return x < -limit - 1 ? (oc_q32)(OC_Q_MIN) : y;
}

/*
 * e^a for -1/4 <= a < 0, both without integer bits: about a + 1/8 the Taylor series up to the
 * fourth power, e^(-1/8) (1 + x + x^2/2 + x^3/6 + x^4/24).
 */
static inline oc_q32 oc_quant_exp_quarter(oc_q32 a)
{
    const oc_q32 exp_eighth = (oc_q32)(1895147668), third = (oc_q32)(715827883);
    oc_q32 x = oc_quant_add(a, (oc_q32)(1 << 28));
    oc_q32 x2 = oc_quant_mul(x, x), x3 = oc_quant_mul(x2, x), x4 = oc_quant_mul(x2, x2);
    oc_q32 t = oc_quant_mul(oc_quant_add(oc_quant_shift_down(x4, (oc_q32)(2)), x3), third);
    t = oc_quant_shift_down(oc_quant_add(t, x2), (oc_q32)(1));
    return oc_quant_add(exp_eighth, oc_quant_mul(exp_eighth, oc_quant_add(x, t)));
}

/* One factor of oc_quant_exp: the result goes on by e^(-2^k) where that bit of `rest` is set. */
static inline oc_q32 oc_quant_exp_step(oc_q32 y, oc_q32 rest, int bit, int factor)
{
    if (bit >= 31) /* more than there are with so few integer bits */
        return y;
    return (rest >> bit & 1) != 0 ? oc_quant_mul(y, (oc_q32)(factor)) : y;
}

/*
 * e^a for a <= 0 with `bits` (at most 5) integer bits, the result with none: of a modulo 1/4 by
 * oc_quant_exp_quarter, of the rest one factor for each of its bits.
 */
static inline oc_q32 oc_quant_exp(oc_q32 a, int bits)
{
    const int unit = 31 - bits; /* the bit that stands for 1 */
    oc_q32 quarter = (oc_q32)(1 << (unit - 2));
    oc_q32 low = (a & (quarter - 1)) - quarter, rest = oc_quant_sub(low, a);
    oc_q32 y = oc_quant_exp_quarter(oc_quant_rescale(low, bits));
    y = oc_quant_exp_step(y, rest, unit - 2, 1672461947);
    y = oc_quant_exp_step(y, rest, unit - 1, 1302514674);
    y = oc_quant_exp_step(y, rest, unit, 790015084);
    y = oc_quant_exp_step(y, rest, unit + 1, 290630308);
    y = oc_quant_exp_step(y, rest, unit + 2, 39332535);
    y = oc_quant_exp_step(y, rest, unit + 3, 720401);
    y = oc_quant_exp_step(y, rest, unit + 4, 242);
    return a == 0 ? (oc_q32)(OC_Q_MAX) : y;
}

/*
 * 1 / (1 + a) for 0 <= a < 1, both without integer bits: three steps of Newton's method for the
 * reciprocal of (1 + a) / 2, from 48/17 - 32/17 d; x has two integer bits.
 */
static inline oc_q32 oc_quant_reciprocal(oc_q32 a)
{
    /* (a + 1) / 2, rounded: a is not negative, so the sum in 33 bits is not either. */
    oc_q32 d = OC_Q_FROM_BITS((OC_Q_BITS(a) + 0x80000000u) >> 1);
    oc_q32 x = oc_quant_add((oc_q32)(1515870810), oc_quant_mul(d, (oc_q32)(-1010580540)));
    for (int i = 0; i < 3; i++) {
        oc_q32 error = oc_quant_sub((oc_q32)(1 << 29), oc_quant_mul(d, x));
        x = oc_quant_add(x, oc_quant_rescale(oc_quant_mul(x, error), 2));
    }
    return oc_quant_rescale(x, 1);
}

/*
 * Half the leading zeros of x >= 2, its sign's bit left out: x 4^n is below 2^31 and at least 2^29.
 */
static inline oc_q32 oc_quant_quads(oc_q32 x)
{
    return (OC_Q_LEADING_ZEROS(OC_Q_BITS(x)) - 1) >> 1;
}

/*
 * 1 / sqrt(x) is about oc_quant_root(x) * 2^(oc_quant_root_shift(x) - 31); whatever is below 2 counts
 * as 1. GetInvSqrtQuantizedMultiplierExp of TensorFlow Lite: x 4^n / 2^30, which lies in [1/2,2),
 * divided by 2 as a number v of 3 integer bits; five steps of Newton's method for 1 / sqrt(v),
 * y = 3/2 y - v/2 y^3 from 1; the result times sqrt(1/2), doubled as often as the shift lacks.
 */
static inline oc_q32 oc_quant_root(oc_q32 x)
{
    const oc_q32 three_halves = (oc_q32)(3 << 27), root_of_half = (oc_q32)(1518500250);
    oc_q32 size = x < 2 ? (oc_q32)(2) : x, n = oc_quant_quads(size), y = (oc_q32)(1 << 28);
    oc_q32 halved = oc_quant_shift_down(oc_quant_shift_up(size, n + n) >> 3, (oc_q32)(1));
    for (int i = 0; i < 5; i++) {
        oc_q32 cube = oc_quant_rescale(oc_quant_mul(oc_quant_mul(y, y), y), 6);
        y = oc_quant_sub(oc_quant_mul(three_halves, y), oc_quant_mul(halved, cube));
        y = oc_quant_rescale(y, 3);
    }
    y = oc_quant_mul(y, root_of_half);
    y = oc_quant_shift_up(y, n > 12 ? n - 12 : (oc_q32)(0));
    return x < 2 ? (oc_q32)(OC_Q_MAX) : y;
}

static inline oc_q32 oc_quant_root_shift(oc_q32 x)
{
    oc_q32 n = oc_quant_quads(x < 2 ? (oc_q32)(2) : x);
    return x < 2 || n > 12 ? (oc_q32)(0) : n - 12;
}

#endif
