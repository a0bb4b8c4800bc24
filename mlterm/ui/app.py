"""The view of one run: its keeper's frames, the person's keys, and time.

Here belongs when things are done. What keys mean is ui.update's, what is shown ui.view's, what
is read ui.subject's, and how it comes onto a terminal ui.window's.
"""

import os
import signal
import time
from dataclasses import replace
from typing import Any

from mlterm.client import STOP_GRACE_SECONDS, Ending
from mlterm.core import protocol
from mlterm.core.closing import Closing
from mlterm.core.errors import ProtocolError
from mlterm.core.lifecycle import RUNNING
from mlterm.core.protocol import Frame, Kind
from mlterm.link import LOOK_SECONDS, RECONNECT_SECONDS, Link
from mlterm.system.paths import RunFiles
from mlterm.ui import update
from mlterm.ui.layout import layout
from mlterm.ui.rows import Row
from mlterm.ui.state import Mode, Pane, State
from mlterm.ui.styles import THEMES
from mlterm.ui.subject import Subject
from mlterm.ui.update import Do, Effect
from mlterm.ui.window import Window

TICK_SECONDS = 0.1
"""How often files are looked at; a look costs some microseconds where nothing has changed."""
SLICE_SECONDS = 0.02
"""Of reading at a time: keys are answered between slices."""
_TYPING_END = b"\x1d"  # Ctrl-]
_UNREACHABLE = "the run's keeper does not answer: its files are shown, no key reaches the program"


class App:
    """Shows a run until it ends or the person leaves."""

    def __init__(
        self, files: RunFiles, state: State, start: int, *, read_only: bool, stay: bool
    ) -> None:
        self._files, self._stay, self._read_only = files, stay, read_only
        self._state = state
        self._subject = Subject(files, start)
        self._link = Link(files, read_only=read_only)
        self._watched: Any = None
        self._closing = Closing()
        self._ending: Ending | None = None
        self._owes_seen = False
        self._sent_size = (0, 0)
        self._seen: Any = None
        self._window = Window(self, state.theme)

    def run(self) -> Ending:
        """Show it; the terminal is then as it was."""
        try:
            self._state = update.resize(self._state, *self._window.size)
            self._subject.step(SLICE_SECONDS, self._state)
            self._observe()
            self._meet_keeper()
            self._subject.output.take_answers()  # to questions of before: the program has gone on
            self._window.after(0, self._tick)
            self._window.run()
        finally:
            self._link.close()
            self._subject.close()
        return replace(self._ending or Ending(detached=True), metrics=self._folded())

    def _folded(self) -> dict[str, dict[str, Any]] | None:
        """The metrics of a run that had ended before, if all of them are read."""
        feed = self._subject.feed
        if self._closing.code is not None or feed.loading < 1:
            return None
        return {name: series.summary() for name, series in feed.series.items()}

    def _tick(self) -> None:
        """Look at the files, and show what is new."""
        more = self._subject.step(SLICE_SECONDS, self._state)
        self._observe()
        self._check_end()
        self._window.after(0.001 if more else TICK_SECONDS, self._tick)

    @property
    def _is_live(self) -> bool:
        return self._link.fd is not None and self._closing.code is None

    def _observe(self) -> None:
        """Have drawn what has changed since it last was."""
        live = self._is_live and not self._read_only
        if (answers := self._subject.output.take_answers()) and live:
            self._send(answers)
        self._state = update.observe(self._state, self._subject.model, live=live)
        if notice := self._subject.take_notice():
            self._say(notice)
        seen = self._subject.version, live, self._state.notice
        if seen != self._seen:
            self._seen = seen
            self._window.ask_for_frame()

    def _check_end(self) -> None:
        is_due = not self._subject.output.behind and self._closing.is_due(time.monotonic())
        if is_due and not self._stay:
            self._window.draw_now()  # the last frame shows the end
            still_held = not self._closing.drained
            self._end(Ending(code=self._closing.code, still_held=still_held))

    def _say(self, words: str) -> None:
        self._state = replace(self._state, notice=words)

    def _end(self, ending: Ending) -> None:
        self._ending = ending
        self._window.close()

    # --- What the window asks -----------------------------------------------------------------

    def draw(self, columns: int, rows: int) -> tuple[list[Row], tuple[int, int] | None]:
        """The rows of the window."""
        if (columns, rows) != (self._state.columns, self._state.rows):
            self._state = update.resize(self._state, columns, rows)
        drawn = self._subject.draw(self._state)
        self._tell_size()
        if self._owes_seen and not self._subject.output.behind:
            self._owes_seen = False
            self._link.send(protocol.pack(Kind.SEEN))
        return drawn

    def takes_bytes(self) -> bool:
        """While the person types into the program."""
        return self._state.typing

    def on_bytes(self, data: bytes) -> None:
        """The program's, up to what ends the typing."""
        typed, end, _ = data.partition(_TYPING_END)
        self._send(typed)
        if typed and not self._subject.output.follows:
            self._subject.output.to_end()  # what is typed is seen
            self._window.refresh()
        if end:
            self._state = replace(self._state, typing=False)
            self._window.refresh()

    def on_key(self, key: str) -> None:
        """A key of the view."""
        self._step(update.key(self._state, key, self._subject.model))

    def on_mouse(self, event: str, button: int, x: int, y: int) -> None:
        """An event of the mouse."""
        self._step(update.mouse(self._state, event, button, x, y, self._subject.model))

    def on_signal(self, number: int) -> None:
        """The view ends, the job goes on."""
        self._ending = Ending(detached=True, by_signal=number)

    def _step(self, step: update.Step) -> None:
        pane = self._state.pane
        self._state, effects = step
        self._window.refresh()
        for effect in effects:
            self._carry_out(effect)
        if effects or self._state.pane is not pane:  # it is seen in the frame that follows
            self._subject.step(SLICE_SECONDS, self._state)

    def _carry_out(self, effect: Effect) -> None:
        if effect.do is Do.DETACH:
            runs = self._closing.code is None and self._subject.feed.summary.status == RUNNING
            self._end(Ending(detached=runs, code=self._closing.code))
        elif effect.do is Do.STOP:
            self._link.send(protocol.stop(signal.SIGINT, STOP_GRACE_SECONDS))
        elif effect.do is Do.SEND:
            self._send(effect.data)
        elif effect.do is Do.SUSPEND:
            self._window.suspend()
        elif effect.do is Do.REDRAW:
            self._window.redraw()
        elif effect.do is Do.THEME:
            self._window.set_theme(effect.text)
        else:
            self._subject.carry_out(effect, self._state)

    # --- The keeper ---------------------------------------------------------------------------

    def _meet_keeper(self) -> None:
        """That of a run that was just started waits for us, even if the command has ended."""
        is_new = self._state.mode is Mode.RUN
        if not (is_new or self._subject.feed.summary.status == RUNNING):
            return
        if self._connect():
            self._watch()
        elif not self._link.is_over():
            self._say(_UNREACHABLE)
        elif is_new and not self._stay:
            self._window.after(0, lambda: self._end(Ending(lost=True)))

    def _connect(self) -> bool:
        rect = layout(self._state).panes.get(Pane.OUTPUT)
        return self._link.connect(*((rect.height - 1, rect.width) if rect else (0, 0)))

    def _watch(self) -> None:
        assert self._link.fd is not None
        self._watched = self._window.watch(self._link.fd, self._on_link)

    def _tell_size(self) -> None:
        """The program's window is the pane that shows it."""
        rect = layout(self._state).panes.get(Pane.OUTPUT)
        if rect is None or rect.height < 2 or self._link.fd is None or self._read_only:
            return
        size = rect.height - 1, rect.width
        if size != self._sent_size:
            self._sent_size = size
            self._link.send(protocol.resize(*size))

    def _send(self, data: bytes) -> None:
        for at in range(0, len(data), protocol.FRAME_LIMIT):
            piece = data[at : at + protocol.FRAME_LIMIT]
            self._link.send(protocol.pack(Kind.INPUT, piece))

    def _on_link(self) -> None:
        frames: list[Frame] | None = None
        try:
            frames = self._link.on_ready(self._link.events)
        except ProtocolError as error:
            self._say(f"the run's keeper is of another version of mlterm: {error}")
            self._window.unwatch(self._watched)
            self._link.close()
            return
        if frames is None:
            self._window.unwatch(self._watched)
            self._on_silence()
        for frame in frames or ():
            self._on_frame(frame)
        self._observe()

    def _on_frame(self, frame: Frame) -> None:
        output = self._subject.output
        if frame.kind in (Kind.OUTPUT, Kind.WELCOME):
            output.grown(protocol.read_offset(frame.payload))
            self._owes_seen |= frame.kind is Kind.OUTPUT
            self._closing.printed(time.monotonic())
            output.step(SLICE_SECONDS)
        elif frame.kind is Kind.DATA:
            output.take(frame.payload)
        elif frame.kind is Kind.RESUME:
            output.resume(protocol.read_offset(frame.payload))
        elif frame.kind is Kind.EXIT:
            code, drained, end = protocol.read_exit(frame.payload)
            output.grown(end)
            self._closing.exited(code, drained=drained)
        elif frame.kind is Kind.DRAINED:
            output.grown(protocol.read_offset(frame.payload))
            self._closing.drained = True
        elif frame.kind in (Kind.NOTICE, Kind.REFUSED):
            self._say(frame.payload.decode("utf-8", "replace"))

    def _on_silence(self) -> None:
        """The keeper is gone: its work is done, or another takes its place in a moment."""
        if self._closing.code is not None:
            self._closing.drained = True
        else:
            self._find_keeper(time.monotonic() + RECONNECT_SECONDS)

    def _find_keeper(self, deadline: float) -> None:
        """Keys are answered meanwhile."""
        if self._connect():
            self._watch()
        elif self._link.is_over():
            if not self._stay:
                self._end(Ending(lost=True))
        elif time.monotonic() < deadline:
            self._window.after(LOOK_SECONDS, lambda: self._find_keeper(deadline))
        else:
            self._say(_UNREACHABLE)


def first_state(mode: Mode, *, watched: bool = False) -> State:
    """What the view begins with; MLTERM_THEME names a theme."""
    theme = os.environ.get("MLTERM_THEME", "dark")
    return State(
        *(80, 24),
        mode=mode,
        watched=watched,
        theme=theme if theme in THEMES else "dark",
        utc_offset_seconds=time.localtime().tm_gmtoff,
    )
