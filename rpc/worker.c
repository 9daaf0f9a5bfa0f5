/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's life: models and device, the server, serving, the way down. */
#include "oc_serve.h"

#include "oc_load.h"

#include <grpc/support/time.h>
#include <limits.h>
#include <stdio.h>

#define MESSAGE_BYTES (256u << 20)
#define REQUESTS 64
#define QUOTA_MESSAGES 4         /* of the largest size, on their way in at once */
#define QUOTA_BYTES (256u << 20) /* and everything smaller */
#define STALL_NS (UINT64_C(30) * 1000000000)
#define FIRST_NS (UINT64_C(5) * 1000000000)
#define GRACE_NS (UINT64_C(5) * 1000000000)
#define TELEMETRY_MS 500

/* Clients that vanish without a word are noticed within the sum of these. */
#define KEEPALIVE_TIME_MS 20000
#define KEEPALIVE_TIMEOUT_MS 20000
#define PING_INTERVAL_MS 500 /* clients may ping as often as this */

/* ---- models ---------------------------------------------------------------------------------- */

static oc_status copy_text(const oc_worker *w, const char *text, size_t length, char **copy)
{
    OC_TRY(oc_alloc(w->alloc, length + 1, 1, copy));
    memcpy(*copy, text, length);
    return OC_OK;
}

/* The file's name without folder and extension. */
static oc_status name_of(const oc_worker *w, const oc_worker_model *from, char **name)
{
    const char *slash = strrchr(from->path, '/');
    const char *base = from->name ? from->name : slash ? slash + 1 : from->path;
    const char *dot = from->name ? NULL : strrchr(base, '.');
    size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    if (length == 0 || length >= OC_RPC_NAME_TEXT)
        return oc_fail(OC_E_ARG, "%s: a served model's name has 1 to %d bytes, found %zu",
                       from->path, OC_RPC_NAME_TEXT - 1, length);
    return copy_text(w, base, length, name);
}

static oc_status load_model(oc_worker *w, const oc_worker_options *o, const oc_worker_model *from,
                            oc_serve_model *model)
{
    OC_TRY(name_of(w, from, &model->name));
    OC_TRY(copy_text(w, from->path, strlen(from->path), &model->path));
    for (const oc_serve_model *other = w->models; other < model; other++)
        if (strcmp(other->name, model->name) == 0)
            return oc_fail(OC_E_ARG,
                           "%s: two models of the name \"%s\" (write NAME=FILE for one of them)",
                           from->path, model->name);
    oc_model_options options = from->options;
    options.limits = o->limits;
    OC_TRY(oc_graph_load(from->path, &options, w->alloc, &model->graph));
    oc_digest_print(&model->graph->digest, model->digest);
    model->info = (oc_worker_model_info){.name = model->name,
                                         .path = model->path,
                                         .digest = model->digest,
                                         .n_nodes = model->graph->n_nodes};
    oc_status status = oc_exec_create(model->graph, w->dev, NULL, o->prepare.progress,
                                      o->prepare.progress_ctx, w->alloc, &model->exec);
    if (status != OC_OK)
        return oc_fail_in(status, "%s", from->path);
    oc_log(w->log, OC_LOG_INFO, "model %s: %s, %zu nodes, digest %s", model->name, from->path,
           model->graph->n_nodes, model->digest);
    return OC_OK;
}

static oc_status load_models(oc_worker *w, const oc_worker_options *o)
{
    const oc_dev_options dev = {.threads = o->prepare.threads,
                                .kernel_dir = o->prepare.kernel_dir,
                                .cache_dir = o->prepare.cache_dir,
                                .log = w->log};
    if (o->n_models == 0)
        return oc_fail(OC_E_ARG, "worker: expected at least one model, found none");
    OC_TRY(oc_dev_open(o->prepare.device, &dev, w->alloc, &w->dev));
    OC_TRY(OC_ALLOC(w->alloc, o->n_models, w->models));
    for (size_t i = 0; i < o->n_models; i++) {
        w->n_models = i + 1;
        OC_TRY(load_model(w, o, &o->models[i], &w->models[i]));
    }
    return OC_OK;
}

static void destroy_models(oc_worker *w)
{
    for (size_t i = 0; i < w->n_models; i++) {
        oc_exec_destroy(w->models[i].exec);
        oc_graph_destroy(w->models[i].graph);
        oc_free(w->alloc, w->models[i].name);
        oc_free(w->alloc, w->models[i].path);
    }
    oc_free(w->alloc, w->models);
    if (w->dev)
        oc_dev_close(w->dev);
}

/* ---- server ---------------------------------------------------------------------------------- */

static grpc_server *make_server(const oc_worker *w)
{
    const struct {
        const char *key;
        int value;
    } rows[] = {
        {GRPC_ARG_ALLOW_REUSEPORT, 0}, /* else a second worker would silently share the port */
        {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)w->message_bytes_max},
        /* More of one connection wait at the client: no connection can fill the table alone. */
        {GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)OC_MIN(w->n_calls / OC_SERVE_CONNECTIONS, INT_MAX)},
        {GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE},
        {GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0},
        {GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS},
        {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS},
        {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
        {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MS},
        {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0},
        {GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, OC_RPC_WINDOW_BYTES},
        {GRPC_ARG_HTTP2_BDP_PROBE, 1},
    };
    grpc_arg args[OC_COUNT(rows) + 1];
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        args[i] = (grpc_arg){
            .type = GRPC_ARG_INTEGER, .key = (char *)rows[i].key, .value.integer = rows[i].value};
    /* What gRPC may hold of messages that are not read yet. */
    grpc_resource_quota *quota = grpc_resource_quota_create("offcut worker");
    grpc_resource_quota_resize(quota, (size_t)w->message_bytes_max * QUOTA_MESSAGES + QUOTA_BYTES);
    args[OC_COUNT(rows)] = (grpc_arg){.type = GRPC_ARG_POINTER,
                                      .key = (char *)GRPC_ARG_RESOURCE_QUOTA,
                                      .value.pointer = {quota, grpc_resource_quota_arg_vtable()}};
    const grpc_channel_args all = {.num_args = OC_COUNT(args), .args = args};
    grpc_server *server = grpc_server_create(&all, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}

static void on_shut(void *owner, bool ok)
{
    oc_worker *w = owner;
    (void)ok;
    oc_cond_lock(&w->cond);
    w->is_shut = true;
    oc_cond_wake(&w->cond);
    oc_cond_unlock(&w->cond);
}

bool oc_serve_is_stopping(oc_worker *worker)
{
    oc_cond_lock(&worker->cond);
    bool is_stopping = worker->is_stopping;
    oc_cond_unlock(&worker->cond);
    return is_stopping;
}

static bool wait_shut(oc_worker *w, uint64_t deadline_ns)
{
    bool in_time = true;
    oc_cond_lock(&w->cond);
    while (!w->is_shut && in_time)
        in_time = oc_cond_wait(&w->cond, deadline_ns);
    bool is_shut = w->is_shut;
    oc_cond_unlock(&w->cond);
    return is_shut;
}

/* End the server while the loop serves its tags. Calls that do not end in time are cancelled. */
static void shut_server(oc_worker *w)
{
    grpc_server_shutdown_and_notify(w->server, w->loop.queue, &w->on_shut);
    if (!wait_shut(w, oc_now_ns() + w->grace_ns)) {
        grpc_server_cancel_all_calls(w->server);
        wait_shut(w, OC_NEVER_NS);
    }
}

static void begin_stopping(oc_worker *w)
{
    oc_cond_lock(&w->cond);
    w->is_stopping = true;
    oc_cond_unlock(&w->cond);
}

/* ---- the public calls ------------------------------------------------------------------------ */

static oc_status fill_worker(oc_worker *w, const oc_worker_options *o)
{
    oc_rpc_address address;
    OC_TRY(oc_rpc_address_parse(o->listen, &address));
    oc_status status = load_models(w, o);
    if (status != OC_OK)
        return status;
    OC_TRY(oc_serve_executor_init(&w->executor, w->dev, w->alloc, w->log));
    w->has_executor = true;
    OC_TRY(oc_telemetry_open("", TELEMETRY_MS, w->alloc, &w->telemetry));
    OC_TRY(oc_serve_calls_init(w));
    w->server = make_server(w);
    grpc_server_register_completion_queue(w->server, w->loop.queue, NULL);
    return oc_rpc_listen(w->server, &address, &w->port);
}

static oc_status init_locks(oc_worker *w)
{
    OC_TRY(oc_cond_init(&w->cond));
    if (sem_init(&w->stop, 0, 0) == 0)
        return OC_OK;
    oc_cond_fini(&w->cond);
    return oc_fail(OC_E_NOMEM, "worker: no semaphore");
}

oc_status oc_worker_create(const oc_worker_options *options, const oc_allocator *alloc,
                           oc_worker **worker)
{
    oc_worker *w = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, w));
    w->alloc = alloc;
    if (options->prepare.log) {
        w->log_copy = *options->prepare.log;
        w->log = &w->log_copy;
    }
    w->message_bytes_max = options->message_bytes_max ? options->message_bytes_max : MESSAGE_BYTES;
    w->message_bytes_max = OC_MIN(w->message_bytes_max, (uint32_t)INT_MAX);
    w->requests_max = options->requests_max ? options->requests_max : REQUESTS;
    w->memory_bytes = oc_limits_or_default(&options->limits).memory_bytes;
    w->stall_ns = STALL_NS;
    w->first_ns = FIRST_NS;
    w->grace_ns = GRACE_NS;
    w->on_shut = (oc_rpc_tag){on_shut, w};
    oc_status status = init_locks(w);
    if (status != OC_OK) {
        oc_free(alloc, w);
        return status;
    }
    const oc_log_sink *before = oc_rpc_log_thread(w->log);
    oc_rpc_begin();
    oc_rpc_loop_init(&w->loop, w->log);
    w->loop.tick = oc_serve_on_tick;
    w->loop.tick_ctx = w;
    w->loop.tick_ns = OC_SERVE_TICK_NS;
    status = fill_worker(w, options);
    oc_rpc_log_thread(before);
    if (status != OC_OK)
        oc_worker_destroy(w);
    else
        *worker = w;
    return status;
}

int oc_worker_port(const oc_worker *worker)
{
    return worker->port;
}

size_t oc_worker_model_count(const oc_worker *worker)
{
    return worker->n_models;
}

const oc_worker_model_info *oc_worker_model_get(const oc_worker *worker, size_t index)
{
    return index < worker->n_models ? &worker->models[index].info : NULL;
}

void oc_worker_stop(oc_worker *worker)
{
    sem_post(&worker->stop);
}

static oc_status serve(oc_worker *w)
{
    OC_TRY(oc_serve_executor_start(&w->executor));
    grpc_server_start(w->server);
    oc_serve_calls_begin(w);
    oc_status status = oc_rpc_loop_start(&w->loop);
    while (status == OC_OK && sem_wait(&w->stop) != 0)
        ; /* a signal came in between */
    begin_stopping(w);
    oc_serve_executor_stop(&w->executor, w->grace_ns);
    if (status == OC_OK)
        shut_server(w);
    return status;
}

oc_status oc_worker_run(oc_worker *worker)
{
    if (worker->has_run)
        return oc_fail(OC_E_ARG, "worker: it has run and was stopped, make a new one");
    worker->has_run = true;
    const oc_log_sink *before = oc_rpc_log_thread(worker->log);
    oc_status status = serve(worker);
    oc_rpc_log_thread(before);
    return status;
}

void oc_worker_destroy(oc_worker *worker)
{
    if (!worker)
        return;
    const oc_log_sink *before = oc_rpc_log_thread(worker->log);
    if (worker->server && !worker->is_shut)
        grpc_server_shutdown_and_notify(worker->server, worker->loop.queue, &worker->on_shut);
    oc_rpc_loop_fini(&worker->loop); /* also serves what is left */
    if (worker->server)
        grpc_server_destroy(worker->server);
    oc_serve_calls_fini(worker);
    oc_serve_parts_fini(worker);
    oc_telemetry_close(worker->telemetry);
    destroy_models(worker);
    oc_rpc_end();
    oc_rpc_log_thread(before);
    if (worker->has_executor)
        oc_serve_executor_fini(&worker->executor);
    sem_destroy(&worker->stop);
    oc_cond_fini(&worker->cond);
    oc_free(worker->alloc, worker);
}
