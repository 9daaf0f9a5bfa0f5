/* SPDX-License-Identifier: Apache-2.0 */
/**
 * `offcut plan MODEL`: makes and verifies a plan, shows what it moves and needs, writes it as YAML.
 */
#include "json.h"
#include "model.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

typedef struct plan_options {
    const char *cut;
    const char *output;
    bool is_json;
    host_model_options model;
} plan_options;

static const host_option rows[] = {
    {.name = "cut",
     .value = "CUT",
     .type = HOST_TEXT,
     .offset = offsetof(plan_options, cut),
     .initial = "all-local",
     .help = "all-local, an INDEX (see: offcut inspect), or the names VALUE,..."},
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .type = HOST_TEXT,
     .offset = offsetof(plan_options, output),
     .help = "write the plan there, as YAML, whole or not at all"},
    HOST_MODEL_ROWS(plan_options, model),
    {.name = "json", .offset = offsetof(plan_options, is_json), .help = "one JSON document"},
};

static const char *kind_text(const oc_plan_step_info *step)
{
    return step->kind == OC_STEP_RUN ? "RUN" : "MOVE";
}

static const char *role_text(const oc_plan_site_info *site)
{
    return site->role == OC_SITE_EDGE ? "edge" : "worker";
}

/* ---- text ------------------------------------------------------------------------------------ */

/* "conv1 .. pool2 (4 nodes)", or the values that move. */
static void cell_what(host_table *table, const oc_plan_step_info *step)
{
    host_list values = {.total = step->n_takes};
    if (step->kind == OC_STEP_RUN) {
        host_cell(table, "%s .. %s", step->first_node, step->last_node);
        return;
    }
    for (size_t i = 0; i < step->n_takes && i < HOST_LIST_MAX; i++)
        host_list_add(&values, "%s", step->takes[i]);
    host_cell(table, "%s", host_list_text(&values));
}

static void print_steps(const oc_plan *plan)
{
    host_table table;
    char titles[] = ">step|kind|site|>nodes|>MACs|>bytes moved|what";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < oc_plan_step_count(plan); i++) {
        const oc_plan_step_info *step = oc_plan_step(plan, i);
        bool is_run = step->kind == OC_STEP_RUN;
        host_cell(&table, "%zu", i);
        host_cell(&table, "%s", kind_text(step));
        host_cell(&table, "%s%s%s", step->site, is_run ? "" : " -> ", is_run ? "" : step->to);
        host_cell(&table, "%s", is_run ? host_count_text(step->n_nodes, text) : "");
        host_cell(&table, "%s", is_run ? host_count_text(step->macs, text) : "");
        host_cell(&table, "%s", is_run ? "" : host_count_text(step->move_bytes, text));
        cell_what(&table, step);
    }
    printf("steps\n");
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_sites(const oc_plan *plan)
{
    host_table table;
    char titles[] = "site|role|>nodes|>MACs|>weight bytes|>arena bytes|>lower bound";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < oc_plan_site_count(plan); i++) {
        const oc_plan_site_info *site = oc_plan_site_get(plan, i);
        host_cell(&table, "%s", site->name);
        host_cell(&table, "%s", role_text(site));
        host_cell(&table, "%zu", site->n_nodes);
        host_cell(&table, "%s", host_count_text(site->macs, text));
        host_cell(&table, "%s", host_count_text(site->weight_bytes, text));
        host_cell(&table, "%s", host_count_text(site->arena_bytes, text));
        host_cell(&table, "%s", host_count_text(site->arena_lower_bound, text));
    }
    printf("\nmemory of each site%s\n",
           oc_plan_has_fallback(plan) && oc_plan_needs_worker(plan)
               ? "; the edge's is for the whole network, which it finishes if the worker fails"
               : "");
    host_table_print(&table);
    host_table_fini(&table);
    printf("  weight bytes are in the model's own layout; packed for a device they may be more\n");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *names_json(const char *const *names, size_t count)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < count; i++)
        host_json_add(list, host_json_text(names[i]));
    return list;
}

static json_t *step_json(const oc_plan_step_info *step)
{
    json_t *object = host_json_object();
    host_json_put(object, "kind", host_json_text(kind_text(step)));
    host_json_put(object, "site", host_json_text(step->site));
    if (step->kind == OC_STEP_MOVE) {
        host_json_put(object, "to", host_json_text(step->to));
        host_json_put(object, "values", names_json(step->takes, step->n_takes));
        host_json_put(object, "bytes", host_json_uint(step->move_bytes));
        return object;
    }
    host_json_put(object, "takes", names_json(step->takes, step->n_takes));
    host_json_put(object, "gives", names_json(step->gives, step->n_gives));
    host_json_put(object, "nodes", host_json_uint(step->n_nodes));
    host_json_put(object, "first_node", host_json_text(step->first_node));
    host_json_put(object, "last_node", host_json_text(step->last_node));
    host_json_put(object, "macs", host_json_uint(step->macs));
    return object;
}

static json_t *site_json(const oc_plan_site_info *site)
{
    json_t *object = host_json_object();
    host_json_put(object, "name", host_json_text(site->name));
    host_json_put(object, "role", host_json_text(role_text(site)));
    host_json_put(object, "nodes", host_json_uint(site->n_nodes));
    host_json_put(object, "macs", host_json_uint(site->macs));
    host_json_put(object, "weight_bytes", host_json_uint(site->weight_bytes));
    host_json_put(object, "arena_bytes", host_json_uint(site->arena_bytes));
    host_json_put(object, "arena_lower_bound", host_json_uint(site->arena_lower_bound));
    return object;
}

static void print_json(const oc_model_info *info, const oc_plan *plan)
{
    json_t *document = host_json_object();
    json_t *steps = host_json_list();
    json_t *sites = host_json_list();
    for (size_t i = 0; i < oc_plan_step_count(plan); i++)
        host_json_add(steps, step_json(oc_plan_step(plan, i)));
    for (size_t i = 0; i < oc_plan_site_count(plan); i++)
        host_json_add(sites, site_json(oc_plan_site_get(plan, i)));
    host_json_put(document, "model", host_json_text(info->name));
    host_json_put(document, "digest", host_json_text(info->digest));
    host_json_put(document, "plan", host_json_text(oc_plan_name(plan)));
    host_json_put(document, "fallback", host_json_bool(oc_plan_has_fallback(plan)));
    host_json_put(document, "steps", steps);
    host_json_put(document, "sites", sites);
    host_json_print(document);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int show(const host_call *call, const oc_model *model)
{
    const plan_options *options = call->options;
    oc_plan *plan = NULL;
    if (oc_plan_make(model, options->cut, call->alloc, &plan) != OC_OK)
        return host_fail_about(call, call->operand);
    int status = HOST_OK;
    if (options->output && oc_plan_write(plan, options->output) != OC_OK)
        status = host_fail_about(call, options->output);
    else if (options->is_json)
        print_json(oc_model_get_info(model), plan);
    else {
        printf("%s: %s\n\n", oc_model_get_info(model)->name, oc_plan_name(plan));
        print_steps(plan);
        print_sites(plan);
        if (options->output)
            printf("\nverified and written to %s\n", options->output);
    }
    oc_plan_destroy(plan);
    return status;
}

static int run(const host_call *call)
{
    const plan_options *options = call->options;
    oc_model *model = NULL;
    if (strcmp(options->cut, "every") == 0)
        return host_usage(call, "--cut: a plan has one cut, 'every' is for: offcut run");
    host_model read;
    int status = host_model_read(call, &options->model, &read);
    if (status == HOST_OK && oc_model_open(call->operand, &read.options, call->alloc, &model) != OC_OK)
        status = host_fail_about(call, call->operand);
    if (status == HOST_OK)
        status = host_model_spare(call, model, "--output", options->output);
    if (status == HOST_OK)
        status = show(call, model);
    oc_model_destroy(model);
    host_model_free(&read);
    return status;
}

const host_command host_command_plan = {
    .name = "plan",
    .operand = "MODEL",
    .help = "make and verify a plan, show what it moves and needs, write it as YAML",
    .notes =
        "Bytes are exact: 'bytes moved' is the payload without message headers, 'lower bound' the\n"
        "largest sum of values alive at once, below which no arena can be.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(plan_options),
    .run = run,
};
