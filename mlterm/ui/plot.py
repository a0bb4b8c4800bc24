"""Charts on a page that is printed: one below the other, each with a legend.

Here belongs how they are put together; the charts themselves are ui.chart's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlterm.core.goals import Goal
from mlterm.core.series import Points
from mlterm.ui.chart import Curve, Frame, draw_chart
from mlterm.ui.dots import buckets_of
from mlterm.ui.figures import figure
from mlterm.ui.rows import Row, Span, cut, cut_middle, width_of
from mlterm.ui.styles import CURVES

LEAST, MOST = 6, 30
"""Rows of a chart that is as high as there is room for."""
_LEGEND_ROWS = 6
"""Of a chart, at most."""
_LABEL_COLUMNS = 32


@dataclass(frozen=True)
class Trace:
    """A run's curve of a metric."""

    label: str
    number: int
    """Of the run: a run has one colour in all charts."""
    points: Points
    last: float | None
    best: float | None


@dataclass(frozen=True)
class Chart:
    """A metric's curves."""

    title: str
    goal: Goal | None
    traces: Sequence[Trace]


def page(
    charts: Sequence[Chart],
    width: int,
    height: int,
    frame: Frame,
    smoothing: float,
    *,
    coloured: bool,
) -> list[Row]:
    """Each chart in ``height`` rows, headings not counted. Without colours nothing tells curves
    apart: each has a chart of its own then, all of a metric on the same axes."""
    rows: list[Row] = []
    for chart in charts:
        if coloured or len(chart.traces) < 2:
            rows += [[], *_drawn(chart, width, height, frame, smoothing)]
            continue
        shared = _shared(frame, chart.traces)
        for trace in chart.traces:
            alone = replace(chart, traces=[trace])
            rows += [[], *_drawn(alone, width, height, shared, smoothing, named=True)]
    if any(trace.number >= CURVES for chart in charts for trace in chart.traces) and coloured:
        words = f"Colours repeat after {CURVES} runs; in a file (-o) strokes differ."
        rows.append([("dim", cut(words, width))])
    return rows[1:]


def height_of(charts: Sequence[Chart], width: int, room: int) -> int:
    """How high charts are that share ``room`` rows with their headings; at least LEAST."""
    headings = sum(1 + len(_heading(chart, width, named=False)) for chart in charts)
    has_note = any(trace.number >= CURVES for chart in charts for trace in chart.traces)
    each = (room - 1 - headings - has_note) // max(1, len(charts))
    return max(LEAST, min(MOST, each))


def _drawn(
    chart: Chart, width: int, height: int, frame: Frame, smoothing: float, *, named: bool = False
) -> list[Row]:
    curves = [
        Curve(trace.points, f"curve{trace.number % CURVES + 1}", trace.label, smoothing)
        for trace in chart.traces
    ]
    return [*_heading(chart, width, named=named), *draw_chart(curves, width, height, frame)]


def _heading(chart: Chart, width: int, *, named: bool) -> list[Row]:
    """The metric, and of each run its last and best value in its colour, the best with a star."""
    title: Row = [("title", cut_middle(chart.title, width))]
    if len(chart.traces) == 1 and not named:
        values = f"  {_values(chart.traces[0], chart.goal)}"
        return [[*title, ("label", cut(values, width - width_of(title[0][1])))]]
    star = _best(chart)
    words: list[Span] = []
    for trace in chart.traces:
        label = cut_middle(trace.label, min(_LABEL_COLUMNS, width - 4))
        mark = "★" if trace is star else ""
        style = f"curve{trace.number % CURVES + 1}"
        words.append((style, cut(f"━ {mark}{label} {_values(trace, chart.goal)}", width)))
    return [title, *_flow(words, width)]


def _values(trace: Trace, goal: Goal | None) -> str:
    last = "no value" if trace.last is None else figure(trace.last)
    return last if goal is None or trace.best is None else f"{last} ({goal} {figure(trace.best)})"


def _best(chart: Chart) -> Trace | None:
    known = [trace for trace in chart.traces if trace.best is not None]
    if chart.goal is None or len(known) < 2:
        return None
    choose = min if chart.goal == "min" else max
    return choose(known, key=lambda trace: trace.best or 0.0)


def _flow(words: Sequence[Span], width: int) -> list[Row]:
    """As many in a row as fit; what has no room in all rows is counted."""
    rows: list[Row] = [[]]
    taken = 0
    for number, (style, text) in enumerate(words):
        size = width_of(text)
        if taken and taken + 2 + size > width:
            if len(rows) == _LEGEND_ROWS:
                rows.append([("dim", cut(f"and {len(words) - number} more", width))])
                return rows
            rows.append([])
            taken = 0
        rows[-1] += [("", "  ")] if taken else []
        rows[-1].append((style, text))
        taken += size + 2 * bool(taken)
    return rows


def _shared(frame: Frame, traces: Sequence[Trace]) -> Frame:
    """One on which all of the curves can be compared."""
    shown = [buckets_of(trace.points, frame.log_y) for trace in traces]
    places = [buckets.x for buckets in shown if buckets.x]
    low = min((each for b in shown for each in b.low if each < float("inf")), default=None)
    high = max((each for b in shown for each in b.high if each > float("-inf")), default=None)
    if not places or low is None or high is None:
        return frame
    x_range = min(x[0] for x in places), max(x[-1] for x in places)
    return replace(frame, x_range=x_range, y_range=(low, high))
