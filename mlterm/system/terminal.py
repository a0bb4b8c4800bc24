"""The person's terminal: its size, its keys raw, and its state given back whatever happens."""

import os
import signal
import sys
import termios
from contextlib import suppress
from typing import Any

_LEAVE = (
    b"\x1b[0m"  # colours
    b"\x1b[?25h"  # cursor shown
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"  # mouse
    b"\x1b[?2004l"  # bracketed paste
)
_LEAVE_ALTERNATE = b"\x1b[?1049l"


def size(fd: int) -> tuple[int, int]:
    """Rows and columns; zeros where it is no terminal or does not know."""
    try:
        return termios.tcgetwinsize(fd)
    except (termios.error, OSError):
        return 0, 0


def attributes(fd: int) -> list[Any] | None:
    """The terminal's settings (termios(3)), None where it is none."""
    try:
        return termios.tcgetattr(fd)
    except (termios.error, OSError):
        return None


class RawKeys:
    """Keys come as they are typed, unechoed, Ctrl-C as the byte 3; a context manager.

    Output processing stays as it was: the job's terminal does none. So does flow control:
    Ctrl-S freezes this screen only. The settings are given back at the end, and by a
    small process that waits beside us should we be killed.
    """

    def __init__(self, fd: int, *, alternate: bool = False) -> None:
        """``alternate``: the viewer shows itself on the alternate screen, which is left too."""
        self._fd, self._alternate = fd, alternate
        self._before = termios.tcgetattr(fd)
        self._during = [*self._before[:6], list(self._before[6])]
        iflag, _, cflag, lflag = self._during[:4]
        iflag &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.ISTRIP)
        cflag = (cflag & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        lflag &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        self._during[0], self._during[2], self._during[3] = iflag, cflag, lflag
        self._during[6][termios.VMIN], self._during[6][termios.VTIME] = 1, 0
        self._lifeline = -1

    def __enter__(self) -> "RawKeys":
        self._lifeline = _start_restorer(self._fd, self._before, alternate=self._alternate)
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        with suppress(OSError):
            os.write(self._lifeline, b"q")
        os.close(self._lifeline)

    def enter(self) -> None:
        """Raw, also again after the shell has had the terminal."""
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._during)

    def leave(self) -> None:
        """As it was."""
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)


def _start_restorer(fd: int, before: list[Any], *, alternate: bool) -> int:
    """Fork what restores the terminal when the returned pipe breaks without a word."""
    read, write = os.pipe()
    if pid := os.fork():
        os.waitpid(pid, 0)
        os.close(read)
        return write
    try:
        if os.fork():
            os._exit(0)
        os.close(write)
        for number in (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGTTOU,
            signal.SIGTSTP,
            signal.SIGHUP,
        ):
            signal.signal(number, signal.SIG_IGN)
        # What pipes the caller reads must end with the caller, not with us.
        null = os.open(os.devnull, os.O_RDWR)
        for standard in {0, 1, 2} - {fd}:
            os.dup2(null, standard)
        if os.read(read, 1) != b"q" and _still_raw(fd):
            termios.tcsetattr(fd, termios.TCSANOW, before)
            with suppress(OSError), open(os.ttyname(fd), "wb", buffering=0) as screen:
                leave(screen.fileno(), alternate=alternate)
    finally:
        os._exit(0)


def _still_raw(fd: int) -> bool:
    """Not so where a shell has already taken the terminal for its prompt."""
    with suppress(termios.error, OSError):
        return not termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO)
    return False


def is_terminal(stream: int) -> bool:
    """As isatty(3), False for a closed descriptor."""
    try:
        return os.isatty(stream)
    except OSError:
        return False


def keyboard() -> int | None:
    """Stdin, where it is a terminal that this process may read: not in the background."""
    try:
        mine = is_terminal(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return None
    return 0 if mine else None


def fits_view() -> bool:
    """Whether a view can be shown here, and is wanted: both ends are a terminal that can do more
    than print, and MLTERM_PLAIN is not set."""
    return (
        keyboard() is not None
        and is_terminal(1)
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
        and not os.environ.get("MLTERM_PLAIN")
    )


def leave(fd: int, *, alternate: bool) -> None:
    """Undo what a program may have left on the screen: colours, hidden cursor, mouse."""
    with suppress(OSError):
        os.write(fd, (_LEAVE_ALTERNATE if alternate else b"") + _LEAVE)


def supports_colour(stream: int) -> bool:
    """A terminal that is not dumb, and a person who does not mind (https://no-color.org)."""
    return (
        is_terminal(stream)
        and os.environ.get("TERM", "dumb") != "dumb"
        and not os.environ.get("NO_COLOR")
        and sys.platform != "win32"
    )
