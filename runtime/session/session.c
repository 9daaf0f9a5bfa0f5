/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions: making and closing them, options, one run's frame, and what the public may read. */
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <sys/random.h>

/* ---- life ------------------------------------------------------------------------------------ */

oc_status oc_session_set_plan(oc_session *session, const oc_plan *plan)
{
    program made = {.plan = NULL};
    const oc_plan *wanted = plan ? plan : session->all_local;
    if (wanted && wanted->graph != session->graph)
        return oc_fail(OC_E_MISMATCH, "plan %s is of another model than this session",
                       wanted->name);
    if (wanted && oc_plan_needs_worker(wanted) && session->n_workers == 0)
        return oc_fail(OC_E_ARG, "plan %s needs a worker, the session has none", wanted->name);
    /* By a policy, a session has no use for the plan of running everything here. */
    bool is_needed = wanted && (plan || !session->adapt);
    if (is_needed)
        OC_TRY(program_make(session, wanted, &made));
    program_fini(session, &session->program);
    session->program = made;
    session->has_plan = plan != NULL;
    return OC_OK;
}

void oc_session_destroy(oc_session *session)
{
    if (!session)
        return;
    program_fini(session, &session->program);
    adapt_destroy(session);
    for (size_t i = 0; i < session->n_workers; i++)
        session->workers[i]->type->close(session->workers[i]);
    if (session->local)
        session->local->type->close(session->local);
    oc_telemetry_close(session->telemetry);
    oc_trace_destroy(session->trace);
    oc_plan_destroy(session->all_local);
    oc_waker_fini(&session->waker);
    oc_free(session->alloc, session);
}

static bool can_run_all(const oc_session *s)
{
    for (size_t n = 0; n < s->graph->n_nodes; n++)
        if (!oc_exec_is_ready(s->exec, (oc_id)n))
            return false;
    return true;
}

static oc_status fill_session(oc_session *s)
{
    const oc_session_options *options = &s->options;
    if (!(options->audit >= 0 && options->audit <= 1))
        return oc_fail(OC_E_ARG, "audit: expected a share from 0 to 1, found %g", options->audit);
    OC_TRY(oc_local_site_open(s->exec, s->alloc, &s->local));
    if (options->trace_spans > 0)
        OC_TRY(oc_trace_create(options->trace_spans, s->alloc, &s->trace));
    const char *root = options->telemetry_root ? options->telemetry_root : "";
    if (options->policy) {
        OC_TRY(oc_telemetry_open(root, 200, s->alloc, &s->telemetry));
        OC_TRY(adapt_create(s));
    } else {
        OC_TRY(oc_telemetry_open(root, 0, s->alloc, &s->telemetry));
    }
    if (s->is_whole)
        OC_TRY(oc_plan_make_local(s->graph, s->alloc, &s->all_local));
    return oc_session_set_plan(s, NULL);
}

static void set_options(oc_session *s, const oc_session_options *options)
{
    const oc_session_options none = {0};
    s->options = options ? *options : none;
    if (s->options.connect_timeout_ms == 0)
        s->options.connect_timeout_ms = 2000;
    if (s->options.worker_timeout_ms == 0)
        s->options.worker_timeout_ms = 10000;
    for (size_t i = 0; i < s->n_workers; i++)
        snprintf(s->names[i], sizeof(s->names[i]), "%s", s->options.workers[i]);
}

/* Two sessions of one machine must not share it, and workers must not guess it. */
static uint64_t random_id(void)
{
    uint64_t id = 0;
    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
        id = oc_now_ns() * 0x9E3779B97F4A7C15u;
    return id ? id : 1;
}

static oc_status begin_session(oc_exec *exec, const oc_allocator *alloc, oc_session **session)
{
    oc_session *s = NULL;
    OC_TRY(OC_ALLOC(alloc, 1, s));
    s->alloc = alloc;
    s->exec = exec;
    s->graph = oc_exec_graph(exec);
    s->id = random_id();
    s->made_ns = oc_now_ns();
    s->is_whole = can_run_all(s);
    oc_status status = oc_waker_init(&s->waker);
    if (status != OC_OK)
        oc_free(alloc, s);
    else
        *session = s;
    return status;
}

oc_status oc_session_make(oc_exec *exec, oc_site *const *workers, const oc_session_options *options,
                          const oc_allocator *alloc, oc_session **session)
{
    oc_session *s = NULL;
    size_t n_workers = options ? options->n_workers : 0;
    oc_status status = OC_OK;
    if (n_workers > OC_WORKERS_MAX)
        status =
            oc_fail(OC_E_ARG, "workers: expected at most %d, found %zu", OC_WORKERS_MAX, n_workers);
    if (status == OC_OK)
        status = begin_session(exec, oc_allocator_or_default(alloc), &s);
    if (status != OC_OK) {
        for (size_t i = 0; i < n_workers; i++)
            workers[i]->type->close(workers[i]);
        return status;
    }
    s->n_workers = n_workers;
    for (size_t i = 0; i < n_workers; i++)
        s->workers[i] = workers[i];
    set_options(s, options);
    status = fill_session(s);
    if (status != OC_OK) {
        oc_session_destroy(s);
        return status;
    }
    *session = s;
    return OC_OK;
}

/* ---- what the parts of a run share ----------------------------------------------------------- */

void run_tell(const run *r, const char *event)
{
    if (r->s->options.on_event)
        r->s->options.on_event(r->s->options.event_ctx, event);
}

void run_wait(run *r, uint64_t seen, uint64_t until_ns)
{
    until_ns = OC_MIN(until_ns, oc_now_ns() + 1000000000u);
    oc_waker_wait(&r->s->waker, seen, OC_MIN(until_ns, r->deadline_ns));
}

bool run_is_late(const run *r)
{
    return r->deadline_ns != OC_NEVER_NS && oc_now_ns() >= r->deadline_ns;
}

oc_status run_fail_late(const run *r, const char *what)
{
    const char *reason = r->report.reason;
    return oc_fail(OC_E_DEADLINE, "the run's deadline of %.0f ms passed: %s%s%s",
                   (double)(r->deadline_ns - r->begin_ns) / 1e6, what,
                   reason[0] ? "; before: " : "", reason);
}

void run_set_reason(run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->report.reason, sizeof(r->report.reason), fmt, args);
    va_end(args);
}

void run_deliver(run *r)
{
    const oc_graph *g = r->s->graph;
    for (size_t i = 0; i < g->n_outputs; i++) {
        const oc_tensor *from = r->edge->at_host[g->outputs[i]];
        size_t bytes;
        if (from && oc_desc_bytes(&from->desc, &bytes) == OC_OK && bytes)
            memcpy(r->outputs[i].data, from->data, bytes);
    }
}

/* By a hash of the run's number (splitmix64's last step), so that a run can be repeated. */
bool run_is_audited(const run *r)
{
    uint64_t h = r->site_run.id * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    h ^= h >> 31;
    return (double)(h >> 11) * 0x1p-53 < r->s->options.audit;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static oc_status check_tensors(const oc_graph *g, const char *what, const oc_id *ids,
                               size_t expected, const oc_tensor *tensors, size_t found)
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

static bool follows_policy(const oc_session *s)
{
    return s->adapt && !s->has_plan;
}

static void begin_run(run *r)
{
    oc_session *s = r->s;
    double limit_ns = s->options.deadline_ms ? s->options.deadline_ms * 1e6 : INFINITY;
    if (follows_policy(s))
        adapt_flush_log(s);
    r->begin_ns = oc_now_ns();
    r->worker_status = OC_E_LOST;
    if (follows_policy(s))
        limit_ns = fmin(limit_ns, adapt_deadline_ns(s));
    r->deadline_ns = limit_ns < 9e18 ? r->begin_ns + (uint64_t)limit_ns : OC_NEVER_NS;
    r->site_run = (oc_site_run){.id = ++s->n_runs, .session = s->id, .deadline_ns = r->deadline_ns};
    /* What was begun here beside a worker may be left behind: a hedge, an audit. */
    r->is_staged = r->deadline_ns != OC_NEVER_NS ||
                   (follows_policy(s) && (s->options.is_hedged || run_is_audited(r)));
    if (s->connect_until_ns == 0)
        s->connect_until_ns = r->begin_ns + (uint64_t)s->options.connect_timeout_ms * 1000000u;
}

/* What the device holds, not what the plan foretold: a test compares the two. */
static void fill_memory(run *r)
{
    oc_site_progress now;
    edge_poll(r, &now);
    r->report.weight_bytes = oc_exec_weight_bytes(r->s->exec);
    r->report.arena_bytes = now.arena_bytes;
    r->report.arena_lower_bound = now.arena_lower_bound;
    r->report.scratch_bytes = now.scratch_bytes;
}

static void fill_report(run *r)
{
    oc_report *p = &r->report;
    uint64_t away_ns = p->encode_ns + p->send_ns + p->queue_ns + p->cloud_ns + p->receive_ns +
                       p->connect_ns + p->lost_ns;
    p->total_ns = oc_now_ns() - r->begin_ns;
    p->edge_ns = p->total_ns > away_ns ? p->total_ns - away_ns : 0;
    fill_memory(r);
}

/*
 * Until the device is idle it may use the caller's memory; of a run by policy that ended well only
 * where the device failed.
 */
static bool must_settle(run *r, oc_status status)
{
    oc_site_progress now;
    if (r->is_staged || !r->edge->is_begun)
        return false;
    edge_poll(r, &now);
    return status != OC_OK || !follows_policy(r->s) || now.status != OC_OK;
}

oc_status oc_session_run(oc_session *session, const oc_tensor *inputs, size_t n_inputs,
                         oc_tensor *outputs, size_t n_outputs, oc_report *report)
{
    const oc_graph *g = session->graph;
    run r = {.s = session, .inputs = inputs, .outputs = outputs};
    OC_TRY(check_tensors(g, "input", g->inputs, g->n_inputs, inputs, n_inputs));
    OC_TRY(check_tensors(g, "output", g->outputs, g->n_outputs, outputs, n_outputs));
    if (!follows_policy(session) && !session->program.plan)
        return oc_fail(OC_E_ARG, "model %s: only a part of it was prepared here, set a plan",
                       g->name);
    begin_run(&r);
    if (!follows_policy(session)) {
        r.edge = &session->program.edge;
        edge_reset(&r);
    }
    oc_status status = follows_policy(session) ? adapt_run(&r) : walk_run(&r);
    if (must_settle(&r, status))
        edge_settle(&r);
    fill_report(&r);
    spans_run(&r);
    if (report)
        *report = r.report;
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

void oc_session_snapshot(oc_session *session, oc_snapshot *snapshot)
{
    *snapshot = (oc_snapshot){0};
    if (!session->adapt)
        oc_telemetry_sample(session->telemetry, oc_now_ns());
    oc_telemetry_read(session->telemetry, snapshot);
    snapshot->at_ns = oc_now_ns();
    /* A machine may have more sensors than fit: the session's own figure is not to be found there. */
    snapshot->n_readings = OC_MIN(snapshot->n_readings + 1, (size_t)OC_READINGS_MAX);
    oc_reading *queue = &snapshot->readings[snapshot->n_readings - 1];
    *queue = (oc_reading){
        .quantity = OC_QUANTITY_DEVICE_QUEUE, .label = "device", .at_ns = snapshot->at_ns};
    queue->value = atomic_load(&oc_exec_dev(session->exec)->n_pending);
    for (size_t i = 0; i < session->n_workers; i++) {
        oc_site_health health = {0};
        session->workers[i]->type->health(session->workers[i], &health);
        snapshot->workers[snapshot->n_workers++] = health.worker;
    }
}

oc_status oc_session_trace_write(const oc_session *session, const char *path)
{
    const char *names[OC_SITES_MAX] = {"edge"};
    oc_buf json;
    if (!session->trace)
        return oc_fail(OC_E_ARG, "trace: this session keeps no spans");
    for (size_t i = 0; i < session->n_workers; i++)
        names[i + 1] = session->names[i];
    oc_buf_init(&json, session->alloc);
    oc_status status =
        oc_trace_print(session->trace, session->graph->name, names, session->n_workers + 1, &json);
    if (status == OC_OK)
        status = oc_file_replace(path, json.data, json.size);
    oc_buf_fini(&json);
    return status;
}
