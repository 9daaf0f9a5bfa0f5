/* SPDX-License-Identifier: Apache-2.0 */
/** What the cases of an operator tell about it beyond its row. */
#ifndef OC_OP_SPLIT_H
#define OC_OP_SPLIT_H

#include "oc_graph.h"

#include <offcut/operators.h>

/** The case's attributes on a node that has the defaults. Errors: those of oc_node_set_*. */
OC_MUST_USE oc_status oc_op_case_attrs(oc_node *node, const oc_op_case *c);

/** The numerics class of the case: its own, else the operator's. */
const char *oc_op_case_numerics(const oc_op *op, const oc_op_case *c);

/** As oc_operator_splits. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_op_splits(const oc_op *op, const oc_allocator *alloc, oc_splits *splits);

#endif
