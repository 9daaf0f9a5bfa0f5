/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads from a view of bytes that never leave it. Values are little-endian; bytes are put together
 * one by one, so that neither alignment nor the machine's byte order matters.
 */
#include "oc_base.h"

static oc_status check_range(oc_bytes bytes, size_t offset, size_t size)
{
    if (offset > bytes.size || size > bytes.size - offset)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected %zu bytes, found the end at %zu", offset,
                       size, bytes.size);
    return OC_OK;
}

static uint64_t load(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

oc_status oc_bytes_u8(oc_bytes bytes, size_t offset, uint8_t *out)
{
    OC_TRY(check_range(bytes, offset, 1));
    *out = bytes.data[offset];
    return OC_OK;
}

oc_status oc_bytes_u16(oc_bytes bytes, size_t offset, uint16_t *out)
{
    OC_TRY(check_range(bytes, offset, 2));
    *out = (uint16_t)load(bytes.data + offset, 2);
    return OC_OK;
}

oc_status oc_bytes_u32(oc_bytes bytes, size_t offset, uint32_t *out)
{
    OC_TRY(check_range(bytes, offset, 4));
    *out = (uint32_t)load(bytes.data + offset, 4);
    return OC_OK;
}

oc_status oc_bytes_u64(oc_bytes bytes, size_t offset, uint64_t *out)
{
    OC_TRY(check_range(bytes, offset, 8));
    *out = load(bytes.data + offset, 8);
    return OC_OK;
}

oc_status oc_bytes_sub(oc_bytes bytes, size_t offset, size_t size, oc_bytes *out)
{
    OC_TRY(check_range(bytes, offset, size));
    /* An empty view may have a NULL pointer, to which nothing can be added. */
    *out = (oc_bytes){.data = size > 0 ? bytes.data + offset : bytes.data, .size = size};
    return OC_OK;
}

bool oc_bytes_equal_text(oc_bytes bytes, const char *text)
{
    size_t size = strlen(text);
    return bytes.size == size && (size == 0 || memcmp(bytes.data, text, size) == 0);
}
