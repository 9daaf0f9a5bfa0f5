/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers and types: onnx.proto3 of the ONNX standard, IR version 7. */
#include "onnx_writer.h"

enum {
    ATTR_FLOAT = 1,
    ATTR_INT = 2,
    ATTR_STRING = 3,
    ATTR_INTS = 7
}; /* AttributeProto.AttributeType */

/* Runs `call_` unless something failed before; keeps the first failure. */
#define STEP(writer_, call_)             \
    do {                                 \
        if ((writer_)->status == OC_OK)  \
            (writer_)->status = (call_); \
    } while (0)

static oc_status put_text(oc_buf *buf, uint32_t number, const char *text)
{
    return oc_buf_wire_bytes(buf, number, text, strlen(text));
}

/* Appends `message` as field `number` of the graph and ends it. */
static void put_message(onnx_writer *writer, uint32_t number, oc_buf *message)
{
    STEP(writer, oc_buf_wire_bytes(&writer->graph, number, message->data, message->size));
    oc_buf_fini(message);
}

void onnx_writer_init(onnx_writer *writer, const char *graph_name)
{
    oc_buf_init(&writer->graph, NULL);
    writer->status = put_text(&writer->graph, 2, graph_name);
}

/* TensorShapeProto: field 1 repeats Dimension, whose field 1 is dim_value. */
static oc_status put_shape(oc_buf *shape, size_t rank, const int64_t *dims)
{
    for (size_t i = 0; i < rank; i++) {
        oc_buf dim;
        oc_buf_init(&dim, NULL);
        oc_status status = oc_buf_wire_varint(&dim, 1, (uint64_t)dims[i]);
        if (status == OC_OK)
            status = oc_buf_wire_bytes(shape, 1, dim.data, dim.size);
        oc_buf_fini(&dim);
        OC_TRY(status);
    }
    return OC_OK;
}

/* ValueInfoProto{name, TypeProto{Tensor{elem_type, shape}}} as field `number` of the graph. */
static void put_value_info(onnx_writer *writer, uint32_t number, const char *name,
                           onnx_type type_of, size_t rank, const int64_t *dims)
{
    oc_buf shape, tensor, type, info;
    oc_buf_init(&shape, NULL);
    oc_buf_init(&tensor, NULL);
    oc_buf_init(&type, NULL);
    oc_buf_init(&info, NULL);
    STEP(writer, put_shape(&shape, rank, dims));
    STEP(writer, oc_buf_wire_varint(&tensor, 1, (uint64_t)type_of));
    STEP(writer, oc_buf_wire_bytes(&tensor, 2, shape.data, shape.size));
    STEP(writer, oc_buf_wire_bytes(&type, 1, tensor.data, tensor.size));
    STEP(writer, put_text(&info, 1, name));
    STEP(writer, oc_buf_wire_bytes(&info, 2, type.data, type.size));
    put_message(writer, number, &info);
    oc_buf_fini(&type);
    oc_buf_fini(&tensor);
    oc_buf_fini(&shape);
}

void onnx_writer_input(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims)
{
    onnx_writer_input_of(writer, name, ONNX_TYPE_FLOAT, rank, dims);
}

void onnx_writer_input_of(onnx_writer *writer, const char *name, onnx_type type, size_t rank,
                          const int64_t *dims)
{
    put_value_info(writer, 11, name, type, rank, dims);
}

void onnx_writer_output(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims)
{
    put_value_info(writer, 12, name, ONNX_TYPE_FLOAT, rank, dims);
}

/* TensorProto with raw_data as field 5 of the graph. The hosts that run tests are little-endian, as raw_data is. */
void onnx_writer_tensor(onnx_writer *writer, const char *name, onnx_type type, size_t elem,
                        size_t rank, const int64_t *dims, const void *data)
{
    oc_buf tensor;
    oc_buf_init(&tensor, NULL);
    size_t size = elem;
    for (size_t i = 0; i < rank; i++) {
        STEP(writer, oc_buf_wire_varint(&tensor, 1, (uint64_t)dims[i]));
        STEP(writer, oc_mul_size(size, (size_t)dims[i], &size));
    }
    STEP(writer, oc_buf_wire_varint(&tensor, 2, (uint64_t)type));
    STEP(writer, put_text(&tensor, 8, name));
    STEP(writer, oc_buf_wire_bytes(&tensor, 9, data, size));
    put_message(writer, 5, &tensor);
}

void onnx_writer_floats(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims,
                        const float *data)
{
    onnx_writer_tensor(writer, name, ONNX_TYPE_FLOAT, sizeof(*data), rank, dims, data);
}

void onnx_writer_int64s(onnx_writer *writer, const char *name, size_t rank, const int64_t *dims,
                        const int64_t *data)
{
    onnx_writer_tensor(writer, name, ONNX_TYPE_INT64, sizeof(*data), rank, dims, data);
}

/* external_data: StringStringEntryProto{key, value} */
static oc_status put_entry(oc_buf *tensor, const char *key, const char *value)
{
    oc_buf entry;
    if (!value)
        return OC_OK;
    oc_buf_init(&entry, NULL);
    oc_status status = put_text(&entry, 1, key);
    if (status == OC_OK)
        status = put_text(&entry, 2, value);
    if (status == OC_OK)
        status = oc_buf_wire_bytes(tensor, 13, entry.data, entry.size);
    oc_buf_fini(&entry);
    return status;
}

void onnx_writer_external(onnx_writer *writer, const char *name, onnx_type type, size_t rank,
                          const int64_t *dims, const char *location, const char *offset,
                          const char *length)
{
    oc_buf tensor;
    oc_buf_init(&tensor, NULL);
    for (size_t i = 0; i < rank; i++)
        STEP(writer, oc_buf_wire_varint(&tensor, 1, (uint64_t)dims[i]));
    STEP(writer, oc_buf_wire_varint(&tensor, 2, (uint64_t)type));
    STEP(writer, put_text(&tensor, 8, name));
    STEP(writer, put_entry(&tensor, "location", location));
    STEP(writer, put_entry(&tensor, "offset", offset));
    STEP(writer, put_entry(&tensor, "length", length));
    STEP(writer, oc_buf_wire_varint(&tensor, 14, 1));
    put_message(writer, 5, &tensor);
}

static oc_status put_attr_value(oc_buf *buf, const onnx_attr *attr)
{
    switch (attr->kind) {
    case ONNX_FLOAT: {
        uint32_t bits;
        memcpy(&bits, &attr->f, sizeof(bits));
        OC_TRY(oc_buf_wire_fixed32(buf, 2, bits));
        return oc_buf_wire_varint(buf, 20, ATTR_FLOAT);
    }
    case ONNX_INTS:
        for (size_t i = 0; i < attr->n_ints; i++)
            OC_TRY(oc_buf_wire_varint(buf, 8, (uint64_t)attr->ints[i]));
        return oc_buf_wire_varint(buf, 20, ATTR_INTS);
    case ONNX_STRING:
        OC_TRY(put_text(buf, 4, attr->s));
        return oc_buf_wire_varint(buf, 20, ATTR_STRING);
    case ONNX_INT:
        OC_TRY(oc_buf_wire_varint(buf, 3, (uint64_t)attr->i));
        return oc_buf_wire_varint(buf, 20, ATTR_INT);
    }
    return oc_fail(OC_E_ARG, "attribute %s: kind %d is unknown", attr->name, (int)attr->kind);
}

void onnx_writer_node_of(onnx_writer *writer, const char *op_type, const char *name,
                         const char *const *inputs, const char *const *outputs,
                         const onnx_attr *attrs)
{
    oc_buf node;
    oc_buf_init(&node, NULL);
    for (; *inputs; inputs++)
        STEP(writer, put_text(&node, 1, *inputs));
    for (; *outputs; outputs++)
        STEP(writer, put_text(&node, 2, *outputs));
    STEP(writer, put_text(&node, 3, name));
    STEP(writer, put_text(&node, 4, op_type));
    for (; attrs && attrs->name; attrs++) {
        oc_buf attr;
        oc_buf_init(&attr, NULL);
        STEP(writer, put_text(&attr, 1, attrs->name));
        STEP(writer, put_attr_value(&attr, attrs));
        STEP(writer, oc_buf_wire_bytes(&node, 5, attr.data, attr.size));
        oc_buf_fini(&attr);
    }
    put_message(writer, 1, &node);
}

void onnx_writer_node(onnx_writer *writer, const char *op_type, const char *name,
                      const char *const *inputs, const char *output, const onnx_attr *attrs)
{
    onnx_writer_node_of(writer, op_type, name, inputs, (const char *const[]){output, NULL}, attrs);
}

oc_status onnx_writer_end(onnx_writer *writer, oc_buf *model)
{
    oc_buf opset;
    oc_buf_init(&opset, NULL);
    oc_buf_init(model, NULL);
    STEP(writer, put_text(&opset, 1, ""));
    STEP(writer, oc_buf_wire_varint(&opset, 2, 13));
    STEP(writer, oc_buf_wire_varint(model, 1, 7));
    STEP(writer, put_text(model, 2, "offcut tests"));
    STEP(writer, oc_buf_wire_bytes(model, 7, writer->graph.data, writer->graph.size));
    STEP(writer, oc_buf_wire_bytes(model, 8, opset.data, opset.size));
    oc_buf_fini(&opset);
    oc_buf_fini(&writer->graph);
    return writer->status;
}
