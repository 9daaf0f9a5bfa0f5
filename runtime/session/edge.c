/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The edge's side of a run: what was asked of its lane, which values are in its arena and which at
 * the host.
 */
#include "session.h"

/* ---- life ------------------------------------------------------------------------------------ */

oc_status edge_init(oc_session *s, edge *e)
{
    *e = (edge){.part.alloc = s->alloc};
    oc_arena_init(&e->arena, s->alloc);
    OC_TRY(OC_ARENA_ALLOC(&e->arena, s->graph->n_values + 1, e->near));
    OC_TRY(OC_ARENA_ALLOC(&e->arena, s->graph->n_values + 1, e->far));
    OC_TRY(OC_ARENA_ALLOC(&e->arena, s->graph->n_values + 1, e->on_edge));
    return OC_ARENA_ALLOC(&e->arena, s->graph->n_values + 1, e->at_host);
}

oc_status edge_open(oc_session *s, edge *e, const oc_id *pinned, size_t n_pinned)
{
    return s->local->type->part_open(s->local, &e->part, pinned, n_pinned, &s->waker,
                                     &e->site_part);
}

void edge_close(oc_session *s, edge *e)
{
    if (e->site_part)
        s->local->type->part_close(e->site_part);
    /*
     * A lost device may still write to host memory that it was given (docs/adr/0007): that is left
     * to it.
     */
    bool is_lost = atomic_load(&oc_exec_dev(s->exec)->is_lost);
    for (size_t v = 0; !is_lost && e->at_host && v < s->graph->n_values; v++) {
        oc_tensor_free(&e->near[v], s->alloc);
        oc_tensor_free(&e->far[v], s->alloc);
    }
    if (e->part.alloc)
        oc_part_fini(&e->part);
    oc_arena_fini(&e->arena);
    *e = (edge){.site_part = NULL};
}

oc_status edge_stage(oc_session *s, oc_tensor *memory, oc_id value)
{
    if (memory[value].data)
        return OC_OK;
    return oc_tensor_alloc(&s->graph->values[value].desc, s->alloc, &memory[value]);
}

oc_status edge_stage_ends(oc_session *s, edge *e, bool is_all)
{
    const oc_graph *g = s->graph;
    for (size_t i = 0; is_all && i < g->n_inputs; i++)
        OC_TRY(edge_stage(s, e->near, g->inputs[i]));
    for (size_t i = 0; i < g->n_outputs; i++) {
        oc_id v = g->outputs[i];
        size_t bytes;
        if (is_all || g->values[v].constant)
            OC_TRY(edge_stage(s, e->near, v));
        if (!g->values[v].constant)
            continue;
        OC_TRY(oc_desc_bytes(&g->values[v].desc, &bytes));
        OC_TRY(oc_graph_const_read(g, v, e->near[v].data, bytes));
    }
    return OC_OK;
}

/* ---- a run ----------------------------------------------------------------------------------- */

void edge_reset(run *r)
{
    const oc_graph *g = r->s->graph;
    edge *e = r->edge;
    memset(e->on_edge, 0, g->n_values * sizeof(*e->on_edge));
    memset(e->at_host, 0, g->n_values * sizeof(*e->at_host));
    e->n_submits = e->n_gets = e->n_wanted = 0;
    e->is_begun = false;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->values[g->outputs[i]].constant)
            e->at_host[g->outputs[i]] = &e->near[g->outputs[i]];
    for (size_t i = 0; i < g->n_inputs; i++)
        e->at_host[g->inputs[i]] = &r->inputs[i];
}

void edge_poll(run *r, oc_site_progress *now)
{
    r->s->local->type->poll(r->edge->site_part, now);
}

bool edge_is_free(run *r)
{
    oc_site_progress now;
    if (r->edge->is_begun)
        return true;
    edge_poll(r, &now);
    return now.is_idle;
}

bool edge_is_up(const run *r)
{
    return !r->is_edge_gone && !atomic_load(&oc_exec_dev(r->s->exec)->is_lost);
}

void edge_settle(run *r)
{
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&r->s->waker);
        edge_poll(r, &now);
        if (now.is_idle)
            return;
        oc_waker_wait(&r->s->waker, seen, oc_now_ns() + 1000000000u);
    }
}

/*
 * Where the run is staged the device gets copies, made when it has no more use for those of the
 * last run.
 */
static void copy_inputs(run *r)
{
    const oc_graph *g = r->s->graph;
    for (size_t i = 0; r->is_staged && i < g->n_inputs; i++) {
        oc_tensor *copy = &r->edge->near[g->inputs[i]];
        size_t bytes;
        if (oc_desc_bytes(&copy->desc, &bytes) == OC_OK && bytes)
            memcpy(copy->data, r->inputs[i].data, bytes);
    }
}

oc_status edge_begin(run *r)
{
    /* What the last run did not wait for may still be under way. */
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&r->s->waker);
        edge_poll(r, &now);
        if (now.is_idle)
            break;
        if (run_is_late(r))
            return run_fail_late(r, "the device was still busy with an earlier run");
        run_wait(r, seen, OC_NEVER_NS);
    }
    OC_TRY(r->s->local->type->start(r->edge->site_part, &r->site_run));
    copy_inputs(r);
    r->edge->is_begun = true;
    return OC_OK;
}

oc_status edge_put(run *r, oc_id value)
{
    edge *e = r->edge;
    const oc_graph *g = r->s->graph;
    const oc_tensor *from = e->at_host[value];
    for (size_t i = 0; r->is_staged && i < g->n_inputs; i++)
        if (g->inputs[i] == value)
            from = &e->near[value];
    if (!e->on_edge[value])
        OC_TRY(r->s->local->type->put(e->site_part, value, from));
    e->on_edge[value] = true;
    return OC_OK;
}

oc_status edge_submit(run *r, size_t first, size_t count)
{
    OC_TRY(r->s->local->type->submit(r->edge->site_part, first, count));
    r->edge->n_submits++;
    return OC_OK;
}

oc_status edge_ask(run *r, const oc_id *values, size_t count)
{
    edge *e = r->edge;
    for (size_t i = 0; i < count; i++) {
        oc_id v = values[i];
        if (e->at_host[v])
            continue;
        OC_TRY(r->s->local->type->get(e->site_part, v, &e->near[v]));
        e->n_wanted = ++e->n_gets;
        e->at_host[v] = &e->near[v];
    }
    return OC_OK;
}

oc_status edge_wait_gets(run *r)
{
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&r->s->waker);
        if (!r->edge->is_begun)
            return OC_OK;
        edge_poll(r, &now);
        /* What is there counts, whatever became of the device since. */
        if (now.gets_done >= r->edge->n_wanted)
            return OC_OK;
        if (now.status != OC_OK)
            return oc_fail(now.status, "%s", now.text);
        if (run_is_late(r))
            return run_fail_late(r, "the device was still running");
        run_wait(r, seen, OC_NEVER_NS);
    }
}
