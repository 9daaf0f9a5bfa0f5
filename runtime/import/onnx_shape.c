/* SPDX-License-Identifier: Apache-2.0 */
/** Operators that give elements another shape or order, and those that leave them as they are. */
#include "onnx_ops.h"

#include "oc_ops.h"

/* ---- as it is -------------------------------------------------------------------------------- */

oc_status oc_onnx_identity(oc_onnx_call *c)
{
    return oc_imp_identity(&c->at, NULL, c->in[0], &c->out[0]);
}

/* Result 1 of Dropout, from opset 10 on bool: which elements were kept, which is all of them. */
static oc_status all_kept(oc_onnx_call *c)
{
    static const uint8_t yes = 1;
    const oc_desc desc = {OC_DTYPE_bool, *oc_onnx_shape(c, 0)};
    const char *name;
    OC_TRY(oc_onnx_out_name(c, 1, &name));
    return oc_graph_add_fill(c->at.graph, name, &desc, &yes, &c->out[1]);
}

/* Outside of training it is the identity; opset 12 made ratio and training_mode inputs. */
oc_status oc_onnx_dropout(oc_onnx_call *c)
{
    uint8_t is_training = 0;
    if (oc_onnx_has(c, 2)) {
        const oc_desc *desc = &c->at.graph->values[c->in[2]].desc;
        if (!oc_imp_is_const(c->at.graph, c->in[2]) || desc->dtype != OC_DTYPE_bool ||
            desc->shape.rank != 0)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": expected training_mode as a constant bool; give an input "
                           "of the model as a constant",
                           c->at.node);
        OC_TRY(oc_graph_const_read(c->at.graph, c->in[2], &is_training, 1));
    }
    if (is_training)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": Dropout in training is not supported",
                       c->at.node);
    if (c->model->opset >= 10 && oc_onnx_wants(c, 1))
        OC_TRY(all_kept(c));
    return oc_onnx_identity(c);
}

/* ---- another shape --------------------------------------------------------------------------- */

oc_status oc_onnx_reshape(oc_onnx_call *c)
{
    int64_t dims[OC_RANK_MAX], allows_zero;
    size_t count;
    oc_shape shape;
    OC_TRY(oc_onnx_get_int(c, "allowzero", 0, &allows_zero));
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "shape", dims, OC_RANK_MAX, &count));
    OC_TRY(oc_imp_resolve(&c->at, oc_onnx_shape(c, 0), dims, count, allows_zero == 0, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

oc_status oc_onnx_flatten(oc_onnx_call *c)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    oc_shape shape;
    int64_t asked;
    OC_TRY(oc_onnx_get_int(c, "axis", 1, &asked));
    if (asked < -(int64_t)in->rank || asked > in->rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected an axis of %d to %d, found %lld",
                       c->at.node, -in->rank, in->rank, (long long)asked);
    OC_TRY(oc_onnx_flattened(c, in, (int32_t)(asked < 0 ? asked + in->rank : asked), &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

oc_status oc_onnx_squeeze(oc_onnx_call *c)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count;
    oc_shape shape;
    bool found;
    OC_TRY(oc_onnx_ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    OC_TRY(oc_imp_axes(&c->at, asked, count, in->rank, axes));
    OC_TRY(oc_imp_squeezed(&c->at, in, axes, count, &shape));
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

oc_status oc_onnx_unsqueeze(oc_onnx_call *c)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    int64_t asked[OC_RANK_MAX];
    int32_t axes[OC_RANK_MAX];
    size_t count, next = 0;
    bool found;
    OC_TRY(oc_onnx_ints_of(c, "axes", 1, asked, OC_RANK_MAX, &count, &found));
    if (!found || in->rank + count > OC_RANK_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected axes for a rank of at most %d",
                       c->at.node, OC_RANK_MAX);
    oc_shape shape = {.rank = in->rank + (int32_t)count};
    OC_TRY(oc_imp_axes(&c->at, asked, count, shape.rank, axes));
    for (int32_t axis = 0, from = 0; axis < shape.rank; axis++) {
        bool is_new = next < count && axes[next] == axis;
        next += is_new;
        shape.dim[axis] = is_new ? 1 : in->dim[from++];
    }
    return oc_imp_reshape(&c->at, NULL, c->in[0], &shape, &c->out[0]);
}

/* ---- another order --------------------------------------------------------------------------- */

oc_status oc_onnx_concat(oc_onnx_call *c)
{
    oc_onnx_attr attr;
    bool found;
    int32_t axis;
    oc_node *node;
    OC_TRY(oc_onnx_get(c, "axis", OC_ONNX_INT, &attr, &found));
    if (!found)
        return oc_fail(OC_E_FORMAT, "node \"%s\": Concat needs the attribute axis", c->at.node);
    OC_TRY(oc_imp_axis(&c->at, attr.i, oc_onnx_shape(c, 0)->rank, &axis));
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_concat, c->in, c->n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

oc_status oc_onnx_transpose(oc_onnx_call *c)
{
    int32_t rank = oc_onnx_shape(c, 0)->rank, perm[OC_RANK_MAX];
    int64_t asked[OC_RANK_MAX];
    size_t count;
    bool found;
    OC_TRY(oc_onnx_get_ints(c, "perm", asked, OC_RANK_MAX, &count, &found));
    if (found && count != (size_t)rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected perm of %d axes, found %zu", c->at.node,
                       rank, count);
    for (int32_t i = 0; i < rank; i++)
        if (found)
            OC_TRY(oc_imp_axis(&c->at, asked[i], rank, &perm[i]));
        else
            perm[i] = rank - 1 - i;
    return oc_imp_transpose(&c->at, NULL, c->in[0], perm, &c->out[0]);
}

/* Blocks of pixels and channels change places: split axes, turn them, join axes. */
static oc_status rearrange(oc_onnx_call *c, const oc_shape *split, const int32_t *perm,
                           const oc_shape *joined)
{
    oc_imp blocks, turned;
    oc_id x;
    OC_TRY(oc_onnx_step(c, "blocks", &blocks));
    OC_TRY(oc_onnx_step(c, "turned", &turned));
    OC_TRY(oc_imp_reshape(&blocks, NULL, c->in[0], split, &x));
    OC_TRY(oc_imp_transpose(&turned, NULL, x, perm, &x));
    return oc_imp_reshape(&c->at, NULL, x, joined, &c->out[0]);
}

/* Height, width or channels that have to be whole blocks; they are at most INT32_MAX afterwards. */
static oc_status read_blocks(oc_onnx_call *c, bool of_channels, int32_t *block)
{
    int64_t size;
    const oc_shape *s = oc_onnx_shape(c, 0);
    OC_TRY(oc_onnx_get_int(c, "blocksize", 0, &size));
    if (s->rank != 4 || size < 1 || size > 1 << 15)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": expected an input of rank 4 and blocks of 1 to %d, found rank "
                       "%d and %lld",
                       c->at.node, 1 << 15, s->rank, (long long)size);
    int32_t b = (int32_t)size;
    bool is_whole =
        of_channels ? s->dim[1] % (b * b) == 0 : s->dim[2] % b == 0 && s->dim[3] % b == 0;
    int64_t largest =
        of_channels ? (int64_t)OC_MAX(s->dim[2], s->dim[3]) * b : (int64_t)s->dim[1] * b * b;
    if (!is_whole || largest > INT32_MAX)
        return oc_fail(OC_E_SHAPE, "node \"%s\": %d channels of %d x %d are not in blocks of %d",
                       c->at.node, s->dim[1], s->dim[2], s->dim[3], b);
    *block = b;
    return OC_OK;
}

/* Channels are [block,block,C] or, in mode CRD, [C,block,block]. */
oc_status oc_onnx_depth_to_space(oc_onnx_call *c)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    static const int32_t perms[][6] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
    const oc_shape s = *oc_onnx_shape(c, 0);
    int32_t b;
    size_t mode;
    OC_TRY(read_blocks(c, true, &b));
    OC_TRY(oc_onnx_get_choice(c, "mode", modes, &mode));
    int32_t n = s.dim[0], h = s.dim[2], w = s.dim[3], channels = s.dim[1] / (b * b);
    const oc_shape splits[] = {{6, {n, b, b, channels, h, w}}, {6, {n, channels, b, b, h, w}}};
    const oc_shape joined = {4, {n, channels, h * b, w * b}};
    return rearrange(c, &splits[mode], perms[mode], &joined);
}

oc_status oc_onnx_space_to_depth(oc_onnx_call *c)
{
    static const int32_t perm[] = {0, 3, 5, 1, 2, 4};
    const oc_shape s = *oc_onnx_shape(c, 0);
    int32_t b;
    OC_TRY(read_blocks(c, false, &b));
    int32_t n = s.dim[0], channels = s.dim[1], h = s.dim[2] / b, w = s.dim[3] / b;
    const oc_shape split = {6, {n, channels, h, b, w, b}},
                   joined = {4, {n, channels * b * b, h, w}};
    return rearrange(c, &split, perm, &joined);
}
