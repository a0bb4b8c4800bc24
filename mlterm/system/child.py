"""Starting the command on a PTY of its own, as if nobody stood between it and the shell."""

import errno
import fcntl
import os
import signal
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptyprocess import PtyProcess

from mlterm.core.errors import CommandError
from mlterm.core.plan import DEFAULT_SIZE, ChildSpec

_IUTF8 = 0o40000  # <asm-generic/termbits.h>; Python names it from 3.13 on
_CC = 6


@dataclass(frozen=True)
class Child:
    """A started command. ``pty`` must be kept: dropping it would kill the command."""

    pid: int
    master: int
    tty: str
    pty: PtyProcess
    pidfd: int | None


def spawn(spec: ChildSpec) -> Child:
    """Start the command; return once it runs (its exec(2) has succeeded).

    Raises CommandError (127 or 126) where it cannot be started. ptyprocess forks, opens
    the terminal and brings errors back; the exec itself is done here, since ptyprocess
    would rewrite argv[0] and leave SIGPIPE and SIGXFSZ ignored.
    """
    rows, columns = (given or usual for given, usual in zip(spec.size, DEFAULT_SIZE, strict=True))
    kept = spec.pass_fds if spec.stdin is None else (*spec.pass_fds, spec.stdin)
    try:
        pty = PtyProcess.spawn(
            [sys.executable],
            env={},
            dimensions=(rows, columns),
            pass_fds=kept,
            preexec_fn=lambda: _become(spec),
        )
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(spec.cwd):
            raise CommandError(f"the folder {spec.cwd} is not there any more", 126) from None
        raise CommandError(f"command not found: {spec.argv[0]}", 127) from None
    except (OSError, ValueError) as error:
        words = os.strerror(code) if (code := _errno(error)) else str(error)
        raise CommandError(f"cannot run {spec.argv[0]}: {words}", 126) from None
    os.set_blocking(pty.fd, False)
    os.set_inheritable(pty.fd, False)
    return Child(pty.pid, pty.fd, _slave_name(pty.fd), pty, _pidfd(pty.pid))


def _errno(error: Exception) -> int | None:
    """ptyprocess brings an error's class and words back, its number only for some."""
    if isinstance(error, PermissionError):
        return errno.EACCES
    return error.errno if isinstance(error, OSError) else None


def _become(spec: ChildSpec) -> None:
    """In the forked child: set everything as a login shell's child has it, and exec."""
    _set_terminal(spec.control_characters)
    if spec.stdin is not None:
        os.dup2(spec.stdin, 0)
        if spec.stdin not in spec.pass_fds:
            os.close(spec.stdin)
    os.chdir(spec.cwd)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    argv, environ = list(spec.argv), dict(spec.environ)
    path = _found(argv[0], environ)
    try:
        if path == argv[0]:
            os.execvpe(path, argv, environ)
        os.execve(path, argv, environ)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without a #! line: execvp(3) and every shell give it to sh.
        os.execve("/bin/sh", ["sh", path, *argv[1:]], environ)


def _found(name: str, environ: Mapping[str, str]) -> str:
    if "/" in name:
        return name
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return name


def _set_terminal(control_characters: list[Any] | None) -> None:
    """No output processing, so that the log holds the bytes as written; no flow control, so
    that a Ctrl-S that reaches the terminal never stops the job."""
    attributes = termios.tcgetattr(1)
    attributes[0] &= ~termios.IXON
    if sys.platform.startswith("linux"):
        attributes[0] |= _IUTF8
    attributes[1] &= ~termios.OPOST
    if control_characters is not None:
        attributes[_CC] = control_characters
    termios.tcsetattr(1, termios.TCSANOW, attributes)


def _slave_name(master: int) -> str:
    if sys.platform.startswith("linux"):
        number = fcntl.ioctl(master, 0x80045430, b"\0\0\0\0")  # TIOCGPTN, ioctl_tty(2)
        return f"/dev/pts/{int.from_bytes(number, sys.byteorder)}"
    return ""


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
