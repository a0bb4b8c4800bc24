"""The dashboard: a table of runs, and any of them, or several together, in the split view.

It reads files and nothing else: no run notices that it is looked at.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlterm.core.lifecycle import RUNNING
from mlterm.feed.runs import RunsFeed
from mlterm.system.paths import RunFiles
from mlterm.ui import bars, update
from mlterm.ui.layout import layout
from mlterm.ui.model import Model, NoRun
from mlterm.ui.rows import Row
from mlterm.ui.runs import RunsPane
from mlterm.ui.state import Pane, State, Tab
from mlterm.ui.subject import Subject, words_of
from mlterm.ui.update import Do, Effect
from mlterm.ui.view import with_box
from mlterm.ui.window import Window

SLICE_SECONDS = 0.02
"""Of reading at a time: keys are answered between slices."""


class Dashboard:
    """Shows the runs of a folder, or of one of its projects, until the person leaves."""

    def __init__(
        self,
        runs: RunsFeed,
        folder: Path,
        project: str | None,
        state: State,
        refresh_seconds: float,
        opened: Sequence[RunFiles] = (),
    ) -> None:
        """``opened`` are runs to begin with: one, or several in the same charts."""
        self._folder, self._project = folder, project
        self._refresh_seconds = refresh_seconds
        self._runs = runs
        self._pane = RunsPane(self._runs, lambda: datetime.now(UTC), named=project is None)
        self._pane.filter(state.runs_pattern)
        self._subject: Subject | None = None
        self._seen: Any = None
        self._due: Any = None
        self._window = Window(self, state.theme)
        self._state = update.resize(replace(state, table=True), *self._window.size)
        if opened:
            self._open(opened)

    def run(self) -> None:
        """Show it; the terminal is then as it was."""
        try:
            self._step_on()
            self._window.after(0, self._tick)
            self._window.run()
        finally:
            if self._subject is not None:
                self._subject.close()

    def _open(self, files: Sequence[RunFiles]) -> None:
        try:
            subject = Subject(files[0], others=files[1:])
        except OSError as error:  # gone since it was listed
            self._state = replace(self._state, notice=words_of(error))
            return
        if self._subject is not None:
            self._subject.close()
        self._subject = subject
        tab = Tab.METRICS if len(files) > 1 else self._state.tab
        self._state = replace(self._state, table=False, tab=tab)
        self._state = update.fresh(self._state)
        self._step_on()

    def _tick(self) -> None:
        more = self._step_on()
        self._due = self._window.after(0.001 if more else self._refresh_seconds, self._tick)

    def _hurry(self) -> None:
        """Read on now: what a person asks for does not wait for the next look at the files."""
        self._window.cancel(self._due)
        self._due = self._window.after(0, self._tick)

    def _step_on(self) -> bool:
        """Look at the files, and have shown what is new; whether there is more at once."""
        subject = None if self._state.table else self._subject
        if subject is None:
            more = self._runs.poll(SLICE_SECONDS)
            live = any(run.status == RUNNING for run in self._runs.runs)
            second = int(datetime.now(UTC).timestamp()) if live else 0
            seen: Any = (self._runs.version, self._pane.version, second)
        else:
            more = subject.step(SLICE_SECONDS, self._state)
            self._state = update.observe(self._state, subject.model, live=False)
            if notice := subject.take_notice():
                self._state = replace(self._state, notice=notice)
            seen = (subject.version, self._state.notice)
        if seen != self._seen:
            self._seen = seen
            self._window.ask_for_frame()
        return more

    # --- What the window asks -----------------------------------------------------------------

    def draw(self, columns: int, rows: int) -> tuple[list[Row], tuple[int, int] | None]:
        """The rows of the window."""
        if (columns, rows) != (self._state.columns, self._state.rows):
            self._state = update.resize(self._state, columns, rows)
        if self._state.table or self._subject is None:
            return self._draw_table(), None
        return self._subject.draw(self._state)

    def _draw_table(self) -> list[Row]:
        state = self._state
        parts = layout(state)
        rect = parts.panes[Pane.RUNS]
        rows: list[Row] = []
        if parts.header.height:
            title = self._project or "all projects"
            rows.append(bars.table_header(title, [str(self._folder)], state.columns))
        version = self._runs.version
        rows += self._pane.draw(state, rect.width, rect.height, focused=True)
        if self._runs.version != version:  # the curves of another metric are wanted
            self._hurry()
        if parts.footer is not None:
            rows.append(bars.footer(state, state.columns))
        return with_box(state, rows)

    def takes_bytes(self) -> bool:
        """Never: every key is ours."""
        return False

    def on_bytes(self, data: bytes) -> None:
        """There is no program to take them."""

    def on_key(self, key: str) -> None:
        """A key of the view."""
        self._step(update.key(self._state, key, self._model))

    def on_mouse(self, event: str, button: int, x: int, y: int) -> None:
        """An event of the mouse."""
        self._step(update.mouse(self._state, event, button, x, y, self._model))

    def on_signal(self, number: int) -> None:
        """There is nothing to be told to anybody."""

    @property
    def _model(self) -> Model:
        """Of the run that is open; the table's keys ask nothing of it."""
        return NoRun() if self._subject is None else self._subject.model

    def _step(self, step: update.Step) -> None:
        pane = self._state.pane
        self._state, effects = step
        self._window.refresh()
        for effect in effects:
            self._carry_out(effect)
        if (effects or self._state.pane is not pane) and self._step_on():
            self._hurry()

    def _carry_out(self, effect: Effect) -> None:
        if effect.do is Do.DETACH:
            self._window.close()
        elif effect.do is Do.SUSPEND:
            self._window.suspend()
        elif effect.do is Do.REDRAW:
            self._window.redraw()
        elif effect.do is Do.THEME:
            self._window.set_theme(effect.text)
        elif effect.do is Do.OPEN or (effect.do is Do.PICK and self._pane.pick(effect.amount)):
            if (run := self._pane.selected) is not None:
                self._open([RunFiles(Path(run.path))])
        elif effect.do is Do.OVERLAY:
            self._overlay()
        elif effect.do is Do.REFRESH and self._state.table:
            self._runs = RunsFeed(self._folder, self._project)
            self._pane.source = self._runs
        elif effect.pane is Pane.RUNS:
            self._pane.carry_out(effect, layout(self._state).panes[Pane.RUNS].height)
            if effect.do is Do.FILTER and (error := self._pane.error) is not None:
                self._state = update.refuse(self._state, error.words, error.at)
        elif self._subject is not None and not self._state.table:
            self._subject.carry_out(effect, self._state)

    def _overlay(self) -> None:
        known = {run.path for run in self._runs.runs}
        if marked := [path for path in self._pane.marked if path in known]:
            self._open([RunFiles(Path(path)) for path in marked])
        else:
            self._state = replace(self._state, notice="mark runs with Space first")
