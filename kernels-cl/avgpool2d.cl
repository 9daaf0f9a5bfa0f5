/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in [N,H,W,C]   out [N,OH,OW,C]   needs H W C OH OW, kernel KH KW, strides SH SW, dilations DH DW,
 * padding PT PL PB PR, PAD_COUNTS (0 or 1), the types T and SUM (int where T is no float), the
 * activation (pool.h), LANES (divides C)
 * gid(0) = c / LANES   gid(1) = ow   gid(2) = n * OH + oh
 * Taps in the padding are skipped; with PAD_COUNTS they count. Reads never leave `in`.
 */
#include "numerics.h"
#include "pool.h"
#include "vector.h"

typedef OC_WIDE(T) elements;
typedef OC_WIDE(SUM) sums;
#define TO_SUMS(x_) OC_WIDE(OC_JOIN(convert_, SUM))(x_)
#define TO_ELEMENTS(x_) OC_WIDE(OC_JOIN(convert_, T))(x_)

/* Integers are rounded to the nearest, halves away from zero. */
#ifdef ACT
#define MEAN(sum_, count_) ((sum_) / (sums)((float)(count_)))
#else
#define MEAN(sum_, count_) \
    (((sum_) + ((sum_) > 0 ? (sums)((count_) / 2) : -(sums)((count_) / 2))) / (sums)(count_))
#endif

__kernel void avgpool2d(__global const elements *restrict in, __global elements *restrict out)
{
    size_t c = get_global_id(0), ow = get_global_id(1), row = get_global_id(2);
    int h_0 = (int)(row % OH) * SH - PT, w_0 = (int)ow * SW - PL;
    int rows = 0, columns = 0;
    sums sum = (sums)(0);
    for (int kw = 0; kw < KW; kw++) {
        int w = w_0 + kw * DW;
        columns += PAD_COUNTS ? w < W + PR : w >= 0 && w < W;
    }
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        rows += PAD_COUNTS ? h < H + PB : h >= 0 && h < H;
        if (h < 0 || h >= H)
            continue;
        __global const elements *line = in + (row / OH * H + h) * ((size_t)W * (C / LANES)) + c;
        for (int kw = 0; kw < KW; kw++) {
            int w = w_0 + kw * DW;
            if (w >= 0 && w < W)
                sum += TO_SUMS(line[(size_t)w * (C / LANES)]);
        }
    }
    int count = max(rows * columns, 1);
    elements mean = TO_ELEMENTS(MEAN(sum, count));
    out[(row * OW + ow) * (C / LANES) + c] = oc_pool_act(mean);
}
