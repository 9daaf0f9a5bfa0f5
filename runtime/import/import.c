/* SPDX-License-Identifier: Apache-2.0 */
/** The registry of importers, and the one way in: oc_import. */
#include "oc_import.h"

#define HEAD_BYTES 4096

#define OC_IMPORTER(name_) extern const oc_importer oc_importer_##name_;
#include "importers.def"
#undef OC_IMPORTER

static const oc_importer *const importers[] = {
#define OC_IMPORTER(name_) &oc_importer_##name_,
#include "importers.def"
#undef OC_IMPORTER
};

const oc_importer *const *oc_importers(size_t *count)
{
    *count = OC_COUNT(importers);
    return importers;
}

/* The importer that is surest of the file, or NULL. */
static const oc_importer *choose(oc_bytes bytes, const char *path)
{
    const oc_importer *best = NULL;
    int certainty = 0;
    oc_bytes head = {.data = bytes.data, .size = OC_MIN(bytes.size, (size_t)HEAD_BYTES)};
    for (size_t i = 0; i < OC_COUNT(importers); i++) {
        int found = importers[i]->probe(head, path);
        if (found > certainty) {
            certainty = found;
            best = importers[i];
        }
    }
    return best;
}

/* "TensorFlow Lite ... (.tflite) or ONNX ... (.onnx)" */
static oc_status list_formats(oc_buf *text)
{
    for (size_t i = 0; i < OC_COUNT(importers); i++)
        OC_TRY(oc_buf_printf(text, "%s%s (%s)", i ? " or " : "", importers[i]->help,
                             importers[i]->extensions));
    return OC_OK;
}

static oc_status fail_unknown(oc_bytes bytes, const oc_allocator *alloc)
{
    oc_buf formats, found;
    oc_status status;
    if (bytes.size == 0)
        return oc_fail(OC_E_FORMAT, "expected a model, found an empty file");
    oc_buf_init(&formats, alloc);
    oc_buf_init(&found, alloc);
    OC_TRY_OUT(list_formats(&formats));
    for (size_t i = 0; i < OC_MIN(bytes.size, (size_t)8); i++)
        OC_TRY_OUT(oc_buf_printf(&found, " %02x", bytes.data[i]));
    status = oc_fail(OC_E_FORMAT, "expected %s, found a file that begins with%s", formats.data,
                     found.data);
out:
    oc_buf_fini(&formats);
    oc_buf_fini(&found);
    return status;
}

static oc_status digest_bytes(oc_bytes bytes, const oc_allocator *alloc, oc_digest *digest)
{
    oc_hash *hash = NULL;
    OC_TRY(oc_hash_create(alloc, &hash));
    oc_status status = oc_hash_put(hash, bytes.data, bytes.size);
    if (status == OC_OK)
        status = oc_hash_end(hash, digest);
    oc_hash_destroy(hash);
    return status;
}

/* "dir/lenet5.tflite" -> "lenet5" */
static oc_status graph_create(const char *path, const oc_limits *limits, const oc_allocator *alloc,
                              oc_graph **graph)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t size = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    oc_arena scratch;
    char *name = NULL;
    oc_arena_init(&scratch, oc_allocator_or_default(alloc));
    oc_status status = oc_arena_strdup(&scratch, base, size, &name);
    if (status == OC_OK)
        status = oc_graph_create(name, limits, alloc, graph);
    oc_arena_fini(&scratch);
    return status;
}

/* All of the file, through the handle that constants are read by later. */
static oc_status read_file(oc_file *file, const oc_limits *limits, const oc_allocator *alloc,
                           uint8_t **data, oc_bytes *bytes)
{
    uint64_t size = oc_file_size(file);
    if (size > limits->model_bytes || size > SIZE_MAX)
        return oc_fail(OC_E_LIMIT, "expected at most %llu bytes, found %llu",
                       (unsigned long long)limits->model_bytes, (unsigned long long)size);
    OC_TRY(OC_ALLOC(alloc, (size_t)size, *data));
    OC_TRY(oc_file_read(file, 0, *data, (size_t)size));
    *bytes = (oc_bytes){.data = *data, .size = (size_t)size};
    return OC_OK;
}

oc_status oc_import_mix(oc_graph *graph, oc_bytes bytes)
{
    oc_hash *hash = NULL;
    OC_TRY(oc_hash_create(graph->alloc, &hash));
    oc_status status = oc_hash_put(hash, &graph->source, sizeof(graph->source));
    if (status == OC_OK)
        status = oc_hash_put(hash, bytes.data, bytes.size);
    if (status == OC_OK)
        status = oc_hash_end(hash, &graph->source);
    oc_hash_destroy(hash);
    return status;
}

static oc_status put_file(oc_hash *hash, oc_file *file, uint8_t *piece, size_t piece_bytes)
{
    uint64_t size = oc_file_size(file);
    for (uint64_t at = 0; at < size; at += piece_bytes) {
        size_t count = (size_t)OC_MIN(size - at, (uint64_t)piece_bytes);
        OC_TRY(oc_file_read(file, at, piece, count));
        OC_TRY(oc_hash_put(hash, piece, count));
    }
    return OC_OK;
}

oc_status oc_import_mix_file(oc_graph *graph, oc_file *file)
{
    const size_t piece_bytes = 1u << 20;
    oc_hash *hash = NULL;
    uint8_t *piece = NULL;
    oc_digest digest;
    oc_status status = OC_ALLOC(graph->alloc, piece_bytes, piece);
    if (status == OC_OK)
        status = oc_hash_create(graph->alloc, &hash);
    if (status == OC_OK)
        status = put_file(hash, file, piece, piece_bytes);
    if (status == OC_OK)
        status = oc_hash_end(hash, &digest);
    oc_hash_destroy(hash);
    oc_free(graph->alloc, piece);
    OC_TRY(status);
    OC_TRY(oc_graph_hold_file(graph, file));
    return oc_import_mix(graph, (oc_bytes){digest.bytes, sizeof(digest.bytes)});
}

/* ---- options that mean nothing ---------------------------------------------------------------- */

/* What the format cannot do, and names given twice, are refused, not overlooked. */
static oc_status check_options(const oc_model_options *o, const oc_importer *importer)
{
    if (o->weights && !importer->has_weights_file)
        return oc_fail(OC_E_ARG, "weights: a model of the format %s has no such file, found %s",
                       importer->name, o->weights);
    if (o->n_constants > 0 && !importer->has_constants)
        return oc_fail(OC_E_UNSUPPORTED,
                       "constant \"%s\": no input of a model of the format %s can be made one",
                       o->constants[0].name, importer->name);
    for (size_t i = 0; i < o->n_shapes; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(o->shapes[i].name, o->shapes[k].name) == 0)
                return oc_fail(OC_E_ARG, "shape of \"%s\": expected one, found a second",
                               o->shapes[i].name);
    for (size_t i = 0; i < o->n_constants; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(o->constants[i].name, o->constants[k].name) == 0)
                return oc_fail(OC_E_ARG, "constant \"%s\": expected one, found a second",
                               o->constants[i].name);
    return OC_OK;
}

/* The same for names that no input has; which of them became constants, their importer has seen. */
static oc_status check_names(const oc_model_options *o, const oc_importer *importer,
                             const oc_graph *graph)
{
    for (size_t i = 0; i < o->n_shapes && !importer->has_constants; i++) {
        bool is_input = false;
        for (size_t k = 0; k < graph->n_inputs && !is_input; k++)
            is_input = strcmp(graph->values[graph->inputs[k]].name, o->shapes[i].name) == 0;
        if (!is_input)
            return oc_fail(OC_E_NOTFOUND, "a shape is given for \"%s\", which is no input",
                           o->shapes[i].name);
    }
    return OC_OK;
}

/* ---- the importer's word ---------------------------------------------------------------------- */

/* Tables and documents say what a format can bring: so it has to be. */
static oc_status check_makes(const oc_importer *importer, const oc_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const oc_node *node = &graph->nodes[i];
        const oc_op *const *op = importer->makes;
        while (*op && *op != node->op)
            op++;
        if (*op == NULL)
            return oc_fail(OC_E_INTERNAL,
                           "%s: the importer of %s made a %s, expected one of those that its row "
                           "names",
                           node->name, importer->name, node->op->name);
    }
    return OC_OK;
}

static oc_status import_source(const oc_import_source *source, oc_graph *graph)
{
    const oc_bytes bytes = source->bytes;
    const oc_importer *importer = choose(bytes, oc_file_path(source->file));
    if (!importer)
        return fail_unknown(bytes, graph->alloc);
    graph->format = importer->name;
    OC_TRY(check_options(source->options, importer));
    OC_TRY(digest_bytes(bytes, graph->alloc, &graph->source));
    OC_TRY(importer->read(source, graph));
    OC_TRY(check_names(source->options, importer, graph));
    return check_makes(importer, graph);
}

oc_status oc_import(const char *path, const oc_model_options *options, const oc_allocator *alloc,
                    oc_graph **graph)
{
    static const oc_model_options none = {0};
    oc_status status;
    oc_file *file = NULL;
    uint8_t *data = NULL;
    oc_bytes bytes;
    oc_graph *made = NULL;
    options = options ? options : &none;
    const oc_limits all = oc_limits_or_default(&options->limits);
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(oc_file_open(path, alloc, &file));
    status = read_file(file, &all, alloc, &data, &bytes);
    if (status == OC_OK)
        status = graph_create(path, &all, alloc, &made);
    if (status == OC_OK)
        status = import_source(&(oc_import_source){bytes, file, options}, made);
    oc_free(alloc, data);
    oc_file_unref(file);
    if (status != OC_OK) {
        oc_graph_destroy(made);
        /* What fails in the file itself names it already. */
        return status == OC_E_IO ? status : oc_fail_in(status, "%s", path);
    }
    *graph = made;
    return OC_OK;
}
