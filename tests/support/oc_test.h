/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What every C test uses beside cmocka: assertions that show the library's error text, an allocator
 * that fails on demand, seeded random numbers, the exact comparison of floats, paths of test data.
 */
#ifndef OC_TEST_H
#define OC_TEST_H

#include "oc_base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- statuses ------------------------------------------------------------------------------ */

/** The call succeeds; otherwise its status and error text are shown. */
#define oc_assert_ok(call_) oc_test_check_ok((call_), #call_, __FILE__, __LINE__)
/** The call fails with `status_`, and the thread's error text contains `text_` (NULL: any text). */
#define oc_assert_fails(call_, status_, text_) \
    oc_test_check_fails((call_), (status_), (text_), #call_, __FILE__, __LINE__)

void oc_test_check_ok(oc_status found, const char *call, const char *file, int line);
void oc_test_check_fails(oc_status found, oc_status expected, const char *text, const char *call, const char *file, int line);

/* ---- memory that runs out ------------------------------------------------------------------ */

/** An allocator over malloc that counts, and fails one call. Thread-safe; give `&a.allocator` to the library. */
typedef struct oc_test_allocator {
    oc_allocator allocator;
    size_t fail_at;      /* the call that fails, from 1; 0: none */
    atomic_size_t calls;
    atomic_size_t live;  /* blocks not released yet */
} oc_test_allocator;

void oc_test_allocator_init(oc_test_allocator *alloc, size_t fail_at);

/**
 * Run `body` with its first, second, ... allocation failing, until a run needs no more. `body` makes
 * and releases everything with the allocator given. Asserts of each run that it ends with OC_OK or OC_E_NOMEM,
 * with OC_OK when nothing failed, and that no block is left.
 */
void oc_test_oom_sweep(oc_status (*body)(const oc_allocator *alloc, void *ctx), void *ctx);

/* ---- random numbers ------------------------------------------------------------------------ */

/** splitmix64: one word of state, the same numbers on every machine. A test prints its seed on failure or has it in its text. */
typedef struct oc_rng {
    uint64_t state;
} oc_rng;

oc_rng oc_rng_make(uint64_t seed);
uint64_t oc_rng_u64(oc_rng *rng);
/** 0 to n - 1; n at least 1. */
uint32_t oc_rng_below(oc_rng *rng, uint32_t n);
/** lo <= x < hi, one of 2^24 equidistant values. */
float oc_rng_float(oc_rng *rng, float lo, float hi);
void oc_rng_fill_floats(oc_rng *rng, float *data, size_t count, float lo, float hi);
void oc_rng_fill_bytes(oc_rng *rng, void *data, size_t size);

/* ---- floats -------------------------------------------------------------------------------- */

/** `count` floats agree in every bit, also the sign of zero and the payload of a NaN; the first that does not is shown. */
#define oc_assert_bits_equal(found_, expected_, count_) \
    oc_test_check_bits((found_), (expected_), (count_), #found_, __FILE__, __LINE__)

void oc_test_check_bits(const float *found, const float *expected, size_t count, const char *what, const char *file, int line);

/* ---- paths --------------------------------------------------------------------------------- */

typedef struct oc_test_path {
    char text[1024];
} oc_test_path;

/**
 * Path of `name` below $OFFCUT_ASSETS. Where it is absent the whole program prints `SKIP: why` and exits with 77,
 * so tests that need assets stand in a program of their own.
 */
oc_test_path oc_test_asset(const char *name);
/** Path of `name` below the checkout ($SRC_DIR); fails the test where that is not set. */
oc_test_path oc_test_source(const char *name);

#endif
