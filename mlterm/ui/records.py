"""The pane of raw records: a line each, the newest last, any of them unfolded."""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from mlterm.feed.records import Filter, Item, RecordWindow
from mlterm.system.paths import RunFiles
from mlterm.ui.bars import title_rule
from mlterm.ui.metrics import centred
from mlterm.ui.record import drawn_record
from mlterm.ui.rows import Row, fit
from mlterm.ui.state import State

_KEPT = 3
"""Panes of records on each side of the selected one."""
_FAR = 4 * 1024 * 1024
"""Bytes that have come at once; whoever follows begins anew at their end."""
_UNFOLDED = 16
"""Unfolded records that are not drawn anew for every frame."""


class RecordsPane:
    """A window onto the run's file, of the records that pass the filter."""

    cursor = None

    def __init__(self, files: RunFiles) -> None:
        self._window = RecordWindow(files.run)
        self._items: list[Item] = []
        """Around the selected one, without gaps."""
        self._shown: list[Item] = []
        """The same, but for what was there before as long as none of them is found."""
        self._begin = self._end = 0
        """Between them all has been looked at."""
        self._selected: int | None = None
        """Where the record begins, or one before it; None for the newest, whichever that is."""
        self._open: set[int] = set()
        self._top = (0, 0)
        """The record in the pane's first row, and which of its rows that is, where the selected
        one allows that."""
        self._hidden = 0
        """Rows of the selected record above the pane: it may be taller."""
        self._unfolded: dict[tuple[int, int, bool], list[Row]] = {}
        self._columns, self._rows = 80, 24
        self._pattern = ""
        self.version = 0
        self.to_end()

    def step(self, budget: float) -> bool:
        """Read what is new; whether there is more at once."""
        if self._window.look():
            self._open.clear()
            self._unfolded.clear()
            self._shown = []
            self.to_end()
        if self._selected is None and self._window.size - self._end > _FAR:
            self.to_end()
        before, place = self._items[:], self._place(self._items)
        missing = _KEPT * self._rows - place
        if missing > 0 and self._begin > 0:
            page = self._window.before(self._begin, missing, budget)
            self._items = page.items + self._items
            self._begin = page.at
        elif self._wanted_below(place) > 0 and self._end < self._window.size:
            page = self._window.after(self._end, self._wanted_below(place), budget)
            has_more = page.at > self._end
            self._items += page.items
            self._end = page.at
            if not has_more:  # a torn line
                self._settle(before)
                return False
        else:
            self._settle(before)
            return False
        self._trim()
        if self._items:
            self._settle(before)
        return True

    def _wanted_below(self, place: int) -> int:
        return _KEPT * self._rows + 1 - (0 if self._selected is None else len(self._items) - place)

    def _settle(self, before: list[Item]) -> None:
        if self._shown is not self._items or before != self._items:
            self._shown = self._items
            self.version += 1

    def _trim(self) -> None:
        """Let go of what is far from the selected one."""
        place, most = self._place(self._items), 2 * _KEPT * self._rows
        if place > most:
            self._items = self._items[place - most :]
            self._begin, place = self._items[0].offset, most
        if len(self._items) > place + most + 1:
            self._end = self._items[place + most + 1].offset
            self._items = self._items[: place + most + 1]

    def _look_from(self, offset: int) -> None:
        """Look for items around a place anew; what is shown stays until one is found."""
        self._items, self._begin, self._end = [], offset, offset
        self._hidden = 0
        self.version += 1

    # --- Moving -------------------------------------------------------------------------------

    def scroll(self, rows: int) -> None:
        """Select the record that many further on, or before; one that is taller than the pane is
        scrolled through first."""
        items = self._items
        if not items:
            return
        self.version += 1
        place = self._place(items)
        inner = max(0, min(self._hidden + rows, self._beyond(items[place])))
        if inner != self._hidden:
            self._hidden, self._selected = inner, items[place].offset
            return
        other = max(0, min(place + rows, len(items) - 1))
        is_newest = place + rows >= len(items) - 1 and self._end >= self._window.end
        self._selected = None if is_newest else items[other].offset
        if other != place:
            self._hidden = self._beyond(items[other]) if rows < 0 else 0

    def pick(self, row: int) -> None:
        """Select the record in a row of the pane, which stays where it is."""
        items = self._shown
        if row < 1 or not items:
            return
        begins = [0, *accumulate(map(self._height, items))]
        top = begins[self._index(items, self._top[0])] + self._top[1]
        place = bisect_right(begins, top + row - 1)
        if place <= len(items):
            self._selected, self._hidden = items[place - 1].offset, 0
            self.version += 1

    def to_start(self) -> None:
        """Select the oldest."""
        self._selected = 0
        self._look_from(0)

    def to_end(self) -> None:
        """Select the newest, and keep to it."""
        self._selected = None
        self._look_from(self._window.end)

    def unfold(self) -> None:
        """Unfold the record, or fold it; it stays where it is then, whatever comes."""
        if self._shown:
            self._selected = self._shown[self._place(self._shown)].offset
            self._open ^= {self._selected}
            self._hidden = 0
            self.version += 1

    def filter(self, pattern: str) -> None:
        """Only records whose line has this; ``type:NAME`` asks for a type."""
        self._pattern = pattern
        self._window.filter = Filter.of(pattern)
        self.to_end()

    def _place(self, items: list[Item]) -> int:
        """Of the selected one."""
        if self._selected is None:
            return max(0, len(items) - 1)
        return self._index(items, self._selected)

    @staticmethod
    def _index(items: list[Item], offset: int) -> int:
        """Of the first one that begins there or behind it, else of the last one."""
        found = bisect_left(items, offset, key=lambda item: item.offset)
        return max(0, min(found, len(items) - 1))

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Exactly ``height`` rows, the selected record among them."""
        if height < 1:
            return []
        self._columns, self._rows = width, max(1, height - 1)
        facts = [f"/{self._pattern}"] if self._pattern else []
        title = title_rule("Records", facts, width, focused=focused, right=self._where())
        if not self._shown:
            return [title, *centred([[("dim", self._nothing())]], width, height - 1)][:height]
        rows = self._page(self._shown)
        return [title, *rows, *([fit([], width)] * (height - 1 - len(rows)))][:height]

    def _page(self, items: list[Item]) -> list[Row]:
        place, room = self._place(items), self._rows
        begins = [0, *accumulate(map(self._height, items))]
        begin, end = begins[place], begins[place + 1]
        top = begins[self._index(items, self._top[0])] + self._top[1]
        if end - begin > room:
            top = begin + min(self._hidden, end - begin - room)
        else:
            top = min(begin, max(top, end - room))
        top = max(0, min(top, begins[-1] - room))
        first = bisect_right(begins, top) - 1
        self._top = items[first].offset, top - begins[first]
        drawn: list[Row] = []
        for number in range(first, len(items)):
            if begins[number] >= top + room:
                break
            drawn += self._drawn(items[number], picked=number == place)
        skip = top - begins[first]
        return drawn[skip : skip + room]

    def _drawn(self, item: Item, *, picked: bool = False) -> list[Row]:
        if item.offset not in self._open:
            return drawn_record(item, self._columns, is_open=False, picked=picked)
        key = item.offset, self._columns, picked
        if key not in self._unfolded:
            if len(self._unfolded) == _UNFOLDED:
                self._unfolded.clear()
            self._unfolded[key] = drawn_record(item, self._columns, is_open=True, picked=picked)
        return self._unfolded[key]

    def _height(self, item: Item) -> int:
        return len(self._drawn(item)) if item.offset in self._open else 1

    def _beyond(self, item: Item) -> int:
        """How many of its rows do not fit the pane."""
        return max(0, self._height(item) - self._rows)

    def _where(self) -> str:
        if self._shown is not self._items and self._window.size:
            return f"looking {100 - 100 * self._begin // self._window.size}%"
        if self._selected is None:
            return "following"
        items = self._shown
        at = items[self._place(items)].offset if items else 0
        return f"{100 * at // max(1, self._window.size)}%"

    def _nothing(self) -> str:
        if self._shown is not self._items:
            return "looking for records"
        return "no record has this" if self._pattern else "no records yet"
