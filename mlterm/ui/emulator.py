"""Bytes of a program → the rows of its terminal. Nothing that comes in can make it raise.

A newline ends every sequence that is not complete, as in core/clean.py: no title or graphic that
was never closed swallows the output, and every line's beginning is a place to start at.
"""

import codecs
import re
from collections.abc import Callable

from pyte import modes

from mlterm.ui.rows import Row
from mlterm.ui.screen import Screen
from mlterm.ui.skipping import Stance

_PARAMETERS = 256  # characters; what has more is no sequence
_SMALLEST = 2

# One match is one thing to do. Text is first: it is most of all.
_TOKEN = re.compile(
    r"([^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+)"
    r"|([\n\r\x08\t\x0b\x0c\x0e\x0f])"
    rf"|\x1b\[([0-9;:]{{0,{_PARAMETERS}}})([@-~])"
    rf"|\x1b\[([<-?])?([0-9;:]{{0,{_PARAMETERS}}})([ -/]{{0,4}})([@-~])"
    r"|\x1b([ -/])([0-~])"
    r"|(\x1b[]PX^_])"
    r"|\x1b([0-Z\\^-~])"
    rf"|\x1b\[[0-?]{{0,{_PARAMETERS}}}[ -/]{{0,4}}"
)
_TEXT, _CONTROL, _CSI, _ODD_CSI, _CHARSET, _STRING, _SHORT = 1, 2, 4, 8, 10, 11, 12
_STRING_REST = re.compile(r"[^\x07\x18\x1a\x1b\n\x9c]*")
_UNFINISHED = re.compile(rf"\x1b(?:\[[0-?]{{0,{_PARAMETERS}}}[ -/]{{0,4}}|[ -/])?\Z")

Action = Callable[[Screen, list[int]], None]


class Emulator:
    """A terminal that a program writes to."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = Screen(max(_SMALLEST, columns), max(_SMALLEST, rows))
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""  # the beginning of a sequence
        self._in_string = False

    @property
    def columns(self) -> int:
        """Its width."""
        return self._screen.columns

    @property
    def height(self) -> int:
        """How many rows it has."""
        return self._screen.lines

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row, None while it is hidden."""
        cursor = self._screen.cursor
        return None if cursor.hidden else (min(cursor.x, self.columns - 1), cursor.y)

    @property
    def alternate(self) -> bool:
        """Whether the program has a screen of its own (an editor, a pager)."""
        return self._screen.alternate

    @property
    def stance(self) -> Stance:
        """What its program has set up, for who looks for output that can be skipped."""
        screen = self._screen
        odd = modes.DECOM in screen.mode or modes.IRM in screen.mode
        margins = screen.margins is not None
        return Stance(screen.columns, screen.lines, screen.alternate, margins, odd)

    def rows(self) -> list[Row]:
        """What is to be seen. Not to be changed: a row that stays is the same list again."""
        return [self._screen.row(y) for y in range(self.height)]

    def resize(self, columns: int, rows: int) -> None:
        """Take another size; one that it has already changes nothing, a region neither."""
        columns, rows = max(_SMALLEST, columns), max(_SMALLEST, rows)
        if (columns, rows) != (self.columns, self.height):
            self._screen.resize(rows, columns)

    def take_answers(self) -> bytes:
        """What the program has asked the terminal for, once."""
        answers = bytes(self._screen.answers)
        self._screen.answers.clear()
        return answers

    def feed(self, data: bytes, budget: int | None = None) -> int:
        """Act upon ``data``, at most ``budget`` bytes of it; how many are left."""
        left = 0 if budget is None else max(0, len(data) - budget)
        text = self._held + self._decode(data[: len(data) - left])
        self._held = ""
        at = 0
        if self._in_string:
            at = self._pass_string(text, 0)
        unfinished = _UNFINISHED.search(text, max(at, len(text) - _PARAMETERS - 8))
        end = unfinished.start() if unfinished else len(text)
        self._act(text, at, end)
        if not self._in_string:
            self._held = text[end:]
        return left

    def _pass_string(self, text: str, at: int) -> int:
        """Where a string (a title, a graphic) is over; what it says is not for us."""
        found = _STRING_REST.match(text, at)
        end = found.end() if found else at
        self._in_string = end == len(text)
        return end

    def _act(self, text: str, at: int, end: int) -> None:
        screen = self._screen
        draw, colour, match = screen.draw, screen.colour, _TOKEN.match
        while at < end:
            found = match(text, at, end)
            if found is None:  # a control that does nothing
                at += 1
                continue
            at = found.end()
            kind = found.lastindex
            if kind == _TEXT:
                draw(found[1])
            elif kind == _CONTROL:
                _CONTROLS[found[2]](screen, [])
            elif kind == _CSI:
                words, letter = found[3], found[4]
                if letter == "m":
                    colour(words)
                elif letter in _SEQUENCES:
                    _SEQUENCES[letter](screen, _numbers(words))
            elif kind == _ODD_CSI:
                self._act_oddly(found[5] or "", found[6], found[7], found[8])
            elif kind == _CHARSET:
                screen.define_charset(found[10], found[9])
            elif kind == _STRING:
                at = self._pass_string(text, at)
            elif found[12] in _ESCAPES:
                _ESCAPES[found[12]](screen, [])

    def _act_oddly(self, mark: str, words: str, between: str, letter: str) -> None:
        if mark == "?" and not between and letter in "hl":
            for number in _numbers(words):
                self._screen.private_mode(number, letter == "h")
        elif mark == "?" and not between and letter in "JK":
            _SEQUENCES[letter](self._screen, _numbers(words))
        elif not mark and between == "!" and letter == "p":
            self._screen.soft_reset()


def _numbers(words: str) -> list[int]:
    """Parameters; one that is missing is 0."""
    parts = words.replace(":", ";").split(";")
    return [int(part[:6]) if part else 0 for part in parts[:16]]


def _scroll_down(screen: Screen, given: list[int]) -> None:
    if len(given) == 1:  # with more it is about the mouse
        screen.scroll(-max(1, given[0]))


def _answer_device(screen: Screen, given: list[int]) -> None:
    if given[0] == 0:
        screen.write_process_input("\x1b[?6c")


def _answer_status(screen: Screen, given: list[int]) -> None:
    if given[0] == 5:
        screen.write_process_input("\x1b[0n")
    elif given[0] == 6:
        screen.report_position()


def _tabs(step: Callable[[Screen], None]) -> Action:
    def act(screen: Screen, given: list[int]) -> None:
        for _ in range(min(max(1, given[0]), screen.columns)):
            step(screen)

    return act


def _place(screen: Screen, given: list[int]) -> None:
    screen.cursor_position(given[0], given[1] if len(given) > 1 else 1)


def _margins(screen: Screen, given: list[int]) -> None:
    screen.set_margins(given[0], given[1] if len(given) > 1 else None)


def _insert_mode(on: bool) -> Action:
    def act(screen: Screen, given: list[int]) -> None:
        if 4 in given:
            screen.insert_mode(on)

    return act


_CONTROLS: dict[str, Action] = {
    "\n": lambda screen, _: screen.linefeed(),
    "\r": lambda screen, _: screen.carriage_return(),
    "\b": lambda screen, _: screen.backspace(),
    "\t": lambda screen, _: screen.tab(),
    "\v": lambda screen, _: screen.index(),
    "\f": lambda screen, _: screen.index(),
    "\x0e": lambda screen, _: screen.shift_out(),
    "\x0f": lambda screen, _: screen.shift_in(),
}
_ESCAPES: dict[str, Action] = {
    "c": lambda screen, _: screen.reset(),
    "D": lambda screen, _: screen.index(),
    "E": lambda screen, _: screen.next_line(),
    "M": lambda screen, _: screen.reverse_index(),
    "H": lambda screen, _: screen.set_tab_stop(),
    "7": lambda screen, _: screen.save_cursor(),
    "8": lambda screen, _: screen.restore_cursor(),
}
_SEQUENCES: dict[str, Action] = {
    "@": lambda screen, given: screen.insert_characters(given[0]),
    "A": lambda screen, given: screen.cursor_up(given[0]),
    "B": lambda screen, given: screen.cursor_down(given[0]),
    "C": lambda screen, given: screen.cursor_forward(given[0]),
    "D": lambda screen, given: screen.cursor_back(given[0]),
    "E": lambda screen, given: screen.cursor_down1(given[0]),
    "F": lambda screen, given: screen.cursor_up1(given[0]),
    "G": lambda screen, given: screen.cursor_to_column(given[0]),
    "H": _place,
    "I": _tabs(Screen.tab),
    "J": lambda screen, given: screen.erase_in_display(given[0]),
    "K": lambda screen, given: screen.erase_in_line(given[0]),
    "L": lambda screen, given: screen.insert_lines(given[0]),
    "M": lambda screen, given: screen.delete_lines(given[0]),
    "P": lambda screen, given: screen.delete_characters(given[0]),
    "S": lambda screen, given: screen.scroll(max(1, given[0])),
    "T": _scroll_down,
    "X": lambda screen, given: screen.erase_characters(given[0]),
    "Z": _tabs(Screen.tab_back),
    "`": lambda screen, given: screen.cursor_to_column(given[0]),
    "a": lambda screen, given: screen.cursor_forward(given[0]),
    "b": lambda screen, given: screen.repeat(max(1, given[0])),
    "c": _answer_device,
    "d": lambda screen, given: screen.cursor_to_line(given[0]),
    "e": lambda screen, given: screen.cursor_down(given[0]),
    "f": _place,
    "g": lambda screen, given: screen.clear_tab_stop(given[0]),
    "h": _insert_mode(True),
    "l": _insert_mode(False),
    "n": _answer_status,
    "r": _margins,
    "s": lambda screen, _: screen.save_cursor(),
    "u": lambda screen, _: screen.restore_cursor(),
}
