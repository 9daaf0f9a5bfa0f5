/* SPDX-License-Identifier: Apache-2.0 */
/** Inputs of a model as the caller wants them: with open dimensions filled in, or as constants. */
#ifndef ONNX_INPUT_H
#define ONNX_INPUT_H

#include "oc_import.h"
#include "onnx_proto.h"

typedef struct oc_onnx_inputs {
    oc_graph *graph;
    const oc_model_options *options;
    bool *has_shape, *has_constant; /* per shape and constant of the options: its input was met */
} oc_onnx_inputs;

/** The flags lie in `scratch`. */
OC_MUST_USE oc_status oc_onnx_inputs_init(oc_onnx_inputs *inputs, oc_graph *graph,
                                          oc_arena *scratch, const oc_model_options *options);
/**
 * An input of the model, called `name`. Errors: OC_E_UNSUPPORTED (type, a dimension that nothing
 * says), OC_E_SHAPE and OC_E_DTYPE where the options contradict the file.
 */
OC_MUST_USE oc_status oc_onnx_inputs_add(oc_onnx_inputs *inputs, const oc_onnx_value *info,
                                         const char *name, oc_id *value);
/** After the last input: OC_E_NOTFOUND for a name in the options that none has. */
OC_MUST_USE oc_status oc_onnx_inputs_end(const oc_onnx_inputs *inputs);

#endif
