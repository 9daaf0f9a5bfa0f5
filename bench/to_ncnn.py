# SPDX-License-Identifier: Apache-2.0
"""A Net for ncnn: NAME.param, a text of layers, and NAME.bin, their weights as float32.

Activation functions are part of the convolutions, as ncnn's own optimiser would have it. A value that several layers read
goes through a layer Split first: ncnn wants one reader each.
"""
import collections

import numpy as np

from network import LEAK

MAGIC = 7767517
FLOAT32 = b"\0\0\0\0"  # before weights that may be stored in other types
ACTS = {None: "", "relu": " 9=1", "leaky": f" 9=2 -23310=1,{LEAK}", "relu6": " 9=3 -23310=2,0.0,6.0"}


class Writer:
    def __init__(self, net):
        self.net, self.lines, self.data, self.blobs = net, [], [], 0
        self.readers = collections.Counter(x for node in net.layers() for x in node.inputs)
        self.taken = collections.Counter()
        h, w, c = net.shape
        self.layer("Input", "input", [], "input", f"0={w} 1={h} 2={c}")
        for node in net.layers():
            getattr(self, node.kind)(node, [self.read(x) for x in node.inputs])

    def layer(self, kind, name, inputs, out, params):
        self.line(kind, name, inputs, [out], params)
        if self.readers[out] > 1:
            self.line("Split", out + "_split", [out], [f"{out}_{i}" for i in range(self.readers[out])], "")

    def line(self, kind, name, inputs, outs, params):
        self.blobs += len(outs)
        self.lines.append(" ".join([kind, name, str(len(inputs)), str(len(outs)), *inputs, *outs, params]).rstrip())

    def read(self, x):
        if self.readers[x] == 1:
            return x
        self.taken[x] += 1
        return f"{x}_{self.taken[x] - 1}"

    def weights(self, node):
        w = np.ascontiguousarray(node.weights.transpose(0, 3, 1, 2), np.float32)
        self.data += [FLOAT32, w.tobytes(), node.bias.astype(np.float32).tobytes()]
        return w.size

    def conv(self, node, xs):
        (kh, kw), (top, left, bottom, right) = node.kernel, node.pads
        group = f" 7={node.groups}" if node.groups > 1 else ""
        self.layer("ConvolutionDepthWise" if node.groups > 1 else "Convolution", node.name, xs, node.name,
                   f"0={node.shape[2]} 1={kw} 11={kh} 3={node.stride} 4={left} 14={top} 15={right} 16={bottom} 5=1"
                   f" 6={self.weights(node)}{group}{ACTS[node.act]}")

    def fc(self, node, xs):
        self.layer("InnerProduct", node.name, xs, node.name, f"0={node.shape[2]} 1=1 2={self.weights(node)}{ACTS[node.act]}")

    def maxpool(self, node, xs):
        (kh, kw), (top, left, bottom, right) = node.kernel, node.pads
        self.layer("Pooling", node.name, xs, node.name,
                   f"0=0 1={kw} 11={kh} 2={node.stride} 3={left} 13={top} 14={right} 15={bottom} 5=1")

    def mean(self, node, xs):
        self.layer("Pooling", node.name, xs, node.name, "0=1 4=1")

    def add(self, node, xs):
        if node.act is None:
            self.layer("BinaryOp", node.name, xs, node.name, "0=0")
            return
        assert node.act == "relu", node.act
        self.line("BinaryOp", node.name + "_sum", xs, [node.name + "_sum"], "0=0")
        self.layer("ReLU", node.name, [node.name + "_sum"], node.name, "")

    def concat(self, node, xs):
        self.layer("Concat", node.name, xs, node.name, "0=0")

    def lrn(self, node, xs):
        size, alpha, beta, bias = node.lrn
        self.layer("LRN", node.name, xs, node.name, f"0=0 1={size} 2={alpha} 3={beta} 4={bias}")

    def space_to_depth(self, node, xs):
        self.layer("Reorg", node.name, xs, node.name, "0=2 1=1")


def write(net, quant, path):
    """`path`  NAME.param; NAME.bin goes beside it."""
    if quant:
        raise ValueError("the quantised networks have no form for ncnn here")
    made = Writer(net)
    path.with_suffix(".bin").write_bytes(b"".join(made.data))
    path.write_text("\n".join([str(MAGIC), f"{len(made.lines)} {made.blobs}", *made.lines, ""]))
