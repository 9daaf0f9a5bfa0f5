/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every row of the operator table is complete and agrees with itself, with its cases, with its
 * kernels, and with the rules that all operators share.
 */
#include "oc_kernel_sources.h"
#include "op_case.h"

#include "numerics.h"

#include <stdio.h>

static const oc_op *const *ops;
static size_t n_ops;

/* The check that failed is told with the operator it failed for. */
#define CHECK(is_true_, op_, ...)             \
    do {                                      \
        if (!(is_true_)) {                    \
            print_error("%s: ", (op_)->name); \
            print_error(__VA_ARGS__);         \
            print_error(": %s\n", #is_true_); \
            fail();                           \
        }                                     \
    } while (0)

/* ---- rows ---------------------------------------------------------------------------------- */

static void rows_are_complete(void **state)
{
    static const char *const classes[] = {"direct", "sequential", "elementwise", "copy", "integer"};
    (void)state;
    assert_true(n_ops >= 16);
    for (size_t i = 0; i < n_ops; i++) {
        const oc_op *op = ops[i];
        bool has_class = false;
        assert_non_null(op->name);
        for (size_t k = 0; k < OC_COUNT(classes); k++)
            has_class = has_class || (op->numerics && strcmp(op->numerics, classes[k]) == 0);
        CHECK(has_class, op, "numerics class '%s'", op->numerics ? op->numerics : "(none)");
        CHECK(op->help && strstr(op->help, "->"), op, "help says inputs -> output");
        CHECK(op->shape && op->cost && op->reference, op, "functions");
        CHECK(op->is_view == (op->launch == NULL), op, "a view has no kernel, all others have one");
        CHECK(op->in_min >= 1 && op->in_min <= op->in_max, op, "number of inputs");
        CHECK(op->in_max <= 64 && op->n_out >= 1, op, "number of inputs and outputs");
        CHECK((op->attrs == NULL) == (op->n_attrs == 0), op, "attribute rows");
        CHECK((op->attrs_size == 0) == (op->n_attrs == 0), op, "attribute struct");
        CHECK(op->cases && op->n_cases > 0, op, "cases");
    }
}

static void names_find_their_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_ops; i++) {
        assert_ptr_equal(oc_op_find(ops[i]->name), ops[i]);
        for (const char *c = ops[i]->name; *c; c++)
            CHECK((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_', ops[i],
                  "a name is a stem");
    }
    assert_null(oc_op_find("conv3d"));
    assert_null(oc_op_find(""));
}

/* ---- attributes ------------------------------------------------------------------------------ */

static size_t attr_size(oc_attr_type type)
{
    return type == OC_ATTR_INTS     ? sizeof(oc_ints)
           : type == OC_ATTR_FLOATS ? sizeof(oc_floats)
                                    : sizeof(int32_t);
}

static void check_initial(const oc_op *op, const oc_attr *a)
{
    bool is_bounded = a->min != 0 || a->max != 0;
    if (a->type == OC_ATTR_ENUM) {
        int32_t names = 0;
        CHECK(a->names && a->names[0], op, "%s has names", a->name);
        while (a->names[names])
            names++;
        CHECK(a->initial >= 0 && a->initial < names, op, "%s has an initial name", a->name);
        CHECK(!is_bounded || a->max == names - 1, op, "%s has the bounds of its names", a->name);
    } else if (a->type == OC_ATTR_INTS) {
        CHECK(a->initial_ints.count <= OC_INTS_MAX, op, "%s begins with too many", a->name);
        for (int32_t i = 0; is_bounded && i < a->initial_ints.count; i++)
            CHECK(a->initial_ints.v[i] >= a->min && a->initial_ints.v[i] <= a->max, op,
                  "%s begins within its bounds", a->name);
    } else if (is_bounded && a->type != OC_ATTR_FLOATS) { /* a list begins as none */
        CHECK(a->initial >= a->min && a->initial <= a->max, op, "%s begins within its bounds",
              a->name);
    }
}

static void attributes_fit_their_struct(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_ops; i++) {
        const oc_op *op = ops[i];
        for (size_t k = 0; k < op->n_attrs; k++) {
            const oc_attr *a = &op->attrs[k];
            CHECK(a->name && a->help && a->help[0], op, "attribute %zu has name and help", k);
            CHECK(a->offset + attr_size(a->type) <= op->attrs_size, op, "%s lies inside", a->name);
            CHECK(oc_attr_find(op, a->name) == a, op, "%s stands there once", a->name);
            for (size_t j = 0; j < k; j++) {
                const oc_attr *b = &op->attrs[j];
                CHECK(a->offset + attr_size(a->type) <= b->offset ||
                          b->offset + attr_size(b->type) <= a->offset,
                      op, "%s and %s lie apart", a->name, b->name);
            }
            check_initial(op, a);
        }
    }
}

/* An ENUM of unary functions by this name, with FLOAT rows for its parameters. */
static void check_function(const oc_op *op, const char *fn, const char *a, const char *b)
{
    const oc_attr *row = oc_attr_find(op, fn), *row_a = oc_attr_find(op, a);
    const oc_attr *row_b = oc_attr_find(op, b);
    CHECK(row && row->type == OC_ATTR_ENUM && row_a && row_b, op, "rows %s, %s, %s", fn, a, b);
    CHECK(row_a->type == OC_ATTR_FLOAT && row_b->type == OC_ATTR_FLOAT, op, "%s and %s", a, b);
    CHECK(strcmp(row->names[0], "none") == 0 && row->initial == 0, op, "%s begins as none", fn);
    for (int32_t i = 0; row->names[i]; i++)
        CHECK(i < OC_UNARY_COUNT, op, "%s: %s is a unary function", fn, row->names[i]);
}

static void activations_are_unary_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_ops; i++) {
        if (ops[i]->act_attr) {
            assert_string_equal(ops[i]->act_attr, "act");
            check_function(ops[i], "act", "act_a", "act_b");
        }
        if (ops[i]->unary_attr) {
            assert_string_equal(ops[i]->unary_attr, "fn");
            check_function(ops[i], "fn", "a", "b");
        }
    }
}

/* ---- cases ----------------------------------------------------------------------------------- */

static size_t bytes_of(const oc_desc *desc)
{
    size_t bytes = 0;
    oc_assert_ok(oc_desc_bytes(desc, &bytes));
    return bytes;
}

/* What follows from the descs alone is so in `cost`. */
static void check_cost(const op_run *run)
{
    const oc_op_call *call = &run->call;
    oc_cost cost;
    uint64_t read = 0, written = 0, params = 0;
    for (uint32_t i = 0; i < call->n_in; i++) {
        if (call->in[i] == NULL)
            continue;
        read += bytes_of(call->in[i]);
        if (call->is_const[i])
            params += bytes_of(call->in[i]) / oc_dtype_size(call->in[i]->dtype);
    }
    for (uint32_t i = 0; i < call->n_out; i++)
        written += bytes_of(call->out[i]);
    if (call->op->is_view)
        read = written = 0; /* no kernel runs */
    oc_assert_ok(call->op->cost(call, &cost));
    CHECK(cost.bytes_read == read && cost.bytes_written == written && cost.param_elems == params,
          call->op, "%s: bytes and parameters", run->name);
    /* Each output, or where many lie between the grid's points each input, is part of a product. */
    if (strcmp(call->numerics, "direct") == 0)
        CHECK(cost.macs >= OC_MIN(written / sizeof(float), bytes_of(call->in[0]) / sizeof(float)),
              call->op, "%s: multiply-adds", run->name);
}

static void cases_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_ops; i++) {
        const oc_op *op = ops[i];
        for (size_t k = 0; k < op->n_cases; k++) {
            const oc_op_case *c = &op->cases[k];
            op_run run;
            CHECK(c->name && c->name[0], op, "case %zu has a name", k);
            for (size_t j = 0; j < k; j++)
                CHECK(strcmp(c->name, op->cases[j].name) != 0, op, "case %s is there twice",
                      c->name);
            CHECK(c->n_in >= op->in_min && c->n_in <= OC_MIN(op->in_max, OC_CASE_IN), op,
                  "case %s: inputs", c->name);
            CHECK((c->const_mask | c->absent_mask) >> c->n_in == 0 &&
                      (c->const_mask & c->absent_mask) == 0,
                  op, "case %s: masks", c->name);
            op_run_init(&run, op, c);
            oc_assert_ok(op_run_shape(&run));
            check_cost(&run);
            op_run_fini(&run);
        }
    }
}

/* ---- launches -------------------------------------------------------------------------------- */

static const char *source_of(const char *stem)
{
    for (const oc_kernel_source *s = oc_kernel_source_table; s->stem; s++)
        if (strcmp(s->stem, stem) == 0)
            return s->text;
    return NULL;
}

static void check_arg(const op_run *run, const oc_launch_arg *arg)
{
    const oc_op_call *call = &run->call;
    bool is_input = arg->kind == OC_ARG_IN || arg->kind == OC_ARG_PACKED;
    if (is_input)
        CHECK(arg->index < call->n_in && call->in[arg->index], call->op, "%s: input %u", run->name,
              arg->index);
    if (arg->kind == OC_ARG_OUT)
        CHECK(arg->index < call->n_out, call->op, "%s: output %u", run->name, arg->index);
    if (arg->kind == OC_ARG_TABLE)
        CHECK(arg->pack && arg->bytes > 0, call->op, "%s: table", run->name);
    if (arg->kind == OC_ARG_PACKED)
        CHECK(call->is_const[arg->index] && arg->pack && arg->bytes > 0, call->op,
              "%s: packed input %u", run->name, arg->index);
}

static void check_launch(const op_run *run, const oc_traits *traits, const oc_launch *l)
{
    const oc_op *op = run->call.op;
    size_t group = 1;
    char name[80];
    const char *text = source_of(l->stem);
    snprintf(name, sizeof(name), "void %s(", l->kernel);
    CHECK(text && strstr(text, name), op, "%s: kernel %s in %s.cl", run->name, l->kernel, l->stem);
    CHECK(l->dims >= 1 && l->dims <= 3 && l->n_args >= 2, op, "%s: range", run->name);
    CHECK(l->n_args < OC_LAUNCH_ARGS, op, "%s: no argument was left out", run->name);
    for (uint32_t d = 0; d < l->dims; d++) {
        CHECK(l->global[d] > 0, op, "%s: range %u", run->name, d);
        if (l->local[d])
            CHECK(l->global[d] % l->local[d] == 0, op, "%s: work-group %u", run->name, d);
        group *= OC_MAX(l->local[d], (size_t)1);
    }
    CHECK(group <= traits->work_group_max, op, "%s: work-group of %zu", run->name, group);
    for (uint32_t i = 0; i < l->n_args; i++)
        check_arg(run, &l->args[i]);
}

static void launches_are_complete(void **state)
{
    const oc_traits traits[] = {
        {.is_cpu = true, .compute_units = 2, .vector_floats = 16, .work_group_max = 4096},
        {.is_cpu = true, .compute_units = 1, .vector_floats = 1, .work_group_max = 1},
        {.is_cpu = false, .compute_units = 8, .vector_floats = 1, .work_group_max = 256},
    };
    (void)state;
    for (size_t i = 0; i < n_ops; i++)
        for (size_t k = 0; !ops[i]->is_view && k < ops[i]->n_cases; k++)
            for (size_t t = 0; t < OC_COUNT(traits); t++) {
                op_run run;
                oc_launch_list list = {.alloc = oc_allocator_or_default(NULL)};
                op_run_init(&run, ops[i], &ops[i]->cases[k]);
                oc_assert_ok(op_run_shape(&run));
                if (!oc_op_is_empty(&run.call))
                    oc_assert_ok(ops[i]->launch(&run.call, &traits[t], &list));
                CHECK(list.count > 0 || oc_op_is_empty(&run.call), ops[i], "%s: launches", run.name);
                for (size_t n = 0; n < list.count; n++)
                    check_launch(&run, &traits[t], &list.items[n]);
                oc_free(NULL, list.items);
                op_run_fini(&run);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(names_find_their_rows),
        cmocka_unit_test(attributes_fit_their_struct),
        cmocka_unit_test(activations_are_unary_functions),
        cmocka_unit_test(cases_are_accepted),
        cmocka_unit_test(launches_are_complete),
    };
    ops = oc_ops(&n_ops);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
