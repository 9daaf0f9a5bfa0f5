/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of pairs of matrices, neither of them packed. Every output element is one chain
 * acc = fma(p, q, acc) over k; then the activation.
 * p [...,M,K]   q [...,K,COLUMNS]   y [...,M,COLUMNS], leading axes broadcast
 * needs M K COLUMNS, OUTER ... (broadcast.h, for the leading axes), ACT ACT_A ACT_B, LANES,
 * VECTORS, TILE (at most M; OC_BLOCK at most COLUMNS)
 * gid(0) = block of OC_BLOCK columns   gid(1) = m / TILE   gid(2) = index of the pair
 *
 * The last tile moves up to end at M, the last block moves left to end at COLUMNS: they also
 * compute elements that another work-item stores.
 */
#include "numerics.h"
#include "vector.h"
#include "vector_tile.h"
#include "broadcast.h"

__kernel void matmul(__global const float *p, __global const float *q, __global float *restrict y)
{
    int j_0 = (int)get_global_id(0) * OC_BLOCK, m_0 = (int)get_global_id(1) * TILE;
    int m_x = min(m_0, M - TILE), j_x = min(j_0, COLUMNS - OC_BLOCK);
    int2 at = oc_broadcast((int)get_global_id(2));
    p += at.x + m_x * K;
    q += at.y + j_x;
    float xs[TILE];
    oc_lanes acc[TILE][VECTORS];
    oc_tile_clear(acc);
    for (int k = 0; k < K; k++) {
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            xs[m] = p[m * K + k];
        oc_tile_step(acc, xs, q + k * COLUMNS);
    }
    y += ((int)get_global_id(2) * M + m_x) * COLUMNS + j_x;
    oc_tile_store(acc, 0, y, COLUMNS, (int2)(m_0 - m_x, TILE), (int2)(j_0 - j_x, OC_BLOCK));
}
