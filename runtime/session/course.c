/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The edge runs towards a cut in chunks: one runs, at most one is queued behind it, so that the
 * device never waits for a decision and a decision never comes too late by more than a chunk. What
 * was queued and is not wanted any more is left to finish; if it is wanted after all, nothing was
 * lost.
 */
#include "session.h"

#include <math.h>

/*
 * A shorter chunk is joined with the next: a decision must not cost a small network anything
 * noticeable.
 */
#define CHUNK_NS 200e3

/* ---- where a chunk ends ---------------------------------------------------------------------- */

/*
 * The next cut that is a prefix, far enough behind `from`, and not so close before `to` that the
 * rest would be too short.
 */
static uint32_t next_stop(const oc_session *s, uint32_t from, uint32_t to)
{
    const scene *sc = s->adapt->scene;
    const oc_net *net = sc->net;
    oc_machine_state machine;
    oc_site_state state = {.start_ns = 0};
    decide_machine(s, &machine);
    oc_correct_read(&s->adapt->correct, 0, &machine, NULL, oc_now_ns(), &state);
    double from_ns = oc_costs_head_ns(sc->costs, &state, 0, from);
    double to_ns = oc_costs_head_ns(sc->costs, &state, 0, to);
    if (s->n_workers == 0 || to_ns - from_ns < 2 * CHUNK_NS)
        return to;
    for (uint32_t c = from + 1; c < to; c++) {
        double at_ns = oc_costs_head_ns(sc->costs, &state, 0, c);
        if (net->cuts[c].index == OC_NONE || net->cuts[c].n_head <= net->cuts[from].n_head ||
            net->cuts[c].n_head >= net->cuts[to].n_head)
            continue;
        if (at_ns - from_ns >= CHUNK_NS && to_ns - at_ns >= CHUNK_NS)
            return c;
    }
    return to;
}

/* ---- submitting ------------------------------------------------------------------------------ */

static oc_status begin(run *r)
{
    const oc_graph *g = r->s->graph;
    if (r->edge->is_begun)
        return OC_OK;
    OC_TRY(edge_begin(r));
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->use_begin[g->inputs[i]] < g->use_begin[g->inputs[i] + 1])
            OC_TRY(edge_put(r, g->inputs[i]));
    return OC_OK;
}

static oc_status submit_rest(run *r, uint32_t cut)
{
    const scene *sc = r->s->adapt->scene;
    for (size_t i = 0; i < sc->n_rest[cut]; i++)
        OC_TRY(edge_submit(r, sc->rest[cut][i].first, sc->rest[cut][i].count));
    return OC_OK;
}

static oc_status submit_chunk(run *r, uint32_t to)
{
    const scene *sc = r->s->adapt->scene;
    const oc_net *net = sc->net;
    course *c = &r->course;
    chunk made = {.from = c->given, .to = to, .begin_ns = oc_now_ns()};
    OC_TRY(begin(r));
    if (sc->net->cuts[to].base != to)
        OC_TRY(submit_rest(r, to));
    else
        OC_TRY(edge_submit(r, net->cuts[made.from].index,
                           net->cuts[to].index - net->cuts[made.from].index));
    made.n_submits = r->edge->n_submits;
    c->given = to;
    c->chunks[c->n_chunks++] = made;
    return OC_OK;
}

/*
 * Behind a head that is no prefix the edge goes on from the last prefix inside it (see scene.base).
 */
static void rewind_course(run *r, uint32_t target)
{
    const scene *sc = r->s->adapt->scene;
    course *c = &r->course;
    if (c->given == target || sc->net->cuts[c->given].base == c->given)
        return;
    c->given = c->done = sc->net->cuts[c->given].base;
    c->n_chunks = 0;
}

oc_status course_feed(run *r, uint32_t target)
{
    const scene *sc = r->s->adapt->scene;
    const oc_net *net = sc->net;
    course *c = &r->course;
    uint32_t base = sc->net->cuts[target].base;
    rewind_course(r, target);
    while (c->given != target && c->n_chunks < OC_COUNT(c->chunks)) {
        bool has_left = net->cuts[c->given].n_head < net->cuts[base].n_head;
        /*
         * What is no prefix is not queued ahead: a decision in front of it may still go elsewhere.
         */
        if (!has_left && (base == target || c->n_chunks > 0))
            return OC_OK;
        OC_TRY(submit_chunk(r, has_left ? next_stop(r->s, c->given, base) : target));
    }
    return OC_OK;
}

/* ---- what has finished ----------------------------------------------------------------------- */

static void learn(run *r, const chunk *c, uint64_t begin_ns, uint64_t end_ns)
{
    oc_session *s = r->s;
    const scene *sc = s->adapt->scene;
    const double *from = sc->costs->sum[0] + (size_t)c->from * OC_KINDS_MAX;
    const double *to = sc->costs->sum[0] + (size_t)c->to * OC_KINDS_MAX;
    double base_ns[OC_KINDS_MAX];
    oc_machine_state machine;
    oc_site_state state = {.start_ns = 0};
    decide_machine(s, &machine);
    oc_correct_read(&s->adapt->correct, 0, &machine, NULL, oc_now_ns(), &state);
    spans_chunk(r, c, begin_ns, end_ns,
                oc_costs_head_ns(sc->costs, &state, 0, c->to) -
                    oc_costs_head_ns(sc->costs, &state, 0, c->from));
    if (end_ns <= begin_ns)
        return;
    for (size_t k = 0; k < OC_KINDS_MAX; k++)
        base_ns[k] = fmax(to[k] - from[k], 0);
    oc_correct_saw(&s->adapt->correct, 0, base_ns, (double)(end_ns - begin_ns),
                   sc->net->cuts[c->from].n_head == 0, &machine);
}

/* `joined` is one chunk, or two that finished before anybody looked. */
static void finish_chunk(run *r, const chunk *joined, uint64_t end_ns)
{
    course *c = &r->course;
    bool is_first = c->n_finished == 0;
    c->done = joined->to;
    if (is_first && c->has_asked) {
        c->is_whole = true;
        c->whole = *joined;
    } else {
        learn(r, joined, OC_MAX(joined->begin_ns, c->free_ns), end_ns);
    }
    c->n_finished++;
    c->free_ns = end_ns;
}

oc_status course_poll(run *r)
{
    course *c = &r->course;
    oc_site_progress now;
    size_t n = 0;
    if (!r->edge->is_begun)
        return OC_OK;
    edge_poll(r, &now);
    if (now.status != OC_OK)
        return oc_fail(now.status, "%s", now.text);
    while (n < c->n_chunks && now.submits_done >= c->chunks[n].n_submits)
        n++;
    if (n == 0)
        return OC_OK;
    chunk joined = c->chunks[0];
    joined.to = c->chunks[n - 1].to;
    for (size_t i = n; i < c->n_chunks; i++)
        c->chunks[i - n] = c->chunks[i];
    c->n_chunks -= n;
    finish_chunk(r, &joined, OC_MIN(now.times.end_ns, oc_now_ns()));
    return OC_OK;
}

oc_status course_finish(run *r, bool *is_done)
{
    const oc_graph *g = r->s->graph;
    const scene *sc = r->s->adapt->scene;
    course *c = &r->course;
    *is_done = false;
    OC_TRY(course_poll(r));
    OC_TRY(course_feed(r, sc->last));
    if (c->given != sc->last)
        return OC_OK;
    if (c->n_chunks <= 1 && !c->has_asked) {
        c->has_asked = true;
        OC_TRY(edge_ask(r, g->outputs, g->n_outputs));
    }
    if (c->n_chunks > 0 || !c->has_asked)
        return OC_OK;
    oc_site_progress now = {.gets_done = 0};
    if (r->edge->is_begun) {
        edge_poll(r, &now);
        if (now.status != OC_OK)
            return oc_fail(now.status, "%s", now.text);
    }
    *is_done = now.gets_done == r->edge->n_gets;
    if (*is_done && c->is_whole) {
        c->is_whole = false;
        learn(r, &c->whole, c->whole.begin_ns, oc_now_ns());
    }
    return OC_OK;
}
