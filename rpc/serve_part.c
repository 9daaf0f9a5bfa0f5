/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts a worker has run lately, each with its lane and a few requests that can be used again:
 * a part that comes again is not planned again and allocates nothing. The least recently used goes.
 */
#include "oc_serve.h"

#define ALIGN 64 /* a cache line, which suits every element type */

/* ---- requests -------------------------------------------------------------------------------- */

static void destroy_request(oc_worker *w, oc_serve_request *r)
{
    if (!r)
        return;
    if (!r->is_stuck) {
        oc_free(w->alloc, r->memory);
        w->held_bytes -= r->bytes;
    }
    oc_free(w->alloc, r->takes);
    oc_free(w->alloc, r->gives);
    oc_free(w->alloc, r);
}

static oc_status init_values(oc_worker *w, const oc_graph *g, const oc_id *ids, size_t count,
                             oc_flow_value **values, size_t *bytes)
{
    OC_TRY(OC_ALLOC(w->alloc, count + 1, *values));
    for (size_t i = 0; i < count; i++) {
        OC_TRY(oc_flow_value_init(&(*values)[i], g, ids[i]));
        OC_TRY(oc_add_size(*bytes, (*values)[i].bytes, bytes));
        OC_TRY(oc_add_size(*bytes, ALIGN, bytes));
    }
    return OC_OK;
}

static uint8_t *place_values(oc_flow_value *values, size_t count, uint8_t *at)
{
    for (size_t i = 0; i < count; i++) {
        values[i].data = at;
        at += oc_align_up(values[i].bytes, ALIGN);
    }
    return at;
}

static void drop_spares(oc_worker *w, oc_serve_part *part)
{
    while (part->spares) {
        oc_serve_request *r = part->spares;
        part->spares = r->next;
        destroy_request(w, r);
    }
    part->n_spares = 0;
}

/* Whether `bytes` more may be held; spare requests make room for them. */
static oc_status hold(oc_worker *w, size_t bytes)
{
    bool is_short = w->held_bytes > w->memory_bytes || bytes > w->memory_bytes - w->held_bytes;
    for (oc_serve_part *part = is_short ? w->parts : NULL; part; part = part->next)
        drop_spares(w, part);
    if (w->held_bytes > w->memory_bytes || bytes > w->memory_bytes - w->held_bytes)
        return oc_fail(OC_E_BUSY,
                       "the worker is full: its requests hold %zu bytes, this one needs %zu, at "
                       "most %llu are taken",
                       w->held_bytes, bytes, (unsigned long long)w->memory_bytes);
    return OC_OK;
}

static oc_status fill_request(oc_worker *w, oc_serve_part *part, oc_serve_request *r)
{
    const oc_graph *g = part->model->graph;
    size_t bytes = 0;
    r->part = part;
    r->n_takes = part->part.n_takes;
    r->n_gives = part->part.n_gives;
    OC_TRY(init_values(w, g, part->part.takes, r->n_takes, &r->takes, &bytes));
    OC_TRY(init_values(w, g, part->part.gives, r->n_gives, &r->gives, &bytes));
    if (bytes > g->limits.memory_bytes)
        return oc_fail(OC_E_LIMIT, "the part's values take %zu bytes, the limit is %llu", bytes,
                       (unsigned long long)g->limits.memory_bytes);
    OC_TRY(hold(w, bytes));
    OC_TRY(oc_alloc(w->alloc, bytes, 1, &r->memory));
    r->bytes = bytes;
    w->held_bytes += bytes;
    place_values(r->gives, r->n_gives, place_values(r->takes, r->n_takes, r->memory));
    return OC_OK;
}

static oc_status take_request(oc_worker *w, oc_serve_part *part, oc_serve_request **request)
{
    oc_serve_request *r = part->spares;
    if (r) {
        part->spares = r->next;
        part->n_spares--;
    } else {
        OC_TRY(OC_ALLOC(w->alloc, 1, r));
        oc_status status = fill_request(w, part, r);
        if (status != OC_OK) {
            destroy_request(w, r);
            return status;
        }
    }
    for (size_t i = 0; i < r->n_takes; i++)
        oc_flow_value_rewind(&r->takes[i]);
    for (size_t i = 0; i < r->n_gives; i++)
        oc_flow_value_rewind(&r->gives[i]);
    r->next = NULL;
    r->id = r->session = 0;
    atomic_store(&r->is_unwanted, false);
    r->deadline_ns = OC_NEVER_NS;
    r->state = OC_SERVE_FILLING;
    *request = r;
    return OC_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void destroy_part(oc_worker *w, oc_serve_part *part)
{
    drop_spares(w, part);
    oc_lane_destroy(part->lane);
    oc_part_fini(&part->part);
    oc_free(w->alloc, part);
}

static bool same_ids(const oc_id *a, size_t n_a, const oc_id *b, size_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

/* The model inputs that `gives` need: nodes come in topological order, so one walk back suffices.
 * */
static oc_status needed_inputs(const oc_graph *g, const oc_id *gives, size_t n_gives,
                               oc_arena *scratch, oc_id **takes, size_t *n_takes)
{
    bool *is_needed;
    size_t count = 0;
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, is_needed));
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_inputs + 1, *takes));
    for (size_t i = 0; i < n_gives; i++)
        is_needed[gives[i]] = true;
    for (size_t n = g->n_nodes; n-- > 0;) {
        const oc_node *node = &g->nodes[n];
        bool is_wanted = false;
        for (uint32_t i = 0; i < node->n_out; i++)
            is_wanted = is_wanted || is_needed[node->out[i]];
        for (uint32_t i = 0; is_wanted && i < node->n_in; i++)
            if (node->in[i] != OC_NONE)
                is_needed[node->in[i]] = true;
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        if (is_needed[g->inputs[i]])
            (*takes)[count++] = g->inputs[i];
    *n_takes = count;
    return OC_OK;
}

static oc_status create_part(oc_worker *w, const oc_serve_model *model, const oc_id *takes,
                             size_t n_takes, const oc_id *gives, size_t n_gives,
                             oc_serve_part **out)
{
    oc_serve_part *part;
    OC_TRY(OC_ALLOC(w->alloc, 1, part));
    part->model = model;
    oc_status status =
        oc_part_between(model->graph, takes, n_takes, gives, n_gives, w->alloc, &part->part);
    if (status != OC_OK) {
        destroy_part(w, part);
        return status;
    }
    part->next = w->parts;
    w->parts = part;
    w->n_parts++;
    *out = part;
    return OC_OK;
}

/* Unlink parts that are not in use, the least recently used first, until few enough are left. */
static void trim_parts(oc_worker *w)
{
    while (w->n_parts > OC_SERVE_PARTS) {
        oc_serve_part **oldest = NULL;
        for (oc_serve_part **at = &w->parts; *at; at = &(*at)->next)
            if ((*at)->in_use == 0 && (!oldest || (*at)->used_at < (*oldest)->used_at))
                oldest = at;
        if (!oldest)
            return;
        oc_serve_part *gone = *oldest;
        *oldest = gone->next;
        w->n_parts--;
        destroy_part(w, gone);
    }
}

/* One that was served before, or NULL. */
static oc_serve_part *find_part(oc_worker *w, const oc_serve_model *model, const oc_id *takes,
                                size_t n_takes, const oc_id *gives, size_t n_gives)
{
    for (oc_serve_part *part = w->parts; part; part = part->next) {
        bool is_same =
            takes ? same_ids(part->part.takes, part->part.n_takes, takes, n_takes) : part->is_whole;
        if (is_same && part->model == model &&
            same_ids(part->part.gives, part->part.n_gives, gives, n_gives))
            return part;
    }
    return NULL;
}

static oc_status make_part(oc_worker *w, const oc_serve_model *model, const oc_id *takes,
                           size_t n_takes, const oc_id *gives, size_t n_gives, oc_serve_part **out)
{
    oc_arena scratch;
    oc_id *needed = NULL;
    bool is_whole = takes == NULL;
    oc_status status = OC_OK;
    oc_arena_init(&scratch, w->alloc);
    if (is_whole)
        status = needed_inputs(model->graph, gives, n_gives, &scratch, &needed, &n_takes);
    if (status == OC_OK)
        status = create_part(w, model, is_whole ? needed : takes, n_takes, gives, n_gives, out);
    oc_arena_fini(&scratch);
    if (status == OC_OK)
        (*out)->is_whole = is_whole;
    return status;
}

oc_status oc_serve_request_open(oc_worker *worker, const oc_serve_model *model, const oc_id *takes,
                                size_t n_takes, const oc_id *gives, size_t n_gives,
                                oc_serve_request **request)
{
    oc_serve_part *part = find_part(worker, model, takes, n_takes, gives, n_gives);
    if (!part)
        OC_TRY(make_part(worker, model, takes, n_takes, gives, n_gives, &part));
    part->used_at = ++worker->clock;
    oc_status status = take_request(worker, part, request);
    if (status == OC_OK)
        part->in_use++;
    trim_parts(worker);
    return status;
}

void oc_serve_request_close(oc_worker *worker, oc_serve_request *request)
{
    oc_serve_part *part = request->part;
    part->in_use--;
    oc_free(worker->alloc, request->node_ns);
    request->node_ns = NULL;
    if (request->is_stuck || part->n_spares == OC_SERVE_SPARES) {
        destroy_request(worker, request);
    } else {
        request->next = part->spares;
        part->spares = request;
        part->n_spares++;
    }
    trim_parts(worker);
}

void oc_serve_parts_fini(oc_worker *worker)
{
    while (worker->parts) {
        oc_serve_part *part = worker->parts;
        worker->parts = part->next;
        destroy_part(worker, part);
    }
}
