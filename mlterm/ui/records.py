"""The pane of raw records: a line each, the newest last, any of them unfolded."""

import json
from collections.abc import Mapping
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.feed.records import Filter, Item, RecordWindow
from mlterm.system.paths import RunFiles
from mlterm.ui.bars import title_rule
from mlterm.ui.metrics import centred
from mlterm.ui.rows import Row, fit
from mlterm.ui.state import State

_STYLES = {"metrics": "curve1", "finish": "accent", "alert": "warn", "run": "good"}
_TYPE_COLUMNS = 15
_OPEN_ROWS = 200
"""Of one unfolded record, at most."""


class RecordsPane:
    """A window onto the run's file, of the records that pass the filter."""

    cursor = None

    def __init__(self, files: RunFiles) -> None:
        self._window = RecordWindow(files.run)
        self._selected: int | None = None
        """Where the record begins; None for the newest, whichever that is."""
        self._open: set[int] = set()
        self._items: list[Item] = []
        """Around the selected one, as many as fill the pane."""
        self._above: list[Item] = []
        """Those that are being looked for, in front of it; and then it and what is behind it."""
        self._below: list[Item] = []
        self._above_at: int | None = None
        """Where to look on; None where there are enough, or no more."""
        self._below_at: int | None = None
        self._size = -1
        self._rows = 24
        self._pattern = ""
        self.version = 0

    def step(self, budget: float) -> bool:
        """Read what is new; whether there is more at once."""
        if self._window.look():
            self._selected, self._size = None, -1
        if self._window.size != self._size:
            is_near = self._selected is None or len(self._items) <= 2 * self._rows
            self._size = self._window.size
            if is_near:
                self._begin()
        if self._above_at is not None:
            page = self._window.before(self._above_at, self._rows - len(self._above), budget)
            self._above = page.items + self._above
            self._above_at = None if page.is_complete else page.at
        elif self._below_at is not None:
            page = self._window.after(self._below_at, self._rows + 1 - len(self._below), budget)
            self._below += page.items
            self._below_at = None if page.is_complete else page.at
        else:
            return False
        is_done = self._above_at is None and self._below_at is None
        if is_done or (self._selected is None and self._above):
            self._items = self._above + self._below
            self.version += 1
        return not is_done

    def _begin(self) -> None:
        """Look for the items around the selected one anew; what is shown stays until then."""
        self._above, self._below = [], []
        self._above_at = self._window.size if self._selected is None else self._selected
        self._below_at = self._selected

    # --- Moving -------------------------------------------------------------------------------

    def scroll(self, rows: int) -> None:
        """Select the record that many further on, or before."""
        offsets = [item.offset for item in self._items]
        if not offsets:
            return
        place = max(0, self._place() + rows)
        is_newest = len(self._below) <= self._rows and self._below_at is None
        if place >= len(offsets) - 1 and is_newest:
            self._selected = None
        else:
            self._selected = offsets[min(place, len(offsets) - 1)]
        self._begin()

    def to_start(self) -> None:
        """Select the oldest."""
        first = self._window.after(0, 1).items
        self._selected = first[0].offset if first else None
        self._begin()

    def to_end(self) -> None:
        """Select the newest, and keep to it."""
        self._selected = None
        self._begin()

    def unfold(self) -> None:
        """Unfold the record, or fold it."""
        if self._items:
            offset = self._items[self._place()].offset
            self._open ^= {offset}
            self.version += 1

    def filter(self, pattern: str) -> None:
        """Only records whose line has this; ``type:NAME`` asks for a type."""
        self._pattern = pattern
        self._window.filter = Filter.of(pattern)
        self.to_end()

    def _place(self) -> int:
        offsets = [item.offset for item in self._items]
        return offsets.index(self._selected) if self._selected in offsets else len(offsets) - 1

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Exactly ``height`` rows, the selected record among them."""
        if height < 1:
            return []
        if height - 1 != self._rows:
            self._rows = max(1, height - 1)
            self._begin()
        facts = [f"/{self._pattern}"] if self._pattern else []
        right = "following" if self._selected is None else ""
        rows = [title_rule("Records", facts, width, focused=focused, right=right)]
        if not self._items:
            words = "no record has this" if self._pattern else "no records yet"
            return [*rows, *centred([[("dim", words)]], width, height - 1)][:height]
        drawn: list[Row] = []
        place = self._place()
        begin = end = 0
        for number, item in enumerate(self._items):
            if number == place:
                begin = len(drawn)
            drawn += _rows_of(
                item, width, is_open=item.offset in self._open, picked=number == place
            )
            if number == place:
                end = len(drawn)
        room = height - 1
        top = min(begin, max(0, end - room)) if self._selected is None else begin - room // 2
        top = max(0, min(top, len(drawn) - room))
        shown = drawn[top : top + room]
        return [*rows, *shown, *([fit([], width)] * (room - len(shown)))]


def _rows_of(item: Item, width: int, *, is_open: bool, picked: bool) -> list[Row]:
    mark = ("accent", "▌" if picked else " ")
    if item.record is None:
        return [fit([mark, ("bad", "no record  "), ("dim", clean_text(item.text))], width)]
    kind = clean_text(str(item.record.get("type", "?")))
    head: Row = [mark, ("dim", f"{_time(item.record)}  ")]
    head.append((_STYLES.get(kind, "label"), f"{kind:<{_TYPE_COLUMNS}}"))
    if not is_open:
        for name, value in item.record.items():
            if name not in ("timestamp", "type"):
                head += [("dim", f"{clean_text(name)}="), ("label", f"{_short(value)}  ")]
        return [fit(head, width)]
    rows = [fit(head, width)]
    text = json.dumps(item.record, indent=2, ensure_ascii=False)
    for line in text.split("\n")[1:-1][:_OPEN_ROWS]:
        name, colon, value = line.partition(": ")
        row: Row = [mark, ("dim", f"  {clean_text(name)}{colon}"), ("label", clean_text(value))]
        rows.append(fit(row, width))
    return rows


def _time(record: Mapping[str, Any]) -> str:
    """Of the day, as the record has it."""
    text = str(record.get("timestamp", ""))
    return clean_text(text[11:23] if text[10:11] in ("T", " ") else text[:12]).ljust(12)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean_text(text)
