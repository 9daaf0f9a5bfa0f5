/* SPDX-License-Identifier: Apache-2.0 */
/** The ONNX forms of operators from one element type to another: cast, quantize, dequantize, lookup. */
#include "forms.h"

/* ---- cast ------------------------------------------------------------------------------------- */

/* The ends of an integer type as floats that it holds, and what is missing to its greatest number. */
static const struct {
    oc_dtype dtype;
    double least, most;
    int64_t rest;
} ranges[] = {
    {OC_DTYPE_int8, -128, 127, 0},
    {OC_DTYPE_uint8, 0, 255, 0},
    {OC_DTYPE_int32, -0x1p31, 0x1.fffffep30, (1 << 7) - 1},
    {OC_DTYPE_int64, -0x1p63, 0x1.fffffep62, (INT64_C(1) << 39) - 1},
};

/* x, and 0 for a NaN: no number is above the threshold, and what is not becomes 0. */
static oc_tensor_id without_nan(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id above = OC_FORM(c, "ThresholdedRelu", x);
    oc_form_set_float(c, "alpha", 0);
    oc_tensor_id below = OC_FORM(c, "ThresholdedRelu", OC_FORM(c, "Neg", x));
    oc_form_set_float(c, "alpha", 0);
    return OC_FORM(c, "Sub", above, below);
}

/* Cut off towards 0, beyond the range its end, a NaN 0: what ONNX leaves open. */
static oc_tensor_id float_to_int(oc_form_call *c, oc_tensor_id x, oc_dtype to)
{
    size_t i = 0;
    while (i + 1 < OC_COUNT(ranges) && ranges[i].dtype != to)
        i++;
    oc_tensor_id least = oc_form_scalar(c, OC_DTYPE_float32, ranges[i].least);
    oc_tensor_id most = oc_form_scalar(c, OC_DTYPE_float32, ranges[i].most);
    x = without_nan(c, x);
    oc_tensor_id y = oc_form_cast(c, OC_FORM(c, "Clip", x, least, most), OC_DTYPE_float32, to);
    if (to == OC_DTYPE_int8 || to == OC_DTYPE_uint8)
        return y;
    /* The next float is 2^7 or 2^39 higher. */
    oc_tensor_id is_above = OC_FORM(c, "Clip", OC_FORM(c, "Sub", x, most),
                                    oc_form_scalar(c, OC_DTYPE_float32, 0),
                                    oc_form_scalar(c, OC_DTYPE_float32, 1));
    is_above = oc_form_cast(c, is_above, OC_DTYPE_float32, to);
    oc_tensor_id rest = oc_form_scalar(c, to, (double)ranges[i].rest);
    return OC_FORM(c, "Add", y, OC_FORM(c, "Mul", is_above, rest));
}

void oc_form_write_cast(oc_form_call *c)
{
    oc_dtype from = c->in[0]->dtype, to = c->out[0]->dtype;
    bool is_float = from == OC_DTYPE_float32 || from == OC_DTYPE_float16;
    bool is_int = OC_TYPES_INT >> to & 1;
    oc_tensor_id x = oc_form_in(c, 0);
    if (from == to)
        oc_form_out(c, 0, OC_FORM(c, "Identity", x));
    else if (is_float && is_int)
        oc_form_out(c, 0, float_to_int(c, oc_form_cast(c, x, from, OC_DTYPE_float32), to));
    else
        oc_form_out(c, 0, oc_form_cast(c, x, from, to));
}

/* ---- scales ----------------------------------------------------------------------------------- */

enum { IN_X, IN_SCALE, IN_ZERO };

/* Input `index`, one number or one for each index of the axis, so that it stretches over x. */
static oc_tensor_id along_axis(oc_form_call *c, uint32_t index)
{
    const oc_shape *s = &c->in[index]->shape;
    int32_t axis = oc_node_int(&c->node, "axis");
    oc_shape to = {0};
    if (s->rank == 1 && s->dim[0] > 1) {
        to = (oc_shape){.rank = c->in[IN_X]->shape.rank - axis, .dim = {s->dim[0]}};
        for (int32_t i = 1; i < to.rank; i++)
            to.dim[i] = 1;
    }
    if (oc_node_int(&c->node, "block_size") > 0)
        oc_form_refuse(c, "several scales along an axis in blocks, by a formula of its own");
    return oc_form_reshape(c, oc_form_in(c, index), &to);
}

static oc_tensor_id linear(oc_form_call *c, const char *op_type)
{
    int32_t block = oc_node_int(&c->node, "block_size");
    oc_tensor_id y = OC_FORM(c, op_type, oc_form_in(c, IN_X), oc_form_in(c, IN_SCALE),
                             oc_form_in(c, IN_ZERO));
    if (c->in[IN_X]->shape.rank > 0)
        oc_form_set_int(c, "axis", oc_node_int(&c->node, "axis"));
    if (block > 0)
        oc_form_set_int(c, "block_size", block);
    return y;
}

/* The nearest integer, halves away from 0, of a number that is not negative. */
static oc_tensor_id round_up(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id whole = OC_FORM(c, "Floor", x), rest = OC_FORM(c, "Sub", x, whole);
    oc_tensor_id two = oc_form_scalar(c, OC_DTYPE_float32, 2);
    return OC_FORM(c, "Add", whole, OC_FORM(c, "Floor", OC_FORM(c, "Mul", rest, two)));
}

/* saturate(round(x / scale) + zero) by its formula. What is beyond 1024 saturates in any case. */
static oc_tensor_id quantize_away(oc_form_call *c)
{
    oc_dtype to = c->out[0]->dtype;
    oc_tensor_id q = OC_FORM(c, "Div", oc_form_in(c, IN_X), along_axis(c, IN_SCALE));
    q = OC_FORM(c, "Clip", q, oc_form_scalar(c, OC_DTYPE_float32, -1024),
                oc_form_scalar(c, OC_DTYPE_float32, 1024));
    oc_tensor_id y = OC_FORM(c, "Mul", OC_FORM(c, "Sign", q), round_up(c, OC_FORM(c, "Abs", q)));
    y = oc_form_cast(c, y, OC_DTYPE_float32, OC_DTYPE_int32);
    if (oc_form_has(c, IN_ZERO))
        y = OC_FORM(c, "Add", y, oc_form_cast(c, along_axis(c, IN_ZERO), to, OC_DTYPE_int32));
    y = OC_FORM(c, "Clip", y, oc_form_scalar(c, OC_DTYPE_int32, to == OC_DTYPE_int8 ? -128 : 0),
                oc_form_scalar(c, OC_DTYPE_int32, to == OC_DTYPE_int8 ? 127 : 255));
    return oc_form_cast(c, y, OC_DTYPE_int32, to);
}

void oc_form_write_quantize(oc_form_call *c)
{
    oc_tensor_id y;
    if (strcmp(oc_node_enum(&c->node, "rounding"), "even") == 0) {
        y = linear(c, "QuantizeLinear");
        if (!oc_form_has(c, IN_ZERO))
            oc_form_set_int(c, "output_dtype", oc_form_onnx_dtype(c->out[0]->dtype));
    } else {
        y = quantize_away(c);
    }
    oc_form_out(c, 0, y);
}

void oc_form_write_dequantize(oc_form_call *c)
{
    oc_tensor_id y;
    if (c->in[IN_X]->dtype == OC_DTYPE_int32 && oc_form_has(c, IN_ZERO)) {
        /* ONNX has no zero point of 32 bits. */
        y = OC_FORM(c, "Sub", oc_form_in(c, IN_X), along_axis(c, IN_ZERO));
        y = oc_form_cast(c, y, OC_DTYPE_int32, OC_DTYPE_float32);
        y = OC_FORM(c, "Mul", y, along_axis(c, IN_SCALE));
    } else {
        y = linear(c, "DequantizeLinear");
    }
    oc_form_out(c, 0, y);
}

/* ---- lookup ----------------------------------------------------------------------------------- */

void oc_form_write_lookup(oc_form_call *c)
{
    oc_dtype dtype = c->in[0]->dtype;
    oc_form_prefer_first(c);
    oc_tensor_id at = oc_form_cast(c, oc_form_in(c, 0), dtype, OC_DTYPE_int32);
    if (dtype == OC_DTYPE_int8)
        at = OC_FORM(c, "Add", at, oc_form_scalar(c, OC_DTYPE_int32, 128));
    oc_form_out(c, 0, OC_FORM(c, "Gather", oc_form_in(c, 1), at));
}
