/* SPDX-License-Identifier: Apache-2.0 */
/** Convolutions that are transposed, and those whose taps are moved. */
#include "onnx_conv.h"

#include "oc_ops.h"

/* ---- transposed convolution ------------------------------------------------------------------ */

/* [C,O/G,...] -> [O,KH,KW,C/G], of a volume [O*KD,KH,KW,C/G]. */
static oc_status transposed_weights(oc_onnx_call *c, const oc_onnx_conv_args *a, oc_id *out)
{
    const oc_shape s = *oc_imp_shape(&c->at, a->weights);
    int32_t perm[OC_RANK_MAX] = {0, 2}, n = a->w.n, groups = (int32_t)a->groups;
    oc_shape grouped = {s.rank + 1, {groups, s.dim[0] / groups, s.dim[1]}}, shape;
    oc_imp at;
    OC_TRY(oc_onnx_step(c, "weights", &at));
    for (int i = 0; i < n; i++) {
        grouped.dim[3 + i] = s.dim[2 + i];
        perm[2 + i] = 3 + i;
    }
    perm[2 + n] = 1;
    OC_TRY(oc_imp_reshape(&at, NULL, a->weights, &grouped, out));
    OC_TRY(oc_imp_transpose(&at, NULL, *out, perm, out));
    const int64_t planes[] = {-1, n == 1 ? 1 : s.dim[n], s.dim[n + 1], grouped.dim[1]};
    OC_TRY(oc_imp_resolve(&at, &s, planes, 4, false, &shape));
    return oc_imp_reshape(&at, NULL, *out, &shape, out);
}

/*
 * How much is cut off along axis i. With the size of the output given, what is too much is shared
 * by both ends, and what is missing is added at the end.
 */
static void cut_to_size(oc_onnx_window *w, int i, int64_t size, bool is_upper)
{
    int64_t full = (int64_t)w->strides[i] * (w->in[i] - 1) + w->out_pads[i] +
                   (int64_t)(w->kernel[i] - 1) * w->dilations[i] + 1;
    int64_t total = OC_MAX(full - size, (int64_t)0);
    w->out_pads[i] += (int32_t)OC_MIN(OC_MAX(size - full, (int64_t)0), (int64_t)INT32_MAX / 2);
    total = OC_MIN(total, (int64_t)INT32_MAX);
    w->begins[i] = (int32_t)(is_upper ? total / 2 : total - total / 2);
    w->ends[i] = (int32_t)total - w->begins[i];
}

static oc_status read_transposed(oc_onnx_call *c, oc_onnx_conv_args *a)
{
    oc_onnx_auto_pad mode;
    int64_t sizes[OC_ONNX_SPATIAL_MAX];
    size_t count;
    bool found;
    oc_onnx_window *w = &a->w;
    OC_TRY(oc_onnx_window_begin(c, w));
    OC_TRY(oc_onnx_window_kernel(c, a->weights, w));
    OC_TRY(oc_onnx_get_int(c, "group", 1, &a->groups));
    if (a->groups < 1 || oc_imp_shape(&c->at, a->weights)->dim[0] % a->groups != 0)
        return oc_fail(OC_E_SHAPE, "node \"%s\": %d channels cannot be in %lld groups", c->at.node,
                       oc_imp_shape(&c->at, a->weights)->dim[0], (long long)a->groups);
    OC_TRY(oc_onnx_get_list(c, "strides", 1, 1, (size_t)w->n, w->strides));
    OC_TRY(oc_onnx_get_list(c, "dilations", 1, 1, (size_t)w->n, w->dilations));
    OC_TRY(oc_onnx_get_list(c, "output_padding", 0, 0, (size_t)w->n, w->out_pads));
    OC_TRY(oc_onnx_get_auto_pad(c, &mode));
    OC_TRY(oc_onnx_get_ints(c, "output_shape", sizes, (size_t)w->n, &count, &found));
    if (found && count != (size_t)w->n)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected output_shape of %d axes, found %zu",
                       c->at.node, w->n, count);
    if (!found && mode == OC_ONNX_NOTSET) {
        int32_t pads[2 * OC_ONNX_SPATIAL_MAX];
        OC_TRY(oc_onnx_get_list(c, "pads", 0, 0, 2 * (size_t)w->n, pads));
        memcpy(w->begins, pads, (size_t)w->n * sizeof(*pads));
        memcpy(w->ends, pads + w->n, (size_t)w->n * sizeof(*pads));
    }
    for (int i = 0; i < w->n; i++)
        if (found || mode == OC_ONNX_SAME_UPPER || mode == OC_ONNX_SAME_LOWER)
            cut_to_size(w, i, found ? sizes[i] : (int64_t)w->in[i] * w->strides[i],
                        mode == OC_ONNX_SAME_UPPER);
    return OC_OK;
}

static oc_status set_out_pads(oc_node *node, const oc_onnx_window *w, oc_onnx_pass pass)
{
    int32_t pair[2];
    oc_onnx_pass_pick(pass, w->out_pads, 0, pair);
    return oc_node_set_ints(node, "output_pads", pair, 2);
}

oc_status oc_onnx_conv_transpose(oc_onnx_call *c)
{
    oc_onnx_conv_args a = {&oc_op_conv_transpose2d, .x = c->in[0], .weights = c->in[1]};
    oc_node *node;
    oc_id weights, y, plane;
    const char *name = NULL, *out;
    a.bias = oc_onnx_in(c, 2);
    a.x_zero = a.w_zero = OC_NONE;
    OC_TRY(read_transposed(c, &a));
    OC_TRY(oc_onnx_last_name(c, &out));
    if (a.w.n == 3)
        OC_TRY(oc_imp_sub(&c->at, "planes", &name));
    OC_TRY(transposed_weights(c, &a, &weights));
    OC_TRY(oc_onnx_conv_planes(c, &a, weights, name, &node));
    OC_TRY(set_out_pads(node, &a.w, oc_onnx_pass_first(&a.w)));
    OC_TRY(oc_imp_end(&c->at, node, name ? name : out, &y));
    plane = y;
    if (a.w.n == 3) {
        int64_t channels = oc_imp_shape(&c->at, c->in[1])->dim[1] * a.groups;
        OC_TRY(oc_onnx_conv_depth(c, &a, (int32_t)channels, y, &node));
        OC_TRY(set_out_pads(node, &a.w, OC_ONNX_PASS_DEPTH));
        OC_TRY(oc_imp_end(&c->at, node, out, &y));
    }
    OC_TRY(oc_onnx_plane_out(c, &a.w, y, plane, &y));
    return oc_onnx_from_last(c, y);
}

/* ---- deformable convolution ------------------------------------------------------------------ */

/* x, weights, offset, bias, mask: here offset and mask have their channels last as well. */
oc_status oc_onnx_deform_conv(oc_onnx_call *c)
{
    oc_onnx_conv_args a = {&oc_op_deform_conv2d, .x = c->in[0], .weights = c->in[1]};
    oc_id in[5] = {OC_NONE, OC_NONE, OC_NONE, oc_onnx_in(c, 3), OC_NONE};
    int64_t offset_groups;
    oc_node *node;
    OC_TRY(oc_onnx_conv_read(c, &a));
    if (a.w.n != 2)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": DeformConv over %d spatial axes is not supported, only over 2",
                       c->at.node, a.w.n);
    OC_TRY(oc_onnx_get_int(c, "offset_group", 1, &offset_groups));
    OC_TRY(oc_onnx_to_last(c, c->in[0], &in[0]));
    OC_TRY(oc_onnx_plane_weights(c, c->in[1], &in[1]));
    OC_TRY(oc_onnx_to_last(c, c->in[2], &in[2]));
    if (oc_onnx_has(c, 4))
        OC_TRY(oc_onnx_to_last(c, c->in[4], &in[4]));
    OC_TRY(oc_imp_begin(&c->at, NULL, a.op, in, oc_onnx_given(in, 5), &node));
    OC_TRY(oc_onnx_window_set(node, &a.w, oc_onnx_pass_first(&a.w)));
    OC_TRY(oc_node_set_int(node, "groups", a.groups));
    OC_TRY(oc_node_set_int(node, "offset_groups", offset_groups));
    return oc_onnx_end_last(c, node);
}
