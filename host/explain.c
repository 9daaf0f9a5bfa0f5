/* SPDX-License-Identifier: Apache-2.0 */
/** What a policy chose from, what it chose, and what that really cost. */
#include "explain.h"

#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- for people ------------------------------------------------------------------------------ */

static void cell_option(host_table *table, const oc_option_info *option)
{
    const uint64_t times_ns[] = {option->edge_ns,  option->encode_ns, option->send_ns,
                                 option->queue_ns, option->cloud_ns,  option->receive_ns,
                                 option->total_ns};
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", option->is_chosen ? "->" : "");
    host_cell(table, strlen(option->cut) > 28 ? "%.25s..." : "%s", option->cut);
    host_cell(table, "%s", option->worker ? option->worker : "");
    host_cell(table, "%s", host_bytes_text(option->bytes, text));
    for (size_t i = 0; i < HOST_COUNT(times_ns); i++)
        host_cell(table, "%s", host_ms_text(times_ns[i], text));
    host_cell(table, "%s", host_bytes_text(option->memory_bytes, text));
    host_cell(table, "%s", option->verdict);
}

static void print_options(const oc_session *session)
{
    host_table table;
    char titles[] = "|cut|worker|>to send|>edge|>encode|>send|>queue|>cloud|>receive|>total ms|"
                    ">edge memory|verdict";
    size_t count;
    const oc_option_info *options = oc_session_options_seen(session, &count);
    printf("options, as predicted before the run (ms; memory: of the nodes before the cut)\n");
    host_table_init(&table, titles);
    for (size_t i = 0; i < count; i++)
        cell_option(&table, &options[i]);
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_decisions(const oc_session *session)
{
    host_table table;
    char titles[] = ">at ms|where|choice|>total ms|>above the least|why";
    char text[HOST_NUMBER_TEXT];
    size_t count;
    const oc_decision_info *decisions = oc_session_decisions(session, &count);
    printf("decisions (total: predicted for the whole run)\n");
    host_table_init(&table, titles);
    for (size_t i = 0; i < count; i++) {
        const oc_decision_info *d = &decisions[i];
        host_cell(&table, "%s", host_ms_text(d->at_ns, text));
        host_cell(&table, "%s", d->at);
        host_cell(&table, "%s", d->choice);
        host_cell(&table, "%s", host_ms_text(d->predicted_ns, text));
        if (isnan(d->gap))
            host_cell(&table, " ");
        else
            host_cell(&table, "%.1f %%", d->gap * 100);
        host_cell(&table, "%s", d->why);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

static void cell_times(host_table *table, const char *name, const uint64_t times_ns[7])
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", name);
    for (size_t i = 0; i < 7; i++)
        host_cell(table, "%s", host_ms_text(times_ns[i], text));
}

/* What was expected when the run began, and what came of it. */
static void print_cost(const oc_session *session, const oc_report *report)
{
    host_table table;
    char titles[] = "|>edge|>encode|>send|>queue|>cloud|>receive|>total ms";
    size_t count;
    const oc_option_info *options = oc_session_options_seen(session, &count);
    const uint64_t took_ns[] = {report->edge_ns,  report->encode_ns,  report->send_ns,
                                report->queue_ns, report->cloud_ns,   report->receive_ns,
                                report->total_ns};
    host_table_init(&table, titles);
    for (size_t i = 0; i < count; i++) {
        const oc_option_info *o = &options[i];
        const uint64_t expected_ns[] = {o->edge_ns,  o->encode_ns,  o->send_ns, o->queue_ns,
                                        o->cloud_ns, o->receive_ns, o->total_ns};
        if (o->is_chosen)
            cell_times(&table, "predicted", expected_ns);
    }
    cell_times(&table, "took", took_ns);
    printf("cost: %s\n", report->choice);
    host_table_print(&table);
    host_table_fini(&table);
}

static double relative_error(const oc_report *report)
{
    if (report->total_ns == 0 || report->n_decisions == 0)
        return NAN;
    return fabs((double)report->predicted_ns - (double)report->total_ns) / (double)report->total_ns;
}

void host_explain_print(const oc_session *session, const oc_report *report)
{
    char predicted[HOST_NUMBER_TEXT], actual[HOST_NUMBER_TEXT];
    double median = oc_session_prediction_error(session);
    print_options(session);
    print_decisions(session);
    print_cost(session, report);
    printf("predicted %s ms, took %s ms: %.1f %% off",
           host_ms_text(report->predicted_ns, predicted), host_ms_text(report->total_ns, actual),
           relative_error(report) * 100);
    if (!isnan(median))
        printf("; median of the last runs %.1f %%", median * 100);
    printf("\ndeciding took %.1f us, %u time%s (longest %.1f us)\n",
           (double)report->decide_ns / 1e3, report->n_decisions,
           report->n_decisions == 1 ? "" : "s", (double)report->decide_max_ns / 1e3);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static json_t *options_json(const oc_session *session)
{
    json_t *list = host_json_list();
    size_t count;
    const oc_option_info *options = oc_session_options_seen(session, &count);
    for (size_t i = 0; i < count; i++) {
        const oc_option_info *o = &options[i];
        json_t *entry = host_json_object();
        host_json_put(entry, "cut", host_json_text(o->cut));
        host_json_put(entry, "worker", host_json_text(o->worker));
        host_json_put(entry, "bytes", host_json_uint(o->bytes));
        host_json_put(entry, "edge_ns", host_json_uint(o->edge_ns));
        host_json_put(entry, "encode_ns", host_json_uint(o->encode_ns));
        host_json_put(entry, "send_ns", host_json_uint(o->send_ns));
        host_json_put(entry, "queue_ns", host_json_uint(o->queue_ns));
        host_json_put(entry, "cloud_ns", host_json_uint(o->cloud_ns));
        host_json_put(entry, "receive_ns", host_json_uint(o->receive_ns));
        host_json_put(entry, "total_ns", host_json_uint(o->total_ns));
        host_json_put(entry, "memory_bytes", host_json_uint(o->memory_bytes));
        host_json_put(entry, "is_chosen", host_json_bool(o->is_chosen));
        host_json_put(entry, "verdict", host_json_text(o->verdict));
        host_json_add(list, entry);
    }
    return list;
}

static json_t *decisions_json(const oc_session *session)
{
    json_t *list = host_json_list();
    size_t count;
    const oc_decision_info *decisions = oc_session_decisions(session, &count);
    for (size_t i = 0; i < count; i++) {
        const oc_decision_info *d = &decisions[i];
        json_t *entry = host_json_object();
        host_json_put(entry, "at_ns", host_json_uint(d->at_ns));
        host_json_put(entry, "at", host_json_text(d->at));
        host_json_put(entry, "choice", host_json_text(d->choice));
        host_json_put(entry, "predicted_ns", host_json_uint(d->predicted_ns));
        host_json_put(entry, "gap", host_json_number(d->gap));
        host_json_put(entry, "why", host_json_text(d->why));
        host_json_add(list, entry);
    }
    return list;
}

json_t *host_explain_json(const oc_session *session, const oc_report *report)
{
    json_t *explained = host_json_object();
    host_json_put(explained, "options", options_json(session));
    host_json_put(explained, "decisions", decisions_json(session));
    host_json_put(explained, "predicted_ns", host_json_uint(report->predicted_ns));
    host_json_put(explained, "actual_ns", host_json_uint(report->total_ns));
    host_json_put(explained, "error", host_json_number(relative_error(report)));
    host_json_put(explained, "median_error",
                  host_json_number(oc_session_prediction_error(session)));
    host_json_put(explained, "decide_ns", host_json_uint(report->decide_ns));
    host_json_put(explained, "decide_max_ns", host_json_uint(report->decide_max_ns));
    return explained;
}
