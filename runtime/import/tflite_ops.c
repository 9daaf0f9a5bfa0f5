/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The TensorFlow Lite operators that are understood, one row each at the end of the file. Source:
 * schema.fbs of TensorFlow Lite (slots of the option tables) and its reference kernels. Layouts are
 * ours: [N,H,W,C], weights [O,KH,KW,I]; only depthwise weights, [1,KH,KW,O], are turned.
 */
#include "tflite_ops.h"

#include "oc_ops.h"

/* ---- options --------------------------------------------------------------------------------- */

static const oc_shape *shape_of(const oc_tflite_call *c, uint32_t input)
{
    return oc_imp_shape(&c->at, c->in[input]);
}

static oc_id input_or_none(const oc_tflite_call *c, uint32_t input)
{
    return input < c->n_in ? c->in[input] : OC_NONE;
}

/* A list of 32-bit integers in the options. */
static oc_status option_ints(const oc_tflite_call *c, unsigned slot, int64_t *out, size_t max,
                             size_t *count)
{
    oc_flat_vector list;
    OC_TRY(oc_flat_list(&c->options, slot, 4, &list));
    if (list.count > max)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": expected at most %zu numbers in its options, found %u",
                       c->at.node, max, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        int32_t value;
        OC_TRY(oc_flat_i32_of(&list, i, &value));
        out[i] = value;
    }
    *count = list.count;
    return OC_OK;
}

/*
 * ActivationFunctionType at `slot`, as our unary function. TANH (4) and SIGN_BIT (5) are refused:
 * the reference kernels of the operators that could have them leave them out silently.
 */
static oc_status option_act(const oc_tflite_call *c, unsigned slot, const char **act)
{
    static const char *const names[] = {"none", "relu", "relu_n1_to_1", "relu6"};
    uint8_t number;
    OC_TRY(oc_flat_u8(&c->options, slot, 0, &number));
    if (number >= OC_COUNT(names))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": fused activation %u is not supported",
                       c->at.node, number);
    *act = names[number];
    return OC_OK;
}

static oc_status end_with_act(oc_tflite_call *c, oc_node *node, const char *act)
{
    OC_TRY(oc_node_set_enum(node, node->op->act_attr, act));
    return oc_imp_end(&c->at, node, c->at.out, &c->out);
}

/* ---- windows --------------------------------------------------------------------------------- */

typedef struct window {
    int32_t kernel[2], strides[2], dilations[2], pads[4]; /* h, w; top, left, bottom, right */
} window;

/* `padding` is a slot: SAME 0, VALID 1. Kernel, strides and dilations are set. */
static oc_status read_padding(const oc_tflite_call *c, unsigned padding, window *w)
{
    uint8_t mode;
    OC_TRY(oc_flat_u8(&c->options, padding, 0, &mode));
    memset(w->pads, 0, sizeof(w->pads));
    if (mode > 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected padding 0 or 1, found %u", c->at.node,
                       mode);
    if (shape_of(c, 0)->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input of rank 4, found %d", c->at.node,
                       shape_of(c, 0)->rank);
    for (int i = 0; i < 2 && mode == 0; i++)
        OC_TRY(oc_imp_pad_same(&c->at, shape_of(c, 0)->dim[1 + i], w->kernel[i], w->strides[i],
                               w->dilations[i], false, &w->pads[i], &w->pads[2 + i]));
    return OC_OK;
}

static oc_status set_window(oc_node *node, const window *w)
{
    OC_TRY(oc_node_set_ints(node, "strides", w->strides, 2));
    OC_TRY(oc_node_set_ints(node, "dilations", w->dilations, 2));
    return oc_node_set_ints(node, "pads", w->pads, 4);
}

/*
 * What Conv2DOptions and DepthwiseConv2DOptions share; `first` is the slot where dilations begin.
 */
static oc_status conv_window(const oc_tflite_call *c, unsigned first, window *w)
{
    const oc_shape *weights = shape_of(c, 1);
    if (weights->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected weights of rank 4, found %d", c->at.node,
                       weights->rank);
    w->kernel[0] = weights->dim[1];
    w->kernel[1] = weights->dim[2];
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &w->strides[1]));
    OC_TRY(oc_flat_i32(&c->options, 2, 0, &w->strides[0]));
    OC_TRY(oc_flat_i32(&c->options, first, 1, &w->dilations[1]));
    OC_TRY(oc_flat_i32(&c->options, first + 1, 1, &w->dilations[0]));
    return read_padding(c, 0, w);
}

static oc_status make_conv(oc_tflite_call *c, const window *w, oc_id weights, int32_t groups,
                           unsigned act_slot)
{
    const char *act;
    oc_node *node;
    oc_id in[3] = {c->in[0], weights, input_or_none(c, 2)};
    OC_TRY(option_act(c, act_slot, &act));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_conv2d, in, in[2] == OC_NONE ? 2 : 3, &node));
    OC_TRY(set_window(node, w));
    OC_TRY(oc_node_set_int(node, "groups", groups));
    return end_with_act(c, node, act);
}

/* Weights [O,KH,KW,C/G]: the number of groups follows from the shapes. */
static oc_status conv_2d(oc_tflite_call *c)
{
    window w;
    OC_TRY(conv_window(c, 4, &w));
    int32_t channels = shape_of(c, 0)->dim[3], taken = shape_of(c, 1)->dim[3];
    if (taken < 1 || channels % taken != 0)
        return oc_fail(OC_E_SHAPE, "node \"%s\": weights for %d channels, its input has %d",
                       c->at.node, taken, channels);
    return make_conv(c, &w, c->in[1], channels / taken, 3);
}

/* Weights [1,KH,KW,C*M]: M filters for each channel alone. */
static oc_status depthwise_conv_2d(oc_tflite_call *c)
{
    window w;
    int32_t multiplier;
    const char *name;
    oc_id weights;
    OC_TRY(conv_window(c, 5, &w));
    OC_TRY(oc_flat_i32(&c->options, 3, 0, &multiplier));
    int32_t channels = shape_of(c, 0)->dim[3], filters = shape_of(c, 1)->dim[3];
    if (shape_of(c, 1)->dim[0] != 1 || channels < 1 || filters % channels != 0 ||
        (multiplier > 0 && filters / channels != multiplier))
        return oc_fail(OC_E_SHAPE,
                       "node \"%s\": depthwise weights for %d filters of %d channels with a "
                       "multiplier of %d do not agree",
                       c->at.node, filters, channels, multiplier);
    OC_TRY(oc_imp_sub(&c->at, "weights", &name));
    OC_TRY(oc_imp_transpose(&c->at, name, c->in[1], (int32_t[]){3, 1, 2, 0}, &weights));
    return make_conv(c, &w, weights, channels, 4);
}

static oc_status pool(oc_tflite_call *c)
{
    window w = {.dilations = {1, 1}};
    const char *act;
    oc_node *node;
    const oc_op *op = strcmp(c->row->fn, "max") == 0 ? &oc_op_maxpool2d : &oc_op_avgpool2d;
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &w.strides[1]));
    OC_TRY(oc_flat_i32(&c->options, 2, 0, &w.strides[0]));
    OC_TRY(oc_flat_i32(&c->options, 3, 0, &w.kernel[1]));
    OC_TRY(oc_flat_i32(&c->options, 4, 0, &w.kernel[0]));
    OC_TRY(read_padding(c, 0, &w));
    OC_TRY(option_act(c, 5, &act));
    OC_TRY(oc_imp_begin(&c->at, NULL, op, c->in, 1, &node));
    OC_TRY(oc_node_set_ints(node, "kernel", w.kernel, 2));
    OC_TRY(set_window(node, &w));
    return end_with_act(c, node, act);
}

/* ---- the rest of the layers ------------------------------------------------------------------ */

/* Unless it keeps its axes, the input is seen as rows of as many elements as the weights take. */
static oc_status connected_input(oc_tflite_call *c, oc_id *x)
{
    const oc_shape *in = shape_of(c, 0);
    oc_shape rows;
    uint8_t keeps_axes;
    const char *name;
    *x = c->in[0];
    OC_TRY(oc_flat_u8(&c->options, 2, 0, &keeps_axes));
    if (keeps_axes || in->rank == 2)
        return OC_OK;
    int64_t sides[2] = {-1, shape_of(c, 1)->dim[1]};
    OC_TRY(oc_imp_resolve(&c->at, in, sides, 2, false, &rows));
    OC_TRY(oc_imp_sub(&c->at, "rows", &name));
    return oc_imp_reshape(&c->at, name, *x, &rows, x);
}

static oc_status fully_connected(oc_tflite_call *c)
{
    uint8_t weights_format;
    const char *act;
    oc_node *node;
    oc_id in[3] = {OC_NONE, c->in[1], input_or_none(c, 2)};
    OC_TRY(oc_flat_u8(&c->options, 1, 0, &weights_format));
    if (weights_format != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": weights format %u is not supported",
                       c->at.node, weights_format);
    if (shape_of(c, 1)->rank != 2)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected weights of rank 2, found %d", c->at.node,
                       shape_of(c, 1)->rank);
    OC_TRY(option_act(c, 0, &act));
    OC_TRY(connected_input(c, &in[0]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_fully_connected, in, in[2] == OC_NONE ? 2 : 3, &node));
    return end_with_act(c, node, act);
}

static oc_status softmax(oc_tflite_call *c)
{
    float beta;
    oc_node *node;
    int32_t rank = shape_of(c, 0)->rank;
    OC_TRY(oc_flat_f32(&c->options, 0, 0.0f, &beta));
    if (beta != 1.0f)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": SOFTMAX with beta %g is not supported, only 1", c->at.node,
                       (double)beta);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_softmax, c->in, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", OC_MAX(rank - 1, 0)));
    return oc_imp_end(&c->at, node, c->at.out, &c->out);
}

/* The sum runs over `radius` channels to either side; alpha is not divided by their number. */
static oc_status lrn(oc_tflite_call *c)
{
    int32_t radius;
    float bias, alpha, beta;
    oc_node *node;
    OC_TRY(oc_flat_i32(&c->options, 0, 0, &radius));
    OC_TRY(oc_flat_f32(&c->options, 1, 0.0f, &bias));
    OC_TRY(oc_flat_f32(&c->options, 2, 0.0f, &alpha));
    OC_TRY(oc_flat_f32(&c->options, 3, 0.0f, &beta));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_lrn, c->in, 1, &node));
    OC_TRY(oc_node_set_int(node, "size", 2 * (int64_t)radius + 1));
    OC_TRY(oc_node_set_float(node, "alpha", alpha));
    OC_TRY(oc_node_set_float(node, "beta", beta));
    OC_TRY(oc_node_set_float(node, "bias", bias));
    return oc_imp_end(&c->at, node, c->at.out, &c->out);
}

/* ---- elementwise ----------------------------------------------------------------------------- */

static oc_status unary(oc_tflite_call *c)
{
    return oc_imp_unary(&c->at, NULL, c->row->fn, 0.0f, 0.0f, c->in[0], &c->out);
}

static oc_status leaky_relu(oc_tflite_call *c)
{
    float alpha;
    OC_TRY(oc_flat_f32(&c->options, 0, 0.0f, &alpha));
    return oc_imp_unary(&c->at, NULL, "leaky_relu", alpha, 0.0f, c->in[0], &c->out);
}

/* MaximumMinimumOptions are empty: the slot of an activation is absent there. */
static oc_status binary(oc_tflite_call *c)
{
    const char *act;
    oc_node *node;
    OC_TRY(option_act(c, 0, &act));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_binary, c->in, 2, &node));
    OC_TRY(oc_node_set_enum(node, "fn", c->row->fn));
    return end_with_act(c, node, act);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static oc_status concatenation(oc_tflite_call *c)
{
    int32_t asked, axis;
    uint8_t act;
    oc_node *node;
    OC_TRY(oc_flat_i32(&c->options, 0, 0, &asked));
    OC_TRY(oc_flat_u8(&c->options, 1, 0, &act));
    if (act != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": fused activation %u is not supported",
                       c->at.node, act);
    OC_TRY(oc_imp_axis(&c->at, asked, shape_of(c, 0)->rank, &axis));
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_concat, c->in, c->n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out);
}

/* The shape is an input, or, in older files, an option. */
static oc_status reshape(oc_tflite_call *c)
{
    int64_t dims[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    if (input_or_none(c, 1) != OC_NONE)
        OC_TRY(oc_imp_ints(&c->at, c->in[1], "shape", dims, OC_RANK_MAX, &count));
    else
        OC_TRY(option_ints(c, 0, dims, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_resolve(&c->at, shape_of(c, 0), dims, count, false, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status squeeze(oc_tflite_call *c)
{
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    OC_TRY(option_ints(c, 0, asked, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_axes(&c->at, asked, count, shape_of(c, 0)->rank, axes));
    OC_TRY(oc_imp_squeezed(&c->at, shape_of(c, 0), axes, count, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status transpose(oc_tflite_call *c)
{
    int64_t asked[OC_RANK_MAX];
    int32_t perm[OC_RANK_MAX], rank = shape_of(c, 0)->rank;
    size_t count;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "permutation", asked, OC_RANK_MAX, &count));
    if (count != (size_t)rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected a permutation of %d axes, found %zu",
                       c->at.node, rank, count);
    for (size_t i = 0; i < count; i++)
        OC_TRY(oc_imp_axis(&c->at, asked[i], rank, &perm[i]));
    return oc_imp_transpose(&c->at, NULL, c->in[0], perm, &c->out);
}

/* Paddings are [rank,2]: before and after each axis. */
static oc_status pad(oc_tflite_call *c)
{
    int64_t pairs[2 * OC_RANK_MAX], begins[OC_RANK_MAX], ends[OC_RANK_MAX];
    size_t count, rank = (size_t)shape_of(c, 0)->rank;
    float value = 0.0f;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "paddings", pairs, OC_COUNT(pairs), &count));
    if (count != 2 * rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected %zu paddings, found %zu", c->at.node,
                       2 * rank, count);
    for (size_t i = 0; i < rank; i++) {
        begins[i] = pairs[2 * i];
        ends[i] = pairs[2 * i + 1];
    }
    if (c->n_in > 2)
        OC_TRY(oc_imp_float(&c->at, c->in[2], "padding value", &value));
    return oc_imp_pad(&c->at, c->in[0], begins, ends, value, &c->out);
}

static oc_status reduce(oc_tflite_call *c)
{
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count;
    uint8_t keep_dims;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "axes", asked, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_axes(&c->at, asked, count, shape_of(c, 0)->rank, axes));
    OC_TRY(oc_flat_u8(&c->options, 0, 0, &keep_dims));
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], axes, count, keep_dims != 0, &c->out);
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define MANY OC_NODE_IO_MAX

/* BuiltinOptions of schema.fbs, as far as they are used. */
enum {
    CONV_2D_OPTIONS = 1,
    DEPTHWISE_CONV_2D_OPTIONS = 2,
    POOL_2D_OPTIONS = 5,
    FULLY_CONNECTED_OPTIONS = 8,
    SOFTMAX_OPTIONS = 9,
    CONCATENATION_OPTIONS = 10,
    ADD_OPTIONS = 11,
    LOCAL_RESPONSE_NORMALIZATION_OPTIONS = 13,
    RESHAPE_OPTIONS = 17,
    MUL_OPTIONS = 21,
    PAD_OPTIONS = 22,
    TRANSPOSE_OPTIONS = 26,
    REDUCER_OPTIONS = 27,
    SUB_OPTIONS = 28,
    DIV_OPTIONS = 29,
    SQUEEZE_OPTIONS = 30,
    MAXIMUM_MINIMUM_OPTIONS = 39,
    PAD_V2_OPTIONS = 43,
    LEAKY_RELU_OPTIONS = 75
};

/* Versions: what TensorFlow Lite's own resolver (core/kernels/register.cc) registers. */
/* clang-format off */
static const oc_tflite_row rows[] = {
    {.op = "ADD", .version = 5, .options = ADD_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "add"},
    {.op = "AVERAGE_POOL_2D", .version = 3, .options = POOL_2D_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = pool, .fn = "mean"},
    {.op = "CONCATENATION", .version = 4, .options = CONCATENATION_OPTIONS,
     .in_min = 1, .in_max = MANY, .convert = concatenation},
    {.op = "CONV_2D", .version = 7, .options = CONV_2D_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = conv_2d},
    {.op = "DEPTHWISE_CONV_2D", .version = 7, .options = DEPTHWISE_CONV_2D_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = depthwise_conv_2d},
    {.op = "FULLY_CONNECTED", .version = 10, .options = FULLY_CONNECTED_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = fully_connected},
    {.op = "LOCAL_RESPONSE_NORMALIZATION", .version = 1,
     .options = LOCAL_RESPONSE_NORMALIZATION_OPTIONS, .in_min = 1, .in_max = 1, .convert = lrn},
    {.op = "LOGISTIC", .version = 3, .in_min = 1, .in_max = 1, .convert = unary, .fn = "sigmoid"},
    {.op = "MAX_POOL_2D", .version = 3, .options = POOL_2D_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = pool, .fn = "max"},
    {.op = "MUL", .version = 7, .options = MUL_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "mul"},
    {.op = "RELU", .version = 3, .in_min = 1, .in_max = 1, .convert = unary, .fn = "relu"},
    {.op = "RELU_N1_TO_1", .version = 1,
     .in_min = 1, .in_max = 1, .convert = unary, .fn = "relu_n1_to_1"},
    {.op = "RELU6", .version = 3, .in_min = 1, .in_max = 1, .convert = unary, .fn = "relu6"},
    {.op = "RESHAPE", .version = 1, .options = RESHAPE_OPTIONS,
     .in_min = 1, .in_max = 2, .convert = reshape},
    {.op = "SOFTMAX", .version = 3, .options = SOFTMAX_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = softmax},
    {.op = "TANH", .version = 3, .in_min = 1, .in_max = 1, .convert = unary, .fn = "tanh"},
    {.op = "PAD", .version = 4, .options = PAD_OPTIONS, .in_min = 2, .in_max = 2, .convert = pad},
    {.op = "TRANSPOSE", .version = 6, .options = TRANSPOSE_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = transpose},
    {.op = "MEAN", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = reduce, .fn = "mean"},
    {.op = "SUB", .version = 5, .options = SUB_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "sub"},
    {.op = "DIV", .version = 2, .options = DIV_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "div"},
    {.op = "SQUEEZE", .version = 2, .options = SQUEEZE_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = squeeze},
    {.op = "MAXIMUM", .version = 4, .options = MAXIMUM_MINIMUM_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "max"},
    {.op = "MINIMUM", .version = 4, .options = MAXIMUM_MINIMUM_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = binary, .fn = "min"},
    {.op = "PADV2", .version = 4, .options = PAD_V2_OPTIONS,
     .in_min = 3, .in_max = 3, .convert = pad},
    {.op = "SUM", .version = 2, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = reduce, .fn = "sum"},
    {.op = "REDUCE_MAX", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = reduce, .fn = "max"},
    {.op = "REDUCE_MIN", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = reduce, .fn = "min"},
    {.op = "LEAKY_RELU", .version = 2, .options = LEAKY_RELU_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = leaky_relu},
};
/* clang-format on */

/* BuiltinOperator of schema.fbs, by number. */
/* clang-format off */
static const char *const builtin_names[] = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
    "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
    "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
    "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL",
    "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE",
    "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN",
    "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND",
    "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE",
    "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE",
    "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS",
    "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG",
    "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D",
    "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE",
    "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM",
    "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD",
    "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN",
    "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT",
};
/* clang-format on */

const char *oc_tflite_builtin_name(int32_t code)
{
    return code >= 0 && (size_t)code < OC_COUNT(builtin_names) ? builtin_names[code] : NULL;
}

const oc_tflite_row *oc_tflite_find_row(int32_t code)
{
    const char *name = oc_tflite_builtin_name(code);
    for (size_t i = 0; name && i < OC_COUNT(rows); i++)
        if (strcmp(rows[i].op, name) == 0)
            return &rows[i];
    return NULL;
}

const char *oc_tflite_op_name(size_t index)
{
    return index < OC_COUNT(rows) ? rows[index].op : NULL;
}
