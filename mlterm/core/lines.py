"""Terminal bytes → what stood in each line: the states that a person could have read.

Here belongs what a terminal does with bytes, as far as it decides what a line says: carriage
returns, cursor movement, erasing (ECMA-48 as xterm's "Control Sequences" lists it); and nothing
about what the text means. A line has no width here, and colours are dropped.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

LINE_LIMIT = 16 * 1024
"""Characters of a state; what stands behind them is not read."""
_SEGMENT_LIMIT = 64 * 1024  # bytes without a line's end that are held
_ROWS_KEPT = 64  # how far up a cursor may go
_HEIGHT = 30  # of the screen whose top a cursor is sent to
_INDENT = 12  # of a line that goes on with the one above
_QUIET_KEPT = 20  # lines without a number before one that has some

_ODD = re.compile(rb"[\r\x1b\x08\x0b\x0c]")
_ENDS = re.compile(rb"[\r\n]")
_ODD_BYTES = (b"\r", b"\x1b", b"\x08", b"\x0b", b"\x0c")
_HARMLESS = bytes([0x09, 0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)])
_DIGITS = re.compile(rb"[0-9}]")
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789}"))
_WORDS = [re.compile(word) for word in (rb"nan\b", rb"NaN\b", rb"NAN\b", rb"inf\b", rb"Inf\b")]
_NUMBERS = re.compile(rb"[0-9}]|(?:nan|NaN|NAN|inf|Inf)\b")
_DROPPED = re.compile(  # colours, titles, character sets, modes but the alternate screen
    r"\x1b(?:\[[0-9;:]*m|\[\?(?!1049|47|1047)[0-9;]*[hl]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"
    r"|[()*+#%][0-9A-Za-z]|[=>])|[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]"
)
_NO_LETTERS = re.compile(r"[\W\d_]+")
_MOVE = re.compile(
    r"\x1b\[([?0-9;]{0,16})([A-Za-z@`])|\x1b([78MDEc])|(\x08+)|(\x1b.?)|([^\x1b\x08]+)"
)


class State(NamedTuple):
    """What a line said at one moment."""

    offset: int
    """Where in the output the bytes of this state begin."""
    text: str
    redrawn: bool
    """Whether it was, or took the place of, another state of the same line."""
    above: str = ""
    """What stands in the line above, where this one is far indented and has been drawn again."""


class _Row:
    __slots__ = ("dirty", "offset", "overwritten", "revisited", "said", "text")

    def __init__(self, said: str | None = None) -> None:
        self.text = said or ""
        self.said = said  # the last state that was told of
        self.dirty = False
        self.overwritten = False  # since it was empty
        self.revisited = False
        self.offset = 0


class Screen:
    """A terminal without a width, however its bytes are cut into chunks.

    ``feed`` gives the states that are over: a line ended, or something else was written in its
    place. A line that is drawn again as it was says nothing. Of lines without a number (or a
    brace that may close a dict of some) only the last few before one that has some are given,
    and then.
    """

    def __init__(self, offset: int = 0, *, within_line: bool = False) -> None:
        self._rest = b""
        self._offset = offset  # of the first byte of _rest
        self._skipping = within_line  # the rest of a line that is too long
        self._rows = [_Row()]
        self._row = 0
        self._column = 0
        self._saved = (0, 0)
        self._hidden = False  # on the alternate screen
        self._quiet: deque[tuple[int, bytes]] = deque(maxlen=_QUIET_KEPT)

    def feed(self, data: bytes) -> list[State]:
        """The states that ``data`` ends."""
        block = self._rest + data
        out: list[State] = []
        at = 0
        odd = -1
        traits: _Traits | None = None
        while at < len(block):
            if self._is_fresh():
                if odd < at:
                    odd = _first_odd(block, at)
                until = block.rfind(b"\n", at, odd) + 1
                if until:
                    traits = traits or _traits_of(block)
                    self._plain(block, at, until, traits, out)
                    at = until
                    continue
            found = _ENDS.search(block, at)
            if found is None:
                break
            self._segment(self._offset + at, block[at : found.start()], found[0], out)
            at = found.end()
        self._offset += at
        self._rest = block[at:]
        if len(self._rest) > _SEGMENT_LIMIT:
            if not self._skipping:
                self._segment(self._offset, self._rest, b"", out)
            self._skipping = True
            self._offset += len(self._rest)
            self._rest = b""
        return out

    def finish(self) -> list[State]:
        """The states that nothing ended."""
        out: list[State] = []
        if self._rest:
            self._segment(self._offset, self._rest, b"", out)
            self._offset += len(self._rest)
            self._rest = b""
        for row in self._rows:
            self._tell(row, row.overwritten, out)
        self._break_silence(out)
        return out

    def _is_fresh(self) -> bool:
        """Whether the cursor stands at the beginning of an empty last line."""
        if self._column or self._skipping or self._hidden or self._row != len(self._rows) - 1:
            return False
        row = self._rows[-1]
        return not row.text and not row.dirty

    def _plain(self, block: bytes, at: int, end: int, traits: "_Traits", out: list[State]) -> None:
        """Whole lines of nothing but text."""
        begin = at
        numbers, decode = traits
        while at < end:
            found = numbers.search(block, at, end) if numbers else None
            start = end if found is None else block.rfind(b"\n", at, found.start()) + 1 or at
            if start > at:
                lines = block[at : start - 1].rsplit(b"\n", _QUIET_KEPT)[-_QUIET_KEPT:]
                place = self._offset + start - sum(map(len, lines)) - len(lines)
                for line in lines:
                    self._quiet.append((place, line))
                    place += len(line) + 1
            at = start
            if found is not None:
                self._break_silence(out)
                at = block.index(b"\n", found.start()) + 1
                out.append(State(self._offset + start, decode(block[start : at - 1]), False))
        last = block[begin : end - 1].rsplit(b"\n", _ROWS_KEPT)[-_ROWS_KEPT:]
        self._rows[-1:] = [_Row(_decoded(line)) for line in last]
        self._new_row()

    def _break_silence(self, out: list[State]) -> None:
        for offset, line in self._quiet:
            if text := _decoded(line):
                out.append(State(offset, text, False))
        self._quiet.clear()

    def _segment(self, offset: int, data: bytes, end: bytes, out: list[State]) -> None:
        """One piece of a line, up to a carriage return or a line's end."""
        if self._skipping:
            self._skipping = not end
            data = b""
        text = data[:_SEGMENT_LIMIT].decode("utf-8", "replace")
        if not text.isprintable():
            text = _DROPPED.sub("", text)
        if "\x1b" in text or "\x08" in text:
            for move in _MOVE.finditer(text):
                self._act(move, offset, out)
        elif text and not self._hidden:
            self._write(text, offset, out)
        if self._hidden:
            return
        if end == b"\r":
            self._column = 0
        elif end == b"\n":
            row = self._rows[self._row]
            if row.overwritten or row.revisited or _NUMBERS.search(row.text.encode()):
                self._tell(row, row.overwritten, out)
            else:
                self._quiet.append((row.offset, row.text.encode()))
                row.dirty, row.said = False, row.text.rstrip()
            self._down()

    def _write(self, text: str, offset: int, out: list[State]) -> None:
        row = self._rows[self._row]
        column, old = self._column, row.text
        if column == 0 or not row.dirty:
            if row.dirty and not old.isspace() and old:
                self._tell(row, True, out)
                row.overwritten = True
            row.offset = offset
        end = column + len(text)
        if column or len(old) > end:
            text = old[:column].ljust(column) + text + old[end:]
        row.text = text[:LINE_LIMIT]
        row.dirty = True
        if text.isspace():
            row.overwritten = False  # wiped with blanks
        self._column = min(end, LINE_LIMIT)

    def _tell(self, row: _Row, redrawn: bool, out: list[State]) -> None:
        if not row.dirty:
            return
        row.dirty = False
        text = row.text.rstrip()
        if text and text != row.said:
            if row.revisited and row.said is not None and not redrawn:
                redrawn = _letters(text) == _letters(row.said)
            row.said = text
            self._break_silence(out)
            above = self._above(row) if redrawn and text[:_INDENT].isspace() else ""
            out.append(State(row.offset, text, redrawn, above))

    def _above(self, row: _Row) -> str:
        at = self._rows.index(row)
        return self._rows[at - 1].text.rstrip() if at else ""

    def _down(self) -> None:
        self._column = 0
        self._row += 1
        if self._row == len(self._rows):
            self._row -= 1
            self._new_row()
        else:
            self._rows[self._row].revisited = True

    def _new_row(self) -> None:
        self._rows.append(_Row())
        if len(self._rows) > 2 * _ROWS_KEPT:
            # A line that scrolled away is over; it was told of when the cursor left it.
            del self._rows[:-_ROWS_KEPT]
        self._row = len(self._rows) - 1
        self._column = 0

    def _act(self, move: re.Match[str], offset: int, out: list[State]) -> None:
        """One control sequence, or the text between two."""
        words, letter, short, back, _, text = move.groups()
        if letter and words.startswith("?"):
            if letter in "hl":
                self._hidden = letter == "h"
            return
        if self._hidden:
            return
        if text:
            self._write(text, offset, out)
        elif back:
            self._column = max(0, self._column - len(back))
        elif letter:
            numbers = [
                min(int(word), LINE_LIMIT) if word.isdecimal() else 0 for word in words.split(";")
            ]
            if letter in "ABEFHfd":
                self._go(letter, numbers, out)
            elif letter in "KJX":
                self._erase(letter, numbers[0], out)
            elif letter in "CDG`":
                many = max(1, numbers[0])
                steps = {"C": self._column + many, "D": self._column - many}
                self._column = min(max(0, steps.get(letter, many - 1)), LINE_LIMIT)
            elif letter in "su":
                self._remember(letter == "s", out)
        elif short in ("7", "8"):
            self._remember(short == "7", out)
        elif short in ("M", "E", "D"):
            self._go("A" if short == "M" else "E", [1], out)

    def _remember(self, keep: bool, out: list[State]) -> None:
        if keep:
            self._saved = (self._row, self._column)
            return
        self._leave(out)
        self._row = min(self._saved[0], len(self._rows) - 1)
        self._column = self._saved[1]

    def _leave(self, out: list[State]) -> None:
        """Who moves about will come back: what stands there is no last word."""
        row = self._rows[self._row]
        row.revisited = True
        self._tell(row, True, out)

    def _go(self, letter: str, numbers: list[int], out: list[State]) -> None:
        self._leave(out)
        many = max(1, numbers[0])
        if letter in "AF":
            self._row = max(0, self._row - many)
        elif letter in "BE":
            for _ in range(min(many, _HEIGHT)):
                column = self._column
                self._down()
                self._column = column
        else:
            top = max(0, len(self._rows) - _HEIGHT)
            target = min(top + many - 1, top + _HEIGHT)
            while target >= len(self._rows):
                self._rows.append(_Row())
            self._row = target
            self._column = max(1, numbers[1]) - 1 if len(numbers) > 1 and letter != "d" else 0
        if letter in "EF":
            self._column = 0
        self._rows[self._row].revisited = True

    def _erase(self, letter: str, what: int, out: list[State]) -> None:
        row = self._rows[self._row]
        if letter == "J" and what >= 2:  # the whole screen: a new page
            for each in self._rows:
                self._tell(each, True, out)
            self._rows = [_Row()]
            self._row = self._column = 0
            return
        if letter == "J" and what == 0:
            for below in self._rows[self._row + 1 :]:
                self._tell(below, True, out)
                below.text = ""
        if self._column == 0 or what == 2:
            self._tell(row, True, out)
            row.overwritten = False
        if letter == "X":
            end = self._column + max(1, what)
            row.text = row.text[: self._column].ljust(end) + row.text[end:]
        elif what == 1:
            row.text = " " * self._column + row.text[self._column :]
        else:
            row.text = "" if what == 2 else row.text[: self._column]


def _first_odd(block: bytes, at: int) -> int:
    """Where something else than text and newlines stands."""
    if any(byte in block for byte in _ODD_BYTES) and (found := _ODD.search(block, at)):
        return found.start()
    return len(block)


class _Traits(NamedTuple):
    """How a block is to be read, the cheaper the less there is in it."""

    numbers: re.Pattern[bytes] | None
    """What finds its numbers."""
    decode: Callable[[bytes], str]


def _traits_of(block: bytes) -> _Traits:
    decode = _decoded if block.translate(None, _HARMLESS) else _decoded_text
    if any(word.search(block) for word in _WORDS):
        return _Traits(_NUMBERS, decode)
    return _Traits(_DIGITS if block.translate(None, _NO_DIGITS) else None, decode)


def _decoded(line: bytes) -> str:
    text = line[:_SEGMENT_LIMIT].decode("utf-8", "replace")
    return (text if text.isprintable() else _DROPPED.sub("", text))[:LINE_LIMIT].rstrip()


def _decoded_text(line: bytes) -> str:
    """As ``_decoded``, of a line without control characters."""
    return line[:_SEGMENT_LIMIT].decode("utf-8", "replace")[:LINE_LIMIT].rstrip()


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text)
