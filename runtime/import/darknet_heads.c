/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Darknet layers that a network ends with: softmax and the three kinds of detectors, each with
 * what its forward pass does. What the numbers of a detector mean stands in offcut/vision.h.
 */
#include "darknet_layers.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#define ANCHORS_MAX 1024 /* numbers in a list of anchors */
#define CLASSES_MAX 100000

/* ---- softmax --------------------------------------------------------------------------------- */

/*
 * Over each of `groups` runs of the flattened input, of x / temperature. A temperature that devices
 * may take for 0 is none: the quotients would be another answer on each, mostly NaN.
 */
static oc_status convert_softmax(oc_dk_call *call)
{
    const oc_imp *at = &call->at;
    oc_id x;
    int32_t groups;
    float temperature;
    const char *name;
    OC_TRY(oc_dk_int(call->section, "groups", 1, 1, INT_MAX, &groups));
    OC_TRY(oc_dk_float(call->section, "temperature", 1.0f, &temperature));
    if (fabsf(temperature) < FLT_MIN)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [softmax] temperature: expected a size of %g and more, found %g",
                       call->section->line, (double)FLT_MIN, (double)temperature);
    OC_TRY(oc_dk_only(call->section, "spatial", 0));
    OC_TRY(oc_dk_in(call, OC_DK_FLAT, &x));
    const int32_t count = oc_imp_shape(at, x)->dim[1];
    if (count % groups != 0)
        return oc_fail(OC_E_FORMAT, "line %u: [softmax] groups: expected a divisor of %d, found %d",
                       call->section->line, count, groups);
    if (temperature != 1.0f)
        OC_TRY(oc_dk_by_number(at, "temperature", "div", x, temperature, &x));
    OC_TRY(oc_imp_sub(at, "groups", &name));
    OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){3, {call->net->n, groups, count / groups}}, &x));
    OC_TRY(oc_imp_sub(at, "softmax", &name));
    OC_TRY(oc_dk_softmax(at, name, x, 2, &x));
    OC_TRY(oc_imp_reshape(at, NULL, x, &(oc_shape){2, {call->net->n, count}}, &x));
    call->out = (oc_dk_map){.value = x, .form = OC_DK_FLAT, .c = count, .h = 1, .w = 1};
    return OC_OK;
}

/* ---- region and yolo ------------------------------------------------------------------------- */

/* Per anchor the planes x, y, w, h, objectness and the classes: [N,A,5+classes,H,W]. */
static oc_status view_anchors(oc_dk_call *call, int32_t anchors, int32_t classes, oc_id *x)
{
    const oc_dk_map *in = &call->in;
    const char *name;
    if ((int64_t)in->c != (int64_t)anchors * (5 + classes))
        return oc_fail(OC_E_FORMAT,
                       "line %u: [%s]: expected %lld channels in front of it (%d anchors of 5 + %d "
                       "classes), found %d",
                       call->section->line, call->section->type,
                       (long long)anchors * (5 + (long long)classes), anchors, classes, in->c);
    OC_TRY(oc_dk_in(call, OC_DK_NCHW, x));
    OC_TRY(oc_imp_sub(&call->at, "anchors", &name));
    return oc_imp_reshape(&call->at, name, *x,
                          &(oc_shape){5, {call->net->n, anchors, 5 + classes, in->h, in->w}}, x);
}

/* The planes [begin, end) of every anchor, through `fn` (NULL: as they are; "softmax": over them). */
static oc_status take_planes(const oc_imp *at, oc_id x, const char *what, int32_t begin,
                             int32_t end, const char *fn, oc_id *out)
{
    const char *name;
    OC_TRY(oc_imp_sub(at, what, &name));
    OC_TRY(oc_dk_slice(at, name, x, 2, begin, end, 1, out));
    if (!fn)
        return OC_OK;
    OC_TRY(oc_imp_join(at->scratch, name, fn, &name));
    if (strcmp(fn, "softmax") == 0)
        return oc_dk_softmax(at, name, *out, 2, out);
    return oc_imp_unary(at, name, fn, 0, 0, *out, out);
}

/* The planes back in one tensor, which is the layer's result. */
static oc_status join_planes(oc_dk_call *call, const oc_id *planes, size_t count)
{
    const oc_dk_map *in = &call->in;
    const char *name;
    oc_id x;
    OC_TRY(oc_imp_sub(&call->at, "planes", &name));
    OC_TRY(oc_dk_concat(&call->at, name, planes, count, 2, &x));
    OC_TRY(oc_imp_reshape(&call->at, NULL, x, &(oc_shape){4, {call->net->n, in->c, in->h, in->w}},
                          &x));
    call->out = (oc_dk_map){x, OC_DK_NCHW, in->c, in->h, in->w};
    return OC_OK;
}

static oc_status set_detector(oc_dk_call *call, oc_detector detector)
{
    detector.input_w = call->net->input.w;
    detector.input_h = call->net->input.h;
    return oc_graph_set_detector(call->at.graph, call->out.value, &detector);
}

/* `num` anchors of two numbers each. */
static oc_status read_anchors(const oc_dk_section *section, int32_t num, float *anchors)
{
    size_t count;
    OC_TRY(oc_dk_floats(section, "anchors", anchors, ANCHORS_MAX, &count));
    if (count != 2 * (size_t)num)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [%s] anchors: expected %d numbers (num=%d), found %zu",
                       section->line, section->type, 2 * num, num, count);
    return OC_OK;
}

static oc_status convert_region(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    int32_t num, classes;
    bool has_softmax;
    float anchors[ANCHORS_MAX];
    oc_id x, planes[4];
    OC_TRY(oc_dk_int(s, "num", 1, 1, ANCHORS_MAX / 2, &num));
    OC_TRY(oc_dk_int(s, "classes", 20, 1, CLASSES_MAX, &classes));
    OC_TRY(oc_dk_flag(s, "softmax", false, &has_softmax));
    OC_TRY(oc_dk_only(s, "coords", 4));
    OC_TRY(oc_dk_only(s, "background", 0));
    OC_TRY(read_anchors(s, num, anchors));
    OC_TRY(view_anchors(call, num, classes, &x));
    OC_TRY(take_planes(&call->at, x, "xy", 0, 2, "sigmoid", &planes[0]));
    OC_TRY(take_planes(&call->at, x, "wh", 2, 4, NULL, &planes[1]));
    OC_TRY(take_planes(&call->at, x, "objectness", 4, 5, "sigmoid", &planes[2]));
    OC_TRY(take_planes(&call->at, x, "classes", 5, 5 + classes, has_softmax ? "softmax" : "sigmoid",
                       &planes[3]));
    OC_TRY(join_planes(call, planes, 4));
    return set_detector(call, (oc_detector){.kind = OC_DETECTOR_REGION,
                                            .n_anchors = num,
                                            .n_classes = classes,
                                            .anchors = anchors,
                                            .scale_xy = 1});
}

/* The anchors that `mask` names, or all. */
static oc_status mask_anchors(const oc_dk_section *s, int32_t num, float *anchors, int32_t *n_used)
{
    int32_t mask[ANCHORS_MAX / 2];
    float all[ANCHORS_MAX];
    size_t count;
    OC_TRY(read_anchors(s, num, anchors));
    OC_TRY(oc_dk_ints(s, "mask", mask, OC_COUNT(mask), &count));
    *n_used = count ? (int32_t)count : num;
    memcpy(all, anchors, 2 * (size_t)num * sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        if (mask[i] < 0 || mask[i] >= num)
            return oc_fail(OC_E_FORMAT, "line %u: [yolo] mask: expected anchors 0 to %d, found %d",
                           s->line, num - 1, mask[i]);
        anchors[2 * i] = all[2 * mask[i]];
        anchors[2 * i + 1] = all[2 * mask[i] + 1];
    }
    return OC_OK;
}

static oc_status convert_yolo(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    int32_t num, used, classes;
    float anchors[ANCHORS_MAX], scale_xy;
    oc_id x, planes[3];
    OC_TRY(oc_dk_int(s, "num", 1, 1, ANCHORS_MAX / 2, &num));
    OC_TRY(oc_dk_int(s, "classes", 20, 1, CLASSES_MAX, &classes));
    OC_TRY(oc_dk_float(s, "scale_x_y", 1.0f, &scale_xy));
    OC_TRY(oc_dk_only(s, "new_coords", 0));
    OC_TRY(mask_anchors(s, num, anchors, &used));
    OC_TRY(view_anchors(call, used, classes, &x));
    OC_TRY(take_planes(&call->at, x, "xy", 0, 2, "sigmoid", &planes[0]));
    OC_TRY(take_planes(&call->at, x, "wh", 2, 4, NULL, &planes[1]));
    OC_TRY(take_planes(&call->at, x, "scores", 4, 5 + classes, "sigmoid", &planes[2]));
    OC_TRY(join_planes(call, planes, 3));
    return set_detector(call, (oc_detector){.kind = OC_DETECTOR_YOLO,
                                            .n_anchors = used,
                                            .n_classes = classes,
                                            .anchors = anchors,
                                            .scale_xy = scale_xy});
}

/* ---- detection ------------------------------------------------------------------------------- */

/* The classes of each cell come first in [N, S S (classes + num (1 + 4))]. */
static oc_status softmax_cells(oc_dk_call *call, int32_t cells, int32_t classes, oc_id *x)
{
    const oc_imp *at = &call->at;
    const int32_t n = call->net->n, count = oc_imp_shape(at, *x)->dim[1];
    const char *name;
    oc_id parts[2];
    OC_TRY(oc_imp_sub(at, "classes", &name));
    OC_TRY(oc_dk_slice(at, name, *x, 1, 0, cells * classes, 1, &parts[0]));
    OC_TRY(oc_imp_sub(at, "boxes", &name));
    OC_TRY(oc_dk_slice(at, name, *x, 1, cells * classes, count, 1, &parts[1]));
    OC_TRY(oc_imp_sub(at, "cells", &name));
    OC_TRY(oc_imp_reshape(at, name, parts[0], &(oc_shape){3, {n, cells, classes}}, &parts[0]));
    OC_TRY(oc_imp_sub(at, "softmax", &name));
    OC_TRY(oc_dk_softmax(at, name, parts[0], 2, &parts[0]));
    OC_TRY(oc_imp_sub(at, "scores", &name));
    OC_TRY(oc_imp_reshape(at, name, parts[0], &(oc_shape){2, {n, cells * classes}}, &parts[0]));
    return oc_dk_concat(at, NULL, parts, 2, 1, x);
}

static oc_status convert_detection(oc_dk_call *call)
{
    const oc_dk_section *s = call->section;
    int32_t side, num, classes;
    bool has_softmax, is_squared;
    oc_id x;
    OC_TRY(oc_dk_int(s, "side", 7, 1, 1000, &side));
    OC_TRY(oc_dk_int(s, "num", 1, 1, ANCHORS_MAX, &num));
    OC_TRY(oc_dk_int(s, "classes", 1, 1, CLASSES_MAX, &classes));
    OC_TRY(oc_dk_flag(s, "softmax", false, &has_softmax));
    OC_TRY(oc_dk_flag(s, "sqrt", false, &is_squared));
    OC_TRY(oc_dk_only(s, "coords", 4));
    OC_TRY(oc_dk_in(call, OC_DK_FLAT, &x));
    const int32_t cells = side * side, count = oc_imp_shape(&call->at, x)->dim[1];
    const int64_t expected = (int64_t)cells * (classes + 5 * (int64_t)num);
    if (count != expected)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [detection]: expected %lld numbers in front of it (%d cells of %d "
                       "classes and %d boxes of 5), found %d",
                       s->line, (long long)expected, cells, classes, num, count);
    if (has_softmax)
        OC_TRY(softmax_cells(call, cells, classes, &x));
    else
        OC_TRY(oc_imp_identity(&call->at, NULL, x, &x));
    call->out = (oc_dk_map){.value = x, .form = OC_DK_FLAT, .c = count, .h = 1, .w = 1};
    return set_detector(call, (oc_detector){.kind = OC_DETECTOR_CELLS,
                                            .n_anchors = num,
                                            .n_classes = classes,
                                            .cells = side,
                                            .is_squared = is_squared,
                                            .scale_xy = 1});
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define ONLY_IN_TRAINING                                                                          \
    "jitter random resize thresh truth_thresh ignore_thresh max rescore bias_match object_scale " \
    "noobject_scale class_scale coord_scale mask_scale absolute log focal_loss label_smooth_eps " \
    "objectness_smooth cls_normalizer iou_normalizer obj_normalizer delta_normalizer iou_loss "   \
    "iou_thresh iou_thresh_kind nms_kind beta_nms max_delta counters_per_class "

const oc_dk_row oc_dk_head_rows[] = {
    {"softmax", "groups temperature spatial", NULL, false, convert_softmax},
    {"region", "num classes softmax coords background anchors", ONLY_IN_TRAINING, true,
     convert_region},
    {"yolo", "num classes anchors mask scale_x_y new_coords", ONLY_IN_TRAINING, true, convert_yolo},
    {"detection", "side num classes softmax sqrt coords", ONLY_IN_TRAINING "forced reorg", true,
     convert_detection},
};
const size_t oc_dk_n_head_rows = OC_COUNT(oc_dk_head_rows);
