/* SPDX-License-Identifier: Apache-2.0 */
/** Models: a file imported, transformed and ready to be looked at, planned and prepared. */
#ifndef OFFCUT_MODEL_H
#define OFFCUT_MODEL_H

#include <offcut/image.h>
#include <offcut/vision.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_model oc_model;

/** A value as it can be shown. */
typedef struct oc_value_info {
    const char *name;
    oc_desc desc;
    uint64_t bytes;
    const oc_image_norm *norm; /* an input: how the model's metadata says that pictures are normalised; NULL: it does not */
    const oc_quant *quant;       /* an input or output of 8 bits: what its elements stand for; NULL: not known */
    const oc_labels *labels;     /* an output: the model's own names of its classes, or NULL */
    const oc_detector *detector; /* an output: what its numbers mean where it holds detections, or NULL */
} oc_value_info;

/** A node as it can be shown, in the order of execution. Strings and lists belong to the model. */
typedef struct oc_node_info {
    const char *name;
    const char *op;              /* "conv2d" */
    const char *numerics;        /* numerics class */
    const char *attrs;           /* "strides=[2,2] groups=1 ..." */
    const char *const *inputs;   /* names; constants included, absent ones left out */
    size_t n_inputs;
    const oc_value_info *outputs;
    size_t n_outputs;
    uint64_t macs;               /* multiply-adds */
    uint64_t params;             /* elements of constant inputs */
    uint64_t bytes_read, bytes_written; /* each tensor once */
} oc_node_info;

/** The cut after the first `index` nodes: what would move if the rest ran elsewhere. */
typedef struct oc_cut_info {
    size_t index;
    const oc_value_info *const *values;
    size_t n_values;
    uint64_t bytes;
} oc_cut_info;

typedef struct oc_model_info {
    const char *name;            /* of the file, without its folder */
    const char *format;          /* "tflite", "onnx" */
    const char *digest;          /* hexadecimal: what two sites compare */
    const oc_value_info *inputs, *outputs; /* in the model's order and layout */
    size_t n_inputs, n_outputs;
    size_t n_nodes;              /* cuts have the indices 0 .. n_nodes */
    uint64_t macs, params;
    uint64_t weight_bytes;       /* all constants, in the model's own layout */
    uint64_t arena_bytes;        /* for the whole network on one device (64-byte alignment) */
    uint64_t arena_lower_bound;  /* the largest sum of values alive at once */
} oc_model_info;

/** A shape or a tensor for the input of that name. */
typedef struct oc_named_shape {
    const char *name;
    oc_shape shape;
} oc_named_shape;
typedef struct oc_named_tensor {
    const char *name;
    oc_tensor tensor;
} oc_named_tensor;

/** How a model file is to be read. All zero: as it is. */
typedef struct oc_model_options {
    oc_limits limits;                /* zero in a field: its default */
    const char *weights;             /* the file with the weights, of a format that has two (Darknet); NULL: beside the model, with its name */
    int32_t batch;                   /* what a first dimension becomes that the file leaves open; 0: 1 */
    const oc_named_shape *shapes;    /* of inputs whose other dimensions the file leaves open */
    size_t n_shapes;
    const oc_named_tensor *constants;/* inputs that are known now, on which shapes may depend: no longer inputs of the model */
    size_t n_constants;
    const char *numerics;            /* the numerics class of all nodes that can have it ("direct", "winograd2", "winograd4"); NULL: each node gets the one that costs least. An edge and its workers must agree: the digest depends on it */
} oc_model_options;

/**
 * Open a model file and build its graph.
 *
 * `path`    a file of one of the formats of oc_importers; which, is found from the first bytes.   `options`  NULL for the defaults; not needed afterwards.
 * Owns: the caller destroys `*model`. Weights are read from the file when the model is prepared: keep it until then.
 * Errors: OC_E_IO, OC_E_FORMAT (offset, expected, found), OC_E_UNSUPPORTED (node, operator, version), OC_E_LIMIT, OC_E_NOMEM; OC_E_NOTFOUND (a name in the options that is no input).
 * Threads: safe on distinct models; an open model is read-only and may be shared.
 */
OC_API OC_MUST_USE oc_status oc_model_open(const char *path, const oc_model_options *options, const oc_allocator *alloc, oc_model **model);
/** After every plan, prepared model and session made from it. */
OC_API void oc_model_destroy(oc_model *model);

/** Belongs to the model. */
OC_API const oc_model_info *oc_model_get_info(const oc_model *model);
/** Node `index` < n_nodes, else NULL. Belongs to the model. */
OC_API const oc_node_info *oc_model_get_node(const oc_model *model, size_t index);
/** The cut after the first `index` nodes, 0 .. n_nodes. Owns: free `*cut` with oc_cut_info_free and the same allocator; its values belong to the model. Errors: OC_E_ARG, OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_model_cut(const oc_model *model, size_t index, const oc_allocator *alloc, oc_cut_info **cut);
OC_API void oc_cut_info_free(oc_cut_info *cut, const oc_allocator *alloc);

/**
 * Whether `path` may be written: it is not the model's own file, nor one with its weights or other data, under whatever name. They are read
 * again when the model is prepared, and nobody means to lose them. `what` is written begins the error's text.
 * Errors: OC_E_ARG. Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_model_check_output(const oc_model *model, const char *what, const char *path);

/**
 * Write both sides of a cut as ONNX files (opset 21), for any runtime to serve: run one after the other they give what the whole model gives.
 *
 * `cut`    an index from 1 to n_nodes - 1, or names of values, as plans take it.
 * `head`, `tail`  paths of the files; both are written whole, or neither is.
 * The head takes the model's inputs that its nodes need; it gives the cut's values, then the model's outputs that it makes. The tail takes the cut's values,
 * inputs of the model that cross the cut among them (the head does not give those), and gives the model's other outputs. All under their own names, in their
 * own shapes. What is written are the transformed nodes, in standard operators; quantised networks give the same integers.
 * Errors: OC_E_ARG (also a path that oc_model_check_output refuses), OC_E_NOTFOUND (cut), OC_E_UNSUPPORTED (a node that has no form in ONNX), OC_E_LIMIT (a file of 2 GiB and more), OC_E_IO, OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_model_split(const oc_model *model, const char *cut, const char *head, const char *tail);

#ifdef __cplusplus
}
#endif
#endif
