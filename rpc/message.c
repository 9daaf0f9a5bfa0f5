/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between gRPC's buffers, views of bytes, and protobuf-c's structs. */
#include "oc_rpc.h"

#include <grpc/byte_buffer_reader.h>

oc_status oc_rpc_bytes(grpc_byte_buffer *buffer, size_t max_bytes, grpc_slice *slice,
                       oc_bytes *bytes)
{
    grpc_byte_buffer_reader reader;
    if (!buffer)
        return oc_fail(OC_E_FORMAT, "expected a message, found none");
    size_t found = grpc_byte_buffer_length(buffer);
    if (found > max_bytes)
        return oc_fail(OC_E_LIMIT, "message of %zu bytes, at most %zu are taken", found, max_bytes);
    /* Undoing gRPC's compression is switched off: a small message could grow without a bound. */
    if (buffer->data.raw.compression != GRPC_COMPRESS_NONE)
        return oc_fail(OC_E_UNSUPPORTED, "a message compressed by gRPC: expected a plain one");
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return oc_fail(OC_E_FORMAT, "a message of %zu bytes cannot be read", found);
    /* Most small messages came as one piece; only others are copied together. */
    grpc_slice first, second;
    if (!grpc_byte_buffer_reader_next(&reader, &first))
        first = grpc_empty_slice();
    if (grpc_byte_buffer_reader_next(&reader, &second)) {
        grpc_slice_unref(first);
        grpc_slice_unref(second);
        grpc_byte_buffer_reader_destroy(&reader);
        if (!grpc_byte_buffer_reader_init(&reader, buffer))
            return oc_fail(OC_E_FORMAT, "a message of %zu bytes cannot be read again", found);
        first = grpc_byte_buffer_reader_readall(&reader);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    *slice = first;
    /* A short slice holds its bytes itself, hence the address of the caller's. */
    *bytes = (oc_bytes){GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
    return OC_OK;
}

grpc_byte_buffer *oc_rpc_buffer(size_t size, uint8_t **data)
{
    /*
     * grpc_slice_malloc keeps short slices inline, where a copy of the struct moves the bytes; a large
     * one never does, so its bytes are named here without the macro that asks.
     */
    grpc_slice slice = grpc_slice_malloc_large(size);
    *data = slice.data.refcounted.bytes;
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

grpc_byte_buffer *oc_rpc_pack(const ProtobufCMessage *message)
{
    uint8_t *data;
    grpc_byte_buffer *buffer = oc_rpc_buffer(protobuf_c_message_get_packed_size(message), &data);
    protobuf_c_message_pack(message, data);
    return buffer;
}

size_t oc_rpc_field_bytes(size_t size)
{
    size_t n = 2;
    for (; size >= 0x80; size >>= 7)
        n++;
    return n;
}

uint8_t *oc_rpc_field_put(uint8_t *at, uint32_t number, size_t size)
{
    *at++ = (uint8_t)(number << 3 | OC_WIRE_BYTES);
    for (; size >= 0x80; size >>= 7)
        *at++ = (uint8_t)(size | 0x80);
    *at++ = (uint8_t)size;
    return at;
}

/* ---- unpacking ------------------------------------------------------------------------------- */

static oc_status check_message(const ProtobufCMessageDescriptor *type, oc_bytes bytes,
                               unsigned depth);

static oc_status check_field(const ProtobufCFieldDescriptor *row, const oc_wire_field *field,
                             unsigned depth)
{
    bool is_text = row->type == PROTOBUF_C_TYPE_STRING;
    if (!is_text && row->type != PROTOBUF_C_TYPE_MESSAGE)
        return OC_OK; /* of fixed size: nothing that protobuf-c could be led into */
    if (field->type != OC_WIRE_BYTES)
        return oc_fail(OC_E_FORMAT, "field %s: expected wire type 2, found %d", row->name,
                       (int)field->type);
    if (is_text && field->bytes.size > 0 && memchr(field->bytes.data, 0, field->bytes.size))
        return oc_fail(OC_E_FORMAT, "field %s: expected a text, found one with a zero byte",
                       row->name);
    return is_text ? OC_OK : check_message(row->descriptor, field->bytes, depth - 1);
}

static oc_status check_message(const ProtobufCMessageDescriptor *type, oc_bytes bytes,
                               unsigned depth)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    if (depth == 0)
        return oc_fail(OC_E_LIMIT, "%s: messages are nested deeper than %d", type->name,
                       OC_RPC_DEPTH);
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            return OC_OK;
        const ProtobufCFieldDescriptor *row =
            protobuf_c_message_descriptor_get_field(type, field.number);
        if (row)
            OC_TRY(check_field(row, &field, depth));
    }
}

/* protobuf-c only says that it failed; whether memory was the reason is seen here. */
typedef struct watched_alloc {
    const oc_allocator *alloc;
    bool has_failed;
} watched_alloc;

static void *watched_take(void *ctx, size_t size)
{
    watched_alloc *w = ctx;
    void *ptr = w->alloc->alloc(w->alloc->ctx, size);
    w->has_failed = w->has_failed || !ptr;
    return ptr;
}

static void watched_release(void *ctx, void *ptr)
{
    watched_alloc *w = ctx;
    w->alloc->release(w->alloc->ctx, ptr);
}

oc_status oc_rpc_unpack(const ProtobufCMessageDescriptor *type, oc_bytes bytes,
                        const oc_allocator *alloc, void *message)
{
    static const uint8_t nothing;
    if (bytes.size > OC_RPC_SMALL_BYTES)
        return oc_fail(OC_E_LIMIT, "%s: message of %zu bytes, at most %u are taken", type->name,
                       bytes.size, OC_RPC_SMALL_BYTES);
    oc_status status = check_message(type, bytes, OC_RPC_DEPTH);
    if (status != OC_OK)
        return oc_fail_in(status, "%s", type->name);
    watched_alloc watched = {.alloc = oc_allocator_or_default(alloc)};
    ProtobufCAllocator memory = {watched_take, watched_release, &watched};
    ProtobufCMessage *unpacked =
        protobuf_c_message_unpack(type, &memory, bytes.size, bytes.size ? bytes.data : &nothing);
    if (watched.has_failed)
        return oc_fail(OC_E_NOMEM, "%s: no memory for a message of %zu bytes", type->name,
                       bytes.size);
    if (!unpacked)
        return oc_fail(OC_E_FORMAT, "%s: %zu bytes that are no such message", type->name,
                       bytes.size);
    memcpy(message, &unpacked, sizeof(unpacked));
    return OC_OK;
}

void oc_rpc_unpacked_free(void *message, const oc_allocator *alloc)
{
    watched_alloc watched = {.alloc = oc_allocator_or_default(alloc)};
    ProtobufCAllocator memory = {watched_take, watched_release, &watched};
    if (message)
        protobuf_c_message_free_unpacked(message, &memory);
}
