/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The plan walker. It goes through the steps in turn and moves only what is needed when it is
 * needed. The edge's part covers the worker's nodes too (where the plan has a fallback) and keeps
 * every value that moves, so that a step whose workers fail is simply submitted here instead:
 * nothing runs twice.
 */
#include "session.h"

#include <stdio.h>

/* ---- programs -------------------------------------------------------------------------------- */

static bool is_on_worker(const oc_plan *plan, const oc_step *step)
{
    return plan->sites[step->site].role == OC_SITE_WORKER;
}

void program_fini(oc_session *s, program *p)
{
    if (!p->plan)
        return;
    for (size_t i = 0; p->workers && i < p->plan->n_steps * s->n_workers; i++)
        if (p->workers[i])
            p->workers[i]->site->type->part_close(p->workers[i]);
    edge_close(s, &p->edge);
    *p = (program){0};
}

/*
 * What moves from the edge, what a worker takes and gives; and what the edge gives in a worker's
 * place when that is audited.
 */
static oc_status stage_step(oc_session *s, program *p, const oc_step *step)
{
    bool is_audited = step->kind == OC_STEP_RUN && s->options.audit > 0 && p->has_fallback;
    if (step->kind == OC_STEP_RUN && !is_on_worker(p->plan, step))
        return OC_OK;
    for (size_t k = 0; k < step->n_takes; k++)
        OC_TRY(edge_stage(s, p->edge.near, step->takes[k]));
    for (size_t k = 0; k < step->n_gives; k++) {
        if (step->kind == OC_STEP_RUN)
            OC_TRY(edge_stage(s, p->edge.far, step->gives[k]));
        if (is_audited)
            OC_TRY(edge_stage(s, p->edge.near, step->gives[k]));
    }
    return OC_OK;
}

static oc_status open_step(oc_session *s, program *p, size_t index)
{
    const oc_step *step = &p->plan->steps[index];
    OC_TRY(stage_step(s, p, step));
    if (step->kind != OC_STEP_RUN || !is_on_worker(p->plan, step))
        return OC_OK;
    for (size_t w = 0; w < s->n_workers; w++)
        OC_TRY(s->workers[w]->type->part_open(s->workers[w], &step->part, NULL, 0, &s->waker,
                                              &p->workers[index * s->n_workers + w]));
    return OC_OK;
}

static oc_status fill_program(oc_session *s, program *p)
{
    oc_id *pinned = NULL;
    size_t n_pinned;
    oc_plan plan = *p->plan;
    plan.has_fallback = p->has_fallback;
    OC_TRY(edge_init(s, &p->edge));
    OC_TRY(OC_ARENA_ALLOC(&p->edge.arena, plan.n_steps + 1, p->first));
    OC_TRY(OC_ARENA_ALLOC(&p->edge.arena, plan.n_steps * s->n_workers + 1, p->workers));
    OC_TRY(OC_ARENA_ALLOC(&p->edge.arena, s->graph->n_values + 1, pinned));
    OC_TRY(oc_plan_edge_part(&plan, &p->edge.part, pinned, &n_pinned, p->first));
    OC_TRY(edge_open(s, &p->edge, pinned, n_pinned));
    OC_TRY(edge_stage_ends(s, &p->edge, s->options.deadline_ms > 0));
    for (size_t i = 0; i < plan.n_steps; i++)
        OC_TRY(open_step(s, p, i));
    return OC_OK;
}

oc_status program_make(oc_session *s, const oc_plan *plan, program *p)
{
    *p = (program){.plan = plan, .has_fallback = plan->has_fallback && s->is_whole};
    oc_status status = fill_program(s, p);
    if (status != OC_OK)
        program_fini(s, p);
    return status;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The edge is begun by the first step that it runs: a plan all on workers needs none. */
static oc_status submit_step(run *r, size_t index)
{
    const program *p = &r->s->program;
    const oc_step *step = &p->plan->steps[index];
    const oc_part *part = &p->edge.part;
    if (!r->edge->is_begun)
        OC_TRY(edge_begin(r));
    if (r->pending.begin_ns == 0 && step->part.n_nodes > 0)
        r->pending = (pending_nodes){.first = part->nodes[p->first[index]],
                                     .begin_ns = oc_now_ns()};
    for (size_t i = 0; i < step->n_takes; i++)
        OC_TRY(edge_put(r, step->takes[i]));
    OC_TRY(edge_submit(r, p->first[index], step->part.n_nodes));
    if (step->part.n_nodes > 0)
        r->pending.last = part->nodes[p->first[index] + step->part.n_nodes - 1];
    return OC_OK;
}

static oc_status run_on_edge(run *r, size_t index)
{
    const oc_step *step = &r->s->program.plan->steps[index];
    OC_TRY(submit_step(r, index));
    for (size_t i = 0; i < step->n_gives; i++)
        r->edge->on_edge[step->gives[i]] = true;
    r->report.edge_nodes += step->part.n_nodes;
    return OC_OK;
}

static oc_status wait_for_edge(run *r)
{
    OC_TRY(edge_wait_gets(r));
    spans_pending(r);
    return OC_OK;
}

static bool may_fall_back(const run *r)
{
    return r->s->program.has_fallback && !r->s->options.is_worker_required;
}

/* When half of what is left of the run's time is over. */
static uint64_t half_time(const run *r)
{
    uint64_t now_ns = oc_now_ns();
    if (r->deadline_ns == OC_NEVER_NS)
        return OC_NEVER_NS;
    return now_ns + (r->deadline_ns > now_ns ? (r->deadline_ns - now_ns) / 2 : 0);
}

static attempt_state try_worker(run *r, size_t index, uint32_t worker, uint64_t by_ns)
{
    const program *p = &r->s->program;
    attempt a;
    attempt_begin(r, &a, worker, p->workers[index * r->s->n_workers + worker],
                  &p->plan->steps[index].part, by_ns, NULL);
    for (;;) {
        uint64_t seen = oc_waker_events(&r->s->waker);
        attempt_state state = attempt_poll(r, &a);
        if (state == ATTEMPT_ANSWERED || state == ATTEMPT_FAILED)
            return state;
        uint64_t until_ns = a.answer_by_ns;
        if (state == ATTEMPT_WAITING && oc_now_ns() < r->s->connect_until_ns)
            until_ns = OC_MIN(until_ns, r->s->connect_until_ns);
        run_wait(r, seen, until_ns);
    }
}

/* A worker that is not asked; one that has failed in this run has given its reason. */
static void pass_over(run *r, uint32_t w, const char *why)
{
    if (r->is_excluded[w])
        return;
    run_set_reason(r, "worker %s: %s", r->s->names[w], why);
    r->worker_status = OC_E_LOST;
}

/* Else the reason says why not: a worker's pause may be over when its step comes. */
static bool is_any_worker_left(run *r)
{
    char why[96];
    for (uint32_t w = 0; w < r->s->n_workers; w++) {
        if (attempt_is_allowed(r, w, why))
            return true;
        pass_over(r, w, why);
    }
    return false;
}

/* Whether all came by then: half of what is left, the steps behind need some too. */
static bool compute_again(run *r, size_t index)
{
    const oc_step *step = &r->s->program.plan->steps[index];
    const uint64_t until_ns = half_time(r);
    oc_site_progress now;
    if (!edge_is_free(r) || submit_step(r, index) != OC_OK)
        return false;
    for (size_t i = 0; i < step->n_gives; i++)
        r->edge->at_host[step->gives[i]] = NULL;
    if (edge_ask(r, step->gives, step->n_gives) != OC_OK)
        return false;
    for (;;) {
        uint64_t seen = oc_waker_events(&r->s->waker);
        edge_poll(r, &now);
        if (now.gets_done >= r->edge->n_wanted)
            return true;
        if (now.status != OC_OK || oc_now_ns() >= until_ns)
            return false;
        run_wait(r, seen, until_ns);
    }
}

/*
 * Compute the step here too, from the same values; where the bits differ the worker is not asked
 * again. An audit that does not come to an end takes nothing from the answer that is there.
 */
static void audit_step(run *r, size_t index)
{
    const oc_step *step = &r->s->program.plan->steps[index];
    edge *e = r->edge;
    const size_t n_wanted = e->n_wanted;
    if (!compute_again(r, index)) {
        e->n_wanted = n_wanted;
        r->pending.begin_ns = 0;
        for (size_t i = 0; i < step->n_gives; i++)
            e->at_host[step->gives[i]] = &e->far[step->gives[i]];
        return;
    }
    spans_pending(r);
    r->report.is_audited = true;
    for (size_t i = 0; i < step->n_gives; i++)
        e->on_edge[step->gives[i]] = true;
    oc_id wrong = attempt_compare(r, step->gives, step->n_gives);
    if (wrong == OC_NONE)
        return;
    run_set_reason(r, "worker %s: its answer is not what was computed here (value %s)",
                   r->s->names[r->report.worker], r->s->graph->values[wrong].name);
    attempt_distrust(r, r->report.worker);
    r->report.edge_nodes += step->part.n_nodes;
}

/*
 * Whether the host has all that a worker's step takes. It may lie on the edge alone: where nobody
 * might be asked when it moved, or where an earlier step of a worker was run here. The reason is
 * there then.
 */
static bool has_values(const run *r, const oc_step *step)
{
    for (size_t i = 0; i < step->n_takes; i++)
        if (!r->edge->at_host[step->takes[i]])
            return false;
    return true;
}

/*
 * Whether one answered. Else the reason says why the last one did not. A plan foretells no times,
 * so a fallback gets half of what is left of a deadline, however many workers are tried; without a
 * fallback the workers have all of it.
 */
static bool try_workers(run *r, size_t index)
{
    oc_session *s = r->s;
    const uint64_t by_ns = may_fall_back(r) ? half_time(r) : r->deadline_ns;
    char why[96];
    if (!has_values(r, &s->program.plan->steps[index]))
        return false;
    for (uint32_t w = 0; w < s->n_workers; w++) {
        if (oc_now_ns() >= by_ns)
            return false;
        if (!attempt_is_allowed(r, w, why)) {
            pass_over(r, w, why);
            continue;
        }
        if (try_worker(r, index, w, by_ns) == ATTEMPT_ANSWERED)
            return true;
        oc_log(s->options.log, OC_LOG_WARN, "%s", r->report.reason);
        r->report.fell_back = true;
    }
    return false;
}

static oc_status run_on_worker(run *r, size_t index)
{
    bool is_answered = try_workers(r, index);
    while (!is_answered && !may_fall_back(r)) {
        if (!attempt_wait_chance(r))
            return run_is_late(r) ? run_fail_late(r, "no worker had answered")
                                  : oc_fail(r->worker_status, "%s", r->report.reason);
        is_answered = try_workers(r, index);
    }
    if (is_answered) {
        if (r->s->program.has_fallback && run_is_audited(r))
            audit_step(r, index);
        return OC_OK;
    }
    r->report.fell_back = true;
    oc_log(r->s->options.log, OC_LOG_WARN, "%s; its part runs here", r->report.reason);
    run_tell(r, "fallback");
    return run_on_edge(r, index);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static oc_status run_steps(run *r)
{
    const oc_plan *plan = r->s->program.plan;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const oc_step *step = &plan->steps[i];
        if (step->kind == OC_STEP_RUN) {
            OC_TRY(is_on_worker(plan, step) ? run_on_worker(r, i) : run_on_edge(r, i));
        } else if (!is_on_worker(plan, step) && (is_any_worker_left(r) || !may_fall_back(r))) {
            OC_TRY(edge_ask(r, step->takes, step->n_takes));
            OC_TRY(wait_for_edge(r));
        }
        /*
         * What moves from a worker is at the host already; the edge gets it when a step takes it.
         */
    }
    return OC_OK;
}

/* Straight into the caller's memory, unless the run may end before the device does. */
static oc_status fetch_outputs(run *r)
{
    const oc_graph *g = r->s->graph;
    if (r->is_staged)
        OC_TRY(edge_ask(r, g->outputs, g->n_outputs));
    for (size_t i = 0; !r->is_staged && i < g->n_outputs; i++) {
        oc_id v = g->outputs[i];
        if (r->edge->at_host[v])
            continue;
        OC_TRY(r->s->local->type->get(r->edge->site_part, v, &r->outputs[i]));
        r->edge->n_wanted = ++r->edge->n_gets;
    }
    OC_TRY(wait_for_edge(r));
    run_deliver(r);
    return OC_OK;
}

oc_status walk_run(run *r)
{
    oc_session *s = r->s;
    OC_TRY(run_steps(r));
    OC_TRY(fetch_outputs(r));
    if (r->report.used_worker)
        snprintf(r->report.choice, sizeof(r->report.choice), "%s to %s", s->program.plan->name,
                 s->names[r->report.worker]);
    else
        snprintf(r->report.choice, sizeof(r->report.choice), "all-local");
    return OC_OK;
}
