/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tensors without elements: every case of every operator, with one axis of one input, or of all
 * inputs that share it, cut down to 0. Such a call is refused with the node's name, or it has a
 * cost, and its results are the same on an OpenCL device as by its reference; a call whose outputs
 * are all empty runs there too.
 */
#include "op_case.h"

#include <stdio.h>

static oc_dev *dev;

/* What came of the calls, so that a test that tries nothing is seen. */
static size_t n_empty, n_filled;

static void run_on_device(op_run *run, const oc_op_case *c)
{
    void *out[OC_CASE_IN];
    op_run_fill(run, c, OP_FILL_RANGE);
    oc_assert_ok(op_run_reference(run));
    oc_assert_ok(op_run_device(run, dev, out));
    op_run_compare(run, out, "empty input");
    for (uint32_t o = 0; o < run->call.n_out; o++)
        oc_free(NULL, out[o]);
}

/* How often a device is asked: it compiles for each call that gives something. */
typedef struct asked {
    size_t empty, filled;
} asked;

/* The call as it stands now is refused by name or runs. */
static void try_call(op_run *run, const oc_op *op, const oc_op_case *c, asked *a)
{
    oc_cost cost;
    oc_status status = op_run_shape(run);
    if (status != OC_OK) {
        if (strstr(oc_error_text(), run->name) == NULL)
            fail_msg("%s: refused without its name: %s", run->name, oc_error_text());
        assert_true(status == OC_E_SHAPE || status == OC_E_ARG);
        return;
    }
    oc_assert_ok(op->cost(&run->call, &cost));
    bool is_empty = oc_op_is_empty(&run->call);
    n_empty += is_empty;
    n_filled += !is_empty;
    size_t *times = is_empty ? &a->empty : &a->filled;
    if (!op->is_view && ++*times <= (is_empty ? 1 : 12))
        run_on_device(run, c);
}

/* With axis `axis` of input `only`, or of all inputs that are as long there, of length 0. */
static void cut_axis(const oc_op *op, const oc_op_case *c, uint32_t only, int32_t axis, asked *a)
{
    op_run run;
    op_run_init(&run, op, c);
    for (uint32_t i = 0; i < c->n_in; i++) {
        oc_shape *shape = &run.in_desc[i].shape;
        bool is_shared =
            only == c->n_in && axis < shape->rank && shape->dim[axis] == c->in[0].shape.dim[axis];
        if (i == only || is_shared)
            shape->dim[axis] = 0;
    }
    try_call(&run, op, c, a);
    op_run_fini(&run);
}

static void calls_with_empty_inputs(void **state)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        asked a = {0};
        for (size_t k = 0; k < ops[i]->n_cases; k++) {
            const oc_op_case *c = &ops[i]->cases[k];
            for (uint32_t in = 0; in <= c->n_in; in++)
                for (int32_t d = 0; d < c->in[in % c->n_in].shape.rank; d++)
                    cut_axis(ops[i], c, in, d, &a);
        }
    }
    print_message("%zu calls gave nothing, %zu something\n", n_empty, n_filled);
    assert_true(n_empty > 100 && n_filled > 10);
}

int main(void)
{
    const oc_dev_options options = {0};
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls_with_empty_inputs)};
    if (oc_dev_open("pocl", &options, NULL, &dev) != OC_OK) {
        printf("SKIP: %s\n", oc_error_text());
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    oc_dev_close(dev);
    return failed;
}
