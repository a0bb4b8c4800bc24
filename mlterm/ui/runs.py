"""The dashboard's table: the runs of a project, what differs between them, and how they did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mlterm.core.best import best_of
from mlterm.core.goals import goal_of, order_of
from mlterm.core.lifecycle import RUNNING
from mlterm.core.query import QueryError, is_expression, parse_query
from mlterm.core.series import Series
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.ui.along import points_along
from mlterm.ui.bars import title_rule
from mlterm.ui.chart import sparkline
from mlterm.ui.columns import Column, columns_of, foremost
from mlterm.ui.metrics import centred
from mlterm.ui.rows import Row, fit, row_width, width_of
from mlterm.ui.state import Axis, State
from mlterm.ui.update import Do, Effect

SPARK_COLUMNS, SHORT_SPARK, WIDE = 16, 8, 110
"""A narrow table has short curves, for the sake of one more figure."""
METRICS = 3
"""That are shown, the first of them with its course."""
_GAP = "  "
_HEADER = 2
"""Rows above the runs: the title, the headings."""
_LEAD = 3
"""Columns before the name: the cursor, the mark."""


class Source(Protocol):
    """Where the runs come from."""

    @property
    def runs(self) -> Sequence[RunSummary]:
        """All of them, in no order that matters."""

    def choose(self, metric: str | None) -> None:
        """Which metric's curves are wanted."""

    def curve(self, path: str) -> Series | None:
        """That of a run, folded; None where it has none, or it is not read yet."""


@dataclass(frozen=True)
class _Known:
    """What many of a frame's parts ask of all runs."""

    runs: Sequence[RunSummary]
    metrics: list[str]
    defined: Mapping[str, Mapping[str, Any]]


class RunsPane:
    """The table, and the place in it."""

    def __init__(self, source: Source, now: Callable[[], datetime], *, named: bool) -> None:
        """``named``: the runs' projects are told too."""
        self.source, self._now, self._named = source, now, named
        self.marked: dict[str, None] = {}
        """The paths of runs, in the order in which they were marked."""
        self.version = 0
        self.pattern = ""
        self.error: QueryError | None = None
        """What is wrong with the last that was to be the pattern."""
        self._known: _Known | None = None
        self._metric = ""
        self._sort = ""
        self._reverse = False
        self._selected = ""
        self._top = 0

    # --- What is in it ------------------------------------------------------------------------

    @property
    def metrics(self) -> list[str]:
        """The names of the runs' metrics, those that most of them have first."""
        return self._look().metrics

    def _look(self) -> "_Known":
        """Look through all runs, once for each list of them that the source has."""
        runs = self.source.runs
        if self._known is None or self._known.runs is not runs:
            self._known = _Known(runs, foremost(runs), definitions_of(runs))
        return self._known

    @property
    def metric(self) -> str:
        """The one that is shown; at first one that has a goal."""
        names = self.metrics
        if self._metric in names:
            return self._metric
        defined = self._look().defined
        judged = [name for name in names if goal_of(name, defined) is not None]
        return next(iter(judged or names), "")

    @property
    def runs(self) -> list[RunSummary]:
        """Those that the pattern lets through, in their order: live ones first, then the newest,
        unless sorted otherwise."""
        shown = list(filter(self._filter(), self.source.runs))
        shown.sort(key=lambda run: run.began, reverse=True)
        shown.sort(key=lambda run: run.status != RUNNING)
        column = next((c for c in self._columns(shown) if c.name == self._sort), None)
        if column is not None:
            known = [run for run in shown if column.key(run) is not None]
            known.sort(key=column.key, reverse=self._reverse)
            shown = known + [run for run in shown if column.key(run) is None]
        return shown

    @property
    def selected(self) -> RunSummary | None:
        """The run under the cursor."""
        runs = self.runs
        return runs[self._place(runs)] if runs else None

    # --- What keys do -------------------------------------------------------------------------

    def scroll(self, rows: int) -> None:
        """Go that many runs further."""
        runs = self.runs
        if runs:
            place = max(0, min(self._place(runs) + rows, len(runs) - 1))
            self._selected = runs[place].path
        self.version += 1

    def pick(self, row: int) -> bool:
        """Go to the run in a row of the pane; whether it was selected before."""
        runs, number = self.runs, self._top + row - _HEADER
        if row < _HEADER or number >= len(runs):
            return False
        was = number == self._place(runs)
        self._selected = runs[number].path
        self.version += 1
        return was

    def to_start(self) -> None:
        """Go to the first run."""
        self.scroll(-len(self.runs))

    def to_end(self) -> None:
        """Go to the last run."""
        self.scroll(len(self.runs))

    def mark(self) -> None:
        """Mark the run, or take its mark away; go to the next."""
        if (run := self.selected) is not None:
            if run.path in self.marked:
                del self.marked[run.path]
            else:
                self.marked[run.path] = None
        self.scroll(1)

    def sort(self, direction: int) -> None:
        """Sort by the next column, or, backwards, the other way round."""
        names = ["", *(column.name for column in self._columns(self.runs))]
        if direction < 0:
            self._reverse = not self._reverse
        else:
            at = names.index(self._sort) if self._sort in names else 0
            self._sort = names[(at + 1) % len(names)]
            self._reverse = False
        self.version += 1

    def next_metric(self) -> None:
        """Show another metric."""
        names = self.metrics
        if names:
            self._metric = names[(names.index(self.metric) + 1) % len(names)]
        self.version += 1

    def filter(self, pattern: str) -> None:
        """Show only runs in which all of these words stand somewhere, or those that an expression
        means; one that is wrong changes nothing, and is told in ``error``."""
        self.error = None
        try:
            if is_expression(pattern):
                parse_query(pattern, self._now())
        except QueryError as error:
            self.error = error
        else:
            self.pattern = pattern
            self.version += 1

    def _filter(self) -> Callable[[RunSummary], bool]:
        """Parsed anew each time: ``2 days ago`` moves on."""
        if is_expression(self.pattern):
            return parse_query(self.pattern, self._now()).accepts
        words = self.pattern.lower().split()
        return lambda run: _has(run, words)

    def carry_out(self, effect: Effect, height: int) -> None:
        """Do what the effect asks of a table of that height."""
        if effect.do is Do.SCROLL:
            self.scroll(effect.amount)
        elif effect.do is Do.PAGE:
            self.scroll(effect.amount * max(1, height - 3))
        elif effect.do is Do.END:
            (self.to_end if effect.amount > 0 else self.to_start)()
        elif effect.do is Do.PICK:
            self.pick(effect.amount)
        elif effect.do is Do.MARK:
            self.mark()
        elif effect.do is Do.SORT:
            self.sort(effect.amount)
        elif effect.do is Do.METRIC:
            self.next_metric()
        elif effect.do is Do.FILTER:
            self.filter(effect.text)

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Exactly ``height`` rows."""
        runs = self.runs
        columns = self._columns(runs, width)
        rows = [self._title(runs, columns, width, focused=focused)]
        if not runs:
            words = "no run has this" if self.pattern else "no runs yet"
            return [*rows, *centred([[("dim", words)]], width, max(0, height - 1))][:height]
        self.source.choose(self.metric)
        cells = [[column.cell(run) for column in columns] for run in runs]
        widths = [
            max(width_of(column.heading) + 2, *(width_of(line[i][1]) for line in cells))
            for i, column in enumerate(columns)
        ]
        shown = _fitting(widths, width - _LEAD - _spark_columns(width))
        rows.append(self._heads(columns[:shown], widths, width))
        room = max(0, height - len(rows))
        place = self._place(runs)
        self._top = max(0, min(self._top, place, len(runs) - room), place - room + 1)
        for number in range(self._top, min(len(runs), self._top + room)):
            line = list(zip(columns[:shown], cells[number][:shown], widths, strict=False))
            rows.append(self._line(runs[number], line, width, picked=number == place))
        return (rows + [fit([], width)] * height)[:height]

    def _title(
        self, runs: Sequence[RunSummary], columns: Sequence[Column], width: int, *, focused: bool
    ) -> Row:
        known, live = len(self.source.runs), sum(run.status == RUNNING for run in runs)
        facts = [f"{len(runs)} of {known}" if len(runs) != known else f"{known}"]
        if live:
            facts.append(f"{live} live")
        if marked := sum(run.path in self.marked for run in self.source.runs):
            facts.append(f"{marked} marked")
        if self.pattern:
            facts.append(f"/{self.pattern}")
        if sorted_by := next((c for c in columns if c.name == self._sort), None):
            facts.append(f"by {sorted_by.title}{self._sign}")
        return title_rule("Runs", facts, width, focused=focused)

    @property
    def _sign(self) -> str:
        return " ↓" if self._reverse else " ↑"

    def _heads(self, columns: Sequence[Column], widths: Sequence[int], width: int) -> Row:
        row: Row = [("", " " * _LEAD)]
        for column, size in zip(columns, widths, strict=False):
            sign = self._sign if column.name == self._sort else ""
            text = f"{column.heading}{sign}"
            padding = " " * (size - width_of(text))
            row.append(("dim", f"{padding}{text}" if column.right else f"{text}{padding}"))
            row.append(("", _GAP))
        return fit(row, width)

    def _line(
        self,
        run: RunSummary,
        line: Sequence[tuple[Column, tuple[str, str], int]],
        width: int,
        *,
        picked: bool,
    ) -> Row:
        row: Row = [("accent", "▌" if picked else " ")]
        row.append(("warn", "● ") if run.path in self.marked else ("", "  "))
        for column, (style, text), size in line:
            blanks = ("", " " * max(0, size - width_of(text)))
            cell = ("accent" if picked and style == "title" else style, text)
            row += [blanks, cell] if column.right else [cell, blanks]
            row.append(("", _GAP))
        series = self.source.curve(run.path)
        if series is not None and width - row_width(row) >= 4:
            columns = min(_spark_columns(width), width - row_width(row))
            row.append(("curve1", sparkline(points_along(series, Axis.STEP), columns)))
        return fit(row, width)

    def _place(self, runs: Sequence[RunSummary]) -> int:
        return next((i for i, run in enumerate(runs) if run.path == self._selected), 0)

    def _columns(self, runs: Sequence[RunSummary], width: int = 0) -> list[Column]:
        defined = self._look().defined
        judged = [name for name in self.metrics if goal_of(name, defined) is not None]
        others = [name for name in judged if name != self.metric][: METRICS - 1]
        shown = [self.metric, *others] if self.metric else []
        return columns_of(runs, shown, self._now(), width, named=self._named)


def best_before(
    run: RunSummary,
    names: Sequence[str],
    runs: Sequence[RunSummary],
    defined: Mapping[str, Mapping[str, Any]],
) -> RunSummary | None:
    """Of the runs that have ended and began before a run, the one that did best in the foremost
    of these metrics that has a goal, as ``defined`` or by its name."""
    before = [
        other
        for other in runs
        if other.path != run.path and other.status != RUNNING and other.began < run.began
    ]
    for name in sorted(names, key=order_of):
        goal = goal_of(name, defined)
        if goal is None:
            continue
        reached = ((best_of(other.metrics.get(name, {}), goal), other) for other in before)
        known = [(value, other) for value, other in reached if value is not None]
        if known:
            return (min if goal == "min" else max)(known, key=lambda pair: pair[0])[1]
    return None


def _spark_columns(width: int) -> int:
    return SPARK_COLUMNS if width >= WIDE else SHORT_SPARK


def _fitting(widths: Sequence[int], room: int) -> int:
    """How many columns have room beside the sparkline; the first two always."""
    taken = 0
    for number, width in enumerate(widths):
        taken += width + len(_GAP)
        if taken > room and number >= 2:
            return number
    return len(widths)


def _has(run: RunSummary, words: Sequence[str]) -> bool:
    if not words:
        return True
    parts: list[object] = [run.name, run.status, *run.aliases]
    for named in (run.hyperparameters, run.tags):
        parts += [f"{name}={value}" for name, value in named.items()]
    text = "\n".join(map(str, parts)).lower()
    return all(word in text for word in words)
