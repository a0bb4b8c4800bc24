"""What the view shows at a moment, but for the run itself: an immutable value.

Here belongs what keys and the mouse change. What is read from files is the model's, and where
things stand on the screen follows from both (ui.layout).
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import lru_cache

from mlterm.core import places
from mlterm.core.goals import family_of

SMOOTHINGS = (0.0, 0.6, 0.9, 0.98)
"""Weights of the moving average that ``s`` goes through."""
COLUMNS = (0, 1, 2, 3, 4)
"""Of the grid of charts; 0 is as many as fit well."""


class Mode(Enum):
    """How the view was come by, which decides what leaving means."""

    RUN = "run"
    ATTACH = "attach"
    DASHBOARD = "dashboard"


class Tab(IntEnum):
    """By the key that goes there."""

    SPLIT = 1
    METRICS = 2
    SYSTEM = 3
    RECORDS = 4
    OUTPUT = 5


class Pane(Enum):
    """A part of the screen that keys may be for."""

    METRICS = "metrics"
    OUTPUT = "output"
    SYSTEM = "system"
    RECORDS = "records"
    RUNS = "runs"


class Axis(Enum):
    """What charts have on their x axis."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"
    RELATIVE = "relative time"

    @property
    def of_series(self) -> places.Axis:
        """The axis of core.series that it is drawn from."""
        return _OF_SERIES[self]


_OF_SERIES: dict[Axis, places.Axis] = {
    Axis.STEP: "step",
    Axis.EPOCH: "epoch",
    Axis.TIME: "seconds",
    Axis.RELATIVE: "seconds",
}


@dataclass(frozen=True)
class Prompt:
    """A line that is being typed for us."""

    pane: Pane
    """Filters the metrics, the records or the runs; searches the output."""
    text: str = ""
    before: str = ""
    """What was in force, for who thinks better of it."""
    error: str = ""
    """What is wrong with it; it is not in force then."""
    wrong_at: int = 0
    """Where."""


@dataclass(frozen=True)
class Charts:
    """The grid of charts."""

    names: tuple[str, ...] = ()
    """Of all metrics, in their order."""
    pattern: str = ""
    selected: str = ""
    """The first name of the chart that is."""
    top: int = 0
    """The first row of the grid that is seen."""
    zoomed: bool = False
    cursor: float | None = None
    """On the x axis, in the chart that is zoomed."""
    smoothing: float = 0.0
    log_y: bool = False
    axis: Axis = Axis.STEP
    columns: int = 0
    families: bool = False

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The metrics of each chart that the pattern lets through."""
        return _groups(self.names, self.pattern, self.families)

    @property
    def place(self) -> int:
        """Of the selected chart among them; 0 where it is none of them."""
        return next((i for i, group in enumerate(self.groups) if self.selected in group), 0)


@dataclass(frozen=True)
class State:
    """Everything, as one value."""

    columns: int
    rows: int
    mode: Mode = Mode.ATTACH
    tab: Tab = Tab.SPLIT
    focus: Pane = Pane.METRICS
    """Of the split's panes."""
    ratio: float = 0.5
    """Of the split's width that is the charts'."""
    dragging: bool = False
    charts: Charts = field(default_factory=Charts)
    sort: str = "tree"
    """Of the table of processes."""
    records_pattern: str = ""
    machine_items: int = 0
    table: bool = False
    """The dashboard's table of runs is open."""
    runs_pattern: str = ""
    prompt: Prompt | None = None
    asking: bool = False
    """Whether to detach or to stop."""
    helping: bool = False
    help_top: int = 0
    live: bool = False
    """Whether the program can be typed to and stopped."""
    watched: bool = False
    """The program is not ours: there is nothing to type to, and it is not ours to stop."""
    typing: bool = False
    """Keys are the program's."""
    notice: str = ""
    theme: str = "dark"
    utc_offset_seconds: int = 0

    @property
    def pane(self) -> Pane:
        """The one that keys are for."""
        if self.table:
            return Pane.RUNS
        if self.tab is Tab.SPLIT:
            return self.focus
        return _PANES[self.tab]


_PANES = {
    Tab.METRICS: Pane.METRICS,
    Tab.SYSTEM: Pane.SYSTEM,
    Tab.RECORDS: Pane.RECORDS,
    Tab.OUTPUT: Pane.OUTPUT,
}


@lru_cache(maxsize=16)
def _groups(names: tuple[str, ...], pattern: str, families: bool) -> tuple[tuple[str, ...], ...]:
    """A pattern's words must all be in a name, in any order; case counts where a word has it."""
    words = pattern.split()
    shown = [name for name in names if all(_is_in(word, name) for word in words)]
    if not families:
        return tuple((name,) for name in shown)
    found: dict[str, list[str]] = {}
    for name in shown:
        found.setdefault(family_of(name), []).append(name)
    return tuple(map(tuple, found.values()))


def _is_in(word: str, name: str) -> bool:
    return word in name if word != word.lower() else word in name.lower()
