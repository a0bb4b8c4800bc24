"""What the view is given of a run: read by others, of constant size, and only looked at here."""

from collections.abc import Mapping
from typing import Any, Protocol

from mlterm.core.series import Series
from mlterm.core.summary import RunSummary


class Model(Protocol):
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
