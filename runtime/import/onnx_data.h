/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where the elements of a model's tensors lie: in the model's file, or, as external data, in files
 * beside it. Those are read when a device is prepared, like the model's own; while importing they
 * are only opened, measured and mixed into the digest.
 */
#ifndef ONNX_DATA_H
#define ONNX_DATA_H

#include "onnx_proto.h"

typedef struct oc_onnx_data {
    oc_graph *graph;
    oc_arena *scratch;
    oc_bytes bytes; /* the model file's contents */
    oc_file *file;
    oc_file **beside; /* the external files, each once */
    size_t n_beside, cap_beside;
    uint64_t size; /* of all files together, which limits.model_bytes bounds */
} oc_onnx_data;

void oc_onnx_data_init(oc_onnx_data *data, oc_graph *graph, oc_arena *scratch, oc_bytes bytes,
                       oc_file *file);
void oc_onnx_data_fini(oc_onnx_data *data);

/**
 * A tensor as a constant of the graph. Errors: those of oc_onnx_tensor_bytes; for external data
 * OC_E_FORMAT (a location that leads out of the model's folder, a range beyond the file, a length
 * that is not the tensor's), OC_E_IO, OC_E_LIMIT; each names the tensor.
 */
OC_MUST_USE oc_status oc_onnx_data_constant(oc_onnx_data *data, const oc_onnx_tensor *tensor,
                                            const char *name, oc_id *value);

#endif
