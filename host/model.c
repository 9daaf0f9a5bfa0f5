/* SPDX-License-Identifier: Apache-2.0 */
/** The options of every command that opens a model. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A copy of "NAME=REST" with the name cut off; *rest is what follows. A name may hold a '='. */
static char *cut_name(host_model *model, const char *text, char **rest)
{
    char *copy = host_text("%s", text);
    model->texts[model->n_texts++] = copy;
    *rest = strrchr(copy, '=');
    if (*rest)
        *(*rest)++ = '\0';
    return copy;
}

/* "1x3x224x224" */
static bool parse_shape(const char *text, oc_shape *shape)
{
    *shape = (oc_shape){.rank = 0};
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        long dim = strtol(at, &end, 10);
        if (errno || end == at || *at < '0' || *at > '9' || dim > INT32_MAX ||
            shape->rank == OC_RANK_MAX)
            return false;
        shape->dim[shape->rank++] = (int32_t)dim;
        at = end;
        if (*at != 'x')
            return *at == '\0';
    }
}

static int read_shapes(const host_call *call, const host_texts *texts, host_model *model)
{
    model->shapes = host_alloc(texts->count, sizeof(*model->shapes));
    for (size_t i = 0; i < texts->count; i++) {
        char *rest;
        model->shapes[i].name = cut_name(model, texts->items[i], &rest);
        if (!rest || !parse_shape(rest, &model->shapes[i].shape))
            return host_usage(call, "--shape: expected NAME=1x3x224x224, found '%s'",
                              texts->items[i]);
    }
    model->options.shapes = model->shapes;
    model->options.n_shapes = texts->count;
    return HOST_OK;
}

static int read_constants(const host_call *call, const host_texts *texts, host_model *model)
{
    model->constants = host_alloc(texts->count, sizeof(*model->constants));
    model->options.constants = model->constants;
    for (size_t i = 0; i < texts->count; i++) {
        char *rest;
        oc_named_tensor *constant = &model->constants[i];
        constant->name = cut_name(model, texts->items[i], &rest);
        if (!rest)
            return host_usage(call, "--const: expected NAME=FILE.npy, found '%s'", texts->items[i]);
        if (oc_npy_read(rest, &model->options.limits, call->alloc, &constant->tensor) != OC_OK)
            return host_fail_about(call, rest);
        model->options.n_constants++;
    }
    return HOST_OK;
}

int host_model_read(const host_call *call, const host_model_options *words, host_model *model)
{
    *model = (host_model){.alloc = call->alloc,
                          .options = {.weights = words->weights,
                                      .batch = (int32_t)words->batch,
                                      .numerics = words->numerics}};
    model->options.limits.model_bytes = words->model_bytes;
    model->options.limits.memory_bytes = words->memory_bytes;
    model->texts = host_alloc(words->shapes.count + words->constants.count, sizeof(*model->texts));
    int status = read_shapes(call, &words->shapes, model);
    return status == HOST_OK ? read_constants(call, &words->constants, model) : status;
}

int host_model_spare(const host_call *call, const oc_model *model, const char *option,
                     const char *path)
{
    return path && oc_model_check_output(model, option, path) != OC_OK ? host_fail_library(call)
                                                                       : HOST_OK;
}

void host_model_free(host_model *model)
{
    for (size_t i = 0; i < model->options.n_constants; i++)
        oc_tensor_free(&model->constants[i].tensor, model->alloc);
    for (size_t i = 0; i < model->n_texts; i++)
        free(model->texts[i]);
    free(model->texts);
    free(model->shapes);
    free(model->constants);
    *model = (host_model){.n_texts = 0};
}
