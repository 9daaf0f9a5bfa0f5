/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every case of every operator: an OpenCL device gives the reference's bits, also for denormals,
 * infinities and NaNs, and however wide the device says its vectors are.
 */
#include "op_case.h"

#include <stdio.h>

typedef struct device {
    oc_dev *dev;
    oc_traits traits; /* its own */
} device;

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

static void all_cases(device *d, bool is_own)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; !ops[i]->is_view && k < ops[i]->n_cases; k++) {
            size_t other = (i + k) % OC_COUNT(others);
            char what[64];
            d->dev->traits = is_own ? d->traits : others[other];
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
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !ops[i]->is_view && k < ops[i]->n_cases; k++)
            if (OC_TYPES_8BIT >> ops[i]->cases[k].in[0].dtype & 1u)
                run_case(d->dev, ops[i], &ops[i]->cases[k], "traits without dot8");
}

static void other_traits_give_the_references_bits(void **state)
{
    all_cases(*state, false);
}

int main(void)
{
    static device d;
    const oc_dev_options options = {0};
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
