"""What keys and the mouse do: a state and what came, a state and what is to be done about it.

Nothing is done here. What reaches beyond the state (the program, files, the terminal) is an
effect, and whoever runs the view carries it out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

from mlterm.core.goals import order_of
from mlterm.core.lifecycle import RUNNING
from mlterm.ui import keymap
from mlterm.ui.along import points_along
from mlterm.ui.bars import tab_at
from mlterm.ui.chart import step_cursor
from mlterm.ui.help import last_top
from mlterm.ui.layout import LEAST_PANE, Layout, grid, is_split, layout
from mlterm.ui.machine import ITEMS_AT_LEAST, item_count
from mlterm.ui.model import Model
from mlterm.ui.selection import by_pages, grid_of, in_sight, select, with_charts
from mlterm.ui.state import COLUMNS, SMOOTHINGS, Axis, Mode, Pane, Prompt, State, Tab
from mlterm.ui.styles import THEMES

WHEEL_ROWS = 3
SORTS = ("tree", "cpu", "memory", "gpu")
RATIO_STEP = 0.05


class Do(Enum):
    """What an effect is."""

    DETACH = "leave the view; the job goes on"
    STOP = "stop the job"
    SEND = "hand bytes to the program"
    SCROLL = "move a pane by rows"
    PAGE = "move a pane by pages"
    END = "move a pane to its end, or to its beginning"
    PICK = "select what stands in a row of a pane; a run that is selected is opened"
    SEARCH = "find text in the output"
    SEARCH_ON = "find the next place, or the one before"
    FILTER = "show only records that have this"
    UNFOLD = "unfold or fold the record"
    SHOW_THEN = "show the output of when the cursor's point was printed"
    REFRESH = "read everything anew"
    REDRAW = "draw every cell"
    OPEN = "open the run"
    MARK = "mark the run, or take its mark away"
    OVERLAY = "show the marked runs in the same charts"
    GHOST = "show the best run before this one beside it, or no longer"
    SORT = "sort the runs by the next column, or the other way round"
    METRIC = "show another metric in the table of runs"
    THEME = "change the colours"
    SUSPEND = "give the terminal back to the shell for a while"


@dataclass(frozen=True)
class Effect:
    """One thing to be done, in its order."""

    do: Do
    pane: Pane | None = None
    amount: int = 0
    text: str = ""
    data: bytes = b""


Step = tuple[State, tuple[Effect, ...]]
_Action = Callable[[State, Model], Step]
_ACTIONS: dict[str, _Action] = {}


def observe(state: State, model: Model, *, live: bool) -> State:
    """The state, now that the run is as it is."""
    if state.charts.names != (names := _arranged(tuple(model.series))):
        state = replace(state, charts=replace(state.charts, names=names))
    if state.charts.groups and not any(state.charts.selected in g for g in state.charts.groups):
        state = with_charts(state, selected=state.charts.groups[0][0])
    if not live and state.typing:
        state = replace(state, typing=False, notice="the program has ended")
    items = item_count(model)
    if model.sample is None and model.summary.status == RUNNING:
        items = ITEMS_AT_LEAST  # their room is kept, so that nothing moves when they come
    return replace(state, live=live, machine_items=items)


@lru_cache(maxsize=8)
def _arranged(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names, key=order_of))


def fresh(state: State) -> State:
    """The state for another run: how charts are drawn stays, which ones does not."""
    charts = replace(
        state.charts, names=(), pattern="", selected="", top=0, zoomed=False, cursor=None
    )
    return replace(state, charts=charts, records_pattern="", notice="")


def key(state: State, name: str, model: Model) -> Step:
    """One key, by urwid's name."""
    state = replace(state, notice="")
    if name == "ctrl z":
        return _ACTIONS["suspend"](state, model)
    binding = keymap.find(state, name)
    if binding is not None and binding.action == "interrupt":  # the program's, whatever is open
        state = replace(state, asking=False, helping=False)
    elif state.asking:
        return _answer(state, name)
    elif state.helping:
        return _in_help(state, name)
    elif state.prompt is not None:
        return _type(state, state.prompt, name)
    return _ACTIONS[binding.action](state, model) if binding else (state, ())


def resize(state: State, columns: int, rows: int) -> State:
    """The window has another size."""
    return in_sight(replace(state, columns=columns, rows=rows))


def mouse(state: State, event: str, button: int, x: int, y: int, model: Model) -> Step:
    """One event of the mouse, by urwid's name, at a cell."""
    parts = layout(state)
    if event == "mouse release" or (state.dragging and "drag" not in event):
        return replace(state, dragging=False), ()
    if state.dragging:
        return replace(state, ratio=_ratio(state, x)), ()
    if state.asking or "press" not in event:
        return state, ()
    if state.helping:
        rows = {4: -WHEEL_ROWS, 5: WHEEL_ROWS}.get(button, 0)
        return _scroll_help(state, rows), ()
    pane = parts.pane_at(x, y)
    if button in (4, 5) and pane is not None:
        return _wheel(state, pane, -1 if button == 4 else 1)
    return _click(state, parts, pane, x, y, model) if button == 1 else (state, ())


def _click(state: State, parts: Layout, pane: Pane | None, x: int, y: int, model: Model) -> Step:
    on_divider = parts.divider is not None and parts.divider.has(x, y)
    if pane is not Pane.OUTPUT and not on_divider:
        state = replace(state, typing=False)  # keys follow the eye
    if parts.tabs is not None and parts.tabs.has(x, y):
        tab = tab_at(parts.tabs.width, x)
        return (_to_tab(state, tab) if tab else state), ()
    if on_divider:
        return replace(state, dragging=True), ()
    if pane is None:
        return state, ()
    if pane in (Pane.RUNS, Pane.RECORDS):
        return state, (Effect(Do.PICK, pane, y - parts.panes[pane].y),)
    if state.tab is Tab.SPLIT:
        state = replace(state, focus=pane)
    if pane is not Pane.METRICS or state.charts.zoomed:
        return state, ()
    rect, charts = parts.panes[pane], state.charts
    if y == rect.y:
        return state, ()
    cells = grid(charts, rect.width, rect.height - 1)
    place = cells.place_at(x - rect.x, y - rect.y - 1, charts.top)
    if place >= len(charts.groups):
        return state, ()
    if place == charts.place and charts.selected:
        return _zoom(state, model)
    return select(state, place), ()


def _wheel(state: State, pane: Pane, direction: int) -> Step:
    if pane is Pane.METRICS:
        if state.charts.zoomed:
            return state, ()
        return select(state, state.charts.place + direction * grid_of(state).columns), ()
    return state, (Effect(Do.SCROLL, pane, direction * WHEEL_ROWS),)


# --- What is open above the rest ------------------------------------------------------------


def _answer(state: State, name: str) -> Step:
    closed = replace(state, asking=False)
    if name in ("d", "enter", "y"):
        return closed, (Effect(Do.DETACH),)
    if name == "s":
        words = "stopping: SIGINT now, then SIGTERM, then SIGKILL"
        words = "the watching ends" if state.watched else words
        return replace(closed, notice=words), (Effect(Do.STOP),)
    return closed, ()


def _in_help(state: State, name: str) -> Step:
    page = max(1, state.rows - 3)
    moves = {"down": 1, "j": 1, "up": -1, "k": -1, "page down": page, " ": page, "page up": -page,
             "b": -page, "home": -state.help_top, "end": last_top(state)}  # fmt: skip
    if name in moves:
        return _scroll_help(state, moves[name]), ()
    return replace(state, helping=False, help_top=0), ()


def _scroll_help(state: State, rows: int) -> State:
    top = min(state.help_top, last_top(state)) + rows
    return replace(state, help_top=max(0, min(top, last_top(state))))


def _type(state: State, prompt: Prompt, name: str) -> Step:
    if name == "enter":
        if prompt.error:
            return state, ()
        done = replace(state, prompt=None)
        if prompt.pane is Pane.OUTPUT and prompt.text:
            return done, (Effect(Do.SEARCH, Pane.OUTPUT, 1, prompt.text),)
        return done, ()
    if name in ("esc", "ctrl c"):
        return _typed(replace(state, prompt=None), prompt.pane, prompt.before)
    text = prompt.text
    if name == "backspace":
        text = text[:-1]
    elif name == "ctrl u":
        text = ""
    elif name == "ctrl w":
        text = text.rstrip().rpartition(" ")[0]
    elif len(name) == 1 and name.isprintable():
        text += name
    return _typed(
        replace(state, prompt=Prompt(prompt.pane, text, prompt.before)), prompt.pane, text
    )


def refuse(state: State, error: str, at: int) -> State:
    """The state, now that what is being typed turns out to be wrong at that place."""
    if state.prompt is None:
        return replace(state, notice=error)
    return replace(state, prompt=replace(state.prompt, error=error, wrong_at=at))


def _typed(state: State, pane: Pane, text: str) -> Step:
    """A filter is in force while it is typed; a search begins with Enter."""
    if pane is Pane.METRICS:
        return in_sight(replace(state, charts=replace(state.charts, pattern=text, top=0))), ()
    if pane is Pane.RECORDS:
        return replace(state, records_pattern=text), (Effect(Do.FILTER, pane, text=text),)
    if pane is Pane.RUNS:
        return replace(state, runs_pattern=text), (Effect(Do.FILTER, pane, text=text),)
    return state, ()


# --- Actions --------------------------------------------------------------------------------


def _does(name: str) -> Callable[[_Action], _Action]:
    def register(action: _Action) -> _Action:
        _ACTIONS[name] = action
        return action

    return register


def _changes(name: str, change: Callable[[State], State]) -> None:
    _ACTIONS[name] = lambda state, _: (change(state), ())


def _effect(name: str, *effects: Effect) -> None:
    _ACTIONS[name] = lambda state, _: (
        state,
        tuple(replace(each, pane=each.pane or state.pane) for each in effects),
    )


_effect("suspend", Effect(Do.SUSPEND))
_effect("interrupt", Effect(Do.SEND, data=b"\x03"))
_effect("detach", Effect(Do.DETACH))
_effect("leave", Effect(Do.DETACH))
_effect("line_up", Effect(Do.SCROLL, amount=-1))
_effect("line_down", Effect(Do.SCROLL, amount=1))
_effect("page_up", Effect(Do.PAGE, amount=-1))
_effect("page_down", Effect(Do.PAGE, amount=1))
_effect("to_start", Effect(Do.END, amount=-1))
_effect("to_end", Effect(Do.END, amount=1))
_effect("search_next", Effect(Do.SEARCH_ON, amount=1))
_effect("search_before", Effect(Do.SEARCH_ON, amount=-1))
_effect("unfold", Effect(Do.UNFOLD))
_effect("open_run", Effect(Do.OPEN))
_effect("open_beside_best", Effect(Do.OPEN), Effect(Do.GHOST, Pane.METRICS))
_effect("mark_run", Effect(Do.MARK))
_effect("overlay", Effect(Do.OVERLAY))
_effect("ghost", Effect(Do.GHOST))
_effect("sort_runs", Effect(Do.SORT, amount=1))
_effect("reverse_sort", Effect(Do.SORT, amount=-1))
_effect("next_metric", Effect(Do.METRIC))
_effect("refresh", Effect(Do.REFRESH))
_effect("redraw", Effect(Do.REDRAW))

_changes("help", lambda state: replace(state, helping=True))
_changes("other_pane", lambda state: replace(state, focus=_other(state.focus)))
_changes("narrower", lambda state: replace(state, ratio=_kept(state.ratio - RATIO_STEP)))
_changes("wider", lambda state: replace(state, ratio=_kept(state.ratio + RATIO_STEP)))
_changes("next_tab", lambda state: _to_tab(state, Tab(state.tab % 5 + 1)))
_changes("tab_before", lambda state: _to_tab(state, Tab((state.tab - 2) % 5 + 1)))
for _number in range(1, 6):
    _changes(f"tab_{_number}", lambda state, n=_number: _to_tab(state, Tab(n)))  # type: ignore[misc] # n is bound here

_changes("chart_before", lambda state: select(state, state.charts.place - 1))
_changes("chart_after", lambda state: select(state, state.charts.place + 1))
_changes("chart_up", lambda state: select(state, state.charts.place - grid_of(state).columns))
_changes("chart_down", lambda state: select(state, state.charts.place + grid_of(state).columns))
_changes("charts_up", lambda state: by_pages(state, -1))
_changes("charts_down", lambda state: by_pages(state, 1))
_changes("first_chart", lambda state: select(state, 0))
_changes("last_chart", lambda state: select(state, len(state.charts.groups) - 1))
_changes("log_y", lambda state: with_charts(state, log_y=not state.charts.log_y))
_changes("smooth", lambda state: with_charts(
    state, smoothing=_after(SMOOTHINGS, state.charts.smoothing)))  # fmt: skip
_changes("next_columns", lambda state: in_sight(with_charts(
    state, columns=_after(COLUMNS, state.charts.columns))))  # fmt: skip
_changes("next_axis", lambda state: with_charts(
    state, axis=_after(tuple(Axis), state.charts.axis), cursor=None))  # fmt: skip
_changes("families", lambda state: in_sight(with_charts(
    state, families=not state.charts.families)))  # fmt: skip
_changes("unzoom", lambda state: in_sight(with_charts(state, zoomed=False, cursor=None)))
_changes("ask_pattern", lambda state: _ask(state, Pane.METRICS, state.charts.pattern))
_changes("ask_search", lambda state: _ask(state, Pane.OUTPUT, ""))
_changes("ask_records", lambda state: _ask(state, Pane.RECORDS, state.records_pattern))
_changes("ask_runs", lambda state: _ask(state, Pane.RUNS, state.runs_pattern))
_changes("next_sort", lambda state: replace(state, sort=_after(SORTS, state.sort)))


@_does("quit")
def _quit(state: State, _: Model) -> Step:
    if state.live and state.mode is not Mode.DASHBOARD:
        return replace(state, asking=True), ()
    return state, (Effect(Do.DETACH),)


@_does("back")
def _back(state: State, _: Model) -> Step:
    if state.pane is Pane.METRICS and state.charts.pattern:
        return _typed(state, Pane.METRICS, "")
    if state.pane is Pane.RECORDS and state.records_pattern:
        return _typed(state, Pane.RECORDS, "")
    if state.pane is Pane.RUNS and state.runs_pattern:
        return _typed(state, Pane.RUNS, "")
    if state.mode is Mode.DASHBOARD and not state.table:
        return replace(state, table=True), ()
    return state, ()


@_does("type_in")
def _type_in(state: State, _: Model) -> Step:
    """The program's screen is shown to whoever types to it."""
    if not is_split(state):
        state = replace(state, tab=Tab.OUTPUT)
    return replace(state, typing=True, focus=Pane.OUTPUT), (Effect(Do.END, Pane.OUTPUT, 1),)


@_does("zoom")
def _zoom(state: State, _: Model) -> Step:
    if not state.charts.groups:
        return state, ()
    return with_charts(select(state, state.charts.place), zoomed=True), ()


@_does("cursor_left")
def _cursor_left(state: State, model: Model) -> Step:
    return _move_cursor(state, model, -1)


@_does("cursor_right")
def _cursor_right(state: State, model: Model) -> Step:
    return _move_cursor(state, model, 1)


@_does("next_theme")
def _next_theme(state: State, _: Model) -> Step:
    theme = _after(tuple(THEMES), state.theme)
    return replace(state, theme=theme, notice=f"theme: {theme}"), (Effect(Do.THEME, text=theme),)


def _move_cursor(state: State, model: Model, direction: int) -> Step:
    charts = state.charts
    series = model.series.get(charts.groups[charts.place][0]) if charts.groups else None
    if series is None:
        return state, ()
    points = points_along(series, charts.axis)
    width = next(iter(layout(state).panes.values())).width
    if charts.cursor is None:  # begins at the newest
        cursor = points.begins[-1] if points.begins else None
    else:
        cursor = step_cursor(points, charts.cursor, direction, width)
    return with_charts(state, cursor=cursor), (Effect(Do.SHOW_THEN, Pane.OUTPUT),)


# --- Shared ---------------------------------------------------------------------------------


def _after(values: tuple[Any, ...], value: Any) -> Any:
    return values[(values.index(value) + 1) % len(values)]


def _ask(state: State, pane: Pane, text: str) -> State:
    return replace(state, prompt=Prompt(pane, text, text))


def _other(pane: Pane) -> Pane:
    return Pane.OUTPUT if pane is Pane.METRICS else Pane.METRICS


def _kept(ratio: float) -> float:
    return min(0.9, max(0.1, round(ratio, 3)))


def _ratio(state: State, x: int) -> float:
    return _kept(max(LEAST_PANE, x) / max(1, state.columns))


def _to_tab(state: State, tab: Tab) -> State:
    return in_sight(replace(state, tab=tab))
