/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Status codes, error text, allocator, log sink and limits: what every other header uses.
 */
#ifndef OFFCUT_BASE_H
#define OFFCUT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OC_API __attribute__((visibility("default")))
#define OC_MUST_USE __attribute__((warn_unused_result))
#define OC_PRINTF(fmt_, args_) __attribute__((format(printf, fmt_, args_)))
#else
#define OC_API
#define OC_MUST_USE
#define OC_PRINTF(fmt_, args_)
#endif

/**
 * Every status the library returns: name, text, and the gRPC status it travels as (the number is
 * gRPC's own, see its statuscodes document). The enum, oc_status_text and the RPC mapping are all
 * made from this list.
 */
#define OC_STATUS_LIST(X)                                                  \
    X(OK, "ok", 0)                                                         \
    X(E_NOMEM, "out of memory", 8)                                         \
    X(E_ARG, "an argument is not usable", 3)                               \
    X(E_IO, "a file or a socket failed", 14)                               \
    X(E_FORMAT, "the bytes are not what the format says", 3)               \
    X(E_UNSUPPORTED, "valid, but not supported here", 12)                  \
    X(E_LIMIT, "a limit would be passed", 8)                               \
    X(E_SHAPE, "tensor shapes do not agree", 3)                            \
    X(E_DTYPE, "tensor element types do not agree", 3)                     \
    X(E_NOTFOUND, "no such thing", 5)                                      \
    X(E_MISMATCH, "the two sides do not have the same thing", 9)           \
    X(E_DEVICE, "a device failed", 13)                                     \
    X(E_LOST, "a device or a peer is gone", 14)                            \
    X(E_BUSY, "taken by somebody else", 8)                                 \
    X(E_DEADLINE, "the deadline has passed", 4)                            \
    X(E_CANCELLED, "cancelled", 1)                                         \
    X(E_INTERNAL, "a defect of offcut", 13)

typedef enum oc_status {
#define X(name_, text_, grpc_) OC_##name_,
    OC_STATUS_LIST(X)
#undef X
} oc_status;

/** The fixed one-line text of a status. Never NULL, static. */
OC_API const char *oc_status_text(oc_status status);

/** The name of a status as it goes to logs and JSON ("E_SHAPE"). Never NULL, static. */
OC_API const char *oc_status_name(oc_status status);

/**
 * What went wrong in the last call that failed on this thread: one line that names the object,
 * what was expected and what was found. Valid until the next failing call of the same thread.
 */
OC_API const char *oc_error_text(void);

/**
 * Where the library takes its memory from. `alloc` returns NULL on failure and memory aligned for
 * any C type; `size` is never 0. `release` accepts NULL. Both must be thread-safe.
 * A NULL oc_allocator pointer means the C library's malloc and free.
 */
typedef struct oc_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size);
    void (*release)(void *ctx, void *ptr);
    /**
     * Memory that the library holds elsewhere, in a device's buffers: asked before `bytes` more are
     * taken (false refuses), told when they are given back. Both NULL: not counted.
     */
    bool (*charge)(void *ctx, size_t bytes);
    void (*discharge)(void *ctx, size_t bytes);
} oc_allocator;

/**
 * An allocator that never holds more than `limit_bytes` at a time, device buffers included: what asks
 * for more gets OC_E_NOMEM. It counts what the library asks for, each block with OC_BUDGET_HEAD bytes
 * more, not what drivers, compilers and gRPC hold for themselves.
 *
 * `alloc`  where it takes the memory from; NULL: the C library.
 * Owns: destroy it after everything that was made with it. Errors: OC_E_NOMEM. Threads: safe.
 */
#define OC_BUDGET_HEAD 16
typedef struct oc_budget oc_budget;
OC_API OC_MUST_USE oc_status oc_budget_create(uint64_t limit_bytes, const oc_allocator *alloc, oc_budget **budget);
OC_API void oc_budget_destroy(oc_budget *budget);
/** Belongs to the budget. */
OC_API const oc_allocator *oc_budget_get_allocator(const oc_budget *budget);
/** Held now, and the most that was held at a time. */
OC_API uint64_t oc_budget_used_bytes(const oc_budget *budget);
OC_API uint64_t oc_budget_peak_bytes(const oc_budget *budget);

typedef enum oc_log_level { OC_LOG_DEBUG, OC_LOG_INFO, OC_LOG_WARN, OC_LOG_ERROR } oc_log_level;

/**
 * Receives the library's messages, one line each without a newline; the text is borrowed for the
 * call. May be called from any thread, several at once. The library never prints by itself.
 */
typedef struct oc_log_sink {
    void *ctx;
    oc_log_level level; /* messages below it are not sent */
    void (*write)(void *ctx, oc_log_level level, const char *text);
} oc_log_sink;

/** What input from outside may cost at most. Zero in a field means its default. */
typedef struct oc_limits {
    uint64_t model_bytes;   /* largest model file accepted; default 4 GiB */
    uint64_t memory_bytes;  /* largest single tensor or arena; default 16 GiB */
    uint32_t depth;         /* nesting of messages; default 32 */
    uint32_t nodes;         /* nodes of a graph; default 16,384 */
} oc_limits;

/** The version of the library, "MAJOR.MINOR.PATCH". */
OC_API const char *oc_version(void);

#ifdef __cplusplus
}
#endif
#endif
