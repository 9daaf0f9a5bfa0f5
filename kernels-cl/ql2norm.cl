/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point division by the length along the last axis, as runtime/op/ql2norm.c says.
 * x, y [rows, COUNT] of T (char or uchar); IS_INT8 says which
 * needs T, COUNT, ZERO, IS_INT8
 * gid(0) = row
 */
#include "numerics.h"
#include "quant.h"

__kernel void ql2norm(__global const T *restrict x, __global T *restrict y)
{
    x += get_global_id(0) * COUNT;
    y += get_global_id(0) * COUNT;
    int sum = 0;
    for (int i = 0; i < COUNT; i++) {
        int d = x[i] - (ZERO);
        sum = oc_quant_add(sum, d * d);
    }
    const int root = oc_quant_root(sum), shift = oc_quant_root_shift(sum);
    for (int i = 0; i < COUNT; i++) {
        int d = x[i] - (ZERO);
#if IS_INT8
        y[i] = (T)clamp(oc_quant_scale(d, root, shift + 7), -128, 127);
#else
        y[i] = (T)clamp(oc_quant_scale(128 * d, root, shift) + 128, 0, 255);
#endif
    }
}
