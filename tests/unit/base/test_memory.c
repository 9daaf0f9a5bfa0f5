/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and error texts, allocation, arenas, checked sizes, growing buffers. */
#include "oc_test.h"

#include <stdalign.h>
#include <stdio.h>

static void status_names(void **state)
{
    (void)state;
    assert_string_equal(oc_status_text(OC_OK), "ok");
    assert_string_equal(oc_status_name(OC_E_SHAPE), "E_SHAPE");
    assert_string_equal(oc_status_name((oc_status)12345), "E_UNKNOWN");
    assert_string_equal(oc_status_text((oc_status)12345), "unknown status");
    assert_string_equal(oc_version(), OC_VERSION);
}

static void a_budget_has_an_end(void **state)
{
    oc_test_allocator under;
    oc_budget *budget = NULL;
    void *p = NULL, *q = NULL;
    (void)state;
    oc_test_allocator_init(&under, 0);
    oc_assert_ok(oc_budget_create(1000, &under.allocator, &budget));
    const oc_allocator *alloc = oc_budget_get_allocator(budget);
    oc_assert_ok(oc_alloc(alloc, 600, 1, &p));
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(((uint8_t *)p)[i], 0);
    assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
    oc_assert_fails(oc_alloc(alloc, 400 - 2 * OC_BUDGET_HEAD + 1, 1, &q), OC_E_NOMEM,
                    "369 bytes more would pass the limit of 1000, of which 616 are held");
    oc_assert_ok(oc_alloc(alloc, 400 - 2 * OC_BUDGET_HEAD, 1, &q));
    assert_int_equal(oc_budget_used_bytes(budget), 1000);
    oc_free(alloc, p);
    oc_assert_ok(oc_charge(alloc, 600 + OC_BUDGET_HEAD));
    oc_assert_fails(oc_charge(alloc, 1), OC_E_NOMEM,
                    "1 bytes more of a device would pass the limit of 1000");
    oc_discharge(alloc, 600 + OC_BUDGET_HEAD);
    oc_free(alloc, q);
    oc_assert_fails(oc_alloc(alloc, SIZE_MAX / 4, 1, &q), OC_E_NOMEM, NULL);
    /* What the one below refuses counts for nothing. */
    under.fail_at = atomic_load(&under.calls) + 1;
    oc_assert_fails(oc_alloc(alloc, 1, 1, &q), OC_E_NOMEM, "1 bytes cannot be had");
    assert_int_equal(oc_budget_used_bytes(budget), 0);
    assert_int_equal(oc_budget_peak_bytes(budget), 1000);
    oc_budget_destroy(budget);
    assert_int_equal(atomic_load(&under.live), 0);
}

static void error_text_nests(void **state)
{
    (void)state;
    assert_int_equal(oc_fail(OC_E_SHAPE, "expected %d, found %d", 3, 4), OC_E_SHAPE);
    assert_string_equal(oc_error_text(), "expected 3, found 4");
    assert_int_equal(oc_fail_in(OC_E_SHAPE, "node '%s'", "a"), OC_E_SHAPE);
    assert_string_equal(oc_error_text(), "node 'a': expected 3, found 4");
    /* The text may be an argument of the call that replaces it. */
    assert_int_equal(oc_fail(OC_E_IO, "again (%s)", oc_error_text()), OC_E_IO);
    assert_string_equal(oc_error_text(), "again (node 'a': expected 3, found 4)");
    oc_fail(OC_E_IO, "line\nother\x1b[31m\x7f");
    assert_string_equal(oc_error_text(), "line?other?[31m?");
}

static void error_text_is_cut(void **state)
{
    char longest[5000];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    oc_fail(OC_E_IO, "%s", longest);
    size_t length = strlen(oc_error_text());
    assert_in_range(length, 511, 4000);
    oc_fail(OC_E_IO, "tail");
    oc_fail_in(OC_E_IO, "%s", longest);
    assert_in_range(strlen(oc_error_text()), 511, 4000);
    oc_fail(OC_E_IO, "%s", longest);
    oc_fail_in(OC_E_IO, "head");
    assert_memory_equal(oc_error_text(), "head: xxx", 9);
    assert_string_equal(oc_error_text() + strlen(oc_error_text()) - 4, "x...");
}

static void *fail_elsewhere(void *ctx)
{
    (void)ctx;
    oc_fail(OC_E_IO, "of the other thread");
    return NULL;
}

static void error_text_is_of_the_thread(void **state)
{
    pthread_t thread;
    (void)state;
    oc_fail(OC_E_IO, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(oc_error_text(), "of this thread");
}

static void sizes(void **state)
{
    size_t out = 7;
    (void)state;
    oc_assert_ok(oc_mul_size(SIZE_MAX, 1, &out));
    assert_int_equal(out, SIZE_MAX);
    oc_assert_ok(oc_mul_size(SIZE_MAX, 0, &out));
    assert_int_equal(out, 0);
    oc_assert_fails(oc_mul_size(SIZE_MAX / 2 + 1, 2, &out), OC_E_LIMIT, "times 2");
    assert_int_equal(out, 0);
    oc_assert_ok(oc_add_size(SIZE_MAX - 1, 1, &out));
    assert_int_equal(out, SIZE_MAX);
    oc_assert_fails(oc_add_size(SIZE_MAX, 1, &out), OC_E_LIMIT, "plus 1");
    assert_int_equal(oc_align_up(0, 64), 0);
    assert_int_equal(oc_align_up(65, 64), 128);
}

static void limits_have_defaults(void **state)
{
    const oc_limits mine = {.depth = 3};
    (void)state;
    assert_int_equal(oc_limits_or_default(NULL).depth, 32);
    assert_int_equal(oc_limits_or_default(NULL).model_bytes, UINT64_C(4) << 30);
    assert_int_equal(oc_limits_or_default(&mine).depth, 3);
    assert_int_equal(oc_limits_or_default(&mine).nodes, 16384);
}

static void alloc_zeroes(void **state)
{
    uint64_t *p = NULL;
    oc_test_allocator alloc;
    (void)state;
    oc_test_allocator_init(&alloc, 0);
    for (int i = 0; i < 2; i++) {
        const oc_allocator *a = i == 0 ? NULL : &alloc.allocator;
        oc_assert_ok(OC_ALLOC(a, 100, p));
        for (size_t k = 0; k < 100; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, 800);
        oc_free(a, p);
        oc_assert_ok(oc_alloc(a, 0, 8, &p));
        assert_non_null(p);
        oc_free(a, p);
        oc_free(a, NULL);
    }
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void alloc_refuses(void **state)
{
    void *p = &p;
    oc_test_allocator alloc;
    (void)state;
    oc_test_allocator_init(&alloc, 1);
    oc_assert_fails(oc_alloc(NULL, SIZE_MAX / 2, 4, &p), OC_E_LIMIT, "times 4");
    oc_assert_fails(oc_alloc(NULL, SIZE_MAX / 2 + 1, 1, &p), OC_E_LIMIT, "can be addressed");
    oc_assert_fails(oc_alloc(&alloc.allocator, 3, 5, &p), OC_E_NOMEM, "15 bytes");
    assert_ptr_equal(p, &p);
}

static oc_status grow_body(const oc_allocator *alloc, void *ctx)
{
    uint32_t *array = NULL;
    size_t count = 0, capacity = 0;
    oc_status status = OC_OK;
    (void)ctx;
    for (; count < 100 && status == OC_OK; count++) {
        status = oc_grow(alloc, &array, count, &capacity, sizeof(*array));
        /* Whatever happened, what was there stays. */
        for (size_t i = 0; i < count; i++)
            assert_int_equal(array[i], i * 3);
        if (status == OC_OK)
            array[count] = (uint32_t)count * 3;
    }
    oc_free(alloc, array);
    return status;
}

static void grow(void **state)
{
    size_t capacity = SIZE_MAX / 2 + 1;
    void *array = NULL;
    (void)state;
    oc_test_oom_sweep(grow_body, NULL);
    oc_assert_fails(oc_grow(NULL, &array, capacity, &capacity, 1), OC_E_LIMIT, NULL);
    assert_null(array);
}

static oc_status arena_body(const oc_allocator *alloc, void *ctx)
{
    static const size_t counts[] = {1, 0, 3, 5000, 17, 100000, 1, 2000, 3000000, 9};
    oc_arena arena;
    oc_status status = OC_OK;
    oc_rng rng = oc_rng_make(1);
    size_t asked = 0;
    char *copy;
    (void)ctx;
    oc_arena_init(&arena, alloc);
    for (size_t i = 0; i < 300 && status == OC_OK; i++) {
        size_t count = i < OC_COUNT(counts) ? counts[i] : oc_rng_below(&rng, 600);
        uint8_t *p;
        status = OC_ARENA_ALLOC(&arena, count, p);
        if (status != OC_OK)
            break;
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xee, count); /* a later object that overlaps will not be zero */
        asked += count;
        assert_true(arena.total_bytes >= asked);
    }
    if (status == OC_OK)
        status = oc_arena_strdup(&arena, "abcdef", 3, &copy);
    if (status == OC_OK)
        assert_string_equal(copy, "abc");
    if (status == OC_OK)
        assert_true(arena.total_bytes < 2 * asked);
    oc_arena_fini(&arena);
    oc_arena_fini(&arena);
    assert_int_equal(arena.total_bytes, 0);
    return status;
}

static void arenas(void **state)
{
    oc_arena arena;
    void *p = &p;
    (void)state;
    oc_test_oom_sweep(arena_body, NULL);
    oc_arena_init(&arena, NULL);
    oc_assert_fails(oc_arena_alloc(&arena, SIZE_MAX, 2, &p), OC_E_LIMIT, NULL);
    oc_assert_fails(oc_arena_alloc(&arena, SIZE_MAX, 1, &p), OC_E_LIMIT, NULL);
    oc_assert_fails(oc_arena_alloc(&arena, SIZE_MAX - 64, 1, &p), OC_E_LIMIT, NULL);
    oc_assert_fails(oc_arena_strdup(&arena, "", SIZE_MAX, (char **)&p), OC_E_LIMIT, NULL);
    assert_ptr_equal(p, &p);
    oc_arena_fini(&arena);
}

static oc_status buf_body(const oc_allocator *alloc, void *ctx)
{
    oc_buf buf;
    oc_status status = OC_OK;
    (void)ctx;
    oc_buf_init(&buf, alloc);
    for (int i = 0; i < 200 && status == OC_OK; i++) {
        size_t before = buf.size;
        status = i % 2 ? oc_buf_put(&buf, "xyz", 3) : oc_buf_printf(&buf, "<%d>", i % 10);
        assert_int_equal(buf.size, before + (status == OC_OK ? 3 : 0));
        assert_true(buf.data == NULL || buf.data[buf.size] == '\0');
    }
    if (status == OC_OK)
        assert_memory_equal(buf.data, "<0>xyz<2>xyz<4>", 15);
    oc_buf_fini(&buf);
    return status;
}

static void buffers(void **state)
{
    oc_buf buf;
    (void)state;
    oc_test_oom_sweep(buf_body, NULL);
    oc_buf_init(&buf, NULL);
    oc_assert_ok(oc_buf_put(&buf, NULL, 0));
    assert_string_equal(buf.data, "");
    oc_assert_fails(oc_buf_put(&buf, "", SIZE_MAX), OC_E_LIMIT, NULL);
    oc_buf_fini(&buf);
    assert_null(buf.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_names),
        cmocka_unit_test(a_budget_has_an_end),
        cmocka_unit_test(error_text_nests),
        cmocka_unit_test(error_text_is_cut),
        cmocka_unit_test(error_text_is_of_the_thread),
        cmocka_unit_test(sizes),
        cmocka_unit_test(limits_have_defaults),
        cmocka_unit_test(alloc_zeroes),
        cmocka_unit_test(alloc_refuses),
        cmocka_unit_test(grow),
        cmocka_unit_test(arenas),
        cmocka_unit_test(buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
