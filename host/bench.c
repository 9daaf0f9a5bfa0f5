/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut bench MODEL`: how long a run takes, what it needs, and where the time goes. */
#include "inputs.h"
#include "layers.h"
#include "log.h"
#include "report.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without --repeat: what fits in here, within these bounds. */
#define TIME_NS 2e9
#define RUNS_MIN 10u
#define RUNS_MAX 2000u
/* Repeats of --layers. */
#define LAYER_RUNS_MIN 5u
#define LAYER_RUNS_MAX 200u

typedef struct bench_options {
    host_texts inputs;
    host_device_options device;
    host_model_options model;
    const char *sort;
    uint32_t repeat, seed;
    bool is_json, has_layers, is_verbose;
} bench_options;

#define FIELD(name_) .offset = offsetof(bench_options, name_)

static const host_option rows[] = {
    {.name = "layers",
     FIELD(has_layers),
     .help = "show each node's kernels, and their share of what the device can do at most"},
    {.name = "sort",
     .value = "HOW",
     .type = HOST_TEXT,
     FIELD(sort),
     .initial = "order",
     .help = "of --layers: order (of execution) or time (the slowest first)"},
    {.name = "repeat",
     .value = "N",
     .type = HOST_UINT,
     FIELD(repeat),
     .min = 1,
     .max = 1000000,
     .help = "run N times, layers too (default: what fits in 2 s, 10 to 2000)"},
    {.name = "input",
     .letter = 'i',
     .value = "[NAME=]FILE",
     .type = HOST_TEXTS,
     FIELD(inputs),
     .help = "a .npy tensor or a picture, once per input of the model (default: random numbers)"},
    {.name = "seed",
     .value = "N",
     .type = HOST_UINT,
     FIELD(seed),
     .max = UINT32_MAX,
     .initial = "1",
     .help = "of the random numbers"},
    HOST_DEVICE_ROWS(bench_options, device),
    HOST_MODEL_ROWS(bench_options, model),
    {.name = "json", FIELD(is_json), .help = "one JSON document with everything"},
    {.name = "verbose", FIELD(is_verbose), .help = "log on stderr"},
};

/* What one invocation holds; times in nanoseconds. */
typedef struct task {
    const host_call *call;
    const bench_options *options;
    uint64_t begin_ns, start_bytes, peak_bytes;
    host_runner runner;
    double open_ns, prepare_ns, first_ns, answer_ns;
    oc_report report;
    double *wall_ns; /* of each run after the first, sorted in the end */
    size_t n_runs, n_wanted;
    oc_bench *bench;
} task;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- before anything long -------------------------------------------------------------------- */

/* A batch that the model's file fixes would be measured as it is, whatever was asked for. */
static int check_batch(const task *t)
{
    const oc_model_info *info = t->runner.info;
    const uint32_t batch = t->options->model.batch;
    char shape[OC_SHAPE_TEXT];
    for (size_t i = 0; i < info->n_inputs && batch > 0; i++) {
        const oc_shape *have = &info->inputs[i].desc.shape;
        if (have->rank > 0 && (uint32_t)have->dim[0] == batch)
            return HOST_OK;
    }
    if (batch == 0 || info->n_inputs == 0)
        return HOST_OK;
    return host_fail(t->call, "--batch %u: %s fixes its batch: input %s is %s", batch, info->name,
                     info->inputs[0].name,
                     oc_shape_print(&info->inputs[0].desc.shape, shape, sizeof(shape)));
}

static int load_inputs(task *t)
{
    const bench_options *o = t->options;
    const host_normal normal = {.filter = host_filter(t->runner.info)};
    return o->inputs.count > 0 ? host_inputs_load(&t->runner, &o->inputs, &normal)
                               : host_inputs_random(&t->runner, o->seed);
}

static int open_model(task *t)
{
    int status = host_runner_open(t->call, t->call->operand, &t->options->model, &t->runner);
    t->open_ns = (double)(now_ns() - t->begin_ns);
    if (status == HOST_OK)
        status = check_batch(t);
    return status == HOST_OK ? load_inputs(t) : status;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static int run_once(task *t, double *ns)
{
    const uint64_t begin_ns = now_ns();
    int status = host_runner_run(&t->runner, 1, &t->report);
    *ns = (double)(now_ns() - begin_ns);
    return status;
}

/* Until the first answer is there. */
static int start(task *t, const oc_log_sink *log)
{
    const oc_prepare_options prepare = host_prepare_options(&t->options->device, log);
    const oc_session_options session = {.log = t->options->is_verbose ? log : NULL};
    uint64_t begin_ns = now_ns();
    int status = host_runner_prepare(&t->runner, &prepare);
    if (status == HOST_OK)
        status = host_runner_connect(&t->runner, &session);
    t->prepare_ns = (double)(now_ns() - begin_ns);
    if (status == HOST_OK)
        status = run_once(t, &t->first_ns);
    t->answer_ns = (double)(now_ns() - t->begin_ns);
    return status;
}

static size_t clamp(double count, size_t least, size_t most)
{
    return count < (double)least ? least : count > (double)most ? most : (size_t)count;
}

/* How many runs to make, by one that found everything in place. */
static int choose_runs(task *t)
{
    double ns;
    int status = run_once(t, &ns);
    t->n_wanted =
        t->options->repeat > 0 ? t->options->repeat : clamp(TIME_NS / ns, RUNS_MIN, RUNS_MAX);
    t->wall_ns = host_alloc(t->n_wanted, sizeof(*t->wall_ns));
    return status;
}

static int measure_until(task *t, size_t end)
{
    int status = HOST_OK;
    while (t->n_runs < end && status == HOST_OK) {
        status = run_once(t, &t->wall_ns[t->n_runs]);
        if (status == HOST_OK)
            t->n_runs++;
        host_progress("measuring runs", t->n_runs, t->n_wanted, "");
    }
    host_progress_end();
    return status;
}

static void on_layers(void *ctx, size_t done, size_t total, const char *node)
{
    (void)ctx;
    host_progress("measuring layers", done, total, node);
}

static int measure_layers(task *t)
{
    const double once_ns = t->n_runs > 0 ? t->wall_ns[0] : t->first_ns;
    const oc_bench_options options = {
        .inputs = t->runner.inputs,
        .repeats = t->options->repeat > 0
                       ? t->options->repeat
                       : (uint32_t)clamp(TIME_NS / once_ns, LAYER_RUNS_MIN, LAYER_RUNS_MAX),
        .progress = on_layers};
    host_progress("measuring the device's peak", 0, 2, "");
    const oc_status status = oc_bench_run(t->runner.prepared, &options, t->call->alloc, &t->bench);
    host_progress_end();
    return status == OC_OK ? HOST_OK : host_fail_library(t->call);
}

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Layers are measured between two halves of the runs: what the machine does meanwhile meets both. */
static int measure(task *t)
{
    int status = choose_runs(t);
    if (status == HOST_OK)
        status = measure_until(t, (t->n_wanted + 1) / 2);
    t->peak_bytes = host_peak_bytes(); /* before memory is taken to measure with */
    if (status == HOST_OK && t->options->has_layers)
        status = measure_layers(t);
    if (status == HOST_OK)
        status = measure_until(t, t->n_wanted);
    qsort(t->wall_ns, t->n_runs, sizeof(*t->wall_ns), compare_times);
    return status;
}

/* The smallest time that so many per cent of the runs do not exceed. */
static double percentile(const task *t, size_t percent)
{
    const size_t rank = (t->n_runs * percent + 99) / 100;
    return t->wall_ns[rank > 0 ? rank - 1 : 0];
}

/* ---- what came out --------------------------------------------------------------------------- */

static void cell_ms(host_table *table, double ns)
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", host_ms_text((uint64_t)(ns + 0.5), text));
}

static void print_latency(const task *t)
{
    static const size_t percents[] = {0, 50, 90, 99, 100};
    host_table table;
    char titles[] = ">min|>median|>p90|>p99|>max";
    host_table_init(&table, titles);
    for (size_t i = 0; i < HOST_COUNT(percents); i++)
        cell_ms(&table, percentile(t, percents[i]));
    printf("latency of %zu runs, ms\n", t->n_runs);
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_start(const task *t)
{
    const struct {
        const char *name;
        double ns;
        const char *help;
    } list[] = {
        {"open", t->open_ns, "the model's file read, the network transformed"},
        {"prepare", t->prepare_ns, "kernels built, weights packed"},
        {"first run", t->first_ns, ""},
        {"first answer", t->answer_ns, "since the command began"},
    };
    host_table table;
    char titles[] = "|>ms|";
    host_table_init(&table, titles);
    for (size_t i = 0; i < HOST_COUNT(list); i++) {
        host_cell(&table, "%s", list[i].name);
        cell_ms(&table, list[i].ns);
        host_cell(&table, "%s", list[i].help);
    }
    printf("start\n");
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_text(const task *t)
{
    const oc_device_info *device = oc_prepared_device(t->runner.prepared);
    const bool by_time = strcmp(t->options->sort, "time") == 0;
    printf("%s on %s, %u compute unit%s\n\n", t->runner.info->name, device->name,
           device->compute_units, device->compute_units == 1 ? "" : "s");
    print_latency(t);
    print_start(t);
    host_memory_print(&t->report, t->start_bytes, t->peak_bytes, t->call->budget);
    if (t->bench) {
        putchar('\n');
        host_layers_print(t->runner.model, oc_bench_get_info(t->bench), by_time);
        host_overhead_print(oc_bench_get_info(t->bench), percentile(t, 50));
    }
}

static json_t *latency_json(const task *t)
{
    json_t *latency = host_json_object();
    double sum = 0;
    for (size_t i = 0; i < t->n_runs; i++)
        sum += t->wall_ns[i];
    host_json_put(latency, "runs", host_json_uint(t->n_runs));
    host_json_put(latency, "min_ns", host_json_number(percentile(t, 0)));
    host_json_put(latency, "median_ns", host_json_number(percentile(t, 50)));
    host_json_put(latency, "p90_ns", host_json_number(percentile(t, 90)));
    host_json_put(latency, "p99_ns", host_json_number(percentile(t, 99)));
    host_json_put(latency, "max_ns", host_json_number(percentile(t, 100)));
    host_json_put(latency, "mean_ns", host_json_number(sum / (double)t->n_runs));
    return latency;
}

static json_t *start_json(const task *t)
{
    json_t *object = host_json_object();
    host_json_put(object, "open_ns", host_json_number(t->open_ns));
    host_json_put(object, "prepare_ns", host_json_number(t->prepare_ns));
    host_json_put(object, "first_run_ns", host_json_number(t->first_ns));
    host_json_put(object, "first_answer_ns", host_json_number(t->answer_ns));
    return object;
}

static void print_json(const task *t)
{
    const bool by_time = strcmp(t->options->sort, "time") == 0;
    json_t *document = host_json_object();
    host_json_put(document, "model", host_json_model(t->runner.info));
    host_json_put(document, "device", host_json_device(oc_prepared_device(t->runner.prepared)));
    host_json_put(document, "latency", latency_json(t));
    host_json_put(document, "start", start_json(t));
    host_json_put(document, "memory",
                  host_memory_json(&t->report, t->start_bytes, t->peak_bytes, t->call->budget));
    if (t->bench)
        host_json_put(document, "layers",
                      host_layers_json(t->runner.model, oc_bench_get_info(t->bench),
                                       percentile(t, 50), by_time));
    host_json_print(document);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(const host_call *call)
{
    const bench_options *options = call->options;
    const oc_log_sink log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_WARN);
    task t = {.call = call,
              .options = options,
              .begin_ns = now_ns(),
              .start_bytes = host_resident_bytes()};
    if (strcmp(options->sort, "order") != 0 && strcmp(options->sort, "time") != 0)
        return host_usage(call, "--sort: expected order or time, found '%s'", options->sort);
    int status = open_model(&t);
    if (status == HOST_OK)
        status = start(&t, &log);
    if (status == HOST_OK)
        status = measure(&t);
    if (status == HOST_OK)
        (options->is_json ? print_json : print_text)(&t);
    oc_bench_destroy(t.bench);
    free(t.wall_ns);
    host_runner_close(&t.runner);
    return status;
}

const host_command host_command_bench = {
    .name = "bench",
    .operand = "MODEL",
    .help = "measure a model here: latency, start, memory, and where each layer's time goes",
    .notes = "Measure on an idle machine. The share of the peak is the least time that the device "
             "needs for a\n"
             "node's arithmetic or for moving its bytes once, whichever is longer, by the node's "
             "time; what the\n"
             "device can do is measured in the same run. Where it is low there is time left.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(bench_options),
    .run = run,
};
