/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optional inputs of integer products: bias (HAS_BIAS), x_zero (HAS_X_ZERO) of TX and w_zero
 * (HAS_W_ZERO) of TW; X_ZERO_STEP and W_ZERO_STEP are 0 where one zero point holds for all. Sums
 * are unsigned: they wrap around.
 */
#ifdef PRODUCT_INT
#if HAS_BIAS
#define INT_BIAS_PARAM __global const int *bias,
#define INT_BIAS(i_) as_uint(bias[i_])
#else
#define INT_BIAS_PARAM
#define INT_BIAS(i_) 0u
#endif
#if HAS_X_ZERO
#define X_ZERO_PARAM __global const TX *x_zero,
#define X_ZERO(i_) ((int)x_zero[(i_) * X_ZERO_STEP])
#else
#define X_ZERO_PARAM
#define X_ZERO(i_) 0
#endif
#if HAS_W_ZERO
#define W_ZERO_PARAM __global const TW *w_zero,
#define W_ZERO(i_) ((int)w_zero[(i_) * W_ZERO_STEP])
#else
#define W_ZERO_PARAM
#define W_ZERO(i_) 0
#endif
/* All three, between the products' inputs and the output. */
#define INT_PARAMS INT_BIAS_PARAM X_ZERO_PARAM W_ZERO_PARAM
#endif
