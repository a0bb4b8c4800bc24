"""Reading a run for the page: its file once through, and the files beside it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlterm.core.records import Record
from mlterm.core.series import Series, SeriesFold
from mlterm.core.summary import RunSummary
from mlterm.exporting.page.curves import CurveBook, ExactPoints
from mlterm.exporting.page.output import end_of_output
from mlterm.feed.samples import SamplesFeed
from mlterm.system.checkpoint import Checkpoint
from mlterm.system.ends import ends_part
from mlterm.system.paths import RunFiles


@dataclass
class Reading:
    """What a run's files told."""

    summary: RunSummary
    start: Record = field(default_factory=dict)
    """The ``run`` record that began its last part, amended."""
    finish: Record = field(default_factory=dict)
    """Of that part."""
    rare: list[Record] = field(default_factory=list)
    """All records but those of metrics."""
    series: dict[str, Series] = field(default_factory=dict)
    origin: float = 0.0
    """What ``seconds`` of its curves count from: since 1970."""
    metrics: CurveBook | None = None
    system: CurveBook | None = None
    """Figures of the samples, as ``job/cpu_percent``."""
    output: dict[str, Any] | None = None

    @property
    def points(self) -> int:
        """How many values its metrics have."""
        return sum(series.count for series in self.series.values())

    @property
    def definitions(self) -> dict[str, Record]:
        """What was said of each metric: the last record of each name."""
        return {str(r.get("name")): r for r in self.rare if r.get("type") == "define"}


def read(
    summary: RunSummary, batches: Iterable[list[Record]], limit: int, output_bytes: int
) -> Reading:
    """A run of these records, with curves of at most ``limit`` points that are whole, else
    folded, and so many bytes of the end of its output."""
    files = RunFiles(Path(summary.path))
    reading = Reading(summary)
    fold, exact = SeriesFold(), ExactPoints(limit)
    for batch in batches:
        fold.add_batch(batch)
        exact.add(batch)
        reading.rare += [record for record in batch if record.get("type") != "metrics"]
    reading.series = fold.series
    _take_ends(reading)
    samples = _samples(files)
    reading.origin = _origin(reading)
    metrics, system = CurveBook(reading.origin, limit), CurveBook(reading.origin, limit)
    for name, series in reading.series.items():
        if points := exact.of(name):
            metrics.add_points(name, exact.places, *points)
        else:
            metrics.add_series(name, series)
    offset = samples.clock_offset
    for name, series in samples.series.items():
        system.add_series(name, series, reading.origin if offset is None else offset)
    reading.metrics, reading.system = metrics, system
    reading.output = end_of_output(files.output, output_bytes)
    return reading


def _take_ends(reading: Reading) -> None:
    """How its last part began, and ended if it has."""
    for record in reading.rare:
        if record.get("type") == "run" and record.get("_amends"):
            reading.start |= {n: v for n, v in record.items() if n not in ("timestamp", "_amends")}
        elif record.get("type") == "run":
            reading.start, reading.finish = dict(record), {}
        elif ends_part(record):
            reading.finish = record


def _samples(files: RunFiles) -> SamplesFeed:
    feed = SamplesFeed(files.system)
    feed.open(Checkpoint.read(files.summary))
    while feed.step(lambda: False):
        pass
    return feed


def _origin(reading: Reading) -> float:
    """Where a run's time begins: at its start, or before it where it was resumed."""
    known = [
        series.points("seconds").begins[0]
        for series in reading.series.values()
        if series.has_axis("seconds")
    ]
    with suppress(ValueError, OverflowError, OSError):
        known.append(datetime.fromisoformat(reading.summary.started or "").timestamp())
    return min(known, default=0.0)
