"""The window drawn: always of its size, whatever is in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.summary import RunSummary
from mlterm.ui import update
from mlterm.ui.bars import footer, header
from mlterm.ui.rows import Row, row_width, text_of
from mlterm.ui.state import Axis, Charts, Mode, Pane, Prompt, State, Tab
from mlterm.ui.view import View
from tests.unit.viewing import NAMES, SAMPLE, model, series_of


class Blank:
    """A pane that is drawn elsewhere."""

    cursor = None

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        return [[("", " " * width)]] * height


def view() -> View:
    return View({Pane.OUTPUT: Blank(), Pane.RECORDS: Blank()})


def at(columns: int, rows: int, **changes: object) -> State:
    state = State(columns, rows, charts=Charts(names=NAMES), machine_items=5)
    return replace(state, **changes)  # type: ignore[arg-type] # of a test


def shown(state: State, **changes: object) -> list[str]:
    rows, _ = view().draw(
        update.observe(state, model(**changes), live=state.live), model(**changes)
    )
    return text_of(rows)


@given(
    st.tuples(st.integers(20, 300), st.integers(5, 100)),
    st.sampled_from(Tab),
    st.sampled_from(["", "helping", "asking", "typing", "zoomed", "prompt", "families"]),
)
def test_every_row_has_the_width_of_the_window(size: tuple[int, int], tab: Tab, what: str) -> None:
    state = at(*size, tab=tab)
    if what in ("helping", "asking", "typing"):
        state = replace(state, **{what: True, "live": True})
    elif what in ("zoomed", "families"):
        state = replace(state, charts=replace(state.charts, **{what: True}))
    elif what:
        state = replace(state, prompt=Prompt(Pane.METRICS, "los"))
    rows, _ = view().draw(state, model())
    assert len(rows) == size[1]
    assert {row_width(row) for row in rows} == {size[0]}


@given(st.integers(1, 19), st.integers(1, 4), st.sampled_from(Tab))
def test_a_window_of_a_few_cells_is_no_error(columns: int, rows: int, tab: Tab) -> None:
    drawn, _ = view().draw(at(columns, rows, tab=tab), model())
    assert {row_width(row) for row in drawn} <= {columns}


def test_the_header_says_what_run_this_is_and_how_it_does() -> None:
    header = shown(at(120, 40))[0]
    for words in ("digits/train-20261126-101500", "● running", "12 min 03 s", "340/1000",
                  "34%", "eta 4 min 10 s", "gpu1"):  # fmt: skip
        assert words in header


def test_what_a_bar_is_of_is_told_where_there_is_room() -> None:
    bar = {"step": 5, "total": 10, "fraction": 0.5, "eta_seconds": 4.0, "title": "epoch\x1b"}
    wide, narrow = (text_of([header(model(progress=bar), width)])[0] for width in (120, 90))
    assert "epoch\\x1b 5/10" in wide
    assert "50% eta 4.0 s" in narrow
    assert "epoch" not in narrow
    assert "\x1b" not in wide


@pytest.mark.parametrize(
    ("width", "told", "left_out"),
    [(56, "34%", "eta"), (80, "34% eta 4 min 10 s", "━"), (100, "━", "340"), (120, "340/1000", "")],
)
def test_how_far_a_run_is_is_told_as_far_as_there_is_room(
    width: int, told: str, left_out: str
) -> None:
    line = shown(at(width, 24))[0]
    assert told in line
    assert not left_out or left_out not in line


def test_of_a_narrow_header_the_name_and_the_status_stay() -> None:
    header = shown(at(44, 12))[0]
    assert "digits/" in header
    assert "● running" in header
    assert "eta" not in header


def test_a_chart_tells_name_value_direction_and_goal() -> None:
    screen = "\n".join(shown(at(120, 40)))
    assert "train/loss 0.03688 →" in screen  # it has come to rest
    assert "min 0.03688" in screen
    assert "max 1" in screen  # of the accuracy


@pytest.mark.parametrize(
    ("name", "values", "arrow", "style"),
    [("loss", [2.0, 1.0], "↘", "good"), ("loss", [1.0, 2.0], "↗", "bad"),
     ("accuracy", [1.0, 2.0], "↗", "good"), ("whatever", [1.0, 2.0], "↗", "dim"),
     ("loss", [1.0, 1.0], "→", "dim")],
)  # fmt: skip
def test_the_arrow_is_green_where_the_goal_is(
    name: str, values: list[float], arrow: str, style: str
) -> None:
    rows, _ = view().draw(
        at(80, 24, charts=Charts(names=(name,))), model(series={name: series_of(values)})
    )
    assert (style, arrow) in [span for row in rows for span in row]


def test_the_machine_is_told_of_in_figures() -> None:
    screen = "\n".join(shown(at(120, 40)))
    for words in ("187% of 800%", "3/16 GB pss", "GPU0", "87% 14/80 GB 64° 280 W"):
        assert words in screen


def test_processes_stand_in_their_tree_and_no_name_reaches_the_terminal_as_it_is() -> None:
    screen = shown(at(120, 40, tab=Tab.SYSTEM))
    rows = [row for row in screen if "python" in row or "evil" in row]
    assert rows[0].index("python") < rows[1].index("python")
    assert "└ python  DataLoader worker" in rows[1]
    assert "evil\\x1b[2J\\n" in rows[2]


@pytest.mark.parametrize(("sort", "first"), [("cpu", "main"), ("memory", "main"), ("tree", "main")])
def test_processes_can_be_sorted(sort: str, first: str) -> None:
    screen = shown(at(120, 40, tab=Tab.SYSTEM, sort=sort))
    rows = [row for row in screen if "python" in row]
    assert first in rows[0]


def test_a_run_without_metrics_says_so() -> None:
    assert any("no metrics yet" in row for row in shown(at(80, 24), series={}))
    assert any("reading 40%" in row for row in shown(at(80, 24), series={}, loading=0.4))


def test_a_filter_that_nothing_passes_says_so() -> None:
    state = at(80, 24)
    state = replace(state, charts=replace(state.charts, pattern="zzz"))
    assert any("no metric has “zzz” in its name" in row for row in shown(state))


def test_a_family_is_one_chart_with_a_legend() -> None:
    state = at(120, 40)
    state = replace(state, charts=replace(state.charts, families=True))
    row = next(row for row in shown(state) if "loss" in row)
    assert "train 0.03688" in row
    assert "val 0.03688" in row


def test_a_run_that_is_not_sampled_says_so() -> None:
    state = at(100, 30, tab=Tab.SYSTEM, machine_items=0)
    assert any("not sampled" in row for row in shown(state, sample=None))


def test_names_are_shown_without_what_a_terminal_would_act_upon() -> None:
    odd = RunSummary("p", "r\x1b]0;title\x07", "lost\x1b[31m", "/x")
    screen = "".join(shown(at(100, 30), summary=odd, series={"lo\x1bss\n": series_of([1.0, 2.0])}))
    assert "\x1b" not in screen
    assert "\n" not in screen


def test_of_a_header_that_is_narrower_yet_no_figure_is_cut() -> None:
    header = shown(at(22, 12))[0]
    assert header.split("●")[1].strip() == "running"
    assert header.split("●")[0].strip() != "…"


def test_a_name_has_its_room_before_the_best_value_has() -> None:
    charts = Charts(names=("train/loss",))
    series = {"train/loss": series_of([2.0, 0.87654, 0.98765])}
    row = next(r for r in shown(at(28, 12, charts=charts), series=series) if "0.98765" in r)
    assert "train/loss" in row
    assert "min" not in row


def test_a_legend_cuts_no_value() -> None:
    names = ("train/loss", "val/loss", "test/loss")
    series = {name: series_of([1.23456]) for name in names}
    for width in range(20, 60):
        charts = Charts(names=names, families=True)
        rows = shown(at(width, 14, charts=charts), series=series)
        legend = next(row for row in rows if "loss" in row and "Metrics" not in row)
        rest = legend.replace("1.2346", "")
        assert not any(c.isdigit() for c in rest.partition("+")[0]), legend
    assert all(word in legend for word in ("train 1.2346", "val 1.2346", "test 1.2346"))


def test_runs_in_the_same_charts_are_named_above_them() -> None:
    title = shown(at(120, 40, tab=Tab.METRICS), beside=("sweep-02",))[2]
    assert "· with sweep-02 " in title
    title = shown(at(120, 40, tab=Tab.METRICS), beside=("sweep-02", "c", "d"))[2]
    assert "· with sweep-02 and 2 more " in title


@pytest.mark.parametrize("columns", [40, 20])
def test_no_words_of_the_help_are_cut(columns: int) -> None:
    """They go on in the next row, or stand beneath the keys."""
    state = at(columns, 400, helping=True)
    words = " ".join(" ".join(shown(state)).replace("│", " ").split())
    assert "the next place found, in the search's direction" in words
    assert "theme: dark, light, colour-blind safe, mono" in words


def test_a_table_without_processes_says_so() -> None:
    sample = {"t": 1.0, "job": {}, "host": {}, "processes": []}
    screen = "\n".join(shown(at(100, 30, tab=Tab.SYSTEM), sample=sample))
    assert "no process" in screen


def test_what_the_cursor_reads_has_its_room_before_the_name_has() -> None:
    def reading(columns: int) -> str:
        charts = Charts(names=NAMES, selected="train/loss", zoomed=True, cursor=50.0)
        return next(row for row in shown(at(columns, 20, charts=charts)) if "at step" in row)

    assert reading(60).startswith("▌train/loss 0.18888  at step 50 ")
    assert reading(24).startswith("▌0.18888  at step 50 ")


def test_a_step_that_is_read_is_told_in_full() -> None:
    series = {"loss": series_of([])}
    for step in (12_345_678, 12_345_679):
        series["loss"].add(1.0, step)
    charts = Charts(names=("loss",), selected="loss", zoomed=True, cursor=12_345_679.0)
    assert any(
        "at step 12,345,679 " in row for row in shown(at(80, 20, charts=charts), series=series)
    )


def test_the_machine_has_the_whole_width_where_its_items_are_few() -> None:
    sample = {**SAMPLE, "gpus": []}
    (row,) = [r for r in shown(at(120, 40, machine_items=4), sample=sample) if " CPU " in r]
    assert row.index("DISK") == 61


def test_help_tells_of_no_keys_that_cannot_be_in_force() -> None:
    dashboard = "\n".join(shown(at(100, 120, helping=True, mode=Mode.DASHBOARD)))
    assert "mark the run" in dashboard
    assert "While the program runs" not in dashboard
    attached = "\n".join(shown(at(100, 120, helping=True, mode=Mode.ATTACH)))
    assert "mark the run" not in attached
    assert "While the program runs" in attached


def test_the_sparklines_of_the_machine_stand_beneath_each_other() -> None:
    busy = {"cpu_percent": 187.0, "pss_bytes": 3 * 2**30}
    system = {name: series_of([1.0, 2.0]) for name in ("job/cpu_percent", "job/pss_bytes")}
    rows = shown(at(120, 40), sample={**SAMPLE, "job": busy}, system=system)
    cpu, memory = (next(r for r in rows if f" {word} " in r) for word in ("CPU", "MEM"))
    assert cpu.index("187%") == memory.index("3/16")


def test_before_the_first_sample_this_is_said_once() -> None:
    screen = "\n".join(shown(at(120, 40), sample=None))
    assert screen.count("no sample yet") == 1


def test_the_title_tells_which_charts_are_seen() -> None:
    names = tuple(f"m{number}" for number in range(60))
    series = {name: series_of([1.0, 2.0]) for name in names}
    state = at(120, 40, tab=Tab.METRICS, charts=Charts(names=names, selected="m0"))
    assert shown(state, series=series)[2].endswith(" 1–20 of 60 ─")
    last, _ = update.key(state, "end", model(series=series))
    assert shown(last, series=series)[2].endswith(" 41–60 of 60 ─")
    zoomed, _ = update.key(last, "enter", model(series=series))
    assert shown(zoomed, series=series)[2].endswith(" 60 of 60 ─")
    assert "of" not in shown(at(120, 40, tab=Tab.METRICS))[2]  # all four of them


def test_who_watches_is_asked_about_the_watching() -> None:
    asked = "\n".join(shown(at(100, 30, asking=True, live=True, watched=True)))
    assert "end the watching: the process goes on" in asked
    assert "stop the job" not in asked
    keys = "\n".join(shown(at(100, 120, helping=True, live=True, watched=True)))
    assert "While a process is watched" in keys
    assert "type into the program" not in keys


def test_of_a_long_prompt_the_end_is_seen() -> None:
    text = "0123456789" * 5 + "日本"
    for columns in range(20, 100):
        line = shown(at(columns, 12, prompt=Prompt(Pane.METRICS, text)))[-1].rstrip()
        assert "9日本▏" in line
        assert "Esc takes back" in line or line.endswith("▏")


@pytest.mark.parametrize("columns", [5, 20, 60, 80, 200])
@pytest.mark.parametrize("text", ["a", "status = faild and lr < 1e-3", "日本 = " + "x" * 300])
def test_what_is_wrong_with_a_prompt_is_told_beside_it(columns: int, text: str) -> None:
    error = "no status is called 'faild'; did you mean failed?"
    at_ = min(9, len(text))
    prompt = Prompt(Pane.RUNS, text, error=error, wrong_at=at_)
    row = footer(State(columns, 12, table=True, prompt=prompt), columns)
    assert row_width(row) == columns
    (line,) = text_of([row])
    if columns >= 60:
        assert line.rstrip().partition("▏")[0].endswith(text[-9:])
        assert "no status is called" in line
        assert ("Enter" in line) is False
    if columns == 200 and len(text) < 100:
        assert line.rstrip().endswith(error)
        assert ("bad", text[at_:]) in row or at_ == len(text)


def test_without_times_the_time_axis_shows_steps() -> None:
    state = at(80, 24, charts=Charts(names=("loss",), axis=Axis.TIME))
    screen = "\n".join(shown(state, series={"loss": series_of([float(i) for i in range(100)])}))
    assert "50" in screen
    assert "00:00" not in screen


def test_a_file_that_was_replaced_is_drawn_anew_with_as_many_points() -> None:
    window, state = view(), at(80, 24, charts=Charts(names=("loss",)))
    window.draw(state, model(series={"loss": series_of([1.0, 2.0])}))
    rows, _ = window.draw(state, model(series={"loss": series_of([1.0, 7.0])}))
    assert any("loss 7" in row for row in text_of(rows))
