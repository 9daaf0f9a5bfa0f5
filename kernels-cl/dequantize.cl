/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = (x - zero) * scale, x seen as rows of ELEMS elements; the difference wraps around
 * needs T (of x), ELEMS, CHUNK, CHUNKS and the map of scale.h
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest   gid(1) = row
 */
#include "numerics.h"
#include "scale.h"

__kernel void dequantize(__global const T *restrict x, __global const float *restrict scale,
                         OC_ZERO_ARG(T) __global float *restrict y)
{
    int chunk = (int)get_global_id(0), j = chunk * CHUNK, row = (int)get_global_id(1);
    int end = chunk == CHUNKS - 1 ? ELEMS : j + CHUNK;
    x += row * ELEMS;
    y += row * ELEMS;
    for (; j < end; j++) {
        int at = OC_SCALE_AT(row, j);
        y[j] = (float)as_int((uint)x[j] - (uint)OC_ZERO_AT(at)) * scale[at];
    }
}
