/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX forms of layers: products (conv2d, fully_connected, matmul), pools (avgpool2d,
 * maxpool2d), normalisations (batchnorm, lrn, softmax) and reduce.
 */
#include "forms.h"

#include <math.h>

/* ---- windows ---------------------------------------------------------------------------------- */

static void set_ints(oc_form_call *c, const char *name, const char *attr)
{
    const oc_ints *ints = oc_node_ints(&c->node, attr);
    oc_form_set_ints(c, name, ints->v, ints->count);
}

/* [top,left,bottom,right] is ONNX's order too. */
static void set_window(oc_form_call *c)
{
    set_ints(c, "strides", "strides");
    set_ints(c, "dilations", "dilations");
    set_ints(c, "pads", "pads");
}

void oc_form_write_conv2d(oc_form_call *c)
{
    if (c->in[0]->dtype != OC_DTYPE_float32) {
        oc_form_write_conv_8bit(c);
        return;
    }
    /* [O,KH,KW,I] -> [O,I,KH,KW] */
    oc_tensor_id w = oc_form_in_permuted(c, 1, NULL, &(oc_ints){4, {0, 3, 1, 2}});
    oc_tensor_id y = OC_FORM(c, "Conv", oc_form_in(c, 0), w, oc_form_in(c, 2));
    set_window(c);
    oc_form_set_int(c, "group", oc_node_int(&c->node, "groups"));
    oc_form_out(c, 0, oc_form_act(c, y));
}

/* ONNX's weights are [C,O/G,KH,KW]: those of each group turned round. */
void oc_form_write_conv_transpose2d(oc_form_call *c)
{
    if (c->in[0]->dtype != OC_DTYPE_float32) {
        oc_form_write_conv_transpose_8bit(c);
        return;
    }
    const oc_shape *w = &c->in[1]->shape;
    int32_t groups = oc_node_int(&c->node, "groups"), each = w->dim[0] / groups;
    const oc_shape view = {5, {groups, each, w->dim[1], w->dim[2], w->dim[3]}};
    const oc_shape merged = {4, {groups * w->dim[3], each, w->dim[1], w->dim[2]}};
    oc_tensor_id weights;
    if (groups == 1)
        weights = oc_form_in_permuted(c, 1, NULL, &(oc_ints){4, {3, 0, 1, 2}});
    else
        weights = oc_form_reshape(
            c, oc_form_in_permuted(c, 1, &view, &(oc_ints){5, {0, 4, 1, 2, 3}}), &merged);
    oc_tensor_id y = OC_FORM(c, "ConvTranspose", oc_form_in(c, 0), weights, oc_form_in(c, 2));
    set_window(c);
    set_ints(c, "output_padding", "output_pads");
    oc_form_set_int(c, "group", groups);
    oc_form_out(c, 0, oc_form_act(c, y));
}

void oc_form_write_deform_conv2d(oc_form_call *c)
{
    enum { OFFSET = 2, BIAS = 3, MASK = 4 };
    const oc_ints first = {4, {0, 3, 1, 2}};
    oc_tensor_id mask = oc_form_has(c, MASK) ? oc_form_in_permuted(c, MASK, NULL, &first) : OC_NONE;
    oc_tensor_id y = OC_FORM(c, "DeformConv", oc_form_in(c, 0),
                             oc_form_in_permuted(c, 1, NULL, &first),
                             oc_form_in_permuted(c, OFFSET, NULL, &first), oc_form_in(c, BIAS), mask);
    set_window(c);
    oc_form_set_int(c, "group", oc_node_int(&c->node, "groups"));
    oc_form_set_int(c, "offset_group", oc_node_int(&c->node, "offset_groups"));
    oc_form_out(c, 0, oc_form_act(c, y));
}

/*
 * A pool's window with its padding as ONNX shall be told it. Windows that only ceil_mode adds are
 * made by padding that does not count: runtimes differ in which of them they drop.
 */
typedef struct window {
    int32_t kernel[2], strides[2], dilations[2], pads[4];
    bool is_wide; /* some padding is as wide as the kernel, which runtimes refuse */
    bool ceil_mode;
} window;

static window window_of(oc_form_call *c, bool pads_count)
{
    const oc_ints *pads = oc_node_ints(&c->node, "pads");
    window w = {.ceil_mode = oc_node_int(&c->node, "ceil_mode") && pads_count};
    for (int32_t i = 0; i < 2; i++) {
        w.kernel[i] = oc_node_ints(&c->node, "kernel")->v[i];
        w.strides[i] = oc_node_ints(&c->node, "strides")->v[i];
        w.dilations[i] = oc_node_ints(&c->node, "dilations")->v[i];
        w.pads[i] = pads->v[i];
        w.pads[2 + i] = pads->v[2 + i];
        if (!pads_count) {
            int64_t last = (int64_t)(c->out[0]->shape.dim[1 + i] - 1) * w.strides[i] +
                           (int64_t)(w.kernel[i] - 1) * w.dilations[i] + 1;
            int64_t need = last - c->in[0]->shape.dim[1 + i] - w.pads[i];
            w.pads[2 + i] = (int32_t)OC_MIN(OC_MAX(need, 0), INT32_MAX);
        }
        w.is_wide = w.is_wide || w.pads[i] >= w.kernel[i] || w.pads[2 + i] >= w.kernel[i];
    }
    return w;
}

/* x [N,C,H,W] with the window's padding as elements, and the window without it. */
static oc_tensor_id pad_picture(oc_form_call *c, oc_tensor_id x, window *w, double value)
{
    int32_t pads[8] = {0, 0, w->pads[0], w->pads[1], 0, 0, w->pads[2], w->pads[3]};
    memset(w->pads, 0, sizeof(w->pads));
    return OC_FORM(c, "Pad", x, oc_form_ints(c, pads, 8),
                   oc_form_scalar(c, c->in[0]->dtype, value));
}

static oc_tensor_id pool(oc_form_call *c, const char *op_type, oc_tensor_id x, const window *w)
{
    oc_tensor_id y = OC_FORM(c, op_type, x);
    oc_form_set_ints(c, "kernel_shape", w->kernel, 2);
    oc_form_set_ints(c, "strides", w->strides, 2);
    oc_form_set_ints(c, "dilations", w->dilations, 2);
    oc_form_set_ints(c, "pads", w->pads, 4);
    oc_form_set_int(c, "ceil_mode", w->ceil_mode);
    return y;
}

/* What never wins: padding of that is none. */
static double lowest(oc_dtype dtype)
{
    return dtype == OC_DTYPE_float32 ? -HUGE_VAL : dtype == OC_DTYPE_int8 ? -128 : 0;
}

void oc_form_write_maxpool2d(oc_form_call *c)
{
    window w = window_of(c, false);
    oc_tensor_id x = oc_form_in(c, 0);
    if (w.is_wide)
        x = pad_picture(c, x, &w, lowest(c->in[0]->dtype));
    oc_form_out(c, 0, oc_form_act(c, pool(c, "MaxPool", x, &w)));
}

/* Places are numbered as here: through [N,C,H,W]. */
void oc_form_write_maxpool2d_index(oc_form_call *c)
{
    window w = window_of(c, false);
    if (w.is_wide)
        oc_form_refuse(c, "its padding is as wide as its kernel");
    pool(c, "MaxPool", oc_form_in(c, 0), &w);
    oc_form_set_int(c, "storage_order", oc_node_int(&c->node, "storage_order"));
    oc_form_out(c, 0, oc_form_more_out(c));
}

/* How many of the window's taps along axis `i` are inside the input, for output index `at`. */
static int32_t taps_inside(const oc_form_call *c, const window *w, int32_t i, int32_t at)
{
    int32_t count = 0;
    for (int32_t k = 0; k < w->kernel[i]; k++) {
        int64_t from = (int64_t)at * w->strides[i] + (int64_t)k * w->dilations[i] - w->pads[i];
        count += from >= 0 && from < c->in[0]->shape.dim[1 + i];
    }
    return count;
}

static float *alloc_floats(oc_form_call *c, size_t count)
{
    float *floats = NULL;
    if (c->form->status == OC_OK)
        c->form->status = OC_ARENA_ALLOC(&c->form->arena, count + 1, floats);
    return floats;
}

/* A constant full of ones. */
static oc_tensor_id ones(oc_form_call *c, oc_shape shape)
{
    size_t elems = 0;
    if (c->form->status == OC_OK)
        c->form->status = oc_shape_elems(&shape, &elems);
    float *data = alloc_floats(c, elems);
    for (size_t i = 0; data && i < elems; i++)
        data[i] = 1.0f;
    return oc_form_bytes(c, &(oc_desc){OC_DTYPE_float32, shape}, data);
}

/* One by how many taps of each window count, [1,1,OH,OW]; 0 where none does. */
static oc_tensor_id tap_shares(oc_form_call *c, const window *w, bool pads_count)
{
    int32_t oh = c->out[0]->shape.dim[1], ow = c->out[0]->shape.dim[2];
    float *shares = alloc_floats(c, (size_t)oh * (size_t)ow);
    for (int32_t h = 0; shares && h < oh; h++)
        for (int32_t v = 0; v < ow; v++) {
            int64_t count = (int64_t)taps_inside(c, w, 0, h) * taps_inside(c, w, 1, v);
            if (pads_count)
                count = (int64_t)w->kernel[0] * w->kernel[1];
            shares[(size_t)h * (size_t)ow + (size_t)v] = count ? 1.0f / (float)count : 0.0f;
        }
    return oc_form_bytes(c, &(oc_desc){OC_DTYPE_float32, {4, {1, 1, oh, ow}}}, shares);
}

/* As a convolution of each channel with ones, which may be padded at will. */
static oc_tensor_id average_wide(oc_form_call *c, const window *w, bool pads_count)
{
    int32_t channels = c->in[0]->shape.dim[3];
    if (w->ceil_mode)
        oc_form_refuse(c, "ceil_mode with padding that counts and is as wide as the kernel");
    oc_tensor_id kernel = ones(c, (oc_shape){4, {channels, 1, w->kernel[0], w->kernel[1]}});
    oc_tensor_id y = OC_FORM(c, "Conv", oc_form_in(c, 0), kernel);
    oc_form_set_ints(c, "strides", w->strides, 2);
    oc_form_set_ints(c, "dilations", w->dilations, 2);
    oc_form_set_ints(c, "pads", w->pads, 4);
    oc_form_set_int(c, "group", channels);
    return OC_FORM(c, "Mul", y, tap_shares(c, w, pads_count));
}

/* By how many elements each window's sum is divided, [1,1,OH,OW] of int32; 1 where by none. */
static oc_tensor_id tap_counts(oc_form_call *c, const window *w, bool pads_count, int32_t divisor)
{
    int32_t oh = c->out[0]->shape.dim[1], ow = c->out[0]->shape.dim[2];
    int32_t *counts = (int32_t *)alloc_floats(c, (size_t)oh * (size_t)ow);
    for (int32_t h = 0; counts && h < oh; h++)
        for (int32_t v = 0; v < ow; v++) {
            int32_t count = pads_count ? w->kernel[0] * w->kernel[1]
                                       : taps_inside(c, w, 0, h) * taps_inside(c, w, 1, v);
            counts[(size_t)h * (size_t)ow + (size_t)v] = OC_MAX(count, 1) / divisor;
        }
    return oc_form_bytes(c, &(oc_desc){OC_DTYPE_int32, {4, {1, 1, oh, ow}}}, counts);
}

/*
 * The exact sum by a convolution of integers, each channel with ones; then (sum +- count / 2) / count,
 * whose division truncates.
 */
static oc_tensor_id average_8bit(oc_form_call *c, const window *w, bool pads_count)
{
    oc_dtype dtype = c->in[0]->dtype;
    if (w->ceil_mode)
        oc_form_refuse(c, "ceil_mode with padding that counts, of integers");
    oc_tensor_id sum = oc_form_sum_8bit(c, w->kernel, w->strides, w->dilations, w->pads);
    oc_tensor_id half = OC_FORM(c, "Mul", oc_form_sign(c, OC_DTYPE_int32, sum),
                                tap_counts(c, w, pads_count, 2));
    oc_tensor_id y = OC_FORM(c, "Div", OC_FORM(c, "Add", sum, half), tap_counts(c, w, pads_count, 1));
    return oc_form_cast(c, y, OC_DTYPE_int32, dtype);
}

void oc_form_write_avgpool2d(oc_form_call *c)
{
    bool pads_count = oc_node_int(&c->node, "count_include_pad") != 0;
    window w = window_of(c, pads_count);
    oc_tensor_id y;
    if (c->in[0]->dtype != OC_DTYPE_float32) {
        y = average_8bit(c, &w, pads_count);
    } else if (w.is_wide) {
        y = average_wide(c, &w, pads_count);
    } else {
        y = pool(c, "AveragePool", oc_form_in(c, 0), &w);
        oc_form_set_int(c, "count_include_pad", pads_count);
    }
    oc_form_out(c, 0, oc_form_act(c, y));
}

/* ---- products of matrices --------------------------------------------------------------------- */

static const oc_ints swapped = {2, {1, 0}};

void oc_form_write_fully_connected(oc_form_call *c)
{
    if (c->in[0]->dtype != OC_DTYPE_float32) {
        oc_form_write_connected_8bit(c);
        return;
    }
    oc_tensor_id y, x = oc_form_in(c, 0);
    if (c->in[0]->shape.rank == 2) {
        y = OC_FORM(c, "Gemm", x, oc_form_in(c, 1), oc_form_in(c, 2));
        oc_form_set_int(c, "transB", 1);
    } else {
        y = OC_FORM(c, "MatMul", x, oc_form_in_permuted(c, 1, NULL, &swapped));
        if (oc_form_has(c, 2))
            y = OC_FORM(c, "Add", y, oc_form_in(c, 2));
    }
    oc_form_out(c, 0, oc_form_act(c, y));
}

void oc_form_write_matmul(oc_form_call *c)
{
    if (c->in[0]->dtype != OC_DTYPE_float32)
        oc_form_write_matmul_8bit(c);
    else
        oc_form_out(c, 0, oc_form_act(c, OC_FORM(c, "MatMul", oc_form_in(c, 0), oc_form_in(c, 1))));
}

/* ---- normalisations --------------------------------------------------------------------------- */

void oc_form_write_batchnorm(oc_form_call *c)
{
    const oc_shape *x = &c->in[0]->shape;
    oc_tensor_id in[5];
    for (uint32_t i = 0; i < OC_COUNT(in); i++)
        in[i] = oc_form_in(c, i);
    if (x->rank == 1) /* ONNX wants a batch */
        in[0] = oc_form_reshape(c, in[0], &(oc_shape){2, {1, x->dim[0]}});
    oc_tensor_id y = oc_form_node_add(c, "BatchNormalization", in, OC_COUNT(in));
    oc_form_set_float(c, "epsilon", oc_node_float(&c->node, "epsilon"));
    if (x->rank == 1)
        y = oc_form_reshape(c, y, x);
    oc_form_out(c, 0, oc_form_act(c, y));
}

static oc_tensor_id lrn(oc_form_call *c, oc_tensor_id x)
{
    int32_t size = oc_node_int(&c->node, "size");
    oc_tensor_id y = OC_FORM(c, "LRN", x);
    oc_form_set_int(c, "size", size);
    /* ONNX divides its alpha by the size. */
    oc_form_set_float(c, "alpha", oc_node_float(&c->node, "alpha") * (float)size);
    oc_form_set_float(c, "beta", oc_node_float(&c->node, "beta"));
    oc_form_set_float(c, "bias", oc_node_float(&c->node, "bias"));
    return y;
}

/* By its formula, for windows of even size, which runtimes refuse: the sum as a Conv over channels. */
static oc_tensor_id lrn_composed(oc_form_call *c, oc_tensor_id x, int32_t m, int32_t channels)
{
    int32_t size = OC_MIN(oc_node_int(&c->node, "size"), 2 * channels);
    int32_t before = (size - 1) / 2;
    x = oc_form_reshape(c, x, &(oc_shape){4, {m, 1, 1, channels}});
    oc_tensor_id squares = OC_FORM(c, "Mul", x, x);
    oc_tensor_id sum = OC_FORM(c, "Conv", squares, ones(c, (oc_shape){4, {1, 1, 1, size}}));
    oc_form_set_ints(c, "pads", (int32_t[]){0, before, 0, size - 1 - before}, 4);
    const char *const names[] = {"alpha", "bias", "beta"};
    const char *const types[] = {"Mul", "Add", "Pow"};
    for (int i = 0; i < 3; i++)
        sum = OC_FORM(c, types[i], sum,
                      oc_form_scalar(c, OC_DTYPE_float32, (double)oc_node_float(&c->node, names[i])));
    return OC_FORM(c, "Div", x, sum);
}

/* Runtimes have LRN for pictures only, and for windows of odd size. */
void oc_form_write_lrn(oc_form_call *c)
{
    const oc_shape *x = &c->in[0]->shape;
    int32_t channels = x->dim[x->rank - 1], m = 1;
    bool is_odd = oc_node_int(&c->node, "size") % 2 == 1;
    if (is_odd && x->rank == 4) {
        oc_form_out(c, 0, lrn(c, oc_form_in(c, 0)));
        return;
    }
    c->is_spatial = false;
    for (int32_t i = 0; i + 1 < x->rank; i++)
        m *= x->dim[i];
    oc_tensor_id y = oc_form_in(c, 0);
    if (is_odd)
        y = lrn(c, oc_form_reshape(c, y, &(oc_shape){4, {m, channels, 1, 1}}));
    else
        y = lrn_composed(c, y, m, channels);
    oc_form_out(c, 0, oc_form_reshape(c, y, x));
}

void oc_form_write_softmax(oc_form_call *c)
{
    bool is_log = oc_node_int(&c->node, "log") != 0;
    oc_tensor_id y = OC_FORM(c, is_log ? "LogSoftmax" : "Softmax", oc_form_in(c, 0));
    oc_form_set_int(c, "axis", oc_node_int(&c->node, "axis"));
    oc_form_out(c, 0, y);
}

/* ---- reductions ------------------------------------------------------------------------------- */

static const struct {
    const char *fn, *op_type;
} reductions[] = {
    {"mean", "ReduceMean"},       {"sum", "ReduceSum"},
    {"max", "ReduceMax"},         {"min", "ReduceMin"},
    {"prod", "ReduceProd"},       {"sum_square", "ReduceSumSquare"},
    {"l1", "ReduceL1"},           {"l2", "ReduceL2"},
    {"log_sum", "ReduceLogSum"},  {"log_sum_exp", "ReduceLogSumExp"},
};

static const char *reduction(oc_form_call *c, const char *fn)
{
    for (size_t i = 0; i < OC_COUNT(reductions); i++)
        if (strcmp(reductions[i].fn, fn) == 0)
            return reductions[i].op_type;
    oc_form_refuse(c, "no form of its function %s is known", fn);
    return NULL;
}

/* Are `axes` just those of a picture: all but the first and the one of the channels? */
static bool is_spatial(const oc_form_call *c, const oc_ints *axes, int32_t channels)
{
    int32_t rank = c->in[0]->shape.rank;
    for (int32_t i = 0; i < axes->count; i++)
        if (axes->v[i] == 0 || axes->v[i] == channels)
            return false;
    return rank >= 3 && axes->count == rank - 2;
}

/* The reduction as ONNX's pool of a whole picture, which runtimes know best; NULL: there is none. */
static const char *global_pool(const oc_form_call *c, const char *fn)
{
    if (c->in[0]->dtype != OC_DTYPE_float32)
        return NULL;
    return strcmp(fn, "mean") == 0 ? "GlobalAveragePool" : strcmp(fn, "max") == 0 ? "GlobalMaxPool" : NULL;
}

/* Over no axis at all, which ONNX reads as over all: over one that is added for it. */
static void reduce_none(oc_form_call *c, const char *op_type)
{
    oc_shape wider = c->in[0]->shape;
    int32_t last = wider.rank;
    if (last == OC_RANK_MAX) {
        oc_form_refuse(c, "it reduces no axis of %d", last);
        return;
    }
    wider.dim[wider.rank++] = 1;
    oc_tensor_id x = oc_form_reshape(c, oc_form_in(c, 0), &wider);
    oc_tensor_id y = OC_FORM(c, op_type, x, oc_form_ints(c, &last, 1));
    oc_form_set_int(c, "keepdims", 0);
    oc_form_out(c, 0, y);
}

void oc_form_write_reduce(oc_form_call *c)
{
    const char *fn = oc_node_enum(&c->node, "fn"), *op_type = reduction(c, fn);
    const char *pool_type = global_pool(c, fn);
    oc_ints axes = *oc_node_ints(&c->node, "axes");
    bool keeps = oc_node_int(&c->node, "keepdims") != 0;
    if (axes.count == 0) {
        reduce_none(c, op_type);
        return;
    }
    if (c->is_first && keeps && pool_type && is_spatial(c, &axes, 1)) {
        oc_form_out(c, 0, OC_FORM(c, pool_type, oc_form_in(c, 0)));
        return;
    }
    oc_tensor_id x = c->is_first ? OC_NONE : oc_form_in_first(c, 0);
    /* [N,H,W,C] and [N,C,H,W] both become [N,C]. */
    if (x != OC_NONE && !keeps && is_spatial(c, &axes, c->in[0]->shape.rank - 1))
        for (int32_t i = 0; i < axes.count; i++)
            axes.v[i]++;
    else
        x = oc_form_in(c, 0);
    oc_tensor_id y = OC_FORM(c, op_type, x, oc_form_ints(c, axes.v, axes.count));
    oc_form_set_int(c, "keepdims", keeps);
    oc_form_out(c, 0, y);
}
