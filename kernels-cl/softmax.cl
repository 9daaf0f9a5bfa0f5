/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in, out [outer, COUNT, INNER]   y = e / sum of e,  e = exp(x - max of x), all along COUNT.
 * IS_LOG: y = (x - max of x) - ln(sum of e).
 * gid(0) = outer * INNER + inner: one work-item a sum, so that its order is the reference's.
 * The output holds e, or x - max of x, until the sum is known.
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
    float sum = 0.0f;
    for (size_t i = 0; i < COUNT; i++) {
        float x = in[i * INNER] - m, e = oc_exp(x);
        out[i * INNER] = IS_LOG ? x : e;
        sum += e;
    }
    float log_sum = IS_LOG ? oc_ln(sum) : 0.0f;
    for (size_t i = 0; i < COUNT; i++)
        out[i * INNER] = IS_LOG ? out[i * INNER] - log_sum : out[i * INNER] / sum;
}
