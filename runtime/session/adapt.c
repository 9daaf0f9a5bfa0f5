/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A run by policy: decide, run the head here and decide on the way, the tail where it was decided;
 * and what was learnt.
 */
#include "session.h"

#include <math.h>
#include <stdio.h>

/* ---- life ------------------------------------------------------------------------------------ */

static oc_status make_net(oc_session *s, oc_net **net)
{
    oc_cut cut = {.alloc = NULL};
    const oc_cut *extra = &cut;
    bool has_cut = false, *can_run = NULL;
    uint64_t memory_bytes = 0;
    OC_TRY(oc_policy_memory(s->options.policy, &memory_bytes));
    OC_TRY(oc_policy_cut(s->options.policy, s->graph, s->alloc, &cut, &has_cut));
    oc_status status = OC_ALLOC(s->alloc, s->graph->n_nodes + 1, can_run);
    for (size_t n = 0; status == OC_OK && n < s->graph->n_nodes; n++)
        can_run[n] = oc_exec_is_ready(s->exec, (oc_id)n);
    if (status == OC_OK)
        status =
            oc_net_make(s->graph, can_run, &extra, has_cut ? 1 : 0, memory_bytes, s->alloc, net);
    oc_free(s->alloc, can_run);
    if (has_cut)
        oc_cut_fini(&cut);
    return status;
}

static oc_status read_profile(oc_session *s, const char *path)
{
    adapt *a = s->adapt;
    const oc_dev_info *dev = &oc_exec_dev(s->exec)->info;
    oc_bytes yaml;
    char why[256];
    OC_TRY(oc_file_slurp(path, (uint64_t)64 << 20, s->alloc, &yaml));
    oc_status status = oc_profile_parse(a->first_net, yaml, path, s->alloc, &a->profile);
    oc_free(s->alloc, (void *)(uintptr_t)yaml.data);
    OC_TRY(status);
    const oc_profile_site *found = oc_profile_find(a->profile, "edge", dev->name, dev->driver, why);
    if (found)
        a->measured[0] = found->node_ns;
    else
        oc_log(s->options.log, OC_LOG_WARN, "profile %s: %s; its times are not used", path, why);
    return OC_OK;
}

static void set_rooflines(oc_session *s)
{
    adapt *a = s->adapt;
    const oc_dev_roofline here = oc_dev_roofline_of(oc_exec_dev(s->exec));
    a->rooflines[0] = (oc_roofline){
        .flops = here.flops, .bytes_per_s = here.bytes_per_s, .start_ns = here.start_ns};
    a->is_known[0] = true;
    a->names[0] = "edge";
    for (size_t i = 0; i < s->n_workers; i++) {
        a->rooflines[i + 1] = (oc_roofline){.flops = here.flops * WORKER_GUESS,
                                            .bytes_per_s = here.bytes_per_s * WORKER_GUESS,
                                            .start_ns = here.start_ns};
        a->names[i + 1] = s->names[i];
    }
}

oc_status adapt_create(oc_session *s)
{
    const oc_session_options *options = &s->options;
    adapt *a = NULL;
    uint64_t begin_ns = oc_now_ns();
    OC_TRY(OC_ALLOC(s->alloc, 1, a));
    s->adapt = a;
    a->now_cut = a->now_site = OC_NONE;
    OC_TRY(make_net(s, &a->first_net));
    set_rooflines(s);
    if (options->profile)
        OC_TRY(read_profile(s, options->profile));
    OC_TRY(scene_make(s, a->first_net, &a->scene));
    oc_correct_init(&a->correct, a->scene->costs);
    a->options_room =
        (a->first_net->n_cuts + ADOPTED_MAX + 1) * OC_MAX(s->n_workers, (size_t)1) + 1;
    OC_TRY(OC_ALLOC(s->alloc, a->options_room, a->options));
    OC_TRY(OC_ALLOC(s->alloc, a->options_room, a->option_infos));
    if (options->log_path) {
        OC_TRY(oc_decision_log_open(options->log_path, s->alloc, &a->log));
        oc_decision_log_scene(a->log, a->scene->costs, options->policy, a->names);
    }
    a->scene_ns = oc_now_ns() - begin_ns;
    return OC_OK;
}

void adapt_destroy(oc_session *s)
{
    adapt *a = s->adapt;
    if (!a)
        return;
    if (a->log && oc_decision_log_close(a->log) != OC_OK)
        oc_log(s->options.log, OC_LOG_WARN, "decision log: %s", oc_error_text());
    scene_destroy(s, a->scene);
    oc_profile_destroy(a->profile);
    oc_net_destroy(a->first_net);
    oc_free(s->alloc, a->option_infos);
    oc_free(s->alloc, a->options);
    oc_free(s->alloc, a);
    s->adapt = NULL;
}

double adapt_deadline_ns(const oc_session *s)
{
    return oc_policy_deadline_ns(s->adapt->scene->policy);
}

/* ---- the first run waits for workers --------------------------------------------------------- */

/* One that can be used is enough: the others get so much longer. */
#define OTHERS_NS 50000000u

static void see_workers(const oc_session *s, bool *is_one_up, bool *is_one_unsettled)
{
    *is_one_up = *is_one_unsettled = false;
    for (size_t i = 0; i < s->n_workers; i++) {
        oc_site_health health = {.is_settled = false};
        s->workers[i]->type->health(s->workers[i], &health);
        *is_one_up = *is_one_up || (health.is_settled && health.worker.is_up);
        *is_one_unsettled = *is_one_unsettled || !health.is_settled;
    }
}

/* At most a quarter of the run's time, and what the edge would need is left. */
static uint64_t wait_until(run *r)
{
    const uint64_t until_ns = r->s->connect_until_ns;
    oc_situation situation;
    if (r->deadline_ns == OC_NEVER_NS)
        return until_ns;
    decide_situation(r, 0, &situation);
    uint64_t here_ns =
        decide_can_finish(r) ? (uint64_t)fmin(decide_here_ns(r, &situation), 1e18) : 0;
    uint64_t latest_ns = r->deadline_ns > here_ns ? r->deadline_ns - here_ns : 0;
    uint64_t quarter_ns = r->begin_ns + (r->deadline_ns - r->begin_ns) / 4;
    return OC_MIN(until_ns, OC_MIN(latest_ns, quarter_ns));
}

static void wait_for_workers(run *r)
{
    oc_session *s = r->s;
    if (oc_now_ns() >= s->connect_until_ns || s->n_workers == 0)
        return;
    uint64_t until_ns = decide_can_forward(r) ? wait_until(r) : 0;
    for (bool was_one_up = false;;) {
        bool is_one_up, is_one_unsettled;
        see_workers(s, &is_one_up, &is_one_unsettled);
        if (is_one_up && !was_one_up)
            until_ns = OC_MIN(until_ns, oc_now_ns() + OTHERS_NS);
        was_one_up = was_one_up || is_one_up;
        if (!is_one_unsettled || oc_now_ns() >= until_ns)
            break;
        /* Not every change of a link wakes the session. */
        run_wait(r, oc_waker_events(&s->waker), OC_MIN(until_ns, oc_now_ns() + 2000000u));
    }
    s->connect_until_ns = OC_MIN(s->connect_until_ns, oc_now_ns());
    r->report.connect_ns += oc_now_ns() - r->begin_ns;
}

/* ---- the head -------------------------------------------------------------------------------- */

/* Until a chunk more has run. */
static oc_status wait_for_chunk(run *r)
{
    const size_t before = r->course.n_finished;
    for (;;) {
        uint64_t seen = oc_waker_events(&r->s->waker);
        OC_TRY(course_poll(r));
        if (r->course.n_finished > before)
            return OC_OK;
        if (run_is_late(r))
            return run_fail_late(r, "the device was still running");
        run_wait(r, seen, OC_NEVER_NS);
    }
}

static oc_status finish_here(run *r)
{
    for (;;) {
        bool is_done;
        uint64_t seen = oc_waker_events(&r->s->waker);
        OC_TRY(course_finish(r, &is_done));
        if (is_done)
            break;
        if (run_is_late(r))
            return run_fail_late(r, "the device was still running");
        run_wait(r, seen, OC_NEVER_NS);
    }
    r->answer_ns = oc_now_ns();
    return OC_OK;
}

/* Nothing can be decided any more: the last piece is on the device. */
static bool is_last_piece(const run *r, const oc_decision *decision)
{
    return decision->site == 0 && r->course.given == r->s->adapt->scene->last &&
           r->course.n_chunks <= 1;
}

/*
 * To where the decision says, which may change on the way. Ends in front of a worker, or with
 * everything submitted.
 */
static oc_status run_head(run *r, oc_decision *decision)
{
    course *c = &r->course;
    while (decision->is_possible && !(decision->site > 0 && decision->is_now)) {
        OC_TRY(course_feed(r, decision->cut));
        if (is_last_piece(r, decision) || (c->n_chunks == 0 && c->done == decision->cut))
            return OC_OK;
        OC_TRY(wait_for_chunk(r));
        decide(r, c->done, decision);
    }
    return OC_OK;
}

/* ---- what a run taught ----------------------------------------------------------------------- */

static void learn_tail(run *r, uint32_t cut, uint32_t site)
{
    oc_session *s = r->s;
    const scene *sc = s->adapt->scene;
    const double *head = sc->costs->sum[site] + (size_t)cut * OC_KINDS_MAX;
    const double *all = sc->costs->sum[site] + sc->net->n_cuts * OC_KINDS_MAX;
    const oc_site_times *t = &r->tail_times;
    oc_correct *correct = &s->adapt->correct;
    double base_ns[OC_KINDS_MAX];
    for (size_t k = 0; k < OC_KINDS_MAX; k++)
        base_ns[k] = fmax(all[k] - head[k], 0);
    oc_correct_saw(correct, site, base_ns, (double)t->compute_ns, true, NULL);
    oc_correct_saw_queue(correct, site, (double)t->queue_ns, oc_now_ns());
    oc_correct_saw_codec(correct, site, (double)sc->net->cuts[cut].up_bytes, (double)t->encode_ns);
}

/*
 * Workers that were not asked: what the whole run would have sent them is what probes are measured
 * by.
 */
static void tell_skipped(run *r)
{
    oc_session *s = r->s;
    for (uint32_t w = 0; w < s->n_workers; w++) {
        const oc_site_type *type = s->workers[w]->type;
        if (!r->is_asked[w] && type->skipped)
            type->skipped(s->workers[w], s->adapt->scene->net->cuts[0].up_bytes);
    }
}

static void log_outcome(run *r, uint32_t cut, uint32_t site, double total_ns)
{
    adapt *a = r->s->adapt;
    const oc_site_times *t = &r->tail_times;
    oc_outcome outcome = {.run = r->site_run.id,
                          .cut = cut,
                          .site = site,
                          .predicted_ns = (double)r->report.predicted_ns,
                          .fell_back = r->report.fell_back};
    if (!a->log)
        return;
    outcome.actual.total_ns = total_ns;
    if (site > 0) {
        outcome.actual.encode_ns = (double)t->encode_ns;
        outcome.actual.send_ns = (double)t->send_ns;
        outcome.actual.queue_ns = (double)t->queue_ns;
        outcome.actual.cloud_ns = (double)t->compute_ns;
        outcome.actual.receive_ns = (double)t->receive_ns;
    }
    outcome.actual.edge_ns =
        fmax(0, total_ns - outcome.actual.encode_ns - outcome.actual.send_ns -
                    outcome.actual.queue_ns - outcome.actual.cloud_ns - outcome.actual.receive_ns);
    snprintf(outcome.reason, sizeof(outcome.reason), "%.*s",
             oc_text_fit(r->report.reason, sizeof(outcome.reason) - 1), r->report.reason);
    oc_decision_log_outcome(a->log, &outcome);
}

void adapt_flush_log(oc_session *s)
{
    adapt *a = s->adapt;
    if (!a->log)
        return;
    if (oc_decision_log_flush(a->log) != OC_OK)
        oc_log(s->options.log, OC_LOG_WARN, "%s", oc_error_text());
    oc_decision_log_hold(a->log);
}

/* The answer is there: from a worker at `cut`, or (site 0) from here. */
static void conclude(run *r, uint32_t cut, uint32_t site)
{
    oc_session *s = r->s;
    const scene *sc = s->adapt->scene;
    uint64_t apart_ns = r->report.connect_ns + r->report.decide_ns;
    uint64_t spent_ns = r->answer_ns - r->begin_ns;
    double total_ns = spent_ns > apart_ns ? (double)(spent_ns - apart_ns) : 0;
    r->actual_ns = (uint64_t)total_ns;
    run_deliver(r);
    r->report.edge_nodes = sc->net->cuts[site ? cut : sc->last].n_head;
    explain_choice(s, sc, cut, cut, site, false, r->report.choice, sizeof(r->report.choice));
    if (site > 0)
        learn_tail(r, cut, site);
    if (!r->report.fell_back && !r->report.is_hedged)
        oc_correct_saw_total(&s->adapt->correct, site, (double)r->report.predicted_ns, total_ns);
    tell_skipped(r);
    log_outcome(r, cut, site, total_ns);
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* Where no worker was tried, the first one's state says why: what it is now, not when the run began. */
static oc_status fail_impossible(run *r, const oc_decision *decision)
{
    oc_situation now;
    decide_situation(r, decision->cut, &now);
    if (!edge_is_up(r) && !r->report.reason[0])
        run_set_reason(r, "the edge: %s", now.sites[0].why);
    for (uint32_t w = 0; w < r->s->n_workers && !r->report.reason[0]; w++)
        if (now.sites[w + 1].why[0])
            run_set_reason(r, "worker %s: %s", r->s->names[w], now.sites[w + 1].why);
        else if (w + 1 == r->s->n_workers)
            run_set_reason(r, "worker %s: not asked", r->s->names[0]);
    if (run_is_late(r))
        return run_fail_late(r, decision->why);
    return oc_fail(r->worker_status, "%s%s%s", r->report.reason, r->report.reason[0] ? "; " : "",
                   decision->why);
}

/* Nobody can run the rest now. */
static oc_status wait_for_chance(run *r, oc_decision *decision)
{
    const uint32_t at = decision->cut;
    while (!decision->is_possible) {
        if (!attempt_wait_chance(r))
            return fail_impossible(r, decision);
        decide(r, at, decision);
    }
    return OC_OK;
}

/* A worker failed: decide again what to do with the same values. */
static void go_on_after_failure(run *r, uint32_t cut, oc_decision *decision)
{
    oc_session *s = r->s;
    r->report.fell_back = true;
    oc_log(s->options.log, OC_LOG_WARN, "%s", r->report.reason);
    run_tell(r, "fallback");
    decide(r, cut, decision);
}

static oc_status run_by(run *r, oc_decision *decision)
{
    for (;;) {
        tail_end end;
        uint32_t cut, site;
        OC_TRY(wait_for_chance(r, decision));
        OC_TRY(run_head(r, decision));
        if (!decision->is_possible)
            continue;
        cut = decision->cut;
        site = decision->site;
        if (site == 0) {
            OC_TRY(finish_here(r));
            conclude(r, cut, 0);
            return OC_OK;
        }
        OC_TRY(tail_run(r, decision, &end));
        if (end != TAIL_FAILED) {
            bool is_theirs = end == TAIL_ANSWERED && r->report.used_worker;
            conclude(r, is_theirs ? cut : r->s->adapt->scene->last, is_theirs ? site : 0);
            return OC_OK;
        }
        go_on_after_failure(r, cut, decision);
    }
}

/* A device that is late has not failed. */
static bool has_edge_failed(run *r)
{
    oc_site_progress now = {.status = OC_OK};
    if (r->edge->is_begun)
        edge_poll(r, &now);
    return atomic_load(&oc_exec_dev(r->s->exec)->is_lost) ||
           (now.status != OC_OK && now.status != OC_E_CANCELLED && now.status != OC_E_DEADLINE);
}

/* All from the inputs on is left to workers: what the edge had made cannot be trusted to come. */
static void go_on_without_edge(run *r)
{
    run_set_reason(r, "the edge failed: %s", oc_error_text());
    r->report.fell_back = true;
    oc_log(r->s->options.log, OC_LOG_WARN, "%s", r->report.reason);
    run_tell(r, "fallback");
    if (r->edge->is_begun && !r->is_staged)
        edge_settle(r);
    r->is_edge_gone = true;
    r->course = (course){0};
    edge_reset(r);
}

oc_status adapt_run(run *r)
{
    oc_session *s = r->s;
    oc_decision decision = {.is_possible = false};
    const bool was_up = edge_is_up(r);
    oc_status status;
    r->edge = &s->adapt->scene->edge;
    edge_reset(r);
    wait_for_workers(r);
    scene_learn(s);
    decide_first(r, &decision);
    status = run_by(r, &decision);
    if (status == OC_OK || !was_up || s->n_workers == 0 || run_is_late(r) || !has_edge_failed(r))
        return status;
    go_on_without_edge(r);
    decide(r, 0, &decision);
    return run_by(r, &decision);
}
