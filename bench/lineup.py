# SPDX-License-Identifier: Apache-2.0
"""Who runs what: the engines, the file that each takes of a model, and their processes."""
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from networks import NETWORKS
from process import EngineError, Process

HERE = Path(__file__).resolve().parent
PEERS = ("onnxruntime", "litert", "openvino", "ncnn")
FLOAT_SUFFIX = {"offcut": ".onnx", "onnxruntime": ".onnx", "litert": ".tflite", "openvino": ".onnx", "ncnn": ".param"}
INT8_SUFFIX = {"offcut": ".tflite", "onnxruntime": ".onnx", "litert": ".tflite", "openvino": ".onnx",
               "litert-reference": ".tflite"}
WRITERS = ("to_ncnn.py", "to_onnx.py", "to_tflite.py", "models.py", "network.py", "networks.py", "quantise.py")


def is_int8(model):
    return NETWORKS[model][2]


def suffixes(model):
    return INT8_SUFFIX if is_int8(model) else FLOAT_SUFFIX


def flat(y, path):
    """The output of the model at `path`, channels last; 8-bit elements as those of int8."""
    if y.ndim == 4 and path.suffix != ".tflite":
        y = np.moveaxis(y, 1, -1)
    return y.ravel().astype(np.float64) - (128 if y.dtype == np.uint8 else 0)


class Lineup:
    """`versions` fills with what each engine calls itself."""

    def __init__(self, folder, program):
        """`folder`  where models, kernels and logs are kept.   `program`  bench_engine."""
        self.folder, self.models, self.program = folder, folder / "models", program
        self.models.mkdir(parents=True, exist_ok=True)
        self.errors = open(folder / "engines.log", "wb")
        self.versions = {}

    def close(self):
        self.errors.close()

    # ---- models

    def file(self, model, engine):
        suffix = suffixes(model).get(engine)
        if not suffix:
            raise EngineError("no quantised form is made for it")
        return self.models / (model + suffix)

    def files(self, model):
        """Those that engines load, and all that belong to them."""
        paths = [self.models / (model + s) for s in sorted(set(suffixes(model).values()))]
        beside = [p.with_suffix(".bin") for p in paths if p.suffix == ".param"]
        samples = [Path(f"{p}.{of}.npy") for p in paths for of in (("in",) if is_int8(model) else ("in", "out"))]
        return paths, paths + beside + samples

    def make(self, model):
        """All its files, unless they are there and made by these very scripts."""
        stamp = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in WRITERS)).hexdigest()
        stamped = self.models / (model + ".stamp")
        paths, needed = self.files(model)
        if all(map(os.path.exists, needed)) and stamped.exists() and stamped.read_text() == stamp:
            return
        words = [w for path in paths for w in ("-o", path)]
        subprocess.run([sys.executable, HERE / "models.py", model, "--sample", *words], check=True)
        stamped.write_text(stamp)

    def warm(self, model):
        """Its files into the page cache."""
        for path in self.files(model)[1]:
            path.read_bytes()

    # ---- processes

    def start(self, engine, model, threads, cache="cache"):
        """A process that has greeted, on as many cores as threads."""
        path = self.file(model, engine)
        environment = {}
        if engine == "offcut":
            words = [self.program, path, f"{path}.in.npy", threads, "", self.folder / cache / "offcut"]
            (self.folder / cache).mkdir(exist_ok=True)
            environment = {"POCL_CACHE_DIR": str(self.folder / cache), "POCL_MAX_PTHREAD_COUNT": str(threads)}
        else:
            words = [sys.executable, HERE / "engine.py", engine, path, f"{path}.in.npy", threads]
        process = Process(words, sorted(os.sched_getaffinity(0))[:threads], environment, self.errors)
        try:
            self.versions[engine] = process.answer()["engine"]
        except BaseException:
            process.end()
            raise
        return process

    def answer(self, process, path):
        """What the model at `path` gave in the last run."""
        kept = self.models / "answer.npy"
        process.ask(f"answer {kept}")
        y = np.load(kept)
        kept.unlink()
        return flat(y, path)

    def reference(self, model, threads):
        """The right answer: that of numpy in float64, or of LiteRT's reference kernels, which define the integers."""
        path = self.file(model, "litert")
        if not is_int8(model):
            return flat(np.load(f"{path}.out.npy"), path)
        process = self.start("litert-reference", model, threads)
        try:
            process.ask("load")
            return self.answer(process, path)
        finally:
            process.end()
