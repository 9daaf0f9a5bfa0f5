/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Quantisation: integers stand for (integer - zero point) * scale.
 *
 * QLinearConv and QLinearMatMul are the exact integer product, then its sums as float32 times
 * (scale of x * scale of w / scale of y), rounded to the nearest even integer, plus y's zero point.
 */
#include "onnx_conv.h"
#include "onnx_matrix.h"

#include "oc_ops.h"

/* `axis` and `block_size`; the axis only matters where there is more than one scale. */
static oc_status set_scales(oc_onnx_call *c, oc_node *node)
{
    int64_t block;
    size_t scales;
    int32_t axis = 0;
    OC_TRY(oc_shape_elems(oc_onnx_shape(c, 1), &scales));
    OC_TRY(oc_onnx_get_int(c, "block_size", 0, &block));
    if (scales != 1 || block != 0)
        OC_TRY(oc_onnx_get_axis(c, 1, oc_onnx_shape(c, 0)->rank, &axis));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_node_set_int(node, "block_size", block);
}

/* A type that an attribute names; `*dtype` stays where it is not given: absent or 0. */
static oc_status get_dtype(oc_onnx_call *c, const char *name, oc_dtype *dtype, bool *is_given)
{
    int64_t number;
    OC_TRY(oc_onnx_get_int(c, name, 0, &number));
    *is_given = number != 0;
    if (number == 0)
        return OC_OK;
    oc_status status = oc_onnx_dtype((uint64_t)number, dtype);
    return status == OC_OK
               ? OC_OK
               : oc_fail_in(status, "node \"%s\": %s: %s", c->at.node, c->row->op, name);
}

/* The zero point's type says what the result is, and output_dtype, which agrees; without both uint8. */
oc_status oc_onnx_quantize_linear(oc_onnx_call *c)
{
    oc_id in[3] = {c->in[0], c->in[1], oc_onnx_in(c, 2)};
    oc_dtype to = OC_DTYPE_uint8;
    bool is_given;
    oc_node *node;
    OC_TRY(get_dtype(c, "output_dtype", &to, &is_given));
    if (in[2] != OC_NONE && is_given && to != oc_onnx_dtype_of(c, 2))
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": QuantizeLinear with zero points of %s: expected output_dtype "
                       "to be that too, found %s",
                       c->at.node, oc_dtype_name(oc_onnx_dtype_of(c, 2)), oc_dtype_name(to));
    if (in[2] != OC_NONE)
        to = oc_onnx_dtype_of(c, 2);
    if (oc_onnx_dtype_of(c, 0) != OC_DTYPE_float32)
        OC_TRY(oc_onnx_cast_to(c, "float32", in[0], OC_DTYPE_float32, &in[0]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_quantize, in, in[2] == OC_NONE ? 2 : 3, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(to)));
    OC_TRY(set_scales(c, node));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* output_dtype says what the result is, else the scales' type, which widening them has hidden. */
oc_status oc_onnx_dequantize_linear(oc_onnx_call *c)
{
    oc_id in[3] = {c->in[0], c->in[1], oc_onnx_in(c, 2)};
    oc_dtype to = OC_DTYPE_float32;
    bool is_given;
    oc_imp at;
    oc_node *node;
    OC_TRY(get_dtype(c, "output_dtype", &to, &is_given));
    if (is_given && to != OC_DTYPE_float32 && to != OC_DTYPE_float16)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": DequantizeLinear: expected output_dtype to be float32 or "
                       "float16, found %s",
                       c->at.node, oc_dtype_name(to));
    if (is_given) {
        c->is_half = false; /* the names are the file's again */
        OC_TRY(oc_onnx_out_name(c, 0, &c->at.out));
    }
    at = c->at;
    if (to != OC_DTYPE_float32)
        OC_TRY(oc_onnx_step(c, "float32", &at));
    OC_TRY(oc_imp_begin(&at, NULL, &oc_op_dequantize, in, in[2] == OC_NONE ? 2 : 3, &node));
    OC_TRY(set_scales(c, node));
    OC_TRY(oc_imp_end(&at, node, at.out, &c->out[0]));
    return to == OC_DTYPE_float32 ? OC_OK : oc_imp_cast(&c->at, NULL, c->out[0], to, &c->out[0]);
}

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------- */

/* The largest or smallest of all elements and 0. */
static oc_status extreme(oc_onnx_call *c, const char *fn, oc_id zero, oc_id *out)
{
    int32_t axes[OC_RANK_MAX], rank = oc_onnx_shape(c, 0)->rank;
    oc_imp at;
    for (int32_t axis = 0; axis < rank; axis++)
        axes[axis] = axis;
    OC_TRY(oc_onnx_step(c, fn, &at));
    OC_TRY(oc_imp_reduce(&at, fn, c->in[0], axes, (size_t)rank, false, out));
    return oc_imp_binary(&at, NULL, fn, *out, zero, out);
}

static oc_status quantize_node(const oc_imp *at, oc_id x, oc_id scale, oc_id zero, oc_dtype to,
                               oc_id *out)
{
    oc_node *node;
    oc_id in[3] = {x, scale, zero};
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_quantize, in, zero == OC_NONE ? 2 : 3, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(to)));
    return oc_imp_end(at, node, at->out, out);
}

/* How results 1 and 2 are called; where nobody asks for them, "node/what". */
static oc_status result_step(oc_onnx_call *c, uint32_t i, const char *what, oc_imp *at)
{
    OC_TRY(oc_onnx_step(c, what, at));
    return oc_onnx_wants(c, i) ? oc_onnx_out_name(c, i, &at->out) : OC_OK;
}

/* scale = (largest - smallest) / 255, zero point = round(-smallest / scale), both over x and 0. */
oc_status oc_onnx_dynamic_quantize_linear(oc_onnx_call *c)
{
    oc_imp at;
    oc_id zero, steps, low, high, x;
    OC_TRY(oc_imp_scalar(&c->at, "zero", 0.0f, &zero));
    OC_TRY(oc_imp_scalar(&c->at, "steps", 255.0f, &steps));
    OC_TRY(extreme(c, "max", zero, &high));
    OC_TRY(extreme(c, "min", zero, &low));
    OC_TRY(oc_onnx_step(c, "range", &at));
    OC_TRY(oc_imp_binary(&at, NULL, "sub", high, low, &x));
    OC_TRY(result_step(c, 1, "scale", &at));
    OC_TRY(oc_imp_binary(&at, NULL, "div", x, steps, &c->out[1]));
    OC_TRY(oc_onnx_step(c, "below_zero", &at));
    OC_TRY(oc_imp_binary(&at, NULL, "sub", zero, low, &x));
    OC_TRY(result_step(c, 2, "zero_point", &at));
    OC_TRY(quantize_node(&at, x, c->out[1], OC_NONE, OC_DTYPE_uint8, &c->out[2]));
    return quantize_node(&c->at, c->in[0], c->out[1], c->out[2], OC_DTYPE_uint8, &c->out[0]);
}

/* ---- QLinearConv and QLinearMatMul ----------------------------------------------------------- */

/* Where the two operators have their scales and y's zero point. */
typedef struct scales {
    oc_id x, w, y, y_zero;
} scales;

/* The sums `acc` as y; the last node and its value are called as `at` says. */
static oc_status requantize(oc_onnx_call *c, const oc_imp *at, oc_id acc, const scales *s, oc_id *y)
{
    static const float one = 1.0f;
    const oc_desc zero = c->at.graph->values[s->y_zero].desc;
    const oc_desc like = {OC_DTYPE_float32, zero.shape};
    oc_id factor, unit;
    size_t zeros;
    oc_imp step;
    OC_TRY(oc_shape_elems(&zero.shape, &zeros));
    if (zeros != 1)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s with %zu zero points of y is not supported, only with one",
                       c->at.node, c->row->op, zeros);
    OC_TRY(oc_onnx_step(c, "scale", &step));
    OC_TRY(oc_imp_binary(&step, NULL, "mul", s->x, s->w, &factor));
    OC_TRY(oc_imp_binary(&step, NULL, "div", factor, s->y, &factor));
    OC_TRY(oc_onnx_cast_to(c, "float32", acc, OC_DTYPE_float32, &acc));
    OC_TRY(oc_onnx_step(c, "scaled", &step));
    OC_TRY(oc_imp_binary(&step, NULL, "mul", acc, factor, &acc));
    OC_TRY(oc_onnx_step(c, "unit", &step));
    OC_TRY(oc_graph_add_fill(c->at.graph, step.out, &like, &one, &unit));
    return quantize_node(at, acc, unit, s->y_zero, zero.dtype, y);
}

/* x, its scale, zero point; w, its scales, zero points; y's scale, zero point; bias. */
oc_status oc_onnx_q_linear_conv(oc_onnx_call *c)
{
    oc_onnx_conv_args a = {&oc_op_conv2d, .x = c->in[0], .weights = c->in[3]};
    const scales s = {c->in[1], c->in[4], c->in[6], c->in[7]};
    const char *sums;
    oc_imp at = c->at;
    oc_id acc;
    a.x_zero = c->in[2];
    a.w_zero = c->in[5];
    a.bias = oc_onnx_in(c, 8);
    OC_TRY(oc_onnx_conv_read(c, &a));
    OC_TRY(oc_imp_sub(&c->at, "sums", &sums));
    OC_TRY(oc_onnx_conv_last(c, &a, sums, &acc));
    OC_TRY(oc_imp_sub(&c->at, "quantized", &at.node));
    OC_TRY(oc_onnx_last_name(c, &at.out));
    OC_TRY(requantize(c, &at, acc, &s, &acc));
    return oc_onnx_from_last(c, acc);
}

/*
 * a, its scales, zero points (of rows); b, its scales, zero points (of columns); y's scale, zero
 * point.
 */
oc_status oc_onnx_q_linear_mat_mul(oc_onnx_call *c)
{
    oc_onnx_product_args p = {c->in[0], c->in[3], OC_NONE, c->in[5]};
    scales s = {OC_NONE, c->in[4], c->in[6], c->in[7]};
    oc_imp at;
    oc_id acc;
    OC_TRY(oc_onnx_by_row(c, "row_scales", c->in[1], &s.x));
    p.a_zero = c->in[2];
    OC_TRY(oc_onnx_step(c, "sums", &at));
    OC_TRY(oc_onnx_product(c, &at, &p, &acc));
    return requantize(c, &c->at, acc, &s, &c->out[0]);
}
