/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deformable convolution: every output element is one chain acc = fma(v, w, acc) over (kh, kw, ci),
 * v interpolated between four pixels as runtime/op/deform_conv2d.c says.
 * x [N,H,W,C]   w [O,KH,KW,CG]   offset [N,OH,OW,D*KH*KW,2]   bias [O]   mask [N,OH,OW,D*KH*KW]
 * y [N,OH,OW,O]
 * needs N H W C OH OW, KH KW SH SW DH DW PT PL, O, G (groups), D (offset groups), BLOCK (output
 * channels of a work-item), BLOCKS (in a group), HAS_BIAS, HAS_MASK, ACT ACT_A ACT_B
 * gid(0) = g * BLOCKS + block   gid(1) = ow   gid(2) = n * OH + oh
 */
#include "numerics.h"

#define CG (C / G)
#define OG (O / G)
#define TAPS (KH * KW)
#if HAS_BIAS
#define BIAS_PARAM __global const float *bias,
#define BIAS(i_) +bias[i_]
#else
#define BIAS_PARAM
#define BIAS(i_)
#endif
#if HAS_MASK
#define MASK_PARAM __global const float *mask,
#define MASK(i_) *mask[i_]
#else
#define MASK_PARAM
#define MASK(i_)
#endif

/* x of one picture at channel 0 of pixel (h, w), 0 outside. */
static inline float pixel(__global const float *x, int h, int w)
{
    return h < 0 || h >= H || w < 0 || w >= W ? 0.0f : x[(h * W + w) * C];
}

static inline float interpolate(__global const float *x, float h, float w)
{
    if (!(h > -1.0f && h < (float)H && w > -1.0f && w < (float)W))
        return 0.0f;
    int h_0 = (int)h - (h < 0.0f), w_0 = (int)w - (w < 0.0f);
    float a = h - (float)h_0, b = w - (float)w_0;
    float v = ((1.0f - a) * (1.0f - b)) * pixel(x, h_0, w_0);
    v = fma((1.0f - a) * b, pixel(x, h_0, w_0 + 1), v);
    v = fma(a * (1.0f - b), pixel(x, h_0 + 1, w_0), v);
    return fma(a * b, pixel(x, h_0 + 1, w_0 + 1), v);
}

__kernel void deform_conv2d(__global const float *x, __global const float *w,
                            __global const float *offset,
                            BIAS_PARAM MASK_PARAM __global float *restrict y)
{
    int g = (int)get_global_id(0) / BLOCKS, block = (int)get_global_id(0) % BLOCKS * BLOCK;
    int ow = (int)get_global_id(1), row = (int)get_global_id(2), o = g * OG + block;
    int count = min(BLOCK, OG - block), field = (row * OW + ow) * (D * TAPS);
    float acc[BLOCK];
    for (int j = 0; j < BLOCK; j++)
        acc[j] = 0.0f;
    x += row / OH * (H * W * C) + g * CG;
    w += o * (TAPS * CG);
    for (int k = 0; k < TAPS; k++) {
        for (int ci = 0; ci < CG; ci++, w++) {
            int tap = field + (g * CG + ci) / (C / D) * TAPS + k;
            float h_in = (float)(row % OH * SH - PT + k / KW * DH) + offset[2 * tap];
            float w_in = (float)(ow * SW - PL + k % KW * DW) + offset[2 * tap + 1];
            float v = interpolate(x + ci, h_in, w_in) MASK(tap);
            for (int j = 0; j < count; j++)
                acc[j] = fma(v, w[j * (TAPS * CG)], acc[j]);
        }
    }
    y += (row * OW + ow) * O + o;
    for (int j = 0; j < count; j++)
        y[j] = OC_UNARY(ACT, acc[j] BIAS(o + j), ACT_A, ACT_B);
}
