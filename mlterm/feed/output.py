"""The whole of a run's output, however large: lines by their place in output.log, and searching.

Nothing is held but what was asked for: reading a page costs the same at 10 KB and at 10 GB.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

import orjson

from mlterm.core.clean import Cleaner
from mlterm.system.paths import RunFiles

BLOCK = 64 * 1024
SEARCH_BLOCK = 1024 * 1024
LINE_LIMIT = 1024 * 1024
"""A line that is longer is taken for several."""
_INDEX_LINE = 256
"""A line of output.idx is shorter."""


class Output:
    """output.log of a run, and when what was printed. There may be none yet."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files
        self._fd = self._index = -1

    @property
    def size(self) -> int:
        """Bytes so far."""
        if self._fd < 0:
            with suppress(OSError):
                self._fd = os.open(self._files.output, os.O_RDONLY | os.O_CLOEXEC)
        return 0 if self._fd < 0 else os.fstat(self._fd).st_size

    def read(self, start: int, end: int) -> bytes:
        """These bytes, as far as they are there."""
        return os.pread(self._fd, max(0, end - start), start) if self._fd >= 0 else b""

    def line(self, start: int) -> bytes:
        """The line that begins there, its newline included where it has one already."""
        data, size = b"", BLOCK
        while len(data) < LINE_LIMIT:
            data = self.read(start, start + size)
            if (newline := data.find(b"\n")) >= 0:
                return data[: newline + 1]
            if len(data) < size:
                return data
            size *= 4
        return data[:LINE_LIMIT]

    def start_of_line(self, offset: int) -> int:
        """Where the line begins that has this byte."""
        at = offset
        while at > 0:
            start = max(0, at - BLOCK)
            if (newline := self.read(start, at).rfind(b"\n")) >= 0:
                return start + newline + 1
            at = start
            if offset - at >= LINE_LIMIT:
                return at
        return 0

    def lines_before(self, offset: int) -> Iterator[int]:
        """Where the lines begin before a line's start, the nearest first."""
        while offset > 0:
            offset = self.start_of_line(offset - 1)
            yield offset

    def offset_at(self, seconds: float) -> int:
        """How far the output had come by then, in seconds on the clock of output.idx."""
        if self._index < 0:
            try:
                self._index = os.open(self._files.index, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return self.size
        low, high, found = 0, os.fstat(self._index).st_size, 0
        while low < high:  # lines are no longer than _INDEX_LINE, so a step looks at one whole
            middle = (low + high) // 2
            data = os.pread(self._index, 2 * _INDEX_LINE, middle)
            begin = data.find(b"\n") + 1 if middle else 0
            line, newline, _ = data[begin:].partition(b"\n")
            if (middle and not begin) or not newline or middle + begin >= high:
                high = middle
                continue
            with suppress(ValueError, KeyError, TypeError):
                entry = orjson.loads(line)
                if float(entry["t"]) <= seconds:
                    found, low = int(entry["offset"]), middle + begin + len(line)
                    continue
            high = middle
        return found

    def close(self) -> None:
        """Let go of the files."""
        for fd in (self._fd, self._index):
            if fd >= 0:
                os.close(fd)
        self._fd = self._index = -1


class Search:
    """Looks for text in the lines that a person sees, block by block. Case counts where the
    pattern has a capital letter."""

    def __init__(self, output: Output, pattern: str, start: int, *, forward: bool) -> None:
        self.pattern = pattern
        self._output, self._at, self._forward = output, start, forward
        self._case = pattern != pattern.lower()
        self._bytes = pattern.encode("utf-8", "replace")
        self.found: int | None = None
        """Where the line begins that has it."""
        self.is_done = not pattern

    def step(self) -> None:
        """Look through one block: the lines that begin behind ``start``, or before it."""
        if self.is_done:
            return
        block, at = self._next_block()
        if not block:
            self.is_done = True
            return
        place = self._place(block)
        if place is not None:
            self.found, self.is_done = at + place, True

    def _next_block(self) -> tuple[bytes, int]:
        """Whole lines and where they begin; the last one may not have ended yet."""
        output = self._output
        if self._forward:
            start = self._at
            data = output.read(start, start + SEARCH_BLOCK)
            end = data.rfind(b"\n") + 1
            if end and start + len(data) < output.size:
                data = data[:end]
            self._at = start + len(data)
            return data, start
        end = self._at
        start = output.start_of_line(max(0, end - SEARCH_BLOCK)) if end else 0
        self._at = start
        return output.read(start, end), start

    def _place(self, block: bytes) -> int | None:
        """Where in a block the line begins that has it: the first, or the last."""
        odd = b"\x1b" in block or b"\r" in block or b"\x08" in block
        text = _cleaned(block) if odd else block
        if not self._case:
            text = text.lower()
        at = text.find(self._bytes) if self._forward else text.rfind(self._bytes)
        if at < 0:
            return None
        if not odd:
            return block.rfind(b"\n", 0, at) + 1
        start = 0
        for _ in range(text.count(b"\n", 0, at)):
            start = block.index(b"\n", start) + 1
        return start


def _cleaned(block: bytes) -> bytes:
    cleaner = Cleaner(colour=False)
    return cleaner.feed(block) + cleaner.finish()
