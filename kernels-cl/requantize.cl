/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = min(max(SCALE(x, multiplier, shift) + ZERO, LO), HI) as T (char or uchar); SCALE is
 * oc_quant_scale or oc_quant_scale_once.
 * x, y [ROWS, ELEMS]   multiplier, shift [ELEMS] (STEP 1) or [1] (STEP 0)
 * needs T, SCALE, ZERO, LO, HI, STEP, LANES (at most ELEMS), CHUNK, CHUNKS, GROUP
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest (at least LANES, below 2
 * CHUNK)
 * gid(1) = row / GROUP
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "quant.h"
#include "vector.h"

#define LOAD(from_, i_) (STEP ? oc_lanes_load((from_) + (i_)) : (oc_q32)(*(from_)))
#define TO_T OC_WIDE(OC_JOIN(convert_, T))

__kernel void requantize(__global const int *restrict x, __global const int *restrict multiplier,
                         __global const int *restrict shift, __global T *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        for (int i = begin;;) {
            oc_q32 r = oc_lanes_load(x + row * ELEMS + i);
            r = oc_quant_add(SCALE(r, LOAD(multiplier, i), LOAD(shift, i)), (oc_q32)(ZERO));
            r = min(max(r, (oc_q32)(LO)), (oc_q32)(HI));
            oc_lanes_store(TO_T(r), y + row * ELEMS + i);
            if (i + LANES >= end)
                break;
            i = min(i + LANES, end - LANES);
        }
    }
}
