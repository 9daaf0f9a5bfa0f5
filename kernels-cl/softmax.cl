/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in, out [outer, COUNT, INNER]   y = e / sum of e,  e = exp(x - max of x), all along COUNT.
 * gid(0) = outer * INNER + inner: one work-item a sum, so that its order is the reference's.
 * The output holds e until the sum is known.
 */
#include "numerics.h"

__kernel void softmax(__global const float *restrict in, __global float *restrict out)
{
    size_t at = get_global_id(0) / INNER * ((size_t)COUNT * INNER) + get_global_id(0) % INNER;
    in += at;
    out += at;
    float m = in[0];
    for (size_t i = 1; i < COUNT; i++) {
        float x = in[i * INNER];
        m = x > m || x != x ? x : m;
    }
    for (size_t i = 0; i < COUNT; i++)
        out[i * INNER] = oc_exp(in[i * INNER] - m);
    float sum = 0.0f;
    for (size_t i = 0; i < COUNT; i++)
        sum += out[i * INNER];
    for (size_t i = 0; i < COUNT; i++)
        out[i * INNER] = out[i * INNER] / sum;
}
