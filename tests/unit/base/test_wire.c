/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded loads and the protobuf wire: what is right is read, nothing else gets past the bytes. */
#include "oc_test.h"

#include <stdlib.h>

#define BYTES(...)                                                                             \
    (oc_bytes)                                                                                 \
    {                                                                                          \
        .data = (const uint8_t[]){__VA_ARGS__}, .size = sizeof((const uint8_t[]){__VA_ARGS__}) \
    }

static void loads(void **state)
{
    const oc_bytes b = BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9);
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    (void)state;
    oc_assert_ok(oc_bytes_u8(b, 8, &u8));
    assert_int_equal(u8, 9);
    oc_assert_ok(oc_bytes_u16(b, 7, &u16));
    assert_int_equal(u16, 0x0908);
    oc_assert_ok(oc_bytes_u32(b, 5, &u32));
    assert_int_equal(u32, 0x09080706);
    oc_assert_ok(oc_bytes_u64(b, 1, &u64));
    assert_int_equal(u64, UINT64_C(0x0908070605040302));
    oc_assert_fails(oc_bytes_u8(b, 9, &u8), OC_E_FORMAT, "offset 9: expected 1 bytes");
    oc_assert_fails(oc_bytes_u16(b, 8, &u16), OC_E_FORMAT, NULL);
    oc_assert_fails(oc_bytes_u32(b, 6, &u32), OC_E_FORMAT, NULL);
    oc_assert_fails(oc_bytes_u64(b, 2, &u64), OC_E_FORMAT, "found the end at 9");
    oc_assert_fails(oc_bytes_u64(b, SIZE_MAX, &u64), OC_E_FORMAT, NULL);
    assert_int_equal(u64, UINT64_C(0x0908070605040302));
}

static void views(void **state)
{
    const oc_bytes b = BYTES('a', 'b', 'c'), none = {0};
    oc_bytes sub;
    (void)state;
    oc_assert_ok(oc_bytes_sub(b, 1, 2, &sub));
    assert_true(oc_bytes_equal_text(sub, "bc"));
    assert_false(oc_bytes_equal_text(sub, "b"));
    assert_false(oc_bytes_equal_text(sub, "bcd"));
    oc_assert_ok(oc_bytes_sub(b, 3, 0, &sub));
    assert_int_equal(sub.size, 0);
    oc_assert_ok(oc_bytes_sub(none, 0, 0, &sub));
    assert_true(oc_bytes_equal_text(sub, ""));
    oc_assert_fails(oc_bytes_sub(b, 2, 2, &sub), OC_E_FORMAT, NULL);
    oc_assert_fails(oc_bytes_sub(b, 4, 0, &sub), OC_E_FORMAT, NULL);
    oc_assert_fails(oc_bytes_sub(b, 1, SIZE_MAX, &sub), OC_E_FORMAT, NULL);
}

/* The first field of `bytes`. */
static oc_status first(oc_bytes bytes, oc_wire_field *field)
{
    oc_wire wire;
    bool more;
    oc_wire_init(&wire, bytes);
    oc_status status = oc_wire_next(&wire, field, &more);
    /* A failure leaves the reader where it was. */
    assert_true(status == OC_OK || wire.offset == 0);
    return status;
}

static void fields(void **state)
{
    /* 1: varint 150 (the encoding document's example); 2: "hi"; 3: fixed32; 4: fixed64 */
    oc_bytes bytes = BYTES(0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 1, 0, 0, 0x80, 0x21, 2, 0, 0,
                           0, 0, 0, 0, 0x80);
    oc_wire wire;
    oc_wire_field f;
    bool more;
    (void)state;
    oc_wire_init(&wire, bytes);
    oc_assert_ok(oc_wire_next(&wire, &f, &more));
    assert_true(more && f.number == 1 && f.type == OC_WIRE_VARINT && f.value == 150);
    oc_assert_ok(oc_wire_next(&wire, &f, &more));
    assert_true(more && f.number == 2 && f.type == OC_WIRE_BYTES &&
                oc_bytes_equal_text(f.bytes, "hi"));
    oc_assert_ok(oc_wire_next(&wire, &f, &more));
    assert_true(more && f.number == 3 && f.type == OC_WIRE_FIXED32 && f.value == 0x80000001);
    oc_assert_ok(oc_wire_next(&wire, &f, &more));
    assert_true(more && f.number == 4 && f.type == OC_WIRE_FIXED64);
    assert_int_equal(f.value, UINT64_C(0x8000000000000002));
    oc_assert_ok(oc_wire_next(&wire, &f, &more));
    assert_false(more);
}

static void varints(void **state)
{
    oc_wire_field f;
    (void)state;
    oc_assert_ok(
        first(BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), &f));
    assert_int_equal(f.value, UINT64_MAX);
    /* More bytes than needed are allowed by the format as long as there are at most ten. */
    oc_assert_ok(first(BYTES(0x08, 0x81, 0x80, 0x00), &f));
    assert_int_equal(f.value, 1);
    oc_assert_fails(
        first(BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), &f),
        OC_E_FORMAT, "offset 1: expected a varint of 64 bits");
    oc_assert_fails(
        first(BYTES(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0), &f),
        OC_E_FORMAT, "found a longer one");
    oc_assert_fails(first(BYTES(0x08, 0x80, 0x80), &f), OC_E_FORMAT, "found the end at 3");
    oc_assert_fails(first(BYTES(0x08), &f), OC_E_FORMAT, NULL);
    oc_assert_fails(first(BYTES(0x80), &f), OC_E_FORMAT, NULL);
}

static void refused(void **state)
{
    oc_wire_field f;
    (void)state;
    oc_assert_fails(first(BYTES(0x0b, 0x0c), &f), OC_E_FORMAT, "field 1: expected wire type");
    oc_assert_fails(first(BYTES(0x0b, 0x0c), &f), OC_E_FORMAT, "found 3 (a group)");
    oc_assert_fails(first(BYTES(0x0c), &f), OC_E_FORMAT, "found 4 (a group)");
    oc_assert_fails(first(BYTES(0x0e), &f), OC_E_FORMAT, "found 6");
    oc_assert_fails(first(BYTES(0x0f), &f), OC_E_FORMAT, "found 7");
    oc_assert_fails(first(BYTES(0x00, 0x01), &f), OC_E_FORMAT, "field number");
    /* Tags have 32 bits. */
    oc_assert_fails(first(BYTES(0x88, 0x80, 0x80, 0x80, 0x10, 1), &f), OC_E_FORMAT, "field number");
    oc_assert_ok(first(BYTES(0xf8, 0xff, 0xff, 0xff, 0x0f, 1), &f));
    assert_int_equal(f.number, 536870911);
}

static void lengths(void **state)
{
    oc_wire_field f;
    (void)state;
    oc_assert_ok(first(BYTES(0x0a, 0), &f));
    assert_int_equal(f.bytes.size, 0);
    oc_assert_ok(first(BYTES(0x0a, 2, 'x', 'y'), &f));
    oc_assert_fails(first(BYTES(0x0a, 3, 'x', 'y'), &f), OC_E_FORMAT, "expected 3 bytes");
    oc_assert_fails(
        first(BYTES(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0), &f),
        OC_E_FORMAT, NULL);
    oc_assert_fails(first(BYTES(0x0d, 1, 2, 3), &f), OC_E_FORMAT, "expected 4 bytes");
    oc_assert_fails(first(BYTES(0x09, 1, 2, 3, 4, 5, 6, 7), &f), OC_E_FORMAT, "expected 8 bytes");
}

static void packed(void **state)
{
    oc_wire wire;
    uint64_t value;
    (void)state;
    oc_wire_init(&wire, BYTES(3, 0x8e, 0x02, 0x9e));
    oc_assert_ok(oc_wire_varint(&wire, &value));
    assert_int_equal(value, 3);
    oc_assert_ok(oc_wire_varint(&wire, &value));
    assert_int_equal(value, 270);
    oc_assert_fails(oc_wire_varint(&wire, &value), OC_E_FORMAT, NULL);
    assert_int_equal(wire.offset, 3);
}

static void written_is_read(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const uint32_t numbers[] = {1, 15, 16, 2047, 2048, 536870911};
    oc_buf buf;
    oc_wire wire;
    oc_wire_field f;
    bool more;
    (void)state;
    oc_buf_init(&buf, NULL);
    for (size_t v = 0; v < OC_COUNT(values); v++) {
        for (size_t n = 0; n < OC_COUNT(numbers); n++) {
            buf.size = 0;
            oc_assert_ok(oc_buf_wire_varint(&buf, numbers[n], values[v]));
            oc_assert_ok(oc_buf_wire_fixed32(&buf, numbers[n], (uint32_t)values[v]));
            oc_assert_ok(oc_buf_wire_bytes(&buf, numbers[n], "abc", 3));
            oc_assert_ok(oc_buf_wire_head(&buf, numbers[n], 1));
            oc_assert_ok(oc_buf_put(&buf, "z", 1));
            oc_wire_init(&wire, (oc_bytes){(const uint8_t *)buf.data, buf.size});
            oc_assert_ok(oc_wire_next(&wire, &f, &more));
            assert_true(f.number == numbers[n] && f.type == OC_WIRE_VARINT && f.value == values[v]);
            oc_assert_ok(oc_wire_next(&wire, &f, &more));
            assert_true(f.type == OC_WIRE_FIXED32 && f.value == (uint32_t)values[v]);
            oc_assert_ok(oc_wire_next(&wire, &f, &more));
            assert_true(f.number == numbers[n] && oc_bytes_equal_text(f.bytes, "abc"));
            oc_assert_ok(oc_wire_next(&wire, &f, &more));
            assert_true(f.number == numbers[n] && oc_bytes_equal_text(f.bytes, "z"));
            oc_assert_ok(oc_wire_next(&wire, &f, &more));
            assert_false(more);
        }
    }
    oc_buf_fini(&buf);
}

static oc_status write_body(const oc_allocator *alloc, void *ctx)
{
    oc_buf buf;
    oc_status status = OC_OK;
    (void)ctx;
    oc_buf_init(&buf, alloc);
    for (int i = 0; i < 50 && status == OC_OK; i++) {
        size_t before = buf.size;
        status = oc_buf_wire_bytes(&buf, 1, "0123456789", 10);
        assert_int_equal(buf.size, before + (status == OC_OK ? 12 : 0));
    }
    oc_buf_fini(&buf);
    return status;
}

static void writing_without_memory(void **state)
{
    (void)state;
    oc_test_oom_sweep(write_body, NULL);
}

/* Bytes at random, in a block of exactly their size, so that a sanitizer sees any step past it. */
static void random_bytes(void **state)
{
    oc_rng rng = oc_rng_make(20);
    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t size = oc_rng_below(&rng, 40);
        uint8_t *data = malloc(size > 0 ? size : 1);
        assert_non_null(data);
        oc_rng_fill_bytes(&rng, data, size);
        oc_wire wire;
        oc_wire_init(&wire, (oc_bytes){data, size});
        for (bool more = true; more;) {
            oc_wire_field f = {0};
            size_t before = wire.offset;
            oc_status status = oc_wire_next(&wire, &f, &more);
            if (status != OC_OK) {
                assert_int_equal(status, OC_E_FORMAT);
                break;
            }
            assert_true(!more || wire.offset > before);
            assert_true(wire.offset <= size);
            if (more && f.type == OC_WIRE_BYTES && f.bytes.size > 0)
                assert_true(f.bytes.data >= data && f.bytes.data + f.bytes.size <= data + size);
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(views),
        cmocka_unit_test(fields),
        cmocka_unit_test(varints),
        cmocka_unit_test(refused),
        cmocka_unit_test(lengths),
        cmocka_unit_test(packed),
        cmocka_unit_test(written_is_read),
        cmocka_unit_test(writing_without_memory),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
