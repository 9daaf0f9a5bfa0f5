# SPDX-License-Identifier: Apache-2.0
"""A peer as a process of its own, driven by lines: engine.py NAME MODEL INPUT.npy THREADS. bench/engine.c says the protocol.

Each engine gets its input and output bound once, where its API can, so that a run measures the engine and not Python. What
an engine would do less exactly than in float32 is switched off; else it is as it comes.
"""
import importlib.metadata
import json
import os
import sys
import time

import numpy as np


class OnnxRuntime:
    package = "onnxruntime"

    def __init__(self):
        import onnxruntime

        self.ort = onnxruntime
        onnxruntime.set_default_logger_severity(3)

    def load(self, path, x, threads):
        options = self.ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = self.ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_cpu_input(self.session.get_inputs()[0].name, x)
        self.binding.bind_output(self.session.get_outputs()[0].name, "cpu")

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def answer(self):
        return self.binding.copy_outputs_to_cpu()[0]


class LiteRT:
    package = "ai-edge-litert"
    resolver = "AUTO"  # with XNNPACK

    def __init__(self):
        from ai_edge_litert import interpreter

        self.lite = interpreter

    def load(self, path, x, threads):
        self.interpreter = self.lite.Interpreter(
            model_path=path, num_threads=threads,
            experimental_op_resolver_type=getattr(self.lite.OpResolverType, self.resolver))
        self.interpreter.allocate_tensors()
        self.x, self.at = x, self.interpreter.get_input_details()[0]["index"]
        self.out = self.interpreter.get_output_details()[0]["index"]

    def run(self):
        self.interpreter.set_tensor(self.at, self.x)
        self.interpreter.invoke()
        self.y = self.interpreter.get_tensor(self.out)

    def answer(self):
        return self.y


class LiteRTReference(LiteRT):
    resolver = "BUILTIN_REF"  # TensorFlow Lite's definition of its integers


class OpenVINO:
    package = "openvino"

    def __init__(self):
        import openvino

        self.core = openvino.Core()
        self.Tensor = openvino.Tensor

    def load(self, path, x, threads):
        self.request = self.core.compile_model(path, "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}).create_infer_request()
        self.request.set_input_tensor(self.Tensor(x, shared_memory=True))

    def run(self):
        self.request.infer()

    def answer(self):
        return np.array(self.request.get_output_tensor().data)


class Ncnn:
    package = "ncnn"

    def __init__(self):
        import ncnn

        self.ncnn = ncnn

    def load(self, path, x, threads):
        self.net = self.ncnn.Net()
        option = self.net.opt
        option.num_threads = threads
        for name in dir(option):
            if name.startswith(("use_fp16", "use_bf16", "use_int8")):
                setattr(option, name, False)
        if self.net.load_param(path) or self.net.load_model(path.removesuffix(".param") + ".bin"):
            raise RuntimeError(f"ncnn cannot load {path}")
        self.x = self.ncnn.Mat(x[0])
        with open(path, encoding="ascii") as text:
            self.last = text.read().split("\n")[-2].split()[1]

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input("input", self.x)
        status, self.y = extractor.extract(self.last)
        if status:
            raise RuntimeError(f"ncnn answers {status}")

    def answer(self):
        return np.array(self.y)[None]


ENGINES = {"onnxruntime": OnnxRuntime, "litert": LiteRT, "litert-reference": LiteRTReference, "openvino": OpenVINO,
           "ncnn": Ncnn}


# What libraries print goes to the standard error, so that answers stay alone.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(what):
    answers.write(json.dumps(what) + "\n")
    answers.flush()


def obey(engine, path, x, threads, line):
    now = time.perf_counter_ns
    if line == "load":
        start = now()
        engine.load(path, x, threads)
        loaded = now()
        engine.run()
        return {"load_ns": loaded - start, "first_ns": now() - start}
    if line.startswith("run "):
        ns = []
        for _ in range(int(line[4:])):
            start = now()
            engine.run()
            ns.append(now() - start)
        return {"ns": ns}
    if line.startswith("answer "):
        np.save(line[7:], engine.answer())
        return {}
    raise ValueError(f"expected load, run N or answer FILE, found {line!r}")


def main():
    name, path, given, threads = sys.argv[1:]
    try:
        engine = ENGINES[name]()
        x = np.load(given)
        say({"engine": f"{engine.package} {importlib.metadata.version(engine.package)}"})
        for line in sys.stdin:
            say(obey(engine, path, x, int(threads), line.rstrip("\n")))
    except Exception as error:  # whatever an engine may say is a cell of the table
        say({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
