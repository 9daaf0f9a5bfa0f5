/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut worker`: serves models until it is told to stop. */
#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct worker_options {
    const char *listen;
    host_texts models;
    host_device_options device;
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

/* One line per model. The worker holds its own copy; this one only tells the digest. */
static int describe(const host_call *call, const oc_worker_model *served, char **line)
{
    oc_model *model = NULL;
    if (oc_model_open(served->path, NULL, NULL, &model) != OC_OK)
        return host_fail_library(call);
    const oc_model_info *info = oc_model_get_info(model);
    *line =
        host_text("model %s: %s, %zu nodes, digest %s", served->name ? served->name : info->name,
                  served->path, info->n_nodes, info->digest);
    oc_model_destroy(model);
    return HOST_OK;
}

static int serve(const host_call *call, const oc_worker_options *options, char *const *lines)
{
    oc_worker *worker = NULL;
    const char *port = strrchr(options->listen, ':');
    if (oc_worker_create(options, NULL, &worker) != OC_OK)
        return host_fail_library(call);
    serving = worker;
    handle_signals(on_signal);
    printf("listening on %.*s:%d\n", port ? (int)(port - options->listen) : 0, options->listen,
           oc_worker_port(worker));
    for (size_t i = 0; i < options->n_models; i++)
        printf("%s\n", lines[i]);
    fflush(stdout); /* whoever started us may wait for these lines */
    int status = oc_worker_run(worker) == OC_OK ? HOST_OK : host_fail_library(call);
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

    int status = HOST_OK;
    oc_log_sink log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_ERROR);
    oc_worker_model *models = host_alloc(count, sizeof(*models));
    char **texts = host_alloc(count, sizeof(*texts));
    char **lines = host_alloc(count, sizeof(*lines));
    for (size_t i = 0; i < count && status == HOST_OK; i++) {
        texts[i] = host_text("%s", options->models.items[i]);
        models[i] = model_of(texts[i]);
        status = describe(call, &models[i], &lines[i]);
    }
    if (status == HOST_OK)
        status = serve(call,
                       &(oc_worker_options){
                           .listen = options->listen,
                           .models = models,
                           .n_models = count,
                           .prepare = host_prepare_options(&options->device, &log),
                       },
                       lines);
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
        free(lines[i]);
    }
    free(texts);
    free(lines);
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
