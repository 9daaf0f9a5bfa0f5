/* SPDX-License-Identifier: Apache-2.0 */
/**
 * FlatBuffers, read in place: every offset is checked before it is followed, nothing is copied, and
 * nothing recurses. Source: the FlatBuffers internals document (tables, vtables, vectors).
 *
 * A slot is the number of a field in its table's schema, counted from 0. An absent field reads as
 * its default. Errors of every function: OC_E_FORMAT with the offset.
 */
#ifndef FLATBUFFER_H
#define FLATBUFFER_H

#include "oc_base.h"

typedef struct oc_flat_table {
    oc_bytes bytes; /* the whole buffer */
    size_t at;      /* 0: absent, every field reads as its default */
    size_t vtable;
    uint16_t vtable_size;
} oc_flat_table;

typedef struct oc_flat_vector {
    oc_bytes bytes; /* the whole buffer */
    size_t at;      /* of element 0 */
    uint32_t count;
} oc_flat_vector;

OC_MUST_USE oc_status oc_flat_root(oc_bytes bytes, oc_flat_table *root);

OC_MUST_USE oc_status oc_flat_u8(const oc_flat_table *table, unsigned slot, uint8_t initial,
                                 uint8_t *out);
OC_MUST_USE oc_status oc_flat_i32(const oc_flat_table *table, unsigned slot, int32_t initial,
                                  int32_t *out);
OC_MUST_USE oc_status oc_flat_u32(const oc_flat_table *table, unsigned slot, uint32_t initial,
                                  uint32_t *out);
OC_MUST_USE oc_status oc_flat_u64(const oc_flat_table *table, unsigned slot, uint64_t initial,
                                  uint64_t *out);
OC_MUST_USE oc_status oc_flat_f32(const oc_flat_table *table, unsigned slot, float initial,
                                  float *out);

/** A table inside a table; `child->at` is 0 when absent. */
OC_MUST_USE oc_status oc_flat_child(const oc_flat_table *table, unsigned slot,
                                    oc_flat_table *child);
/**
 * A vector of elements of `elem` bytes; count 0 when absent. All its elements lie within the
 * buffer.
 */
OC_MUST_USE oc_status oc_flat_list(const oc_flat_table *table, unsigned slot, size_t elem,
                                   oc_flat_vector *list);
/** A vector of bytes, or a string, as a view; empty when absent. */
OC_MUST_USE oc_status oc_flat_bytes(const oc_flat_table *table, unsigned slot, oc_bytes *bytes);

/**
 * Element `index` of a vector of tables, or of 32-bit integers. Errors too: an index past the end.
 */
OC_MUST_USE oc_status oc_flat_table_of(const oc_flat_vector *list, uint32_t index,
                                       oc_flat_table *table);
OC_MUST_USE oc_status oc_flat_i32_of(const oc_flat_vector *list, uint32_t index, int32_t *out);
/** The same of 64-bit integers. */
OC_MUST_USE oc_status oc_flat_i64_of(const oc_flat_vector *list, uint32_t index, int64_t *out);

#endif
