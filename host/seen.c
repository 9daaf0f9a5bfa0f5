/* SPDX-License-Identifier: Apache-2.0 */
/** What a network saw in a picture: things with boxes, a class for every pixel. */
#include "seen.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>

/* Below it detectors guess; of two boxes that share so much one is a twin. Darknet's defaults. */
#define THRESHOLD 0.25f
#define OVERLAP 0.45f

bool host_is_detector(const oc_model_info *info)
{
    for (size_t i = 0; i < info->n_outputs; i++)
        if (info->outputs[i].detector)
            return true;
    return false;
}

/* A map of classes: [1,H,W,C] or [1,C,H,W] with several pixels either way. */
static const oc_value_info *find_map(const oc_model_info *info, oc_image_layout layout)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        const int32_t *dim = info->outputs[i].desc.shape.dim;
        const bool is_last = layout == OC_IMAGE_NHWC;
        if (info->outputs[i].desc.shape.rank == 4 && dim[0] == 1 && dim[is_last ? 1 : 2] > 1 &&
            dim[is_last ? 2 : 3] > 1 && dim[is_last ? 3 : 1] > 1)
            return &info->outputs[i];
    }
    return NULL;
}

static int check_share(const host_call *call, const char *name, const host_numbers *numbers)
{
    if (numbers->count > 1 || (numbers->count == 1 && !(numbers->v[0] >= 0 && numbers->v[0] <= 1)))
        return host_usage(call, "--%s: expected one number from 0 to 1", name);
    return HOST_OK;
}

static int check_labels(const host_call *call, const host_labels *labels, const oc_model_info *info)
{
    for (size_t i = 0; i < info->n_outputs && labels->count > 0; i++) {
        const oc_detector *detector = info->outputs[i].detector;
        if (detector && (size_t)detector->n_classes != labels->count)
            return host_fail(call, "%s: expected %d labels for output %s, found %zu", labels->path,
                             (int)detector->n_classes, info->outputs[i].name, labels->count);
    }
    return HOST_OK;
}

int host_seen_check(const host_call *call, const host_seen_options *o, const host_labels *labels,
                    const oc_model_info *info)
{
    if (o->draw && !host_is_detector(info))
        return host_usage(call, "--draw: expected a detector, but %s has no output of boxes",
                          info->name);
    oc_image_layout layout = OC_IMAGE_NCHW;
    if (o->mask && !host_layout(info, &layout))
        return host_usage(call,
                          "--mask: expected an input of pictures, which tells whether classes come "
                          "first or last, but %s has none of 1 or 3 channels on one side only",
                          info->name);
    if (o->mask && !find_map(info, layout))
        return host_usage(call,
                          "--mask: expected an output of classes for several pixels, but %s has "
                          "none",
                          info->name);
    int status = check_share(call, "threshold", &o->threshold);
    if (status == HOST_OK)
        status = check_share(call, "nms", &o->overlap);
    return status == HOST_OK ? check_labels(call, labels, info) : status;
}

/* ---- finding --------------------------------------------------------------------------------- */

static oc_status detect(const host_call *call, const host_seen_options *o, const oc_model_info *info,
                        const oc_tensor *outputs, const host_picture *picture, host_seen *seen)
{
    const oc_detector **detectors = host_alloc(info->n_outputs, sizeof(*detectors));
    oc_tensor *tensors = host_alloc(info->n_outputs, sizeof(*tensors));
    size_t count = 0;
    for (size_t i = 0; i < info->n_outputs; i++)
        if (info->outputs[i].detector) {
            detectors[count] = info->outputs[i].detector;
            tensors[count++] = outputs[i];
        }
    const oc_detect_options options = {
        .threshold = o->threshold.count ? o->threshold.v[0] : THRESHOLD,
        .overlap = o->overlap.count ? o->overlap.v[0] : OVERLAP,
        .width = picture->image.pixels ? picture->image.width : detectors[0]->input_w,
        .height = picture->image.pixels ? picture->image.height : detectors[0]->input_h,
        .place = picture->is_letterboxed ? &picture->place : NULL,
    };
    oc_status status = oc_detect(detectors, tensors, count, &options, call->alloc, &seen->detections);
    seen->has_detections = status == OC_OK;
    free(detectors);
    free(tensors);
    return status;
}

int host_seen_find(const host_call *call, const host_seen_options *o, const oc_model_info *info,
                   const oc_tensor *outputs, const host_picture *picture, host_seen *seen)
{
    *seen = (host_seen){.has_mask = false};
    if (host_is_detector(info) && detect(call, o, info, outputs, picture, seen) != OC_OK)
        return host_fail_library(call);
    oc_image_layout layout = OC_IMAGE_NCHW;
    const bool is_known = o->mask && host_layout(info, &layout);
    const oc_value_info *map = is_known ? find_map(info, layout) : NULL;
    if (!map)
        return HOST_OK;
    if (oc_mask_make(&outputs[map - info->outputs], layout, call->alloc, &seen->mask) != OC_OK)
        return host_fail_library(call);
    seen->has_mask = true;
    seen->masked = map->name;
    return HOST_OK;
}

void host_seen_free(const host_call *call, host_seen *seen)
{
    oc_detections_free(&seen->detections, call->alloc);
    oc_mask_free(&seen->mask, call->alloc);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static int write_picture(const host_call *call, const char *path, oc_status made, oc_image *image)
{
    if (made != OC_OK)
        return host_fail_about(call, path);
    oc_status status = oc_image_write_png(path, image, call->alloc);
    oc_image_free(image, call->alloc);
    return status == OC_OK ? HOST_OK : host_fail_about(call, path);
}

int host_seen_draw(const host_call *call, const host_seen_options *o, const host_seen *seen,
                   const host_picture *picture, const host_labels *labels)
{
    const oc_labels names = {(const char *const *)labels->lines, labels->count};
    const bool has_picture = picture->image.pixels != NULL;
    oc_image image = {0};
    int status = HOST_OK;
    if (o->draw)
        status = write_picture(
            call, o->draw,
            oc_detections_draw(&picture->image, &seen->detections, &names, call->alloc, &image), &image);
    if (o->mask && status == HOST_OK)
        status = write_picture(
            call, o->mask,
            oc_mask_draw(&seen->mask, has_picture ? picture->image.width : seen->mask.width,
                         has_picture ? picture->image.height : seen->mask.height, call->alloc,
                         &image),
            &image);
    return status;
}

/* ---- showing --------------------------------------------------------------------------------- */

static const char *label_of(const host_labels *labels, int32_t index)
{
    return (size_t)index < labels->count ? labels->lines[index] : "";
}

static void print_detections(const oc_detections *found, const host_labels *labels)
{
    host_table table;
    char titles[] = ">class|label|>score|>left|>top|>right|>bottom";
    printf("detections: %zu", found->count);
    if (found->n_left_out > 0)
        printf(" (of the best %d boxes; %zu weaker ones above the threshold were left out)",
               OC_DETECTIONS_MAX, found->n_left_out);
    putchar('\n');
    if (found->count == 0)
        return;
    host_table_init(&table, titles);
    for (size_t i = 0; i < found->count; i++) {
        const oc_detection *d = &found->items[i];
        host_cell(&table, "%d", (int)d->class_index);
        host_cell(&table, "%s", label_of(labels, d->class_index));
        host_cell(&table, "%.4f", (double)d->score);
        host_cell(&table, "%.1f", (double)d->left);
        host_cell(&table, "%.1f", (double)d->top);
        host_cell(&table, "%.1f", (double)d->right);
        host_cell(&table, "%.1f", (double)d->bottom);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

/* "#ff8000" */
static void colour_text(int32_t class_index, char text[8])
{
    uint8_t rgb[3];
    oc_class_colour(class_index, rgb);
    snprintf(text, 8, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

static double share_of(const oc_mask *mask, int32_t class_index)
{
    return (double)mask->pixels[class_index] / ((double)mask->width * mask->height);
}

static void print_mask(const host_seen *seen, const host_labels *labels)
{
    host_table table;
    char titles[] = ">class|label|colour|>share";
    printf("mask of %s:\n", seen->masked);
    host_table_init(&table, titles);
    for (int32_t c = 0; c < seen->mask.n_classes; c++) {
        char colour[8];
        if (seen->mask.pixels[c] == 0)
            continue;
        colour_text(c, colour);
        host_cell(&table, "%d", (int)c);
        host_cell(&table, "%s", label_of(labels, c));
        host_cell(&table, "%s", colour);
        host_cell(&table, "%.2f%%", 100 * share_of(&seen->mask, c));
    }
    host_table_print(&table);
    host_table_fini(&table);
}

void host_seen_print(const host_seen *seen, const host_labels *labels)
{
    if (seen->has_detections)
        print_detections(&seen->detections, labels);
    if (seen->has_mask)
        print_mask(seen, labels);
}

static json_t *class_json(int32_t class_index, const host_labels *labels)
{
    json_t *entry = host_json_object();
    host_json_put(entry, "class", host_json_uint((uint64_t)class_index));
    if (labels->count > 0)
        host_json_put(entry, "label", host_json_text(label_of(labels, class_index)));
    return entry;
}

static json_t *detections_json(const oc_detections *found, const host_labels *labels)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < found->count; i++) {
        const oc_detection *d = &found->items[i];
        json_t *entry = class_json(d->class_index, labels);
        host_json_put(entry, "score", host_json_number((double)d->score));
        host_json_put(entry, "left", host_json_number((double)d->left));
        host_json_put(entry, "top", host_json_number((double)d->top));
        host_json_put(entry, "right", host_json_number((double)d->right));
        host_json_put(entry, "bottom", host_json_number((double)d->bottom));
        host_json_add(list, entry);
    }
    return list;
}

static json_t *mask_json(const host_seen *seen, const host_labels *labels)
{
    json_t *document = host_json_object(), *list = host_json_list();
    host_json_put(document, "output", host_json_text(seen->masked));
    for (int32_t c = 0; c < seen->mask.n_classes; c++) {
        char colour[8];
        if (seen->mask.pixels[c] == 0)
            continue;
        json_t *entry = class_json(c, labels);
        colour_text(c, colour);
        host_json_put(entry, "colour", host_json_text(colour));
        host_json_put(entry, "share", host_json_number(share_of(&seen->mask, c)));
        host_json_add(list, entry);
    }
    host_json_put(document, "classes", list);
    return document;
}

void host_seen_json(const host_seen *seen, const host_labels *labels, json_t *document)
{
    if (seen->has_detections) {
        host_json_put(document, "detections", detections_json(&seen->detections, labels));
        host_json_put(document, "detections_left_out",
                      host_json_uint(seen->detections.n_left_out));
    }
    if (seen->has_mask)
        host_json_put(document, "mask", mask_json(seen, labels));
}
