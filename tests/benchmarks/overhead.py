"""What a CPU-bound script loses by running under mlterm, told by the script itself."""

import statistics
import sys
from collections.abc import Callable, Sequence

from tests.benchmarks.harness import MLTERM, Corner, Row, interleave, ratio

SECONDS = 2.0
TARGET = 1.01
QUIET = 0.005
"""Noise (the median's standard error) below which no more pairs are needed."""
MOST_ROUNDS = 25
_LOOP = """
import sys, time
def loop(count):
    total = 0
    for number in range(count):
        total += number * number % 7
    return total
wall, cpu = time.perf_counter(), time.process_time()
loop(int(sys.argv[1]))
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
_TRIAL = 2_000_000


def measure(corner: Corner, rounds: int) -> list[Row]:
    """The loop's own times with and without mlterm, its CPU time and the clock's."""
    count = calibrate(corner)
    loop = [sys.executable, "-c", _LOOP, str(count)]
    supervised = corner.mlterm_run(*loop, mlterm=MLTERM)
    walls: dict[str, list[float]] = {"ours": [], "alone": []}

    def timed(who: str, command: Sequence[str]) -> Callable[[], float]:
        def take() -> float:
            wall, cpu = own_times(corner, command)
            corner.settle()
            walls[who].append(wall)
            return cpu

        return take

    def quiet(taken: dict[str, list[float]]) -> bool:
        recent = {who: times[1:] for who, times in walls.items()}  # the first is a warm-up
        return all(ratio(times["ours"], times["alone"]).noise <= QUIET for times in (taken, recent))

    taken = interleave(
        {"ours": timed("ours", supervised), "alone": timed("alone", loop)},
        rounds,
        enough=quiet,
        most=MOST_ROUNDS,
    )
    walls = {who: times[1:] for who, times in walls.items()}
    return [
        _row("CPU time", taken["ours"], taken["alone"]),
        _row("time", walls["ours"], walls["alone"]),
    ]


def calibrate(corner: Corner) -> int:
    """How many turns take about two seconds."""
    wall, _ = own_times(corner, [sys.executable, "-c", _LOOP, str(_TRIAL)])
    return int(_TRIAL * SECONDS / wall)


def own_times(corner: Corner, command: Sequence[str]) -> tuple[float, float]:
    """What the loop says: seconds by the clock, and seconds of CPU."""
    path = corner.path / "times"
    with path.open("wb") as output:
        corner.seconds(command, output)
    wall, cpu = map(float, path.read_text().split())
    path.unlink()
    return wall, cpu


def _row(what: str, ours: Sequence[float], alone: Sequence[float]) -> Row:
    each = ratio(ours, alone)
    tellable = each.noise <= TARGET - 1
    return Row(
        f"a CPU-bound loop's own {what}, against without mlterm",
        f"{statistics.median(ours):.3f} s",
        f"{statistics.median(alone):.3f} s",
        each,
        target=TARGET,
        words="" if tellable else "cannot tell: the noise is above 1%",
    )
