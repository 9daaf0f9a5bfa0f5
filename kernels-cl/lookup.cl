/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y[i] = table[x[i] + BIAS]   table [256]
 * needs FROM (char or uchar), T (of table and y), BIAS, ELEMS, CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK elements; the last takes the rest
 */
__kernel void lookup(__global const FROM *restrict x, __global const T *restrict table,
                     __global T *restrict y)
{
    int chunk = (int)get_global_id(0), i = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : i + CHUNK;
    for (; i < end; i++)
        y[i] = table[(int)x[i] + BIAS];
}
