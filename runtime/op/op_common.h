/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What several operator files need and no other room: checks with uniform texts, a fused activation
 * as attributes, sliding windows, broadcasting, and short forms for case tables.
 */
#ifndef OP_COMMON_H
#define OP_COMMON_H

#include "oc_op.h"

#include "op_region.h"

#include "numerics.h"

#include <stddef.h>

/* ---- checks: each names the node, what was expected and what was found -------------------- */

/** Is optional input `index` given? */
static inline bool oc_op_has(const oc_op_call *call, uint32_t index)
{
    return index < call->n_in && call->in[index] != NULL;
}

/**
 * What every operator asks of its inputs: their number within the row's bounds, the first in_min
 * of them given, input 0 of one of the row's types. A dimension may be 0: where that leaves outputs
 * with elements, `reference` and `launch` get an empty input. Call it first in `shape`. Errors:
 * OC_E_ARG, OC_E_SHAPE, OC_E_DTYPE.
 */
OC_MUST_USE oc_status oc_op_check(const oc_op_call *call);
/** No dimension of input `index` is 0. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_filled(const oc_op_call *call, uint32_t index);
/** Every given input is float32. Errors: OC_E_DTYPE. */
OC_MUST_USE oc_status oc_op_check_float(const oc_op_call *call);
/** Every given input has the element type of input 0. Errors: OC_E_DTYPE. */
OC_MUST_USE oc_status oc_op_check_same_dtype(const oc_op_call *call);
/** Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_rank(const oc_op_call *call, uint32_t index, int32_t min,
                                       int32_t max);
/**
 * Input `index` has `expected` elements along `axis`; `why` says where that number comes from.
 * Errors: OC_E_SHAPE.
 */
OC_MUST_USE oc_status oc_op_check_dim(const oc_op_call *call, uint32_t index, int32_t axis,
                                      int32_t expected, const char *why);
/** 0 <= axis < rank. Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_op_check_axis(const oc_op_call *call, const char *attr, int32_t axis,
                                       int32_t rank);
/** An INTS attribute has `count` elements, each at least `min`. Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_op_check_ints(const oc_op_call *call, const char *attr,
                                       const oc_ints *ints, int32_t count, int32_t min);
/**
 * Kernels count elements in 32 bits, and go past the last one by what they take at once: a chunk,
 * a tile or a group of rows, each below 2^16 elements.
 */
#define OC_OP_LAUNCH_ELEMS (INT32_MAX - (1 << 20))
/**
 * No input or output has more than OC_OP_LAUNCH_ELEMS elements. Call it first in `launch`.
 * Errors: OC_E_UNSUPPORTED.
 */
OC_MUST_USE oc_status oc_op_check_launch(const oc_op_call *call);

/* ---- element types ------------------------------------------------------------------------ */

/** Names of the values of an ENUM attribute, by oc_dtype; NULL-terminated. */
extern const char *const oc_op_dtype_names[];

/** An element in OpenCL C: "float", "half", "char", "uchar", "int", "long"; a bool is a "uchar". */
const char *oc_op_cl_type(oc_dtype dtype);

/** Elements of a shape that `shape` has already accepted. */
size_t oc_op_elems(const oc_shape *shape);

/**
 * A dense tensor seen as [outer, n, inner], n along one of its axes: outer * inner lines of n
 * elements, `inner` apart.
 */
typedef struct oc_op_lines {
    size_t outer, n, inner;
} oc_op_lines;
oc_op_lines oc_op_lines_of(const oc_shape *shape, int32_t axis);

/**
 * Element `i` of a dense tensor of integers or booleans, and storing one (its low bits): a
 * reference that means every integer type computes in int64_t.
 */
int64_t oc_op_int_get(oc_dtype dtype, const void *data, size_t i);
void oc_op_int_set(oc_dtype dtype, void *data, size_t i, int64_t value);
/** The least and the greatest number of an integer type. */
int64_t oc_op_int_lowest(oc_dtype dtype);
int64_t oc_op_int_highest(oc_dtype dtype);

/**
 * Defines T, the OpenCL type of an element (uchar for bool), and its least and greatest values
 * T_LOWEST and T_HIGHEST (infinities for float32). Not for float16.
 */
OC_MUST_USE oc_status oc_op_define_type(oc_launch *launch, oc_dtype dtype);

/**
 * Fills param_elems, bytes_read and bytes_written from the descs; macs and ops become 0. Errors:
 * OC_E_LIMIT.
 */
OC_MUST_USE oc_status oc_op_cost_io(const oc_op_call *call, oc_cost *cost);

/* ---- a fused activation ------------------------------------------------------------------- */

/** Names of the values of an ENUM attribute, by oc_unary_fn and oc_binary_fn; NULL-terminated. */
extern const char *const oc_op_unary_names[];
extern const char *const oc_op_binary_names[];

/** Member `act` of an attribute struct. */
typedef struct oc_op_act {
    int32_t fn; /* oc_unary_fn */
    float a, b;
} oc_op_act;

/** The rows of member `act` of `type_`; the operator's row says .act_attr = "act". */
/* clang-format off */
#define OP_ATTR_ACT(type_)                                                                     \
    {.name = "act", .type = OC_ATTR_ENUM, .offset = offsetof(type_, act.fn),                   \
     .max = OC_UNARY_COUNT - 1, .names = oc_op_unary_names,                                    \
     .help = "elementwise function of the result"},                                            \
    {.name = "act_a", .type = OC_ATTR_FLOAT, .offset = offsetof(type_, act.a),                 \
     .help = "its parameter a"},                                                               \
    {.name = "act_b", .type = OC_ATTR_FLOAT, .offset = offsetof(type_, act.b),                 \
     .help = "its parameter b"}
/* clang-format on */

static inline float oc_op_act_eval(const oc_op_act *act, float x)
{
    return oc_unary_eval((oc_unary_fn)act->fn, x, act->a, act->b);
}

/** Defines ACT, ACT_A and ACT_B; the kernel writes OC_UNARY(ACT, x, ACT_A, ACT_B). */
OC_MUST_USE oc_status oc_op_define_act(oc_launch *launch, const oc_op_act *act);

/* ---- sliding windows over [N,H,W,C] ------------------------------------------------------- */

/**
 * A window over the two axes in the middle. Attributes hold it as strides, dilations [h,w] and
 * pads [top,left,bottom,right].
 */
typedef struct oc_op_window {
    oc_ints strides, dilations, pads;
} oc_op_window;

/** The rows of member `window` of `type_`. */
/* clang-format off */
#define OP_ATTR_STRIDES(type_)                                                                 \
    {.name = "strides", .type = OC_ATTR_INTS, .offset = offsetof(type_, window.strides),       \
     .min = 1, .max = INT32_MAX, .initial_ints = {2, {1, 1}}, .help = "step of the window [h,w]"}
#define OP_ATTR_DILATIONS(type_)                                                               \
    {.name = "dilations", .type = OC_ATTR_INTS, .offset = offsetof(type_, window.dilations),   \
     .min = 1, .max = INT32_MAX, .initial_ints = {2, {1, 1}},                                  \
     .help = "distance of the window's taps [h,w]"}
#define OP_ATTR_PADS(type_)                                                                    \
    {.name = "pads", .type = OC_ATTR_INTS, .offset = offsetof(type_, window.pads),             \
     .max = INT32_MAX, .initial_ints = {4, {0, 0, 0, 0}},                                      \
     .help = "rows and columns added [top,left,bottom,right]"}
/* clang-format on */

/**
 * All numbers of a window's loop nest: output (oh, ow) reads input (oh*sh + i*dh - pt, ow*sw +
 * j*dw - pl).
 */
typedef struct oc_op_geometry {
    int32_t n, h, w, c;
    int32_t kh, kw, sh, sw, dh, dw, pt, pl;
    int32_t oh, ow;
} oc_op_geometry;

/**
 * From input 0's shape [N,H,W,C] and a kernel of kh x kw; checks the lists too.
 * OH = floor((H + top + bottom - ((KH-1) dh + 1)) / sh) + 1, likewise OW.
 * Errors: OC_E_ARG, OC_E_SHAPE when the window is larger than the padded input.
 */
OC_MUST_USE oc_status oc_op_geometry_set(const oc_op_call *call, const oc_op_window *window,
                                         int32_t kh, int32_t kw, oc_op_geometry *geometry);

/** The rows and columns of input 0 under the windows at those of `out`. */
void oc_op_geometry_halo(const oc_op_call *call, const oc_op_geometry *geometry, const oc_box *out,
                         oc_box *x);

/** Defines N, H, W, C, KH, KW, SH, SW, DH, DW, PT, PL, OH, OW. */
OC_MUST_USE oc_status oc_op_define_geometry(oc_launch *launch, const oc_op_geometry *geometry);

/* ---- vectors and copies --------------------------------------------------------------------- */

/**
 * The most floats (1, 2, 4, 8 or 16) side by side that divide `elems` and fit the device's vectors:
 * LANES of vector.h.
 */
uint32_t oc_op_lanes(const oc_traits *traits, size_t elems);

/**
 * Units for kernels that only move bytes: the largest of 1, 2, 4, 8, 16 bytes that divides every
 * offset and length in `mask`, which is all of them or-ed together. T is the OpenCL type that size.
 */
size_t oc_op_unit(size_t mask);
OC_MUST_USE oc_status oc_op_define_unit(oc_launch *launch, size_t unit);

/**
 * For a kernel whose work-item does much: a CPU's work-groups are one work-item each, because
 * compilers that merge the work-items of a group spoil the hand-made vector code. Others choose.
 */
void oc_op_launch_alone(oc_launch *launch, const oc_traits *traits);

/**
 * A run of `elems` floats cut into pieces for work-items, each a loop over vectors: LANES at most
 * `elems`, CHUNKS pieces of CHUNK elements, of which the last takes the rest and is not shorter
 * than LANES. `want`: elements that are worth a work-item on a CPU.
 */
typedef struct oc_op_chunks {
    size_t elems, lanes, chunk, chunks;
} oc_op_chunks;
oc_op_chunks oc_op_chunks_choose(const oc_traits *traits, size_t elems, size_t want);
/** The same for a kernel that goes on by one element: LANES 1. */
oc_op_chunks oc_op_chunks_scalar(const oc_traits *traits, size_t elems, size_t want);
/** Defines ELEMS, LANES, CHUNK, CHUNKS. */
OC_MUST_USE oc_status oc_op_define_chunks(oc_launch *launch, const oc_op_chunks *chunks);

/**
 * How many units in a row a work-item copies: neighbouring ones on a CPU, one elsewhere, where
 * neighbouring work-items make the row.
 */
size_t oc_op_chunk(const oc_traits *traits, size_t units);

/** strides[i]: elements between neighbours along axis i of a dense tensor. */
void oc_op_strides(const oc_shape *shape, size_t strides[OC_RANK_MAX]);

/**
 * Step `at` to the next index of `shape`, the last axis fastest, and back to all zeros after the
 * last. Serial loop: for each axis in order, nested.
 */
void oc_op_next(const oc_shape *shape, int32_t at[OC_RANK_MAX]);

/* ---- broadcasting ------------------------------------------------------------------------- */

/**
 * NumPy's rule: shapes are aligned at the last axis; an axis of 1 or none stretches. Errors:
 * OC_E_SHAPE.
 */
OC_MUST_USE oc_status oc_op_broadcast(const oc_op_call *call, const oc_shape *p, const oc_shape *q,
                                      oc_shape *out);

/**
 * strides[i]: how many elements of `in` a step along axis i of `out` goes on; 0 where `in`
 * stretches.
 */
void oc_op_broadcast_strides(const oc_shape *in, const oc_shape *out, size_t strides[OC_RANK_MAX]);

/** The axes of an output with the strides of its two operands p and q, the last axis fastest. */
typedef struct oc_op_axes {
    int32_t count;
    size_t dim[OC_RANK_MAX], p[OC_RANK_MAX], q[OC_RANK_MAX];
} oc_op_axes;

/** The same walk over as few axes as can be: those of one element go, neighbours merge. */
oc_op_axes oc_op_axes_merge(const oc_shape *out, const size_t *p, const size_t *q);

/** Defines OUTER, D0, P0, Q0, D1, ... of broadcast.h for the first `count` axes. */
OC_MUST_USE oc_status oc_op_define_outer(oc_launch *launch, const oc_op_axes *axes, int32_t count);

/* ---- short forms for case tables ---------------------------------------------------------- */

/* clang-format off */
#define OP_INTS(...) {(int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), {__VA_ARGS__}}
#define OP_DESC(dtype_, ...) {OC_DTYPE_##dtype_, OP_INTS(__VA_ARGS__)}
#define OP_F32(...) OP_DESC(float32, __VA_ARGS__)
#define OP_SCALAR(dtype_) {OC_DTYPE_##dtype_, {0, {0}}}
#define OP_SET_INTS(attr_, ...) {.attr = attr_, .ints = OP_INTS(__VA_ARGS__)}
#define OP_SET(attr_, number_) {.attr = attr_, .number = (number_)}
#define OP_SET_ENUM(attr_, name_) {.attr = attr_, .name = name_}
/* clang-format on */

#endif
