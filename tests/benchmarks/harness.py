"""What every figure shares: a corner of its own, interleaved measuring, and the table."""

import fcntl
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).parents[2]
MLTERM = [sys.executable, "-m", "mlterm"]
PROJECT = "benchmark"
RUN_ID = "r"
SETTLING_SECONDS = 60.0
READ_BYTES = 256 * 1024
FEWEST_PAIRS = 5
"""Below which the noise cannot be told; one is for what has none (memory)."""


# --- Where commands run -------------------------------------------------------------------


class Corner:
    """A folder and an environment that no other run of mlterm shares; a context manager."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="mlterm-bench-")).resolve()
        self.logs = self.path / "logs"
        (self.path / "run").mkdir(mode=0o700)
        # Where it is set, no bytecode is cached and every start would compile mlterm anew.
        dropped = ("MLTERM_", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        self.environ = kept | {
            "HOME": str(self.path),
            "MLTERM_RUNTIME_DIR": str(self.path / "run"),
            "XDG_CACHE_HOME": str(self.path / "cache"),
            "XDG_CONFIG_HOME": str(self.path / "config"),
        }
        if installed_script() is None:
            paths = (str(REPOSITORY), kept.get("PYTHONPATH"))
            self.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

    def __enter__(self) -> "Corner":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            self.settle(seconds=1.0)
        for run in self.logs.glob("*.jsonl"):  # interrupted: it would go on without us
            self.finish(self.start([*MLTERM, "stop", "--grace", "1", str(run)]))
        with suppress(TimeoutError):
            self.settle()
        shutil.rmtree(self.path, ignore_errors=True)

    def mlterm_run(self, *command: str, mlterm: Sequence[str] = MLTERM) -> list[str]:
        """The words of ``mlterm run --plain -q`` for a command."""
        names = ["--project", PROJECT, "--run-id", RUN_ID, "--log-dir", str(self.logs)]
        return [*mlterm, "run", "--plain", "-q", *names, "--", *command]

    def start(
        self, command: Sequence[str], stdout: int | IO[bytes] = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a command here, stdin /dev/null."""
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, cwd=self.path, env=self.environ
        )

    def finish(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a command; anything but success ends the benchmark."""
        code = process.wait()  # with a timeout it would poll, and round up to 50 ms
        if code:
            raise RuntimeError(f"{process.args!r} ended with {code}")

    def seconds(
        self, command: Sequence[str], stdout: int | IO[bytes] = subprocess.DEVNULL
    ) -> float:
        """How long a command takes."""
        begin = time.perf_counter()
        self.finish(self.start(command, stdout))
        return time.perf_counter() - begin

    def seconds_into_pipe(self, command: Sequence[str]) -> tuple[float, int]:
        """How long a command takes whose stdout is a pipe that is read; the bytes read."""
        buffer = bytearray(READ_BYTES)
        count = 0
        begin = time.perf_counter()
        process = self.start(command, subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout as pipe:
            while got := os.readv(pipe.fileno(), [buffer]):
                count += got
        self.finish(process)
        return time.perf_counter() - begin, count

    def settle(self, seconds: float = SETTLING_SECONDS) -> None:
        """Wait until nothing of mlterm is left of the last run, then forget that run."""
        deadline = time.monotonic() + seconds
        while any(map(_is_locked, self.logs.glob("*.lock"))):
            if time.monotonic() > deadline:
                raise TimeoutError("a run's supervisor does not end")
            time.sleep(0.005)
        shutil.rmtree(self.logs, ignore_errors=True)


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def installed_script() -> Path | None:
    """The mlterm of this interpreter's environment, where one is installed."""
    script = Path(sys.executable).with_name("mlterm")
    return script if script.exists() else None


def find_program(name: str) -> str | None:
    """A program on PATH, else beside the interpreter (a virtual environment's)."""
    return shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))


# --- Measuring ----------------------------------------------------------------------------


def interleave(
    measures: Mapping[str, Callable[[], float]],
    rounds: int,
    enough: Callable[[dict[str, list[float]]], bool] = lambda _: True,
    most: int = 0,
) -> dict[str, list[float]]:
    """Measure A B A B …, so that what the machine does meanwhile meets both alike.

    A first round, not counted, fills caches. After ``rounds`` it goes on until ``enough``
    says so, up to ``most``.
    """
    for measure in measures.values():
        measure()
    taken: dict[str, list[float]] = {name: [] for name in measures}
    done = 0
    while done < rounds or (done < most and not enough(taken)):
        for name, measure in measures.items():
            taken[name].append(measure())
        done += 1
    return taken


@dataclass(frozen=True)
class Ratio:
    """Ours to the peer's, of several pairs."""

    median: float
    low: float
    high: float
    noise: float
    """The standard error of the median; 0 where there is but one pair."""
    pairs: int


def ratio(ours: Sequence[float], peers: Sequence[float]) -> Ratio:
    """The ratio of each pair, folded."""
    each = [our / peer for our, peer in zip(ours, peers, strict=True)]
    median = statistics.median(each)
    # From the median deviation, so that one interrupted pair does not count for more.
    deviation = 1.4826 * statistics.median(abs(one - median) for one in each)
    error = 1.2533 * deviation / len(each) ** 0.5
    return Ratio(median, min(each), max(each), error, len(each))


# --- The table ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure, something that explains one, or why there is none."""

    name: str
    ours: str = ""
    peer: str = ""
    ratio: Ratio | None = None
    target: float | None = None
    """The ratio is to be no more than this."""
    words: str = ""
    """Instead of a verdict."""

    @property
    def verdict(self) -> str:
        """Met, missed, or too close to the target for this machine's noise (two errors)."""
        if self.words or self.ratio is None or self.target is None:
            return self.words
        if 1 < self.ratio.pairs < FEWEST_PAIRS:
            return "too few pairs to tell"
        if abs(self.ratio.median - self.target) <= 2 * self.ratio.noise:
            return "too close to tell"
        return "met" if self.ratio.median < self.target else "missed"

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        numbers = None if self.ratio is None else vars(self.ratio)
        return {
            "name": self.name, "ours": self.ours, "peer": self.peer, "ratio": numbers,
            "target": self.target, "verdict": self.verdict,
        }  # fmt: skip


def figure(name: str, value: float, target: float, unit: str) -> Row:
    """A figure with a bound of its own, as a share of it."""
    share = value / target
    one = Ratio(share, share, share, 0.0, 1)
    digits = 2 if target < 5 else 1
    return Row(name, f"{value:.{digits}f} {unit}", f"{target:g} {unit}", one, target=1.0)


HEAD = ("", "mlterm", "peer", "ratio", "min-max", "noise", "target", "")


def table(rows: Sequence[Row]) -> str:
    """The rows in columns; the first and last flush left, numbers flush right."""
    cells = [HEAD, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    lines = []
    for line in cells:
        middle = (cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True))
        lines.append("  ".join([line[0].ljust(widths[0]), *middle, line[-1]]).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    if row.ratio is None:
        return row.name, row.ours, row.peer, "", "", "", "", row.verdict
    target = "" if row.target is None else f"<= {row.target:.2f}"
    span = f"{row.ratio.low:.3f}-{row.ratio.high:.3f}"
    noise = f"±{row.ratio.noise:.3f}" if row.ratio.pairs > 1 else ""
    return row.name, row.ours, row.peer, f"{row.ratio.median:.3f}", span, noise, target, row.verdict
