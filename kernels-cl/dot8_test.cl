/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device makes of oc_dot8, for the host to compare with the definition.
 * sum, y [ROUNDS, LANES]   x [ROUNDS]   w [ROUNDS, LANES], four bytes each
 */
#include "numerics.h"
#include "vector.h"
#include "dot8.h"

__kernel void dot8_test(__global const int *sum, __global const int *x, __global const int *w,
                        __global int *restrict y)
{
    for (int i = 0; i < ROUNDS; i++)
        oc_lanes_store(int, oc_dot8(oc_lanes_load(int, sum + i * LANES), (OC_WIDE(int))(x[i]),
                               oc_lanes_load(int, w + i * LANES)),
                       y + i * LANES);
}
