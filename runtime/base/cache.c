/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of results that are dear to make again, one file each, named by the digest of what the
 * result depends on. A file is the head below and the result:
 *
 *     offset  bytes
 *          0      8  "OFFCACH1"
 *          8     32  the digest that it is named by
 *         40     32  SHA-256 of the result
 *         72      8  bytes of the result, little-endian
 *         80         the result
 *
 * so that each byte of a file is checked before any of it is used. Files appear whole (rename), the
 * last of several writers wins: all of them wrote the same thing.
 */
#include "oc_base.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "OFFCACH1"
#define AT_KEY 8
#define AT_SUM 40
#define AT_SIZE 72
#define HEAD_BYTES 80
#define RESULT_BYTES_MAX ((uint64_t)1 << 30)

struct oc_cache {
    const oc_allocator *alloc;
    const oc_log_sink *log;
    atomic_bool has_warned;
    char folder[];
};

oc_status oc_cache_create(const char *folder, const oc_log_sink *log, const oc_allocator *alloc,
                          oc_cache **cache)
{
    oc_cache *made;
    const size_t bytes = strlen(folder) + 1;
    if (bytes == 1)
        return oc_fail(OC_E_ARG, "cache: expected a folder's name, found ''");
    OC_TRY(oc_alloc(alloc, sizeof(*made) + bytes, 1, &made));
    made->alloc = alloc;
    made->log = log;
    atomic_init(&made->has_warned, false);
    memcpy(made->folder, folder, bytes);
    *cache = made;
    return OC_OK;
}

void oc_cache_destroy(oc_cache *cache)
{
    if (cache != NULL)
        oc_free(cache->alloc, cache);
}

void oc_cache_warn(oc_cache *cache, const char *why)
{
    const bool is_first = !atomic_exchange_explicit(&cache->has_warned, true, memory_order_relaxed);
    oc_log(cache->log, is_first ? OC_LOG_WARN : OC_LOG_DEBUG, "cache: %s (this costs only time)",
           why);
}

static oc_status print_path(const oc_cache *cache, const oc_digest *key, oc_buf *path)
{
    char name[OC_DIGEST_TEXT];
    return oc_buf_printf(path, "%s/%s", cache->folder, oc_digest_print(key, name));
}

static oc_status sum_of(const oc_cache *cache, oc_bytes result, oc_digest *sum)
{
    oc_hash *hash = NULL;
    OC_TRY(oc_hash_create(cache->alloc, &hash));
    oc_status status = oc_hash_put(hash, result.data, result.size);
    if (status == OC_OK)
        status = oc_hash_end(hash, sum);
    oc_hash_destroy(hash);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The part of the file that is the result, once all of the file is known to be as it was written. */
static oc_status check_file(const oc_cache *cache, const oc_digest *key, const char *path,
                            oc_bytes file, oc_bytes *result)
{
    uint64_t size;
    oc_digest sum;
    if (file.size < HEAD_BYTES || memcmp(file.data, MAGIC, AT_KEY) != 0)
        return oc_fail(OC_E_FORMAT, "%s: expected a file that starts with " MAGIC ", found another",
                       path);
    if (memcmp(file.data + AT_KEY, key->bytes, OC_DIGEST_BYTES) != 0)
        return oc_fail(OC_E_FORMAT, "%s: expected a file of this name, found a renamed one", path);
    OC_TRY(oc_bytes_u64(file, AT_SIZE, &size));
    if (size != file.size - HEAD_BYTES)
        return oc_fail(OC_E_FORMAT, "%s: expected %llu bytes behind its head, found %zu", path,
                       (unsigned long long)size, file.size - HEAD_BYTES);
    const oc_bytes found = {.data = file.data + HEAD_BYTES, .size = (size_t)size};
    OC_TRY(sum_of(cache, found, &sum));
    if (memcmp(file.data + AT_SUM, sum.bytes, OC_DIGEST_BYTES) != 0)
        return oc_fail(OC_E_FORMAT, "%s: its bytes do not have the digest that it says", path);
    *result = found;
    return OC_OK;
}

static oc_status get(oc_cache *cache, const oc_digest *key, const char *path, oc_bytes *result)
{
    oc_bytes file, found;
    uint8_t *copy = NULL;
    OC_TRY(oc_file_slurp(path, RESULT_BYTES_MAX + HEAD_BYTES, cache->alloc, &file));
    oc_status status = check_file(cache, key, path, file, &found);
    if (status == OC_OK)
        status = oc_alloc(cache->alloc, found.size, 1, &copy);
    if (status == OC_OK) {
        memcpy(copy, found.data, found.size);
        *result = (oc_bytes){.data = copy, .size = found.size};
    }
    oc_free(cache->alloc, (void *)file.data);
    return status;
}

bool oc_cache_get(oc_cache *cache, const oc_digest *key, oc_bytes *result)
{
    struct stat info;
    oc_buf path;
    oc_buf_init(&path, cache->alloc);
    oc_status status = print_path(cache, key, &path);
    bool is_absent =
        status == OC_OK && lstat(path.data, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
    if (status == OC_OK && !is_absent)
        status = get(cache, key, path.data, result);
    oc_buf_fini(&path);
    if (status != OC_OK)
        oc_cache_warn(cache, oc_error_text());
    return status == OC_OK && !is_absent;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The folder and those above it. What stands in the way is told by the file that cannot be made. */
static oc_status make_folders(const oc_cache *cache)
{
    char *path;
    const size_t size = strlen(cache->folder) + 1;
    OC_TRY(oc_alloc(cache->alloc, size, 1, &path));
    memcpy(path, cache->folder, size);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    /* What is in it is run: nobody else writes there. */
    mkdir(path, 0700);
    oc_free(cache->alloc, path);
    return OC_OK;
}

static oc_status put(oc_cache *cache, const oc_digest *key, oc_bytes result, const char *path)
{
    uint8_t head[HEAD_BYTES];
    struct stat info;
    oc_digest sum;
    OC_TRY(sum_of(cache, result, &sum));
    memcpy(head, MAGIC, AT_KEY);
    memcpy(head + AT_KEY, key->bytes, OC_DIGEST_BYTES);
    memcpy(head + AT_SUM, sum.bytes, OC_DIGEST_BYTES);
    for (size_t i = 0; i < HEAD_BYTES - AT_SIZE; i++)
        head[AT_SIZE + i] = (uint8_t)((uint64_t)result.size >> 8 * i);
    const oc_bytes pieces[] = {{.data = head, .size = sizeof(head)}, result};
    OC_TRY(make_folders(cache));
    /* A pipe of that name would block who writes to it. */
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode))
        unlink(path);
    return oc_file_replace_pieces(path, pieces, OC_COUNT(pieces));
}

bool oc_cache_put(oc_cache *cache, const oc_digest *key, oc_bytes result)
{
    oc_buf path;
    oc_buf_init(&path, cache->alloc);
    oc_status status = print_path(cache, key, &path);
    if (status == OC_OK)
        status = put(cache, key, result, path.data);
    oc_buf_fini(&path);
    if (status != OC_OK)
        oc_cache_warn(cache, oc_error_text());
    return status == OC_OK;
}
