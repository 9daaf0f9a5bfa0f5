/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to a worker. Of it one tag at most is under way: a Hello, or the wait for a change.
 *
 *     Hello ---- answered ----> up (or refused) ---- connection changes ----+
 *       |  ^                                                                |
 *     fails +---------- a change of the connection, or a while <------------+
 *
 * gRPC itself connects again, with a growing pause; the first Hello fails fast, so that "nobody is
 * there" is known at once, and each later one waits in gRPC until there is a connection.
 */
#include "remote.h"

#include "offcut_v1.pb-c.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>

#define HELLO_TIMEOUT_MS 2000
#define KEEPALIVE_MS 5000
#define KEEPALIVE_TIMEOUT_MS 10000
#define FIRST_PAUSE_MS 100 /* gRPC's between attempts to connect; it grows to the longest */
#define LONGEST_PAUSE_MS 1000
#define CONNECT_TIMEOUT_MS 5000            /* one attempt, on a slow link */
#define RETRY_NS (UINT64_C(250) * 1000000) /* after a Hello that failed on a standing connection */
#define MESSAGE_BYTES (4 * (int)OC_FLOW_CHUNK_BYTES)

/* ---- words ----------------------------------------------------------------------------------- */

void remote_say(const remote_site *site, char text[REMOTE_TEXT], const char *fmt, ...)
{
    va_list args;
    int at = snprintf(text, REMOTE_TEXT, "%s: ", site->name);
    va_start(args, fmt);
    if (at < REMOTE_TEXT && vsnprintf(text + at, (size_t)(REMOTE_TEXT - at), fmt, args) < 0)
        text[at] = '\0';
    va_end(args);
    oc_text_one_line(text);
}

static oc_bytes slice_bytes(const grpc_slice *slice)
{
    return (oc_bytes){GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
}

oc_status remote_explain(const remote_site *site, grpc_status_code code,
                         const grpc_metadata_array *tail, grpc_slice details,
                         char text[REMOTE_TEXT])
{
    oc_bytes name = {0}, why = slice_bytes(&details);
    for (size_t i = 0; i < tail->count; i++)
        if (oc_bytes_equal_text(slice_bytes(&tail->metadata[i].key), OC_RPC_STATUS_KEY))
            name = slice_bytes(&tail->metadata[i].value);
    oc_status status = oc_rpc_status(code, name);
    /* The worker's own words stand for themselves; gRPC's want a hint at what they are about. */
    const char *about = name.size > 0             ? ""
                        : status == OC_E_LOST     ? "no connection: "
                        : status == OC_E_DEADLINE ? "no answer in time: "
                                                  : "";
    remote_say(site, text, "%s%.*s", about, (int)OC_MIN(why.size, (size_t)REMOTE_TEXT),
               why.size ? (const char *)why.data : oc_status_text(status));
    return status;
}

/* ---- Hello ----------------------------------------------------------------------------------- */

static grpc_byte_buffer *make_question(void)
{
    Offcut__V1__HelloRequest hello = OFFCUT__V1__HELLO_REQUEST__INIT;
    char client[64];
    snprintf(client, sizeof(client), "offcut %s", oc_version());
    hello.version_min = OC_RPC_VERSION_MIN;
    hello.version_max = OC_RPC_VERSION_MAX;
    hello.client = client;
    return oc_rpc_pack(&hello.base);
}

/* Locked. A whole unary call in its right order: gRPC has no reason to refuse it. */
static void say_hello(remote_site *s)
{
    if (s->is_closing)
        return;
    s->pending++;
    if (!oc_rpc_unary_begin(
            &s->hello,
            &(oc_rpc_unary_options){
                .channel = s->channel,
                .queue = s->loop.queue,
                .path = OC_RPC_PATH_HELLO,
                .question = make_question(),
                .deadline_ns = s->is_first_hello ? oc_now_ns() + s->hello_timeout_ns : OC_NEVER_NS,
                .waits_for_ready = !s->is_first_hello},
            &s->on_hello))
        s->pending--;
    s->is_first_hello = false;
}

/* Locked. The next thing after a Hello: a change of the connection from how it is. */
static void await_change(remote_site *s, uint64_t deadline_ns)
{
    if (s->is_closing)
        return;
    /* What the peer said stays true as long as the connection stands. */
    grpc_connectivity_state now =
        s->is_settled ? GRPC_CHANNEL_READY : grpc_channel_check_connectivity_state(s->channel, 1);
    s->pending++;
    grpc_channel_watch_connectivity_state(s->channel, now, oc_rpc_deadline(deadline_ns),
                                          s->loop.queue, &s->on_change);
}

/* ---- the worker's answer --------------------------------------------------------------------- */

/* Locked. Every part hears of it. */
static void set_state(remote_site *s, oc_status status, bool is_up)
{
    s->status = status;
    s->is_up = is_up;
    remote_wake(s);
}

/* Also those that wait for a connection sleep on it. */
void remote_wake(remote_site *s)
{
    oc_cond_wake(&s->cond);
    for (remote_part *p = s->parts; p; p = p->next)
        oc_waker_wake(p->waker);
}

static const Offcut__V1__Model *find_digest(const Offcut__V1__HelloResponse *hello,
                                            const char *digest)
{
    for (size_t i = 0; i < hello->n_models; i++)
        if (strcmp(hello->models[i]->digest, digest) == 0 &&
            strlen(hello->models[i]->name) < OC_RPC_NAME_TEXT)
            return hello->models[i];
    return NULL;
}

/* Which of the worker's models most likely is meant: one whose name begins ours, or its only one.
 * */
static const Offcut__V1__Model *likely_model(const Offcut__V1__HelloResponse *hello,
                                             const char *name)
{
    for (size_t i = 0; i < hello->n_models; i++)
        if (strncmp(name, hello->models[i]->name, strlen(hello->models[i]->name)) == 0)
            return hello->models[i];
    return hello->n_models > 0 ? hello->models[0] : NULL;
}

static oc_status check_model(remote_site *s, const Offcut__V1__HelloResponse *hello,
                             char text[REMOTE_TEXT])
{
    char digest[OC_DIGEST_TEXT];
    oc_digest_print(&s->base.graph->digest, digest);
    const Offcut__V1__Model *model = find_digest(hello, digest);
    if (!model) {
        const Offcut__V1__Model *other = likely_model(hello, s->base.graph->name);
        remote_say(s, text, "another model: ours has the digest %s, its \"%.40s\" has %.80s",
                   digest, other ? other->name : "", other ? other->digest : "none");
        return OC_E_MISMATCH;
    }
    snprintf(s->model, sizeof(s->model), "%s", model->name);
    remote_say(s, text, "%.40s, %.120s, model \"%.60s\"", hello->worker, hello->device,
               model->name);
    return OC_OK;
}

static oc_status check_hello(remote_site *s, const Offcut__V1__HelloResponse *hello,
                             char text[REMOTE_TEXT])
{
    if (hello->version_min > OC_RPC_VERSION_MAX || hello->version_max < OC_RPC_VERSION_MIN) {
        remote_say(s, text, "it speaks the protocol versions %u to %u, we speak %d to %d",
                   hello->version_min, hello->version_max, OC_RPC_VERSION_MIN, OC_RPC_VERSION_MAX);
        return OC_E_MISMATCH;
    }
    if (s->base.graph)
        return check_model(s, hello, text);
    remote_say(s, text, "%.40s, %.120s, %zu models", hello->worker, hello->device, hello->n_models);
    return OC_OK;
}

/* What it says of its device: "NAME (DRIVER)", and the driver alone. */
static void keep_device(remote_site *s, const Offcut__V1__HelloResponse *hello)
{
    char driver[REMOTE_DEVICE_TEXT + 3];
    int at = snprintf(driver, sizeof(driver), " (%.*s)", REMOTE_DEVICE_TEXT - 1, hello->driver);
    snprintf(s->device, sizeof(s->device), "%.*s", REMOTE_DEVICE_TEXT - 1, hello->device);
    snprintf(s->driver, sizeof(s->driver), "%.*s", REMOTE_DEVICE_TEXT - 1, hello->driver);
    s->peak_flops = hello->peak_flops;
    s->peak_bytes_per_s = hello->peak_bytes_per_s;
    oc_text_one_line(s->device);
    oc_text_one_line(s->driver);
    size_t length = strlen(s->device), cut = (size_t)OC_MAX(at, 0);
    if (*hello->driver && length > cut && strcmp(s->device + length - cut, driver) == 0)
        s->device[length - cut] = '\0';
}

static oc_status read_answer(remote_site *s, char text[REMOTE_TEXT])
{
    Offcut__V1__HelloResponse *hello = NULL;
    grpc_slice slice;
    oc_bytes bytes;
    if (s->hello.code == GRPC_STATUS_UNIMPLEMENTED) {
        remote_say(s, text, "it answers, but is no offcut worker");
        return OC_E_UNSUPPORTED;
    }
    if (s->hello.code != GRPC_STATUS_OK) {
        oc_status why = remote_explain(s, s->hello.code, &s->hello.tail, s->hello.details, text);
        return why == OC_E_DEADLINE ? OC_E_LOST : why; /* the deadline was ours */
    }
    oc_status status = oc_rpc_bytes(s->hello.answer, OC_RPC_SMALL_BYTES, &slice, &bytes);
    if (status == OC_OK) {
        status =
            oc_rpc_unpack(&offcut__v1__hello_response__descriptor, bytes, s->base.alloc, &hello);
        grpc_slice_unref(slice);
    }
    if (status != OC_OK) {
        remote_say(s, text, "%s", oc_error_text());
        return status;
    }
    status = check_hello(s, hello, text);
    keep_device(s, hello);
    oc_rpc_unpacked_free(hello, s->base.alloc);
    return status;
}

static void on_hello(void *owner, bool ok)
{
    remote_site *s = owner;
    char text[REMOTE_TEXT];
    bool is_news = false;
    (void)ok;
    oc_cond_lock(&s->cond);
    oc_status status = read_answer(s, text);
    const bool is_answered = s->hello.code == GRPC_STATUS_OK;
    oc_rpc_unary_end(&s->hello);
    if (!s->is_closing) {
        s->is_settled = is_answered || status == OC_E_UNSUPPORTED || status == OC_E_MISMATCH;
        is_news = strcmp(s->text, text) != 0;
        memcpy(s->text, text, sizeof(text));
        if (status == OC_OK)
            remote_status_up(s);
        set_state(s, status, status == OC_OK);
        await_change(s, s->is_settled ? OC_NEVER_NS : oc_now_ns() + RETRY_NS);
    }
    if (--s->pending == 0)
        oc_cond_wake(&s->cond);
    oc_cond_unlock(&s->cond);
    /* Unlocked, since a sink may ask for the site's health; close waits for this thread. */
    if (is_news)
        oc_log(s->loop.log, status == OC_OK ? OC_LOG_INFO : OC_LOG_WARN, "%s", text);
}

static void on_change(void *owner, bool ok)
{
    remote_site *s = owner;
    oc_cond_lock(&s->cond);
    if (!s->is_closing) {
        if (ok && s->is_up) {
            remote_say(s, s->text, "the connection was lost");
            remote_status_down(s);
            set_state(s, OC_E_LOST, false);
        }
        say_hello(s);
    }
    if (--s->pending == 0)
        oc_cond_wake(&s->cond);
    oc_cond_unlock(&s->cond);
}

/* ---- the seam -------------------------------------------------------------------------------- */

static void remote_health(oc_site *site, oc_site_health *health)
{
    remote_site *s = remote_site_of(site);
    oc_cond_lock(&s->cond);
    *health = (oc_site_health){0};
    bool is_measured = remote_status_read(s, health);
    health->is_settled = s->is_up ? is_measured : s->status != OC_OK;
    health->worker.is_up = s->is_up;
    memcpy(health->worker.text, s->text, sizeof(s->text));
    oc_cond_unlock(&s->cond);
}

static void remote_close(oc_site *site)
{
    remote_site *s = remote_site_of(site);
    if (!s)
        return;
    const oc_log_sink *log = s->loop.log, *before = oc_rpc_log_thread(log);
    oc_cond_lock(&s->cond);
    s->is_closing = true;
    if (s->hello.call)
        grpc_call_cancel(s->hello.call, NULL);
    remote_status_close(s);
    oc_cond_unlock(&s->cond);
    grpc_channel_destroy(s->channel); /* a wait for a change ends with it */
    oc_cond_lock(&s->cond);
    while (s->pending > 0)
        oc_cond_wait(&s->cond, OC_NEVER_NS);
    oc_cond_unlock(&s->cond);
    oc_rpc_loop_fini(&s->loop);
    oc_rpc_end();
    oc_rpc_log_thread(before);
    remote_status_fini(s);
    oc_cond_fini(&s->cond);
    oc_free(s->base.alloc, s);
}

static const oc_site_type remote_type = {
    .name = "remote",
    .close = remote_close,
    .part_open = remote_part_open,
    .part_close = remote_part_close,
    .start = remote_start,
    .put = remote_put,
    .submit = remote_submit,
    .get = remote_get,
    .poll = remote_poll,
    .cancel = remote_cancel,
    .health = remote_health,
    .skipped = remote_skipped,
    .profile = remote_profile,
};

static int or_default(uint32_t value, int fallback)
{
    return value > 0 && value <= INT32_MAX ? (int)value : fallback;
}

static grpc_channel *make_channel(const oc_rpc_address *address, const oc_remote_options *o)
{
    char target[OC_RPC_TARGET_TEXT];
    const struct {
        const char *key;
        int value;
    } rows[] = {
        {GRPC_ARG_ENABLE_HTTP_PROXY,
         0}, /* would read the environment and send a cut past the link we measure */
        {GRPC_ARG_ENABLE_RETRIES, 0}, /* the session decides what happens to a run that failed */
        {GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
         1}, /* a connection per site: they do not wait for one another */
        {GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1},
        {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MESSAGE_BYTES},
        {GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE},
        {GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0},
        {GRPC_ARG_KEEPALIVE_TIME_MS, or_default(o->keepalive_ms, KEEPALIVE_MS)},
        {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, or_default(o->keepalive_timeout_ms, KEEPALIVE_TIMEOUT_MS)},
        {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
        {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
        {GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, OC_RPC_WINDOW_BYTES},
        {GRPC_ARG_HTTP2_BDP_PROBE, 1},
        {GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, FIRST_PAUSE_MS},
        {GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS},
        {GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, LONGEST_PAUSE_MS},
    };
    grpc_arg args[OC_COUNT(rows)];
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        args[i] = (grpc_arg){
            .type = GRPC_ARG_INTEGER, .key = (char *)rows[i].key, .value.integer = rows[i].value};
    const grpc_channel_args all = {.num_args = OC_COUNT(args), .args = args};
    grpc_channel_credentials *open = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(oc_rpc_address_target(address, target), open, &all);
    grpc_channel_credentials_release(open);
    return channel;
}

static oc_status create_site(const char *address, const oc_graph *graph,
                             const oc_remote_options *options, const oc_allocator *alloc,
                             remote_site **out)
{
    remote_site *s = NULL;
    OC_TRY(OC_ALLOC(alloc, 1, s));
    s->base = (oc_site){.type = &remote_type, .alloc = alloc, .graph = graph};
    s->on_hello = (oc_rpc_tag){on_hello, s};
    s->on_change = (oc_rpc_tag){on_change, s};
    s->is_first_hello = true;
    s->hello_timeout_ns =
        (uint64_t)or_default(options->hello_timeout_ms, HELLO_TIMEOUT_MS) * 1000000;
    snprintf(s->name, sizeof(s->name), "worker %s", address);
    s->address = s->name + strlen("worker ");
    remote_say(s, s->text, "connecting");
    oc_status status = oc_cond_init(&s->cond);
    if (status == OC_OK) {
        status = remote_status_init(s);
        if (status != OC_OK)
            oc_cond_fini(&s->cond);
    }
    if (status != OC_OK)
        oc_free(alloc, s);
    else
        *out = s;
    return status;
}

oc_status oc_remote_site_open(const char *address, const oc_graph *graph,
                              const oc_remote_options *options, const oc_allocator *alloc,
                              oc_site **site)
{
    const oc_remote_options none = {0};
    const oc_remote_options *o = options ? options : &none;
    oc_rpc_address parsed;
    remote_site *s = NULL;
    OC_TRY(oc_rpc_address_parse(address, &parsed));
    OC_TRY(create_site(address, graph, o, oc_allocator_or_default(alloc), &s));
    const oc_log_sink *before = oc_rpc_log_thread(o->log);
    oc_rpc_begin();
    oc_rpc_loop_init(&s->loop, o->log);
    s->loop.tick = remote_status_tick;
    s->loop.tick_ctx = s;
    s->loop.tick_ns = REMOTE_TICK_NS;
    s->channel = make_channel(&parsed, o);
    oc_status status = oc_rpc_loop_start(&s->loop);
    if (status == OC_OK) {
        oc_cond_lock(&s->cond);
        say_hello(s);
        oc_cond_unlock(&s->cond);
        *site = &s->base;
    } else {
        remote_close(&s->base);
    }
    oc_rpc_log_thread(before);
    return status;
}
