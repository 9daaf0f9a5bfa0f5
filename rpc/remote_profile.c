/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring a network at a worker: one call of RunPart whose Open says `profile`, for the part from
 * the model's inputs to its outputs. The caller's thread waits; the loop's thread brings the answer.
 */
#include "remote.h"

#include "offcut_v1.pb-c.h"

#include <math.h>

#define PROFILE_NS (UINT64_C(120) * 1000000000)
#define READY_NS (UINT64_C(10) * 1000000000) /* until the worker is there */

typedef struct profile_call {
    remote_site *site;
    oc_cond cond;
    bool is_over;
    oc_rpc_tag on_over;
    oc_rpc_unary unary;
} profile_call;

static void on_over(void *owner, bool ok)
{
    profile_call *c = owner;
    (void)ok;
    oc_cond_lock(&c->cond);
    c->is_over = true;
    oc_cond_wake(&c->cond);
    oc_cond_unlock(&c->cond);
}

/* ---- the question ---------------------------------------------------------------------------- */

static grpc_byte_buffer *make_open(const remote_site *s, const char *model, char **takes,
                                   char **gives)
{
    const oc_graph *g = s->base.graph;
    Offcut__V1__Open open = OFFCUT__V1__OPEN__INIT;
    Offcut__V1__RunPartRequest request = OFFCUT__V1__RUN_PART_REQUEST__INIT;
    char digest[OC_DIGEST_TEXT];
    for (size_t i = 0; i < g->n_inputs; i++)
        takes[i] = (char *)g->values[g->inputs[i]].name;
    for (size_t i = 0; i < g->n_outputs; i++)
        gives[i] = (char *)g->values[g->outputs[i]].name;
    open.version = OC_RPC_VERSION_MAX;
    open.model = (char *)model;
    open.digest = oc_digest_print(&g->digest, digest);
    open.request_id = 1;
    open.timeout_ms = PROFILE_NS / 1000000;
    open.takes = takes;
    open.n_takes = g->n_inputs;
    open.gives = gives;
    open.n_gives = g->n_outputs;
    open.codec = (char *)OC_FLOW_CODEC;
    open.profile = true;
    request.message_case = OFFCUT__V1__RUN_PART_REQUEST__MESSAGE_OPEN;
    request.open = &open;
    return oc_rpc_pack(&request.base);
}

static oc_status make_question(const remote_site *s, const char *model, grpc_byte_buffer **question)
{
    oc_arena scratch;
    char **takes, **gives;
    oc_arena_init(&scratch, s->base.alloc);
    oc_status status = OC_ARENA_ALLOC(&scratch, s->base.graph->n_inputs + 1, takes);
    if (status == OC_OK)
        status = OC_ARENA_ALLOC(&scratch, s->base.graph->n_outputs + 1, gives);
    if (status == OC_OK)
        *question = make_open(s, model, takes, gives);
    oc_arena_fini(&scratch);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* One time of Done: what cannot be one is not known. */
static double time_of(uint64_t bits)
{
    double ns;
    memcpy(&ns, &bits, sizeof(ns));
    return ns >= 0 && ns < (double)PROFILE_NS ? ns : (double)NAN;
}

/* Packed or one by one; as many as the part has nodes. */
static oc_status take_times(const oc_wire_field *field, const oc_part *part, double *node_ns,
                            size_t *count)
{
    bool is_packed = field->type == OC_WIRE_BYTES;
    size_t n = is_packed ? field->bytes.size / 8 : 1;
    if (field->type != OC_WIRE_FIXED64 && (!is_packed || field->bytes.size % 8 != 0))
        return oc_fail(OC_E_FORMAT, "Done: node_ns: expected numbers of 8 bytes");
    if (n > part->n_nodes - *count)
        return oc_fail(OC_E_FORMAT, "Done: expected the times of %zu nodes, found more",
                       part->n_nodes);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = field->value;
        if (is_packed)
            OC_TRY(oc_bytes_u64(field->bytes, i * 8, &bits));
        node_ns[part->nodes[(*count)++]] = time_of(bits);
    }
    return OC_OK;
}

static oc_status read_done(oc_bytes done, const oc_part *part, double *node_ns)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    size_t count = 0;
    oc_wire_init(&wire, done);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number == 6)
            OC_TRY(take_times(&field, part, node_ns, &count));
    }
    if (count != part->n_nodes)
        return oc_fail(OC_E_FORMAT, "Done: expected the times of %zu nodes, found %zu",
                       part->n_nodes, count);
    return OC_OK;
}

static oc_status read_answer(const profile_call *c, const oc_part *part, double *node_ns)
{
    grpc_slice slice;
    oc_bytes bytes, inside;
    uint32_t kind;
    OC_TRY(oc_rpc_bytes(c->unary.answer, OC_FLOW_CHUNK_BYTES, &slice, &bytes));
    oc_status status = oc_flow_envelope_read(bytes, &kind, &inside);
    if (status == OC_OK && kind != OC_FLOW_DONE)
        status = oc_fail(OC_E_FORMAT, "expected Done, found another message");
    if (status == OC_OK)
        status = read_done(inside, part, node_ns);
    grpc_slice_unref(slice);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", c->site->name);
}

static oc_status judge(const profile_call *c, const oc_part *part, double *node_ns)
{
    char text[REMOTE_TEXT];
    if (c->unary.code == GRPC_STATUS_OK)
        return read_answer(c, part, node_ns);
    oc_status status =
        remote_explain(c->site, c->unary.code, &c->unary.tail, c->unary.details, text);
    return oc_fail(status, "%s", text);
}

/* ---- the call -------------------------------------------------------------------------------- */

static oc_status run_call(profile_call *c, grpc_byte_buffer *question, const oc_part *part,
                          double *node_ns)
{
    remote_site *s = c->site;
    c->on_over = (oc_rpc_tag){on_over, c};
    if (!oc_rpc_unary_begin(&c->unary,
                            &(oc_rpc_unary_options){.channel = s->channel,
                                                    .queue = s->loop.queue,
                                                    .path = OC_RPC_PATH_RUN_PART,
                                                    .question = question,
                                                    .deadline_ns = oc_now_ns() + PROFILE_NS},
                            &c->on_over))
        return oc_fail(OC_E_INTERNAL, "%s: gRPC refused a new call", s->name);
    oc_cond_lock(&c->cond);
    while (!c->is_over) /* the call has a deadline */
        oc_cond_wait(&c->cond, OC_NEVER_NS);
    oc_cond_unlock(&c->cond);
    oc_status status = judge(c, part, node_ns);
    oc_rpc_unary_end(&c->unary);
    return status;
}

/* Until the worker is there and it is known what it can do, or it is known why it is not. */
static oc_status await_worker(remote_site *s, char model[OC_RPC_NAME_TEXT])
{
    uint64_t deadline = oc_now_ns() + READY_NS;
    oc_site_health health;
    oc_status status = OC_OK;
    do {
        s->base.type->health(&s->base, &health);
        oc_cond_lock(&s->cond);
        if (!health.is_settled)
            oc_cond_wait(&s->cond, OC_MIN(deadline, oc_now_ns() + REMOTE_TICK_NS));
        oc_cond_unlock(&s->cond);
    } while (!health.is_settled && oc_now_ns() < deadline);
    oc_cond_lock(&s->cond);
    if (!s->is_up)
        status = oc_fail(s->status != OC_OK ? s->status : OC_E_LOST, "%s", s->text);
    else if (s->status_stream.is_absent)
        status = oc_fail(OC_E_UNSUPPORTED, "%s: the worker is too old: it cannot measure parts",
                         s->name);
    memcpy(model, s->model, OC_RPC_NAME_TEXT);
    oc_cond_unlock(&s->cond);
    return status;
}

static oc_status measure(remote_site *s, const oc_part *part, double *node_ns)
{
    profile_call c = {.site = s};
    char model[OC_RPC_NAME_TEXT];
    grpc_byte_buffer *question = NULL;
    OC_TRY(await_worker(s, model));
    OC_TRY(oc_cond_init(&c.cond));
    oc_status status = make_question(s, model, &question);
    if (status == OC_OK)
        status = run_call(&c, question, part, node_ns);
    oc_cond_fini(&c.cond);
    return status;
}

oc_status remote_profile(oc_site *site, double *node_ns,
                         void (*progress)(void *ctx, size_t done, size_t total, const char *node),
                         void *ctx)
{
    remote_site *s = remote_site_of(site);
    const oc_graph *g = site->graph;
    oc_part part;
    if (!g)
        return oc_fail(OC_E_ARG, "%s: it is only watched: it measures nothing", s->name);
    OC_TRY(
        oc_part_between(g, g->inputs, g->n_inputs, g->outputs, g->n_outputs, site->alloc, &part));
    const oc_log_sink *before = oc_rpc_log_thread(s->loop.log);
    for (size_t i = 0; i < g->n_nodes; i++)
        node_ns[i] = (double)NAN;
    if (progress)
        progress(ctx, 0, part.n_nodes, "");
    oc_status status = measure(s, &part, node_ns);
    if (status == OC_OK && progress)
        progress(ctx, part.n_nodes, part.n_nodes, "");
    oc_rpc_log_thread(before);
    oc_part_fini(&part);
    return status;
}
