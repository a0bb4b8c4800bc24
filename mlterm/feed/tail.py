"""A file of lines as it grows: read in blocks of whole lines, each once."""

import os
from pathlib import Path

from mlterm.system.ends import BLOCK

LONGEST = 32 * 1024 * 1024
"""Bytes of a line, at most; a longer one is passed over."""


class Tail:
    """Reads from ``offset`` on. A torn last line waits for its newline; a file that was cut or
    replaced is read from its start."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.offset = offset
        self.size = 0
        """As it was last seen."""
        self._path = path
        self._fd: int | None = None
        self._identity: tuple[int, int] | None = None
        self._torn = -1

    def __del__(self) -> None:
        self.close()

    def look(self) -> bool:
        """See how far the file is; whether it was cut or replaced. Only this asks the system as
        long as there is nothing new."""
        try:
            seen = os.stat(self._path)
            identity = seen.st_dev, seen.st_ino
            is_other = identity != self._identity
            if is_other:
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                self.close()
                self._fd, seen = fd, os.fstat(fd)
        except OSError:
            return False  # it may come, or come back
        was_there = self._identity is not None
        self._identity = seen.st_dev, seen.st_ino
        self.size = seen.st_size
        if (was_there and is_other) or self.size < self.offset:
            self.go_to(0)
            return True
        return False

    def go_to(self, offset: int) -> None:
        """Go on from another line's beginning."""
        self.offset, self._torn = offset, -1

    @property
    def is_behind(self) -> bool:
        """Whether there may be lines that were not read."""
        return self._fd is not None and self.size > max(self.offset, self._torn)

    def read(self) -> bytes:
        """The next whole lines, about a block of them; none where none has ended yet."""
        length = BLOCK
        while self._fd is not None:
            data = os.pread(self._fd, length, self.offset)
            if cut := data.rfind(b"\n") + 1:
                self.offset += cut
                return data[:cut]
            if len(data) < length:
                self._torn = self.offset + len(data)
                break
            if length >= LONGEST:
                self.offset += length
            else:
                length *= 2
        return b""

    def torn(self) -> bytes:
        """What stands behind the last newline."""
        return b"" if self._fd is None else os.pread(self._fd, LONGEST, self.offset)

    def peek(self, offset: int, length: int) -> bytes:
        """What stands in another place."""
        return b"" if self._fd is None else os.pread(self._fd, length, offset)

    def begins_line(self, offset: int) -> bool:
        """Whether a line begins there, or the file ends with one."""
        return offset == 0 or (0 < offset <= self.size and self.peek(offset - 1, 1) == b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
