/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Darknet layers that multiply by weights. They lie as [O,I,H,W] in the file; constant
 * transposes, which fold, make them [O,H,W,I].
 */
#include "darknet_layers.h"

#include "oc_ops.h"

/* ---- weights --------------------------------------------------------------------------------- */

static oc_status take_vector(oc_dk_call *call, const char *what, int32_t count, oc_id *value)
{
    return oc_dk_weights_take(&call->net->weights, &call->at, what, &(oc_shape){1, {count}}, value);
}

typedef struct norm {
    bool is_given;
    oc_id scale, mean, variance;
} norm;

static oc_status take_norm(oc_dk_call *call, int32_t count, norm *n)
{
    OC_TRY(oc_dk_flag(call->section, "batch_normalize", false, &n->is_given));
    if (!n->is_given)
        return OC_OK;
    OC_TRY(take_vector(call, "scales", count, &n->scale));
    OC_TRY(take_vector(call, "mean", count, &n->mean));
    return take_vector(call, "variance", count, &n->variance);
}

/*
 * (x - mean) / (sqrt(variance) + .000001) * scale + bias. The operator's own root is undone by
 * squaring what is under it: its epsilon is 0.
 */
static oc_status normalise(oc_dk_call *call, const norm *n, oc_id bias, oc_id *x)
{
    const oc_imp *at = &call->at;
    const char *name;
    oc_id root, square;
    oc_node *node;
    OC_TRY(oc_imp_sub(at, "deviation", &name));
    OC_TRY(oc_imp_unary(at, name, "sqrt", 0, 0, n->variance, &root));
    OC_TRY(oc_dk_by_number(at, "epsilon", "add", root, .000001f, &root));
    OC_TRY(oc_imp_sub(at, "square", &name));
    OC_TRY(oc_imp_binary(at, name, "mul", root, root, &square));
    OC_TRY(oc_imp_sub(at, "batchnorm", &name));
    OC_TRY(oc_imp_begin(at, name, &oc_op_batchnorm, (oc_id[]){*x, n->scale, bias, n->mean, square},
                        5, &node));
    OC_TRY(oc_node_set_float(node, "epsilon", 0));
    return oc_imp_end(at, node, name, x);
}

/* ---- convolutional --------------------------------------------------------------------------- */

typedef struct window {
    int32_t size, stride, pad;
} window;

/* "pad" asks for half a window on every side, else "padding" says how much. */
static oc_status read_window(const oc_dk_section *s, window *w)
{
    bool is_half;
    OC_TRY(oc_dk_int(s, "size", 1, 1, OC_DK_SIDE_MAX, &w->size));
    OC_TRY(oc_dk_int(s, "stride", 1, 1, OC_DK_SIDE_MAX, &w->stride));
    OC_TRY(oc_dk_int(s, "padding", 0, 0, OC_DK_SIDE_MAX, &w->pad));
    OC_TRY(oc_dk_flag(s, "pad", false, &is_half));
    if (is_half)
        w->pad = w->size / 2;
    return OC_OK;
}

static oc_status convert_convolutional(oc_dk_call *call)
{
    static const int32_t to_ohwi[] = {0, 2, 3, 1};
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    window k;
    int32_t filters, groups;
    norm n;
    oc_id bias, weights, x;
    const char *name;
    oc_node *node;
    OC_TRY(read_window(s, &k));
    OC_TRY(oc_dk_int(s, "filters", 1, 1, OC_DK_CHANNELS_MAX, &filters));
    OC_TRY(oc_dk_int(s, "groups", 1, 1, OC_DK_CHANNELS_MAX, &groups));
    for (size_t i = 0; i < 3; i++)
        OC_TRY(oc_dk_only(s, (const char *[]){"binary", "xnor", "flipped"}[i], 0));
    if (call->in.c % groups != 0 || filters % groups != 0)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [%s] groups: expected a divisor of %d channels and %d filters, "
                       "found %d",
                       s->line, s->type, call->in.c, filters, groups);
    OC_TRY(take_vector(call, "biases", filters, &bias));
    OC_TRY(take_norm(call, filters, &n));
    OC_TRY(oc_dk_weights_take(&call->net->weights, at, "weights",
                              &(oc_shape){4, {filters, call->in.c / groups, k.size, k.size}},
                              &weights));
    OC_TRY(oc_imp_sub(at, "ohwi", &name));
    OC_TRY(oc_imp_transpose(at, name, weights, to_ohwi, &weights));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_conv2d, (oc_id[]){x, weights, bias}, n.is_given ? 2 : 3,
                        &node));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){k.stride, k.stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){k.pad, k.pad, k.pad, k.pad}, 4));
    OC_TRY(oc_node_set_int(node, "groups", groups));
    OC_TRY(oc_imp_end(at, node, at->out, &x));
    if (n.is_given)
        OC_TRY(normalise(call, &n, bias, &x));
    OC_TRY(oc_dk_activate(call, "logistic", &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* ---- connected ------------------------------------------------------------------------------- */

/* Its statistics come behind the weights, unlike a convolution's. */
static oc_status convert_connected(oc_dk_call *call)
{
    static const int32_t swap[] = {1, 0};
    const oc_imp *at = &call->at;
    int32_t outputs;
    norm n;
    oc_id bias, weights, x;
    const char *name;
    oc_node *node;
    OC_TRY(oc_dk_int(call->section, "output", 1, 1, OC_DK_CHANNELS_MAX, &outputs));
    OC_TRY(oc_dk_in(call, OC_DK_FLAT, &x));
    const int32_t inputs = oc_imp_shape(at, x)->dim[1];
    const bool is_swapped = call->net->weights.is_transposed;
    OC_TRY(take_vector(call, "biases", outputs, &bias));
    OC_TRY(oc_dk_weights_take(
        &call->net->weights, at, "weights",
        &(oc_shape){2, {is_swapped ? inputs : outputs, is_swapped ? outputs : inputs}}, &weights));
    OC_TRY(take_norm(call, outputs, &n));
    OC_TRY(oc_imp_sub(at, "rows", &name));
    if (is_swapped)
        OC_TRY(oc_imp_transpose(at, name, weights, swap, &weights));
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_fully_connected, (oc_id[]){x, weights, bias},
                        n.is_given ? 2 : 3, &node));
    OC_TRY(oc_imp_end(at, node, at->out, &x));
    if (n.is_given)
        OC_TRY(normalise(call, &n, bias, &x));
    OC_TRY(oc_dk_activate(call, "logistic", &x));
    call->out = (oc_dk_map){.value = x, .form = OC_DK_FLAT, .c = outputs, .h = 1, .w = 1};
    return OC_OK;
}

/* ---- local ----------------------------------------------------------------------------------- */

/* What each output pixel sees, [N,OH,OW,size size C]: the window's taps as slices side by side. */
static oc_status take_patches(oc_dk_call *call, const window *k, int32_t oh, int32_t ow, oc_id *x)
{
    const oc_imp *at = &call->at;
    const int64_t pads[] = {0, k->pad, k->pad, 0};
    oc_id taps[OC_NODE_IO_MAX];
    oc_imp sub = *at;
    const char *name;
    size_t count = 0;
    OC_TRY(oc_imp_sub(at, "padded", &sub.node));
    sub.out = sub.node;
    OC_TRY(oc_imp_pad(&sub, *x, pads, pads, 0, x));
    OC_TRY(oc_imp_sub(at, "tap", &name));
    for (int32_t i = 0; i < k->size; i++) {
        oc_id rows;
        OC_TRY(oc_dk_slice(at, name, *x, 1, i, i + (oh - 1) * k->stride + 1, k->stride, &rows));
        for (int32_t j = 0; j < k->size; j++)
            OC_TRY(oc_dk_slice(at, name, rows, 2, j, j + (ow - 1) * k->stride + 1, k->stride,
                               &taps[count++]));
    }
    OC_TRY(oc_imp_sub(at, "patches", &name));
    return oc_dk_concat(at, name, taps, count, 3, x);
}

/*
 * Weights [P,O,C,size,size] for each of P output pixels as the factors [P,size size C,O] of one
 * product a pixel; biases [O,P] as [P,1,O].
 */
static oc_status take_local(oc_dk_call *call, const window *k, int32_t pixels, int32_t filters,
                            oc_id *weights, oc_id *bias)
{
    static const int32_t to_factors[] = {0, 3, 4, 2, 1}, swap[] = {1, 0};
    const oc_imp *at = &call->at;
    oc_dk_weights *file = &call->net->weights;
    const int32_t c = call->in.c;
    const char *name;
    OC_TRY(oc_dk_weights_take(file, at, "biases", &(oc_shape){2, {filters, pixels}}, bias));
    OC_TRY(oc_dk_weights_take(file, at, "weights",
                              &(oc_shape){5, {pixels, filters, c, k->size, k->size}}, weights));
    OC_TRY(oc_imp_sub(at, "swapped", &name));
    OC_TRY(oc_imp_transpose(at, name, *bias, swap, bias));
    OC_TRY(oc_imp_sub(at, "bias", &name));
    OC_TRY(oc_imp_reshape(at, name, *bias, &(oc_shape){3, {pixels, 1, filters}}, bias));
    OC_TRY(oc_imp_sub(at, "turned", &name));
    OC_TRY(oc_imp_transpose(at, name, *weights, to_factors, weights));
    OC_TRY(oc_imp_sub(at, "factors", &name));
    return oc_imp_reshape(at, name, *weights,
                          &(oc_shape){3, {pixels, k->size * k->size * c, filters}}, weights);
}

/* A convolution with weights of its own at every pixel: a matrix product for each. */
static oc_status convert_local(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    window k = {0};
    int32_t filters;
    bool is_padded;
    oc_id x, weights, bias;
    const char *name;
    oc_node *node;
    OC_TRY(read_window(call->section, &k));
    OC_TRY(oc_dk_flag(call->section, "pad", false, &is_padded));
    OC_TRY(oc_dk_int(call->section, "filters", 1, 1, OC_DK_CHANNELS_MAX, &filters));
    k.pad = is_padded; /* one pixel, whatever the size */
    if ((int64_t)k.size * k.size > OC_NODE_IO_MAX)
        return oc_fail(OC_E_UNSUPPORTED, "line %u: [local] size: expected at most 8, found %d",
                       call->section->line, k.size);
    if (in->h > OC_DK_SIDE_MAX || in->w > OC_DK_SIDE_MAX || in->c > OC_DK_CHANNELS_MAX)
        return oc_fail(OC_E_LIMIT,
                       "line %u: [local]: expected at most %d x %d pixels of %d channels, found "
                       "%d x %d of %d",
                       call->section->line, OC_DK_SIDE_MAX, OC_DK_SIDE_MAX, OC_DK_CHANNELS_MAX,
                       in->h, in->w, in->c);
    const int32_t oh = (in->h + 2 * k.pad - k.size) / k.stride + 1;
    const int32_t ow = (in->w + 2 * k.pad - k.size) / k.stride + 1;
    if ((int64_t)oh * ow > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "line %u: [local]: %d x %d pixels are too many",
                       call->section->line, oh, ow);
    if (in->h + 2 * k.pad < k.size || in->w + 2 * k.pad < k.size ||
        (is_padded && (oh != (in->h - 1) / k.stride + 1 || ow != (in->w - 1) / k.stride + 1)))
        return oc_fail(OC_E_SHAPE,
                       "line %u: [local] size: a window of %d with pad %d does not fit %d x %d",
                       call->section->line, k.size, k.pad, in->h, in->w);
    OC_TRY(take_local(call, &k, oh * ow, filters, &weights, &bias));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(take_patches(call, &k, oh, ow, &x));
    OC_TRY(oc_imp_sub(at, "pixels", &name));
    OC_TRY(oc_imp_reshape(at, name, x,
                          &(oc_shape){4, {call->net->n, oh * ow, 1, k.size * k.size * in->c}}, &x));
    OC_TRY(oc_imp_sub(at, "products", &name));
    OC_TRY(oc_imp_begin(at, name, &oc_op_matmul, (oc_id[]){x, weights}, 2, &node));
    OC_TRY(oc_imp_end(at, node, name, &x));
    OC_TRY(oc_imp_sub(at, "biased", &name));
    OC_TRY(oc_imp_binary(at, name, "add", x, bias, &x));
    OC_TRY(oc_dk_activate(call, "logistic", &x));
    OC_TRY(oc_imp_reshape(at, NULL, x, &(oc_shape){4, {call->net->n, oh, ow, filters}}, &x));
    oc_dk_set_out(call, x);
    return OC_OK;
}

/* ---- the rows ---------------------------------------------------------------------------------- */

const oc_dk_row oc_dk_product_rows[] = {
    {"convolutional",
     "filters size stride pad padding groups batch_normalize activation binary xnor flipped",
     OC_DK_ONLY_IN_TRAINING, false, convert_convolutional},
    {"connected", "output activation batch_normalize", OC_DK_ONLY_IN_TRAINING, false, convert_connected},
    {"local", "filters size stride pad activation", OC_DK_ONLY_IN_TRAINING, false, convert_local},
};
const size_t oc_dk_n_product_rows = OC_COUNT(oc_dk_product_rows);
