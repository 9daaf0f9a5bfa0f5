/* SPDX-License-Identifier: Apache-2.0 */
/** An operator's case as a network of one node: what is proven of whole graphs is proven of every operator so. */
#ifndef CASE_GRAPH_H
#define CASE_GRAPH_H

#include "oc_graph.h"
#include "oc_ops.h"
#include "op_case.h"

/**
 * The frozen graph of the case and its seeded data: constant inputs of the case are constants,
 * others inputs. `run` has been filled, and its expected outputs computed.
 * Owns: oc_graph_destroy and op_run_fini. Errors: those of the graph.
 */
OC_MUST_USE oc_status case_graph(const oc_op *op, const oc_op_case *c, op_run *run,
                                 oc_graph **graph);

/** The graph's inputs as tensors that borrow the run's data; graph->n_inputs of them. */
void case_graph_inputs(const op_run *run, const oc_graph *graph, oc_tensor *inputs);

#endif
