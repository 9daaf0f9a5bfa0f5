/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y[i] = (TO)x[i]
 * needs FROM, TO (types), ELEMS, CHUNK, CHUNKS; FROM_HALF, FROM_BOOL, TO_HALF, TO_BOOL where these
 * are meant; from float to integer CUT_OFF, HIGH (the largest TO), IS_SIGNED
 * gid(0) = chunk of CHUNK elements; the last takes the rest
 */
#ifdef FROM_HALF
#define LOAD(x_, i_) vload_half((i_), (x_))
#elif defined(FROM_BOOL)
#define LOAD(x_, i_) ((x_)[i_] != 0)
#else
#define LOAD(x_, i_) ((x_)[i_])
#endif

#ifdef TO_HALF
#define STORE(v_, y_, i_) vstore_half_rte((float)(v_), (i_), (y_))
#elif defined(TO_BOOL)
#define STORE(v_, y_, i_) ((y_)[i_] = (v_) != 0)
#elif defined(CUT_OFF)
#define STORE(v_, y_, i_) ((y_)[i_] = cut_off(v_))
#define LOW (IS_SIGNED ? -HIGH - 1 : 0)
/* HIGH + 1 is a power of two, so a float. */
static inline TO cut_off(float v)
{
    const float low = (float)(LOW), end = (float)(HIGH / 2 + 1) * 2.0f;
    TO in_range = (TO)(v > low && v < end ? v : 0.0f);
    return v <= low ? (TO)(LOW) : (v >= end ? (TO)HIGH : in_range);
}
#else
#define STORE(v_, y_, i_) ((y_)[i_] = (TO)(v_))
#endif

__kernel void cast(__global const FROM *restrict x, __global TO *restrict y)
{
    int chunk = (int)get_global_id(0), i = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : i + CHUNK;
    for (; i < end; i++)
        STORE(LOAD(x, i), y, i);
}
