/* SPDX-License-Identifier: Apache-2.0 */
/** Every cut of a model, one after the other, each compared with the all-local run. */
#include "sweep.h"

#include "log.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is shown of the cut. All its values are not kept: as many as the network has nodes may cross
 * each one.
 */
static oc_status describe_cut(const oc_model *model, const oc_allocator *alloc, host_sweep_row *row)
{
    oc_cut_info *cut = NULL;
    oc_status status = oc_model_cut(model, row->cut, alloc, &cut);
    if (status != OC_OK)
        return status;
    row->bytes = cut->bytes;
    row->n_values = cut->n_values;
    for (size_t i = 0; i < cut->n_values && i < HOST_LIST_MAX; i++)
        row->values[i] = cut->values[i]->name;
    oc_cut_info_free(cut, alloc);
    return OC_OK;
}

static int run_cut(host_runner *runner, const oc_tensor *expected, const host_labels *labels,
                   uint32_t repeat, host_sweep_row *row)
{
    char text[HOST_NUMBER_TEXT];
    oc_plan *plan = NULL;
    snprintf(text, sizeof(text), "%zu", row->cut);
    if (describe_cut(runner->model, runner->call->alloc, row) != OC_OK ||
        oc_plan_make(runner->model, text, runner->call->alloc, &plan) != OC_OK)
        return host_fail_about(runner->call, runner->path);
    row->needs_worker = oc_plan_needs_worker(plan);
    int status = host_runner_follow(runner, plan);
    if (status == HOST_OK)
        status = host_runner_run(runner, repeat, &row->report);
    if (status != HOST_OK)
        return status;
    row->is_identical = host_outputs_equal(runner->info, runner->outputs, expected);
    host_answer_text(runner->info, runner->outputs, labels, row->answer);
    return HOST_OK;
}

int host_sweep_run(host_runner *runner, const oc_tensor *expected, const host_labels *labels,
                   uint32_t repeat, host_sweep *sweep)
{
    size_t count = runner->info->n_nodes + 1;
    int status = HOST_OK;
    *sweep = (host_sweep){.rows = host_alloc(count, sizeof(*sweep->rows))};
    for (size_t i = 0; i < count && status == HOST_OK; i++) {
        host_sweep_row *row = &sweep->rows[sweep->count++];
        host_progress("cuts", i, count, "");
        row->cut = i;
        status = run_cut(runner, expected, labels, repeat, row);
        sweep->n_different += !row->is_identical;
        sweep->n_remote += row->needs_worker;
        sweep->n_fallbacks += row->needs_worker && !row->report.used_worker;
    }
    host_progress_end();
    return status;
}

void host_sweep_fini(host_sweep *sweep)
{
    free(sweep->rows);
    *sweep = (host_sweep){.rows = NULL};
}

/* The names, as many as fit a column. The last cut moves nothing, since nothing is left to run. */
static void cell_values(host_table *table, const host_sweep_row *row)
{
    host_list list = {.total = row->n_values};
    for (size_t i = 0; i < row->n_values && i < HOST_LIST_MAX; i++)
        host_list_add(&list, "%s", row->values[i]);
    const char *text = row->n_values ? host_list_text(&list) : "(all local)";
    host_cell(table, strlen(text) > 36 ? "%.33s..." : "%s", text);
}

/* All of the total's parts; the two that a worker in order hardly ever needs are in one column. */
static void cell_times(host_table *table, const oc_report *report)
{
    const uint64_t times_ns[] = {report->edge_ns,
                                 report->encode_ns,
                                 report->send_ns,
                                 report->queue_ns,
                                 report->cloud_ns,
                                 report->receive_ns,
                                 report->connect_ns + report->lost_ns,
                                 report->total_ns};
    char text[HOST_NUMBER_TEXT];
    for (size_t i = 0; i < HOST_COUNT(times_ns); i++)
        host_cell(table, "%s", host_ms_text(times_ns[i], text));
}

/*
 * How many rows fell back for the reason of row `i`; 0 if it did not fall back, or if an earlier
 * row did for the same reason, so that each reason comes once.
 */
static size_t count_reason(const host_sweep *sweep, size_t i)
{
    const oc_report *report = &sweep->rows[i].report;
    size_t count = 0;
    for (size_t k = 0; k < sweep->count && report->fell_back; k++) {
        const oc_report *other = &sweep->rows[k].report;
        if (!other->fell_back || strcmp(other->reason, report->reason) != 0)
            continue;
        if (k < i)
            return 0;
        count++;
    }
    return count;
}

static void print_summary(const host_sweep *sweep)
{
    const char *before = ": ";
    printf("%zu of %zu cuts are identical to the local run; %zu of %zu ran at the worker",
           sweep->count - sweep->n_different, sweep->count, sweep->n_remote - sweep->n_fallbacks,
           sweep->n_remote);
    for (size_t i = 0; i < sweep->count; i++) {
        if (count_reason(sweep, i) == 0)
            continue;
        printf("%s%s", before, sweep->rows[i].report.reason);
        before = "; ";
    }
    putchar('\n');
}

void host_sweep_print(const host_sweep *sweep)
{
    host_table table;
    char titles[] =
        ">cut|values|>bytes sent|>edge|>encode|>send|>queue|>cloud|>receive|>lost|>total ms|answer|"
        "identical to local";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < sweep->count; i++) {
        const host_sweep_row *row = &sweep->rows[i];
        host_cell(&table, "%zu", row->cut);
        cell_values(&table, row);
        host_cell(&table, "%s", host_count_text(row->report.bytes_sent, text));
        cell_times(&table, &row->report);
        host_cell(&table, "%s", row->answer);
        host_cell(&table, "%s%s", row->is_identical ? "yes" : "NO",
                  row->report.fell_back ? " (ran here)" : "");
    }
    host_table_print(&table);
    host_table_fini(&table);
    print_summary(sweep);
}

json_t *host_sweep_json(const host_sweep *sweep)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < sweep->count; i++) {
        const host_sweep_row *row = &sweep->rows[i];
        json_t *entry = host_json_object();
        json_t *values = host_json_list();
        for (size_t v = 0; v < row->n_values && v < HOST_LIST_MAX; v++)
            host_json_add(values, host_json_text(row->values[v]));
        host_json_put(entry, "cut", host_json_uint(row->cut));
        host_json_put(entry, "values_total", host_json_uint(row->n_values));
        host_json_put(entry, "values", values);
        host_json_put(entry, "bytes", host_json_uint(row->bytes));
        host_json_put(entry, "used_worker", host_json_bool(row->report.used_worker));
        host_json_put(entry, "reason",
                      host_json_text(row->report.fell_back ? row->report.reason : NULL));
        host_json_put(entry, "time", host_times_json(&row->report));
        host_json_put(entry, "answer", host_json_text(row->answer));
        host_json_put(entry, "identical_to_local", host_json_bool(row->is_identical));
        host_json_add(list, entry);
    }
    return list;
}

json_t *host_sweep_summary_json(const host_sweep *sweep)
{
    json_t *summary = host_json_object();
    json_t *reasons = host_json_list();
    for (size_t i = 0; i < sweep->count; i++) {
        size_t count = count_reason(sweep, i);
        if (count == 0)
            continue;
        json_t *entry = host_json_object();
        host_json_put(entry, "reason", host_json_text(sweep->rows[i].report.reason));
        host_json_put(entry, "cuts", host_json_uint(count));
        host_json_add(reasons, entry);
    }
    host_json_put(summary, "cuts", host_json_uint(sweep->count));
    host_json_put(summary, "identical", host_json_uint(sweep->count - sweep->n_different));
    host_json_put(summary, "remote", host_json_uint(sweep->n_remote));
    host_json_put(summary, "ran_at_worker", host_json_uint(sweep->n_remote - sweep->n_fallbacks));
    host_json_put(summary, "reasons", reasons);
    return summary;
}
