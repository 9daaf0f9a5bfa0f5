/* SPDX-License-Identifier: Apache-2.0 */
/** The messages of an ONNX file, as views into its bytes. */
#include "onnx_proto.h"

/* ---- fields ---------------------------------------------------------------------------------- */

oc_onnx_walk oc_onnx_walk_begin(oc_bytes message)
{
    oc_onnx_walk walk = {.status = OC_OK};
    oc_wire_init(&walk.wire, message);
    return walk;
}

bool oc_onnx_walk_next(oc_onnx_walk *walk)
{
    bool more = false;
    walk->status = oc_wire_next(&walk->wire, &walk->f, &more);
    return walk->status == OC_OK && more;
}

/* ---- the schema, as far as it matters -------------------------------------------------------- */

typedef enum kind {
    NO_MESSAGE,
    MODEL,
    OPSET,
    GRAPH,
    NODE,
    ATTRIBUTE,
    TENSOR,
    ENTRY,
    VALUE_INFO,
    TYPE,
    TENSOR_TYPE,
    SEQUENCE_TYPE,
    MAP_TYPE,
    SHAPE,
    DIMENSION
} kind;

static const char *const message_names[] = {
    [NO_MESSAGE] = "",
    [MODEL] = "ModelProto",
    [OPSET] = "OperatorSetIdProto",
    [GRAPH] = "GraphProto",
    [NODE] = "NodeProto",
    [ATTRIBUTE] = "AttributeProto",
    [TENSOR] = "TensorProto",
    [ENTRY] = "StringStringEntryProto",
    [VALUE_INFO] = "ValueInfoProto",
    [TYPE] = "TypeProto",
    [TENSOR_TYPE] = "TypeProto.Tensor",
    [SEQUENCE_TYPE] = "TypeProto.Sequence",
    [MAP_TYPE] = "TypeProto.Map",
    [SHAPE] = "TensorShapeProto",
    [DIMENSION] = "TensorShapeProto.Dimension",
};

#define V (1u << OC_WIRE_VARINT)
#define B (1u << OC_WIRE_BYTES)
#define F (1u << OC_WIRE_FIXED32)

/*
 * Field `number` of a message: its wire types (a list of numbers may be packed), and what it holds.
 */
typedef struct field_row {
    kind in;
    uint32_t number;
    unsigned types;
    kind holds;
} field_row;

static const field_row fields[] = {
    {MODEL, 1, V, NO_MESSAGE},         /* ir_version */
    {MODEL, 7, B, GRAPH},              /* graph */
    {MODEL, 8, B, OPSET},              /* opset_import */
    {OPSET, 1, B, NO_MESSAGE},         /* domain */
    {OPSET, 2, V, NO_MESSAGE},         /* version */
    {GRAPH, 1, B, NODE},               /* node */
    {GRAPH, 5, B, TENSOR},             /* initializer */
    {GRAPH, 11, B, VALUE_INFO},        /* input */
    {GRAPH, 12, B, VALUE_INFO},        /* output */
    {GRAPH, 15, B, NO_MESSAGE},        /* sparse_initializer */
    {NODE, 1, B, NO_MESSAGE},          /* input */
    {NODE, 2, B, NO_MESSAGE},          /* output */
    {NODE, 3, B, NO_MESSAGE},          /* name */
    {NODE, 4, B, NO_MESSAGE},          /* op_type */
    {NODE, 5, B, ATTRIBUTE},           /* attribute */
    {NODE, 7, B, NO_MESSAGE},          /* domain */
    {ATTRIBUTE, 1, B, NO_MESSAGE},     /* name */
    {ATTRIBUTE, 2, F, NO_MESSAGE},     /* f */
    {ATTRIBUTE, 3, V, NO_MESSAGE},     /* i */
    {ATTRIBUTE, 4, B, NO_MESSAGE},     /* s */
    {ATTRIBUTE, 5, B, TENSOR},         /* t */
    {ATTRIBUTE, 6, B, GRAPH},          /* g */
    {ATTRIBUTE, 7, F | B, NO_MESSAGE}, /* floats */
    {ATTRIBUTE, 8, V | B, NO_MESSAGE}, /* ints */
    {ATTRIBUTE, 11, B, GRAPH},         /* graphs */
    {ATTRIBUTE, 20, V, NO_MESSAGE},    /* type */
    {TENSOR, 1, V | B, NO_MESSAGE},    /* dims */
    {TENSOR, 2, V, NO_MESSAGE},        /* data_type */
    {TENSOR, 3, B, NO_MESSAGE},        /* segment */
    {TENSOR, 4, F | B, NO_MESSAGE},    /* float_data */
    {TENSOR, 5, V | B, NO_MESSAGE},    /* int32_data */
    {TENSOR, 7, V | B, NO_MESSAGE},    /* int64_data */
    {TENSOR, 8, B, NO_MESSAGE},        /* name */
    {TENSOR, 9, B, NO_MESSAGE},        /* raw_data */
    {TENSOR, 13, B, ENTRY},            /* external_data */
    {TENSOR, 14, V, NO_MESSAGE},       /* data_location */
    {ENTRY, 1, B, NO_MESSAGE},         /* key */
    {ENTRY, 2, B, NO_MESSAGE},         /* value */
    {VALUE_INFO, 1, B, NO_MESSAGE},    /* name */
    {VALUE_INFO, 2, B, TYPE},          /* type */
    {TYPE, 1, B, TENSOR_TYPE},         /* tensor_type */
    {TYPE, 4, B, SEQUENCE_TYPE},       /* sequence_type */
    {TYPE, 5, B, MAP_TYPE},            /* map_type */
    {TYPE, 9, B, SEQUENCE_TYPE},       /* optional_type, of the same form */
    {SEQUENCE_TYPE, 1, B, TYPE},       /* elem_type */
    {MAP_TYPE, 2, B, TYPE},            /* value_type */
    {TENSOR_TYPE, 1, V, NO_MESSAGE},   /* elem_type */
    {TENSOR_TYPE, 2, B, SHAPE},        /* shape */
    {SHAPE, 1, B, DIMENSION},          /* dim */
    {DIMENSION, 1, V, NO_MESSAGE},     /* dim_value */
    {DIMENSION, 2, B, NO_MESSAGE},     /* dim_param */
};

static const field_row *find_field(kind in, uint32_t number)
{
    for (size_t i = 0; i < OC_COUNT(fields); i++)
        if (fields[i].in == in && fields[i].number == number)
            return &fields[i];
    return NULL;
}

/* The recursion is bounded: `depth` counts down from a limit. `start` is the file's first byte. */
static oc_status check_message(const uint8_t *start, oc_bytes bytes, kind what, uint32_t depth)
{
    size_t base = bytes.size ? (size_t)(bytes.data - start) : 0;
    oc_onnx_walk w = oc_onnx_walk_begin(bytes);
    if (depth == 0)
        return oc_fail(OC_E_LIMIT, "offset %zu: %s is nested deeper than the limit", base,
                       message_names[what]);
    while (oc_onnx_walk_next(&w)) {
        const field_row *row = find_field(what, w.f.number);
        if (!row)
            continue;
        if (!(row->types & 1u << w.f.type))
            return oc_fail(OC_E_FORMAT, "%s at offset %zu: field %u cannot have wire type %d",
                           message_names[what], base, w.f.number, (int)w.f.type);
        if (row->holds != NO_MESSAGE)
            OC_TRY(check_message(start, w.f.bytes, row->holds, depth - 1));
    }
    if (w.status != OC_OK)
        return oc_fail_in(w.status, "%s at offset %zu", message_names[what], base);
    return OC_OK;
}

/* What the stack surely holds, whatever limit was asked for. */
#define DEPTH_MAX 1000u

oc_status oc_onnx_check(oc_bytes model, uint32_t depth)
{
    return check_message(model.data, model, MODEL, OC_MIN(depth, DEPTH_MAX));
}

/* ---- messages -------------------------------------------------------------------------------- */

static oc_status read_opset(oc_bytes message, oc_onnx_model *model)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    oc_bytes domain = {0};
    int64_t version = 0;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            domain = w.f.bytes;
        if (w.f.number == 2)
            version = (int64_t)w.f.value;
    }
    OC_TRY(w.status);
    if (domain.size == 0 || oc_bytes_equal_text(domain, "ai.onnx"))
        model->opset = version;
    return OC_OK;
}

oc_status oc_onnx_read_model(oc_bytes message, oc_onnx_model *model)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *model = (oc_onnx_model){0};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 8)
            OC_TRY(read_opset(w.f.bytes, model));
        if (w.f.number == 7) {
            model->graph = w.f.bytes;
            model->has_graph = true;
        }
    }
    return w.status;
}

static oc_status put_name(oc_bytes *names, uint32_t *count, oc_bytes name)
{
    if (*count == OC_NODE_IO_MAX)
        return oc_fail(OC_E_LIMIT, "a node has more than %d inputs or outputs", OC_NODE_IO_MAX);
    names[(*count)++] = name;
    return OC_OK;
}

oc_status oc_onnx_read_node(oc_bytes message, oc_onnx_node *node)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *node = (oc_onnx_node){.message = message};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            OC_TRY(put_name(node->in, &node->n_in, w.f.bytes));
        if (w.f.number == 2)
            OC_TRY(put_name(node->out, &node->n_out, w.f.bytes));
        if (w.f.number == 3)
            node->name = w.f.bytes;
        if (w.f.number == 4)
            node->op_type = w.f.bytes;
        if (w.f.number == 7)
            node->domain = w.f.bytes;
    }
    return w.status;
}

/* ---- attributes ------------------------------------------------------------------------------ */

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

oc_status oc_onnx_read_attr(oc_bytes message, oc_onnx_attr *attr)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *attr = (oc_onnx_attr){.message = message};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            attr->name = w.f.bytes;
        if (w.f.number == 2)
            attr->f = float_of((uint32_t)w.f.value);
        if (w.f.number == 3)
            attr->i = (int64_t)w.f.value;
        if (w.f.number == 4)
            attr->s = w.f.bytes;
        if (w.f.number == 5)
            attr->t = w.f.bytes;
        if (w.f.number == 20)
            attr->type = w.f.value;
    }
    return w.status;
}

oc_status oc_onnx_find_attr(const oc_onnx_node *node, const char *name, oc_onnx_attr *attr,
                            bool *found)
{
    oc_onnx_walk w = oc_onnx_walk_begin(node->message);
    *found = false;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number != OC_ONNX_NODE_ATTRIBUTE)
            continue;
        OC_TRY(oc_onnx_read_attr(w.f.bytes, attr));
        *found = oc_bytes_equal_text(attr->name, name);
        if (*found)
            return OC_OK;
    }
    return w.status;
}

/*
 * A repeated number, field by field: each field holds one element, or, packed, many of them.
 * `wire` walks over the message, `packed` over the elements of a field.
 */
typedef struct numbers {
    oc_onnx_walk message;
    oc_wire packed;
    uint32_t number;
    bool is_float;
} numbers;

static numbers numbers_begin(oc_bytes message, uint32_t number, bool is_float)
{
    return (numbers){
        .message = oc_onnx_walk_begin(message), .number = number, .is_float = is_float};
}

static oc_status next_packed(numbers *n, uint64_t *value)
{
    uint32_t bits;
    if (!n->is_float)
        return oc_wire_varint(&n->packed, value);
    OC_TRY(oc_bytes_u32(n->packed.bytes, n->packed.offset, &bits));
    n->packed.offset += sizeof(bits);
    *value = bits;
    return OC_OK;
}

/* The next number; false at the end, or on a failure, which n->message.status keeps. */
static bool numbers_next(numbers *n, uint64_t *value)
{
    while (n->packed.offset >= n->packed.bytes.size) {
        const oc_wire_field *f = &n->message.f;
        if (!oc_onnx_walk_next(&n->message))
            return false;
        if (f->number == n->number && f->type != OC_WIRE_BYTES) {
            *value = f->value;
            return true;
        }
        if (f->number == n->number)
            oc_wire_init(&n->packed, f->bytes);
    }
    n->message.status = next_packed(n, value);
    return n->message.status == OC_OK;
}

static oc_status too_many(oc_bytes name, size_t max)
{
    return oc_fail(OC_E_LIMIT, "attribute \"%.*s\" holds more than %zu numbers",
                   (int)OC_MIN(name.size, (size_t)100), name.size ? (const char *)name.data : "",
                   max);
}

oc_status oc_onnx_attr_ints(const oc_onnx_attr *attr, int64_t *out, size_t max, size_t *count)
{
    numbers list = numbers_begin(attr->message, 8, false);
    uint64_t value;
    size_t n = 0;
    while (numbers_next(&list, &value)) {
        if (n == max)
            return too_many(attr->name, max);
        out[n++] = (int64_t)value;
    }
    *count = n;
    return list.message.status;
}

oc_status oc_onnx_attr_floats(const oc_onnx_attr *attr, float *out, size_t max, size_t *count)
{
    numbers list = numbers_begin(attr->message, 7, true);
    uint64_t value;
    size_t n = 0;
    while (numbers_next(&list, &value)) {
        if (n == max)
            return too_many(attr->name, max);
        out[n++] = float_of((uint32_t)value);
    }
    *count = n;
    return list.message.status;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* TensorProto.DataType by number, with our type where there is one. */
typedef struct data_type {
    const char *name;
    bool is_known;
    oc_dtype dtype;
} data_type;

static const data_type data_types[] = {
    [0] = {"UNDEFINED", false, 0},
    [1] = {"FLOAT", true, OC_DTYPE_float32},
    [2] = {"UINT8", true, OC_DTYPE_uint8},
    [3] = {"INT8", true, OC_DTYPE_int8},
    [4] = {"UINT16", false, 0},
    [5] = {"INT16", false, 0},
    [6] = {"INT32", true, OC_DTYPE_int32},
    [7] = {"INT64", true, OC_DTYPE_int64},
    [8] = {"STRING", false, 0},
    [9] = {"BOOL", true, OC_DTYPE_bool},
    [10] = {"FLOAT16", true, OC_DTYPE_float16},
    [11] = {"DOUBLE", false, 0},
    [12] = {"UINT32", false, 0},
    [13] = {"UINT64", false, 0},
    [14] = {"COMPLEX64", false, 0},
    [15] = {"COMPLEX128", false, 0},
    [16] = {"BFLOAT16", false, 0},
    [17] = {"FLOAT8E4M3FN", false, 0},
    [18] = {"FLOAT8E4M3FNUZ", false, 0},
    [19] = {"FLOAT8E5M2", false, 0},
    [20] = {"FLOAT8E5M2FNUZ", false, 0},
    [21] = {"UINT4", false, 0},
    [22] = {"INT4", false, 0},
    [23] = {"FLOAT4E2M1", false, 0},
    [24] = {"FLOAT8E8M0", false, 0},
    [25] = {"UINT2", false, 0},
    [26] = {"INT2", false, 0},
};

oc_status oc_onnx_dtype(uint64_t number, oc_dtype *dtype)
{
    if (number >= OC_COUNT(data_types))
        return oc_fail(OC_E_FORMAT, "expected an element type below %zu, found %llu",
                       OC_COUNT(data_types), (unsigned long long)number);
    if (!data_types[number].is_known)
        return oc_fail(OC_E_UNSUPPORTED, "elements of type %s are not supported",
                       data_types[number].name);
    *dtype = data_types[number].dtype;
    return OC_OK;
}

static oc_status read_dims(oc_bytes message, oc_shape *shape)
{
    numbers list = numbers_begin(message, 1, false);
    uint64_t value;
    *shape = (oc_shape){0};
    while (numbers_next(&list, &value)) {
        if (shape->rank == OC_RANK_MAX)
            return oc_fail(OC_E_LIMIT, "it has more than %d axes", OC_RANK_MAX);
        if (value > INT32_MAX)
            return oc_fail(OC_E_FORMAT, "axis %d: expected a size of 0 to %d, found %lld",
                           shape->rank, INT32_MAX, (long long)value);
        shape->dim[shape->rank++] = (int32_t)value;
    }
    return list.message.status;
}

/* A number of decimal digits, and nothing else. */
static oc_status read_number(oc_bytes text, uint64_t *number)
{
    uint64_t sum = 0;
    bool is_good = text.size > 0 && text.size <= 18; /* 18 digits always fit */
    for (size_t i = 0; i < text.size && is_good; i++) {
        is_good = text.data[i] >= '0' && text.data[i] <= '9';
        sum = 10 * sum + (uint64_t)(text.data[i] - '0');
    }
    if (!is_good)
        return oc_fail(OC_E_FORMAT, "expected a number in external_data, found \"%.*s\"",
                       (int)OC_MIN(text.size, (size_t)40),
                       text.size ? (const char *)text.data : "");
    *number = sum;
    return OC_OK;
}

/* One key and its value of external_data; keys that are not known say nothing that is needed. */
static oc_status read_external(oc_bytes message, oc_onnx_external *external)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    oc_bytes key = {0}, value = {0};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            key = w.f.bytes;
        if (w.f.number == 2)
            value = w.f.bytes;
    }
    OC_TRY(w.status);
    if (oc_bytes_equal_text(key, "location"))
        external->location = value;
    if (oc_bytes_equal_text(key, "offset"))
        OC_TRY(read_number(value, &external->offset));
    if (oc_bytes_equal_text(key, "length")) {
        external->has_length = true;
        OC_TRY(read_number(value, &external->length));
    }
    return OC_OK;
}

static oc_status read_tensor_fields(oc_bytes message, oc_onnx_tensor *tensor, uint64_t *type)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    bool is_segment = false;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 2)
            *type = w.f.value;
        if (w.f.number == 8)
            tensor->name = w.f.bytes;
        if (w.f.number == 9) {
            tensor->raw = w.f.bytes;
            tensor->has_raw = true;
        }
        is_segment = is_segment || w.f.number == 3;
        if (w.f.number == 13)
            OC_TRY(read_external(w.f.bytes, &tensor->external));
        tensor->is_external =
            tensor->is_external || w.f.number == 13 || (w.f.number == 14 && w.f.value != 0);
    }
    OC_TRY(w.status);
    if (is_segment)
        return oc_fail(OC_E_UNSUPPORTED, "data in segments are not supported");
    return OC_OK;
}

/* Put the tensor's name before the error text. */
static oc_status fail_in_tensor(oc_status status, oc_bytes name)
{
    return oc_fail_in(status, "tensor \"%.*s\"", (int)OC_MIN(name.size, (size_t)200),
                      name.size ? (const char *)name.data : "");
}

oc_status oc_onnx_read_tensor(oc_bytes message, oc_onnx_tensor *tensor)
{
    uint64_t type = 0;
    *tensor = (oc_onnx_tensor){.message = message};
    oc_status status = read_tensor_fields(message, tensor, &type);
    if (status == OC_OK)
        status = oc_onnx_dtype(type, &tensor->desc.dtype);
    if (status == OC_OK)
        status = read_dims(message, &tensor->desc.shape);
    return status == OC_OK ? OC_OK : fail_in_tensor(status, tensor->name);
}

/*
 * The only packed field `number`, or an empty view: such float_data lie in the file as raw_data
 * would.
 */
static oc_status find_packed(oc_bytes message, uint32_t number, oc_bytes *packed)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    uint32_t seen = 0;
    *packed = (oc_bytes){0};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number != number)
            continue;
        seen++;
        *packed = w.f.bytes;
    }
    OC_TRY(w.status);
    if (seen != 1)
        *packed = (oc_bytes){0};
    return OC_OK;
}

/* The typed data fields as dense little-endian bytes. */
static oc_status gather(const oc_onnx_tensor *tensor, uint32_t number, size_t elems, uint8_t *out)
{
    numbers list = numbers_begin(tensor->message, number, tensor->desc.dtype == OC_DTYPE_float32);
    uint64_t value;
    size_t width = oc_dtype_size(tensor->desc.dtype), n = 0;
    while (numbers_next(&list, &value)) {
        if (tensor->desc.dtype == OC_DTYPE_bool)
            value = value != 0;
        if (n < elems)
            for (size_t b = 0; b < width; b++)
                out[n * width + b] = (uint8_t)(value >> 8 * b);
        n++;
    }
    OC_TRY(list.message.status);
    if (n != elems)
        return oc_fail(OC_E_FORMAT, "expected %zu elements, found %zu", elems, n);
    return OC_OK;
}

static oc_status tensor_bytes(const oc_onnx_tensor *tensor, oc_arena *scratch, oc_bytes *bytes,
                              bool *is_in_file)
{
    uint32_t number = tensor->desc.dtype == OC_DTYPE_float32 ? 4
                      : tensor->desc.dtype == OC_DTYPE_int64 ? 7
                                                             : 5;
    size_t size, elems;
    oc_bytes view = tensor->raw;
    if (tensor->is_external)
        return oc_fail(OC_E_UNSUPPORTED, "external data are not supported here");
    OC_TRY(oc_desc_bytes(&tensor->desc, &size));
    OC_TRY(oc_shape_elems(&tensor->desc.shape, &elems));
    if (!tensor->has_raw && number == 4)
        OC_TRY(find_packed(tensor->message, number, &view));
    if (tensor->has_raw && view.size != size)
        return oc_fail(OC_E_FORMAT, "expected %zu bytes of data, found %zu", size, view.size);
    if (view.size == size && size > 0) {
        *bytes = view;
        *is_in_file = true;
        return OC_OK;
    }
    /*
     * An element takes at least a byte of the message: no more memory than the file is large (times
     * 8).
     */
    uint8_t *made = NULL;
    if (elems > tensor->message.size)
        return oc_fail(OC_E_FORMAT, "expected %zu elements, found %zu bytes", elems,
                       tensor->message.size);
    OC_TRY(OC_ARENA_ALLOC(scratch, size + 1, made));
    OC_TRY(gather(tensor, number, elems, made));
    *bytes = (oc_bytes){.data = made, .size = size};
    *is_in_file = false;
    return OC_OK;
}

oc_status oc_onnx_tensor_bytes(const oc_onnx_tensor *tensor, oc_arena *scratch, oc_bytes *bytes,
                               bool *is_in_file)
{
    oc_status status = tensor_bytes(tensor, scratch, bytes, is_in_file);
    return status == OC_OK ? OC_OK : fail_in_tensor(status, tensor->name);
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

oc_status oc_onnx_read_value(oc_bytes message, oc_onnx_value *value)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *value = (oc_onnx_value){0};
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            value->name = w.f.bytes;
        if (w.f.number == 2)
            value->type = w.f.bytes;
    }
    return w.status;
}

/* The bytes field `number` of a message. */
static oc_status find_bytes(oc_bytes message, uint32_t number, oc_bytes *bytes, bool *found)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *found = false;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == number) {
            *bytes = w.f.bytes;
            *found = true;
        }
    }
    return w.status;
}

/* A dimension; some files say less than 0 for one that is open. */
static oc_status read_dim(oc_bytes message, int32_t *dim)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    *dim = OC_ONNX_OPEN;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number != 1)
            continue;
        if ((int64_t)w.f.value > INT32_MAX)
            return oc_fail(OC_E_LIMIT, "a dimension of %lld", (long long)w.f.value);
        *dim = (int64_t)w.f.value >= 0 ? (int32_t)w.f.value : OC_ONNX_OPEN;
    }
    return w.status;
}

static oc_status read_shape(oc_bytes message, oc_shape *shape)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number != 1)
            continue;
        if (shape->rank == OC_RANK_MAX)
            return oc_fail(OC_E_LIMIT, "it has more than %d axes", OC_RANK_MAX);
        OC_TRY(read_dim(w.f.bytes, &shape->dim[shape->rank++]));
    }
    return w.status;
}

static oc_status read_tensor_type(oc_bytes message, oc_onnx_type *type)
{
    oc_onnx_walk w = oc_onnx_walk_begin(message);
    uint64_t number = 0;
    while (oc_onnx_walk_next(&w)) {
        if (w.f.number == 1)
            number = w.f.value;
        if (w.f.number == 2) {
            type->desc.shape = (oc_shape){0};
            type->has_shape = true;
            OC_TRY(read_shape(w.f.bytes, &type->desc.shape));
        }
    }
    OC_TRY(w.status);
    return oc_onnx_dtype(number, &type->desc.dtype);
}

oc_status oc_onnx_value_type(const oc_onnx_value *value, oc_onnx_type *type)
{
    oc_bytes tensor;
    bool found;
    *type = (oc_onnx_type){0};
    OC_TRY(find_bytes(value->type, 1, &tensor, &found));
    if (!found)
        return oc_fail(OC_E_UNSUPPORTED, "expected a tensor, found another type or none");
    return read_tensor_type(tensor, type);
}
