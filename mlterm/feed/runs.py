"""The runs of a folder as a table shows them: each file is read again only when it has changed."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mlterm.core.lifecycle import ENDED, RUNNING
from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.feed.metrics import MetricsFeed
from mlterm.system import lock, store
from mlterm.system.catalog import Catalog
from mlterm.system.checkpoint import Checkpoint
from mlterm.system.paths import RunFiles

SCAN_SHARE = 20
"""A scan of the folder is followed by so many times its own length without one."""
State = tuple[int, int, int, bool]


class RunsFeed:
    """``poll`` takes in what has changed. ``runs`` is then the table, live runs first, else the
    newest; ``curve`` a run's series of the metric that was chosen."""

    def __init__(
        self, folder: Path, project: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.runs: list[RunSummary] = []
        self.version = 0
        """Changes with ``runs`` and ``curve``."""
        self._folder, self._project, self._clock = folder, project, clock
        self._known: dict[str, _Run] = {}
        self._changed: dict[str, None] = {}
        self._metric: str | None = None
        self._scan_due = self._list_due = 0.0
        self._catalog = Catalog(folder)
        self._is_kept = False
        """Whether what was read at the beginning is kept for the next time."""

    def choose(self, metric: str | None) -> None:
        """Which metric's series are wanted; they come with the next polls."""
        if metric != self._metric:
            self._metric = metric
            self.version += 1
            for run in self._known.values():
                run.forget_curve()

    def curve(self, path: str) -> Series | None:
        """Of the run of that path; None where it has none, or not yet."""
        run = self._known.get(path)
        return None if run is None else run.curve

    def poll(self, budget_seconds: float = 0.02) -> bool:
        """Take in changes for so long at most, though one at least; whether there are more."""
        begin = self._clock()
        deadline = begin + budget_seconds
        has_news = False
        if begin >= self._scan_due:
            has_news = self._scan()
            now = self._clock()
            self._scan_due = now + SCAN_SHARE * (now - begin)

        def is_due() -> bool:
            return self._clock() >= deadline

        while self._changed and not (has_news and is_due()):
            path = next(iter(self._changed))
            del self._changed[path]
            self._known[path].read()
            has_news = True
        if has_news and (not self._changed or self._clock() >= self._list_due):
            self._list()
        if not (self._changed or self._is_kept):
            self._catalog.write(self._known)
            self._is_kept = True
        has_more, has_worked = bool(self._changed), False
        for run in [] if has_more else [self._known[run.path] for run in self.runs]:
            if run.has_work(self._metric):
                if has_worked and is_due():
                    has_more = True
                    break
                has_more |= run.work(self._metric, is_due)
                has_worked = True
        if has_worked:
            self._list()
        return has_more

    def _scan(self) -> bool:
        """Look at every file of the folder; whether one is gone."""
        there = set()
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.endswith(".jsonl"):
                    continue
                with suppress(OSError):
                    seen = entry.stat()
                    there.add(entry.path)
                    run = self._known.get(entry.path)
                    if run is None:
                        files = RunFiles(Path(entry.path))
                        run = self._known[entry.path] = _Run(files, self._catalog)
                    if run.has_changed(seen):
                        self._changed[entry.path] = None
        gone = self._known.keys() - there
        for path in gone:
            del self._known[path]
            self._changed.pop(path, None)
        return bool(gone)

    def _list(self) -> None:
        """As the scan, no more often than its length allows while there is more to read."""
        begin = self._clock()
        loaded = ((run.summary, run.is_named) for run in self._known.values() if run.summary)
        runs = store.of_project(loaded, self._project)
        runs.sort(key=lambda run: run.began, reverse=True)
        runs.sort(key=lambda run: run.status != RUNNING)
        self.runs = runs
        self.version += 1
        now = self._clock()
        self._list_due = now + SCAN_SHARE * (now - begin)


class _Run:
    """What is kept of one run."""

    def __init__(self, files: RunFiles, catalog: Catalog) -> None:
        self.files, self._catalog = files, catalog
        self.summary: RunSummary | None = None
        """None where the file cannot be read, or was not yet."""
        self.is_named = False
        self.curve: Series | None = None
        self._state: State | None = None
        self._feed: MetricsFeed | None = None
        """Reads the metrics where no finish record sums them up, as long as there may be more."""
        self._curve_feed: MetricsFeed | None = None
        """Reads the chosen metric alone, of a run whose metrics are summed up."""
        self._is_growing = False
        """Whether the file has changed while we looked."""
        self._is_read = False
        self._has_curve = False

    def has_changed(self, seen: os.stat_result) -> bool:
        """Whether there is something to read, by the file and its lock. That of an ended run is
        not asked for: who goes on with a run writes a record first."""
        has_ended = self.summary is not None and self.summary.status in ENDED
        same = self._state is not None and self._state[:3] == _key(seen)
        # Of one that was never read the lock makes no difference: it is read.
        is_asked = self._state is not None and not (has_ended and same)
        is_live = is_asked and lock.is_live(self.files)
        state = (*_key(seen), is_live)
        if state == self._state or (has_ended and same):
            return False
        self._state = state
        return True

    def read(self) -> None:
        """Take in a change of the file or its lock."""
        before = self.summary
        self._is_read, self._has_curve, self._curve_feed = False, False, None
        self._is_growing = before is not None
        try:
            kept = self._catalog.kept(self.files)
        except OSError:
            self.summary = None
            return
        self.summary, self.is_named = kept.run, kept.named
        if self._state is not None:  # as its lock was found now
            self._state = (*self._state[:3], kept.run.status == RUNNING)
        if kept.summed:
            self._is_read, self._feed = True, None
        elif before is not None:
            self.summary = replace(self.summary, metrics=before.metrics)

    def forget_curve(self) -> None:
        """Another metric is chosen."""
        self.curve, self._curve_feed, self._has_curve = None, None, False

    def has_work(self, metric: str | None) -> bool:
        """Whether ``work`` would find anything."""
        if self.summary is None:
            return False
        return not self._is_read or (metric is not None and not self._has_curve)

    def work(self, metric: str | None, is_due: Callable[[], bool]) -> bool:
        """Read metrics, or the chosen metric's curve; whether there is more to do."""
        if self.summary is None:
            return False
        if metric is None or self._feed is not None or not self._is_read:
            return self._read_metrics(self.summary, metric, is_due)
        return self._read_curve(self.summary, metric, is_due)

    def _read_metrics(
        self, summary: RunSummary, metric: str | None, is_due: Callable[[], bool]
    ) -> bool:
        if self._feed is None:
            self._feed = MetricsFeed(self.files.run)
            self._feed.open(Checkpoint.read(self.files.summary))
        more = self._feed.step(is_due)
        is_running = summary.status == RUNNING
        if not more and not is_running:
            self._feed.take_torn()
        series = self._feed.series
        if not self._is_read:
            folded = {name: each.summary() for name, each in series.items()}
            self.summary = replace(summary, metrics=folded)
        if metric is not None:
            self.curve = series.get(metric)
        if more:
            return True
        self._is_read, self._has_curve = True, metric is not None
        if not (is_running or self._is_growing):
            self._feed = None
        return False

    def _read_curve(self, summary: RunSummary, metric: str, is_due: Callable[[], bool]) -> bool:
        if self._curve_feed is None:
            checkpoint = Checkpoint.read(self.files.summary)
            self.curve = checkpoint.one(metric) if checkpoint is not None else None
            self._has_curve = self.curve is not None or metric not in summary.metrics
            if self._has_curve:
                return False
            self._curve_feed = MetricsFeed(self.files.run, only=metric)
        more = self._curve_feed.step(is_due)
        self.curve = self._curve_feed.series.get(metric)
        if not more:
            self._curve_feed.take_torn()
            self._curve_feed, self._has_curve = None, True
        return more


def _key(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
