"""A million records folded into series, against orjson alone; and the memory that takes."""

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from mlterm.system import store
from tests.benchmarks.harness import Corner, Row, interleave, ratio

TARGET = 1.5
FLAT = 1.1
RECORDS = 1_000_000
FEWER = RECORDS // 10
PEER_BLOCK = 256 * 1024
"""Of 64 KiB to 4 MiB the size in which orjson alone was fastest, or as fast as any."""
_NAMES = ("train_loss", "val_loss", "accuracy", "learning_rate", "grad_norm")
_PEAK = """
import sys
from mlterm.reader import read_run
assert len(read_run(sys.argv[1]).series) == 5
# Not ru_maxrss: that has the parent's peak in it, from before exec.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Whole files, in turns, from the page cache."""
    alike = make_file(corner.path / "alike_r.jsonl", RECORDS)
    turns = make_file(corner.path / "turns_r.jsonl", RECORDS, ("", "eval/"))
    rows = [
        _against_orjson("one million five-metric records folded", alike, rounds, TARGET),
        _against_orjson("  train and eval records in turns", turns, rounds, None),
    ]
    if sys.platform.startswith("linux"):
        fewer = make_file(corner.path / "fewer_r.jsonl", FEWER)
        ours, less = _peak(corner, alike), _peak(corner, fewer)
        rows.append(
            Row(
                f"peak resident memory of read_run().series, {RECORDS:,} records against {FEWER:,}",
                f"{ours / 1024:.1f} MiB",
                f"{less / 1024:.1f} MiB",
                ratio([ours], [less]),
                target=FLAT,
            )
        )
    else:
        rows.append(Row("resident memory", words="skipped: there is no /proc"))
    return rows


def make_file(path: Path, count: int, prefixes: tuple[str, ...] = ("",)) -> Path:
    """Some 190 bytes a record; the names have each of the prefixes in turn."""
    some = random.Random(1)
    with path.open("wb") as file:
        for number in range(count):
            prefix = prefixes[number % len(prefixes)]
            head = {
                "timestamp": f"2026-11-23T04:00:{number % 60:02}.{number % 1_000_000:06}+00:00",
                "type": "metrics",
                "epoch": number,
            }
            values = {prefix + name: round(some.random() * 3, 6) for name in _NAMES}
            file.write(orjson.dumps(head | values, option=orjson.OPT_APPEND_NEWLINE))
    return path


def _against_orjson(what: str, path: Path, rounds: int, target: float | None) -> Row:
    def timed(read: Callable[[Path], object]) -> Callable[[], float]:
        def take() -> float:
            begin = time.perf_counter()
            read(path)
            return time.perf_counter() - begin

        return take

    taken = interleave({"ours": timed(store.fold), "orjson": timed(_parse)}, rounds)
    return Row(
        f"{what}, time against orjson's batch parse",
        f"{statistics.median(taken['ours']):.3f} s",
        f"{statistics.median(taken['orjson']):.3f} s",
        ratio(taken["ours"], taken["orjson"]),
        target,
    )


def _parse(path: Path) -> None:
    """The least that reading takes: blocks of whole lines, each parsed as one array."""
    with path.open("rb") as file:
        while data := file.read(PEER_BLOCK):
            if not data.endswith(b"\n"):
                data += file.readline()
            orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")


def _peak(corner: Corner, path: Path) -> int:
    """The greatest resident set in KiB of a process that folds FILE."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, os.fspath(path)],
        check=True, capture_output=True, text=True, cwd=corner.path, env=corner.environ,
    )  # fmt: skip
    return int(done.stdout)
