"""The person's terminal while a view is on it: urwid's loop, frames in their time, signals.

Here belongs what is the same whatever is shown.
"""

import errno
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NoReturn, Protocol

import urwid

from mlterm.system import terminal
from mlterm.ui.keymap import QUIT_TYPING, bytes_of
from mlterm.ui.rows import Row
from mlterm.ui.surface import Surface, palette

MOST_FRAMES = 15.0
"""A second, of those that nobody's key asked for."""
SHARE = 0.08
"""Of a core that drawing may take where it is asked for all the time."""
_MOUSE = re.compile(rb"\x1b\[(?:<[0-9;]*[Mm]|M...)", re.DOTALL)
"""What a terminal sends of the mouse (xterm's "Control Sequences"), because we have asked for
that: the program has not."""


class Shown(Protocol):
    """What a window is of."""

    def draw(self, columns: int, rows: int) -> tuple[list[Row], tuple[int, int] | None]:
        """Its rows at that size, and where the cursor is."""

    def takes_bytes(self) -> bool:
        """Whether what is typed goes on as it came."""

    def on_bytes(self, data: bytes) -> None:
        """What was typed then."""

    def on_key(self, key: str) -> None:
        """A key, by urwid's name."""

    def on_mouse(self, event: str, button: int, x: int, y: int) -> None:
        """An event of the mouse, by urwid's name, at a cell."""

    def on_signal(self, number: int) -> None:
        """The view has to end: SIGTERM, SIGHUP or SIGQUIT, or the terminal is gone (SIGHUP)."""


class Window:
    """The terminal from ``run`` until ``close``; it is then as it was."""

    def __init__(self, shown: Shown, theme: str) -> None:
        self._shown = shown
        self._screen = _screen()
        self._surface = Surface(self._draw, self._screen.colors)
        self._loop = urwid.MainLoop(self._surface, screen=self._screen, input_filter=self._take)
        self._keys: terminal.RawKeys | None = None
        self._drawn_at = self._cost = 0.0
        self._due: Any = None
        self._has_signal = False
        self.set_theme(theme)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        columns, rows = self._screen.get_cols_rows()
        return columns, rows

    def run(self) -> None:
        """Take the terminal, and go round until ``close``."""
        with ExitStack() as stack:
            self._keys = stack.enter_context(terminal.RawKeys(0, alternate=True))
            stack.enter_context(_Heeded(self._on_signal))
            try:
                self._loop.start()
                self._keys.enter()
                self._loop.event_loop.run()
            except urwid.ExitMainLoop:
                pass
            except OSError as error:
                if error.errno not in (errno.EIO, errno.ENXIO, errno.EPIPE):
                    raise
                self._shown.on_signal(signal.SIGHUP)
            finally:
                self._loop.stop()

    def close(self) -> NoReturn:
        """Leave ``run``."""
        raise urwid.ExitMainLoop

    def after(self, seconds: float, action: Callable[[], None]) -> Any:
        """Do something later."""

        def act(*_: object) -> None:
            if self._has_signal:
                self.close()
            action()

        return self._loop.set_alarm_in(seconds, act)

    def cancel(self, handle: Any) -> None:
        """Not do it, of what ``after`` gave; it may have been done."""
        self._loop.remove_alarm(handle)

    def watch(self, fd: int, action: Callable[[], None]) -> Any:
        """Do something whenever there is something to be read."""
        return self._loop.watch_file(fd, action)

    def unwatch(self, handle: Any) -> None:
        """No longer, of what ``watch`` gave."""
        self._loop.remove_watch_file(handle)

    # --- Frames -------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Have a frame at once: somebody has pressed a key."""
        self._surface.refresh()

    def ask_for_frame(self) -> None:
        """Have a frame soon, but not more often than is worth while."""
        if self._due is not None:
            return
        pause = max(1 / MOST_FRAMES, 2 * self._cost / SHARE)
        wait = self._drawn_at + pause - time.monotonic()
        if wait <= 0:
            self._surface.refresh()
        else:
            self._due = self.after(wait, self._frame)

    def draw_now(self) -> None:
        """Draw a frame before going on."""
        self._surface.refresh()
        self._loop.draw_screen()

    def redraw(self) -> None:
        """Draw every cell."""
        self._screen.clear()
        self._surface.refresh()

    def set_theme(self, theme: str) -> None:
        """Other colours."""
        self._screen.register_palette(palette(theme))

    def _frame(self) -> None:
        self._due = None
        self._surface.refresh()

    def _draw(self, columns: int, rows: int) -> tuple[list[Row], tuple[int, int] | None]:
        begin = time.perf_counter()
        drawn = self._shown.draw(columns, rows)
        self._drawn_at = time.monotonic()
        self._cost = time.perf_counter() - begin
        return drawn

    def _take(self, keys: list[Any], raw: list[int]) -> list[Any]:
        """Hand on what came, one by one: a key may turn those behind it into the program's, or
        into ours again. The mouse is always ours."""
        typing = self._shown.takes_bytes()
        if typing:
            typed, end, _ = _MOUSE.sub(b"", bytes(raw)).partition(bytes_of(QUIT_TYPING))
            self._shown.on_bytes(typed + end)
        for key in keys:
            if isinstance(key, tuple):
                self._shown.on_mouse(*key)
            elif typing:
                typing = not key.endswith(QUIT_TYPING)
            elif self._shown.takes_bytes():
                self._shown.on_bytes(bytes_of(key))
            elif key != "window resize":
                self._shown.on_key(key)
        if "window resize" in keys:
            self._surface.refresh()
        return [key for key in keys if key == "window resize"]

    # --- Signals ------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Ctrl-Z stops this viewer only; the shell's fg brings it back."""
        assert self._keys is not None
        self._loop.stop()
        self._keys.leave()
        os.kill(0, signal.SIGTSTP)
        self._keys.enter()
        self._loop.start()
        self._keys.enter()
        self._surface.refresh()

    def _on_signal(self, number: int) -> None:
        self._shown.on_signal(number)
        # At once: it may have broken into a write to a terminal that takes nothing. What it
        # broke into may also swallow it: then with the next alarm.
        self._has_signal = True
        raise urwid.ExitMainLoop


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


def _screen() -> Any:
    """Urwid's own terminal, asked for nothing that would change what keys are sent as."""
    screen = urwid.display.raw.Screen(
        sys.stdin, sys.stdout, bracketed_paste_mode=False, focus_reporting=False
    )
    if os.environ.get("NO_COLOR"):
        screen.set_terminal_properties(colors=1)
    return screen
