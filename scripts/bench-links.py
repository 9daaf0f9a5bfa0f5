#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of links: is `latency` as quick as the best fixed choice, on every link?

Edge and worker live in two network namespaces joined by a veth pair, each end shaped by `tc tbf`; link_proxy adds the
delay. The edge is pinned to core 0 and slowed to a fifth by a CPU quota, the worker is pinned to core 1; in half of
the cells stress-ng loads one of the two cores. In each cell every fixed choice (the cuts that `latency` looks at, and
all-local) and `latency` run the same frames. Needs root, iproute2, stress-ng, two cores, and a quiet machine.

    sudo scripts/bench-links.py --build build/release               the whole table, about an hour; goes on where it stopped
    sudo scripts/bench-links.py --nets alexnet --rates 10 --delays 0 --stress none --no-steps
    scripts/bench-links.py --report                                 docs/links.md from the cells measured so far

Each cell is kept in BUILD/links/*.json; --again measures it anew.
"""
import argparse
import collections
import datetime
import json
import math
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETS = {
    "alexnet": "onnx/light/light_bvlc_alexnet.onnx",
    "vgg19": "onnx/light/light_vgg19.onnx",
    "resnet50": "onnx/light/light_resnet50.onnx",
    "mobilenet": "tflite/mobilenet_v1_0.25_224_1_default_1.tflite",
}
TITLES = {"alexnet": "AlexNet", "vgg19": "VGG-19", "resnet50": "ResNet-50", "mobilenet": "MobileNetV1 0.25"}
RATES = [2, 10, 100, 1000]  # Mbit/s
DELAYS = [0, 10, 50]  # ms, each way
EDGE_CORE, WORKER_CORE = 0, 1
QUOTA_US, PERIOD_US = 1000, 5000  # the edge gets a fifth of its core
EDGE_IP, WORKER_IP = "10.213.77.1", "10.213.77.2"
LEARN = 10  # frames before `latency` counts
ROUNDS = (5, 25)  # of the choices that are near the best: more where a frame is short, up to ROUNDS_S in all
ROUNDS_S = 2
NEAR = 4  # so many of them
HOPELESS = 2.0  # times the best: run once only, if bytes / rate (or the edge's own part) alone take that long
FRAMES_AFTER_STEP = 15
SHOWN_WITHIN_S = 45  # how long a step is waited for to show
WITHIN = 1.10
NAME = 60  # of a session: its policy, cut off


def stress_of(rate, delay):
    """Half of the cells, alternating between the two cores."""
    at = RATES.index(rate) + DELAYS.index(delay)
    return "none" if at % 2 == 0 else ("edge" if at % 4 == 1 else "worker")


def sh(*words, check=True, quiet=False):
    err = subprocess.DEVNULL if quiet else None
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, stderr=err, text=True).stdout


def log(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


class Children:
    """Every process that was started ends with this one."""

    def __init__(self):
        self.all = []

    def start(self, words, netns=None, core=None, **kw):
        words = [str(w) for w in words]
        if core is not None:
            words = ["taskset", "-c", str(core)] + words
        if netns:
            words = ["ip", "netns", "exec", netns] + words
        child = subprocess.Popen(words, text=True, bufsize=1, **kw)
        self.all.append(child)
        return child

    def stop(self, child):
        if child in self.all:
            self.all.remove(child)
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for stream in (child.stdin, child.stdout):
            if stream:
                stream.close()

    def stop_all(self):
        for child in list(reversed(self.all)):
            self.stop(child)


class Quota:
    """A cgroup, version 1 or 2, whose processes get QUOTA_US of each PERIOD_US."""

    def __init__(self, name):
        v1 = pathlib.Path("/sys/fs/cgroup/cpu")
        if (v1 / "cpu.cfs_quota_us").exists():
            self.folder = v1 / name
            self.folder.mkdir(exist_ok=True)
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
            self.parent = v1
        else:
            v2 = pathlib.Path("/sys/fs/cgroup")
            (v2 / "cgroup.subtree_control").write_text("+cpu")
            self.folder = v2 / name
            self.folder.mkdir(exist_ok=True)
            (self.folder / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
            self.parent = v2

    def take(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def close(self):
        for _ in range(50):
            pids = (self.folder / "cgroup.procs").read_text().split()
            if not pids:
                break
            time.sleep(0.1)
        self.folder.rmdir()


class Link:
    """Two namespaces and the wire between them."""

    def __init__(self, tag):
        self.edge, self.worker = f"oc-edge-{tag}", f"oc-worker-{tag}"
        self.devices = ((self.edge, f"oce{tag}"), (self.worker, f"ocw{tag}"))
        self.close()
        for netns in (self.edge, self.worker):
            sh("ip", "netns", "add", netns)
            sh("ip", "-n", netns, "link", "set", "lo", "up")
        (_, a), (_, b) = self.devices
        sh("ip", "link", "add", a, "type", "veth", "peer", "name", b)
        for (netns, device), ip in zip(self.devices, (EDGE_IP, WORKER_IP)):
            sh("ip", "link", "set", device, "netns", netns)
            sh("ip", "-n", netns, "addr", "add", ip + "/24", "dev", device)
            sh("ip", "-n", netns, "link", "set", device, "up")

    def shape(self, mbit):
        # The burst is what the link carries in a millisecond, but two packets at least: a larger one would carry a small
        # transfer at once, which no link of that rate does. The queue holds a tenth of a second, as a home router's.
        burst = max(3100, int(mbit * 1e6 / 8 * 0.001))
        limit = max(64 << 10, int(mbit * 1e6 / 8 * 0.1))
        for netns, device in self.devices:
            sh("tc", "-n", netns, "qdisc", "replace", "dev", device, "root", "tbf", "rate", f"{mbit}mbit",
               "burst", str(burst), "limit", str(limit))

    def close(self):
        for netns in (self.edge, self.worker):
            sh("ip", "netns", "del", netns, check=False, quiet=True)
        sh("ip", "link", "del", self.devices[0][1], check=False, quiet=True)


class Proxy:
    """The added delay: link_proxy beside the worker."""

    def __init__(self, bench, port):
        self.bench = bench
        self.child = bench.children.start(
            [bench.bin / "link_proxy", f"{WORKER_IP}:0", f"127.0.0.1:{port}", "-"],
            netns=bench.link.worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline().split()[-1])

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline().strip()
        if answer != "ok " + command:
            raise RuntimeError(f"link_proxy: expected 'ok {command}', found '{answer}'")


class Failure(RuntimeError):
    pass


class Cell:
    """One edge process; see tests/bench/cell.c."""

    def __init__(self, bench, net, profile):
        self.bench = bench
        address = f"{WORKER_IP}:{bench.proxy.port}"
        self.child = bench.children.start(
            [bench.bin / "bench_cell", bench.models[net], address, bench.device, profile],
            netns=bench.link.edge, core=EDGE_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines()
        bench.quota.take(self.child.pid)  # prepared at full speed: only what is measured is slow

    def lines(self):
        found = []
        while True:
            text = self.child.stdout.readline()
            if not text:
                raise Failure("bench_cell ended")
            line = json.loads(text)
            if "error" in line:
                raise Failure(f"{line['what']}: {line['text']}")
            if "ok" in line:
                return found
            found.append(line)

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        return self.lines()

    def open(self, policy):
        self.tell(f"session {policy[:NAME]} {policy}")

    def close_session(self, policy):
        self.tell(f"close {policy[:NAME]}")

    def run(self, name, count=1):
        frames = self.tell(f"run {name[:NAME]} {count}")
        for frame in frames:
            if not frame["right"]:
                raise Failure(f"{name}: another answer than the local one")
        return frames

    def close(self):
        self.bench.children.stop(self.child)


class Stress:
    def __init__(self, bench, where):
        self.bench, self.child = bench, None
        if where != "none":
            core = EDGE_CORE if where == "edge" else WORKER_CORE
            self.child = bench.children.start(["stress-ng", "--cpu", "1", "--quiet"], core=core)
            time.sleep(0.5)

    def close(self):
        if self.child:
            self.bench.children.stop(self.child)


def median(values):
    return statistics.median(values) if values else float("nan")


def frame_ms(frame):
    return (frame["total_ns"] - frame["connect_ns"]) / 1e6


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = (ROOT / options.build).resolve()
        self.bin = self.build / "tests/bin"
        self.offcut = self.build / "bin/offcut"
        self.device = options.device
        assets = pathlib.Path(os.environ.get("OFFCUT_ASSETS", ROOT.parent / "shared/assets"))
        self.models = {net: assets / path for net, path in NETS.items()}
        self.cache = self.build / "links"
        self.cache.mkdir(parents=True, exist_ok=True)
        self.children = Children()
        self.link = self.quota = self.worker = self.net = None

    # ---- the two machines ----------------------------------------------------------------------

    def open(self):
        tag = str(os.getpid())
        self.link = Link(tag)
        self.link.shape(1000)
        self.quota = Quota(f"offcut-{tag}")
        sink = self.children.start([self.bin / "bench_cell", "--sink", "127.0.0.1"], netns=self.link.worker,
                                   core=WORKER_CORE, stdout=subprocess.PIPE)
        self.sink = Proxy(self, int(sink.stdout.readline().split()[-1]))

    def close(self):
        self.children.stop_all()
        if self.quota:
            self.quota.close()
        if self.link:
            self.link.close()

    def serve(self, net):
        """A worker for the net, and its profile with the edge at full speed on an open link."""
        if self.net != net:
            for child in (self.worker, getattr(self, "proxy", None) and self.proxy.child):
                if child:
                    self.children.stop(child)
            self.worker = self.children.start(
                [self.offcut, "worker", "--listen", "127.0.0.1:0", "--model", self.models[net], "--threads", 1,
                 *(["--device", self.device] if self.device != "-" else [])],
                netns=self.link.worker, core=WORKER_CORE, stdout=subprocess.PIPE)
            self.proxy = Proxy(self, int(self.worker.stdout.readline().split(":")[-1]))
            self.net = net
        profile = self.cache / f"{net}.profile.yaml"
        if self.options.no_profile:
            return "-"
        if not profile.exists() or self.options.again:
            self.set_link(1000, 0)
            log(f"{net}: profile")
            command = [self.offcut, "profile", self.models[net], "--threads", 1, "--worker",
                       f"{WORKER_IP}:{self.proxy.port}", "-o", profile]
            if self.device != "-":
                command += ["--device", self.device]
            child = self.children.start(command, netns=self.link.edge, core=EDGE_CORE, stdout=subprocess.DEVNULL)
            if child.wait() != 0:
                raise Failure(f"{net}: offcut profile ended with {child.returncode}")
            self.children.stop(child)
        return profile

    def set_link(self, rate, delay):
        self.link.shape(rate)
        for proxy in (self.proxy, self.sink):
            proxy.tell(f"delay {delay}")

    # ---- one cell --------------------------------------------------------------------------------

    def choices(self, cell):
        """What there is to choose from, with what `latency` expects of it: {name: option}."""
        found = collections.OrderedDict()
        for option in cell.tell("options latency"):
            number = re.match(r"\d+", option["cut"])
            policy = "local" if not option["worker"] else "fixed:" + (
                number.group() if number else option["cut"].replace(",", "+").replace(" ", ""))
            found[policy] = option
        found.setdefault("local", {"bytes": 0, "edge_ns": 0, "total_ns": 0})
        return found

    @staticmethod
    def bound_ms(option, rate):
        """What a choice takes at least: its bytes on the wire, and the edge's share as it was predicted after learning."""
        return option["bytes"] * 8 / (rate * 1e6) * 1e3 + option["edge_ns"] / 1e6

    def run_once(self, cell, policy):
        """(ms, frame) of a first run, without waiting for the connection; the first of a part makes it ready."""
        cell.open(policy)
        frame = cell.run(policy)[-1]
        return frame_ms(frame), frame

    def measure(self, net, rate, delay, stress):
        profile = self.serve(net)
        self.set_link(rate, delay)
        cell, load = Cell(self, net, profile), None
        try:
            load = Stress(self, stress)
            return self.measure_cell(cell, net, rate, delay, stress)
        finally:
            if load:
                load.close()
            cell.close()

    def measure_cell(self, cell, net, rate, delay, stress):
        cell.open("latency")
        learning = cell.run("latency", LEARN)
        choices = self.choices(cell)
        result = {"net": net, "rate": rate, "delay": delay, "stress": stress, "learning": learning, "fixed": {}}
        best = min(frame_ms(f) for f in learning[-3:])
        # Everything once, the likely ones first, so that the best is known early.
        for policy, option in sorted(choices.items(), key=lambda item: item[1]["total_ns"]):
            bound = self.bound_ms(option, rate)
            ms, frame = self.run_once(cell, policy)
            is_hopeless = min(bound, ms) > HOPELESS * best
            if not is_hopeless and ms < 1.5 * HOPELESS * best:
                frame = cell.run(policy)[-1]  # the first run of a part planned it
                ms = frame_ms(frame)
            cell.close_session(policy)
            result["fixed"][policy] = {"ms": [ms], "bytes": option["bytes"], "bound_ms": bound, "once": is_hopeless,
                                       "frame": frame}
            best = min(best, ms)
        self.measure_near(cell, result)
        result["transfer"] = self.measure_transfer(cell, result)
        return result

    def measure_near(self, cell, result):
        """The best few and `latency`, in turn, so that what changes meanwhile meets all of them."""
        fixed = result["fixed"]
        near = sorted(fixed, key=lambda p: (fixed[p]["once"], fixed[p]["ms"][0]))
        near = [p for p in near if not fixed[p]["once"]][:NEAR] or near[:NEAR]
        rounds = int(ROUNDS_S * 1e3 / fixed[near[0]]["ms"][0])
        for policy in near:
            cell.open(policy)
            cell.run(policy, 2)
            fixed[policy].update(ms=[], frames=[])
        result["latency"] = []
        for _ in range(max(ROUNDS[0], min(ROUNDS[1], rounds))):
            for policy in near:
                frame = cell.run(policy)[0]
                fixed[policy]["ms"].append(frame_ms(frame))
                fixed[policy]["frames"].append(frame)
            result["latency"] += cell.run("latency")
        # For the errors of predictions, 20 frames in all at least.
        result["latency"] += cell.run("latency", max(0, LEARN - len(result["latency"])))
        for policy in near:
            cell.close_session(policy)
        result["near"] = near

    def measure_transfer(self, cell, result):
        """A plain exchange of as many bytes as `latency` moved, through the same path."""
        last = result["latency"][-1]
        if not last["used_worker"]:
            return None
        up, down = int(last["bytes_sent"]), int(last["bytes_received"])
        answer = cell.tell(f"transfer {WORKER_IP} {self.sink.port} {up} {down} 5")
        return {"up": up, "down": down, "ms": answer[0]["median_ns"] / 1e6}

    # ---- steps -----------------------------------------------------------------------------------

    STEPS = {
        "rate 100 to 2": ((100, 0, "none"), (2, 0, "none")),
        "rate 2 to 100": ((2, 0, "none"), (100, 0, "none")),
        "delay 0 to 50": ((1000, 0, "none"), (1000, 50, "none")),
        "delay 50 to 0": ((1000, 50, "none"), (1000, 0, "none")),
        "load on the worker": ((1000, 0, "none"), (1000, 0, "worker")),
        "load on the edge": ((10, 0, "none"), (10, 0, "edge")),
    }

    def measure_step(self, net, name):
        """Frames from the first transfer or probe that shows the step until the choice is that of the time after it."""
        profile = self.serve(net)
        before, after = self.STEPS[name]
        self.set_link(before[0], before[1])
        cell, load = Cell(self, net, profile), Stress(self, before[2])
        try:
            cell.open("latency")
            old = cell.run("latency", LEARN + 5)
            self.set_link(after[0], after[1])
            load.close()
            load = Stress(self, after[2])
            new = self.run_until_shown(cell, name, old)
            # Others tell what is right now: all choices of the new situation, as fresh as it is.
            right, totals = self.right_choices(cell, after[0])
            return {"net": net, "step": name, "before": old, "after": new, "right": right, "totals": totals}
        finally:
            load.close()
            cell.close()

    @staticmethod
    def run_until_shown(cell, name, old):
        """Frames until something shows the step (an edge that stays local only probes, within its budget), and some more."""
        new, begin = [], time.time()
        while time.time() - begin < SHOWN_WITHIN_S:
            new += cell.run("latency")
            if shown_at({"step": name, "before": old, "after": new}) is not None:
                break
        return new + cell.run("latency", FRAMES_AFTER_STEP)

    def right_choices(self, cell, rate):
        """The choices within 10 % of the best, by name as the report has it, and all that were run."""
        best, totals = float("inf"), {}
        for policy, option in sorted(self.choices(cell).items(), key=lambda item: item[1]["total_ns"]):
            if self.bound_ms(option, rate) > HOPELESS * best:
                continue
            cell.open(policy)
            frames = cell.run(policy, 3)[1:]
            cell.close_session(policy)
            ms = min(frame_ms(f) for f in frames)
            totals[policy] = {"ms": ms, "choice": frames[-1]["choice"]}
            best = min(best, ms)
        return [t["choice"] for t in totals.values() if t["ms"] <= WITHIN * best], totals

    # ---- all of it -------------------------------------------------------------------------------

    def keep(self, name, measure):
        path = self.cache / (name + ".json")
        if path.exists() and not self.options.again:
            return
        log(name)
        begin = time.time()
        try:
            result = measure()
        except Failure as failure:
            log(f"{name}: FAILED: {failure}")
            self.failed = True
            return
        result["machine"] = describe_machine(self)
        result["took_s"] = time.time() - begin
        path.write_text(json.dumps(result))
        log(f"{name}: {summary_of(result)} ({result['took_s']:.0f} s)")

    def run(self):
        o = self.options
        self.failed = False
        for net in o.nets:
            for rate in o.rates:
                for delay in o.delays:
                    stress = o.stress or stress_of(rate, delay)
                    self.keep(f"cell-{net}-{rate}-{delay}-{stress}",
                              lambda: self.measure(net, rate, delay, stress))
            for step in [] if o.no_steps else self.STEPS:
                self.keep(f"step-{net}-{step.replace(' ', '-')}", lambda: self.measure_step(net, step))
        return 1 if self.failed else 0


# ---- what came out ---------------------------------------------------------------------------------


def describe_machine(bench):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    dirty = sh("git", "-C", str(ROOT), "status", "--porcelain", "-uno").strip() != ""
    return {
        "cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
        "date": f"{datetime.date.today()}",
        "commit": sh("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD").strip() + ("+" if dirty else ""),
        "offcut": sh(str(bench.offcut), "--version", check=False).strip(),
        "device": "the default (PoCL)" if bench.device == "-" else bench.device,
    }


def best_of(result):
    """(policy, ms) of the quickest fixed choice."""
    return min(((p, median(f["ms"])) for p, f in result["fixed"].items()), key=lambda pair: pair[1])


def latency_ms(result):
    return median([frame_ms(f) for f in result["latency"]])


def error_of(result):
    return median([abs(f["total_ns"] - f["connect_ns"] - f["predicted_ns"]) / f["total_ns"]
                   for f in result["latency"][-LEARN:]])


def overhead_of(result):
    """(ms, share) above edge compute + the transfer at the link's rate + cloud compute; None for all-local."""
    if not result["transfer"]:
        return None
    frames = [f for f in result["latency"] if f["used_worker"] and f["bytes_sent"] == result["transfer"]["up"]]
    above = median([frame_ms(f) - f["edge_ns"] / 1e6 - f["cloud_ns"] / 1e6 - f["queue_ns"] / 1e6 for f in frames])
    above -= result["transfer"]["ms"]
    return above, above / latency_ms(result)


def summary_of(result):
    if "step" in result:
        found = followed(result)
        return f"right after {'never' if found is None else found} frames"
    policy, ms = best_of(result)
    mine = latency_ms(result)
    return f"best {policy} {ms:.1f} ms, latency {mine:.1f} ms, ratio {mine / ms:.3f}, error {100 * error_of(result):.0f} %"


def shown_at(step):
    """The first frame that could tell: a load shows in each, a link in a transfer or a probe. None: no such frame."""
    probed = step["before"][-1].get("probe_bytes", 0)
    for i, frame in enumerate(step["after"]):
        if step["step"].startswith("load") or frame["used_worker"] or frame.get("probe_bytes", 0) > probed:
            return i
    return None


def followed(step):
    """Frames after the one in which the step first showed until the choice stays right; None: never."""
    frames, shown = step["after"], shown_at(step)
    most = WITHIN * min(t["ms"] for t in step["totals"].values())
    wrong = [i for i, f in enumerate(frames) if f["choice"] not in step["right"] and frame_ms(f) > most]
    first_right = wrong[-1] + 1 if wrong else 0
    return None if shown is None or first_right >= len(frames) else max(0, first_right - shown)


def report(cache, out):
    results = [json.loads(p.read_text()) for p in sorted(cache.glob("*.json"))]
    order = list(NETS)
    cells = sorted((r for r in results if "rate" in r),
                   key=lambda r: (order.index(r["net"]), r["rate"], r["delay"], r["stress"]))
    steps = [r for r in results if "step" in r]
    if not cells and not steps:
        sys.exit(f"{cache}: nothing measured yet")
    lines = ["# Forwarding over shaped links", "", "<!-- written by scripts/bench-links.py --report -->", ""]
    lines += introduction((cells + steps)[0]["machine"], cells)
    lines += ["| network | Mbit/s | added delay | stress | best fixed choice | ms | latency's choice | ms | ratio | "
              "error of predictions | overhead |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    lines += [cell_row(r) for r in cells]
    if steps:
        lines += ["", "## Steps", "",
                  "A step of the link or the load between two frames; how many frames after the first transfer or probe "
                  "that showed it the choice was one of those within 10 % of the best (or the frame itself took no longer), and stayed so.", "",
                  "| network | step | before | after | shown in frame | frames |", "|---|---|---|---|---|---|"]
        lines += [step_row(r) for r in steps]
    out.write_text("\n".join(lines) + "\n")
    (cache / "links.json").unlink(missing_ok=True)
    (cache.parent / "links.json").write_text(json.dumps(results))
    print(f"{out}: {len(cells)} cells, {len(steps)} steps; {cache.parent / 'links.json'} has every frame")


def introduction(machine, cells):
    within = sum(latency_ms(r) <= WITHIN * best_of(r)[1] for r in cells)
    errors = sum(error_of(r) <= 0.15 for r in cells)
    overheads = [o for o in map(overhead_of, cells) if o]
    quick = sum(o[0] <= 0.5 or o[1] <= 0.05 for o in overheads)
    hopeless = sum(f["once"] for r in cells for f in r["fixed"].values())
    return [
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; {machine['offcut']}, commit "
        f"{machine['commit']}, device {machine['device']}; {machine['date']}.", "",
        "`sudo scripts/bench-links.py` (its head says how): edge and worker in two network namespaces joined by a veth "
        "pair whose ends `tc tbf` shapes, the delay (each way) added by tests/support/link_proxy.c; the edge pinned to core "
        "0 and slowed to a fifth by a CPU quota, the worker pinned to core 1, `stress-ng --cpu 1` on one of the two "
        f"cores in half of the cells. `latency` starts with a profile of the edge at full speed and learns for {LEARN} frames; "
        f"then it and the {NEAR} best fixed choices run {ROUNDS[0]} frames in turn (up to {ROUNDS[1]} where they are short): medians. All other fixed choices ran in "
        f"the same cell too; {hopeless} runs whose bytes at the link's rate, with the edge's share, alone take more than "
        f"{HOPELESS:g} times the best were run once.", "",
        f"- `latency` within {100 * (WITHIN - 1):.0f} % of the best fixed choice: {within} of {len(cells)} cells.",
        f"- Median error of its predicted totals (the last {LEARN} frames) at most 15 %: {errors} of {len(cells)} cells.",
        "- Overhead (its total above edge compute, a plain TCP exchange of as many bytes on the same path, queue and cloud "
        f"compute) at most 5 % or 0.5 ms: {quick} of {len(overheads)} cells that forward.", ""]


def cell_row(r):
    policy, ms = best_of(r)
    mine, overhead = latency_ms(r), overhead_of(r)
    choice = collections.Counter(f["choice"] for f in r["latency"]).most_common(1)[0][0]
    choice = re.sub(r" to [0-9.:]+$", "", choice).replace("forward after cut ", "cut ")
    over = "-" if overhead is None else f"{overhead[0]:.2f} ms, {100 * overhead[1]:.1f} %"
    return (f"| {TITLES[r['net']]} | {r['rate']} | {r['delay']} ms | {r['stress']} | {policy.replace('fixed:', 'cut ')} | "
            f"{ms:.1f} | {choice} | {mine:.1f} | {mine / ms:.3f} | {100 * error_of(r):.1f} % | {over} |")


def step_row(r):
    found = followed(r)
    show = lambda frames: re.sub(r" to [0-9.:]+$", "", frames[-1]["choice"]).replace("forward after cut ", "cut ")
    return (f"| {TITLES[r['net']]} | {r['step']} | {show(r['before'])} | {show(r['after'])} | "
            f"{'-' if shown_at(r) is None else shown_at(r)} | {'not in ' + str(len(r['after'])) if found is None else found} |")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(n) for n in text.split(",")]
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--device", default="-", help="of both sides; -: the default")
    parser.add_argument("--nets", type=lambda text: text.split(","), default=list(NETS))
    parser.add_argument("--rates", type=numbers, default=RATES, help="of 2,10,100,1000 Mbit/s")
    parser.add_argument("--delays", type=numbers, default=DELAYS, help="of 0,10,50 ms")
    parser.add_argument("--stress", choices=["none", "edge", "worker"], help="in every cell, instead of in half")
    parser.add_argument("--no-steps", action="store_true")
    parser.add_argument("--no-profile", action="store_true", help="latency starts from rooflines")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--report", action="store_true", help="only write the table")
    parser.add_argument("--out", default="docs/links.md")
    return parser.parse_args()


def main():
    options = parse()
    bench = Bench(options)
    status = 0
    if not options.report:
        if os.geteuid() != 0 or os.cpu_count() < 2:
            sys.exit("bench-links: expected root and two cores")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            bench.open()
            status = bench.run()
        finally:
            bench.close()
    report(bench.cache, (ROOT / options.out))
    return status


if __name__ == "__main__":
    sys.exit(main())
