/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX form of resize: for each tap along each axis the elements that it takes are gathered and
 * weighted, as resize_taps.h says. ONNX's own Resize is not used: runtimes differ in its
 * coordinates, and none has TensorFlow Lite's integer arithmetic.
 */
#include "forms.h"

#include "resize_taps.h"

#define AXES 3
/* A filter wider than that would be a file of Gathers. */
#define TAPS_MAX 64

static int32_t index_of(const char *name, const char *const *names, int32_t count)
{
    int32_t i = 0;
    while (i + 1 < count && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

static oc_resize_axis axis_of(const oc_form_call *c, int32_t i)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const nearests[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    static const char *const coordinates[] = {
#define X(name_, text_) #text_,
        OC_RESIZE_COORDINATES(X)
#undef X
    };
    const oc_floats *scales = oc_node_floats(&c->node, "scales");
    oc_resize_axis axis = {
        .mode = (oc_resize_mode)index_of(oc_node_enum(&c->node, "mode"), modes, OC_COUNT(modes)),
        .coordinates = (oc_resize_coordinates)index_of(oc_node_enum(&c->node, "coordinates"),
                                                       coordinates, OC_COUNT(coordinates)),
        .nearest = (oc_resize_nearest)index_of(oc_node_enum(&c->node, "nearest_mode"), nearests,
                                               OC_COUNT(nearests)),
        .excludes_outside = oc_node_int(&c->node, "exclude_outside") != 0,
        .is_antialiased = oc_node_int(&c->node, "antialias") != 0,
        .cubic_a = oc_node_float(&c->node, "cubic_a"),
        .in = c->in[0]->shape.dim[i],
        .out = c->out[0]->shape.dim[i],
        .scale = scales->count > 0 ? scales->v[i] : 0.0f,
        .end = 1.0f,
    };
    axis.is_fixed = axis.mode == OC_RESIZE_LINEAR && c->in[0]->dtype == OC_DTYPE_int8;
    return axis;
}

static bool changes(const oc_resize_axis *axis)
{
    return axis->in != axis->out || (axis->scale != 0.0f && axis->scale != 1.0f);
}

/* The axes that change, in order. */
typedef struct frame {
    oc_resize_axis axis[AXES];
    int32_t index[AXES];
    int32_t count;
} frame;

static frame frame_of(oc_form_call *c)
{
    frame f = {.count = 0};
    int64_t taps = 1;
    for (int32_t i = 0; i < c->in[0]->shape.rank; i++) {
        oc_resize_axis axis = axis_of(c, i);
        if (axis.in == 0 || !changes(&axis) || f.count == AXES)
            continue;
        if (!oc_resize_count_taps(&axis) || (taps *= axis.taps) > TAPS_MAX) {
            oc_form_refuse(c, "its filter is wider than %d elements", TAPS_MAX);
            break;
        }
        f.index[f.count] = i;
        f.axis[f.count++] = axis;
    }
    return f;
}

/* Tap `k` along axis `n` of the frame: which elements it takes, and their weights. */
static oc_tensor_id take(oc_form_call *c, const frame *f, int32_t n, int32_t k, oc_tensor_id x,
                         oc_tensor_id *weights)
{
    const oc_resize_axis *axis = &f->axis[n];
    oc_shape shape = {.rank = c->out[0]->shape.rank - f->index[n], .dim = {axis->out}};
    oc_dtype dtype = axis->is_fixed ? OC_DTYPE_int32 : OC_DTYPE_float32;
    int64_t *places = NULL;
    float *w = NULL;
    if (c->form->status == OC_OK)
        c->form->status = OC_ARENA_ALLOC(&c->form->arena, (size_t)axis->out + 1, places);
    if (c->form->status == OC_OK)
        c->form->status = OC_ARENA_ALLOC(&c->form->arena, (size_t)axis->out + 1, w);
    for (int32_t o = 0; c->form->status == OC_OK && o < axis->out; o++) {
        oc_resize_place place = oc_resize_find(axis, o);
        oc_resize_tap tap = oc_resize_weigh(axis, &place, k);
        int32_t fixed = (int32_t)tap.weight;
        places[o] = tap.at;
        memcpy(&w[o], axis->is_fixed ? (const void *)&fixed : &tap.weight, sizeof(w[o]));
    }
    for (int32_t i = 1; i < shape.rank; i++)
        shape.dim[i] = 1;
    if (weights)
        *weights = oc_form_bytes(c, &(oc_desc){dtype, shape}, w);
    oc_tensor_id y = OC_FORM(c, "Gather", x, oc_form_int64s(c, places, (size_t)axis->out));
    oc_form_set_int(c, "axis", f->index[n]);
    return y;
}

static void resize_nearest(oc_form_call *c, const frame *f)
{
    oc_tensor_id y = oc_form_in(c, 0);
    for (int32_t n = 0; n < f->count; n++)
        y = take(c, f, n, 0, y, NULL);
    oc_form_out(c, 0, f->count ? y : OC_FORM(c, "Identity", y));
}

/* The sum over all taps, those of the last axis in the outer loop, each ((x w0) w1) w2. */
static oc_tensor_id weighted_sum(oc_form_call *c, const frame *f, oc_tensor_id x)
{
    int32_t combinations = 1;
    oc_tensor_id sum = OC_NONE;
    for (int32_t n = 0; n < f->count; n++)
        combinations *= f->axis[n].taps;
    for (int32_t i = 0; i < combinations; i++) {
        oc_tensor_id y = x, weights[AXES] = {0};
        for (int32_t n = 0, rest = i; n < f->count; n++) {
            y = take(c, f, n, rest % f->axis[n].taps, y, &weights[n]);
            rest /= f->axis[n].taps;
        }
        for (int32_t n = 0; n < f->count; n++)
            y = OC_FORM(c, "Mul", y, weights[n]);
        sum = sum == OC_NONE ? y : OC_FORM(c, "Add", sum, y);
    }
    return sum;
}

/* An int8: the exact sum in 1024ths, divided with halves going away from 0. */
static oc_tensor_id finish_int8(oc_form_call *c, const frame *f, oc_tensor_id sum)
{
    int32_t divisor = f->count > 1 ? 1024 * 1024 : 1024;
    oc_tensor_id half = oc_form_scalar(c, OC_DTYPE_int32, divisor / 2);
    sum = OC_FORM(c, "Add", sum, OC_FORM(c, "Mul", oc_form_sign(c, OC_DTYPE_int32, sum), half));
    return OC_FORM(c, "Div", sum, oc_form_scalar(c, OC_DTYPE_int32, divisor));
}

void oc_form_write_resize(oc_form_call *c)
{
    oc_dtype dtype = c->in[0]->dtype;
    bool is_int8 = dtype == OC_DTYPE_int8, is_float = dtype == OC_DTYPE_float32;
    oc_dtype with = is_int8 ? OC_DTYPE_int32 : OC_DTYPE_float32;
    if (strcmp(oc_node_enum(&c->node, "coordinates"), "tf_crop_and_resize") == 0)
        oc_form_refuse(c, "regions of the input are cropped");
    frame f = frame_of(c);
    if (f.count == 0 || f.axis[0].mode == OC_RESIZE_NEAREST) {
        resize_nearest(c, &f);
        return;
    }
    oc_tensor_id y = weighted_sum(c, &f, oc_form_cast(c, oc_form_in(c, 0), dtype, with));
    if (is_int8)
        y = finish_int8(c, &f, y);
    else if (!is_float) /* truncated when it is cast */
        y = OC_FORM(c, "Add", y, oc_form_scalar(c, OC_DTYPE_float32, 0.5));
    oc_form_out(c, 0, oc_form_cast(c, y, with, dtype));
}
