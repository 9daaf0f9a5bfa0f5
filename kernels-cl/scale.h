/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scale and zero point belong to element j of row r of a quantised tensor: needs INNER BLOCK
 * STEP_ROW STEP_AXIS STEP_INNER. With HAS_ZERO kernels have an argument for the zero points.
 */
#ifdef STEP_AXIS
#define OC_SCALE_AT(r_, j_) \
    ((r_) * STEP_ROW + (j_) / INNER / BLOCK * STEP_AXIS + (j_) % INNER * STEP_INNER)
#endif
#ifdef HAS_ZERO
#define OC_ZERO_ARG(type_) __global const type_ *restrict zero,
#define OC_ZERO_AT(at_) zero[at_]
#else
#define OC_ZERO_ARG(type_)
#define OC_ZERO_AT(at_) 0
#endif
