import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.ui.rows import cut, cut_middle, fit, row_width, spread, text_of, width_of

TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=12)
ROWS = st.lists(st.tuples(st.sampled_from(["", "dim"]), TEXTS), max_size=5)


@pytest.mark.parametrize(
    ("text", "width"), [("loss", 4), ("⣿⠁", 2), ("损失", 4), ("é", 1), ("e\u0301", 1), ("—", 1)]
)
def test_a_text_is_measured_in_columns(text: str, width: int) -> None:
    assert width_of(text) == width


@given(ROWS, st.integers(0, 40))
def test_a_fitted_row_has_exactly_its_width(row: list[tuple[str, str]], width: int) -> None:
    assert row_width(fit(row, width)) == width


@given(ROWS, ROWS, st.integers(0, 40))
def test_a_spread_row_too(
    left: list[tuple[str, str]], right: list[tuple[str, str]], width: int
) -> None:
    assert row_width(spread(left, right, width)) == width


@given(TEXTS, st.integers(0, 15))
def test_a_cut_text_is_no_wider_and_says_that_it_was_cut(text: str, width: int) -> None:
    for short in (cut(text, width), cut_middle(text, width)):
        assert width_of(short) <= width
        assert short == text or width == 0 or "…" in short


def test_of_a_name_both_ends_are_kept() -> None:
    assert cut_middle("validation/loss_at_epoch", 12) == "validati…och"
    assert text_of([spread([("", "left part")], [("", "right")], 10)]) == ["left right"]
