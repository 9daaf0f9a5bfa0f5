/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of values: read, checked against the graph's value, and written. */
#include "oc_flow.h"

#include "offcut_v1.pb-c.h"

#include <stdio.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error \
    "the codec \"raw\" is little-endian; a big-endian machine needs a swap where chunks are copied"
#endif

#define FIELD_DATA 15
#define SHOWN_BYTES 80 /* of a text from the other side */

static int shown(oc_bytes text)
{
    return (int)OC_MIN(text.size, (size_t)SHOWN_BYTES);
}

static const char *text_of(oc_bytes text)
{
    return text.data ? (const char *)text.data : "";
}

/* ---- values ---------------------------------------------------------------------------------- */

oc_status oc_flow_value_init(oc_flow_value *value, const oc_graph *graph, oc_id id)
{
    const oc_value *v = &graph->values[id];
    size_t bytes;
    OC_TRY(oc_desc_bytes(&v->desc, &bytes));
    *value = (oc_flow_value){.id = id, .name = v->name, .desc = &v->desc, .bytes = bytes};
    oc_flow_value_rewind(value);
    return OC_OK;
}

void oc_flow_value_rewind(oc_flow_value *value)
{
    value->moved = 0;
    value->is_done = false;
    oc_rpc_sum_init(&value->sum);
}

oc_flow_value *oc_flow_find(oc_flow_value *values, size_t count, oc_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (oc_bytes_equal_text(name, values[i].name))
            return &values[i];
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static oc_status add_dim(oc_shape *shape, uint64_t dim)
{
    if (shape->rank == OC_RANK_MAX)
        return oc_fail(OC_E_SHAPE, "chunk: expected at most %d axes, found more", OC_RANK_MAX);
    if (dim > INT32_MAX)
        return oc_fail(OC_E_SHAPE, "chunk: axis %d: expected 0 to 2147483647, found %lld",
                       shape->rank, (long long)dim);
    shape->dim[shape->rank++] = (int32_t)dim;
    return OC_OK;
}

/* Repeated numbers come packed or one by one; a reader takes both. */
static oc_status read_shape(const oc_wire_field *field, oc_shape *shape)
{
    if (field->type == OC_WIRE_VARINT)
        return add_dim(shape, field->value);
    oc_wire packed;
    oc_wire_init(&packed, field->bytes);
    while (packed.offset < packed.bytes.size) {
        uint64_t dim;
        OC_TRY(oc_wire_varint(&packed, &dim));
        OC_TRY(add_dim(shape, dim));
    }
    return OC_OK;
}

oc_status oc_flow_chunk_read(oc_bytes bytes, oc_flow_chunk *chunk)
{
    oc_flow_chunk c = {0};
    oc_wire wire;
    oc_wire_field field;
    bool more;
    /* A field of another wire type would leave what it should have set as it was: refused. */
    const struct {
        uint32_t number;
        oc_wire_type type;
        oc_bytes *bytes;
        uint64_t *value;
    } rows[] = {
        {1, OC_WIRE_BYTES, &c.name, NULL},         {2, OC_WIRE_BYTES, &c.dtype, NULL},
        {4, OC_WIRE_BYTES, &c.codec, NULL},        {FIELD_DATA, OC_WIRE_BYTES, &c.data, NULL},
        {5, OC_WIRE_VARINT, NULL, &c.total_bytes}, {6, OC_WIRE_VARINT, NULL, &c.offset},
        {7, OC_WIRE_FIXED64, NULL, &c.checksum}};
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number == 3 && (field.type == OC_WIRE_VARINT || field.type == OC_WIRE_BYTES))
            OC_TRY(read_shape(&field, &c.shape));
        for (size_t i = 0; i < OC_COUNT(rows); i++) {
            if (rows[i].number != field.number)
                continue;
            if (rows[i].type != field.type)
                return oc_fail(OC_E_FORMAT, "chunk: field %u: expected wire type %d, found %d",
                               field.number, (int)rows[i].type, (int)field.type);
            if (rows[i].bytes)
                *rows[i].bytes = field.bytes;
            else
                *rows[i].value = field.value;
        }
    }
    *chunk = c;
    return OC_OK;
}

/* The value's own description. */
static oc_status check_desc(const oc_flow_value *v, const oc_flow_chunk *c)
{
    char expected[OC_SHAPE_TEXT], found[OC_SHAPE_TEXT];
    if (!oc_bytes_equal_text(c->codec, OC_FLOW_CODEC))
        return oc_fail(OC_E_UNSUPPORTED, "value \"%s\": codec: expected \"%s\", found \"%.*s\"",
                       v->name, OC_FLOW_CODEC, shown(c->codec), text_of(c->codec));
    if (!oc_bytes_equal_text(c->dtype, oc_dtype_name(v->desc->dtype)))
        return oc_fail(OC_E_DTYPE, "value \"%s\": expected %s, found \"%.*s\"", v->name,
                       oc_dtype_name(v->desc->dtype), shown(c->dtype), text_of(c->dtype));
    const oc_shape *shape = &v->desc->shape;
    if (shape->rank != c->shape.rank ||
        memcmp(shape->dim, c->shape.dim, (size_t)shape->rank * sizeof(shape->dim[0])) != 0)
        return oc_fail(OC_E_SHAPE, "value \"%s\": expected shape %s, found %s", v->name,
                       oc_shape_print(shape, expected, sizeof(expected)),
                       oc_shape_print(&c->shape, found, sizeof(found)));
    return OC_OK;
}

/* Where the chunk lies in it. */
static oc_status check_place(const oc_flow_value *v, const oc_flow_chunk *c)
{
    if (c->total_bytes != v->bytes)
        return oc_fail(OC_E_FORMAT, "value \"%s\": expected %zu bytes in all, found %llu", v->name,
                       v->bytes, (unsigned long long)c->total_bytes);
    if (v->is_done)
        return oc_fail(OC_E_FORMAT, "value \"%s\": came twice", v->name);
    if (c->offset != v->moved)
        return oc_fail(OC_E_FORMAT, "value \"%s\": expected the chunk at offset %zu, found %llu",
                       v->name, v->moved, (unsigned long long)c->offset);
    if (c->data.size > v->bytes - v->moved)
        return oc_fail(OC_E_FORMAT, "value \"%s\": expected at most %zu more bytes, found %zu",
                       v->name, v->bytes - v->moved, c->data.size);
    if (c->data.size > OC_FLOW_CHUNK_BYTES || (c->data.size == 0 && v->bytes > 0))
        return oc_fail(OC_E_FORMAT, "value \"%s\": expected a chunk of 1 to %u bytes, found %zu",
                       v->name, OC_FLOW_CHUNK_BYTES, c->data.size);
    return OC_OK;
}

oc_status oc_flow_receive(oc_flow_value *value, const oc_flow_chunk *chunk)
{
    OC_TRY(check_desc(value, chunk));
    OC_TRY(check_place(value, chunk));
    if (chunk->data.size > 0)
        memcpy((uint8_t *)value->data + value->moved, chunk->data.data, chunk->data.size);
    oc_rpc_sum_put(&value->sum, chunk->data.data, chunk->data.size);
    value->moved += chunk->data.size;
    if (value->moved < value->bytes)
        return OC_OK;
    uint64_t expected = oc_rpc_sum_end(&value->sum);
    if (chunk->checksum != expected)
        return oc_fail(OC_E_FORMAT,
                       "value \"%s\": its bytes have the checksum %016llx, the sender said %016llx",
                       value->name, (unsigned long long)expected,
                       (unsigned long long)chunk->checksum);
    value->is_done = true;
    return OC_OK;
}

oc_status oc_flow_envelope_read(oc_bytes bytes, uint32_t *number, oc_bytes *inside)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    uint32_t found = 0;
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number < OC_FLOW_OPEN || field.number > OC_FLOW_DONE)
            continue;
        if (field.type != OC_WIRE_BYTES || found != 0)
            return oc_fail(OC_E_FORMAT, "message: expected one of its kinds, found field %u%s",
                           field.number, found ? " too" : " of another type");
        found = field.number;
        *inside = field.bytes;
    }
    if (found == 0)
        return oc_fail(OC_E_FORMAT, "message of %zu bytes: expected one of its kinds, found none",
                       bytes.size);
    *number = found;
    return OC_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

grpc_byte_buffer *oc_flow_send(oc_flow_value *value)
{
    Offcut__V1__TensorChunk head = OFFCUT__V1__TENSOR_CHUNK__INIT;
    int64_t shape[OC_RANK_MAX];
    size_t size = OC_MIN(value->bytes - value->moved, (size_t)OC_FLOW_CHUNK_BYTES);
    const uint8_t *from = (const uint8_t *)value->data + value->moved;
    head.name = (char *)value->name;
    head.dtype = (char *)oc_dtype_name(value->desc->dtype);
    head.codec = (char *)OC_FLOW_CODEC;
    head.total_bytes = value->bytes;
    head.offset = value->moved;
    for (int32_t i = 0; i < value->desc->shape.rank; i++)
        shape[i] = value->desc->shape.dim[i];
    head.n_shape = (size_t)value->desc->shape.rank;
    head.shape = shape;
    oc_rpc_sum_put(&value->sum, from, size);
    value->moved += size;
    value->is_done = value->moved == value->bytes;
    if (value->is_done)
        head.checksum = oc_rpc_sum_end(&value->sum);

    /* `data` is written behind what protobuf-c packs, straight from the value. */
    size_t head_bytes = protobuf_c_message_get_packed_size(&head.base);
    size_t inside = head_bytes + oc_rpc_field_bytes(size) + size;
    uint8_t *at;
    grpc_byte_buffer *buffer = oc_rpc_buffer(oc_rpc_field_bytes(inside) + inside, &at);
    at = oc_rpc_field_put(at, OC_FLOW_TENSOR, inside);
    at += protobuf_c_message_pack(&head.base, at);
    at = oc_rpc_field_put(at, FIELD_DATA, size);
    if (size > 0)
        memcpy(at, from, size);
    return buffer;
}
