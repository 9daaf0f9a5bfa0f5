/* SPDX-License-Identifier: Apache-2.0 */
/** Windows, pools and what normalises: AVERAGE_POOL_2D, MAX_POOL_2D, SOFTMAX, LRN, L2. */
#include "tflite_window.h"

#include "oc_ops.h"
#include "oc_quant.h"

/* ---- windows --------------------------------------------------------------------------------- */

oc_status oc_tflite_window_options(const oc_tflite_call *c, oc_tflite_window *w)
{
    uint8_t mode;
    OC_TRY(oc_flat_u8(&c->options, 0, 0, &mode));
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &w->strides[1]));
    OC_TRY(oc_flat_i32(&c->options, 2, 0, &w->strides[0]));
    memset(w->pads, 0, sizeof(w->pads));
    w->is_same = mode == 0;
    if (mode > 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected padding 0 or 1, found %u", c->at.node,
                       mode);
    return OC_OK;
}

oc_status oc_tflite_window_read(const oc_tflite_call *c, oc_tflite_window *w)
{
    const oc_shape *x = oc_tflite_shape(c, 0);
    OC_TRY(oc_tflite_window_options(c, w));
    if (x->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input of rank 4, found %d", c->at.node,
                       x->rank);
    for (int i = 0; i < 2 && w->is_same; i++)
        OC_TRY(oc_imp_pad_same(&c->at, x->dim[1 + i], w->kernel[i], w->strides[i], w->dilations[i],
                               false, &w->pads[i], &w->pads[2 + i]));
    return OC_OK;
}

oc_status oc_tflite_window_set(oc_node *node, const oc_tflite_window *w)
{
    OC_TRY(oc_node_set_ints(node, "strides", w->strides, 2));
    OC_TRY(oc_node_set_ints(node, "dilations", w->dilations, 2));
    return oc_node_set_ints(node, "pads", w->pads, 4);
}

/* ---- pools ----------------------------------------------------------------------------------- */

/* The mean of integers is rounded and clamped to what the activation leaves. */
static oc_status end_average(oc_tflite_call *c, oc_node *node, const char *act)
{
    oc_tflite_quant y = {0};
    if (!oc_tflite_is_integer(c) || strcmp(act, "none") == 0)
        return oc_tflite_end_with_act(c, node, act);
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &y));
    const oc_tflite_range range = oc_tflite_act_range(act, c->t_out[0]->desc.dtype, y);
    OC_TRY(oc_node_set_float(node, "act_a", (float)range.lo));
    OC_TRY(oc_node_set_float(node, "act_b", (float)range.hi));
    return oc_tflite_end_with_act(c, node, "clip");
}

/* The largest of integers knows no activation: one that is asked for becomes a table. */
static oc_status end_max(oc_tflite_call *c, oc_node *node, const char *act)
{
    oc_tflite_function f = {.dtype = c->t_in[0]->desc.dtype};
    uint8_t table[256];
    const char *name;
    oc_id largest;
    if (!oc_tflite_is_integer(c) || strcmp(act, "none") == 0)
        return oc_tflite_end_with_act(c, node, act);
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &f.out));
    oc_tflite_table_clamp(&f, oc_tflite_act_range(act, f.dtype, f.out), table);
    OC_TRY(oc_imp_sub(&c->at, "largest", &name));
    OC_TRY(oc_imp_end(&c->at, node, name, &largest));
    return oc_tflite_lookup(c, NULL, largest, f.dtype, table, &c->out[0]);
}

oc_status oc_tflite_pool(oc_tflite_call *c)
{
    oc_tflite_window w = {.dilations = {1, 1}};
    const char *act, *name = NULL;
    oc_node *node;
    const bool is_max = strcmp(c->row->fn, "max") == 0;
    OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32) | OC_TYPES_8BIT));
    OC_TRY(oc_flat_i32(&c->options, 3, 0, &w.kernel[1]));
    OC_TRY(oc_flat_i32(&c->options, 4, 0, &w.kernel[0]));
    OC_TRY(oc_tflite_window_read(c, &w));
    OC_TRY(oc_tflite_option_act(c, 5, &act));
    if (is_max && oc_tflite_is_integer(c) && strcmp(act, "none") != 0)
        OC_TRY(oc_imp_sub(&c->at, "largest", &name));
    OC_TRY(oc_imp_begin(&c->at, name, is_max ? &oc_op_maxpool2d : &oc_op_avgpool2d, c->in, 1, &node));
    OC_TRY(oc_node_set_ints(node, "kernel", w.kernel, 2));
    OC_TRY(oc_tflite_window_set(node, &w));
    return is_max ? end_max(c, node, act) : end_average(c, node, act);
}

/* ---- SOFTMAX --------------------------------------------------------------------------------- */

/* Over the last axis; beta multiplies its input. */
static oc_status softmax_float(oc_tflite_call *c, float beta, int32_t axis)
{
    oc_id x = c->in[0], factor;
    oc_node *node;
    const char *name;
    if (beta != 1.0f) {
        OC_TRY(oc_imp_sub(&c->at, "scaled", &name));
        OC_TRY(oc_imp_scalar(&c->at, "beta", beta, &factor));
        OC_TRY(oc_imp_binary(&c->at, name, "mul", x, factor, &x));
    }
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* What LiteRT's kernel asks of its output: a scale of 1 / parts, and that zero point. */
static oc_status check_parts(const oc_tflite_call *c, int32_t parts, int32_t zero)
{
    oc_tflite_quant y = {0};
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &y));
    if (y.scale != 1.0f / (float)parts || y.zero != zero)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": expected an output with scale 1/%d and zero point %d, found "
                       "%g and %d",
                       c->at.node, parts, zero, (double)y.scale, y.zero);
    return OC_OK;
}

static oc_status softmax_integer(oc_tflite_call *c, float beta)
{
    oc_tflite_quant x = {0};
    int32_t multiplier, shift, diff_min;
    oc_node *node;
    OC_TRY(check_parts(c, 256, oc_tflite_range_of(c->t_out[0]->desc.dtype).lo));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &x));
    if (!(beta > 0.0f && beta < 1e6f))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": SOFTMAX with beta %g is not supported",
                       c->at.node, (double)beta);
    oc_quant_softmax((double)beta, (double)x.scale, &multiplier, &shift, &diff_min);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_qsoftmax, c->in, 1, &node));
    OC_TRY(oc_node_set_int(node, "multiplier", multiplier));
    OC_TRY(oc_node_set_int(node, "shift", shift));
    OC_TRY(oc_node_set_int(node, "diff_min", diff_min));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

oc_status oc_tflite_softmax(oc_tflite_call *c)
{
    float beta;
    int32_t axis = OC_MAX(oc_tflite_shape(c, 0)->rank - 1, 0);
    OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32) | OC_TYPES_8BIT));
    OC_TRY(oc_flat_f32(&c->options, 0, 0.0f, &beta));
    return oc_tflite_is_integer(c) ? softmax_integer(c, beta) : softmax_float(c, beta, axis);
}

/* ---- the other two --------------------------------------------------------------------------- */

/*
 * The sum runs over `radius` channels to either side, as in TensorFlow and LiteRT's own kernel (its
 * reference kernel leaves the last of them out); alpha is not divided by their number.
 */
oc_status oc_tflite_lrn(oc_tflite_call *c)
{
    int32_t radius;
    float bias, alpha, beta;
    oc_node *node;
    OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32)));
    OC_TRY(oc_flat_i32(&c->options, 0, 0, &radius));
    OC_TRY(oc_flat_f32(&c->options, 1, 0.0f, &bias));
    OC_TRY(oc_flat_f32(&c->options, 2, 0.0f, &alpha));
    OC_TRY(oc_flat_f32(&c->options, 3, 0.0f, &beta));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_lrn, c->in, 1, &node));
    OC_TRY(oc_node_set_int(node, "size", 2 * (int64_t)radius + 1));
    OC_TRY(oc_node_set_float(node, "alpha", alpha));
    OC_TRY(oc_node_set_float(node, "beta", beta));
    OC_TRY(oc_node_set_float(node, "bias", bias));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

static oc_status l2_integer(oc_tflite_call *c)
{
    oc_tflite_quant x = {0};
    oc_node *node;
    OC_TRY(check_parts(c, 128, c->t_out[0]->desc.dtype == OC_DTYPE_int8 ? 0 : 128));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &x));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_ql2norm, c->in, 1, &node));
    OC_TRY(oc_node_set_int(node, "zero", x.zero));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* x / max(length of x along the last axis, 1e-6) */
static oc_status l2_float(oc_tflite_call *c)
{
    oc_id length, floor;
    oc_node *node;
    const char *name;
    int32_t axis = OC_MAX(oc_tflite_shape(c, 0)->rank - 1, 0);
    OC_TRY(oc_imp_sub(&c->at, "length", &name));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_reduce, c->in, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", "l2"));
    OC_TRY(oc_node_set_ints(node, "axes", &axis, 1));
    OC_TRY(oc_node_set_int(node, "keepdims", 1));
    OC_TRY(oc_imp_end(&c->at, node, name, &length));
    OC_TRY(oc_imp_scalar(&c->at, "epsilon", 1e-6f, &floor));
    OC_TRY(oc_imp_sub(&c->at, "divisor", &name));
    OC_TRY(oc_imp_binary(&c->at, name, "max", length, floor, &length));
    return oc_imp_binary(&c->at, NULL, "div", c->in[0], length, &c->out[0]);
}

oc_status oc_tflite_l2_normalization(oc_tflite_call *c)
{
    uint8_t act;
    OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32) | OC_TYPES_8BIT));
    OC_TRY(oc_flat_u8(&c->options, 0, 0, &act));
    if (act != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": fused activation %u is not supported",
                       c->at.node, act);
    return oc_tflite_is_integer(c) ? l2_integer(c) : l2_float(c);
}
