/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scene: all that depends on the cuts of a net. Made at the session's creation, and again when
 * a cut is adopted that it did not have: the edge's lane with the values of every cut kept, a part
 * for the tail of each cut on each worker, memory at the host.
 */
#include "session.h"

#include <math.h>
#include <stdio.h>

/* ---- what the edge runs ---------------------------------------------------------------------- */

/* The nodes of the last cut, which is all that the edge can run, and of any other. */
static oc_status fill_part(oc_session *s, scene *sc)
{
    const oc_net *net = sc->net;
    OC_TRY(OC_ALLOC(s->alloc, net->n_nodes + 1, sc->edge.part.nodes));
    for (size_t n = 0; n < net->n_nodes; n++)
        if (net->cuts[sc->last].is_head[n])
            sc->edge.part.nodes[sc->edge.part.n_nodes++] = (oc_id)n;
    return OC_OK;
}

static oc_status open_edge(oc_session *s, scene *sc)
{
    const oc_net *net = sc->net;
    oc_id *pinned = NULL;
    bool *is_pinned = NULL;
    size_t n_pinned = 0;
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, net->n_values + 1, pinned));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, net->n_values + 1, is_pinned));
    for (size_t c = 0; c < net->n_cuts; c++)
        for (uint32_t i = 0; i < net->cuts[c].n_values; i++)
            is_pinned[net->cuts[c].values[i]] = true;
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id v = net->outputs[i], producer = net->producer[v];
        is_pinned[v] = producer != OC_NONE && net->cuts[sc->last].is_head[producer];
    }
    for (size_t v = 0; v < net->n_values; v++)
        if (is_pinned[v])
            pinned[n_pinned++] = (oc_id)v;
    OC_TRY(fill_part(s, sc));
    OC_TRY(edge_open(s, &sc->edge, pinned, n_pinned));
    for (size_t i = 0; i < n_pinned; i++)
        OC_TRY(edge_stage(s, sc->edge.near, pinned[i]));
    OC_TRY(edge_stage_ends(s, &sc->edge, true));
    for (size_t i = 0; s->n_workers > 0 && i < net->n_outputs; i++)
        OC_TRY(edge_stage(s, sc->edge.far, net->outputs[i]));
    return OC_OK;
}

/* What the head of a cut has beyond its base, as runs of the part's nodes. */
static oc_status fill_rest(scene *sc, uint32_t cut)
{
    const oc_net_cut *c = &sc->net->cuts[cut], *base = &sc->net->cuts[sc->net->cuts[cut].base];
    const oc_part *part = &sc->edge.part;
    span_of_nodes *rest = NULL;
    size_t count = 0;
    bool is_open = false;
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, part->n_nodes + 1, rest));
    for (size_t i = 0; i < part->n_nodes; i++) {
        bool is_in = c->is_head[part->nodes[i]] && !base->is_head[part->nodes[i]];
        if (is_in && !is_open)
            rest[count++] = (span_of_nodes){.first = i};
        if (is_in)
            rest[count - 1].count++;
        is_open = is_in;
    }
    sc->rest[cut] = rest;
    sc->n_rest[cut] = count;
    return OC_OK;
}

/* Outputs that the head made, which a worker's answer does not bring. */
static oc_status fill_extra(scene *sc, uint32_t cut)
{
    const oc_net *net = sc->net;
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, net->n_outputs + 1, sc->extra[cut]));
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id producer = net->producer[net->outputs[i]];
        if (producer != OC_NONE && net->cuts[cut].is_head[producer])
            sc->extra[cut][sc->n_extra[cut]++] = net->outputs[i];
    }
    return OC_OK;
}

/* ---- what workers run ------------------------------------------------------------------------ */

static oc_status make_tail(oc_session *s, scene *sc, uint32_t cut)
{
    const oc_net_cut *c = &sc->net->cuts[cut];
    oc_id *gives = NULL;
    size_t n_gives = 0;
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, c->n_gives + 1, gives));
    for (uint32_t i = 0; i < c->n_gives; i++) {
        bool is_there = false;
        for (size_t k = 0; k < n_gives; k++)
            is_there = is_there || gives[k] == c->gives[i];
        if (!is_there)
            gives[n_gives++] = c->gives[i];
    }
    return oc_part_between(s->graph, c->values, c->n_values, gives, n_gives, s->alloc,
                           &sc->tails[cut]);
}

static oc_status open_tails(oc_session *s, scene *sc)
{
    const size_t n_cuts = sc->net->n_cuts;
    for (uint32_t c = 0; c < n_cuts; c++) {
        if (sc->net->cuts[c].n_head == sc->net->n_nodes)
            continue;
        OC_TRY(make_tail(s, sc, c));
        for (size_t w = 0; w < s->n_workers; w++)
            OC_TRY(s->workers[w]->type->part_open(s->workers[w], &sc->tails[c], NULL, 0, &s->waker,
                                                  &sc->parts[w * n_cuts + c]));
    }
    return OC_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

void scene_destroy(oc_session *s, scene *sc)
{
    if (!sc)
        return;
    for (size_t i = 0; sc->parts && i < sc->net->n_cuts * s->n_workers; i++)
        if (sc->parts[i])
            sc->parts[i]->site->type->part_close(sc->parts[i]);
    for (size_t c = 0; sc->tails && c < sc->net->n_cuts; c++)
        if (sc->tails[c].alloc)
            oc_part_fini(&sc->tails[c]);
    edge_close(s, &sc->edge);
    oc_planner_destroy(sc->planner);
    oc_costs_destroy(sc->costs);
    oc_policy_destroy(sc->policy);
    if (sc->net != s->adapt->first_net)
        oc_net_destroy(sc->net);
    oc_arena_fini(&sc->arena);
    oc_free(s->alloc, sc);
}

static oc_status fill_tables(oc_session *s, scene *sc)
{
    const size_t n = sc->net->n_cuts;
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n, sc->rest));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n, sc->n_rest));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n, sc->extra));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n, sc->n_extra));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n, sc->tails));
    OC_TRY(OC_ARENA_ALLOC(&sc->arena, n * s->n_workers + 1, sc->parts));
    for (uint32_t c = 0; c < n; c++) {
        OC_TRY(fill_extra(sc, c));
    }
    return OC_OK;
}

static oc_status fill_scene(oc_session *s, scene *sc, const char *policy)
{
    OC_TRY(oc_policy_parse(policy, sc->net, s->alloc, &sc->policy));
    OC_TRY(oc_costs_make(sc->net, s->adapt->rooflines, 1 + s->n_workers, s->alloc, &sc->costs));
    for (size_t i = 0; i <= s->n_workers; i++)
        if (s->adapt->measured[i])
            oc_costs_set(sc->costs, i, s->adapt->measured[i]);
    OC_TRY(oc_planner_create(sc->costs, sc->policy, s->alloc, &sc->planner));
    OC_TRY(fill_tables(s, sc));
    OC_TRY(edge_init(s, &sc->edge));
    OC_TRY(open_edge(s, sc));
    for (uint32_t c = 0; c < sc->net->n_cuts; c++)
        if (sc->net->cuts[c].base != c)
            OC_TRY(fill_rest(sc, c));
    return open_tails(s, sc);
}

/* `net` is the scene's, also where this fails. */
oc_status scene_make(oc_session *s, oc_net *net, scene **made)
{
    scene *sc = NULL;
    const char *policy =
        s->adapt->scene ? oc_policy_text(s->adapt->scene->policy) : s->options.policy;
    oc_status status = OC_ALLOC(s->alloc, 1, sc);
    if (status != OC_OK) {
        if (net != s->adapt->first_net)
            oc_net_destroy(net);
        return status;
    }
    oc_arena_init(&sc->arena, s->alloc);
    sc->net = net;
    sc->last = (uint32_t)net->n_cuts - 1;
    sc->can_finish = net->cuts[sc->last].n_head == net->n_nodes;
    status = fill_scene(s, sc, policy);
    if (status != OC_OK)
        scene_destroy(s, sc);
    else
        *made = sc;
    return status;
}

/* ---- what workers tell ----------------------------------------------------------------------- */

/* The corrections of a site begin anew when its costs do. */
static void renew(oc_session *s, size_t site, const double *node_ns, oc_cost_source source)
{
    adapt *a = s->adapt;
    oc_correct fresh;
    oc_costs_set(a->scene->costs, site, node_ns);
    a->scene->costs->source[site] = source;
    oc_correct_init(&fresh, a->scene->costs);
    a->correct.sites[site] = fresh.sites[site];
}

static bool use_profile(oc_session *s, size_t site, const oc_site_health *health)
{
    adapt *a = s->adapt;
    char why[256];
    if (!a->profile || !health->device[0])
        return false;
    const oc_profile_site *found =
        oc_profile_find(a->profile, "worker", health->device, health->driver, why);
    if (!found) {
        oc_log(s->options.log, OC_LOG_WARN, "profile, worker %s: %s", s->names[site - 1], why);
        return false;
    }
    a->measured[site] = found->node_ns;
    renew(s, site, found->node_ns, OC_COST_PROFILE);
    return true;
}

static bool use_roofline(oc_session *s, size_t site, double flops, double bytes_per_s)
{
    adapt *a = s->adapt;
    oc_roofline told = a->rooflines[site];
    oc_costs *costs = NULL;
    if (!(flops > 0) || !(bytes_per_s > 0))
        return false;
    told.flops = flops;
    told.bytes_per_s = bytes_per_s;
    if (oc_costs_make(a->scene->net, &told, 1, s->alloc, &costs) != OC_OK)
        return false;
    a->rooflines[site] = told;
    renew(s, site, costs->node_ns[0], OC_COST_ROOFLINE);
    oc_costs_destroy(costs);
    return true;
}

/*
 * A worker's profile is looked up when the worker is first seen and when it came back as another
 * device, of which nothing is known.
 */
static bool look_up(oc_session *s, size_t site, const oc_site_health *health)
{
    adapt *a = s->adapt;
    bool is_other =
        a->is_looked_up[site] && health->device[0] && strcmp(a->devices[site], health->device) != 0;
    if (a->is_looked_up[site] && !is_other)
        return false;
    a->is_looked_up[site] = true;
    snprintf(a->devices[site], sizeof(a->devices[site]), "%s", health->device);
    if (is_other) {
        a->is_known[site] = false;
        a->measured[site] = NULL;
        (void)use_roofline(s, site, a->rooflines[0].flops * WORKER_GUESS,
                           a->rooflines[0].bytes_per_s * WORKER_GUESS);
    }
    a->is_known[site] = use_profile(s, site, health);
    return is_other || a->is_known[site];
}

void scene_learn(oc_session *s)
{
    adapt *a = s->adapt;
    bool is_new = false;
    for (size_t site = 1; site <= s->n_workers; site++) {
        oc_site_health health = {.is_settled = false};
        const oc_worker_load *load = &health.worker.load;
        s->workers[site - 1]->type->health(s->workers[site - 1], &health);
        if (!health.worker.is_up || !health.is_settled)
            continue;
        is_new = look_up(s, site, &health) || is_new;
        if (a->is_known[site])
            continue;
        a->is_known[site] = use_roofline(s, site, load->peak_flops, load->peak_bytes_per_s);
        is_new = is_new || a->is_known[site];
    }
    if (is_new && a->log)
        oc_decision_log_scene(a->log, a->scene->costs, oc_policy_text(a->scene->policy), a->names);
}
