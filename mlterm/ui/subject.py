"""A run as the view shows it: what is read of it, and the panes that hold a place in it."""

from mlterm.core.series import Series
from mlterm.feed.run import RunFeed
from mlterm.system.paths import RunFiles
from mlterm.ui.chart import nearest
from mlterm.ui.layout import layout
from mlterm.ui.model import Model
from mlterm.ui.output import OutputPane
from mlterm.ui.records import RecordsPane
from mlterm.ui.rows import Row
from mlterm.ui.state import Pane, State
from mlterm.ui.update import Do, Effect
from mlterm.ui.view import View


class Subject:
    """Reads in slices, moves its panes, draws; knows of no terminal and no keeper."""

    def __init__(self, files: RunFiles, start: int = 0) -> None:
        self.files = files
        self.feed = RunFeed(files)
        self.output = OutputPane(files, start)
        self.records = RecordsPane(files)
        self._view = View({Pane.OUTPUT: self.output, Pane.RECORDS: self.records})

    @property
    def model(self) -> Model:
        """What is known of the run."""
        return self.feed

    @property
    def version(self) -> tuple[int, ...]:
        """Changes with anything that is to be seen, as a second of its time."""
        second = int(self.feed.elapsed_seconds or 0)
        return self.feed.version, self.output.version, self.records.version, second

    def step(self, budget: float) -> bool:
        """Read on, for some of these seconds; whether there is more at once."""
        more = self.feed.step(budget)
        more |= self.output.step(budget)
        return self.records.step(budget) or more

    def draw(self, state: State) -> tuple[list[Row], tuple[int, int] | None]:
        """The window's rows, and where the cursor is."""
        return self._view.draw(state, self.model)

    def close(self) -> None:
        """Let go of the files."""
        self.output.close()

    def carry_out(self, effect: Effect, state: State) -> None:
        """Do what only concerns the panes; other effects are passed over."""
        pane = effect.pane
        if effect.do is Do.SCROLL and pane is Pane.SYSTEM:
            self._view.process_top = max(0, self._view.process_top + effect.amount)
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
        elif effect.do is Do.REFRESH:
            self.feed = RunFeed(self.files)

    def _show_then(self, state: State) -> None:
        """The output of when the cursor's point was logged."""
        charts = state.charts
        name = charts.groups[charts.place][0] if charts.groups else ""
        series = self.feed.series.get(name)
        if charts.cursor is not None and series is not None:
            place = nearest(series.points(charts.axis.of_series), charts.cursor)
            self._show_bucket(series, place)

    def _show_bucket(self, series: Series, place: int) -> None:
        offset = series.offsets[place]
        if offset == offset:
            self.output.show(int(offset))
        elif series.has_axis("seconds") and self.feed.clock_offset is not None:
            moment = series.points("seconds").begins[place]
            self.output.show_at(moment - self.feed.clock_offset)
