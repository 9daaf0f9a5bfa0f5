/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Source: APPNOTE.TXT of PKWARE, version 6.3: the end of the central directory stands last, behind
 * it at most a comment of 64 KiB; the directory stands right before it.
 */
#include "zip.h"

#define END_SIGNATURE 0x06054b50u
#define ENTRY_SIGNATURE 0x02014b50u
#define LOCAL_SIGNATURE 0x04034b50u
enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };

typedef struct archive {
    oc_bytes bytes;
    size_t start; /* what offsets count from */
    size_t directory;
    uint32_t entries;
} archive;

/* The last place where the end of a directory stands. */
static oc_status find_end(oc_bytes bytes, size_t *at, bool *found)
{
    *found = false;
    for (size_t back = END_SIZE; back <= bytes.size && back <= END_SIZE + UINT16_MAX; back++) {
        uint32_t signature;
        OC_TRY(oc_bytes_u32(bytes, bytes.size - back, &signature));
        if (signature == END_SIGNATURE) {
            *at = bytes.size - back;
            *found = true;
            return OC_OK;
        }
    }
    return OC_OK;
}

static oc_status open_archive(oc_bytes bytes, archive *zip, bool *found)
{
    size_t end;
    uint16_t entries;
    uint32_t size, offset;
    OC_TRY(find_end(bytes, &end, found));
    if (!*found)
        return OC_OK;
    OC_TRY(oc_bytes_u16(bytes, end + 10, &entries));
    OC_TRY(oc_bytes_u32(bytes, end + 12, &size));
    OC_TRY(oc_bytes_u32(bytes, end + 16, &offset));
    if ((uint64_t)size + offset > end)
        return oc_fail(OC_E_FORMAT,
                       "offset %zu: expected a ZIP directory of %u bytes at %u before it", end, size,
                       offset);
    *zip = (archive){bytes, end - size - offset, end - size, entries};
    return OC_OK;
}

/* Where the contents of the entry at `at` stand. */
static oc_status stored_data(const archive *zip, size_t at, oc_bytes *data)
{
    uint16_t name, extra;
    uint32_t size, offset, signature;
    OC_TRY(oc_bytes_u32(zip->bytes, at + 24, &size));
    OC_TRY(oc_bytes_u32(zip->bytes, at + 42, &offset));
    const size_t local = zip->start + offset;
    OC_TRY(oc_bytes_u32(zip->bytes, local, &signature));
    if (signature != LOCAL_SIGNATURE)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a file of a ZIP archive", local);
    OC_TRY(oc_bytes_u16(zip->bytes, local + 26, &name));
    OC_TRY(oc_bytes_u16(zip->bytes, local + 28, &extra));
    return oc_bytes_sub(zip->bytes, local + LOCAL_SIZE + name + extra, size, data);
}

oc_status oc_zip_find(oc_bytes bytes, oc_bytes name, oc_bytes *data, bool *found)
{
    archive zip = {.entries = 0};
    bool is_there;
    *found = false;
    OC_TRY(open_archive(bytes, &zip, &is_there));
    size_t at = zip.directory;
    for (uint32_t i = 0; i < zip.entries; i++) {
        uint32_t signature;
        uint16_t method, lengths[3];
        oc_bytes known;
        OC_TRY(oc_bytes_u32(bytes, at, &signature));
        if (signature != ENTRY_SIGNATURE)
            return oc_fail(OC_E_FORMAT, "offset %zu: expected an entry of a ZIP directory", at);
        OC_TRY(oc_bytes_u16(bytes, at + 10, &method));
        for (size_t k = 0; k < 3; k++) /* of name, extra field and comment */
            OC_TRY(oc_bytes_u16(bytes, at + 28 + 2 * k, &lengths[k]));
        OC_TRY(oc_bytes_sub(bytes, at + ENTRY_SIZE, lengths[0], &known));
        if (method == 0 && known.size == name.size &&
            memcmp(known.data, name.data, name.size) == 0) {
            *found = true;
            return stored_data(&zip, at, data);
        }
        at += ENTRY_SIZE + (size_t)lengths[0] + lengths[1] + lengths[2];
    }
    return OC_OK;
}
