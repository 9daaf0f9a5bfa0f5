/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution of int8 or uint8 by oc_dot8: y = bias + sum of (x - x_zero) (w - w_zero) over the
 * taps inside the input, modulo 2^32, or that requantised.
 *
 * Bytes of x count from 0 (u = x + FLIP), weights are signed (s = w - W_FLIP, as the host packs
 * them). With a = x_zero + FLIP and b = w_zero - W_FLIP a channel's sum over its TAPS taps is
 *   sum of (u - a) (s - b) = sum of u s - a (sum of s - TAPS b) - b sum of u,
 * where a tap outside the input has u = a.
 *
 * All need N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups), W_FLIP, LANES, TILE, and the
 * macros of dot8.h, product_int.h and vector_requant.h. CONV2D_DOT_TILE or CONV2D_DOT_DEPTHWISE
 * selects the kernel.
 */
#include "numerics.h"
#include "quant.h"
#include "vector.h"
#include "product_int.h"
#include "vector_requant.h"
#include "dot8.h"

#define FLIP ((TX)(-1) < 0 ? 0x80 : 0)
#if HAS_BIAS
#define BIAS_ARG bias,
#else
#define BIAS_ARG
#endif

static inline oc_q32 mul(oc_q32 x, oc_q32 y)
{
    return OC_Q_FROM_BITS(OC_Q_BITS(x) * OC_Q_BITS(y));
}

#ifdef CONV2D_DOT_TILE
/*
 * x [N,H,W,C]   y [N,OH,OW,O]
 * w [G][PACKS][STEPS][PACK] of four bytes, 0 where a run's last four have no tap; then the sums of
 * s, int [G][PACKS][PACK]; then [STEPS] of four bytes, 1 where there is a tap, else 0
 * needs VECTORS (PACK is LANES VECTORS), PACKS, CHUNK (packs), CHUNKS
 * gid(0) = ow / TILE   gid(1) = n * OH + oh   gid(2) = g * CHUNKS + chunk
 *
 * A work-item copies the part of x that its pixels see, with what padding adds, so that the sums
 * need to know nothing of borders; then it makes PACK channels at a time.
 */
#define CG (C / G)
#define OG (O / G)
#define PACK (LANES * VECTORS)
#define TAPS (KH * KW * CG)
/* A run: taps that lie side by side in x. */
#if DW == 1 && G == 1
#define RUN (KW * C)
#define RUNS 1
#else
#define RUN CG
#define RUNS KW
#endif
#define FOURS ((RUN + 3) / 4)
#define STEPS (KH * RUNS * FOURS)
/* Pixels that a row of the window sees, and bytes kept for them: a run's last four may go beyond. */
#define SPAN ((TILE - 1) * SW + (KW - 1) * DW + 1)
#define ROW ((SPAN * CG + 3 + 63) / 64 * 64)

typedef ulong8 __attribute__((aligned(1))) bytes64;
typedef ulong2 __attribute__((aligned(1))) bytes16;

/* to[i] = from[i] + FLIP */
static inline void copy(uchar *to, __global const TX *from, int n)
{
    const ulong flip = FLIP * 0x0101010101010101ul;
    int i = 0;
    for (; i + 64 <= n; i += 64)
        *(bytes64 *)(to + i) = *(__global const bytes64 *)(from + i) ^ flip;
    for (; i + 16 <= n; i += 16)
        *(bytes16 *)(to + i) = *(__global const bytes16 *)(from + i) ^ flip;
    for (; i < n; i++)
        to[i] = (uchar)from[i] ^ FLIP;
}

static inline void fill(uchar *to, int value, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (uchar)value;
}

/* The pixels from `w_0` on of the row that `x` begins, of those channels. */
static inline void copy_row(uchar *to, __global const TX *x, int w_0, bool is_row, int a)
{
    int first = is_row ? min(max(-w_0, 0), SPAN) : SPAN;
    int end = max(min(W - w_0, SPAN), first);
    fill(to, a, first * CG);
    if (G == 1)
        copy(to + first * CG, x + (w_0 + first) * C, (end - first) * C);
    else
        for (int i = first; i < end; i++)
            copy(to + i * CG, x + (w_0 + i) * C, CG);
    fill(to + end * CG, a, (SPAN - end) * CG);
}

/* sum[m][v] += the products of all taps, `at` being the first pixel's. */
static inline void add_taps(oc_q32 sum[TILE][VECTORS], const uchar *at, __global const int *w)
{
    for (int kh = 0; kh < KH; kh++)
        for (int r = 0; r < RUNS; r++) {
            const uchar *p = at + kh * ROW + r * DW * CG;
            for (int k = 0; k < FOURS; k++, p += 4, w += PACK) {
                oc_q32 wv[VECTORS];
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    wv[v] = oc_lanes_load(int, w + v * LANES);
#pragma unroll
                for (int m = 0; m < TILE; m++) {
                    oc_q32 xv = (oc_q32)(as_int(*(const oc_four *)(p + m * SW * CG)));
#pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                        sum[m][v] = oc_dot8(sum[m][v], xv, wv[v]);
                }
            }
        }
}

/* Is there a term with w_zero? */
#define HAS_B (HAS_W_ZERO || W_FLIP)
#if HAS_B
/* u_sums[m] = the sum of u over the taps of pixel m. */
static inline void add_pixels(int u_sums[TILE], const uchar *at, __global const int *ones)
{
    oc_q32 sum[TILE];
#pragma unroll
    for (int m = 0; m < TILE; m++)
        sum[m] = (oc_q32)(0);
    for (int kh = 0; kh < KH; kh++)
        for (int r = 0; r < RUNS; r++)
            for (int k = 0; k < FOURS; k++, ones++)
#pragma unroll
                for (int m = 0; m < TILE; m++) {
                    const uchar *p = at + kh * ROW + (r * DW + m * SW) * CG + 4 * k;
                    sum[m] =
                        oc_dot8(sum[m], (oc_q32)(as_int(*(const oc_four *)p)), (oc_q32)(*ones));
                }
#pragma unroll
    for (int m = 0; m < TILE; m++)
        u_sums[m] = sum[m].s0;
}
#endif

/* b of the channels from `o` on, of which `count` are there. */
#if HAS_W_ZERO
#define W_ZERO_ARG w_zero,
static inline oc_q32 b_of(__global const TW *w_zero, int o, int count)
{
    oc_q32_each z;
    for (int i = 0; i < LANES; i++)
        z.one[i] = W_ZERO(o + min(i, count - 1));
    return z.all - (oc_q32)(W_FLIP);
}
#else
#define W_ZERO_ARG
static inline oc_q32 b_of(int o, int count)
{
    return (oc_q32)(-W_FLIP);
}
#endif

/*
 * The sums of `pixels` pixels made whole, and as they are or requantised; `o` is the first
 * channel's number, and `count` channels are left in the group.
 */
static inline void finish(oc_q32 sum[TILE][VECTORS], __global const int *w_sums, const int *u_sums,
                          int a, INT_BIAS_PARAM W_ZERO_PARAM REQUANT_PARAMS __global TY *y, int o,
                          int count, int pixels)
{
    oc_q32 z[VECTORS * TILE];
#pragma unroll
    for (int m = 0; m < TILE; m++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            z[v * TILE + m] = sum[m][v];
#pragma unroll 1
    for (int j = 0; j < min(PACK, count); j += LANES) {
        oc_factors f = oc_factors_load(REQUANT_ARGS o + j, count - j);
        oc_q32 plus = oc_lanes_load(int, w_sums + j);
#if HAS_B
        oc_q32 b = b_of(W_ZERO_ARG o + j, count - j);
        plus = oc_quant_sub(plus, mul((oc_q32)(TAPS), b));
#endif
        plus = oc_quant_sub((oc_q32)(0), mul((oc_q32)(a), plus));
#if HAS_BIAS
        plus = oc_quant_add(plus, oc_q32_load(bias + o + j, count - j));
#endif
#if HAS_B
        for (int m = 0; m < pixels; m++)
            z[j / LANES * TILE + m] =
                oc_quant_sub(z[j / LANES * TILE + m], mul(b, (oc_q32)(u_sums[m])));
#endif
        oc_sums_finish(z + j / LANES * TILE, plus, f, y + j, O, count - j, pixels);
    }
}

__kernel void conv2d_dot_tile(__global const TX *x, __global const int *w,
                         INT_PARAMS REQUANT_PARAMS __global TY *restrict y)
{
    int ow = (int)get_global_id(0) * TILE, row = (int)get_global_id(1);
    int g = (int)get_global_id(2) / CHUNKS, chunk = (int)get_global_id(2) % CHUNKS;
    int h_0 = row % OH * SH - PT, w_0 = ow * SW - PL, a = X_ZERO(0) + FLIP;
    __global const int *w_sums = w + (size_t)G * PACKS * STEPS * PACK;
    uchar seen[KH * ROW];
    for (int kh = 0; kh < KH; kh++) {
        int h = h_0 + kh * DH;
        bool is_row = h >= 0 && h < H;
        copy_row(seen + kh * ROW, x + (row / OH * H + h) * W * C + g * CG, w_0, is_row, a);
    }
    int u_sums[TILE];
#if HAS_B
    add_pixels(u_sums, seen, w_sums + G * PACKS * PACK);
#endif
    y += (row * OW + ow) * O;
    for (int i = chunk * CHUNK; i < min(chunk * CHUNK + CHUNK, PACKS); i++) {
        oc_q32 sum[TILE][VECTORS];
        int pack = g * PACKS + i, o = g * OG + i * PACK;
#pragma unroll
        for (int m = 0; m < TILE; m++)
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sum[m][v] = (oc_q32)(0);
        add_taps(sum, seen, w + (size_t)pack * STEPS * PACK);
        finish(sum, w_sums + pack * PACK, u_sums, a, BIAS_ARG W_ZERO_ARG REQUANT_ARGS y + o, o,
               OG - i * PACK, min(TILE, OW - ow));
    }
}
#endif

#ifdef CONV2D_DOT_DEPTHWISE
/*
 * One input channel makes one output channel, and no weight has a zero point: G = C = O, b = 0.
 * x [N,H,W,C]   w [(KH + 3) / 4][KW][C] of four bytes, taps one below the other, 0 beyond the last;
 * then the sums of s, int [C]   y [N,OH,OW,C]
 * needs CHUNK, CHUNKS
 * gid(0) = chunk of CHUNK channels, the last one takes the rest (at least LANES, below 2 CHUNK)
 * gid(1) = ow / TILE   gid(2) = n * OH + oh
 *
 * The last vector of a chunk may overlap the one before: it computes the same values again.
 */
#define SPAN ((TILE - 1) * SW + (KW - 1) * DW + 1)

/* Four pixels, one below the other from row `h` on, in each lane; `x` is in that row. */
static inline oc_q32 load_column(__global const uchar *x, int x_zero, int h, int rows, bool is_column)
{
    oc_q32 u = (oc_q32)(0);
    #pragma unroll
    for (int r = 0; r < 4; r++) {
        bool is_here = is_column && h + r * DH >= 0 && h + r * DH < H;
        oc_q32 one = (oc_q32)(x_zero & 0xff);
        if (r >= rows)
            continue;
        if (is_here)
            one = OC_Q32(oc_lanes_load(uchar, x + r * DH * W * C));
        u |= one << (8 * r);
    }
    return u ^ (oc_q32)(FLIP * 0x01010101);
}

/* Adds up to four rows of the window; `x` is the channel in the first pixel's first tap of them. */
static inline void add_rows(oc_q32 sum[TILE], __global const uchar *x, __global const int *w,
                            int x_zero, int h, int rows, int w_0)
{
    oc_q32 wv[KW];
    #pragma unroll
    for (int kw = 0; kw < KW; kw++)
        wv[kw] = oc_lanes_load(int, w + kw * C);
    #pragma unroll
    for (int j = 0; j < SPAN; j++) {
        oc_q32 u = load_column(x + j * C, x_zero, h, rows, w_0 + j >= 0 && w_0 + j < W);
        #pragma unroll
        for (int kw = 0; kw < KW; kw++) {
            int at = j - kw * DW, m = at / SW;
            if (at >= 0 && at % SW == 0 && m < TILE)
                sum[m] = oc_dot8(sum[m], u, wv[kw]);
        }
    }
}

__kernel void conv2d_dot_depthwise(__global const TX *x, __global const int *w,
                                   INT_PARAMS REQUANT_PARAMS __global TY *restrict y)
{
    int chunk = (int)get_global_id(0), ow = (int)get_global_id(1) * TILE;
    int row = (int)get_global_id(2), h_0 = row % OH * SH - PT, w_0 = ow * SW - PL;
    int c = chunk * CHUNK, end = chunk == CHUNKS - 1 ? C : c + CHUNK;
    for (;;) {
        oc_q32 sum[TILE], z[TILE];
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            sum[m] = (oc_q32)(0);
        #pragma unroll
        for (int kh = 0; kh < KH; kh += 4) {
            int h = h_0 + kh * DH, at = ((row / OH * H + h) * W + w_0) * C + c;
            add_rows(sum, (__global const uchar *)x + at, w + kh / 4 * KW * C + c, X_ZERO(0), h,
                     KH - kh, w_0);
        }
        oc_q32 plus = mul((oc_q32)(-(X_ZERO(0) + FLIP)),
                          oc_lanes_load(int, w + (KH + 3) / 4 * KW * C + c));
#if HAS_BIAS
        plus = oc_quant_add(plus, oc_lanes_load(int, bias + c));
#endif
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            z[m] = sum[m];
        oc_sums_finish(z, plus, oc_factors_load(REQUANT_ARGS c, LANES),
                       y + (row * OW + ow) * C + c, C, LANES, min(TILE, OW - ow));
        if (c + LANES >= end)
            break;
        c = min(c + LANES, end - LANES);
    }
}
#endif
