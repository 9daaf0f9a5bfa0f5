/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Several calls as one (`batch_axis`) and parts of calls (`halo`): the rules that many operators
 * have in common.
 */
#ifndef OP_REGION_H
#define OP_REGION_H

#include "oc_op.h"

/* ---- batch_axis ----------------------------------------------------------------------------- */

/** Fails: input `index` joined along `axis`, or shared, does not go. Always OC_E_UNSUPPORTED. */
OC_MUST_USE oc_status oc_op_batch_refuse(const oc_op_call *call, uint32_t index, int32_t axis);

/**
 * Input 0 is joined along an axis that is not among the bits of `fixed`, all others are shared:
 * `*out` is that axis.
 */
OC_MUST_USE oc_status oc_op_batch_along(const oc_op_call *call, const int32_t *in, uint32_t fixed,
                                        int32_t *out);

/** A row's `batch_axis`: oc_op_batch_along any axis but input 0's last. */
OC_MUST_USE oc_status oc_op_batch_lines(const oc_op_call *call, const int32_t *in, int32_t n,
                                        int32_t *out, void *attrs);

/**
 * The first `count` inputs broadcast to output 0, each element of which comes from its own place in
 * them: those that are joined meet in one axis of the output, those that are shared stretch there.
 */
OC_MUST_USE oc_status oc_op_batch_broadcast(const oc_op_call *call, const int32_t *in,
                                            uint32_t count, int32_t *out);

/** A row's `batch_axis`: oc_op_batch_broadcast of all inputs; the attributes stay. */
OC_MUST_USE oc_status oc_op_batch_elementwise(const oc_op_call *call, const int32_t *in, int32_t n,
                                              int32_t *out, void *attrs);

/** An attribute that holds a length or an end along the joined axis: `*value` times n. */
OC_MUST_USE oc_status oc_op_batch_stretch(const oc_op_call *call, int32_t n, int32_t *value);

/* ---- halo ------------------------------------------------------------------------------------ */

/** The box of a whole tensor. */
oc_box oc_op_halo_whole(const oc_shape *shape);

/** Sets axis `axis` of `box` to [from, to), as far as `shape` has it. */
void oc_op_halo_set(const oc_shape *shape, int32_t axis, int64_t from, int64_t to, oc_box *box);

/** Elements `from` to `to` of input `index`, one axis of which is longer than 1; or its one element. */
void oc_op_halo_vector(const oc_op_call *call, uint32_t index, int64_t from, int64_t to,
                       oc_box *in);

/** The first `count` inputs broadcast to output 0; each element comes from its own place. */
void oc_op_halo_broadcast(const oc_op_call *call, const oc_box *out, uint32_t count, oc_box *in);

/** A row's `halo`: oc_op_halo_broadcast of all inputs. */
OC_MUST_USE oc_status oc_op_halo_elementwise(const oc_op_call *call, const oc_box *out, oc_box *in);

/**
 * Input 0 has the output's rank: the same box of it, but the whole of the axes among the bits of
 * `whole`; the whole of all other inputs.
 */
void oc_op_halo_along(const oc_op_call *call, const oc_box *out, uint32_t whole, oc_box *in);

/** A row's `halo`: oc_op_halo_along with the whole of the last axis. */
OC_MUST_USE oc_status oc_op_halo_lines(const oc_op_call *call, const oc_box *out, oc_box *in);

#endif
