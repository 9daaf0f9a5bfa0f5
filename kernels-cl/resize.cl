/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resizing along up to three axes. Tensors are seen as [P0, axis 0, P1, axis 1, P2, axis 2, Q].
 *   I, O      elements of an axis in the input and in the output
 *   T         taps of an element of the output; those of element o of axis d are T_d entries of
 *             `taps` from AT_d + o * T_d on: x the element of the input, y the weight's bits
 *   EXTRAPOLATION  if defined, what stands where x is -1
 * gid(0) = piece of Q   gid(1) = element of axis 2   gid(2) = all of P0 to P2
 * Reads never leave `in`: the table has only elements that are there.
 */
#include "numerics.h"

/* One block of Q elements of the output: where it lies before each axis, and its taps. */
typedef struct block {
    int p0, p1, p2;
    __global const int2 *t0, *t1, *t2;
} block;

static inline block find_block(__global const int2 *taps)
{
    block b;
    int rest = (int)get_global_id(2);
    b.t2 = taps + AT2 + (int)get_global_id(1) * T2;
    b.p2 = rest % P2;
    rest /= P2;
    b.t1 = taps + AT1 + rest % O1 * T1;
    rest /= O1;
    b.p1 = rest % P1;
    rest /= P1;
    b.t0 = taps + AT0 + rest % O0 * T0;
    b.p0 = rest / O0;
    return b;
}

/* Beyond the input. */
static inline int is_outside(const block *b)
{
    return b->t0[0].x < 0 || b->t1[0].x < 0 || b->t2[0].x < 0;
}

/* Number of the input's block at these elements of the axes. */
static inline int source_block(const block *b, int a0, int a1, int a2)
{
    return ((((b->p0 * I0 + a0) * P1 + b->p1) * I1 + a1) * P2 + b->p2) * I2 + a2;
}

static inline int output_block(void)
{
    return (int)get_global_id(2) * O2 + (int)get_global_id(1);
}

#ifdef T
/* nearest: a copy in units of T, CHUNK a work-item; Q counts them. */
__kernel void resize_copy(__global const T *restrict in, __global const int2 *restrict taps,
                          __global T *restrict out)
{
    const block b = find_block(taps);
    int u = (int)get_global_id(0) * CHUNK, end = min(u + CHUNK, Q);
    out += output_block() * Q;
#ifdef EXTRAPOLATION
    for (; is_outside(&b) && u < end; u++)
        out[u] = EXTRAPOLATION;
    if (is_outside(&b))
        return;
#endif
    in += source_block(&b, b.t0[0].x, b.t1[0].x, b.t2[0].x) * Q;
    for (; u < end; u++)
        out[u] = in[u];
}
#else
/*
 * linear and cubic: elements of type E, ELEMS for Q, in CHUNKS pieces of CHUNK elements, of which
 * the last takes the rest and is not shorter than LANES. Sums are float, or with ROUNDING FIXED
 * int of weights that are integers; then they are divided by 2 HALF.
 */
#define EXACT 0
#define HALF_UP 1
#define FIXED 2

#if ROUNDING == FIXED
#define SUM int
#else
#define SUM float
#endif
#define SUM_OF OC_JOIN(convert_, OC_WIDE(SUM))
typedef OC_WIDE(SUM) sum_lanes;

#if LANES == 1
#define LOAD(p_) (*(p_))
#define STORE(x_, p_) (*(p_) = (x_))
#else
#define LOAD(p_) OC_WIDE(vload)(0, (p_))
#define STORE(x_, p_) OC_WIDE(vstore)((x_), 0, (p_))
#endif

static inline OC_WIDE(E) finish(sum_lanes sum)
{
#if ROUNDING == EXACT
    return sum;
#elif ROUNDING == HALF_UP
    return OC_JOIN(convert_, OC_WIDE(E))(sum + 0.5f);
#else
    return OC_JOIN(convert_, OC_WIDE(E))((sum + (sum > 0 ? (sum_lanes)HALF : (sum_lanes)-HALF)) /
                                         (2 * HALF));
#endif
}

#define WEIGHT(tap_) ((SUM)as_float((tap_).y))

/* What LANES elements from element q of the block on become. */
static inline OC_WIDE(E) mix(__global const E *restrict in, const block *b, int q)
{
    sum_lanes sum = 0;
    for (int k2 = 0; k2 < T2; k2++)
        for (int k1 = 0; k1 < T1; k1++)
            for (int k0 = 0; k0 < T0; k0++) {
                int from = source_block(b, b->t0[k0].x, b->t1[k1].x, b->t2[k2].x);
                sum_lanes x = SUM_OF(LOAD(in + from * ELEMS + q));
                sum += x * WEIGHT(b->t0[k0]) * WEIGHT(b->t1[k1]) * WEIGHT(b->t2[k2]);
            }
    return finish(sum);
}

/* The last vector of a chunk may overlap the one before: it computes the same values again. */
__kernel void resize_mix(__global const E *restrict in, __global const int2 *restrict taps,
                         __global E *restrict out)
{
    const block b = find_block(taps);
    int chunk = (int)get_global_id(0), begin = chunk * CHUNK;
    int end = chunk == CHUNKS - 1 ? ELEMS : begin + CHUNK;
    out += output_block() * ELEMS;
#ifdef EXTRAPOLATION
    if (is_outside(&b)) {
        for (int q = begin; q < end; q++)
            out[q] = EXTRAPOLATION;
        return;
    }
#endif
    for (int q = begin;;) {
        STORE(mix(in, &b, q), out + q);
        if (q + LANES >= end)
            break;
        q = min(q + LANES, end - LANES);
    }
}
#endif
