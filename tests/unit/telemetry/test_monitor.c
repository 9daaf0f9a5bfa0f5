/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The monitor: this machine without workers, what it refuses, and memory that runs out. Workers are
 * a system test's.
 */
#include "oc_test.h"

#include <offcut/telemetry.h>

#include <time.h>

static void test_this_machine(void **state)
{
    (void)state;
    static oc_snapshot snapshot;
    oc_monitor *monitor = NULL;
    oc_assert_ok(oc_monitor_create(NULL, NULL, &monitor));
    do {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        oc_monitor_read(monitor, &snapshot);
    } while (snapshot.n_readings == 0);
    assert_int_equal(snapshot.n_workers, 0);
    bool has_memory = false;
    for (size_t i = 0; i < snapshot.n_readings; i++)
        has_memory |= snapshot.readings[i].quantity == OC_QUANTITY_MEMORY_AVAILABLE &&
                      snapshot.readings[i].value > 0;
    assert_true(has_memory);
    oc_monitor_destroy(monitor);
    oc_monitor_destroy(NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const workers[OC_WORKERS_MAX + 1] = {
        "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1",
        "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1"};
    static const char *const bad[] = {"127.0.0.1:1", "nonsense"};
    oc_monitor *monitor = NULL;
    oc_monitor_options options = {.workers = workers, .n_workers = OC_COUNT(workers)};
    oc_assert_fails(oc_monitor_create(&options, NULL, &monitor), OC_E_ARG, "at most 8, found 9");
    /* The worker that was opened before it is closed again. */
    options = (oc_monitor_options){.workers = bad, .n_workers = OC_COUNT(bad)};
    oc_assert_fails(oc_monitor_create(&options, NULL, &monitor), OC_E_ARG, "nonsense");
    assert_null(monitor);
}

static oc_status create_and_destroy(const oc_allocator *alloc, void *ctx)
{
    oc_monitor *monitor = NULL;
    (void)ctx;
    OC_TRY(oc_monitor_create(NULL, alloc, &monitor));
    oc_monitor_destroy(monitor);
    return OC_OK;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    oc_test_oom_sweep(create_and_destroy, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
