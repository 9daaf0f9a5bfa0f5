/* SPDX-License-Identifier: Apache-2.0 */
/** What the kinds of convolutions share. */
#ifndef ONNX_CONV_H
#define ONNX_CONV_H

#include "onnx_window.h"

typedef struct oc_onnx_conv_args {
    const oc_op *op;
    oc_onnx_window w;
    int64_t groups;
    oc_id x, weights, bias, x_zero, w_zero; /* in the model's layout; OC_NONE: absent */
} oc_onnx_conv_args;

/** Window and groups; the values are set. */
OC_MUST_USE oc_status oc_onnx_conv_read(oc_onnx_call *call, oc_onnx_conv_args *args);
/** The convolution with its channels last, of the model's rank; the main node's value is `out`. */
OC_MUST_USE oc_status oc_onnx_conv_last(oc_onnx_call *call, const oc_onnx_conv_args *args,
                                        const char *out, oc_id *last);

/** [O,I,...] -> [O,KH,KW,I]; of a volume [O*KD,KH,KW,I]. */
OC_MUST_USE oc_status oc_onnx_plane_weights(oc_onnx_call *call, oc_id weights, oc_id *out);
/** The node of the first pass, begun, with `weights` as the one above gives them. */
OC_MUST_USE oc_status oc_onnx_conv_planes(oc_onnx_call *call, const oc_onnx_conv_args *args,
                                          oc_id weights, const char *name, oc_node **node);
/** The node of the second pass over a volume, begun; `y` is what the first one made. */
OC_MUST_USE oc_status oc_onnx_conv_depth(oc_onnx_call *call, const oc_onnx_conv_args *args,
                                         int32_t channels, oc_id y, oc_node **node);
/** How many of the inputs are given, up to the last one that is. */
size_t oc_onnx_given(const oc_id *in, size_t count);

#endif
