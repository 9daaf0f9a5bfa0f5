/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of a tensor of any dtype, on units of T. The host merges axes that one step walks through;
 * what is left is
 *   rows of NO units in the output, STEP apart in the input
 *   axes 0..6 of rows, axis 0 the innermost: R long, S units apart in the input
 * The first unit of the output is unit FIRST of the input. STEP and S may be negative.
 * gid(0) = unit of the output's row / CHUNK   gid(1) = row of the output. Reads never leave `in`.
 */
#define ROW_AXIS(r_, s_)                 \
    do {                                 \
        from += (row % (r_)) * (s_);     \
        row /= (r_);                     \
    } while (0)

__kernel void slice(__global const T *restrict in, __global T *restrict out)
{
    int row = (int)get_global_id(1), from = FIRST;
    int begin = (int)get_global_id(0) * CHUNK, end = min(begin + CHUNK, NO);
    out += row * NO;
    ROW_AXIS(R0, S0);
    ROW_AXIS(R1, S1);
    ROW_AXIS(R2, S2);
    ROW_AXIS(R3, S3);
    ROW_AXIS(R4, S4);
    ROW_AXIS(R5, S5);
    ROW_AXIS(R6, S6);
    for (int u = begin; u < end; u++)
        out[u] = in[from + u * STEP];
}
