/* SPDX-License-Identifier: Apache-2.0 */
/** What importers share: emitting nodes, constants, and the arithmetic of shapes and paddings. */
#include "import_common.h"

#include "oc_ops.h"

#include <stdio.h>

/* Constants up to this size are copied: shapes and scalars are asked for while importing. */
#define SMALL_BYTES 64

/* ---- names and constants --------------------------------------------------------------------- */

oc_status oc_imp_text(oc_arena *scratch, oc_bytes name, const char **text)
{
    char *copy = NULL;
    size_t size = OC_MIN(name.size, (size_t)OC_IMP_NAME_MAX);
    OC_TRY(OC_ARENA_ALLOC(scratch, size + 1, copy));
    for (size_t i = 0; i < size; i++)
        copy[i] = name.data[i] < 0x20 || name.data[i] == 0x7F ? '_' : (char)name.data[i];
    *text = copy;
    return OC_OK;
}

oc_status oc_imp_join(oc_arena *scratch, const char *base, const char *what, const char **name)
{
    char *text = NULL;
    size_t size = strlen(base) + strlen(what) + 2;
    OC_TRY(OC_ARENA_ALLOC(scratch, size, text));
    snprintf(text, size, "%s/%s", base, what);
    *name = text;
    return OC_OK;
}

oc_status oc_imp_sub(const oc_imp *at, const char *what, const char **name)
{
    return oc_imp_join(at->scratch, at->node, what, name);
}

oc_status oc_imp_constant(oc_graph *graph, const char *name, const oc_desc *desc, oc_bytes data,
                          oc_bytes bytes, oc_file *file, oc_id *value)
{
    size_t size;
    OC_TRY(oc_desc_bytes(desc, &size));
    if (data.size != size) {
        char shape[OC_SHAPE_TEXT];
        return oc_fail(OC_E_FORMAT, "constant \"%s\": expected %zu bytes (%s of %s), found %zu",
                       name, size, oc_shape_print(&desc->shape, shape, sizeof(shape)),
                       oc_dtype_name(desc->dtype), data.size);
    }
    if (size <= SMALL_BYTES)
        return oc_graph_add_bytes(graph, name, desc, data.data, value);
    return oc_graph_add_file(graph, name, desc, file, (uint64_t)(data.data - bytes.data), value);
}

oc_status oc_imp_scalar(const oc_imp *at, const char *what, float number, oc_id *value)
{
    const char *name;
    oc_desc desc = {.dtype = OC_DTYPE_float32};
    OC_TRY(oc_imp_sub(at, what, &name));
    return oc_graph_add_bytes(at->graph, name, &desc, &number, value);
}

bool oc_imp_is_const(const oc_graph *graph, oc_id value)
{
    return value != OC_NONE && graph->values[value].constant != NULL;
}

oc_status oc_imp_add_output(oc_graph *graph, const char *name, oc_id value)
{
    oc_node *node;
    oc_id copy;
    const bool is_const = oc_imp_is_const(graph, value);
    if (!is_const && !oc_graph_is_output(graph, value))
        return oc_graph_add_output(graph, value);
    OC_TRY(oc_graph_begin_node(graph, &oc_op_identity, name, &value, 1, &node));
    OC_TRY(oc_graph_end_node(graph, node, &name, &copy));
    if (is_const && strcmp(graph->values[value].name, name) == 0)
        OC_TRY(oc_graph_swap_names(graph, value, copy));
    return oc_graph_add_output(graph, copy);
}

static oc_status check_known(const oc_imp *at, oc_id value, const char *what)
{
    if (value == OC_NONE)
        return oc_fail(OC_E_FORMAT, "node \"%s\": its %s is missing", at->node, what);
    if (!oc_imp_is_const(at->graph, value))
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": its %s \"%s\" is not known while the model is read; where it "
                       "is an input of the model, give it as a constant",
                       at->node, what, at->graph->values[value].name);
    return OC_OK;
}

oc_status oc_imp_ints(const oc_imp *at, oc_id value, const char *what, int64_t *out, size_t max,
                      size_t *count)
{
    size_t n;
    OC_TRY(check_known(at, value, what));
    const oc_desc *desc = &at->graph->values[value].desc;
    OC_TRY(oc_shape_elems(&desc->shape, &n));
    if ((desc->dtype != OC_DTYPE_int32 && desc->dtype != OC_DTYPE_int64) || n > max)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": its %s: expected at most %zu int32 or int64, found %zu %s",
                       at->node, what, max, n, oc_dtype_name(desc->dtype));
    if (desc->dtype == OC_DTYPE_int64) {
        OC_TRY(oc_graph_const_read(at->graph, value, out, n * sizeof(*out)));
    } else {
        int32_t *narrow = NULL;
        OC_TRY(OC_ARENA_ALLOC(at->scratch, n + 1, narrow));
        OC_TRY(oc_graph_const_read(at->graph, value, narrow, n * sizeof(*narrow)));
        for (size_t i = 0; i < n; i++)
            out[i] = narrow[i];
    }
    *count = n;
    return OC_OK;
}

oc_status oc_imp_floats(const oc_imp *at, oc_id value, const char *what, float *out, size_t max,
                        size_t *count)
{
    size_t n;
    OC_TRY(check_known(at, value, what));
    const oc_desc *desc = &at->graph->values[value].desc;
    OC_TRY(oc_shape_elems(&desc->shape, &n));
    if (desc->dtype != OC_DTYPE_float32 || n > max)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": its %s: expected at most %zu float32, found %zu %s", at->node,
                       what, max, n, oc_dtype_name(desc->dtype));
    *count = n;
    return oc_graph_const_read(at->graph, value, out, n * sizeof(*out));
}

oc_status oc_imp_float(const oc_imp *at, oc_id value, const char *what, float *out)
{
    size_t elems;
    OC_TRY(check_known(at, value, what));
    const oc_desc *desc = &at->graph->values[value].desc;
    OC_TRY(oc_shape_elems(&desc->shape, &elems));
    if (desc->dtype != OC_DTYPE_float32 || elems != 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": its %s: expected one float32, found %zu %s",
                       at->node, what, elems, oc_dtype_name(desc->dtype));
    return oc_graph_const_read(at->graph, value, out, sizeof(*out));
}

/* ---- what is not supported ------------------------------------------------------------------- */

void oc_imp_missing_note(oc_imp_missing *missing, const char *op, const char *node)
{
    for (size_t i = 0; i < missing->count; i++)
        if (strcmp(missing->op[i], op) == 0)
            return;
    if (missing->count == OC_IMP_MISSING_NAMED)
        return;
    missing->op[missing->count] = op;
    missing->node[missing->count++] = node;
}

oc_status oc_imp_missing_fail(const oc_imp_missing *missing, const oc_allocator *alloc)
{
    oc_buf text;
    oc_status status = OC_OK;
    if (missing->count == 0)
        return OC_OK;
    oc_buf_init(&text, alloc);
    for (size_t i = 0; i < missing->count; i++)
        OC_TRY_OUT(oc_buf_printf(&text, "%snode \"%s\": operator %s", i ? "; " : "",
                                 missing->node[i], missing->op[i]));
    status = oc_fail(OC_E_UNSUPPORTED, "%s %s not supported", text.data,
                     missing->count == 1 ? "is" : "are");
out:
    oc_buf_fini(&text);
    return status;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

oc_status oc_imp_begin(const oc_imp *at, const char *name, const oc_op *op, const oc_id *in,
                       size_t n_in, oc_node **node)
{
    return oc_graph_begin_node(at->graph, op, name ? name : at->node, in, n_in, node);
}

/* Bytes that are at hand, and few of them; an input that is left out is as good. */
static bool is_small(const oc_graph *graph, oc_id value)
{
    size_t size;
    return value == OC_NONE || (graph->values[value].constant &&
                                graph->values[value].constant->kind == OC_CONST_BYTES &&
                                oc_desc_bytes(&graph->values[value].desc, &size) == OC_OK &&
                                size <= SMALL_BYTES);
}

/*
 * Integers of a few bytes that are made of such are computed at once: shapes. In a long chain of
 * them each would otherwise be computed from the first one on whenever it is asked for.
 */
static oc_status fold(oc_graph *graph, oc_id id)
{
    const oc_node *node = &graph->nodes[id];
    const oc_id out = node->out[0];
    const oc_dtype dtype = graph->values[out].desc.dtype;
    size_t size;
    bool settles = dtype == OC_DTYPE_int32 || dtype == OC_DTYPE_int64;
    for (uint32_t i = 0; i < node->n_in; i++)
        settles = settles && is_small(graph, node->in[i]);
    OC_TRY(oc_desc_bytes(&graph->values[out].desc, &size));
    OC_TRY(oc_graph_fold_node(graph, id));
    return settles && size <= SMALL_BYTES ? oc_graph_settle(graph, out) : OC_OK;
}

oc_status oc_imp_end(const oc_imp *at, oc_node *node, const char *out_name, oc_id *out)
{
    bool is_known = true;
    oc_id id = (oc_id)(node - at->graph->nodes);
    OC_TRY(oc_graph_end_node(at->graph, node, out_name ? &out_name : NULL, out));
    node = &at->graph->nodes[id];
    for (uint32_t i = 0; i < node->n_in; i++)
        is_known = is_known && (node->in[i] == OC_NONE || oc_imp_is_const(at->graph, node->in[i]));
    return is_known ? fold(at->graph, id) : OC_OK;
}

/* What an emitted node and its value are called. */
static const char *out_name(const oc_imp *at, const char *name)
{
    return name ? name : at->out;
}

oc_status oc_imp_identity(const oc_imp *at, const char *name, oc_id x, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_identity, &x, 1, &node));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_transpose(const oc_imp *at, const char *name, oc_id x, const int32_t *perm,
                           oc_id *out)
{
    oc_node *node;
    size_t rank = (size_t)oc_imp_shape(at, x)->rank;
    OC_TRY(oc_imp_begin(at, name, &oc_op_transpose, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "perm", perm, rank));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_reshape(const oc_imp *at, const char *name, oc_id x, const oc_shape *shape,
                         oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_reshape, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "shape", shape->dim, (size_t)shape->rank));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_unary(const oc_imp *at, const char *name, const char *fn, float a, float b,
                       oc_id x, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_unary, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    OC_TRY(oc_node_set_float(node, "a", a));
    OC_TRY(oc_node_set_float(node, "b", b));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_binary(const oc_imp *at, const char *name, const char *fn, oc_id p, oc_id q,
                        oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_binary, (oc_id[]){p, q}, 2, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_cast(const oc_imp *at, const char *name, oc_id x, oc_dtype dtype, oc_id *out)
{
    oc_node *node;
    if (at->graph->values[x].desc.dtype == dtype)
        return oc_imp_identity(at, name, x, out);
    OC_TRY(oc_imp_begin(at, name, &oc_op_cast, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(dtype)));
    return oc_imp_end(at, node, out_name(at, name), out);
}

oc_status oc_imp_reduce(const oc_imp *at, const char *fn, oc_id x, const int32_t *axes,
                        size_t n_axes, bool keep_dims, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_reduce, &x, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    OC_TRY(oc_node_set_ints(node, "axes", axes, n_axes));
    OC_TRY(oc_node_set_int(node, "keepdims", keep_dims));
    return oc_imp_end(at, node, at->out, out);
}

oc_status oc_imp_pad(const oc_imp *at, oc_id x, const int64_t *begins, const int64_t *ends,
                     float value, oc_id *out)
{
    int32_t low[OC_RANK_MAX], high[OC_RANK_MAX];
    oc_node *node;
    size_t rank = (size_t)oc_imp_shape(at, x)->rank;
    OC_TRY(oc_imp_narrow(at, "paddings", begins, rank, low));
    OC_TRY(oc_imp_narrow(at, "paddings", ends, rank, high));
    for (size_t i = 0; i < rank; i++)
        if (low[i] < 0 || high[i] < 0)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": negative padding (%d, %d at axis %zu) is not supported",
                           at->node, low[i], high[i], i);
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_pad, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "pads_begin", low, rank));
    OC_TRY(oc_node_set_ints(node, "pads_end", high, rank));
    OC_TRY(oc_node_set_float(node, "value", value));
    return oc_imp_end(at, node, at->out, out);
}

/* ---- shapes and attributes ------------------------------------------------------------------- */

const oc_shape *oc_imp_shape(const oc_imp *at, oc_id value)
{
    return &at->graph->values[value].desc.shape;
}

oc_status oc_imp_narrow(const oc_imp *at, const char *what, const int64_t *in, size_t count,
                        int32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (in[i] < INT32_MIN || in[i] > INT32_MAX)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its %s hold %lld, beyond 32 bits", at->node,
                           what, (long long)in[i]);
        out[i] = (int32_t)in[i];
    }
    return OC_OK;
}

oc_status oc_imp_axis(const oc_imp *at, int64_t axis, int32_t rank, int32_t *out)
{
    if (axis < -(int64_t)rank || axis >= rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected an axis of %d to %d, found %lld",
                       at->node, -rank, rank - 1, (long long)axis);
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return OC_OK;
}

oc_status oc_imp_axes(const oc_imp *at, const int64_t *axes, size_t count, int32_t rank,
                      int32_t *out)
{
    bool is_named[OC_RANK_MAX] = {false};
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t axis;
        OC_TRY(oc_imp_axis(at, axes[i], rank, &axis));
        if (is_named[axis])
            return oc_fail(OC_E_FORMAT, "node \"%s\": axis %d is named twice", at->node, axis);
        is_named[axis] = true;
    }
    for (int32_t axis = 0; axis < rank; axis++)
        if (is_named[axis])
            out[n++] = axis;
    return OC_OK;
}

/* Dimension `axis` of a shape that `dims` asks for; -1 stays. */
static oc_status asked_dim(const oc_imp *at, const oc_shape *in, const int64_t *dims, size_t axis,
                           bool zero_copies, int32_t *dim)
{
    int64_t asked = dims[axis];
    if (asked == 0 && zero_copies) {
        if (axis >= (size_t)in->rank)
            return oc_fail(OC_E_FORMAT,
                           "node \"%s\": shape entry %zu copies an axis, the input has only %d",
                           at->node, axis, in->rank);
        asked = in->dim[axis];
    }
    if (asked < -1 || asked > INT32_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": shape entry %zu is %lld", at->node, axis,
                       (long long)asked);
    *dim = (int32_t)asked;
    return OC_OK;
}

oc_status oc_imp_resolve(const oc_imp *at, const oc_shape *in, const int64_t *dims, size_t count,
                         bool zero_copies, oc_shape *out)
{
    oc_shape shape = {.rank = (int32_t)count};
    size_t elems, known;
    int32_t rest = -1;
    if (count > OC_RANK_MAX)
        return oc_fail(OC_E_LIMIT, "node \"%s\": a shape of %zu axes, at most %d are supported",
                       at->node, count, OC_RANK_MAX);
    for (size_t i = 0; i < count; i++) {
        OC_TRY(asked_dim(at, in, dims, i, zero_copies, &shape.dim[i]));
        if (shape.dim[i] != -1)
            continue;
        if (rest >= 0)
            return oc_fail(OC_E_FORMAT, "node \"%s\": more than one -1 in its shape", at->node);
        rest = (int32_t)i;
        shape.dim[i] = 1;
    }
    OC_TRY(oc_shape_elems(in, &elems));
    OC_TRY(oc_shape_elems(&shape, &known));
    if (rest >= 0) {
        if (known == 0 || elems % known != 0 || elems / known > INT32_MAX)
            return oc_fail(OC_E_SHAPE, "node \"%s\": %zu elements cannot be divided by %zu",
                           at->node, elems, known);
        shape.dim[rest] = (int32_t)(elems / known);
    }
    *out = shape;
    return OC_OK;
}

oc_status oc_imp_squeezed(const oc_imp *at, const oc_shape *in, const int32_t *axes, size_t n_axes,
                          oc_shape *out)
{
    oc_shape shape = {0};
    size_t next = 0;
    for (int32_t axis = 0; axis < in->rank; axis++) {
        bool is_named = next < n_axes && axes[next] == axis;
        next += is_named;
        if (is_named && in->dim[axis] != 1)
            return oc_fail(OC_E_SHAPE, "node \"%s\": axis %d cannot be removed, its size is %d",
                           at->node, axis, in->dim[axis]);
        if (!is_named && (n_axes > 0 || in->dim[axis] != 1))
            shape.dim[shape.rank++] = in->dim[axis];
    }
    *out = shape;
    return OC_OK;
}

oc_status oc_imp_pad_same(const oc_imp *at, int32_t in, int32_t kernel, int32_t stride,
                          int32_t dilation, bool is_lower, int32_t *begin, int32_t *end)
{
    if (kernel < 1 || stride < 1 || dilation < 1)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": expected a kernel, stride and dilation of at least 1, found "
                       "%d, %d, %d",
                       at->node, kernel, stride, dilation);
    int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    int64_t steps = ((int64_t)in + stride - 1) / stride;
    int64_t total = OC_MAX((steps - 1) * stride + reach - in, (int64_t)0);
    if (total > INT32_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": a padding of %lld", at->node, (long long)total);
    int32_t small = (int32_t)(total / 2), large = (int32_t)(total - total / 2);
    *begin = is_lower ? large : small;
    *end = is_lower ? small : large;
    return OC_OK;
}
