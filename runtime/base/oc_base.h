/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Base: what every room uses. Failing with a text, memory, checked sizes, bounded readers, the
 * protobuf wire, digests, time, growing text. Nothing here knows of tensors or models.
 */
#ifndef OC_BASE_H
#define OC_BASE_H

#include <offcut/base.h>

#include <pthread.h>
#include <stdarg.h>
#include <string.h>

/* ---- errors ------------------------------------------------------------------------------- */

/** Set this thread's error text and return `status`. The text names object, expected, found. */
oc_status oc_fail(oc_status status, const char *fmt, ...) OC_PRINTF(2, 3);

/** Put "what: " before this thread's error text (a file name, a node) and return `status`. */
oc_status oc_fail_in(oc_status status, const char *fmt, ...) OC_PRINTF(2, 3);

/** Replace control characters by '?': names come from files, and a message is one line. oc_fail and oc_log do it. */
void oc_text_one_line(char *text);

/** How many bytes of the text fit into `most` with no UTF-8 character in part; all of it where it is no longer. For "%.*s". */
int oc_text_fit(const char *text, size_t most);

#define OC_TRY(call_)                          \
    do {                                       \
        oc_status oc_try_status_ = (call_);    \
        if (oc_try_status_ != OC_OK)           \
            return oc_try_status_;             \
    } while (0)

/** As OC_TRY where something is held: sets `status` and jumps to `out`. */
#define OC_TRY_OUT(call_)                      \
    do {                                       \
        status = (call_);                      \
        if (status != OC_OK)                   \
            goto out;                          \
    } while (0)

#define OC_COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))
#define OC_MIN(a_, b_) ((a_) < (b_) ? (a_) : (b_))
#define OC_MAX(a_, b_) ((a_) > (b_) ? (a_) : (b_))

/* ---- memory ------------------------------------------------------------------------------- */

/** The allocator itself, or the C library's for NULL. */
const oc_allocator *oc_allocator_or_default(const oc_allocator *alloc);

/** `count` elements of `elem` bytes, zeroed. count or elem 0 gives a non-NULL pointer too. Errors: OC_E_NOMEM, OC_E_LIMIT on overflow. */
OC_MUST_USE oc_status oc_alloc(const oc_allocator *alloc, size_t count, size_t elem, void *out_ptr);
void oc_free(const oc_allocator *alloc, void *ptr);
/** OC_E_NOMEM with its text: so many bytes (`what`: " of a device", or "") were refused, and by which budget if it is one. */
oc_status oc_fail_memory(const oc_allocator *alloc, const char *what, size_t bytes);
/** Whether the allocator is a budget's; its limit, and what is held now. */
bool oc_budget_find(const oc_allocator *alloc, uint64_t *limit, uint64_t *used);
/** Count memory held elsewhere (oc_allocator.charge), and count it no longer. Errors: OC_E_NOMEM: then it must not be taken. */
OC_MUST_USE oc_status oc_charge(const oc_allocator *alloc, size_t bytes);
void oc_discharge(const oc_allocator *alloc, size_t bytes);

/** As oc_alloc; `out_ptr` is the address of a pointer of any type. */
#define OC_ALLOC(alloc_, count_, ptr_) oc_alloc((alloc_), (count_), sizeof(*(ptr_)), &(ptr_))

/**
 * Make room for one more element in a growing array: when `count == *capacity` the array doubles.
 * `array` is the address of the pointer. The old array stays valid on failure.
 */
OC_MUST_USE oc_status oc_grow(const oc_allocator *alloc, void *array, size_t count, size_t *capacity, size_t elem);

/** Many small objects that die together. Not thread-safe. */
typedef struct oc_arena {
    const oc_allocator *alloc;
    struct oc_arena_block *head;
    size_t total_bytes;
} oc_arena;

void oc_arena_init(oc_arena *arena, const oc_allocator *alloc);
void oc_arena_fini(oc_arena *arena);
/** Zeroed, aligned for any C type; lives until oc_arena_fini. */
OC_MUST_USE oc_status oc_arena_alloc(oc_arena *arena, size_t count, size_t elem, void *out_ptr);
#define OC_ARENA_ALLOC(arena_, count_, ptr_) oc_arena_alloc((arena_), (count_), sizeof(*(ptr_)), &(ptr_))
OC_MUST_USE oc_status oc_arena_strdup(oc_arena *arena, const char *text, size_t len, char **copy);

/* ---- sizes -------------------------------------------------------------------------------- */

OC_MUST_USE oc_status oc_mul_size(size_t a, size_t b, size_t *out);
OC_MUST_USE oc_status oc_add_size(size_t a, size_t b, size_t *out);
static inline size_t oc_align_up(size_t size, size_t align)
{
    return (size + align - 1) / align * align;
}

/** A copy of `limits` with every default filled in; NULL gives all defaults. */
oc_limits oc_limits_or_default(const oc_limits *limits);

/* ---- bounded reading ---------------------------------------------------------------------- */

/** A view of bytes that somebody else owns. */
typedef struct oc_bytes {
    const uint8_t *data;
    size_t size;
} oc_bytes;

/** Little-endian loads at `offset`; OC_E_FORMAT (what, offset, size) when they would leave the view. */
OC_MUST_USE oc_status oc_bytes_u8(oc_bytes bytes, size_t offset, uint8_t *out);
OC_MUST_USE oc_status oc_bytes_u16(oc_bytes bytes, size_t offset, uint16_t *out);
OC_MUST_USE oc_status oc_bytes_u32(oc_bytes bytes, size_t offset, uint32_t *out);
OC_MUST_USE oc_status oc_bytes_u64(oc_bytes bytes, size_t offset, uint64_t *out);
/** The part [offset, offset+size) as a view. */
OC_MUST_USE oc_status oc_bytes_sub(oc_bytes bytes, size_t offset, size_t size, oc_bytes *out);
bool oc_bytes_equal_text(oc_bytes bytes, const char *text);

/**
 * The protobuf wire, read field by field without copying. Views point into the bytes given.
 * Source: the Protocol Buffers encoding document. Groups (wire types 3, 4) are refused.
 *
 *     oc_wire w; oc_wire_init(&w, bytes);
 *     oc_wire_field f; bool more;
 *     for (;;) { OC_TRY(oc_wire_next(&w, &f, &more)); if (!more) break; ... f.number, f.type ... }
 */
typedef enum oc_wire_type { OC_WIRE_VARINT = 0, OC_WIRE_FIXED64 = 1, OC_WIRE_BYTES = 2, OC_WIRE_FIXED32 = 5 } oc_wire_type;
typedef struct oc_wire_field {
    uint32_t number;
    oc_wire_type type;
    uint64_t value;  /* VARINT, FIXED32, FIXED64 */
    oc_bytes bytes;  /* BYTES: a message, a string, packed numbers */
} oc_wire_field;
typedef struct oc_wire {
    oc_bytes bytes;
    size_t offset;
} oc_wire;
void oc_wire_init(oc_wire *wire, oc_bytes bytes);
OC_MUST_USE oc_status oc_wire_next(oc_wire *wire, oc_wire_field *field, bool *more);
/** One varint of a packed field. */
OC_MUST_USE oc_status oc_wire_varint(oc_wire *wire, uint64_t *value);

/* ---- growing text and bytes ---------------------------------------------------------------- */

/** A growing byte buffer; also text (always NUL-terminated one byte past `size` once anything was put). */
typedef struct oc_buf {
    const oc_allocator *alloc;
    char *data;
    size_t size;
    size_t capacity;
} oc_buf;
void oc_buf_init(oc_buf *buf, const oc_allocator *alloc);
void oc_buf_fini(oc_buf *buf);
OC_MUST_USE oc_status oc_buf_put(oc_buf *buf, const void *data, size_t size);
OC_MUST_USE oc_status oc_buf_printf(oc_buf *buf, const char *fmt, ...) OC_PRINTF(2, 3);
/**
 * The next character of `*text`, which ends at `end` or its NUL, as it stands inside a JSON string, into `out` (not terminated). Returns its length, 0 at
 * the end; moves `*text` on. A byte that is not UTF-8 becomes '?'.
 */
#define OC_JSON_ESCAPE 8
size_t oc_json_escape(const char **text, const char *end, char out[OC_JSON_ESCAPE]);
/** Writing the protobuf wire: a tag with its value. */
OC_MUST_USE oc_status oc_buf_wire_varint(oc_buf *buf, uint32_t number, uint64_t value);
OC_MUST_USE oc_status oc_buf_wire_fixed32(oc_buf *buf, uint32_t number, uint32_t value);
OC_MUST_USE oc_status oc_buf_wire_bytes(oc_buf *buf, uint32_t number, const void *data, size_t size);
/** Tag and length of a bytes field whose bytes the caller sends itself. */
OC_MUST_USE oc_status oc_buf_wire_head(oc_buf *buf, uint32_t number, size_t size);

/* ---- files -------------------------------------------------------------------------------- */

/** An open file that several owners may read from at once (pread). Reference-counted, thread-safe. */
typedef struct oc_file oc_file;
OC_MUST_USE oc_status oc_file_open(const char *path, const oc_allocator *alloc, oc_file **file);
oc_file *oc_file_ref(oc_file *file);
void oc_file_unref(oc_file *file);
uint64_t oc_file_size(const oc_file *file);
const char *oc_file_path(const oc_file *file);
/** Exactly `size` bytes from `offset`. Errors: OC_E_IO (also when the file has become shorter). */
OC_MUST_USE oc_status oc_file_read(oc_file *file, uint64_t offset, void *dst, size_t size);
/** The whole file, at most `max_bytes`, into memory of `alloc`. `*bytes.data` is freed with oc_free. Errors: OC_E_IO, OC_E_LIMIT. */
OC_MUST_USE oc_status oc_file_slurp(const char *path, uint64_t max_bytes, const oc_allocator *alloc, oc_bytes *bytes);
/** Write a file whole or not at all: a temporary name beside it, then rename. */
OC_MUST_USE oc_status oc_file_replace(const char *path, const void *data, size_t size);
/** The same for several pieces written one after the other. A device or pipe is written to, not replaced. */
OC_MUST_USE oc_status oc_file_replace_pieces(const char *path, const oc_bytes *pieces, size_t n);

/**
 * The same for a file that is written piece by piece: it stands beside its place until it is kept.
 *
 *     oc_file_out_create, oc_file_out_put ..., oc_file_out_keep, oc_file_out_destroy
 *
 * `close` tells whether all bytes have arrived (some file systems say so only then), for whoever keeps several files or none; `keep` does it too.
 * `destroy` takes away what was not kept. Errors: OC_E_IO.
 */
typedef struct oc_file_out oc_file_out;
/** Whether two paths name the same entry of the same folder, however they are written: keeping both would lose one. */
bool oc_file_is_same_place(const char *a, const char *b);
/** The same, or both lead to one file, by a link too: writing one loses the other's contents. */
bool oc_file_is_same(const char *a, const char *b);
OC_MUST_USE oc_status oc_file_out_create(const char *path, const oc_allocator *alloc, oc_file_out **out);
OC_MUST_USE oc_status oc_file_out_put(oc_file_out *out, const void *data, size_t size);
OC_MUST_USE oc_status oc_file_out_close(oc_file_out *out);
OC_MUST_USE oc_status oc_file_out_keep(oc_file_out *out);
void oc_file_out_destroy(oc_file_out *out);

/* ---- digest, time, log --------------------------------------------------------------------- */

#define OC_DIGEST_BYTES 32
#define OC_DIGEST_TEXT (OC_DIGEST_BYTES * 2 + 1)
typedef struct oc_digest {
    uint8_t bytes[OC_DIGEST_BYTES];
} oc_digest;
/** SHA-256 by libcrypto, in pieces. */
typedef struct oc_hash oc_hash;
OC_MUST_USE oc_status oc_hash_create(const oc_allocator *alloc, oc_hash **hash);
OC_MUST_USE oc_status oc_hash_put(oc_hash *hash, const void *data, size_t size);
OC_MUST_USE oc_status oc_hash_put_text(oc_hash *hash, const char *text); /* with its NUL */
OC_MUST_USE oc_status oc_hash_end(oc_hash *hash, oc_digest *digest);
void oc_hash_destroy(oc_hash *hash);
char *oc_digest_print(const oc_digest *digest, char text[OC_DIGEST_TEXT]);
OC_MUST_USE oc_status oc_digest_parse(const char *text, oc_digest *digest);
bool oc_digest_equal(const oc_digest *a, const oc_digest *b);

/** Monotonic nanoseconds (CLOCK_MONOTONIC). */
uint64_t oc_now_ns(void);
#define OC_NEVER_NS UINT64_MAX /* a deadline that does not come */

/** Send one line to the sink if its level asks for it. NULL sink: nothing. */
void oc_log(const oc_log_sink *sink, oc_log_level level, const char *fmt, ...) OC_PRINTF(3, 4);

/* ---- cache --------------------------------------------------------------------------------- */

/**
 * A folder of results that are dear to make again, each under the digest of all that it depends on.
 * Whatever goes wrong with a file (absent, corrupt, foreign, no room, no right) costs only time: the
 * result counts as absent, or is not kept, and the first such thing is a warning in the log; the
 * others are told at level debug. A file may be deleted at any time. Safe with several processes and threads.
 */
typedef struct oc_cache oc_cache;
/** `folder` is copied, and made when something is put. Nothing is read yet. Errors: OC_E_ARG (no name), OC_E_NOMEM. */
OC_MUST_USE oc_status oc_cache_create(const char *folder, const oc_log_sink *log, const oc_allocator *alloc, oc_cache **cache);
void oc_cache_destroy(oc_cache *cache);
/** Whether there is a result, byte for byte as it was put. Owns: oc_free `result->data`. */
bool oc_cache_get(oc_cache *cache, const oc_digest *key, oc_bytes *result);
/** Keep a result; takes the place of what is there. Whether it is kept. */
bool oc_cache_put(oc_cache *cache, const oc_digest *key, oc_bytes result);
/** The warning for a result that its user cannot take: `why` names it. */
void oc_cache_warn(oc_cache *cache, const char *why);

/* ---- threads ------------------------------------------------------------------------------ */

/** A condition that is waited for with monotonic deadlines, and its mutex. */
typedef struct oc_cond {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} oc_cond;
OC_MUST_USE oc_status oc_cond_init(oc_cond *cond);
void oc_cond_fini(oc_cond *cond);
void oc_cond_lock(oc_cond *cond);
void oc_cond_unlock(oc_cond *cond);
/** Called locked. Returns false when `deadline_ns` (of oc_now_ns) passed first. */
bool oc_cond_wait(oc_cond *cond, uint64_t deadline_ns);
void oc_cond_wake(oc_cond *cond);

#endif
