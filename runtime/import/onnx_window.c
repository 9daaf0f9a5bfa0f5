/* SPDX-License-Identifier: Apache-2.0 */
/** Windows over one, two or three axes as windows over two. */
#include "onnx_window.h"

oc_status oc_onnx_window_begin(const oc_onnx_call *c, oc_onnx_window *w)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    *w = (oc_onnx_window){.n = in->rank - 2};
    if (w->n < 1 || w->n > OC_ONNX_SPATIAL_MAX)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s over %d spatial axes (an input of rank %d) is not "
                       "supported, only over 1 to %d",
                       c->at.node, c->row->op, OC_MAX(w->n, 0), in->rank, OC_ONNX_SPATIAL_MAX);
    memcpy(w->in, in->dim + 2, (size_t)w->n * sizeof(*w->in));
    return OC_OK;
}

oc_status oc_onnx_window_kernel(const oc_onnx_call *c, oc_id weights, oc_onnx_window *w)
{
    const oc_shape *shape = oc_imp_shape(&c->at, weights);
    int32_t given[OC_ONNX_SPATIAL_MAX];
    if (shape->rank != w->n + 2)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected weights of rank %d, found %d", c->at.node,
                       w->n + 2, shape->rank);
    OC_TRY(oc_onnx_get_list(c, "kernel_shape", 0, 0, (size_t)w->n, given));
    for (int i = 0; i < w->n; i++) {
        w->kernel[i] = shape->dim[2 + i];
        if (given[i] != 0 && given[i] != w->kernel[i])
            return oc_fail(OC_E_SHAPE, "node \"%s\": kernel_shape says %d, its weights %d",
                           c->at.node, given[i], w->kernel[i]);
    }
    return OC_OK;
}

oc_status oc_onnx_get_auto_pad(const oc_onnx_call *c, oc_onnx_auto_pad *mode)
{
    static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", NULL};
    size_t index;
    OC_TRY(oc_onnx_get_choice(c, "auto_pad", names, &index));
    *mode = (oc_onnx_auto_pad)index;
    return OC_OK;
}

static oc_status read_pads(const oc_onnx_call *c, oc_onnx_window *w)
{
    oc_onnx_auto_pad mode;
    int32_t pads[2 * OC_ONNX_SPATIAL_MAX] = {0};
    OC_TRY(oc_onnx_get_auto_pad(c, &mode));
    if (mode == OC_ONNX_NOTSET)
        OC_TRY(oc_onnx_get_list(c, "pads", 0, 0, 2 * (size_t)w->n, pads));
    for (int i = 0; i < w->n; i++) {
        w->begins[i] = pads[i];
        w->ends[i] = pads[w->n + i];
        if (mode == OC_ONNX_SAME_UPPER || mode == OC_ONNX_SAME_LOWER)
            OC_TRY(oc_imp_pad_same(&c->at, w->in[i], w->kernel[i], w->strides[i], w->dilations[i],
                                   mode == OC_ONNX_SAME_LOWER, &w->begins[i], &w->ends[i]));
    }
    return OC_OK;
}

oc_status oc_onnx_window_read(const oc_onnx_call *c, oc_onnx_window *w)
{
    OC_TRY(oc_onnx_get_list(c, "strides", 1, 1, (size_t)w->n, w->strides));
    OC_TRY(oc_onnx_get_list(c, "dilations", 1, 1, (size_t)w->n, w->dilations));
    return read_pads(c, w);
}

oc_onnx_pass oc_onnx_pass_first(const oc_onnx_window *w)
{
    return (oc_onnx_pass){w->n - 2, w->n - 1};
}

void oc_onnx_pass_pick(oc_onnx_pass pass, const int32_t *list, int32_t absent, int32_t *pair)
{
    pair[0] = pass.h < 0 ? absent : list[pass.h];
    pair[1] = pass.w < 0 ? absent : list[pass.w];
}

oc_status oc_onnx_window_set(oc_node *node, const oc_onnx_window *w, oc_onnx_pass pass)
{
    int32_t pair[2], pads[4];
    oc_onnx_pass_pick(pass, w->strides, 1, pair);
    OC_TRY(oc_node_set_ints(node, "strides", pair, 2));
    oc_onnx_pass_pick(pass, w->dilations, 1, pair);
    OC_TRY(oc_node_set_ints(node, "dilations", pair, 2));
    oc_onnx_pass_pick(pass, w->begins, 0, pads);
    oc_onnx_pass_pick(pass, w->ends, 0, pads + 2);
    return oc_node_set_ints(node, "pads", pads, 4);
}

/* A reshape that only the two views need. */
static oc_status view(oc_onnx_call *c, const char *what, oc_id x, oc_shape shape, oc_id *out)
{
    oc_imp at;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_reshape(&at, NULL, x, &shape, out);
}

static oc_status product(const oc_onnx_call *c, int32_t a, int32_t b, int32_t *out)
{
    int64_t wide = (int64_t)a * b;
    if (wide > INT32_MAX)
        return oc_fail(OC_E_LIMIT, "node \"%s\": an axis of %lld", c->at.node, (long long)wide);
    *out = (int32_t)wide;
    return OC_OK;
}

oc_status oc_onnx_plane_in(oc_onnx_call *c, oc_id x, oc_id *plane)
{
    OC_TRY(oc_onnx_to_last(c, x, plane));
    const oc_shape s = *oc_imp_shape(&c->at, *plane);
    int32_t batch;
    if (s.rank == 4)
        return OC_OK;
    if (s.rank == 3)
        return view(c, "plane", *plane, (oc_shape){4, {s.dim[0], 1, s.dim[1], s.dim[2]}}, plane);
    OC_TRY(product(c, s.dim[0], s.dim[1], &batch));
    return view(c, "plane", *plane, (oc_shape){4, {batch, s.dim[2], s.dim[3], s.dim[4]}}, plane);
}

oc_status oc_onnx_depth_in(oc_onnx_call *c, const oc_onnx_window *w, oc_id y, int32_t batch,
                           oc_id *plane)
{
    const oc_shape s = *oc_imp_shape(&c->at, y);
    int32_t area;
    OC_TRY(product(c, s.dim[1], s.dim[2], &area));
    return view(c, "depth", y, (oc_shape){4, {batch, w->in[0], area, s.dim[3]}}, plane);
}

oc_status oc_onnx_plane_out(oc_onnx_call *c, const oc_onnx_window *w, oc_id y, oc_id plane,
                            oc_id *last)
{
    const oc_shape s = *oc_imp_shape(&c->at, y), p = *oc_imp_shape(&c->at, plane);
    *last = y;
    if (w->n == 1)
        return view(c, "line", y, (oc_shape){3, {s.dim[0], s.dim[2], s.dim[3]}}, last);
    if (w->n == 3)
        return view(c, "volume", y,
                    (oc_shape){5, {s.dim[0], s.dim[1], p.dim[1], p.dim[2], s.dim[3]}}, last);
    return OC_OK;
}
