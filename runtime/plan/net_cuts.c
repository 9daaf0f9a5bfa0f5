/* SPDX-License-Identifier: Apache-2.0 */
/** The cuts of a net: which are worth looking at, and all that is to be known of each. */
#include "net_build.h"

#include "oc_exec.h"
#include "oc_policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PREFIXES_MAX = 32, /* that send less than all before them */
    SHARES = 8,        /* of the arithmetic, each with a cut */
    SWEPT_MAX = 16     /* cuts that the sweep may add */
};

/*
 * ---- heads, each once
 * -----------------------------------------------------------------------------
 */

oc_status oc_heads_add(oc_heads *heads, const bool *is_head)
{
    bool *copy = NULL;
    for (size_t i = 0; i < heads->count; i++)
        if (memcmp(heads->is_head[i], is_head, heads->n_nodes * sizeof(*is_head)) == 0)
            return OC_OK;
    if (heads->count == heads->capacity) {
        size_t capacity = heads->capacity ? 2 * heads->capacity : 64;
        const bool **list = NULL;
        uint32_t *sizes = NULL;
        OC_TRY(OC_ARENA_ALLOC(heads->arena, capacity, list));
        OC_TRY(OC_ARENA_ALLOC(heads->arena, capacity, sizes));
        for (size_t i = 0; i < heads->count; i++) {
            list[i] = heads->is_head[i];
            sizes[i] = heads->n_head[i];
        }
        heads->is_head = list;
        heads->n_head = sizes;
        heads->capacity = capacity;
    }
    OC_TRY(OC_ARENA_ALLOC(heads->arena, heads->n_nodes + 1, copy));
    memcpy(copy, is_head, heads->n_nodes * sizeof(*copy));
    for (size_t n = 0; n < heads->n_nodes; n++)
        heads->n_head[heads->count] += copy[n];
    heads->is_head[heads->count++] = copy;
    return OC_OK;
}

/*
 * ---- prefixes
 * -------------------------------------------------------------------------------------
 */

/* Bytes that move at each prefix of the fixed order, and which prefixes to look at. */
typedef struct prefixes {
    const oc_net *net;
    size_t n_run;      /* the longest prefix that the edge can run */
    double *up, *down; /* [n_nodes + 1] */
    double
        *gain; /* [n_nodes + 1]: how many times less than the best before it is sent; 0: not less */
    bool *head; /* [n_nodes + 1] flags: the first so many are set while a prefix is added */
} prefixes;

static void count_bytes(prefixes *p)
{
    const oc_net *net = p->net;
    for (size_t v = 0; v < net->n_values; v++) {
        uint32_t begin = net->use_begin[v], end = net->use_begin[v + 1];
        if (begin < end) { /* it crosses from behind its producer to before its last user */
            p->up[net->producer[v] == OC_NONE ? 0 : net->producer[v] + 1] += (double)net->bytes[v];
            p->up[net->use[end - 1] + 1] -= (double)net->bytes[v];
        }
    }
    for (size_t i = 0; i < net->n_outputs; i++)
        if (net->producer[net->outputs[i]] != OC_NONE)
            p->down[net->producer[net->outputs[i]]] += (double)net->bytes[net->outputs[i]];
    for (size_t k = 1; k <= net->n_nodes; k++)
        p->up[k] += p->up[k - 1];
    for (size_t k = net->n_nodes; k-- > 0;)
        p->down[k] += p->down[k + 1];
}

/*
 * A shorter prefix dominates when it sends no more and gets no more back; what comes back only
 * shrinks along the order.
 */
static void find_gains(prefixes *p)
{
    double least = INFINITY;
    for (size_t k = 0; k <= p->n_run && k < p->net->n_nodes; k++) {
        if (k > 0 && p->down[k] < p->down[k - 1])
            least = INFINITY;
        if (p->up[k] < least) {
            p->gain[k] = isinf(least) ? INFINITY : least / OC_MAX(p->up[k], 1.0);
            least = p->up[k];
        }
    }
}

static oc_status add_prefix(prefixes *p, size_t count, oc_heads *heads)
{
    for (size_t n = 0; n < p->net->n_nodes; n++)
        p->head[n] = n < count;
    return oc_heads_add(heads, p->head);
}

static oc_status add_best_gains(prefixes *p, oc_heads *heads)
{
    for (int i = 0; i < PREFIXES_MAX; i++) {
        size_t best = 0;
        for (size_t k = 1; k < p->net->n_nodes; k++)
            best = p->gain[k] > p->gain[best] ? k : best;
        if (p->gain[best] <= 0)
            return OC_OK;
        p->gain[best] = 0;
        OC_TRY(add_prefix(p, best, heads));
    }
    return OC_OK;
}

/*
 * What a node costs where nothing is known of the site: ten operations take as long as moving a
 * byte does.
 */
static double node_work(const oc_net *net, size_t n)
{
    return OC_MAX(2 * net->macs[n] + net->ops[n], 10 * net->moved_bytes[n]);
}

static oc_status add_shares(prefixes *p, oc_heads *heads)
{
    const oc_net *net = p->net;
    double total = 0, done = 0;
    size_t best[SHARES] = {0};
    for (size_t n = 0; n < net->n_nodes; n++)
        total += node_work(net, n);
    for (size_t k = 1; k < net->n_nodes && k <= p->n_run; k++) {
        done += node_work(net, k - 1);
        size_t share = total > 0 ? (size_t)(SHARES * (done / total)) : 0;
        size_t *b = &best[OC_MIN(share, (size_t)SHARES - 1)];
        if (*b == 0 || p->up[k] + p->down[k] < p->up[*b] + p->down[*b])
            *b = k;
    }
    for (int i = 0; i < SHARES; i++)
        if (best[i] > 0)
            OC_TRY(add_prefix(p, best[i], heads));
    return OC_OK;
}

static oc_status add_prefixes(const oc_net *net, const bool *can_run, oc_heads *heads)
{
    prefixes p = {.net = net};
    OC_TRY(OC_ARENA_ALLOC(heads->arena, net->n_nodes + 2, p.up));
    OC_TRY(OC_ARENA_ALLOC(heads->arena, net->n_nodes + 2, p.down));
    OC_TRY(OC_ARENA_ALLOC(heads->arena, net->n_nodes + 1, p.gain));
    OC_TRY(OC_ARENA_ALLOC(heads->arena, net->n_nodes + 1, p.head));
    while (p.n_run < net->n_nodes && can_run[p.n_run])
        p.n_run++;
    count_bytes(&p);
    find_gains(&p);
    OC_TRY(add_prefix(&p, 0, heads));
    OC_TRY(add_best_gains(&p, heads));
    return add_shares(&p, heads);
}

/*
 * ---- the sweep
 * ------------------------------------------------------------------------------------
 */

typedef struct sweep {
    const oc_net *net;
    oc_mincut *mincut;
    double *edge_ns, *cloud_ns, *up_ns, *down_ns;
    double work, bytes; /* in all */
    bool *head;
} sweep;

static oc_status sweep_init(sweep *s, const bool *can_run, oc_arena *scratch)
{
    const oc_net *net = s->net;
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, s->edge_ns));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, s->cloud_ns));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_values + 1, s->up_ns));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_outputs + 1, s->down_ns));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, s->head));
    for (size_t n = 0; n < net->n_nodes; n++) {
        s->edge_ns[n] = can_run[n] ? node_work(net, n) : INFINITY;
        s->work += node_work(net, n);
    }
    for (size_t i = 0; i < net->n_inputs; i++)
        s->bytes += (double)net->bytes[net->inputs[i]];
    return OC_OK;
}

/*
 * The best head where the worker is `faster` times as fast and moving all inputs takes `moving`
 * times the edge's time for all.
 */
static void sweep_solve(sweep *s, double faster, double moving)
{
    const oc_net *net = s->net;
    double per_byte = moving * s->work / OC_MAX(s->bytes, 1.0);
    for (size_t n = 0; n < net->n_nodes; n++)
        s->cloud_ns[n] = node_work(net, n) / faster;
    for (size_t v = 0; v < net->n_values; v++)
        s->up_ns[v] = per_byte * (double)net->bytes[v];
    for (size_t i = 0; i < net->n_outputs; i++)
        s->down_ns[i] = per_byte * (double)net->bytes[net->outputs[i]];
    oc_mincut_solve(s->mincut, s->edge_ns, s->cloud_ns, s->up_ns, s->down_ns, s->head);
}

static oc_status run_sweep(sweep *s, oc_heads *heads)
{
    static const double faster[] = {16, 4, 1.5, 0.67}; /* the last one: a worker that is busy */
    enum { STEPS = 14 };
    size_t most = heads->count + SWEPT_MAX;
    for (size_t f = 0; f < OC_COUNT(faster); f++)
        for (int i = 0; i < STEPS && heads->count < most; i++) {
            sweep_solve(s, faster[f], ldexp(1.0, 2 - i));
            OC_TRY(oc_heads_add(heads, s->head));
        }
    return OC_OK;
}

oc_status oc_net_find_heads(const oc_net *net, const bool *can_run, oc_heads *heads)
{
    sweep s = {.net = net};
    OC_TRY(add_prefixes(net, can_run, heads));
    OC_TRY(oc_heads_add(heads, can_run));
    OC_TRY(sweep_init(&s, can_run, heads->arena));
    OC_TRY(oc_mincut_create(net, net->alloc, &s.mincut));
    oc_status status = run_sweep(&s, heads);
    oc_mincut_destroy(s.mincut);
    return status;
}

/*
 * ---- all that is to be known of a cut
 * ---------------------------------------------------------------
 */

static bool does_cross(const oc_net *net, const bool *is_head, size_t v)
{
    if (net->producer[v] != OC_NONE && !is_head[net->producer[v]])
        return false;
    for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1]; u++)
        if (!is_head[net->use[u]])
            return true;
    return false;
}

static oc_status fill_moves(oc_net *net, oc_net_cut *cut)
{
    OC_TRY(OC_ARENA_ALLOC(&net->arena, net->n_outputs + 1, cut->gives));
    for (size_t v = 0; v < net->n_values; v++)
        cut->n_values += does_cross(net, cut->is_head, v);
    OC_TRY(OC_ARENA_ALLOC(&net->arena, (size_t)cut->n_values + 1, cut->values));
    cut->n_values = 0;
    for (size_t v = 0; v < net->n_values; v++)
        if (does_cross(net, cut->is_head, v)) {
            cut->values[cut->n_values++] = (oc_id)v;
            cut->up_bytes += net->bytes[v];
        }
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id producer = net->producer[net->outputs[i]];
        if (producer != OC_NONE && !cut->is_head[producer]) {
            cut->gives[cut->n_gives++] = net->outputs[i];
            cut->down_bytes += net->bytes[net->outputs[i]];
        }
    }
    return OC_OK;
}

/*
 * The head's nodes in order; what it must keep: the values that cross and the outputs that it
 * makes.
 */
static oc_status fill_memory(const oc_net *net, const oc_graph *g, oc_net_cut *cut,
                             oc_arena *scratch)
{
    oc_arena_plan plan;
    oc_id *order = NULL, *pinned = NULL;
    size_t n_order = 0, n_pinned = 0;
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, order));
    OC_TRY(OC_ARENA_ALLOC(scratch, cut->n_values + net->n_outputs + 1, pinned));
    for (size_t n = 0; n < net->n_nodes; n++)
        if (cut->is_head[n]) {
            order[n_order++] = (oc_id)n;
            cut->memory_bytes += net->weight_bytes[n];
        }
    for (uint32_t i = 0; i < cut->n_values; i++)
        pinned[n_pinned++] = cut->values[i];
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id producer = net->producer[net->outputs[i]];
        bool is_new = producer == OC_NONE || cut->is_head[producer];
        for (size_t j = 0; j < n_pinned && is_new; j++)
            is_new = pinned[j] != net->outputs[i];
        if (is_new)
            pinned[n_pinned++] = net->outputs[i];
    }
    OC_TRY(
        oc_arena_plan_make(g, order, n_order, pinned, n_pinned, OC_ARENA_ALIGN, net->alloc, &plan));
    cut->memory_bytes += plan.bytes;
    oc_arena_plan_fini(&plan);
    return OC_OK;
}

/* "7 (conv2)", "all-local", or what crosses. */
static oc_status write_name(const oc_net *net, const oc_net_cut *cut, oc_buf *text)
{
    if (cut->n_head == net->n_nodes)
        return oc_buf_printf(text, "all-local");
    if (cut->index == 0)
        return oc_buf_printf(text, "0 (input)");
    if (cut->index != OC_NONE)
        return oc_buf_printf(text, "%u (%s)", cut->index, net->node_names[cut->index - 1]);
    for (uint32_t i = 0; i < cut->n_values; i++)
        OC_TRY(oc_buf_printf(text, "%s%s", i ? "+" : "", net->value_names[cut->values[i]]));
    return OC_OK;
}

static oc_status fill_name(oc_net *net, oc_net_cut *cut)
{
    oc_buf text;
    char *copy = NULL;
    oc_buf_init(&text, net->alloc);
    oc_status status = write_name(net, cut, &text);
    if (status == OC_OK)
        status = oc_arena_strdup(&net->arena, text.data ? text.data : "", text.size, &copy);
    oc_buf_fini(&text);
    cut->name = copy;
    return status;
}

static oc_status fill_cut(oc_net *net, const oc_graph *g, const oc_net *old, oc_net_cut *cut,
                          oc_arena *scratch)
{
    uint32_t prefix = 0;
    while (prefix < net->n_nodes && cut->is_head[prefix])
        prefix++;
    cut->index = prefix == cut->n_head ? prefix : OC_NONE;
    OC_TRY(fill_moves(net, cut));
    OC_TRY(fill_name(net, cut));
    uint32_t known = old ? oc_net_find_cut(old, cut->is_head) : OC_NONE;
    if (known == OC_NONE)
        return fill_memory(net, g, cut, scratch);
    cut->memory_bytes = old->cuts[known].memory_bytes;
    return OC_OK;
}

/*
 * By size; of two heads of one size the one first whose earliest node that differs is in it:
 * prefixes come first.
 */
static int compare_heads(const oc_heads *heads, size_t a, size_t b)
{
    if (heads->n_head[a] != heads->n_head[b])
        return heads->n_head[a] < heads->n_head[b] ? -1 : 1;
    return -memcmp(heads->is_head[a], heads->is_head[b], heads->n_nodes * sizeof(bool));
}

oc_status oc_net_set_cuts(oc_net *net, const oc_graph *graph, const oc_heads *heads,
                          const oc_net *old)
{
    size_t *order = NULL;
    oc_status status = OC_OK;
    OC_TRY(OC_ARENA_ALLOC(heads->arena, heads->count + 1, order));
    for (size_t i = 0; i < heads->count; i++) { /* by insertion: they are few */
        size_t at = i;
        for (; at > 0 && compare_heads(heads, i, order[at - 1]) < 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    OC_TRY(OC_ARENA_ALLOC(&net->arena, heads->count + 1, net->cuts));
    net->n_cuts = heads->count;
    for (size_t i = 0; i < heads->count && status == OC_OK; i++) {
        oc_net_cut *cut = &net->cuts[i];
        oc_arena scratch;
        OC_TRY(OC_ARENA_ALLOC(&net->arena, net->n_nodes + 1, cut->is_head));
        memcpy(cut->is_head, heads->is_head[order[i]], net->n_nodes * sizeof(bool));
        cut->n_head = heads->n_head[order[i]];
        oc_arena_init(&scratch, net->alloc);
        status = fill_cut(net, graph, old, cut, &scratch);
        oc_arena_fini(&scratch);
    }
    return status;
}
