/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What gives elements another shape or order, or joins tensors: the same for every element type.
 */
#include "tflite_ops.h"

#include "oc_ops.h"

#include <stdio.h>

/* The shape is an input, or, in older files, an option. */
oc_status oc_tflite_reshape(oc_tflite_call *c)
{
    int64_t dims[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    if (oc_tflite_input(c, 1) != OC_NONE)
        OC_TRY(oc_imp_ints(&c->at, c->in[1], "shape", dims, OC_RANK_MAX, &count));
    else
        OC_TRY(oc_tflite_option_ints(c, 0, dims, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_resolve(&c->at, oc_tflite_shape(c, 0), dims, count, false, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

oc_status oc_tflite_squeeze(oc_tflite_call *c)
{
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    OC_TRY(oc_tflite_option_ints(c, 0, asked, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_axes(&c->at, asked, count, oc_tflite_shape(c, 0)->rank, axes));
    OC_TRY(oc_imp_squeezed(&c->at, oc_tflite_shape(c, 0), axes, count, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

/* x as `shape` with an axis of 1 put in at `axis`. */
static void put_axis(const oc_shape *x, int32_t axis, oc_shape *shape)
{
    *shape = (oc_shape){.rank = x->rank + 1};
    for (int32_t i = 0; i < shape->rank; i++)
        shape->dim[i] = i == axis ? 1 : x->dim[i - (i > axis)];
}

static oc_status check_room(const oc_tflite_call *c)
{
    if (oc_tflite_shape(c, 0)->rank >= OC_RANK_MAX)
        return oc_fail(OC_E_LIMIT, "node \"%s\": %s of rank %d, at most %d axes are supported",
                       c->at.node, c->row->op, oc_tflite_shape(c, 0)->rank, OC_RANK_MAX);
    return OC_OK;
}

oc_status oc_tflite_expand_dims(oc_tflite_call *c)
{
    int64_t asked;
    int32_t axis;
    size_t count;
    oc_shape shape;
    OC_TRY(check_room(c));
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "axis", &asked, 1, &count));
    if (count != 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected one axis, found none", c->at.node);
    OC_TRY(oc_imp_axis(&c->at, asked, oc_tflite_shape(c, 0)->rank + 1, &axis));
    put_axis(oc_tflite_shape(c, 0), axis, &shape);
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

/* All shapes are known while importing. */
oc_status oc_tflite_shape_op(oc_tflite_call *c)
{
    const oc_shape *x = oc_tflite_shape(c, 0);
    const oc_dtype to = c->t_out[0]->desc.dtype;
    oc_desc desc = {to, {1, {x->rank}}};
    int64_t wide[OC_RANK_MAX] = {0};
    if (to != OC_DTYPE_int32 && to != OC_DTYPE_int64)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": SHAPE as %s", c->at.node, oc_dtype_name(to));
    for (int32_t i = 0; i < x->rank; i++)
        wide[i] = x->dim[i];
    return oc_graph_add_bytes(c->at.graph, c->at.out, &desc,
                              to == OC_DTYPE_int64 ? (const void *)wide : (const void *)x->dim,
                              &c->out[0]);
}

oc_status oc_tflite_transpose(oc_tflite_call *c)
{
    int64_t asked[OC_RANK_MAX];
    int32_t perm[OC_RANK_MAX], rank = oc_tflite_shape(c, 0)->rank;
    size_t count;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "permutation", asked, OC_RANK_MAX, &count));
    if (count != (size_t)rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected a permutation of %d axes, found %zu",
                       c->at.node, rank, count);
    for (size_t i = 0; i < count; i++)
        OC_TRY(oc_imp_axis(&c->at, asked[i], rank, &perm[i]));
    return oc_imp_transpose(&c->at, NULL, c->in[0], perm, &c->out[0]);
}

/* ---- joining and parting --------------------------------------------------------------------- */

/*
 * Input `i` of a concatenation in the output's quantisation: int8 must have it already, uint8 is
 * rescaled by a table (ConcatenationWithScaling).
 */
static oc_status rescaled(const oc_tflite_call *c, uint32_t i, oc_id *x)
{
    oc_tflite_function f = {.dtype = c->t_in[i]->desc.dtype};
    uint8_t table[256];
    char what[32];
    const char *name;
    *x = c->in[i];
    if (!oc_tflite_is_8bit(c->t_in[i]) ||
        (c->t_in[i]->scales.count == 0 && c->t_out[0]->scales.count == 0))
        return OC_OK;
    if (f.dtype == OC_DTYPE_int8)
        return oc_tflite_check_alike(c, c->t_in[i], c->t_out[0]);
    OC_TRY(oc_tflite_quant_of(c, c->t_in[i], &f.in));
    OC_TRY(oc_tflite_quant_of(c, c->t_out[0], &f.out));
    if (f.in.scale == f.out.scale && f.in.zero == f.out.zero)
        return OC_OK;
    oc_tflite_table_concatenation(&f, table);
    snprintf(what, sizeof(what), "rescaled_%u", i);
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_tflite_lookup(c, name, c->in[i], f.dtype, table, x);
}

static oc_status join(oc_tflite_call *c, const oc_id *in, int32_t axis)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_concat, in, c->n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

static oc_status check_given(const oc_tflite_call *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
    return oc_tflite_check_types(c, OC_TYPES_ALL);
}

oc_status oc_tflite_concatenation(oc_tflite_call *c)
{
    int32_t asked, axis;
    uint8_t act;
    oc_id in[OC_NODE_IO_MAX];
    OC_TRY(check_given(c));
    OC_TRY(oc_flat_i32(&c->options, 0, 0, &asked));
    OC_TRY(oc_flat_u8(&c->options, 1, 0, &act));
    if (act != 0)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": fused activation %u is not supported",
                       c->at.node, act);
    OC_TRY(oc_imp_axis(&c->at, asked, oc_tflite_shape(c, 0)->rank, &axis));
    for (uint32_t i = 0; i < c->n_in; i++)
        OC_TRY(rescaled(c, i, &in[i]));
    return join(c, in, axis);
}

/* Each input gets an axis of 1, along which they are joined. */
oc_status oc_tflite_pack(oc_tflite_call *c)
{
    int32_t asked, axis;
    oc_id in[OC_NODE_IO_MAX];
    oc_shape shape;
    OC_TRY(check_given(c));
    OC_TRY(check_room(c));
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &asked));
    OC_TRY(oc_imp_axis(&c->at, asked, oc_tflite_shape(c, 0)->rank + 1, &axis));
    for (uint32_t i = 0; i < c->n_in; i++) {
        char what[32];
        const char *name;
        if (oc_tflite_shape(c, i)->rank != oc_tflite_shape(c, 0)->rank)
            return oc_fail(OC_E_SHAPE, "node \"%s\": inputs of different ranks", c->at.node);
        put_axis(oc_tflite_shape(c, i), axis, &shape);
        snprintf(what, sizeof(what), "part_%u", i);
        OC_TRY(oc_imp_sub(&c->at, what, &name));
        OC_TRY(oc_imp_reshape(&c->at, name, c->in[i], &shape, &in[i]));
    }
    return join(c, in, axis);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* x as `wide`, its axes in the order `perm`, then as `shape`. */
static oc_status rearrange(oc_tflite_call *c, const oc_shape *wide, const int32_t *perm,
                           const oc_shape *shape)
{
    const char *name;
    oc_id x;
    OC_TRY(oc_imp_sub(&c->at, "blocks", &name));
    OC_TRY(oc_imp_reshape(&c->at, name, c->in[0], wide, &x));
    OC_TRY(oc_imp_sub(&c->at, "turned", &name));
    OC_TRY(oc_imp_transpose(&c->at, name, x, perm, &x));
    return oc_imp_reshape(&c->at, NULL, x, shape, &c->out[0]);
}

static oc_status read_block(const oc_tflite_call *c, int32_t *block)
{
    OC_TRY(oc_flat_i32(&c->options, 0, 0, block));
    if (*block < 1 || *block > 4096 || oc_tflite_shape(c, 0)->rank != 4)
        return oc_fail(OC_E_SHAPE, "node \"%s\": blocks of %d in an input of rank %d", c->at.node,
                       *block, oc_tflite_shape(c, 0)->rank);
    return OC_OK;
}

/* Channels are block row, block column, depth. */
oc_status oc_tflite_depth_to_space(oc_tflite_call *c)
{
    int32_t b;
    OC_TRY(read_block(c, &b));
    const int32_t *d = oc_tflite_shape(c, 0)->dim;
    int64_t height = (int64_t)d[1] * b, width = (int64_t)d[2] * b;
    if (d[3] % (b * b) != 0 || height > INT32_MAX || width > INT32_MAX)
        return oc_fail(OC_E_SHAPE, "node \"%s\": %d channels cannot be blocks of %d x %d",
                       c->at.node, d[3], b, b);
    const int32_t depth = d[3] / (b * b);
    const oc_shape wide = {6, {d[0], d[1], d[2], b, b, depth}};
    const oc_shape shape = {4, {d[0], (int32_t)height, (int32_t)width, depth}};
    return rearrange(c, &wide, (int32_t[]){0, 1, 3, 2, 4, 5}, &shape);
}

oc_status oc_tflite_space_to_depth(oc_tflite_call *c)
{
    int32_t b;
    OC_TRY(read_block(c, &b));
    const int32_t *d = oc_tflite_shape(c, 0)->dim;
    int64_t depth = (int64_t)d[3] * b * b;
    if (d[1] % b != 0 || d[2] % b != 0 || depth > INT32_MAX)
        return oc_fail(OC_E_SHAPE, "node \"%s\": %d x %d pixels cannot be cut into blocks of %d",
                       c->at.node, d[1], d[2], b);
    const oc_shape wide = {6, {d[0], d[1] / b, b, d[2] / b, b, d[3]}};
    const oc_shape shape = {4, {d[0], d[1] / b, d[2] / b, (int32_t)depth}};
    return rearrange(c, &wide, (int32_t[]){0, 1, 3, 2, 4, 5}, &shape);
}
