/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Resize and what it was called before, Upsample: sizes and scales per axis, and how they are
 * meant.
 */
#include "onnx_ops.h"

#include "oc_ops.h"

#include <math.h>

/* One entry per axis of the input, also of those that the node does not name. */
typedef struct resize {
    int32_t rank, sizes[OC_RANK_MAX];
    float scales[OC_RANK_MAX], roi[2 * OC_RANK_MAX]; /* roi: begins, then ends */
    int32_t axes[OC_RANK_MAX]; /* those that the lists speak of, in their order */
    size_t n_axes;
    size_t coordinates, policy;
} resize;

/* Up to opset 10 coordinates were as "asymmetric" says. */
static const char *const coordinates[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
    "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
enum { ASYMMETRIC = 4, TF_CROP_AND_RESIZE = 5 };
static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                      NULL};
enum { FLOOR = 2, CEIL };
static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
enum { NEAREST };
static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
enum { STRETCH, NOT_LARGER };

static oc_status read_axes(oc_onnx_call *c, resize *r)
{
    int64_t asked[OC_RANK_MAX];
    bool found;
    r->rank = oc_onnx_shape(c, 0)->rank;
    OC_TRY(oc_onnx_get_ints(c, "axes", asked, OC_RANK_MAX, &r->n_axes, &found));
    if (!found)
        r->n_axes = (size_t)r->rank;
    for (size_t i = 0; i < r->n_axes; i++)
        OC_TRY(oc_imp_axis(&c->at, found ? asked[i] : (int64_t)i, r->rank, &r->axes[i]));
    for (int32_t i = 0; i < r->rank; i++) {
        r->sizes[i] = oc_onnx_shape(c, 0)->dim[i];
        r->scales[i] = 1.0f;
        r->roi[i] = 0.0f;
        r->roi[r->rank + i] = 1.0f;
    }
    return OC_OK;
}

static oc_status expect_count(oc_onnx_call *c, const char *what, size_t found, size_t expected)
{
    if (found != expected)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected %zu %s, found %zu", c->at.node, expected,
                       what, found);
    return OC_OK;
}

/*
 * The size is that of the region of the axis times its scale, rounded down. The product is one of
 * floats, as ONNX's own shape inference has it: three times 1.6666666f is five there.
 */
static oc_status set_scale(oc_onnx_call *c, resize *r, int32_t axis, float scale)
{
    const int32_t dim = oc_onnx_shape(c, 0)->dim[axis];
    const float part = r->roi[r->rank + axis] - r->roi[axis];
    const float product = (float)dim * (part * scale);
    const double size = part * scale == 1.0f ? (double)dim : floor((double)product);
    if (!(scale > 0.0f && size >= 0 && size <= INT32_MAX))
        return oc_fail(OC_E_FORMAT, "node \"%s\": axis %d cannot be scaled by %g", c->at.node, axis,
                       (double)scale);
    r->scales[axis] = scale;
    r->sizes[axis] = (int32_t)size;
    return OC_OK;
}

static oc_status read_scales(oc_onnx_call *c, resize *r, uint32_t input)
{
    float list[OC_RANK_MAX];
    size_t count;
    OC_TRY(oc_imp_floats(&c->at, c->in[input], "scales", list, OC_RANK_MAX, &count));
    OC_TRY(expect_count(c, "scales", count, r->n_axes));
    for (size_t i = 0; i < count; i++)
        OC_TRY(set_scale(c, r, r->axes[i], list[i]));
    return OC_OK;
}

/* One scale for all axes: the smallest, or the largest, of those that the sizes ask for. */
static oc_status keep_ratio(oc_onnx_call *c, resize *r)
{
    float scale = r->scales[r->axes[0]];
    for (size_t i = 1; i < r->n_axes; i++)
        scale = r->policy == NOT_LARGER ? fminf(scale, r->scales[r->axes[i]])
                                        : fmaxf(scale, r->scales[r->axes[i]]);
    for (size_t i = 0; i < r->n_axes; i++) {
        double size = (double)oc_onnx_shape(c, 0)->dim[r->axes[i]] * (double)scale;
        if (!(size <= INT32_MAX))
            return oc_fail(OC_E_LIMIT, "node \"%s\": an axis of %g", c->at.node, size);
        r->scales[r->axes[i]] = scale;
        r->sizes[r->axes[i]] = (int32_t)floor(size + 0.5);
    }
    return OC_OK;
}

static oc_status read_sizes(oc_onnx_call *c, resize *r, uint32_t input)
{
    int64_t list[OC_RANK_MAX];
    int32_t sizes[OC_RANK_MAX];
    size_t count;
    OC_TRY(oc_imp_ints(&c->at, c->in[input], "sizes", list, OC_RANK_MAX, &count));
    OC_TRY(expect_count(c, "sizes", count, r->n_axes));
    OC_TRY(oc_imp_narrow(&c->at, "sizes", list, count, sizes));
    for (size_t i = 0; i < count; i++) {
        int32_t from = oc_onnx_shape(c, 0)->dim[r->axes[i]];
        if (sizes[i] < 1 || from < 1)
            return oc_fail(OC_E_SHAPE, "node \"%s\": axis %d of size %d cannot become %d",
                           c->at.node, r->axes[i], from, sizes[i]);
        r->sizes[r->axes[i]] = sizes[i];
        r->scales[r->axes[i]] = (float)sizes[i] / (float)from;
    }
    return r->policy == STRETCH || count == 0 ? OC_OK : keep_ratio(c, r);
}

static oc_status read_region(oc_onnx_call *c, resize *r)
{
    float list[2 * OC_RANK_MAX];
    size_t count;
    OC_TRY(oc_imp_floats(&c->at, oc_onnx_in(c, 1), "roi", list, 2 * OC_RANK_MAX, &count));
    OC_TRY(expect_count(c, "numbers in roi", count, 2 * r->n_axes));
    for (size_t i = 0; i < r->n_axes; i++) {
        r->roi[r->axes[i]] = list[i];
        r->roi[r->rank + r->axes[i]] = list[r->n_axes + i];
    }
    return OC_OK;
}

static oc_status begin_node(oc_onnx_call *c, const oc_imp *at, oc_id x, const resize *r,
                            oc_node **node)
{
    size_t mode, rank = (size_t)r->rank;
    OC_TRY(oc_onnx_get_choice(c, "mode", modes, &mode));
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_resize, &x, 1, node));
    OC_TRY(oc_node_set_enum(*node, "mode", modes[mode]));
    OC_TRY(oc_node_set_enum(*node, "coordinates", coordinates[r->coordinates]));
    OC_TRY(oc_node_set_ints(*node, "sizes", r->sizes, rank));
    OC_TRY(oc_node_set_floats(*node, "scales", r->scales, rank));
    return r->coordinates == TF_CROP_AND_RESIZE ? oc_node_set_floats(*node, "roi", r->roi, 2 * rank)
                                                : OC_OK;
}

/* The attributes that came with opset 11, 13, 18 and 19. */
static oc_status set_details(oc_onnx_call *c, oc_node *node)
{
    int64_t excludes, antialias;
    size_t nearest_mode;
    float a, extrapolation;
    OC_TRY(oc_onnx_get_choice(c, "nearest_mode", nearest, &nearest_mode));
    OC_TRY(oc_onnx_get_int(c, "exclude_outside", 0, &excludes));
    OC_TRY(oc_onnx_get_int(c, "antialias", 0, &antialias));
    OC_TRY(oc_onnx_get_float(c, "cubic_coeff_a", -0.75f, &a));
    OC_TRY(oc_onnx_get_float(c, "extrapolation_value", 0.0f, &extrapolation));
    OC_TRY(oc_node_set_enum(node, "nearest_mode", nearest[nearest_mode]));
    OC_TRY(oc_node_set_int(node, "exclude_outside", excludes != 0));
    OC_TRY(oc_node_set_int(node, "antialias", antialias != 0));
    OC_TRY(oc_node_set_float(node, "cubic_a", a));
    return oc_node_set_float(node, "extrapolation", extrapolation);
}

/* An input of no elements is as good as none: files of opset 11 and 12 could not leave one out. */
static bool has_elements(const oc_onnx_call *c, uint32_t input)
{
    size_t elems;
    return oc_onnx_has(c, input) && oc_shape_elems(oc_onnx_shape(c, input), &elems) == OC_OK &&
           elems > 0;
}

static oc_status plain_node(oc_onnx_call *c, const oc_imp *at, oc_id x, const resize *r,
                            const char *nearest_mode, oc_id *out)
{
    oc_node *node;
    OC_TRY(begin_node(c, at, x, r, &node));
    OC_TRY(oc_node_set_enum(node, "nearest_mode", nearest_mode));
    return oc_imp_end(at, node, at->out, out);
}

/*
 * As opset 10 has it, without any of the later attributes. It does not say which element is the
 * nearest; its examples take the one above along an axis that shrinks, and the one below along one
 * that grows. Where there are both, the first kind of axes is resized before the second.
 */
static oc_status resize_plain(oc_onnx_call *c, resize *r)
{
    bool shrinks = false, grows = false;
    oc_id x = c->in[0];
    oc_imp at;
    size_t mode;
    r->coordinates = ASYMMETRIC;
    resize first = *r;
    OC_TRY(oc_onnx_get_choice(c, "mode", modes, &mode));
    for (int32_t i = 0; i < r->rank; i++) {
        shrinks = shrinks || r->scales[i] < 1.0f;
        grows = grows || r->scales[i] > 1.0f;
        if (r->scales[i] > 1.0f) {
            first.scales[i] = 1.0f;
            first.sizes[i] = oc_onnx_shape(c, 0)->dim[i];
        }
    }
    if (mode == NEAREST && shrinks && grows) {
        OC_TRY(oc_onnx_step(c, "shrunk", &at));
        OC_TRY(plain_node(c, &at, x, &first, nearest[CEIL], &x));
        for (int32_t i = 0; i < r->rank; i++)
            r->scales[i] = r->scales[i] < 1.0f ? 1.0f : r->scales[i];
        shrinks = false;
    }
    return plain_node(c, &c->at, x, r, nearest[shrinks ? CEIL : FLOOR], &c->out[0]);
}

oc_status oc_onnx_resize(oc_onnx_call *c)
{
    resize r = {.rank = 0};
    oc_node *node;
    OC_TRY(read_axes(c, &r));
    if (c->model->opset < 11) {
        if (!oc_onnx_has(c, 1))
            return oc_fail(OC_E_FORMAT, "node \"%s\": Resize without scales", c->at.node);
        OC_TRY(read_scales(c, &r, 1));
        return resize_plain(c, &r);
    }
    OC_TRY(oc_onnx_get_choice(c, "coordinate_transformation_mode", coordinates, &r.coordinates));
    OC_TRY(oc_onnx_get_choice(c, "keep_aspect_ratio_policy", policies, &r.policy));
    if (has_elements(c, 2) == has_elements(c, 3))
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected either scales or sizes", c->at.node);
    if (r.coordinates == TF_CROP_AND_RESIZE)
        OC_TRY(read_region(c, &r));
    OC_TRY(has_elements(c, 2) ? read_scales(c, &r, 2) : read_sizes(c, &r, 3));
    OC_TRY(begin_node(c, &c->at, c->in[0], &r, &node));
    OC_TRY(set_details(c, node));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* Scales are an attribute in opset 7, an input in opset 9. */
oc_status oc_onnx_upsample(oc_onnx_call *c)
{
    resize r = {.rank = 0};
    float list[OC_RANK_MAX];
    oc_onnx_attr attr;
    size_t count;
    bool found;
    OC_TRY(read_axes(c, &r));
    if (oc_onnx_has(c, 1)) {
        OC_TRY(read_scales(c, &r, 1));
        return resize_plain(c, &r);
    }
    OC_TRY(oc_onnx_get(c, "scales", OC_ONNX_FLOATS, &attr, &found));
    if (!found)
        return oc_fail(OC_E_FORMAT, "node \"%s\": Upsample without scales", c->at.node);
    OC_TRY(oc_onnx_attr_floats(&attr, list, OC_RANK_MAX, &count));
    OC_TRY(expect_count(c, "scales", count, r.n_axes));
    for (size_t i = 0; i < count; i++)
        OC_TRY(set_scale(c, &r, r.axes[i], list[i]));
    return resize_plain(c, &r);
}
