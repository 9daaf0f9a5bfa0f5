/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transposition of any dtype, on units of T (one element, or several that stay side by side).
 * The host drops axes of length 1 and merges axes that stay neighbours; what is left is
 *   A  the output's last axis:        NA units, IA apart in the input, 1 apart in the output
 *   B  the input's last axis, moved:  NB units, 1 apart in the input, OB apart in the output
 *   R0..R6  all others, R0 the output's innermost: lengths R, I apart in the input, O in the output
 * Reads never leave `in`.
 */
#define REST_AXIS(n_, i_, o_)        \
    do {                             \
        size_t at = rest % (n_);     \
        rest /= (n_);                \
        in += at * (size_t)(i_);     \
        out += at * (size_t)(o_);    \
    } while (0)

#define REST()                       \
    do {                             \
        size_t rest = get_global_id(2); \
        REST_AXIS(R0, I0, O0);       \
        REST_AXIS(R1, I1, O1);       \
        REST_AXIS(R2, I2, O2);       \
        REST_AXIS(R3, I3, O3);       \
        REST_AXIS(R4, I4, O4);       \
        REST_AXIS(R5, I5, O5);       \
        REST_AXIS(R6, I6, O6);       \
    } while (0)

#ifdef NB
/*
 * The last axis moves. A square of TILE x TILE units a work-item, so that a cache line that was
 * read for one row of the output still serves the next.
 * gid(0) = a / TILE   gid(1) = b / TILE   gid(2) = all other axes
 */
__kernel void transpose_tile(__global const T *restrict in, __global T *restrict out)
{
    size_t a_0 = get_global_id(0) * TILE, a_1 = min(a_0 + TILE, (size_t)NA);
    size_t b_0 = get_global_id(1) * TILE, b_1 = min(b_0 + TILE, (size_t)NB);
    REST();
    for (size_t b = b_0; b < b_1; b++)
        for (size_t a = a_0; a < a_1; a++)
            out[b * OB + a] = in[a * IA + b];
}
#else
/*
 * The last axis stays (IA = 1): rows are copied, CHUNK units a work-item.
 * gid(0) = a / CHUNK   gid(1) = 0   gid(2) = all other axes
 */
__kernel void transpose_rows(__global const T *restrict in, __global T *restrict out)
{
    size_t a_0 = get_global_id(0) * CHUNK, a_1 = min(a_0 + CHUNK, (size_t)NA);
    REST();
    for (size_t a = a_0; a < a_1; a++)
        out[a] = in[a];
}
#endif
