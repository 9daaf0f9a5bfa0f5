/* SPDX-License-Identifier: Apache-2.0 */
/** What the library can compute, and what of each model format it understands: as its own tables say. */
#ifndef OFFCUT_OPERATORS_H
#define OFFCUT_OPERATORS_H

#include <offcut/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One operator. Strings are static. */
typedef struct oc_operator_info {
    const char *name;
    const char *help;      /* one line: inputs -> output, with shapes */
    const char *numerics;  /* class of its arithmetic; NULL: it computes nothing */
    const char *const *more_numerics; /* further ones that its nodes can have, NULL at the end; NULL: none */
    uint32_t types;        /* element types of its first input: bit 1 << oc_dtype */
    uint32_t onnx_types;   /* those of them with which it can be written as ONNX (oc_model_split) */
    bool on_reference;     /* devices of that kind run it */
    bool on_opencl;
    bool is_batchable;     /* calls of several requests can be one call, with the same bits for each */
    bool is_tileable;      /* a part of the result can be computed from parts of the inputs */
    bool is_view;          /* its result is its input's bytes: no device runs anything */
    uint32_t in_min, in_max, n_out;
} oc_operator_info;

/** Operator `index` of the table, by name. Returns false past the last. */
OC_API bool oc_operator_get(size_t index, oc_operator_info *info);

/** Whether weights can be divided among sites by the channels, the last axis, of what they make. */
typedef enum oc_splits {
    OC_SPLITS_NO_WEIGHTS, /* it has none, or it is not known which part of them a part of the result needs */
    OC_SPLITS_NONE,       /* a part of the channels needs all of the weights */
    OC_SPLITS_SOME,       /* in some of its forms a part of the channels needs a part of the weights */
    OC_SPLITS_ALL         /* in all of them */
} oc_splits;

/**
 * What operator `index` says of the cases that it is tested with. Weights are constant inputs of at least one element a channel.
 * Errors: OC_E_ARG (index), OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_operator_splits(size_t index, const oc_allocator *alloc, oc_splits *splits);

/** One model format. Strings are static. */
typedef struct oc_format_info {
    const char *name;       /* "onnx" */
    const char *extensions; /* ".onnx" */
    const char *help;
} oc_format_info;

/** Format `index`. Returns false past the last. */
OC_API bool oc_format_get(size_t index, oc_format_info *info);
/** What format `format` calls the `index`-th of its operators that the library understands; NULL past the last. */
OC_API const char *oc_format_operator(size_t format, size_t index);
/** The `index`-th operator of the library's table that networks of format `format` may be made of; NULL past the last. */
OC_API const char *oc_format_makes(size_t format, size_t index);

#ifdef __cplusplus
}
#endif
#endif
