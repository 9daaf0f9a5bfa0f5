/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y = x w^T + bias, two ways with the same bits: every output element is one chain
 * acc = fma(x, w, acc) over k; then bias and activation.
 *
 * Both need M K O, ACT ACT_A ACT_B, HAS_BIAS (0 or 1). FULLY_CONNECTED_TILE or
 * FULLY_CONNECTED_PLAIN selects the kernel.
 */
#include "numerics.h"
#include "vector.h"
#include "vector_tile.h"

#if HAS_BIAS
#define BIAS_PARAM __global const float *bias,
#define BIAS_AT(i_) (bias + (i_))
#else
#define BIAS_PARAM
#define BIAS_AT(i_) ((__global const float *)0)
#endif

#ifdef FULLY_CONNECTED_TILE
/*
 * x [M,K]   w [O / PACK, rounded up][K][PACK]   bias [as many][PACK]   y [M,O]
 * needs PACK, LANES, VECTORS, TILE (at most M)
 * gid(0) = block of OC_BLOCK columns   gid(1) = m / TILE; the last tile moves up to end at M
 */
__kernel void fully_connected_tile(__global const float *x, __global const float *w,
                                   BIAS_PARAM __global float *restrict y)
{
    int o = (int)get_global_id(0) * OC_BLOCK, m_0 = (int)get_global_id(1) * TILE;
    int m_x = min(m_0, M - TILE); /* what the tile before stores is computed again */
    w += (size_t)(o / PACK) * K * PACK + o % PACK;
    x += m_x * K;
    float xs[TILE];
    oc_lanes acc[TILE][VECTORS];
    oc_tile_clear(acc);
    for (int k = 0; k < K; k++, w += PACK) {
        #pragma unroll
        for (int m = 0; m < TILE; m++)
            xs[m] = x[m * K + k];
        oc_tile_step(acc, xs, w);
    }
    oc_tile_store(acc, BIAS_AT(o), y + m_x * O + o, O, (int2)(m_0 - m_x, TILE),
                  (int2)(0, O - o));
}
#endif

#ifdef FULLY_CONNECTED_PLAIN
/* Weights as they are. x [M,K]   w [O,K]   bias [O]   y [M,O]   gid(0) = o   gid(1) = m */
__kernel void fully_connected_plain(__global const float *restrict x,
                                    __global const float *restrict w,
                                    BIAS_PARAM __global float *restrict y)
{
    int o = (int)get_global_id(0), m = (int)get_global_id(1);
    float acc = 0.0f;
    for (int k = 0; k < K; k++)
        acc = fma(x[m * K + k], w[o * K + k], acc);
#if HAS_BIAS
    acc += bias[o];
#endif
    y[m * O + o] = OC_UNARY(ACT, acc, ACT_A, ACT_B);
}
#endif
