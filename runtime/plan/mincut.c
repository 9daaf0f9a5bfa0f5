/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The head of least cost, exactly, by a minimum cut.
 *
 * A head H is a set of nodes with all that they need. It costs the edge's time of its nodes, the
 * worker's of the others, up_ns of each value that is there before and used behind it (once,
 * however many use it), and down_ns of each output made behind it. In a network of flow with H on
 * the side of the source s:
 *
 *     s -> n    cloud_ns(n) and down_ns of its outputs: paid when n is on the worker
 *     n -> t    edge_ns(n): paid when n is on the edge
 *     u -> p    infinite, for u using a value of p: with u on the edge, so is p
 *     p -> v    up_ns(v), and v -> u infinite for each user u: with p on the edge and any user
 *               not, v is cut off from p, which pays once
 *     s -> v    up_ns(v) in place of p -> v where v is an input of the network, given at the edge
 *
 * so the minimum cut is the minimum over all heads. The arcs of precedence are those of Picard,
 * "Maximal closure of a graph" (Management Science 1976); the vertex of a value, for several users,
 * is that of Hu et al., "Dynamic adaptive DNN surgery" (DADS, INFOCOM 2019). Kang et al.,
 * "Neurosurgeon" (ASPLOS 2017) looks at prefixes alone.
 *
 * What is paid once if the worker has anything (w) or the edge has anything (e) is not in the cut.
 * It stays exact: let H be the best head without it. If H is neither empty nor all, it is the best
 * of those, w + e is the same for all of them, and it remains to compare it with the empty head + w
 * and with all nodes + e. If H is all (empty), every head in between costs at least as much as H
 * and pays more than it, so that only the empty one (all) is left to compare with. The caller
 * compares all three.
 *
 * Algorithm: push-relabel (Goldberg and Tarjan, JACM 1988), highest label first, with exact labels
 * from time to time and the gap rule (Cherkassky and Goldberg, Algorithmica 1997), and only its
 * first phase: a maximum preflow shows the minimum cut. Augmenting paths would walk the whole depth
 * of the network again and again. In integers: no rounding can keep it from ending, and it gives
 * the same on every machine. Costs are scaled by a power of two to 2^59 in sum, finer than the sum
 * in doubles. The vertices that cannot reach t make the largest of all best heads.
 */
#include "oc_policy.h"

#include <math.h>

enum { TOTAL_BITS = 59 };
/* More than all finite costs; and with a flow of all of them added it is still an int64_t. */
static const int64_t INFINITE = (int64_t)1 << 61;

typedef enum side { FREE, HEAD, TAIL } side;

typedef struct vertex {
    int64_t excess, sink; /* flow that waits here; what the arc to t still takes */
    uint32_t first, now;  /* arcs: the list's start, and where discharging is */
    uint32_t height;      /* never above the distance to t in the residual network */
    uint32_t next;        /* that waits at the same height */
} vertex;

typedef struct arc {
    int64_t left; /* what it still takes; arc i ^ 1 is the same one backwards */
    uint32_t to, next;
} arc;

struct oc_mincut {
    const oc_allocator *alloc;
    const oc_net *net;
    oc_arena arena;
    double *cloud_ns;     /* per node, with what its outputs take back */
    uint8_t *side;        /* per node: what infinite costs leave open */
    uint32_t *queue;      /* n_vertices */
    uint32_t *vertex_of;  /* per value: its vertex, where it has several users */
    uint32_t n_vertices;  /* the nodes, then such values */
    uint32_t n_arcs, top; /* top: no vertex waits above this height */
    uint32_t n_relabels;  /* since the labels were exact */
    vertex *vertices;
    arc *arcs;
    uint32_t *waiting; /* [n_vertices + 1] per height: the first that waits */
    uint32_t *count;   /* [n_vertices + 2] per height: how many vertices */
};

oc_status oc_mincut_create(const oc_net *net, const oc_allocator *alloc, oc_mincut **mincut)
{
    oc_mincut *m = NULL;
    oc_status status;
    size_t n_vertices = net->n_nodes, n_arcs;
    alloc = oc_allocator_or_default(alloc);
    /* Two pairs for each use, one for each value. */
    OC_TRY(oc_mul_size(net->use_begin[net->n_values], 4, &n_arcs));
    OC_TRY(oc_add_size(n_arcs, 2 * net->n_values, &n_arcs));
    if (n_arcs >= OC_NONE)
        return oc_fail(OC_E_LIMIT, "minimum cut of %s: expected fewer than %u arcs, found %zu",
                       net->name, OC_NONE, n_arcs);
    OC_TRY(OC_ALLOC(alloc, 1, m));
    *m = (oc_mincut){.alloc = alloc, .net = net};
    oc_arena_init(&m->arena, alloc);
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, net->n_values + 1, m->vertex_of));
    for (size_t v = 0; v < net->n_values; v++)
        if (net->use_begin[v + 1] - net->use_begin[v] > 1)
            m->vertex_of[v] = (uint32_t)n_vertices++;
    m->n_vertices = (uint32_t)n_vertices;
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, net->n_nodes + 1, m->cloud_ns));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, net->n_nodes + 1, m->side));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, n_vertices + 1, m->queue));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, n_vertices + 1, m->vertices));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, n_arcs + 1, m->arcs));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, n_vertices + 2, m->waiting));
    OC_TRY_OUT(OC_ARENA_ALLOC(&m->arena, n_vertices + 2, m->count));
out:
    if (status != OC_OK)
        oc_mincut_destroy(m);
    else
        *mincut = m;
    return status;
}

void oc_mincut_destroy(oc_mincut *mincut)
{
    if (!mincut)
        return;
    oc_arena_fini(&mincut->arena);
    oc_free(mincut->alloc, mincut);
}

/*
 * ---- what infinite costs decide beforehand
 * ---------------------------------------------------------
 */

static bool settle(oc_mincut *m, oc_id node, side to, uint32_t *n_queued)
{
    if (m->side[node] == FREE) {
        m->side[node] = (uint8_t)to;
        m->queue[(*n_queued)++] = node;
    }
    return m->side[node] == to;
}

static bool settle_users(oc_mincut *m, oc_id value, side to, uint32_t *n_queued)
{
    const oc_net *net = m->net;
    for (uint32_t u = net->use_begin[value]; u < net->use_begin[value + 1]; u++)
        if (!settle(m, net->use[u], to, n_queued))
            return false;
    return true;
}

/*
 * A node of the head wants what it needs in the head, and the users of its values that must not
 * cross. One of the tail: the other way round.
 */
static bool settle_neighbours(oc_mincut *m, oc_id node, const double *up_ns, uint32_t *n_queued)
{
    const oc_net *net = m->net;
    bool is_tail = m->side[node] == TAIL;
    for (uint32_t i = net->in_begin[node]; i < net->in_begin[node + 1]; i++) {
        oc_id producer = net->producer[net->in[i]];
        if ((is_tail && !isinf(up_ns[net->in[i]])) || producer == OC_NONE)
            continue;
        if (!settle(m, producer, is_tail ? TAIL : HEAD, n_queued))
            return false;
    }
    for (uint32_t o = net->out_begin[node]; o < net->out_begin[node + 1]; o++)
        if ((is_tail || isinf(up_ns[net->out[o]])) &&
            !settle_users(m, net->out[o], is_tail ? TAIL : HEAD, n_queued))
            return false;
    return true;
}

/* False: no head has a finite cost. */
static bool settle_all(oc_mincut *m, const double *edge_ns, const double *up_ns)
{
    const oc_net *net = m->net;
    uint32_t n_queued = 0;
    memset(m->side, FREE, net->n_nodes);
    for (size_t n = 0; n < net->n_nodes; n++)
        if ((isinf(m->cloud_ns[n]) && !settle(m, (oc_id)n, HEAD, &n_queued)) ||
            (isinf(edge_ns[n]) && !settle(m, (oc_id)n, TAIL, &n_queued)))
            return false;
    for (size_t i = 0; i < net->n_inputs; i++)
        if (isinf(up_ns[net->inputs[i]]) && !settle_users(m, net->inputs[i], HEAD, &n_queued))
            return false;
    for (uint32_t i = 0; i < n_queued; i++)
        if (!settle_neighbours(m, m->queue[i], up_ns, &n_queued))
            return false;
    return true;
}

/*
 * ---- the network of flow
 * ----------------------------------------------------------------------------
 */

static double add_finite(double sum, const double *costs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum += isinf(costs[i]) ? 0 : costs[i];
    return sum;
}

/* The power of two that makes integers of costs. */
static double find_scale(const oc_mincut *m, const double *edge_ns, const double *up_ns)
{
    int exponent;
    double total = add_finite(0, edge_ns, m->net->n_nodes);
    total = add_finite(total, m->cloud_ns, m->net->n_nodes);
    total = add_finite(total, up_ns, m->net->n_values);
    if (!(total > 0))
        return 1;
    frexp(total, &exponent);
    exponent = OC_MAX(TOTAL_BITS - exponent, -1000);
    return ldexp(1.0, OC_MIN(exponent, 1000));
}

static void add_arc(oc_mincut *m, uint32_t from, uint32_t to, int64_t takes, int64_t takes_back)
{
    arc *a = &m->arcs[m->n_arcs];
    a[0] = (arc){.left = takes, .to = to, .next = m->vertices[from].first};
    a[1] = (arc){.left = takes_back, .to = from, .next = m->vertices[to].first};
    m->vertices[from].first = m->n_arcs;
    m->vertices[to].first = m->n_arcs + 1;
    m->n_arcs += 2;
}

/*
 * A value whose users are open in part: `up` is paid when its producer is in the head and any user
 * is not.
 */
static void add_value(oc_mincut *m, oc_id value, int64_t up, uint32_t n_open, bool has_tail)
{
    const oc_net *net = m->net;
    oc_id producer = net->producer[value];
    bool is_given = producer == OC_NONE || m->side[producer] == HEAD;
    uint32_t vertex_of = m->vertex_of[value];
    bool is_shared = n_open > 1 && !has_tail && up != INFINITE;
    if (has_tail && !is_given)
        m->vertices[producer].sink += up;
    if (is_shared && is_given)
        m->vertices[vertex_of].excess += up;
    if (is_shared && !is_given)
        add_arc(m, producer, vertex_of, up, 0);
    for (uint32_t u = net->use_begin[value]; u < net->use_begin[value + 1]; u++) {
        oc_id user = net->use[u];
        if (m->side[user] != FREE)
            continue;
        if (is_shared)
            add_arc(m, vertex_of, user, INFINITE, 0);
        else if (is_given && !has_tail)
            m->vertices[user].excess += up;
        if (!is_given)
            add_arc(m, producer, user, is_shared || has_tail ? 0 : up, INFINITE);
    }
}

static void build(oc_mincut *m, const double *edge_ns, const double *up_ns, double scale)
{
    const oc_net *net = m->net;
    m->n_arcs = 0;
    for (uint32_t i = 0; i < m->n_vertices; i++)
        m->vertices[i] = (vertex){.first = OC_NONE};
    for (size_t n = 0; n < net->n_nodes; n++)
        if (m->side[n] == FREE) {
            m->vertices[n].excess = (int64_t)(m->cloud_ns[n] * scale + 0.5);
            m->vertices[n].sink = (int64_t)(edge_ns[n] * scale + 0.5);
        }
    for (size_t v = 0; v < net->n_values; v++) {
        uint32_t n_open = 0;
        bool has_tail = false;
        if (net->producer[v] != OC_NONE && m->side[net->producer[v]] == TAIL)
            continue; /* its users are there too */
        for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1]; u++) {
            n_open += m->side[net->use[u]] == FREE;
            has_tail |= m->side[net->use[u]] == TAIL;
        }
        if (n_open > 0 || has_tail)
            add_value(m, (oc_id)v, isinf(up_ns[v]) ? INFINITE : (int64_t)(up_ns[v] * scale + 0.5),
                      n_open, has_tail);
    }
    for (uint32_t i = 0; i < m->n_vertices; i++) {
        vertex *v = &m->vertices[i];
        int64_t through = OC_MIN(v->excess, v->sink);
        v->excess -= through;
        v->sink -= through;
    }
}

/*
 * ---- the maximum preflow
 * -----------------------------------------------------------------------------
 */

/* Vertices that cannot reach t stand at this height; no other stands so high. */
static uint32_t out_of_reach(const oc_mincut *m)
{
    return m->n_vertices + 1;
}

static void wait_at(oc_mincut *m, uint32_t v)
{
    uint32_t height = m->vertices[v].height;
    m->vertices[v].next = m->waiting[height];
    m->waiting[height] = v;
    m->top = OC_MAX(m->top, height);
}

/* Exact distances to t, breadth first from it; who waits is lined up anew. */
static void relabel_all(oc_mincut *m)
{
    uint32_t n_queued = 0, top = out_of_reach(m);
    for (uint32_t h = 0; h <= top; h++) {
        m->count[h] = 0;
        if (h < top)
            m->waiting[h] = OC_NONE;
    }
    m->top = m->n_relabels = 0;
    for (uint32_t i = 0; i < m->n_vertices; i++) {
        m->vertices[i].height = m->vertices[i].sink > 0 ? 1 : top;
        if (m->vertices[i].sink > 0)
            m->queue[n_queued++] = i;
    }
    for (uint32_t q = 0; q < n_queued; q++) {
        vertex *v = &m->vertices[m->queue[q]];
        m->count[v->height]++;
        v->now = v->first;
        if (v->excess > 0)
            wait_at(m, m->queue[q]);
        for (uint32_t a = v->first; a != OC_NONE; a = m->arcs[a].next)
            if (m->arcs[a ^ 1].left > 0 && m->vertices[m->arcs[a].to].height == top) {
                m->vertices[m->arcs[a].to].height = v->height + 1;
                m->queue[n_queued++] = m->arcs[a].to;
            }
    }
}

/* Nobody stands at `height` any more: who stands above it cannot reach t. */
static void close_gap(oc_mincut *m, uint32_t height)
{
    for (uint32_t i = 0; i < m->n_vertices; i++)
        if (m->vertices[i].height > height && m->vertices[i].height < out_of_reach(m)) {
            m->count[m->vertices[i].height]--;
            m->vertices[i].height = out_of_reach(m);
        }
}

static void relabel(oc_mincut *m, vertex *v)
{
    uint32_t old = v->height, lowest = out_of_reach(m) - 1;
    for (uint32_t a = v->first; a != OC_NONE; a = m->arcs[a].next)
        if (m->arcs[a].left > 0)
            lowest = OC_MIN(lowest, m->vertices[m->arcs[a].to].height);
    v->height = lowest + 1;
    v->now = v->first;
    m->n_relabels++;
    if (v->height < out_of_reach(m))
        m->count[v->height]++;
    if (--m->count[old] == 0)
        close_gap(m, old);
}

static void push(oc_mincut *m, vertex *v, uint32_t a)
{
    vertex *to = &m->vertices[m->arcs[a].to];
    int64_t flow = OC_MIN(v->excess, m->arcs[a].left);
    bool was_idle = to->excess == 0;
    m->arcs[a].left -= flow;
    m->arcs[a ^ 1].left += flow;
    v->excess -= flow;
    to->excess += flow;
    if (to->sink > 0) { /* one that reaches t at once does so now */
        int64_t through = OC_MIN(to->excess, to->sink);
        to->excess -= through;
        to->sink -= through;
    }
    if (was_idle && to->excess > 0)
        wait_at(m, m->arcs[a].to);
}

/*
 * Push what waits at the vertex downhill, lifting it as need be, until nothing waits or it cannot
 * reach t.
 */
static void discharge(oc_mincut *m, vertex *v)
{
    while (v->excess > 0 && v->height < out_of_reach(m)) {
        if (v->now == OC_NONE)
            relabel(m, v);
        else if (m->arcs[v->now].left > 0 &&
                 m->vertices[m->arcs[v->now].to].height + 1 == v->height)
            push(m, v, v->now);
        else
            v->now = m->arcs[v->now].next;
    }
}

static void push_all(oc_mincut *m)
{
    relabel_all(m);
    for (;;) {
        if (m->n_relabels > m->n_vertices)
            relabel_all(m);
        while (m->top > 0 && m->waiting[m->top] == OC_NONE)
            m->top--;
        if (m->top == 0)
            break;
        uint32_t height = m->top, v = m->waiting[height];
        m->waiting[height] = m->vertices[v].next;
        if (m->vertices[v].height == height) /* else it was lifted while it waited */
            discharge(m, &m->vertices[v]);
    }
    relabel_all(m);
}

/*
 * ---- the answer
 * -------------------------------------------------------------------------------------
 */

static double sum_of(const oc_mincut *m, const double *edge_ns, const double *up_ns,
                     const bool *is_head)
{
    const oc_net *net = m->net;
    double sum = 0;
    for (size_t n = 0; n < net->n_nodes; n++)
        sum += is_head[n] ? edge_ns[n] : m->cloud_ns[n];
    for (size_t v = 0; v < net->n_values; v++) {
        bool does_cross = false;
        if (net->producer[v] != OC_NONE && !is_head[net->producer[v]])
            continue;
        for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1] && !does_cross; u++)
            does_cross = !is_head[net->use[u]];
        sum += does_cross ? up_ns[v] : 0;
    }
    return sum;
}

double oc_mincut_solve(oc_mincut *mincut, const double *edge_ns, const double *cloud_ns,
                       const double *up_ns, const double *down_ns, bool *is_head)
{
    const oc_net *net = mincut->net;
    for (size_t n = 0; n < net->n_nodes; n++)
        mincut->cloud_ns[n] = cloud_ns[n];
    for (size_t i = 0; i < net->n_outputs; i++)
        if (net->producer[net->outputs[i]] != OC_NONE)
            mincut->cloud_ns[net->producer[net->outputs[i]]] += down_ns[i];
    if (!settle_all(mincut, edge_ns, up_ns))
        return INFINITY;
    build(mincut, edge_ns, up_ns, find_scale(mincut, edge_ns, up_ns));
    push_all(mincut);
    for (size_t n = 0; n < net->n_nodes; n++)
        is_head[n] =
            mincut->side[n] == HEAD ||
            (mincut->side[n] == FREE && mincut->vertices[n].height == out_of_reach(mincut));
    return sum_of(mincut, edge_ns, up_ns, is_head);
}
