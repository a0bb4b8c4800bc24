import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core import records

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)
RECORDS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=6)


@given(RECORDS)
def test_a_record_comes_back_from_its_line(record: dict[str, Any]) -> None:
    line = records.encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert records.decode(line) == record


@given(RECORDS)
def test_our_own_record_is_written_as_any_other(record: dict[str, Any]) -> None:
    assert records.encode_own(record) == records.encode(record)


@pytest.mark.parametrize("value", ["\udcff", 2**64, -(2**63) - 1])
def test_what_json_has_not_is_written_as_ever_in_our_own_record_too(value: Any) -> None:
    assert records.encode_own({"x": [value]}) == records.encode({"x": [value]})


def test_a_figure_of_ours_that_is_no_number_is_null() -> None:
    figures = {"x": [math.nan, math.inf, -math.inf]}
    assert records.decode(records.encode_own(figures)) == {"x": [None] * 3}


@given(st.lists(RECORDS, max_size=5))
def test_lines_come_back_in_order(many: list[dict[str, Any]]) -> None:
    assert list(records.decode_lines(b"".join(map(records.encode, many)))) == many


@given(st.text(st.characters(categories=["Cs", "Ll"]), min_size=1))
def test_lone_surrogates_are_escaped_and_the_line_stays_utf8(text: str) -> None:
    (value,) = records.decode(records.encode({"x": text})).values()  # type: ignore[union-attr]
    assert value == text.encode("utf-8", "backslashreplace").decode()
    assert records.decode(records.encode({text: 1})) == {value: 1}


@pytest.mark.parametrize(
    ("value", "word"),
    [(math.nan, "NaN"), (-math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_what_is_not_finite_is_a_word_and_reads_as_a_number(value: float, word: str) -> None:
    record = records.decode(records.encode({"x": [value], "y": {"z": value}}))
    assert record == {"x": [word], "y": {"z": word}}
    number = records.as_number(word)
    assert number == value or (math.isnan(value) and number is not None and math.isnan(number))


@pytest.mark.parametrize("value", [-(2**63), -(2**63) - 1, 2**63, 2**64 - 1, 2**64, 10**400])
def test_an_integer_beyond_64_bits_is_a_string_and_no_other(value: int) -> None:
    record = records.decode(records.encode({"x": value}))
    assert record == {"x": value if -(2**63) <= value < 2**64 else str(value)}


def test_an_integer_of_a_class_of_its_own_is_written_at_once() -> None:
    """Such as an IntEnum; in a process of its own, since ``in range`` would walk 2**63 steps."""
    code = (
        "import signal; from mlterm.core import records; "
        "print(records.encode({'x': signal.SIGINT}).decode(), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=5, check=True
    )
    assert done.stdout == '{"x":2}\n'


def test_tuples_are_lists_and_keys_are_strings() -> None:
    assert records.decode(records.encode({"x": (1, (2,)), "y": {1: True}})) == {
        "x": [1, [2]],
        "y": {"1": True},
    }


def test_of_keys_that_collide_as_strings_none_is_lost() -> None:
    assert records.decode(records.encode({"d": {1: "a", "1": "b"}})) == {"d": {"1": "a", "1_": "b"}}


@given(st.binary())
def test_any_bytes_are_a_record_or_none(line: bytes) -> None:
    record = records.decode(line)
    assert record is None or isinstance(record, dict)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b"1", b"null", b'{"a":1', b'{"a":1}}', b"\xff", b'{"a":"\xff"}']
)
def test_a_broken_line_is_no_record(line: bytes) -> None:
    assert records.decode(line) is None


def test_broken_lines_are_skipped_and_the_others_kept() -> None:
    data = b'{"a":1}\n{"torn\n\n[2]\n{"b":2}\n{"c":'
    assert list(records.decode_lines(data)) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1), (0.5, 0.5), ("Infinity", math.inf), (True, 1), ("1", None), (None, None)],
)
def test_only_numbers_and_their_words_are_numbers(value: object, number: float | None) -> None:
    assert records.as_number(value) == number


def test_a_users_names_never_hide_ours() -> None:
    given_names = {"timestamp": 1, "type": 2, "lr": 3, "_type": 4}
    assert records.user_fields(given_names) == {"timestamp_": 1, "type_": 2, "lr": 3, "_type": 4}


@pytest.mark.parametrize(
    "fields",
    [{"type": 1, "type_": 2}, {"type_": 2, "type": 1}, {"type": 1, "type_": 2, "type__": 3}],
)
def test_of_users_names_that_collide_none_is_lost(fields: dict[str, int]) -> None:
    kept = records.user_fields(fields)
    assert sorted(kept.values()) == sorted(fields.values())
    assert "type" not in kept


def test_a_timestamp_has_microseconds_and_the_offset() -> None:
    moment = datetime(2026, 11, 23, 7, 31, 5, tzinfo=UTC)
    assert records.timestamp(moment) == "2026-11-23T07:31:05.000000+00:00"
    east = moment.astimezone(timezone(timedelta(hours=9)))
    assert records.timestamp(east) == "2026-11-23T16:31:05.000000+09:00"
    assert datetime.fromisoformat(records.timestamp(east)) == moment
