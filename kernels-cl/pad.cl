/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Padding of any dtype, on units of T. The host merges axes.
 *   rows of NI (input) and NO (output), the input's row starting at NB of the output's
 *   axes 0..6 of rows, axis 0 the innermost: lengths I (input) and O (output), I starting at B
 * gid(1) = row of the output. Reads never leave `in`.
 */
#ifndef SOURCE
/*
 * Constant: rows of units; the padding is FILL, eight bytes, repeated in a T (or its low bytes), or
 * value[0].
 * gid(0) = unit of the output's row / CHUNK
 */
#define ROW_AXIS(i_, b_, o_)                                        \
    do {                                                            \
        size_t at = row % (o_);                                     \
        row /= (o_);                                                \
        is_inside = is_inside && at >= (b_) && at - (b_) < (i_);    \
        in_at += (at - (b_)) * in_row;                              \
        in_row *= (i_);                                             \
    } while (0)

static inline void pad_row(__global const T *restrict in, T fill, __global T *restrict out)
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
        out[u] = fill;
    for (; u < in_end; u++)
        out[u] = in[in_at + u - NB];
    for (; u < end; u++)
        out[u] = fill;
}

__kernel void pad(__global const T *restrict in, __global T *restrict out)
{
    pad_row(in, (T)(FILL), out);
}

__kernel void pad_value(__global const T *restrict in, __global const T *restrict value,
                        __global T *restrict out)
{
    pad_row(in, value[0], out);
}
#else
/*
 * The other modes: rows of blocks of BLOCK units. SOURCE gives the element of an axis of n that
 * stands at a place, which may be outside.
 * gid(0) = block of the output's row / CHUNK
 */
static inline long modulo(long at, long period)
{
    long rest = at % period;
    return rest < 0 ? rest + period : rest;
}

static inline int source_reflect(int at, int n)
{
    long turn = 2 * ((long)n - 1), to = n == 1 ? 0 : modulo(at, turn);
    return (int)(to < n ? to : turn - to);
}

static inline int source_symmetric(int at, int n)
{
    long turn = 2 * (long)n, to = modulo(at, turn);
    return (int)(to < n ? to : turn - 1 - to);
}

static inline int source_edge(int at, int n)
{
    return clamp(at, 0, n - 1);
}

static inline int source_wrap(int at, int n)
{
    return (int)modulo(at, n);
}

#define ROW_AXIS(i_, b_, o_)                                    \
    do {                                                        \
        from += SOURCE(row % (o_) - (b_), (i_)) * in_row;       \
        row /= (o_);                                            \
        in_row *= (i_);                                         \
    } while (0)

__kernel void pad_mapped(__global const T *restrict in, __global T *restrict out)
{
    int row = (int)get_global_id(1), in_row = NI, from = 0;
    int first = (int)get_global_id(0) * CHUNK, end = min(first + CHUNK, NO);
    out += (size_t)row * NO * BLOCK;
    ROW_AXIS(I0, B0, O0);
    ROW_AXIS(I1, B1, O1);
    ROW_AXIS(I2, B2, O2);
    ROW_AXIS(I3, B3, O3);
    ROW_AXIS(I4, B4, O4);
    ROW_AXIS(I5, B5, O5);
    ROW_AXIS(I6, B6, O6);
    for (int o = first; o < end; o++) {
        __global const T *block = in + (size_t)(from + SOURCE(o - NB, NI)) * BLOCK;
        for (int u = 0; u < BLOCK; u++)
            out[(size_t)o * BLOCK + u] = block[u];
    }
}
#endif
