/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npy files. Source: numpy.lib.format, "Format Version 1.0" to "3.0". A file is the magic
 * "\x93NUMPY", major and minor version, the header's length (2 bytes in 1.0, else 4), the header, and
 * the elements. The header is a Python dictionary with exactly the keys descr, fortran_order and
 * shape, padded with spaces and ended by a newline.
 */
#include "oc_tensor.h"

#include <stdio.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "elements are read as they lie in the file: little-endian");

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEAD_ALIGN 64 /* NumPy aligns the first element so, for mapping */

/* ---- the header's text --------------------------------------------------------------------- */

typedef struct cursor {
    oc_bytes bytes; /* the whole head */
    size_t at, end; /* what is left of the header's text */
} cursor;

static const char *const descrs[OC_DTYPE_COUNT] = {
#define X(name_, ctype_, size_, npy_, oip_) [OC_DTYPE_##name_] = npy_,
    OC_DTYPE_LIST(X)
#undef X
};

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (c->bytes.data[c->at] == ' ' || c->bytes.data[c->at] == '\t' ||
                              c->bytes.data[c->at] == '\n' || c->bytes.data[c->at] == '\r'))
        c->at++;
}

static oc_status fail_at(const cursor *c, const char *expected)
{
    if (c->at >= c->end)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected %s, found the header's end", c->at,
                       expected);
    return oc_fail(OC_E_FORMAT, "offset %zu: expected %s, found '%c'", c->at, expected,
                   c->bytes.data[c->at]);
}

/* Skips spaces, then takes `text` if it stands there. */
static bool take(cursor *c, const char *text)
{
    size_t size = strlen(text);
    skip_spaces(c);
    if (size > c->end - c->at || memcmp(c->bytes.data + c->at, text, size) != 0)
        return false;
    c->at += size;
    return true;
}

/* A quoted string without escapes, as a view. */
static oc_status take_string(cursor *c, const char *expected, oc_bytes *text)
{
    skip_spaces(c);
    uint8_t quote = c->at < c->end ? c->bytes.data[c->at] : 0;
    if (quote != '\'' && quote != '"')
        return fail_at(c, expected);
    size_t start = ++c->at;
    while (c->at < c->end && c->bytes.data[c->at] != quote)
        c->at++;
    if (c->at == c->end)
        return fail_at(c, "the end of a string");
    *text = (oc_bytes){.data = c->bytes.data + start, .size = c->at - start};
    c->at++;
    return OC_OK;
}

static oc_status take_descr(cursor *c, oc_dtype *dtype)
{
    oc_bytes text;
    skip_spaces(c);
    if (c->at < c->end && c->bytes.data[c->at] == '[')
        return oc_fail(OC_E_UNSUPPORTED, "offset %zu: structured element types", c->at);
    OC_TRY(take_string(c, "an element type such as '<f4'", &text));
    for (size_t i = 0; i < OC_DTYPE_COUNT; i++) {
        if (oc_bytes_equal_text(text, descrs[i])) {
            *dtype = (oc_dtype)i;
            return OC_OK;
        }
    }
    return oc_fail(OC_E_UNSUPPORTED, "element type '%.*s' (%s)", (int)OC_MIN(text.size, 40),
                   (const char *)text.data,
                   text.size > 0 && text.data[0] == '>' ? "big-endian" : "not one of offcut's");
}

static oc_status take_order(cursor *c)
{
    if (take(c, "True"))
        return oc_fail(OC_E_UNSUPPORTED, "Fortran order (save numpy.ascontiguousarray of it)");
    return take(c, "False") ? OC_OK : fail_at(c, "True or False");
}

static oc_status take_dim(cursor *c, int32_t *dim)
{
    uint64_t value = 0;
    skip_spaces(c);
    size_t start = c->at;
    for (; c->at < c->end && c->bytes.data[c->at] >= '0' && c->bytes.data[c->at] <= '9'; c->at++) {
        value = value * 10 + (uint64_t)(c->bytes.data[c->at] - '0');
        if (value > INT32_MAX)
            return oc_fail(OC_E_LIMIT,
                           "offset %zu: expected dimensions up to %d, found a larger one", start,
                           INT32_MAX);
    }
    if (c->at == start)
        return fail_at(c, "a dimension or ')'");
    *dim = (int32_t)value;
    return OC_OK;
}

/* "()", "(3,)", "(3, 4)" or "(3, 4,)"; "(3)" is no tuple in Python. */
static oc_status take_shape(cursor *c, oc_shape *shape)
{
    bool has_comma = false;
    if (!take(c, "("))
        return fail_at(c, "'('");
    while (!take(c, ")")) {
        if (shape->rank > 0 && !has_comma)
            return fail_at(c, "',' or ')'");
        if (shape->rank == OC_RANK_MAX)
            return oc_fail(OC_E_SHAPE, "offset %zu: expected rank 0 to %d, found a higher one",
                           c->at, OC_RANK_MAX);
        OC_TRY(take_dim(c, &shape->dim[shape->rank++]));
        has_comma = take(c, ",");
        if (shape->rank == 1 && !has_comma)
            return fail_at(c, "','");
    }
    return OC_OK;
}

static oc_status parse_dict(cursor *c, oc_desc *desc)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool is_seen[OC_COUNT(keys)] = {false};
    bool has_comma = true;
    if (!take(c, "{"))
        return fail_at(c, "'{'");
    while (!take(c, "}")) {
        oc_bytes key;
        size_t k = 0;
        if (!has_comma)
            return fail_at(c, "',' or '}'");
        OC_TRY(take_string(c, "a key", &key));
        while (k < OC_COUNT(keys) && !oc_bytes_equal_text(key, keys[k]))
            k++;
        if (k == OC_COUNT(keys) || is_seen[k])
            return oc_fail(OC_E_FORMAT,
                           "offset %zu: expected descr, fortran_order and shape once each, "
                           "found '%.*s'",
                           c->at, (int)OC_MIN(key.size, 40), (const char *)key.data);
        is_seen[k] = true;
        if (!take(c, ":"))
            return fail_at(c, "':'");
        OC_TRY(k == 0   ? take_descr(c, &desc->dtype)
               : k == 1 ? take_order(c)
                        : take_shape(c, &desc->shape));
        has_comma = take(c, ",");
    }
    for (size_t k = 0; k < OC_COUNT(keys); k++)
        if (!is_seen[k])
            return oc_fail(OC_E_FORMAT, "header: expected the key '%s', found none", keys[k]);
    skip_spaces(c);
    return c->at == c->end ? OC_OK : fail_at(c, "the header's end");
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Where the header's text lies, by magic, version and length. */
static oc_status find_header(oc_bytes head, size_t *start, size_t *end)
{
    uint8_t major, minor;
    uint16_t length16;
    uint32_t length32;
    if (head.size < MAGIC_BYTES || memcmp(head.data, MAGIC, MAGIC_BYTES) != 0)
        return oc_fail(OC_E_FORMAT, "offset 0: expected the magic \\x93NUMPY, found none");
    OC_TRY(oc_bytes_u8(head, MAGIC_BYTES, &major));
    OC_TRY(oc_bytes_u8(head, MAGIC_BYTES + 1, &minor));
    if (major < 1 || major > 3 || minor != 0)
        return oc_fail(OC_E_UNSUPPORTED, ".npy format %u.%u (expected 1.0 to 3.0)", major, minor);
    if (major == 1) {
        OC_TRY(oc_bytes_u16(head, MAGIC_BYTES + 2, &length16));
        length32 = length16;
        *start = MAGIC_BYTES + 4;
    } else {
        OC_TRY(oc_bytes_u32(head, MAGIC_BYTES + 2, &length32));
        *start = MAGIC_BYTES + 6;
    }
    if (length32 > OC_NPY_HEAD_MAX - *start)
        return oc_fail(OC_E_FORMAT, "offset %d: expected a header of at most %zu bytes, found %u",
                       MAGIC_BYTES + 2, OC_NPY_HEAD_MAX - *start, length32);
    *end = *start + length32;
    if (*end > head.size)
        return oc_fail(OC_E_FORMAT, "offset %zu: expected a header of %u bytes, found %zu", *start,
                       length32, head.size - *start);
    return OC_OK;
}

oc_status oc_npy_parse_head(oc_bytes head, oc_desc *desc, size_t *data_offset)
{
    cursor c = {.bytes = head};
    oc_desc found = {0};
    OC_TRY(find_header(head, &c.at, &c.end));
    size_t end = c.end;
    OC_TRY(parse_dict(&c, &found));
    *desc = found;
    *data_offset = end;
    return OC_OK;
}

/* C reads a bool that is neither 0 nor 1 as it likes. */
static oc_status check_bools(const oc_tensor *tensor, size_t bytes)
{
    const uint8_t *data = tensor->data;
    if (tensor->desc.dtype != OC_DTYPE_bool)
        return OC_OK;
    for (size_t i = 0; i < bytes; i++)
        if (data[i] > 1)
            return oc_fail(OC_E_FORMAT, "element %zu: expected a bool, found %u", i, data[i]);
    return OC_OK;
}

static oc_status read_head(oc_file *file, const oc_allocator *alloc, oc_desc *desc, size_t *offset)
{
    uint8_t *head;
    size_t size = (size_t)OC_MIN(oc_file_size(file), (uint64_t)OC_NPY_HEAD_MAX);
    OC_TRY(oc_alloc(alloc, size, 1, &head));
    oc_status status = oc_file_read(file, 0, head, size);
    if (status == OC_OK) {
        status = oc_npy_parse_head((oc_bytes){.data = head, .size = size}, desc, offset);
        if (status != OC_OK)
            status = oc_fail_in(status, "%s", oc_file_path(file));
    }
    oc_free(alloc, head);
    return status;
}

static oc_status read_file(oc_file *file, const oc_limits *limits, const oc_allocator *alloc,
                           oc_tensor *tensor)
{
    const uint64_t limit = oc_limits_or_default(limits).memory_bytes;
    const char *path = oc_file_path(file);
    oc_desc desc;
    size_t offset, bytes;
    OC_TRY(read_head(file, alloc, &desc, &offset));
    oc_status status = oc_desc_bytes(&desc, &bytes);
    if (status != OC_OK)
        return oc_fail_in(status, "%s", path);
    if (bytes > limit)
        return oc_fail(OC_E_LIMIT, "%s: expected at most %llu bytes of elements, found %zu", path,
                       (unsigned long long)limit, bytes);
    if (oc_file_size(file) - offset != bytes)
        return oc_fail(OC_E_FORMAT, "%s: expected %zu bytes of elements, found %llu", path, bytes,
                       (unsigned long long)(oc_file_size(file) - offset));
    OC_TRY(oc_tensor_alloc(&desc, alloc, tensor));
    OC_TRY(oc_file_read(file, offset, tensor->data, bytes));
    status = check_bools(tensor, bytes);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", path);
}

oc_status oc_npy_read(const char *path, const oc_limits *limits, const oc_allocator *alloc,
                      oc_tensor *tensor)
{
    oc_file *file;
    oc_tensor fresh = {0};
    OC_TRY(oc_file_open(path, alloc, &file));
    oc_status status = read_file(file, limits, alloc, &fresh);
    oc_file_unref(file);
    if (status != OC_OK) {
        oc_tensor_free(&fresh, alloc);
        return status;
    }
    *tensor = fresh;
    return OC_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The head of a format 1.0 file in `head`; returns its size, a multiple of HEAD_ALIGN. */
static size_t make_head(const oc_desc *desc, char *head, size_t size)
{
    const size_t start = MAGIC_BYTES + 4;
    char shape[OC_SHAPE_TEXT + 4 * OC_RANK_MAX] = "";
    size_t used = 0;
    for (int32_t i = 0; i < desc->shape.rank; i++)
        used += (size_t)snprintf(shape + used, sizeof(shape) - used, "%s%d", i > 0 ? ", " : "",
                                 (int)desc->shape.dim[i]);
    int length = snprintf(head + start, size - start,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                          descrs[desc->dtype], shape, desc->shape.rank == 1 ? "," : "");
    size_t total = oc_align_up(start + (size_t)length + 1, HEAD_ALIGN);
    memset(head + start + length, ' ', total - start - (size_t)length - 1);
    head[total - 1] = '\n';
    memcpy(head, MAGIC "\x01\x00", MAGIC_BYTES + 2);
    head[MAGIC_BYTES + 2] = (char)((total - start) & 0xff);
    head[MAGIC_BYTES + 3] = (char)((total - start) >> 8);
    return total;
}

oc_status oc_npy_write(const char *path, const oc_tensor *tensor)
{
    char head[512];
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    size_t head_bytes = make_head(&tensor->desc, head, sizeof(head));
    const oc_bytes pieces[] = {{.data = (const uint8_t *)head, .size = head_bytes},
                               {.data = tensor->data, .size = bytes}};
    return oc_file_replace_pieces(path, pieces, OC_COUNT(pieces));
}
