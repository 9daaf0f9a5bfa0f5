/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut profile MODEL`: measures every node, here and on a worker, and writes it as YAML. */
#include "json.h"
#include "log.h"
#include "runner.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MAX 2
#define SLOWEST 10 /* nodes of the table */

typedef struct profile_options {
    const char *worker, *output;
    host_device_options device;
    host_model_options model;
    uint32_t repeat;
    bool is_json, is_verbose;
} profile_options;

#define FIELD(name_) .offset = offsetof(profile_options, name_)

static const host_option rows[] = {
    HOST_DEVICE_ROWS(profile_options, device),
    HOST_MODEL_ROWS(profile_options, model),
    {.name = "worker",
     .value = "HOST:PORT",
     .type = HOST_TEXT,
     FIELD(worker),
     .help = "measure the nodes on this worker too"},
    {.name = "repeat",
     .value = "N",
     .type = HOST_UINT,
     FIELD(repeat),
     .min = 1,
     .max = 101,
     .initial = "5",
     .help = "measure N runs here (or rows of short ones): the median counts"},
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .type = HOST_TEXT,
     FIELD(output),
     .help = "write the times there, as YAML, whole or not at all (for: offcut run --profile)"},
    {.name = "json", FIELD(is_json), .help = "one JSON document with every node"},
    {.name = "verbose", FIELD(is_verbose), .help = "log on stderr"},
};

/* What one site showed, copied. */
typedef struct measured {
    char *role, *device, *driver;
    uint32_t threads;
    double *node_ns, total_ns;
    size_t n_nodes; /* that were measured */
} measured;

typedef struct task {
    const host_call *call;
    const profile_options *options;
    host_runner runner;
    measured sites[SITES_MAX];
    size_t n_sites;
} task;

/* ---- while it is measured -------------------------------------------------------------------- */

static void on_progress(void *ctx, size_t done, size_t total, const char *node)
{
    const task *t = ctx;
    host_progress(t->n_sites == 0 ? "measuring runs" : "measuring nodes of the worker", done, total,
                  node);
}

static void on_site(void *ctx, const oc_profile_info *info)
{
    task *t = ctx;
    size_t count = t->runner.info->n_nodes;
    if (t->n_sites == SITES_MAX)
        return;
    measured *site = &t->sites[t->n_sites++];
    *site = (measured){.role = host_text("%s", info->role),
                       .device = host_text("%s", info->device),
                       .driver = host_text("%s", info->driver),
                       .threads = info->threads,
                       .node_ns = host_alloc(count, sizeof(*site->node_ns))};
    memcpy(site->node_ns, info->node_ns, count * sizeof(*site->node_ns));
    for (size_t n = 0; n < count; n++) {
        if (isnan(site->node_ns[n]))
            continue;
        site->total_ns += site->node_ns[n];
        site->n_nodes++;
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

/* A node with its time at the site by which nodes are sorted. */
typedef struct ranked {
    size_t node;
    double ns;
} ranked;

static int slowest_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->ns < y->ns || x->ns > y->ns)
        return x->ns < y->ns ? 1 : -1;
    return (x->node > y->node) - (x->node < y->node);
}

static ranked *rank(const task *t)
{
    size_t count = t->runner.info->n_nodes;
    ranked *list = host_alloc(count, sizeof(*list));
    for (size_t n = 0; n < count; n++) {
        double ns = t->sites[0].node_ns[n];
        list[n] = (ranked){.node = n, .ns = isnan(ns) ? -1 : ns};
    }
    qsort(list, count, sizeof(*list), slowest_first);
    return list;
}

static void cell_time(host_table *table, double ns)
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", isnan(ns) ? "-" : host_ms_text((uint64_t)ns, text));
}

static void cell_share(host_table *table, double ns, double total_ns)
{
    if (isnan(ns) || total_ns <= 0)
        host_cell(table, "-");
    else
        host_cell(table, "%.1f%%", 100 * ns / total_ns);
}

static void print_slowest(const task *t)
{
    host_table table;
    char one[] = ">index|node|operator|>ms|>share";
    char both[] = ">index|node|operator|>ms|>share|>worker ms|>share";
    size_t count = t->runner.info->n_nodes;
    ranked *list = rank(t);
    host_table_init(&table, t->n_sites > 1 ? both : one);
    for (size_t i = 0; i < count && i < SLOWEST; i++) {
        const oc_node_info *node = oc_model_get_node(t->runner.model, list[i].node);
        host_cell(&table, "%zu", list[i].node);
        host_cell(&table, "%s", node->name);
        host_cell(&table, "%s", node->op);
        for (size_t s = 0; s < t->n_sites; s++) {
            cell_time(&table, t->sites[s].node_ns[list[i].node]);
            cell_share(&table, t->sites[s].node_ns[list[i].node], t->sites[s].total_ns);
        }
    }
    printf("\nslowest nodes%s\n", t->n_sites > 1 ? " of the edge" : "");
    host_table_print(&table);
    host_table_fini(&table);
    free(list);
}

static void print_sites(const task *t)
{
    host_table table;
    char titles[] = "site|>nodes|>total ms|device|driver";
    host_table_init(&table, titles);
    for (size_t s = 0; s < t->n_sites; s++) {
        const measured *site = &t->sites[s];
        host_cell(&table, "%s", site->role);
        host_cell(&table, "%zu", site->n_nodes);
        cell_time(&table, site->total_ns);
        host_cell(&table, "%.48s", site->device); /* some drivers write a book; JSON has it all */
        host_cell(&table, "%.48s", site->driver);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_text(const task *t)
{
    printf("%s: %zu nodes\n\n", t->runner.info->name, t->runner.info->n_nodes);
    print_sites(t);
    print_slowest(t);
    if (t->options->output)
        printf("\nwritten to %s\n", t->options->output);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *site_json(const task *t, const measured *site)
{
    json_t *object = host_json_object();
    json_t *nodes = host_json_list();
    for (size_t n = 0; n < t->runner.info->n_nodes; n++) {
        const oc_node_info *info = oc_model_get_node(t->runner.model, n);
        json_t *node = host_json_object();
        host_json_put(node, "name", host_json_text(info->name));
        host_json_put(node, "op", host_json_text(info->op));
        host_json_put(node, "ns", host_json_number(site->node_ns[n])); /* null: not measured */
        host_json_add(nodes, node);
    }
    host_json_put(object, "role", host_json_text(site->role));
    host_json_put(object, "device", host_json_text(site->device));
    host_json_put(object, "driver", host_json_text(site->driver));
    host_json_put(object, "threads", host_json_uint(site->threads));
    host_json_put(object, "total_ns", host_json_number(site->total_ns));
    host_json_put(object, "nodes", nodes);
    return object;
}

static void print_json(const task *t)
{
    json_t *document = host_json_object();
    json_t *sites = host_json_list();
    for (size_t s = 0; s < t->n_sites; s++)
        host_json_add(sites, site_json(t, &t->sites[s]));
    host_json_put(document, "model", host_json_model(t->runner.info));
    host_json_put(document, "output", host_json_text(t->options->output));
    host_json_put(document, "sites", sites);
    host_json_print(document);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int measure(task *t, const oc_log_sink *log)
{
    const profile_options *o = t->options;
    const oc_prepare_options prepare = host_prepare_options(&o->device, log);
    const oc_profile_options profile = {.worker = o->worker,
                                        .repeats = o->repeat,
                                        .log = o->is_verbose ? log : NULL,
                                        .progress = on_progress,
                                        .progress_ctx = t,
                                        .on_site = on_site,
                                        .site_ctx = t};
    int status = host_runner_prepare(&t->runner, &prepare);
    if (status != HOST_OK)
        return status;
    oc_status result = oc_profile_write(t->runner.prepared, &profile, o->output);
    host_progress_end();
    if (result == OC_OK)
        return HOST_OK;
    return result == OC_E_IO && o->output ? host_fail_about(t->call, o->output)
                                          : host_fail_library(t->call);
}

static int run(const host_call *call)
{
    const profile_options *options = call->options;
    const oc_log_sink log = host_log_sink(call, options->is_verbose ? OC_LOG_DEBUG : OC_LOG_WARN);
    task t = {.call = call, .options = options};
    int status = host_runner_open(call, call->operand, &options->model, &t.runner);
    if (status == HOST_OK)
        status = host_model_spare(call, t.runner.model, "--output", options->output);
    if (status == HOST_OK)
        status = measure(&t, &log);
    if (status == HOST_OK)
        (options->is_json ? print_json : print_text)(&t);
    for (size_t s = 0; s < t.n_sites; s++) {
        free(t.sites[s].role);
        free(t.sites[s].device);
        free(t.sites[s].driver);
        free(t.sites[s].node_ns);
    }
    host_runner_close(&t.runner);
    return status;
}

const host_command host_command_profile = {
    .name = "profile",
    .operand = "MODEL",
    .help = "measure every node here and on a worker, for decisions about where to run",
    .notes =
        "Measure on an idle machine: what else runs counts as the nodes' time. A node's time is "
        "what it\n"
        "adds to a longer part; starting and waiting for the device are not in it.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(profile_options),
    .run = run,
};
