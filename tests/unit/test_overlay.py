"""Several runs in the same charts."""

from dataclasses import replace

from mlterm.ui.metrics import MetricsPane
from mlterm.ui.overlay import Overlay
from mlterm.ui.state import Charts, State
from tests.unit.viewing import FakeModel, model, series_of


def run(name: str, *metrics: str, project: str = "p") -> FakeModel:
    made = model(series={metric: series_of([3.0, 2.0, 1.0]) for metric in metrics})
    return replace(made, summary=replace(made.summary, project=project, run_id=name))


def test_a_run_has_one_colour_in_all_charts() -> None:
    both = Overlay(run("a", "loss"), [run("b", "loss", "accuracy")])
    assert [line[::2] for line in both.lines("loss")] == [("a", "curve1"), ("b", "curve2")]
    assert [line[::2] for line in both.lines("accuracy")] == [("b", "curve2")]


def test_runs_of_one_name_are_told_by_their_projects() -> None:
    both = Overlay(run("a", "loss"), [run("a", "loss", project="q")])
    assert [line.label for line in both.lines("loss")] == ["p/a", "q/a"]


def test_more_runs_than_colours_are_drawn_all_the_same() -> None:
    many = Overlay(run("0", "loss"), [run(str(n), "loss") for n in range(1, 12)])
    assert [line.style for line in many.lines("loss")][7:10] == ["curve8", "curve1", "curve2"]
    state = State(300, 40, charts=Charts(names=("loss",), selected="loss"))
    assert len(MetricsPane().draw(state, many, 300, 20, focused=True)) == 20


def test_a_ghost_leaves_the_colour_of_the_run_alone() -> None:
    state = State(80, 24, charts=Charts(names=("loss",), selected="loss"))
    for ghost in (None, run("g", "loss")):
        rows = MetricsPane().draw(
            state, Overlay(run("a", "loss"), ghost=ghost), 80, 20, focused=True
        )
        styles = {style for row in rows for style, _ in row if style.startswith("curve")}
        assert styles == {"curve1"}
