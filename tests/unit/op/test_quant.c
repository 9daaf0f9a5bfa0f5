/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The arithmetic of 8-bit networks against what LiteRT computes. The known answers are the outputs
 * of one-operator models under ai-edge-litert 2.3.0, Interpreter(experimental_op_resolver_type=
 * OpResolverType.BUILTIN_REF); scales and zero points stand beside them.
 */
#include "op_case.h"

#include "oc_quant.h"

#include "quant.h"

#include <math.h>

static void expect_multiplier(double real, int32_t multiplier, int32_t shift)
{
    int32_t m = -1, s = -1;
    oc_quant_multiplier(real, &m, &s);
    assert_int_equal(m, multiplier);
    assert_int_equal(s, shift);
}

static void multipliers_are_mantissa_and_exponent(void **state)
{
    (void)state;
    expect_multiplier(0.5, 1 << 30, 0);
    expect_multiplier(1.0, 1 << 30, 1);
    expect_multiplier(0.75, 3 << 29, 0);
    expect_multiplier(0.1, 1717986918, -3);
    expect_multiplier(1000.0, 2097152000, 10);
    expect_multiplier(1.0 - 0x1p-40, 1 << 30, 1); /* rounds up to a power of two */
    expect_multiplier(0x1p-32, 1 << 30, -31);
    expect_multiplier(0x1p-33, 0, 0);
    expect_multiplier(0.0, 0, 0);
    expect_multiplier((double)NAN, 0, 0);
    expect_multiplier((double)INFINITY, 0, 0);
    expect_multiplier(-0.5, -(1 << 30), 0);
}

static void scaling_rounds_twice(void **state)
{
    (void)state;
    assert_int_equal(oc_quant_scale(100, 1 << 30, 0), 50);
    assert_int_equal(oc_quant_scale(100, 1 << 30, 3), 400);
    /* 5 / 2 is rounded up to 3, then 3 / 2 away from 0 to 2: 5 / 4 at once would be 1. */
    assert_int_equal(oc_quant_scale(5, 1 << 30, -1), 2);
    /* -5 / 2 is rounded up to -2, and -2 / 2 is exact. */
    assert_int_equal(oc_quant_scale(-5, 1 << 30, -1), -1);
    assert_int_equal(oc_quant_shift_down(-3, 1), -2);
    assert_int_equal(oc_quant_shift_down(3, 1), 2);
    assert_int_equal(oc_quant_shift_down(OC_Q_MIN, 31), -1);
    assert_int_equal(oc_quant_shift_down(7, 0), 7);
    assert_int_equal(oc_quant_mul(OC_Q_MIN, OC_Q_MIN), OC_Q_MAX);
    assert_int_equal(oc_quant_mul(OC_Q_MIN, OC_Q_MAX), -OC_Q_MAX);
    assert_int_equal(oc_quant_scale(3, 1 << 30, 99), oc_quant_scale(3, 1 << 30, 31));
    assert_int_equal(oc_quant_rescale(OC_Q_MAX / 2 + 1, 1), OC_Q_MAX);
    assert_int_equal(oc_quant_rescale(-(1 << 30), 1), OC_Q_MIN);
    assert_int_equal(oc_quant_rescale(-(1 << 30) - 1, 1), OC_Q_MIN);
}

/* Extremes and anything, in fewer steps: the same. */
static void scaling_down_is_scaling(void **state)
{
    static const int32_t extremes[] = {OC_Q_MIN, OC_Q_MIN + 1, OC_Q_MAX, OC_Q_MAX - 1, 0, 1, -1};
    oc_rng rng = oc_rng_make(77);
    (void)state;
    for (int i = 0; i < 300000; i++) {
        int32_t multiplier = (int32_t)(oc_rng_u64(&rng) >> 33), shift = -2 - i % 30;
        int32_t x = (int32_t)(uint32_t)oc_rng_u64(&rng) >> i % 31, zero = i % 384 - 128;
        if (i % 3 == 0)
            x = extremes[(size_t)i / 90 % OC_COUNT(extremes)];
        multiplier = i % 5 == 0 ? OC_Q_MAX : multiplier == 0 ? 1 : multiplier;
        assert_int_equal(oc_quant_scale_down(x, multiplier, shift, zero),
                         oc_quant_scale(x, multiplier, shift) + zero);
    }
}

/* The real number as a double, and what rounding its product with x gives. */
static void expect_double(double real, int32_t x, int32_t y)
{
    int32_t multiplier, low, shift;
    oc_quant_multiplier_double(real, &multiplier, &low, &shift);
    assert_true(ldexp(multiplier * 0x1p22 + low, shift - 53) == real);
    assert_int_equal(oc_quant_scale_double(x, multiplier, low, shift), y);
}

/* By LiteRT: FULLY_CONNECTED with weights of 0 and a bias of x, scales 1 and 1, output 1 / real. */
static void scaling_in_doubles_is_litert(void **state)
{
    (void)state;
    expect_double(0.5, -253, -127);
    expect_double(0.5, 253, 127);
    expect_double(1 / 10.0, 5, 1);          /* above a half, but 0.5 once 53 bits are left */
    expect_double(1 / 7e6, -3500000, 0);    /* 0.5 less 2^-54: adding a half would round up */
    expect_double(1.5, 2147483647, OC_Q_MIN);
    expect_double(2.0, 1 << 30, OC_Q_MIN);
    expect_double(1.0, OC_Q_MIN, OC_Q_MIN);
    expect_double(1.0, OC_Q_MAX, OC_Q_MAX);
}

/* The integers against the doubles of this machine: near halves and anywhere. */
static void scaling_in_doubles_is_exact(void **state)
{
    oc_rng rng = oc_rng_make(2100);
    (void)state;
    for (int i = 0; i < 300000; i++) {
        int32_t multiplier = (int32_t)(1u << 30 | oc_rng_u64(&rng) >> 34);
        int32_t low = (int32_t)(oc_rng_u64(&rng) >> 42), shift = (int32_t)(oc_rng_u64(&rng) % 66) - 34;
        double real = ldexp(multiplier * 0x1p22 + low, shift - 53);
        int32_t x = (int32_t)(uint32_t)oc_rng_u64(&rng);
        double at = floor(((int32_t)(oc_rng_u64(&rng) % 512) - 256 + 0.5) / real);
        if (i % 2 == 0 && fabs(at) < 0x1p31)
            x = (int32_t)at;
        double y = round((double)x * real);
        assert_int_equal(oc_quant_scale_double(x, multiplier, low, shift),
                         fabs(y) < 0x1p31 ? (int32_t)y : OC_Q_MIN);
    }
}

/* The fixed-point functions are what they are called, to about 2^-20, 2^-27 and 2^-19. */
static void fixed_point_functions_are_close(void **state)
{
    (void)state;
    for (int bits = 0; bits <= 5; bits++)
        for (int32_t i = 0; i <= 1000; i++) {
            int32_t a = (int32_t)(-(int64_t)i * OC_Q_MAX / 1000);
            double x = (double)a * ldexp(1, bits - 31);
            assert_true(fabs(oc_quant_exp(a, bits) * 0x1p-31 - exp(x)) < 0x1p-20);
        }
    for (int32_t i = 0; i < 1000; i++) {
        int32_t a = OC_Q_MAX / 1000 * i;
        assert_true(fabs(oc_quant_reciprocal(a) * 0x1p-31 - 1 / (1 + a * 0x1p-31)) < 0x1p-27);
    }
    for (uint32_t x = 1; x <= OC_Q_MAX; x += 1 + x / 50) {
        double root = ldexp(oc_quant_root((int32_t)x), oc_quant_root_shift((int32_t)x) - 31);
        assert_true(fabs(root * sqrt(x) - 1) < 0x1p-19);
    }
    /* No length, and a sum that has wrapped around. */
    assert_int_equal(oc_quant_root(0), OC_Q_MAX);
    assert_int_equal(oc_quant_root(OC_Q_MIN), OC_Q_MAX);
    assert_int_equal(oc_quant_root_shift(OC_Q_MIN), 0);
}

/* `op` on data in, which give `bytes` bytes. */
static void expect(const char *op, const oc_op_case *c, const void *const *in, const void *expected,
                   size_t bytes)
{
    op_run run;
    uint8_t y[64];
    void *out[1] = {y};
    assert_true(bytes <= sizeof(y));
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    oc_assert_ok(run.call.op->reference(&run.call, in, out));
    assert_memory_equal(y, expected, bytes);
    op_run_fini(&run);
}

#define SET(attr_, number_)                \
    {                                      \
        .attr = attr_, .number = (number_) \
    }

static void softmax_is_litert_s(void **state)
{
    /* Scale 0.19296393, beta 1. By way of floats the first row would be -117 -128 117. */
    const int8_t x[] = {5, -13, 21, 8, 15, -24, 15, -2, 0};
    const int8_t y[] = {-117, -128, 116, -75, 75, -128, 106, -119, -115};
    int32_t multiplier, shift, diff_min;
    (void)state;
    oc_quant_softmax(1.0, (double)0.19296393f, &multiplier, &shift, &diff_min);
    const oc_op_case c = {
        .name = "litert",
        .in = {{OC_DTYPE_int8, {2, {3, 3}}}},
        .n_in = 1,
        .sets = {SET("multiplier", multiplier), SET("shift", shift), SET("diff_min", diff_min)}};
    assert_int_equal(multiplier, 1657547520);
    assert_int_equal(shift, 24);
    assert_int_equal(diff_min, -124);
    expect("qsoftmax", &c, (const void *[]){x}, y, sizeof(y));
}

/* uint8 with scales 0.05, 0.03 and 0.06, zero points 128, 100 and 140. */
static void check_binary(const char *fn, double factor, const uint8_t *y)
{
    const uint8_t p[] = {0, 255, 0, 255, 13, 77, 200, 131, 128, 250};
    const uint8_t q[] = {0, 0, 255, 255, 201, 8, 91, 130, 127, 3};
    const double s1 = (double)0.05f, s2 = (double)0.03f;
    int32_t mult1, mult2, mult_out, shift1, shift2, shift_out;
    oc_quant_multiplier(s1 / (2 * s1), &mult1, &shift1);
    oc_quant_multiplier(s2 / (2 * s1), &mult2, &shift2);
    oc_quant_multiplier(factor / (double)0.06f, &mult_out, &shift_out);
    const oc_op_case c = {.name = "litert",
                          .in = {{OC_DTYPE_uint8, {1, {10}}}, {OC_DTYPE_uint8, {1, {10}}}},
                          .n_in = 2,
                          .sets = {{.attr = "fn", .name = fn},
                                   SET("zero1", 128),
                                   SET("mult1", mult1),
                                   SET("shift1", shift1),
                                   SET("zero2", 100),
                                   SET("mult2", mult2),
                                   SET("shift2", shift2),
                                   SET("zero_out", 140),
                                   SET("mult_out", mult_out),
                                   SET("shift_out", shift_out),
                                   SET("lo", 0),
                                   SET("hi", 255)}};
    expect("qbinary", &c, (const void *[]){p, q}, y, 10);
}

static void binary_functions_are_litert_s(void **state)
{
    const uint8_t sum[] = {0, 196, 111, 255, 95, 51, 196, 158, 154, 193};
    const uint8_t difference[] = {83, 255, 0, 168, 0, 144, 205, 127, 126, 255};
    const uint8_t product[] = {255, 0, 0, 255, 0, 255, 124, 142, 140, 0};
    (void)state;
    check_binary("add", 2 * (double)0.05f * 0x1p-20, sum);
    check_binary("sub", 2 * (double)0.05f * 0x1p-20, difference);
    check_binary("mul", (double)0.05f * (double)0.03f, product);
}

static void requantize_by_hand(void **state)
{
    const int32_t x[] = {100, 100, -5, 2000, -2000, 5};
    const int32_t multiplier[] = {1 << 30, 1 << 30, 1 << 30}, shift[] = {0, 1, -1};
    const int8_t y[] = {50 + 3, 100 + 3, -1 + 3, 120, -100, 2 + 3};
    const oc_op_case c = {.name = "by_hand",
                          .in = {{OC_DTYPE_int32, {2, {2, 3}}},
                                 {OC_DTYPE_int32, {1, {3}}},
                                 {OC_DTYPE_int32, {1, {3}}}},
                          .n_in = 3,
                          .sets = {SET("zero", 3), SET("lo", -100), SET("hi", 120)}};
    (void)state;
    expect("requantize", &c, (const void *[]){x, multiplier, shift}, y, sizeof(y));
}

static void refuse(const char *op, const oc_op_case *c, oc_status status, const char *text)
{
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_fails(op_run_shape(&run), status, text);
    op_run_fini(&run);
}

static void what_does_not_fit_is_refused(void **state)
{
    oc_op_case c = {.name = "bad",
                    .in = {{OC_DTYPE_int32, {2, {2, 3}}},
                           {OC_DTYPE_int32, {1, {2}}},
                           {OC_DTYPE_int32, {1, {2}}}},
                    .n_in = 3};
    (void)state;
    refuse("requantize", &c, OC_E_SHAPE, "expected 3 along axis 0 (the last axis of input 0)");
    c.in[1].shape.dim[0] = 3;
    refuse("requantize", &c, OC_E_SHAPE, "expected 3 along axis 0 (as many as multipliers)");
    c.in[2].shape.dim[0] = 3;
    c.sets[0] = (oc_case_set)SET("hi", 200);
    refuse("requantize", &c, OC_E_ARG,
           "limits of requantize are -128 to 200, expected them within -128 to 127 (int8)");
    c.sets[0] = (oc_case_set){.attr = "rounding", .name = "double"};
    refuse("requantize", &c, OC_E_ARG, "rounding \"double\": expected 4 inputs, found 3");
    c.in[1].dtype = OC_DTYPE_int64;
    refuse("requantize", &c, OC_E_DTYPE, "input 1 of requantize is int64, expected int32");
    const oc_op_case mixed = {
        .name = "mixed", .in = {{OC_DTYPE_int8, {1, {3}}}, {OC_DTYPE_uint8, {1, {3}}}}, .n_in = 2};
    refuse("qbinary", &mixed, OC_E_DTYPE, "input 1 of qbinary is uint8, expected int8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipliers_are_mantissa_and_exponent),
        cmocka_unit_test(scaling_rounds_twice),
        cmocka_unit_test(scaling_down_is_scaling),
        cmocka_unit_test(fixed_point_functions_are_close),
        cmocka_unit_test(softmax_is_litert_s),
        cmocka_unit_test(binary_functions_are_litert_s),
        cmocka_unit_test(scaling_in_doubles_is_litert),
        cmocka_unit_test(scaling_in_doubles_is_exact),
        cmocka_unit_test(requantize_by_hand),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
