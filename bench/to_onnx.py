# SPDX-License-Identifier: Apache-2.0
"""A Net as ONNX, [N,C,H,W]: float32, or with QuantizeLinear and DequantizeLinear around every operator.

Quantised activations are uint8, 128 more than the int8 of quantise.py: the same network, in the form for which ONNX Runtime
and OpenVINO have their fastest kernels on x86. An activation function between operator and QuantizeLinear is left out, since
the saturation to a range that begins at 0 (and for ReLU6 ends at 6 at most) is that function.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
ACTS = {"relu": ("Relu", {}), "leaky": ("LeakyRelu", {"alpha": 0.1})}


class Writer:
    def __init__(self, net, quant):
        self.net, self.quant = net, quant
        self.nodes, self.consts = [], []

    def const(self, name, data):
        self.consts.append(numpy_helper.from_array(np.asarray(data, order="C"), name))
        return name

    def op(self, kind, inputs, out, **attrs):
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attrs))
        return out

    def model(self):
        net, last = self.net, self.net.last
        h, w, c = net.shape
        dtype = TensorProto.UINT8 if self.quant else TensorProto.FLOAT
        if self.quant:
            self.dequantise("input", "input")
        for node in net.layers():
            self.node(node)
        flat = last.kind == "fc"
        shape = (1, last.shape[2]) if flat else (1, last.shape[2], *last.shape[:2])
        graph = helper.make_graph(
            self.nodes, net.name, [helper.make_tensor_value_info("input", dtype, (1, c, h, w))],
            [helper.make_tensor_value_info(self.stored(last.name), dtype, shape)], self.consts)
        made = helper.make_model(graph, producer_name="offcut bench", opset_imports=[helper.make_opsetid("", OPSET)])
        made.ir_version = 8
        onnx.checker.check_model(made)
        return made.SerializeToString()

    # ---- quantising

    def stored(self, name):
        return name + "_q" if self.quant and name != "input" else name

    def read(self, name):
        """The float value that an operator takes."""
        return name + "_f" if self.quant else name

    def scale_and_zero(self, name):
        scale, zero = self.quant.values[name]
        return [self.const(name + "_scale", np.float32(scale)), self.const(name + "_zero", np.uint8(zero + 128))]

    def dequantise(self, name, stored, params=None):
        self.op("DequantizeLinear", [stored, *(params or self.scale_and_zero(name))], self.read(name))

    def requantise(self, name):
        params = self.scale_and_zero(name)
        self.op("QuantizeLinear", [name, *params], self.stored(name))
        self.dequantise(name, self.stored(name), params)

    def weights(self, node, weights):
        """Its weights and bias in the shape of `weights`, a function of [O,KH,KW,C]."""
        if not self.quant:
            return [self.const(node.name + "_w", weights(node.weights)), self.const(node.name + "_b", node.bias)]
        w, scales, bias = self.quant.weights[node.name]
        unit = scales * self.quant.values[node.inputs[0]][0]
        per_channel = len(scales) > 1
        made = []
        for suffix, data, scale in (("_w", weights(w), scales), ("_b", bias, unit.astype(np.float32))):
            name = node.name + suffix
            scale = scale if per_channel else scale[0]
            given = [self.const(name + "_q", data), self.const(name + "_scale", scale),
                     self.const(name + "_zero", np.zeros(np.shape(scale), data.dtype))]
            made.append(self.op("DequantizeLinear", given, name, **({"axis": 0} if per_channel else {})))
        return made

    # ---- operators

    def node(self, node):
        xs = [self.read(x) for x in node.inputs]
        act = ACTS.get(node.act) if not self.quant else None
        clip = node.act == "relu6" and not self.quant
        out = node.name + "_raw" if act or clip else node.name
        getattr(self, node.kind)(node, xs, out)
        if clip:
            bounds = [self.const(f"{node.name}_{at}", np.float32(at)) for at in (0, 6)]
            self.op("Clip", [out, *bounds], node.name)
        elif act:
            self.op(act[0], [out], node.name, **act[1])
        if self.quant:
            self.requantise(node.name)

    def conv(self, node, xs, out):
        self.op("Conv", xs + self.weights(node, lambda w: w.transpose(0, 3, 1, 2)), out, kernel_shape=node.kernel,
                strides=(node.stride,) * 2, pads=node.pads, group=node.groups)

    def fc(self, node, xs, out):
        flat = self.op("Flatten", xs, node.name + "_flat", axis=1)
        if self.quant:  # a mover between DequantizeLinear and QuantizeLinear, as converters write it
            params = [node.inputs[0] + "_scale", node.inputs[0] + "_zero"]
            flat_q = self.op("QuantizeLinear", [flat, *params], flat + "_q")
            flat = self.op("DequantizeLinear", [flat_q, *params], flat + "_f")
        self.op("Gemm", [flat] + self.weights(node, lambda w: w.transpose(0, 3, 1, 2).reshape(len(w), -1)), out, transB=1)

    def maxpool(self, node, xs, out):
        self.op("MaxPool", xs, out, kernel_shape=node.kernel, strides=(node.stride,) * 2, pads=node.pads)

    def mean(self, node, xs, out):
        self.op("GlobalAveragePool", xs, out)

    def add(self, node, xs, out):
        self.op("Add", xs, out)

    def concat(self, node, xs, out):
        self.op("Concat", xs, out, axis=1)

    def lrn(self, node, xs, out):
        size, alpha, beta, bias = node.lrn
        self.op("LRN", xs, out, size=size, alpha=alpha, beta=beta, bias=bias)

    def space_to_depth(self, node, xs, out):
        self.op("SpaceToDepth", xs, out, blocksize=2)


def write(net, quant, path):
    path.write_bytes(Writer(net, quant).model())
