/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution of int8 or uint8: y = bias + sum of (x - x_zero) (w - w_zero) over the taps inside
 * the input, modulo 2^32, so that the order of the sum never shows.
 *
 * All need N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups), and the macros of product_int.h.
 */
#include "numerics.h"
#include "vector.h"
#include "product_int.h"

#define CG (C / G)
#define OG (O / G)

#ifdef CONV2D_INT_PLAIN
/*
 * Any convolution, weights as they are: for weights that another node computes.
 * x [N,H,W,C]   w [O,KH,KW,CG]   y [N,OH,OW,O]
 * gid(0) = o   gid(1) = ow   gid(2) = n * OH + oh
 */
__kernel void conv2d_int_plain(__global const TX *x, __global const TW *w,
                               INT_PARAMS __global int *restrict y)
{
    int o = (int)get_global_id(0), ow = (int)get_global_id(1), row = (int)get_global_id(2);
    int h_0 = row % OH * SH - PT, w_0 = ow * SW - PL, xz = X_ZERO(0), wz = W_ZERO(o);
    uint sum = INT_BIAS(o);
    w += o * (KH * KW * CG);
    for (int kh = 0; kh < KH; kh++) {
        for (int kw = 0; kw < KW; kw++, w += CG) {
            int h_in = h_0 + kh * DH, w_in = w_0 + kw * DW;
            if (h_in < 0 || h_in >= H || w_in < 0 || w_in >= W)
                continue;
            int at = ((row / OH * H + h_in) * W + w_in) * C + o / OG * CG;
            for (int ci = 0; ci < CG; ci++)
                sum += as_uint((x[at + ci] - xz) * (w[ci] - wz));
        }
    }
    y[(row * OW + ow) * O + o] = as_int(sum);
}
#endif
