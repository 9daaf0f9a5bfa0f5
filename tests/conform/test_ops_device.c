/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every case of every operator: an OpenCL device gives the reference's bits, also for denormals,
 * infinities and NaNs, and however wide the device says its vectors are. The kernels of an operator
 * are built as one program, as those of a network are: of each text it is seen that it can be a part.
 */
#include "op_case.h"

#include <stdio.h>
#include <string.h>

typedef struct device {
    oc_dev *dev;
    oc_traits traits; /* its own */
    int apart;        /* how often kernels could not be built together */
} device;

static void count_apart(void *ctx, oc_log_level level, const char *line)
{
    device *d = ctx;
    (void)level;
    if (strstr(line, "one by one") == NULL)
        return;
    print_error("%s\n", line);
    d->apart++;
}

/* What a launch is made for beside the device itself: other widths, and a device that is no CPU. */
static const oc_traits others[] = {
    {.is_cpu = true, .compute_units = 4, .vector_floats = 8, .work_group_max = 256},
    {.is_cpu = true, .compute_units = 1, .vector_floats = 4, .work_group_max = 64},
    {.is_cpu = false, .compute_units = 16, .vector_floats = 1, .work_group_max = 256},
};

static void run_case(oc_dev *dev, const oc_op *op, const oc_op_case *c, const char *what)
{
    op_run run;
    void *out[OC_CASE_IN];
    op_run_init(&run, op, c);
    oc_assert_ok(op_run_shape(&run));
    for (op_fill fill = OP_FILL_RANGE; fill < OP_FILL_COUNT; fill++) {
        op_run_fill(&run, c, fill);
        oc_assert_ok(op_run_reference(&run));
        oc_assert_ok(op_run_device(&run, dev, out));
        op_run_compare(&run, out, what);
        for (uint32_t o = 0; o < op->n_out; o++)
            oc_free(NULL, out[o]);
    }
    op_run_fini(&run);
}

static void set_traits(device *d, bool is_own, size_t other)
{
    d->dev->traits = is_own ? d->traits : others[other];
}

/* Announce every `step`th case of the operator from `first` on, as a network announces its nodes. */
static void expect_cases(device *d, const oc_op *op, size_t first, size_t step)
{
    op_run *runs;
    oc_dev_task *tasks;
    size_t count = 0;
    oc_assert_ok(OC_ALLOC(NULL, op->n_cases, runs));
    oc_assert_ok(OC_ALLOC(NULL, op->n_cases, tasks));
    for (size_t k = first; k < op->n_cases; k += step) {
        op_run_init(&runs[count], op, &op->cases[k]);
        oc_assert_ok(op_run_shape(&runs[count]));
        tasks[count].call = &runs[count].call;
        count++;
    }
    oc_assert_ok(d->dev->type->expect(d->dev, tasks, count));
    for (size_t k = 0; k < count; k++)
        op_run_fini(&runs[k]);
    oc_free(NULL, tasks);
    oc_free(NULL, runs);
    assert_int_equal(d->apart, 0);
}

static void all_cases(device *d, bool is_own)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    for (size_t i = 0; i < count; i++) {
        if (ops[i]->is_view)
            continue;
        for (size_t first = 0; first < (is_own ? 1 : OC_COUNT(others)); first++) {
            set_traits(d, is_own, (i + first) % OC_COUNT(others));
            expect_cases(d, ops[i], first, is_own ? 1 : OC_COUNT(others));
        }
        for (size_t k = 0; k < ops[i]->n_cases; k++) {
            size_t other = (i + k) % OC_COUNT(others);
            char what[64];
            set_traits(d, is_own, other);
            snprintf(what, sizeof(what), is_own ? "its own traits" : "traits %zu", other);
            run_case(d->dev, ops[i], &ops[i]->cases[k], what);
        }
    }
}

static void own_traits_give_the_references_bits(void **state)
{
    all_cases(*state, true);
}

/* Those of 8-bit numbers once more where all_cases took the instruction for sums of four products. */
static void without_that_instruction_the_same_bits(void **state)
{
    device *d = *state;
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    d->dev->traits = d->traits;
    d->dev->traits.dot8 = OC_DOT8_NONE;
    for (size_t i = 0; i < count; i++) {
        if (!ops[i]->is_view)
            expect_cases(d, ops[i], 0, 1);
        for (size_t k = 0; !ops[i]->is_view && k < ops[i]->n_cases; k++)
            if (OC_TYPES_8BIT >> ops[i]->cases[k].in[0].dtype & 1u)
                run_case(d->dev, ops[i], &ops[i]->cases[k], "traits without dot8");
    }
}

static void other_traits_give_the_references_bits(void **state)
{
    all_cases(*state, false);
}

int main(void)
{
    static device d;
    const oc_log_sink log = {.ctx = &d, .level = OC_LOG_DEBUG, .write = count_apart};
    const oc_dev_options options = {.log = &log};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(own_traits_give_the_references_bits, &d),
        cmocka_unit_test_prestate(without_that_instruction_the_same_bits, &d),
        cmocka_unit_test_prestate(other_traits_give_the_references_bits, &d),
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
