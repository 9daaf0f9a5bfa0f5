/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Networks with odd ends: no inputs, outputs that are constants or inputs or given twice, tensors
 * without elements. Each as a model file through the public interface: alone, cut at every place
 * with a worker behind it, with a policy that decides, and asked of a worker as a model server. All
 * answers are the plain evaluation's.
 */
#include "rpc_test.h"

#include "graph_eval.h"
#include "inference.pb-c.h"

#include <offcut/offcut.h>

#define NAMES(...) ((const char *[]){__VA_ARGS__, NULL})
#define DIMS(...)                                                   \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]) \
    {                                                               \
        __VA_ARGS__                                                 \
    }

enum { ENDS_MAX = 4 };

/* ---- the models ------------------------------------------------------------------------------ */

/* k = a constant, a = relu(k): there is no input at all. */
static void write_constants(const char *path)
{
    const float k[] = {-1, 2, -3};
    onnx_writer w;
    onnx_writer_init(&w, "constants");
    onnx_writer_floats(&w, "k", DIMS(3), k);
    onnx_writer_node(&w, "Relu", "relu", NAMES("k"), "a", NULL);
    onnx_writer_output(&w, "k", DIMS(3));
    onnx_writer_output(&w, "a", DIMS(3));
    write_model(&w, path);
}

/* Nothing but a constant. */
static void write_one_constant(const char *path)
{
    const float k[] = {5, -6};
    onnx_writer w;
    onnx_writer_init(&w, "one");
    onnx_writer_floats(&w, "k", DIMS(2), k);
    onnx_writer_output(&w, "k", DIMS(2));
    write_model(&w, path);
}

/* y = sigmoid(x + k), given twice; a constant and the input beside it. */
static void write_twice(const char *path)
{
    const float k[] = {1, 2, 3};
    onnx_writer w;
    onnx_writer_init(&w, "twice");
    onnx_writer_input(&w, "x", DIMS(2, 3));
    onnx_writer_floats(&w, "k", DIMS(3), k);
    onnx_writer_node(&w, "Add", "add", NAMES("x", "k"), "m", NULL);
    onnx_writer_node(&w, "Sigmoid", "sigmoid", NAMES("m"), "y", NULL);
    onnx_writer_output(&w, "y", DIMS(2, 3));
    onnx_writer_output(&w, "k", DIMS(3));
    onnx_writer_output(&w, "y", DIMS(2, 3));
    onnx_writer_output(&w, "x", DIMS(2, 3));
    write_model(&w, path);
}

/* The input is the output: no node at all. */
static void write_nothing(const char *path)
{
    onnx_writer w;
    onnx_writer_init(&w, "nothing");
    onnx_writer_input(&w, "x", DIMS(4));
    onnx_writer_output(&w, "x", DIMS(4));
    write_model(&w, path);
}

/* What is made of z and of a constant without elements has none; a chain beside it has some. */
static void write_empty(const char *path)
{
    const float k[] = {1, 2};
    onnx_writer w;
    onnx_writer_init(&w, "empty");
    onnx_writer_input(&w, "z", DIMS(3, 1));
    onnx_writer_input(&w, "x", DIMS(3, 2));
    onnx_writer_floats(&w, "k", DIMS(2), k);
    onnx_writer_floats(&w, "none", DIMS(3, 0), k);
    onnx_writer_node(&w, "Relu", "folded", NAMES("none"), "still_none", NULL);
    onnx_writer_node(&w, "Add", "add", NAMES("z", "still_none"), "e", NULL);
    onnx_writer_node(&w, "Sigmoid", "sigmoid", NAMES("e"), "f", NULL);
    onnx_writer_node(&w, "Mul", "mul", NAMES("x", "k"), "m", NULL);
    onnx_writer_node(&w, "Concat", "concat", NAMES("f", "m"), "y",
                     (const onnx_attr[]){{.name = "axis", .kind = ONNX_INT, .i = 1}, {0}});
    onnx_writer_output(&w, "f", DIMS(3, 0));
    onnx_writer_output(&w, "y", DIMS(3, 2));
    write_model(&w, path);
}

/* ---- what runs it ---------------------------------------------------------------------------- */

typedef struct fixture {
    const char *path, *device;
    oc_model *model;
    oc_prepared *prepared;
    served worker;
    oc_tensor inputs[ENDS_MAX], outputs[ENDS_MAX], expected[ENDS_MAX];
} fixture;

static void evaluate(fixture *f)
{
    oc_graph *g = NULL;
    oc_rng rng = oc_rng_make(3);
    size_t bytes;
    oc_assert_ok(oc_graph_load(f->path, NULL, NULL, &g));
    assert_true(g->n_inputs <= ENDS_MAX && g->n_outputs <= ENDS_MAX);
    for (size_t i = 0; i < g->n_inputs; i++) {
        oc_assert_ok(oc_tensor_alloc(&g->values[g->inputs[i]].desc, NULL, &f->inputs[i]));
        oc_assert_ok(oc_desc_bytes(&f->inputs[i].desc, &bytes));
        oc_rng_fill_floats(&rng, f->inputs[i].data, bytes / sizeof(float), -1, 1);
    }
    oc_assert_ok(graph_eval(g, f->inputs, f->expected));
    for (size_t i = 0; i < g->n_outputs; i++)
        oc_assert_ok(oc_tensor_alloc(&g->values[g->outputs[i]].desc, NULL, &f->outputs[i]));
    oc_graph_destroy(g);
}

static void fixture_begin(fixture *f, const char *path, const char *device)
{
    const oc_prepare_options options = {.device = device};
    *f = (fixture){.path = path, .device = device};
    evaluate(f);
    oc_assert_ok(oc_model_open(path, NULL, NULL, &f->model));
    oc_assert_ok(oc_prepare(f->model, &options, NULL, &f->prepared));
    f->worker = serve_model(NULL, path);
}

static void fixture_end(fixture *f)
{
    served_end(&f->worker);
    oc_prepared_destroy(f->prepared);
    oc_model_destroy(f->model);
    for (size_t i = 0; i < ENDS_MAX; i++) {
        oc_tensor_free(&f->inputs[i], NULL);
        oc_tensor_free(&f->outputs[i], NULL);
        oc_tensor_free(&f->expected[i], NULL);
    }
}

static void run(fixture *f, oc_session *session, const char *what, oc_report *report)
{
    const oc_model_info *info = oc_model_get_info(f->model);
    for (size_t i = 0; i < info->n_outputs; i++)
        memset(f->outputs[i].data, 0xEE, (size_t)info->outputs[i].bytes);
    if (oc_session_run(session, f->inputs, info->n_inputs, f->outputs, info->n_outputs, report) !=
        OC_OK)
        fail_msg("%s, %s: %s", f->path, what, oc_error_text());
    for (size_t i = 0; i < info->n_outputs; i++)
        if (memcmp(f->outputs[i].data, f->expected[i].data, (size_t)info->outputs[i].bytes) != 0)
            fail_msg("%s, %s: output %zu (%s) differs", f->path, what, i, info->outputs[i].name);
}

static oc_session *open_session(const fixture *f, const char *policy)
{
    const char *address = f->worker.address;
    const oc_session_options options = {.workers = &address,
                                        .n_workers = 1,
                                        .connect_timeout_ms = 20000,
                                        .worker_timeout_ms = 20000,
                                        .is_worker_required = policy == NULL,
                                        .policy = policy};
    oc_session *session;
    oc_assert_ok(oc_session_create(f->prepared, &options, NULL, &session));
    return session;
}

static void run_at_every_cut(fixture *f)
{
    const size_t n_nodes = oc_model_get_info(f->model)->n_nodes;
    oc_session *session = open_session(f, NULL);
    oc_report report;
    run(f, session, "all-local", &report);
    for (size_t index = 0; index <= n_nodes; index++) {
        oc_plan *plan;
        char cut[24];
        snprintf(cut, sizeof(cut), "%zu", index);
        if (oc_plan_make(f->model, cut, NULL, &plan) != OC_OK)
            fail_msg("%s, cut %s: %s", f->path, cut, oc_error_text());
        oc_assert_ok(oc_session_set_plan(session, plan));
        run(f, session, cut, &report);
        assert_int_equal(report.used_worker, index < n_nodes);
        oc_assert_ok(oc_session_set_plan(session, NULL));
        oc_plan_destroy(plan);
    }
    oc_session_destroy(session);
}

static void run_with_policies(fixture *f)
{
    static const char *const policies[] = {"latency", "fixed:0", "fixed:all-local"};
    for (size_t i = 0; i < OC_COUNT(policies); i++) {
        oc_session *session = open_session(f, policies[i]);
        oc_report report;
        for (int twice = 0; twice < 2; twice++)
            run(f, session, policies[i], &report);
        oc_session_destroy(session);
    }
}

/* ---- as a model server ----------------------------------------------------------------------- */

typedef Inference__ModelInferRequest__InferInputTensor infer_input;

/* All inputs as raw bytes, no outputs named. */
static void pack_request(const fixture *f, oc_buf *packed)
{
    const oc_model_info *info = oc_model_get_info(f->model);
    infer_input input[ENDS_MAX], *inputs[ENDS_MAX];
    int64_t shape[ENDS_MAX][OC_RANK_MAX];
    ProtobufCBinaryData raws[ENDS_MAX];
    Inference__ModelInferRequest request = INFERENCE__MODEL_INFER_REQUEST__INIT;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)(strlen(f->path) - strlen(".onnx")), f->path);
    for (size_t i = 0; i < info->n_inputs; i++) {
        const oc_shape *of = &info->inputs[i].desc.shape;
        inference__model_infer_request__infer_input_tensor__init(&input[i]);
        input[i].name = (char *)info->inputs[i].name;
        input[i].datatype = (char *)"FP32";
        for (int32_t d = 0; d < of->rank; d++)
            shape[i][d] = of->dim[d];
        input[i].shape = shape[i];
        input[i].n_shape = (size_t)of->rank;
        inputs[i] = &input[i];
        raws[i] = (ProtobufCBinaryData){(size_t)info->inputs[i].bytes, f->inputs[i].data};
    }
    request.model_name = name;
    request.inputs = inputs;
    request.raw_input_contents = raws;
    request.n_inputs = request.n_raw_input_contents = info->n_inputs;
    size_t size = inference__model_infer_request__get_packed_size(&request);
    uint8_t *data = malloc(size + 1);
    inference__model_infer_request__pack(&request, data);
    oc_assert_ok(oc_buf_put(packed, data, size));
    free(data);
}

static void check_answer(const fixture *f, const Inference__ModelInferResponse *answer)
{
    const oc_model_info *info = oc_model_get_info(f->model);
    assert_int_equal(answer->n_outputs, info->n_outputs);
    assert_int_equal(answer->n_raw_output_contents, info->n_outputs);
    for (size_t i = 0; i < info->n_outputs; i++) {
        assert_string_equal(answer->outputs[i]->name, info->outputs[i].name);
        assert_int_equal(answer->raw_output_contents[i].len, info->outputs[i].bytes);
        if (info->outputs[i].bytes > 0)
            assert_memory_equal(answer->raw_output_contents[i].data, f->expected[i].data,
                                (size_t)info->outputs[i].bytes);
    }
}

static void infer(fixture *f)
{
    raw_client client = raw_open(f->worker.address);
    Inference__ModelInferResponse *answer = NULL;
    oc_buf request, bytes;
    char text[512];
    oc_buf_init(&request, NULL);
    oc_buf_init(&bytes, NULL);
    pack_request(f, &request);
    if (raw_unary(&client, "/inference.GRPCInferenceService/ModelInfer", request.data, request.size,
                  &bytes, text) != GRPC_STATUS_OK)
        fail_msg("%s: %s", f->path, text);
    oc_assert_ok(oc_rpc_unpack(&inference__model_infer_response__descriptor,
                               (oc_bytes){(const uint8_t *)bytes.data, bytes.size}, NULL, &answer));
    check_answer(f, answer);
    oc_rpc_unpacked_free(answer, NULL);
    oc_buf_fini(&bytes);
    oc_buf_fini(&request);
    raw_close(&client);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    void (*write)(const char *path);
    size_t n_nodes;
} models[] = {
    {"constants.onnx", write_constants, 2}, {"one_constant.onnx", write_one_constant, 1},
    {"twice.onnx", write_twice, 3},         {"nothing.onnx", write_nothing, 0},
    {"empty.onnx", write_empty, 3},
};

static void each(void (*check)(fixture *f))
{
    static const char *const devices[] = {"reference", "pocl"};
    for (size_t i = 0; i < OC_COUNT(models); i++)
        for (size_t d = 0; d < OC_COUNT(devices); d++) {
            fixture f;
            models[i].write(models[i].path);
            fixture_begin(&f, models[i].path, devices[d]);
            assert_int_equal(oc_model_get_info(f.model)->n_nodes, models[i].n_nodes);
            check(&f);
            fixture_end(&f);
        }
}

static void cuts_give_the_local_answer(void **state)
{
    (void)state;
    each(run_at_every_cut);
}

static void policies_give_the_local_answer(void **state)
{
    (void)state;
    each(run_with_policies);
}

static void a_model_server_gives_the_local_answer(void **state)
{
    (void)state;
    each(infer);
}

/* Outputs have the model's names; what is given a second time gets one of its own. */
static void outputs_keep_their_names(void **state)
{
    static const char *const names[] = {"y", "k", NULL, "x"};
    oc_model *model;
    (void)state;
    write_twice("names.onnx");
    oc_assert_ok(oc_model_open("names.onnx", NULL, NULL, &model));
    const oc_model_info *info = oc_model_get_info(model);
    assert_int_equal(info->n_outputs, OC_COUNT(names));
    for (size_t i = 0; i < OC_COUNT(names); i++)
        if (names[i] != NULL)
            assert_string_equal(info->outputs[i].name, names[i]);
    assert_string_not_equal(info->outputs[2].name, "y");
    oc_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_give_the_local_answer),
        cmocka_unit_test(policies_give_the_local_answer),
        cmocka_unit_test(a_model_server_gives_the_local_answer),
        cmocka_unit_test(outputs_keep_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
