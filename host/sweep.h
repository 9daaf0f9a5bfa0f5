/* SPDX-License-Identifier: Apache-2.0 */
/** Every cut of a model, one after the other, each compared with the all-local run. */
#ifndef HOST_SWEEP_H
#define HOST_SWEEP_H

#include "outputs.h"
#include "runner.h"
#include "table.h"

typedef struct host_sweep_row {
    size_t cut;
    uint64_t bytes;                    /* that the cut moves to the worker */
    const char *values[HOST_LIST_MAX]; /* the names of the first of them; the model's */
    size_t n_values;                   /* of all */
    bool needs_worker;                 /* something is left to run after it */
    oc_report report;
    bool is_identical; /* all outputs, bit for bit */
    char answer[HOST_ANSWER_TEXT];
} host_sweep_row;

typedef struct host_sweep {
    host_sweep_row *rows; /* cuts 0 .. number of nodes */
    size_t count;
    size_t n_different; /* rows that are not identical */
    size_t n_remote;    /* rows that need the worker */
    size_t n_fallbacks; /* of these, whose tail ran here: they prove nothing about the worker */
} host_sweep;

/**
 * Run all cuts, each `repeat` times. `expected`: the outputs of the all-local run. Returns an exit
 * status; host_sweep_fini after either.
 */
int host_sweep_run(host_runner *runner, const oc_tensor *expected, const host_labels *labels,
                   uint32_t repeat, host_sweep *sweep);
void host_sweep_fini(host_sweep *sweep);
/** The table, and below it how many cuts are identical, how many ran at the worker, and why not. */
void host_sweep_print(const host_sweep *sweep);
json_t *host_sweep_json(const host_sweep *sweep);
/** The numbers below the table: {cuts, identical, remote, ran_at_worker, reasons: [{reason, cuts}]}. */
json_t *host_sweep_summary_json(const host_sweep *sweep);

#endif
