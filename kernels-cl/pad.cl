/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant padding of any dtype, on units of T. The host merges axes without padding into the one
 * before them; what is left is
 *   rows of NI units (input) and NO units (output), the input's row starting at NB of the output's
 *   axes 0..6 of rows, axis 0 the innermost: lengths I (input) and O (output), I starting at B
 * FILL is the padding: eight bytes, repeated in a T (or its low bytes).
 * gid(0) = unit of the output's row / CHUNK   gid(1) = row of the output. Reads never leave `in`.
 */
#define ROW_AXIS(i_, b_, o_)                                        \
    do {                                                            \
        size_t at = row % (o_);                                     \
        row /= (o_);                                                \
        is_inside = is_inside && at >= (b_) && at - (b_) < (i_);    \
        in_at += (at - (b_)) * in_row;                              \
        in_row *= (i_);                                             \
    } while (0)

__kernel void pad(__global const T *restrict in, __global T *restrict out)
{
    size_t row = get_global_id(1), in_row = NI;
    size_t in_at = 0; /* wraps around where the row is padding; then it is not used */
    int is_inside = 1;
    out += row * NO;
    ROW_AXIS(I0, B0, O0);
    ROW_AXIS(I1, B1, O1);
    ROW_AXIS(I2, B2, O2);
    ROW_AXIS(I3, B3, O3);
    ROW_AXIS(I4, B4, O4);
    ROW_AXIS(I5, B5, O5);
    ROW_AXIS(I6, B6, O6);

    size_t u = get_global_id(0) * CHUNK;
    size_t end = min(u + CHUNK, (size_t)NO);
    size_t in_begin = is_inside ? min((size_t)NB, end) : end;
    size_t in_end = is_inside ? min((size_t)NB + NI, end) : end;
    for (; u < in_begin; u++)
        out[u] = (T)(FILL);
    for (; u < in_end; u++)
        out[u] = in[in_at + u - NB];
    for (; u < end; u++)
        out[u] = (T)(FILL);
}
