"""How far long work is: a line on stderr, where that is a terminal."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from mlterm.core.durations import format_duration
from mlterm.core.summary import RunSummary
from mlterm.system import terminal
from mlterm.system.ends import BLOCK

Item = TypeVar("Item")
PATIENCE_SECONDS = 0.7
"""Work that is shorter says nothing."""
_PERIOD_SECONDS = 0.1
_ERASED = "\r\x1b[K"


class Progress:
    """A context manager; ``step`` is called as often as one likes."""

    def __init__(self, what: str, total: int | None = None) -> None:
        """``what`` is done ``total`` times, where that is known."""
        self._what, self._total = what, total
        self._done = 0
        self._is_wanted = terminal.is_terminal(2)
        self._is_shown = False
        self._began = time.monotonic()
        self._due = self._began + PATIENCE_SECONDS

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._write(_ERASED)

    def step(self, count: int = 1) -> None:
        """So much more is done."""
        self._done += count
        if self._is_wanted and (now := time.monotonic()) >= self._due:
            self._due = now + _PERIOD_SECONDS
            self._is_shown = True
            self._write(f"{_ERASED}{self._words(now - self._began)}")

    def at(self, done: int, total: int) -> None:
        """So much of so much is done."""
        self._total = total
        self.step(done - self._done)

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, a step for each that was worked on."""
        for item in items:
            yield item
            self.step()

    def _words(self, seconds: float) -> str:
        if not self._total:
            return f"{self._what}: {self._done:,}"
        share = min(1.0, self._done / self._total)
        left = seconds / share - seconds if share else 0.0
        return f"{self._what}: {share:.0%}, {format_duration(left)} left"

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._is_wanted = self._is_shown = False


def blocks_of(runs: Iterable[RunSummary]) -> int:
    """Of how many blocks the files of runs are, as a total."""
    size = 0
    for run in runs:
        with suppress(OSError):
            size += os.path.getsize(run.path)
    return max(1, size // BLOCK)
