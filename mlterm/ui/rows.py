"""Rows: styled text of a known width in terminal cells, which all that is drawn is made of.

Here belongs how text is measured, cut and put together, and nothing about what it says.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from wcwidth import wcwidth

Span = tuple[str, str]
"""A style's name (ui.styles) and text without controls."""
Row = list[Span]
"""A line of a pane, from left to right."""
CUT = "…"

NARROW = re.compile(
    "[ -~\xa0-\xac\xae-\u02ff\u2013\u2026\u2190-\u2199\u2500-\u25fc\u25ff\u2800-\u28ff]*"
)
"""What nearly all text is of: characters of one column each."""


@lru_cache(maxsize=4096)
def cells_of(character: str) -> int:
    """How many columns a character takes: 0, 1 or 2. A control takes none."""
    return max(0, wcwidth(character))


def width_of(text: str) -> int:
    """How many columns a text takes."""
    return len(text) if _is_narrow(text) else sum(map(cells_of, text))


def cut(text: str, width: int, mark: str = CUT) -> str:
    """The text in at most ``width`` columns; where it is longer, ``mark`` ends it."""
    if width_of(text) <= width:
        return text
    if width <= width_of(mark):
        return mark if width == width_of(mark) else ""
    return _head(text, width - width_of(mark)) + mark


def cut_middle(text: str, width: int) -> str:
    """The same, with both its ends kept: names often differ in their last letters."""
    if width_of(text) <= width or width < 5:
        return cut(text, width)
    tail = _head(text[::-1], (width - 1) // 3)[::-1]
    return _head(text, width - 1 - width_of(tail)) + CUT + tail


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of ``width`` columns at most, parted at blanks where it has any."""
    lines: list[str] = []
    left = text
    while width_of(left) > width:
        whole = _head(left, max(width, 1)) or left[:1]
        at = whole.rfind(" ") if left[len(whole)] != " " else len(whole)
        piece = whole if at <= 0 else whole[:at]
        lines.append(piece.rstrip())
        left = left[len(piece) :].lstrip()
    return [*lines, left] if left or not lines else lines


def row_width(row: Iterable[Span]) -> int:
    """How many columns a row takes."""
    return sum(width_of(text) for _, text in row)


def fit(row: Sequence[Span], width: int, style: str = "") -> Row:
    """The row in exactly ``width`` columns: cut, or filled up with blanks of a style."""
    fitted: Row = []
    left = width
    for name, text in row:
        shown = text if width_of(text) <= left else _head(text, left)
        if shown:
            fitted.append((name, shown))
        left -= width_of(shown)
        if shown != text:
            break
    if left > 0:
        fitted.append((style, " " * left))
    return fitted


def spread(left: Sequence[Span], right: Sequence[Span], width: int, style: str = "") -> Row:
    """One part at each end; of two that are too long together, the left one is cut."""
    room = width - row_width(right)
    if room <= 0:
        return fit(right, width, style)
    return [*fit(left, room, style), *right]


def text_of(rows: Iterable[Sequence[Span]]) -> list[str]:
    """The rows without their styles."""
    return ["".join(text for _, text in row) for row in rows]


def _is_narrow(text: str) -> bool:
    return text.isascii() or NARROW.fullmatch(text) is not None


def _head(text: str, width: int) -> str:
    if _is_narrow(text):
        return text[:width]
    taken = 0
    for at, character in enumerate(text):
        taken += cells_of(character)
        if taken > width:
            return text[:at]
    return text


def part(row: Iterable[Span], at: int, width: int) -> Row:
    """The columns from ``at`` on; a character that does not fit whole is blanks."""
    found: Row = []
    skipped = taken = 0
    for name, text in row:
        kept = ""
        for character in text:
            size = cells_of(character)
            if skipped < at:
                skipped += size
                kept += " " * (skipped - at)
                taken += max(0, skipped - at)
            elif taken + size <= width:
                taken += size
                kept += character
            else:
                break
        if kept:
            found.append((name, kept))
    return fit(found, width)


def over(row: Row, at: int, above: Row) -> Row:
    """The row with another one above it, from a column on."""
    size, whole = row_width(above), row_width(row)
    return [*part(row, 0, at), *above, *part(row, at + size, max(0, whole - at - size))]
