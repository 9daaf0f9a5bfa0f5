/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = the sum (FN 0), difference (1) or product (2) of quantised p and q, as runtime/op/qbinary.c
 * says; p and q are broadcast to the shape of y.
 * y is seen as ROWS rows of ELEMS elements, along which p and q either go on by one element a step
 * (STEP_P, STEP_Q 1) or stay (0); OUTER ... (broadcast.h) says where the data of a row lies.
 * needs T (char or uchar), FN, LEFT_SHIFT, ZERO_1 MULT_1 SHIFT_1, ZERO_2 MULT_2 SHIFT_2, ZERO_OUT
 * MULT_OUT SHIFT_OUT, LO, HI, LANES (at most ELEMS), CHUNK, CHUNKS, GROUP
 * gid(0) = chunk of CHUNK elements of a row; the last takes the rest (at least LANES, below 2
 * CHUNK)
 * gid(1) = row / GROUP
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#include "numerics.h"
#include "quant.h"
#include "vector.h"
#include "broadcast.h"

#define LOAD(from_, step_, i_) \
    OC_Q32(step_ ? oc_lanes_load(T, (from_) + (i_)) : (OC_WIDE(T))(*(from_)))

static inline oc_q32 scaled(oc_q32 x, int multiplier, int shift)
{
    return oc_quant_scale(x, (oc_q32)(multiplier), (oc_q32)(shift));
}

static inline oc_q32 eval(oc_q32 a, oc_q32 b)
{
#if FN == 2
    oc_q32 r = a * b;
#else
    a = scaled(oc_quant_shift_up(a, (oc_q32)(LEFT_SHIFT)), MULT_1, SHIFT_1);
    b = scaled(oc_quant_shift_up(b, (oc_q32)(LEFT_SHIFT)), MULT_2, SHIFT_2);
    oc_q32 r = FN == 0 ? oc_quant_add(a, b) : oc_quant_sub(a, b);
#endif
    r = oc_quant_add(scaled(r, MULT_OUT, SHIFT_OUT), (oc_q32)(ZERO_OUT));
    return min(max(r, (oc_q32)(LO)), (oc_q32)(HI));
}

__kernel void qbinary(__global const T *p, __global const T *q, __global T *restrict y)
{
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    int row = (int)get_global_id(1) * GROUP, rows_end = min(row + GROUP, ROWS);
    for (; row < rows_end; row++) {
        int2 at = oc_broadcast(row);
        for (int i = begin;;) {
            oc_q32 r = eval(LOAD(p + at.x, STEP_P, i) - ZERO_1, LOAD(q + at.y, STEP_Q, i) - ZERO_2);
            OC_LANES_STORE_8BIT(T, r, y + row * ELEMS + i);
            if (i + LANES >= end)
                break;
            i = min(i + LANES, end - LANES);
        }
    }
}
