/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The planner: every option of a situation judged by the rows of a policy, and one of them chosen.
 */
#include "policy.h"

#include <math.h>
#include <stdio.h>

struct oc_planner {
    const oc_allocator *alloc;
    oc_arena arena;
    const oc_costs *costs;
    const oc_policy *policy;
    oc_mincut *mincut;
    uint32_t *n_leading; /* per cut: where in the fixed order the first node is that it lacks */
    oc_option *options;
    size_t n_options;
    double *edge_ns, *cloud_ns, *up_ns, *down_ns; /* the minimum cut's */
    bool *head, *best_head;
};

static const char *const verdict_texts[] = {
    [OC_CHOSEN] = "chosen",
    [OC_SLOWER] = "slower",
    [OC_WITHIN_ERROR] = "better by less than the model's error",
    [OC_NOT_ALLOWED] = "not allowed",
    [OC_PASSED] = "passed",
    [OC_WORKER_DOWN] = "the worker is down",
    [OC_WORKER_EXCLUDED] = "the worker failed lately",
    [OC_TOO_LATE] = "too late for the deadline",
    [OC_CANNOT_RUN] = "the edge cannot or must not run it",
};

const char *oc_verdict_text(oc_verdict verdict)
{
    return (size_t)verdict < OC_COUNT(verdict_texts) ? verdict_texts[verdict] : "unknown";
}

/*
 * ---- creating
 * -------------------------------------------------------------------------------------
 */

static oc_status fill_planner(oc_planner *p)
{
    const oc_net *net = p->costs->net;
    size_t most;
    OC_TRY(oc_mul_size(net->n_cuts, OC_SITES_MAX, &most));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, most, p->options));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_cuts, p->n_leading));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_nodes + 1, p->edge_ns));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_nodes + 1, p->cloud_ns));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_values + 1, p->up_ns));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_outputs + 1, p->down_ns));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_nodes + 1, p->head));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, net->n_nodes + 1, p->best_head));
    for (size_t c = 0; c < net->n_cuts; c++)
        while (p->n_leading[c] < net->n_nodes && net->cuts[c].is_head[p->n_leading[c]])
            p->n_leading[c]++;
    return oc_mincut_create(net, p->alloc, &p->mincut);
}

oc_status oc_planner_create(const oc_costs *costs, const oc_policy *policy,
                            const oc_allocator *alloc, oc_planner **planner)
{
    oc_planner *made = NULL;
    if (policy->net != costs->net)
        return oc_fail(OC_E_ARG,
                       "planner: policy %s was read for another net than the costs are of",
                       policy->text);
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, made));
    *made = (oc_planner){.alloc = alloc, .costs = costs, .policy = policy};
    oc_arena_init(&made->arena, alloc);
    oc_status status = fill_planner(made);
    if (status != OC_OK)
        oc_planner_destroy(made);
    else
        *planner = made;
    return status;
}

void oc_planner_destroy(oc_planner *planner)
{
    if (!planner)
        return;
    oc_mincut_destroy(planner->mincut);
    oc_arena_fini(&planner->arena);
    oc_free(planner->alloc, planner);
}

/*
 * ---- options
 * ----------------------------------------------------------------------------------------
 */

/* Whether the run can still come to that cut: all that the edge was given lies in its head. */
static bool is_open(const oc_planner *p, const oc_situation *s, uint32_t cut)
{
    const oc_net_cut *cuts = p->costs->net->cuts, *at = &cuts[s->at_cut];
    if (cut == s->at_cut)
        return true;
    if (at->index != OC_NONE)
        return p->n_leading[cut] >= OC_MAX(at->index, s->n_submitted);
    for (size_t n = 0; n < p->costs->net->n_nodes; n++)
        if (at->is_head[n] && !cuts[cut].is_head[n])
            return false;
    return true;
}

/* The run's deadline: its own, or what the policy sets, if that is less. */
static double deadline_of(const oc_planner *p, const oc_situation *s)
{
    return fmin(s->deadline_ns, oc_policy_deadline_ns(p->policy));
}

/* A worker's answer has to come while the edge could still run the tail by itself. */
static bool is_in_time(const oc_planner *p, const oc_situation *s, uint32_t site, double total_ns,
                       double tail_ns)
{
    double fallback_ns = site > 0 && s->can_finish ? tail_ns : 0;
    return total_ns + fallback_ns <= deadline_of(p, s);
}

/* The first row that does not let the option be taken; NULL: all do. */
static const oc_policy_row *find_objection(const oc_planner *p, const oc_situation *s,
                                           const oc_option *o)
{
    for (size_t i = 0; i < p->policy->n_rows; i++) {
        const oc_policy_row *row = &p->policy->rows[i];
        if (row->type->allows && !row->type->allows(&row->arg, p->costs->net, s, o))
            return row;
    }
    return NULL;
}

static oc_verdict judge(const oc_planner *p, const oc_situation *s, oc_option *o)
{
    if (!is_open(p, s, o->cut))
        return OC_PASSED;
    /* An edge whose device is gone can only forward what is at the host. */
    if ((o->site == 0 && !s->can_finish) || (o->cut != s->at_cut && !s->sites[0].is_up))
        return OC_CANNOT_RUN;
    if (o->site > 0 && s->sites[o->site].is_excluded)
        return OC_WORKER_EXCLUDED;
    if (o->site > 0 && !s->sites[o->site].is_up)
        return OC_WORKER_DOWN;
    const oc_policy_row *objection = find_objection(p, s, o);
    if (objection) {
        o->by = objection->type->name;
        return OC_NOT_ALLOWED;
    }
    /* Behind a head that is no prefix the edge would go on from its base. */
    uint32_t base = p->costs->net->cuts[o->cut].base;
    double tail_ns = oc_costs_tail_ns(p->costs, &s->sites[0], 0, base);
    return is_in_time(p, s, o->site, o->predicted.total_ns, tail_ns) ? OC_SLOWER : OC_TOO_LATE;
}

static void add_option(oc_planner *p, const oc_situation *s, uint32_t cut, uint32_t site)
{
    const oc_policy_row *objective = p->policy->objective;
    oc_option *o = &p->options[p->n_options++];
    *o = (oc_option){.cut = cut, .site = site};
    oc_predict(p->costs, s, cut, site, &o->predicted);
    o->score = objective->type->score(&objective->arg, p->costs->net, s, o);
    o->verdict = judge(p, s, o);
}

static void list_options(oc_planner *p, const oc_situation *s)
{
    const oc_net *net = p->costs->net;
    uint32_t n_cuts = (uint32_t)net->n_cuts,
             n_sites = (uint32_t)OC_MIN((size_t)s->n_sites, p->costs->n_sites);
    p->n_options = 0;
    for (uint32_t cut = 0; cut < n_cuts; cut++)
        for (uint32_t site = 1; site < n_sites && net->cuts[cut].n_head < net->n_nodes; site++)
            add_option(p, s, cut, site);
    if (net->cuts[n_cuts - 1].n_head == net->n_nodes)
        add_option(p, s, n_cuts - 1, 0);
}

/*
 * ---- choosing
 * ----------------------------------------------------------------------------------------
 */

/* Options stand by cut, then site: of equal ones the first stays. */
static bool is_better(const oc_option *a, const oc_option *b)
{
    if (!b || a->score != b->score)
        return !b || a->score < b->score;
    return a->predicted.total_ns < b->predicted.total_ns;
}

static oc_option *find_best(const oc_planner *p)
{
    oc_option *best = NULL;
    for (size_t i = 0; i < p->n_options; i++)
        if (p->options[i].verdict == OC_SLOWER && is_better(&p->options[i], best))
            best = &p->options[i];
    return best;
}

static oc_option *find_quickest(const oc_planner *p, oc_verdict verdict)
{
    oc_option *best = NULL;
    for (size_t i = 0; i < p->n_options; i++) {
        oc_option *o = &p->options[i];
        if (o->verdict == verdict && (!best || o->predicted.total_ns < best->predicted.total_ns))
            best = o;
    }
    return best;
}

static bool may_cross(const oc_planner *p, oc_id value)
{
    for (size_t i = 0; i < p->policy->n_rows; i++) {
        const oc_policy_row *row = &p->policy->rows[i];
        if (row->type->may_cross && !row->type->may_cross(&row->arg, p->costs->net, value))
            return false;
    }
    return true;
}

static bool may_all_cross(const oc_planner *p, uint32_t cut)
{
    const oc_net_cut *c = &p->costs->net->cuts[cut];
    for (uint32_t i = 0; i < c->n_values; i++)
        if (!may_cross(p, c->values[i]))
            return false;
    return true;
}

/*
 * Nothing is as it should be: late rather than against the policy, and against it only here or
 * where nothing crosses that must not.
 */
static oc_option *find_forced(const oc_planner *p)
{
    oc_option *best = find_quickest(p, OC_TOO_LATE);
    if (best)
        return best;
    for (size_t i = 0; i < p->n_options; i++) {
        oc_option *o = &p->options[i];
        if (o->verdict != OC_NOT_ALLOWED)
            continue;
        if (o->site == 0)
            return o;
        if (may_all_cross(p, o->cut) && (!best || o->predicted.total_ns < best->predicted.total_ns))
            best = o;
    }
    return best;
}

/* How much better, of the total of the choice in force, another one must be. */
static double margin_of(const oc_situation *s)
{
    return OC_MIN(OC_MAX(s->total_error, 0.02), 0.25);
}

/*
 * The score that another option must beat to take the place of the one in force. The objective is
 * asked again with the margin off its total: where a class of options comes behind another, such as
 * what is late for `deadline`, the one in force is in the better class while the margin makes up
 * for it, or the choice would flap at the edge between the two.
 */
static double score_to_beat(const oc_planner *p, const oc_situation *s, const oc_option *now)
{
    const oc_policy_row *objective = p->policy->objective;
    double margin_ns = margin_of(s) * now->predicted.total_ns;
    oc_option eased = *now;
    eased.predicted.total_ns -= margin_ns;
    double score = objective->type->score(&objective->arg, p->costs->net, s, &eased);
    return OC_MIN(now->score - margin_ns, score);
}

/*
 * The choice in force stays unless the best one is clearly better. Those that are better than what
 * stays get to know why they were not taken.
 */
static oc_option *keep_in_force(const oc_planner *p, const oc_situation *s, oc_option *best)
{
    oc_option *now = NULL;
    for (size_t i = 0; i < p->n_options; i++) {
        oc_option *o = &p->options[i];
        if (o->verdict == OC_SLOWER && o->cut == s->now_cut && o->site == s->now_site)
            now = o;
    }
    if (!now || now == best || best->score < score_to_beat(p, s, now))
        return best;
    for (size_t i = 0; i < p->n_options; i++)
        if (p->options[i].verdict == OC_SLOWER && is_better(&p->options[i], now))
            p->options[i].verdict = OC_WITHIN_ERROR;
    return now;
}

/*
 * ---- the least possible
 * ---------------------------------------------------------------------------------
 */

static bool is_usable(const oc_situation *s, uint32_t site)
{
    return s->sites[site].is_up && !s->sites[site].is_excluded;
}

/* What does not change with the worker. The edge can run what the last cut's head holds. */
static void fill_edge(oc_planner *p, const oc_situation *s)
{
    const oc_net *net = p->costs->net;
    const bool *can_run = net->cuts[net->n_cuts - 1].is_head;
    for (size_t n = 0; n < net->n_nodes; n++)
        p->edge_ns[n] =
            can_run[n] ? s->sites[0].factor[net->kind[n]] * p->costs->node_ns[0][n] : INFINITY;
}

static double solve(oc_planner *p, const oc_situation *s, uint32_t site)
{
    const oc_net *net = p->costs->net;
    const oc_site_state *w = &s->sites[site];
    double up = w->link.up_ns_per_byte + w->encode_ns_per_byte;
    double down = w->link.down_ns_per_byte + w->decode_ns_per_byte;
    for (size_t n = 0; n < net->n_nodes; n++)
        p->cloud_ns[n] = w->factor[net->kind[n]] * p->costs->node_ns[site][n];
    for (size_t v = 0; v < net->n_values; v++)
        p->up_ns[v] = may_cross(p, (oc_id)v) ? up * (double)net->bytes[v] : INFINITY;
    for (size_t i = 0; i < net->n_outputs; i++)
        p->down_ns[i] = down * (double)net->bytes[net->outputs[i]];
    return oc_mincut_solve(p->mincut, p->edge_ns, p->cloud_ns, p->up_ns, p->down_ns, p->head);
}

static size_t count_head(const oc_planner *p)
{
    size_t count = 0;
    for (size_t n = 0; n < p->costs->net->n_nodes; n++)
        count += p->head[n];
    return count;
}

/* Keep the planner's head as the best one. */
static void keep_head(oc_planner *p, double total_ns, uint32_t site, double *best_ns,
                      uint32_t *best_site)
{
    if (!(total_ns < *best_ns))
        return;
    bool *head = p->best_head;
    p->best_head = p->head;
    p->head = head;
    *best_ns = total_ns;
    *best_site = site;
}

/*
 * The least total of all heads and workers, and its head. What the worker and the edge cost once,
 * however many nodes they have, is compared afterwards; mincut.c says why the empty head and all
 * nodes are the only others to look at. They are cuts of every net, so they are among the options
 * already.
 */
static double find_least(oc_planner *p, const oc_situation *s, uint32_t *best_site)
{
    const oc_net *net = p->costs->net;
    double best_ns = INFINITY;
    *best_site = OC_NONE;
    if (!s->can_finish && net->cuts[net->n_cuts - 1].n_head == net->n_nodes)
        return INFINITY; /* which nodes the edge cannot run is not known */
    fill_edge(p, s);
    for (uint32_t site = 1; site < s->n_sites && site < p->costs->n_sites; site++) {
        const oc_site_state *w = &s->sites[site];
        if (!is_usable(s, site))
            continue;
        double total_ns = solve(p, s, site);
        size_t n_head = isinf(total_ns) ? 0 : count_head(p);
        if (n_head > 0 && n_head < net->n_nodes)
            keep_head(p,
                      total_ns + s->sites[0].start_ns + w->start_ns + w->queue_ns +
                          w->link.up_latency_ns + w->link.down_latency_ns,
                      site, &best_ns, best_site);
    }
    for (size_t i = 0; i < p->n_options; i++) {
        const oc_option *o = &p->options[i];
        bool is_end = net->cuts[o->cut].n_head == 0 || net->cuts[o->cut].n_head == net->n_nodes;
        bool is_possible = o->site == 0 ? s->can_finish : is_usable(s, o->site);
        if (is_end && is_possible && may_all_cross(p, o->cut) && o->predicted.total_ns < best_ns) {
            best_ns = o->predicted.total_ns;
            *best_site = OC_NONE;
        }
    }
    return best_ns;
}

/*
 * Whether the minimum cut is the policy's answer: it wants the least total, and whatever else it
 * wants the minimum cut held.
 */
static bool is_exact(const oc_planner *p)
{
    for (size_t i = 0; i < p->policy->n_rows; i++)
        if (p->policy->rows[i].type->allows && !p->policy->rows[i].type->may_cross)
            return false;
    return p->policy->objective->type->is_total;
}

/* What the edge would run for the tail of the best head: all behind the prefix that it goes on from. */
static double best_tail_ns(const oc_planner *p)
{
    const oc_net *net = p->costs->net;
    double tail_ns = 0;
    for (size_t n = net->cuts[oc_net_find_base(net, p->best_head)].n_head; n < net->n_nodes; n++)
        tail_ns += p->edge_ns[n];
    return tail_ns;
}

/*
 * A cut that the net lacks is worth making where it beats the choice as any option would have to.
 */
static bool is_worth(const oc_planner *p, const oc_situation *s, const oc_decision *d,
                     double least_ns, uint32_t site)
{
    double margin = s->now_cut == OC_NONE ? 1e-6 : margin_of(s);
    return least_ns < d->predicted.total_ns * (1 - margin) &&
           is_in_time(p, s, site, least_ns, best_tail_ns(p)) &&
           oc_net_find_cut(p->costs->net, p->best_head) == OC_NONE;
}

static void bound(oc_planner *p, const oc_situation *s, oc_decision *d)
{
    uint32_t site;
    double least_ns = find_least(p, s, &site);
    if (isinf(least_ns))
        return;
    /* Sums of the same times in another order differ in their last bits. */
    double above = d->predicted.total_ns - least_ns;
    d->bound_ns = OC_MIN(least_ns, d->predicted.total_ns);
    d->gap = above <= 1e-9 * least_ns ? 0 : above / least_ns;
    if (site != OC_NONE && is_exact(p) && is_worth(p, s, d, least_ns, site)) {
        d->new_head = p->best_head;
        d->new_site = site;
    }
}

/*
 * ---- the decision
 * --------------------------------------------------------------------------------------
 */

static const oc_option *find_second(const oc_planner *p, const oc_option *chosen)
{
    const oc_option *best = NULL;
    for (size_t i = 0; i < p->n_options; i++) {
        const oc_option *o = &p->options[i];
        if (o != chosen && (o->verdict == OC_SLOWER || o->verdict == OC_WITHIN_ERROR) &&
            is_better(o, best))
            best = o;
    }
    return best;
}

static void explain(const oc_planner *p, const oc_option *chosen, oc_verdict was, oc_decision *d)
{
    const oc_net_cut *cuts = p->costs->net->cuts;
    const oc_option *second = find_second(p, chosen);
    const char *name = second ? cuts[second->cut].name : "";
    double ms = chosen->predicted.total_ns / 1e6;
    if (was == OC_TOO_LATE)
        snprintf(d->why, sizeof(d->why),
                 "nothing leaves time to fall back before the deadline: the quickest, %.3f ms", ms);
    else if (was == OC_NOT_ALLOWED)
        snprintf(d->why, sizeof(d->why),
                 "nothing that the policy allows is possible (%s): what can still be done, %.3f ms",
                 chosen->by, ms);
    else if (second && second->verdict == OC_WITHIN_ERROR)
        snprintf(d->why, sizeof(d->why),
                 "stays: %.*s at %.3f ms is not better than %.3f ms by more than the error",
                 oc_text_fit(name, 60), name, second->predicted.total_ns / 1e6, ms);
    else if (second)
        snprintf(d->why, sizeof(d->why), "best by %s: %.3f ms; next %.*s at %.3f ms",
                 p->policy->objective->type->name, ms, oc_text_fit(name, 60), name,
                 second->predicted.total_ns / 1e6);
    else
        snprintf(d->why, sizeof(d->why), "the only one that is allowed and possible: %.3f ms", ms);
}

/* Nothing can be done: what stood against the last worker says the most. */
static void explain_nothing(const oc_planner *p, const oc_situation *s, oc_decision *d)
{
    const oc_option *o = NULL;
    for (size_t i = 0; i < p->n_options; i++)
        if (!o || p->options[i].verdict != OC_PASSED)
            o = &p->options[i];
    const char *text = o ? oc_verdict_text(o->verdict) : "there is no worker";
    const char *detail = o && o->by ? o->by : o && o->site > 0 ? s->sites[o->site].why : "";
    snprintf(d->why, sizeof(d->why), "nothing can be done: the edge cannot finish; %s%s%.*s", text,
             *detail ? ": " : "", oc_text_fit(detail, 80), detail);
}

void oc_planner_decide(oc_planner *planner, const oc_situation *situation, oc_decision *decision)
{
    oc_decision d = {.cut = situation->at_cut, .bound_ns = NAN, .gap = NAN};
    list_options(planner, situation);
    d.options = planner->options;
    d.n_options = planner->n_options;
    oc_option *chosen = find_best(planner);
    if (chosen)
        chosen = keep_in_force(planner, situation, chosen);
    else
        chosen = find_forced(planner);
    if (!chosen) {
        explain_nothing(planner, situation, &d);
        *decision = d;
        return;
    }
    oc_verdict was = chosen->verdict;
    d.cut = chosen->cut;
    d.site = chosen->site;
    d.is_possible = true;
    d.is_forced = was != OC_SLOWER;
    d.is_now = chosen->site > 0 && chosen->cut == situation->at_cut;
    d.predicted = chosen->predicted;
    chosen->verdict = OC_CHOSEN;
    explain(planner, chosen, was, &d);
    chosen->by = NULL;
    if (situation->at_cut == 0 && situation->n_submitted == 0)
        bound(planner, situation, &d);
    *decision = d;
}
