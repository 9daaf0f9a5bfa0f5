/* SPDX-License-Identifier: Apache-2.0 */
#ifdef REQUANT
/*
 * What may follow an integer product in the same kernel: its sums become 8-bit numbers as those of
 * requantize.cl do. TY is the output's type, REQUANT the rounding: 0 none (TY is int), 1 "twice",
 * 2 "double"; ZERO, LO and HI are the output's; FACTOR_STEP is 0 where one factor holds for all
 * channels.
 */

#if REQUANT
#define OC_SUMS_STORE(x_, y_) OC_LANES_STORE_8BIT(TY, x_, y_)
#else
#define OC_SUMS_STORE(x_, y_) oc_lanes_store(TY, x_, y_)
#endif

#if defined(LANES) && LANES > 1
typedef union oc_q32_each {
    oc_q32 all;
    int one[LANES];
} oc_q32_each;

/* LANES elements from p on, of which only `count` are there: the last takes the places of others. */
static inline oc_q32 oc_q32_load(__global const int *p, int count)
{
    oc_q32_each z;
    if (count >= LANES)
        return oc_lanes_load(int, p);
    for (int i = 0; i < LANES; i++)
        z.one[i] = p[min(i, count - 1)];
    return z.all;
}

/* The first `count` elements, or all. */
static inline void oc_sums_store(oc_q32 x, __global TY *y, int count)
{
    oc_q32_each z;
    if (count >= LANES) {
        OC_SUMS_STORE(x, y);
        return;
    }
    z.all = x;
    for (int i = 0; i < count; i++)
        y[i] = (TY)z.one[i];
}
#else
static inline oc_q32 oc_q32_load(__global const int *p, int count)
{
    return *p;
}

static inline void oc_sums_store(oc_q32 x, __global TY *y, int count)
{
    *y = (TY)x;
}
#endif

#if REQUANT
typedef struct oc_factors {
    oc_q32 multiplier, shift;
#if REQUANT == 2
    oc_q32 low;
#endif
} oc_factors;

#define FACTOR(p_, from_, count_) \
    (FACTOR_STEP ? oc_q32_load((p_) + (from_), count_) : (oc_q32)(*(p_)))
#if REQUANT == 2
#define REQUANT_PARAMS \
    __global const int *multiplier, __global const int *shift, __global const int *low,
#define REQUANT_ARGS multiplier, shift, low,
#else
#define REQUANT_PARAMS __global const int *multiplier, __global const int *shift,
#define REQUANT_ARGS multiplier, shift,
#endif

/* Of the channels from `from` on, of which `count` are there. */
static inline oc_factors oc_factors_load(REQUANT_PARAMS int from, int count)
{
    oc_factors f;
    f.multiplier = FACTOR(multiplier, from, count);
    f.shift = FACTOR(shift, from, count);
#if REQUANT == 2
    f.low = FACTOR(low, from, count);
#endif
    return f;
}

/* The factors that a network has, nearly always: oc_quant_scale_down may be used. */
#if REQUANT == 1
#if defined(LANES) && LANES > 1
#define OC_ALL(x_) all(x_)
#else
#define OC_ALL(x_) (x_)
#endif
static inline bool oc_factors_scale_down(oc_factors f)
{
    return OC_ALL(f.multiplier > 0 && f.shift <= -2 && f.shift >= -31);
}

static inline oc_q32 oc_requant_down(oc_q32 x, oc_factors f)
{
    x = oc_quant_scale_down(x, f.multiplier, f.shift, ZERO);
    return min(max(x, (oc_q32)(LO)), (oc_q32)(HI));
}
#endif

static inline oc_q32 oc_requant(oc_q32 x, oc_factors f)
{
#if REQUANT == 2
    x = oc_quant_scale_double(x, f.multiplier, f.low, f.shift);
#else
    x = oc_quant_scale(x, f.multiplier, f.shift);
#endif
    return min(max(oc_quant_add(x, (oc_q32)(ZERO)), (oc_q32)(LO)), (oc_q32)(HI));
}
#else
#define REQUANT_PARAMS
#define REQUANT_ARGS
typedef int oc_factors;

static inline oc_factors oc_factors_load(int from, int count)
{
    return 0;
}

static inline oc_q32 oc_requant(oc_q32 x, oc_factors f)
{
    return x;
}
#endif

/*
 * y[m * stride] and what follows = z[m] + plus, requantised, for m < rows; of the channels `count`
 * are left. The loops stay loops: unrolled, requantising would be compiled for every row.
 */
static inline void oc_sums_finish(const oc_q32 *z, oc_q32 plus, oc_factors f, __global TY *y,
                                  int stride, int count, int rows)
{
#if REQUANT == 1
    if (oc_factors_scale_down(f)) {
#pragma unroll 1
        for (int m = 0; m < rows; m++, y += stride)
            oc_sums_store(oc_requant_down(oc_quant_add(z[m], plus), f), y, count);
        return;
    }
#endif
#pragma unroll 1
    for (int m = 0; m < rows; m++, y += stride)
        oc_sums_store(oc_requant(oc_quant_add(z[m], plus), f), y, count);
}
#endif
