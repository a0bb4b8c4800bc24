"""The emulated screen: pyte's, with what today's programs want and pyte lacks.

The alternate screen, one saved cursor (pyte keeps a stack, which grows), erasing that takes only
the background along, characters of no and of double width, lines that remember how they look,
and text drawn a run at a time. How bytes become calls is the emulator's (ui/emulator.py).
"""

import unicodedata
from collections import defaultdict
from typing import NamedTuple

from pyte import charsets, modes
from pyte import screens as pyte

from mlterm.core.graphics import Graphics, after
from mlterm.ui.cells import BLANK, Glyphs, Line, attach, clip, row_of, width_of
from mlterm.ui.rows import NARROW, Row

_ANSWERS_LIMIT = 1024
_ATTACHED = frozenset({"Mn", "Me", "Mc", "Lo"})  # general categories, of no width
_GLYPHS_LIMIT = 1024
_APPLICATION_KEYS, _SAVE_CURSOR, _ALTERNATE = 1, 1048, (47, 1047, 1049)
_KEPT_MODES = {6: modes.DECOM, 7: modes.DECAWM, 25: modes.DECTCEM}


class _Saved(NamedTuple):
    """What DECSC keeps."""

    x: int = 0
    y: int = 0
    attrs: pyte.Char = BLANK


class _Page(NamedTuple):
    """The main screen while the alternate one is shown."""

    buffer: defaultdict[int, Line]
    cursor: _Saved
    saved: _Saved


class Screen(pyte.Screen):
    """What is to be seen, and what the next character would do to it."""

    def __init__(self, columns: int, lines: int) -> None:
        self.answers = bytearray()
        self._glyphs: dict[Graphics, Glyphs] = {}
        self._main: _Page | None = None
        self._clear_state()
        super().__init__(columns, lines)
        self.buffer: defaultdict[int, Line] = defaultdict(Line)  # type: ignore[assignment]

    @property
    def alternate(self) -> bool:
        """Whether the program has a screen of its own."""
        return self._main is not None

    def row(self, y: int) -> Row:
        """How a line looks. Not to be changed: a line that stays is the same row again."""
        line = self.buffer.get(y)
        if line is None:
            return []
        if line.row is None:
            line.row = row_of(line, self.columns)
        return line.row

    def reset(self) -> None:
        """As when it was switched on."""
        self._main = None
        self._clear_state()
        super().reset()

    def soft_reset(self) -> None:
        """The modes' and colours' defaults; what is shown stays (DECSTR)."""
        self._clear_state()
        self.margins = None
        self.mode = {modes.DECAWM, modes.DECTCEM}
        self.cursor.hidden = False
        self.cursor.attrs = BLANK

    def _clear_state(self) -> None:
        self._saved = _Saved()
        self._lines_drawn = [False, False]  # whether G0 and G1 are the line drawing set
        self._charset = 0
        self._places_itself = False
        self._last = ""

    # Size and pages

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Take another size. Where there are too many lines, those above the cursor go first."""
        lines, columns = lines or self.lines, columns or self.columns
        gone = clip(self.buffer, self.cursor.y, lines, columns)
        self.cursor.y -= gone
        if self._main is not None:
            held = self._main.cursor
            gone = clip(self._main.buffer, held.y, lines, columns)
            self._main = self._main._replace(cursor=held._replace(y=held.y - gone))
        self.tabstops |= set(range((self.columns + 7) // 8 * 8, columns, 8))
        self.lines, self.columns = lines, columns
        self.margins = None
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.ensure_vbounds()

    def _enter_alternate(self) -> None:
        if self._main is None:
            self._main = _Page(self.buffer, self._position(), self._saved)
            self.buffer = defaultdict(Line)
            self.margins = None
        else:
            self.buffer.clear()
            self.cursor.x = self.cursor.y = 0

    def _leave_alternate(self) -> None:
        if self._main is not None:
            self.buffer, cursor, self._saved = self._main
            self._main = None
            self.margins = None
            self._places_itself = False
            self._go_to(cursor)

    def _position(self) -> _Saved:
        return _Saved(self.cursor.x, self.cursor.y, self.cursor.attrs)

    def _go_to(self, place: _Saved) -> None:
        self.cursor.x, self.cursor.y = min(place.x, self.columns - 1), place.y
        self.ensure_vbounds()

    def save_cursor(self) -> None:
        """Keep place and colours."""
        self._saved = self._position()

    def restore_cursor(self) -> None:
        """Go back to them."""
        self._go_to(self._saved)
        self.cursor.attrs = self._saved.attrs

    # Modes

    def private_mode(self, number: int, on: bool) -> None:
        """``ESC [ ? number h`` or ``l``."""
        if number in _KEPT_MODES:
            change = self.set_mode if on else self.reset_mode
            change(number, private=True)
        elif number in _ALTERNATE:
            (self._enter_alternate if on else self._leave_alternate)()
        elif number == _SAVE_CURSOR:
            (self.save_cursor if on else self.restore_cursor)()
        elif number == _APPLICATION_KEYS:
            self._places_itself = on and self.alternate

    def insert_mode(self, on: bool) -> None:
        """IRM: characters move those to the right."""
        (self.mode.add if on else self.mode.discard)(modes.IRM)

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """Let only some lines scroll."""
        first, last = max(1, top or 1), min(self.lines, bottom or self.lines)
        if last <= first:
            return
        whole = (first, last) == (1, self.lines)
        self.margins = None if whole else pyte.Margins(first - 1, last - 1)
        self._places_itself |= self.alternate
        self.cursor_position()

    def define_charset(self, code: str, mode: str) -> None:
        """Name the character set of G0 or G1."""
        if mode in "()":
            self._lines_drawn["()".index(mode)] = code == "0"

    def shift_in(self) -> None:
        """G0 from here on."""
        self._charset = 0

    def shift_out(self) -> None:
        """G1 from here on."""
        self._charset = 1

    def colour(self, words: str) -> None:
        """``ESC [ words m``."""
        attrs = self.cursor.attrs
        graphics = after(words, Graphics(*attrs[1:]))
        self.cursor.attrs = pyte.Char(" ", *graphics)

    # Text

    def draw(self, data: str) -> None:
        """Write text without controls at the cursor."""
        if self._lines_drawn[self._charset]:
            data = data.translate(charsets.VT100_MAP)
        self._last = data[-1:]
        if modes.IRM in self.mode or not (data.isascii() or NARROW.fullmatch(data)):
            for character in data:
                self._draw_one(character)
            return
        cursor, columns = self.cursor, self.columns
        glyph = self._looks().__getitem__
        at, length = 0, len(data)
        while at < length:
            if cursor.x >= columns:
                if modes.DECAWM in self.mode:
                    self.next_line()
                else:  # all that comes is written into the last column
                    cursor.x, at = columns - 1, length - 1
            piece = data[at : at + columns - cursor.x]
            line = self.buffer[cursor.y]
            line.update(zip(range(cursor.x, columns), map(glyph, piece), strict=False))
            line.row = None
            cursor.x += len(piece)
            at += len(piece)

    def repeat(self, count: int) -> None:
        """Write the last character again."""
        if self._last:
            self.draw(self._last * min(count, self.columns * self.lines))

    def _draw_one(self, character: str) -> None:
        width = width_of(character)
        cursor = self.cursor
        if not width:
            if unicodedata.category(character) in _ATTACHED:
                attach(self.buffer[cursor.y], cursor.x - 1, character)
            return
        if cursor.x + width > self.columns:
            if modes.DECAWM in self.mode:
                self.next_line()
            else:
                cursor.x = max(0, self.columns - width)
        if modes.IRM in self.mode:
            self.insert_characters(width)
        line, looks = self.buffer[cursor.y], self._looks()
        line[cursor.x] = looks[character]
        if width == 2:
            line[cursor.x + 1] = looks[""]
        line.row = None
        cursor.x += width

    def _looks(self) -> Glyphs:
        graphics = Graphics(*self.cursor.attrs[1:])
        found = self._glyphs.get(graphics)
        if found is None:
            if len(self._glyphs) >= _GLYPHS_LIMIT:
                self._glyphs.clear()
            found = self._glyphs[graphics] = Glyphs(graphics)
        return found

    # Lines

    def linefeed(self) -> None:
        """``\\n`` as the program's terminal would have had it.

        The log has none of the carriage returns that a terminal adds. Only who has set it up
        for placing the cursor without (as curses does) means no more than a line down.
        """
        self.index()
        if not self._places_itself:
            self.cursor.x = 0

    def next_line(self) -> None:
        """To the beginning of the next line."""
        self.index()
        self.cursor.x = 0

    def scroll(self, count: int) -> None:
        """Move the lines up, or down."""
        top, bottom = self.margins or (0, self.lines - 1)
        here = self.cursor.y
        for _ in range(min(abs(count), self.lines)):
            self.cursor.y = bottom if count > 0 else top
            (self.index if count > 0 else self.reverse_index)()
        self.cursor.y = here

    def tab(self) -> None:
        """To the next tab stop."""
        stops = (stop for stop in self.tabstops if stop > self.cursor.x)
        self.cursor.x = min(min(stops, default=self.columns), self.columns - 1)

    def tab_back(self) -> None:
        """To the tab stop before."""
        self.cursor.x = max((stop for stop in self.tabstops if stop < self.cursor.x), default=0)

    def cursor_to_line(self, line: int | None = None) -> None:
        """Go to a line, in the same column."""
        self.cursor_position(line, min(self.cursor.x, self.columns - 1) + 1)

    def cursor_up(self, count: int | None = None) -> None:
        """Go up, as far as the first line that scrolls."""
        top = self.margins.top if self.margins and self.cursor.y >= self.margins.top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), top)

    def cursor_down(self, count: int | None = None) -> None:
        """Go down, as far as the last line that scrolls."""
        inside = self.margins and self.cursor.y <= self.margins.bottom
        bottom = self.margins.bottom if self.margins and inside else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), bottom)

    # Erasing

    def erase_characters(self, count: int | None = None) -> None:
        """Blank some cells from the cursor on."""
        start = min(self.cursor.x, self.columns - 1)
        self._erase(self.cursor.y, start, start + (count or 1))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        """Blank the line's rest, its beginning, or all of it."""
        here = min(self.cursor.x, self.columns - 1)
        if how in (0, 1, 2):
            start, end = ((here, self.columns), (0, here + 1), (0, self.columns))[how]
            self._erase(self.cursor.y, start, end)

    def erase_in_display(self, how: int = 0, *args: object, **kwargs: object) -> None:
        """Blank the screen's rest, its beginning, or all of it. What has scrolled away stays."""
        if how in (0, 1):
            self.erase_in_line(how)
        here = self.cursor.y
        span = {0: (here + 1, self.lines), 1: (0, here), 2: (0, self.lines)}.get(how, (0, 0))
        for y in range(*span):
            self._erase(y, 0, self.columns)

    def insert_characters(self, count: int | None = None) -> None:
        """Move the line's rest to the right."""
        here, many = min(self.cursor.x, self.columns - 1), max(1, count or 1)
        self._shift(here, [BLANK] * min(many, self.columns), here)

    def delete_characters(self, count: int | None = None) -> None:
        """Move the line's rest to the left."""
        here = min(self.cursor.x, self.columns - 1)
        self._shift(here, [], here + max(1, count or 1))

    def _shift(self, here: int, first: list[pyte.Char], rest: int) -> None:
        line = self.buffer[self.cursor.y]
        cells = [*first, *(line[x] for x in range(rest, self.columns))]
        for x in range(here, self.columns):
            line.pop(x, None)
        line.update(zip(range(here, self.columns), cells, strict=False))
        line.row = None

    def _erase(self, y: int, start: int, end: int) -> None:
        line = self.buffer[y]
        line.row = None
        background = self.cursor.attrs.bg
        if background == "default":
            if start == 0 and end >= self.columns:
                line.clear()
            for x in range(start, min(end, self.columns)) if line else ():
                line.pop(x, None)
        else:
            blank = pyte.Char(" ", bg=background)
            line.update(dict.fromkeys(range(start, min(end, self.columns)), blank))

    # Questions

    def report_position(self) -> None:
        """Where the cursor is (DSR 6)."""
        top = self.margins.top if self.margins and modes.DECOM in self.mode else 0
        x = min(self.cursor.x, self.columns - 1) + 1
        self.write_process_input(f"\x1b[{self.cursor.y + 1 - top};{x}R")

    def write_process_input(self, data: str) -> None:
        """Collect what the program is to read."""
        if len(self.answers) < _ANSWERS_LIMIT:
            self.answers += data.encode()
