/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Deciding: the situation as it is now, the planner's answer, what is kept of it for people and for
 * the log.
 */
#include "session.h"

#include <math.h>
#include <stdio.h>

/*
 * A cut that the scene does not have is worth a new lane if it saves more than this, and more than
 * the model's error.
 */
#define ADOPT_GAP 0.02
#define SLACK_MIN_NS 5e5
#define SLACK_MAX_NS 50e6

/* ---- the situation --------------------------------------------------------------------------- */

static void fill_worker(run *r, uint32_t worker, oc_site_state *state)
{
    oc_session *s = r->s;
    const oc_site *site = s->workers[worker];
    oc_site_health health = {0};
    char why[96];
    site->type->health(s->workers[worker], &health);
    oc_correct_read(&s->adapt->correct, worker + 1, NULL,
                    health.worker.load.at_ns ? &health.worker.load : NULL, oc_now_ns(), state);
    state->is_up = health.worker.is_up;
    state->is_excluded = !attempt_is_allowed(r, worker, why);
    state->link = health.worker.link;
    if (!state->is_up)
        snprintf(state->why, sizeof(state->why), "%.*s",
                 oc_text_fit(health.worker.text, sizeof(state->why) - 1), health.worker.text);
    else if (state->is_excluded)
        snprintf(state->why, sizeof(state->why), "%s", why);
}

static void fill_machine(const oc_machine_state *machine, oc_situation *situation)
{
    situation->memory_available = machine->memory_available;
    situation->temperature = machine->temperature;
    situation->throttled = machine->throttled;
    situation->power = machine->power;
    situation->battery = machine->battery;
    situation->frequency = machine->frequency;
    situation->cpu_others = machine->cpu_others;
}

void decide_machine(const oc_session *s, oc_machine_state *machine)
{
    oc_telemetry_state(s->telemetry, machine);
    if (!machine->is_stale)
        return;
    *machine = (oc_machine_state){.cpu_others = NAN,
                                  .frequency = NAN,
                                  .memory_available = NAN,
                                  .temperature = NAN,
                                  .throttled = NAN,
                                  .power = NAN,
                                  .battery = NAN,
                                  .at_ns = machine->at_ns,
                                  .is_stale = true};
}

void decide_situation(run *r, uint32_t at, oc_situation *situation)
{
    oc_session *s = r->s;
    adapt *a = s->adapt;
    const oc_net *net = a->scene->net;
    const oc_net_cut *given = &net->cuts[r->course.given];
    oc_machine_state machine;
    uint64_t now_ns = oc_now_ns();
    memset(situation, 0, sizeof(*situation)); /* it is logged and compared as a whole */
    decide_machine(s, &machine);
    fill_machine(&machine, situation);
    situation->run = r->site_run.id;
    situation->at_ns = now_ns - s->made_ns;
    situation->at_cut = at;
    situation->n_submitted = OC_MAX(net->cuts[at].n_head, given->n_head);
    if (net->cuts[at].index == OC_NONE)
        situation->n_submitted = net->cuts[at].n_head;
    situation->now_cut = a->now_cut;
    situation->now_site = a->now_site;
    situation->total_error = oc_errors_median(&a->correct.total);
    if (isnan(situation->total_error))
        situation->total_error = 0;
    situation->deadline_ns = INFINITY;
    if (r->deadline_ns != OC_NEVER_NS)
        situation->deadline_ns = r->deadline_ns > now_ns ? (double)(r->deadline_ns - now_ns) : 0;
    situation->can_finish = decide_can_finish(r) && !s->options.is_worker_required;
    situation->n_sites = (uint32_t)s->n_workers + 1;
    oc_correct_read(&a->correct, 0, &machine, NULL, now_ns, &situation->sites[0]);
    situation->sites[0].is_up = edge_is_up(r);
    if (!situation->sites[0].is_up)
        snprintf(situation->sites[0].why, sizeof(situation->sites[0].why), "its device %s",
                 r->is_edge_gone ? "failed in this run" : "is lost, open it again");
    for (uint32_t w = 0; w < s->n_workers; w++)
        fill_worker(r, w, &situation->sites[w + 1]);
}

bool decide_can_finish(const run *r)
{
    return r->s->adapt->scene->can_finish && edge_is_up(r);
}

bool decide_can_forward(run *r)
{
    oc_situation situation;
    oc_decision decision;
    bool can = false;
    decide_situation(r, 0, &situation);
    for (uint32_t site = 1; site < situation.n_sites; site++) {
        situation.sites[site].is_up = true;
        situation.sites[site].is_excluded = false;
    }
    oc_planner_decide(r->s->adapt->scene->planner, &situation, &decision);
    for (size_t i = 0; i < decision.n_options; i++)
        can =
            can || (decision.options[i].site > 0 && decision.options[i].verdict != OC_NOT_ALLOWED &&
                    decision.options[i].verdict != OC_CANNOT_RUN);
    return can;
}

/* A tenth, within bounds. */
double decide_slack_ns(const run *r)
{
    double given_ns = r->deadline_ns == OC_NEVER_NS ? 0 : (double)(r->deadline_ns - r->begin_ns);
    return fmin(fmax(given_ns / 10, SLACK_MIN_NS), SLACK_MAX_NS);
}

double decide_here_ns(run *r, const oc_situation *situation)
{
    const scene *sc = r->s->adapt->scene;
    const oc_site_state *here = &situation->sites[0];
    double ns = oc_costs_tail_ns(sc->costs, here, 0, sc->net->cuts[r->course.given].base);
    double error = fmin(fmax(here->error, situation->total_error), 1);
    if (!r->edge->is_begun)
        ns += here->start_ns;
    return ns * (1 + fmax(error, 0.25)) + decide_slack_ns(r);
}

/* ---- deciding -------------------------------------------------------------------------------- */

static void keep_options(adapt *a, const oc_situation *situation, const oc_decision *decision)
{
    a->first = *situation;
    a->n_options = OC_MIN(decision->n_options, a->options_room);
    if (a->n_options)
        memcpy(a->options, decision->options, a->n_options * sizeof(*a->options));
}

static void keep_decision(run *r, uint32_t at, const oc_decision *decision, uint64_t at_ns)
{
    adapt *a = r->s->adapt;
    if (a->n_decisions == DECISIONS_KEPT)
        return;
    kept_decision *k = &a->decisions[a->n_decisions++];
    *k = (kept_decision){.at = at,
                         .cut = decision->cut,
                         .site = decision->site,
                         .at_ns = at_ns - r->begin_ns,
                         .gap = decision->gap};
    k->predicted_ns = decision->predicted.total_ns + (double)k->at_ns;
    snprintf(k->why, sizeof(k->why), "%s", decision->why);
}

static void account(run *r, uint64_t spent_ns)
{
    r->report.decide_ns += spent_ns;
    r->report.decide_max_ns = OC_MAX(r->report.decide_max_ns, spent_ns);
    r->report.n_decisions++;
}

/* Whether nothing can be done, for the same reason as when it was last asked. */
static bool is_told(run *r, const oc_decision *decision)
{
    bool is_same = !decision->is_possible && strcmp(r->impossible, decision->why) == 0;
    snprintf(r->impossible, sizeof(r->impossible), "%s",
             decision->is_possible ? "" : decision->why);
    return is_same;
}

void decide(run *r, uint32_t at, oc_decision *decision)
{
    adapt *a = r->s->adapt;
    oc_situation situation;
    uint64_t begin_ns = oc_now_ns();
    decide_situation(r, at, &situation);
    oc_planner_decide(a->scene->planner, &situation, decision);
    uint64_t end_ns = oc_now_ns();
    account(r, end_ns - begin_ns);
    if (is_told(r, decision))
        return;
    if (a->log)
        oc_decision_log_put(a->log, &situation, decision);
    if (r->report.n_decisions == 1) {
        r->report.predicted_ns = (uint64_t)fmin(fmax(decision->predicted.total_ns, 0), 1e18);
        keep_options(a, &situation, decision);
    }
    keep_decision(r, at, decision, begin_ns);
    spans_decision(r, at, decision, begin_ns, end_ns);
    a->now_cut = decision->is_possible ? decision->cut : OC_NONE;
    a->now_site = decision->is_possible ? decision->site : OC_NONE;
}

/* ---- cuts that the scene does not have ------------------------------------------------------- */

static bool is_worth_adopting(run *r, const oc_decision *decision)
{
    const adapt *a = r->s->adapt;
    double error = oc_errors_median(&a->correct.total);
    if (!decision->new_head || a->n_adopted == ADOPTED_MAX || !(decision->gap > ADOPT_GAP) ||
        (error > 0 && decision->gap <= error) || !edge_is_up(r) || !edge_is_free(r))
        return false;
    /* Another scene takes as long as the longest one did, and some have more cuts. */
    uint64_t here_ns = (uint64_t)fmin(decide_here_ns(r, &a->first), 1e18);
    return r->deadline_ns == OC_NEVER_NS ||
           oc_now_ns() + 2 * a->scene_ns + here_ns < r->deadline_ns;
}

/*
 * This one allocates: the net with the new cut, and all that depends on it. Where it fails the
 * scene stays as it is.
 */
static oc_status adopt(run *r, const oc_decision *decision)
{
    oc_session *s = r->s;
    adapt *a = s->adapt;
    oc_net *net = NULL;
    scene *made = NULL;
    uint32_t cut, site = decision->new_site;
    OC_TRY(oc_net_with_cut(a->scene->net, s->graph, decision->new_head, &net, &cut));
    OC_TRY(scene_make(s, net, &made));
    scene_destroy(s, a->scene);
    a->scene = made;
    a->n_adopted++;
    a->now_cut = cut;
    a->now_site = site;
    if (a->log)
        oc_decision_log_scene(a->log, made->costs, oc_policy_text(made->policy), a->names);
    return OC_OK;
}

void decide_first(run *r, oc_decision *decision)
{
    adapt *a = r->s->adapt;
    a->n_decisions = a->n_options = 0;
    decide(r, 0, decision);
    if (!is_worth_adopting(r, decision))
        return;
    uint64_t begin_ns = oc_now_ns();
    if (adopt(r, decision) != OC_OK) {
        oc_log(r->s->options.log, OC_LOG_WARN, "a better cut could not be prepared: %s",
               oc_error_text());
        a->n_adopted = ADOPTED_MAX;
        return;
    }
    const uint64_t spent_ns = oc_now_ns() - begin_ns;
    a->scene_ns = OC_MAX(a->scene_ns, spent_ns);
    r->report.decide_ns += spent_ns;
    r->edge = &a->scene->edge;
    edge_reset(r);
    a->n_decisions = 0;
    r->report.n_decisions = 0; /* so that this one counts as the first */
    decide(r, 0, decision);
    r->report.n_decisions++;
}
