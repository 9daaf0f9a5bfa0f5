/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in [outer, COUNT, INNER] of T   out [outer, INNER] of TO: where along COUNT the greatest element
 * lies, with IS_MIN the least; of equal ones the first, with SELECT_LAST the last. A NaN stands
 * before any number.
 * gid(0) = outer * INNER + inner: one work-item a line.
 */
#include "numerics.h"

#if IS_MIN
#define IS_BEFORE(x_, m_) ((x_) < (m_) || ((x_) != (x_) && (m_) == (m_)))
#else
#define IS_BEFORE(x_, m_) ((x_) > (m_) || ((x_) != (x_) && (m_) == (m_)))
#endif

__kernel void argmax(__global const T *restrict in, __global TO *restrict out)
{
    in += get_global_id(0) / INNER * ((size_t)COUNT * INNER) + get_global_id(0) % INNER;
    T m = in[0];
    TO best = 0;
    for (int i = 1; i < COUNT; i++) {
        T x = in[(size_t)i * INNER];
        if (SELECT_LAST ? !IS_BEFORE(m, x) : IS_BEFORE(x, m)) {
            m = x;
            best = i;
        }
    }
    out[get_global_id(0)] = best;
}
