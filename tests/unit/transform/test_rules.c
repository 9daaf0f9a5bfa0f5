/* SPDX-License-Identifier: Apache-2.0 */
/* What each rewrite does to networks made for it: which nodes are left, and how they are called. */
#include "graph_eval.h"
#include "oc_ops.h"
#include "oc_test.h"
#include "oc_transform.h"

#include <math.h>
#include <stdio.h>

/* ---- building as importers do ------------------------------------------------------------------ */

static const int32_t to_nhwc_perm[] = {0, 2, 3, 1}, to_nchw_perm[] = {0, 3, 1, 2};

static oc_graph *new_graph(void)
{
    oc_graph *g = NULL;
    oc_assert_ok(oc_graph_create("rules", NULL, NULL, &g));
    return g;
}

static oc_id input(oc_graph *g, int32_t n, int32_t c, int32_t h, int32_t w)
{
    oc_desc desc = {OC_DTYPE_float32, {4, {n, c, h, w}}};
    oc_id value;
    oc_assert_ok(oc_graph_add_input(g, "image", &desc, &value));
    return value;
}

static oc_id constant(oc_graph *g, const char *name, int32_t rank, const int32_t *dims, float lo,
                      float hi)
{
    oc_desc desc = {OC_DTYPE_float32, {.rank = rank}};
    oc_rng rng = oc_rng_make(7);
    float data[4096];
    size_t elems;
    oc_id value;
    for (int32_t i = 0; i < rank; i++)
        desc.shape.dim[i] = dims[i];
    oc_assert_ok(oc_shape_elems(&desc.shape, &elems));
    assert_true(elems <= OC_COUNT(data));
    oc_rng_fill_floats(&rng, data, elems, lo, hi);
    oc_assert_ok(oc_graph_add_bytes(g, name, &desc, data, &value));
    return value;
}

static oc_id end(oc_graph *g, oc_node *node)
{
    oc_id out;
    oc_assert_ok(oc_graph_end_node(g, node, NULL, &out));
    return out;
}

static oc_node *begin(oc_graph *g, const oc_op *op, const char *name, const oc_id *in, size_t n_in)
{
    oc_node *node;
    oc_assert_ok(oc_graph_begin_node(g, op, name, in, n_in, &node));
    return node;
}

/* A node without attributes. */
static oc_id plain(oc_graph *g, const oc_op *op, const char *name, oc_id x)
{
    return end(g, begin(g, op, name, &x, 1));
}

static oc_id transpose(oc_graph *g, const char *name, oc_id x, const int32_t *perm)
{
    oc_node *node = begin(g, &oc_op_transpose, name, &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "perm", perm, 4));
    return end(g, node);
}

static oc_id unary(oc_graph *g, const char *name, const char *fn, oc_id x)
{
    oc_node *node = begin(g, &oc_op_unary, name, &x, 1);
    oc_assert_ok(oc_node_set_enum(node, "fn", fn));
    return end(g, node);
}

static oc_id binary(oc_graph *g, const char *name, const char *fn, oc_id p, oc_id q)
{
    oc_node *node = begin(g, &oc_op_binary, name, (oc_id[]){p, q}, 2);
    oc_assert_ok(oc_node_set_enum(node, "fn", fn));
    return end(g, node);
}

static oc_id reshape(oc_graph *g, const char *name, oc_id x, int32_t rank, const int32_t *dims)
{
    oc_node *node = begin(g, &oc_op_reshape, name, &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "shape", dims, (size_t)rank));
    return end(g, node);
}

/* The inner names of a spatial operator that stands between two transposes. */
typedef struct inner {
    char before[40], node[40];
} inner;

static inner inner_names(const char *name)
{
    inner n;
    snprintf(n.before, sizeof(n.before), "%s/in", name);
    snprintf(n.node, sizeof(n.node), "%s/inner", name);
    return n;
}

/* A 3x3 convolution on [N,C,H,W]. The last transpose has the model's name of the value. */
static oc_id conv(oc_graph *g, const char *name, oc_id x, int32_t outputs, bool has_bias)
{
    inner n = inner_names(name);
    int32_t c = g->values[x].desc.shape.dim[1];
    oc_id ids[3] = {transpose(g, n.before, x, to_nhwc_perm)};
    ids[1] = constant(g, "weights", 4, (int32_t[]){outputs, 3, 3, c}, -0.3f, 0.3f);
    ids[2] = constant(g, "bias", 1, &outputs, -1, 1);
    oc_node *node = begin(g, &oc_op_conv2d, n.node, ids, has_bias ? 3 : 2);
    oc_assert_ok(oc_node_set_ints(node, "pads", (int32_t[]){1, 1, 1, 1}, 4));
    return transpose(g, name, end(g, node), to_nchw_perm);
}

static oc_id maxpool(oc_graph *g, const char *name, oc_id x)
{
    inner n = inner_names(name);
    oc_id nhwc = transpose(g, n.before, x, to_nhwc_perm);
    oc_node *node = begin(g, &oc_op_maxpool2d, n.node, &nhwc, 1);
    oc_assert_ok(oc_node_set_ints(node, "kernel", (int32_t[]){2, 2}, 2));
    oc_assert_ok(oc_node_set_ints(node, "strides", (int32_t[]){2, 2}, 2));
    return transpose(g, name, end(g, node), to_nchw_perm);
}

static oc_id batchnorm(oc_graph *g, const char *name, oc_id x)
{
    inner n = inner_names(name);
    int32_t c = g->values[x].desc.shape.dim[1];
    oc_id ids[5] = {transpose(g, n.before, x, to_nhwc_perm)};
    for (int i = 1; i < 5; i++)
        ids[i] = constant(g, "statistic", 1, &c, 0.5f, 1.5f);
    return transpose(g, name, end(g, begin(g, &oc_op_batchnorm, n.node, ids, 5)), to_nchw_perm);
}

static oc_id mean(oc_graph *g, const char *name, oc_id x, bool keepdims)
{
    oc_node *node = begin(g, &oc_op_reduce, name, &x, 1);
    oc_assert_ok(oc_node_set_enum(node, "fn", "mean"));
    oc_assert_ok(oc_node_set_ints(node, "axes", (int32_t[]){2, 3}, 2));
    oc_assert_ok(oc_node_set_int(node, "keepdims", keepdims));
    return end(g, node);
}

static oc_id fully_connected(oc_graph *g, const char *name, oc_id x, int32_t outputs)
{
    int32_t k = g->values[x].desc.shape.dim[1];
    oc_id ids[3] = {x, constant(g, "weights", 2, (int32_t[]){outputs, k}, -1, 1),
                    constant(g, "bias", 1, &outputs, -1, 1)};
    return end(g, begin(g, &oc_op_fully_connected, name, ids, 3));
}

/* ---- looking at what came out ------------------------------------------------------------------ */

static void transform(oc_graph *g, oc_id output)
{
    oc_assert_ok(oc_graph_add_output(g, output));
    oc_assert_ok(oc_transform_all(g));
}

static size_t count_op(const oc_graph *g, const oc_op *op)
{
    size_t count = 0;
    for (size_t n = 0; n < g->n_nodes; n++)
        count += g->nodes[n].op == op;
    return count;
}

/* The operators in order, separated by blanks. */
static void assert_ops(const oc_graph *g, const char *expected)
{
    oc_buf text;
    oc_buf_init(&text, NULL);
    for (size_t n = 0; n < g->n_nodes; n++)
        oc_assert_ok(oc_buf_printf(&text, n ? " %s" : "%s", g->nodes[n].op->name));
    assert_string_equal(text.data ? text.data : "", expected);
    oc_buf_fini(&text);
}

static const oc_node *node_of(const oc_graph *g, const char *value)
{
    oc_id id = oc_graph_find_value(g, value);
    assert_int_not_equal(id, OC_NONE);
    assert_int_not_equal(g->values[id].producer, OC_NONE);
    return &g->nodes[g->values[id].producer];
}

/* ---- transposes -------------------------------------------------------------------------------- */

static void a_residual_network_keeps_one_transpose(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = input(g, 1, 3, 8, 8);
    x = unary(g, "relu0", "relu", batchnorm(g, "bn0", conv(g, "conv0", x, 4, false)));
    oc_id block = maxpool(g, "pool", x);
    x = unary(g, "relu1", "relu", batchnorm(g, "bn1", conv(g, "conv1", block, 4, true)));
    x = batchnorm(g, "bn2", conv(g, "conv2", x, 4, true));
    x = unary(g, "relu2", "relu", binary(g, "add", "add", x, block));
    x = reshape(g, "flat", mean(g, "mean", x, true), 2, (int32_t[]){1, 4});
    transform(g, plain(g, &oc_op_softmax, "softmax", fully_connected(g, "fc", x, 5)));
    assert_ops(
        g,
        "transpose conv2d maxpool2d conv2d conv2d binary reduce reshape fully_connected softmax");
    /* Values go by the names of the model, of the last thing that was done to them. */
    assert_ptr_equal(node_of(g, "relu0")->op, &oc_op_conv2d);
    assert_string_equal(oc_node_enum(node_of(g, "relu0"), "act"), "relu");
    assert_ptr_equal(node_of(g, "pool")->op, &oc_op_maxpool2d);
    assert_string_equal(oc_node_enum(node_of(g, "bn2"), "act"), "none");
    assert_ptr_equal(node_of(g, "relu2")->op, &oc_op_binary);
    assert_string_equal(g->values[g->outputs[0]].name, "softmax");
    oc_graph_destroy(g);
}

static void one_channel_needs_no_transpose(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = maxpool(g, "pool", conv(g, "conv", input(g, 1, 1, 8, 8), 4, true));
    x = mean(g, "mean", x, false);
    transform(g, fully_connected(g, "fc", x, 5));
    assert_ops(g, "reshape conv2d maxpool2d reduce reshape fully_connected");
    oc_graph_destroy(g);
}

static void a_flatten_keeps_one_transpose(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = unary(g, "relu", "relu", conv(g, "conv", input(g, 1, 3, 4, 4), 4, true));
    x = reshape(g, "flat", x, 2, (int32_t[]){1, 64});
    transform(g, fully_connected(g, "fc", x, 5));
    assert_ops(g, "transpose conv2d transpose reshape fully_connected");
    oc_graph_destroy(g);
}

static void a_fork_that_joins_lets_a_transpose_through(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = conv(g, "conv0", input(g, 1, 3, 4, 4), 4, true);
    x = binary(g, "swish", "mul", x, unary(g, "gate", "sigmoid", x));
    transform(g, mean(g, "mean", conv(g, "conv1", x, 4, true), true));
    assert_int_equal(count_op(g, &oc_op_transpose), 1);
    oc_graph_destroy(g);
}

static void parallel_branches_share_a_transpose(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = input(g, 1, 3, 8, 8);
    oc_id in[3] = {conv(g, "left", x, 4, true), conv(g, "right", x, 5, true)};
    in[2] = constant(g, "third", 4, (int32_t[]){1, 2, 8, 8}, -1, 1);
    oc_node *node = begin(g, &oc_op_concat, "concat", in, 3);
    oc_assert_ok(oc_node_set_int(node, "axis", 1));
    x = conv(g, "last", end(g, node), 4, true);
    transform(g, mean(g, "mean", x, false));
    assert_ops(g, "transpose conv2d conv2d concat conv2d reduce reshape");
    assert_int_equal(oc_node_int(node_of(g, "concat"), "axis"), 3);
    oc_graph_destroy(g);
}

static void an_output_keeps_name_and_layout(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = unary(g, "relu", "relu", conv(g, "conv", input(g, 1, 3, 4, 5), 2, true));
    transform(g, x);
    assert_ops(g, "transpose conv2d transpose");
    const oc_value *out = &g->values[g->outputs[0]];
    assert_string_equal(out->name, "relu");
    assert_memory_equal(out->desc.shape.dim, ((int32_t[]){1, 2, 4, 5}), 4 * sizeof(int32_t));
    oc_graph_destroy(g);
}

/* Moving down behind both users would make two transposes out of one. */
static void a_transpose_is_never_doubled(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = conv(g, "conv", input(g, 1, 3, 4, 5), 2, true);
    oc_assert_ok(oc_graph_add_output(g, unary(g, "a", "sigmoid", x)));
    transform(g, unary(g, "b", "tanh", x));
    assert_int_equal(count_op(g, &oc_op_transpose), 2);
    oc_graph_destroy(g);
}

static void a_lower_constant_is_written_out(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = maxpool(g, "pool", input(g, 1, 3, 4, 4));
    x = binary(g, "scaled", "mul", x, constant(g, "factor", 3, (int32_t[]){3, 1, 1}, 0.5f, 2));
    transform(g, mean(g, "mean", x, false));
    assert_ops(g, "transpose maxpool2d binary reduce reshape");
    const oc_node *node = node_of(g, "scaled");
    assert_memory_equal(g->values[node->in[1]].desc.shape.dim, ((int32_t[]){1, 1, 1, 3}),
                        4 * sizeof(int32_t));
    oc_graph_destroy(g);
}

/* An importer that knows both layouts of a value leaves a transpose behind that nobody uses. */
static void an_unused_transpose_leaves_its_name(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id nhwc = transpose(g, "image/in", input(g, 1, 3, 4, 4), to_nhwc_perm);
    oc_node *node = begin(g, &oc_op_maxpool2d, "pool/inner", &nhwc, 1);
    oc_assert_ok(oc_node_set_ints(node, "kernel", (int32_t[]){2, 2}, 2));
    oc_id pooled = end(g, node);
    transpose(g, "pool", pooled, to_nchw_perm);
    node = begin(g, &oc_op_avgpool2d, "last", &pooled, 1);
    oc_assert_ok(oc_node_set_ints(node, "kernel", (int32_t[]){3, 3}, 2));
    transform(g, end(g, node));
    assert_ops(g, "transpose maxpool2d avgpool2d");
    assert_ptr_equal(node_of(g, "pool")->op, &oc_op_maxpool2d);
    oc_graph_destroy(g);
}

/* An [2,3,4,4] resized to `width` along its last axis, by a factor of `scale`. */
static oc_id resized(oc_graph *g, const char *name, oc_id x, int32_t width, float scale)
{
    oc_node *node = begin(g, &oc_op_resize, name, &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "sizes", (int32_t[]){2, 3, 4, width}, 4));
    oc_assert_ok(oc_node_set_floats(node, "scales", (float[]){1, 1, 1, scale}, 4));
    oc_assert_ok(oc_node_set_enum(node, "mode", "linear"));
    return end(g, node);
}

/* Between transposes a picture is resized in either order of axes, or mirrored, or made larger. */
static void movers_let_transposes_meet(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = resized(g, "resize", transpose(g, "in", input(g, 2, 4, 4, 3), to_nchw_perm), 8, 2);
    oc_node *node = begin(g, &oc_op_slice, "mirror", &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "begins", (int32_t[]){0, 0, 0, 7}, 4));
    oc_assert_ok(oc_node_set_ints(node, "ends", (int32_t[]){2, 3, 4, -1}, 4));
    oc_assert_ok(oc_node_set_ints(node, "steps", (int32_t[]){1, 1, 1, -1}, 4));
    x = end(g, node);
    node = begin(g, &oc_op_tile, "tile", &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "repeats", (int32_t[]){1, 1, 2, 1}, 4));
    transform(g, transpose(g, "out", end(g, node), to_nhwc_perm));
    assert_ops(g, "resize slice tile");
    assert_int_equal(oc_node_ints(node_of(g, "mirror"), "steps")->v[2], -1);
    oc_graph_destroy(g);
}

/* ---- no-ops ------------------------------------------------------------------------------------ */

static void noops_go(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = plain(g, &oc_op_identity, "identity", input(g, 2, 3, 4, 4));
    x = unary(g, "none", "none", x);
    oc_node *node = begin(g, &oc_op_pad, "pad", &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "pads_begin", (int32_t[]){0, 0, 0, 0}, 4));
    oc_assert_ok(oc_node_set_ints(node, "pads_end", (int32_t[]){0, 0, 0, 0}, 4));
    x = end(g, node);
    node = begin(g, &oc_op_slice, "slice", &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "begins", (int32_t[]){0, 0, 0, 0}, 4));
    oc_assert_ok(oc_node_set_ints(node, "ends", (int32_t[]){2, 3, 4, 4}, 4));
    oc_assert_ok(oc_node_set_ints(node, "steps", (int32_t[]){1, 1, 1, 1}, 4));
    x = end(g, node);
    node = begin(g, &oc_op_tile, "tile", &x, 1);
    oc_assert_ok(oc_node_set_ints(node, "repeats", (int32_t[]){1, 1, 1, 1}, 4));
    x = resized(g, "resize", end(g, node), 4, 1);
    x = plain(g, &oc_op_concat, "concat", x);
    x = plain(g, &oc_op_maxpool2d, "unit", x);
    x = transpose(g, "still", x, (int32_t[]){0, 1, 2, 3});
    x = reshape(g, "same", x, 4, (int32_t[]){2, 3, 4, 4});
    x = unary(g, "tanh", "tanh", x);
    x = reshape(g, "two", reshape(g, "three", x, 3, (int32_t[]){2, 3, 16}), 2, (int32_t[]){2, 48});
    transform(g, unary(g, "last", "abs", x));
    assert_ops(g, "unary reshape unary");
    oc_graph_destroy(g);
}

/* -0 + 0 is +0, and so is the mean of -0 alone, summed from +0. */
static void what_changes_a_negative_zero_stays(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    float zero = 0;
    oc_desc scalar = {OC_DTYPE_float32, {0, {0}}};
    oc_id c, x = input(g, 1, 3, 4, 4);
    oc_assert_ok(oc_graph_add_fill(g, "zero", &scalar, &zero, &c));
    x = binary(g, "add", "add", x, c);
    transform(g, plain(g, &oc_op_avgpool2d, "unit", x));
    assert_ops(g, "binary avgpool2d");
    oc_graph_destroy(g);
}

/* An output is not given by an input or by what makes another output. */
static void an_output_is_always_computed(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = input(g, 1, 3, 4, 4);
    oc_assert_ok(oc_graph_add_output(g, plain(g, &oc_op_identity, "copy", x)));
    oc_id y = unary(g, "relu", "relu", x);
    oc_assert_ok(oc_graph_add_output(g, y));
    oc_assert_ok(oc_graph_add_output(g, plain(g, &oc_op_identity, "second", y)));
    transform(g, unary(g, "fixed", "exp", constant(g, "c", 1, (int32_t[]){3}, 0, 1)));
    static const char *const names[] = {"copy", "relu", "second", "fixed"};
    for (size_t i = 0; i < OC_COUNT(names); i++) {
        assert_string_equal(g->values[g->outputs[i]].name, names[i]);
        assert_int_not_equal(g->values[g->outputs[i]].producer, OC_NONE);
    }
    oc_graph_destroy(g);
}

/* ---- folding ----------------------------------------------------------------------------------- */

static void chains_of_constants_fold(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id c = constant(g, "c", 2, (int32_t[]){3, 4}, 0.5f, 1);
    oc_id d = unary(g, "exp", "exp", reshape(g, "shaped", c, 4, (int32_t[]){1, 3, 1, 4}));
    d = binary(g, "twice", "add", d, d);
    transform(g, binary(g, "sum", "add", input(g, 1, 3, 4, 4), d));
    assert_ops(g, "binary");
    float given[12], found[12];
    oc_assert_ok(oc_graph_const_read(g, oc_graph_find_value(g, "twice"), found, sizeof(found)));
    oc_assert_ok(oc_graph_const_read(g, oc_graph_find_value(g, "c"), given, sizeof(given)));
    for (size_t i = 0; i < OC_COUNT(found); i++)
        assert_true(found[i] > 2 * given[i] + 2 && found[i] < 6); /* 2 e^x, x in 0.5 .. 1 */
    oc_graph_destroy(g);
}

/* conv without bias, then an addition: the same bits as the addition computed by itself. */
static void a_bias_written_as_addition_keeps_its_bits(void **state)
{
    (void)state;
    oc_graph *g[2];
    oc_tensor out[2], in;
    oc_desc desc = {OC_DTYPE_float32, {4, {1, 3, 5, 5}}};
    oc_rng rng = oc_rng_make(3);
    oc_assert_ok(oc_tensor_alloc(&desc, NULL, &in));
    oc_rng_fill_floats(&rng, in.data, 75, -1, 1);
    for (int i = 0; i < 2; i++) {
        g[i] = new_graph();
        oc_id x = conv(g[i], "conv", input(g[i], 1, 3, 5, 5), 4, false);
        oc_id c = constant(g[i], "c", 3, (int32_t[]){4, 1, 1}, -1, 1);
        x = unary(g[i], "relu", "leaky_relu", binary(g[i], "biased", "add", c, x));
        oc_assert_ok(oc_graph_add_output(g[i], x));
        oc_assert_ok(i ? oc_transform_all(g[i]) : oc_graph_freeze(g[i], 0));
        oc_assert_ok(graph_eval(g[i], &in, &out[i]));
    }
    assert_ops(g[1], "transpose conv2d transpose");
    oc_assert_bits_equal(out[1].data, out[0].data, 100);
    for (int i = 0; i < 2; i++) {
        oc_tensor_free(&out[i], NULL);
        oc_graph_destroy(g[i]);
    }
    oc_tensor_free(&in, NULL);
}

/* A value that somebody else sees, or that the graph gives, must stay what it is. */
static void a_layer_that_others_see_takes_nothing_over(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = input(g, 1, 3, 4, 4);
    x = reshape(g, "flat", x, 2, (int32_t[]){1, 48});
    oc_id seen = fully_connected(g, "seen", x, 4);
    oc_id given = fully_connected(g, "given", seen, 4);
    oc_assert_ok(oc_graph_add_output(g, given));
    oc_id factor = constant(g, "factor", 1, (int32_t[]){4}, 0.5f, 2);
    oc_id a = unary(g, "a", "relu", seen), b = binary(g, "b", "mul", given, factor);
    transform(g, binary(g, "sum", "add", a, b));
    assert_int_equal(count_op(g, &oc_op_unary), 1);
    assert_int_equal(count_op(g, &oc_op_binary), 2);
    assert_string_equal(oc_node_enum(node_of(g, "seen"), "act"), "none");
    oc_graph_destroy(g);
}

/* Only the first of two functions fits into the layer. */
static void one_activation_is_fused(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = reshape(g, "flat", input(g, 1, 3, 4, 4), 2, (int32_t[]){1, 48});
    oc_node *node;
    x = fully_connected(g, "fc", x, 4);
    node = begin(g, &oc_op_unary, "leaky", &x, 1);
    oc_assert_ok(oc_node_set_enum(node, "fn", "leaky_relu"));
    oc_assert_ok(oc_node_set_float(node, "a", 0.25f));
    transform(g, unary(g, "tanh", "tanh", end(g, node)));
    assert_ops(g, "reshape fully_connected unary");
    assert_string_equal(oc_node_enum(node_of(g, "leaky"), "act"), "leaky_relu");
    assert_true(oc_node_float(node_of(g, "leaky"), "act_a") == 0.25f);
    oc_graph_destroy(g);
}

/* ---- scales --------------------------------------------------------------------------------- */

/* What Caffe's batch-norm becomes in ONNX: statistics, then a factor and an addend a channel. */
static oc_id normalised(oc_graph *g, oc_id x)
{
    const int32_t c = g->values[x].desc.shape.dim[1];
    const int32_t full[] = {1, c, 1, 1};
    x = batchnorm(g, "bn", x);
    x = binary(g, "scaled", "mul", x, constant(g, "factor", 3, full + 1, -1.5f, 1.5f));
    x = binary(g, "shifted", "add", constant(g, "addend", 4, full, -1, 1), x);
    return unary(g, "relu", "relu", x);
}

static void a_whole_chain_goes_into_the_layer(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = normalised(g, conv(g, "conv", input(g, 1, 3, 6, 6), 4, true));
    transform(g, mean(g, "mean", x, false));
    assert_ops(g, "transpose conv2d reduce reshape");
    assert_string_equal(oc_node_enum(node_of(g, "relu"), "act"), "relu");
    oc_graph_destroy(g);
}

static void a_batchnorm_takes_a_scale_over(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    oc_id x = normalised(g, maxpool(g, "pool", input(g, 1, 3, 6, 6)));
    transform(g, mean(g, "mean", x, false));
    assert_ops(g, "transpose maxpool2d batchnorm reduce reshape");
    assert_string_equal(oc_node_enum(node_of(g, "relu"), "act"), "relu");
    oc_graph_destroy(g);
}

/* The layers that take over, each with weights (or statistics) for an input of 4 channels. */
static oc_id linear_layer(oc_graph *g, size_t which, oc_id x)
{
    static const oc_op *const ops[] = {&oc_op_conv2d, &oc_op_conv_transpose2d, &oc_op_deform_conv2d,
                                       &oc_op_fully_connected, &oc_op_batchnorm};
    const oc_op *op = ops[which];
    oc_id in[5] = {x};
    size_t n_in = 2;
    if (op == &oc_op_batchnorm)
        for (n_in = 1; n_in < 5; n_in++)
            in[n_in] = constant(g, "statistic", 1, (int32_t[]){4}, 0.5f, 1.5f);
    else if (op == &oc_op_fully_connected)
        in[1] = constant(g, "weights", 2, (int32_t[]){4, 4}, -1, 1);
    else
        in[1] = constant(g, "weights", 4, (int32_t[]){4, 2, 2, 4}, -0.5f, 0.5f);
    if (op == &oc_op_deform_conv2d)
        in[n_in++] = constant(g, "offset", 4, (int32_t[]){1, 4, 4, 8}, -1, 1);
    if (op != &oc_op_batchnorm)
        in[n_in++] = constant(g, "bias", 1, (int32_t[]){4}, -1, 1);
    return end(g, begin(g, op, "layer", in, n_in));
}

enum { LINEAR_LAYERS = 5 };

/* Minus, times, divided by, plus; the sum has an activation already, as TensorFlow Lite's have. */
static oc_id all_scales(oc_graph *g, oc_id x)
{
    const int32_t dims[] = {1, 1, 1, 4};
    x = binary(g, "sub", "sub", x, constant(g, "minus", 1, dims + 3, -1, 1));
    x = binary(g, "mul", "mul", constant(g, "factor", 0, NULL, -2, -1), x);
    x = binary(g, "div", "div", x, constant(g, "divisor", 4, dims, 0.5f, 2));
    oc_id in[2] = {x, constant(g, "plus", 2, dims + 2, -1, 1)};
    oc_node *node = begin(g, &oc_op_binary, "add", in, 2);
    oc_assert_ok(oc_node_set_enum(node, "fn", "add"));
    oc_assert_ok(oc_node_set_enum(node, "act", "leaky_relu"));
    oc_assert_ok(oc_node_set_float(node, "act_a", 0.25f));
    return end(g, node);
}

static void each_linear_layer_takes_all_scales_over(void **state)
{
    (void)state;
    oc_desc desc = {OC_DTYPE_float32, {4, {1, 5, 5, 4}}};
    oc_rng rng = oc_rng_make(5);
    oc_tensor out[2], in;
    oc_assert_ok(oc_tensor_alloc(&desc, NULL, &in));
    oc_rng_fill_floats(&rng, in.data, 100, -1, 1);
    for (size_t which = 0; which < LINEAR_LAYERS; which++) {
        oc_graph *g[2];
        size_t elems;
        for (int i = 0; i < 2; i++) {
            g[i] = new_graph();
            oc_id x = all_scales(g[i], linear_layer(g[i], which, input(g[i], 1, 5, 5, 4)));
            oc_assert_ok(oc_graph_add_output(g[i], x));
            oc_assert_ok(i ? oc_transform_all(g[i]) : oc_graph_freeze(g[i], 0));
            oc_assert_ok(graph_eval(g[i], &in, &out[i]));
        }
        assert_int_equal(g[1]->n_nodes, 1);
        assert_string_equal(oc_node_enum(&g[1]->nodes[0], "act"), "leaky_relu");
        assert_true(oc_node_float(&g[1]->nodes[0], "act_a") == 0.25f);
        assert_string_equal(g[1]->values[g[1]->outputs[0]].name, "add");
        oc_assert_ok(oc_shape_elems(&out[0].desc.shape, &elems));
        const float *expected = out[0].data, *found = out[1].data;
        for (size_t e = 0; e < elems; e++)
            if (!(fabsf(found[e] - expected[e]) <= 1e-5f))
                fail_msg("layer %zu, element %zu: %g, expected %g", which, e, (double)found[e],
                         (double)expected[e]);
        for (int i = 0; i < 2; i++) {
            oc_tensor_free(&out[i], NULL);
            oc_graph_destroy(g[i]);
        }
    }
    oc_tensor_free(&in, NULL);
}

/* Constants along another axis or all of them, and functions that turn the value over. */
static void what_is_no_scale_of_channels_stays(void **state)
{
    (void)state;
    static const struct {
        const char *fn;
        bool is_first;
        int32_t rank, dims[4];
    } list[] = {
        {"mul", true, 4, {1, 4, 4, 4}}, {"add", false, 4, {1, 1, 4, 1}},
        {"sub", false, 1, {4}},         {"div", false, 1, {4}},
        {"max", true, 1, {4}},          {"add", true, 4, {2, 1, 1, 4}},
    };
    for (size_t i = 0; i < OC_COUNT(list); i++) {
        oc_graph *g = new_graph();
        oc_id x = linear_layer(g, 0, input(g, 1, 5, 5, 4));
        oc_id c = constant(g, "c", list[i].rank, list[i].dims, 0.5f, 1);
        transform(g, list[i].is_first ? binary(g, "y", list[i].fn, x, c)
                                      : binary(g, "y", list[i].fn, c, x));
        assert_ops(g, "conv2d binary");
        oc_graph_destroy(g);
    }
}

/* Integers wrap around, and have no room for an activation: they are left alone. */
static void integers_stay(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    const oc_desc x = {OC_DTYPE_int8, {2, {1, 4}}}, w = {OC_DTYPE_int8, {2, {4, 4}}};
    const oc_desc c = {OC_DTYPE_int32, {1, {4}}};
    const int8_t ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const int32_t addends[4] = {1, 2, 3, 4};
    oc_id in[2], addend;
    oc_assert_ok(oc_graph_add_input(g, "x", &x, &in[0]));
    oc_assert_ok(oc_graph_add_bytes(g, "w", &w, ones, &in[1]));
    oc_assert_ok(oc_graph_add_bytes(g, "addend", &c, addends, &addend));
    oc_id y = end(g, begin(g, &oc_op_fully_connected, "layer", in, 2));
    transform(g, binary(g, "sum", "add", y, addend));
    assert_ops(g, "fully_connected binary");
    oc_graph_destroy(g);
}

/* 0 times infinity is NaN, which the product by itself would not have been. */
static void a_scale_without_bounds_stays(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    const int32_t c = 4;
    oc_id x = linear_layer(g, 0, input(g, 1, 5, 5, 4));
    x = binary(g, "scaled", "mul", x, constant(g, "factor", 1, &c, 0.5f, 1));
    x = binary(g, "huge", "div", x, constant(g, "zero", 1, &c, 0, 0));
    transform(g, binary(g, "shifted", "add", x, constant(g, "addend", 1, &c, 0.5f, 1)));
    assert_ops(g, "conv2d binary binary");
    assert_ptr_equal(node_of(g, "scaled")->op, &oc_op_conv2d);
    oc_graph_destroy(g);
}

/* Weights times such a factor can overflow or lose digits as denormals where the sums would not. */
static void a_scale_of_wild_size_stays(void **state)
{
    static const float factors[] = {1e30f, -1e-22f};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(factors); i++) {
        oc_graph *g = new_graph();
        const int32_t c = 4;
        oc_id x = linear_layer(g, 0, input(g, 1, 5, 5, 4));
        transform(
            g, binary(g, "scaled", "mul", x, constant(g, "factor", 1, &c, factors[i], factors[i])));
        assert_ops(g, "conv2d binary");
        oc_graph_destroy(g);
    }
}

/* Two layers with the same weights and bias, one of them scaled by a number that others need, too. */
static void shared_constants_stay_what_they_are(void **state)
{
    (void)state;
    oc_graph *g = new_graph();
    const int32_t c = 4;
    oc_id x = reshape(g, "flat", input(g, 1, 4, 1, 1), 2, (int32_t[]){1, 4});
    oc_id in[3] = {x, constant(g, "weights", 2, (int32_t[]){4, 4}, -1, 1),
                   constant(g, "bias", 1, &c, -1, 1)};
    oc_id left = end(g, begin(g, &oc_op_fully_connected, "left", in, 3));
    oc_id right = end(g, begin(g, &oc_op_fully_connected, "right", in, 3));
    oc_id factor = constant(g, "factor", 1, &c, 0.5f, 2);
    left = binary(g, "scaled", "mul", left, factor);
    right = unary(g, "tanh", "tanh", right);
    right = binary(g, "weighted", "mul", right, factor);
    transform(g, binary(g, "sum", "sub", left, right));
    assert_ops(g, "reshape fully_connected fully_connected binary binary");
    const oc_node *kept = node_of(g, "tanh"), *scaled = node_of(g, "scaled");
    float bias[2][4], f[4];
    assert_string_equal(g->values[kept->in[1]].name, "weights");
    oc_assert_ok(oc_graph_const_read(g, kept->in[2], bias[0], sizeof(bias[0])));
    oc_assert_ok(oc_graph_const_read(g, scaled->in[2], bias[1], sizeof(bias[1])));
    oc_assert_ok(oc_graph_const_read(g, node_of(g, "weighted")->in[1], f, sizeof(f)));
    for (int i = 0; i < 4; i++)
        assert_true(bias[1][i] == bias[0][i] * f[i]);
    oc_graph_destroy(g);
}

/* ---- requantised sums ------------------------------------------------------------------------ */

static oc_id bytes(oc_graph *g, const char *name, int32_t rank, const int32_t *dims)
{
    oc_desc desc = {OC_DTYPE_int8, {.rank = rank}};
    oc_rng rng = oc_rng_make(5);
    int8_t data[512];
    oc_id value;
    memcpy(desc.shape.dim, dims, sizeof(*dims) * (size_t)rank);
    oc_rng_fill_bytes(&rng, data, sizeof(data));
    oc_assert_ok(oc_graph_add_bytes(g, name, &desc, data, &value));
    return value;
}

static oc_id requantize(oc_graph *g, const char *name, oc_id sums, int32_t zero)
{
    const int32_t multiplier = INT32_C(1) << 30, shift = -7;
    const oc_desc desc = {OC_DTYPE_int32, {1, {1}}};
    oc_id in[3] = {sums};
    oc_assert_ok(oc_graph_add_bytes(g, "multiplier", &desc, &multiplier, &in[1]));
    oc_assert_ok(oc_graph_add_bytes(g, "shift", &desc, &shift, &in[2]));
    oc_node *node = begin(g, &oc_op_requantize, name, in, 3);
    oc_assert_ok(oc_node_set_enum(node, "to", "uint8"));
    oc_assert_ok(oc_node_set_int(node, "zero", zero));
    oc_assert_ok(oc_node_set_int(node, "lo", 3));
    oc_assert_ok(oc_node_set_int(node, "hi", 200));
    return end(g, node);
}

static oc_id sums_of(oc_graph *g, const char *name, oc_id x)
{
    oc_id in[2] = {x, bytes(g, "weights", 2, (int32_t[]){4, 6})};
    return end(g, begin(g, &oc_op_fully_connected, name, in, 2));
}

static oc_graph *new_bytes_graph(oc_id *x)
{
    oc_graph *g = new_graph();
    oc_desc desc = {OC_DTYPE_int8, {2, {3, 6}}};
    oc_assert_ok(oc_graph_add_input(g, "x", &desc, x));
    return g;
}

/* What is left has the names of what was requantised, which are the model's. */
static void sums_are_requantised_where_they_are_made(void **state)
{
    (void)state;
    oc_id x;
    oc_graph *g = new_bytes_graph(&x);
    transform(g, requantize(g, "y", sums_of(g, "layer", x), 9));
    assert_ops(g, "fully_connected");
    const oc_node *node = node_of(g, "y");
    assert_string_equal(node->name, "y");
    assert_int_equal(node->n_in, 7);
    assert_int_equal(node->in[2], OC_NONE);
    assert_int_equal(node->in[4], OC_NONE);
    assert_string_equal(oc_node_enum(node, "requant"), "twice");
    assert_string_equal(oc_node_enum(node, "to"), "uint8");
    assert_int_equal(oc_node_int(node, "zero"), 9);
    assert_int_equal(oc_node_int(node, "lo"), 3);
    assert_int_equal(oc_node_int(node, "hi"), 200);
    assert_int_equal(g->values[node->out[0]].desc.dtype, OC_DTYPE_uint8);
    oc_graph_destroy(g);
}

/* Sums that two nodes want, or that the graph gives, are computed. */
static void sums_that_others_see_stay(void **state)
{
    (void)state;
    oc_id x;
    oc_graph *g = new_bytes_graph(&x);
    oc_id twice = sums_of(g, "twice", x), given = sums_of(g, "given", x);
    oc_assert_ok(oc_graph_add_output(g, requantize(g, "a", twice, 3)));
    oc_assert_ok(oc_graph_add_output(g, requantize(g, "b", twice, 4)));
    oc_assert_ok(oc_graph_add_output(g, given));
    transform(g, requantize(g, "c", given, 5));
    assert_int_equal(count_op(g, &oc_op_requantize), 3);
    assert_string_equal(oc_node_enum(node_of(g, "given"), "requant"), "none");
    oc_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_residual_network_keeps_one_transpose),
        cmocka_unit_test(one_channel_needs_no_transpose),
        cmocka_unit_test(a_flatten_keeps_one_transpose),
        cmocka_unit_test(a_fork_that_joins_lets_a_transpose_through),
        cmocka_unit_test(parallel_branches_share_a_transpose),
        cmocka_unit_test(an_output_keeps_name_and_layout),
        cmocka_unit_test(a_transpose_is_never_doubled),
        cmocka_unit_test(a_lower_constant_is_written_out),
        cmocka_unit_test(an_unused_transpose_leaves_its_name),
        cmocka_unit_test(movers_let_transposes_meet),
        cmocka_unit_test(noops_go),
        cmocka_unit_test(what_changes_a_negative_zero_stays),
        cmocka_unit_test(an_output_is_always_computed),
        cmocka_unit_test(chains_of_constants_fold),
        cmocka_unit_test(a_bias_written_as_addition_keeps_its_bits),
        cmocka_unit_test(a_layer_that_others_see_takes_nothing_over),
        cmocka_unit_test(one_activation_is_fused),
        cmocka_unit_test(a_whole_chain_goes_into_the_layer),
        cmocka_unit_test(a_batchnorm_takes_a_scale_over),
        cmocka_unit_test(each_linear_layer_takes_all_scales_over),
        cmocka_unit_test(what_is_no_scale_of_channels_stays),
        cmocka_unit_test(integers_stay),
        cmocka_unit_test(a_scale_without_bounds_stays),
        cmocka_unit_test(a_scale_of_wild_size_stays),
        cmocka_unit_test(shared_constants_stay_what_they_are),
        cmocka_unit_test(sums_are_requantised_where_they_are_made),
        cmocka_unit_test(sums_that_others_see_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
