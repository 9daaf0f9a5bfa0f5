/* SPDX-License-Identifier: Apache-2.0 */
/**
 * pad: x of any dtype -> x with pads_begin[i] elements before and pads_end[i] after it along axis
 * i, all of them `value`.
 */
#include "op_common.h"

typedef struct attrs {
    oc_ints pads_begin, pads_end;
    float value;
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
     .help = "the element added; the dtype must be able to hold it"},
};

/* The nearest float16 (ties to even). */
static uint16_t half_bits(float value)
{
    uint32_t bits = oc_bits(value), size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
    if (size > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u); /* NaN */
    if (size >= 0x477ff000u)
        return (uint16_t)(sign | 0x7c00u); /* 65520 and more: infinity */
    /* Below 2^-14: a multiple of 2^-24, which is the last bit of a float between 0.5 and 1. */
    if (size < 0x38800000u)
        return (uint16_t)(sign | (oc_bits(oc_float(size) + 0.5f) - oc_bits(0.5f)));
    size += 0xfffu + (size >> 13 & 1u);
    return (uint16_t)(sign | (size - (112u << 23)) >> 13);
}

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
        *bits = half_bits(value);
    else if (value >= range[dtype][0] && value <= range[dtype][1] && truncf(value) == value)
        *bits = (uint64_t)(int64_t)value;
    else
        return false;
    return true;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    uint64_t bits;
    OC_TRY(oc_op_check(call));
    oc_desc y = *call->in[0];
    OC_TRY(oc_op_check_ints(call, "pads_begin", &a->pads_begin, y.shape.rank, 0));
    OC_TRY(oc_op_check_ints(call, "pads_end", &a->pads_end, y.shape.rank, 0));
    for (int32_t i = 0; i < y.shape.rank; i++) {
        int64_t dim = (int64_t)y.shape.dim[i] + a->pads_begin.v[i] + a->pads_end.v[i];
        if (dim > INT32_MAX)
            return oc_fail(OC_E_LIMIT,
                           "%s: %s gives %lld elements along axis %d, expected at most %d",
                           call->name, call->op->name, (long long)dim, i, INT32_MAX);
        y.shape.dim[i] = (int32_t)dim;
    }
    if (!element_bits(y.dtype, a->value, &bits))
        return oc_fail(OC_E_ARG, "%s: value of %s is %g, expected an element of %s", call->name,
                       call->op->name, (double)a->value, oc_dtype_name(y.dtype));
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    for (int32_t i = 0; i < rank; i++) {
        b->pads_begin.v[i] = a->pads_begin.v[perm[i]];
        b->pads_end.v[i] = a->pads_end.v[perm[i]];
    }
    return OC_OK;
}

/* The element's bytes, repeated over eight. */
static uint64_t fill_bits(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    oc_dtype dtype = call->in[0]->dtype;
    uint64_t bits = 0, fill = 0;
    size_t width = oc_dtype_size(dtype) * 8;
    (void)element_bits(dtype, a->value, &bits); /* `shape` has seen that it is one */
    if (width == 64)
        return bits;
    bits &= (UINT64_C(1) << width) - 1;
    for (size_t at = 0; at < 64; at += width)
        fill |= bits << at;
    return fill;
}

/* All filled with the value, then every row of the input copied to its place. */
static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape, *y = &call->out[0]->shape;
    size_t elem = oc_dtype_size(call->in[0]->dtype), strides[OC_RANK_MAX];
    size_t row = x->rank > 0 ? (size_t)x->dim[x->rank - 1] : 1;
    uint64_t fill = fill_bits(call);
    int32_t at[OC_RANK_MAX] = {0};
    oc_shape lines = {.rank = OC_MAX(x->rank - 1, 0)};
    memcpy(lines.dim, x->dim, sizeof(lines.dim));
    oc_op_strides(y, strides);
    for (size_t i = 0; i < oc_op_elems(y); i++)
        memcpy((char *)out[0] + i * elem, &fill, elem);
    for (size_t i = 0; i < oc_op_elems(&lines); i++) {
        size_t to = 0;
        for (int32_t d = 0; d < x->rank; d++)
            to += ((size_t)at[d] + (size_t)a->pads_begin.v[d]) * strides[d];
        memcpy((char *)out[0] + to * elem, (const char *)in[0] + i * row * elem, row * elem);
        oc_op_next(&lines, at);
    }
    return OC_OK;
}

/* An axis; one without padding has joined the axis before it. */
typedef struct axis {
    size_t in, begin, out;
} axis;

/* The axes that are left, the innermost first, in elements; at least one. */
static size_t merge_axes(const oc_op_call *call, axis axes[OC_RANK_MAX])
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape, *y = &call->out[0]->shape;
    size_t count = 0, plain = 1;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        bool is_padded = y->dim[i] != x->dim[i];
        if (is_padded)
            axes[count++] = (axis){plain * (size_t)x->dim[i], plain * (size_t)a->pads_begin.v[i],
                                   plain * (size_t)y->dim[i]};
        plain = is_padded ? 1 : plain * (size_t)x->dim[i];
    }
    if (plain > 1 || count == 0)
        axes[count++] = (axis){plain, 0, plain};
    return count;
}

static oc_status define_axes(oc_launch *l, const axis *axes, size_t count)
{
    for (size_t i = 0; i < OC_RANK_MAX - 1; i++) {
        axis outer = i + 1 < count ? axes[i + 1] : (axis){1, 0, 1};
        OC_TRY(oc_launch_define(l, "-DI%zu=%zu -DB%zu=%zu -DO%zu=%zu", i, outer.in, i, outer.begin,
                                i, outer.out));
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    axis axes[OC_RANK_MAX];
    size_t elem = oc_dtype_size(call->in[0]->dtype);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    size_t count = merge_axes(call, axes);
    axis row = {axes[0].in * elem, axes[0].begin * elem, axes[0].out * elem};
    size_t unit = oc_op_unit(row.in | row.begin | row.out);
    size_t chunk = oc_op_chunk(traits, row.out / unit);
    OC_TRY(oc_launch_add(list, "pad", "pad", &l));
    OC_TRY(oc_op_define_unit(l, unit));
    OC_TRY(oc_launch_define(l, "-DFILL=0x%016llxUL", (unsigned long long)fill_bits(call)));
    OC_TRY(oc_launch_define(l, "-DNI=%zu -DNB=%zu -DNO=%zu -DCHUNK=%zu", row.in / unit,
                            row.begin / unit, row.out / unit, chunk));
    OC_TRY(define_axes(l, axes, count));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    size_t rows_out = oc_op_elems(&call->out[0]->shape) / axes[0].out;
    oc_launch_range(l, (row.out / unit + chunk - 1) / chunk, rows_out, 1);
    return OC_OK;
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
};

const oc_op oc_op_pad = {
    .name = "pad",
    .help = "x -> x with elements of one value added around it",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "copy",
    .shape = shape,
    .permute = permute,
    .cost = oc_op_cost_io,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
