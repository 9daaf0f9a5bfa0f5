/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in [N,H,W,C] of T   out int64 [N,OH,OW,C]: the place in [N,C,H,W] of the largest element under
 * each window, with BY_COLUMN in [N,C,W,H]; -1 where no tap is inside
 * needs H W C OH OW, kernel KH KW, strides SH SW, dilations DH DW, padding PT PL
 * gid(0) = c   gid(1) = ow   gid(2) = n * OH + oh
 * Taps in the padding are skipped. Reads never leave `in`.
 */
#include "numerics.h"

__kernel void maxpool2d_index(__global const T *restrict in, __global long *restrict out)
{
    size_t c = get_global_id(0), ow = get_global_id(1), row = get_global_id(2), n = row / OH;
    int h_0 = (int)(row % OH) * SH - PT, w_0 = (int)ow * SW - PL;
    int h_best = -1, w_best = -1;
    T m = 0;
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        if (h < 0 || h >= H)
            continue;
        for (int kw = 0; kw < KW; kw++) {
            int w = w_0 + kw * DW;
            if (w < 0 || w >= W)
                continue;
            T x = in[((n * H + h) * W + w) * C + c];
            if (h_best < 0 || x > m || x != x) {
                m = x;
                h_best = h;
                w_best = w;
            }
        }
    }
    long place = BY_COLUMN ? (long)w_best * H + h_best : (long)h_best * W + w_best;
    out[(row * OW + ow) * C + c] = h_best < 0 ? -1 : (long)(n * C + c) * ((long)H * W) + place;
}
