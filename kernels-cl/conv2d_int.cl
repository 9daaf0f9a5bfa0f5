/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution of int8 or uint8: y = bias + sum of (x - x_zero) (w - w_zero) over the taps inside
 * the input, modulo 2^32, so that the order of the sum never shows; or that requantised.
 *
 * All need N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups), and the macros of product_int.h
 * and vector_requant.h.
 */
#include "numerics.h"
#include "quant.h"
#include "vector.h"
#include "vector_tile.h"
#include "product_int.h"
#include "vector_requant.h"

#define CG (C / G)
#define OG (O / G)

#ifdef CONV2D_INT_TILE
/*
 * Weights as bytes, side by side; x as floats without its zero point (widen.cl).
 * x [N,H,W,C], then CG zeros   w [G][PACKS][KH*KW*CG][PACK]   y [N,OH,OW,O]
 * needs PACK, PACKS, LANES, VECTORS, TILE, BLOCKS (of OC_BLOCK channels in a group), IS_INSIDE (1: no
 * tap of any tile is outside the input)
 * gid(0) = ow / TILE   gid(1) = n * OH + oh   gid(2) = g * BLOCKS + block
 *
 * The sums are made by the float unit, which most devices have more of, and exactly: a product is
 * below 2^16 in size, a float holds every integer up to 2^24, so LIMIT products add up without
 * rounding; then they go to the integers in `sum`.
 */
#define LIMIT 256
#define TAPS (KH * KW * CG)
#if DW == 1 && G == 1
#define RUN (KW * C)
#define RUNS 1
#else
#define RUN CG
#define RUNS KW
#endif

/* sum += acc; acc = 0 */
static inline void flush(oc_lanes acc[TILE][VECTORS], oc_q32 sum[TILE][VECTORS])
{
    #pragma unroll
    for (int m = 0; m < TILE; m++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
            sum[m][v] = oc_quant_add(sum[m][v], OC_Q32(acc[m][v]));
    oc_tile_clear(acc);
}

static inline void step(oc_lanes acc[TILE][VECTORS], const float x[TILE], __global const TW *w,
                        const oc_lanes w_zeros[VECTORS])
{
    oc_lanes wv[VECTORS];
    #pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        wv[v] = OC_WIDE(convert_float)(oc_lanes_load(TW, w + v * LANES));
#if HAS_W_ZERO
        wv[v] -= w_zeros[v];
#endif
    }
    #pragma unroll
    for (int m = 0; m < TILE; m++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
            acc[m][v] = fma((oc_lanes)(x[m]), wv[v], acc[m][v]);
}

/* Zero points of the channels from `j` on of the group that begins at `base`. */
#if HAS_W_ZERO
#define W_ZERO_ARG w_zero,
static inline oc_lanes zeros_of(__global const TW *w_zero, int base, int j)
{
    oc_lanes_each z;
    for (int i = 0; i < LANES; i++)
        z.one[i] = (float)W_ZERO(base + min(j + i, OG - 1));
    return z.all;
}
#else
#define W_ZERO_ARG
static inline oc_lanes zeros_of(int base, int j)
{
    return (oc_lanes)(0.0f);
}
#endif

/*
 * The sums of `pixels` pixels with their bias, as they are or requantised; `first` is the first
 * channel's number, and `count` channels are left in the group.
 */
#if HAS_BIAS
#define BIAS_ARG bias,
#else
#define BIAS_ARG
#endif
static inline void finish(oc_q32 sum[TILE][VECTORS], INT_BIAS_PARAM REQUANT_PARAMS __global TY *y,
                          int first, int count, int pixels)
{
    oc_q32 z[TILE * VECTORS];
    #pragma unroll
    for (int m = 0; m < TILE; m++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
            z[v * TILE + m] = sum[m][v];
    #pragma unroll 1
    for (int j = 0; j < min(OC_BLOCK, count); j += LANES) {
        oc_factors f = oc_factors_load(REQUANT_ARGS first + j, count - j);
        oc_q32 plus = (oc_q32)(0);
#if HAS_BIAS
        plus = oc_q32_load(bias + first + j, count - j);
#endif
        oc_sums_finish(z + j / LANES * TILE, plus, f, y + j, O, count - j, pixels);
    }
}

/* `count_` steps, of which step k takes x_ for pixel m. */
#define STEPS(count_, x_)                                                     \
    for (int k = 0; k < (count_);) {                                          \
        int end = TAPS <= LIMIT ? (count_) : min((count_), k + LIMIT - held); \
        held += end - k;                                                      \
        for (; k < end; k++, w += PACK) {                                     \
            _Pragma("unroll") for (int m = 0; m < TILE; m++) xs[m] = x_;      \
            step(acc, xs, w, w_zeros);                                        \
        }                                                                     \
        if (TAPS > LIMIT && held == LIMIT) {                                  \
            flush(acc, sum);                                                  \
            held = 0;                                                         \
        }                                                                     \
    }

__kernel void conv2d_int_tile(__global const float *x, __global const TW *w,
                              INT_BIAS_PARAM W_ZERO_PARAM REQUANT_PARAMS __global TY *restrict y)
{
    int ow = (int)get_global_id(0) * TILE, row = (int)get_global_id(1);
    int g = (int)get_global_id(2) / BLOCKS, o = (int)get_global_id(2) % BLOCKS * OC_BLOCK;
    int n = row / OH, h_0 = row % OH * SH - PT, w_0 = ow * SW - PL, held = 0;
    __global const float *zeros = x + (size_t)N * H * W * C;
    w += ((size_t)g * PACKS + o / PACK) * PACK * TAPS + o % PACK;

    float xs[TILE];
    oc_lanes acc[TILE][VECTORS], w_zeros[VECTORS];
    oc_q32 sum[TILE][VECTORS];
    #pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        w_zeros[v] = zeros_of(W_ZERO_ARG g * OG, o + v * LANES);
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            sum[m][v] = (oc_q32)(0);
    }
    oc_tile_clear(acc);
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        bool is_row = IS_INSIDE || (h >= 0 && h < H);
        int at = ((n * H + h) * W + w_0) * C + g * CG;
        if (IS_INSIDE || (is_row && w_0 >= 0 && w_0 + (TILE - 1) * SW + (KW - 1) * DW < W)) {
            for (int r = 0; r < RUNS; r++) {
                __global const float *p = x + (at + r * DW * C);
                STEPS(RUN, p[m * SW * C + k])
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
                STEPS(CG, p[m][k])
            }
        }
    }
    flush(acc, sum);

    finish(sum, BIAS_ARG REQUANT_ARGS y + ((row * OW + ow) * O + g * OG + o), g * OG + o, OG - o,
           min(TILE, OW - ow));
}
#endif

#ifdef CONV2D_INT_DEPTHWISE
/*
 * One input channel makes one output channel: G = C = O.
 * x [N,H,W,C]   w [KH*KW][C]   y [N,OH,OW,C]
 * needs LANES (at most C), TILE, CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK channels, the last one takes the rest (at least LANES, below 2 CHUNK)
 * gid(1) = ow / TILE   gid(2) = n * OH + oh
 *
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 *
 * x_zero is taken off at the end, times the sum of the weights: a tap outside the input counts as
 * x_zero. Windows of up to 128 taps are summed by the float unit, exactly: a product is below 2^16
 * in size, while a float holds every integer up to 2^24.
 */
#if KH * KW <= 128
typedef oc_lanes term;
#define TO_TERM(x_) OC_WIDE(convert_float)(x_)
#define ADD_PRODUCT(sum_, x_, w_) fma(x_, w_, sum_)
#else
typedef oc_q32 term;
#define TO_TERM(x_) OC_Q32(x_)
#define ADD_PRODUCT(sum_, x_, w_) oc_quant_add(sum_, (x_) * (w_))
#endif

/* The sums of a tile's pixels and, last, that of the weights. */
typedef term sums[TILE + 1];

/* x, `j` pixels behind the one at `x`, whose column is `w_0`; outside the input it is x_zero. */
static inline term load_pixel(__global const TX *x, int j, term x_zero, bool is_row, int w_0)
{
    if (is_row && w_0 + j >= 0 && w_0 + j < W)
        return TO_TERM(oc_lanes_load(TX, x + j * C));
    return x_zero;
}

/* Adds a row of the window; `x` is the channel in the first pixel's first tap of that row. */
#if KW <= 8
/* Each pixel of x is loaded and converted once, for all sums that it is part of. */
#define SPAN ((TILE - 1) * SW + (KW - 1) * DW + 1)
static inline void add_row(sums sum, __global const TX *x, __global const TW *w, term x_zero,
                           term w_zero, bool is_row, int w_0)
{
    term wv[KW];
    #pragma unroll
    for (int kw = 0; kw < KW; kw++) {
        wv[kw] = TO_TERM(oc_lanes_load(TW, w + kw * C)) - w_zero;
        sum[TILE] = sum[TILE] + wv[kw];
    }
    #pragma unroll
    for (int j = 0; j < SPAN; j++) {
        term xv = load_pixel(x, j, x_zero, is_row, w_0);
        #pragma unroll
        for (int kw = 0; kw < KW; kw++) {
            int at = j - kw * DW, m = at / SW;
            if (at >= 0 && at % SW == 0 && m < TILE)
                sum[m] = ADD_PRODUCT(sum[m], xv, wv[kw]);
        }
    }
}
#else
static inline void add_row(sums sum, __global const TX *x, __global const TW *w, term x_zero,
                           term w_zero, bool is_row, int w_0)
{
    for (int kw = 0; kw < KW; kw++) {
        term wv = TO_TERM(oc_lanes_load(TW, w + kw * C)) - w_zero;
        sum[TILE] = sum[TILE] + wv;
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            sum[m] = ADD_PRODUCT(sum[m], load_pixel(x, m * SW + kw * DW, x_zero, is_row, w_0), wv);
    }
}
#endif

__kernel void conv2d_int_depthwise(__global const TX *x, __global const TW *w,
                                   INT_PARAMS REQUANT_PARAMS __global TY *restrict y)
{
    int chunk = (int)get_global_id(0), ow = (int)get_global_id(1) * TILE;
    int row = (int)get_global_id(2), h_0 = row % OH * SH - PT, w_0 = ow * SW - PL;
    int c = chunk * CHUNK, end = chunk == CHUNKS - 1 ? C : c + CHUNK;
    oc_q32 xz = (oc_q32)(X_ZERO(0));
    for (;;) {
        oc_q32 z[TILE], wz = (oc_q32)(0);
        sums sum;
#if HAS_W_ZERO
        wz = W_ZERO_STEP ? OC_Q32(oc_lanes_load(TW, w_zero + c * W_ZERO_STEP)) : (oc_q32)(W_ZERO(0));
#endif
        #pragma unroll
        for (int m = 0; m <= TILE; m++)
            sum[m] = (term)(0);
        for (int kh = 0; kh < KH; kh++) {
            int h = h_0 + kh * DH, at = ((row / OH * H + h) * W + w_0) * C + c;
            add_row(sum, x + at, w + kh * KW * C + c, TO_TERM(xz), TO_TERM(wz),
                    h >= 0 && h < H, w_0);
        }
        oc_q32 plus = OC_Q_FROM_BITS(OC_Q_BITS(OC_Q32(sum[TILE])) * OC_Q_BITS(-xz));
#if HAS_BIAS
        plus = oc_quant_add(plus, oc_lanes_load(int, bias + c));
#endif
        oc_factors f = oc_factors_load(REQUANT_ARGS c, LANES);
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            z[m] = OC_Q32(sum[m]);
        oc_sums_finish(z, plus, f, y + (row * OW + ow) * C + c, C, LANES, min(TILE, OW - ow));
        if (c + LANES >= end)
            break;
        c = min(c + LANES, end - LANES);
    }
}
#endif

#ifdef CONV2D_INT_PLAIN
/*
 * Any convolution, weights as they are: for weights that another node computes.
 * x [N,H,W,C]   w [O,KH,KW,CG]   y [N,OH,OW,O]
 * gid(0) = o   gid(1) = ow   gid(2) = n * OH + oh
 */
__kernel void conv2d_int_plain(__global const TX *x, __global const TW *w,
                               INT_PARAMS REQUANT_PARAMS __global TY *restrict y)
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
    oc_factors f = oc_factors_load(REQUANT_ARGS o, 1);
    y[(row * OW + ow) * O + o] = (TY)oc_requant(as_int(sum), f);
}
#endif
