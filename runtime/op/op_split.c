/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Are weights divided where channels are? Each case of an operator is asked, by `halo`, what the
 * first half of its output's last axis comes from.
 */
#include "oc_op_split.h"

#include "op_common.h"

static oc_status set_attr(oc_node *node, const oc_case_set *set)
{
    const oc_attr *row = oc_attr_find(node->op, set->attr);
    if (row == NULL)
        return oc_fail(OC_E_NOTFOUND, "operator %s has no attribute %s", node->op->name, set->attr);
    switch (row->type) {
    case OC_ATTR_INT:
        return oc_node_set_int(node, set->attr, (int64_t)set->number);
    case OC_ATTR_FLOAT:
        return oc_node_set_float(node, set->attr, (float)set->number);
    case OC_ATTR_ENUM:
        return oc_node_set_enum(node, set->attr, set->name);
    case OC_ATTR_FLOATS:
        return oc_node_set_floats(node, set->attr, set->floats.v, (size_t)set->floats.count);
    case OC_ATTR_INTS:
        break;
    }
    return oc_node_set_ints(node, set->attr, set->ints.v, (size_t)set->ints.count);
}

oc_status oc_op_case_attrs(oc_node *node, const oc_op_case *c)
{
    oc_attrs_default(node->op, node->attrs);
    for (const oc_case_set *set = c->sets; set < c->sets + OC_CASE_SETS && set->attr; set++)
        OC_TRY(set_attr(node, set));
    return OC_OK;
}

const char *oc_op_case_numerics(const oc_op *op, const oc_op_case *c)
{
    return c->numerics ? c->numerics : op->numerics;
}

/* A case as a call, in one place that need not be initialised. */
typedef struct case_call {
    oc_op_call call;
    oc_desc out_desc[OC_CASE_IN];
    const oc_desc *in[OC_CASE_IN], *out[OC_CASE_IN];
    bool is_const[OC_CASE_IN];
} case_call;

static oc_status begin_call(const oc_op *op, const oc_op_case *c, void *attrs, case_call *k)
{
    oc_node node = {.name = c->name, .op = op, .attrs = attrs};
    *k = (case_call){.call = {.op = op, .name = c->name, .attrs = attrs,
                              .numerics = oc_op_case_numerics(op, c), .n_in = c->n_in, .n_out = op->n_out, .in = k->in, .out = k->out,
                              .is_const = k->is_const}};
    OC_TRY(oc_op_case_attrs(&node, c));
    for (uint32_t i = 0; i < c->n_in; i++) {
        k->in[i] = c->absent_mask >> i & 1 ? NULL : &c->in[i];
        k->is_const[i] = c->const_mask >> i & 1;
    }
    OC_TRY(op->shape(&k->call, k->out_desc));
    for (uint32_t i = 0; i < op->n_out; i++)
        k->out[i] = &k->out_desc[i];
    return OC_OK;
}

/* Does the box leave out some of the tensor? */
static bool is_smaller(const oc_box *box, const oc_shape *shape)
{
    for (int32_t i = 0; i < shape->rank; i++)
        if (box->from[i] > 0 || box->to[i] < shape->dim[i])
            return true;
    return false;
}

/*
 * Weights are constants of at least one element a channel: fewer, such as a zero point for all, are
 * nothing to divide.
 */
static oc_status look_at(const case_call *k, bool *has_weights, bool *are_divided)
{
    const oc_shape *y = &k->out[0]->shape;
    const int32_t last = y->rank - 1, channels = y->rank > 0 ? y->dim[last] : 1;
    oc_box half = oc_op_halo_whole(y), in[OC_CASE_IN];
    *has_weights = false;
    *are_divided = true;
    if (channels < 2 || oc_op_is_empty(&k->call))
        return OC_OK;
    half.to[last] = channels / 2;
    oc_status status = k->call.op->halo(&k->call, &half, in);
    for (uint32_t i = 0; i < k->call.n_in; i++) {
        if (!k->is_const[i] || !k->in[i] || oc_op_elems(&k->in[i]->shape) < (size_t)channels)
            continue;
        *has_weights = true;
        *are_divided = *are_divided && status == OC_OK && is_smaller(&in[i], &k->in[i]->shape);
    }
    return OC_OK;
}

oc_status oc_op_splits(const oc_op *op, const oc_allocator *alloc, oc_splits *splits)
{
    size_t weighted = 0, divided = 0;
    void *attrs = NULL;
    oc_status status;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(oc_alloc(alloc, OC_MAX(op->attrs_size, (size_t)1), 1, &attrs));
    for (size_t i = 0; i < op->n_cases; i++) {
        case_call k;
        bool has_weights, are_divided;
        OC_TRY_OUT(begin_call(op, &op->cases[i], attrs, &k));
        if (!op->halo)
            continue;
        OC_TRY_OUT(look_at(&k, &has_weights, &are_divided));
        weighted += has_weights;
        divided += has_weights && are_divided;
    }
    *splits = weighted == 0          ? OC_SPLITS_NO_WEIGHTS
              : divided == weighted  ? OC_SPLITS_ALL
              : divided > 0          ? OC_SPLITS_SOME
                                     : OC_SPLITS_NONE;
    status = OC_OK;
out:
    oc_free(alloc, attrs);
    return status;
}
