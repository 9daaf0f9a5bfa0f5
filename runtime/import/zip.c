/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Source: APPNOTE.TXT of PKWARE, version 6.3: the end of the central directory stands last, behind
 * it at most a comment of 64 KiB; the directory stands right before it.
 */
#include "zip.h"

#include <stdlib.h>
#include <zlib.h>

#define END_SIGNATURE 0x06054b50u
#define ENTRY_SIGNATURE 0x02014b50u
#define LOCAL_SIGNATURE 0x04034b50u
enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };
enum { STORED = 0, DEFLATED = 8, IS_ENCRYPTED = 1 };
/* A deflated bit gives at most 258 bytes, and each of them takes two. */
enum { MOST_PER_BYTE = 1032 };

/* ---- the directory --------------------------------------------------------------------------- */

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

/* Where the directory begins, and how many entries it has. */
static oc_status find_directory(oc_zip *zip, size_t end, size_t *at, size_t *count)
{
    uint16_t entries;
    uint32_t size, offset;
    OC_TRY(oc_bytes_u16(zip->bytes, end + 10, &entries));
    OC_TRY(oc_bytes_u32(zip->bytes, end + 12, &size));
    OC_TRY(oc_bytes_u32(zip->bytes, end + 16, &offset));
    if ((uint64_t)size + offset > end)
        return oc_fail(OC_E_FORMAT,
                       "offset %zu: expected a ZIP directory of %u bytes at %u before it", end, size,
                       offset);
    zip->start = end - size - offset;
    *at = end - size;
    *count = entries;
    return OC_OK;
}

/* The entry at `*at`, which moves on; `*is_readable`: its contents can be had. */
static oc_status read_entry(oc_bytes bytes, size_t *at, oc_zip_entry *entry, bool *is_readable)
{
    uint32_t signature;
    uint16_t flags, method, lengths[3];
    OC_TRY(oc_bytes_u32(bytes, *at, &signature));
    if (signature != ENTRY_SIGNATURE)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected an entry of a ZIP directory", *at);
    OC_TRY(oc_bytes_u16(bytes, *at + 8, &flags));
    OC_TRY(oc_bytes_u16(bytes, *at + 10, &method));
    OC_TRY(oc_bytes_u32(bytes, *at + 16, &entry->crc));
    OC_TRY(oc_bytes_u32(bytes, *at + 20, &entry->packed));
    OC_TRY(oc_bytes_u32(bytes, *at + 24, &entry->size));
    for (size_t k = 0; k < 3; k++) /* of name, extra field and comment */
        OC_TRY(oc_bytes_u16(bytes, *at + 28 + 2 * k, &lengths[k]));
    OC_TRY(oc_bytes_sub(bytes, *at + ENTRY_SIZE, lengths[0], &entry->name));
    entry->at = *at;
    entry->is_packed = method == DEFLATED;
    *is_readable = (method == STORED || method == DEFLATED) && !(flags & IS_ENCRYPTED);
    *at += ENTRY_SIZE + (size_t)lengths[0] + lengths[1] + lengths[2];
    return OC_OK;
}

static int compare_names(oc_bytes a, oc_bytes b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

/* By name; those of one name as the directory has them. */
static int compare_entries(const void *a, const void *b)
{
    const oc_zip_entry *p = a, *q = b;
    const int order = compare_names(p->name, q->name);
    return order != 0 ? order : p->at < q->at ? -1 : p->at > q->at;
}

oc_status oc_zip_open(oc_bytes bytes, oc_arena *arena, oc_zip *zip)
{
    oc_zip_entry *entries = NULL;
    size_t end, at, count;
    bool found;
    *zip = (oc_zip){.bytes = bytes};
    OC_TRY(find_end(bytes, &end, &found));
    if (!found)
        return OC_OK;
    OC_TRY(find_directory(zip, end, &at, &count));
    OC_TRY(OC_ARENA_ALLOC(arena, count + 1, entries));
    for (size_t i = 0; i < count; i++) {
        bool is_readable;
        OC_TRY(read_entry(bytes, &at, &entries[zip->count], &is_readable));
        zip->count += is_readable;
    }
    qsort(entries, zip->count, sizeof(*entries), compare_entries);
    zip->entries = entries;
    return OC_OK;
}

const oc_zip_entry *oc_zip_find(const oc_zip *zip, oc_bytes name)
{
    size_t from = 0, to = zip->count; /* the first that is not before `name` lies there */
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (compare_names(zip->entries[middle].name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == zip->count || compare_names(zip->entries[from].name, name) != 0)
        return NULL;
    return &zip->entries[from];
}

/* ---- contents -------------------------------------------------------------------------------- */

static voidpf take(voidpf alloc, uInt count, uInt size)
{
    void *taken = NULL;
    return oc_alloc(alloc, count, size, &taken) == OC_OK ? taken : Z_NULL;
}

static void give(voidpf alloc, voidpf taken)
{
    oc_free(alloc, taken);
}

/* `packed` is one deflated stream of exactly `size` bytes, into `data`. */
static oc_status inflate_all(oc_bytes packed, const oc_allocator *alloc, uint8_t *data, uint32_t size)
{
    z_stream z = {.zalloc = take, .zfree = give, .opaque = (voidpf)(uintptr_t)alloc};
    z.next_in = (Bytef *)(uintptr_t)packed.data;
    z.avail_in = (uInt)packed.size;
    z.next_out = data;
    z.avail_out = size;
    const int begun = inflateInit2(&z, -MAX_WBITS); /* no header: ZIP has its own */
    if (begun != Z_OK)
        return begun == Z_MEM_ERROR ? oc_fail(OC_E_NOMEM, "no memory to inflate %u bytes", size)
                                    : oc_fail(OC_E_FORMAT, "zlib cannot begin: %d", begun);
    const int ended = inflate(&z, Z_FINISH);
    const bool is_whole = ended == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
    inflateEnd(&z);
    if (ended == Z_MEM_ERROR)
        return oc_fail(OC_E_NOMEM, "no memory to inflate %u bytes", size);
    return is_whole ? OC_OK
                    : oc_fail(OC_E_FORMAT, "expected %u deflated bytes of %zu, found another stream",
                              size, packed.size);
}

/* Where the contents of an entry stand. */
static oc_status find_data(const oc_zip *zip, const oc_zip_entry *entry, oc_bytes *data)
{
    uint16_t name, extra;
    uint32_t offset, signature;
    OC_TRY(oc_bytes_u32(zip->bytes, entry->at + 42, &offset));
    const size_t local = zip->start + offset;
    OC_TRY(oc_bytes_u32(zip->bytes, local, &signature));
    if (signature != LOCAL_SIGNATURE)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a file of a ZIP archive", local);
    OC_TRY(oc_bytes_u16(zip->bytes, local + 26, &name));
    OC_TRY(oc_bytes_u16(zip->bytes, local + 28, &extra));
    return oc_bytes_sub(zip->bytes, local + LOCAL_SIZE + name + extra,
                        entry->is_packed ? entry->packed : entry->size, data);
}

/* The contents of a deflated entry, unpacked into the arena. */
static oc_status unpack(const oc_zip_entry *entry, oc_bytes packed, oc_arena *arena, oc_bytes *data)
{
    uint8_t *unpacked = NULL;
    if (entry->size / MOST_PER_BYTE > entry->packed)
        return oc_fail(OC_E_FORMAT, "offset %zu: %u deflated bytes cannot be %u", entry->at,
                       entry->packed, entry->size);
    OC_TRY(OC_ARENA_ALLOC(arena, (size_t)entry->size + 1, unpacked));
    oc_status status = inflate_all(packed, arena->alloc, unpacked, entry->size);
    if (status != OC_OK)
        return oc_fail_in(status, "file at offset %zu of a ZIP archive", entry->at);
    *data = (oc_bytes){unpacked, entry->size};
    return OC_OK;
}

oc_status oc_zip_read(const oc_zip *zip, const oc_zip_entry *entry, oc_arena *arena, oc_bytes *data)
{
    oc_bytes found;
    OC_TRY(find_data(zip, entry, &found));
    if (entry->is_packed)
        OC_TRY(unpack(entry, found, arena, &found));
    if (crc32(0, found.data, entry->size) != entry->crc)
        return oc_fail(OC_E_FORMAT, "file at offset %zu of a ZIP archive: its checksum is another",
                       entry->at);
    *data = found;
    return OC_OK;
}
