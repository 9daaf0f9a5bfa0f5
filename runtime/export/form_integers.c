/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX forms of integer networks: products of 8-bit numbers (conv2d, fully_connected, matmul),
 * requantize, qbinary, ql2norm and qsoftmax. Whoever runs them gets our integers, not near ones.
 */
#include "form_fixed.h"

#include "quant.h"

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

/* What is requantised by inputs from `first` on: multiplier, shift, perhaps low. */
typedef struct requant {
    oc_tensor_id x;
    uint32_t first;
    oc_shape shape; /* of the factors beside x */
} requant;

/* The factors as inputs: powers of two by a look at their table. */
static oc_fixed_factor input_factors(oc_form_call *c, const requant *r)
{
    oc_fixed_factor factor;
    oc_tensor_id mult = oc_form_reshape(c, oc_form_in(c, r->first), &r->shape);
    oc_tensor_id shift = oc_form_reshape(c, oc_form_in(c, r->first + 1), &r->shape);
    shift = oc_form_cast(c, shift, OC_DTYPE_int32, OC_DTYPE_int64);
    oc_tensor_id up = oc_fixed_clip(c, shift, 0, 31);
    oc_tensor_id down = OC_FORM(c, "Neg", oc_fixed_clip(c, shift, -31, 0));
    factor.mult = oc_form_cast(c, mult, OC_DTYPE_int32, OC_DTYPE_int64);
    factor.up = OC_FORM(c, "Gather", oc_fixed_powers(c, false), up);
    factor.power = OC_FORM(c, "Gather", oc_fixed_powers(c, false), down);
    factor.half = OC_FORM(c, "Gather", oc_fixed_powers(c, true), down);
    return factor;
}

/* Input `index`, its bits below 2^bits. */
static oc_tensor_id low_bits(oc_form_call *c, uint32_t index, const oc_shape *shape, int bits)
{
    oc_tensor_id x = oc_form_reshape(c, oc_form_in(c, index), shape);
    x = oc_form_cast(c, x, OC_DTYPE_int32, OC_DTYPE_int64);
    return OC_FORM(c, "Mod", x, oc_fixed_number(c, INT64_C(1) << bits));
}

/* x / 2^bits rounded down, for x not below 0. */
static oc_tensor_id shift_down(oc_form_call *c, oc_tensor_id x, int bits)
{
    return OC_FORM(c, "Div", x, oc_fixed_number(c, INT64_C(1) << bits));
}

/* 2^n for n of 0 to 62, by a look at a table. */
static oc_tensor_id power_of_two(oc_form_call *c, oc_tensor_id n)
{
    int64_t powers[63];
    for (int i = 0; i < 63; i++)
        powers[i] = INT64_C(1) << i;
    return OC_FORM(c, "Gather", oc_form_int64s(c, powers, OC_COUNT(powers)), n);
}

/* The least n, 0 to 31, for which x / 2^n is below 2^21: one bit of it after the other. */
static oc_tensor_id bits_above_21(oc_form_call *c, oc_tensor_id x)
{
    oc_tensor_id n = oc_fixed_number(c, 0);
    for (int step = 16; step > 0; step /= 2) {
        oc_tensor_id is_more = OC_FORM(c, "Sign", shift_down(c, x, 20 + step));
        oc_tensor_id more = OC_FORM(c, "Mul", is_more, oc_fixed_number(c, step));
        x = OC_FORM(c, "Div", x, power_of_two(c, more));
        n = oc_fixed_add(c, n, more);
    }
    return n;
}

/*
 * The first 53 bits of |x| (31-bit multiplier 2^22 + low), |x| of 0 to 2^31, rounded to the nearest,
 * halves to even; `*n` says how many bits follow them. As in oc_quant_scale_double, the product is
 * high 2^32 + rest.
 */
static oc_tensor_id product_of_53_bits(oc_form_call *c, const requant *r, oc_tensor_id *n)
{
    const oc_tensor_id x = OC_FORM(c, "Abs", r->x);
    const oc_tensor_id word = oc_fixed_number(c, INT64_C(1) << 32), one = oc_fixed_number(c, 1);
    oc_tensor_id m = low_bits(c, r->first, &r->shape, 31), up = oc_fixed_number(c, 1 << 22);
    oc_tensor_id m_high = shift_down(c, m, 10);
    oc_tensor_id m_rest = OC_FORM(c, "Mul", low_bits(c, r->first, &r->shape, 10), up);
    m_rest = oc_fixed_add(c, m_rest, low_bits(c, r->first + 2, &r->shape, 22));
    oc_tensor_id rest = OC_FORM(c, "Mul", x, m_rest); /* below 2^63 */
    oc_tensor_id high = oc_fixed_add(c, OC_FORM(c, "Mul", x, m_high), shift_down(c, rest, 32));
    rest = OC_FORM(c, "Mod", rest, word);
    *n = bits_above_21(c, high);
    oc_tensor_id power = power_of_two(c, *n), other = OC_FORM(c, "Div", word, power);
    oc_tensor_id kept = OC_FORM(c, "Mul", high, other);
    kept = oc_fixed_add(c, kept, OC_FORM(c, "Div", rest, power));
    /* What is dropped, with nearly half of what it could be, which is -1 where no bit is dropped. */
    oc_tensor_id nearly_half = oc_fixed_sub(c, shift_down(c, power, 1), one);
    nearly_half = oc_fixed_add(c, nearly_half, OC_FORM(c, "Mod", kept, oc_fixed_number(c, 2)));
    nearly_half = oc_fixed_clip(c, nearly_half, 0, 1 << 30);
    rest = oc_fixed_add(c, OC_FORM(c, "Mod", rest, power), nearly_half);
    return oc_fixed_add(c, kept, OC_FORM(c, "Div", rest, power));
}

/*
 * oc_quant_scale_double(x, ...): round(x factor), halves away from 0, and the least int32 where it is
 * none. In integers, as there: ONNX has doubles, but no value of our graphs is one.
 */
static oc_tensor_id scale_double(oc_form_call *c, const requant *r)
{
    oc_tensor_id n, kept = product_of_53_bits(c, r, &n);
    oc_tensor_id shift = oc_form_reshape(c, oc_form_in(c, r->first + 1), &r->shape);
    shift = oc_form_cast(c, shift, OC_DTYPE_int32, OC_DTYPE_int64);
    oc_tensor_id down = oc_fixed_sub(c, oc_fixed_number(c, 53), oc_fixed_clip(c, shift, -33, 31));
    down = oc_fixed_sub(c, down, n);
    oc_tensor_id up = power_of_two(c, oc_fixed_clip(c, OC_FORM(c, "Neg", down), 0, 9));
    down = power_of_two(c, oc_fixed_clip(c, down, 0, 62));
    kept = oc_fixed_add(c, OC_FORM(c, "Mul", kept, up), shift_down(c, down, 1));
    kept = OC_FORM(c, "Div", kept, down);
    /* From 2^31 on nothing is left but one 2^31, which becomes -2^31 with either sign. */
    oc_tensor_id is_high = OC_FORM(c, "Sign", shift_down(c, kept, 31));
    oc_tensor_id top = oc_fixed_sub(c, oc_fixed_number(c, INT64_C(1) << 31), kept);
    kept = oc_fixed_add(c, kept, OC_FORM(c, "Mul", is_high, top));
    return oc_fixed_wrap(c, OC_FORM(c, "Mul", OC_FORM(c, "Sign", r->x), kept));
}

/* Output 0 is x (int32) requantised by the inputs from `first` on. */
static void write_requantized(oc_form_call *c, oc_tensor_id x, uint32_t first, bool is_double)
{
    int32_t count = c->in[first]->shape.dim[0], rank = c->out[0]->shape.rank;
    requant r = {.first = first, .shape = {1, {count}}};
    /* One factor a channel, where the channels are the second axis. */
    if (c->is_spatial && count > 1)
        for (r.shape.rank = rank - 1; --rank > 1;)
            r.shape.dim[rank - 1] = 1;
    const int32_t *mult = oc_form_in_bytes(c, first), *shift = oc_form_in_bytes(c, first + 1);
    r.x = oc_form_cast(c, x, OC_DTYPE_int32, OC_DTYPE_int64);
    if (count == 1)
        r.shape.rank = 0;
    if (is_double) {
        finish(c, scale_double(c, &r), "zero");
        return;
    }
    oc_fixed_factor factor = mult && shift
                                 ? oc_fixed_factors(c, mult, shift, (size_t)count, &r.shape)
                                 : input_factors(c, &r);
    finish(c, oc_fixed_scale(c, r.x, &factor), "zero");
}

void oc_form_write_requantize(oc_form_call *c)
{
    oc_form_prefer_first(c);
    write_requantized(c, oc_form_in(c, 0), 1, strcmp(oc_node_enum(&c->node, "rounding"), "double") == 0);
}

/* ---- products --------------------------------------------------------------------------------- */

enum { IN_X, IN_W, IN_BIAS, IN_X_ZERO, IN_W_ZERO, IN_MULTIPLIER };

/* Output 0 is made of a product's sums: they themselves, or requantised where the node says so. */
static void write_sums(oc_form_call *c, oc_tensor_id sums)
{
    const char *rounding = oc_node_enum(&c->node, "requant");
    if (strcmp(rounding, "none") == 0)
        oc_form_out(c, 0, sums);
    else
        write_requantized(c, sums, IN_MULTIPLIER, strcmp(rounding, "double") == 0);
}

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
static oc_tensor_id convolve_all(oc_form_call *c, const taps *t, oc_tensor_id w)
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
    return y;
}

void oc_form_write_conv_8bit(oc_form_call *c)
{
    taps t = {.x = oc_form_in(c, IN_X)};
    memcpy(t.strides, oc_node_ints(&c->node, "strides")->v, sizeof(t.strides));
    memcpy(t.dilations, oc_node_ints(&c->node, "dilations")->v, sizeof(t.dilations));
    memcpy(t.pads, oc_node_ints(&c->node, "pads")->v, sizeof(t.pads));
    oc_tensor_id w = oc_form_in_permuted(c, IN_W, NULL, &(oc_ints){4, {0, 3, 1, 2}});
    write_sums(c, convolve_all(c, &t, w));
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
    oc_form_out(c, 0, convolve_all(c, &t, w));
}

void oc_form_write_connected_8bit(oc_form_call *c)
{
    oc_tensor_id w = oc_form_in_permuted(c, IN_W, NULL, &(oc_ints){2, {1, 0}});
    oc_tensor_id y = OC_FORM(c, "MatMulInteger", oc_form_in(c, IN_X), w, oc_form_in(c, IN_X_ZERO),
                             oc_form_in(c, IN_W_ZERO));
    if (oc_form_has(c, IN_BIAS))
        y = OC_FORM(c, "Add", y, oc_form_in(c, IN_BIAS));
    write_sums(c, y);
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
    oc_tensor_id zeros = oc_fixed_leading_zeros(c, OC_FORM(c, "Max", bits, oc_fixed_number(c, 1)));
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

/* ---- division by the length -------------------------------------------------------------------- */

/* 1 where x [...] of 32 bits is above 1, else 0. */
static oc_tensor_id is_above_one(oc_form_call *c, oc_tensor_id x)
{
    return oc_fixed_sub(c, oc_fixed_clip(c, x, 1, 2), oc_fixed_number(c, 1));
}

/* The root of a sum, OC_Q_MAX where that is below 2. */
static oc_tensor_id root_of(oc_form_call *c, oc_tensor_id size, oc_tensor_id quads, oc_tensor_id is_root)
{
    oc_tensor_id most = oc_fixed_number(c, OC_Q_MAX);
    oc_tensor_id above = oc_fixed_sub(c, oc_fixed_root(c, size, quads), most);
    return oc_fixed_add(c, OC_FORM(c, "Mul", above, is_root), most);
}

/* For each n = oc_quant_quads of a sum the power by which its quotients go up, or down. */
static oc_tensor_id powers_of(oc_form_call *c, oc_tensor_id quads, int sign, int more)
{
    int64_t powers[16];
    for (int n = 0; n < 16; n++)
        powers[n] = INT64_C(1) << OC_MAX(sign * (OC_MIN(n - 12, 0) + more), 0);
    return OC_FORM(c, "Gather", oc_form_int64s(c, powers, OC_COUNT(powers)), quads);
}

/* A sum below 2 counts as the largest, whose n is above 12: neither is shifted. */
void oc_form_write_ql2norm(oc_form_call *c)
{
    const bool is_int8 = c->in[0]->dtype == OC_DTYPE_int8;
    const int more = is_int8 ? 7 : 0;
    oc_tensor_id x = oc_form_cast(c, oc_form_in(c, 0), c->in[0]->dtype, OC_DTYPE_int64);
    oc_tensor_id d = oc_fixed_sub(c, x, oc_fixed_number(c, oc_node_int(&c->node, "zero")));
    oc_tensor_id sum = oc_fixed_wrap(c, reduce_last(c, "ReduceSum", OC_FORM(c, "Mul", d, d)));
    oc_tensor_id is_root = is_above_one(c, sum), two = oc_fixed_number(c, 2);
    oc_tensor_id size = OC_FORM(c, "Max", sum, two);
    oc_tensor_id quads = oc_fixed_sub(c, oc_fixed_leading_zeros(c, size), oc_fixed_number(c, 1));
    quads = OC_FORM(c, "Div", quads, two);
    oc_tensor_id root = root_of(c, size, quads, is_root);
    oc_tensor_id up = is_int8 ? powers_of(c, quads, 1, more) : oc_fixed_number(c, 128);
    oc_tensor_id y = oc_fixed_mul(c, OC_FORM(c, "Mul", d, up), root);
    oc_tensor_id down = powers_of(c, quads, -1, more);
    y = oc_fixed_shift_down(c, y, OC_FORM(c, "Div", down, two), down);
    if (!is_int8)
        y = oc_fixed_add(c, y, oc_fixed_number(c, 128));
    y = oc_fixed_clip(c, y, is_int8 ? -128 : 0, is_int8 ? 127 : 255);
    oc_form_out(c, 0, oc_form_cast(c, y, OC_DTYPE_int64, c->in[0]->dtype));
}
