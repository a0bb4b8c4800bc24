"""A run as the view shows it, read from its files in slices that the view has time for."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from mlterm.core.lifecycle import RUNNING
from mlterm.core.pace import pace_of
from mlterm.core.records import Record
from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.feed.metrics import MetricsFeed
from mlterm.feed.samples import SamplesFeed
from mlterm.system import lock, store
from mlterm.system.checkpoint import Checkpoint, read_progress
from mlterm.system.paths import RunFiles

LOCK_SECONDS = 0.2
"""How often a run is asked whether it lives."""


class RunFeed:
    """Everything about one run that changes while one looks at it, in a size that does not
    grow with it.

    What there is at first comes with the first steps; see ``loading``. Raises OSError where the
    run's file cannot be read; later, what was read stays.
    """

    def __init__(self, files: RunFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self.files = files
        self.summary: RunSummary = store.load(files)
        """Status, names, settings; its ``duration_seconds`` is of when it was read."""
        self.summary_version = 0
        self.progress: dict[str, Any] | None = None
        """As summary.json has it: step, total, fraction, eta_seconds …; of a run whose output
        tells none, by the steps that its settings ask for."""
        self._clock = clock
        self._metrics = MetricsFeed(files.run)
        self._samples = SamplesFeed(files.system)
        self._is_open = False
        self._is_live = self.summary.status == RUNNING
        self._lock_due = 0.0
        self._rare = 0
        self._told: dict[str, Any] | None = self.summary.progress
        self._told_at: object = None
        self._paced_at: object = None

    @property
    def elapsed_seconds(self) -> float | None:
        """Since the start, or from there to the end."""
        if self.summary.status == RUNNING and self.started_wall is not None:
            return max(0.0, time.time() - self.started_wall)
        return self.summary.duration_seconds

    @property
    def series(self) -> dict[str, Series]:
        """The metrics by name, in the order in which they first came."""
        return self._metrics.series

    @property
    def definitions(self) -> dict[str, Record]:
        """What ``define`` said of each metric."""
        return self._metrics.definitions

    @property
    def system(self) -> dict[str, Series]:
        """Figures of the samples by name, as ``job/cpu_percent``; x is their ``t``."""
        return self._samples.series

    @property
    def sample(self) -> Record | None:
        """The newest sample."""
        return self._samples.last

    @property
    def metrics_version(self) -> int:
        """Changes with ``series`` and ``definitions``."""
        return self._metrics.version

    @property
    def system_version(self) -> int:
        """Changes with ``system`` and ``sample``."""
        return self._samples.version

    @property
    def version(self) -> int:
        """Changes with anything."""
        return self.metrics_version + self.system_version + self.summary_version

    @property
    def loading(self) -> float:
        """How much of the run's file is in ``series``, 0 to 1."""
        return self._metrics.loading if self._is_open else 0.0

    @property
    def started_wall(self) -> float | None:
        """When the run, or its last part, began: in seconds since 1970."""
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromisoformat(self.summary.started or "").timestamp()
        return None

    @property
    def clock_offset(self) -> float | None:
        """What to add to a ``t`` of the samples and of output.idx for seconds since 1970; of a
        run without samples its start."""
        exact = self._samples.clock_offset
        return self.started_wall if exact is None else exact

    def step(self, budget_seconds: float) -> bool:
        """Read on, for so long at most, though a block of each file at least; whether there is
        more at once."""
        deadline = self._clock() + budget_seconds
        if not self._is_open:
            self._open()
        more_metrics = self._metrics.step(lambda: self._clock() >= deadline)
        more_samples = self._samples.step(lambda: self._clock() >= deadline)
        self._look_at_status(is_read=not more_metrics)
        if not self._is_live and not more_metrics:
            self._metrics.take_torn()
        self._look_at_progress()
        return more_metrics or more_samples

    def _open(self) -> None:
        self._is_open = True
        checkpoint = Checkpoint.read(self.files.summary)
        self._metrics.open(checkpoint)
        self._samples.open(checkpoint)

    def _look_at_status(self, *, is_read: bool) -> None:
        """Read the summary anew where its records have changed, or whether the run lives."""
        now = self._clock()
        is_live = self._is_live
        if now >= self._lock_due:
            self._lock_due = now + LOCK_SECONDS
            is_live = lock.is_live(self.files)
        rare = self._metrics.rare if is_read else self._rare
        if (is_live, rare) == (self._is_live, self._rare):
            return
        self._is_live, self._rare = is_live, rare
        with suppress(OSError):
            self.summary = store.load(self.files)
            self.summary_version += 1

    def _look_at_progress(self) -> None:
        if self.summary.status == RUNNING:
            with suppress(OSError):
                seen = os.stat(self.files.summary)
                told_at = seen.st_mtime_ns, seen.st_ino
                if told_at != self._told_at:
                    self._told_at, self._told = told_at, read_progress(self.files.summary)
        else:
            self._told = None
        state = self._told_at, self.metrics_version, self.summary_version
        if state != self._paced_at:
            self._paced_at = state
            progress = self._told or self._pace()
            if progress != self.progress:
                self.progress = progress
                self.summary_version += 1

    def _pace(self) -> dict[str, Any] | None:
        last, elapsed = self._metrics.last, 0.0
        with suppress(KeyError, TypeError, ValueError):
            moment = datetime.fromisoformat(last["timestamp"])
            elapsed = (moment - datetime.fromisoformat(self.summary.started or "")).total_seconds()
        pace = pace_of(self.summary.hyperparameters, last, elapsed)
        if pace and self.summary.status != RUNNING:
            pace["eta_seconds"] = None
        return pace
