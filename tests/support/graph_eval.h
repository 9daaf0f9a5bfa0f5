/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Runs a whole graph node by node with the operators' references: the definition of what a graph
 * computes. It knows neither devices nor plans, so it can judge them.
 */
#ifndef GRAPH_EVAL_H
#define GRAPH_EVAL_H

#include "oc_graph.h"

/**
 * Evaluate `graph`, frozen or just compacted, so that its nodes stand in topological order.
 *
 * `inputs`   graph->n_inputs tensors, of the inputs' descs.
 * `outputs`  receives graph->n_outputs tensors. Owns: free each with oc_tensor_free(.., NULL).
 * Errors: those of the constants and references; then `outputs` holds nothing.
 */
OC_MUST_USE oc_status graph_eval(const oc_graph *graph, const oc_tensor *inputs,
                                 oc_tensor *outputs);

#endif
