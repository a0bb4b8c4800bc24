"""What a sample costs, whoever else is on the host; what many of them do to memory; and which
share of a core the observer takes."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import psutil

from mlterm.core.schedule import Schedule
from mlterm.sampling.book import SampleBook
from mlterm.system.paths import RunFiles
from mlterm.system.processes import ProcessTree
from mlterm.system.slate import Slate
from mlterm.system.summaryfile import SummaryFile
from tests.benchmarks.harness import MLTERM, PROJECT, REPOSITORY, Corner, Row, interleave, ratio
from tests.benchmarks.jobs import KEPT, Sampling, family, fill_proc, made_up_sample

TARGET = 0.5
"""Of the CPU time of one ps."""
CROWD_TARGET = 1.1
SHARE_TARGET_PERCENT = 0.5
MEMORY_TARGET = 1.02
CHILDREN = 64
IDLE = 1500
SAMPLES = 100
"""Of which a mean is taken: every tenth reads PSS, every fifth is followed by a checkpoint."""
CALLS = 20
"""The same of the others."""
ROUND_THE_HOST = 200
"""Samples after which the search for marked processes has been through IDLE of them."""
LEAD_SECONDS, WATCHED_SECONDS = 5.0, 30.0
FEWER, ALIKE, MANY = 100_000, 125_000, 1_000_000
"""A series has the same number of buckets at each doubling of its points: 391 of 512 after FEWER,
489 after ALIKE and MANY. A checkpoint takes memory for each."""
STEP_SECONDS = 0.02
"""Between two of the many, by a clock of ours: 4,000 checkpoints, where 200,000 of them would take
a quarter of an hour."""
REAL = 1_000, 4_000
"""As full as each other too."""
LARGE = 10_000

_JOB_OF_FOUR = """
import os, signal, sys, time
for _ in range(3):
    if not os.fork():
        signal.pause()
for step in range(1, 10**6):
    time.sleep(1)
    if sys.argv[1:]:
        print(f"step {step} loss {1 / step:.4f}", flush=True)
"""
_PS = ["ps", "-w", "-s", "{}", "-o", "pid,pcpu,pmem,rss,vsz,etime,stat,cmd"]
_ATTRIBUTES = ("cpu_percent", "memory_info", "io_counters", "num_threads", "cmdline")


def measure(corner: Corner, rounds: int) -> list[Row]:
    """The rows in the order of their targets."""
    return [
        *_against_ps(corner, rounds),
        *_beside_others(corner, rounds),
        *_observers(corner),
        *_memory(corner),
        _large_job(corner),
    ]


def _milliseconds(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1000:.2f} ms"


# --- One sample ---------------------------------------------------------------------------


def _against_ps(corner: Corner, rounds: int) -> list[Row]:
    """CPU time, in turns with what others call each second."""
    with family(CHILDREN, own_session=True) as (root, _):
        naive = _Psutil(root)
        with closing(Sampling(root, corner.path)) as ours:
            ours.take(SAMPLES)
            measures = {
                "ours": lambda: ours.take(SAMPLES),
                "ps": lambda: statistics.fmean(_ps(root) for _ in range(CALLS)),
                "psutil": lambda: statistics.fmean(naive() for _ in range(CALLS)),
            }
            taken = interleave(measures, rounds)
    size = f"{CHILDREN + 1} processes"
    names = {
        "ps": f"one sample of a job of {size}, CPU time against ps -s SID",
        "psutil": "  against psutil, asked for each of them",
    }
    return [
        Row(name, _milliseconds(taken["ours"]), _milliseconds(taken[peer]),
            ratio(taken["ours"], taken[peer]), TARGET if peer == "ps" else None)
        for peer, name in names.items()
    ]  # fmt: skip


def _ps(session: int) -> float:
    """CPU seconds of one call, of ps alone."""
    words = [word.format(session) for word in _PS]
    silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[silent])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"ps ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


class _Psutil:
    """As it is mostly done: the tree, then attributes of each; processes are kept, without which
    there is no CPU rate."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._known: dict[int, psutil.Process] = {root: self._root}

    def __call__(self) -> float:
        begin = time.process_time()
        for found in self._root.children(recursive=True):
            self._known.setdefault(found.pid, found)
        for process in self._known.values():
            process.as_dict(_ATTRIBUTES)
        return time.process_time() - begin


def _beside_others(corner: Corner, rounds: int) -> list[Row]:
    """The same with many more processes on the host, in turns with without."""
    with family(CHILDREN, own_session=True) as (root, _):
        first: dict[str, list[float]] = {"with": [], "without": []}
        counts = []

        def take(who: str, *, idle: int) -> float:
            # In this session, so that they are not taken for the job's.
            with family(idle, "sleep", "3600", own_session=False) as (_, count):
                counts.append(count)
                with closing(Sampling(root, corner.path)) as ours:
                    ours.take(1)
                    first[who].append(ours.take(min(SAMPLES, IDLE // 16)))
                    ours.take(ROUND_THE_HOST)
                    return ours.take(SAMPLES)

        later = interleave(
            {"with": lambda: take("with", idle=IDLE), "without": lambda: take("without", idle=0)},
            rounds,
        )
    first = {who: times[1:] for who, times in first.items()}  # without the warm-up
    count = max(counts)
    return [
        Row(name, _milliseconds(taken["with"]), _milliseconds(taken["without"]),
            ratio(taken["with"], taken["without"]), CROWD_TARGET)
        for name, taken in (
            (f"  with {count} more processes on the host, against without", later),
            ("  the same in the first minutes, when each is searched once", first),
        )
    ]  # fmt: skip


# --- The observer ---------------------------------------------------------------------------


def _observers(corner: Corner) -> list[Row]:
    """Two runs at once, by the clock, each against the target; then, since no run is that short,
    what a second costs when all series are full."""
    quiet, telling = f"quiet-{os.getpid()}", f"telling-{os.getpid()}"  # no other run's names
    jobs = {quiet: (), telling: ("loudly",)}
    for name, words in jobs.items():
        run = ["run", "-d", "--project", PROJECT, "--run-id", name, "--log-dir", str(corner.logs)]
        job = [sys.executable, "-c", _JOB_OF_FOUR, *words]
        corner.finish(corner.start([*MLTERM, *run, "--", *job]))
    time.sleep(LEAD_SECONDS)
    pids = {name: _observer_of(name) for name in jobs}
    begin, before = time.monotonic(), {name: _cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(WATCHED_SECONDS)
    elapsed = time.monotonic() - begin
    percents = {
        name: 100 * (_cpu_seconds(pid) - before[name]) / elapsed for name, pid in pids.items()
    }
    for log in corner.logs.glob("*.jsonl"):
        corner.finish(corner.start([*MLTERM, "stop", "--grace", "1", str(log)]))
    corner.settle()
    with family(3, own_session=True) as (root, _), closing(Sampling(root, corner.path)) as ours:
        ours.take(1_000)
        full = 100 * ours.take(1_000)
    return [
        _share("the observer of a quiet job of four processes, of a core", percents[quiet]),
        _share("  of one that prints a metric each second", percents[telling]),
        _share("  the sampling alone, after a thousand samples", full),
    ]


def _share(name: str, percent: float) -> Row:
    target = SHARE_TARGET_PERCENT
    return Row(name, f"{percent:.2f} %", f"{target:.2f} %", ratio([percent], [target]), 1.0)


def _observer_of(run_id: str) -> int:
    title = f"mlterm observer {PROJECT}/{run_id}"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if " ".join(process.cmdline()).rstrip() == title:
                return process.pid
    raise RuntimeError(f"the run {run_id} has no observer")


def _cpu_seconds(pid: int) -> float:
    """All that a process has used, in nanoseconds where /proc/PID/stat tells hundredths: by its
    clock, whose number clock_getcpuclockid(3) makes of the pid so."""
    return time.clock_gettime(~pid << 3 | 2)


# --- Memory -------------------------------------------------------------------------------


def _memory(corner: Corner) -> list[Row]:
    begin = time.monotonic()
    early, alike, late = _told_by("grow", corner)
    minutes = (time.monotonic() - begin) / 60
    with family(3, own_session=True) as (root, _):
        before, after = _told_by("repeat", corner, root)
    span = f"{STEP_SECONDS} s apart by a clock of ours, in {minutes:.1f} min"
    rows = []
    what = f"memory after a million samples, against {FEWER:,} ({span})"
    real = f"  of a real job, after {REAL[1]:,} samples against {REAL[0]:,}"
    for name, now, then, target in (
        (what, late, early, MEMORY_TARGET),
        (f"  against {ALIKE:,}, when the series were as full", late, alike, None),
        (real, after, before, None),
    ):
        sizes = f"{now['rss'] / 1e6:.1f} MB", f"{then['rss'] / 1e6:.1f} MB"
        rows.append(Row(name, *sizes, ratio([now["rss"]], [then["rss"]]), target))
        for kind, held in (("blocks", "small objects"), ("fds", "descriptors")):
            counts = f"{now[kind]:,.0f}", f"{then[kind]:,.0f}"
            each = ratio([now[kind]], [then[kind]])
            rows.append(Row(f"    {held} then", *counts, each))
    return rows


def _told_by(function: str, corner: Corner, *numbers: int) -> list[dict[str, float]]:
    """What a function of this module prints, in a process of its own."""
    folder = tempfile.mkdtemp(dir=corner.path)
    arguments = ", ".join(map(repr, (folder, *numbers)))
    code = f"from tests.benchmarks import sampling; sampling.{function}({arguments})"
    words = [sys.executable, "-c", code]
    done = subprocess.run(
        words, cwd=REPOSITORY, env=corner.environ, capture_output=True, check=True
    )
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


def grow(folder: str) -> None:
    """Print what the process holds after FEWER, ALIKE and MANY samples. They are written to
    /dev/null; the sums and series as ever."""
    files = RunFiles.of(Path(folder), PROJECT, "r")
    files.folder.mkdir()
    files.system.symlink_to(os.devnull)
    with closing(SampleBook(files, 1, KEPT, SummaryFile(files.summary), Slate())) as book:
        marks = (FEWER, ALIKE, MANY)
        found = _footprints(lambda n: book.add(made_up_sample(n, STEP_SECONDS)), marks)
    print(json.dumps(found))


def repeat(folder: str, root: int) -> None:
    """The same of a job's own samples, after each of REAL."""
    with closing(Sampling(root, Path(folder))) as sampling:
        found = _footprints(lambda _: sampling.take(1), REAL)
    print(json.dumps(found))


def _footprints(add: Callable[[int], object], marks: Sequence[int]) -> list[dict[str, float]]:
    """What this process holds when so many samples are added: the mean of some 20 readings in the
    last twentieth before, since a single one swings by 3%, as what a checkpoint took is given
    back."""
    process = psutil.Process()
    found, number = [], 0
    for mark in marks:
        taken = []
        while number < mark:
            number += 1
            add(number)
            to_go = mark - number
            if to_go < mark // 20 and to_go % (mark // 400) == 0:
                rss = process.memory_info().rss
                taken.append((rss, sys.getallocatedblocks(), process.num_fds()))
        means = map(statistics.fmean, zip(*taken, strict=True))
        found.append(dict(zip(("rss", "blocks", "fds"), means, strict=True)))
    return found


# --- A large job ----------------------------------------------------------------------------


def _large_job(corner: Corner) -> Row:
    """From a /proc of our own, in memory: what Python does of it, without the kernel's part."""
    proc = Path(tempfile.mkdtemp(prefix="mlterm-bench-", dir="/dev/shm"))
    try:
        fill_proc(proc, LARGE)
        with closing(Sampling(os.getpid(), corner.path)) as ours:
            ours.sampler._tree.close()
            ours.sampler._tree = ProcessTree(1, proc=proc)
            ours.take(2)
            times = [ours.take(10) for _ in range(5)]
    finally:
        shutil.rmtree(proc)
    every = Schedule(1.0).due_after(0.0, statistics.median(times))
    name = f"one sample of a job of {LARGE:,} processes (a /proc in memory)"
    return Row(name, _milliseconds(times), words=f"taken every {every:.0f} s")
