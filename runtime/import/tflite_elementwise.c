/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Functions of each element, alone or of two tensors. 8-bit functions of one input become tables of
 * 256 answers, ADD, SUB and MUL the operator qbinary.
 */
#include "tflite_ops.h"

#include "oc_ops.h"

#include <math.h>

/* ---- one input ------------------------------------------------------------------------------- */

static oc_status function_of(const oc_tflite_call *c, oc_tflite_function *f)
{
    *f = (oc_tflite_function){.dtype = c->t_in[0]->desc.dtype};
    OC_TRY(oc_tflite_check_types(c, OC_TYPES_8BIT));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &f->in));
    return oc_tflite_quant_of(c, c->t_out[0], &f->out);
}

static oc_status end_table(oc_tflite_call *c, const oc_tflite_function *f, const uint8_t *table)
{
    return oc_tflite_lookup(c, NULL, c->in[0], f->dtype, table, &c->out[0]);
}

static oc_status end_float(oc_tflite_call *c, float a)
{
    OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32)));
    return oc_imp_unary(&c->at, NULL, c->row->fn, a, 0.0f, c->in[0], &c->out[0]);
}

/* What LiteRT refuses for its scales is refused with the node's name. */
static oc_status named(const oc_tflite_call *c, oc_status status)
{
    return status == OC_OK ? OC_OK : oc_fail_in(status, "node \"%s\": %s", c->at.node, c->row->op);
}

/* Functions whose 8-bit form LiteRT tabulates too, from floats. */
oc_status oc_tflite_unary(oc_tflite_call *c)
{
    oc_tflite_function f;
    uint8_t table[256];
    if (!oc_tflite_is_integer(c))
        return end_float(c, strcmp(c->row->fn, "elu") == 0 ? 1.0f : 0.0f);
    OC_TRY(function_of(c, &f));
    OC_TRY(named(c, oc_tflite_table_float(&f, c->row->fn, table)));
    return end_table(c, &f, table);
}

/* Functions of floats only. */
oc_status oc_tflite_unary_float(oc_tflite_call *c)
{
    return end_float(c, 0.0f);
}

oc_status oc_tflite_relu(oc_tflite_call *c)
{
    oc_tflite_function f;
    uint8_t table[256];
    if (!oc_tflite_is_integer(c))
        return end_float(c, 0.0f);
    OC_TRY(function_of(c, &f));
    oc_tflite_table_relu(&f, c->row->fn, table);
    return end_table(c, &f, table);
}

oc_status oc_tflite_leaky_relu(oc_tflite_call *c)
{
    oc_tflite_function f;
    uint8_t table[256];
    float alpha;
    OC_TRY(oc_flat_f32(&c->options, 0, 0.0f, &alpha));
    if (!isfinite(alpha))
        return oc_fail(OC_E_FORMAT, "node \"%s\": alpha is %g", c->at.node, (double)alpha);
    if (!oc_tflite_is_integer(c))
        return end_float(c, alpha);
    OC_TRY(function_of(c, &f));
    f.a = alpha;
    oc_tflite_table_leaky_relu(&f, table);
    return end_table(c, &f, table);
}

oc_status oc_tflite_hard_swish(oc_tflite_call *c)
{
    oc_tflite_function f;
    uint8_t table[256];
    if (!oc_tflite_is_integer(c))
        return end_float(c, 0.0f);
    OC_TRY(function_of(c, &f));
    OC_TRY(named(c, oc_tflite_table_hard_swish(&f, table)));
    return end_table(c, &f, table);
}

/* ---- two inputs ------------------------------------------------------------------------------ */

typedef struct qbinary {
    oc_tflite_quant p, q, y;
    int left_shift;
    oc_tflite_scale scale_p, scale_q, scale_y;
    oc_tflite_range range;
} qbinary;

/*
 * Sums are formed 20 bits further left, on twice the larger of the scales (add.cc, sub.cc); of a
 * product only the result is scaled (mul.cc, in float).
 */
static void qbinary_scales(qbinary *b, bool is_mul)
{
    if (is_mul) {
        const float real = b->p.scale * b->q.scale / b->y.scale;
        b->scale_y = oc_tflite_scale_make((double)real);
        return;
    }
    const double twice = (double)(2.0f * OC_MAX(b->p.scale, b->q.scale));
    b->left_shift = 20;
    b->scale_p = oc_tflite_scale_make((double)b->p.scale / twice);
    b->scale_q = oc_tflite_scale_make((double)b->q.scale / twice);
    b->scale_y = oc_tflite_scale_make(twice / (double)(0x1p20f * b->y.scale));
}

static oc_status set_qbinary(oc_node *node, const char *fn, const qbinary *b)
{
    const struct {
        const char *name;
        int32_t value;
    } sets[] = {
        {"zero1", b->p.zero},
        {"zero2", b->q.zero},
        {"zero_out", b->y.zero},
        {"left_shift", b->left_shift},
        {"mult1", b->scale_p.multiplier},
        {"shift1", b->scale_p.shift},
        {"mult2", b->scale_q.multiplier},
        {"shift2", b->scale_q.shift},
        {"mult_out", b->scale_y.multiplier},
        {"shift_out", b->scale_y.shift},
        {"lo", b->range.lo},
        {"hi", b->range.hi},
    };
    OC_TRY(oc_node_set_enum(node, "fn", fn));
    for (size_t i = 0; i < OC_COUNT(sets); i++)
        OC_TRY(oc_node_set_int(node, sets[i].name, sets[i].value));
    return OC_OK;
}

static oc_status binary_integer(oc_tflite_call *c, const char *act)
{
    qbinary b = {.left_shift = 0};
    oc_node *node;
    OC_TRY(oc_tflite_check_types(c, OC_TYPES_8BIT));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &b.p));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[1], &b.q));
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &b.y));
    b.range = oc_tflite_act_range(act, c->t_out[0]->desc.dtype, b.y);
    qbinary_scales(&b, strcmp(c->row->fn, "mul") == 0);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_qbinary, c->in, 2, &node));
    OC_TRY(set_qbinary(node, c->row->fn, &b));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* Has an 8-bit form other than element by element: not MAXIMUM and MINIMUM, which compare bytes. */
static bool scales_integers(const char *fn)
{
    return strcmp(fn, "add") == 0 || strcmp(fn, "sub") == 0 || strcmp(fn, "mul") == 0;
}

/* MaximumMinimumOptions are empty: the slot of an activation is absent there. */
oc_status oc_tflite_binary(oc_tflite_call *c)
{
    const char *act;
    oc_node *node;
    const uint32_t plain = OC_TYPE(float32) | OC_TYPE(int32) | OC_TYPE(int64);
    const bool compares = strcmp(c->row->fn, "max") == 0 || strcmp(c->row->fn, "min") == 0;
    OC_TRY(oc_tflite_option_act(c, 0, &act));
    if (oc_tflite_is_integer(c) && scales_integers(c->row->fn))
        return binary_integer(c, act);
    OC_TRY(oc_tflite_check_types(c, compares ? plain | OC_TYPES_8BIT : plain));
    if (oc_tflite_dtype(c, 0) != OC_DTYPE_float32 && strcmp(act, "none") != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": an activation of %s is not supported",
                       c->at.node, oc_dtype_name(oc_tflite_dtype(c, 0)));
    if (oc_tflite_is_integer(c)) {
        OC_TRY(oc_tflite_check_alike(c, c->t_in[0], c->t_in[1]));
        OC_TRY(oc_tflite_check_alike(c, c->t_in[0], c->t_out[0]));
    }
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_binary, c->in, 2, &node));
    OC_TRY(oc_node_set_enum(node, "fn", c->row->fn));
    return oc_tflite_end_with_act(c, node, act);
}

/* ---- between types --------------------------------------------------------------------------- */

static oc_status quant_constants(const oc_tflite_call *c, const oc_tflite_tensor *t, oc_id *scale,
                                 oc_id *zero)
{
    oc_tflite_quant quant = {0};
    OC_TRY(oc_tflite_quant_of(c, t, &quant));
    OC_TRY(oc_imp_scalar(&c->at, "scale", quant.scale, scale));
    return oc_tflite_zero(c, "zero", t, zero);
}

/* float32 -> 8 bits, or from one quantisation to another: a table. */
oc_status oc_tflite_quantize(oc_tflite_call *c)
{
    oc_id in[3] = {c->in[0]};
    oc_node *node;
    const oc_dtype to = c->t_out[0]->desc.dtype;
    if (!oc_tflite_is_8bit(c->t_out[0]))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": QUANTIZE to %s is not supported", c->at.node,
                       oc_dtype_name(to));
    if (oc_tflite_is_integer(c)) {
        oc_tflite_function f = {.dtype = c->t_in[0]->desc.dtype};
        uint8_t table[256];
        OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &f.in));
        OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &f.out));
        oc_tflite_table_requantize(&f, to, table);
        return oc_tflite_lookup(c, NULL, in[0], to, table, &c->out[0]);
    }
    OC_TRY(oc_tflite_check_input(c, 0, OC_DTYPE_float32));
    OC_TRY(quant_constants(c, c->t_out[0], &in[1], &in[2]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_quantize, in, 3, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(to)));
    OC_TRY(oc_node_set_enum(node, "rounding", "away"));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

static oc_status cast(oc_tflite_call *c, oc_dtype to)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_cast, c->in, 1, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(to)));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* Scales of a constant along one axis, as [C]. */
static oc_status axis_scales(const oc_tflite_call *c, const oc_tflite_tensor *t, oc_id *value)
{
    float *scales = NULL;
    oc_desc desc = {OC_DTYPE_float32, {1, {(int32_t)t->scales.count}}};
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, t->scales.count, scales));
    for (uint32_t i = 0; i < t->scales.count; i++)
        OC_TRY(oc_tflite_scale_of(c, t, i, &scales[i]));
    return oc_tflite_constant(c, "scale", &desc, scales, value);
}

oc_status oc_tflite_dequantize(oc_tflite_call *c)
{
    oc_id in[3] = {c->in[0], OC_NONE, OC_NONE};
    const oc_tflite_tensor *t = c->t_in[0];
    oc_node *node;
    if (t->desc.dtype == OC_DTYPE_float16)
        return cast(c, OC_DTYPE_float32);
    if (!oc_tflite_is_8bit(t))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": DEQUANTIZE of %s is not supported",
                       c->at.node, oc_dtype_name(t->desc.dtype));
    if (t->scales.count > 1)
        OC_TRY(axis_scales(c, t, &in[1]));
    else
        OC_TRY(quant_constants(c, t, &in[1], &in[2]));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_dequantize, in, in[2] == OC_NONE ? 2 : 3, &node));
    if (t->scales.count > 1)
        OC_TRY(oc_node_set_int(node, "axis", t->axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

oc_status oc_tflite_cast(oc_tflite_call *c)
{
    return cast(c, c->t_out[0]->desc.dtype);
}

/* ---- PRELU ----------------------------------------------------------------------------------- */

/* (alpha - zero) as int32, of alpha's shape. */
static oc_status centred_alpha(const oc_tflite_call *c, int32_t zero, oc_id *value)
{
    const oc_desc *desc = &c->at.graph->values[c->in[1]].desc;
    oc_desc wide = {OC_DTYPE_int32, desc->shape};
    uint8_t *bytes = NULL;
    int32_t *numbers = NULL;
    size_t elems;
    if (!oc_imp_is_const(c->at.graph, c->in[1]))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": an alpha \"%s\" that is computed is not "
                       "supported", c->at.node, c->t_in[1]->name);
    OC_TRY(oc_shape_elems(&desc->shape, &elems));
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, elems + 1, bytes));
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, elems + 1, numbers));
    OC_TRY(oc_graph_const_read(c->at.graph, c->in[1], bytes, elems));
    for (size_t i = 0; i < elems; i++)
        numbers[i] = (desc->dtype == OC_DTYPE_int8 ? (int8_t)bytes[i] : bytes[i]) - zero;
    return oc_tflite_constant(c, "alpha", &wide, numbers, value);
}

/*
 * LiteRT scales x where it is not negative and x alpha where it is (reference/prelu.h), all on
 * centred elements. Both are computed, each with 0 where the other counts, and added: the table
 * holds the positive part without the zero point, which the negative part has.
 */
static oc_status prelu_integer(oc_tflite_call *c)
{
    oc_tflite_function f;
    oc_tflite_quant alpha = {0};
    uint8_t up[256];
    int32_t below[256];
    const char *name;
    oc_id positive, negative, factor;
    OC_TRY(function_of(c, &f));
    OC_TRY(oc_tflite_quant_of(c, c->t_in[1], &alpha));
    OC_TRY(centred_alpha(c, alpha.zero, &factor));
    oc_tflite_table_prelu(&f, up, below);
    OC_TRY(oc_imp_sub(&c->at, "below", &name));
    OC_TRY(oc_tflite_lookup(c, name, c->in[0], OC_DTYPE_int32, below, &negative));
    OC_TRY(oc_imp_sub(&c->at, "products", &name));
    OC_TRY(oc_imp_binary(&c->at, name, "mul", negative, factor, &negative));
    const float real = f.in.scale * alpha.scale / f.out.scale;
    oc_tflite_scale scale = oc_tflite_scale_make((double)real);
    OC_TRY(oc_imp_sub(&c->at, "negative", &name));
    OC_TRY(oc_tflite_requantize(c, name, negative, &scale, 1, oc_tflite_range_of(f.dtype),
                                "twice", &negative));
    OC_TRY(oc_imp_sub(&c->at, "positive", &name));
    OC_TRY(oc_tflite_lookup(c, name, c->in[0], f.dtype, up, &positive));
    return oc_imp_binary(&c->at, NULL, "add", positive, negative, &c->out[0]);
}

oc_status oc_tflite_prelu(oc_tflite_call *c)
{
    if (!oc_tflite_is_integer(c)) {
        OC_TRY(oc_tflite_check_types(c, OC_TYPE(float32)));
        return oc_imp_binary(&c->at, NULL, "prelu", c->in[0], c->in[1], &c->out[0]);
    }
    return prelu_integer(c);
}
