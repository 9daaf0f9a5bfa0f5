# SPDX-License-Identifier: Apache-2.0
"""Both halves of `offcut split` by ONNX Runtime and by offcut itself, against `offcut run` of the whole.

    split_check.py OFFCUT MODEL [--cuts N]

At up to N cuts, evenly spread: the halves pass ONNX's checker, and ONNX Runtime and offcut, which run the head and
then the tail on what the head gave, agree: floats to 1e-5 of the largest output, integers exactly.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

TOLERANCE = 1e-5
NAME_MAX = 200  # of a value whose name becomes part of a file's
DTYPES = {"float32": np.float32, "float16": np.float16, "int8": np.int8, "uint8": np.uint8,
          "int32": np.int32, "int64": np.int64, "bool": np.bool_}


def offcut(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def random_input(desc, rng):
    dtype = DTYPES[desc["dtype"]]
    shape = [int(d) for d in desc["shape"]]
    if np.issubdtype(dtype, np.floating):
        return rng.uniform(-1, 1, shape).astype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -1000), min(info.max, 1000) + 1, shape).astype(dtype)


def run_ort(path, given):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {i.name: given[i.name] for i in session.get_inputs()})))


def run_offcut(program, path, given, work):
    shown = json.loads(offcut(program, "inspect", path, "--json"))["model"]
    inputs, outputs = shown["inputs"], [o["name"] for o in shown["outputs"]]
    words = []
    for i, desc in enumerate(inputs):
        name = desc["name"]
        file = os.path.join(work, f"in{i}.npy")
        np.save(file, given[name])
        words += ["--input", file if len(inputs) == 1 else f"{name}={file}"]
    offcut(program, "run", path, *words, "-o", os.path.join(work, "out.npy"))
    if len(outputs) == 1:
        return {outputs[0]: np.load(os.path.join(work, "out.npy"))}
    return {name: np.load(os.path.join(work, f"out-{name.replace('/', '_')}.npy")) for name in outputs}


def compare(name, found, expected):
    """The difference in parts of the largest; integers differ by nothing or everything."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        raise RuntimeError(f"{name}: {found.dtype} {found.shape} instead of {expected.dtype} {expected.shape}")
    if not np.issubdtype(expected.dtype, np.floating):
        return 0.0 if np.array_equal(found, expected) else np.inf
    if expected.size == 0:
        return 0.0
    largest = float(np.abs(expected).max()) or 1.0
    return float(np.abs(found.astype(np.float64) - expected).max()) / largest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("offcut")
    parser.add_argument("model")
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    shown = json.loads(offcut(args.offcut, "inspect", args.model, "--json"))
    outputs = [o["name"] for o in shown["model"]["outputs"]]
    n_nodes = len(shown["nodes"])
    cuts = sorted({1 + i * (n_nodes - 2) // max(args.cuts - 1, 1) for i in range(args.cuts)}) if n_nodes > 1 else []
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        given = {desc["name"]: random_input(desc, rng) for desc in shown["model"]["inputs"]}
        expected = run_offcut(args.offcut, args.model, given, work)
        for cut in cuts:
            head, tail = os.path.join(work, "head.onnx"), os.path.join(work, "tail.onnx")
            offcut(args.offcut, "split", args.model, "--cut", str(cut), "--head", head, "--tail", tail)
            for path in (head, tail):
                onnx.checker.check_model(path, full_check=True)
            runs = [("ONNX Runtime", run_ort)]
            names = [v.name for v in onnx.load(head, load_external_data=False).graph.output]
            if max(len(name.encode()) for name in names) <= NAME_MAX:
                runs.append(("offcut", lambda *a: run_offcut(args.offcut, *a, work)))
            for who, run in runs:
                between = run(head, given)
                answer = dict(between, **run(tail, dict(given, **between)))
                for name in outputs:
                    difference = compare(name, answer[name], expected[name])
                    worst = max(worst, difference)
                    if not difference <= TOLERANCE:
                        raise RuntimeError(f"cut {cut}, output {name}: {who} is off by {difference:.3g} of the largest")
    print(f"{os.path.basename(args.model)}: {len(cuts)} of {n_nodes + 1} cuts, worst {worst:.2g} of the largest output")


try:
    main()
except RuntimeError as error:
    sys.exit(f"{sys.argv[2]}: {error}")
