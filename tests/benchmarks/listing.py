"""Ten thousand runs listed by the whole program: the first time, again, for scripts; its memory."""

import json
import os
import shutil
import statistics
import sys

from tests.benchmarks import corpus
from tests.benchmarks.harness import MLTERM, Corner, Row, figure

FIRST, AGAIN, MEMORY = 3.0, 1.0, 200.0
"""Seconds, seconds, megabytes."""
_MOST = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measure(corner: Corner, rounds: int) -> list[Row]:
    """The cache is deleted before each of the first times."""
    corpus.make(corner.logs)
    listing = [*MLTERM, "list-runs", "--log-dir", str(corner.logs)]
    expression = "val_loss.min < 0.55 and lr <= 1e-3"
    filtered = [*listing, "--filter", expression, "--sort", "val_loss.min"]
    corner.seconds(listing)  # fills the caches of the file system, not of mlterm alone

    def first() -> float:
        shutil.rmtree(corner.path / "cache", ignore_errors=True)
        return corner.seconds(listing)

    firsts = [first() for _ in range(rounds)]
    rows = [figure("10,000 runs listed, the first time", statistics.median(firsts), FIRST, "s")]
    for name, command in (
        ("  again", listing),
        ("  as JSON", [*listing, "--json"]),
        ("  filtered and sorted by a metric", filtered),
    ):
        seconds = statistics.median([corner.seconds(command) for _ in range(rounds)])
        rows.append(figure(name, seconds, AGAIN, "s"))
    for name, is_first in (("  memory, the first time", True), ("  memory, again", False)):
        if is_first:
            shutil.rmtree(corner.path / "cache")
        rows.append(figure(name, _megabytes(corner, listing), MEMORY, "MB"))
    lines = _output(corner, [*listing, "--json"]).splitlines()
    is_right = len(lines) == corpus.RUNS == len({json.loads(line)["run_id"] for line in lines})
    rows.append(Row("  lines of JSON", f"{len(lines)}", words="right" if is_right else "WRONG"))
    corner.settle()
    return rows


def _megabytes(corner: Corner, command: list[str]) -> float:
    return int(_output(corner, [sys.executable, "-c", _MOST, *command])) / 1024


def _output(corner: Corner, command: list[str]) -> bytes:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as pipe:
        with os.fdopen(write, "wb") as end:
            process = corner.start(command, end)
        output = pipe.read()
    corner.finish(process)
    return output
