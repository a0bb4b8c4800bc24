"""A run with everything that is known of it: what ``mlterm show`` tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlterm.core.best import place_of, value_of
from mlterm.core.goals import goal_of, order_of
from mlterm.core.records import Record
from mlterm.core.series import Series
from mlterm.core.shell import command_line
from mlterm.core.summary import RunSummary


@dataclass(frozen=True)
class Portrait:
    """One run, read once."""

    summary: RunSummary
    origin: Record
    """Its ``run`` record (core.origin); empty where it has none."""
    argv: Sequence[str] = ()
    """Bytes that are no UTF-8 as surrogates."""
    definitions: Mapping[str, Mapping[str, Any]] | None = None
    series: Mapping[str, Series] | None = None
    is_sampled: bool = False
    """Whether the series were drawn from samples of the file: then they have no steps."""
    artifacts: Sequence[Record] = ()
    alerts: Sequence[Record] = ()
    finish: Record | None = None
    tail: Sequence[str] = ()
    """The last lines of a run that did not end well."""
    files: Sequence[tuple[str, int]] = ()
    """Paths, of folders with a stroke behind, and their bytes."""
    broken_lines: int = 0

    @property
    def command(self) -> str | None:
        """What started it, to be typed again; None where that is not known."""
        if not self.argv:
            return None
        folder = self.origin.get("cwd")
        return command_line(self.argv, folder if isinstance(folder, str) else "")

    @property
    def metrics(self) -> list[str]:
        """Their names, as they are looked at."""
        return sorted(self.summary.metrics, key=order_of)

    def goal(self, name: str) -> str | None:
        """``min`` or ``max``, which is wanted of a metric."""
        return goal_of(name, self.definitions or {})

    def best(self, name: str) -> tuple[float, tuple[float, float] | None] | None:
        """The best value, and between which steps it was reached where that is known."""
        goal = goal_of(name, self.definitions or {})
        value = value_of(self.summary.metrics.get(name), goal) if goal else None
        if value is None or goal is None:
            return None
        series = (self.series or {}).get(name)
        known = series is not None and not self.is_sampled
        return value, place_of(series, goal) if series is not None and known else None

    def as_json(self) -> Record:
        """The documented object: the run's line of a list, and what a list leaves out."""
        origin = {
            name: self.origin.get(name)
            for name in ("argv", "cwd", "python", "environment", "parent", "supervised")
        }
        finish = self.finish or {}
        return {
            **self.summary.as_json(),
            **origin,
            "definitions": dict(self.definitions or {}),
            "command": self.command,
            "best": {name: self._best_as_json(name) for name in self.metrics if self.goal(name)},
            "artifacts": list(self.artifacts),
            "alerts": list(self.alerts),
            "files": [{"path": path, "size_bytes": size} for path, size in self.files],
            "broken_lines": self.broken_lines,
            "tail": finish.get("tail"),
            "traceback": finish.get("traceback"),
        }

    def _best_as_json(self, name: str) -> Record:
        value, place = self.best(name) or (None, None)
        step = place[0] if place is not None and place[0] == place[1] else None
        whole = int(step) if step is not None and step == int(step) else step
        return {"goal": self.goal(name), "value": value, "step": whole}
