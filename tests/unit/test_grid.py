from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.ui.grid import Column, beside, fits, grid, named
from mlterm.ui.rows import Span, row_width, text_of, width_of, wrapped


def cells(*texts: str) -> list[Span]:
    return [("", text) for text in texts]


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    rows = grid(
        [Column("NAME"), Column("N", right=True)], [cells("a", "10"), cells("long", "")], 80
    )
    assert text_of(rows) == ["NAME   N", "a     10", "long"]


def test_a_column_without_anything_in_it_is_left_out() -> None:
    rows = grid([Column("A"), Column("B"), Column("C")], [cells("1", "", "2")], None)
    assert text_of(rows) == ["A  C", "1  2"]


def test_names_are_cut_in_their_middle_before_columns_are_left_out() -> None:
    columns = [Column("", least=7), Column("", drop=1), Column("", drop=2)]
    lines = [cells("a-long-name-indeed", "12345678", "xyz")]
    assert text_of(grid(columns, lines, 33)) == ["a-long-name-indeed  12345678  xyz"]
    assert text_of(grid(columns, lines, 24)) == ["a-long…ed  12345678  xyz"]
    assert text_of(grid(columns, lines, 18)) == ["a-lon…ed  12345678"]

    assert not fits(columns, lines, 20)
    assert fits(columns, lines, 24)


def test_pairs_stand_below_each_other_and_wrap() -> None:
    pairs: list[tuple[Span, Span]] = [(("", "a"), ("", "one two")), (("", "bb"), ("", "x"))]
    assert text_of(named(pairs, None)) == ["a   one two", "bb  x"]
    assert text_of(named(pairs, 8)) == ["a   one", "    two", "bb  x"]
    long: list[tuple[Span, Span]] = [(("", "a-long-name"), ("", "one two"))]
    assert text_of(named(long, 12)) == ["a-long-name", "  one two"]


def test_many_short_pairs_stand_side_by_side() -> None:
    pairs: list[tuple[Span, Span]] = [(("", f"n{i}"), ("", str(i))) for i in range(8)]
    rows = text_of(beside(pairs, 40))
    assert rows[0] == "n0  0    n6  6"
    assert len(rows) == 6
    assert len(beside(pairs, None)) == 8


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]), ("a b", 3, ["a b"]), ("a b", 2, ["a", "b"]), ("abc", 2, ["ab", "c"]),
        ("ab cd", 4, ["ab", "cd"]), ("日本", 2, ["日", "本"]), ("ab  cd", 2, ["ab", "cd"]),
    ],
)  # fmt: skip
def test_text_is_wrapped_at_blanks(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


@given(st.text(st.characters(exclude_categories=["C", "M", "Z"]), max_size=40), st.integers(2, 20))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert "".join(lines) == text


TEXTS = st.text(st.characters(exclude_categories=["C", "M", "Z"]), max_size=30)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12), st.integers(20, 200))
def test_pairs_never_go_beyond_the_edge(texts: list[tuple[str, str]], width: int) -> None:
    pairs: list[tuple[Span, Span]] = [(("dim", name), ("", text)) for name, text in texts]
    shown: list[Any] = beside(pairs, width)
    assert all(row_width(row) <= width for row in shown)
