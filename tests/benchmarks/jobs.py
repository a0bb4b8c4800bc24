"""Jobs to be sampled, real and made up, and the observer's work on them without its waiting."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlterm.core.plan import SamplingPlan
from mlterm.sampling.book import SampleBook
from mlterm.sampling.sampler import Sampler, Subject
from mlterm.system.paths import RunFiles
from mlterm.system.slate import Slate
from mlterm.system.summaryfile import SummaryFile
from tests.benchmarks.harness import PROJECT

MARK = ("MLTERM_RUN_FILE", "/nowhere.jsonl")
KEPT = SamplingPlan(retention_seconds=math.inf)
_PARENT = """
import os, signal, sys
count, *command = sys.argv[1:]
children = []
try:
    for _ in range(int(count)):
        child = os.posix_spawnp(command[0], command, os.environ) if command else os.fork()
        if not child:
            signal.pause()
        children.append(child)
except OSError:
    pass  # the machine has no room for more
print(len(children), flush=True)
sys.stdin.read()
for child in children:
    os.kill(child, signal.SIGKILL)
for child in children:
    os.waitpid(child, 0)
"""


@contextmanager
def family(count: int, *command: str, own_session: bool) -> Iterator[tuple[int, int]]:
    """A parent's pid and how many children it has: forks that pause, as a DataLoader's workers
    wait for work, or a command's. The parent ends exactly those, when its stdin does."""
    words = [sys.executable, "-c", _PARENT, str(count), *command]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes, start_new_session=own_session) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


class Sampling:
    """What the observer's thread does, as fast as it goes, on a clock that a second passes on
    from one sample to the next."""

    def __init__(self, root: int, folder: Path) -> None:
        self._passed = 0.0
        files = RunFiles.of(Path(tempfile.mkdtemp(dir=folder)), PROJECT, "r")
        files.folder.mkdir()
        self.book = SampleBook(files, 1, KEPT, SummaryFile(files.summary), Slate())
        subject = Subject(
            root=root,
            environ={},
            folder=files.folder,
            started_monotonic=time.monotonic(),
            adopter=os.getpid(),
            session=os.getsid(0),
            mark=MARK,
        )
        self.sampler = Sampler(subject, self.book.energy, self.book.meters, self._now)

    def take(self, count: int) -> float:
        """CPU seconds of one of ``count`` samples, on the mean."""
        begin = time.process_time()
        for _ in range(count):
            self.book.add(self.sampler.sample())
            self._passed += 1
        return (time.process_time() - begin) / count

    def close(self) -> None:
        """Let go of everything."""
        self.sampler.close()
        self.book.close()

    def _now(self) -> float:
        return time.monotonic() + self._passed


def made_up_sample(n: int, step_seconds: float) -> dict[str, Any]:
    """A sample of four processes and a GPU, its figures never the same."""
    processes = [
        {
            "pid": 100 + i, "ppid": 100, "name": "python", "role": "worker" if i else "main",
            "state": "R", "cpu_percent": (n + i) % 991 / 7, "cpu_seconds": n / 7,
            "rss_bytes": 10**9 + n % 997, "pss_bytes": None, "uss_bytes": None, "threads": 4,
            "read_bytes": n, "written_bytes": 2 * n, "open_files": 20,
            "gpus": [{"index": 0, "memory_bytes": 10**9 + n % 971, "utilization_percent": n % 97}],
        }
        for i in range(4)
    ]  # fmt: skip
    pss = None if n % 10 else 10**9 + n % 953
    return {
        "timestamp": "2026-11-24T07:00:00.000000+00:00", "t": round(n * step_seconds, 3),
        "interval_seconds": step_seconds,
        "job": {"cpu_percent": n % 1009 / 7, "cpu_seconds": n / 3, "rss_bytes": 10**9 + n % 1013,
                "pss_bytes": pss, "processes": 4, "threads": 16, "read_bytes": n,
                "written_bytes": 2 * n, "read_bytes_per_second": n % 977,
                "written_bytes_per_second": n % 983},
        "host": {"cpu_percent": n % 967 / 10, "memory_used_bytes": 10**10 + n % 941,
                 "disk_read_bytes_per_second": n % 937, "disk_written_bytes_per_second": n % 929,
                 "network_received_bytes_per_second": n % 919,
                 "network_sent_bytes_per_second": n % 911, "temperature_celsius": 40 + n % 31},
        "processes": processes,
        "gpus": [{"index": 0, "uuid": "GPU-a", "name": "made up", "utilization_percent": n % 101,
                  "memory_used_bytes": 10**10 + n % 907, "memory_total_bytes": 8 * 10**10,
                  "power_watts": 300 + n % 97 / 7, "temperature_celsius": 50 + n % 37,
                  "energy_joules": 30.0 * n}],
    }  # fmt: skip


def fill_proc(proc: Path, count: int) -> None:
    """Make a /proc of so many processes: a launcher (1), a hundred ranks, and their workers."""
    environ = b"".join(b"VARIABLE_%d=%s\0" % (i, b"x" * 40) for i in range(60))
    ranks = range(2, 102)
    parents = {1: 0} | dict.fromkeys(ranks, 1)
    parents |= {pid: 2 + pid % len(ranks) for pid in range(102, count + 1)}
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    for pid, parent in parents.items():
        folder = proc / str(pid)
        task = folder / "task" / str(pid)
        task.mkdir(parents=True)
        (folder / "fd").mkdir()
        (task / "children").write_text("".join(f"{child} " for child in children.get(pid, ())))
        rest = f"{parent} 7 7 0 -1 0 0 0 0 0 3 1 0 0 20 0 1 0 50 123456789 10000 0 0 0"
        (folder / "stat").write_text(f"{pid} (python) S {rest} {'0 ' * 26}\n")
        (folder / "cmdline").write_bytes(b"python\0train.py\0--epochs\x0010\0")
        (folder / "environ").write_bytes(environ)
        sizes = ("Rss", "Pss", "Private_Clean", "Private_Dirty", "Private_Hugetlb")
        (folder / "smaps_rollup").write_text("".join(f"{name}: 1000 kB\n" for name in sizes))
