"""Appending lines to a run's file from within training: never waiting, never raising.

A line is one write(2) on an O_APPEND descriptor. What cannot be written now (a full disk)
waits in memory, bounded, and is counted where even that is full.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from mlterm.system.runlog import ends_whole

BACKLOG_BYTES = 4 * 1024 * 1024
_PAUSE_SECONDS = 0.2
"""Between two attempts at a disk that is full: each costs the training as much as it waits."""


class Writer:
    """The open run file of one process and of those forked from it."""

    def __init__(self, path: Path, warn: Callable[[str, str], None], *, owns: bool) -> None:
        self.path = path
        self.lost = 0
        """Records that will never be in the file."""
        self._warn = warn
        self._owns = owns
        self._backlog: list[bytes] = []
        self._backlog_bytes = 0
        self._next_attempt = 0.0
        self._lock = threading.RLock()  # of what is not calm; a signal handler may log too
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._is_torn = not ends_whole(self.fd)
        self.is_calm = not self._is_torn
        """Whether the next line may go straight to ``fd``."""

    def write(self, data: bytes) -> None:
        """Append whole lines (their newlines included), or keep them for later."""
        if self.is_calm:
            written = self._try(data)
            if written < len(data):
                self._put_aside(data, written)
            return
        with self._lock:
            self._keep(data.splitlines(keepends=True))
            if time.monotonic() >= self._next_attempt:
                self.retry()

    def was_short(self, data: bytes, written: int) -> None:
        """Only so many bytes of the lines were written; why, the next attempt tells."""
        self._put_aside(data, written)
        self.retry()

    def _put_aside(self, data: bytes, written: int) -> None:
        """Keep what was not written; a torn line is kept whole."""
        lines = data.splitlines(keepends=True)
        # A line that lacks but its newline is done: ``retry`` ends it as it ends torn ones.
        done = data[: written + 1].count(b"\n")
        with self._lock:
            self.is_calm = False
            self._is_torn = data[written - 1 : written] not in (b"", b"\n")
            self._keep(lines[done:])

    def retry(self) -> None:
        """Write what waits. A torn line before it, ours or another writer's, is ended."""
        with self._lock:
            self._next_attempt = time.monotonic() + _PAUSE_SECONDS
            lines, self._backlog, self._backlog_bytes = self._backlog, [], 0
            with suppress(OSError):
                self._is_torn = not ends_whole(self.fd, is_torn=self._is_torn)
                if self._is_torn and self._try(b"\n") < 1:
                    self._keep(lines)
                    return
                self._is_torn = False
            data = b"".join(lines)
            written = self._try(data) if data else 0
            if written < len(data):
                self._put_aside(data, written)
            else:
                self.is_calm = not self._backlog

    def look(self) -> None:
        """Once in a while: whether the file is still there, and ends in whole lines."""
        with suppress(OSError), self._lock:
            if not os.fstat(self.fd).st_nlink:
                self._put_back()
            self._is_torn = self._is_torn or not ends_whole(self.fd)
            if self._backlog or self._is_torn:
                self.retry()

    def retry_within(self, room_bytes: int) -> None:
        """As ``retry``, with no more of what waits than fits in so many bytes."""
        with self._lock:
            sizes = accumulate(map(len, self._backlog))
            fitting = sum(1 for size in sizes if size < room_bytes)
            later = self._backlog[fitting:]
            del self._backlog[fitting:]
            self.retry()
            self._backlog += later
            self.is_calm = not self._backlog

    def give_up(self) -> None:
        """Nothing more will be written: what waits is lost."""
        with self._lock:
            self.lost += len(self._backlog)
            self._backlog = []

    def after_fork_in_child(self) -> None:
        """What waits is the parent's to write."""
        self._lock = threading.RLock()
        self._backlog, self._backlog_bytes, self.lost = [], 0, 0

    def close(self) -> None:
        """Let the file go."""
        with suppress(OSError):
            os.close(self.fd)
        self.fd = -1

    def _try(self, data: bytes) -> int:
        try:
            return os.write(self.fd, data)
        except OSError as error:
            self._warn(
                "write",
                f"{self.path} cannot be written ({error.strerror}); the script goes on, what it "
                f"logs waits in memory (up to {BACKLOG_BYTES >> 20} MiB) and is tried again",
            )
            return 0

    def _keep(self, lines: list[bytes]) -> None:
        for line in lines:
            if self._backlog_bytes + len(line) <= BACKLOG_BYTES:
                self._backlog.append(line)
                self._backlog_bytes += len(line)
                continue
            self.lost += 1
            self._warn(
                "lost",
                f"records are being lost: {self.path} cannot be written and the memory set "
                "aside for them is full; how many is said in the finish record",
            )

    def _put_back(self) -> None:
        """The file was removed under us: our descriptor still has all of it."""
        if not self._owns:
            with suppress(FileNotFoundError):  # its owner may have put it back
                fresh = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                self._replace_descriptor(fresh)
                return
            self._warn("gone", f"{self.path} was removed; what is logged from here on is lost")
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        fresh = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        at = 0
        while data := os.pread(self.fd, 1 << 20, at):
            at += os.write(fresh, data)
        try:
            os.link(scratch, self.path)
        except FileExistsError:  # another writer was quicker
            os.close(fresh)
            fresh = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        finally:
            scratch.unlink()
        self._replace_descriptor(fresh)
        self._warn("gone", f"{self.path} was removed; it has been put back, with all its records")

    def _replace_descriptor(self, fresh: int) -> None:
        os.dup2(fresh, self.fd, inheritable=False)
        os.close(fresh)
