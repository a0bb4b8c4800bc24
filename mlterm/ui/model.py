"""What the view is given of a run: read by others, of constant size, and only looked at here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from mlterm.core.series import Series
from mlterm.core.summary import RunSummary


class Line(NamedTuple):
    """A series as it stands in a chart."""

    label: str
    series: Series
    style: str = ""
    """Its own, where it is not that of its place among the others."""


class Run(Protocol):
    """One run at one moment."""

    @property
    def summary(self) -> RunSummary:
        """Its names, status and times."""

    @property
    def elapsed_seconds(self) -> float | None:
        """Since its start, or from there to its end."""

    @property
    def series(self) -> Mapping[str, Series]:
        """Every metric, folded."""

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """How far it is: ``step``, ``total``, ``fraction``, ``eta_seconds``, …"""

    @property
    def system(self) -> Mapping[str, Series]:
        """The samples, folded: ``job/cpu_percent``, …"""

    @property
    def sample(self) -> Mapping[str, Any] | None:
        """The last of them."""

    @property
    def definitions(self) -> Mapping[str, Mapping[str, Any]]:
        """What ``Tracker.define`` said of metrics."""

    @property
    def loading(self) -> float:
        """How much of the file has been read, from 0 to 1."""


class Model(Run, Protocol):
    """A run, and perhaps others whose metrics stand in the same charts."""

    @property
    def beside(self) -> Sequence[str]:
        """The names of the others."""

    def lines(self, name: str) -> Sequence[Line]:
        """What is drawn of a metric: a line for each run that has it."""


class NoRun:
    """A model where no run is open: there is nothing in it."""

    summary = RunSummary("", "", "", "")
    elapsed_seconds: float | None = None
    progress: Mapping[str, Any] | None = None
    sample: Mapping[str, Any] | None = None
    series: Mapping[str, Series] = MappingProxyType({})
    system: Mapping[str, Series] = MappingProxyType({})
    definitions: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    loading = 1.0
    beside: Sequence[str] = ()

    def lines(self, name: str) -> Sequence[Line]:
        """None."""
        return ()
