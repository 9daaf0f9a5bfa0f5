/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Convolutions, plain and integer.
 *
 * Over a volume a convolution is two: the first, over height and width, has a channel for each tap
 * along the depth as well, [O,KD] for [O]; the second, along the depth, takes of each such group
 * the channel of its tap. Its weights are one where tap and channel agree and zero elsewhere, so
 * what it adds is exact wherever the first one's sums are finite.
 */
#include "onnx_conv.h"

#include "oc_ops.h"

/* ---- weights --------------------------------------------------------------------------------- */

oc_status oc_onnx_plane_weights(oc_onnx_call *c, oc_id weights, oc_id *out)
{
    static const int32_t perms[][5] = {{0, 2, 1}, {0, 2, 3, 1}, {0, 2, 3, 4, 1}};
    const oc_shape s = *oc_imp_shape(&c->at, weights);
    oc_shape shape = {4, {s.dim[0], 1, s.dim[2], s.dim[1]}};
    oc_imp at;
    OC_TRY(oc_onnx_step(c, "weights", &at));
    OC_TRY(oc_imp_transpose(&at, NULL, weights, perms[s.rank - 3], out));
    if (s.rank == 4)
        return OC_OK;
    if (s.rank == 5) {
        const int64_t planes[] = {-1, s.dim[3], s.dim[4], s.dim[1]};
        OC_TRY(oc_imp_resolve(&at, &s, planes, 4, false, &shape));
    }
    return oc_imp_reshape(&at, NULL, *out, &shape, out);
}

/* The second pass's weights [O,KD,1,KD]: one where the tap is the channel. */
static oc_status tap_weights(oc_onnx_call *c, int32_t channels, int32_t taps, oc_id *out)
{
    oc_desc desc = {OC_DTYPE_float32, {4, {channels, taps, 1, taps}}};
    size_t bytes;
    float *data = NULL;
    oc_imp at;
    OC_TRY(oc_onnx_step(c, "taps", &at));
    OC_TRY(oc_desc_bytes(&desc, &bytes));
    if (bytes > c->model->graph->limits.memory_bytes)
        return oc_fail(OC_E_LIMIT, "node \"%s\": %d taps along the depth", c->at.node, taps);
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, bytes / sizeof(*data) + 1, data));
    memset(data, 0, bytes);
    for (size_t i = 0; i < (size_t)channels; i++)
        for (size_t tap = 0; tap < (size_t)taps; tap++)
            data[(i * (size_t)taps + tap) * (size_t)taps + tap] = 1.0f;
    return oc_graph_add_bytes(at.graph, at.node, &desc, data, out);
}

/* ---- convolution ----------------------------------------------------------------------------- */

size_t oc_onnx_given(const oc_id *in, size_t count)
{
    while (count > 0 && in[count - 1] == OC_NONE)
        count--;
    return count;
}

oc_status oc_onnx_conv_depth(oc_onnx_call *c, const oc_onnx_conv_args *a, int32_t channels, oc_id y,
                             oc_node **node)
{
    oc_id in[3] = {OC_NONE, OC_NONE, a->bias};
    OC_TRY(oc_onnx_depth_in(c, &a->w, y, oc_onnx_shape(c, 0)->dim[0], &in[0]));
    OC_TRY(tap_weights(c, channels, a->w.kernel[0], &in[1]));
    OC_TRY(oc_imp_begin(&c->at, NULL, a->op, in, oc_onnx_given(in, 3), node));
    OC_TRY(oc_onnx_window_set(*node, &a->w, OC_ONNX_PASS_DEPTH));
    return oc_node_set_int(*node, "groups", channels);
}

oc_status oc_onnx_conv_planes(oc_onnx_call *c, const oc_onnx_conv_args *a, oc_id weights,
                              const char *name, oc_node **node)
{
    bool is_volume = a->w.n == 3;
    oc_id in[5] = {OC_NONE, weights, is_volume ? OC_NONE : a->bias, a->x_zero, a->w_zero};
    OC_TRY(oc_onnx_plane_in(c, a->x, &in[0]));
    OC_TRY(oc_imp_begin(&c->at, name, a->op, in, oc_onnx_given(in, 5), node));
    OC_TRY(oc_onnx_window_set(*node, &a->w, oc_onnx_pass_first(&a->w)));
    return oc_node_set_int(*node, "groups", a->groups);
}

oc_status oc_onnx_conv_last(oc_onnx_call *c, const oc_onnx_conv_args *a, const char *out,
                            oc_id *last)
{
    oc_node *node;
    oc_id weights, y, plane;
    const char *name = NULL;
    if (a->w.n == 3 && (a->x_zero != OC_NONE || a->w_zero != OC_NONE ||
                        c->at.graph->values[a->x].desc.dtype != OC_DTYPE_float32))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s over 3 spatial axes is not supported",
                       c->at.node, c->row->op);
    if (a->w.n == 3)
        OC_TRY(oc_imp_sub(&c->at, "planes", &name));
    OC_TRY(oc_onnx_plane_weights(c, a->weights, &weights));
    OC_TRY(oc_onnx_conv_planes(c, a, weights, name, &node));
    OC_TRY(oc_imp_end(&c->at, node, name ? name : out, &y));
    plane = y;
    if (a->w.n == 3) {
        OC_TRY(oc_onnx_conv_depth(c, a, oc_imp_shape(&c->at, a->weights)->dim[0], y, &node));
        OC_TRY(oc_imp_end(&c->at, node, out, &y));
    }
    return oc_onnx_plane_out(c, &a->w, y, plane, last);
}

oc_status oc_onnx_conv_read(oc_onnx_call *c, oc_onnx_conv_args *a)
{
    OC_TRY(oc_onnx_window_begin(c, &a->w));
    OC_TRY(oc_onnx_window_kernel(c, a->weights, &a->w));
    OC_TRY(oc_onnx_window_read(c, &a->w));
    return oc_onnx_get_int(c, "group", 1, &a->groups);
}

static oc_status conv_all(oc_onnx_call *c, oc_onnx_conv_args *a)
{
    const char *out;
    oc_id last;
    OC_TRY(oc_onnx_conv_read(c, a));
    OC_TRY(oc_onnx_last_name(c, &out));
    OC_TRY(oc_onnx_conv_last(c, a, out, &last));
    return oc_onnx_from_last(c, last);
}

oc_status oc_onnx_conv(oc_onnx_call *c)
{
    oc_onnx_conv_args a = {&oc_op_conv2d, .x = c->in[0], .weights = c->in[1]};
    a.bias = oc_onnx_in(c, 2);
    a.x_zero = a.w_zero = OC_NONE;
    return conv_all(c, &a);
}

oc_status oc_onnx_conv_integer(oc_onnx_call *c)
{
    oc_onnx_conv_args a = {&oc_op_conv2d, .x = c->in[0], .weights = c->in[1]};
    a.bias = OC_NONE;
    a.x_zero = oc_onnx_in(c, 2);
    a.w_zero = oc_onnx_in(c, 3);
    return conv_all(c, &a);
}
