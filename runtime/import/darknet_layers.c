/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Darknet layers that compute: one function and one row each. Source: Darknet's behaviour (J.
 * Redmon, https://pjreddie.com/darknet; A. Bochkovskiy's continuation for groups, scale_channels).
 *
 * Weights lie as [O,I,H,W] in the file; constant transposes, which fold, make them [O,H,W,I].
 */
#include "darknet_layers.h"

#include "oc_ops.h"

#define SIDE_MAX 65536 /* of a window, in pixels: far above what any network has */
#define CHANNELS_MAX (1 << 24)

/* ---- forms and short forms ------------------------------------------------------------------- */

oc_status oc_dk_as(const oc_imp *at, int32_t n, const oc_dk_map *map, oc_dk_form form,
                   const char *name, oc_id *value)
{
    static const int32_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};
    oc_id x = map->value;
    const bool is_point = map->h == 1 && map->w == 1;
    if (form == OC_DK_FLAT && map->form != OC_DK_FLAT) {
        size_t elems;
        const char *first;
        OC_TRY(oc_shape_elems(oc_imp_shape(at, x), &elems));
        if (elems / (size_t)n > INT32_MAX)
            return oc_fail(OC_E_LIMIT, "layer %s: %zu numbers in a row, expected at most %d",
                           at->node, elems / (size_t)n, INT32_MAX);
        OC_TRY(oc_imp_join(at->scratch, name, "nchw", &first));
        if (map->form == OC_DK_NHWC && !is_point)
            OC_TRY(oc_imp_transpose(at, first, x, to_nchw, &x));
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){2, {n, (int32_t)(elems / (size_t)n)}}, &x));
    } else if (map->form == OC_DK_FLAT && form == OC_DK_NHWC) {
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){4, {n, 1, 1, map->c}}, &x));
    } else if (map->form == OC_DK_FLAT && form == OC_DK_NCHW) {
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){4, {n, map->c, 1, 1}}, &x));
    } else if (map->form != form) {
        OC_TRY(oc_imp_transpose(at, name, x, form == OC_DK_NHWC ? to_nhwc : to_nchw, &x));
    }
    *value = x;
    return OC_OK;
}

oc_status oc_dk_in(const oc_dk_call *call, oc_dk_form form, oc_id *value)
{
    const char *name;
    OC_TRY(oc_imp_sub(&call->at, "in", &name));
    return oc_dk_as(&call->at, call->net->n, &call->in, form, name, value);
}

oc_status oc_dk_layer(const oc_dk_call *call, const char *key, int32_t number,
                      const oc_dk_map **map)
{
    const oc_dk_net *net = call->net;
    const int64_t index = number < 0 ? (int64_t)net->n_maps + number : number;
    if (index < 0 || index >= (int64_t)net->n_maps || net->maps[index].value == OC_NONE)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [%s] %s: expected a layer before number %zu that has a result, "
                       "found %d",
                       call->section->line, call->section->type, key, net->n_maps, number);
    *map = &net->maps[index];
    return OC_OK;
}

oc_status oc_dk_slice(const oc_imp *at, const char *name, oc_id x, int32_t axis, int32_t begin,
                      int32_t end, int32_t step, oc_id *out)
{
    int32_t begins[OC_RANK_MAX] = {0}, steps[OC_RANK_MAX];
    oc_shape ends = *oc_imp_shape(at, x);
    const size_t rank = (size_t)ends.rank;
    oc_node *node;
    for (size_t i = 0; i < rank; i++)
        steps[i] = 1;
    begins[axis] = begin;
    ends.dim[axis] = end;
    steps[axis] = step;
    OC_TRY(oc_imp_begin(at, name, &oc_op_slice, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "begins", begins, rank));
    OC_TRY(oc_node_set_ints(node, "ends", ends.dim, rank));
    OC_TRY(oc_node_set_ints(node, "steps", steps, rank));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_concat(const oc_imp *at, const char *name, const oc_id *in, size_t n_in,
                       int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_concat, in, n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_softmax(const oc_imp *at, const char *name, oc_id x, int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_by_number(const oc_imp *at, const char *what, const char *fn, oc_id x, float number,
                          oc_id *out)
{
    const char *name;
    oc_id constant;
    OC_TRY(oc_imp_sub(at, what, &name));
    OC_TRY(oc_imp_scalar(at, what, number, &constant));
    return oc_imp_binary(at, name, fn, x, constant, out);
}

/* The result, of the form NHWC, as it is now. */
static void set_out(oc_dk_call *call, oc_id value)
{
    const int32_t *dim = oc_imp_shape(&call->at, value)->dim;
    call->out = (oc_dk_map){value, OC_DK_NHWC, dim[3], dim[1], dim[2]};
}

/* Adds `name` to what failed in a map that ought to be as large as another. */
static oc_status fail_size(const oc_dk_call *call, const char *what, const oc_dk_map *expected,
                           const oc_dk_map *found)
{
    return oc_fail(OC_E_SHAPE,
                   "line %u: [%s]: %s: expected %d x %d pixels (height x width), found %d x %d",
                   call->section->line, call->section->type, what, expected->h, expected->w,
                   found->h, found->w);
}

/* ---- activations ----------------------------------------------------------------------------- */

static const struct {
    const char *name; /* in the .cfg */
    const char *fn;   /* of the operator unary; NULL: none */
    float a, b;
} activations[] = {
    {"linear", NULL, 0, 0},
    {"leaky", "leaky_relu", 0.1f, 0},
    {"relu", "relu", 0, 0},
    {"relu6", "relu6", 0, 0},
    {"logistic", "sigmoid", 0, 0},
    {"tanh", "tanh", 0, 0},
    {"relie", "leaky_relu", 0.01f, 0},
    {"hardtan", "relu_n1_to_1", 0, 0},
    {"elu", "elu", 1, 0},
    {"selu", "selu", 1.6732f, 1.0507f},
    {"mish", "mish", 0, 0},
    {"swish", "swish", 1, 0},
    {"ramp", "ramp", 0, 0},
    {"loggy", "loggy", 0, 0},
    {"lhtan", "lhtan", 0, 0},
    {"plse", "plse", 0, 0},
    {"stair", "stair", 0, 0},
};

/* The function that the section's key "activation" names, on *x. */
static oc_status activate(const oc_dk_call *call, const char *initial, oc_id *x)
{
    const char *text = oc_dk_text(call->section, "activation", initial), *name;
    for (size_t i = 0; i < OC_COUNT(activations); i++) {
        if (strcmp(text, activations[i].name) != 0)
            continue;
        if (!activations[i].fn)
            return OC_OK;
        OC_TRY(oc_imp_sub(&call->at, text, &name));
        return oc_imp_unary(&call->at, name, activations[i].fn, activations[i].a, activations[i].b,
                            *x, x);
    }
    return oc_fail(OC_E_UNSUPPORTED, "line %u: [%s] activation: \"%.*s\" is not supported",
                   call->section->line, call->section->type, oc_text_fit(text, 80), text);
}

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
    OC_TRY(oc_dk_int(s, "size", 1, 1, SIDE_MAX, &w->size));
    OC_TRY(oc_dk_int(s, "stride", 1, 1, SIDE_MAX, &w->stride));
    OC_TRY(oc_dk_int(s, "padding", 0, 0, SIDE_MAX, &w->pad));
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
    OC_TRY(oc_dk_int(s, "filters", 1, 1, CHANNELS_MAX, &filters));
    OC_TRY(oc_dk_int(s, "groups", 1, 1, CHANNELS_MAX, &groups));
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
    OC_TRY(activate(call, "logistic", &x));
    set_out(call, x);
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
    OC_TRY(oc_dk_int(call->section, "output", 1, 1, CHANNELS_MAX, &outputs));
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
    OC_TRY(activate(call, "logistic", &x));
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
    if (k->size * k->size > OC_NODE_IO_MAX)
        return oc_fail(OC_E_UNSUPPORTED, "line %u: [local] size: expected at most 8, found %d",
                       call->section->line, k->size);
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
    OC_TRY(oc_dk_int(call->section, "filters", 1, 1, CHANNELS_MAX, &filters));
    k.pad = is_padded; /* one pixel, whatever the size */
    const int32_t oh = (in->h + 2 * k.pad - k.size) / k.stride + 1;
    const int32_t ow = (in->w + 2 * k.pad - k.size) / k.stride + 1;
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
    OC_TRY(activate(call, "logistic", &x));
    OC_TRY(oc_imp_reshape(at, NULL, x, &(oc_shape){4, {call->net->n, oh, ow, filters}}, &x));
    set_out(call, x);
    return OC_OK;
}

/* ---- pools, resizing, cropping ---------------------------------------------------------------- */

/*
 * `padding` (size - 1) pixels in all, half of them, rounded down, before the picture. What lies
 * outside never wins.
 */
static oc_status convert_maxpool(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t size, stride, padding;
    oc_id x;
    oc_node *node;
    OC_TRY(oc_dk_int(s, "stride", 1, 1, SIDE_MAX, &stride));
    OC_TRY(oc_dk_int(s, "size", stride, 1, SIDE_MAX, &size));
    OC_TRY(oc_dk_int(s, "padding", size - 1, 0, SIDE_MAX, &padding));
    const int32_t before = padding / 2, after = padding - before;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_maxpool2d, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "kernel", (int32_t[]){size, size}, 2));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){stride, stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){before, before, after, after}, 4));
    OC_TRY(oc_imp_end(at, node, at->out, &x));
    set_out(call, x);
    return OC_OK;
}

static oc_status convert_avgpool(oc_dk_call *call)
{
    oc_id x;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_reduce(&call->at, "mean", x, (int32_t[]){1, 2}, 2, true, &x));
    set_out(call, x);
    return OC_OK;
}

static oc_status convert_upsample(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    const int32_t n = call->net->n;
    int32_t stride;
    float scale;
    oc_id x;
    const char *name;
    oc_node *node;
    OC_TRY(oc_dk_int(call->section, "stride", 2, 1, 1024, &stride));
    OC_TRY(oc_dk_float(call->section, "scale", 1.0f, &scale));
    if ((int64_t)in->h * stride > INT32_MAX || (int64_t)in->w * stride > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "line %u: [upsample] stride: %d is too large for %d x %d",
                       call->section->line, stride, in->h, in->w);
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_sub(at, "pixels", &name));
    OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){6, {n, in->h, 1, in->w, 1, in->c}}, &x));
    OC_TRY(oc_imp_sub(at, "repeated", &name));
    OC_TRY(oc_imp_begin(at, name, &oc_op_tile, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "repeats", (int32_t[]){1, 1, stride, 1, stride, 1}, 6));
    OC_TRY(oc_imp_end(at, node, name, &x));
    OC_TRY(oc_imp_reshape(at, NULL, x, &(oc_shape){4, {n, in->h * stride, in->w * stride, in->c}},
                          &x));
    if (scale != 1.0f)
        OC_TRY(oc_dk_by_number(at, "scale", "mul", x, scale, &x));
    set_out(call, x);
    return OC_OK;
}

/* The middle of the picture; samples 0 to 1 become -1 to 1 unless "noadjust" says otherwise. */
static oc_status convert_crop(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    int32_t h, w;
    bool is_kept;
    oc_id x;
    const char *name;
    OC_TRY(oc_dk_int(call->section, "crop_height", 1, 1, in->h, &h));
    OC_TRY(oc_dk_int(call->section, "crop_width", 1, 1, in->w, &w));
    OC_TRY(oc_dk_flag(call->section, "noadjust", false, &is_kept));
    const int32_t top = (in->h - h) / 2, left = (in->w - w) / 2;
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_sub(at, "rows", &name));
    OC_TRY(oc_dk_slice(at, name, x, 1, top, top + h, 1, &x));
    OC_TRY(oc_dk_slice(at, NULL, x, 2, left, left + w, 1, &x));
    if (!is_kept) {
        OC_TRY(oc_dk_by_number(at, "scale", "mul", x, 2.0f, &x));
        OC_TRY(oc_dk_by_number(at, "shift", "add", x, -1.0f, &x));
    }
    set_out(call, x);
    return OC_OK;
}

/* ---- joining layers ---------------------------------------------------------------------------- */

/* The part `group_id` of `groups` of each layer's channels, side by side. */
static oc_status convert_route(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t layers[OC_NODE_IO_MAX], groups, group;
    oc_id parts[OC_NODE_IO_MAX], x;
    const oc_dk_map *first = NULL, *map;
    const char *name;
    size_t count;
    OC_TRY(oc_dk_ints(s, "layers", layers, OC_COUNT(layers), &count));
    OC_TRY(oc_dk_int(s, "groups", 1, 1, CHANNELS_MAX, &groups));
    OC_TRY(oc_dk_int(s, "group_id", 0, 0, groups - 1, &group));
    if (count == 0)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [route] layers: expected numbers of layers, found none", s->line);
    OC_TRY(oc_imp_sub(at, "part", &name));
    for (size_t i = 0; i < count; i++) {
        OC_TRY(oc_dk_layer(call, "layers", layers[i], &map));
        first = first ? first : map;
        if (map->h != first->h || map->w != first->w)
            return fail_size(call, "layers", first, map);
        if (map->c % groups != 0)
            return oc_fail(OC_E_FORMAT,
                           "line %u: [route] groups: expected a divisor of %d channels, found %d",
                           s->line, map->c, groups);
        OC_TRY(oc_dk_as(at, call->net->n, map, OC_DK_NHWC, name, &parts[i]));
        const int32_t c = map->c / groups;
        if (groups > 1)
            OC_TRY(oc_dk_slice(at, name, parts[i], 3, group * c, (group + 1) * c, 1, &parts[i]));
    }
    if (count == 1)
        OC_TRY(oc_imp_identity(at, NULL, parts[0], &x));
    else
        OC_TRY(oc_dk_concat(at, NULL, parts, count, 3, &x));
    set_out(call, x);
    return OC_OK;
}

/* [N,H,W,C] with zeros added to end at `to`, if any. */
static oc_status pad_to(const oc_imp *at, const char *what, const int32_t to[4], oc_id *x)
{
    const int64_t begins[4] = {0};
    const int32_t *dim = oc_imp_shape(at, *x)->dim;
    int64_t ends[4];
    bool is_needed = false;
    oc_imp sub = *at;
    for (size_t i = 0; i < 4; i++) {
        ends[i] = (int64_t)to[i] - dim[i];
        is_needed = is_needed || ends[i] > 0;
    }
    if (!is_needed)
        return OC_OK;
    OC_TRY(oc_imp_sub(at, what, &sub.node));
    sub.out = sub.node;
    return oc_imp_pad(&sub, *x, begins, ends, 0, x);
}

/* Pixel (i, j) goes to (i * step, j * step), with zeros between. */
static oc_status spread(const oc_imp *at, int32_t step, oc_id *x)
{
    const int32_t *dim = oc_imp_shape(at, *x)->dim;
    const oc_shape apart = {6, {dim[0], dim[1], 1, dim[2], 1, dim[3]}};
    const oc_shape joined = {4, {dim[0], dim[1] * step, dim[2] * step, dim[3]}};
    const int64_t begins[6] = {0}, ends[6] = {0, 0, step - 1, 0, step - 1, 0};
    const char *name;
    oc_imp sub = *at;
    OC_TRY(oc_imp_sub(at, "apart", &name));
    OC_TRY(oc_imp_reshape(at, name, *x, &apart, x));
    OC_TRY(oc_imp_sub(at, "spread", &sub.node));
    sub.out = sub.node;
    OC_TRY(oc_imp_pad(&sub, *x, begins, ends, 0, x));
    OC_TRY(oc_imp_sub(at, "joined", &name));
    return oc_imp_reshape(at, name, *x, &joined, x);
}

/*
 * What the layer `from` adds to a map of other sizes: the channels that both have; of a larger map
 * every so many-th pixel, of a smaller one each pixel at every so many-th place. Nothing, written
 * as zeros, where it does not reach.
 */
static oc_status fit_shortcut(oc_dk_call *call, const oc_dk_map *from, oc_id *x)
{
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in;
    const int32_t step = OC_MAX(from->w / in->w, 1), sample = OC_MAX(in->w / from->w, 1);
    const int32_t h = OC_MIN(from->h, in->h), w = OC_MIN(from->w, in->w);
    const char *name;
    if (from->h / in->h != from->w / in->w || in->h / from->h != in->w / from->w)
        return fail_size(call, "from (in proportion)", in, from);
    OC_TRY(oc_imp_sub(at, "part", &name));
    if (from->c > in->c)
        OC_TRY(oc_dk_slice(at, name, *x, 3, 0, in->c, 1, x));
    if (from->h != h || step > 1)
        OC_TRY(oc_dk_slice(at, name, *x, 1, 0, (h - 1) * step + 1, step, x));
    if (from->w != w || step > 1)
        OC_TRY(oc_dk_slice(at, name, *x, 2, 0, (w - 1) * step + 1, step, x));
    if (sample > 1)
        OC_TRY(spread(at, sample, x));
    return pad_to(at, "padded", (int32_t[]){call->net->n, in->h, in->w, in->c}, x);
}

static oc_status convert_shortcut(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    int32_t number;
    float alpha, beta;
    oc_id x, y;
    const oc_dk_map *from;
    const char *name;
    if (!oc_dk_has(s, "from"))
        return oc_fail(OC_E_FORMAT, "line %u: [shortcut] from: expected a layer, found none",
                       s->line);
    OC_TRY(oc_dk_int(s, "from", 0, INT32_MIN, INT32_MAX, &number));
    OC_TRY(oc_dk_float(s, "alpha", 1.0f, &alpha));
    OC_TRY(oc_dk_float(s, "beta", 1.0f, &beta));
    OC_TRY(oc_dk_layer(call, "from", number, &from));
    OC_TRY(oc_imp_sub(at, "from", &name));
    OC_TRY(oc_dk_as(at, call->net->n, from, OC_DK_NHWC, name, &y));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    const bool is_alike = from->h == call->in.h && from->w == call->in.w && from->c == call->in.c;
    if (!is_alike && alpha != 1.0f)
        return oc_fail(
            OC_E_UNSUPPORTED,
            "line %u: [shortcut] alpha: expected 1 between maps of different sizes, found %g",
            s->line, (double)alpha);
    if (!is_alike)
        OC_TRY(fit_shortcut(call, from, &y));
    if (alpha != 1.0f)
        OC_TRY(oc_dk_by_number(at, "alpha", "mul", x, alpha, &x));
    if (beta != 1.0f)
        OC_TRY(oc_dk_by_number(at, "beta", "mul", y, beta, &y));
    OC_TRY(oc_imp_binary(at, NULL, "add", x, y, &x));
    OC_TRY(activate(call, "linear", &x));
    set_out(call, x);
    return OC_OK;
}

/* The layer `from`, each channel (scale_wh: each pixel) times the number that the input has for it. */
static oc_status convert_scale_channels(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    const oc_imp *at = &call->at;
    const oc_dk_map *in = &call->in, *from;
    int32_t number;
    bool is_pixels;
    oc_id x, y;
    const char *name;
    OC_TRY(oc_dk_int(s, "from", -1, INT32_MIN, INT32_MAX, &number));
    OC_TRY(oc_dk_flag(s, "scale_wh", false, &is_pixels));
    OC_TRY(oc_dk_layer(call, "from", number, &from));
    if (is_pixels ? in->c != 1 || in->h != from->h || in->w != from->w
                  : in->c != from->c || in->h != 1 || in->w != 1)
        return oc_fail(
            OC_E_SHAPE,
            "line %u: [scale_channels]: expected %d x %d x %d factors (channels, height, "
            "width), found %d x %d x %d",
            s->line, is_pixels ? 1 : from->c, is_pixels ? from->h : 1, is_pixels ? from->w : 1,
            in->c, in->h, in->w);
    OC_TRY(oc_imp_sub(at, "from", &name));
    OC_TRY(oc_dk_as(at, call->net->n, from, OC_DK_NHWC, name, &y));
    OC_TRY(oc_dk_in(call, OC_DK_NHWC, &x));
    OC_TRY(oc_imp_binary(at, NULL, "mul", x, y, &x));
    OC_TRY(activate(call, "linear", &x));
    set_out(call, x);
    return OC_OK;
}

/* ---- reorg ------------------------------------------------------------------------------------- */

/* reshape, transpose, reshape: `value` of rank 6 in between. */
static oc_status rearrange(const oc_imp *at, const oc_shape *view, const int32_t *perm,
                           const oc_shape *to, oc_id *x)
{
    const char *name;
    OC_TRY(oc_imp_sub(at, "view", &name));
    OC_TRY(oc_imp_reshape(at, name, *x, view, x));
    OC_TRY(oc_imp_sub(at, "turned", &name));
    OC_TRY(oc_imp_transpose(at, name, *x, perm, x));
    return oc_imp_reshape(at, NULL, *x, to, x);
}

/*
 * Darknet's reorg takes its index from the wrong side: what has C channels of H x W is read as if it
 * were C / s^2 channels of sH x sW, spread into blocks of s x s, and the numbers, now in the order
 * [C,H,W] again, are called [C s^2, H/s, W/s]. Networks were trained so. With reverse=1 blocks
 * become pixels as one would expect.
 */
static oc_status convert_reorg(oc_dk_call *call)
{
    static const int32_t to_blocks[] = {0, 3, 5, 1, 2, 4}, to_pixels[] = {0, 3, 4, 1, 5, 2};
    const oc_dk_section *sec = call->section;
    const oc_dk_map *in = &call->in;
    const int32_t n = call->net->n;
    int32_t s;
    bool is_reverse;
    oc_id x;
    OC_TRY(oc_dk_int(sec, "stride", 1, 1, 1024, &s));
    OC_TRY(oc_dk_flag(sec, "reverse", false, &is_reverse));
    OC_TRY(oc_dk_only(sec, "flatten", 0));
    OC_TRY(oc_dk_only(sec, "extra", 0));
    if (in->c % (s * s) != 0 || (!is_reverse && (in->h % s != 0 || in->w % s != 0)))
        return oc_fail(
            OC_E_SHAPE,
            "line %u: [reorg] stride: expected a number whose square divides %d channels "
            "and which divides %d x %d pixels, found %d",
            sec->line, in->c, in->h, in->w, s);
    const int32_t c = in->c / (s * s), h = in->h, w = in->w;
    OC_TRY(oc_dk_in(call, OC_DK_NCHW, &x));
    if (is_reverse) {
        OC_TRY(rearrange(&call->at, &(oc_shape){6, {n, s, s, c, h, w}}, to_pixels,
                         &(oc_shape){4, {n, c, h * s, w * s}}, &x));
        call->out = (oc_dk_map){x, OC_DK_NCHW, c, h * s, w * s};
    } else {
        OC_TRY(rearrange(&call->at, &(oc_shape){6, {n, c, h, s, w, s}}, to_blocks,
                         &(oc_shape){4, {n, in->c * s * s, h / s, w / s}}, &x));
        call->out = (oc_dk_map){x, OC_DK_NCHW, in->c * s * s, h / s, w / s};
    }
    return OC_OK;
}

/* ---- layers that do nothing when a network is used -------------------------------------------- */

static oc_status convert_nothing(oc_dk_call *call)
{
    call->out = call->in;
    return OC_OK;
}

/* ---- the rows ---------------------------------------------------------------------------------- */

#define ONLY_IN_TRAINING "learning_rate stopbackward onlyforward train_only_bn"

static const oc_dk_row rows[] = {
    {"convolutional",
     "filters size stride pad padding groups batch_normalize activation binary xnor flipped",
     ONLY_IN_TRAINING, false, convert_convolutional},
    {"connected", "output activation batch_normalize", ONLY_IN_TRAINING, false, convert_connected},
    {"local", "filters size stride pad activation", ONLY_IN_TRAINING, false, convert_local},
    {"maxpool", "size stride padding", ONLY_IN_TRAINING, false, convert_maxpool},
    {"avgpool", "", ONLY_IN_TRAINING, false, convert_avgpool},
    {"upsample", "stride scale", ONLY_IN_TRAINING, false, convert_upsample},
    {"crop", "crop_height crop_width noadjust", "flip angle saturation exposure shift", false,
     convert_crop},
    {"route", "layers groups group_id", ONLY_IN_TRAINING, false, convert_route},
    {"shortcut", "from alpha beta activation", ONLY_IN_TRAINING, false, convert_shortcut},
    {"scale_channels", "from scale_wh activation", ONLY_IN_TRAINING, false, convert_scale_channels},
    {"reorg", "stride reverse flatten extra", ONLY_IN_TRAINING, false, convert_reorg},
    {"dropout", "", "probability dropblock dropblock_size_rel dropblock_size_abs", false,
     convert_nothing},
    {"cost", "", "type scale sse ratio noobj thresh", false, convert_nothing},
};

/* Short forms that Darknet takes too. */
static const struct {
    const char *word, *type;
} short_forms[] = {{"conv", "convolutional"},
                   {"conn", "connected"},
                   {"max", "maxpool"},
                   {"avg", "avgpool"},
                   {"soft", "softmax"}};

const oc_dk_row *oc_dk_find_row(const char *type)
{
    for (size_t i = 0; i < OC_COUNT(short_forms); i++)
        if (strcmp(short_forms[i].word, type) == 0)
            type = short_forms[i].type;
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        if (strcmp(rows[i].type, type) == 0)
            return &rows[i];
    for (size_t i = 0; i < oc_dk_n_head_rows; i++)
        if (strcmp(oc_dk_head_rows[i].type, type) == 0)
            return &oc_dk_head_rows[i];
    return NULL;
}

const char *oc_dk_layer_name(size_t index)
{
    if (index < OC_COUNT(rows))
        return rows[index].type;
    index -= OC_COUNT(rows);
    return index < oc_dk_n_head_rows ? oc_dk_head_rows[index].type : NULL;
}
