/* SPDX-License-Identifier: Apache-2.0 */
/** Chunks: what is sent is received; whatever else a message says is refused before memory is
 * touched. */
#include "rpc_test.h"

/* A graph with one value of 3x5x7 float32 ("x"), one without elements, and one of more than a
 * chunk. */
static oc_graph *make_graph(void)
{
    oc_graph *g = NULL;
    oc_id id;
    const oc_desc some = {OC_DTYPE_float32, {3, {3, 5, 7}}}, none = {OC_DTYPE_int32, {2, {0, 4}}};
    const oc_desc big = {OC_DTYPE_uint8, {1, {3 * 1024 * 1024 + 5}}};
    oc_assert_ok(oc_graph_create("g", NULL, NULL, &g));
    oc_assert_ok(oc_graph_add_input(g, "x", &some, &id));
    oc_assert_ok(oc_graph_add_input(g, "empty", &none, &id));
    oc_assert_ok(oc_graph_add_input(g, "big", &big, &id));
    return g;
}

typedef struct pipe_end {
    oc_flow_value out, in;
    uint8_t *guarded; /* the receiver's memory, between guards */
} pipe_end;

#define GUARD 64

static void pipe_begin(pipe_end *p, const oc_graph *g, oc_id id)
{
    oc_rng rng = oc_rng_make(id + 1);
    oc_assert_ok(oc_flow_value_init(&p->out, g, id));
    p->in = p->out;
    p->out.data = malloc(p->out.bytes + 1);
    p->guarded = malloc(p->in.bytes + 2 * GUARD);
    memset(p->guarded, 0xee, p->in.bytes + 2 * GUARD);
    p->in.data = p->guarded + GUARD;
    oc_rng_fill_bytes(&rng, p->out.data, p->out.bytes);
}

static void pipe_end_check(pipe_end *p)
{
    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(p->guarded[i], 0xee);
        assert_int_equal(p->guarded[GUARD + p->in.bytes + i], 0xee);
    }
    free(p->out.data);
    free(p->guarded);
}

/* The bytes of a message, as a copy. Owns: free. */
static oc_bytes take_bytes(grpc_byte_buffer *message)
{
    grpc_slice slice;
    oc_bytes view;
    oc_assert_ok(oc_rpc_bytes(message, SIZE_MAX, &slice, &view));
    uint8_t *copy = malloc(view.size + 1);
    memcpy(copy, view.data, view.size);
    grpc_slice_unref(slice);
    grpc_byte_buffer_destroy(message);
    return (oc_bytes){copy, view.size};
}

static oc_status receive_bytes(oc_flow_value *value, oc_bytes bytes)
{
    uint32_t kind;
    oc_bytes inside;
    oc_flow_chunk chunk;
    OC_TRY(oc_flow_envelope_read(bytes, &kind, &inside));
    if (kind != OC_FLOW_TENSOR)
        return oc_fail(OC_E_FORMAT, "kind %u", kind);
    OC_TRY(oc_flow_chunk_read(inside, &chunk));
    if (!oc_flow_find(value, 1, chunk.name))
        return oc_fail(OC_E_ARG, "another value");
    return oc_flow_receive(value, &chunk);
}

static void test_round_trip(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    const size_t chunks[] = {1, 1, 4};
    for (oc_id id = 0; id < 3; id++) {
        pipe_end p;
        size_t count = 0;
        pipe_begin(&p, g, id);
        for (int round = 0; round < 2; round++) {
            oc_flow_value_rewind(&p.out);
            oc_flow_value_rewind(&p.in);
            for (; !p.out.is_done; count++) {
                oc_bytes bytes = take_bytes(oc_flow_send(&p.out));
                assert_false(p.in.is_done);
                oc_assert_ok(receive_bytes(&p.in, bytes));
                assert_int_equal(p.in.moved, p.out.moved);
                free((void *)bytes.data);
            }
            assert_true(p.in.is_done);
            assert_memory_equal(p.in.data, p.out.data, p.in.bytes);
        }
        assert_int_equal(count, 2 * chunks[id]);
        pipe_end_check(&p);
    }
    oc_graph_destroy(g);
}

/* protobuf's own encoder writes the same message: what we send is what the .proto says. */
static void test_generated_code_agrees(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    pipe_end p;
    pipe_begin(&p, g, 0);
    oc_bytes bytes = take_bytes(oc_flow_send(&p.out));
    Offcut__V1__RunPartResponse *response = NULL;
    oc_assert_ok(oc_rpc_unpack(&offcut__v1__run_part_response__descriptor, bytes, NULL, &response));
    assert_int_equal(response->message_case, OFFCUT__V1__RUN_PART_RESPONSE__MESSAGE_TENSOR);
    const Offcut__V1__TensorChunk *t = response->tensor;
    assert_string_equal(t->name, "x");
    assert_string_equal(t->dtype, "float32");
    assert_int_equal(t->n_shape, 3);
    assert_int_equal(t->shape[1], 5);
    assert_int_equal(t->total_bytes, 420);
    assert_int_equal(t->data.len, 420);
    assert_memory_equal(t->data.data, p.out.data, 420);
    assert_int_equal(t->checksum, oc_rpc_sum_end(&p.out.sum));
    oc_rpc_unpacked_free(response, NULL);
    free((void *)bytes.data);
    pipe_end_check(&p);
    oc_graph_destroy(g);
}

/* ---- lies ------------------------------------------------------------------------------------ */

typedef struct lie {
    oc_status status;
    const char *text;
    void (*tell)(Offcut__V1__TensorChunk *c);
} lie;

static int64_t long_shape[9] = {3, 5, 7, 1, 1, 1, 1, 1, 1};

static void tell_dtype(Offcut__V1__TensorChunk *c)
{
    c->dtype = (char *)"float64";
}
static void tell_other_dtype(Offcut__V1__TensorChunk *c)
{
    c->dtype = (char *)"int32";
}
static void tell_codec(Offcut__V1__TensorChunk *c)
{
    c->codec = (char *)"zstd";
}
static void tell_rank(Offcut__V1__TensorChunk *c)
{
    c->n_shape = 2;
}
static void tell_dim(Offcut__V1__TensorChunk *c)
{
    c->shape[0] = 4;
}
static void tell_negative(Offcut__V1__TensorChunk *c)
{
    c->shape[0] = -3;
}
static void tell_huge(Offcut__V1__TensorChunk *c)
{
    c->shape[0] = INT64_C(1) << 32 | 3;
}
static void tell_nine(Offcut__V1__TensorChunk *c)
{
    c->n_shape = 9;
}
static void tell_total(Offcut__V1__TensorChunk *c)
{
    c->total_bytes = 419;
}
static void tell_total_max(Offcut__V1__TensorChunk *c)
{
    c->total_bytes = UINT64_MAX;
}
static void tell_offset(Offcut__V1__TensorChunk *c)
{
    c->offset = 4;
}
static void tell_offset_max(Offcut__V1__TensorChunk *c)
{
    c->offset = UINT64_MAX - 10;
}
static void tell_long(Offcut__V1__TensorChunk *c)
{
    c->data.len = 421;
}
static void tell_empty(Offcut__V1__TensorChunk *c)
{
    c->data.len = 0;
}
static void tell_sum(Offcut__V1__TensorChunk *c)
{
    c->checksum ^= 1;
}
static void tell_no_sum(Offcut__V1__TensorChunk *c)
{
    c->checksum = 0;
}
static void tell_byte(Offcut__V1__TensorChunk *c)
{
    c->data.data[77] ^= 0x10;
}

static const lie lies[] = {
    {OC_E_DTYPE, "expected float32, found \"float64\"", tell_dtype},
    {OC_E_DTYPE, "int32", tell_other_dtype},
    {OC_E_UNSUPPORTED, "zstd", tell_codec},
    {OC_E_SHAPE, "expected shape 3x5x7, found 3x5", tell_rank},
    {OC_E_SHAPE, "4x5x7", tell_dim},
    {OC_E_SHAPE, "-3", tell_negative},
    {OC_E_SHAPE, "axis 0", tell_huge},
    {OC_E_SHAPE, "at most 8", tell_nine},
    {OC_E_FORMAT, "expected 420 bytes in all, found 419", tell_total},
    {OC_E_FORMAT, "found 18446744073709551615", tell_total_max},
    {OC_E_FORMAT, "offset 0, found 4", tell_offset},
    {OC_E_FORMAT, "offset 0", tell_offset_max},
    {OC_E_FORMAT, "at most 420", tell_long},
    {OC_E_FORMAT, "found 0", tell_empty},
    {OC_E_FORMAT, "checksum", tell_sum},
    {OC_E_FORMAT, "checksum", tell_no_sum},
    {OC_E_FORMAT, "checksum", tell_byte},
};

static void test_lies(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    for (size_t i = 0; i < OC_COUNT(lies); i++) {
        pipe_end p;
        uint8_t data[422];
        int64_t shape[9];
        Offcut__V1__TensorChunk c = OFFCUT__V1__TENSOR_CHUNK__INIT;
        pipe_begin(&p, g, 0);
        memcpy(data, p.out.data, 420);
        memcpy(shape, long_shape, sizeof(shape));
        oc_rpc_sum_put(&p.out.sum, data, 420);
        c.name = (char *)"x";
        c.dtype = (char *)"float32";
        c.codec = (char *)"raw";
        c.shape = shape;
        c.n_shape = 3;
        c.total_bytes = 420;
        c.checksum = oc_rpc_sum_end(&p.out.sum);
        c.data = (ProtobufCBinaryData){420, data};
        lies[i].tell(&c);
        oc_bytes bytes = take_bytes(pack_chunk(&c));
        oc_assert_fails(receive_bytes(&p.in, bytes), lies[i].status, lies[i].text);
        free((void *)bytes.data);
        pipe_end_check(&p);
    }
    oc_graph_destroy(g);
}

static void test_twice_and_too_large(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    pipe_end p;
    pipe_begin(&p, g, 1);
    oc_bytes bytes = take_bytes(oc_flow_send(&p.out));
    oc_assert_ok(receive_bytes(&p.in, bytes));
    oc_assert_fails(receive_bytes(&p.in, bytes), OC_E_FORMAT, "twice");
    free((void *)bytes.data);
    pipe_end_check(&p);

    pipe_begin(&p, g, 2);
    oc_flow_chunk chunk = {.name = {(const uint8_t *)"big", 3},
                           .dtype = {(const uint8_t *)"uint8", 5},
                           .codec = {(const uint8_t *)"raw", 3},
                           .shape = p.in.desc->shape,
                           .total_bytes = p.in.bytes,
                           .data = {p.out.data, OC_FLOW_CHUNK_BYTES + 1}};
    oc_assert_fails(oc_flow_receive(&p.in, &chunk), OC_E_FORMAT, "1048576");
    pipe_end_check(&p);
    oc_graph_destroy(g);
}

/* Every truncation, and many random changes of a good message, end in a status; guards stay whole.
 * */
static void test_broken_messages(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    pipe_end p;
    oc_rng rng = oc_rng_make(11);
    pipe_begin(&p, g, 0);
    oc_bytes good = take_bytes(oc_flow_send(&p.out));
    uint8_t *bad = malloc(good.size);
    size_t accepted = 0;
    for (size_t size = 0; size < good.size; size++) {
        oc_flow_value_rewind(&p.in);
        assert_int_not_equal(receive_bytes(&p.in, (oc_bytes){good.data, size}), OC_OK);
    }
    for (int i = 0; i < 20000; i++) {
        memcpy(bad, good.data, good.size);
        uint32_t changes = 1 + oc_rng_below(&rng, 3);
        for (uint32_t k = 0; k < changes; k++)
            bad[oc_rng_below(&rng, i % 2 ? 60 : (uint32_t)good.size)] =
                (uint8_t)oc_rng_below(&rng, 256);
        oc_flow_value_rewind(&p.in);
        oc_status status = receive_bytes(&p.in, (oc_bytes){bad, good.size});
        accepted +=
            status == OC_OK && p.in.is_done && memcmp(p.in.data, p.out.data, p.in.bytes) != 0;
    }
    assert_int_equal(accepted, 0); /* no change of the data passes the checksum */
    free(bad);
    free((void *)good.data);
    pipe_end_check(&p);
    oc_graph_destroy(g);
}

static void test_random_bytes(void **state)
{
    (void)state;
    oc_graph *g = make_graph();
    pipe_end p;
    oc_rng rng = oc_rng_make(12);
    pipe_begin(&p, g, 0);
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[64];
        size_t size = oc_rng_below(&rng, sizeof(bytes));
        oc_rng_fill_bytes(&rng, bytes, size);
        oc_flow_value_rewind(&p.in);
        assert_int_not_equal(receive_bytes(&p.in, (oc_bytes){bytes, size}), OC_OK);
    }
    pipe_end_check(&p);
    oc_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_generated_code_agrees),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_twice_and_too_large),
        cmocka_unit_test(test_broken_messages),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests_name("rpc flow", tests, NULL, NULL);
}
