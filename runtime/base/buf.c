/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text and bytes, and the protobuf wire written into them. */
#include "oc_base.h"

#include <stdio.h>

void oc_buf_init(oc_buf *buf, const oc_allocator *alloc)
{
    *buf = (oc_buf){.alloc = alloc};
}

void oc_buf_fini(oc_buf *buf)
{
    oc_free(buf->alloc, buf->data);
    *buf = (oc_buf){.alloc = buf->alloc};
}

/* Room for `more` bytes and a NUL behind what is there. The old bytes stay valid on failure. */
static oc_status reserve(oc_buf *buf, size_t more)
{
    size_t needed;
    OC_TRY(oc_add_size(buf->size, more, &needed));
    OC_TRY(oc_add_size(needed, 1, &needed));
    if (needed <= buf->capacity)
        return OC_OK;
    size_t capacity = OC_MAX(needed, 64);
    if (buf->capacity <= SIZE_MAX / 2)
        capacity = OC_MAX(capacity, buf->capacity * 2);
    char *data;
    OC_TRY(oc_alloc(buf->alloc, capacity, 1, &data));
    if (buf->size > 0)
        memcpy(data, buf->data, buf->size);
    oc_free(buf->alloc, buf->data);
    buf->data = data;
    buf->capacity = capacity;
    return OC_OK;
}

oc_status oc_buf_put(oc_buf *buf, const void *data, size_t size)
{
    OC_TRY(reserve(buf, size));
    if (size > 0)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return OC_OK;
}

oc_status oc_buf_printf(oc_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        return oc_fail(OC_E_ARG, "text: '%s' cannot be printed", fmt);
    OC_TRY(reserve(buf, (size_t)length));
    va_start(args, fmt);
    vsnprintf(buf->data + buf->size, (size_t)length + 1, fmt, args);
    va_end(args);
    buf->size += (size_t)length;
    return OC_OK;
}

/* Put a varint to `out`, which has room for 10 bytes; returns its length. */
static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (uint8_t)(value | 0x80);
    out[n++] = (uint8_t)value;
    return n;
}

static size_t put_tag(uint8_t *out, uint32_t number, oc_wire_type type)
{
    return put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

oc_status oc_buf_wire_varint(oc_buf *buf, uint32_t number, uint64_t value)
{
    uint8_t bytes[20];
    size_t n = put_tag(bytes, number, OC_WIRE_VARINT);
    n += put_varint(bytes + n, value);
    return oc_buf_put(buf, bytes, n);
}

oc_status oc_buf_wire_fixed32(oc_buf *buf, uint32_t number, uint32_t value)
{
    uint8_t bytes[20];
    size_t n = put_tag(bytes, number, OC_WIRE_FIXED32);
    for (int i = 0; i < 4; i++)
        bytes[n++] = (uint8_t)(value >> (8 * i));
    return oc_buf_put(buf, bytes, n);
}

oc_status oc_buf_wire_head(oc_buf *buf, uint32_t number, size_t size)
{
    uint8_t bytes[20];
    size_t n = put_tag(bytes, number, OC_WIRE_BYTES);
    n += put_varint(bytes + n, size);
    return oc_buf_put(buf, bytes, n);
}

oc_status oc_buf_wire_bytes(oc_buf *buf, uint32_t number, const void *data, size_t size)
{
    size_t before = buf->size;
    OC_TRY(oc_buf_wire_head(buf, number, size));
    oc_status status = oc_buf_put(buf, data, size);
    /* A head without its bytes would make everything after it unreadable. */
    if (status != OC_OK)
        buf->size = before;
    return status;
}
