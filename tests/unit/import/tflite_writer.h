/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A small TensorFlow Lite serialiser for tests: it writes models of one subgraph that the project
 * made itself, so that the importer runs on files whose every byte is known.
 *
 * Written front to back: a FlatBuffer's offsets only point forward, except a table's to its vtable,
 * which stands right before it.
 */
#ifndef TFLITE_WRITER_H
#define TFLITE_WRITER_H

#include "oc_test.h"

enum { TFL_FLOAT32 = 0, TFL_INT32 = 2, TFL_UINT8 = 3, TFL_INT8 = 9 }; /* TensorType */

typedef struct tfl_tensor {
    const char *name;
    uint8_t type;
    uint32_t rank;
    int32_t dims[5];
    const void *data; /* NULL: none; else `size` bytes */
    size_t size;
    int32_t open_axis; /* 1 + the axis that the signature leaves open; 0: none */
    float scale;       /* 0: not quantised */
    int64_t zero;
} tfl_tensor;

/** A field of an options table: a number of 32 bits or less, or a list of numbers. */
typedef struct tfl_option {
    enum { TFL_ABSENT, TFL_NUMBER, TFL_FLOAT, TFL_LIST } kind;
    int32_t number;
    float f;
    uint32_t n_list;
    int32_t list[4];
} tfl_option;

typedef struct tfl_op {
    int32_t code, version;
    const char *custom;
    uint8_t options_type; /* 0: no options */
    tfl_option options[8];
    uint32_t n_in;
    int32_t in[4];
    int32_t out;
} tfl_op;

typedef struct tfl_model {
    const tfl_tensor *tensors;
    uint32_t n_tensors;
    const tfl_op *ops;
    uint32_t n_ops;
    int32_t input, output;
    uint32_t schema; /* 0: 3 */
    oc_buf *metadata; /* the buffer TFLITE_METADATA, or NULL */
} tfl_model;

#define TFL_SLOTS 12

/*
 * A table whose fields are 4 bytes each: `present` has a bit per slot. at[slot] is where a field
 * is.
 */
static inline void tfl_table(oc_buf *b, unsigned slots, uint32_t present, size_t at[TFL_SLOTS])
{
    uint16_t vtable[2 + TFL_SLOTS] = {0};
    uint16_t entries = (uint16_t)((slots + 1) / 2 * 2), offset = 4;
    vtable[0] = (uint16_t)(2 * (2 + entries));
    for (unsigned i = 0; i < slots; i++)
        if (present >> i & 1) {
            vtable[2 + i] = offset;
            offset = (uint16_t)(offset + 4);
        }
    vtable[1] = offset;
    oc_assert_ok(oc_buf_put(b, vtable, vtable[0]));
    size_t start = b->size;
    int32_t back = vtable[0];
    oc_assert_ok(oc_buf_put(b, &back, 4));
    for (unsigned i = 0; i < slots; i++)
        at[i] = start + vtable[2 + i];
    uint32_t zeros[TFL_SLOTS] = {0};
    oc_assert_ok(oc_buf_put(b, zeros, (size_t)offset - 4));
}

static inline void tfl_set(oc_buf *b, size_t at, uint32_t value)
{
    memcpy(b->data + at, &value, 4);
}

/* The field at `at` refers to what is written next (`skip` bytes further on). */
static inline void tfl_refer(oc_buf *b, size_t at, size_t skip)
{
    tfl_set(b, at, (uint32_t)(b->size + skip - at));
}

/* As above, to a table of `slots` fields, whose vtable comes first. */
static inline void tfl_refer_table(oc_buf *b, size_t at, unsigned slots)
{
    tfl_refer(b, at, 2 * (2 + (size_t)((slots + 1) / 2 * 2)));
}

static inline void tfl_bytes(oc_buf *b, size_t at, const void *data, size_t size)
{
    static const char zeros[4];
    uint32_t count = (uint32_t)size;
    tfl_refer(b, at, 0);
    oc_assert_ok(oc_buf_put(b, &count, 4));
    oc_assert_ok(oc_buf_put(b, data ? data : zeros, size));
    oc_assert_ok(oc_buf_put(b, zeros, 4 - size % 4));
}

/* A vector of 32-bit numbers; returns where its first element is. */
static inline size_t tfl_list(oc_buf *b, size_t at, const int32_t *values, uint32_t count)
{
    tfl_refer(b, at, 0);
    oc_assert_ok(oc_buf_put(b, &count, 4));
    size_t first = b->size;
    for (uint32_t i = 0; i < count; i++)
        oc_assert_ok(oc_buf_put(b, values ? &values[i] : &(int32_t){0}, 4));
    return first;
}

static inline void tfl_write_quant(oc_buf *b, size_t at, const tfl_tensor *t)
{
    size_t f[TFL_SLOTS];
    const uint32_t one = 1;
    int32_t bits;
    memcpy(&bits, &t->scale, 4);
    tfl_refer_table(b, at, 4);
    tfl_table(b, 4, 0x0C, f);
    tfl_list(b, f[2], &bits, 1);
    tfl_refer(b, f[3], 0);
    oc_assert_ok(oc_buf_put(b, &one, 4));
    oc_assert_ok(oc_buf_put(b, &t->zero, 8));
}

static inline void tfl_write_tensor(oc_buf *b, size_t at, const tfl_tensor *t, uint32_t buffer)
{
    size_t f[TFL_SLOTS];
    int32_t signature[5];
    tfl_refer_table(b, at, 8);
    tfl_table(b, 8, 0x0F | (t->open_axis ? 0x80 : 0) | (t->scale > 0 ? 0x10 : 0), f);
    tfl_set(b, f[1], t->type);
    tfl_set(b, f[2], buffer);
    tfl_list(b, f[0], t->dims, t->rank);
    tfl_bytes(b, f[3], t->name, strlen(t->name));
    if (t->scale > 0)
        tfl_write_quant(b, f[4], t);
    if (!t->open_axis)
        return;
    memcpy(signature, t->dims, sizeof(signature));
    signature[t->open_axis - 1] = -1;
    tfl_list(b, f[7], signature, t->rank);
}

static inline void tfl_write_options(oc_buf *b, size_t at, const tfl_option *options)
{
    size_t f[TFL_SLOTS];
    uint32_t present = 0;
    for (unsigned i = 0; i < 8; i++)
        present |= (uint32_t)(options[i].kind != TFL_ABSENT) << i;
    tfl_refer_table(b, at, 8);
    tfl_table(b, 8, present, f);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t bits = (uint32_t)options[i].number;
        if (options[i].kind == TFL_FLOAT)
            memcpy(&bits, &options[i].f, 4);
        if (options[i].kind == TFL_LIST)
            tfl_list(b, f[i], options[i].list, options[i].n_list);
        else if (options[i].kind != TFL_ABSENT)
            tfl_set(b, f[i], bits);
    }
}

static inline void tfl_write_op(oc_buf *b, size_t at, const tfl_op *op, uint32_t code)
{
    size_t f[TFL_SLOTS];
    tfl_refer_table(b, at, 5);
    tfl_table(b, 5, op->options_type ? 0x1F : 0x07, f);
    tfl_set(b, f[0], code);
    tfl_list(b, f[1], op->in, op->n_in);
    tfl_list(b, f[2], &op->out, 1);
    if (!op->options_type)
        return;
    tfl_set(b, f[3], op->options_type);
    tfl_write_options(b, f[4], op->options);
}

static inline void tfl_write_code(oc_buf *b, size_t at, const tfl_op *op)
{
    size_t f[TFL_SLOTS];
    tfl_refer_table(b, at, 4);
    tfl_table(b, 4, op->custom ? 0x0F : 0x0D, f);
    tfl_set(b, f[0], (uint32_t)OC_MIN(op->code, 127));
    tfl_set(b, f[2], (uint32_t)op->version);
    tfl_set(b, f[3], (uint32_t)op->code);
    if (op->custom)
        tfl_bytes(b, f[1], op->custom, strlen(op->custom));
}

static inline void tfl_write_subgraph(oc_buf *b, size_t at, const tfl_model *m)
{
    size_t f[TFL_SLOTS], first;
    tfl_refer_table(b, at, 4);
    tfl_table(b, 4, 0x0F, f);
    tfl_list(b, f[1], &m->input, 1);
    tfl_list(b, f[2], &m->output, 1);
    first = tfl_list(b, f[0], NULL, m->n_tensors);
    for (uint32_t i = 0; i < m->n_tensors; i++)
        tfl_write_tensor(b, first + 4 * i, &m->tensors[i], m->tensors[i].data ? i + 1 : 0);
    first = tfl_list(b, f[3], NULL, m->n_ops);
    for (uint32_t i = 0; i < m->n_ops; i++)
        tfl_write_op(b, first + 4 * i, &m->ops[i], i);
}

/* The list of notes about a model: the only one lies in buffer `buffer`. */
static inline void tfl_write_notes(oc_buf *b, size_t at, uint32_t buffer)
{
    size_t f[TFL_SLOTS], first = tfl_list(b, at, NULL, 1);
    tfl_refer_table(b, first, 2);
    tfl_table(b, 2, 3, f);
    tfl_set(b, f[1], buffer);
    tfl_bytes(b, f[0], "TFLITE_METADATA", 15);
}

static inline void tfl_write_buffer(oc_buf *b, size_t at, const void *data, size_t size)
{
    size_t f[TFL_SLOTS];
    tfl_refer_table(b, at, 2);
    tfl_table(b, 2, data ? 1 : 0, f);
    if (data)
        tfl_bytes(b, f[0], data, size);
}

/** The whole file into `b`, which is initialised here. */
static inline void tfl_write(oc_buf *b, const tfl_model *m)
{
    size_t f[TFL_SLOTS], first;
    oc_buf_init(b, NULL);
    oc_assert_ok(oc_buf_put(b, "\0\0\0\0TFL3", 8));
    tfl_refer_table(b, 0, 7);
    tfl_table(b, 7, 0x17 | (m->metadata ? 0x40 : 0), f);
    tfl_set(b, f[0], m->schema ? m->schema : 3);
    first = tfl_list(b, f[1], NULL, m->n_ops);
    for (uint32_t i = 0; i < m->n_ops; i++)
        tfl_write_code(b, first + 4 * i, &m->ops[i]);
    first = tfl_list(b, f[2], NULL, 1);
    tfl_write_subgraph(b, first, m);
    first = tfl_list(b, f[4], NULL, m->n_tensors + 2);
    tfl_write_buffer(b, first, NULL, 0);
    for (uint32_t i = 0; i < m->n_tensors; i++)
        tfl_write_buffer(b, first + 4 * (i + 1), m->tensors[i].data, m->tensors[i].size);
    tfl_write_buffer(b, first + 4 * (m->n_tensors + 1), m->metadata ? m->metadata->data : NULL,
                     m->metadata ? m->metadata->size : 0);
    if (m->metadata)
        tfl_write_notes(b, f[6], m->n_tensors + 1);
}

#endif
