"""Which chart is selected, and which of them are seen then."""

from dataclasses import replace
from typing import Any

from mlterm.ui.layout import Grid, grid, layout
from mlterm.ui.state import Pane, State


def with_charts(state: State, **changes: Any) -> State:
    """The state with the charts changed."""
    return replace(state, charts=replace(state.charts, **changes))


def grid_of(state: State) -> Grid:
    """How the charts are laid."""
    rect = layout(state).panes.get(Pane.METRICS)
    return grid(state.charts, rect.width if rect else 1, (rect.height if rect else 2) - 1)


def select(state: State, place: int) -> State:
    """The chart of that place selected, or the first or last one, and seen."""
    groups = state.charts.groups
    if not groups:
        return state
    group = groups[max(0, min(place, len(groups) - 1))]
    cursor = state.charts.cursor if state.charts.zoomed else None
    return in_sight(with_charts(state, selected=group[0], cursor=cursor))


def by_pages(state: State, pages: int) -> State:
    """The chart selected that stands so many pages further."""
    cells = grid_of(state)
    return select(state, state.charts.place + pages * cells.rows * cells.columns)


def in_sight(state: State) -> State:
    """Scrolled so that the selected chart is seen, and no row is wasted."""
    cells = grid_of(state)
    row = state.charts.place // cells.columns
    last = -(-len(state.charts.groups) // cells.columns) - cells.rows
    top = max(row - cells.rows + 1, min(state.charts.top, row, max(0, last)))
    return with_charts(state, top=max(0, top))
