"""`python -m tests.benchmarks`: measure, and print the table."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable

from tests.benchmarks import (
    comparing,
    exporting,
    importing,
    listing,
    overhead,
    parsing,
    reading,
    sampling,
    start,
    throughput,
    tracking,
    viewing,
)
from tests.benchmarks.harness import Corner, Row, table

ROUNDS = {
    "throughput": 7, "start": 21, "overhead": 9, "tracking": 3, "importing": 21, "reading": 9,
    "parsing": 7, "sampling": 11, "viewing": 15,
    "listing": 5, "exporting": 5, "comparing": 9,
}  # fmt: skip


def main() -> int:
    """Measure what was asked for; 0, whatever the figures say: a timing fails nothing."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Ratios of mlterm to its peers, each measured in turns in the same run.",
    )
    parser.add_argument("--only", choices=ROUNDS, action="append", help="measure only this")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="pairs of each figure")
    parser.add_argument("--megabytes", type=_positive, default=200, metavar="N")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    figures: dict[str, Callable[[Corner, int], list[Row]]] = {
        "throughput": lambda corner, n: throughput.measure(corner, n, options.megabytes),
        "start": start.measure,
        "overhead": overhead.measure,
        "tracking": tracking.measure,
        "importing": importing.measure,
        "reading": reading.measure,
        "parsing": parsing.measure,
        "sampling": sampling.measure,
        "listing": listing.measure,
        "comparing": comparing.measure,
        "exporting": exporting.measure,
        "viewing": lambda corner, n: viewing.measure(corner, n, options.megabytes),
    }
    machine = _machine()  # its load before ours
    rows = []
    for name in options.only or figures:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        with Corner() as corner:
            rows += figures[name](corner, options.rounds or ROUNDS[name])
    if options.json:
        print(json.dumps({"machine": machine, "rows": [row.as_json() for row in rows]}))
    else:
        print(f"{machine}\n\n{table(rows)}\n\n{_LEGEND}")
    return 0


_LEGEND = """\
ratio: the median of pairs measured in turns, after one that is not counted; below 1 mlterm is
the better. noise: the standard error of that median. Bytecode caches are used by all."""


def _machine() -> str:
    python = platform.python_version()
    load = os.getloadavg()[0]
    return f"{platform.platform()}, {os.cpu_count()} CPUs (load {load:.1f}), Python {python}"


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
