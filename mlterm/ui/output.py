"""The pane of the output: the program's screen while it is followed, else a page of the log."""

import time

from mlterm.core.clean import clean_text
from mlterm.feed.output import Output, Search
from mlterm.system.paths import RunFiles
from mlterm.ui.bars import title_rule
from mlterm.ui.emulator import Emulator
from mlterm.ui.lines import rows_of
from mlterm.ui.rows import Row, fit, row_width, text_of
from mlterm.ui.state import State

REPLAY = 64 * 1024
"""Of the output before, that the screen begins with."""
SLICE = 8 * 1024
"""That is emulated at a time where nothing can be skipped."""
MOST_PENDING = 16 * 1024 * 1024
"""Looked at for what can be; of a larger flood only its end."""
Place = tuple[int, int]
"""A row of the log: where its line begins, and which of the line's rows it is."""


class OutputPane:
    """Follows the output, or shows it from a place on."""

    def __init__(self, files: RunFiles, start: int = 0) -> None:
        self._output = Output(files)
        self._emulator = Emulator(80, 24)
        self._start = start
        """Of the part that is followed; what is before is found by scrolling."""
        self._position: int | None = None
        """How far the emulated screen is; None before the first byte."""
        self._known = start
        self._has_file = True
        self._place: Place | None = None
        """Of the first row, None while the output is followed."""
        self._search: Search | None = None
        self._pattern = ""
        self._found: int | None = None
        self._columns, self._rows = 80, 24
        self.version = 0
        self.notice = ""

    # --- What has come ------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        """Whether there is output that the screen does not have yet."""
        return self._has_file and (self._position or 0) < self._known

    def grown(self, offset: int) -> None:
        """The file holds so many bytes."""
        self._known = max(self._known, offset)

    def take(self, data: bytes) -> None:
        """Output that could not be written to the file."""
        self._emulator.feed(data)
        self._position = self._known = (self._position or 0) + len(data)
        self.version += 1

    def resume(self, offset: int) -> None:
        """From here on it stands in the file again."""
        self._position = self._known = offset

    def step(self, budget: float) -> bool:
        """Take in what is new, for so many seconds at most; whether there is more."""
        deadline = time.monotonic() + budget
        size = self._output.size
        self._known = max(self._known, size)
        self._has_file = size >= self._known
        if self._has_file and (self._position is None or self._position < size):
            self._catch_up(size, deadline)
            self.version += 1
        if self._search is not None:
            self._look(deadline)
        searching = self._search is not None
        return searching or (self._has_file and (self._position or 0) < size)

    def _catch_up(self, size: int, deadline: float) -> None:
        if self._position is None:
            begin = max(self._start, size - REPLAY)
            begin = self._output.start_of_line(begin) if begin > self._start else begin
            self._position = max(begin, self._start)
        start = max(self._position, size - MOST_PENDING)
        data = self._output.read(start, size)
        rest = self._emulator.feed_latest(data)
        self._position = start + len(data) - len(rest)
        while rest and time.monotonic() < deadline:
            self._emulator.feed(rest[:SLICE])
            self._position += len(rest[:SLICE])
            rest = rest[SLICE:]

    def take_answers(self) -> bytes:
        """What the program asked its terminal for."""
        return self._emulator.take_answers()

    def resize(self, columns: int, rows: int) -> None:
        """The pane shows so many columns and rows of the program's."""
        self._columns, self._rows = max(1, columns), max(1, rows)
        self._emulator.resize(self._columns, self._rows)

    def close(self) -> None:
        """Let go of the files."""
        self._output.close()

    # --- Moving -------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        """Whether the program's own screen is shown."""
        return self._place is None

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Where the program's cursor is."""
        return self._emulator.cursor if self.follows else None

    def scroll(self, rows: int) -> None:
        """Move by rows; below the end the output is followed again."""
        self.version += 1
        if self._place is None:
            if rows >= 0:
                return
            self._place = self._up((self._output.size, 0), self._rows)
        self._place = self._down(self._place, rows) if rows > 0 else self._up(self._place, -rows)
        if rows > 0 and len(self._page(self._place)) < self._rows:
            self._place = None

    def to_start(self) -> None:
        """Show the log's first lines."""
        self._place = (0, 0)
        self.version += 1

    def to_end(self) -> None:
        """Follow the output."""
        self._place = None
        self.version += 1

    def show(self, offset: int) -> None:
        """Show the line of a byte, in the middle of the pane."""
        place = (self._output.start_of_line(min(offset, self._output.size)), 0)
        self._found = place[0]
        self._place = self._up(place, self._rows // 2)
        self.version += 1

    def show_at(self, seconds: float) -> None:
        """Show what had been printed by then, in seconds on the clock of output.idx."""
        self.show(max(0, self._output.offset_at(seconds) - 1))

    def search(self, pattern: str) -> None:
        """Look for text from the first row that is shown on, else backwards from the end."""
        if self._place is None:
            self._search = Search(self._output, pattern, self._output.size, forward=False)
        else:
            self._search = Search(self._output, pattern, self._place[0], forward=True)
        self._pattern = pattern
        self.notice = ""

    def search_on(self, direction: int) -> None:
        """Look for the same further on, or further back."""
        if not self._pattern:
            return
        at = self._found if self._found is not None else self._output.size
        start = at if direction < 0 else at + len(self._output.line(at))
        self._search = Search(self._output, self._pattern, start, forward=direction > 0)
        self.notice = ""

    def _look(self, deadline: float) -> None:
        search = self._search
        assert search is not None
        while not search.is_done and time.monotonic() < deadline:
            search.step()
        if search.is_done:
            self._search = None
            self.version += 1
            if search.found is None:
                self.notice = f"not found: {search.pattern}"
            else:
                self.show(search.found)

    def _up(self, place: Place, rows: int) -> Place:
        offset, part = place
        if part >= rows:
            return offset, part - rows
        rows -= part
        for start in self._output.lines_before(offset):
            count = len(self._rows_of(start))
            if count >= rows:
                return start, count - rows
            rows -= count
            offset = start
        return 0, 0

    def _down(self, place: Place, rows: int) -> Place:
        offset, part = place
        part += rows
        while part > 0:
            line = self._output.line(offset)
            count = len(rows_of(line.removesuffix(b"\n"), self._columns))
            if part < count or not line.endswith(b"\n"):
                return offset, min(part, count - 1)
            offset, part = offset + len(line), part - count
        return offset, part

    def _rows_of(self, start: int) -> list[Row]:
        return rows_of(self._output.line(start).removesuffix(b"\n"), self._columns)

    def _page(self, place: Place) -> list[tuple[int, Row]]:
        """Rows from a place on, each with its line's offset."""
        offset, skip = place
        page: list[tuple[int, Row]] = []
        while len(page) < self._rows and (line := self._output.line(offset)):
            rows = rows_of(line.removesuffix(b"\n"), self._columns)
            page += [(offset, row) for row in rows[skip:]]
            offset, skip = offset + len(line), 0
        return page[: self._rows]

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Exactly ``height`` rows, the title among them."""
        if height < 1:
            return []
        self.resize(width, height - 1)
        facts = [self.notice] if self.notice else []
        title = title_rule("Output", facts, width, focused=focused, right=self._where())
        if self._place is None:
            rows = [fit(row, width) for row in self._emulator.rows()]
        else:
            rows = [
                fit(_marked(row, self._pattern) if at == self._found else row, width)
                for at, row in self._page(self._place)
            ]
        rows += [fit([], width)] * (height - 1 - len(rows))
        return [title, *rows[: height - 1]]

    def _where(self) -> str:
        if self._search is not None:
            return "searching"
        if self._place is None:
            return "following"
        size = self._output.size
        return f"{100 * self._place[0] // size}%" if size else "empty"


def _marked(row: Row, pattern: str) -> Row:
    """The row with what was found in it; the whole of it where it is not found as it is."""
    (text,) = text_of([row])
    at = text.lower().find(pattern.lower()) if pattern else -1
    if at < 0:
        return [("cursor", text)] if row_width(row) else row
    end = at + len(pattern)
    return [("", text[:at]), ("selected", clean_text(text[at:end])), ("", text[end:])]
