/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An operator that says how calls are joined means it: every case is run several times with data of
 * its own, then once on the inputs joined along every axis that the operator allows; the outputs
 * are those of the single calls joined, bit for bit, by the reference and on an OpenCL device.
 */
#include "op_case.h"

#include "oc_tensor.h"

#include <stdio.h>

#define CALLS 3

/* On a device a joined call is compiled anew, so that only the first few of an operator run there. */
#define DEVICE_CALLS 2

static oc_dev *dev;

/* What came of the trials of one operator. */
typedef struct trials {
    size_t joined, refused, on_device;
} trials;

/* One way to join the inputs of a case. */
typedef struct way {
    int32_t in[OC_CASE_IN], out[OC_CASE_IN];
} way;

static size_t bytes_of(const oc_desc *desc)
{
    size_t bytes;
    oc_assert_ok(oc_desc_bytes(desc, &bytes));
    return bytes;
}

/* `parts` of desc `part`, joined along `axis`: row after row, a row being all from the axis inwards. */
static void join(const oc_desc *part, int32_t axis, void *const parts[CALLS], void *to)
{
    size_t row = oc_dtype_size(part->dtype), rows = 1;
    char *at = to;
    for (int32_t d = 0; d < part->shape.rank; d++)
        *(d < axis ? &rows : &row) *= (size_t)part->shape.dim[d];
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < CALLS; i++, at += row)
            memcpy(at, (const char *)parts[i] + r * row, row);
}

/* The calls, each with data of its own but for the inputs that they share. */
static void run_single(op_run runs[CALLS], const oc_op *op, const oc_op_case *c, const way *w)
{
    for (int r = 0; r < CALLS; r++) {
        op_run *run = &runs[r];
        op_run_init(run, op, c);
        if (r > 0) /* the name is the seed */
            snprintf(run->name, sizeof(run->name), "%s/%s, call %d", op->name, c->name, r);
        oc_assert_ok(op_run_shape(run));
        op_run_fill(run, c, OP_FILL_TINY);
        for (uint32_t i = 0; r > 0 && i < c->n_in; i++)
            if (run->in[i] && w->in[i] == OC_BATCH_SHARED)
                memcpy(run->data[i], runs[0].data[i], bytes_of(run->in[i]));
        oc_assert_ok(op_run_reference(run));
    }
}

/* The inputs of `all`, which has its attributes already, from those of the calls. */
static void join_inputs(op_run *all, const op_run runs[CALLS], const way *w)
{
    for (uint32_t i = 0; i < all->call.n_in; i++) {
        void *parts[CALLS];
        if (all->in[i] == NULL)
            continue;
        for (int r = 0; r < CALLS; r++)
            parts[r] = runs[r].data[i];
        if (w->in[i] != OC_BATCH_SHARED)
            all->in_desc[i].shape.dim[w->in[i]] *= CALLS;
        oc_assert_ok(oc_alloc(NULL, bytes_of(all->in[i]), 1, &all->data[i]));
        if (w->in[i] == OC_BATCH_SHARED)
            memcpy(all->data[i], parts[0], bytes_of(all->in[i]));
        else
            join(&runs[0].in_desc[i], w->in[i], parts, all->data[i]);
    }
    oc_assert_ok(op_run_shape(all));
}

/* The outputs `out` of `all` are the calls' outputs joined. */
static void compare(const op_run *all, op_run runs[CALLS], const way *w)
{
    void *want[OC_CASE_IN] = {NULL};
    for (uint32_t o = 0; o < all->call.n_out; o++) {
        void *parts[CALLS];
        oc_desc desc = runs[0].out_desc[o];
        for (int r = 0; r < CALLS; r++)
            parts[r] = runs[r].expected[o];
        assert_in_range(w->out[o], 0, desc.shape.rank - 1);
        desc.shape.dim[w->out[o]] *= CALLS;
        if (!oc_desc_equal(&desc, all->out[o]))
            fail_msg("%s: the joined call has an output of another shape", all->name);
        oc_assert_ok(oc_alloc(NULL, bytes_of(&desc), 1, &want[o]));
        join(&runs[0].out_desc[o], w->out[o], parts, want[o]);
    }
    op_run_compare(all, want, "joined");
    for (uint32_t o = 0; o < all->call.n_out; o++)
        oc_free(NULL, want[o]);
}

static void run_on_device(op_run *all)
{
    void *out[OC_CASE_IN];
    oc_assert_ok(op_run_device(all, dev, out));
    op_run_compare(all, out, "joined, on the device");
    for (uint32_t o = 0; o < all->call.n_out; o++)
        oc_free(NULL, out[o]);
}

/* Joins the inputs in this way, if the operator allows it. */
static void check(const oc_op *op, const oc_op_case *c, way *w, trials *t)
{
    op_run runs[CALLS], all;
    op_run_init(&all, op, c);
    oc_assert_ok(op_run_shape(&all));
    oc_status status = op->batch_axis(&all.call, w->in, CALLS, w->out, all.attrs);
    if (status != OC_OK) {
        assert_int_equal(status, OC_E_UNSUPPORTED);
        assert_non_null(strstr(oc_error_text(), all.name));
        t->refused++;
        op_run_fini(&all);
        return;
    }
    run_single(runs, op, c, w);
    join_inputs(&all, runs, w);
    oc_assert_ok(op_run_reference(&all));
    compare(&all, runs, w);
    t->joined++;
    if (dev && !op->is_view && t->on_device < DEVICE_CALLS) {
        run_on_device(&all);
        t->on_device++;
    }
    op_run_fini(&all);
    for (int r = 0; r < CALLS; r++)
        op_run_fini(&runs[r]);
}

/*
 * The inputs of the set `chosen` joined along their axis `axis`, counted from the last where
 * `from_last`; false where one of them has no such axis.
 */
static bool way_make(const oc_op_case *c, uint32_t chosen, int32_t axis, bool from_last, way *w)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        int32_t rank = c->in[i].shape.rank;
        w->in[i] = OC_BATCH_SHARED;
        if (!(chosen >> i & 1))
            continue;
        if (axis >= rank || c->absent_mask >> i & 1)
            return false;
        w->in[i] = from_last ? rank - 1 - axis : axis;
    }
    return true;
}

static void check_all(const oc_op *op, const oc_op_case *c, trials *t)
{
    way w;
    for (uint32_t chosen = 1; chosen < UINT32_C(1) << c->n_in; chosen++) {
        bool is_single = (chosen & (chosen - 1)) == 0;
        for (int32_t axis = 0; axis < OC_RANK_MAX; axis++) {
            if (way_make(c, chosen, axis, false, &w))
                check(op, c, &w, t);
            if (!is_single && way_make(c, chosen, axis, true, &w))
                check(op, c, &w, t);
        }
    }
}

static void joined_calls_give_joined_results(void **state)
{
    size_t count, n_joined = 0, n_on_device = 0;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        trials t = {0};
        for (size_t k = 0; ops[i]->batch_axis && k < ops[i]->n_cases; k++)
            check_all(ops[i], &ops[i]->cases[k], &t);
        if (ops[i]->batch_axis && t.joined == 0)
            fail_msg("%s joins no case in any way", ops[i]->name);
        n_joined += t.joined;
        n_on_device += t.on_device;
    }
    print_message("%zu joined calls, %zu of them on a device\n", n_joined, n_on_device);
    assert_true(n_joined > 500);
}

/* ---- known answers ---------------------------------------------------------------------------- */

/* The axis of the output where input 0 is joined along `axis` and the rest is shared; -1: refused. */
static int32_t axis_of(const char *op_name, const char *case_name, int32_t axis)
{
    const oc_op *op = oc_op_find(op_name);
    int32_t in[OC_CASE_IN], out[OC_CASE_IN];
    assert_non_null(op);
    for (size_t k = 0; k < op->n_cases; k++) {
        op_run run;
        if (strcmp(op->cases[k].name, case_name) != 0)
            continue;
        for (int i = 0; i < OC_CASE_IN; i++)
            in[i] = i == 0 ? axis : OC_BATCH_SHARED;
        op_run_init(&run, op, &op->cases[k]);
        oc_assert_ok(op_run_shape(&run));
        oc_status status = op->batch_axis(&run.call, in, 2, out, run.attrs);
        op_run_fini(&run);
        return status == OC_OK ? out[0] : -1;
    }
    fail_msg("%s has no case %s", op_name, case_name);
    return -1;
}

static void known_axes(void **state)
{
    (void)state;
    assert_int_equal(axis_of("unary", "relu", 2), 2);
    assert_int_equal(axis_of("reshape", "flatten", 0), 0);
    assert_int_equal(axis_of("reshape", "flatten", 1), 1);
    assert_int_equal(axis_of("reshape", "flatten", 2), -1);
    assert_int_equal(axis_of("transpose", "nhwc_to_nchw", 3), 1);
    assert_int_equal(axis_of("reduce", "spatial_mean", 0), 0);
    assert_int_equal(axis_of("reduce", "spatial_mean", 1), -1);
    assert_int_equal(axis_of("reduce", "spatial_mean", 3), 1);
    assert_int_equal(axis_of("argmax", "middle_last", 1), -1);
    assert_int_equal(axis_of("binary", "mul_lower_rank", 0), 0);
    assert_int_equal(axis_of("binary", "mul_lower_rank", 3), -1);
    assert_int_equal(axis_of("gather", "middle", 2), 3);
    assert_int_equal(axis_of("avgpool2d", "2x2", 0), 0);
    assert_int_equal(axis_of("avgpool2d", "2x2", 1), -1);
}

/* maxpool2d_index alone is not: it numbers elements through all images. */
static void all_others_are_batchable(void **state)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ops[i]->batch_axis == NULL, strcmp(ops[i]->name, "maxpool2d_index") == 0);
}

int main(void)
{
    const oc_dev_options options = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_calls_give_joined_results),
        cmocka_unit_test(known_axes),
        cmocka_unit_test(all_others_are_batchable),
    };
    if (oc_dev_open("pocl", &options, NULL, &dev) != OC_OK) {
        printf("the reference only: %s\n", oc_error_text());
        dev = NULL;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (dev)
        oc_dev_close(dev);
    return failed;
}
