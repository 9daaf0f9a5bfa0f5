/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a worker without running anything: its Status stream, and what that and the runs
 * tell of link, clock and load. docs/adr/0008-status-stream.md has the reasons.
 *
 *     up -> stream: ping -> answer -> probe, where the link wants one -> ... ping every second
 *              |   messages that nobody asked for: the load
 *              +-- ends or is silent -> a pause, which grows -> stream
 */
#include "remote.h"

#include "offcut_v1.pb-c.h"

#include <math.h>
#include <stdio.h>

#define MS UINT64_C(1000000)
#define INTERVAL_NS (REMOTE_INTERVAL_MS * MS)
#define PING_NS (UINT64_C(1000) * MS)
#define ANSWER_NS (UINT64_C(10000) * MS) /* an answer that takes longer is not waited for */
#define CLOSE_NS \
    (INTERVAL_NS / 4) /* messages that nobody asked for and that are closer: too many */
#define SILENCE 3     /* intervals, and a round trip, until what is known is stale */
#define RESTART_NS    \
    (UINT64_C(5000) * \
     MS) /* silence until the stream is begun again: beyond a large value on a slow link */
#define PAUSE_MIN_NS (UINT64_C(100) * MS)
#define PAUSE_MAX_NS (UINT64_C(5000) * MS)
#define SETTLE_NS (UINT64_C(500) * MS)     /* how long a first probe is waited for */
#define UNSETTLED_NS (UINT64_C(2000) * MS) /* and a first answer */
#define DRIFT_NS MS                        /* two clocks part by less than this in 16 round trips */

/* Bounds of what a worker may say of itself. */
#define QUEUE_MAX_NS 60e9
#define MEMORY_MAX 1e16
#define TEMPERATURE_MIN (-60.0)
#define TEMPERATURE_MAX 150.0
#define PEAK_MAX 1e18
#define COMPUTE_MAX_NS (UINT64_C(3600) * 1000 * MS) /* a worker gives up its device long before */
#define SERVICES_READ 16                            /* of one message: as many as a worker keeps */

static remote_site *site_of(void *owner)
{
    return owner;
}

/* ---- clock ----------------------------------------------------------------------------------- */

static size_t clock_count(const remote_clock *c)
{
    return (size_t)OC_MIN(c->n_samples, (uint64_t)REMOTE_OFFSETS);
}

/* The sample of the shortest round trip. Source: RFC 5905 (NTP version 4), section 10, the clock filter. */
static bool clock_read(const remote_clock *c, int64_t *offset_ns, uint64_t *rtt_ns)
{
    size_t n = clock_count(c), best = 0;
    for (size_t i = 1; i < n; i++)
        if (c->samples[i].rtt_ns < c->samples[best].rtt_ns)
            best = i;
    if (n == 0)
        return false;
    *offset_ns = c->samples[best].offset_ns;
    *rtt_ns = c->samples[best].rtt_ns;
    return true;
}

/* A difference of two moments that may lie anywhere. */
static double distance_ns(int64_t a, int64_t b)
{
    return fabs((double)a - (double)b);
}

/* Each offset is right within half its round trip. Two that exclude one another: a clock has jumped. */
static void clock_add(remote_clock *c, int64_t offset_ns, uint64_t rtt_ns)
{
    int64_t known;
    uint64_t error;
    if (clock_read(c, &known, &error) &&
        distance_ns(known, offset_ns) > (double)error / 2 + (double)rtt_ns / 2 + (double)DRIFT_NS)
        c->n_samples = 0;
    size_t at = (size_t)(c->n_samples++ % REMOTE_OFFSETS);
    c->samples[at].offset_ns = offset_ns;
    c->samples[at].rtt_ns = rtt_ns;
}

/* ---- the worker's message -------------------------------------------------------------------- */

#define FIELD_SERVICES 12

typedef struct answer {
    uint64_t id, received_at_ns, sent_at_ns;
    double queue_ns, cpu_load, memory_available, temperature;
    uint64_t n_waiting, n_running, has_temperature;
    uint64_t cpu_bits, memory_bits, temperature_bits;
    size_t n_read, n_services; /* read: also those that were left out */
    oc_worker_service services[OC_SERVICES_MAX];
} answer;

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The nearest value that is possible; what is no number is `low`. */
static double bounded(double value, double low, double high)
{
    return value >= low ? OC_MIN(value, high) : low;
}

/* Cut to its place, on one line. */
static void copy_text(oc_bytes bytes, char *text, size_t size)
{
    size_t length = OC_MIN(bytes.size, size - 1);
    if (length > 0)
        memcpy(text, bytes.data, length);
    text[length] = '\0';
    oc_text_one_line(text);
}

static oc_status read_service(oc_bytes bytes, oc_worker_service *service)
{
    oc_bytes model = {0}, takes = {0}, gives = {0};
    uint64_t n_runs = 0;
    const struct {
        oc_wire_type type;
        oc_bytes *bytes;
        uint64_t *value;
    } rows[] = {[1] = {OC_WIRE_BYTES, &model, NULL},
                [2] = {OC_WIRE_BYTES, &takes, NULL},
                [3] = {OC_WIRE_BYTES, &gives, NULL},
                [4] = {OC_WIRE_VARINT, NULL, &service->compute_ns},
                [5] = {OC_WIRE_VARINT, NULL, &n_runs}};
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *service = (oc_worker_service){0};
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number == 0 || field.number >= OC_COUNT(rows))
            continue;
        if (rows[field.number].type != field.type)
            return oc_fail(OC_E_FORMAT,
                           "status: service: field %u: expected wire type %d, found %d",
                           field.number, (int)rows[field.number].type, (int)field.type);
        if (rows[field.number].bytes)
            *rows[field.number].bytes = field.bytes;
        else
            *rows[field.number].value = field.value;
    }
    copy_text(model, service->model, sizeof(service->model));
    copy_text(takes, service->takes, sizeof(service->takes));
    copy_text(gives, service->gives, sizeof(service->gives));
    service->compute_ns = OC_MIN(service->compute_ns, COMPUTE_MAX_NS);
    service->n_runs = (uint32_t)OC_MIN(n_runs, (uint64_t)UINT32_MAX);
    return OC_OK;
}

/* Where there are too many, those stay that ran most often. */
static oc_status add_service(answer *a, oc_bytes bytes)
{
    oc_worker_service service;
    size_t at = a->n_services;
    if (a->n_read == SERVICES_READ)
        return OC_OK;
    OC_TRY(read_service(bytes, &service));
    a->n_read++;
    if (at == OC_SERVICES_MAX) {
        at = 0;
        for (size_t i = 1; i < OC_SERVICES_MAX; i++)
            if (a->services[i].n_runs < a->services[at].n_runs)
                at = i;
        if (a->services[at].n_runs >= service.n_runs)
            return OC_OK;
    } else {
        a->n_services++;
    }
    a->services[at] = service;
    return OC_OK;
}

static oc_status read_answer(oc_bytes bytes, answer *a)
{
    uint64_t queue_ns = 0;
    const struct {
        uint32_t number;
        oc_wire_type type;
        uint64_t *value;
    } rows[] = {{1, OC_WIRE_VARINT, &a->id},
                {2, OC_WIRE_VARINT, &a->received_at_ns},
                {3, OC_WIRE_VARINT, &a->sent_at_ns},
                {5, OC_WIRE_VARINT, &queue_ns},
                {6, OC_WIRE_VARINT, &a->n_waiting},
                {7, OC_WIRE_VARINT, &a->n_running},
                {8, OC_WIRE_FIXED64, &a->cpu_bits},
                {9, OC_WIRE_FIXED64, &a->memory_bits},
                {10, OC_WIRE_FIXED64, &a->temperature_bits},
                {11, OC_WIRE_VARINT, &a->has_temperature}};
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *a = (answer){0};
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        for (size_t i = 0; i < OC_COUNT(rows); i++) {
            if (rows[i].number != field.number)
                continue;
            if (rows[i].type != field.type)
                return oc_fail(OC_E_FORMAT, "status: field %u: expected wire type %d, found %d",
                               field.number, (int)rows[i].type, (int)field.type);
            *rows[i].value = field.value;
        }
        if (field.number == FIELD_SERVICES && field.type != OC_WIRE_BYTES)
            return oc_fail(OC_E_FORMAT, "status: field %u: expected wire type %d, found %d",
                           field.number, (int)OC_WIRE_BYTES, (int)field.type);
        if (field.number == FIELD_SERVICES)
            OC_TRY(add_service(a, field.bytes));
    }
    a->queue_ns = bounded((double)queue_ns, 0, QUEUE_MAX_NS);
    a->cpu_load = bounded(double_of(a->cpu_bits), 0, 1);
    a->memory_available = bounded(double_of(a->memory_bits), 0, MEMORY_MAX);
    a->temperature = double_of(a->temperature_bits);
    a->temperature = a->has_temperature && !isnan(a->temperature)
                         ? bounded(a->temperature, TEMPERATURE_MIN, TEMPERATURE_MAX)
                         : (double)NAN;
    return OC_OK;
}

/* ---- what is learnt -------------------------------------------------------------------------- */

/* Both locks. */
static void lose_touch(remote_status *t, uint64_t now)
{
    if (!t->is_in_touch)
        return;
    t->is_in_touch = false;
    t->lost++;
    oc_link_lost(&t->link, now);
}

static void learn_load(remote_status *t, const answer *a, uint64_t now)
{
    oc_worker_load *load = &t->load;
    load->queue_ns = a->queue_ns;
    load->n_waiting = (uint32_t)OC_MIN(a->n_waiting, (uint64_t)UINT32_MAX);
    load->n_running = (uint32_t)OC_MIN(a->n_running, (uint64_t)UINT32_MAX);
    load->cpu_load = a->cpu_load;
    load->memory_available = a->memory_available;
    load->temperature = a->temperature;
    load->at_ns = now;
    t->is_in_touch = true;
}

/* The list is whole where it comes, and comes only now and then. */
static void learn_services(remote_status *t, const answer *a)
{
    if (a->n_services == 0)
        return;
    memcpy(t->services, a->services, a->n_services * sizeof(a->services[0]));
    t->n_services = a->n_services;
}

/* The answer to what was asked: a ping tells of clock and round trip, a probe of the way there. */
static void learn_answer(remote_status *t, const answer *a, uint64_t now)
{
    uint64_t trip = now - t->asked_ns, there = a->sent_at_ns - a->received_at_ns;
    if (a->sent_at_ns < a->received_at_ns || there > trip)
        return; /* no worker can have had it for longer than it was away */
    if (t->was_busy && t->clock.n_samples > 0)
        return; /* it stood behind a value: that is no measure of the link */
    uint64_t rtt = trip - there;
    if (t->asked_bytes == 0) {
        /* Both differences wrap as the clocks' origins want; halved before they are added. */
        int64_t up = (int64_t)(a->received_at_ns - t->asked_ns);
        int64_t down = (int64_t)(a->sent_at_ns - now);
        clock_add(&t->clock, up / 2 + down / 2, rtt);
        oc_link_pinged(&t->link, now, (double)rtt);
        t->has_pinged = true;
        return;
    }
    /* The bytes made it longer than a small one by their transfer; half of the small one's is the way. */
    double small = t->link.rtt_ns, extra = (double)rtt - small;
    if (t->link.n_pings > 0)
        oc_link_sent(&t->link, now, (double)t->asked_bytes, OC_MAX(extra, 0.0) + small / 2);
    t->has_probed = true;
}

/* The moment `ns` of the worker's clock by ours, between two moments of ours. */
static uint64_t moment(uint64_t worker_ns, int64_t offset_ns, uint64_t low, uint64_t high)
{
    uint64_t ours = worker_ns - (uint64_t)offset_ns;
    if ((int64_t)(ours - low) < 0)
        return low;
    return OC_MIN(ours, high);
}

/* Locked. False: the worker said no times, or nobody knows its clock. */
static bool place_run(const remote_status *t, remote_part *p)
{
    oc_site_times *s = &p->times;
    uint64_t most = s->end_ns - s->begin_ns, rtt;
    int64_t offset;
    if (!p->is_done || p->open_at_ns == 0 || !clock_read(&t->clock, &offset, &rtt))
        return false;
    uint64_t there = p->open_at_ns + OC_MIN(p->receive_ns, most);
    uint64_t started = there + OC_MIN(p->queue_ns, most);
    uint64_t computed = started + OC_MIN(p->compute_ns, most);
    s->there_ns = moment(there, offset, p->first_ns ? p->first_ns : s->begin_ns, s->end_ns);
    s->started_ns = moment(started, offset, s->there_ns, s->end_ns);
    s->computed_ns = moment(computed, offset, s->started_ns, s->end_ns);
    return true;
}

/* Locked. Both ways of a run that went well: as placed, else the round trip is shared equally. */
static void learn_run(remote_status *t, const remote_part *p, bool is_placed)
{
    const oc_site_times *s = &p->times;
    double up, down;
    if (is_placed) {
        up = (double)(s->there_ns - p->first_ns);
        down = p->last_ns > s->computed_ns ? (double)(p->last_ns - s->computed_ns) : 0;
    } else {
        double rest = (double)p->last_ns - (double)p->first_ns - (double)p->receive_ns -
                      (double)p->queue_ns - (double)p->compute_ns;
        if (rest <= 0)
            return;
        up = (double)p->receive_ns + rest / 2;
        down = rest / 2;
    }
    /* What was encoded meanwhile is no time of the link; nor is what the caller took. */
    up -= (double)p->late_encode_ns;
    if (!p->has_paused && up > 0)
        oc_link_sent(&t->link, s->end_ns, (double)s->bytes_sent, up);
    if (!p->has_parked && down > 0)
        oc_link_received(&t->link, s->end_ns, (double)s->bytes_received, down);
}

void remote_status_run_began(remote_site *site)
{
    remote_status *t = &site->status_stream;
    oc_cond_lock(&t->lock);
    t->n_runs++;
    oc_cond_unlock(&t->lock);
}

void remote_status_run_ended(remote_site *site, remote_part *p)
{
    remote_status *t = &site->status_stream;
    const oc_site_times *s = &p->times;
    oc_cond_lock(&t->lock);
    t->n_runs--;
    t->bytes_sent += p->times.bytes_sent;
    t->bytes_received += p->times.bytes_received;
    bool is_placed = place_run(t, p);
    if (p->status == OC_OK && p->first_ns && p->last_ns)
        learn_run(t, p, is_placed);
    bool is_free = t->n_runs == 0;
    oc_cond_unlock(&t->lock);
    /* Between two runs is the time for a ping that is due. */
    if (is_free && t->call && s->end_ns - t->pinged_ns >= PING_NS)
        site->loop.due_ns = s->end_ns;
}

void remote_skipped(oc_site *site, uint64_t bytes)
{
    remote_status *t = &remote_site_of(site)->status_stream;
    oc_cond_lock(&t->lock);
    oc_link_skipped(&t->link, (double)bytes);
    oc_cond_unlock(&t->lock);
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Locked (the site). A batch that gRPC refuses ends by on_end. */
static bool begin(remote_site *s, const grpc_op *ops, size_t count, oc_rpc_tag *tag)
{
    remote_status *t = &s->status_stream;
    if (grpc_call_start_batch(t->call, ops, count, tag, NULL) != GRPC_CALL_OK) {
        grpc_call_cancel(t->call, NULL);
        return false;
    }
    t->pending++;
    s->pending++;
    return true;
}

/* Padding that no link shrinks on its way. */
static void fill_padding(uint8_t *at, size_t size)
{
    uint32_t x = 1;
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223; /* Numerical Recipes' generator: its high byte will do */
        at[i] = (uint8_t)(x >> 24);
    }
}

static grpc_byte_buffer *make_request(uint64_t id, size_t padding)
{
    Offcut__V1__StatusRequest head = OFFCUT__V1__STATUS_REQUEST__INIT;
    uint8_t *at;
    head.id = id;
    head.interval_ms = REMOTE_INTERVAL_MS;
    size_t head_bytes = protobuf_c_message_get_packed_size(&head.base);
    size_t rest = padding > 0 ? oc_rpc_field_bytes(padding) + padding : 0;
    grpc_byte_buffer *buffer = oc_rpc_buffer(head_bytes + rest, &at);
    at += protobuf_c_message_pack(&head.base, at);
    if (padding > 0)
        fill_padding(oc_rpc_field_put(at, 15, padding), padding);
    return buffer;
}

/* Locked (the site). Ask: with padding it is a probe, else a ping. One at a time. */
static void ask(remote_site *s, size_t padding)
{
    remote_status *t = &s->status_stream;
    grpc_op ops[2];
    size_t count = 0;
    if (t->sending || t->asked_id != 0)
        return;
    memset(ops, 0, sizeof(ops));
    if (!t->is_greeted)
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    t->is_greeted = true;
    t->asked_id = ++t->last_id;
    t->asked_bytes = padding;
    t->sending = make_request(t->asked_id, padding);
    ops[count].op = GRPC_OP_SEND_MESSAGE;
    ops[count++].data.send_message.send_message = t->sending;
    size_t bytes = grpc_byte_buffer_length(t->sending);
    oc_cond_lock(&t->lock);
    t->was_busy = t->n_runs > 0;
    t->bytes_sent += bytes;
    if (padding > 0) {
        t->probe_bytes += bytes;
        oc_link_probed(&t->link, (double)bytes);
    }
    oc_cond_unlock(&t->lock);
    t->asked_ns = oc_now_ns();
    if (padding == 0)
        t->pinged_ns = t->asked_ns;
    begin(s, ops, count, &t->on_sent);
}

static void read_next(remote_site *s)
{
    const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE,
                        .data.recv_message.recv_message = &s->status_stream.received};
    s->status_stream.is_paused = false;
    begin(s, &op, 1, &s->status_stream.on_message);
}

/* Locked (the site). Nothing is waited for: the first request goes with the stream's own head. */
static void begin_stream(remote_site *s)
{
    remote_status *t = &s->status_stream;
    grpc_op ops[2];
    t->call = grpc_channel_create_call(s->channel, NULL, GRPC_PROPAGATE_DEFAULTS, s->loop.queue,
                                       grpc_slice_from_static_string(OC_RPC_PATH_STATUS), NULL,
                                       oc_rpc_deadline(OC_NEVER_NS), NULL);
    t->is_greeted = false;
    t->asked_id = t->unasked_ns = 0;
    t->begin_ns = t->heard_ns = oc_now_ns();
    t->code = GRPC_STATUS_UNKNOWN;
    t->details = grpc_empty_slice();
    grpc_metadata_array_init(&t->head);
    grpc_metadata_array_init(&t->tail);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[0].data.recv_initial_metadata.recv_initial_metadata = &t->head;
    ops[1].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[1].data.recv_status_on_client.trailing_metadata = &t->tail;
    ops[1].data.recv_status_on_client.status = &t->code;
    ops[1].data.recv_status_on_client.status_details = &t->details;
    /* The first batch of a new call: gRPC has no reason to refuse it. */
    if (!begin(s, ops, OC_COUNT(ops), &t->on_end)) {
        grpc_call_unref(t->call);
        t->call = NULL;
        return;
    }
    ask(s, 0);
    read_next(s);
}

/* Locked (the site). Every tag of the stream has come back. */
static void end_stream(remote_site *s, char why[REMOTE_TEXT])
{
    remote_status *t = &s->status_stream;
    uint64_t now = oc_now_ns();
    remote_explain(s, t->code, &t->tail, t->details, why);
    grpc_byte_buffer_destroy(t->sending);
    grpc_byte_buffer_destroy(t->received);
    grpc_metadata_array_destroy(&t->head);
    grpc_metadata_array_destroy(&t->tail);
    grpc_slice_unref(t->details);
    grpc_call_unref(t->call);
    t->call = NULL;
    t->sending = t->received = NULL;
    t->is_paused = false;
    /* A stream that lasted was a good one: its end is no reason to wait long. */
    bool has_lasted = now - t->begin_ns > PAUSE_MAX_NS;
    t->pause_ns = has_lasted ? PAUSE_MIN_NS : OC_MIN(2 * t->pause_ns, PAUSE_MAX_NS);
    t->retry_ns = now + t->pause_ns;
    oc_cond_lock(&t->lock);
    t->is_absent = t->is_absent || t->code == GRPC_STATUS_UNIMPLEMENTED;
    lose_touch(t, now);
    oc_cond_unlock(&t->lock);
    if (s->is_up && t->code == GRPC_STATUS_UNIMPLEMENTED)
        remote_wake(s);
}

/* Locked (the site). The log comes last: its sink may ask for the site's health. */
static void end_tag_and_unlock(remote_site *s)
{
    char why[REMOTE_TEXT];
    bool has_ended = --s->status_stream.pending == 0;
    if (has_ended)
        end_stream(s, why);
    if (--s->pending == 0)
        oc_cond_wake(&s->cond);
    oc_cond_unlock(&s->cond);
    if (has_ended)
        oc_log(s->loop.log, OC_LOG_DEBUG, "%s (its Status stream ended)", why);
}

static void on_sent(void *owner, bool ok)
{
    remote_site *s = site_of(owner);
    (void)ok;
    oc_cond_lock(&s->cond);
    grpc_byte_buffer_destroy(s->status_stream.sending);
    s->status_stream.sending = NULL;
    end_tag_and_unlock(s);
}

/* The stream's own lock. How many bytes the link wants to be probed with, now that nothing else is on it. */
static uint64_t wanted_probe(remote_status *t, uint64_t now)
{
    return t->has_pinged && t->n_runs == 0 ? oc_link_probe(&t->link, now) : 0;
}

/*
 * Locked (the site). A worker that sends more than it was asked to would keep this thread and the
 * lock busy: it is read twice a tick at most, and the link holds it up. An answer that is awaited
 * stands behind that, and is no measure of the link.
 */
static void pause_flood(remote_status *t, uint64_t now)
{
    t->is_paused = t->unasked_ns != 0 && now - t->unasked_ns < CLOSE_NS;
    t->unasked_ns = now;
    if (!t->is_paused || t->asked_id == 0)
        return;
    oc_cond_lock(&t->lock);
    t->was_busy = true;
    oc_cond_unlock(&t->lock);
}

/* Locked (the site). */
static void take_answer(remote_site *s, const answer *a, size_t bytes, uint64_t now)
{
    remote_status *t = &s->status_stream;
    bool is_awaited = a->id != 0 && a->id == t->asked_id;
    t->heard_ns = now;
    oc_cond_lock(&t->lock);
    bool had_all = t->has_pinged && t->has_probed;
    t->bytes_received += bytes;
    learn_load(t, a, now);
    learn_services(t, a);
    if (is_awaited)
        learn_answer(t, a, now);
    uint64_t probe = is_awaited && t->asked_bytes == 0 ? wanted_probe(t, now) : 0;
    t->has_probed = t->has_probed || (t->has_pinged && probe == 0 && t->n_runs == 0);
    bool has_all = t->has_pinged && t->has_probed;
    oc_cond_unlock(&t->lock);
    if (is_awaited)
        t->asked_id = 0;
    else
        pause_flood(t, now);
    if (probe > 0)
        ask(s, (size_t)OC_MIN(probe, (uint64_t)OC_RPC_PADDING_BYTES));
    if (has_all && !had_all)
        remote_wake(s);
}

/* Locked (the site). */
static oc_status take_message(remote_site *s, grpc_byte_buffer *message, uint64_t now)
{
    grpc_slice slice;
    oc_bytes bytes;
    answer a;
    OC_TRY(oc_rpc_bytes(message, OC_RPC_SMALL_BYTES, &slice, &bytes));
    oc_status status = read_answer(bytes, &a);
    if (status == OC_OK)
        take_answer(s, &a, bytes.size, now);
    grpc_slice_unref(slice);
    return status;
}

static void on_message(void *owner, bool ok)
{
    uint64_t now = oc_now_ns();
    remote_site *s = site_of(owner);
    remote_status *t = &s->status_stream;
    oc_status status = OC_OK;
    char why[REMOTE_TEXT];
    (void)ok; /* without a message: the stream has ended, and on_end says how */
    oc_cond_lock(&s->cond);
    grpc_byte_buffer *message = t->received;
    t->received = NULL;
    if (message && !s->is_closing) {
        status = take_message(s, message, now);
        if (status != OC_OK) {
            remote_say(s, why, "%s", oc_error_text());
            grpc_call_cancel(t->call, NULL);
        } else if (!t->is_paused) {
            read_next(s);
        }
    }
    grpc_byte_buffer_destroy(message);
    end_tag_and_unlock(s);
    if (status != OC_OK)
        oc_log(s->loop.log, OC_LOG_WARN, "%s", why);
}

static void on_end(void *owner, bool ok)
{
    remote_site *s = site_of(owner);
    (void)ok;
    oc_cond_lock(&s->cond);
    end_tag_and_unlock(s);
}

/* ---- its life -------------------------------------------------------------------------------- */

oc_status remote_status_init(remote_site *site)
{
    remote_status *t = &site->status_stream;
    OC_TRY(oc_cond_init(&t->lock));
    oc_link_init(&t->link);
    t->pause_ns = PAUSE_MIN_NS;
    t->load.temperature = (double)NAN;
    t->on_sent = (oc_rpc_tag){on_sent, site};
    t->on_message = (oc_rpc_tag){on_message, site};
    t->on_end = (oc_rpc_tag){on_end, site};
    return OC_OK;
}

void remote_status_fini(remote_site *site)
{
    oc_cond_fini(&site->status_stream.lock);
}

void remote_status_up(remote_site *site)
{
    remote_status *t = &site->status_stream;
    uint64_t now = oc_now_ns();
    oc_cond_lock(&t->lock);
    t->clock.n_samples =
        0; /* another machine may have taken the address over, or it was booted again */
    t->is_absent = t->has_pinged = t->has_probed = false;
    t->n_services = 0;
    t->up_ns = now;
    t->load.peak_flops = bounded(site->peak_flops, 0, PEAK_MAX);
    t->load.peak_bytes_per_s = bounded(site->peak_bytes_per_s, 0, PEAK_MAX);
    oc_cond_unlock(&t->lock);
    t->pause_ns = PAUSE_MIN_NS;
    t->retry_ns = now;
    if (!t->call)
        begin_stream(site);
}

void remote_status_down(remote_site *site)
{
    remote_status *t = &site->status_stream;
    oc_cond_lock(&t->lock);
    lose_touch(t, oc_now_ns());
    oc_cond_unlock(&t->lock);
    if (t->call)
        grpc_call_cancel(t->call, NULL);
}

void remote_status_close(remote_site *site)
{
    if (site->status_stream.call)
        grpc_call_cancel(site->status_stream.call, NULL);
}

/* The stream's own lock. Silence, beyond which what is known is old. */
static uint64_t silence_ns(const remote_status *t)
{
    return SILENCE * INTERVAL_NS + (uint64_t)bounded(t->link.rtt_ns, 0, QUEUE_MAX_NS);
}

/* Locked (the site). A stream that stands: ping it, and notice where it says nothing any more. */
static void tend_stream(remote_site *s, uint64_t now)
{
    remote_status *t = &s->status_stream;
    oc_cond_lock(&t->lock);
    if (now - t->heard_ns > silence_ns(t))
        lose_touch(t, now);
    bool is_busy = t->n_runs > 0;
    uint64_t probe = wanted_probe(t, now);
    oc_cond_unlock(&t->lock);
    if (now - t->heard_ns > RESTART_NS) {
        grpc_call_cancel(t->call, NULL);
        return;
    }
    if (t->asked_id != 0 && now - t->asked_ns > ANSWER_NS)
        t->asked_id = 0;
    if (is_busy)
        return; /* what stands behind a value measures nothing */
    if (now - t->pinged_ns >= PING_NS)
        ask(s, 0);
    else if (probe > 0)
        ask(s, (size_t)OC_MIN(probe, (uint64_t)OC_RPC_PADDING_BYTES));
}

void remote_status_tick(void *site)
{
    remote_site *s = site;
    remote_status *t = &s->status_stream;
    uint64_t now = oc_now_ns();
    oc_cond_lock(&s->cond);
    if (!s->is_closing && t->is_paused)
        read_next(s);
    if (!s->is_closing && s->is_up && t->call)
        tend_stream(s, now);
    else if (!s->is_closing && s->is_up && !t->is_absent && now >= t->retry_ns)
        begin_stream(s);
    oc_cond_unlock(&s->cond);
}

/* ---- what health says ------------------------------------------------------------------------ */

/* The stream's own lock. */
static bool is_measured(const remote_status *t, uint64_t now)
{
    uint64_t age = now - t->up_ns;
    if (t->is_absent || age > UNSETTLED_NS)
        return true;
    return t->has_pinged && (t->has_probed || age > SETTLE_NS);
}

bool remote_status_read(remote_site *site, oc_site_health *health)
{
    remote_status *t = &site->status_stream;
    oc_worker_status *w = &health->worker;
    uint64_t now = oc_now_ns(), rtt_ns;
    int64_t offset_ns;
    oc_cond_lock(&t->lock);
    oc_link_read(&t->link, now, &w->link);
    w->load = t->load;
    w->load.flags = t->load.at_ns == 0 || now - t->load.at_ns > silence_ns(t) ? OC_LINK_STALE : 0;
    w->bytes_sent = t->bytes_sent;
    w->bytes_received = t->bytes_received;
    w->probe_bytes = t->probe_bytes;
    w->lost = t->lost;
    w->n_services = t->n_services;
    memcpy(w->services, t->services, t->n_services * sizeof(t->services[0]));
    bool has_clock = clock_read(&t->clock, &offset_ns, &rtt_ns);
    w->clock_offset_ns = has_clock ? (double)offset_ns : (double)NAN;
    w->clock_error_ns = has_clock ? (double)rtt_ns / 2 : (double)NAN;
    bool is_done = is_measured(t, now);
    oc_cond_unlock(&t->lock);
    snprintf(w->address, sizeof(w->address), "%.*s", (int)sizeof(w->address) - 1, site->address);
    memcpy(health->device, site->device, sizeof(health->device));
    memcpy(health->driver, site->driver, sizeof(health->driver));
    return is_done;
}
