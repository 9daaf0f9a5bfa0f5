/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The TensorFlow Lite operators that are understood: one row each, in tflite_ops.c, whose
 * conversions lie by family in tflite_product.c, tflite_pool.c, tflite_elementwise.c,
 * tflite_reduce.c, tflite_shape.c and tflite_move.c. Adding one is a function and a row.
 *
 * Layouts are ours: [N,H,W,C], weights [O,KH,KW,I]; only depthwise weights, [1,KH,KW,O], are
 * turned. Operators on 8-bit tensors become integer operators with constants that are computed as
 * the kernels of LiteRT's BUILTIN_REF resolver do (tflite_quant.h), so that results agree to the
 * bit; what cannot agree is refused by name.
 */
#ifndef TFLITE_OPS_H
#define TFLITE_OPS_H

#include "flatbuffer.h"
#include "import_common.h"
#include "tflite_quant.h"

/** A tensor of the file: what its table says. */
typedef struct oc_tflite_tensor {
    const char *name;
    oc_desc desc;
    /* real = scale * (element - zero); one of each, or one for each index along `axis`. */
    oc_flat_vector scales, zeros; /* count 0: not quantised; all zeros are 0 */
    int32_t axis;
} oc_tflite_tensor;

/** One operator of the file while it is converted. */
typedef struct oc_tflite_call {
    oc_imp at;
    const struct oc_tflite_row *row;
    oc_flat_table options;    /* of the type that the row says, or absent */
    oc_id in[OC_NODE_IO_MAX]; /* OC_NONE: not given */
    uint32_t n_in;            /* without those at the end that are not given */
    const oc_tflite_tensor *t_in[OC_NODE_IO_MAX]; /* NULL: not given */
    oc_id out[OC_NODE_IO_MAX];                    /* set by `convert` */
    uint32_t n_out;
    const oc_tflite_tensor *t_out[OC_NODE_IO_MAX];
} oc_tflite_call;

typedef oc_status oc_tflite_convert(oc_tflite_call *call);

typedef struct oc_tflite_row {
    const char *op;  /* its name in BuiltinOperator */
    int32_t version; /* the newest that is known */
    uint8_t options; /* the number of its table in BuiltinOptions; 0: none */
    uint32_t in_min, in_max;
    oc_tflite_convert *convert;
    const char *fn;   /* what our operator calls it, for rows that share a function */
    uint32_t out_max; /* 0: one output */
} oc_tflite_row;

/** The row of a builtin operator, or NULL. */
const oc_tflite_row *oc_tflite_find_row(int32_t code);
/** The name of row `index`, or NULL past the last. */
const char *oc_tflite_op_name(size_t index);
/** The name of a builtin operator, or NULL for codes that are newer than the list. */
const char *oc_tflite_builtin_name(int32_t code);

/* ---- what conversions share: tflite_call.c ----------------------------------------------------- */

static inline const oc_shape *oc_tflite_shape(const oc_tflite_call *c, uint32_t input)
{
    return oc_imp_shape(&c->at, c->in[input]);
}

static inline oc_dtype oc_tflite_dtype(const oc_tflite_call *c, uint32_t input)
{
    return c->at.graph->values[c->in[input]].desc.dtype;
}

static inline oc_id oc_tflite_input(const oc_tflite_call *c, uint32_t input)
{
    return input < c->n_in ? c->in[input] : OC_NONE;
}

static inline bool oc_tflite_is_8bit(const oc_tflite_tensor *t)
{
    return (OC_TYPES_8BIT >> t->desc.dtype & 1) != 0;
}

/** Input 0 is int8 or uint8: the integer form of an operator is meant. */
static inline bool oc_tflite_is_integer(const oc_tflite_call *c)
{
    return oc_tflite_is_8bit(c->t_in[0]);
}

/**
 * Every given input and output has the element type of input 0, which is one of `types` (OC_TYPE
 * bits). Errors: OC_E_UNSUPPORTED, naming the operator and the types.
 */
OC_MUST_USE oc_status oc_tflite_check_types(const oc_tflite_call *c, uint32_t types);
/** Input `input` is of that type. Errors: OC_E_UNSUPPORTED. */
OC_MUST_USE oc_status oc_tflite_check_input(const oc_tflite_call *c, uint32_t input, oc_dtype type);

/** Scale and zero point of a tensor that has one of each. Errors: OC_E_UNSUPPORTED, OC_E_FORMAT. */
OC_MUST_USE oc_status oc_tflite_quant_of(const oc_tflite_call *c, const oc_tflite_tensor *t,
                                         oc_tflite_quant *quant);
/** Scale `index` of a tensor that has as many, all zeros 0; or its only one. Errors: as above. */
OC_MUST_USE oc_status oc_tflite_scale_of(const oc_tflite_call *c, const oc_tflite_tensor *t,
                                         uint32_t index, float *scale);
/** Errors: OC_E_UNSUPPORTED where scale or zero point of two tensors differ. */
OC_MUST_USE oc_status oc_tflite_check_alike(const oc_tflite_call *c, const oc_tflite_tensor *a,
                                            const oc_tflite_tensor *b);

/** A list of 32-bit integers in the options. */
OC_MUST_USE oc_status oc_tflite_option_ints(const oc_tflite_call *c, unsigned slot, int64_t *out,
                                            size_t max, size_t *count);
/** ActivationFunctionType at `slot`, as our unary function. Errors: OC_E_UNSUPPORTED. */
OC_MUST_USE oc_status oc_tflite_option_act(const oc_tflite_call *c, unsigned slot,
                                           const char **act);
/** Sets the activation that the node's operator fuses and ends it as output 0. */
OC_MUST_USE oc_status oc_tflite_end_with_act(oc_tflite_call *c, oc_node *node, const char *act);

/** A constant of the node's own, `what` is its name behind the node's; copied. */
OC_MUST_USE oc_status oc_tflite_constant(const oc_tflite_call *c, const char *what,
                                         const oc_desc *desc, const void *bytes, oc_id *value);
/** The scalar zero point of a tensor, of the tensor's type. */
OC_MUST_USE oc_status oc_tflite_zero(const oc_tflite_call *c, const char *what,
                                     const oc_tflite_tensor *t, oc_id *value);

/**
 * y = table[x], the table indexed by x's byte (int8: plus 128), `entries` 256 elements of type
 * `to`. `name` NULL: the node itself, its output 0.
 */
OC_MUST_USE oc_status oc_tflite_lookup(const oc_tflite_call *c, const char *name, oc_id x,
                                       oc_dtype to, const void *entries, oc_id *out);

/**
 * int32 sums [...,C] as elements of output 0: multiplied by `count` (1 or C) scales, plus its zero
 * point, within `range`; `rounding` as requantize has it. `name` as above.
 */
OC_MUST_USE oc_status oc_tflite_requantize(const oc_tflite_call *c, const char *name, oc_id sums,
                                           const oc_tflite_scale *scales, uint32_t count,
                                           oc_tflite_range range, const char *rounding,
                                           oc_id *out);

/* ---- conversions, by file ---------------------------------------------------------------------- */

oc_tflite_convert oc_tflite_conv_2d, oc_tflite_depthwise_conv_2d, oc_tflite_transpose_conv,
    oc_tflite_fully_connected;                                              /* tflite_product.c */
oc_tflite_convert oc_tflite_pool, oc_tflite_softmax, oc_tflite_lrn, oc_tflite_l2_normalization;
                                                                            /* tflite_pool.c */
oc_tflite_convert oc_tflite_unary, oc_tflite_unary_float, oc_tflite_leaky_relu, oc_tflite_relu, oc_tflite_hard_swish,
    oc_tflite_binary, oc_tflite_prelu, oc_tflite_quantize, oc_tflite_dequantize, oc_tflite_cast;
                                                                            /* tflite_elementwise.c */
oc_tflite_convert oc_tflite_reduce, oc_tflite_arg;                          /* tflite_reduce.c */
oc_tflite_convert oc_tflite_reshape, oc_tflite_squeeze, oc_tflite_expand_dims, oc_tflite_shape_op,
    oc_tflite_transpose, oc_tflite_concatenation, oc_tflite_pack, oc_tflite_unpack,
    oc_tflite_depth_to_space, oc_tflite_space_to_depth;                     /* tflite_shape.c */
oc_tflite_convert oc_tflite_pad, oc_tflite_mirror_pad, oc_tflite_slice, oc_tflite_strided_slice,
    oc_tflite_split, oc_tflite_split_v, oc_tflite_space_to_batch, oc_tflite_batch_to_space,
    oc_tflite_resize;                                                       /* tflite_move.c */

#endif
