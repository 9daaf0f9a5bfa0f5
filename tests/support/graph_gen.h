/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Random small networks: seeded, the same on every machine, DAGs of every operator that
 * transforms know. They look as if an importer of [N,C,H,W] models had made them: a transpose to
 * [N,H,W,C] before every spatial operator and one back behind it. Elements stay within a small
 * range, so that no infinity or NaN comes up.
 */
#ifndef GRAPH_GEN_H
#define GRAPH_GEN_H

#include "oc_graph.h"

/**
 * The network of `seed`, neither compacted nor frozen. Owns: the caller destroys `*graph`.
 * Errors: OC_E_NOMEM, and whatever an operator has against a network that it should accept.
 */
OC_MUST_USE oc_status graph_gen(uint64_t seed, const oc_allocator *alloc, oc_graph **graph);

/** `graph->n_inputs` seeded inputs. Owns: free each with oc_tensor_free(.., NULL). */
OC_MUST_USE oc_status graph_gen_inputs(const oc_graph *graph, uint64_t seed, oc_tensor *inputs);

#endif
