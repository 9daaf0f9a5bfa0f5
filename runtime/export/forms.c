/* SPDX-License-Identifier: Apache-2.0 */
/** How each operator is written in ONNX operators: one row each. An operator without one is refused. */
#include "oc_export.h"

#include "forms.h"

#define FLOAT OC_TYPE(float32)
#define ALL OC_TYPES_ALL
#define ACT " act act_a act_b"
#define REQUANT " requant to zero lo hi"
#define POOL "kernel strides dilations pads ceil_mode"

/* clang-format off */
static const oc_form_row rows[] = {
    {.op = "argmax", .types = FLOAT | OC_TYPES_INT, .write = oc_form_write_argmax,
     .attrs = "fn axis keep_dims select_last to"},
    {.op = "avgpool2d", .types = FLOAT | OC_TYPES_8BIT, .is_spatial = true,
     .write = oc_form_write_avgpool2d, .attrs = POOL " count_include_pad" ACT},
    {.op = "batchnorm", .types = FLOAT, .is_spatial = true, .write = oc_form_write_batchnorm,
     .attrs = "epsilon" ACT},
    {.op = "binary", .types = FLOAT | OC_TYPES_INT, .stretches = true,
     .write = oc_form_write_binary, .attrs = "fn" ACT},
    {.op = "cast", .types = ALL, .write = oc_form_write_cast, .attrs = "to"},
    {.op = "concat", .types = ALL, .write = oc_form_write_concat, .attrs = "axis"},
    {.op = "conv2d", .types = FLOAT | OC_TYPES_8BIT, .is_spatial = true,
     .write = oc_form_write_conv2d, .attrs = "strides dilations pads groups" ACT REQUANT},
    {.op = "conv_transpose2d", .types = FLOAT | OC_TYPES_8BIT, .is_spatial = true,
     .write = oc_form_write_conv_transpose2d,
     .attrs = "strides dilations pads output_pads groups" ACT},
    {.op = "deform_conv2d", .types = FLOAT, .is_spatial = true,
     .write = oc_form_write_deform_conv2d,
     .attrs = "strides dilations pads groups offset_groups" ACT},
    {.op = "dequantize", .types = OC_TYPES_8BIT | OC_TYPE(int32), .write = oc_form_write_dequantize,
     .attrs = "axis block_size"},
    {.op = "fully_connected", .types = FLOAT | OC_TYPES_8BIT,
     .write = oc_form_write_fully_connected, .attrs = ACT REQUANT},
    {.op = "gather", .types = ALL, .write = oc_form_write_gather, .attrs = "axis"},
    {.op = "identity", .types = ALL, .write = oc_form_write_identity},
    {.op = "lookup", .types = OC_TYPES_8BIT, .write = oc_form_write_lookup},
    {.op = "lrn", .types = FLOAT, .is_spatial = true, .write = oc_form_write_lrn,
     .attrs = "size alpha beta bias"},
    {.op = "matmul", .types = FLOAT | OC_TYPES_8BIT, .write = oc_form_write_matmul, .attrs = ACT},
    {.op = "maxpool2d", .types = FLOAT | OC_TYPES_8BIT, .is_spatial = true,
     .write = oc_form_write_maxpool2d, .attrs = POOL ACT},
    {.op = "maxpool2d_index", .types = FLOAT | OC_TYPES_8BIT, .is_spatial = true,
     .write = oc_form_write_maxpool2d_index, .attrs = POOL " storage_order"},
    {.op = "pad", .types = ALL, .write = oc_form_write_pad,
     .attrs = "pads_begin pads_end value mode"},
    {.op = "qbinary", .types = OC_TYPES_8BIT, .stretches = true, .write = oc_form_write_qbinary,
     .attrs = "fn left_shift zero1 mult1 shift1 zero2 mult2 shift2 zero_out mult_out shift_out lo hi"},
    {.op = "ql2norm", .types = OC_TYPES_8BIT, .write = oc_form_write_ql2norm, .attrs = "zero"},
    {.op = "qsoftmax", .types = OC_TYPES_8BIT, .write = oc_form_write_qsoftmax,
     .attrs = "multiplier shift diff_min"},
    {.op = "quantize", .types = FLOAT, .write = oc_form_write_quantize,
     .attrs = "axis block_size to rounding"},
    {.op = "reduce", .types = ALL & ~OC_TYPE(float16), .write = oc_form_write_reduce,
     .attrs = "fn axes keepdims"},
    {.op = "requantize", .types = OC_TYPE(int32), .write = oc_form_write_requantize,
     .attrs = "to rounding zero lo hi"},
    {.op = "reshape", .types = ALL, .write = oc_form_write_reshape, .attrs = "shape"},
    {.op = "resize", .types = ALL, .write = oc_form_write_resize,
     .attrs = "sizes scales mode coordinates nearest_mode cubic_a exclude_outside antialias"},
    {.op = "slice", .types = ALL, .write = oc_form_write_slice, .attrs = "begins ends steps"},
    {.op = "softmax", .types = FLOAT, .write = oc_form_write_softmax, .attrs = "axis log"},
    {.op = "tile", .types = ALL, .write = oc_form_write_tile, .attrs = "repeats"},
    {.op = "transpose", .types = ALL, .write = oc_form_write_transpose, .attrs = "perm"},
    {.op = "unary", .types = FLOAT, .write = oc_form_write_unary, .attrs = "fn a b"},
};
/* clang-format on */

uint32_t oc_export_types(const oc_op *op)
{
    const oc_form_row *row = oc_form_find(op->name);
    return row ? row->types & op->types : 0;
}

const oc_form_row *oc_form_find(const char *op)
{
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        if (strcmp(rows[i].op, op) == 0)
            return &rows[i];
    return NULL;
}
