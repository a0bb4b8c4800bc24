"""The program's terminal: bytes in, rows out. pyte does what a terminal does; here stands what
it must be kept from, and what need not be emulated because nobody can see it any more.

Sequences are those of xterm's "Control Sequences". The program's terminal translates no
newlines (mlterm.system.child), so a newline is one here: it goes to the next line's beginning.
"""

import copy
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import Any

import pyte

from mlterm.ui.rows import Row, cells_of
from mlterm.ui.skipping import latest

_HOLD = 4096
"""Characters of an unfinished sequence that wait for their rest."""
_MOST_MARKS = 8
"""Characters of one cell."""
_MOST_ANSWERS = 4096
"""Bytes that wait for whoever asked."""
_BARE = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links, colours of the terminal
    r"|[PX^_][^\x1b]*\x1b\\"  # strings for devices and applications
    r"|\[[<=>][0-9;:]*[@-~]|\[[0-9;:?]*[ -/]+[@-~]|\[\?[0-9;:]*[^hl0-9;:]"  # private ones
    r"|[ #%][ -~]|[=>])"
)
_CONTROLS = re.compile(r"[\x01-\x06\x10-\x1a\x1c-\x1f\x7f\x80-\x9f\u2028-\u202e\u2066-\u2069]")
_OPEN = re.compile(r"\x1b(?:\[[0-9;:<=>? -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ #%()])?\Z")
_COLONS = re.compile(r"\x1b\[[0-9;]*:[0-9;:]*m")
_NAMES = {
    "black": "black", "red": "dark red", "green": "dark green", "brown": "brown",
    "blue": "dark blue", "magenta": "dark magenta", "cyan": "dark cyan", "white": "light gray",
    "brightblack": "dark gray", "brightred": "light red", "brightgreen": "light green",
    "brightbrown": "yellow", "brightyellow": "yellow", "brightblue": "light blue",
    "brightmagenta": "light magenta", "bfightmagenta": "light magenta",
    "brightcyan": "light cyan", "brightwhite": "white",
}  # fmt: skip
"""pyte's colours in urwid's words; one has a misprint in pyte 0.8.2."""


class Emulator:
    """A screen of a size, as the program has left it so far."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = _Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._bytes = b""  # of a character that is not whole yet
        self._held = ""  # of a sequence that is not
        self._rows: dict[int, Row] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._screen.columns, self._screen.lines

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Its column and row; None while the program hides it."""
        cursor = self._screen.cursor
        if cursor.hidden:
            return None
        return min(cursor.x, self._screen.columns - 1), cursor.y

    @property
    def is_alternate(self) -> bool:
        """Whether the program draws on the whole screen, as an editor does."""
        return self._screen.alternate

    def feed(self, data: bytes) -> None:
        """Take in what the program wrote. Nothing that it may write is an error."""
        text, self._bytes = _decoded(self._bytes + data)
        text = self._held + text
        self._held = ""
        if "\x1b" in text:
            if (match := _OPEN.search(text)) and len(match[0]) < _HOLD:
                text, self._held = text[: match.start()], match[0]
            text = _COLONS.sub(_with_semicolons, _BARE.sub("", text))
        text = _CONTROLS.sub("", text)
        try:
            self._stream.feed(text)
        except Exception:  # noqa: BLE001 - pyte raises many kinds over odd parameters
            self._stream = pyte.Stream(self._screen)

    def feed_latest(self, data: bytes) -> bytes:
        """Take in only what the screen still shows at its end; what is left is to be fed too, in
        slices, where nothing could be skipped."""
        state, rest = latest(data, self._screen.lines)
        if state is None:
            return data
        self.feed(state)
        if self._screen.margins is not None:  # what is outside of them has not scrolled away
            return data
        self.feed(rest)
        return b""

    def resize(self, columns: int, rows: int) -> None:
        """Another size; what does not fit any more is lost above, as in most terminals."""
        if (columns, rows) != self.size:
            self._screen.change_size(columns, rows)
            self._rows.clear()

    def rows(self) -> list[Row]:
        """Each line up to its last character."""
        screen = self._screen
        for line in screen.dirty:
            self._rows.pop(line, None)
        screen.dirty.clear()
        for line in range(screen.lines):
            if line not in self._rows:
                self._rows[line] = _row(screen.buffer[line], screen.columns)
        return [self._rows[line] for line in range(screen.lines)]

    def take_answers(self) -> bytes:
        """What the program has asked its terminal for since, as a terminal would send it."""
        answers, self._screen.answers = self._screen.answers, b""
        return answers


class _Screen(pyte.Screen):
    """pyte's screen, with newlines that are lines' ends and an alternate screen."""

    def __init__(self, columns: int, lines: int) -> None:
        self.answers = b""
        self.alternate = False
        self._main: Any = None
        super().__init__(columns, lines)

    def reset(self) -> None:
        super().reset()
        self.alternate, self._main = False, None

    def linefeed(self) -> None:
        self.index()
        self.carriage_return()

    def write_process_input(self, data: str) -> None:
        self.answers = (self.answers + data.encode())[-_MOST_ANSWERS:]

    def draw(self, data: str) -> None:
        """pyte's own drops what stands behind a character without a width, unless that is a mark
        of a certain kind; and would put any number of those into a cell."""
        if data.isascii():
            super().draw(data)
            return
        piece = ""
        for character in data:
            if cells_of(character):
                piece += character
            elif not _is_format(character):
                if piece:
                    super().draw(piece)
                    piece = ""
                self._put_on(character)
        if piece:
            super().draw(piece)

    def _put_on(self, mark: str) -> None:
        """A mark belongs to the character before it, which may end the line above."""
        x, y = (
            (self.cursor.x, self.cursor.y) if self.cursor.x else (self.columns, self.cursor.y - 1)
        )
        if y < 0:
            return
        line = self.buffer[y]
        x -= 1 if line[x - 1].data or x == 1 else 2  # of a wide one the first half
        cell = line[x]
        if len(cell.data) < _MOST_MARKS:
            line[x] = cell._replace(data=unicodedata.normalize("NFC", cell.data + mark))
            self.dirty.add(y)

    def save_cursor(self) -> None:
        """A terminal keeps one."""
        super().save_cursor()
        del self.savepoints[:-1]

    def restore_cursor(self) -> None:
        """What was saved can be restored more than once."""
        kept = [saved._replace(cursor=copy.copy(saved.cursor)) for saved in self.savepoints]
        super().restore_cursor()
        self.savepoints[:] = kept

    def reset_mode(self, *numbers: int, **keywords: Any) -> None:
        if keywords.get("private") and {47, 1047, 1049} & set(numbers) and self.alternate:
            self._leave_alternate()
        super().reset_mode(*numbers, **keywords)

    def set_mode(self, *numbers: int, **keywords: Any) -> None:
        # A change of width is of no terminal of today, and would clear the screen.
        kept = tuple(n for n in numbers if not (keywords.get("private") and n == 3))
        if keywords.get("private") and {47, 1047, 1049} & set(kept) and not self.alternate:
            self._main = self.buffer, self.cursor
            factory = self.buffer.default_factory  # type: ignore[attr-defined] # a defaultdict
            self.buffer = type(self.buffer)(factory)
            self.cursor = pyte.screens.Cursor(self.cursor.x, self.cursor.y, self.cursor.attrs)
            self.alternate = True
            self.dirty.update(range(self.lines))
        super().set_mode(*kept, **keywords)

    def _leave_alternate(self) -> None:
        self.buffer, self.cursor = self._main
        self.alternate, self._main = False, None
        self.cursor.y = min(self.cursor.y, self.lines - 1)
        self.cursor.x = min(self.cursor.x, self.columns - 1)
        self.dirty.update(range(self.lines))

    def change_size(self, columns: int, lines: int) -> None:
        """pyte's own drops lines at the top even where there is room below."""
        above = max(0, self.cursor.y - lines + 1)
        kept = {y - above: line for y, line in self.buffer.items() if above <= y < above + lines}
        self.buffer.clear()
        self.buffer.update(kept)
        for line in kept.values():
            for x in [x for x in line if x >= columns]:
                del line[x]
        self.lines, self.columns = lines, columns
        self.set_margins()
        self.cursor.y -= above
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.tabstops = set(range(8, columns, 8))
        self.dirty.update(range(lines))


def _is_format(character: str) -> bool:
    """Whether a character without a width only says how its neighbours are to look: terminals
    are at odds about the widths that come of it."""
    return unicodedata.category(character) in ("Cc", "Cf") or "\ufe00" <= character <= "\ufe0f"


def _decoded(data: bytes) -> tuple[str, bytes]:
    """As UTF-8; the start of a character at the end waits for its rest."""
    with suppress(UnicodeDecodeError):
        return data.decode(), b""
    for size in (1, 2, 3):
        tail = data[-size:]
        if tail[:1] >= b"\xc0" and size < _length(tail[0]):
            return data[:-size].decode("utf-8", "replace"), tail
    return data.decode("utf-8", "replace"), b""


def _with_semicolons(match: re.Match[str]) -> str:
    """``38:2::r:g:b`` (ISO 8613-6, with a colour space that nobody gives) as ``38;2;r;g;b``."""
    return match[0].replace("::", ":").replace(":", ";")


def _length(first: int) -> int:
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2


def _row(line: Any, columns: int) -> Row:
    """Runs of the same looks; blanks at the end are left out."""
    row: Row = []
    text = style = ""
    for x in range(max((x for x in line if x < columns), default=-1) + 1):
        cell = line[x]
        data = cell.data
        if not data:
            continue  # the second half of a wide character
        if cells_of(data[0]) == 2 and (x + 1 >= columns or line[x + 1].data):
            data = " "  # half of it has been written over
        looks = _style(*cell[1:]) if data != " " or _shows(cell) else ""
        if looks != style:
            if text:
                row.append((style, text))
            text, style = "", looks
        text += data
    if not style:
        text = text.rstrip(" ")
    return [*row, (style, text)] if text else row


def _shows(cell: Any) -> bool:
    """Whether a blank is more than that."""
    return bool(cell.bg != "default" or cell.reverse or cell.underscore or cell.strikethrough)


@lru_cache(maxsize=4096)
def _style(
    fg: str, bg: str, bold: bool, italics: bool, underscore: bool, strikethrough: bool,
    reverse: bool, blink: bool = False,
) -> str:  # fmt: skip
    flags = {
        "bold": bold, "italics": italics, "underline": underscore, "standout": reverse,
        "strikethrough": strikethrough, "blink": blink,
    }  # fmt: skip
    front = [_colour(fg)] if fg != "default" else []
    front += [flag for flag, is_set in flags.items() if is_set]
    if not front and bg == "default":
        return ""
    return f"@{','.join(front) or 'default'}/{_colour(bg)}"


def _colour(word: str) -> str:
    if word == "default":
        return word
    return _NAMES.get(word) or f"#{word}"
