/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = min(max(s + ZERO, LO), HI) as T (char or uchar); s is oc_quant_scale(x, multiplier, shift) or,
 * with IS_DOUBLE, oc_quant_scale_double(x, multiplier, low, shift).
 * x, y [ROWS, ELEMS]   multiplier, shift, low [ELEMS] (STEP 1) or [1] (STEP 0)
 * needs T, IS_DOUBLE, ZERO, LO, HI, STEP, LANES (at most ELEMS), CHUNK, CHUNKS, GROUP
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest (at least LANES, below 2
 * CHUNK)
 * gid(1) = row / GROUP
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "quant.h"
#include "vector.h"

#define LOAD(from_, i_) (STEP ? oc_lanes_load(int, (from_) + (i_)) : (oc_q32)(*(from_)))
#if IS_DOUBLE
#define LOW , __global const int *restrict low
#define SCALE(x_, i_) \
    oc_quant_scale_double(x_, LOAD(multiplier, i_), LOAD(low, i_), LOAD(shift, i_))
#else
#define LOW
#define SCALE(x_, i_) oc_quant_scale(x_, LOAD(multiplier, i_), LOAD(shift, i_))
#endif

__kernel void requantize(__global const int *restrict x, __global const int *restrict multiplier,
                         __global const int *restrict shift LOW, __global T *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        for (int i = begin;;) {
            oc_q32 r = oc_lanes_load(int, x + row * ELEMS + i);
            r = oc_quant_add(SCALE(r, i), (oc_q32)(ZERO));
            r = min(max(r, (oc_q32)(LO)), (oc_q32)(HI));
            OC_LANES_STORE_8BIT(T, r, y + row * ELEMS + i);
            if (i + LANES >= end)
                break;
            i = min(i + LANES, end - LANES);
        }
    }
}
