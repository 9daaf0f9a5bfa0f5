/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut operators`: what can be computed, and what of each format is understood; docs/operators.md is its output. */
#include "json.h"
#include "table.h"

#include <offcut/operators.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct operators_options {
    bool is_json, is_markdown;
} operators_options;

static const host_option rows[] = {
    {.name = "json",
     .offset = offsetof(operators_options, is_json),
     .help = "one JSON document"},
    {.name = "markdown",
     .offset = offsetof(operators_options, is_markdown),
     .help = "as docs/operators.md has it"},
};

/* ---- text and Markdown ------------------------------------------------------------------------ */

/* "float32, int8"; "all" for all. */
static const char *types_text(uint32_t types, char *text, size_t size)
{
    size_t used = 0;
    if (types == (UINT32_C(1) << OC_DTYPE_COUNT) - 1)
        return "all";
    for (int t = 0; t < OC_DTYPE_COUNT; t++)
        if (types >> t & 1 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     oc_dtype_name((oc_dtype)t));
    return text;
}

/* With which of its types an operator can be written as ONNX. */
static const char *onnx_text(const oc_operator_info *op, char *text, size_t size)
{
    if (op->onnx_types == 0)
        return "no";
    return op->onnx_types == op->types ? "yes" : types_text(op->onnx_types, text, size);
}

static bool makes(size_t format, const char *op)
{
    const char *name;
    for (size_t i = 0; (name = oc_format_makes(format, i)) != NULL; i++)
        if (strcmp(name, op) == 0)
            return true;
    return false;
}

/* "onnx, tflite": the formats whose networks may have the operator. */
static const char *formats_text(const oc_operator_info *op, char *text, size_t size)
{
    oc_format_info format;
    size_t used = 0;
    for (size_t i = 0; oc_format_get(i, &format); i++)
        if (makes(i, op->name) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     format.name);
    return used ? text : "none";
}

static const char *numerics_text(const oc_operator_info *op, char *text, size_t size)
{
    int used = snprintf(text, size, "%s", op->numerics ? op->numerics : "");
    for (const char *const *more = op->more_numerics; more && *more && (size_t)used < size; more++)
        used += snprintf(text + used, size - (size_t)used, ", %s", *more);
    return text;
}

static const char *devices_text(const oc_operator_info *op)
{
    if (op->is_view)
        return "all (no kernel)";
    return op->on_reference && op->on_opencl ? "reference, OpenCL"
           : op->on_reference                ? "reference"
                                             : "none";
}

static const char *const splits_names[] = {
    [OC_SPLITS_NO_WEIGHTS] = "no weights",
    [OC_SPLITS_NONE] = "no",
    [OC_SPLITS_SOME] = "some",
    [OC_SPLITS_ALL] = "yes",
};

/* Per operator of the table; freed by the caller. NULL, after saying why: it failed. */
static oc_splits *list_splits(const host_call *call)
{
    oc_operator_info op;
    size_t count = 0;
    while (oc_operator_get(count, &op))
        count++;
    oc_splits *splits = host_alloc(count, sizeof(*splits));
    for (size_t i = 0; i < count; i++)
        if (oc_operator_splits(i, call->alloc, &splits[i]) != OC_OK) {
            free(splits);
            host_fail_library(call);
            return NULL;
        }
    return splits;
}

static void print_text(void)
{
    host_table table;
    char titles[] = "operator|types of input 0|devices|arithmetic|to ONNX|what it does";
    oc_operator_info op;
    char text[100];
    host_table_init(&table, titles);
    for (size_t i = 0; oc_operator_get(i, &op); i++) {
        host_cell(&table, "%s", op.name);
        host_cell(&table, "%s", types_text(op.types, text, sizeof(text)));
        host_cell(&table, "%s", devices_text(&op));
        host_cell(&table, "%s", numerics_text(&op, text, sizeof(text)));
        host_cell(&table, "%s", onnx_text(&op, text, sizeof(text)));
        host_cell(&table, "%s", op.help);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

/* A bar would end the cell. */
static void print_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
    printf(" |");
}

static void print_operators(const oc_splits *splits)
{
    oc_operator_info op;
    char text[100];
    printf("| operator | formats | types of input 0 | devices | arithmetic | to ONNX | batchable | tileable "
           "| splittable | what it does |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; oc_operator_get(i, &op); i++) {
        printf("| `%s` | ", op.name);
        print_cell(formats_text(&op, text, sizeof(text)));
        printf(" ");
        print_cell(types_text(op.types, text, sizeof(text)));
        printf(" ");
        print_cell(devices_text(&op));
        printf(" ");
        print_cell(numerics_text(&op, text, sizeof(text)));
        printf(" ");
        print_cell(onnx_text(&op, text, sizeof(text)));
        printf(" ");
        print_cell(op.is_batchable ? "yes" : "no");
        printf(" ");
        print_cell(op.is_tileable ? "yes" : "no");
        printf(" ");
        print_cell(splits_names[splits[i]]);
        printf(" ");
        print_cell(op.help);
        printf("\n");
    }
}

/* Names separated by commas, in lines of at most 118 columns. */
static void print_names(size_t format)
{
    const char *name;
    size_t column = 0;
    for (size_t i = 0; (name = oc_format_operator(format, i)) != NULL; i++) {
        size_t length = strlen(name);
        if (i > 0)
            printf(column + length + 2 > 118 ? ",\n" : ", ");
        column = i > 0 && column + length + 2 <= 118 ? column + 2 + length : length;
        printf("%s", name);
    }
    printf(".\n");
}

static void print_markdown(const oc_splits *splits)
{
    oc_format_info format;
    printf("# Operators\n\n"
           "Made by `offcut operators --markdown` from the tables of the source; a test keeps it so.\n\n"
           "## What is computed\n\n"
           "Importers bring every model down to these. `formats`: whose models may become them; an\n"
           "importer that makes another fails. `types` are those of the first input; a node\n"
           "on all devices gives the same bits on each. How each kind of arithmetic rounds is said in\n"
           "the head of runtime/op/NAME.c. `to ONNX` is what `offcut split` can write. `batchable`:\n"
           "the calls of several requests can be one call, which gives each request the bits that it\n"
           "gets by itself. `tileable`: it is known which part of each input a part of the result comes\n"
           "from. `splittable`: a part of the result's channels, its last axis, needs only a part of the\n"
           "weights, the constant inputs of at least one element a channel, so that sites can divide the\n"
           "weights among them; `some`: in some of the forms that the operator is tested in. No operator\n"
           "has a gradient yet: nothing is trainable.\n\n");
    print_operators(splits);
    printf("\n## What is understood of each format\n");
    for (size_t i = 0; oc_format_get(i, &format); i++) {
        printf("\n### %s (%s)\n\n%s.\n\n", format.name, format.extensions, format.help);
        print_names(i);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static json_t *operator_json(const oc_operator_info *op, oc_splits splits)
{
    json_t *object = host_json_object(), *types = host_json_list(), *more = host_json_list();
    for (const char *const *name = op->more_numerics; name && *name; name++)
        host_json_add(more, host_json_text(*name));
    for (int t = 0; t < OC_DTYPE_COUNT; t++)
        if (op->types >> t & 1)
            host_json_add(types, host_json_text(oc_dtype_name((oc_dtype)t)));
    host_json_put(object, "name", host_json_text(op->name));
    host_json_put(object, "help", host_json_text(op->help));
    host_json_put(object, "types", types);
    host_json_put(object, "numerics", host_json_text(op->numerics));
    host_json_put(object, "more_numerics", more);
    host_json_put(object, "reference", host_json_bool(op->on_reference));
    host_json_put(object, "opencl", host_json_bool(op->on_opencl));
    host_json_put(object, "is_batchable", host_json_bool(op->is_batchable));
    host_json_put(object, "is_tileable", host_json_bool(op->is_tileable));
    host_json_put(object, "splittable", host_json_text(splits_names[splits]));
    host_json_put(object, "is_trainable", host_json_bool(false)); /* none has a gradient */
    host_json_put(object, "is_view", host_json_bool(op->is_view));
    return object;
}

static json_t *format_json(size_t index, const oc_format_info *format)
{
    json_t *object = host_json_object(), *names = host_json_list();
    const char *name;
    for (size_t i = 0; (name = oc_format_operator(index, i)) != NULL; i++)
        host_json_add(names, host_json_text(name));
    host_json_put(object, "name", host_json_text(format->name));
    host_json_put(object, "extensions", host_json_text(format->extensions));
    host_json_put(object, "help", host_json_text(format->help));
    host_json_put(object, "operators", names);
    return object;
}

static void print_json(const oc_splits *splits)
{
    json_t *document = host_json_object(), *operators = host_json_list();
    json_t *formats = host_json_list();
    oc_operator_info op;
    oc_format_info format;
    for (size_t i = 0; oc_operator_get(i, &op); i++)
        host_json_add(operators, operator_json(&op, splits[i]));
    for (size_t i = 0; oc_format_get(i, &format); i++)
        host_json_add(formats, format_json(i, &format));
    host_json_put(document, "operators", operators);
    host_json_put(document, "formats", formats);
    host_json_print(document);
}

static int run(const host_call *call)
{
    const operators_options *options = call->options;
    if (!options->is_json && !options->is_markdown) {
        print_text();
        return HOST_OK;
    }
    oc_splits *splits = list_splits(call);
    if (!splits)
        return HOST_FAILED;
    if (options->is_json)
        print_json(splits);
    else
        print_markdown(splits);
    free(splits);
    return HOST_OK;
}

const host_command host_command_operators = {
    .name = "operators",
    .help = "list the operators, and what of each model format is understood",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(operators_options),
    .run = run,
};
