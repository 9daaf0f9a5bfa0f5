/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Windows of spatial operators over one, two or three axes, and how they are seen as windows over
 * the two that the operators here have: one axis is a plane of height 1; three are two passes, over
 * the last two with the depth counted as batch, then along the depth with height and width as one
 * axis. Both views are reshapes.
 */
#ifndef ONNX_WINDOW_H
#define ONNX_WINDOW_H

#include "onnx_ops.h"

#define OC_ONNX_SPATIAL_MAX 3
typedef struct oc_onnx_window {
    int32_t n;                       /* spatial axes, 1 to 3 */
    int32_t in[OC_ONNX_SPATIAL_MAX]; /* their sizes */
    int32_t kernel[OC_ONNX_SPATIAL_MAX], strides[OC_ONNX_SPATIAL_MAX];
    int32_t dilations[OC_ONNX_SPATIAL_MAX];
    int32_t begins[OC_ONNX_SPATIAL_MAX], ends[OC_ONNX_SPATIAL_MAX]; /* paddings */
    int32_t out_pads[OC_ONNX_SPATIAL_MAX];                          /* of ConvTranspose */
} oc_onnx_window;

/** `n` and `in` from the shape of input 0. Errors: OC_E_UNSUPPORTED for other ranks than 3 to 5. */
OC_MUST_USE oc_status oc_onnx_window_begin(const oc_onnx_call *call, oc_onnx_window *window);
/** The kernel from the weights [O,I,...], with which the attribute has to agree. */
OC_MUST_USE oc_status oc_onnx_window_kernel(const oc_onnx_call *call, oc_id weights,
                                            oc_onnx_window *window);
/** Strides, dilations and paddings; the kernel is set. */
OC_MUST_USE oc_status oc_onnx_window_read(const oc_onnx_call *call, oc_onnx_window *window);

/** Which attribute auto_pad says. */
typedef enum oc_onnx_auto_pad {
    OC_ONNX_NOTSET,
    OC_ONNX_VALID,
    OC_ONNX_SAME_UPPER,
    OC_ONNX_SAME_LOWER
} oc_onnx_auto_pad;
OC_MUST_USE oc_status oc_onnx_get_auto_pad(const oc_onnx_call *call, oc_onnx_auto_pad *mode);

/** A pass over two of the axes; -1 stands for an axis of size 1 without a window. */
typedef struct oc_onnx_pass {
    int h, w;
} oc_onnx_pass;
/** The pass that is the whole window, or, of three axes, the first of the two. */
oc_onnx_pass oc_onnx_pass_first(const oc_onnx_window *window);
#define OC_ONNX_PASS_DEPTH ((oc_onnx_pass){0, -1})

/** Strides, dilations and pads of a node for one pass. */
OC_MUST_USE oc_status oc_onnx_window_set(oc_node *node, const oc_onnx_window *window,
                                         oc_onnx_pass pass);
/** One of the window's lists for a pass: h, w. */
void oc_onnx_pass_pick(oc_onnx_pass pass, const int32_t *list, int32_t absent, int32_t *pair);

/** x with its channels last as [N,H,W,C] for the first pass: [N,1,L,C], or [N*D,H,W,C]. */
OC_MUST_USE oc_status oc_onnx_plane_in(oc_onnx_call *call, oc_id x, oc_id *plane);
/** The first pass's result [N*D,OH,OW,C] of a volume as [N,D,OH*OW,C]. */
OC_MUST_USE oc_status oc_onnx_depth_in(oc_onnx_call *call, const oc_onnx_window *window, oc_id y,
                                       int32_t batch, oc_id *plane);
/**
 * The last pass's result with the model's rank again; `plane` [N*D,OH,OW,C] gives a volume's OH,
 * OW.
 */
OC_MUST_USE oc_status oc_onnx_plane_out(oc_onnx_call *call, const oc_onnx_window *window, oc_id y,
                                        oc_id plane, oc_id *last);

#endif
