"""The view on a terminal: one loop of keys, the keeper's frames and time.

Here belongs when things are done. What keys mean is ui.update's, what is shown ui.view's, and
what is read the feed's.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NoReturn

import urwid

from mlterm.client import STOP_GRACE_SECONDS, Ending
from mlterm.core import protocol
from mlterm.core.closing import Closing
from mlterm.core.errors import ProtocolError
from mlterm.core.lifecycle import RUNNING
from mlterm.core.protocol import Frame, Kind
from mlterm.feed.run import RunFeed
from mlterm.link import Link
from mlterm.system import lock, terminal
from mlterm.system.paths import RunFiles
from mlterm.ui import update
from mlterm.ui.chart import nearest
from mlterm.ui.layout import layout
from mlterm.ui.output import OutputPane
from mlterm.ui.records import RecordsPane
from mlterm.ui.state import Mode, Pane, State
from mlterm.ui.styles import THEMES
from mlterm.ui.surface import Surface, palette
from mlterm.ui.update import Do, Effect
from mlterm.ui.view import View

TICK_SECONDS = 0.1
"""How often files are looked at; a look costs some microseconds where nothing has changed."""
SLICE_SECONDS = 0.02
"""Of reading at a time: keys are answered between slices."""
MOST_FRAMES = 15.0
"""A second, of those that nobody's key asked for."""
SHARE = 0.08
"""Of a core that drawing may take where it is asked for all the time."""
_TYPING_END = 0x1D  # Ctrl-]


class App:
    """One run's view, until the run ends or the person leaves."""

    def __init__(
        self, files: RunFiles, state: State, start: int, *, read_only: bool, stay: bool
    ) -> None:
        self._files, self._stay, self._read_only = files, stay, read_only
        self._state = state
        self._feed = RunFeed(files)
        self._output = OutputPane(files, start)
        self._records = RecordsPane(files)
        self._view = View({Pane.OUTPUT: self._output, Pane.RECORDS: self._records})
        self._link = Link(files, read_only=read_only)
        self._closing = Closing()
        self._ending: Ending | None = None
        self._owes_seen = False
        self._sent_size = (0, 0)
        self._versions: Any = None
        self._drawn_at = self._cost = 0.0
        self._frame_due: Any = None
        self._drawing = False

    # --- The loop ---------------------------------------------------------------------------

    def run(self) -> Ending:
        """Show the run until it ends or the person leaves; the terminal is then as it was."""
        with ExitStack() as stack:
            keys = stack.enter_context(terminal.RawKeys(0, alternate=True))
            self._screen = _screen()
            self._screen.register_palette(palette(self._state.theme))
            self._surface = Surface(self._draw, self._on_key, self._on_mouse, self._screen.colors)
            self._loop = urwid.MainLoop(
                self._surface, screen=self._screen, input_filter=self._filter
            )
            self._keys = keys
            stack.callback(self._link.close)
            stack.callback(self._output.close)
            stack.enter_context(_Heeded(self._on_signal))
            columns, rows = self._screen.get_cols_rows()
            self._state = update.resize(self._state, columns, rows)
            self._feed.step(SLICE_SECONDS)
            self._observe()
            if self._feed.summary.status == RUNNING:
                self._connect()
            self._loop.set_alarm_in(0, self._tick)
            try:
                self._loop.start()
                keys.enter()
                self._loop.event_loop.run()
            except urwid.ExitMainLoop:
                pass
            except OSError as error:
                if error.errno not in (errno.EIO, errno.ENXIO, errno.EPIPE):
                    raise
                self._ending = Ending(detached=True, by_signal=signal.SIGHUP)
            finally:
                self._loop.stop()
        return self._ending or Ending(detached=True)

    def _end(self, ending: Ending) -> NoReturn:
        self._ending = ending
        raise urwid.ExitMainLoop

    def _tick(self, *_: object) -> None:
        """Look at the files, and show what is new."""
        more = self._feed.step(SLICE_SECONDS)
        more |= self._output.step(SLICE_SECONDS)
        more |= self._records.step(SLICE_SECONDS)
        self._observe()
        if self._closing.code is not None:
            self._check_end()
        self._loop.set_alarm_in(0.001 if more else TICK_SECONDS, self._tick)

    def _observe(self) -> None:
        """Have drawn what has changed since it last was."""
        live = self._link.fd is not None and self._closing.code is None and not self._read_only
        self._state = update.observe(self._state, self._feed, live=live)
        run = self._feed.summary
        second = int(run.duration_seconds or 0) if run.status == RUNNING else 0
        versions = (self._feed.version, self._output.version, self._records.version, second, live)
        if versions != self._versions:
            self._versions = versions
            self._ask_for_frame()

    def _check_end(self) -> None:
        if self._output.behind or not self._closing.is_due(time.monotonic()):
            return
        if self._stay:
            return
        self._now()  # the last frame shows the end
        self._end(Ending(code=self._closing.code, still_held=not self._closing.drained))

    # --- Drawing ----------------------------------------------------------------------------

    def _draw(self, columns: int, rows: int) -> tuple[list[Any], tuple[int, int] | None]:
        begin = time.perf_counter()
        if (columns, rows) != (self._state.columns, self._state.rows):
            self._state = update.resize(self._state, columns, rows)
        drawn = self._view.draw(self._state, self._feed)
        self._tell_size()
        if self._owes_seen and not self._output.behind:
            self._owes_seen = False
            self._link.send(protocol.pack(Kind.SEEN))
        self._drawn_at = time.monotonic()
        self._cost = time.perf_counter() - begin
        return drawn

    def _ask_for_frame(self) -> None:
        """Have a frame soon, but not more often than is worth while."""
        if self._frame_due is not None:
            return
        pause = max(1 / MOST_FRAMES, 2 * self._cost / SHARE)
        wait = max(0.0, self._drawn_at + pause - time.monotonic())
        if wait <= 0:
            self._surface.refresh()
        else:
            self._frame_due = self._loop.set_alarm_in(wait, self._frame)

    def _frame(self, *_: object) -> None:
        self._frame_due = None
        self._surface.refresh()

    def _now(self) -> None:
        self._surface.refresh()
        self._drawing = True
        try:
            self._loop.draw_screen()
        finally:
            self._drawing = False

    def _tell_size(self) -> None:
        """The program's window is the pane that shows it."""
        rect = layout(self._state).panes.get(Pane.OUTPUT)
        if rect is None or rect.height < 2 or self._link.fd is None or self._read_only:
            return
        size = rect.height - 1, rect.width
        if size != self._sent_size:
            self._sent_size = size
            self._link.send(protocol.resize(*size))

    # --- The keeper -------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._link.connect(*self._window()):
            self._watch()

    def _window(self) -> tuple[int, int]:
        rect = layout(self._state).panes.get(Pane.OUTPUT)
        return (rect.height - 1, rect.width) if rect else (0, 0)

    def _watch(self) -> None:
        assert self._link.fd is not None
        self._watched = self._loop.watch_file(self._link.fd, self._on_link)

    def _on_link(self) -> None:
        try:
            frames = self._link.on_ready(self._link.events)
        except ProtocolError as error:
            self._state = replace(self._state, notice=f"the keeper is of another version: {error}")
            frames = None
            self._link.close()
        for frame in frames or ():
            self._on_frame(frame)
        if frames is None:
            self._loop.remove_watch_file(self._watched)
            self._on_silence()
        self._observe()

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind in (Kind.OUTPUT, Kind.WELCOME):
            self._output.grown(protocol.read_offset(frame.payload))
            self._owes_seen |= frame.kind is Kind.OUTPUT
            self._closing.printed(time.monotonic())
        elif frame.kind is Kind.DATA:
            self._output.take(frame.payload)
        elif frame.kind is Kind.RESUME:
            self._output.resume(protocol.read_offset(frame.payload))
        elif frame.kind is Kind.EXIT:
            code, drained, end = protocol.read_exit(frame.payload)
            self._output.grown(end)
            self._closing.exited(code, drained=drained)
        elif frame.kind is Kind.DRAINED:
            self._output.grown(protocol.read_offset(frame.payload))
            self._closing.drained = True
        elif frame.kind in (Kind.NOTICE, Kind.REFUSED):
            words = frame.payload.decode("utf-8", "replace")
            self._state = replace(self._state, notice=words)
            self._ask_for_frame()

    def _on_silence(self) -> None:
        """The keeper is gone: its work is done, or another takes its place in a moment."""
        if self._closing.code is not None:
            self._closing.drained = True
        elif self._link.reconnect(*self._window()):
            self._watch()
        elif not lock.is_held(self._files.lock) and not self._stay:
            self._end(Ending(lost=True))

    # --- The person -------------------------------------------------------------------------

    def _filter(self, keys: list[Any], raw: list[int]) -> list[Any]:
        """While the person types into the program its keys go there as they came."""
        if "window resize" in keys:
            self._surface.refresh()
        if not self._state.typing:
            return keys
        data = bytes(raw)
        at = data.find(_TYPING_END)
        if typed := data if at < 0 else data[:at]:
            self._send(typed)
        if at >= 0:
            self._state = replace(self._state, typing=False)
            self._surface.refresh()
        return ["window resize"] if "window resize" in keys else []

    def _send(self, data: bytes) -> None:
        for at in range(0, len(data), protocol.FRAME_LIMIT):
            piece = data[at : at + protocol.FRAME_LIMIT]
            self._link.send(protocol.pack(Kind.INPUT, piece))

    def _on_key(self, key: str) -> None:
        if key == "ctrl z":
            self._suspend()
            return
        self._step(update.key(self._state, key, self._feed))

    def _on_mouse(self, event: str, button: int, x: int, y: int) -> None:
        self._step(update.mouse(self._state, event, button, x, y, self._feed))

    def _step(self, step: update.Step) -> None:
        self._state, effects = step
        self._surface.refresh()
        for effect in effects:
            self._carry_out(effect)
        if effects:  # what they ask for is seen in the frame that follows
            self._output.step(SLICE_SECONDS)
            self._records.step(SLICE_SECONDS)

    def _carry_out(self, effect: Effect) -> None:
        action = _CARRIED_OUT[effect.do]
        action(self, effect)

    def _scroll(self, effect: Effect) -> None:
        if effect.pane is Pane.SYSTEM:
            self._view.process_top = max(0, self._view.process_top + effect.amount)
        elif (pane := self._scrolled(effect)) is not None:
            pane.scroll(effect.amount)

    def _page(self, effect: Effect) -> None:
        rect = layout(self._state).panes.get(effect.pane or Pane.OUTPUT)
        rows = max(1, (rect.height if rect else 2) - 2)
        self._scroll(replace(effect, amount=effect.amount * rows))

    def _to_end(self, effect: Effect) -> None:
        if (pane := self._scrolled(effect)) is not None:
            pane.to_end() if effect.amount > 0 else pane.to_start()

    def _scrolled(self, effect: Effect) -> OutputPane | RecordsPane | None:
        if effect.pane is Pane.OUTPUT:
            return self._output
        return self._records if effect.pane is Pane.RECORDS else None

    def _detach(self, _: Effect) -> None:
        live = self._link.fd is not None and self._closing.code is None
        self._end(Ending(detached=live, code=self._closing.code))

    def _stop(self, _: Effect) -> None:
        self._link.send(protocol.stop(signal.SIGINT, STOP_GRACE_SECONDS))

    def _show_then(self, _: Effect) -> None:
        charts = self._state.charts
        name = charts.groups[charts.place][0] if charts.groups else ""
        if charts.cursor is None or name not in self._feed.series:
            return
        series = self._feed.series[name]
        points = series.points(charts.axis.of_series)
        place = nearest(points, charts.cursor)
        offset = series.offsets[place]
        if offset == offset:
            self._output.show(int(offset))
        elif series.has_axis("seconds") and self._feed.clock_offset is not None:
            moment = series.points("seconds").begins[place]
            self._output.show_at(moment - self._feed.clock_offset)

    def _refresh(self, _: Effect) -> None:
        self._feed = RunFeed(self._files)
        self._output.version += 1

    def _redraw(self, _: Effect) -> None:
        self._screen.clear()

    def _theme(self, effect: Effect) -> None:
        self._screen.register_palette(palette(effect.text))

    def _suspend(self) -> None:
        """Ctrl-Z stops this viewer only; the shell's fg brings it back."""
        self._loop.stop()
        self._keys.leave()
        os.kill(0, signal.SIGTSTP)
        self._keys.enter()
        self._loop.start()
        self._keys.enter()
        self._surface.refresh()

    def _on_signal(self, number: int) -> None:
        ending = Ending(detached=True, by_signal=number)
        if self._drawing:
            self._end(ending)
        self._ending = ending
        self._loop.set_alarm_in(0, self._leave)

    def _leave(self, *_: object) -> NoReturn:
        raise urwid.ExitMainLoop


_CARRIED_OUT: dict[Do, Callable[[App, Effect], None]] = {
    Do.DETACH: App._detach,
    Do.STOP: App._stop,
    Do.SEND: lambda app, effect: app._send(effect.data),
    Do.SCROLL: App._scroll,
    Do.PAGE: App._page,
    Do.END: App._to_end,
    Do.SEARCH: lambda app, effect: app._output.search(effect.text),
    Do.SEARCH_ON: lambda app, effect: app._output.search_on(effect.amount),
    Do.FILTER: lambda app, effect: app._records.filter(effect.text),
    Do.UNFOLD: lambda app, _: app._records.unfold(),
    Do.SHOW_THEN: App._show_then,
    Do.REFRESH: App._refresh,
    Do.REDRAW: App._redraw,
    Do.THEME: App._theme,
}


class _Heeded:
    """Signals that end the view and not the job."""

    _NUMBERS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal

    def __enter__(self) -> None:
        heeded = [n for n in self._NUMBERS if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {n: signal.signal(n, lambda n, _: self._on_signal(n)) for n in heeded}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {*self._NUMBERS, signal.SIGINT})

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def first_state(*, is_run: bool) -> State:
    """What the view begins with; MLTERM_THEME names a theme."""
    theme = os.environ.get("MLTERM_THEME", "dark")
    offset = time.localtime().tm_gmtoff
    return State(
        *(80, 24),
        mode=Mode.RUN if is_run else Mode.ATTACH,
        theme=theme if theme in THEMES else "dark",
        utc_offset_seconds=offset,
    )


def _screen() -> Any:
    """Urwid's own terminal, asked for nothing that would change what keys are sent as."""
    screen = urwid.display.raw.Screen(
        sys.stdin, sys.stdout, bracketed_paste_mode=False, focus_reporting=False
    )
    if os.environ.get("NO_COLOR"):
        screen.set_terminal_properties(colors=1)
    return screen
