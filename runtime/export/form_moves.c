/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX forms of operators that move elements and compute none: concat, gather, identity, pad, reshape,
 * slice, tile, transpose; and argmax, which says where they lie.
 */
#include "forms.h"

void oc_form_write_identity(oc_form_call *c)
{
    oc_form_out(c, 0, OC_FORM(c, "Identity", oc_form_in(c, 0)));
}

void oc_form_write_concat(oc_form_call *c)
{
    oc_tensor_id in[OC_NODE_IO_MAX];
    for (uint32_t i = 0; i < c->node.n_in; i++)
        in[i] = oc_form_in(c, i);
    oc_tensor_id y = oc_form_node_add(c, "Concat", in, c->node.n_in);
    oc_form_set_int(c, "axis", oc_node_int(&c->node, "axis"));
    oc_form_out(c, 0, y);
}

void oc_form_write_reshape(oc_form_call *c)
{
    oc_form_out(c, 0, oc_form_reshape(c, oc_form_in(c, 0), &c->out[0]->shape));
}

void oc_form_write_transpose(oc_form_call *c)
{
    oc_form_transpose(c, oc_node_ints(&c->node, "perm"));
}

/* ---- padding ---------------------------------------------------------------------------------- */

static void pad_constant(oc_form_call *c, const oc_ints *begin, const oc_ints *end)
{
    int32_t pads[2 * OC_RANK_MAX], n = 0;
    for (int32_t i = 0; i < begin->count; i++)
        pads[n++] = begin->v[i];
    for (int32_t i = 0; i < end->count; i++)
        pads[n++] = end->v[i];
    oc_tensor_id value;
    if (oc_form_has(c, 1))
        value = oc_form_reshape(c, oc_form_in(c, 1), &(oc_shape){0});
    else
        value = oc_form_same(c, (double)oc_node_float(&c->node, "value"));
    oc_form_out(c, 0, OC_FORM(c, "Pad", oc_form_in(c, 0), oc_form_ints(c, pads, n), value));
}

/* Which element of an axis of `n` stands at place `at`, which may lie before or behind it. */
static int64_t mirrored(const char *mode, int64_t at, int64_t n)
{
    int64_t period = strcmp(mode, "reflect") == 0 ? 2 * n - 2 : strcmp(mode, "symmetric") == 0 ? 2 * n : n;
    if (strcmp(mode, "edge") == 0)
        return at < 0 ? 0 : at >= n ? n - 1 : at;
    if (period == 0)
        return 0;
    at = (at % period + period) % period;
    if (at < n)
        return at;
    return strcmp(mode, "reflect") == 0 ? period - at : period - 1 - at;
}

/*
 * Axis by axis the elements that stand in the result are picked: ONNX's Pad has no such mode as
 * symmetric, and runtimes differ in how far the others may reach.
 */
static void pad_picked(oc_form_call *c, const char *mode, const oc_ints *begin)
{
    oc_form *f = c->form;
    oc_tensor_id y = oc_form_in(c, 0);
    for (int32_t i = 0; i < begin->count; i++) {
        int32_t n = c->in[0]->shape.dim[i], to = c->out[0]->shape.dim[i];
        int64_t *places = NULL;
        if (n == to)
            continue;
        if (f->status == OC_OK)
            f->status = OC_ARENA_ALLOC(&f->arena, (size_t)to + 1, places);
        for (int32_t k = 0; f->status == OC_OK && k < to; k++)
            places[k] = mirrored(mode, (int64_t)k - begin->v[i], n);
        y = OC_FORM(c, "Gather", y, oc_form_int64s(c, places, (size_t)to));
        oc_form_set_int(c, "axis", i);
    }
    oc_form_out(c, 0, OC_FORM(c, "Identity", y));
}

void oc_form_write_pad(oc_form_call *c)
{
    const oc_ints *begin = oc_node_ints(&c->node, "pads_begin");
    const oc_ints *end = oc_node_ints(&c->node, "pads_end");
    const char *mode = oc_node_enum(&c->node, "mode");
    if (begin->count == 0) /* a scalar has no axis to pad, and runtimes refuse to try */
        oc_form_write_identity(c);
    else if (strcmp(mode, "constant") == 0)
        pad_constant(c, begin, end);
    else
        pad_picked(c, mode, begin);
}

/* ---- picking ---------------------------------------------------------------------------------- */

void oc_form_write_slice(oc_form_call *c)
{
    const oc_ints *begins = oc_node_ints(&c->node, "begins"), *ends = oc_node_ints(&c->node, "ends");
    const oc_ints *steps = oc_node_ints(&c->node, "steps");
    int64_t to[OC_RANK_MAX], axes[OC_RANK_MAX];
    for (int32_t i = 0; i < begins->count; i++) {
        axes[i] = i;
        /* -1 would count from the end: before the first element is where no count leads. */
        to[i] = ends->v[i] < 0 ? INT64_MIN + 1 : ends->v[i];
    }
    if (begins->count == 0) {
        oc_form_write_identity(c);
        return;
    }
    oc_form_out(c, 0, OC_FORM(c, "Slice", oc_form_in(c, 0),
                              oc_form_ints(c, begins->v, begins->count),
                              oc_form_int64s(c, to, (size_t)begins->count),
                              oc_form_int64s(c, axes, (size_t)begins->count),
                              oc_form_ints(c, steps->v, steps->count)));
}

/* Indices are brought into the axis, which runtimes would refuse to do. */
void oc_form_write_gather(oc_form_call *c)
{
    int32_t axis = oc_node_int(&c->node, "axis"), n = c->in[0]->shape.dim[axis];
    oc_dtype dtype = c->in[1]->dtype;
    oc_tensor_id index = OC_FORM(c, "Clip", oc_form_in(c, 1), oc_form_scalar(c, dtype, -n),
                                 oc_form_scalar(c, dtype, n - 1));
    oc_tensor_id y = OC_FORM(c, "Gather", oc_form_in(c, 0), index);
    oc_form_set_int(c, "axis", axis);
    oc_form_out(c, 0, y);
}

void oc_form_write_tile(oc_form_call *c)
{
    const oc_ints *repeats = oc_node_ints(&c->node, "repeats");
    if (repeats->count == 0)
        oc_form_write_identity(c);
    else
        oc_form_out(c, 0, OC_FORM(c, "Tile", oc_form_in(c, 0),
                                  oc_form_ints(c, repeats->v, repeats->count)));
}

void oc_form_write_argmax(oc_form_call *c)
{
    bool is_max = strcmp(oc_node_enum(&c->node, "fn"), "max") == 0;
    oc_tensor_id y = OC_FORM(c, is_max ? "ArgMax" : "ArgMin", oc_form_in(c, 0));
    oc_form_set_int(c, "axis", oc_node_int(&c->node, "axis"));
    oc_form_set_int(c, "keepdims", oc_node_int(&c->node, "keep_dims"));
    oc_form_set_int(c, "select_last_index", oc_node_int(&c->node, "select_last"));
    oc_form_out(c, 0, oc_form_cast(c, y, OC_DTYPE_int64, c->out[0]->dtype));
}
