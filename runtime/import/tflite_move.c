/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What pads, cuts out, spreads over the batch or resizes. Elements keep their type; what is added
 * around a quantised tensor is its zero point.
 */
#include "tflite_ops.h"

#include "oc_ops.h"

/* ---- padding --------------------------------------------------------------------------------- */

/* Paddings are [rank,2]: before and after each axis. */
static oc_status read_paddings(const oc_tflite_call *c, int64_t *begins, int64_t *ends)
{
    int64_t pairs[2 * OC_RANK_MAX];
    size_t count, rank = (size_t)oc_tflite_shape(c, 0)->rank;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "paddings", pairs, OC_COUNT(pairs), &count));
    if (count != 2 * rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected %zu paddings, found %zu", c->at.node,
                       2 * rank, count);
    for (size_t i = 0; i < rank; i++) {
        begins[i] = pairs[2 * i];
        ends[i] = pairs[2 * i + 1];
    }
    return OC_OK;
}

/* The zero point that stands for 0 in an 8-bit tensor; 0 in all others. */
static oc_status zero_element(const oc_tflite_call *c, const oc_tflite_tensor *t, float *value)
{
    oc_tflite_quant quant = {0};
    *value = 0.0f;
    if (!oc_tflite_is_8bit(t) || t->scales.count == 0)
        return OC_OK;
    OC_TRY(oc_tflite_quant_of(c, t, &quant));
    *value = (float)quant.zero;
    return OC_OK;
}

/* The element that PADV2 names, of the input's own type. */
static oc_status given_element(const oc_tflite_call *c, float *value)
{
    uint8_t byte;
    size_t elems;
    const oc_dtype type = oc_tflite_dtype(c, 0);
    OC_TRY(oc_tflite_check_input(c, 2, type));
    if (type == OC_DTYPE_float32)
        return oc_imp_float(&c->at, c->in[2], "padding value", value);
    OC_TRY(oc_shape_elems(oc_tflite_shape(c, 2), &elems));
    if (!oc_tflite_is_integer(c) || elems != 1 || !oc_imp_is_const(c->at.graph, c->in[2]))
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": expected one constant of float32, int8 or uint8 as padding "
                       "value, found %zu of %s",
                       c->at.node, elems, oc_dtype_name(type));
    OC_TRY(oc_graph_const_read(c->at.graph, c->in[2], &byte, 1));
    *value = type == OC_DTYPE_int8 ? (float)(int8_t)byte : (float)byte;
    return OC_OK;
}

oc_status oc_tflite_pad(oc_tflite_call *c)
{
    int64_t begins[OC_RANK_MAX], ends[OC_RANK_MAX];
    float value;
    OC_TRY(read_paddings(c, begins, ends));
    if (c->n_in > 2)
        OC_TRY(given_element(c, &value));
    else
        OC_TRY(zero_element(c, c->t_out[0], &value));
    return oc_imp_pad(&c->at, c->in[0], begins, ends, value, &c->out[0]);
}

oc_status oc_tflite_mirror_pad(oc_tflite_call *c)
{
    int64_t begins[OC_RANK_MAX], ends[OC_RANK_MAX];
    int32_t low[OC_RANK_MAX], high[OC_RANK_MAX];
    const size_t rank = (size_t)oc_tflite_shape(c, 0)->rank;
    uint8_t mode;
    oc_node *node;
    OC_TRY(read_paddings(c, begins, ends));
    OC_TRY(oc_flat_u8(&c->options, 0, 0, &mode));
    if (mode > 1)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected mode 0 or 1, found %u", c->at.node, mode);
    OC_TRY(oc_imp_narrow(&c->at, "paddings", begins, rank, low));
    OC_TRY(oc_imp_narrow(&c->at, "paddings", ends, rank, high));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_pad, c->in, 1, &node));
    OC_TRY(oc_node_set_enum(node, "mode", mode == 0 ? "reflect" : "symmetric"));
    OC_TRY(oc_node_set_ints(node, "pads_begin", low, rank));
    OC_TRY(oc_node_set_ints(node, "pads_end", high, rank));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

/* ---- slices ---------------------------------------------------------------------------------- */

/* A box of a tensor, per axis; `keeps` the axes that stay. */
typedef struct box {
    int32_t begins[OC_RANK_MAX], ends[OC_RANK_MAX], steps[OC_RANK_MAX];
    bool goes[OC_RANK_MAX];
} box;

static box whole(const oc_shape *shape)
{
    box b = {.begins = {0}};
    for (int32_t i = 0; i < shape->rank; i++) {
        b.ends[i] = shape->dim[i];
        b.steps[i] = 1;
    }
    return b;
}

/* Output `i` is the box of `x`, without the axes that go. */
static oc_status cut_out(oc_tflite_call *c, uint32_t i, oc_id x, const box *b)
{
    const oc_shape *from = oc_imp_shape(&c->at, x);
    oc_shape shape = {0};
    oc_node *node;
    const char *out = c->t_out[i]->name, *name = out;
    bool is_reshaped = false;
    oc_id y;
    for (int32_t axis = 0; axis < from->rank; axis++)
        is_reshaped = is_reshaped || b->goes[axis];
    if (is_reshaped)
        OC_TRY(oc_imp_join(c->at.scratch, out, "slice", &name));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_slice, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "begins", b->begins, (size_t)from->rank));
    OC_TRY(oc_node_set_ints(node, "ends", b->ends, (size_t)from->rank));
    OC_TRY(oc_node_set_ints(node, "steps", b->steps, (size_t)from->rank));
    OC_TRY(oc_imp_end(&c->at, node, name, &y));
    c->out[i] = y;
    if (!is_reshaped)
        return OC_OK;
    from = oc_imp_shape(&c->at, y);
    for (int32_t axis = 0; axis < from->rank; axis++)
        if (!b->goes[axis])
            shape.dim[shape.rank++] = from->dim[axis];
    return oc_imp_reshape(&c->at, out, y, &shape, &c->out[i]);
}

static oc_status read_list(const oc_tflite_call *c, uint32_t input, const char *what, int64_t *list)
{
    size_t count, rank = (size_t)oc_tflite_shape(c, 0)->rank;
    OC_TRY(oc_imp_ints(&c->at, c->in[input], what, list, OC_RANK_MAX, &count));
    if (count != rank)
        return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": expected %zu %s, found %zu", c->at.node, rank,
                       what, count);
    return OC_OK;
}

/* Inputs x, begins, sizes; a size of -1 is all that is left. */
oc_status oc_tflite_slice(oc_tflite_call *c)
{
    int64_t begins[OC_RANK_MAX], sizes[OC_RANK_MAX];
    const oc_shape *x = oc_tflite_shape(c, 0);
    box b = whole(x);
    OC_TRY(read_list(c, 1, "begins", begins));
    OC_TRY(read_list(c, 2, "sizes", sizes));
    for (int32_t i = 0; i < x->rank; i++) {
        if (begins[i] < 0 || begins[i] > x->dim[i])
            return oc_fail(OC_E_SHAPE, "node \"%s\": element %lld of axis %d, which has %d",
                           c->at.node, (long long)begins[i], i, x->dim[i]);
        int64_t size = sizes[i] == -1 ? x->dim[i] - begins[i] : sizes[i];
        if (size < 0 || size > x->dim[i] - begins[i])
            return oc_fail(OC_E_SHAPE, "node \"%s\": %lld elements from %lld on of axis %d, which "
                           "has %d",
                           c->at.node, (long long)size, (long long)begins[i], i, x->dim[i]);
        b.begins[i] = (int32_t)begins[i];
        b.ends[i] = (int32_t)(begins[i] + size);
    }
    return cut_out(c, 0, c->in[0], &b);
}

typedef struct masks {
    int32_t begin, end, ellipsis, new_axis, shrink;
    uint8_t offset; /* ends count from the begins */
} masks;

static oc_status read_masks(const oc_tflite_call *c, masks *m)
{
    OC_TRY(oc_flat_i32(&c->options, 0, 0, &m->begin));
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &m->end));
    OC_TRY(oc_flat_i32(&c->options, 2, 0, &m->ellipsis));
    OC_TRY(oc_flat_i32(&c->options, 3, 0, &m->new_axis));
    OC_TRY(oc_flat_i32(&c->options, 4, 0, &m->shrink));
    OC_TRY(oc_flat_u8(&c->options, 5, 0, &m->offset));
    if (m->ellipsis != 0 || m->new_axis != 0)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": STRIDED_SLICE with an ellipsis or new axes is not supported",
                       c->at.node);
    return OC_OK;
}

static int64_t hold(int64_t index, int64_t lo, int64_t hi)
{
    return OC_MAX(lo, OC_MIN(hi, index));
}

/* An index as Python means it: negative ones count from the end; then held within lo .. hi. */
static int64_t place(int64_t index, int32_t dim, int64_t lo, int64_t hi)
{
    return hold(index + (index < 0 ? dim : 0), lo, hi);
}

/* Axis `i` of a strided slice. */
static oc_status stride_axis(const oc_tflite_call *c, const masks *m, int32_t i, int64_t begin,
                             int64_t end, int64_t step, box *b)
{
    const int32_t dim = oc_tflite_shape(c, 0)->dim[i];
    const bool is_back = step < 0, is_point = m->shrink >> i & 1;
    const int64_t lo = is_back ? -1 : 0, hi = is_back ? (int64_t)dim - 1 : dim;
    if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": a stride of %lld", c->at.node, (long long)step);
    /* Far outside is as far as any index needs to be. */
    begin = hold(begin, -(INT64_C(1) << 40), INT64_C(1) << 40);
    end = hold(end, -(INT64_C(1) << 40), INT64_C(1) << 40);
    const bool is_begin_open = m->begin >> i & 1;
    int64_t first = is_begin_open ? (is_back ? hi : lo) : place(begin, dim, lo, hi);
    int64_t last = m->end >> i & 1 ? (is_back ? lo : hi)
                   : m->offset     ? hold(first + end, lo, hi)
                                   : place(end, dim, lo, hi);
    if (is_point) {
        /* LiteRT takes the first element where the begin is masked out. */
        first = is_begin_open ? 0 : place(begin, dim, INT64_MIN, INT64_MAX);
        if (first < 0 || first >= dim || is_back)
            return oc_fail(OC_E_SHAPE, "node \"%s\": element %lld of axis %d, which has %d",
                           c->at.node, (long long)begin, i, dim);
        last = first + 1;
    }
    if (is_back ? last > first : last < first)
        last = first;
    b->begins[i] = (int32_t)first;
    b->ends[i] = (int32_t)last;
    b->steps[i] = is_point ? 1 : (int32_t)step;
    b->goes[i] = is_point;
    return OC_OK;
}

oc_status oc_tflite_strided_slice(oc_tflite_call *c)
{
    int64_t begins[OC_RANK_MAX], ends[OC_RANK_MAX], steps[OC_RANK_MAX];
    const oc_shape *x = oc_tflite_shape(c, 0);
    box b = whole(x);
    masks m = {0};
    OC_TRY(read_masks(c, &m));
    OC_TRY(read_list(c, 1, "begins", begins));
    OC_TRY(read_list(c, 2, "ends", ends));
    OC_TRY(read_list(c, 3, "strides", steps));
    for (int32_t i = 0; i < x->rank; i++)
        OC_TRY(stride_axis(c, &m, i, begins[i], ends[i], steps[i], &b));
    return cut_out(c, 0, c->in[0], &b);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* The outputs are `sizes[i]` elements of axis `axis` of x, one after another. */
static oc_status part(oc_tflite_call *c, oc_id x, int32_t axis, const int64_t *sizes, bool goes)
{
    box b = whole(oc_imp_shape(&c->at, x));
    const int32_t dim = oc_imp_shape(&c->at, x)->dim[axis];
    int64_t at = 0;
    for (uint32_t i = 0; i < c->n_out; i++) {
        if (sizes[i] < 0 || sizes[i] > dim - at)
            return oc_fail(OC_E_SHAPE, "node \"%s\": parts of an axis that has %d", c->at.node, dim);
        b.begins[axis] = (int32_t)at;
        at += sizes[i];
        b.ends[axis] = (int32_t)at;
        b.goes[axis] = goes;
        OC_TRY(cut_out(c, i, x, &b));
    }
    return at == dim ? OC_OK
                     : oc_fail(OC_E_SHAPE, "node \"%s\": parts of %lld elements of an axis of %d",
                               c->at.node, (long long)at, dim);
}

static oc_status part_evenly(oc_tflite_call *c, uint32_t input, int64_t asked, bool goes)
{
    int64_t sizes[OC_NODE_IO_MAX];
    int32_t axis;
    const oc_shape *x = oc_tflite_shape(c, input);
    OC_TRY(oc_imp_axis(&c->at, asked, x->rank, &axis));
    if (x->dim[axis] % (int32_t)c->n_out != 0 || (goes && x->dim[axis] != (int32_t)c->n_out))
        return oc_fail(OC_E_SHAPE, "node \"%s\": %d elements cannot be %u parts", c->at.node,
                       x->dim[axis], c->n_out);
    for (uint32_t i = 0; i < c->n_out; i++)
        sizes[i] = x->dim[axis] / (int32_t)c->n_out;
    return part(c, c->in[input], axis, sizes, goes);
}

static oc_status one_int(const oc_tflite_call *c, uint32_t input, const char *what, int64_t *value)
{
    size_t count;
    OC_TRY(oc_imp_ints(&c->at, c->in[input], what, value, 1, &count));
    return count == 1 ? OC_OK
                      : oc_fail(OC_E_FORMAT, "node \"%s\": its %s is empty", c->at.node, what);
}

/* Inputs axis, x. */
oc_status oc_tflite_split(oc_tflite_call *c)
{
    int64_t axis;
    OC_TRY(one_int(c, 0, "axis", &axis));
    return part_evenly(c, 1, axis, false);
}

oc_status oc_tflite_unpack(oc_tflite_call *c)
{
    int32_t axis;
    OC_TRY(oc_flat_i32(&c->options, 1, 0, &axis));
    return part_evenly(c, 0, axis, true);
}

/* Inputs x, sizes, axis; one size may be -1, what is left. */
oc_status oc_tflite_split_v(oc_tflite_call *c)
{
    int64_t asked, sizes[OC_NODE_IO_MAX], known = 0;
    int32_t axis, open = -1;
    size_t count;
    OC_TRY(one_int(c, 2, "axis", &asked));
    OC_TRY(oc_imp_axis(&c->at, asked, oc_tflite_shape(c, 0)->rank, &axis));
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "sizes", sizes, OC_NODE_IO_MAX, &count));
    if (count != c->n_out)
        return oc_fail(OC_E_FORMAT, "node \"%s\": %zu sizes for %u outputs", c->at.node, count,
                       c->n_out);
    for (uint32_t i = 0; i < count; i++) {
        if (sizes[i] == -1)
            open = (int32_t)i;
        else if (sizes[i] >= 0 && sizes[i] <= INT32_MAX)
            known += sizes[i];
    }
    if (open >= 0)
        sizes[open] = oc_tflite_shape(c, 0)->dim[axis] - known;
    return part(c, c->in[0], axis, sizes, false);
}

/* ---- between space and batch ----------------------------------------------------------------- */

/* Blocks and the pairs beside them, one of each for the axes from 1 on. */
typedef struct blocks {
    int32_t count;
    int64_t size[2], pair[4];
} blocks;

static oc_status read_blocks(const oc_tflite_call *c, blocks *b)
{
    size_t n_sizes, n_pairs;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "block shape", b->size, 2, &n_sizes));
    OC_TRY(oc_imp_ints(&c->at, c->in[2], "paddings", b->pair, 4, &n_pairs));
    b->count = (int32_t)n_sizes;
    if (n_sizes < 1 || n_pairs != 2 * n_sizes || oc_tflite_shape(c, 0)->rank != b->count + 2)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": %s with %zu blocks and %zu paddings of an input of rank %d",
                       c->at.node, c->row->op, n_sizes, n_pairs, oc_tflite_shape(c, 0)->rank);
    for (size_t i = 0; i < n_pairs; i++)
        if (b->pair[i] < 0 || b->pair[i] > INT32_MAX || b->size[i / 2] < 1 || b->size[i / 2] > 65536)
            return oc_fail(OC_E_FORMAT, "node \"%s\": a block of %lld or a padding of %lld",
                           c->at.node, (long long)b->size[i / 2], (long long)b->pair[i]);
    return OC_OK;
}

/* x as `wide`, its axes in the order `perm`, then as `shape`; the last is called `name`. */
static oc_status rearrange(const oc_tflite_call *c, oc_id x, const oc_shape *wide,
                           const int32_t *perm, const oc_shape *shape, const char *name, oc_id *out)
{
    const char *sub;
    OC_TRY(oc_imp_sub(&c->at, "blocks", &sub));
    OC_TRY(oc_imp_reshape(&c->at, sub, x, wide, &x));
    OC_TRY(oc_imp_sub(&c->at, "turned", &sub));
    OC_TRY(oc_imp_transpose(&c->at, sub, x, perm, &x));
    return oc_imp_reshape(&c->at, name, x, shape, out);
}

static oc_status check_dim(const oc_tflite_call *c, int64_t dim)
{
    return dim >= 0 && dim <= INT32_MAX
               ? OC_OK
               : oc_fail(OC_E_LIMIT, "node \"%s\": %lld elements along an axis", c->at.node,
                         (long long)dim);
}

static oc_status pad_blocks(const oc_tflite_call *c, const blocks *b, oc_id *x)
{
    int32_t low[4] = {0}, high[4] = {0};
    float value;
    oc_node *node;
    const char *name;
    for (int32_t i = 0; i < b->count; i++) {
        low[1 + i] = (int32_t)b->pair[2 * i];
        high[1 + i] = (int32_t)b->pair[2 * i + 1];
    }
    OC_TRY(zero_element(c, c->t_out[0], &value));
    OC_TRY(oc_imp_sub(&c->at, "padded", &name));
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_pad, c->in, 1, &node));
    OC_TRY(oc_node_set_ints(node, "pads_begin", low, (size_t)b->count + 2));
    OC_TRY(oc_node_set_ints(node, "pads_end", high, (size_t)b->count + 2));
    OC_TRY(oc_node_set_float(node, "value", value));
    return oc_imp_end(&c->at, node, name, x);
}

/* [N, H, W, C] padded -> [N, H', b0, W', b1, C] -> [b0, b1, N, H', W', C] -> [b0 b1 N, H', W', C] */
oc_status oc_tflite_space_to_batch(oc_tflite_call *c)
{
    blocks b = {0};
    oc_id x;
    OC_TRY(read_blocks(c, &b));
    OC_TRY(pad_blocks(c, &b, &x));
    const oc_shape *from = oc_imp_shape(&c->at, x);
    const int32_t m = b.count;
    oc_shape wide = {2 + 2 * m, {from->dim[0]}}, shape = {2 + m, {0}};
    int32_t perm[OC_RANK_MAX];
    int64_t batch = from->dim[0];
    perm[m] = 0;
    for (int32_t i = 0; i < m; i++) {
        const int32_t size = (int32_t)b.size[i], dim = from->dim[1 + i];
        if (dim % size != 0)
            return oc_fail(OC_E_SHAPE, "node \"%s\": %d elements cannot be blocks of %d",
                           c->at.node, dim, size);
        wide.dim[1 + 2 * i] = dim / size;
        wide.dim[2 + 2 * i] = size;
        shape.dim[1 + i] = dim / size;
        perm[i] = 2 + 2 * i;
        perm[m + 1 + i] = 1 + 2 * i;
        batch *= size;
        OC_TRY(check_dim(c, batch));
    }
    perm[1 + 2 * m] = 1 + 2 * m;
    wide.dim[1 + 2 * m] = shape.dim[1 + m] = from->dim[1 + m];
    shape.dim[0] = (int32_t)batch;
    return rearrange(c, x, &wide, perm, &shape, NULL, &c->out[0]);
}

/* The same backwards, and the box that the crops leave. */
oc_status oc_tflite_batch_to_space(oc_tflite_call *c)
{
    blocks b = {0};
    const oc_shape *from = oc_tflite_shape(c, 0);
    const char *name;
    oc_id x;
    OC_TRY(read_blocks(c, &b));
    const int32_t m = b.count;
    int64_t all = m == 2 ? b.size[0] * b.size[1] : b.size[0];
    if (all > INT32_MAX || from->dim[0] % (int32_t)all != 0)
        return oc_fail(OC_E_SHAPE, "node \"%s\": a batch of %d cannot be blocks of %lld",
                       c->at.node, from->dim[0], (long long)all);
    oc_shape wide = {2 + 2 * m, {0}}, shape = {2 + m, {from->dim[0] / (int32_t)all}};
    int32_t perm[OC_RANK_MAX];
    wide.dim[m] = shape.dim[0];
    perm[0] = m;
    for (int32_t i = 0; i < m; i++) {
        wide.dim[i] = (int32_t)b.size[i];
        wide.dim[m + 1 + i] = from->dim[1 + i];
        perm[1 + 2 * i] = m + 1 + i;
        perm[2 + 2 * i] = i;
        int64_t dim = (int64_t)from->dim[1 + i] * b.size[i];
        OC_TRY(check_dim(c, dim));
        shape.dim[1 + i] = (int32_t)dim;
    }
    perm[1 + 2 * m] = 1 + 2 * m;
    wide.dim[1 + 2 * m] = shape.dim[1 + m] = from->dim[1 + m];
    OC_TRY(oc_imp_sub(&c->at, "whole", &name));
    OC_TRY(rearrange(c, c->in[0], &wide, perm, &shape, name, &x));
    box cut = whole(&shape);
    for (int32_t i = 0; i < m; i++) {
        cut.begins[1 + i] = (int32_t)b.pair[2 * i];
        cut.ends[1 + i] -= (int32_t)b.pair[2 * i + 1];
        if (cut.ends[1 + i] < cut.begins[1 + i])
            return oc_fail(OC_E_SHAPE, "node \"%s\": crops leave nothing of axis %d", c->at.node,
                           1 + i);
    }
    return cut_out(c, 0, x, &cut);
}

/* ---- RESIZE ---------------------------------------------------------------------------------- */

/* Options begin, of RESIZE_BILINEAR, with two that are no longer used. */
oc_status oc_tflite_resize(oc_tflite_call *c)
{
    const bool is_nearest = strcmp(c->row->fn, "nearest") == 0;
    const unsigned first = is_nearest ? 0 : 2;
    const oc_shape *x = oc_tflite_shape(c, 0);
    int64_t size[2];
    int32_t sizes[4];
    uint8_t corners, half;
    size_t count;
    oc_node *node;
    OC_TRY(oc_tflite_check_input(c, 1, OC_DTYPE_int32));
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "size", size, 2, &count));
    OC_TRY(oc_flat_u8(&c->options, first, 0, &corners));
    OC_TRY(oc_flat_u8(&c->options, first + 1, 0, &half));
    if (x->rank != 4 || count != 2 || size[0] < 1 || size[1] < 1 || (corners && half))
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": expected an input of rank 4, two sizes of at least 1 and one kind "
                       "of coordinates",
                       c->at.node);
    memcpy(sizes, x->dim, sizeof(sizes));
    sizes[1] = (int32_t)size[0];
    sizes[2] = (int32_t)size[1];
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_resize, c->in, 1, &node));
    OC_TRY(oc_node_set_ints(node, "sizes", sizes, 4));
    OC_TRY(oc_node_set_enum(node, "mode", c->row->fn));
    OC_TRY(oc_node_set_enum(node, "coordinates",
                            corners              ? "align_corners"
                            : !half              ? "asymmetric"
                            : is_nearest         ? "tf_half_pixel_for_nn"
                                                 : "half_pixel"));
    if (is_nearest)
        OC_TRY(oc_node_set_enum(node, "nearest_mode", corners ? "round_prefer_ceil" : "floor"));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}
