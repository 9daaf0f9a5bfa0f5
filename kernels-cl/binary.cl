/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binary: y = activation(FN(p, q)), floats; needs FN, ACT ACT_A ACT_B, LANES (at most ELEMS)
 * binary_int: y = FN(p, q), integers; needs FN, T, U (the unsigned type that T is computed in)
 *
 * In both p and q broadcast to the shape of y.
 * y is seen as ROWS rows of ELEMS elements, along which p and q either go on by one element a step
 * (STEP_P, STEP_Q 1) or stay (0); OUTER ... (broadcast.h) says where the data of a row lies.
 * needs CHUNK, CHUNKS, GROUP
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest (below 2 CHUNK; in vectors at
 * least LANES)
 * gid(1) = row / GROUP
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "vector.h"
#include "broadcast.h"

#ifdef T
static inline T oc_int_add(T p, T q)
{
    return (T)((U)p + (U)q);
}

static inline T oc_int_sub(T p, T q)
{
    return (T)((U)p - (U)q);
}

static inline T oc_int_mul(T p, T q)
{
    return (T)((U)p * (U)q);
}

static inline T oc_int_div(T p, T q)
{
    bool is_minus_one = q == (T)-1 && (T)-1 < 0;
    T y = p / (q == 0 || is_minus_one ? (T)1 : q);
    return q == 0 ? (T)0 : (is_minus_one ? (T)(0 - (U)p) : y);
}

static inline T oc_int_max(T p, T q)
{
    return p > q ? p : q;
}

static inline T oc_int_min(T p, T q)
{
    return p < q ? p : q;
}

/* By squaring; a negative power of anything but 1 and -1 is cut off to 0. */
static inline T oc_int_pow(T p, T q)
{
    bool is_unit = p == 1 || (p == (T)-1 && (T)-1 < 0);
    U y = 1, square = (U)p;
    if (q < 0)
        return is_unit ? (q & 1 ? p : (T)1) : (T)0;
    for (; q > 0; q >>= 1, square *= square)
        if (q & 1)
            y *= square;
    return (T)y;
}

static inline T oc_int_squared_difference(T p, T q)
{
    U d = (U)p - (U)q;
    return (T)(d * d);
}

__kernel void binary_int(__global const T *p, __global const T *q, __global T *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        int2 at = oc_broadcast(row);
        for (int i = begin; i < end; i++)
            y[row * ELEMS + i] = FN(p[at.x + i * STEP_P], q[at.y + i * STEP_Q]);
    }
}
#else
#define LOAD(from_, step_, i_) \
    (step_ ? oc_lanes_load(float, (from_) + (i_)) : (oc_lanes)(*(from_)))

__kernel void binary(__global const float *p, __global const float *q, __global float *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        int2 at = oc_broadcast(row);
        for (int i = begin;;) {
            oc_lanes r = OC_BINARY(FN, LOAD(p + at.x, STEP_P, i), LOAD(q + at.y, STEP_Q, i));
            oc_lanes_store(float, oc_lanes_act(r), y + row * ELEMS + i);
            if (i + LANES >= end)
                break;
            i = min(i + LANES, end - LANES);
        }
    }
}
#endif
