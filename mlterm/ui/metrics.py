"""The pane of charts: a grid of them, or one alone with a cursor."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.goals import family_of, goal_of
from mlterm.core.series import Points, Series
from mlterm.ui.along import points_along
from mlterm.ui.bars import title_rule
from mlterm.ui.chart import Curve, Frame, Kind, draw_chart, value_at
from mlterm.ui.figures import figure, step_label
from mlterm.ui.layout import grid
from mlterm.ui.model import Line, Model
from mlterm.ui.rows import Row, Span, cut_middle, fit, row_width, spread, width_of
from mlterm.ui.state import Axis, Charts, State
from mlterm.ui.styles import CURVES

RECENT = 0.1
"""Of a series, its last part, whose direction the arrow shows."""
STILL = 0.02
"""Of a series' range: less than this is no direction."""
_KINDS: dict[Axis, Kind] = {
    Axis.STEP: "step",
    Axis.EPOCH: "epoch",
    Axis.TIME: "time",
    Axis.RELATIVE: "seconds",
}


class MetricsPane:
    """Draws the charts; those whose series have not grown are kept as they were drawn."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[str, ...], tuple[Any, list[Row]]] = {}

    def draw(
        self, state: State, model: Model, width: int, height: int, *, focused: bool
    ) -> list[Row]:
        """The pane's rows."""
        if height < 1:
            return []
        charts = state.charts
        seen = _seen(charts, width, height - 1)
        rows = [_title(charts, model.beside, width, seen, focused=focused)]
        rows += self._body(state, model, width, height - 1)
        return rows[:height]

    def _body(self, state: State, model: Model, width: int, height: int) -> list[Row]:
        charts = state.charts
        if not charts.groups:
            return _empty(charts, model, width, height)
        if charts.zoomed:
            return self._chart(state, model, charts.groups[charts.place], width, height, alone=True)
        cells = grid(charts, width, height)
        rows: list[Row] = []
        for line in range(cells.rows):
            first = (charts.top + line) * cells.columns
            groups = charts.groups[first : first + cells.columns]
            gap = 2 if cells.columns > 1 else 1
            drawn = [
                self._chart(state, model, group, cells.width - gap, cells.height, alone=False)
                for group in groups
            ]
            for pieces in zip(*drawn, strict=True):
                row: Row = []
                for piece in pieces:
                    row += [*piece, ("", " " * gap)]
                rows.append(fit(row, width))
        return rows + [fit([], width)] * (height - len(rows))

    def _chart(
        self,
        state: State,
        model: Model,
        group: tuple[str, ...],
        width: int,
        height: int,
        *,
        alone: bool,
    ) -> list[Row]:
        charts = state.charts
        lines = _lines(group, model)
        picked = charts.selected in group
        counts = [(line.label, line.series.count, line.series) for line in lines]
        key = (counts, width, height, alone, picked, charts.smoothing, charts.log_y, charts.axis,
               charts.cursor if alone else None, state.utc_offset_seconds)  # fmt: skip
        known = self._drawn.get(group)
        if known is not None and known[0] == key:
            return known[1]
        # Where no record told a time or an epoch the points lie at their steps.
        has_axis = any(line.series.has_axis(charts.axis.of_series) for line in lines)
        frame = Frame(
            kind=_KINDS[charts.axis] if has_axis else "step",
            log_y=charts.log_y,
            cursor=charts.cursor if alone else None,
            utc_offset_seconds=state.utc_offset_seconds,
        )
        points = [points_along(line.series, charts.axis) for line in lines]
        curves = [
            Curve(each, line.style, line.label, charts.smoothing)
            for line, each in zip(lines, points, strict=True)
        ]
        heading = _heading(group, lines, model, width, picked=picked)
        if alone:
            heading = _reading(lines, points, charts, width) or heading
        rows = [heading, *draw_chart(curves, width, height - 1, frame)]
        self._drawn[group] = key, rows
        return rows


def _lines(group: tuple[str, ...], model: Model) -> list[Line]:
    """What a chart shows, each line in a style."""
    found = [(name, line) for name in group for line in model.lines(name)]
    styles = cycle(f"curve{number}" for number in range(1, CURVES + 1))
    lines = []
    for name, line in found:
        style = line.style or next(styles)
        is_named = len(group) == 1 or line.label == name
        label = line.label if is_named else f"{name} {line.label}"
        lines.append(Line(label, line.series, style))
    return lines


def _seen(charts: Charts, width: int, height: int) -> str:
    """Which of the charts are, where not all of them."""
    count = len(charts.groups)
    if charts.zoomed:
        return f"{charts.place + 1} of {count}" if count > 1 else ""
    cells = grid(charts, width, height)
    first, size = charts.top * cells.columns, cells.rows * cells.columns
    return f"{first + 1}–{min(count, first + size)} of {count}" if count > size else ""


def _title(charts: Charts, beside: Sequence[str], width: int, seen: str, *, focused: bool) -> Row:
    shown, known = sum(map(len, charts.groups)), len(charts.names)
    facts = [f"{shown} of {known}" if shown != known else f"{known}"]
    if charts.pattern:
        facts.append(f"/{charts.pattern}")
    if charts.smoothing:
        facts.append(f"smooth {charts.smoothing:g}")
    if charts.log_y:
        facts.append("log")
    if charts.axis is not Axis.STEP:
        facts.append(f"x {charts.axis.value}")
    if beside:
        others = f" and {len(beside) - 1} more" if len(beside) > 1 else ""
        facts.append(f"with {beside[0]}{others}")
    return title_rule("Metrics", facts if known else [], width, focused=focused, right=seen)


def _empty(charts: Charts, model: Model, width: int, height: int) -> list[Row]:
    if charts.names:
        words = f"no metric has “{clean_text(charts.pattern)}” in its name"
    elif model.loading < 1:
        words = f"reading {model.loading:.0%}"
    else:
        words = "no metrics yet"
    return centred([[("dim", words)]], width, height)


def centred(lines: Sequence[Row], width: int, height: int) -> list[Row]:
    """Lines in the middle of an empty pane."""
    above = max(0, (height - len(lines)) // 2)
    rows = [fit([], width)] * above
    for line in lines:
        rows.append(fit([("", " " * max(0, (width - row_width(line)) // 2)), *line], width))
    return (rows + [fit([], width)] * height)[:height]


def _heading(
    group: tuple[str, ...], lines: Sequence[Line], model: Model, width: int, *, picked: bool
) -> Row:
    """Name, last value and direction; at the right the best so far."""
    mark = ("accent", "▌") if picked else ("", " ")
    style = "title" if picked else "label"
    if len(lines) != 1:
        return _legend(group, lines, model, width, mark, style)
    name, one = group[0], lines[0].series
    goal = goal_of(name, model.definitions)
    right = _best(one, goal)
    value, arrow = _last(one), _arrow(one, goal)
    room = width - width_of(value) - 4
    words = cut_middle(clean_text(name), max(1, room))
    if width_of(words) + row_width(right) > room - 1:
        right = []
    left: Row = [mark, (style, words), ("", " "), ("title", value), ("", " "), arrow]
    return spread(left, right, width)


def _legend(
    group: tuple[str, ...],
    lines: Sequence[Line],
    model: Model,
    width: int,
    mark: Span,
    style: str,
) -> Row:
    """Of several: what they share, and of each its own word and last value in its colour, the
    best with a star. Where there is no room for all values, without them; then as many as fit."""
    shared = group[0] if len(group) == 1 else family_of(group[0])
    row: Row = [mark, (style, clean_text(shared))]
    best = _best_of(lines, goal_of(group[0], model.definitions)) if len(group) == 1 else None
    words = [
        ("★" if line is best else "") + clean_text(_own_word(line.label, shared)) for line in lines
    ]
    full = [f"{word} {_last(line.series)}" for word, line in zip(words, lines, strict=True)]
    room = width - row_width(row)
    shown = full if sum(width_of(each) + 2 for each in full) <= room else words
    for number, (line, text) in enumerate(zip(lines, shown, strict=True)):
        left = len(lines) - number
        more = f"  +{left}"
        ahead = "  " + text
        rest = 0 if left == 1 else width_of(f"  +{left - 1}")
        if row_width(row) + width_of(ahead) + rest > width:
            row.append(("dim", more))
            break
        row.append((line.style, ahead))
    return fit(row, width)


def _best_of(lines: Sequence[Line], goal: str | None) -> Line | None:
    """The line that came nearest to the goal."""
    if goal is None:
        return None
    sign = 1 if goal == "min" else -1
    reached = [(getattr(line.series, goal), line) for line in lines]
    known = [(sign * value, line) for value, line in reached if value is not None]
    return min(known, key=lambda pair: pair[0], default=(0.0, None))[1]


def _own_word(name: str, shared: str) -> str:
    rest = name.replace(shared, "", 1).strip("/_-. ") if shared in name else name
    return rest or name


def _best(series: Series, goal: str | None) -> Row:
    best = series.min if goal == "min" else series.max if goal == "max" else None
    return [] if best is None else [("dim", f"{goal} {figure(best)} ")]


def _last(series: Series) -> str:
    return "" if series.last is None else figure(series.last)


def _arrow(series: Series, goal: str | None) -> tuple[str, str]:
    """Where the last part went, green where that is the goal."""
    points = series.points("step")
    recent = max(2, int(len(points.last) * RECENT))
    if len(points.last) < 2 or series.min is None or series.max is None:
        return ("", " ")
    before = points.last[max(0, len(points.last) - 1 - recent)]
    change, span = points.last[-1] - before, series.max - series.min
    if not abs(change) > STILL * span:
        return ("dim", "→")
    up = change > 0
    style = "dim" if goal is None else "good" if up == (goal == "max") else "bad"
    return (style, "↗" if up else "↘")


def _reading(
    lines: Sequence[Line], points: Sequence[Points], charts: Charts, width: int
) -> Row | None:
    """What stands at the cursor; of one line alone the name is left out where there is no room
    for it."""
    if charts.cursor is None or not lines:
        return None
    row: Row = []
    place = None
    for line, each in zip(lines, points, strict=True):
        if (found := value_at(each, charts.cursor)) is not None:
            place, value = found
            row += [("title", clean_text(line.label)), ("", " "), (line.style, figure(value))]
            row.append(("", "  "))
    if place is not None and charts.axis in (Axis.STEP, Axis.EPOCH):
        row.append(("dim", f"at {charts.axis.value} {step_label(place)}"))
    if len(lines) == 1 and 1 + row_width(row) > width:
        row = row[2:]
    return fit([("accent", "▌"), *row], width)
