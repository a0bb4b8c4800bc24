"""One table of keys: nothing in it is without effect, and the manual has all of it."""

from collections import Counter
from pathlib import Path

import pytest

from mlterm.ui import keymap, update
from mlterm.ui.keymap import BINDINGS, Where
from mlterm.ui.state import Charts, Mode, Pane, State, Tab

MANUAL = Path(__file__).parents[2] / "man" / "mlterm.1"


def test_every_key_does_something_and_every_action_has_a_key() -> None:
    assert {binding.action for binding in BINDINGS} == set(update._ACTIONS)


def test_in_one_place_a_key_means_one_thing() -> None:
    counts = Counter((b.where, key) for b in BINDINGS for key in b.keys)
    assert [pair for pair, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda b: f"{b.where.name}-{b.action}")
def test_the_manual_explains_it(binding: keymap.Binding) -> None:
    if binding.title.isdigit():
        pytest.skip("told of with the first of the tabs")
    text = MANUAL.read_text().replace("\\-", "-").replace("\\e", "\\").replace("\\(aq", "'")
    section = text[text.index(".SH THE VIEW") :]
    assert f"{binding.title}\n{binding.help}" in section.replace(".B ", "").replace('"', "")


@pytest.mark.parametrize(
    ("state", "key", "action"),
    [
        (State(120, 40), "up", "chart_up"),
        (State(120, 40, charts=Charts(zoomed=True)), "left", "cursor_left"),
        (State(120, 40, focus=Pane.OUTPUT), "up", "line_up"),
        (State(120, 40, tab=Tab.SYSTEM), "s", "next_sort"),
        (State(120, 40), "s", "smooth"),
        (State(120, 40), "d", None),
        (State(120, 40, live=True), "d", "detach"),
        (State(120, 40, live=True), "ctrl c", "interrupt"),
        (State(120, 40), "ctrl c", "leave"),
        (State(120, 40, live=True, mode=Mode.DASHBOARD), "ctrl c", "leave"),
        (State(120, 40, tab=Tab.OUTPUT), "w", None),
        (State(120, 40), "3", "tab_3"),
    ],
)
def test_the_most_special_key_wins(state: State, key: str, action: str | None) -> None:
    found = keymap.find(state, key)
    assert (found and found.action) == action


def test_what_is_hinted_at_can_be_done() -> None:
    for tab in Tab:
        state = State(120, 40, tab=tab, live=True)
        for binding in keymap.hints(state):
            assert keymap.find(state, binding.keys[0]) is binding


def test_every_place_is_explained_in_help() -> None:
    assert {binding.where for binding in BINDINGS} == set(Where)
