/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ONNX TensorProto files (*.pb), in which public suites keep inputs and answers. Read here a second
 * time, independently of the importer that is tested with them.
 */
#ifndef TENSOR_PROTO_H
#define TENSOR_PROTO_H

#include "oc_base.h"

#include <offcut/tensor.h>

#define TENSOR_PROTO_NAME 64
typedef struct tensor_proto {
    char name[TENSOR_PROTO_NAME];
    oc_tensor tensor; /* data: freed with oc_tensor_free(&tensor, NULL) */
} tensor_proto;

/** Errors: OC_E_IO, OC_E_UNSUPPORTED (an element type that oc_dtype has not), OC_E_FORMAT. */
OC_MUST_USE oc_status tensor_proto_read(const char *path, tensor_proto *proto);

#endif
