/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host drops axes of length 1 and merges neighbours of one kind; what is left is
 *   kept axes 0..3, 0 the innermost: lengths K, strides KS in the input
 *   reduced axes 0..3, 0 the innermost: lengths R, strides RS in the input
 * Lengths and strides count LANES floats; LANES > 1 only where the input's last axis is kept.
 * START, STEP and END name one function's macros below, COUNT elements make a result.
 * gid(0) = element of the output. One work-item a result, so that its order is the reference's.
 */
#include "numerics.h"
#include "vector.h"

#define start_mean 0.0f
#define step_mean(m_, x_) ((m_) + (x_))
#define end_mean(m_) ((m_) / (oc_lanes)((float)COUNT))

#define start_sum 0.0f
#define step_sum(m_, x_) ((m_) + (x_))
#define end_sum(m_) (m_)

#define start_max (-OC_INF)
#define step_max(m_, x_) (((x_) > (m_) || (x_) != (x_)) ? (x_) : (m_))
#define end_max(m_) (m_)

#define start_min OC_INF
#define step_min(m_, x_) (((x_) < (m_) || (x_) != (x_)) ? (x_) : (m_))
#define end_min(m_) (m_)

__kernel void reduce(__global const oc_lanes *restrict in, __global oc_lanes *restrict out)
{
    size_t kept = get_global_id(0);
    in += kept % K0 * KS0;
    kept /= K0;
    in += kept % K1 * KS1;
    kept /= K1;
    in += kept % K2 * KS2 + kept / K2 * KS3;

    oc_lanes m = (oc_lanes)(START);
    for (size_t r_3 = 0; r_3 < R3; r_3++)
        for (size_t r_2 = 0; r_2 < R2; r_2++)
            for (size_t r_1 = 0; r_1 < R1; r_1++)
                for (size_t r_0 = 0; r_0 < R0; r_0++) {
                    oc_lanes x = in[r_3 * RS3 + r_2 * RS2 + r_1 * RS1 + r_0 * RS0];
                    m = STEP(m, x);
                }
    out[get_global_id(0)] = END(m);
}
