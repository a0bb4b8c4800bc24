"""Where everything stands, at every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.ui.layout import Rect, divider_at, grid, layout
from mlterm.ui.state import Charts, Pane, State, Tab

SIZES = st.tuples(st.integers(20, 300), st.integers(5, 100))


def rects(state: State) -> list[Rect]:
    parts = layout(state)
    others = (parts.header, parts.tabs, parts.divider, parts.machine, parts.footer)
    return [*parts.panes.values(), *(rect for rect in others if rect is not None)]


@given(SIZES, st.sampled_from(Tab), st.integers(0, 12), st.floats(0.1, 0.9))
def test_the_parts_cover_the_window_and_do_not_overlap(
    size: tuple[int, int], tab: Tab, items: int, ratio: float
) -> None:
    columns, rows = size
    found = rects(State(columns, rows, tab=tab, machine_items=items, ratio=ratio))
    assert sum(rect.width * rect.height for rect in found) == columns * rows
    cells = {
        (x, y)
        for rect in found
        for x in range(rect.x, rect.x + rect.width)
        for y in range(rect.y, rect.y + rect.height)
    }
    assert len(cells) == columns * rows


@given(st.integers(0, 30), st.integers(0, 8))
def test_less_than_a_small_window_is_no_error(columns: int, rows: int) -> None:
    assert all(rect.height >= 0 for rect in rects(State(columns, rows, machine_items=6)))


@pytest.mark.parametrize(
    ("columns", "rows", "panes"),
    [(80, 24, 1), (95, 50, 1), (120, 15, 1), (96, 16, 2), (120, 40, 2), (300, 100, 2)],
)
def test_a_small_split_is_folded(columns: int, rows: int, panes: int) -> None:
    assert len(layout(State(columns, rows)).panes) == panes


def test_a_folded_split_shows_the_pane_that_is_in_focus() -> None:
    assert list(layout(State(80, 24, focus=Pane.OUTPUT)).panes) == [Pane.OUTPUT]


@given(st.integers(96, 300), st.floats(-5, 5))
def test_no_pane_can_be_dragged_away(columns: int, ratio: float) -> None:
    at = divider_at(State(columns, 40, ratio=ratio))
    assert 24 <= at <= columns - 25


def charts(count: int, columns: int = 0) -> Charts:
    return Charts(names=tuple(f"m{i}" for i in range(count)), columns=columns)


@given(st.integers(0, 60), st.integers(1, 300), st.integers(1, 100), st.integers(0, 4))
def test_a_grid_stays_in_its_pane(count: int, width: int, height: int, columns: int) -> None:
    cells = grid(charts(count, columns), width, height)
    assert cells.columns * cells.width <= width
    assert cells.rows * cells.height <= height
    assert min(cells.columns, cells.rows, cells.width, cells.height) >= 1


@pytest.mark.parametrize(
    ("count", "width", "height", "shape"),
    [(1, 60, 33, (1, 1)), (4, 60, 33, (1, 4)), (8, 60, 33, (2, 4)), (20, 60, 33, (2, 4)),
     (12, 200, 50, (3, 4)), (6, 100, 52, (2, 3)), (3, 20, 5, (1, 1))],
)  # fmt: skip
def test_charts_are_all_seen_where_they_can_be(
    count: int, width: int, height: int, shape: tuple[int, int]
) -> None:
    cells = grid(charts(count), width, height)
    assert (cells.columns, cells.rows) == shape


def test_the_chart_under_the_mouse_is_found() -> None:
    cells = grid(charts(8), 60, 33)
    assert cells.place_at(0, 0, 0) == 0
    assert cells.place_at(59, 0, 0) == 1
    assert cells.place_at(0, cells.height, 2) == 6
