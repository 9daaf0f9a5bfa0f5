# SPDX-License-Identifier: Apache-2.0
"""LiteRT's reference kernels against run_rows, model by model; scripts/compare-litert.sh says what for.

Prints a row per model and device: how many inputs, the largest difference (of floats as a share of the
largest answer, of integers in units), the bytes that differ, the verdict.
"""
import argparse
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

DEVICES = ("reference", "pocl")
TOLERANCE = 1e-5
# BUILTIN_REF has no ELU, and its LRN leaves the last channel of the window out.
NOT_REFERENCE = ("ELU", "LOCAL_RESPONSE_NORMALIZATION")
PICTURES = ("cat.bmp", "burger.jpg", "dog.jpg")
# Samples of pictures as floats: (sample - mean) / std, as each model was trained.
NORMS = {"mobilenet_v1_0.25_224_1_default_1": (127.5, 127.5), "pretrainedResnet": (0, 1)}
NORM = (0, 255)
DIGITS = Path(__file__).resolve().parents[1] / "models" / "digits"


def random_tensor(rng, detail):
    dtype = np.dtype(detail["dtype"])
    shape = tuple(detail["shape"])
    if dtype.kind == "f":
        return (rng.standard_normal(shape) * rng.choice([0.5, 1, 4])).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    info = np.iinfo(dtype)
    low, high = (info.min, info.max + 1) if dtype.itemsize == 1 else (-1000, 1000)
    return rng.integers(low, high, shape).astype(dtype)


def as_input(pixels, detail, norm):
    """Samples 0..255 as the type of the input takes them."""
    dtype = np.dtype(detail["dtype"])
    if dtype == np.int8:
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    mean, std = norm
    return pixels if dtype == np.uint8 else ((pixels - np.float32(mean)) / np.float32(std)).astype(dtype)


def pictures(details, data, norm):
    """The real pictures that an input of this shape can hold."""
    if len(details) != 1 or len(details[0]["shape"]) != 4 or np.dtype(details[0]["dtype"]).itemsize > 4:
        return
    _, height, width, channels = details[0]["shape"]
    if details[0]["shape"][0] != 1 or channels not in (1, 3) or min(height, width) < 24:
        return
    names = [data / name for name in PICTURES] + (sorted(DIGITS.glob("*.png")) if channels == 1 else [])
    for path in names:
        if path.exists():
            picture = Image.open(path).convert("L" if channels == 1 else "RGB")
            pixels = np.asarray(picture.resize((width, height), Image.BILINEAR), np.uint8)
            yield [as_input(pixels.reshape(1, height, width, channels), details[0], norm)]
    records = data / "cifar10" / "cifar10_test_first100.bin"
    if (height, width, channels) == (32, 32, 3) and records.exists():
        raw = np.fromfile(records, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
        for image in raw.transpose(0, 2, 3, 1):
            yield [as_input(np.ascontiguousarray(image[None]), details[0], norm)]


class Lite:
    """The reference kernels; LiteRT's own for models with an operator that those lack or get wrong."""

    def __init__(self, path):
        self.open(path, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        if not any(op["op_name"] in NOT_REFERENCE for op in self.lite._get_ops_details()):
            self.open(path, OpResolverType.BUILTIN_REF)
        self.lite.allocate_tensors()
        self.inputs = self.lite.get_input_details()

    def open(self, path, resolver):
        self.lite = Interpreter(model_path=str(path), num_threads=1, experimental_op_resolver_type=resolver)

    def answer(self, given):
        for detail, tensor in zip(self.inputs, given):
            self.lite.set_tensor(detail["index"], tensor)
        self.lite.invoke()
        return [self.lite.get_tensor(d["index"]).copy() for d in self.lite.get_output_details()]


def rows_of(lists):
    return np.stack([np.frombuffer(b"".join(t.tobytes() for t in tensors), np.uint8) for tensors in lists])


def difference(found, expected):
    """(largest difference, bytes that differ, whether that is allowed) of the outputs of all inputs."""
    worst, wrong, is_fine = 0.0, 0, True
    for row, answers in zip(found, expected):
        at = 0
        for answer in answers:
            bytes_found = row[at:at + answer.nbytes]
            at += answer.nbytes
            if answer.dtype.kind == "f":
                with np.errstate(all="ignore"):
                    ours = bytes_found.view(answer.dtype).astype(np.float64)
                    theirs = answer.ravel().astype(np.float64)
                    largest = np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
                    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
                    off = np.max(np.where(same, 0.0, np.abs(ours - theirs)), initial=0.0)
                share = off / largest if off > 0 and largest > 0 else off
                worst = max(worst, share) if share == share else float("inf")
                is_fine = is_fine and bool(share <= TOLERANCE)
            elif bytes_found.tobytes() != answer.tobytes():
                ours = bytes_found.view(answer.dtype).astype(np.int64)
                off = np.abs(ours - answer.ravel().astype(np.int64))
                worst, wrong, is_fine = max(worst, float(off.max())), wrong + int((off > 0).sum()), False
        assert at == len(row), f"expected outputs of {at} bytes, found {len(row)}"
    return worst, wrong, is_fine


def run_rows(program, model, device, rows, folder):
    np.save(folder / "in.npy", rows)
    done = subprocess.run([program, str(model), device, str(folder / "in.npy"), str(folder / "out.npy")],
                          capture_output=True, text=True)
    return (np.load(folder / "out.npy"), "") if done.returncode == 0 else (None, done.stderr.strip())


def compare(program, path, data, count, folder):
    """Yields (device, inputs, largest difference, wrong, verdict)."""
    lite = Lite(path)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    given = [[random_tensor(rng, d) for d in lite.inputs] for _ in range(count)]
    given += list(pictures(lite.inputs, data, NORMS.get(path.stem, NORM)))
    expected = [lite.answer(tensors) for tensors in given]
    for device in DEVICES:
        found, error = run_rows(program, path, device, rows_of(given), folder)
        if found is None:
            yield device, len(given), "-", "-", "FAILED: " + error
            continue
        worst, wrong, is_fine = difference(found, expected)
        verdict = "same bits" if worst == 0 else "within" if is_fine else "DIFFERENT"
        yield device, len(given), f"{worst:.2g}", str(wrong), verdict


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-rows", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("models", nargs="+", type=Path)
    args = parser.parse_args()
    width = max(len(m.stem) for m in args.models)
    print(f"{'model':{width}}  {'device':9}  inputs  {'largest':>8}  {'wrong':>6}  verdict")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in args.models:
            for device, count, worst, wrong, verdict in compare(args.run_rows, path, args.data, args.inputs,
                                                                Path(folder)):
                bad += verdict not in ("same bits", "within")
                print(f"{path.stem:{width}}  {device:9}  {count:6}  {worst:>8}  {wrong:>6}  {verdict}",
                      flush=True)
    print(f"{len(args.models)} models on {len(DEVICES)} devices: {bad} different")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
