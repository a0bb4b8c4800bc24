"""Becoming a process that outlives the terminal, and what Linux offers to one that does.

Some imports stand in the functions that need them: the client imports this module before
it starts the job, and only the daemon needs them.
"""

import fcntl
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PIDFD_GET_INFO = 0xC040FF0B  # <linux/pidfd.h>, 64-byte struct pidfd_info
_PIDFD_INFO_EXIT = 1 << 3


def detach(body: Callable[[], object]) -> None:
    """Run ``body`` in a daemon: own session, no terminal. It still holds every descriptor of
    the caller's; ``let_go`` ends that.

    Returns, in the caller, once the daemon is on its own. Must be called before the
    process has threads.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a caller that ignores it hides our children
    if first := os.fork():
        os.waitpid(first, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in (signal.SIGHUP, signal.SIGTTOU, signal.SIGTTIN):
            signal.signal(number, signal.SIG_IGN)
        body()
    finally:
        os._exit(0)


def let_go(keep: Collection[int]) -> None:
    """Close every descriptor except ``keep``; stdin, stdout and stderr become /dev/null."""
    close_all_but({0, 1, 2, *keep})
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    if null > 2:
        os.close(null)


def close_all_but(keep: Collection[int]) -> None:
    """Close every descriptor from 0 on except ``keep``."""
    low = 0
    for fd in sorted(keep):
        if low < fd:  # closerange(0, 0) closes everything (CPython 3.11)
            os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 1 << 20)


def fork_part(body: Callable[[], int], crash_log: Path) -> int:
    """Fork a process that runs ``body`` and exits with its result; the pid.

    What it raises goes to ``crash_log``, since nobody reads its stderr; it exits with 1.
    """
    if pid := os.fork():
        return pid
    return run_part(body, crash_log)


def run_part(body: Callable[[], int], crash_log: Path) -> NoReturn:
    """Run ``body`` and end this process with what it returns, 1 if it raises."""
    code = 1
    try:
        code = body()
    except BaseException:  # noqa: BLE001 - there is nobody above to raise to
        note_crash(crash_log)
    finally:
        os._exit(code)


def note_crash(crash_log: Path) -> None:
    """Write down the exception that is being handled, where a person finds it."""
    import time
    import traceback

    with suppress(OSError), open(crash_log, "a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} pid {os.getpid()}\n")
        traceback.print_exc(file=log)


def become_subreaper() -> bool:
    """Adopt the orphans of the whole tree (prctl(2)); False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def set_title(part: str, run: str) -> None:
    """What ps(1) shows: the part of mlterm and its run, not the command's words."""
    from setproctitle import setproctitle

    setproctitle(f"mlterm {part} {run}")


def has_ended(pidfd: int) -> bool:
    """Whether the process of a pidfd is dead (it may still wait to be reaped)."""
    return bool(select.select([pidfd], [], [], 0)[0])


def exit_status_of(pidfd: int) -> int | None:
    """The wait status of a process that somebody else has reaped; None where unknown yet.

    Linux 6.15 and later keep it for whoever holds the pidfd (PIDFD_GET_INFO, ioctl_pidfd).
    """
    request = struct.pack("<Q56x", _PIDFD_INFO_EXIT)
    try:
        answer = fcntl.ioctl(pidfd, _PIDFD_GET_INFO, request)
    except OSError:
        return None
    mask, status = struct.unpack("<Q52xi", answer)
    return status if mask & _PIDFD_INFO_EXIT else None
