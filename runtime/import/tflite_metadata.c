/* SPDX-License-Identifier: Apache-2.0 */
/** Source: metadata_schema.fbs of TensorFlow Lite Support. */
#include "tflite_metadata.h"

#include "import_common.h"
#include "zip.h"

#include <inttypes.h>
#include <math.h>

enum { META_NAME, META_DESCRIPTION, META_VERSION, META_SUBGRAPHS };
enum { SUBGRAPH_NAME, SUBGRAPH_DESCRIPTION, SUBGRAPH_INPUTS, SUBGRAPH_OUTPUTS };
enum {
    TENSOR_NAME,
    TENSOR_DESCRIPTION,
    TENSOR_DIMENSIONS,
    TENSOR_CONTENT,
    TENSOR_UNITS,
    TENSOR_STATS,
    TENSOR_FILES
};
enum { FILE_NAME, FILE_DESCRIPTION, FILE_TYPE };
enum { UNIT_TYPE, UNIT_OPTIONS };
enum { NORM_MEAN, NORM_STD };
#define UNIT_IS_NORMALIZATION 1 /* of the union ProcessUnitOptions */
#define FILE_IS_AXIS_LABELS 2   /* of the enum AssociatedFileType */

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

/* The tensors of the first subgraph's inputs or outputs. */
static oc_status open_tensors(oc_bytes metadata, unsigned slot, oc_flat_vector *tensors)
{
    oc_flat_table root, subgraph;
    oc_flat_vector subgraphs;
    if (metadata.size < 8 || memcmp(metadata.data + 4, "M001", 4) != 0)
        return oc_fail(OC_E_FORMAT, "metadata: expected the identifier M001 at offset 4");
    OC_TRY(oc_flat_root(metadata, &root));
    OC_TRY(oc_flat_list(&root, META_SUBGRAPHS, 4, &subgraphs));
    *tensors = (oc_flat_vector){.bytes = metadata};
    if (subgraphs.count == 0)
        return OC_OK;
    OC_TRY(oc_flat_table_of(&subgraphs, 0, &subgraph));
    return oc_flat_list(&subgraph, slot, 4, tensors);
}

oc_status oc_tflite_read_norms(oc_bytes metadata, oc_graph *graph)
{
    oc_flat_vector inputs;
    OC_TRY(open_tensors(metadata, SUBGRAPH_INPUTS, &inputs));
    for (uint32_t i = 0; i < OC_MIN(inputs.count, (uint32_t)graph->n_inputs); i++) {
        oc_flat_table tensor;
        OC_TRY(oc_flat_table_of(&inputs, i, &tensor));
        OC_TRY(read_tensor(&tensor, graph, graph->inputs[i]));
    }
    return OC_OK;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* Lines of a text, what is empty at its end left out. */
static size_t count_lines(oc_bytes text)
{
    size_t lines = 0, last = 0;
    for (size_t i = 0, begin = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '\n')
            continue;
        lines++;
        size_t length = i - begin - (i > begin && text.data[i - 1] == '\r');
        if (length > 0)
            last = lines;
        begin = i + 1;
    }
    return last;
}

static oc_status set_labels(oc_bytes text, size_t count, oc_arena *scratch, oc_graph *graph,
                            oc_id output)
{
    const char **names = NULL;
    size_t begin = 0;
    OC_TRY(OC_ARENA_ALLOC(scratch, count + 1, names));
    for (size_t line = 0; line < count; line++) {
        size_t end = begin;
        while (end < text.size && text.data[end] != '\n')
            end++;
        size_t length = end - begin - (end > begin && text.data[end - 1] == '\r');
        OC_TRY(oc_imp_text(scratch, (oc_bytes){text.data + begin, length}, &names[line]));
        begin = end + 1;
    }
    const oc_labels labels = {names, count};
    return oc_graph_set_labels(graph, output, &labels);
}

/*
 * What reading labels may cost in all: tables can share bytes, so that a small file asks for much. A
 * look at the directory costs LOOK_BYTES and the name, which is compared with others.
 */
enum { LABEL_BYTES = 16 << 20, LOOK_BYTES = 64 };

typedef struct labels_reader {
    oc_zip zip;
    oc_arena scratch;
    oc_graph *graph;
    uint64_t most, left; /* bytes of label files that may be read, and that still may */
} labels_reader;

static oc_status spend(labels_reader *r, uint64_t bytes)
{
    if (bytes > r->left)
        return oc_fail(OC_E_LIMIT,
                       "metadata: expected at most %" PRIu64 " bytes in files of labels, found more",
                       r->most);
    r->left -= bytes;
    return OC_OK;
}

/* The text of a file; empty where there is none of that name. */
static oc_status read_text(labels_reader *r, oc_bytes name, oc_bytes *text)
{
    *text = (oc_bytes){.data = NULL};
    OC_TRY(spend(r, LOOK_BYTES + (uint64_t)name.size));
    const oc_zip_entry *entry = oc_zip_find(&r->zip, name);
    if (!entry)
        return OC_OK;
    OC_TRY(spend(r, entry->size));
    return oc_zip_read(&r->zip, entry, &r->scratch, text);
}

static oc_status read_file_labels(labels_reader *r, const oc_flat_vector *files, oc_id output)
{
    size_t elems;
    OC_TRY(oc_shape_elems(&r->graph->values[output].desc.shape, &elems));
    for (uint32_t i = 0; i < files->count; i++) {
        oc_flat_table entry;
        oc_bytes name, text;
        uint8_t type;
        OC_TRY(oc_flat_table_of(files, i, &entry));
        OC_TRY(oc_flat_bytes(&entry, FILE_NAME, &name));
        OC_TRY(oc_flat_u8(&entry, FILE_TYPE, 0, &type));
        if (type != FILE_IS_AXIS_LABELS)
            continue;
        OC_TRY(read_text(r, name, &text));
        const size_t count = count_lines(text);
        if (count > 0 && count <= elems)
            return set_labels(text, count, &r->scratch, r->graph, output);
    }
    return OC_OK;
}

static oc_status read_all_labels(labels_reader *r, const oc_flat_vector *outputs)
{
    for (uint32_t i = 0; i < OC_MIN(outputs->count, (uint32_t)r->graph->n_outputs); i++) {
        oc_flat_table tensor;
        oc_flat_vector files;
        OC_TRY(oc_flat_table_of(outputs, i, &tensor));
        OC_TRY(oc_flat_list(&tensor, TENSOR_FILES, 4, &files));
        OC_TRY(read_file_labels(r, &files, r->graph->outputs[i]));
    }
    return OC_OK;
}

oc_status oc_tflite_read_labels(oc_bytes metadata, oc_bytes file, oc_graph *graph)
{
    labels_reader r = {.graph = graph};
    oc_flat_vector outputs;
    OC_TRY(open_tensors(metadata, SUBGRAPH_OUTPUTS, &outputs));
    r.most = r.left = OC_MIN((uint64_t)LABEL_BYTES, graph->limits.memory_bytes);
    oc_arena_init(&r.scratch, graph->alloc);
    oc_status status = oc_zip_open(file, &r.scratch, &r.zip);
    if (status == OC_OK)
        status = read_all_labels(&r, &outputs);
    oc_arena_fini(&r.scratch);
    return status;
}
