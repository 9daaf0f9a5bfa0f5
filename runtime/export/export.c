/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The bytes of an ONNX file: a ModelProto, written piece by piece. Source of the field numbers:
 * onnx.proto of the ONNX project.
 *
 * A message's length stands before it, so that all sizes are known before the first byte is
 * written: nodes, inputs and outputs are made in memory, of weights only the heads.
 */
#include "oc_export.h"

#include "form.h"
#include "names.h"

#include <stdio.h>

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOC_STRING = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    OPSET_VERSION = 2
};
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4 };
enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEM_TYPE = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1 };

struct oc_export {
    oc_form form;
    oc_names tensor_names, node_names;
    oc_buf before, after; /* the ModelProto up to the first weight, and behind the last */
};

/* ---- names ------------------------------------------------------------------------------------ */

/*
 * "near/what", or, where that is taken, the same with a number: `names` holds for each name the
 * next number to try. Names of the graph's values are taken even where the part does not have
 * them, so that none ever means something else.
 */
static bool is_taken(const oc_export *e, const oc_names *names, const char *text)
{
    return oc_names_find(names, text) != OC_NONE ||
           (names == &e->tensor_names && oc_graph_find_value(e->form.graph, text) != OC_NONE);
}

static oc_status make_name(oc_export *e, oc_names *names, const char *near, const char *what,
                           const char **made)
{
    size_t size = strlen(near) + strlen(what) + 24;
    char *base = NULL, *text = NULL;
    OC_TRY(OC_ARENA_ALLOC(&e->form.arena, size, base));
    snprintf(base, size, "%s/%s", near, what);
    *made = base;
    if (!is_taken(e, names, base))
        return oc_names_put(names, e->form.alloc, base, 2);
    oc_id next = oc_names_find(names, base);
    next = next == OC_NONE ? 2 : next;
    OC_TRY(OC_ARENA_ALLOC(&e->form.arena, size, text));
    do
        snprintf(text, size, "%s_%u", base, next++);
    while (is_taken(e, names, text));
    *made = text;
    OC_TRY(oc_names_put(names, e->form.alloc, base, next));
    return oc_names_put(names, e->form.alloc, text, 2);
}

/* A constant that is not written in its own axes too keeps its name in others. */
static bool keeps_name(const oc_export *e, const oc_form_tensor *t)
{
    if (t->kind != OC_FORM_CONST)
        return false;
    oc_tensor_id plain = e->form.plain[t->value];
    return (plain == OC_NONE || !e->form.tensors[plain].is_needed) &&
           oc_names_find(&e->tensor_names, t->near) == OC_NONE;
}

static oc_status name_tensors(oc_export *e)
{
    oc_form *f = &e->form;
    for (size_t i = 0; i < f->n_tensors; i++) {
        oc_form_tensor *t = &f->tensors[i];
        if (t->name || !t->is_needed)
            continue;
        if (!keeps_name(e, t)) {
            OC_TRY(make_name(e, &e->tensor_names, t->near, t->what, &t->name));
            continue;
        }
        t->name = t->near;
        OC_TRY(oc_names_put(&e->tensor_names, f->alloc, t->name, 2));
    }
    return OC_OK;
}

/* ---- messages --------------------------------------------------------------------------------- */

static oc_status put_text(oc_buf *b, uint32_t number, const char *text)
{
    return oc_buf_wire_bytes(b, number, text, strlen(text));
}

/* Adds `inner` as a field and empties it. */
static oc_status put_message(oc_buf *b, uint32_t number, oc_buf *inner)
{
    OC_TRY(oc_buf_wire_bytes(b, number, inner->data, inner->size));
    inner->size = 0;
    return OC_OK;
}

static oc_status fill_node(oc_export *e, const oc_form_node *node, oc_buf *b)
{
    const oc_form_tensor *tensors = e->form.tensors;
    const char *name;
    OC_TRY(make_name(e, &e->node_names, node->near, node->op_type, &name));
    for (uint32_t i = 0; i < node->n_in; i++)
        OC_TRY(put_text(b, NODE_INPUT, node->in[i] == OC_NONE ? "" : tensors[node->in[i]].name));
    for (uint32_t i = 0; i < node->n_out; i++)
        OC_TRY(put_text(b, NODE_OUTPUT, tensors[node->out[i]].name));
    OC_TRY(put_text(b, NODE_NAME, name));
    OC_TRY(put_text(b, NODE_OP_TYPE, node->op_type));
    return oc_buf_put(b, node->attrs.data, node->attrs.size);
}

static oc_status fill_value(const char *name, const oc_desc *desc, oc_buf *b)
{
    oc_buf dim, shape, tensor, type;
    oc_status status;
    oc_buf_init(&dim, b->alloc);
    oc_buf_init(&shape, b->alloc);
    oc_buf_init(&tensor, b->alloc);
    oc_buf_init(&type, b->alloc);
    OC_TRY_OUT(put_text(b, VALUE_NAME, name));
    for (int32_t i = 0; i < desc->shape.rank; i++) {
        OC_TRY_OUT(oc_buf_wire_varint(&dim, DIM_VALUE, (uint64_t)desc->shape.dim[i]));
        OC_TRY_OUT(put_message(&shape, SHAPE_DIM, &dim));
    }
    OC_TRY_OUT(oc_buf_wire_varint(&tensor, TENSOR_ELEM_TYPE,
                                  (uint64_t)oc_form_onnx_dtype(desc->dtype)));
    OC_TRY_OUT(put_message(&tensor, TENSOR_SHAPE, &shape));
    OC_TRY_OUT(put_message(&type, TYPE_TENSOR, &tensor));
    OC_TRY_OUT(put_message(b, VALUE_TYPE, &type));
out:
    oc_buf_fini(&type);
    oc_buf_fini(&tensor);
    oc_buf_fini(&shape);
    oc_buf_fini(&dim);
    return status;
}

static bool is_weight(const oc_form_tensor *t)
{
    return t->is_needed && (t->kind == OC_FORM_CONST || t->kind == OC_FORM_BYTES);
}

/* The field of an initialiser up to its bytes, whose number is added to `bytes`. `b` is emptied before. */
static oc_status fill_weight(const oc_form_tensor *t, oc_buf *scratch, oc_buf *b, size_t *bytes)
{
    size_t size;
    b->size = scratch->size = 0;
    OC_TRY(oc_desc_bytes(&t->desc, &size));
    for (int32_t i = 0; i < t->desc.shape.rank; i++)
        OC_TRY(oc_buf_wire_varint(scratch, TENSOR_DIMS, (uint64_t)t->desc.shape.dim[i]));
    OC_TRY(oc_buf_wire_varint(scratch, TENSOR_DATA_TYPE,
                              (uint64_t)oc_form_onnx_dtype(t->desc.dtype)));
    OC_TRY(put_text(scratch, TENSOR_NAME, t->name));
    OC_TRY(oc_buf_wire_head(scratch, TENSOR_RAW_DATA, size));
    OC_TRY(oc_add_size(size, scratch->size, bytes));
    OC_TRY(oc_buf_wire_head(b, GRAPH_INITIALIZER, *bytes));
    *bytes = size;
    return oc_buf_put(b, scratch->data, scratch->size);
}

/* ---- the whole file --------------------------------------------------------------------------- */

/* Nodes go before the weights, so that whoever looks into the file sees them. */
static oc_status fill_nodes(oc_export *e, const char *name, oc_buf *nodes)
{
    oc_buf b;
    oc_status status;
    oc_buf_init(&b, e->form.alloc);
    OC_TRY_OUT(put_text(nodes, GRAPH_NAME, name));
    for (size_t i = 0; i < e->form.n_nodes; i++) {
        OC_TRY_OUT(fill_node(e, &e->form.nodes[i], &b));
        OC_TRY_OUT(put_message(nodes, GRAPH_NODE, &b));
    }
out:
    oc_buf_fini(&b);
    return status;
}

static oc_status fill_ends(oc_export *e, const oc_part *part)
{
    const oc_form *f = &e->form;
    oc_buf b;
    oc_status status = OC_OK;
    oc_buf_init(&b, f->alloc);
    for (size_t i = 0; i < f->n_inputs; i++) {
        const oc_form_tensor *t = &f->tensors[f->inputs[i]];
        OC_TRY_OUT(fill_value(t->name, &t->desc, &b));
        OC_TRY_OUT(put_message(&e->after, GRAPH_INPUT, &b));
    }
    for (size_t i = 0; i < f->n_outputs; i++) {
        const oc_value *v = &f->graph->values[part->gives[i]];
        OC_TRY_OUT(fill_value(f->tensors[f->outputs[i]].name, &v->desc, &b));
        OC_TRY_OUT(put_message(&e->after, GRAPH_OUTPUT, &b));
    }
out:
    oc_buf_fini(&b);
    return status;
}

static oc_status measure_weights(const oc_export *e, size_t *sum)
{
    oc_buf b, scratch;
    oc_status status = OC_OK;
    oc_buf_init(&b, e->form.alloc);
    oc_buf_init(&scratch, e->form.alloc);
    for (size_t i = 0; i < e->form.n_tensors; i++) {
        size_t bytes = 0;
        if (!is_weight(&e->form.tensors[i]))
            continue;
        OC_TRY_OUT(fill_weight(&e->form.tensors[i], &scratch, &b, &bytes));
        OC_TRY_OUT(oc_add_size(*sum, b.size, sum));
        OC_TRY_OUT(oc_add_size(*sum, bytes, sum));
    }
out:
    oc_buf_fini(&scratch);
    oc_buf_fini(&b);
    return status;
}

static oc_status fill_head(const char *doc, oc_buf *b)
{
    oc_buf opset;
    oc_status status;
    oc_buf_init(&opset, b->alloc);
    OC_TRY_OUT(oc_buf_wire_varint(b, MODEL_IR_VERSION, OC_EXPORT_IR));
    OC_TRY_OUT(put_text(b, MODEL_PRODUCER_NAME, "offcut"));
    OC_TRY_OUT(put_text(b, MODEL_PRODUCER_VERSION, oc_version()));
    OC_TRY_OUT(put_text(b, MODEL_DOC_STRING, doc));
    OC_TRY_OUT(oc_buf_wire_varint(&opset, OPSET_VERSION, OC_EXPORT_OPSET));
    OC_TRY_OUT(put_message(b, MODEL_OPSET_IMPORT, &opset));
out:
    oc_buf_fini(&opset);
    return status;
}

static oc_status fill_file(oc_export *e, const oc_part *part, const char *name, const char *doc)
{
    oc_buf nodes;
    oc_status status;
    size_t graph = 0, total;
    oc_buf_init(&nodes, e->form.alloc);
    OC_TRY_OUT(name_tensors(e));
    OC_TRY_OUT(fill_nodes(e, name, &nodes));
    OC_TRY_OUT(fill_ends(e, part));
    OC_TRY_OUT(measure_weights(e, &graph));
    OC_TRY_OUT(oc_add_size(graph, nodes.size + e->after.size, &graph));
    OC_TRY_OUT(fill_head(doc, &e->before));
    OC_TRY_OUT(oc_add_size(graph, e->before.size + 16, &total));
    if (total > OC_EXPORT_BYTES_MAX) {
        status = oc_fail(OC_E_LIMIT,
                         "%s: expected an ONNX file of at most %d bytes, it would have %zu",
                         name, OC_EXPORT_BYTES_MAX, total);
        goto out;
    }
    OC_TRY_OUT(oc_buf_wire_head(&e->before, MODEL_GRAPH, graph));
    OC_TRY_OUT(oc_buf_put(&e->before, nodes.data, nodes.size));
out:
    oc_buf_fini(&nodes);
    return status;
}

oc_status oc_export_make(const oc_graph *graph, const oc_part *part, const char *name,
                         const char *doc, const oc_allocator *alloc, oc_export **made)
{
    oc_export *e = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, e));
    oc_buf_init(&e->before, alloc);
    oc_buf_init(&e->after, alloc);
    oc_status status = oc_form_make(graph, part, alloc, &e->form);
    if (status == OC_OK)
        status = fill_file(e, part, name, doc);
    if (status != OC_OK)
        oc_export_destroy(e);
    else
        *made = e;
    return status;
}

void oc_export_destroy(oc_export *made)
{
    if (!made)
        return;
    const oc_allocator *alloc = made->form.alloc;
    oc_names_fini(&made->tensor_names, alloc);
    oc_names_fini(&made->node_names, alloc);
    oc_buf_fini(&made->before);
    oc_buf_fini(&made->after);
    oc_form_fini(&made->form);
    oc_free(alloc, made);
}

static oc_status put_weight(const oc_export *e, const oc_form_tensor *t, oc_buf *scratch,
                            oc_buf *head, oc_file_out *file)
{
    size_t bytes = 0;
    void *data = NULL;
    OC_TRY(fill_weight(t, scratch, head, &bytes));
    OC_TRY(oc_file_out_put(file, head->data, head->size));
    if (t->kind == OC_FORM_BYTES)
        return oc_file_out_put(file, t->bytes, bytes);
    OC_TRY(oc_alloc(e->form.alloc, bytes, 1, &data));
    oc_status status = oc_form_const_read(&e->form, t, data, bytes);
    if (status == OC_OK)
        status = oc_file_out_put(file, data, bytes);
    oc_free(e->form.alloc, data);
    return status;
}

oc_status oc_export_put(const oc_export *made, oc_file_out *file)
{
    oc_buf head, scratch;
    oc_status status;
    oc_buf_init(&head, made->form.alloc);
    oc_buf_init(&scratch, made->form.alloc);
    OC_TRY_OUT(oc_file_out_put(file, made->before.data, made->before.size));
    for (size_t i = 0; i < made->form.n_tensors; i++)
        if (is_weight(&made->form.tensors[i]))
            OC_TRY_OUT(put_weight(made, &made->form.tensors[i], &scratch, &head, file));
    OC_TRY_OUT(oc_file_out_put(file, made->after.data, made->after.size));
out:
    oc_buf_fini(&scratch);
    oc_buf_fini(&head);
    return status;
}
