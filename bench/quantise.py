# SPDX-License-Identifier: Apache-2.0
"""The 8-bit form of a Net, by TensorFlow Lite's rules: real = scale * (integer - zero).

Activations: int8 with the range seen over the calibration pictures. Weights: symmetric int8, a scale for each output channel
of convolutions, one for fully connected layers. Biases: int32 at the product of both scales.
"""
import numpy as np

MOVERS = ("maxpool",)  # what they give has their input's scale and zero


class Quantised:
    """values: name -> (scale, zero); weights: name -> (int8 [O, KH, KW, C], scales [O] or [1], int32 bias [O])."""

    def __init__(self, net):
        self.values, self.weights = {}, {}
        for node in net.nodes.values():
            moved = node.kind in MOVERS
            self.values[node.name] = self.values[node.inputs[0]] if moved else activation(node.low, node.high)
            if node.weights is not None:
                self.weights[node.name] = self.weigh(node)

    def weigh(self, node):
        axes = None if node.kind == "fc" else (1, 2, 3)
        scales = np.atleast_1d(np.abs(node.weights).max(axes) / 127).astype(np.float32)
        w = np.rint(node.weights / scales.reshape(-1, 1, 1, 1)).astype(np.int8)
        unit = scales.astype(np.float64) * self.values[node.inputs[0]][0]
        return w, scales, np.rint(node.bias / unit).astype(np.int32)

    def to_int8(self, name, x):
        scale, zero = self.values[name]
        return np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)


def activation(low, high):
    """The scale and zero that spread [low, high], 0 included, over all of int8."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255)
    return scale, int(np.rint(-128 - low / scale))
