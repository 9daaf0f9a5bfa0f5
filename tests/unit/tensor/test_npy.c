/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files: what NumPy writes is read, what we write NumPy reads, anything else is refused. */
#include "oc_tensor.h"
#include "oc_test.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH "test_npy.npy"

/* A file of format major.0 with this header text and these bytes behind it. */
static void make_file(int major, const char *header, const void *data, size_t size)
{
    oc_buf buf;
    size_t length = strlen(header);
    const uint8_t head[] = {0x93,
                            'N',
                            'U',
                            'M',
                            'P',
                            'Y',
                            (uint8_t)major,
                            0,
                            (uint8_t)(length & 0xff),
                            (uint8_t)(length >> 8),
                            0,
                            0};
    oc_buf_init(&buf, NULL);
    oc_assert_ok(oc_buf_put(&buf, head, major == 1 ? 10 : 12));
    oc_assert_ok(oc_buf_put(&buf, header, length));
    oc_assert_ok(oc_buf_put(&buf, data, size));
    oc_assert_ok(oc_file_replace(PATH, buf.data, buf.size));
    oc_buf_fini(&buf);
}

#define HEADER(descr_, order_, shape_) \
    "{'descr': '" descr_ "', 'fortran_order': " order_ ", 'shape': " shape_ ", }    \n"

static const float six[] = {1, -2, 3.5f, 0, 5, -0.0f};

static void reads_what_numpy_writes(void **state)
{
    static const char *const headers[] = {
        HEADER("<f4", "False", "(2, 3)"),
        "{'shape':(2,3,),'fortran_order':False,'descr':\"<f4\"}",
        " { 'descr' : '<f4' ,\t'fortran_order' : False , 'shape' : ( 2 , 3 ) } \n",
    };
    (void)state;
    for (int major = 1; major <= 3; major++) {
        for (size_t i = 0; i < OC_COUNT(headers); i++) {
            oc_tensor t;
            make_file(major, headers[i], six, sizeof(six));
            oc_assert_ok(oc_npy_read(PATH, NULL, NULL, &t));
            assert_int_equal(t.desc.dtype, OC_DTYPE_float32);
            assert_true(oc_shape_equal(&t.desc.shape, &(oc_shape){2, {2, 3}}));
            oc_assert_bits_equal(t.data, six, 6);
            oc_tensor_free(&t, NULL);
        }
    }
}

static void all_types_come_back(void **state)
{
    static const oc_shape shapes[] = {
        {0}, {1, {7}}, {2, {3, 0}}, {4, {1, 2, 3, 4}}, {8, {1, 1, 2, 1, 1, 1, 2, 1}}};
    oc_rng rng = oc_rng_make(30);
    (void)state;
    for (int d = 0; d < OC_DTYPE_COUNT; d++) {
        for (size_t s = 0; s < OC_COUNT(shapes); s++) {
            const oc_desc desc = {(oc_dtype)d, shapes[s]};
            oc_tensor t, back;
            size_t bytes;
            oc_assert_ok(oc_desc_bytes(&desc, &bytes));
            oc_assert_ok(oc_tensor_alloc(&desc, NULL, &t));
            oc_rng_fill_bytes(&rng, t.data, bytes);
            for (size_t i = 0; d == OC_DTYPE_bool && i < bytes; i++)
                ((uint8_t *)t.data)[i] &= 1;
            oc_assert_ok(oc_npy_write(PATH, &t));
            oc_assert_ok(oc_npy_read(PATH, NULL, NULL, &back));
            assert_true(oc_desc_equal(&back.desc, &desc));
            assert_memory_equal(back.data, t.data, bytes);
            oc_tensor_free(&t, NULL);
            oc_tensor_free(&back, NULL);
        }
    }
}

static void writes_what_numpy_writes(void **state)
{
    /* numpy.save of numpy.float32([[1, -2, 3.5], [0, 5, -0.]]), NumPy 2.4.6. */
    static const char head[] =
        "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    oc_tensor t = {.desc = {OC_DTYPE_float32, {2, {2, 3}}}, .data = (void *)six};
    oc_bytes file;
    (void)state;
    oc_assert_ok(oc_npy_write(PATH, &t));
    oc_assert_ok(oc_file_slurp(PATH, 1000, NULL, &file));
    assert_int_equal(file.size, 128 + sizeof(six));
    assert_memory_equal(file.data, head, sizeof(head) - 1);
    for (size_t i = sizeof(head) - 1; i < 127; i++)
        assert_int_equal(file.data[i], ' ');
    assert_int_equal(file.data[127], '\n');
    assert_memory_equal(file.data + 128, six, sizeof(six));
    oc_free(NULL, (void *)file.data);
}

static void refuses(void **state)
{
    static const struct {
        oc_status status;
        const char *header, *text;
    } cases[] = {
        {OC_E_UNSUPPORTED, HEADER(">f4", "False", "(6,)"), "'>f4' (big-endian)"},
        {OC_E_UNSUPPORTED, HEADER("<f8", "False", "(6,)"), "'<f8'"},
        {OC_E_UNSUPPORTED, HEADER("", "False", "(6,)"), "element type ''"},
        {OC_E_UNSUPPORTED, HEADER("<f4", "True", "(2, 3)"), "Fortran order"},
        {OC_E_UNSUPPORTED, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
         "structured"},
        {OC_E_FORMAT, HEADER("<f4", "0", "(6,)"), "expected True or False, found '0'"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(6)"), "expected ',', found ')'"},
        {OC_E_FORMAT, HEADER("<f4", "False", "6"), "expected '('"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(,)"), "expected a dimension"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(2,,3)"), "expected a dimension"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(2 3)"), "expected ','"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(2, 3 3)"), "expected ',' or ')'"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(-6,)"), "expected a dimension"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(6,"), "expected a dimension"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(7,)"), "expected 28 bytes of elements, found 24"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(5,)"), "expected 20 bytes of elements, found 24"},
        {OC_E_LIMIT, HEADER("<f4", "False", "(2147483648,)"), "expected dimensions up to"},
        {OC_E_LIMIT, HEADER("<f4", "False", "(99999999999999999999999,)"),
         "expected dimensions up to"},
        {OC_E_LIMIT, HEADER("<f4", "False", "(2147483647, 2147483647, 2147483647)"), "size:"},
        {OC_E_LIMIT, HEADER("<f4", "False", "(2147483647, 1000)"), "at most 17179869184 bytes"},
        {OC_E_SHAPE, HEADER("<f4", "False", "(1,1,1,1,1,1,1,1,6)"), "rank 0 to 8"},
        {OC_E_FORMAT, "{'descr': '<f4', 'shape': (6,)}", "expected the key 'fortran_order'"},
        {OC_E_FORMAT, "{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}", "found 'descr'"},
        {OC_E_FORMAT, "{'order': 'C'}", "found 'order'"},
        {OC_E_FORMAT, HEADER("<f4", "False", "(6,)") "x", "expected the header's end, found 'x'"},
        {OC_E_FORMAT, "{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}",
         "expected ',' or '}'"},
        {OC_E_FORMAT, "{'descr' '<f4'}", "expected ':'"},
        {OC_E_FORMAT, "{descr: 1}", "expected a key"},
        {OC_E_FORMAT, "{'descr: 1}", "expected the end of a string"},
        {OC_E_FORMAT, "[]", "expected '{', found '['"},
        {OC_E_FORMAT, "", "expected '{', found the header's end"},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        oc_tensor t = {.data = &t};
        make_file(1, cases[i].header, six, sizeof(six));
        oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), cases[i].status, cases[i].text);
        assert_non_null(strstr(oc_error_text(), PATH ": "));
        assert_ptr_equal(t.data, &t);
    }
}

static void refuses_other_files(void **state)
{
    oc_tensor t;
    (void)state;
    make_file(4, HEADER("<f4", "False", "(6,)"), six, sizeof(six));
    oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), OC_E_UNSUPPORTED, "format 4.0");
    oc_assert_ok(oc_file_replace(PATH, "PK\3\4 an .npz archive", 20));
    oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), OC_E_FORMAT, "expected the magic");
    oc_assert_ok(oc_file_replace(PATH, "\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13));
    oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), OC_E_FORMAT, "expected a header of at most");
    oc_assert_fails(oc_npy_read("none.npy", NULL, NULL, &t), OC_E_IO, "none.npy");
}

static void bools_are_0_or_1(void **state)
{
    oc_tensor t;
    (void)state;
    make_file(1, HEADER("|b1", "False", "(3,)"), "\0\1\2", 3);
    oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), OC_E_FORMAT,
                    "element 2: expected a bool, found 2");
}

static void limits_hold(void **state)
{
    const oc_limits limits = {.memory_bytes = 23};
    oc_tensor t;
    (void)state;
    make_file(1, HEADER("<f4", "False", "(6,)"), six, sizeof(six));
    oc_assert_fails(oc_npy_read(PATH, &limits, NULL, &t), OC_E_LIMIT,
                    "at most 23 bytes of elements, found 24");
}

static void cut_anywhere(void **state)
{
    oc_bytes file;
    oc_tensor t;
    (void)state;
    make_file(1, HEADER("<f4", "False", "(2, 3)"), six, sizeof(six));
    oc_assert_ok(oc_file_slurp(PATH, 1000, NULL, &file));
    for (size_t size = 0; size < file.size; size++) {
        oc_assert_ok(oc_file_replace(PATH, file.data, size));
        oc_assert_fails(oc_npy_read(PATH, NULL, NULL, &t), OC_E_FORMAT, PATH);
    }
    oc_free(NULL, (void *)file.data);
}

/* Heads with some bytes changed, in a block of exactly their size. */
static void random_heads(void **state)
{
    /* '@' is the length of the header's text, 64 bytes. */
    static const char text[] = "\x93NUMPY\x01\x00"
                               "@\x00" HEADER("<f4", "False", "(2, 3)");
    const size_t full = sizeof(text) - 1;
    oc_rng rng = oc_rng_make(31);
    int accepted = 0;
    (void)state;
    for (int round = 0; round < 50000; round++) {
        size_t offset = 0, size = full - oc_rng_below(&rng, 3) * oc_rng_below(&rng, 20);
        uint8_t *head = malloc(size);
        oc_desc desc;
        assert_non_null(head);
        memcpy(head, text, size);
        for (uint32_t n = oc_rng_below(&rng, 4); n > 0; n--)
            head[oc_rng_below(&rng, (uint32_t)size)] = (uint8_t)oc_rng_below(&rng, 256);
        if (oc_npy_parse_head((oc_bytes){head, size}, &desc, &offset) == OC_OK) {
            oc_assert_ok(oc_shape_check(&desc.shape));
            assert_true(offset <= size);
            accepted++;
        }
        free(head);
    }
    assert_in_range(accepted, 2000, 40000); /* both ways were taken */
}

static oc_status read_body(const oc_allocator *alloc, void *ctx)
{
    oc_tensor t;
    (void)ctx;
    OC_TRY(oc_npy_read(PATH, NULL, alloc, &t));
    oc_tensor_free(&t, alloc);
    return OC_OK;
}

static void reads_without_memory(void **state)
{
    (void)state;
    make_file(1, HEADER("<f4", "False", "(2, 3)"), six, sizeof(six));
    oc_test_oom_sweep(read_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_writes),
        cmocka_unit_test(all_types_come_back),
        cmocka_unit_test(writes_what_numpy_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(bools_are_0_or_1),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(random_heads),
        cmocka_unit_test(reads_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
