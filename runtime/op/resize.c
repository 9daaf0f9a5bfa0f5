/* SPDX-License-Identifier: Apache-2.0 */
/**
 * resize: x -> x with sizes[i] elements along axis i. resize_taps.h says which elements of an axis
 * make an element of the resized one, and with which weights; up to three axes may change. With
 * those axes in order,
 *   nearest        y = x[t], any dtype: a copy
 *   linear, cubic  y = the sum of ((x[t0, t1, t2] * w0) * w1) * w2 over all taps, from 0, those of
 *                  the last axis in the outer loop; each operation rounded to float32 (no fma)
 *   uint8, linear  the same in float32, then truncate(sum + 0.5)
 *   int8, linear   weights are integers of 1024ths, the sum s is exact; y = s divided by D = 1024 per
 *                  axis, rounded half away from 0: (s + (s > 0 ? D / 2 : -D / 2)) / D, truncated
 * The 8-bit forms are TensorFlow Lite's, bit for bit those of its reference kernels.
 * Without `scales` coordinates follow from the sizes as in TensorFlow Lite (for its two operators,
 * and where scales are ratios of small integers, such as an upsampling by 2); with them as in ONNX.
 */
#include "resize_taps.h"

#define AXES 3

static const char *const mode_names[] = {"nearest", "linear", "cubic", NULL};
static const char *const nearest_names[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
static const char *const coordinates_names[] = {
#define X(name_, text_) #text_,
    OC_RESIZE_COORDINATES(X)
#undef X
        NULL,
};

typedef struct attrs {
    oc_ints sizes;
    oc_floats scales, roi;
    int32_t mode, coordinates, nearest_mode, exclude_outside, antialias;
    float cubic_a, extrapolation;
} attrs;

static const oc_attr rows[] = {
    {.name = "sizes",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, sizes),
     .max = INT32_MAX,
     .help = "elements of the output, per axis"},
    {.name = "scales",
     .type = OC_ATTR_FLOATS,
     .offset = offsetof(attrs, scales),
     .help = "output over input, per axis; none: by the sizes, as TensorFlow Lite does"},
    {.name = "mode",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, mode),
     .max = OC_RESIZE_MODE_COUNT - 1,
     .names = mode_names,
     .help = "how elements are made of those near by"},
    {.name = "coordinates",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, coordinates),
     .max = OC_RESIZE_COORDINATES_COUNT - 1,
     .names = coordinates_names,
     .help = "how a place in the output becomes one in the input"},
    {.name = "nearest_mode",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, nearest_mode),
     .max = OC_RESIZE_NEAREST_COUNT - 1,
     .names = nearest_names,
     .help = "nearest: how a place becomes an element"},
    {.name = "cubic_a",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, cubic_a),
     .initial = -0.75,
     .help = "cubic: the coefficient a"},
    {.name = "exclude_outside",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, exclude_outside),
     .max = 1,
     .help = "1: places outside the input have no weight; 0: they are the nearest element"},
    {.name = "antialias",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, antialias),
     .max = 1,
     .help = "1: a wider filter where the output is smaller"},
    {.name = "roi",
     .type = OC_ATTR_FLOATS,
     .offset = offsetof(attrs, roi),
     .help =
         "tf_crop_and_resize: the region's begins per axis, then its ends, as parts of the axes"},
    {.name = "extrapolation",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, extrapolation),
     .help = "tf_crop_and_resize: the element beyond the input"},
};

/* ---- axes ----------------------------------------------------------------------------------- */

static oc_resize_axis axis_of(const oc_op_call *call, int32_t i)
{
    const attrs *a = call->attrs;
    int32_t rank = call->in[0]->shape.rank;
    oc_resize_axis axis = {
        .mode = (oc_resize_mode)a->mode,
        .coordinates = (oc_resize_coordinates)a->coordinates,
        .nearest = (oc_resize_nearest)a->nearest_mode,
        .excludes_outside = a->exclude_outside,
        .is_antialiased = a->antialias,
        .is_fixed = a->mode == OC_RESIZE_LINEAR && call->in[0]->dtype == OC_DTYPE_int8,
        .cubic_a = a->cubic_a,
        .in = call->in[0]->shape.dim[i],
        .out = a->sizes.v[i],
        .scale = a->scales.count > 0 ? a->scales.v[i] : 0.0f,
        .end = 1.0f,
    };
    if (a->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE) {
        axis.begin = a->roi.v[i];
        axis.end = a->roi.v[rank + i];
    }
    return axis;
}

/* Otherwise all formulas give every element itself; of an axis without elements there is none. */
static bool changes(const oc_resize_axis *axis)
{
    return axis->in > 0 &&
           (axis->in != axis->out || (axis->scale != 0.0f && axis->scale != 1.0f) ||
            axis->begin != 0.0f || axis->end != 1.0f);
}

/*
 * The tensors seen as [P0, axis 0, P1, axis 1, P2, axis 2, Q], the axes being those that change, in
 * order. Where fewer do, the first ones have one element and one tap of weight 1.
 */
typedef struct frame {
    int32_t count; /* of axes that change */
    oc_resize_axis axis[AXES];
    size_t plain[AXES + 1];
} frame;

static frame frame_of(const oc_op_call *call)
{
    frame f = {.plain = {1, 1, 1, 1}};
    int32_t at = AXES, rank = call->in[0]->shape.rank;
    for (int32_t i = 0; i < AXES; i++)
        f.axis[i] = (oc_resize_axis){
            .mode = OC_RESIZE_NEAREST, .in = 1, .out = 1, .scale = 1.0f, .taps = 1};
    for (int32_t i = rank - 1; i >= 0; i--) {
        oc_resize_axis axis = axis_of(call, i);
        if (!changes(&axis)) {
            f.plain[at] *= (size_t)axis.in;
            continue;
        }
        (void)oc_resize_count_taps(&axis); /* `shape` has seen that they can be counted */
        f.axis[--at] = axis;
        f.count++;
    }
    return f;
}

/* Nothing is computed, only moved. */
static bool is_copy(const oc_op_call *call, const frame *f)
{
    const attrs *a = call->attrs;
    return a->mode == OC_RESIZE_NEAREST || f->count == 0;
}

/* ---- shape ---------------------------------------------------------------------------------- */

static oc_status fail_arg(const oc_op_call *call, const char *attr, const char *found,
                          const char *expected)
{
    return oc_fail(OC_E_ARG, "%s: %s of %s is %s, expected %s", call->name, attr, call->op->name,
                   found, expected);
}

static oc_status check_type(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    oc_dtype dtype = call->in[0]->dtype;
    bool is_crop = a->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE;
    bool is_8bit = dtype == OC_DTYPE_int8 || dtype == OC_DTYPE_uint8;
    if (dtype == OC_DTYPE_float32 || (a->mode == OC_RESIZE_NEAREST && !is_crop) ||
        (a->mode == OC_RESIZE_LINEAR && is_8bit && a->scales.count == 0))
        return OC_OK;
    return oc_fail(OC_E_DTYPE, "%s: input 0 of %s is %s, expected float32 for %s, %s%s", call->name,
                   call->op->name, oc_dtype_name(dtype), mode_names[a->mode],
                   coordinates_names[a->coordinates], a->scales.count > 0 ? " with scales" : "");
}

/* What goes only with scales, and the scales. */
static oc_status check_scales(const oc_op_call *call, int32_t rank)
{
    const attrs *a = call->attrs;
    static const bool is_sized[OC_RESIZE_COORDINATES_COUNT] = {
        [OC_RESIZE_HALF_PIXEL] = true,
        [OC_RESIZE_TF_HALF_PIXEL_FOR_NN] = true,
        [OC_RESIZE_ALIGN_CORNERS] = true,
        [OC_RESIZE_ASYMMETRIC] = true,
    };
    if (a->scales.count == 0) {
        if (!is_sized[a->coordinates])
            return fail_arg(call, "scales", "not given", "one per axis for these coordinates");
        if (a->mode == OC_RESIZE_CUBIC || a->antialias || a->exclude_outside)
            return fail_arg(call, "scales", "not given",
                            "one per axis for cubic, antialias and exclude_outside");
        return OC_OK;
    }
    if (a->scales.count != rank)
        return oc_fail(OC_E_ARG, "%s: scales of %s has %d elements, expected %d or none",
                       call->name, call->op->name, a->scales.count, rank);
    for (int32_t i = 0; i < rank; i++)
        if (!(a->scales.v[i] > 0.0f && a->scales.v[i] < OC_INF))
            return oc_fail(OC_E_ARG, "%s: element %d of scales of %s is %g, expected more than 0",
                           call->name, i, call->op->name, (double)a->scales.v[i]);
    return OC_OK;
}

static oc_status check_roi(const oc_op_call *call, int32_t rank)
{
    const attrs *a = call->attrs;
    int32_t count = a->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE ? 2 * rank : 0;
    if (a->roi.count != count)
        return oc_fail(OC_E_ARG, "%s: roi of %s has %d elements, expected %d with %s", call->name,
                       call->op->name, a->roi.count, count, coordinates_names[a->coordinates]);
    for (int32_t i = 0; i < count; i++)
        if (!(oc_abs(a->roi.v[i]) < OC_INF))
            return oc_fail(OC_E_ARG, "%s: element %d of roi of %s is %g, expected a number",
                           call->name, i, call->op->name, (double)a->roi.v[i]);
    return OC_OK;
}

/* Axis `i` can be resized; counts it where it changes. */
static oc_status check_axis(const oc_op_call *call, int32_t i, int32_t *count)
{
    oc_resize_axis axis = axis_of(call, i);
    if ((axis.in == 0) != (axis.out == 0))
        return oc_fail(OC_E_SHAPE,
                       "%s: %s makes %d elements of %d along axis %d, expected none of none, or "
                       "some of some",
                       call->name, call->op->name, axis.out, axis.in, i);
    if (!changes(&axis))
        return OC_OK;
    /* Coordinates are floats that go a little beyond the axis; integers hold these. */
    if (axis.in > INT32_MAX / 2)
        return oc_fail(OC_E_LIMIT, "%s: %s changes an axis of %d elements, expected at most %d",
                       call->name, call->op->name, axis.in, INT32_MAX / 2);
    /* More would need a table that no device should hold: models have thousands. */
    if (!oc_resize_count_taps(&axis) || (int64_t)axis.taps * axis.out > INT32_MAX / AXES / 16)
        return oc_fail(OC_E_LIMIT,
                       "%s: the filter of %s along axis %d (%d elements from %d, scale %g) is too "
                       "wide",
                       call->name, call->op->name, i, axis.out, axis.in, (double)axis.scale);
    ++*count;
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    int32_t count = 0;
    OC_TRY(oc_op_check(call));
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "sizes", &a->sizes, y.shape.rank, 0));
    OC_TRY(check_type(call));
    OC_TRY(check_scales(call, y.shape.rank));
    OC_TRY(check_roi(call, y.shape.rank));
    for (int32_t i = 0; i < y.shape.rank; i++) {
        OC_TRY(check_axis(call, i, &count));
        y.shape.dim[i] = a->sizes.v[i];
    }
    /* Two axes of 1024ths fit the 32 bits of the sum. */
    int32_t most = y.dtype == OC_DTYPE_int8 && a->mode == OC_RESIZE_LINEAR ? AXES - 1 : AXES;
    if (count > most)
        return oc_fail(OC_E_UNSUPPORTED, "%s: %s of %s changes %d axes, expected at most %d",
                       call->name, call->op->name, oc_dtype_name(y.dtype), count, most);
    out[0] = y;
    return OC_OK;
}

/* The sum goes over the axes in order, so those that change have to keep theirs. */
static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    int32_t last = -1;
    for (int32_t i = 0; i < rank; i++) {
        oc_resize_axis axis = axis_of(call, perm[i]);
        if (a->mode != OC_RESIZE_NEAREST && changes(&axis)) {
            if (perm[i] < last)
                return oc_fail(OC_E_UNSUPPORTED, "%s: the axes of %s change their order",
                               call->name, call->op->name);
            last = perm[i];
        }
        b->sizes.v[i] = a->sizes.v[perm[i]];
        b->scales.v[i] = a->scales.v[perm[i]];
        b->roi.v[i] = a->roi.v[perm[i]];
        b->roi.v[rank + i] = a->roi.v[rank + perm[i]];
    }
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    uint32_t fixed = 0;
    for (int32_t i = 0; i < call->in[0]->shape.rank; i++) {
        oc_resize_axis axis = axis_of(call, i);
        if (changes(&axis))
            fixed |= UINT32_C(1) << i;
    }
    OC_TRY(oc_op_batch_along(call, in, fixed, out));
    return oc_op_batch_stretch(call, n, &((attrs *)attrs_out)->sizes.v[in[0]]);
}

/* The elements of the axis that those from `from` to `to` of the resized one are made of. */
static void halo_axis(oc_resize_axis *axis, const oc_shape *x, int32_t d, const oc_box *out,
                      oc_box *in)
{
    int32_t from = axis->in, to = 0;
    (void)oc_resize_count_taps(axis); /* `shape` has seen that they can be counted */
    for (int32_t o = out->from[d]; o < out->to[d]; o++) {
        oc_resize_place place = oc_resize_find(axis, o);
        for (int32_t k = 0; k < axis->taps && !place.is_outside; k++) {
            int32_t at = oc_resize_weigh(axis, &place, k).at;
            from = OC_MIN(from, at);
            to = OC_MAX(to, at + 1);
        }
    }
    oc_op_halo_set(x, d, from, to, in);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const oc_shape *x = &call->in[0]->shape;
    oc_op_halo_along(call, out, UINT32_MAX, in);
    for (int32_t d = 0; d < x->rank; d++) {
        oc_resize_axis axis = axis_of(call, d);
        if (changes(&axis))
            halo_axis(&axis, x, d, out, &in[0]);
        else
            oc_op_halo_set(x, d, out->from[d], out->to[d], &in[0]);
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *c)
{
    const frame f = frame_of(call);
    OC_TRY(oc_op_cost_io(call, c));
    if (is_copy(call, &f))
        return OC_OK;
    c->macs = oc_op_elems(&call->out[0]->shape);
    for (int32_t i = 0; i < AXES; i++)
        c->macs *= (uint64_t)f.axis[i].taps;
    return OC_OK;
}

/* ---- the definition ------------------------------------------------------------------------- */

/* One block of Q elements of the output. */
typedef struct block {
    size_t plain[AXES];
    oc_resize_place place[AXES];
    bool is_outside;
} block;

static block find_block(const frame *f, size_t i)
{
    block b = {.is_outside = false};
    for (int32_t d = AXES - 1; d >= 0; d--) {
        size_t out = (size_t)f->axis[d].out;
        b.place[d] = oc_resize_find(&f->axis[d], (int32_t)(i % out));
        b.is_outside = b.is_outside || b.place[d].is_outside;
        i /= out;
        b.plain[d] = i % f->plain[d];
        i /= f->plain[d];
    }
    return b;
}

/* The input's block that the taps `k` take: its number; and its three weights. */
static size_t find_source(const frame *f, const block *b, const int32_t k[AXES], float w[AXES])
{
    size_t from = 0;
    for (int32_t d = 0; d < AXES; d++) {
        oc_resize_tap tap = oc_resize_weigh(&f->axis[d], &b->place[d], k[d]);
        from = (from * f->plain[d] + b->plain[d]) * (size_t)f->axis[d].in + (size_t)tap.at;
        w[d] = tap.weight;
    }
    return from;
}

/* Next taps, those of the first axis fastest; false after the last. */
static bool next_taps(const frame *f, int32_t k[AXES])
{
    for (int32_t d = 0; d < AXES; d++) {
        if (++k[d] < f->axis[d].taps)
            return true;
        k[d] = 0;
    }
    return false;
}

static void copy_block(const oc_op_call *call, const frame *f, const block *b, const void *in,
                       void *out)
{
    const attrs *a = call->attrs;
    size_t bytes = f->plain[AXES] * oc_dtype_size(call->in[0]->dtype);
    const int32_t k[AXES] = {0};
    float w[AXES];
    if (!b->is_outside)
        memcpy(out, (const char *)in + find_source(f, b, k, w) * bytes, bytes);
    for (size_t q = 0; b->is_outside && q < f->plain[AXES]; q++)
        ((float *)out)[q] = a->extrapolation;
}

enum { SUMS = 64 }; /* sums that are made side by side */

/* float32 and uint8: `count` sums from element `q` of the block. */
static void mix_float(const oc_op_call *call, const frame *f, const block *b, const void *in,
                      size_t q, size_t count, void *out)
{
    bool is_float = call->in[0]->dtype == OC_DTYPE_float32;
    float sum[SUMS] = {0}, w[AXES];
    int32_t k[AXES] = {0};
    do {
        size_t from = find_source(f, b, k, w) * f->plain[AXES] + q;
        for (size_t i = 0; i < count; i++) {
            float x = is_float ? ((const float *)in)[from + i] : ((const uint8_t *)in)[from + i];
            sum[i] += x * w[0] * w[1] * w[2];
        }
    } while (next_taps(f, k));
    for (size_t i = 0; i < count; i++) {
        if (is_float)
            ((float *)out)[q + i] = sum[i];
        else
            ((uint8_t *)out)[q + i] = (uint8_t)(sum[i] + 0.5f);
    }
}

/* int8. */
static void mix_fixed(const frame *f, const block *b, const int8_t *in, size_t q, size_t count,
                      int8_t *out)
{
    int32_t sum[SUMS] = {0}, k[AXES] = {0}, half = 512 << (f->count - 1) * 10;
    float w[AXES];
    do {
        size_t from = find_source(f, b, k, w) * f->plain[AXES] + q;
        for (size_t i = 0; i < count; i++)
            sum[i] += in[from + i] * (int32_t)w[0] * (int32_t)w[1] * (int32_t)w[2];
    } while (next_taps(f, k));
    for (size_t i = 0; i < count; i++)
        out[q + i] = (int8_t)((sum[i] + (sum[i] > 0 ? half : -half)) / (2 * half));
}

static void mix_block(const oc_op_call *call, const frame *f, const block *b, const void *in,
                      void *out)
{
    const attrs *a = call->attrs;
    for (size_t q = 0; b->is_outside && q < f->plain[AXES]; q++)
        ((float *)out)[q] = a->extrapolation;
    for (size_t q = 0; !b->is_outside && q < f->plain[AXES]; q += SUMS) {
        size_t count = OC_MIN(f->plain[AXES] - q, (size_t)SUMS);
        if (call->in[0]->dtype == OC_DTYPE_int8)
            mix_fixed(f, b, in, q, count, out);
        else
            mix_float(call, f, b, in, q, count, out);
    }
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const frame f = frame_of(call);
    size_t bytes = f.plain[AXES] * oc_dtype_size(call->in[0]->dtype), blocks = 1;
    for (int32_t d = 0; d < AXES; d++)
        blocks *= f.plain[d] * (size_t)f.axis[d].out;
    for (size_t i = 0; i < blocks; i++) {
        const block b = find_block(&f, i);
        void *y = (char *)out[0] + i * bytes;
        if (is_copy(call, &f))
            copy_block(call, &f, &b, in[0], y);
        else
            mix_block(call, &f, &b, in[0], y);
    }
    return OC_OK;
}

/* ---- kernels -------------------------------------------------------------------------------- */

/* All taps of axis 0, then of axis 1, then of axis 2; -1 in the first of those beyond the input. */
static oc_status pack_taps(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes)
{
    const frame f = frame_of(call);
    oc_resize_tap *tap = dst;
    (void)src, (void)dst_bytes;
    for (int32_t d = 0; d < AXES; d++)
        for (int32_t o = 0; o < f.axis[d].out; o++) {
            oc_resize_place place = oc_resize_find(&f.axis[d], o);
            for (int32_t k = 0; k < f.axis[d].taps; k++, tap++) {
                *tap = oc_resize_weigh(&f.axis[d], &place, k);
                if (place.is_outside)
                    tap->at = -1;
            }
        }
    return OC_OK;
}

static size_t count_taps(const frame *f, int32_t axes)
{
    size_t taps = 0;
    for (int32_t d = 0; d < axes; d++)
        taps += (size_t)f->axis[d].out * (size_t)f->axis[d].taps;
    return taps;
}

static oc_status define_frame(const oc_op_call *call, oc_launch *l, const frame *f)
{
    const attrs *a = call->attrs;
    for (int32_t d = 0; d < AXES; d++)
        OC_TRY(oc_launch_define(l, "-DP%d=%zu -DI%d=%d -DO%d=%d -DT%d=%d -DAT%d=%zu", d,
                                f->plain[d], d, f->axis[d].in, d, f->axis[d].out, d,
                                f->axis[d].taps, d, count_taps(f, d)));
    if (a->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE)
        OC_TRY(oc_launch_define_float(l, "EXTRAPOLATION", a->extrapolation));
    return OC_OK;
}

/* `pieces` of the block are work-items. */
static void add_args(oc_launch *l, const frame *f, size_t pieces)
{
    size_t rest = f->plain[AXES - 1];
    for (int32_t d = 0; d < AXES - 1; d++)
        rest *= f->plain[d] * (size_t)f->axis[d].out;
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_TABLE,
                                         .bytes = count_taps(f, AXES) * sizeof(oc_resize_tap),
                                         .pack = pack_taps});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, pieces, (size_t)f->axis[AXES - 1].out, rest);
}

static oc_status launch_copy(const oc_op_call *call, const oc_traits *traits, const frame *f,
                             oc_launch_list *list)
{
    const attrs *a = call->attrs;
    bool is_crop = a->coordinates == OC_RESIZE_TF_CROP_AND_RESIZE;
    size_t bytes = f->plain[AXES] * oc_dtype_size(call->in[0]->dtype);
    size_t unit = is_crop ? sizeof(float) : oc_op_unit(bytes), q = bytes / unit;
    size_t chunk = OC_MAX(oc_op_chunk(traits, q), (size_t)1);
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "resize", "resize_copy", &l));
    if (is_crop)
        OC_TRY(oc_launch_define(l, "-DT=float"));
    else
        OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DQ=%zu -DCHUNK=%zu", q, chunk));
    OC_TRY(define_frame(call, l, f));
    add_args(l, f, (q + chunk - 1) / chunk);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const frame f = frame_of(call);
    oc_dtype dtype = call->in[0]->dtype;
    const oc_op_chunks chunks = oc_op_chunks_choose(traits, f.plain[AXES], 512);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    if (is_copy(call, &f))
        return launch_copy(call, traits, &f, list);
    OC_TRY(oc_launch_add(list, "resize", "resize_mix", &l));
    OC_TRY(oc_launch_define(l, "-DE=%s", oc_op_cl_type(dtype)));
    OC_TRY(oc_op_define_chunks(l, &chunks));
    OC_TRY(oc_launch_define(l, "-DROUNDING=%s",
                            dtype == OC_DTYPE_float32 ? "EXACT"
                            : dtype == OC_DTYPE_uint8 ? "HALF_UP"
                                                      : "FIXED"));
    if (dtype == OC_DTYPE_int8)
        OC_TRY(oc_launch_define(l, "-DHALF=%d", 512 << (f.count - 1) * 10));
    OC_TRY(define_frame(call, l, &f));
    add_args(l, &f, chunks.chunks);
    return OC_OK;
}

/* clang-format off */
#define FLOATS(...) {(int32_t)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), {__VA_ARGS__}}
#define SIZES(...) OP_SET_INTS("sizes", __VA_ARGS__)
#define SCALES(...) {.attr = "scales", .floats = FLOATS(__VA_ARGS__)}
#define ROI(...) {.attr = "roi", .floats = FLOATS(__VA_ARGS__)}
/* clang-format on */
static const oc_op_case cases[] = {
    {.name = "linear_twice",
     .in = {OP_F32(1, 5, 7, 16)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(1, 10, 14, 16)}},
    {.name = "linear_corners",
     .in = {OP_F32(2, 5, 6, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "align_corners"),
              SIZES(2, 9, 13, 3)}},
    {.name = "linear_smaller",
     .in = {OP_F32(1, 9, 11, 5)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "asymmetric"),
              SIZES(1, 4, 7, 5)}},
    {.name = "linear_channels_first",
     .in = {OP_F32(1, 3, 5, 6)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(1, 3, 8, 9), SCALES(1, 1, 1.6f, 1.5f)}},
    {.name = "linear_symmetric",
     .in = {OP_F32(1, 4, 5, 2)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "half_pixel_symmetric"),
              SIZES(1, 9, 11, 2), SCALES(1, 2.3f, 2.3f, 1)}},
    {.name = "linear_corners_scaled",
     .in = {OP_F32(1, 4, 5, 2)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "align_corners"),
              SIZES(1, 2, 3, 2), SCALES(1, 0.6f, 0.6f, 1)}},
    {.name = "linear_to_one",
     .in = {OP_F32(1, 4, 5, 2)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "pytorch_half_pixel"),
              SIZES(1, 1, 8, 2), SCALES(1, 0.25f, 1.6f, 1)}},
    {.name = "linear_antialias",
     .in = {OP_F32(1, 12, 13, 4)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET("antialias", 1), SIZES(1, 5, 4, 4),
              SCALES(1, 5 / 12.0f, 4 / 13.0f, 1)}},
    {.name = "linear_antialias_exclude_outside",
     .in = {OP_F32(1, 3, 12)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET("antialias", 1), OP_SET("exclude_outside", 1),
              SIZES(1, 3, 3), SCALES(1, 1, 0.25f)}},
    {.name = "linear_volume",
     .in = {OP_F32(2, 3, 4, 5, 2)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(2, 5, 6, 10, 2),
              SCALES(1, 5 / 3.0f, 1.5f, 2, 1)}},
    {.name = "linear_nothing",
     .in = {OP_F32(0, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(0, 6, 4)}},
    {.name = "nothing_scaled",
     .in = {OP_F32(3, 0, 4, 2, 5)},
     .n_in = 1,
     .sets = {SIZES(6, 0, 8, 4, 5), SCALES(2, 2, 2, 2, 1)}},
    {.name = "nothing_scaled_everywhere",
     .in = {OP_F32(0, 0, 0, 0)},
     .n_in = 1,
     .sets = {SIZES(0, 0, 0, 0), SCALES(2, 2, 2, 2)}},
    {.name = "linear_same",
     .in = {OP_F32(2, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(2, 3, 4)}},
    {.name = "cubic_larger",
     .in = {OP_F32(1, 5, 4, 8)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "cubic"), SIZES(1, 10, 8, 8), SCALES(1, 2, 2, 1)}},
    {.name = "cubic_exclude_outside",
     .in = {OP_F32(1, 2, 6, 5)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "cubic"), OP_SET("cubic_a", -0.5), OP_SET("exclude_outside", 1),
              SIZES(1, 2, 4, 8), SCALES(1, 1, 0.8f, 1.6f)}},
    {.name = "cubic_antialias",
     .in = {OP_F32(1, 11, 12, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "cubic"), OP_SET("antialias", 1), SIZES(1, 4, 7, 3),
              SCALES(1, 4 / 11.0f, 7 / 12.0f, 1)}},
    {.name = "cubic_asymmetric",
     .in = {OP_F32(6, 5)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "cubic"), OP_SET_ENUM("coordinates", "asymmetric"), SIZES(9, 13),
              SCALES(1.5f, 2.6f)}},
    {.name = "crop_linear",
     .in = {OP_F32(1, 6, 7, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "tf_crop_and_resize"),
              SIZES(1, 4, 5, 3), SCALES(1, 4 / 6.0f, 5 / 7.0f, 1),
              ROI(0, 0.4f, 0.6f, 0, 1, 0.6f, 0.8f, 1)}},
    {.name = "crop_outside",
     .in = {OP_F32(1, 6, 7, 8)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "tf_crop_and_resize"),
              SIZES(1, 6, 7, 8), SCALES(1, 1, 1, 1), ROI(0, 0.4f, -0.3f, 0, 1, 1.2f, 0.9f, 1),
              OP_SET("extrapolation", 10.5)}},
    {.name = "crop_nearest",
     .in = {OP_F32(1, 3, 6, 7)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("coordinates", "tf_crop_and_resize"), SIZES(1, 3, 6, 7),
              SCALES(1, 1, 1, 1), ROI(0, 0, 0.4f, -0.3f, 1, 1, 1.2f, 0.9f),
              OP_SET("extrapolation", -2)}},
    {.name = "nearest_twice",
     .in = {OP_F32(1, 5, 6, 16)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("coordinates", "asymmetric"), OP_SET_ENUM("nearest_mode", "floor"),
              SIZES(1, 10, 12, 16)}},
    {.name = "nearest_channels_first",
     .in = {OP_F32(2, 3, 5, 6)},
     .n_in = 1,
     .sets = {SIZES(2, 3, 10, 12), SCALES(1, 1, 2, 2)}},
    {.name = "nearest_smaller",
     .in = {OP_F32(1, 9, 10, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("nearest_mode", "round_prefer_ceil"), SIZES(1, 5, 6, 3),
              SCALES(1, 0.6f, 0.6f, 1)}},
    {.name = "nearest_corners",
     .in = {OP_F32(1, 4, 5, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("coordinates", "align_corners"),
              OP_SET_ENUM("nearest_mode", "round_prefer_ceil"), SIZES(1, 9, 3, 3)}},
    {.name = "nearest_ceil",
     .in = {OP_F32(7, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("nearest_mode", "ceil"), SIZES(9, 5), SCALES(9 / 7.0f, 5 / 3.0f)}},
    {.name = "nearest_for_nn",
     .in = {OP_F32(1, 7, 5, 2)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("coordinates", "tf_half_pixel_for_nn"),
              OP_SET_ENUM("nearest_mode", "floor"), SIZES(1, 5, 9, 2)}},
    {.name = "linear_uint8",
     .in = {OP_DESC(uint8, 1, 6, 5, 16)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(1, 9, 13, 16)}},
    {.name = "linear_uint8_corners",
     .in = {OP_DESC(uint8, 2, 5, 5, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "align_corners"),
              SIZES(2, 8, 3, 3)}},
    {.name = "linear_int8",
     .in = {OP_DESC(int8, 1, 6, 5, 16)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), SIZES(1, 9, 13, 16)}},
    {.name = "linear_int8_corners",
     .in = {OP_DESC(int8, 2, 5, 5, 3)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "align_corners"),
              SIZES(2, 8, 3, 3)}},
    {.name = "linear_int8_one_axis",
     .in = {OP_DESC(int8, 1, 4, 9, 6)},
     .n_in = 1,
     .sets = {OP_SET_ENUM("mode", "linear"), OP_SET_ENUM("coordinates", "asymmetric"),
              SIZES(1, 4, 4, 6)}},
    {.name = "nearest_int8",
     .in = {OP_DESC(int8, 1, 4, 5, 6)},
     .n_in = 1,
     .sets = {SIZES(1, 7, 3, 6)}},
    {.name = "nearest_uint8",
     .in = {OP_DESC(uint8, 1, 4, 5, 3)},
     .n_in = 1,
     .sets = {SIZES(1, 8, 10, 3)}},
    {.name = "nearest_int32", .in = {OP_DESC(int32, 4, 5)}, .n_in = 1, .sets = {SIZES(7, 3)}},
    {.name = "nearest_int64", .in = {OP_DESC(int64, 4, 5)}, .n_in = 1, .sets = {SIZES(7, 3)}},
    {.name = "nearest_float16",
     .in = {OP_DESC(float16, 4, 5, 2)},
     .n_in = 1,
     .sets = {SIZES(7, 3, 2)}},
    {.name = "nearest_bool", .in = {OP_DESC(bool, 4, 5, 4)}, .n_in = 1, .sets = {SIZES(8, 10, 4)}},
};

const oc_op oc_op_resize = {
    .name = "resize",
    .help = "x -> x with other numbers of elements along up to three axes",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "sequential",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .permute = permute,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
