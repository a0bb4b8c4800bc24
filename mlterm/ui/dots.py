"""Dots: curves as braille, two by four dots a cell.

Here belongs the way from buckets to cells: which dot columns a curve has, what it spans in
each, and which characters and styles come of it. Axes, marks and words are the chart's. A
chart is drawn many times a second, so the buckets of a dot column go through C code, and a
column's dots are the bits of one integer: a byte a cell.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

from mlterm.core.series import Points
from mlterm.ui.rows import Row

BEYOND = 1e300
"""What is larger counts as infinite, so that differences are finite."""

_LEFT, _RIGHT = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)
_BRAILLE_HIGH_BYTE, _BLANK = b"\x28", "\u2800"
_ANY = b"\0" + b"\xff" * 255
"""Translates cells to all their bits, where there are dots."""
_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_FAR = 1e9
"""Dots: further away no line's slope can be told."""


Part = tuple[int, int, int]
"""A dot column, and its buckets: from which, and up to which."""


class Window(NamedTuple):
    """What of the plane is drawn, and on how many dots."""

    x_low: float
    x_high: float
    width: int

    @property
    def dots_per_x(self) -> float:
        """As many as bring ``x_high`` onto the last dot; 0 where the window is a point."""
        span = self.x_high - self.x_low
        return (self.width - 1) / span if span > 1 / BEYOND else 0.0

    def dot_of(self, x: float) -> int:
        """The dot column of a place, which may lie outside."""
        if not self.dots_per_x and self.x_low <= x <= self.x_high:
            return (self.width - 1) // 2
        dot = (x - self.x_low) * (self.dots_per_x or BEYOND)
        return math.floor(max(-_FAR, min(_FAR, dot)) + 0.5)


class Buckets(NamedTuple):
    """A curve's buckets by their places; where nothing can be drawn, low is above high."""

    x: Sequence[float]
    first: Sequence[float]
    last: Sequence[float]
    low: list[float]
    high: list[float]
    nan: list[float]
    """Places at which every value is NaN."""
    above: list[float]
    """Places at which a value is infinite."""
    below: list[float]


class Line(NamedTuple):
    """The same, by dot columns that rise; a column of which nothing can be drawn is a gap."""

    columns: list[int]
    first: list[float]
    last: list[float]
    low: list[float]
    high: list[float]


# --- From points to dot columns -----------------------------------------------------------


def buckets_of(points: Points, log: bool) -> Buckets:
    """What can be drawn: finite values, and above 0 on a logarithmic axis."""
    x, first, last, low, high = map(list, (points.begins, *points[2:]))
    ends = points.ends
    is_sorted = math.isfinite(sum(x)) and sorted(x) == x
    if x and not (is_sorted and x[0] > -BEYOND and x[-1] < BEYOND):
        order = sorted((i for i, at in enumerate(x) if abs(at) < BEYOND), key=x.__getitem__)
        x, first, last, low, high, ends = (
            [column[i] for i in order] for column in (x, first, last, low, high, ends)
        )
    if x and x[-1] < (end := ends[-1]) < BEYOND:  # the last bucket reaches to its end
        x.append(end)
        for column in (first, low, high):
            column.append(last[-1])
        last.append(last[-1])
    buckets = Buckets(x, first, last, low, high, [], [], [])
    floor = 0.0 if log else -BEYOND
    total = sum(low) + sum(high)
    if x and (not math.isfinite(total) or min(low) <= floor or max(high) >= BEYOND):
        _mend(buckets, floor)
    return buckets


def _mend(buckets: Buckets, floor: float) -> None:
    """Leave only what can be drawn of the buckets that span more, and note what they have."""
    x, first, last, low, high, nan, above, below = buckets
    odd = [i for i, v in enumerate(low) if not floor < v <= high[i] < BEYOND]
    for i in odd:
        sound = [v for v in (first[i], last[i], low[i], high[i]) if floor < v < BEYOND]
        if low[i] <= high[i]:
            if high[i] >= BEYOND:
                above.append(x[i])
            if low[i] <= -BEYOND:
                below.append(x[i])
        else:
            nan.append(x[i])
            sound = []
        low[i], high[i] = (min(sound), max(sound)) if sound else (math.inf, -math.inf)


def parts_of(x: Sequence[float], window: Window) -> list[Part]:
    """Which buckets each dot column of a window has; the nearest one on each side of it too."""
    width, begin, end = window.width, bisect_left(x, window.x_low), bisect_right(x, window.x_high)
    if dots_per_x := window.dots_per_x:
        low, step = window.x_low, 1 / dots_per_x
        edges = [low + (dot - 0.5) * step for dot in range(1, width)]
        cuts = [begin, *map(partial(bisect_left, x), edges), end]
        parts = [(c, a, b) for c, (a, b) in enumerate(pairwise(cuts)) if a < b]
    else:
        parts = [(window.dot_of(window.x_low), begin, end)] if begin < end else []
    if begin > 0:
        parts.insert(0, (min(-1, window.dot_of(x[begin - 1])), begin - 1, begin))
    if end < len(x):
        parts.append((max(width, window.dot_of(x[end])), end, end + 1))
    return parts


def line_of(buckets: Buckets, parts: Sequence[Part], log: bool) -> Line:
    """What a curve spans in each of its dot columns."""
    _, first, last, low, high = buckets[:5]
    line = Line(
        [c for c, _, _ in parts],
        [first[a] for _, a, _ in parts],
        [last[b - 1] for _, _, b in parts],
        [min(low[a:b]) for _, a, b in parts],
        [max(high[a:b]) for _, a, b in parts],
    )
    return _logarithmic(line) if log else line


def _logarithmic(line: Line) -> Line:
    def logs(values: list[float], other: float) -> list[float]:
        return [math.log10(v) if 0 < v < math.inf else other for v in values]

    return line._replace(
        first=logs(line.first, math.nan),
        last=logs(line.last, math.nan),
        low=logs(line.low, math.inf),
        high=logs(line.high, -math.inf),
    )


def bridged(line: Line, width: int) -> Iterator[tuple[int, float, float]]:
    """Column, low and high, with straight lines over the columns between two buckets."""
    before, left = -1, math.nan
    for column, first, last, low, high in zip(*line, strict=True):
        if low > high:
            left = math.nan
        else:
            if before + 1 < column and left == left:
                to = first if low <= first <= high else (low + high) / 2
                slope = (to - left) / (column - before)
                for between in range(max(0, before + 1), min(width, column)):
                    value = left + slope * (between - before)
                    yield between, value, value
            left = last if low <= last <= high else (low + high) / 2
        if 0 <= column < width:
            yield column, low, high
        before = column


# --- From dot columns to cells ------------------------------------------------------------


def cells_of(
    spans: Iterable[tuple[int, float, float]], y_low: float, y_high: float, width: int, height: int
) -> bytes:
    """The braille bits of each cell, column by column; sizes are in cells. Columns that follow
    each other are joined: each draws one half of the step between them. A dot that is alone
    fills both columns of its cell, to be seen."""
    tops, ends = [0] * (2 * width), [0] * (2 * width)
    most, dots_per_y = 4 * height, (4 * height - 1) / (y_high - y_low)
    before, start = -2, -3  # where no column is
    alone: list[int] = []
    for column, low, high in spans:
        if low > high:
            continue
        if low > y_high or high < y_low:  # on its way to a bucket beside the window
            top = end = 0 if low > y_high else most
        else:
            top = int((y_high - (high if high < y_high else y_high)) * dots_per_y + 0.5)
            end = int((y_high - (low if low > y_low else y_low)) * dots_per_y + 0.5) + 1
        if before == column - 1:
            if top > (above := ends[before]):
                ends[before] = top = (top + above) // 2
            elif end < (under := tops[before]):
                tops[before] = end = (end + under + 1) // 2
        else:
            if before == start:
                alone.append(start)
            start = column
        tops[column], ends[column] = top, end
        before = column
    if before == start:
        alone.append(start)
    for column in alone:
        tops[column ^ 1], ends[column ^ 1] = tops[column], ends[column]
    left, right = _bits_above(_LEFT, height), _bits_above(_RIGHT, height)
    return b"".join(
        [
            (left[a] ^ left[b] | right[c] ^ right[d]).to_bytes(height, "little")
            for a, b, c, d in zip(tops[::2], ends[::2], tops[1::2], ends[1::2], strict=True)
        ]
    )


@lru_cache(maxsize=64)
def _bits_above(bits: tuple[int, ...], height: int) -> list[int]:
    """For each dot row, and the one after the last, all dots above it in a column of cells."""
    above = [0]
    for row in range(4 * height):
        above.append(above[-1] | bits[row % 4] << row // 4 * 8)
    return above


def without(cells: bytes, others: bytes) -> bytes:
    """The cells, but for those that others have dots in."""
    left = _as_int(cells) & ~_as_int(others.translate(_ANY))
    return left.to_bytes(len(cells), "little")


class Canvas:
    """Layers of cells as rows: the dots of all of them, each cell in its last one's style."""

    def __init__(self, layers: Sequence[tuple[str, bytes]], width: int, height: int) -> None:
        self.width, self.height = width, height
        self._styles = list(dict.fromkeys(("", *(style for style, _ in layers))))
        dots = owners = 0
        for style, cells in layers:
            number = self._styles.index(style)
            dots |= _as_int(cells)
            owners &= ~_as_int(cells.translate(_ANY))
            owners |= _as_int(cells.translate(b"\0" + bytes([number]) * 255))
        size = width * height
        text, owned = _braille(dots.to_bytes(size, "little")), owners.to_bytes(size, "little")
        self.texts = [text[row::height] for row in range(height)]
        self._owners = [bytearray(owned[row::height]) for row in range(height)]
        self._is_plain = len(layers) == 1

    def put(self, row: int, column: int, text: str, style: str) -> None:
        """Write over cells, each character one of them."""
        if style not in self._styles:
            self._styles.append(style)
        self._is_plain = False
        until = column + len(text)
        self.texts[row] = self.texts[row][:column] + text + self.texts[row][until:]
        self._owners[row][column:until] = bytes([self._styles.index(style)]) * len(text)

    def rows(self) -> list[Row]:
        """What was drawn."""
        if self._is_plain:
            return [[(self._styles[-1], text)] for text in self.texts]
        return [
            [(self._styles[run[1][0]], text[run.start() : run.end()]) for run in _RUN.finditer(own)]
            for text, own in zip(self.texts, self._owners, strict=True)
        ]


def _braille(cells: bytes) -> str:
    """One character a cell; a cell without dots is a space."""
    pairs = bytearray(2 * len(cells))
    pairs[::2] = cells
    pairs[1::2] = _BRAILLE_HIGH_BYTE * len(cells)
    return pairs.decode("utf-16-le").replace(_BLANK, " ")


def _as_int(cells: bytes) -> int:
    return int.from_bytes(cells, "little")
