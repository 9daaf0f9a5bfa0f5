/* SPDX-License-Identifier: Apache-2.0 */
/** Statuses both ways, addresses, and what is checked before protobuf-c sees a message. */
#include "oc_rpc.h"
#include "oc_test.h"
#include "offcut_v1.pb-c.h"

#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_IN_A_YEAR UINT64_C(31557600)

/* ---- statuses -------------------------------------------------------------------------------- */

static void test_statuses_survive(void **state)
{
    (void)state;
#define X(name_, text_, grpc_) OC_##name_,
    const oc_status all[] = {OC_STATUS_LIST(X)};
#undef X
    for (size_t i = 0; i < OC_COUNT(all); i++) {
        const char *name = oc_status_name(all[i]);
        const oc_bytes bytes = {(const uint8_t *)name, strlen(name)};
        assert_int_equal(oc_rpc_status(oc_rpc_code(all[i]), bytes), all[i]);
    }
}

/* What the protocol promises, and what a foreign peer's codes mean without a name. */
static void test_codes(void **state)
{
    (void)state;
    const oc_bytes none = {0}, odd = {(const uint8_t *)"E_SHAPE", 7};
    assert_int_equal(oc_rpc_code(OC_E_MISMATCH), GRPC_STATUS_FAILED_PRECONDITION);
    assert_int_equal(oc_rpc_code(OC_E_BUSY), GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(oc_rpc_code(OC_E_NOTFOUND), GRPC_STATUS_NOT_FOUND);
    assert_int_equal(oc_rpc_code(OC_E_SHAPE), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(oc_rpc_code(OC_E_LOST), GRPC_STATUS_UNAVAILABLE);
    assert_int_equal(oc_rpc_status(GRPC_STATUS_UNAVAILABLE, none), OC_E_LOST);
    assert_int_equal(oc_rpc_status(GRPC_STATUS_DEADLINE_EXCEEDED, none), OC_E_DEADLINE);
    assert_int_equal(oc_rpc_status(GRPC_STATUS_UNIMPLEMENTED, none), OC_E_UNSUPPORTED);
    assert_int_equal(oc_rpc_status((grpc_status_code)99, none), OC_E_LOST);
    /* A name that does not belong to the code is no name. */
    assert_int_equal(oc_rpc_status(GRPC_STATUS_INVALID_ARGUMENT, odd), OC_E_SHAPE);
    assert_int_equal(oc_rpc_status(GRPC_STATUS_UNAVAILABLE, odd), OC_E_LOST);
    /* No failed call can look like one that went well. */
    for (int code = 1; code <= 16; code++)
        assert_int_not_equal(
            oc_rpc_status((grpc_status_code)code, (oc_bytes){(const uint8_t *)"OK", 2}), OC_OK);
}

static void test_deadlines(void **state)
{
    (void)state;
    uint64_t now = oc_now_ns();
    const uint64_t all[] = {now + 1000000000, now + 3600 * UINT64_C(1000000000)};
    for (size_t i = 0; i < OC_COUNT(all); i++) {
        uint64_t back = oc_rpc_deadline_ns(oc_rpc_deadline(all[i]));
        assert_in_range(back, all[i] - 50000000, all[i] + 50000000);
    }
    assert_int_equal(oc_rpc_deadline_ns(oc_rpc_deadline(OC_NEVER_NS)), OC_NEVER_NS);
    assert_in_range(oc_rpc_deadline_ns(oc_rpc_deadline(1)), now, now + 1000000000);
    assert_true(oc_rpc_deadline_ns(oc_rpc_deadline(OC_NEVER_NS - 1)) >
                now + SECONDS_IN_A_YEAR * UINT64_C(1000000000));
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *target;
    } good[] = {
        {"127.0.0.1:50051", "ipv4:127.0.0.1:50051"},
        {"[::1]:0", "ipv6:[::1]:0"},
        {"cloud.example-1.org:65535", "dns:///cloud.example-1.org:65535"},
        {"localhost:1", "dns:///localhost:1"},
    };
    static const char *const bad[] = {"",
                                      "localhost",
                                      "localhost:",
                                      ":50051",
                                      "host:65536",
                                      "host:-1",
                                      "host:1x",
                                      "::1:50051",
                                      "[::1]",
                                      "[host]:1",
                                      "a/b:1",
                                      "unix:/tmp/x:1",
                                      "a b:1",
                                      "host:000000001",
                                      "dns:///example:80",
                                      "host:50051 ",
                                      "h\n:1",
                                      "[]:1"};
    for (size_t i = 0; i < OC_COUNT(good); i++) {
        oc_rpc_address address;
        char target[OC_RPC_TARGET_TEXT];
        oc_assert_ok(oc_rpc_address_parse(good[i].text, &address));
        assert_string_equal(oc_rpc_address_target(&address, target), good[i].target);
    }
    for (size_t i = 0; i < OC_COUNT(bad); i++) {
        oc_rpc_address address;
        oc_assert_fails(oc_rpc_address_parse(bad[i], &address), OC_E_ARG, "expected");
    }
    char longest[400];
    oc_rpc_address address;
    memset(longest, 'a', sizeof(longest));
    strcpy(longest + sizeof(longest) - 3, ":1");
    oc_assert_fails(oc_rpc_address_parse(longest, &address), OC_E_ARG, "expected");
}

/* ---- messages -------------------------------------------------------------------------------- */

static oc_status unpack_hello(const void *data, size_t size)
{
    Offcut__V1__HelloResponse *hello = NULL;
    OC_TRY(oc_rpc_unpack(&offcut__v1__hello_response__descriptor, (oc_bytes){data, size}, NULL,
                         &hello));
    oc_rpc_unpacked_free(hello, NULL);
    return OC_OK;
}

static void test_checked_first(void **state)
{
    (void)state;
    static const uint8_t zero_in_text[] = {3 << 3 | 2, 3, 'a', 0, 'b'},
                         not_bytes[] = {3 << 3 | 0, 7}, group[] = {15 << 3 | 3, 15 << 3 | 4},
                         cut_off[] = {5 << 3 | 2, 9, 1 << 3 | 2, 1},
                         inner_cut[] = {5 << 3 | 2, 2, 1 << 3 | 2, 9},
                         unknown[] = {0xc0, 0x3e, 1, 0xc2, 0x3e, 2, 1, 2}; /* field 1000 */
    oc_assert_ok(unpack_hello("", 0));
    oc_assert_ok(unpack_hello(unknown, sizeof(unknown)));
    oc_assert_fails(unpack_hello(zero_in_text, sizeof(zero_in_text)), OC_E_FORMAT, "zero byte");
    oc_assert_fails(unpack_hello(not_bytes, sizeof(not_bytes)), OC_E_FORMAT, "wire type");
    oc_assert_fails(unpack_hello(group, sizeof(group)), OC_E_FORMAT, "group");
    oc_assert_fails(unpack_hello(cut_off, sizeof(cut_off)), OC_E_FORMAT, "HelloResponse");
    oc_assert_fails(unpack_hello(inner_cut, sizeof(inner_cut)), OC_E_FORMAT, "HelloResponse");
    uint8_t *large = calloc(1, OC_RPC_SMALL_BYTES + 1);
    oc_assert_fails(unpack_hello(large, OC_RPC_SMALL_BYTES + 1), OC_E_LIMIT, "at most");
    free(large);
}

static void test_random_messages(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *const types[] = {
        &offcut__v1__hello_request__descriptor, &offcut__v1__hello_response__descriptor,
        &offcut__v1__open__descriptor, &offcut__v1__run_part_request__descriptor};
    oc_rng rng = oc_rng_make(5);
    size_t taken = 0, refused = 0;
    for (int i = 0; i < 40000; i++) {
        uint8_t bytes[48];
        void *message = NULL;
        size_t size = oc_rng_below(&rng, sizeof(bytes));
        oc_rng_fill_bytes(&rng, bytes, size);
        for (size_t k = 0; k < size && i % 2; k++) /* mostly small: many of them are well formed */
            bytes[k] &= 0x3f;
        if (oc_rpc_unpack(types[i % OC_COUNT(types)], (oc_bytes){bytes, size}, NULL, &message) !=
            OC_OK) {
            assert_null(message);
            refused++;
            continue;
        }
        assert_non_null(message);
        oc_rpc_unpacked_free(message, NULL);
        taken++;
    }
    assert_true(taken > 1000);
    assert_true(refused > 1000);
}

static oc_status unpack_all(const oc_allocator *alloc, void *ctx)
{
    const oc_bytes *bytes = ctx;
    Offcut__V1__HelloResponse *hello = NULL;
    oc_status status =
        oc_rpc_unpack(&offcut__v1__hello_response__descriptor, *bytes, alloc, &hello);
    oc_rpc_unpacked_free(hello, alloc);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    Offcut__V1__HelloResponse hello = OFFCUT__V1__HELLO_RESPONSE__INIT;
    Offcut__V1__Model model = OFFCUT__V1__MODEL__INIT, *models[] = {&model, &model};
    char *codecs[] = {(char *)"raw", (char *)"fp16"};
    uint8_t data[200];
    model.name = (char *)"lenet";
    hello.device = (char *)"a device";
    hello.models = models;
    hello.n_models = 2;
    hello.codecs = codecs;
    hello.n_codecs = 2;
    oc_bytes bytes = {data, protobuf_c_message_pack(&hello.base, data)};
    oc_test_oom_sweep(unpack_all, &bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses_survive), cmocka_unit_test(test_codes),
        cmocka_unit_test(test_deadlines),        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_checked_first),    cmocka_unit_test(test_random_messages),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("rpc message", tests, NULL, NULL);
}
