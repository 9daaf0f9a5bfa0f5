/* SPDX-License-Identifier: Apache-2.0 */
/**
 * pad: x of any dtype -> x with pads_begin[i] elements before and pads_end[i] after it along axis
 * i. What they are, says `mode`; beside an axis a b c they are
 *   constant   v v v v|a b c|v v v v   v is `value`, or the one element of input 1, of x's dtype
 *   reflect    a b c b|a b c|b a b c   turned round at the outer elements
 *   symmetric  c c b a|a b c|c b a a   turned round behind them
 *   edge       a a a a|a b c|c c c c
 *   wrap       c a b c|a b c|a b c a
 * However many they are; one element alone reflects itself.
 */
#include "op_common.h"

#include "oc_tensor.h"

typedef enum mode { CONSTANT, REFLECT, SYMMETRIC, EDGE, WRAP, MODE_COUNT } mode;

static const char *const mode_names[] = {"constant", "reflect", "symmetric", "edge", "wrap", NULL};

typedef struct attrs {
    oc_ints pads_begin, pads_end;
    float value;
    int32_t mode;
} attrs;

static const oc_attr rows[] = {
    {.name = "pads_begin",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, pads_begin),
     .max = INT32_MAX,
     .help = "elements added before, per axis"},
    {.name = "pads_end",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, pads_end),
     .max = INT32_MAX,
     .help = "elements added after, per axis"},
    {.name = "value",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, value),
     .help = "constant: the element added; the dtype must be able to hold it"},
    {.name = "mode",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, mode),
     .max = MODE_COUNT - 1,
     .names = mode_names,
     .help = "what the elements added are"},
};

/* The bits of `value` as an element of `dtype`; false where it has no such element. */
static bool element_bits(oc_dtype dtype, float value, uint64_t *bits)
{
    /* 2^31 - 2^7 and 2^63 - 2^39 are the largest floats below the types' ends. */
    static const float range[OC_DTYPE_COUNT][2] = {
        [OC_DTYPE_int8] = {-128, 127},
        [OC_DTYPE_uint8] = {0, 255},
        [OC_DTYPE_int32] = {-0x1p31f, 0x1.fffffep30f},
        [OC_DTYPE_int64] = {-0x1p63f, 0x1.fffffep62f},
        [OC_DTYPE_bool] = {0, 1},
    };
    if (dtype == OC_DTYPE_float32)
        *bits = oc_bits(value);
    else if (dtype == OC_DTYPE_float16)
        *bits = oc_half_from_float(value);
    else if (value >= range[dtype][0] && value <= range[dtype][1] && truncf(value) == value)
        *bits = (uint64_t)(int64_t)value;
    else
        return false;
    return true;
}

/* Input 1: one element of x's dtype, for constant padding. */
static oc_status check_value(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    char text[OC_SHAPE_TEXT];
    uint64_t bits;
    if (!oc_op_has(call, 1)) {
        if (!element_bits(call->in[0]->dtype, a->value, &bits))
            return oc_fail(OC_E_ARG, "%s: value of %s is %g, expected an element of %s", call->name,
                           call->op->name, (double)a->value, oc_dtype_name(call->in[0]->dtype));
        return OC_OK;
    }
    OC_TRY(oc_op_check_same_dtype(call));
    if (a->mode != CONSTANT)
        return oc_fail(OC_E_ARG, "%s: mode of %s is %s, expected constant where a value is given",
                       call->name, call->op->name, mode_names[a->mode]);
    if (oc_op_elems(&call->in[1]->shape) != 1)
        return oc_fail(OC_E_SHAPE, "%s: input 1 of %s is %s, expected one element", call->name,
                       call->op->name, oc_shape_print(&call->in[1]->shape, text, sizeof(text)));
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "pads_begin", &a->pads_begin, y.shape.rank, 0));
    OC_TRY(oc_op_check_ints(call, "pads_end", &a->pads_end, y.shape.rank, 0));
    OC_TRY(check_value(call));
    for (int32_t i = 0; i < y.shape.rank; i++) {
        int64_t dim = (int64_t)y.shape.dim[i] + a->pads_begin.v[i] + a->pads_end.v[i];
        if (dim > INT32_MAX)
            return oc_fail(OC_E_LIMIT,
                           "%s: %s gives %lld elements along axis %d, expected at most %d",
                           call->name, call->op->name, (long long)dim, i, INT32_MAX);
        if (a->mode != CONSTANT && y.shape.dim[i] == 0 && dim > 0)
            return oc_fail(OC_E_SHAPE, "%s: axis %d of %s is empty, expected an element to %s",
                           call->name, i, call->op->name, mode_names[a->mode]);
        y.shape.dim[i] = (int32_t)dim;
    }
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    if (oc_op_has(call, 1) && call->in[1]->shape.rank != rank)
        return oc_fail(OC_E_UNSUPPORTED, "%s: the value of %s has no axes to permute", call->name,
                       call->op->name);
    for (int32_t i = 0; i < rank; i++) {
        b->pads_begin.v[i] = a->pads_begin.v[perm[i]];
        b->pads_end.v[i] = a->pads_end.v[perm[i]];
    }
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    uint32_t fixed = 0;
    (void)n;
    (void)attrs_out;
    for (int32_t i = 0; i < call->in[0]->shape.rank; i++)
        if (a->pads_begin.v[i] > 0 || a->pads_end.v[i] > 0)
            fixed |= UINT32_C(1) << i;
    return oc_op_batch_along(call, in, fixed, out);
}

/* ---- the definition ------------------------------------------------------------------------- */

/* `at` modulo `period`, not negative. */
static int64_t modulo(int64_t at, int64_t period)
{
    int64_t rest = at % period;
    return rest < 0 ? rest + period : rest;
}

/* The element of an axis of n that stands at place `at`, which may be outside; -1: none does. */
static int64_t source(mode m, int64_t at, int64_t n)
{
    switch (m) {
    case REFLECT:
        at = n == 1 ? 0 : modulo(at, 2 * (n - 1));
        return at < n ? at : 2 * (n - 1) - at;
    case SYMMETRIC:
        at = modulo(at, 2 * n);
        return at < n ? at : 2 * n - 1 - at;
    case EDGE:
        return OC_MIN(OC_MAX(at, 0), n - 1);
    case WRAP:
        return modulo(at, n);
    case CONSTANT:
    case MODE_COUNT:
        break;
    }
    return at >= 0 && at < n ? at : -1;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    oc_op_halo_along(call, out, UINT32_MAX, in);
    for (int32_t d = 0; d < x->rank; d++) {
        int64_t from = x->dim[d], to = 0;
        for (int32_t o = out->from[d]; o < out->to[d]; o++) {
            int64_t s = source((mode)a->mode, (int64_t)o - a->pads_begin.v[d], x->dim[d]);
            from = s < 0 ? from : OC_MIN(from, s);
            to = OC_MAX(to, s + 1);
        }
        oc_op_halo_set(x, d, from, to, &in[0]);
    }
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape, *y = &call->out[0]->shape;
    size_t elem = oc_dtype_size(call->in[0]->dtype), strides[OC_RANK_MAX];
    int32_t at[OC_RANK_MAX] = {0};
    uint64_t bits = 0;
    (void)element_bits(call->in[0]->dtype, a->value, &bits); /* `shape` has seen that it is one */
    const void *value = oc_op_has(call, 1) ? in[1] : &bits;
    oc_op_strides(x, strides);
    for (size_t e = 0; e < oc_op_elems(y); e++) {
        int64_t from = 0;
        for (int32_t i = 0; i < y->rank && from >= 0; i++) {
            int64_t s = source((mode)a->mode, (int64_t)at[i] - a->pads_begin.v[i], x->dim[i]);
            from = s < 0 ? -1 : from + s * (int64_t)strides[i];
        }
        memcpy((char *)out[0] + e * elem,
               from < 0 ? value : (const char *)in[0] + (size_t)from * elem, elem);
        oc_op_next(y, at);
    }
    return OC_OK;
}

/* ---- kernels -------------------------------------------------------------------------------- */

/* An axis, or several that have merged: `in` elements that begin at `begin` of `out`. */
typedef struct axis {
    size_t in, begin, out;
} axis;

/*
 * The axes that are left, the innermost first, in elements; at least one. With `joins` an axis
 * without padding has joined the axis before it; otherwise those side by side have merged, and the
 * first is one without padding (perhaps of one element).
 */
static size_t merge_axes(const oc_op_call *call, bool joins, axis axes[OC_RANK_MAX + 1])
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape, *y = &call->out[0]->shape;
    size_t count = 0, plain = 1;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        if (y->dim[i] == x->dim[i]) {
            plain *= (size_t)x->dim[i];
            continue;
        }
        if (!joins && (plain != 1 || count == 0))
            axes[count++] = (axis){plain, 0, plain};
        if (!joins)
            plain = 1;
        axes[count++] = (axis){plain * (size_t)x->dim[i], plain * (size_t)a->pads_begin.v[i],
                               plain * (size_t)y->dim[i]};
        plain = 1;
    }
    if (plain != 1 || count == 0)
        axes[count++] = (axis){plain, 0, plain};
    return count;
}

/* The axes around the row; `*total` is the number of rows of the output. */
static oc_status define_axes(oc_launch *l, const axis *axes, size_t count, size_t *total)
{
    *total = 1;
    for (size_t i = 0; i < OC_RANK_MAX - 1; i++) {
        axis outer = i < count ? axes[i] : (axis){1, 0, 1};
        *total *= outer.out;
        OC_TRY(oc_launch_define(l, "-DI%zu=%zu -DB%zu=%zu -DO%zu=%zu", i, outer.in, i, outer.begin,
                                i, outer.out));
    }
    return OC_OK;
}

/* The value attribute's element, repeated over eight bytes. */
static uint64_t fill_bits(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    oc_dtype dtype = call->in[0]->dtype;
    uint64_t bits = 0, fill = 0;
    size_t width = oc_dtype_size(dtype) * 8;
    (void)element_bits(dtype, a->value, &bits);
    if (width == 64)
        return bits;
    bits &= (UINT64_C(1) << width) - 1;
    for (size_t at = 0; at < 64; at += width)
        fill |= bits << at;
    return fill;
}

/* The padding is a number in the kernel, or input 1, which has the size of one element. */
static oc_status launch_constant(const oc_op_call *call, const oc_traits *traits,
                                 oc_launch_list *list)
{
    axis axes[OC_RANK_MAX + 1];
    bool has_value = oc_op_has(call, 1);
    size_t elem = oc_dtype_size(call->in[0]->dtype), count = merge_axes(call, true, axes), rows_out;
    axis row = {axes[0].in * elem, axes[0].begin * elem, axes[0].out * elem};
    size_t unit = has_value ? elem : oc_op_unit(row.in | row.begin | row.out);
    size_t chunk = oc_op_chunk(traits, row.out / unit);
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "pad", has_value ? "pad_value" : "pad", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DFILL=0x%016llxUL", (unsigned long long)fill_bits(call)));
    OC_TRY(oc_launch_define(l, "-DNI=%zu -DNB=%zu -DNO=%zu -DCHUNK=%zu", row.in / unit,
                            row.begin / unit, row.out / unit, chunk));
    OC_TRY(define_axes(l, axes + 1, count - 1, &rows_out));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    if (has_value)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 1});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row.out / unit + chunk - 1) / OC_MAX(chunk, (size_t)1), rows_out, 1);
    return OC_OK;
}

/* Whatever lies inside the last padded axis is a block that is copied whole. */
static oc_status launch_mapped(const oc_op_call *call, const oc_traits *traits,
                               oc_launch_list *list)
{
    static const char *const source_names[] = {
        [REFLECT] = "reflect", [SYMMETRIC] = "symmetric", [EDGE] = "edge", [WRAP] = "wrap"};
    const attrs *a = call->attrs;
    axis axes[OC_RANK_MAX + 1];
    size_t elem = oc_dtype_size(call->in[0]->dtype), rows_out;
    size_t count = merge_axes(call, false, axes);
    size_t bytes = axes[0].in * elem, unit = oc_op_unit(bytes), block = bytes / unit;
    axis row = count > 1 ? axes[1] : (axis){1, 0, 1};
    /* Blocks that make up about what a work-item copies elsewhere. */
    size_t chunk =
        OC_MAX(oc_op_chunk(traits, row.out * block) / OC_MAX(block, (size_t)1), (size_t)1);
    oc_launch *l;
    OC_TRY(oc_launch_add(list, "pad", "pad_mapped", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DSOURCE=source_%s -DBLOCK=%zu", source_names[a->mode], block));
    OC_TRY(oc_launch_define(l, "-DNI=%zu -DNB=%zu -DNO=%zu -DCHUNK=%zu", row.in, row.begin, row.out,
                            chunk));
    OC_TRY(define_axes(l, axes + 2, count > 2 ? count - 2 : 0, &rows_out));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (row.out + chunk - 1) / chunk, rows_out, 1);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check_launch(call));
    return a->mode == CONSTANT ? launch_constant(call, traits, list)
                               : launch_mapped(call, traits, list);
}

#define PADS(begin_, end_)                          \
    {.attr = "pads_begin", .ints = OP_INTS begin_}, \
    {                                               \
        .attr = "pads_end", .ints = OP_INTS end_    \
    }
static const oc_op_case cases[] = {
    {.name = "spatial",
     .in = {OP_F32(1, 5, 6, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 1, 2, 0), OP_SET_INTS("pads_end", 0, 3, 0, 0)}},
    {.name = "spatial_odd",
     .in = {OP_F32(2, 5, 3, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 0, 1, 0), OP_SET_INTS("pads_end", 0, 1, 1, 0),
              OP_SET("value", -2.5)}},
    {.name = "channels",
     .in = {OP_F32(1, 4, 4, 5)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 0, 0, 0), OP_SET_INTS("pads_end", 0, 0, 0, 3)}},
    {.name = "all_axes",
     .in = {OP_F32(2, 3, 2, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 2, 0, 3), OP_SET_INTS("pads_end", 1, 0, 4, 1)}},
    {.name = "nothing",
     .in = {OP_F32(2, 3)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 0), OP_SET_INTS("pads_end", 0, 0)}},
    {.name = "scalar", .in = {OP_SCALAR(float32)}, .n_in = 1},
    {.name = "long_rows",
     .in = {OP_F32(2, 3000)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 2500), OP_SET_INTS("pads_end", 0, 3001),
              OP_SET("value", 7)}},
    {.name = "around_nothing",
     .in = {OP_F32(2, 0, 3)},
     .n_in = 1,
     .sets = {PADS((0, 1, 1), (1, 2, 0)), OP_SET("value", 4)}},
    {.name = "rank_8",
     .in = {OP_F32(1, 2, 1, 2, 3, 1, 2, 2)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 0, 1, 1, 1, 1, 0, 1),
              OP_SET_INTS("pads_end", 0, 1, 1, 0, 1, 0, 1, 1), OP_SET("value", 0.5)}},
    {.name = "int64",
     .in = {OP_DESC(int64, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 1), OP_SET_INTS("pads_end", 0, 2), OP_SET("value", -5)}},
    {.name = "int32",
     .in = {OP_DESC(int32, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 0), OP_SET_INTS("pads_end", 2, 1),
              OP_SET("value", -70000)}},
    {.name = "float16",
     .in = {OP_DESC(float16, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 1), OP_SET_INTS("pads_end", 2, 1),
              OP_SET("value", 1.5)}},
    {.name = "int8",
     .in = {OP_DESC(int8, 2, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 0, 2, 0), OP_SET_INTS("pads_end", 1, 0, 0),
              OP_SET("value", -128)}},
    {.name = "uint8",
     .in = {OP_DESC(uint8, 7)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 3), OP_SET_INTS("pads_end", 2), OP_SET("value", 255)}},
    {.name = "bool",
     .in = {OP_DESC(bool, 3, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("pads_begin", 1, 16), OP_SET_INTS("pads_end", 0, 0), OP_SET("value", 1)}},
    {.name = "value_given",
     .in = {OP_F32(2, 5, 3), OP_SCALAR(float32)},
     .n_in = 2,
     .sets = {PADS((0, 1, 2), (1, 0, 4))}},
    {.name = "value_given_int64",
     .in = {OP_DESC(int64, 5, 4), OP_DESC(int64, 1)},
     .n_in = 2,
     .const_mask = 2,
     .sets = {PADS((0, 1), (1, 0))}},
    {.name = "value_given_int8",
     .in = {OP_DESC(int8, 2, 5, 4), OP_DESC(int8, 1)},
     .n_in = 2,
     .sets = {PADS((0, 4, 0), (1, 0, 0))}},
    {.name = "reflect",
     .in = {OP_F32(2, 5, 6, 8)},
     .n_in = 1,
     .sets = {PADS((0, 1, 2, 0), (0, 3, 1, 0)), OP_SET_ENUM("mode", "reflect")}},
    {.name = "reflect_far",
     .in = {OP_F32(3, 4)},
     .n_in = 1,
     .sets = {PADS((7, 9), (5, 11)), OP_SET_ENUM("mode", "reflect")}},
    {.name = "reflect_one",
     .in = {OP_F32(2, 1, 3)},
     .n_in = 1,
     .sets = {PADS((0, 2, 0), (0, 1, 0)), OP_SET_ENUM("mode", "reflect")}},
    {.name = "symmetric",
     .in = {OP_F32(1, 5, 6, 3)},
     .n_in = 1,
     .sets = {PADS((0, 2, 2, 0), (0, 3, 1, 0)), OP_SET_ENUM("mode", "symmetric")}},
    {.name = "symmetric_far",
     .in = {OP_F32(3, 2)},
     .n_in = 1,
     .sets = {PADS((7, 5), (5, 9)), OP_SET_ENUM("mode", "symmetric")}},
    {.name = "edge",
     .in = {OP_F32(2, 3, 4, 5)},
     .n_in = 1,
     .sets = {PADS((0, 1, 4, 0), (0, 3, 0, 0)), OP_SET_ENUM("mode", "edge")}},
    {.name = "edge_rows",
     .in = {OP_F32(2, 3, 7, 9)},
     .n_in = 1,
     .sets = {PADS((0, 0, 3, 2), (0, 0, 1, 5)), OP_SET_ENUM("mode", "edge")}},
    {.name = "wrap",
     .in = {OP_F32(1, 3, 4, 4)},
     .n_in = 1,
     .sets = {PADS((0, 2, 1, 0), (0, 1, 3, 0)), OP_SET_ENUM("mode", "wrap")}},
    {.name = "wrap_far",
     .in = {OP_F32(3, 2)},
     .n_in = 1,
     .sets = {PADS((7, 5), (5, 9)), OP_SET_ENUM("mode", "wrap")}},
    {.name = "edge_nothing",
     .in = {OP_F32(3, 2)},
     .n_in = 1,
     .sets = {PADS((0, 0), (0, 0)), OP_SET_ENUM("mode", "edge")}},
    {.name = "reflect_rank_8",
     .in = {OP_F32(2, 3, 2, 2, 3, 2, 2, 3)},
     .n_in = 1,
     .sets = {PADS((1, 0, 1, 1, 0, 1, 1, 2), (0, 1, 1, 0, 1, 0, 1, 1)),
              OP_SET_ENUM("mode", "reflect")}},
    {.name = "edge_long_rows",
     .in = {OP_F32(2, 2, 1501)},
     .n_in = 1,
     .sets = {PADS((0, 1, 0), (0, 2, 0)), OP_SET_ENUM("mode", "edge")}},
    {.name = "wrap_int64",
     .in = {OP_DESC(int64, 3, 4)},
     .n_in = 1,
     .sets = {PADS((1, 2), (0, 3)), OP_SET_ENUM("mode", "wrap")}},
    {.name = "edge_float16",
     .in = {OP_DESC(float16, 3, 4, 2)},
     .n_in = 1,
     .sets = {PADS((1, 2, 0), (0, 3, 0)), OP_SET_ENUM("mode", "edge")}},
    {.name = "reflect_int8",
     .in = {OP_DESC(int8, 3, 4, 5)},
     .n_in = 1,
     .sets = {PADS((1, 2, 0), (0, 3, 0)), OP_SET_ENUM("mode", "reflect")}},
    {.name = "symmetric_uint8",
     .in = {OP_DESC(uint8, 3, 4, 5)},
     .n_in = 1,
     .sets = {PADS((1, 2, 0), (0, 3, 1)), OP_SET_ENUM("mode", "symmetric")}},
};

const oc_op oc_op_pad = {
    .name = "pad",
    .help = "x, value (optional) -> x with elements added around it",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 2,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .permute = permute,
    .cost = oc_op_cost_io,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
