"""How long a million records take to become CSV, against pandas: whole programs, in turns."""

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.harness import MLTERM, PROJECT, Corner, Row, interleave, ratio
from tests.benchmarks.reading import alike_records, write

TARGET = 1.0
RECORDS = 1_000_000
FEWER = 100_000
_PANDAS = """
import sys, time
import pandas
begin = time.perf_counter()
pandas.read_json(sys.argv[1], lines=True).to_csv(sys.argv[2], index=False)
print(time.perf_counter() - begin)
"""
_PEAK = """
import sys
from pathlib import Path
from mlterm.exporting.formats import FORMATS, Options, exporter
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
run = store.load(RunFiles(Path(sys.argv[1])))
exporter(FORMATS["csv"])([run], Target(sys.argv[2], overwrite=True), Options())
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Ours with the start of mlterm; pandas without its import, and with it."""
    corner.logs.mkdir()
    run, short = (_run(corner.logs, count) for count in (RECORDS, FEWER))
    out = str(corner.path / "out.csv")
    pandas = [sys.executable, "-c", _PANDAS, str(run), out]
    ours = [*MLTERM, "export", str(run), "--overwrite", "-o", out]
    within: list[float] = []

    def whole_pandas() -> float:
        with (corner.path / "seconds").open("w+b") as told:
            seconds = corner.seconds(pandas, told)
            told.seek(0)
            within.append(float(told.read()))
        return seconds

    taken = interleave({"ours": lambda: corner.seconds(ours), "pandas": whole_pandas}, rounds)
    what = f"a million records ({run.stat().st_size / 1e6:.0f} MB) to CSV, against pandas"
    peaks = [_peak(corner, path, out) for path in (run, short)]
    name = "  peak memory, of a million against a hundred thousand"
    memory = ratio(peaks[:1], peaks[1:])
    return [
        _row(f"{what}, its import not counted", taken["ours"], within[1:], TARGET),
        _row("  with its import", taken["ours"], taken["pandas"], None),
        Row(name, f"{peaks[0]:.1f} MB", f"{peaks[1]:.1f} MB", memory, target=1.1),
    ]


def _run(folder: Path, count: int) -> Path:
    return write(folder / f"{PROJECT}_{count}.jsonl", _records(count))


def _records(count: int) -> Iterator[dict[str, object]]:
    for step, record in enumerate(alike_records(count)):
        yield record | {"epoch": step // 1000, "_step": step}


def _row(name: str, ours: Sequence[float], peers: Sequence[float], target: float | None) -> Row:
    our, peer = (f"{statistics.median(each):.2f} s" for each in (ours, peers))
    return Row(name, our, peer, ratio(ours, peers), target)


def _peak(corner: Corner, path: Path, out: str) -> float:
    words = [sys.executable, "-c", _PEAK, str(path), out]
    done = subprocess.run(words, env=corner.environ, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024
