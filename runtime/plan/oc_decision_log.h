/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The decision log: JSON lines. The first describes the net with its cuts and the costs, so that a log needs no model; then one per
 * situation with the decision it led to, and one per run with what it really cost. Numbers are written so that
 * they read back to the same bits: every decision replays.
 *
 *     {"offcut_log":1,"model":...,"digest":...,"policy":...,"kinds":[...],"values":[...],"inputs":[...],"outputs":[...],"nodes":[...],"cuts":[...],"sites":[...]}
 *     {"situation":{...,"sites":[{...,"factor":[...],"link":{...}}]},"decision":{...}}
 *     {"run":7,...,"actual":{...}}
 *
 * The keys are the names of the C members; log_fields.h lists them and says how numbers are written. A reader skips keys that it does not know.
 *
 * Writing allocates nothing: lines go through one buffer made at opening, and to the file in whole lines (a scene that is longer than the buffer in pieces).
 */
#ifndef OC_DECISION_LOG_H
#define OC_DECISION_LOG_H

#include "oc_policy.h"

typedef struct oc_decision_log oc_decision_log;

/** What a run really cost. */
typedef struct oc_outcome {
    uint64_t run;
    uint32_t cut, site;     /* where the answer came from; site 0: here */
    oc_prediction actual;
    double predicted_ns;    /* of the run's first decision */
    bool fell_back;
    char reason[128];
} oc_outcome;

/** Errors: OC_E_IO (also for a pipe, which could make a run wait), OC_E_NOMEM. An existing file is replaced. */
OC_MUST_USE oc_status oc_decision_log_open(const char *path, const oc_allocator *alloc, oc_decision_log **log);
/** Describe what the following lines are about; again after the net's cuts or costs changed. `site_names`: costs->n_sites of them, the edge first. */
void oc_decision_log_scene(oc_decision_log *log, const oc_costs *costs, const char *policy, const char *const *site_names);
void oc_decision_log_put(oc_decision_log *log, const oc_situation *situation, const oc_decision *decision);
void oc_decision_log_outcome(oc_decision_log *log, const oc_outcome *outcome);
/**
 * From now until the next flush no decision and no outcome goes to the file: those that find the buffer full are left out. A scene is written in any case.
 */
void oc_decision_log_hold(oc_decision_log *log);
/** To the file. Errors: OC_E_IO: the first that happened, said once by flush or close; nothing is written after it. OC_E_LIMIT, once: lines were left out; the log goes on. */
OC_MUST_USE oc_status oc_decision_log_flush(oc_decision_log *log);
/** Flushes; the log is gone in any case. NULL: nothing. */
OC_MUST_USE oc_status oc_decision_log_close(oc_decision_log *log);

/** What was decided, as far as a replay compares it. */
typedef struct oc_log_choice {
    uint32_t cut, site;     /* OC_NONE where nothing is possible */
    bool is_now, is_forced, is_possible;
    double predicted_ns;    /* from then on */
    double bound_ns;        /* of the minimum cut; NAN */
} oc_log_choice;
oc_log_choice oc_log_choice_of(const oc_decision *decision);
/** Alike in every bit; any NAN is like any other. */
bool oc_log_choice_equal(const oc_log_choice *a, const oc_log_choice *b);

/** What one line was. The pointers belong to the reader, until the next scene. */
typedef enum oc_log_line { OC_LOG_END, OC_LOG_SCENE, OC_LOG_DECISION, OC_LOG_OUTCOME } oc_log_line;
typedef struct oc_log_entry {
    oc_log_line line;
    const oc_costs *costs;      /* of the scene in force, with its net */
    const char *policy;
    const char *const *site_names; /* costs->n_sites */
    oc_situation situation;     /* of a decision; its indices are those of the scene */
    oc_log_choice choice;
    oc_outcome outcome;
} oc_log_entry;

typedef struct oc_log_reader oc_log_reader;
/** `limits` NULL: the defaults. Errors: OC_E_IO, OC_E_NOMEM. */
OC_MUST_USE oc_status oc_log_reader_open(const char *path, const oc_limits *limits, const oc_allocator *alloc, oc_log_reader **reader);
/**
 * Errors: OC_E_FORMAT (file, line, key, expected, found), OC_E_LIMIT (nodes, a line beyond 32 MiB), OC_E_IO, OC_E_NOMEM; again at the next call: the reader stays at that line.
 * A last line without its end is the end (the writer was killed).
 */
OC_MUST_USE oc_status oc_log_reader_next(oc_log_reader *reader, oc_log_entry *entry);
void oc_log_reader_close(oc_log_reader *reader);

#endif
