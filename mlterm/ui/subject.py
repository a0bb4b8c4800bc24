"""A run as the view shows it: what is read of it, and the panes that hold a place in it."""

from collections.abc import Sequence
from pathlib import Path

from mlterm.core.series import Series
from mlterm.feed.run import RunFeed
from mlterm.feed.runs import RunsFeed
from mlterm.system.paths import RunFiles
from mlterm.ui.along import points_along
from mlterm.ui.chart import nearest
from mlterm.ui.layout import layout
from mlterm.ui.model import Model
from mlterm.ui.output import OutputPane
from mlterm.ui.overlay import Overlay
from mlterm.ui.records import RecordsPane
from mlterm.ui.rows import Row
from mlterm.ui.runs import best_before
from mlterm.ui.state import Pane, State
from mlterm.ui.system import last_top
from mlterm.ui.update import Do, Effect
from mlterm.ui.view import View


class Subject:
    """Reads in slices, moves its panes, draws; knows of no terminal and no keeper."""

    def __init__(self, files: RunFiles, start: int = 0, others: Sequence[RunFiles] = ()) -> None:
        """``others`` are runs whose metrics stand in the same charts."""
        self.files = files
        self._others = [RunFeed(other) for other in others]
        self._ghost: RunFeed | None = None
        self._seeking: RunsFeed | None = None
        """The runs among which the ghost is looked for."""
        self._notice = ""
        self.feed = RunFeed(files)
        self.output = OutputPane(files, start)
        self.records = RecordsPane(files)
        self._view = View({Pane.OUTPUT: self.output, Pane.RECORDS: self.records})

    @property
    def model(self) -> Model:
        """What is known of the run, and of others beside it."""
        return Overlay(self.feed, self._others, self._ghost)

    @property
    def version(self) -> tuple[int, ...]:
        """Changes with anything that is to be seen, as a second of its time."""
        second = int(self.feed.elapsed_seconds or 0)
        beside = [*self._others, *([self._ghost] if self._ghost else [])]
        others = len(beside) + sum(feed.version for feed in beside)
        return self.feed.version, self.output.version, self.records.version, second, others

    def step(self, budget: float, state: State) -> bool:
        """Read on, for some of these seconds; whether there is more at once. Records are
        looked at only while somebody sees them."""
        more = self.feed.step(budget)
        for other in (*self._others, *([self._ghost] if self._ghost else [])):
            more |= other.step(budget / (1 + len(self._others)))
        if self._seeking is not None:
            more |= self._seek(self._seeking, budget)
        if (rect := layout(state).panes.get(Pane.OUTPUT)) is not None:
            self.output.resize(rect.width, rect.height - 1)  # its first lines are laid out once
        more |= self.output.step(budget)
        return (state.pane is Pane.RECORDS and self.records.step(budget)) or more

    def draw(self, state: State) -> tuple[list[Row], tuple[int, int] | None]:
        """The window's rows, and where the cursor is."""
        return self._view.draw(state, self.model)

    def take_notice(self) -> str:
        """What the person should know, once."""
        notice, self._notice = self._notice, ""
        return notice

    def close(self) -> None:
        """Let go of the files."""
        self.output.close()

    def carry_out(self, effect: Effect, state: State) -> None:
        """Do what only concerns the panes; other effects are passed over."""
        pane = effect.pane
        if effect.do is Do.SCROLL and pane is Pane.SYSTEM:
            rect = layout(state).panes.get(Pane.SYSTEM)
            last = last_top(self.model, rect.height if rect else 1)
            top = min(self._view.process_top, last) + effect.amount
            self._view.process_top = max(0, min(top, last))
        elif effect.do is Do.SCROLL and pane is Pane.OUTPUT:
            self.output.scroll(effect.amount)
        elif effect.do is Do.SCROLL and pane is Pane.RECORDS:
            self.records.scroll(effect.amount)
        elif effect.do is Do.PAGE:
            rect = layout(state).panes.get(pane) if pane else None
            rows = max(1, (rect.height if rect else 2) - 2)
            self.carry_out(Effect(Do.SCROLL, pane, effect.amount * rows), state)
        elif effect.do is Do.END:
            to = self.records if pane is Pane.RECORDS else self.output
            (to.to_end if effect.amount > 0 else to.to_start)()
        elif effect.do is Do.PICK and pane is Pane.RECORDS:
            self.records.pick(effect.amount)
        elif effect.do is Do.SEARCH:
            self.output.search(effect.text)
        elif effect.do is Do.SEARCH_ON:
            self.output.search_on(effect.amount)
        elif effect.do is Do.FILTER and pane is Pane.RECORDS:
            self.records.filter(effect.text)
        elif effect.do is Do.UNFOLD:
            self.records.unfold()
        elif effect.do is Do.SHOW_THEN:
            self._show_then(state)
        elif effect.do is Do.GHOST:
            self._toggle_ghost()
        elif effect.do is Do.REFRESH:
            self._refresh()

    def _refresh(self) -> None:
        try:
            self.feed, self._others = RunFeed(self.files), [RunFeed(o.files) for o in self._others]
        except OSError as error:  # what was read stays
            self._notice = words_of(error)

    def _toggle_ghost(self) -> None:
        if self._ghost is not None or self._seeking is not None:
            self._ghost = self._seeking = None
        else:
            self._seeking = RunsFeed(self.files.run.parent, self.feed.summary.project)

    def _seek(self, runs: RunsFeed, budget: float) -> bool:
        """Take in the runs beside this one, and then the best of those before it."""
        if runs.poll(budget) or self.feed.loading < 1:
            return True
        self._seeking = None
        feed = self.feed
        best = best_before(feed.summary, list(feed.series), runs.runs, feed.definitions)
        if best is None:
            self._notice = "no run before this one has a metric with a goal"
            return False
        try:
            self._ghost = RunFeed(RunFiles(Path(best.path)))
            self._notice = f"beside it: {best.title}"
        except OSError as error:
            self._notice = words_of(error)
        return self._ghost is not None

    def _show_then(self, state: State) -> None:
        """The output of when the cursor's point was logged."""
        charts = state.charts
        name = charts.groups[charts.place][0] if charts.groups else ""
        series = self.feed.series.get(name)
        if charts.cursor is not None and series is not None:
            place = nearest(points_along(series, charts.axis), charts.cursor)
            self._show_bucket(series, place)

    def _show_bucket(self, series: Series, place: int) -> None:
        offset = series.offsets[place]
        if offset == offset:
            self.output.show(int(offset))
        elif series.has_axis("seconds") and self.feed.clock_offset is not None:
            moment = series.points("seconds").begins[place]
            self.output.show_at(moment - self.feed.clock_offset)


def words_of(error: OSError) -> str:
    """Why a run cannot be shown."""
    return f"{error.filename} cannot be read: {error.strerror}"
