/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = activation(FN(p, q)), p and q broadcast to the shape of y.
 * y is seen as ROWS rows of ELEMS elements, along which p and q either go on by one element a step
 * (STEP_P, STEP_Q 1) or stay (0); OUTER ... (broadcast.h) says where the data of a row lies.
 * needs FN, ACT ACT_A ACT_B, LANES (at most ELEMS), CHUNK, CHUNKS, GROUP
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest (at least LANES, below 2
 * CHUNK)
 * gid(1) = row / GROUP
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "vector.h"
#include "broadcast.h"

#define LOAD(from_, step_, i_) \
    (step_ ? oc_lanes_load((from_) + (i_)) : (oc_lanes)(*(from_)))

__kernel void binary(__global const float *p, __global const float *q, __global float *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        int2 at = oc_broadcast(row);
        for (int i = begin;;) {
            oc_lanes r = OC_BINARY(FN, LOAD(p + at.x, STEP_P, i), LOAD(q + at.y, STEP_Q, i));
            oc_lanes_store(oc_lanes_act(r), y + row * ELEMS + i);
            if (i + LANES >= end)
                break;
            i = min(i + LANES, end - LANES);
        }
    }
}
