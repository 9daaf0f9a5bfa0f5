/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = x - x_zero as floats, which are exact; behind them ZEROS zeros.
 * x [ELEMS] of TX   y [ELEMS + ZEROS]
 * needs TX, HAS_X_ZERO, ZEROS, LANES (at most ELEMS), CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK elements; the last takes the rest (at least LANES, below 2 CHUNK)
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "vector.h"
#include "product_int.h"

__kernel void widen(__global const TX *restrict x, X_ZERO_PARAM __global float *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    oc_lanes zero = (oc_lanes)((float)X_ZERO(0));
    for (int i = begin;;) {
        oc_lanes_store(float, OC_WIDE(convert_float)(oc_lanes_load(TX, x + i)) - zero, y + i);
        if (i + LANES >= end)
            break;
        i = min(i + LANES, end - LANES);
    }
    if (chunk == CHUNKS - 1)
        for (int i = 0; i < ZEROS; i++)
            y[ELEMS + i] = 0.0f;
}
