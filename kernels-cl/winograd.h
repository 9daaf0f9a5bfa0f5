/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Winograd's minimal filtering for windows of 3 at stride 1: M outputs along an axis from
 * N = M + 2 inputs with N products instead of 3 M. Valid C and OpenCL C; the same bits in both.
 *
 * Y = A^T [ (G g G^T) * (B^T d B) ] A (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015, section 4), here with the matrices of Toom-Cook for the points 0, 1, -1 (M = 2)
 * and 0, 1, -1, 1/2, -2 (M = 4) and infinity. Of the sets of small points for M = 4 that one
 * rounds least (Barabasz, Anderson, Soodhalter, Gregg, "Error Analysis and Improving the Accuracy
 * of Winograd Convolution for Deep Neural Networks", 2020, section 5): 3 times the error of one chain of
 * fma over the window where the usual 0, 1, -1, 2, -2 makes 8.
 */
#ifndef OC_WINOGRAD_H
#define OC_WINOGRAD_H

#ifndef __OPENCL_VERSION__ /* a kernel includes it first */
#include "numerics.h"
#endif

#define OC_WINOGRAD_SIDE(m_) ((m_) + 2)
#define OC_WINOGRAD_SIDE_MAX 6

/* A row of B^T for each of t: N inputs -> N. */
static inline void oc_winograd2_input(const oc_real *d, oc_real *t)
{
    t[0] = d[2] - d[0];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
}

static inline void oc_winograd4_input(const oc_real *d, oc_real *t)
{
    oc_real even = d[4] - d[2], odd = d[3] - d[1];
    t[0] = OC_FMA(1.5f, odd, OC_FMA(-2.0f, d[2], d[0] + d[4]));
    t[1] = OC_FMA(2.5f, d[3], OC_FMA(0.5f, d[2], d[4] - d[1]));
    t[2] = OC_FMA(-2.5f, d[2], OC_FMA(0.5f, d[3], d[1] + d[4]));
    t[3] = OC_FMA(2.0f, odd, even);
    t[4] = OC_FMA(-0.5f, odd, even);
    t[5] = OC_FMA(1.5f, even, OC_FMA(-2.0f, d[3], d[1] + d[5]));
}

/* A row of A^T for each of y: N sums -> M outputs. */
static inline void oc_winograd2_output(const oc_real *s, oc_real *y)
{
    y[0] = s[0] + (s[1] + s[2]);
    y[1] = (s[1] - s[2]) + s[3];
}

static inline void oc_winograd4_output(const oc_real *s, oc_real *y)
{
    oc_real sum = s[1] + s[2], rest = s[1] - s[2];
    y[0] = (s[0] + sum) + (s[3] + s[4]);
    y[1] = OC_FMA(-2.0f, s[4], OC_FMA(0.5f, s[3], rest));
    y[2] = OC_FMA(4.0f, s[4], OC_FMA(0.25f, s[3], sum));
    y[3] = OC_FMA(-8.0f, s[4], OC_FMA(0.125f, s[3], rest)) + s[5];
}
#endif
