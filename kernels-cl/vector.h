/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LANES floats side by side (1, 2, 4, 8 or 16), where the last axis is a multiple of them. Each lane
 * is computed as a scalar would be, so their number never shows in the result.
 */
#ifdef LANES
#define OC_JOIN_NAMED(a_, b_) a_##b_
#define OC_JOIN(a_, b_) OC_JOIN_NAMED(a_, b_)
/* oc_lanes_load and _store take a pointer to float, which need not be aligned for vectors. */
#if LANES == 1
typedef float oc_lanes;
#define oc_lanes_load(p_) (*(p_))
#define oc_lanes_store(x_, p_) (*(p_) = (x_))
#else
typedef OC_JOIN(float, LANES) oc_lanes;
#define oc_lanes_load(p_) OC_JOIN(vload, LANES)(0, (p_))
#define oc_lanes_store(x_, p_) OC_JOIN(vstore, LANES)((x_), 0, (p_))
#endif

/* The same, one by one: for the functions of numerics.h, which are scalar. */
typedef union oc_lanes_each {
    oc_lanes all;
    float one[LANES];
} oc_lanes_each;

#ifdef ACT
/* The fused activation. */
static inline oc_lanes oc_lanes_act(oc_lanes x)
{
    oc_lanes_each y;
    y.all = x;
    for (int i = 0; i < LANES; i++)
        y.one[i] = OC_UNARY(ACT, y.one[i], ACT_A, ACT_B);
    return y.all;
}
#endif
#endif
