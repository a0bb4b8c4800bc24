"""What a run has printed, and when: output.log read along output.idx.

The index tells which byte was there at which time, so that whoever reads later sees the same
moments as who reads along.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from mlterm.system.paths import RunFiles

CHUNK = 256 * 1024


class Transcript:
    """Reads a part of a run's output once, from ``start`` on, as far as it is there."""

    def __init__(self, files: RunFiles, start: int = 0, end: int | None = None) -> None:
        self.offset = start
        self._end = end
        self._log = os.open(files.output, os.O_RDONLY | os.O_CLOEXEC)
        self._index = _Index(files.index, start)

    def read(self) -> Iterator[tuple[bytes, float | None]]:
        """What is new: bytes, and the time by which they had come, in seconds since the part
        began; None where no index tells. Bytes that the index does not tell of yet wait."""
        for moment, place in self._index.read():
            yield from self._up_to(place, moment)

    def read_rest(self) -> Iterator[tuple[bytes, float | None]]:
        """What is there beyond all that the index tells."""
        yield from self._up_to(os.fstat(self._log).st_size, self._index.last)

    def skip_to(self, place: int) -> None:
        """Go on from a later place."""
        self.offset = max(self.offset, place)

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._log)
        self._index.close()

    def _up_to(self, place: int, moment: float | None) -> Iterator[tuple[bytes, float | None]]:
        if self._end is not None:
            place = min(place, self._end)
        while self.offset < place:
            data = os.pread(self._log, min(CHUNK, place - self.offset), self.offset)
            if not data:
                return
            self.offset += len(data)
            yield data, moment


class _Index:
    """The lines of output.idx that tell of a part, as they come."""

    def __init__(self, path: Path, start: int) -> None:
        self._start = start
        self._rest = b""
        self.last: float | None = None
        try:
            self._fd: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = None

    def read(self) -> Iterator[tuple[float, int]]:
        """New lines: seconds, and the end of the output then."""
        while self._fd is not None and (data := os.read(self._fd, CHUNK)):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                try:
                    entry = orjson.loads(line)
                    moment, place = float(entry["t"]), int(entry["offset"])
                except (ValueError, KeyError, TypeError):
                    continue  # torn by a full disk: the next one tells of its bytes too
                if place > self._start:
                    self.last = moment
                    yield moment, place

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
