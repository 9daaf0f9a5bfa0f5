/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a broadcast operand's data lies. OUTER axes of the output, D0 the last of them, D1 the one
 * before it, ...; P0, Q0, P1, ... are the operands' strides along them in elements.
 */
#ifdef OUTER
/* Offsets in p and q of the i-th of D0 * D1 * ... indices, the last axis fastest. */
static inline int2 oc_broadcast(int i)
{
    int2 at = (int2)(0, 0);
#define OC_BROADCAST_AXIS(d_, p_, q_) \
    at += (int2)(p_, q_) * (i % d_);  \
    i /= d_;
#if OUTER > 0
    OC_BROADCAST_AXIS(D0, P0, Q0)
#endif
#if OUTER > 1
    OC_BROADCAST_AXIS(D1, P1, Q1)
#endif
#if OUTER > 2
    OC_BROADCAST_AXIS(D2, P2, Q2)
#endif
#if OUTER > 3
    OC_BROADCAST_AXIS(D3, P3, Q3)
#endif
#if OUTER > 4
    OC_BROADCAST_AXIS(D4, P4, Q4)
#endif
#if OUTER > 5
    OC_BROADCAST_AXIS(D5, P5, Q5)
#endif
#if OUTER > 6
    OC_BROADCAST_AXIS(D6, P6, Q6)
#endif
    return at;
}
#endif
