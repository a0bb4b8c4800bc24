"""How long samples are kept at their full rate: older ones are thinned out in their file."""

import math
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

from mlterm.core.records import Record

ONE_IN = 10
"""Of the older samples one of so many stays."""
STEP_SECONDS = 3600.0
"""So much is thinned at once, since the file is written anew for it."""
MOST_MARKS = 100
"""And more of it where samples are kept for long: the marks are written down at each sample."""
_CHUNK = 1024 * 1024


class Retention:
    """Keeps one file of lines within its rule. ``keep_seconds`` may be infinite.

    Marks say where the file stood when; they are good for one inode only, so that nothing is
    thinned twice.
    """

    def __init__(self, path: Path, keep_seconds: float, state: Record | None = None) -> None:
        self._path, self._keep = path, keep_seconds
        self._step = max(min(STEP_SECONDS, max(keep_seconds, 60.0)), keep_seconds / MOST_MARKS)
        self._not_before = -math.inf
        self._marks: list[tuple[float, int]] = []
        self._passed = 0
        if state is not None and state.get("inode") == self._inode():
            self._marks = [(float(t), int(offset)) for t, offset in state["marks"]]
            self._passed = int(state["passed"])

    def as_json(self) -> Record:
        """For whoever goes on with the file."""
        return {"inode": self._inode(), "marks": self._marks, "passed": self._passed}

    def note(self, now: float, size: int) -> None:
        """The file has ``size`` bytes before the sample of ``now`` (monotonic seconds)."""
        if self._keep == math.inf:
            return
        if not self._marks or now - self._marks[-1][0] >= self._step:
            self._marks.append((now, size))

    def is_due(self, now: float) -> bool:
        """Whether samples of a whole step are older than they are kept."""
        if now < self._not_before or len(self._marks) < 2:
            return False
        return now - self._marks[1][0] >= self._keep

    def thin(self, now: float) -> None:
        """Write the file anew, its old samples thinned; a reader finds another inode.

        Raises OSError where it cannot; the file is then as it was, and is not due again before
        another step: each try may fill what is left of the disk.
        """
        old = [mark for mark in self._marks if now - mark[0] >= self._keep]
        begin, end = old[0][1], old[-1][1]
        scratch = self._path.with_suffix(".tmp")
        try:
            with self._path.open("rb") as file, scratch.open("wb") as copy:
                _copy(file, copy, begin)
                self._thin(file, copy, end)
                shift = file.tell() - copy.tell()
                shutil.copyfileobj(file, copy, _CHUNK)
            scratch.replace(self._path)
        except OSError:
            self._not_before = now + self._step
            with suppress(OSError):
                scratch.unlink()
            raise
        kept = self._marks[self._marks.index(old[-1]) :]
        self._marks = [(t, offset - shift) for t, offset in kept]

    def _thin(self, file: IO[bytes], copy: IO[bytes], end: int) -> None:
        while file.tell() < end and (line := file.readline()):
            if self._passed % ONE_IN == 0:
                copy.write(line)
            self._passed += 1

    def _inode(self) -> int | None:
        try:
            return os.stat(self._path).st_ino
        except OSError:
            return None


def _copy(file: IO[bytes], copy: IO[bytes], size: int) -> None:
    while size > 0 and (data := file.read(min(size, _CHUNK))):
        copy.write(data)
        size -= len(data)
