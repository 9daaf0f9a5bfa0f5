/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An operator that says which parts of its inputs a part of its output comes from means it: every
 * case is run twice, with other data, infinities and NaNs among them, everywhere outside those
 * parts; the part of the output has the same bits. Where windows slide, the parts are also no larger
 * than they must be.
 */
#include "op_case.h"

#include "oc_tensor.h"

#include <stdio.h>

#define BOXES 8

static size_t elems_of(const oc_shape *shape)
{
    size_t elems;
    oc_assert_ok(oc_shape_elems(shape, &elems));
    return elems;
}

/* Is element `i` of a dense tensor in the box? */
static bool is_inside(const oc_shape *shape, const oc_box *box, size_t i)
{
    for (int32_t d = shape->rank - 1; d >= 0; d--) {
        int32_t at = (int32_t)(i % (size_t)shape->dim[d]);
        i /= (size_t)shape->dim[d];
        if (at < box->from[d] || at >= box->to[d])
            return false;
    }
    return true;
}

/* Copies the elements in the box to the same places of `to`; how many were outside. */
static size_t copy_inside(const oc_desc *desc, const oc_box *box, const void *from, void *to)
{
    size_t size = oc_dtype_size(desc->dtype), outside = 0;
    for (size_t i = 0; i < elems_of(&desc->shape); i++) {
        if (is_inside(&desc->shape, box, i))
            memcpy((char *)to + i * size, (const char *)from + i * size, size);
        else
            outside++;
    }
    return outside;
}

/* A part of the shape that is not empty; small ones more often. */
static oc_box random_box(oc_rng *rng, const oc_shape *shape)
{
    oc_box box = {0};
    for (int32_t d = 0; d < shape->rank; d++) {
        uint32_t dim = (uint32_t)shape->dim[d], from = oc_rng_below(rng, dim);
        uint32_t most = oc_rng_below(rng, 2) ? dim - from : OC_MIN(dim - from, 2u);
        box.from[d] = (int32_t)from;
        box.to[d] = (int32_t)(from + 1 + oc_rng_below(rng, most));
    }
    return box;
}

static void check_bounds(const op_run *run, const oc_box *in)
{
    for (uint32_t i = 0; i < run->call.n_in; i++)
        for (int32_t d = 0; run->in[i] && d < run->in[i]->shape.rank; d++)
            if (in[i].from[d] < 0 || in[i].from[d] > in[i].to[d] ||
                in[i].to[d] > run->in[i]->shape.dim[d])
                fail_msg("%s: axis %d of input %u: box %d to %d of %d", run->name, d, i,
                         in[i].from[d], in[i].to[d], run->in[i]->shape.dim[d]);
}

/* The part `out` with everything else changed; how many elements of the inputs that was. */
static size_t check(op_run *run, const oc_op_case *c, const oc_box *out)
{
    oc_box in[OC_CASE_IN];
    op_run other;
    size_t changed = 0;
    memset(in, 0xff, sizeof(in));
    oc_assert_ok(run->call.op->halo(&run->call, out, in));
    check_bounds(run, in);
    op_run_init(&other, run->call.op, c);
    snprintf(other.name, sizeof(other.name), "%s/%s, changed", run->call.op->name, c->name);
    oc_assert_ok(op_run_shape(&other));
    op_run_fill(&other, c, OP_FILL_WILD);
    for (uint32_t i = 0; i < c->n_in; i++)
        if (run->in[i])
            changed += copy_inside(run->in[i], &in[i], run->data[i], other.data[i]);
    oc_assert_ok(op_run_reference(&other));
    void *want[1] = {NULL};
    size_t bytes;
    oc_assert_ok(oc_desc_bytes(run->out[0], &bytes));
    oc_assert_ok(oc_alloc(NULL, bytes, 1, &want[0]));
    memcpy(want[0], other.expected[0], bytes);
    copy_inside(run->out[0], out, run->expected[0], want[0]);
    op_run_compare(&other, want, "outside the halo");
    oc_free(NULL, want[0]);
    op_run_fini(&other);
    return changed;
}

static size_t check_case(const oc_op *op, const oc_op_case *c, oc_rng *rng)
{
    op_run run;
    size_t changed = 0;
    op_run_init(&run, op, c);
    oc_assert_ok(op_run_shape(&run));
    op_run_fill(&run, c, OP_FILL_TINY);
    oc_assert_ok(op_run_reference(&run));
    for (int i = 0; !oc_op_is_empty(&run.call) && i < BOXES; i++) {
        oc_box out = random_box(rng, &run.out[0]->shape);
        changed += check(&run, c, &out);
    }
    op_run_fini(&run);
    return changed;
}

static void results_come_from_the_halo(void **state)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    oc_rng rng = oc_rng_make(7);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t changed = 0;
        if (ops[i]->halo == NULL)
            continue;
        assert_int_equal(ops[i]->n_out, 1);
        for (size_t k = 0; k < ops[i]->n_cases; k++)
            changed += check_case(ops[i], &ops[i]->cases[k], &rng);
        if (changed == 0)
            fail_msg("%s needs the whole of its inputs for every part", ops[i]->name);
    }
}

/* ---- no larger than it must be ----------------------------------------------------------------- */

/* A call of one operator with the default attributes but for those of `c`. */
static void expect(const char *name, const oc_op_case *c, oc_box out, oc_box x)
{
    oc_box in[OC_CASE_IN] = {{{0}, {0}}};
    op_run run;
    const oc_op *op = oc_op_find(name);
    assert_non_null(op);
    op_run_init(&run, op, c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(op->halo(&run.call, &out, in));
    for (int32_t d = 0; d < run.in[0]->shape.rank; d++) {
        assert_int_equal(in[0].from[d], x.from[d]);
        assert_int_equal(in[0].to[d], x.to[d]);
    }
    op_run_fini(&run);
}

#define INTS(name_, ...)                                                             \
    {.attr = name_,                                                                  \
     .ints = {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}}

static void windows_are_tight(void **state)
{
    const oc_op_case conv = {
        .name = "3x3, stride 2, padding 1, two groups",
        .in = {{OC_DTYPE_float32, {4, {2, 9, 9, 4}}}, {OC_DTYPE_float32, {4, {6, 3, 3, 2}}}},
        .n_in = 2,
        .sets = {INTS("strides", 2, 2), INTS("pads", 1, 1, 1, 1), {.attr = "groups", .number = 2}}};
    const oc_op_case pool = {.name = "3x2, dilated",
                             .in = {{OC_DTYPE_float32, {4, {1, 12, 12, 5}}}},
                             .n_in = 1,
                             .sets = {INTS("kernel", 3, 2), INTS("dilations", 2, 3)}};
    const oc_op_case up = {
        .name = "2x2, stride 2",
        .in = {{OC_DTYPE_float32, {4, {1, 5, 5, 3}}}, {OC_DTYPE_float32, {4, {7, 2, 2, 3}}}},
        .n_in = 2,
        .sets = {INTS("strides", 2, 2)}};
    (void)state;
    /* Rows 2 and 3 of the output: input rows 3 to 7; row 0 begins in the padding. */
    expect("conv2d", &conv, (oc_box){{1, 2, 0, 3}, {2, 4, 1, 6}},
           (oc_box){{1, 3, 0, 2}, {2, 8, 2, 4}});
    expect("conv2d", &conv, (oc_box){{0, 4, 4, 2}, {2, 5, 5, 4}},
           (oc_box){{0, 7, 7, 0}, {2, 9, 9, 4}});
    expect("maxpool2d", &pool, (oc_box){{0, 1, 2, 1}, {1, 3, 3, 2}},
           (oc_box){{0, 1, 2, 1}, {1, 7, 6, 2}});
    expect("avgpool2d", &pool, (oc_box){{0, 0, 0, 0}, {1, 1, 1, 5}},
           (oc_box){{0, 0, 0, 0}, {1, 5, 4, 5}});
    expect("conv_transpose2d", &up, (oc_box){{0, 3, 4, 0}, {1, 5, 6, 7}},
           (oc_box){{0, 1, 2, 0}, {1, 3, 3, 3}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_from_the_halo),
        cmocka_unit_test(windows_are_tight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
