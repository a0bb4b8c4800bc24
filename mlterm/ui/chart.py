"""Charts: curves over a common axis, as rows of exactly the size that was asked for.

Here belongs what a chart shows besides its dots: the range, the ticks, the marks, the cursor;
and the two small forms of it, sparklines. The dots are made in dots, the labels in figures.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from operator import truediv
from typing import Literal, NamedTuple

from mlterm.core.series import CAPACITY, Points
from mlterm.ui import figures
from mlterm.ui.dots import (
    BEYOND,
    Buckets,
    Canvas,
    Part,
    Window,
    bridged,
    buckets_of,
    cells_of,
    line_of,
    parts_of,
    without,
)
from mlterm.ui.figures import Tick
from mlterm.ui.rows import Row

Kind = Literal["step", "epoch", "time", "seconds"]

NAN_MARK, ABOVE_MARK, BELOW_MARK = "×", "▲", "▼"

_LEAST_WIDTH, _LEAST_HEIGHT = 12, 3
"""Of a chart with axes; a smaller one is all plot."""
_ROWS_A_TICK = 2.5
_COLUMNS_A_TICK = 8
_TICK_GAP = 2
_CLOSE = 0.12
"""A range that ends so close to its next tick, as a part of itself, reaches to it."""
_MOST_SMOOTHING = 0.999
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Curve:
    """A metric of a run, to be drawn in a style; where it is smoothed, the raw line below."""

    points: Points
    style: str
    label: str = ""
    smoothing: float = 0.0
    """From 0, which is none, to 1."""


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
    utc_offset_seconds: int = 0
    """Of the clock that Unix times are shown on."""


class _Scale(NamedTuple):
    """The y axis: its range, logarithms where it is logarithmic, and its labels by row."""

    low: float
    high: float
    labels: dict[int, str]


# --- The chart ---------------------------------------------------------------------------


def draw_chart(curves: Sequence[Curve], width: int, height: int, frame: Frame) -> list[Row]:
    """The chart in ``height`` rows of ``width`` cells."""
    if width <= 0 or height <= 0:
        return [[] for _ in range(height)]
    shown = [buckets_of(curve.points, frame.log_y) for curve in curves]
    window = _window(shown, frame)
    has_axes = width >= _LEAST_WIDTH and height >= _LEAST_HEIGHT
    rows = height - has_axes
    scale = _scale(shown, window, frame.log_y, rows)
    gutter = _gutter(scale, width, rows) if has_axes else [""] * rows
    columns = width - len(gutter[0])
    window = window._replace(width=2 * columns)
    layers = _layers(curves, shown, window, scale, frame.log_y, rows) if scale else []
    canvas = Canvas(layers, columns, rows)
    _put_marks(canvas, shown, window)
    _put_cursor(canvas, window, frame.cursor)
    if not scale:
        _put_message(canvas, _why_empty(curves, frame.log_y))
    drawn = canvas.rows()
    if has_axes:
        drawn = [[("axis", edge), *row] for edge, row in zip(gutter, drawn, strict=True)]
        has_places = any(buckets.x for buckets in shown)
        drawn.append(_x_axis(window, width, frame) if has_places else [("axis", " " * width)])
    return drawn


def _window(shown: Sequence[Buckets], frame: Frame) -> Window:
    if frame.x_range is not None:
        low, high = sorted(max(-BEYOND, min(BEYOND, x)) for x in frame.x_range)
        return Window(low, high, 1)
    places = [buckets.x for buckets in shown if buckets.x]
    if not places:
        return Window(0, 0, 1)
    return Window(min(x[0] for x in places), max(x[-1] for x in places), 1)


def _layers(
    curves: Sequence[Curve],
    shown: Sequence[Buckets],
    window: Window,
    scale: _Scale,
    log: bool,
    rows: int,
) -> list[tuple[str, bytes]]:
    """Raw lines first, so that none hides a smoothed one; where one goes, it goes alone."""

    def cells(buckets: Buckets, parts: Sequence[Part]) -> bytes:
        spans = bridged(line_of(buckets, parts, log), window.width)
        return cells_of(spans, scale.low, scale.high, window.width // 2, rows)

    raw, lines = [], []
    for curve, buckets in zip(curves, shown, strict=True):
        parts = parts_of(buckets.x, window)
        dots = cells(buckets, parts)
        if curve.smoothing > 0:
            values = smoothed(curve.points, curve.smoothing)
            flat = curve.points._replace(first=values, last=values, low=values, high=values)
            smooth = cells(buckets_of(flat, log), parts)
            raw.append((f"{curve.style}.raw", without(dots, smooth)))
            dots = smooth
        lines.append((curve.style, dots))
    return raw + lines


def _put_marks(canvas: Canvas, shown: Sequence[Buckets], window: Window) -> None:
    """What no line can show stands at the edges: NaN last, for it says the most."""
    bottom = canvas.height - 1
    for row, mark, places in (
        (0, ABOVE_MARK, [x for buckets in shown for x in buckets.above]),
        (bottom, BELOW_MARK, [x for buckets in shown for x in buckets.below]),
        (bottom, NAN_MARK, [x for buckets in shown for x in buckets.nan]),
    ):
        for cell in {window.dot_of(x) // 2 for x in places}:
            if 0 <= cell < canvas.width:
                canvas.put(row, cell, mark, "mark")


def _put_cursor(canvas: Canvas, window: Window, cursor: float | None) -> None:
    """A line where nothing is drawn; what is drawn keeps its dots, in the cursor's style."""
    if cursor is None or not 0 <= (cell := window.dot_of(cursor) // 2) < canvas.width:
        return
    for row, text in enumerate(canvas.texts):
        canvas.put(row, cell, text[cell].replace(" ", "│"), "cursor")


def _put_message(canvas: Canvas, text: str) -> None:
    if len(text) <= canvas.width:
        canvas.put((canvas.height - 1) // 2, (canvas.width - len(text)) // 2, text, "dim")


def _why_empty(curves: Sequence[Curve], log: bool) -> str:
    if not any(len(curve.points.begins) for curve in curves):
        return "no values yet"
    return "no value above 0" if log else "no finite value"


# --- The axes ----------------------------------------------------------------------------


def _scale(shown: Sequence[Buckets], window: Window, log: bool, rows: int) -> _Scale | None:
    """From the least to the largest value in the window, whatever they are; None of nothing."""
    low, high = math.inf, -math.inf
    for buckets in shown:
        inside = slice(bisect_left(buckets.x, window.x_low), bisect_right(buckets.x, window.x_high))
        low = min(low, min(buckets.low[inside], default=math.inf))
        high = max(high, max(buckets.high[inside], default=-math.inf))
    if low > high:
        return None
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1 / BEYOND):
        middle, found = _place(low, log), [Tick(low, figures.figure(low))]
        room = max(abs(middle), 1.0)
        low, high = middle - room, middle + room
    else:
        found = figures.ticks(low, high, _tick_count(rows), log)
        if not log:
            found = _reaching(found, low, high, rows)
        low = _place(min(low, found[0].value), log)
        high = _place(max(high, found[-1].value), log)
    dots_per_y = (4 * rows - 1) / (high - low)
    dots = [int((high - _place(tick.value, log)) * dots_per_y + 0.5) for tick in found]
    return _Scale(low, high, {d // 4: tick.label for d, tick in zip(dots, found, strict=True)})


def _place(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _tick_count(rows: int) -> int:
    return max(2, int(rows / _ROWS_A_TICK))


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


def _gutter(scale: _Scale | None, width: int, rows: int) -> list[str]:
    """What stands left of the plot, a text a row; without labels where they take too much."""
    labels = scale.labels if scale else {}
    widest = max(map(len, labels.values()), default=0)
    if widest + 1 > width // 2:
        labels, widest = {}, 0
    return [
        f"{labels[row]:>{widest}}┤" if row in labels else " " * widest + "│" for row in range(rows)
    ]


def _x_axis(window: Window, width: int, frame: Frame) -> Row:
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
        return [("axis", _line_of_text(spots, 0, width))]
    start, text = placed(frame.cursor, name(frame.cursor))
    end = start + len(text)
    before = [(at, label) for at, label in spots if at + len(label) < start]
    after = [(at, label) for at, label in spots if at > end]
    return [
        ("axis", _line_of_text(before, 0, start)),
        ("cursor", text),
        ("axis", _line_of_text(after, end, width)),
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


# --- Reading a chart ---------------------------------------------------------------------


def smoothed(points: Points, weight: float) -> list[float]:
    """The last values of the buckets as an exponential moving average, of which each keeps
    ``weight`` of the one before. What is not finite stays as it is and weighs nothing.

    Debiased as in TensorBoard (tensorboard/components/vz_line_chart2/line-chart.ts,
    resmoothDataset): an average that begins at 0 is divided by the weight it has seen so far.
    A constant stays exactly as it is.
    """
    values = list(points.last)
    weight = min(weight, _MOST_SMOOTHING)
    all_finite = math.isfinite(sum(values))
    finite = values if all_finite else list(filter(math.isfinite, values))
    if weight <= 0 or not finite or finite.count(finite[0]) == len(finite):
        return values
    average, rest = 0.0, 1 - weight
    averages = [average := average * weight + rest * value for value in finite]
    unbiased = map(truediv, averages, _weights_seen(weight, -(-len(finite) // CAPACITY)))
    if all_finite:
        return list(unbiased)
    return [next(unbiased) if math.isfinite(value) else value for value in values]


@lru_cache(maxsize=16)
def _weights_seen(weight: float, capacities: int) -> list[float]:
    """Of the averages of one value, of two, and so on."""
    return [1 - weight**count for count in range(1, capacities * CAPACITY + 1)]


def value_at(points: Points, x: float) -> tuple[float, float] | None:
    """Of the bucket nearest to a place, where it begins and its last value."""
    begins, ends = points.begins, points.ends
    nearest = min(
        range(len(begins)), key=lambda i: max(begins[i] - x, x - ends[i], 0.0), default=None
    )
    return None if nearest is None else (begins[nearest], points.last[nearest])


def step_cursor(points: Points, x: float, direction: int, width: int) -> float:
    """The place of the next bucket to the right, or left where ``direction`` is negative, that
    a cursor in a plot of ``width`` columns is seen to move to; the outermost where none is."""
    places = sorted(begin for begin in points.begins if abs(begin) < BEYOND)
    if not places:
        return x
    column = (places[-1] - places[0]) / max(width, 1)
    if direction < 0:
        at = max(0, bisect_right(places, min(x - column, math.nextafter(x, -math.inf))) - 1)
    else:
        at = min(len(places) - 1, bisect_left(places, max(x + column, math.nextafter(x, math.inf))))
    return places[at]


# --- Sparklines --------------------------------------------------------------------------


def sparkline(
    points: Points, width: int, low: float | None = None, high: float | None = None
) -> str:
    """One block a column, from the least to the largest value shown unless a range is given;
    a blank where there is none."""
    spans = dict[int, float]()
    for column, least, most in _spark_spans(points, width):
        if least <= most:
            spans[column] = least / 2 + most / 2
    bottom = min(spans.values(), default=0.0) if low is None else low
    top = max(spans.values(), default=0.0) if high is None else high
    return "".join(
        _block(spans[column], bottom, top) if column in spans else " " for column in range(width)
    )


def spark_rows(
    points: Points, width: int, height: int, low: float | None = None, high: float | None = None
) -> list[str]:
    """The same in braille, in ``height`` rows."""
    if width <= 0 or height <= 0:
        return [""] * height
    spans = [span for span in _spark_spans(points, 2 * width) if span[1] <= span[2]]
    bottom = min((least for _, least, _ in spans), default=0.0) if low is None else low
    top = max((most for _, _, most in spans), default=0.0) if high is None else high
    if top - bottom <= 1 / BEYOND:
        bottom, top = bottom - max(abs(bottom), 1.0), top + max(abs(top), 1.0)
    held = [(c, _held(least, bottom, top), _held(most, bottom, top)) for c, least, most in spans]
    return Canvas([("", cells_of(held, bottom, top, width, height))], width, height).texts


def _spark_spans(points: Points, width: int) -> list[tuple[int, float, float]]:
    buckets = buckets_of(points, log=False)
    if not buckets.x or width <= 0:
        return []
    window = Window(buckets.x[0], buckets.x[-1], width)
    parts = parts_of(buckets.x, window)
    return list(bridged(line_of(buckets, parts, log=False), width))


def _block(value: float, bottom: float, top: float) -> str:
    if top - bottom <= 1 / BEYOND:
        return _BLOCKS[len(_BLOCKS) // 2 - 1]
    share = (_held(value, bottom, top) - bottom) / (top - bottom)
    return _BLOCKS[int(share * (len(_BLOCKS) - 1) + 0.5)]


def _held(value: float, bottom: float, top: float) -> float:
    return max(bottom, min(top, value))
