/* SPDX-License-Identifier: Apache-2.0 */
/** An operator of the tests' own: out = bonus + the sum of any number of equal float32 tensors. It has attributes of every type. */
#ifndef TALLY_OP_H
#define TALLY_OP_H

#include "oc_graph.h"

extern const oc_op tally_op;

/** Two floats: what every value of a random graph is. */
extern const oc_desc tally_desc;

/** A frozen random DAG of tally nodes, the same for the same seed, with one output that needs every node. Destroy it also when `*status` is not OC_OK. */
oc_graph *tally_random_graph(uint64_t seed, const oc_allocator *alloc, oc_status *status);

#endif
