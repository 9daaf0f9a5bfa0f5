/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = saturate(ROUND(x / scale) + zero), x seen as rows of ELEMS elements
 * needs T (of y) and its range, FAR (a quotient beyond it saturates), ROUND, ELEMS, CHUNK,
 * CHUNKS and the map of scale.h
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest   gid(1) = row
 */
#include "numerics.h"
#include "scale.h"

__kernel void quantize(__global const float *restrict x, __global const float *restrict scale,
                       OC_ZERO_ARG(T) __global T *restrict y)
{
    int chunk = (int)get_global_id(0), j = chunk * CHUNK, row = (int)get_global_id(1);
    int end = chunk == CHUNKS - 1 ? ELEMS : j + CHUNK;
    x += row * ELEMS;
    y += row * ELEMS;
    for (; j < end; j++) {
        int at = OC_SCALE_AT(row, j);
        float v = x[j] / scale[at];
        float r = v != v ? 0.0f : clamp(ROUND(v), -FAR, FAR);
        y[j] = (T)clamp((int)r + (int)OC_ZERO_AT(at), T_LOWEST, T_HIGHEST);
    }
}
