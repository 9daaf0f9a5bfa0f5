/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut run MODEL --input FILE`: one inference, here or cut, and where its time went. */
#include "explain.h"
#include "inputs.h"
#include "log.h"
#include "outputs.h"
#include "report.h"
#include "seen.h"
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run_options {
    host_texts inputs, workers;
    const char *cut, *plan, *policy, *profile, *labels, *output, *log, *trace;
    host_device_options device;
    host_model_options model;
    host_normal normal;
    host_seen_options seen;
    const char *fit, *resize;
    host_numbers audit;
    uint32_t top, repeat, worker_timeout_ms, connect_timeout_ms, deadline_ms;
    bool is_json, has_timings, is_worker_required, is_verbose, is_hedged, is_explained;
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
     .type = HOST_TEXTS,
     FIELD(workers),
     .help = "a worker that may run what comes after a cut; may be given several times"},
    {.name = "policy",
     .value = "POLICY",
     .type = HOST_TEXT,
     FIELD(policy),
     .help =
         "who decides where it runs, while it runs: see below (default with --worker: latency)"},
    {.name = "profile",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(profile),
     .help = "the nodes' measured times, for the policy (see: offcut profile)"},
    {.name = "cut",
     .value = "CUT",
     .type = HOST_TEXT,
     FIELD(cut),
     .help = "instead of a policy: all-local, an INDEX (see: offcut inspect), VALUE,..., or every"},
    {.name = "plan",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(plan),
     .help = "instead of a policy: follow this plan (see: offcut plan)"},
    HOST_DEVICE_ROWS(run_options, device),
    HOST_MODEL_ROWS(run_options, model),
    {.name = "labels",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(labels),
     .help = "names of the classes, one a line (default: the model's own, if it has any)"},
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
    {.name = "fit",
     .value = "HOW",
     .type = HOST_TEXT,
     FIELD(fit),
     .help = "how a picture becomes the input's size: stretch, or letterbox, which keeps its "
             "proportions (default: letterbox for detectors, else stretch)"},
    {.name = "resize",
     .value = "FILTER",
     .type = HOST_TEXT,
     FIELD(resize),
     .help = "how pixels are made: filtered, linear or nearest (default: linear for TensorFlow Lite "
             "models, else filtered)"},
    {.name = "threshold",
     .value = "T",
     .type = HOST_NUMBERS,
     FIELD(seen.threshold),
     .help = "of a detector: only what it is surer of (default 0.25)"},
    {.name = "nms",
     .value = "T",
     .type = HOST_NUMBERS,
     FIELD(seen.overlap),
     .help = "of boxes of a class that overlap by more only the best stays (default 0.45)"},
    {.name = "draw",
     .value = "FILE.png",
     .type = HOST_TEXT,
     FIELD(seen.draw),
     .help = "of a detector: write the picture with its boxes there"},
    {.name = "mask",
     .value = "FILE.png",
     .type = HOST_TEXT,
     FIELD(seen.mask),
     .help = "of a segmenter: write the class of each pixel there, in colours"},
    {.name = "explain",
     FIELD(is_explained),
     .help = "show what the policy chose from, what it expected and what it cost"},
    {.name = "trace",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(trace),
     .help = "write spans of edge, wire and worker as Chrome trace JSON (for Perfetto)"},
    {.name = "log",
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(log),
     .help = "write every decision with its situation, for offcut replay"},
    {.name = "deadline",
     .value = "MS",
     .type = HOST_UINT,
     FIELD(deadline_ms),
     .min = 1,
     .max = 3600000,
     .help = "each run ends by then, with its answer or an error"},
    {.name = "hedge",
     FIELD(is_hedged),
     .help = "when a worker's answer is late, start here too: the first answer wins"},
    {.name = "audit",
     .value = "RATE",
     .type = HOST_NUMBERS,
     FIELD(audit),
     .help = "compute this share (0 to 1) of the workers' answers here again and compare"},
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
     .help = "run N times and show the quickest, or with a policy the last: it learns"},
    {.name = "verbose", FIELD(is_verbose), .help = "log on stderr"},
};

/* What one invocation holds. */
typedef struct task {
    const host_call *call;
    const run_options *options;
    bool is_every;
    uint64_t start_bytes; /* resident before the model was opened */
    oc_log_sink log;
    bool is_told; /* what the session says goes there too, not only what the device does */
    host_labels labels;
    host_runner runner;
    oc_plan *plan; /* until the runner follows it */
    oc_report report;
    host_sweep sweep;
    host_picture picture;
    host_seen seen;
} task;

/* ---- before anything long -------------------------------------------------------------------- */

/* Who decides: the policy that was named, or latency where there is something to decide. */
static const char *policy_of(const run_options *o)
{
    if (o->policy || o->cut || o->plan)
        return o->policy;
    return o->workers.count > 0 ? "latency" : NULL;
}

static int check_worker_words(const task *t)
{
    const run_options *o = t->options;
    if (t->is_every && o->workers.count == 0)
        return host_usage(t->call, "--cut every: expected --worker HOST:PORT, found none");
    if (o->is_worker_required && o->workers.count == 0)
        return host_usage(t->call, "--worker-required: expected --worker HOST:PORT, found none");
    if (o->workers.count > OC_WORKERS_MAX)
        return host_usage(t->call, "--worker: expected at most %d, found %zu", OC_WORKERS_MAX,
                          o->workers.count);
    return HOST_OK;
}

/* The filter of that name; -1: there is none. */
static int filter_of(const char *name)
{
    static const char *const names[] = {
        [OC_IMAGE_FILTERED] = "filtered", [OC_IMAGE_LINEAR] = "linear", [OC_IMAGE_NEAREST] = "nearest"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

static int check_words(const task *t)
{
    const run_options *o = t->options;
    const char *of_policy = o->profile        ? "profile"
                            : o->log          ? "log"
                            : o->is_explained ? "explain"
                                              : NULL;
    if ((o->cut != NULL) + (o->plan != NULL) + (o->policy != NULL) > 1)
        return host_usage(t->call, "--cut, --plan, --policy: expected one of them, found several");
    if (of_policy && !policy_of(o))
        return host_usage(t->call, "--%s: expected --policy or --worker, found neither", of_policy);
    if (t->is_every && (o->audit.count || o->trace))
        return host_usage(t->call, "--cut every: --audit and --trace do not go with it");
    if (o->is_hedged && !policy_of(o))
        return host_usage(t->call, "--hedge: expected --policy or --worker without a cut: "
                                   "only a policy knows when an answer is late");
    if (o->audit.count > 1 || (o->audit.count == 1 && (o->audit.v[0] < 0 || o->audit.v[0] > 1)))
        return host_usage(t->call, "--audit: expected one number from 0 to 1");
    if (o->fit && strcmp(o->fit, "stretch") != 0 && strcmp(o->fit, "letterbox") != 0)
        return host_usage(t->call, "--fit: expected stretch or letterbox, found '%s'", o->fit);
    if (o->resize && filter_of(o->resize) < 0)
        return host_usage(t->call, "--resize: expected filtered, linear or nearest, found '%s'",
                          o->resize);
    return check_worker_words(t);
}

static int make_plan(task *t)
{
    const run_options *o = t->options;
    oc_status status = OC_OK;
    if (o->plan)
        status = oc_plan_read(o->plan, t->runner.model, t->call->alloc, &t->plan);
    else if (!t->is_every && !policy_of(o))
        status = oc_plan_make(t->runner.model, o->cut, t->call->alloc, &t->plan);
    if (status != OC_OK)
        return host_fail_about(t->call, o->plan ? o->plan : t->call->operand);
    if (t->plan && oc_plan_needs_worker(t->plan) && o->workers.count == 0)
        return host_usage(t->call, "%s: expected --worker HOST:PORT, found none",
                          oc_plan_name(t->plan));
    return HOST_OK;
}

static int load_inputs(task *t)
{
    const char *resize = t->options->resize;
    host_normal normal = t->options->normal;
    const char *fit = t->options->fit;
    normal.picture = &t->picture;
    normal.is_letterboxed = fit ? strcmp(fit, "letterbox") == 0 : host_is_detector(t->runner.info);
    normal.filter = resize ? (oc_image_filter)filter_of(resize) : host_filter(t->runner.info);
    return host_inputs_load(&t->runner, &t->options->inputs, &normal);
}

/* Nothing is written over the model. */
static int check_outputs(const task *t)
{
    const run_options *o = t->options;
    const struct {
        const char *option, *path;
    } files[] = {{"--draw", o->seen.draw},
                 {"--mask", o->seen.mask},
                 {"--trace", o->trace},
                 {"--log", o->log}};
    int status = host_outputs_check(t->call, o->output, t->runner.model);
    for (size_t i = 0; i < HOST_COUNT(files) && status == HOST_OK; i++)
        status = host_model_spare(t->call, t->runner.model, files[i].option, files[i].path);
    return status;
}

/* Everything that can be wrong is found before kernels are compiled. */
static int read_files(task *t)
{
    const run_options *o = t->options;
    int status = host_runner_open(t->call, t->call->operand, &o->model, &t->runner);
    if (status == HOST_OK)
        status = check_outputs(t);
    if (status == HOST_OK)
        status = make_plan(t);
    if (status == HOST_OK)
        status = host_labels_read(t->call, o->labels, &t->labels);
    if (status == HOST_OK)
        host_labels_own(t->runner.info, &t->labels);
    if (status == HOST_OK)
        status = host_labels_check(t->call, &t->labels, t->runner.info);
    if (status == HOST_OK)
        status = host_seen_check(t->call, &o->seen, &t->labels, t->runner.info);
    if (status == HOST_OK)
        status = load_inputs(t);
    if (status == HOST_OK && o->seen.draw && !t->picture.image.pixels)
        status = host_usage(t->call, "--draw: expected a picture as input, found a tensor");
    return status;
}

/* Spans of one run: decisions and chunks, and what a worker adds. */
#define TRACE_SPANS_PER_RUN 256u
#define TRACE_RUNS_MAX 1000u

static int prepare(task *t)
{
    const run_options *o = t->options;
    const oc_log_sink *log = t->is_told ? &t->log : NULL;
    const oc_session_options session = {
        .workers = o->workers.items,
        .n_workers = o->workers.count,
        .connect_timeout_ms = o->connect_timeout_ms,
        .worker_timeout_ms = o->worker_timeout_ms,
        .is_worker_required = o->is_worker_required,
        .policy = policy_of(o),
        .profile = o->profile,
        .deadline_ms = o->deadline_ms,
        .is_hedged = o->is_hedged,
        .audit = o->audit.count ? o->audit.v[0] : 0,
        .log_path = o->log,
        .trace_spans = o->trace ? TRACE_SPANS_PER_RUN *
                                      (o->repeat < TRACE_RUNS_MAX ? o->repeat : TRACE_RUNS_MAX)
                                : 0,
        .log = log};
    oc_prepare_options options = host_prepare_options(&o->device, &t->log);
    if (session.policy && oc_policy_memory_bytes(session.policy, &options.memory_bytes) != OC_OK)
        return host_fail_library(t->call);
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
    host_seen_json(&t->seen, &t->labels, document);
    if (t->is_every) {
        host_json_put(document, "worker", host_json_text(t->options->workers.items[0]));
        host_json_put(document, "cuts", host_sweep_json(&t->sweep));
        host_json_put(document, "summary", host_sweep_summary_json(&t->sweep));
    } else {
        host_json_put(document, "plan",
                      host_json_text(runner->plan ? oc_plan_name(runner->plan) : NULL));
        host_json_put(document, "policy", host_json_text(policy_of(t->options)));
        host_json_put(document, "ran",
                      host_ran_json(runner, &t->report, t->options->workers.items));
    }
    if (t->options->is_explained)
        host_json_put(document, "explained", host_explain_json(runner->session, &t->report));
    host_json_put(document, "time", host_times_json(&t->report));
    host_json_put(document, "memory",
                  host_memory_json(&t->report, t->start_bytes, host_peak_bytes(), t->call->budget));
    host_json_print(document);
}

static void print_timings(const task *t)
{
    const run_options *o = t->options;
    char which[64] = "";
    if (o->repeat > 1)
        snprintf(which, sizeof(which),
                 t->runner.has_policy ? ", of the last of %u runs" : ", of the quickest of %u runs",
                 o->repeat);
    printf("device: %s\n", oc_prepared_device(t->runner.prepared)->name);
    if (t->runner.has_policy)
        printf("policy: %s\n", policy_of(o));
    else
        printf("plan: %s\n", t->runner.plan ? oc_plan_name(t->runner.plan) : "all-local");
    host_times_print(&t->report, which);
    host_memory_print(&t->report, t->start_bytes, host_peak_bytes(), t->call->budget);
}

static void print_text(const task *t, const oc_tensor *outputs)
{
    const host_runner *runner = &t->runner;
    host_outputs_print(runner->info, outputs, &t->labels, t->options->top);
    host_seen_print(&t->seen, &t->labels);
    if (t->is_every) {
        printf("\nevery cut, with worker %s; times in ms (lost: connecting, or no answer)\n",
               t->options->workers.items[0]);
        host_sweep_print(&t->sweep);
    } else {
        host_ran_print(runner, &t->report, t->options->workers.items, "");
    }
    if (t->options->is_explained)
        host_explain_print(runner->session, &t->report);
    if (t->options->has_timings) {
        print_timings(t);
    }
}

static int give(task *t, const oc_tensor *outputs)
{
    const host_seen_options *seen = &t->options->seen;
    int status = host_seen_find(t->call, seen, t->runner.info, outputs, &t->picture, &t->seen);
    if (status == HOST_OK)
        status = host_seen_draw(t->call, seen, &t->seen, &t->picture, &t->labels);
    if (status != HOST_OK)
        return status;
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
    int status = plan ? host_runner_follow(&t->runner, plan) : HOST_OK;
    if (status == HOST_OK)
        status = host_runner_run(&t->runner, t->options->repeat, &t->report);
    if (status == HOST_OK && t->options->trace &&
        oc_session_trace_write(t->runner.session, t->options->trace) != OC_OK)
        return host_fail_about(t->call, t->options->trace);
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
    t.log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_WARN);
    /* Who gave a file wants to know when it is of no use. */
    t.is_told = options->is_verbose || options->profile || options->log;
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
    host_seen_free(call, &t.seen);
    oc_image_free(&t.picture.image, call->alloc);
    host_runner_close(&t.runner);
    return status;
}

static void print_policies(void)
{
    oc_policy_info info;
    char head[64];
    printf("\nA POLICY is one or more of these, joined by commas:\n");
    for (size_t i = 0; oc_policy_get(i, &info); i++) {
        snprintf(head, sizeof(head), "%s%s%s", info.name, info.argument ? ":" : "",
                 info.argument ? info.argument : "");
        printf("  %-16s%s\n", head, info.help);
    }
}

const host_command host_command_run = {
    .name = "run",
    .operand = "MODEL",
    .help = "run a model on a file, here or cut and forwarded to a worker",
    .notes = "A .npy file must have the input's type and shape; a batch axis of 1 may be missing. "
             "A picture is\n"
             "resized to the input's height and width (its channels are the axis behind the batch's "
             "or the last,\n"
             "whichever is 1 or 3 long) and each pixel becomes (pixel - mean) * scale, by default\n"
             "what the model's metadata says, or pixel / 255;\n"
             "an input of uint8 or int8 takes it as it is (int8: less 128). 8-bit scores are shown as "
             "the numbers\n"
             "that they stand for.\n"
             "'--cut every' runs every cut by INDEX and compares it with the all-local run, bit "
             "for bit.\n"
             "When a worker fails the tail runs here, and the reason is printed; the exit status "
             "is 0.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(run_options),
    .more_help = print_policies,
    .run = run,
};
