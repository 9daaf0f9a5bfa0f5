/* SPDX-License-Identifier: Apache-2.0 */
/** The worker as any client sees it: every method, well and badly used, full, stopping, on a port
 * that is taken. */
#include "oc_serve.h"
#include "rpc_test.h"

#include "grpc_health_v1.pb-c.h"
#include "inference.pb-c.h"

#include <grpc/compression.h>

#define INFER "/inference.GRPCInferenceService/"
#define HEALTH "/grpc.health.v1.Health/Check"

/* s = a + b, d = a * b and c = a + six, each 2x3: what c needs is one input less. */
static void write_pair(const char *path)
{
    const int64_t shape[] = {2, 3};
    const float six[] = {6, 5, 4, 3, 2, 1};
    onnx_writer w;
    onnx_writer_init(&w, "pair");
    onnx_writer_input(&w, "a", 2, shape);
    onnx_writer_input(&w, "b", 2, shape);
    onnx_writer_floats(&w, "six", 2, shape, six);
    onnx_writer_node(&w, "Add", "add", (const char *[]){"a", "b", NULL}, "s", NULL);
    onnx_writer_node(&w, "Mul", "mul", (const char *[]){"a", "b", NULL}, "d", NULL);
    onnx_writer_node(&w, "Add", "sum", (const char *[]){"a", "six", NULL}, "c", NULL);
    onnx_writer_output(&w, "s", 2, shape);
    onnx_writer_output(&w, "d", 2, shape);
    onnx_writer_output(&w, "c", 2, shape);
    write_model(&w, path);
}

/* One worker with two models serves most of the tests. */
static served shared;
static raw_client client;

static int begin_shared(void **state)
{
    (void)state;
    write_tiny("tiny.onnx", 1);
    write_pair("pair.onnx");
    const oc_worker_model models[] = {{.path = "tiny.onnx"}, {.name = "two", .path = "pair.onnx"}};
    oc_worker_options options = served_options("127.0.0.1:0", models, 2);
    served_begin(&shared, &options);
    client = raw_open(shared.address);
    return 0;
}

static int end_shared(void **state)
{
    (void)state;
    raw_close(&client);
    served_end(&shared);
    return 0;
}

/* ---- questions ------------------------------------------------------------------------------- */

/* Ask with a message; the answer, unpacked. Owns: oc_rpc_unpacked_free. */
static void ask(const char *path, const ProtobufCMessage *question,
                const ProtobufCMessageDescriptor *type, void *answer)
{
    uint8_t data[512];
    oc_buf bytes;
    char text[512];
    oc_buf_init(&bytes, NULL);
    size_t size = question ? protobuf_c_message_pack(question, data) : 0;
    if (raw_unary(&client, path, data, size, &bytes, text) != GRPC_STATUS_OK)
        fail_msg("%s: %s", path, text);
    oc_assert_ok(
        oc_rpc_unpack(type, (oc_bytes){(const uint8_t *)bytes.data, bytes.size}, NULL, answer));
    oc_buf_fini(&bytes);
}

static void ask_fails(const char *path, const ProtobufCMessage *question, grpc_status_code code,
                      const char *expected)
{
    uint8_t data[512];
    char text[512];
    size_t size = protobuf_c_message_pack(question, data);
    grpc_status_code found = raw_unary(&client, path, data, size, NULL, text);
    if (found != code || !strstr(text, expected))
        fail_msg("%s: expected %d with \"%s\", found %d with \"%s\"", path, (int)code, expected,
                 (int)found, text);
}

static void test_hello(void **state)
{
    (void)state;
    Offcut__V1__HelloRequest hi = OFFCUT__V1__HELLO_REQUEST__INIT;
    Offcut__V1__HelloResponse *hello = NULL;
    char digest[OC_DIGEST_TEXT];
    truth t = truth_make("tiny.onnx");
    hi.version_min = 1;
    hi.version_max = 7;
    ask(OC_RPC_PATH_HELLO, &hi.base, &offcut__v1__hello_response__descriptor, &hello);
    assert_int_equal(hello->version_min, OC_RPC_VERSION_MIN);
    assert_int_equal(hello->version_max, OC_RPC_VERSION_MAX);
    assert_int_equal(hello->n_models, 2);
    assert_string_equal(hello->models[0]->name, "tiny");
    assert_string_equal(hello->models[0]->digest, oc_digest_print(&t.graph->digest, digest));
    assert_string_equal(hello->models[1]->name, "two");
    assert_int_equal(hello->n_codecs, 1);
    assert_string_equal(hello->codecs[0], "raw");
    assert_int_equal(hello->chunk_bytes_max, OC_FLOW_CHUNK_BYTES);
    assert_int_equal(hello->requests_max, 64);
    assert_non_null(strstr(hello->worker, oc_version()));
    assert_true(strlen(hello->device) > 5);
    oc_rpc_unpacked_free(hello, NULL);
    hi.version_min = 8;
    hi.version_max = 9;
    ask_fails(OC_RPC_PATH_HELLO, &hi.base, GRPC_STATUS_FAILED_PRECONDITION, "the client 8 to 9");
    truth_free(&t);
}

static void test_health(void **state)
{
    (void)state;
    static const char *const services[] = {"", "inference.GRPCInferenceService", "offcut.v1.Offcut",
                                           "grpc.health.v1.Health"};
    for (size_t i = 0; i < OC_COUNT(services); i++) {
        Grpc__Health__V1__HealthCheckRequest check = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
        Grpc__Health__V1__HealthCheckResponse *answer = NULL;
        check.service = (char *)services[i];
        ask(HEALTH, &check.base, &grpc__health__v1__health_check_response__descriptor, &answer);
        assert_int_equal(answer->status,
                         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
        oc_rpc_unpacked_free(answer, NULL);
    }
    Grpc__Health__V1__HealthCheckRequest check = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    check.service = (char *)"bakery";
    ask_fails(HEALTH, &check.base, GRPC_STATUS_NOT_FOUND, "bakery");
    ask_fails("/grpc.health.v1.Health/Watch", &check.base, GRPC_STATUS_UNIMPLEMENTED, "Watch");
}

static void test_server_questions(void **state)
{
    (void)state;
    Inference__ServerLiveResponse *live = NULL;
    Inference__ServerReadyResponse *ready = NULL;
    Inference__ServerMetadataResponse *about = NULL;
    ask(INFER "ServerLive", NULL, &inference__server_live_response__descriptor, &live);
    ask(INFER "ServerReady", NULL, &inference__server_ready_response__descriptor, &ready);
    ask(INFER "ServerMetadata", NULL, &inference__server_metadata_response__descriptor, &about);
    assert_true(live->live);
    assert_true(ready->ready);
    assert_string_equal(about->name, "offcut");
    assert_string_equal(about->version, oc_version());
    oc_rpc_unpacked_free(live, NULL);
    oc_rpc_unpacked_free(ready, NULL);
    oc_rpc_unpacked_free(about, NULL);
}

static bool model_ready(const char *name, const char *version)
{
    Inference__ModelReadyRequest asked = INFERENCE__MODEL_READY_REQUEST__INIT;
    Inference__ModelReadyResponse *answer = NULL;
    asked.name = (char *)name;
    asked.version = (char *)version;
    ask(INFER "ModelReady", &asked.base, &inference__model_ready_response__descriptor, &answer);
    bool ready = answer->ready;
    oc_rpc_unpacked_free(answer, NULL);
    return ready;
}

static void test_model_questions(void **state)
{
    (void)state;
    assert_true(model_ready("two", ""));
    assert_true(model_ready("tiny", "1"));
    assert_false(model_ready("tiny", "2"));
    assert_false(model_ready("three", ""));
    Inference__ModelMetadataRequest asked = INFERENCE__MODEL_METADATA_REQUEST__INIT;
    Inference__ModelMetadataResponse *about = NULL;
    asked.name = (char *)"two";
    ask(INFER "ModelMetadata", &asked.base, &inference__model_metadata_response__descriptor,
        &about);
    assert_string_equal(about->name, "two");
    assert_string_equal(about->platform, "offcut_onnx");
    assert_int_equal(about->n_versions, 1);
    assert_int_equal(about->n_inputs, 2);
    assert_int_equal(about->n_outputs, 3);
    assert_string_equal(about->inputs[1]->name, "b");
    assert_string_equal(about->inputs[1]->datatype, "FP32");
    assert_int_equal(about->inputs[1]->n_shape, 2);
    assert_int_equal(about->inputs[1]->shape[1], 3);
    assert_string_equal(about->outputs[1]->name, "d");
    oc_rpc_unpacked_free(about, NULL);
    asked.name = (char *)"three";
    ask_fails(INFER "ModelMetadata", &asked.base, GRPC_STATUS_NOT_FOUND, "\"tiny\", \"two\"");
    asked.name = (char *)"two";
    asked.version = (char *)"2";
    ask_fails(INFER "ModelMetadata", &asked.base, GRPC_STATUS_NOT_FOUND, "version 1");
}

/* ---- ModelInfer ------------------------------------------------------------------------------ */

typedef Inference__ModelInferRequest__InferInputTensor infer_input;
typedef Inference__ModelInferRequest__InferRequestedOutputTensor infer_output;

/* A good request for the model "two" that a test then changes. */
typedef struct infer {
    Inference__ModelInferRequest request;
    infer_input input[2], *inputs[3];
    infer_output output[4], *outputs[4];
    Inference__InferTensorContents contents[2];
    int64_t shape[2][3];
    float numbers[2][6];
    ProtobufCBinaryData raws[3];
} infer;

static void infer_init(infer *f)
{
    memset(f, 0, sizeof(*f));
    inference__model_infer_request__init(&f->request);
    f->request.model_name = (char *)"two";
    f->request.id = (char *)"question 7";
    for (int i = 0; i < 2; i++) {
        inference__model_infer_request__infer_input_tensor__init(&f->input[i]);
        inference__infer_tensor_contents__init(&f->contents[i]);
        f->input[i].name = (char *)(i ? "b" : "a");
        f->input[i].datatype = (char *)"FP32";
        f->shape[i][0] = 2;
        f->shape[i][1] = 3;
        f->input[i].shape = f->shape[i];
        f->input[i].n_shape = 2;
        for (int k = 0; k < 6; k++)
            f->numbers[i][k] = (float)(k + 1) * (i ? 0.5f : 3);
        f->contents[i].fp32_contents = f->numbers[i];
        f->contents[i].n_fp32_contents = 6;
        f->raws[i] = (ProtobufCBinaryData){24, (uint8_t *)f->numbers[i]};
        f->inputs[i] = &f->input[i];
    }
    for (int i = 0; i < 4; i++) {
        inference__model_infer_request__infer_requested_output_tensor__init(&f->output[i]);
        f->outputs[i] = &f->output[i];
    }
    f->request.inputs = f->inputs;
    f->request.n_inputs = 2;
    f->request.raw_input_contents = f->raws;
    f->request.n_raw_input_contents = 2;
    f->request.outputs = f->outputs;
}

static grpc_status_code infer_send(const infer *f, Inference__ModelInferResponse **answer,
                                   char text[512])
{
    size_t size = inference__model_infer_request__get_packed_size(&f->request);
    uint8_t *data = malloc(size + 1);
    oc_buf bytes;
    oc_buf_init(&bytes, NULL);
    inference__model_infer_request__pack(&f->request, data);
    grpc_status_code code = raw_unary(&client, INFER "ModelInfer", data, size, &bytes, text);
    if (code == GRPC_STATUS_OK)
        oc_assert_ok(oc_rpc_unpack(&inference__model_infer_response__descriptor,
                                   (oc_bytes){(const uint8_t *)bytes.data, bytes.size}, NULL,
                                   answer));
    oc_buf_fini(&bytes);
    free(data);
    return code;
}

static void check_output(const infer *f, const Inference__ModelInferResponse *answer, size_t at,
                         const char *name)
{
    const Inference__ModelInferResponse__InferOutputTensor *tensor = answer->outputs[at];
    float found[6];
    assert_string_equal(tensor->name, name);
    assert_string_equal(tensor->datatype, "FP32");
    assert_int_equal(tensor->n_shape, 2);
    assert_int_equal(tensor->shape[0], 2);
    assert_int_equal(tensor->shape[1], 3);
    assert_int_equal(answer->raw_output_contents[at].len, sizeof(found));
    memcpy(found, answer->raw_output_contents[at].data, sizeof(found));
    for (int k = 0; k < 6; k++) {
        float a = f->numbers[0][k], b = f->numbers[1][k];
        assert_true(found[k] == (*name == 's' ? a + b : *name == 'd' ? a * b : a + (float)(6 - k)));
    }
}

static void infer_works(const infer *f, const char *outputs)
{
    Inference__ModelInferResponse *answer = NULL;
    char text[512];
    if (infer_send(f, &answer, text) != GRPC_STATUS_OK)
        fail_msg("%s", text);
    assert_string_equal(answer->model_name, "two");
    assert_string_equal(answer->model_version, "1");
    assert_string_equal(answer->id, "question 7");
    assert_int_equal(answer->n_outputs, strlen(outputs));
    assert_int_equal(answer->n_raw_output_contents, strlen(outputs));
    for (size_t i = 0; i < strlen(outputs); i++)
        check_output(f, answer, i, (char[]){outputs[i], '\0'});
    oc_rpc_unpacked_free(answer, NULL);
}

static void test_infer(void **state)
{
    (void)state;
    infer f;
    infer_init(&f);
    for (int i = 0; i < 3; i++)
        infer_works(&f, "sdc");
    f.inputs[0] = &f.input[1]; /* inputs in another order, raw contents with them */
    f.inputs[1] = &f.input[0];
    f.raws[0].data = (uint8_t *)f.numbers[1];
    f.raws[1].data = (uint8_t *)f.numbers[0];
    infer_works(&f, "sdc");
    infer_init(&f);
    f.request.n_outputs = 2;
    f.output[0].name = (char *)"d";
    f.output[1].name = (char *)"s";
    infer_works(&f, "ds");
    f.output[0].name = (char *)"c";
    infer_works(&f, "cs");
    f.request.n_outputs = 1; /* b is not needed: given or not */
    infer_works(&f, "c");
    f.request.n_inputs = f.request.n_raw_input_contents = 1;
    infer_works(&f, "c");
    infer_init(&f);
    f.request.n_raw_input_contents = 0;
    f.input[0].contents = &f.contents[0];
    f.input[1].contents = &f.contents[1];
    infer_works(&f, "sdc");
}

/* Packed numbers, as most clients write them; protobuf-c writes them one by one. */
static void test_infer_packed(void **state)
{
    (void)state;
    infer f;
    oc_buf bytes, input, contents, answer;
    char text[512];
    infer_init(&f);
    oc_buf_init(&bytes, NULL);
    oc_buf_init(&answer, NULL);
    oc_assert_ok(oc_buf_wire_bytes(&bytes, 1, "two", 3));
    for (int i = 0; i < 2; i++) {
        oc_buf_init(&input, NULL);
        oc_buf_init(&contents, NULL);
        oc_assert_ok(oc_buf_wire_bytes(&input, 1, i ? "b" : "a", 1));
        oc_assert_ok(oc_buf_wire_bytes(&input, 2, "FP32", 4));
        oc_assert_ok(oc_buf_wire_bytes(&input, 3, "\x02\x03", 2));
        oc_assert_ok(oc_buf_wire_bytes(&contents, 6, f.numbers[i], 8)); /* in two pieces */
        oc_assert_ok(oc_buf_wire_bytes(&contents, 6, f.numbers[i] + 2, 16));
        oc_assert_ok(oc_buf_wire_bytes(&input, 5, contents.data, contents.size));
        oc_assert_ok(oc_buf_wire_bytes(&bytes, 5, input.data, input.size));
        oc_buf_fini(&input);
        oc_buf_fini(&contents);
    }
    if (raw_unary(&client, INFER "ModelInfer", bytes.data, bytes.size, &answer, text) !=
        GRPC_STATUS_OK)
        fail_msg("%s", text);
    Inference__ModelInferResponse *response = NULL;
    oc_assert_ok(oc_rpc_unpack(&inference__model_infer_response__descriptor,
                               (oc_bytes){(const uint8_t *)answer.data, answer.size}, NULL,
                               &response));
    check_output(&f, response, 0, "s");
    check_output(&f, response, 1, "d");
    oc_rpc_unpacked_free(response, NULL);
    oc_buf_fini(&answer);
    oc_buf_fini(&bytes);
}

typedef struct infer_lie {
    grpc_status_code code;
    const char *text;
    void (*tell)(infer *f);
} infer_lie;

static void lie_model(infer *f)
{
    f->request.model_name = (char *)"three";
}
static void lie_version(infer *f)
{
    f->request.model_version = (char *)"9";
}
static void lie_name(infer *f)
{
    f->input[1].name = (char *)"x";
}
static void lie_twice(infer *f)
{
    f->input[1].name = (char *)"a";
}
static void lie_dtype(infer *f)
{
    f->input[0].datatype = (char *)"INT64";
}
static void lie_shape(infer *f)
{
    f->shape[1][1] = 4;
}
static void lie_rank(infer *f)
{
    f->input[0].n_shape = 1;
}
static void lie_negative(infer *f)
{
    f->shape[0][0] = -2;
}
static void lie_short(infer *f)
{
    f->raws[1].len = 20;
}
static void lie_long(infer *f)
{
    f->raws[1].len = 25;
    f->raws[1].data = (uint8_t *)f->shape;
}
static void lie_missing(infer *f)
{
    f->request.n_inputs = f->request.n_raw_input_contents = 1;
}
static void lie_raws(infer *f)
{
    f->request.n_raw_input_contents = 1;
}
static void lie_more(infer *f)
{
    f->request.n_inputs = 3;
    f->inputs[2] = &f->input[0];
}
static void lie_both(infer *f)
{
    f->input[0].contents = &f->contents[0];
}
static void lie_none(infer *f)
{
    f->request.n_raw_input_contents = 0;
}
static void lie_output(infer *f)
{
    f->request.n_outputs = 1;
    f->output[0].name = (char *)"six";
}
static void lie_output_twice(infer *f)
{
    f->request.n_outputs = 2;
    f->output[0].name = f->output[1].name = (char *)"s";
}
static void lie_outputs(infer *f)
{
    f->request.n_outputs = 4;
}
static void lie_typed_short(infer *f)
{
    lie_none(f);
    f->input[0].contents = &f->contents[0];
    f->contents[0].n_fp32_contents = 5;
}
static void lie_typed_kind(infer *f)
{
    static int64_t numbers[6];
    lie_none(f);
    f->input[0].contents = &f->contents[0];
    f->contents[0].n_fp32_contents = 0;
    f->contents[0].int64_contents = numbers;
    f->contents[0].n_int64_contents = 6;
}

static const infer_lie infer_lies[] = {
    {GRPC_STATUS_NOT_FOUND, "no model \"three\"; served are \"tiny\", \"two\"", lie_model},
    {GRPC_STATUS_NOT_FOUND, "version", lie_version},
    {GRPC_STATUS_INVALID_ARGUMENT, "no input \"x\"", lie_name},
    {GRPC_STATUS_INVALID_ARGUMENT, "twice", lie_twice},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"a\": expected FP32, found \"INT64\"", lie_dtype},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"b\": expected shape 2x3, found 2x4", lie_shape},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"a\": expected shape 2x3, found 2", lie_rank},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"a\": expected shape 2x3", lie_negative},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"b\": expected 24 bytes, found 20", lie_short},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"b\": expected 24 bytes, found more", lie_long},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"b\" is missing", lie_missing},
    {GRPC_STATUS_INVALID_ARGUMENT, "one for each of 2 inputs, found 1", lie_raws},
    {GRPC_STATUS_INVALID_ARGUMENT, "2 inputs", lie_more},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"a\": it has contents", lie_both},
    {GRPC_STATUS_INVALID_ARGUMENT, "input \"a\": expected 24 bytes, found 0", lie_none},
    {GRPC_STATUS_INVALID_ARGUMENT, "no output \"six\"", lie_output},
    {GRPC_STATUS_INVALID_ARGUMENT, "output \"s\" is asked for twice", lie_output_twice},
    {GRPC_STATUS_INVALID_ARGUMENT, "3 outputs", lie_outputs},
    {GRPC_STATUS_INVALID_ARGUMENT, "found 20", lie_typed_short},
    {GRPC_STATUS_INVALID_ARGUMENT, "expected fp32_contents, found field 3", lie_typed_kind},
};

static void test_infer_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < OC_COUNT(infer_lies); i++) {
        infer f;
        Inference__ModelInferResponse *answer = NULL;
        char text[512];
        infer_init(&f);
        infer_lies[i].tell(&f);
        grpc_status_code code = infer_send(&f, &answer, text);
        if (code != infer_lies[i].code || !strstr(text, infer_lies[i].text))
            fail_msg("lie %zu: expected %d \"%s\", found %d \"%s\"", i, (int)infer_lies[i].code,
                     infer_lies[i].text, (int)code, text);
    }
    infer f;
    infer_init(&f);
    infer_works(&f, "sdc"); /* and nothing of it stays behind */
}

/* ---- RunPart --------------------------------------------------------------------------------- */

/* A good Open for the whole of "tiny", which a test then changes. */
typedef struct open_tiny {
    Offcut__V1__Open open;
    char digest[OC_DIGEST_TEXT];
    char *takes[3], *gives[3];
} open_tiny;

static void open_init(open_tiny *o)
{
    oc_graph *g = NULL;
    offcut__v1__open__init(&o->open);
    oc_assert_ok(oc_graph_load("tiny.onnx", NULL, NULL, &g));
    o->open.digest = oc_digest_print(&g->digest, o->digest);
    oc_graph_destroy(g);
    o->takes[0] = (char *)"x";
    o->gives[0] = (char *)"y";
    o->open.version = 1;
    o->open.model = (char *)"tiny";
    o->open.request_id = 5;
    o->open.takes = o->takes;
    o->open.n_takes = 1;
    o->open.gives = o->gives;
    o->open.n_gives = 1;
    o->open.codec = (char *)"raw";
}

static void open_fails(const open_tiny *o, grpc_status_code code, const char *text)
{
    Offcut__V1__Open copy = o->open;
    raw_call c = raw_begin(&client, OC_RPC_PATH_RUN_PART, PATIENCE_NS);
    raw_send(&c, pack_open(&copy), false);
    raw_expect(&c, code, text);
}

static void test_open_lies(void **state)
{
    (void)state;
    open_tiny o;
    open_init(&o);
    o.open.version = 2;
    open_fails(&o, GRPC_STATUS_FAILED_PRECONDITION, "version: expected 1 to 1, found 2");
    open_init(&o);
    o.open.model = (char *)"huge";
    open_fails(&o, GRPC_STATUS_NOT_FOUND, "no model \"huge\"; served are \"tiny\", \"two\"");
    open_init(&o);
    char real[OC_DIGEST_TEXT];
    memcpy(real, o.digest, sizeof(real));
    memset(o.digest, 'a', OC_DIGEST_TEXT - 1);
    open_fails(&o, GRPC_STATUS_FAILED_PRECONDITION, real);
    open_fails(&o, GRPC_STATUS_FAILED_PRECONDITION, o.digest);
    open_init(&o);
    o.open.codec = (char *)"zstd";
    open_fails(&o, GRPC_STATUS_UNIMPLEMENTED, "zstd");
    open_init(&o);
    o.open.request_id = 0;
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "request_id");
    open_init(&o);
    o.open.n_gives = 0;
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "gives");
    open_init(&o);
    o.takes[0] = (char *)"nothing";
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "takes: model \"tiny\" has no value \"nothing\"");
    open_init(&o);
    o.takes[0] = (char *)"two"; /* constant */
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "\"two\"");
    open_init(&o);
    o.gives[1] = (char *)"y";
    o.open.n_gives = 2;
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "gives: value \"y\" is named twice");
    open_init(&o);
    o.open.n_takes = 0;
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "\"x\"");
    open_init(&o);
    o.takes[1] = (char *)"y"; /* stops the search before x */
    o.open.n_takes = 2;
    open_fails(&o, GRPC_STATUS_INVALID_ARGUMENT, "\"x\"");
}

static void chunk_init(Offcut__V1__TensorChunk *c, int64_t shape[2], float x[4])
{
    oc_rpc_sum sum;
    offcut__v1__tensor_chunk__init(c);
    oc_rpc_sum_init(&sum);
    oc_rpc_sum_put(&sum, x, 16);
    shape[0] = 1;
    shape[1] = 4;
    c->name = (char *)"x";
    c->dtype = (char *)"float32";
    c->shape = shape;
    c->n_shape = 2;
    c->codec = (char *)"raw";
    c->total_bytes = 16;
    c->checksum = oc_rpc_sum_end(&sum);
    c->data = (ProtobufCBinaryData){16, (uint8_t *)x};
}

static void test_run_part(void **state)
{
    (void)state;
    open_tiny o;
    Offcut__V1__TensorChunk chunk;
    Offcut__V1__RunPartResponse *answer = NULL;
    int64_t shape[2];
    float x[4] = {1, 2, 3, 4};
    const float y[4] = {3, 5, 7, 9};
    open_init(&o);
    chunk_init(&chunk, shape, x);
    raw_call c = raw_begin(&client, OC_RPC_PATH_RUN_PART, PATIENCE_NS);
    raw_send(&c, pack_open(&o.open), false);
    raw_send(&c, pack_chunk(&chunk),
             false); /* the stream stays open: that is the client's business */
    for (int i = 0; i < 2; i++) {
        grpc_byte_buffer *message = raw_receive(&c);
        grpc_slice slice;
        oc_bytes bytes;
        oc_assert_ok(oc_rpc_bytes(message, SIZE_MAX, &slice, &bytes));
        oc_assert_ok(
            oc_rpc_unpack(&offcut__v1__run_part_response__descriptor, bytes, NULL, &answer));
        if (i == 0)
            assert_memory_equal(answer->tensor->data.data, y, sizeof(y));
        else
            assert_true(answer->done->compute_ns > 0);
        oc_rpc_unpacked_free(answer, NULL);
        grpc_slice_unref(slice);
        grpc_byte_buffer_destroy(message);
    }
    raw_expect(&c, GRPC_STATUS_OK, NULL);
}

/* A stream that goes wrong at its n-th message. */
static void stream_fails(grpc_byte_buffer *first, grpc_byte_buffer *second, bool is_last,
                         grpc_status_code code, const char *text)
{
    raw_call c = raw_begin(&client, OC_RPC_PATH_RUN_PART, PATIENCE_NS);
    raw_send(&c, first, !second && is_last);
    if (second)
        raw_send(&c, second, is_last);
    raw_expect(&c, code, text);
}

static void test_stream_lies(void **state)
{
    (void)state;
    open_tiny o;
    Offcut__V1__TensorChunk chunk;
    Offcut__V1__RunPartRequest nothing = OFFCUT__V1__RUN_PART_REQUEST__INIT;
    int64_t shape[2];
    float x[4] = {1, 2, 3, 4};
    open_init(&o);
    chunk_init(&chunk, shape, x);
    stream_fails(NULL, NULL, true, GRPC_STATUS_INVALID_ARGUMENT, "expected a message, found none");
    stream_fails(oc_rpc_pack(&nothing.base), NULL, false, GRPC_STATUS_INVALID_ARGUMENT,
                 "found none");
    stream_fails(pack_chunk(&chunk), NULL, false, GRPC_STATUS_INVALID_ARGUMENT, "expected Open");
    stream_fails(pack_open(&o.open), pack_open(&o.open), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "second Open");
    stream_fails(pack_open(&o.open), NULL, true, GRPC_STATUS_INVALID_ARGUMENT, "ended before");
    stream_fails(pack_open(&o.open), raw_message("\x1a\x00", 2), false,
                 GRPC_STATUS_INVALID_ARGUMENT, "Done");
    chunk.name = (char *)"y";
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "value \"y\"");
    chunk_init(&chunk, shape, x);
    chunk.dtype = (char *)"int8";
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "expected float32, found \"int8\"");
    chunk_init(&chunk, shape, x);
    shape[1] = 5;
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "expected shape 1x4, found 1x5");
    chunk_init(&chunk, shape, x);
    chunk.total_bytes = UINT64_C(1) << 40;
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "expected 16 bytes in all");
    chunk_init(&chunk, shape, x);
    chunk.offset = 8;
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "offset 0, found 8");
    chunk_init(&chunk, shape, x);
    chunk.checksum++;
    stream_fails(pack_open(&o.open), pack_chunk(&chunk), false, GRPC_STATUS_INVALID_ARGUMENT,
                 "checksum");
    test_run_part(state); /* and nothing of it stays behind */
}

/* Random bytes to every method, alone and behind a good Open: a status, no crash, and the worker
 * goes on. */
static void test_random_bytes(void **state)
{
    (void)state;
    static const char *const paths[] = {OC_RPC_PATH_HELLO,
                                        OC_RPC_PATH_RUN_PART,
                                        OC_RPC_PATH_STATUS,
                                        HEALTH,
                                        INFER "ServerLive",
                                        INFER "ServerReady",
                                        INFER "ModelReady",
                                        INFER "ServerMetadata",
                                        INFER "ModelMetadata",
                                        INFER "ModelInfer",
                                        "/no/Method",
                                        "/",
                                        ""};
    oc_rng rng = oc_rng_make(21);
    open_tiny o;
    open_init(&o);
    for (int i = 0; i < 600; i++) {
        uint8_t bytes[256];
        size_t size = oc_rng_below(&rng, sizeof(bytes));
        oc_rng_fill_bytes(&rng, bytes, size);
        for (size_t k = 0; k < size && i % 3; k++)
            bytes[k] &= i % 3 == 1 ? 0x3f : 0x1f;
        const char *path = paths[(size_t)i % OC_COUNT(paths)];
        grpc_status_code code = raw_unary(&client, path, bytes, size, NULL, NULL);
        assert_int_not_equal(code, GRPC_STATUS_UNAVAILABLE);
        assert_int_not_equal(code, GRPC_STATUS_DEADLINE_EXCEEDED);
    }
    for (int i = 0; i < 100; i++) {
        uint8_t bytes[64];
        size_t size = 1 + oc_rng_below(&rng, sizeof(bytes) - 1);
        oc_rng_fill_bytes(&rng, bytes, size);
        bytes[0] = 0x12; /* a TensorChunk, at least */
        stream_fails(pack_open(&o.open), raw_message(bytes, size), false,
                     GRPC_STATUS_INVALID_ARGUMENT, NULL);
    }
    test_run_part(state);
}

/* Every truncation of a good request, and of a good stream. */
static void test_truncated(void **state)
{
    (void)state;
    infer f;
    char text[512];
    infer_init(&f);
    size_t size = inference__model_infer_request__get_packed_size(&f.request);
    uint8_t *data = malloc(size);
    inference__model_infer_request__pack(&f.request, data);
    for (size_t n = 0; n < size; n++) {
        grpc_status_code code = raw_unary(&client, INFER "ModelInfer", data, n, NULL, text);
        if (code != GRPC_STATUS_INVALID_ARGUMENT && code != GRPC_STATUS_NOT_FOUND)
            fail_msg("%zu of %zu bytes: %d %s", n, size, (int)code, text);
    }
    free(data);
}

static void test_unknown_method(void **state)
{
    (void)state;
    Grpc__Health__V1__HealthCheckRequest any = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ask_fails(INFER "RepositoryIndex", &any.base, GRPC_STATUS_UNIMPLEMENTED,
              "no method " INFER "RepositoryIndex");
}

/* gRPC's own compression is refused: a small message could grow without a bound. */
static void test_compressed(void **state)
{
    (void)state;
    raw_call c = raw_begin(&client, INFER "ServerLive", PATIENCE_NS);
    grpc_op ops[3];
    uint8_t zeros[4096] = {0};
    grpc_byte_buffer *message = raw_message(zeros, sizeof(zeros));
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].data.send_initial_metadata.maybe_compression_level.is_set = 1;
    ops[0].data.send_initial_metadata.maybe_compression_level.level = GRPC_COMPRESS_LEVEL_NONE;
    grpc_metadata gzip = {.key = grpc_slice_from_static_string("grpc-internal-encoding-request"),
                          .value = grpc_slice_from_static_string("gzip")};
    ops[0].data.send_initial_metadata.metadata = &gzip;
    ops[0].data.send_initial_metadata.count = 1;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = message;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    raw_batch(&c, ops, 3);
    grpc_byte_buffer_destroy(message);
    raw_expect(&c, GRPC_STATUS_UNIMPLEMENTED, "ompress");
}

/* ---- limits ---------------------------------------------------------------------------------- */

typedef struct limited {
    truth t;
    served s;
    oc_site *site;
    remote_run runs[3];
} limited;

static void limited_begin(limited *l, uint32_t requests_max)
{
    const oc_worker_model model = {.path = "slow.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    l->t = truth_make_slow("slow.onnx", SECOND_NS / 4);
    options.requests_max = requests_max;
    served_begin(&l->s, &options);
    oc_assert_ok(oc_remote_site_open(l->s.address, l->t.graph, NULL, NULL, &l->site));
    for (size_t i = 0; i < OC_COUNT(l->runs); i++) {
        const oc_graph *g = l->t.graph;
        l->runs[i] = remote_run_open(l->site, g, g->inputs, 1, g->outputs, 1);
        remote_run_begin(&l->runs[i]);
    }
    assert_int_equal(remote_do(&l->runs[0], &l->t, OC_NEVER_NS),
                     OC_OK); /* now it is known how long it takes */
}

static void limited_end(limited *l)
{
    for (size_t i = 0; i < OC_COUNT(l->runs); i++)
        remote_run_close(&l->runs[i]);
    l->site->type->close(l->site);
    served_end(&l->s);
    truth_free(&l->t);
}

static void test_full(void **state)
{
    (void)state;
    limited l = {0};
    limited_begin(&l, 2);
    remote_send(&l.runs[0], &l.t, OC_NEVER_NS);
    remote_send(&l.runs[1], &l.t, OC_NEVER_NS);
    served_wait(&l.s, 1);
    remote_send(&l.runs[2], &l.t, OC_NEVER_NS);
    assert_true(remote_wait(&l.runs[2], is_idle, PATIENCE_NS));
    assert_int_equal(l.runs[2].last.status, OC_E_BUSY);
    assert_non_null(strstr(l.runs[2].last.text, "at most 2"));
    for (int i = 0; i < 2; i++) {
        assert_true(remote_wait(&l.runs[i], is_idle, PATIENCE_NS));
        assert_int_equal(l.runs[i].last.status, OC_OK);
        remote_check(&l.runs[i], &l.t);
    }
    assert_true(l.runs[1].last.times.queue_ns > l.runs[0].last.times.queue_ns);
    assert_int_equal(remote_do(&l.runs[2], &l.t, OC_NEVER_NS), OC_OK);
    limited_end(&l);
}

/* A full worker takes another try of what waits or runs there: the older one goes. */
static void test_full_retries(void **state)
{
    (void)state;
    limited l = {0};
    limited_begin(&l, 2);
    remote_send_as(&l.runs[0], &l.t, 5, 1, OC_NEVER_NS);
    served_wait(&l.s, 0);
    remote_send_as(&l.runs[1], &l.t, 5, 2, OC_NEVER_NS);
    served_wait(&l.s, 1);
    remote_send_as(&l.runs[2], &l.t, 5, 2, OC_NEVER_NS);
    assert_true(remote_wait(&l.runs[1], is_idle, PATIENCE_NS));
    assert_non_null(strstr(l.runs[1].last.text, "a newer try"));
    remote_send_as(&l.runs[1], &l.t, 5, 1, OC_NEVER_NS);
    assert_true(remote_wait(&l.runs[0], is_idle, PATIENCE_NS));
    for (int i = 1; i < 3; i++) {
        assert_true(remote_wait(&l.runs[i], is_idle, PATIENCE_NS));
        if (l.runs[i].last.status != OC_OK)
            fail_msg("run %d: %s", i, l.runs[i].last.text);
        remote_check(&l.runs[i], &l.t);
    }
    /* What was dropped is counted once: two places, and no third. */
    remote_send(&l.runs[0], &l.t, OC_NEVER_NS);
    remote_send(&l.runs[1], &l.t, OC_NEVER_NS);
    served_wait(&l.s, 1);
    assert_int_equal(remote_do(&l.runs[2], &l.t, OC_NEVER_NS), OC_E_BUSY);
    for (int i = 0; i < 2; i++) {
        assert_true(remote_wait(&l.runs[i], is_idle, PATIENCE_NS));
        assert_int_equal(l.runs[i].last.status, OC_OK);
    }
    limited_end(&l);
}

/* A request that was cancelled while it waited is dropped: its place is free, and it takes no time.
 * */
static void test_dropped(void **state)
{
    (void)state;
    limited l = {0};
    limited_begin(&l, 2);
    remote_send(&l.runs[0], &l.t, OC_NEVER_NS);
    for (int i = 0; i < 4; i++) {
        remote_send(&l.runs[1], &l.t, OC_NEVER_NS);
        usleep(10000);
        l.site->type->cancel(l.runs[1].part);
        assert_true(remote_wait(&l.runs[1], is_idle, PATIENCE_NS));
        assert_int_equal(l.runs[1].last.status, OC_E_CANCELLED);
    }
    usleep(10000);
    assert_int_equal(remote_do(&l.runs[2], &l.t, OC_NEVER_NS), OC_OK);
    remote_check(&l.runs[2], &l.t);
    /* It waited for the first, not for four others. */
    assert_true(l.runs[2].last.times.queue_ns < 3 * l.runs[2].last.times.compute_ns);
    limited_end(&l);
}

/* Its deadline passes while it waits: it is not run, and says so. gRPC's own deadline is later. */
static void test_too_late(void **state)
{
    (void)state;
    limited l = {0};
    limited_begin(&l, 4);
    raw_client other = raw_open(l.s.address);
    open_tiny o;
    char digest[OC_DIGEST_TEXT];
    open_init(&o);
    o.open.model = (char *)"slow";
    o.open.digest = oc_digest_print(&l.t.graph->digest, digest);
    o.open.timeout_ms = 1;
    remote_send(&l.runs[0], &l.t, OC_NEVER_NS);
    served_wait(&l.s, 0);
    raw_call c = raw_begin(&other, OC_RPC_PATH_RUN_PART, PATIENCE_NS);
    oc_flow_value x;
    oc_assert_ok(oc_flow_value_init(&x, l.t.graph, l.t.graph->inputs[0]));
    x.data = l.t.values[l.t.graph->inputs[0]].data;
    raw_send(&c, pack_open(&o.open), false);
    while (!x.is_done)
        raw_send(&c, oc_flow_send(&x), false);
    raw_expect(&c, GRPC_STATUS_DEADLINE_EXCEEDED, "it was not run");
    assert_true(remote_wait(&l.runs[0], is_idle, PATIENCE_NS));
    raw_close(&other);
    limited_end(&l);
}

/* gRPC holds the status back until the messages before it were taken, or the call is cancelled. */
static void abandon(raw_call *c)
{
    grpc_call_cancel(c->call, NULL);
    raw_status(c);
    assert_int_not_equal(c->code, GRPC_STATUS_OK);
    raw_end(c);
}

/* y = x + big: one number in, and an answer that fits no buffer between two programs. */
static void write_answer(const char *path)
{
    const int64_t one[] = {1, 1}, many[] = {1, 6000000};
    float *big = calloc((size_t)many[1], sizeof(float));
    onnx_writer w;
    onnx_writer_init(&w, "answer");
    onnx_writer_input(&w, "x", 2, one);
    onnx_writer_floats(&w, "big", 2, many, big);
    onnx_writer_node(&w, "Add", "add", (const char *[]){"x", "big", NULL}, "y", NULL);
    onnx_writer_output(&w, "y", 2, many);
    write_model(&w, path);
    free(big);
}

/* Send Open, and x where the whole of it is wanted. */
static raw_call begin_stalled(raw_client *from, const char *model, const oc_graph *g, bool is_whole)
{
    open_tiny o;
    char digest[OC_DIGEST_TEXT];
    oc_flow_value x;
    float zeros[4] = {0};
    open_init(&o);
    o.open.model = (char *)model;
    o.open.digest = oc_digest_print(&g->digest, digest);
    oc_assert_ok(oc_flow_value_init(&x, g, g->inputs[0]));
    x.data = zeros;
    raw_call c = raw_begin(from, OC_RPC_PATH_RUN_PART, 3 * PATIENCE_NS);
    raw_send(&c, pack_open(&o.open), false);
    if (is_whole)
        raw_send(&c, oc_flow_send(&x), false);
    return c;
}

/* Two at once, until both get in. */
static void both_get_in(const char *address, const truth *t)
{
    oc_site *site = NULL;
    const oc_graph *g = t->graph;
    remote_run runs[2];
    size_t served_at_once = 0;
    oc_assert_ok(oc_remote_site_open(address, g, NULL, NULL, &site));
    for (int i = 0; i < 2; i++) {
        runs[i] = remote_run_open(site, g, g->inputs, 1, g->outputs, 1);
        remote_run_begin(&runs[i]);
        assert_true(remote_wait(&runs[i], is_ready, PATIENCE_NS));
    }
    const oc_site_run run = {.id = 8, .deadline_ns = OC_NEVER_NS};
    for (uint64_t end = oc_now_ns() + PATIENCE_NS; served_at_once < 2 && oc_now_ns() < end;) {
        served_at_once = 0;
        for (int i = 0; i < 2; i++) { /* Open alone takes a place */
            oc_assert_ok(site->type->start(runs[i].part, &run));
            oc_assert_ok(site->type->submit(runs[i].part, 0, runs[i].nodes.n_nodes));
        }
        usleep(50000);
        for (int i = 0; i < 2; i++) {
            site->type->poll(runs[i].part, &runs[i].last);
            served_at_once += !runs[i].last.is_idle;
            site->type->cancel(runs[i].part);
            assert_true(remote_wait(&runs[i], is_idle, PATIENCE_NS));
        }
    }
    assert_int_equal(served_at_once, 2);
    for (int i = 0; i < 2; i++)
        remote_run_close(&runs[i]);
    site->type->close(site);
}

/* Clients that stall: one in the middle of sending, one in the middle of taking its answer. The
 * worker has two places, so that two others only get in together when both have lost theirs. And
 * one that does not take its answer does not keep the worker from stopping. */
static void test_stalled(void **state)
{
    (void)state;
    const oc_worker_model models[] = {{.path = "answer.onnx"}, {.path = "tiny.onnx"}};
    oc_worker_options options = served_options("127.0.0.1:0", models, 2);
    oc_graph *g = NULL;
    served s = {0};
    truth tiny = truth_make("tiny.onnx");
    write_answer("answer.onnx");
    oc_assert_ok(oc_graph_load("answer.onnx", NULL, NULL, &g));
    options.requests_max = 2;
    oc_assert_ok(oc_worker_create(&options, NULL, &s.worker));
    s.worker->stall_ns = s.worker->grace_ns = SECOND_NS / 2;
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    raw_client other = raw_open(s.address);
    raw_call sends = begin_stalled(&other, "answer", g, false);
    raw_call takes = begin_stalled(&other, "answer", g, true);
    raw_expect(&sends, GRPC_STATUS_DEADLINE_EXCEEDED, "sent nothing for 500 ms");
    both_get_in(s.address, &tiny);
    abandon(&takes);
    takes = begin_stalled(&other, "answer", g, true);
    usleep(200000);
    uint64_t begin_ns = oc_now_ns();
    served_end(&s);
    assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
    abandon(&takes);
    raw_close(&other);
    oc_graph_destroy(g);
    truth_free(&tiny);
}

/* ---- clients that only hold places ----------------------------------------------------------- */

#define CROWD 6     /* connections */
#define HOLDERS 100 /* calls of each: more than one may have, and all more than there are */

/* A call that is opened, and sends no message. */
typedef struct holder {
    raw_call call;
    bool is_over;
} holder;

static void hold(holder *h, raw_client *from, const char *path)
{
    grpc_op ops[3];
    memset(ops, 0, sizeof(ops));
    h->call = raw_begin(from, path, 3 * PATIENCE_NS);
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    raw_head(&h->call, &ops[1]);
    ops[2].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[2].data.recv_status_on_client.trailing_metadata = &h->call.tail;
    ops[2].data.recv_status_on_client.status = &h->call.code;
    ops[2].data.recv_status_on_client.status_details = &h->call.details;
    assert_int_equal(grpc_call_start_batch(h->call.call, ops, 3, h, NULL), GRPC_CALL_OK);
}

/* Whether it has a status by then. */
static bool hold_ended(holder *h, uint64_t deadline_ns)
{
    if (!h->is_over)
        h->is_over = grpc_completion_queue_pluck(h->call.client->queue, h,
                                                 oc_rpc_deadline(deadline_ns), NULL)
                         .type == GRPC_OP_COMPLETE;
    return h->is_over;
}

static void hold_end(holder *h)
{
    grpc_call_cancel(h->call.call, NULL);
    assert_true(hold_ended(h, oc_now_ns() + PATIENCE_NS));
    raw_end(&h->call);
}

/* Until the worker has sent one of them away, which it does when it has no call left. */
static bool was_crowded(holder *holders, size_t count)
{
    for (uint64_t end = oc_now_ns() + PATIENCE_NS; oc_now_ns() < end;)
        for (size_t i = 0; i < count; i++)
            if (hold_ended(&holders[i], 0) &&
                holders[i].call.code == GRPC_STATUS_RESOURCE_EXHAUSTED)
                return true;
    return false;
}

/* Every question is answered and a part is run, each soon: far before a holder's time is over. */
static void serves_soon(const char *address)
{
    raw_client before = client;
    client = raw_open(address);
    for (int round = 0; round < 5; round++) {
        uint64_t begin_ns = oc_now_ns();
        test_health(NULL);
        test_hello(NULL);
        test_run_part(NULL);
        assert_true(oc_now_ns() - begin_ns < PATIENCE_NS);
        usleep(50000);
    }
    raw_close(&client);
    client = before;
}

static void crowd(const char *path, size_t n_clients)
{
    const oc_worker_model models[] = {{.path = "tiny.onnx"}, {.name = "two", .path = "pair.onnx"}};
    oc_worker_options options = served_options("127.0.0.1:0", models, 2);
    served s = {0};
    raw_client clients[CROWD];
    holder *holders = calloc(CROWD * HOLDERS, sizeof(*holders));
    oc_assert_ok(oc_worker_create(&options, NULL, &s.worker));
    s.worker->first_ns = s.worker->stall_ns = 1000 * SECOND_NS; /* none goes for its slowness */
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    for (size_t k = 0; k < n_clients; k++) {
        clients[k] = raw_open(s.address);
        for (size_t i = 0; i < HOLDERS; i++)
            hold(&holders[k * HOLDERS + i], &clients[k], path);
    }
    if (n_clients == CROWD)
        assert_true(was_crowded(holders, CROWD * HOLDERS));
    serves_soon(s.address);
    for (size_t i = 0; i < n_clients * HOLDERS; i++)
        hold_end(&holders[i]);
    for (size_t k = 0; k < n_clients; k++)
        raw_close(&clients[k]);
    served_end(&s);
    free(holders);
}

static void test_crowded(void **state)
{
    (void)state;
    crowd(OC_RPC_PATH_RUN_PART, 1);
    crowd(OC_RPC_PATH_RUN_PART, CROWD);
    crowd(HEALTH, CROWD);
    crowd(INFER "ModelInfer", CROWD);
}

/* A small first message has a time of its own. */
static void test_first_message(void **state)
{
    (void)state;
    const oc_worker_model model = {.path = "tiny.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    served s = {0};
    oc_assert_ok(oc_worker_create(&options, NULL, &s.worker));
    s.worker->first_ns = SECOND_NS / 2;
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    raw_client other = raw_open(s.address);
    raw_call waits = raw_begin(&other, INFER "ModelInfer", PATIENCE_NS);
    raw_call goes = raw_begin(&other, OC_RPC_PATH_RUN_PART, PATIENCE_NS);
    raw_send(&waits, NULL, false);
    raw_send(&goes, NULL, false);
    raw_expect(&goes, GRPC_STATUS_DEADLINE_EXCEEDED, "sent nothing for 500 ms");
    raw_send(&waits, raw_message("", 0), true); /* perhaps a large one that took its time */
    raw_expect(&waits, GRPC_STATUS_NOT_FOUND, "no model");
    raw_close(&other);
    served_end(&s);
}

/* Requests whose values do not come hold every place: the one that waited longest goes. */
static void test_full_of_waiting(void **state)
{
    (void)state;
    const oc_worker_model models[] = {{.path = "tiny.onnx"}, {.name = "two", .path = "pair.onnx"}};
    oc_worker_options options = served_options("127.0.0.1:0", models, 2);
    served s = {0};
    truth tiny = truth_make("tiny.onnx");
    options.requests_max = 2;
    oc_assert_ok(oc_worker_create(&options, NULL, &s.worker));
    s.worker->first_ns = SECOND_NS / 4;
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    raw_client before = client;
    client = raw_open(s.address);
    raw_call first = begin_stalled(&client, "tiny", tiny.graph, false);
    usleep(20000);
    raw_call second = begin_stalled(&client, "tiny", tiny.graph, false);
    usleep(400000);
    test_run_part(NULL);
    raw_expect(&first, GRPC_STATUS_RESOURCE_EXHAUSTED, "waited for its values");
    abandon(&second);
    raw_close(&client);
    client = before;
    served_end(&s);
    truth_free(&tiny);
}

/* What requests hold together has a limit: one gets in, the next one would pass it. */
static void test_memory(void **state)
{
    (void)state;
    const oc_worker_model models[] = {{.path = "tiny.onnx"}, {.name = "two", .path = "pair.onnx"}};
    oc_worker_options options = served_options("127.0.0.1:0", models, 2);
    served s = {0};
    truth tiny = truth_make("tiny.onnx");
    oc_assert_ok(oc_worker_create(&options, NULL, &s.worker));
    s.worker->memory_bytes = 200; /* one needs 160: 16 bytes in and out, and where they are put */
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    raw_client before = client;
    client = raw_open(s.address);
    raw_call first = begin_stalled(&client, "tiny", tiny.graph, false);
    usleep(100000);
    raw_call second = begin_stalled(&client, "tiny", tiny.graph, false);
    raw_expect(&second, GRPC_STATUS_RESOURCE_EXHAUSTED,
               "hold 160 bytes, this one needs 160, at most 200");
    abandon(&first);
    usleep(100000);
    test_run_part(NULL); /* its memory is used again */
    raw_close(&client);
    client = before;
    served_end(&s);
    truth_free(&tiny);
}

static void test_large_message(void **state)
{
    (void)state;
    const oc_worker_model model = {.path = "tiny.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    served s = {0};
    char text[512];
    uint8_t *large = calloc(1, 200000);
    options.message_bytes_max = 100000;
    served_begin(&s, &options);
    raw_client other = raw_open(s.address);
    assert_int_equal(raw_unary(&other, INFER "ModelInfer", large, 200000, NULL, text),
                     GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(raw_unary(&other, INFER "ServerLive", NULL, 0, NULL, text), GRPC_STATUS_OK);
    raw_close(&other);
    served_end(&s);
    free(large);
}

/* More different parts than the worker keeps, each twice, in turn. */
static void test_many_parts(void **state)
{
    (void)state;
    write_slow("deep.onnx", 24, 4);
    truth t = truth_make("deep.onnx");
    const oc_graph *g = t.graph;
    served s = serve_model(NULL, "deep.onnx");
    oc_site *site = NULL;
    oc_assert_ok(oc_remote_site_open(s.address, g, NULL, NULL, &site));
    for (int round = 0; round < 2; round++) {
        for (size_t index = 0; index < g->n_nodes; index++) {
            oc_cut cut;
            oc_assert_ok(oc_cut_at(g, index, NULL, &cut));
            remote_run r = remote_run_open(site, g, cut.values, cut.n_values, g->outputs, 1);
            remote_run_begin(&r);
            assert_int_equal(remote_do(&r, &t, OC_NEVER_NS), OC_OK);
            remote_check(&r, &t);
            remote_run_close(&r);
            oc_cut_fini(&cut);
        }
    }
    site->type->close(site);
    served_end(&s);
    truth_free(&t);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void create_fails(const char *listen, const oc_worker_model *models, size_t count,
                         oc_status status, const char *text)
{
    oc_worker_options options = served_options(listen, models, count);
    oc_worker *worker = NULL;
    oc_assert_fails(oc_worker_create(&options, NULL, &worker), status, text);
    assert_null(worker);
}

static void test_create_fails(void **state)
{
    (void)state;
    char taken[64];
    const oc_worker_model tiny = {.path = "tiny.onnx"},
                          twice[] = {{.path = "tiny.onnx"}, {.name = "tiny", .path = "pair.onnx"}};
    const oc_worker_model absent = {.path = "absent.onnx"};
    snprintf(taken, sizeof(taken), "%s", shared.address);
    create_fails(taken, &tiny, 1, OC_E_BUSY, taken);
    create_fails("192.0.2.1:0", &tiny, 1, OC_E_IO, "192.0.2.1"); /* TEST-NET-1: nobody's */
    create_fails("no such:1", &tiny, 1, OC_E_ARG, "no such:1");
    create_fails("127.0.0.1:0", NULL, 0, OC_E_ARG, "at least one model");
    create_fails("127.0.0.1:0", twice, 2, OC_E_ARG, "\"tiny\"");
    create_fails("127.0.0.1:0", &absent, 1, OC_E_IO, "absent.onnx");
}

/* Frees at the end what nobody released: memory that a lost device may use stays on purpose. */
typedef struct keeper {
    oc_allocator allocator;
    pthread_mutex_t mutex;
    struct kept {
        _Alignas(max_align_t) struct kept *next, **at;
    } * first;
} keeper;

static void *keeper_take(void *ctx, size_t size)
{
    keeper *k = ctx;
    struct kept *block = malloc(sizeof(*block) + size);
    assert_non_null(block);
    pthread_mutex_lock(&k->mutex);
    block->next = k->first;
    block->at = &k->first;
    if (block->next)
        block->next->at = &block->next;
    k->first = block;
    pthread_mutex_unlock(&k->mutex);
    return block + 1;
}

static void keeper_release(void *ctx, void *ptr)
{
    keeper *k = ctx;
    if (!ptr)
        return;
    struct kept *block = (struct kept *)ptr - 1;
    pthread_mutex_lock(&k->mutex);
    *block->at = block->next;
    if (block->next)
        block->next->at = block->at;
    pthread_mutex_unlock(&k->mutex);
    free(block);
}

/* A part that runs longer than the grace time does not keep the worker from stopping. */
static void test_given_up(void **state)
{
    (void)state;
    keeper k = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const oc_worker_model model = {.path = "slow.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    truth t = truth_make_slow("slow.onnx", 2 * SECOND_NS);
    served s = {0};
    oc_site *site = NULL;
    k.allocator = (oc_allocator){.ctx = &k, .alloc = keeper_take, .release = keeper_release};
    oc_assert_ok(oc_worker_create(&options, &k.allocator, &s.worker));
    s.worker->grace_ns = SECOND_NS / 10;
    snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
    assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
    oc_assert_ok(oc_remote_site_open(s.address, t.graph, NULL, NULL, &site));
    remote_run r =
        remote_run_open(site, t.graph, t.graph->inputs, 1, t.graph->outputs, t.graph->n_outputs);
    remote_run_begin(&r);
    assert_true(remote_wait(&r, is_ready, PATIENCE_NS));
    remote_send(&r, &t, OC_NEVER_NS);
    served_wait(&s, 0);
    oc_worker_stop(s.worker);
    assert_true(remote_wait(&r, is_idle, PATIENCE_NS));
    assert_int_equal(r.last.status, OC_E_LOST);
    assert_non_null(strstr(r.last.text, "given up"));
    served_end(&s);
    remote_run_close(&r);
    site->type->close(site);
    truth_free(&t);
    assert_non_null(k.first); /* the request's memory: the part still runs */
    while (k.first)
        keeper_release(&k, k.first + 1);
}

static void test_models(void **state)
{
    (void)state;
    char digest[OC_DIGEST_TEXT];
    truth t = truth_make("pair.onnx");
    assert_int_equal(oc_worker_model_count(shared.worker), 2);
    assert_string_equal(oc_worker_model_get(shared.worker, 0)->name, "tiny");
    const oc_worker_model_info *two = oc_worker_model_get(shared.worker, 1);
    assert_string_equal(two->name, "two");
    assert_string_equal(two->path, "pair.onnx");
    assert_string_equal(two->digest, oc_digest_print(&t.graph->digest, digest));
    assert_int_equal(two->n_nodes, 3);
    assert_null(oc_worker_model_get(shared.worker, 2));
    truth_free(&t);
}

typedef struct heard {
    size_t lines, of_grpc;
} heard;

static void hear(void *ctx, oc_log_level level, const char *text)
{
    heard *h = ctx;
    assert_true(level >= OC_LOG_INFO);
    h->lines++;
    h->of_grpc += strncmp(text, "grpc: ", 6) == 0;
}

/* What gRPC has to say comes through the caller's sink, and through no other. */
static void test_log(void **state)
{
    (void)state;
    heard ours = {0}, other = {0};
    const oc_log_sink sink = {.ctx = &ours, .level = OC_LOG_INFO, .write = hear};
    const oc_log_sink outer = {.ctx = &other, .level = OC_LOG_DEBUG, .write = hear};
    const oc_worker_model tiny = {.path = "tiny.onnx"};
    oc_worker_options options = served_options(shared.address, &tiny, 1);
    oc_worker *worker = NULL;
    options.prepare.log = &sink;
    oc_rpc_log_thread(&outer);
    oc_assert_fails(oc_worker_create(&options, NULL, &worker), OC_E_BUSY, "taken");
    assert_ptr_equal(oc_rpc_log_thread(NULL), &outer);
    assert_true(ours.of_grpc > 0);
    assert_int_equal(other.lines, 0);
}

static void test_names_and_life(void **state)
{
    (void)state;
    const oc_worker_model tiny = {.path = "tiny.onnx"};
    oc_worker_options options = served_options("localhost:0", &tiny, 1);
    oc_worker *worker = NULL;
    oc_assert_ok(oc_worker_create(&options, NULL, &worker)); /* never run */
    assert_in_range(oc_worker_port(worker), 1, 65535);
    oc_worker_destroy(worker);
    oc_assert_ok(oc_worker_create(&options, NULL, &worker)); /* stopped before it runs */
    oc_worker_stop(worker);
    oc_worker_stop(worker);
    oc_assert_ok(oc_worker_run(worker));
    oc_assert_fails(oc_worker_run(worker), OC_E_ARG, "make a new one");
    oc_worker_destroy(worker);
    oc_worker_destroy(NULL);
}

static oc_status create_and_destroy(const oc_allocator *alloc, void *ctx)
{
    const oc_worker_model tiny = {.path = "tiny.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &tiny, 1);
    oc_worker *worker = NULL;
    (void)ctx;
    OC_TRY(oc_worker_create(&options, alloc, &worker));
    oc_worker_destroy(worker);
    return OC_OK;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    oc_test_oom_sweep(create_and_destroy, NULL);
}

/* Memory runs out in the middle of serving: the request fails with a status, the next one works. */
static void test_out_of_memory_serving(void **state)
{
    (void)state;
    oc_test_allocator alloc;
    const oc_worker_model model = {.name = "two", .path = "pair.onnx"};
    oc_worker_options options = served_options("127.0.0.1:0", &model, 1);
    raw_client before = client;
    size_t failed = 0;
    for (size_t k = 1; k < 60; k++) {
        served s = {0};
        infer f;
        Inference__ModelInferResponse *answer = NULL;
        char text[512];
        oc_test_allocator_init(&alloc, 0);
        oc_assert_ok(oc_worker_create(&options, &alloc.allocator, &s.worker));
        snprintf(s.address, sizeof(s.address), "127.0.0.1:%d", oc_worker_port(s.worker));
        assert_int_equal(pthread_create(&s.thread, NULL, served_run, s.worker), 0);
        client = raw_open(s.address);
        infer_init(&f);
        alloc.fail_at = atomic_load(&alloc.calls) + k;
        grpc_status_code code = infer_send(&f, &answer, text);
        oc_rpc_unpacked_free(answer, NULL);
        if (code != GRPC_STATUS_OK)
            assert_int_equal(code, GRPC_STATUS_RESOURCE_EXHAUSTED);
        bool is_over = code == GRPC_STATUS_OK && atomic_load(&alloc.calls) < alloc.fail_at;
        failed += code != GRPC_STATUS_OK;
        alloc.fail_at = 0;
        infer_works(&f, "sdc");
        raw_close(&client);
        served_end(&s);
        assert_int_equal(atomic_load(&alloc.live), 0);
        if (is_over)
            break;
    }
    client = before;
    assert_true(failed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_server_questions),
        cmocka_unit_test(test_model_questions),
        cmocka_unit_test(test_infer),
        cmocka_unit_test(test_infer_packed),
        cmocka_unit_test(test_infer_lies),
        cmocka_unit_test(test_open_lies),
        cmocka_unit_test(test_run_part),
        cmocka_unit_test(test_stream_lies),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_unknown_method),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_retries),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_crowded),
        cmocka_unit_test(test_first_message),
        cmocka_unit_test(test_full_of_waiting),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_create_fails),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_names_and_life),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_out_of_memory_serving),
    };
    return cmocka_run_group_tests_name("rpc worker", tests, begin_shared, end_shared);
}
