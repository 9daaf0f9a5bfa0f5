/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rest of the network on a worker. While its answer is awaited the rest may begin here too:
 * because the answer is late (hedging), or because the deadline leaves no more time than the edge
 * needs. The first answer counts. From time to time a worker's answer is computed here again,
 * against plausible lies.
 */
#include "session.h"

#include <math.h>

/* An audit has at least so long, unless the deadline comes before. */
#define AUDIT_NS 1e9

typedef struct tail {
    run *r;
    uint32_t cut, worker;
    const oc_part *part;
    attempt attempt;
    double predicted_ns;   /* from sending to the answer */
    uint64_t hedge_ns;     /* when a late answer is hedged; OC_NEVER_NS: not */
    uint64_t fallback_ns;  /* when the edge must begin for the deadline; OC_NEVER_NS: need not */
    bool is_here;          /* the rest runs here too */
    oc_status here_status; /* not OC_OK: it failed here */
} tail;

static uint64_t after(uint64_t now_ns, double ns)
{
    return ns < 1e18 ? now_ns + (uint64_t)fmax(ns, 0) : OC_NEVER_NS;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void set_times(tail *t, const oc_decision *decision)
{
    run *r = t->r;
    const oc_session_options *options = &r->s->options;
    const oc_prediction *p = &decision->predicted;
    oc_situation situation;
    uint64_t now_ns = oc_now_ns();
    bool can_here = decide_can_finish(r) && !options->is_worker_required;
    decide_situation(r, t->cut, &situation);
    t->predicted_ns = p->encode_ns + p->send_ns + p->queue_ns + p->cloud_ns + p->receive_ns;
    t->hedge_ns = t->fallback_ns = OC_NEVER_NS;
    if (!can_here)
        return;
    /* Late: by more than a quarter, and by more than three times the model's own error. */
    if (options->is_hedged)
        t->hedge_ns =
            after(now_ns, t->predicted_ns * (1 + fmax(0.25, 3 * fmin(situation.total_error, 1))));
    if (r->deadline_ns != OC_NEVER_NS) {
        uint64_t here_ns = (uint64_t)fmin(decide_here_ns(r, &situation), 1e18);
        t->fallback_ns =
            r->deadline_ns > here_ns ? OC_MAX(r->deadline_ns - here_ns, now_ns) : now_ns;
    }
}

/* The values that move, and outputs that the head made; at once, not behind the chunk ahead. */
static oc_status fetch(const tail *t)
{
    run *r = t->r;
    const scene *sc = r->s->adapt->scene;
    OC_TRY(edge_ask(r, t->part->takes, t->part->n_takes));
    OC_TRY(edge_ask(r, sc->extra[t->cut], sc->n_extra[t->cut]));
    return edge_wait_gets(r);
}

static void begin(tail *t, const oc_decision *decision)
{
    run *r = t->r;
    const scene *sc = r->s->adapt->scene;
    attempt_begin(r, &t->attempt, t->worker, sc->parts[t->worker * sc->net->n_cuts + t->cut],
                  t->part, r->deadline_ns, &decision->predicted);
}

/* ---- here, too ------------------------------------------------------------------------------- */

static void begin_here(tail *t, bool is_hedge)
{
    run *r = t->r;
    t->is_here = true;
    r->report.is_hedged = true;
    run_set_reason(
        r, "worker %s: no answer after %.1f ms (%.1f expected), %s", r->s->names[t->worker],
        (double)(oc_now_ns() - t->attempt.begin_ns) / 1e6, t->predicted_ns / 1e6,
        is_hedge ? "computed here too" : "the deadline leaves no more time than it takes here");
    run_tell(r, is_hedge ? "hedge" : "fallback");
}

/*
 * Whether the outputs are there. A device that fails leaves the worker to wait for; so does one
 * that is still busy with what an earlier run left, until it wakes the session.
 */
static bool go_on_here(tail *t)
{
    bool is_done = false;
    if (!t->is_here || t->here_status != OC_OK || !edge_is_free(t->r))
        return false;
    t->here_status = course_finish(t->r, &is_done);
    return is_done && t->here_status == OC_OK;
}

static void finish_here(tail *t)
{
    run *r = t->r;
    attempt_drop(r, &t->attempt);
    r->report.fell_back = true;
    oc_log(r->s->options.log, OC_LOG_INFO, "%s", r->report.reason);
}

/* ---- audits ---------------------------------------------------------------------------------- */

/*
 * To its end, where it was begun beside the worker. Given up at `until_ns`. Errors: the device's;
 * that it is late is none, since there is an answer.
 */
static oc_status compute_again(tail *t, uint64_t until_ns, bool *is_done)
{
    run *r = t->r;
    edge *e = r->edge;
    for (size_t i = 0; i < t->part->n_gives; i++) {
        oc_id v = t->part->gives[i];
        e->at_host[v] = r->course.has_asked ? &e->near[v] : NULL;
    }
    for (;;) {
        uint64_t seen = oc_waker_events(&r->s->waker);
        if (edge_is_free(r)) /* of what an earlier run left behind */
            OC_TRY(course_finish(r, is_done));
        if (*is_done || oc_now_ns() >= until_ns)
            return OC_OK;
        run_wait(r, seen, until_ns);
    }
}

/*
 * Four times what it should take, and some time before the deadline. A short one gets longer: a
 * busy machine must not hide a lie.
 */
static uint64_t audit_until(run *r, double here_ns)
{
    uint64_t until_ns = after(oc_now_ns(), fmax(4 * here_ns, AUDIT_NS));
    if (r->deadline_ns == OC_NEVER_NS)
        return until_ns;
    uint64_t slack_ns = (uint64_t)decide_slack_ns(r);
    return OC_MIN(until_ns, r->deadline_ns > slack_ns ? r->deadline_ns - slack_ns : 0);
}

static void audit(tail *t)
{
    run *r = t->r;
    edge *e = r->edge;
    bool is_done = false;
    oc_situation situation;
    decide_situation(r, t->cut, &situation);
    const double here_ns = decide_here_ns(r, &situation);
    if (!decide_can_finish(r) || t->here_status != OC_OK || !run_is_audited(r) ||
        situation.deadline_ns < here_ns)
        return;
    oc_status status = compute_again(t, audit_until(r, here_ns), &is_done);
    if (status == OC_OK && is_done) {
        r->report.is_audited = true;
        oc_id wrong = attempt_compare(r, t->part->gives, t->part->n_gives);
        if (wrong == OC_NONE)
            return;
        run_set_reason(r, "worker %s: its answer is not what was computed here (output %s)",
                       r->s->names[t->worker], r->s->graph->values[wrong].name);
        attempt_distrust(r, t->worker);
        return;
    }
    for (size_t i = 0; i < t->part->n_gives; i++)
        e->at_host[t->part->gives[i]] = &e->far[t->part->gives[i]];
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Errors: OC_E_DEADLINE. `*is_over`: `*end` says how. */
static oc_status step(tail *t, tail_end *end, bool *is_over)
{
    run *r = t->r;
    attempt_state state = attempt_poll(r, &t->attempt);
    *is_over = true;
    if (state == ATTEMPT_ANSWERED) {
        *end = TAIL_ANSWERED;
        return OC_OK;
    }
    if (go_on_here(t)) {
        *end = TAIL_HERE;
        finish_here(t);
        return OC_OK;
    }
    bool runs_here = t->is_here && t->here_status == OC_OK;
    if (run_is_late(r)) {
        /* It may have come while the edge was looked after. */
        if (attempt_poll(r, &t->attempt) == ATTEMPT_ANSWERED) {
            *end = TAIL_ANSWERED;
            return OC_OK;
        }
        attempt_drop(r, &t->attempt);
        return run_fail_late(r,
                             runs_here ? "the device was still running" : "no worker had answered");
    }
    if (state == ATTEMPT_FAILED && !runs_here) {
        *end = TAIL_FAILED;
        return OC_OK;
    }
    uint64_t now_ns = oc_now_ns();
    if (!t->is_here && now_ns >= OC_MIN(t->hedge_ns, t->fallback_ns))
        begin_here(t, now_ns < t->fallback_ns);
    *is_over = false;
    return OC_OK;
}

static uint64_t next_event_ns(const tail *t)
{
    uint64_t until_ns = OC_NEVER_NS;
    if (t->attempt.state == ATTEMPT_WAITING || t->attempt.state == ATTEMPT_SENT)
        until_ns = t->attempt.answer_by_ns;
    if (t->attempt.state == ATTEMPT_WAITING && oc_now_ns() < t->r->s->connect_until_ns)
        until_ns = OC_MIN(until_ns, t->r->s->connect_until_ns);
    if (!t->is_here)
        until_ns = OC_MIN(until_ns, OC_MIN(t->hedge_ns, t->fallback_ns));
    return until_ns;
}

static oc_status wait_for_answer(tail *t, tail_end *end)
{
    for (;;) {
        bool is_over, was_here = t->is_here;
        uint64_t seen = oc_waker_events(&t->r->s->waker);
        OC_TRY(step(t, end, &is_over));
        if (is_over)
            return OC_OK;
        if (t->is_here != was_here)
            continue; /* what begins here is submitted before anything is waited for */
        run_wait(t->r, seen, next_event_ns(t));
    }
}

oc_status tail_run(run *r, const oc_decision *decision, tail_end *end)
{
    tail t = {.r = r, .cut = decision->cut, .worker = decision->site - 1};
    t.part = &r->s->adapt->scene->tails[t.cut];
    OC_TRY(fetch(&t));
    set_times(&t, decision);
    begin(&t, decision);
    OC_TRY(wait_for_answer(&t, end));
    r->answer_ns = oc_now_ns();
    if (*end == TAIL_ANSWERED) {
        /* It counts, whatever was begun here. */
        for (size_t i = 0; i < t.part->n_gives; i++)
            r->edge->at_host[t.part->gives[i]] = &r->edge->far[t.part->gives[i]];
        r->tail_times = t.attempt.times;
        audit(&t);
    }
    return OC_OK;
}
