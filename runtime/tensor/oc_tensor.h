/* SPDX-License-Identifier: Apache-2.0 */
/** Tensor: what other rooms use of element types and shapes beyond the public header. */
#ifndef OC_TENSOR_H
#define OC_TENSOR_H

#include "oc_base.h"

#include <offcut/tensor.h>

/** Rank 0 to OC_RANK_MAX and no negative dimension. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_shape_check(const oc_shape *shape);
/** Same rank and dimensions; dimensions past the rank do not count. */
bool oc_shape_equal(const oc_shape *a, const oc_shape *b);
bool oc_desc_equal(const oc_desc *a, const oc_desc *b);

/** "float32 1x28x28x1" in `text`, for messages; OC_DESC_TEXT bytes always suffice. Returns `text`. */
#define OC_DESC_TEXT (OC_SHAPE_TEXT + 16)
char *oc_desc_print(const oc_desc *desc, char *text, size_t size);

/** The type of that name ("float32"). Errors: OC_E_UNSUPPORTED (name). */
OC_MUST_USE oc_status oc_dtype_parse(const char *name, oc_dtype *dtype);
/** Names of the Open Inference Protocol ("FP32"), both ways. Errors: OC_E_UNSUPPORTED (name). */
const char *oc_dtype_oip_name(oc_dtype dtype);
OC_MUST_USE oc_status oc_dtype_parse_oip(const char *name, oc_dtype *dtype);

/**
 * Parse the head of a .npy file. `head` is the file's beginning, at least the whole header or the
 * whole file. Gives the tensor's type and shape and the offset of its first element.
 * Errors: OC_E_FORMAT (offset, expected, found), OC_E_UNSUPPORTED, OC_E_SHAPE (rank above 8).
 */
OC_MUST_USE oc_status oc_npy_parse_head(oc_bytes head, oc_desc *desc, size_t *data_offset);
/** The longest header that oc_npy_parse_head accepts, with its magic and length. */
#define OC_NPY_HEAD_MAX ((size_t)64 << 10)

#endif
