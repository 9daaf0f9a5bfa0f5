/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = bias + sum of (x - x_zero) (w - w_zero) over k, modulo 2^32, of int8 or uint8; or that
 * requantised.
 * x [M,K]   w [O,K]   y [M,O]
 * needs M K O, and the macros of product_int.h and vector_requant.h
 * gid(0) = o   gid(1) = m
 */
#include "numerics.h"
#include "quant.h"
#include "product_int.h"
#include "vector_requant.h"

__kernel void fully_connected_int(__global const TX *x, __global const TW *w,
                                  INT_PARAMS REQUANT_PARAMS __global TY *restrict y)
{
    int o = (int)get_global_id(0), m = (int)get_global_id(1), xz = X_ZERO(0), wz = W_ZERO(o);
    uint sum = INT_BIAS(o);
    for (int k = 0; k < K; k++)
        sum += as_uint((x[m * K + k] - xz) * (w[o * K + k] - wz));
    oc_factors f = oc_factors_load(REQUANT_ARGS o, 1);
    y[m * O + o] = (TY)oc_requant(as_int(sum), f);
}
