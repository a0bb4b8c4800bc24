import pytest

from mlterm.core.series import Series
from mlterm.ui.along import points_along
from mlterm.ui.state import Axis


def series_at(*steps: float) -> Series:
    one = Series()
    for step in steps:
        one.add(1.0, step)
    return one


def test_steps_are_where_they_are() -> None:
    assert list(points_along(series_at(1, 5, 9), Axis.STEP).begins) == [1, 5, 9]


def test_a_run_that_was_gone_on_with_from_a_checkpoint_is_drawn_over_itself() -> None:
    assert list(points_along(series_at(1, 2, 3, 2, 3, 4), Axis.STEP).begins) == [1, 2, 3, 2, 3, 4]


def test_the_steps_of_a_bar_that_begins_anew_in_each_epoch_go_on() -> None:
    points = points_along(series_at(*[1, 2, 3] * 4), Axis.STEP)
    assert list(points.begins) == list(range(12))
    assert list(points.ends) == list(range(1, 13))


def test_of_merged_buckets_the_order_is_that_of_their_points() -> None:
    points = points_along(series_at(*list(range(40)) * 30), Axis.STEP)
    assert list(points.begins) == [4 * number for number in range(300)]


def test_relative_time_begins_with_the_first_point() -> None:
    assert list(points_along(series_at(7, 9), Axis.RELATIVE).begins) == [0, 2]


def test_nothing_lies_nowhere() -> None:
    for axis in Axis:
        assert list(points_along(Series(), axis).begins) == []


@pytest.mark.parametrize("ranks", [2, 4, 8])
@pytest.mark.parametrize("steps", [50, 1000])
def test_ranks_that_log_side_by_side_stand_at_their_steps(ranks: int, steps: int) -> None:
    series = Series()
    for step in range(0, steps, 2):
        for rank in range(ranks):  # one is always a step ahead of the next
            for each in (step, step + 1):
                series.add(float(rank), each)
    ends = points_along(series, Axis.STEP).ends
    assert max(ends) == steps - 1


@pytest.mark.parametrize("steps", [100, 1000, 1030])
def test_bars_begin_anew_however_their_buckets_were_merged(steps: int) -> None:
    series = Series()
    for _ in range(100_000 // steps):
        for step in range(steps):
            series.add(1.0, step)
    begins = points_along(series, Axis.STEP).begins
    assert sorted(begins) == list(begins)
