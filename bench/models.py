#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes well-known networks with seeded weights, float32 or int8, as ONNX, TensorFlow Lite or for ncnn.

    bench/models.py --list
    bench/models.py resnet50 -o resnet50.onnx       .onnx, .tflite or .param (and .bin) says the format; -o several times
    bench/models.py resnet50 -o resnet50.onnx --sample
                                                    and resnet50.onnx.in.npy, .out.npy: a picture and the answer

Needs numpy and, for its format, onnx or ai-edge-litert with flatbuffers: bench/requirements.txt has the versions. The answer
is numpy's, computed in float64; of a quantised network there is none.
"""
import argparse
import importlib
import pathlib
import sys

import numpy as np

from networks import NETWORKS
from quantise import Quantised

FORMATS = {".onnx": "to_onnx", ".tflite": "to_tflite", ".param": "to_ncnn"}
SAMPLE_SEED = 2


def layout(x, suffix):
    """[N,H,W,C] as files of that format have it."""
    return x if suffix == ".tflite" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def write(net, quant, path):
    importlib.import_module(FORMATS[path.suffix]).write(net, quant, path)


def write_samples(net, quant, paths):
    """For each file a picture as it takes it; of a float network the answer too."""
    x = net.pictures(1, SAMPLE_SEED)
    y = None if quant else net.answer(x).astype(np.float32)
    for path in paths:
        given = quant.to_int8("input", x) if quant else x
        if quant and path.suffix == ".onnx":
            given = (given.astype(np.int16) + 128).astype(np.uint8)
        np.save(f"{path}.in.npy", layout(given, path.suffix))
        if y is not None:
            np.save(f"{path}.out.npy", y.reshape(1, -1) if net.last.kind == "fc" else layout(y, path.suffix))


def make(name, paths, is_sampled):
    build, _, is_quantised = NETWORKS[name]
    net = build()
    quant = Quantised(net) if is_quantised else None
    for path in paths:
        write(net, quant, path)
    if is_sampled:
        write_samples(net, quant, paths)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=NETWORKS, metavar="NETWORK")
    parser.add_argument("-o", dest="paths", type=pathlib.Path, metavar="FILE", action="append", default=[])
    parser.add_argument("--sample", action="store_true", help="write FILE.in.npy and FILE.out.npy")
    parser.add_argument("--list", action="store_true", help="show the networks")
    args = parser.parse_args()
    if args.list:
        for name, (_, title, _) in NETWORKS.items():
            print(f"{name:18} {title}")
        return 0
    if not args.name or not args.paths or any(path.suffix not in FORMATS for path in args.paths):
        parser.error(f"a network and -o FILE are needed, with one of the suffixes {', '.join(FORMATS)}")
    try:
        make(args.name, args.paths, args.sample)
    except (OSError, ImportError, ValueError) as error:
        print(f"models.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
