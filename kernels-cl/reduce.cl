/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host drops axes of length 1 and merges neighbours of one kind; what is left is
 *   kept axes 0..3, 0 the innermost: lengths K, strides KS in the input
 *   reduced axes 0..3, 0 the innermost: lengths R, strides RS in the input
 * Lengths and strides count LANES elements; LANES > 1 only where the input's last axis is kept.
 * T is the element's type; where sums wrap around the unsigned one, whose sign bit is T_SIGN.
 * START, STEP and END name one function's macros below, COUNT elements make a result; SHIFTS: their
 * maximum is taken away first. gid(0) = element of the output. One work-item a result, so that its
 * order is the reference's.
 */
#include "numerics.h"
#include "vector.h"

typedef OC_WIDE(T) elements;

#define start_sum 0
#define step_sum(m_, x_) ((m_) + (x_))
#define end_sum(m_) (m_)

#define start_mean 0
#define step_mean(m_, x_) ((m_) + (x_))
#define end_mean(m_) ((m_) / (elements)((float)COUNT))

#define start_log_sum 0
#define step_log_sum(m_, x_) ((m_) + (x_))
#define end_log_sum(m_) (oc_ln(m_) + shift)

#define start_log_sum_exp 0
#define step_log_sum_exp(m_, x_) ((m_) + oc_exp((x_)-shift))
#define end_log_sum_exp(m_) (oc_ln(m_) + shift)

#define start_prod 1
#define step_prod(m_, x_) ((m_) * (x_))
#define end_prod(m_) (m_)

#define start_max T_LOWEST
#define step_max(m_, x_) (((x_) > (m_) || (x_) != (x_)) ? (x_) : (m_))
#define end_max(m_) (m_)

#define start_min T_HIGHEST
#define step_min(m_, x_) (((x_) < (m_) || (x_) != (x_)) ? (x_) : (m_))
#define end_min(m_) (m_)

#ifdef T_SIGN
#define SQUARE_ADD(m_, x_) ((m_) + (x_) * (x_))
#define ABS(x_) ((x_) >= (elements)(T_SIGN) ? 0 - (x_) : (x_))
#else
#define SQUARE_ADD(m_, x_) OC_FMA(x_, x_, m_)
#define ABS(x_) oc_abs(x_)
#endif

#define start_sum_square 0
#define step_sum_square(m_, x_) SQUARE_ADD(m_, x_)
#define end_sum_square(m_) (m_)

#define start_l2 0
#define step_l2(m_, x_) SQUARE_ADD(m_, x_)
#define end_l2(m_) OC_SQRT(m_)

#define start_l1 0
#define step_l1(m_, x_) ((m_) + ABS(x_))
#define end_l1(m_) (m_)

/* A loop over the reduced axes, the innermost fastest; TAP is its element. */
#define FOR_REDUCED                               \
    for (size_t r_3 = 0; r_3 < R3; r_3++)         \
        for (size_t r_2 = 0; r_2 < R2; r_2++)     \
            for (size_t r_1 = 0; r_1 < R1; r_1++) \
                for (size_t r_0 = 0; r_0 < R0; r_0++)
#define TAP in[r_3 * RS3 + r_2 * RS2 + r_1 * RS1 + r_0 * RS0]

__kernel void reduce(__global const elements *restrict in, __global elements *restrict out)
{
    size_t kept = get_global_id(0);
    in += kept % K0 * KS0;
    kept /= K0;
    in += kept % K1 * KS1;
    kept /= K1;
    in += kept % K2 * KS2 + kept / K2 * KS3;

    elements shift = (elements)(0);
#if SHIFTS
    elements greatest = (elements)(T_LOWEST);
    FOR_REDUCED
    {
        elements x = TAP;
        greatest = step_max(greatest, x);
    }
    shift = oc_abs(greatest) < OC_INF ? greatest : shift;
#endif
    elements m = (elements)(START);
    FOR_REDUCED
    {
        elements x = TAP;
        m = STEP(m, x);
    }
    out[get_global_id(0)] = END(m);
}
