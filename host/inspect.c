/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut inspect MODEL`: its nodes, what they cost, and what would move at each cut. */
#include "json.h"
#include "model.h"
#include "table.h"

#include <stdio.h>

typedef struct inspect_options {
    host_model_options model;
    bool is_json;
} inspect_options;

static const host_option rows[] = {
    HOST_MODEL_ROWS(inspect_options, model),
    {.name = "json", .offset = offsetof(inspect_options, is_json), .help = "one JSON document"},
};

/* ---- text ------------------------------------------------------------------------------------ */

static void add_values(host_table *table, const char *what, const oc_value_info *list, size_t count)
{
    char shape[OC_SHAPE_TEXT];
    for (size_t i = 0; i < count; i++) {
        host_cell(table, "%s", what);
        host_cell(table, "%s %s %s", list[i].name, oc_dtype_name(list[i].desc.dtype),
                  oc_shape_print(&list[i].desc.shape, shape, sizeof(shape)));
    }
}

/* How the metadata says that pictures are normalised, where it does. */
static void add_norms(host_table *table, const oc_model_info *info)
{
    for (size_t i = 0; i < info->n_inputs; i++) {
        const oc_image_norm *norm = info->inputs[i].norm;
        for (int32_t c = 0; norm && c < norm->n; c++) {
            host_cell(table, c ? "" : "pictures");
            host_cell(table, "(pixel - %.9g) * %.9g", (double)norm->mean[c],
                      (double)norm->scale[c]);
        }
    }
}

static void print_head(const oc_model_info *info)
{
    host_table table;
    char titles[] = "|";
    char text[HOST_NUMBER_TEXT];
    char bound[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    host_cell(&table, "model");
    host_cell(&table, "%s (%s)", info->name, info->format);
    host_cell(&table, "digest");
    host_cell(&table, "%s", info->digest);
    add_values(&table, "input", info->inputs, info->n_inputs);
    add_norms(&table, info);
    add_values(&table, "output", info->outputs, info->n_outputs);
    host_cell(&table, "MACs");
    host_cell(&table, "%s", host_count_text(info->macs, text));
    host_cell(&table, "parameters");
    host_cell(&table, "%s (%s)", host_count_text(info->params, text),
              host_bytes_text(info->weight_bytes, bound));
    host_cell(&table, "arena");
    host_cell(&table, "%s (lower bound %s)", host_bytes_text(info->arena_bytes, text),
              host_bytes_text(info->arena_lower_bound, bound));
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_nodes(const oc_model *model, size_t count)
{
    host_table table;
    char titles[] = ">index|node|operator|output|>MACs|>parameters|>bytes read|>bytes written";
    char text[HOST_NUMBER_TEXT];
    char shape[OC_SHAPE_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < count; i++) {
        const oc_node_info *node = oc_model_get_node(model, i);
        host_cell(&table, "%zu", i);
        host_cell(&table, "%s", node->name);
        host_cell(&table, "%s", node->op);
        host_cell(&table, "%s", oc_shape_print(&node->outputs[0].desc.shape, shape, sizeof(shape)));
        host_cell(&table, "%s", host_count_text(node->macs, text));
        host_cell(&table, "%s", host_count_text(node->params, text));
        host_cell(&table, "%s", host_count_text(node->bytes_read, text));
        host_cell(&table, "%s", host_count_text(node->bytes_written, text));
    }
    printf("\nnodes, in the order of execution\n");
    host_table_print(&table);
    host_table_fini(&table);
}

static void add_cut(host_table *table, const oc_cut_info *cut)
{
    char text[HOST_NUMBER_TEXT];
    char shape[OC_SHAPE_TEXT];
    host_list values = {.total = cut->n_values};
    for (size_t v = 0; v < cut->n_values && v < HOST_LIST_MAX; v++)
        host_list_add(&values, "%s %s", cut->values[v]->name,
                      oc_shape_print(&cut->values[v]->desc.shape, shape, sizeof(shape)));
    host_cell(table, "%zu", cut->index);
    host_cell(table, "%s", host_count_text(cut->bytes, text));
    host_cell(table, "%s", host_list_text(&values));
}

/*
 * A cut may cross as many values as the network has nodes, so that all of them together are
 * many times the model: each is let go before the next one is made.
 */
static oc_status add_cuts(host_table *table, const oc_model *model, size_t count,
                          const oc_allocator *alloc)
{
    oc_status status = OC_OK;
    for (size_t i = 0; i < count && status == OC_OK; i++) {
        oc_cut_info *cut = NULL;
        status = oc_model_cut(model, i, alloc, &cut);
        if (status == OC_OK)
            add_cut(table, cut);
        oc_cut_info_free(cut, alloc);
    }
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *node_json(const oc_node_info *node)
{
    json_t *object = host_json_object();
    json_t *inputs = host_json_list();
    json_t *outputs = host_json_list();
    for (size_t i = 0; i < node->n_inputs; i++)
        host_json_add(inputs, host_json_text(node->inputs[i]));
    for (size_t i = 0; i < node->n_outputs; i++)
        host_json_add(outputs, host_json_desc(node->outputs[i].name, &node->outputs[i].desc));
    host_json_put(object, "name", host_json_text(node->name));
    host_json_put(object, "op", host_json_text(node->op));
    host_json_put(object, "numerics", host_json_text(node->numerics));
    host_json_put(object, "attrs", host_json_text(node->attrs));
    host_json_put(object, "inputs", inputs);
    host_json_put(object, "outputs", outputs);
    host_json_put(object, "macs", host_json_uint(node->macs));
    host_json_put(object, "params", host_json_uint(node->params));
    host_json_put(object, "bytes_read", host_json_uint(node->bytes_read));
    host_json_put(object, "bytes_written", host_json_uint(node->bytes_written));
    return object;
}

/* What the cut before this one listed: neighbours share most of their values, so also the JSON. */
typedef struct cut_list {
    const oc_value_info *values[HOST_LIST_MAX];
    json_t *descs[HOST_LIST_MAX]; /* the document's */
    size_t count;
} cut_list;

/* The value as JSON, with a reference of its own. */
static json_t *value_json(const cut_list *before, const oc_value_info *value)
{
    for (size_t i = 0; i < before->count; i++)
        if (before->values[i] == value)
            return json_incref(before->descs[i]);
    return host_json_desc(value->name, &value->desc);
}

static json_t *cut_json(const oc_cut_info *cut, cut_list *before)
{
    json_t *object = host_json_object();
    json_t *values = host_json_list();
    cut_list now = {.count = 0};
    for (; now.count < cut->n_values && now.count < HOST_LIST_MAX; now.count++) {
        now.values[now.count] = cut->values[now.count];
        now.descs[now.count] = value_json(before, cut->values[now.count]);
        host_json_add(values, now.descs[now.count]);
    }
    *before = now;
    host_json_put(object, "index", host_json_uint(cut->index));
    host_json_put(object, "bytes", host_json_uint(cut->bytes));
    host_json_put(object, "values_total", host_json_uint(cut->n_values));
    host_json_put(object, "values", values);
    return object;
}

static oc_status add_cuts_json(const oc_model *model, size_t count, const oc_allocator *alloc,
                               json_t *list)
{
    cut_list before = {.count = 0};
    oc_status status = OC_OK;
    for (size_t i = 0; i < count && status == OC_OK; i++) {
        oc_cut_info *cut = NULL;
        status = oc_model_cut(model, i, alloc, &cut);
        if (status == OC_OK)
            host_json_add(list, cut_json(cut, &before));
        oc_cut_info_free(cut, alloc);
    }
    return status;
}

static oc_status print_json(const oc_model *model, const oc_allocator *alloc)
{
    const oc_model_info *info = oc_model_get_info(model);
    json_t *document = host_json_object();
    json_t *nodes = host_json_list();
    json_t *cuts = host_json_list();
    for (size_t i = 0; i < info->n_nodes; i++)
        host_json_add(nodes, node_json(oc_model_get_node(model, i)));
    oc_status status = add_cuts_json(model, info->n_nodes + 1, alloc, cuts);
    host_json_put(document, "model", host_json_model(info));
    host_json_put(document, "nodes", nodes);
    host_json_put(document, "cuts", cuts);
    if (status == OC_OK)
        host_json_print(document);
    else
        json_decref(document);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Nothing is printed until nothing can fail any more. */
static oc_status print_text(const oc_model *model, const oc_allocator *alloc)
{
    const oc_model_info *info = oc_model_get_info(model);
    host_table cuts;
    char titles[] = ">cut|>bytes|values";
    host_table_init(&cuts, titles);
    oc_status status = add_cuts(&cuts, model, info->n_nodes + 1, alloc);
    if (status == OC_OK) {
        print_head(info);
        print_nodes(model, info->n_nodes);
        printf("\ncuts: cut N is before node N, and its values are what would move\n");
        host_table_print(&cuts);
    }
    host_table_fini(&cuts);
    return status;
}

static int run(const host_call *call)
{
    const inspect_options *options = call->options;
    oc_model *model = NULL;
    host_model read;
    int result = host_model_read(call, &options->model, &read);
    if (result == HOST_OK) {
        oc_status status = oc_model_open(call->operand, &read.options, call->alloc, &model);
        if (status == OC_OK)
            status = (options->is_json ? print_json : print_text)(model, call->alloc);
        result = status == OC_OK ? HOST_OK : host_fail_about(call, call->operand);
    }
    oc_model_destroy(model);
    host_model_free(&read);
    return result;
}

const host_command host_command_inspect = {
    .name = "inspect",
    .operand = "MODEL",
    .help = "show a model's nodes with their cost, and the bytes that would move at each cut",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(inspect_options),
    .run = run,
};
