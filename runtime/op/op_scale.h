/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scales and zero points of a quantised tensor, as quantize and dequantize take them:
 *
 *   one for the whole tensor       scale is a scalar or has shape [1]
 *   one for each index of an axis  scale [C], where x has C elements along `axis`
 *   one for each block of an axis  block_size > 0: scale has x's shape but along `axis`, where x's
 *                                  length is divided by block_size, rounded up
 *
 * A zero point has the shape of the scale and the quantised type; without one it is 0.
 */
#ifndef OP_SCALE_H
#define OP_SCALE_H

#include "op_common.h"

/** Inputs of both operators. */
enum { OP_SCALE_X, OP_SCALE_SCALE, OP_SCALE_ZERO };

/** Member `scale` of an attribute struct. */
typedef struct oc_op_scale {
    int32_t axis, block_size;
} oc_op_scale;

/* clang-format off */
#define OP_ATTR_SCALE(type_)                                                                   \
    {.name = "axis", .type = OC_ATTR_INT, .offset = offsetof(type_, scale.axis),               \
     .max = OC_RANK_MAX - 1, .help = "the axis that several scales belong to"},                \
    {.name = "block_size", .type = OC_ATTR_INT, .offset = offsetof(type_, scale.block_size),   \
     .max = INT32_MAX, .help = "elements along the axis that share a scale; 0: no blocks"}
/* clang-format on */

/**
 * x as `rows` rows of `row` elements, and the scale of element j of row r:
 *
 *     r * step_row + j / inner / block * step_axis + j % inner * step_inner
 */
typedef struct oc_op_scale_map {
    size_t rows, row, inner, block;
    size_t step_row, step_axis, step_inner;
} oc_op_scale_map;

/**
 * Checks scale (float32) and zero point (of type `zero`), gives the map. Errors: OC_E_SHAPE,
 * OC_E_DTYPE, OC_E_ARG.
 */
OC_MUST_USE oc_status oc_op_scale_check(const oc_op_call *call, const oc_op_scale *scale,
                                        oc_dtype zero, oc_op_scale_map *map);

static inline size_t oc_op_scale_at(const oc_op_scale_map *m, size_t r, size_t j)
{
    return r * m->step_row + j / m->inner / m->block * m->step_axis + j % m->inner * m->step_inner;
}

/**
 * A launch of kernel `stem` of stem `stem`: x, scale, the zero point where one is given (HAS_ZERO), y.
 * Defines the map (scale.h) and the chunks of a row; global size chunks, rows.
 */
OC_MUST_USE oc_status oc_op_scale_launch(const oc_op_call *call, const oc_traits *traits,
                                         const char *stem, const oc_op_scale_map *map,
                                         oc_launch_list *list, oc_launch **launch);

/** As an operator's `permute`, which is possible while the scales have x's rank or are one. */
OC_MUST_USE oc_status oc_op_scale_permute(const oc_op_call *call, const int32_t *perm, int32_t rank,
                                          oc_op_scale *scale);

/**
 * As an operator's `batch_axis`: x along any axis but that of its scales, which are shared; scales in
 * blocks along the same axis as x.
 */
OC_MUST_USE oc_status oc_op_scale_batch(const oc_op_call *call, const oc_op_scale *scale,
                                        const int32_t *in, int32_t *out);

/** As an operator's `halo`. */
OC_MUST_USE oc_status oc_op_scale_halo(const oc_op_call *call, const oc_op_scale *scale,
                                       const oc_box *out, oc_box *in);

/** x's elements, one step each. */
OC_MUST_USE oc_status oc_op_scale_cost(const oc_op_call *call, oc_cost *cost);

#endif
