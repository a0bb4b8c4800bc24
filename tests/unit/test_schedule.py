import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.schedule import SHARE, Schedule


def test_samples_keep_to_a_grid_however_late_each_begins() -> None:
    schedule = Schedule(1.0)
    assert schedule.due_after(100.0, 0.002) == 101.0
    assert schedule.due_after(101.03, 0.002) == 102.0
    assert schedule.due_after(102.0, 0.002) == 103.0


def test_moments_that_have_passed_are_not_made_up_for() -> None:
    schedule = Schedule(1.0)
    schedule.due_after(100.0, 0)
    assert schedule.due_after(163.4, 0) == 164.0


def test_a_costly_sample_is_followed_by_a_long_pause() -> None:
    schedule = Schedule(1.0)
    assert schedule.due_after(100.0, 0.3) == pytest.approx(100.0 + 0.3 / SHARE)


@given(st.floats(0.1, 3600), st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), min_size=1))
def test_the_next_is_always_later_and_never_costs_too_much(
    interval: float, delays: list[tuple[float, float]]
) -> None:
    schedule, begin = Schedule(interval), 7.0
    for late, cost in delays:
        due = schedule.due_after(begin, cost)
        assert due >= begin + interval / 2 - 1e-6
        assert cost <= SHARE * (due - begin) + 1e-6
        begin = due + late
