/* SPDX-License-Identifier: Apache-2.0 */
/** The checksum against published values, and the same for any split into pieces. */
#include "oc_rpc.h"
#include "oc_test.h"

static uint64_t sum_of(const void *data, size_t size)
{
    oc_rpc_sum sum;
    oc_rpc_sum_init(&sum);
    oc_rpc_sum_put(&sum, data, size);
    return oc_rpc_sum_end(&sum);
}

/* As the xxHash library itself gives them (its Python binding, version 3). */
static void test_known_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t sum;
    } rows[] = {
        {"", UINT64_C(0xef46db3751d8e999)},
        {"a", UINT64_C(0xd24ec4f1a98c6e5b)},
        {"abc", UINT64_C(0x44bc2cf5ad770999)},
        {"Nobody inspects the spammish repetition", UINT64_C(0xfbcea83c8a378bf1)},
    };
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        assert_int_equal(sum_of(rows[i].text, strlen(rows[i].text)), rows[i].sum);
}

static void test_pieces(void **state)
{
    (void)state;
    uint8_t data[1000];
    oc_rng rng = oc_rng_make(3);
    oc_rng_fill_bytes(&rng, data, sizeof(data));
    for (size_t size = 0; size <= sizeof(data); size += 1 + size / 20) {
        uint64_t whole = sum_of(data, size);
        for (int round = 0; round < 8; round++) {
            oc_rpc_sum sum;
            oc_rpc_sum_init(&sum);
            for (size_t at = 0; at < size;) {
                size_t piece = oc_rng_below(&rng, 70);
                piece = OC_MIN(size - at, piece);
                oc_rpc_sum_put(&sum, data + at, piece);
                at += piece;
            }
            assert_int_equal(oc_rpc_sum_end(&sum), whole);
        }
    }
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    uint8_t data[100] = {0};
    uint64_t plain = sum_of(data, sizeof(data));
    for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(sum_of(data, sizeof(data)), plain);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_every_bit_counts),
    };
    return cmocka_run_group_tests_name("rpc checksum", tests, NULL, NULL);
}
