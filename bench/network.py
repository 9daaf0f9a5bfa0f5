# SPDX-License-Identifier: Apache-2.0
"""A network as data: nodes over [N,H,W,C] values, with weights that keep every value alive.

A Net is written down once (networks.py) and turned into files by to_onnx.py, to_tflite.py and to_ncnn.py. It is evaluated
with numpy while it is written: each convolution gets seeded normal weights, and is then scaled and shifted so that what it
gives for the calibration pictures has mean 0 in every channel and variance 1 over all of them. That is what a trained
batch norm does, folded; without it a deep network of random weights answers the same to every picture, with half of its
channels dead. Scales and shifts are rounded coarsely, so that another machine's numpy hardly ever gives other weights.
"""
import dataclasses
import zlib

import numpy as np

LEAK = 0.1  # slope of "leaky" below 0, as Darknet has it
CENTRE_FROM = 32  # a channel's mean says nothing where there are fewer positions
PICTURES = 2  # to calibrate with


@dataclasses.dataclass
class Node:
    kind: str
    name: str
    inputs: list  # names of nodes
    shape: tuple  # of the result: (H, W, C)
    act: str | None = None  # None, "relu", "relu6", "leaky"
    kernel: tuple = (1, 1)
    stride: int = 1
    pads: tuple = (0, 0, 0, 0)  # top, left, bottom, right
    groups: int = 1
    weights: np.ndarray | None = None  # [O, KH, KW, C / groups]; of "fc" too: its window is the whole picture
    bias: np.ndarray | None = None  # [O]
    low: float = 0.0  # the range of the result over the calibration pictures
    high: float = 0.0
    lrn: tuple = ()  # size, alpha, beta, bias, as ONNX has them


def activate(y, act):
    if act == "relu":
        return np.maximum(y, 0)
    if act == "relu6":
        return np.clip(y, 0, 6)
    if act == "leaky":
        return np.where(y < 0, np.float32(LEAK) * y, y)
    return y


def same_pads(shape, kernel, stride):
    """TensorFlow's SAME: ceil(size / stride) results, an odd pad at the bottom and right."""
    pads = []
    for size, k in zip(shape[:2], kernel):
        all_ = max((-(-size // stride) - 1) * stride + k - size, 0)
        pads.append((all_ // 2, all_ - all_ // 2))
    return pads[0][0], pads[1][0], pads[0][1], pads[1][1]


def out_size(shape, kernel, stride, pads):
    return tuple((shape[i] + pads[i] + pads[i + 2] - kernel[i]) // stride + 1 for i in (0, 1))


def windows(x, node, fill):
    """For each place of the kernel: its index, and what it sees of x, for all results."""
    top, left, bottom, right = node.pads
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    h, w = node.shape[:2]
    s = node.stride
    for i in range(node.kernel[0]):
        for j in range(node.kernel[1]):
            yield i, j, x[:, i : i + (h - 1) * s + 1 : s, j : j + (w - 1) * s + 1 : s]


def convolve(node, x):
    """Without bias and activation, in the type of x."""
    out = np.zeros((len(x), *node.shape), x.dtype)
    weights = node.weights.astype(x.dtype, copy=False)
    per, made = x.shape[-1] // node.groups, node.shape[-1] // node.groups
    for i, j, seen in windows(x, node, 0):
        w = weights[:, i, j]  # [O, C / groups]
        if per == 1 and made == 1:
            out += seen * w[:, 0]
            continue
        for g in range(node.groups):
            of = slice(g * made, (g + 1) * made)
            out[..., of] += seen[..., g * per : (g + 1) * per] @ w[of].T
    return out


def normalise(node, x):
    """Across channels; the square of x summed over `size` channels around each."""
    size, alpha, beta, bias = node.lrn
    squares = np.pad(x * x, ((0, 0), (0, 0), (0, 0), ((size - 1) // 2, size // 2)))
    total = sum(squares[..., i : i + x.shape[-1]] for i in range(size))
    return x / (bias + alpha / size * total) ** np.float32(beta)


def space_to_depth(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)


def evaluate(node, xs):
    """The definition of every kind."""
    if node.kind in ("conv", "fc"):
        return activate(convolve(node, xs[0]) + node.bias, node.act)
    if node.kind == "maxpool":
        return np.max([seen for _, _, seen in windows(xs[0], node, -np.inf)], axis=0)
    if node.kind == "mean":
        return xs[0].mean((1, 2), keepdims=True)
    if node.kind == "add":
        return activate(xs[0] + xs[1], node.act)
    if node.kind == "concat":
        return np.concatenate(xs, -1)
    if node.kind == "lrn":
        return normalise(node, xs[0])
    if node.kind == "space_to_depth":
        return space_to_depth(xs[0])
    raise ValueError(f"no such kind of node: {node.kind}")


class Net:
    """Nodes in the order in which they run; the last one's result is the network's."""

    def __init__(self, name, shape):
        self.name, self.shape = name, shape
        self.seed = zlib.crc32(name.encode())
        self.rng = np.random.default_rng(self.seed)
        self.nodes, self.values = {}, {}
        self.input = self._add(Node("input", "input", [], shape), self.pictures(PICTURES))

    def pictures(self, count, seed=1):
        """[count, H, W, C] seeded normal numbers."""
        return np.random.default_rng([self.seed, seed]).standard_normal((count, *self.shape)).astype(np.float32)

    def answer(self, x):
        """What the network gives for [N, H, W, C], in float64: the truth that every engine's rounding is measured by."""
        values = {"input": x.astype(np.float64)}
        for node in self.layers():
            values[node.name] = evaluate(node, [values[i] for i in node.inputs])
        return values[self.last.name]

    def layers(self):
        return list(self.nodes.values())[1:]

    @property
    def last(self):
        return list(self.nodes.values())[-1]

    # ---- writing it down: each call takes and gives names of nodes

    def conv(self, x, out, kernel, stride=1, act="relu", groups=1, pads="same"):
        """`kernel`  one number.   `pads`  "same", or one number for each side."""
        h, w, c = self.nodes[x].shape
        kernel = (kernel, kernel)
        pads = same_pads((h, w), kernel, stride) if pads == "same" else (pads,) * 4
        shape = (*out_size((h, w), kernel, stride, pads), out)
        return self._weigh(Node("conv", self._name("conv"), [x], shape, act, kernel, stride, pads, groups), c // groups)

    def depthwise(self, x, kernel, stride=1, act="relu6"):
        c = self.nodes[x].shape[2]
        return self.conv(x, c, kernel, stride, act, groups=c)

    def fc(self, x, out, act=None):
        h, w, c = self.nodes[x].shape
        return self._weigh(Node("fc", self._name("fc"), [x], (1, 1, out), act, (h, w)), c)

    def maxpool(self, x, kernel, stride, pads="same"):
        h, w, c = self.nodes[x].shape
        kernel = (kernel, kernel)
        pads = same_pads((h, w), kernel, stride) if pads == "same" else (pads,) * 4
        shape = (*out_size((h, w), kernel, stride, pads), c)
        return self._add(Node("maxpool", self._name("pool"), [x], shape, None, kernel, stride, pads))

    def mean(self, x):
        return self._add(Node("mean", self._name("mean"), [x], (1, 1, self.nodes[x].shape[2])))

    def add(self, x, y, act=None):
        return self._add(Node("add", self._name("add"), [x, y], self.nodes[x].shape, act))

    def concat(self, *xs):
        h, w, _ = self.nodes[xs[0]].shape
        return self._add(Node("concat", self._name("concat"), list(xs), (h, w, sum(self.nodes[x].shape[2] for x in xs))))

    def lrn(self, x, size=5, alpha=1e-4, beta=0.75, bias=1.0):
        return self._add(Node("lrn", self._name("norm"), [x], self.nodes[x].shape, lrn=(size, alpha, beta, bias)))

    def space_to_depth(self, x):
        h, w, c = self.nodes[x].shape
        return self._add(Node("space_to_depth", self._name("reorg"), [x], (h // 2, w // 2, 4 * c)))

    def _name(self, kind):
        return f"{kind}{sum(n.name.rstrip('0123456789') == kind for n in self.nodes.values()) + 1}"

    def _add(self, node, value=None):
        if value is None:
            value = evaluate(node, [self.values[i] for i in node.inputs])
        assert value.shape[1:] == node.shape, (node.name, value.shape, node.shape)
        node.low, node.high = float(value.min()), float(value.max())
        self.nodes[node.name], self.values[node.name] = node, value
        return node.name

    def _weigh(self, node, c):
        """Seeded weights, scaled and shifted by what comes out."""
        out = node.shape[2]
        w = self.rng.standard_normal((out, *node.kernel, c), np.float32)
        node.weights = w * np.float32(1 / np.sqrt(w[0].size))
        y = convolve(node, self.values[node.inputs[0]])
        mean = np.zeros(out)
        if y[..., 0].size >= CENTRE_FROM:
            mean = y.mean((0, 1, 2), dtype=np.float64)
        scale = float(f"{1 / np.std(y - mean):.2g}")
        shift = np.round(-mean * scale * 64) / 64
        node.weights *= np.float32(scale)
        node.bias = (shift + 0.1 * self.rng.standard_normal(out)).astype(np.float32)
        return self._add(node, activate(y * np.float32(scale) + node.bias, node.act))
