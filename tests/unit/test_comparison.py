import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.differences import Subject, facts_of
from mlterm.core.summary import RunSummary
from mlterm.ui.comparison import Comparison, raw_sheet, sheet, table
from mlterm.ui.paint import painted
from mlterm.ui.patch import patch_row
from mlterm.ui.rows import Row, row_width, text_of


def subject(name: str, loss: float, lr: float, **fields: Any) -> Subject:
    metrics = {"loss": {"last": loss, "min": loss / 2, "max": 9.0}}
    told: dict[str, Any] = {
        "metrics": metrics, "hyperparameters": {"lr": lr, "seed": 1}, "duration_seconds": 60.0
    }  # fmt: skip
    return Subject(
        RunSummary("p", name, fields.pop("status", "completed"), f"/{name}", **told | fields),
        {}, None, None,
    )  # fmt: skip


ONE, TWO = subject("a", 0.5, 0.1), subject("b", 0.25, 0.01, status="failed")


def compared(*subjects: Subject, **options: bool) -> Comparison:
    return Comparison(subjects, facts_of(subjects), **options)


def test_runs_are_columns_and_the_best_has_a_star() -> None:
    assert text_of(table(compared(ONE, TWO), 80)) == [
        "                  a       b",
        "",
        "RUN",
        "status    completed  failed",
        "",
        "HYPERPARAMETERS",
        "lr              0.1    0.01",
        "",
        "METRICS",
        "loss            0.5   ★0.25",
        "loss.min       0.25  ★0.125",
        "",
        "The same in all: 1 hyperparameter (--all shows them).",
    ]


def test_against_a_baseline_changes_stand_beside_the_values() -> None:
    rows = table(compared(ONE, TWO, has_baseline=True), 80)
    (line,) = [row for row in rows if row and row[0][1].strip() == "loss"]
    assert "".join(text for _, text in line).split() == ["loss", "0.5", "★0.25", "−50%"]
    assert ("good", "−50%") in line
    assert "Changes are told from a." in text_of(rows)[-1]


def test_all_shows_what_is_the_same() -> None:
    rows = [row.split() for row in text_of(table(compared(ONE, TWO, everything=True), 80))]
    assert ["seed", "1", "1"] in rows
    assert not any("--all" in row for row in rows)


def test_where_columns_have_no_room_runs_are_rows_in_blocks() -> None:
    subjects = [subject(f"run-{n:02}", 1 / (n + 1), n / 10) for n in range(12)]
    rows = text_of(table(compared(*subjects), 60))
    assert rows[0].split() == ["RUN", "lr", "loss", "loss.min"]
    assert rows[1].split() == ["run-00", "0.0", "1", "0.5"]
    assert rows[12].split() == ["run-11", "1.1", "★0.08333", "★0.04167"]
    narrow = text_of(table(compared(*subjects), 24))
    assert [row.split()[1:] for row in narrow if row.startswith("RUN")] == [
        ["lr", "loss"], ["loss.min"]
    ]  # fmt: skip


def test_values_that_would_look_the_same_have_more_digits() -> None:
    rows = text_of(table(compared(subject("a", 0.5, 0.10000001), subject("b", 0.5, 0.1)), None))
    assert any(row.split() == ["lr", "0.10000001", "0.1"] for row in rows)


def test_settings_are_told_with_all_their_digits_as_long_as_those_are_few() -> None:
    rows = text_of(table(compared(subject("a", 0.5, 1 / 3), subject("b", 0.5, 3.0517e-05)), None))
    assert any(row.split() == ["lr", "0.333333", "3.0517e-05"] for row in rows)


def test_runs_of_one_name_are_told_apart_by_their_projects() -> None:
    other = Subject(RunSummary("q", "a", "completed", "/q", metrics={}), {}, None, None)
    assert compared(ONE, other).names == ["p/a", "q/a"]


def test_nan_and_what_is_missing_are_shown() -> None:
    lost = Subject(RunSummary("p", "c", "completed", "/c"), {}, None, None)
    rows = text_of(table(compared(subject("a", math.nan, 0.1), ONE, lost), 80))
    assert any(row.split() == ["loss", "NaN", "0.5", "–"] for row in rows)


def test_runs_that_do_not_differ_say_so() -> None:
    (row,) = text_of(table(compared(ONE, ONE), None))
    assert (
        row
        == "Nothing differs. The same in all: 2 hyperparameters and 1 metric (--all shows them)."
    )


def test_a_sheet_has_sections_and_a_raw_one_has_full_numbers() -> None:
    shown = compared(ONE, subject("b", 1 / 3, 0.1), has_baseline=True)
    head, lines, best = sheet(shown)
    assert head == ["", "a", "b"]
    assert lines[:2] == [["metrics"], ["loss", "0.5", "0.33333 (−33%)"]]
    assert best[:2] == [set(), {2}]
    assert raw_sheet(shown)[:2] == [
        ["section", "name", "a", "b"],
        ["metrics", "loss", 0.5, 1 / 3],
    ]
    odd = compared(ONE, subject("b", math.nan, 0.1))
    assert raw_sheet(odd)[1] == ["metrics", "loss", 0.5, "NaN"]


NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)
VALUES = st.one_of(st.floats(), st.integers(-(2**53), 2**53), NAMES, st.none(), st.booleans())


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), st.floats()),
        min_size=2, max_size=9,
    ),
    st.integers(30, 200),
)  # fmt: skip
def test_no_row_goes_beyond_the_edge(
    runs: list[tuple[str, dict[str, Any], float]], width: int
) -> None:
    subjects = [
        Subject(
            RunSummary("p", name, "completed", f"/{n}", hyperparameters=told,
                       metrics={"loss": {"last": loss, "min": loss, "max": loss}}),
            {}, None, None,
        )
        for n, (name, told, loss) in enumerate(runs)
    ]  # fmt: skip
    assert all(row_width(row) <= width for row in table(compared(*subjects), width))


# --- Colours -----------------------------------------------------------------------------


def test_rows_are_painted_in_as_many_colours_as_there_are() -> None:
    row: Row = [("good", "yes"), ("", " "), ("title", "name"), ("dim", "  ")]
    assert painted(row, "dark", 0) == "yes name  "
    assert painted(row, "dark", 16) == "\x1b[92myes\x1b[0m \x1b[1mname\x1b[0m  "
    assert painted(row, "dark", 256) == "\x1b[38;5;114myes\x1b[0m \x1b[38;5;254;1mname\x1b[0m  "
    assert "38;5;114" not in painted(row, "light", 256)


def test_patches_are_coloured_and_cannot_act() -> None:
    assert patch_row("+\tnew\x1b[2J") == [("good", "+       new\\x1b[2J")]
    assert patch_row("--- a/x")[0][0] == "title"
    assert patch_row("@@ -1 +1 @@")[0][0] == "accent"
    assert patch_row("-old")[0][0] == "bad"
