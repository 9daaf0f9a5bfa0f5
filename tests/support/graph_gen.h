/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Random small networks: seeded, the same on every machine, DAGs of nearly every
 * operator. They look as if an importer of [N,C,H,W] models had made them: a transpose to
 * [N,H,W,C] before every spatial operator and one back behind it. Elements stay within a small
 * range, so that no infinity or NaN comes up. What jumps (integers, where the greatest element
 * lies) is computed from the inputs alone, so that rounding errors of rewrites make no steps.
 */
#ifndef GRAPH_GEN_H
#define GRAPH_GEN_H

#include "oc_graph.h"
#include "oc_test.h"

/**
 * The network of `seed`, neither compacted nor frozen. Owns: the caller destroys `*graph`.
 * Errors: OC_E_NOMEM, and whatever an operator has against a network that it should accept.
 */
OC_MUST_USE oc_status graph_gen(uint64_t seed, const oc_allocator *alloc, oc_graph **graph);

/**
 * Of graph_gen, a file of its own: quantize, one or two integer layers and dequantize behind `x`
 * [N,H,W,C] of up to 16 channels. `serial` makes the names of its nodes.
 */
OC_MUST_USE oc_status graph_gen_integers(oc_graph *graph, oc_rng *rng, uint32_t serial, oc_id x,
                                         oc_id *y);

/** `graph->n_inputs` seeded inputs. Owns: free each with oc_tensor_free(.., NULL). */
OC_MUST_USE oc_status graph_gen_inputs(const oc_graph *graph, uint64_t seed, oc_tensor *inputs);

#endif
