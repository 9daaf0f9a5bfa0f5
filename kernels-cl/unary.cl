/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y[i] = FN(x[i])
 * needs ELEMS, ACT ACT_A ACT_B (the function), LANES (at most ELEMS), CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK elements; the last takes the rest (at least LANES, below 2 CHUNK)
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "vector.h"

__kernel void unary(__global const float *restrict x, __global float *restrict y)
{
    int chunk = (int)get_global_id(0), i = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : i + CHUNK;
    for (;;) {
        oc_lanes_store(float, oc_lanes_act(oc_lanes_load(float, x + i)), y + i);
        if (i + LANES >= end)
            break;
        i = min(i + LANES, end - LANES);
    }
}
