/* SPDX-License-Identifier: Apache-2.0 */
/** The tables of operators and formats as the public sees them. */
#include "oc_api.h"

#include "oc_export.h"
#include "oc_import.h"
#include "oc_op_split.h"
#include "oc_ops.h"

#include <offcut/operators.h>

bool oc_operator_get(size_t index, oc_operator_info *info)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    if (index >= count)
        return false;
    const oc_op *op = ops[index];
    *info = (oc_operator_info){.name = op->name, .help = op->help, .numerics = op->numerics,
                               .more_numerics = op->more_numerics,
                               .types = op->types, .onnx_types = oc_export_types(op),
                               .on_reference = op->reference != NULL,
                               .on_opencl = op->launch != NULL || op->is_view,
                               .is_batchable = op->batch_axis != NULL,
                               .is_tileable = op->halo != NULL,
                               .is_view = op->is_view, .in_min = op->in_min,
                               .in_max = op->in_max, .n_out = op->n_out};
    return true;
}

oc_status oc_operator_splits(size_t index, const oc_allocator *alloc, oc_splits *splits)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    if (index >= count)
        return oc_fail(OC_E_ARG, "operator %zu: expected one below %zu", index, count);
    return oc_op_splits(ops[index], alloc, splits);
}

bool oc_format_get(size_t index, oc_format_info *info)
{
    size_t count;
    const oc_importer *const *importers = oc_importers(&count);
    if (index >= count)
        return false;
    *info = (oc_format_info){.name = importers[index]->name,
                             .extensions = importers[index]->extensions,
                             .help = importers[index]->help};
    return true;
}

const char *oc_format_operator(size_t format, size_t index)
{
    size_t count;
    const oc_importer *const *importers = oc_importers(&count);
    return format < count ? importers[format]->operator_name(index) : NULL;
}

const char *oc_format_makes(size_t format, size_t index)
{
    size_t count, i = 0;
    const oc_importer *const *importers = oc_importers(&count);
    if (format >= count)
        return NULL;
    while (i < index && importers[format]->makes[i])
        i++;
    return importers[format]->makes[i] ? importers[format]->makes[i]->name : NULL;
}
