"""What is shown of a run, and of others in the same charts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.ui.model import Line, Run
from mlterm.ui.styles import CURVES


class Overlay:
    """A run, with the metrics of others beside its own; all else is the run's."""

    def __init__(self, run: Run, others: Sequence[Run] = (), ghost: Run | None = None) -> None:
        self._run, self._others, self._ghost = run, others, ghost

    @property
    def summary(self) -> RunSummary:
        """Of the run."""
        return self._run.summary

    @property
    def elapsed_seconds(self) -> float | None:
        """Of the run."""
        return self._run.elapsed_seconds

    @property
    def series(self) -> Mapping[str, Series]:
        """Every metric that one of the runs has, but for a ghost's."""
        found: dict[str, Series] = {}
        for run in (self._run, *self._others):
            found = {**run.series, **found}
        return found

    def lines(self, name: str) -> Sequence[Line]:
        """Of each run that has it, by the runs' names, a run in one colour everywhere; the ghost
        beneath them. Of one run alone by the metric's."""
        lines = [
            Line(label or name, run.series[name], style)
            for run, label, style in self._named()
            if name in run.series
        ]
        if self._ghost is not None and name in self._ghost.series:
            label = self._ghost.summary.run_id
            lines.insert(0, Line(label, self._ghost.series[name], "ghost"))
        return lines

    def _named(self) -> Iterator[tuple[Run, str, str]]:
        """The runs with their names and styles; of one alone there are none."""
        if not self._others:
            yield self._run, "", ""
            return
        runs = (self._run, *self._others)
        is_clear = len({run.summary.run_id for run in runs}) == len(runs)
        for number, run in enumerate(runs):
            label = run.summary.run_id if is_clear else run.summary.name
            yield run, label, f"curve{number % CURVES + 1}"

    @property
    def beside(self) -> Sequence[str]:
        """The ghost's name among them."""
        others = (*self._others, *([self._ghost] if self._ghost is not None else []))
        return [run.summary.run_id for run in others]

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """Of the run."""
        return self._run.progress

    @property
    def system(self) -> Mapping[str, Series]:
        """Of the run."""
        return self._run.system

    @property
    def sample(self) -> Mapping[str, Any] | None:
        """Of the run."""
        return self._run.sample

    @property
    def definitions(self) -> Mapping[str, Mapping[str, Any]]:
        """Of all runs, the run's first."""
        found: dict[str, Mapping[str, Any]] = {}
        for run in (self._run, *self._others):
            found = {**run.definitions, **found}
        return found

    @property
    def loading(self) -> float:
        """Of all of them together."""
        runs = (self._run, *self._others)
        return sum(run.loading for run in runs) / len(runs)
