/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A matrix product in registers: TILE rows by VECTORS vectors of LANES columns. Every element is a
 * chain of fma from +0, so TILE, VECTORS and LANES never show in the result.
 */
#if defined(TILE) && defined(VECTORS)
#define OC_BLOCK (LANES * VECTORS)

static inline void oc_tile_clear(oc_lanes acc[TILE][VECTORS])
{
#pragma unroll
    for (int m = 0; m < TILE; m++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            acc[m][v] = (oc_lanes)(0.0f);
}

/* acc[m][j] = fma(x[m], w[j], acc[m][j]) */
static inline void oc_tile_step(oc_lanes acc[TILE][VECTORS], const float x[TILE],
                                __global const float *w)
{
    oc_lanes wv[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
        wv[v] = oc_lanes_load(w + v * LANES);
#pragma unroll
    for (int m = 0; m < TILE; m++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            acc[m][v] = fma((oc_lanes)(x[m]), wv[v], acc[m][v]);
}

#ifdef ACT
/*
 * y[m * stride + j] = activation(acc[m][j] + bias[j]) for rows.x <= m < rows.y, columns.x <= j <
 * columns.y. bias 0: none; it holds OC_BLOCK floats. The loop stays one: unrolled, the activation
 * would be compiled for every vector.
 */
static inline void oc_tile_store(oc_lanes acc[TILE][VECTORS], __global const float *bias,
                                 __global float *y, int stride, int2 rows, int2 columns)
{
    oc_lanes_each z[TILE * VECTORS];
#pragma unroll
    for (int m = 0; m < TILE; m++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            z[m * VECTORS + v].all = acc[m][v];
#pragma unroll 1
    for (int i = rows.x * VECTORS; i < rows.y * VECTORS; i++) {
        int j = i % VECTORS * LANES, begin = max(columns.x - j, 0), end = min(columns.y - j, LANES);
        oc_lanes r = z[i].all;
        if (bias)
            r += oc_lanes_load(bias + j);
        z[i].all = r = oc_lanes_act(r);
        __global float *out = y + i / VECTORS * stride + j;
        if (begin == 0 && end == LANES)
            oc_lanes_store(r, out);
        else
            for (int lane = begin; lane < end; lane++)
                out[lane] = z[i].one[lane];
    }
}
#endif
#endif
