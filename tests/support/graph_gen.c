/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_gen.h"

#include "oc_ops.h"
#include "oc_test.h"

#include <math.h>
#include <stdio.h>

enum { LIVE_MAX = 64, STEPS_MIN = 4, STEPS_MAX = 14, ELEMS_MAX = 2048 };

typedef struct gen {
    oc_graph *g;
    oc_rng rng;
    oc_id live[LIVE_MAX]; /* values to go on from */
    size_t n_live;
    uint32_t serial;
} gen;

static const int32_t to_nhwc_perm[] = {0, 2, 3, 1}, to_nchw_perm[] = {0, 3, 1, 2};

/* ---- little helpers -------------------------------------------------------------------------- */

static uint32_t below(gen *t, uint32_t n)
{
    return oc_rng_below(&t->rng, n);
}

/* True in `percent` of a hundred. */
static bool chance(gen *t, uint32_t percent)
{
    return below(t, 100) < percent;
}

static const oc_shape *shape_of(const gen *t, oc_id value)
{
    return &t->g->values[value].desc.shape;
}

static bool same_shape(const oc_shape *a, const oc_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof(a->dim[0]) * (size_t)a->rank) == 0;
}

static size_t elems_of(const gen *t, oc_id value)
{
    size_t elems = 0;
    return oc_shape_elems(shape_of(t, value), &elems) == OC_OK ? elems : 0;
}

static oc_status begin(gen *t, const oc_op *op, const oc_id *in, size_t n_in, oc_node **node)
{
    char name[40];
    snprintf(name, sizeof(name), "%s_%u", op->name, t->serial++);
    return oc_graph_begin_node(t->g, op, name, in, n_in, node);
}

static oc_status end(gen *t, oc_node *node, oc_id *out)
{
    return oc_graph_end_node(t->g, node, NULL, out);
}

/* A float constant with elements in lo .. hi. */
static oc_status constant(gen *t, int32_t rank, const int32_t *dims, float lo, float hi,
                          oc_id *value)
{
    oc_desc desc = {OC_DTYPE_float32, {.rank = rank}};
    float *data = NULL;
    size_t elems;
    if (rank > 0)
        memcpy(desc.shape.dim, dims, sizeof(*dims) * (size_t)rank);
    OC_TRY(oc_shape_elems(&desc.shape, &elems));
    if (chance(t, 10)) {
        float element = oc_rng_float(&t->rng, lo, hi);
        return oc_graph_add_fill(t->g, "fill", &desc, &element, value);
    }
    OC_TRY(OC_ALLOC(NULL, elems, data));
    oc_rng_fill_floats(&t->rng, data, elems, lo, hi);
    oc_status status = oc_graph_add_bytes(t->g, "constant", &desc, data, value);
    oc_free(NULL, data);
    return status;
}

static oc_status transpose(gen *t, oc_id x, const int32_t *perm, oc_id *out)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_transpose, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "perm", perm, (size_t)shape_of(t, x)->rank));
    return end(t, node, out);
}

static oc_status reshape(gen *t, oc_id x, int32_t rank, const int32_t *dims, oc_id *out)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_reshape, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "shape", dims, (size_t)rank));
    return end(t, node, out);
}

static oc_status unary(gen *t, const char *fn, float a, float b, oc_id x, oc_id *out)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_unary, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    OC_TRY(oc_node_set_float(node, "a", a));
    OC_TRY(oc_node_set_float(node, "b", b));
    return end(t, node, out);
}

static oc_status binary(gen *t, const char *fn, oc_id p, oc_id q, oc_id *out)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_binary, (oc_id[]){p, q}, 2, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    return end(t, node, out);
}

/* ---- building blocks: value in model order -> value in model order; OC_NONE: does not fit here -- */

typedef oc_status (*block)(gen *t, oc_id x, oc_id *y);

static oc_status any_unary(gen *t, oc_id x, oc_id *y)
{
    static const struct {
        const char *fn;
        float a, b;
    } list[] = {
        {"none", 0, 0},         {"relu", 0, 0},    {"relu6", 0, 0},
        {"relu_n1_to_1", 0, 0}, {"relu", 0, 0},    {"leaky_relu", 0.125f, 0},
        {"clip", -0.75f, 1.5f}, {"sigmoid", 0, 0}, {"tanh", 0, 0},
        {"neg", 0, 0},          {"abs", 0, 0},     {"elu", 1, 0},
        {"selu", 1.5f, 1},      {"gelu", 0, 0},    {"hard_sigmoid", 0.2f, 0.5f},
        {"hard_swish", 0, 0},   {"mish", 0, 0},    {"softplus", 0, 0},
        {"gelu_tanh", 0, 0},    {"erf", 0, 0},     {"softsign", 0, 0},
        {"swish", 1, 0},        {"lhtan", 0, 0},
    };
    uint32_t i = below(t, OC_COUNT(list));
    return unary(t, list[i].fn, list[i].a, list[i].b, x, y);
}

/* A constant that broadcasts over x, channels in axis 1: one number, one a channel, or full. */
static oc_status channel_constant(gen *t, oc_id x, float lo, float hi, oc_id *value)
{
    const oc_shape shape = *shape_of(t, x);
    int32_t c = shape.rank > 1 ? shape.dim[1] : 1;
    switch (below(t, shape.rank == 4 ? 5 : 3)) {
    case 0:
        return constant(t, 0, NULL, lo, hi, value);
    case 1:
        return constant(t, shape.rank, shape.dim, lo, hi, value);
    case 2:
        return constant(t, 1, &shape.dim[shape.rank - 1], lo, hi, value);
    case 3:
        return constant(t, 3, (int32_t[]){c, 1, 1}, lo, hi, value);
    default:
        return constant(t, 4, (int32_t[]){1, c, 1, 1}, lo, hi, value);
    }
}

/* Add, subtract, multiply with a constant; sometimes one that is itself computed from constants. */
static oc_status binary_constant(gen *t, oc_id x, oc_id *y)
{
    static const char *const fns[] = {"add", "add", "mul", "sub", "div", "max", "min"};
    oc_id c;
    OC_TRY(channel_constant(t, x, 0.5f, 1.5f, &c));
    if (chance(t, 30))
        OC_TRY(unary(t, "sqrt", 0, 0, c, &c));
    if (chance(t, 15))
        OC_TRY(binary(t, "max", c, c, &c));
    const char *fn = fns[below(t, OC_COUNT(fns))];
    bool is_first = strcmp(fn, "div") != 0 && chance(t, 40);
    return is_first ? binary(t, fn, c, x, y) : binary(t, fn, x, c, y);
}

/* A factor and an addend for each channel, as Caffe's layer "Scale" has them behind a batch-norm. */
static oc_status rescale(gen *t, oc_id x, oc_id *y)
{
    const oc_shape shape = *shape_of(t, x);
    const int32_t full[] = {1, shape.dim[1], 1, 1}, lead = chance(t, 50) ? 1 : 0;
    const int32_t rank = shape.rank - lead;
    oc_id factor, addend;
    OC_TRY(constant(t, rank, full + lead, 0.5f, 1.5f, &factor));
    OC_TRY(constant(t, rank, full + lead, -0.5f, 0.5f, &addend));
    OC_TRY(binary(t, chance(t, 80) ? "mul" : "div", x, factor, y));
    return binary(t, "add", *y, addend, y);
}

static oc_status batchnorm(gen *t, oc_id x, oc_id *y)
{
    oc_node *node;
    oc_id in[5] = {x};
    const int32_t c = shape_of(t, x)->dim[1];
    *y = OC_NONE;
    if (shape_of(t, x)->rank != 2 && shape_of(t, x)->rank != 4)
        return OC_OK;
    bool is_spatial = shape_of(t, x)->rank == 4;
    if (is_spatial)
        OC_TRY(transpose(t, x, to_nhwc_perm, &in[0]));
    OC_TRY(constant(t, 1, &c, 0.5f, 1.5f, &in[1]));
    OC_TRY(constant(t, 1, &c, -0.5f, 0.5f, &in[2]));
    OC_TRY(constant(t, 1, &c, -0.5f, 0.5f, &in[3]));
    OC_TRY(constant(t, 1, &c, 0.5f, 2.0f, &in[4]));
    OC_TRY(begin(t, &oc_op_batchnorm, in, 5, &node));
    OC_TRY(oc_node_set_float(node, "epsilon", 1e-3f));
    OC_TRY(end(t, node, y));
    if (is_spatial)
        OC_TRY(transpose(t, *y, to_nchw_perm, y));
    return chance(t, 30) ? rescale(t, *y, y) : OC_OK;
}

/* What models put behind a layer: batch-norm, a bias or a scale of its own, an activation. */
static oc_status finish_layer(gen *t, oc_id x, oc_id *y)
{
    *y = x;
    if (chance(t, 40))
        OC_TRY(batchnorm(t, *y, y));
    if (chance(t, 25))
        OC_TRY(binary_constant(t, *y, y));
    if (chance(t, 60))
        OC_TRY(any_unary(t, *y, y));
    return OC_OK;
}

/* Any of the groups that are possible: one, one a channel (depthwise), two. */
static int32_t pick_groups(gen *t, int32_t channels)
{
    if (chance(t, 25))
        return channels;
    return channels % 2 == 0 && chance(t, 25) ? 2 : 1;
}

static oc_status conv(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    *y = OC_NONE;
    if (in.rank != 4 || elems_of(t, x) > ELEMS_MAX)
        return OC_OK;
    int32_t groups = pick_groups(t, in.dim[1]);
    int32_t k = OC_MIN(1 + (int32_t)below(t, 4), 3); /* 3 as often as 1 and 2 */
    int32_t pad = (int32_t)below(t, 2), stride = 1 + (int32_t)chance(t, 25);
    int32_t outputs = groups * (1 + (int32_t)below(t, groups == 1 ? 5 : 2));
    if (in.dim[2] + 2 * pad < k || in.dim[3] + 2 * pad < k)
        return OC_OK;
    int32_t fan_in = k * k * in.dim[1] / groups;
    float range = 1.5f / sqrtf((float)fan_in);
    oc_id ids[3];
    oc_node *node;
    OC_TRY(transpose(t, x, to_nhwc_perm, &ids[0]));
    OC_TRY(constant(t, 4, (int32_t[]){outputs, k, k, in.dim[1] / groups}, -range, range, &ids[1]));
    OC_TRY(constant(t, 1, &outputs, -0.5f, 0.5f, &ids[2]));
    OC_TRY(begin(t, &oc_op_conv2d, ids, chance(t, 50) ? 3 : 2, &node));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){stride, stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){pad, pad, pad, pad}, 4));
    OC_TRY(oc_node_set_int(node, "groups", groups));
    OC_TRY(end(t, node, y));
    OC_TRY(transpose(t, *y, to_nchw_perm, y));
    return finish_layer(t, *y, y);
}

static oc_status pool(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    *y = OC_NONE;
    if (in.rank != 4)
        return OC_OK;
    int32_t k = 1 + (int32_t)below(t, 3), stride = 1 + (int32_t)below(t, 2);
    int32_t pad = k == 3 ? (int32_t)below(t, 2) : 0;
    if (in.dim[2] + 2 * pad < k || in.dim[3] + 2 * pad < k)
        return OC_OK;
    oc_id nhwc;
    oc_node *node;
    OC_TRY(transpose(t, x, to_nhwc_perm, &nhwc));
    OC_TRY(begin(t, chance(t, 50) ? &oc_op_maxpool2d : &oc_op_avgpool2d, &nhwc, 1, &node));
    OC_TRY(oc_node_set_ints(node, "kernel", (int32_t[]){k, k}, 2));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){stride, stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){pad, pad, pad, pad}, 4));
    OC_TRY(end(t, node, y));
    return transpose(t, *y, to_nchw_perm, y);
}

static oc_status lrn(gen *t, oc_id x, oc_id *y)
{
    oc_id nhwc;
    oc_node *node;
    *y = OC_NONE;
    if (shape_of(t, x)->rank != 4)
        return OC_OK;
    OC_TRY(transpose(t, x, to_nhwc_perm, &nhwc));
    OC_TRY(begin(t, &oc_op_lrn, &nhwc, 1, &node));
    OC_TRY(oc_node_set_int(node, "size", 3));
    OC_TRY(end(t, node, y));
    return transpose(t, *y, to_nchw_perm, y);
}

static oc_status fully_connected(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    *y = OC_NONE;
    if (in.rank != 2 || in.dim[1] > 512)
        return OC_OK;
    int32_t outputs = 1 + (int32_t)below(t, 8);
    float range = 1.5f / sqrtf((float)in.dim[1]);
    oc_id ids[3] = {x};
    oc_node *node;
    OC_TRY(constant(t, 2, (int32_t[]){outputs, in.dim[1]}, -range, range, &ids[1]));
    OC_TRY(constant(t, 1, &outputs, -0.5f, 0.5f, &ids[2]));
    OC_TRY(begin(t, &oc_op_fully_connected, ids, chance(t, 50) ? 3 : 2, &node));
    OC_TRY(end(t, node, y));
    return finish_layer(t, *y, y);
}

/* Another live value of the same shape, or, where only axis `axis` may differ, of that kind. */
static oc_id find_partner(gen *t, oc_id x, int32_t axis)
{
    size_t first = below(t, (uint32_t)t->n_live);
    for (size_t i = 0; i < t->n_live; i++) {
        oc_id value = t->live[(first + i) % t->n_live];
        oc_shape shape = *shape_of(t, value), want = *shape_of(t, x);
        if (value == x || shape.rank != want.rank)
            continue;
        if (axis >= 0)
            shape.dim[axis] = want.dim[axis];
        if (same_shape(&shape, &want))
            return value;
    }
    return OC_NONE;
}

/* A residual block, if the network has nothing yet that fits. */
static oc_status residual(gen *t, oc_id x, oc_id *y)
{
    oc_id partner = find_partner(t, x, -1);
    if (partner == OC_NONE)
        OC_TRY(any_unary(t, x, &partner));
    OC_TRY(chance(t, 50) ? binary(t, "add", x, partner, y) : binary(t, "sub", partner, x, y));
    return chance(t, 50) ? any_unary(t, *y, y) : OC_OK;
}

/* x * sigmoid(x): the value forks and joins. */
static oc_status swish(gen *t, oc_id x, oc_id *y)
{
    oc_id gate;
    OC_TRY(unary(t, "sigmoid", 0, 0, x, &gate));
    return binary(t, "mul", x, gate, y);
}

static oc_status reduce(gen *t, const char *fn, oc_id x, const int32_t *axes, size_t n_axes,
                        bool keepdims, oc_id *y)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_reduce, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    OC_TRY(oc_node_set_ints(node, "axes", axes, n_axes));
    OC_TRY(oc_node_set_int(node, "keepdims", keepdims));
    return end(t, node, y);
}

/* Squeeze and excite: a factor for each channel from the mean over all places. */
static oc_status excite(gen *t, oc_id x, oc_id *y)
{
    oc_id gate;
    *y = OC_NONE;
    if (shape_of(t, x)->rank != 4)
        return OC_OK;
    OC_TRY(reduce(t, "mean", x, (int32_t[]){2, 3}, 2, true, &gate));
    OC_TRY(conv(t, gate, &gate));
    if (gate == OC_NONE || shape_of(t, gate)->dim[1] != shape_of(t, x)->dim[1] ||
        shape_of(t, gate)->dim[2] != 1 || shape_of(t, gate)->dim[3] != 1)
        OC_TRY(reduce(t, "max", x, (int32_t[]){2, 3}, 2, true, &gate));
    OC_TRY(unary(t, "sigmoid", 0, 0, gate, &gate));
    return binary(t, "mul", x, gate, y);
}

static oc_status any_reduce(gen *t, oc_id x, oc_id *y)
{
    static const char *const fns[] = {"mean", "max", "min", "l2", "log_sum_exp"};
    const char *fn = fns[below(t, OC_COUNT(fns))];
    *y = OC_NONE;
    if (shape_of(t, x)->rank != 4)
        return OC_OK;
    switch (below(t, 4)) {
    case 0:
        return reduce(t, fn, x, (int32_t[]){1}, 1, true, y);
    case 1:
        return reduce(t, fn, x, (int32_t[]){1, 2}, 2, true, y);
    default:
        return reduce(t, fn, x, (int32_t[]){2, 3}, 2, chance(t, 50), y);
    }
}

static oc_status concat(gen *t, oc_id x, oc_id *y)
{
    oc_id in[4] = {x};
    size_t count = 1;
    oc_node *node;
    int32_t axis = 1;
    const oc_shape shape = *shape_of(t, x);
    oc_id partner = find_partner(t, x, axis);
    if (partner != OC_NONE)
        in[count++] = partner;
    if (chance(t, 20))
        OC_TRY(constant(t, shape.rank, shape.dim, -1, 1, &in[count++]));
    if (chance(t, 20))
        in[count++] = x;
    OC_TRY(begin(t, &oc_op_concat, in, count, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return end(t, node, y);
}

static oc_status softmax(gen *t, oc_id x, oc_id *y)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", 1));
    return end(t, node, y);
}

/* Transposed convolution. */
static oc_status conv_transpose(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    *y = OC_NONE;
    if (in.rank != 4 || elems_of(t, x) > ELEMS_MAX / 4)
        return OC_OK;
    int32_t groups = pick_groups(t, in.dim[1]), k = 2 + (int32_t)below(t, 2);
    int32_t outputs = groups * (1 + (int32_t)below(t, 2)), stride = 1 + (int32_t)below(t, 2);
    int32_t fan_in = k * k * in.dim[1] / groups, pad = (int32_t)below(t, 2);
    float range = 1.5f / sqrtf((float)fan_in);
    oc_id ids[3];
    oc_node *node;
    if ((in.dim[2] - 1) * stride + k <= 2 * pad || (in.dim[3] - 1) * stride + k <= 2 * pad)
        return OC_OK;
    OC_TRY(transpose(t, x, to_nhwc_perm, &ids[0]));
    OC_TRY(constant(t, 4, (int32_t[]){outputs, k, k, in.dim[1] / groups}, -range, range, &ids[1]));
    OC_TRY(constant(t, 1, &outputs, -0.5f, 0.5f, &ids[2]));
    OC_TRY(begin(t, &oc_op_conv_transpose2d, ids, chance(t, 50) ? 3 : 2, &node));
    OC_TRY(oc_node_set_ints(node, "strides", (int32_t[]){stride, stride}, 2));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){pad, pad, pad, pad}, 4));
    OC_TRY(oc_node_set_int(node, "groups", groups));
    OC_TRY(end(t, node, y));
    OC_TRY(transpose(t, *y, to_nchw_perm, y));
    return finish_layer(t, *y, y);
}

/* A part along each axis but the first, sometimes every other element, sometimes from the end. */
static oc_status slice(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    int32_t begins[OC_RANK_MAX] = {0}, ends[OC_RANK_MAX], steps[OC_RANK_MAX];
    oc_node *node;
    for (int32_t i = 0; i < in.rank; i++) {
        ends[i] = in.dim[i];
        steps[i] = 1;
        if (i == 0 || in.dim[i] < 2 || chance(t, 40))
            continue;
        begins[i] = (int32_t)below(t, (uint32_t)in.dim[i] / 2 + 1);
        steps[i] = 1 + (int32_t)chance(t, 30);
        if (chance(t, 20)) {
            begins[i] = in.dim[i] - 1;
            ends[i] = -1;
            steps[i] = -1;
        }
    }
    OC_TRY(begin(t, &oc_op_slice, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "begins", begins, (size_t)in.rank));
    OC_TRY(oc_node_set_ints(node, "ends", ends, (size_t)in.rank));
    OC_TRY(oc_node_set_ints(node, "steps", steps, (size_t)in.rank));
    return end(t, node, y);
}

static oc_status tile(gen *t, oc_id x, oc_id *y)
{
    const int32_t rank = shape_of(t, x)->rank;
    int32_t repeats[OC_RANK_MAX];
    oc_node *node;
    *y = OC_NONE;
    if (elems_of(t, x) > ELEMS_MAX / 4)
        return OC_OK;
    for (int32_t i = 0; i < rank; i++)
        repeats[i] = i > 0 && chance(t, 40) ? 2 : 1;
    OC_TRY(begin(t, &oc_op_tile, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "repeats", repeats, (size_t)rank));
    return end(t, node, y);
}

/* Constant indices along any axis but the first, some of them counted from the end. */
static oc_status gather(gen *t, oc_id x, oc_id *y)
{
    int64_t index[5];
    oc_id in[2] = {x};
    oc_node *node;
    const oc_shape shape = *shape_of(t, x);
    int32_t axis = 1 + (int32_t)below(t, (uint32_t)shape.rank - 1), n = shape.dim[axis];
    int32_t count = 1 + (int32_t)below(t, OC_COUNT(index));
    for (int32_t i = 0; i < count; i++)
        index[i] = (int64_t)below(t, 2 * (uint32_t)n) - n;
    OC_TRY(oc_graph_add_bytes(t->g, "indices", &(oc_desc){OC_DTYPE_int64, {1, {count}}}, index,
                              &in[1]));
    OC_TRY(begin(t, &oc_op_gather, in, 2, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return end(t, node, y);
}

/* Pictures of another size, with the axes as they are or, as of TensorFlow Lite, turned. */
static oc_status resize(gen *t, oc_id x, oc_id *y)
{
    static const char *const coordinates[] = {"half_pixel", "align_corners", "asymmetric"};
    const bool is_turned = chance(t, 50);
    *y = OC_NONE;
    if (shape_of(t, x)->rank != 4 || elems_of(t, x) > ELEMS_MAX / 4)
        return OC_OK;
    if (is_turned)
        OC_TRY(transpose(t, x, to_nhwc_perm, &x));
    int32_t sizes[4], first = is_turned ? 1 : 2;
    oc_node *node;
    memcpy(sizes, shape_of(t, x)->dim, sizeof(sizes));
    for (int32_t i = first; i < first + 2; i++)
        sizes[i] = chance(t, 50) ? 2 * sizes[i] : 1 + (int32_t)below(t, 7);
    OC_TRY(begin(t, &oc_op_resize, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "sizes", sizes, 4));
    OC_TRY(oc_node_set_enum(node, "mode", chance(t, 50) ? "nearest" : "linear"));
    OC_TRY(oc_node_set_enum(node, "coordinates", coordinates[below(t, OC_COUNT(coordinates))]));
    OC_TRY(end(t, node, y));
    return is_turned ? transpose(t, *y, to_nchw_perm, y) : OC_OK;
}

static oc_status to_float(gen *t, oc_id x, oc_id *y)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_cast, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "to", "float32"));
    return end(t, node, y);
}

/* Where the greatest channel of the input lies. */
static oc_status argmax(gen *t, oc_id x, oc_id *y)
{
    oc_node *node;
    x = t->live[0];
    OC_TRY(begin(t, &oc_op_argmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", 1));
    OC_TRY(oc_node_set_int(node, "keep_dims", 1));
    OC_TRY(end(t, node, y));
    return to_float(t, *y, y);
}

/* Integers, from the input: [N,C,H,W] of up to 4 channels. */
static oc_status integers(gen *t, oc_id x, oc_id *y)
{
    OC_TRY(transpose(t, t->live[0], to_nhwc_perm, &x));
    OC_TRY(graph_gen_integers(t->g, &t->rng, t->serial++, x, y));
    return transpose(t, *y, to_nchw_perm, y);
}

/* Sometimes by nothing. */
static oc_status pad(gen *t, oc_id x, oc_id *y)
{
    static const char *const modes[] = {"constant",  "constant", "reflect",
                                        "symmetric", "edge",     "wrap"};
    const char *mode = modes[below(t, OC_COUNT(modes))];
    int32_t before[OC_RANK_MAX] = {0}, behind[OC_RANK_MAX] = {0};
    oc_node *node;
    const int32_t rank = shape_of(t, x)->rank;
    bool is_empty = chance(t, 20);
    for (int32_t i = 1; i < rank && !is_empty; i++) {
        if (shape_of(t, x)->dim[i] < 2) /* nothing to reflect */
            continue;
        before[i] = (int32_t)below(t, 2);
        behind[i] = (int32_t)below(t, 2);
    }
    OC_TRY(begin(t, &oc_op_pad, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "pads_begin", before, (size_t)rank));
    OC_TRY(oc_node_set_ints(node, "pads_end", behind, (size_t)rank));
    OC_TRY(oc_node_set_enum(node, "mode", mode));
    if (strcmp(mode, "constant") == 0)
        OC_TRY(oc_node_set_float(node, "value", 0.5f));
    return end(t, node, y);
}

static oc_status identity(gen *t, oc_id x, oc_id *y)
{
    oc_node *node;
    OC_TRY(begin(t, &oc_op_identity, &x, 1, &node));
    return end(t, node, y);
}

/* A transpose of the model's own; mostly with the one that undoes it, sometimes something between. */
static oc_status shuffle(gen *t, oc_id x, oc_id *y)
{
    const int32_t rank = shape_of(t, x)->rank;
    int32_t perm[OC_RANK_MAX], back[OC_RANK_MAX];
    for (int32_t i = 0; i < rank; i++)
        perm[i] = i;
    for (int32_t i = rank - 1; i > 0; i--) {
        int32_t j = (int32_t)below(t, (uint32_t)i + 1), other = perm[i];
        perm[i] = perm[j];
        perm[j] = other;
    }
    for (int32_t i = 0; i < rank; i++)
        back[perm[i]] = i;
    OC_TRY(transpose(t, x, perm, y));
    if (chance(t, 30))
        OC_TRY(any_unary(t, *y, y));
    if (chance(t, 20))
        OC_TRY(binary_constant(t, *y, y));
    if (chance(t, 20))
        OC_TRY(softmax(t, *y, y));
    return chance(t, 70) ? transpose(t, *y, back, y) : OC_OK;
}

/* [N,C,H,W] -> [N,CHW], in one step or two; [N,K] -> [N,K,1,1]; or to the shape it has. */
static oc_status any_reshape(gen *t, oc_id x, oc_id *y)
{
    const oc_shape in = *shape_of(t, x);
    int32_t rest = (int32_t)(elems_of(t, x) / (size_t)in.dim[0]);
    if (chance(t, 20))
        return reshape(t, x, in.rank, in.dim, y);
    if (in.rank == 2)
        return reshape(t, x, 4, (int32_t[]){in.dim[0], in.dim[1], 1, 1}, y);
    *y = x;
    if (chance(t, 30))
        OC_TRY(reshape(t, x, 3, (int32_t[]){in.dim[0], 1, rest}, y));
    return reshape(t, *y, 2, (int32_t[]){in.dim[0], rest}, y);
}

/* ---- the network ------------------------------------------------------------------------------ */

static const block blocks[] = {
    conv,
    conv,
    conv,
    conv,
    pool,
    fully_connected,
    fully_connected,
    residual,
    residual,
    swish,
    excite,
    concat,
    concat,
    any_unary,
    batchnorm,
    binary_constant,
    any_reduce,
    softmax,
    pad,
    identity,
    shuffle,
    any_reshape,
    any_reshape,
    any_reshape,
    fully_connected,
    fully_connected,
    pool,
    lrn,
    conv_transpose,
    slice,
    tile,
    gather,
    resize,
    argmax,
    integers,
    integers,
};

static oc_status add_inputs(gen *t)
{
    oc_desc desc = {OC_DTYPE_float32,
                    {4,
                     {1 + (int32_t)chance(t, 30), 1 + (int32_t)below(t, 4),
                      3 + (int32_t)below(t, 4), 3 + (int32_t)below(t, 4)}}};
    uint32_t count = 1 + (uint32_t)chance(t, 20);
    for (uint32_t i = 0; i < count; i++)
        OC_TRY(oc_graph_add_input(t->g, i ? "second" : "input", &desc, &t->live[t->n_live++]));
    return OC_OK;
}

/* One block more, behind any value but more often behind the newest. */
static oc_status grow(gen *t)
{
    size_t at = chance(t, 60) ? t->n_live - 1 : below(t, (uint32_t)t->n_live);
    oc_id x = t->live[at], y = OC_NONE;
    OC_TRY(blocks[below(t, OC_COUNT(blocks))](t, x, &y));
    if (y != OC_NONE && elems_of(t, y) <= 4 * ELEMS_MAX)
        t->live[t->n_live++] = y;
    return OC_OK;
}

/* The newest value, and some others; never an input. */
static oc_status add_outputs(gen *t)
{
    for (size_t i = t->n_live; i-- > 0;) {
        if (t->g->values[t->live[i]].producer == OC_NONE)
            continue;
        if (t->g->n_outputs == 0 || chance(t, 12))
            OC_TRY(oc_graph_add_output(t->g, t->live[i]));
    }
    return OC_OK;
}

static oc_status build(gen *t)
{
    uint32_t steps = STEPS_MIN + below(t, STEPS_MAX - STEPS_MIN + 1);
    OC_TRY(add_inputs(t));
    for (uint32_t i = 0; i < steps; i++)
        OC_TRY(grow(t));
    if (t->g->values[t->live[t->n_live - 1]].producer == OC_NONE)
        OC_TRY(any_unary(t, t->live[0], &t->live[t->n_live++]));
    return add_outputs(t);
}

oc_status graph_gen(uint64_t seed, const oc_allocator *alloc, oc_graph **graph)
{
    gen t = {.rng = oc_rng_make(seed)};
    OC_TRY(oc_graph_create("generated", NULL, alloc, &t.g));
    oc_rng source = oc_rng_make(seed);
    oc_rng_fill_bytes(&source, t.g->source.bytes, sizeof(t.g->source.bytes));
    oc_status status = build(&t);
    if (status != OC_OK) {
        oc_graph_destroy(t.g);
        return status;
    }
    *graph = t.g;
    return OC_OK;
}

oc_status graph_gen_inputs(const oc_graph *graph, uint64_t seed, oc_tensor *inputs)
{
    oc_rng rng = oc_rng_make(~seed);
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const oc_desc *desc = &graph->values[graph->inputs[i]].desc;
        size_t elems;
        OC_TRY(oc_shape_elems(&desc->shape, &elems));
        OC_TRY(oc_tensor_alloc(desc, NULL, &inputs[i]));
        oc_rng_fill_floats(&rng, inputs[i].data, elems, -1, 1);
    }
    return OC_OK;
}
