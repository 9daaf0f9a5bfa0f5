/* SPDX-License-Identifier: Apache-2.0 */
/** Sliding windows of TensorFlow Lite's convolutions and pools: defined in tflite_pool.c. */
#ifndef TFLITE_WINDOW_H
#define TFLITE_WINDOW_H

#include "tflite_ops.h"

typedef struct oc_tflite_window {
    int32_t kernel[2], strides[2], dilations[2], pads[4]; /* h, w; top, left, bottom, right */
    bool is_same;                                         /* padding SAME; else VALID */
} oc_tflite_window;

/** Strides and kind of padding, which all options have in slots 0 to 2; no padding yet. */
OC_MUST_USE oc_status oc_tflite_window_options(const oc_tflite_call *c, oc_tflite_window *w);
/** The same, and the padding of input 0 [N,H,W,C]; kernel and dilations are set. */
OC_MUST_USE oc_status oc_tflite_window_read(const oc_tflite_call *c, oc_tflite_window *w);
/** Sets strides, dilations and pads. */
OC_MUST_USE oc_status oc_tflite_window_set(oc_node *node, const oc_tflite_window *w);

#endif
