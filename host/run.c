/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut run MODEL --input FILE`: one inference, here or cut, and where its time went. */
#include "inputs.h"
#include "log.h"
#include "outputs.h"
#include "report.h"
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run_options {
    host_texts inputs;
    const char *worker, *cut, *plan, *labels, *output;
    host_device_options device;
    host_normal normal;
    uint32_t top, repeat, worker_timeout_ms, connect_timeout_ms;
    bool is_json, has_timings, is_worker_required, is_verbose;
} run_options;

#define FIELD(name_) .offset = offsetof(run_options, name_)

static const host_option rows[] = {
    {.name = "input",
     .letter = 'i',
     .value = "[NAME=]FILE",
     .type = HOST_TEXTS,
     FIELD(inputs),
     .help = "a .npy tensor or a PNG, JPEG or BMP picture; once per input of the model"},
    {.name = "worker",
     .value = "HOST:PORT",
     .type = HOST_TEXT,
     FIELD(worker),
     .help = "the worker that runs what comes after the cut"},
    {.name = "cut",
     .value = "CUT",
     .type = HOST_TEXT,
     FIELD(cut),
     .help = "all-local, an INDEX (see: offcut inspect), the names VALUE,..., or every"},
    {.name = "plan",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(plan),
     .help = "follow this plan (see: offcut plan) instead of a cut"},
    HOST_DEVICE_ROWS(run_options, device),
    {.name = "labels",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(labels),
     .help = "names of the classes, one a line"},
    {.name = "top",
     .value = "K",
     .type = HOST_UINT,
     FIELD(top),
     .min = 1,
     .max = 1000000,
     .initial = "5",
     .help = "show the best K classes"},
    {.name = "output",
     .letter = 'o',
     .value = "FILE.npy",
     .type = HOST_TEXT,
     FIELD(output),
     .help = "write the output there; several outputs go to FILE-NAME.npy"},
    {.name = "json", FIELD(is_json), .help = "one JSON document with everything"},
    {.name = "timings", FIELD(has_timings), .help = "show where time and memory went"},
    {.name = "mean",
     .value = "M[,M,M]",
     .type = HOST_NUMBERS,
     FIELD(normal.mean),
     .help = "a picture becomes (pixel - mean) * scale, for all or red,green,blue (default 0)"},
    {.name = "scale",
     .value = "S[,S,S]",
     .type = HOST_NUMBERS,
     FIELD(normal.scale),
     .help = "see --mean (default 1/255)"},
    {.name = "worker-required",
     FIELD(is_worker_required),
     .help = "fail when the worker does not answer, instead of finishing here"},
    {.name = "worker-timeout",
     .value = "MS",
     .type = HOST_UINT,
     FIELD(worker_timeout_ms),
     .min = 1,
     .max = 3600000,
     .initial = "10000",
     .help = "finish here when the answer takes longer"},
    {.name = "connect-timeout",
     .value = "MS",
     .type = HOST_UINT,
     FIELD(connect_timeout_ms),
     .min = 1,
     .max = 3600000,
     .initial = "2000",
     .help = "finish here when connecting takes longer"},
    {.name = "repeat",
     .value = "N",
     .type = HOST_UINT,
     FIELD(repeat),
     .min = 1,
     .max = 1000000,
     .initial = "1",
     .help = "run N times and show the quickest: a first run may compile kernels"},
    {.name = "verbose", FIELD(is_verbose), .help = "log on stderr"},
};

/* What one invocation holds. */
typedef struct task {
    const host_call *call;
    const run_options *options;
    bool is_every;
    uint64_t start_bytes; /* resident before the model was opened */
    oc_log_sink log;
    host_labels labels;
    host_runner runner;
    oc_plan *plan; /* until the runner follows it */
    oc_report report;
    host_sweep sweep;
} task;

/* ---- before anything long -------------------------------------------------------------------- */

static int check_words(const task *t)
{
    const run_options *o = t->options;
    if (o->inputs.count == 0)
        return host_usage(t->call, "expected --input FILE, found none");
    if (o->cut && o->plan)
        return host_usage(t->call, "--cut and --plan: expected one of them, found both");
    if (o->worker && !o->cut && !o->plan)
        return host_usage(t->call, "--worker: expected --cut or --plan, which say what runs there");
    if (!o->worker && t->is_every)
        return host_usage(t->call, "--cut every: expected --worker HOST:PORT, found none");
    if (!o->worker && o->is_worker_required)
        return host_usage(t->call, "--worker-required: expected --worker HOST:PORT, found none");
    return HOST_OK;
}

static int make_plan(task *t)
{
    const run_options *o = t->options;
    oc_status status = OC_OK;
    if (o->plan)
        status = oc_plan_read(o->plan, t->runner.model, NULL, &t->plan);
    else if (!t->is_every)
        status = oc_plan_make(t->runner.model, o->cut, NULL, &t->plan);
    if (status != OC_OK)
        return host_fail_about(t->call, o->plan ? o->plan : t->call->operand);
    if (t->plan && oc_plan_needs_worker(t->plan) && !o->worker)
        return host_usage(t->call, "%s: expected --worker HOST:PORT, found none",
                          oc_plan_name(t->plan));
    return HOST_OK;
}

/* Everything that can be wrong is found before kernels are compiled. */
static int read_files(task *t)
{
    const run_options *o = t->options;
    int status = host_runner_open(t->call, t->call->operand, &t->runner);
    if (status == HOST_OK)
        status = make_plan(t);
    if (status == HOST_OK)
        status = host_labels_read(t->call, o->labels, &t->labels);
    if (status == HOST_OK)
        status = host_labels_check(t->call, &t->labels, t->runner.info);
    if (status == HOST_OK)
        status = host_inputs_load(&t->runner, &o->inputs, &o->normal);
    return status;
}

static int prepare(task *t)
{
    const run_options *o = t->options;
    const oc_log_sink *log = o->is_verbose ? &t->log : NULL;
    const oc_prepare_options options = host_prepare_options(&o->device, log);
    const oc_session_options session = {.workers = &o->worker,
                                        .n_workers = o->worker ? 1 : 0,
                                        .connect_timeout_ms = o->connect_timeout_ms,
                                        .worker_timeout_ms = o->worker_timeout_ms,
                                        .is_worker_required = o->is_worker_required,
                                        .log = log};
    int status = host_runner_prepare(&t->runner, &options);
    return status == HOST_OK ? host_runner_connect(&t->runner, &session) : status;
}

/* ---- what was done --------------------------------------------------------------------------- */

static json_t *inputs_json(const task *t)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < t->options->inputs.count; i++)
        host_json_add(list, host_json_text(t->options->inputs.items[i]));
    return list;
}

static void print_json(const task *t, const oc_tensor *outputs)
{
    const host_runner *runner = &t->runner;
    json_t *document = host_json_object();
    host_json_put(document, "model", host_json_model(runner->info));
    host_json_put(document, "device", host_json_device(oc_prepared_device(runner->prepared)));
    host_json_put(document, "inputs", inputs_json(t));
    host_json_put(document, "outputs",
                  host_outputs_json(runner->info, outputs, &t->labels, t->options->top));
    if (t->is_every) {
        host_json_put(document, "worker", host_json_text(t->options->worker));
        host_json_put(document, "cuts", host_sweep_json(&t->sweep));
        host_json_put(document, "summary", host_sweep_summary_json(&t->sweep));
    } else {
        host_json_put(document, "plan", host_json_text(oc_plan_name(runner->plan)));
        host_json_put(document, "ran", host_ran_json(runner, &t->report, t->options->worker));
    }
    host_json_put(document, "time", host_times_json(&t->report));
    host_json_put(document, "memory", host_memory_json(&t->report, t->start_bytes));
    host_json_print(document);
}

static void print_text(const task *t, const oc_tensor *outputs)
{
    const host_runner *runner = &t->runner;
    host_outputs_print(runner->info, outputs, &t->labels, t->options->top);
    if (t->is_every) {
        printf("\nevery cut, with worker %s; times in ms (lost: connecting, or no answer)\n",
               t->options->worker);
        host_sweep_print(&t->sweep);
    } else {
        host_ran_print(runner, &t->report, t->options->worker, "");
    }
    if (t->options->has_timings) {
        printf("device: %s\nplan: %s\n", oc_prepared_device(runner->prepared)->name,
               runner->plan ? oc_plan_name(runner->plan) : "all-local");
        host_times_print(&t->report, t->options->repeat);
        host_memory_print(&t->report, t->start_bytes);
    }
}

static int give(const task *t, const oc_tensor *outputs)
{
    if (t->options->output &&
        host_outputs_save(t->call, t->options->output, t->runner.info, outputs) != HOST_OK)
        return HOST_FAILED;
    if (t->options->is_json)
        print_json(t, outputs);
    else
        print_text(t, outputs);
    return HOST_OK;
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int run_plan(task *t)
{
    oc_plan *plan = t->plan;
    t->plan = NULL;
    int status = host_runner_follow(&t->runner, plan);
    if (status == HOST_OK)
        status = host_runner_run(&t->runner, t->options->repeat, &t->report);
    return status == HOST_OK ? give(t, t->runner.outputs) : status;
}

/* The session is all-local until it follows a plan: that run is what every cut is compared with. */
static int run_every(task *t)
{
    int status = host_runner_run(&t->runner, t->options->repeat, &t->report);
    if (status != HOST_OK)
        return status;
    oc_tensor *expected = host_outputs_copy(&t->runner);
    status = host_sweep_run(&t->runner, expected, &t->labels, t->options->repeat, &t->sweep);
    if (status == HOST_OK)
        status = give(t, expected);
    if (status == HOST_OK && t->sweep.n_different > 0)
        status = host_fail(t->call,
                           "%zu of %zu cuts: expected the outputs of the local run, found others",
                           t->sweep.n_different, t->sweep.count);
    host_sweep_fini(&t->sweep);
    host_outputs_free(&t->runner, expected);
    return status;
}

static int run(const host_call *call)
{
    const run_options *options = call->options;
    task t = {.call = call, .options = options};
    t.is_every = options->cut && strcmp(options->cut, "every") == 0;
    t.start_bytes = host_resident_bytes();
    t.log = host_log_sink(call, OC_LOG_DEBUG);
    int status = check_words(&t);
    if (status != HOST_OK)
        return status;
    status = read_files(&t);
    if (status == HOST_OK)
        status = prepare(&t);
    if (status == HOST_OK)
        status = t.is_every ? run_every(&t) : run_plan(&t);
    oc_plan_destroy(t.plan);
    host_labels_free(&t.labels);
    host_runner_close(&t.runner);
    return status;
}

const host_command host_command_run = {
    .name = "run",
    .operand = "MODEL",
    .help = "run a model on a file, here or cut and forwarded to a worker",
    .notes = "A .npy file must have the input's type and shape; a batch axis of 1 may be missing. "
             "A picture is\n"
             "resized to the input's height and width (NHWC where the last axis is 1 or 3 long, "
             "else NCHW) and\n"
             "each pixel becomes (pixel - mean) * scale, by default pixel / 255.\n"
             "'--cut every' runs every cut by INDEX and compares it with the all-local run, bit "
             "for bit.\n"
             "When the worker fails the tail runs here, and the reason is printed; the exit status "
             "is 0.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(run_options),
    .run = run,
};
