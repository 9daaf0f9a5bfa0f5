/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device can do at most: nothing is computed here that anybody wants to know. Every kernel
 * does its work `times` times over, so that starting it does not count.
 *
 * needs LANES (floats of a vector), for arithmetic CHAINS (sums side by side, enough to hide how
 * long one addition takes). One work-item per lane of the device, or on a CPU per thread.
 */
#include "numerics.h"
#include "vector.h"

/* Two operations a lane, chain and time.   in [2 LANES]   out [work-items, LANES] */
#ifdef PEAK_FLOAT
__kernel void peak_float(__global const float *restrict in, __global float *restrict out, int times)
{
    oc_lanes a = oc_lanes_load(float, in), b = oc_lanes_load(float, in + LANES), acc[CHAINS], sum = b;
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        acc[c] = a * (float)c;
    for (int i = 0; i < times; i++)
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            acc[c] = fma(acc[c], a, b);
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        sum += acc[c];
    oc_lanes_store(float, sum, out + get_global_id(0) * LANES);
}
#endif

/*
 * Two operations a lane, chain and time: as in a matrix product, CHAINS numbers by a row of the
 * table, which changes.   in [64, LANES]   out [work-items, LANES]
 */
#ifdef PEAK_INT
__kernel void peak_int(__global const char *restrict in, __global int *restrict out, int times)
{
    OC_WIDE(int) acc[CHAINS], sum = 0;
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        acc[c] = c;
    for (int i = 0; i < times; i++) {
        OC_WIDE(int) w = OC_WIDE(convert_int)(oc_lanes_load(char, in + (i & 63) * LANES));
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            acc[c] += (int)in[c] * w;
    }
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        sum ^= acc[c];
    oc_lanes_store(int, sum, out + get_global_id(0) * LANES);
}
#endif

/* Eight operations a lane, chain and time, by an instruction for them (dot8.h); else the same. */
#ifdef PEAK_DOT8
#include "dot8.h"
__kernel void peak_dot8(__global const int *restrict in, __global int *restrict out, int times)
{
    OC_WIDE(int) acc[CHAINS], sum = 0;
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        acc[c] = c;
    for (int i = 0; i < times; i++) {
        OC_WIDE(int) w = oc_lanes_load(int, in + (i & 63) * LANES);
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            acc[c] = oc_dot8(acc[c], (OC_WIDE(int))(in[c]), w);
    }
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        sum ^= acc[c];
    oc_lanes_store(int, sum, out + get_global_id(0) * LANES);
}
#endif

/*
 * Each work-group has `vectors` vectors of its own, a multiple of 8 per work-item, which lie side by
 * side for the items: mem [groups, vectors, LANES].   out [work-items, LANES]
 */
#ifdef PEAK_READ
__kernel void peak_read(__global const float *restrict mem, __global float *restrict out,
                        int vectors, int times)
{
    int items = (int)get_local_size(0);
    __global const float *from = mem + get_group_id(0) * (size_t)vectors * LANES;
    oc_lanes acc[8], sum = (oc_lanes)(0.0f);
#pragma unroll
    for (int c = 0; c < 8; c++)
        acc[c] = (oc_lanes)(0.0f);
    for (int t = 0; t < times; t++)
        for (int i = (int)get_local_id(0); i < vectors; i += 8 * items)
#pragma unroll
            for (int c = 0; c < 8; c++)
                acc[c] += oc_lanes_load(float, from + (size_t)(i + c * items) * LANES);
#pragma unroll
    for (int c = 0; c < 8; c++)
        sum += acc[c];
    oc_lanes_store(float, sum, out + get_global_id(0) * LANES);
}
#endif

/* The same, written again behind all that is read: mem [2, groups, vectors, LANES]. */
#ifdef PEAK_COPY
__kernel void peak_copy(__global float *mem, __global float *restrict out, int vectors, int times)
{
    int items = (int)get_local_size(0);
    size_t all = get_num_groups(0) * (size_t)vectors * LANES;
    __global float *from = mem + get_group_id(0) * (size_t)vectors * LANES;
    oc_lanes factor = oc_lanes_load(float, mem);
    for (int t = 0; t < times; t++)
        for (int i = (int)get_local_id(0); i < vectors; i += 8 * items)
#pragma unroll
            for (int c = 0; c < 8; c++) {
                __global float *at = from + (size_t)(i + c * items) * LANES;
                oc_lanes_store(float, oc_lanes_load(float, at) * factor, at + all);
            }
    oc_lanes_store(float, factor, out + get_global_id(0) * LANES);
}
#endif

#ifdef PEAK_START
__kernel void peak_start(__global int *out)
{
    out[get_global_id(0)] = 1;
}
#endif
