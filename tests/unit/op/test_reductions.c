/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What each function of reduce gives, searches for the greatest element, logarithmic softmax and
 * pools of integers: results worked out by hand, among them those at the bounds of a type.
 */
#include "oc_tensor.h"
#include "op_case.h"

#include <math.h>

#define INTS(...)                                                      \
    {                                                                  \
        (int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), \
        {                                                              \
            __VA_ARGS__                                                \
        }                                                              \
    }
#define DESC(dtype_, ...)                    \
    {                                        \
        OC_DTYPE_##dtype_, INTS(__VA_ARGS__) \
    }
#define FN(name_)                   \
    {                               \
        .attr = "fn", .name = name_ \
    }
#define SET(attr_, number_)              \
    {                                    \
        .attr = attr_, .number = number_ \
    }
#define SET_INTS(attr_, ...)                     \
    {                                            \
        .attr = attr_, .ints = INTS(__VA_ARGS__) \
    }

/* What the reference makes of input `x` is `expected`, byte for byte. */
static void expect(const char *op, const oc_op_case *c, const void *x, const oc_desc *desc,
                   const void *expected)
{
    op_run run;
    size_t bytes;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_ok(op_run_shape(&run));
    assert_true(oc_shape_equal(&run.out[0]->shape, &desc->shape));
    assert_int_equal(run.out[0]->dtype, desc->dtype);
    oc_assert_ok(oc_desc_bytes(run.in[0], &bytes));
    oc_assert_ok(oc_alloc(NULL, bytes, 1, &run.data[0]));
    memcpy(run.data[0], x, bytes);
    oc_assert_ok(op_run_reference(&run));
    oc_assert_ok(oc_desc_bytes(desc, &bytes));
    if (memcmp(run.expected[0], expected, bytes) != 0) {
        if (desc->dtype == OC_DTYPE_float32)
            fail_msg("%s: expected %a first, found %a", run.name, (double)*(const float *)expected,
                     (double)*(float *)run.expected[0]);
        fail_msg("%s: another result", run.name);
    }
    op_run_fini(&run);
}

static void refuse(const char *op, const oc_op_case *c, oc_status status, const char *text)
{
    op_run run;
    op_run_init(&run, oc_op_find(op), c);
    oc_assert_fails(op_run_shape(&run), status, text);
    op_run_fini(&run);
}

/* ---- reduce --------------------------------------------------------------------------------- */

static void functions_of_floats(void **state)
{
    static const struct {
        const char *fn;
        float y;
    } rows[] = {
        {"mean", 1.25f}, {"sum", 5},         {"max", 4}, {"min", -2},
        {"prod", -24},   {"sum_square", 29}, {"l1", 9},
    };
    const float x[] = {-2, 3, 4, 0}, one[] = {1, 1, 1, 1};
    const float x_prod[] = {-2, 3, 4, 1};
    const oc_desc y = DESC(float32, 1);
    (void)state;
    for (size_t i = 0; i < OC_COUNT(rows); i++) {
        const oc_op_case c = {.name = rows[i].fn,
                              .in = {DESC(float32, 1, 4)},
                              .n_in = 1,
                              .sets = {FN(rows[i].fn), SET_INTS("axes", 1)}};
        expect("reduce", &c, strcmp(rows[i].fn, "prod") == 0 ? x_prod : x, &y, &rows[i].y);
    }
    const oc_op_case l2 = {.name = "l2",
                           .in = {DESC(float32, 1, 4)},
                           .n_in = 1,
                           .sets = {FN("l2"), SET_INTS("axes", 1)}};
    const oc_op_case log_sum = {.name = "log_sum",
                                .in = {DESC(float32, 1, 4)},
                                .n_in = 1,
                                .sets = {FN("log_sum"), SET_INTS("axes", 1)}};
    expect("reduce", &l2, one, &y, &(float){2});
    expect("reduce", &log_sum, one, &y, &(float){0x1.62e43p+0f}); /* ln 4 */
}

/* Far beyond what e^x can hold, the sum still has a logarithm. */
static void log_sum_exp_at_the_ends(void **state)
{
    const oc_op_case c = {.name = "log_sum_exp",
                          .in = {DESC(float32, 3, 2)},
                          .n_in = 1,
                          .sets = {FN("log_sum_exp"), SET_INTS("axes", 1)}};
    const float x[] = {1000, -INFINITY, -INFINITY, -INFINITY, INFINITY, -5};
    const float y[] = {1000, -INFINITY, INFINITY};
    (void)state;
    expect("reduce", &c, x, &(oc_desc)DESC(float32, 3), y);
}

static void functions_of_integers(void **state)
{
    const int32_t x[] = {INT32_MIN, -1, 3};
    const int64_t z[] = {INT64_MAX, -2, 5};
    static const struct {
        const char *fn;
        int32_t y;
        int64_t w;
    } rows[] = {
        {"sum", INT32_MIN + 2, INT64_MIN + 2},
        {"prod", INT32_MIN, 10}, /* (2^63 - 1) * -10 = 10 modulo 2^64 */
        {"max", 3, INT64_MAX},
        {"min", INT32_MIN, -2},
        {"sum_square", 10, 30},
        {"l1", INT32_MIN + 4, INT64_MIN + 6},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(rows); i++) {
        oc_op_case c = {.name = rows[i].fn,
                        .in = {DESC(int32, 3)},
                        .n_in = 1,
                        .sets = {FN(rows[i].fn), SET_INTS("axes", 0), SET("keepdims", 1)}};
        expect("reduce", &c, x, &(oc_desc)DESC(int32, 1), &rows[i].y);
        c.in[0].dtype = OC_DTYPE_int64;
        expect("reduce", &c, z, &(oc_desc)DESC(int64, 1), &rows[i].w);
    }
}

static void orders_of_small_types(void **state)
{
    const oc_op_case c = {.name = "max",
                          .in = {DESC(uint8, 2, 3)},
                          .n_in = 1,
                          .sets = {FN("max"), SET_INTS("axes", 1)}};
    oc_op_case signs = c, truths = c;
    signs.in[0].dtype = OC_DTYPE_int8;
    truths.in[0].dtype = OC_DTYPE_bool;
    const uint8_t x[] = {1, 200, 127, 0, 0, 0}, max[] = {200, 0};
    const int8_t s[] = {-128, -100, -127, 1, 2, -3}, s_max[] = {-100, 2};
    const uint8_t b[] = {0, 1, 0, 0, 0, 0}, any[] = {1, 0};
    (void)state;
    expect("reduce", &c, x, &(oc_desc)DESC(uint8, 2), max);
    expect("reduce", &signs, s, &(oc_desc)DESC(int8, 2), s_max);
    expect("reduce", &truths, b, &(oc_desc)DESC(bool, 2), any);
    truths.sets[0] = (oc_case_set)FN("mean");
    refuse("reduce", &truths, OC_E_DTYPE, "is bool, expected a type that has mean");
    signs.sets[0] = (oc_case_set)FN("sum");
    refuse("reduce", &signs, OC_E_DTYPE, "is int8, expected a type that has sum");
}

/* ---- argmax --------------------------------------------------------------------------------- */

static void searches(void **state)
{
    const float x[] = {3, 7, 7, 1, 1, 2};
    oc_op_case c = {.name = "", .in = {DESC(float32, 6)}, .n_in = 1};
    const oc_desc y = {OC_DTYPE_int64, {0, {0}}};
    (void)state;
    expect("argmax", &c, x, &y, &(int64_t){1});
    c.sets[0] = (oc_case_set)SET("select_last", 1);
    expect("argmax", &c, x, &y, &(int64_t){2});
    c.sets[1] = (oc_case_set)FN("min");
    expect("argmax", &c, x, &y, &(int64_t){4});
    c.sets[0] = (oc_case_set)SET("keep_dims", 1);
    expect("argmax", &c, x, &(oc_desc)DESC(int64, 1), &(int64_t){3});
    c.sets[0] = (oc_case_set){.attr = "to", .name = "int32"};
    expect("argmax", &c, x, &(oc_desc){OC_DTYPE_int32, {0, {0}}}, &(int32_t){3});
}

/* A NaN stands before everything else, whichever is looked for. */
static void searches_among_nans(void **state)
{
    const float x[] = {NAN, INFINITY, NAN, -INFINITY};
    oc_op_case c = {.name = "nan", .in = {DESC(float32, 4)}, .n_in = 1};
    const oc_desc y = {OC_DTYPE_int64, {0, {0}}};
    (void)state;
    expect("argmax", &c, x, &y, &(int64_t){0});
    c.sets[0] = (oc_case_set)FN("min");
    expect("argmax", &c, x, &y, &(int64_t){0});
    c.sets[1] = (oc_case_set)SET("select_last", 1);
    expect("argmax", &c, x, &y, &(int64_t){2});
}

static void searches_along_axes(void **state)
{
    const int8_t x[] = {-3, 5, -128, 127, -3, 5};
    oc_op_case c = {.name = "int8", .in = {DESC(int8, 3, 2)}, .n_in = 1};
    (void)state;
    expect("argmax", &c, x, &(oc_desc)DESC(int64, 2), (int64_t[]){0, 1});
    c.sets[0] = (oc_case_set)SET("axis", 1);
    expect("argmax", &c, x, &(oc_desc)DESC(int64, 3), (int64_t[]){1, 1, 1});
    c.sets[0] = (oc_case_set)SET("axis", 2);
    refuse("argmax", &c, OC_E_ARG, "axis of argmax is 2, expected 0 to 1");
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void log_softmax(void **state)
{
    const oc_op_case c = {
        .name = "log", .in = {DESC(float32, 4)}, .n_in = 1, .sets = {SET("log", 1)}};
    const float x[] = {-1e4f, -1e4f, -1e4f, -1e4f}, y = -0x1.62e43p+0f; /* -ln 4 */
    (void)state;
    expect("softmax", &c, x, &(oc_desc)DESC(float32, 4), (float[]){y, y, y, y});
    /* e^-200 is no float, its logarithm is. */
    const float far[] = {0, -200, -1000, -INFINITY};
    expect("softmax", &c, far, &(oc_desc)DESC(float32, 4), far);
}

/* ---- pools ---------------------------------------------------------------------------------- */

#define WINDOW(h_, w_) SET_INTS("kernel", h_, w_)

/* Means of integers are rounded to the nearest, halves away from zero. */
static void means_of_integers(void **state)
{
    oc_op_case c = {
        .name = "int8", .in = {DESC(int8, 1, 1, 6, 1)}, .n_in = 1, .sets = {WINDOW(1, 2)}};
    const int8_t x[] = {1, 2, -3, -2, -128, 127};
    (void)state;
    expect("avgpool2d", &c, x, &(oc_desc)DESC(int8, 1, 1, 5, 1), (int8_t[]){2, -1, -3, -65, -1});
    c.sets[1] = (oc_case_set){.attr = "act", .name = "clip"};
    c.sets[2] = (oc_case_set)SET("act_a", -2);
    c.sets[3] = (oc_case_set)SET("act_b", 1);
    expect("avgpool2d", &c, x, &(oc_desc)DESC(int8, 1, 1, 5, 1), (int8_t[]){1, -1, -2, -2, -1});
    c.sets[1].name = "relu";
    refuse("avgpool2d", &c, OC_E_DTYPE, "has the activation relu, expected none or clip");
    /* 255 * 2900 * 2900 fits an int32, with half the count for rounding it does not. */
    const oc_op_case wide = {.name = "wide",
                             .in = {DESC(uint8, 1, 2900, 2900, 1)},
                             .n_in = 1,
                             .sets = {WINDOW(2900, 2900)}};
    refuse("avgpool2d", &wide, OC_E_LIMIT, "is 2900 x 2900, expected at most 8388607 taps");

    const oc_op_case u = {.name = "uint8",
                          .in = {DESC(uint8, 1, 1, 4, 1)},
                          .n_in = 1,
                          .sets = {WINDOW(1, 3), SET_INTS("pads", 0, 1, 0, 1)}};
    const uint8_t z[] = {255, 254, 255, 0};
    /* 509 / 2, 764 / 3, 509 / 3, 255 / 2 */
    expect("avgpool2d", &u, z, &(oc_desc)DESC(uint8, 1, 1, 4, 1), (uint8_t[]){255, 255, 170, 128});
}

static void bounds_that_no_byte_has(void **state)
{
    oc_op_case c = {
        .name = "clip",
        .in = {DESC(uint8, 1, 1, 3, 1)},
        .n_in = 1,
        .sets = {
            WINDOW(1, 1), {.attr = "act", .name = "clip"}, SET("act_a", -1e9), SET("act_b", 1e9)}};
    const uint8_t x[] = {0, 100, 255};
    (void)state;
    expect("maxpool2d", &c, x, &(oc_desc)DESC(uint8, 1, 1, 3, 1), x);
    c.sets[2].number = 300;
    expect("maxpool2d", &c, x, &(oc_desc)DESC(uint8, 1, 1, 3, 1), (uint8_t[]){255, 255, 255});
    c.sets[2].number = -300;
    c.sets[3].number = -200;
    expect("maxpool2d", &c, x, &(oc_desc)DESC(uint8, 1, 1, 3, 1), (uint8_t[]){0, 0, 0});
}

static void maxima_of_integers(void **state)
{
    const oc_op_case c = {.name = "int64",
                          .in = {DESC(int64, 1, 2, 2, 1)},
                          .n_in = 1,
                          .sets = {WINDOW(2, 1), SET_INTS("pads", 2, 0, 0, 0)}};
    const int64_t x[] = {INT64_MIN + 1, 4, -9, 5};
    const int64_t y[] = {INT64_MIN, INT64_MIN, INT64_MIN + 1, 4, -9, 5};
    (void)state;
    expect("maxpool2d", &c, x, &(oc_desc)DESC(int64, 1, 3, 2, 1), y);
}

/* Two images of 2 x 3 pixels and two channels: numbers count through [N,C,H,W]. */
static void places_of_maxima(void **state)
{
    oc_op_case c = {
        .name = "", .in = {DESC(float32, 2, 2, 3, 2)}, .n_in = 1, .sets = {WINDOW(2, 3)}};
    float x[2][2][3][2] = {{{{0}}}};
    (void)state;
    x[0][1][0][0] = 1;
    x[0][0][2][1] = 1;
    x[1][1][1][0] = NAN;
    x[1][0][0][1] = x[1][1][2][1] = 1; /* the first of equal ones */
    const oc_desc y = DESC(int64, 2, 1, 1, 2);
    expect("maxpool2d_index", &c, x, &y, (int64_t[]){3, 6 + 2, 12 + 4, 18});
    c.sets[1] = (oc_case_set)SET("storage_order", 1);
    expect("maxpool2d_index", &c, x, &y, (int64_t[]){1, 6 + 4, 12 + 3, 18});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_floats),
        cmocka_unit_test(log_sum_exp_at_the_ends),
        cmocka_unit_test(functions_of_integers),
        cmocka_unit_test(orders_of_small_types),
        cmocka_unit_test(searches),
        cmocka_unit_test(searches_among_nans),
        cmocka_unit_test(searches_along_axes),
        cmocka_unit_test(log_softmax),
        cmocka_unit_test(means_of_integers),
        cmocka_unit_test(bounds_that_no_byte_has),
        cmocka_unit_test(maxima_of_integers),
        cmocka_unit_test(places_of_maxima),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
