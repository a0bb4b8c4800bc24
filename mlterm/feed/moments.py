"""When what was printed: output.idx, looked up by time."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import orjson

from mlterm.system import store
from mlterm.system.paths import RunFiles

_WINDOW = 1024
"""Some lines of output.idx."""


class _Entry(NamedTuple):
    end: int
    """In output.idx, its newline not included."""
    seconds: float
    offset: int


class Moments:
    """Looks up places of output.log by when they were printed."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files

    def offset_at(self, seconds: float) -> int | None:
        """How far the output had come by then, in seconds since the last part of the run began;
        None where nobody knows."""
        begin = store.output_start(self._files)
        try:
            fd = os.open(self._files.index, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            # Entries of the parts before are earlier, whatever their own clocks say.
            low, high, found = 0, os.fstat(fd).st_size, 0
            while low < high:
                middle = (low + high) // 2
                entry = next(_entries(fd, middle, high), None)
                if entry is not None and (entry.offset <= begin or entry.seconds <= seconds):
                    low, found = entry.end, entry.offset
                else:
                    high = middle
            return found
        finally:
            os.close(fd)


def _entries(fd: int, start: int, end: int) -> Iterator[_Entry]:
    """Those of the lines that begin there or behind it; torn ones are passed over."""
    at, rest = max(0, start - 1), b""
    is_whole = not start  # else what begins before is not ours
    while at - len(rest) < end and (data := os.pread(fd, _WINDOW, at)):
        begin = at - len(rest)
        at += len(data)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if begin >= end:
                return
            begin += len(line) + 1
            if is_whole:
                with suppress(ValueError, KeyError, TypeError):
                    told = orjson.loads(line)
                    yield _Entry(begin - 1, float(told["t"]), int(told["offset"]))
            is_whole = True
