/* SPDX-License-Identifier: Apache-2.0 */
/* Element types, shapes and tensors. */
#include "oc_tensor.h"
#include "oc_test.h"

static void dtypes(void **state)
{
    oc_dtype dtype;
    (void)state;
    for (int i = 0; i < OC_DTYPE_COUNT; i++) {
        oc_assert_ok(oc_dtype_parse(oc_dtype_name((oc_dtype)i), &dtype));
        assert_int_equal(dtype, i);
        oc_assert_ok(oc_dtype_parse_oip(oc_dtype_oip_name((oc_dtype)i), &dtype));
        assert_int_equal(dtype, i);
    }
    assert_string_equal(oc_dtype_name(OC_DTYPE_float16), "float16");
    assert_string_equal(oc_dtype_oip_name(OC_DTYPE_bool), "BOOL");
    assert_int_equal(oc_dtype_size(OC_DTYPE_int64), 8);
    assert_int_equal(oc_dtype_size((oc_dtype)99), 0);
    assert_string_equal(oc_dtype_name((oc_dtype)99), "unknown");
    assert_string_equal(oc_dtype_oip_name((oc_dtype)99), "unknown");
    oc_assert_fails(oc_dtype_parse("float64", &dtype), OC_E_UNSUPPORTED, "'float64'");
    oc_assert_fails(oc_dtype_parse_oip("FP64", &dtype), OC_E_UNSUPPORTED, "'FP64'");
}

static void shapes_compare(void **state)
{
    const oc_shape a = {2, {3, 4, 7}}, b = {2, {3, 4, 9}}, c = {2, {3, 5}}, d = {1, {3}};
    const oc_desc x = {OC_DTYPE_int8, a}, y = {OC_DTYPE_int8, b}, z = {OC_DTYPE_uint8, a};
    (void)state;
    assert_true(oc_shape_equal(&a, &b));
    assert_false(oc_shape_equal(&a, &c));
    assert_false(oc_shape_equal(&a, &d));
    assert_true(oc_desc_equal(&x, &y));
    assert_false(oc_desc_equal(&x, &z));
}

static void shapes_count(void **state)
{
    size_t n = 0;
    (void)state;
    oc_assert_ok(oc_shape_elems(&(oc_shape){0}, &n));
    assert_int_equal(n, 1);
    oc_assert_ok(oc_shape_elems(&(oc_shape){4, {2, 3, 4, 5}}, &n));
    assert_int_equal(n, 120);
    oc_assert_ok(oc_shape_elems(&(oc_shape){3, {2, 0, 4}}, &n));
    assert_int_equal(n, 0);
    oc_assert_ok(oc_desc_bytes(&(oc_desc){OC_DTYPE_int64, {1, {3}}}, &n));
    assert_int_equal(n, 24);
    oc_assert_fails(oc_shape_elems(&(oc_shape){-1, {0}}, &n), OC_E_SHAPE, "rank 0 to 8, found -1");
    oc_assert_fails(oc_shape_elems(&(oc_shape){9, {0}}, &n), OC_E_SHAPE, "found 9");
    oc_assert_fails(oc_shape_elems(&(oc_shape){2, {1, -5}}, &n), OC_E_SHAPE, "axis 1");
    oc_assert_fails(oc_shape_elems(&(oc_shape){3, {INT32_MAX, INT32_MAX, INT32_MAX}}, &n),
                    OC_E_LIMIT, NULL);
    /* The product without its zeros counts, in any order of the axes. */
    oc_assert_fails(oc_shape_elems(&(oc_shape){4, {0, INT32_MAX, INT32_MAX, INT32_MAX}}, &n),
                    OC_E_LIMIT, NULL);
    oc_assert_fails(oc_shape_elems(&(oc_shape){4, {INT32_MAX, INT32_MAX, INT32_MAX, 0}}, &n),
                    OC_E_LIMIT, NULL);
    oc_assert_ok(oc_shape_elems(&(oc_shape){2, {INT32_MAX, INT32_MAX}}, &n));
    oc_assert_fails(oc_desc_bytes(&(oc_desc){OC_DTYPE_int64, {2, {INT32_MAX, INT32_MAX}}}, &n),
                    OC_E_LIMIT, NULL);
    oc_assert_fails(oc_desc_bytes(&(oc_desc){(oc_dtype)7, {0}}, &n), OC_E_DTYPE, "found 7");
}

static void shapes_print(void **state)
{
    char text[OC_SHAPE_TEXT], tiny[4], desc[OC_DESC_TEXT];
    oc_shape longest = {8, {0}};
    (void)state;
    assert_string_equal(oc_shape_print(&(oc_shape){4, {1, 28, 28, 1}}, text, sizeof(text)),
                        "1x28x28x1");
    assert_string_equal(oc_shape_print(&(oc_shape){0}, text, sizeof(text)), "scalar");
    assert_string_equal(oc_shape_print(&(oc_shape){4, {1, 28, 28, 1}}, tiny, sizeof(tiny)), "1x2");
    for (int i = 0; i < 8; i++)
        longest.dim[i] = INT32_MIN;
    assert_true(strlen(oc_shape_print(&longest, text, sizeof(text))) < sizeof(text) - 1);
    assert_string_equal(oc_desc_print(&(oc_desc){OC_DTYPE_float16, {1, {5}}}, desc, sizeof(desc)),
                        "float16 5");
}

static oc_status tensor_body(const oc_allocator *alloc, void *ctx)
{
    oc_tensor tensor;
    (void)ctx;
    OC_TRY(oc_tensor_alloc(&(oc_desc){OC_DTYPE_float32, {2, {3, 5}}}, alloc, &tensor));
    for (size_t i = 0; i < 15; i++)
        assert_true(((float *)tensor.data)[i] == 0);
    oc_tensor_free(&tensor, alloc);
    assert_null(tensor.data);
    oc_tensor_free(&tensor, alloc);
    return OC_OK;
}

static void tensors(void **state)
{
    oc_tensor tensor = {.data = &tensor};
    (void)state;
    oc_test_oom_sweep(tensor_body, NULL);
    oc_assert_fails(oc_tensor_alloc(&(oc_desc){OC_DTYPE_int8, {2, {1, -1}}}, NULL, &tensor),
                    OC_E_SHAPE, NULL);
    assert_ptr_equal(tensor.data, &tensor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtypes),       cmocka_unit_test(shapes_compare),
        cmocka_unit_test(shapes_count), cmocka_unit_test(shapes_print),
        cmocka_unit_test(tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
