/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Calls that no operator may accept are refused with the node's name: wrong numbers of inputs,
 * missing ones, those with a negative dimension, wrong types; and for convolutions, products and elementwise functions,
 * shapes and attributes that do not agree.
 */
#include "op_case.h"

#include <stdio.h>

/* ---- every operator ------------------------------------------------------------------------- */

/* `shape` fails, as it should, with the node's name in the text. */
static void refused(op_run *run, oc_status status, const char *what)
{
    oc_status found = op_run_shape(run);
    if (found != status || strstr(oc_error_text(), run->name) == NULL)
        fail_msg("%s, %s: expected %s, found %s: %s", run->name, what, oc_status_name(status),
                 oc_status_name(found), found == OC_OK ? "" : oc_error_text());
}

static void each(void (*check)(op_run *run, const oc_op *op))
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    for (size_t i = 0; i < count; i++) {
        op_run run;
        op_run_init(&run, ops[i], &ops[i]->cases[0]);
        check(&run, ops[i]);
        op_run_fini(&run);
    }
}

static void one_input_too_few(op_run *run, const oc_op *op)
{
    run->call.n_in = op->in_min - 1;
    refused(run, OC_E_ARG, "one input too few");
}

static void one_input_too_many(op_run *run, const oc_op *op)
{
    const oc_desc *in[65];
    bool is_const[65] = {false};
    if (op->in_max >= OC_COUNT(in))
        return;
    for (uint32_t i = 0; i <= op->in_max; i++)
        in[i] = run->in[0];
    run->call.in = in;
    run->call.is_const = is_const;
    run->call.n_in = op->in_max + 1;
    refused(run, OC_E_ARG, "one input too many");
}

static void an_input_is_missing(op_run *run, const oc_op *op)
{
    for (uint32_t i = 0; i < op->in_min; i++) {
        const oc_desc *given = run->in[i];
        run->in[i] = NULL;
        refused(run, OC_E_ARG, "a missing input");
        run->in[i] = given;
    }
}

static void a_dimension_is_negative(op_run *run, const oc_op *op)
{
    (void)op;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        if (run->in[i] == NULL || run->in_desc[i].shape.rank == 0)
            continue;
        int32_t *dim = &run->in_desc[i].shape.dim[0], given = *dim;
        *dim = -1;
        refused(run, OC_E_SHAPE, "a dimension of -1");
        *dim = given;
    }
}

/* Operators that compute take no booleans but for those that say so; moving bytes, any type. */
static void the_type_is_wrong(op_run *run, const oc_op *op)
{
    if (strcmp(op->numerics, "copy") == 0)
        return;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        if (run->in[i] == NULL || (i == 0 && op->types & OC_TYPE(bool)))
            continue;
        oc_dtype given = run->in_desc[i].dtype;
        run->in_desc[i].dtype = OC_DTYPE_bool;
        refused(run, OC_E_DTYPE, "booleans");
        run->in_desc[i].dtype = given;
    }
}

static void too_few_inputs(void **state)
{
    (void)state;
    each(one_input_too_few);
}

static void too_many_inputs(void **state)
{
    (void)state;
    each(one_input_too_many);
}

static void missing_inputs(void **state)
{
    (void)state;
    each(an_input_is_missing);
}

static void negative_dimensions(void **state)
{
    (void)state;
    each(a_dimension_is_negative);
}

static void wrong_types(void **state)
{
    (void)state;
    each(the_type_is_wrong);
}

/* ---- what single operators refuse ----------------------------------------------------------- */

/* clang-format off */
#define INTS(...) {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}
#define F32(...) {OC_DTYPE_float32, INTS(__VA_ARGS__)}
#define I8(...) {OC_DTYPE_int8, INTS(__VA_ARGS__)}
#define I64(...) {OC_DTYPE_int64, INTS(__VA_ARGS__)}
#define SET_INTS(attr_, ...) {.attr = attr_, .ints = INTS(__VA_ARGS__)}

typedef struct refusal {
    const char *op;
    oc_op_case c;
    oc_status status;
    const char *text; /* part of what is said */
} refusal;

static const refusal refusals[] = {
    {"conv2d", {.name = "rank of x", .in = {F32(5, 5, 3), F32(4, 3, 3, 3)}, .n_in = 2},
     OC_E_SHAPE, "input 0 of conv2d is 5x5x3 (rank 3), expected rank 4"},
    {"conv2d", {.name = "rank of w", .in = {F32(1, 5, 5, 3), F32(4, 3, 3)}, .n_in = 2},
     OC_E_SHAPE, "input 1 of conv2d is 4x3x3 (rank 3), expected rank 4"},
    {"conv2d", {.name = "input channels", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 2)}, .n_in = 2},
     OC_E_SHAPE, "expected 3 along axis 3 (input channels per group), found 2"},
    {"conv2d", {.name = "bias", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 3), F32(3)}, .n_in = 3},
     OC_E_SHAPE, "expected 4 along axis 0 (output channels), found 3"},
    {"conv2d", {.name = "rank of bias", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 3), F32(1, 4)},
                .n_in = 3},
     OC_E_SHAPE, "input 2 of conv2d is 1x4 (rank 2), expected rank 1"},
    {"conv2d", {.name = "groups of x", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 1)}, .n_in = 2,
                .sets = {{.attr = "groups", .number = 2}}},
     OC_E_SHAPE, "groups of conv2d to divide 3 input and 4 output channels, found 2"},
    {"conv2d", {.name = "groups of w", .in = {F32(1, 5, 5, 4), F32(5, 3, 3, 2)}, .n_in = 2,
                .sets = {{.attr = "groups", .number = 2}}},
     OC_E_SHAPE, "groups of conv2d to divide 4 input and 5 output channels, found 2"},
    {"conv2d", {.name = "window", .in = {F32(1, 5, 9, 3), F32(4, 3, 3, 3)}, .n_in = 2,
                .sets = {SET_INTS("dilations", 3, 1)}},
     OC_E_SHAPE, "reaches over 7 elements along h, expected at most 5"},
    {"conv2d", {.name = "strides", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 3)}, .n_in = 2,
                .sets = {SET_INTS("strides", 1)}},
     OC_E_ARG, "strides of conv2d has 1 elements, expected 2"},
    {"conv2d", {.name = "pads", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 3)}, .n_in = 2,
                .sets = {SET_INTS("pads", 1, 1)}},
     OC_E_ARG, "pads of conv2d has 2 elements, expected 4"},
    {"conv2d", {.name = "huge padding", .in = {F32(1, 5, 5, 3), F32(4, 3, 3, 3)}, .n_in = 2,
                .sets = {SET_INTS("pads", 2147483647, 0, 2147483647, 0)}},
     OC_E_LIMIT, "4294967299 elements along h"},
    {"fully_connected", {.name = "scalar x", .in = {{OC_DTYPE_float32, {0, {0}}}, F32(2, 3)},
                         .n_in = 2},
     OC_E_SHAPE, "input 0 of fully_connected is scalar (rank 0), expected rank 1 to 8"},
    {"fully_connected", {.name = "columns", .in = {F32(2, 4), F32(3, 5)}, .n_in = 2},
     OC_E_SHAPE, "expected 4 along axis 1"},
    {"fully_connected", {.name = "bias", .in = {F32(2, 4), F32(3, 4), F32(4)}, .n_in = 3},
     OC_E_SHAPE, "expected 3 along axis 0"},
    {"matmul", {.name = "rank", .in = {F32(4), F32(4, 5)}, .n_in = 2},
     OC_E_SHAPE, "input 0 of matmul is 4 (rank 1), expected rank 2 to 8"},
    {"matmul", {.name = "inner", .in = {F32(2, 4), F32(3, 5)}, .n_in = 2},
     OC_E_SHAPE, "expected 4 along axis 0"},
    {"matmul", {.name = "leading", .in = {F32(2, 3, 4), F32(3, 4, 5)}, .n_in = 2},
     OC_E_SHAPE, "2 and 3 do not broadcast"},
    {"binary", {.name = "shapes", .in = {F32(2, 3), F32(2, 4)}, .n_in = 2},
     OC_E_SHAPE, "2x3 and 2x4 do not broadcast"},
    {"binary", {.name = "types", .in = {F32(2, 3), I64(2, 3)}, .n_in = 2}, OC_E_DTYPE, "int64"},
    {"binary", {.name = "activation of integers", .in = {I64(2), I64(2)}, .n_in = 2,
                .sets = {{.attr = "act", .name = "relu"}}},
     OC_E_DTYPE, "has the activation relu"},
    {"binary", {.name = "prelu of integers", .in = {I64(2), I64(2)}, .n_in = 2,
                .sets = {{.attr = "fn", .name = "prelu"}}},
     OC_E_DTYPE, "input 0 of binary prelu is int64, expected float32"},
    {"quantize", {.name = "type of scale", .in = {F32(2, 3), I64(1)}, .n_in = 2},
     OC_E_DTYPE, "input 1 of quantize is int64, expected float32"},
    {"quantize", {.name = "axis", .in = {F32(2, 3), F32(2)}, .n_in = 2,
                  .sets = {{.attr = "axis", .number = 2}}},
     OC_E_ARG, "axis of quantize is 2, expected 0 to 1"},
    {"quantize", {.name = "length of scale", .in = {F32(2, 3), F32(2)}, .n_in = 2,
                  .sets = {{.attr = "axis", .number = 1}}},
     OC_E_SHAPE, "input 1 of quantize is 2: expected 3 along axis 0"},
    {"quantize", {.name = "blocks", .in = {F32(2, 9), F32(2, 2)}, .n_in = 2,
                  .sets = {{.attr = "axis", .number = 1}, {.attr = "block_size", .number = 4}}},
     OC_E_SHAPE, "expected 3 along axis 1 (blocks of input 0), found 2"},
    {"quantize", {.name = "rank of blocks", .in = {F32(2, 9), F32(3)}, .n_in = 2,
                  .sets = {{.attr = "axis", .number = 1}, {.attr = "block_size", .number = 4}}},
     OC_E_SHAPE, "input 1 of quantize is 3 (rank 1), expected rank 2"},
    {"quantize", {.name = "type of zero", .in = {F32(2, 3), F32(1), I64(1)}, .n_in = 3},
     OC_E_DTYPE, "zero point of quantize is int64 1, expected int8 1"},
    {"dequantize", {.name = "shape of zero", .in = {I8(2, 3), F32(2), I8(3)}, .n_in = 3},
     OC_E_SHAPE, "zero point of dequantize is int8 3, expected int8 2"},
    {"dequantize", {.name = "type", .in = {I64(2, 3), F32(2)}, .n_in = 2},
     OC_E_DTYPE, "input 0 of dequantize is int64, expected int8 or uint8 or int32"},
    {"lookup", {.name = "table", .in = {I8(2, 3), F32(255)}, .n_in = 2},
     OC_E_SHAPE, "expected 256 along axis 0"},
    {"lookup", {.name = "rank of table", .in = {I8(2, 3), F32(256, 1)}, .n_in = 2},
     OC_E_SHAPE, "input 1 of lookup is 256x1 (rank 2), expected rank 1"},
    {"lookup", {.name = "type", .in = {I64(2, 3), F32(256)}, .n_in = 2},
     OC_E_DTYPE, "input 0 of lookup is int64, expected int8 or uint8"},
};
/* clang-format on */

static void shapes_that_do_not_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < OC_COUNT(refusals); i++) {
        const refusal *r = &refusals[i];
        op_run run;
        op_run_init(&run, oc_op_find(r->op), &r->c);
        refused(&run, r->status, r->c.name);
        if (strstr(oc_error_text(), r->text) == NULL)
            fail_msg("%s: expected ...%s..., found %s", run.name, r->text, oc_error_text());
        op_run_fini(&run);
    }
}

/* Kernels count elements in 32 bits; a tensor beyond that is refused, not computed wrongly. */
static void tensors_too_large_for_kernels(void **state)
{
    const oc_op_case c = {.name = "large", .in = {F32(50000, 50000)}, .n_in = 1};
    const oc_traits traits = {
        .is_cpu = true, .compute_units = 1, .vector_floats = 1, .work_group_max = 1};
    oc_launch_list list = {.alloc = oc_allocator_or_default(NULL)};
    op_run run;
    (void)state;
    op_run_init(&run, oc_op_find("unary"), &c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_fails(run.call.op->launch(&run.call, &traits, &list), OC_E_UNSUPPORTED,
                    "unary/large: a tensor of unary is 50000x50000");
    assert_int_equal(list.count, 0);
    op_run_fini(&run);
}

static oc_status launch_of(const char *op, const oc_op_case *c)
{
    const oc_traits traits = {.is_cpu = true, .compute_units = 1, .vector_floats = 16,
                              .work_group_max = 1};
    oc_launch_list list = {.alloc = oc_allocator_or_default(NULL)};
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    oc_status status = run.call.op->launch(&run.call, &traits, &list);
    oc_free(list.alloc, list.items);
    op_run_fini(&run);
    return status;
}

/*
 * A chunk beyond the last element has no number of 32 bits where the tensor has nearly as many as
 * that: bytes, of which so many fit into memory. The limit itself is taken.
 */
static void tensors_of_nearly_too_many_bytes(void **state)
{
    enum { MOST = INT32_MAX - (1 << 20) };
    static const struct {
        const char *op;
        uint32_t n_in;
        oc_desc more;
    } ops[] = {
        {"cast", 1, F32(1)},   {"binary", 2, I8(1)},  {"lookup", 2, I8(256)},
        {"dequantize", 2, F32(1)}, {"qbinary", 2, I8(1)},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(ops); i++)
        for (int32_t over = 0; over < 2; over++) {
            const oc_op_case c = {
                .name = "bytes", .n_in = ops[i].n_in, .in = {I8(MOST + over), ops[i].more}};
            if (over)
                oc_assert_fails(launch_of(ops[i].op, &c), OC_E_UNSUPPORTED,
                                "is 2146435072: kernels take at most 2146435071 elements");
            else
                oc_assert_ok(launch_of(ops[i].op, &c));
        }
}

/* Weights of one output are packed as those of eight or more. */
static void weights_too_large_in_packs(void **state)
{
    const oc_op_case product = {.name = "packs", .n_in = 2, .const_mask = 2,
                                .in = {F32(1, 1 << 28), F32(1, 1 << 28)}};
    const oc_op_case conv = {.name = "packs", .n_in = 2, .const_mask = 2,
                             .in = {F32(1, 4, 4, 1 << 26), F32(1, 4, 4, 1 << 26)}};
    (void)state;
    oc_assert_fails(launch_of("fully_connected", &product), OC_E_UNSUPPORTED,
                    "weights of 1 columns and 268435456 rows: kernels take at most");
    oc_assert_fails(launch_of("conv2d", &conv), OC_E_UNSUPPORTED,
                    "weights of 1 outputs in 1 groups and 1073741824 taps: kernels take at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_inputs),
        cmocka_unit_test(too_many_inputs),
        cmocka_unit_test(missing_inputs),
        cmocka_unit_test(negative_dimensions),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(shapes_that_do_not_agree),
        cmocka_unit_test(tensors_too_large_for_kernels),
        cmocka_unit_test(tensors_of_nearly_too_many_bytes),
        cmocka_unit_test(weights_too_large_in_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
