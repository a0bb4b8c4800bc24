"""From the terminal into output.log, so that no death of a process loses a byte.

On Linux the bytes never enter this process: splice(2) moves them from the PTY's master
into a pipe, and from the pipe into the file. The guard holds the pipe too. A keeper that
is killed between the two leaves them in the pipe, where the next one finds them; the
file's position is shared in the same way. Elsewhere it is read(2) and write(2), nothing
between.

Where the file cannot be written (a full disk), what comes is kept in memory, the oldest
given up when that is full; the job is never made to wait.
"""

import errno
import os
from contextlib import suppress

from mlterm.system.board import Board

CHUNK = 64 * 1024
BACKLOG_LIMIT = 4 * 1024 * 1024
_NOT_SPLICEABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


class Spool:
    """Moves bytes from ``source`` (non-blocking) to the file ``log``.

    While the log cannot be written (``failure`` is set) a place in the output is counted as
    if nothing had been lost; ``read`` and ``place`` turn it into bytes and into a place in
    the file.
    """

    def __init__(
        self,
        source: int,
        pipe: tuple[int, int],
        log: int,
        board: Board,
    ) -> None:
        self._source, self._log, self._board = source, log, board
        self._pipe_out, self._pipe_in = pipe
        self._splices = hasattr(os, "splice")
        self._backlog = bytearray()
        self._missing = 0  # lost since the failure began
        self._failed_at = 0  # where the file ended then
        self._written_off = False
        self.failure: OSError | None = None
        self.offset = os.lseek(log, 0, os.SEEK_CUR)

    def recover(self) -> None:
        """Go on where a keeper that was killed has stopped."""
        if self._board.backlog_bytes:  # it died with that keeper's memory
            self._count_lost(self._board.backlog_bytes)
            self._board.backlog_bytes = 0
        self._empty_pipe()

    @property
    def backlog(self) -> bytes:
        """What stands in memory only; not empty only while ``failure`` is set."""
        return bytes(self._backlog)

    def move(self) -> int:
        """Take one chunk; the number of bytes, 0 at the end of the terminal (EOF).

        Raises BlockingIOError where there is nothing now, OSError as of read(2) (EIO is
        the end of a terminal whose last user is gone).
        """
        if not self._splices or self.failure:
            return self._move_through_memory()
        try:
            count = os.splice(self._source, self._pipe_in, CHUNK)
        except OSError as error:
            if error.errno not in _NOT_SPLICEABLE:
                raise
            self._splices = False
            return self._move_through_memory()
        self._empty_pipe()
        return count

    @property
    def end(self) -> int:
        """The end of the output, what was lost and what is not written included."""
        return self.offset + self._missing + len(self._backlog)

    def read(self, place: int, limit: int) -> tuple[bytes, int]:
        """Output from a place on, and the place after it; what is lost is passed over."""
        start = self.offset + self._missing
        if place < start and not self._missing:  # written meanwhile
            data = os.pread(self._log, min(limit, start - place), place)
            if data:
                return data, place + len(data)
        place = max(place, start)
        data = bytes(self._backlog[place - start : place - start + limit])
        return data, place + len(data)

    def place(self, place: int) -> int:
        """Where in the file, now that all is written, the output goes on from a place."""
        return min(max(min(place, self._failed_at), place - self._missing), self.offset)

    def settle(self) -> None:
        """All is written and everybody knows where to go on reading."""
        self._missing = 0

    def retry(self) -> bool:
        """Try to write what is kept in memory; True where all of it is on disk again."""
        if self._written_off:
            return False
        try:
            while self._backlog:
                with memoryview(self._backlog) as view:
                    written = os.write(self._log, view[:CHUNK])
                self.offset += written
                del self._backlog[:written]
        except OSError as error:
            self.failure = error
        else:
            self.failure = None
        self._board.backlog_bytes = len(self._backlog)
        return self.failure is None

    def write_off(self) -> None:
        """The output has ended and cannot be written: what memory holds counts as lost. It is
        still there to be read."""
        if not self._written_off:
            self._written_off = True
            self._count_lost(len(self._backlog))
            self._board.backlog_bytes = 0

    def _empty_pipe(self) -> None:
        with suppress(BlockingIOError):
            while self._splices and not self.failure:
                try:
                    self.offset += os.splice(self._pipe_out, self._log, CHUNK)
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno not in _NOT_SPLICEABLE:
                        self.failure = error
                    else:
                        self._splices = False
                    break
            while data := os.read(self._pipe_out, CHUNK):
                self._write(data)

    def _move_through_memory(self) -> int:
        data = os.read(self._source, CHUNK)
        self._write(data)
        return len(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self.failure:
            try:
                written = os.write(self._log, rest)
            except OSError as error:
                self.failure = error
                break
            self.offset += written
            rest = rest[written:]
        if rest:
            self._keep(bytes(rest))

    def _keep(self, data: bytes) -> None:
        if not self._backlog:
            self._failed_at = self.offset
        self._backlog += data
        surplus = len(self._backlog) - BACKLOG_LIMIT
        if surplus > 0:
            del self._backlog[:surplus]
            self._missing += surplus
            self._count_lost(surplus)
        self._board.backlog_bytes = len(self._backlog)

    def _count_lost(self, count: int) -> None:
        # What is given up is always the oldest, so the gap is where the file ends now.
        self._board.gap_offset = self.offset
        self._board.gap_bytes += count
        self._board.lost_bytes += count
