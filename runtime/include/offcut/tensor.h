/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Element types, shapes and tensors, and their NumPy files.
 */
#ifndef OFFCUT_TENSOR_H
#define OFFCUT_TENSOR_H

#include <offcut/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OC_RANK_MAX 8

/** X(name, C type, bytes, NumPy descr, Open Inference Protocol name). Names, never numbers, go to disk and wire. */
#define OC_DTYPE_LIST(X)                        \
    X(float32, float, 4, "<f4", "FP32")         \
    X(float16, uint16_t, 2, "<f2", "FP16")      \
    X(int8, int8_t, 1, "|i1", "INT8")           \
    X(uint8, uint8_t, 1, "|u1", "UINT8")        \
    X(int32, int32_t, 4, "<i4", "INT32")        \
    X(int64, int64_t, 8, "<i8", "INT64")        \
    X(bool, uint8_t, 1, "|b1", "BOOL")

typedef enum oc_dtype {
#define X(name_, ctype_, size_, npy_, oip_) OC_DTYPE_##name_,
    OC_DTYPE_LIST(X)
#undef X
    OC_DTYPE_COUNT
} oc_dtype;

/** A shape in the model's own axes: rank 0 (a scalar) to 8, every dimension at least 0. */
typedef struct oc_shape {
    int32_t rank;
    int32_t dim[OC_RANK_MAX];
} oc_shape;

/** Element type and shape: all that is needed to lay a tensor out densely, last axis fastest. */
typedef struct oc_desc {
    oc_dtype dtype;
    oc_shape shape;
} oc_desc;

/** What the elements of an 8-bit tensor stand for: real = scale * (element - zero_point). */
typedef struct oc_quant {
    float scale;
    int32_t zero_point;
} oc_quant;

/**
 * A dense tensor in the host's memory. `data` holds oc_desc_bytes(&desc) bytes, aligned for the
 * element type. Who owns `data` is said by the call that takes or gives the tensor.
 */
typedef struct oc_tensor {
    oc_desc desc;
    void *data;
} oc_tensor;

/** "float32"; never NULL for a valid dtype. */
OC_API const char *oc_dtype_name(oc_dtype dtype);
OC_API size_t oc_dtype_size(oc_dtype dtype);

/** Number of elements and bytes. Errors: OC_E_LIMIT when the product does not fit a size_t, OC_E_SHAPE for a bad rank or dimension. */
OC_API OC_MUST_USE oc_status oc_shape_elems(const oc_shape *shape, size_t *elems);
OC_API OC_MUST_USE oc_status oc_desc_bytes(const oc_desc *desc, size_t *bytes);

/** A float16, which is kept as its bits, as the float32 of the same value. */
OC_API float oc_half_to_float(uint16_t half);
/** The nearest float16, of two the even one; from 65520 on infinity. A NaN stays a NaN. */
OC_API uint16_t oc_half_from_float(float x);

/** Write "1x28x28x1" (or "scalar") to `text`; returns `text`. A text of OC_SHAPE_TEXT bytes always suffices. */
#define OC_SHAPE_TEXT 100
OC_API char *oc_shape_print(const oc_shape *shape, char *text, size_t size);

/** A tensor of the given type and shape on the heap, its bytes zero. Owns: destroy with oc_tensor_free. Errors: OC_E_NOMEM, OC_E_LIMIT, OC_E_SHAPE. */
OC_API OC_MUST_USE oc_status oc_tensor_alloc(const oc_desc *desc, const oc_allocator *alloc, oc_tensor *tensor);
/** Frees `tensor->data` (allocated by oc_tensor_alloc with the same allocator) and clears the tensor. */
OC_API void oc_tensor_free(oc_tensor *tensor, const oc_allocator *alloc);

/**
 * Read a .npy file (format 1.0 to 3.0, C order, little-endian, dtypes of OC_DTYPE_LIST).
 * Owns: the caller frees `*tensor` with oc_tensor_free.
 * Errors: OC_E_IO, OC_E_FORMAT (offset, expected, found), OC_E_UNSUPPORTED (Fortran order, other types), OC_E_LIMIT, OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_npy_read(const char *path, const oc_limits *limits, const oc_allocator *alloc, oc_tensor *tensor);

/** Write a .npy file, whole or not at all (a temporary name beside it, then rename). Errors: OC_E_IO, OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_npy_write(const char *path, const oc_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
