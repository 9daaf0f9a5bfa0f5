/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED. On 8-bit tensors each becomes a
 * product with int32 sums, whose bias lies in the sums' own scale, and a requantisation.
 */
#include "tflite_ops.h"

#include "tflite_window.h"

#include "oc_ops.h"

/* The inputs of a product, by their places among the operator's. */
typedef struct product {
    uint32_t x, w, bias;
    uint32_t outputs;      /* how many channels it makes */
    int32_t scale_axis;    /* of the weights' tensor, along which they lie */
    bool is_single;        /* LiteRT multiplies two floats where the weights have one scale */
    bool takes_zero;       /* its int8 kernel looks at the weights' zero point */
    const char *rounding;  /* of the requantisation */
    const char *act;
    oc_id x_id, w_id;      /* as the product takes them */
} product;

/* ---- types ----------------------------------------------------------------------------------- */

static oc_status check_types(const oc_tflite_call *c, const product *p)
{
    const oc_dtype type = c->t_in[p->x]->desc.dtype, out = c->t_out[0]->desc.dtype;
    const bool is_float = type == OC_DTYPE_float32, is_8bit = oc_tflite_is_8bit(c->t_in[p->x]);
    if (!is_float && !is_8bit)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s of %s is not supported", c->at.node,
                       c->row->op, oc_dtype_name(type));
    if (c->t_in[p->w]->desc.dtype != type || out != type)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s of %s with weights of %s giving %s is not supported",
                       c->at.node, c->row->op, oc_dtype_name(type),
                       oc_dtype_name(c->t_in[p->w]->desc.dtype), oc_dtype_name(out));
    if (oc_tflite_input(c, p->bias) != OC_NONE)
        return oc_tflite_check_input(c, p->bias, is_float ? OC_DTYPE_float32 : OC_DTYPE_int32);
    return OC_OK;
}

/* ---- from sums to elements ------------------------------------------------------------------- */

/*
 * x_scale * w_scale / y_scale for each channel, as LiteRT's Prepare: in double
 * (PopulateConvolutionQuantizationParams), or with a product in float
 * (GetQuantizedConvolutionMultipler).
 */
static oc_status make_scales(const oc_tflite_call *c, const product *p, uint32_t count,
                             oc_tflite_scale *scales)
{
    oc_tflite_quant x = {0}, y = {0};
    OC_TRY(oc_tflite_quant_of(c, c->t_in[p->x], &x));
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &y));
    for (uint32_t i = 0; i < count; i++) {
        float w;
        OC_TRY(oc_tflite_scale_of(c, c->t_in[p->w], i, &w));
        const float single = x.scale * w;
        const double both = count == 1 && p->is_single ? (double)single : (double)x.scale * (double)w;
        const double real = both / (double)y.scale;
        scales[i] = strcmp(p->rounding, "double") == 0 ? oc_tflite_scale_double(real)
                                                       : oc_tflite_scale_make(real);
    }
    return OC_OK;
}

static oc_status check_scales(const oc_tflite_call *c, const product *p)
{
    const oc_tflite_tensor *w = c->t_in[p->w];
    if (w->scales.count > 1 && (w->axis != p->scale_axis || w->scales.count != p->outputs))
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": expected scales of the weights along axis %d, found %u along %d",
                       c->at.node, p->scale_axis, w->scales.count, w->axis);
    return OC_OK;
}

/* The weights' zero point where they have one; OC_NONE where it is 0. */
static oc_status weights_zero(const oc_tflite_call *c, const product *p, oc_id *zero)
{
    oc_tflite_quant w = {0};
    *zero = OC_NONE;
    if (c->t_in[p->w]->scales.count > 1)
        return OC_OK; /* several scales: all zeros are 0 (oc_tflite_scale_of) */
    OC_TRY(oc_tflite_quant_of(c, c->t_in[p->w], &w));
    /* The int8 kernels of convolutions do not look at it. */
    if (w.zero != 0 && c->t_in[p->w]->desc.dtype == OC_DTYPE_int8 && !p->takes_zero)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": int8 weights with zero point %d",
                       c->at.node, w.zero);
    return w.zero == 0 ? OC_OK : oc_tflite_zero(c, "weights_zero", c->t_in[p->w], zero);
}

/* Begins the product's node: the operator's own, or, of integers, the one that makes its sums. */
static oc_status begin(const oc_tflite_call *c, const product *p, const oc_op *op, oc_node **node)
{
    oc_id in[5] = {p->x_id, p->w_id, oc_tflite_input(c, p->bias), OC_NONE, OC_NONE};
    const char *sums;
    if (!oc_tflite_is_8bit(c->t_in[p->x]))
        return oc_imp_begin(&c->at, NULL, op, in, in[2] == OC_NONE ? 2 : 3, node);
    OC_TRY(check_scales(c, p));
    OC_TRY(oc_tflite_zero(c, "zero", c->t_in[p->x], &in[3]));
    OC_TRY(weights_zero(c, p, &in[4]));
    OC_TRY(oc_imp_sub(&c->at, "sums", &sums));
    return oc_imp_begin(&c->at, sums, op, in, in[4] == OC_NONE ? 4 : 5, node);
}

static oc_status end(oc_tflite_call *c, const product *p, oc_node *node)
{
    oc_tflite_quant y = {0};
    oc_tflite_scale *scales = NULL;
    const char *name;
    oc_id sums;
    if (!oc_tflite_is_8bit(c->t_in[p->x]))
        return oc_tflite_end_with_act(c, node, p->act);
    const uint32_t count = c->t_in[p->w]->scales.count;
    OC_TRY(oc_imp_sub(&c->at, "sums", &name));
    OC_TRY(oc_imp_end(&c->at, node, name, &sums));
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, (size_t)count + 1, scales));
    OC_TRY(make_scales(c, p, count, scales));
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &y));
    return oc_tflite_requantize(c, NULL, sums, scales, count,
                                oc_tflite_act_range(p->act, c->t_out[0]->desc.dtype, y),
                                p->rounding, &c->out[0]);
}

/* ---- convolutions ---------------------------------------------------------------------------- */

static oc_status weights_shape(const oc_tflite_call *c, uint32_t input, int32_t rank)
{
    if (oc_tflite_shape(c, input)->rank != rank)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected weights of rank %d, found %d", c->at.node,
                       rank, oc_tflite_shape(c, input)->rank);
    return OC_OK;
}

/*
 * What Conv2DOptions and DepthwiseConv2DOptions share; `first` is the slot where dilations begin.
 */
static oc_status conv_window(const oc_tflite_call *c, unsigned first, oc_tflite_window *w)
{
    OC_TRY(weights_shape(c, 1, 4));
    w->kernel[0] = oc_tflite_shape(c, 1)->dim[1];
    w->kernel[1] = oc_tflite_shape(c, 1)->dim[2];
    OC_TRY(oc_flat_i32(&c->options, first, 1, &w->dilations[1]));
    OC_TRY(oc_flat_i32(&c->options, first + 1, 1, &w->dilations[0]));
    return oc_tflite_window_read(c, w);
}

static oc_status make_conv(oc_tflite_call *c, const product *p, const oc_tflite_window *w,
                           int32_t groups)
{
    oc_node *node;
    OC_TRY(begin(c, p, &oc_op_conv2d, &node));
    OC_TRY(oc_tflite_window_set(node, w));
    OC_TRY(oc_node_set_int(node, "groups", groups));
    return end(c, p, node);
}

/* uint8 kernels know one scale and multiply floats; int8 kernels have one for each channel. */
static bool is_uint8(const oc_tflite_call *c, uint32_t input)
{
    return c->t_in[input]->desc.dtype == OC_DTYPE_uint8;
}

/* Weights [O,KH,KW,C/G]: the number of groups follows from the shapes. */
oc_status oc_tflite_conv_2d(oc_tflite_call *c)
{
    oc_tflite_window w;
    product p = {0, 1, 2, .rounding = "twice", .is_single = is_uint8(c, 0), .x_id = c->in[0], .w_id = c->in[1]};
    OC_TRY(check_types(c, &p));
    OC_TRY(conv_window(c, 4, &w));
    OC_TRY(oc_tflite_option_act(c, 3, &p.act));
    p.outputs = (uint32_t)oc_tflite_shape(c, 1)->dim[0];
    int32_t channels = oc_tflite_shape(c, 0)->dim[3], taken = oc_tflite_shape(c, 1)->dim[3];
    if (taken < 1 || channels % taken != 0)
        return oc_fail(OC_E_SHAPE, "node \"%s\": weights for %d channels, its input has %d",
                       c->at.node, taken, channels);
    return make_conv(c, &p, &w, channels / taken);
}

/* Weights [1,KH,KW,C*M]: M filters for each channel alone. */
oc_status oc_tflite_depthwise_conv_2d(oc_tflite_call *c)
{
    oc_tflite_window w;
    int32_t multiplier;
    const char *name;
    product p = {0,          1, 2, .scale_axis = 3, .rounding = "twice", .is_single = is_uint8(c, 0),
                 .x_id = c->in[0]};
    OC_TRY(check_types(c, &p));
    OC_TRY(conv_window(c, 5, &w));
    OC_TRY(oc_flat_i32(&c->options, 3, 0, &multiplier));
    OC_TRY(oc_tflite_option_act(c, 4, &p.act));
    int32_t channels = oc_tflite_shape(c, 0)->dim[3], filters = oc_tflite_shape(c, 1)->dim[3];
    if (oc_tflite_shape(c, 1)->dim[0] != 1 || channels < 1 || filters % channels != 0 ||
        (multiplier > 0 && filters / channels != multiplier))
        return oc_fail(OC_E_SHAPE,
                       "node \"%s\": depthwise weights for %d filters of %d channels with a "
                       "multiplier of %d do not agree",
                       c->at.node, filters, channels, multiplier);
    p.outputs = (uint32_t)filters;
    OC_TRY(oc_imp_sub(&c->at, "weights", &name));
    OC_TRY(oc_imp_transpose(&c->at, name, c->in[1], (int32_t[]){3, 1, 2, 0}, &p.w_id));
    return make_conv(c, &p, &w, channels);
}

/*
 * The output's size is given; its padding is that of the convolution whose gradient this is, from an
 * input of that size. What is left over at the end is padded or cut off.
 */
static oc_status transposed_pads(const oc_tflite_call *c, const int64_t size[4],
                                 oc_tflite_window *w, int32_t output_pads[2])
{
    const oc_shape *x = oc_tflite_shape(c, 2);
    for (int i = 0; i < 2; i++) {
        int32_t end, k = w->kernel[i], s = w->strides[i];
        if (size[1 + i] < 1 || size[1 + i] > INT32_MAX)
            return oc_fail(OC_E_SHAPE, "node \"%s\": an output of size %lld", c->at.node,
                           (long long)size[1 + i]);
        if (w->is_same)
            OC_TRY(oc_imp_pad_same(&c->at, (int32_t)size[1 + i], k, s, 1, false, &w->pads[i], &end));
        int64_t rest = (int64_t)(x->dim[1 + i] - 1) * s + k - w->pads[i] - size[1 + i];
        if (rest > INT32_MAX || rest < -INT32_MAX)
            return oc_fail(OC_E_SHAPE, "node \"%s\": its output of size %lld is far from its input's",
                           c->at.node, (long long)size[1 + i]);
        w->pads[2 + i] = (int32_t)OC_MAX(rest, 0);
        output_pads[i] = (int32_t)OC_MAX(-rest, 0);
    }
    return OC_OK;
}

/* Inputs: the output's shape, weights [O,KH,KW,C], x, bias. */
oc_status oc_tflite_transpose_conv(oc_tflite_call *c)
{
    oc_tflite_window w = {.dilations = {1, 1}};
    int64_t size[4];
    int32_t output_pads[2];
    size_t count;
    oc_node *node;
    product p = {2, 1, 3, .rounding = "twice", .is_single = is_uint8(c, 2), .x_id = c->in[2], .w_id = c->in[1]};
    OC_TRY(check_types(c, &p));
    OC_TRY(weights_shape(c, 1, 4));
    OC_TRY(oc_imp_ints(&c->at, c->in[0], "output shape", size, 4, &count));
    if (count != 4 || oc_tflite_shape(c, 2)->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input and an output of rank 4",
                       c->at.node);
    p.outputs = (uint32_t)oc_tflite_shape(c, 1)->dim[0];
    if (size[0] != oc_tflite_shape(c, 2)->dim[0] || size[3] != (int64_t)p.outputs)
        return oc_fail(OC_E_SHAPE,
                       "node \"%s\": expected an output of %d pictures of %u channels, found %lld "
                       "of %lld",
                       c->at.node, oc_tflite_shape(c, 2)->dim[0], p.outputs, (long long)size[0],
                       (long long)size[3]);
    w.kernel[0] = oc_tflite_shape(c, 1)->dim[1];
    w.kernel[1] = oc_tflite_shape(c, 1)->dim[2];
    OC_TRY(oc_tflite_window_options(c, &w));
    OC_TRY(oc_tflite_option_act(c, 3, &p.act));
    OC_TRY(transposed_pads(c, size, &w, output_pads));
    OC_TRY(begin(c, &p, &oc_op_conv_transpose2d, &node));
    OC_TRY(oc_tflite_window_set(node, &w));
    OC_TRY(oc_node_set_ints(node, "output_pads", output_pads, 2));
    return end(c, &p, node);
}

/* ---- FULLY_CONNECTED ------------------------------------------------------------------------- */

/* Unless it keeps its axes, the input is seen as rows of as many elements as the weights take. */
static oc_status connected_input(oc_tflite_call *c, oc_id *x)
{
    const oc_shape *in = oc_tflite_shape(c, 0);
    oc_shape rows;
    uint8_t keeps_axes;
    const char *name;
    *x = c->in[0];
    OC_TRY(oc_flat_u8(&c->options, 2, 0, &keeps_axes));
    if (keeps_axes || in->rank == 2)
        return OC_OK;
    int64_t sides[2] = {-1, oc_tflite_shape(c, 1)->dim[1]};
    OC_TRY(oc_imp_resolve(&c->at, in, sides, 2, false, &rows));
    OC_TRY(oc_imp_sub(&c->at, "rows", &name));
    return oc_imp_reshape(&c->at, name, *x, &rows, x);
}

oc_status oc_tflite_fully_connected(oc_tflite_call *c)
{
    uint8_t weights_format;
    oc_node *node;
    product p = {0, 1, 2, .rounding = "double", .takes_zero = true, .w_id = c->in[1]};
    OC_TRY(check_types(c, &p));
    OC_TRY(oc_flat_u8(&c->options, 1, 0, &weights_format));
    if (weights_format != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": weights format %u is not supported",
                       c->at.node, weights_format);
    OC_TRY(weights_shape(c, 1, 2));
    p.outputs = (uint32_t)oc_tflite_shape(c, 1)->dim[0];
    OC_TRY(oc_tflite_option_act(c, 0, &p.act));
    OC_TRY(connected_input(c, &p.x_id));
    OC_TRY(begin(c, &p, &oc_op_fully_connected, &node));
    return end(c, &p, node);
}
