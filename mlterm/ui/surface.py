"""Rows on a terminal: one urwid widget that shows what is drawn for it.

Here belongs what urwid wants to know of rows, and which colours their styles are.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal

import urwid

from mlterm.ui.rows import Row
from mlterm.ui.styles import THEMES

Cells = list[tuple[Hashable, Literal["0", "U"] | None, bytes]]
Colours = Literal[1, 16, 88, 256, 16777216]
"""Of a terminal; urwid has no others."""
_TRUE_COLOURS = 2**24
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")
_STEPS = (0, 95, 135, 175, 215, 255)
"""Of a primary colour in the cube of xterm's 256 colours."""
_SIXTEEN = (
    "black", "dark red", "dark green", "brown", "dark blue", "dark magenta", "dark cyan",
    "light gray", "dark gray", "light red", "light green", "yellow", "light blue",
    "light magenta", "light cyan", "white",
)  # fmt: skip


class Picture(urwid.Canvas):
    """A window's rows, as urwid paints them."""

    def __init__(self, rows: list[Cells], size: tuple[int, int], cursor: tuple[int, int] | None):
        super().__init__()
        self._rows, self._size, self._cursor_at = rows, size, cursor

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the cursor; None where it is hidden."""
        return self._cursor_at

    @cursor.setter
    def cursor(self, place: tuple[int, int] | None) -> None:
        self._cursor_at = place

    def cols(self) -> int:
        """The columns."""
        return self._size[0]

    def rows(self) -> int:
        """The rows."""
        return self._size[1]

    def content(
        self,
        trim_left: int = 0,
        trim_top: int = 0,
        cols: int | None = 0,
        rows: int | None = 0,
        attr: Any = None,
    ) -> Iterator[Cells]:
        """All rows; nothing else is put around this canvas that could trim it."""
        yield from self._rows


class Surface(urwid.Widget):
    """The window. What it shows is asked for when it is drawn; keys go past it."""

    _sizing = frozenset([urwid.BOX])

    def __init__(
        self,
        draw: Callable[[int, int], tuple[list[Row], tuple[int, int] | None]],
        colours: Colours,
    ) -> None:
        super().__init__()
        self._draw, self._colours = draw, colours

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override] # a box
        """Draw a window of that size."""
        rows, cursor = self._draw(*size)
        colours = self._colours
        cells: list[Cells] = [
            [(attribute(style, colours), None, text.encode()) for style, text in row]
            for row in rows
        ]
        return Picture(cells, size, cursor)

    def refresh(self) -> None:
        """Have it drawn anew."""
        self._invalidate()


def palette(theme: str) -> Iterable[tuple[str, ...]]:
    """A theme, as urwid takes it."""
    for name, look in THEMES[theme].items():
        yield name, look.few, look.few_back, look.mono, look.many, look.many_back


@lru_cache(maxsize=4096)
def attribute(style: str, colours: Colours) -> Hashable:
    """A style's name, or what a cell of the program's own looks like: ``@FOREGROUND/BACKGROUND``,
    in as many colours as the terminal has."""
    if not style.startswith("@"):
        return style
    front, _, back = style[1:].partition("/")
    if colours == 1:
        kept = [word for word in front.split(",") if word in ("bold", "underline", "standout")]
        if back and back != "default":
            kept.append("standout")
        return urwid.AttrSpec(",".join(dict.fromkeys(kept)) or "default", "default", 1)
    words = ",".join(_colour(word, colours) for word in front.split(",") if word) or "default"
    try:
        return urwid.AttrSpec(words, _colour(back or "default", colours), colours)
    except urwid.AttrSpecError:
        return ""


def _colour(word: str, colours: int) -> str:
    """A colour's word that a terminal of so many colours knows."""
    if colours >= _TRUE_COLOURS:
        return _rgb_of(int(word[1:])) if word[:1] == "h" and word[1:].isdigit() else word
    if match := _HEX.fullmatch(word):
        number = _nearest(*(int(part, 16) for part in match.groups()))
    elif word[:1] == "h" and word[1:].isdigit():
        number = int(word[1:])
    else:
        return word
    return f"h{number}" if colours >= 256 else _SIXTEEN[_of_sixteen(number)]


def _rgb_of(number: int) -> str:
    red, green, blue = _parts(number)
    return f"#{red:02x}{green:02x}{blue:02x}" if number >= 16 else _SIXTEEN[number]


def _nearest(red: int, green: int, blue: int) -> int:
    """The nearest of the 256 colours' cube, or of its greys."""
    if max(red, green, blue) - min(red, green, blue) < 10:
        return 232 + max(0, min(23, (red - 3) // 10))
    places = (min(range(6), key=lambda i, v=v: abs(_STEPS[i] - v)) for v in (red, green, blue))  # type: ignore[misc] # v is bound here
    high, middle, low = places
    return 16 + 36 * high + 6 * middle + low


def _parts(number: int) -> tuple[int, int, int]:
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    cube = max(0, number - 16)
    return _STEPS[cube // 36], _STEPS[cube // 6 % 6], _STEPS[cube % 6]


def _of_sixteen(number: int) -> int:
    """The one of 16 colours that is most like one of 256."""
    if number < 16:
        return number
    red, green, blue = _parts(number)
    brightest = max(red, green, blue)
    if brightest < 50:
        return 0 if brightest < 20 else 8
    if brightest - min(red, green, blue) < 30:
        return 15 if brightest > 200 else 7 if brightest > 120 else 8
    bits = sum(1 << i for i, part in enumerate((red, green, blue)) if part > brightest * 0.6)
    return bits + (8 if brightest > 180 else 0)
