/* SPDX-License-Identifier: Apache-2.0 */
/**
 * TensorFlow Lite models, schema version 3.
 *
 * The file is a FlatBuffer, read in place (flatbuffer.h). Tensors with data become constants that
 * stay in the file; each operator is converted by its row (tflite_ops.c). Source: schema.fbs of
 * TensorFlow Lite. Operators have no names there: a node is called after its first output.
 */
#include "oc_import.h"
#include "oc_ops.h"

#include "tflite_metadata.h"
#include "tflite_ops.h"

#include <stdio.h>

#define SCHEMA_VERSION 3u
#define CUSTOM 32 /* BuiltinOperator of an operator that is named by a text */

/* Slots of the tables, in the order of the schema. */
enum {
    MODEL_VERSION,
    MODEL_OPERATOR_CODES,
    MODEL_SUBGRAPHS,
    MODEL_DESCRIPTION,
    MODEL_BUFFERS,
    MODEL_METADATA_BUFFERS,
    MODEL_METADATA
};
enum { METADATA_NAME, METADATA_BUFFER };
enum { CODE_DEPRECATED, CODE_CUSTOM, CODE_VERSION, CODE_BUILTIN };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };
enum {
    TENSOR_SHAPE,
    TENSOR_TYPE,
    TENSOR_BUFFER,
    TENSOR_NAME,
    TENSOR_QUANTIZATION,
    TENSOR_IS_VARIABLE,
    TENSOR_SPARSITY,
    TENSOR_SHAPE_SIGNATURE,
    TENSOR_HAS_RANK,
    TENSOR_VARIANTS,
    TENSOR_EXTERNAL_BUFFER
};
enum { OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS_TYPE, OPERATOR_OPTIONS };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };

typedef struct reader {
    oc_graph *graph;
    oc_arena scratch;
    oc_bytes bytes;
    oc_file *file;
    oc_flat_vector codes, buffers, metadata, tensors, operators;
    oc_flat_table subgraph;
    const oc_model_options *options;
    oc_id *values;              /* per tensor; OC_NONE: not defined yet */
    oc_tflite_tensor **known;   /* per tensor; NULL: not read yet */
} reader;

/* ---- tensors --------------------------------------------------------------------------------- */

/* TensorType by number, with our type where there is one that is supported now. */
typedef struct tensor_type {
    const char *name;
    bool is_known;
    oc_dtype dtype;
} tensor_type;

static const tensor_type tensor_types[] = {
    {"float32", true, OC_DTYPE_float32},
    {"float16", true, OC_DTYPE_float16},
    {"int32", true, OC_DTYPE_int32},
    {"uint8", true, OC_DTYPE_uint8},
    {"int64", true, OC_DTYPE_int64},
    {"string", false, 0},
    {"bool", true, OC_DTYPE_bool},
    {"int16", false, 0},
    {"complex64", false, 0},
    {"int8", true, OC_DTYPE_int8},
    {"float64", false, 0},
    {"complex128", false, 0},
    {"uint64", false, 0},
    {"resource", false, 0},
    {"variant", false, 0},
    {"uint32", false, 0},
    {"uint16", false, 0},
    {"int4", false, 0},
    {"bfloat16", false, 0},
};

enum { QUANT_MIN, QUANT_MAX, QUANT_SCALE, QUANT_ZERO, QUANT_DETAILS_TYPE, QUANT_DETAILS, QUANT_AXIS };

typedef struct tensor {
    oc_flat_table table;
    const char *name;
    oc_desc desc;
} tensor;

static oc_status read_shape(const tensor *t, oc_shape *shape)
{
    oc_flat_vector dims;
    OC_TRY(oc_flat_list(&t->table, TENSOR_SHAPE, 4, &dims));
    if (dims.count > OC_RANK_MAX)
        return oc_fail(OC_E_LIMIT, "tensor \"%s\": %u axes, at most %d are supported", t->name,
                       dims.count, OC_RANK_MAX);
    *shape = (oc_shape){.rank = (int32_t)dims.count};
    for (uint32_t i = 0; i < dims.count; i++) {
        OC_TRY(oc_flat_i32_of(&dims, i, &shape->dim[i]));
        if (shape->dim[i] < 0)
            return oc_fail(OC_E_FORMAT, "tensor \"%s\": axis %u has size %d", t->name, i,
                           shape->dim[i]);
    }
    return OC_OK;
}

static oc_status read_type(const tensor *t, oc_dtype *dtype)
{
    uint8_t number;
    OC_TRY(oc_flat_u8(&t->table, TENSOR_TYPE, 0, &number));
    if (number >= OC_COUNT(tensor_types))
        return oc_fail(OC_E_UNSUPPORTED, "tensor \"%s\": element type number %u is not supported",
                       t->name, number);
    if (!tensor_types[number].is_known)
        return oc_fail(OC_E_UNSUPPORTED, "tensor \"%s\": elements of type %s are not supported yet",
                       t->name, tensor_types[number].name);
    *dtype = tensor_types[number].dtype;
    return OC_OK;
}

/* What would give another meaning to a tensor's data. */
static oc_status check_plain(const tensor *t)
{
    oc_flat_table sparsity;
    uint32_t external;
    uint8_t is_variable;
    OC_TRY(oc_flat_child(&t->table, TENSOR_SPARSITY, &sparsity));
    OC_TRY(oc_flat_u32(&t->table, TENSOR_EXTERNAL_BUFFER, 0, &external));
    OC_TRY(oc_flat_u8(&t->table, TENSOR_IS_VARIABLE, 0, &is_variable));
    if (sparsity.at || external || is_variable)
        return oc_fail(OC_E_UNSUPPORTED, "tensor \"%s\": %s are not supported", t->name,
                       sparsity.at ? "sparse tensors"
                       : external  ? "data in an external buffer"
                                   : "variables");
    return OC_OK;
}

static oc_status tensor_name(reader *r, const oc_flat_table *table, const char **name)
{
    oc_bytes text;
    OC_TRY(oc_flat_bytes(table, TENSOR_NAME, &text));
    return oc_imp_text(&r->scratch, text, name);
}

static oc_status read_tensor(reader *r, int32_t index, tensor *t)
{
    if (index < 0)
        return oc_fail(OC_E_FORMAT, "expected a tensor's index, found %d", index);
    OC_TRY(oc_flat_table_of(&r->tensors, (uint32_t)index, &t->table));
    OC_TRY(tensor_name(r, &t->table, &t->name));
    OC_TRY(read_type(t, &t->desc.dtype));
    OC_TRY(read_shape(t, &t->desc.shape));
    return check_plain(t);
}

/*
 * QuantizationParameters: the one place where they are read. Scales and zeros stay in the file; what
 * an operator needs of them it asks for when it is converted.
 */
static oc_status read_quant(const tensor *t, oc_tflite_tensor *known)
{
    oc_flat_table quant;
    uint8_t details;
    OC_TRY(oc_flat_child(&t->table, TENSOR_QUANTIZATION, &quant));
    OC_TRY(oc_flat_u8(&quant, QUANT_DETAILS_TYPE, 0, &details));
    OC_TRY(oc_flat_list(&quant, QUANT_SCALE, 4, &known->scales));
    OC_TRY(oc_flat_list(&quant, QUANT_ZERO, 8, &known->zeros));
    OC_TRY(oc_flat_i32(&quant, QUANT_AXIS, 0, &known->axis));
    if (details != 0)
        return oc_fail(OC_E_UNSUPPORTED, "tensor \"%s\": custom quantisation %u is not supported",
                       t->name, details);
    const uint32_t scales = known->scales.count, zeros = known->zeros.count;
    const oc_shape *shape = &t->desc.shape;
    if (zeros > scales || (zeros != 0 && zeros != 1 && zeros != scales))
        return oc_fail(OC_E_FORMAT, "tensor \"%s\": %u scales and %u zero points", t->name, scales,
                       zeros);
    if (scales > 1 && (known->axis < 0 || known->axis >= shape->rank ||
                       (uint32_t)shape->dim[known->axis] != scales))
        return oc_fail(OC_E_FORMAT,
                       "tensor \"%s\": %u scales along axis %d, which has not as many elements",
                       t->name, scales, known->axis);
    return OC_OK;
}

/* A tensor as conversions see it, read when it is first met. */
static oc_status know_tensor(reader *r, int32_t index, const oc_tflite_tensor **known)
{
    tensor t;
    oc_tflite_tensor *fresh = NULL;
    if (index < 0 || (uint32_t)index >= r->tensors.count || !r->known[index]) {
        OC_TRY(read_tensor(r, index, &t));
        OC_TRY(OC_ARENA_ALLOC(&r->scratch, 1, fresh));
        fresh->name = t.name;
        fresh->desc = t.desc;
        OC_TRY(read_quant(&t, fresh));
        r->known[index] = fresh;
    }
    *known = r->known[index];
    return OC_OK;
}

/*
 * A tensor's data: in its buffer, or, in files beyond 2 GiB, behind the FlatBuffer. `*found`: it
 * has any.
 */
static oc_status find_data(const reader *r, const tensor *t, oc_bytes *data, bool *found)
{
    uint32_t index;
    uint64_t offset, size;
    oc_flat_table buffer;
    *found = false;
    OC_TRY(oc_flat_u32(&t->table, TENSOR_BUFFER, 0, &index));
    if (index == 0) /* by convention the buffer of whatever has no data */
        return OC_OK;
    OC_TRY(oc_flat_table_of(&r->buffers, index, &buffer));
    OC_TRY(oc_flat_bytes(&buffer, BUFFER_DATA, data));
    OC_TRY(oc_flat_u64(&buffer, BUFFER_OFFSET, 0, &offset));
    OC_TRY(oc_flat_u64(&buffer, BUFFER_SIZE, 0, &size));
    if (data->size == 0 && offset > 1) {
        if (offset > r->bytes.size || size > r->bytes.size - offset)
            return oc_fail(
                OC_E_FORMAT, "tensor \"%s\": expected data within %zu bytes, found %llu at %llu",
                t->name, r->bytes.size, (unsigned long long)size, (unsigned long long)offset);
        OC_TRY(oc_bytes_sub(r->bytes, (size_t)offset, (size_t)size, data));
    }
    *found = data->size > 0;
    return OC_OK;
}

/* The value of a tensor that an operator reads; a constant is made when it is first met. */
static oc_status use_tensor(reader *r, int32_t index, oc_id *value)
{
    tensor t;
    oc_bytes data = {0};
    size_t size;
    bool found;
    if (index >= 0 && (uint32_t)index < r->tensors.count && r->values[index] != OC_NONE) {
        *value = r->values[index];
        return OC_OK;
    }
    OC_TRY(read_tensor(r, index, &t));
    OC_TRY(find_data(r, &t, &data, &found));
    OC_TRY(oc_desc_bytes(&t.desc, &size));
    if (!found && size > 0)
        return oc_fail(OC_E_FORMAT, "tensor \"%s\" is used before any operator has made it",
                       t.name);
    OC_TRY(oc_imp_constant(r->graph, t.name, &t.desc, data, r->bytes, r->file, value));
    r->values[index] = *value;
    return OC_OK;
}

static oc_status define_tensor(reader *r, int32_t index, const char *name, oc_id value)
{
    if (r->values[index] != OC_NONE)
        return oc_fail(OC_E_FORMAT, "tensor \"%s\" is defined twice, or after it is used", name);
    r->values[index] = value;
    return OC_OK;
}

/* ---- operators ------------------------------------------------------------------------------- */

typedef struct operation {
    oc_flat_table table, code;
    oc_flat_vector in, out;
    const char *node; /* what it is called */
    int32_t builtin, version;
    const oc_tflite_row *row; /* NULL: not understood */
} operation;

static oc_status open_operator(reader *r, uint32_t index, operation *op)
{
    int32_t first;
    uint32_t code;
    oc_flat_table out;
    OC_TRY(oc_flat_table_of(&r->operators, index, &op->table));
    OC_TRY(oc_flat_list(&op->table, OPERATOR_INPUTS, 4, &op->in));
    OC_TRY(oc_flat_list(&op->table, OPERATOR_OUTPUTS, 4, &op->out));
    if (op->out.count == 0 || op->in.count > OC_NODE_IO_MAX || op->out.count > OC_NODE_IO_MAX)
        return oc_fail(
            OC_E_LIMIT,
            "operator %u: expected at most %d inputs and 1 to %d outputs, found %u and %u", index,
            OC_NODE_IO_MAX, OC_NODE_IO_MAX, op->in.count, op->out.count);
    OC_TRY(oc_flat_i32_of(&op->out, 0, &first));
    if (first < 0)
        return oc_fail(OC_E_FORMAT, "operator %u: its output is tensor %d", index, first);
    OC_TRY(oc_flat_table_of(&r->tensors, (uint32_t)first, &out));
    OC_TRY(tensor_name(r, &out, &op->node));
    OC_TRY(oc_flat_u32(&op->table, OPERATOR_CODE, 0, &code));
    return oc_flat_table_of(&r->codes, code, &op->code);
}

/* Sets op->builtin, op->version and op->row. */
static oc_status find_row(operation *op)
{
    uint8_t old;
    OC_TRY(oc_flat_u8(&op->code, CODE_DEPRECATED, 0, &old));
    OC_TRY(oc_flat_i32(&op->code, CODE_BUILTIN, 0, &op->builtin));
    OC_TRY(oc_flat_i32(&op->code, CODE_VERSION, 1, &op->version));
    /* The code outgrew its byte: files of before and after say it in either field. */
    op->builtin = OC_MAX(op->builtin, (int32_t)(int8_t)old);
    op->row = oc_tflite_find_row(op->builtin);
    if (op->row && (op->version < 1 || op->version > op->row->version))
        op->row = NULL;
    return OC_OK;
}

/* "CONV_2D (version 3)", "custom Foo (version 1)" */
static oc_status operator_text(reader *r, const operation *op, const char **text)
{
    char *made = NULL;
    const char *name = oc_tflite_builtin_name(op->builtin);
    bool is_custom = op->builtin == CUSTOM;
    oc_bytes custom;
    OC_TRY(oc_flat_bytes(&op->code, CODE_CUSTOM, &custom));
    if (is_custom)
        OC_TRY(oc_imp_text(&r->scratch, custom, &name));
    size_t size = (name ? strlen(name) : 0) + 60;
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, size, made));
    if (!name)
        snprintf(made, size, "number %d (version %d)", op->builtin, op->version);
    else
        snprintf(made, size, "%s%s (version %d)", is_custom ? "custom " : "", name, op->version);
    *text = made;
    return OC_OK;
}

/* Every tensor that an operator touches: a model is refused for its types before its operators. */
static oc_status check_types(reader *r, const oc_flat_vector *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        tensor t;
        int32_t index;
        oc_dtype dtype;
        OC_TRY(oc_flat_i32_of(list, i, &index));
        if (index < 0)
            continue;
        OC_TRY(oc_flat_table_of(&r->tensors, (uint32_t)index, &t.table));
        t.name = "";
        if (read_type(&t, &dtype) == OC_OK)
            continue;
        OC_TRY(tensor_name(r, &t.table, &t.name));
        OC_TRY(read_type(&t, &dtype));
    }
    return OC_OK;
}

static oc_status check_operators(reader *r)
{
    oc_imp_missing missing = {.count = 0};
    if (r->operators.count > r->graph->limits.nodes)
        return oc_fail(OC_E_LIMIT, "%u nodes, the limit is %u", r->operators.count,
                       r->graph->limits.nodes);
    for (uint32_t i = 0; i < r->operators.count; i++) {
        operation op;
        const char *text;
        OC_TRY(open_operator(r, i, &op));
        OC_TRY(check_types(r, &op.in));
        OC_TRY(check_types(r, &op.out));
        OC_TRY(find_row(&op));
        if (op.row)
            continue;
        OC_TRY(operator_text(r, &op, &text));
        oc_imp_missing_note(&missing, text, op.node);
    }
    return oc_imp_missing_fail(&missing, r->graph->alloc);
}

static oc_status read_options(const operation *op, oc_tflite_call *call)
{
    uint8_t type;
    OC_TRY(oc_flat_u8(&op->table, OPERATOR_OPTIONS_TYPE, 0, &type));
    call->options = (oc_flat_table){.bytes = op->table.bytes};
    if (op->row->options == 0 || type == 0)
        return OC_OK;
    if (type != op->row->options)
        return oc_fail(OC_E_FORMAT, "node \"%s\": expected options of type %u for %s, found %u",
                       op->node, op->row->options, op->row->op, type);
    return oc_flat_child(&op->table, OPERATOR_OPTIONS, &call->options);
}

static oc_status find_inputs(reader *r, const operation *op, oc_tflite_call *call)
{
    for (uint32_t i = 0; i < op->in.count; i++) {
        int32_t index;
        call->in[i] = OC_NONE;
        OC_TRY(oc_flat_i32_of(&op->in, i, &index));
        if (index == -1 && i >= op->row->in_min) /* an optional input that is not given */
            continue;
        OC_TRY(use_tensor(r, index, &call->in[i]));
        OC_TRY(know_tensor(r, index, &call->t_in[i]));
        call->n_in = i + 1;
    }
    if (call->n_in < op->row->in_min || call->n_in > op->row->in_max)
        return oc_fail(OC_E_FORMAT, "node \"%s\": %s takes %u to %u inputs, found %u", op->node,
                       op->row->op, op->row->in_min, op->row->in_max, call->n_in);
    return OC_OK;
}

/* The outputs are called as their tensors are, the node as the first of them. */
static oc_status find_outputs(reader *r, const operation *op, oc_tflite_call *call)
{
    const uint32_t max = op->row->out_max ? op->row->out_max : 1;
    if (op->out.count > max)
        return oc_fail(OC_E_FORMAT, "node \"%s\": %s has at most %u outputs, found %u", op->node,
                       op->row->op, max, op->out.count);
    call->n_out = op->out.count;
    for (uint32_t i = 0; i < op->out.count; i++) {
        int32_t index;
        call->out[i] = OC_NONE;
        OC_TRY(oc_flat_i32_of(&op->out, i, &index));
        OC_TRY(know_tensor(r, index, &call->t_out[i]));
    }
    return OC_OK;
}

static oc_status convert_operator(reader *r, uint32_t index)
{
    operation op;
    OC_TRY(open_operator(r, index, &op));
    OC_TRY(find_row(&op));
    oc_tflite_call call = {
        .at = {.graph = r->graph, .scratch = &r->scratch, .node = op.node, .out = op.node},
        .row = op.row,
    };
    OC_TRY(find_inputs(r, &op, &call));
    OC_TRY(find_outputs(r, &op, &call));
    OC_TRY(read_options(&op, &call));
    OC_TRY(op.row->convert(&call));
    for (uint32_t i = 0; i < call.n_out; i++) {
        int32_t out;
        OC_TRY(oc_flat_i32_of(&op.out, i, &out));
        const oc_dtype made = r->graph->values[call.out[i]].desc.dtype;
        if (made != call.t_out[i]->desc.dtype)
            return oc_fail(OC_E_UNSUPPORTED, "node \"%s\": %s of %s giving %s is not supported",
                           op.node, op.row->op, oc_dtype_name(made),
                           oc_dtype_name(call.t_out[i]->desc.dtype));
        OC_TRY(define_tensor(r, out, call.t_out[i]->name, call.out[i]));
    }
    return OC_OK;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* How people read the elements of an 8-bit input or output. */
static oc_status set_quant(reader *r, int32_t index, oc_id value)
{
    const oc_tflite_tensor *t;
    oc_quant quant = {0};
    int32_t bits;
    int64_t zero = 0;
    OC_TRY(know_tensor(r, index, &t));
    if (!oc_tflite_is_8bit(t) || t->scales.count != 1)
        return OC_OK;
    OC_TRY(oc_flat_i32_of(&t->scales, 0, &bits));
    memcpy(&quant.scale, &bits, sizeof(bits));
    if (t->zeros.count > 0)
        OC_TRY(oc_flat_i64_of(&t->zeros, 0, &zero));
    const oc_tflite_range all = oc_tflite_range_of(t->desc.dtype);
    if (!(quant.scale > 0.0f && quant.scale < 1e12f) || zero < all.lo || zero > all.hi)
        return oc_fail(OC_E_FORMAT, "tensor \"%s\": scale %g, zero point %lld", t->name,
                       (double)quant.scale, (long long)zero);
    quant.zero_point = (int32_t)zero;
    return oc_graph_set_quant(r->graph, value, &quant);
}

static const oc_shape *asked_shape(const reader *r, const char *name)
{
    for (size_t i = 0; i < r->options->n_shapes; i++)
        if (strcmp(r->options->shapes[i].name, name) == 0)
            return &r->options->shapes[i].shape;
    return NULL;
}

/*
 * The signature says -1 where the shape only holds an example. A first dimension of the kind is the
 * batch of the options, or 1; others must be given by them.
 */
static oc_status fix_open(const reader *r, tensor *t)
{
    oc_flat_vector dims;
    const oc_shape *asked = asked_shape(r, t->name);
    OC_TRY(oc_flat_list(&t->table, TENSOR_SHAPE_SIGNATURE, 4, &dims));
    if (asked && asked->rank != t->desc.shape.rank)
        return oc_fail(OC_E_SHAPE, "input \"%s\": expected %d axes, found %d in the shape asked for",
                       t->name, t->desc.shape.rank, asked->rank);
    for (uint32_t i = 0; i < (uint32_t)t->desc.shape.rank; i++) {
        int32_t dim = 0, *to = &t->desc.shape.dim[i];
        if (i < dims.count)
            OC_TRY(oc_flat_i32_of(&dims, i, &dim));
        if (dim >= 0 && asked && asked->dim[i] != *to)
            return oc_fail(OC_E_SHAPE, "input \"%s\": axis %u has size %d in the file, %d asked for",
                           t->name, i, *to, asked->dim[i]);
        if (dim >= 0)
            continue;
        if (!asked && i > 0)
            return oc_fail(OC_E_UNSUPPORTED,
                           "input \"%s\": the size of axis %u is not known; only the first, the "
                           "batch, may be open unless a shape is given",
                           t->name, i);
        *to = asked ? asked->dim[i] : r->options->batch > 0 ? r->options->batch : 1;
    }
    return OC_OK;
}

static oc_status add_input(reader *r, int32_t index)
{
    tensor t;
    oc_id value;
    OC_TRY(read_tensor(r, index, &t));
    OC_TRY(fix_open(r, &t));
    OC_TRY(oc_graph_add_input(r->graph, t.name, &t.desc, &value));
    OC_TRY(set_quant(r, index, value));
    return define_tensor(r, index, t.name, value);
}

static oc_status add_output(reader *r, int32_t index)
{
    oc_id value;
    OC_TRY(use_tensor(r, index, &value));
    OC_TRY(oc_imp_add_output(r->graph, r->graph->values[value].name, value));
    return set_quant(r, index, r->graph->outputs[r->graph->n_outputs - 1]);
}

static oc_status for_each(reader *r, unsigned slot, oc_status (*each)(reader *, int32_t))
{
    oc_flat_vector list;
    OC_TRY(oc_flat_list(&r->subgraph, slot, 4, &list));
    for (uint32_t i = 0; i < list.count; i++) {
        int32_t index;
        OC_TRY(oc_flat_i32_of(&list, i, &index));
        OC_TRY(each(r, index));
    }
    return OC_OK;
}

/* ---- the whole file -------------------------------------------------------------------------- */

static oc_status read_head(reader *r)
{
    oc_flat_table model;
    oc_flat_vector subgraphs;
    uint32_t version;
    if (r->bytes.size < 8 || memcmp(r->bytes.data + 4, "TFL3", 4) != 0)
        return oc_fail(OC_E_FORMAT, "offset 4: expected the file identifier TFL3, found %s",
                       r->bytes.size < 8 ? "the end of the file" : "another");
    OC_TRY(oc_flat_root(r->bytes, &model));
    OC_TRY(oc_flat_u32(&model, MODEL_VERSION, 0, &version));
    if (version != SCHEMA_VERSION)
        return oc_fail(OC_E_UNSUPPORTED, "expected schema version %u, found %u", SCHEMA_VERSION,
                       version);
    OC_TRY(oc_flat_list(&model, MODEL_OPERATOR_CODES, 4, &r->codes));
    OC_TRY(oc_flat_list(&model, MODEL_BUFFERS, 4, &r->buffers));
    OC_TRY(oc_flat_list(&model, MODEL_METADATA, 4, &r->metadata));
    OC_TRY(oc_flat_list(&model, MODEL_SUBGRAPHS, 4, &subgraphs));
    if (subgraphs.count == 0)
        return oc_fail(OC_E_FORMAT, "expected at least one subgraph, found none");
    /* Further subgraphs are bodies of control flow, whose operators are not understood. */
    OC_TRY(oc_flat_table_of(&subgraphs, 0, &r->subgraph));
    OC_TRY(oc_flat_list(&r->subgraph, GRAPH_TENSORS, 4, &r->tensors));
    OC_TRY(oc_flat_list(&r->subgraph, GRAPH_OPERATORS, 4, &r->operators));
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, (size_t)r->tensors.count + 1, r->values));
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, (size_t)r->tensors.count + 1, r->known));
    for (uint32_t i = 0; i < r->tensors.count; i++)
        r->values[i] = OC_NONE;
    return OC_OK;
}

/* Notes about the model lie in buffers that are found by name. `*found`: there are any. */
static oc_status find_metadata(reader *r, oc_bytes *data, bool *found)
{
    *found = false;
    for (uint32_t i = 0; i < r->metadata.count; i++) {
        oc_flat_table entry, buffer;
        oc_bytes name;
        uint32_t index;
        OC_TRY(oc_flat_table_of(&r->metadata, i, &entry));
        OC_TRY(oc_flat_bytes(&entry, METADATA_NAME, &name));
        if (!oc_bytes_equal_text(name, "TFLITE_METADATA"))
            continue;
        OC_TRY(oc_flat_u32(&entry, METADATA_BUFFER, 0, &index));
        OC_TRY(oc_flat_table_of(&r->buffers, index, &buffer));
        *found = true;
        return oc_flat_bytes(&buffer, BUFFER_DATA, data);
    }
    return OC_OK;
}

/* They say how to feed the model pictures, and what its classes are called. */
static oc_status read_metadata(reader *r)
{
    oc_bytes data;
    bool found;
    OC_TRY(find_metadata(r, &data, &found));
    if (!found)
        return OC_OK;
    OC_TRY(oc_tflite_read_norms(data, r->graph));
    return oc_tflite_read_labels(data, r->bytes, r->graph);
}

static oc_status read_all(reader *r)
{
    OC_TRY(read_head(r));
    OC_TRY(check_operators(r));
    OC_TRY(for_each(r, GRAPH_INPUTS, add_input));
    for (uint32_t i = 0; i < r->operators.count; i++)
        OC_TRY(convert_operator(r, i));
    OC_TRY(for_each(r, GRAPH_OUTPUTS, add_output));
    if (r->graph->n_outputs == 0)
        return oc_fail(OC_E_FORMAT, "the model has no outputs");
    return read_metadata(r);
}

static oc_status tflite_read(const oc_import_source *source, oc_graph *graph)
{
    const oc_bytes bytes = source->bytes;
    oc_file *file = source->file;
    reader r = {.graph = graph, .bytes = bytes, .file = file, .options = source->options};
    oc_arena_init(&r.scratch, graph->alloc);
    oc_status status = read_all(&r);
    oc_arena_fini(&r.scratch);
    return status;
}

static int tflite_probe(oc_bytes head, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (head.size >= 8 && memcmp(head.data + 4, "TFL3", 4) == 0)
        return 100;
    return dot && strcmp(dot, ".tflite") == 0 ? 20 : 0;
}

static const oc_op *const makes[] = {
    &oc_op_argmax, &oc_op_avgpool2d, &oc_op_binary, &oc_op_cast, &oc_op_concat, &oc_op_conv2d,
    &oc_op_conv_transpose2d, &oc_op_dequantize, &oc_op_fully_connected, &oc_op_identity,
    &oc_op_lookup, &oc_op_lrn, &oc_op_maxpool2d, &oc_op_pad, &oc_op_qbinary, &oc_op_ql2norm, &oc_op_qsoftmax,
    &oc_op_quantize, &oc_op_reduce, &oc_op_requantize, &oc_op_reshape, &oc_op_resize,
    &oc_op_slice, &oc_op_softmax, &oc_op_transpose, &oc_op_unary, NULL,
};

const oc_importer oc_importer_tflite = {
    .name = "tflite",
    .extensions = ".tflite",
    .help = "TensorFlow Lite, schema 3",
    .probe = tflite_probe,
    .read = tflite_read,
    .operator_name = oc_tflite_op_name,
    .makes = makes,
};
