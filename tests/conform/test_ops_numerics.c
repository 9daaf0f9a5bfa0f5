/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scalar functions of numerics.h: their error against the C library's doubles over a dense
 * sweep of all bit patterns, their special values, and that a device gives the same bits.
 */
#include "op_case.h"

#include "numerics.h"

#include <math.h>
#include <stdio.h>

/* ---- accuracy ------------------------------------------------------------------------------ */

/* The distance of `found` from `exact` in units of the last place of a float of that size. */
static double ulps(float found, double exact)
{
    float rounded = (float)exact;
    int exponent = -125; /* 0 has the units of the denormals */
    if (isnan(exact) || isnan(found))
        return isnan(exact) && isnan(found) ? 0 : INFINITY;
    if (rounded == found)
        return 0;
    /* Infinity stands for the number after the largest. */
    double want = isinf(rounded) ? copysign(0x1p128, exact) : exact;
    double have = isinf(found) ? copysign(0x1p128, found) : (double)found;
    if (want != 0)
        frexp(fmin(fabs(want), 0x1.fffffep+127), &exponent);
    return fabs(have - want) / ldexp(1.0, fmax(exponent, -125) - 24);
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* tanh(ln(1 + e^x)), which tanh would round to 0 where e^x is denormal. */
static double mish(double x)
{
    double n = exp(fmin(x, 40)) * (exp(fmin(x, 40)) + 2);
    return x * (n / (n + 2));
}

static double gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2.0));
}

static double gelu_tanh(double x)
{
    return x / (1.0 + exp(-2.0 * sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

/* Of the functions that take one only: it is 0 elsewhere. */
static double expm1_below(double x)
{
    return x > 0 ? 0 : expm1(x);
}

static float our_expm1_below(float x)
{
    return x > 0 ? 0 : oc_expm1(x);
}

/* The unary functions whose parameters do not matter. */
#define OURS(name_)                                      \
    static float our_##name_(float x)                    \
    {                                                    \
        return oc_unary_eval(OC_UNARY_##name_, x, 0, 0); \
    }
OURS(rsqrt)
OURS(loggy)
OURS(softsign)
OURS(hard_swish)

static double rsqrt(double x)
{
    return 1.0 / sqrt(x);
}

static double loggy(double x)
{
    return tanh(x / 2);
}

static double softsign(double x)
{
    return x / (1.0 + fabs(x));
}

static double hard_swish(double x)
{
    return x * (fmin(fmax(x + 3.0, 0.0), 6.0) / 6.0);
}

typedef struct function {
    const char *name;
    float (*ours)(float);
    double (*exact)(double);
    double limit; /* what numerics.h promises */
} function;

static void errors_are_as_promised(void **state)
{
    static const function functions[] = {
        {"exp", oc_exp, exp, 0.88},
        {"ln", oc_ln, log, 0.51},
        {"sigmoid", oc_sigmoid, sigmoid, 2.5},
        {"tanh", oc_tanh, tanh, 1.4},
        {"expm1", our_expm1_below, expm1_below, 1},
        {"softplus", oc_softplus, softplus, 1.9},
        {"mish", oc_mish, mish, 4.5},
        {"erf", oc_erf, erf, 1.5},
        {"gelu", oc_gelu, gelu, 6},
        {"gelu_tanh", oc_gelu_tanh, gelu_tanh, 3.3},
        {"rsqrt", our_rsqrt, rsqrt, 1.5},
        {"loggy", our_loggy, loggy, 1.4},
        {"softsign", our_softsign, softsign, 1.5},
        {"hard_swish", our_hard_swish, hard_swish, 1.9},
        {"round", oc_round_even, nearbyint, 0},
        {"round_away", oc_round_away, round, 0},
    };
    (void)state;
    for (size_t f = 0; f < OC_COUNT(functions); f++) {
        /* A prime step meets every exponent about 16,000 times. */
        for (uint64_t u = 0; u <= UINT32_MAX; u += 521) {
            float x = oc_float((uint32_t)u);
            double error = ulps(functions[f].ours(x), functions[f].exact((double)x));
            if (!(error <= functions[f].limit))
                fail_msg("%s(%a) = %a: %g ulp off", functions[f].name, (double)x,
                         (double)functions[f].ours(x), error);
        }
    }
}

static void check_pow(float x, float y)
{
    double error = ulps(oc_pow(x, y), pow((double)x, (double)y));
    if (!(error <= 0.9))
        fail_msg("pow(%a, %a) = %a: %g ulp off", (double)x, (double)y, (double)oc_pow(x, y), error);
}

static void the_error_of_pow_is_as_promised(void **state)
{
    oc_rng rng = oc_rng_make(7);
    (void)state;
    for (int i = 0; i < 1000000; i++) {
        float x = oc_float((uint32_t)(oc_rng_u64(&rng) >> 33)); /* any float from 0 up, NaNs too */
        check_pow(x, oc_float((uint32_t)oc_rng_u64(&rng)));
        /* Results over the whole range, where errors in ln x are multiplied by 100 and more. */
        check_pow(x, oc_rng_float(&rng, -1, 1) * 105.0f / (fabsf(logf(x)) + 0.001f));
        check_pow(x, oc_rng_float(&rng, 0, 2));
    }
}

static void check_value(float found, float expected, const char *what)
{
    bool is_same = isnan(expected) ? isnan(found) : oc_bits(found) == oc_bits(expected);
    if (!is_same)
        fail_msg("%s is %a, expected %a", what, (double)found, (double)expected);
}

#define IS(call_, expected_) check_value((call_), (expected_), #call_)

static void special_values_are_right(void **state)
{
    const float inf = OC_INF, nan = OC_NAN;
    (void)state;
    IS(oc_exp(0.0f), 1.0f), IS(oc_exp(-0.0f), 1.0f), IS(oc_exp(inf), inf), IS(oc_exp(-inf), 0.0f);
    IS(oc_exp(nan), nan), IS(oc_exp(88.8f), inf), IS(oc_exp(-103.0f), 0x1p-149f);
    IS(oc_exp(-104.0f), 0.0f), IS(oc_exp(3e38f), inf), IS(oc_exp(-3e38f), 0.0f);
    IS(oc_ln(1.0f), 0.0f), IS(oc_ln(0.0f), -inf), IS(oc_ln(-0.0f), -inf), IS(oc_ln(inf), inf);
    IS(oc_ln(-1.0f), nan), IS(oc_ln(-inf), nan), IS(oc_ln(nan), nan);
    IS(oc_pow(0.0f, 0.75f), 0.0f), IS(oc_pow(0.0f, -2.0f), inf), IS(oc_pow(inf, 0.5f), inf);
    IS(oc_pow(inf, -1.0f), 0.0f), IS(oc_pow(nan, 0.0f), 1.0f), IS(oc_pow(1.0f, nan), 1.0f);
    IS(oc_pow(-2.0f, 2.0f), nan), IS(oc_pow(2.0f, nan), nan), IS(oc_pow(2.0f, 10.0f), 1024.0f);
    IS(oc_pow(0.5f, inf), 0.0f), IS(oc_pow(2.0f, inf), inf), IS(oc_pow(0.25f, 0.5f), 0.5f);
    IS(oc_sigmoid(0.0f), 0.5f), IS(oc_sigmoid(inf), 1.0f), IS(oc_sigmoid(-inf), 0.0f);
    IS(oc_sigmoid(nan), nan), IS(oc_tanh(inf), 1.0f), IS(oc_tanh(-inf), -1.0f);
    IS(oc_tanh(-0.0f), -0.0f), IS(oc_tanh(nan), nan), IS(oc_tanh(0x1p-149f), 0x1p-149f);
}

static void activations_pass_nans_and_signs_of_zero(void **state)
{
    const float nan = OC_NAN;
    (void)state;
    for (int fn = 0; fn < OC_UNARY_COUNT; fn++)
        IS(oc_unary_eval((oc_unary_fn)fn, nan, 0.25f, 0.5f), nan);
    IS(oc_unary_eval(OC_UNARY_relu, -0.0f, 0, 0), -0.0f);
    IS(oc_unary_eval(OC_UNARY_relu, -3.0f, 0, 0), 0.0f);
    IS(oc_unary_eval(OC_UNARY_relu6, 7.0f, 0, 0), 6.0f);
    IS(oc_unary_eval(OC_UNARY_relu_n1_to_1, -7.0f, 0, 0), -1.0f);
    IS(oc_unary_eval(OC_UNARY_leaky_relu, -2.0f, 0.25f, 0), -0.5f);
    IS(oc_unary_eval(OC_UNARY_clip, 0.1f, 0.25f, 0.5f), 0.25f);
    IS(oc_unary_eval(OC_UNARY_clip, 0.7f, 0.25f, 0.5f), 0.5f);
    IS(oc_unary_eval(OC_UNARY_abs, -0.0f, 0, 0), 0.0f);
    IS(oc_unary_eval(OC_UNARY_neg, 0.0f, 0, 0), -0.0f);
    IS(oc_unary_eval(OC_UNARY_sqrt, 2.25f, 0, 0), 1.5f);
    IS(oc_binary_max(nan, 1.0f), nan), IS(oc_binary_max(1.0f, nan), nan);
    IS(oc_binary_min(nan, 1.0f), nan), IS(oc_binary_min(1.0f, nan), nan);
    IS(oc_binary_max(0.0f, -0.0f), -0.0f), IS(oc_binary_min(-0.0f, 0.0f), 0.0f);
    IS(oc_binary_max(2.0f, 1.0f), 2.0f), IS(oc_binary_min(2.0f, 1.0f), 1.0f);
}

static void parameters_and_steps_of_functions(void **state)
{
    const float inf = OC_INF;
    (void)state;
#define FN(name_, x_, a_, b_) oc_unary_eval(OC_UNARY_##name_, x_, a_, b_)
    IS(FN(elu, -inf, 0.5f, 0), -0.5f), IS(FN(elu, 2.0f, 0.5f, 0), 2.0f);
    IS(FN(elu, -0.0f, 1, 0), -0.0f), IS(FN(elu, -0x1p-149f, 1, 0), -0x1p-149f);
    IS(FN(selu, -inf, 0.5f, 4), -2.0f), IS(FN(selu, 2.0f, 0.5f, 4), 8.0f);
    IS(FN(hard_sigmoid, 0.25f, 0.5f, 0.25f), 0.375f), IS(FN(hard_sigmoid, -inf, 0.5f, 0.25f), 0);
    IS(FN(hard_sigmoid, 9.0f, 0.5f, 0.25f), 1.0f);
    IS(FN(hard_swish, -3.5f, 0, 0), -0.0f), IS(FN(hard_swish, 1.5f, 0, 0), 1.125f);
    IS(FN(hard_swish, 7.0f, 0, 0), 7.0f), IS(FN(swish, 3.0f, 0, 0), 1.5f);
    IS(FN(swish, 90.0f, 2, 0), 90.0f);
    IS(FN(softplus, inf, 0, 0), inf), IS(FN(softplus, -inf, 0, 0), 0.0f);
    IS(FN(softplus, 100.0f, 0, 0), 100.0f), IS(FN(softsign, -1.0f, 0, 0), -0.5f);
    IS(FN(mish, 50.0f, 0, 0), 50.0f), IS(FN(mish, inf, 0, 0), inf), IS(FN(mish, 0.0f, 0, 0), 0.0f);
    IS(FN(erf, inf, 0, 0), 1.0f), IS(FN(erf, -inf, 0, 0), -1.0f), IS(FN(erf, -0.0f, 0, 0), -0.0f);
    IS(FN(gelu, inf, 0, 0), inf), IS(FN(gelu, -40.0f, 0, 0), -0.0f);
    IS(FN(gelu, -1e30f, 0, 0), -0.0f), IS(FN(gelu_tanh, -1e30f, 0, 0), -0.0f);
    IS(FN(mish, -1e30f, 0, 0), -0.0f), IS(FN(gelu, -inf, 0, 0), OC_NAN);
    IS(FN(gelu, 1e30f, 0, 0), 1e30f), IS(FN(gelu_tanh, inf, 0, 0), inf);
    IS(FN(gelu_tanh, 1e30f, 0, 0), 1e30f), IS(FN(gelu_tanh, -40.0f, 0, 0), -0.0f);
    IS(FN(thresholded_relu, 0.5f, 0.5f, 0), 0.0f), IS(FN(thresholded_relu, 1.0f, 0.5f, 0), 1.0f);
    IS(FN(reciprocal, -4.0f, 0, 0), -0.25f), IS(FN(reciprocal, -0.0f, 0, 0), -inf);
    IS(FN(rsqrt, 0.25f, 0, 0), 2.0f), IS(FN(rsqrt, 0.0f, 0, 0), inf);
    IS(FN(square, -3.0f, 0, 0), 9.0f);
    IS(FN(sign, -9.0f, 0, 0), -1.0f), IS(FN(sign, inf, 0, 0), 1.0f), IS(FN(sign, 0.0f, 0, 0), 0.0f);
    IS(FN(floor, -0.5f, 0, 0), -1.0f), IS(FN(ceil, -0.5f, 0, 0), -0.0f);
    IS(FN(round, 2.5f, 0, 0), 2.0f), IS(FN(round, -3.5f, 0, 0), -4.0f);
    IS(FN(round, 0x1.fffffep-2f, 0, 0), 0.0f), IS(FN(round_away, 2.5f, 0, 0), 3.0f);
    IS(FN(round_away, -0.5f, 0, 0), -1.0f), IS(FN(round_away, 0x1.fffffep-2f, 0, 0), 0.0f);
    IS(FN(round_away, -inf, 0, 0), -inf), IS(FN(round_away, -0.25f, 0, 0), -0.0f);
    IS(FN(ramp, 10.0f, 0, 0), 11.0f), IS(FN(ramp, -10.0f, 0, 0), -1.0f);
    IS(FN(loggy, inf, 0, 0), 1.0f), IS(FN(lhtan, 1001.0f, 0, 0), 2.0f);
    IS(FN(lhtan, -1000.0f, 0, 0), -1.0f), IS(FN(lhtan, 0.5f, 0, 0), 0.5f);
    IS(FN(plse, 4.0f, 0, 0), 1.0f), IS(FN(plse, 104.0f, 0, 0), 2.0f);
    IS(FN(plse, -104.0f, 0, 0), -1.0f), IS(FN(stair, 2.75f, 0, 0), 1.0f);
    IS(FN(stair, 3.75f, 0, 0), 1.75f), IS(FN(stair, -0.75f, 0, 0), -0.75f);
#undef FN
}

static void powers_are_those_of_c(void **state)
{
    const float values[] = {0.0f,    -0.0f,    0x1p-149f,   -0x1p-149f,  0.5f,   -0.5f,   1,
                            -1,      2,        -2,          3,           -3,     2.5f,    -2.5f,
                            0x1p24f, -0x1p24f, 0x1p24f + 2, 16777215.0f, OC_INF, -OC_INF, OC_NAN};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(values); i++)
        for (size_t k = 0; k < OC_COUNT(values); k++) {
            double exact = pow((double)values[i], (double)values[k]);
            float y = oc_binary_pow(values[i], values[k]);
            if (!(ulps(y, exact) <= 0.9) || (!isnan(y) && !!signbit(y) != !!signbit(exact)))
                fail_msg("pow(%a, %a) is %a, expected %a", (double)values[i], (double)values[k],
                         (double)y, exact);
        }
}

/* ---- the same bits on a device -------------------------------------------------------------- */

#define SWEEP (1 << 20)

/* Float inputs that meet every sign and exponent, in an order of no pattern. */
static void fill_bits(op_run *run, uint32_t step)
{
    uint32_t u = step;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        oc_assert_ok(oc_alloc(NULL, SWEEP, sizeof(float), &run->data[i]));
        for (size_t k = 0; k < SWEEP; k++, u += step)
            ((float *)run->data[i])[k] = oc_float(u);
    }
}

static void sweep(oc_dev *dev, const char *op, const char *fn, uint32_t n_in)
{
    op_run run;
    void *out[OC_CASE_IN];
    oc_op_case c = {.name = fn, .n_in = n_in, .sets = {{.attr = "fn", .name = fn}}};
    for (uint32_t i = 0; i < n_in; i++)
        c.in[i] = (oc_desc){OC_DTYPE_float32, {1, {SWEEP}}};
    op_run_init(&run, oc_op_find(op), &c);
    oc_assert_ok(op_run_shape(&run));
    fill_bits(&run, 0x9e3779b1u); /* odd: a walk through all 2^32 patterns; near the golden ratio */
    oc_assert_ok(op_run_reference(&run));
    oc_assert_ok(op_run_device(&run, dev, out));
    op_run_compare(&run, out, "dense sweep");
    oc_free(NULL, out[0]);
    op_run_fini(&run);
}

static void a_device_gives_the_same_bits(void **state)
{
    const oc_dev_options options = {0};
    oc_dev *dev;
    (void)state;
    if (oc_dev_open("pocl", &options, NULL, &dev) != OC_OK) {
        print_message("%s\n", oc_error_text());
        skip();
    }
#define X(name_, formula_) sweep(dev, "unary", #name_, 1);
    OC_UNARY_LIST(X)
#undef X
#define X(name_, formula_) sweep(dev, "binary", #name_, 2);
    OC_BINARY_LIST(X)
#undef X
    oc_dev_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_as_promised),
        cmocka_unit_test(the_error_of_pow_is_as_promised),
        cmocka_unit_test(special_values_are_right),
        cmocka_unit_test(activations_pass_nans_and_signs_of_zero),
        cmocka_unit_test(parameters_and_steps_of_functions),
        cmocka_unit_test(powers_are_those_of_c),
        cmocka_unit_test(a_device_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
