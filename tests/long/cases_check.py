# SPDX-License-Identifier: Apache-2.0
"""The ONNX forms of all operators' cases by ONNX Runtime, against our reference.

    cases_check.py FOLDER   which export_cases filled, its output as names.txt

Integers exactly, floats to 1e-5 of the largest output.
"""
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort

TOLERANCE = 1e-5
# What ONNX Runtime computes otherwise than we define it, by the beginning of the case's name, and why.
KNOWN = {
    **{f"reduce.{fn}_int": "ONNX Runtime adds and multiplies integers as doubles: what wraps around here saturates there"
       for fn in ("sum", "prod", "sum_square", "l1")},
    "reduce.mean_nothing": "the mean of no elements, which is no number here, is 0 there",
}


def difference(found, expected):
    """In parts of the largest; infinities, NaNs and integers must be the same."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{found.dtype} {found.shape} instead of {expected.dtype} {expected.shape}"
    if expected.size == 0 or np.array_equal(found, expected):
        return 0.0
    if expected.dtype not in (np.float32, np.float16):
        return f"{int((found != expected).sum())} of {expected.size} integers differ"
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    is_finite = np.isfinite(expected)
    if not np.array_equal(found[~is_finite], expected[~is_finite], equal_nan=True):
        return "infinities or NaNs differ"
    largest = np.abs(expected[is_finite]).max(initial=0) or 1.0
    return float(np.abs(found[is_finite] - expected[is_finite]).max(initial=0)) / largest


def check(folder, stem):
    path = os.path.join(folder, stem)
    onnx.checker.check_model(path + ".onnx", full_check=True)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(path + ".onnx", options, providers=["CPUExecutionProvider"])
    given = {i.name: np.load(f"{path}.{i.name}.npy") for i in session.get_inputs()}
    worst = 0.0
    for i, found in enumerate(session.run(None, given)):
        this = difference(found, np.load(f"{path}.out{i}.npy"))
        if isinstance(this, str):
            raise ValueError(this)
        worst = max(worst, this)
    if not worst <= TOLERANCE:
        raise ValueError(f"off by {worst:.3g} of the largest")
    return worst


def main(folder):
    with open(os.path.join(folder, "names.txt"), encoding="utf-8") as names:
        lines = [line.rstrip("\n") for line in names]
    wrong, worst, refused = 0, 0.0, 0
    for line in lines:
        if " - " in line:
            refused += 1
            print("refused:", line)
            continue
        try:
            worst = max(worst, check(folder, line))
        except Exception as error:  # ONNX Runtime's errors have no common type
            known = next((why for begin, why in KNOWN.items() if line.startswith(begin)), None)
            if known:
                print(f"known: {line}: {known}")
                continue
            wrong += 1
            print(f"WRONG: {line}: {str(error)[:300]}")
    print(f"{len(lines)} cases: {wrong} wrong, {refused} refused, worst {worst:.2g} of the largest output")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1]) else 0)
