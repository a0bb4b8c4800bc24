"""Searching a run's output for text, in slices that the view has time for."""

import re

from mlterm.core.clean import Cleaner
from mlterm.feed.output import BLOCK, Output

_ODD = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Controls: what a person sees of a line that has them is not what stands in it."""
_HARMLESS = bytes([0x09, 0x0A, *range(0x20, 0x7F)])


class Search:
    """Looks for text in the lines that a person sees, block by block. Case counts where the
    pattern has a capital letter."""

    def __init__(self, output: Output, pattern: str, start: int, *, forward: bool) -> None:
        """Of the lines that begin at ``start`` or behind it, or before it."""
        self.pattern, self.forward = pattern, forward
        self._output, self._start = output, start
        self._ignores_case = pattern == pattern.lower()
        self._block = start // BLOCK if forward else (start - 1) // BLOCK
        self._end = (output.size - 1) // BLOCK + 1
        self._blocks = self._end - self._block if forward else self._block + 1
        self.found: int | None = None
        """Where the line begins that has it."""
        self.is_done = not pattern or self._blocks <= 0

    @property
    def progress(self) -> float:
        """How much of what is to be looked through has been, 0 to 1."""
        left = self._end - self._block if self.forward else self._block + 1
        return 1 - left / self._blocks if self._blocks > 0 else 1.0

    def step(self) -> None:
        """Look through one block's lines."""
        if self.is_done:
            return
        begin, data = self._output.lines_of(self._block)
        if self.forward and begin < self._start:
            data, begin = data[self._start - begin :], self._start
        elif not self.forward and begin + len(data) > self._start:
            data = data[: max(0, self._start - begin)]
        place = self._place(data)
        if place is not None:
            self.found, self.is_done = begin + place, True
            return
        self._block += 1 if self.forward else -1
        self.is_done = self._block < 0 or self._block >= self._end

    def _place(self, data: bytes) -> int | None:
        """Where in whole lines the one begins that has it: the first, or the last."""
        text = seen(data)
        if self._ignores_case:
            text = text.lower()
        at = text.find(self.pattern) if self.forward else text.rfind(self.pattern)
        if at < 0:
            return None
        start = 0
        for _ in range(text.count("\n", 0, at)):
            start = data.index(b"\n", start) + 1
        return start


def seen(data: bytes) -> str:
    """Whole lines as a person sees them."""
    if _ODD.search(data.translate(None, _HARMLESS)):
        cleaner = Cleaner(colour=False)
        data = cleaner.feed(data.replace(b"\0", b"")) + cleaner.finish()
    return data.decode("utf-8", "replace")
