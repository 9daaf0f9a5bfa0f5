/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The ONNX operators that are understood: one row each, in onnx_ops.c. Adding one is a function in
 * the file of its family, a line below and a row.
 */
#ifndef ONNX_OPS_H
#define ONNX_OPS_H

#include "import_common.h"
#include "onnx_data.h"
#include "onnx_proto.h"

#define OC_ONNX_OPSET_MIN 7
#define OC_ONNX_OPSET_MAX 25

/** A model while it is read. */
typedef struct oc_onnx {
    oc_graph *graph;
    oc_arena *scratch;
    oc_onnx_data data; /* where tensors lie: the model's file and others beside it */
    int64_t opset;
    oc_id *last; /* per value: the same value with its channels last, or OC_NONE */
    size_t n_last, cap_last;
} oc_onnx;

/** One node while it is converted. */
typedef struct oc_onnx_call {
    oc_imp at;
    oc_onnx *model;
    const oc_onnx_node *node;
    const struct oc_onnx_row *row;
    bool is_half; /* its float16 inputs were cast to float32, and its results are cast back */
    oc_id in[OC_NODE_IO_MAX];  /* OC_NONE: not given */
    uint32_t n_in;             /* without those at the end that are not given */
    oc_id out[OC_NODE_IO_MAX]; /* set by `convert`; OC_NONE: a result that is not computed here */
} oc_onnx_call;

typedef struct oc_onnx_row {
    const char *op;
    int since, until; /* opsets that the row is right for */
    uint32_t in_min, in_max;
    const char *attrs; /* those it knows, separated by spaces; any other is refused. NULL: none */
    oc_status (*convert)(oc_onnx_call *call);
    const char *fn; /* what our operator calls it, for rows that share a function */
    bool moves;     /* elements are moved, not computed with: float16 stays as it is */
} oc_onnx_row;

/** The row for an operator of the default domain, or NULL. */
const oc_onnx_row *oc_onnx_find_row(oc_bytes op_type);

/** The name of row `index`, or NULL past the last. */
const char *oc_onnx_op_name(size_t index);

/** A TensorProto as a constant of the graph. */
OC_MUST_USE oc_status oc_onnx_constant(oc_onnx *model, const oc_onnx_tensor *tensor,
                                       const char *name, oc_id *value);

/* ---- reading a node: onnx_call.c ------------------------------------------------------------- */

/** Is input `i` given? */
bool oc_onnx_has(const oc_onnx_call *call, uint32_t i);
/** Input `i`, or OC_NONE. */
oc_id oc_onnx_in(const oc_onnx_call *call, uint32_t i);
const oc_shape *oc_onnx_shape(const oc_onnx_call *call, uint32_t i);
oc_dtype oc_onnx_dtype_of(const oc_onnx_call *call, uint32_t i);
/** What result `i` is called in the graph; the node says it shall be there. */
OC_MUST_USE oc_status oc_onnx_out_name(const oc_onnx_call *call, uint32_t i, const char **name);
/** Does somebody ask for result `i`? */
bool oc_onnx_wants(const oc_onnx_call *call, uint32_t i);

/** The attribute of that name and type; `*found` says whether there is one. */
OC_MUST_USE oc_status oc_onnx_get(const oc_onnx_call *call, const char *name,
                                  oc_onnx_attr_type type, oc_onnx_attr *attr, bool *found);
/** Attributes with the value of one that is absent. */
OC_MUST_USE oc_status oc_onnx_get_int(const oc_onnx_call *call, const char *name, int64_t initial,
                                      int64_t *out);
OC_MUST_USE oc_status oc_onnx_get_float(const oc_onnx_call *call, const char *name, float initial,
                                        float *out);
/** An axis as 0 .. rank-1. */
OC_MUST_USE oc_status oc_onnx_get_axis(const oc_onnx_call *call, int64_t initial, int32_t rank,
                                       int32_t *out);
/**
 * Which of `names` (NULL-terminated) the attribute says; absent: the first. Errors: OC_E_FORMAT.
 */
OC_MUST_USE oc_status oc_onnx_get_choice(const oc_onnx_call *call, const char *name,
                                         const char *const *names, size_t *index);
OC_MUST_USE oc_status oc_onnx_get_ints(const oc_onnx_call *call, const char *name, int64_t *out,
                                       size_t max, size_t *count, bool *found);
/** Exactly `count` 32-bit integers, each at least `min`; absent: each is `initial`. */
OC_MUST_USE oc_status oc_onnx_get_list(const oc_onnx_call *call, const char *name, int32_t initial,
                                       int32_t min, size_t count, int32_t *out);
/** A list that older opsets give as an attribute and newer ones as a constant input. */
OC_MUST_USE oc_status oc_onnx_ints_of(const oc_onnx_call *call, const char *name, uint32_t input,
                                      int64_t *out, size_t max, size_t *count, bool *found);
/** An attribute that only says something else than what is done here when it is not `expected`. */
OC_MUST_USE oc_status oc_onnx_expect_int(const oc_onnx_call *call, const char *name,
                                         int64_t expected);

/** x as `dtype`, called "node/what". */
OC_MUST_USE oc_status oc_onnx_cast_to(oc_onnx_call *call, const char *what, oc_id x, oc_dtype dtype,
                                      oc_id *out);
/** The call as one that emits nodes and values called "node/what". */
OC_MUST_USE oc_status oc_onnx_step(const oc_onnx_call *call, const char *what, oc_imp *at);

/** [N,C,...] -> [N,...,C]; rank 2 is both. */
OC_MUST_USE oc_status oc_onnx_to_last(oc_onnx_call *call, oc_id value, oc_id *last);
/** The value [N,...,C] as result 0, [N,C,...]. */
OC_MUST_USE oc_status oc_onnx_from_last(oc_onnx_call *call, oc_id last);
/** End `node`, which makes [N,...,C], and turn that into result 0. */
OC_MUST_USE oc_status oc_onnx_end_last(oc_onnx_call *call, oc_node *node);
/** The name of the value that oc_onnx_from_last then turns. */
OC_MUST_USE oc_status oc_onnx_last_name(const oc_onnx_call *call, const char **name);
/** Sizes of a shape as a matrix: the axes before `axis` are its rows. */
OC_MUST_USE oc_status oc_onnx_flattened(const oc_onnx_call *call, const oc_shape *in, int32_t axis,
                                        oc_shape *out);

/* ---- rows' functions, by family -------------------------------------------------------------- */

#define OC_ONNX_CONVERT(name_) oc_status oc_onnx_##name_(oc_onnx_call *call)

OC_ONNX_CONVERT(conv); /* onnx_conv.c */
OC_ONNX_CONVERT(conv_integer);
OC_ONNX_CONVERT(conv_transpose);
OC_ONNX_CONVERT(deform_conv);
OC_ONNX_CONVERT(max_pool); /* onnx_pool.c */
OC_ONNX_CONVERT(average_pool);
OC_ONNX_CONVERT(global_pool);
OC_ONNX_CONVERT(gemm); /* onnx_matrix.c */
OC_ONNX_CONVERT(mat_mul);
OC_ONNX_CONVERT(mat_mul_integer);
OC_ONNX_CONVERT(unary); /* onnx_math.c */
OC_ONNX_CONVERT(modulo);
OC_ONNX_CONVERT(negation);
OC_ONNX_CONVERT(sign);
OC_ONNX_CONVERT(activation);
OC_ONNX_CONVERT(gelu);
OC_ONNX_CONVERT(clip);
OC_ONNX_CONVERT(p_relu);
OC_ONNX_CONVERT(chain);
OC_ONNX_CONVERT(mean);
OC_ONNX_CONVERT(power);
OC_ONNX_CONVERT(cast);
OC_ONNX_CONVERT(reduce); /* onnx_reduce.c */
OC_ONNX_CONVERT(arg_extreme);
OC_ONNX_CONVERT(softmax);
OC_ONNX_CONVERT(batch_normalization);
OC_ONNX_CONVERT(instance_normalization);
OC_ONNX_CONVERT(lrn);
OC_ONNX_CONVERT(quantize_linear); /* onnx_quant.c */
OC_ONNX_CONVERT(dequantize_linear);
OC_ONNX_CONVERT(dynamic_quantize_linear);
OC_ONNX_CONVERT(q_linear_conv);
OC_ONNX_CONVERT(q_linear_mat_mul);
OC_ONNX_CONVERT(concat); /* onnx_shape.c */
OC_ONNX_CONVERT(reshape);
OC_ONNX_CONVERT(flatten);
OC_ONNX_CONVERT(squeeze);
OC_ONNX_CONVERT(unsqueeze);
OC_ONNX_CONVERT(transpose);
OC_ONNX_CONVERT(identity);
OC_ONNX_CONVERT(dropout);
OC_ONNX_CONVERT(expand);
OC_ONNX_CONVERT(depth_to_space);
OC_ONNX_CONVERT(space_to_depth);
OC_ONNX_CONVERT(slice); /* onnx_move.c */
OC_ONNX_CONVERT(split);
OC_ONNX_CONVERT(gather);
OC_ONNX_CONVERT(tile);
OC_ONNX_CONVERT(pad);
OC_ONNX_CONVERT(resize); /* onnx_resize.c */
OC_ONNX_CONVERT(upsample);
OC_ONNX_CONVERT(constant_node); /* onnx_const.c */
OC_ONNX_CONVERT(constant_of_shape);
OC_ONNX_CONVERT(shape_of);

#endif
