/* SPDX-License-Identifier: Apache-2.0 */
/** Where a run ran, where its time went, and what memory it took. */
#include "report.h"

#include "table.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- where ----------------------------------------------------------------------------------- */

static size_t away_nodes(const host_runner *runner, const oc_report *report)
{
    return report->used_worker ? runner->info->n_nodes - report->edge_nodes : 0;
}

void host_ran_print(const host_runner *runner, const oc_report *report, const char *const *workers,
                    const char *indent)
{
    size_t away = away_nodes(runner, report);
    size_t here = runner->info->n_nodes - away;
    printf("%sran: edge %zu node%s", indent, here, here == 1 ? "" : "s");
    if (away > 0)
        printf(", worker %s %zu node%s\n", workers[report->worker], away, away == 1 ? "" : "s");
    else
        printf(" (all local)\n");
    if (report->fell_back)
        printf("%sfallback: %s; the tail ran %s\n", indent, report->reason,
               away > 0 ? "on another worker" : "here");
    if (report->is_hedged)
        printf("%shedged: the answer was late, so the tail was begun here too\n", indent);
    if (report->is_audited)
        printf("%saudited: the worker's answer was computed here again\n", indent);
}

json_t *host_ran_json(const host_runner *runner, const oc_report *report,
                      const char *const *workers)
{
    json_t *ran = host_json_object();
    size_t away = away_nodes(runner, report);
    host_json_put(ran, "choice", host_json_text(report->choice));
    host_json_put(ran, "edge_nodes", host_json_uint(runner->info->n_nodes - away));
    host_json_put(ran, "worker_nodes", host_json_uint(away));
    host_json_put(ran, "worker",
                  host_json_text(report->used_worker ? workers[report->worker] : NULL));
    host_json_put(ran, "used_worker", host_json_bool(report->used_worker));
    host_json_put(ran, "fell_back", host_json_bool(report->fell_back));
    host_json_put(ran, "is_hedged", host_json_bool(report->is_hedged));
    host_json_put(ran, "is_audited", host_json_bool(report->is_audited));
    host_json_put(ran, "reason", host_json_text(report->fell_back ? report->reason : NULL));
    return ran;
}

/* ---- time ------------------------------------------------------------------------------------ */

void host_times_print(const oc_report *report, const char *which)
{
    const struct {
        const char *name;
        uint64_t time_ns;
        const char *help;
    } rows[] = {
        {"edge compute", report->edge_ns,
         "kernels and copies here; a first run may compile, see --repeat"},
        {"encode", report->encode_ns, "values put into messages"},
        {"send", report->send_ns, "until the worker has the last byte"},
        {"queue", report->queue_ns, "waiting at the worker"},
        {"cloud compute", report->cloud_ns, "kernels and copies at the worker, as it reports"},
        {"receive", report->receive_ns, "until the answer is here"},
        {"connect", report->connect_ns, "until the worker was connected and knew the model"},
        {"lost", report->lost_ns, "waiting for a worker that did not answer"},
        {"total", report->total_ns, ""},
    };
    host_table table;
    char titles[] = "|>ms|";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < HOST_COUNT(rows); i++) {
        host_cell(&table, "%s", rows[i].name);
        host_cell(&table, "%s", host_ms_text(rows[i].time_ns, text));
        host_cell(&table, "%s", rows[i].help);
    }
    printf("time%s\n", which);
    host_table_print(&table);
    host_table_fini(&table);
    printf("messages: %s bytes sent", host_count_text(report->bytes_sent, text));
    printf(", %s bytes received\n", host_count_text(report->bytes_received, text));
}

json_t *host_times_json(const oc_report *report)
{
    json_t *times = host_json_object();
    host_json_put(times, "edge_ns", host_json_uint(report->edge_ns));
    host_json_put(times, "encode_ns", host_json_uint(report->encode_ns));
    host_json_put(times, "send_ns", host_json_uint(report->send_ns));
    host_json_put(times, "queue_ns", host_json_uint(report->queue_ns));
    host_json_put(times, "cloud_ns", host_json_uint(report->cloud_ns));
    host_json_put(times, "receive_ns", host_json_uint(report->receive_ns));
    host_json_put(times, "connect_ns", host_json_uint(report->connect_ns));
    host_json_put(times, "lost_ns", host_json_uint(report->lost_ns));
    host_json_put(times, "total_ns", host_json_uint(report->total_ns));
    host_json_put(times, "bytes_sent", host_json_uint(report->bytes_sent));
    host_json_put(times, "bytes_received", host_json_uint(report->bytes_received));
    return times;
}

/* ---- memory ---------------------------------------------------------------------------------- */

uint64_t host_resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t host_peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024; /* Linux counts in KiB */
}

/*
 * What is left of the peak: what others took, and on a device with memory of its own nothing of
 * ours is in it.
 */
static uint64_t rest_bytes(const oc_report *report, uint64_t start_bytes, uint64_t peak)
{
    uint64_t known =
        start_bytes + report->weight_bytes + report->arena_bytes + report->scratch_bytes;
    return peak > known ? peak - known : 0;
}

void host_memory_print(const oc_report *report, uint64_t start_bytes, uint64_t peak_bytes,
                       const oc_budget *budget)
{
    host_table table;
    char titles[] = "|>|";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    host_cell(&table, "at start");
    host_cell(&table, "%s", host_bytes_text(start_bytes, text));
    host_cell(&table, "the program and its libraries, before the model was opened");
    host_cell(&table, "weights");
    host_cell(&table, "%s", host_bytes_text(report->weight_bytes, text));
    host_cell(&table, "constants, packed for the device");
    host_cell(&table, "arena");
    host_cell(&table, "%s", host_bytes_text(report->arena_bytes, text));
    host_cell(&table, "values between the nodes (lower bound %s)",
              host_bytes_text(report->arena_lower_bound, text));
    host_cell(&table, "scratch");
    host_cell(&table, "%s", host_bytes_text(report->scratch_bytes, text));
    host_cell(&table, "what single kernels need on the device beside the arena");
    host_cell(&table, "the rest");
    host_cell(&table, "%s", host_bytes_text(rest_bytes(report, start_bytes, peak_bytes), text));
    host_cell(&table,
              "the OpenCL driver with its compiler and kernels, the graph, inputs and outputs");
    host_cell(&table, "peak");
    host_cell(&table, "%s", host_bytes_text(peak_bytes, text));
    host_cell(&table, "largest resident set of this process");
    if (budget) {
        host_cell(&table, "held");
        host_cell(&table, "%s", host_bytes_text(oc_budget_peak_bytes(budget), text));
        host_cell(&table, "the most of --max-memory that was held at a time");
    }
    printf("memory\n");
    host_table_print(&table);
    host_table_fini(&table);
}

json_t *host_memory_json(const oc_report *report, uint64_t start_bytes, uint64_t peak_bytes,
                         const oc_budget *budget)
{
    json_t *memory = host_json_object();
    host_json_put(memory, "start_bytes", host_json_uint(start_bytes));
    host_json_put(memory, "weight_bytes", host_json_uint(report->weight_bytes));
    host_json_put(memory, "arena_bytes", host_json_uint(report->arena_bytes));
    host_json_put(memory, "arena_lower_bound", host_json_uint(report->arena_lower_bound));
    host_json_put(memory, "scratch_bytes", host_json_uint(report->scratch_bytes));
    host_json_put(memory, "rest_bytes",
                  host_json_uint(rest_bytes(report, start_bytes, peak_bytes)));
    host_json_put(memory, "peak_bytes", host_json_uint(peak_bytes));
    if (budget)
        host_json_put(memory, "held_peak_bytes", host_json_uint(oc_budget_peak_bytes(budget)));
    return memory;
}
