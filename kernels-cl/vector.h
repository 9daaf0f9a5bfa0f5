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

/*
 * From and to a pointer to elements in global memory, which need not be aligned for vectors. Not
 * vload and vstore: PoCL's are an access to each element, and to put them together again was half of
 * the time that its compiler took for a tile.
 */
#if LANES == 1
#define oc_lanes_load(type_, p_) (*(p_))
#define oc_lanes_store(type_, x_, p_) (*(p_) = (x_))
#else
#define OC_LANES_AT(type_)                                 \
    struct __attribute__((packed, aligned(sizeof(type_)))) { \
        OC_WIDE(type_) all;                                \
    }
#define oc_lanes_load(type_, p_) (((__global const OC_LANES_AT(type_) *)(p_))->all)
#define oc_lanes_store(type_, x_, p_) \
    ((void)(((__global OC_LANES_AT(type_) *)(p_))->all = (x_)))
#endif

/* Whole numbers that T_, char or uchar, can hold, to a pointer to these. */
#define OC_LANES_STORE_8BIT(T_, x_, p_) \
    oc_lanes_store(T_, OC_WIDE(OC_JOIN(convert_, T_))(x_), p_)

#ifdef ACT
/* The fused activation. */
static inline oc_lanes oc_lanes_act(oc_lanes x)
{
    return OC_UNARY(ACT, x, ACT_A, ACT_B);
}
#endif
#endif
