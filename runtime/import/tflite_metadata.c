/* SPDX-License-Identifier: Apache-2.0 */
/** Source: metadata_schema.fbs of TensorFlow Lite Support. */
#include "tflite_metadata.h"

#include <math.h>

enum { META_NAME, META_DESCRIPTION, META_VERSION, META_SUBGRAPHS };
enum { SUBGRAPH_NAME, SUBGRAPH_DESCRIPTION, SUBGRAPH_INPUTS };
enum { TENSOR_NAME, TENSOR_DESCRIPTION, TENSOR_DIMENSIONS, TENSOR_CONTENT, TENSOR_UNITS };
enum { UNIT_TYPE, UNIT_OPTIONS };
enum { NORM_MEAN, NORM_STD };
#define UNIT_IS_NORMALIZATION 1 /* of the union ProcessUnitOptions */

/* Float `index` of a list; a list of one counts for every channel. */
static oc_status float_of(const oc_flat_vector *list, uint32_t index, float *out)
{
    int32_t bits;
    OC_TRY(oc_flat_i32_of(list, list->count == 1 ? 0 : index, &bits));
    memcpy(out, &bits, sizeof(*out));
    return OC_OK;
}

static oc_status read_norm(const oc_flat_table *options, const char *name, oc_image_norm *norm)
{
    oc_flat_vector mean, std;
    OC_TRY(oc_flat_list(options, NORM_MEAN, 4, &mean));
    OC_TRY(oc_flat_list(options, NORM_STD, 4, &std));
    uint32_t n = OC_MAX(mean.count, std.count);
    if (mean.count == 0 || std.count == 0 || (n != 1 && n != 3))
        return oc_fail(OC_E_UNSUPPORTED,
                       "metadata of input \"%s\": expected 1 or 3 means and stds, found %u and %u",
                       name, mean.count, std.count);
    norm->n = (int32_t)n;
    for (uint32_t i = 0; i < n; i++) {
        float divisor;
        OC_TRY(float_of(&mean, i, &norm->mean[i]));
        OC_TRY(float_of(&std, i, &divisor));
        norm->scale[i] = 1.0f / divisor;
        if (!isfinite(norm->mean[i]) || !isfinite(norm->scale[i]))
            return oc_fail(OC_E_UNSUPPORTED, "metadata of input \"%s\": mean %g and std %g", name,
                           (double)norm->mean[i], (double)divisor);
    }
    return OC_OK;
}

static oc_status read_tensor(const oc_flat_table *tensor, oc_graph *graph, oc_id input)
{
    oc_flat_vector units;
    OC_TRY(oc_flat_list(tensor, TENSOR_UNITS, 4, &units));
    for (uint32_t i = 0; i < units.count; i++) {
        oc_flat_table unit, options;
        uint8_t type;
        oc_image_norm norm = {0};
        OC_TRY(oc_flat_table_of(&units, i, &unit));
        OC_TRY(oc_flat_u8(&unit, UNIT_TYPE, 0, &type));
        if (type != UNIT_IS_NORMALIZATION)
            continue;
        OC_TRY(oc_flat_child(&unit, UNIT_OPTIONS, &options));
        OC_TRY(read_norm(&options, graph->values[input].name, &norm));
        return oc_graph_set_norm(graph, input, &norm);
    }
    return OC_OK;
}

oc_status oc_tflite_read_norms(oc_bytes metadata, oc_graph *graph)
{
    oc_flat_table root, subgraph;
    oc_flat_vector subgraphs, inputs;
    if (metadata.size < 8 || memcmp(metadata.data + 4, "M001", 4) != 0)
        return oc_fail(OC_E_FORMAT, "metadata: expected the identifier M001 at offset 4");
    OC_TRY(oc_flat_root(metadata, &root));
    OC_TRY(oc_flat_list(&root, META_SUBGRAPHS, 4, &subgraphs));
    if (subgraphs.count == 0)
        return OC_OK;
    OC_TRY(oc_flat_table_of(&subgraphs, 0, &subgraph));
    OC_TRY(oc_flat_list(&subgraph, SUBGRAPH_INPUTS, 4, &inputs));
    for (uint32_t i = 0; i < OC_MIN(inputs.count, (uint32_t)graph->n_inputs); i++) {
        oc_flat_table tensor;
        OC_TRY(oc_flat_table_of(&inputs, i, &tensor));
        OC_TRY(read_tensor(&tensor, graph, graph->inputs[i]));
    }
    return OC_OK;
}
