/* SPDX-License-Identifier: Apache-2.0 */
/** Where the elements of a model's tensors lie. */
#include "onnx_data.h"

#include "import_common.h"
#include "oc_import.h"

#include <stdio.h>
#include <sys/stat.h>

void oc_onnx_data_init(oc_onnx_data *data, oc_graph *graph, oc_arena *scratch, oc_bytes bytes,
                       oc_file *file)
{
    *data = (oc_onnx_data){
        .graph = graph, .scratch = scratch, .bytes = bytes, .file = file, .size = bytes.size};
}

void oc_onnx_data_fini(oc_onnx_data *data)
{
    for (size_t i = 0; i < data->n_beside; i++)
        oc_file_unref(data->beside[i]);
    oc_free(data->graph->alloc, data->beside);
}

/* ---- paths ----------------------------------------------------------------------------------- */

#define PATH_BYTES 4096

/*
 * A model must not be able to read what does not lie beside it: no part of the path leads up or
 * elsewhere.
 */
static oc_status check_location(oc_bytes location)
{
    const char *text = (const char *)location.data;
    size_t part = 0;
    bool is_good = location.size > 0 && location.size < PATH_BYTES && text[0] != '/';
    for (size_t i = 0; i <= location.size && is_good; i++) {
        bool ends = i == location.size || text[i] == '/';
        if (!ends && text[i] == '\0')
            is_good = false;
        if (!ends)
            continue;
        is_good = is_good && !(i - part == 2 && memcmp(text + part, "..", 2) == 0);
        part = i + 1;
    }
    if (!is_good)
        return oc_fail(OC_E_FORMAT,
                       "external data at \"%.*s\": expected a path below the model's folder",
                       (int)OC_MIN(location.size, (size_t)200), location.size ? text : "");
    return OC_OK;
}

/* No part of the path below `folder` may be a symbolic link, which could lead out of it. */
static oc_status check_links(char *path, size_t folder)
{
    for (size_t i = folder; path[i]; i++) {
        struct stat info;
        char next = path[i + 1];
        if (next != '/' && next != '\0')
            continue;
        path[i + 1] = '\0';
        bool is_link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
        path[i + 1] = next;
        if (is_link)
            return oc_fail(OC_E_FORMAT, "external data at \"%s\": symbolic links are not followed",
                           path + folder);
    }
    return OC_OK;
}

/* The location as a path, in `path`. */
static oc_status find_path(const oc_onnx_data *data, oc_bytes location, char *path)
{
    const char *model = oc_file_path(data->file), *slash = strrchr(model, '/');
    size_t folder = slash ? (size_t)(slash - model) + 1 : 0;
    OC_TRY(check_location(location));
    if (folder + location.size >= PATH_BYTES)
        return oc_fail(OC_E_LIMIT, "external data: a path of %zu bytes", folder + location.size);
    memcpy(path, model, folder);
    memcpy(path + folder, location.data, location.size);
    path[folder + location.size] = '\0';
    return check_links(path, folder);
}

/* ---- files ----------------------------------------------------------------------------------- */

static oc_status add_file(oc_onnx_data *data, oc_file *file)
{
    const oc_limits *limits = &data->graph->limits;
    uint64_t size = oc_file_size(file);
    if (size > limits->model_bytes || data->size > limits->model_bytes - size)
        return oc_fail(OC_E_LIMIT, "%s: expected at most %llu bytes with the model, found %llu",
                       oc_file_path(file), (unsigned long long)limits->model_bytes,
                       (unsigned long long)(data->size + size));
    OC_TRY(oc_import_mix_file(data->graph, file));
    OC_TRY(oc_grow(data->graph->alloc, &data->beside, data->n_beside, &data->cap_beside,
                   sizeof(*data->beside)));
    data->beside[data->n_beside++] = oc_file_ref(file);
    data->size += size;
    return OC_OK;
}

/* The file at that location; it stays the data's. */
static oc_status find_file(oc_onnx_data *data, oc_bytes location, oc_file **file)
{
    char path[PATH_BYTES];
    OC_TRY(find_path(data, location, path));
    for (size_t i = 0; i < data->n_beside; i++)
        if (strcmp(oc_file_path(data->beside[i]), path) == 0) {
            *file = data->beside[i];
            return OC_OK;
        }
    OC_TRY(oc_file_open(path, data->graph->alloc, file));
    oc_status status = add_file(data, *file);
    oc_file_unref(*file);
    return status;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static oc_status external_constant(oc_onnx_data *data, const oc_onnx_tensor *tensor,
                                   const char *name, oc_id *value)
{
    const oc_onnx_external *at = &tensor->external;
    size_t size;
    oc_file *file;
    OC_TRY(oc_desc_bytes(&tensor->desc, &size));
    OC_TRY(find_file(data, at->location, &file));
    if (at->has_length && at->length != size)
        return oc_fail(OC_E_FORMAT, "expected %zu bytes of external data, found %llu", size,
                       (unsigned long long)at->length);
    if (at->offset > oc_file_size(file) || size > oc_file_size(file) - at->offset)
        return oc_fail(OC_E_FORMAT, "%s: expected %zu bytes from %llu on, found %llu in all",
                       oc_file_path(file), size, (unsigned long long)at->offset,
                       (unsigned long long)oc_file_size(file));
    return oc_graph_add_file(data->graph, name, &tensor->desc, file, at->offset, value);
}

oc_status oc_onnx_data_constant(oc_onnx_data *data, const oc_onnx_tensor *tensor, const char *name,
                                oc_id *value)
{
    oc_bytes bytes;
    bool is_in_file;
    if (tensor->is_external) {
        oc_status status = external_constant(data, tensor, name, value);
        return status == OC_OK ? OC_OK : oc_fail_in(status, "tensor \"%s\"", name);
    }
    OC_TRY(oc_onnx_tensor_bytes(tensor, data->scratch, &bytes, &is_in_file));
    if (is_in_file)
        return oc_imp_constant(data->graph, name, &tensor->desc, bytes, data->bytes, data->file,
                               value);
    return oc_graph_add_bytes(data->graph, name, &tensor->desc, bytes.data, value);
}
