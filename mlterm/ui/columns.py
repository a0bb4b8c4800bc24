"""The columns of the table of runs: what each says of a run, and how it sorts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.differences import differing_names, flattened
from mlterm.core.durations import format_age, format_duration
from mlterm.core.goals import Goal, goal_of, order_of
from mlterm.core.lifecycle import RUNNING
from mlterm.core.moments import moment_of
from mlterm.core.query import Key
from mlterm.core.query.names import Kind
from mlterm.core.sizes import format_bytes
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.ui.figures import figure, value_words
from mlterm.ui.rows import cut, cut_middle
from mlterm.ui.styles import STATUS

NAME_COLUMNS, METRIC_COLUMNS = 40, 16
LEAST_NAME, NAME_SHARE = 16, 0.25
"""Of a name: never cut to fewer columns, and for the rest to a share of the window."""
VALUE_COLUMNS = 12
"""Of a hyperparameter, at most."""
Settings = Mapping[str, Any]
"""A run's hyperparameters, by name."""
_NUMBERS = (Kind.NUMBER, Kind.DURATION, Kind.BYTES, Kind.ANY)


@dataclass(frozen=True)
class Column:
    """What one column says of each run."""

    heading: str
    cell: Callable[[RunSummary], tuple[str, str]]
    """Its style and text."""
    key: Callable[[RunSummary], Any]
    """None sorts last."""
    right: bool = False
    of: str = ""
    """What tells it from another of the same heading."""

    @property
    def title(self) -> str:
        """What it says, for who does not see the columns beside it."""
        return f"{self.of} {self.heading}" if self.heading in ("min", "max") else self.heading

    @property
    def name(self) -> str:
        """By which it is sorted."""
        return f"{self.heading}/{self.of}"


def columns_of(
    runs: Sequence[RunSummary],
    metrics: Sequence[str],
    now: datetime,
    width: int | None,
    *,
    named: bool,
) -> list[Column]:
    """Name (with the project where ``named``), status, times, the first metric's last and best
    value, the hyperparameters that are not the same in all, and the other metrics' values. Without
    a width nothing is cut."""
    room = None if width is None else max(LEAST_NAME, min(NAME_COLUMNS, int(width * NAME_SHARE)))

    def name(run: RunSummary) -> str:
        return run.title if named else clean_text(run.run_id)

    columns = [
        Column("RUN", lambda r: ("title", _shortened(name(r), room)), name),
        Column("STATUS", _status, lambda r: r.status),
        Column("AGE", lambda r: _age(r, now), lambda r: _since(r, now), right=True),
        Column("DURATION", _duration, lambda r: r.duration_seconds, right=True),
    ]
    defined = definitions_of(runs)
    whole = width is None
    for metric in metrics[:1]:
        columns += _metric_columns(metric, goal_of(metric, defined), whole=whole)
    told = {run.path: settings_of(run) for run in runs}
    columns += [_setting_column(name, told, whole=whole) for name in differing_names(told.values())]
    for metric in metrics[1:]:
        columns += _metric_columns(metric, goal_of(metric, defined), whole=whole)
    return columns


def foremost(runs: Sequence[RunSummary]) -> list[str]:
    """The names of the runs' metrics, those that most of them have first."""
    counts = Counter(name for run in runs for name in run.metrics)
    return sorted(counts, key=lambda name: (-counts[name], order_of(name)))


def key_column(key: Key) -> Column:
    """What the runs have under a name."""

    def cell(run: RunSummary) -> tuple[str, str]:
        value = key.of(run)
        if key.heading == "status":
            return _status(run)
        if value is None:
            return "label", ""
        if isinstance(value, datetime):
            return "dim", f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
        if isinstance(value, str):
            return "title" if key.heading == "name" else "label", clean_text(value)
        if key.kind is Kind.DURATION:
            return "label", format_duration(value)
        if key.kind is Kind.BYTES:
            return "label", format_bytes(value)
        return "label", str(value).lower() if isinstance(value, bool) else figure(value)

    return Column(key.heading, cell, key.of, right=key.kind in _NUMBERS)


def _metric_columns(metric: str, goal: Goal | None, *, whole: bool) -> list[Column]:
    heading = _shortened(clean_text(metric), None if whole else METRIC_COLUMNS)
    last = _metric_column(metric, "last", heading)
    return [last] if goal is None else [last, _metric_column(metric, goal, goal)]


def settings_of(run: RunSummary) -> Settings:
    """A run's hyperparameters, nested ones by names such as ``optim.lr``."""
    values = run.hyperparameters
    is_nested = any(isinstance(value, dict) for value in values.values())
    return flattened(values) if is_nested else values


def _status(run: RunSummary) -> tuple[str, str]:
    words = clean_text(run.status)
    if run.progress is not None and run.status == RUNNING:
        words += f" {run.progress['fraction']:.0%}"
    return STATUS.get(run.status, "bad"), f"● {words}"


def _duration(run: RunSummary) -> tuple[str, str]:
    seconds = run.duration_seconds
    return "label", "" if seconds is None else format_duration(seconds)


def _metric_column(metric: str, what: str, heading: str) -> Column:
    def value(run: RunSummary) -> Any:
        return (run.metrics.get(metric) or {}).get(what)

    def cell(run: RunSummary) -> tuple[str, str]:
        number = value(run)
        return "label", figure(number) if isinstance(number, int | float) else ""

    return Column(heading, cell, lambda r: _sortable(value(r)), right=True, of=metric)


def _setting_column(name: str, told: Mapping[str, Settings], *, whole: bool) -> Column:
    def value(run: RunSummary) -> Any:
        return told.get(run.path, {}).get(name)

    def cell(run: RunSummary) -> tuple[str, str]:
        words = _words(value(run))
        return "label", words if whole else cut(words, VALUE_COLUMNS)

    heading = _shortened(clean_text(name), None if whole else VALUE_COLUMNS)
    return Column(heading, cell, lambda r: _sortable(value(r)), right=True)


def _shortened(text: str, width: int | None) -> str:
    return text if width is None else cut_middle(text, width)


def _sortable(value: Any) -> tuple[int, Any] | None:
    """Numbers before words; nothing and NaN last."""
    if value is None or value != value:
        return None
    return (0, value) if isinstance(value, int | float) else (1, _words(value))


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return figure(value)
    return value_words(value)


def _since(run: RunSummary, now: datetime) -> float | None:
    moment = moment_of(run.started)
    return None if moment is None else (now - moment).total_seconds()


def _age(run: RunSummary, now: datetime) -> tuple[str, str]:
    seconds = _since(run, now)
    return "dim", "" if seconds is None else format_age(seconds)
