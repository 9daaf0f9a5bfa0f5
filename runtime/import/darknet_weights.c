/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A Darknet .weights file. Header: int32 major, minor, revision; then the number of pictures seen
 * in training, int32 before version 0.2 and int64 from then on. A version part above 1000 marks
 * files whose fully connected weights are transposed. Source: what Darknet writes.
 */
#include "darknet_weights.h"

#include "oc_import.h"

#include "oc_tensor.h"

static oc_status read_header(oc_dk_weights *w)
{
    uint8_t head[12];
    uint32_t version[3];
    const uint64_t size = oc_file_size(w->file);
    if (size < sizeof(head))
        return oc_fail(OC_E_FORMAT, "expected a header of 16 bytes at least, found %llu",
                       (unsigned long long)size);
    OC_TRY(oc_file_read(w->file, 0, head, sizeof(head)));
    for (size_t i = 0; i < OC_COUNT(version); i++) {
        OC_TRY(oc_bytes_u32((oc_bytes){head, sizeof(head)}, 4 * i, &version[i]));
        if (version[i] > 100000)
            return oc_fail(OC_E_FORMAT,
                           "offset %zu: expected a version number below 100000, found %u", 4 * i,
                           version[i]);
    }
    const bool is_new = version[0] * 10 + version[1] >= 2 && version[0] < 1000 && version[1] < 1000;
    w->is_transposed = version[0] > 1000 || version[1] > 1000;
    w->at = sizeof(head) + (is_new ? 8 : 4);
    if (size < w->at)
        return oc_fail(OC_E_FORMAT, "expected a header of %llu bytes, found %llu",
                       (unsigned long long)w->at, (unsigned long long)size);
    return OC_OK;
}

oc_status oc_dk_weights_open(oc_graph *graph, const char *path, oc_dk_weights *weights)
{
    *weights = (oc_dk_weights){.graph = graph};
    OC_TRY(oc_file_open(path, graph->alloc, &weights->file));
    const uint64_t size = oc_file_size(weights->file);
    if (size > graph->limits.model_bytes)
        return oc_fail(OC_E_LIMIT, "expected at most %llu bytes, found %llu",
                       (unsigned long long)graph->limits.model_bytes, (unsigned long long)size);
    OC_TRY(read_header(weights));
    /* The weights tell models of one .cfg apart. */
    return oc_import_mix_file(graph, weights->file);
}

void oc_dk_weights_close(oc_dk_weights *weights)
{
    if (weights->file)
        oc_file_unref(weights->file);
    weights->file = NULL;
}

oc_status oc_dk_weights_take(oc_dk_weights *w, const oc_imp *at, const char *what,
                             const oc_shape *shape, oc_id *value)
{
    const oc_desc desc = {.dtype = OC_DTYPE_float32, .shape = *shape};
    const uint64_t left = oc_file_size(w->file) - w->at;
    const char *name;
    size_t bytes;
    OC_TRY(oc_desc_bytes(&desc, &bytes));
    if (bytes > left) {
        char text[OC_SHAPE_TEXT];
        return oc_fail(OC_E_FORMAT,
                       "%s: the %s of layer %s: expected %zu bytes (%s) at offset %llu, found %llu",
                       oc_file_path(w->file), what, at->node, bytes,
                       oc_shape_print(shape, text, sizeof(text)), (unsigned long long)w->at,
                       (unsigned long long)left);
    }
    OC_TRY(oc_imp_sub(at, what, &name));
    OC_TRY(oc_graph_add_file(w->graph, name, &desc, w->file, w->at, value));
    w->at += bytes;
    return OC_OK;
}

oc_status oc_dk_weights_end(const oc_dk_weights *w)
{
    const uint64_t size = oc_file_size(w->file);
    if (w->at != size)
        return oc_fail(OC_E_FORMAT, "%s: expected %llu bytes for these layers, found %llu",
                       oc_file_path(w->file), (unsigned long long)w->at, (unsigned long long)size);
    return OC_OK;
}
