"""The plain client: shows a run's output as it is, and carries keys to the program.

It reads output.log by offset, as any reader may; the keeper only tells it how far the
file has grown. Killing, stopping or losing it changes nothing for the job.
"""

import errno
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from mlterm.core import protocol
from mlterm.core.closing import Closing
from mlterm.core.errors import ProtocolError, SupervisorError
from mlterm.core.keys import TAP_SECONDS, TAPS, Command, KeyReader
from mlterm.core.protocol import Frame, Kind
from mlterm.link import CHUNK, Link
from mlterm.system import lock, terminal
from mlterm.system.paths import RunFiles

KEY_PATIENCE_SECONDS = 0.03
"""How long the start of an escape sequence may wait for its rest."""
STOP_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Ending:
    """Why a client has ended."""

    code: int | None = None
    """The command's, as a shell would report it; None where it has not ended."""
    detached: bool = False
    by_signal: int | None = None
    pipe_closed: bool = False
    lost: bool = False
    unreachable: bool = False
    """The run is live, but no keeper answers."""
    still_held: bool = False
    """Somebody holds the command's terminal after its end."""
    metrics: dict[str, dict[str, Any]] | None = None
    """Of a run that had ended, as a view has them folded; else its file is asked."""


@dataclass(frozen=True)
class View:
    """What is to be shown, and where."""

    files: RunFiles
    offset: int
    """Where in output.log to begin."""
    keys: int | None = None
    """The terminal that keys come from, None where there is none (or for --read-only)."""
    screen: int = 1
    read_only: bool = False


class _Done(Exception):
    """Carries the ending out of the loop."""

    def __init__(self, ending: Ending) -> None:
        super().__init__()
        self.ending = ending


class Client:
    """One attached viewer. ``run`` returns when the run ends or the person leaves."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._position = self._known = view.offset
        self._log = -1
        self._link = Link(view.files, read_only=view.read_only)
        self._keys = KeyReader()
        self._raw: terminal.RawKeys | None = None
        self._waiting: deque[Frame] = deque()
        """Frames whose place is after output that is not shown yet."""
        self._owes_seen = False
        self._closing = Closing()
        self._keys_due = 0.0
        self._asking = False
        self._writing = False
        self._interrupts: list[float] = []
        self._last_byte = b"\n"
        self._alternate = False

    def run(self) -> Ending:
        """Show the run until its end, or until the person leaves."""
        with ExitStack() as stack:
            self._log = os.open(self._view.files.output, os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, self._log)
            wake = stack.enter_context(_Signals(self._on_signal))
            if not self._link.connect(*self._size()):
                return self._without_keeper()
            if self._view.keys is not None:
                self._raw = stack.enter_context(terminal.RawKeys(self._view.keys))
            try:
                self._loop(wake)
            except _Done as done:
                return done.ending
            finally:
                self._leave_screen()
                self._link.close()

    # The loop

    def _loop(self, wake: "_Signals") -> NoReturn:
        while True:
            poll = select.poll()
            poll.register(wake.fd, select.POLLIN)
            poll.register(self._view.screen, 0)  # tells of a reader who has left
            if self._link.fd is not None:
                poll.register(self._link.fd, self._link.events)
            listens = self._view.keys is not None and not self._link.is_crowded
            if listens and self._view.keys is not None:
                poll.register(self._view.keys, select.POLLIN)
            ready = dict(poll.poll(self._patience_ms()))
            if ready.get(self._view.screen, 0) & select.POLLERR:
                raise _Done(Ending(pipe_closed=True))
            if wake.fd in ready:
                self._on_signals(wake.read())
            if self._link.fd in ready:
                self._on_link(ready[self._link.fd])
            if listens and self._view.keys in ready:
                self._on_keys()
            elif self._keys.holding and time.monotonic() >= self._keys_due:
                self._link.send(protocol.pack(Kind.INPUT, self._keys.flush()))
            self._show()
            self._check_end()

    def _patience_ms(self) -> int | None:
        if self._position < self._known or self._waiting:
            return 0
        if self._keys.holding:
            return max(1, int((self._keys_due - time.monotonic()) * 1000) + 1)
        return 50 if self._closing.code is not None else None

    # Output

    def _show(self) -> None:
        if self._position < self._known:
            data = os.pread(self._log, min(CHUNK, self._known - self._position), self._position)
            if not data:  # somebody has cut the file; there is nothing to wait for
                self._position = self._known
            self._position += len(data)
            self._print(data)
        while self._position >= self._known and self._waiting:
            self._on_frame(self._waiting.popleft())
        if self._position >= self._known and self._owes_seen:
            self._owes_seen = False
            self._link.send(protocol.pack(Kind.SEEN))

    def _print(self, data: bytes) -> None:
        if not data:
            return
        self._closing.printed(time.monotonic())
        self._last_byte = data[-1:]
        if b"\x1b[?1049" in data:
            self._alternate = data[data.rindex(b"\x1b[?1049") :][7:8] == b"h"
        rest = memoryview(data)
        self._writing = True
        try:
            while rest:
                rest = rest[os.write(self._view.screen, rest) :]
        except BlockingIOError:
            select.select([], [self._view.screen], [])
            self._print(bytes(rest))
        except BrokenPipeError:
            raise _Done(Ending(pipe_closed=True)) from None
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ENXIO):
                raise SupervisorError(
                    f"standard output cannot be written ({error.strerror}); the run goes on: "
                    f"mlterm attach {self._view.files.run}"
                ) from None
            # The terminal is gone.
            raise _Done(Ending(detached=True, by_signal=signal.SIGHUP)) from None
        finally:
            self._writing = False

    def _say(self, words: str) -> None:
        with suppress(OSError):
            os.write(2, f"\n[mlterm] {words}\n".encode())

    def _leave_screen(self) -> None:
        if terminal.is_terminal(self._view.screen):
            terminal.leave(self._view.screen, alternate=self._alternate)
            if self._last_byte != b"\n":
                with suppress(OSError):
                    os.write(self._view.screen, b"\r\n")

    # The keeper

    def _size(self) -> tuple[int, int]:
        """Rows and columns of the person's window."""
        return terminal.size(self._view.screen if self._view.keys is None else self._view.keys)

    def _on_link(self, events: int) -> None:
        try:
            frames = self._link.on_ready(events)
        except ProtocolError as error:
            self._say(f"the run's keeper is of another version of mlterm: {error}")
            raise _Done(Ending(detached=True)) from None
        if frames is None:
            self._on_silence()
        else:
            self._waiting.extend(frames)

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind in (Kind.OUTPUT, Kind.WELCOME):
            self._known = max(self._known, protocol.read_offset(frame.payload))
            self._owes_seen |= frame.kind is Kind.OUTPUT
        elif frame.kind is Kind.DATA:
            self._print(frame.payload)
            self._position += len(frame.payload)  # where it will stand once it is written
            self._known = self._position
        elif frame.kind is Kind.RESUME:
            self._position = self._known = protocol.read_offset(frame.payload)
        elif frame.kind is Kind.EXIT:
            code, drained, end = protocol.read_exit(frame.payload)
            self._known = max(self._known, end)
            self._closing.exited(code, drained=drained)
        elif frame.kind is Kind.DRAINED:
            self._known = max(self._known, protocol.read_offset(frame.payload))
            self._closing.drained = True
        elif frame.kind in (Kind.NOTICE, Kind.REFUSED):
            self._say(frame.payload.decode("utf-8", "replace"))

    def _on_silence(self) -> None:
        """The keeper is gone: its work may be done, or another takes its place in a moment."""
        while self._waiting:
            self._show()
        if self._closing.code is not None:
            self._closing.drained = True
        elif not self._link.reconnect(*self._size()):
            raise _Done(self._without_keeper())

    def _without_keeper(self) -> Ending:
        """No keeper answers: all there is stands in the files."""
        self._known = os.fstat(self._log).st_size
        while self._position < self._known:
            self._show()
        held = lock.is_held(self._view.files.lock)
        return Ending(lost=not held, unreachable=held)

    def _check_end(self) -> None:
        if self._position < self._known or self._waiting:
            return
        closing = self._closing
        if closing.is_due(time.monotonic()):
            raise _Done(Ending(code=closing.code, still_held=not closing.drained))

    # The person

    def _on_keys(self) -> None:
        assert self._view.keys is not None
        try:
            data = os.read(self._view.keys, 4096)
        except OSError:
            data = b""
        if not data:
            raise _Done(Ending(detached=True, by_signal=signal.SIGHUP))
        self._keys_due = time.monotonic() + KEY_PATIENCE_SECONDS
        for typed in self._keys.feed(data, time.monotonic()):
            item = self._answer(typed) if self._asking else typed
            if not item:
                continue
            if isinstance(item, bytes):
                self._link.send(protocol.pack(Kind.INPUT, item))
            elif item is Command.DETACH:
                raise _Done(Ending(detached=True))
            elif item is Command.SUSPEND:
                self._suspend()
            else:
                self._asking = True
                self._say(
                    "Ctrl-C three times. s: stop the run and all its processes; "
                    "d: detach, it goes on; any other key: back to it"
                )

    def _answer(self, item: bytes | Command) -> bytes | Command:
        """One key answers; what comes after it is the program's again."""
        self._asking = False
        if isinstance(item, Command):
            return item
        if item[:1] == b"d":
            raise _Done(Ending(detached=True))
        if item[:1] == b"s":
            self._say("stopping: SIGINT now, then SIGTERM, then SIGKILL")
            self._link.send(protocol.stop(signal.SIGINT, STOP_GRACE_SECONDS))
        return item[1:]

    def _suspend(self) -> None:
        """Ctrl-Z stops this viewer only; the shell's fg brings it back."""
        if self._raw is not None:
            self._raw.leave()
        os.kill(0, signal.SIGTSTP)
        if self._raw is not None:
            self._raw.enter()
        self._resize()

    def _resize(self) -> None:
        rows, columns = self._size()
        if rows and columns:
            self._link.send(protocol.resize(rows, columns))

    def _on_signals(self, numbers: set[int]) -> None:
        if signal.SIGWINCH in numbers:
            self._resize()
        if signal.SIGCONT in numbers and self._raw is not None:
            self._raw.enter()
        if signal.SIGINT in numbers:
            if self._view.read_only:
                raise _Done(Ending(detached=True))
            self._on_interrupt()
        if signal.SIGQUIT in numbers:  # Ctrl-\ where the terminal is not ours to read
            raise _Done(Ending(detached=True))
        for number in (signal.SIGTERM, signal.SIGHUP):
            if number in numbers:
                raise _Done(Ending(detached=True, by_signal=number))

    def _on_signal(self, number: int) -> None:
        """Called as it comes: only what must break into a write that blocks."""
        if self._writing and number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self._on_signals({number})

    def _on_interrupt(self) -> None:
        """Ctrl-C where the terminal is not ours to read: it is the command's all the same."""
        now = time.monotonic()
        self._interrupts = [then for then in self._interrupts if now - then < TAP_SECONDS] + [now]
        if len(self._interrupts) < TAPS:
            self._link.send(protocol.signal(signal.SIGINT))
        else:
            self._say("Ctrl-C three times: stopping the run and all its processes")
            self._link.send(protocol.stop(signal.SIGINT, STOP_GRACE_SECONDS))


class _Signals:
    """Signals as readable bytes, for as long as a client runs."""

    _NUMBERS = (
        signal.SIGWINCH, signal.SIGCONT, signal.SIGINT,
        signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
    )  # fmt: skip

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal

    def __enter__(self) -> "_Signals":
        self.fd, self._in = os.pipe()
        for end in (self.fd, self._in):
            os.set_blocking(end, False)
        # What the caller has us ignore (nohup, a script's background) stays ignored.
        heeded = [n for n in self._NUMBERS if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {n: signal.signal(n, lambda n, _: self._on_signal(n)) for n in heeded}
        self._wakeup = signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._NUMBERS)  # held back since the start
        return self

    def read(self) -> set[int]:
        """The numbers that came since."""
        with suppress(BlockingIOError):
            return set(os.read(self.fd, 4096))
        return set()

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        os.close(self.fd)
        os.close(self._in)
