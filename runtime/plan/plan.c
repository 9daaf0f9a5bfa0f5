/* SPDX-License-Identifier: Apache-2.0 */
/** Making plans: all-local, and one cut. */
#include "oc_plan.h"

#include "build.h"

#include <stdio.h>

/* ---- building -------------------------------------------------------------------------------- */

oc_status oc_plan_begin(const oc_graph *graph, const char *name, const oc_allocator *alloc,
                        oc_plan **plan)
{
    oc_plan *p = NULL;
    char *copy = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, p));
    p->alloc = alloc;
    p->graph = graph;
    p->has_fallback = true;
    oc_arena_init(&p->arena, alloc);
    oc_status status = oc_arena_strdup(&p->arena, name, strlen(name), &copy);
    if (status == OC_OK)
        oc_text_one_line(copy); /* it may come from a file, and goes to terminals */
    p->name = copy;
    if (status != OC_OK) {
        oc_plan_destroy(p);
        return status;
    }
    *plan = p;
    return OC_OK;
}

oc_status oc_plan_reserve(oc_plan *plan, size_t n_sites, size_t n_steps)
{
    OC_TRY(OC_ARENA_ALLOC(&plan->arena, n_sites + 1, plan->sites));
    return OC_ARENA_ALLOC(&plan->arena, n_steps + 1, plan->steps);
}

oc_status oc_plan_copy_ids(oc_plan *plan, const oc_id *ids, size_t count, oc_id **copy)
{
    OC_TRY(OC_ARENA_ALLOC(&plan->arena, count + 1, *copy));
    if (count)
        memcpy(*copy, ids, count * sizeof(*ids));
    return OC_OK;
}

void oc_plan_destroy(oc_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->n_steps; i++)
        oc_part_fini(&plan->steps[i].part);
    oc_arena_fini(&plan->arena);
    oc_free(plan->alloc, plan);
}

/* ---- the values that a set of nodes takes and gives ------------------------------------------- */

static bool is_used_by(const oc_graph *g, oc_id value, const bool *side, bool which)
{
    for (uint32_t u = g->use_begin[value]; u < g->use_begin[value + 1]; u++)
        if (side[g->uses[u]] == which)
            return true;
    return false;
}

/*
 * For the nodes with side[node] == which: the values that they need from outside, and those that
 * others (or the graph's outputs) need of them. Ascending, so that a plan is the same every time.
 */
static oc_status boundary(oc_plan *plan, const bool *side, bool which, oc_step *step)
{
    const oc_graph *g = plan->graph;
    OC_TRY(OC_ARENA_ALLOC(&plan->arena, g->n_values + 1, step->takes));
    OC_TRY(OC_ARENA_ALLOC(&plan->arena, g->n_values + 1, step->gives));
    for (oc_id v = 0; v < g->n_values; v++) {
        if (g->values[v].constant)
            continue;
        oc_id producer = g->values[v].producer;
        bool is_made = producer != OC_NONE && side[producer] == which;
        if (!is_made && is_used_by(g, v, side, which))
            step->takes[step->n_takes++] = v;
        if (is_made && (oc_graph_is_output(g, v) || is_used_by(g, v, side, !which)))
            step->gives[step->n_gives++] = v;
    }
    return OC_OK;
}

static oc_status add_run(oc_plan *plan, uint32_t site, const bool *side, bool which)
{
    oc_step step = {.kind = OC_STEP_RUN, .site = site, .to = site};
    OC_TRY(boundary(plan, side, which, &step));
    if (step.n_gives > 0)
        plan->steps[plan->n_steps++] = step;
    return OC_OK;
}

static oc_status add_move(oc_plan *plan, uint32_t from, uint32_t to, const oc_id *ids, size_t count)
{
    oc_step step = {.kind = OC_STEP_MOVE, .site = from, .to = to, .n_takes = count, .n_gives = count};
    OC_TRY(oc_plan_copy_ids(plan, ids, count, &step.takes));
    step.gives = step.takes;
    plan->steps[plan->n_steps++] = step;
    return OC_OK;
}

static oc_status finish(oc_plan *made, oc_status status, oc_plan **plan)
{
    if (status == OC_OK)
        status = oc_plan_verify(made);
    if (status != OC_OK)
        oc_plan_destroy(made);
    else
        *plan = made;
    return status;
}

/* ---- the two kinds of plan --------------------------------------------------------------------- */

static oc_status fill_local(oc_plan *p)
{
    bool *everything = NULL;
    OC_TRY(oc_plan_reserve(p, 1, 1));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->graph->n_nodes + 1, everything));
    memset(everything, true, p->graph->n_nodes);
    p->sites[p->n_sites++] = (oc_plan_site){.name = "edge", .role = OC_SITE_EDGE};
    return add_run(p, 0, everything, true);
}

oc_status oc_plan_make_local(const oc_graph *graph, const oc_allocator *alloc, oc_plan **plan)
{
    oc_plan *p = NULL;
    OC_TRY(oc_plan_begin(graph, "all-local", alloc, &p));
    return finish(p, fill_local(p), plan);
}

static oc_status fill_cut(oc_plan *p, const oc_cut *cut)
{
    OC_TRY(oc_plan_reserve(p, 2, 4));
    p->sites[p->n_sites++] = (oc_plan_site){.name = "edge", .role = OC_SITE_EDGE};
    p->sites[p->n_sites++] = (oc_plan_site){.name = "cloud", .role = OC_SITE_WORKER};
    OC_TRY(add_run(p, 0, cut->is_head, true));
    OC_TRY(add_move(p, 0, 1, cut->values, cut->n_values));
    OC_TRY(add_run(p, 1, cut->is_head, false));
    const oc_step *tail = &p->steps[p->n_steps - 1];
    return add_move(p, 1, 0, tail->gives, tail->n_gives);
}

/* "forward after cut 7 (conv2)": the name says where, by the values that move. */
static void name_cut(const oc_graph *g, const oc_cut *cut, char *text, size_t size)
{
    int put = cut->index == OC_NONE ? snprintf(text, size, "forward after a cut (")
                                    : snprintf(text, size, "forward after cut %u (", cut->index);
    for (size_t i = 0; i < cut->n_values && put > 0 && (size_t)put + 3 < size; i++) {
        const char *name = g->values[cut->values[i]].name;
        put += snprintf(text + put, size - (size_t)put, i ? ", %.*s" : "%.*s",
                        oc_text_fit(name, size - (size_t)put - 3), name);
    }
    if (put > 0 && (size_t)put < size)
        snprintf(text + put, size - (size_t)put, ")");
}

oc_status oc_plan_make_cut(const oc_graph *graph, const oc_cut *cut, const oc_allocator *alloc,
                           oc_plan **plan)
{
    oc_plan *p = NULL;
    char name[200];
    if (cut->n_head == graph->n_nodes)
        return oc_plan_make_local(graph, alloc, plan);
    name_cut(graph, cut, name, sizeof(name));
    OC_TRY(oc_plan_begin(graph, name, alloc, &p));
    return finish(p, fill_cut(p, cut), plan);
}

/* ---- reading ------------------------------------------------------------------------------------ */

const char *oc_plan_name(const oc_plan *plan)
{
    return plan->name;
}

size_t oc_plan_step_count(const oc_plan *plan)
{
    return plan->n_steps;
}

const oc_plan_step_info *oc_plan_step(const oc_plan *plan, size_t index)
{
    return index < plan->n_steps ? &plan->step_infos[index] : NULL;
}

size_t oc_plan_site_count(const oc_plan *plan)
{
    return plan->n_sites;
}

const oc_plan_site_info *oc_plan_site_get(const oc_plan *plan, size_t index)
{
    return index < plan->n_sites ? &plan->site_infos[index] : NULL;
}

bool oc_plan_has_fallback(const oc_plan *plan)
{
    return plan->has_fallback;
}

bool oc_plan_needs_worker(const oc_plan *plan)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == OC_STEP_RUN &&
            plan->sites[plan->steps[i].site].role == OC_SITE_WORKER)
            return true;
    return false;
}
