/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x, out [PIXELS, C]   scale, bias, mean [C]   var [C], or 1 / sqrt(var + EPSILON) with RSTD_GIVEN
 * y = (x - mean) * (scale * (1 / sqrt(var + EPSILON))) + bias, then the activation
 * needs C EPSILON ACT ACT_A ACT_B LANES (divides C)   gid(0) = c / LANES   gid(1) = pixel
 */
#include "numerics.h"
#include "vector.h"

__kernel void batchnorm(__global const oc_lanes *restrict x,
                        __global const oc_lanes *restrict scale,
                        __global const oc_lanes *restrict bias,
                        __global const oc_lanes *restrict mean,
                        __global const oc_lanes *restrict var, __global oc_lanes *restrict out)
{
    size_t c = get_global_id(0), at = get_global_id(1) * (C / LANES) + c;
#ifdef RSTD_GIVEN
    oc_lanes rstd = var[c];
#else
    oc_lanes rstd = (oc_lanes)(1.0f) / OC_SQRT(var[c] + (oc_lanes)(EPSILON));
#endif
    oc_lanes factor = scale[c] * rstd;
    oc_lanes centred = x[at] - mean[c];
    out[at] = oc_lanes_act(centred * factor + bias[c]);
}
