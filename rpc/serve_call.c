/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on the worker's side. A call is a set of tags under way; it is released when the last of
 * them has come back. Everything here runs on the loop's thread, except on_done.
 */
#include "oc_serve.h"

#include <stdio.h>

static void listen_next(oc_worker *w);
static void make_room(oc_worker *w, const oc_serve_call *newcomer);
static void free_place(oc_worker *w);
static void release_when_done(oc_serve_call *c);

/* Begin a batch. A batch that gRPC refuses (the call has broken) leaves the rest to on_closed. */
static void start(oc_serve_call *c, const grpc_op *ops, size_t count, oc_rpc_tag *tag)
{
    if (grpc_call_start_batch(c->call, ops, count, tag, NULL) == GRPC_CALL_OK)
        c->pending++;
    else
        grpc_call_cancel(c->call, NULL);
}

/* ---- what methods use ------------------------------------------------------------------------ */

void oc_serve_call_read(oc_serve_call *call)
{
    const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE,
                        .data.recv_message.recv_message = &call->received};
    call->moved_ns = oc_now_ns();
    start(call, &op, 1, &call->on_message);
}

/* The first thing that goes back carries the initial metadata. Returns how many ops were filled. */
static size_t fill_send(oc_serve_call *c, grpc_byte_buffer *message, grpc_op ops[3])
{
    size_t count = 0;
    memset(ops, 0, 3 * sizeof(*ops));
    if (!c->is_greeted)
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    c->is_greeted = true;
    c->moved_ns = oc_now_ns();
    c->sending = message; /* kept until on_sent */
    if (message) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = message;
    }
    return count;
}

void oc_serve_call_send(oc_serve_call *call, grpc_byte_buffer *message)
{
    grpc_op ops[3];
    size_t count = fill_send(call, message, ops);
    start(call, ops, count, &call->on_sent);
}

void oc_serve_call_end(oc_serve_call *call, oc_status status, grpc_byte_buffer *message)
{
    grpc_op ops[3];
    if (call->sending) { /* gRPC takes one message at a time, and the client may never take this one */
        call->is_ended = true;
        grpc_call_cancel_with_status(call->call, oc_rpc_code(status),
                                     status == OC_OK ? "" : oc_error_text(), NULL);
        return;
    }
    grpc_slice text = grpc_slice_from_copied_string(status == OC_OK ? "" : oc_error_text());
    grpc_metadata name = {.key = grpc_slice_from_static_string(OC_RPC_STATUS_KEY),
                          .value = grpc_slice_from_static_string(oc_status_name(status))};
    size_t count = fill_send(call, message, ops);
    ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[count].data.send_status_from_server.status = oc_rpc_code(status);
    if (status != OC_OK) {
        ops[count].data.send_status_from_server.status_details = &text;
        ops[count].data.send_status_from_server.trailing_metadata = &name;
        ops[count].data.send_status_from_server.trailing_metadata_count = 1;
        oc_log(call->worker->log, OC_LOG_DEBUG, "%s: %s: %s",
               call->method ? call->method->path : "call", oc_status_name(status), oc_error_text());
    }
    call->is_ended = true;
    start(call, ops, count + 1, &call->on_sent);
    grpc_slice_unref(text);
}

oc_status oc_serve_call_open(oc_serve_call *call, const oc_serve_model *model, const oc_id *takes,
                             size_t n_takes, const oc_id *gives, size_t n_gives)
{
    oc_worker *w = call->worker;
    oc_serve_request *r = NULL;
    if (oc_serve_is_stopping(w))
        return oc_fail(OC_E_LOST, "the worker is stopping: the part was not run");
    if (w->n_requests >= w->requests_max)
        free_place(w);
    if (w->n_requests >= w->requests_max)
        return oc_fail(OC_E_BUSY, "the worker is full: it has %zu requests, at most %u are taken",
                       w->n_requests, w->requests_max);
    OC_TRY(oc_serve_request_open(w, model, takes, n_takes, gives, n_gives, &r));
    w->n_requests++;
    r->deadline_ns = oc_rpc_deadline_ns(call->details.deadline);
    call->request = r;
    return OC_OK;
}

/* On the executor's thread: an empty batch does nothing but bring its tag to the loop. */
static void on_done(void *owner)
{
    oc_serve_call *c = owner;
    grpc_call_start_batch(c->call, NULL, 0, &c->on_ran, NULL);
}

void oc_serve_call_run(oc_serve_call *call)
{
    call->request->done = on_done;
    call->request->owner = call;
    call->is_running = true;
    call->pending++;
    oc_serve_executor_put(&call->worker->executor, call->request);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void on_new(void *owner, bool ok)
{
    oc_serve_call *c = owner;
    oc_worker *w = c->worker;
    const grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                           .data.recv_close_on_server.cancelled = &c->is_cancelled};
    w->is_listening = false;
    c->pending--;
    if (!ok) { /* the server shuts down */
        w->is_closed = true;
        release_when_done(c);
        oc_serve_on_tick(w);
        return;
    }
    c->is_open = true;
    c->opened_ns = c->moved_ns = oc_now_ns();
    c->method = oc_serve_find_method(c->details.method);
    start(c, &close, 1, &c->on_closed);
    if (c->method)
        oc_serve_call_read(c);
    else
        oc_serve_call_end(c,
                          oc_fail(OC_E_UNSUPPORTED, "the worker has no method %.*s",
                                  (int)OC_MIN(GRPC_SLICE_LENGTH(c->details.method), (size_t)200),
                                  (const char *)GRPC_SLICE_START_PTR(c->details.method)),
                          NULL);
    make_room(w, c);
    listen_next(w);
}

static oc_status take_message(oc_serve_call *c, grpc_byte_buffer *received)
{
    const oc_serve_method *method = c->method;
    grpc_byte_buffer *reply = NULL;
    grpc_slice slice;
    oc_bytes bytes;
    if (!received && method->finished)
        return method->finished(c);
    if (!received && c->request)
        return oc_fail(OC_E_FORMAT, "the client ended before it had sent every value of takes");
    OC_TRY(oc_rpc_bytes(received,
                        method->bytes_max ? method->bytes_max : c->worker->message_bytes_max,
                        &slice, &bytes));
    oc_status status =
        method->answer ? method->answer(c->worker, bytes, &reply) : method->message(c, bytes);
    grpc_slice_unref(slice);
    if (status == OC_OK && reply)
        oc_serve_call_end(c, OC_OK, reply);
    return status;
}

static void on_message(void *owner, bool ok)
{
    oc_serve_call *c = owner;
    grpc_byte_buffer *received = c->received; /* the next read may fill it again at once */
    c->received = NULL;
    c->heard_ns = oc_now_ns();
    c->pending--;
    (void)ok; /* without a message: the same as a client that ended */
    if (!c->is_ended) {
        oc_status status = take_message(c, received);
        if (status != OC_OK)
            oc_serve_call_end(c, status, NULL);
    }
    grpc_byte_buffer_destroy(received);
    release_when_done(c);
}

static void on_ran(void *owner, bool ok)
{
    oc_serve_call *c = owner;
    (void)ok;
    oc_serve_executor_take(&c->worker->executor, c->request);
    oc_status status = c->request->status;
    c->pending--;
    c->is_running = false;
    if (status == OC_OK && !c->request->node_ns) {
        oc_serve_times_add(&c->request->part->times, c->request->compute_ns);
        c->worker->n_measured++;
    }
    if (!c->is_ended) {
        c->is_answering = true;
        status = status == OC_OK ? c->method->ran(c) : oc_fail(status, "%s", c->request->text);
        if (status != OC_OK)
            oc_serve_call_end(c, status, NULL);
    }
    release_when_done(c);
}

static void on_sent(void *owner, bool ok)
{
    oc_serve_call *c = owner;
    c->pending--;
    grpc_byte_buffer_destroy(c->sending);
    c->sending = NULL;
    if (ok && !c->is_ended) {
        oc_status status = c->method->sent(c);
        if (status != OC_OK)
            oc_serve_call_end(c, status, NULL);
    }
    release_when_done(c);
}

/* Nobody waits for the answer: what has not begun is not run. */
static void give_up_request(oc_serve_call *c)
{
    if (!c->is_running)
        return;
    atomic_store(&c->request->is_unwanted, true);
    if (oc_serve_executor_drop(&c->worker->executor, c->request)) {
        c->is_running = false;
        c->pending--;
    }
}

/* Comes once for each call: after its status, or because the client cancelled or is gone. */
static void on_closed(void *owner, bool ok)
{
    oc_serve_call *c = owner;
    (void)ok;
    c->pending--;
    c->is_ended = true;
    give_up_request(c);
    release_when_done(c);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void listen_next(oc_worker *w)
{
    oc_serve_call *c = w->free_calls;
    if (w->is_listening || w->is_closed || !c)
        return;
    w->free_calls = c->next;
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->metadata);
    if (grpc_server_request_call(w->server, &c->call, &c->details, &c->metadata, w->loop.queue,
                                 w->loop.queue, &c->on_new) == GRPC_CALL_OK) {
        c->pending++;
        w->is_listening = true;
        return;
    }
    w->is_closed = true;
    release_when_done(c);
}

static void close_request(oc_serve_call *c)
{
    if (!c->request)
        return;
    oc_serve_request_close(c->worker, c->request);
    c->worker->n_requests -= !c->has_left;
    c->has_left = false;
    c->request = NULL;
}

static void release_when_done(oc_serve_call *c)
{
    oc_worker *w = c->worker;
    if (c->pending > 0)
        return;
    close_request(c);
    oc_serve_status_close(c);
    grpc_byte_buffer_destroy(c->sending); /* where gRPC refused the batch */
    c->sending = NULL;
    if (c->call)
        grpc_call_unref(c->call);
    grpc_call_details_destroy(&c->details);
    grpc_metadata_array_destroy(&c->metadata);
    c->call = NULL;
    c->method = NULL;
    c->is_open = c->is_greeted = c->is_ended = c->is_cut = c->is_running = c->is_answering = false;
    c->next = w->free_calls;
    w->free_calls = c;
    if (!oc_serve_is_stopping(w))
        listen_next(w);
}

/* A call that its client owes a message: no answer has begun, and none is being made. */
static bool is_owed(const oc_serve_call *c)
{
    return !c->is_ended && !c->is_running && !c->is_answering;
}

/* Take the call's place away without waiting for its client: it may not read either. */
static void cut(oc_serve_call *c, const char *why)
{
    oc_log(c->worker->log, OC_LOG_DEBUG, "%s: cut: %s", c->method ? c->method->path : "call", why);
    c->is_cut = c->is_ended = true;
    grpc_call_cancel_with_status(c->call, GRPC_STATUS_RESOURCE_EXHAUSTED, why, NULL);
}

/* Whether it has an open place, and nothing of it is queued or runs. A Status stream has a place of its own. */
static bool is_idle(const oc_serve_call *c)
{
    return c->is_open && !c->is_cut && !c->is_running && !c->status.is_open;
}

/* The call that moved longest ago of those that `may_go`. */
static oc_serve_call *find_oldest(oc_worker *w, const oc_serve_call *except,
                                  bool (*may_go)(const oc_serve_call *c))
{
    oc_serve_call *oldest = NULL;
    for (size_t i = 0; i < w->n_calls; i++) {
        oc_serve_call *c = &w->calls[i];
        if (c != except && is_idle(c) && may_go(c) && (!oldest || c->moved_ns < oldest->moved_ns))
            oldest = c;
    }
    return oldest;
}

static bool awaits_first(const oc_serve_call *c)
{
    return is_owed(c) && !c->request && !c->status.is_open;
}

static bool is_slow(const oc_serve_call *c)
{
    return oc_now_ns() - c->moved_ns > c->worker->first_ns;
}

static bool is_slow_to_fill(const oc_serve_call *c)
{
    return c->request && is_owed(c) && is_slow(c);
}

/*
 * Where every call is in use, the one that has waited longest for its first message goes, else one
 * whose client has long done nothing: those who only hold places keep nobody out. A newcomer stays.
 */
static void make_room(oc_worker *w, const oc_serve_call *newcomer)
{
    if (w->free_calls)
        return;
    oc_serve_call *c = find_oldest(w, newcomer, awaits_first);
    if (!c)
        c = find_oldest(w, newcomer, is_slow);
    if (c)
        cut(c, "the worker has no call left: this one sent and took nothing for the longest time");
}

/* Likewise where every request is in use, one that is filled too slowly goes. */
static void free_place(oc_worker *w)
{
    oc_serve_call *c = find_oldest(w, NULL, is_slow_to_fill);
    if (!c)
        return;
    cut(c, "the worker is full: this request waited for its values for the longest time");
    close_request(c); /* its place is free at once */
}

/* What a client has for its next message. A large one comes whole, which takes its time. */
static uint64_t patience_ns(const oc_serve_call *c)
{
    const oc_worker *w = c->worker;
    if (c->status
            .is_open) /* between its messages it may be silent, as long as it was promised to be */
        return w->stall_ns + (c->status.interval_ns ? c->status.interval_ns
                                                    : OC_RPC_STATUS_MAX_MS * UINT64_C(1000000));
    bool is_small = awaits_first(c) && c->method->bytes_max > 0;
    return is_small ? OC_MIN(w->first_ns, w->stall_ns) : w->stall_ns;
}

/* A client that neither sends what it owes nor takes what it asked for has its place taken away. */
static void check_call(oc_serve_call *c, bool is_stopping)
{
    uint64_t patience = patience_ns(c);
    bool is_stalled = oc_now_ns() - c->moved_ns > patience;
    if (is_owed(c) && is_stopping)
        oc_serve_call_end(c, oc_fail(OC_E_LOST, "the worker is stopping"), NULL);
    else if (is_owed(c) && is_stalled)
        oc_serve_call_end(c,
                          oc_fail(OC_E_DEADLINE, "the client sent nothing for %llu ms",
                                  (unsigned long long)patience / 1000000),
                          NULL);
    else if (!c->is_running && is_stalled)
        grpc_call_cancel(c->call, NULL);
}

/* Its place is free at once. What runs by now holds only memory, and there is but one of that. */
static void leave_place(oc_serve_call *c)
{
    give_up_request(c);
    if (!c->is_running) {
        close_request(c);
        return;
    }
    c->worker->n_requests--;
    c->has_left = true;
}

void oc_serve_call_supersede(const oc_serve_call *call, uint64_t session, uint64_t id)
{
    oc_worker *w = call->worker;
    for (size_t i = 0; i < w->n_calls && session != 0; i++) {
        oc_serve_call *c = &w->calls[i];
        const oc_serve_request *r = c->request;
        if (c == call || !c->is_open || c->is_cut || !r || r->session != session || r->id != id)
            continue;
        oc_log(w->log, OC_LOG_INFO, "request %llu of session %016llx: its older try is dropped",
               (unsigned long long)id, (unsigned long long)session);
        cut(c, "a newer try of this request came");
        leave_place(c);
    }
}

void oc_serve_on_tick(void *worker)
{
    oc_worker *w = worker;
    bool is_stopping = oc_serve_is_stopping(w);
    for (size_t i = 0; i < w->n_calls; i++)
        if (w->calls[i].is_open)
            check_call(&w->calls[i], is_stopping);
    if (!is_stopping)
        oc_serve_status_tick(w, oc_now_ns());
    if (!is_stopping && !w->is_listening)
        make_room(w, NULL);
}

void oc_serve_calls_begin(oc_worker *worker)
{
    listen_next(worker);
}

oc_status oc_serve_calls_init(oc_worker *worker)
{
    size_t count;
    OC_TRY(oc_add_size(worker->requests_max, OC_SERVE_CALLS_SPARE + OC_SERVE_STATUSES, &count));
    OC_TRY(OC_ALLOC(worker->alloc, count, worker->calls));
    worker->n_calls = count;
    for (size_t i = 0; i < count; i++) {
        oc_serve_call *c = &worker->calls[i];
        c->worker = worker;
        c->on_new = (oc_rpc_tag){on_new, c};
        c->on_message = (oc_rpc_tag){on_message, c};
        c->on_sent = (oc_rpc_tag){on_sent, c};
        c->on_closed = (oc_rpc_tag){on_closed, c};
        c->on_ran = (oc_rpc_tag){on_ran, c};
        oc_buf_init(&c->id, worker->alloc);
        oc_buf_init(&c->head, worker->alloc);
        oc_buf_init(&c->tensor, worker->alloc);
        c->next = worker->free_calls;
        worker->free_calls = c;
    }
    return OC_OK;
}

void oc_serve_calls_fini(oc_worker *worker)
{
    for (size_t i = 0; i < worker->n_calls; i++) {
        oc_buf_fini(&worker->calls[i].id);
        oc_buf_fini(&worker->calls[i].head);
        oc_buf_fini(&worker->calls[i].tensor);
    }
    oc_free(worker->alloc, worker->calls);
}
