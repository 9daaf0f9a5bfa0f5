/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The TensorFlow Lite operators that are understood, one row each. Source: schema.fbs of TensorFlow
 * Lite (numbers, slots of the option tables) and its reference kernels.
 */
#include "tflite_ops.h"

#define MANY OC_NODE_IO_MAX

/* BuiltinOptions of schema.fbs, as far as they are used. */
enum {
    CONV_2D_OPTIONS = 1,
    DEPTHWISE_CONV_2D_OPTIONS = 2,
    POOL_2D_OPTIONS = 5,
    FULLY_CONNECTED_OPTIONS = 8,
    SOFTMAX_OPTIONS = 9,
    CONCATENATION_OPTIONS = 10,
    ADD_OPTIONS = 11,
    L2_NORM_OPTIONS = 12,
    LOCAL_RESPONSE_NORMALIZATION_OPTIONS = 13,
    RESIZE_BILINEAR_OPTIONS = 15,
    RESHAPE_OPTIONS = 17,
    SPACE_TO_DEPTH_OPTIONS = 19,
    MUL_OPTIONS = 21,
    PAD_OPTIONS = 22,
    TRANSPOSE_OPTIONS = 26,
    REDUCER_OPTIONS = 27,
    SUB_OPTIONS = 28,
    DIV_OPTIONS = 29,
    SQUEEZE_OPTIONS = 30,
    STRIDED_SLICE_OPTIONS = 32,
    MAXIMUM_MINIMUM_OPTIONS = 39,
    PAD_V2_OPTIONS = 43,
    TRANSPOSE_CONV_OPTIONS = 49,
    PACK_OPTIONS = 59,
    UNPACK_OPTIONS = 64,
    RESIZE_NEAREST_NEIGHBOR_OPTIONS = 74,
    LEAKY_RELU_OPTIONS = 75,
    MIRROR_PAD_OPTIONS = 77,
    DEPTH_TO_SPACE_OPTIONS = 94
};

/*
 * Versions: what TensorFlow Lite's own resolver (core/kernels/register.cc) registers. Tables of
 * options that hold nothing which the tensors do not say (CAST, SPLIT, QUANTIZE, ...) are not read.
 */
/* clang-format off */
static const oc_tflite_row rows[] = {
    {.op = "ABS", .version = 5,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary_float, .fn = "abs"},
    {.op = "ADD", .version = 5, .options = ADD_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "add"},
    {.op = "ARG_MAX", .version = 3,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_arg, .fn = "max"},
    {.op = "ARG_MIN", .version = 3,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_arg, .fn = "min"},
    {.op = "AVERAGE_POOL_2D", .version = 3, .options = POOL_2D_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_pool, .fn = "mean"},
    {.op = "BATCH_TO_SPACE_ND", .version = 4,
     .in_min = 3, .in_max = 3, .convert = oc_tflite_batch_to_space},
    {.op = "CAST", .version = 7,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_cast},
    {.op = "CONCATENATION", .version = 4, .options = CONCATENATION_OPTIONS,
     .in_min = 1, .in_max = MANY, .convert = oc_tflite_concatenation},
    {.op = "CONV_2D", .version = 7, .options = CONV_2D_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = oc_tflite_conv_2d},
    {.op = "DEPTH_TO_SPACE", .version = 2, .options = DEPTH_TO_SPACE_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_depth_to_space},
    {.op = "DEPTHWISE_CONV_2D", .version = 7, .options = DEPTHWISE_CONV_2D_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = oc_tflite_depthwise_conv_2d},
    {.op = "DEQUANTIZE", .version = 6,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_dequantize},
    {.op = "DIV", .version = 2, .options = DIV_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "div"},
    {.op = "ELU", .version = 1,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary, .fn = "elu"},
    {.op = "EXP", .version = 2,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary_float, .fn = "exp"},
    {.op = "EXPAND_DIMS", .version = 1,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_expand_dims},
    {.op = "FULLY_CONNECTED", .version = 12, .options = FULLY_CONNECTED_OPTIONS,
     .in_min = 2, .in_max = 3, .convert = oc_tflite_fully_connected},
    {.op = "HARD_SWISH", .version = 1,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_hard_swish, .fn = "hard_swish"},
    {.op = "L2_NORMALIZATION", .version = 2, .options = L2_NORM_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_l2_normalization},
    {.op = "LEAKY_RELU", .version = 2, .options = LEAKY_RELU_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_leaky_relu, .fn = "leaky_relu"},
    {.op = "LOCAL_RESPONSE_NORMALIZATION", .version = 1, .options = LOCAL_RESPONSE_NORMALIZATION_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_lrn},
    {.op = "LOG", .version = 2,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary_float, .fn = "log"},
    {.op = "LOGISTIC", .version = 3,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary, .fn = "sigmoid"},
    {.op = "MAX_POOL_2D", .version = 3, .options = POOL_2D_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_pool, .fn = "max"},
    {.op = "MAXIMUM", .version = 4, .options = MAXIMUM_MINIMUM_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "max"},
    {.op = "MEAN", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_reduce, .fn = "mean"},
    {.op = "MINIMUM", .version = 4, .options = MAXIMUM_MINIMUM_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "min"},
    {.op = "MIRROR_PAD", .version = 3, .options = MIRROR_PAD_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_mirror_pad},
    {.op = "MUL", .version = 7, .options = MUL_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "mul"},
    {.op = "NEG", .version = 2,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary_float, .fn = "neg"},
    {.op = "PACK", .version = 4, .options = PACK_OPTIONS,
     .in_min = 1, .in_max = MANY, .convert = oc_tflite_pack},
    {.op = "PAD", .version = 4, .options = PAD_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_pad},
    {.op = "PADV2", .version = 4, .options = PAD_V2_OPTIONS,
     .in_min = 3, .in_max = 3, .convert = oc_tflite_pad},
    {.op = "PRELU", .version = 1,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_prelu},
    {.op = "QUANTIZE", .version = 4,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_quantize},
    {.op = "REDUCE_MAX", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_reduce, .fn = "max"},
    {.op = "REDUCE_MIN", .version = 3, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_reduce, .fn = "min"},
    {.op = "RELU", .version = 3,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_relu, .fn = "relu"},
    {.op = "RELU_N1_TO_1", .version = 2,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_relu, .fn = "relu_n1_to_1"},
    {.op = "RELU6", .version = 3,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_relu, .fn = "relu6"},
    {.op = "RESHAPE", .version = 1, .options = RESHAPE_OPTIONS,
     .in_min = 1, .in_max = 2, .convert = oc_tflite_reshape},
    {.op = "RESIZE_BILINEAR", .version = 4, .options = RESIZE_BILINEAR_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_resize, .fn = "linear"},
    {.op = "RESIZE_NEAREST_NEIGHBOR", .version = 4, .options = RESIZE_NEAREST_NEIGHBOR_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_resize, .fn = "nearest"},
    {.op = "SHAPE", .version = 1,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_shape_op},
    {.op = "SLICE", .version = 6,
     .in_min = 3, .in_max = 3, .convert = oc_tflite_slice},
    {.op = "SOFTMAX", .version = 3, .options = SOFTMAX_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_softmax},
    {.op = "SPACE_TO_BATCH_ND", .version = 4,
     .in_min = 3, .in_max = 3, .convert = oc_tflite_space_to_batch},
    {.op = "SPACE_TO_DEPTH", .version = 2, .options = SPACE_TO_DEPTH_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_space_to_depth},
    {.op = "SPLIT", .version = 4,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_split, .out_max = MANY},
    {.op = "SPLIT_V", .version = 2,
     .in_min = 3, .in_max = 3, .convert = oc_tflite_split_v, .out_max = MANY},
    {.op = "SQRT", .version = 2,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary_float, .fn = "sqrt"},
    {.op = "SQUEEZE", .version = 2, .options = SQUEEZE_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_squeeze},
    {.op = "STRIDED_SLICE", .version = 8, .options = STRIDED_SLICE_OPTIONS,
     .in_min = 4, .in_max = 4, .convert = oc_tflite_strided_slice},
    {.op = "SUB", .version = 5, .options = SUB_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_binary, .fn = "sub"},
    {.op = "SUM", .version = 2, .options = REDUCER_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_reduce, .fn = "sum"},
    {.op = "TANH", .version = 3,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unary, .fn = "tanh"},
    {.op = "TRANSPOSE", .version = 6, .options = TRANSPOSE_OPTIONS,
     .in_min = 2, .in_max = 2, .convert = oc_tflite_transpose},
    {.op = "TRANSPOSE_CONV", .version = 5, .options = TRANSPOSE_CONV_OPTIONS,
     .in_min = 3, .in_max = 4, .convert = oc_tflite_transpose_conv},
    {.op = "UNPACK", .version = 4, .options = UNPACK_OPTIONS,
     .in_min = 1, .in_max = 1, .convert = oc_tflite_unpack, .out_max = MANY},
};
/* clang-format on */

/* BuiltinOperator of schema.fbs, by number. */
/* clang-format off */
static const char *const builtin_names[] = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
    "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
    "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
    "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL",
    "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE",
    "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN",
    "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND",
    "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE",
    "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE",
    "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS",
    "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG",
    "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D",
    "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE",
    "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM",
    "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD",
    "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN",
    "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT",
};
/* clang-format on */

const char *oc_tflite_builtin_name(int32_t code)
{
    return code >= 0 && (size_t)code < OC_COUNT(builtin_names) ? builtin_names[code] : NULL;
}

const oc_tflite_row *oc_tflite_find_row(int32_t code)
{
    const char *name = oc_tflite_builtin_name(code);
    for (size_t i = 0; name && i < OC_COUNT(rows); i++)
        if (strcmp(rows[i].op, name) == 0)
            return &rows[i];
    return NULL;
}

const char *oc_tflite_op_name(size_t index)
{
    return index < OC_COUNT(rows) ? rows[index].op : NULL;
}
