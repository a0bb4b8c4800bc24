"""summary.json: what the observer has folded, each of its parts by whoever folds it."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mlterm.core import records, series
from mlterm.core.records import Record
from mlterm.core.series import Series


class SummaryFile:
    """The file, replaced as a whole whenever a part of it changes; threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self) -> Record:
        """What an earlier observer has left; empty where there is nothing whole."""
        with suppress(OSError):
            return records.decode(self._path.read_bytes()) or {}
        return {}

    def put(self, part: str, fields: Record, folded: Mapping[str, Series]) -> None:
        """Replace a part, which stands under its name, or at the top where that is empty. A full
        disk leaves the file as it was."""
        text = series.encode_with(fields, folded)
        with self._lock, suppress(OSError):
            self._parts[part] = b'"%b":%b' % (part.encode(), text) if part else text[1:-1]
            scratch = self._path.with_suffix(".tmp")
            parts = (self._parts[name] for name in sorted(self._parts))  # the top's fields first
            scratch.write_bytes(b"{" + b",".join(filter(None, parts)) + b"}\n")
            scratch.replace(self._path)
