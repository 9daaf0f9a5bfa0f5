/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decision logs decided again, by their own policy or by another one. The entry behind a decision
 * is read ahead: it tells whether the decision was its run's last one, and what the run cost.
 */
#include "oc_api.h"

#include "oc_decision_log.h"

#include <math.h>
#include <stdio.h>

#define TEXT_BYTES 320

struct oc_replay {
    const oc_allocator *alloc;
    oc_log_reader *reader;
    char *wanted; /* the policy asked for; NULL: the log's own */
    char *policy_text, *model;
    oc_policy *policy; /* of the scene in force, as is the planner */
    oc_planner *planner;
    double logged_deadline_ns; /* that the log's own policy sets; INFINITY: none */
    oc_log_entry entry;        /* read and not used up yet */
    bool has_entry;
    uint64_t run, run_begin_ns; /* of the last decision */
    char at[TEXT_BYTES], was[TEXT_BYTES], would_be[TEXT_BYTES];
};

static oc_status copy_text(const oc_allocator *alloc, const char *text, char **copy)
{
    char *fresh;
    size_t size = strlen(text) + 1;
    OC_TRY(oc_alloc(alloc, size, 1, &fresh));
    memcpy(fresh, text, size);
    oc_free(alloc, *copy);
    *copy = fresh;
    return OC_OK;
}

oc_status oc_replay_open(const char *path, const char *policy, const oc_allocator *alloc,
                         oc_replay **replay)
{
    oc_replay *fresh = NULL;
    uint64_t memory_bytes;
    oc_status status;
    alloc = oc_allocator_or_default(alloc);
    /* What is wrong in itself is said before a log is read; names need its network. */
    if (policy)
        OC_TRY(oc_policy_memory(policy, &memory_bytes));
    OC_TRY(OC_ALLOC(alloc, 1, fresh));
    fresh->alloc = alloc;
    if (policy)
        OC_TRY_OUT(copy_text(alloc, policy, &fresh->wanted));
    OC_TRY_OUT(oc_log_reader_open(path, NULL, alloc, &fresh->reader));
    *replay = fresh;
    fresh = NULL;
out:
    oc_replay_close(fresh);
    return status;
}

/* They are not asked any more: the reader has let their net go. */
static void drop_scene(oc_replay *replay)
{
    oc_planner_destroy(replay->planner);
    oc_policy_destroy(replay->policy);
    replay->planner = NULL;
    replay->policy = NULL;
}

void oc_replay_close(oc_replay *replay)
{
    if (!replay)
        return;
    drop_scene(replay);
    oc_log_reader_close(replay->reader);
    oc_free(replay->alloc, replay->policy_text);
    oc_free(replay->alloc, replay->model);
    oc_free(replay->alloc, replay->wanted);
    oc_free(replay->alloc, replay);
}

const char *oc_replay_policy(const oc_replay *replay)
{
    return replay->policy_text;
}

const char *oc_replay_model(const oc_replay *replay)
{
    return replay->model;
}

/* ---- scenes ---------------------------------------------------------------------------------- */

static oc_status read_logged_deadline(oc_replay *replay, const oc_log_entry *entry)
{
    oc_policy *logged = NULL;
    OC_TRY(oc_policy_parse(entry->policy, entry->costs->net, replay->alloc, &logged));
    replay->logged_deadline_ns = oc_policy_deadline_ns(logged);
    oc_policy_destroy(logged);
    return OC_OK;
}

static oc_status take_scene(oc_replay *replay, const oc_log_entry *entry)
{
    const char *text = replay->wanted ? replay->wanted : entry->policy;
    OC_TRY(copy_text(replay->alloc, text, &replay->policy_text));
    OC_TRY(copy_text(replay->alloc, entry->costs->net->name, &replay->model));
    if (replay->wanted)
        OC_TRY(read_logged_deadline(replay, entry));
    OC_TRY(oc_policy_parse(text, entry->costs->net, replay->alloc, &replay->policy));
    return oc_planner_create(entry->costs, replay->policy, replay->alloc, &replay->planner);
}

/* ---- decisions ------------------------------------------------------------------------------- */

static uint64_t to_ns(double ns)
{
    return ns > 0 ? (uint64_t)fmin(ns, 1e18) : 0;
}

static void print_choice(const oc_log_entry *entry, const oc_log_choice *choice,
                         char text[TEXT_BYTES])
{
    const char *forced = choice->is_forced ? ", forced" : "";
    if (!choice->is_possible)
        snprintf(text, TEXT_BYTES, "nothing is possible");
    else if (choice->site == 0)
        snprintf(text, TEXT_BYTES, "stay%s", forced);
    else if (choice->is_now)
        snprintf(text, TEXT_BYTES, "forward now to %.128s%s", entry->site_names[choice->site],
                 forced);
    else
        snprintf(text, TEXT_BYTES, "forward after cut %.128s to %.128s%s",
                 entry->costs->net->cuts[choice->cut].name, entry->site_names[choice->site],
                 forced);
}

/* What was left of the run's deadline under the other policy. Where the log's own policy set one,
 * the logged deadline is that one's and goes with it; else it is the session's and stays. */
static void change_deadline(const oc_replay *replay, oc_situation *situation)
{
    double wanted_ns = oc_policy_deadline_ns(replay->policy);
    double passed_ns = situation->at_ns > replay->run_begin_ns
                           ? (double)(situation->at_ns - replay->run_begin_ns)
                           : 0;
    if (isfinite(replay->logged_deadline_ns))
        situation->deadline_ns = INFINITY;
    if (isfinite(wanted_ns))
        situation->deadline_ns = fmin(situation->deadline_ns, fmax(0, wanted_ns - passed_ns));
}

static void decide_again(oc_replay *replay, oc_log_entry *entry, oc_replay_info *info)
{
    oc_decision decision;
    if (entry->situation.run != replay->run || replay->run_begin_ns > entry->situation.at_ns) {
        replay->run = entry->situation.run;
        replay->run_begin_ns = entry->situation.at_ns;
    }
    if (replay->wanted)
        change_deadline(replay, &entry->situation);
    oc_planner_decide(replay->planner, &entry->situation, &decision);
    oc_log_choice again = oc_log_choice_of(&decision);
    snprintf(replay->at, TEXT_BYTES, "%.300s",
             entry->costs->net->cuts[entry->situation.at_cut].name);
    print_choice(entry, &entry->choice, replay->was);
    print_choice(entry, &again, replay->would_be);
    *info = (oc_replay_info){.run = entry->situation.run,
                             .at = replay->at,
                             .was = replay->was,
                             .would_be = replay->would_be,
                             .was_ns = to_ns(entry->choice.predicted_ns),
                             .would_be_ns = to_ns(again.predicted_ns),
                             .is_same = oc_log_choice_equal(&entry->choice, &again)};
}

/* The reader's next entry into replay->entry, unless one waits there. */
static oc_status read_ahead(oc_replay *replay)
{
    if (!replay->has_entry)
        OC_TRY(oc_log_reader_next(replay->reader, &replay->entry));
    replay->has_entry = true;
    return OC_OK;
}

/* What the run cost, if that comes next. A line that cannot be read is left to the next call: the
 * reader stays at it. */
static void take_actual(oc_replay *replay, oc_replay_info *info)
{
    const oc_log_entry *next = &replay->entry;
    if (read_ahead(replay) != OC_OK || next->line != OC_LOG_OUTCOME ||
        next->outcome.run != info->run)
        return;
    info->has_actual = true;
    info->actual_ns = to_ns(next->outcome.actual.total_ns);
    replay->has_entry = false;
}

oc_status oc_replay_next(oc_replay *replay, oc_replay_info *info, bool *more)
{
    for (;;) {
        oc_log_entry *entry = &replay->entry;
        OC_TRY(read_ahead(replay));
        if (entry->line == OC_LOG_END) {
            *more = false;
            return OC_OK;
        }
        if (entry->line == OC_LOG_SCENE) {
            drop_scene(replay);
            OC_TRY(take_scene(replay, entry));
        }
        replay->has_entry = false;
        if (entry->line == OC_LOG_DECISION) {
            decide_again(replay, entry, info);
            take_actual(replay, info);
            *more = true;
            return OC_OK;
        }
    }
}
