"""The table of runs that is printed."""

from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.summary import RunSummary
from mlterm.ui.columns import Column
from mlterm.ui.listing import table
from mlterm.ui.rows import row_width, text_of

texts = st.text("ab \u640d", max_size=90)


def drawn(lines: list[list[str]], width: int | None) -> list[str]:
    """Of runs that have these texts, a column each."""

    def column(at: int) -> Column:
        return Column(f"COLUMN {at}", lambda run: ("", lines[int(run.run_id)][at]), lambda _: None)

    runs = [RunSummary("p", str(number), "lost", "") for number in range(len(lines))]
    rows = list(table(runs, [column(at) for at in range(len(lines[0]))], width))
    assert width is None or max(map(row_width, rows)) <= width
    return text_of(rows)


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(texts, min_size=n, max_size=n), min_size=1, max_size=4)
    ),
    st.integers(20, 200),
)
def test_no_row_is_wider_than_the_terminal(lines: list[list[str]], width: int) -> None:
    drawn(lines, width)


def test_long_texts_are_cut_and_not_their_neighbours() -> None:
    _, row, *_ = drawn([["x" * 500, "short", "y" * 500]], 60)
    assert "x…x" in row
    assert "  short" in row
    assert drawn([["x" * 500]], None)[1] == "x" * 500
