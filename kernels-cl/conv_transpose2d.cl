/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transposed convolution: every output element is one chain acc = fma(x, w, acc) over those (kh,
 * kw) for which the pixel stands on the input's grid, and ci; x = 0 outside the input; then bias
 * and activation. In integers a sum modulo 2^32.
 *
 * All need N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups). One of CONV_TRANSPOSE2D_TILE,
 * CONV_TRANSPOSE2D_PLAIN (with ACT ACT_A ACT_B, HAS_BIAS) and CONV_TRANSPOSE2D_INT (with the macros
 * of product_int.h) selects the kernel.
 */
#include "numerics.h"
#include "vector.h"
#include "vector_tile.h"
#include "product_int.h"

#define CG (C / G)
#define OG (O / G)
#if HAS_BIAS
#define BIAS_PARAM __global const float *bias,
#define BIAS_AT(i_) (bias + (i_))
#else
#define BIAS_PARAM
#define BIAS_AT(i_) ((__global const float *)0)
#endif

#ifdef CONV_TRANSPOSE2D_TILE
/*
 * x [N,H,W,C]   w [G][PACKS][KH*KW*CG][PACK], then CG zeros   bias [G][PACKS][PACK]   y [N,OH,OW,O]
 * needs PACK, PACKS, LANES, VECTORS, TILE, TILES (tiles of a phase), BLOCKS (of OC_BLOCK channels
 * in a group)
 * gid(0) = phase * TILES + tile   gid(1) = n * OH + oh   gid(2) = g * BLOCKS + block
 *
 * Pixel m of a tile is ow = phase + (tile * TILE + m) * SW, so that all have the same taps on
 * neighbouring pixels of the input. One outside reads the zeros behind the weights.
 */
__kernel void conv_transpose2d_tile(__global const float *x, __global const float *w,
                                    BIAS_PARAM __global float *restrict y)
{
    int ow = (int)get_global_id(0) / TILES + (int)get_global_id(0) % TILES * (TILE * SW);
    int row = (int)get_global_id(1), oh = row % OH;
    int g = (int)get_global_id(2) / BLOCKS, o = (int)get_global_id(2) % BLOCKS * OC_BLOCK;
    int pack = g * PACKS + o / PACK;
    __global const float *zeros = w + (size_t)G * PACKS * PACK * (KH * KW * CG);
    w += (size_t)pack * PACK * (KH * KW * CG) + o % PACK;

    float xs[TILE];
    oc_lanes acc[TILE][VECTORS];
    oc_tile_clear(acc);
    for (int kh = 0; kh < KH; kh++) {
        int h = oh + PT - kh * DH;
        if (h % SH != 0)
            continue;
        bool is_row = h >= 0 && h / SH < H;
        for (int kw = 0; kw < KW; kw++) {
            int v = ow + PL - kw * DW;
            if (v % SW != 0)
                continue;
            __global const float *p[TILE], *wk = w + (kh * KW + kw) * CG * PACK;
            int at = ((row / OH * H + h / SH) * W + v / SW) * C + g * CG;
            #pragma unroll
            for (int m = 0; m < TILE; m++) {
                bool is_tap = is_row && v / SW + m >= 0 && v / SW + m < W;
                p[m] = is_tap ? x + (at + m * C) : zeros;
            }
            for (int ci = 0; ci < CG; ci++, wk += PACK) {
                #pragma unroll
                for (int m = 0; m < TILE; m++)
                    xs[m] = p[m][ci];
                oc_tile_step(acc, xs, wk);
            }
        }
    }
    int pixels = clamp((OW - ow + SW - 1) / SW, 0, TILE);
    oc_tile_store(acc, BIAS_AT(pack * PACK + o % PACK), y + (row * OW + ow) * O + g * OG + o,
                  SW * O, (int2)(0, pixels), (int2)(0, OG - o));
}
#endif

#ifdef CONV_TRANSPOSE2D_PLAIN
/*
 * Weights as they are: for weights that another node computes.
 * x [N,H,W,C]   w [O,KH,KW,CG]   bias [O]   y [N,OH,OW,O]
 * gid(0) = o   gid(1) = ow   gid(2) = n * OH + oh
 */
__kernel void conv_transpose2d_plain(__global const float *x, __global const float *w,
                                     BIAS_PARAM __global float *restrict y)
{
    int o = (int)get_global_id(0), ow = (int)get_global_id(1), row = (int)get_global_id(2);
    float acc = 0.0f;
    w += o * (KH * KW * CG);
    for (int kh = 0; kh < KH; kh++) {
        for (int kw = 0; kw < KW; kw++, w += CG) {
            int h = row % OH + PT - kh * DH, v = ow + PL - kw * DW;
            if (h % SH != 0 || v % SW != 0)
                continue;
            bool is_tap = h >= 0 && h / SH < H && v >= 0 && v / SW < W;
            int at = is_tap ? ((row / OH * H + h / SH) * W + v / SW) * C + o / OG * CG : 0;
            for (int ci = 0; ci < CG; ci++)
                acc = fma(is_tap ? x[at + ci] : 0.0f, w[ci], acc);
        }
    }
#if HAS_BIAS
    acc += bias[o];
#endif
    y[(row * OW + ow) * O + o] = OC_UNARY(ACT, acc, ACT_A, ACT_B);
}
#endif

#ifdef CONV_TRANSPOSE2D_INT
/*
 * x [N,H,W,C]   w [O,KH,KW,CG]   y [N,OH,OW,O]
 * gid(0) = o   gid(1) = ow   gid(2) = n * OH + oh
 */
__kernel void conv_transpose2d_int(__global const TX *x, __global const TW *w,
                                   INT_PARAMS __global int *restrict y)
{
    int o = (int)get_global_id(0), ow = (int)get_global_id(1), row = (int)get_global_id(2);
    int xz = X_ZERO(0), wz = W_ZERO(o);
    uint sum = INT_BIAS(o);
    w += o * (KH * KW * CG);
    for (int kh = 0; kh < KH; kh++) {
        for (int kw = 0; kw < KW; kw++, w += CG) {
            int h = row % OH + PT - kh * DH, v = ow + PL - kw * DW;
            if (h % SH != 0 || v % SW != 0 || h < 0 || h / SH >= H || v < 0 || v / SW >= W)
                continue;
            int at = ((row / OH * H + h / SH) * W + v / SW) * C + o / OG * CG;
            for (int ci = 0; ci < CG; ci++)
                sum += as_uint((x[at + ci] - xz) * (w[ci] - wz));
        }
    }
    y[(row * OW + ow) * O + o] = as_int(sum);
}
#endif
