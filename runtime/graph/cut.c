/* SPDX-License-Identifier: Apache-2.0 */
/** Cuts (what separates a head from a tail) and parts (the nodes between two sets of values). */
#include "oc_graph.h"

#include <stdlib.h>

static bool has_producer(const oc_graph *g, oc_id value)
{
    return value != OC_NONE && g->values[value].producer != OC_NONE;
}

/* ---- searching backwards -------------------------------------------------------------------- */

/*
 * Mark the nodes that `wanted` need, stopping at values for which `stop` is set. A graph input that
 * is reached and not stopped at is written to *leak (else OC_NONE).
 */
typedef struct search {
    const oc_graph *g;
    const bool *stop;   /* per value */
    bool *is_marked;    /* per node */
    bool *is_reached;   /* per value: reached, stopped at or not */
    oc_id *stack;       /* n_nodes */
    oc_id leak;
} search;

static void reach_value(search *s, oc_id value, size_t *depth)
{
    if (value == OC_NONE || s->g->values[value].constant || s->is_reached[value])
        return;
    s->is_reached[value] = true;
    if (s->stop[value])
        return;
    oc_id producer = s->g->values[value].producer;
    if (producer == OC_NONE)
        s->leak = s->leak == OC_NONE ? value : s->leak;
    else if (!s->is_marked[producer]) {
        s->is_marked[producer] = true;
        s->stack[(*depth)++] = producer;
    }
}

static void search_back(search *s, const oc_id *wanted, size_t n_wanted)
{
    size_t depth = 0;
    for (size_t i = 0; i < n_wanted; i++)
        reach_value(s, wanted[i], &depth);
    while (depth > 0) {
        const oc_node *node = &s->g->nodes[s->stack[--depth]];
        for (uint32_t i = 0; i < node->n_in; i++)
            reach_value(s, node->in[i], &depth);
    }
}

static oc_status search_init(search *s, const oc_graph *g, const bool *stop, oc_arena *scratch)
{
    *s = (search){.g = g, .stop = stop, .leak = OC_NONE};
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_nodes + 1, s->is_marked));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, s->is_reached));
    return OC_ARENA_ALLOC(scratch, g->n_nodes + 1, s->stack);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

void oc_cut_fini(oc_cut *cut)
{
    oc_free(cut->alloc, cut->values);
    oc_free(cut->alloc, cut->is_head);
    *cut = (oc_cut){0};
}

static bool crosses(const oc_graph *g, const bool *is_head, oc_id value)
{
    const oc_value *v = &g->values[value];
    if (v->constant || (v->producer != OC_NONE && !is_head[v->producer]))
        return false;
    for (uint32_t u = g->use_begin[value]; u < g->use_begin[value + 1]; u++)
        if (!is_head[g->uses[u]])
            return true;
    return false;
}

/* Everything else of a cut follows from which nodes are its head. */
static oc_status finish_cut(const oc_graph *g, oc_cut *cut)
{
    size_t prefix = 0;
    for (size_t n = 0; n < g->n_nodes; n++)
        cut->n_head += cut->is_head[n];
    while (prefix < g->n_nodes && cut->is_head[prefix])
        prefix++;
    cut->index = prefix == cut->n_head ? (oc_id)prefix : OC_NONE;
    OC_TRY(OC_ALLOC(cut->alloc, g->n_values + 1, cut->values));
    for (size_t v = 0; v < g->n_values; v++) {
        size_t bytes;
        if (!crosses(g, cut->is_head, (oc_id)v))
            continue;
        cut->values[cut->n_values++] = (oc_id)v;
        OC_TRY(oc_desc_bytes(&g->values[v].desc, &bytes));
        OC_TRY(oc_add_size(cut->bytes, bytes, &cut->bytes));
    }
    return OC_OK;
}

static oc_status begin_cut(const oc_graph *g, const oc_allocator *alloc, oc_cut *cut)
{
    *cut = (oc_cut){.alloc = oc_allocator_or_default(alloc)};
    return OC_ALLOC(cut->alloc, g->n_nodes + 1, cut->is_head);
}

static oc_status end_cut(const oc_graph *g, oc_status status, oc_cut *made, oc_cut *cut)
{
    if (status == OC_OK)
        status = finish_cut(g, made);
    if (status != OC_OK)
        oc_cut_fini(made);
    else
        *cut = *made;
    return status;
}

oc_status oc_cut_at(const oc_graph *graph, size_t index, const oc_allocator *alloc, oc_cut *cut)
{
    oc_cut made;
    if (index > graph->n_nodes)
        return oc_fail(OC_E_ARG, "cut %zu: graph %s has cuts 0 to %zu", index, graph->name,
                       graph->n_nodes);
    OC_TRY(begin_cut(graph, alloc, &made));
    for (size_t n = 0; n < index; n++)
        made.is_head[n] = true;
    return end_cut(graph, OC_OK, &made, cut);
}

/* The tail is what the outputs need from the cut on; every other node must be able to run before it. */
static oc_status split_at(const oc_graph *g, const bool *stop, oc_arena *scratch, bool *is_head)
{
    search s;
    OC_TRY(search_init(&s, g, stop, scratch));
    search_back(&s, g->outputs, g->n_outputs);
    if (s.leak != OC_NONE)
        return oc_fail(OC_E_ARG, "cut: input \"%s\" reaches the outputs past the values given",
                       g->values[s.leak].name);
    for (size_t n = 0; n < g->n_nodes; n++)
        is_head[n] = !s.is_marked[n];
    for (size_t n = 0; n < g->n_nodes; n++)
        for (uint32_t i = 0; is_head[n] && i < g->nodes[n].n_in; i++) {
            oc_id in = g->nodes[n].in[i];
            if (has_producer(g, in) && !is_head[g->values[in].producer])
                return oc_fail(OC_E_ARG, "cut: value \"%s\" is needed on both sides, name it too",
                               g->values[in].name);
        }
    return OC_OK;
}

oc_status oc_cut_values(const oc_graph *graph, const char *const *names, size_t n_names,
                        const oc_allocator *alloc, oc_cut *cut)
{
    oc_cut made;
    oc_arena scratch;
    bool *stop = NULL;
    oc_status status;
    OC_TRY(begin_cut(graph, alloc, &made));
    oc_arena_init(&scratch, made.alloc);
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, graph->n_values + 1, stop));
    for (size_t i = 0; i < n_names; i++) {
        oc_id id = oc_graph_find_value(graph, names[i]);
        if (id == OC_NONE || graph->values[id].constant || stop[id]) {
            status = id != OC_NONE && stop[id]
                         ? oc_fail(OC_E_ARG, "cut: value \"%s\" is named twice", names[i])
                         : oc_fail(OC_E_NOTFOUND,
                                   "cut \"%s\": expected all-local, a number from 0 to %zu, or values "
                                   "of graph %s that could move",
                                   names[i], graph->n_nodes, graph->name);
            goto out;
        }
        stop[id] = true;
    }
    OC_TRY_OUT(split_at(graph, stop, &scratch, made.is_head));
    for (size_t i = 0; i < n_names && status == OC_OK; i++)
        if (!crosses(graph, made.is_head, oc_graph_find_value(graph, names[i])))
            status = oc_fail(OC_E_ARG, "cut: value \"%s\" does not move, the others already separate",
                             names[i]);
out:
    oc_arena_fini(&scratch);
    return end_cut(graph, status, &made, cut);
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* Split "a,b" in place; returns how many names. */
static size_t split_names(char *text, const char **names)
{
    size_t count = 0;
    for (char *at = text;;) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        names[count++] = strncmp(at, "value:", 6) == 0 ? at + 6 : at;
        if (!comma)
            return count;
        at = comma + 1;
    }
}

oc_status oc_cut_parse(const oc_graph *graph, const char *text, const oc_allocator *alloc,
                       oc_cut *cut)
{
    if (is_number(text)) {
        if (strlen(text) > 9)
            return oc_fail(OC_E_ARG, "cut %s: graph %s has cuts 0 to %zu", text, graph->name,
                           graph->n_nodes);
        return oc_cut_at(graph, (size_t)atol(text), alloc, cut);
    }
    oc_arena scratch;
    oc_status status;
    char *copy = NULL;
    const char **names = NULL;
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == ',';
    oc_arena_init(&scratch, alloc);
    OC_TRY_OUT(oc_arena_strdup(&scratch, text, strlen(text), &copy));
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, most, names));
    OC_TRY_OUT(oc_cut_values(graph, names, split_names(copy, names), alloc, cut));
out:
    oc_arena_fini(&scratch);
    return status;
}

/* ---- parts ------------------------------------------------------------------------------------ */

void oc_part_fini(oc_part *part)
{
    oc_free(part->alloc, part->nodes);
    oc_free(part->alloc, part->takes);
    oc_free(part->alloc, part->gives);
    *part = (oc_part){0};
}

static oc_status check_part_values(const oc_graph *g, const oc_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= g->n_values || g->values[ids[i]].constant)
            return oc_fail(OC_E_ARG, "part: \"%s\" cannot be moved between sites",
                           ids[i] < g->n_values ? g->values[ids[i]].name : "(no value)");
    return OC_OK;
}

static oc_status fill_part(const search *s, const oc_id *gives, size_t n_gives, oc_part *part)
{
    const oc_graph *g = s->g;
    OC_TRY(OC_ALLOC(part->alloc, g->n_nodes + 1, part->nodes));
    OC_TRY(OC_ALLOC(part->alloc, g->n_values + 1, part->takes));
    OC_TRY(OC_ALLOC(part->alloc, n_gives + 1, part->gives));
    for (size_t n = 0; n < g->n_nodes; n++)
        if (s->is_marked[n])
            part->nodes[part->n_nodes++] = (oc_id)n;
    for (size_t v = 0; v < g->n_values; v++) {
        if (!s->stop[v])
            continue;
        if (!s->is_reached[v])
            return oc_fail(OC_E_ARG, "part: value \"%s\" is given, but nothing wanted needs it",
                           g->values[v].name);
        part->takes[part->n_takes++] = (oc_id)v;
    }
    for (size_t i = 0; i < n_gives; i++)
        part->gives[part->n_gives++] = gives[i];
    return OC_OK;
}

oc_status oc_part_between(const oc_graph *graph, const oc_id *takes, size_t n_takes,
                          const oc_id *gives, size_t n_gives, const oc_allocator *alloc,
                          oc_part *part)
{
    oc_part made = {.alloc = oc_allocator_or_default(alloc)};
    oc_arena scratch;
    oc_status status;
    bool *stop = NULL;
    search s;
    OC_TRY(check_part_values(graph, takes, n_takes));
    OC_TRY(check_part_values(graph, gives, n_gives));
    oc_arena_init(&scratch, made.alloc);
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, graph->n_values + 1, stop));
    for (size_t i = 0; i < n_takes; i++)
        stop[takes[i]] = true;
    OC_TRY_OUT(search_init(&s, graph, stop, &scratch));
    search_back(&s, gives, n_gives);
    if (s.leak != OC_NONE) {
        status = oc_fail(OC_E_ARG, "part: input \"%s\" is needed, but not given",
                         graph->values[s.leak].name);
        goto out;
    }
    status = fill_part(&s, gives, n_gives, &made);
out:
    oc_arena_fini(&scratch);
    if (status != OC_OK)
        oc_part_fini(&made);
    else
        *part = made;
    return status;
}
