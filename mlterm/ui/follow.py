"""The program's screen, as its output has left it so far: what is shown while it is followed."""

import time

from mlterm.feed.output import Output
from mlterm.ui.catching import Catcher
from mlterm.ui.emulator import Emulator

REPLAY = 64 * 1024
"""Of the output before, that the screen begins with."""
BLOCK = 1024 * 1024
MOST_PENDING = 16 * BLOCK
"""Of a larger flood only the end is looked at."""


class Follow:
    """Takes in the output as it comes, from the file or, where it cannot be written, without."""

    def __init__(self, output: Output, start: int = 0) -> None:
        self._output = output
        self.emulator = Emulator(80, 24)
        self._catcher = Catcher(self.emulator)
        self.begin = start
        """Where in the file what the screen has begins; it is blank above that."""
        self._position: int | None = None
        """How far the screen is; None before the first byte."""
        self._known = start
        self._has_file = True

    @property
    def end(self) -> int:
        """How far the screen is, in the file."""
        size = self._output.size
        return size if self._position is None else min(self._position, size)

    @property
    def behind(self) -> bool:
        """Whether there is output that the screen does not have yet."""
        is_read = not self._has_file or (self._position or 0) >= self._known
        return not is_read or bool(self._catcher.pending)

    def grown(self, offset: int) -> None:
        """The file holds so many bytes."""
        self._known = max(self._known, offset)

    def take(self, data: bytes) -> None:
        """Output that could not be written to the file."""
        self._catcher.feed(data)
        while self._catcher.work():
            continue
        self._position = self._known = (self._position or 0) + len(data)

    def resume(self, offset: int) -> None:
        """From here on it stands in the file again."""
        self._position = self._known = offset

    def step(self, deadline: float) -> bool:
        """Take in what is new, until then; whether there was anything."""
        size = self._output.size
        self._known = max(self._known, size)
        self._has_file = size >= self._known
        has_news = bool(self._catcher.pending)
        if self._has_file and (self._position is None or self._position < size):
            self._read(size)
            has_news = True
        while self._catcher.work() and time.monotonic() < deadline:
            continue
        return has_news

    def _read(self, size: int) -> None:
        """Hand over what has come, in blocks; little of it will be emulated."""
        if self._position is None:
            self._position = self.begin = self._beginning(size)
        at = max(self._position, size - MOST_PENDING)
        while at < size and (data := self._output.read(at, min(size, at + BLOCK))):
            self._catcher.feed(data)
            at += len(data)
        self._position = at

    def _beginning(self, size: int) -> int:
        if size - self.begin <= REPLAY:
            return self.begin
        return max(self.begin, self._output.start_of_line(size - REPLAY))
