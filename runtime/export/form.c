/* SPDX-License-Identifier: Apache-2.0 */
/** Tensors, nodes and attributes of a file-to-be: what the rows of forms.c write with. */
#include "form.h"

#include <stdio.h>

/* Field numbers and types of AttributeProto: onnx.proto of the ONNX project. */
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_INTS = 7 };
enum { NODE_ATTRIBUTE = 5 };

int oc_form_onnx_dtype(oc_dtype dtype)
{
    static const int numbers[OC_DTYPE_COUNT] = {
        [OC_DTYPE_float32] = 1, [OC_DTYPE_uint8] = 2, [OC_DTYPE_int8] = 3,
        [OC_DTYPE_int32] = 6,   [OC_DTYPE_int64] = 7, [OC_DTYPE_bool] = 9,
        [OC_DTYPE_float16] = 10,
    };
    return numbers[dtype];
}

/* Is all well so far? Then `status` is what comes of this call. */
static bool keep(oc_form *f, oc_status status)
{
    if (f->status == OC_OK)
        f->status = status;
    return f->status == OC_OK;
}

void oc_form_refuse(oc_form_call *c, const char *fmt, ...)
{
    char why[256];
    va_list args;
    if (c->form->status != OC_OK)
        return;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    c->form->status = oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s cannot be written as ONNX: %s",
                              c->node.name, c->node.op->name, why);
}

/* ---- tensors -------------------------------------------------------------------------------- */

static oc_tensor_id add_tensor(oc_form *f, oc_form_tensor tensor)
{
    if (!keep(f, f->status) || !keep(f, oc_grow(f->alloc, &f->tensors, f->n_tensors,
                                                &f->cap_tensors, sizeof(*f->tensors))))
        return 0;
    f->tensors[f->n_tensors] = tensor;
    return (oc_tensor_id)f->n_tensors++;
}

bool oc_form_has(const oc_form_call *c, uint32_t index)
{
    return index < c->node.n_in && c->node.in[index] != OC_NONE;
}

oc_tensor_id oc_form_bytes(oc_form_call *c, const oc_desc *desc, const void *bytes)
{
    oc_form *f = c->form;
    size_t size;
    void *copy = NULL;
    if (f->status != OC_OK || !keep(f, oc_desc_bytes(desc, &size)) ||
        !keep(f, oc_arena_alloc(&f->arena, OC_MAX(size, (size_t)1), 1, &copy)))
        return 0;
    memcpy(copy, bytes, size);
    return add_tensor(f, (oc_form_tensor){.kind = OC_FORM_BYTES, .near = c->node.name,
                                          .what = "constant", .desc = *desc, .bytes = copy});
}

oc_tensor_id oc_form_int64s(oc_form_call *c, const int64_t *values, size_t count)
{
    return oc_form_bytes(c, &(oc_desc){OC_DTYPE_int64, {1, {(int32_t)count}}}, values);
}

oc_tensor_id oc_form_ints(oc_form_call *c, const int32_t *values, int32_t count)
{
    int64_t wide[OC_INTS_MAX] = {0};
    for (int32_t i = 0; i < count && i < OC_INTS_MAX; i++)
        wide[i] = values[i];
    return oc_form_int64s(c, wide, (size_t)count);
}

oc_tensor_id oc_form_scalar(oc_form_call *c, oc_dtype dtype, double value)
{
    union {
        float f;
        int8_t i8;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
    } element = {.i64 = 0};
    if (dtype == OC_DTYPE_float16)
        return oc_form_cast(c, oc_form_scalar(c, OC_DTYPE_float32, value), OC_DTYPE_float32, dtype);
    if (dtype == OC_DTYPE_float32)
        element.f = (float)value;
    else if (dtype == OC_DTYPE_int8)
        element.i8 = (int8_t)value;
    else if (dtype == OC_DTYPE_uint8 || dtype == OC_DTYPE_bool)
        element.u8 = (uint8_t)value;
    else if (dtype == OC_DTYPE_int32)
        element.i32 = (int32_t)value;
    else
        element.i64 = (int64_t)value;
    return oc_form_bytes(c, &(oc_desc){.dtype = dtype}, &element);
}

oc_tensor_id oc_form_same(oc_form_call *c, double value)
{
    return oc_form_scalar(c, c->out[0]->dtype, value);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static oc_tensor_id add_out(oc_form_call *c, oc_form_node *node)
{
    oc_form *f = c->form;
    node->out[node->n_out] = add_tensor(f, (oc_form_tensor){.kind = OC_FORM_MADE,
                                                            .near = c->node.name,
                                                            .what = node->op_type});
    return node->out[node->n_out++];
}

oc_tensor_id oc_form_node_add(oc_form_call *c, const char *op_type, const oc_tensor_id *in,
                              size_t n_in)
{
    oc_form *f = c->form;
    if (f->status != OC_OK ||
        !keep(f, oc_grow(f->alloc, &f->nodes, f->n_nodes, &f->cap_nodes, sizeof(*f->nodes))))
        return 0;
    oc_form_node node = {.op_type = op_type, .near = c->node.name};
    if (!keep(f, OC_ARENA_ALLOC(&f->arena, n_in + 1, node.in)) ||
        !keep(f, OC_ARENA_ALLOC(&f->arena, OC_NODE_IO_MAX, node.out)))
        return 0;
    /* Optional inputs that end the list are left out of it. */
    while (n_in > 0 && in[n_in - 1] == OC_NONE)
        n_in--;
    memcpy(node.in, in, n_in * sizeof(*in));
    node.n_in = (uint32_t)n_in;
    oc_buf_init(&node.attrs, f->alloc);
    oc_tensor_id out = add_out(c, &node);
    f->nodes[f->n_nodes++] = node;
    return out;
}

oc_tensor_id oc_form_more_out(oc_form_call *c)
{
    oc_form *f = c->form;
    return f->status == OC_OK ? add_out(c, &f->nodes[f->n_nodes - 1]) : 0;
}

oc_tensor_id oc_form_cast(oc_form_call *c, oc_tensor_id x, oc_dtype from, oc_dtype to)
{
    if (from == to)
        return x;
    oc_tensor_id y = OC_FORM(c, "Cast", x);
    oc_form_set_int(c, "to", oc_form_onnx_dtype(to));
    return y;
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* Close an attribute whose value stands in `value` and add it to the last node. */
static void set_attr(oc_form_call *c, const char *name, int type, oc_status status, oc_buf *value)
{
    oc_form *f = c->form;
    if (f->status == OC_OK) {
        if (status == OC_OK)
            status = oc_buf_wire_varint(value, ATTR_TYPE, (uint64_t)type);
        if (status == OC_OK)
            status = oc_buf_wire_bytes(value, ATTR_NAME, name, strlen(name));
        if (status == OC_OK)
            status = oc_buf_wire_bytes(&f->nodes[f->n_nodes - 1].attrs, NODE_ATTRIBUTE,
                                       value->data, value->size);
        keep(f, status);
    }
    oc_buf_fini(value);
}

void oc_form_set_int(oc_form_call *c, const char *name, int64_t value)
{
    oc_buf b;
    oc_buf_init(&b, c->form->alloc);
    set_attr(c, name, TYPE_INT, oc_buf_wire_varint(&b, ATTR_I, (uint64_t)value), &b);
}

void oc_form_set_float(oc_form_call *c, const char *name, float value)
{
    oc_buf b;
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    oc_buf_init(&b, c->form->alloc);
    set_attr(c, name, TYPE_FLOAT, oc_buf_wire_fixed32(&b, ATTR_F, bits), &b);
}

void oc_form_set_text(oc_form_call *c, const char *name, const char *value)
{
    oc_buf b;
    oc_buf_init(&b, c->form->alloc);
    set_attr(c, name, TYPE_STRING, oc_buf_wire_bytes(&b, ATTR_S, value, strlen(value)), &b);
}

void oc_form_set_ints(oc_form_call *c, const char *name, const int32_t *values, int32_t count)
{
    oc_buf b;
    oc_status status = OC_OK;
    oc_buf_init(&b, c->form->alloc);
    for (int32_t i = 0; i < count && status == OC_OK; i++)
        status = oc_buf_wire_varint(&b, ATTR_INTS, (uint64_t)(int64_t)values[i]);
    set_attr(c, name, TYPE_INTS, status, &b);
}

/* ---- values and their axes ------------------------------------------------------------------- */

/* Axes of [N,...,C] in the order of [N,C,...], and back. */
static oc_ints to_first(int32_t rank)
{
    oc_ints perm = {.count = rank};
    for (int32_t i = 1; i < rank; i++)
        perm.v[i] = i == 1 ? rank - 1 : i - 1;
    return perm;
}

static oc_ints to_last(int32_t rank)
{
    oc_ints perm = {.count = rank};
    for (int32_t i = 1; i < rank; i++)
        perm.v[i] = i + 1 < rank ? i + 1 : 1;
    return perm;
}

static bool is_same(const oc_ints *p, oc_ints q)
{
    return p->count == q.count && memcmp(p->v, q.v, (size_t)q.count * sizeof(q.v[0])) == 0;
}

static oc_shape permuted(const oc_shape *shape, const oc_ints *perm)
{
    oc_shape result = {.rank = shape->rank};
    for (int32_t i = 0; i < shape->rank; i++)
        result.dim[i] = shape->dim[perm->v[i]];
    return result;
}

static bool has_two(const oc_form *f, oc_id value)
{
    return f->graph->values[value].desc.shape.rank >= 3;
}

static oc_tensor_id add_const(oc_form *f, oc_id value, const oc_shape *view, const oc_ints *perm)
{
    const oc_value *v = &f->graph->values[value];
    oc_form_tensor t = {.kind = OC_FORM_CONST, .near = v->name, .what = "constant",
                        .desc = v->desc, .value = value, .view = view ? *view : v->desc.shape};
    if (perm && perm->count > 0)
        t.perm = *perm;
    t.desc.shape = t.perm.count ? permuted(&t.view, &t.perm) : t.view;
    return add_tensor(f, t);
}

static oc_tensor_id add_transpose(oc_form_call *c, oc_tensor_id x, const oc_ints *perm)
{
    oc_tensor_id y = OC_FORM(c, "Transpose", x);
    oc_form_set_ints(c, "perm", perm->v, perm->count);
    return y;
}

/* A value's tensor in its own axes takes the value's name. */
static void bind_plain(oc_form *f, oc_id value, oc_tensor_id tensor)
{
    oc_form_tensor *t = &f->tensors[tensor];
    f->plain[value] = tensor;
    if (!t->name)
        t->name = f->graph->values[value].name;
}

/* The other tensor of a value is named after it. */
static void bind_first(oc_form *f, oc_id value, oc_tensor_id tensor)
{
    oc_form_tensor *t = &f->tensors[tensor];
    f->first[value] = tensor;
    if (t->name)
        return;
    t->near = f->graph->values[value].name;
    t->what = "channels_first";
}

static oc_tensor_id plain_of(oc_form_call *c, oc_id value)
{
    oc_form *f = c->form;
    const oc_value *v = &f->graph->values[value];
    if (f->status != OC_OK)
        return 0;
    if (f->plain[value] != OC_NONE)
        return f->plain[value];
    oc_tensor_id t;
    if (v->constant)
        t = add_const(f, value, NULL, NULL);
    else {
        oc_ints perm = to_last(v->desc.shape.rank);
        t = add_transpose(c, f->first[value], &perm);
    }
    if (f->status == OC_OK)
        bind_plain(f, value, t);
    return t;
}

static oc_tensor_id first_of(oc_form_call *c, oc_id value)
{
    oc_form *f = c->form;
    const oc_value *v = &f->graph->values[value];
    if (!has_two(f, value))
        return plain_of(c, value);
    if (f->status != OC_OK || f->first[value] != OC_NONE)
        return f->status == OC_OK ? f->first[value] : 0;
    oc_ints perm = to_first(v->desc.shape.rank);
    oc_tensor_id t = v->constant ? add_const(f, value, NULL, &perm)
                                 : add_transpose(c, plain_of(c, value), &perm);
    if (f->status == OC_OK)
        bind_first(f, value, t);
    return t;
}

/* The shape with as many axes, by ones in front. */
static oc_shape stretched(const oc_shape *shape, int32_t rank)
{
    oc_shape full = {.rank = rank};
    for (int32_t i = 0; i < rank; i++)
        full.dim[i] = i < rank - shape->rank ? 1 : shape->dim[i - (rank - shape->rank)];
    return full;
}

/* A constant of fewer axes that is stretched over the others: with as many, the channels second. */
static oc_tensor_id in_stretched(oc_form_call *c, oc_id value, int32_t rank)
{
    oc_shape view = stretched(&c->form->graph->values[value].desc.shape, rank);
    oc_ints perm = to_first(rank);
    return add_const(c->form, value, &view, &perm);
}

oc_tensor_id oc_form_in(oc_form_call *c, uint32_t index)
{
    if (c->form->status != OC_OK)
        return 0;
    if (!oc_form_has(c, index))
        return OC_NONE;
    bool is_first = c->is_first || (c->is_spatial && index == 0);
    oc_id value = c->node.in[index];
    if (c->is_first && c->in[index]->shape.rank > c->form->graph->values[value].desc.shape.rank)
        return in_stretched(c, value, c->in[index]->shape.rank);
    return (is_first ? first_of : plain_of)(c, c->node.in[index]);
}

oc_tensor_id oc_form_in_first(oc_form_call *c, uint32_t index)
{
    oc_id value = c->node.in[index];
    return c->form->status == OC_OK && has_two(c->form, value) ? c->form->first[value] : OC_NONE;
}

oc_tensor_id oc_form_in_permuted(oc_form_call *c, uint32_t index, const oc_shape *view,
                                 const oc_ints *perm)
{
    oc_id value = c->node.in[index];
    if (c->form->status == OC_OK && c->form->graph->values[value].constant)
        return add_const(c->form, value, view, perm);
    oc_tensor_id x = plain_of(c, value);
    if (view)
        x = oc_form_reshape(c, x, view);
    return perm ? add_transpose(c, x, perm) : x;
}

void oc_form_prefer_first(oc_form_call *c)
{
    c->is_spatial = !c->is_first && oc_form_in_first(c, 0) != OC_NONE;
}

const void *oc_form_in_bytes(oc_form_call *c, uint32_t index)
{
    oc_form *f = c->form;
    size_t size;
    void *bytes = NULL;
    if (f->status != OC_OK || !oc_form_has(c, index))
        return NULL;
    const oc_value *v = &f->graph->values[c->node.in[index]];
    if (!v->constant || !keep(f, oc_desc_bytes(&v->desc, &size)) ||
        !keep(f, oc_arena_alloc(&f->arena, OC_MAX(size, (size_t)1), 1, &bytes)) ||
        !keep(f, oc_graph_const_read(f->graph, c->node.in[index], bytes, size)))
        return NULL;
    return bytes;
}

oc_tensor_id oc_form_reshape(oc_form_call *c, oc_tensor_id x, const oc_shape *to)
{
    oc_tensor_id y = OC_FORM(c, "Reshape", x, oc_form_ints(c, to->dim, to->rank));
    /* Without it, 0 would mean the input's dimension. */
    oc_form_set_int(c, "allowzero", 1);
    return y;
}

void oc_form_out(oc_form_call *c, uint32_t index, oc_tensor_id tensor)
{
    oc_form *f = c->form;
    oc_id value = c->node.out[index];
    if (f->status != OC_OK)
        return;
    if ((c->is_first || (c->is_spatial && index == 0)) && has_two(f, value))
        bind_first(f, value, tensor);
    else
        bind_plain(f, value, tensor);
}

void oc_form_transpose(oc_form_call *c, const oc_ints *perm)
{
    oc_form *f = c->form;
    oc_id x = c->node.in[0], y = c->node.out[0];
    if (f->status != OC_OK)
        return;
    if (has_two(f, x) && is_same(perm, to_first(perm->count))) {
        oc_tensor_id t = first_of(c, x);
        if (f->status == OC_OK)
            bind_plain(f, y, t);
    } else if (has_two(f, x) && is_same(perm, to_last(perm->count))) {
        oc_tensor_id t = plain_of(c, x);
        if (f->status == OC_OK)
            bind_first(f, y, t);
    } else {
        oc_form_out(c, 0, add_transpose(c, plain_of(c, x), perm));
    }
}

/* ---- one node -------------------------------------------------------------------------------- */

/*
 * Which axes cost fewer Transposes, for an operator that may have either. Constants are laid out
 * as they are wanted.
 */
static bool prefers_first(const oc_form *f, const oc_node *node)
{
    int missing_plain = 0, missing_first = 0;
    for (uint32_t i = 0; i < node->n_in; i++) {
        oc_id in = node->in[i];
        if (in == OC_NONE || f->graph->values[in].constant)
            continue;
        missing_plain += f->plain[in] == OC_NONE;
        missing_first += !has_two(f, in) || f->first[in] == OC_NONE;
    }
    return missing_plain > 0 && missing_first <= missing_plain;
}

/* Descs of a call, and pointers to them. */
typedef struct descs {
    oc_desc in[OC_NODE_IO_MAX], out[OC_NODE_IO_MAX];
    const oc_desc *in_at[OC_NODE_IO_MAX], *out_at[OC_NODE_IO_MAX];
} descs;

static void copy_descs(const oc_op_call *call, bool stretches, int32_t rank, descs *d)
{
    for (uint32_t i = 0; i < call->n_in; i++) {
        d->in_at[i] = call->in[i] ? &d->in[i] : NULL;
        if (call->in[i])
            d->in[i] = *call->in[i];
        if (call->in[i] && stretches && call->is_const[i] && d->in[i].shape.rank < rank)
            d->in[i].shape = stretched(&call->in[i]->shape, rank);
    }
    for (uint32_t i = 0; i < call->n_out; i++) {
        d->out[i] = *call->out[i];
        d->out_at[i] = &d->out[i];
    }
}

/* The call with the channels second: false when the operator cannot have them there. */
static bool put_first(oc_form_call *c, const oc_form_row *row, const oc_op_call *call, descs *d)
{
    oc_form *f = c->form;
    const oc_op *op = call->op;
    int32_t rank = call->out[0]->shape.rank;
    oc_ints perm = to_first(rank);
    oc_op_call same = *call;
    void *attrs = NULL;
    if (rank < 3 ||
        !keep(f, oc_arena_alloc(&f->arena, OC_MAX(op->attrs_size, (size_t)1), 1, &attrs)))
        return false;
    copy_descs(call, row->stretches, rank, d);
    same.in = d->in_at;
    memcpy(attrs, call->attrs, op->attrs_size);
    if (op->permute(&same, perm.v, rank, attrs) != OC_OK)
        return false;
    for (uint32_t i = 0; i < call->n_in; i++)
        if (d->in_at[i] && d->in[i].shape.rank == rank)
            d->in[i].shape = permuted(&d->in[i].shape, &perm);
    for (uint32_t i = 0; i < call->n_out; i++)
        d->out[i].shape = permuted(&d->out[i].shape, &perm);
    c->node.attrs = attrs;
    c->in = d->in_at;
    c->out = d->out_at;
    c->is_first = true;
    return true;
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == size && strncmp(at, word, size) == 0)
            return true;
    return false;
}

static bool is_default(const oc_attr *attr, const void *defaults, const void *attrs)
{
    static const size_t sizes[] = {[OC_ATTR_INT] = sizeof(int32_t), [OC_ATTR_FLOAT] = sizeof(float),
                                   [OC_ATTR_INTS] = sizeof(oc_ints), [OC_ATTR_ENUM] = sizeof(int32_t),
                                   [OC_ATTR_FLOATS] = sizeof(oc_floats)};
    return memcmp((const char *)defaults + attr->offset, (const char *)attrs + attr->offset,
                  sizes[attr->type]) == 0;
}

/* What a row does not know it would leave out of the file without a word. */
static void check_known(oc_form_call *c, const oc_form_row *row)
{
    const oc_op *op = c->node.op;
    void *defaults = NULL;
    if (c->node.n_in > 0 && c->in[0] && !(row->types >> c->in[0]->dtype & 1))
        oc_form_refuse(c, "no form of it for %s is known", oc_dtype_name(c->in[0]->dtype));
    if (!keep(c->form, oc_arena_alloc(&c->form->arena, OC_MAX(op->attrs_size, (size_t)1), 1, &defaults)))
        return;
    oc_attrs_default(op, defaults);
    for (size_t i = 0; i < op->n_attrs; i++)
        if (!has_word(row->attrs, op->attrs[i].name) &&
            !is_default(&op->attrs[i], defaults, c->node.attrs))
            oc_form_refuse(c, "no form of it with another %s than by default is known",
                           op->attrs[i].name);
}

static void write_node(oc_form *f, const oc_node *node)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    descs first;
    bool is_const[OC_NODE_IO_MAX];
    const oc_form_row *row = oc_form_find(node->op->name);
    oc_op_call call = oc_node_call(f->graph, node, in, out, is_const);
    oc_form_call c = {.form = f, .node = *node, .in = in, .out = out};
    if (!row) {
        oc_form_refuse(&c, "no form of it in ONNX operators is known");
        return;
    }
    check_known(&c, row);
    c.is_spatial = row->is_spatial;
    if (!row->is_spatial && node->op->permute && prefers_first(f, node))
        put_first(&c, row, &call, &first);
    row->write(&c);
}

/* ---- a part ---------------------------------------------------------------------------------- */

static oc_status begin(oc_form *f, const oc_part *part)
{
    OC_TRY(OC_ARENA_ALLOC(&f->arena, f->graph->n_values + 1, f->plain));
    OC_TRY(OC_ARENA_ALLOC(&f->arena, f->graph->n_values + 1, f->first));
    OC_TRY(OC_ARENA_ALLOC(&f->arena, part->n_takes + 1, f->inputs));
    OC_TRY(OC_ARENA_ALLOC(&f->arena, part->n_gives + 1, f->outputs));
    for (size_t v = 0; v < f->graph->n_values; v++)
        f->plain[v] = f->first[v] = OC_NONE;
    for (size_t i = 0; i < part->n_takes; i++) {
        const oc_value *v = &f->graph->values[part->takes[i]];
        oc_tensor_id t = add_tensor(f, (oc_form_tensor){.kind = OC_FORM_GIVEN, .name = v->name,
                                                        .desc = v->desc,
                                                        .value = part->takes[i]});
        f->plain[part->takes[i]] = t;
        f->inputs[f->n_inputs++] = t;
    }
    return f->status;
}

/* An output carries the value's name; where its tensor cannot, a copy of it does. */
static void give(oc_form *f, oc_id value)
{
    const oc_value *v = &f->graph->values[value];
    oc_form_call c = {.form = f, .node = {.name = v->name}};
    oc_tensor_id t = plain_of(&c, value);
    if (f->status != OC_OK)
        return;
    if (f->tensors[t].kind == OC_FORM_CONST || f->tensors[t].name != v->name) {
        if (f->tensors[t].name == v->name)
            f->tensors[t].name = NULL;
        t = OC_FORM(&c, "Identity", t);
        if (f->status == OC_OK)
            f->tensors[t].name = v->name;
    }
    f->outputs[f->n_outputs++] = t;
}

/* What no output depends on is not written: a transposed twin that found no user, say. */
static void drop_unneeded(oc_form *f)
{
    size_t kept = f->n_nodes;
    for (size_t i = 0; i < f->n_outputs; i++)
        f->tensors[f->outputs[i]].is_needed = true;
    for (size_t i = f->n_nodes; i-- > 0;) {
        oc_form_node node = f->nodes[i];
        bool is_needed = false;
        for (uint32_t k = 0; k < node.n_out; k++)
            is_needed = is_needed || f->tensors[node.out[k]].is_needed;
        /* With one output its node has them all: not all of them may be left out. */
        for (uint32_t k = 0; is_needed && k < node.n_out; k++)
            f->tensors[node.out[k]].is_needed = true;
        for (uint32_t k = 0; is_needed && k < node.n_in; k++)
            if (node.in[k] != OC_NONE)
                f->tensors[node.in[k]].is_needed = true;
        if (is_needed)
            f->nodes[--kept] = node;
        else
            oc_buf_fini(&node.attrs);
    }
    f->n_nodes -= kept;
    memmove(f->nodes, f->nodes + kept, f->n_nodes * sizeof(*f->nodes));
}

oc_status oc_form_make(const oc_graph *graph, const oc_part *part, const oc_allocator *alloc,
                       oc_form *form)
{
    oc_form *f = form;
    *f = (oc_form){.graph = graph, .alloc = alloc};
    oc_arena_init(&f->arena, alloc);
    OC_TRY(begin(f, part));
    for (size_t i = 0; i < part->n_nodes && f->status == OC_OK; i++)
        write_node(f, &graph->nodes[part->nodes[i]]);
    for (size_t i = 0; i < part->n_gives && f->status == OC_OK; i++)
        give(f, part->gives[i]);
    if (f->status == OC_OK)
        drop_unneeded(f);
    return f->status;
}

void oc_form_fini(oc_form *form)
{
    for (size_t i = 0; i < form->n_nodes; i++)
        oc_buf_fini(&form->nodes[i].attrs);
    oc_free(form->alloc, form->nodes);
    oc_free(form->alloc, form->tensors);
    oc_arena_fini(&form->arena);
}
