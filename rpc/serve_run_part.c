/* SPDX-License-Identifier: Apache-2.0 */
/* offcut.v1 RunPart: Open and values come in, the part runs, values and Done go out. */
#include "oc_serve.h"

#include "offcut_v1.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Open ------------------------------------------------------------------------------------ */

static oc_status check_open(oc_worker *w, const Offcut__V1__Open *open,
                            const oc_serve_model **model)
{
    if (open->version < OC_RPC_VERSION_MIN || open->version > OC_RPC_VERSION_MAX)
        return oc_fail(OC_E_MISMATCH, "protocol version: expected %d to %d, found %u",
                       OC_RPC_VERSION_MIN, OC_RPC_VERSION_MAX, open->version);
    OC_TRY(oc_serve_find_model(w, (oc_bytes){(const uint8_t *)open->model, strlen(open->model)},
                               model));
    if (strcmp(open->digest, (*model)->digest) != 0)
        return oc_fail(OC_E_MISMATCH,
                       "model \"%s\": the client has the digest %.80s, the worker has %s",
                       (*model)->name, open->digest, (*model)->digest);
    if (strcmp(open->codec, OC_FLOW_CODEC) != 0)
        return oc_fail(OC_E_UNSUPPORTED, "codec: expected \"%s\", found \"%.80s\"", OC_FLOW_CODEC,
                       open->codec);
    if (open->request_id == 0)
        return oc_fail(OC_E_ARG, "request_id: expected a number above 0, found 0");
    if (open->n_gives == 0)
        return oc_fail(OC_E_ARG, "gives: expected at least one value, found none");
    return OC_OK;
}

static oc_status find_values(const oc_serve_model *model, const char *list, char *const *names,
                             size_t count, oc_arena *scratch, oc_id *ids)
{
    const oc_graph *g = model->graph;
    bool *is_named;
    OC_TRY(OC_ARENA_ALLOC(scratch, g->n_values + 1, is_named));
    for (size_t i = 0; i < count; i++) {
        ids[i] = oc_graph_find_value(g, names[i]);
        if (ids[i] == OC_NONE || g->values[ids[i]].constant)
            return oc_fail(OC_E_ARG, "%s: model \"%s\" has no value \"%.200s\" that could be moved",
                           list, model->name, names[i]);
        if (is_named[ids[i]])
            return oc_fail(OC_E_ARG, "%s: value \"%.200s\" is named twice", list, names[i]);
        is_named[ids[i]] = true;
    }
    return OC_OK;
}

static int by_id(const void *a, const void *b)
{
    const oc_id *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static oc_status open_ids(oc_serve_call *c, const Offcut__V1__Open *open,
                          const oc_serve_model *model, oc_arena *scratch)
{
    oc_id *takes, *gives;
    size_t most = model->graph->n_values;
    if (open->n_takes > most || open->n_gives > most)
        return oc_fail(OC_E_ARG, "model \"%s\" has %zu values, found %zu taken and %zu given",
                       model->name, most, open->n_takes, open->n_gives);
    OC_TRY(OC_ARENA_ALLOC(scratch, open->n_takes + 1, takes));
    OC_TRY(OC_ARENA_ALLOC(scratch, open->n_gives + 1, gives));
    OC_TRY(find_values(model, "takes", open->takes, open->n_takes, scratch, takes));
    OC_TRY(find_values(model, "gives", open->gives, open->n_gives, scratch, gives));
    qsort(takes, open->n_takes, sizeof(*takes), by_id); /* as parts have them */
    return oc_serve_call_open(c, model, takes, open->n_takes, gives, open->n_gives);
}

static oc_status open_part(oc_serve_call *c, const Offcut__V1__Open *open)
{
    const oc_serve_model *model = NULL;
    oc_arena scratch;
    OC_TRY(check_open(c->worker, open, &model));
    /* First, since a worker that is full may be so with the older try. */
    oc_serve_call_supersede(c, open->session_id, open->request_id);
    oc_arena_init(&scratch, c->worker->alloc);
    oc_status status = open_ids(c, open, model, &scratch);
    oc_arena_fini(&scratch);
    OC_TRY(status);
    uint64_t now = oc_now_ns();
    oc_serve_request *r = c->request;
    r->id = open->request_id;
    r->session = open->session_id;
    c->opened_ns = c->heard_ns;
    if (open->profile)
        OC_TRY(OC_ALLOC(c->worker->alloc, r->part->part.n_nodes, r->node_ns));
    if (open->timeout_ms > 0 && open->timeout_ms < (UINT64_MAX - now) / 1000000)
        r->deadline_ns = OC_MIN(r->deadline_ns, now + open->timeout_ms * 1000000);
    return OC_OK;
}

/* ---- messages -------------------------------------------------------------------------------- */

static bool has_all(const oc_flow_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!values[i].is_done)
            return false;
    return true;
}

static oc_status take_open(oc_serve_call *c, oc_bytes bytes)
{
    Offcut__V1__Open *open = NULL;
    if (c->request)
        return oc_fail(OC_E_FORMAT, "expected a TensorChunk, found a second Open");
    OC_TRY(oc_rpc_unpack(&offcut__v1__open__descriptor, bytes, c->worker->alloc, &open));
    oc_status status = open_part(c, open);
    oc_rpc_unpacked_free(open, c->worker->alloc);
    return status;
}

static oc_status take_chunk(oc_serve_call *c, oc_bytes bytes)
{
    oc_serve_request *r = c->request;
    oc_flow_chunk chunk;
    if (!r)
        return oc_fail(OC_E_FORMAT, "expected Open, found a TensorChunk");
    OC_TRY(oc_flow_chunk_read(bytes, &chunk));
    oc_flow_value *value = oc_flow_find(r->takes, r->n_takes, chunk.name);
    if (!value)
        return oc_fail(OC_E_ARG, "value \"%.*s\": it is not among those that Open takes",
                       (int)OC_MIN(chunk.name.size, (size_t)200),
                       chunk.name.data ? (const char *)chunk.name.data : "");
    return oc_flow_receive(value, &chunk);
}

oc_status oc_serve_part_message(oc_serve_call *call, oc_bytes bytes)
{
    uint32_t kind;
    oc_bytes inside;
    OC_TRY(oc_flow_envelope_read(bytes, &kind, &inside));
    if (kind == OC_FLOW_DONE)
        return oc_fail(OC_E_FORMAT, "expected Open or a TensorChunk, found Done");
    OC_TRY(kind == OC_FLOW_OPEN ? take_open(call, inside) : take_chunk(call, inside));
    bool is_measured = call->request->node_ns != NULL;
    if (is_measured && kind == OC_FLOW_TENSOR)
        return oc_fail(OC_E_FORMAT, "expected nothing behind an Open to measure the part");
    if (!is_measured && !has_all(call->request->takes, call->request->n_takes)) {
        oc_serve_call_read(call);
        return OC_OK;
    }
    call->receive_ns = oc_now_ns() - call->opened_ns;
    oc_serve_call_run(call);
    return OC_OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static grpc_byte_buffer *make_done(const oc_serve_call *c)
{
    Offcut__V1__Done done = OFFCUT__V1__DONE__INIT;
    Offcut__V1__RunPartResponse response = OFFCUT__V1__RUN_PART_RESPONSE__INIT;
    done.receive_ns = c->receive_ns;
    done.queue_ns = c->request->queue_ns;
    done.compute_ns = c->request->compute_ns;
    done.open_at_ns = c->opened_ns;
    done.done_at_ns = oc_now_ns();
    done.node_ns = c->request->node_ns;
    done.n_node_ns = c->request->node_ns ? c->request->part->part.n_nodes : 0;
    response.message_case = OFFCUT__V1__RUN_PART_RESPONSE__MESSAGE_DONE;
    response.done = &done;
    return oc_rpc_pack(&response.base);
}

/* The next chunk, or Done behind the last. */
oc_status oc_serve_part_sent(oc_serve_call *call)
{
    oc_serve_request *r = call->request;
    for (size_t i = 0; i < r->n_gives && !r->node_ns; i++) {
        if (!r->gives[i].is_done) {
            oc_serve_call_send(call, oc_flow_send(&r->gives[i]));
            return OC_OK;
        }
    }
    oc_serve_call_end(call, OC_OK, make_done(call));
    return OC_OK;
}

oc_status oc_serve_part_ran(oc_serve_call *call)
{
    const oc_serve_request *r = call->request;
    oc_log(call->worker->log, OC_LOG_DEBUG,
           "request %llu: model %s, %zu nodes: received in %llu us, waited %llu us, ran %llu us",
           (unsigned long long)r->id, r->part->model->name, r->part->part.n_nodes,
           (unsigned long long)call->receive_ns / 1000, (unsigned long long)r->queue_ns / 1000,
           (unsigned long long)r->compute_ns / 1000);
    return oc_serve_part_sent(call);
}
