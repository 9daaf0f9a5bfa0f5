/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Values on their way over the wire, in chunks: the same on both ends and in both directions. The
 * graph says what a value is; whatever a chunk says is compared with that before memory is touched.
 */
#ifndef OC_FLOW_H
#define OC_FLOW_H

#include "oc_graph.h"
#include "oc_rpc.h"

#define OC_FLOW_CHUNK_BYTES (1u << 20) /* data of one chunk */
#define OC_FLOW_CODEC "raw"

/** A value that is sent or received. Rewind it before each run. */
typedef struct oc_flow_value {
    oc_id id;
    const char *name;    /* the graph's */
    const oc_desc *desc; /* the graph's */
    size_t bytes;
    void *data;          /* `bytes` bytes: where they come from, or go to; NULL: not known yet. Borrowed. */
    size_t moved;        /* bytes sent or received */
    oc_rpc_sum sum;      /* of those */
    bool is_done;
} oc_flow_value;

/** Errors: OC_E_LIMIT. */
OC_MUST_USE oc_status oc_flow_value_init(oc_flow_value *value, const oc_graph *graph, oc_id id);
void oc_flow_value_rewind(oc_flow_value *value);
/** The value of that name, or NULL. */
oc_flow_value *oc_flow_find(oc_flow_value *values, size_t count, oc_bytes name);

/** A chunk as it lies in a message. */
typedef struct oc_flow_chunk {
    oc_bytes name, dtype, codec, data;
    oc_shape shape;
    uint64_t total_bytes, offset, checksum;
} oc_flow_chunk;

/** Errors: OC_E_FORMAT, OC_E_SHAPE (more than 8 axes, an axis that is no int32_t). */
OC_MUST_USE oc_status oc_flow_chunk_read(oc_bytes bytes, oc_flow_chunk *chunk);
/**
 * Check the chunk against the value, and copy its data to where they belong. `value->data` is known.
 * Errors: OC_E_DTYPE, OC_E_SHAPE, OC_E_UNSUPPORTED (codec), OC_E_FORMAT (sizes, order, checksum); the text names the value, expected, found.
 */
OC_MUST_USE oc_status oc_flow_receive(oc_flow_value *value, const oc_flow_chunk *chunk);
/** The message (RunPartRequest and RunPartResponse alike) with the next chunk of a value that is not done. */
grpc_byte_buffer *oc_flow_send(oc_flow_value *value);

/** What a message of RunPart holds: the field's number (OC_FLOW_OPEN, ...) and its bytes. Errors: OC_E_FORMAT. */
enum { OC_FLOW_OPEN = 1, OC_FLOW_TENSOR = 2, OC_FLOW_DONE = 3 };
OC_MUST_USE oc_status oc_flow_envelope_read(oc_bytes bytes, uint32_t *number, oc_bytes *inside);

#endif
