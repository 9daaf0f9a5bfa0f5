/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut worker`: serves models until it is told to stop. */
#include "log.h"
#include "model.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct worker_options {
    const char *listen;
    host_texts models;
    host_device_options device;
    host_model_options model;
    bool is_verbose;
} worker_options;

static const host_option rows[] = {
    {.name = "listen",
     .value = "HOST:PORT",
     .type = HOST_TEXT,
     .offset = offsetof(worker_options, listen),
     .initial = "127.0.0.1:50051",
     .help = "where to listen; port 0 lets the system choose"},
    {.name = "model",
     .value = "[NAME=]FILE",
     .type = HOST_TEXTS,
     .offset = offsetof(worker_options, models),
     .help = "a model to serve; may be given several times"},
    HOST_DEVICE_ROWS(worker_options, device),
    HOST_MODEL_ROWS(worker_options, model),
    {.name = "verbose",
     .offset = offsetof(worker_options, is_verbose),
     .help = "log requests on stderr"},
};

/* What the signal handler stops: a handler takes no argument, so it needs a static. */
static oc_worker *serving;

static void on_signal(int number)
{
    (void)number;
    oc_worker_stop(serving);
}

static void handle_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* "lenet=a/b.tflite" has a name, "a/x=1.tflite" has none: a name has no slash. */
static oc_worker_model model_of(char *text)
{
    char *equals = strchr(text, '=');
    char *slash = strchr(text, '/');
    if (!equals || equals == text || (slash && slash < equals))
        return (oc_worker_model){.path = text};
    *equals = '\0';
    return (oc_worker_model){.name = text, .path = equals + 1};
}

/* Whoever started us may wait for these lines: without them there is no use in serving. */
static int announce(const char *listen, const oc_worker *worker)
{
    const char *port = strrchr(listen, ':');
    printf("listening on %.*s:%d\n", port ? (int)(port - listen) : 0, listen,
           oc_worker_port(worker));
    for (size_t i = 0; i < oc_worker_model_count(worker); i++) {
        const oc_worker_model_info *model = oc_worker_model_get(worker, i);
        printf("model %s: %s, %zu nodes, digest %s\n", model->name, model->path, model->n_nodes,
               model->digest);
    }
    fflush(stdout);
    return ferror(stdout) ? HOST_FAILED : HOST_OK; /* the end of the program says that it failed */
}

static int serve(const host_call *call, const oc_worker_options *options)
{
    oc_worker *worker = NULL;
    if (oc_worker_create(options, call->alloc, &worker) != OC_OK)
        return host_fail_library(call);
    serving = worker;
    handle_signals(on_signal);
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone shows when writing fails */
    int status = announce(options->listen, worker);
    if (status == HOST_OK && oc_worker_run(worker) != OC_OK)
        status = host_fail_library(call);
    handle_signals(SIG_IGN);
    oc_worker_destroy(worker);
    return status;
}

static int run(const host_call *call)
{
    const worker_options *options = call->options;
    size_t count = options->models.count;
    if (count == 0)
        return host_usage(call, "expected --model [NAME=]FILE at least once, found none");

    oc_log_sink log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_WARN);
    host_model read;
    int status = host_model_read(call, &options->model, &read);
    oc_worker_model *models = host_alloc(count, sizeof(*models));
    char **texts = host_alloc(count, sizeof(*texts));
    for (size_t i = 0; i < count; i++) {
        texts[i] = host_text("%s", options->models.items[i]);
        models[i] = model_of(texts[i]);
        models[i].options = read.options;
    }
    if (status == HOST_OK)
        status = serve(call, &(oc_worker_options){
                                 .listen = options->listen,
                                 .models = models,
                                 .n_models = count,
                                 .limits = read.options.limits,
                                 .prepare = host_prepare_options(&options->device, &log),
                             });
    host_model_free(&read);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
    free(models);
    return status;
}

const host_command host_command_worker = {
    .name = "worker",
    .help = "serve models and parts of them to other machines, over gRPC",
    .notes = "Prints 'listening on HOST:PORT' once it serves, then a line per model. SIGINT and "
             "SIGTERM end\n"
             "it after the requests that run. The Open Inference Protocol (KServe v2) is spoken as "
             "well.\n"
             "There is neither encryption nor authentication: listen on networks that you trust.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(worker_options),
    .run = run,
};
