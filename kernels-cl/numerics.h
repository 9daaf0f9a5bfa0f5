/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scalar functions of all operators, one source for C and for OpenCL C 1.2.
 *
 * Every function here gives the same bits in C and on every OpenCL device with IEEE float32
 * (denormals, correctly rounded division and square root): only +, -, *, / and an explicit fused
 * multiply-add are used, in a written order, with polynomials of our own, and the functions that
 * round to a whole number, which are exact everywhere. No library function whose last bit is a
 * vendor's choice (exp, log, pow, tanh) is called. What the bits of a NaN are is open.
 *
 * C sources are compiled with -ffp-contract=off; the pragma below says the same to OpenCL C, for
 * everything that follows in the program. Kernels must be built without -cl-denorms-are-zero and
 * -cl-fast-relaxed-math, and with -cl-fp32-correctly-rounded-divide-sqrt where the device offers
 * it.
 *
 * Errors are in ulp of the exact result, the largest found over all float32 arguments (from expm1 on
 * over every seventh; pow: over a hundred million random pairs); tests/conform/test_ops_numerics.c holds the functions to them.
 * They are free of branches where that is cheap, so that compilers can turn loops over them into
 * vector code. Polynomials are minimax fits (Remez).
 */
#ifndef OC_NUMERICS_H
#define OC_NUMERICS_H

#ifdef __OPENCL_VERSION__
#pragma OPENCL FP_CONTRACT OFF
#define OC_JOIN_NAMED(a_, b_) a_##b_
#define OC_JOIN(a_, b_) OC_JOIN_NAMED(a_, b_)
#if defined(LANES) && LANES > 1
#define OC_WIDE(type_) OC_JOIN(type_, LANES)
#else
#define OC_WIDE(type_) type_
#endif
/* What the functions take: a float, in a kernel built with -DLANES=n n of them side by side. */
typedef OC_WIDE(float) oc_real;
typedef OC_WIDE(uint) oc_word;
#define OC_FMA(a_, b_, c_) fma((oc_real)(a_), (oc_real)(b_), (oc_real)(c_))
#define OC_SQRT(x_) sqrt(x_)
#define OC_FLOOR(x_) floor(x_)
#define OC_CEIL(x_) ceil(x_)
#define OC_TRUNC(x_) trunc(x_)
#define OC_RINT(x_) rint(x_)
#define OC_BITS(x_) OC_WIDE(as_uint)(x_)
#define OC_FLOAT(u_) OC_WIDE(as_float)(u_)
#define OC_INF as_float(0x7f800000u)
#define OC_NAN as_float(0x7fc00000u)
#else
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if FLT_EVAL_METHOD != 0
#error "offcut needs float arithmetic that is rounded to float (not the x87 unit)"
#endif
typedef float oc_real;
typedef uint32_t oc_word;
#define OC_FMA(a_, b_, c_) fmaf((a_), (b_), (c_))
#define OC_SQRT(x_) sqrtf(x_)
#define OC_FLOOR(x_) floorf(x_)
#define OC_CEIL(x_) ceilf(x_)
#define OC_TRUNC(x_) truncf(x_)
#define OC_RINT(x_) rintf(x_)
#define OC_BITS(x_) oc_bits(x_)
#define OC_FLOAT(u_) oc_float(u_)
#define OC_INF oc_float(0x7f800000u)
#define OC_NAN oc_float(0x7fc00000u)

static inline uint32_t oc_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof(u));
    return u;
}

static inline float oc_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof(x));
    return x;
}
#endif

/* ln 2 in two pieces: k * OC_LN2_HI is exact for |k| < 256. */
#define OC_LN2_HI 0x1.62e4p-1f
#define OC_LN2_LO 0x1.7f7d1cp-20f
#define OC_LOG2E 0x1.715476p+0f
/* Added to a float below 2^22 in size, leaves its nearest integer in the low bits of the sum. */
#define OC_ROUNDER 0x1.8p+23f
#define OC_ROUNDER_BITS 0x4b400000u

static inline oc_real oc_abs(oc_real x)
{
    return OC_FLOAT(OC_BITS(x) & 0x7fffffffu);
}

/* The size of x with the sign of s. */
static inline oc_real oc_copysign(oc_real x, oc_real s)
{
    return OC_FLOAT((OC_BITS(x) & 0x7fffffffu) | (OC_BITS(s) & 0x80000000u));
}

/* The nearest whole number, of two the even one. */
static inline oc_real oc_round_even(oc_real x)
{
    return OC_RINT(x);
}

/* The nearest whole number, of two the one further from 0. x minus its whole part is exact. */
static inline oc_real oc_round_away(oc_real x)
{
    oc_real whole = OC_TRUNC(x);
    oc_real step = oc_abs(x - whole) >= 0.5f ? 1.0f : 0.0f;
    return whole + oc_copysign(step, x);
}

/* 2^k for -126 <= k <= 127 (negative k modulo 2^32); any other k gives some float. */
static inline oc_real oc_exp2i(oc_word k)
{
    return OC_FLOAT((k + 127u) << 23);
}

/*
 * exp(x + x_lo) where |x_lo| is below an ulp of x.
 * k = round(x / ln 2), r = x - k ln 2, e^r = 1 + r + r^2 Q(r), times 2^k in two steps so that
 * denormal results are rounded once and overflow gives infinity. Beyond the clamps the result is
 * infinity or 0 in any case. A NaN stays one: it passes the comparisons, and though k is garbage
 * then, e is a NaN.
 */
static inline oc_real oc_exp_sum(oc_real x, oc_real x_lo)
{
    oc_real c = x > 89.0f ? 89.0f : (x < -104.0f ? -104.0f : x);
    oc_real t = OC_FMA(c, OC_LOG2E, OC_ROUNDER);
    oc_real k = t - OC_ROUNDER;
    oc_real r_hi = OC_FMA(k, -OC_LN2_HI, c);
    oc_real r_add = OC_FMA(k, -OC_LN2_LO, x_lo);
    oc_real r = r_hi + r_add;
    oc_real r_lo = (r_hi - r) + r_add;
    oc_real q = 0x1.6a1f62p-10f;
    q = OC_FMA(q, r, 0x1.123ccap-7f);
    q = OC_FMA(q, r, 0x1.555904p-5f);
    q = OC_FMA(q, r, 0x1.55548ep-3f);
    q = OC_FMA(q, r, 0x1.fffffcp-2f);
    oc_real e = 1.0f + (r + OC_FMA(r * r, q, r_lo));
    oc_word n = OC_BITS(t) - (OC_ROUNDER_BITS - 300u); /* k + 300, not negative */
    oc_word n_1 = n >> 1;
    return (e * oc_exp2i(n_1 - 150u)) * oc_exp2i((n - n_1) - 150u);
}

/* e^x. Error at most 0.88 ulp; overflows to infinity, underflows through the denormals to 0. */
static inline oc_real oc_exp(oc_real x)
{
    return oc_exp_sum(x, 0.0f);
}

/* A number as the sum of two floats, the second below half an ulp of the first. */
typedef struct oc_pair {
    oc_real hi, lo;
} oc_pair;

/* a + b exactly; a is 0 or not smaller than b in size. */
static inline oc_pair oc_sum(oc_real a, oc_real b)
{
    oc_pair p;
    p.hi = a + b;
    p.lo = b - (p.hi - a);
    return p;
}

/* a * b exactly, where neither overflows nor is denormal. */
static inline oc_pair oc_product(oc_real a, oc_real b)
{
    oc_pair p;
    p.hi = a * b;
    p.lo = OC_FMA(a, b, -p.hi);
    return p;
}

/*
 * ln x for finite x > 0, to about 2^-38 of itself.
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)); s = (m - 1) / (m + 1);
 * ln m = 2 s (1 + t P(t)) with t = s^2, P(t) = 1/3 + t/5 + ...; all leading terms as pairs.
 */
static inline oc_pair oc_ln_pair(oc_real x)
{
    /* Denormals grow by 2^24 first. Adding 1 / sqrt(1/2) in bits makes the exponent that of m. */
    oc_word u = OC_BITS(OC_BITS(x) < 0x00800000u ? x * 0x1p+24f : x) + (0x3f800000u - 0x3f3504f3u);
    oc_real bias = OC_BITS(x) < 0x00800000u ? 127.0f + 24.0f : 127.0f;
    oc_real k = (OC_FLOAT((u >> 23) | 0x4b000000u) - 0x1p+23f) - bias;
    oc_real m = OC_FLOAT((u & 0x007fffffu) + 0x3f3504f3u);

    oc_real f = m - 1.0f;
    oc_real g = m + 1.0f;
    oc_real g_lo = m - (g - 1.0f);
    oc_real s = f / g;
    oc_real s_lo = OC_FMA(-s, g_lo, OC_FMA(-s, g, f)) / g;
    oc_pair t = oc_product(s, s);
    t.lo += 2.0f * s * s_lo;

    oc_real c = 0x1.8eba84p-4f;
    c = OC_FMA(c, t.hi, 0x1.c658f8p-4f);
    c = OC_FMA(c, t.hi, 0x1.249374p-3f);
    c = OC_FMA(c, t.hi, 0x1.999998p-3f);
    oc_pair p = oc_sum(0x1.555556p-2f, OC_FMA(c, t.hi, -0x1.555556p-27f));
    oc_pair q = oc_product(t.hi, p.hi);
    q.lo += OC_FMA(t.hi, p.lo, t.lo * p.hi);
    oc_pair v = oc_product(2.0f * s, q.hi);
    v.lo += 2.0f * OC_FMA(s, q.lo, s_lo * q.hi);

    oc_pair a = oc_sum(k * OC_LN2_HI, 2.0f * s);
    oc_pair b = oc_sum(a.hi, v.hi);
    oc_real low = a.lo + (b.lo + (v.lo + OC_FMA(k, OC_LN2_LO, 2.0f * s_lo)));
    return oc_sum(b.hi, low);
}

/* ln x. Error at most 0.51 ulp. ln(0) = -infinity, below 0 NaN. */
static inline oc_real oc_ln(oc_real x)
{
    oc_real y = oc_ln_pair(x).hi;
    y = x == 0.0f ? -OC_INF : y;
    y = x == OC_INF ? x : y;
    return x < 0.0f || x != x ? OC_NAN : y;
}

/*
 * x^y = e^(y ln x) for x >= 0. Error at most 0.9 ulp. x^0 = 1^y = 1 also for a NaN; 0^y and
 * infinity^y are the limits; below 0 NaN.
 */
static inline oc_real oc_pow(oc_real x, oc_real y)
{
    oc_pair l = oc_ln_pair(x);
    l.hi = oc_ln(x);
    oc_pair p = oc_product(y, l.hi);
    p.lo = OC_FMA(y, l.lo, p.lo);
    /* Beyond the range of e^p, and where p.hi is no number, p.lo says nothing. */
    oc_real z = oc_exp_sum(p.hi, oc_abs(p.hi) < 120.0f ? p.lo : 0.0f);
    return x == 1.0f || y == 0.0f ? 1.0f : z;
}

/* 1 / (1 + e^-x), from e^-|x| so that neither side overflows. Error at most 2.5 ulp. */
static inline oc_real oc_sigmoid(oc_real x)
{
    oc_real z = oc_exp(-oc_abs(x));
    return (x < 0.0f ? z : 1.0f) / (1.0f + z);
}

/* tanh x: x + x^3 P(x^2) near 0, else 1 - 2 / (e^2|x| + 1), signed as x. Error at most 1.4 ulp. */
static inline oc_real oc_tanh(oc_real x)
{
    oc_real t = x * x;
    oc_real p = -0x1.76ac1cp-8f;
    p = OC_FMA(p, t, 0x1.5256d8p-6f);
    p = OC_FMA(p, t, -0x1.b84448p-5f);
    p = OC_FMA(p, t, 0x1.110768p-3f);
    p = OC_FMA(p, t, -0x1.555534p-2f);
    oc_real near = OC_FMA(p * t, x, x);
    oc_real far = 1.0f - 2.0f / (oc_exp(2.0f * oc_abs(x)) + 1.0f);
    return oc_copysign(oc_abs(x) < 0.625f ? near : far, x);
}

/*
 * e^x - 1 for x <= 0, to -1. As oc_exp, but 2^k (e^r - 1) + (2^k - 1): the first term is what is left
 * where k is 0, the second is exact. Error at most 1 ulp.
 */
static inline oc_real oc_expm1(oc_real x)
{
    oc_real c = x < -18.0f ? -18.0f : x;
    oc_real t = OC_FMA(c, OC_LOG2E, OC_ROUNDER);
    oc_real k = t - OC_ROUNDER;
    oc_real r = OC_FMA(k, -OC_LN2_LO, OC_FMA(k, -OC_LN2_HI, c));
    oc_real q = 0x1.6a1f62p-10f;
    q = OC_FMA(q, r, 0x1.123ccap-7f);
    q = OC_FMA(q, r, 0x1.555904p-5f);
    q = OC_FMA(q, r, 0x1.55548ep-3f);
    q = OC_FMA(q, r, 0x1.fffffcp-2f);
    oc_real scale = oc_exp2i(OC_BITS(t) - OC_ROUNDER_BITS);
    return OC_FMA(scale, OC_FMA(r * r, q, r), scale - 1.0f);
}

/*
 * ln(1 + e^x) = max(x, 0) + ln(1 + z) with z = e^-|x|. The sum 1 + z loses some of z; what it lost is
 * that much more beside it (Fast2Sum; Dekker 1971). Error at most 1.9 ulp.
 */
static inline oc_real oc_softplus(oc_real x)
{
    oc_real z = oc_exp(-oc_abs(x));
    oc_pair u = oc_sum(1.0f, z);
    oc_real l = oc_ln(u.hi) + u.lo / u.hi;
    return (x < 0.0f ? 0.0f : x) + l;
}

/*
 * The normal distribution's tail: the probability of more than t >= 0, given s = t^2 / 2.
 * e^-s M(t); M falls slowly from 1/2 as 1 / t, so that P(v) = (t + 4) M(t) with v = (t - 4) / (t + 4)
 * is a polynomial, fitted for t <= 15, where the tail is 0 (the form is that of Shepherd and
 * Laframboise, Math. Comp. 36, 1981).
 */
static inline oc_real oc_tail(oc_pair s, oc_real t)
{
    oc_real w = 1.0f / (t + 4.0f);
    oc_real v = OC_FMA(w, -8.0f, 1.0f);
    oc_real p = -0x1.00e922p-13f;
    p = OC_FMA(p, v, 0x1.a53450p-13f);
    p = OC_FMA(p, v, 0x1.9c64e8p-10f);
    p = OC_FMA(p, v, -0x1.ceb4f4p-9f);
    p = OC_FMA(p, v, -0x1.ed86b4p-8f);
    p = OC_FMA(p, v, 0x1.eedeb6p-5f);
    p = OC_FMA(p, v, -0x1.7dff6cp-3f);
    p = OC_FMA(p, v, 0x1.8c6d7ap-2f);
    p = OC_FMA(p, v, -0x1.373e3ap-1f);
    p = OC_FMA(p, v, 0x1.82b4bcp-1f);
    return oc_exp_sum(-s.hi, -s.lo) * (w * p);
}

/* erf(t) / t - 1 for 0 <= t <= 1, given s = t^2. */
static inline oc_real oc_erf_near(oc_real s)
{
    oc_real p = 0x1.4771fcp-14f;
    p = OC_FMA(p, s, -0x1.a3515ep-11f);
    p = OC_FMA(p, s, 0x1.53f224p-8f);
    p = OC_FMA(p, s, -0x1.b7f71ap-6f);
    p = OC_FMA(p, s, 0x1.ce2ce6p-4f);
    p = OC_FMA(p, s, -0x1.81273ep-2f);
    return OC_FMA(p, s, 0x1.06eba8p-3f);
}

/* The error function: x + x P(x^2) below 1, else 1 - 2 tail(sqrt(2) x). Error at most 1.5 ulp. */
static inline oc_real oc_erf(oc_real x)
{
    oc_real t = oc_abs(x) > 10.0f ? 10.0f : oc_abs(x);
    oc_pair s = oc_product(t, t);
    oc_real near = OC_FMA(t, oc_erf_near(s.hi), t);
    oc_real far = OC_FMA(-2.0f, oc_tail(s, 0x1.6a09e6p+0f * t), 1.0f);
    return oc_copysign(t < 1.0f ? near : far, x);
}

/*
 * The next three multiply x by something like e^x. Where that would be denormal, it is computed as
 * e^(x + 32), and the product brought down by e^-32, so that it is rounded there only once.
 */
#define OC_LIFT 32.0f
#define OC_EXP_MINUS_LIFT 0x1.c8465p-47f

/*
 * x times the probability of less than x in the normal distribution: 1/2 + erf(x / sqrt(2)) / 2 near
 * 0, beyond it from the tail, which even lifted is 0 from 18 on. Error at most 6 ulp.
 */
static inline oc_real oc_gelu(oc_real x)
{
    oc_real t = oc_abs(x) > 18.0f ? 18.0f : oc_abs(x);
    oc_pair s = oc_product(t, t);
    s.hi = 0.5f * s.hi - (x < -12.0f ? OC_LIFT : 0.0f);
    s.lo *= 0.5f;
    oc_real tail = oc_tail(s, t);
    oc_real h = 0x1.6a09e6p-2f * x; /* x / sqrt(8) */
    oc_real near = 0.5f + OC_FMA(h, oc_erf_near(s.hi), h);
    oc_real y = x * (t < 1.0f ? near : (x < 0.0f ? tail : 1.0f - tail));
    return x < -12.0f ? y * OC_EXP_MINUS_LIFT : y;
}

/*
 * x (1 + tanh y) / 2 = x / (1 + e^-2y) with 2y = c x + d x^3 (c = sqrt(8 / pi), d = 0.044715 c), which
 * the exponential wants as a pair. Error at most 3.3 ulp.
 */
static inline oc_real oc_gelu_tanh(oc_real x)
{
    oc_real t = oc_abs(x) > 16.0f ? 16.0f : oc_abs(x);
    oc_pair s = oc_product(t, t);
    oc_pair d = oc_product(0x1.2444f2p-4f, s.hi);
    d.lo += OC_FMA(0x1.2444f2p-4f, s.lo, 0x1.49b16ap-29f * s.hi);
    /* c + d, whichever is larger (TwoSum; Knuth, The Art of Computer Programming 2, 4.2.2). */
    oc_real q = d.hi + 0x1.988454p+0f, part = q - d.hi;
    oc_real q_lo = (d.hi - (q - part)) + (0x1.988454p+0f - part) + (d.lo - 0x1.857936p-25f);
    oc_pair z = oc_product(t, q);
    z.lo = OC_FMA(t, q_lo, z.lo);
    oc_real e = oc_exp_sum((x < -9.0f ? OC_LIFT : 0.0f) - z.hi, -z.lo);
    oc_real y = x * ((x < 0.0f ? e : 1.0f) / (1.0f + e));
    return x < -9.0f ? y * OC_EXP_MINUS_LIFT : y;
}

/*
 * x tanh(ln(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2); from 20 on that is x. Error at most 4.5
 * ulp.
 */
static inline oc_real oc_mish(oc_real x)
{
    oc_real w = oc_exp(x > 20.0f ? 20.0f : (x < -80.0f ? x + OC_LIFT : x));
    oc_real n = w * (w + 2.0f);
    oc_real y = x * (n / (n + 2.0f));
    return x < -80.0f ? y * OC_EXP_MINUS_LIFT : y;
}

/* ---- elementwise functions of one input, with parameters a and b -----------------------------
 *
 * X(name, formula): adding one is a line here and a function oc_unary_<name> below. They are the
 * values of the operator unary and of every fused activation ("act"). A NaN goes through all of
 * them.
 * Comparisons are written so that -0 goes through relu and the clips unchanged.
 */
/* clang-format off */
#define OC_UNARY_LIST(X)                                    \
    X(none, "x")                                            \
    X(relu, "x < 0 ? 0 : x")                                \
    X(relu6, "x < 0 ? 0 : x > 6 ? 6 : x")                   \
    X(relu_n1_to_1, "x < -1 ? -1 : x > 1 ? 1 : x")          \
    X(leaky_relu, "x < 0 ? a * x : x")                      \
    X(clip, "x < a ? a : x > b ? b : x")                    \
    X(sigmoid, "1 / (1 + e^-x)")                            \
    X(tanh, "tanh x")                                       \
    X(exp, "e^x")                                           \
    X(log, "ln x")                                          \
    X(sqrt, "square root of x")                             \
    X(neg, "-x")                                            \
    X(abs, "|x|")                                           \
    X(elu, "x < 0 ? a (e^x - 1) : x")                       \
    X(selu, "b (x < 0 ? a (e^x - 1) : x)")                  \
    X(hard_sigmoid, "0 to 1 of a x + b")                    \
    X(hard_swish, "x (0 to 6 of x + 3) / 6")                \
    X(swish, "x / (1 + e^-ax)")                             \
    X(softplus, "ln(1 + e^x)")                              \
    X(softsign, "x / (1 + |x|)")                            \
    X(mish, "x tanh(ln(1 + e^x))")                          \
    X(erf, "error function of x")                           \
    X(gelu, "x (1 + erf(x / sqrt(2))) / 2")                 \
    X(gelu_tanh, "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2") \
    X(thresholded_relu, "x > a ? x : 0")                    \
    X(reciprocal, "1 / x")                                  \
    X(rsqrt, "1 / square root of x")                        \
    X(square, "x^2")                                        \
    X(sign, "x < 0 ? -1 : x > 0 ? 1 : x")                   \
    X(floor, "the next whole number down")                  \
    X(ceil, "the next whole number up")                     \
    X(round, "the nearest whole number, ties to even")      \
    X(round_away, "the nearest whole number, ties away from 0") \
    X(ramp, "(x > 0 ? x : 0) + 0.1 x")                      \
    X(loggy, "2 / (1 + e^-x) - 1")                          \
    X(lhtan, "x < 0 ? 0.001 x : x > 1 ? 0.001 (x - 1) + 1 : x") \
    X(plse, "x < -4 ? 0.01 (x + 4) : x > 4 ? 0.01 (x - 4) + 1 : x / 8 + 1/2") \
    X(stair, "n = floor x; n even ? n / 2 : x - n + floor(n / 2)")
/* clang-format on */

#define OC_UNARY_ARGS oc_real x, float a, float b
#define OC_UNARY_UNUSED (void)a, (void)b

static inline oc_real oc_unary_none(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x;
}

static inline oc_real oc_unary_relu(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? 0.0f : x;
}

static inline oc_real oc_unary_relu6(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? 0.0f : (x > 6.0f ? 6.0f : x);
}

static inline oc_real oc_unary_relu_n1_to_1(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < -1.0f ? -1.0f : (x > 1.0f ? 1.0f : x);
}

static inline oc_real oc_unary_leaky_relu(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? a * x : x;
}

static inline oc_real oc_unary_clip(OC_UNARY_ARGS)
{
    return x < a ? a : (x > b ? b : x);
}

static inline oc_real oc_unary_sigmoid(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_sigmoid(x);
}

static inline oc_real oc_unary_tanh(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_tanh(x);
}

static inline oc_real oc_unary_exp(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_exp(x);
}

static inline oc_real oc_unary_log(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_ln(x);
}

static inline oc_real oc_unary_sqrt(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return OC_SQRT(x);
}

static inline oc_real oc_unary_neg(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return -x;
}

static inline oc_real oc_unary_abs(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_abs(x);
}

static inline oc_real oc_unary_elu(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? a * oc_expm1(x) : x;
}

static inline oc_real oc_unary_selu(OC_UNARY_ARGS)
{
    return b * (x < 0.0f ? a * oc_expm1(x) : x);
}

static inline oc_real oc_unary_hard_sigmoid(OC_UNARY_ARGS)
{
    oc_real y = a * x + b;
    return y < 0.0f ? 0.0f : (y > 1.0f ? 1.0f : y);
}

static inline oc_real oc_unary_hard_swish(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    oc_real c = x + 3.0f;
    c = c < 0.0f ? 0.0f : (c > 6.0f ? 6.0f : c);
    return x * (c / 6.0f);
}

static inline oc_real oc_unary_swish(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x * oc_sigmoid(a * x);
}

static inline oc_real oc_unary_softplus(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_softplus(x);
}

static inline oc_real oc_unary_softsign(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x / (1.0f + oc_abs(x));
}

static inline oc_real oc_unary_mish(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_mish(x);
}

static inline oc_real oc_unary_erf(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_erf(x);
}

static inline oc_real oc_unary_gelu(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_gelu(x);
}

static inline oc_real oc_unary_gelu_tanh(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_gelu_tanh(x);
}

static inline oc_real oc_unary_thresholded_relu(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x <= a ? 0.0f : x;
}

static inline oc_real oc_unary_reciprocal(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return 1.0f / x;
}

static inline oc_real oc_unary_rsqrt(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return 1.0f / OC_SQRT(x);
}

static inline oc_real oc_unary_square(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x * x;
}

static inline oc_real oc_unary_sign(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? -1.0f : (x > 0.0f ? 1.0f : x);
}

static inline oc_real oc_unary_floor(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return OC_FLOOR(x);
}

static inline oc_real oc_unary_ceil(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return OC_CEIL(x);
}

static inline oc_real oc_unary_round(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_round_even(x);
}

static inline oc_real oc_unary_round_away(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_round_away(x);
}

/* The last five are Darknet's, by its names. */
static inline oc_real oc_unary_ramp(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return OC_FMA(0.1f, x, x < 0.0f ? 0.0f : x);
}

static inline oc_real oc_unary_loggy(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return oc_tanh(0.5f * x);
}

static inline oc_real oc_unary_lhtan(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    return x < 0.0f ? 0.001f * x : (x > 1.0f ? OC_FMA(0.001f, x - 1.0f, 1.0f) : x);
}

static inline oc_real oc_unary_plse(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    oc_real middle = OC_FMA(0.125f, x, 0.5f);
    oc_real high = x > 4.0f ? OC_FMA(0.01f, x - 4.0f, 1.0f) : middle;
    return x < -4.0f ? 0.01f * (x + 4.0f) : high;
}

/* A step up over every odd unit, level over every even one. */
static inline oc_real oc_unary_stair(OC_UNARY_ARGS)
{
    OC_UNARY_UNUSED;
    oc_real n = OC_FLOOR(x), level = OC_FLOOR(0.5f * n);
    return level + level == n ? level : (x - n) + level;
}

/* ---- elementwise functions of two inputs -----------------------------------------------------
 *
 * X(name, formula), as above. max and min give a NaN if either input is one, and the second of two
 * equal inputs (so of +0 and -0).
 */
/* clang-format off */
#define OC_BINARY_LIST(X)                   \
    X(add, "p + q")                         \
    X(sub, "p - q")                         \
    X(mul, "p * q")                         \
    X(div, "p / q")                         \
    X(max, "p > q ? p : q")                 \
    X(min, "p < q ? p : q")                 \
    X(pow, "p^q")                           \
    X(squared_difference, "(p - q)^2")      \
    X(prelu, "p < 0 ? p * q : p")
/* clang-format on */

static inline oc_real oc_binary_add(oc_real p, oc_real q)
{
    return p + q;
}

static inline oc_real oc_binary_sub(oc_real p, oc_real q)
{
    return p - q;
}

static inline oc_real oc_binary_mul(oc_real p, oc_real q)
{
    return p * q;
}

static inline oc_real oc_binary_div(oc_real p, oc_real q)
{
    return p / q;
}

static inline oc_real oc_binary_max(oc_real p, oc_real q)
{
    return p > q || p != p ? p : q;
}

static inline oc_real oc_binary_min(oc_real p, oc_real q)
{
    return p < q || p != p ? p : q;
}

/*
 * The size from |p|^q; where q is odd, the sign of p. As in C's pow: a negative finite p has a power
 * only where q is whole. From 2^24 on all numbers are even, infinity too: their halves are whole.
 */
static inline oc_real oc_binary_pow(oc_real p, oc_real q)
{
    oc_real size = oc_pow(oc_abs(p), q), half_q = 0.5f * q;
    oc_real whole = OC_TRUNC(half_q) == half_q ? size : oc_copysign(size, p);
    oc_real other = p < 0.0f && p > -OC_INF ? OC_NAN : size;
    return OC_TRUNC(q) == q ? whole : other;
}

static inline oc_real oc_binary_squared_difference(oc_real p, oc_real q)
{
    return (p - q) * (p - q);
}

static inline oc_real oc_binary_prelu(oc_real p, oc_real q)
{
    return p < 0.0f ? p * q : p;
}

/*
 * In a kernel the function is a -D with its whole name, -DACT=oc_unary_relu: OC_UNARY(ACT, x,
 * ACT_A, ACT_B). A bare name would not do: "max" and "tanh" are themselves macros of some OpenCL
 * compilers (PoCL's).
 */
#define OC_UNARY(fn_, x_, a_, b_) fn_((x_), (a_), (b_))
#define OC_BINARY(fn_, p_, q_) fn_((p_), (q_))

#ifndef __OPENCL_VERSION__
/* In C it is an index into the list. */
typedef enum oc_unary_fn {
#define X(name_, formula_) OC_UNARY_##name_,
    OC_UNARY_LIST(X)
#undef X
        OC_UNARY_COUNT
} oc_unary_fn;

typedef enum oc_binary_fn {
#define X(name_, formula_) OC_BINARY_##name_,
    OC_BINARY_LIST(X)
#undef X
        OC_BINARY_COUNT
} oc_binary_fn;

static inline float oc_unary_eval(oc_unary_fn fn, OC_UNARY_ARGS)
{
    switch (fn) {
#define X(name_, formula_) \
    case OC_UNARY_##name_: \
        return oc_unary_##name_(x, a, b);
        OC_UNARY_LIST(X)
#undef X
    case OC_UNARY_COUNT:
        break;
    }
    return OC_NAN;
}

static inline float oc_binary_eval(oc_binary_fn fn, float p, float q)
{
    switch (fn) {
#define X(name_, formula_)  \
    case OC_BINARY_##name_: \
        return oc_binary_##name_(p, q);
        OC_BINARY_LIST(X)
#undef X
    case OC_BINARY_COUNT:
        break;
    }
    return OC_NAN;
}
#endif

#endif
