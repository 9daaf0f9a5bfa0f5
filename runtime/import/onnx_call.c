/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the rows' functions share: attributes and inputs of a node, and the two layouts.
 *
 * Spatial operators are [N,C,H,W] in ONNX and [N,H,W,C] here: transposes go around them. A value
 * that exists in both layouts is remembered, so that a chain of spatial operators needs none
 * between.
 */
#include "onnx_ops.h"

/* ---- inputs and results ---------------------------------------------------------------------- */

bool oc_onnx_has(const oc_onnx_call *call, uint32_t i)
{
    return oc_onnx_in(call, i) != OC_NONE;
}

oc_id oc_onnx_in(const oc_onnx_call *call, uint32_t i)
{
    return i < call->n_in ? call->in[i] : OC_NONE;
}

const oc_shape *oc_onnx_shape(const oc_onnx_call *call, uint32_t i)
{
    return oc_imp_shape(&call->at, call->in[i]);
}

oc_dtype oc_onnx_dtype_of(const oc_onnx_call *call, uint32_t i)
{
    return call->at.graph->values[call->in[i]].desc.dtype;
}

bool oc_onnx_wants(const oc_onnx_call *call, uint32_t i)
{
    return i < call->node->n_out && call->node->out[i].size > 0;
}

oc_status oc_onnx_out_name(const oc_onnx_call *call, uint32_t i, const char **name)
{
    OC_TRY(oc_imp_text(call->at.scratch, call->node->out[i], name));
    return call->is_half ? oc_imp_join(call->at.scratch, *name, "float32", name) : OC_OK;
}

/* ---- attributes ------------------------------------------------------------------------------ */

oc_status oc_onnx_get(const oc_onnx_call *c, const char *name, oc_onnx_attr_type type,
                      oc_onnx_attr *attr, bool *found)
{
    OC_TRY(oc_onnx_find_attr(c->node, name, attr, found));
    if (*found && attr->type != 0 && attr->type != (uint64_t)type)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": attribute %s: expected AttributeType %d, found %llu",
                       c->at.node, name, (int)type, (unsigned long long)attr->type);
    return OC_OK;
}

oc_status oc_onnx_get_int(const oc_onnx_call *c, const char *name, int64_t initial, int64_t *out)
{
    oc_onnx_attr attr;
    bool found;
    OC_TRY(oc_onnx_get(c, name, OC_ONNX_INT, &attr, &found));
    *out = found ? attr.i : initial;
    return OC_OK;
}

oc_status oc_onnx_get_float(const oc_onnx_call *c, const char *name, float initial, float *out)
{
    oc_onnx_attr attr;
    bool found;
    OC_TRY(oc_onnx_get(c, name, OC_ONNX_FLOAT, &attr, &found));
    *out = found ? attr.f : initial;
    return OC_OK;
}

oc_status oc_onnx_get_axis(const oc_onnx_call *c, int64_t initial, int32_t rank, int32_t *out)
{
    int64_t asked;
    OC_TRY(oc_onnx_get_int(c, "axis", initial, &asked));
    return oc_imp_axis(&c->at, asked, rank, out);
}

oc_status oc_onnx_get_choice(const oc_onnx_call *c, const char *name, const char *const *names,
                             size_t *index)
{
    oc_onnx_attr attr;
    const char *text;
    bool found;
    *index = 0;
    OC_TRY(oc_onnx_get(c, name, OC_ONNX_STRING, &attr, &found));
    if (!found)
        return OC_OK;
    for (; names[*index]; ++*index)
        if (oc_bytes_equal_text(attr.s, names[*index]))
            return OC_OK;
    OC_TRY(oc_imp_text(c->at.scratch, attr.s, &text));
    return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s with %s = \"%s\" is not supported",
                   c->at.node, c->row->op, name, text);
}

oc_status oc_onnx_get_ints(const oc_onnx_call *c, const char *name, int64_t *out, size_t max,
                           size_t *count, bool *found)
{
    oc_onnx_attr attr;
    *count = 0;
    OC_TRY(oc_onnx_get(c, name, OC_ONNX_INTS, &attr, found));
    if (!*found)
        return OC_OK;
    oc_status status = oc_onnx_attr_ints(&attr, out, max, count);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "node \"%s\"", c->at.node);
}

oc_status oc_onnx_get_list(const oc_onnx_call *c, const char *name, int32_t initial, int32_t min,
                           size_t count, int32_t *out)
{
    int64_t list[OC_INTS_MAX];
    size_t n;
    bool found;
    OC_TRY(oc_onnx_get_ints(c, name, list, OC_COUNT(list), &n, &found));
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

oc_status oc_onnx_ints_of(const oc_onnx_call *c, const char *name, uint32_t input, int64_t *out,
                          size_t max, size_t *count, bool *found)
{
    *found = oc_onnx_has(c, input);
    if (*found)
        return oc_imp_ints(&c->at, c->in[input], name, out, max, count);
    return oc_onnx_get_ints(c, name, out, max, count, found);
}

oc_status oc_onnx_expect_int(const oc_onnx_call *c, const char *name, int64_t expected)
{
    int64_t found;
    OC_TRY(oc_onnx_get_int(c, name, expected, &found));
    if (found != expected)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s with %s = %lld is not supported, only %lld is", c->at.node,
                       c->row->op, name, (long long)found, (long long)expected);
    return OC_OK;
}

/* ---- names and layouts ----------------------------------------------------------------------- */

oc_status oc_onnx_step(const oc_onnx_call *c, const char *what, oc_imp *at)
{
    const char *name;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    *at = c->at;
    at->node = at->out = name;
    return OC_OK;
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

oc_status oc_onnx_to_last(oc_onnx_call *c, oc_id value, oc_id *last)
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

oc_status oc_onnx_last_name(const oc_onnx_call *c, const char **name)
{
    return oc_imp_join(c->at.scratch, c->at.out, "channels_last", name);
}

oc_status oc_onnx_from_last(oc_onnx_call *c, oc_id last)
{
    int32_t perm[OC_RANK_MAX] = {0}, rank = oc_imp_shape(&c->at, last)->rank;
    oc_imp at = c->at;
    for (int32_t i = 1; i < rank; i++)
        perm[i] = i == 1 ? rank - 1 : i - 1;
    OC_TRY(oc_imp_sub(&c->at, "channels_first", &at.node));
    OC_TRY(oc_imp_transpose(&at, NULL, last, perm, &c->out[0]));
    return remember_last(c->model, c->out[0], last);
}

oc_status oc_onnx_end_last(oc_onnx_call *c, oc_node *node)
{
    const char *name;
    oc_id last;
    if (oc_imp_shape(&c->at, node->in[0])->rank < 3)
        return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
    OC_TRY(oc_onnx_last_name(c, &name));
    OC_TRY(oc_imp_end(&c->at, node, name, &last));
    return oc_onnx_from_last(c, last);
}

oc_status oc_onnx_flattened(const oc_onnx_call *c, const oc_shape *in, int32_t axis, oc_shape *out)
{
    oc_shape left = *in;
    oc_shape right = {.rank = in->rank - axis};
    size_t rows, columns;
    left.rank = axis;
    memcpy(right.dim, in->dim + axis, (size_t)right.rank * sizeof(*right.dim));
    OC_TRY(oc_shape_elems(&left, &rows));
    OC_TRY(oc_shape_elems(&right, &columns));
    const int64_t sides[2] = {(int64_t)rows, (int64_t)columns};
    return oc_imp_resolve(&c->at, in, sides, 2, false, out);
}
