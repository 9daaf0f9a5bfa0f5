/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format, field by field. Nesting is the caller's: a nested message is a view that
 * the caller reads with a wire of its own, counting depth against oc_limits.
 */
#include "oc_base.h"

#define VARINT_BYTES 10 /* 64 bits in groups of 7 */

void oc_wire_init(oc_wire *wire, oc_bytes bytes)
{
    *wire = (oc_wire){.bytes = bytes};
}

oc_status oc_wire_varint(oc_wire *wire, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < VARINT_BYTES; i++) {
        uint8_t byte;
        OC_TRY(oc_bytes_u8(wire->bytes, wire->offset + i, &byte));
        /* The tenth byte holds bit 63 alone. */
        if (i == VARINT_BYTES - 1 && byte > 1)
            break;
        sum |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            wire->offset += i + 1;
            *value = sum;
            return OC_OK;
        }
    }
    return oc_fail(OC_E_FORMAT, "offset %zu: expected a varint of 64 bits, found a longer one",
                   wire->offset);
}

/* The value after a tag. `start` is the tag's offset, for the error text. */
static oc_status read_value(oc_wire *wire, size_t start, unsigned type, oc_wire_field *field)
{
    uint32_t fixed32;
    switch (type) {
    case OC_WIRE_VARINT:
        return oc_wire_varint(wire, &field->value);
    case OC_WIRE_FIXED64:
        OC_TRY(oc_bytes_u64(wire->bytes, wire->offset, &field->value));
        wire->offset += 8;
        return OC_OK;
    case OC_WIRE_FIXED32:
        OC_TRY(oc_bytes_u32(wire->bytes, wire->offset, &fixed32));
        field->value = fixed32;
        wire->offset += 4;
        return OC_OK;
    case OC_WIRE_BYTES: {
        uint64_t size;
        OC_TRY(oc_wire_varint(wire, &size));
        if (size > SIZE_MAX)
            return oc_fail(OC_E_FORMAT, "offset %zu: field %u is longer than memory", start,
                           field->number);
        OC_TRY(oc_bytes_sub(wire->bytes, wire->offset, (size_t)size, &field->bytes));
        wire->offset += (size_t)size;
        return OC_OK;
    }
    default:
        return oc_fail(OC_E_FORMAT,
                       "offset %zu: field %u: expected wire type 0, 1, 2 or 5, found %u%s", start,
                       field->number, type, type == 3 || type == 4 ? " (a group)" : "");
    }
}

oc_status oc_wire_next(oc_wire *wire, oc_wire_field *field, bool *more)
{
    if (wire->offset >= wire->bytes.size) {
        *more = false;
        return OC_OK;
    }
    oc_wire at = *wire;
    uint64_t tag;
    OC_TRY(oc_wire_varint(&at, &tag));
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return oc_fail(OC_E_FORMAT,
                       "offset %zu: expected a field number 1 to 536870911, found %llu",
                       wire->offset, (unsigned long long)(tag >> 3));
    oc_wire_field found = {.number = (uint32_t)(tag >> 3), .type = (oc_wire_type)(tag & 7)};
    OC_TRY(read_value(&at, wire->offset, (unsigned)(tag & 7), &found));
    *wire = at;
    *field = found;
    *more = true;
    return OC_OK;
}
