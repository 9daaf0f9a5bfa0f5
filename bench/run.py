#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""offcut beside the CPU runtimes that a user would pick instead: `make bench`. docs/performance.md says how to read it.

Each engine has a process of its own, pinned to as many cores as it may use threads. In each round every engine has a turn,
in rotating order, while all others are stopped: a run that does not count, then as many as fill TURN_MS; their median is
the engine's time in this round. Medians are over rounds, and so are the ratios, of two times of one round.
"""
import argparse
import datetime
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

import report
from lineup import PEERS, Lineup, is_int8
from networks import NETWORKS
from process import EngineError

HERE = pathlib.Path(__file__).resolve().parent
TURN_MS = 30
RUNS_MAX = 100  # in a turn
TOLERANCE = 1e-4  # of the largest score: offcut's, float32
SAME_NETWORK = 1e-3  # of a peer: it may round as it likes, but has to compute the same
CORRELATION = 0.95  # int8: a peer rounds otherwise than TensorFlow Lite's definition, and the differences grow with depth


class Progress:
    """A bar on a terminal, below the lines of what is done."""

    def __init__(self, total):
        self.done, self.total, self.shown = 0, total, sys.stderr.isatty()

    def show(self, text, step=0):
        self.done += step
        if self.shown:
            share = self.done / self.total
            bar = ("#" * round(30 * share)).ljust(30, ".")
            sys.stderr.write(f"\r\033[K[{bar}] {100 * share:3.0f} %  {text}"[: shutil.get_terminal_size().columns + 3])
            sys.stderr.flush()

    def say(self, text):
        """A line that stays."""
        self.end()
        print(text, file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            sys.stderr.write("\r\033[K")


def machine(args):
    """The head of the report; `engines` and `device` fill while it runs."""
    git = lambda *words: subprocess.run(("git", "-C", HERE, *words), capture_output=True, text=True).stdout.strip()
    cpu = [line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {"cpu": cpu[0] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "system": f"{platform.system()} {platform.release()}", "engines": {}, "device": "",
            "commit": git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain") else ""),
            "date": datetime.date.today().isoformat(), "load": os.getloadavg()[0],
            "rounds": args.rounds, "turn_ms": TURN_MS}


def compare(y, reference, engine, model):
    """How far an answer is off, and whether that is right."""
    if y.shape != reference.shape or not np.isfinite(y).all():
        return {"error": f"{y.size} numbers instead of {reference.size}, or not all finite", "is_right": False}
    off = float(np.abs(y - reference).max())
    if not is_int8(model):
        relative = off / float(np.abs(reference).max())
        return {"error": f"{relative:.1e}", "is_right": relative <= (TOLERANCE if engine == "offcut" else SAME_NETWORK)}
    if engine == "offcut":
        return {"error": "none" if off == 0 else f"{off:.0f} steps", "is_right": off == 0}
    same = float(np.corrcoef(y, reference)[0, 1])
    return {"error": f"{off:.0f} steps", "correlation": same, "is_right": same >= CORRELATION}


class Bench:
    def __init__(self, args):
        self.args = args
        self.lineup = Lineup(args.build / "bench", args.engine)
        self.progress = Progress(len(args.models) * len(args.threads) * args.rounds)
        self.result = {"head": machine(args), "cells": []}
        self.result["head"]["engines"] = self.lineup.versions
        self.is_right = True

    # ---- before it counts

    def first_ms(self, model, threads, cache):
        """Of a process of offcut that ends again."""
        process = self.lineup.start("offcut", model, threads, cache)
        try:
            first_ns = process.ask("load")["first_ns"]
            process.ask("end")
            return first_ns / 1e6
        finally:
            process.end()

    def prime(self, model, threads):
        """offcut once before it is measured, so that its kernels are compiled; `--cold`: and once from nothing."""
        cold = {}
        if self.args.cold:
            shutil.rmtree(self.lineup.folder / "cold-cache", ignore_errors=True)
            cold["cold_ms"] = self.first_ms(model, threads, "cold-cache")
        self.first_ms(model, threads, "cache")
        return cold

    def load(self, engine, model, threads, reference):
        """Its process, ready to run, and the dict of what is known of it."""
        path = self.lineup.file(model, engine)
        cell = self.prime(model, threads) if engine == "offcut" else {}
        process = self.lineup.start(engine, model, threads)
        try:
            cell["empty_bytes"] = process.memory("VmRSS")
            said = process.ask("load")
            cell.update(load_ms=said["load_ns"] / 1e6, first_ms=said["first_ns"] / 1e6,
                        start_ms=(time.monotonic() - process.began) * 1e3, rounds_ms=[])
            self.result["head"]["device"] = said.get("device", self.result["head"]["device"])
            cell.update(compare(self.lineup.answer(process, path), reference, engine, model))
            cell["runs"] = max(1, min(RUNS_MAX, int(TURN_MS * 1e6 / min(process.ask("run 3")["ns"]))))
            process.freeze()
        except BaseException:
            process.end()
            raise
        return process, cell

    # ---- measuring

    def turn(self, process, cell):
        process.thaw()
        ns = process.ask(f"run {cell['runs'] + 1}")["ns"][1:]
        process.freeze()
        cell["rounds_ms"].append(statistics.median(ns) / 1e6)

    @staticmethod
    def go_on(engine, cells, running, step):
        """One that died or hangs is out of it; the others go on."""
        try:
            step(running[engine], cells[engine])
        except EngineError as error:
            cells[engine] = {"failed": str(error)}
            running.pop(engine).end()

    def measure(self, model, threads, reference):
        cells, running = {}, {}
        try:
            for engine in self.args.engines:
                self.progress.show(f"{model}, {threads} threads: {engine} loads")
                try:
                    running[engine], cells[engine] = self.load(engine, model, threads, reference)
                except EngineError as error:
                    cells[engine] = {"failed": str(error)}
            for at in range(self.args.rounds):
                self.progress.show(f"{model}, {threads} threads: round {at + 1} of {self.args.rounds}", 1)
                order = list(running)
                first = at % max(1, len(order))
                for engine in order[first:] + order[:first]:
                    self.go_on(engine, cells, running, self.turn)
            for engine in list(running):
                self.go_on(engine, cells, running, lambda process, cell: cell.update(peak_bytes=process.memory("VmHWM")))
        finally:
            for process in running.values():
                process.end()
        self.conclude(model, threads, cells)

    def conclude(self, model, threads, cells):
        for engine, cell in cells.items():
            if "failed" in cell:
                self.is_right &= engine != "offcut"
                continue
            cell["ms"] = statistics.median(cell["rounds_ms"])
            self.is_right &= cell["is_right"]
            if "rounds_ms" in cells.get("offcut", {}):
                pairs = zip(cells["offcut"]["rounds_ms"], cell["rounds_ms"])
                cell["ratio"] = statistics.median(ours / theirs for ours, theirs in pairs)
        self.result["cells"].append({"model": model, "title": NETWORKS[model][1], "threads": threads, "engines": cells})

    def run(self):
        try:
            for model in self.args.models:
                self.progress.show(f"{model}: the model and its answer")
                self.lineup.make(model)
                self.lineup.warm(model)
                reference = self.lineup.reference(model, max(self.args.threads))
                for threads in self.args.threads:
                    self.measure(model, threads, reference)
                    self.progress.say(report.line(self.result["cells"][-1]))
                    report.write(self.result, self.args.out)
        finally:
            self.progress.end()
            self.lineup.close()
        print(report.markdown(self.result))
        print(f"\n{self.args.out}: bench.md, bench.json, bench.svg")
        return 0 if self.is_right else 1


def names(known):
    def split(text):
        chosen = text.replace(",", " ").split()
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
        return chosen

    return split


def count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found '{text}'")
    return int(text)


def numbers(text):
    cores = len(os.sched_getaffinity(0))
    chosen = [count(n) for n in text.replace(",", " ").split()]
    if not chosen or max(chosen) > cores:
        raise argparse.ArgumentTypeError(f"threads have to be 1 to {cores}, the cores of this machine; found '{text}'")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--models", type=names(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--engines", type=names(("offcut", *PEERS)), default=["offcut", *PEERS])
    parser.add_argument("--threads", type=numbers, default=[1, 2] if cores > 1 else [1])
    parser.add_argument("--rounds", type=count, default=20)
    parser.add_argument("--cold", action="store_true", help="measure offcut's first start without any compiled kernel too")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build", help="where models and kernels are kept")
    parser.add_argument("--engine", type=pathlib.Path, help="the program bench_engine (default: of build/release)")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the report (default: build/bench)")
    args = parser.parse_args()
    args.engine = args.engine or args.build / "release/bench/bench_engine"
    args.out = args.out or args.build / "bench"
    for ended in (signal.SIGTERM, signal.SIGHUP):  # engines that are frozen would stay for ever
        signal.signal(ended, lambda number, _: sys.exit(128 + number))
    return Bench(args).run()


if __name__ == "__main__":
    sys.exit(main())
