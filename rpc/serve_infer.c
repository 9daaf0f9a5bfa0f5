/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference ModelInfer: a whole model, its inputs and outputs in one message each. Tensors are read
 * where they lie in the request and written once into the answer; generated code would copy them
 * and build a struct per number.
 */
#include "oc_serve.h"

#include "oc_tensor.h"

/* Numbers of the protocol's fields. */
enum {
    REQUEST_MODEL = 1,
    REQUEST_VERSION = 2,
    REQUEST_ID = 3,
    REQUEST_INPUT = 5,
    REQUEST_OUTPUT = 6,
    REQUEST_RAW = 7
};
enum { TENSOR_NAME = 1, TENSOR_DTYPE = 2, TENSOR_SHAPE = 3, TENSOR_CONTENTS = 5 };
enum { CONTENTS_FP32 = 6 };
enum {
    RESPONSE_MODEL = 1,
    RESPONSE_VERSION = 2,
    RESPONSE_ID = 3,
    RESPONSE_OUTPUT = 5,
    RESPONSE_RAW = 6
};

/* What the request says beside its tensors. */
typedef struct infer_head {
    oc_bytes model, version, id;
    size_t n_inputs, n_outputs, n_raws;
} infer_head;

/* Expands to printf arguments of "%.*s". */
#define SHOW(bytes_) \
    (int)OC_MIN((bytes_).size, (size_t)200), (bytes_).data ? (const char *)(bytes_).data : ""

/* ---- reading --------------------------------------------------------------------------------- */

/* The next field of `wire` that holds bytes; others are skipped. */
static oc_status next_bytes(oc_wire *wire, oc_wire_field *field, bool *more)
{
    do
        OC_TRY(oc_wire_next(wire, field, more));
    while (*more && field->type != OC_WIRE_BYTES);
    return OC_OK;
}

static oc_status read_head(oc_bytes bytes, infer_head *head)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *head = (infer_head){0};
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(next_bytes(&wire, &field, &more));
        if (!more)
            return OC_OK;
        if (field.number == REQUEST_MODEL)
            head->model = field.bytes;
        else if (field.number == REQUEST_VERSION)
            head->version = field.bytes;
        else if (field.number == REQUEST_ID)
            head->id = field.bytes;
        head->n_inputs += field.number == REQUEST_INPUT;
        head->n_outputs += field.number == REQUEST_OUTPUT;
        head->n_raws += field.number == REQUEST_RAW;
    }
}

static oc_status read_name(oc_bytes tensor, oc_bytes *name)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *name = (oc_bytes){0};
    oc_wire_init(&wire, tensor);
    for (;;) {
        OC_TRY(next_bytes(&wire, &field, &more));
        if (!more)
            return OC_OK;
        if (field.number == TENSOR_NAME)
            *name = field.bytes;
    }
}

static oc_id find_io(const oc_graph *g, const oc_id *ids, size_t count, oc_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (oc_bytes_equal_text(name, g->values[ids[i]].name))
            return ids[i];
    return OC_NONE;
}

/* The outputs asked for, in the request's order; all of the model's where none is named. */
static oc_status read_outputs(oc_bytes bytes, const infer_head *head, const oc_serve_model *model,
                              oc_id *gives, size_t *n_gives)
{
    const oc_graph *g = model->graph;
    oc_wire wire;
    oc_wire_field field;
    bool more;
    size_t count = 0;
    oc_wire_init(&wire, bytes);
    while (count < head->n_outputs) {
        oc_bytes name;
        OC_TRY(next_bytes(&wire, &field, &more));
        if (field.number != REQUEST_OUTPUT)
            continue;
        OC_TRY(read_name(field.bytes, &name));
        oc_id id = find_io(g, g->outputs, g->n_outputs, name);
        if (id == OC_NONE)
            return oc_fail(OC_E_ARG, "model \"%s\" has no output \"%.*s\"", model->name,
                           SHOW(name));
        for (size_t i = 0; i < count; i++)
            if (gives[i] == id)
                return oc_fail(OC_E_ARG, "output \"%.*s\" is asked for twice", SHOW(name));
        gives[count++] = id;
    }
    for (size_t i = 0; head->n_outputs == 0 && i < g->n_outputs; i++)
        gives[count++] = g->outputs[i];
    *n_gives = count;
    return OC_OK;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

typedef struct infer_tensor {
    oc_bytes name, dtype, contents;
    bool has_contents;
    oc_shape shape;
    bool is_bad_shape; /* more axes than there are, or one that is no size */
} infer_tensor;

static void add_dim(infer_tensor *t, uint64_t dim)
{
    t->is_bad_shape = t->is_bad_shape || t->shape.rank == OC_RANK_MAX || dim > INT32_MAX;
    if (!t->is_bad_shape)
        t->shape.dim[t->shape.rank++] = (int32_t)dim;
}

static oc_status read_shape(const oc_wire_field *field, infer_tensor *t)
{
    oc_wire packed;
    if (field->type == OC_WIRE_VARINT)
        add_dim(t, field->value);
    if (field->type != OC_WIRE_BYTES)
        return OC_OK;
    oc_wire_init(&packed, field->bytes);
    while (packed.offset < packed.bytes.size) {
        uint64_t dim;
        OC_TRY(oc_wire_varint(&packed, &dim));
        add_dim(t, dim);
    }
    return OC_OK;
}

static oc_status read_tensor(oc_bytes bytes, infer_tensor *t)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    *t = (infer_tensor){0};
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            return OC_OK;
        if (field.number == TENSOR_SHAPE)
            OC_TRY(read_shape(&field, t));
        else if (field.type != OC_WIRE_BYTES)
            continue;
        else if (field.number == TENSOR_NAME)
            t->name = field.bytes;
        else if (field.number == TENSOR_DTYPE)
            t->dtype = field.bytes;
        else if (field.number == TENSOR_CONTENTS) {
            t->contents = field.bytes;
            t->has_contents = true;
        }
    }
}

static oc_status check_tensor(const oc_value *value, const infer_tensor *t)
{
    char expected[OC_SHAPE_TEXT], found[OC_SHAPE_TEXT];
    const char *dtype = oc_dtype_oip_name(value->desc.dtype);
    if (!oc_bytes_equal_text(t->dtype, dtype))
        return oc_fail(OC_E_DTYPE, "input \"%s\": expected %s, found \"%.*s\"", value->name, dtype,
                       SHOW(t->dtype));
    if (t->is_bad_shape || !oc_shape_equal(&t->shape, &value->desc.shape))
        return oc_fail(OC_E_SHAPE, "input \"%s\": expected shape %s, found %s%s", value->name,
                       oc_shape_print(&value->desc.shape, expected, sizeof(expected)),
                       oc_shape_print(&t->shape, found, sizeof(found)),
                       t->is_bad_shape ? " and what is no axis" : "");
    return OC_OK;
}

/* Bytes of a value; more may follow. */
static oc_status append(oc_flow_value *v, const void *data, size_t size)
{
    if (size > v->bytes - v->moved)
        return oc_fail(OC_E_FORMAT, "input \"%s\": expected %zu bytes, found more", v->name,
                       v->bytes);
    if (size > 0)
        memcpy((uint8_t *)v->data + v->moved, data, size);
    v->moved += size;
    return OC_OK;
}

static oc_status end_value(oc_flow_value *v)
{
    if (v->moved != v->bytes)
        return oc_fail(OC_E_FORMAT, "input \"%s\": expected %zu bytes, found %zu", v->name,
                       v->bytes, v->moved);
    v->is_done = true;
    return OC_OK;
}

/* Typed contents: numbers packed, or one by one. */
static oc_status read_contents(oc_flow_value *v, oc_bytes contents)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    if (v->desc->dtype != OC_DTYPE_float32)
        return oc_fail(OC_E_UNSUPPORTED,
                       "input \"%s\": typed contents are taken for FP32 only, this is %s: use "
                       "raw_input_contents",
                       v->name, oc_dtype_oip_name(v->desc->dtype));
    oc_wire_init(&wire, contents);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &field, &more));
        if (!more)
            return end_value(v);
        uint32_t one = (uint32_t)field.value;
        if (field.number != CONTENTS_FP32)
            return oc_fail(OC_E_FORMAT,
                           "input \"%s\": expected fp32_contents, found field %u of contents",
                           v->name, field.number);
        if (field.type == OC_WIRE_BYTES)
            OC_TRY(append(v, field.bytes.data, field.bytes.size));
        else if (field.type == OC_WIRE_FIXED32)
            OC_TRY(append(v, &one, sizeof(one)));
    }
}

/* One input; `*value` receives what it fills, NULL where the outputs asked for do not need it. */
static oc_status take_input(oc_serve_call *c, oc_bytes bytes, bool has_raws, oc_flow_value **value)
{
    oc_serve_request *r = c->request;
    const oc_serve_model *model = r->part->model;
    const oc_graph *g = model->graph;
    infer_tensor t;
    OC_TRY(read_tensor(bytes, &t));
    oc_id id = find_io(g, g->inputs, g->n_inputs, t.name);
    if (id == OC_NONE)
        return oc_fail(OC_E_ARG, "model \"%s\" has no input \"%.*s\"", model->name, SHOW(t.name));
    OC_TRY(check_tensor(&g->values[id], &t));
    *value = oc_flow_find(r->takes, r->n_takes, t.name);
    if (t.has_contents && has_raws)
        return oc_fail(OC_E_FORMAT,
                       "input \"%.*s\": it has contents, and raw_input_contents are given too",
                       SHOW(t.name));
    if (!*value || has_raws)
        return OC_OK;
    if ((*value)->is_done)
        return oc_fail(OC_E_FORMAT, "input \"%.*s\": came twice", SHOW(t.name));
    return read_contents(*value, t.contents);
}

/* The k-th raw contents are those of the k-th input, and come behind or between them. */
static oc_status take_raws(oc_bytes bytes, oc_flow_value *const *values, size_t count)
{
    oc_wire wire;
    oc_wire_field field;
    bool more;
    oc_wire_init(&wire, bytes);
    for (size_t k = 0; k < count;) {
        OC_TRY(next_bytes(&wire, &field, &more));
        if (field.number != REQUEST_RAW)
            continue;
        oc_flow_value *v = values[k++];
        if (!v)
            continue;
        if (v->is_done)
            return oc_fail(OC_E_FORMAT, "input \"%s\": came twice", v->name);
        OC_TRY(append(v, field.bytes.data, field.bytes.size));
        OC_TRY(end_value(v));
    }
    return OC_OK;
}

static oc_status take_inputs(oc_serve_call *c, oc_bytes bytes, const infer_head *head,
                             oc_arena *scratch)
{
    const oc_serve_request *r = c->request;
    oc_flow_value **values;
    oc_wire wire;
    oc_wire_field field;
    bool more;
    OC_TRY(OC_ARENA_ALLOC(scratch, head->n_inputs + 1, values));
    oc_wire_init(&wire, bytes);
    for (size_t k = 0; k < head->n_inputs;) {
        OC_TRY(next_bytes(&wire, &field, &more));
        if (field.number == REQUEST_INPUT)
            OC_TRY(take_input(c, field.bytes, head->n_raws > 0, &values[k++]));
    }
    OC_TRY(take_raws(bytes, values, head->n_raws));
    for (size_t i = 0; i < r->n_takes; i++)
        if (!r->takes[i].is_done)
            return oc_fail(OC_E_ARG, "input \"%s\" is missing", r->takes[i].name);
    return OC_OK;
}

static oc_status check_head(const infer_head *head, const oc_serve_model *model)
{
    const oc_graph *g = model->graph;
    if (head->version.size > 0 && !oc_bytes_equal_text(head->version, OC_SERVE_VERSION))
        return oc_fail(OC_E_NOTFOUND,
                       "model \"%s\" has the version " OC_SERVE_VERSION ", found \"%.*s\"",
                       model->name, SHOW(head->version));
    if (head->n_inputs > g->n_inputs || head->n_outputs > g->n_outputs)
        return oc_fail(OC_E_ARG, "model \"%s\" has %zu inputs and %zu outputs, found %zu and %zu",
                       model->name, g->n_inputs, g->n_outputs, head->n_inputs, head->n_outputs);
    if (head->n_raws > 0 && head->n_raws != head->n_inputs)
        return oc_fail(OC_E_FORMAT,
                       "raw_input_contents: expected one for each of %zu inputs, found %zu",
                       head->n_inputs, head->n_raws);
    return OC_OK;
}

static oc_status take_request(oc_serve_call *c, oc_bytes bytes, oc_arena *scratch)
{
    const oc_serve_model *model = NULL;
    infer_head head;
    oc_id *gives;
    size_t n_gives;
    OC_TRY(read_head(bytes, &head));
    OC_TRY(oc_serve_find_model(c->worker, head.model, &model));
    OC_TRY(check_head(&head, model));
    OC_TRY(OC_ARENA_ALLOC(scratch, model->graph->n_outputs + 1, gives));
    OC_TRY(read_outputs(bytes, &head, model, gives, &n_gives));
    OC_TRY(oc_serve_call_open(c, model, NULL, 0, gives, n_gives));
    OC_TRY(take_inputs(c, bytes, &head, scratch));
    c->id.size = 0;
    return oc_buf_put(&c->id, head.id.data, head.id.size);
}

oc_status oc_serve_infer_message(oc_serve_call *call, oc_bytes bytes)
{
    oc_arena scratch;
    oc_arena_init(&scratch, call->worker->alloc);
    oc_status status = take_request(call, bytes, &scratch);
    oc_arena_fini(&scratch);
    if (status == OC_OK)
        oc_serve_call_run(call);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static oc_status put_text(oc_buf *buf, uint32_t number, const char *text)
{
    return oc_buf_wire_bytes(buf, number, text, strlen(text));
}

static oc_status put_output(oc_serve_call *c, const oc_flow_value *v)
{
    c->tensor.size = 0;
    OC_TRY(put_text(&c->tensor, TENSOR_NAME, v->name));
    OC_TRY(put_text(&c->tensor, TENSOR_DTYPE, oc_dtype_oip_name(v->desc->dtype)));
    for (int32_t i = 0; i < v->desc->shape.rank; i++)
        OC_TRY(oc_buf_wire_varint(&c->tensor, TENSOR_SHAPE, (uint64_t)v->desc->shape.dim[i]));
    return oc_buf_wire_bytes(&c->head, RESPONSE_OUTPUT, c->tensor.data, c->tensor.size);
}

/* Everything but the tensors' bytes; `*total` is the size of the whole. */
static oc_status put_head(oc_serve_call *c, size_t *total)
{
    const oc_serve_request *r = c->request;
    c->head.size = 0;
    OC_TRY(put_text(&c->head, RESPONSE_MODEL, r->part->model->name));
    OC_TRY(put_text(&c->head, RESPONSE_VERSION, OC_SERVE_VERSION));
    if (c->id.size > 0)
        OC_TRY(oc_buf_wire_bytes(&c->head, RESPONSE_ID, c->id.data, c->id.size));
    for (size_t i = 0; i < r->n_gives; i++)
        OC_TRY(put_output(c, &r->gives[i]));
    *total = c->head.size;
    for (size_t i = 0; i < r->n_gives; i++) {
        OC_TRY(oc_add_size(*total, oc_rpc_field_bytes(r->gives[i].bytes), total));
        OC_TRY(oc_add_size(*total, r->gives[i].bytes, total));
    }
    if (*total > INT32_MAX)
        return oc_fail(OC_E_LIMIT,
                       "the outputs of model \"%s\" take %zu bytes, a message holds 2 GiB",
                       r->part->model->name, *total);
    return OC_OK;
}

oc_status oc_serve_infer_ran(oc_serve_call *call)
{
    const oc_serve_request *r = call->request;
    size_t total;
    uint8_t *at;
    OC_TRY(put_head(call, &total));
    grpc_byte_buffer *reply = oc_rpc_buffer(total, &at);
    memcpy(at, call->head.data, call->head.size);
    at += call->head.size;
    for (size_t i = 0; i < r->n_gives; i++) {
        at = oc_rpc_field_put(at, RESPONSE_RAW, r->gives[i].bytes);
        memcpy(at, r->gives[i].data, r->gives[i].bytes);
        at += r->gives[i].bytes;
    }
    oc_serve_call_end(call, OC_OK, reply);
    return OC_OK;
}
