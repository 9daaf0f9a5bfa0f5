/* SPDX-License-Identifier: Apache-2.0 */
/** One try of a part on a worker. Nothing here waits: attempt_poll goes as far as it can. */
#include "session.h"

#include <math.h>
#include <stdio.h>

/* How often it is looked whether a worker came back, and tried again with those that are there. */
#define CHANCE_NS 10000000u
#define SAME_CHANCE_NS 100000000u

static const oc_site_type *type_of(const attempt *a)
{
    return a->part->site->type;
}

bool attempt_is_allowed(run *r, uint32_t worker, char why[96])
{
    oc_breaker *breaker = &r->s->breakers[worker];
    why[0] = '\0';
    if (r->is_excluded[worker]) {
        snprintf(why, 96, "it failed in this run");
        return false;
    }
    if (oc_breaker_allows(breaker, oc_now_ns()))
        return true;
    if (breaker->is_distrusted)
        snprintf(why, 96, "an audit found a wrong answer");
    else
        snprintf(why, 96, "left alone for a while after %u failures", breaker->n_failures);
    return false;
}

/* As bits. */
static uint32_t find_usable(run *r)
{
    oc_session *s = r->s;
    uint32_t usable = 0;
    for (uint32_t w = 0; w < s->n_workers; w++) {
        oc_site_health health = {.is_settled = false};
        char why[96];
        s->workers[w]->type->health(s->workers[w], &health);
        if (health.worker.is_up && attempt_is_allowed(r, w, why))
            usable |= (uint32_t)1 << w;
    }
    return usable;
}

bool attempt_wait_chance(run *r)
{
    const uint64_t again_ns = oc_now_ns() + SAME_CHANCE_NS;
    if (r->deadline_ns == OC_NEVER_NS || r->s->n_workers == 0)
        return false;
    while (!run_is_late(r)) {
        run_wait(r, oc_waker_events(&r->s->waker), oc_now_ns() + CHANCE_NS);
        memset(r->is_excluded, 0, sizeof(r->is_excluded));
        const uint32_t before = r->usable;
        r->usable = find_usable(r);
        if (r->usable != 0 && (r->usable != before || oc_now_ns() >= again_ns))
            return !run_is_late(r);
    }
    return false;
}

void attempt_begin(run *r, attempt *a, uint32_t worker, oc_site_part *part, const oc_part *what,
                   uint64_t by_ns, const oc_prediction *predicted)
{
    static const oc_prediction unknown = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const uint64_t now_ns = oc_now_ns();
    const uint64_t limit_ns = now_ns + (uint64_t)r->s->options.worker_timeout_ms * 1000000u;
    *a = (attempt){.worker = worker,
                   .part = part,
                   .what = what,
                   .answer_by_ns = OC_MIN(by_ns, limit_ns),
                   .blame_ns = limit_ns,
                   .predicted = predicted ? *predicted : unknown,
                   .state = ATTEMPT_WAITING,
                   .begin_ns = now_ns};
    (void)attempt_poll(r, a);
}

/* A run that had little time says nothing of a worker that did not answer in it. */
static void tell_breaker(run *r, const attempt *a, oc_status status)
{
    oc_breaker *breaker = &r->s->breakers[a->worker];
    const uint64_t now_ns = oc_now_ns();
    if (status == OC_E_DEADLINE && now_ns < a->blame_ns)
        oc_breaker_dropped(breaker);
    else
        oc_breaker_failed(breaker, status, now_ns);
}

static void account_lost(run *r, const attempt *a)
{
    r->report.bytes_sent += a->times.bytes_sent;
    r->report.bytes_received += a->times.bytes_received;
    r->report.lost_ns += oc_now_ns() - a->begin_ns;
}

/* `text` is copied before anything else: it may be this thread's error text. */
static attempt_state fail(run *r, attempt *a, oc_status status, const char *text)
{
    run_set_reason(r, "%s", text);
    a->state = ATTEMPT_FAILED;
    r->worker_status = status;
    r->is_excluded[a->worker] = true;
    if (a->is_started) {
        type_of(a)->cancel(a->part);
        tell_breaker(r, a, status);
    }
    spans_worker(r, a);
    account_lost(r, a);
    return a->state;
}

static attempt_state fail_late(run *r, attempt *a, const char *what, uint64_t since_ns)
{
    char text[256];
    uint64_t waited_ns = a->answer_by_ns > since_ns ? a->answer_by_ns - since_ns : 0;
    snprintf(text, sizeof(text), "worker %s: %s within %.0f ms", r->s->names[a->worker], what,
             (double)waited_ns / 1e6);
    return fail(r, a, OC_E_DEADLINE, text);
}

static oc_status send(run *r, attempt *a)
{
    const oc_site_type *type = type_of(a);
    const oc_part *what = a->what;
    oc_site_run site_run = r->site_run;
    site_run.deadline_ns = a->answer_by_ns;
    a->is_started = r->is_asked[a->worker] = true;
    oc_breaker_begin(&r->s->breakers[a->worker]);
    OC_TRY(type->start(a->part, &site_run));
    for (size_t i = 0; i < what->n_takes; i++)
        OC_TRY(type->put(a->part, what->takes[i], r->edge->at_host[what->takes[i]]));
    OC_TRY(type->submit(a->part, 0, what->n_nodes));
    for (size_t i = 0; i < what->n_gives; i++)
        OC_TRY(type->get(a->part, what->gives[i], &r->edge->far[what->gives[i]]));
    return OC_OK;
}

/*
 * A worker that is not there is not waited for, but in the first run; one that still ends what was
 * cancelled is.
 */
static attempt_state see_ready(run *r, attempt *a)
{
    oc_site_progress now;
    type_of(a)->poll(a->part, &now);
    if (!now.is_ready && now.status != OC_OK)
        return fail(r, a, now.status, now.text);
    if (!now.is_ready || !now.is_idle) {
        uint64_t until_ns =
            now.is_ready ? a->answer_by_ns : OC_MIN(a->answer_by_ns, r->s->connect_until_ns);
        if (oc_now_ns() < until_ns)
            return a->state;
        a->answer_by_ns = until_ns;
        return fail_late(r, a, now.is_ready ? "an earlier request did not end" : "not connected",
                         a->begin_ns);
    }
    const oc_prediction *p = &a->predicted;
    double twice_ns = 2 * (p->encode_ns + p->send_ns + p->queue_ns + p->cloud_ns + p->receive_ns);
    r->report.connect_ns += oc_now_ns() - a->begin_ns;
    a->begin_ns = oc_now_ns();
    if (twice_ns >= 0 && twice_ns < 1e18)
        a->blame_ns = OC_MIN(a->blame_ns, a->begin_ns + (uint64_t)twice_ns);
    oc_status status = send(r, a);
    if (status != OC_OK)
        return fail(r, a, status, oc_error_text());
    a->state = ATTEMPT_SENT;
    run_tell(r, "sent");
    return a->state;
}

static attempt_state succeed(run *r, attempt *a)
{
    oc_report *report = &r->report;
    report->bytes_sent += a->times.bytes_sent;
    report->bytes_received += a->times.bytes_received;
    report->encode_ns += a->times.encode_ns;
    report->send_ns += a->times.send_ns;
    report->queue_ns += a->times.queue_ns;
    report->cloud_ns += a->times.compute_ns;
    report->receive_ns += a->times.receive_ns;
    report->used_worker = true;
    report->worker = a->worker;
    for (size_t i = 0; i < a->what->n_gives; i++)
        r->edge->at_host[a->what->gives[i]] = &r->edge->far[a->what->gives[i]];
    oc_breaker_succeeded(&r->s->breakers[a->worker]);
    a->state = ATTEMPT_ANSWERED;
    spans_worker(r, a);
    return a->state;
}

attempt_state attempt_poll(run *r, attempt *a)
{
    if (a->state == ATTEMPT_WAITING)
        (void)see_ready(r, a);
    if (a->state != ATTEMPT_SENT)
        return a->state;
    oc_site_progress now;
    type_of(a)->poll(a->part, &now);
    a->times = now.times;
    if (now.status != OC_OK)
        return fail(r, a, now.status, now.text);
    if (now.is_idle && now.gets_done == a->what->n_gives)
        return succeed(r, a);
    if (oc_now_ns() >= a->answer_by_ns)
        return fail_late(r, a, "no answer", a->begin_ns);
    return a->state;
}

void attempt_drop(run *r, attempt *a)
{
    if (a->state != ATTEMPT_WAITING && a->state != ATTEMPT_SENT)
        return;
    if (a->is_started) {
        type_of(a)->cancel(a->part);
        tell_breaker(r, a, OC_E_DEADLINE);
    }
    a->state = ATTEMPT_NONE;
    spans_worker(r, a);
    r->report.bytes_sent += a->times.bytes_sent;
    r->report.bytes_received += a->times.bytes_received;
}

oc_id attempt_compare(const run *r, const oc_id *values, size_t count)
{
    const oc_graph *g = r->s->graph;
    for (size_t i = 0; i < count; i++) {
        oc_id v = values[i];
        size_t bytes;
        if (oc_desc_bytes(&g->values[v].desc, &bytes) == OC_OK && bytes &&
            memcmp(r->edge->near[v].data, r->edge->far[v].data, bytes) != 0)
            return v;
    }
    return OC_NONE;
}

void attempt_distrust(run *r, uint32_t worker)
{
    oc_breaker_distrust(&r->s->breakers[worker]);
    r->is_excluded[worker] = true;
    r->report.used_worker = false;
    r->report.fell_back = true;
    oc_log(r->s->options.log, OC_LOG_WARN, "%s", r->report.reason);
}
