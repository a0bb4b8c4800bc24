"""What keys and the mouse do to the state, and what they ask for."""

from dataclasses import replace
from typing import Any

import pytest

from mlterm.ui import update
from mlterm.ui.layout import layout
from mlterm.ui.state import Axis, Charts, Mode, Pane, Prompt, State, Tab
from mlterm.ui.update import Do, Effect
from tests.unit.viewing import NAMES, model

MODEL = model()


def state(**changes: Any) -> State:
    made = State(120, 40, charts=Charts(names=NAMES, selected=NAMES[0]), machine_items=5)
    return replace(made, **changes)


def press(before: State, *keys: str) -> tuple[State, list[Effect]]:
    effects: list[Effect] = []
    for key in keys:
        before, more = update.key(before, key, MODEL)
        effects += more
    return before, effects


def after(*keys: str, **changes: Any) -> State:
    return press(state(**changes), *keys)[0]


def asked_for(*keys: str, **changes: Any) -> list[Do]:
    return [effect.do for effect in press(state(**changes), *keys)[1]]


def test_metrics_are_sorted_as_they_are_looked_at_and_the_first_is_selected() -> None:
    seen = update.observe(State(120, 40), MODEL, live=True)
    assert seen.charts.names == ("train/loss", "val/loss", "accuracy", "lr")
    assert seen.charts.selected == "train/loss"
    assert seen.machine_items == 5


def test_a_metric_that_comes_later_does_not_move_the_selection() -> None:
    later = model(series={"a/loss": MODEL.series["lr"], **MODEL.series})
    seen = update.observe(after("down"), later, live=True)
    assert seen.charts.selected == "val/loss"


@pytest.mark.parametrize(
    ("keys", "selected"),
    [(["down"], "val/loss"), (["j", "j"], "accuracy"), (["down", "up"], "train/loss"),
     (["up"], "train/loss"), (["end"], "lr"), (["end", "down"], "lr"),
     (["end", "home"], "train/loss"), (["page down"], "lr"), (["right"], "val/loss")],
)  # fmt: skip
def test_arrows_go_from_chart_to_chart(keys: list[str], selected: str) -> None:
    assert after(*keys).charts.selected == selected


def test_in_a_grid_down_goes_a_row_further() -> None:
    charts = Charts(names=NAMES, selected=NAMES[0], columns=2)
    assert after("down", charts=charts).charts.selected == "accuracy"


def test_the_selected_chart_is_always_seen() -> None:
    names = tuple(f"m{i}" for i in range(40))
    now = state(charts=Charts(names=names, selected="m0", columns=1))
    for key in ["down"] * 39 + ["up"] * 39:
        now, _ = press(now, key)
        rect = layout(now).panes[Pane.METRICS]
        cells = update.grid(now.charts, rect.width, rect.height - 1)
        assert now.charts.top <= now.charts.place < now.charts.top + cells.rows
    assert now.charts.top == 0


def test_a_filter_is_in_force_while_it_is_typed_and_escape_takes_it_back() -> None:
    typed = after("/", "l", "o", "s")
    assert typed.charts.groups == (("train/loss",), ("val/loss",))
    assert press(typed, "backspace", "backspace", "backspace")[0].charts.pattern == ""
    assert press(typed, "esc")[0].charts.pattern == ""
    kept = press(typed, "enter")[0]
    assert (kept.prompt, kept.charts.pattern) == (None, "los")
    assert press(kept, "esc")[0].charts.pattern == ""


def test_a_filter_that_is_wrong_is_not_left_by_enter_but_mended_or_taken_back() -> None:
    opened = replace(after(table=True, mode=Mode.DASHBOARD), runs_pattern="loss < 1")
    typed, effects = press(opened, "/", "ctrl u", "a", "=")
    assert effects[-1] == Effect(Do.FILTER, Pane.RUNS, text="a=")
    wrong = update.refuse(typed, "a value is expected", 2)
    assert press(wrong, "enter") == (wrong, [])
    mended, effects = press(wrong, "1")
    assert effects == [Effect(Do.FILTER, Pane.RUNS, text="a=1")]
    assert mended.prompt == Prompt(Pane.RUNS, "a=1", "loss < 1")
    assert press(mended, "enter")[0].prompt is None
    back, effects = press(wrong, "esc")
    assert (back.prompt, back.runs_pattern) == (None, "loss < 1")
    assert effects == [Effect(Do.FILTER, Pane.RUNS, text="loss < 1")]
    assert update.refuse(back, "late", 0).notice == "late"


def test_keys_that_mean_something_are_text_in_a_prompt() -> None:
    typed, effects = press(state(live=True), "/", "q", "d", "1", " ", "?")
    assert typed.charts.pattern == "qd1 ?"
    assert effects == []


def test_all_words_of_a_filter_must_be_there_and_capitals_count() -> None:
    assert replace(Charts(names=("Loss/A", "loss/a")), pattern="A loss").groups == (("Loss/A",),)


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [("s", "smoothing", [0.6, 0.9, 0.98, 0.0]), ("y", "log_y", [True, False]),
     ("x", "axis", [Axis.EPOCH, Axis.TIME, Axis.RELATIVE, Axis.STEP]),
     ("c", "columns", [1, 2, 3, 4, 0]), ("m", "families", [True, False])],
)  # fmt: skip
def test_what_goes_round(key: str, field: str, values: list[Any]) -> None:
    now = state()
    for value in values:
        now, _ = press(now, key)
        assert getattr(now.charts, field) == value


def test_a_family_shares_a_chart() -> None:
    assert after("m").charts.groups == (("train/loss", "val/loss"), ("accuracy",), ("lr",))


def test_a_zoomed_chart_has_a_cursor_that_begins_at_the_newest() -> None:
    zoomed = after("enter")
    assert (zoomed.charts.zoomed, zoomed.charts.cursor) == (True, None)
    first, effects = press(zoomed, "left")
    assert first.charts.cursor == 99
    assert effects == [Effect(Do.SHOW_THEN, Pane.OUTPUT)]
    further, _ = press(first, "left", "left", "right")
    assert further.charts.cursor is not None
    assert further.charts.cursor < 99
    assert press(further, "esc")[0].charts.cursor is None


def test_zoomed_charts_are_gone_through() -> None:
    assert after("enter", "down").charts.selected == "val/loss"


def test_tabs_go_round_and_have_numbers() -> None:
    assert after("tab").tab is Tab.METRICS
    assert after("shift tab").tab is Tab.OUTPUT
    assert after("4").tab is Tab.RECORDS
    assert after("5", "tab").tab is Tab.SPLIT


def test_leaving_a_live_run_is_asked_about() -> None:
    assert after("q", live=True).asking
    assert asked_for("q", "enter", live=True) == [Do.DETACH]
    assert asked_for("q", "d", live=True) == [Do.DETACH]
    assert asked_for("q", "s", live=True) == [Do.STOP]
    assert asked_for("q", "esc", live=True) == []
    assert asked_for("q", "x", live=True) == []
    assert asked_for("d", live=True) == [Do.DETACH]


def test_leaving_an_ended_run_or_the_dashboard_is_not() -> None:
    assert asked_for("q") == [Do.DETACH]
    assert asked_for("q", live=True, mode=Mode.DASHBOARD) == [Do.DETACH]


@pytest.mark.parametrize("keys", ["?", "/a", "q", ""])
def test_ctrl_c_is_the_programs_whatever_is_open(keys: str) -> None:
    opened, _ = press(state(live=True), *keys)
    closed, effects = press(opened, "ctrl c")
    assert [(effect.do, effect.data) for effect in effects] == [(Do.SEND, b"\x03")]
    assert (closed.asking, closed.helping, closed.prompt) == (False, False, opened.prompt)


def test_ctrl_c_leaves_where_there_is_no_program() -> None:
    assert asked_for("ctrl c") == [Do.DETACH]
    assert after("/", "a", "ctrl c").charts.pattern == ""


def test_typing_shows_the_programs_screen() -> None:
    assert after("i", live=True).typing
    folded = after("i", live=True, columns=80, rows=24)
    assert (folded.tab, folded.typing) == (Tab.OUTPUT, True)
    assert not after("i").typing


def test_typing_ends_with_the_program() -> None:
    typing = after("i", live=True)
    assert not update.observe(typing, MODEL, live=False).typing


def test_help_scrolls_and_any_other_key_closes_it() -> None:
    assert after("?", "down", "down").help_top == 2
    assert not after("?", "x").helping
    assert asked_for("?", "q", live=True) == []


def test_panes_change_places_and_sizes() -> None:
    assert after("w").focus is Pane.OUTPUT
    assert after("w", "w").focus is Pane.METRICS
    assert after(">").ratio > 0.5 > after("<").ratio
    assert asked_for("w", "page up") == [Do.PAGE]


def test_a_search_begins_with_enter_and_goes_on_with_n() -> None:
    _, effects = press(state(tab=Tab.OUTPUT), "/", "n", "a", "n", "enter", "n", "N")
    assert effects[0] == Effect(Do.SEARCH, Pane.OUTPUT, 1, "nan")
    assert [(effect.do, effect.amount) for effect in effects[1:]] == [
        (Do.SEARCH_ON, 1),
        (Do.SEARCH_ON, -1),
    ]


def test_records_are_filtered_while_one_types() -> None:
    _, effects = press(state(tab=Tab.RECORDS), "/", "a", "esc")
    assert [effect.text for effect in effects] == ["a", ""]


def test_escape_in_the_dashboard_goes_back_to_the_table() -> None:
    assert after("esc", mode=Mode.DASHBOARD).table
    assert asked_for("enter", mode=Mode.DASHBOARD, table=True) == [Do.OPEN]


# --- The mouse ------------------------------------------------------------------------------


def mouse(before: State, event: str, button: int, x: int, y: int) -> tuple[State, list[Effect]]:
    now, effects = update.mouse(before, event, button, x, y, MODEL)
    return now, list(effects)


def test_a_click_selects_and_a_second_one_zooms() -> None:
    rect = layout(state()).panes[Pane.METRICS]
    y = rect.y + rect.height - 3
    once, _ = mouse(state(), "mouse press", 1, rect.x + 3, y)
    assert once.charts.selected == "lr"
    assert mouse(once, "mouse press", 1, rect.x + 3, y)[0].charts.zoomed


def test_a_click_on_the_other_pane_gives_it_the_keys() -> None:
    rect = layout(state()).panes[Pane.OUTPUT]
    assert mouse(state(), "mouse press", 1, rect.x + 1, rect.y + 5)[0].focus is Pane.OUTPUT


@pytest.mark.parametrize(
    ("changes", "pane"), [({"table": True}, Pane.RUNS), ({"tab": Tab.RECORDS}, Pane.RECORDS)]
)
def test_a_click_selects_what_stands_there(changes: dict[str, Any], pane: Pane) -> None:
    before = state(mode=Mode.DASHBOARD, **changes)
    rect = layout(before).panes[pane]
    clicked, effects = mouse(before, "mouse press", 1, 5, rect.y + 3)
    assert effects == [Effect(Do.PICK, pane, 3)]
    assert clicked.focus is Pane.METRICS  # of the split, which shows no such pane


def test_a_click_on_a_tab_goes_there() -> None:
    assert mouse(state(), "mouse press", 1, 24, 1)[0].tab is Tab.SYSTEM


def test_the_border_can_be_dragged() -> None:
    parts = layout(state())
    assert parts.divider is not None
    held, _ = mouse(state(), "mouse press", 1, parts.divider.x, 10)
    moved, _ = mouse(held, "mouse drag", 1, 40, 10)
    done, _ = mouse(moved, "mouse release", 0, 40, 10)
    assert layout(done).panes[Pane.METRICS].width == 40
    assert not done.dragging


def test_the_wheel_scrolls_what_it_is_above() -> None:
    rect = layout(state()).panes[Pane.OUTPUT]
    _, effects = mouse(state(), "mouse press", 4, rect.x + 1, rect.y + 5)
    assert effects == [Effect(Do.SCROLL, Pane.OUTPUT, -3)]
    assert mouse(state(), "mouse press", 5, 5, 10)[0].charts.selected == "val/loss"


def test_keys_without_a_meaning_do_nothing() -> None:
    assert press(state(), "f7") == (state(), [])
    assert mouse(state(), "mouse press", 3, 5, 5) == (state(), [])


def test_help_is_not_scrolled_beyond_its_end() -> None:
    at_end = after("end", columns=80, rows=24, helping=True)
    assert at_end.help_top > 0
    assert press(at_end, "down", "page down")[0].help_top == at_end.help_top
    back, _ = update.mouse(at_end, "mouse press", 4, 10, 10, MODEL)
    assert 0 < back.help_top < at_end.help_top
    first = press(back, "home")[0]
    assert (first.help_top, first.helping) == (0, True)


@pytest.mark.parametrize("open_now", [{}, {"asking": True}, {"helping": True}])
def test_the_view_is_suspended_whatever_is_open(open_now: dict[str, Any]) -> None:
    before = state(**open_now)
    after_it, effects = press(before, "ctrl z")
    assert after_it == before
    assert [effect.do for effect in effects] == [Do.SUSPEND]
    assert press(after("/", "a"), "ctrl z")[0].prompt == Prompt(Pane.METRICS, "a")


def test_a_process_that_is_only_watched_is_neither_typed_to_nor_stopped() -> None:
    watched: dict[str, Any] = {"live": True, "watched": True}
    assert after("i", **watched).typing is False
    assert asked_for("d", **watched) == [Do.DETACH]
    assert after("q", "s", **watched).notice == "the watching ends"
    assert "SIGKILL" in after("q", "s", live=True).notice


def test_a_click_on_the_table_picks_a_run_and_leaves_the_keys_of_a_run_alone() -> None:
    table = state(mode=Mode.DASHBOARD, table=True)
    clicked, effects = update.mouse(table, "mouse press", 1, 20, 5, MODEL)
    assert effects == (Effect(Do.PICK, Pane.RUNS, 4),)
    assert replace(clicked, table=False).pane is Pane.METRICS


@pytest.mark.parametrize(
    ("x", "y", "typing"), [(10, 1, False), (10, 10, False), (60, 10, True), (100, 10, True)]
)
def test_a_click_elsewhere_ends_typing(x: int, y: int, typing: bool) -> None:
    before = state(live=True, typing=True, focus=Pane.OUTPUT)
    assert update.mouse(before, "mouse press", 1, x, y, MODEL)[0].typing is typing
