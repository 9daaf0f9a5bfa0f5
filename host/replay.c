/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut replay LOG`: decides a decision log again, by its own policy or by another one. */
#include "json.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct replay_options {
    const char *policy;
    bool is_json;
} replay_options;

static const host_option rows[] = {
    {.name = "policy",
     .value = "P",
     .type = HOST_TEXT,
     .offset = offsetof(replay_options, policy),
     .help = "what another policy would have decided (see: offcut run --help)"},
    {.name = "json", .offset = offsetof(replay_options, is_json), .help = "one JSON document"},
};

/* Everything that is summed up. Runs count by their first decision, which foretells the whole of
 * them. */
typedef struct totals {
    uint64_t n_decisions, n_same, n_runs, n_measured;
    uint64_t was_ns, would_be_ns; /* of the runs */
    uint64_t actual_ns;           /* of the measured ones */
    uint64_t run;                 /* the last one seen */
    char *first_difference;       /* NULL: none */
} totals;

/* Where the rows go: the table, or the JSON list. */
typedef struct output {
    host_table *table;
    json_t *list;
} output;

static void count(totals *sum, const oc_replay_info *info)
{
    if (sum->n_decisions == 0 || info->run != sum->run) {
        sum->n_runs++;
        sum->was_ns += info->was_ns;
        sum->would_be_ns += info->would_be_ns;
        sum->run = info->run;
    }
    sum->n_decisions++;
    sum->n_same += info->is_same;
    sum->n_measured += info->has_actual;
    sum->actual_ns += info->has_actual ? info->actual_ns : 0;
    if (!info->is_same && !sum->first_difference)
        sum->first_difference = host_text(
            "run %llu at cut %s: logged \"%s\" (%llu ns), replayed \"%s\" (%llu ns)",
            (unsigned long long)info->run, info->at, info->was, (unsigned long long)info->was_ns,
            info->would_be, (unsigned long long)info->would_be_ns);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_row(host_table *table, const oc_replay_info *info)
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%llu", (unsigned long long)info->run);
    host_cell(table, "%s", info->at);
    host_cell(table, "%s", info->was);
    host_cell(table, "%s", info->would_be);
    host_cell(table, "%s", host_ms_text(info->was_ns, text));
    host_cell(table, "%s", host_ms_text(info->would_be_ns, text));
    host_cell(table, "%s", info->is_same ? "yes" : "no");
    host_cell(table, "%s", info->has_actual ? host_ms_text(info->actual_ns, text) : "");
}

static void print_text(const oc_replay *replay, const host_table *table, const totals *sum)
{
    char was[HOST_NUMBER_TEXT], would_be[HOST_NUMBER_TEXT], actual[HOST_NUMBER_TEXT];
    if (sum->n_decisions == 0) {
        printf("no decisions\n");
        return;
    }
    printf("%s by %s\n", oc_replay_model(replay), oc_replay_policy(replay));
    host_table_print(table);
    printf("%llu decisions of %llu runs, ", (unsigned long long)sum->n_decisions,
           (unsigned long long)sum->n_runs);
    if (sum->n_same == sum->n_decisions)
        printf("all the same\n");
    else
        printf("%llu the same, %llu different\n", (unsigned long long)sum->n_same,
               (unsigned long long)(sum->n_decisions - sum->n_same));
    printf("predicted total of the runs: logged %s ms, replayed %s ms\n",
           host_ms_text(sum->was_ns, was), host_ms_text(sum->would_be_ns, would_be));
    printf("actual total of %llu runs: %s ms\n", (unsigned long long)sum->n_measured,
           host_ms_text(sum->actual_ns, actual));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *decision_json(const oc_replay_info *info)
{
    json_t *object = host_json_object();
    host_json_put(object, "run", host_json_uint(info->run));
    host_json_put(object, "at", host_json_text(info->at));
    host_json_put(object, "was", host_json_text(info->was));
    host_json_put(object, "would_be", host_json_text(info->would_be));
    host_json_put(object, "was_ns", host_json_uint(info->was_ns));
    host_json_put(object, "would_be_ns", host_json_uint(info->would_be_ns));
    host_json_put(object, "same", host_json_bool(info->is_same));
    host_json_put(object, "actual_ns",
                  info->has_actual ? host_json_uint(info->actual_ns) : host_json_text(NULL));
    return object;
}

/* `list` goes into the document. */
static void print_json(const oc_replay *replay, json_t *list, const totals *sum)
{
    json_t *document = host_json_object();
    host_json_put(document, "model", host_json_text(oc_replay_model(replay)));
    host_json_put(document, "policy", host_json_text(oc_replay_policy(replay)));
    host_json_put(document, "decisions", list);
    host_json_put(document, "n_decisions", host_json_uint(sum->n_decisions));
    host_json_put(document, "n_same", host_json_uint(sum->n_same));
    host_json_put(document, "n_runs", host_json_uint(sum->n_runs));
    host_json_put(document, "was_ns", host_json_uint(sum->was_ns));
    host_json_put(document, "would_be_ns", host_json_uint(sum->would_be_ns));
    host_json_put(document, "n_measured", host_json_uint(sum->n_measured));
    host_json_put(document, "actual_ns", host_json_uint(sum->actual_ns));
    host_json_print(document);
}

/* ---- the command ----------------------------------------------------------------------------- */

static oc_status read_all(oc_replay *replay, const output *out, totals *sum)
{
    for (;;) {
        oc_replay_info info;
        bool more = false;
        oc_status status = oc_replay_next(replay, &info, &more);
        if (status != OC_OK || !more)
            return status;
        count(sum, &info);
        if (out->list)
            host_json_add(out->list, decision_json(&info));
        else
            add_row(out->table, &info);
    }
}

/* The answer on stdout, and whether it is the one that was hoped for. */
static int answer(const host_call *call, oc_replay *replay, output *out, totals *sum)
{
    const replay_options *options = call->options;
    if (read_all(replay, out, sum) != OC_OK) {
        json_decref(out->list);
        return host_fail_about(call, call->operand);
    }
    if (out->list)
        print_json(replay, out->list, sum);
    else
        print_text(replay, out->table, sum);
    if (!options->policy && sum->first_difference)
        return host_fail(call, "%s: %llu of %llu decisions replay differently, the first in %s",
                         call->operand, (unsigned long long)(sum->n_decisions - sum->n_same),
                         (unsigned long long)sum->n_decisions, sum->first_difference);
    return HOST_OK;
}

static int run(const host_call *call)
{
    const replay_options *options = call->options;
    oc_replay *replay = NULL;
    host_table table;
    totals sum = {.n_decisions = 0};
    char titles[] = ">run|at cut|logged|replayed|>ms|>ms replayed|same|>actual ms";
    if (oc_replay_open(call->operand, options->policy, NULL, &replay) != OC_OK)
        return host_fail_library(call);
    host_table_init(&table, titles);
    output out = {.table = &table, .list = options->is_json ? host_json_list() : NULL};
    int status = answer(call, replay, &out, &sum);
    free(sum.first_difference);
    host_table_fini(&table);
    oc_replay_close(replay);
    return status;
}

const host_command host_command_replay = {
    .name = "replay",
    .operand = "LOG",
    .help = "decide the situations of a decision log again, by its own policy or another one",
    .notes =
        "LOG was written by: offcut run --policy P --log LOG. It holds all that was looked at, so "
        "that\nneither the model nor a worker is needed. ms: what was predicted from that "
        "decision on.\nWithout --policy every decision has to come out the same, to the bit; "
        "the exit status is 1\nif one does not. With it the situations stay those of the "
        "log, also where the other policy\nwould have come to others.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(replay_options),
    .run = run,
};
