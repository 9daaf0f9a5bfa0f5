/* SPDX-License-Identifier: Apache-2.0 */
/** Plans for models and from files. */
#include "oc_api.h"

#include "oc_plan.h"

/* The longest plan file that is read; a step names its values, so a large network's plan is long. */
#define PLAN_BYTES_MAX (16u << 20)

oc_status oc_plan_make(const oc_model *model, const char *cut, const oc_allocator *alloc,
                       oc_plan **plan)
{
    oc_cut made;
    if (!cut || strcmp(cut, "all-local") == 0)
        return oc_plan_make_local(model->graph, alloc, plan);
    OC_TRY(oc_cut_parse(model->graph, cut, alloc, &made));
    oc_status status = oc_plan_make_cut(model->graph, &made, alloc, plan);
    oc_cut_fini(&made);
    return status;
}

oc_status oc_plan_read(const char *path, const oc_model *model, const oc_allocator *alloc,
                       oc_plan **plan)
{
    oc_bytes yaml;
    OC_TRY(oc_file_slurp(path, PLAN_BYTES_MAX, alloc, &yaml));
    oc_status status = oc_plan_parse(model->graph, yaml, path, alloc, plan);
    oc_free(alloc, (void *)(uintptr_t)yaml.data);
    return status;
}

oc_status oc_plan_write(const oc_plan *plan, const char *path)
{
    oc_buf yaml;
    oc_buf_init(&yaml, plan->alloc);
    oc_status status = oc_plan_print(plan, &yaml);
    if (status == OC_OK)
        status = oc_file_replace(path, yaml.data, yaml.size);
    oc_buf_fini(&yaml);
    return status;
}
