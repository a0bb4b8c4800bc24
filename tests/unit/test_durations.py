import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.durations import format_duration, parse_duration
from mlterm.core.errors import RefusedError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90m", 5400),
        ("2h30m", 9000),
        ("2h 30m", 9000),
        ("1d", 86_400),
        ("45s", 45),
        ("45 s", 45),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("700ms", 0.7),
        ("1d2h3m4s5ms", 93_784.005),
        ("90", 90),
        ("0.25", 0.25),
        (" 7 ", 7),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-5", "-1h", "+5", "nan", "inf", "Infinity", "1e3", "5x", "m", "h5", "1m2h",
        "1h1h", "1.2.3", "1 2", "2h30", "٣s", "9" * 400, "9" * 400 + "d", "1_000",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(RefusedError, match="2h30m") as caught:
        parse_duration(text)
    assert f"'{text}'" in str(caught.value)


def test_the_refusal_is_safe_to_print() -> None:
    with pytest.raises(RefusedError, match=r"'5\\x1b\[31m'"):
        parse_duration("5\x1b[31m")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except RefusedError:
        return
    assert seconds >= 0
    assert math.isfinite(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.4, "0.4 s"),
        (12.5, "12.5 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (187, "3 min 07 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86_399, "1 d 00 h"),
        (3 * 86_400 + 4 * 3600, "3 d 04 h"),
        (400 * 86_400, "400 d 00 h"),
        (-5, "-5.0 s"),
        (math.nan, "nan s"),
        (math.inf, "inf s"),
        (-math.inf, "-inf s"),
    ],
)
def test_a_duration_is_shown_in_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats())
def test_every_float_can_be_shown(seconds: float) -> None:
    assert format_duration(seconds)
