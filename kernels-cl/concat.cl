/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input of a concatenation of any dtype, on units of T. Everything from the concatenated axis
 * inwards is a row: NI units in this input, NO units in the output, this input's at AT.
 * gid(0) = unit of the row / CHUNK   gid(1) = row. Reads never leave `in`.
 */
__kernel void concat(__global const T *restrict in, __global T *restrict out)
{
    size_t first = get_global_id(0) * CHUNK, end = min(first + CHUNK, (size_t)NI);
    in += get_global_id(1) * NI;
    out += get_global_id(1) * NO + AT;
    for (size_t u = first; u < end; u++)
        out[u] = in[u];
}
