# SPDX-License-Identifier: Apache-2.0
"""Small TensorFlow Lite models that cover every operator, and what LiteRT's reference kernels answer.

    python tests/models/tflite_golden.py        # writes tests/models/tflite/

For each model NAME: NAME.tflite; NAME_in.npy, uint8 [samples, bytes of all inputs, one after
another]; NAME_out.npy, likewise of all outputs. Each operator takes the model's input and gives an
output of its own, so that one file holds many. Seeded: the same bytes from every run.
"""
import zlib
from pathlib import Path

import numpy as np
from tflite_build import Model, Quant, answer
from ai_edge_litert.interpreter import OpResolverType

OUT = Path(__file__).resolve().parent / "tflite"
SAMPLES = 3
SAME, VALID = 0, 1
RELU, RELU_N1, RELU6 = 1, 2, 3


class Net(Model):
    """A model whose operators all start at one input `x` and end at an output of their own."""

    def __init__(self, name, dtype, shape, quant=None, out=None, resolver=OpResolverType.BUILTIN_REF):
        super().__init__()
        self.name, self.dtype, self.shape, self.resolver = name, np.dtype(dtype), shape, resolver
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.is_int = self.dtype != np.float32
        self.qx = quant if self.is_int else None
        self.qy = (out or quant) if self.is_int else None
        self.x = self.input("x", shape, dtype, self.qx)
        self.count = 0

    def end(self, op, inputs, options=None, version=1, quant=None, dtype=None, n_out=1, shape=(1,), **fields):
        """An operator whose outputs are outputs of the model. Shapes are LiteRT's to find."""
        self.count += 1
        outs = [self.tensor(f"{op.lower()}_{self.count}" + (f"_{i}" if i else ""), shape,
                            dtype or self.dtype, (quant or self.qy) if self.is_int or quant else None)
                for i in range(n_out)]
        self.op(op, inputs, outs, options, version, **fields)
        self.output(*outs)
        return outs[0]

    def ints(self, *values, shape=None):
        data = np.array(values, np.int32)
        return self.const(f"ints_{len(self.graph.tensors)}", data.reshape(shape) if shape else data)

    def weights(self, shape, axis=None, zero=0):
        """Random weights of the model's type; `axis`: a scale for each index along it."""
        name = f"weights_{len(self.graph.tensors)}"
        if not self.is_int:
            return self.const(name, self.rng.standard_normal(shape).astype(np.float32)), None
        if self.dtype == np.uint8:
            data = self.rng.integers(0, 256, shape).astype(np.uint8)
            quant = Quant(0.011, zero or 117)
        else:
            data = self.rng.integers(-127, 128, shape).astype(np.int8)
            scales = 0.012 if axis is None else self.rng.uniform(0.001, 0.03, shape[axis])
            quant = Quant(scales, 0, axis or 0)
        return self.const(name, data, quant), quant

    def bias(self, count, quant):
        name = f"bias_{len(self.graph.tensors)}"
        if not self.is_int:
            return self.const(name, self.rng.standard_normal(count).astype(np.float32))
        scale = self.qx.scale[0] * quant.scale
        data = self.rng.integers(-3000, 3000, count).astype(np.int32)
        return self.const(name, data, Quant(scale, 0))

    def other(self, shape, quant=None, dtype=None):
        """A constant operand of the model's type."""
        return self.const(f"other_{len(self.graph.tensors)}", self.random(shape, dtype or self.dtype),
                          quant if self.is_int else None)

    def random(self, shape, dtype):
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return (self.rng.standard_normal(shape) * 2).astype(dtype)
        info = np.iinfo(dtype)
        lo, hi = (info.min, info.max + 1) if dtype.itemsize == 1 else (-1000, 1000)
        return self.rng.integers(lo, hi, shape).astype(dtype)

    def samples(self):
        """Random elements; in the second sample half of them are at the ends of the type."""
        made = [self.random(self.shape, self.dtype) for _ in range(SAMPLES)]
        if self.is_int and self.dtype.itemsize == 1:
            info = np.iinfo(self.dtype)
            ends = self.rng.choice([info.min, info.max], self.shape).astype(self.dtype)
            made[1] = np.where(self.rng.random(self.shape) < 0.5, ends, made[1])
        return made

    def write(self):
        model = self.bytes()
        given = self.samples()
        rows = [b"".join(y.tobytes() for y in answer(model, [x], self.resolver)) for x in given]
        (OUT / f"{self.name}.tflite").write_bytes(model)
        np.save(OUT / f"{self.name}_in.npy", np.stack([np.frombuffer(x.tobytes(), np.uint8) for x in given]))
        np.save(OUT / f"{self.name}_out.npy", np.stack([np.frombuffer(row, np.uint8) for row in rows]))
        print(f"{self.name}: {len(model)} bytes, {len(self.graph.outputs)} outputs of {len(rows[0])} bytes")


def each_type(shape, name):
    """The model of that name in float32, int8 and uint8, with input and output scales that differ."""
    yield Net(f"{name}_float32", np.float32, shape)
    yield Net(f"{name}_int8", np.int8, shape, Quant(0.031, -7), Quant(0.107, 11))
    yield Net(f"{name}_uint8", np.uint8, shape, Quant(0.029, 121), Quant(0.113, 93))


def convolutions():
    for net in each_type((1, 9, 7, 6), "conv"):
        axis = 0 if net.dtype == np.int8 else None
        for k, stride, padding, act, dilation, out in (((3, 3), 1, SAME, 0, 1, 5), ((3, 2), 2, SAME, RELU, 1, 4),
                                                       ((1, 1), 1, VALID, RELU6, 1, 9), ((2, 3), 1, VALID, RELU_N1, 2, 3)):
            for per in {axis, None}:
                w, q = net.weights((out, *k, 6), per)
                net.end("CONV_2D", [net.x, w, net.bias(out, q)], "Conv2DOptions", padding=padding, strideH=stride,
                        strideW=stride, fusedActivationFunction=act, dilationHFactor=dilation, dilationWFactor=dilation)
        w, q = net.weights((4, 3, 3, 6), axis)
        net.end("CONV_2D", [net.x, w, net.bias(4, q)], "Conv2DOptions", padding=SAME, strideH=1, strideW=2,
                dilationHFactor=1, dilationWFactor=1)
        axis = 3 if net.dtype == np.int8 else None
        for k, stride, padding, act, mult in (((3, 3), 1, SAME, RELU6, 1), ((3, 3), 2, SAME, 0, 1), ((2, 3), 1, VALID, RELU, 2)):
            for per in {axis, None}:
                w, q = net.weights((1, *k, 6 * mult), per)
                net.end("DEPTHWISE_CONV_2D", [net.x, w, net.bias(6 * mult, q)], "DepthwiseConv2DOptions", padding=padding,
                        strideH=stride, strideW=stride, depthMultiplier=mult, fusedActivationFunction=act,
                        dilationHFactor=1, dilationWFactor=1)
        yield net
    for net in each_type((2, 4, 5, 3), "transpose_conv"):
        axis = 0 if net.dtype == np.int8 else None
        for k, stride, padding, size in (((3, 3), 2, SAME, (8, 10)), ((3, 3), 2, SAME, (7, 9)), ((2, 3), 1, VALID, (5, 7)),
                                         ((2, 2), 3, VALID, (11, 14))):
            w, q = net.weights((4, *k, 3), axis)
            bias = [net.bias(4, q)] if stride == 2 else []
            net.end("TRANSPOSE_CONV", [net.ints(2, *size, 4), w, net.x] + bias, "TransposeConvOptions",
                    version=3 if bias else 2, padding=padding, strideH=stride, strideW=stride)
        yield net
    for net in each_type((3, 2, 5), "fully_connected"):
        for out, act, keep in ((7, 0, False), (4, RELU, False), (6, RELU6, True)):
            w, q = net.weights((out, 5 if keep else 10))
            net.end("FULLY_CONNECTED", [net.x, w, net.bias(out, q)], "FullyConnectedOptions", version=5 if keep else 4,
                    fusedActivationFunction=act, keepNumDims=keep)
        w, q = net.weights((3, 10))
        net.end("FULLY_CONNECTED", [net.x, w, -1], "FullyConnectedOptions", version=6)
        yield net


def pools():
    for net in each_type((2, 7, 6, 5), "pool"):
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            for k, stride, padding, act in (((3, 3), 2, SAME, 0), ((2, 3), 1, VALID, RELU), ((7, 6), 1, VALID, 0), ((3, 2), 2, SAME, RELU6)):
                net.end(op, [net.x], "Pool2DOptions", version=2, quant=net.qx, padding=padding, strideH=stride, strideW=stride,
                        filterHeight=k[0], filterWidth=k[1], fusedActivationFunction=act)
        yield net


def reductions():
    for net in each_type((2, 5, 7, 6), "reduce"):
        for axes, keep in (((1, 2), True), ((1, 2), False), ((3,), False), ((-1, 0), True)):
            net.end("MEAN", [net.x, net.ints(*axes)], "ReducerOptions", version=2, keepDims=keep)
        net.end("MEAN", [net.x, net.ints(2)], "ReducerOptions", version=2, quant=net.qx)
        for keep in (True, False):  # an axis named twice is one
            net.end("MEAN", [net.x, net.ints(1, -2, 2, 1, -3)], "ReducerOptions", version=2, keepDims=keep)
        if net.dtype != np.int8:
            net.end("SUM", [net.x, net.ints(3, 0, -1)], "ReducerOptions", version=2)
        net.end("REDUCE_MAX", [net.x, net.ints(1, 1)], "ReducerOptions", version=2, quant=net.qx)
        for op in ("REDUCE_MAX", "REDUCE_MIN"):
            net.end(op, [net.x, net.ints(1, 3)], "ReducerOptions", version=2, quant=net.qx, keepDims=True)
        for op, options in (("ARG_MAX", "ArgMaxOptions"), ("ARG_MIN", "ArgMinOptions")):
            net.end(op, [net.x, net.ints(3, shape=())], options, dtype=np.int64, outputType=4)
            net.end(op, [net.x, net.ints(1, shape=())], options, dtype=np.int32, outputType=2)
        yield net


def functions():
    for net in each_type((1, 257), "function"):
        unit = {np.dtype(np.int8): Quant(1 / 256, -128), np.dtype(np.uint8): Quant(1 / 256, 0)}.get(net.dtype)
        wide = {np.dtype(np.int8): Quant(1 / 128, 0), np.dtype(np.uint8): Quant(1 / 128, 128)}.get(net.dtype)
        net.end("LOGISTIC", [net.x], quant=unit)
        net.end("TANH", [net.x], quant=wide)
        for op in ("RELU", "RELU6", "RELU_N1_TO_1"):
            net.end(op, [net.x], version=2 if op[-1] != "1" else 1)
            net.end(op, [net.x], version=2 if op[-1] != "1" else 1, quant=net.qx)
        net.end("HARD_SWISH", [net.x])
        net.end("HARD_SWISH", [net.x], quant=Quant(0.019, 5) if net.is_int else None)
        for alpha in (0.2, -0.3, 1.7):
            net.end("LEAKY_RELU", [net.x], "LeakyReluOptions", version=2, alpha=alpha)
        alpha = Quant(0.01, 3 if net.dtype == np.int8 else 100)
        net.end("PRELU", [net.x, net.other((1, 257), alpha)])
        net.end("PRELU", [net.x, net.other((1, 1), alpha)])
        if not net.is_int:
            for op, options in (("ABS", "AbsOptions"), ("NEG", "NegOptions"), ("EXP", "ExpOptions")):
                net.end(op, [net.x], options)
        yield net
    # BUILTIN_REF has no ELU: LiteRT's plain resolver answers.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    net = Net("elu_float32", np.float32, (3, 257), resolver=plain)
    net.end("ELU", [net.x])
    yield net
    net = Net("elu_int8", np.int8, (3, 257), Quant(0.031, -7), Quant(0.017, 11), resolver=plain)
    net.end("ELU", [net.x])
    net.end("ELU", [net.x], quant=net.qx)
    yield net


def norms():
    for net in each_type((3, 4, 11), "norm"):
        unit = {np.dtype(np.int8): Quant(1 / 256, -128), np.dtype(np.uint8): Quant(1 / 256, 0)}.get(net.dtype)
        for beta in (1.0, 0.4):
            net.end("SOFTMAX", [net.x], "SoftmaxOptions", version=2 if net.is_int else 1, quant=unit, beta=beta)
        wide = {np.dtype(np.int8): Quant(1 / 128, 0), np.dtype(np.uint8): Quant(1 / 128, 128)}.get(net.dtype)
        net.end("L2_NORMALIZATION", [net.x], "L2NormOptions", version=2 if net.is_int else 1, quant=wide)
        yield net
    # Sums so large that quotients are rounded twice, sums of 0 and 1 (an element at the zero point, and beside it).
    for dtype, zero in ((np.int8, -128), (np.uint8, 255)):
        net = Net(f"l2_{np.dtype(dtype).name}", dtype, (2, 1201), Quant(0.05, zero))
        net.qy = Quant(1 / 128, 0 if dtype == np.int8 else 128)
        net.end("L2_NORMALIZATION", [net.x], "L2NormOptions", version=2)
        zeros = net.const("zeros", np.full((2, 5), zero, dtype), net.qx)
        near = np.full((3, 5), zero, dtype)
        near[0, 2] -= np.sign(zero).astype(dtype)
        near[1, :3] -= np.sign(zero).astype(dtype)
        for given in (zeros, net.const("near", near, net.qx)):
            net.end("L2_NORMALIZATION", [given], "L2NormOptions", version=2)
        yield net
    # BUILTIN_REF leaves the last channel of the window out, unlike TensorFlow and LiteRT's own kernel.
    net = Net("lrn_float32", np.float32, (1, 3, 4, 9), resolver=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    net.end("LOCAL_RESPONSE_NORMALIZATION", [net.x], "LocalResponseNormalizationOptions", radius=2, bias=1.5, alpha=0.3, beta=0.75)
    yield net


def binaries():
    for net in each_type((2, 3, 5, 4), "binary"):
        q = Quant(0.071, 23)
        row, all_, one = net.other((4,), q), net.other((2, 3, 5, 4), q), net.other((1, 3, 1, 1), Quant(0.002, 1))
        for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
            for second, act in ((all_, 0), (row, RELU), (one, RELU6), (net.x, RELU_N1)):
                net.end(op, [net.x, second], options, version=2, fusedActivationFunction=act)
            net.end(op, [row, net.x], options, version=2)
        same = net.other((2, 3, 5, 4), net.qx)
        for op in ("MAXIMUM", "MINIMUM"):
            net.end(op, [net.x, same], "MaximumMinimumOptions", version=2, quant=net.qx)
        if not net.is_int:
            net.end("DIV", [net.x, row], "DivOptions")
        yield net
    for dtype in (np.int32, np.int64):
        net = Net(f"binary_{np.dtype(dtype).name}", dtype, (2, 3, 4), Quant(1.0), None)
        net.qx = net.qy = None
        net.graph.tensors[0].quantization = None
        net.is_int = False
        for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
            if (op, dtype) != ("MUL", np.int64):
                net.end(op, [net.x, net.other((4,))], options, version=4 if dtype == np.int64 else 1)
        net.end("MAXIMUM", [net.x, net.other((3, 1))], "MaximumMinimumOptions")
        yield net


def types():
    net = Net("types_float32", np.float32, (4, 65))
    for dtype, quant in ((np.int8, Quant(0.02, -9)), (np.uint8, Quant(0.03, 130))):
        y = net.end("QUANTIZE", [net.x], version=2, dtype=dtype, quant=quant)
        net.end("DEQUANTIZE", [y], version=2)
    for dtype in (np.int32, np.int64, np.bool_):
        y = net.end("CAST", [net.x], dtype=dtype)
        net.end("CAST", [y])
    w = net.const("half", net.random((5, 65), np.float16))
    full = net.tensor("full", (5, 65), np.float32)
    net.op("DEQUANTIZE", [w], [full], version=3)
    net.end("FULLY_CONNECTED", [net.x, full, -1], "FullyConnectedOptions", version=6)
    yield net
    for dtype, quant in ((np.int8, Quant(0.04, -3)), (np.uint8, Quant(0.04, 125))):
        net = Net(f"types_{np.dtype(dtype).name}", dtype, (4, 65), quant)
        net.end("DEQUANTIZE", [net.x], version=2, dtype=np.float32)
        net.end("QUANTIZE", [net.x], version=2, quant=Quant(0.013, 7))
        net.end("QUANTIZE", [net.x], version=2, quant=Quant(0.21, 60))
        other, shifted = (np.uint8, 125) if dtype == np.int8 else (np.int8, -3)
        net.end("QUANTIZE", [net.x], version=2, dtype=other, quant=Quant(0.04, shifted))
        net.end("QUANTIZE", [net.x], version=2, dtype=other, quant=Quant(0.07, 0))
        yield net
    # Weights of float16, folded: what a converter makes with float16 quantisation.
    net = Net("half_weights", np.float32, (1, 6, 5, 3))
    for name, shape, out in (("w", (4, 3, 3, 3), 4), ("d", (1, 3, 3, 6), 6)):
        halves = [net.const(name + "_half", net.random(shape, np.float16)), net.const(name + "_bias_half", net.random((out,), np.float16))]
        full = [net.tensor(name + "_full", shape, np.float32), net.tensor(name + "_bias", (out,), np.float32)]
        for h, f in zip(halves, full):
            net.op("DEQUANTIZE", [h], [f], version=3)
        if name == "w":
            net.end("CONV_2D", [net.x] + full, "Conv2DOptions", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
        else:
            net.end("DEPTHWISE_CONV_2D", [net.x] + full, "DepthwiseConv2DOptions", padding=SAME, strideH=1, strideW=1,
                    depthMultiplier=2, dilationHFactor=1, dilationWFactor=1)
    yield net


def shapes():
    for net in each_type((2, 6, 4, 8), "shape"):
        q = net.qx
        net.end("RESHAPE", [net.x, net.ints(3, -1, 4)], "ReshapeOptions", quant=q, newShape=[3, -1, 4])
        net.end("TRANSPOSE", [net.x, net.ints(3, 0, 2, 1)], "TransposeOptions", quant=q, version=1 if not net.is_int else 2)
        net.end("EXPAND_DIMS", [net.x, net.ints(1)], "ExpandDimsOptions", quant=q)
        one = net.tensor("one", (2, 6, 1, 8), net.dtype, q)
        net.op("REDUCE_MAX", [net.x, net.ints(2)], [one], "ReducerOptions", 2, keepDims=True)
        net.end("SQUEEZE", [one], "SqueezeOptions", quant=q, squeezeDims=[2])
        if net.dtype != np.uint8:
            net.end("CONCATENATION", [net.x, net.other((2, 6, 4, 3), q), net.x], "ConcatenationOptions", quant=q, axis=-1)
        else:
            net.end("CONCATENATION", [net.x, net.other((2, 6, 4, 3), Quant(0.17, 30)), net.x], "ConcatenationOptions", axis=-1)
        net.end("PACK", [net.x, net.other((2, 6, 4, 8), q)], "PackOptions", quant=q, valuesCount=2, axis=2,
                version=2 if net.is_int else 1)
        net.end("UNPACK", [net.x], "UnpackOptions", quant=q, num=4, axis=2, n_out=4, version=2 if net.is_int else 1)
        net.end("SPACE_TO_DEPTH", [net.x], "SpaceToDepthOptions", quant=q, blockSize=2)
        net.end("DEPTH_TO_SPACE", [net.x], "DepthToSpaceOptions", quant=q, blockSize=2)
        net.end("SHAPE", [net.x], "ShapeOptions", dtype=np.int32, outType=2)
        yield net


def moves():
    for net in each_type((2, 6, 5, 4), "move"):
        q, v = net.qx, 2 if net.is_int else 1
        pads = net.ints(0, 0, 1, 2, 0, 3, 1, 0, shape=(4, 2))
        net.end("PAD", [net.x, pads], "PadOptions", quant=q, version=v)
        net.end("PADV2", [net.x, pads, net.other((1,), q)], "PadV2Options", quant=q, version=v)
        for mode in (0, 1):
            net.end("MIRROR_PAD", [net.x, net.ints(1, 0, 2, 3, 0, 2, 1, 1, shape=(4, 2))], "MirrorPadOptions", quant=q, version=v, mode=mode)
        net.end("SLICE", [net.x, net.ints(0, 1, 2, 0), net.ints(1, 3, -1, 2)], "SliceOptions", quant=q, version=v, shape=(1, 3, 3, 2))
        for begin, end, step, masks in (((0, 1, 0, 0), (2, 6, 5, 4), (1, 2, 1, 3), {}), ((0, -1, 4, 3), (2, 0, -9, -9), (1, -1, -2, -1), {}),
                                        ((1, 0, 0, 0), (2, 3, 0, 2), (1, 1, 1, 1), {"beginMask": 4, "endMask": 4, "shrinkAxisMask": 1})):
            net.end("STRIDED_SLICE", [net.x, net.ints(*begin), net.ints(*end), net.ints(*step)], "StridedSliceOptions", quant=q,
                    version=v, **masks)
        net.end("SPLIT", [net.ints(3, shape=()), net.x], "SplitOptions", quant=q, n_out=2, version=v, numSplits=2)
        net.end("SPLIT_V", [net.x, net.ints(1, -1, 2), net.ints(1, shape=())], "SplitVOptions", quant=q, n_out=3, version=v, numSplits=3)
        net.end("SPACE_TO_BATCH_ND", [net.x, net.ints(2, 3), net.ints(1, 1, 0, 1, shape=(2, 2))], "SpaceToBatchNDOptions", quant=q, version=v)
        net.end("BATCH_TO_SPACE_ND", [net.x, net.ints(2, 1), net.ints(1, 2, 0, 1, shape=(2, 2))], "BatchToSpaceNDOptions", quant=q, version=v)
        yield net


def resizes():
    for net in each_type((2, 5, 4, 3), "resize"):
        q, v = net.qx, 3
        for op, options in (("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
            for size in ((9, 7), (3, 2), (10, 8), (5, 1)):
                for corners, half in ((False, False), (True, False), (False, True)):
                    net.end(op, [net.x, net.ints(*size)], options, quant=q, version=v, alignCorners=corners, halfPixelCenters=half)
        yield net


def networks():
    """Two small whole networks, to be cut everywhere: blocks as in MobileNetV2 and V1."""
    for dtype, name in ((np.int8, "network_int8"), (np.uint8, "network_uint8")):
        zero = {np.int8: -128, np.uint8: 0}[dtype]
        net = Net(name, dtype, (1, 16, 16, 3), Quant(1 / 128, zero + 128), Quant(0.05, zero + 70))

        def conv(x, out, k, stride, act, quant, inputs, depthwise=False):
            given = net.graph.tensors[x].quantization.scale[0]
            w, q = net.weights((1, k, k, out) if depthwise else (out, k, k, inputs),
                               None if dtype == np.uint8 else 3 if depthwise else 0)
            y = net.tensor(f"layer_{len(net.graph.operators)}", [1], dtype, quant)
            fields = dict(padding=SAME, strideH=stride, strideW=stride, fusedActivationFunction=act, dilationHFactor=1, dilationWFactor=1)
            if depthwise:
                fields["depthMultiplier"] = 1
            b = net.const(f"bias_{len(net.graph.tensors)}", net.rng.integers(-500, 500, out).astype(np.int32),
                          Quant(given * q.scale, 0))
            net.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, w, b], [y],
                   "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", 3, **fields)
            return y

        six = Quant(6 / 255, zero)
        a = conv(net.x, 8, 3, 2, RELU6, six, 3)
        b = conv(a, 8, 3, 1, RELU6, six, 8, True)
        c = conv(b, 8, 1, 1, 0, net.qy, 8)
        d = conv(c, 8, 3, 1, 0, Quant(0.07, zero + 120), 8)
        e = net.tensor("sum", [1], dtype, Quant(0.09, zero + 100))
        net.op("ADD", [c, d], [e], "AddOptions", 2, fusedActivationFunction=0)
        f = net.tensor("mean", [1], dtype, Quant(0.06, zero + 110))
        net.op("MEAN", [e, net.ints(1, 2)], [f], "ReducerOptions", 2, keepDims=False)
        w, q = net.weights((10, 8))
        g = net.tensor("scores", [1], dtype, Quant(0.08, zero + 128))
        net.op("FULLY_CONNECTED", [f, w, -1], [g], "FullyConnectedOptions", 6)
        h = net.tensor("probability", [1, 10], dtype, Quant(1 / 256, zero))
        net.op("SOFTMAX", [g], [h], "SoftmaxOptions", 2, beta=1.0)
        net.output(h)
        yield net


def main():
    OUT.mkdir(exist_ok=True)
    for family in (convolutions, pools, reductions, functions, norms, binaries, types, shapes, moves, resizes, networks):
        for net in family():
            net.write()


if __name__ == "__main__":
    main()
