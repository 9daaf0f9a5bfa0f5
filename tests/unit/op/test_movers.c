/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What slice, gather, tile and pad mean, against results worked out by hand, and what they refuse.
 */
#include "op_case.h"

/* clang-format off */
#define INTS(...) {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}
#define I8(...) {OC_DTYPE_int8, INTS(__VA_ARGS__)}
#define F32(...) {OC_DTYPE_float32, INTS(__VA_ARGS__)}
#define I64(...) {OC_DTYPE_int64, INTS(__VA_ARGS__)}
#define SET_INTS(attr_, ...) {.attr = attr_, .ints = INTS(__VA_ARGS__)}
#define TAKE(begins_, ends_, steps_) \
    {{.attr = "begins", .ints = INTS begins_}, {.attr = "ends", .ints = INTS ends_}, \
     {.attr = "steps", .ints = INTS steps_}}
/* clang-format on */

/* The operator makes of the inputs the `bytes` expected, as a tensor of that shape. */
static void expect(const char *op, const oc_op_case *c, const void *const *in,
                   const oc_shape *shape, const void *expected, size_t bytes)
{
    char y[256];
    void *out[] = {y};
    size_t found;
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    assert_memory_equal(&run.out[0]->shape, shape, sizeof(*shape));
    oc_assert_ok(oc_desc_bytes(run.out[0], &found));
    assert_int_equal(found, bytes);
    assert_true(bytes <= sizeof(y));
    oc_assert_ok(run.call.op->reference(&run.call, in, out));
    assert_memory_equal(y, expected, bytes);
    op_run_fini(&run);
}

static void refuse(const char *op, const oc_op_case *c, oc_status status, const char *text)
{
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_fails(op_run_shape(&run), status, text);
    op_run_fini(&run);
}

static void slices(void **state)
{
    const int8_t x[] = {0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24};
    const int8_t inner[] = {11, 12, 13, 21, 22, 23}, steps[] = {0, 2, 4, 20, 22, 24};
    const int8_t down[] = {24, 21, 14, 11, 4, 1};
    oc_op_case c = {.name = "", .in = {I8(3, 5)}, .n_in = 1, .sets = TAKE((1, 1), (3, 4), (1, 1))};
    (void)state;
    expect("slice", &c, (const void *[]){x}, &(oc_shape)INTS(2, 3), inner, sizeof(inner));
    c = (oc_op_case){.name = "", .in = {I8(3, 5)}, .n_in = 1, .sets = TAKE((0, 0), (3, 5), (2, 2))};
    expect("slice", &c, (const void *[]){x}, &(oc_shape)INTS(2, 3), steps, sizeof(steps));
    c = (oc_op_case){
        .name = "", .in = {I8(3, 5)}, .n_in = 1, .sets = TAKE((2, 4), (-1, -1), (-1, -3))};
    expect("slice", &c, (const void *[]){x}, &(oc_shape)INTS(3, 2), down, sizeof(down));
}

static void slices_refused(void **state)
{
    (void)state;
    static const struct {
        oc_op_case c;
        const char *text;
    } table[] = {
        {{.name = "a", .in = {I8(5)}, .n_in = 1, .sets = TAKE((0), (6), (1))},
         "takes elements 0 to 5 of axis 0, expected 0 to 4"},
        {{.name = "b", .in = {I8(5)}, .n_in = 1, .sets = TAKE((-1), (2), (1))},
         "takes elements -1 to 1 of axis 0"},
        {{.name = "c", .in = {I8(5)}, .n_in = 1, .sets = TAKE((5), (1), (-1))},
         "takes elements 5 to 2 of axis 0"},
        {{.name = "d", .in = {I8(5)}, .n_in = 1, .sets = TAKE((3), (-3), (-2))},
         "takes elements 3 to -1 of axis 0"},
        {{.name = "e", .in = {I8(5)}, .n_in = 1, .sets = TAKE((0), (5), (0))},
         "step of slice along axis 0 is 0"},
        {{.name = "f", .in = {I8(5)}, .n_in = 1, .sets = TAKE((0, 0), (5, 5), (1, 1))},
         "begins of slice has 2 elements, expected 1"},
        {{.name = "g",
          .in = {I8(5)},
          .n_in = 1,
          .sets = TAKE((-2147483647), (2147483647), (2147483647))},
         "takes elements -2147483647 to 0"},
    };
    for (size_t i = 0; i < OC_COUNT(table); i++)
        refuse("slice", &table[i].c, OC_E_ARG, table[i].text);
}

static void gathers(void **state)
{
    const float x[] = {0, 1, 2, 3, 4, 5}; /* [2,3] */
    const int64_t index[] = {2, -1, -7, 9};
    const float columns[] = {2, 2, 0, 2, 5, 5, 3, 5};
    const float rows[] = {3, 4, 5, 3, 4, 5, 0, 1, 2, 3, 4, 5};
    oc_op_case c = {.name = "",
                    .in = {F32(2, 3), I64(2, 2)},
                    .n_in = 2,
                    .sets = {{.attr = "axis", .number = 1}}};
    (void)state;
    expect("gather", &c, (const void *[]){x, index}, &(oc_shape)INTS(2, 2, 2), columns,
           sizeof(columns));
    c.sets[0].number = 0;
    expect("gather", &c, (const void *[]){x, index}, &(oc_shape)INTS(2, 2, 3), rows, sizeof(rows));
    c.in[1] = (oc_desc){OC_DTYPE_int64, {0, {0}}};
    expect("gather", &c, (const void *[]){x, index}, &(oc_shape)INTS(3), rows, 3 * sizeof(*rows));
    c.sets[0].number = 2;
    refuse("gather", &c, OC_E_ARG, "axis of gather is 2, expected 0 to 1");
    c.sets[0].number = 1;
    c.in[1].dtype = OC_DTYPE_float32;
    refuse("gather", &c, OC_E_DTYPE, "input 1 of gather is float32, expected int32 or int64");
    c.in[1] = (oc_desc)I64(1, 1, 1, 1, 1, 1, 1, 1);
    refuse("gather", &c, OC_E_SHAPE, "gives rank 9, expected at most 8");
}

static void tiles(void **state)
{
    const int8_t x[] = {1, 2, 3, 4},
                 y[] = {1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4};
    oc_op_case c = {.name = "", .in = {I8(2, 2)}, .n_in = 1, .sets = {SET_INTS("repeats", 2, 3)}};
    (void)state;
    expect("tile", &c, (const void *[]){x}, &(oc_shape)INTS(4, 6), y, sizeof(y));
    c.sets[0].ints = (oc_ints)INTS(2);
    refuse("tile", &c, OC_E_ARG, "repeats of tile has 1 elements, expected 2");
    c.sets[0].ints = (oc_ints)INTS(1, 1 << 30);
    refuse("tile", &c, OC_E_LIMIT, "2147483648 elements along axis 1");
}

/* The pictures of pad.c, and once more along the outer axis of a matrix. */
static void pads_of_each_mode(void **state)
{
    static const struct {
        const char *mode;
        int8_t y[11];
    } table[] = {
        {"constant", {9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9}},
        {"reflect", {1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}},
        {"symmetric", {3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1}},
        {"edge", {1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3}},
        {"wrap", {3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1}},
    };
    const int8_t x[] = {1, 2, 3}, x_2[] = {1, 1, 2, 2, 3, 3};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(table); i++) {
        oc_op_case c = {.name = table[i].mode,
                        .in = {I8(3)},
                        .n_in = 1,
                        .sets = {SET_INTS("pads_begin", 4),
                                 SET_INTS("pads_end", 4),
                                 {.attr = "value", .number = 9},
                                 {.attr = "mode", .name = table[i].mode}}};
        int8_t y_2[22];
        expect("pad", &c, (const void *[]){x}, &(oc_shape)INTS(11), table[i].y, 11);
        c.in[0] = (oc_desc)I8(3, 2);
        c.sets[0].ints = c.sets[1].ints = (oc_ints)INTS(4, 0);
        for (size_t e = 0; e < 22; e++)
            y_2[e] = table[i].y[e / 2];
        expect("pad", &c, (const void *[]){x_2}, &(oc_shape)INTS(11, 2), y_2, 22);
    }
}

static void pads_by_a_value_given(void **state)
{
    const int64_t x[] = {5}, value[] = {INT64_MAX - 1}, y[] = {INT64_MAX - 1, 5, INT64_MAX - 1};
    oc_op_case c = {.name = "",
                    .in = {I64(1), I64(1)},
                    .n_in = 2,
                    .sets = {SET_INTS("pads_begin", 1), SET_INTS("pads_end", 1)}};
    (void)state;
    expect("pad", &c, (const void *[]){x, value}, &(oc_shape)INTS(3), y, sizeof(y));
    c.in[1] = (oc_desc)I64(2);
    refuse("pad", &c, OC_E_SHAPE, "input 1 of pad is 2, expected one element");
    c.in[1] = (oc_desc)F32(1);
    refuse("pad", &c, OC_E_DTYPE, "float32, expected int64");
    c.in[1] = (oc_desc)I64(1);
    c.sets[2] = (oc_case_set){.attr = "mode", .name = "edge"};
    refuse("pad", &c, OC_E_ARG, "mode of pad is edge, expected constant where a value is given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),
        cmocka_unit_test(slices_refused),
        cmocka_unit_test(gathers),
        cmocka_unit_test(tiles),
        cmocka_unit_test(pads_of_each_mode),
        cmocka_unit_test(pads_by_a_value_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
