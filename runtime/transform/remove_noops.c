/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_ops.h"
#include "oc_transform.h"
#include "rewrite.h"

#include "oc_tensor.h"

static bool all_equal(const oc_ints *list, int32_t value)
{
    for (int32_t i = 0; i < list->count; i++)
        if (list->v[i] != value)
            return false;
    return true;
}

static bool is_identity_perm(const oc_ints *perm)
{
    for (int32_t i = 0; i < perm->count; i++)
        if (perm->v[i] != i)
            return false;
    return perm->count > 0;
}

/* An average pool of 1x1 is not here: it adds to +0 and so turns -0 into +0. So does adding a zero. */
static bool is_unit_pool(const oc_node *node)
{
    return node->op == &oc_op_maxpool2d && all_equal(oc_node_ints(node, "kernel"), 1) &&
           all_equal(oc_node_ints(node, "strides"), 1) && all_equal(oc_node_ints(node, "pads"), 0);
}

/* Whether it moves anything shows in the shape: remove_noop compares it. */
static bool is_unmoved(const oc_node *node)
{
    const oc_floats *scales = oc_node_floats(node, "scales");
    bool is_scaled = false;
    for (int32_t i = 0; i < scales->count; i++)
        is_scaled = is_scaled || scales->v[i] != 1.0f;
    return (node->op == &oc_op_slice && all_equal(oc_node_ints(node, "steps"), 1)) ||
           node->op == &oc_op_tile ||
           (node->op == &oc_op_resize && !is_scaled && oc_node_floats(node, "roi")->count == 0);
}

/* Output 0 is input 0, bit for bit. */
static bool is_noop(const oc_node *node)
{
    if (!oc_rewrite_is_plain(node))
        return false;
    return node->op == &oc_op_identity || node->op == &oc_op_reshape || is_unit_pool(node) ||
           is_unmoved(node) ||
           (node->op == &oc_op_transpose && is_identity_perm(oc_node_ints(node, "perm"))) ||
           (node->op == &oc_op_pad && all_equal(oc_node_ints(node, "pads_begin"), 0) &&
            all_equal(oc_node_ints(node, "pads_end"), 0)) ||
           (node->op == &oc_op_concat && node->n_in == 1) ||
           (node->op->unary_attr && strcmp(oc_node_enum(node, node->op->unary_attr), "none") == 0);
}

static oc_status remove_noop(oc_graph *graph, const oc_node *node, size_t *changes)
{
    oc_id from = node->out[0], to = node->in[0];
    /* A reshape is one only if it changes nothing; for the others this is how they are defined. */
    if (!oc_desc_equal(&graph->values[from].desc, &graph->values[to].desc) ||
        !oc_rewrite_can_replace(graph, from, to))
        return OC_OK;
    ++*changes;
    return oc_graph_replace_uses(graph, from, to);
}

/* A reshape keeps the order of the elements, so it may as well start from what another reshape got. */
static void skip_reshape(oc_graph *graph, oc_node *node, size_t *changes)
{
    const oc_node *inner = oc_rewrite_producer(graph, node->in[0], &oc_op_reshape);
    if (!inner)
        return;
    node->in[0] = inner->in[0];
    ++*changes;
}

static oc_status apply(oc_graph *graph, oc_arena *scratch, size_t *changes)
{
    (void)scratch;
    for (size_t n = 0; n < graph->n_nodes; n++) {
        oc_node *node = &graph->nodes[n];
        if (node->op == &oc_op_reshape)
            skip_reshape(graph, node, changes);
        if (is_noop(node))
            OC_TRY(remove_noop(graph, node, changes));
    }
    return OC_OK;
}

const oc_transform oc_transform_remove_noops = {
    .name = "remove_noops",
    .help =
        "identities go: reshapes and transposes that change nothing, chains of reshapes, pads by "
        "nothing, slices of all, tilings by one, resizing to the same size, concatenations of one, "
        "pools of one element",
    .is_exact = true,
    .apply = apply,
};
