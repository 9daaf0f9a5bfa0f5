/* SPDX-License-Identifier: Apache-2.0 */
/** A policy's inside, for the planner and its own parser. Only the plan room uses it. */
#ifndef OC_POLICY_INSIDE_H
#define OC_POLICY_INSIDE_H

#include "oc_policy.h"

typedef struct oc_policy_row {
    const oc_policy_type *type;
    oc_policy_arg arg;
} oc_policy_row;

struct oc_policy {
    const oc_allocator *alloc;
    oc_arena arena;
    const oc_net *net;
    char *text;
    oc_policy_row *rows;     /* [n_rows], and behind them room for one: the objective where the text names none */
    size_t n_rows;
    const oc_policy_row *objective;
};

/** A number of at least 0, with its unit's letter behind it (K, M, G: 2^10, 2^20, 2^30) where `has_unit`. Errors: OC_E_ARG (what, expected, found). */
OC_MUST_USE oc_status oc_policy_number(const char *text, const char *what, bool has_unit, double *number);

#endif
