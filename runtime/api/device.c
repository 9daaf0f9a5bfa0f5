/* SPDX-License-Identifier: Apache-2.0 */
/** Devices, and models prepared for them. */
#include "oc_api.h"

#include "oc_device.h"

#include <inttypes.h>
#include <stdio.h>

void oc_show_device(const oc_dev_info *from, oc_device_info *to)
{
    snprintf(to->kind, sizeof(to->kind), "%s", from->type->name);
    snprintf(to->id, sizeof(to->id), "%s", from->id);
    snprintf(to->name, sizeof(to->name), "%s", from->name);
    snprintf(to->vendor, sizeof(to->vendor), "%s", from->vendor);
    snprintf(to->driver, sizeof(to->driver), "%s", from->driver);
    snprintf(to->why, sizeof(to->why), "%s", from->why);
    to->is_available = from->is_available;
    to->memory_bytes = from->memory_bytes;
    to->compute_units = from->compute_units;
}

oc_status oc_device_list(const oc_allocator *alloc, oc_device_info **list, size_t *count)
{
    oc_dev_info *found = NULL;
    oc_device_info *shown = NULL;
    size_t n;
    OC_TRY(oc_dev_list(alloc, &found, &n));
    oc_status status = OC_ALLOC(alloc, OC_MAX(n, (size_t)1), shown);
    for (size_t i = 0; status == OC_OK && i < n; i++)
        oc_show_device(&found[i], &shown[i]);
    oc_free(alloc, found);
    if (status != OC_OK)
        return status;
    *list = shown;
    *count = n;
    return OC_OK;
}

void oc_device_list_free(oc_device_info *list, const oc_allocator *alloc)
{
    oc_free(alloc, list);
}

/* ---- preparing ----------------------------------------------------------------------------- */

/* Say what was left out, and by how much it would not have fit. */
static oc_status tell_fit(const oc_prepared *p, uint64_t allowed, const oc_log_sink *log)
{
    const oc_graph *graph = p->model->graph;
    uint64_t needed = 0;
    if (!log || p->n_ready == graph->n_nodes)
        return OC_OK;
    OC_TRY(oc_exec_prefix_bytes(graph, p->n_ready + 1, p->alloc, &needed));
    oc_log(log, p->n_ready == 0 ? OC_LOG_WARN : OC_LOG_INFO,
           "%s: %zu of %zu nodes are prepared: %" PRIu64 " bytes are allowed, with node %s %" PRIu64
           " would be needed",
           graph->name, p->n_ready, graph->n_nodes, allowed, graph->nodes[p->n_ready].name, needed);
    return OC_OK;
}

/*
 * A prefix of no nodes is legal: everything is forwarded, and only a session without a worker has
 * nothing to run on.
 */
static oc_status prepare_nodes(oc_prepared *p, const oc_prepare_options *options)
{
    const oc_graph *graph = p->model->graph;
    bool *only = NULL;
    p->n_ready = graph->n_nodes;
    if (options->memory_bytes > 0)
        OC_TRY(oc_exec_prefix_fit(graph, options->memory_bytes, p->alloc, &p->n_ready));
    OC_TRY(tell_fit(p, options->memory_bytes, options->log));
    OC_TRY(OC_ALLOC(p->alloc, graph->n_nodes, only));
    for (size_t n = 0; n < p->n_ready; n++)
        only[n] = true;
    const oc_status status = oc_exec_create(graph, p->dev, only, options->progress,
                                            options->progress_ctx, p->alloc, &p->exec);
    oc_free(p->alloc, only);
    return status;
}

oc_status oc_open_device(const oc_prepare_options *options, const oc_allocator *alloc, oc_dev **dev)
{
    const oc_dev_options all = {.threads = options->threads,
                                .kernel_dir = options->kernel_dir,
                                .cache_dir = options->cache_dir,
                                .log = options->log};
    return oc_dev_open(options->device, &all, alloc, dev);
}

oc_status oc_prepare(const oc_model *model, const oc_prepare_options *options,
                     const oc_allocator *alloc, oc_prepared **prepared)
{
    oc_prepared *p = NULL;
    oc_prepare_options all = options ? *options : (oc_prepare_options){0};
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, p));
    p->alloc = alloc;
    p->model = model;
    p->threads = all.threads;
    oc_status status = oc_open_device(&all, alloc, &p->dev);
    if (status == OC_OK)
        status = prepare_nodes(p, &all);
    if (status != OC_OK) {
        oc_prepared_destroy(p);
        return status;
    }
    oc_show_device(&p->dev->info, &p->device);
    *prepared = p;
    return OC_OK;
}

void oc_prepared_destroy(oc_prepared *prepared)
{
    if (!prepared)
        return;
    oc_exec_destroy(prepared->exec);
    oc_dev_close(prepared->dev);
    oc_free(prepared->alloc, prepared);
}

const oc_device_info *oc_prepared_device(const oc_prepared *prepared)
{
    return &prepared->device;
}

size_t oc_prepared_node_count(const oc_prepared *prepared)
{
    return prepared->n_ready;
}

uint64_t oc_prepared_weight_bytes(const oc_prepared *prepared)
{
    return oc_exec_weight_bytes(prepared->exec);
}
