/* SPDX-License-Identifier: Apache-2.0 */
/** The metadata that a TensorFlow Lite model may carry in a buffer of its own. */
#ifndef TFLITE_METADATA_H
#define TFLITE_METADATA_H

#include "flatbuffer.h"
#include "oc_graph.h"

/**
 * How pictures become the graph's inputs: NormalizationOptions of each input tensor, by (pixel - mean) / std, is set on
 * the graph's inputs, which are there already. `metadata`: the buffer named TFLITE_METADATA.
 * Errors: OC_E_FORMAT with the offset, OC_E_UNSUPPORTED (a std of 0, more than 3 channels), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_tflite_read_norms(oc_bytes metadata, oc_graph *graph);

/**
 * Names of classes: for each output tensor the first of its associated files that holds labels of an axis, one a line, and as
 * many as the output has elements at most. The files lie in a ZIP archive behind the model, stored or deflated, `file` being all
 * of it. Called when the graph has its outputs.
 * Errors: OC_E_FORMAT with the offset, OC_E_LIMIT (files of more than 16 MiB in all, or than limits.memory_bytes), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_tflite_read_labels(oc_bytes metadata, oc_bytes file, oc_graph *graph);

#endif
