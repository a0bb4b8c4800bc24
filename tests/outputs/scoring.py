"""What was found in a sample against what had to be found: recall, precision, steps right."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlterm.core.metrics.findings import Finding
from mlterm.core.metrics.reader import OutputReader
from mlterm.core.records import as_number

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
NEGATIVES = HERE / "negatives"


@dataclass(frozen=True)
class Point:
    """One value of one metric."""

    name: str
    value: float
    epoch: float | None
    step: float | None
    is_needed: bool = True


@dataclass
class Score:
    """Of one sample."""

    name: str
    needed: int = 0
    """Points that had to be found."""
    hit: int = 0
    found: int = 0
    """Points that were found, and how many of them are true."""
    true: int = 0
    placed: int = 0
    """True points of which an epoch or step is known, and how many have the right one."""
    placed_right: int = 0
    missed: list[Point] = field(default_factory=list)
    wrong: list[Point] = field(default_factory=list)
    misplaced: list[tuple[Point, Point]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Of what had to be found."""
        return self.hit / self.needed if self.needed else 1.0

    @property
    def precision(self) -> float:
        """Of what was found."""
        return self.true / self.found if self.found else 1.0

    @property
    def steps(self) -> float:
        """Of what has a place."""
        return self.placed_right / self.placed if self.placed else 1.0


def samples() -> Iterator[Path]:
    """The logs that have a truth beside them."""
    return (path for path in sorted(SAMPLES.glob("*.log")) if path.with_suffix(".jsonl").exists())


def read(path: Path, chunk: int = 1 << 16) -> list[Finding]:
    """All that is found in a log."""
    reader = OutputReader()
    data = path.read_bytes()
    found: list[Finding] = []
    for at in range(0, len(data), chunk):
        found += reader.feed(data[at : at + chunk])
    return found + list(reader.finish())


def score(path: Path) -> Score:
    """Match the points of a log with its truth: by name and value, the place deciding between
    several."""
    truth = list(truth_of(path.with_suffix(".jsonl")))
    result = Score(path.stem, needed=sum(point.is_needed for point in truth))
    free: dict[str, list[Point]] = {}
    for point in truth:
        free.setdefault(point.name, []).append(point)
    for point in points_of(read(path)):
        result.found += 1
        alike = [other for other in free.get(point.name, []) if same(point.value, other.value)]
        if not alike:
            result.wrong.append(point)
            continue
        best = max(alike, key=lambda other: (is_placed(point, other), other.is_needed))
        free[point.name].remove(best)
        result.true += 1
        result.hit += best.is_needed
        if best.epoch is not None or best.step is not None:
            result.placed += 1
            result.placed_right += is_placed(point, best)
            if not is_placed(point, best):
                result.misplaced.append((point, best))
    result.missed = [p for points in free.values() for p in points if p.is_needed]
    return result


def truth_of(path: Path) -> Iterator[Point]:
    """The points that a truth file holds."""
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record["kind"] != "hyperparameters":
            needed = record["kind"] == "expect"
            for name, value in record["metrics"].items():
                number = as_number(value)
                assert number is not None, f"{path}: {value!r}"
                yield Point(name, number, record["epoch"], record["step"], needed)


def points_of(found: list[Finding]) -> Iterator[Point]:
    """Each value by itself."""
    for each in found:
        for name, value in each.metrics.items():
            yield Point(name, value, each.epoch, each.step)


def same(printed: float, true: float) -> bool:
    """Whether a printed value may be the true one, rounded (or cut) as it was."""
    if math.isnan(printed) or math.isnan(true):
        return math.isnan(printed) and math.isnan(true)
    if math.isinf(printed) or math.isinf(true):
        return printed == true
    text = repr(printed)
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2]) if "." in mantissa else 0
    unit = 10.0 ** (int(exponent or 0) - digits)
    return abs(printed - true) <= 1.01 * unit or math.isclose(printed, true, rel_tol=1e-6)


def is_placed(point: Point, true: Point) -> bool:
    """Whether epoch and step are right, as far as they are known."""
    epoch = true.epoch is None or (point.epoch is not None and same(point.epoch, true.epoch))
    return epoch and (true.step is None or true.step == point.step)
