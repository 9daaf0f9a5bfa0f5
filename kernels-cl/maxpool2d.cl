/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in [N,H,W,C]   out [N,OH,OW,C]   needs H W C OH OW, kernel KH KW, strides SH SW, dilations DH DW,
 * padding PT PL, the type T and its least value T_LOWEST, the activation (pool.h), LANES (divides
 * C)
 * gid(0) = c / LANES   gid(1) = ow   gid(2) = n * OH + oh
 * Taps in the padding are skipped. Reads never leave `in`.
 */
#include "numerics.h"
#include "pool.h"
#include "vector.h"

typedef OC_WIDE(T) elements;

__kernel void maxpool2d(__global const elements *restrict in, __global elements *restrict out)
{
    size_t c = get_global_id(0), ow = get_global_id(1), row = get_global_id(2);
    int h_0 = (int)(row % OH) * SH - PT, w_0 = (int)ow * SW - PL;
    elements m = (elements)(T_LOWEST);
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        if (h < 0 || h >= H)
            continue;
        __global const elements *line = in + (row / OH * H + h) * ((size_t)W * (C / LANES)) + c;
        for (int kw = 0; kw < KW; kw++) {
            int w = w_0 + kw * DW;
            if (w >= 0 && w < W) {
                elements x = line[(size_t)w * (C / LANES)];
                m = (x > m || x != x) ? x : m;
            }
        }
    }
    out[(row * OW + ow) * (C / LANES) + c] = oc_pool_act(m);
}
