/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution, three ways with the same bits: every output element is one chain
 * acc = fma(x, w, acc) over (kh, kw, ci), x = 0 outside the input; then bias and activation.
 *
 * All need N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups), ACT ACT_A ACT_B, HAS_BIAS (0 or
 * 1). One of CONV2D_TILE, CONV2D_DEPTHWISE, CONV2D_PLAIN selects the kernel.
 */
#include "numerics.h"
#include "vector.h"
#include "vector_tile.h"

#define CG (C / G)
#define OG (O / G)
#if HAS_BIAS
#define BIAS_PARAM __global const float *bias,
#define BIAS_ARG bias,
#define BIAS_AT(i_) (bias + (i_))
#else
#define BIAS_PARAM
#define BIAS_ARG
#define BIAS_AT(i_) ((__global const float *)0)
#endif

#ifdef CONV2D_TILE
/*
 * x [N,H,W,C]   w [G][PACKS][KH*KW*CG][PACK], then CG zeros   bias [G][PACKS][PACK]   y [N,OH,OW,O]
 * needs PACK, PACKS, LANES, VECTORS, TILE, BLOCKS (of OC_BLOCK channels in a group),
 * IS_INSIDE (1: no tap of any tile is outside the input), SPAN (a multiple of TILE), SHARE and
 * SHARES (of SHARE blocks in a group), AHEAD (0: weights are not asked for before their use)
 * gid(0) = ow / SPAN   gid(1) = n * OH + oh   gid(2) = g * SHARES + block / SHARE
 *
 * A tap outside the input reads the zeros behind the weights, so that the loop is the same for all
 * pixels of a tile.
 */
/* With neighbouring taps and one group, a row of the window is one run of floats in x. */
#if DW == 1 && G == 1
#define RUN (KW * C)
#define RUNS 1
#else
#define RUN CG
#define RUNS KW
#endif

/*
 * Where few tiles share a block's weights, they come from memory as fast as they are used. So the
 * tiles of one block ask for the next one's, AHEAD floats a step: all of them together ask for all.
 * It is a hint, which may point behind the weights' end; simulators, which do not optimise, may not
 * know it.
 */
#if AHEAD && defined(__OPTIMIZE__) && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
#define OC_AHEAD(p_) (__builtin_prefetch((const void *)(size_t)(p_), 0, 2), (p_) += AHEAD)
#endif
#endif
#ifndef OC_AHEAD
#define OC_AHEAD(p_) ((void)(p_))
#endif

/* The tile at `ow` of row n * OH + oh, output channels from `o` on of group g. */
static inline void conv2d_block(__global const float *x, __global const float *w,
                                BIAS_PARAM __global float *restrict y, int row, int ow, int g,
                                int o)
{
    int n = row / OH, h_0 = row % OH * SH - PT, w_0 = ow * SW - PL;
    int pack = g * PACKS + o / PACK;
    __global const float *zeros = w + (size_t)G * PACKS * PACK * (KH * KW * CG);
    w += (size_t)pack * PACK * (KH * KW * CG) + o % PACK;

    int item = (int)(get_global_id(1) * get_global_size(0) + get_global_id(0));
    __global const float *ahead = w + (size_t)(PACK + item * AHEAD) * (KH * KW * CG);
    float xs[TILE];
    oc_lanes acc[TILE][VECTORS];
    oc_tile_clear(acc);
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        bool is_row = IS_INSIDE || (h >= 0 && h < H);
        int at = ((n * H + h) * W + w_0) * C + g * CG;
        if (IS_INSIDE || (is_row && w_0 >= 0 && w_0 + (TILE - 1) * SW + (KW - 1) * DW < W)) {
            for (int r = 0; r < RUNS; r++) {
                __global const float *p = x + (at + r * DW * C);
                for (int k = 0; k < RUN; k++, w += PACK) {
                    #pragma unroll
                    for (int m = 0; m < TILE; m++)
                        xs[m] = p[m * SW * C + k];
                    oc_tile_step(acc, xs, w);
                    OC_AHEAD(ahead);
                }
            }
        } else {
            for (int kw = 0; kw < KW; kw++) {
                __global const float *p[TILE];
                #pragma unroll
                for (int m = 0; m < TILE; m++) {
                    int tap = m * SW + kw * DW;
                    bool is_tap = is_row && w_0 + tap >= 0 && w_0 + tap < W;
                    p[m] = is_tap ? x + (at + tap * C) : zeros;
                }
                for (int ci = 0; ci < CG; ci++, w += PACK) {
                    #pragma unroll
                    for (int m = 0; m < TILE; m++)
                        xs[m] = p[m][ci];
                    oc_tile_step(acc, xs, w);
                    OC_AHEAD(ahead);
                }
            }
        }
    }

    /* Constants where they can be: what is never the case is then not compiled. */
    int pixels = OW % TILE == 0 ? TILE : min(TILE, OW - ow);
    int channels = OG % OC_BLOCK == 0 ? OC_BLOCK : OG - o;
    oc_tile_store(acc, BIAS_AT(pack * PACK + o % PACK), y + (row * OW + ow) * O + g * OG + o, O,
                  (int2)(0, pixels), (int2)(0, channels));
}

__kernel void conv2d_tile(__global const float *x, __global const float *w,
                          BIAS_PARAM __global float *restrict y)
{
    int span = (int)get_global_id(0) * SPAN, row = (int)get_global_id(1);
    int g = (int)get_global_id(2) / SHARES, share = (int)get_global_id(2) % SHARES * SHARE;
    for (int ow = span; ow < min(span + SPAN, OW); ow += TILE)
        for (int block = share; block < min(share + SHARE, BLOCKS); block++)
            conv2d_block(x, w, BIAS_ARG y, row, ow, g, block * OC_BLOCK);
}
#endif

#ifdef CONV2D_DEPTHWISE
/*
 * One input channel makes one output channel: G = C = O.
 * x [N,H,W,C]   w [KH*KW][C]   bias [C]   y [N,OH,OW,C]
 * needs LANES (at most C), TILE, SPAN (a multiple of TILE), ROWS, CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK channels, the last one takes the rest (at least LANES, below 2 CHUNK)
 * gid(1) = ow / SPAN   gid(2) = (n * OH + oh) / ROWS
 *
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */

/* Columns of the input below a tile of TILE pixels. */
#define COLUMNS ((TILE - 1) * SW + (KW - 1) * DW + 1)
/* The first column of the last tile in a row. */
#define LAST_W ((OW - 1) / TILE * TILE * SW - PL)

/*
 * Adds row `kh` of the window: every column of the input is read once, for all pixels that it is a
 * tap of. Only a column that is in the padding of some tile costs a branch.
 */
static inline void depthwise_row(oc_lanes acc[TILE], __global const float *x,
                                 __global const float *w, bool is_row, int w_0)
{
#if COLUMNS <= 32
    #pragma unroll
#endif
    for (int i = 0; i < COLUMNS; i++) {
        bool is_left = i < PL && w_0 + i < 0, is_right = LAST_W + i >= W && w_0 + i >= W;
        oc_lanes xv = (oc_lanes)(0.0f);
        if (is_row && !is_left && !is_right)
            xv = oc_lanes_load(float, x + i * C);
        #pragma unroll
        for (int m = 0; m < TILE; m++) {
            int tap = i - m * SW;
            if (tap >= 0 && tap % DW == 0 && tap / DW < KW)
                acc[m] = fma(xv, oc_lanes_load(float, w + tap / DW * C), acc[m]);
        }
    }
}

/* The vector of channels at `c` of the tile at (row, ow). */
static inline void depthwise_tile(__global const float *x, __global const float *w,
                                  BIAS_PARAM __global float *restrict y, int row, int ow, int c)
{
    int h_0 = row % OH * SH - PT, w_0 = ow * SW - PL;
    oc_lanes acc[TILE];
    #pragma unroll
    for (int m = 0; m < TILE; m++)
        acc[m] = (oc_lanes)(0.0f);
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        __global const float *p = x + ((row / OH * H + h) * W + w_0) * C + c;
        if (h >= 0 && h < H)
            depthwise_row(acc, p, w + kh * KW * C + c, true, w_0);
        else
            depthwise_row(acc, p, w + kh * KW * C + c, false, w_0);
    }
    #pragma unroll
    for (int m = 0; m < TILE; m++) {
        if (OW % TILE != 0 && ow + m >= OW)
            break;
#if HAS_BIAS
        acc[m] += oc_lanes_load(float, bias + c);
#endif
        oc_lanes_store(float, oc_lanes_act(acc[m]), y + (row * OW + ow + m) * C + c);
    }
}

__kernel void conv2d_depthwise(__global const float *x, __global const float *w,
                               BIAS_PARAM __global float *restrict y)
{
    int chunk = (int)get_global_id(0), span = (int)get_global_id(1) * SPAN;
    int row_0 = (int)get_global_id(2) * ROWS;
    int begin = chunk * CHUNK, end = chunk == CHUNKS - 1 ? C : begin + CHUNK;
    for (int row = row_0; row < min(row_0 + ROWS, N * OH); row++) {
        for (int ow = span; ow < min(span + SPAN, OW); ow += TILE) {
            for (int c = begin;; c = min(c + LANES, end - LANES)) {
                depthwise_tile(x, w, BIAS_ARG y, row, ow, c);
                if (c + LANES >= end)
                    break;
            }
        }
    }
}
#endif

#ifdef CONV2D_PLAIN
/*
 * Any convolution, weights as they are: for weights that another node computes.
 * x [N,H,W,C]   w [O,KH,KW,CG]   bias [O]   y [N,OH,OW,O]
 * gid(0) = o   gid(1) = ow   gid(2) = n * OH + oh
 */
__kernel void conv2d_plain(__global const float *restrict x, __global const float *restrict w,
                           BIAS_PARAM __global float *restrict y)
{
    int o = (int)get_global_id(0), ow = (int)get_global_id(1), row = (int)get_global_id(2);
    int h_0 = row % OH * SH - PT, w_0 = ow * SW - PL;
    float acc = 0.0f;
    w += o * (KH * KW * CG);
    for (int kh = 0; kh < KH; kh++) {
        for (int kw = 0; kw < KW; kw++) {
            int h_in = h_0 + kh * DH, w_in = w_0 + kw * DW;
            bool is_tap = h_in >= 0 && h_in < H && w_in >= 0 && w_in < W;
            int at = ((row / OH * H + h_in) * W + w_in) * C + o / OG * CG;
            for (int ci = 0; ci < CG; ci++)
                acc = fma(is_tap ? x[at + ci] : 0.0f, *w++, acc);
        }
    }
#if HAS_BIAS
    acc += bias[o];
#endif
    y[(row * OW + ow) * O + o] = OC_UNARY(ACT, acc, ACT_A, ACT_B);
}
#endif
