"""Figures: short, never wider than asked, and ticks that a person would have chosen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.ui import figures
from mlterm.ui.figures import clock_ticks, elapsed_ticks, figure, percent, step_ticks, ticks

ANY_FLOAT = st.floats()
FLOATS = st.floats(-1e300, 1e300)
NOV_23_0453 = 1795409590.0
HOUR, DAY = 3_600, 86_400


def labels(found: list[figures.Tick]) -> list[str]:
    return [tick.label for tick in found]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (-0.0, "0"), (1, "1"), (0.123456, "0.12346"), (-0.0012346, "-0.0012"),
        (12345.6, "12346"), (123456, "123.46k"), (1e6, "1M"), (12345678.9, "12.346M"),
        (999_999, "1M"), (1.5e20, "1.5e+20"), (0.0003, "0.0003"), (1.2e-5, "1.2e-05"),
        (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_a_figure_has_at_most_five_digits(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (0.123456, 5, "0.123"),
        (0.0003, 5, "3e-04"),
        (123456, 4, "123k"),
        (-12.3, 2, "…"),
        (5, 0, ""),
    ],
)
def test_a_narrow_figure_gives_up_digits_and_at_last_itself(
    value: float, width: int, text: str
) -> None:
    assert figure(value, width) == text


@given(ANY_FLOAT, st.integers(0, 12))
def test_no_figure_is_wider_than_asked(value: float, width: int) -> None:
    assert len(figure(value, width)) <= width


@given(FLOATS)
def test_a_wide_figure_is_right_to_its_five_digits(value: float) -> None:
    text = figure(value, 12)
    for power, suffix in enumerate("kMGT", 1):
        text = text.replace(suffix, f"e{3 * power}")
    assert float(text) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0%"), (0.4, "0.4%"), (3.4, "3%"), (97.3, "97%"), (math.nan, "NaN")]
)
def test_percents(value: float, text: str) -> None:
    assert percent(value) == text


def test_amounts_and_durations_are_told_as_everywhere_else() -> None:
    assert figures.bytes_words(3.1 * 1024**3) == "3.1 GB"
    assert figures.duration(187) == "3 min 07 s"


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 1, 4, "0 0.5 1.0"),
        (0.11, 0.97, 4, "0.2 0.4 0.6 0.8"),
        (0.13, 0.87, 2, "0.2 0.8"),  # not 0.5 alone
        (-3, 2.2, 4, "-2 0 2"),
        (0, 1500, 4, "0 500 1000 1500"),
        (0, 32_000, 5, "0 10k 20k 30k"),
        (0, 1.5e6, 4, "0 0.5M 1.0M 1.5M"),
        (0.1, 0.10005, 4, "0.10000 0.10002 0.10004"),
        (0, 3e-4, 4, "0 0.0001 0.0002 0.0003"),
        (0, 5e-5, 4, "0 2e-05 4e-05"),
        (1e300, 2e300, 3, "1.0e+300 1.5e+300 2.0e+300"),
        (0.001, 0.001, 3, "0.001"),
        (0, 9, 0, ""),
        (math.nan, 9, 3, ""),
    ],
)
def test_ticks_are_round_and_share_a_precision(
    low: float, high: float, count: int, expected: str
) -> None:
    assert " ".join(labels(ticks(low, high, count))) == expected


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0.002, 30, 5, "0.01 0.1 1 10"),
        (1e-5, 3, 3, "1e-05 0.001 0.1"),  # every second decade
        (1, 1e9, 4, "1 1k 1M 1G"),
        (0.5, 3, 4, "0.5 1 2"),
        (2.1, 2.2, 3, "2.10 2.15 2.20"),
    ],
)
def test_logarithmic_ticks_are_decades(low: float, high: float, count: int, expected: str) -> None:
    assert " ".join(labels(ticks(low, high, count, log=True))) == expected


@given(FLOATS, FLOATS, st.integers(1, 12), st.booleans())
def test_ticks_rise_inside_their_range_with_labels_that_differ(
    one: float, other: float, count: int, log: bool
) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, count, log)
    values = [tick.value for tick in found]
    slack = 1e-8 * (high / 2 - low / 2)
    assert 1 <= len(found) <= count or (count == 1 and not found)
    assert values == sorted(set(values))
    assert all(low - slack <= value <= high + slack for value in values)
    assert len(set(labels(found))) == len(found)
    if high - low > max(1e-3 * max(abs(low), abs(high)), 1e-300) and count > 1:
        assert len(found) >= 2


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, "0 1"), (0, 31_999, "0 10k 20k 30k"), (0.2, 0.9, "0.2 0.4 0.6 0.8"), (3, 3, "3")],
)
def test_steps_are_whole_where_they_can_be(low: float, high: float, expected: str) -> None:
    assert " ".join(labels(step_ticks(low, high, 4))) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (30, "05:53:10 05:53:20 05:53:30 05:53:40"),
        (2 * HOUR, "06:00 06:30 07:00 07:30"),
        (DAY, "06:00 12:00 18:00 00:00"),
        (3 * DAY, "12:00 Nov 24 12:00 Nov 25 12:00 Nov 26"),
        (40 * DAY, "Dec 03 Dec 13 Dec 23 Jan 02"),
        (800 * DAY, "2026-12 2027-07 2028-01 2028-08"),
    ],
)
def test_times_of_day_are_those_of_the_clock_on_the_wall(seconds: float, expected: str) -> None:
    found = clock_ticks(NOV_23_0453, NOV_23_0453 + seconds, 6, utc_offset_seconds=HOUR)
    assert " ".join(labels(found)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.5, "0s 0.1s 0.2s 0.3s 0.4s 0.5s"),
        (90, "0:00 0:30 1:00 1:30"),
        (600, "0 2m 4m 6m 8m 10m"),
        (2 * HOUR, "0 30m 1h 1h30 2h"),
        (60 * HOUR, "0 12h 1d 1d12h 2d 2d12h"),
    ],
)
def test_elapsed_times_are_told_in_the_units_of_their_step(seconds: float, expected: str) -> None:
    assert " ".join(labels(elapsed_ticks(0, seconds, 6))) == expected


def test_of_two_times_that_fit_two_are_shown() -> None:
    assert labels(elapsed_ticks(0, 299, 2)) == ["0", "4m"]  # and not 0 alone, of every 5 minutes
    assert labels(clock_ticks(HOUR, 1.9 * HOUR, 2)) == ["01:00", "01:30"]


def test_a_place_is_named_in_full() -> None:
    assert figures.step_label(12_800) == "12,800"
    assert figures.step_label(0.25) == "0.25"
    assert figures.elapsed_label(4_805) == "1:20:05"
    assert figures.clock_label(NOV_23_0453, HOUR) == "Nov 23 05:53:10"


@given(ANY_FLOAT, ANY_FLOAT, st.integers(-1, 9))
def test_no_range_is_too_odd_for_an_axis(low: float, high: float, count: int) -> None:
    for find in (ticks, step_ticks, clock_ticks, elapsed_ticks):
        assert len(find(low, high, count)) <= max(count, 0)
    for name in (figures.step_label, figures.clock_label, figures.elapsed_label):
        assert name(low)
