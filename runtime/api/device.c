/* SPDX-License-Identifier: Apache-2.0 */
/** Devices, and models prepared for them. */
#include "oc_api.h"

#include "oc_device.h"

#include <stdio.h>

static void show_device(const oc_dev_info *from, oc_device_info *to)
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
        show_device(&found[i], &shown[i]);
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

oc_status oc_prepare(const oc_model *model, const oc_prepare_options *options,
                     const oc_allocator *alloc, oc_prepared **prepared)
{
    oc_prepared *p = NULL;
    oc_prepare_options all = options ? *options : (oc_prepare_options){0};
    oc_dev_options dev = {.threads = all.threads, .kernel_dir = all.kernel_dir, .log = all.log};
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, p));
    p->alloc = alloc;
    p->model = model;
    oc_status status = oc_dev_open(all.device, &dev, alloc, &p->dev);
    if (status == OC_OK)
        status = oc_exec_create(model->graph, p->dev, NULL, all.progress, all.progress_ctx, alloc,
                                &p->exec);
    if (status != OC_OK) {
        oc_prepared_destroy(p);
        return status;
    }
    show_device(&p->dev->info, &p->device);
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

uint64_t oc_prepared_weight_bytes(const oc_prepared *prepared)
{
    return oc_exec_weight_bytes(prepared->exec);
}
