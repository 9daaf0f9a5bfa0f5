/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Pools. Over a volume they are two passes: the maximum over a box is that of the maxima of its
 * planes, and the mean that of the means, because every plane counts as many elements.
 */
#include "onnx_window.h"

#include "oc_ops.h"

typedef struct pool_args {
    const oc_op *op;
    oc_onnx_window w;
    int64_t ceil_mode, counts_pads; /* counts_pads: -1 where the operator has no such attribute */
} pool_args;

static oc_status read_pool(oc_onnx_call *c, pool_args *p)
{
    OC_TRY(oc_onnx_window_begin(c, &p->w));
    OC_TRY(oc_onnx_get_list(c, "kernel_shape", 0, 1, (size_t)p->w.n, p->w.kernel));
    OC_TRY(oc_onnx_window_read(c, &p->w));
    return oc_onnx_get_int(c, "ceil_mode", 0, &p->ceil_mode);
}

static oc_status begin_pass(oc_onnx_call *c, const pool_args *p, const oc_op *op, const char *name,
                            oc_id x, oc_onnx_pass pass, oc_node **node)
{
    int32_t kernel[2];
    oc_onnx_pass_pick(pass, p->w.kernel, 1, kernel);
    OC_TRY(oc_imp_begin(&c->at, name, op, &x, 1, node));
    OC_TRY(oc_node_set_ints(*node, "kernel", kernel, 2));
    OC_TRY(oc_node_set_int(*node, "ceil_mode", p->ceil_mode != 0));
    if (p->counts_pads >= 0)
        OC_TRY(oc_node_set_int(*node, "count_include_pad", p->counts_pads != 0));
    return oc_onnx_window_set(*node, &p->w, pass);
}

static oc_status pool(oc_onnx_call *c, const pool_args *p)
{
    oc_node *node;
    oc_id x, y, plane;
    const char *name = NULL, *out;
    OC_TRY(oc_onnx_plane_in(c, c->in[0], &x));
    OC_TRY(oc_onnx_last_name(c, &out));
    if (p->w.n == 3)
        OC_TRY(oc_imp_sub(&c->at, "planes", &name));
    OC_TRY(begin_pass(c, p, p->op, name, x, oc_onnx_pass_first(&p->w), &node));
    OC_TRY(oc_imp_end(&c->at, node, name ? name : out, &y));
    plane = y;
    if (p->w.n == 3) {
        OC_TRY(oc_onnx_depth_in(c, &p->w, y, oc_onnx_shape(c, 0)->dim[0], &x));
        OC_TRY(begin_pass(c, p, p->op, NULL, x, OC_ONNX_PASS_DEPTH, &node));
        OC_TRY(oc_imp_end(&c->at, node, out, &y));
    }
    OC_TRY(oc_onnx_plane_out(c, &p->w, y, plane, &y));
    return oc_onnx_from_last(c, y);
}

/* Result 1: where the largest element lies in [N,C,H,W]. */
static oc_status max_pool_index(oc_onnx_call *c, const pool_args *p)
{
    oc_onnx_call twin = *c;
    oc_node *node;
    oc_id x, y, last;
    int64_t order;
    const char *name, *out;
    if (p->w.n > 2)
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": indices of MaxPool over %d axes are not supported", c->at.node,
                       p->w.n);
    OC_TRY(oc_onnx_out_name(c, 1, &twin.at.out));
    OC_TRY(oc_imp_sub(&c->at, "index", &name));
    twin.at.node = name;
    OC_TRY(oc_onnx_get_int(c, "storage_order", 0, &order));
    OC_TRY(oc_onnx_plane_in(c, c->in[0], &x));
    OC_TRY(begin_pass(c, p, &oc_op_maxpool2d_index, name, x, oc_onnx_pass_first(&p->w), &node));
    OC_TRY(oc_node_set_int(node, "storage_order", order));
    OC_TRY(oc_onnx_last_name(&twin, &out));
    OC_TRY(oc_imp_end(&twin.at, node, out, &y));
    OC_TRY(oc_onnx_plane_out(&twin, &p->w, y, y, &last));
    OC_TRY(oc_onnx_from_last(&twin, last));
    c->out[1] = twin.out[0];
    return OC_OK;
}

oc_status oc_onnx_max_pool(oc_onnx_call *c)
{
    pool_args p = {.op = &oc_op_maxpool2d, .counts_pads = -1};
    OC_TRY(read_pool(c, &p));
    OC_TRY(pool(c, &p));
    return oc_onnx_wants(c, 1) ? max_pool_index(c, &p) : OC_OK;
}

oc_status oc_onnx_average_pool(oc_onnx_call *c)
{
    pool_args p = {.op = &oc_op_avgpool2d};
    OC_TRY(read_pool(c, &p));
    OC_TRY(oc_onnx_get_int(c, "count_include_pad", 0, &p.counts_pads));
    return pool(c, &p);
}

/* Over all spatial axes, whatever their number. */
oc_status oc_onnx_global_pool(oc_onnx_call *c)
{
    int32_t axes[OC_RANK_MAX], n = 0, rank = oc_onnx_shape(c, 0)->rank;
    if (rank < 3)
        return oc_fail(OC_E_SHAPE, "node \"%s\": expected an input of rank 3 or more, found %d",
                       c->at.node, rank);
    for (int32_t axis = 2; axis < rank; axis++)
        axes[n++] = axis;
    return oc_imp_reduce(&c->at, c->row->fn, c->in[0], axes, (size_t)n, true, &c->out[0]);
}
