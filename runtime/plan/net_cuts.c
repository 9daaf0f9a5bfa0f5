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
    const size_t before = heads->count;
    for (size_t f = 0; f < OC_COUNT(faster); f++) {
        /* Each its share, and what those before it left. */
        size_t most = before + SWEPT_MAX * (f + 1) / OC_COUNT(faster);
        for (int i = 0; i < STEPS && heads->count < most; i++) {
            sweep_solve(s, faster[f], ldexp(1.0, 2 - i));
            OC_TRY(oc_heads_add(heads, s->head));
        }
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

/* What the edge runs in one arena, in order, and what it keeps there. */
typedef struct holding {
    const oc_net *net;
    const oc_graph *graph;
    oc_id *order, *pinned;
    bool *is_pinned; /* per value */
    size_t n_order, n_pinned;
} holding;

static oc_status holding_init(holding *h, const bool *is_head, oc_arena *scratch)
{
    const oc_net *net = h->net;
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, h->order));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_values + 1, h->pinned));
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_values + 1, h->is_pinned));
    for (size_t n = 0; n < net->n_nodes; n++)
        if (is_head[n])
            h->order[h->n_order++] = (oc_id)n;
    return OC_OK;
}

static void holding_pin(holding *h, oc_id value)
{
    if (!h->is_pinned[value])
        h->pinned[h->n_pinned++] = value;
    h->is_pinned[value] = true;
}

static void holding_pin_cut(holding *h, const oc_net_cut *cut)
{
    for (uint32_t i = 0; i < cut->n_values; i++)
        holding_pin(h, cut->values[i]);
}

/* `is_bound`: the lower bound will do. */
static oc_status holding_arena(const holding *h, bool is_bound, uint64_t *bytes)
{
    oc_arena_plan plan;
    size_t least = 0;
    if (is_bound) {
        OC_TRY(oc_arena_plan_bound(h->graph, h->order, h->n_order, h->pinned, h->n_pinned,
                                   OC_ARENA_ALIGN, h->net->alloc, NULL, &least));
        *bytes = least;
        return OC_OK;
    }
    OC_TRY(oc_arena_plan_make(h->graph, h->order, h->n_order, h->pinned, h->n_pinned,
                              OC_ARENA_ALIGN, h->net->alloc, &plan));
    *bytes = plan.bytes;
    oc_arena_plan_fini(&plan);
    return OC_OK;
}

static uint64_t sum_constants(const oc_net *net, const bool *is_head)
{
    uint64_t sum = 0;
    for (size_t n = 0; n < net->n_nodes; n++)
        sum += is_head[n] ? net->weight_bytes[n] : 0;
    return sum;
}

/*
 * The head's nodes in order; what it must keep: the values that cross and the outputs that it
 * makes, or that are there without it.
 */
static oc_status fill_memory(const oc_net *net, const oc_graph *g, oc_net_cut *cut, bool is_last,
                             oc_arena *scratch)
{
    holding h = {.net = net, .graph = g};
    OC_TRY(holding_init(&h, cut->is_head, scratch));
    holding_pin_cut(&h, cut);
    for (size_t i = 0; i < net->n_outputs; i++) {
        oc_id producer = net->producer[net->outputs[i]];
        if (producer == OC_NONE || cut->is_head[producer])
            holding_pin(&h, net->outputs[i]);
    }
    OC_TRY(holding_arena(&h, !is_last && net->n_nodes > OC_NET_PLANNED, &cut->memory_bytes));
    cut->memory_bytes += sum_constants(net, cut->is_head);
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
                          bool is_last, oc_arena *scratch)
{
    uint32_t prefix = 0;
    while (prefix < net->n_nodes && cut->is_head[prefix])
        prefix++;
    cut->index = prefix == cut->n_head ? prefix : OC_NONE;
    OC_TRY(fill_moves(net, cut));
    OC_TRY(fill_name(net, cut));
    uint32_t known = old ? oc_net_find_cut(old, cut->is_head) : OC_NONE;
    if (known == OC_NONE)
        return fill_memory(net, g, cut, is_last, scratch);
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
        status = fill_cut(net, graph, old, cut, i + 1 == heads->count, &scratch);
        oc_arena_fini(&scratch);
    }
    return status;
}

/*
 * ---- what fits
 * ------------------------------------------------------------------------------------
 */

/*
 * The cuts of a net within a limit. The more of them are left out, the less is kept: how many must
 * go is found by halving, so that few arenas have to be planned.
 */
typedef struct fitting {
    oc_net *net;
    const oc_graph *graph;
    oc_arena *scratch;
    uint64_t room;   /* for the arena: the limit without the constants */
    uint64_t needed; /* of the last try: for the arena, or more */
    uint32_t *order; /* the cuts that may go, in the order in which they do */
    size_t n_order;
    bool *is_extra; /* per cut */
} fitting;

static bool is_kept(const fitting *f, uint32_t cut)
{
    return cut == 0 || cut + 1 == f->net->n_cuts || f->is_extra[cut];
}

static oc_status fitting_init(fitting *f, const oc_cut *const *extra, size_t n_extra)
{
    const oc_net *net = f->net;
    OC_TRY(OC_ARENA_ALLOC(f->scratch, net->n_cuts, f->is_extra));
    OC_TRY(OC_ARENA_ALLOC(f->scratch, net->n_cuts, f->order));
    for (size_t i = 0; i < n_extra; i++)
        f->is_extra[oc_net_find_cut(net, extra[i]->is_head)] = true;
    for (uint32_t c = 0; c < net->n_cuts; c++) {
        size_t at = f->n_order;
        if (is_kept(f, c))
            continue;
        for (; at > 0 && net->cuts[c].up_bytes > net->cuts[f->order[at - 1]].up_bytes; at--)
            f->order[at] = f->order[at - 1];
        f->order[at] = c;
        f->n_order++;
    }
    return OC_OK;
}

/* As the session makes the edge's arena: with the outputs of all that runs here. */
static oc_status try_fit(fitting *f, size_t n_out, bool with_extra, bool *does_fit)
{
    const oc_net *net = f->net;
    const oc_net_cut *last = &net->cuts[net->n_cuts - 1];
    holding h = {.net = net, .graph = f->graph};
    OC_TRY(holding_init(&h, last->is_head, f->scratch));
    for (uint32_t c = 0; c < net->n_cuts; c++)
        if (c == 0 || &net->cuts[c] == last || (with_extra && f->is_extra[c]))
            holding_pin_cut(&h, &net->cuts[c]);
    for (size_t i = n_out; i < f->n_order; i++)
        holding_pin_cut(&h, &net->cuts[f->order[i]]);
    for (size_t i = 0; i < net->n_outputs; i++)
        if (net->producer[net->outputs[i]] != OC_NONE &&
            last->is_head[net->producer[net->outputs[i]]])
            holding_pin(&h, net->outputs[i]);
    OC_TRY(holding_arena(&h, true, &f->needed));
    if (f->needed <= f->room)
        OC_TRY(holding_arena(&h, false, &f->needed));
    *does_fit = f->needed <= f->room;
    return OC_OK;
}

/* `n_out` cuts are known to be enough; as few as possible are found. */
static oc_status find_fewest(fitting *f, size_t *n_out)
{
    size_t too_few = 0;
    while (*n_out - too_few > 1) {
        size_t middle = too_few + (*n_out - too_few) / 2;
        bool does_fit;
        OC_TRY(try_fit(f, middle, true, &does_fit));
        if (does_fit)
            *n_out = middle;
        else
            too_few = middle;
    }
    return OC_OK;
}

static oc_status leave_out(fitting *f, size_t n_out)
{
    oc_net *net = f->net;
    bool *is_out = NULL;
    size_t count = 0;
    OC_TRY(OC_ARENA_ALLOC(f->scratch, net->n_cuts, is_out));
    for (size_t i = 0; i < n_out; i++)
        is_out[f->order[i]] = true;
    for (size_t c = 0; c < net->n_cuts; c++)
        if (!is_out[c])
            net->cuts[count++] = net->cuts[c];
    net->n_cuts = count;
    return OC_OK;
}

static oc_status fit(fitting *f)
{
    const oc_net *net = f->net;
    const uint64_t constants = sum_constants(net, net->cuts[net->n_cuts - 1].is_head);
    const uint64_t limit = f->room;
    size_t n_out = f->n_order;
    bool does_fit;
    if (constants > limit)
        return OC_OK; /* not even the first and the last cut fit */
    f->room = limit - constants;
    OC_TRY(try_fit(f, 0, true, &does_fit));
    if (does_fit)
        return OC_OK;
    OC_TRY(try_fit(f, n_out, true, &does_fit));
    if (does_fit) {
        OC_TRY(find_fewest(f, &n_out));
        return leave_out(f, n_out);
    }
    const uint64_t needed = constants + f->needed;
    OC_TRY(try_fit(f, n_out, false, &does_fit));
    if (!does_fit)
        return OC_OK;
    return oc_fail(OC_E_LIMIT,
                   "%s, memory: the nodes that run here, with their values and those of the cut "
                   "that is asked for, take %llu bytes or more, expected at most %llu",
                   net->name, (unsigned long long)needed, (unsigned long long)limit);
}

oc_status oc_net_fit_cuts(oc_net *net, const oc_graph *graph, const oc_cut *const *extra,
                          size_t n_extra, uint64_t memory_bytes)
{
    oc_arena scratch;
    oc_arena_init(&scratch, net->alloc);
    fitting f = {.net = net, .graph = graph, .scratch = &scratch, .room = memory_bytes};
    oc_status status = fitting_init(&f, extra, n_extra);
    if (status == OC_OK)
        status = fit(&f);
    oc_arena_fini(&scratch);
    return status;
}
