"""Some metrics of a run, to be drawn once: folded, or exact where there are few points."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from mlterm.core.series import Series, SeriesFold
from mlterm.feed.metrics import read_metrics
from mlterm.system import store
from mlterm.system.paths import RunFiles

EXACT_POINTS = 10_000
"""So many points of a metric are few: they are read one by one where exact ones are wanted."""


class Curves(NamedTuple):
    """What was found of a run."""

    series: dict[str, Series]
    """Of the metrics that were wanted and are there."""
    names: list[str]
    """All of its metrics."""
    broken_lines: int
    """Of those that were read."""


def read_curves(files: RunFiles, wanted: Collection[str], *, exact: bool) -> Curves:
    """The series of the wanted metrics; ``exact`` where every point is wanted, if they are few.

    What summary.json has folded already is not read again, unless for that. Raises OSError.
    """
    feed = read_metrics(files)
    series = feed.series
    found = {name: series[name] for name in wanted if name in series}
    if exact:
        few = [n for n, each in found.items() if each.width > 1 and each.count <= EXACT_POINTS]
        found |= _unfolded(files, few) if few else {}
    return Curves(found, list(series), feed.broken_lines)


def _unfolded(files: RunFiles, names: Collection[str]) -> Mapping[str, Series]:
    folds = [SeriesFold(name, EXACT_POINTS) for name in names]
    for batch, _ in store.batches(files.run):
        for fold in folds:
            fold.add_batch(batch)
    return {name: series for fold in folds for name, series in fold.series.items()}
