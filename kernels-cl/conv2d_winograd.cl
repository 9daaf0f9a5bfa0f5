/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution 3x3 at stride 1 by Winograd's method, in three steps over a strip of tiles of M x M
 * outputs each: inputs to the frequencies of their tiles, for each of the N x N frequencies a matrix
 * product, frequencies to outputs. The strip keeps what lies between the steps in the caches.
 *
 * All need C O (channels), M, STRIP (tiles that the scratch buffers hold), LANES. One of
 * WINOGRAD_INPUT, WINOGRAD_PRODUCT, WINOGRAD_OUTPUT selects the kernel. Tiles are numbered over all
 * images, rows and columns of tiles; the first and the last step find the strip's first tile in
 * their global offset.
 */
#include "numerics.h"
#include "vector.h"
#include "vector_tile.h"
#include "winograd.h"

#define SIDE OC_WINOGRAD_SIDE(M)
#if M == 2
#define TO_INPUT oc_winograd2_input
#define TO_OUTPUT oc_winograd2_output
#else
#define TO_INPUT oc_winograd4_input
#define TO_OUTPUT oc_winograd4_output
#endif

#ifdef WINOGRAD_INPUT
/*
 * x [N,H,W,C] -> v [SIDE*SIDE][STRIP][C]
 * needs H W PT PL, TH TW (tiles along each axis of an image), CHUNK, CHUNKS; LANES at most C
 * gid(0) = chunk of channels (see conv2d.cl)   gid(1) = tile
 */
__kernel void winograd_input(__global const float *restrict x, __global float *restrict v)
{
    int tile = (int)get_global_id(1), chunk = (int)get_global_id(0);
    int h_0 = tile / TW % TH * M - PT, w_0 = tile % TW * M - PL;
    bool is_inside = h_0 >= 0 && h_0 + SIDE <= H && w_0 >= 0 && w_0 + SIDE <= W;
    int c = chunk * CHUNK, end = chunk == CHUNKS - 1 ? C : c + CHUNK;
    x += ((tile / (TW * TH) * H + h_0) * W + w_0) * C;
    v += (tile - (int)get_global_offset(1)) * C;
    for (;;) {
        oc_lanes d[SIDE], t[SIDE], rows[SIDE][SIDE];
        #pragma unroll
        for (int i = 0; i < SIDE; i++) {
            #pragma unroll
            for (int j = 0; j < SIDE; j++) {
                bool is_tap = is_inside ||
                              (h_0 + i >= 0 && h_0 + i < H && w_0 + j >= 0 && w_0 + j < W);
                d[j] = (oc_lanes)(0.0f);
                if (is_tap)
                    d[j] = oc_lanes_load(float, x + (i * W + j) * C + c);
            }
            TO_INPUT(d, rows[i]);
        }
        #pragma unroll
        for (int j = 0; j < SIDE; j++) {
            #pragma unroll
            for (int i = 0; i < SIDE; i++)
                d[i] = rows[i][j];
            TO_INPUT(d, t);
            #pragma unroll
            for (int i = 0; i < SIDE; i++)
                oc_lanes_store(float, t[i], v + (i * SIDE + j) * (STRIP * C) + c);
        }
        if (c + LANES >= end)
            break;
        c = min(c + LANES, end - LANES);
    }
}
#endif

#ifdef WINOGRAD_PRODUCT
/*
 * v [SIDE*SIDE][STRIP][C]   u [SIDE*SIDE][PACKS][C][PACK]   s [SIDE*SIDE][STRIP][PACKS*PACK]
 * needs PACK, PACKS, VECTORS, TILE (divides STRIP)
 * gid(0) = tile of the strip / TILE   gid(1) = block of OC_BLOCK channels   gid(2) = frequency
 */
__kernel void winograd_product(__global const float *restrict v, __global const float *restrict u,
                               __global float *restrict s)
{
    int row = (int)get_global_id(2) * STRIP + (int)get_global_id(0) * TILE;
    int o = (int)get_global_id(1) * OC_BLOCK;
    float xs[TILE];
    oc_lanes acc[TILE][VECTORS];
    oc_tile_clear(acc);
    v += row * C;
    u += ((int)get_global_id(2) * PACKS + o / PACK) * (C * PACK) + o % PACK;
    for (int c = 0; c < C; c++, u += PACK) {
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            xs[m] = v[m * C + c];
        oc_tile_step(acc, xs, u);
    }
    s += row * (PACKS * PACK) + o;
    #pragma unroll
    for (int m = 0; m < TILE; m++)
        #pragma unroll
        for (int i = 0; i < VECTORS; i++)
            oc_lanes_store(float, acc[m][i], s + m * (PACKS * PACK) + i * LANES);
}
#endif

#ifdef WINOGRAD_OUTPUT
/*
 * s [SIDE*SIDE][STRIP][PACKED]   bias [PACKED]   y [N,OH,OW,O]
 * needs OH OW, TH TW, PACKED, HAS_BIAS, ACT ACT_A ACT_B
 * gid(0) = LANES channels   gid(1) = tile
 */
__kernel void winograd_output(__global const float *restrict s,
#if HAS_BIAS
                              __global const float *restrict bias,
#endif
                              __global float *restrict y)
{
    int o = (int)get_global_id(0) * LANES, tile = (int)get_global_id(1);
    int h_0 = tile / TW % TH * M, w_0 = tile % TW * M;
    oc_lanes d[SIDE], rows[M][SIDE], t[M];
    s += (tile - (int)get_global_offset(1)) * PACKED + o;
    y += ((tile / (TW * TH) * OH + h_0) * OW + w_0) * O + o;
    #pragma unroll
    for (int j = 0; j < SIDE; j++) {
        #pragma unroll
        for (int i = 0; i < SIDE; i++)
            d[i] = oc_lanes_load(float, s + (i * SIDE + j) * (STRIP * PACKED));
        TO_OUTPUT(d, t);
        #pragma unroll
        for (int i = 0; i < M; i++)
            rows[i][j] = t[i];
    }
    #pragma unroll
    for (int i = 0; i < M; i++) {
        if (h_0 + i >= OH)
            break;
        TO_OUTPUT(rows[i], t);
        #pragma unroll
        for (int j = 0; j < M; j++) {
            if (w_0 + j >= OW)
                break;
            oc_lanes_each z;
#if HAS_BIAS
            t[j] += oc_lanes_load(float, bias + o);
#endif
            z.all = oc_lanes_act(t[j]);
            __global float *out = y + (i * OW + j) * O;
            if (O % LANES == 0 || o + LANES <= O)
                oc_lanes_store(float, z.all, out);
            else
                for (int lane = 0; lane < O - o; lane++)
                    out[lane] = z.one[lane];
        }
    }
}
#endif
