"""The run's lock: flock(2) on ``RUN.jsonl.lock``, as the filelock library takes it.

The library itself is not used here, for two reasons that were measured: it costs some
50 ms to import, which every start of a job would wait for; and it closes its descriptor
in a forked child, while this lock must be one that guard and keeper share, so that it is
free exactly when both are gone (flock(2): a lock belongs to the open file description).
The two exclude each other; a test holds them to it.
"""

import fcntl
import os
import time
from pathlib import Path

_PROBE_SECONDS = 0.3
"""How long a taker outlasts readers that look, each for microseconds, whether it is held."""


def take(path: Path) -> int | None:
    """Take the lock; its descriptor, or None where somebody holds it. Raises OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    deadline = time.monotonic() + _PROBE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(fd)
                return None
            time.sleep(0.01)


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
