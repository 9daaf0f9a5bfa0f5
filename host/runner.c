/* SPDX-License-Identifier: Apache-2.0 */
/** A model opened, prepared for a device, and a session with its tensors. */
#include "runner.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

static int open_model(const host_call *call, const char *path, const host_model_options *words,
                      oc_model **model)
{
    static const host_model_options none = {0};
    host_model read;
    int status = host_model_read(call, words ? words : &none, &read);
    if (status == HOST_OK && oc_model_open(path, &read.options, call->alloc, model) != OC_OK)
        status = host_fail_about(call, path);
    host_model_free(&read);
    return status;
}

int host_runner_open(const host_call *call, const char *path, const host_model_options *words,
                     host_runner *runner)
{
    *runner = (host_runner){.call = call, .path = path};
    int status = open_model(call, path, words, &runner->model);
    if (status != HOST_OK)
        return status;
    runner->info = oc_model_get_info(runner->model);
    runner->inputs = host_alloc(runner->info->n_inputs, sizeof(*runner->inputs));
    runner->outputs = host_alloc(runner->info->n_outputs, sizeof(*runner->outputs));
    return HOST_OK;
}

int host_runner_prepare(host_runner *runner, const oc_prepare_options *options)
{
    const oc_allocator *alloc = runner->call->alloc;
    oc_prepare_options shown = *options;
    shown.progress = host_prepare_progress;
    oc_status status = oc_prepare(runner->model, &shown, alloc, &runner->prepared);
    host_progress_end();
    for (size_t i = 0; i < runner->info->n_outputs && status == OC_OK; i++)
        status = oc_tensor_alloc(&runner->info->outputs[i].desc, alloc, &runner->outputs[i]);
    return status == OC_OK ? HOST_OK : host_fail_about(runner->call, runner->path);
}

static void disconnect(host_runner *runner)
{
    oc_session_destroy(runner->session);
    oc_plan_destroy(runner->plan);
    runner->session = NULL;
    runner->plan = NULL;
}

int host_runner_connect(host_runner *runner, const oc_session_options *options)
{
    disconnect(runner);
    runner->has_policy = options && options->policy;
    if (oc_session_create(runner->prepared, options, runner->call->alloc, &runner->session) !=
        OC_OK)
        return host_fail_about(runner->call, runner->path);
    return HOST_OK;
}

int host_runner_follow(host_runner *runner, oc_plan *plan)
{
    if (oc_session_set_plan(runner->session, plan) != OC_OK) {
        oc_plan_destroy(plan);
        return host_fail_about(runner->call, runner->path);
    }
    oc_plan_destroy(runner->plan);
    runner->plan = plan;
    return HOST_OK;
}

int host_runner_run(host_runner *runner, uint32_t repeat, oc_report *report)
{
    const oc_model_info *info = runner->info;
    for (uint32_t i = 0; i < repeat; i++) {
        oc_report now;
        if (oc_session_run(runner->session, runner->inputs, info->n_inputs, runner->outputs,
                           info->n_outputs, &now) != OC_OK)
            return host_fail_about(runner->call, runner->path);
        bool is_worse = now.fell_back && (i == 0 || !report->fell_back);
        bool is_quicker =
            i == 0 || (now.fell_back == report->fell_back && now.total_ns < report->total_ns);
        if (runner->has_policy || is_worse || is_quicker)
            *report = now;
    }
    return HOST_OK;
}

static void free_tensors(oc_tensor *tensors, size_t count, const oc_allocator *alloc)
{
    for (size_t i = 0; tensors && i < count; i++)
        oc_tensor_free(&tensors[i], alloc);
    free(tensors);
}

void host_runner_close(host_runner *runner)
{
    const oc_allocator *alloc = runner->call ? runner->call->alloc : NULL;
    disconnect(runner);
    oc_prepared_destroy(runner->prepared);
    if (runner->info) {
        free_tensors(runner->inputs, runner->info->n_inputs, alloc);
        free_tensors(runner->outputs, runner->info->n_outputs, alloc);
    }
    oc_model_destroy(runner->model);
    *runner = (host_runner){.call = NULL};
}

oc_tensor *host_outputs_copy(const host_runner *runner)
{
    size_t count = runner->info->n_outputs;
    oc_tensor *copy = host_alloc(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        size_t bytes = (size_t)runner->info->outputs[i].bytes;
        copy[i] = (oc_tensor){runner->outputs[i].desc, host_alloc(bytes, 1)};
        memcpy(copy[i].data, runner->outputs[i].data, bytes);
    }
    return copy;
}

void host_outputs_free(const host_runner *runner, oc_tensor *outputs)
{
    for (size_t i = 0; outputs && i < runner->info->n_outputs; i++)
        free(outputs[i].data);
    free(outputs);
}
