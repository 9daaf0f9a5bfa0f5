/* SPDX-License-Identifier: Apache-2.0 */
/** What a policy chose from, what it chose, and what that really cost. */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "json.h"

/** The options of the first decision of the last run, its decisions in turn, and predicted against actual. */
void host_explain_print(const oc_session *session, const oc_report *report);
/** The same: {options, decisions, predicted_ns, actual_ns, error, median_error}. */
json_t *host_explain_json(const oc_session *session, const oc_report *report);

#endif
