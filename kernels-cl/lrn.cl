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

/* Channels at .. at + LANES - 1 of a pixel, 0 for those outside. */
static inline oc_lanes channels(__global const float *in, int at)
{
    if (at >= 0 && at <= C - LANES)
        return oc_lanes_load(float, in + at);
    union {
        oc_lanes all[3];
        float one[3 * LANES];
    } edge;
    int first = at < 0 ? 0 : C - LANES;
    edge.all[0] = edge.all[2] = (oc_lanes)(0.0f);
    edge.all[1] = oc_lanes_load(float, in + first);
    oc_lanes_each r;
    for (int i = 0; i < LANES; i++)
        r.one[i] = edge.one[LANES + clamp(at - first, -LANES, LANES) + i];
    return r.all;
}

__kernel void lrn(__global const float *restrict in, __global float *restrict out)
{
    int c = (int)get_global_id(0) * LANES;
    in += get_global_id(1) * (size_t)C;
    out += get_global_id(1) * (size_t)C;
    oc_lanes sum = (oc_lanes)(0.0f);
    for (int k = -BEFORE; k <= AFTER; k++) {
        oc_lanes x = channels(in, c + k);
        sum += x * x;
    }
    oc_lanes_store(float, oc_lanes_load(float, in + c) / oc_pow(BIAS + ALPHA * sum, BETA), out + c);
}
