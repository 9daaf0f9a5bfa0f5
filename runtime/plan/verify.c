/* SPDX-License-Identifier: Apache-2.0 */
/** Is a plan right, and what does it cost in bytes? Both are exact: nothing here is an estimate. */
#include "oc_plan.h"

#include "oc_exec.h"

/* ---- is it right? ------------------------------------------------------------------------------ */

/* What is known while the steps are gone through in turn. */
typedef struct walk {
    oc_plan *plan;
    bool *is_there;    /* [site][value]: the value is on the site now */
    bool *has_run;     /* per node */
} walk;

static bool *there(const walk *w, uint32_t site, oc_id value)
{
    return &w->is_there[(size_t)site * w->plan->graph->n_values + value];
}

static oc_status check_there(const walk *w, size_t index, uint32_t site, const oc_id *ids, size_t n)
{
    const oc_plan *p = w->plan;
    for (size_t i = 0; i < n; i++)
        if (!*there(w, site, ids[i]))
            return oc_fail(OC_E_ARG, "plan step %zu: value \"%s\" is not on site %s then", index,
                           p->graph->values[ids[i]].name, p->sites[site].name);
    return OC_OK;
}

static oc_status walk_run(walk *w, size_t index)
{
    oc_plan *p = w->plan;
    oc_step *step = &p->steps[index];
    OC_TRY(check_there(w, index, step->site, step->takes, step->n_takes));
    oc_status status = oc_part_between(p->graph, step->takes, step->n_takes, step->gives,
                                       step->n_gives, p->alloc, &step->part);
    if (status != OC_OK)
        return oc_fail_in(status, "plan step %zu", index);
    if (step->part.n_nodes == 0)
        return oc_fail(OC_E_ARG, "plan step %zu: it runs no node", index);
    for (size_t i = 0; i < step->part.n_nodes; i++) {
        oc_id node = step->part.nodes[i];
        if (w->has_run[node])
            return oc_fail(OC_E_ARG, "plan step %zu: node \"%s\" has run in an earlier step", index,
                           p->graph->nodes[node].name);
        w->has_run[node] = true;
    }
    for (size_t i = 0; i < step->n_gives; i++)
        *there(w, step->site, step->gives[i]) = true;
    return OC_OK;
}

static oc_status walk_move(walk *w, size_t index)
{
    const oc_step *step = &w->plan->steps[index];
    OC_TRY(check_there(w, index, step->site, step->takes, step->n_takes));
    for (size_t i = 0; i < step->n_takes; i++)
        *there(w, step->to, step->takes[i]) = true;
    return OC_OK;
}

static oc_status find_edge(const oc_plan *p, uint32_t *edge)
{
    size_t n_edges = 0, n_workers = 0;
    for (uint32_t i = 0; i < p->n_sites; i++) {
        if (p->sites[i].role == OC_SITE_EDGE) {
            *edge = i;
            n_edges++;
        } else {
            n_workers++;
        }
    }
    if (n_edges != 1 || n_workers > 1)
        return oc_fail(OC_E_ARG, "plan %s: one edge and at most one worker, found %zu and %zu",
                       p->name, n_edges, n_workers);
    return OC_OK;
}

static oc_status walk_steps(walk *w, uint32_t edge)
{
    const oc_plan *p = w->plan;
    const oc_graph *g = p->graph;
    for (size_t i = 0; i < g->n_inputs; i++)
        *there(w, edge, g->inputs[i]) = true;
    for (size_t i = 0; i < p->n_steps; i++)
        OC_TRY(p->steps[i].kind == OC_STEP_RUN ? walk_run(w, i) : walk_move(w, i));
    for (size_t n = 0; n < g->n_nodes; n++)
        if (!w->has_run[n])
            return oc_fail(OC_E_ARG, "plan %s: node \"%s\" never runs", p->name, g->nodes[n].name);
    for (size_t i = 0; i < g->n_outputs; i++)
        if (!g->values[g->outputs[i]].constant && !*there(w, edge, g->outputs[i]))
            return oc_fail(OC_E_ARG, "plan %s: output \"%s\" does not end on the edge", p->name,
                           g->values[g->outputs[i]].name);
    return OC_OK;
}

/* ---- the edge's share ---------------------------------------------------------------------------- */

static bool runs_on_edge(const oc_plan *p, const oc_step *step)
{
    return step->kind == OC_STEP_RUN &&
           (p->sites[step->site].role == OC_SITE_EDGE || p->has_fallback);
}

static bool is_consumed(const oc_graph *g, oc_id value)
{
    return g->use_begin[value + 1] > g->use_begin[value];
}

static void list_pinned(const oc_plan *p, bool *is_pinned, oc_id *pinned, size_t *n_pinned)
{
    const oc_graph *g = p->graph;
    for (size_t i = 0; i < p->n_steps; i++)
        for (size_t k = 0; p->steps[i].kind == OC_STEP_MOVE && k < p->steps[i].n_takes; k++)
            is_pinned[p->steps[i].takes[k]] = true;
    for (size_t i = 0; i < g->n_outputs; i++)
        is_pinned[g->outputs[i]] = true;
    *n_pinned = 0;
    for (oc_id v = 0; v < g->n_values; v++)
        if (is_pinned[v] && (g->values[v].producer != OC_NONE || is_consumed(g, v)))
            pinned[(*n_pinned)++] = v;
}

static oc_status fill_edge_part(const oc_plan *p, oc_part *part, oc_id *pinned, size_t *n_pinned,
                                size_t *first)
{
    const oc_graph *g = p->graph;
    bool *is_pinned = NULL;
    OC_TRY(OC_ALLOC(part->alloc, g->n_nodes + 1, part->nodes));
    OC_TRY(OC_ALLOC(part->alloc, g->n_inputs + 1, part->takes));
    OC_TRY(OC_ALLOC(part->alloc, g->n_outputs + 1, part->gives));
    for (size_t i = 0; i < p->n_steps; i++) {
        const oc_step *step = &p->steps[i];
        first[i] = runs_on_edge(p, step) ? part->n_nodes : SIZE_MAX;
        for (size_t n = 0; first[i] != SIZE_MAX && n < step->part.n_nodes; n++)
            part->nodes[part->n_nodes++] = step->part.nodes[n];
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        if (is_consumed(g, g->inputs[i]))
            part->takes[part->n_takes++] = g->inputs[i];
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->values[g->outputs[i]].producer != OC_NONE)
            part->gives[part->n_gives++] = g->outputs[i];
    OC_TRY(OC_ALLOC(part->alloc, g->n_values + 1, is_pinned));
    list_pinned(p, is_pinned, pinned, n_pinned);
    oc_free(part->alloc, is_pinned);
    return OC_OK;
}

oc_status oc_plan_edge_part(const oc_plan *plan, oc_part *part, oc_id *pinned, size_t *n_pinned,
                            size_t *first)
{
    oc_part made = {.alloc = plan->alloc};
    oc_status status = fill_edge_part(plan, &made, pinned, n_pinned, first);
    if (status != OC_OK)
        oc_part_fini(&made);
    else
        *part = made;
    return status;
}

/* ---- what it costs -------------------------------------------------------------------------------- */

static oc_status name_list(oc_plan *p, const oc_id *ids, size_t count, const char *const **names)
{
    const char **list = NULL;
    OC_TRY(OC_ARENA_ALLOC(&p->arena, count + 1, list));
    for (size_t i = 0; i < count; i++)
        list[i] = p->graph->values[ids[i]].name;
    *names = list;
    return OC_OK;
}

static oc_status node_macs(const oc_graph *g, const oc_node *node, uint64_t *macs)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_cost cost = {0};
    oc_op_call call = oc_node_call(g, node, in, out, is_const);
    OC_TRY(node->op->cost(&call, &cost));
    *macs += cost.macs;
    return OC_OK;
}

static oc_status describe_step(oc_plan *p, size_t index)
{
    const oc_step *step = &p->steps[index];
    const oc_graph *g = p->graph;
    oc_plan_step_info *info = &p->step_infos[index];
    *info = (oc_plan_step_info){.kind = step->kind, .site = p->sites[step->site].name,
                                .n_takes = step->n_takes, .n_gives = step->n_gives,
                                .n_nodes = step->part.n_nodes};
    OC_TRY(name_list(p, step->takes, step->n_takes, &info->takes));
    OC_TRY(name_list(p, step->gives, step->n_gives, &info->gives));
    if (step->kind == OC_STEP_MOVE) {
        info->to = p->sites[step->to].name;
        for (size_t i = 0; i < step->n_takes; i++) {
            size_t bytes;
            OC_TRY(oc_desc_bytes(&g->values[step->takes[i]].desc, &bytes));
            info->move_bytes += bytes;
        }
        return OC_OK;
    }
    for (size_t i = 0; i < step->part.n_nodes; i++)
        OC_TRY(node_macs(g, &g->nodes[step->part.nodes[i]], &info->macs));
    if (step->part.n_nodes > 0) {
        info->first_node = g->nodes[step->part.nodes[0]].name;
        info->last_node = g->nodes[step->part.nodes[step->part.n_nodes - 1]].name;
    }
    return OC_OK;
}

/* Constants that the nodes use, each once (`is_seen` has n_values flags). */
static oc_status add_weights(const oc_graph *g, const oc_part *part, bool *is_seen, uint64_t *bytes)
{
    for (size_t n = 0; n < part->n_nodes; n++) {
        const oc_node *node = &g->nodes[part->nodes[n]];
        for (uint32_t i = 0; i < node->n_in; i++) {
            size_t size;
            if (node->in[i] == OC_NONE || !g->values[node->in[i]].constant || is_seen[node->in[i]])
                continue;
            is_seen[node->in[i]] = true;
            OC_TRY(oc_desc_bytes(&g->values[node->in[i]].desc, &size));
            *bytes += size;
        }
    }
    return OC_OK;
}

static oc_status add_memory(const oc_plan *p, const oc_part *part, const oc_id *pinned,
                            size_t n_pinned, bool *is_seen, oc_plan_site_info *info)
{
    oc_arena_plan arena;
    OC_TRY(add_weights(p->graph, part, is_seen, &info->weight_bytes));
    OC_TRY(oc_arena_plan_make(p->graph, part->nodes, part->n_nodes, pinned, n_pinned,
                              OC_ARENA_ALIGN, p->alloc, &arena));
    info->arena_bytes += arena.bytes;
    info->arena_lower_bound += arena.lower_bound;
    oc_arena_plan_fini(&arena);
    return OC_OK;
}

static oc_status describe_edge(oc_plan *p, bool *is_seen, oc_plan_site_info *info)
{
    oc_part part;
    oc_id *pinned = NULL;
    size_t *first = NULL, n_pinned;
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->graph->n_values + 1, pinned));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->n_steps + 1, first));
    OC_TRY(oc_plan_edge_part(p, &part, pinned, &n_pinned, first));
    oc_status status = add_memory(p, &part, pinned, n_pinned, is_seen, info);
    oc_part_fini(&part);
    return status;
}

static oc_status describe_site(oc_plan *p, uint32_t site)
{
    oc_plan_site_info *info = &p->site_infos[site];
    bool *is_seen = NULL;
    *info = (oc_plan_site_info){.name = p->sites[site].name, .role = p->sites[site].role};
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->graph->n_values + 1, is_seen));
    for (size_t i = 0; i < p->n_steps; i++) {
        const oc_step *step = &p->steps[i];
        if (step->kind != OC_STEP_RUN || step->site != site)
            continue;
        info->n_nodes += step->part.n_nodes;
        info->macs += p->step_infos[i].macs;
        if (info->role == OC_SITE_WORKER)
            OC_TRY(add_memory(p, &step->part, step->gives, step->n_gives, is_seen, info));
    }
    return info->role == OC_SITE_EDGE ? describe_edge(p, is_seen, info) : OC_OK;
}

static oc_status describe(oc_plan *p)
{
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->n_steps + 1, p->step_infos));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->n_sites + 1, p->site_infos));
    for (size_t i = 0; i < p->n_steps; i++)
        OC_TRY(describe_step(p, i));
    for (uint32_t i = 0; i < p->n_sites; i++)
        OC_TRY(describe_site(p, i));
    return OC_OK;
}

oc_status oc_plan_verify(oc_plan *plan)
{
    walk w = {.plan = plan};
    uint32_t edge = 0;
    OC_TRY(find_edge(plan, &edge));
    OC_TRY(OC_ARENA_ALLOC(&plan->arena, plan->graph->n_nodes + 1, w.has_run));
    OC_TRY(oc_arena_alloc(&plan->arena, plan->n_sites, plan->graph->n_values + 1, &w.is_there));
    OC_TRY(walk_steps(&w, edge));
    return describe(plan);
}
