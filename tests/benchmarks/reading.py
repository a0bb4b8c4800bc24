"""How long a million records take to be folded into series, against orjson parsing them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson

from mlterm.system import store
from tests.benchmarks.harness import Corner, Ratio, Row, interleave, ratio

TARGET = 1.5
RECORDS = 1_000_000
FEWER = 100_000
_BATCH_BYTES = 64 * 1024
_PEAK = """
import sys
from pathlib import Path
from mlterm.system import store
store.fold(Path(sys.argv[1]))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Each way to parse in turns with ours; then the memory that both lengths of file take."""
    alike = write(corner.path / "alike.jsonl", alike_records(RECORDS))
    mixed = write(corner.path / "mixed.jsonl", mixed_records(RECORDS))
    short = write(corner.path / "short.jsonl", alike_records(FEWER))
    size = alike.stat().st_size / 1e6
    what = f"a million records ({size:.0f} MB) folded, against orjson"
    rows = [
        _row(f"{what} on joined lines", alike, by_lines, rounds, target=TARGET),
        _row("  against orjson on blocks, newlines made commas", alike, by_blocks, rounds),
        _row("  training and evaluation in turns, on joined lines", mixed, by_lines, rounds),
    ]
    long_peak, short_peak = _peak(corner, alike), _peak(corner, short)
    memory = ratio([long_peak], [short_peak])
    name = "  peak memory, of a million against a hundred thousand"
    rows.append(Row(name, f"{long_peak:.1f} MB", f"{short_peak:.1f} MB", memory, target=1.1))
    return rows


def write(path: Path, records: Iterable[dict[str, object]]) -> Path:
    """The records as a file of a run."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in records)
    return path


def alike_records(count: int) -> Iterator[dict[str, object]]:
    """Five metrics each, of many digits, as training gives them; some 188 bytes."""
    for n in range(count):
        yield _head(n) | {
            "loss": 2.5 / (1 + n % 977), "acc": n % 991 / 991, "lr": 1e-3 / (1 + n % 13),
            "norm": n % 1013 / 7, "speed": 1e3 / (1 + n % 17),
        }  # fmt: skip


def mixed_records(count: int) -> Iterator[dict[str, object]]:
    """Every other record is of an evaluation."""
    for n, record in enumerate(alike_records(count)):
        yield _head(n) | {"eval/loss": n % 977 / 7, "eval/f1": n % 991 / 991} if n % 2 else record


def _head(n: int) -> dict[str, object]:
    moment = (
        f"2026-11-24T07:{n // 60_000_000 % 60:02d}:{n // 1_000_000 % 60:02d}.{n % 1_000_000:06d}"
    )
    return {"timestamp": f"{moment}+00:00", "type": "metrics"}


def by_lines(path: Path) -> None:
    """Lines, read and joined into arrays."""
    with path.open("rb") as file:
        while lines := file.readlines(_BATCH_BYTES):
            orjson.loads(b"[" + b",".join(lines) + b"]")


def by_blocks(path: Path) -> None:
    """The leanest way that we know: the newlines of a block become commas."""
    with path.open("rb", buffering=0) as file:
        for data in store.whole_lines(file.fileno(), 0):
            orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")


def _row(
    name: str, path: Path, parse: Callable[[Path], None], rounds: int, target: float | None = None
) -> Row:
    taken = interleave(
        {"ours": lambda: _seconds(store.fold, path), "orjson": lambda: _seconds(parse, path)},
        rounds,
    )
    each: Ratio = ratio(taken["ours"], taken["orjson"])
    ours, peer = (f"{sorted(times)[len(times) // 2]:.3f} s" for times in taken.values())
    return Row(name, ours, peer, each, target)


def _seconds(work: Callable[[Path], object], path: Path) -> float:
    begin = time.perf_counter()
    work(path)
    return time.perf_counter() - begin


def _peak(corner: Corner, path: Path) -> float:
    words = [sys.executable, "-c", _PEAK, str(path)]
    done = subprocess.run(words, env=corner.environ, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024  # ru_maxrss would tell of what was there before exec too
