/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut tune MODEL`: measures how each layer is computed fastest here, and keeps it for later starts. */
#include "json.h"
#include "log.h"
#include "runner.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

typedef struct tune_options {
    host_device_options device;
    host_model_options model;
    uint32_t seconds;
    bool is_again, is_json, is_verbose;
} tune_options;

#define FIELD(name_) .offset = offsetof(tune_options, name_)

static const host_option rows[] = {
    HOST_DEVICE_ROWS(tune_options, device),
    HOST_MODEL_ROWS(tune_options, model),
    {.name = "seconds",
     .value = "S",
     .type = HOST_UINT,
     FIELD(seconds),
     .max = 1000000,
     .help = "try nothing more after S seconds: the next call goes on from there; 0: no limit"},
    {.name = "again",
     FIELD(is_again),
     .help = "measure also the layers that the cache has a choice for"},
    {.name = "json", FIELD(is_json), .help = "one JSON document with every layer"},
    {.name = "verbose", FIELD(is_verbose), .help = "log on stderr"},
};

typedef struct task {
    const host_call *call;
    const tune_options *options;
    host_runner runner;
    oc_tune *tune;
} task;

static void on_progress(void *ctx, size_t done, size_t total, const char *node)
{
    (void)ctx;
    host_progress(*node ? "tuning layers" : "comparing whole runs", done, total, node);
}

static bool is_as_rule(const oc_tune_layer *layer)
{
    return strcmp(layer->rule, layer->choice) == 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void cell_ms(host_table *table, double ns)
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", host_ms_text((uint64_t)(ns + 0.5), text));
}

static void cell_chosen(host_table *table, const oc_tune_layer *layer)
{
    if (is_as_rule(layer)) {
        host_cell(table, "-");
        host_cell(table, "-");
        return;
    }
    cell_ms(table, layer->ns);
    host_cell(table, "%.2fx", layer->gain);
}

static void print_layers(const task *t, const oc_tune_info *info)
{
    char titles[] = ">index|node|operator|>nodes|>tried|by the rule|>ms|chosen|>ms|>gain";
    host_table table;
    host_table_init(&table, titles);
    for (size_t l = 0; l < info->n_layers; l++) {
        const oc_tune_layer *layer = &info->layers[l];
        const oc_node_info *node = oc_model_get_node(t->runner.model, layer->node);
        host_cell(&table, "%zu", layer->node);
        host_cell(&table, "%.32s", node->name);
        host_cell(&table, "%s", node->op);
        host_cell(&table, "%zu", layer->n_nodes);
        host_cell(&table, "%zu", layer->n_tried);
        host_cell(&table, "%s", layer->rule);
        cell_ms(&table, layer->rule_ns);
        host_cell(&table, "%s", is_as_rule(layer) ? "-" : layer->choice);
        cell_chosen(&table, layer);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_whole(const oc_tune_info *info)
{
    char titles[] = "|>by the rule, ms|>chosen, ms|>gain";
    host_table table;
    host_table_init(&table, titles);
    host_cell(&table, "a whole run");
    cell_ms(&table, info->rule_ns);
    cell_ms(&table, info->ns);
    host_cell(&table, "%.2fx", info->gain);
    host_table_print(&table);
    host_table_fini(&table);
}

static size_t count_kept(const oc_tune_info *info)
{
    size_t count = 0;
    for (size_t l = 0; l < info->n_layers; l++)
        count += info->layers[l].is_kept;
    return count;
}

static void print_text(const task *t, const oc_tune_info *info)
{
    const char *folder = t->options->device.cache_dir;
    printf("%s on %s, %u compute unit%s\n\n", t->runner.info->name, info->device.name,
           info->device.compute_units, info->device.compute_units == 1 ? "" : "s");
    if (info->n_layers == 0) {
        printf("no layer has anything to choose on this device\n");
        return;
    }
    print_layers(t, info);
    putchar('\n');
    print_whole(info);
    if (info->n_left > 0)
        printf("\n%zu layers are left for another call\n", info->n_left);
    printf("\nkept for later starts: %zu of %zu layers%s%s\n", count_kept(info), info->n_layers,
           folder ? " in " : "", folder ? folder : " (--cache none)");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *layer_json(const task *t, const oc_tune_layer *layer)
{
    const oc_node_info *node = oc_model_get_node(t->runner.model, layer->node);
    json_t *object = host_json_object();
    host_json_put(object, "index", host_json_uint(layer->node));
    host_json_put(object, "name", host_json_text(node->name));
    host_json_put(object, "op", host_json_text(node->op));
    host_json_put(object, "nodes", host_json_uint(layer->n_nodes));
    host_json_put(object, "tried", host_json_uint(layer->n_tried));
    host_json_put(object, "rule", host_json_text(layer->rule));
    host_json_put(object, "choice", host_json_text(layer->choice));
    host_json_put(object, "was_kept", host_json_bool(layer->was_kept));
    host_json_put(object, "is_kept", host_json_bool(layer->is_kept));
    host_json_put(object, "rule_ns", host_json_number(layer->rule_ns));
    host_json_put(object, "ns", host_json_number(layer->ns));
    host_json_put(object, "gain", host_json_number(layer->gain));
    return object;
}

static void print_json(const task *t, const oc_tune_info *info)
{
    json_t *document = host_json_object();
    json_t *layers = host_json_list();
    json_t *whole = host_json_object();
    for (size_t l = 0; l < info->n_layers; l++)
        host_json_add(layers, layer_json(t, &info->layers[l]));
    host_json_put(whole, "rule_ns", host_json_number(info->rule_ns));
    host_json_put(whole, "ns", host_json_number(info->ns));
    host_json_put(whole, "gain", host_json_number(info->gain));
    host_json_put(document, "model", host_json_model(t->runner.info));
    host_json_put(document, "device", host_json_device(&info->device));
    host_json_put(document, "cache", host_json_text(t->options->device.cache_dir));
    host_json_put(document, "layers", layers);
    host_json_put(document, "left", host_json_uint(info->n_left));
    host_json_put(document, "run", whole);
    host_json_print(document);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int tune(task *t, const oc_log_sink *log)
{
    const tune_options *o = t->options;
    const oc_prepare_options prepare = host_prepare_options(&o->device, log);
    const oc_tune_options options = {.limit_ns = o->seconds * UINT64_C(1000000000),
                                     .is_again = o->is_again,
                                     .progress = on_progress};
    const oc_status status =
        oc_tune_run(t->runner.model, &prepare, &options, t->call->alloc, &t->tune);
    host_progress_end();
    return status == OC_OK ? HOST_OK : host_fail_library(t->call);
}

static int run(const host_call *call)
{
    const tune_options *options = call->options;
    const oc_log_sink log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_WARN);
    task t = {.call = call, .options = options};
    int status = host_runner_open(call, call->operand, &options->model, &t.runner);
    if (status == HOST_OK)
        status = tune(&t, &log);
    if (status == HOST_OK)
        (options->is_json ? print_json : print_text)(&t, oc_tune_get_info(t.tune));
    oc_tune_destroy(t.tune);
    host_runner_close(&t.runner);
    return status;
}

const host_command host_command_tune = {
    .name = "tune",
    .operand = "MODEL",
    .help = "measure how each layer is computed fastest here, and keep that for later starts",
    .notes = "Tune on an idle machine, with the --threads, --batch and --shape that the model "
             "will run with:\n"
             "what was measured holds for that device, that many threads and those shapes. "
             "Answers keep every\n"
             "bit; whoever starts later with the same --cache has the speed.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(tune_options),
    .run = run,
};
