"""Charts: curves over a common axis, as rows of exactly the size that was asked for.

Here belongs how a chart is put together, what is read off it, and its small forms, sparklines.
Its dots are made in dots, its range and labels in axes.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import truediv

from mlterm.core.series import CAPACITY, Points
from mlterm.ui.axes import Frame, Kind, Scale, gutter_of, scale_of, window_of, x_axis
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
from mlterm.ui.rows import Row

__all__ = [
    "Curve", "Frame", "Kind", "draw_chart", "smoothed", "spark_rows", "sparkline", "step_cursor",
    "value_at",
]  # fmt: skip

NAN_MARK, ABOVE_MARK, BELOW_MARK = "×", "▲", "▼"

_LEAST_WIDTH, _LEAST_HEIGHT = 12, 3
"""Of a chart with axes; a smaller one is all plot."""
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


# --- The chart ---------------------------------------------------------------------------


def draw_chart(curves: Sequence[Curve], width: int, height: int, frame: Frame) -> list[Row]:
    """The chart in ``height`` rows of ``width`` cells."""
    if width <= 0 or height <= 0:
        return [[] for _ in range(height)]
    shown = [buckets_of(curve.points, frame.log_y) for curve in curves]
    window = window_of(shown, frame)
    has_axes = width >= _LEAST_WIDTH and height >= _LEAST_HEIGHT
    rows = height - has_axes
    scale = scale_of(shown, window, frame, rows)
    gutter = gutter_of(scale, width, rows) if has_axes else [""] * rows
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
        drawn = [[*_edge(edge), *row] for edge, row in zip(gutter, drawn, strict=True)]
        has_places = any(buckets.x for buckets in shown)
        drawn.append(x_axis(window, width, frame) if has_places else [("axis", " " * width)])
    return drawn


def _edge(text: str) -> Row:
    """A row of the gutter: its label is to be read, its line is not."""
    label, line = text[:-1], text[-1:]
    return [("dim", label), ("axis", line)] if label.strip() else [("axis", text)]


def _layers(
    curves: Sequence[Curve],
    shown: Sequence[Buckets],
    window: Window,
    scale: Scale,
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
    if not points.begins:
        return None
    place = nearest(points, x)
    return points.begins[place], points.last[place]


def nearest(points: Points, x: float) -> int:
    """Which bucket is nearest to a place, the last of several. Raises ValueError where there is
    none."""
    begins, ends = points.begins, points.ends
    places = reversed(range(len(begins)))
    return min(places, key=lambda i: max(begins[i] - x, x - ends[i], 0.0))


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
        room = max(abs(bottom), 1.0)
        bottom, top = bottom - room, bottom + room
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
