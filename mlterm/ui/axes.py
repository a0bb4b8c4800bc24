"""Axes: the range of a chart, which ticks it has, and the text beside and below it.

Here belongs what depends on values and places, and not on what is drawn between them.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple

from mlterm.ui import figures
from mlterm.ui.dots import BEYOND, Buckets, Window
from mlterm.ui.figures import Tick
from mlterm.ui.rows import Row

Kind = Literal["step", "epoch", "time", "seconds"]

_ROWS_A_TICK = 2.5
_COLUMNS_A_TICK = 8
_TICK_GAP = 2
_CLOSE = 0.12
"""A range that ends so close to its next tick, as a part of itself, reaches to it."""


@dataclass(frozen=True)
class Frame:
    """How curves are looked at."""

    kind: Kind = "step"
    """What the places are: counted, Unix times, or seconds since the start."""
    log_y: bool = False
    cursor: float | None = None
    """A place on the x axis."""
    x_range: tuple[float, float] | None = None
    """All there is, where None."""
    y_range: tuple[float, float] | None = None
    """What is shown, where None; finite, and above 0 on a logarithmic axis."""
    utc_offset_seconds: int = 0
    """Of the clock that Unix times are shown on."""


class Scale(NamedTuple):
    """The y axis: its range, logarithms where it is logarithmic, and its labels by row."""

    low: float
    high: float
    labels: dict[int, str]


def window_of(shown: Sequence[Buckets], frame: Frame) -> Window:
    """The part of the x axis that is looked at; its width is yet to be known."""
    if frame.x_range is not None:
        low, high = sorted(max(-BEYOND, min(BEYOND, x)) for x in frame.x_range)
        return Window(low, high, 1)
    places = [buckets.x for buckets in shown if buckets.x]
    if not places:
        return Window(0, 0, 1)
    return Window(min(x[0] for x in places), max(x[-1] for x in places), 1)


def scale_of(shown: Sequence[Buckets], window: Window, frame: Frame, rows: int) -> Scale | None:
    """From the least to the largest value in the window, or beside it where it has none; of the
    frame's range where that tells one."""
    low, high = frame.y_range or (math.inf, -math.inf)
    log = frame.log_y
    for buckets in shown if frame.y_range is None else ():
        begin, end = bisect_left(buckets.x, window.x_low), bisect_right(buckets.x, window.x_high)
        inside = slice(begin, end) if begin < end else slice(max(0, begin - 1), end + 1)
        low = min(low, min(buckets.low[inside], default=math.inf))
        high = max(high, max(buckets.high[inside], default=-math.inf))
    if low > high:
        return None
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1 / BEYOND):
        middle, found = _place(low, log), [Tick(low, figures.figure(low))]
        room = max(abs(middle), 1.0)
        low, high = middle - room, middle + room
    else:
        found = figures.ticks(low, high, max(2, int(rows / _ROWS_A_TICK)), log)
        if not log:
            found = _reaching(found, low, high, rows)
        low = _place(min(low, found[0].value), log)
        high = _place(max(high, found[-1].value), log)
    dots_per_y = (4 * rows - 1) / (high - low)
    dots = [int((high - _place(tick.value, log)) * dots_per_y + 0.5) for tick in found]
    return Scale(low, high, {d // 4: tick.label for d, tick in zip(dots, found, strict=True)})


def _place(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _reaching(found: list[Tick], low: float, high: float, rows: int) -> list[Tick]:
    """The ticks, with those next to them that the range all but reaches."""
    if len(found) < 2:
        return found
    step, close = found[1].value - found[0].value, _CLOSE * (high - low)
    below, above = found[0].value - step, found[-1].value + step
    is_low, is_high = low - below <= close, above - high <= close
    if not (is_low or is_high):
        return found
    count = min(len(found) + is_low + is_high, max(2, rows // 2))
    return figures.ticks(below if is_low else low, above if is_high else high, count)


def gutter_of(scale: Scale | None, width: int, rows: int) -> list[str]:
    """What stands left of the plot, a text a row; without labels where they take too much."""
    labels = scale.labels if scale else {}
    widest = max(map(len, labels.values()), default=0)
    if widest + 1 > width // 2:
        labels, widest = {}, 0
    return [
        f"{labels[row]:>{widest}}┤" if row in labels else " " * widest + "│" for row in range(rows)
    ]


def x_axis(window: Window, width: int, frame: Frame) -> Row:
    """As many labels as stand apart; that of the cursor instead of those in its way."""
    find, name = _namers(frame)
    left = width - window.width // 2

    def placed(x: float, label: str) -> tuple[int, str]:
        start = left + window.dot_of(x) // 2 - len(label) // 2
        return max(0, min(width - len(label), start)), label[:width]

    spots: list[tuple[int, str]] = []
    for count in range(max(2, (width - left) // _COLUMNS_A_TICK), 0, -1):
        spots = [placed(x, label) for x, label in find(window.x_low, window.x_high, count)]
        if all(a + len(text) + _TICK_GAP <= b for (a, text), (b, _) in pairwise(spots)):
            break
    spots = spots or [placed(window.x_low, name(window.x_low))]
    if frame.cursor is None or not 0 <= window.dot_of(frame.cursor) < window.width:
        return [("dim", _line_of_text(spots, 0, width))]
    start, text = placed(frame.cursor, name(frame.cursor))
    end = start + len(text)
    before = [(at, label) for at, label in spots if at + len(label) < start]
    after = [(at, label) for at, label in spots if at > end]
    return [
        ("dim", _line_of_text(before, 0, start)),
        ("cursor", text),
        ("dim", _line_of_text(after, end, width)),
    ]


def _line_of_text(spots: Sequence[tuple[int, str]], start: int, end: int) -> str:
    line = ""
    for at, label in spots:
        line = line.ljust(at - start) + label
    return line.ljust(end - start)


def _namers(
    frame: Frame,
) -> tuple[Callable[[float, float, int], list[Tick]], Callable[[float], str]]:
    """What finds an axis's ticks, and what says one place in full."""
    if frame.kind == "time":
        offset = frame.utc_offset_seconds
        return (
            partial(figures.clock_ticks, utc_offset_seconds=offset),
            partial(figures.clock_label, utc_offset_seconds=offset),
        )
    if frame.kind == "seconds":
        return figures.elapsed_ticks, figures.elapsed_label
    return figures.step_ticks, figures.step_label
