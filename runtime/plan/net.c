/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The network as decisions see it, made from a graph: nodes, values, kinds. Its cuts: net_cuts.c.
 */
#include "oc_net.h"

#include "net_build.h"

#include <stdio.h>

/*
 * ---- who makes and who uses what ----------------------------------------------------------------
 */

static oc_status copy_text(oc_net *net, const char *text, const char **copy)
{
    char *made = NULL;
    OC_TRY(oc_arena_strdup(&net->arena, text, strlen(text), &made));
    *copy = made;
    return OC_OK;
}

static oc_status copy_names(oc_net *net, const oc_graph *g)
{
    OC_TRY(copy_text(net, g->name, &net->name));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->node_names));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_values + 1, net->value_names));
    for (size_t n = 0; n < g->n_nodes; n++)
        OC_TRY(copy_text(net, g->nodes[n].name, &net->node_names[n]));
    for (size_t v = 0; v < g->n_values; v++)
        OC_TRY(copy_text(net, g->values[v].name, &net->value_names[v]));
    return OC_OK;
}

static oc_status copy_values(oc_net *net, const oc_graph *g)
{
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_values + 1, net->bytes));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_values + 1, net->producer));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_values + 1, net->is_output));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_inputs + 1, net->inputs));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_outputs + 1, net->outputs));
    net->n_inputs = g->n_inputs;
    net->n_outputs = g->n_outputs;
    for (size_t i = 0; i < g->n_inputs; i++)
        net->inputs[i] = g->inputs[i];
    for (size_t i = 0; i < g->n_outputs; i++) {
        net->outputs[i] = g->outputs[i];
        net->is_output[g->outputs[i]] = true;
    }
    for (size_t v = 0; v < g->n_values; v++) {
        size_t bytes = 0;
        net->producer[v] = g->values[v].producer;
        if (!g->values[v].constant)
            OC_TRY(oc_desc_bytes(&g->values[v].desc, &bytes));
        net->bytes[v] = bytes;
    }
    return OC_OK;
}

/* Whether input i of the node is a value that moves, for the first time among its inputs. */
static bool is_consumed(const oc_graph *g, const oc_node *node, uint32_t i)
{
    if (node->in[i] == OC_NONE || g->values[node->in[i]].constant)
        return false;
    for (uint32_t j = 0; j < i; j++)
        if (node->in[j] == node->in[i])
            return false;
    return true;
}

static oc_status copy_edges(oc_net *net, const oc_graph *g)
{
    size_t n_in = 0, n_out = 0;
    for (size_t n = 0; n < g->n_nodes; n++) {
        n_in += g->nodes[n].n_in;
        n_out += g->nodes[n].n_out;
    }
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->in_begin));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->out_begin));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, n_in + 1, net->in));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, n_out + 1, net->out));
    n_in = n_out = 0;
    for (size_t n = 0; n < g->n_nodes; n++) {
        const oc_node *node = &g->nodes[n];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (is_consumed(g, node, i))
                net->in[n_in++] = node->in[i];
        for (uint32_t i = 0; i < node->n_out; i++)
            net->out[n_out++] = node->out[i];
        net->in_begin[n + 1] = (uint32_t)n_in;
        net->out_begin[n + 1] = (uint32_t)n_out;
    }
    return OC_OK;
}

static oc_status invert_edges(oc_net *net)
{
    size_t n_in = net->in_begin[net->n_nodes];
    OC_TRY(OC_ARENA_ALLOC(&net->arena, net->n_values + 1, net->use_begin));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, n_in + 1, net->use));
    uint32_t total = 0;
    for (size_t i = 0; i < n_in; i++)
        net->use_begin[net->in[i]]++;
    for (size_t v = 0; v <= net->n_values;
         v++) { /* from counts to ends, which filling from behind turns into starts */
        total += net->use_begin[v];
        net->use_begin[v] = total;
    }
    for (size_t n = net->n_nodes; n-- > 0;)
        for (uint32_t i = net->in_begin[n]; i < net->in_begin[n + 1]; i++)
            net->use[--net->use_begin[net->in[i]]] = (oc_id)n;
    return OC_OK;
}

/*
 * ---- what nodes cost, and kinds
 * ------------------------------------------------------------------
 */

static oc_status copy_cost(oc_net *net, const oc_graph *g, size_t n, bool *is_seen)
{
    const oc_node *node = &g->nodes[n];
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_cost cost = {0};
    oc_op_call call = oc_node_call(g, node, in, out, is_const);
    OC_TRY(node->op->cost(&call, &cost));
    if (!node->op->is_view) { /* a view runs nothing */
        net->macs[n] = (double)cost.macs;
        net->ops[n] = (double)cost.ops;
        net->moved_bytes[n] = (double)cost.bytes_read + (double)cost.bytes_written;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        size_t bytes;
        if (node->in[i] == OC_NONE || !g->values[node->in[i]].constant || is_seen[node->in[i]])
            continue;
        is_seen[node->in[i]] = true;
        OC_TRY(oc_desc_bytes(&g->values[node->in[i]].desc, &bytes));
        net->weight_bytes[n] += bytes;
    }
    return OC_OK;
}

static oc_status copy_costs(oc_net *net, const oc_graph *g)
{
    bool *is_seen = NULL;
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->macs));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->ops));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->moved_bytes));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->weight_bytes));
    OC_TRY(OC_ALLOC(net->alloc, g->n_values + 1, is_seen));
    oc_status status = OC_OK;
    for (size_t n = 0; n < g->n_nodes && status == OC_OK; n++)
        status = copy_cost(net, g, n, is_seen);
    oc_free(net->alloc, is_seen);
    return status;
}

/*
 * Multiply-adds a byte, rounded down to a power of four: how well a device does differs less within
 * such a step than between the operators.
 */
static unsigned step_of(const oc_net *net, size_t n)
{
    double per_byte = net->macs[n] / OC_MAX(net->moved_bytes[n], 1.0);
    unsigned step = 1;
    if (per_byte < 1)
        return 0;
    while (per_byte >= 4 && step < 4096) {
        per_byte /= 4;
        step *= 4;
    }
    return step;
}

enum { KIND_NAME = 64 };

/*
 * How finely kinds tell nodes apart; the first way that needs no more than OC_KINDS_MAX is taken.
 */
typedef enum detail { BY_STEP, BY_OPERATOR, BY_NOTHING } detail;

static void kind_name(const oc_net *net, const oc_graph *g, size_t n, detail how,
                      char text[KIND_NAME])
{
    unsigned step = step_of(net, n);
    if (how == BY_NOTHING)
        snprintf(text, KIND_NAME, "all");
    else if (how == BY_OPERATOR || step == 0)
        snprintf(text, KIND_NAME, "%s", g->nodes[n].op->name);
    else
        snprintf(text, KIND_NAME, "%s %u", g->nodes[n].op->name, step);
}

/* False: there are too many. */
static oc_status find_kinds(oc_net *net, const oc_graph *g, detail how, bool *do_fit)
{
    char text[KIND_NAME];
    net->n_kinds = 0;
    *do_fit = true;
    for (size_t n = 0; n < g->n_nodes; n++) {
        size_t k = 0;
        kind_name(net, g, n, how, text);
        while (k < net->n_kinds && strcmp(net->kind_names[k], text) != 0)
            k++;
        if (k == OC_KINDS_MAX) {
            *do_fit = false;
            return OC_OK;
        }
        if (k == net->n_kinds)
            OC_TRY(copy_text(net, text, &net->kind_names[net->n_kinds++]));
        net->kind[n] = (uint8_t)k;
    }
    return OC_OK;
}

static oc_status make_kinds(oc_net *net, const oc_graph *g)
{
    bool do_fit = false;
    OC_TRY(OC_ARENA_ALLOC(&net->arena, OC_KINDS_MAX, net->kind_names));
    OC_TRY(OC_ARENA_ALLOC(&net->arena, g->n_nodes + 1, net->kind));
    for (detail how = BY_STEP; how <= BY_NOTHING && !do_fit; how++)
        OC_TRY(find_kinds(net, g, how, &do_fit));
    return OC_OK;
}

/*
 * ---- the net ------------------------------------------------------------------------------------
 */

static oc_status fill_net(oc_net *net, const oc_graph *g)
{
    net->digest = g->digest;
    net->n_nodes = g->n_nodes;
    net->n_values = g->n_values;
    OC_TRY(copy_names(net, g));
    OC_TRY(copy_values(net, g));
    OC_TRY(copy_edges(net, g));
    OC_TRY(invert_edges(net));
    OC_TRY(copy_costs(net, g));
    return make_kinds(net, g);
}

static oc_status begin_net(const oc_graph *g, const oc_allocator *alloc, oc_net **net)
{
    oc_net *made = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, made));
    made->alloc = alloc;
    oc_arena_init(&made->arena, alloc);
    oc_status status = fill_net(made, g);
    if (status != OC_OK)
        oc_net_destroy(made);
    else
        *net = made;
    return status;
}

void oc_net_destroy(oc_net *net)
{
    if (!net)
        return;
    oc_arena_fini(&net->arena);
    oc_free(net->alloc, net);
}

/* The first node of the head that needs one outside; OC_NONE: the head is closed. */
static oc_id find_open(const oc_net *net, const bool *is_head)
{
    for (size_t n = 0; n < net->n_nodes; n++)
        for (uint32_t i = net->in_begin[n]; is_head[n] && i < net->in_begin[n + 1]; i++) {
            oc_id producer = net->producer[net->in[i]];
            if (producer != OC_NONE && !is_head[producer])
                return (oc_id)n;
        }
    return OC_NONE;
}

/* What the edge can really run: with all that it needs. */
static void close_head(const oc_net *net, const bool *can_run, bool *is_head)
{
    for (size_t n = 0; n < net->n_nodes; n++) {
        is_head[n] = !can_run || can_run[n];
        for (uint32_t i = net->in_begin[n]; is_head[n] && i < net->in_begin[n + 1]; i++) {
            oc_id producer = net->producer[net->in[i]];
            is_head[n] = producer == OC_NONE || is_head[producer];
        }
    }
}

static oc_status add_extra(const oc_net *net, const oc_cut *cut, const bool *can_run,
                           oc_heads *heads)
{
    for (size_t n = 0; n < net->n_nodes; n++)
        if (cut->is_head[n] && !can_run[n])
            return oc_fail(OC_E_UNSUPPORTED,
                           "the cut behind %zu nodes: this machine cannot run node \"%s\"",
                           cut->n_head, net->node_names[n]);
    return oc_heads_add(heads, cut->is_head);
}

static oc_status make_cuts(oc_net *net, const oc_graph *g, const bool *can_run,
                           const oc_cut *const *extra, size_t n_extra, uint64_t memory_bytes,
                           oc_heads *heads)
{
    bool *runs = NULL;
    OC_TRY(OC_ARENA_ALLOC(heads->arena, net->n_nodes + 1, runs));
    close_head(net, can_run, runs);
    for (size_t i = 0; i < n_extra; i++)
        OC_TRY(add_extra(net, extra[i], runs, heads));
    OC_TRY(oc_net_find_heads(net, runs, heads));
    OC_TRY(oc_net_set_cuts(net, g, heads, NULL));
    if (memory_bytes > 0)
        OC_TRY(oc_net_fit_cuts(net, g, extra, n_extra, memory_bytes));
    oc_net_set_bases(net);
    return OC_OK;
}

oc_status oc_net_make(const oc_graph *graph, const bool *can_run, const oc_cut *const *extra,
                      size_t n_extra, uint64_t memory_bytes, const oc_allocator *alloc,
                      oc_net **net)
{
    oc_net *made = NULL;
    oc_arena scratch;
    OC_TRY(begin_net(graph, alloc, &made));
    oc_arena_init(&scratch, made->alloc);
    oc_heads heads = {.arena = &scratch, .n_nodes = made->n_nodes};
    oc_status status = make_cuts(made, graph, can_run, extra, n_extra, memory_bytes, &heads);
    oc_arena_fini(&scratch);
    if (status != OC_OK)
        oc_net_destroy(made);
    else
        *net = made;
    return status;
}

static oc_status add_cut(oc_net *net, const oc_graph *g, const oc_net *old, const bool *is_head,
                         oc_heads *heads)
{
    for (size_t c = 0; c < old->n_cuts; c++)
        OC_TRY(oc_heads_add(heads, old->cuts[c].is_head));
    OC_TRY(oc_heads_add(heads, is_head));
    OC_TRY(oc_net_set_cuts(net, g, heads, old));
    oc_net_set_bases(net);
    return OC_OK;
}

oc_status oc_net_with_cut(const oc_net *net, const oc_graph *graph, const bool *is_head,
                          oc_net **made, uint32_t *cut)
{
    oc_net *next = NULL;
    oc_arena scratch;
    oc_id open = find_open(net, is_head);
    if (open != OC_NONE)
        return oc_fail(OC_E_ARG, "no cut: node \"%s\" needs nodes that are not in the head",
                       net->node_names[open]);
    for (size_t n = 0; n < net->n_nodes; n++)
        if (is_head[n] && !net->cuts[net->n_cuts - 1].is_head[n])
            return oc_fail(OC_E_ARG, "no cut: this machine cannot run node \"%s\"",
                           net->node_names[n]);
    OC_TRY(begin_net(graph, net->alloc, &next));
    oc_arena_init(&scratch, next->alloc);
    oc_heads heads = {.arena = &scratch, .n_nodes = next->n_nodes};
    oc_status status = add_cut(next, graph, net, is_head, &heads);
    oc_arena_fini(&scratch);
    if (status != OC_OK) {
        oc_net_destroy(next);
        return status;
    }
    *cut = oc_net_find_cut(next, is_head);
    *made = next;
    return OC_OK;
}

uint32_t oc_net_find_cut(const oc_net *net, const bool *is_head)
{
    for (size_t c = 0; c < net->n_cuts; c++)
        if (memcmp(net->cuts[c].is_head, is_head, net->n_nodes * sizeof(*is_head)) == 0)
            return (uint32_t)c;
    return OC_NONE;
}

uint32_t oc_net_find_base(const oc_net *net, const bool *is_head)
{
    size_t leading = 0, cut = net->n_cuts;
    while (leading < net->n_nodes && is_head[leading])
        leading++;
    while (cut-- > 1)
        if (net->cuts[cut].index <= leading) /* OC_NONE is beyond all */
            return (uint32_t)cut;
    return 0;
}

void oc_net_set_bases(oc_net *net)
{
    for (uint32_t c = 0; c < net->n_cuts; c++)
        net->cuts[c].base =
            net->cuts[c].index != OC_NONE ? c : oc_net_find_base(net, net->cuts[c].is_head);
}

/*
 * A value is reached where an input's data comes to it past `node`. The nodes stand in a
 * topological order, so one pass does.
 */
void oc_net_dominated(const oc_net *net, oc_id node, bool *is_dominated)
{
    for (size_t v = 0; v < net->n_values; v++)
        is_dominated[v] = true;
    for (size_t i = 0; i < net->n_inputs; i++)
        is_dominated[net->inputs[i]] = false;
    for (size_t n = 0; n < net->n_nodes; n++) {
        bool is_past = false;
        for (uint32_t i = net->in_begin[n]; i < net->in_begin[n + 1]; i++)
            is_past |= !is_dominated[net->in[i]];
        for (uint32_t o = net->out_begin[n]; is_past && n != node && o < net->out_begin[n + 1]; o++)
            is_dominated[net->out[o]] = false;
    }
}
