"""Charts: pictures that a person can check, and properties of any series at any size."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.series import Points, Series
from mlterm.ui.chart import (
    Curve,
    Frame,
    Kind,
    draw_chart,
    smoothed,
    spark_rows,
    sparkline,
    step_cursor,
    value_at,
)
from mlterm.ui.rows import row_width, text_of

NAN, INF = math.nan, math.inf
NOV_23_0453 = 1795409590.0
KINDS: tuple[Kind, ...] = ("step", "epoch", "time", "seconds")


def points(*values: float, x: Sequence[float] | None = None) -> Points:
    series = Series()
    for place, value in enumerate(values):
        series.add(float(value), float(place if x is None else x[place]))
    return series.points()


def picture(*lines: Points, size: tuple[int, int] = (24, 6), **frame: Any) -> str:
    curves = [Curve(line, f"curve{number}") for number, line in enumerate(lines, 1)]
    return "\n".join(text_of(draw_chart(curves, *size, Frame(**frame))))


def drawn(text: str) -> str:
    """A picture, its frame | taken off."""
    return "\n".join(line.strip()[1:-1] for line in text.strip().splitlines())


def dot_heights(text: str) -> list[list[int]]:
    """Of each dot column of rows of braille, the rows of its dots from the bottom."""
    rows = text.split("\n")
    places = [(0, 0, 0x01), (0, 1, 0x02), (0, 2, 0x04), (0, 3, 0x40),
              (1, 0, 0x08), (1, 1, 0x10), (1, 2, 0x20), (1, 3, 0x80)]  # fmt: skip
    columns: list[list[int]] = [[] for _ in range(2 * len(rows[0]))]
    for down, row in enumerate(rows):
        for along, character in enumerate(row):
            bits = ord(character) - 0x2800 if character != " " else 0
            for right, under, bit in places:
                if bits & bit:
                    columns[2 * along + right].append(4 * len(rows) - 1 - 4 * down - under)
    return columns


# --- Pictures ----------------------------------------------------------------------------


def test_a_line_goes_from_corner_to_corner() -> None:
    assert picture(points(*range(11))) == drawn("""
        |10┤                 ⣀⠤⠒⠉|
        |  │             ⣀⠤⠒⠉    |
        |  │        ⣀⠤⠔⠊⠉        |
        |  │    ⣀⠤⠒⠉             |
        | 0┤⣀⠤⠒⠉                 |
        |   0                  10|
    """)


def test_a_jump_is_joined() -> None:
    assert picture(points(0, 0, 0, 8, 8, 8)) == drawn("""
        | │            ⢠⠋⠉⠉⠉⠉⠉⠉⠉⠉|
        |5┤           ⢠⠃         |
        | │          ⢠⠃          |
        | │         ⢀⠎           |
        |0┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⠎            |
        |  0                    5|
    """)


def test_nan_is_a_gap_and_marked() -> None:
    assert picture(points(1, 2, 3, NAN, NAN, NAN, 3, 2, 1)) == drawn("""
        |3┤    ⢀⠜          ⠱⡀    |
        | │   ⢠⠊            ⠘⢄   |
        | │  ⡠⠃              ⠈⢆  |
        | │ ⡰⠁                 ⢣ |
        |1┤⡰⠁      ×  × ×       ⢣|
        |  0            5        |
    """)


def test_infinity_leaves_the_scale_alone_and_is_marked() -> None:
    assert picture(points(0, 1, INF, 3, -INF, 5)) == drawn("""
        |5┤        ▲            ⠉|
        | │                      |
        | │             ⠉        |
        | │    ⢀                 |
        |0┤⣀⠤⠒⠉⠁            ▼    |
        |  0                    5|
    """)


def test_a_constant_lies_in_the_middle_with_its_value() -> None:
    assert picture(points(0.001, 0.001, 0.001)) == drawn("""
        |     │                  |
        |     │                  |
        |0.001┤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒|
        |     │                  |
        |     │                  |
        |      0                2|
    """)


def test_one_point_is_seen() -> None:
    assert picture(points(0.5)) == drawn("""
        |   │                    |
        |   │                    |
        |0.5┤         ⠤          |
        |   │                    |
        |   │                    |
        |             0          |
    """)


def test_on_a_logarithmic_axis_decades_are_as_far_apart() -> None:
    assert picture(points(1, 10, 100, 1000), log_y=True) == drawn("""
        |   │                ⣀⠤⠒⠉|
        |100┤            ⣀⠤⠒⠉    |
        |   │        ⣀⠤⠒⠉        |
        |   │    ⣀⠤⠒⠉            |
        |  1┤⣀⠤⠒⠉                |
        |    0            2      |
    """)


@pytest.mark.parametrize(
    ("line", "log", "text"),
    [
        (points(0, -1), True, "no value above 0"),
        (points(), False, "no values yet"),
        (points(NAN, INF), False, "no finite value"),
    ],
)
def test_why_nothing_is_drawn_is_said(line: Points, log: bool, text: str) -> None:
    rows = draw_chart([Curve(line, "curve1")], 24, 6, Frame(log_y=log))
    assert ("dim", text) in rows[2]


def test_values_that_are_not_positive_are_left_out_of_a_logarithm() -> None:
    assert picture(points(1, 0, -5, 1000), log_y=True).split("\n")[0].endswith("⠉")
    assert "×" not in picture(points(1, 0, -5, 1000), log_y=True)


def test_a_cursor_leaves_the_dots_and_names_its_place() -> None:
    assert picture(points(*range(11)), cursor=5) == drawn("""
        |10┤          │      ⣀⠤⠒⠉|
        |  │          │  ⣀⠤⠒⠉    |
        |  │        ⣀⠤⠔⠊⠉        |
        |  │    ⣀⠤⠒⠉  │          |
        | 0┤⣀⠤⠒⠉      │          |
        |   0         5        10|
    """)
    rows = draw_chart([Curve(points(*range(11)), "curve1")], 24, 6, Frame(cursor=5))
    assert [dict(row)["cursor"] for row in rows] == ["│", "│", "⠔", "│", "│", "5"]


def test_a_range_of_the_x_axis_has_a_scale_of_its_own() -> None:
    assert picture(points(*range(101)), x_range=(50, 60)) == drawn("""
        |60┤                 ⣀⠤⠒⠉|
        |  │             ⣀⠤⠒⠉    |
        |  │        ⣀⡠⠤⠒⠉        |
        |  │    ⣀⠤⠒⠉             |
        |50┤⣀⠤⠒⠉                 |
        |  50                  60|
    """)


def test_a_range_between_two_points_shows_the_line_from_one_to_the_other() -> None:
    assert picture(points(0, 100), x_range=(0.4, 0.6)) == drawn("""
        |100┤                    |
        |   │                    |
        |   │⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉|
        |   │                    |
        |  0┤                    |
        |   0.4               0.6|
    """)


def test_times_stand_under_their_places() -> None:
    every_10_minutes = [NOV_23_0453 + 600 * i for i in range(11)]
    line = points(*range(11), x=every_10_minutes)
    last = picture(line, size=(40, 6), kind="time").split("\n")[-1]
    assert last == "   05:00      05:30      06:00     06:30"


def test_a_small_chart_is_all_plot() -> None:
    assert picture(points(*range(11)), size=(5, 2)) == "  ⢀⠔⠊\n⡠⠔⠉  "


def test_points_are_drawn_in_the_order_of_their_places() -> None:
    back_and_forth = points(0, 1, 2, 3, 1, 0, x=[0, 1, 2, 3, 1.5, 2.5])
    in_order = points(0, 1, 1, 2, 0, 3, x=[0, 1, 1.5, 2, 2.5, 3])
    assert picture(back_and_forth) == picture(in_order)


# --- Several curves, and smoothing ---------------------------------------------------------


def test_where_curves_meet_all_dots_are_kept_in_the_colour_of_the_later_one() -> None:
    down, up = points(4, 0), points(0, 4)
    rows = draw_chart([Curve(up, "curve1"), Curve(down, "curve2")], 24, 6, Frame())
    assert rows[2] == [
        ("axis", " │"), ("", " " * 8), ("curve2", "⢈⣉⠶⠶⣉⡁"), ("", " " * 8)
    ]  # fmt: skip
    assert ("curve1", "⣀⠤⠒⠉") in rows[0]


def test_a_smoothed_line_is_drawn_over_the_raw_one() -> None:
    noisy = points(*(5 + (-1) ** i * 4 for i in range(200)))
    rows = draw_chart([Curve(noisy, "curve1", smoothing=0.95)], 40, 12, Frame())
    styles = {style for row in rows for style, _ in row}
    assert {"curve1", "curve1.raw"} <= styles
    last = [[style for style, text in row if text.strip()][-1] for row in rows[:11]]
    assert last.count("curve1") == 1  # the oscillation ends as a line in the middle of it
    assert {*last[:4], *last[7:]} == {"curve1.raw"}


def test_smoothing_is_debiased() -> None:
    assert smoothed(points(1, 3), 0.5) == pytest.approx([1, (0.25 * 1 + 0.5 * 3) / 0.75])


def test_smoothing_passes_over_what_is_not_finite() -> None:
    found = smoothed(points(1, NAN, 3, INF), 0.5)
    assert math.isnan(found[1])
    assert found[3] == INF
    assert [found[0], found[2]] == pytest.approx(smoothed(points(1, 3), 0.5))


@given(st.lists(st.floats(-1e6, 1e6), max_size=700), st.floats(0, 1))
def test_smoothed_values_stay_between_the_extremes(values: list[float], weight: float) -> None:
    line = points(*values)
    found = smoothed(line, weight)
    assert len(found) == len(line.last)
    if found:
        slack = 1e-6 * max(1.0, *map(abs, line.last))
        assert min(line.last) - slack <= min(found) <= max(found) <= max(line.last) + slack


@given(st.floats(-1e300, 1e300), st.integers(1, 600), st.floats(0, 1))
def test_a_constant_is_smoothed_to_itself(value: float, count: int, weight: float) -> None:
    assert set(smoothed(points(*[value] * count), weight)) == {value}


# --- Properties of any series ----------------------------------------------------------------

SIZES = st.tuples(st.integers(0, 300), st.integers(0, 100)) | st.tuples(
    st.integers(0, 14), st.integers(0, 5)
)
VALUES = st.floats() | st.sampled_from([NAN, INF, -INF, 0.0, 1.0, -1e308, 1e308, 5e-324])
PLACES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 20).map(float)
SERIES = st.lists(st.tuples(VALUES, PLACES), max_size=30).map(
    lambda pairs: points(*(value for value, _ in pairs), x=[place for _, place in pairs])
)
FRAMES = st.builds(
    Frame,
    kind=st.sampled_from(KINDS),
    log_y=st.booleans(),
    cursor=st.none() | st.floats() | st.integers(0, 20),
    x_range=st.none() | st.tuples(st.floats(), st.floats()) | st.just((3.0, 7.5)),
    utc_offset_seconds=st.sampled_from([0, 3_600, -43_200]),
)


@given(st.lists(st.tuples(SERIES, st.sampled_from([0.0, 0.6, 1.0])), max_size=3), SIZES, FRAMES)
def test_any_chart_has_exactly_its_size(
    lines: list[tuple[Points, float]], size: tuple[int, int], frame: Frame
) -> None:
    width, height = size
    curves = [
        Curve(line, f"curve{number}", smoothing=smoothing)
        for number, (line, smoothing) in enumerate(lines, 1)
    ]
    rows = draw_chart(curves, width, height, frame)
    assert [row_width(row) for row in rows] == [width] * height


@given(st.lists(st.tuples(*[VALUES] * 6), max_size=10), SIZES, st.booleans())
def test_columns_that_no_series_makes_are_drawn_too(
    buckets: list[tuple[float, ...]], size: tuple[int, int], log: bool
) -> None:
    """As others may fill them: with NaN for extremes, or without places."""
    odd = Points(*([bucket[i] for bucket in buckets] for i in range(6)))
    rows = draw_chart([Curve(odd, "curve1", smoothing=0.5)], *size, Frame(log_y=log))
    assert [row_width(row) for row in rows] == [size[0]] * size[1]


@given(
    st.lists(st.integers(0, 100), min_size=2, max_size=600).map(sorted),
    st.integers(1, 40),
    st.integers(1, 10),
)
def test_what_only_rises_is_drawn_rising_without_a_break(
    values: list[int], width: int, height: int
) -> None:
    columns = dot_heights("\n".join(spark_rows(points(*values), width, height)))
    assert all(columns)
    for here, there in pairwise(columns):
        assert max(here) <= max(there)
        assert min(here) <= min(there)
        assert min(there) - max(here) <= 1
    for column in columns:
        assert len(column) == max(column) - min(column) + 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600), st.integers(1, 60))
def test_both_extremes_are_drawn(values: list[float], width: int) -> None:
    columns = dot_heights("\n".join(spark_rows(points(*values), width, 4)))
    heights = [height for column in columns for height in column]
    if max(values) - min(values) > 1e-290:
        assert (min(heights), max(heights)) == (0, 15)


def test_a_spike_of_one_point_among_many_is_kept() -> None:
    spike = points(*(1e6 if i == 70_000 else 1.0 for i in range(100_000)))
    rows = picture(spike, size=(40, 8)).split("\n")
    assert all("⢸" in row or "⡇" in row for row in rows[:6])
    assert rows[0].startswith("1.0M┤")


# --- Reading -----------------------------------------------------------------------------------


def test_the_value_at_a_place_is_that_of_the_nearest_bucket() -> None:
    line = points(10, 20, 30, x=[0, 10, 20])
    assert value_at(line, 14) == (10, 20)
    assert value_at(line, 16) == (20, 30)
    assert value_at(line, -5) == (0, 10)
    assert value_at(points(), 0) is None


def test_inside_a_bucket_of_many_points_its_last_value_is_told() -> None:
    line = points(*range(2048))  # four points a bucket
    assert value_at(line, 1022) == (1020, 1023)


def test_where_a_bucket_begins_as_the_one_before_ends_it_is_the_one_meant() -> None:
    touching = Points([0, 10], [10, 20], [1, 2], [1, 2], [1, 2], [1, 2])
    assert value_at(touching, 10) == (10, 2)


def test_a_cursor_moves_by_a_bucket_or_by_a_column_whichever_is_more() -> None:
    few, many = points(*range(11)), points(*range(501))
    assert step_cursor(few, 5, 1, 40) == 6
    assert step_cursor(few, 5, -1, 40) == 4
    assert step_cursor(many, 100, 1, 50) == 110
    assert step_cursor(many, 100, -1, 50) == 90


@given(SERIES, st.floats(), st.sampled_from([-1, 1]), st.integers(0, 50))
def test_a_cursor_stays_among_the_places(
    line: Points, x: float, direction: int, width: int
) -> None:
    places = [begin for begin in line.begins if abs(begin) < 1e300]
    assert step_cursor(line, x, direction, width) in places or not places


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=600), st.integers(1, 50))
def test_steps_to_the_right_come_to_the_end(places: list[int], width: int) -> None:
    line = points(*places, x=sorted(places))
    x, steps = float(min(places)), 0
    while x < line.begins[-1]:
        moved = step_cursor(line, x, 1, width)
        assert moved > x
        x, steps = moved, steps + 1
    assert steps <= width + 1


# --- Sparklines -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (points(*range(8)), "▁▂▃▄▅▆▇█"),
        (points(0, NAN, 7), "▁      █"),
        (points(1, 1), "▄▄▄▄▄▄▄▄"),
        (points(0, 7), "▁▂▃▄▅▆▇█"),
        (points(), "        "),
        (points(NAN), "        "),
    ],
)
def test_a_sparkline_has_a_block_a_column(line: Points, text: str) -> None:
    assert sparkline(line, 8) == text


def test_a_sparkline_may_have_a_range_of_its_own() -> None:
    assert sparkline(points(0, 50, 200), 3, low=0, high=100) == "▁▅█"


def test_a_sparkline_of_several_rows() -> None:
    assert spark_rows(points(0, 1, 4, 9, 16, 9, 4, 1, 0), 8, 2) == ["   ⡠⢣   ", "⣀⡠⠊  ⠑⢄⣀"]


@given(SERIES, SIZES, st.none() | st.floats(-1e3, 1e3), st.none() | st.floats(-1e3, 1e3))
def test_any_sparkline_has_exactly_its_size(
    line: Points, size: tuple[int, int], low: float | None, high: float | None
) -> None:
    width, height = size
    assert len(sparkline(line, width, low, high)) == width
    assert [len(row) for row in spark_rows(line, width, height, low, high)] == [width] * height
