/* SPDX-License-Identifier: Apache-2.0 */
/* The members of the decision log's objects, under the names that they have in C. */
#include "log_fields.h"

#define ROW(type_, struct_, member_)                                                     \
    {                                                                                    \
        .key = #member_, .type = OC_FIELD_##type_, .offset = offsetof(struct_, member_), \
        .size = sizeof(((struct_ *)NULL)->member_)                                       \
    }
#define ROWS(name_, rows_) const oc_fields name_ = {.rows = (rows_), .count = OC_COUNT(rows_)}

static const oc_field situation[] = {
    ROW(U64, oc_situation, run),
    ROW(U64, oc_situation, at_ns),
    ROW(U32, oc_situation, at_cut),
    ROW(U32, oc_situation, n_submitted),
    ROW(INDEX, oc_situation, now_cut),
    ROW(INDEX, oc_situation, now_site),
    ROW(AMOUNT, oc_situation, total_error),
    ROW(ANY, oc_situation, deadline_ns),
    ROW(FLAG, oc_situation, can_finish),
    ROW(ANY, oc_situation, memory_available),
    ROW(ANY, oc_situation, temperature),
    ROW(ANY, oc_situation, throttled),
    ROW(ANY, oc_situation, power),
    ROW(ANY, oc_situation, battery),
    ROW(ANY, oc_situation, frequency),
    ROW(ANY, oc_situation, cpu_others),
};
ROWS(oc_log_situation_fields, situation);

static const oc_field site[] = {
    ROW(FLAG, oc_site_state, is_up),
    ROW(FLAG, oc_site_state, is_excluded),
    ROW(TEXT, oc_site_state, why),
    ROW(AMOUNT, oc_site_state, start_ns),
    ROW(AMOUNT, oc_site_state, error),
    ROW(AMOUNT, oc_site_state, queue_ns),
    ROW(AMOUNT, oc_site_state, encode_ns_per_byte),
    ROW(AMOUNT, oc_site_state, decode_ns_per_byte),
};
ROWS(oc_log_site_fields, site);

static const oc_field link_rows[] = {
    ROW(AMOUNT, oc_link_estimate, up_latency_ns),
    ROW(AMOUNT, oc_link_estimate, up_ns_per_byte),
    ROW(AMOUNT, oc_link_estimate, down_latency_ns),
    ROW(AMOUNT, oc_link_estimate, down_ns_per_byte),
    ROW(AMOUNT, oc_link_estimate, rtt_ns),
    ROW(AMOUNT, oc_link_estimate, error),
    ROW(U64, oc_link_estimate, at_ns),
    ROW(U32, oc_link_estimate, n_samples),
    ROW(U32, oc_link_estimate, flags),
};
ROWS(oc_log_link_fields, link_rows);

static const oc_field choice[] = {
    ROW(INDEX, oc_log_choice, cut),        ROW(INDEX, oc_log_choice, site),
    ROW(FLAG, oc_log_choice, is_now),      ROW(FLAG, oc_log_choice, is_forced),
    ROW(FLAG, oc_log_choice, is_possible), ROW(ANY, oc_log_choice, predicted_ns),
    ROW(ANY, oc_log_choice, bound_ns),
};
ROWS(oc_log_choice_fields, choice);

static const oc_field outcome[] = {
    ROW(U64, oc_outcome, run),        ROW(INDEX, oc_outcome, cut),
    ROW(INDEX, oc_outcome, site),     ROW(ANY, oc_outcome, predicted_ns),
    ROW(FLAG, oc_outcome, fell_back), ROW(TEXT, oc_outcome, reason),
};
ROWS(oc_log_outcome_fields, outcome);

static const oc_field prediction[] = {
    ROW(ANY, oc_prediction, edge_ns),  ROW(ANY, oc_prediction, encode_ns),
    ROW(ANY, oc_prediction, send_ns),  ROW(ANY, oc_prediction, queue_ns),
    ROW(ANY, oc_prediction, cloud_ns), ROW(ANY, oc_prediction, receive_ns),
    ROW(ANY, oc_prediction, total_ns),
};
ROWS(oc_log_prediction_fields, prediction);

const char *const oc_log_sources[2] = {
    [OC_COST_ROOFLINE] = "roofline", [OC_COST_PROFILE] = "profile"};
