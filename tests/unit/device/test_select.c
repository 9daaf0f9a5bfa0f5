/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of devices, and opening one by a selector. PoCL is a dependency, so it is there. */
#include "oc_test.h"

#include "oc_device.h"

static void every_row_is_complete(void **state)
{
    (void)state;
    size_t count;
    const oc_dev_type *const *types = oc_dev_types(&count);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        const oc_dev_type *t = types[i];
        assert_non_null(t->name);
        assert_non_null(t->help);
        assert_true(t->probe && t->open && t->close && t->can_run && t->prepare && t->unprepare);
        assert_true(t->scratch_bytes && t->mem_create && t->mem_view && t->mem_destroy);
        assert_true(t->bind && t->unbind && t->queue_create && t->queue_destroy);
        assert_true(t->run && t->write && t->read && t->after && t->notify);
        assert_true(t->kernel && t->queue_create_timed && t->spans);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(t->name, types[j]->name);
    }
}

static void the_list_says_what_is_absent(void **state)
{
    (void)state;
    oc_dev_info *list;
    size_t count, n_reference = 0, n_pocl = 0;
    oc_assert_ok(oc_dev_list(NULL, &list, &count));
    for (size_t i = 0; i < count; i++) {
        assert_true(list[i].id[0] != '\0' && list[i].name[0] != '\0');
        assert_int_equal(list[i].is_available, list[i].why[0] == '\0');
        n_reference += list[i].type->is_reference;
        n_pocl += strstr(list[i].driver, "PoCL") != NULL && list[i].is_available;
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(list[i].id, list[j].id);
    }
    oc_free(NULL, list);
    assert_int_equal(n_reference, 1);
    assert_true(n_pocl >= 1);
}

/* A probe fills no more than it is given room for, and counts all the same. */
static void a_probe_keeps_to_its_room(void **state)
{
    (void)state;
    size_t n_types;
    const oc_dev_type *const *types = oc_dev_types(&n_types);
    for (size_t i = 0; i < n_types; i++) {
        oc_dev_info untouched, info[2];
        size_t all = 0, again = 0;
        memset(&untouched, 0xA5, sizeof(untouched));
        info[1] = untouched;
        oc_assert_ok(types[i]->probe(NULL, 0, &all));
        oc_assert_ok(types[i]->probe(info, 1, &again));
        assert_true(all >= 1);
        assert_int_equal(all, again);
        assert_ptr_equal(info[0].type, types[i]);
        assert_memory_equal(&info[1], &untouched, sizeof(untouched));
    }
}

static void opens(const char *selector, const char *type, const char *driver)
{
    oc_dev *dev;
    oc_assert_ok(oc_dev_open(selector, NULL, NULL, &dev));
    assert_string_equal(dev->type->name, type);
    assert_non_null(strstr(dev->info.driver, driver));
    assert_true(dev->mem_align >= 64 && (dev->mem_align & (dev->mem_align - 1)) == 0);
    assert_true(dev->traits.vector_floats >= 1 && dev->traits.compute_units >= 1);
    assert_true(dev->traits.work_group_max >= 1);
    oc_dev_close(dev);
}

static void selectors_name_a_device(void **state)
{
    (void)state;
    opens(NULL, "opencl", "PoCL");
    opens("", "opencl", "PoCL");
    opens("pocl", "opencl", "PoCL");
    opens("PoCL", "opencl", "PoCL");
    opens("cpu", "opencl", "");
    opens("opencl", "opencl", "");
    opens("reference", "reference", "offcut");
    opens("Reference", "reference", "offcut");
    opens("plain C", "reference", "offcut");
}

static void every_available_id_opens(void **state)
{
    (void)state;
    oc_dev_info *list;
    size_t count;
    oc_assert_ok(oc_dev_list(NULL, &list, &count));
    for (size_t i = 0; i < count; i++) {
        oc_dev *dev;
        if (!list[i].is_available) {
            oc_assert_fails(oc_dev_open(list[i].id, NULL, NULL, &dev), OC_E_NOTFOUND, NULL);
            continue;
        }
        oc_assert_ok(oc_dev_open(list[i].id, NULL, NULL, &dev));
        assert_string_equal(dev->info.id, list[i].id);
        assert_string_equal(dev->info.name, list[i].name);
        oc_dev_close(dev);
    }
    oc_free(NULL, list);
}

static void bad_selectors_are_explained(void **state)
{
    (void)state;
    oc_dev *dev = NULL;
    oc_assert_fails(oc_dev_open("no such device", NULL, NULL, &dev), OC_E_NOTFOUND,
                    "no such device");
    oc_assert_fails(oc_dev_open("no such device", NULL, NULL, &dev), OC_E_NOTFOUND, "reference");
    oc_assert_fails(oc_dev_open("97:3", NULL, NULL, &dev), OC_E_NOTFOUND, "97:3");
    /* "o" is in the driver of the reference ("offcut") and in PoCL's. */
    oc_assert_fails(oc_dev_open("o", NULL, NULL, &dev), OC_E_ARG, "expected one device");
    assert_null(dev);
}

static void threads_are_limited(void **state)
{
    (void)state;
    oc_dev *all, *one, *many;
    oc_assert_ok(oc_dev_open("pocl", NULL, NULL, &all));
    oc_assert_ok(oc_dev_open("pocl", &(oc_dev_options){.threads = 1}, NULL, &one));
    oc_assert_ok(oc_dev_open("pocl", &(oc_dev_options){.threads = 100000}, NULL, &many));
    assert_int_equal(one->traits.compute_units, 1);
    assert_int_equal(one->info.compute_units, 1);
    assert_int_equal(many->traits.compute_units, all->traits.compute_units);
    oc_dev_close(all);
    oc_dev_close(one);
    oc_dev_close(many);
}

static oc_status open_and_close(const oc_allocator *alloc, void *ctx)
{
    oc_dev *dev;
    OC_TRY(oc_dev_open(ctx, NULL, alloc, &dev));
    oc_dev_close(dev);
    return OC_OK;
}

static void opening_runs_out_of_memory(void **state)
{
    (void)state;
    char reference[] = "reference", pocl[] = "pocl";
    oc_test_oom_sweep(open_and_close, reference);
    oc_test_oom_sweep(open_and_close, pocl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),     cmocka_unit_test(the_list_says_what_is_absent),
        cmocka_unit_test(a_probe_keeps_to_its_room), cmocka_unit_test(selectors_name_a_device),
        cmocka_unit_test(every_available_id_opens),  cmocka_unit_test(bad_selectors_are_explained),
        cmocka_unit_test(threads_are_limited),       cmocka_unit_test(opening_runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
