/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the operators of the class "direct" share (conv2d, fully_connected, matmul): the chain of
 * fma for their references, and for their kernels how a matrix product is cut into register tiles
 * (kernels-cl/vector_tile.h) and its constant side packed.
 */
#ifndef OP_PRODUCT_H
#define OP_PRODUCT_H

#include "op_common.h"

/* ---- reference ------------------------------------------------------------------------------ */

#define OP_DOT_MAX 8

/**
 * Goes on with `count` (1 to OP_DOT_MAX) chains at once. Serial loop: for j < count: for i < n
 * ascending: acc[j] = fma(x[i], w[j * next_j + i * next_i], acc[j]). `x` NULL: all x are 0.
 */
void oc_op_dot(const float *x, size_t n, const float *w, size_t next_j, size_t next_i,
               int32_t count, float *acc);

/* ---- packed weights ------------------------------------------------------------------------- */

/** The widest pack: columns that lie side by side for one k. */
#define OP_PACK 32

/** Floats that oc_op_pack writes. Errors: OC_E_UNSUPPORTED, where kernels cannot count them. */
OC_MUST_USE oc_status oc_op_pack_elems(size_t n, size_t k, size_t width, size_t *elems);

/**
 * The matrix w of n columns and k rows as [n / width, rounded up][k][width], missing columns zero.
 * Serial loop: for j < n, i < k: dst[(j / width * k + i) * width + j % width] = w[j * next_j + i *
 * next_i].
 */
void oc_op_pack(const float *w, size_t n, size_t k, size_t next_j, size_t next_i, size_t width,
                float *dst);

/* ---- tiles ---------------------------------------------------------------------------------- */

/** The shape of a register tile: rows x (vectors * lanes) columns. */
typedef struct oc_op_tile {
    int32_t rows, vectors, lanes;
} oc_op_tile;

/**
 * The tile for a product of `m` rows whose weights are packed `width` wide: on a CPU its registers
 * hold all accumulators (28 of 32 registers of 16 lanes, 12 of 16 narrower ones); elsewhere it is
 * small, for many work-items. Choices: vectors, rows. Once for each list.
 */
oc_op_tile oc_op_tile_choose(oc_launch_list *list, const oc_traits *traits, int32_t m,
                             int32_t width);

/** y [m,n] = activation(x [m,k] w + bias [n]), x being input 0, with packed w and bias. */
typedef struct oc_op_product {
    size_t m, k, n;
    const oc_op_act *act;
    uint32_t w_index, bias_index; /* inputs; bias 0: none */
    /** Lay them out by oc_op_pack with width OP_PACK, n columns and k rows (bias: 1 row). */
    oc_status (*pack_w)(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes);
    oc_status (*pack_bias)(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes);
} oc_op_product;

/** Adds the launch of the kernel fully_connected_tile. */
OC_MUST_USE oc_status oc_op_launch_product(const oc_op_product *product, const oc_traits *traits,
                                           oc_launch_list *list);

#endif
