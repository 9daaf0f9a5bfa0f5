/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs on a worker. The session's thread and the loop's share a part under its lock. Values are
 * encoded chunk by chunk when the link has taken the one before, and results are copied to where
 * the caller wants them as they come: straight from and to the caller's memory, never after a
 * cancel.
 */
#include "remote.h"

#include "oc_tensor.h"
#include "offcut_v1.pb-c.h"

#include <grpc/support/time.h>
#include <stdio.h>

/* ---- one run: what is sent ------------------------------------------------------------------- */

static remote_site *site_of(const remote_part *p)
{
    return remote_site_of(p->base.site);
}

/* Locked. Begin a batch; a call that gRPC refuses to go on with ends by on_status. */
static void begin(remote_part *p, const grpc_op *ops, size_t count, oc_rpc_tag *tag)
{
    if (grpc_call_start_batch(p->call, ops, count, tag, NULL) == GRPC_CALL_OK)
        p->pending++;
    else
        grpc_call_cancel(p->call, NULL);
}

/* Locked. The worker's answer is wrong: nothing more of it is wanted. The text is the thread's. */
static void fail_run(remote_part *p, oc_status status)
{
    if (p->status == OC_OK) {
        p->status = status;
        remote_say(site_of(p), p->text, "%s", oc_error_text());
    }
    grpc_call_cancel(p->call, NULL);
}

static grpc_byte_buffer *make_open(const remote_part *p)
{
    Offcut__V1__Open open = OFFCUT__V1__OPEN__INIT;
    Offcut__V1__RunPartRequest request = OFFCUT__V1__RUN_PART_REQUEST__INIT;
    char digest[OC_DIGEST_TEXT];
    uint64_t now = oc_now_ns();
    open.version = OC_RPC_VERSION_MAX;
    open.model = (char *)p->model;
    open.digest = oc_digest_print(&p->base.site->graph->digest, digest);
    open.request_id = p->id;
    if (p->deadline_ns != OC_NEVER_NS) /* 0 would mean that there is no limit */
        open.timeout_ms = p->deadline_ns > now ? (p->deadline_ns - now) / 1000000 + 1 : 1;
    open.takes = p->take_names;
    open.n_takes = p->n_takes;
    open.gives = p->give_names;
    open.n_gives = p->n_gives;
    open.codec = (char *)OC_FLOW_CODEC;
    open.session_id = p->session;
    request.message_case = OFFCUT__V1__RUN_PART_REQUEST__MESSAGE_OPEN;
    request.open = &open;
    return oc_rpc_pack(&request.base);
}

/* Locked. The next message, or NULL where there is nothing to say yet. */
static grpc_byte_buffer *next_message(remote_part *p)
{
    uint64_t begin_ns = oc_now_ns();
    grpc_byte_buffer *message = NULL;
    if (!p->is_open_sent && p->begin_ns != 0) {
        message = make_open(p);
    } else if (p->is_open_sent && p->n_sent < p->n_put) {
        message = oc_flow_send(p->order[p->n_sent]);
        p->n_sent += p->order[p->n_sent]->is_done;
    }
    if (message) {
        uint64_t spent_ns = oc_now_ns() - begin_ns;
        p->encode_ns += spent_ns;
        p->late_encode_ns += p->is_open_sent ? spent_ns : 0;
        p->times.bytes_sent += grpc_byte_buffer_length(message);
    }
    return message;
}

/* Locked. Hand the link what comes next, one batch at a time. */
static void send_next(remote_part *p)
{
    grpc_op ops[3];
    size_t count = 0;
    if (!p->call || p->is_sending || p->is_closed || p->is_cancelled)
        return;
    memset(ops, 0, sizeof(ops));
    grpc_byte_buffer *message = next_message(p);
    if (message && !p->is_open_sent) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
        p->is_open_sent = true;
    }
    if (message) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = message;
    }
    if (p->is_open_sent && p->is_submitted && p->n_sent == p->n_takes) {
        ops[count++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        p->is_closed = true;
    }
    if (count == 0)
        return;
    p->sending = message;
    p->is_sending = true;
    p->first_ns = p->first_ns ? p->first_ns : oc_now_ns();
    begin(p, ops, count, &p->on_sent);
}

/* ---- one run: what comes back ---------------------------------------------------------------- */

static oc_status read_done(remote_part *p, oc_bytes bytes)
{
    uint64_t *const fields[] = {NULL, &p->receive_ns, &p->queue_ns, &p->compute_ns, &p->open_at_ns};
    oc_wire wire;
    oc_wire_field field;
    bool more;
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number < OC_COUNT(fields) && field.type == OC_WIRE_VARINT)
            *fields[field.number] = field.value;
    }
    p->is_done = true;
    return OC_OK;
}

/* A chunk of a value that nobody has asked for yet waits. */
static oc_status read_chunk(remote_part *p, oc_bytes bytes)
{
    oc_flow_chunk chunk;
    OC_TRY(oc_flow_chunk_read(bytes, &chunk));
    oc_flow_value *value = oc_flow_find(p->gives, p->n_gives, chunk.name);
    if (!value)
        return oc_fail(OC_E_FORMAT, "its answer has a value \"%.*s\" that was not asked for",
                       (int)OC_MIN(chunk.name.size, (size_t)100),
                       chunk.name.data ? (const char *)chunk.name.data : "");
    p->is_parked = value->data == NULL;
    p->has_parked = p->has_parked || p->is_parked;
    if (p->is_parked)
        return OC_OK;
    OC_TRY(oc_flow_receive(value, &chunk));
    if (value->is_done) {
        p->last_ns = oc_now_ns();
        p->gets_done++;
        oc_waker_wake(p->waker);
    }
    return OC_OK;
}

static oc_status read_message(remote_part *p, oc_bytes bytes)
{
    uint32_t kind;
    oc_bytes inside;
    if (p->is_done)
        return oc_fail(OC_E_FORMAT, "its answer goes on behind Done");
    OC_TRY(oc_flow_envelope_read(bytes, &kind, &inside));
    if (kind == OC_FLOW_OPEN)
        return oc_fail(OC_E_FORMAT, "its answer has an Open");
    return kind == OC_FLOW_DONE ? read_done(p, inside) : read_chunk(p, inside);
}

/* Locked. */
static void read_next(remote_part *p)
{
    const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &p->received};
    begin(p, &op, 1, &p->on_message);
}

/* Locked. Take the message that came, and ask for the next unless it has to wait. */
static void take_message(remote_part *p)
{
    grpc_slice slice;
    oc_bytes bytes;
    oc_status status = oc_rpc_bytes(p->received, SIZE_MAX, &slice, &bytes);
    if (status == OC_OK) {
        status = read_message(p, bytes);
        grpc_slice_unref(slice);
    }
    if (status == OC_OK && p->is_parked)
        return;
    grpc_byte_buffer_destroy(p->received);
    p->received = NULL;
    if (status == OC_OK)
        read_next(p);
    else
        fail_run(p, status);
}

/* ---- one run: its end ------------------------------------------------------------------------ */

/*
 * The five shares add up to the total, whatever a worker reports. Without a common clock the way there
 * is what the worker saw of it, and the rest, the round trip too, is the way back.
 */
static void share_time(remote_part *p)
{
    oc_site_times *t = &p->times;
    uint64_t left = t->end_ns - t->begin_ns;
    uint64_t encode = p->encode_ns, send = p->receive_ns;
    t->total_ns = left;
    t->encode_ns = OC_MIN(encode, left);
    left -= t->encode_ns;
    t->compute_ns = OC_MIN(p->compute_ns, left);
    left -= t->compute_ns;
    t->queue_ns = OC_MIN(p->queue_ns, left);
    left -= t->queue_ns;
    if (t->there_ns)
        send = t->there_ns - t->begin_ns;
    else
        encode = p->late_encode_ns; /* while the worker was receiving: no time of the link */
    t->send_ns = OC_MIN(send > encode ? send - encode : 0, left);
    t->receive_ns = left - t->send_ns;
}

static oc_status judge_run(remote_part *p)
{
    bool is_whole = p->is_done && p->gets_done == p->n_gives;
    if (p->code == GRPC_STATUS_OK && is_whole && p->status == OC_OK)
        return OC_OK;
    if (p->is_cancelled) {
        remote_say(site_of(p), p->text, "cancelled");
        return OC_E_CANCELLED;
    }
    if (p->status != OC_OK)
        return p->status;
    if (p->code != GRPC_STATUS_OK)
        return remote_explain(site_of(p), p->code, &p->tail, p->details, p->text);
    if (!p->is_done) { /* first: a value that came may be waiting to be asked for */
        remote_say(site_of(p), p->text, "its answer ended without Done");
        return OC_E_FORMAT;
    }
    const oc_flow_value *missing = p->gives;
    while (missing->is_done)
        missing++;
    remote_say(site_of(p), p->text, "its answer ended without value \"%.100s\"", missing->name);
    return OC_E_FORMAT;
}

/* Locked. The last tag came back: the run is idle. */
static void end_tag(remote_part *p)
{
    if (--p->pending > 0)
        return;
    p->times.end_ns = oc_now_ns();
    p->times.begin_ns = p->begin_ns ? p->begin_ns : p->times.end_ns;
    p->status = judge_run(p);
    remote_status_run_ended(site_of(p), p);
    share_time(p);
    grpc_byte_buffer_destroy(p->received); /* one that nobody asked for */
    grpc_byte_buffer_destroy(p->sending);  /* one that gRPC refused */
    p->received = p->sending = NULL;
    grpc_metadata_array_destroy(&p->head);
    grpc_metadata_array_destroy(&p->tail);
    grpc_slice_unref(p->details);
    grpc_call_unref(p->call);
    p->call = NULL;
    oc_waker_wake(p->waker);
    oc_cond_wake(&p->cond);
}

static void on_sent(void *owner, bool ok)
{
    remote_part *p = owner;
    oc_cond_lock(&p->cond);
    grpc_byte_buffer_destroy(p->sending);
    p->sending = NULL;
    p->is_sending = false;
    if (ok)
        send_next(p);
    end_tag(p);
    oc_cond_unlock(&p->cond);
}

static void on_message(void *owner, bool ok)
{
    remote_part *p = owner;
    (void)ok; /* without a message: the stream has ended, and on_status says how */
    oc_cond_lock(&p->cond);
    if (p->received) {
        p->times.bytes_received += grpc_byte_buffer_length(p->received);
        if (!p->is_cancelled && p->status == OC_OK)
            take_message(p);
    }
    end_tag(p);
    oc_cond_unlock(&p->cond);
}

static void on_status(void *owner, bool ok)
{
    remote_part *p = owner;
    (void)ok;
    oc_cond_lock(&p->cond);
    end_tag(p);
    oc_cond_unlock(&p->cond);
}

/* ---- the seam -------------------------------------------------------------------------------- */

static void clear_run(remote_part *p, const oc_site_run *run)
{
    for (size_t i = 0; i < p->n_takes; i++) {
        oc_flow_value_rewind(&p->takes[i]);
        p->takes[i].data = NULL;
    }
    for (size_t i = 0; i < p->n_gives; i++) {
        oc_flow_value_rewind(&p->gives[i]);
        p->gives[i].data = NULL;
    }
    p->id = run->id;
    p->session = run->session;
    p->deadline_ns = run->deadline_ns;
    p->begin_ns = p->encode_ns = p->late_encode_ns = 0;
    p->first_ns = p->last_ns = 0;
    p->has_paused = p->has_parked = false;
    p->n_put = p->n_sent = p->gets_done = 0;
    p->is_submitted = p->is_open_sent = p->is_closed = p->is_done = false;
    p->is_cancelled = p->is_told = p->is_sending = p->is_parked = false;
    p->status = OC_OK;
    p->text[0] = '\0';
    p->times = (oc_site_times){0};
    p->receive_ns = p->queue_ns = p->compute_ns = p->open_at_ns = 0;
    p->code = GRPC_STATUS_UNKNOWN;
    p->details = grpc_empty_slice();
    grpc_metadata_array_init(&p->head);
    grpc_metadata_array_init(&p->tail);
}

/* Locked. Create the call and ask for what will come back; nothing is sent before the first put. */
static oc_status start_call(remote_part *p)
{
    grpc_op ops[2];
    p->call = grpc_channel_create_call(site_of(p)->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                       site_of(p)->loop.queue,
                                       grpc_slice_from_static_string(OC_RPC_PATH_RUN_PART), NULL,
                                       oc_rpc_deadline(p->deadline_ns), NULL);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[0].data.recv_initial_metadata.recv_initial_metadata = &p->head;
    ops[1].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[1].data.recv_status_on_client.trailing_metadata = &p->tail;
    ops[1].data.recv_status_on_client.status = &p->code;
    ops[1].data.recv_status_on_client.status_details = &p->details;
    begin(p, ops, OC_COUNT(ops), &p->on_status);
    if (p->pending > 0) {
        remote_status_run_began(site_of(p));
        read_next(p);
        return OC_OK;
    }
    grpc_call_unref(p->call);
    p->call = NULL;
    return oc_fail(OC_E_INTERNAL, "%s: gRPC refused a new call", site_of(p)->name);
}

oc_status remote_start(oc_site_part *part, const oc_site_run *run)
{
    remote_part *p = remote_part_of(part);
    remote_site *s = site_of(p);
    oc_status status = OC_OK;
    oc_cond_lock(&s->cond);
    oc_cond_lock(&p->cond);
    if (p->call)
        status = oc_fail(OC_E_BUSY, "%s: the last run is not idle yet", s->name);
    else if (!s->is_up)
        status = oc_fail(s->status != OC_OK ? s->status : OC_E_LOST, "%s", s->text);
    if (status == OC_OK) {
        clear_run(p, run);
        memcpy(p->model, s->model, sizeof(p->model));
        status = start_call(p);
    }
    oc_cond_unlock(&p->cond);
    oc_cond_unlock(&s->cond);
    return status;
}

static oc_flow_value *find_value(oc_flow_value *values, size_t count, oc_id id)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].id == id)
            return &values[i];
    return NULL;
}

/* Locked. Whether a tensor of `desc` can be put for, or hold, `value`. A run that has failed in the
 * meantime takes it too: poll says how it ended. */
static oc_status check_value(const remote_part *p, const char *call, oc_id id,
                             const oc_flow_value *value, const oc_desc *desc)
{
    const oc_graph *g = p->base.site->graph;
    char expected[OC_DESC_TEXT], found[OC_DESC_TEXT];
    if (!value)
        return oc_fail(OC_E_ARG, "%s: value \"%s\" is none of this part's", call,
                       id < g->n_values ? g->values[id].name : "");
    if (!oc_desc_equal(desc, value->desc))
        return oc_fail(OC_E_SHAPE, "%s: value \"%s\": expected %s, found %s", call, value->name,
                       oc_desc_print(value->desc, expected, sizeof(expected)),
                       oc_desc_print(desc, found, sizeof(found)));
    if (value->data)
        return oc_fail(OC_E_ARG, "%s: value \"%s\" came twice", call, value->name);
    return OC_OK;
}

oc_status remote_put(oc_site_part *part, oc_id value, const oc_tensor *tensor)
{
    remote_part *p = remote_part_of(part);
    oc_cond_lock(&p->cond);
    oc_flow_value *v = find_value(p->takes, p->n_takes, value);
    oc_status status = check_value(p, "put", value, v, &tensor->desc);
    if (status == OC_OK) {
        v->data = tensor->data;
        p->has_paused = p->has_paused || (p->is_open_sent && !p->is_sending);
        p->order[p->n_put++] = v;
        p->begin_ns = p->begin_ns ? p->begin_ns : oc_now_ns();
        send_next(p);
    }
    oc_cond_unlock(&p->cond);
    return status;
}

oc_status remote_submit(oc_site_part *part, size_t first, size_t count)
{
    remote_part *p = remote_part_of(part);
    if (first != 0 || count != p->n_nodes)
        return oc_fail(OC_E_ARG,
                       "%s: a worker runs a part whole: expected nodes 0 to %zu, found %zu to %zu",
                       site_of(p)->name, p->n_nodes, first, first + count);
    oc_cond_lock(&p->cond);
    p->is_submitted = true;
    p->begin_ns = p->begin_ns ? p->begin_ns : oc_now_ns();
    send_next(p);
    oc_cond_unlock(&p->cond);
    return OC_OK;
}

oc_status remote_get(oc_site_part *part, oc_id value, oc_tensor *tensor)
{
    remote_part *p = remote_part_of(part);
    oc_cond_lock(&p->cond);
    oc_flow_value *v = find_value(p->gives, p->n_gives, value);
    oc_status status = check_value(p, "get", value, v, &tensor->desc);
    if (status == OC_OK) {
        v->data = tensor->data;
        if (p->is_parked && p->call && !p->is_cancelled) {
            p->is_parked = false;
            take_message(p);
        }
    }
    oc_cond_unlock(&p->cond);
    return status;
}

void remote_cancel(oc_site_part *part)
{
    remote_part *p = remote_part_of(part);
    oc_cond_lock(&p->cond);
    p->is_told = true; /* who cancels wants to hear no more of this run */
    if (p->call && !p->is_cancelled) {
        p->is_cancelled = true;
        grpc_call_cancel(p->call, NULL);
    }
    oc_cond_unlock(&p->cond);
}

void remote_poll(oc_site_part *part, oc_site_progress *progress)
{
    remote_part *p = remote_part_of(part);
    remote_site *s = site_of(p);
    oc_cond_lock(&s->cond);
    oc_cond_lock(&p->cond);
    *progress = (oc_site_progress){.is_ready = s->is_up,
                                   .is_idle = p->call == NULL,
                                   .gets_done = p->gets_done,
                                   .times = p->times};
    if (progress->is_idle && p->is_told && !s->is_up) {
        progress->status = s->status;
        memcpy(progress->text, s->text, sizeof(s->text));
    } else if (progress->is_idle && p->status != OC_OK) {
        progress->status = p->status;
        memcpy(progress->text, p->text, sizeof(p->text));
    }
    if (progress->is_idle && p->status == OC_OK && p->is_done)
        progress->submits_done = 1;
    /* A connection that breaks behind a run must not hide how that ended, nor what became of a run
     * long ago why there is no worker now. */
    p->is_told = p->is_told || progress->is_idle;
    oc_cond_unlock(&p->cond);
    oc_cond_unlock(&s->cond);
}

/* ---- life ------------------------------------------------------------------------------------ */

static oc_status fill_values(const remote_part *p, const oc_id *ids, size_t count,
                             oc_flow_value **values, char ***names)
{
    const oc_allocator *alloc = p->base.site->alloc;
    OC_TRY(OC_ALLOC(alloc, count + 1, *values));
    OC_TRY(OC_ALLOC(alloc, count + 1, *names));
    for (size_t i = 0; i < count; i++) {
        OC_TRY(oc_flow_value_init(&(*values)[i], p->base.site->graph, ids[i]));
        (*names)[i] = (char *)(*values)[i].name;
    }
    return OC_OK;
}

static void destroy_part(remote_part *p)
{
    const oc_allocator *alloc = p->base.site->alloc;
    oc_free(alloc, p->takes);
    oc_free(alloc, p->gives);
    oc_free(alloc, p->take_names);
    oc_free(alloc, p->give_names);
    oc_free(alloc, p->order);
    oc_cond_fini(&p->cond);
    oc_free(alloc, p);
}

static oc_status fill_part(remote_part *p, const oc_part *part)
{
    p->n_nodes = part->n_nodes;
    p->n_takes = part->n_takes;
    p->n_gives = part->n_gives;
    OC_TRY(fill_values(p, part->takes, part->n_takes, &p->takes, &p->take_names));
    OC_TRY(fill_values(p, part->gives, part->n_gives, &p->gives, &p->give_names));
    return OC_ALLOC(p->base.site->alloc, part->n_takes + 1, p->order);
}

oc_status remote_part_open(oc_site *site, const oc_part *part, const oc_id *pinned, size_t n_pinned,
                           oc_waker *waker, oc_site_part **out)
{
    remote_site *s = remote_site_of(site);
    remote_part *p = NULL;
    (void)pinned; /* a worker holds nothing between runs */
    (void)n_pinned;
    if (!site->graph)
        return oc_fail(OC_E_ARG, "%s: it is only watched: it runs no parts", s->name);
    OC_TRY(OC_ALLOC(site->alloc, 1, p));
    p->base.site = site;
    p->waker = waker;
    p->is_told = true;
    p->on_sent = (oc_rpc_tag){on_sent, p};
    p->on_message = (oc_rpc_tag){on_message, p};
    p->on_status = (oc_rpc_tag){on_status, p};
    oc_status status = oc_cond_init(&p->cond);
    if (status != OC_OK) {
        oc_free(site->alloc, p);
        return status;
    }
    status = fill_part(p, part);
    if (status != OC_OK) {
        destroy_part(p);
        return status;
    }
    oc_cond_lock(&s->cond);
    p->next = s->parts;
    s->parts = p;
    oc_cond_unlock(&s->cond);
    *out = &p->base;
    return OC_OK;
}

void remote_part_close(oc_site_part *part)
{
    remote_part *p = remote_part_of(part);
    if (!p)
        return;
    remote_site *s = site_of(p);
    oc_cond_lock(&s->cond);
    remote_part **at = &s->parts;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    oc_cond_unlock(&s->cond);
    remote_cancel(part);
    oc_cond_lock(&p->cond);
    while (p->call)
        oc_cond_wait(&p->cond, OC_NEVER_NS);
    oc_cond_unlock(&p->cond);
    destroy_part(p);
}
