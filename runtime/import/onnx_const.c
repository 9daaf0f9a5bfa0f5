/* SPDX-License-Identifier: Apache-2.0 */
/** Operators whose results are known while the model is read. */
#include "onnx_ops.h"

/* The shape of a value is known here: opset 15 can ask for a part of it. */
oc_status oc_onnx_shape_of(oc_onnx_call *c)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    int64_t start, end, dims[OC_RANK_MAX];
    oc_desc desc = {OC_DTYPE_int64, {1, {0}}};
    OC_TRY(oc_onnx_get_int(c, "start", 0, &start));
    OC_TRY(oc_onnx_get_int(c, "end", in->rank, &end));
    start = OC_MIN(OC_MAX(start < 0 ? start + in->rank : start, 0), in->rank);
    end = OC_MIN(OC_MAX(end < 0 ? end + in->rank : end, 0), in->rank);
    for (int64_t i = start; i < end; i++)
        dims[desc.shape.dim[0]++] = in->dim[i];
    return oc_graph_add_bytes(c->at.graph, c->at.out, &desc, dims, &c->out[0]);
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
    return oc_graph_add_bytes(c->at.graph, c->at.out, &desc, data, &c->out[0]);
}

/* One of several attributes holds the value, a tensor as a rule. */
oc_status oc_onnx_constant_node(oc_onnx_call *c)
{
    static const char *const others[] = {"value_float", "value_floats", "value_int", "value_ints"};
    oc_onnx_attr attr;
    oc_onnx_tensor tensor;
    bool found, is_done = false;
    OC_TRY(oc_onnx_get(c, "value", OC_ONNX_TENSOR, &attr, &found));
    if (found) {
        OC_TRY(oc_onnx_read_tensor(attr.t, &tensor));
        return oc_onnx_constant(c->model, &tensor, c->at.out, &c->out[0]);
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
oc_status oc_onnx_constant_of_shape(oc_onnx_call *c)
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
    OC_TRY(oc_onnx_get(c, "value", OC_ONNX_TENSOR, &attr, &found));
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
    return oc_graph_add_fill(c->at.graph, c->at.out, &desc, element.data, &c->out[0]);
}
