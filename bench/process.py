# SPDX-License-Identifier: Apache-2.0
"""An engine's process: asked by lines, frozen while another one is measured."""
import json
import os
import pathlib
import select
import signal
import subprocess
import time

ANSWER_S = 600  # after which an engine counts as hung


class EngineError(Exception):
    """The engine cannot do it, and why: a cell of the table."""


class Process:
    def __init__(self, words, cores, environment, errors):
        """`errors`  the file that takes what the engine prints."""
        self.began = time.monotonic()
        try:
            self.child = subprocess.Popen(
                [str(w) for w in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, **environment}, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        except OSError as error:
            raise EngineError(str(error)) from None
        self.rest = b""

    def answer(self):
        """The next line, as the dict that it is."""
        out, until = self.child.stdout.fileno(), time.monotonic() + ANSWER_S
        while b"\n" not in self.rest:
            if not select.select([out], [], [], max(0, until - time.monotonic()))[0]:
                raise EngineError(f"no answer within {ANSWER_S} s")
            data = os.read(out, 1 << 16)
            if not data:
                raise EngineError(f"the process ended with status {self.child.wait()}")
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        said = json.loads(line)
        if "error" in said:
            raise EngineError(said["error"])
        return said

    def ask(self, line):
        try:
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise EngineError(f"the process ended with status {self.child.wait()}") from None
        return self.answer()

    def memory(self, key):
        """VmRSS (now) or VmHWM (the most so far), in bytes."""
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise EngineError(f"/proc has no {key} of the process")

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def end(self):
        self.child.kill()  # also while it is frozen
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
