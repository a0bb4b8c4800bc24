"""The run's lock: flock(2) on ``RUN.jsonl.lock``, as the filelock library takes it.

The library itself is not used here, for two reasons that were measured: it costs some
50 ms to import, which every start of a job would wait for; and it closes its descriptor
in a forked child, while this lock must be one that guard and keeper share, so that it is
free exactly when both are gone (flock(2): a lock belongs to the open file description).
The two exclude each other; a test holds them to it.

The ranks of a distributed job without a supervisor share another one: each holds a read
lock of its open file description (fcntl_locking(2)) on ``.ranks``, and the last to leave
ends the run. Such a lock can be asked after without taking one.
"""

import fcntl
import os
import struct
import time
from contextlib import suppress
from pathlib import Path

from mlterm.system.paths import RunFiles

_FLOCK = struct.Struct("@hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid
_PROBE_SECONDS = 0.3
"""How long a taker outlasts readers that look, each for microseconds, whether it is held."""


def take(path: Path) -> int | None:
    """Take the lock; its descriptor, or None where somebody holds it. Raises OSError."""
    deadline = time.monotonic() + _PROBE_SECONDS
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, fd):
                return fd
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(fd)
                return None
            time.sleep(0.01)
        os.close(fd)


def _is_at(path: Path, fd: int) -> bool:
    """Whether a file is still there, and has not been removed with its run since it was opened."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock. A file that is not there is held by nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        return True  # somebody else's: it cannot be asked, and calling it lost would be a guess
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def is_live(files: RunFiles) -> bool:
    """Whether a run's owner, or one of its ranks, lives."""
    return is_held(files.lock) or is_shared(files.ranks)


def share(path: Path) -> int | None:
    """Join those that share ``path``; the descriptor, or None where that cannot be had."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return None
    with suppress(OSError):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_RDLCK, 0, 0, 0, 0))
            return fd
        os.close(fd)
    return None


def is_last(fd: int) -> bool:
    """Leave those that share; whether nobody else does any more.

    First leave, then ask: of two that leave at once exactly one is the last.
    """
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, 0, 0, 0, 0))
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, 0, 0, 0, 0))
    except OSError:
        return False
    return True


def is_shared(path: Path) -> bool:
    """Whether somebody shares ``path``."""
    if not hasattr(fcntl, "F_OFD_GETLK"):
        return False
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, 0, 0, 0, 0)
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked)
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(fd)
