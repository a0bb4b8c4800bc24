"""The one table of keys: what dispatches them is what explains them.

Keys have urwid's names. Where several rows fit, the first of them wins.
"""

from dataclasses import dataclass
from enum import Enum

from mlterm.ui.state import Mode, Pane, State

QUIT_TYPING = "ctrl ]"
"""Leaves typing; every other key is the program's then."""


class Where(Enum):
    """When a key is one of ours; its value heads the help."""

    ANYWHERE = "Anywhere"
    LIVE = "While the program runs"
    WATCHED = "While a process is watched"
    SPLIT = "Split"
    CHARTS = "Charts"
    ZOOM = "One chart"
    OUTPUT = "Output"
    SYSTEM = "System"
    RECORDS = "Records"
    RUNS = "Runs"


@dataclass(frozen=True)
class Binding:
    """Keys that do the same."""

    where: Where
    keys: tuple[str, ...]
    action: str
    """The name of a function in ui.update."""
    help: str
    shown: str = ""
    """How the keys are written, where not as their names."""
    hint: str = ""
    """A word for the line at the bottom."""

    @property
    def title(self) -> str:
        """The keys, as help has them."""
        return self.shown or " ".join(_SIGNS.get(key, key) for key in self.keys)


_SIGNS = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "enter": "Enter", "esc": "Esc",
    "page up": "PgUp", "page down": "PgDn", "home": "Home", "end": "End", "tab": "Tab",
    "shift tab": "Shift-Tab", "ctrl c": "Ctrl-C", "ctrl \\": "Ctrl-\\", "ctrl l": "Ctrl-L",
    "ctrl z": "Ctrl-Z",
    " ": "Space",
}  # fmt: skip

BINDINGS = (
    Binding(Where.LIVE, ("ctrl c",), "interrupt", "send Ctrl-C to the program"),
    Binding(Where.LIVE, ("i",), "type_in", "type into the program; Ctrl-] leaves", hint="type"),
    Binding(Where.LIVE, ("d", "ctrl \\"), "detach", "detach; the job goes on", hint="detach"),
    Binding(Where.WATCHED, ("ctrl c",), "interrupt", "end the watching; the process goes on"),
    Binding(Where.WATCHED, ("d", "ctrl \\"), "detach", "detach; the watching goes on",
            hint="detach"),
    Binding(Where.ZOOM, ("left", "h"), "cursor_left", "read the value before"),
    Binding(Where.ZOOM, ("right", "l"), "cursor_right", "read the value after"),
    Binding(Where.ZOOM, ("enter", "esc"), "unzoom", "back to all charts", hint="back"),
    Binding(Where.ZOOM, ("up", "k"), "chart_before", "the chart before"),
    Binding(Where.ZOOM, ("down", "j"), "chart_after", "the chart after"),
    Binding(Where.CHARTS, ("up", "k"), "chart_up", "the chart above"),
    Binding(Where.CHARTS, ("down", "j"), "chart_down", "the chart below"),
    Binding(Where.CHARTS, ("left", "h"), "chart_before", "the chart before"),
    Binding(Where.CHARTS, ("right", "l"), "chart_after", "the chart after"),
    Binding(Where.CHARTS, ("page up",), "charts_up", "a page up"),
    Binding(Where.CHARTS, ("page down",), "charts_down", "a page down"),
    Binding(Where.CHARTS, ("home",), "first_chart", "the first chart"),
    Binding(Where.CHARTS, ("end",), "last_chart", "the last chart"),
    Binding(Where.CHARTS, ("g",), "ghost", "the best run before this one, beside it"),
    Binding(Where.CHARTS, ("enter",), "zoom", "one chart alone, with a cursor", hint="zoom"),
    Binding(Where.CHARTS, ("/",), "ask_pattern", "filter by name, as you type", hint="filter"),
    Binding(Where.CHARTS, ("s",), "smooth", "smooth: off, 0.6, 0.9, 0.98", hint="smooth"),
    Binding(Where.CHARTS, ("y",), "log_y", "logarithmic y axis", hint="log"),
    Binding(Where.CHARTS, ("x",), "next_axis", "x axis: step, epoch, time, relative", hint="axis"),
    Binding(Where.CHARTS, ("c",), "next_columns", "columns: as fit, 1, 2, 3, 4"),
    Binding(Where.CHARTS, ("m",), "families", "merge train, val and test in one chart"),
    Binding(Where.OUTPUT, ("up", "k"), "line_up", "a line up"),
    Binding(Where.OUTPUT, ("down", "j"), "line_down", "a line down"),
    Binding(Where.OUTPUT, ("page up", "b"), "page_up", "a page up"),
    Binding(Where.OUTPUT, ("page down", " "), "page_down", "a page down"),
    Binding(Where.OUTPUT, ("home", "g"), "to_start", "its beginning"),
    Binding(Where.OUTPUT, ("end", "G", "F"), "to_end", "its end, and follow it", hint="follow"),
    Binding(Where.OUTPUT, ("/",), "ask_search", "search", hint="search"),
    Binding(Where.OUTPUT, ("n",), "search_next", "the next place found, in the search's direction"),
    Binding(Where.OUTPUT, ("N",), "search_before", "the next one the other way"),
    Binding(Where.SYSTEM, ("up", "k"), "line_up", "a line up"),
    Binding(Where.SYSTEM, ("down", "j"), "line_down", "a line down"),
    Binding(Where.SYSTEM, ("page up",), "page_up", "a page up"),
    Binding(Where.SYSTEM, ("page down",), "page_down", "a page down"),
    Binding(Where.SYSTEM, ("s",), "next_sort", "sort: tree, CPU, memory, GPU memory", hint="sort"),
    Binding(Where.RECORDS, ("up", "k"), "line_up", "the record before"),
    Binding(Where.RECORDS, ("down", "j"), "line_down", "the record after"),
    Binding(Where.RECORDS, ("page up", "b"), "page_up", "a page up"),
    Binding(Where.RECORDS, ("page down", " "), "page_down", "a page down"),
    Binding(Where.RECORDS, ("home", "g"), "to_start", "the oldest"),
    Binding(Where.RECORDS, ("end", "G", "F"), "to_end", "the newest, and follow", hint="follow"),
    Binding(Where.RECORDS, ("enter",), "unfold", "unfold or fold a record", hint="unfold"),
    Binding(Where.RECORDS, ("/",), "ask_records", "filter: text, or type:metrics", hint="filter"),
    Binding(Where.RUNS, ("up", "k"), "line_up", "the run above"),
    Binding(Where.RUNS, ("down", "j"), "line_down", "the run below"),
    Binding(Where.RUNS, ("page up",), "page_up", "a page up"),
    Binding(Where.RUNS, ("page down",), "page_down", "a page down"),
    Binding(Where.RUNS, ("home",), "to_start", "the first"),
    Binding(Where.RUNS, ("end", "G"), "to_end", "the last"),
    Binding(Where.RUNS, ("enter",), "open_run", "open the run", hint="open"),
    Binding(Where.RUNS, ("g",), "open_beside_best", "open it, the best run before it beside it"),
    Binding(Where.RUNS, (" ",), "mark_run", "mark the run", hint="mark"),
    Binding(Where.RUNS, ("o",), "overlay", "the marked runs in the same charts", hint="overlay"),
    Binding(Where.RUNS, ("s",), "sort_runs", "sort by the next column", hint="sort"),
    Binding(Where.RUNS, ("S",), "reverse_sort", "the other way round"),
    Binding(Where.RUNS, ("m",), "next_metric", "the next metric in the table", hint="metric"),
    Binding(Where.RUNS, ("/",), "ask_runs", "filter: words, or an expression", hint="filter"),
    Binding(Where.SPLIT, ("w",), "other_pane", "the other pane", hint="pane"),
    Binding(Where.SPLIT, ("<",), "narrower", "less room for the charts"),
    Binding(Where.SPLIT, (">",), "wider", "more room for the charts"),
    Binding(Where.ANYWHERE, ("q",), "quit", "leave", hint="quit"),
    Binding(Where.ANYWHERE, ("esc",), "back", "close what is open; back"),
    Binding(Where.ANYWHERE, ("?", "f1"), "help", "these keys", shown="?", hint="keys"),
    Binding(Where.ANYWHERE, ("tab",), "next_tab", "the next tab"),
    Binding(Where.ANYWHERE, ("shift tab",), "tab_before", "the tab before"),
    *(
        Binding(Where.ANYWHERE, (str(n),), f"tab_{n}", "this tab", shown="1 … 5" if n == 1 else "")
        for n in range(1, 6)
    ),
    Binding(Where.ANYWHERE, ("r",), "refresh", "read everything anew"),
    Binding(Where.ANYWHERE, ("t",), "next_theme", "theme: dark, light, colour-blind safe, mono"),
    Binding(Where.ANYWHERE, ("ctrl l",), "redraw", "draw the screen again"),
    Binding(Where.ANYWHERE, ("ctrl z",), "suspend", "suspend the view; fg brings it back"),
    Binding(Where.ANYWHERE, ("ctrl c",), "leave", "leave, where no program runs"),
)  # fmt: skip

_OF_PANE = {
    Pane.METRICS: Where.CHARTS,
    Pane.OUTPUT: Where.OUTPUT,
    Pane.SYSTEM: Where.SYSTEM,
    Pane.RECORDS: Where.RECORDS,
    Pane.RUNS: Where.RUNS,
}


_BYTES = {
    "enter": b"\r", "tab": b"\t", "esc": b"\x1b", "backspace": b"\x7f", "up": b"\x1b[A",
    "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D", "home": b"\x1b[H", "end": b"\x1b[F",
    "delete": b"\x1b[3~", "page up": b"\x1b[5~", "page down": b"\x1b[6~",
}  # fmt: skip


def bytes_of(key: str) -> bytes:
    """What a terminal sends for a key (xterm's "Control Sequences"), of the usual ones."""
    if len(key) == 1:
        return key.encode()
    if key.startswith("ctrl ") and len(key) == 6:
        return bytes([ord(key[5].upper()) & 0x1F])
    return _BYTES.get(key, b"")


def places(state: State) -> list[Where]:
    """Whose keys are in force, the most special first."""
    found = [_OF_PANE[state.pane]]
    if state.pane is Pane.METRICS and state.charts.zoomed:
        found.insert(0, Where.ZOOM)
    if state.live and state.mode is not Mode.DASHBOARD:
        found.insert(0, Where.WATCHED if state.watched else Where.LIVE)
    if state.tab.name == "SPLIT" and state.pane is not Pane.RUNS:
        found.append(Where.SPLIT)
    return [*found, Where.ANYWHERE]


def find(state: State, key: str) -> Binding | None:
    """What a key does now."""
    for where in places(state):
        for binding in BINDINGS:
            if binding.where is where and key in binding.keys:
                return binding
    return None


def hints(state: State) -> list[Binding]:
    """What the line at the bottom tells of."""
    offered = (b for where in places(state) for b in BINDINGS if b.where is where and b.hint)
    return [b for b in offered if find(state, b.keys[0]) is b]
