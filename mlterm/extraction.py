"""From what a run prints to the metrics records in its file.

The observer does it while the run lives; mlterm.rebuilding again for one that has ended, with
other patterns. Both read output.log along output.idx, so both find the same.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import chain

from mlterm.core import records
from mlterm.core.metrics.findings import Finding, Progress
from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import SOURCE, record_of, same_name, without
from mlterm.core.patterns import compile_pattern
from mlterm.core.records import Record, decode_batch
from mlterm.core.series import SeriesFold
from mlterm.system import store
from mlterm.system.job import Job
from mlterm.system.summaryfile import SummaryFile
from mlterm.system.transcript import Transcript

BEHIND_LIMIT = 32 * 1024 * 1024
"""Bytes of output not yet read above which the oldest are passed over."""
KEPT_BEHIND = 1024 * 1024
"""How much of the newest is read then."""
KEPT_AT_END = 256 * 1024
"""The same once the command has ended."""
LAST_SECONDS = 2.0
"""How long reading goes on, at most, once the command has ended."""
HELD_SECONDS = 1.0
"""How long what was read waits for a Tracker that has joined to log the same names."""
SUMMARY_SECONDS = 5.0
INDEX_LAG_SECONDS = 0.2
"""By how much output.idx may be behind the clock."""


def reader_of(patterns: Sequence[str], ignored: Sequence[str], offset: int = 0) -> OutputReader:
    """A reader with a user's patterns. Raises RefusedError where one is none."""
    compiled = [compile_pattern(text) for text in patterns]

    def ignore(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in ignored)

    return OutputReader(compiled, ignore if ignored else None, offset)


class Extraction:
    """Reads along with one part of a run. ``step`` does what there is to do, in small pieces."""

    def __init__(
        self, job: Job, summary: SummaryFile, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._job, self._clock, self._summary = job, clock, summary
        start = job.board.tail_from
        self._reader = reader_of(job.patterns, job.ignored, start)
        self._transcript = Transcript(job.files, start)
        self._own = _OwnFile(job)
        self._waiting: deque[tuple[float, Finding]] = deque()
        self._skips = self._own.skips
        self._summary_due = 0.0
        self._summarized: tuple[int, Progress] = (0, Progress())
        self.is_over = False
        """Whether the command has ended, and all that is to be read of its output has been."""

    def step(self) -> None:
        """Take in what is new; all of it that can be read in time, once the command has ended."""
        for data, moment in self._pieces():
            self._keep(self._reader.feed(data, moment))
            self._tell(is_last=False)
        if not self.is_over:
            self._keep(self._reader.feed(b"", self._elapsed() - INDEX_LAG_SECONDS))
        else:
            self._keep(self._reader.finish())
        self._tell(is_last=self.is_over)
        self._summarize(is_last=self.is_over)
        if self.is_over:
            self._job.board.read_offset = max(self._transcript.offset, self._size())

    @property
    def has_work_waiting(self) -> bool:
        """Whether ``step`` is to be called again soon even if nothing is printed."""
        state = self._own.fold.records, self._reader.progress
        return bool(self._waiting) or self._summarized != state

    def _pieces(self) -> Iterator[tuple[bytes, float | None]]:
        """What is new of the output; at its end, ``is_over``."""
        deadline = float("inf")
        is_whole = self._job.board.output_whole  # asked first: then nothing comes behind it
        rest = self._transcript.read_rest() if is_whole else iter(())
        for piece in chain(self._transcript.read(), rest):
            yield piece
            if self._skips and self._skips[0][0] <= self._transcript.offset:
                self._go_on_at(self._skips.pop(0)[1])  # as the observer before this one did
            if self._job.board.output_whole:
                deadline = min(deadline, self._clock() + LAST_SECONDS)
                if self._clock() > deadline:
                    self._pass_over(self._size() - KEPT_AT_END)
            elif self._size() - self._transcript.offset > BEHIND_LIMIT:
                self._pass_over(self._size() - KEPT_BEHIND)
        self.is_over = is_whole

    def _pass_over(self, place: int) -> None:
        """Output comes faster than it can be read: go on near its end, and say so."""
        at = self._transcript.offset
        if place <= at:
            return
        note = {"type": "unread", "offset": at, "unread_bytes": place - at, "_source": "observer"}
        self._record([self._stamped(note)])
        self._go_on_at(place)

    def _go_on_at(self, place: int) -> None:
        self._transcript.skip_to(place)
        self._keep(self._reader.pass_over(place))

    def _keep(self, findings: Iterator[Finding]) -> None:
        now = self._clock()
        recorded = self._own.recorded
        for found in findings:
            if recorded.get(found.offset):
                recorded[found.offset] -= 1  # by an observer before this one
            else:
                self._waiting.append((now, found))

    def _tell(self, *, is_last: bool) -> None:
        """Record what a Tracker's names do not make superfluous."""
        self._own.read()
        hold = HELD_SECONDS if self._own.has_tracker else 0.0
        now = self._clock()
        batch = []
        while self._waiting and (is_last or now - self._waiting[0][0] >= hold):
            _, found = self._waiting.popleft()
            kept = without(found, self._own.names)
            if kept is not None:
                batch.append(self._stamped(record_of(kept), kept.moment))
        self._record(batch)

    def _stamped(self, fields: Record, moment: float | None = None) -> Record:
        seconds = self._elapsed() if moment is None else moment
        stamp = records.timestamp(self._job.started + timedelta(seconds=seconds))
        return {"timestamp": stamp} | fields

    def _record(self, batch: list[Record]) -> None:
        if not batch or self._job.board.finished:  # a run's file ends with its finish
            return
        with suppress(OSError):  # a full disk: parse --write finds it again
            self._job.runlog.append_all(batch)

    def _elapsed(self) -> float:
        return self._clock() - self._job.started_monotonic

    def _size(self) -> int:
        try:
            return os.stat(self._job.files.output).st_size
        except OSError:
            return self._transcript.offset

    def _summarize(self, *, is_last: bool) -> None:
        """Replace summary.json: every series folded, and how far the run is."""
        self._own.read()
        fold = self._own.fold
        progress = self._reader.progress
        changed = (fold.records, progress) != self._summarized
        if not changed or (not is_last and self._clock() < self._summary_due):
            return
        self._summary_due = self._clock() + SUMMARY_SECONDS
        self._summarized = fold.records, progress
        self._summary.put(
            "",
            {
                "schema": records.SCHEMA,
                "output_offset": self._transcript.offset,
                "records_offset": self._own.offset,
                "progress": {**asdict(progress), "eta_seconds": progress.eta_seconds},
                "records": fold.records,
                "metrics": fold.summaries(),
            },
            fold.series,
        )


class _OwnFile:
    """The run's file as it grows: what Trackers log, and all series folded."""

    def __init__(self, job: Job) -> None:
        self._fd = os.open(job.files.run, os.O_RDONLY | os.O_CLOEXEC)
        self.offset = 0
        self.names: set[str] = set()
        self.has_tracker = False
        self.fold = SeriesFold()
        self.recorded: dict[int, int] = {}
        """How many findings of each place an observer before this one has recorded."""
        self._is_first = True
        self.skips: list[tuple[int, int]] = []
        self._start = job.board.tail_from
        self.read()
        self._is_first = False

    def read(self) -> None:
        """Take in what was appended."""
        for data in store.whole_lines(self._fd, self.offset):
            self.offset += len(data)
            batch, _ = decode_batch(data[:-1])
            self.fold.add_batch(batch)
            for record in batch:
                self._note(record)

    def _note(self, record: Record) -> None:
        kind, source = record.get("type"), record.get("_source")
        if source == SOURCE:
            if self._is_first and (at := record.get("_offset", -1)) >= self._start:
                self.recorded[at] = self.recorded.get(at, 0) + 1
        elif kind == "metrics":
            self.has_tracker = True
            self.names.update(same_name(name) for name in record if name[:1] != "_")
        elif kind == "run" and ("aliases" in record or source == "tracker"):
            self.has_tracker = True
        elif kind == "unread" and record.get("offset", -1) >= self._start:
            at = record["offset"]
            self.skips.append((at, at + record["unread_bytes"]))
