"""Asking a process of its own about the GPUs: a driver's call may hang for ever, or crash."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from mlterm.core.devices import Device
from mlterm.system.gpu import GpuReading, blank, device_of

LOOK_SECONDS = 60.0
"""How often it is looked whether there is a driver by now."""
HANG_SECONDS = 30.0
"""So long an answer is waited for before the process is ended and another started."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 600.0
"""Before another process is started; each time that it fails again the pause doubles."""
STARTING_SECONDS = 5.0
MOST_PIDS = 6000
"""A question fits into an empty pipe, so that asking never waits (pipe(7): 64 KiB)."""
_LIBRARY = "libnvidia-ml.so.1"  # what pynvml loads
_MOMENT_SECONDS = 0.2
_CHILD = """
import json, sys
path, *arguments = json.loads(sys.argv[1])
sys.path[:] = path
from mlterm.system.gpuchild import main
sys.exit(main(*arguments))
"""


class GpuProbe:
    """Reads the GPUs of one job.

    ``environ`` is the job's (CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER); ``selection`` "auto"
    (see core.devices), "all" or "none"; ``proc`` where /proc is. Not to be shared by threads.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        selection: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        proc: Path = Path("/proc"),
    ) -> None:
        names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
        cuda = {name: environ[name] for name in names if name in environ}
        run = f"{environ.get('MLTERM_PROJECT', '')}/{environ.get('MLTERM_RUN_ID', '')}"
        self._arguments = (cuda, selection, run, str(proc))
        self._selection = selection
        self._clock = clock
        self._child: _Child | None = None
        self._ending: list[_Child] = []
        self._rest_until = clock()
        self._failures = 0
        self._silent_since: float | None = None
        self._problem: str | None = None
        self._known: list[Device] = []
        self._used: set[str] = set()
        self._reading: GpuReading | None = None

    def ask(self, pids: Collection[int]) -> None:
        """Ask what there is to tell now; never waits.

        Does nothing while an earlier question is unanswered, or where there is nobody to ask.
        ``pids`` are the job's (of more than MOST_PIDS only the lowest).
        """
        self._ending = [child for child in self._ending if not child.has_ended()]
        self._take_in()
        if self._child is None and self._may_start():
            try:
                self._child = _Child(self._arguments)
            except OSError as error:
                self._fail(f"the reading of GPUs cannot be started: {error.strerror}")
        if self._child is not None and self._child.asked_at is None:
            self._child.ask(pids, self._used, self._clock())
            self._silent_since = self._silent_since or self._child.asked_at

    def answer(self, patience_seconds: float) -> GpuReading | None:
        """What the driver tells, waited for at most so long; None where there is nothing to show.

        Where the last question is not answered in time, the one before it may be by now.
        Without either: the known devices, without their figures, and why.
        """
        deadline = time.monotonic() + patience_seconds
        self._take_in()
        while self._child is not None and self._child.asked_at is not None:
            left = deadline - time.monotonic()
            if left < 0 or not self._child.has_written(left):
                break
            self._take_in()
        reading, self._reading = self._reading, None
        return reading or self._without_answer()

    def close(self) -> None:
        """End the process; one that the kernel does not let go of is left to it."""
        self._end_child()
        deadline = time.monotonic() + _MOMENT_SECONDS
        for child in self._ending:
            child.leave(max(0.0, deadline - time.monotonic()))
        self._ending = []

    def _may_start(self) -> bool:
        now = self._clock()
        if self._selection == "none" or now < self._rest_until:
            return False
        if not _is_library_there():
            self._rest_until = now + LOOK_SECONDS
            return False
        return True

    def _take_in(self) -> None:
        """What has come from the process, its end too, and how long it has been silent."""
        child = self._child
        if child is None:
            return
        try:
            answer = child.receive()
            if answer is not None:
                self._accept(answer)
        except (EOFError, OSError, ValueError, LookupError, TypeError):
            self._end_child()
            self._silent_since = None
            self._fail(f"the reading of GPUs {child.how_it_ended()}")
            return
        if child.asked_at is not None and self._clock() - child.asked_at >= HANG_SECONDS:
            self._end_child()
            self._fail(None)

    def _accept(self, answer: dict[str, Any]) -> None:
        self._silent_since, self._problem = None, None
        reading = None
        if (told := answer["reading"]) is not None:
            by_pid = {int(pid): entries for pid, entries in told["by_pid"].items()}
            reading = GpuReading(told["gpus"], by_pid, told["unavailable"])
            self._remember(reading)
        self._reading = reading
        if answer["is_last"]:
            self._end_child()
            self._fail(reading.unavailable.get("gpus") if reading else None)
        else:
            self._failures = 0

    def _remember(self, reading: GpuReading) -> None:
        """Which devices there are, and on which of them the job has been."""
        if reading.gpus or "gpus" not in reading.unavailable:
            self._known = [device_of(gpu) for gpu in reading.gpus]
        entries = [entry for entries in reading.by_pid.values() for entry in entries]
        places = {(entry["index"], entry.get("mig")) for entry in entries}
        self._used |= {d.uuid for d in self._known if d.uuid and (d.index, d.mig) in places}

    def _fail(self, problem: str | None) -> None:
        """Rest before another process is started; ``problem`` is None where it was silence."""
        pause = FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10)
        self._failures += 1
        self._rest_until = self._clock() + min(pause, LONGEST_PAUSE_SECONDS)
        self._problem = problem

    def _without_answer(self) -> GpuReading | None:
        reason = self._problem
        if reason is None:
            if self._silent_since is None:
                return None
            silence = self._clock() - self._silent_since
            if silence < STARTING_SECONDS and not self._known:
                return None  # not known yet whether there is anything to show
            reason = f"the driver has not answered for {silence:.0f} s"
        return GpuReading([blank(device, reason) for device in self._known], {}, {"gpus": reason})

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._ending.append(self._child)
            self._child = None


class _Child:
    """The process, with at most one question on its way. Its end closes its pipe: EOFError."""

    def __init__(self, arguments: Collection[Any]) -> None:
        path = [os.path.abspath(folder) for folder in sys.path]
        words = orjson.dumps([path, *arguments]).decode()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            bufsize=0,
            process_group=0,  # but the session of mlterm's own, which tells it from the job's
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        os.set_blocking(self._questions, False)
        os.set_blocking(self._answers, False)
        self._received = b""
        self.asked_at: float | None = None

    def ask(self, pids: Collection[int], used: Collection[str], now: float) -> None:
        question = {"pids": sorted(pids)[:MOST_PIDS], "used": sorted(used)}
        self.asked_at = now
        with suppress(OSError):  # it has ended: receive() tells
            os.write(self._questions, orjson.dumps(question) + b"\n")

    def has_written(self, seconds: float) -> bool:
        return bool(select.select([self._answers], [], [], seconds)[0])

    def receive(self) -> dict[str, Any] | None:
        """The answer, where it is there."""
        with suppress(BlockingIOError):
            while data := os.read(self._answers, 65536):
                self._received += data
            if b"\n" not in self._received:
                raise EOFError
        line, newline, rest = self._received.partition(b"\n")
        if not newline:
            return None
        self._received = rest
        self.asked_at = None
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def kill(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def has_ended(self) -> bool:
        """It is reaped then."""
        return self._process.poll() is not None

    def how_it_ended(self) -> str:
        """In words, if it does within a moment."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_MOMENT_SECONDS)
            if code < 0:
                return f"was ended by {signal.Signals(-code).name}"
            return f"ended with {code}"
        return "ended"

    def leave(self, seconds: float) -> None:
        """Reap it if it ends in time. Else it is stuck in the kernel, and not ours any more."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return
        self._process.returncode = -signal.SIGKILL


def _is_library_there() -> bool:
    """Whether the loader finds the driver's library, as pynvml would."""
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return True
