# SPDX-License-Identifier: Apache-2.0
"""Writes small ONNX models, one or a few operators each, for the fuzzer to begin with.

usage: seeds_onnx.py FOLDER      (needs the package onnx; see tests/fuzz/README.md)
"""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT8, UINT8, INT32, INT64, HALF, BOOL = (
    TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64,
    TensorProto.FLOAT16, TensorProto.BOOL)
rng = np.random.default_rng(1)
folder = sys.argv[1]


def floats(*shape):
    return rng.normal(0, 1, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def model(name, op, shapes, constants=(), opset=18, types=None, outputs=1, **attributes):
    """One node; `shapes` of the inputs, then `constants` (None: not given)."""
    types = types or [FLOAT] * len(shapes)
    inputs = [helper.make_tensor_value_info(f"x{i}", t, s)
              for i, (s, t) in enumerate(zip(shapes, types))]
    names = [i.name for i in inputs]
    initializers = []
    for i, array in enumerate(constants):
        names.append("" if array is None else f"c{i}")
        if array is not None:
            initializers.append(numpy_helper.from_array(np.asarray(array), f"c{i}"))
    out = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, out, name=name, **attributes)
    graph = helper.make_graph(
        [node], name, inputs, [helper.make_tensor_value_info(o, FLOAT, None) for o in out],
        initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    with open(os.path.join(folder, name + ".onnx"), "wb") as file:
        file.write(proto.SerializeToString())


image, flat = (1, 2, 5, 6), (2, 3)
model("conv", "Conv", [image], [floats(4, 2, 3, 3), floats(4)], pads=[1, 0, 1, 2], strides=[2, 1])
model("conv_same", "Conv", [image], [floats(4, 1, 3, 3)], auto_pad="SAME_LOWER", group=2,
      dilations=[1, 2])
model("conv_1d", "Conv", [(1, 2, 7)], [floats(3, 2, 3)], pads=[1, 1])
model("conv_transpose", "ConvTranspose", [image], [floats(2, 3, 3, 3), floats(3)], strides=[2, 2],
      output_padding=[1, 0], pads=[1, 1, 0, 1])
model("deform_conv", "DeformConv", [(1, 1, 3, 3)],
      [floats(1, 1, 2, 2), floats(1, 8, 2, 2), floats(1), floats(1, 4, 2, 2)], opset=19,
      kernel_shape=[2, 2], pads=[0, 0, 0, 0])
model("conv_integer", "ConvInteger", [(1, 1, 4, 4)],
      [rng.integers(0, 255, (1, 1, 2, 2)).astype(np.uint8), np.uint8(1)], types=[UINT8])
model("qlinear_conv", "QLinearConv", [(1, 1, 4, 4)],
      [np.float32(0.1), np.uint8(3), rng.integers(0, 255, (1, 1, 2, 2)).astype(np.uint8),
       np.float32(0.2), np.uint8(4), np.float32(0.3), np.uint8(5)], types=[UINT8])
model("qlinear_matmul", "QLinearMatMul", [flat],
      [np.float32(0.1), np.uint8(3), rng.integers(0, 255, (3, 2)).astype(np.uint8),
       np.float32(0.2), np.uint8(4), np.float32(0.3), np.uint8(5)], types=[UINT8])
model("matmul_integer", "MatMulInteger", [flat, (3, 2)], [np.uint8(3), np.uint8(2)],
      types=[UINT8, UINT8])
model("gemm", "Gemm", [flat], [floats(4, 3), floats(4)], transB=1, alpha=0.5, beta=2.0)
model("matmul", "MatMul", [(2, 1, 3), (3, 4)])
for pool in ("MaxPool", "AveragePool"):
    model(pool.lower(), pool, [image], kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 1],
          ceil_mode=1)
    model(pool.lower() + "_3d", pool, [(1, 1, 3, 4, 5)], kernel_shape=[2, 2, 2], opset=19,
          dilations=[1, 2, 1])
model("maxpool_index", "MaxPool", [image], kernel_shape=[2, 2], outputs=2)
model("batchnorm", "BatchNormalization", [image], [floats(2), floats(2), floats(2), np.abs(floats(2))])
model("instancenorm", "InstanceNormalization", [image], [floats(2), floats(2)])
model("lrn", "LRN", [image], size=3)
for op in ("GlobalAveragePool", "GlobalMaxPool", "Relu", "Elu", "Selu", "Sigmoid", "HardSigmoid",
           "HardSwish", "Tanh", "Softplus", "Mish", "Gelu", "Erf", "Exp", "Sqrt", "Neg", "Abs",
           "Reciprocal", "Softsign", "ThresholdedRelu", "LeakyRelu", "Identity", "Shape",
           "DynamicQuantizeLinear"):
    model(op.lower(), op, [image], opset=20, outputs=3 if op == "DynamicQuantizeLinear" else 1)
model("softmax", "Softmax", [image], axis=1)
model("softmax_old", "Softmax", [image], axis=1, opset=11)
model("logsoftmax", "LogSoftmax", [image], axis=-2)
for op in ("Add", "Sub", "Mul", "Div", "Pow", "PRelu"):
    model(op.lower(), op, [(2, 3, 4), (3, 1)])
model("add_int", "Add", [flat, (3,)], types=[INT32, INT32])
for op in ("Max", "Min", "Sum", "Mean"):
    model(op.lower(), op, [flat, (3,), (1, 1)])
model("concat", "Concat", [flat, (1, 3)], axis=0)
model("split", "Split", [(6, 2)], [ints(1, 0, 5)], axis=0, outputs=3)
model("slice", "Slice", [image], [ints(0, 4), ints(9, -7), ints(2, 3), ints(2, -1)])
model("gather", "Gather", [image], [ints(1, -1, 0)], axis=2)
model("gather_live", "Gather", [image, (2,)], types=[FLOAT, INT32], axis=1)
model("reshape", "Reshape", [image], [ints(0, -1, 3)])
model("flatten", "Flatten", [image], axis=2)
model("transpose", "Transpose", [image], perm=[3, 1, 0, 2])
model("squeeze", "Squeeze", [(1, 2, 1)], [ints(0, -1)])
model("unsqueeze", "Unsqueeze", [flat], [ints(0, 3)])
model("expand", "Expand", [(1, 3)], [ints(2, 2, 3)])
model("tile", "Tile", [flat], [ints(2, 3)])
for mode in ("constant", "reflect", "edge", "wrap"):
    model("pad_" + mode, "Pad", [image], [ints(0, 0, 1, 1, 0, 0, 2, 1)], mode=mode, opset=19)
for mode in ("nearest", "linear", "cubic"):
    model("resize_" + mode, "Resize", [image],
          [None, np.array([1, 1, 1.5, 0.7], np.float32)], mode=mode,
          coordinate_transformation_mode="half_pixel")
model("resize_sizes", "Resize", [image], [None, None, ints(1, 2, 3, 4)], mode="linear",
      antialias=1, coordinate_transformation_mode="align_corners")
model("resize_crop", "Resize", [image],
      [np.array([0, 0, .2, .3, 1, 1, .8, .9], np.float32), None, ints(1, 2, 3, 3)],
      mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=9.0)
model("upsample", "Upsample", [image], [np.array([1, 1, 2, 2], np.float32)], opset=9)
model("depth_to_space", "DepthToSpace", [(1, 8, 2, 3)], blocksize=2, mode="CRD")
model("space_to_depth", "SpaceToDepth", [(1, 2, 4, 6)], blocksize=2)
for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare",
           "ReduceL2"):
    model(op.lower(), op, [image], [ints(1, -1)], keepdims=0)
model("argmax", "ArgMax", [image], axis=1, select_last_index=1)
model("cast", "Cast", [flat], to=HALF)
model("cast_half", "Cast", [flat], types=[HALF], to=INT8)
model("half", "Add", [flat, flat], types=[HALF, HALF])
model("clip", "Clip", [flat], [np.float32(-1), np.float32(0.5)])
model("clip_old", "Clip", [flat], min=-1.0, max=1.0, opset=10)
model("dropout", "Dropout", [flat], outputs=2)
model("quantize", "QuantizeLinear", [image], [floats(2), np.array([1, 2], np.int8)], axis=1)
model("dequantize", "DequantizeLinear", [image], [floats(2), np.array([1, 2], np.int8)], axis=1,
      types=[INT8])
model("constant", "Constant", [], value=numpy_helper.from_array(floats(2, 2)))
model("constant_of_shape", "ConstantOfShape", [], [ints(2, 3)],
      value=numpy_helper.from_array(np.array([5], np.int32)))
