"""A page of the log from any place on, as less shows a file: moving, searching, marking."""

from mlterm.feed.output import Output
from mlterm.feed.search import Search
from mlterm.ui.lines import marked, rows_of
from mlterm.ui.rows import Row, fit, row_width, text_of

Place = tuple[int, int]
"""A row of the log: where its line begins, and which of the line's rows it is."""


class Pager:
    """Shows the log from ``place`` on; nothing that comes behind it moves the page."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.place: Place | None = None
        """Of the first row; None where no page is shown."""
        self.search: Search | None = None
        """The one that is running."""
        self.notice = ""
        self._pattern = ""
        self._forward = True
        self._current: int | None = None
        """The line that was found, or asked for."""
        self._columns, self._rows = 80, 24

    def resize(self, columns: int, rows: int) -> None:
        """The page has another size; it begins with about the same text."""
        if self.place is not None and columns != self._columns:
            offset, part = self.place
            self.place = offset, part * self._columns // columns
        self._columns, self._rows = columns, rows

    # --- Moving -------------------------------------------------------------------------------

    def scroll(self, rows: int) -> None:
        """Move by rows, as far as there are some."""
        self._leave()
        assert self.place is not None
        self.place = self._down(self.place, rows) if rows > 0 else self._up(self.place, -rows)

    def to_start(self) -> None:
        """Show the log's first lines."""
        self._leave()
        self.place = (0, 0)

    def to_end(self) -> None:
        """Show no page: the output is followed."""
        self._leave()
        self.place = None

    def show(self, offset: int) -> None:
        """Show the line of a byte in the middle of the page, and mark it."""
        self._leave()
        self._show(self._output.start_of_line(min(offset, self._output.size)))

    def last_page(self, end: int, begin: int = 0) -> Place:
        """The first row of a page whose last one is where the cursor is behind ``end``, or of one
        that begins with a line, whichever is later: what a terminal shows that took in the bytes
        between them."""
        start = self._output.start_of_line(max(0, end - 1))
        line = self._output.read(start, end)
        is_ended = line.endswith(b"\n")
        last = (end, 0) if is_ended else (start, len(rows_of(line, self._columns)) - 1)
        return max(self._up(last, self._rows - 1), (begin, 0))

    def _leave(self) -> None:
        """Whoever moves on waits for no search."""
        self.search, self.notice = None, ""

    def _show(self, start: int, part: int = 0) -> None:
        self._current = start
        place = self._up((start, part), (self._rows - 1) // 2)
        self.place = min(place, self.last_page(self._output.size))

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
        return 0, 0

    def _down(self, place: Place, rows: int) -> Place:
        offset, part = place
        part += rows
        while line := self._output.line(offset):
            count = len(rows_of(line, self._columns))
            after = offset + len(line)
            if part < count:
                return offset, part
            if after >= self._output.size and not line.endswith(b"\n"):
                return offset, count - 1
            offset, part = after, part - count
        return offset, 0

    def _rows_of(self, start: int) -> list[Row]:
        return rows_of(self._output.line(start), self._columns)

    # --- Searching ----------------------------------------------------------------------------

    def find(self, pattern: str) -> None:
        """Look for text from the first line of the page on, else backwards from the end."""
        self._leave()
        self._pattern, self._forward = pattern, self.place is not None
        start = self.place[0] if self.place is not None else self._output.size
        self.search = Search(self._output, pattern, start, forward=self._forward)

    def find_on(self, *, same_way: bool) -> None:
        """Look for the same further on, or the other way."""
        if not self._pattern:
            return
        self._leave()
        forward = self._forward is same_way
        lines = [start for start, _ in self._page()]
        if self._current is not None and self._current in lines:
            at = self._current
        else:  # one has moved away since
            at = lines[0] if lines else self._output.size
        start = at + len(self._output.line(at)) if forward else at
        self.search = Search(self._output, self._pattern, start, forward=forward)

    def step(self) -> bool:
        """Look through one block more; whether there is more to be looked through."""
        search = self.search
        if search is None:
            return False
        search.step()
        if not search.is_done:
            return True
        self.search = None
        if search.found is None:
            where = "" if self.place is None else " below" if search.forward else " above"
            self.notice = f"not found{where}: {search.pattern}"
        else:
            rows = self._rows_of(search.found)
            hits = marked(rows, search.pattern, "found", self._columns) or rows
            parts = [part for part, row in enumerate(hits) if any(s == "found" for s, _ in row)]
            self._show(search.found, parts[0] if parts else 0)
        return False

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self) -> list[Row]:
        """The page's rows, each of the page's width; fewer at the log's end."""
        drawn: list[Row] = []
        for start, rows in self._page():
            is_current = start == self._current
            style = "found" if is_current else "match"
            hits = marked(rows, self._pattern, style, self._columns) if self._pattern else None
            if hits is None and is_current:
                hits = [_picked(row, self._columns) for row in rows]
            drawn += hits or rows
        skip = self.place[1] if self.place is not None else 0
        skip = min(skip, max(0, len(drawn) - 1))
        return [fit(row, self._columns) for row in drawn[skip : skip + self._rows]]

    @property
    def where(self) -> str:
        """How much of the log lies above the page's end."""
        size, lines = self._output.size, self._page()
        if not size or not lines:
            return "empty" if not size else "100%"
        end = lines[-1][0]
        reached = end + len(self._output.line(end)) if len(lines) > 1 else end
        return f"{min(100, 100 * reached // size)}%"

    def _page(self) -> list[tuple[int, list[Row]]]:
        """The lines of the page with all their rows."""
        if self.place is None:
            return []
        offset, skip = self.place
        page: list[tuple[int, list[Row]]] = []
        left = self._rows + skip
        while left > 0 and (line := self._output.line(offset)):
            rows = rows_of(line, self._columns)
            page.append((offset, rows))
            left -= len(rows)
            offset += len(line)
        return page


def _picked(row: Row, columns: int) -> Row:
    """The whole row marked; what has a colour keeps it."""
    (text,) = text_of([row])
    rest = max(0, columns - row_width(row)) if text else columns
    shown: Row = [(style or "selected", part) for style, part in row]
    return [*shown, ("selected", " " * rest)]
