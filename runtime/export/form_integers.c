/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX forms of integer networks: products of 8-bit numbers (conv2d, fully_connected, matmul),
 * requantize, qbinary and qsoftmax. Whoever runs them gets our integers, not near ones.
 */
#include "form_fixed.h"

#include "quant.h"

#include <math.h>

/* ---- products --------------------------------------------------------------------------------- */

enum { IN_X, IN_W, IN_BIAS, IN_X_ZERO, IN_W_ZERO };

/* One weight zero point a channel, which runtimes refuse in a ConvInteger? */
static bool has_many_zeros(const oc_form_call *c)
{
    if (!oc_form_has(c, IN_W_ZERO))
        return false;
    const oc_shape *zero = &c->in[IN_W_ZERO]->shape;
    return zero->rank == 1 && zero->dim[0] > 1;
}

/* Over which picture a kernel goes, and how. */
typedef struct taps {
    oc_tensor_id x;
    int32_t strides[2], dilations[2], pads[4];
} taps;

static oc_tensor_id convolve(oc_form_call *c, const taps *t, oc_tensor_id w, oc_tensor_id w_zero,
                             int32_t groups)
{
    oc_tensor_id y = OC_FORM(c, "ConvInteger", t->x, w, oc_form_in(c, IN_X_ZERO), w_zero);
    oc_form_set_ints(c, "strides", t->strides, 2);
    oc_form_set_ints(c, "dilations", t->dilations, 2);
    oc_form_set_ints(c, "pads", t->pads, 4);
    oc_form_set_int(c, "group", groups);
    return y;
}

/* A constant full of ones, of 8 bits. */
static oc_tensor_id ones(oc_form_call *c, oc_shape shape)
{
    size_t elems = 0;
    uint8_t *bytes = NULL;
    if (c->form->status == OC_OK)
        c->form->status = oc_shape_elems(&shape, &elems);
    if (c->form->status == OC_OK)
        c->form->status = OC_ARENA_ALLOC(&c->form->arena, elems + 1, bytes);
    if (c->form->status == OC_OK)
        memset(bytes, 1, elems);
    return oc_form_bytes(c, &(oc_desc){OC_DTYPE_uint8, shape}, bytes);
}

/* The zero points of input `index` under another shape, as int32. */
static oc_tensor_id zero_points(oc_form_call *c, uint32_t index, const oc_shape *to)
{
    oc_tensor_id z = oc_form_reshape(c, oc_form_in(c, index), to);
    return oc_form_cast(c, z, c->in[index]->dtype, OC_DTYPE_int32);
}

/*
 * sum (x - xz)(w - wz) = sum (x - xz) w - wz sum (x - xz), for a wz of each channel: the second sum
 * is a convolution with ones. Then the bias.
 */
static void convolve_all(oc_form_call *c, const taps *t, oc_tensor_id w)
{
    const oc_shape *shape = &c->in[IN_W]->shape, column = {3, {shape->dim[0], 1, 1}};
    int32_t groups = oc_node_int(&c->node, "groups");
    bool has_zeros = has_many_zeros(c);
    oc_tensor_id y = convolve(c, t, w, has_zeros ? OC_NONE : oc_form_in(c, IN_W_ZERO), groups);
    if (has_zeros) {
        oc_shape kernels = {4, {shape->dim[0], shape->dim[3], shape->dim[1], shape->dim[2]}};
        oc_tensor_id sums = convolve(c, t, ones(c, kernels), OC_NONE, groups);
        y = OC_FORM(c, "Sub", y, OC_FORM(c, "Mul", sums, zero_points(c, IN_W_ZERO, &column)));
    }
    if (oc_form_has(c, IN_BIAS))
        y = OC_FORM(c, "Add", y, oc_form_in_permuted(c, IN_BIAS, &column, NULL));
    oc_form_out(c, 0, y);
}

void oc_form_write_conv_8bit(oc_form_call *c)
{
    taps t = {.x = oc_form_in(c, IN_X)};
    memcpy(t.strides, oc_node_ints(&c->node, "strides")->v, sizeof(t.strides));
    memcpy(t.dilations, oc_node_ints(&c->node, "dilations")->v, sizeof(t.dilations));
    memcpy(t.pads, oc_node_ints(&c->node, "pads")->v, sizeof(t.pads));
    convolve_all(c, &t, oc_form_in_permuted(c, IN_W, NULL, &(oc_ints){4, {0, 3, 1, 2}}));
}

/* The picture with stride - 1 places behind each place, and what the kernel needs around it. */
static oc_tensor_id spread(oc_form_call *c)
{
    const int32_t *strides = oc_node_ints(&c->node, "strides")->v;
    const int32_t *dilations = oc_node_ints(&c->node, "dilations")->v;
    const int32_t *pads = oc_node_ints(&c->node, "pads")->v;
    const int32_t *more = oc_node_ints(&c->node, "output_pads")->v;
    const int32_t *x = c->in[IN_X]->shape.dim, *w = c->in[IN_W]->shape.dim;
    oc_shape wide = {6, {x[0], x[3], x[1], 1, x[2], 1}};
    oc_shape joined = {4, {x[0], x[3], x[1] * strides[0], x[2] * strides[1]}};
    int32_t behind[12] = {[9] = strides[0] - 1, [11] = strides[1] - 1}, around[8] = {0};
    for (int i = 0; i < 2; i++) {
        int32_t reach = (w[1 + i] - 1) * dilations[i];
        around[2 + i] = reach - pads[i];
        around[6 + i] = reach - pads[2 + i] + more[i] - (strides[i] - 1);
    }
    oc_tensor_id nothing = oc_form_has(c, IN_X_ZERO)
                               ? oc_form_reshape(c, oc_form_in(c, IN_X_ZERO), &(oc_shape){0})
                               : oc_form_scalar(c, c->in[IN_X]->dtype, 0);
    oc_tensor_id y = oc_form_reshape(c, oc_form_in(c, IN_X), &wide);
    y = oc_form_reshape(c, OC_FORM(c, "Pad", y, oc_form_ints(c, behind, 12), nothing), &joined);
    return OC_FORM(c, "Pad", y, oc_form_ints(c, around, 8), nothing);
}

/* ONNX has no such operator of integers: a convolution of the picture spread out, with kernels turned round. */
void oc_form_write_conv_transpose_8bit(oc_form_call *c)
{
    static const int64_t last[] = {-1, -1}, before[] = {INT64_MIN + 1, INT64_MIN + 1};
    static const int64_t axes[] = {2, 3}, back[] = {-1, -1};
    taps t = {.x = spread(c), .strides = {1, 1}};
    memcpy(t.dilations, oc_node_ints(&c->node, "dilations")->v, sizeof(t.dilations));
    oc_tensor_id w = oc_form_in_permuted(c, IN_W, NULL, &(oc_ints){4, {0, 3, 1, 2}});
    w = OC_FORM(c, "Slice", w, oc_form_int64s(c, last, 2), oc_form_int64s(c, before, 2),
                oc_form_int64s(c, axes, 2), oc_form_int64s(c, back, 2));
    convolve_all(c, &t, w);
}

void oc_form_write_connected_8bit(oc_form_call *c)
{
    oc_tensor_id w = oc_form_in_permuted(c, IN_W, NULL, &(oc_ints){2, {1, 0}});
    oc_tensor_id y = OC_FORM(c, "MatMulInteger", oc_form_in(c, IN_X), w, oc_form_in(c, IN_X_ZERO),
                             oc_form_in(c, IN_W_ZERO));
    if (oc_form_has(c, IN_BIAS))
        y = OC_FORM(c, "Add", y, oc_form_in(c, IN_BIAS));
    oc_form_out(c, 0, y);
}

/* How many zero points input `index` has. */
static int32_t count_zeros(const oc_form_call *c, uint32_t index)
{
    int32_t count = oc_form_has(c, index) ? 1 : 0;
    for (int32_t i = 0; count && i < c->in[index]->shape.rank; i++)
        count *= c->in[index]->shape.dim[i];
    return count;
}

/* Zero point `index` where there is one only. */
static oc_tensor_id one_zero(oc_form_call *c, uint32_t index)
{
    return count_zeros(c, index) == 1 ? oc_form_reshape(c, oc_form_in(c, index), &(oc_shape){0})
                                      : OC_NONE;
}

/*
 * Runtimes' MatMulInteger knows one zero point a matrix. With one a row of p and one a column of q,
 *     sum (p - pz)(q - qz) = sum p q - qz sum p - pz (sum q - K qz),
 * whose second and third sum are products with ones.
 */
void oc_form_write_matmul_8bit(oc_form_call *c)
{
    const oc_shape *p = &c->in[IN_X]->shape, *q = &c->in[IN_W]->shape;
    int32_t k = p->dim[p->rank - 1], rows = p->dim[p->rank - 2], columns = q->dim[q->rank - 1];
    oc_tensor_id x = oc_form_in(c, IN_X), w = oc_form_in(c, IN_W), qz = OC_NONE;
    oc_tensor_id p_one = one_zero(c, IN_X_ZERO), q_one = one_zero(c, IN_W_ZERO);
    oc_tensor_id y = OC_FORM(c, "MatMulInteger", x, w, p_one, q_one);
    if (count_zeros(c, IN_W_ZERO) > 1) {
        oc_tensor_id sums = OC_FORM(c, "MatMulInteger", x, ones(c, (oc_shape){2, {k, 1}}), p_one);
        qz = zero_points(c, IN_W_ZERO, &(oc_shape){2, {1, columns}});
        y = OC_FORM(c, "Sub", y, OC_FORM(c, "Mul", sums, qz));
    }
    if (count_zeros(c, IN_X_ZERO) > 1) {
        oc_tensor_id pz = zero_points(c, IN_X_ZERO, &(oc_shape){2, {rows, 1}});
        oc_tensor_id row = ones(c, (oc_shape){2, {1, k}});
        oc_tensor_id sums = OC_FORM(c, "MatMulInteger", row, w, OC_NONE, q_one);
        oc_tensor_id times = oc_form_scalar(c, OC_DTYPE_int32, k);
        if (qz != OC_NONE)
            sums = OC_FORM(c, "Sub", sums, OC_FORM(c, "Mul", qz, times));
        y = OC_FORM(c, "Sub", y, OC_FORM(c, "Mul", pz, sums));
    }
    if (oc_form_has(c, IN_BIAS))
        y = OC_FORM(c, "Add", y, oc_form_in(c, IN_BIAS));
    oc_form_out(c, 0, y);
}

oc_tensor_id oc_form_sum_8bit(oc_form_call *c, const int32_t *kernel, const int32_t *strides,
                              const int32_t *dilations, const int32_t *pads)
{
    int32_t channels = c->in[0]->shape.dim[3];
    taps t = {.x = oc_form_in(c, 0)};
    memcpy(t.strides, strides, sizeof(t.strides));
    memcpy(t.dilations, dilations, sizeof(t.dilations));
    memcpy(t.pads, pads, sizeof(t.pads));
    return convolve(c, &t, ones(c, (oc_shape){4, {channels, 1, kernel[0], kernel[1]}}), OC_NONE,
                    channels);
}

/* ---- requantising ----------------------------------------------------------------------------- */

/* min(max(x + zero, lo), hi) as output 0. */
static void finish(oc_form_call *c, oc_tensor_id x, const char *zero)
{
    int32_t offset = oc_node_int(&c->node, zero);
    if (offset != 0)
        x = oc_fixed_wrap(c, oc_fixed_add(c, x, oc_fixed_number(c, offset)));
    x = oc_fixed_clip(c, x, oc_node_int(&c->node, "lo"), oc_node_int(&c->node, "hi"));
    oc_form_out(c, 0, oc_form_cast(c, x, OC_DTYPE_int64, c->out[0]->dtype));
}

/* The factors of a requantize as inputs: powers of two by a look at their table. */
static oc_fixed_factor input_factors(oc_form_call *c, const oc_shape *shape)
{
    oc_fixed_factor factor;
    oc_tensor_id mult = oc_form_reshape(c, oc_form_in(c, 1), shape);
    oc_tensor_id shift = oc_form_reshape(c, oc_form_in(c, 2), shape);
    shift = oc_form_cast(c, shift, OC_DTYPE_int32, OC_DTYPE_int64);
    oc_tensor_id up = oc_fixed_clip(c, shift, 0, 31);
    oc_tensor_id down = OC_FORM(c, "Neg", oc_fixed_clip(c, shift, -31, 0));
    factor.mult = oc_form_cast(c, mult, OC_DTYPE_int32, OC_DTYPE_int64);
    factor.up = OC_FORM(c, "Gather", oc_fixed_powers(c, false), up);
    factor.power = OC_FORM(c, "Gather", oc_fixed_powers(c, false), down);
    factor.half = OC_FORM(c, "Gather", oc_fixed_powers(c, true), down);
    return factor;
}

static oc_tensor_id as_double(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id y = OC_FORM(c, "Cast", x);
    oc_form_set_int(c, "to", 11); /* DOUBLE, which no value of a graph is */
    return y;
}

/* Input `index`, its bits below 2^bits, as a double. */
static oc_tensor_id low_bits(oc_form_call *c, uint32_t index, const oc_shape *shape, int bits)
{
    oc_tensor_id x = oc_form_reshape(c, oc_form_in(c, index), shape);
    x = oc_form_cast(c, x, OC_DTYPE_int32, OC_DTYPE_int64);
    return as_double(c, OC_FORM(c, "Mod", x, oc_fixed_number(c, INT64_C(1) << bits)));
}

/* The doubles that oc_quant_scale_double is about: multiplier 2^22 + low, times 2^(shift - 53). */
static oc_tensor_id double_factors(oc_form_call *c, const oc_shape *shape)
{
    float powers[65];
    for (int i = 0; i < 65; i++)
        powers[i] = ldexpf(1.0f, i - 33 - 53);
    oc_tensor_id table = oc_form_bytes(c, &(oc_desc){OC_DTYPE_float32, {1, {65}}}, powers);
    oc_tensor_id shift = oc_form_cast(c, oc_form_reshape(c, oc_form_in(c, 2), shape),
                                      OC_DTYPE_int32, OC_DTYPE_int64);
    shift = oc_fixed_add(c, oc_fixed_clip(c, shift, -33, 31), oc_fixed_number(c, 33));
    oc_tensor_id power = as_double(c, OC_FORM(c, "Gather", table, shift));
    oc_tensor_id up = as_double(c, oc_form_scalar(c, OC_DTYPE_float32, 0x1p22));
    oc_tensor_id high = OC_FORM(c, "Mul", low_bits(c, 1, shape, 31), up);
    return OC_FORM(c, "Mul", OC_FORM(c, "Add", high, low_bits(c, 3, shape, 22)), power);
}

/* round(x factor), halves away from 0, and the least int32 where it is none. */
static oc_tensor_id scale_double(oc_form_call *c, oc_tensor_id x, const oc_shape *shape)
{
    oc_tensor_id p = OC_FORM(c, "Mul", as_double(c, x), double_factors(c, shape));
    oc_tensor_id most = as_double(c, oc_form_scalar(c, OC_DTYPE_float32, 0x1p31));
    oc_tensor_id two = as_double(c, oc_form_scalar(c, OC_DTYPE_float32, 2));
    oc_tensor_id size = OC_FORM(c, "Min", OC_FORM(c, "Abs", p), most);
    oc_tensor_id whole = OC_FORM(c, "Floor", size), rest = OC_FORM(c, "Sub", size, whole);
    size = OC_FORM(c, "Add", whole, OC_FORM(c, "Floor", OC_FORM(c, "Mul", rest, two)));
    size = oc_form_cast(c, size, OC_DTYPE_float32, OC_DTYPE_int64);
    /* 2^31 becomes -2^31 with either sign. */
    oc_tensor_id y = OC_FORM(c, "Mul", OC_FORM(c, "Sign", x), size);
    return oc_fixed_wrap(c, y);
}

void oc_form_write_requantize(oc_form_call *c)
{
    oc_form_prefer_first(c);
    int32_t count = c->in[1]->shape.dim[0], rank = c->in[0]->shape.rank;
    oc_shape shape = {1, {count}};
    /* One factor a channel, where the channels are the second axis. */
    if (c->is_spatial && count > 1)
        for (shape.rank = rank - 1; --rank > 1;)
            shape.dim[rank - 1] = 1;
    const int32_t *mult = oc_form_in_bytes(c, 1), *shift = oc_form_in_bytes(c, 2);
    oc_tensor_id x = oc_form_cast(c, oc_form_in(c, 0), OC_DTYPE_int32, OC_DTYPE_int64);
    if (count == 1)
        shape.rank = 0;
    if (strcmp(oc_node_enum(&c->node, "rounding"), "double") == 0) {
        finish(c, scale_double(c, x, &shape), "zero");
        return;
    }
    oc_fixed_factor factor = mult && shift
                                 ? oc_fixed_factors(c, mult, shift, (size_t)count, &shape)
                                 : input_factors(c, &shape);
    finish(c, oc_fixed_scale(c, x, &factor), "zero");
}

/* ---- sums and products of quantised numbers ---------------------------------------------------- */

static oc_fixed_factor attr_factor(oc_form_call *c, const char *mult, const char *shift)
{
    int32_t m = oc_node_int(&c->node, mult), s = oc_node_int(&c->node, shift);
    return oc_fixed_factors(c, &m, &s, 1, &(oc_shape){0});
}

/* Input `index` without its zero point. */
static oc_tensor_id centred(oc_form_call *c, uint32_t index, const char *zero)
{
    oc_tensor_id x = oc_form_cast(c, oc_form_in(c, index), c->in[index]->dtype, OC_DTYPE_int64);
    return oc_fixed_sub(c, x, oc_fixed_number(c, oc_node_int(&c->node, zero)));
}

static oc_tensor_id scaled(oc_form_call *c, oc_tensor_id x, const char *mult, const char *shift)
{
    oc_fixed_factor factor = attr_factor(c, mult, shift);
    int64_t up = INT64_C(1) << oc_node_int(&c->node, "left_shift");
    return oc_fixed_scale(c, OC_FORM(c, "Mul", x, oc_fixed_number(c, up)), &factor);
}

void oc_form_write_qbinary(oc_form_call *c)
{
    const char *fn = oc_node_enum(&c->node, "fn");
    oc_tensor_id p = centred(c, 0, "zero1"), q = centred(c, 1, "zero2"), r;
    oc_fixed_factor out = attr_factor(c, "mult_out", "shift_out");
    if (strcmp(fn, "mul") == 0) {
        r = OC_FORM(c, "Mul", p, q);
    } else {
        p = scaled(c, p, "mult1", "shift1");
        q = scaled(c, q, "mult2", "shift2");
        r = OC_FORM(c, strcmp(fn, "add") == 0 ? "Add" : "Sub", p, q);
        r = oc_fixed_wrap(c, r);
    }
    finish(c, oc_fixed_scale(c, r, &out), "zero_out");
}

/* ---- softmax ---------------------------------------------------------------------------------- */

/* e^d for the 256 differences d = -255 .. 0 that there are; as summed, where `is_summed`. */
static oc_tensor_id exp_table(oc_form_call *c, bool is_summed)
{
    int32_t multiplier = oc_node_int(&c->node, "multiplier");
    int32_t shift = oc_node_int(&c->node, "shift"), least = oc_node_int(&c->node, "diff_min");
    int64_t table[256];
    for (int32_t d = -255; d <= 0; d++) {
        int32_t e = d < least ? 0 : oc_quant_exp(oc_quant_scale(d, multiplier, shift), 5);
        table[d + 255] = is_summed ? oc_quant_shift_down(e, 12) : e;
    }
    return oc_form_int64s(c, table, OC_COUNT(table));
}

static oc_tensor_id reduce_last(oc_form_call *c, const char *op_type, oc_tensor_id x)
{
    oc_tensor_id y = OC_FORM(c, op_type, x, oc_form_int64s(c, (int64_t[]){-1}, 1));
    oc_form_set_int(c, "keepdims", 1);
    return y;
}

/* Leading zeros of 32-bit numbers [...,1] above 0: how many of 2^0 .. 2^31 go into them no time. */
static oc_tensor_id leading_zeros(oc_form_call *c, oc_tensor_id x)
{
    int64_t powers[32];
    for (int i = 0; i < 32; i++)
        powers[i] = INT64_C(1) << i;
    oc_tensor_id times = OC_FORM(c, "Div", x, oc_form_int64s(c, powers, OC_COUNT(powers)));
    oc_tensor_id bits = reduce_last(c, "ReduceSum", OC_FORM(c, "Sign", times));
    return oc_fixed_sub(c, oc_fixed_number(c, 32), bits);
}

void oc_form_write_qsoftmax(oc_form_call *c)
{
    oc_dtype dtype = c->in[0]->dtype;
    oc_tensor_id x = oc_form_cast(c, oc_form_in(c, 0), dtype, OC_DTYPE_int64);
    oc_tensor_id d = oc_fixed_sub(c, x, reduce_last(c, "ReduceMax", x));
    oc_tensor_id at = oc_fixed_add(c, d, oc_fixed_number(c, 255));
    oc_tensor_id e = OC_FORM(c, "Gather", exp_table(c, false), at);
    oc_tensor_id sum = reduce_last(c, "ReduceSum", OC_FORM(c, "Gather", exp_table(c, true), at));
    /* Without its sign, at least 1. */
    oc_tensor_id bits = OC_FORM(c, "Mod", sum, oc_fixed_number(c, INT64_C(1) << 32));
    oc_tensor_id zeros = leading_zeros(c, OC_FORM(c, "Max", bits, oc_fixed_number(c, 1)));
    oc_tensor_id up = OC_FORM(c, "Gather", oc_fixed_powers(c, false), zeros);
    oc_tensor_id f = OC_FORM(c, "Mul", bits, up);
    f = oc_fixed_wrap(c, oc_fixed_add(c, f, oc_fixed_number(c, INT64_C(1) << 31)));
    oc_tensor_id y = oc_fixed_mul(c, oc_fixed_reciprocal(c, f), e);
    /* Divided by 2^(12 - zeros + 31 - 8); 0 where that is above 2^31. */
    oc_tensor_id down = oc_fixed_sub(c, oc_fixed_number(c, 35), zeros);
    oc_tensor_id is_near = oc_fixed_clip(c, oc_fixed_sub(c, oc_fixed_number(c, 32), down), 0, 1);
    down = OC_FORM(c, "Min", down, oc_fixed_number(c, 31));
    y = oc_fixed_shift_down(c, y, OC_FORM(c, "Gather", oc_fixed_powers(c, true), down),
                            OC_FORM(c, "Gather", oc_fixed_powers(c, false), down));
    y = oc_fixed_clip(c, OC_FORM(c, "Mul", y, is_near), 0, 255);
    if (dtype == OC_DTYPE_int8)
        y = oc_fixed_sub(c, y, oc_fixed_number(c, 128));
    oc_form_out(c, 0, oc_form_cast(c, y, OC_DTYPE_int64, dtype));
}
