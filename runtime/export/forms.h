/* SPDX-License-Identifier: Apache-2.0 */
/** What the files with the rows' functions share. */
#ifndef OC_FORMS_H
#define OC_FORMS_H

#include "form.h"

/* One function a row of forms.c; each file says in its head which operators are its. */
void oc_form_write_argmax(oc_form_call *c);
void oc_form_write_avgpool2d(oc_form_call *c);
void oc_form_write_batchnorm(oc_form_call *c);
void oc_form_write_binary(oc_form_call *c);
void oc_form_write_cast(oc_form_call *c);
void oc_form_write_concat(oc_form_call *c);
void oc_form_write_conv2d(oc_form_call *c);
void oc_form_write_conv_transpose2d(oc_form_call *c);
void oc_form_write_deform_conv2d(oc_form_call *c);
void oc_form_write_dequantize(oc_form_call *c);
void oc_form_write_fully_connected(oc_form_call *c);
void oc_form_write_gather(oc_form_call *c);
void oc_form_write_identity(oc_form_call *c);
void oc_form_write_lookup(oc_form_call *c);
void oc_form_write_lrn(oc_form_call *c);
void oc_form_write_matmul(oc_form_call *c);
void oc_form_write_maxpool2d(oc_form_call *c);
void oc_form_write_maxpool2d_index(oc_form_call *c);
void oc_form_write_pad(oc_form_call *c);
void oc_form_write_qbinary(oc_form_call *c);
void oc_form_write_ql2norm(oc_form_call *c);
void oc_form_write_qsoftmax(oc_form_call *c);
void oc_form_write_quantize(oc_form_call *c);
void oc_form_write_reduce(oc_form_call *c);
void oc_form_write_requantize(oc_form_call *c);
void oc_form_write_reshape(oc_form_call *c);
void oc_form_write_resize(oc_form_call *c);
void oc_form_write_slice(oc_form_call *c);
void oc_form_write_softmax(oc_form_call *c);
void oc_form_write_tile(oc_form_call *c);
void oc_form_write_transpose(oc_form_call *c);
void oc_form_write_unary(oc_form_call *c);

/** fn(x; a, b) of the unary operator. */
oc_tensor_id oc_form_function(oc_form_call *c, const char *fn, float a, float b, oc_tensor_id x);
/** The activation fused into the node, of x. */
oc_tensor_id oc_form_act(oc_form_call *c, oc_tensor_id x);
/** The sign of integers, -1, 0 or 1: operators of comparing are not in every runtime, ours among them. */
oc_tensor_id oc_form_sign(oc_form_call *c, oc_dtype dtype, oc_tensor_id x);
/* conv2d, conv_transpose2d, fully_connected and matmul of 8-bit numbers. */
void oc_form_write_conv_8bit(oc_form_call *c);
void oc_form_write_conv_transpose_8bit(oc_form_call *c);
void oc_form_write_connected_8bit(oc_form_call *c);
void oc_form_write_matmul_8bit(oc_form_call *c);
/** The sums under a window of each channel of 8-bit numbers, as int32 [N,C,OH,OW]. */
oc_tensor_id oc_form_sum_8bit(oc_form_call *c, const int32_t *kernel, const int32_t *strides,
                              const int32_t *dilations, const int32_t *pads);

#endif
