/* SPDX-License-Identifier: Apache-2.0 */
/* The table of methods, and those that only ask. */
#include "oc_serve.h"

#include "grpc_health_v1.pb-c.h"
#include "inference.pb-c.h"
#include "oc_tensor.h"
#include "offcut_v1.pb-c.h"

#include <stdio.h>

#define SERVICE_INFER "inference.GRPCInferenceService"
#define SERVICE_OFFCUT "offcut.v1.Offcut"
#define SERVICE_HEALTH "grpc.health.v1.Health"

static const oc_serve_method methods[] = {
    {.path = OC_RPC_PATH_HELLO, .bytes_max = OC_RPC_SMALL_BYTES, .answer = oc_serve_hello},
    {.path = OC_RPC_PATH_RUN_PART,
     .bytes_max = OC_FLOW_CHUNK_BYTES + OC_RPC_SMALL_BYTES, /* a chunk, or Open */
     .message = oc_serve_part_message,
     .ran = oc_serve_part_ran,
     .sent = oc_serve_part_sent},
    {.path = OC_RPC_PATH_STATUS,
     .bytes_max = OC_RPC_PADDING_BYTES + OC_RPC_SMALL_BYTES,
     .message = oc_serve_status_message,
     .sent = oc_serve_status_sent,
     .finished = oc_serve_status_finished},
    {.path = "/" SERVICE_HEALTH "/Check",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_health},
    {.path = "/" SERVICE_INFER "/ServerLive",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_server_live},
    {.path = "/" SERVICE_INFER "/ServerReady",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_server_ready},
    {.path = "/" SERVICE_INFER "/ModelReady",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_model_ready},
    {.path = "/" SERVICE_INFER "/ServerMetadata",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_server_metadata},
    {.path = "/" SERVICE_INFER "/ModelMetadata",
     .bytes_max = OC_RPC_SMALL_BYTES,
     .answer = oc_serve_model_metadata},
    {.path = "/" SERVICE_INFER "/ModelInfer",
     .message = oc_serve_infer_message,
     .ran = oc_serve_infer_ran},
};

const oc_serve_method *oc_serve_find_method(grpc_slice path)
{
    const oc_bytes bytes = {GRPC_SLICE_START_PTR(path), GRPC_SLICE_LENGTH(path)};
    for (size_t i = 0; i < OC_COUNT(methods); i++)
        if (oc_bytes_equal_text(bytes, methods[i].path))
            return &methods[i];
    return NULL;
}

/* Whether requests are run now. */
static bool is_ready(oc_worker *w)
{
    return !oc_serve_is_stopping(w) && !atomic_load(&w->dev->is_lost);
}

static oc_bytes text_bytes(const char *text)
{
    return (oc_bytes){(const uint8_t *)text, strlen(text)};
}

static const oc_serve_model *find_model(const oc_worker *w, oc_bytes name)
{
    for (size_t i = 0; i < w->n_models; i++)
        if (oc_bytes_equal_text(name, w->models[i].name))
            return &w->models[i];
    return NULL;
}

oc_status oc_serve_find_model(oc_worker *worker, oc_bytes name, const oc_serve_model **model)
{
    char served[400];
    size_t at = 0;
    *model = find_model(worker, name);
    if (*model)
        return OC_OK;
    served[0] = '\0';
    for (size_t i = 0; i < worker->n_models && at < sizeof(served) - 1; i++)
        at += (size_t)snprintf(served + at, sizeof(served) - at, "%s\"%s\"", i ? ", " : "",
                               worker->models[i].name);
    return oc_fail(OC_E_NOTFOUND, "no model \"%.*s\"; served are %s",
                   (int)OC_MIN(name.size, (size_t)200), name.data ? (const char *)name.data : "",
                   served);
}

/* ---- offcut.v1 ------------------------------------------------------------------------------- */

static oc_status fill_hello(oc_worker *w, Offcut__V1__HelloResponse *hello, oc_arena *scratch)
{
    Offcut__V1__Model *models;
    OC_TRY(OC_ARENA_ALLOC(scratch, w->n_models, models));
    OC_TRY(OC_ARENA_ALLOC(scratch, w->n_models, hello->models));
    for (size_t i = 0; i < w->n_models; i++) {
        offcut__v1__model__init(&models[i]);
        models[i].name = w->models[i].name;
        models[i].digest = w->models[i].digest;
        hello->models[hello->n_models++] = &models[i];
    }
    return OC_OK;
}

static oc_status make_hello(oc_worker *w, oc_arena *scratch, grpc_byte_buffer **reply)
{
    Offcut__V1__HelloResponse hello = OFFCUT__V1__HELLO_RESPONSE__INIT;
    char version[64], device[sizeof(w->dev->info.name) + sizeof(w->dev->info.driver) + 3];
    char *codecs[] = {(char *)OC_FLOW_CODEC};
    const oc_dev_roofline roofline = oc_dev_roofline_of(w->dev);
    OC_TRY(fill_hello(w, &hello, scratch));
    snprintf(version, sizeof(version), "offcut %s", oc_version());
    snprintf(device, sizeof(device), "%s (%s)", w->dev->info.name, w->dev->info.driver);
    hello.version_min = OC_RPC_VERSION_MIN;
    hello.version_max = OC_RPC_VERSION_MAX;
    hello.worker = version;
    hello.device = device;
    hello.codecs = codecs;
    hello.n_codecs = OC_COUNT(codecs);
    hello.chunk_bytes_max = OC_FLOW_CHUNK_BYTES;
    hello.message_bytes_max = w->message_bytes_max;
    hello.requests_max = w->requests_max;
    hello.driver = w->dev->info.driver;
    hello.peak_flops = roofline.flops;
    hello.peak_bytes_per_s = roofline.bytes_per_s;
    *reply = oc_rpc_pack(&hello.base);
    return OC_OK;
}

oc_status oc_serve_hello(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Offcut__V1__HelloRequest *hello = NULL;
    oc_arena scratch;
    OC_TRY(oc_rpc_unpack(&offcut__v1__hello_request__descriptor, request, worker->alloc, &hello));
    uint32_t min = hello->version_min, max = hello->version_max;
    oc_rpc_unpacked_free(hello, worker->alloc);
    if (min > OC_RPC_VERSION_MAX || max < OC_RPC_VERSION_MIN)
        return oc_fail(OC_E_MISMATCH,
                       "protocol version: the worker speaks %d to %d, the client %u to %u",
                       OC_RPC_VERSION_MIN, OC_RPC_VERSION_MAX, min, max);
    if (oc_serve_is_stopping(worker))
        return oc_fail(OC_E_LOST, "the worker is stopping");
    oc_arena_init(&scratch, worker->alloc);
    oc_status status = make_hello(worker, &scratch, reply);
    oc_arena_fini(&scratch);
    return status;
}

/* ---- grpc.health.v1 -------------------------------------------------------------------------- */

oc_status oc_serve_health(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    static const char *const services[] = {"", SERVICE_INFER, SERVICE_OFFCUT, SERVICE_HEALTH};
    Grpc__Health__V1__HealthCheckResponse answer = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    Grpc__Health__V1__HealthCheckRequest *check = NULL;
    oc_status status = OC_E_NOTFOUND;
    OC_TRY(oc_rpc_unpack(&grpc__health__v1__health_check_request__descriptor, request,
                         worker->alloc, &check));
    for (size_t i = 0; i < OC_COUNT(services); i++)
        if (strcmp(check->service, services[i]) == 0)
            status = OC_OK;
    if (status != OC_OK)
        oc_fail(status, "no service \"%.200s\"", check->service);
    oc_rpc_unpacked_free(check, worker->alloc);
    OC_TRY(status);
    answer.status = is_ready(worker)
                        ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                        : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

/* ---- inference ------------------------------------------------------------------------------- */

/* A request without fields: whatever fields it has are a newer protocol's. */
static oc_status check_empty(oc_worker *w, const ProtobufCMessageDescriptor *type, oc_bytes request)
{
    ProtobufCMessage *message = NULL;
    OC_TRY(oc_rpc_unpack(type, request, w->alloc, &message));
    oc_rpc_unpacked_free(message, w->alloc);
    return OC_OK;
}

oc_status oc_serve_server_live(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Inference__ServerLiveResponse answer = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    OC_TRY(check_empty(worker, &inference__server_live_request__descriptor, request));
    answer.live = true;
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

oc_status oc_serve_server_ready(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Inference__ServerReadyResponse answer = INFERENCE__SERVER_READY_RESPONSE__INIT;
    OC_TRY(check_empty(worker, &inference__server_ready_request__descriptor, request));
    answer.ready = is_ready(worker);
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

static bool is_version(const char *version)
{
    return *version == '\0' || strcmp(version, OC_SERVE_VERSION) == 0;
}

oc_status oc_serve_model_ready(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Inference__ModelReadyResponse answer = INFERENCE__MODEL_READY_RESPONSE__INIT;
    Inference__ModelReadyRequest *asked = NULL;
    OC_TRY(
        oc_rpc_unpack(&inference__model_ready_request__descriptor, request, worker->alloc, &asked));
    answer.ready = is_ready(worker) && is_version(asked->version) &&
                   find_model(worker, text_bytes(asked->name)) != NULL;
    oc_rpc_unpacked_free(asked, worker->alloc);
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

oc_status oc_serve_server_metadata(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Inference__ServerMetadataResponse answer = INFERENCE__SERVER_METADATA_RESPONSE__INIT;
    OC_TRY(check_empty(worker, &inference__server_metadata_request__descriptor, request));
    answer.name = (char *)"offcut";
    answer.version = (char *)oc_version();
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

typedef Inference__ModelMetadataResponse__TensorMetadata tensor_metadata;

static oc_status describe_values(const oc_graph *g, const oc_id *ids, size_t count,
                                 oc_arena *scratch, tensor_metadata ***list)
{
    tensor_metadata *rows;
    OC_TRY(OC_ARENA_ALLOC(scratch, count + 1, rows));
    OC_TRY(OC_ARENA_ALLOC(scratch, count + 1, *list));
    for (size_t i = 0; i < count; i++) {
        const oc_value *value = &g->values[ids[i]];
        inference__model_metadata_response__tensor_metadata__init(&rows[i]);
        rows[i].name = (char *)value->name;
        rows[i].datatype = (char *)oc_dtype_oip_name(value->desc.dtype);
        OC_TRY(OC_ARENA_ALLOC(scratch, (size_t)value->desc.shape.rank + 1, rows[i].shape));
        for (int32_t k = 0; k < value->desc.shape.rank; k++)
            rows[i].shape[rows[i].n_shape++] = value->desc.shape.dim[k];
        (*list)[i] = &rows[i];
    }
    return OC_OK;
}

static oc_status make_metadata(const oc_serve_model *model, oc_arena *scratch,
                               grpc_byte_buffer **reply)
{
    Inference__ModelMetadataResponse answer = INFERENCE__MODEL_METADATA_RESPONSE__INIT;
    const oc_graph *g = model->graph;
    char platform[64];
    char *versions[] = {(char *)OC_SERVE_VERSION};
    OC_TRY(describe_values(g, g->inputs, g->n_inputs, scratch, &answer.inputs));
    OC_TRY(describe_values(g, g->outputs, g->n_outputs, scratch, &answer.outputs));
    snprintf(platform, sizeof(platform), "offcut_%s", g->format ? g->format : "graph");
    answer.name = model->name;
    answer.platform = platform;
    answer.versions = versions;
    answer.n_versions = OC_COUNT(versions);
    answer.n_inputs = g->n_inputs;
    answer.n_outputs = g->n_outputs;
    *reply = oc_rpc_pack(&answer.base);
    return OC_OK;
}

static oc_status answer_metadata(oc_worker *w, const Inference__ModelMetadataRequest *asked,
                                 grpc_byte_buffer **reply)
{
    const oc_serve_model *model = NULL;
    oc_arena scratch;
    OC_TRY(oc_serve_find_model(w, text_bytes(asked->name), &model));
    if (!is_version(asked->version))
        return oc_fail(OC_E_NOTFOUND,
                       "model \"%s\" has the version " OC_SERVE_VERSION ", found \"%.80s\"",
                       model->name, asked->version);
    oc_arena_init(&scratch, w->alloc);
    oc_status status = make_metadata(model, &scratch, reply);
    oc_arena_fini(&scratch);
    return status;
}

oc_status oc_serve_model_metadata(oc_worker *worker, oc_bytes request, grpc_byte_buffer **reply)
{
    Inference__ModelMetadataRequest *asked = NULL;
    OC_TRY(oc_rpc_unpack(&inference__model_metadata_request__descriptor, request, worker->alloc,
                         &asked));
    oc_status status = answer_metadata(worker, asked, reply);
    oc_rpc_unpacked_free(asked, worker->alloc);
    return status;
}
