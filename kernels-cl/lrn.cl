/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in, out [PIXELS, C]
 * y = x / (BIAS + ALPHA * sum of x^2 over channels c - BEFORE .. c + AFTER)^BETA
 * needs C BEFORE AFTER BIAS ALPHA BETA LANES (divides C)   gid(0) = c / LANES   gid(1) = pixel
 * Channels outside are left out of the sum: they would add +0 to a sum that is never -0, so a lane
 * that adds such a zero has the same bits. Reads never leave `in`.
 */
#include "numerics.h"
#include "vector.h"

__kernel void lrn(__global const float *restrict in, __global float *restrict out)
{
    int c = (int)get_global_id(0) * LANES;
    in += get_global_id(1) * (size_t)C;
    out += get_global_id(1) * (size_t)C;
    oc_lanes_each sum, x;
    sum.all = (oc_lanes)(0.0f);
    for (int k = -BEFORE; k <= AFTER; k++) {
        for (int i = 0; i < LANES; i++) {
            int at = c + i + k;
            x.one[i] = at >= 0 && at < C ? in[at] : 0.0f;
        }
        sum.all += x.all * x.all;
    }
    oc_lanes_store(oc_lanes_load(in + c) / oc_pow(BIAS + ALPHA * sum.all, BETA), out + c);
}
