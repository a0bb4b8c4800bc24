"""Reading a run for the page: its records once through, and the files beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from mlterm.core.origin import origin_of
from mlterm.core.places import seconds_of
from mlterm.core.records import Record
from mlterm.core.series import Series, SeriesFold
from mlterm.core.summary import RunSummary
from mlterm.exporting.page.curves import CurveBook, ExactPoints
from mlterm.exporting.page.output import end_of_output
from mlterm.feed.samples import SamplesFeed
from mlterm.system.checkpoint import Checkpoint
from mlterm.system.ends import ends_part
from mlterm.system.paths import RunFiles


@dataclass(frozen=True)
class Reading:
    """What a run's files told."""

    summary: RunSummary
    start: Record
    """The ``run`` record that began its last part, amended."""
    finish: Record
    """Of that part; empty where it has not ended."""
    rare: list[Record]
    """All records but those of metrics."""
    series: dict[str, Series]
    origin: float
    """What ``seconds`` of its curves count from: since 1970."""
    metrics: CurveBook
    system: CurveBook
    """Figures of the samples, as ``job/cpu_percent``."""
    output: dict[str, Any] | None

    @property
    def points(self) -> int:
        """How many values its metrics have."""
        return sum(series.count for series in self.series.values())


def read(
    summary: RunSummary, batches: Iterable[list[Record]], limit: int, output_bytes: int
) -> Reading:
    """A run of these records, with curves of at most ``limit`` points that are whole, else
    folded, and so many bytes of the end of its output."""
    files = RunFiles(Path(summary.path))
    fold, exact = SeriesFold(), ExactPoints(limit)
    rare: list[Record] = []
    for batch in batches:
        fold.add_batch(batch)
        exact.add(batch)
        rare += [record for record in batch if record.get("type") != "metrics"]
    defined = {str(each.get("name")): each for each in rare if each.get("type") == "define"}
    samples = _samples(files)
    origin = _origin(summary, fold.series)
    metrics, system = CurveBook(origin, limit), CurveBook(origin, limit)
    for name, series in fold.series.items():
        if points := exact.of(name):
            metrics.add_points(name, exact.places, *points)
        else:
            metrics.add_series(name, series)
    offset = samples.clock_offset
    for name, series in samples.series.items():
        system.add_series(name, series, origin if offset is None else offset)
    return Reading(
        summary=replace(summary, definitions=defined),
        start=origin_of(rare),
        finish=_finish_of(rare),
        rare=rare,
        series=fold.series,
        origin=origin,
        metrics=metrics,
        system=system,
        output=end_of_output(files.output, output_bytes),
    )


def _finish_of(rare: Iterable[Record]) -> Record:
    """How the last part ended, if it has."""
    finish: Record = {}
    for record in rare:
        if record.get("type") == "run" and not record.get("_amends"):
            finish = {}
        elif ends_part(record):
            finish = record
    return finish


def _samples(files: RunFiles) -> SamplesFeed:
    feed = SamplesFeed(files.system)
    feed.open(Checkpoint.read(files.summary))
    while feed.step(lambda: False):
        pass
    return feed


def _origin(summary: RunSummary, series: Mapping[str, Series]) -> float:
    """Where a run's time begins: at its start, or before it where it was resumed."""
    known = [
        each.points("seconds").begins[0] for each in series.values() if each.has_axis("seconds")
    ]
    started = seconds_of(summary.started)
    return min([*known, *([started] if isfinite(started) else ())], default=0.0)
