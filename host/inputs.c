/* SPDX-License-Identifier: Apache-2.0 */
/** Files as a network's inputs: .npy as they are, pictures resized and normalised. */
#include "inputs.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- .npy ------------------------------------------------------------------------------------ */

/* Whether `found` is what the model wants, a batch axis of 1 perhaps missing. */
static bool fits(const oc_desc *wanted, const oc_desc *found)
{
    int32_t skip = wanted->shape.rank - found->shape.rank;
    if (wanted->dtype != found->dtype || skip < 0 || skip > 1 ||
        (skip == 1 && wanted->shape.dim[0] != 1))
        return false;
    for (int32_t i = 0; i < found->shape.rank; i++)
        if (found->shape.dim[i] != wanted->shape.dim[i + skip])
            return false;
    return true;
}

static int read_npy(const host_call *call, const char *path, const oc_value_info *input,
                    oc_tensor *tensor)
{
    char want[OC_SHAPE_TEXT];
    char have[OC_SHAPE_TEXT];
    if (oc_npy_read(path, NULL, call->alloc, tensor) != OC_OK)
        return host_fail_about(call, path);
    if (!fits(&input->desc, &tensor->desc))
        return host_fail(call, "%s: expected %s %s for input %s, found %s %s", path,
                         oc_dtype_name(input->desc.dtype),
                         oc_shape_print(&input->desc.shape, want, sizeof(want)), input->name,
                         oc_dtype_name(tensor->desc.dtype),
                         oc_shape_print(&tensor->desc.shape, have, sizeof(have)));
    tensor->desc = input->desc;
    return HOST_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static bool is_channels(int32_t dim)
{
    return dim == 1 || dim == 3;
}

static bool desc_is_8bit(const oc_desc *desc)
{
    return desc->dtype == OC_DTYPE_uint8 || desc->dtype == OC_DTYPE_int8;
}

/*
 * The input as a batch of one picture, and where its channels are. Returns in how many ways it can
 * be read as one: two, if both the second and the last axis may be its channels.
 */
static int picture_of(const oc_desc *input, oc_desc *picture, oc_image_layout *layout)
{
    *picture = *input;
    if (input->shape.rank == 3) {
        memmove(&picture->shape.dim[1], &picture->shape.dim[0], 3 * sizeof(int32_t));
        picture->shape.dim[0] = 1;
        picture->shape.rank = 4;
    }
    const int32_t *dim = picture->shape.dim;
    if (picture->shape.rank != 4 || dim[0] != 1)
        return 0;
    *layout = is_channels(dim[3]) ? OC_IMAGE_NHWC : OC_IMAGE_NCHW;
    return is_channels(dim[3]) + is_channels(dim[1]);
}

bool host_layout(const oc_model_info *info, oc_image_layout *layout)
{
    oc_desc picture;
    for (size_t i = 0; i < info->n_inputs; i++)
        if (picture_of(&info->inputs[i].desc, &picture, layout) == 1)
            return true;
    return false;
}

oc_image_filter host_filter(const oc_model_info *info)
{
    return strcmp(info->format, "tflite") == 0 ? OC_IMAGE_LINEAR : OC_IMAGE_FILTERED;
}

/* The picture in the target's size, in place of the one that was read. */
static oc_status resize(const host_call *call, const oc_desc *desc, oc_image_layout layout,
                        const host_normal *normal, oc_image *image)
{
    const int32_t *dim = desc->shape.dim + (layout == OC_IMAGE_NHWC ? 1 : 2);
    host_picture *kept = normal->picture;
    oc_image sized;
    oc_status status =
        normal->is_letterboxed
            ? oc_image_letterbox(image, dim[1], dim[0], normal->filter, call->alloc, &sized)
            : oc_image_resize(image, dim[1], dim[0], normal->filter, call->alloc, &sized);
    if (status != OC_OK)
        return status;
    if (kept && kept->image.pixels == image->pixels) {
        kept->is_letterboxed = normal->is_letterboxed;
        kept->place = oc_image_letterbox_place(image->width, image->height, dim[1], dim[0]);
    } else {
        oc_image_free(image, call->alloc);
    }
    *image = sized;
    return OC_OK;
}

static float number_at(const host_numbers *numbers, int32_t i, float absent)
{
    return numbers->count == 0 ? absent : numbers->v[numbers->count == 1 ? 0 : i];
}

/* The command line's numbers, else the model's own, else 0 to 1. */
static oc_image_norm norm_of(const host_normal *normal, const oc_image_norm *own)
{
    if (own && normal->mean.count == 0 && normal->scale.count == 0)
        return *own;
    oc_image_norm norm = {.n = normal->mean.count == 3 || normal->scale.count == 3 ? 3 : 1};
    for (int32_t i = 0; i < norm.n; i++) {
        norm.mean[i] = number_at(&normal->mean, i, 0.0f);
        norm.scale[i] = number_at(&normal->scale, i, 1.0f / 255.0f);
    }
    return norm;
}

/*
 * An 8-bit input takes samples as they are (int8: less 128), unless numbers are given: then what
 * they make of a sample is quantised as the input is. Models that say how samples become floats
 * mean their float form. NULL: as they are.
 */
static const oc_image_norm *norm_of_8bit(const oc_image_norm *norm, const host_normal *normal,
                                         const oc_quant *quant, oc_image_norm *made)
{
    if ((normal->mean.count == 0 && normal->scale.count == 0) || !quant)
        return NULL;
    *made = *norm;
    for (int32_t i = 0; i < norm->n; i++) {
        double scale = (double)norm->scale[i] / (double)quant->scale;
        made->scale[i] = (float)scale;
        made->mean[i] = (float)((double)norm->mean[i] - quant->zero_point / scale);
    }
    return made;
}

static int read_picture(const host_call *call, const char *path, const oc_value_info *input,
                        const host_normal *normal, oc_tensor *tensor)
{
    char shape[OC_SHAPE_TEXT];
    oc_desc desc;
    oc_image_layout layout = OC_IMAGE_NCHW;
    oc_image image = {.pixels = NULL};
    oc_image_norm norm = norm_of(normal, input->norm), quantised;
    const bool is_8bit = desc_is_8bit(&input->desc);
    const int readings = picture_of(&input->desc, &desc, &layout);
    if (readings > 1)
        return host_fail(call,
                         "%s: expected a .npy file, since input %s is %s, whose channels may come "
                         "first or last",
                         path, input->name,
                         oc_shape_print(&input->desc.shape, shape, sizeof(shape)));
    if (readings == 0 || (desc.dtype != OC_DTYPE_float32 && !is_8bit))
        return host_fail(
            call,
            "%s: expected a .npy file, since input %s is %s %s and no picture of 1 or 3 "
            "channels",
            path, input->name, oc_dtype_name(input->desc.dtype),
            oc_shape_print(&input->desc.shape, shape, sizeof(shape)));
    if (norm.n == 3 && desc.shape.dim[layout == OC_IMAGE_NHWC ? 3 : 1] != 3)
        return host_usage(call,
                          "--mean, --scale: expected one number, since input %s has one channel, "
                          "found three",
                          input->name);
    oc_status status = oc_image_read(path, NULL, call->alloc, &image);
    if (status == OC_OK && normal->picture && !normal->picture->image.pixels)
        normal->picture->image = image;
    /* A picture that is only stretched and filtered oc_image_to_tensor resizes itself. */
    if (status == OC_OK && (normal->is_letterboxed || normal->filter != OC_IMAGE_FILTERED))
        status = resize(call, &desc, layout, normal, &image);
    if (status == OC_OK)
        status = oc_image_to_tensor(
            &image, &desc, layout,
            is_8bit ? norm_of_8bit(&norm, normal, input->quant, &quantised) : &norm, call->alloc,
            tensor);
    if (!normal->picture || normal->picture->image.pixels != image.pixels)
        oc_image_free(&image, call->alloc);
    if (status != OC_OK)
        return host_fail_about(call, path);
    tensor->desc = input->desc;
    return HOST_OK;
}

/* ---- which file for which input -------------------------------------------------------------- */

static bool is_npy(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".npy") == 0;
}

int host_input_read(const host_call *call, const char *path, const oc_value_info *input,
                    const host_normal *normal, oc_tensor *tensor)
{
    if (!is_npy(path))
        return read_picture(call, path, input, normal, tensor);
    if (normal->mean.count || normal->scale.count)
        return host_usage(call, "--mean, --scale: expected a picture, found %s", path);
    return read_npy(call, path, input, tensor);
}

/*
 * The input that "NAME=FILE" names, else n_inputs; *path is the part after it. A name may hold a
 * '='.
 */
static size_t named_input(const oc_model_info *info, const char *text, const char **path)
{
    for (size_t i = 0; i < info->n_inputs; i++) {
        size_t length = strlen(info->inputs[i].name);
        if (strncmp(text, info->inputs[i].name, length) == 0 && text[length] == '=') {
            *path = text + length + 1;
            return i;
        }
    }
    *path = text;
    return info->n_inputs;
}

/* A text that names no input, where one must be named or where no such file exists. */
static int refuse_name(const host_runner *runner, const char *text)
{
    const oc_model_info *info = runner->info;
    host_list names = {.total = info->n_inputs};
    for (size_t i = 0; i < info->n_inputs; i++)
        host_list_add(&names, "%s", info->inputs[i].name);
    if (strchr(text, '=') && access(text, F_OK) != 0)
        return host_usage(runner->call,
                          "--input: %s has no input '%.*s' (its inputs: %s), and "
                          "there is no file '%s'",
                          info->name, (int)strcspn(text, "="), text, host_list_text(&names), text);
    return host_usage(runner->call,
                      "--input: expected NAME=FILE, since %s has %zu inputs (%s), found '%s'",
                      info->name, info->n_inputs, host_list_text(&names), text);
}

static int load_one(host_runner *runner, const char *text, const host_normal *normal)
{
    const oc_model_info *info = runner->info;
    const char *path;
    size_t i = named_input(info, text, &path);
    if (i == info->n_inputs) {
        if (info->n_inputs != 1 || (strchr(text, '=') && access(text, F_OK) != 0))
            return refuse_name(runner, text);
        i = 0;
    }
    if (runner->inputs[i].data)
        return host_usage(runner->call,
                          "--input: expected one file for input %s, found a second: %s",
                          info->inputs[i].name, path);
    return host_input_read(runner->call, path, &info->inputs[i], normal, &runner->inputs[i]);
}

int host_inputs_load(host_runner *runner, const host_texts *texts, const host_normal *normal)
{
    int status = HOST_OK;
    for (size_t i = 0; i < texts->count && status == HOST_OK; i++)
        status = load_one(runner, texts->items[i], normal);
    for (size_t i = 0; i < runner->info->n_inputs && status == HOST_OK; i++)
        if (!runner->inputs[i].data)
            status =
                texts->count == 0
                    ? host_usage(runner->call, "expected --input FILE, found none")
                    : host_usage(runner->call, "--input: expected %s=FILE as well, found none",
                                 runner->info->inputs[i].name);
    return status;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* G. Marsaglia, "Xorshift RNGs" (2003); the upper half, which is the better one. */
static uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* Others than these may be indices or flags: 0 and 1 are always right. */
static void fill_random(const oc_tensor *tensor, size_t bytes, uint64_t *state)
{
    const size_t size = oc_dtype_size(tensor->desc.dtype);
    const bool is_float = tensor->desc.dtype == OC_DTYPE_float32;
    uint8_t *at = tensor->data;
    for (size_t i = 0; i < bytes; i += size) {
        const uint32_t number = next_random(state);
        const float real = (float)(number >> 8) / (float)(1 << 23) - 1.0f;
        const bool is_half = tensor->desc.dtype == OC_DTYPE_float16;
        const uint16_t half = (uint16_t)(0x3800u | (number & 0x83ffu)); /* +-[0.5, 1) */
        memset(at + i, 0, size);
        if (is_float)
            memcpy(at + i, &real, sizeof(real));
        else if (is_half)
            memcpy(at + i, &half, sizeof(half));
        else
            at[i] = desc_is_8bit(&tensor->desc) ? (uint8_t)number : (uint8_t)(number & 1);
    }
}

int host_inputs_random(host_runner *runner, uint32_t seed)
{
    const oc_model_info *info = runner->info;
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)seed + 1);
    for (size_t i = 0; i < info->n_inputs; i++) {
        if (oc_tensor_alloc(&info->inputs[i].desc, runner->call->alloc, &runner->inputs[i]) !=
            OC_OK)
            return host_fail_about(runner->call, runner->path);
        fill_random(&runner->inputs[i], (size_t)info->inputs[i].bytes, &state);
    }
    return HOST_OK;
}
