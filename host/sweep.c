/* SPDX-License-Identifier: Apache-2.0 */
/** Every cut of a model, one after the other, each compared with the all-local run. */
#include "sweep.h"

#include "log.h"
#include "report.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

static int run_cut(host_runner *runner, size_t index, const oc_tensor *expected,
                   const host_labels *labels, uint32_t repeat, host_sweep_row *row)
{
    char text[HOST_NUMBER_TEXT];
    oc_plan *plan = NULL;
    snprintf(text, sizeof(text), "%zu", index);
    if (oc_model_cut(runner->model, index, NULL, &row->cut) != OC_OK ||
        oc_plan_make(runner->model, text, NULL, &plan) != OC_OK)
        return host_fail_library(runner->call);
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
        status = run_cut(runner, i, expected, labels, repeat, row);
        sweep->n_different += !row->is_identical;
        sweep->n_fallbacks += row->report.fell_back;
    }
    host_progress_end();
    return status;
}

void host_sweep_fini(host_sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++)
        oc_cut_info_free(sweep->rows[i].cut, NULL);
    free(sweep->rows);
    *sweep = (host_sweep){.rows = NULL};
}

/* The names, as many as fit a column. The last cut moves nothing, since nothing is left to run. */
static void cell_values(host_table *table, const oc_cut_info *cut)
{
    char text[200];
    int put = 0;
    text[0] = '\0';
    for (size_t i = 0; i < cut->n_values && (size_t)put < sizeof(text); i++)
        put += snprintf(text + put, sizeof(text) - (size_t)put, i ? ", %s" : "%s",
                        cut->values[i]->name);
    host_cell(table, put > 36 ? "%.33s..." : "%s", cut->n_values ? text : "(all local)");
}

static void cell_times(host_table *table, const oc_report *report)
{
    const uint64_t times_ns[] = {report->edge_ns,  report->encode_ns, report->send_ns,
                                 report->queue_ns, report->cloud_ns,  report->receive_ns,
                                 report->total_ns};
    char text[HOST_NUMBER_TEXT];
    for (size_t i = 0; i < HOST_COUNT(times_ns); i++)
        host_cell(table, "%s", host_ms_text(times_ns[i], text));
}

void host_sweep_print(const host_sweep *sweep)
{
    host_table table;
    char titles[] =
        ">cut|values|>bytes sent|>edge|>encode|>send|>queue|>cloud|>receive|>total ms|answer|"
        "identical to local";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < sweep->count; i++) {
        const host_sweep_row *row = &sweep->rows[i];
        host_cell(&table, "%zu", row->cut->index);
        cell_values(&table, row->cut);
        host_cell(&table, "%s", host_count_text(row->report.bytes_sent, text));
        cell_times(&table, &row->report);
        host_cell(&table, "%s", row->answer);
        host_cell(&table, "%s%s", row->is_identical ? "yes" : "NO",
                  row->report.fell_back ? " (ran here)" : "");
    }
    host_table_print(&table);
    host_table_fini(&table);
    for (size_t i = 0; i < sweep->count; i++)
        if (sweep->rows[i].report.fell_back)
            printf("cut %zu: fallback: %s; the tail ran here\n", sweep->rows[i].cut->index,
                   sweep->rows[i].report.reason);
}

json_t *host_sweep_json(const host_sweep *sweep)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < sweep->count; i++) {
        const host_sweep_row *row = &sweep->rows[i];
        json_t *entry = host_json_object();
        json_t *values = host_json_list();
        for (size_t v = 0; v < row->cut->n_values; v++)
            host_json_add(values, host_json_text(row->cut->values[v]->name));
        host_json_put(entry, "cut", host_json_uint(row->cut->index));
        host_json_put(entry, "values", values);
        host_json_put(entry, "bytes", host_json_uint(row->cut->bytes));
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
