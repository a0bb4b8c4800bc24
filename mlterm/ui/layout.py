"""Where everything stands: arithmetic on the size of the window and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import NamedTuple

from mlterm.ui.state import Charts, Pane, State, Tab

SPLIT_COLUMNS, SPLIT_ROWS = 96, 16
"""What a split needs at least; below, one of its panes is shown at a time."""
LEAST_PANE = 24
TABS_ROWS, FOOTER_ROWS = 12, 4
"""Windows of fewer rows have no line of tabs, no line of keys."""
MACHINE_COLUMNS = 38
CHART_COLUMNS, CHART_ROWS, TALLEST_CHART = 28, 7, 24
CHART_SHAPE = 4.5
"""Columns for each row of a chart that is well to look at."""


class Rect(NamedTuple):
    """A part of the screen, in cells from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def has(self, x: int, y: int) -> bool:
        """Whether a cell is in it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True)
class Layout:
    """The parts that are on the screen; they cover it, and do not overlap."""

    header: Rect
    tabs: Rect | None
    panes: Mapping[Pane, Rect]
    divider: Rect | None
    machine: Rect | None
    footer: Rect | None

    def pane_at(self, x: int, y: int) -> Pane | None:
        """The pane of a cell."""
        return next((pane for pane, rect in self.panes.items() if rect.has(x, y)), None)


@dataclass(frozen=True)
class Grid:
    """How charts are laid in a pane."""

    columns: int
    rows: int
    """Of the grid, that are seen at a time."""
    width: int
    height: int
    """Of a chart, its title included."""

    def place_at(self, x: int, y: int, top: int) -> int:
        """The chart of a cell of the pane."""
        column = min(x // max(1, self.width), self.columns - 1)
        return (top + y // max(1, self.height)) * self.columns + column


def is_split(state: State) -> bool:
    """Whether both panes of the split are seen at once."""
    fits = state.columns >= SPLIT_COLUMNS and state.rows >= SPLIT_ROWS
    return fits and state.tab is Tab.SPLIT and not state.table


def layout(state: State) -> Layout:
    """The parts of a window."""
    columns, rows = state.columns, state.rows
    header = Rect(0, 0, columns, min(1, rows))
    tabs = Rect(0, 1, columns, 1) if rows >= TABS_ROWS and not state.table else None
    footer = Rect(0, rows - 1, columns, 1) if rows >= FOOTER_ROWS else None
    y = header.height + (1 if tabs else 0)
    bottom = rows - (1 if footer else 0)
    machine = None
    has_strip = state.tab is Tab.SPLIT and state.machine_items and not state.table
    if has_strip and bottom - y >= 3 * CHART_ROWS - 4:
        height = 1 + machine_rows(columns, bottom - y, state.machine_items)
        bottom -= height
        machine = Rect(0, bottom, columns, height)
    body = Rect(0, y, columns, max(0, bottom - y))
    if not is_split(state):
        return Layout(header, tabs, {state.pane: body}, None, machine, footer)
    at = divider_at(state)
    panes = {
        Pane.METRICS: body._replace(width=at),
        Pane.OUTPUT: body._replace(x=at + 1, width=columns - at - 1),
    }
    divider = body._replace(x=at, width=1)
    return Layout(header, tabs, panes, divider, machine, footer)


def divider_at(state: State) -> int:
    """The column of the split's border: neither pane can be dragged away."""
    return max(LEAST_PANE, min(round(state.columns * state.ratio), state.columns - LEAST_PANE - 1))


def machine_rows(columns: int, room: int, items: int) -> int:
    """Lines of the machine's figures, at most a sixth of the room."""
    a_row = max(1, columns // MACHINE_COLUMNS)
    return max(1, min(-(-items // a_row), room // 6))


def grid(charts: Charts, width: int, height: int) -> Grid:
    """The columns in which all charts are seen at once in the shape that suits them best; where
    they are too many, as many columns as are readable."""
    count = max(1, len(charts.groups))
    most = max(1, min(count, width // CHART_COLUMNS))
    fits = [n for n in range(1, most + 1) if height // -(-count // n) >= CHART_ROWS]

    def oddity(columns: int) -> float:
        tall = min(height // -(-count // columns), TALLEST_CHART)
        return abs(log(width / columns / tall / CHART_SHAPE))

    columns = min(charts.columns, max(1, width // 12)) or min(fits, key=oddity, default=most)
    needed = -(-count // columns)
    rows = max(1, min(needed, height // CHART_ROWS))
    tall = max(1, min(height // rows, TALLEST_CHART))
    return Grid(columns, rows, max(1, width // columns), tall)
