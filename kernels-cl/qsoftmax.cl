/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point softmax along the last axis, as runtime/op/qsoftmax.c says.
 * x, y [rows, COUNT] of T (char or uchar), whose least value is LEAST
 * needs T, COUNT, LEAST, MULTIPLIER, SHIFT, DIFF_MIN
 * gid(0) = row
 */
#include "numerics.h"
#include "quant.h"

static inline int power(int d)
{
    return d < DIFF_MIN ? 0 : oc_quant_exp(oc_quant_scale(d, MULTIPLIER, SHIFT), 5);
}

__kernel void qsoftmax(__global const T *restrict x, __global T *restrict y)
{
    x += get_global_id(0) * COUNT;
    y += get_global_id(0) * COUNT;
    int most = x[0], sum = 0;
    for (int i = 1; i < COUNT; i++)
        most = max(most, (int)x[i]);
    for (int i = 0; i < COUNT; i++)
        sum = oc_quant_add(sum, oc_quant_shift_down(power(x[i] - most), 12));
    int zeros = OC_Q_LEADING_ZEROS(as_uint(sum) | 1u), down = 12 - zeros + 31 - 8;
    int reciprocal = oc_quant_reciprocal(oc_quant_sub(oc_quant_shift_up(sum, zeros), OC_Q_MIN));
    for (int i = 0; i < COUNT; i++) {
        int e = power(x[i] - most);
        int v = down > 31 ? 0 : oc_quant_shift_down(oc_quant_mul(reciprocal, e), down);
        y[i] = (T)(clamp(v, 0, 255) + LEAST);
    }
}
