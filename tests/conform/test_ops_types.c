/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What operators mean that take or make integers and float16: casts, quantising, tables and
 * arithmetic that wraps around, against results worked out by hand or in double.
 */
#include "op_case.h"

#include "oc_tensor.h"

#include <math.h>

/* Computes `op` with the given inputs and attributes and compares its bytes. */
static void expect(const char *op, const oc_op_case *c, const void *const *in, const void *expected)
{
    size_t bytes;
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (run.in[i] == NULL)
            continue;
        oc_assert_ok(oc_desc_bytes(run.in[i], &bytes));
        oc_assert_ok(oc_alloc(NULL, bytes, 1, &run.data[i]));
        memcpy(run.data[i], in[i], bytes);
    }
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(op_run_reference(&run));
    oc_assert_ok(oc_desc_bytes(run.out[0], &bytes));
    if (memcmp(run.expected[0], expected, bytes) != 0)
        for (size_t i = 0; i < bytes; i++)
            if (((uint8_t *)run.expected[0])[i] != ((const uint8_t *)expected)[i])
                fail_msg("%s: byte %zu of %zu differs", run.name, i, bytes);
    op_run_fini(&run);
}

/* clang-format off */
#define TENSOR(dtype_, ...)                                                                    \
    {OC_DTYPE_##dtype_,                                                                        \
     {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}}
#define SCALAR(dtype_) {OC_DTYPE_##dtype_, {0, {0}}}
#define ENUM(attr_, name_) {.attr = attr_, .name = name_}
#define INT(attr_, number_) {.attr = attr_, .number = number_}
/* clang-format on */

/* ---- cast ---------------------------------------------------------------------------------- */

#define CAST(from_, to_, n_, x_, y_)                            \
    expect("cast",                                              \
           &(oc_op_case){.name = #from_ "_" #to_,               \
                         .in = {{OC_DTYPE_##from_, {1, {n_}}}}, \
                         .n_in = 1,                             \
                         .sets = {ENUM("to", #to_)}},           \
           (const void *[]){x_}, y_)

static void floats_are_cut_off_and_saturate(void **state)
{
    const float x[] = {1.9f, -1.9f,    127.9f, -128.9f,       300,
                       -300, INFINITY, NAN,    2147483648.0f, -3e9f};
    const int8_t i8[] = {1, -1, 127, -128, 127, -128, 127, 0, 127, -128};
    const uint8_t u8[] = {1, 0, 127, 0, 255, 0, 255, 0, 255, 0};
    const int32_t i32[] = {1, -1, 127, -128, 300, -300, INT32_MAX, 0, INT32_MAX, INT32_MIN};
    const float far[] = {9223372036854775808.0f,
                         -9223372036854775808.0f,
                         -INFINITY,
                         9223371487098961920.0f,
                         -0.5f,
                         0x1p-149f};
    const int64_t i64[] = {INT64_MAX, INT64_MIN, INT64_MIN, 9223371487098961920, 0, 0};
    const uint8_t is_true[] = {1, 1, 1, 1, 1, 1};
    (void)state;
    CAST(float32, int8, 10, x, i8);
    CAST(float32, uint8, 10, x, u8);
    CAST(float32, int32, 10, x, i32);
    CAST(float32, int64, 6, far, i64);
    CAST(float32, bool, 6, far, is_true);
}

static void integers_wrap_around(void **state)
{
    const int64_t x[] = {0, -1, 128, 255, 256, INT64_C(0x1234567890), INT64_MIN};
    const int8_t i8[] = {0, -1, -128, -1, 0, -112, 0};
    const uint8_t u8[] = {0, 255, 128, 255, 0, 144, 0}, b[] = {0, 1, 1, 1, 1, 1, 1};
    const int32_t i32[] = {0, -1, 128, 255, 256, 0x34567890, 0};
    const uint8_t truth[] = {0, 1, 7};
    const float ones[] = {0, 1, 1};
    (void)state;
    CAST(int64, int8, 7, x, i8);
    CAST(int64, uint8, 7, x, u8);
    CAST(int64, int32, 7, x, i32);
    CAST(int64, bool, 7, x, b);
    CAST(bool, float32, 3, truth, ones);
}

static void integers_become_the_nearest_float(void **state)
{
    const int32_t x[] = {16777217, 16777219, INT32_MAX, -16777217};
    const float f[] = {16777216, 16777220, 2147483648.0f, -16777216};
    const int64_t far[] = {INT64_MAX, INT64_C(0x4000004000000001), 65519, 65520, 2049};
    const float far_f[] = {0x1p63f, 0x1.000002p62f, 65519, 65520, 2049};
    const uint16_t far_h[] = {0x7c00, 0x7c00, 0x7bff, 0x7c00, 0x6800};
    (void)state;
    CAST(int32, float32, 4, x, f);
    CAST(int64, float32, 5, far, far_f);
    CAST(int64, float16, 5, far, far_h);
}

/* ---- float16 ------------------------------------------------------------------------------- */

/* The value of a float16 that is not NaN, as IEEE 754 defines it. */
static double half_value(uint32_t half)
{
    int exponent = (int)(half >> 10 & 31u);
    double fraction = half & 1023u;
    double size = exponent == 0    ? ldexp(fraction, -24)
                  : exponent == 31 ? INFINITY
                                   : ldexp(1024.0 + fraction, exponent - 25);
    return half & 0x8000u ? -size : size;
}

static void every_float16_is_its_value(void **state)
{
    (void)state;
    for (uint32_t half = 0; half <= 0xffffu; half++) {
        float x = oc_half_to_float((uint16_t)half);
        if ((half & 0x7fffu) > 0x7c00u) {
            assert_true(isnan(x) && !!signbit(x) == half >> 15);
            assert_true((oc_half_from_float(x) & 0x7fffu) > 0x7c00u);
            continue;
        }
        if ((double)x != half_value(half) || !!signbit(x) != half >> 15)
            fail_msg("%#x is %a", half, (double)x);
        assert_int_equal(oc_half_from_float(x), half);
    }
}

/* Numbers at, just below and just above the middle of neighbours; infinity as the next number. */
static void floats_become_the_nearest_float16(void **state)
{
    (void)state;
    for (uint16_t half = 0; half < 0x7c00; half++) {
        uint16_t next = (uint16_t)(half + 1), even = half & 1 ? next : half;
        double low = half_value(half), high = half == 0x7bff ? 65536.0 : half_value(next);
        float middle = (float)((low + high) / 2); /* exact */
        assert_int_equal(oc_half_from_float(middle), even);
        assert_int_equal(oc_half_from_float(-middle), even | 0x8000);
        assert_int_equal(oc_half_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(oc_half_from_float(nextafterf(middle, INFINITY)), next);
    }
    assert_int_equal(oc_half_from_float(1e30f), 0x7c00);
    assert_int_equal(oc_half_from_float(0x1p-149f), 0);
}

/* ---- quantising ------------------------------------------------------------------------------ */

static void quantize_rounds_and_saturates(void **state)
{
    const float x[] = {-1.25f, -0.75f, 0.25f, 0.75f, 1.25f, 100, -100, NAN, INFINITY, 0};
    const float scale = 0.5f;
    const int8_t zero = 10;
    const int8_t even[] = {8, 8, 10, 12, 12, 127, -128, 10, 127, 10};
    const int8_t away[] = {7, 8, 11, 12, 13, 127, -128, 10, 127, 10};
    oc_op_case c = {
        .name = "even", .in = {TENSOR(float32, 10), SCALAR(float32), SCALAR(int8)}, .n_in = 3};
    (void)state;
    expect("quantize", &c, (const void *[]){x, &scale, &zero}, even);
    c.name = "away";
    c.sets[0] = (oc_case_set)ENUM("rounding", "away");
    expect("quantize", &c, (const void *[]){x, &scale, &zero}, away);
}

static void scales_belong_to_an_axis_or_to_blocks(void **state)
{
    const float x[] = {2, 4, 6, 8, 10, 12}, scale[] = {1, 2}, by_block[] = {1, 2, 4, 1};
    const uint8_t zero[] = {0, 100}, zeros[] = {0, 0, 7, 0};
    const uint8_t rows[] = {2, 4, 6, 104, 105, 106}, blocks[] = {2, 4, 3, 9, 9, 12};
    const oc_op_case axis = {.name = "axis",
                             .in = {TENSOR(float32, 2, 3), TENSOR(float32, 2), TENSOR(uint8, 2)},
                             .n_in = 3,
                             .sets = {ENUM("to", "uint8"), INT("axis", 0)}};
    const oc_op_case block = {
        .name = "block",
        .in = {TENSOR(float32, 2, 3), TENSOR(float32, 2, 2), TENSOR(uint8, 2, 2)},
        .n_in = 3,
        .sets = {ENUM("to", "uint8"), INT("axis", 1), INT("block_size", 2)}};
    const oc_op_case back = {
        .name = "block",
        .in = {TENSOR(uint8, 2, 3), TENSOR(float32, 2, 2), TENSOR(uint8, 2, 2)},
        .n_in = 3,
        .sets = {INT("axis", 1), INT("block_size", 2)}};
    const float back_of[] = {2, 4, 6, 8, 8, 12};
    (void)state;
    expect("quantize", &axis, (const void *[]){x, scale, zero}, rows);
    expect("quantize", &block, (const void *[]){x, by_block, zeros}, blocks);
    expect("dequantize", &back, (const void *[]){blocks, by_block, zeros}, back_of);
}

static void dequantize_of_each_type(void **state)
{
    const float scale = 0.25f, y[] = {-32, 0, 31.75f};
    const int8_t i8[] = {-128, 0, 127}, i8_zero = 0;
    const int32_t i32[] = {INT32_MAX, INT32_MIN, 0}, i32_zero = -1;
    const float wrapped[] = {-536870912.0f, -536870912.0f, 0.25f};
    oc_op_case c = {
        .name = "int8", .in = {TENSOR(int8, 3), SCALAR(float32), SCALAR(int8)}, .n_in = 3};
    (void)state;
    expect("dequantize", &c, (const void *[]){i8, &scale, &i8_zero}, y);
    c.in[0] = (oc_desc)TENSOR(int32, 3);
    c.in[2] = (oc_desc)SCALAR(int32);
    expect("dequantize", &c, (const void *[]){i32, &scale, &i32_zero}, wrapped);
}

static void lookup_counts_from_the_lowest(void **state)
{
    const int8_t i8[] = {-128, -1, 0, 127};
    const uint8_t u8[] = {0, 128, 255};
    int32_t table[256];
    oc_op_case c = {.name = "int8", .in = {TENSOR(int8, 4), TENSOR(int32, 256)}, .n_in = 2};
    (void)state;
    for (int32_t i = 0; i < 256; i++)
        table[i] = 1000 - i;
    expect("lookup", &c, (const void *[]){i8, table}, (const int32_t[]){1000, 873, 872, 745});
    c.in[0] = (oc_desc)TENSOR(uint8, 3);
    expect("lookup", &c, (const void *[]){u8, table}, (const int32_t[]){1000, 872, 745});
}

/* ---- integer arithmetic ---------------------------------------------------------------------- */

#define BINARY(fn_, type_, n_, p_, q_, y_)                                                     \
    expect("binary",                                                                           \
           &(oc_op_case){.name = #fn_ "_" #type_,                                              \
                         .in = {{OC_DTYPE_##type_, {1, {n_}}}, {OC_DTYPE_##type_, {1, {n_}}}}, \
                         .n_in = 2,                                                            \
                         .sets = {ENUM("fn", #fn_)}},                                          \
           (const void *[]){p_, q_}, y_)

static void integer_division_and_powers(void **state)
{
    const int64_t p[] = {7, -7, 5, INT64_MIN, INT64_MIN, 0}, q[] = {2, 2, 0, -1, 1, 3};
    const int64_t y[] = {3, -3, 0, INT64_MIN, INT64_MIN, 0};
    const int8_t p8[] = {-128, 100, -7, 5}, q8[] = {-1, 0, 3, -3}, y8[] = {-128, 0, -2, -1};
    const int32_t base[] = {3, -2, 2, 10, 0, 1, -1, -1, 5, 0};
    const int32_t exponent[] = {4, 3, 32, 10, 0, -9, -3, -4, -1, -1};
    const int32_t power[] = {81, -8, 0, 1410065408, 1, 1, -1, 1, 0, 0};
    (void)state;
    BINARY(div, int64, 6, p, q, y);
    BINARY(div, int8, 4, p8, q8, y8);
    BINARY(pow, int32, 10, base, exponent, power);
}

static void integer_arithmetic_wraps_around(void **state)
{
    const int8_t p[] = {100, -100, 16, -128}, q[] = {100, 100, 16, 127};
    const int8_t sum[] = {-56, 0, 32, -1}, difference[] = {0, 56, 0, 1};
    const int8_t product[] = {16, -16, 0, -128}, square[] = {0, 64, 0, 1};
    const uint8_t u[] = {200, 0}, v[] = {100, 1}, u_sum[] = {44, 1}, u_difference[] = {100, 255};
    const int64_t far[] = {INT64_MAX}, one[] = {1}, near[] = {INT64_MIN};
    (void)state;
    BINARY(add, int8, 4, p, q, sum);
    BINARY(sub, int8, 4, p, q, difference);
    BINARY(mul, int8, 4, p, q, product);
    BINARY(squared_difference, int8, 4, p, q, square);
    BINARY(add, uint8, 2, u, v, u_sum);
    BINARY(sub, uint8, 2, u, v, u_difference);
    BINARY(add, int64, 1, far, one, near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_cut_off_and_saturate),
        cmocka_unit_test(integers_wrap_around),
        cmocka_unit_test(integers_become_the_nearest_float),
        cmocka_unit_test(every_float16_is_its_value),
        cmocka_unit_test(floats_become_the_nearest_float16),
        cmocka_unit_test(quantize_rounds_and_saturates),
        cmocka_unit_test(scales_belong_to_an_axis_or_to_blocks),
        cmocka_unit_test(dequantize_of_each_type),
        cmocka_unit_test(lookup_counts_from_the_lowest),
        cmocka_unit_test(integer_division_and_powers),
        cmocka_unit_test(integer_arithmetic_wraps_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
