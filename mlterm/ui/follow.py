"""The program's screen, as its output has left it so far: what is shown while it is followed."""

import time

from mlterm.feed.output import Output
from mlterm.ui.emulator import Emulator

REPLAY = 64 * 1024
"""Of the output before, that the screen begins with."""
SLICE = 8 * 1024
"""That is emulated at a time where nothing can be skipped."""
MOST_PENDING = 16 * 1024 * 1024
"""Looked at for what can be; of a larger flood only its end."""


class Follow:
    """Takes in the output as it comes, from the file or, where it cannot be written, without."""

    def __init__(self, output: Output, start: int = 0) -> None:
        self._output = output
        self.emulator = Emulator(80, 24)
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
        return self._has_file and (self._position or 0) < self._known

    def grown(self, offset: int) -> None:
        """The file holds so many bytes."""
        self._known = max(self._known, offset)

    def take(self, data: bytes) -> None:
        """Output that could not be written to the file."""
        self.emulator.feed(data)
        self._position = self._known = (self._position or 0) + len(data)

    def resume(self, offset: int) -> None:
        """From here on it stands in the file again."""
        self._position = self._known = offset

    def step(self, deadline: float) -> bool:
        """Take in what is new, until then; whether there was anything."""
        size = self._output.size
        self._known = max(self._known, size)
        self._has_file = size >= self._known
        if not self._has_file or (self._position is not None and self._position >= size):
            return False
        if self._position is None:
            self._position = self.begin = self._beginning(size)
        start = max(self._position, size - MOST_PENDING)
        data = self._output.read(start, size)
        rest = self.emulator.feed_latest(data)
        self._position = start + len(data) - len(rest)
        while rest and time.monotonic() < deadline:
            self.emulator.feed(rest[:SLICE])
            self._position += len(rest[:SLICE])
            rest = rest[SLICE:]
        return True

    def _beginning(self, size: int) -> int:
        if size - self.begin <= REPLAY:
            return self.begin
        return max(self.begin, self._output.start_of_line(size - REPLAY))
