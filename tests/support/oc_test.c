/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- statuses ------------------------------------------------------------------------------ */

void oc_test_check_ok(oc_status found, const char *call, const char *file, int line)
{
    if (found == OC_OK)
        return;
    print_error("%s\n    expected OK, found %s: %s\n", call, oc_status_name(found),
                oc_error_text());
    _fail(file, line);
}

void oc_test_check_fails(oc_status found, oc_status expected, const char *text, const char *call,
                         const char *file, int line)
{
    if (found == expected && (text == NULL || strstr(oc_error_text(), text) != NULL))
        return;
    print_error("%s\n    expected %s: ...%s...\n    found    %s: %s\n", call,
                oc_status_name(expected), text != NULL ? text : "", oc_status_name(found),
                found != OC_OK ? oc_error_text() : "");
    _fail(file, line);
}

/* ---- memory that runs out ------------------------------------------------------------------ */

static void *test_alloc(void *ctx, size_t size)
{
    oc_test_allocator *alloc = ctx;
    size_t call = atomic_fetch_add(&alloc->calls, 1) + 1;
    if (call == alloc->fail_at)
        return NULL;
    void *ptr = malloc(size);
    if (ptr != NULL)
        atomic_fetch_add(&alloc->live, 1);
    return ptr;
}

static void test_release(void *ctx, void *ptr)
{
    oc_test_allocator *alloc = ctx;
    if (ptr != NULL)
        atomic_fetch_sub(&alloc->live, 1);
    free(ptr);
}

void oc_test_allocator_init(oc_test_allocator *alloc, size_t fail_at)
{
    *alloc = (oc_test_allocator){.fail_at = fail_at};
    alloc->allocator = (oc_allocator){.ctx = alloc, .alloc = test_alloc, .release = test_release};
    atomic_init(&alloc->calls, 0);
    atomic_init(&alloc->live, 0);
}

void oc_test_oom_sweep(oc_status (*body)(const oc_allocator *alloc, void *ctx), void *ctx)
{
    for (size_t k = 1;; k++) {
        oc_test_allocator alloc;
        oc_test_allocator_init(&alloc, k);
        oc_status status = body(&alloc.allocator, ctx);
        bool has_failed = atomic_load(&alloc.calls) >= k;
        if (status != OC_OK && !(status == OC_E_NOMEM && has_failed)) {
            print_error("allocation %zu %s: found %s: %s\n", k,
                        has_failed ? "failed" : "not reached", oc_status_name(status),
                        oc_error_text());
            fail();
        }
        if (atomic_load(&alloc.live) != 0) {
            print_error("allocation %zu %s: %zu blocks were not released\n", k,
                        has_failed ? "failed" : "not reached", atomic_load(&alloc.live));
            fail();
        }
        if (!has_failed)
            return;
    }
}

/* ---- random numbers ------------------------------------------------------------------------ */

oc_rng oc_rng_make(uint64_t seed)
{
    return (oc_rng){.state = seed};
}

uint64_t oc_rng_u64(oc_rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t oc_rng_below(oc_rng *rng, uint32_t n)
{
    return (uint32_t)((oc_rng_u64(rng) >> 32) * n >> 32);
}

float oc_rng_float(oc_rng *rng, float lo, float hi)
{
    float unit = (float)(oc_rng_u64(rng) >> 40) * 0x1p-24f;
    float x = lo + (hi - lo) * unit;
    return x < hi ? x : lo; /* the sum may round up to hi */
}

void oc_rng_fill_floats(oc_rng *rng, float *data, size_t count, float lo, float hi)
{
    for (size_t i = 0; i < count; i++)
        data[i] = oc_rng_float(rng, lo, hi);
}

void oc_rng_fill_bytes(oc_rng *rng, void *data, size_t size)
{
    uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(oc_rng_u64(rng) >> 56);
}

/* ---- floats -------------------------------------------------------------------------------- */

void oc_test_check_bits(const float *found, const float *expected, size_t count, const char *what,
                        const char *file, int line)
{
    size_t different = 0, first = 0;
    for (size_t i = count; i-- > 0;) {
        if (memcmp(&found[i], &expected[i], sizeof(float)) != 0) {
            different++;
            first = i;
        }
    }
    if (different == 0)
        return;
    print_error(
        "%s: %zu of %zu floats differ; the first: [%zu] expected %a (%.9g), found %a (%.9g)\n",
        what, different, count, first, (double)expected[first], (double)expected[first],
        (double)found[first], (double)found[first]);
    _fail(file, line);
}

/* ---- paths --------------------------------------------------------------------------------- */

static oc_test_path path_below(const char *folder, const char *name)
{
    oc_test_path path;
    int length = snprintf(path.text, sizeof(path.text), "%s/%s", folder, name);
    assert_in_range(length, 1, sizeof(path.text) - 1);
    return path;
}

oc_test_path oc_test_asset(const char *name)
{
    const char *folder = getenv("OFFCUT_ASSETS");
    if (folder == NULL || folder[0] == '\0') {
        printf("SKIP: OFFCUT_ASSETS is not set; %s is needed\n", name);
        exit(77);
    }
    oc_test_path path = path_below(folder, name);
    if (access(path.text, R_OK) != 0) {
        printf("SKIP: %s is absent\n", path.text);
        exit(77);
    }
    return path;
}

oc_test_path oc_test_source(const char *name)
{
    const char *folder = getenv("SRC_DIR");
    if (folder == NULL)
        fail_msg("SRC_DIR is not set");
    return path_below(folder, name);
}
