/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX operators that are understood, one row each at the end of the file. Source: the ONNX
 * operator specification (Operators.md, Changelog.md), opset 7 to 21.
 *
 * Spatial operators are [N,C,H,W] there and [N,H,W,C] here: transposes go around them. A value that
 * exists in both layouts is remembered, so that a chain of spatial operators needs none between.
 */
#include "onnx_ops.h"

#include "oc_ops.h"

#include <float.h>

/* ---- attributes ------------------------------------------------------------------------------ */

static oc_status find_attr(const oc_onnx_call *c, const char *name, oc_onnx_attr_type type,
                           oc_onnx_attr *attr, bool *found)
{
    OC_TRY(oc_onnx_find_attr(c->node, name, attr, found));
    if (*found && attr->type != 0 && attr->type != (uint64_t)type)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": attribute %s: expected AttributeType %d, found %llu",
                       c->at.node, name, (int)type, (unsigned long long)attr->type);
    return OC_OK;
}

static oc_status attr_int(const oc_onnx_call *c, const char *name, int64_t initial, int64_t *out)
{
    oc_onnx_attr attr;
    bool found;
    OC_TRY(find_attr(c, name, OC_ONNX_INT, &attr, &found));
    *out = found ? attr.i : initial;
    return OC_OK;
}

static oc_status attr_float(const oc_onnx_call *c, const char *name, float initial, float *out)
{
    oc_onnx_attr attr;
    bool found;
    OC_TRY(find_attr(c, name, OC_ONNX_FLOAT, &attr, &found));
    *out = found ? attr.f : initial;
    return OC_OK;
}

/* An empty view where the attribute is absent. */
static oc_status attr_string(const oc_onnx_call *c, const char *name, oc_bytes *out)
{
    oc_onnx_attr attr;
    bool found;
    OC_TRY(find_attr(c, name, OC_ONNX_STRING, &attr, &found));
    *out = found ? attr.s : (oc_bytes){0};
    return OC_OK;
}

static oc_status attr_ints(const oc_onnx_call *c, const char *name, int64_t *out, size_t max,
                           size_t *count, bool *found)
{
    oc_onnx_attr attr;
    *count = 0;
    OC_TRY(find_attr(c, name, OC_ONNX_INTS, &attr, found));
    if (!*found)
        return OC_OK;
    oc_status status = oc_onnx_attr_ints(&attr, out, max, count);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "node \"%s\"", c->at.node);
}

/* Exactly `count` 32-bit integers, each at least `min`; absent: each is `initial`. */
static oc_status attr_list(const oc_onnx_call *c, const char *name, int32_t initial, int32_t min,
                           size_t count, int32_t *out)
{
    int64_t list[OC_INTS_MAX];
    size_t n;
    bool found;
    OC_TRY(attr_ints(c, name, list, OC_COUNT(list), &n, &found));
    for (size_t i = 0; i < count && !found; i++)
        list[i] = initial;
    if (found && n != count)
        return oc_fail(OC_E_FORMAT, "node \"%s\": attribute %s: expected %zu numbers, found %zu",
                       c->at.node, name, count, n);
    OC_TRY(oc_imp_narrow(&c->at, name, list, count, out));
    for (size_t i = 0; i < count; i++)
        if (out[i] < min)
            return oc_fail(OC_E_FORMAT, "node \"%s\": attribute %s: expected at least %d, found %d",
                           c->at.node, name, min, out[i]);
    return OC_OK;
}

/* A list that older opsets give as an attribute and newer ones as a constant input. */
static oc_status ints_of(const oc_onnx_call *c, const char *name, uint32_t input, int64_t *out,
                         size_t max, size_t *count, bool *found)
{
    *found = input < c->n_in && c->in[input] != OC_NONE;
    if (*found)
        return oc_imp_ints(&c->at, c->in[input], name, out, max, count);
    return attr_ints(c, name, out, max, count, found);
}

/* An attribute that only says something else than what is done here when it is not `expected`. */
static oc_status expect_int(const oc_onnx_call *c, const char *name, int64_t expected)
{
    int64_t found;
    OC_TRY(attr_int(c, name, expected, &found));
    if (found != expected)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s with %s = %lld is not supported, only %lld is", c->at.node,
                       c->row->op, name, (long long)found, (long long)expected);
    return OC_OK;
}

/* ---- layouts --------------------------------------------------------------------------------- */

static const oc_shape *shape_of(const oc_onnx_call *c, uint32_t input)
{
    return oc_imp_shape(&c->at, c->in[input]);
}

static oc_status remember_last(oc_onnx *m, oc_id value, oc_id last)
{
    while (m->n_last <= value) {
        OC_TRY(oc_grow(m->graph->alloc, &m->last, m->n_last, &m->cap_last, sizeof(*m->last)));
        m->last[m->n_last++] = OC_NONE;
    }
    m->last[value] = last;
    return OC_OK;
}

/* [N,C,...] -> [N,...,C]; rank 2 is both. */
static oc_status to_last(oc_onnx_call *c, oc_id value, oc_id *last)
{
    int32_t perm[OC_RANK_MAX] = {0}, rank = oc_imp_shape(&c->at, value)->rank;
    const char *name;
    if (rank < 3 || (value < c->model->n_last && c->model->last[value] != OC_NONE)) {
        *last = rank < 3 ? value : c->model->last[value];
        return OC_OK;
    }
    for (int32_t i = 1; i < rank; i++)
        perm[i] = i + 1 < rank ? i + 1 : 1;
    OC_TRY(oc_imp_join(c->at.scratch, c->at.graph->values[value].name, "channels_last", &name));
    OC_TRY(oc_imp_transpose(&c->at, name, value, perm, last));
    return remember_last(c->model, value, *last);
}

/* End `node`, which makes [N,...,C], and turn that into output 0. */
static oc_status end_last(oc_onnx_call *c, oc_node *node, int32_t rank)
{
    int32_t perm[OC_RANK_MAX] = {0};
    const char *name;
    oc_id last;
    if (rank < 3)
        return oc_imp_end(&c->at, node, c->at.out, &c->out);
    OC_TRY(oc_imp_join(c->at.scratch, c->at.out, "channels_last", &name));
    OC_TRY(oc_imp_end(&c->at, node, name, &last));
    for (int32_t i = 1; i < rank; i++)
        perm[i] = i == 1 ? rank - 1 : i - 1;
    OC_TRY(oc_imp_sub(&c->at, "channels_first", &name));
    oc_imp at = c->at;
    at.node = name;
    OC_TRY(oc_imp_transpose(&at, NULL, last, perm, &c->out));
    return remember_last(c->model, c->out, last);
}

/* ---- windows --------------------------------------------------------------------------------- */

typedef struct window {
    int32_t kernel[2], strides[2], dilations[2], pads[4]; /* h, w; top, left, bottom, right */
} window;

/* Spatial operators exist here for two spatial axes. */
static oc_status check_planes(const oc_onnx_call *c)
{
    int32_t rank = shape_of(c, 0)->rank;
    if (rank != 4)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s over %d spatial axes (an input of rank %d) is not "
                       "supported, only over 2",
                       c->at.node, c->row->op, OC_MAX(rank - 2, 0), rank);
    return OC_OK;
}

static oc_status read_pads(const oc_onnx_call *c, window *w)
{
    oc_bytes mode;
    OC_TRY(attr_string(c, "auto_pad", &mode));
    bool is_lower = oc_bytes_equal_text(mode, "SAME_LOWER");
    memset(w->pads, 0, sizeof(w->pads));
    if (mode.size == 0 || oc_bytes_equal_text(mode, "NOTSET"))
        return attr_list(c, "pads", 0, 0, 4, w->pads);
    if (oc_bytes_equal_text(mode, "VALID"))
        return OC_OK;
    if (!is_lower && !oc_bytes_equal_text(mode, "SAME_UPPER"))
        return oc_fail(OC_E_FORMAT, "node \"%s\": auto_pad has an unknown value", c->at.node);
    for (int i = 0; i < 2; i++)
        OC_TRY(oc_imp_pad_same(&c->at, shape_of(c, 0)->dim[2 + i], w->kernel[i], w->strides[i],
                               w->dilations[i], is_lower, &w->pads[i], &w->pads[2 + i]));
    return OC_OK;
}

/* All but the kernel, which the caller has set. */
static oc_status read_window(const oc_onnx_call *c, window *w)
{
    OC_TRY(attr_list(c, "strides", 1, 1, 2, w->strides));
    OC_TRY(attr_list(c, "dilations", 1, 1, 2, w->dilations));
    return read_pads(c, w);
}

static oc_status set_window(oc_node *node, const window *w)
{
    OC_TRY(oc_node_set_ints(node, "strides", w->strides, 2));
    OC_TRY(oc_node_set_ints(node, "dilations", w->dilations, 2));
    return oc_node_set_ints(node, "pads", w->pads, 4);
}

static oc_status conv_kernel(const oc_onnx_call *c, window *w)
{
    const oc_shape *weights = shape_of(c, 1);
    if (weights->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected weights of rank 4, found %d", c->at.node,
                       weights->rank);
    int32_t given[2];
    OC_TRY(attr_list(c, "kernel_shape", 0, 0, 2, given));
    for (int i = 0; i < 2; i++) {
        w->kernel[i] = weights->dim[2 + i];
        if (given[i] != 0 && given[i] != w->kernel[i])
            return oc_fail(OC_E_SHAPE, "node \"%s\": kernel_shape says %d, its weights %d",
                           c->at.node, given[i], w->kernel[i]);
    }
    return OC_OK;
}

static oc_status conv(oc_onnx_call *c)
{
    window w;
    int64_t group;
    oc_id in[3] = {OC_NONE, OC_NONE, c->n_in > 2 ? c->in[2] : OC_NONE};
    oc_node *node;
    const char *name;
    OC_TRY(check_planes(c));
    OC_TRY(conv_kernel(c, &w));
    OC_TRY(read_window(c, &w));
    OC_TRY(attr_int(c, "group", 1, &group));
    OC_TRY(to_last(c, c->in[0], &in[0]));
    OC_TRY(oc_imp_sub(&c->at, "weights", &name));
    OC_TRY(oc_imp_transpose(&c->at, name, c->in[1], (int32_t[]){0, 2, 3, 1}, &in[1]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_conv2d, in, in[2] == OC_NONE ? 2 : 3, &node));
    OC_TRY(set_window(node, &w));
    OC_TRY(oc_node_set_int(node, "groups", group));
    return end_last(c, node, 4);
}

static oc_status begin_pool(oc_onnx_call *c, const oc_op *op, oc_node **node)
{
    window w;
    int64_t ceil_mode;
    oc_id in;
    OC_TRY(check_planes(c));
    OC_TRY(attr_list(c, "kernel_shape", 0, 1, 2, w.kernel));
    OC_TRY(read_window(c, &w));
    OC_TRY(attr_int(c, "ceil_mode", 0, &ceil_mode));
    OC_TRY(to_last(c, c->in[0], &in));
    OC_TRY(oc_imp_begin(&c->at, NULL, op, &in, 1, node));
    OC_TRY(oc_node_set_ints(*node, "kernel", w.kernel, 2));
    OC_TRY(oc_node_set_int(*node, "ceil_mode", ceil_mode != 0));
    return set_window(*node, &w);
}

static oc_status max_pool(oc_onnx_call *c)
{
    oc_node *node;
    OC_TRY(begin_pool(c, &oc_op_maxpool2d, &node));
    return end_last(c, node, 4);
}

static oc_status average_pool(oc_onnx_call *c)
{
    oc_node *node;
    int64_t counts_pads;
    OC_TRY(attr_int(c, "count_include_pad", 0, &counts_pads));
    OC_TRY(begin_pool(c, &oc_op_avgpool2d, &node));
    OC_TRY(oc_node_set_int(node, "count_include_pad", counts_pads != 0));
    return end_last(c, node, 4);
}

/* Over all spatial axes, whatever their number. */
static oc_status global_pool(oc_onnx_call *c)
{
    int32_t axes[OC_RANK_MAX], n = 0, rank = shape_of(c, 0)->rank;
    if (rank < 3)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input of rank 3 or more, found %d",
                       c->at.node, rank);
    for (int32_t axis = 2; axis < rank; axis++)
        axes[n++] = axis;
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], axes, (size_t)n, true, &c->out);
}

/* ---- products of matrices -------------------------------------------------------------------- */

static oc_status swap_axes(oc_onnx_call *c, const char *what, oc_id x, oc_id *out)
{
    const char *name;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_imp_transpose(&c->at, name, x, (int32_t[]){1, 0}, out);
}

/* x times a number; x itself for 1. */
static oc_status scale(oc_onnx_call *c, const char *what, oc_id x, float factor, oc_id *out)
{
    const char *name;
    oc_id number;
    *out = x;
    if (factor == 1.0f)
        return OC_OK;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    OC_TRY(oc_imp_scalar(&c->at, what, factor, &number));
    return oc_imp_binary(&c->at, name, "mul", x, number, out);
}

typedef struct gemm_args {
    float alpha, beta;
    int64_t swap_a, swap_b;
    oc_id a, b, c;
} gemm_args;

static oc_status read_gemm(oc_onnx_call *c, gemm_args *g)
{
    OC_TRY(attr_float(c, "alpha", 1.0f, &g->alpha));
    OC_TRY(attr_float(c, "beta", 1.0f, &g->beta));
    OC_TRY(attr_int(c, "transA", 0, &g->swap_a));
    OC_TRY(attr_int(c, "transB", 0, &g->swap_b));
    for (uint32_t i = 0; i < 2; i++)
        if (shape_of(c, i)->rank != 2)
            return oc_fail(OC_E_SHAPE, "node \"%s\": expected input %u of rank 2, found %d",
                           c->at.node, i, shape_of(c, i)->rank);
    g->a = c->in[0];
    g->b = c->in[1];
    g->c = c->n_in > 2 && g->beta != 0.0f ? c->in[2] : OC_NONE;
    if (g->swap_a)
        OC_TRY(swap_axes(c, "a", g->a, &g->a));
    return g->c == OC_NONE ? OC_OK : scale(c, "beta", g->c, g->beta, &g->c);
}

/* A constant addend of one number a column is a bias [N]: takes it out of `g`. */
static oc_status take_bias(oc_onnx_call *c, gemm_args *g, int32_t columns, oc_id *bias)
{
    const char *name;
    *bias = OC_NONE;
    if (!oc_imp_is_const(c->at.graph, g->c))
        return OC_OK;
    const oc_shape *shape = oc_imp_shape(&c->at, g->c);
    bool is_row = shape->rank == 2 && shape->dim[0] == 1 && shape->dim[1] == columns;
    if (!is_row && !(shape->rank == 1 && shape->dim[0] == columns))
        return OC_OK;
    *bias = g->c;
    g->c = OC_NONE;
    if (!is_row)
        return OC_OK;
    OC_TRY(oc_imp_sub(&c->at, "bias", &name));
    return oc_imp_reshape(&c->at, name, *bias, &(oc_shape){1, {columns}}, bias);
}

/* Constant b: the weights [N,K] of a fully connected layer, alpha and the bias within. */
static oc_status gemm_connected(oc_onnx_call *c, gemm_args *g, const char *name, const char *out,
                                oc_id *y)
{
    oc_node *node;
    oc_id in[3] = {g->a, g->b, OC_NONE};
    if (!g->swap_b)
        OC_TRY(swap_axes(c, "weights", g->b, &in[1]));
    OC_TRY(scale(c, "alpha", in[1], g->alpha, &in[1]));
    OC_TRY(take_bias(c, g, oc_imp_shape(&c->at, in[1])->dim[0], &in[2]));
    if (g->c == OC_NONE)
        name = NULL, out = c->at.out;
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_fully_connected, in, in[2] == OC_NONE ? 2 : 3, &node));
    return oc_imp_end(&c->at, node, out, y);
}

static oc_status gemm_matmul(oc_onnx_call *c, gemm_args *g, oc_id *y)
{
    oc_node *node;
    const char *name;
    oc_id in[2] = {g->a, g->b};
    if (g->swap_b)
        OC_TRY(swap_axes(c, "b", g->b, &in[1]));
    OC_TRY(scale(c, "alpha", in[0], g->alpha, &in[0]));
    OC_TRY(oc_imp_sub(&c->at, "product", &name));
    bool is_last = g->c == OC_NONE;
    OC_TRY(oc_imp_begin(&c->at, is_last ? NULL : name, &oc_op_matmul, in, 2, &node));
    return oc_imp_end(&c->at, node, is_last ? c->at.out : name, y);
}

/* alpha A B + beta C */
static oc_status gemm(oc_onnx_call *c)
{
    gemm_args g;
    const char *name;
    oc_id y;
    OC_TRY(read_gemm(c, &g));
    OC_TRY(oc_imp_sub(&c->at, "product", &name));
    if (oc_imp_is_const(c->at.graph, g.b))
        OC_TRY(gemm_connected(c, &g, name, name, &y));
    else
        OC_TRY(gemm_matmul(c, &g, &y));
    if (g.c != OC_NONE)
        return oc_imp_binary(&c->at, NULL, "add", y, g.c, &c->out);
    c->out = y;
    return OC_OK;
}

/* A vector as a matrix of one row (`axis` 0) or one column (1); others stay. */
static oc_status to_matrix(oc_onnx_call *c, const char *what, oc_id x, int axis, oc_id *out)
{
    const oc_shape *shape = oc_imp_shape(&c->at, x);
    oc_shape matrix = {2, {1, 1}};
    const char *name;
    *out = x;
    if (shape->rank != 1)
        return OC_OK;
    matrix.dim[1 - axis] = shape->dim[0];
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_imp_reshape(&c->at, name, x, &matrix, out);
}

/* The product of matrices, or, for a constant matrix b, a fully connected layer. */
static oc_status product(oc_onnx_call *c, oc_id a, oc_id b, bool is_last, oc_id *y)
{
    oc_node *node;
    const char *name;
    const oc_op *op = &oc_op_matmul;
    oc_id in[2] = {a, b};
    if (oc_imp_is_const(c->at.graph, b) && oc_imp_shape(&c->at, b)->rank == 2) {
        op = &oc_op_fully_connected;
        OC_TRY(swap_axes(c, "weights", b, &in[1]));
    }
    OC_TRY(oc_imp_sub(&c->at, "product", &name));
    OC_TRY(oc_imp_begin(&c->at, is_last ? NULL : name, op, in, 2, &node));
    return oc_imp_end(&c->at, node, is_last ? c->at.out : name, y);
}

/* NumPy's rule: the axis that a vector gains before the product is removed after it. */
static oc_status mat_mul(oc_onnx_call *c)
{
    oc_id a, b, y;
    oc_shape shape;
    bool is_row = shape_of(c, 0)->rank == 1, is_column = shape_of(c, 1)->rank == 1;
    for (uint32_t i = 0; i < 2; i++)
        if (shape_of(c, i)->rank == 0)
            return oc_fail(OC_E_SHAPE, "node \"%s\": input %u is a scalar", c->at.node, i);
    OC_TRY(to_matrix(c, "row", c->in[0], 0, &a));
    OC_TRY(to_matrix(c, "column", c->in[1], 1, &b));
    OC_TRY(product(c, a, b, !is_row && !is_column, &y));
    c->out = y;
    if (!is_row && !is_column)
        return OC_OK;
    const oc_shape *full = oc_imp_shape(&c->at, y);
    int32_t drop[2], n = 0;
    if (is_row)
        drop[n++] = full->rank - 2;
    if (is_column)
        drop[n++] = full->rank - 1;
    OC_TRY(oc_imp_squeezed(&c->at, full, drop, (size_t)n, &shape));
    return oc_imp_reshape(&c->at, NULL, y, &shape, &c->out);
}

/* ---- elementwise ----------------------------------------------------------------------------- */

static oc_status unary(oc_onnx_call *c)
{
    return oc_imp_unary(&c->at, NULL, c->row->fn, 0.0f, 0.0f, c->in[0], &c->out);
}

static oc_status leaky_relu(oc_onnx_call *c)
{
    float alpha;
    OC_TRY(attr_float(c, "alpha", 0.01f, &alpha));
    return oc_imp_unary(&c->at, NULL, "leaky_relu", alpha, 0.0f, c->in[0], &c->out);
}

/* A bound of Clip: an attribute up to opset 10, then a constant input. */
static oc_status clip_bound(oc_onnx_call *c, const char *name, uint32_t input, float initial,
                            float *out)
{
    if (input < c->n_in && c->in[input] != OC_NONE)
        return oc_imp_float(&c->at, c->in[input], name, out);
    return attr_float(c, name, initial, out);
}

/* The bounds that have a name of their own are recognised: such nodes are fused and shared most. */
static oc_status clip(oc_onnx_call *c)
{
    float low, high;
    OC_TRY(clip_bound(c, "min", 1, -FLT_MAX, &low));
    OC_TRY(clip_bound(c, "max", 2, FLT_MAX, &high));
    if (!(low <= high))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": Clip from %g to %g is not supported",
                       c->at.node, (double)low, (double)high);
    const char *fn = low == 0.0f && high == 6.0f      ? "relu6"
                     : low == 0.0f && high >= FLT_MAX ? "relu"
                     : low == -1.0f && high == 1.0f   ? "relu_n1_to_1"
                                                      : NULL;
    if (fn)
        return oc_imp_unary(&c->at, NULL, fn, 0.0f, 0.0f, c->in[0], &c->out);
    return oc_imp_unary(&c->at, NULL, "clip", low, high, c->in[0], &c->out);
}

/* Any number of inputs, from the left; with one, that input. */
static oc_status chain(oc_onnx_call *c)
{
    oc_id sum = c->in[0];
    if (c->n_in == 1)
        return oc_imp_identity(&c->at, NULL, sum, &c->out);
    for (uint32_t i = 1; i < c->n_in; i++) {
        const char *name = NULL;
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
        if (i + 1 < c->n_in)
            OC_TRY(oc_imp_sub(&c->at, "part", &name));
        OC_TRY(oc_imp_binary(&c->at, name, c->row->fn, sum, c->in[i], &sum));
    }
    c->out = sum;
    return OC_OK;
}

static oc_status identity(oc_onnx_call *c)
{
    return oc_imp_identity(&c->at, NULL, c->in[0], &c->out);
}

/* Outside of training it is the identity; opset 12 made ratio and training_mode inputs. */
static oc_status dropout(oc_onnx_call *c)
{
    uint8_t is_training = 0;
    if (c->n_in > 2 && c->in[2] != OC_NONE) {
        const oc_desc *desc = &c->at.graph->values[c->in[2]].desc;
        if (!oc_imp_is_const(c->at.graph, c->in[2]) || desc->dtype != OC_DTYPE_bool ||
            desc->shape.rank != 0)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": expected training_mode as a constant bool", c->at.node);
        OC_TRY(oc_graph_const_read(c->at.graph, c->in[2], &is_training, 1));
    }
    if (is_training)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": Dropout in training is not supported",
                       c->at.node);
    return identity(c);
}

/* ---- normalisations -------------------------------------------------------------------------- */

static oc_status batch_normalization(oc_onnx_call *c)
{
    float epsilon;
    oc_id in[5];
    oc_node *node;
    OC_TRY(expect_int(c, "spatial", 1));
    OC_TRY(expect_int(c, "training_mode", 0));
    OC_TRY(attr_float(c, "epsilon", 1e-5f, &epsilon));
    memcpy(in, c->in, sizeof(in));
    OC_TRY(to_last(c, c->in[0], &in[0]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_batchnorm, in, 5, &node));
    OC_TRY(oc_node_set_float(node, "epsilon", epsilon));
    return end_last(c, node, shape_of(c, 0)->rank);
}

static oc_status lrn(oc_onnx_call *c)
{
    float alpha, beta, bias;
    int64_t size;
    oc_id in;
    oc_node *node;
    OC_TRY(attr_float(c, "alpha", 1e-4f, &alpha));
    OC_TRY(attr_float(c, "beta", 0.75f, &beta));
    OC_TRY(attr_float(c, "bias", 1.0f, &bias));
    OC_TRY(attr_int(c, "size", 0, &size));
    if (size < 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": attribute size: expected at least 1, found %lld",
                       c->at.node, (long long)size);
    OC_TRY(to_last(c, c->in[0], &in));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_lrn, &in, 1, &node));
    OC_TRY(oc_node_set_int(node, "size", size));
    OC_TRY(oc_node_set_float(node, "alpha", alpha / (float)size)); /* ours is not divided by size */
    OC_TRY(oc_node_set_float(node, "beta", beta));
    OC_TRY(oc_node_set_float(node, "bias", bias));
    return end_last(c, node, shape_of(c, 0)->rank);
}

static oc_status softmax_node(oc_onnx_call *c, const char *name, oc_id x, int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, name ? name : c->at.out, out);
}

/* Sizes of a shape as a matrix: the axes before `axis` are its rows. */
static oc_status flattened(const oc_onnx_call *c, const oc_shape *in, int32_t axis, oc_shape *out)
{
    oc_shape left = *in;
    size_t count;
    left.rank = axis;
    OC_TRY(oc_shape_elems(&left, &count));
    int64_t sides[2] = {(int64_t)count, axis == in->rank ? 1 : -1};
    return oc_imp_resolve(&c->at, in, sides, 2, false, out);
}

/*
 * Before opset 13 the input is seen as a matrix whose rows are the axes before `axis`; from then on
 * one axis is normalised. The two are the same where the axes after `axis` have size 1.
 */
static oc_status softmax(oc_onnx_call *c)
{
    const oc_shape full = *shape_of(c, 0);
    oc_shape matrix;
    int64_t asked;
    int32_t axis;
    const char *rows, *normed;
    oc_id x;
    bool is_matrix = c->model->opset < 13, has_tail = false;
    OC_TRY(attr_int(c, "axis", is_matrix ? 1 : -1, &asked));
    OC_TRY(oc_imp_axis(&c->at, asked, full.rank, &axis));
    for (int32_t i = axis + 1; i < full.rank; i++)
        has_tail = has_tail || full.dim[i] != 1;
    if (!is_matrix || !has_tail)
        return softmax_node(c, NULL, c->in[0], axis, &c->out);
    OC_TRY(flattened(c, &full, axis, &matrix));
    OC_TRY(oc_imp_sub(&c->at, "rows", &rows));
    OC_TRY(oc_imp_sub(&c->at, "normed", &normed));
    OC_TRY(oc_imp_reshape(&c->at, rows, c->in[0], &matrix, &x));
    OC_TRY(softmax_node(c, normed, x, 1, &x));
    return oc_imp_reshape(&c->at, NULL, x, &full, &c->out);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static oc_status concat(oc_onnx_call *c)
{
    oc_onnx_attr attr;
    bool found;
    int32_t axis;
    oc_node *node;
    OC_TRY(find_attr(c, "axis", OC_ONNX_INT, &attr, &found));
    if (!found)
        return oc_fail(OC_E_FORMAT, "node \"%s\": Concat needs the attribute axis", c->at.node);
    OC_TRY(oc_imp_axis(&c->at, attr.i, shape_of(c, 0)->rank, &axis));
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_concat, c->in, c->n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out);
}

static oc_status reshape(oc_onnx_call *c)
{
    int64_t dims[OC_RANK_MAX], allows_zero;
    size_t count;
    oc_shape shape;
    OC_TRY(attr_int(c, "allowzero", 0, &allows_zero));
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "shape", dims, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_resolve(&c->at, shape_of(c, 0), dims, count, allows_zero == 0, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status flatten(oc_onnx_call *c)
{
    const oc_shape *in = shape_of(c, 0);
    oc_shape shape;
    int64_t asked;
    OC_TRY(attr_int(c, "axis", 1, &asked));
    if (asked < -(int64_t)in->rank || asked > in->rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected an axis of %d to %d, found %lld",
                       c->at.node, -in->rank, in->rank, (long long)asked);
    OC_TRY(flattened(c, in, (int32_t)(asked < 0 ? asked + in->rank : asked), &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status squeeze(oc_onnx_call *c)
{
    const oc_shape *in = shape_of(c, 0);
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    bool found;
    OC_TRY(ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    OC_TRY(oc_imp_axes(&c->at, asked, count, in->rank, axes));
    OC_TRY(oc_imp_squeezed(&c->at, in, axes, count, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status unsqueeze(oc_onnx_call *c)
{
    const oc_shape *in = shape_of(c, 0);
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count, next = 0;
    bool found;
    OC_TRY(ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    if (!found || in->rank + count > OC_RANK_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected axes for a rank of at most %d",
                       c->at.node, OC_RANK_MAX);
    oc_shape shape = {.rank = in->rank + (int32_t)count};
    OC_TRY(oc_imp_axes(&c->at, asked, count, shape.rank, axes));
    for (int32_t axis = 0, from = 0; axis < shape.rank; axis++) {
        bool is_new = next < count && axes[next] == axis;
        next += is_new;
        shape.dim[axis] = is_new ? 1 : in->dim[from++];
    }
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out);
}

static oc_status transpose(oc_onnx_call *c)
{
    int32_t rank = shape_of(c, 0)->rank, perm[OC_RANK_MAX];
    int64_t asked[OC_RANK_MAX];
    size_t count;
    bool found;
    OC_TRY(attr_ints(c, "perm", asked, OC_RANK_MAX, &count, &found));
    if (found && count != (size_t)rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected perm of %d axes, found %zu", c->at.node,
                       rank, count);
    for (int32_t i = 0; i < rank; i++)
        if (found)
            OC_TRY(oc_imp_axis(&c->at, asked[i], rank, &perm[i]));
        else
            perm[i] = rank - 1 - i;
    return oc_imp_transpose(&c->at, NULL, c->in[0], perm, &c->out);
}

/* The padding of each axis from lists for `axes` (opset 18), or for all of them. */
static oc_status read_paddings(oc_onnx_call *c, int64_t *begins, int64_t *ends)
{
    int32_t rank = shape_of(c, 0)->rank;
    int64_t pads[2 * OC_RANK_MAX], axes[OC_RANK_MAX];
    size_t n_pads, n_axes;
    bool found;
    OC_TRY(ints_of(c, "pads", 1, pads, OC_COUNT(pads), &n_pads, &found));
    if (c->n_in > 3)
        OC_TRY(oc_imp_ints(&c->at, c->in[3], "axes", axes, OC_RANK_MAX, &n_axes));
    else
        for (n_axes = 0; n_axes < (size_t)rank; n_axes++)
            axes[n_axes] = (int64_t)n_axes;
    if (!found || n_pads != 2 * n_axes)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected %zu pads, found %zu", c->at.node,
                       2 * n_axes, n_pads);
    for (size_t i = 0; i < n_axes; i++) {
        int32_t axis;
        OC_TRY(oc_imp_axis(&c->at, axes[i], rank, &axis));
        begins[axis] = pads[i];
        ends[axis] = pads[n_axes + i];
    }
    return OC_OK;
}

static oc_status pad(oc_onnx_call *c)
{
    int64_t begins[OC_RANK_MAX] = {0}, ends[OC_RANK_MAX] = {0};
    float value;
    oc_bytes mode;
    const char *text;
    OC_TRY(attr_string(c, "mode", &mode));
    OC_TRY(oc_imp_text(c->at.scratch, mode, &text));
    if (mode.size && !oc_bytes_equal_text(mode, "constant"))
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": Pad of mode \"%s\" is not supported, only \"constant\"",
                       c->at.node, text);
    OC_TRY(read_paddings(c, begins, ends));
    if (c->n_in > 2 && c->in[2] != OC_NONE)
        OC_TRY(oc_imp_float(&c->at, c->in[2], "constant_value", &value));
    else
        OC_TRY(attr_float(c, "value", 0.0f, &value));
    return oc_imp_pad(&c->at, c->in[0], begins, ends, value, &c->out);
}

static oc_status reduce(oc_onnx_call *c)
{
    int32_t rank = shape_of(c, 0)->rank, axes[OC_RANK_MAX];
    int64_t asked[OC_RANK_MAX], keep_dims, is_noop;
    size_t count;
    bool found;
    OC_TRY(ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    OC_TRY(attr_int(c, "keepdims", 1, &keep_dims));
    OC_TRY(attr_int(c, "noop_with_empty_axes", 0, &is_noop));
    if (count == 0 && (is_noop || rank == 0))
        return identity(c);
    if (count == 0)
        for (; count < (size_t)rank; count++)
            asked[count] = (int64_t)count;
    OC_TRY(oc_imp_axes(&c->at, asked, count, rank, axes));
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], axes, count, keep_dims != 0, &c->out);
}

/* ---- constants ------------------------------------------------------------------------------- */

/* The shape of a value is known here: opset 15 can ask for a part of it. */
static oc_status shape(oc_onnx_call *c)
{
    const oc_shape *in = shape_of(c, 0);
    int64_t start, end, dims[OC_RANK_MAX];
    oc_desc desc = {OC_DTYPE_int64, {1, {0}}};
    OC_TRY(attr_int(c, "start", 0, &start));
    OC_TRY(attr_int(c, "end", in->rank, &end));
    start = OC_MIN(OC_MAX(start < 0 ? start + in->rank : start, 0), in->rank);
    end = OC_MIN(OC_MAX(end < 0 ? end + in->rank : end, 0), in->rank);
    for (int64_t i = start; i < end; i++)
        dims[desc.shape.dim[0]++] = in->dim[i];
    return oc_graph_add_bytes(c->at.graph, c->at.out, &desc, dims, &c->out);
}

static oc_status constant_numbers(oc_onnx_call *c, const oc_onnx_attr *attr, bool *is_done)
{
    enum { MOST = 1024 };
    oc_desc desc = {OC_DTYPE_float32, {0, {0}}};
    size_t count = 1;
    void *data = NULL;
    *is_done = true;
    OC_TRY(oc_arena_alloc(c->at.scratch, MOST, sizeof(int64_t), &data));
    if (oc_bytes_equal_text(attr->name, "value_float"))
        memcpy(data, &attr->f, sizeof(attr->f));
    else if (oc_bytes_equal_text(attr->name, "value_floats"))
        OC_TRY(oc_onnx_attr_floats(attr, data, MOST, &count));
    else if (oc_bytes_equal_text(attr->name, "value_int"))
        memcpy(data, &attr->i, sizeof(attr->i));
    else if (oc_bytes_equal_text(attr->name, "value_ints"))
        OC_TRY(oc_onnx_attr_ints(attr, data, MOST, &count));
    else
        *is_done = false;
    if (!*is_done)
        return OC_OK;
    if (strncmp((const char *)attr->name.data, "value_int", 9) == 0)
        desc.dtype = OC_DTYPE_int64;
    if (attr->name.data[attr->name.size - 1] == 's')
        desc.shape = (oc_shape){1, {(int32_t)count}};
    return oc_graph_add_bytes(c->at.graph, c->at.out, &desc, data, &c->out);
}

/* One of several attributes holds the value, a tensor as a rule. */
static oc_status constant(oc_onnx_call *c)
{
    static const char *const others[] = {"value_float", "value_floats", "value_int", "value_ints"};
    oc_onnx_attr attr;
    oc_onnx_tensor tensor;
    bool found, is_done = false;
    OC_TRY(find_attr(c, "value", OC_ONNX_TENSOR, &attr, &found));
    if (found) {
        OC_TRY(oc_onnx_read_tensor(attr.t, &tensor));
        return oc_onnx_constant(c->model, &tensor, c->at.out, &c->out);
    }
    for (size_t i = 0; i < OC_COUNT(others) && !is_done; i++) {
        OC_TRY(oc_onnx_find_attr(c->node, others[i], &attr, &found));
        if (found)
            OC_TRY(constant_numbers(c, &attr, &is_done));
    }
    if (!is_done)
        return oc_fail(OC_E_FORMAT, "node \"%s\": Constant without a value", c->at.node);
    return OC_OK;
}

/* A shape filled with one element, which is all that is kept of it. */
static oc_status constant_of_shape(oc_onnx_call *c)
{
    static const uint8_t zero[8];
    int64_t dims[OC_RANK_MAX];
    size_t count;
    oc_onnx_attr attr;
    oc_onnx_tensor tensor;
    oc_desc desc = {OC_DTYPE_float32, {0, {0}}};
    oc_bytes element = {zero, sizeof(zero)};
    bool found, is_in_file;
    OC_TRY(oc_imp_ints(&c->at, c->in[0], "shape", dims, OC_RANK_MAX, &count));
    OC_TRY(find_attr(c, "value", OC_ONNX_TENSOR, &attr, &found));
    if (found) {
        OC_TRY(oc_onnx_read_tensor(attr.t, &tensor));
        OC_TRY(oc_onnx_tensor_bytes(&tensor, c->at.scratch, &element, &is_in_file));
        desc.dtype = tensor.desc.dtype;
        if (element.size != oc_dtype_size(desc.dtype))
            return oc_fail(OC_E_FORMAT,
                           "node \"%s\": expected a value of one element, found %zu bytes",
                           c->at.node, element.size);
    }
    for (size_t i = 0; i < count; i++)
        if (dims[i] < 0)
            return oc_fail(OC_E_FORMAT, "node \"%s\": axis %zu has size %lld", c->at.node, i,
                           (long long)dims[i]);
    OC_TRY(oc_imp_narrow(&c->at, "shape", dims, count, desc.shape.dim));
    desc.shape.rank = (int32_t)count;
    return oc_graph_add_fill(c->at.graph, c->at.out, &desc, element.data, &c->out);
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define NEWEST OC_ONNX_OPSET_MAX
#define MANY OC_NODE_IO_MAX

/* clang-format off */
static const oc_onnx_row rows[] = {
    {.op = "Add", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .convert = chain, .fn = "add"},
    {.op = "AveragePool", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
     .convert = average_pool},
    {.op = "BatchNormalization", .since = 7, .until = NEWEST, .in_min = 5, .in_max = 5,
     .attrs = "epsilon momentum spatial training_mode", .convert = batch_normalization},
    {.op = "Clip", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 3,
     .attrs = "max min", .convert = clip},
    {.op = "Concat", .since = 7, .until = NEWEST, .in_min = 1, .in_max = MANY,
     .attrs = "axis", .convert = concat},
    {.op = "Constant", .since = 7, .until = NEWEST, .in_min = 0, .in_max = 0,
     .attrs = "value value_float value_floats value_int value_ints", .convert = constant},
    {.op = "ConstantOfShape", .since = 9, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "value", .convert = constant_of_shape},
    {.op = "Conv", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 3,
     .attrs = "auto_pad dilations group kernel_shape pads strides", .convert = conv},
    {.op = "Div", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .convert = chain, .fn = "div"},
    {.op = "Dropout", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 3,
     .attrs = "ratio seed", .convert = dropout},
    {.op = "Flatten", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "axis", .convert = flatten},
    {.op = "Gemm", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 3,
     .attrs = "alpha beta transA transB", .convert = gemm},
    {.op = "GlobalAveragePool", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = global_pool, .fn = "mean"},
    {.op = "GlobalMaxPool", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = global_pool, .fn = "max"},
    {.op = "Identity", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = identity},
    {.op = "LRN", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "alpha beta bias size", .convert = lrn},
    {.op = "LeakyRelu", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "alpha", .convert = leaky_relu},
    {.op = "MatMul", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .convert = mat_mul},
    {.op = "Max", .since = 7, .until = NEWEST, .in_min = 1, .in_max = MANY,
     .convert = chain, .fn = "max"},
    {.op = "MaxPool", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "auto_pad ceil_mode dilations kernel_shape pads storage_order strides",
     .convert = max_pool},
    {.op = "Min", .since = 7, .until = NEWEST, .in_min = 1, .in_max = MANY,
     .convert = chain, .fn = "min"},
    {.op = "Mul", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .convert = chain, .fn = "mul"},
    {.op = "Pad", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 4,
     .attrs = "mode pads value", .convert = pad},
    {.op = "ReduceMax", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes keepdims noop_with_empty_axes", .convert = reduce, .fn = "max"},
    {.op = "ReduceMean", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes keepdims noop_with_empty_axes", .convert = reduce, .fn = "mean"},
    {.op = "ReduceMin", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes keepdims noop_with_empty_axes", .convert = reduce, .fn = "min"},
    {.op = "ReduceSum", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes keepdims noop_with_empty_axes", .convert = reduce, .fn = "sum"},
    {.op = "Relu", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = unary, .fn = "relu"},
    {.op = "Reshape", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .attrs = "allowzero", .convert = reshape},
    {.op = "Shape", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "end start", .convert = shape},
    {.op = "Sigmoid", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = unary, .fn = "sigmoid"},
    {.op = "Softmax", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "axis", .convert = softmax},
    {.op = "Squeeze", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes", .convert = squeeze},
    {.op = "Sub", .since = 7, .until = NEWEST, .in_min = 2, .in_max = 2,
     .convert = chain, .fn = "sub"},
    {.op = "Sum", .since = 7, .until = NEWEST, .in_min = 1, .in_max = MANY,
     .convert = chain, .fn = "add"},
    {.op = "Tanh", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .convert = unary, .fn = "tanh"},
    {.op = "Transpose", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 1,
     .attrs = "perm", .convert = transpose},
    {.op = "Unsqueeze", .since = 7, .until = NEWEST, .in_min = 1, .in_max = 2,
     .attrs = "axes", .convert = unsqueeze},
};
/* clang-format on */

const oc_onnx_row *oc_onnx_find_row(oc_bytes op_type)
{
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        if (oc_bytes_equal_text(op_type, rows[i].op))
            return &rows[i];
    return NULL;
}

const char *oc_onnx_op_name(size_t index)
{
    return index < OC_COUNT(rows) ? rows[index].op : NULL;
}
