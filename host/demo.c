/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut demo`: digits, every cut through a real worker, and a worker that dies in the middle. */
#include "child.h"
#include "inputs.h"
#include "log.h"
#include "outputs.h"
#include "report.h"
#include "sweep.h"
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct demo_options {
    const char *model, *pictures, *labels;
    host_device_options device;
} demo_options;

#define FIELD(name_) .type = HOST_TEXT, .offset = offsetof(demo_options, name_)

static const host_option rows[] = {
    {.name = "model",
     .value = "FILE",
     FIELD(model),
     .initial = "tests/models/lenet5.tflite",
     .help = "the network"},
    {.name = "pictures",
     .value = "DIR",
     FIELD(pictures),
     .initial = "tests/models/digits",
     .help = "PNG pictures; LABEL.png and LABEL_ANY.png are checked against the answer"},
    {.name = "labels",
     .value = "FILE",
     FIELD(labels),
     .initial = "tests/models/digits.labels",
     .help = "names of the classes, one a line"},
    HOST_DEVICE_ROWS(demo_options, device),
};

#define KILL_AFTER_MS 200 /* long enough that the request is at the worker, short enough to watch */
#define CUT_REPEATS 3     /* the first run at a cut may compile kernels at the worker */

typedef struct demo {
    const host_call *call;
    const demo_options *options;
    oc_log_sink log; /* of the device */
    host_labels labels;
    host_runner runner;
    struct dirent **files;
    int n_files;
    host_child worker;
    oc_tensor *expected; /* all-local outputs of the picture that is cut and killed with */
} demo;

/* ---- what there is --------------------------------------------------------------------------- */

static int is_picture(const struct dirent *file)
{
    size_t length = strlen(file->d_name);
    return length > 4 && strcmp(file->d_name + length - 4, ".png") == 0;
}

static int print_devices(const demo *d)
{
    oc_device_info *list = NULL;
    size_t count = 0;
    if (oc_device_list(NULL, &list, &count) != OC_OK)
        return host_fail_library(d->call);
    printf("devices of this machine\n");
    for (size_t i = 0; i < count; i++)
        if (list[i].is_available)
            printf("  %s: %s\n", list[i].id, list[i].name);
    printf("used here: %s\n", oc_prepared_device(d->runner.prepared)->name);
    oc_device_list_free(list, NULL);
    return HOST_OK;
}

static int print_model(const demo *d)
{
    const oc_model_info *info = d->runner.info;
    char macs[HOST_NUMBER_TEXT];
    char params[HOST_NUMBER_TEXT];
    printf("model: %s, %zu nodes, %s multiply-adds, %s parameters\n\n", info->name, info->n_nodes,
           host_count_text(info->macs, macs), host_count_text(info->params, params));
    return HOST_OK;
}

static int begin(demo *d)
{
    const demo_options *o = d->options;
    int status = host_runner_open(d->call, o->model, NULL, &d->runner);
    if (status == HOST_OK)
        status = host_labels_read(d->call, o->labels, &d->labels);
    if (status == HOST_OK)
        status = host_labels_check(d->call, &d->labels, d->runner.info);
    if (status != HOST_OK)
        return status;
    if (d->runner.info->n_inputs != 1)
        return host_fail(d->call, "%s: expected one input, found %zu", o->model,
                         d->runner.info->n_inputs);
    d->n_files = scandir(o->pictures, &d->files, is_picture, alphasort);
    if (d->n_files < 0)
        return host_fail(d->call, "%s: expected pictures, found: %s", o->pictures, strerror(errno));
    if (d->n_files == 0)
        return host_fail(d->call, "%s: expected pictures (*.png), found none", o->pictures);
    const oc_prepare_options prepare = host_prepare_options(&o->device, &d->log);
    status = host_runner_prepare(&d->runner, &prepare);
    if (status == HOST_OK)
        status = host_runner_connect(&d->runner, NULL);
    if (status == HOST_OK)
        status = print_devices(d);
    return status == HOST_OK ? print_model(d) : status;
}

/* ---- 1: here --------------------------------------------------------------------------------- */

static int load(demo *d, const char *file)
{
    const host_normal normal = {.filter = host_filter(d->runner.info)};
    char *path = host_text("%s/%s", d->options->pictures, file);
    oc_tensor_free(&d->runner.inputs[0], NULL);
    int status =
        host_input_read(d->call, path, &d->runner.info->inputs[0], &normal, &d->runner.inputs[0]);
    free(path);
    return status;
}

/*
 * What the file's name says that the answer is: the label before '_' or '.'; NULL: the name is no
 * label.
 */
static const char *expected_label(const demo *d, const char *file)
{
    size_t length = strcspn(file, "_.");
    for (size_t i = 0; i < d->labels.count; i++)
        if (strlen(d->labels.lines[i]) == length && strncmp(d->labels.lines[i], file, length) == 0)
            return d->labels.lines[i];
    return NULL;
}

static int classify(demo *d, const char *file, host_table *table, size_t *n_wrong)
{
    oc_report report;
    size_t index;
    const char *label;
    double value;
    char text[HOST_NUMBER_TEXT];
    int status = load(d, file);
    if (status == HOST_OK)
        status = host_runner_run(&d->runner, 1, &report);
    if (status != HOST_OK)
        return status;
    if (!host_answer(d->runner.info, d->runner.outputs, &d->labels, &index, &label, &value))
        return host_fail(d->call, "%s: expected an output with scores, found none",
                         d->options->model);
    const char *expected = expected_label(d, file);
    bool is_wrong = expected && strcmp(expected, label) != 0;
    *n_wrong += is_wrong;
    host_cell(table, "%s", file);
    host_cell(table, "%s%s", label, is_wrong ? " (WRONG)" : "");
    host_cell(table, "%.4f", value);
    host_cell(table, "%s", host_ms_text(report.total_ns, text));
    return HOST_OK;
}

static int show_pictures(demo *d)
{
    host_table table;
    char titles[] = "picture|answer|>probability|>ms";
    size_t n_wrong = 0;
    int status = HOST_OK;
    host_table_init(&table, titles);
    for (int i = 0; i < d->n_files && status == HOST_OK; i++)
        status = classify(d, d->files[i]->d_name, &table, &n_wrong);
    if (status == HOST_OK) {
        printf("1. All of it here\n\n");
        host_table_print(&table);
        putchar('\n');
    }
    host_table_fini(&table);
    if (n_wrong > 0)
        status =
            host_fail(d->call, "%s: expected the digits that the names say, found %zu of %d wrong",
                      d->options->pictures, n_wrong, d->n_files);
    return status;
}

/* ---- 2: every cut ---------------------------------------------------------------------------- */

static int show_cuts(demo *d)
{
    host_sweep sweep = {.rows = NULL};
    oc_report report;
    int status = host_runner_run(&d->runner, CUT_REPEATS, &report);
    if (status != HOST_OK)
        return status;
    d->expected = host_outputs_copy(&d->runner);
    status = host_sweep_run(&d->runner, d->expected, &d->labels, CUT_REPEATS, &sweep);
    if (status == HOST_OK) {
        printf("2. Cut at every place, the rest at a worker: process %d, %s\n", (int)d->worker.pid,
               d->worker.address);
        printf("   Picture %s, times in milliseconds, the quickest of %d runs; all here takes "
               "%.3f.\n\n",
               d->files[d->n_files - 1]->d_name, CUT_REPEATS, (double)report.total_ns / 1e6);
        host_sweep_print(&sweep);
        putchar('\n');
        if (sweep.n_different || sweep.n_fallbacks)
            status = host_fail(d->call,
                               "cuts: expected all identical and answered by the worker, found %zu "
                               "different and %zu that ran here",
                               sweep.n_different, sweep.n_fallbacks);
    }
    host_sweep_fini(&sweep);
    return status;
}

/* ---- 3: the worker dies ---------------------------------------------------------------------- */

typedef struct killer {
    pid_t pid;
    pthread_t thread;
    bool is_started;
} killer;

static void *kill_later(void *ctx)
{
    const killer *k = ctx;
    const struct timespec pause = {.tv_nsec = KILL_AFTER_MS * 1000000L};
    nanosleep(&pause, NULL);
    kill(k->pid, SIGKILL);
    return NULL;
}

static void on_event(void *ctx, const char *event)
{
    killer *k = ctx;
    if (strcmp(event, "sent") == 0 && !k->is_started)
        k->is_started = pthread_create(&k->thread, NULL, kill_later, k) == 0;
}

/* A session at the cut in the middle, once used so that it is connected. */
static int connect_at(demo *d, size_t cut, killer *k)
{
    char text[HOST_NUMBER_TEXT];
    oc_plan *plan = NULL;
    oc_report report;
    const oc_session_options options = {.workers = (const char *const[]){d->worker.address},
                                        .n_workers = 1,
                                        .on_event = on_event,
                                        .event_ctx = k};
    int status = host_runner_connect(&d->runner, &options);
    if (status != HOST_OK)
        return status;
    snprintf(text, sizeof(text), "%zu", cut);
    if (oc_plan_make(d->runner.model, text, NULL, &plan) != OC_OK)
        return host_fail_about(d->call, d->runner.path);
    status = host_runner_follow(&d->runner, plan);
    k->is_started = true; /* this first run is let be */
    return status == HOST_OK ? host_runner_run(&d->runner, 1, &report) : status;
}

/*
 * The worker would answer within a millisecond. Frozen, it cannot: the values arrive in its socket,
 * and so the kill comes in the middle of the run, every time.
 */
static int show_kill(demo *d)
{
    killer k = {.pid = d->worker.pid};
    size_t cut = d->runner.info->n_nodes / 2;
    oc_report report;
    char answer[HOST_ANSWER_TEXT];
    int status = connect_at(d, cut, &k);
    if (status != HOST_OK)
        return status;
    host_child_freeze(&d->worker);
    k.is_started = false;
    status = host_runner_run(&d->runner, 1, &report);
    if (k.is_started)
        pthread_join(k.thread, NULL);
    if (status != HOST_OK)
        return status;
    bool is_same = host_outputs_equal(d->runner.info, d->runner.outputs, d->expected);
    printf("3. Cut %zu again, and the worker is killed %d ms after it was sent the values\n\n", cut,
           KILL_AFTER_MS);
    printf("  answer: %s\n",
           host_answer_text(d->runner.info, d->runner.outputs, &d->labels, answer));
    host_ran_print(&d->runner, &report, (const char *const[]){d->worker.address}, "  ");
    printf("  lost by it: %.3f of %.3f ms\n  identical to local: %s\n\n",
           (double)report.lost_ns / 1e6, (double)report.total_ns / 1e6, is_same ? "yes" : "NO");
    if (!k.is_started || !report.fell_back || !is_same)
        return host_fail(d->call, "killed worker: expected the same answer from here, found %s",
                         is_same ? "that the worker answered" : "another answer");
    return HOST_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int show_worker(demo *d)
{
    int status = load(d, d->files[d->n_files - 1]->d_name);
    if (status == HOST_OK)
        status = host_child_start(d->call, d->options->model, &d->options->device, &d->worker);
    if (status == HOST_OK)
        status = host_runner_connect(
            &d->runner, &(oc_session_options){.workers = (const char *const[]){d->worker.address},
                                              .n_workers = 1});
    if (status == HOST_OK)
        status = show_cuts(d);
    return status == HOST_OK ? show_kill(d) : status;
}

static int run(const host_call *call)
{
    demo d = {.call = call, .options = call->options, .log = host_log_sink(call, OC_LOG_WARN)};
    int status = begin(&d);
    if (status == HOST_OK)
        status = show_pictures(&d);
    if (status == HOST_OK)
        status = show_worker(&d);
    if (status == HOST_OK)
        printf("All of it held: %d pictures, %zu cuts, one killed worker.\n", d.n_files,
               d.runner.info->n_nodes + 1);
    host_child_end(&d.worker);
    if (d.expected)
        host_outputs_free(&d.runner, d.expected);
    host_runner_close(&d.runner);
    host_labels_free(&d.labels);
    for (int i = 0; i < d.n_files; i++)
        free(d.files[i]);
    free(d.files);
    return status;
}

const host_command host_command_demo = {
    .name = "demo",
    .help = "show a network cut at every place, and a worker that dies, on this machine",
    .notes = "The defaults are files of the source tree: run it from there, or name your own.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(demo_options),
    .run = run,
};
