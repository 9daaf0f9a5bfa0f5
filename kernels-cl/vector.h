/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LANES floats side by side (1, 2, 4, 8 or 16), where the last axis is a multiple of them. Each
 * lane is computed as a scalar would be, so their number never shows in the result.
 */
#ifdef LANES
typedef oc_real oc_lanes;

/* The same, one by one. */
typedef union oc_lanes_each {
    oc_lanes all;
    float one[LANES];
} oc_lanes_each;

/* From and to a pointer to float, which need not be aligned for vectors. */
#if LANES == 1
#define oc_lanes_load(p_) (*(p_))
#define oc_lanes_store(x_, p_) (*(p_) = (x_))
#else
#define oc_lanes_load(p_) OC_WIDE(vload)(0, (p_))
#define oc_lanes_store(x_, p_) OC_WIDE(vstore)((x_), 0, (p_))
#endif

/*
 * Whole numbers that T_, char or uchar, can hold, to a pointer to these. PoCL's vstore would store
 * the bytes one by one.
 */
typedef OC_WIDE(char) __attribute__((aligned(1))) oc_lanes_char;
typedef OC_WIDE(uchar) __attribute__((aligned(1))) oc_lanes_uchar;
#define OC_LANES_STORE_8BIT(T_, x_, p_) \
    (*(__global OC_JOIN(oc_lanes_, T_) *)(p_) = OC_WIDE(OC_JOIN(convert_, T_))(x_))

#ifdef ACT
/* The fused activation. */
static inline oc_lanes oc_lanes_act(oc_lanes x)
{
    return OC_UNARY(ACT, x, ACT_A, ACT_B);
}
#endif
#endif
