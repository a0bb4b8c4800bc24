"""CSV: what any program that reads it gets, and what no spreadsheet runs."""

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.formulas import guarded, unguarded
from mlterm.exporting.csvtable import lines
from mlterm.exporting.tables import text_of

WORDS = st.sampled_from(["NaN", "Infinity", "-Infinity", "null", "", "x", "a b", "true"])
TEXT = st.text(max_size=8) | WORDS | st.text(alphabet='",[]{}\\\n\r\t =+-@null1a', max_size=6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
NESTED = st.lists(NUMBERS, max_size=2) | st.dictionaries(TEXT, NUMBERS, max_size=2)
CELLS = st.none() | st.booleans() | NUMBERS | TEXT | NESTED
ROWS = st.integers(1, 5).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=6))
NUMERIC = st.lists(st.tuples(st.just("2026-11-24"), NUMBERS | st.none(), NUMBERS), max_size=6)


def harmless(value: Any) -> str:
    """What a cell is to say."""
    if value is None:
        return ""
    text = text_of(value)
    begins = text.lstrip("'")[:1]
    risky = isinstance(value, str) and begins != "" and begins in "=+-@＝＋－＠\t\r\n\0"
    return f"'{text}" if risky and text != "-Infinity" else text


@given(TEXT | st.text(alphabet="'=-x", max_size=4))
def test_a_guarded_text_is_harmless_and_comes_back(text: str) -> None:
    assert guarded(text)[:1] not in set("=+-@＝＋－＠\t\r\n\0")
    assert unguarded(guarded(text)) == text


@given(ROWS | NUMERIC, TEXT, TEXT)
def test_every_row_is_read_back_as_it_was(rows: list[Any], project: str, run_id: str) -> None:
    before = lines([(project,)], b"")[1:-1] + b","
    data = lines(rows, before + lines([(run_id,)], b"")[1:-1])
    read = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    names = [harmless(project), harmless(run_id)]
    assert list(read) == [names + list(map(harmless, row)) for row in rows]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-", "=a,b"]
)
def test_text_that_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(lines([(text,)], b"")[1:].decode(), newline=""))
    assert cell == f"'{text}"


@pytest.mark.parametrize("number", [-1, -1.5, 1e300, -1e-300, "NaN", "-Infinity", "Infinity"])
def test_a_number_stays_one(number: float | str) -> None:
    cell = lines([(number,)], b"").decode()[1:-1]
    assert float(cell) == float(number) or math.isnan(float(number))


def test_a_carriage_return_is_quoted_so_that_no_reader_ends_a_row_there() -> None:
    assert lines([("a\rb", 1)], b"p") == b'p,"a\rb",1\n'
