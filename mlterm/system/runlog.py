"""Appending to a run's JSONL: one write(2) a record, on an O_APPEND descriptor."""

import errno
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlterm.core import records

RESERVE_BYTES = 256 * 1024
_LOOK_BACK_BYTES = 512 * 1024
_LOOKS = 20
_LOOKS_SECONDS = 0.1
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class RunLog:
    """The open run file; forks may share it, each of its writes stands whole."""

    def __init__(self, path: Path, reserve: Path | None = None, *, create: bool = True) -> None:
        """Raises OSError: also where there is no such file, unless it is to be created."""
        self.path = path
        self._reserve = reserve
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        self._fd = os.open(path, flags, 0o666)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record. After a short write the next record begins on a new line.

        Raises OSError where it cannot be written whole.
        """
        self.append_all((record,))

    def append_all(self, batch: Iterable[Mapping[str, Any]]) -> None:
        """Write records, all of them in one write; as ``append``."""
        self.append_lines(b"".join(map(records.encode, batch)))

    def append_lines(self, line: bytes) -> None:
        """Write what is encoded already; as ``append``."""
        if not ends_whole(self._fd):  # our own short write, or another writer's
            line = b"\n" + line
        if os.write(self._fd, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def keep_room(self) -> None:
        """Set room aside for the last record, in a file that can be given up for it.

        Raises OSError where there is none.
        """
        if self._reserve is None:
            return
        fd = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, b"\n" * RESERVE_BYTES) < RESERVE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._reserve))
        finally:
            os.close(fd)

    def append_last(self, record: Mapping[str, Any]) -> None:
        """As ``append``, giving up the reserved room where the disk is full."""
        try:
            self.append(record)
        except OSError as error:
            if error.errno not in _FULL or self._reserve is None:
                raise
            self._reserve.unlink(missing_ok=True)
            self.append(record)

    def drop_room(self) -> None:
        """The room is not needed any more."""
        if self._reserve is not None:
            with suppress(OSError):
                self._reserve.unlink(missing_ok=True)

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    def close(self) -> None:
        """Close the descriptor; the file is whole at any time."""
        os.close(self._fd)


def has_finish(fd: int) -> bool:
    """Whether the last part of a supervised run in this file has its finish record."""
    return any("_source" not in record for record in _finishes(fd))


def said_by_trackers(fd: int) -> list[tuple[str, str]]:
    """Status and reason of each finish() that the last part's Trackers were given."""
    return [
        (str(record.get("status")), str(record.get("reason")))
        for record in _finishes(fd)
        if record.get("_source") == "tracker" and "_automatic" not in record
    ]


def _finishes(fd: int) -> Iterator[records.Record]:
    """The finish records of the last part, the last one first; its newest bytes only."""
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _LOOK_BACK_BYTES, max(0, size - _LOOK_BACK_BYTES))
    for line in reversed(tail.split(b"\n")):
        if b'"finish"' not in line and b'"schema"' not in line:
            continue
        record = records.decode(line) or {}
        if record.get("type") == "run" and "schema" in record:
            return
        if record.get("type") == "finish":
            yield record


def ends_whole(fd: int, *, is_torn: bool = False) -> bool:
    """Whether the file is empty or ends with a newline: else a write was cut short.

    A line that another process is just writing across a page's end seems cut for that long:
    so it is looked at again for a while, unless we know that it ``is_torn``.
    """
    for look in range(1 if is_torn else _LOOKS):
        if look:
            time.sleep(_LOOKS_SECONDS / _LOOKS)
        size = os.fstat(fd).st_size
        if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
            return True
    return False
