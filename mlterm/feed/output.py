"""The whole of a run's output, however large: its lines by their place in output.log.

Nothing is held but a few blocks: reading a page costs the same at 10 KB and at 10 GB.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from mlterm.system.paths import RunFiles

BLOCK = 64 * 1024
"""Bytes that are read at a time. A block without a newline ends a line too: what goes on for ever
is taken for several lines, the same ones from wherever one comes."""
_KEPT_BLOCKS = 8


class Output:
    """output.log of a run. There may be none yet."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files
        self._fd = -1
        self._blocks: dict[int, bytes] = {}

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
        number, at = divmod(start, BLOCK)
        data = self._block(number)
        end = data.find(b"\n", at) + 1
        if end or not at or len(data) < BLOCK:
            return data[at : end or None]
        more = self._block(number + 1)
        return data[at:] + more[: (more.find(b"\n") + 1) or None]

    def start_of_line(self, offset: int) -> int:
        """Where the line begins that has this byte."""
        number, at = divmod(offset, BLOCK)
        newline = self._block(number).rfind(b"\n", 0, at)
        if newline < 0 and not self._begins_line(number):
            number -= 1
            newline = self._block(number).rfind(b"\n")
        return number * BLOCK + newline + 1

    def lines_before(self, offset: int) -> Iterator[int]:
        """Where the lines begin before a line's start, the nearest first."""
        while offset > 0:
            offset = self.start_of_line(offset - 1)
            yield offset

    def lines_of(self, number: int) -> tuple[int, bytes]:
        """The lines that begin in a block, all of them whole, and where the first one does."""
        start = self._first_line(number)
        return start, self.read(start, self._first_line(number + 1))

    def _first_line(self, number: int) -> int:
        """Where the first line begins in a block or behind it."""
        if self._begins_line(number):
            return number * BLOCK
        data = self._block(number)
        return number * BLOCK + ((data.find(b"\n") + 1) or len(data))

    def _begins_line(self, number: int) -> bool:
        before = self._block(number - 1) if number else b""
        return before.endswith(b"\n") or b"\n" not in before

    def _block(self, number: int) -> bytes:
        data = self._blocks.get(number, b"")
        end = number * BLOCK + len(data)
        if not data or (len(data) < BLOCK and end != self.size):  # to the last one more comes
            data = self._blocks[number] = self.read(number * BLOCK, (number + 1) * BLOCK)
            if len(self._blocks) > _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
        return data

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
