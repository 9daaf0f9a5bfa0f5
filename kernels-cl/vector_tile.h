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
        wv[v] = oc_lanes_load(float, w + v * LANES);
#pragma unroll
    for (int m = 0; m < TILE; m++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            acc[m][v] = fma((oc_lanes)(x[m]), wv[v], acc[m][v]);
}

#ifdef ACT
/* The activations that are so short that they may be compiled once for every vector of a tile. */
#define OC_SHORT_oc_unary_none 1
#define OC_SHORT_oc_unary_relu 1
#define OC_SHORT_oc_unary_relu6 1
#define OC_SHORT_oc_unary_relu_n1_to_1 1
#define OC_SHORT_oc_unary_leaky_relu 1
#define OC_SHORT_oc_unary_clip 1
#if OC_JOIN(OC_SHORT_, ACT)
#define OC_IS_SHORT 1
#else
#define OC_IS_SHORT 0
#endif

static inline oc_lanes oc_tile_finish(oc_lanes r, __global const float *bias)
{
    if (bias)
        r += oc_lanes_load(float, bias);
    return oc_lanes_act(r);
}

/*
 * One vector of every row, by a loop that stays one: for an activation that is compiled once, and
 * for vectors of which not all lanes are stored. `lanes`: begin and end.
 */
static inline void oc_tile_store_loop(oc_lanes acc[TILE][VECTORS], int v,
                                      __global const float *bias, __global float *y, int stride,
                                      int2 rows, int2 lanes)
{
    oc_lanes_each z[TILE];
#pragma unroll
    for (int m = 0; m < TILE; m++)
        z[m].all = acc[m][v];
#pragma unroll 1
    for (int m = rows.x; m < rows.y; m++) {
        __global float *out = y + m * stride;
        oc_lanes_each r;
        r.all = oc_tile_finish(z[m].all, bias);
        if (lanes.x == 0 && lanes.y == LANES)
            oc_lanes_store(float, r.all, out);
        else
            for (int lane = lanes.x; lane < lanes.y; lane++)
                out[lane] = r.one[lane];
    }
}

/*
 * y[m * stride + j] = activation(acc[m][j] + bias[j]) for rows.x <= m < rows.y, columns.x <= j <
 * columns.y. bias 0: none; it holds OC_BLOCK floats. Where K is short, storing costs as much time
 * as computing: so whole vectors go straight from their registers.
 */
static inline void oc_tile_store(oc_lanes acc[TILE][VECTORS], __global const float *bias,
                                 __global float *y, int stride, int2 rows, int2 columns)
{
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        int j = v * LANES;
        int2 lanes = (int2)(max(columns.x - j, 0), min(columns.y - j, LANES));
        __global const float *b = bias ? bias + j : 0;
        if (OC_IS_SHORT && lanes.x == 0 && lanes.y == LANES) {
#pragma unroll
            for (int m = 0; m < TILE; m++)
                if (m >= rows.x && m < rows.y)
                    oc_lanes_store(float, oc_tile_finish(acc[m][v], b), y + (m * stride + j));
        } else {
            oc_tile_store_loop(acc, v, b, y + j, stride, rows, lanes);
        }
    }
}
#endif
#endif
