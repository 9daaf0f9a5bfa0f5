/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repetition of a tensor of any dtype, on units of T. The host merges axes that are there once into
 * the one before them; what is left is
 *   rows of NI units (input) and NO units (output, a multiple of NI)
 *   axes 0..6 of rows, axis 0 the innermost: I long in the input, O in the output
 * gid(0) = unit of the output's row / CHUNK   gid(1) = row of the output. Reads never leave `in`.
 */
#define ROW_AXIS(i_, o_)                        \
    do {                                        \
        from += row % (o_) % (i_) * in_row;     \
        row /= (o_);                            \
        in_row *= (i_);                         \
    } while (0)

__kernel void tile(__global const T *restrict in, __global T *restrict out)
{
    size_t row = get_global_id(1), in_row = NI, from = 0;
    size_t first = get_global_id(0) * CHUNK, end = min(first + CHUNK, (size_t)NO);
    out += row * NO;
    ROW_AXIS(I0, O0);
    ROW_AXIS(I1, O1);
    ROW_AXIS(I2, O2);
    ROW_AXIS(I3, O3);
    ROW_AXIS(I4, O4);
    ROW_AXIS(I5, O5);
    ROW_AXIS(I6, O6);
    in += from;
    size_t at = first % NI;
    for (size_t u = first; u < end; u++) {
        out[u] = in[at];
        at = at + 1 == NI ? 0 : at + 1;
    }
}
