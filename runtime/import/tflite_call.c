/* SPDX-License-Identifier: Apache-2.0 */
/** What the conversions of TensorFlow Lite operators share. */
#include "tflite_ops.h"

#include "oc_ops.h"

#include <math.h>

/* ---- types ----------------------------------------------------------------------------------- */

static oc_status refuse_type(const oc_tflite_call *c, const oc_tflite_tensor *t)
{
    return oc_fail(OC_E_UNSUPPORTED,
                   "node \"%s\": %s with \"%s\" of %s among inputs or outputs of %s is not supported",
                   c->at.node, c->row->op, t->name, oc_dtype_name(t->desc.dtype),
                   oc_dtype_name(c->t_in[0]->desc.dtype));
}

oc_status oc_tflite_check_types(const oc_tflite_call *c, uint32_t types)
{
    const oc_dtype first = c->t_in[0]->desc.dtype;
    if (!(types >> first & 1))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s of %s is not supported", c->at.node,
                       c->row->op, oc_dtype_name(first));
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->t_in[i] && c->t_in[i]->desc.dtype != first)
            return refuse_type(c, c->t_in[i]);
    for (uint32_t i = 0; i < c->n_out; i++)
        if (c->t_out[i]->desc.dtype != first)
            return refuse_type(c, c->t_out[i]);
    return OC_OK;
}

oc_status oc_tflite_check_input(const oc_tflite_call *c, uint32_t input, oc_dtype type)
{
    return c->t_in[input]->desc.dtype == type ? OC_OK : refuse_type(c, c->t_in[input]);
}

/* ---- quantisation ---------------------------------------------------------------------------- */

static oc_status read_scale(const oc_tflite_call *c, const oc_tflite_tensor *t, uint32_t index,
                            float *scale)
{
    int32_t bits;
    float read;
    OC_TRY(oc_flat_i32_of(&t->scales, index, &bits));
    memcpy(&read, &bits, sizeof(read));
    if (!(read > 0.0f && read < 1e12f))
        return oc_fail(OC_E_FORMAT, "node \"%s\": scale %u of tensor \"%s\" is %g", c->at.node,
                       index, t->name, (double)read);
    *scale = read;
    return OC_OK;
}

static oc_status read_zero(const oc_tflite_call *c, const oc_tflite_tensor *t, uint32_t index,
                           int32_t *zero)
{
    int64_t read = 0;
    oc_tflite_range all = oc_tflite_range_of(t->desc.dtype);
    if (index < t->zeros.count)
        OC_TRY(oc_flat_i64_of(&t->zeros, index, &read));
    if (oc_tflite_is_8bit(t) ? read < all.lo || read > all.hi : read != 0)
        return oc_fail(OC_E_FORMAT, "node \"%s\": zero point %u of tensor \"%s\" is %lld",
                       c->at.node, index, t->name, (long long)read);
    *zero = (int32_t)read;
    return OC_OK;
}

oc_status oc_tflite_quant_of(const oc_tflite_call *c, const oc_tflite_tensor *t,
                             oc_tflite_quant *quant)
{
    if (t->scales.count != 1)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s needs one scale of tensor \"%s\", found %u", c->at.node,
                       c->row->op, t->name, t->scales.count);
    OC_TRY(read_scale(c, t, 0, &quant->scale));
    return read_zero(c, t, 0, &quant->zero);
}

oc_status oc_tflite_scale_of(const oc_tflite_call *c, const oc_tflite_tensor *t, uint32_t index,
                             float *scale)
{
    int32_t zero;
    if (t->scales.count != 1) {
        OC_TRY(read_zero(c, t, index, &zero));
        if (zero != 0)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": tensor \"%s\" has several scales and zero point %d",
                           c->at.node, t->name, zero);
    }
    return read_scale(c, t, t->scales.count == 1 ? 0 : index, scale);
}

oc_status oc_tflite_check_alike(const oc_tflite_call *c, const oc_tflite_tensor *a,
                                const oc_tflite_tensor *b)
{
    oc_tflite_quant p = {0}, q = {0};
    if (a->scales.count == 0 && b->scales.count == 0)
        return OC_OK;
    OC_TRY(oc_tflite_quant_of(c, a, &p));
    OC_TRY(oc_tflite_quant_of(c, b, &q));
    if (p.scale != q.scale || p.zero != q.zero)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s needs equal quantisation of \"%s\" (%g, %d) and \"%s\" "
                       "(%g, %d)",
                       c->at.node, c->row->op, a->name, (double)p.scale, p.zero, b->name,
                       (double)q.scale, q.zero);
    return OC_OK;
}

/* ---- options --------------------------------------------------------------------------------- */

oc_status oc_tflite_option_ints(const oc_tflite_call *c, unsigned slot, int64_t *out, size_t max,
                                size_t *count)
{
    oc_flat_vector list;
    OC_TRY(oc_flat_list(&c->options, slot, 4, &list));
    if (list.count > max)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": expected at most %zu numbers in its options, found %u",
                       c->at.node, max, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        int32_t value;
        OC_TRY(oc_flat_i32_of(&list, i, &value));
        out[i] = value;
    }
    *count = list.count;
    return OC_OK;
}

/*
 * TANH (4) and SIGN_BIT (5) are refused: the reference kernels of the operators that could have
 * them leave them out silently.
 */
oc_status oc_tflite_option_act(const oc_tflite_call *c, unsigned slot, const char **act)
{
    static const char *const names[] = {"none", "relu", "relu_n1_to_1", "relu6"};
    uint8_t number;
    OC_TRY(oc_flat_u8(&c->options, slot, 0, &number));
    if (number >= OC_COUNT(names))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": fused activation %u is not supported",
                       c->at.node, number);
    *act = names[number];
    return OC_OK;
}

oc_status oc_tflite_end_with_act(oc_tflite_call *c, oc_node *node, const char *act)
{
    OC_TRY(oc_node_set_enum(node, node->op->act_attr, act));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* ---- constants and nodes --------------------------------------------------------------------- */

oc_status oc_tflite_constant(const oc_tflite_call *c, const char *what, const oc_desc *desc,
                             const void *bytes, oc_id *value)
{
    const char *name;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_graph_add_bytes(c->at.graph, name, desc, bytes, value);
}

oc_status oc_tflite_zero(const oc_tflite_call *c, const char *what, const oc_tflite_tensor *t,
                         oc_id *value)
{
    oc_tflite_quant quant = {0};
    oc_desc desc = {.dtype = t->desc.dtype};
    OC_TRY(oc_tflite_quant_of(c, t, &quant));
    const uint8_t byte = (uint8_t)quant.zero;
    return oc_tflite_constant(c, what, &desc, &byte, value);
}

oc_status oc_tflite_lookup(const oc_tflite_call *c, const char *name, oc_id x, oc_dtype to,
                           const void *entries, oc_id *out)
{
    oc_desc desc = {to, {1, {256}}};
    oc_id in[2] = {x};
    oc_node *node;
    const char *table;
    OC_TRY(oc_imp_join(c->at.scratch, name ? name : c->at.node, "table", &table));
    OC_TRY(oc_graph_add_bytes(c->at.graph, table, &desc, entries, &in[1]));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_lookup, in, 2, &node));
    return oc_imp_end(&c->at, node, name ? name : c->at.out, out);
}

/* The int32 at `offset` of each scale. */
static oc_status scale_constant(const oc_tflite_call *c, const char *what,
                                const oc_tflite_scale *scales, size_t offset, uint32_t count,
                                oc_id *value)
{
    int32_t *numbers = NULL;
    oc_desc desc = {OC_DTYPE_int32, {1, {(int32_t)count}}};
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, count, numbers));
    for (uint32_t i = 0; i < count; i++)
        memcpy(&numbers[i], (const char *)&scales[i] + offset, sizeof(int32_t));
    return oc_tflite_constant(c, what, &desc, numbers, value);
}

oc_status oc_tflite_requantize(const oc_tflite_call *c, const char *name, oc_id sums,
                               const oc_tflite_scale *scales, uint32_t count,
                               oc_tflite_range range, const char *rounding,
                               oc_id *out_id)
{
    oc_tflite_quant out = {0};
    const bool is_double = strcmp(rounding, "double") == 0;
    oc_id in[4] = {sums};
    oc_node *node;
    for (uint32_t i = 0; i < count; i++)
        if (scales[i].shift > 30)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": its scales ask for a factor beyond 2^30", c->at.node);
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &out));
    OC_TRY(scale_constant(c, "multiplier", scales, offsetof(oc_tflite_scale, multiplier), count,
                          &in[1]));
    OC_TRY(scale_constant(c, "shift", scales, offsetof(oc_tflite_scale, shift), count, &in[2]));
    if (is_double)
        OC_TRY(scale_constant(c, "low", scales, offsetof(oc_tflite_scale, low), count, &in[3]));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_requantize, in, is_double ? 4 : 3, &node));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(c->t_out[0]->desc.dtype)));
    OC_TRY(oc_node_set_enum(node, "rounding", rounding));
    OC_TRY(oc_node_set_int(node, "zero", out.zero));
    OC_TRY(oc_node_set_int(node, "lo", range.lo));
    OC_TRY(oc_node_set_int(node, "hi", range.hi));
    return oc_imp_end(&c->at, node, name ? name : c->at.out, out_id);
}
