/* SPDX-License-Identifier: Apache-2.0 */
/** What several rewrites share; only the transform room uses it. */
#ifndef OC_REWRITE_H
#define OC_REWRITE_H

#include "oc_graph.h"

/** Who uses each value, as the graph stood when the list was made. */
typedef struct oc_consumers {
    oc_id *
        nodes; /* consumers of value v: nodes[begin[v] .. begin[v+1]), ascending, one entry an input */
    uint32_t *begin;
    bool *is_output; /* per value: the graph gives it */
    size_t n_values; /* values made later have no entry */
} oc_consumers;

/** List the consumers in memory of `arena`. Nodes that were folded do not count. */
OC_MUST_USE oc_status oc_consumers_list(const oc_graph *graph, oc_arena *arena,
                                        oc_consumers *consumers);
/** The value is used exactly once, by a node; and not given by the graph. */
bool oc_consumers_is_single(const oc_consumers *consumers, oc_id value);

/** The node that makes the value, if it is of the operator `op`, else NULL. */
const oc_node *oc_rewrite_producer(const oc_graph *graph, oc_id value, const oc_op *op);

/** The node does its operator's work and no more: no activation is fused into it. */
bool oc_rewrite_is_plain(const oc_node *node);

/** The node has no activation yet and could have `fn`; a plain node with activations takes "none", too. */
bool oc_rewrite_takes_activation(const oc_node *node, const char *fn);
/** Give it one that it takes. */
OC_MUST_USE oc_status oc_rewrite_set_activation(oc_node *node, const char *fn, float a, float b);

/**
 * May every use of `from` become one of `to`? Not when that would make the graph give one value
 * twice, or give an input or a constant: then an output would lose its name.
 */
bool oc_rewrite_can_replace(const oc_graph *graph, oc_id from, oc_id to);

/**
 * As oc_graph_replace_uses, for a `to` that from now on holds what `from` held: it takes over the
 * name in any case, so that a value keeps the model's name whatever was fused into its producer.
 */
OC_MUST_USE oc_status oc_rewrite_supersede(oc_graph *graph, oc_id from, oc_id to);

/** Exchange the names of two values. oc_graph_compact makes them known to oc_graph_find_value. */
void oc_rewrite_swap_names(oc_graph *graph, oc_id a, oc_id b);

/** A node of the graph makes the value, and the graph does not give it: it may be renamed. */
bool oc_rewrite_is_inner(const oc_graph *graph, oc_id value);

/**
 * A transpose whose result is no longer used leaves its name to the value it came from: the name
 * is the model's, while that of the value within was made up by the importer. To be called before
 * the transpose is gone; `scratch` is for the time of the call.
 */
OC_MUST_USE oc_status oc_rewrite_pass_names(oc_graph *graph, oc_arena *scratch);

/** The node `heir` takes the slot and the name of `node`, which is not used any more: the order of nodes stays what it was. */
void oc_rewrite_take_slot(oc_graph *graph, oc_id node, oc_id heir);

/** Constants made of others; evaluated when a device is prepared. */
OC_MUST_USE oc_status oc_rewrite_const_reshape(oc_graph *graph, oc_id value, const oc_shape *shape,
                                               oc_id *result);
OC_MUST_USE oc_status oc_rewrite_const_transpose(oc_graph *graph, oc_id value, const oc_ints *perm,
                                                 oc_id *result);
OC_MUST_USE oc_status oc_rewrite_const_multiply(oc_graph *graph, oc_id a, oc_id b, oc_id *result);

#endif
