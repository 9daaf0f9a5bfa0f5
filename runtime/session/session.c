/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The plan walker. It goes through the steps in turn and moves only what is needed when it is needed:
 * for each value it knows whether the edge's arena has it (`on_edge`) and whether the host's memory has it
 * (`on_host`). The edge's part covers the worker's nodes too (where the plan has a fallback) and keeps every value
 * that moves, so that a step whose worker fails is simply submitted here instead: nothing runs twice.
 */
#include "oc_session.h"

#include "oc_tensor.h"

#include <stdio.h>

/* Everything a plan needs, made when the plan is set, so that a run allocates nothing. */
typedef struct program {
    const oc_plan *plan;
    oc_arena arena;
    oc_part edge_part;
    oc_site_part *edge;
    size_t *first;              /* per step: its first node in the edge's part, or SIZE_MAX */
    oc_site_part **workers;     /* per step: the worker's part, or NULL */
    oc_tensor *staging;         /* per value: host memory of those that move or are constant outputs */
    bool *on_edge, *on_host;    /* per value, in this run */
} program;

struct oc_session {
    const oc_allocator *alloc;
    oc_exec *exec;
    const oc_graph *graph;
    oc_session_options options;
    oc_site *local, *worker;
    oc_waker waker;
    oc_plan *all_local;
    program program;
    uint64_t n_runs;
};

/* One run. */
typedef struct run {
    oc_session *s;
    program *p;
    const oc_tensor *inputs;
    oc_site_run site_run;
    size_t edge_gets;           /* asked of the edge's part so far */
    oc_status worker_status;    /* not OC_OK: the worker failed in this run */
    oc_report report;
} run;

/* ---- programs ------------------------------------------------------------------------------------ */

static void program_fini(oc_session *s, program *p)
{
    if (!p->plan)
        return;
    for (size_t i = 0; p->workers && i < p->plan->n_steps; i++)
        if (p->workers[i])
            s->worker->type->part_close(p->workers[i]);
    if (p->edge)
        s->local->type->part_close(p->edge);
    /* A lost device may still write to host memory that it was given (docs/adr/0007): that is left to it. */
    bool is_lost = atomic_load(&oc_exec_dev(s->exec)->is_lost);
    for (size_t v = 0; !is_lost && p->staging && v < s->graph->n_values; v++)
        oc_tensor_free(&p->staging[v], s->alloc);
    oc_part_fini(&p->edge_part);
    oc_arena_fini(&p->arena);
    *p = (program){0};
}

static oc_status stage(oc_session *s, program *p, oc_id value)
{
    if (p->staging[value].data)
        return OC_OK;
    return oc_tensor_alloc(&s->graph->values[value].desc, s->alloc, &p->staging[value]);
}

static oc_status stage_all(oc_session *s, program *p)
{
    /* What moves, and what a worker takes and gives: it has no other memory of ours. */
    for (size_t i = 0; i < p->plan->n_steps; i++) {
        const oc_step *step = &p->plan->steps[i];
        if (step->kind == OC_STEP_RUN && p->plan->sites[step->site].role == OC_SITE_EDGE)
            continue;
        for (size_t k = 0; k < step->n_takes; k++)
            OC_TRY(stage(s, p, step->takes[k]));
        for (size_t k = 0; k < step->n_gives; k++)
            OC_TRY(stage(s, p, step->gives[k]));
    }
    for (size_t i = 0; i < s->graph->n_outputs; i++) {
        oc_id v = s->graph->outputs[i];
        size_t bytes;
        if (!s->graph->values[v].constant)
            continue;
        OC_TRY(stage(s, p, v));
        OC_TRY(oc_desc_bytes(&s->graph->values[v].desc, &bytes));
        OC_TRY(oc_graph_const_read(s->graph, v, p->staging[v].data, bytes));
    }
    return OC_OK;
}

static oc_status open_workers(oc_session *s, program *p)
{
    for (size_t i = 0; i < p->plan->n_steps; i++) {
        const oc_step *step = &p->plan->steps[i];
        if (step->kind == OC_STEP_RUN && p->plan->sites[step->site].role == OC_SITE_WORKER)
            OC_TRY(s->worker->type->part_open(s->worker, &step->part, NULL, 0, &s->waker, &p->workers[i]));
    }
    return OC_OK;
}

static oc_status program_fill(oc_session *s, program *p)
{
    oc_id *pinned = NULL;
    size_t n_pinned;
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->plan->n_steps + 1, p->first));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->plan->n_steps + 1, p->workers));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, s->graph->n_values + 1, p->staging));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, s->graph->n_values + 1, p->on_edge));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, s->graph->n_values + 1, p->on_host));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, s->graph->n_values + 1, pinned));
    OC_TRY(oc_plan_edge_part(p->plan, &p->edge_part, pinned, &n_pinned, p->first));
    OC_TRY(s->local->type->part_open(s->local, &p->edge_part, pinned, n_pinned, &s->waker, &p->edge));
    OC_TRY(stage_all(s, p));
    return open_workers(s, p);
}

oc_status oc_session_set_plan(oc_session *session, const oc_plan *plan)
{
    program made = {.plan = plan ? plan : session->all_local};
    plan = made.plan;
    if (plan->graph != session->graph)
        return oc_fail(OC_E_MISMATCH, "plan %s is of another model than this session", plan->name);
    if (oc_plan_needs_worker(plan) && !session->worker)
        return oc_fail(OC_E_ARG, "plan %s needs a worker, the session has none", plan->name);
    oc_arena_init(&made.arena, session->alloc);
    oc_status status = program_fill(session, &made);
    if (status != OC_OK) {
        program_fini(session, &made);
        return status;
    }
    program_fini(session, &session->program);
    session->program = made;
    return OC_OK;
}

/* ---- life ------------------------------------------------------------------------------------------ */

void oc_session_destroy(oc_session *session)
{
    if (!session)
        return;
    program_fini(session, &session->program);
    if (session->worker)
        session->worker->type->close(session->worker);
    if (session->local)
        session->local->type->close(session->local);
    oc_plan_destroy(session->all_local);
    oc_waker_fini(&session->waker);
    oc_free(session->alloc, session);
}

static oc_session_options with_defaults(const oc_session_options *options)
{
    oc_session_options all = options ? *options : (oc_session_options){0};
    all.connect_timeout_ms = all.connect_timeout_ms ? all.connect_timeout_ms : 2000;
    all.worker_timeout_ms = all.worker_timeout_ms ? all.worker_timeout_ms : 10000;
    return all;
}

static oc_status fill_session(oc_session *s)
{
    OC_TRY(oc_local_site_open(s->exec, s->alloc, &s->local));
    OC_TRY(oc_plan_make_local(s->graph, s->alloc, &s->all_local));
    return oc_session_set_plan(s, s->all_local);
}

oc_status oc_session_make(oc_exec *exec, oc_site *const *workers, const oc_session_options *options,
                          const oc_allocator *alloc, oc_session **session)
{
    oc_session *s = NULL;
    oc_site *worker = options && options->n_workers > 0 ? workers[0] : NULL;
    alloc = oc_allocator_or_default(alloc);
    oc_status status = OC_ALLOC(alloc, 1, s);
    if (status == OC_OK)
        status = oc_waker_init(&s->waker);
    if (status != OC_OK) {
        oc_free(alloc, s);
        if (worker)
            worker->type->close(worker);
        return status;
    }
    s->alloc = alloc;
    s->exec = exec;
    s->graph = oc_exec_graph(exec);
    s->options = with_defaults(options);
    s->worker = worker;
    status = fill_session(s);
    if (status != OC_OK) {
        oc_session_destroy(s);
        return status;
    }
    *session = s;
    return OC_OK;
}

/* ---- the edge's side of a run ------------------------------------------------------------------------ */

static void tell(const run *r, const char *event)
{
    if (r->s->options.on_event)
        r->s->options.on_event(r->s->options.event_ctx, event);
}

/* Where the host has the value: the caller's own input, or the staging memory. */
static const oc_tensor *host_tensor(const run *r, oc_id value)
{
    const oc_graph *g = r->s->graph;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == value)
            return &r->inputs[i];
    return &r->p->staging[value];
}

/* Sleep for a change; now and then look without one, so that the site can give up a device that never ends. */
static void doze(oc_session *s, uint64_t seen)
{
    oc_waker_wait(&s->waker, seen, oc_now_ns() + 1000000000u);
}

static oc_status wait_edge(run *r)
{
    oc_session *s = r->s;
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&s->waker);
        s->local->type->poll(r->p->edge, &now);
        if (now.status != OC_OK)
            return oc_fail(now.status, "%s", now.text);
        if (now.gets_done == r->edge_gets)
            return OC_OK;
        doze(s, seen);
    }
}

static oc_status run_on_edge(run *r, size_t index)
{
    const oc_site_type *local = r->s->local->type;
    const oc_step *step = &r->p->plan->steps[index];
    for (size_t i = 0; i < step->n_takes; i++) {
        oc_id v = step->takes[i];
        if (!r->p->on_edge[v])
            OC_TRY(local->put(r->p->edge, v, host_tensor(r, v)));
        r->p->on_edge[v] = true;
    }
    OC_TRY(local->submit(r->p->edge, r->p->first[index], step->part.n_nodes));
    for (size_t i = 0; i < step->n_gives; i++)
        r->p->on_edge[step->gives[i]] = true;
    return OC_OK;
}

/* Bring values from the edge's arena to the host; they stay in the arena too. */
static oc_status fetch_from_edge(run *r, const oc_id *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        oc_id v = values[i];
        if (r->p->on_host[v])
            continue;
        OC_TRY(r->s->local->type->get(r->p->edge, v, &r->p->staging[v]));
        r->edge_gets++;
        r->p->on_host[v] = true;
    }
    return wait_edge(r);
}

/* ---- the worker's side -------------------------------------------------------------------------------- */

static void set_reason(run *r, const char *fmt, ...) OC_PRINTF(2, 3);
static void set_reason(run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->report.reason, sizeof(r->report.reason), fmt, args);
    va_end(args);
}

/* Wait until the worker's part may be started. */
static oc_status wait_ready(run *r, oc_site_part *part)
{
    oc_session *s = r->s;
    uint64_t deadline = oc_now_ns() + (uint64_t)s->options.connect_timeout_ms * 1000000u;
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&s->waker);
        s->worker->type->poll(part, &now);
        if (now.is_ready && now.is_idle)
            return OC_OK;
        if (!now.is_ready && now.status != OC_OK) {
            set_reason(r, "%s", now.text);
            return now.status;
        }
        if (oc_now_ns() >= deadline) {
            set_reason(r, "worker %s: not ready within %u ms", s->options.workers[0],
                       s->options.connect_timeout_ms);
            return OC_E_DEADLINE;
        }
        oc_waker_wait(&s->waker, seen, deadline);
    }
}

/* A failed call of the worker's site becomes the reason; the text was set by the site. */
static oc_status ask(run *r, oc_status status)
{
    if (status != OC_OK)
        set_reason(r, "%s", oc_error_text());
    return status;
}

static oc_status send_to_worker(run *r, const oc_step *step, oc_site_part *part)
{
    const oc_site_type *worker = r->s->worker->type;
    OC_TRY(ask(r, worker->start(part, &r->site_run)));
    for (size_t i = 0; i < step->n_takes; i++)
        OC_TRY(ask(r, worker->put(part, step->takes[i], host_tensor(r, step->takes[i]))));
    OC_TRY(ask(r, worker->submit(part, 0, step->part.n_nodes)));
    for (size_t i = 0; i < step->n_gives; i++)
        OC_TRY(ask(r, worker->get(part, step->gives[i], &r->p->staging[step->gives[i]])));
    tell(r, "sent");
    return OC_OK;
}

static oc_status wait_worker(run *r, const oc_step *step, oc_site_part *part, oc_site_times *times)
{
    oc_session *s = r->s;
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&s->waker);
        s->worker->type->poll(part, &now);
        *times = now.times;
        if (now.status != OC_OK) {
            set_reason(r, "%s", now.text);
            return now.status;
        }
        if (now.is_idle && now.gets_done == step->n_gives)
            return OC_OK;
        if (oc_now_ns() >= r->site_run.deadline_ns) {
            set_reason(r, "worker %s: no answer within %u ms", s->options.workers[0],
                       s->options.worker_timeout_ms);
            return OC_E_DEADLINE;
        }
        oc_waker_wait(&s->waker, seen, r->site_run.deadline_ns);
    }
}

static void add_times(oc_report *report, const oc_site_times *times)
{
    report->encode_ns += times->encode_ns;
    report->send_ns += times->send_ns;
    report->queue_ns += times->queue_ns;
    report->cloud_ns += times->compute_ns;
    report->receive_ns += times->receive_ns;
}

static oc_status try_worker(run *r, size_t index)
{
    const oc_step *step = &r->p->plan->steps[index];
    oc_site_part *part = r->p->workers[index];
    oc_site_times times = {0};
    uint64_t begin_ns = oc_now_ns();
    oc_status status = wait_ready(r, part);
    uint64_t ready_ns = oc_now_ns();
    if (status == OC_OK) {
        r->site_run.deadline_ns = oc_now_ns() + (uint64_t)r->s->options.worker_timeout_ms * 1000000u;
        status = send_to_worker(r, step, part);
        if (status == OC_OK)
            status = wait_worker(r, step, part, &times);
        if (status != OC_OK)
            r->s->worker->type->cancel(part);
    }
    r->report.bytes_sent += times.bytes_sent;
    r->report.bytes_received += times.bytes_received;
    if (status != OC_OK) {
        r->report.lost_ns += oc_now_ns() - begin_ns;
        return status;
    }
    r->report.connect_ns += ready_ns - begin_ns;
    add_times(&r->report, &times);
    r->report.used_worker = true;
    for (size_t i = 0; i < step->n_gives; i++)
        r->p->on_host[step->gives[i]] = true;
    return OC_OK;
}

/* After a failure the rest of the plan stays here: a worker that failed once is not asked twice in one run. */
static oc_status run_on_worker(run *r, size_t index)
{
    if (r->worker_status == OC_OK)
        r->worker_status = try_worker(r, index);
    if (r->worker_status == OC_OK)
        return OC_OK;
    if (r->s->options.is_worker_required || !r->p->plan->has_fallback)
        return oc_fail(r->worker_status, "%s", r->report.reason);
    r->report.fell_back = true;
    oc_log(r->s->options.log, OC_LOG_WARN, "%s; its part runs here", r->report.reason);
    tell(r, "fallback");
    return run_on_edge(r, index);
}

/* ---- a run ---------------------------------------------------------------------------------------------- */

static oc_status check_tensors(const oc_graph *g, const char *what, const oc_id *ids, size_t expected,
                               const oc_tensor *tensors, size_t found)
{
    if (found != expected)
        return oc_fail(OC_E_ARG, "model %s has %zu %ss, found %zu", g->name, expected, what, found);
    for (size_t i = 0; i < expected; i++) {
        const oc_value *value = &g->values[ids[i]];
        char want[OC_SHAPE_TEXT], have[OC_SHAPE_TEXT];
        if (tensors[i].desc.dtype != value->desc.dtype)
            return oc_fail(OC_E_DTYPE, "%s \"%s\": expected %s, found %s", what, value->name,
                           oc_dtype_name(value->desc.dtype), oc_dtype_name(tensors[i].desc.dtype));
        if (!oc_shape_equal(&tensors[i].desc.shape, &value->desc.shape))
            return oc_fail(OC_E_SHAPE, "%s \"%s\": expected %s, found %s", what, value->name,
                           oc_shape_print(&value->desc.shape, want, sizeof(want)),
                           oc_shape_print(&tensors[i].desc.shape, have, sizeof(have)));
        if (!tensors[i].data)
            return oc_fail(OC_E_ARG, "%s \"%s\": it has no data", what, value->name);
    }
    return OC_OK;
}

static oc_status run_steps(run *r)
{
    const oc_plan *plan = r->p->plan;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const oc_step *step = &plan->steps[i];
        bool is_on_worker = plan->sites[step->site].role == OC_SITE_WORKER;
        if (step->kind == OC_STEP_RUN)
            OC_TRY(is_on_worker ? run_on_worker(r, i) : run_on_edge(r, i));
        else if (!is_on_worker && r->worker_status == OC_OK)
            OC_TRY(fetch_from_edge(r, step->takes, step->n_takes));
        /* What moves from a worker is on the host already; the edge gets it when a step takes it. */
    }
    return OC_OK;
}

static oc_status fetch_outputs(run *r, oc_tensor *outputs)
{
    const oc_graph *g = r->s->graph;
    for (size_t i = 0; i < g->n_outputs; i++) {
        oc_id v = g->outputs[i];
        size_t bytes;
        OC_TRY(oc_desc_bytes(&outputs[i].desc, &bytes));
        if (r->p->on_host[v] || g->values[v].constant) {
            memcpy(outputs[i].data, host_tensor(r, v)->data, bytes);
            continue;
        }
        OC_TRY(r->s->local->type->get(r->p->edge, v, &outputs[i]));
        r->edge_gets++;
    }
    return wait_edge(r);
}

static void begin_run(run *r)
{
    const oc_graph *g = r->s->graph;
    memset(r->p->on_edge, 0, g->n_values * sizeof(bool));
    memset(r->p->on_host, 0, g->n_values * sizeof(bool));
    for (size_t i = 0; i < g->n_inputs; i++)
        r->p->on_host[g->inputs[i]] = true;
    r->site_run = (oc_site_run){.id = ++r->s->n_runs, .deadline_ns = OC_NEVER_NS};
}

/* What the device holds, not what the plan foretold: a test compares the two. */
static void fill_memory(const run *r, oc_report *report)
{
    oc_site_progress now;
    r->s->local->type->poll(r->p->edge, &now);
    report->weight_bytes = oc_exec_weight_bytes(r->s->exec);
    report->arena_bytes = now.arena_bytes;
    report->arena_lower_bound = now.arena_lower_bound;
    report->scratch_bytes = now.scratch_bytes;
}

static void fill_report(run *r, uint64_t begin_ns)
{
    oc_report *p = &r->report;
    uint64_t away_ns = p->encode_ns + p->send_ns + p->queue_ns + p->cloud_ns + p->receive_ns +
                       p->connect_ns + p->lost_ns;
    p->total_ns = oc_now_ns() - begin_ns;
    p->edge_ns = p->total_ns > away_ns ? p->total_ns - away_ns : 0;
    fill_memory(r, p);
}

/* Until the device is idle it may write to the caller's memory, and the next run cannot start. */
static void settle_edge(run *r)
{
    for (;;) {
        oc_site_progress now;
        uint64_t seen = oc_waker_events(&r->s->waker);
        r->s->local->type->poll(r->p->edge, &now);
        if (now.is_idle)
            return;
        doze(r->s, seen);
    }
}

oc_status oc_session_run(oc_session *session, const oc_tensor *inputs, size_t n_inputs,
                         oc_tensor *outputs, size_t n_outputs, oc_report *report)
{
    const oc_graph *g = session->graph;
    run r = {.s = session, .p = &session->program, .inputs = inputs};
    uint64_t begin_ns = oc_now_ns();
    OC_TRY(check_tensors(g, "input", g->inputs, g->n_inputs, inputs, n_inputs));
    OC_TRY(check_tensors(g, "output", g->outputs, g->n_outputs, outputs, n_outputs));
    begin_run(&r);
    OC_TRY(session->local->type->start(r.p->edge, &r.site_run));
    oc_status status = run_steps(&r);
    if (status == OC_OK)
        status = fetch_outputs(&r, outputs);
    settle_edge(&r);
    fill_report(&r, begin_ns);
    if (report)
        *report = r.report;
    return status;
}
