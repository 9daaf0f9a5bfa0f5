/* SPDX-License-Identifier: Apache-2.0 */
/** MEAN, SUM, REDUCE_MAX, REDUCE_MIN, ARG_MAX and ARG_MIN. */
#include "tflite_ops.h"

#include "oc_ops.h"

typedef struct reduction {
    int32_t axes[OC_RANK_MAX];
    size_t n_axes;
    bool keep_dims;
} reduction;

/* The axes asked for, each once: LiteRT does not mind one that is named again, be it from the end. */
static oc_status read_axes(const oc_tflite_call *c, int64_t axes[OC_RANK_MAX], size_t *n_axes)
{
    int64_t asked[4 * OC_RANK_MAX];
    size_t n_asked;
    bool is_known[OC_RANK_MAX] = {false};
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "axes", asked, OC_COUNT(asked), &n_asked));
    *n_axes = 0;
    for (size_t i = 0; i < n_asked; i++) {
        int32_t axis;
        OC_TRY(oc_imp_axis(&c->at, asked[i], oc_tflite_shape(c, 0)->rank, &axis));
        if (!is_known[axis])
            axes[(*n_axes)++] = axis;
        is_known[axis] = true;
    }
    return OC_OK;
}

static oc_status read_reduction(const oc_tflite_call *c, reduction *r)
{
    int64_t axes[OC_RANK_MAX];
    uint8_t keep_dims;
    OC_TRY(read_axes(c, axes, &r->n_axes));
    OC_TRY(oc_imp_axes(&c->at, axes, r->n_axes, oc_tflite_shape(c, 0)->rank, r->axes));
    OC_TRY(oc_flat_u8(&c->options, 0, 0, &keep_dims));
    r->keep_dims = keep_dims != 0;
    return OC_OK;
}

/* Elements under one result. */
static oc_status count_elems(const oc_tflite_call *c, const reduction *r, int64_t *count)
{
    *count = 1;
    for (size_t i = 0; i < r->n_axes; i++) {
        *count *= oc_tflite_shape(c, 0)->dim[r->axes[i]];
        if (*count > INT32_MAX / 256 || *count < 1)
            return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s of %lld 8-bit elements",
                           c->at.node, c->row->op, (long long)*count);
    }
    return OC_OK;
}

/*
 * The factor of a mean: that of the scales, divided by the number of elements in fixed point
 * (QuantizedMeanOrSum of reference/reduce.h): shifted up by as many bits as the number has, so that
 * the division keeps 30 of them.
 */
static oc_tflite_scale mean_scale(oc_tflite_scale ratio, int64_t count)
{
    int shift = 0;
    while (count >> (shift + 1) != 0)
        shift++;
    shift = OC_MIN(shift, 31 + ratio.shift);
    return (oc_tflite_scale){(int32_t)(((int64_t)ratio.multiplier << shift) / count),
                             ratio.shift - shift, 0};
}

/* Centred elements are summed as int32, the sum requantised. */
static oc_status sum_integer(oc_tflite_call *c, const reduction *r, bool is_mean)
{
    oc_tflite_function f = {.dtype = c->t_in[0]->desc.dtype};
    int32_t table[256];
    int64_t count;
    const char *name;
    oc_id sums;
    oc_node *node;
    OC_TRY(oc_tflite_quant_of(c, c->t_in[0], &f.in));
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &f.out));
    OC_TRY(count_elems(c, r, &count));
    oc_tflite_table_centred(&f, table);
    OC_TRY(oc_imp_sub(&c->at, "centred", &name));
    OC_TRY(oc_tflite_lookup(c, name, c->in[0], OC_DTYPE_int32, table, &sums));
    OC_TRY(oc_imp_sub(&c->at, "sums", &name));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_reduce, &sums, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", "sum"));
    OC_TRY(oc_node_set_ints(node, "axes", r->axes, r->n_axes));
    OC_TRY(oc_node_set_int(node, "keepdims", r->keep_dims));
    OC_TRY(oc_imp_end(&c->at, node, name, &sums));
    oc_tflite_scale scale = oc_tflite_scale_make((double)f.in.scale / (double)f.out.scale);
    if (is_mean)
        scale = mean_scale(scale, count);
    return oc_tflite_requantize(c, NULL, sums, &scale, 1, oc_tflite_range_of(f.dtype), "twice",
                                &c->out[0]);
}

oc_status oc_tflite_reduce(oc_tflite_call *c)
{
    reduction r;
    const bool is_mean = strcmp(c->row->fn, "mean") == 0, is_sum = strcmp(c->row->fn, "sum") == 0;
    /* LiteRT adds int8 elements in int8: what comes of that is no sum. */
    const uint32_t sums = OC_TYPE(float32) | OC_TYPE(int32) | OC_TYPE(int64) | OC_TYPE(uint8);
    OC_TRY(oc_tflite_check_input(c, 1, OC_DTYPE_int32));
    OC_TRY(read_reduction(c, &r));
    const oc_dtype type = oc_tflite_dtype(c, 0);
    const uint32_t types = is_mean  ? OC_TYPE(float32) | OC_TYPES_8BIT
                           : is_sum ? sums
                                    : sums | OC_TYPE(int8);
    if (!(types >> type & 1))
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s of %s is not supported", c->at.node,
                       c->row->op, oc_dtype_name(type));
    if (oc_tflite_is_integer(c) && (is_mean || is_sum))
        return sum_integer(c, &r, is_mean);
    if (oc_tflite_is_integer(c))
        OC_TRY(oc_tflite_check_alike(c, c->t_in[0], c->t_out[0]));
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], r.axes, r.n_axes, r.keep_dims, &c->out[0]);
}

/* The first of equal elements counts. */
oc_status oc_tflite_arg(oc_tflite_call *c)
{
    int64_t asked;
    int32_t axis;
    size_t count;
    oc_node *node;
    const oc_dtype to = c->t_out[0]->desc.dtype;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "axis", &asked, 1, &count));
    if (count != 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected one axis, found none", c->at.node);
    if (to != OC_DTYPE_int32 && to != OC_DTYPE_int64)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s giving %s is not supported", c->at.node,
                       c->row->op, oc_dtype_name(to));
    OC_TRY(oc_imp_axis(&c->at, asked, oc_tflite_shape(c, 0)->rank, &axis));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_argmax, c->in, 1, &node));
    OC_TRY(oc_node_set_enum(node, "fn", c->row->fn));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    OC_TRY(oc_node_set_int(node, "keep_dims", 0));
    OC_TRY(oc_node_set_enum(node, "to", oc_dtype_name(to)));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}
