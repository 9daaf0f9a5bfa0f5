/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every case of every operator whose launches have something to choose: whatever they choose, an
 * OpenCL device gives the reference's bits. Each value of each choice is taken by itself; a case takes
 * every fifth of them (with other traits fewer), beginning where its neighbours do not, and all of
 * them where OFFCUT_TEST_ALL is set.
 */
#include "op_case.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct device {
    oc_dev *dev;
    oc_traits traits;   /* its own */
    size_t part, tried; /* every `part`-th candidate */
} device;

static const oc_traits narrow = {
    .is_cpu = true, .compute_units = 4, .vector_floats = 8, .work_group_max = 256};
static const oc_traits many = {
    .is_cpu = false, .compute_units = 16, .vector_floats = 1, .work_group_max = 256};

static void choices_of(device *d, op_run *run, const char *wanted, oc_choices *choices)
{
    oc_digest key;
    oc_assert_ok(d->dev->type->tuner->choices(d->dev, &run->call, wanted, choices, &key));
}

/* The launches choose what they were asked to, and that gives the same bits. */
static void run_choice(device *d, op_run *run, const oc_op_case *c, const char *wanted)
{
    void *out[OC_CASE_IN];
    char made[OC_CHOICE_TEXT];
    oc_choices choices;
    choices_of(d, run, wanted, &choices);
    oc_choices_print(&choices, made);
    assert_memory_equal(made, wanted, strlen(wanted));
    run->choices = made;
    for (op_fill fill = OP_FILL_RANGE; fill < OP_FILL_COUNT; fill++) {
        op_run_fill(run, c, fill);
        oc_assert_ok(op_run_reference(run));
        oc_assert_ok(op_run_device(run, d->dev, out));
        op_run_compare(run, out, made);
        for (uint32_t o = 0; o < run->call.n_out; o++)
            oc_free(NULL, out[o]);
    }
    run->choices = NULL;
    d->tried++;
}

static void run_case(device *d, const oc_op *op, size_t number)
{
    const oc_op_case *c = &op->cases[number];
    op_run run;
    oc_choices choices = {.count = 0};
    size_t candidate = number;
    op_run_init(&run, op, c);
    oc_assert_ok(op_run_shape(&run));
    if (!oc_op_is_empty(&run.call))
        choices_of(d, &run, NULL, &choices);
    for (uint32_t which = 0; which < choices.count; which++)
        for (uint32_t v = 1; v < choices.of[which].n_values; v++) {
            char wanted[OC_CHOICE_TEXT];
            oc_choices_vary(&choices, which, v, wanted);
            if (candidate++ % d->part == 0)
                run_choice(d, &run, c, wanted);
        }
    op_run_fini(&run);
}

static void all_cases(device *d, const oc_traits *traits, size_t part)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    d->dev->traits = *traits;
    d->part = getenv("OFFCUT_TEST_ALL") ? 1 : part;
    d->tried = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !ops[i]->is_view && k < ops[i]->n_cases; k++)
            run_case(d, ops[i], k);
    print_message("%zu choices\n", d->tried);
    assert_true(d->tried > 10);
}

static void choices_show_in_no_bit(void **state)
{
    device *d = *state;
    all_cases(d, &d->traits, 5);
}

static void nor_do_they_on_narrow_vectors(void **state)
{
    all_cases(*state, &narrow, 17);
}

static void nor_do_they_on_other_devices(void **state)
{
    all_cases(*state, &many, 17);
}

int main(void)
{
    static device d;
    const oc_dev_options options = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(choices_show_in_no_bit, &d),
        cmocka_unit_test_prestate(nor_do_they_on_narrow_vectors, &d),
        cmocka_unit_test_prestate(nor_do_they_on_other_devices, &d),
    };
    if (oc_dev_open("pocl", &options, NULL, &d.dev) != OC_OK) {
        printf("SKIP: %s\n", oc_error_text());
        return 77;
    }
    d.traits = d.dev->traits;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    oc_dev_close(d.dev);
    return failed;
}
