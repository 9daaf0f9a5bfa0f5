/* SPDX-License-Identifier: Apache-2.0 */
/** Operators that take, repeat and add elements. */
#include "onnx_ops.h"

#include "oc_ops.h"

/* ---- Slice and Split ------------------------------------------------------------------------- */

typedef struct box {
    int32_t begins[OC_RANK_MAX], ends[OC_RANK_MAX], steps[OC_RANK_MAX];
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

static oc_status slice_node(const oc_imp *at, oc_id x, const box *b, oc_id *out)
{
    size_t rank = (size_t)oc_imp_shape(at, x)->rank;
    oc_node *node;
    OC_TRY(oc_imp_begin(at, NULL, &oc_op_slice, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "begins", b->begins, rank));
    OC_TRY(oc_node_set_ints(node, "ends", b->ends, rank));
    OC_TRY(oc_node_set_ints(node, "steps", b->steps, rank));
    return oc_imp_end(at, node, at->out, out);
}

/*
 * Counted from the end where negative, then taken to the nearest place that is one. Backwards that
 * is NumPy's rule for the end only: a begin before the first element is the first one in ONNX.
 */
static int32_t clamp_place(int64_t place, int32_t dim, int32_t lowest, int32_t highest)
{
    place += place < 0 ? dim : 0;
    return (int32_t)OC_MIN(OC_MAX(place, (int64_t)lowest), (int64_t)highest);
}

static oc_status slice_axis(oc_onnx_call *c, int64_t begin, int64_t end, int64_t step, int32_t axis,
                            box *b)
{
    int32_t dim = oc_onnx_shape(c, 0)->dim[axis];
    if (step == 0)
        return oc_fail(OC_E_FORMAT, "node \"%s\": its step along axis %d is 0", c->at.node, axis);
    /* A longer step takes the first element only, just as one of the whole axis. */
    int64_t longest = OC_MAX(dim, 1);
    b->steps[axis] = (int32_t)OC_MIN(OC_MAX(step, -longest), longest);
    b->begins[axis] = clamp_place(begin, dim, 0, step > 0 ? dim : dim - 1);
    b->ends[axis] = step > 0 ? clamp_place(end, dim, 0, dim) : clamp_place(end, dim, -1, dim - 1);
    return OC_OK;
}

oc_status oc_onnx_slice(oc_onnx_call *c)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    int64_t begins[OC_RANK_MAX], ends[OC_RANK_MAX], axes[OC_RANK_MAX], steps[OC_RANK_MAX];
    size_t n_begins, n_ends, n_axes, n_steps;
    bool found, has_axes, has_steps;
    box b = whole(in);
    OC_TRY(oc_onnx_ints_of(c, "starts", 1, begins, OC_RANK_MAX, &n_begins, &found));
    OC_TRY(oc_onnx_ints_of(c, "ends", 2, ends, OC_RANK_MAX, &n_ends, &found));
    OC_TRY(oc_onnx_ints_of(c, "axes", 3, axes, OC_RANK_MAX, &n_axes, &has_axes));
    OC_TRY(oc_onnx_ints_of(c, "steps", 4, steps, OC_RANK_MAX, &n_steps, &has_steps));
    if (n_ends != n_begins || (has_axes && n_axes != n_begins) ||
        (has_steps && n_steps != n_begins) || n_begins > (size_t)in->rank)
        return oc_fail(OC_E_FORMAT,
                       "node \"%s\": %zu starts, %zu ends for %d axes: expected as many",
                       c->at.node, n_begins, n_ends, in->rank);
    for (size_t i = 0; i < n_begins; i++) {
        int32_t axis;
        OC_TRY(oc_imp_axis(&c->at, has_axes ? axes[i] : (int64_t)i, in->rank, &axis));
        OC_TRY(slice_axis(c, begins[i], ends[i], has_steps ? steps[i] : 1, axis, &b));
    }
    return slice_node(&c->at, c->in[0], &b, &c->out[0]);
}

/* Where no lengths are given: equal parts, from opset 18 on with a shorter last one. */
static oc_status split_lengths(oc_onnx_call *c, int32_t dim, int64_t *lengths, size_t *count)
{
    bool found;
    int64_t parts, left = dim;
    OC_TRY(oc_onnx_ints_of(c, "split", 1, lengths, OC_NODE_IO_MAX, count, &found));
    if (found)
        return OC_OK;
    OC_TRY(oc_onnx_get_int(c, "num_outputs", (int64_t)c->node->n_out, &parts));
    if (parts < 1 || parts > OC_NODE_IO_MAX)
        return oc_fail(OC_E_FORMAT, "node \"%s\": num_outputs: expected 1 to %d, found %lld",
                       c->at.node, OC_NODE_IO_MAX, (long long)parts);
    for (int64_t i = 0; i < parts; i++) {
        lengths[i] = OC_MIN((dim + parts - 1) / parts, left);
        left -= lengths[i];
    }
    *count = (size_t)parts;
    return OC_OK;
}

oc_status oc_onnx_split(oc_onnx_call *c)
{
    const oc_shape in = *oc_onnx_shape(c, 0);
    int64_t lengths[OC_NODE_IO_MAX], sum = 0;
    int32_t axis;
    size_t count;
    OC_TRY(oc_onnx_get_axis(c, 0, in.rank, &axis));
    OC_TRY(split_lengths(c, in.dim[axis], lengths, &count));
    if (count != c->node->n_out)
        return oc_fail(OC_E_FORMAT, "node \"%s\": %zu parts for %u results", c->at.node, count,
                       c->node->n_out);
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] < 0 || lengths[i] > in.dim[axis] - sum)
            return oc_fail(OC_E_SHAPE, "node \"%s\": part %zu of %lld leaves axis %d of size %d",
                           c->at.node, i, (long long)lengths[i], axis, in.dim[axis]);
        box b = whole(&in);
        oc_imp at = c->at;
        b.begins[axis] = (int32_t)sum;
        sum += lengths[i];
        b.ends[axis] = (int32_t)sum;
        if (!oc_onnx_wants(c, (uint32_t)i))
            continue;
        OC_TRY(oc_onnx_out_name(c, (uint32_t)i, &at.out));
        OC_TRY(slice_node(&at, c->in[0], &b, &c->out[i]));
    }
    if (sum != in.dim[axis])
        return oc_fail(OC_E_SHAPE, "node \"%s\": its parts have %lld of %d elements of axis %d",
                       c->at.node, (long long)sum, in.dim[axis], axis);
    return OC_OK;
}

/* ---- Gather, Tile and Expand ----------------------------------------------------------------- */

oc_status oc_onnx_gather(oc_onnx_call *c)
{
    int32_t axis;
    oc_node *node;
    OC_TRY(oc_onnx_get_axis(c, 0, oc_onnx_shape(c, 0)->rank, &axis));
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_gather, c->in, 2, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

static oc_status tile_node(oc_onnx_call *c, oc_id x, const int32_t *repeats)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_tile, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "repeats", repeats, (size_t)oc_imp_shape(&c->at, x)->rank));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}

oc_status oc_onnx_tile(oc_onnx_call *c)
{
    int32_t rank = oc_onnx_shape(c, 0)->rank, repeats[OC_RANK_MAX];
    int64_t asked[OC_RANK_MAX];
    size_t count;
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "repeats", asked, OC_RANK_MAX, &count));
    if (count != (size_t)rank)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected repeats of %d axes, found %zu",
                       c->at.node, rank, count);
    OC_TRY(oc_imp_narrow(&c->at, "repeats", asked, count, repeats));
    return tile_node(c, c->in[0], repeats);
}

/*
 * Axes of size 1 are repeated, as broadcasting would; the input gains axes in front where it lacks
 * some.
 */
oc_status oc_onnx_expand(oc_onnx_call *c)
{
    const oc_shape in = *oc_onnx_shape(c, 0);
    oc_shape full = {0};
    int64_t asked[OC_RANK_MAX];
    int32_t repeats[OC_RANK_MAX];
    size_t count;
    oc_id x = c->in[0];
    OC_TRY(oc_imp_ints(&c->at, c->in[1], "shape", asked, OC_RANK_MAX, &count));
    full.rank = OC_MAX(in.rank, (int32_t)count);
    for (int32_t i = 0; i < full.rank; i++) {
        int32_t from = i - (full.rank - in.rank), to = i - (full.rank - (int32_t)count);
        int64_t dim = to < 0 ? 1 : asked[to];
        full.dim[i] = from < 0 ? 1 : in.dim[from];
        if (dim < 0 || dim > INT32_MAX || (dim != 1 && full.dim[i] != 1 && dim != full.dim[i]))
            return oc_fail(OC_E_SHAPE, "node \"%s\": axis %d of size %d cannot become %lld",
                           c->at.node, i, full.dim[i], (long long)dim);
        repeats[i] = full.dim[i] == 1 ? (int32_t)dim : 1;
    }
    if (full.rank != in.rank) {
        oc_imp at;
        OC_TRY(oc_onnx_step(c, "axes", &at));
        OC_TRY(oc_imp_reshape(&at, NULL, x, &full, &x));
    }
    return tile_node(c, x, repeats);
}

/* ---- Pad ------------------------------------------------------------------------------------- */

/* The padding of each axis from lists for `axes` (opset 18), or for all of them. */
static oc_status read_paddings(oc_onnx_call *c, int32_t *begins, int32_t *ends)
{
    int32_t rank = oc_onnx_shape(c, 0)->rank, pads[2 * OC_RANK_MAX];
    int64_t asked[2 * OC_RANK_MAX], axes[OC_RANK_MAX];
    size_t n_pads, n_axes;
    bool found;
    OC_TRY(oc_onnx_ints_of(c, "pads", 1, asked, OC_COUNT(asked), &n_pads, &found));
    if (oc_onnx_has(c, 3))
        OC_TRY(oc_imp_ints(&c->at, c->in[3], "axes", axes, OC_RANK_MAX, &n_axes));
    else
        for (n_axes = 0; n_axes < (size_t)rank; n_axes++)
            axes[n_axes] = (int64_t)n_axes;
    if (!found || n_pads != 2 * n_axes)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected %zu pads, found %zu", c->at.node,
                       2 * n_axes, n_pads);
    OC_TRY(oc_imp_narrow(&c->at, "pads", asked, n_pads, pads));
    for (size_t i = 0; i < n_axes; i++) {
        int32_t axis;
        OC_TRY(oc_imp_axis(&c->at, axes[i], rank, &axis));
        begins[axis] = pads[i];
        ends[axis] = pads[n_axes + i];
    }
    return OC_OK;
}

/* Negative paddings cut: takes them out of the lists, and what they cut off out of x. */
static oc_status cut(oc_onnx_call *c, int32_t *begins, int32_t *ends, oc_id *x)
{
    const oc_shape *in = oc_onnx_shape(c, 0);
    box b = whole(in);
    bool cuts = false;
    oc_imp at;
    for (int32_t i = 0; i < in->rank; i++) {
        cuts = cuts || begins[i] < 0 || ends[i] < 0;
        if ((int64_t)in->dim[i] + OC_MIN(begins[i], 0) + OC_MIN(ends[i], 0) < 0)
            return oc_fail(OC_E_SHAPE, "node \"%s\": paddings %d, %d of axis %d of size %d",
                           c->at.node, begins[i], ends[i], i, in->dim[i]);
        b.begins[i] = -OC_MIN(begins[i], 0);
        b.ends[i] = in->dim[i] + OC_MIN(ends[i], 0);
        begins[i] = OC_MAX(begins[i], 0);
        ends[i] = OC_MAX(ends[i], 0);
    }
    *x = c->in[0];
    if (!cuts)
        return OC_OK;
    OC_TRY(oc_onnx_step(c, "cut", &at));
    return slice_node(&at, *x, &b, x);
}

oc_status oc_onnx_pad(oc_onnx_call *c)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    int32_t begins[OC_RANK_MAX] = {0}, ends[OC_RANK_MAX] = {0};
    size_t mode, rank = (size_t)oc_onnx_shape(c, 0)->rank;
    float value = 0.0f;
    oc_id in[2] = {OC_NONE, oc_onnx_in(c, 2)};
    oc_node *node;
    OC_TRY(oc_onnx_get_choice(c, "mode", modes, &mode));
    OC_TRY(read_paddings(c, begins, ends));
    OC_TRY(cut(c, begins, ends, &in[0]));
    if (in[1] == OC_NONE)
        OC_TRY(oc_onnx_get_float(c, "value", 0.0f, &value));
    else if (oc_imp_is_const(c->at.graph, in[1]) && oc_onnx_dtype_of(c, 2) == OC_DTYPE_float32) {
        OC_TRY(oc_imp_float(&c->at, in[1], "constant_value", &value));
        in[1] = OC_NONE;
    }
    OC_TRY(oc_imp_begin(&c->at, NULL, &oc_op_pad, in, in[1] == OC_NONE ? 1 : 2, &node));
    OC_TRY(oc_node_set_ints(node, "pads_begin", begins, rank));
    OC_TRY(oc_node_set_ints(node, "pads_end", ends, rank));
    OC_TRY(oc_node_set_float(node, "value", value));
    OC_TRY(oc_node_set_enum(node, "mode", modes[mode]));
    return oc_imp_end(&c->at, node, c->at.out, &c->out[0]);
}
