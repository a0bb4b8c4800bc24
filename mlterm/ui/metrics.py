"""The pane of charts: a grid of them, or one alone with a cursor."""

from collections.abc import Sequence
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.goals import family_of, goal_of
from mlterm.core.series import Points, Series
from mlterm.ui.bars import title_rule
from mlterm.ui.chart import Curve, Frame, Kind, draw_chart, value_at
from mlterm.ui.figures import figure
from mlterm.ui.layout import grid
from mlterm.ui.model import Model
from mlterm.ui.rows import Row, cut_middle, fit, row_width, spread, width_of
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
        rows = [_title(state.charts, width, focused=focused)]
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
        series = [(name, model.series[name]) for name in group if name in model.series]
        picked = charts.selected in group
        counts = [one.count for _, one in series]
        key = (counts, width, height, alone, picked, charts.smoothing, charts.log_y, charts.axis,
               charts.cursor if alone else None, state.utc_offset_seconds)  # fmt: skip
        known = self._drawn.get(group)
        if known is not None and known[0] == key:
            return known[1]
        frame = Frame(
            kind=_KINDS[charts.axis],
            log_y=charts.log_y,
            cursor=charts.cursor if alone else None,
            utc_offset_seconds=state.utc_offset_seconds,
        )
        points = [_points(one, charts.axis) for _, one in series]
        curves = [
            Curve(each, style, name, charts.smoothing)
            for (name, _), each, style in zip(series, points, _styles(len(series)), strict=True)
        ]
        heading = _heading(series, model, width, picked=picked)
        if alone:
            heading = _reading(series, points, charts, width) or heading
        rows = [heading, *draw_chart(curves, width, height - 1, frame)]
        if height > 8 and not alone:
            rows[-1:] = [rows[-1]]
        self._drawn[group] = key, rows
        return rows


def _styles(count: int) -> list[str]:
    return [f"curve{number % CURVES + 1}" for number in range(count)]


def _points(series: Series, axis: Axis) -> Points:
    points = series.points(axis.of_series)
    if axis is not Axis.RELATIVE or not len(points.begins):
        return points
    start = points.begins[0]
    return points._replace(
        begins=[x - start for x in points.begins], ends=[x - start for x in points.ends]
    )


def _title(charts: Charts, width: int, *, focused: bool) -> Row:
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
    return title_rule("Metrics", facts if known else [], width, focused=focused)


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
    series: Sequence[tuple[str, Series]], model: Model, width: int, *, picked: bool
) -> Row:
    """Name, last value and direction; at the right the best so far."""
    mark = ("accent", "▌") if picked else ("", " ")
    if len(series) != 1:
        return _legend(series, mark, width, picked=picked)
    name, one = series[0]
    goal = goal_of(name, model.definitions)
    right = _best(one, goal)
    value, arrow = _last(one), _arrow(one, goal)
    room = width - row_width(right) - width_of(value) - 5
    if room < 8:
        right, room = [], width - width_of(value) - 5
    style = "title" if picked else "label"
    left: Row = [
        mark, (style, cut_middle(clean_text(name), max(1, room))), ("", " "), ("title", value),
        ("", " "), arrow,
    ]  # fmt: skip
    return spread(left, right, width)


def _legend(
    series: Sequence[tuple[str, Series]], mark: tuple[str, str], width: int, *, picked: bool
) -> Row:
    """Of several: what they share, and each one's own word and last value in its colour."""
    if not series:
        return fit([mark], width)
    shared = family_of(series[0][0])
    row: Row = [mark, ("title" if picked else "label", clean_text(shared)), ("", "  ")]
    for (name, one), style in zip(series, _styles(len(series)), strict=True):
        row.append((style, f"{clean_text(_own_word(name, shared))} {_last(one)}  "))
    return fit(row, width)


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
    series: Sequence[tuple[str, Series]], points: Sequence[Points], charts: Charts, width: int
) -> Row | None:
    """What stands at the cursor."""
    if charts.cursor is None or not series:
        return None
    row: Row = [("accent", "▌")]
    for (name, _), each, style in zip(series, points, _styles(len(series)), strict=True):
        if (found := value_at(each, charts.cursor)) is not None:
            row += [("title", clean_text(name)), ("", " "), (style, figure(found[1])), ("", "  ")]
    if found is not None and charts.axis in (Axis.STEP, Axis.EPOCH):
        row.append(("dim", f"at {charts.axis.value} {found[0]:g}"))
    return fit(row, width)
