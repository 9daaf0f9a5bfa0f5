/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of pairs of matrices of int8 or uint8: y = bias + sum of (p - p_zero) (q - q_zero) over
 * k, modulo 2^32.
 * p [...,M,K]   q [...,K,COLUMNS]   y [...,M,COLUMNS], leading axes broadcast; zero points of p by
 * row, of q by column
 * needs M K COLUMNS, OUTER ... (broadcast.h, for the leading axes), and the macros of product_int.h
 * gid(0) = column   gid(1) = m   gid(2) = index of the pair
 */
#include "numerics.h"
#include "product_int.h"
#include "broadcast.h"

__kernel void matmul_int(__global const TX *p, __global const TW *q,
                         INT_PARAMS __global int *restrict y)
{
    int j = (int)get_global_id(0), m = (int)get_global_id(1), pz = X_ZERO(m), qz = W_ZERO(j);
    int2 at = oc_broadcast((int)get_global_id(2));
    uint sum = INT_BIAS(j);
    p += at.x + m * K;
    q += at.y + j;
    for (int k = 0; k < K; k++)
        sum += as_uint((p[k] - pz) * (q[k * COLUMNS] - qz));
    y[((int)get_global_id(2) * M + m) * COLUMNS + j] = as_int(sum);
}
