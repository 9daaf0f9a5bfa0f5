# SPDX-License-Identifier: Apache-2.0
"""The class that ONNX Runtime gives each picture of MNIST's test set by mnist_8: writes mnist_8_classes.txt.

    python tests/models/mnist_classes.py      # --assets DIR, or $OFFCUT_ASSETS, or ../shared/assets

A picture's pixels go in as they are stored, as float32 of 0 to 255.
"""
import argparse
import gzip
import os

import numpy as np
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))
A_LINE = 100


def read(assets, name, head):
    with gzip.open(os.path.join(assets, "data", "mnist", name)) as file:
        return np.frombuffer(file.read()[head:], np.uint8)


parser = argparse.ArgumentParser()
parser.add_argument("--assets", default=os.environ.get(
    "OFFCUT_ASSETS", os.path.join(HERE, "..", "..", "..", "shared", "assets")))
assets = parser.parse_args().assets
pictures = read(assets, "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 1, 28, 28).astype(np.float32)
labels = read(assets, "t10k-labels-idx1-ubyte.gz", 8)
session = ort.InferenceSession(os.path.join(assets, "onnx", "mnist_8", "model.onnx"),
                               providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
classes = np.array([session.run(None, {name: picture})[0].argmax() for picture in pictures])
with open(os.path.join(HERE, "mnist_8_classes.txt"), "w", encoding="ascii") as out:
    for line in classes.reshape(-1, A_LINE):
        out.write("".join(map(str, line)) + "\n")
print(f"{int((classes == labels).sum())} of {len(labels)} as labelled")
