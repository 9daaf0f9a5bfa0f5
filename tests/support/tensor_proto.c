/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers: onnx.proto3 of the ONNX standard, TensorProto. */
#include "tensor_proto.h"

enum {
    DIMS = 1,
    DATA_TYPE = 2,
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    INT64_DATA = 7,
    NAME = 8,
    RAW_DATA = 9
};

/* TensorProto.DataType */
static const struct {
    uint64_t number;
    oc_dtype dtype;
} types[] = {
    {1, OC_DTYPE_float32}, {2, OC_DTYPE_uint8}, {3, OC_DTYPE_int8},     {6, OC_DTYPE_int32},
    {7, OC_DTYPE_int64},   {9, OC_DTYPE_bool},  {10, OC_DTYPE_float16},
};

/* The elements while they are collected, one number each. */
typedef struct collected {
    oc_desc desc;
    uint64_t type;
    oc_bytes raw, name;
    oc_buf numbers; /* uint64_t each */
} collected;

static oc_status put_dim(collected *c, uint64_t dim)
{
    if (c->desc.shape.rank == OC_RANK_MAX)
        return oc_fail(OC_E_LIMIT, "more than %d axes", OC_RANK_MAX);
    c->desc.shape.dim[c->desc.shape.rank++] = (int32_t)dim;
    return OC_OK;
}

static oc_status put_number(collected *c, uint32_t field, uint64_t number)
{
    return field == DIMS ? put_dim(c, number) : oc_buf_put(&c->numbers, &number, sizeof(number));
}

/* A list may be packed into one field of bytes, floats as 4 bytes and others as varints. */
static oc_status put_list(collected *c, const oc_wire_field *f)
{
    oc_wire packed;
    if (f->type != OC_WIRE_BYTES)
        return put_number(c, f->number, f->value);
    oc_wire_init(&packed, f->bytes);
    while (packed.offset < packed.bytes.size) {
        uint64_t number;
        uint32_t bits;
        if (f->number == FLOAT_DATA) {
            OC_TRY(oc_bytes_u32(packed.bytes, packed.offset, &bits));
            packed.offset += sizeof(bits);
            number = bits;
        } else {
            OC_TRY(oc_wire_varint(&packed, &number));
        }
        OC_TRY(put_number(c, f->number, number));
    }
    return OC_OK;
}

static oc_status collect(oc_bytes bytes, collected *c)
{
    oc_wire wire;
    oc_wire_field f;
    bool more = true;
    oc_wire_init(&wire, bytes);
    for (;;) {
        OC_TRY(oc_wire_next(&wire, &f, &more));
        if (!more)
            return OC_OK;
        if (f.number == DATA_TYPE)
            c->type = f.value;
        if (f.number == NAME)
            c->name = f.bytes;
        if (f.number == RAW_DATA)
            c->raw = f.bytes;
        if (f.number == DIMS || f.number == FLOAT_DATA || f.number == INT32_DATA ||
            f.number == INT64_DATA)
            OC_TRY(put_list(c, &f));
    }
}

static oc_status find_type(collected *c)
{
    for (size_t i = 0; i < OC_COUNT(types); i++)
        if (types[i].number == c->type) {
            c->desc.dtype = types[i].dtype;
            return OC_OK;
        }
    return oc_fail(OC_E_UNSUPPORTED, "data type %llu", (unsigned long long)c->type);
}

static oc_status fill(const collected *c, oc_tensor *tensor)
{
    size_t width = oc_dtype_size(c->desc.dtype), bytes, elems = c->numbers.size / sizeof(uint64_t);
    OC_TRY(oc_desc_bytes(&c->desc, &bytes));
    if (c->raw.size ? c->raw.size != bytes : elems * width != bytes)
        return oc_fail(OC_E_FORMAT, "expected %zu bytes of elements", bytes);
    OC_TRY(oc_tensor_alloc(&c->desc, NULL, tensor));
    if (c->raw.size)
        memcpy(tensor->data, c->raw.data, bytes);
    for (size_t i = 0; i < elems; i++) /* little-endian, as hosts that run tests are */
        memcpy((char *)tensor->data + i * width, c->numbers.data + i * sizeof(uint64_t), width);
    return OC_OK;
}

oc_status tensor_proto_read(const char *path, tensor_proto *proto)
{
    collected c = {.type = 0};
    oc_bytes bytes;
    OC_TRY(oc_file_slurp(path, 1u << 30, NULL, &bytes));
    oc_buf_init(&c.numbers, NULL);
    oc_status status = collect(bytes, &c);
    if (status == OC_OK)
        status = find_type(&c);
    if (status == OC_OK)
        status = fill(&c, &proto->tensor);
    if (status == OC_OK) {
        memset(proto->name, 0, sizeof(proto->name));
        if (c.name.size)
            memcpy(proto->name, c.name.data, OC_MIN(c.name.size, sizeof(proto->name) - 1));
    }
    oc_buf_fini(&c.numbers);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", path);
}
