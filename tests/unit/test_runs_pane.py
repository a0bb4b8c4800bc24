"""The table of runs, and the place in it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.ui.columns import columns_of
from mlterm.ui.rows import row_width, text_of
from mlterm.ui.runs import RunsPane, best_before
from mlterm.ui.state import Mode, State
from tests.unit.viewing import series_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def run(name: str, hour: int, **changes: Any) -> RunSummary:
    made: dict[str, Any] = {
        "project": "p", "run_id": name, "status": "completed", "path": f"/{name}",
        "started": f"2026-11-26T{hour:02}:00:00+00:00", "duration_seconds": 60.0,
    }  # fmt: skip
    return RunSummary(**{**made, **changes})


def metrics(loss: float) -> dict[str, dict[str, Any]]:
    return {"loss": {"last": loss, "min": loss, "max": loss + 1}}


RUNS = [
    run("a", 8, hyperparameters={"lr": 0.1, "seed": 1}, metrics=metrics(0.5)),
    run("b", 9, hyperparameters={"lr": 0.01, "seed": 1}, metrics=metrics(0.2), status="failed"),
    run("c", 10, hyperparameters={"lr": 0.2, "seed": 1}, metrics=metrics(0.3)),
    run("d", 7, status="running", progress={"fraction": 0.4}),
]


@dataclass
class Source:
    runs: list[RunSummary] = field(default_factory=lambda: list(RUNS))
    metric: str | None = None

    def choose(self, metric: str | None) -> None:
        self.metric = metric

    def curve(self, path: str) -> Series | None:
        return series_of([3.0, 2.0, 1.0]) if path == "/a" else None


def pane(runs: list[RunSummary] | None = None, *, named: bool = False) -> RunsPane:
    return RunsPane(Source() if runs is None else Source(runs), lambda: NOW, named=named)


def names(table: RunsPane) -> list[str]:
    return [each.run_id for each in table.runs]


def drawn(table: RunsPane, width: int = 100, height: int = 10) -> list[str]:
    state = State(width, height, mode=Mode.DASHBOARD, table=True)
    return text_of(table.draw(state, width, height, focused=True))


def test_live_runs_are_first_and_then_the_newest() -> None:
    assert names(pane()) == ["d", "c", "b", "a"]


def test_a_row_tells_how_a_run_did_and_what_differs() -> None:
    title, heads, live, newest, _, oldest, *_ = drawn(pane())
    assert title.startswith("─ Runs · 4 · 1 live ")
    assert heads.split() == ["RUN", "STATUS", "AGE", "DURATION", "loss", "min", "lr"]
    assert live.split()[:4] == ["▌", "d", "●", "running"]
    assert "40%" in live
    assert newest.split() == ["c", "●", "completed", "2", "h", "ago", "1", "min", "00", "s", "0.3",
                              "0.3", "0.2"]  # fmt: skip
    assert oldest.rstrip().endswith("▁")
    assert "█" in oldest


def test_the_curves_are_those_of_the_metric_that_is_shown() -> None:
    source = Source()
    drawn(RunsPane(source, lambda: NOW, named=False))
    assert source.metric == "loss"


def test_what_most_runs_have_is_shown_first_and_another_when_asked() -> None:
    runs = [run(n, 8, metrics={"loss": {"last": 1.0}, "accuracy": {"last": 0.5}}) for n in "ab"]
    table = pane([*runs, run("c", 9, metrics={"accuracy": {"last": 0.6}})])
    assert table.metric == "accuracy"
    table.next_metric()
    assert table.metric == "loss"


def test_columns_are_sorted_by_and_what_is_missing_is_last() -> None:
    table = pane()
    orders = []
    for _ in range(8):
        table.sort(1)
        orders.append("".join(names(table)))
    assert orders[0] == "abcd"  # by name
    assert orders[3] == "dcba"  # by their durations, which are the same
    assert orders[5] == "bcad"  # by the least loss; d has none
    assert orders[6] == "bacd"  # by lr
    assert orders[7] == "dcba"  # and round again


def test_the_other_way_round_is_the_other_way_round() -> None:
    table = pane()
    table.sort(1)
    table.sort(-1)
    assert names(table) == ["d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("failed", ["b"]), ("LR 0.1 completed", ["a"]), ("nothing", []), ("lr=0.2", ["c"]),
     ("loss.min < 0.4 and not status = failed", ["c"]), ("not lr < 0.2", ["d", "c"]),
     ("has:loss", ["c", "b", "a"]), ("started > 3 hours ago", ["c"]), ("lr > 5", [])],
)  # fmt: skip
def test_a_filter_looks_at_names_status_and_hyperparameters(pattern: str, found: list[str]) -> None:
    table = pane()
    table.filter(pattern)
    assert names(table) == found
    assert ("no run has this" in "".join(drawn(table))) == (not found)


def test_an_expression_that_is_wrong_changes_nothing_and_is_told() -> None:
    table = pane()
    table.filter("status = failed")
    table.filter("status = faild")
    assert names(table) == ["b"]
    assert table.pattern == "status = failed"
    assert table.error is not None
    assert (table.error.at, "did you mean failed?" in table.error.words) == (9, True)
    table.filter("lr < 0.15")
    assert names(table) == ["b", "a"]
    assert table.error is None


def test_what_was_two_hours_ago_moves_on() -> None:
    clock = [NOW]
    table = RunsPane(Source(), lambda: clock[0], named=False)
    table.filter("started >= 2 hours ago")
    assert names(table) == ["c"]
    clock[0] += timedelta(minutes=1)
    assert names(table) == []


def test_the_selection_stays_with_its_run() -> None:
    source = Source()
    table = RunsPane(source, lambda: NOW, named=False)
    table.scroll(2)
    source.runs = [*source.runs, run("new", 11)]
    assert table.selected is not None
    assert table.selected.run_id == "b"


@pytest.mark.parametrize(
    ("row", "selected"), [(2, "d"), (3, "c"), (5, "a"), (6, "d"), (1, "d"), (0, "d")]
)
def test_a_click_goes_to_the_run_in_that_row(row: int, selected: str) -> None:
    table = pane()
    table.draw(State(120, 20), 120, 10, focused=True)
    table.pick(row)
    assert table.selected is not None
    assert table.selected.run_id == selected


def test_marking_goes_on_to_the_next() -> None:
    table = pane()
    table.mark()
    table.mark()
    table.scroll(-1)
    table.mark()
    assert list(table.marked) == ["/d"]


def test_a_long_table_keeps_the_selected_run_in_sight() -> None:
    table = pane([run(f"r{i:03}", 8) for i in range(200)])
    table.to_end()
    assert any(line.startswith("▌  r") for line in drawn(table))
    table.to_start()
    assert drawn(table)[2].startswith("▌")


def test_the_project_is_told_where_there_are_several() -> None:
    assert "p/a" in "\n".join(drawn(pane(named=True)))


@given(st.integers(1, 200), st.integers(0, 40))
def test_the_table_has_exactly_its_size(width: int, height: int) -> None:
    state = State(width, max(1, height), table=True)
    rows = pane().draw(state, width, height, focused=True)
    assert len(rows) == height
    assert {row_width(row) for row in rows} <= {width}


def test_of_nested_hyperparameters_what_differs_in_them_is_a_column() -> None:
    one = {"optim": {"name": "sgd", "lr": 0.1}, "amp": True, "layers": ["a", 64]}
    other = {"optim": {"name": "sgd", "lr": 0.2}, "amp": False, "layers": ["b", 64]}
    runs = [
        replace(RUNS[0], path=path, hyperparameters=h) for path, h in (("1", one), ("2", other))
    ]
    columns = {c.heading: c for c in columns_of(runs, [], datetime.now(UTC), None, named=True)}
    assert list(columns)[4:] == ["optim.lr", "amp", "layers"]
    told = [[columns[name].cell(run)[1] for run in runs] for name in list(columns)[4:]]
    assert told == [["0.1", "0.2"], ["true", "false"], ['["a", 64]', '["b", 64]']]


@pytest.mark.parametrize(
    ("hour", "names", "best"),
    [(11, ["loss"], "b"), (9, ["loss"], "a"), (8, ["loss"], None), (11, ["unknown"], None)],
)
def test_the_ghost_is_the_best_that_began_before(
    hour: int, names: list[str], best: str | None
) -> None:
    found = best_before(run("now", hour, status="running"), names, RUNS, {})
    assert (found and found.run_id) == best


def test_the_ghost_is_the_best_by_the_goal_that_was_defined() -> None:
    now = run("now", 11, status="running")
    least = best_before(now, ["loss"], RUNS, {"loss": {"goal": "minimize"}})
    most = best_before(now, ["loss"], RUNS, {"loss": {"goal": "maximize"}})
    assert [found and found.run_id for found in (least, most)] == ["b", "a"]


def test_two_columns_of_one_heading_are_two() -> None:
    both = {"loss": {"last": 1.0, "min": 1.0}, "val_loss": {"last": 2.0, "min": 2.0}}
    table = pane([run("a", 8, metrics=both), run("b", 9, metrics=both)])
    seen = set()
    for _ in range(9):
        table.sort(1)
        seen.add(drawn(table)[1])
    assert len(seen) == 9  # eight columns, and none


def test_a_long_name_leaves_room_for_what_differs() -> None:
    table = pane(
        [run("a" * 60, 8, hyperparameters={"lr": 1}), run("b", 9, hyperparameters={"lr": 2})]
    )
    assert drawn(table, 100)[1].split()[-1] == "lr"
    assert any("a…a" in line for line in drawn(table, 100))


def test_the_title_tells_by_what_runs_are_sorted() -> None:
    table = pane()
    assert " by " not in drawn(table)[0]
    for _ in range(6):  # run, status, age, duration, the last value, the least one
        table.sort(1)
    assert "· by loss min ↑ " in drawn(table)[0]
    table.sort(-1)
    assert "· by loss min ↓ " in drawn(table)[0]


def test_a_run_is_picked_where_it_stands() -> None:
    table = pane()
    drawn(table)
    assert table.pick(4) is False
    assert table.selected is not None
    assert table.selected.run_id == names(table)[2]
    assert table.pick(4) is True
    for row in (0, 1, 6, 9):  # the title, the headings, what is below the last run
        assert table.pick(row) is False
    assert table.selected.run_id == names(table)[2]
