# SPDX-License-Identifier: Apache-2.0
"""A Net as TensorFlow Lite, [N,H,W,C]: float32 or fully int8."""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "models"))
from tflite_build import AlignedBuffer, Model, Quant  # noqa: E402

from network import LEAK, same_pads  # noqa: E402

ACTS = {None: 0, "relu": 1, "relu6": 3, "leaky": 0}  # ActivationFunctionType; "leaky" is an operator of its own
SAME, VALID = 0, 1


class Writer(Model):
    Buffer = AlignedBuffer

    def __init__(self, net, quant):
        super().__init__()
        self.net, self.quant = net, quant
        self.dtype = np.int8 if quant else np.float32
        self.at = {"input": self.input("input", (1, *net.shape), self.dtype, self.params("input"))}
        for node in net.layers():
            out = self.value(node.name, node.shape)
            getattr(self, node.kind)(node, [self.at[x] for x in node.inputs], out)
        self.output(self.at[net.last.name])

    def params(self, name):
        return Quant(*self.quant.values[name]) if self.quant else None

    def value(self, name, shape):
        self.at[name] = self.tensor(name, (1, *shape), self.dtype, self.params(name))
        return self.at[name]

    def weights(self, node, depthwise):
        w, bias, axis = node.weights, node.bias, 3 if depthwise else 0
        quants = [None, None]
        if self.quant:
            w, scales, bias = self.quant.weights[node.name]
            unit = scales * self.quant.values[node.inputs[0]][0]
            quants = [Quant(scales, 0, axis), Quant(unit, 0)]
        if depthwise:
            w = w.transpose(3, 1, 2, 0)
        elif node.kind == "fc":
            w = w.reshape(len(w), -1)
        return [self.const(node.name + "_w", w, quants[0]), self.const(node.name + "_b", bias, quants[1])]

    def padding(self, node, x):
        if node.pads == same_pads(self.net.nodes[x].shape, node.kernel, node.stride):
            return SAME
        assert node.pads == (0, 0, 0, 0), (node.name, "TensorFlow Lite has no such padding", node.pads)
        return VALID

    def conv(self, node, xs, out):
        depthwise = node.groups == node.shape[2] and node.groups > 1
        raw = out
        if node.act == "leaky":
            raw = self.tensor(node.name + "_raw", (1, *node.shape), self.dtype)
        fields = {"padding": self.padding(node, node.inputs[0]), "strideH": node.stride, "strideW": node.stride,
                  "dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": ACTS[node.act]}
        if depthwise:
            fields["depthMultiplier"] = 1
        self.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", xs + self.weights(node, depthwise), [raw],
                "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", 3 if self.quant else 1, **fields)
        if node.act == "leaky":
            self.op("LEAKY_RELU", [raw], [out], "LeakyReluOptions", alpha=LEAK)

    def fc(self, node, xs, out):
        self.graph.tensors[out].shape = [1, node.shape[2]]
        self.op("FULLY_CONNECTED", xs + self.weights(node, False), [out], "FullyConnectedOptions", 4 if self.quant else 1,
                fusedActivationFunction=ACTS[node.act])

    def maxpool(self, node, xs, out):
        self.op("MAX_POOL_2D", xs, [out], "Pool2DOptions", 2 if self.quant else 1, padding=self.padding(node, node.inputs[0]),
                strideH=node.stride, strideW=node.stride, filterHeight=node.kernel[0], filterWidth=node.kernel[1],
                fusedActivationFunction=0)

    def mean(self, node, xs, out):
        axes = self.const(node.name + "_axes", np.array([1, 2], np.int32))
        self.op("MEAN", xs + [axes], [out], "ReducerOptions", 2 if self.quant else 1, keepDims=True)

    def add(self, node, xs, out):
        self.op("ADD", xs, [out], "AddOptions", 2 if self.quant else 1, fusedActivationFunction=ACTS[node.act])

    def concat(self, node, xs, out):
        self.op("CONCATENATION", xs, [out], "ConcatenationOptions", axis=3, fusedActivationFunction=0)

    def lrn(self, node, xs, out):
        size, alpha, beta, bias = node.lrn  # TensorFlow's alpha is that of one channel
        self.op("LOCAL_RESPONSE_NORMALIZATION", xs, [out], "LocalResponseNormalizationOptions", radius=(size - 1) // 2,
                alpha=alpha / size, beta=beta, bias=bias)

    def space_to_depth(self, node, xs, out):
        self.op("SPACE_TO_DEPTH", xs, [out], "SpaceToDepthOptions", blockSize=2)


def write(net, quant, path):
    path.write_bytes(Writer(net, quant).bytes())
