/* SPDX-License-Identifier: Apache-2.0 */
/**
 * FlatBuffers, read in place.
 *
 * Layout: a u32 at offset 0 leads to the root table. A table starts with an i32 that, subtracted
 * from the table's own offset, gives its vtable: u16 size of the vtable, u16 size of the table,
 * then a u16 per slot, the field's offset from the table's start, 0 where absent. Tables, vectors
 * and strings are referred to by a u32 that counts from where it stands.
 */
#include "flatbuffer.h"

static oc_status follow(oc_bytes bytes, size_t at, size_t *target)
{
    uint32_t distance;
    OC_TRY(oc_bytes_u32(bytes, at, &distance));
    if (distance == 0 || distance >= bytes.size - at)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a distance below %zu, found %u", at,
                       bytes.size - at, distance);
    *target = at + distance;
    return OC_OK;
}

static oc_status open_table(oc_bytes bytes, size_t at, oc_flat_table *table)
{
    uint32_t distance;
    uint16_t size;
    OC_TRY(oc_bytes_u32(bytes, at, &distance));
    int64_t vtable = (int64_t)at - (int32_t)distance;
    if ((uint64_t)vtable >= bytes.size) /* a negative one wraps to a large one */
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a table's vtable below %zu, found %lld",
                       at, bytes.size, (long long)vtable);
    OC_TRY(oc_bytes_u16(bytes, (size_t)vtable, &size));
    if (size < 4 || size > bytes.size - (size_t)vtable)
        return oc_fail(OC_E_FORMAT, "offset %lld: expected a vtable of 4 to %zu bytes, found %u",
                       (long long)vtable, bytes.size - (size_t)vtable, size);
    *table =
        (oc_flat_table){.bytes = bytes, .at = at, .vtable = (size_t)vtable, .vtable_size = size};
    return OC_OK;
}

/* Where the field of `slot` stands; 0 where it is absent (no field stands at offset 0). */
static oc_status find_field(const oc_flat_table *table, unsigned slot, size_t *at)
{
    uint16_t offset = 0;
    size_t entry = 4 + 2 * (size_t)slot;
    if (table->at != 0 && entry + 2 <= table->vtable_size)
        OC_TRY(oc_bytes_u16(table->bytes, table->vtable + entry, &offset));
    *at = offset == 0 ? 0 : table->at + offset;
    return OC_OK;
}

oc_status oc_flat_root(oc_bytes bytes, oc_flat_table *root)
{
    size_t at;
    OC_TRY(follow(bytes, 0, &at));
    return open_table(bytes, at, root);
}

oc_status oc_flat_u8(const oc_flat_table *table, unsigned slot, uint8_t initial, uint8_t *out)
{
    size_t at;
    OC_TRY(find_field(table, slot, &at));
    *out = initial;
    return at == 0 ? OC_OK : oc_bytes_u8(table->bytes, at, out);
}

oc_status oc_flat_u32(const oc_flat_table *table, unsigned slot, uint32_t initial, uint32_t *out)
{
    size_t at;
    OC_TRY(find_field(table, slot, &at));
    *out = initial;
    return at == 0 ? OC_OK : oc_bytes_u32(table->bytes, at, out);
}

oc_status oc_flat_i32(const oc_flat_table *table, unsigned slot, int32_t initial, int32_t *out)
{
    uint32_t bits;
    OC_TRY(oc_flat_u32(table, slot, (uint32_t)initial, &bits));
    *out = (int32_t)bits;
    return OC_OK;
}

oc_status oc_flat_u64(const oc_flat_table *table, unsigned slot, uint64_t initial, uint64_t *out)
{
    size_t at;
    OC_TRY(find_field(table, slot, &at));
    *out = initial;
    return at == 0 ? OC_OK : oc_bytes_u64(table->bytes, at, out);
}

oc_status oc_flat_f32(const oc_flat_table *table, unsigned slot, float initial, float *out)
{
    uint32_t bits;
    memcpy(&bits, &initial, sizeof(bits));
    OC_TRY(oc_flat_u32(table, slot, bits, &bits));
    memcpy(out, &bits, sizeof(bits));
    return OC_OK;
}

oc_status oc_flat_child(const oc_flat_table *table, unsigned slot, oc_flat_table *child)
{
    size_t at;
    OC_TRY(find_field(table, slot, &at));
    if (at == 0) {
        *child = (oc_flat_table){.bytes = table->bytes};
        return OC_OK;
    }
    OC_TRY(follow(table->bytes, at, &at));
    return open_table(table->bytes, at, child);
}

oc_status oc_flat_list(const oc_flat_table *table, unsigned slot, size_t elem, oc_flat_vector *list)
{
    size_t at;
    uint32_t count;
    OC_TRY(find_field(table, slot, &at));
    if (at == 0) {
        *list = (oc_flat_vector){.bytes = table->bytes};
        return OC_OK;
    }
    OC_TRY(follow(table->bytes, at, &at));
    OC_TRY(oc_bytes_u32(table->bytes, at, &count));
    size_t room = (table->bytes.size - at - 4) / elem;
    if (count > room)
        return oc_fail(OC_E_FORMAT,
                       "offset %zu: expected a vector of at most %zu elements, found %u", at, room,
                       count);
    *list = (oc_flat_vector){.bytes = table->bytes, .at = at + 4, .count = count};
    return OC_OK;
}

oc_status oc_flat_bytes(const oc_flat_table *table, unsigned slot, oc_bytes *bytes)
{
    oc_flat_vector list;
    OC_TRY(oc_flat_list(table, slot, 1, &list));
    return oc_bytes_sub(list.bytes, list.at, list.count, bytes);
}

static oc_status check_index(const oc_flat_vector *list, uint32_t index)
{
    if (index >= list->count)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected an index below %u, found %u", list->at,
                       list->count, index);
    return OC_OK;
}

oc_status oc_flat_table_of(const oc_flat_vector *list, uint32_t index, oc_flat_table *table)
{
    size_t at;
    OC_TRY(check_index(list, index));
    OC_TRY(follow(list->bytes, list->at + 4 * (size_t)index, &at));
    return open_table(list->bytes, at, table);
}

oc_status oc_flat_i32_of(const oc_flat_vector *list, uint32_t index, int32_t *out)
{
    uint32_t bits;
    OC_TRY(check_index(list, index));
    OC_TRY(oc_bytes_u32(list->bytes, list->at + 4 * (size_t)index, &bits));
    *out = (int32_t)bits;
    return OC_OK;
}

oc_status oc_flat_i64_of(const oc_flat_vector *list, uint32_t index, int64_t *out)
{
    uint64_t bits;
    OC_TRY(check_index(list, index));
    OC_TRY(oc_bytes_u64(list->bytes, list->at + 8 * (size_t)index, &bits));
    *out = (int64_t)bits;
    return OC_OK;
}
