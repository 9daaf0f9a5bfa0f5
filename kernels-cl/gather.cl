/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a tensor of any dtype picked by index, on units of T.
 * in [OUTER][N][ROW]   indices [PICKS] of type I   out [OUTER][PICKS][ROW]
 * gid(0) = unit of the row / CHUNK   gid(1) = index   gid(2) = outer
 * An index below 0 counts from the end and is then clamped, so that reads never leave `in`.
 */
__kernel void gather(__global const T *restrict in, __global const I *restrict indices,
                     __global T *restrict out)
{
    size_t first = get_global_id(0) * CHUNK, end = min(first + CHUNK, (size_t)ROW);
    long pick = indices[get_global_id(1)];
    pick = clamp(pick < 0 ? pick + N : pick, 0L, (long)N - 1);
    in += (get_global_id(2) * N + (size_t)pick) * ROW;
    out += (get_global_id(2) * PICKS + get_global_id(1)) * ROW;
    for (size_t u = first; u < end; u++)
        out[u] = in[u];
}
