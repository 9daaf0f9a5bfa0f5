/* SPDX-License-Identifier: Apache-2.0 */
/** The bounded FlatBuffers reader: what a table says, and offsets that lead astray. */
#include "flatbuffer.h"
#include "tflite_writer.h"

/*
 * Slots: 0 a number, 1 a list, 2 a string, 3 a table with a number, 4 absent, 5 a list of tables.
 */
static oc_buf make(void)
{
    size_t f[TFL_SLOTS], g[TFL_SLOTS];
    oc_buf b;
    oc_buf_init(&b, NULL);
    oc_assert_ok(oc_buf_put(&b, "\0\0\0\0", 4));
    tfl_refer_table(&b, 0, 6);
    tfl_table(&b, 6, 0x2F, f);
    tfl_set(&b, f[0], 0xFFFFFF85);
    tfl_list(&b, f[1], (int32_t[]){7, -8}, 2);
    tfl_bytes(&b, f[2], "text", 4);
    tfl_refer_table(&b, f[3], 1);
    tfl_table(&b, 1, 1, g);
    tfl_set(&b, g[0], 0x3F800000);
    size_t first = tfl_list(&b, f[5], NULL, 1);
    tfl_refer_table(&b, first, 1);
    tfl_table(&b, 1, 1, g);
    tfl_set(&b, g[0], 42);
    return b;
}

static oc_bytes view(const oc_buf *b)
{
    return (oc_bytes){(const uint8_t *)b->data, b->size};
}

static void fields_are_read(void **state)
{
    (void)state;
    oc_buf b = make();
    oc_flat_table root, child;
    oc_flat_vector list;
    oc_bytes text;
    uint8_t u8;
    int32_t i32;
    float f32;
    oc_assert_ok(oc_flat_root(view(&b), &root));
    oc_assert_ok(oc_flat_u8(&root, 0, 1, &u8));
    assert_int_equal(u8, 0x85);
    oc_assert_ok(oc_flat_i32(&root, 0, 1, &i32));
    assert_int_equal(i32, -123);
    oc_assert_ok(oc_flat_list(&root, 1, 4, &list));
    assert_int_equal(list.count, 2);
    oc_assert_ok(oc_flat_i32_of(&list, 1, &i32));
    assert_int_equal(i32, -8);
    oc_assert_fails(oc_flat_i32_of(&list, 2, &i32), OC_E_FORMAT, "index below 2, found 2");
    oc_assert_ok(oc_flat_bytes(&root, 2, &text));
    assert_true(oc_bytes_equal_text(text, "text"));
    oc_assert_ok(oc_flat_child(&root, 3, &child));
    oc_assert_ok(oc_flat_f32(&child, 0, 0, &f32));
    assert_true(f32 == 1.0f);
    oc_assert_ok(oc_flat_list(&root, 5, 4, &list));
    oc_assert_ok(oc_flat_table_of(&list, 0, &child));
    oc_assert_ok(oc_flat_i32(&child, 0, 0, &i32));
    assert_int_equal(i32, 42);
    oc_buf_fini(&b);
}

static void absent_fields_are_their_defaults(void **state)
{
    (void)state;
    oc_buf b = make();
    oc_flat_table root, child;
    oc_flat_vector list;
    oc_bytes text;
    uint64_t u64;
    int32_t i32;
    oc_assert_ok(oc_flat_root(view(&b), &root));
    oc_assert_ok(oc_flat_i32(&root, 4, -5, &i32));
    assert_int_equal(i32, -5);
    oc_assert_ok(oc_flat_u64(&root, 100, 6, &u64)); /* a slot that the file's schema did not have */
    assert_int_equal(u64, 6);
    oc_assert_ok(oc_flat_list(&root, 4, 4, &list));
    assert_int_equal(list.count, 0);
    oc_assert_ok(oc_flat_bytes(&root, 4, &text));
    assert_int_equal(text.size, 0);
    oc_assert_ok(oc_flat_child(&root, 4, &child));
    assert_int_equal(child.at, 0);
    oc_assert_ok(oc_flat_i32(&child, 0, 9, &i32)); /* of a table that is not there */
    assert_int_equal(i32, 9);
    oc_buf_fini(&b);
}

static void offsets_that_lead_astray_are_refused(void **state)
{
    (void)state;
    oc_buf b = make();
    oc_flat_table root;
    oc_flat_vector list;
    size_t table, size = b.size;
    uint32_t count = 1000;
    oc_assert_fails(oc_flat_root((oc_bytes){0}, &root), OC_E_FORMAT, "offset 0");
    oc_assert_ok(oc_flat_root(view(&b), &root));
    table = root.at;
    tfl_set(&b, 0, (uint32_t)size); /* the root past the end */
    oc_assert_fails(oc_flat_root(view(&b), &root), OC_E_FORMAT, "expected a distance below");
    tfl_set(&b, 0, 0);
    oc_assert_fails(oc_flat_root(view(&b), &root), OC_E_FORMAT, "found 0");
    tfl_set(&b, 0, (uint32_t)table);
    tfl_set(&b, table, (uint32_t)table + 1); /* a vtable before the start */
    oc_assert_fails(oc_flat_root(view(&b), &root), OC_E_FORMAT, "found -1");
    tfl_set(&b, table, (uint32_t)-1000); /* and past the end */
    oc_assert_fails(oc_flat_root(view(&b), &root), OC_E_FORMAT, "vtable below");
    oc_buf_fini(&b);
    b = make();
    oc_assert_ok(oc_flat_root(view(&b), &root));
    oc_assert_ok(oc_flat_list(&root, 1, 4, &list));
    memcpy(b.data + list.at - 4, &count, 4); /* a list that is longer than the file */
    oc_assert_fails(oc_flat_list(&root, 1, 4, &list), OC_E_FORMAT, "found 1000");
    oc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(absent_fields_are_their_defaults),
        cmocka_unit_test(offsets_that_lead_astray_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
