"""A run in one object: the line that lists and ``--json`` show."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.records import Record, as_number

_AXES = frozenset({"timestamp", "type", "epoch", "step"})


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run from its file, its lock and nothing else."""

    project: str
    run_id: str
    status: str
    path: str
    aliases: list[str] = field(default_factory=list)
    started: str | None = None
    ended: str | None = None
    duration_seconds: float | None = None
    exit_code: int | None = None
    signal: str | None = None
    reason: str | None = None
    host: str | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``project/run_id``, to tell runs apart by."""
        return f"{self.project}/{self.run_id}"

    @property
    def title(self) -> str:
        """The name as it may be shown: a file may claim any, control sequences included."""
        return clean_text(self.name)

    def as_json(self) -> Record:
        """The documented object (DESIGN.md, shapes)."""
        return asdict(self)


class MetricFold:
    """Last, least, greatest, mean and first of each metric, over any number of records."""

    def __init__(self) -> None:
        self._folded: dict[str, dict[str, Any]] = {}

    def add(self, record: Record) -> None:
        """Take in one record; those that are no metrics are passed over."""
        if record.get("type") != "metrics":
            return
        for name, value in record.items():
            number = None if name in _AXES or name.startswith("_") else as_number(value)
            if number is not None:
                self._add(name, number)

    def _add(self, name: str, value: float) -> None:
        seen = self._folded.get(name)
        if seen is None:
            seen = self._folded[name] = {
                "last": value, "min": None, "max": None, "first": value, "count": 0, "sum": 0.0,
            }  # fmt: skip
        seen["last"] = value
        seen["count"] += 1
        if value == value:  # NaN is no extreme, and would spoil the mean
            seen["min"] = value if seen["min"] is None else min(seen["min"], value)
            seen["max"] = value if seen["max"] is None else max(seen["max"], value)
            seen["sum"] += value
            seen["finite"] = seen.get("finite", 0) + 1

    def result(self) -> dict[str, dict[str, Any]]:
        """``{name: {"last", "min", "max", "mean", "first", "count"}}``."""
        return {name: _finished(seen) for name, seen in self._folded.items()}


def _finished(seen: dict[str, Any]) -> dict[str, Any]:
    mean = seen["sum"] / seen["finite"] if seen.get("finite") else None
    return {
        "last": seen["last"], "min": seen["min"], "max": seen["max"],
        "mean": mean, "first": seen["first"], "count": seen["count"],
    }  # fmt: skip


def fold_metrics(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Every metric of the records, folded."""
    fold = MetricFold()
    for record in records:
        fold.add(record)
    return fold.result()
