/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offcut.v1 Status: what the worker is up to, for as long as a client listens. An answer goes out
 * before anything else is done with its request, because its times measure link and clocks.
 * docs/adr/0008-status-stream.md has the reasons.
 */
#include "oc_serve.h"

#include "offcut_v1.pb-c.h"

#include <stdio.h>

#define SERVICES_NS (UINT64_C(1) * 1000000000) /* between two lists of services */
#define NAMES_BYTES 2048 /* of a part's values; a part with more is left out */

/* ---- what is sent ---------------------------------------------------------------------------- */

/* The machine, as the telemetry thread read it last. */
static void fill_machine(oc_worker *w, Offcut__V1__StatusResponse *s)
{
    oc_machine_state state;
    oc_snapshot snapshot;
    oc_telemetry_state(w->telemetry, &state);
    oc_telemetry_read(w->telemetry, &snapshot);
    for (size_t i = snapshot.n_readings; i-- > 0;)
        if (snapshot.readings[i].quantity == OC_QUANTITY_CPU_LOAD)
            s->cpu_load = snapshot.readings[i].value;
    /* What is not known is NAN, which compares with nothing. */
    s->memory_available = state.memory_available > 0 ? state.memory_available : 0;
    s->has_temperature = state.temperature >= -300;
    s->temperature = s->has_temperature ? state.temperature : 0;
}

/* The time of a part that has never run: the mean of those that have. */
static uint64_t mean_ns(const oc_worker *w)
{
    uint64_t sum = 0, count = 0;
    for (const oc_serve_part *part = w->parts; part; part = part->next) {
        sum += part->times.typical_ns;
        count += part->times.n_runs > 0;
    }
    return count > 0 ? sum / count : 0;
}

static void fill_load(oc_worker *w, Offcut__V1__StatusResponse *s)
{
    oc_serve_load load;
    oc_serve_executor_load(&w->executor, mean_ns(w), oc_now_ns(), &load);
    s->queue_ns = load.queue_ns;
    s->n_waiting = load.n_waiting;
    s->n_running = load.n_running;
}

/* Names joined by commas; `*text` stays NULL where they are too long. */
static oc_status join_names(const oc_graph *g, const oc_id *ids, size_t count, oc_arena *scratch,
                            char **text)
{
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < count && bytes <= NAMES_BYTES; i++)
        bytes += strlen(g->values[ids[i]].name) + 1;
    if (bytes > NAMES_BYTES)
        return OC_OK;
    OC_TRY(oc_arena_alloc(scratch, bytes, 1, text));
    for (size_t i = 0; i < count; i++)
        at +=
            (size_t)snprintf(*text + at, bytes - at, "%s%s", i ? "," : "", g->values[ids[i]].name);
    return OC_OK;
}

static oc_status fill_service(const oc_serve_part *part, oc_arena *scratch,
                              Offcut__V1__Service *service)
{
    const oc_graph *g = part->model->graph;
    offcut__v1__service__init(service);
    service->takes = service->gives = NULL;
    OC_TRY(join_names(g, part->part.takes, part->part.n_takes, scratch, &service->takes));
    OC_TRY(join_names(g, part->part.gives, part->part.n_gives, scratch, &service->gives));
    service->model = part->model->name;
    service->compute_ns = part->times.typical_ns;
    service->n_runs = part->times.n_runs;
    return OC_OK;
}

static oc_status fill_services(const oc_worker *w, oc_arena *scratch, Offcut__V1__StatusResponse *s)
{
    Offcut__V1__Service *rows;
    OC_TRY(OC_ARENA_ALLOC(scratch, OC_SERVE_PARTS, rows));
    OC_TRY(OC_ARENA_ALLOC(scratch, OC_SERVE_PARTS, s->services));
    for (const oc_serve_part *part = w->parts; part && s->n_services < OC_SERVE_PARTS;
         part = part->next) {
        Offcut__V1__Service *row = &rows[s->n_services];
        if (part->times.n_runs == 0)
            continue;
        OC_TRY(fill_service(part, scratch, row));
        if (row->takes && row->gives)
            s->services[s->n_services++] = row;
    }
    return OC_OK;
}

/* Not with an answer, unless answers are all that this client gets. */
static bool wants_services(const oc_serve_call *c, uint64_t id, uint64_t now_ns)
{
    const oc_serve_status *status = &c->status;
    return status->services_at != c->worker->n_measured &&
           now_ns - status->services_ns >= SERVICES_NS && (id == 0 || status->interval_ns == 0);
}

static oc_status send_status(oc_serve_call *c, uint64_t id, uint64_t received_ns)
{
    Offcut__V1__StatusResponse response = OFFCUT__V1__STATUS_RESPONSE__INIT;
    oc_serve_status *status = &c->status;
    oc_arena scratch;
    oc_status done = OC_OK;
    oc_arena_init(&scratch, c->worker->alloc);
    fill_machine(c->worker, &response);
    fill_load(c->worker, &response);
    if (wants_services(c, id, oc_now_ns())) {
        done = fill_services(c->worker, &scratch, &response);
        status->services_ns = oc_now_ns();
        status->services_at = c->worker->n_measured;
    }
    response.id = id;
    response.received_at_ns = received_ns;
    if (done == OC_OK) {
        response.sent_at_ns = oc_now_ns();
        oc_serve_call_send(c, oc_rpc_pack(&response.base));
    }
    oc_arena_fini(&scratch);
    return done;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static oc_status read_request(oc_bytes bytes, uint64_t *id, uint64_t *interval_ms)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *id = *interval_ms = 0;
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number == 1 && field.type == OC_WIRE_VARINT)
            *id = field.value;
        else if (field.number == 2 && field.type == OC_WIRE_VARINT)
            *interval_ms = field.value;
    }
    if (*id == 0)
        return oc_fail(OC_E_ARG, "StatusRequest: id: expected a number above 0, found 0");
    return OC_OK;
}

static oc_status open_status(oc_serve_call *c)
{
    oc_worker *w = c->worker;
    if (oc_serve_is_stopping(w))
        return oc_fail(OC_E_LOST, "the worker is stopping");
    if (w->n_statuses == OC_SERVE_STATUSES)
        return oc_fail(OC_E_BUSY, "the worker has %d Status streams, no more are taken",
                       OC_SERVE_STATUSES);
    c->status = (oc_serve_status){.is_open = true, .due_ns = OC_NEVER_NS};
    w->n_statuses++;
    return OC_OK;
}

void oc_serve_status_close(oc_serve_call *call)
{
    call->worker->n_statuses -= call->status.is_open;
    call->status = (oc_serve_status){0};
}

static void set_interval(oc_serve_call *c, uint64_t interval_ms)
{
    oc_serve_status *s = &c->status;
    uint64_t ms = OC_MAX(interval_ms, (uint64_t)OC_RPC_STATUS_MIN_MS);
    ms = OC_MIN(ms, (uint64_t)OC_RPC_STATUS_MAX_MS);
    s->interval_ns = interval_ms > 0 ? ms * 1000000 : 0;
    s->due_ns = interval_ms > 0 ? c->heard_ns + s->interval_ns : OC_NEVER_NS;
    c->worker->loop.due_ns = OC_MIN(c->worker->loop.due_ns, s->due_ns);
}

/* The next request is read once this one is answered: a client that asks without taking waits. */
static oc_status answer(oc_serve_call *c)
{
    c->status.is_asked = false;
    OC_TRY(send_status(c, c->status.id, c->status.received_ns));
    oc_serve_call_read(c);
    return OC_OK;
}

oc_status oc_serve_status_message(oc_serve_call *call, oc_bytes bytes)
{
    oc_serve_status *s = &call->status;
    uint64_t id, interval_ms;
    OC_TRY(read_request(bytes, &id, &interval_ms));
    if (!s->is_open)
        OC_TRY(open_status(call));
    s->id = id;
    s->received_ns = call->heard_ns;
    set_interval(call, interval_ms);
    s->is_asked = call->sending != NULL;
    return s->is_asked ? OC_OK : answer(call);
}

oc_status oc_serve_status_sent(oc_serve_call *call)
{
    if (call->status.is_asked)
        return answer(call);
    if (call->status.has_ended)
        oc_serve_call_end(call, OC_OK, NULL);
    return OC_OK;
}

oc_status oc_serve_status_finished(oc_serve_call *call)
{
    if (!call->status.is_open)
        return oc_fail(OC_E_FORMAT, "expected a StatusRequest, found none");
    call->status.has_ended = true;
    if (!call->sending)
        oc_serve_call_end(call, OC_OK, NULL);
    return OC_OK;
}

/* A message that nobody asked for. One that is still on its way stands for this one too. */
static void send_due(oc_serve_call *c, uint64_t now_ns)
{
    c->status.due_ns = now_ns + c->status.interval_ns;
    if (c->sending)
        return;
    oc_status status = send_status(c, 0, 0);
    if (status != OC_OK)
        oc_serve_call_end(c, status, NULL);
}

void oc_serve_status_tick(oc_worker *worker, uint64_t now_ns)
{
    for (size_t i = 0; i < worker->n_calls; i++) {
        oc_serve_call *c = &worker->calls[i];
        if (!c->status.is_open || c->is_ended || c->status.interval_ns == 0)
            continue;
        if (c->status.due_ns <= now_ns)
            send_due(c, now_ns);
        worker->loop.due_ns = OC_MIN(worker->loop.due_ns, c->status.due_ns);
    }
}
