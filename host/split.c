/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut split MODEL`: both sides of a cut as ONNX files, for any other runtime to serve. */
#include "model.h"
#include "table.h"

#include <stdio.h>

typedef struct split_options {
    const char *cut, *head, *tail;
    host_model_options model;
} split_options;

static const host_option rows[] = {
    HOST_MODEL_ROWS(split_options, model),
    {.name = "cut",
     .value = "CUT",
     .type = HOST_TEXT,
     .offset = offsetof(split_options, cut),
     .help = "the cut, by its index or its values' names (see: offcut inspect)"},
    {.name = "head",
     .value = "FILE",
     .type = HOST_TEXT,
     .offset = offsetof(split_options, head),
     .help = "where the nodes before the cut are written"},
    {.name = "tail",
     .value = "FILE",
     .type = HOST_TEXT,
     .offset = offsetof(split_options, tail),
     .help = "where the nodes behind it are written"},
};

static int check(const host_call *call, const split_options *o)
{
    const char *missing = !o->cut ? "cut" : !o->head ? "head" : !o->tail ? "tail" : NULL;
    return missing ? host_usage(call, "expected --%s", missing) : HOST_OK;
}

static int run(const host_call *call)
{
    const split_options *o = call->options;
    oc_model *model = NULL;
    host_model read;
    int status = check(call, o);
    if (status != HOST_OK)
        return status;
    status = host_model_read(call, &o->model, &read);
    if (status == HOST_OK && (oc_model_open(call->operand, &read.options, call->alloc, &model) != OC_OK ||
                              oc_model_split(model, o->cut, o->head, o->tail) != OC_OK))
        status = host_fail_about(call, call->operand);
    if (status == HOST_OK)
        printf("%s and %s: %s at cut %s\n", o->head, o->tail, call->operand, o->cut);
    host_model_free(&read);
    oc_model_destroy(model);
    return status;
}

const host_command host_command_split = {
    .name = "split",
    .operand = "MODEL",
    .help = "write both sides of a cut as ONNX files, for any other runtime to serve",
    .notes = "The head gives the values of the cut, under their own names; the tail takes them.\n"
             "A value of the cut that is an input of the model goes to the tail directly.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(split_options),
    .run = run,
};
